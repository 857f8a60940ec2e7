// What a trial costs on a service's hot path. Read ratios and differences within one run, not absolute figures.
//
//   bare_*      the model, the hash and the clock alone
//   call_*      operator() of an A/B test around the same model
//   *_cold      after 512 KiB of other work between two calls
//   threads:2   the same with two threads, to see what scales

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/ab_test.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace joust;

struct request {
    std::string user;
    std::uint64_t number = 0;
    double x = 0.0;
};

struct linear {
    double slope;
    double operator()(const request& r) const { return slope * r.x + 1.0; }
};

const std::vector<request>& requests()
{
    static const std::vector<request> all = [] {
        std::vector<request> made;
        for (std::uint64_t i = 0; i < 1'024; ++i) {
            // 16 characters each
            made.push_back({"user-" + std::to_string(10'000'000'000 + mix64(i) % 89'999'999'999),
                            mix64(i) % 1'000'000, 0.5});
        }
        return made;
    }();
    return all;
}

template <class Key, class Timing>
auto trial(Key key, Timing timing)
{
    return ab_test{model{"old", linear{1.0}},
                   model{"new", linear{2.0}},
                   key,
                   hash_split{.salt = "score-2026-11", .shares = {0.9, 0.1}},
                   conversion<"click">{},
                   timing};
}

template <class Timing>
auto& by_text(Timing timing)
{
    static auto made = trial(by(&request::user), timing);
    return made;
}
template <class Timing>
auto& by_number(Timing timing)
{
    static auto made = trial(by(&request::number), timing);
    return made;
}

void bare_model(benchmark::State& state)
{
    const linear f{1.0};
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(f(requests()[i++ & 1023]));
    }
}

void bare_hash_16(benchmark::State& state)
{
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(xxh64(requests()[i++ & 1023].user));
    }
}

void assign_16(benchmark::State& state)
{
    const salted_hasher hash{"score-2026-11"};
    const auto plan = hash_split{.salt = "score-2026-11", .shares = {0.9, 0.1}}.resolve(2);
    const std::tuple<> none;
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            plan.assign(context<std::tuple<>>{hash(requests()[i++ & 1023].user), 0, none}));
    }
}

void two_clock_reads(benchmark::State& state)
{
    const steady_time clock;
    for (auto _ : state) {
        benchmark::DoNotOptimize(clock.now());
        benchmark::DoNotOptimize(clock.now());
    }
}

template <class Trial>
void call(benchmark::State& state, Trial& score)
{
    std::size_t i = 64 * static_cast<std::size_t>(state.thread_index());
    for (auto _ : state) {
        benchmark::DoNotOptimize(score(requests()[i++ & 1023]));
    }
}

void call_untimed(benchmark::State& state)
{
    call(state, by_text(untimed{}));
}
void call_untimed_integer(benchmark::State& state)
{
    call(state, by_number(untimed{}));
}
void call_timed_1_in_16(benchmark::State& state)
{
    call(state, by_text(timed{.every = 16}));
}
void call_timed(benchmark::State& state)
{
    call(state, by_number(timed{}));
}

void feedback_by_ticket(benchmark::State& state)
{
    auto& score = by_text(untimed{});
    std::vector<ticket> tickets;
    std::size_t i = 0;
    for (auto _ : state) {
        if ((i & 1023) == 0) {
            state.PauseTiming();
            tickets.clear();
            for (const request& r : requests()) {
                tickets.push_back(score.serve(r).ticket);
            }
            state.ResumeTiming();
        }
        benchmark::DoNotOptimize(score.template observe<"click">(tickets[i++ & 1023], 1.0));
    }
}

// Walk over 512 KiB between calls, then time the call alone.
template <class Call>
void cold(benchmark::State& state, Call&& one)
{
    static std::array<std::uint64_t, 65'536> other{};
    std::size_t i = 0;
    for (auto _ : state) {
        for (std::size_t k = 0; k < other.size(); k += 8) {
            other[k] += k;
        }
        benchmark::ClobberMemory();
        const auto start = std::chrono::steady_clock::now();
        one(requests()[i++ & 1023]);
        const auto stop = std::chrono::steady_clock::now();
        state.SetIterationTime(std::chrono::duration<double>(stop - start).count());
    }
}

void bare_model_cold(benchmark::State& state)
{
    const linear f{1.0};
    cold(state, [&](const request& r) { benchmark::DoNotOptimize(f(r)); });
}
void call_untimed_cold(benchmark::State& state)
{
    auto& score = by_text(untimed{});
    cold(state, [&](const request& r) { benchmark::DoNotOptimize(score(r)); });
}
void call_timed_cold(benchmark::State& state)
{
    auto& score = by_number(timed{});
    cold(state, [&](const request& r) { benchmark::DoNotOptimize(score(r)); });
}

}  // namespace

BENCHMARK(bare_model);
BENCHMARK(bare_hash_16);
BENCHMARK(assign_16);
BENCHMARK(two_clock_reads);
BENCHMARK(call_untimed);
BENCHMARK(call_untimed_integer);
BENCHMARK(call_timed_1_in_16);
BENCHMARK(call_timed);
BENCHMARK(feedback_by_ticket);
BENCHMARK(bare_model_cold)->UseManualTime()->Iterations(20'000);
BENCHMARK(call_untimed_cold)->UseManualTime()->Iterations(20'000);
BENCHMARK(call_timed_cold)->UseManualTime()->Iterations(20'000);
BENCHMARK(call_untimed)->Threads(2)->UseRealTime();
BENCHMARK(two_clock_reads)->Threads(2)->UseRealTime();
BENCHMARK(call_timed)->Threads(2)->UseRealTime();

BENCHMARK_MAIN();
