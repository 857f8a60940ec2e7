// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cstdint>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// From successes and failures, at least one of which is not 0; their sum may exceed 2^64.
[[nodiscard]] inline bounds clopper_pearson_of(double successes, double failures, double alpha) noexcept
{
    return {successes > 0.0 ? beta_quantile(0.5 * alpha, successes, failures + 1.0) : 0.0,
            failures > 0.0 ? beta_upper_quantile(0.5 * alpha, successes + 1.0, failures) : 1.0};
}

}  // namespace detail

/// Return the exact interval of a proportion. It covers with probability 1 - alpha or more for every proportion, and
/// is therefore wide.
///
/// errors: NaN ends unless k <= n, n > 0 and 0 < alpha < 1.
/// cost: two searches over the incomplete beta function, which do not grow with the count.
/// source: Clopper and Pearson 1934, by quantiles of the beta distribution.
[[nodiscard]] inline bounds clopper_pearson_interval(std::uint64_t k, std::uint64_t n,
                                                     double alpha = 0.05) noexcept
{
    if (n == 0 || k > n || !detail::is_alpha(alpha)) {
        return {not_a_number, not_a_number};
    }
    return detail::clopper_pearson_of(static_cast<double>(k), static_cast<double>(n - k), alpha);
}

/// Return Jeffreys' interval of a proportion: equal tails of its posterior under the Beta(1/2, 1/2) prior.
///
/// The ends are the plain quantiles also at k = 0 and k = n, where some programs replace one end by 0 or 1.
/// errors: as clopper_pearson_interval.
/// cost: two beta quantiles, 4 to 10 us for every n.
/// source: Brown, Cai and DasGupta 2001.
[[nodiscard]] inline bounds jeffreys_interval(std::uint64_t k, std::uint64_t n, double alpha = 0.05) noexcept
{
    if (n == 0 || k > n || !detail::is_alpha(alpha)) {
        return {not_a_number, not_a_number};
    }
    const double a = static_cast<double>(k) + 0.5;
    const double b = static_cast<double>(n - k) + 0.5;
    return {beta_quantile(0.5 * alpha, a, b), beta_upper_quantile(0.5 * alpha, a, b)};
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
