// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/mann_whitney.hpp>

#include "stats/oracle_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::rank_p;
using stats::side;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double plain_u(const std::vector<double>& x, const std::vector<double>& y)
{
    double u = 0.0;
    for (const double a : x) {
        for (const double b : y) {
            u += a > b ? 1.0 : a == b ? 0.5 : 0.0;
        }
    }
    return u;
}

struct brute {
    double two = 0.0, greater = 0.0, less = 0.0;
};

/// Over all divisions of the values into samples of these sizes.
brute enumerate(const std::vector<double>& x, const std::vector<double>& y)
{
    std::vector<double> all = x;
    all.insert(all.end(), y.begin(), y.end());
    std::vector<int> taken(all.size(), 0);
    std::fill(taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(x.size()), 1);
    const double observed = plain_u(x, y);
    const double middle = 0.5 * static_cast<double>(x.size() * y.size());
    brute p;
    double count = 0.0;
    do {
        std::vector<double> a, b;
        for (std::size_t i = 0; i < all.size(); ++i) {
            (taken[i] == 1 ? a : b).push_back(all[i]);
        }
        const double u = plain_u(a, b);
        p.two += std::fabs(u - middle) >= std::fabs(observed - middle) ? 1.0 : 0.0;
        p.greater += u >= observed ? 1.0 : 0.0;
        p.less += u <= observed ? 1.0 : 0.0;
        count += 1.0;
    } while (std::prev_permutation(taken.begin(), taken.end()));
    return {p.two / count, p.greater / count, p.less / count};
}

}  // namespace

TEST_CASE("exact p-values are counts over all divisions, with ties and without")
{
    joust_test::engine draw{17};
    for (int round = 0; round < 60; ++round) {
        std::vector<double> x, y;
        const bool lumped = round % 2 == 1;
        const auto value = [&] { return lumped ? std::floor(4.0 * draw.uniform()) : draw.uniform(); };
        for (std::size_t i = 0; i < 1 + draw.next() % 5; ++i) {
            x.push_back(value());
        }
        for (std::size_t i = 0; i < 1 + draw.next() % 6; ++i) {
            y.push_back(value() + 0.0);
        }
        const auto p = [&](side alternative) {
            return stats::mann_whitney_u(x, y, {.alternative = alternative, .p_value = rank_p::exact});
        };
        const auto two = p(side::two);
        CHECK(two.statistic == plain_u(x, y));
        CHECK(two.superiority ==
              Approx(plain_u(x, y) / static_cast<double>(x.size() * y.size())).epsilon(1e-15));
        if (two.state != status::ok) {
            continue;
        }
        const brute want = enumerate(x, y);
        CHECK(two.p_value == Approx(want.two).epsilon(1e-13));
        CHECK(p(side::greater).p_value == Approx(want.greater).epsilon(1e-13));
        CHECK(p(side::less).p_value == Approx(want.less).epsilon(1e-13));
        CHECK(two.log_p == Approx(std::log(two.p_value)).margin(1e-14));
    }
}

TEST_CASE("the reference rows of Mann and Whitney's test")
{
    CHECK(joust_test::hold_to_rows("mann_whitney", [](const joust_test::oracle_row& row) {
              const auto r = stats::mann_whitney_u(joust_test::numbers(row.inputs["a"]),
                                                   joust_test::numbers(row.inputs["b"]));
              return row.field == "p" ? r.p_value : r.statistic;
          }) == 8);
}

TEST_CASE("the method says what it did, and falls back where enumeration is too long")
{
    joust_test::engine draw{2};
    std::vector<double> x, y;
    for (int i = 0; i < 49; ++i) {
        x.push_back(draw.uniform());
        y.push_back(draw.uniform());
    }
    CHECK(stats::mann_whitney_u(x, y).method == "Mann-Whitney U test, exact");
    const auto asymptotic = stats::mann_whitney_u(x, y, {.p_value = rank_p::asymptotic});
    CHECK(asymptotic.method == "Mann-Whitney U test, normal limit, corrected for continuity");
    CHECK(asymptotic.p_value == Approx(stats::mann_whitney_u(x, y).p_value).epsilon(0.03));
    x.push_back(x[0]);
    CHECK(stats::mann_whitney_u(x, y).method ==
          "Mann-Whitney U test, normal limit, corrected for ties and continuity");
    CHECK(stats::mann_whitney_u(x, y, {.continuity = false}).method ==
          "Mann-Whitney U test, normal limit, corrected for ties");
    for (int i = 0; i < 1000; ++i) {
        x.push_back(draw.uniform());
        y.push_back(draw.uniform());
    }
    CHECK(stats::mann_whitney_u(x, y, {.p_value = rank_p::exact}).method ==
          "Mann-Whitney U test, normal limit, corrected for ties and continuity");
}

TEST_CASE("exact values of larger samples: two orders of C(2n, n) are wholly apart")
{
    std::vector<double> x, y;
    for (int i = 0; i < 100; ++i) {
        x.push_back(i);
        y.push_back(1000 + i);
    }
    const auto r = stats::mann_whitney_u(x, y, {.p_value = rank_p::exact});
    CHECK(r.method == "Mann-Whitney U test, exact");
    const double want = std::log(2.0) - (std::lgamma(201.0) - 2.0 * std::lgamma(101.0));
    CHECK(r.log_p == Approx(want).epsilon(1e-13));
    // ties: groups of two, all of the first sample below all of the second; 25 + 25 values
    std::vector<double> a, b;
    for (int i = 0; i < 25; ++i) {
        a.push_back(i / 2);
        b.push_back(1000 + i / 2);
    }
    const auto tied = stats::mann_whitney_u(a, b, {.p_value = rank_p::exact});
    CHECK(tied.method == "Mann-Whitney U test, exact given the ties");
    CHECK(tied.log_p == Approx(std::log(2.0) - (std::lgamma(51.0) - 2.0 * std::lgamma(26.0))).epsilon(1e-12));
}

TEST_CASE("the shift is the median of all differences and its interval inverts the exact test")
{
    joust_test::engine draw{23};
    for (int round = 0; round < 20; ++round) {
        std::vector<double> x, y;
        for (std::size_t i = 0; i < 4 + draw.next() % 8; ++i) {
            x.push_back(draw.bell() + 0.5);
        }
        for (std::size_t i = 0; i < 4 + draw.next() % 8; ++i) {
            y.push_back(draw.bell());
        }
        std::vector<double> differences;
        for (const double a : x) {
            for (const double b : y) {
                differences.push_back(a - b);
            }
        }
        std::sort(differences.begin(), differences.end());
        const std::size_t n = differences.size();
        const auto r = stats::mann_whitney_u(x, y, {.alpha = 0.1});
        CHECK(r.estimate == Approx(0.5 * (differences[(n - 1) / 2] + differences[n / 2])).epsilon(1e-15));
        // moved by a little less than an end the test does not reject, by a little more it does
        for (const double way : {-1.0, 1.0}) {
            const double end = way < 0.0 ? r.lower : r.upper;
            for (const double step : {-1e-9, 1e-9}) {
                std::vector<double> moved = x;
                for (double& value : moved) {
                    value -= end + way * step;
                }
                const double p = stats::mann_whitney_u(moved, y).p_value;
                CHECK((step < 0.0 ? p > 0.1 : p <= 0.1));
            }
        }
        const auto one = stats::mann_whitney_u(x, y, {.alpha = 0.05, .alternative = side::greater});
        CHECK(one.lower == r.lower);
        CHECK(one.upper == infinity);
    }
    // three against three never reach 5 %: nothing is excluded
    const auto few = stats::mann_whitney_u(std::vector<double>{1, 2, 3}, std::vector<double>{7, 8, 9});
    CHECK(few.lower == -infinity);
    CHECK(few.upper == infinity);
    CHECK(few.estimate == -6.0);
    CHECK(std::isnan(
        stats::mann_whitney_u(std::vector<double>{1, 2}, std::vector<double>{3}, {.shift = false}).estimate));
}

TEST_CASE("far apart large samples have an exact logarithm")
{
    std::vector<double> x, y;
    for (int i = 0; i < 20'000; ++i) {
        x.push_back(i);
        y.push_back(i + 15'000.5);
    }
    const auto r = stats::mann_whitney_u(x, y);
    CHECK(r.p_value == 0.0);
    const double n = 20'000.0, u = plain_u({x.begin(), x.begin() + 1}, y) + 5'000.0 * 4'999.0 / 2.0;
    const double z = (0.5 * n * n - u - 0.5) / std::sqrt(n * n * (2.0 * n + 1.0) / 12.0);
    CHECK(r.statistic == u);
    CHECK(r.log_p == Approx(std::log(2.0) + stats::log_normal_sf(z)).epsilon(1e-13));
}

TEST_CASE("more than two million ties")
{
    std::vector<double> x(1'500'000, 1.0), y(1'500'000, 1.0);
    x[0] = 2.0;
    const auto r = stats::mann_whitney_u(x, y, {.continuity = false, .shift = false});
    // one value alone above N - 1 equal ones: variance m n / 12 * 3 N (N - 1) / (N (N - 1)) = m n / 4
    const double m = 1.5e6;
    CHECK(r.statistic == 0.5 * m * m + 0.5 * m);
    CHECK(r.p_value == Approx(2.0 * stats::normal_sf(1.0)).epsilon(1e-13));
}

TEST_CASE("empty, constant, infinite and missing values")
{
    const std::vector<double> some{1.0, 2.0, 3.0};
    CHECK(stats::mann_whitney_u({}, some).state == status::too_few);
    CHECK(stats::mann_whitney_u(some, {}).state == status::too_few);
    const std::vector<double> missing{1.0, std::nan("")};
    const auto refused = stats::mann_whitney_u(some, missing);
    CHECK(refused.state == status::out_of_range);
    CHECK(std::isnan(refused.p_value));
    CHECK(stats::mann_whitney_u(some, some, {.alpha = 1.0}).state == status::out_of_range);
    const std::vector<double> same(5, 4.0);
    const auto constant = stats::mann_whitney_u(same, same);
    CHECK(constant.state == status::zero_variance);
    CHECK(constant.p_value == 1.0);
    CHECK(constant.estimate == 0.0);
    const std::vector<double> timeouts{1.0, infinity, infinity};
    const auto bounded = stats::mann_whitney_u(timeouts, some, {.p_value = rank_p::exact});
    CHECK(bounded.state == status::ok);
    CHECK(bounded.statistic == 6.5);
    CHECK(std::isnan(bounded.estimate));
    const auto one = stats::mann_whitney_u(std::vector<double>{1.0}, std::vector<double>{2.0});
    CHECK(one.p_value == 1.0);
    CHECK(stats::mann_whitney_u(std::vector<double>{1e308}, std::vector<double>{-1e308}).p_value == 1.0);
}
