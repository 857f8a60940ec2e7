// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/side.hpp>

#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set what all tests have in common: the error rate of the interval, and the alternative of the p-value.
///
/// With a one-sided alternative the interval is one-sided too: its other end is infinite.
struct test_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null hypothesis that the p-value looks for.
    side alternative = side::two;
};

/// Hold the two ends of an interval; an end is infinite where nothing is excluded.
struct bounds {
    /// The lower end.
    double lower = -std::numeric_limits<double>::infinity();
    /// The upper end.
    double upper = std::numeric_limits<double>::infinity();
    /// Compare all members.
    bool operator==(const bounds&) const = default;
};

namespace detail {

// A NaN is refused too, which is why both comparisons are positive.
[[nodiscard]] constexpr bool is_alpha(double alpha) noexcept
{
    return alpha > 0.0 && alpha < 1.0;
}

// The tail that an interval of this alternative leaves out at each of its ends: alpha / 2 at both, or alpha at one.
[[nodiscard]] constexpr double tail_alpha(const test_options& options) noexcept
{
    return options.alternative == side::two ? 0.5 * options.alpha : options.alpha;
}

}  // namespace detail
}  // namespace stats
}  // namespace v0
}  // namespace joust
