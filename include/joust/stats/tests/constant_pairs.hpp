// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// Judges the mean of `pairs` independent values within [low, high] that are all equal to `value`, where a variance of 0
// would promise anything. At a mean m below the value, P(X >= value) is at most (m - low) / (value - low) by Markov's
// inequality, and all pairs show it with at most that to the power of their number; likewise above. The p-value is the
// bound at `null`, and the interval holds every mean at which the bound exceeds the level.
inline void judge_constant(test_result& result, double value, double low, double high, double null,
                           double pairs, const test_options& options) noexcept
{
    const double room = value > null ? value - low : high - value;
    const double at_null = value > null ? null - low : high - null;
    const double log_tail = value == null ? 0.0 : pairs * std::log(at_null / room);
    const bool towards =
        options.alternative == side::two || (value > null) == (options.alternative == side::greater);
    result.estimate = value;
    result.log_p = !towards || value == null          ? 0.0
                   : options.alternative == side::two ? log_tail + log_two
                                                      : log_tail;
    result.log_p = result.log_p < 0.0 ? result.log_p : 0.0;
    result.p_value = std::exp(result.log_p);
    const double factor = std::exp(std::log(tail_alpha(options)) / pairs);
    result.lower = low + (value - low) * factor;
    result.upper = high - (high - value) * factor;
    open_end(result, options.alternative);
    result.state = status::ok;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
