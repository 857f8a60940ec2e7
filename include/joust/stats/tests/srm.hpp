// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// The log of the upper tail of chi-squared with whole degrees of freedom: a finite sum of positive terms, so nothing
// cancels and the tail never underflows. source: Abramowitz and Stegun 1964, 26.4.4 and 26.4.5.
[[nodiscard]] double log_chi_squared_sf(double x, std::size_t df) noexcept;

}  // namespace detail

/// Test whether counts arrived in the planned shares: Pearson's chi-squared, at one planned look.
///
/// An arm with share 0 adds no degree of freedom. A unit in such an arm is certain proof of a mismatch: `statistic` is
/// infinite and p is 0. `statistic` is chi-squared.
/// assumes: counts of independent units. Requests of returning units are not independent: see `clustered_srm`.
/// errors: out_of_range (unequal lengths, shares negative or not summing to 1 within 1e-9), too_few (no unit, or fewer
///     than two arms with a share and no unit where the share is 0).
/// cost: no Boost.Math: with whole degrees of freedom the tail is a finite sum.
/// source: Pearson 1900; Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled
///     experiments".
[[nodiscard]] test_result sample_ratio_mismatch(std::span<const std::uint64_t> counts,
                                                std::span<const double> shares) noexcept;

/// Check the sample ratio at every look, by buckets of units: valid under ramps and for units that return.
///
/// It is the score test of x = 1: S = sum(q1 - q0), V = sum (q1 - q0)^2. In the result `challenger` and `champion` are
/// the summed weights of both arms, which the right split makes equal on average; `estimate` is their difference
/// relative to their mean, which is `information`. The propensities are known, so V falls below the information only
/// by chance: unless `options.clock` is `residual`, the larger of both is used (`v0` shows it).
///
/// A challenger that is hardly ever served cannot end its own burn-in. So with ten times the information that
/// `min_buckets` asks for, the test starts with the larger of V and ten times the information, which allows for ten
/// visits per unit.
/// assumes: as score_test. The test also reacts to a challenger that changes how often units return: report distinct
///     units per arm beside it.
/// errors: too_few without data, burn_in below `options.min_buckets` buckets with challenger data,
///     out_of_range.
/// cost: one pass, no allocation.
/// source: as score_test.
[[nodiscard]] score_result clustered_srm(std::span<const double> q1, std::span<const double> q0,
                                         const score_options& options) noexcept;

}  // namespace stats

#if JOUST_BODIES

namespace stats {

namespace detail {

JOUST_FUNCTION double log_chi_squared_sf(double x, std::size_t df) noexcept
{
    if (!(x >= 0.0) || df == 0) {
        return not_a_number;
    }
    if (x == 0.0) {
        return 0.0;
    }
    if (std::isinf(x)) {
        return -x;
    }
    // Horner's scheme from the last term. The sum is rescaled before it overflows, and `unit` is the scaled value of
    // 1.
    double sum = 1.0, unit = 1.0, log_scale = 0.0;
    const auto extend = [&](double ratio) {
        sum = unit + sum * ratio;
        if (sum > 1e250) {
            log_scale += std::log(sum);
            unit /= sum;
            sum = 1.0;
        }
    };
    if (df % 2 == 0) {
        for (std::size_t j = df / 2 - 1; j >= 1; --j) {  // 1 + t/1 (1 + t/2 (1 + ...)), t = x / 2
            extend(0.5 * x / static_cast<double>(j));
        }
        return -0.5 * x + std::log(sum) + log_scale;
    }
    const double root = std::sqrt(x);
    const double log_tail = log_two + log_normal_sf(root);
    if (df == 1) {
        return log_tail;
    }
    for (std::size_t j = (df - 1) / 2; j >= 2; --j) {
        extend(x / static_cast<double>(2 * j - 1));
    }
    // 2 pdf(root) (root + root^3 / 3 + root^5 / 15 + ...)
    const double log_series =
        log_two - 0.5 * x - half_log_two_pi + std::log(root) + std::log(sum) + log_scale;
    const double larger = log_tail > log_series ? log_tail : log_series;
    const double smaller = log_tail > log_series ? log_series : log_tail;
    return larger + std::log1p(std::exp(smaller - larger));
}

}  // namespace detail

JOUST_FUNCTION test_result sample_ratio_mismatch(std::span<const std::uint64_t> counts,
                                                 std::span<const double> shares) noexcept
{
    test_result result;
    result.method = "chi-squared test of the sample ratio";
    result.state = status::out_of_range;
    if (counts.size() != shares.size()) {
        return result;
    }
    double total = 0.0;
    double share_sum = 0.0;
    std::size_t arms = 0;
    bool impossible = false;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (!(shares[i] >= 0.0)) {
            return result;
        }
        impossible = impossible || (shares[i] == 0.0 && counts[i] != 0);
        total += static_cast<double>(counts[i]);
        share_sum += shares[i];
        arms += shares[i] > 0.0 ? 1U : 0U;
    }
    if (!counts.empty() && !(std::fabs(share_sum - 1.0) <= 1e-9)) {
        return result;
    }
    if (impossible) {
        result.statistic = std::numeric_limits<double>::infinity();
        result.df = static_cast<double>(arms > 1 ? arms - 1 : 1);
        result.p_value = 0.0;
        result.log_p = -std::numeric_limits<double>::infinity();
        result.state = status::ok;
        return result;
    }
    if (arms < 2 || !(total > 0.0)) {
        result.state = status::too_few;
        return result;
    }
    double statistic = 0.0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (shares[i] > 0.0) {
            const double expected = total * (shares[i] / share_sum);
            const double difference = static_cast<double>(counts[i]) - expected;
            statistic += difference * difference / expected;
        }
    }
    result.statistic = statistic;
    result.df = static_cast<double>(arms - 1);
    result.log_p = detail::log_chi_squared_sf(statistic, arms - 1);
    result.p_value = std::exp(result.log_p);
    result.state = status::ok;
    return result;
}

JOUST_FUNCTION score_result clustered_srm(std::span<const double> q1, std::span<const double> q0,
                                          const score_options& options) noexcept
{
    score_result result;
    if (q1.size() != q0.size() || !detail::usable(options)) {
        result.state = status::out_of_range;
        return result;
    }
    double first = 0.0, second = 0.0, s = 0.0, v = 0.0;
    for (std::size_t i = 0; i < q1.size(); ++i) {
        const double q = q1[i] - q0[i];
        first += q1[i];
        second += q0[i];
        s += q;
        v += q * q;
        result.challenger_buckets += q1[i] != 0.0 ? 1U : 0U;
        result.champion_buckets += q0[i] != 0.0 ? 1U : 0U;
    }
    if (!(std::isfinite(first) && std::isfinite(second) && std::isfinite(v))) {
        result.state = status::out_of_range;
        return result;
    }
    result.challenger = first;
    result.champion = second;
    result.information = 0.5 * (first + second);
    result.s = s;
    result.v = v;
    if (!(result.information > 0.0)) {
        return result;
    }
    result.estimate = s / result.information;
    const double minimum = static_cast<double>(options.min_buckets);
    const bool starved = result.challenger_buckets < options.min_buckets;
    if (starved && result.information < 10.0 * minimum) {
        result.state = status::burn_in;
        return result;
    }
    result.v0 = starved ? 10.0 * result.information : result.information;
    const double clock = options.clock == variance_clock::residual && !starved ? v : std::fmax(v, result.v0);
    if (!(clock > 0.0)) {
        result.state = status::zero_variance;
        return result;
    }
    result.log_e = normal_mixture_log_e(s, clock, options.rho, options.alternative);
    const double half = normal_mixture_bound(clock, options.rho, options.alpha, side::two);
    result.lower = (s - half) / result.information;
    result.upper = (s + half) / result.information;
    result.state = status::ok;
    return result;
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
