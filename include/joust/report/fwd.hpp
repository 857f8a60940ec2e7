// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/report/ without defining them, for headers that only name them.

#include <cstdint>

namespace joust {
inline namespace v0 {

enum class verdict : std::uint8_t;
struct arm_row;
struct metric_row;
struct latency_row;
struct share_step;
struct count_row;
struct report;
struct prometheus_sample;
struct prometheus_family;
struct course_value;
struct course_look;
struct course_row;
class course;
struct canary_forecast;
enum class standing : std::uint8_t;

}  // namespace v0
}  // namespace joust
