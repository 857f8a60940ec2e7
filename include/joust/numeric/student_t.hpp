// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/stirling.hpp>

#include <cmath>

// Student's t without Boost.Math, for headers that serving code includes.

namespace joust {
inline namespace v0 {
namespace stats::detail {

// From these degrees of freedom on the normal distribution is used: a quantile differs from it by one part in 40,000 or
// less.
inline constexpr double normal_from_df = 1e5;

// P(|T| >= |t|) for df degrees of freedom. source: DLMF 8.17.4 and 8.17.22.
[[nodiscard]] inline double t_two_sided(double t, double df) noexcept
{
    const double size = std::fabs(t);
    if (df >= normal_from_df) {
        return 2.0 * normal_sf(size);
    }
    if (!(size > 0.0)) {
        return size == 0.0 ? 1.0 : size;
    }
    if (!(size < 1e150)) {
        return 0.0;
    }
    const double square = size * size;
    const double x = df / (df + square);
    const double y = square / (df + square);
    const double a = 0.5 * df;
    return x <= (a + 1.0) / (a + 2.5) ? std::exp(log_incomplete_beta_tail(a, 0.5, x, y))
                                      : -std::expm1(log_incomplete_beta_tail(0.5, a, y, x));
}

// The t that T exceeds with probability `tail`, for a tail below one half.
[[nodiscard]] inline double t_upper_quantile(double tail, double df) noexcept
{
    const double normal = normal_upper_quantile(tail);
    if (df >= normal_from_df) {
        return normal;
    }
    double high = 2.0 * normal;
    while (high < 1e150 && t_two_sided(high, df) > 2.0 * tail) {
        high *= 4.0;
    }
    return bisect({0.5 * normal, high}, [&](double t) { return t_two_sided(t, df) <= 2.0 * tail; }).with;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
