// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/normal.hpp>
#include <joust/stats/planning/decision.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;

TEST_CASE("alpha is divided among successes, beta among all that can be missed")
{
    const auto levels = stats::divide_errors({.alpha = 0.05, .beta = 0.2, .successes = 2, .guardrails = 3});
    CHECK(levels.state == status::ok);
    CHECK(levels.success_alpha == 0.025);
    CHECK(levels.guardrail_alpha == 0.05);
    CHECK(levels.beta == 0.05);
    CHECK(std::isnan(levels.deterioration_alpha));
    const auto more = stats::divide_errors(
        {.guardrails = 3, .deteriorations = 4, .qualities = 2, .deterioration_alpha = 0.02});
    CHECK(more.deterioration_alpha == 0.005);
    CHECK(more.quality_alpha == 0.005);
    CHECK(std::fabs(more.beta - 0.17 / 4.0) < 1e-15);
    CHECK(stats::divide_errors({.successes = 0}).state == status::out_of_range);
    CHECK(stats::divide_errors({.beta = 0.01, .deteriorations = 1}).state == status::out_of_range);
    CHECK(stats::divide_errors({.alpha = std::numeric_limits<double>::quiet_NaN()}).state ==
          status::out_of_range);
}

TEST_CASE("the rule names the reason")
{
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> good{0.3, 0.001}, weak{0.03, 0.3}, holds{0.04, 0.01}, broken{0.04, 0.2},
        unknown{0.04, nan}, calm{0.5}, alarm{0.001}, outside{2.0}, missing{nan};
    CHECK(stats::decide({.successes = good, .guardrails = holds}).ship);
    const auto no_success = stats::decide({.successes = weak, .guardrails = holds});
    CHECK_FALSE(no_success.ship);
    CHECK(no_success.reason == "no success metric is shown to be better");
    CHECK(stats::decide({.successes = good, .guardrails = broken}).reason ==
          "a guardrail is not shown to hold");
    const auto not_known = stats::decide({.successes = good, .guardrails = unknown});
    CHECK_FALSE(not_known.ship);
    CHECK(not_known.missing == 1);
    CHECK(stats::decide({.successes = good, .guardrails = holds, .deteriorations = calm, .qualities = calm})
              .ship);
    CHECK(stats::decide({.successes = good, .deteriorations = alarm}).reason ==
          "a metric is significantly worse");
    CHECK_FALSE(stats::decide({.successes = good, .qualities = alarm}).ship);
    CHECK_FALSE(stats::decide({.successes = good, .qualities = missing}).ship);
    CHECK_FALSE(stats::decide({.successes = good}, {.guardrails = 1}).ship);  // planned, not measured
    CHECK(stats::decide({.successes = outside}).state == status::out_of_range);
    CHECK_FALSE(stats::decide({}).ship);
}

TEST_CASE("error and power of the whole decision are what was planned, under correlated metrics")
{
    joust_test::engine random{29};
    constexpr int runs = 20000;
    constexpr std::size_t guardrails = 3;
    const auto levels = stats::divide_errors(
        {.successes = 2, .guardrails = guardrails, .deteriorations = 2, .deterioration_alpha = 0.02});
    const double z_success = stats::normal_upper_quantile(levels.success_alpha);
    const double z_guardrail = stats::normal_upper_quantile(levels.guardrail_alpha);
    const double z_beta = stats::normal_upper_quantile(levels.beta);
    int shipped_null = 0, shipped_broken = 0, shipped_good = 0;
    for (int run = 0; run < runs; ++run) {
        const double shared = random.bell();
        const auto z = [&] { return 0.6 * shared + 0.8 * random.bell(); };
        const double noise[] = {z(), z(), z(), z(), z()};
        const auto ships = [&](double success, double first_guardrail, double other_guardrails) {
            const double s[] = {noise[0] + success, noise[1]};
            const double g[] = {noise[2] + first_guardrail, noise[3] + other_guardrails,
                                noise[4] + other_guardrails};
            std::vector<double> p_s, p_g, p_d;
            for (const double value : s) {
                p_s.push_back(stats::normal_sf(value));
                p_d.push_back(stats::normal_cdf(value));
            }
            for (const double value : g) {
                p_g.push_back(stats::normal_sf(value));
            }
            return stats::decide({.successes = p_s, .guardrails = p_g, .deteriorations = p_d},
                                 {.deterioration_alpha = 0.02})
                .ship;
        };
        const double planned = z_success + z_beta;
        const double safe = z_guardrail + z_beta;
        shipped_null += ships(0.0, 50.0, 50.0) ? 1 : 0;
        shipped_broken += ships(50.0, 0.0, 50.0) ? 1 : 0;
        shipped_good += ships(planned, safe, safe) ? 1 : 0;
    }
    CHECK(shipped_null <= 1095);  // 5 % and its 99.9 % limit
    CHECK(shipped_broken <= 1095);
    CHECK(shipped_broken >= 800);
    CHECK(shipped_good >= 15820);  // 80 % and its 99.9 % limit
}
