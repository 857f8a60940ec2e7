// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/stats/planning/planner.hpp>
#include <joust/stats/planning/power.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;
using stats::design_kind;

TEST_CASE("the recursion agrees with the published tables of repeated tests")
{
    // Armitage, McPherson and Rowe 1969: a 5 % test repeated 5, 10 and 20 times rejects in 14.2, 19.3 and 24.8 %
    for (const auto& [looks, error] : {std::pair<int, double>{5, 0.142}, {10, 0.193}, {20, 0.248}}) {
        stats::detail::look_plan plan;
        for (int k = 1; k <= looks; ++k) {
            plan.times.push_back(static_cast<double>(k));
            plan.bounds.push_back(1.959963984540054 * std::sqrt(static_cast<double>(k)));
        }
        CHECK(std::fabs(stats::detail::walk(plan, 0.0, true).stopped - error) < 5e-4);
    }
}

TEST_CASE("boundaries of O'Brien-Fleming spending")
{
    // two-sided 5 %, five even looks: 4.877, 3.357, 2.680, 2.290, 2.031 in the published tables of Lan-DeMets programs
    const auto plan = stats::detail::spending_plan(5, 1.0, 0.05, true);
    const double z[] = {4.877, 3.357, 2.680, 2.290, 2.031};
    for (std::size_t k = 0; k < 5; ++k) {
        CHECK(std::fabs(plan.bounds[k] / std::sqrt(plan.times[k]) - z[k]) < 1e-3);
    }
    CHECK(std::fabs(stats::detail::walk(plan, 0.0, true).stopped - 0.05) < 1e-9);
}

TEST_CASE("every design keeps its error, and reaches its power")
{
    const stats::experiment_plan plan{.units_per_day = 500, .effect = 0.02, .sd = 0.3, .deadline_days = 60};
    const auto a = stats::plan_design(plan);
    REQUIRE(a.state == status::ok);
    // the textbook size, here from the t-test's formula at large n
    CHECK(relative_error(a.units_needed,
                         2.0 * stats::sample_size(stats::mean_design{.effect = 0.02, .sd = 0.3}, 0.8)) <
          1e-3);
    const auto& fixed = a.of(design_kind::fixed_horizon);
    CHECK(relative_error(fixed.longest_days, a.units_needed / 500.0) < 1e-12);
    CHECK(std::fabs(fixed.power - 0.8) < 1e-5);
    CHECK(std::fabs(fixed.error - 0.05) < 1e-9);
    const auto& sequential = a.of(design_kind::group_sequential);
    CHECK(std::fabs(sequential.power - 0.8) < 1e-3);
    CHECK(std::fabs(sequential.error - 0.05) < 1e-8);
    CHECK(sequential.longest_days < 1.06 * fixed.longest_days);  // O'Brien-Fleming costs 3 % at most
    CHECK(sequential.expected_days < 0.9 * fixed.longest_days);
    const auto& hybrid = a.of(design_kind::hybrid);
    CHECK(std::fabs(hybrid.error - 0.05) < 1e-8);
    CHECK(std::fabs(hybrid.power - 0.8) < 1e-3);
    CHECK(hybrid.longest_days < 1.1 * fixed.longest_days);
    const auto& valid = a.of(design_kind::always_valid);
    CHECK(valid.error < 0.05);
    CHECK(valid.looks == 60);
    CHECK(valid.null_days > 0.95 * 60.0);
    CHECK(a.peeking_error > 0.1);
    for (const auto& d : a.designs) {
        CHECK(d.double_days <= d.expected_days);
        CHECK(d.expected_days <= d.null_days + 1e-9);
    }
    CHECK(a.reason.find(to_string(a.recommended)) == 0);
}

TEST_CASE("the computed error, power and duration are those of simulated experiments")
{
    const stats::experiment_plan plan{.units_per_day = 100, .effect = 0.3, .sd = 1.0, .deadline_days = 12};
    const auto a = stats::plan_design(plan);
    REQUIRE(a.state == status::ok);
    const double day = 100.0 / a.units_needed;
    const double drift = 1.959963984540054 + 0.8416212335729143;
    const double rho = stats::normal_mixture_rho(std::fmin(1.0, 12.0 * day), 0.05);
    constexpr int runs = 20000;
    int stopped = 0;
    double days = 0.0;
    for (int run = 0; run < runs; ++run) {
        joust::keyed_random random{97, static_cast<std::uint64_t>(run)};
        double s = 0.0;
        int k = 1;
        for (; k <= 12; ++k) {
            s += drift * day + std::sqrt(day) * random.normal();
            if (std::fabs(s) >= stats::normal_mixture_bound(k * day, rho, 0.05)) {
                ++stopped;
                break;
            }
        }
        days += std::fmin(k, 12) / static_cast<double>(runs);
    }
    const auto& valid = a.of(design_kind::always_valid);
    CHECK(std::fabs(stopped / static_cast<double>(runs) - valid.power) < 3.3 * std::sqrt(0.25 / runs));
    CHECK(std::fabs(days - valid.expected_days) < 0.1);
}

TEST_CASE("the planner recommends a design and says why")
{
    stats::experiment_plan plan{.units_per_day = 4000, .effect = 0.02, .sd = 0.3, .deadline_days = 30};
    const auto planned = stats::plan_design(plan);
    CHECK(planned.recommended != design_kind::fixed_horizon);
    plan.look = stats::looking::once;
    const auto once = stats::plan_design(plan);
    CHECK(once.recommended == design_kind::fixed_horizon);
    CHECK(
        once.reason ==
        "fixed horizon: finds the effect with power 80 % after 1.8 days on average; results are looked at once.");
    plan.look = stats::looking::anytime;
    const auto anytime = stats::plan_design(plan);
    CHECK((anytime.recommended == design_kind::always_valid || anytime.recommended == design_kind::hybrid));
    plan.effect = 0.001;
    const auto hopeless = stats::plan_design(plan);
    CHECK_FALSE(hopeless.of(hopeless.recommended).in_time);
    CHECK(hopeless.reason.find("no design that fits reaches power 80 %") != std::string::npos);
    CHECK(relative_error(hopeless.detectable_effect,
                         0.3 * 2.0 * (1.959963984540054 + 0.8416212335729143) / std::sqrt(120000.0)) < 1e-10);
    const auto again = stats::plan_design(plan);
    CHECK(again.reason == hopeless.reason);
    CHECK(again.of(design_kind::hybrid).power == hopeless.of(design_kind::hybrid).power);
}

TEST_CASE("one-sided plans")
{
    const auto a = stats::plan_design({.units_per_day = 500,
                                       .effect = -0.1,
                                       .share = 0.1,
                                       .alternative = stats::side::less,
                                       .deadline_days = 40});
    REQUIRE(a.state == status::ok);
    for (const auto kind : {design_kind::fixed_horizon, design_kind::group_sequential, design_kind::hybrid}) {
        CHECK(std::fabs(a.of(kind).error - 0.05) < 1e-8);
    }
    CHECK(a.of(design_kind::always_valid).error < 0.05);
}

TEST_CASE("plans out of range have a status")
{
    CHECK(stats::plan_design({}).state == status::out_of_range);
    CHECK(stats::plan_design({.units_per_day = 100, .effect = 0.0}).state == status::out_of_range);
    CHECK(stats::plan_design({.units_per_day = 100, .effect = 0.1, .alpha = 0.0}).state ==
          status::out_of_range);
    CHECK(stats::plan_design({.units_per_day = 100, .effect = 0.1, .power = 0.01}).state ==
          status::out_of_range);
    CHECK(stats::plan_design({.units_per_day = 100, .effect = 0.1, .looks = 0}).state ==
          status::out_of_range);
    CHECK(stats::plan_design({.units_per_day = 100, .effect = 0.1, .share = 1.0}).state ==
          status::out_of_range);
    CHECK(stats::plan_design({.units_per_day = 100, .effect = 0.1, .deadline_days = 1e6}).state ==
          status::out_of_range);
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    CHECK(stats::plan_design({.units_per_day = missing, .effect = 0.1}).state == status::out_of_range);
}
