// SPDX-License-Identifier: Apache-2.0

// A verdict by one look keeps its error rate: a shadow's on failures, where the champion's rate is an estimate too, and one
// at a small share with skew or heavy users, where few buckets carry the variance.

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

using namespace joust;

namespace {

/// Return the verdict of a shadow whose models fail on requests of their own, at the given rates.
template <class Policy>
report failing(const Policy& policy, std::uint64_t seed, double champion, double challenger, int requests,
               double rate = 1.0)
{
    keyed_random coins{seed};
    shadow trial{model{"old",
                       [&](std::uint64_t) {
                           if (coins.chance(champion)) {
                               throw std::runtime_error{"old"};
                           }
                           return 0;
                       }},
                 model{"new",
                       [&](std::uint64_t) {
                           if (coins.chance(challenger)) {
                               throw std::runtime_error{"new"};
                           }
                           return 0;
                       }},
                 by([](std::uint64_t user) { return user; }),
                 sampled{rate},
                 inline_run{},
                 policy};
    for (int i = 0; i < requests; ++i) {
        try {
            (void)trial(coins.next());
        } catch (const std::runtime_error&) {
            // A caller of the champion sees its failures.
        }
    }
    return trial.report();
}

const metric_row& row_on(const report& r, std::string_view metric)
{
    for (const metric_row& row : r.metrics) {
        if (row.metric == metric) {
            return row;
        }
    }
    FAIL("the report has no such row");
    return r.metrics.front();
}

/// One look at equal arms at a share of the challenger, with values whose logarithm has this standard deviation.
template <class Policy>
bool skewed_rejects(const Policy& policy, std::uint64_t seed, double share, int requests, double sigma)
{
    keyed_random random{seed};
    joust_test::sums sums;
    for (int i = 0; i < requests; ++i) {
        const std::uint64_t unit = random.next();
        sums.add({.pseudonym = unit,
                  .challenger = random.chance(share),
                  .s = share,
                  .x = std::exp(sigma * random.normal())});
    }
    test_memory memory;
    return policy.infer(sums.look(100.0), {.alpha = policy.alpha}, memory).rejects(policy.alpha);
}

bool notes(const report& r, std::string_view words)
{
    for (const std::string& note : r.notes) {
        if (note.find(words) != std::string::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("A shadow does not blame a challenger that fails as often as the champion")
{
    // The verdict is one side of a two-sided test at 5 %.
    int one_look = 0;
    int sampled_half = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        one_look +=
            failing(fixed_horizon{.units = 500}, seed, 0.06, 0.06, 700).decision == verdict::keep_champion;
        sampled_half += failing(fixed_horizon{.units = 300}, 5'000 + seed, 0.08, 0.08, 700, 0.5).decision ==
                        verdict::keep_champion;
    }
    CHECK(one_look <= 11);
    CHECK(sampled_half <= 11);
}

TEST_CASE(
    "A shadow's row on failures and its verdict are one test, and find a challenger that fails more often")
{
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const auto check = [&](const report& seen) {
            const metric_row& row = row_on(seen, "failures");
            CHECK(row.state == status::ok);
            CHECK(row.estimate == Approx(row.challenger - row.champion));
            CHECK(row.lower > 0.0);
            CHECK(seen.decision == verdict::keep_champion);
            CHECK(seen.reason.find("and the champion on") != std::string::npos);
        };
        check(failing(always_valid{.units = 1'000}, seed, 0.03, 0.25, 1'500));
        check(failing(fixed_horizon{.units = 1'000}, seed, 0.03, 0.25, 1'500));
        check(failing(hybrid{.units = 1'000}, seed, 0.03, 0.25, 1'500));
        check(failing(bayesian{.units = 1'000}, seed, 0.03, 0.25, 1'500));
        // A champion that never fails leaves the challenger's rate.
        const report flawless_champion = failing(fixed_horizon{.units = 1'000}, seed, 0.0, 0.1, 1'500);
        CHECK(row_on(flawless_champion, "failures").champion == 0.0);
        CHECK(flawless_champion.decision == verdict::keep_champion);
        const report less = failing(fixed_horizon{.units = 1'000}, seed, 0.2, 0.05, 1'500);
        CHECK(row_on(less, "failures").upper < 0.0);
        CHECK(less.decision == verdict::keep_testing);
    }
}

TEST_CASE("One look at a share of 1 % with skewed values keeps its error rate")
{
    int fixed = 0;
    int mixed = 0;
    int posterior = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        fixed += skewed_rejects(fixed_horizon{.units = 4'000}, seed, 0.01, 4'000, 1.5) ? 1 : 0;
        mixed += skewed_rejects(hybrid{.units = 4'000}, seed, 0.01, 4'000, 1.5) ? 1 : 0;
        posterior += skewed_rejects(bayesian{.lift_sd = 10.0}, seed, 0.01, 4'000, 1.5) ? 1 : 0;
    }
    CHECK(fixed <= 12);
    CHECK(mixed <= 12);
    CHECK(posterior <= 12);
    int grouped = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        grouped +=
            skewed_rejects(group_sequential{.units = 4'000, .looks = 1}, seed, 0.01, 4'000, 1.5) ? 1 : 0;
    }
    CHECK(grouped <= 9);
}

TEST_CASE("A report with guardrails says that the error rates of primary metric and guardrails add")
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                  conversion<"click">{}, guardrail(failures{}, {.max_increase = 0.01})};
    CHECK(notes(trial.report(), "add up"));
    ab_test alone{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                  conversion<"click">{}};
    CHECK_FALSE(notes(alone.report(), "add up"));
    canary guarded{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                   guardrail(latency{}, {.max_ratio = 1.5}), guardrail(failures{}, {.max_ratio = 2.0})};
    CHECK_FALSE(notes(guarded.report(), "add up"));
}
