// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace joust {
inline namespace v0 {

/// Watch a quantile of the time that a call takes, with its fallback. Every trial measures it; name the metric in a
/// guardrail to set a limit.
///
/// The quantile of the champion's first `warm_up` timed calls is kept as a threshold. From then on the question is how
/// often calls of each arm take longer than the threshold (plus the margin, for the challenger). In this form, drift,
/// changing shares and returning users do no harm.
/// units: `q` is a probability; `max_increase` of a guardrail is in milliseconds
struct latency {
    /// The quantile that is watched, as a probability.
    double q = 0.99;
    /// How many timed calls of the champion fix the threshold.
    unsigned warm_up = 1'000;

    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return "latency"; }
    /// Compare all members.
    bool operator==(const latency&) const = default;
};

}  // namespace v0
}  // namespace joust
