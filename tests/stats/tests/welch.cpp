// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/welch.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;
using stats::side;

namespace {

const std::vector<double> a{2.1, 3.4, 1.9, 5.6, 4.4, 3.8, 2.7, 4.9, 3.3, 4.1};
const std::vector<double> b{3.0, 4.2, 5.1, 6.3, 4.8, 5.5, 3.9, 6.1, 4.7};
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("raw samples, moments and summaries give the same Welch test")
{
    const auto raw = stats::welch_t(a, b);
    const auto streamed = stats::welch_t(stats::moments{a}, stats::moments{b});
    const auto summarised = stats::welch_t(stats::moments{a}.summary(), stats::moments{b}.summary());
    CHECK(raw.state == status::ok);
    CHECK(raw.statistic == streamed.statistic);
    CHECK(summarised.statistic == Approx(raw.statistic).epsilon(1e-14));
    CHECK(summarised.p_value == Approx(raw.p_value).epsilon(1e-13));
    CHECK(raw.method == "Welch's t-test");
    CHECK(raw.log_p == Approx(std::log(raw.p_value)).epsilon(1e-14));
}

TEST_CASE("swapping the samples mirrors the Welch test")
{
    const auto forward = stats::welch_t(a, b);
    const auto backward = stats::welch_t(b, a);
    CHECK(backward.statistic == -forward.statistic);
    CHECK(backward.p_value == forward.p_value);
    CHECK(backward.lower == -forward.upper);
    CHECK(backward.upper == -forward.lower);
}

TEST_CASE("one-sided p-values add to one and their intervals are open on one side")
{
    const auto less = stats::welch_t(a, b, {.alternative = side::less});
    const auto greater = stats::welch_t(a, b, {.alternative = side::greater});
    CHECK(less.p_value + greater.p_value == Approx(1.0).epsilon(1e-15));
    CHECK(less.p_value == Approx(0.5 * stats::welch_t(a, b).p_value).epsilon(1e-14));
    CHECK(less.lower == -infinity);
    CHECK(greater.upper == infinity);
    // the two-sided interval at 2 alpha has the one-sided ends
    const auto two = stats::welch_t(a, b, {.alpha = 0.1});
    CHECK(less.upper == Approx(two.upper).epsilon(1e-13));
    CHECK(greater.lower == Approx(two.lower).epsilon(1e-13));
}

TEST_CASE("an interval's end is where the p-value is alpha")
{
    for (const double alpha : {0.5, 0.05, 1e-6}) {
        const auto result = stats::welch_t(a, b, {.alpha = alpha});
        for (const double end : {result.lower, result.upper}) {
            std::vector<double> shifted = a;
            for (double& x : shifted) {
                x -= end;
            }
            CHECK(stats::welch_t(shifted, b).p_value == Approx(alpha).epsilon(1e-11));
        }
    }
}

TEST_CASE("p-values hold where one minus a cdf has lost them, and on the log scale below the smallest double")
{
    // t = 8, df = 1e4 and t = 9, df = 1e6: 40-digit arithmetic; subtraction gives 3.6 % error and 0
    const auto at = [](double t, double n) {
        // two samples of n / 2 + 1 with unit variance: df = n, standard error 1 / sqrt(n / 4 + 1/2)
        const double half = 0.5 * n + 1.0;
        return stats::welch_t({half, t * std::sqrt(2.0 / half), 1.0}, stats::sample_summary{half, 0.0, 1.0});
    };
    CHECK(at(8.0, 1e4).statistic == Approx(8.0).epsilon(1e-14));
    CHECK(at(8.0, 1e4).df == Approx(1e4).epsilon(1e-14));
    CHECK(std::log(0.5 * at(8.0, 1e4).p_value) == Approx(-34.908304391644012876).margin(1e-12));
    CHECK(std::log(0.5 * at(9.0, 1e6).p_value) == Approx(-43.626468681027563019).margin(1e-12));
    const auto far = at(60.0, 500000.0);
    CHECK(far.p_value == 0.0);
    CHECK(relative_error(far.log_p, -1798.5609110776741567 + std::log(2.0)) < 1e-13);
}

TEST_CASE("a large offset costs no digit")
{
    std::vector<double> x = a;
    std::vector<double> y = b;
    for (double& v : x) {
        v = 1e9 + std::ldexp(std::floor(v * 1024.0), -10);
    }
    for (double& v : y) {
        v = 1e9 + std::ldexp(std::floor(v * 1024.0), -10);
    }
    std::vector<double> x0 = x;
    std::vector<double> y0 = y;
    for (double& v : x0) {
        v -= 1e9;  // exact: all values are multiples of 2^-10
    }
    for (double& v : y0) {
        v -= 1e9;
    }
    const auto far = stats::welch_t(x, y);
    const auto near = stats::welch_t(x0, y0);
    CHECK(relative_error(far.statistic, near.statistic) < 1e-13);
    CHECK(relative_error(far.df, near.df) < 1e-13);
    CHECK(relative_error(far.p_value, near.p_value) < 1e-12);
}

TEST_CASE("bad samples give a status")
{
    const std::vector<double> one{1.0};
    const std::vector<double> same{2.0, 2.0, 2.0};
    const std::vector<double> bad{1.0, 2.0, stats::not_a_number};
    const std::vector<double> infinite{1.0, 2.0, infinity};
    const std::vector<double> huge{-1e300, 1e300, 0.0};
    CHECK(stats::welch_t(one, b).state == status::too_few);
    CHECK(stats::welch_t(std::vector<double>{}, b).state == status::too_few);
    CHECK(stats::welch_t(same, std::vector<double>{1.0, 1.0}).state == status::zero_variance);
    CHECK(stats::welch_t(same, std::vector<double>{1.0, 1.0}).estimate == 1.0);
    CHECK(stats::welch_t(same, b).state == status::ok);  // one constant sample is no obstacle
    CHECK(stats::welch_t(bad, b).state == status::out_of_range);
    CHECK(stats::welch_t(b, infinite).state == status::out_of_range);
    CHECK(stats::welch_t(huge, b).state == status::out_of_range);
    CHECK(stats::welch_t(a, b, {.alpha = 0.0}).state == status::out_of_range);
    CHECK(stats::welch_t(a, b, {.alpha = stats::not_a_number}).state == status::out_of_range);
    CHECK(stats::welch_t({5.0, 1.0, -1.0}, stats::sample_summary{5.0, 1.0, 1.0}).state ==
          status::out_of_range);
    CHECK(stats::student_t(one, b).state == status::too_few);
    CHECK(stats::student_t(same, same).state == status::zero_variance);
    for (const auto& r : {stats::welch_t(bad, b), stats::welch_t(one, b)}) {
        CHECK(std::isnan(r.p_value));  // nothing that could be mistaken for evidence
    }
}

TEST_CASE("the pooled test agrees with Welch's where both samples have one size and variance")
{
    const std::vector<double> shifted{3.1, 4.4, 2.9, 6.6, 5.4, 4.8, 3.7, 5.9, 4.3, 5.1};
    const auto welch = stats::welch_t(a, shifted);
    const auto pooled = stats::student_t(a, shifted);
    CHECK(pooled.statistic == Approx(welch.statistic).epsilon(1e-13));
    CHECK(pooled.df == 18.0);
    CHECK(welch.df == Approx(18.0).epsilon(1e-13));
}
