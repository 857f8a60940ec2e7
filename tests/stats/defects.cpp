// SPDX-License-Identifier: Apache-2.0

// What other engines were measured to get wrong, and what joust gives on the same input. Defects of sequential methods have
// their tests beside them: boundaries from cumulative spending and grids of low order in group_sequential.cpp, differences of
// log-gamma in sequential_srm.cpp, asymptotic sequences without a burn-in in asymptotic_cs.cpp.

#include <joust/stats/moments.hpp>
#include <joust/stats/tests/equivalence.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/stats/tests/welch.hpp>

#include "catch.hpp"
#include "stats/support.hpp"

#include <cmath>
#include <vector>

using namespace joust;
using namespace joust_test;

TEST_CASE("p-values by 1 - cdf lose every digit in the tail: here they keep them")
{
    // Two samples of equal size n and unit variance have t = difference / sqrt(2 / n), and 2 n - 2 degrees of freedom.
    const auto welch = [](double t, double n) {
        return stats::welch_t(stats::sample_summary{n, t * std::sqrt(2.0 / n), 1.0},
                              stats::sample_summary{n, 0.0, 1.0});
    };
    const auto small = welch(8.0, 5'001.0);  // df = 10,000
    CHECK(relative_error(small.df, 10'000.0) < 1e-12);
    CHECK(relative_error(small.p_value, 1.3821208729065309e-15) < 1e-12);
    const double naive = 2.0 * (1.0 - stats::student_t_cdf(8.0, 10'000.0));
    CHECK(relative_error(naive, small.p_value) > 0.02);  // what subtraction leaves: 3.6 % off
    const auto tiny = welch(9.0, 500'001.0);             // df = 1,000,000
    CHECK(relative_error(tiny.p_value, 2.2609730334928361e-19) < 1e-12);
    CHECK(2.0 * (1.0 - stats::student_t_cdf(9.0, 1e6)) == 0.0);
    const auto beyond = welch(60.0, 500'001.0);
    CHECK(beyond.p_value == 0.0);
    CHECK(beyond.log_p < -1'700.0);
}

TEST_CASE("variances from sums and sums of squares cancel far from zero: here they do not")
{
    // A sample with standard deviation 1 exactly: half of the values one below, half one above the mean.
    for (const double mean : {1e6, 1e7, 1e8}) {
        std::vector<double> values(100'000);
        double sum = 0.0;
        double squares = 0.0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = mean + (i % 2 == 0 ? -1.0 : 1.0) + 0.1 * static_cast<double>(i % 7);
            sum += values[i];
            squares += values[i] * values[i];
        }
        const double n = static_cast<double>(values.size());
        const double naive = (squares - sum * sum / n) / (n - 1.0);
        long double centre = 0.0L;
        for (const double x : values) {
            centre += static_cast<long double>(x);
        }
        centre /= static_cast<long double>(values.size());
        long double exact = 0.0L;
        for (const double x : values) {
            exact += (static_cast<long double>(x) - centre) * (static_cast<long double>(x) - centre);
        }
        exact /= static_cast<long double>(values.size() - 1);
        CAPTURE(mean, naive);
        CHECK(relative_error(stats::moments{values}.summary().variance, static_cast<double>(exact)) < 1e-13);
        if (mean >= 1e7) {
            CHECK(relative_error(naive, static_cast<double>(exact)) > 1e-4);
        }
    }
}

TEST_CASE("the score test of a difference solves the restricted likelihood, not a wrong cubic")
{
    // 15 of 200 against 28 of 210 at a difference of -0.1: the exact restricted maximum gives z = 1.35899, p = 0.1741; one
    // widespread program gives 1.39923 and 0.1617.
    const auto found = stats::non_inferiority(15, 200, 28, 210, {.margin = 0.1});
    const double z = found.state == status::ok ? found.statistic : std::nan("");
    CHECK(std::fabs(z - 1.35899) < 1e-5);
    CHECK(std::fabs(2.0 * stats::normal_sf(z) - 0.1741) < 5e-5);
    // The maximum of the likelihood, by brute force over the second proportion.
    double best = 0.0;
    double highest = -1e300;
    for (double p2 = 0.1 + 1e-7; p2 < 0.3; p2 += 1e-6) {
        const double p1 = p2 - 0.1;
        const double likelihood =
            15 * std::log(p1) + 185 * std::log1p(-p1) + 28 * std::log(p2) + 182 * std::log1p(-p2);
        if (likelihood > highest) {
            highest = likelihood;
            best = p2;
        }
    }
    const double p1 = best - 0.1;
    const double variance = (p1 * (1.0 - p1) / 200.0 + best * (1.0 - best) / 210.0) * (410.0 / 409.0);
    CHECK(std::fabs(z - (15.0 / 200.0 - 28.0 / 210.0 + 0.1) / std::sqrt(variance)) < 1e-5);
}

TEST_CASE("two constant samples have a state, not a NaN that looks like a result")
{
    const std::vector<double> same(5, 2.0);
    const auto found = stats::welch_t(same, same);
    CHECK(found.state == status::zero_variance);
    CHECK(std::isnan(found.p_value));
}
