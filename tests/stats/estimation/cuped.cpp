// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/cuped.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

TEST_CASE("reference values of CUPED with pooled theta")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("cuped")) {
        const auto y = row.numbers("y");
        const auto x = row.numbers("x");
        const auto t = row.numbers("t");
        stats::co_moments<2> arms[2];
        for (std::size_t i = 0; i < y.size(); ++i) {
            arms[t[i] > 0.0 ? 1 : 0].add(y[i], x[i]);
        }
        const auto r = stats::cuped(arms[1], arms[0]);
        CHECK(r.state == status::ok);
        joust_test::check_oracle(row, row.field == "theta"    ? r.theta
                                      : row.field == "effect" ? r.estimate
                                      : row.field == "t"      ? r.statistic
                                      : row.field == "df"     ? r.df
                                                              : r.p_value);
        CHECK(r.variance_reduction > 0.5);
        ++driven;
    }
    CHECK(driven == 5);
}

TEST_CASE("a constant covariate changes nothing")
{
    const std::vector<double> x{1.0, 2.0, 4.0}, y{2.0, 3.0, 7.0, 9.0}, cx(3, 5.0), cy(4, 5.0);
    const auto r = stats::cuped(x, cx, y, cy);
    const auto plain = stats::welch_t(x, y);
    CHECK(r.theta == 0.0);
    CHECK(relative_error(r.p_value, plain.p_value) < 1e-14);
    CHECK(r.variance_reduction == 0.0);
}

TEST_CASE("with denominators of 1 the form for ratios is that for means")
{
    joust_test::engine random{5};
    stats::co_moments<2> a2, b2;
    stats::co_moments<4> a4, b4;
    for (int i = 0; i < 60; ++i) {
        const double before = random.bell();
        const double y = before + 0.5 * random.bell();
        (i % 2 == 0 ? a2 : b2).add(y, before);
        (i % 2 == 0 ? a4 : b4).add(y, 1.0, before, 1.0);
    }
    const auto means = stats::cuped(a2, b2);
    const auto ratios = stats::cuped(a4, b4);
    CHECK(relative_error(ratios.theta, means.theta) < 1e-12);
    CHECK(relative_error(ratios.statistic, means.statistic) < 1e-12);
    CHECK(relative_error(ratios.p_value, means.p_value) < 1e-12);
    CHECK(relative_error(ratios.variance_reduction, means.variance_reduction) < 1e-12);
}

TEST_CASE("theta 0 for ratios is the plain comparison of ratios")
{
    joust_test::engine random{6};
    stats::co_moments<4> a4, b4;
    stats::co_moments<2> a2, b2;
    for (int i = 0; i < 50; ++i) {
        const double x = 3.0 + random.uniform();
        const double y = x * random.uniform();
        const double before = 2.0 + random.uniform();
        (i % 2 == 0 ? a4 : b4).add(y, x, before * random.uniform(), before);
        (i % 2 == 0 ? a2 : b2).add(y, x);
    }
    const auto adjusted = stats::cuped(a4, b4, {.theta = 0.0});
    const auto plain = stats::ratio_of_means(a2, b2);
    CHECK(relative_error(adjusted.statistic, plain.statistic) < 1e-12);
    CHECK(relative_error(adjusted.estimate, plain.estimate) < 1e-12);
}

TEST_CASE("CUPED for ratios covers, and shrinks the error by what the past explains")
{
    joust_test::engine random{21};
    int covered = 0;
    double reduction = 0.0;
    constexpr int runs = 2000;
    for (int run = 0; run < runs; ++run) {
        stats::co_moments<4> arm[2];
        for (int i = 0; i < 300; ++i) {
            const double rate = random.uniform();  // a unit's habit, the same before and after
            const double x = 1.0 + std::floor(8.0 * random.uniform());
            const double before = 1.0 + std::floor(8.0 * random.uniform());
            double y = 0.0, y_before = 0.0;
            for (double k = 0.0; k < x; k += 1.0) {
                y += random.coin(rate) ? 1.0 : 0.0;
            }
            for (double k = 0.0; k < before; k += 1.0) {
                y_before += random.coin(rate) ? 1.0 : 0.0;
            }
            arm[i % 2].add(y, x, y_before, before);
        }
        const auto r = stats::cuped(arm[0], arm[1]);
        covered += r.lower <= 0.0 && r.upper >= 0.0 ? 1 : 0;
        reduction += r.variance_reduction / runs;
    }
    CHECK(covered >= 1868);
    CHECK(covered <= 1931);
    CHECK(reduction > 0.2);
}

TEST_CASE("cuped: edge cases give a status")
{
    const stats::co_moments<2> none;
    CHECK(stats::cuped(none, none).state == status::too_few);
    const std::vector<double> x{1.0, 2.0}, y{1.0, std::numeric_limits<double>::quiet_NaN()}, z{1.0};
    CHECK(stats::cuped(x, x, x, y).state == status::out_of_range);
    CHECK(stats::cuped(x, x, x, z).state == status::out_of_range);
    CHECK(stats::cuped(x, x, x, x).state == status::zero_variance);  // the covariate is the outcome
    stats::co_moments<4> empty_before;
    empty_before.add(1.0, 2.0, 1.0, 0.0);
    empty_before.add(2.0, 2.0, 3.0, 0.0);
    CHECK(stats::cuped(empty_before, empty_before).state == status::out_of_range);
}
