// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// The value of a number that could not be computed.
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace stats
}  // namespace v0
}  // namespace joust
