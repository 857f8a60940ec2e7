// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/side.hpp>
#include <joust/stats/options.hpp>

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up the sequential methods for means of bounded values. Values lie in [lower, upper], and `null` lies between.
struct bounded_mean_options {
    /// The mean under the null hypothesis.
    double null = 0.5;
    /// The smallest possible value.
    double lower = 0.0;
    /// The largest possible value.
    double upper = 1.0;
    /// The departure from the null that counts as evidence.
    side alternative = side::two;
    /// The level that the bets are tuned for, which is also the level of `running_interval`.
    double alpha = 0.05;
    /// The largest bet, below 1: the share of its capital that a gambler may lose on one value.
    double largest_bet = 0.5;
    /// Compare all members.
    bool operator==(const bounded_mean_options&) const = default;
};

namespace detail {

[[nodiscard]] inline bool usable(const bounded_mean_options& o) noexcept
{
    return o.lower < o.upper && std::isfinite(o.upper - o.lower) && o.null >= o.lower && o.null <= o.upper &&
           is_alpha(o.alpha) && o.largest_bet > 0.0 && o.largest_bet < 1.0;
}

// The width of the range; NaN for unusable options, so that every value counts as outside.
[[nodiscard]] inline double width_of_range(const bounded_mean_options& o) noexcept
{
    return usable(o) ? o.upper - o.lower : not_a_number;
}

// How much to bet on the next of a stream of values in [0, 1], given the earlier values: close to the best bet for the
// present look, given their spread. source: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random
// variables by betting", equations 15 and 26.
struct predictable_bets {
    double twice_log = 0.0;  // 2 log(2 / alpha)
    double count = 0.0;
    double sum = 0.0;
    double squares = 0.0;  // the sum of squared distances to the mean estimated at each value

    [[nodiscard]] double mean() const noexcept { return (0.5 + sum) / (count + 1.0); }
    [[nodiscard]] double variance() const noexcept { return (0.25 + squares) / (count + 1.0); }
    [[nodiscard]] double next() const noexcept
    {
        const double t = count + 1.0;
        return std::sqrt(twice_log / (variance() * t * std::log1p(t)));
    }
    void add(double x) noexcept
    {
        count += 1.0;
        sum += x;
        const double distance = x - mean();
        squares += distance * distance;
    }
    void merge(const predictable_bets& other) noexcept
    {
        count += other.count;
        sum += other.sum;
        squares += other.squares;
    }
    bool operator==(const predictable_bets&) const = default;
};

// log((e^a + e^b) / 2) without overflow.
[[nodiscard]] inline double log_mean_exp(double a, double b) noexcept
{
    const double larger = a > b ? a : b;
    const double smaller = a > b ? b : a;
    return larger + std::log1p(0.5 * std::expm1(smaller - larger));
}

}  // namespace detail
}  // namespace stats
}  // namespace v0
}  // namespace joust
