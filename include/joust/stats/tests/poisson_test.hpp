// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/stirling.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/binomial.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose the p-value and the interval of a comparison of two event rates.
enum class rate_p : std::uint8_t {
    /// Given the number of all events the first count is binomial: never errs more often than the level.
    exact,
    /// The same by the mid-p value, with the exact interval.
    mid_p,
    /// The score test with its interval, for some dozen events.
    score
};

/// Set up poisson_rate_test and poisson_test.
struct rate_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// How p-value and interval are computed.
    rate_p method = rate_p::exact;
    /// The ratio of rates, first divided by second, that is tested.
    double ratio = 1.0;
};

namespace detail {

// Garwood's limits of the mean of a Poisson count, at `tail` on each side: P(X >= k) rises with the mean and is `tail` at the
// lower limit, P(X <= k) falls and is `tail` at the upper one.
template <class Beyond>
[[nodiscard]] bracket poisson_bracket(double k, Beyond beyond) noexcept
{
    double high = k + 1.0;
    while (!beyond(high) && std::isfinite(high)) {
        high += 2.0 * std::sqrt(high) + 2.0;
    }
    return bisect_by_exponent({0.0, high}, beyond);
}
[[nodiscard]] inline double poisson_lower(double k, double tail) noexcept
{
    return k > 0.0 ? poisson_bracket(
                         k, [&](double mean) { return !(chi_squared_cdf(2.0 * mean, 2.0 * k) <= tail); })
                         .without
                   : 0.0;
}
[[nodiscard]] inline double poisson_upper(double k, double tail) noexcept
{
    return poisson_bracket(k,
                           [&](double mean) { return !(chi_squared_sf(2.0 * mean, 2.0 * (k + 1.0)) > tail); })
        .with;
}

[[nodiscard]] inline tail_probability poisson_p(double k, double mean, side alternative, bool mid_p) noexcept
{
    const auto log_pmf = [&](double x) { return x == 0.0 ? -mean : log_gamma_term(x, mean) - std::log(x); };
    const auto log_at_most = [&](double x) { return chi_squared_log_sf(2.0 * mean, 2.0 * (x + 1.0)); };
    const auto log_at_least = [&](double x) {
        if (!(x > 0.0)) {
            return 0.0;
        }
        const double value = chi_squared_cdf(2.0 * mean, 2.0 * x);
        if (value > safe_tail) {
            return value > 0.5 ? std::log1p(-chi_squared_sf(2.0 * mean, 2.0 * x)) : std::log(value);
        }
        // Far out the terms fall by a factor below one half each.
        double sum = 1.0;
        double term = 1.0;
        for (double i = x + 1.0; term > 1e-17 * sum; i += 1.0) {
            term *= mean / i;
            sum += term;
        }
        return log_pmf(x) + std::log(sum);
    };
    return point_p(k, std::floor(mean), std::numeric_limits<double>::infinity(), alternative, mid_p, log_pmf,
                   log_at_most, log_at_least);
}

[[nodiscard]] inline bool usable_rates(const rate_options& options) noexcept
{
    return is_alpha(options.alpha) && options.ratio > 0.0 && std::isfinite(options.ratio);
}

// Both ends of the score interval of a ratio of means, first divided by second: u with (k1 - u k2)^2 = z^2 u (k1 + k2).
[[nodiscard]] inline bounds rate_score_ends(double k1, double k2, double z) noexcept
{
    const double all = k1 + k2;
    const double b = 2.0 * k1 * k2 + z * z * all;
    const double root = z * std::sqrt(all * (4.0 * k1 * k2 + z * z * all));
    return {2.0 * k1 * k1 / (b + root),
            k2 > 0.0 ? (b + root) / (2.0 * k2 * k2) : std::numeric_limits<double>::infinity()};
}

}  // namespace detail

/// Compare two event rates at one planned look: k1 events in an exposure of t1 (hours, requests, page views) and k2 in t2.
///
/// The estimate is the ratio of the rates, first divided by second, with its interval. Exact: given the number of all events
/// the first count is binomial, and p-value and interval are those of `binomial_test`. Score: the normal limit with the
/// variance under the null, and the interval that inverts it.
///
/// When to use: counts of events that may recur, such as errors, crashes or tickets per hour. When not: successes of trials
/// (`two_proportion_z`); looks at any time (`poisson_rates`, sequential); counts of a few heavy users, which are not
/// Poisson (`ratio_of_means` over units).
/// assumes: independent Poisson counts, whose exposures are known.
/// errors: out_of_range (exposures, their quotient or `ratio` that are not positive and finite, counts above 2^52, alpha), too_few (no event
///     at all: p is 1 and nothing is excluded).
/// cost: some microseconds, Boost.Math.
/// source: Przyborowski and Wilenski 1940 (conditional); Ng and Tang 2005, "Testing the equality of two Poisson means using
///     the rate ratio" (score).
[[nodiscard]] inline test_result poisson_rate_test(std::uint64_t k1, double t1, std::uint64_t k2, double t2,
                                                   const rate_options& options = {}) noexcept
{
    test_result result;
    result.method = options.method == rate_p::score   ? "score test of two Poisson rates"
                    : options.method == rate_p::mid_p ? "conditional test of two Poisson rates, mid-p"
                                                      : "conditional test of two Poisson rates, exact";
    constexpr std::uint64_t most = std::uint64_t{1} << 52U;
    if (!(t1 > 0.0 && t2 > 0.0 && std::isfinite(t1) && std::isfinite(t2)) || k1 > most || k2 > most ||
        !detail::usable_rates(options)) {
        result.state = status::out_of_range;
        return result;
    }
    if (k1 == 0 && k2 == 0) {
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.lower = 0.0;
        result.upper = std::numeric_limits<double>::infinity();
        return result;
    }
    const double a = static_cast<double>(k1);
    const double b = static_cast<double>(k2);
    const double scale = t2 / t1;  // of a ratio of means to a ratio of rates
    if (!(scale > 0.0 && std::isfinite(scale) && options.ratio / scale > 0.0 &&
          std::isfinite(options.ratio / scale))) {
        result.state = status::out_of_range;
        return result;
    }
    result.estimate = k2 == 0 ? std::numeric_limits<double>::infinity() : a / b * scale;
    const double tail = detail::tail_alpha({options.alpha, options.alternative});
    bounds ends;
    if (options.method == rate_p::score) {
        const double u = options.ratio / scale;
        result.statistic = (a - u * b) / std::sqrt(u * (a + b));
        const detail::tail_probability found = detail::normal_tails(result.statistic, options.alternative);
        result.p_value = found.p;
        result.log_p = found.log_p;
        ends = tail < 0.5 ? detail::rate_score_ends(a, b, normal_upper_quantile(tail)) : bounds{0.0};
    } else {
        const double u = options.ratio / scale;
        const detail::tail_probability found = detail::binomial_p(
            a, a + b, u / (1.0 + u), 1.0 / (1.0 + u), options.alternative, options.method == rate_p::mid_p);
        result.statistic = a;
        result.p_value = found.p;
        result.log_p = found.log_p;
        // The complement is the share with the counts exchanged, which keeps its digits.
        const bounds share = tail < 0.5 ? detail::clopper_pearson_of(a, b, 2.0 * tail) : bounds{0.0, 1.0};
        const bounds other = tail < 0.5 ? detail::clopper_pearson_of(b, a, 2.0 * tail) : bounds{0.0, 1.0};
        ends = {share.lower / other.upper,
                other.lower > 0.0 ? share.upper / other.lower : std::numeric_limits<double>::infinity()};
    }
    result.lower = options.alternative == side::less ? 0.0 : ends.lower * scale;
    result.upper =
        options.alternative == side::greater ? std::numeric_limits<double>::infinity() : ends.upper * scale;
    result.state = status::ok;
    return result;
}

/// Test whether k events in an exposure of t fit a given rate: the exact test of a Poisson count.
///
/// The two-sided p-value is the probability of all counts that are no more probable than the observed one, as in
/// `binomial_test`. The estimate is k / t with Garwood's interval. `options.method` may be exact or mid_p.
/// assumes: a Poisson count.
/// errors: out_of_range (an exposure or rate that is not positive and finite, a count above 2^52, alpha, rate_p::score).
/// cost: about 0.1 ms at any count, most of it the interval; Boost.Math.
/// source: Garwood 1936, "Fiducial limits for the Poisson distribution".
[[nodiscard]] inline test_result poisson_test(std::uint64_t k, double t, double rate,
                                              const rate_options& options = {}) noexcept
{
    test_result result;
    result.method = options.method == rate_p::mid_p ? "exact test of a Poisson rate, mid-p"
                                                    : "exact test of a Poisson rate";
    const double mean = rate * t;
    if (!(t > 0.0 && std::isfinite(t) && mean > 0.0 && mean < 1e15) || k > (std::uint64_t{1} << 52U) ||
        !detail::usable_rates(options) || options.method == rate_p::score) {
        result.state = status::out_of_range;
        return result;
    }
    const double count = static_cast<double>(k);
    result.statistic = count;
    result.estimate = count / t;
    const double tail = detail::tail_alpha({options.alpha, options.alternative});
    result.lower = options.alternative == side::less ? 0.0 : detail::poisson_lower(count, tail) / t;
    result.upper = options.alternative == side::greater ? std::numeric_limits<double>::infinity()
                                                        : detail::poisson_upper(count, tail) / t;
    const detail::tail_probability found =
        detail::poisson_p(count, mean, options.alternative, options.method == rate_p::mid_p);
    result.p_value = found.p;
    result.log_p = found.log_p;
    result.state = status::ok;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
