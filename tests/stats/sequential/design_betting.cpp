// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/betting.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

// Betting by design: values are fair coins times sizes that the past may decide in any way.

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

constexpr stats::betting_options by_design(side alternative = side::two, double largest = 0.5,
                                           double alpha = 0.05)
{
    return {.null = 0.0,
            .lower = -1.0,
            .upper = 1.0,
            .alternative = alternative,
            .alpha = alpha,
            .largest_bet = largest};
}

// What happened so far: signed values, and the capital that they made.
struct past {
    std::vector<double> values;
    stats::betting_capital capital;
};

double e_of(const past& seen)
{
    return seen.values.empty() ? 1.0 : std::exp(seen.capital.log_e());
}

// Sizes in [0, 1], from the past alone.
using sizes = double (*)(const past&);

double always_one(const past&)
{
    return 1.0;
}

double arbitrary(const past& seen)
{
    joust_test::engine random{seen.values.size() + 77};
    return random.next() % 3 == 0 ? 0.0 : random.uniform();
}

// Large sizes after losses and small ones after wins, as a gambler plays to win back a loss.
double chasing(const past& seen)
{
    double sum = 0.0;
    for (const double v : seen.values) {
        sum += v;
    }
    return sum < 0.0 ? 1.0 : 1.0 / (2.0 + sum * sum);
}

// Users come only while the challenger is ahead, and nearly all leave when it is clearly ahead.
double selective(const past& seen)
{
    const double e = e_of(seen);
    return e > 3.0 ? 0.0 : e > 1.0 ? 1.0 : 0.125;
}

double from_last_sign(const past& seen)
{
    return seen.values.empty() ? 0.5 : seen.values.back() > 0.0 ? 0.9 : 0.3;
}

// The mean over all sign paths of f(past) at depth n.
template <class F>
double mean_over_paths(const past& seen, int n, sizes size, F f)
{
    if (n == 0) {
        return f(seen);
    }
    double mean = 0.0;
    for (const double sign : {1.0, -1.0}) {
        past next = seen;
        const double value = sign * size(seen);
        next.capital.update(value);
        next.values.push_back(value);
        mean += 0.5 * mean_over_paths(next, n - 1, size, f);
    }
    return mean;
}

// P(the e-value ever reaches 1 / alpha within n coins).
double crossing(const past& seen, int n, sizes size, double threshold)
{
    if (!seen.values.empty() && seen.capital.log_e() >= threshold) {
        return 1.0;
    }
    if (n == 0) {
        return 0.0;
    }
    double probability = 0.0;
    for (const double sign : {1.0, -1.0}) {
        past next = seen;
        const double value = sign * size(seen);
        next.capital.update(value);
        next.values.push_back(value);
        probability += 0.5 * crossing(next, n - 1, size, threshold);
    }
    return probability;
}

constexpr std::array<double, 4> choices{0.0, 0.3, 0.7, 1.0};

// The best strategy of an adversary that sees everything, including the bets, and chooses each size before the coin falls.
double adversarial_crossing(const stats::betting_capital& capital, int n, double threshold)
{
    if (capital.count() > 0.0 && capital.log_e() >= threshold) {
        return 1.0;
    }
    if (n == 0) {
        return 0.0;
    }
    double best = 0.0;
    for (const double size : choices) {
        double probability = 0.0;
        for (const double sign : {1.0, -1.0}) {
            stats::betting_capital next = capital;
            next.update(sign * size);
            probability += 0.5 * adversarial_crossing(next, n - 1, threshold);
        }
        best = std::max(best, probability);
    }
    return best;
}

// The least and the greatest mean e-value that an adversary can make.
std::pair<double, double> adversarial_mean(const stats::betting_capital& capital, int n)
{
    if (n == 0) {
        const double e = std::exp(capital.log_e());
        return {e, e};
    }
    std::pair<double, double> range{1e300, -1e300};
    for (const double size : choices) {
        double low = 0.0, high = 0.0;
        for (const double sign : {1.0, -1.0}) {
            stats::betting_capital next = capital;
            next.update(sign * size);
            const auto [least, most] = adversarial_mean(next, n - 1);
            low += 0.5 * least;
            high += 0.5 * most;
        }
        range = {std::min(range.first, low), std::max(range.second, high)};
    }
    return range;
}

constexpr std::array<sizes, 5> all_sizes{always_one, arbitrary, chasing, selective, from_last_sign};

}  // namespace

TEST_CASE("the mean e-value over all paths of signs is one, however the sizes depend on the past")
{
    double worst = 0.0;
    for (const sizes size : all_sizes) {
        for (const int n : {1, 2, 5, 11}) {
            for (const side alternative : {side::two, side::greater, side::less}) {
                const past start{{}, stats::betting_capital{by_design(alternative, 0.9)}};
                const double mean = mean_over_paths(start, n, size, e_of);
                REQUIRE(std::fabs(mean - 1.0) < 1e-13);
                worst = std::max(worst, std::fabs(mean - 1.0));
            }
        }
        const past start{{}, stats::betting_capital{by_design()}};
        const double mean = mean_over_paths(start, 16, size, e_of);
        REQUIRE(std::fabs(mean - 1.0) < 1e-13);
        worst = std::max(worst, std::fabs(mean - 1.0));
    }
    WARN("mean e-value of all paths off by at most " << worst);
}

TEST_CASE("no adversary moves the mean, or crosses more often than alpha")
{
    for (const double largest : {0.5, 0.99}) {
        const auto [least, most] = adversarial_mean(stats::betting_capital{by_design(side::two, largest)}, 6);
        CHECK(std::fabs(least - 1.0) < 1e-13);
        CHECK(std::fabs(most - 1.0) < 1e-13);
    }
    for (const double alpha : {0.5, 0.25, 0.2}) {
        const stats::betting_capital start{by_design(side::greater, 0.9, alpha)};
        const double probability = adversarial_crossing(start, 6, -std::log(alpha));
        WARN("6 coins, sizes chosen against the test, alpha " << alpha << ": crossing " << probability);
        CHECK(probability <= alpha);
        CHECK(probability > 0.2 * alpha);
    }
}

TEST_CASE("the probability of ever crossing within sixteen coins is below alpha, by all paths")
{
    for (const double alpha : {0.05, 0.2}) {
        double most = 0.0;
        for (const sizes size : all_sizes) {
            const past start{{}, stats::betting_capital{by_design(side::two, 0.9, alpha)}};
            const double probability = crossing(start, 16, size, -std::log(alpha));
            CHECK(probability <= alpha);
            most = std::max(most, probability);
        }
        WARN("16 coins, alpha " << alpha << ": crossing at most " << most);
        CHECK(most > 0.1 * alpha);
    }
}

TEST_CASE("the assumptions are needed: a coin that changes the sizes, or is not fair, moves the mean")
{
    // The size depends on the coin itself: tails clicks half as much.
    stats::betting_capital moved{by_design()};
    stats::betting_capital unfair{by_design()};
    joust_test::engine random{41};
    for (int i = 0; i < 400; ++i) {
        moved.update(random.coin(0.5) ? 1.0 : -0.5);
        unfair.update(random.coin(0.65) ? 0.7 : -0.7);
    }
    CHECK(moved.p_value() < 1e-3);
    CHECK(unfair.p_value() < 1e-3);
}

TEST_CASE("a value of 0 neither wins nor loses, one beyond the bound is refused")
{
    stats::betting_capital capital{by_design()};
    capital.update(1.0);
    capital.update(0.4);
    const double before = capital.log_e();
    for (int i = 0; i < 10; ++i) {
        CHECK(capital.update(0.0));
    }
    CHECK(capital.log_e() == before);
    CHECK_FALSE(capital.update(1.5));
    CHECK(capital.state() == status::out_of_range);
    CHECK(std::isnan(capital.log_e()));
}
