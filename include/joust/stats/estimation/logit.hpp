// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/options.hpp>

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The interval of a share between 0 and 1 that is symmetric on the logit scale, where the estimate of an area is
// closer to normal. `half` is the half width on the original scale. The interval stays between 0 and 1.
[[nodiscard]] inline bounds logit_interval(double value, double half) noexcept
{
    const double other = 1.0 - value;
    const double ratio = std::exp(half / (value * other));
    return {value / (value + other * ratio), value / (value + other / ratio)};
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
