// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/stirling.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// log P(X = wins) for n tosses of a fair coin. source: Loader 2000.
[[nodiscard]] inline double coin_log_pmf(double wins, double n) noexcept
{
    if (wins == 0.0 || wins == n) {
        return -n * log_two;
    }
    const double losses = n - wins;
    const double half = 0.5 * (wins - losses);
    return stirling_error(n) - stirling_error(wins) - stirling_error(losses) -
           deviance_of_difference(wins, half) - deviance_of_difference(losses, -half) +
           0.5 * (std::log(n) - std::log(wins) - std::log(losses)) - half_log_two_pi;
}

// P(X >= wins) for X ~ Bin(wins + losses, 1/2), as probability and logarithm.
[[nodiscard]] inline tail_probability coin_tail(double wins, double losses) noexcept
{
    const double n = wins + losses;
    if (!(wins > 0.0)) {
        return {1.0, 0.0};
    }
    if (wins == losses) {
        const double tail = 0.5 + 0.5 * std::exp(coin_log_pmf(wins, n));
        return {tail, std::log(tail)};
    }
    if (wins < losses) {
        // The long tail is the complement of the short one: P(X <= wins - 1) = P(X >= n - wins + 1).
        const tail_probability other = coin_tail(losses + 1.0, wins - 1.0);
        return {1.0 - other.p, std::log1p(-other.p)};
    }
    if (n > 1000.0) {
        const double log_p = log_incomplete_beta_tail(wins, losses + 1.0, 0.5, 0.5);
        return {std::exp(log_p), log_p};
    }
    // Each term is (n - x) / (x + 1) times the one before, and that factor falls.
    double sum = 1.0;
    double term = 1.0;
    for (double x = wins; x < n; x += 1.0) {
        term *= (n - x) / (x + 1.0);
        const double next = sum + term;
        if (next == sum) {
            break;
        }
        sum = next;
    }
    const double log_p = coin_log_pmf(wins, n) + std::log(sum);
    return {std::exp(log_p), log_p};
}

// The exact or mid-p value for a fair coin with `wins` and `losses`.
[[nodiscard]] inline tail_probability coin_test(double wins, double losses, bool mid_p,
                                                side alternative) noexcept
{
    const double n = wins + losses;
    if (!(n > 0.0)) {
        return {1.0, 0.0};
    }
    const double at = std::exp(coin_log_pmf(wins, n));
    if (alternative == side::two && wins == losses) {
        return mid_p ? tail_probability{1.0 - 0.5 * at, std::log1p(-0.5 * at)} : tail_probability{1.0, 0.0};
    }
    const bool first = alternative == side::two ? wins > losses : alternative == side::greater;
    tail_probability tail = first ? coin_tail(wins, losses) : coin_tail(losses, wins);
    if (mid_p) {
        // tail - pmf / 2 on the log scale, because both may underflow.
        const double share = std::exp(coin_log_pmf(wins, n) - tail.log_p);
        tail.log_p += std::log1p(-0.5 * share);
        tail.p *= 1.0 - 0.5 * share;
    }
    if (alternative == side::two) {
        tail.p = tail.p < 0.5 ? 2.0 * tail.p : 1.0;
        tail.log_p = doubled(tail.log_p).log_p;
    }
    return tail;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
