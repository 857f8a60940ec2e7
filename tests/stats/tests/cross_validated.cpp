// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/cross_validated.hpp>
#include <joust/stats/tests/paired.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

TEST_CASE("the corrected resampled t by hand")
{
    const std::vector<double> a{0.9, 0.8, 0.85, 0.95, 0.9, 0.7, 0.8, 0.9, 0.85, 0.9};
    const std::vector<double> b{0.85, 0.8, 0.8, 0.9, 0.88, 0.72, 0.75, 0.86, 0.84, 0.85};
    const auto r = stats::corrected_resampled_t(a, b, 0.1);
    const auto plain = stats::paired_t(a, b);
    // The variance factor is 1 / 10 + (1 / 10) / (9 / 10) in place of 1 / 10.
    CHECK(relative_error(r.statistic, plain.statistic * std::sqrt(0.1 / (0.1 + 1.0 / 9.0))) < 1e-13);
    CHECK(r.df == 9.0);
    CHECK(relative_error(r.p_value, 2.0 * stats::student_t_sf(r.statistic, 9.0)) < 1e-14);
    CHECK(r.p_value > plain.p_value);
}

TEST_CASE("5x2cv tests by hand")
{
    const std::vector<double> d{0.02, 0.04, 0.01, 0.03, 0.05, 0.01, 0.02, 0.02, 0.03, 0.00};
    double squares = 0.0, total = 0.0;
    for (std::size_t i = 0; i < 10; i += 2) {
        const double mean = (d[i] + d[i + 1]) / 2.0;
        squares += (d[i] - mean) * (d[i] - mean) + (d[i + 1] - mean) * (d[i + 1] - mean);
        total += d[i] * d[i] + d[i + 1] * d[i + 1];
    }
    const auto t = stats::five_by_two_t(d);
    CHECK(relative_error(t.statistic, 0.02 / std::sqrt(squares / 5.0)) < 1e-13);
    CHECK(t.df == 5.0);
    const auto f = stats::five_by_two_f(d);
    CHECK(relative_error(f.statistic, total / (2.0 * squares)) < 1e-13);
    CHECK(relative_error(f.p_value, stats::f_sf(total / (2.0 * squares), 10.0, 5.0)) < 1e-13);
    CHECK(relative_error(f.estimate, 0.023) < 1e-13);
}

TEST_CASE("Diebold and Mariano by hand; one step ahead it is the paired t-test")
{
    joust_test::engine random{83};
    std::vector<double> a, b;
    for (int i = 0; i < 60; ++i) {
        a.push_back(random.uniform());
        b.push_back(random.uniform() + 0.1);
    }
    const auto one = stats::diebold_mariano(a, b);
    // At horizon 1 the correction (n - 1) / n turns the variance with divisor n into that with n - 1.
    CHECK(relative_error(one.p_value, stats::paired_t(a, b).p_value) < 1e-12);
    const auto three = stats::diebold_mariano(a, b, {.horizon = 3});
    double mean = 0.0;
    for (std::size_t i = 0; i < 60; ++i) {
        mean += (a[i] - b[i]) / 60.0;
    }
    double gamma[3] = {};
    for (std::size_t lag = 0; lag < 3; ++lag) {
        for (std::size_t i = lag; i < 60; ++i) {
            gamma[lag] += (a[i] - b[i] - mean) * (a[i - lag] - b[i - lag] - mean) / 60.0;
        }
    }
    const double dm = mean / std::sqrt((gamma[0] + 2.0 * gamma[1] + 2.0 * gamma[2]) / 60.0);
    const double corrected = dm * std::sqrt((60.0 + 1.0 - 6.0 + 6.0 / 60.0) / 60.0);
    CHECK(relative_error(three.statistic, corrected) < 1e-12);
    CHECK(three.df == 59.0);
}

TEST_CASE("levels: where the plain t-test is too sure the corrected ones are not")
{
    joust_test::engine random{89};
    constexpr int runs = 2000;
    int resampled = 0, plain = 0, moving = 0, ignoring = 0, five_f = 0;
    for (int run = 0; run < runs; ++run) {
        // Split scores that share a component of correlation 0.1, the test share.
        const double shared = std::sqrt(0.1) * random.bell();
        std::vector<double> a, b;
        for (int i = 0; i < 10; ++i) {
            a.push_back(shared + std::sqrt(0.9) * random.bell());
            b.push_back(0.0);
        }
        resampled += stats::corrected_resampled_t(a, b, 0.1).p_value < 0.05 ? 1 : 0;
        plain += stats::paired_t(a, b).p_value < 0.05 ? 1 : 0;
        five_f += stats::five_by_two_f(std::vector<double>(a)).p_value < 0.05 ? 1 : 0;
        // Losses of forecasts three steps ahead: moving averages.
        std::vector<double> noise, x, zero(100, 0.0);
        for (int i = 0; i < 102; ++i) {
            noise.push_back(random.bell());
        }
        for (std::size_t i = 0; i < 100; ++i) {
            x.push_back(noise[i] + noise[i + 1] + noise[i + 2]);
        }
        moving += stats::diebold_mariano(x, zero, {.horizon = 3}).p_value < 0.05 ? 1 : 0;
        ignoring += stats::diebold_mariano(x, zero).p_value < 0.05 ? 1 : 0;
    }
    CHECK(resampled <= 134);  // 5 % of 2,000 and its 99.9 % limit
    CHECK(plain > 200);
    CHECK(five_f < 160);
    CHECK(moving < 220);  // the correction is not perfect at n = 100: about 7 %
    CHECK(ignoring > 400);
}

TEST_CASE("cross validated: edge cases give a status")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> none, one{1.0}, two{1.0, 2.0}, flat{1.0, 1.0}, bad{1.0, missing};
    CHECK(stats::corrected_resampled_t(none, none, 0.1).state == status::too_few);
    CHECK(stats::corrected_resampled_t(one, one, 0.1).state == status::too_few);
    CHECK(stats::corrected_resampled_t(two, one, 0.1).state == status::out_of_range);
    CHECK(stats::corrected_resampled_t(two, bad, 0.1).state == status::out_of_range);
    CHECK(stats::corrected_resampled_t(two, flat, 1.0).state == status::out_of_range);
    CHECK(stats::corrected_resampled_t(two, two, 0.1).state == status::zero_variance);
    CHECK(stats::five_by_two_t(two).state == status::out_of_range);
    CHECK(stats::five_by_two_t(std::vector<double>(10, 0.5)).state == status::zero_variance);
    CHECK(stats::five_by_two_f(std::vector<double>(10, 0.5)).state == status::zero_variance);
    CHECK(stats::five_by_two_f(std::vector<double>(10, missing)).state == status::out_of_range);
    CHECK(stats::five_by_two_t(std::vector<double>(10, missing)).state == status::out_of_range);
    CHECK(stats::diebold_mariano(two, flat, {.horizon = 0}).state == status::out_of_range);
    CHECK(stats::diebold_mariano(two, flat, {.horizon = 1}).state == status::too_few);
    CHECK(stats::diebold_mariano(std::vector<double>(8, 0.1), std::vector<double>(8, 0.3)).state ==
          status::zero_variance);
    // alternating differences: the long-run variance at two steps is negative
    std::vector<double> a, zero(20, 0.0);
    for (int i = 0; i < 20; ++i) {
        a.push_back(i % 2 == 0 ? 1.0 : -1.0);
    }
    CHECK(stats::diebold_mariano(a, zero, {.horizon = 2}).state == status::zero_variance);
}
