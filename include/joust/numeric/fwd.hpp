// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/numeric/ without defining them, for headers that only name them.
// Default template arguments are given here; the definitions include this header and do not repeat them.

#include <cstdint>

namespace joust {
inline namespace v0 {

template <unsigned Bits = 12>
class hyperloglog;
class latency_sketch;
struct value_bins;
class value_distribution;
class value_sketch;

namespace stats {

enum class side : std::uint8_t;

}  // namespace stats

}  // namespace v0
}  // namespace joust
