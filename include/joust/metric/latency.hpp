// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace joust {
inline namespace v0 {

/// Watch a quantile of the time that a call takes, with its fallback. Every trial measures it; name the metric in a
/// guardrail to set a limit.
///
/// The claim is about the traffic of an epoch, pooled: the challenger's quantile is at most the champion's with the margin. An epoch has
/// 4,096 late calls. Its threshold is an upper confidence limit of the champion's quantile in the epoch before, which begins with the
/// champion's first `warm_up` timed calls, and the epoch ends early where the champion's calls refute its threshold. So drift, changing shares, returning users and
/// other shapes of the distribution do not look like harm. Limits are rounded up to the end of a bin of the sketch, by at most 1.6 %.
/// units: `q` is a probability; `max_increase` of a guardrail is in milliseconds
struct latency {
    /// The quantile that is watched, as a probability.
    double q = 0.99;
    /// How many timed calls of the champion the first threshold needs at least. At least 10 of them have to be beyond the quantile.
    unsigned warm_up = 1'000;
    /// How many timed calls of the challenger are served and not judged, since it is slow while its caches are cold. Users wait for these calls
    /// all the same, so that the report names them.
    unsigned challenger_warm_up = 0;

    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return "latency"; }
    /// Compare all members.
    bool operator==(const latency&) const = default;
};

}  // namespace v0
}  // namespace joust
