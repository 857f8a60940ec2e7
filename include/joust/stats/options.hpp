#pragma once

#include <joust/numeric/side.hpp>

#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Common options of a test: the error rate of its interval, and the alternative of its p-value.
///
/// With a one-sided alternative the interval is one-sided too: its other end is infinite.
struct test_options {
    double alpha = 0.05;
    side alternative = side::two;
};

/// The two ends of an interval; infinite where nothing is excluded.
struct bounds {
    double lower = -std::numeric_limits<double>::infinity();
    double upper = std::numeric_limits<double>::infinity();
    bool operator==(const bounds&) const = default;
};

namespace detail {

// Written so that NaN is refused too.
[[nodiscard]] constexpr bool is_alpha(double alpha) noexcept
{
    return alpha > 0.0 && alpha < 1.0;
}

// What quantile an interval of this alternative takes: alpha / 2 at each end, or alpha at one.
[[nodiscard]] constexpr double tail_alpha(const test_options& options) noexcept
{
    return options.alternative == side::two ? 0.5 * options.alpha : options.alpha;
}

}  // namespace detail
}  // namespace stats
}  // namespace v0
}  // namespace joust
