// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/metric/ without defining them, for headers that only name them.

#include <joust/core/fixed_string.hpp>

namespace joust {
inline namespace v0 {

template <fixed_string Name>
struct conversion;
struct failures;
template <class Metric>
struct guarded;
template <class Metric>
struct primary_metric;
struct latency;
template <fixed_string Name>
struct mean;
enum class better : unsigned char;
enum class per : unsigned char;
template <fixed_string Name, class Projection>
struct predicted;
template <fixed_string Name>
struct quantile;
template <fixed_string Name>
struct ratio;

}  // namespace v0
}  // namespace joust
