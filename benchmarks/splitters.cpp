// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/assigned_by.hpp>
#include <joust/split/bandit.hpp>
#include <joust/split/cascade.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/holdout.hpp>
#include <joust/split/layer.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/rendezvous.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/switchback.hpp>
#include <joust/split/thompson.hpp>
#include <joust/split/when.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

// Compares each splitter with the bare hash of the same salt and unit, for integers and for texts of 16 and 36 bytes. The plan is
// read through an atomic pointer, as trials do. In one run, assign_* may take 3 times as long as bare_*, and 10 ns more.
namespace {

using namespace joust;

constexpr std::size_t units = 1024;

std::vector<std::string> text_units(std::size_t length)
{
    keyed_random random{7};
    std::vector<std::string> keys(units);
    for (std::string& key : keys) {
        while (key.size() < length) {
            key += static_cast<char>('a' + random.below(26));
        }
    }
    return keys;
}

std::vector<std::uint64_t> integer_units()
{
    keyed_random random{8};
    std::vector<std::uint64_t> keys(units);
    for (std::uint64_t& key : keys) {
        key = random.below(100'000'000);
    }
    return keys;
}

struct request {
    bool eligible = true;
    int variant = 1;
};

constexpr std::string_view salt_text = "score-2026-11";

template <class Visit>
void with_units(std::int64_t kind, Visit visit)
{
    if (kind == 0) {
        visit(integer_units());
    } else {
        visit(text_units(static_cast<std::size_t>(kind)));
    }
}

void bare(benchmark::State& state)
{
    with_units(state.range(0), [&](const auto& keys) {
        const salted_hasher hasher{salt_text};
        std::size_t i = 0;
        for (auto _ : state) {
            benchmark::DoNotOptimize(hasher(keys[i++ % units]));
        }
    });
}
BENCHMARK(bare)->Arg(0)->Arg(16)->Arg(36);

void bare_keyed(benchmark::State& state)
{
    with_units(state.range(0), [&](const auto& keys) {
        const salted_hasher hasher{salt_text, sip_key{1, 2}};
        std::size_t i = 0;
        for (auto _ : state) {
            benchmark::DoNotOptimize(hasher(keys[i++ % units]));
        }
    });
}
BENCHMARK(bare_keyed)->Arg(0)->Arg(16)->Arg(36);

template <class Splitter>
void assign(benchmark::State& state, Splitter splitter, std::size_t arms)
{
    with_units(state.range(0), [&](const auto& keys) {
        const salted_hasher hasher{salt_text};
        using unit_t = typename std::remove_cvref_t<decltype(keys)>::value_type;
        using args_t = std::tuple<const request&>;
        const auto plan = splitter.resolve(arms);
        std::atomic<const std::remove_cvref_t<decltype(plan)>*> current{&plan};
        const request asked;
        const args_t args{asked};
        std::size_t i = 0;
        std::int64_t now = 1'764'000'000'000'000'000;
        for (auto _ : state) {
            const unit_t& unit = keys[i++ % units];
            const keyed_context<args_t, unit_t> call{{hasher(unit), now, args}, unit};
            const assignment given = current.load(std::memory_order_acquire)->assign(call);
            benchmark::DoNotOptimize(given.arm);
            benchmark::DoNotOptimize(given.propensity);
            benchmark::DoNotOptimize(given.enrolled);
            now += 1'000'000;
        }
    });
}

hash_split two()
{
    return {.salt = salt_text, .shares = {0.9, 0.1}};
}
slot_split changed()
{
    return slot_split{.salt = salt_text, .shares = {0.9, 0.1, 0.0, 0.0, 0.0}}
        .with_shares({0.2, 0.3, 0.3, 0.1, 0.1})
        .with_shares({0.4, 0.1, 0.1, 0.3, 0.1});
}

#define SPLITTER(name, ...) BENCHMARK_CAPTURE(assign, name, __VA_ARGS__)->Arg(0)->Arg(16)->Arg(36)
SPLITTER(hash_split_2, two(), 2);
SPLITTER(hash_split_5, hash_split{.salt = salt_text}, 5);
SPLITTER(slot_split_2, slot_split{.salt = salt_text, .shares = {0.9, 0.1}}, 2);
SPLITTER(slot_split_5, changed(), 5);
SPLITTER(bandit_5, ucb1{.salt = salt_text}, 5);
SPLITTER(rendezvous_2, rendezvous{.salt = salt_text, .shares = {0.9, 0.1}}, 2);
SPLITTER(rendezvous_5, rendezvous{.salt = salt_text}, 5);
SPLITTER(
    overrides_1000,
    [] {
        std::vector<forced_unit> forced;
        for (int i = 0; i < 1'000; ++i) {
            forced.push_back({"tester-" + std::to_string(i), 1});
        }
        return overrides(forced, two());
    }(),
    2);
SPLITTER(when, when(&request::eligible, two()), 2);
SPLITTER(layer, layer({.salt = "page", .from = 0.0, .to = 0.5}, two()), 2);
SPLITTER(holdout, holdout({.salt = "2026-q4", .share = 0.05}, two()), 2);
SPLITTER(switchback, switchback{.salt = salt_text, .block = 1'800, .gap = 300}, 2);
SPLITTER(switchback_balanced, switchback{.salt = salt_text, .order = block_order::balanced}, 2);
SPLITTER(assigned_by, assigned_by(&request::variant, {0.5, 0.5}), 2);
#undef SPLITTER

void diff_plans(benchmark::State& state)
{
    const slot_split split = changed();
    const slot_plan before = split.resolve(5);
    const slot_plan after = split.with_shares({0.2, 0.2, 0.2, 0.2, 0.2}).resolve(5);
    for (auto _ : state) {
        benchmark::DoNotOptimize(diff(before, after).moved);
    }
}
BENCHMARK(diff_plans);

void change_shares(benchmark::State& state)
{
    const slot_plan before = changed().resolve(5);
    for (auto _ : state) {
        benchmark::DoNotOptimize(before.with_shares({0.2, 0.2, 0.2, 0.2, 0.2}).slots().size());
    }
}
BENCHMARK(change_shares);

void replan_thompson(benchmark::State& state)
{
    const auto arms = static_cast<std::size_t>(state.range(0));
    const thompson bandit{.salt = salt_text};
    const bandit_plan before = bandit.resolve(arms);
    reward_totals seen;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        const double k = 100.0 + 3.0 * static_cast<double>(arm);
        seen.arms[arm] = {.count = 1'000.0, .sum = k, .squares = k};
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(bandit.replan(seen, before).share(0));
    }
}
BENCHMARK(replan_thompson)->Arg(2)->Arg(8);

void cascade_call(benchmark::State& state)
{
    auto both = cascade([](double x) { return x; }, [](double x) { return x; }, [](double x) { return x; },
                        {.threshold = 0.5, .budget = static_cast<double>(state.range(0)) / 100.0});
    double x = 0.0;
    for (auto _ : state) {
        x = x > 0.9 ? 0.0 : x + 0.1;
        benchmark::DoNotOptimize(both(x));
    }
}
BENCHMARK(cascade_call)->Arg(100)->Arg(10);

}  // namespace

BENCHMARK_MAIN();
