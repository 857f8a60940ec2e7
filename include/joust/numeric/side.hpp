// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace joust {
inline namespace v0 {
namespace stats {

/// The departure from the null hypothesis that a test looks for in the difference first minus second.
enum class side : std::uint8_t {
    /// The difference is not zero.
    two,
    /// The difference is above zero.
    greater,
    /// The difference is below zero.
    less
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
