// SPDX-License-Identifier: Apache-2.0

// How often does a guardrail stop a challenger that is exactly at its limit, and how soon does it stop one beyond it?
//
// Limits of the challenger's own level, two-sided margins and weights, watched by a canary at each look until 20,000 requests.
// At the limit at most 5 % of the runs may be stopped. JOUST_CALIBRATE=full runs more of them.

#include <joust/core/random.hpp>
#include <joust/metric/mean.hpp>
#include <joust/metric/quantile.hpp>
#include <joust/trial/canary.hpp>

#include "calibration/limit.hpp"
#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

using namespace joust;

namespace {

constexpr int requests = 20'000;

/// How alike the requests of a unit are.
enum class units { once, alike, frail, wholly };

struct world {
    units kind = units::once;
    /// The rate of events on average over units.
    double rate = 0.02;
    bool ramps = false;
};

std::uint64_t unit_of(const world& w, keyed_random& random)
{
    return random.below(w.kind == units::once ? 1'000'000'000 : w.kind == units::wholly ? 2'000 : 5'000);
}

double own_number(std::uint64_t unit)
{
    return static_cast<double>(mix64(unit ^ 0x9E37'79B9'7F4A'7C15U) >> 11) * 0x1p-53;
}

/// The rate of events of a unit: 5 % of the frail units make most of the events, and in the last world a unit has events only.
double rate_of(const world& w, std::uint64_t unit)
{
    if (w.kind == units::frail) {
        const double common = w.rate / 1.45;
        return own_number(unit) < 0.05 ? std::fmin(10.0 * common, 1.0) : common;
    }
    if (w.kind == units::wholly) {
        return own_number(unit) < w.rate ? 1.0 : 0.0;
    }
    return w.rate;
}

struct outcome {
    bool stopped = false;
    int requests = 0;
};

constexpr auto champion = [](std::uint64_t) { return 0; };
constexpr auto challenger = [](std::uint64_t) { return 1; };

ramp ramp_of(const world& w)
{
    ramp made{.shares = {0.2}, .hold_above = std::numeric_limits<double>::infinity(), .check_every = 100};
    if (w.ramps) {
        made.shares = {0.02, 0.1, 0.5};
        made.requests = 400;
        made.promote = promotion::on_no_harm;
    }
    return made;
}

template <class Serve, class... Policies>
outcome watch(const world& w, std::uint64_t run, Serve serve, Policies... policies)
{
    canary trial{model{"old", champion},
                 model{"new", challenger},
                 by([](std::uint64_t user) { return user; }),
                 hash_split{.salt = "level-" + std::to_string(run)},
                 ramp_of(w),
                 policies...};
    keyed_random random{20'261'201, run};
    for (int i = 0; i < requests; ++i) {
        const std::uint64_t unit = unit_of(w, random);
        serve(trial, trial.choose(unit), unit, random);
        if (trial.rolled_back()) {
            return {true, i + 1};
        }
    }
    trial.step();
    return {trial.rolled_back(), requests};
}

using milliseconds = std::chrono::duration<double, std::milli>;

/// Serve calls that fail at the unit's rate, in both models.
outcome failing(const world& w, std::uint64_t run, double limit)
{
    return watch(
        w, run,
        [&](auto& trial, const auto& ticket, std::uint64_t unit, keyed_random& random) {
            trial.complete(ticket, milliseconds{1.0}, !random.chance(rate_of(w, unit)));
        },
        guardrail(failures{}, {.at_most = limit}));
}

outcome converting(const world& w, std::uint64_t run, double limit)
{
    return watch(
        w, run,
        [&](auto& trial, const auto& ticket, std::uint64_t unit, keyed_random& random) {
            trial.complete(ticket, milliseconds{1.0}, true);
            trial.template observe<"click">(ticket, random.chance(rate_of(w, unit)));
        },
        guardrail(failures{}, {.max_ratio = 1.0, .weight = 1e-9}),
        guardrail(conversion<"click">{.per = per::observed}, {.at_least = limit}));
}

outcome earning(const world& w, std::uint64_t run, double limit, bool at_most)
{
    return watch(
        w, run,
        [&](auto& trial, const auto& ticket, std::uint64_t unit, keyed_random& random) {
            trial.complete(ticket, milliseconds{1.0}, true);
            const double usual = w.kind == units::once ? 1.0 : own_number(unit) * 2.0;
            trial.template observe<"revenue">(ticket, usual * random.exponential());
        },
        guardrail(failures{}, {.max_ratio = 1.0, .weight = 1e-9}),
        guardrail(mean<"revenue">{}, at_most ? margin{.at_most = limit} : margin{.at_least = limit}));
}

/// Lognormal times, which vary between units as much as within them where units return.
double time_of(const world& w, std::uint64_t unit, keyed_random& random)
{
    keyed_random own{unit};
    const double between = own.normal();
    const double within = random.normal();
    return 20.0 * std::exp(w.kind == units::once ? 0.5 * within : 0.3536 * (between + within));
}

/// The 90 % quantile of these times.
const double ninety = 20.0 * std::exp(0.5 * 1.2815515655446004);

outcome waiting(const world& w, std::uint64_t run, double limit)
{
    return watch(
        w, run,
        [&](auto& trial, const auto& ticket, std::uint64_t unit, keyed_random& random) {
            trial.complete(ticket, milliseconds{time_of(w, unit, random)}, true);
        },
        guardrail(failures{}, {.max_ratio = 1.0, .weight = 1e-9}),
        guardrail(latency{.q = 0.9}, {.at_most = limit}));
}

outcome scoring(const world& w, std::uint64_t run, double limit)
{
    return watch(
        w, run,
        [&](auto& trial, const auto& ticket, std::uint64_t unit, keyed_random& random) {
            trial.complete(ticket, milliseconds{1.0}, true);
            trial.template observe<"score">(ticket, time_of(w, unit, random));
        },
        guardrail(failures{}, {.max_ratio = 1.0, .weight = 1e-9}),
        guardrail(quantile<"score">{.q = 0.9}, {.at_most = limit}));
}

/// A score whose mean differs by `shift` between the models, in a margin on both sides.
outcome drifting(const world& w, std::uint64_t run, double shift, margin allowed)
{
    return watch(
        w, run,
        [&](auto& trial, const auto& ticket, std::uint64_t unit, keyed_random& random) {
            trial.complete(ticket, milliseconds{1.0}, true);
            const double usual = w.kind == units::once ? 0.5 : 0.3 + 0.4 * own_number(unit);
            trial.template observe<"score">(ticket, usual + 0.1 * random.normal() +
                                                        (trial.arm_of(ticket) == 1 ? shift : 0.0));
        },
        guardrail(failures{}, {.max_ratio = 1.0, .weight = 1e-9}), guardrail(mean<"score">{}, allowed));
}

int runs()
{
    return joust_test::full_calibration() ? 1'000 : 4;
}

template <class Simulate>
void expect_kept(const char* what, Simulate simulate)
{
    int stopped = 0;
    for (int run = 0; run < runs(); ++run) {
        stopped += simulate(static_cast<std::uint64_t>(run)).stopped ? 1 : 0;
    }
    WARN("at the limit: " << what << ": stopped " << stopped << " of " << runs());
    CHECK(stopped <= joust_test::limit_of(runs(), 0.05));
}

template <class Simulate>
void expect_found(const char* what, Simulate simulate)
{
    std::vector<int> delays;
    for (int run = 0; run < std::min(runs(), 101); ++run) {
        const outcome seen = simulate(static_cast<std::uint64_t>(run));
        delays.push_back(seen.stopped ? seen.requests : 2 * requests);
    }
    std::nth_element(delays.begin(), delays.begin() + static_cast<std::ptrdiff_t>(delays.size() / 2),
                     delays.end());
    WARN("beyond it: " << what << ": median of " << delays[delays.size() / 2] << " requests");
    CHECK(delays[delays.size() / 2] <= requests);
}

}  // namespace

TEST_CASE("A limit of the failures' own level stops at most 5 % of the challengers that are exactly at it",
          "[calibration]")
{
    for (const double rate : {0.001, 0.02, 0.3}) {
        for (const units kind : {units::once, units::alike, units::frail, units::wholly}) {
            for (const bool ramps : {false, true}) {
                world w{kind, rate, ramps};
                // Units that fail wholly are a sample, whose rate is not that of the world.
                double limit = rate;
                if (kind == units::wholly) {
                    double failing_units = 0.0;
                    for (std::uint64_t unit = 0; unit < 2'000; ++unit) {
                        failing_units += rate_of(w, unit);
                    }
                    limit = failing_units / 2'000.0;
                }
                if (kind == units::frail) {
                    limit = 0.0;
                    for (std::uint64_t unit = 0; unit < 5'000; ++unit) {
                        limit += rate_of(w, unit) / 5'000.0;
                    }
                }
                const std::string what = "failures " + std::to_string(rate) + ", units " +
                                         std::to_string(static_cast<int>(kind)) + (ramps ? ", ramp" : "");
                expect_kept(what.c_str(), [&](std::uint64_t run) { return failing(w, run, limit); });
            }
        }
    }
}

TEST_CASE("Limits of other levels stop at most 5 % of the challengers that are exactly at them",
          "[calibration]")
{
    for (const units kind : {units::once, units::alike}) {
        const std::string of = kind == units::once ? ", units once" : ", units return";
        double mean_level = 0.0;
        for (std::uint64_t unit = 0; unit < 5'000; ++unit) {
            mean_level += kind == units::once ? 1.0 / 5'000.0 : own_number(unit) * 2.0 / 5'000.0;
        }
        for (const double rate : {0.02, 0.3}) {
            const world w{kind, rate, false};
            expect_kept(("clicks at least " + std::to_string(rate) + of).c_str(),
                        [&](std::uint64_t run) { return converting(w, run, rate); });
        }
        for (const bool at_most : {true, false}) {
            expect_kept(((at_most ? "revenue at most" : "revenue at least") + of).c_str(),
                        [&](std::uint64_t run) { return earning({kind}, run, mean_level, at_most); });
        }
        expect_kept(("latency" + of).c_str(),
                    [&](std::uint64_t run) { return waiting({kind}, run, 1.01 * ninety); });
        expect_kept(("quantile" + of).c_str(),
                    [&](std::uint64_t run) { return scoring({kind}, run, 1.01 * ninety); });
    }
}

TEST_CASE(
    "Both sides of a margin together stop at most 5 % of the challengers that are exactly at one of them",
    "[calibration]")
{
    for (const units kind : {units::once, units::alike}) {
        const std::string of = kind == units::once ? ", units once" : ", units return";
        for (const double shift : {0.01, -0.01}) {
            expect_kept(("two sides" + of).c_str(), [&](std::uint64_t run) {
                return drifting({kind}, run, shift, {.max_increase = 0.01, .max_decrease = 0.01});
            });
        }
        expect_kept(("no change allowed" + of).c_str(), [&](std::uint64_t run) {
            return drifting({kind}, run, 0.0, {.max_increase = 0.0, .max_decrease = 0.0});
        });
    }
}

TEST_CASE("A margin on the increase of failures holds from the challenger's tenth failure on",
          "[calibration]")
{
    struct cell {
        double champion;
        double allowed;
    };
    for (const cell& c : {cell{0.0, 0.005}, cell{0.001, 0.005}, cell{0.001, 0.0005}, cell{0.02, 0.01}}) {
        for (const units kind : {units::once, units::alike, units::frail, units::wholly}) {
            for (const bool ramps : {false, true}) {
                const world champion_world{kind, c.champion, ramps};
                const world challenger_world{kind, c.champion + c.allowed, ramps};
                // A sample of units that fail wholly has another difference than the world.
                double increase = c.allowed;
                const std::uint64_t all = kind == units::wholly ? 2'000 : 5'000;
                if (kind == units::wholly || kind == units::frail) {
                    increase = 0.0;
                    for (std::uint64_t unit = 0; unit < all; ++unit) {
                        increase += (rate_of(challenger_world, unit) - rate_of(champion_world, unit)) /
                                    static_cast<double>(all);
                    }
                }
                const std::string what = "failures " + std::to_string(c.champion) + " + " +
                                         std::to_string(c.allowed) + ", units " +
                                         std::to_string(static_cast<int>(kind)) + (ramps ? ", ramp" : "");
                expect_kept(what.c_str(), [&](std::uint64_t run) {
                    return watch(
                        champion_world, run,
                        [&](auto& trial, const auto& ticket, std::uint64_t unit, keyed_random& random) {
                            const world& of = trial.arm_of(ticket) == 1 ? challenger_world : champion_world;
                            trial.complete(ticket, milliseconds{1.0}, !random.chance(rate_of(of, unit)));
                        },
                        guardrail(failures{}, {.max_increase = increase}));
                });
            }
        }
    }
}

TEST_CASE("Challengers beyond their limits are found", "[calibration]")
{
    expect_found("failures 4 % of at most 2 %",
                 [](std::uint64_t run) { return failing({units::once, 0.04}, run, 0.02); });
    expect_found("failures 4 % of at most 2 %, frail units",
                 [](std::uint64_t run) { return failing({units::frail, 0.04}, run, 0.02); });
    expect_found("failures 30 % of at most 2 %",
                 [](std::uint64_t run) { return failing({units::once, 0.3}, run, 0.02); });
    expect_found("clicks 20 % of at least 30 %",
                 [](std::uint64_t run) { return converting({units::once, 0.2}, run, 0.3); });
    expect_found("revenue 1 of at most 0.8",
                 [](std::uint64_t run) { return earning({units::once}, run, 0.8, true); });
    expect_found("latency 1.25 of the limit",
                 [](std::uint64_t run) { return waiting({units::once}, run, 0.8 * ninety); });
    expect_found("quantile 1.25 of the limit",
                 [](std::uint64_t run) { return scoring({units::once}, run, 0.8 * ninety); });
    for (const double shift : {0.03, -0.03}) {
        expect_found("score by 0.03 of 0.01", [&](std::uint64_t run) {
            return drifting({units::once}, run, shift, {.max_increase = 0.01, .max_decrease = 0.01});
        });
    }
}
