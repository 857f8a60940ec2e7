// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose the interval of a difference of two proportions.
enum class difference_interval : std::uint8_t {
    /// A hybrid of two Wilson intervals: good everywhere, and cheap.
    newcombe,
    /// Inverts the score test: the best one for rare events, at about 5 us.
    miettinen_nurminen,
    /// Adds a success and a failure to each sample.
    agresti_caffo,
    /// The textbook interval, too short for small counts; for comparison with other programs.
    wald
};

/// Set up two_proportion_z.
struct proportion_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// The interval of the difference.
    difference_interval interval = difference_interval::newcombe;
};

namespace detail {

// Wilson's interval at z. The lower end comes from the product of both ends, because near 0 their difference cancels.
[[nodiscard]] inline bounds wilson(double k, double n, double z) noexcept
{
    const auto upper_end = [&](double count) {
        const double p = count / n;
        const double q = (n - count) / n;
        const double z2n = z * z / n;
        return (p + 0.5 * z2n + z * std::sqrt(p * q / n + 0.25 * z2n / n)) / (1.0 + z2n);
    };
    const auto lower_end = [&](double count) {
        const double p = count / n;
        return p * p / ((1.0 + z * z / n) * upper_end(count));
    };
    if (k <= 0.5 * n) {
        return {k > 0.0 ? lower_end(k) : 0.0, upper_end(k)};
    }
    return {1.0 - upper_end(n - k), k < n ? 1.0 - lower_end(n - k) : 1.0};
}

// The variance of k1/n1 - k2/n2 where their difference is exactly d, at the restricted maximum of the likelihood, with
// Miettinen and Nurminen's factor N / (N - 1). The score falls with p2, so Newton's steps are kept within its bracket;
// closed forms of the cubic cancel.
[[nodiscard]] inline double restricted_variance(double k1, double n1, double k2, double n2, double d) noexcept
{
    double low = d < 0.0 ? -d : 0.0;
    double high = d > 0.0 ? 1.0 - d : 1.0;
    double p2 = 0.5 * (low + high);
    const auto quotient = [](double k, double p) { return k > 0.0 ? k / p : 0.0; };
    bool ended = false;
    for (int step = 0; step < longest_search && !ended; ++step) {
        const double p1 = p2 + d;
        const double a = quotient(k1, p1);
        const double b = quotient(k2, p2);
        const double c = quotient(n1 - k1, 1.0 - p1);
        const double e = quotient(n2 - k2, 1.0 - p2);
        const double score = a + b - c - e;
        (score > 0.0 ? low : high) = p2;
        const double slope =
            quotient(a, p1) + quotient(b, p2) + quotient(c, 1.0 - p1) + quotient(e, 1.0 - p2);
        const double next = p2 + score / slope;
        // Halving comes after the step's size was asked: a converged step may leave the bracket by its rounding.
        ended = std::fabs(next - p2) <= 4e-16 * p2;
        if (!ended) {
            const bool newton = step < plain_search_steps && next > low && next < high;
            p2 = newton ? next : step < plain_search_steps ? 0.5 * (low + high) : middle_double(low, high);
            ended = !(p2 > low && p2 < high);
        }
    }
    if (!ended) {
        return not_a_number;
    }
    const double p1 = p2 + d;
    const double variance = p1 * (1.0 - p1) / n1 + p2 * (1.0 - p2) / n2;
    return (variance > 0.0 ? variance : 0.0) * (n1 + n2) / (n1 + n2 - 1.0);
}

// The difference on one side of the estimate at which the score statistic is z, or the end of the range on that side.
[[nodiscard]] inline double score_limit(double k1, double n1, double k2, double n2, double z,
                                        double direction) noexcept
{
    const double estimate = k1 / n1 - k2 / n2;
    const auto excess = [&](double d) {
        return std::fabs(estimate - d) - z * std::sqrt(restricted_variance(k1, n1, k2, n2, d));
    };
    const double at_end = excess(direction);
    if (!(at_end > 0.0)) {
        return std::isnan(at_end) ? at_end : direction;
    }
    // At the estimate the excess is -z deviations. At an estimate of -1 or 1 they are 0, and the estimate is the limit on
    // its own side only, which the end of the range has answered.
    const double at_estimate = excess(estimate);
    const solution found = ridders_root(
        {estimate, direction, at_estimate < 0.0 ? at_estimate : -std::numeric_limits<double>::min(), at_end},
        excess, [](const illinois_bracket& at, double change) {
            return std::fabs(change) <= 2e-16 * std::fabs(at.high);
        });
    return found.converged ? found.at : not_a_number;
}

[[nodiscard]] inline bounds proportion_difference(double k1, double n1, double k2, double n2, double z,
                                                  difference_interval how) noexcept
{
    const double d = k1 / n1 - k2 / n2;
    if (how == difference_interval::miettinen_nurminen) {
        return {score_limit(k1, n1, k2, n2, z, -1.0), score_limit(k1, n1, k2, n2, z, 1.0)};
    }
    if (how == difference_interval::newcombe) {
        const bounds first = wilson(k1, n1, z);
        const bounds second = wilson(k2, n2, z);
        return {d - std::hypot(k1 / n1 - first.lower, second.upper - k2 / n2),
                d + std::hypot(first.upper - k1 / n1, k2 / n2 - second.lower)};
    }
    const double extra = how == difference_interval::agresti_caffo ? 1.0 : 0.0;
    const double m1 = n1 + 2.0 * extra;
    const double m2 = n2 + 2.0 * extra;
    const double p1 = (k1 + extra) / m1;
    const double p2 = (k2 + extra) / m2;
    const double half = z * std::sqrt(p1 * (1.0 - p1) / m1 + p2 * (1.0 - p2) / m2);
    return {p1 - p2 - half, p1 - p2 + half};
}

// The z-test of two proportions with their pooled variance: sets statistic, p-value and state.
inline void pooled_z(test_result& result, double a, double m1, double b, double m2, side alternative) noexcept
{
    const double pooled = (a + b) / (m1 + m2);
    const double other = ((m1 - a) + (m2 - b)) / (m1 + m2);
    if (!(pooled > 0.0 && other > 0.0)) {
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.state = status::zero_variance;
        return;
    }
    // The numerator is computed from whole numbers: p1 - p2 would cancel where both are nearly equal.
    const double cross = std::fma(a, m2, -b * m1) + std::fma(-b, m1, b * m1);
    result.statistic = cross / (m1 * m2) / std::sqrt(pooled * other * (1.0 / m1 + 1.0 / m2));
    const tail_probability tail = normal_tails(result.statistic, alternative);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    result.state = status::ok;
}

}  // namespace detail

/// Return Wilson's score interval of a proportion.
///
/// errors: NaN ends unless k <= n, n > 0 and 0 < alpha < 1.
/// cost: O(1), one normal quantile.
/// source: Wilson 1927.
[[nodiscard]] inline bounds wilson_interval(std::uint64_t k, std::uint64_t n, double alpha = 0.05) noexcept
{
    if (n == 0 || k > n || !detail::is_alpha(alpha)) {
        return {not_a_number, not_a_number};
    }
    return detail::wilson(static_cast<double>(k), static_cast<double>(n), normal_upper_quantile(0.5 * alpha));
}

/// Return Agresti and Coull's interval of a proportion: Wald's interval around Wilson's centre, cut at 0 and 1.
///
/// errors: as wilson_interval.
/// cost: O(1), one normal quantile.
/// source: Agresti and Coull 1998.
[[nodiscard]] inline bounds agresti_coull_interval(std::uint64_t k, std::uint64_t n,
                                                   double alpha = 0.05) noexcept
{
    if (n == 0 || k > n || !detail::is_alpha(alpha)) {
        return {not_a_number, not_a_number};
    }
    const double z = normal_upper_quantile(0.5 * alpha);
    const double m = static_cast<double>(n) + z * z;
    const double p = (static_cast<double>(k) + 0.5 * z * z) / m;
    const double half = z * std::sqrt(p * (1.0 - p) / m);
    return {p - half > 0.0 ? p - half : 0.0, p + half < 1.0 ? p + half : 1.0};
}

/// Compare two proportions k1 / n1 and k2 / n2: the pooled z-test (its square is Pearson's chi-squared without
/// correction), with an interval of the difference first minus second.
///
/// Test and interval are not inversions of each other, so near the level they may disagree.
///
/// When to use: independent units at one planned look. When not: small counts, for which an exact test is better, or
/// repeated looks, which need an always-valid test.
/// errors: out_of_range (k > n, alpha), too_few (an empty sample), zero_variance (no success at all, or no
///     failure: p is 1, and the interval is still valid), not_converged (a limit was not found and is NaN).
/// cost: under 1 us without Boost.Math; about 5 us for miettinen_nurminen.
/// source: Newcombe 1998, method 10; Miettinen and Nurminen 1985; Agresti and Caffo 2000.
[[nodiscard]] inline test_result two_proportion_z(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2,
                                                  std::uint64_t n2,
                                                  const proportion_options& options = {}) noexcept
{
    test_result result;
    switch (options.interval) {
        case difference_interval::newcombe: result.method = "two-proportion z-test, Newcombe interval"; break;
        case difference_interval::miettinen_nurminen:
            result.method = "two-proportion z-test, Miettinen-Nurminen interval";
            break;
        case difference_interval::agresti_caffo:
            result.method = "two-proportion z-test, Agresti-Caffo interval";
            break;
        case difference_interval::wald: result.method = "two-proportion z-test, Wald interval"; break;
    }
    if (k1 > n1 || k2 > n2 || !detail::is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    if (n1 == 0 || n2 == 0) {
        return result;
    }
    const double a = static_cast<double>(k1);
    const double b = static_cast<double>(k2);
    const double m1 = static_cast<double>(n1);
    const double m2 = static_cast<double>(n2);
    result.estimate = a / m1 - b / m2;
    const test_options tail_options{options.alpha, options.alternative};
    const double z = normal_upper_quantile(detail::tail_alpha(tail_options));
    const bounds ends = detail::proportion_difference(a, m1, b, m2, z, options.interval);
    result.lower = ends.lower;
    result.upper = ends.upper;
    detail::open_end(result, options.alternative);
    detail::pooled_z(result, a, m1, b, m2, options.alternative);
    if (result.state == status::ok && std::isnan(result.lower + result.upper)) {
        result.state = status::not_converged;
    }
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
