// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/proportions.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;
using stats::difference_interval;
using stats::side;

TEST_CASE("the call-back experiment: 235 of 2435 against 157 of 2435")
{
    const auto result = stats::two_proportion_z(235, 2435, 157, 2435);
    CHECK(result.state == status::ok);
    CHECK(result.statistic == Approx(4.108).epsilon(2e-4));
    CHECK(result.p_value == Approx(3.98e-5).epsilon(2e-3));
    CHECK(result.estimate == Approx(78.0 / 2435.0).epsilon(1e-14));
    CHECK(result.lower > 0.016);
    CHECK(result.upper < 0.048);
}

TEST_CASE("the Miettinen-Nurminen limits are where the score statistic is the quantile")
{
    struct example {
        std::uint64_t k1, n1, k2, n2;
    };
    for (const example& e :
         {example{15, 200, 28, 210}, example{0, 50, 5, 50}, example{0, 10, 0, 12}, example{7, 7, 3, 9},
          example{1, 100000, 3, 50000}, example{499, 500, 500, 500}}) {
        const auto result = stats::two_proportion_z(e.k1, e.n1, e.k2, e.n2,
                                                    {.interval = difference_interval::miettinen_nurminen});
        const double k1 = static_cast<double>(e.k1), n1 = static_cast<double>(e.n1);
        const double k2 = static_cast<double>(e.k2), n2 = static_cast<double>(e.n2);
        for (const double end : {result.lower, result.upper}) {
            // the statistic recomputed with a restricted estimate found by scanning the likelihood
            double best = -std::numeric_limits<double>::infinity();
            double at = 0.0;
            const double low = std::fmax(0.0, -end), high = std::fmin(1.0, 1.0 - end);
            const auto likelihood = [&](double p2) {
                const double p1 = p2 + end;
                const auto term = [](double k, double p) { return k > 0.0 ? k * std::log(p) : 0.0; };
                return term(k1, p1) + term(n1 - k1, 1.0 - p1) + term(k2, p2) + term(n2 - k2, 1.0 - p2);
            };
            double from = low, to = high;
            for (int zoom = 0; zoom < 5; ++zoom) {
                const double step = (to - from) / 200.0;
                for (double p2 = from + 0.5 * step; p2 < to; p2 += step) {
                    if (likelihood(p2) > best) {
                        best = likelihood(p2);
                        at = p2;
                    }
                }
                from = std::fmax(low, at - step);
                to = std::fmin(high, at + step);
            }
            const double p1 = at + end;
            const double variance =
                (p1 * (1.0 - p1) / n1 + at * (1.0 - at) / n2) * (n1 + n2) / (n1 + n2 - 1.0);
            const double z = (k1 / n1 - k2 / n2 - end) / std::sqrt(variance);
            INFO(e.k1 << "/" << e.n1 << " against " << e.k2 << "/" << e.n2 << " at " << end);
            CHECK(std::fabs(z) == Approx(1.9599639845400542).epsilon(1e-4));
        }
        CHECK(result.lower < result.upper);
        CHECK(result.lower >= -1.0);
        CHECK(result.upper <= 1.0);
    }
}

TEST_CASE("every Miettinen-Nurminen limit is a crossing, also at counts of zero and all")
{
    const double z = stats::normal_upper_quantile(0.025);
    for (const std::uint64_t n1 : {1ULL, 2ULL, 5ULL, 20ULL, 333ULL}) {
        for (const std::uint64_t n2 : {1ULL, 3ULL, 25ULL, 1000ULL}) {
            for (std::uint64_t k1 = 0; k1 <= n1; k1 += n1 > 20 ? 37 : 1) {
                for (std::uint64_t k2 = 0; k2 <= n2; k2 += n2 > 25 ? 125 : 1) {
                    const auto r = stats::two_proportion_z(
                        k1, n1, k2, n2, {.interval = difference_interval::miettinen_nurminen});
                    const double a = static_cast<double>(k1), m1 = static_cast<double>(n1);
                    const double b = static_cast<double>(k2), m2 = static_cast<double>(n2);
                    const auto excess = [&](double d) {
                        return std::fabs(a / m1 - b / m2 - d) -
                               z * std::sqrt(stats::detail::restricted_variance(a, m1, b, m2, d));
                    };
                    INFO(k1 << "/" << n1 << " against " << k2 << "/" << n2);
                    CHECK(r.lower <= r.estimate);
                    CHECK(r.upper >= r.estimate);
                    CHECK(excess(r.lower + 1e-9) < 1e-12);
                    CHECK(excess(r.upper - 1e-9) < 1e-12);
                    CHECK((r.lower - 1e-9 < -1.0 || excess(r.lower - 1e-9) > -1e-12));
                    CHECK((r.upper + 1e-9 > 1.0 || excess(r.upper + 1e-9) > -1e-12));
                }
            }
        }
    }
}

TEST_CASE("every interval mirrors when the samples or the outcomes swap")
{
    for (const auto how : {difference_interval::newcombe, difference_interval::miettinen_nurminen,
                           difference_interval::agresti_caffo, difference_interval::wald}) {
        const auto forward = stats::two_proportion_z(3, 40, 11, 50, {.interval = how});
        const auto backward = stats::two_proportion_z(11, 50, 3, 40, {.interval = how});
        const auto failures = stats::two_proportion_z(37, 40, 39, 50, {.interval = how});
        for (const auto& other : {backward, failures}) {
            CHECK(other.lower == Approx(-forward.upper).epsilon(1e-12));
            CHECK(other.upper == Approx(-forward.lower).epsilon(1e-12));
            CHECK(other.statistic == Approx(-forward.statistic).epsilon(1e-13));
        }
    }
}

TEST_CASE("Newcombe and Miettinen-Nurminen cover at least nearly what they promise, by enumeration")
{
    // exact coverage over all outcomes of 20 against 25; Wald fails the same check
    struct probabilities {
        double p1, p2;
    };
    for (const auto how : {difference_interval::newcombe, difference_interval::miettinen_nurminen,
                           difference_interval::wald}) {
        double worst = 1.0;
        for (const probabilities p :
             {probabilities{0.05, 0.05}, {0.02, 0.3}, {0.5, 0.4}, {0.9, 0.97}, {0.1, 0.6}}) {
            double covered = 0.0;
            for (std::uint64_t k1 = 0; k1 <= 20; ++k1) {
                for (std::uint64_t k2 = 0; k2 <= 25; ++k2) {
                    const auto mass = [](std::uint64_t k, std::uint64_t n, double q) {
                        double value = 1.0;
                        for (std::uint64_t i = 0; i < k; ++i) {
                            value *= q * static_cast<double>(n - i) / static_cast<double>(i + 1);
                        }
                        return value * std::pow(1.0 - q, static_cast<double>(n - k));
                    };
                    const auto r = stats::two_proportion_z(k1, 20, k2, 25, {.interval = how});
                    if (r.lower <= p.p1 - p.p2 && p.p1 - p.p2 <= r.upper) {
                        covered += mass(k1, 20, p.p1) * mass(k2, 25, p.p2);
                    }
                }
            }
            worst = std::fmin(worst, covered);
        }
        if (how == difference_interval::wald) {
            CHECK(worst < 0.93);
        } else {
            CHECK(worst > 0.93);
        }
    }
}

TEST_CASE("equal counts far apart in size do not cancel")
{
    // p1 - p2 = 1 / (n (n - 1)) exactly
    const std::uint64_t n = 100000007;
    const auto result = stats::two_proportion_z(n - 1, n, n - 2, n - 1);
    const double exact = 1.0 / static_cast<double>(n) / static_cast<double>(n - 1);
    const double p = static_cast<double>(2 * n - 3) / static_cast<double>(2 * n - 1);
    const double q = 2.0 / static_cast<double>(2 * n - 1);
    const double expected =
        exact / std::sqrt(p * q * (1.0 / static_cast<double>(n) + 1.0 / static_cast<double>(n - 1)));
    CHECK(relative_error(result.statistic, expected) < 1e-12);
}

TEST_CASE("a Wilson end near zero keeps its digits, and ends at zero and one are exact")
{
    // 50-digit arithmetic: 3 of 1e12
    CHECK(relative_error(stats::wilson_interval(3, 1000000000000ULL).lower, 1.0202707283648329126e-12) <
          1e-13);
    CHECK(stats::wilson_interval(0, 50).lower == 0.0);
    CHECK(stats::wilson_interval(50, 50).upper == 1.0);
    const auto few = stats::wilson_interval(7, 50);
    const auto many = stats::wilson_interval(43, 50);
    CHECK(many.lower == Approx(1.0 - few.upper).epsilon(1e-15));
}

TEST_CASE("one-sided alternatives share the statistic and open the interval")
{
    const auto two = stats::two_proportion_z(15, 200, 28, 210);
    const auto less = stats::two_proportion_z(15, 200, 28, 210, {.alternative = side::less});
    CHECK(less.p_value == Approx(0.5 * two.p_value).epsilon(1e-14));
    CHECK(less.lower == -std::numeric_limits<double>::infinity());
    CHECK(less.upper < two.upper);
}

TEST_CASE("impossible or empty counts give a status")
{
    CHECK(stats::two_proportion_z(5, 4, 1, 10).state == status::out_of_range);
    CHECK(stats::two_proportion_z(1, 4, 1, 10, {.alpha = 1.0}).state == status::out_of_range);
    CHECK(stats::two_proportion_z(0, 0, 1, 10).state == status::too_few);
    const auto none = stats::two_proportion_z(0, 10, 0, 12);
    CHECK(none.state == status::zero_variance);
    CHECK(none.p_value == 1.0);
    CHECK(none.lower < 0.0);
    CHECK(none.upper > 0.0);
    CHECK(stats::two_proportion_z(10, 10, 12, 12).state == status::zero_variance);
    CHECK(std::isnan(stats::wilson_interval(2, 0).lower));
    CHECK(std::isnan(stats::wilson_interval(2, 1).upper));
    CHECK(std::isnan(stats::agresti_coull_interval(1, 2, 0.0).upper));
}
