// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace joust {
inline namespace v0 {

/// Count calls in which the assigned model threw or its result was refused. Kept in every trial; name it in a guardrail.
///
/// A call that fell back to the champion counts for the challenger that it was assigned to.
struct failures {
    static constexpr std::string_view name() noexcept { return "failures"; }
    bool operator==(const failures&) const = default;
};

}  // namespace v0
}  // namespace joust
