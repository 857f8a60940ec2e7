// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/detail/arm_assignment.hpp>
#include <joust/trial/detail/stopped_plan.hpp>
#include <joust/trial/detail/trial_access.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Options of replace_plan.
struct replace_options {
    /// Whether to accept a plan that moves units away from a challenger whose share does not shrink.
    bool allow_moves = false;
    /// The person or the program that asked for the plan, for the listener of the trial.
    std::string who{};
    /// The reason of the change, for the listener of the trial.
    std::string why{};
};

namespace detail {

/// Return the splitter, or its resolved plan, that all rules pass units on to.
template <class Split>
[[nodiscard]] const auto& behind_rules(const Split& split) noexcept
{
    if constexpr (requires { split.behind(); }) {
        return behind_rules(split.behind());
    } else {
        return split;
    }
}

/// Resolve a plan that is not stopped by the splitter of a trial. The rules in front of it are those of `before`.
template <class Splitter, class Split>
[[nodiscard]] Split resolve_plan(const Splitter& splitter, const Split& before, const traffic_plan& now,
                                 const traffic_plan& next)
{
    const std::size_t arms = now.shares.size();
    const share_list shares = checked_shares("plan.shares", next.shares, arms);
    if constexpr (requires { before.rule(); }) {
        return Split{before.rule(), resolve_plan(splitter.behind(), before.behind(), now, next)};
    } else if constexpr (std::is_base_of_v<slot_plan, Split>) {
        return with_slots(before, next.slots.empty() ? slot_plan{now.slots, arms}.with_shares(shares)
                                                     : slot_split{{}, shares, next.slots}.resolve(arms));
    } else {
        if (!next.slots.empty()) {
            throw configuration_error("plan.slots", "given to a trial whose splitter has no slots",
                                      "shares alone, or a slot_split");
        }
        return splitter.with_shares(shares).resolve(arms);
    }
}

template <class Plan>
[[nodiscard]] share_list shares_of(const Plan& plan)
{
    share_list shares;
    for (const double share : plan.shares) {
        shares.push_back(share);
    }
    return shares;
}

/// Return the plan that a trial splits traffic by: the plan that was put in force, or else the plan of its splitter.
/// assumes: the plan's mutex is held
template <class Core>
[[nodiscard]] traffic_plan plan_now(const Core& core)
{
    using plan_t = typename Core::plan_t;
    const plan_in_force& outside = core.assignment().in_force();
    traffic_plan now = outside.plan;
    // A trial that was stopped without memory has kept neither its name nor its slots.
    now.salt = core.identity().name();
    const auto fill_in = [&now](const plan_t& from) {
        if (now.version == 0) {
            now.version = 1;
            now.shares = shares_of(from);
        }
        if constexpr (requires { behind_rules(from.split).slots(); }) {
            if (now.slots.empty()) {
                now.slots = behind_rules(from.split).slots();
            }
        }
    };
    if (now.stopped) {
        core.assignment().read_numbered(outside.stopped_from, fill_in);
    } else {
        core.assignment().read(fill_in);
    }
    return now;
}

/// Refuse a plan that cannot follow the plan in force, which the caller handed in with the digest `given`.
inline void check_successor(const traffic_plan& now, std::uint64_t given, const traffic_plan& next)
{
    if (next.version <= now.version) {
        throw configuration_error("plan.version", std::to_string(next.version),
                                  "a version above the version in force, " + std::to_string(now.version));
    }
    if (next.parent != 0 && next.parent != now.digest() && next.parent != given) {
        throw configuration_error("plan.parent", "the digest of a plan that is not in force",
                                  "the digest of version " + std::to_string(now.version) +
                                      ", or 0 to replace any plan: the plan was changed in the meantime");
    }
    if (next.shares.size() != now.shares.size()) {
        throw configuration_error("plan.shares", std::to_string(next.shares.size()) + " shares",
                                  std::to_string(now.shares.size()) + ", one for each model");
    }
}

/// Return which units move when a trial is stopped, also when there is no memory to compute it by the borders.
template <class Plan>
[[nodiscard]] plan_difference moves_to_champion(const Plan& before, const Plan& now) noexcept
{
    try {
        return diff(behind_rules(before.split), behind_rules(now.split));
    } catch (...) {
        plan_difference moves;
        moves.arms = before.shares.size();
        moves.after[0] = 1.0;
        for (std::size_t arm = 0; arm < moves.arms; ++arm) {
            moves.before[arm] = moves.from_to[arm][0] = before.shares[arm];
            moves.moved += arm == 0 ? 0.0 : before.shares[arm];
        }
        moves.necessary = moves.moved;
        return moves;
    }
}

/// Keep in the plan in force what a stopped plan says, as far as it makes sense and there is memory.
template <class Core>
void keep_stopped_plan(Core& core, const traffic_plan& asked) noexcept
{
    plan_in_force& outside = core.assignment().in_force();
    outside.plan.version = asked.version > outside.plan.version ? asked.version : outside.plan.version;
    outside.plan.parent = asked.parent;
    try {
        outside.given = asked.digest();
        static_cast<void>(checked_shares("plan.shares", asked.shares, Core::parts::arm_count));
        if (!asked.shares.empty()) {
            outside.plan.shares = asked.shares;
        }
    } catch (...) {
        // The shares of the plan before stay.
    }
}

/// Give everything to the champion. The plan is published before anything is done that needs memory. `asked` is the
/// plan that stops, or null where it could not be read.
/// assumes: the plan's mutex is held
template <class Core>
plan_difference stop(Core& core, const traffic_plan* asked) noexcept
{
    using plan_t = typename Core::plan_t;
    plan_in_force& outside = core.assignment().in_force();
    const plan_t* before = nullptr;  // It is one of the latest plans, so that it stays.
    const auto here = [](const plan_t& now) { return &now; };
    before = core.assignment().read(here);
    if (std::list<plan_t> next = core.assignment().take_plan_to_stop(); !next.empty()) {
        next.front().number = before->number + 1;
        outside.stopped_from = before->number;
        core.publish(std::move(next));
        outside.plan.stopped = true;
        if (outside.plan.version == 0) {
            outside.plan.version = 1;
            outside.plan.shares = shares_of(*before);
        }
    }
    outside.complaint.clear();
    if (asked != nullptr) {
        keep_stopped_plan(core, *asked);
    }
    return moves_to_champion(*before, *core.assignment().read(here));
}

template <class Core>
plan_difference put_in_force(Core& core, const traffic_plan& next, const replace_options& options)
{
    using plan_t = typename Core::plan_t;
    constexpr bool cuts =
        made_of_slots<std::remove_cvref_t<decltype(behind_rules(std::declval<const plan_t&>().split))>>;
    static_assert(
        cuts,
        "joust: replace_plan serves splitters that cut the hash space by shares: hash_split, slot_split and bandits, also behind rules");
    auto& assignment = core.assignment();
    plan_in_force& outside = assignment.in_force();
    const std::scoped_lock lock{outside.mutex};
    if (next.salt != core.identity().name()) {
        throw configuration_error("plan.salt", "'" + next.salt + "'",
                                  "'" + core.identity().name() + "': another salt is another trial");
    }
    if (next.stopped) {
        return stop(core, &next);
    }
    const traffic_plan now = plan_now(core);
    check_successor(now, outside.given, next);
    const plan_t before = assignment.current();
    // While the trial is stopped, its rules force no unit to a challenger, so the rules come from the plan before.
    const plan_t source =
        now.stopped ? assignment.read_numbered(outside.stopped_from, [](const plan_t& then) { return then; })
                    : before;
    auto split = resolve_plan(assignment.splitter(), source.split, now, next);
    const plan_difference moves = diff(behind_rules(before.split), behind_rules(split));
    if (!options.allow_moves) {
        moves.require_faithful();
    }
    traffic_plan kept = next;
    if constexpr (requires { behind_rules(split).slots(); }) {
        kept.slots = behind_rules(split).slots();
    }
    const std::uint64_t given = next.digest();
    std::list<plan_t> fresh;
    fresh.emplace_back(std::move(split), before.number + 1);
    assignment.prepare_to_stop(source);
    if (next.parent == 0 && next.version > now.version + 1) {
        // There were plans in between, as after a restart, so that the arms that units had before are not known.
        assignment.miss_history();
    }
    outside.given = given;
    outside.plan = std::move(kept);
    outside.complaint.clear();
    core.publish(std::move(fresh));
    return moves;
}

/// Tell the listener that another plan is in force.
/// assumes: the plan's mutex is not held, since the listener may ask for the plan
template <class Core>
void announce_plan(const Core& core, const plan_difference& moves, std::string_view who,
                   std::string_view why) noexcept
{
    core.announce(true, [&] {
        trial_event seen{.kind = transition::plan_replaced,
                         .share_before = 1.0 - moves.before[0],
                         .share_after = 1.0 - moves.after[0],
                         .requests = core.collect().requests(),
                         .who = std::string{who},
                         .why = std::string{why}};
        const std::scoped_lock lock{core.assignment().in_force().mutex};
        seen.new_plan = plan_now(core);
        return seen;
    });
}

template <class Core>
plan_difference replace_plan_of(Core& core, const traffic_plan& next, const replace_options& options)
{
    const plan_difference moves = put_in_force(core, next, options);
    announce_plan(core, moves, options.who, options.why);
    return moves;
}

/// Keep the reason why a plan was refused, for the trial's report.
template <class Core>
void complain(Core& core, const std::string& why)
{
    plan_in_force& outside = core.assignment().in_force();
    const std::scoped_lock lock{outside.mutex};
    outside.complaint = why;
}

}  // namespace detail

/// Return the plan in force.
template <class... Args>
[[nodiscard]] traffic_plan plan_of(const ab_test<Args...>& trial)
{
    const auto& core = detail::trial_access::core(trial);
    const std::scoped_lock lock{core.assignment().in_force().mutex};
    return detail::plan_now(core);
}

/// Split traffic by another plan from now on, while threads serve. Returns which shares of units move between arms.
///
/// The plan has the salt of the trial, a higher version than the plan in force, and the digest of the plan in force as its
/// parent, or 0. The plan after a stopped one continues from the shares before.
///
/// A stopped plan gives all traffic to the champion at once. It is never refused for its version, its parent or its shares,
/// since the kill switch must work in a hurry; of them, what makes sense is kept. It stops before it does anything that
/// needs memory, and does not throw when there is none.
/// errors: configuration_error for another salt; and, for a plan that is not stopped, for an old version, another parent,
/// invalid shares, or, without `.allow_moves`, units that would leave a challenger whose share does not shrink. The old plan
/// then stays in force.
/// cost: some microseconds; calls cost no more than before
template <class... Args>
plan_difference replace_plan(ab_test<Args...>& trial, const traffic_plan& next,
                             const replace_options& options = {})
{
    return detail::replace_plan_of(detail::trial_access::core(trial), next, options);
}

}  // namespace v0
}  // namespace joust
