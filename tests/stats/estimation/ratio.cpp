// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/ratio.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

TEST_CASE("reference values of the delta method")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("ratio_delta")) {
        const auto r = stats::ratio_of_means(row.numbers("num"), row.numbers("den"));
        joust_test::check_oracle(row, row.field == "ratio" ? r.estimate
                                      : row.field == "var" ? r.standard_error * r.standard_error
                                                           : r.standard_error);
        ++driven;
    }
    CHECK(driven == 3);
}

TEST_CASE("with denominators of 1 the comparison is Welch's, the relative one its linear form")
{
    const std::vector<double> x{1e6 + 1.0, 1e6 + 2.5, 1e6 + 3.0, 1e6 + 7.0};
    const std::vector<double> y{1e6 + 0.5, 1e6 + 1.0, 1e6 + 2.0};
    stats::co_moments<2> a, b;
    for (const double v : x) {
        a.add(v, 1.0);
    }
    for (const double v : y) {
        b.add(v, 1.0);
    }
    const auto ratio = stats::ratio_of_means(a, b);
    const auto welch = stats::welch_t(x, y);
    CHECK(relative_error(ratio.statistic, welch.statistic) < 1e-14);
    CHECK(relative_error(ratio.df, welch.df) < 1e-14);
    CHECK(relative_error(ratio.p_value, welch.p_value) < 1e-13);
    const auto relative = stats::relative_difference(x, y);
    CHECK(relative.state == status::ok);
    CHECK(relative_error(relative.estimate, welch.estimate / b.mean(0)) < 1e-13);
    const auto fieller = stats::relative_difference(x, y, {.effect = stats::ratio_effect::fieller});
    CHECK(relative_error(fieller.p_value, welch.p_value) < 1e-13);
    // the three intervals hardly differ where the mean is a million times its error
    CHECK(relative_error(fieller.upper, relative.upper) < 1e-5);
    CHECK(relative_error(fieller.upper, welch.upper / b.mean(0)) < 1e-5);
}

TEST_CASE("Fieller's ends are where the linear test of numerator minus q times denominator is at its level")
{
    const std::vector<double> num{3, 0, 5, 2, 4, 1, 6, 2};
    const std::vector<double> den{10, 3, 12, 9, 11, 4, 15, 8};
    const auto r = stats::ratio_of_means(num, den, {.effect = stats::ratio_effect::fieller});
    REQUIRE(r.state == status::ok);
    REQUIRE(r.shape == stats::set_shape::interval);
    for (const double q : {r.lower, r.upper}) {
        stats::moments linear;
        for (std::size_t i = 0; i < num.size(); ++i) {
            linear.add(num[i] - q * den[i]);
        }
        const double t = linear.mean() / std::sqrt(linear.variance() / 8.0);
        CHECK(relative_error(std::fabs(t), stats::student_t_upper_quantile(0.025, 7.0)) < 1e-12);
    }
}

TEST_CASE("the relative set of two samples is where first minus q times second is at its level")
{
    stats::co_moments<2> a, b;
    joust_test::engine random{157};
    for (int i = 0; i < 12; ++i) {
        a.add(2.0 + random.bell(), 4.0 + random.uniform());
        b.add(1.5 + random.bell(), 4.0 + random.uniform());
    }
    const auto one = stats::ratio_of_means(a);
    const auto two = stats::ratio_of_means(b);
    const auto r = stats::ratio_of_means(a, b, {.effect = stats::ratio_effect::fieller});
    REQUIRE(r.shape == stats::set_shape::interval);
    const double t = stats::student_t_upper_quantile(0.025, r.df);
    for (const double q : {1.0 + r.lower, 1.0 + r.upper}) {
        const double error = std::hypot(one.standard_error, q * two.standard_error);
        CHECK(relative_error(std::fabs(one.estimate - q * two.estimate) / error, t) < 1e-12);
    }
    CHECK(r.upper - r.estimate > 1.2 * (r.estimate - r.lower));  // clearly not symmetric
}

TEST_CASE("a denominator near zero gives an unbounded set, not a wrong interval")
{
    // mean of the denominator 0.1, standard error about 0.6
    const std::vector<double> den{-1.5, 2.0, -1.0, 1.4, -0.4};
    const std::vector<double> clear{5.0, 5.3, 4.9, 5.1, 5.2};
    const auto outside = stats::ratio_of_means(clear, den, {.effect = stats::ratio_effect::fieller});
    CHECK(outside.state == status::ok);
    CHECK(outside.shape == stats::set_shape::outside);
    CHECK(outside.gap_lower < outside.gap_upper);
    CHECK(std::isinf(outside.lower));
    for (const double q : {outside.gap_lower, outside.gap_upper}) {
        stats::moments linear;
        for (std::size_t i = 0; i < den.size(); ++i) {
            linear.add(clear[i] - q * den[i]);
        }
        const double t = linear.mean() / std::sqrt(linear.variance() / 5.0);
        CHECK(relative_error(std::fabs(t), stats::student_t_upper_quantile(0.025, 4.0)) < 1e-11);
    }
    const std::vector<double> noise{-2.0, 3.1, 0.5, -1.2, 0.4};
    const auto all = stats::ratio_of_means(noise, den, {.effect = stats::ratio_effect::fieller});
    CHECK(all.shape == stats::set_shape::everything);
    CHECK(std::isinf(all.lower));
    CHECK(std::isinf(all.upper));
    CHECK(outside.denominator_error > 1.0);
}

TEST_CASE("residuals do not cancel: numerator and denominator nearly proportional and far from zero")
{
    stats::co_moments<2> m;
    stats::moments residual;
    joust_test::engine random{3};
    std::vector<std::pair<double, double>> rows;
    for (int i = 0; i < 200; ++i) {
        const double x = 1e6 + 1e3 * random.bell();
        rows.emplace_back(2.0 * x + 1e-3 * random.bell(), x);
        m.add(rows.back().first, rows.back().second);
    }
    const auto r = stats::ratio_of_means(m);
    for (const auto& [y, x] : rows) {
        residual.add(std::fma(-r.estimate, x, y));
    }
    const double want = std::sqrt(residual.variance() / 200.0) / m.mean(1);
    CHECK(relative_error(r.standard_error, want) < 1e-9);  // the reference itself has residuals of 7 digits
}

TEST_CASE("intervals cover: ratios of skewed counts")
{
    joust_test::engine random{11};
    int covered[3] = {0, 0, 0};
    constexpr int runs = 2000;
    for (int run = 0; run < runs; ++run) {
        stats::co_moments<2> a, b;
        for (int i = 0; i < 200; ++i) {
            for (auto* sample : {&a, &b}) {
                const double x = 1.0 + std::floor(-4.0 * std::log(1.0 - random.uniform()));
                double y = 0.0;
                for (double k = 0.0; k < x; k += 1.0) {
                    y += random.coin(0.3) ? 1.0 : 0.0;
                }
                sample->add(y, x);
            }
        }
        const auto difference = stats::ratio_of_means(a, b);
        const auto relative = stats::ratio_of_means(a, b, {.effect = stats::ratio_effect::relative});
        const auto fieller = stats::ratio_of_means(a, b, {.effect = stats::ratio_effect::fieller});
        covered[0] += difference.lower <= 0.0 && difference.upper >= 0.0 ? 1 : 0;
        covered[1] += relative.lower <= 0.0 && relative.upper >= 0.0 ? 1 : 0;
        covered[2] += fieller.lower <= 0.0 && fieller.upper >= 0.0 ? 1 : 0;
    }
    for (const int c : covered) {
        CHECK(c >= 1868);  // 99.9 % limits of 2,000 runs at 95 %
        CHECK(c <= 1931);
    }
}

TEST_CASE("ratio: edge cases give a status")
{
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> none, one{1.0}, two{1.0, 2.0}, zero{1.0, -1.0}, bad{1.0, nan};
    CHECK(stats::ratio_of_means(none, none).state == status::too_few);
    CHECK(stats::ratio_of_means(one, one).state == status::too_few);
    CHECK(stats::ratio_of_means(two, one).state == status::out_of_range);
    CHECK(stats::ratio_of_means(two, zero).state == status::out_of_range);
    CHECK(stats::ratio_of_means(two, bad).state == status::out_of_range);
    CHECK(stats::ratio_of_means(two, two).state == status::zero_variance);
    const auto r = stats::ratio_of_means(two, two);
    CHECK(std::isnan(r.p_value));
    CHECK(r.estimate == 1.0);
    stats::co_moments<2> a, b;
    for (const double v : {1.0, 2.0, 4.0}) {
        a.add(v, 1.0);
        b.add(-v, 1.0);
    }
    CHECK(stats::ratio_of_means(a, b, {.effect = stats::ratio_effect::relative}).state ==
          status::out_of_range);
    CHECK(stats::ratio_of_means(a, a, {.alpha = 0.0}).state == status::out_of_range);
    CHECK(stats::ratio_of_means(a, stats::co_moments<2>{}).state == status::too_few);
}
