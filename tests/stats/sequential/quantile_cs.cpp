// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/quantile_cs.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;

TEST_CASE("the probability that a quantile ever leaves its ranks is below alpha, exactly, over two thousand")
{
    for (const double q : {0.5, 0.95}) {
        const stats::quantile_cs_options options{.q = q, .planned = 300.0};
        std::vector<double> reach(2'002, 0.0), next;  // by how many are at most the quantile
        reach[0] = 1.0;
        double left = 0.0;
        for (std::uint64_t n = 1; n <= 2'000; ++n) {
            const stats::rank_pair ranks = stats::sequential_quantile_ranks(n, 0.05, options);
            next.assign(2'002, 0.0);
            for (std::uint64_t k = 0; k <= n; ++k) {
                const double mass = reach[k] * (1.0 - q) + (k > 0 ? reach[k - 1] * q : 0.0);
                // the quantile is at or above the lower rank if that many are at most it, and below the upper
                (k >= ranks.lower && k < ranks.upper ? next[k] : left) += mass;
            }
            reach.swap(next);
        }
        INFO("q " << q << ": " << left);
        CHECK(left <= 0.05);
        CHECK(left > 0.01);
    }
}

TEST_CASE("interval and e-value agree, and enclose the quantile")
{
    engine random{1};
    const stats::quantile_cs_options options{.q = 0.9, .null = 0.0, .planned = 500.0};
    stats::quantile_confidence_sequence cs{options};
    std::vector<double> x;
    for (int i = 0; i < 800; ++i) {
        x.push_back(-std::log(1.0 - random.uniform()));
        cs.update(x.back());
    }
    const double truth = std::log(10.0);
    const stats::bounds ends = cs.interval(0.05);
    CHECK(ends.lower < truth);
    CHECK(ends.upper > truth);
    CHECK(cs.estimate() > ends.lower);
    CHECK(cs.estimate() < ends.upper);
    std::sort(x.begin(), x.end());
    CHECK(cs.estimate() == x[719]);
    for (const double shift : {-1e-9, 1e-9}) {
        stats::quantile_e_process low{{.q = 0.9, .null = ends.lower + shift, .planned = 500.0}};
        stats::quantile_e_process high{{.q = 0.9, .null = ends.upper + shift, .planned = 500.0}};
        for (const double each : x) {
            low.update(each);
            high.update(each);
        }
        CHECK((low.log_e() >= std::log(20.0)) == (shift < 0.0));
        CHECK((high.log_e() >= std::log(20.0)) == (shift > 0.0));
    }
}

TEST_CASE("while nothing is excluded the ends are infinite")
{
    const stats::rank_pair few = stats::sequential_quantile_ranks(3, 0.05);
    CHECK(few.lower == 0);
    CHECK(few.upper == 4);
    stats::quantile_confidence_sequence cs{{.q = 0.99}};
    for (int i = 0; i < 60; ++i) {
        cs.update(i);
    }
    CHECK(std::isinf(cs.interval().upper));
    CHECK(cs.interval().lower > 0.0);
    CHECK(stats::sequential_quantile_ranks(0, 0.05) == stats::rank_pair{0, 1});
    CHECK(stats::sequential_quantile_ranks(10, 0.0) == stats::rank_pair{0, 11});
    CHECK(stats::sequential_quantile_ranks(10, 0.05, {.q = 1.0}) == stats::rank_pair{0, 11});
}

TEST_CASE("with ties the evidence is the smallest over all orders of them")
{
    // 60 % of all values are the median itself
    engine random{2};
    stats::quantile_e_process test{{.q = 0.5, .null = 5.0}};
    for (int i = 0; i < 3'000; ++i) {
        const double u = random.uniform();
        test.update(u < 0.3 ? 1.0 : u < 0.9 ? 5.0 : 9.0);
        CHECK(test.log_e() <= 1e-12);
    }
    CHECK(test.p_value() == 1.0);
    stats::quantile_e_process wrong{{.q = 0.95, .null = 5.0}};
    for (int i = 0; i < 3'000; ++i) {
        const double u = random.uniform();
        wrong.update(u < 0.3 ? 1.0 : u < 0.9 ? 5.0 : 9.0);
    }
    CHECK(wrong.p_value() < 1e-6);
}

TEST_CASE("the e-value's expectation over all counts is one without ties")
{
    const double q = 0.3;
    double sum = 0.0;
    const int n = 40;
    double log_choose = 0.0;
    for (int k = 0; k <= n; ++k) {
        stats::quantile_e_process test{{.q = q, .null = 0.0, .planned = 30.0}};
        for (int i = 0; i < n; ++i) {
            test.update(i < k ? -1.0 : 1.0);
        }
        sum += std::exp(log_choose + k * std::log(q) + (n - k) * std::log1p(-q) + test.log_e());
        log_choose += std::log((n - k) / (k + 1.0));
    }
    CHECK(sum == Approx(1.0).epsilon(1e-12));
}

TEST_CASE("parts merge to what the whole gives, and edge cases give a status")
{
    engine random{3};
    stats::quantile_confidence_sequence whole, left, right;
    for (int i = 0; i < 500; ++i) {
        const double x = random.bell();
        whole.update(x);
        (i % 2 == 0 ? left : right).update(x);
    }
    CHECK(left.merge(right));
    CHECK(left.log_e() == whole.log_e());
    CHECK(left.interval() == whole.interval());
    CHECK_FALSE(left.merge(stats::quantile_confidence_sequence{{.q = 0.9}}));

    stats::quantile_confidence_sequence test;
    CHECK(test.state() == status::too_few);
    CHECK(std::isnan(test.log_e()));
    CHECK(std::isnan(test.estimate()));
    CHECK(test.update(std::numeric_limits<double>::infinity()));
    CHECK(test.state() == status::ok);
    CHECK_FALSE(test.update(stats::not_a_number));
    CHECK(test.refused() == 1);
    CHECK(test.state() == status::out_of_range);
    CHECK(std::isnan(test.interval().lower));
    CHECK(stats::quantile_e_process{{.q = 0.0}}.state() == status::out_of_range);
    CHECK(stats::quantile_e_process{{.planned = -3.0}}.state() == status::out_of_range);
}
