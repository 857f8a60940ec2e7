// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/two_sample_bernoulli.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using stats::side;

namespace {

// The expectation over arms drawn with the share and outcomes with rates that drift, all 4^n paths; the share
// may change too.
double expectation(int n, double rate, double drift, double second_lower, side alternative)
{
    double sum = 0.0;
    for (std::uint32_t path = 0; path < (1U << (2U * static_cast<unsigned>(n))); ++path) {
        stats::two_sample_bernoulli test{{.alternative = alternative}};
        double probability = 1.0;
        for (int i = 0; i < n; ++i) {
            const unsigned bits = path >> (2U * static_cast<unsigned>(i));
            const bool first = (bits & 1U) != 0;
            const bool hit = (bits & 2U) != 0;
            const double share = i < n / 2 ? 0.1 : 0.5;
            const double p = rate + drift * i + (first ? 0.0 : second_lower);
            probability *= (first ? share : 1.0 - share) * (hit ? p : 1.0 - p);
            test.update(first, hit, share);
        }
        sum += probability * std::exp(test.log_e());
    }
    return sum;
}

}  // namespace

TEST_CASE("with randomised arms the expectation is exactly one, under drift and changing shares")
{
    for (const double rate : {0.001, 0.05, 0.5}) {
        for (const double drift : {0.0, 0.05}) {
            for (const side alternative : {side::two, side::greater, side::less}) {
                INFO("rate " << rate << " drift " << drift);
                CHECK(expectation(6, rate, drift, 0.0, alternative) == Approx(1.0).epsilon(1e-12));
            }
        }
    }
    // a first rate below the second is inside the null of `greater`
    CHECK(expectation(6, 0.3, 0.0, 0.2, side::greater) < 1.0);
    CHECK(expectation(6, 0.3, 0.0, 0.2, side::less) > 1.0);
}

TEST_CASE("a constant share in place of the true one is wrong, and the sum over all paths shows it")
{
    // a drifting rate while the share changes, judged with one share
    double sum = 0.0;
    const int n = 6;
    for (std::uint32_t path = 0; path < (1U << 12U); ++path) {
        stats::two_sample_bernoulli test;
        double probability = 1.0;
        for (int i = 0; i < n; ++i) {
            const unsigned bits = path >> (2U * static_cast<unsigned>(i));
            const bool first = (bits & 1U) != 0;
            const bool hit = (bits & 2U) != 0;
            const double share = i < n / 2 ? 0.1 : 0.9;
            const double p = i < n / 2 ? 0.1 : 0.9;
            probability *= (first ? share : 1.0 - share) * (hit ? p : 1.0 - p);
            test.update(first, hit, 0.5);
        }
        sum += probability * std::exp(test.log_e());
    }
    CHECK(sum > 1.02);
}

TEST_CASE("by blocks the expectation is at most one without randomisation")
{
    for (const double rate : {0.01, 0.3, 0.5, 0.9}) {
        for (const auto& sizes : {std::pair{1U, 1U}, std::pair{2U, 1U}, std::pair{1U, 3U}}) {
            // four blocks; every count of successes with its binomial probability
            const auto choose = [](unsigned n, unsigned k) {
                double c = 1.0;
                for (unsigned i = 0; i < k; ++i) {
                    c *= static_cast<double>(n - i) / (i + 1.0);
                }
                return c;
            };
            const unsigned cells = (sizes.first + 1) * (sizes.second + 1);
            double sum = 0.0;
            for (unsigned path = 0; path < cells * cells * cells * cells; ++path) {
                stats::two_sample_bernoulli test;
                double probability = 1.0;
                unsigned rest = path;
                for (int block = 0; block < 4; ++block) {
                    const unsigned cell = rest % cells;
                    rest /= cells;
                    const unsigned k1 = cell % (sizes.first + 1);
                    const unsigned k2 = cell / (sizes.first + 1);
                    const unsigned hits = k1 + k2;
                    probability *= choose(sizes.first, k1) * choose(sizes.second, k2) * std::pow(rate, hits) *
                                   std::pow(1.0 - rate, sizes.first + sizes.second - hits);
                    test.update(k1, sizes.first, k2, sizes.second);
                }
                sum += probability * std::exp(test.log_e());
            }
            INFO("rate " << rate << " blocks " << sizes.first << " + " << sizes.second << ": " << sum);
            CHECK(sum <= 1.0 + 1e-12);
            CHECK(sum > 0.5);
        }
    }
}

TEST_CASE("crossing at any of ten requests has at most probability alpha, by all paths")
{
    double crossed = 0.0;
    for (std::uint32_t path = 0; path < (1U << 20U); ++path) {
        stats::two_sample_bernoulli test;
        for (unsigned i = 0; i < 10; ++i) {
            const unsigned bits = path >> (2U * i);
            test.update((bits & 1U) != 0, (bits & 2U) != 0, 0.5);
        }
        crossed += test.p_value() <= 0.2 ? 0x1p-20 : 0.0;
    }
    INFO(crossed);
    CHECK(crossed <= 0.2);
    CHECK(crossed > 0.005);
}

TEST_CASE("the interval is the projection of the joint region, by brute force over both rates")
{
    struct data {
        std::uint64_t k1, n1, k2, n2;
    };
    for (const data& d :
         {data{30, 100, 45, 110}, data{0, 40, 7, 60}, data{5, 5, 0, 6}, data{12, 400, 11, 380}}) {
        stats::two_sample_bernoulli test;
        test.update(d.k1, d.n1, d.k2, d.n2);
        const stats::bounds ends = test.interval(0.05);
        double low = 1.0, high = -1.0;
        const int steps = 1'000;
        for (int i = 0; i <= steps; ++i) {
            const double p = static_cast<double>(i) / steps;
            const double first = stats::bernoulli_mixture_log_e(d.k1, d.n1, p, {0.18, 0.18});
            if (first > std::log(20.0) + 10.0) {
                continue;
            }
            for (int j = 0; j <= steps; ++j) {
                const double q = static_cast<double>(j) / steps;
                if (first + stats::bernoulli_mixture_log_e(d.k2, d.n2, q, {0.18, 0.18}) <= std::log(20.0)) {
                    low = std::fmin(low, p - q);
                    high = std::fmax(high, p - q);
                }
            }
        }
        INFO(d.k1 << "/" << d.n1 << " and " << d.k2 << "/" << d.n2 << ": [" << ends.lower << ", "
                  << ends.upper << "]");
        CHECK(ends.lower <= low + 1e-12);
        CHECK(ends.upper >= high - 1e-12);
        CHECK(ends.lower >= low - 0.004);
        CHECK(ends.upper <= high + 0.004);
        CHECK(test.estimate() <= ends.upper);
        CHECK(test.estimate() >= ends.lower);
    }
}

TEST_CASE("a difference is found, parts multiply, and a one-sided test looks one way")
{
    engine random{9};
    stats::two_sample_bernoulli two, greater{{.alternative = side::greater}},
        less{{.alternative = side::less}};
    for (int i = 0; i < 4'000; ++i) {
        const bool first = random.coin(0.3);
        const bool hit = random.coin(first ? 0.15 : 0.08);
        two.update(first, hit, 0.3);
        greater.update(first, hit, 0.3);
        less.update(first, hit, 0.3);
    }
    CHECK(two.p_value() < 1e-4);
    CHECK(greater.p_value() < 1e-4);
    CHECK(less.p_value() > 0.05);
    CHECK(two.interval().lower > 0.0);
    const double sum = two.log_e() + two.log_e();
    stats::two_sample_bernoulli merged = two;
    CHECK(merged.merge(two));
    CHECK(merged.log_e() == Approx(sum).epsilon(1e-14));
    CHECK_FALSE(merged.merge(greater));
    CHECK(merged.interval().upper - merged.interval().lower < two.interval().upper - two.interval().lower);
}

TEST_CASE("two Bernoulli streams give edge cases a status")
{
    stats::two_sample_bernoulli test;
    CHECK(test.state() == status::too_few);
    CHECK(std::isnan(test.log_e()));
    CHECK(std::isnan(test.estimate()));
    CHECK(test.update(true, true, 0.5));
    CHECK(test.state() == status::ok);
    CHECK(test.log_e() == 0.0);  // no bet is placed before anything is known
    CHECK(test.interval().upper == 1.0);
    CHECK(test.interval().lower >= -1.0);
    CHECK_FALSE(test.update(true, true, 0.0));
    CHECK_FALSE(test.update(true, true, stats::not_a_number));
    CHECK_FALSE(test.update(3, 2, 0, 1));
    CHECK(test.refused() == 3);
    CHECK(test.state() == status::out_of_range);
    CHECK(std::isnan(test.p_value()));
    CHECK(stats::two_sample_bernoulli{{.prior = {0.0, 1.0}}}.state() == status::out_of_range);
}
