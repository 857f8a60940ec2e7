// SPDX-License-Identifier: Apache-2.0

// How often does the first-failure test accuse a challenger that fails as often as the champion, while a rollout ramps from
// 1 % to 50 %, the failure rate drifts, and the same units fail again and again?
//
// The evidence is read after every failure. The program prints the share of runs in which it ever reaches 20 (alpha 5 %), if every
// failure counts, and if the first failure of each of 16,384 slots of units counts, as in trials. It fails if the latter share is
// above what 5 % allows (99.9 % limit of that many runs). JOUST_CALIBRATE=full runs twenty times as many.

#include <joust/core/random.hpp>
#include <joust/evidence/first_events.hpp>
#include <joust/stats/sequential/first_failure.hpp>

#include "calibration/limit.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

using namespace joust;

constexpr double alpha = 0.05;
constexpr double shares[] = {0.01, 0.05, 0.25, 0.5};

struct scenario {
    const char* name;
    /// that ever come
    int units;
    /// of these: units that fail, under either model
    int broken;
    /// a broken unit's failure rate in the middle of the rollout
    double rate;
    int requests;
};

// Failures per broken unit over the rollout: requests / units * rate.
constexpr scenario scenarios[] = {
    {"every unit fails alike, rate 1 %", 20'000, 20'000, 0.01, 40'000},
    {"every unit fails alike, rate 0.1 %", 20'000, 20'000, 0.001, 40'000},
    {"100 units of 2,000 fail twice", 2'000, 100, 0.1, 40'000},
    {"30 units of 1,000 fail twenty times", 1'000, 30, 0.5, 40'000},
};

struct accusation {
    bool every = false;
    bool first = false;
};

accusation run(const scenario& s, std::uint64_t stream)
{
    keyed_random random{20'261'125, stream};
    struct unit_state {
        double position;
        std::uint64_t pseudonym;
    };
    std::vector<unit_state> units(static_cast<std::size_t>(s.units));
    for (auto& u : units) {
        u = {random.uniform(), random.next()};
    }
    stats::first_failure every;
    detail::first_event_log first;
    first.allow(1.0);
    const double target = -std::log(alpha);
    accusation out;
    for (int i = 0; i < s.requests; ++i) {
        const double progress = static_cast<double>(i) / s.requests;
        const double share = shares[static_cast<std::size_t>(4.0 * progress)];
        const auto which = static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(s.units)));
        const double rate = s.rate * (0.5 + progress);
        if (which >= static_cast<std::size_t>(s.broken) || !random.chance(rate)) {
            continue;
        }
        const bool challenger = units[which].position < share;
        every.add(challenger, share);
        out.every = out.every || every.log_e() >= target;
        first.record(units[which].pseudonym, challenger, share, static_cast<std::uint64_t>(i));
        out.first = out.first || first.highest_log_e() >= target;
    }
    return out;
}

}  // namespace

int main()
{
    const bool full = joust_test::full_calibration();
    const int runs = full ? 20'000 : 1'000;
    const int allowed = joust_test::limit_of(runs, alpha);
    std::printf(
        "Accusations of an equal challenger in %%, ramp 1/5/25/50 %%, evidence 20\n%-38s %5s %14s %16s %8s\n",
        "failures", "runs", "every failure", "first per slot", "allowed");
    int failures = 0;
    std::uint64_t stream = 0;
    for (const scenario& s : scenarios) {
        int every = 0, first = 0;
        for (int r = 0; r < runs; ++r) {
            const accusation out = run(s, ++stream);
            every += out.every ? 1 : 0;
            first += out.first ? 1 : 0;
        }
        const auto percent = [&](int k) { return 100.0 * k / runs; };
        std::printf("%-38s %5d %14.1f %16.1f %8.1f\n", s.name, runs, percent(every), percent(first),
                    percent(allowed));
        std::fflush(stdout);
        failures += first > allowed ? 1 : 0;
    }
    if (failures > 0) {
        std::printf("%d kinds of failure are blamed on the challenger more often than promised\n", failures);
        return 1;
    }
    return 0;
}
