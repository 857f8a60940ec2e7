// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/brunner_munzel.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The paper's formulas on midranks found by counting.
struct plain {
    double statistic, df;
};

plain by_ranks(const std::vector<double>& x, const std::vector<double>& y)
{
    const auto rank = [](double value, const std::vector<double>& among) {
        double r = 0.5;
        for (const double other : among) {
            r += other < value ? 1.0 : other == value ? 0.5 : 0.0;
        }
        return r;
    };
    std::vector<double> all = x;
    all.insert(all.end(), y.begin(), y.end());
    const auto part = [&](const std::vector<double>& own, double& mean) {
        std::vector<double> difference;
        mean = 0.0;
        for (const double value : own) {
            difference.push_back(rank(value, all) - rank(value, own));
            mean += rank(value, all) / static_cast<double>(own.size());
        }
        double centre = 0.0, square = 0.0;
        for (const double d : difference) {
            centre += d / static_cast<double>(own.size());
        }
        for (const double d : difference) {
            square += (d - centre) * (d - centre);
        }
        return square / (static_cast<double>(own.size()) - 1.0);
    };
    const double m = static_cast<double>(x.size()), n = static_cast<double>(y.size());
    double mean_x = 0.0, mean_y = 0.0;
    const double sx = part(x, mean_x), sy = part(y, mean_y);
    return {m * n * (mean_y - mean_x) / ((m + n) * std::sqrt(m * sx + n * sy)),
            (m * sx + n * sy) * (m * sx + n * sy) /
                (m * sx * m * sx / (m - 1.0) + n * sy * n * sy / (n - 1.0))};
}

}  // namespace

TEST_CASE("the reference rows of Brunner and Munzel's test")
{
    CHECK(joust_test::hold_to_rows("brunner_munzel", [](const joust_test::oracle_row& row) {
              const auto r = stats::brunner_munzel(joust_test::numbers(row.inputs["a"]),
                                                   joust_test::numbers(row.inputs["b"]));
              return row.field == "p" ? r.p_value : r.statistic;
          }) == 4);
}

TEST_CASE("statistic and degrees of freedom are the paper's, on ranks found by counting")
{
    joust_test::engine draw{41};
    for (int round = 0; round < 60; ++round) {
        std::vector<double> x, y;
        for (std::size_t i = 0; i < 12 + draw.next() % 9; ++i) {
            x.push_back(round % 2 == 0 ? draw.bell() : std::floor(6.0 * draw.uniform()));
            y.push_back(round % 2 == 0 ? 3.0 * draw.bell() : std::floor(8.0 * draw.uniform()));
        }
        y.pop_back();
        const plain want = by_ranks(x, y);
        const auto r = stats::brunner_munzel(x, y);
        REQUIRE(r.state == status::ok);
        CHECK(r.statistic == Approx(want.statistic).epsilon(1e-12).margin(1e-13));
        CHECK(r.df == Approx(want.df).epsilon(1e-12));
        CHECK(r.p_value ==
              Approx(2.0 * stats::student_t_sf(std::fabs(want.statistic), want.df)).epsilon(1e-11));
        const auto normal = stats::brunner_munzel(x, y, {.normal_reference = true});
        CHECK(normal.p_value == Approx(2.0 * stats::normal_sf(std::fabs(want.statistic))).epsilon(1e-11));
        // exchanging the samples mirrors everything
        const auto mirrored = stats::brunner_munzel(y, x);
        CHECK(mirrored.estimate == -r.estimate);
        CHECK(mirrored.lower == Approx(-r.upper).epsilon(1e-12));
        const auto greater = stats::brunner_munzel(x, y, {.alternative = side::greater});
        CHECK((greater.p_value < 0.5) == (r.estimate > 0.0));
        CHECK(greater.upper == infinity);
    }
}

TEST_CASE("samples wholly apart, equal or constant have the limit as p-value and no NaN")
{
    const std::vector<double> low{1.0, 2.0, 3.0}, high{4.0, 5.0, 6.0};
    const auto apart = stats::brunner_munzel(low, high);
    CHECK(apart.state == status::zero_variance);
    CHECK(apart.p_value == 0.0);
    CHECK(apart.log_p == -infinity);
    CHECK(apart.statistic == infinity);
    CHECK(apart.estimate == -1.0);
    CHECK(stats::brunner_munzel(low, high, {.alternative = side::less}).p_value == 0.0);
    CHECK(stats::brunner_munzel(low, high, {.alternative = side::greater}).p_value == 1.0);
    CHECK(stats::brunner_munzel(high, low, {.alternative = side::greater}).p_value == 0.0);
    const std::vector<double> same(4, 7.0);
    const auto constant = stats::brunner_munzel(same, same);
    CHECK(constant.state == status::zero_variance);
    CHECK(constant.p_value == 1.0);
    CHECK(constant.statistic == 0.0);
    // a constant sample against one that lies on both sides of it
    const auto around = stats::brunner_munzel(same, std::vector<double>{6.0, 8.0, 9.0, 10.0});
    CHECK(around.state == status::ok);
    CHECK(around.p_value > 0.0);
    CHECK(around.p_value < 1.0);
}

TEST_CASE("Brunner-Munzel: bad samples have a state")
{
    const std::vector<double> some{1.0, 2.0, 3.0};
    CHECK(stats::brunner_munzel(some, std::vector<double>{1.0}).state == status::too_few);
    CHECK(stats::brunner_munzel(some, std::vector<double>{1.0, std::nan("")}).state == status::out_of_range);
    CHECK(stats::brunner_munzel(some, some, {.alpha = -0.1}).state == status::out_of_range);
    CHECK(stats::brunner_munzel(some, std::vector<double>{-infinity, infinity, 2.0}).state == status::ok);
}
