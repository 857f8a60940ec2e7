// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/equivalence.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;
using kind = stats::margin_kind;

namespace {

const std::vector<double> a{2.1, 3.4, 1.9, 5.6, 4.4, 3.8, 2.7, 4.9, 3.3, 4.1};
const std::vector<double> b{3, 4.2, 5.1, 6.3, 4.8, 5.5, 3.9, 6.1, 4.7};

}  // namespace

TEST_CASE("reference values of two one-sided Welch tests")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("tost_welch")) {
        const double margin = row.number("margin");
        const auto r = stats::tost(row.numbers("a"), row.numbers("b"), {.lower = -margin, .upper = margin});
        CHECK(r.state == status::ok);
        joust_test::check_oracle(row, row.field == "p"                                 ? r.p_value
                                      : row.field == "t_low"                           ? r.statistic_lower
                                      : row.field == "t_upp"                           ? r.statistic_upper
                                      : row.field == "p_lower" || row.field == "p_low" ? r.p_lower
                                                                                       : r.p_upper);
        ++driven;
    }
    CHECK(driven == 8);
}

TEST_CASE("the interval is Welch's at level 1 - 2 alpha, and decides as the p-value does")
{
    const auto welch = stats::welch_t(a, b, {.alpha = 0.10});
    for (const double margin : {0.5, 1.0, 1.9, 2.0, 2.2, 2.5, 4.0}) {
        const auto r = stats::tost(a, b, {.lower = -margin, .upper = margin});
        CHECK(relative_error(r.lower, welch.lower) < 1e-12);
        CHECK(relative_error(r.upper, welch.upper) < 1e-12);
        CHECK(r.equivalent == (r.lower > -margin && r.upper < margin));
    }
}

TEST_CASE("a relative margin tests a linear combination, and its interval inverts it")
{
    stats::moments scaled;
    for (const double y : b) {
        scaled.add(0.8 * y);
    }
    const auto r = stats::non_inferiority(a, b, {.margin = 0.2, .kind = kind::relative});
    const auto linear = stats::welch_t(stats::moments{a}, scaled, {.alternative = stats::side::greater});
    CHECK(relative_error(r.p_value, linear.p_value) < 1e-12);
    CHECK(relative_error(r.estimate, stats::moments{a}.mean() / stats::moments{b}.mean() - 1.0) < 1e-14);
    const auto at_bound =
        stats::non_inferiority(a, b, {.margin = -r.lower, .kind = kind::relative});  // the bound is below 0
    CHECK(relative_error(at_bound.p_value, 0.05) < 1e-10);
    const auto both = stats::tost(a, b, {.lower = -0.2, .upper = 0.25, .kind = kind::relative});
    CHECK(relative_error(both.p_lower, r.p_value) < 1e-14);
    CHECK(relative_error(both.lower, r.lower) < 1e-12);
}

TEST_CASE("signs: which way is better")
{
    // a is about 1.2 below b
    const auto worse = stats::non_inferiority(a, b, {.margin = 0.1});
    CHECK(worse.p_value > 0.9);
    const auto better = stats::non_inferiority(a, b, {.margin = 0.1, .lower_is_better = true});
    CHECK(better.p_value < 0.02);
    CHECK(std::isinf(worse.upper));
    CHECK(std::isinf(better.lower));
    CHECK(better.upper < 0.1);
    const auto plain = stats::superiority(b, a);
    CHECK(relative_error(plain.p_value, stats::welch_t(b, a, {.alternative = stats::side::greater}).p_value) <
          1e-14);
    CHECK(relative_error(plain.lower, stats::welch_t(b, a, {.alternative = stats::side::greater}).lower) <
          1e-12);
    const auto by_half = stats::superiority(b, a, {.margin = 0.5});
    CHECK(by_half.p_value > plain.p_value);
    const auto down = stats::superiority(a, b, {.margin = 0.5, .lower_is_better = true});
    CHECK(relative_error(down.p_value, by_half.p_value) < 1e-14);
    CHECK(relative_error(
              stats::superiority(stats::moments{b}.summary(), stats::moments{a}.summary(), {.margin = 0.5})
                  .p_value,
              by_half.p_value) < 1e-12);
}

TEST_CASE("score tests of proportions at a margin agree with a brute-force restricted likelihood")
{
    struct table {
        std::uint64_t k1, n1, k2, n2;
    };
    for (const auto& t : {table{15, 200, 28, 210}, table{3, 50, 1, 60}, table{180, 200, 170, 200}}) {
        const double n1 = static_cast<double>(t.n1), n2 = static_cast<double>(t.n2);
        const double k1 = static_cast<double>(t.k1), k2 = static_cast<double>(t.k2);
        for (const bool relative : {false, true}) {
            const double null = relative ? 0.3 : 0.05;
            double best = -1e300;
            double p2_at_best = 0.0;
            const auto p1_of = [&](double p2) { return relative ? (1.0 + null) * p2 : p2 + null; };
            double low = 1e-9, high = relative ? 1.0 / (1.0 + null) : 1.0 - null;
            for (int round = 0; round < 60; ++round) {  // ternary search of a concave function
                const double one = low + (high - low) / 3.0;
                const double two = high - (high - low) / 3.0;
                const auto log_likelihood = [&](double p2) {
                    const double p1 = p1_of(p2);
                    return k1 * std::log(p1) + (n1 - k1) * std::log1p(-p1) + k2 * std::log(p2) +
                           (n2 - k2) * std::log1p(-p2);
                };
                (log_likelihood(one) < log_likelihood(two) ? low : high) =
                    log_likelihood(one) < log_likelihood(two) ? one : two;
                best = std::fmax(best, log_likelihood(one));
                p2_at_best = 0.5 * (low + high);
            }
            const double p1 = p1_of(p2_at_best), p2 = p2_at_best;
            const double q = relative ? 1.0 + null : 1.0;
            const double variance =
                (p1 * (1 - p1) / n1 + q * q * p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1.0);
            const double z = (k1 / n1 - q * k2 / n2 - (relative ? 0.0 : null)) / std::sqrt(variance);
            const auto r = stats::superiority(
                t.k1, t.n1, t.k2, t.n2, {.margin = null, .kind = relative ? kind::relative : kind::absolute});
            REQUIRE(r.state == status::ok);
            CHECK(std::fabs(r.statistic - z) < 1e-6);
            const auto at = stats::superiority(
                t.k1, t.n1, t.k2, t.n2,
                {.margin = std::fmax(r.lower, 0.0), .kind = relative ? kind::relative : kind::absolute});
            if (r.lower > 0.0) {
                CHECK(relative_error(at.p_value, 0.05) < 1e-9);
            }
        }
    }
    const auto tost = stats::tost(100, 1000, 104, 1000, {.lower = -0.05, .upper = 0.05});
    CHECK(tost.state == status::ok);
    CHECK(tost.equivalent);
    const auto mn = stats::two_proportion_z(
        100, 1000, 104, 1000, {.alpha = 0.1, .interval = stats::difference_interval::miettinen_nurminen});
    CHECK(std::fabs(tost.lower - mn.lower) < 1e-12);
    CHECK(std::fabs(tost.upper - mn.upper) < 1e-12);
}

TEST_CASE("TOST keeps its level at the margin")
{
    joust_test::engine random{17};
    int rejected = 0;
    constexpr int runs = 4000;
    for (int run = 0; run < runs; ++run) {
        stats::moments x, y;
        for (int i = 0; i < 40; ++i) {
            x.add(1.0 + random.bell());  // exactly at the upper margin
            y.add(random.bell());
        }
        rejected += stats::tost(x, y, {.lower = -1.0, .upper = 1.0}).equivalent ? 1 : 0;
    }
    CHECK(rejected <= 245);  // 5 % of 4,000 and its 99.9 % limit
    CHECK(rejected >= 157);
}

TEST_CASE("equivalence: edge cases give a status")
{
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> one{1.0}, flat{1.0, 1.0}, bad{1.0, nan}, negative{-1.0, -2.0};
    CHECK(stats::tost(a, b, {}).state == status::out_of_range);
    CHECK(stats::tost(a, b, {.lower = 1.0, .upper = -1.0}).state == status::out_of_range);
    CHECK(stats::tost(one, b, {.lower = -1.0, .upper = 1.0}).state == status::too_few);
    CHECK(stats::tost(flat, flat, {.lower = -1.0, .upper = 1.0}).state == status::zero_variance);
    CHECK(stats::tost(a, bad, {.lower = -1.0, .upper = 1.0}).state == status::out_of_range);
    CHECK(stats::tost(a, negative, {.lower = -0.5, .upper = 0.5, .kind = kind::relative}).state ==
          status::out_of_range);
    CHECK(stats::tost(a, b, {.lower = -1.0, .upper = 0.5, .kind = kind::relative}).state ==
          status::out_of_range);
    CHECK(stats::non_inferiority(a, b, {.margin = -0.1}).state == status::out_of_range);
    CHECK(std::isnan(stats::non_inferiority(a, bad, {.margin = 0.1}).p_value));
    CHECK(stats::non_inferiority(5, 4, 1, 10, {.margin = 0.1}).state == status::out_of_range);
    CHECK(stats::non_inferiority(0, 0, 1, 10, {.margin = 0.1}).state == status::too_few);
    CHECK(stats::non_inferiority(3, 10, 0, 10, {.margin = 0.1, .kind = kind::relative}).state ==
          status::too_few);
    CHECK(stats::superiority(0, 10, 0, 10, {}).state == status::zero_variance);
    const auto rare = stats::non_inferiority(0, 1000, 0, 1000, {.margin = 0.01, .lower_is_better = true});
    CHECK(rare.state == status::ok);  // no event at all is evidence against a large difference
    CHECK(rare.p_value < 0.01);
    // a second mean that is not clearly above zero bounds nothing
    const std::vector<double> wide{-5.0, 6.0, 0.5};
    const auto open = stats::tost(a, wide, {.lower = -0.9, .upper = 9.0, .kind = kind::relative});
    CHECK(open.state == status::ok);
    CHECK(std::isinf(open.upper));
}
