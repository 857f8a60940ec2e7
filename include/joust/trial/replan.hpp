// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/evidence.hpp>
#include <joust/split/bandit.hpp>
#include <joust/split/rewards.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/trial_access.hpp>

#include <cstddef>
#include <list>
#include <mutex>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Let the splitter of a trial's core learn from evidence, and put the plan that it makes in force.
template <class Core>
void learn(Core& core, const evidence& seen)
{
    using metrics_t = typename Core::parts::metrics_t;
    using plan_t = typename Core::plan_t;
    constexpr bool learns =
        requires(const plan_t& plan) { core.assignment().splitter().replan(reward_totals{}, plan.split); };
    static_assert(
        learns,
        "joust: this trial's splitter does not learn; give it a bandit (epsilon_greedy, ucb1, exp3, thompson, top_two_thompson)");
    static_assert(
        !metrics_t::template is_quantile_at<metrics_t::primary()>,
        "joust: a bandit learns from what each exposure brings, so a quantile cannot be what decides; let a conversion say whether a value is within a limit");
    if constexpr (learns) {
        bool lower_is_better = false;
        for (const metric_spec& spec : core.metrics().metrics().specs()) {
            lower_is_better = lower_is_better ||
                              (spec.role == metric_spec::part::primary && spec.direction == better::down);
        }
        const reward_totals totals =
            rewards_of(seen, metrics_t::series_of(metrics_t::primary()), lower_is_better);
        plan_in_force& outside = core.assignment().in_force();
        const std::scoped_lock lock{outside.mutex};
        if (outside.plan.stopped) {
            return;  // Only a plan that is not stopped starts the trial again.
        }
        const plan_t now = core.assignment().current();
        std::list<plan_t> next{
            plan_t{core.assignment().splitter().replan(totals, now.split), now.number + 1}};
        // The version that was put in force stays, and its shares are now the bandit's.
        outside.plan.slots.clear();
        if (outside.plan.version != 0) {
            outside.plan.shares = share_list{next.front().shares};
        }
        core.publish(std::move(next));
    }
}

}  // namespace detail

/// Let a trial's bandit make a new plan from the evidence on the primary metric so far.
///
/// Call it from a timer; the evidence that arrives between two calls is one batch. Other threads may serve meanwhile. A trial
/// that a plan has stopped stays stopped.
/// cost: the bandit's own cost, a copy of the evidence, and 1 to 3 KiB for each plan that is kept
template <class... Args>
void replan(ab_test<Args...>& trial)
{
    detail::learn(detail::trial_access::core(trial), trial.evidence());
}

/// Let a trial's bandit make a new plan from the merged evidence of all replicas, so that all replicas get the same plan.
/// errors: configuration_error where the evidence belongs to another trial
template <class... Args>
void replan(ab_test<Args...>& trial, const evidence& merged)
{
    auto& core = detail::trial_access::core(trial);
    core.check_own(merged);
    detail::learn(core, merged);
}

}  // namespace v0
}  // namespace joust
