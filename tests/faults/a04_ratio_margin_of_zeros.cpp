// SPDX-License-Identifier: Apache-2.0

// A margin that is a ratio judges an arm that has only zeros, under every inference policy.

#include <joust/core/random.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

using namespace joust;

namespace {

constexpr int requests = 4'000;
const double inf = std::numeric_limits<double>::infinity();

const metric_row& guardrail_row(const report& r)
{
    for (const metric_row& row : r.metrics) {
        if (row.role.starts_with("guardrail")) {
            return row;
        }
    }
    FAIL("the report has no guardrail");
    return r.metrics.front();
}

/// Serve a trial whose challenger is much better on clicks, and give its guardrail the values of a model.
template <class Trial, class Feed>
void serve(Trial& trial, Feed feed)
{
    keyed_random random{11};
    for (std::uint64_t i = 0; i < requests; ++i) {
        auto [arm, ticket] = trial.serve(random.below(2'000));
        trial.template observe<"click">(ticket, random.chance(arm == 0 ? 0.2 : 0.4));
        feed(trial, ticket, arm, random);
    }
}

// Beside the templates, so that there is one type of trial for each policy and guardrail.
constexpr auto old_model = [](std::uint64_t) { return 0; };
constexpr auto new_model = [](std::uint64_t) { return 1; };
constexpr auto user_of = [](std::uint64_t user) { return user; };

template <class Inference, class Guardrail, class Feed>
report ab_of(Inference policy, Guardrail guarded, Feed feed, share_list shares = {0.5, 0.5})
{
    ab_test trial{model{"old", old_model},
                  model{"new", new_model},
                  by(user_of),
                  hash_split{.salt = "zeros", .shares = shares},
                  conversion<"click">{},
                  guarded,
                  policy};
    serve(trial, feed);
    return trial.report();
}

template <class Inference, class Guardrail, class Feed>
report canary_of(Inference policy, Guardrail guarded, Feed feed)
{
    canary trial{model{"old", old_model},
                 model{"new", new_model},
                 by(user_of),
                 hash_split{.salt = "zeros"},
                 ramp{.shares = {0.5, 1.0}, .requests = 1'000'000},
                 conversion<"click">{},
                 guarded,
                 policy};
    serve(trial, feed);
    return trial.report();
}

template <class Test>
void with_each_policy(Test test)
{
    constexpr double planned = requests;
    test(always_valid{.units = planned}, "always_valid");
    test(fixed_horizon{.units = planned}, "fixed_horizon");
    test(group_sequential{.units = planned, .looks = 2}, "group_sequential");
    test(hybrid{.units = planned}, "hybrid");
    test(bayesian{.units = planned}, "bayesian");
}

void check_judged(const report& r, verdict expected, bool challenger_is_zero)
{
    const metric_row& row = guardrail_row(r);
    CHECK(row.state == status::ok);
    CHECK(r.decision == expected);
    CHECK(r.reason.find("breaks the guardrail") != std::string::npos);
    CHECK(row.lower < row.upper);
    CHECK(row.lower <= row.estimate);
    CHECK(row.estimate <= row.upper);
    if (challenger_is_zero) {
        CHECK(row.challenger == 0.0);
        CHECK(row.lower == Approx(0.0).margin(1e-12));
        CHECK(row.upper > 0.0);
        CHECK(row.upper < row.margin);
    } else {
        CHECK(row.champion == 0.0);
        CHECK(row.upper == inf);
        CHECK(row.lower > row.margin);
        CHECK(row.lower < inf);
    }
}

// A model earns about 5 in 100 requests, or nothing.
const auto sales_vanish = [](auto& trial, const auto& ticket, int arm, keyed_random& random) {
    trial.template observe<"rare">(ticket, arm == 0 && random.chance(0.05));
};
const auto many_sales_vanish = [](auto& trial, const auto& ticket, int arm, keyed_random& random) {
    trial.template observe<"rare">(ticket, arm == 0 && random.chance(0.11));
};
const auto errors_appear = [](auto& trial, const auto& ticket, int arm, keyed_random& random) {
    trial.template observe<"rare">(ticket, arm != 0 && random.chance(0.05));
};
const auto revenue_vanishes = [](auto& trial, const auto& ticket, int arm, keyed_random& random) {
    trial.template observe<"amount">(ticket, arm == 0 && random.chance(0.05) ? 1.0 + random.uniform() : 0.0);
};
const auto cost_appears = [](auto& trial, const auto& ticket, int arm, keyed_random& random) {
    trial.template observe<"amount">(ticket, arm != 0 && random.chance(0.05) ? 1.0 + random.uniform() : 0.0);
};
const auto ratio_vanishes = [](auto& trial, const auto& ticket, int arm, keyed_random& random) {
    trial.template observe<"per view">(ticket, arm == 0 && random.chance(0.1) ? 1.0 : 0.0,
                                       1.0 + static_cast<double>(random.below(3)));
};
const auto ratio_appears = [](auto& trial, const auto& ticket, int arm, keyed_random& random) {
    trial.template observe<"per view">(ticket, arm != 0 && random.chance(0.1) ? 1.0 : 0.0,
                                       1.0 + static_cast<double>(random.below(3)));
};

}  // namespace

TEST_CASE("sales that vanish break a smallest ratio under every policy")
{
    with_each_policy([](auto policy, const char* name) {
        INFO(name);
        const auto guarded = guardrail(conversion<"rare">{}, {.min_ratio = 0.8});
        check_judged(ab_of(policy, guarded, sales_vanish), verdict::keep_champion, true);
        check_judged(canary_of(policy, guarded, sales_vanish), verdict::roll_back, true);
    });
}

TEST_CASE("errors that appear break a largest ratio under every policy")
{
    with_each_policy([](auto policy, const char* name) {
        INFO(name);
        const auto guarded = guardrail(conversion<"rare">{}, {.max_ratio = 1.1});
        check_judged(ab_of(policy, guarded, errors_appear), verdict::keep_champion, false);
        check_judged(canary_of(policy, guarded, errors_appear), verdict::roll_back, false);
    });
}

TEST_CASE("means and ratios of zeros are judged like conversions")
{
    with_each_policy([](auto policy, const char* name) {
        INFO(name);
        check_judged(ab_of(policy, guardrail(mean<"amount">{}, {.min_ratio = 0.8}), revenue_vanishes),
                     verdict::keep_champion, true);
        check_judged(ab_of(policy, guardrail(mean<"amount">{}, {.max_ratio = 1.5}), cost_appears),
                     verdict::keep_champion, false);
        check_judged(ab_of(policy, guardrail(ratio<"per view">{}, {.min_ratio = 0.8}), ratio_vanishes),
                     verdict::keep_champion, true);
        check_judged(ab_of(policy, guardrail(ratio<"per view">{}, {.max_ratio = 1.5}), ratio_appears),
                     verdict::keep_champion, false);
    });
}

TEST_CASE(
    "a challenger of zeros is judged at a small share too, and a margin that zeros explain is not broken")
{
    with_each_policy([](auto policy, const char* name) {
        INFO(name);
        // About 20 of the champion's 190 sales are expected of the challenger, or 2 where the margin is 0.1.
        const report strict = ab_of(policy, guardrail(conversion<"rare">{}, {.min_ratio = 0.9}),
                                    many_sales_vanish, {0.95, 0.05});
        CHECK(guardrail_row(strict).state == status::ok);
        const report lenient = ab_of(policy, guardrail(conversion<"rare">{}, {.min_ratio = 0.05}),
                                     many_sales_vanish, {0.95, 0.05});
        CHECK(guardrail_row(lenient).state == status::ok);
        CHECK(lenient.reason.find("breaks the guardrail") == std::string::npos);
    });
}

TEST_CASE("an arm of zeros makes a ratio whose interval and test agree at every margin")
{
    with_each_policy([](auto policy, const char* name) {
        INFO(name);
        for (const double margin : {0.02, 0.1, 0.5, 0.9}) {
            const report r =
                ab_of(policy, guardrail(conversion<"rare">{}, {.min_ratio = margin}), sales_vanish);
            const metric_row& row = guardrail_row(r);
            CHECK(row.state == status::ok);
            // The interval is two-sided, so an end beyond the margin is more than the one-sided test asks for.
            if (row.upper < margin) {
                CHECK(r.decision == verdict::keep_champion);
            }
        }
    });
}
