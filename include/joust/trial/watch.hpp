// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <string>

namespace joust {
inline namespace v0 {

/// Watch nothing beside the trial. This is the default.
struct no_watcher {
    /// Ignore a row.
    template <class... Row>
    constexpr void see(unsigned, const Row&...) const noexcept
    {
    }
};

/// A policy that shows each recorded request with its arm to a watch; made by `watch`.
template <class Watch>
struct watched_by {
    /// The watch.
    Watch* to;

    /// Show a request.
    template <class... Row>
    void see(unsigned arm, const Row&... row) const noexcept
    {
        to->see(arm, row...);
    }
};

/// Let a trial show each request that it records, with the arm that serves it, to a watch over its arms: `watch(arms)`.
///
/// When to use: always, where requests have features that are worth a look; `joust::arm_watch` of monitor/arm_watch.hpp finds that the arms do not get the
/// same traffic.
/// assumes: the watch outlives the trial
/// cost: that of the watch
template <class Watch>
[[nodiscard]] constexpr watched_by<Watch> watch(Watch& to) noexcept
{
    return {&to};
}

/// Pause a canary where its arms are shown to get different traffic, with the reason: call it after `arms.check()`. Returns whether the canary was
/// paused. A guardrail that breaks still acts meanwhile.
/// cost: one report of the watch
template <class Canary, class Watch>
bool hold_on_drift(Canary& canary, const Watch& arms)
{
    const std::string why = arms.complaint();
    return !why.empty() && canary.pause(why);
}

namespace detail {

struct verb_see {
    int see;
};
template <class T>
concept has_see = derivable<T> && !requires { &both<T, verb_see>::see; };

}  // namespace detail

/// The role of the watcher: verb `see(arm, args...)`, which does not throw.
struct watcher_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_see<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two watches are given; let one arm_watch have all features");
    }
};

}  // namespace v0
}  // namespace joust
