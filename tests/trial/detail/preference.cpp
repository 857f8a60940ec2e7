// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/trial/detail/preference.hpp>

#include "catch.hpp"

#include <cmath>
#include <vector>

using joust::detail::beta_mixture_log_e;
using joust::detail::win_counts;

namespace {

joust::evidence empty_evidence()
{
    joust::evidence seen;
    seen.models = {"a", "b"};
    seen.pairs.resize(1);
    seen.pairs[0].series.assign(5, joust::bucket_sums{joust::bucket_count});
    seen.pairs[0].memory.resize(5);
    return seen;
}

}  // namespace

TEST_CASE("the beta mixture is the likelihood ratio of Jeffreys' prior against a fair coin")
{
    // By the ratio of successive terms, from e = 1: a win multiplies by 2 (W + 1/2) / (n + 1).
    double log_e = 0.0;
    win_counts seen{0.0, 0.0};
    joust::keyed_random random{1, 2};
    for (int n = 0; n < 5000; ++n) {
        const bool won = random.uniform() < 0.53;
        double& side = won ? seen.won : seen.lost;
        log_e += std::log(2.0 * (side + 0.5) / (seen.won + seen.lost + 1.0));
        side += 1.0;
        if (n % 37 == 0) {
            REQUIRE(beta_mixture_log_e(seen, 0.5) == Approx(log_e).epsilon(1e-9).margin(1e-11));
        }
    }
    CHECK(std::abs(beta_mixture_log_e(win_counts{0.0, 0.0}, 0.5)) < 1e-14);
    CHECK(std::exp(beta_mixture_log_e(win_counts{1.0, 0.0}, 0.5)) == Approx(1.0).epsilon(1e-14));
    CHECK(std::exp(beta_mixture_log_e(win_counts{2.0, 0.0}, 0.5)) == Approx(1.5).epsilon(1e-14));
}

TEST_CASE("over all paths of fair coins the e-value's mean is one, exactly")
{
    // All 2^n paths for n up to 16; paths with equal counts have equal e-values, and there are C(n, w) of them.
    for (int n = 1; n <= 16; ++n) {
        double mean = 0.0;
        double choose = 1.0;
        for (int w = 0; w <= n; ++w) {
            mean += choose *
                    std::exp(beta_mixture_log_e({static_cast<double>(w), static_cast<double>(n - w)}, 0.5));
            choose = choose * (n - w) / (w + 1);
        }
        CHECK(mean / std::ldexp(1.0, n) == Approx(1.0).epsilon(1e-13));
    }
}

TEST_CASE(
    "the probability that fair coins ever reach 1/alpha within 2,000 slates is below alpha, by dynamic programming")
{
    for (const double alpha : {0.05, 0.01}) {
        const double threshold = -std::log(alpha);
        std::vector<double> alive{1.0};  // The probability of not having crossed, by the number of wins.
        double crossed = 0.0;
        for (int n = 1; n <= 2000; ++n) {
            std::vector<double> next(static_cast<std::size_t>(n) + 1, 0.0);
            for (std::size_t w = 0; w < alive.size(); ++w) {
                next[w] += 0.5 * alive[w];
                next[w + 1] += 0.5 * alive[w];
            }
            for (std::size_t w = 0; w < next.size(); ++w) {
                const auto won = static_cast<double>(w);
                if (next[w] > 0.0 && beta_mixture_log_e({won, n - won}, 0.5) >= threshold) {
                    crossed += next[w];
                    next[w] = 0.0;
                }
            }
            alive = std::move(next);
        }
        CHECK(crossed <= alpha);
        CHECK(crossed > 0.3 * alpha);  // A test that never rejects would pass the line above.
    }
}

TEST_CASE("the interval of the share of wins is where the e-value stays below 1/alpha")
{
    for (const auto& seen :
         {win_counts{60, 40}, win_counts{1, 0}, win_counts{0, 12}, win_counts{5000, 4000}}) {
        const joust::inference found = joust::detail::judge_wins(seen, 0.05);
        REQUIRE(found.state == joust::status::ok);
        CHECK(found.lower <= found.estimate);
        CHECK(found.upper >= found.estimate);
        if (seen.won > 0) {
            CHECK(beta_mixture_log_e(seen, found.lower) == Approx(-std::log(0.05)).epsilon(1e-6));
        } else {
            CHECK(found.lower == 0.0);
        }
        if (seen.lost > 0) {
            CHECK(beta_mixture_log_e(seen, found.upper) == Approx(-std::log(0.05)).epsilon(1e-6));
        } else {
            CHECK(found.upper == 1.0);
        }
        // Swapping the sides mirrors the interval.
        const joust::inference mirrored = joust::detail::judge_wins({seen.lost, seen.won}, 0.05);
        CHECK(mirrored.lower == Approx(1.0 - found.upper).margin(1e-12));
        CHECK(mirrored.log_e == Approx(found.log_e).margin(1e-10));
    }
    CHECK(joust::detail::judge_wins({0, 0}, 0.05).state == joust::status::too_few);
}

TEST_CASE("credit is judged as the paired sums say")
{
    auto seen = empty_evidence();
    auto& series = seen.pairs[0].series;
    double sum = 0.0;
    double squares = 0.0;
    joust::keyed_random random{7, 7};
    for (std::size_t b = 0; b < 100; ++b) {
        const auto one = static_cast<double>(random.below(6));
        const auto two = static_cast<double>(random.below(6));
        series[0].champion[b] = 3.0;
        series[2].champion[b] = one;
        series[2].challenger[b] = two;
        series[2].champion_count += static_cast<std::uint64_t>(one);
        series[2].challenger_count += static_cast<std::uint64_t>(two);
        sum += two - one;
        squares += (two - one) * (two - one);
    }
    joust::test_memory memory;
    const joust::inference found =
        joust::detail::judge_credit(joust::always_valid{.units = 600}, seen.pairs[0], 0.05, memory);
    REQUIRE(found.state == joust::status::ok);
    CHECK(found.estimate == Approx(sum / 300.0).epsilon(1e-12));
    // rho is the variance so far, extrapolated from 300 slates to the planned 600, divided by 8.3. Robbins' mixture
    // follows.
    const double rho = squares * 2.0 / 8.3;
    CHECK(memory.rho == Approx(rho).epsilon(1e-12));
    const double log_e = -0.5 * std::log(1.0 + squares / rho) + sum * sum / (2.0 * (squares + rho));
    CHECK(found.log_e == Approx(std::fmax(log_e, 0.0)).margin(1e-12));

    joust::test_memory once;
    const joust::inference early =
        joust::detail::judge_credit(joust::fixed_horizon{.units = 301}, seen.pairs[0], 0.05, once);
    CHECK(early.state == joust::status::before_planned_sample);
    const joust::inference planned =
        joust::detail::judge_credit(joust::fixed_horizon{.units = 300}, seen.pairs[0], 0.05, once);
    CHECK(planned.p_value == Approx(std::erfc(std::fabs(sum) / std::sqrt(2.0 * squares))).epsilon(1e-9));
    CHECK(planned.lower < planned.estimate);
}

TEST_CASE("wins are judged once by the exact sign test where the sample is planned")
{
    auto seen = empty_evidence();
    auto& series = seen.pairs[0].series;
    series[0].champion[0] = 100.0;
    series[joust::detail::preference_series].challenger[3] = 9.0;
    series[joust::detail::preference_series].champion[5] = 1.0;
    const joust::fixed_horizon early{.units = 101};
    const joust::fixed_horizon planned{.units = 100};
    CHECK(joust::detail::judge_wins(early, seen.pairs[0], 0.05).state ==
          joust::status::before_planned_sample);
    const joust::inference found = joust::detail::judge_wins(planned, seen.pairs[0], 0.05);
    REQUIRE(found.state == joust::status::ok);
    CHECK(found.estimate == Approx(0.9));
    CHECK(found.p_value == Approx(2.0 * (1.0 + 10.0) / 1024.0));
    CHECK(found.lower > 0.5);
    CHECK(found.upper < 1.0);
}

TEST_CASE("positions that were credited evenly pass, one that was not is named")
{
    auto seen = empty_evidence();
    auto& positions = seen.pairs[0].series[joust::detail::position_series];
    CHECK(joust::detail::judge_positions(seen.pairs[0]).state == joust::status::too_few);
    for (std::size_t i = 0; i < 10; ++i) {
        positions.champion[i] = 1000.0 + static_cast<double>(i);
        positions.challenger[i] = 1000.0;
    }
    positions.champion[static_cast<std::size_t>(joust::detail::slate_count::alone)] =
        1e6;  // a counter, no position
    const joust::inference even = joust::detail::judge_positions(seen.pairs[0]);
    CHECK(even.state == joust::status::ok);
    CHECK(even.p_value > 0.1);
    positions.challenger[3] = 1400.0;
    const joust::inference odd = joust::detail::judge_positions(seen.pairs[0]);
    CHECK(odd.p_value < 1e-6);
    CHECK(odd.challenger == Approx(1400.0 / 2403.0));
}
