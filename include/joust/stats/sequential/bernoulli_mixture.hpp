// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/stirling.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// log B(a + k, b + n - k) - log B(a, b): the probability that a beta mixture gives to one sequence of k successes in
// n. With Stirling's formula the large parts are an entropy and a divergence; no logarithms of factorials are
// subtracted.
[[nodiscard]] inline double log_beta_ratio(double k, double n, double a, double b) noexcept
{
    const double s = a + k;
    const double f = b + n - k;
    const double all = s + f;
    const auto log_beta = [](double x, double y, double sum) {
        return stirling_error(x) + stirling_error(y) - stirling_error(sum) - 0.5 * std::log(x) -
               0.5 * std::log(y) + 0.5 * std::log(sum) + half_log_two_pi;
    };
    const auto entropy = [](double x, double y, double sum) {
        return x * std::log(x / sum) + y * std::log(y / sum);
    };
    return log_beta(s, f, all) - log_beta(a, b, a + b) + entropy(s, f, all) - entropy(a, b, a + b);
}

// x log(x / m) + m - x, from the difference x - m where x and m are close, and from m where they are far apart.
[[nodiscard]] inline double deviance(double x, double m, double difference) noexcept
{
    return std::fabs(difference) < 0.1 * (x + m) ? deviance_of_difference(x, difference)
                                                 : x * std::log(x / m) - difference;
}

// The log of the ratio of the mixture to a coin with success probability p and failure probability q = 1 - p, which
// are both given so that each is exact. With s = a + k and all = a + b + n the large part is s log(s / (all p)) +
// f log(f / (all q)), a divergence without cancellation; the remainder depends on the prior.
[[nodiscard]] inline double bernoulli_mixture(double k, double n, double p, double q, double a,
                                              double b) noexcept
{
    if ((p == 0.0 && k > 0.0) || (q == 0.0 && k < n)) {
        return std::numeric_limits<double>::infinity();
    }
    if (p == 0.0 || q == 0.0) {
        return log_beta_ratio(k, n, a, b);
    }
    const double s = a + k;
    const double f = b + (n - k);
    const double all = s + f;
    const double whole = a + b;
    // s - all p, computed from the smaller of p and q.
    const double excess = p <= q ? std::fma(-all, p, s) : -std::fma(-all, q, f);
    const double prior_excess = p <= q ? std::fma(-whole, p, a) : -std::fma(-whole, q, b);
    const auto smooth = [](double x, double y, double sum) {
        return stirling_error(x) + stirling_error(y) - stirling_error(sum) -
               0.5 * (std::log(x) + std::log(y) - std::log(sum));
    };
    return deviance(s, all * p, excess) + deviance(f, all * q, -excess) + smooth(s, f, all) -
           deviance(a, whole * p, prior_excess) - deviance(b, whole * q, -prior_excess) - smooth(a, b, whole);
}

// The p on one side of the observed mean, towards `limit` (0 or 1), at which the mixture is 1 / alpha times as
// likely as the coin. The log ratio is convex in p with its minimum at k / n.
[[nodiscard]] inline double bernoulli_mixture_limit(double k, double n, double a, double b, double target,
                                                    double limit) noexcept
{
    const double inside = n > 0.0 ? k / n : 0.5;
    const auto excluded = [&](double p) { return bernoulli_mixture(k, n, p, 1.0 - p, a, b) - target > 0.0; };
    if (inside == limit || !excluded(limit)) {
        return limit;
    }
    return bisect_by_exponent({inside, limit}, excluded).with;
}

}  // namespace detail

/// Hold a beta prior on a probability, in pseudo-counts of successes and failures.
struct beta_prior {
    /// Pseudo-counts of successes.
    double successes = 0.5;
    /// Pseudo-counts of failures.
    double failures = 0.5;
    /// Compare all members.
    bool operator==(const beta_prior&) const = default;
};

/// Return the logarithm of the e-value of k successes in n against success probability `p`: the beta mixture of
/// likelihoods divided by the likelihood.
///
/// assumes: each outcome is a success with probability p given those before it.
/// errors: NaN unless k <= n, 0 <= p <= 1 and the prior is positive.
/// cost: about 100 ns, no factorials: absolute error below 1e-12 up to n = 1e12.
/// source: Robbins 1970; Ville 1939.
[[nodiscard]] inline double bernoulli_mixture_log_e(std::uint64_t k, std::uint64_t n, double p,
                                                    const beta_prior& prior = {}) noexcept
{
    if (k > n || !(p >= 0.0 && p <= 1.0 && prior.successes > 0.0 && prior.failures > 0.0)) {
        return not_a_number;
    }
    return detail::bernoulli_mixture(static_cast<double>(k), static_cast<double>(n), p, 1.0 - p,
                                     prior.successes, prior.failures);
}

/// Return the interval of a probability that is valid at every look.
///
/// When to use: one rate, looked at repeatedly. When not: one planned look; wilson_interval is narrower.
/// assumes: as bernoulli_mixture_log_e.
/// source: as bernoulli_mixture_log_e.
/// errors: NaN ends unless k <= n and 0 < alpha < 1.
/// cost: about 10 us.
[[nodiscard]] inline bounds bernoulli_mixture_interval(std::uint64_t k, std::uint64_t n, double alpha = 0.05,
                                                       const beta_prior& prior = {}) noexcept
{
    if (k > n || !detail::is_alpha(alpha) || !(prior.successes > 0.0 && prior.failures > 0.0)) {
        return {not_a_number, not_a_number};
    }
    const double successes = static_cast<double>(k);
    const double trials = static_cast<double>(n);
    const double target = -std::log(alpha);
    return {detail::bernoulli_mixture_limit(successes, trials, prior.successes, prior.failures, target, 0.0),
            detail::bernoulli_mixture_limit(successes, trials, prior.successes, prior.failures, target, 1.0)};
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
