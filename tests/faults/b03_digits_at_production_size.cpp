// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/distributions.hpp>
#include <joust/quality/auc.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/quality/quality.hpp>
#include <joust/quality/rank_correlation.hpp>
#include <joust/quality/regression.hpp>
#include <joust/stats/co_moments.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/tests/coin.hpp>
#include <joust/stats/tests/delong.hpp>
#include <joust/stats/tests/sign_test.hpp>
#include <joust/stats/tests/spearman.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>

// Reference values by 45-digit arithmetic, at the doubles that are written here.

namespace stats = joust::stats;
namespace quality = joust::quality;
using joust::status;

TEST_CASE("tails of beta and binomial distributions keep twelve digits up to a million million")
{
    CHECK_THAT(stats::beta_cdf(0.3, 3e5, 7e5), WithinRel(0.50011607514156641097, 1e-12));
    CHECK_THAT(stats::beta_cdf(0.3, 3e8, 7e8), WithinRel(0.50000367061739986619, 1e-12));
    CHECK_THAT(stats::beta_cdf(0.3, 3e11, 7e11), WithinRel(0.50000011606545847792, 1e-12));
    CHECK_THAT(stats::beta_sf(0.3, 3e11, 7e11), WithinRel(1.0 - 0.50000011606545847792, 1e-12));
    CHECK_THAT(stats::binomial_cdf(30001000.0, 1e8, 0.3), WithinRel(0.58641822708638451242, 1e-12));
    CHECK_THAT(stats::binomial_cdf(299999000000.0, 1e12, 0.3), WithinRel(0.014548185931241457315, 1e-12));
    CHECK_THAT(stats::binomial_sf(299999000000.0, 1e12, 0.3),
               WithinRel(1.0 - 0.014548185931241457315, 1e-12));
    CHECK_THAT(stats::binomial_log_cdf(299999000000.0, 1e12, 0.3),
               WithinRel(std::log(0.014548185931241457315), 1e-13));
    // P(X >= wins) for a fair coin and its sign test
    const auto coin =
        stats::sign_test(500'001'500'000, 499'998'500'000, 0, {.alternative = stats::side::greater});
    CHECK_THAT(coin.p_value, WithinRel(0.0013499024634762905294, 1e-12));
}

TEST_CASE("exact limits of a proportion keep twelve digits where few of many succeed")
{
    const auto few = stats::clopper_pearson_interval(3, 100'000'000);
    CHECK_THAT(few.lower, WithinRel(6.1867212716854658864e-9, 1e-12));
    CHECK_THAT(few.upper, WithinRel(8.7672728169260398719e-8, 1e-12));
    const auto fewer = stats::clopper_pearson_interval(3, 1'000'000'000'000);
    CHECK_THAT(fewer.lower, WithinRel(6.1867212289602858109e-13, 1e-12));
    CHECK_THAT(fewer.upper, WithinRel(8.7672730697170444108e-12, 1e-12));
    const auto more = stats::clopper_pearson_interval(250'000, 1'000'000'000'000);
    CHECK_THAT(more.lower, WithinRel(2.4902096562609680475e-7, 1e-12));
    CHECK_THAT(more.upper, WithinRel(2.5098193063775368246e-7, 1e-12));
    const auto mirrored = stats::clopper_pearson_interval(99'999'997, 100'000'000);
    CHECK_THAT(1.0 - mirrored.upper, WithinAbs(6.1867212716854658864e-9, 2e-16));
    CHECK_THAT(1.0 - mirrored.lower, WithinAbs(8.7672728169260398719e-8, 2e-16));
}

TEST_CASE(
    "tails of t, F and chi-squared keep twelve digits at a thousand million degrees of freedom and more")
{
    CHECK_THAT(stats::student_t_log_sf(5.0, 1e9), WithinRel(-15.064998225427349565, 1e-14));
    CHECK_THAT(stats::student_t_sf(5.0, 1e9), WithinRel(std::exp(-15.064998225427349565), 1e-12));
    CHECK_THAT(stats::student_t_log_sf(30.0, 1e12), WithinRel(-454.32124375339344503, 1e-14));
    CHECK_THAT(stats::student_t_log_sf(3.0, 1e16), WithinRel(-6.607726221510347081, 1e-14));
    CHECK_THAT(stats::student_t_sf(stats::student_t_upper_quantile(1e-9, 1e10), 1e10),
               WithinRel(1e-9, 1e-12));
    CHECK_THAT(stats::f_sf(1.00001, 1e10, 1e10), WithinRel(0.30853841888760050368, 1e-12));
    CHECK_THAT(stats::f_log_sf(1.00001, 1e10, 1e10), WithinRel(std::log(0.30853841888760050368), 1e-12));
    CHECK_THAT(stats::chi_squared_sf(1e12 + 3e6, 1e12), WithinRel(0.016947496138316950913, 1e-12));
    CHECK_THAT(stats::chi_squared_cdf(1e12 - 3e6, 1e12), WithinRel(0.016947357386312856876, 1e-12));
    CHECK_THAT(stats::chi_squared_log_sf(1e12 + 3e6, 1e12),
               WithinRel(std::log(0.016947496138316950913), 1e-12));
}

TEST_CASE("a quantile of the beta distribution has the probability that was asked for")
{
    for (const double n : {30.0, 1e4, 1e8, 1e12}) {
        for (const double share : {1e-12, 1e-6, 0.01, 0.3, 0.5, 0.9}) {
            const double a = n * share + 0.5, b = n * (1.0 - share) + 0.5;
            for (const double p : {1e-200, 1e-9, 0.025, 0.5, 0.975}) {
                INFO(a << ' ' << b << ' ' << p);
                const double x = stats::beta_quantile(p, a, b);
                // The nearest double is off by its rounding times the slope of the logarithm of the cdf.
                const double allowed = 1e-12 + 4e-16 * std::sqrt(n) * 30.0;
                if (x == 0.0) {
                    CHECK(p == 1e-200);  // the quantile is below the smallest double
                    continue;
                }
                CHECK_THAT(stats::beta_cdf(x, a, b), WithinRel(p, allowed));
            }
        }
    }
}

TEST_CASE("the Matthews correlation of three rare events in a thousand million rows has all digits")
{
    // 2 of 3 events found with 1 false alarm: (TP TN - FP FN) / sqrt of the margins, in whole numbers.
    const std::uint64_t rows = 1'000'000'000;
    const auto rare = quality::confusion::binary(2, 1, 1, rows - 4);
    const double tn = static_cast<double>(rows - 4);
    const double want = (2.0 * tn - 1.0) / (3.0 * (tn + 1.0));
    CHECK_THAT(rare.result(quality::matthews_correlation{}).value, WithinRel(want, 1e-13));
    // The same with the classes the other way round, and at a million million rows.
    const auto turned = quality::confusion::binary(rows - 4, 1, 1, 2);
    CHECK_THAT(turned.result(quality::matthews_correlation{}).value, WithinRel(want, 1e-13));
    const std::uint64_t most = 1'000'000'000'000;
    const auto rarer = quality::confusion::binary(2, 1, 1, most - 4);
    const double many = static_cast<double>(most - 4);
    CHECK_THAT(rarer.result(quality::matthews_correlation{}).value,
               WithinRel((2.0 * many - 1.0) / (3.0 * (many + 1.0)), 1e-13));
    // A worthless prediction of a rare event is worth 0, and a perfect one 1.
    CHECK_THAT(quality::confusion::binary(3, 0, 0, rows - 3).result(quality::matthews_correlation{}).value,
               WithinRel(1.0, 1e-15));
    CHECK(quality::confusion::binary(0, 0, 3, rows - 3).result(quality::matthews_correlation{}).state ==
          status::out_of_range);
}

TEST_CASE("R-squared at an offset is right with a centre and refused without one")
{
    for (const double offset : {1e3, 1e6, 1e9}) {
        quality::row_quality<quality::r_squared> plain, centred{quality::r_squared{.centre = offset}};
        joust_test::engine random{21};
        double squares = 0.0, sum = 0.0, errors = 0.0;
        const int rows = 500;
        for (int i = 0; i < rows; ++i) {
            const double y = offset + std::floor(random.bell() * 1024.0) / 1024.0;
            const double predicted = y + std::floor(random.bell() * 256.0) / 1024.0;
            sum += y - offset;
            squares += (y - offset) * (y - offset);
            errors += (y - predicted) * (y - predicted);
            plain.add(y, predicted);
            centred.add(y, predicted);
        }
        const double want = 1.0 - errors / (squares - sum * sum / rows);
        INFO(offset);
        CHECK(centred.result().state == status::ok);
        CHECK_THAT(centred.result().value, WithinRel(want, 1e-12));
        CHECK(plain.result().state == status::out_of_range);
    }
}

TEST_CASE("variances and correlations keep their digits at offsets of a thousand million")
{
    stats::moments at_offset, around_zero;
    stats::co_moments<2> pair, plain;
    for (int i = 0; i < 1000; ++i) {
        const double x = (i * 37) % 101 / 64.0, y = (i * 53) % 97 / 64.0 + x;
        at_offset.add(1e9 + x);
        around_zero.add(x);
        pair.add(1e9 + x, y - 1e9);
        plain.add(x, y);
    }
    CHECK_THAT(at_offset.variance(), WithinRel(around_zero.variance(), 1e-12));
    CHECK_THAT(pair.covariance(0, 1), WithinRel(plain.covariance(0, 1), 1e-12));
}

TEST_CASE("correlations of ranks and areas under curves do not feel an offset of a thousand million")
{
    std::vector<double> x, y, x_far, y_far;
    std::vector<std::uint8_t> labels;
    for (int i = 0; i < 200; ++i) {
        // Multiples of 1/64 stay exact beside 1e9.
        x.push_back((i * 37) % 101 / 64.0);
        y.push_back((i * 53) % 97 / 64.0 + x.back());
        x_far.push_back(x.back() + 1e9);
        y_far.push_back(y.back() - 1e9);
        labels.push_back((i * 29) % 5 < 2 ? 1 : 0);
    }
    const auto ranks = stats::spearman(x, y), ranks_far = stats::spearman(x_far, y_far);
    CHECK(ranks.estimate > 0.3);
    CHECK(ranks_far.estimate == ranks.estimate);
    CHECK(ranks_far.p_value == ranks.p_value);
    CHECK(joust::quality::kendall_tau_b(x_far, y_far).value == joust::quality::kendall_tau_b(x, y).value);
    const auto area = stats::area_under_curve(labels, x), area_far = stats::area_under_curve(labels, x_far);
    CHECK(area_far.estimate == area.estimate);
    CHECK(area_far.lower == area.lower);
    CHECK(stats::delong(labels, x_far, y_far).p_value == stats::delong(labels, x, y).p_value);
    const std::span<const std::uint8_t> positive{labels};
    CHECK(joust::quality::auc(positive, x_far).value == joust::quality::auc(positive, x).value);
    // Pearson's correlation from co-moments, as in the slope of a covariate.
    stats::co_moments<2> near, far;
    for (std::size_t i = 0; i < x.size(); ++i) {
        near.add(x[i], y[i]);
        far.add(x_far[i], y_far[i]);
    }
    const auto correlation = [](const stats::co_moments<2>& m) {
        return m.covariance(0, 1) / std::sqrt(m.variance(0) * m.variance(1));
    };
    CHECK_THAT(correlation(far), WithinRel(correlation(near), 1e-12));
}
