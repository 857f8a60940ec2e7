// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/live_evidence.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace joust_test::latency_guardrails {

/// How the latency of the champion is distributed, before the load changes it.
enum class shape : std::uint8_t { lognormal, two_humps, ticks, slow_users };

/// How the load changes it.
enum class load : std::uint8_t {
    even,
    champion_slow_at_first,
    both_fast_at_first,
    champion_steps,
    rises,
    day_and_night,
    both_step
};

/// How the challenger differs from the champion. `shift`, `tail` and `constant` have the quantile that the margin allows; `late` is
/// slower by a multiple of the margin.
enum class difference : std::uint8_t { none, shift, tail, constant, late };

struct world {
    shape of = shape::lognormal;
    load under = load::even;
};

inline constexpr int calls = 150'000;
inline constexpr double share = 0.2;
inline constexpr std::uint64_t users = 50'000;

/// Draw a latency of the champion in milliseconds.
inline double draw(shape of, std::uint64_t user, joust::keyed_random& random)
{
    const double spread = random.normal();
    switch (of) {
        case shape::two_humps:
            return random.chance(0.05) ? 60.0 * std::exp(0.1 * spread) : 10.0 * std::exp(0.5 * spread);
        case shape::ticks: return 0.01 * std::round(2.5 * std::exp(0.3 * spread));
        case shape::slow_users:
            return (static_cast<double>(joust::mix64(user + 99) >> 11U) * 0x1p-53 < 0.015 ? 40.0 : 10.0) *
                   std::exp(0.5 * spread);
        default: return 10.0 * std::exp(0.5 * spread);
    }
}

/// Return the factors of the champion's and the challenger's latencies at a call.
inline std::pair<double, double> factors(load under, int call)
{
    const double passed = static_cast<double>(call) / calls;
    const int part = call / 30'000;
    switch (under) {
        case load::champion_slow_at_first: return {call < 1'000 ? 1.5 : 1.0, 1.0};
        case load::both_fast_at_first: return call < 1'250 ? std::pair{0.5, 0.5} : std::pair{1.0, 1.0};
        case load::champion_steps:
            return {std::array{1.0, 1.5, 2.0}[static_cast<std::size_t>(part % 3)], 1.0};
        case load::rises: return {std::pow(3.0, passed), std::pow(3.0, passed)};
        case load::day_and_night: {
            const double now = std::pow(3.0, 0.5 - 0.5 * std::cos(2.0 * 3.14159265358979 * call / 30'000.0));
            return {now, now};
        }
        case load::both_step: {
            const double now = std::array{1.0, 1.5, 0.7}[static_cast<std::size_t>(part % 3)];
            return {now, now};
        }
        default: return {1.0, 1.0};
    }
}

/// Return the champion's quantile under even load, from a million draws.
inline double quantile_of(shape of, double q)
{
    static std::map<std::pair<shape, double>, double> known;
    auto [at, fresh] = known.try_emplace({of, q}, 0.0);
    if (fresh) {
        joust::keyed_random random{99, static_cast<std::uint64_t>(of)};
        std::vector<double> all(1'000'000);
        for (double& each : all) {
            each = draw(of, random.below(users), random);
        }
        const auto rank = static_cast<std::ptrdiff_t>(q * 1e6);
        std::nth_element(all.begin(), all.begin() + rank, all.end());
        at->second = all[static_cast<std::size_t>(rank)];
    }
    return at->second;
}

/// Return the call at which the guardrail broke, or 0 where it never did.
inline int broken_at(const world& now, difference how, double margins, double q, std::uint64_t run)
{
    using namespace joust::detail;
    const double quantile = quantile_of(now.of, q);
    const double margin = now.of == shape::ticks ? 0.005 : 0.25 * quantile;
    joust::evidence names;
    names.models = {"old", "new"};
    names.series = {"exposures", "failures", "latency"};
    live_evidence live{
        std::move(names),
        {event_watch{
            .on_latency = true, .series = 2, .q = q, .latency_increase = 1e6 * margin, .warm_up = 500}}};
    live.spend(0, 0.05);
    const std::array<pair_share, 1> shares{pair_share::with(share)};
    slab& own = live.of_this_thread();
    joust::keyed_random random{20'261'201, run};
    const double alarm = std::log(20.0);
    const bool sticky = now.of == shape::slow_users;
    for (int i = 0; i < calls; ++i) {
        const std::uint64_t user = random.below(users);
        const double position =
            sticky ? static_cast<double>(joust::mix64(user ^ joust::mix64(run)) >> 11U) * 0x1p-53
                   : random.uniform();
        const bool challenger = position < share;
        double spent = draw(now.of, user, random);
        const auto [old_factor, new_factor] = factors(now.under, i);
        if (challenger) {
            spent = how == difference::constant                   ? quantile
                    : how == difference::tail && spent > quantile ? quantile + 4.0 * (spent - quantile)
                                                                  : spent;
            // The margin is a fixed time. So that the challenger keeps it at every moment, the load does not change it.
            spent = spent * new_factor + (how == difference::none ? 0.0 : margins * margin);
        } else {
            spent *= old_factor;
        }
        const auto nanoseconds = static_cast<std::int64_t>(1e6 * spent);
        const unsigned arm = challenger ? 1 : 0;
        if (live.time(own, arm, nanoseconds)) {
            live.late(own, arm, shares, joust::mix64(user), nanoseconds, static_cast<std::uint64_t>(i));
        }
        if (i % 64 == 63 && live.passed(64) && live.highest_log_e(0, 0) >= alarm) {
            return i + 1;
        }
    }
    return 0;
}

struct outcome {
    int runs = 0;
    int broken = 0;
    /// The median over all runs, or 0 where fewer than half of them broke the guardrail.
    int median = 0;
};

inline outcome simulate(const world& now, difference how, double margins, double q, int runs)
{
    std::vector<int> at;
    outcome out{.runs = runs};
    for (int run = 0; run < runs; ++run) {
        const int call = broken_at(now, how, margins, q, static_cast<std::uint64_t>(run));
        out.broken += call > 0 ? 1 : 0;
        at.push_back(call > 0 ? call : calls + 1);
    }
    std::sort(at.begin(), at.end());
    const int middle = at[at.size() / 2];
    out.median = middle <= calls ? middle : 0;
    return out;
}

}  // namespace joust_test::latency_guardrails
