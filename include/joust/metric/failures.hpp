// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace joust {
inline namespace v0 {

/// Count calls in which the assigned model threw or its result was refused. Every trial counts them; name the metric in
/// a guardrail to set a limit.
///
/// A call that fell back to the champion counts for the challenger that it was assigned to.
struct failures {
    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return "failures"; }
    /// Compare all members.
    bool operator==(const failures&) const = default;
};

}  // namespace v0
}  // namespace joust
