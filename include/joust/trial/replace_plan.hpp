// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/plan_diff.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/detail/steer_plan.hpp>

namespace joust {
inline namespace v0 {

/// Return the plan in force.
template <class... Args>
[[nodiscard]] traffic_plan plan_of(const ab_test<Args...>& trial)
{
    return detail::plan_steering<ab_test<Args...>>::now(trial);
}
/// Return the plan in force of an interleaving, which has no shares: it says whether the rankers of challengers run.
template <class... Args>
[[nodiscard]] traffic_plan plan_of(const interleaving<Args...>& trial)
{
    return detail::plan_steering<interleaving<Args...>>::now(trial);
}
/// Return what a canary does now as a plan: the shares of its stage, and whether it was rolled back.
template <class... Args>
[[nodiscard]] traffic_plan plan_of(const canary<Args...>& trial)
{
    return detail::plan_steering<canary<Args...>>::now(trial);
}

/// Split traffic by another plan from now on, while threads serve. Returns which shares of units move between arms.
///
/// The plan has the salt of the trial, a higher version than the plan in force, and the digest of the plan in force as its
/// parent, or 0. The plan after a stopped one continues from the shares before.
///
/// A stopped plan gives all traffic to the champion at once, whatever splitter the trial has. It is never refused for its version,
/// its parent or its shares, since the kill switch must work in a hurry; of them, what makes sense is kept. It stops before it does
/// anything that needs memory, and does not throw when there is none.
///
/// A plan changes the shares of hash_split, slot_split and bandits, also behind rules. Every other trial is stopped and started
/// by a plan, whose shares are empty or those of the trial. Where a splitter states no shares, what moves is not known.
/// errors: configuration_error for another salt; and, for a plan that is not stopped, for an old version, another parent,
/// invalid shares, shares that the splitter cannot follow, or, without `.allow_moves`, units that would leave a challenger whose
/// share does not shrink. The old plan then stays in force.
/// cost: some microseconds; calls cost no more than before
template <class... Args>
plan_difference replace_plan(ab_test<Args...>& trial, const traffic_plan& next,
                             const replace_options& options = {})
{
    return detail::plan_steering<ab_test<Args...>>::replace(trial, next, options);
}

/// Stop an interleaving, or start it again. While it is stopped, only the champion's ranker runs, users get its list, and nothing
/// is recorded; the report counts these calls. Clicks on lists that were served before still count.
///
/// The plan has no shares. What the rules of versions and of the kill switch are, `replace_plan` of an A/B test says.
/// errors: as replace_plan of an A/B test
template <class... Args>
void replace_plan(interleaving<Args...>& trial, const traffic_plan& next)
{
    static_cast<void>(detail::plan_steering<interleaving<Args...>>::replace(trial, next, {}));
}

/// Roll a canary back by a stopped plan. Its ramp sets its shares, so that it takes no other plan.
/// errors: configuration_error for another salt, and for a plan that is not stopped
template <class... Args>
plan_difference replace_plan(canary<Args...>& trial, const traffic_plan& next)
{
    return detail::plan_steering<canary<Args...>>::replace(trial, next, {});
}

}  // namespace v0
}  // namespace joust
