// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/proportions.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// Is the ratio p1 / p2 = r above what k1 of n1 and k2 of n2 allow at z? The variance is that of the restricted maximum of
// the likelihood, the smaller root of a quadratic in p2, whose discriminant is written as a sum of positive terms.
[[nodiscard]] inline bool ratio_excluded(double k1, double n1, double k2, double n2, double r,
                                         double z) noexcept
{
    const double ahead = r * (n1 + k2);
    const double other = k1 + n2;
    const double root = std::hypot(ahead - other, 2.0 * std::sqrt(r * (n1 - k1) * (n2 - k2)));
    const double p2 = 2.0 * (k1 + k2) / (ahead + other + root);
    const double p1 = r * p2 < 1.0 ? r * p2 : 1.0;
    const double variance = p1 * (1.0 - p1) / n1 + r * r * p2 * (1.0 - p2) / n2;
    const double gap = r * (k2 / n2) - k1 / n1;
    return gap > 0.0 && gap * gap > z * z * (variance > 0.0 ? variance : 0.0);
}

// The largest ratio p1 / p2 that is not excluded; infinite where k2 is 0.
[[nodiscard]] inline double ratio_upper(double k1, double n1, double k2, double n2, double z) noexcept
{
    if (!(k2 > 0.0)) {
        return std::numeric_limits<double>::infinity();
    }
    double low = k1 / n1 / (k2 / n2);
    double high = low > 0.0 ? low : 1.0 / n1;
    while (!ratio_excluded(k1, n1, k2, n2, high, z)) {
        low = high;
        high *= 2.0;
        if (!std::isfinite(high)) {
            return high;
        }
    }
    if (low == 0.0) {
        low = high;
        while (low > 0.0 && ratio_excluded(k1, n1, k2, n2, low, z)) {
            high = low;
            low *= 0.5;
        }
    }
    return bisect({high, low}, [&](double r) { return !ratio_excluded(k1, n1, k2, n2, r, z); }).with;
}

}  // namespace detail

/// Compare two proportions k1 / n1 and k2 / n2 by their ratio, first divided by second: the pooled z-test, with the score
/// interval of Koopman, which inverts the score test of every ratio.
///
/// The interval exists at counts of 0 too: without a success in the first sample the estimate is 0 and the interval ends at
/// what the sample excludes; without a success in the second the estimate is infinite.
///
/// When to use: rates that are compared as a ratio (the four-fifths rule, relative risks). When not: differences, which
/// are `two_proportion_z`.
/// assumes: independent units.
/// errors: out_of_range (k > n, alpha), too_few (an empty sample), zero_variance (no success at all, or no failure: p is
///     1, and the interval is still valid; without any success there is no estimate).
/// cost: about 5 us, no Boost.Math.
/// source: Koopman 1984, "Confidence intervals for the ratio of two binomial proportions"; Gart and Nam 1988.
[[nodiscard]] inline test_result proportion_ratio(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2,
                                                  std::uint64_t n2, const test_options& options = {}) noexcept
{
    test_result result;
    result.method = "ratio of proportions, Koopman interval";
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
    const double z = normal_upper_quantile(detail::tail_alpha(options));
    result.estimate = k1 == 0 && k2 == 0 ? not_a_number
                      : k2 == 0          ? std::numeric_limits<double>::infinity()
                                         : a / m1 / (b / m2);
    const double inverse = detail::ratio_upper(b, m2, a, m1, z);
    result.lower = options.alternative == side::less ? 0.0 : 1.0 / inverse;
    result.upper = options.alternative == side::greater ? std::numeric_limits<double>::infinity()
                                                        : detail::ratio_upper(a, m1, b, m2, z);
    detail::pooled_z(result, a, m1, b, m2, options.alternative);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
