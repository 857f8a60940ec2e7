// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/ks.hpp>

#include "stats/oracle_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::ks_p;
using stats::side;

namespace {

struct distances {
    double high = 0.0, low = 0.0;
};

distances plain_distances(const std::vector<double>& x, const std::vector<double>& y)
{
    std::vector<double> at = x;
    at.insert(at.end(), y.begin(), y.end());
    distances d;
    for (const double t : at) {
        const auto share = [&](const std::vector<double>& v) {
            return static_cast<double>(std::count_if(v.begin(), v.end(), [&](double u) { return u <= t; })) /
                   static_cast<double>(v.size());
        };
        d.high = std::fmax(d.high, share(x) - share(y));
        d.low = std::fmax(d.low, share(y) - share(x));
    }
    return d;
}

}  // namespace

TEST_CASE("exact p-values count all divisions of the values, with ties and without")
{
    joust_test::engine draw{61};
    for (int round = 0; round < 60; ++round) {
        std::vector<double> x, y;
        const auto value = [&] { return round % 2 == 0 ? draw.uniform() : std::floor(4.0 * draw.uniform()); };
        const std::size_t m = 1 + draw.next() % 6, n = 1 + draw.next() % 6;
        for (std::size_t i = 0; i < m; ++i) {
            x.push_back(value());
        }
        for (std::size_t i = 0; i < n; ++i) {
            y.push_back(value());
        }
        const distances seen = plain_distances(x, y);
        std::vector<double> all = x;
        all.insert(all.end(), y.begin(), y.end());
        std::vector<int> taken(m + n, 0);
        std::fill(taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(m), 1);
        double two = 0.0, greater = 0.0, less = 0.0, count = 0.0;
        do {
            std::vector<double> a, b;
            for (std::size_t i = 0; i < all.size(); ++i) {
                (taken[i] == 1 ? a : b).push_back(all[i]);
            }
            const distances d = plain_distances(a, b);
            two += std::fmax(d.high, d.low) >= std::fmax(seen.high, seen.low) - 1e-12 ? 1.0 : 0.0;
            greater += d.low >= seen.low - 1e-12 ? 1.0 : 0.0;
            less += d.high >= seen.high - 1e-12 ? 1.0 : 0.0;
            count += 1.0;
        } while (std::prev_permutation(taken.begin(), taken.end()));
        INFO(m << ", " << n << ", round " << round);
        const auto r = stats::ks_two_sample(x, y);
        CHECK(r.statistic == Approx(std::fmax(seen.high, seen.low)).epsilon(1e-14));
        CHECK(std::fabs(r.estimate) == r.statistic);
        CHECK(r.p_value == Approx(two / count).epsilon(1e-13));
        CHECK(stats::ks_two_sample(x, y, {.alternative = side::greater}).p_value ==
              Approx(greater / count).epsilon(1e-13));
        CHECK(stats::ks_two_sample(x, y, {.alternative = side::less}).p_value ==
              Approx(less / count).epsilon(1e-13));
    }
}

TEST_CASE("the reference rows of the two-sample test")
{
    CHECK(joust_test::hold_to_rows("ks_2samp", [](const joust_test::oracle_row& row) {
              const auto r = stats::ks_two_sample(
                  joust_test::numbers(row.inputs["a"]), joust_test::numbers(row.inputs["b"]),
                  {.p_value = row.name == "asymp" ? ks_p::one_sample : ks_p::automatic});
              return row.field == "D" ? r.statistic : r.p_value;
          }) == 4);
    // R's convention for the limit on the same values
    const auto rows = joust_test::oracle_rows("ks_2samp");
    const auto limit =
        stats::ks_two_sample(joust_test::numbers(rows[0].inputs["a"]),
                             joust_test::numbers(rows[0].inputs["b"]), {.p_value = ks_p::limit});
    CHECK(limit.p_value == Approx(0.20756670121825505).epsilon(1e-13));
    CHECK(limit.method == "two-sample Kolmogorov-Smirnov test, Kolmogorov's limit");
}

TEST_CASE("wholly apart, p is two over the number of orders, with its logarithm below the smallest double")
{
    for (const int n : {3, 40, 700, 3000}) {
        std::vector<double> x, y;
        for (int i = 0; i < n; ++i) {
            x.push_back(i);
            y.push_back(i + 10'000);
        }
        y.push_back(99'999.0);
        const auto r = stats::ks_two_sample(x, y);
        const double m = static_cast<double>(n);
        const double want =
            std::log(2.0) - (std::lgamma(2.0 * m + 2.0) - std::lgamma(m + 1.0) - std::lgamma(m + 2.0));
        INFO(n);
        CHECK(r.statistic == 1.0);
        CHECK(r.log_p == Approx(want).epsilon(2e-12));
        CHECK(r.p_value == Approx(std::exp(want)).epsilon(1e-11));
        CHECK(r.estimate == 1.0);  // the first sample's distribution function lies above
        CHECK(r.location == n - 1);
    }
}

TEST_CASE("for equal sizes the one-sided tail has a closed form")
{
    // P(n D+ >= k) = C(2n, n - k) / C(2n, n)
    for (const int n : {10, 200, 2000}) {
        for (const int k : {1, n / 10 + 1, n / 2}) {
            std::vector<double> x, y;
            for (int i = 0; i < n; ++i) {  // the first k of x come before all of y, then they alternate
                x.push_back(i < k ? i - 1000.0 : i - k);
                y.push_back(i + 0.5);
            }
            const auto r = stats::ks_two_sample(x, y, {.alternative = side::less, .p_value = ks_p::exact});
            REQUIRE(r.statistic >= static_cast<double>(k) / n);
            const double reach = std::round(r.statistic * n);
            double want = 0.0;
            for (double i = 1.0; i <= reach; i += 1.0) {
                want += std::log((n - i + 1.0) / (n + i));
            }
            CHECK(r.log_p == Approx(want).epsilon(1e-11).margin(1e-13));
        }
    }
}

TEST_CASE("exact and limit meet at large samples, and automatic says which it took")
{
    joust_test::engine draw{67};
    std::vector<double> x, y;
    for (int i = 0; i < 3'000; ++i) {
        x.push_back(draw.bell());
        y.push_back(draw.bell() + 0.05);
    }
    const auto exact = stats::ks_two_sample(x, y);
    const auto limit = stats::ks_two_sample(x, y, {.p_value = ks_p::limit});
    CHECK(exact.method == "two-sample Kolmogorov-Smirnov test, exact");
    CHECK(limit.p_value == Approx(exact.p_value).epsilon(0.1));
    for (int i = 0; i < 1'000; ++i) {
        x.push_back(draw.bell());
    }
    CHECK(stats::ks_two_sample(x, y).method == "two-sample Kolmogorov-Smirnov test, Kolmogorov's limit");
    const auto one_sided = stats::ks_two_sample(x, y, {.alternative = side::less});
    const double lambda = one_sided.statistic * std::sqrt(4000.0 * 3000.0 / 7000.0);
    CHECK(one_sided.log_p == Approx(-2.0 * lambda * lambda).epsilon(1e-13));
}

TEST_CASE("equal, empty and bad samples")
{
    const std::vector<double> some{3.0, 1.0, 2.0};
    const auto equal = stats::ks_two_sample(some, some);
    CHECK(equal.state == status::ok);
    CHECK(equal.statistic == 0.0);
    CHECK(equal.p_value == 1.0);
    CHECK(stats::ks_two_sample(some, {}).state == status::too_few);
    CHECK(stats::ks_two_sample({}, some).state == status::too_few);
    const std::vector<double> missing{1.0, std::nan("")};
    CHECK(stats::ks_two_sample(some, missing).state == status::out_of_range);
    CHECK(stats::ks_two_sample(some, some, {.alpha = 0.0}).state == status::out_of_range);
    CHECK(stats::ks_two_sample(std::vector<double>{1.0}, std::vector<double>{2.0}).p_value == 1.0);
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(stats::ks_two_sample(std::vector<double>{infinity, 1.0}, some).state == status::ok);
}
