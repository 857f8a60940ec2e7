// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <string>

using namespace joust;

// That no harm was proved promotes nothing. A stage is passed when a stated harm is excluded for every guardrail.

namespace {

struct world {
    double failures = 0.01;
    double failures_ratio = 1.0;
    double accuracy = 0.8;
    double accuracy_loss = 0.0;
    std::uint64_t units = 200'000;
};

struct outcome {
    int shipped = 0;
    int rolled_back = 0;
    int requests = 0;
    std::string reason;
};

/// Run whole canaries, of at most so many requests each.
outcome run(const world& w, const ramp& steps, int runs, int most)
{
    outcome all;
    for (int i = 0; i < runs; ++i) {
        canary trial{model{"old", [](std::uint64_t) { return 0; }},
                     model{"new", [](std::uint64_t) { return 1; }},
                     by([](std::uint64_t unit) { return unit; }),
                     hash_split{.salt = "absence-" + std::to_string(i)},
                     guardrail(conversion<"right">{}, {.max_decrease = 0.02}),
                     steps,
                     untimed{}};
        keyed_random random{static_cast<std::uint64_t>(i) + 17};
        int n = 0;
        for (; n < most && !trial.finished() && !trial.rolled_back(); ++n) {
            const ticket given = trial.choose(random.below(w.units));
            const bool harmful = given.arm() == 1;
            trial.complete(given, std::chrono::nanoseconds{0},
                           !random.chance(w.failures * (harmful ? w.failures_ratio : 1.0)));
            trial.observe<"right">(given, random.chance(w.accuracy - (harmful ? w.accuracy_loss : 0.0)));
        }
        all.shipped += trial.finished() ? 1 : 0;
        all.rolled_back += trial.rolled_back() ? 1 : 0;
        all.requests += n;
        all.reason = trial.report().reason;
    }
    return all;
}

}  // namespace

TEST_CASE(
    "a healthy challenger is promoted by the standard ramp, once the harm of each guardrail is excluded")
{
    const outcome healthy = run({.failures = 0.001}, ramp{}, 4, 120'000);
    CHECK(healthy.shipped == 4);
    CHECK(healthy.rolled_back == 0);
    CHECK(healthy.requests / 4 > 15'000);
    CHECK(healthy.requests / 4 < 80'000);
    CHECK_THAT(healthy.reason, ContainsSubstring("the harm stated for each is excluded"));
}

TEST_CASE("failures that double are never promoted, though stages are short")
{
    const outcome doubled = run({.failures_ratio = 2.0}, ramp{}, 6, 60'000);
    INFO(doubled.reason);
    CHECK(doubled.shipped == 0);
}

TEST_CASE("accuracy beyond its margin is not promoted, and within it is")
{
    const outcome beyond = run({.failures = 0.001, .accuracy_loss = 0.03}, ramp{}, 4, 60'000);
    INFO(beyond.reason);
    CHECK(beyond.shipped == 0);
    CHECK(run({.failures = 0.001, .accuracy_loss = 0.0}, ramp{}, 1, 120'000).shipped == 1);
}

TEST_CASE("a longer stage does not promote harm either")
{
    CHECK(run({.failures = 0.1, .failures_ratio = 1.5}, ramp{.requests = 5'000}, 3, 60'000).shipped == 0);
}

TEST_CASE("a ramp without a least number of requests promotes nothing before the harm is excluded")
{
    canary trial{model{"old", [](std::uint64_t) { return 0; }}, model{"new", [](std::uint64_t) { return 1; }},
                 by([](std::uint64_t unit) { return unit; }), hash_split{.salt = "no requests"},
                 ramp{.requests = 0}};
    for (int i = 0; i < 20; ++i) {
        trial.step();
    }
    CHECK(trial.phase() == canary_phase::pending);
    CHECK_THAT(trial.report().reason, ContainsSubstring("pending"));
    for (std::uint64_t unit = 0; unit < 500; ++unit) {
        trial(unit);
    }
    trial.step();
    CHECK(trial.share() == 0.01);
    CHECK_FALSE(trial.finished());
}

TEST_CASE("an owner may accept harm that was not proved in a stated budget, by name")
{
    ramp budget{.requests = 200};
    budget.promote = on_no_harm;
    const outcome accepted = run({.failures = 0.01, .accuracy = 0.9}, budget, 2, 100'000);
    INFO(accepted.reason);
    CHECK(accepted.shipped == 2);
    CHECK_THAT(accepted.reason, ContainsSubstring("on_no_harm"));
}

TEST_CASE("an identical challenger is not rolled back")
{
    CHECK(run({.failures = 0.05}, ramp{}, 6, 30'000).rolled_back == 0);
}
