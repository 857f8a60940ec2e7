// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/beta_mixture.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

// P(reach 1 / alpha within `looks` outcomes) for a coin that wins with probability p, by wins and losses.
double crossing(const stats::beta_mixture_options& options, double p, double alpha, int looks)
{
    const double threshold = -std::log(alpha);
    std::vector<double> alive{1.0};
    double crossed = 0.0;
    for (int n = 1; n <= looks; ++n) {
        std::vector<double> next(static_cast<std::size_t>(n) + 1, 0.0);
        for (std::size_t w = 0; w < alive.size(); ++w) {
            next[w] += (1.0 - p) * alive[w];
            next[w + 1] += p * alive[w];
        }
        for (std::size_t w = 0; w < next.size(); ++w) {
            const auto losses = static_cast<std::uint64_t>(n) - w;
            if (next[w] > 1e-18 && stats::beta_mixture_log_e(w, losses, options) >= threshold) {
                crossed += next[w];
                next[w] = 0.0;
            }
        }
        alive = std::move(next);
    }
    return crossed;
}

}  // namespace

TEST_CASE("over all 2^n paths of fair coins the e-value's mean is one, exactly")
{
    // e = (2 W - 1)!! (2 L - 1)!! / n! for Jeffreys' prior, so the sum over paths is one of whole numbers: 2^n n!.
    double worst = 0.0;
    for (unsigned n = 1; n <= 16; ++n) {
        std::uint64_t factorial = 1;
        for (unsigned i = 2; i <= n; ++i) {
            factorial *= i;
        }
        const auto odd_product = [](unsigned m) {
            std::uint64_t product = 1;
            for (unsigned i = 1; i <= m; ++i) {
                product *= 2 * i - 1;
            }
            return product;
        };
        std::uint64_t sum = 0;
        double mean = 0.0;
        for (std::uint64_t path = 0; path < (std::uint64_t{1} << n); ++path) {
            unsigned wins = 0;
            for (unsigned i = 0; i < n; ++i) {
                wins += (path >> i) & 1U;
            }
            const std::uint64_t numerator = odd_product(wins) * odd_product(n - wins);
            sum += numerator;
            const double e = std::exp(stats::beta_mixture_log_e(wins, n - wins));
            const double exact = static_cast<double>(numerator) / static_cast<double>(factorial);
            REQUIRE(std::fabs(e / exact - 1.0) < 1e-13);
            mean += e;
        }
        REQUIRE(sum == (factorial << n));
        mean = std::ldexp(mean, -static_cast<int>(n));
        CHECK(std::fabs(mean - 1.0) < 1e-13);
        worst = std::max(worst, std::fabs(mean - 1.0));
    }
    WARN("mean e-value of all paths off by at most " << worst);
}

TEST_CASE("the mean is one at any coin, any prior, and on one side")
{
    for (const double p : {0.5, 0.1, 0.731}) {
        for (const stats::beta_prior& prior : {stats::beta_prior{}, stats::beta_prior{2.0, 7.0}}) {
            for (const side alternative : {side::two, side::greater, side::less}) {
                for (int n = 1; n <= 40; ++n) {
                    double mean = 0.0, choose = 1.0;
                    for (int w = 0; w <= n; ++w) {
                        const double log_e = stats::beta_mixture_log_e(
                            static_cast<std::uint64_t>(w), static_cast<std::uint64_t>(n - w),
                            {.null = p, .alternative = alternative, .prior = prior});
                        mean += choose * std::pow(p, w) * std::pow(1.0 - p, n - w) * std::exp(log_e);
                        choose = choose * (n - w) / (w + 1);
                    }
                    REQUIRE(std::fabs(mean - 1.0) < 2e-13);
                }
            }
        }
    }
}

TEST_CASE("a coin on the allowed side of a one-sided null has a mean below one")
{
    for (const double p : {0.1, 0.3, 0.49}) {
        double mean = 0.0, choose = 1.0;
        const int n = 30;
        for (int w = 0; w <= n; ++w) {
            mean += choose * std::pow(p, w) * std::pow(1.0 - p, n - w) *
                    std::exp(stats::beta_mixture_log_e(static_cast<std::uint64_t>(w),
                                                       static_cast<std::uint64_t>(n - w),
                                                       {.alternative = side::greater}));
            choose = choose * (n - w) / (w + 1);
        }
        CHECK(mean < 1.0);
    }
}

TEST_CASE("the probability of ever reaching 1/alpha within 2,000 outcomes, by dynamic programming")
{
    for (const double alpha : {0.05, 0.01}) {
        const double two = crossing({}, 0.5, alpha, 2000);
        WARN("two-sided, alpha " << alpha << ": " << two);
        CHECK(two <= alpha);
        CHECK(two > 0.3 * alpha);  // a test that never fires would pass the line above
    }
    const double greater = crossing({.alternative = side::greater}, 0.5, 0.05, 1000);
    WARN("one-sided within 1,000, alpha 0.05: " << greater);
    CHECK(greater <= 0.05);
    CHECK(greater > 0.02);
    CHECK(crossing({.alternative = side::greater}, 0.45, 0.05, 1000) < 0.5 * greater);
    CHECK(crossing({.alternative = side::greater}, 0.6, 0.05, 500) > 0.9);
    CHECK(crossing({.alternative = side::less}, 0.6, 0.05, 1000) < 0.5 * greater);
}

TEST_CASE("one-sided e-values mirror, and gain on the two-sided one in their direction")
{
    for (const auto& [w, l] :
         {std::pair<std::uint64_t, std::uint64_t>{60, 40}, {7, 0}, {0, 3}, {5000, 4800}}) {
        const stats::beta_prior prior{0.7, 1.9};
        const double up =
            stats::beta_mixture_log_e(w, l, {.null = 0.3, .alternative = side::greater, .prior = prior});
        const double down =
            stats::beta_mixture_log_e(l, w, {.null = 0.7, .alternative = side::less, .prior = {1.9, 0.7}});
        CHECK(up == Approx(down).epsilon(1e-12).margin(1e-12));
    }
    CHECK(stats::beta_mixture_log_e(600, 400, {.alternative = side::greater}) ==
          Approx(stats::beta_mixture_log_e(600, 400) + std::log(2.0)).epsilon(1e-9));
    CHECK(stats::beta_mixture_log_e(400, 600, {.alternative = side::greater}) <
          stats::beta_mixture_log_e(400, 600) - 10.0);
    CHECK(std::isfinite(stats::beta_mixture_log_e(0, 1'000'000, {.alternative = side::greater})));
}

TEST_CASE("a one-sided interval holds exactly the coins that are not refused")
{
    for (const auto& [w, l] : {std::pair<std::uint64_t, std::uint64_t>{60, 40},
                               {1, 0},
                               {12, 0},
                               {1, 500},
                               {0, 12},
                               {5000, 4000},
                               {3, 900'000}}) {
        const stats::beta_mixture_options up{.alternative = side::greater};
        const stats::bounds found = stats::beta_mixture_interval(w, l, 0.05, up);
        CHECK(found.upper == 1.0);
        const double threshold = -std::log(0.05);
        // Coins on a fine grid: refused below the end, allowed above it.
        for (int i = 1; i < 4000; ++i) {
            const double share = static_cast<double>(w + 1) / static_cast<double>(w + l + 1);
            const double p = share * i / 4000.0;
            const double log_e = stats::beta_mixture_log_e(w, l, {.null = p, .alternative = side::greater});
            if (p < found.lower * (1.0 - 1e-9)) {
                REQUIRE(log_e >= threshold);
            } else if (p > found.lower * (1.0 + 1e-9)) {
                REQUIRE(log_e < threshold);
            }
        }
        const stats::bounds mirrored = stats::beta_mixture_interval(l, w, 0.05, {.alternative = side::less});
        CHECK(mirrored.lower == 0.0);
        CHECK(mirrored.upper == Approx(1.0 - found.lower).epsilon(1e-12));
        const stats::bounds two = stats::beta_mixture_interval(w, l, 0.05);
        CHECK(two.lower <= found.lower);
        CHECK(two == stats::bernoulli_mixture_interval(w, w + l, 0.05));
    }
}

TEST_CASE("a coin that is followed keeps its largest evidence")
{
    stats::beta_mixture coin;
    CHECK(coin.state() == status::too_few);
    CHECK(coin.log_e() == Approx(0.0).margin(1e-15));
    CHECK(coin.p_value() == 1.0);
    CHECK(std::isnan(coin.estimate()));
    double most = 0.0;
    joust_test::engine random{8};
    for (int i = 0; i < 500; ++i) {
        coin.update(i < 60 ? random.coin(0.9) : random.coin(0.3));
        most = std::max(most, stats::beta_mixture_log_e(coin.wins, coin.losses));
    }
    CHECK(coin.max_log_e == most);
    CHECK(coin.p_value() == std::exp(-most));
    CHECK(coin.p_value() < 1e-6);
    CHECK(coin.interval().lower < coin.estimate());
    CHECK(coin.interval().upper > coin.estimate());
    stats::beta_mixture at_once;
    at_once.update(coin.wins, coin.losses);
    CHECK(at_once.max_log_e <= coin.max_log_e);
    CHECK(at_once.log_e() == coin.log_e());
}

TEST_CASE("invalid options of a coin give a status")
{
    const double nan = std::nan("");
    for (const stats::beta_mixture_options& bad : {stats::beta_mixture_options{.null = nan},
                                                   {.null = -0.1},
                                                   {.null = 1.1},
                                                   {.null = 1.0, .alternative = side::greater},
                                                   {.null = 0.0, .alternative = side::less},
                                                   {.prior = {0.0, 1.0}},
                                                   {.prior = {1.0, nan}}}) {
        stats::beta_mixture coin{bad};
        coin.update(true);
        CHECK(coin.state() == status::out_of_range);
        CHECK(std::isnan(coin.log_e()));
        CHECK(std::isnan(coin.p_value()));
    }
    CHECK(std::isnan(stats::beta_mixture_interval(1, 2, 0.0).lower));
    CHECK(std::isnan(stats::beta_mixture_interval(1, 2, 0.05, {.prior = {0.0, 1.0}}).upper));
    // A coin that never wins has won.
    CHECK(stats::beta_mixture_log_e(1, 5, {.null = 0.0}) == std::numeric_limits<double>::infinity());
    CHECK(stats::beta_mixture_log_e(1, 5, {.null = 0.0, .alternative = side::greater}) ==
          std::numeric_limits<double>::infinity());
}
