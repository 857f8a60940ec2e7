// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/roots.hpp>
#include <joust/numeric/stirling.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up beta_mixture: the coin to bet against, the direction, and the prior on other coins.
struct beta_mixture_options {
    /// The probability of a win under the null hypothesis.
    double null = 0.5;
    /// The departure from the null that counts as evidence.
    side alternative = side::two;
    /// The prior on the probability of a win, if it is not the null's.
    beta_prior prior{};
    /// Compare all members.
    bool operator==(const beta_mixture_options&) const = default;
};

namespace detail {

[[nodiscard]] inline bool usable(const beta_mixture_options& o) noexcept
{
    return o.null >= 0.0 && o.null <= 1.0 && !(o.alternative == side::greater && o.null == 1.0) &&
           !(o.alternative == side::less && o.null == 0.0) && o.prior.successes > 0.0 &&
           o.prior.failures > 0.0;
}

// log P(B > x) for B ~ beta(a, b), y = 1 - x.
[[nodiscard]] inline double log_beta_above(double a, double b, double x, double y) noexcept
{
    if (!(x > 0.0)) {
        return 0.0;
    }
    return beta_excess(a, b, x, y) < 0.0 ? log_incomplete_beta_tail(b, a, y, x)
                                         : std::log1p(-std::exp(log_incomplete_beta_tail(a, b, x, y)));
}

// What the mixture gains by excluding the coins on the other side of p: the posterior's share on this side divided by
// the prior's.
[[nodiscard]] inline double log_share_above(double k, double n, double p, double q,
                                            const beta_prior& prior) noexcept
{
    return log_beta_above(prior.successes + k, prior.failures + (n - k), p, q) -
           log_beta_above(prior.successes, prior.failures, p, q);
}

[[nodiscard]] inline double beta_mixture_log_e(double k, double n, double p,
                                               const beta_mixture_options& o) noexcept
{
    const double q = 1.0 - p;
    const double both = bernoulli_mixture(k, n, p, q, o.prior.successes, o.prior.failures);
    switch (o.alternative) {
        case side::greater: return both + log_share_above(k, n, p, q, o.prior);
        case side::less: return both + log_share_above(n - k, n, q, p, {o.prior.failures, o.prior.successes});
        case side::two: break;
    }
    return both;
}

// The p below the observed share at which the one-sided mixture over the coins above it is 1 / alpha times as likely.
[[nodiscard]] inline double beta_mixture_lower(double k, double n, const beta_prior& prior,
                                               double target) noexcept
{
    const beta_mixture_options above{.alternative = side::greater, .prior = prior};
    if (!(k > 0.0)) {
        return 0.0;
    }
    const auto refused = [&](double p) { return beta_mixture_log_e(k, n, p, above) >= target; };
    return bisect_by_exponent({n > 0.0 ? k / n : 0.0, 0.0}, refused).with;
}

}  // namespace detail

/// Return the logarithm of the e-value of `wins` and `losses` against a coin that wins with probability
/// `options.null`: the likelihood averaged over a beta prior on other coins, divided by the likelihood of that coin.
///
/// Two-sided, the prior is on all coins. One-sided, it is on the coins above (below) the null alone, and the e-value
/// then holds against every coin at most (at least) the null.
/// assumes: each outcome is a win with that probability given those before it. Fair coins that a design tosses itself
///     (teams of an interleaved list, random arms) fulfil this, whatever the users do.
/// errors: NaN for unusable options: a null outside [0, 1], or with no coin on its other side; a prior not positive.
/// cost: as bernoulli_mixture_log_e; one-sided about 1 us.
/// source: Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Ville 1939.
[[nodiscard]] inline double beta_mixture_log_e(std::uint64_t wins, std::uint64_t losses,
                                               const beta_mixture_options& options = {}) noexcept
{
    if (!detail::usable(options)) {
        return not_a_number;
    }
    const double k = static_cast<double>(wins);
    return detail::beta_mixture_log_e(k, k + static_cast<double>(losses), options.null, options);
}

/// Return the interval of the probability of a win that holds at every look: the coins whose e-value stays below
/// 1 / alpha. For a one-sided alternative its other end is 0 or 1. `options.null` is not used.
///
/// errors: NaN ends for unusable options or alpha.
/// cost: about 20 us; one-sided 50 us.
[[nodiscard]] inline bounds beta_mixture_interval(std::uint64_t wins, std::uint64_t losses,
                                                  double alpha = 0.05,
                                                  const beta_mixture_options& options = {}) noexcept
{
    const beta_prior& prior = options.prior;
    if (!detail::is_alpha(alpha) || !(prior.successes > 0.0 && prior.failures > 0.0)) {
        return {not_a_number, not_a_number};
    }
    const double k = static_cast<double>(wins);
    const double f = static_cast<double>(losses);
    switch (options.alternative) {
        case side::greater: return {detail::beta_mixture_lower(k, k + f, prior, -std::log(alpha)), 1.0};
        case side::less:
            return {0.0, 1.0 - detail::beta_mixture_lower(f, k + f, {prior.failures, prior.successes},
                                                          -std::log(alpha))};
        case side::two: break;
    }
    return bernoulli_mixture_interval(wins, wins + losses, alpha, prior);
}

/// Follow a coin by its beta mixture and keep the largest evidence: the always-valid sign test.
///
/// It is a plain value: copy, compare and store it freely. Ties are not outcomes: leave them out, as a sign test does,
/// and report how many there were.
///
/// When to use: wins and losses without sizes. When not: differences with sizes, which `betting_capital` uses.
/// cost: as beta_mixture_log_e and beta_mixture_bound
struct beta_mixture {
    /// The coin to bet against.
    beta_mixture_options options{};
    /// How often the first side won.
    std::uint64_t wins = 0;
    /// How often the first side lost.
    std::uint64_t losses = 0;
    /// The largest logarithm of the e-value at any look.
    double max_log_e = 0.0;

    /// Add outcomes; each call counts as one look.
    void update(std::uint64_t won, std::uint64_t lost) noexcept
    {
        wins += won;
        losses += lost;
        const double now = log_e();
        if (now > max_log_e) {
            max_log_e = now;
        }
    }
    /// Add one outcome.
    void update(bool won) noexcept { update(won ? 1 : 0, won ? 0 : 1); }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept
    {
        return !detail::usable(options) ? status::out_of_range
               : wins + losses != 0     ? status::ok
                                        : status::too_few;
    }
    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept { return beta_mixture_log_e(wins, losses, options); }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::out_of_range ? not_a_number : always_valid_p(max_log_e);
    }
    /// Return the share of wins.
    [[nodiscard]] double estimate() const noexcept
    {
        return wins + losses != 0 ? static_cast<double>(wins) / static_cast<double>(wins + losses)
                                  : not_a_number;
    }
    /// Return the interval of the probability of a win at this look.
    [[nodiscard]] bounds interval(double alpha = 0.05) const noexcept
    {
        return beta_mixture_interval(wins, losses, alpha, options);
    }
    /// Compare all members.
    bool operator==(const beta_mixture&) const = default;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
