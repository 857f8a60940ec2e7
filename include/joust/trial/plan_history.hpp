// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/detail/plan.hpp>
#include <joust/trial/detail/trial_access.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// The shares that a trial had for some time, and the slots where its splitter has slots.
struct known_plan {
    /// One share for each model, the champion's first.
    std::vector<double> shares;
    /// Where each slot begins. It is empty for splitters without slots.
    std::vector<std::uint64_t> begins;
    /// The arm that serves each slot.
    std::vector<std::uint32_t> arms;

    /// Return the digest of the shares. Tickets of trials with three or more arms carry its upper bits.
    [[nodiscard]] std::uint64_t digest() const noexcept { return detail::digest_of_shares(shares); }

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(shares, begins, arms);
    }
    bool operator==(const known_plan&) const = default;
};

/// All plans that a trial had since its start, the oldest first: a value to save beside the evidence, and to give to the
/// process that goes on with the trial.
struct plan_history {
    /// The name of the trial.
    std::string trial;
    /// The plans, each of them once.
    std::vector<known_plan> plans;
    /// Whether these are all plans since the trial began.
    bool complete = true;

    /// Add the plans of another replica.
    /// errors: configuration_error where the plans are of another trial
    void merge(const plan_history& other)
    {
        if (trial != other.trial) {
            throw configuration_error("plan_history", "of trial '" + other.trial + "'",
                                      "plans of trial '" + trial + "'");
        }
        for (const known_plan& each : other.plans) {
            add(each);
        }
        complete = complete && other.complete;
    }

    /// Add a plan unless it is there.
    void add(const known_plan& next)
    {
        for (const known_plan& each : plans) {
            if (each == next) {
                return;
            }
        }
        plans.push_back(next);
    }

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(trial, plans, complete);
    }
    bool operator==(const plan_history&) const = default;
};

namespace detail {

/// Return the plan behind all rules.
template <class Split>
[[nodiscard]] const auto& plan_behind(const Split& split) noexcept
{
    if constexpr (requires { split.behind(); }) {
        return plan_behind(split.behind());
    } else {
        return split;
    }
}

/// Lay out a plan of before by the splitter of a trial. The rules in front of it are those of `now`.
template <class Splitter, class Split>
[[nodiscard]] Split lay_out_again(const Splitter& splitter, const Split& now, const known_plan& older)
{
    const std::size_t arms = older.shares.size();
    const share_list shares = checked_shares("plan_history.shares", share_list{older.shares}, arms);
    if constexpr (requires { now.rule(); }) {
        return Split{now.rule(), lay_out_again(splitter.behind(), now.behind(), older)};
    } else if constexpr (std::is_base_of_v<slot_plan, Split>) {
        std::vector<hash_slot> slots;
        for (std::size_t i = 0; i < older.begins.size(); ++i) {
            slots.push_back({older.begins[i], older.arms[i]});
        }
        slot_plan plan = slot_split{{}, shares, std::move(slots)}.resolve(arms);
        if constexpr (std::is_same_v<Split, slot_plan>) {
            return plan;
        } else {
            return Split{std::move(plan), now.seen(), now.log_weights()};
        }
    } else {
        constexpr bool lays_out = requires { splitter.with_shares(shares).resolve(arms); };
        static_assert(
            lays_out,
            "joust: the plans of this splitter cannot be laid out again from their shares; recall_plans serves hash_split, slot_split, rendezvous and bandits, also behind rules");
        if constexpr (lays_out) {
            return splitter.with_shares(shares).resolve(arms);
        } else {
            return now;
        }
    }
}

template <class Core>
[[nodiscard]] plan_history history_of_core(const Core& core)
{
    plan_history all;
    all.trial = core.identity().name();
    const bool whole = core.assignment().for_each_plan([&all](const auto& each) {
        known_plan next;
        next.shares.assign(each.shares.begin(), each.shares.end());
        if constexpr (requires { plan_behind(each.split).slots(); }) {
            for (const hash_slot& slot : plan_behind(each.split).slots()) {
                next.begins.push_back(slot.begin);
                next.arms.push_back(slot.arm);
            }
        }
        all.add(next);
    });
    all.complete = whole && core.assignment().knows_history();
    return all;
}

template <class Core>
void recall_plans_of(Core& core, const plan_history& before)
{
    using plan_t = typename Core::plan_t;
    if (before.trial != core.identity().name()) {
        throw configuration_error("plan_history", "of trial '" + before.trial + "'",
                                  "plans of trial '" + core.identity().name() + "'");
    }
    const plan_t now = core.assignment().current();
    std::list<plan_t> older;
    for (const known_plan& each : before.plans) {
        if (each.shares.size() != Core::parts::arm_count || each.begins.size() != each.arms.size()) {
            throw configuration_error("plan_history",
                                      "a plan of " + std::to_string(each.shares.size()) + " shares",
                                      "plans of " + std::to_string(Core::parts::arm_count) +
                                          " shares, one for each model, with one arm for each slot");
        }
        older.emplace_back(lay_out_again(core.assignment().splitter(), now.split, each), 0U);
        auto exact = older.back().shares;
        for (std::size_t arm = 0; arm < exact.size(); ++arm) {
            exact[arm] = each.shares[arm];
        }
        older.back().state_shares(exact);
    }
    core.assignment().recall_plans(std::move(older), before.complete, core.live());
}

}  // namespace detail

/// Return all plans that a trial had since its start, to save them beside its evidence.
template <class... Args>
[[nodiscard]] plan_history history_of(const ab_test<Args...>& trial)
{
    return detail::history_of_core(detail::trial_access::core(trial));
}
/// Return all plans that a canary had since its start, to save them beside its evidence.
template <class... Args>
[[nodiscard]] plan_history history_of(const canary<Args...>& trial)
{
    return detail::history_of_core(detail::trial_access::core(trial));
}

/// Tell a trial the plans that it had before this process, so that feedback for calls of that time is weighted by the plan
/// that served them.
///
/// With three or more arms, feedback for a ticket of a plan that a process does not know is refused and counted. Feedback by
/// unit is used for units that the process has served. It is refused for all units as soon as the process sees that the trial had
/// plans which it does not know: by a ticket, by evidence that is merged, by the version of a plan, or by feedback for many units
/// that it did not serve. A history that is complete lifts both, so that a process takes feedback by unit for calls of other
/// processes too. Call it after the trial is made, and before feedback comes.
/// errors: configuration_error for plans of another trial or of another number of models, and for shares or slots that cannot
/// be. Nothing is changed then.
/// cost: 1 to 3 KiB for each plan
template <class... Args>
void recall_plans(ab_test<Args...>& trial, const plan_history& before)
{
    detail::recall_plans_of(detail::trial_access::core(trial), before);
}
/// Tell a trial that it had no other plan than those of this process, in no process, so that feedback by unit is used for
/// units that other replicas served, or a process before this one.
/// assumes: all processes of the trial have had these shares since it began
template <class... Args>
void recall_plans(ab_test<Args...>& trial)
{
    recall_plans(trial, plan_history{.trial = trial.name(), .plans = {}});
}
/// Tell a canary the plans that it had before this process.
template <class... Args>
void recall_plans(canary<Args...>& trial, const plan_history& before)
{
    detail::recall_plans_of(detail::trial_access::core(trial), before);
}
/// Tell a canary that it had no other plan than those of this process, in no process.
template <class... Args>
void recall_plans(canary<Args...>& trial)
{
    recall_plans(trial, plan_history{.trial = trial.name(), .plans = {}});
}

}  // namespace v0
}  // namespace joust
