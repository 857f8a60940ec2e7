// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/quantile.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::latency_sketch;
using joust::status;
using joust_test::engine;

namespace {

/// P(Bin(n, q) <= k) by plain addition.
double binomial(double k, double n, double q)
{
    double sum = 0.0;
    for (double j = 0.0; j <= k; j += 1.0) {
        sum += std::exp(std::lgamma(n + 1.0) - std::lgamma(j + 1.0) - std::lgamma(n - j + 1.0) +
                        j * std::log(q) + (n - j) * std::log1p(-q));
    }
    return sum;
}

std::int64_t latency(engine& random, double scale)
{
    return static_cast<std::int64_t>(scale * std::exp(0.5 * random.bell()));
}

}  // namespace

TEST_CASE("ranks are the tightest that enclose a quantile with the promised probability")
{
    for (const std::uint64_t n : {5ULL, 20ULL, 100ULL, 1000ULL}) {
        for (const double q : {0.02, 0.5, 0.9, 0.99}) {
            for (const double alpha : {0.2, 0.05, 0.001}) {
                const auto ranks = stats::quantile_ranks(n, q, alpha);
                const double nd = static_cast<double>(n);
                const double lower = static_cast<double>(ranks.lower);
                const double upper = static_cast<double>(ranks.upper);
                INFO("n " << n << ", q " << q << ", alpha " << alpha);
                if (ranks.lower > 0) {
                    CHECK(binomial(lower - 1.0, nd, q) <= 0.5 * alpha);
                }
                CHECK(binomial(lower, nd, q) > 0.5 * alpha);
                // P(X >= upper) = P(n - X <= n - upper)
                if (ranks.upper <= n) {
                    CHECK(binomial(nd - upper, nd, 1.0 - q) <= 0.5 * alpha);
                }
                CHECK(binomial(nd - upper + 1.0, nd, 1.0 - q) > 0.5 * alpha);
            }
        }
    }
    CHECK(stats::quantile_ranks(0, 0.5) == stats::rank_interval{0, 1});
    CHECK(stats::quantile_ranks(10, 1.5) == stats::rank_interval{0, 11});
}

TEST_CASE("ranks of a billion values are found quickly and agree with the normal approximation")
{
    const auto ranks = stats::quantile_ranks(1000000000ULL, 0.99);
    const double sd = std::sqrt(1e9 * 0.99 * 0.01);
    CHECK(static_cast<double>(ranks.lower) == Approx(0.99e9 - 1.96 * sd).margin(3.0));
    CHECK(static_cast<double>(ranks.upper) == Approx(0.99e9 + 1.96 * sd).margin(4.0));
}

TEST_CASE("a sorted sample and its sketch agree within the sketch's error")
{
    engine random{1};
    std::vector<double> values;
    latency_sketch sketch;
    for (int i = 0; i < 20000; ++i) {
        const std::int64_t ns = latency(random, 2e6);
        values.push_back(static_cast<double>(ns));
        sketch.add(ns);
    }
    std::sort(values.begin(), values.end());
    for (const double q : {0.5, 0.9, 0.99}) {
        for (const std::uint64_t planned : {std::uint64_t{0}, std::uint64_t{20000}}) {
            const stats::quantile_options options{q, 0.05, planned};
            const auto exact = stats::quantile_interval(values, options);
            const auto binned = stats::quantile_interval(sketch, options);
            REQUIRE(exact.state == status::ok);
            REQUIRE(binned.state == status::ok);
            CHECK(binned.estimate == Approx(exact.estimate).epsilon(0.008));
            // the sketch's interval contains the exact one, and hardly more
            CHECK(binned.lower <= exact.lower);
            CHECK(binned.upper >= exact.upper);
            CHECK(binned.lower >= exact.lower * (1.0 - 1.0 / 64.0));
            CHECK(binned.upper <= exact.upper * (1.0 + 1.0 / 64.0));
        }
    }
}

TEST_CASE("one-look intervals of a difference and a ratio cover")
{
    engine random{2};
    int difference = 0, ratio = 0;
    const int runs = 400;
    const double truth = 1.2e6 - 1e6;  // medians of scaled copies of one distribution
    for (int run = 0; run < runs; ++run) {
        latency_sketch x, y;
        for (int i = 0; i < 1000; ++i) {
            x.add(latency(random, 1.2e6));
            y.add(latency(random, 1e6));
        }
        const auto d = stats::quantile_difference(x, y, {.q = 0.5});
        const auto r = stats::quantile_ratio(x, y, {.q = 0.5});
        REQUIRE(d.state == status::ok);
        REQUIRE(r.state == status::ok);
        difference += d.lower <= truth && truth <= d.upper ? 1 : 0;
        ratio += r.lower <= 1.2 && 1.2 <= r.upper ? 1 : 0;
    }
    CHECK(difference >= 365);  // 380 expected; 365 is the 99.9 % limit
    CHECK(ratio >= 365);
}

TEST_CASE("a confidence sequence covers at every look")
{
    engine random{3};
    int missed = 0;
    for (int run = 0; run < 100; ++run) {
        latency_sketch x, y;
        bool inside = true;
        for (int i = 1; i <= 4000; ++i) {
            x.add(latency(random, 1e6));
            y.add(latency(random, 1e6));
            if (i % 40 == 0) {
                const auto r = stats::quantile_ratio(x, y, {.q = 0.9, .planned = 2000});
                if (r.state == status::ok) {
                    inside = inside && r.lower <= 1.0 && 1.0 <= r.upper;
                }
            }
        }
        missed += inside ? 0 : 1;
    }
    CHECK(missed <= 8);  // 5 allowed in the mean
}

TEST_CASE("a tail that is twice as slow is found")
{
    engine random{4};
    latency_sketch x, y;
    for (int i = 0; i < 20000; ++i) {
        x.add(latency(random, 2e6));
        y.add(latency(random, 1e6));
    }
    const auto ratio = stats::quantile_ratio(x, y, {.q = 0.99, .planned = 20000});
    CHECK(ratio.state == status::ok);
    CHECK(ratio.lower > 1.5);
    CHECK(ratio.upper < 2.6);
    CHECK(ratio.estimate == Approx(2.0).epsilon(0.1));
    const auto difference = stats::quantile_difference(y, x, {.q = 0.99, .planned = 20000});
    CHECK(difference.upper < 0.0);
    CHECK(ratio.first == Approx(2.0 * ratio.second).epsilon(0.1));
}

TEST_CASE("swapping the sketches mirrors the comparison")
{
    engine random{5};
    latency_sketch x, y;
    for (int i = 0; i < 3000; ++i) {
        x.add(latency(random, 2e6));
        y.add(latency(random, 1e6));
    }
    for (const std::uint64_t planned : {std::uint64_t{0}, std::uint64_t{3000}}) {
        const auto a = stats::quantile_difference(x, y, {0.9, 0.05, planned});
        const auto b = stats::quantile_difference(y, x, {0.9, 0.05, planned});
        CHECK(a.lower == Approx(-b.upper).epsilon(1e-14));
        CHECK(a.upper == Approx(-b.lower).epsilon(1e-14));
        const auto r = stats::quantile_ratio(x, y, {0.9, 0.05, planned});
        const auto s = stats::quantile_ratio(y, x, {0.9, 0.05, planned});
        CHECK(r.lower == Approx(1.0 / s.upper).epsilon(1e-13));
    }
}

TEST_CASE("too few values, an infinite last bin and invalid options give a status or an open end")
{
    latency_sketch empty, small, zeros, endless;
    for (int i = 0; i < 50; ++i) {
        small.add(1000 + i);
    }
    for (int i = 0; i < 2000; ++i) {
        zeros.add(0);
        endless.add(latency_sketch::limit + i);
    }
    CHECK(stats::quantile_interval(empty).state == status::too_few);
    CHECK(stats::quantile_difference(empty, small, {.q = 0.5}).state == status::too_few);
    CHECK(stats::quantile_interval(small).state == status::too_few);  // no order statistic bounds p99 of 50
    CHECK(stats::quantile_interval(small, {.q = 0.5}).state == status::ok);
    CHECK(stats::quantile_interval(small, {.q = 0.9, .planned = 100}).state == status::burn_in);
    CHECK(stats::quantile_ratio(zeros, zeros, {.q = 0.5}).state == status::out_of_range);
    CHECK(stats::quantile_difference(zeros, zeros, {.q = 0.5}).state == status::ok);
    const auto open = stats::quantile_interval(endless, {.q = 0.5});
    CHECK(open.state == status::ok);
    CHECK(open.upper == std::numeric_limits<double>::infinity());
    CHECK(open.lower < 1e13);
    for (const double q : {0.0, 1.0, -1.0, stats::not_a_number}) {
        CHECK(stats::quantile_interval(small, {.q = q}).state == status::out_of_range);
        CHECK(stats::quantile_ratio(small, small, {.q = q}).state == status::out_of_range);
    }
    const std::vector<double> unsorted{3.0, 1.0, 2.0};
    const std::vector<double> bad{1.0, stats::not_a_number};
    const std::vector<double> none;
    CHECK(stats::quantile_interval(unsorted, {.q = 0.5}).state == status::out_of_range);
    CHECK(stats::quantile_interval(bad, {.q = 0.5}).state == status::out_of_range);
    CHECK(stats::quantile_interval(none, {.q = 0.5}).state == status::too_few);
}
