// SPDX-License-Identifier: Apache-2.0

// Measures what durable costs: a call with it and without it, a round of a process, and the bytes of a row.

#include <joust/store/directory.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/durable.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace joust;
using namespace std::chrono_literals;

auto make_test()
{
    return ab_test{model{"old", [](std::uint64_t unit) { return unit; }},
                   model{"new", [](std::uint64_t unit) { return unit + 1; }},
                   by([](std::uint64_t unit) { return unit; }),
                   hash_split{.salt = "durable-benchmark"},
                   conversion<"click">{},
                   untimed{}};
}
using test_t = decltype(make_test());

/// Rows in memory, so that the store itself costs next to nothing.
class fast_store {
public:
    bool put_if_newer(std::string_view key, std::uint64_t sequence, std::string_view bytes)
    {
        auto& row = (*rows_)[std::string{key}];
        if (row.first >= sequence) {
            return false;
        }
        row = {sequence, std::string{bytes}};
        return true;
    }
    bool compare_and_set(std::string_view key, std::uint64_t version, std::string_view bytes)
    {
        auto& row = (*rows_)[std::string{key}];
        if (row.first != version) {
            return false;
        }
        row = {version + 1, std::string{bytes}};
        return true;
    }
    std::vector<stored_row> scan(std::string_view prefix)
    {
        std::vector<stored_row> found;
        for (const auto& [key, row] : *rows_) {
            if (key.starts_with(prefix)) {
                found.push_back({key, row.first, row.second});
            }
        }
        return found;
    }

private:
    std::shared_ptr<std::map<std::string, std::pair<std::uint64_t, std::string>>> rows_ =
        std::make_shared<std::map<std::string, std::pair<std::uint64_t, std::string>>>();
};

void serve_many(benchmark::State& state, test_t& trial)
{
    std::uint64_t unit = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(trial(++unit));
    }
}

void call_alone(benchmark::State& state)
{
    test_t trial = make_test();
    serve_many(state, trial);
}
BENCHMARK(call_alone);

void call_durable(benchmark::State& state)
{
    test_t trial = make_test();
    const durable live{trial, fast_store{}, {.every = 1s}};
    serve_many(state, trial);
}
BENCHMARK(call_durable);

/// A round of one of many replicas, all of which have written anew.
void judge_rows(benchmark::State& state)
{
    struct replica {
        test_t trial = make_test();
        durable<test_t, fast_store> live;
        explicit replica(const fast_store& store, int number)
            : live(trial, store, {.every = 0ms, .replica = std::to_string(number), .judges = number == 0})
        {
        }
    };
    const fast_store store;
    std::list<replica> replicas;
    for (int i = 0; i < state.range(0); ++i) {
        replica& next = replicas.emplace_back(store, i);
        for (std::uint64_t unit = 0; unit < 20'000; ++unit) {
            benchmark::DoNotOptimize(next.trial(unit));
        }
        next.live.poll();
    }
    for (auto _ : state) {
        state.PauseTiming();
        for (replica& each : replicas) {
            each.live.poll();
        }
        state.ResumeTiming();
        replicas.front().live.poll();
    }
}
BENCHMARK(judge_rows)->Arg(1)->Arg(8)->Arg(40)->Unit(benchmark::kMillisecond);

/// A write to a folder, which waits for the disk.
void write_to_folder(benchmark::State& state)
{
    test_t trial = make_test();
    for (std::uint64_t unit = 0; unit < 20'000; ++unit) {
        benchmark::DoNotOptimize(trial(unit));
    }
    const std::string bytes = to_snapshot(trial.evidence());
    directory store{"durable_benchmark"};
    const std::vector<stored_row> rows = store.scan("k");
    std::uint64_t sequence = rows.empty() ? 0 : rows.front().sequence;
    for (auto _ : state) {
        store.put_if_newer("k", ++sequence, bytes);
    }
    state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(write_to_folder)->Unit(benchmark::kMillisecond);

}  // namespace
