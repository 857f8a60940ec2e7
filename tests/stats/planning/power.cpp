// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/planning/power.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/stats/tests/welch.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <limits>

namespace stats = joust::stats;
using joust_test::relative_error;
using stats::side;

TEST_CASE("reference values of power and sample size")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("power_t")) {
        joust_test::check_oracle(row, stats::power(stats::mean_design{.effect = row.number("delta"),
                                                                      .sd = row.number("sd"),
                                                                      .alpha = row.number("alpha")},
                                                   row.number("n")));
        ++driven;
    }
    for (const auto& row : joust_test::oracle_rows("sample_size_t")) {
        joust_test::check_oracle(row, stats::sample_size(stats::mean_design{.effect = row.number("delta"),
                                                                            .sd = row.number("sd"),
                                                                            .alpha = row.number("alpha"),
                                                                            .both_tails = false},
                                                         row.number("power")));
        ++driven;
    }
    for (const auto& row : joust_test::oracle_rows("sample_size_prop")) {
        joust_test::check_oracle(row,
                                 stats::sample_size(stats::proportion_design{.first = row.number("p1"),
                                                                             .second = row.number("p2"),
                                                                             .alpha = row.number("alpha")},
                                                    row.number("power")));
        ++driven;
    }
    CHECK(driven == 4);
}

TEST_CASE("power at the null is the level; size, effect and power invert each other")
{
    for (const side how : {side::two, side::greater, side::less}) {
        const double effect = how == side::less ? -0.3 : 0.3;
        const stats::mean_design means{.effect = effect,
                                       .sd = 1.2,
                                       .sd_second = 0.8,
                                       .alternative = how,
                                       .ratio = 0.5,
                                       .correlation = 0.4,
                                       .comparisons = 3.0};
        const double n = stats::sample_size(means, 0.8);
        CHECK(std::fabs(stats::power(means, n) - 0.8) < 1e-12);
        CHECK(relative_error(stats::minimum_detectable_effect(means, n, 0.8), effect) < 1e-10);
        stats::mean_design null = means;
        null.effect = 0.0;
        CHECK(std::fabs(stats::power(null, 50.0) - 0.05 / 3.0) < 1e-13);

        const stats::paired_design pairs{.effect = effect, .alternative = how};
        const double m = stats::sample_size(pairs, 0.9);
        CHECK(std::fabs(stats::power(pairs, m) - 0.9) < 1e-12);
        CHECK(relative_error(stats::minimum_detectable_effect(pairs, m, 0.9), effect) < 1e-10);

        const stats::proportion_design shares{
            .first = 0.1 + 0.05 * effect, .second = 0.1, .alternative = how, .ratio = 2.0};
        const double k = stats::sample_size(shares, 0.8);
        CHECK(std::fabs(stats::power(shares, k) - 0.8) < 1e-12);
        CHECK(relative_error(stats::minimum_detectable_effect(shares, k, 0.8), 0.05 * effect) < 1e-9);
    }
}

TEST_CASE("clusters, covariates and unequal shares change the sample size by their factors")
{
    const stats::mean_design plain{.effect = 0.02};
    const double n = stats::sample_size(plain, 0.8);
    stats::mean_design covariate = plain;
    covariate.correlation = 0.7;
    CHECK(relative_error(stats::sample_size(covariate, 0.8), 0.51 * n) < 1e-3);
    stats::mean_design clustered = plain;
    clustered.cluster_size = 10.0;
    clustered.icc = 0.1;
    CHECK(relative_error(stats::sample_size(clustered, 0.8), 1.9 * n) < 1e-3);
    stats::mean_design lopsided = plain;
    lopsided.ratio = 9.0;  // 10 % to the first
    CHECK(relative_error(stats::sample_size(lopsided, 0.8), n / 2.0 * (1.0 + 1.0 / 9.0)) < 1e-3);
    stats::mean_design margin = plain;
    margin.effect = 0.0;
    margin.null = -0.02;
    margin.alternative = side::greater;
    margin.alpha = 0.025;
    CHECK(relative_error(stats::sample_size(margin, 0.8), n) < 1e-3);
}

TEST_CASE("few degrees of freedom: simulated power is what was computed")
{
    joust_test::engine random{53};
    const stats::mean_design design{.effect = 1.5, .ratio = 1.6};
    const double expected = stats::power(design, 5.0);
    int rejected = 0;
    constexpr int runs = 20000;
    for (int run = 0; run < runs; ++run) {
        stats::moments x, y;
        for (int i = 0; i < 13; ++i) {
            // a normal variate by Box and Muller: twelve uniforms are too light in the tails for this check
            const double z = std::sqrt(-2.0 * std::log(1.0 - random.uniform())) *
                             std::cos(6.283185307179586 * random.uniform());
            (i < 5 ? x : y).add(i < 5 ? 1.5 + z : z);
        }
        rejected += stats::student_t(x, y).p_value < 0.05 ? 1 : 0;
    }
    CHECK(std::fabs(rejected / static_cast<double>(runs) - expected) < 3.3 * std::sqrt(0.25 / runs));
}

TEST_CASE("power of two proportions against all tables of the test")
{
    // Exact power of the pooled z-test at n = 200 per arm by enumeration; the formula is the usual approximation.
    const double p1 = 0.35, p2 = 0.2;
    double exact = 0.0;
    const auto pmf = [](int k, int n, double p) {
        return std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) +
                        k * std::log(p) + (n - k) * std::log1p(-p));
    };
    for (int a = 0; a <= 200; ++a) {
        for (int b = 0; b <= 200; ++b) {
            const double weight = pmf(a, 200, p1) * pmf(b, 200, p2);
            if (weight < 1e-12) {
                continue;
            }
            const auto r = stats::two_proportion_z(static_cast<std::uint64_t>(a), 200,
                                                   static_cast<std::uint64_t>(b), 200);
            exact += r.p_value < 0.05 ? weight : 0.0;
        }
    }
    CHECK(std::fabs(stats::power(stats::proportion_design{.first = p1, .second = p2}, 200.0) - exact) < 0.01);
}

TEST_CASE("designs out of their domain give NaN")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(stats::power(stats::mean_design{}, 10.0)));
    CHECK(std::isnan(stats::power(stats::mean_design{.effect = 1.0}, 1.0)));
    CHECK(std::isnan(stats::power(stats::mean_design{.effect = 1.0}, missing)));
    CHECK(std::isnan(stats::power(stats::mean_design{.effect = 1.0, .sd = 0.0}, 10.0)));
    CHECK(std::isnan(stats::power(stats::mean_design{.effect = 1.0, .correlation = 1.0}, 10.0)));
    CHECK(std::isnan(stats::power(stats::mean_design{.effect = 1.0, .icc = 2.0}, 10.0)));
    CHECK(std::isnan(stats::sample_size(stats::mean_design{.effect = 0.0}, 0.8)));
    CHECK(std::isnan(stats::sample_size(stats::mean_design{.effect = 1.0}, 1.0)));
    CHECK(std::isnan(
        stats::sample_size(stats::mean_design{.effect = -1.0, .alternative = side::greater}, 0.8)));
    CHECK(std::isnan(stats::power(stats::paired_design{.effect = 1.0}, 1.0)));
    CHECK(std::isnan(stats::sample_size(stats::proportion_design{.first = 0.1, .second = 0.1}, 0.8)));
    CHECK(std::isnan(stats::sample_size(stats::proportion_design{.first = 0.1, .second = 1.0}, 0.8)));
    CHECK(std::isnan(stats::sample_size(
        stats::proportion_design{.first = 0.1, .second = 0.2, .alternative = side::greater}, 0.8)));
    CHECK(std::isnan(stats::minimum_detectable_effect(stats::mean_design{}, 10.0, 0.01)));
    CHECK(std::isnan(stats::minimum_detectable_effect(stats::proportion_design{.second = 0.5}, 2.0, 0.99)));
    // huge effects: power 1, size of the smallest sample that has degrees of freedom
    CHECK(stats::power(stats::mean_design{.effect = 1000.0}, 5.0) == Approx(1.0).epsilon(1e-13));
}
