// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace joust {
inline namespace v0 {

/// Watch a quantile of the time a call takes, fallback included. Kept in every trial; name it in a guardrail.
///
/// The champion's quantile is read off its first `warm_up` timed calls and fixed; from then on calls are compared by how
/// often they exceed it (plus the margin, for the challenger), so that drift, shares and returning users do no harm.
/// units: `q` a probability; a guardrail's `max_increase` milliseconds.
struct latency {
    double q = 0.99;
    unsigned warm_up = 1'000;

    static constexpr std::string_view name() noexcept { return "latency"; }
    bool operator==(const latency&) const = default;
};

}  // namespace v0
}  // namespace joust
