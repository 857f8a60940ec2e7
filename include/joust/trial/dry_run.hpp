// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <concepts>

namespace joust {
inline namespace v0 {

/// Rehearse a canary: the champion answers every request, and the canary assigns units, counts, decides and reports as it would
/// otherwise.
///
/// The challenger is not called. Units that it would get count for it, with the champion's answer, failures and latency, so that
/// both arms are alike. The rehearsal shows whether every guardrail is judged, whether feedback comes back, how long the ramp takes,
/// and how often something is rolled back for nothing. Its decisions change the shares of the assignment alone; the listener
/// hears of each as a `dry_decision`.
/// When to use: before the first canary of a service, and after changes of how it counts and reports.
/// When not: to judge the challenger; `shadow` calls it without serving its answers.
/// cost: nothing beyond a canary
struct dry_run {};

/// The role of the rehearsal: `dry_run{}`.
struct dry_run_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = std::same_as<T, dry_run>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: dry_run{} is given twice; say it once");
    }
};

}  // namespace v0
}  // namespace joust
