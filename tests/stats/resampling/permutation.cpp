// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/resampling/permutation.hpp>
#include <joust/stats/tests/fisher.hpp>
#include <joust/stats/tests/welch.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

double mean(std::span<const double> x)
{
    double sum = 0.0;
    for (const double value : x) {
        sum += value;
    }
    return sum / static_cast<double>(x.size());
}

}  // namespace

TEST_CASE("all divisions of small samples, against those of the standard library")
{
    joust_test::engine draw{71};
    for (int round = 0; round < 40; ++round) {
        std::vector<double> x, y;
        const std::size_t m = 1 + draw.next() % 6, n = 1 + draw.next() % 6;
        for (std::size_t i = 0; i < m + n; ++i) {
            (i < m ? x : y).push_back(round % 2 == 0 ? 1e9 + draw.bell() : std::floor(4.0 * draw.uniform()));
        }
        std::vector<double> all = x;
        all.insert(all.end(), y.begin(), y.end());
        std::vector<int> taken(m + n, 0);
        std::fill(taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(m), 1);
        const double base = *std::min_element(all.begin(), all.end());
        const auto difference = [&](const std::vector<double>& a, const std::vector<double>& b) {
            double sa = 0.0, sb = 0.0;
            for (const double v : a) {
                sa += v - base;
            }
            for (const double v : b) {
                sb += v - base;
            }
            return sa / static_cast<double>(a.size()) - sb / static_cast<double>(b.size());
        };
        const double seen = difference(x, y);
        double two = 0.0, greater = 0.0, less = 0.0, count = 0.0;
        do {
            std::vector<double> a, b;
            for (std::size_t i = 0; i < all.size(); ++i) {
                (taken[i] == 1 ? a : b).push_back(all[i]);
            }
            const double d = difference(a, b);
            two += std::fabs(d) >= std::fabs(seen) - 1e-12 ? 1.0 : 0.0;
            greater += d >= seen - 1e-12 ? 1.0 : 0.0;
            less += d <= seen + 1e-12 ? 1.0 : 0.0;
            count += 1.0;
        } while (std::prev_permutation(taken.begin(), taken.end()));
        const auto r = stats::permutation(x, y);
        if (r.state == status::zero_variance) {
            CHECK(two == count);
            CHECK(r.p_value == 1.0);
            continue;
        }
        INFO(round << ": " << m << ", " << n);
        CHECK(r.exact);
        CHECK(r.divisions == static_cast<std::uint64_t>(count));
        CHECK(r.p_value == Approx(two / count).epsilon(1e-15));
        CHECK(stats::permutation(x, y, {.alternative = side::greater}).p_value ==
              Approx(greater / count).epsilon(1e-15));
        CHECK(stats::permutation(x, y, {.alternative = side::less}).p_value ==
              Approx(less / count).epsilon(1e-15));
        // the general form with the same statistic gives the same answer
        const auto by_hand =
            stats::permutation(x, y, [&](std::span<const double> a, std::span<const double> b) {
                return difference({a.begin(), a.end()}, {b.begin(), b.end()});
            });
        CHECK(by_hand.p_value == Approx(two / count).epsilon(1e-15));
    }
}

TEST_CASE("of zeros and ones it is Fisher's one-sided test")
{
    const std::vector<double> x{1, 1, 1, 0, 1, 1, 0}, y{0, 1, 0, 0, 0, 1, 0, 0};
    const auto r = stats::permutation(x, y, {.alternative = side::greater});
    CHECK(r.exact);
    CHECK(r.p_value ==
          Approx(stats::fisher_exact(5, 2, 2, 6, {.alternative = side::greater}).p_value).epsilon(1e-14));
    // random divisions come near it
    const auto random =
        stats::permutation(x, y, {.alternative = side::greater, .resamples = 20'000, .exact_up_to = 0});
    CHECK_FALSE(random.exact);
    CHECK(random.divisions == 20'001);
    CHECK(std::fabs(random.p_value - r.p_value) < 4.0 * std::sqrt(r.p_value / 20'000.0));
}

TEST_CASE("random divisions are the same on every platform, and never give zero")
{
    joust_test::engine draw{73};
    std::vector<double> x, y, low, high;
    for (int i = 0; i < 200; ++i) {
        x.push_back(std::floor(100.0 * draw.uniform()));
        y.push_back(std::floor(100.0 * draw.uniform()) + 4.0);
        low.push_back(i);
        high.push_back(i + 1000);
    }
    y.pop_back();
    const auto r = stats::permutation(x, y, {.resamples = 999, .seed = 42});
    CHECK(r.method == "permutation test, Monte Carlo");
    CHECK(std::llround(r.p_value * 1000.0) == 413);  // written down once
    CHECK(r.p_value == stats::permutation(x, y, {.resamples = 999, .seed = 42}).p_value);
    CHECK(r.p_value == Approx(stats::welch_t(x, y).p_value).epsilon(0.4));
    CHECK(stats::permutation(low, high, {.resamples = 999}).p_value == 1.0 / 1000.0);
    // exchanging the samples exchanges the sides
    const auto back = stats::permutation(y, x, {.alternative = side::greater, .resamples = 999});
    const auto forth = stats::permutation(x, y, {.alternative = side::less, .resamples = 999});
    CHECK(back.p_value == forth.p_value);
    CHECK(back.estimate == Approx(-forth.estimate).epsilon(1e-15));
}

TEST_CASE("a null of equal laws is rejected as often as promised")
{
    joust_test::engine draw{79};
    int rejected = 0;
    for (int run = 0; run < 2'000; ++run) {
        std::vector<double> x, y;
        for (int i = 0; i < 12; ++i) {
            x.push_back(std::exp(2.0 * draw.bell()));
            y.push_back(std::exp(2.0 * draw.bell()));
        }
        rejected +=
            stats::permutation(x, y, {.resamples = 199, .seed = static_cast<std::uint64_t>(run)}).p_value <=
                    0.05
                ? 1
                : 0;
    }
    CHECK(rejected > 70);
    CHECK(rejected < 135);  // 100 expected, standard deviation 9.7
}

TEST_CASE("bad input has a state")
{
    const std::vector<double> some{1.0, 2.0}, missing{1.0, std::nan("")},
        far{std::numeric_limits<double>::infinity(), 1.0}, same{3.0, 3.0};
    CHECK(stats::permutation(some, {}).state == status::too_few);
    CHECK(stats::permutation(some, missing).state == status::out_of_range);
    CHECK(stats::permutation(far, some).state == status::out_of_range);
    CHECK(stats::permutation(same, same).state == status::zero_variance);
    CHECK(stats::permutation(some, same, {.resamples = 0, .exact_up_to = 0}).state == status::too_few);
    const auto nothing = [](std::span<const double>, std::span<const double>) { return std::nan(""); };
    CHECK(stats::permutation(some, same, nothing).state == status::out_of_range);
    const auto by_mean = [](std::span<const double> a, std::span<const double> b) {
        return mean(a) - mean(b);
    };
    CHECK(stats::permutation(some, missing, by_mean).state == status::out_of_range);
    CHECK(stats::permutation({}, some, by_mean).state == status::too_few);
    CHECK(stats::permutation(some, same, by_mean).state == status::ok);
}
