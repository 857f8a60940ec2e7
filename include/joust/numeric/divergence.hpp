// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>

// The terms that divergences of two distributions sum over their cells, without the digits that a difference of logarithms
// would cancel where the distributions are nearly equal.

namespace joust {
inline namespace v0 {
namespace stats::detail {

// Return p ln(p / q) - p + q, which is never negative. With t = (p - q) / q it is q ((1 + t) ln(1 + t) - t).
[[nodiscard]] inline double kl_term(double p, double q, double p_minus_q) noexcept
{
    if (p == 0.0) {
        return q;
    }
    if (q == 0.0) {
        return std::numeric_limits<double>::infinity();
    }
    const double t = p_minus_q / q;
    if (std::abs(t) > 0.05) {
        return q * ((1.0 + t) * std::log1p(t) - t);
    }
    double power = t * t;
    double series = 0.0;
    for (int k = 2; k < 14; ++k) {
        series += (k % 2 == 0 ? power : -power) / (k * (k - 1.0));
        power *= t;
    }
    return q * series;
}

// Return (p ln(p / m) + q ln(q / m)) / 2 for m = (p + q) / 2. With x = (p - q) / (p + q) it is
// m (x atanh x + ln(1 - x^2) / 2).
[[nodiscard]] inline double js_term(double p, double q, double p_minus_q) noexcept
{
    constexpr double ln2 = 0.69314718055994530942;
    const double m = 0.5 * (p + q);
    if (p == 0.0 || q == 0.0) {
        return m * ln2;
    }
    const double x = 0.5 * p_minus_q / m;
    if (!(std::abs(x) < 1.0)) {
        return m * ln2;  // One share is below half an ulp of the other.
    }
    return m * (x * std::atanh(x) + 0.5 * std::log1p(-x * x));
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
