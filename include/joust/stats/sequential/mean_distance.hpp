// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/moments.hpp>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The mean minus a number, accurate also where both are large and nearly equal.
[[nodiscard]] inline double mean_distance(const moments& values, double from) noexcept
{
    moments fixed;
    fixed.add(from);
    return values.mean_difference(fixed);
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
