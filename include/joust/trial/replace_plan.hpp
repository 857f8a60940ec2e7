// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/detail/arm_assignment.hpp>
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

/// Resolve a plan by the splitter of a trial, and keep the rules that are in force in front of it.
template <class Splitter, class Split>
[[nodiscard]] Split resolve_plan(const Splitter& splitter, const Split& before, const traffic_plan& now,
                                 const traffic_plan& next)
{
    const std::size_t arms = now.shares.size();
    const share_list shares = checked_shares("plan.shares", next.shares, arms);
    if constexpr (requires { before.rule(); }) {
        return Split{before.rule(), resolve_plan(splitter.behind(), before.behind(), now, next)};
    } else if constexpr (std::is_same_v<Split, slot_plan>) {
        if (next.stopped) {
            return slot_plan{hash_plan{all_to_champion(arms)}};
        }
        return next.slots.empty() ? slot_plan{now.slots, arms}.with_shares(shares)
                                  : slot_split{{}, shares, next.slots}.resolve(arms);
    } else {
        if (!next.slots.empty()) {
            throw configuration_error("plan.slots", "given to a trial whose splitter has no slots",
                                      "shares alone, or a slot_split");
        }
        return splitter.with_shares(next.stopped ? all_to_champion(arms) : shares).resolve(arms);
    }
}

/// Return the plan that a trial splits traffic by: the plan that was put in force, or else the plan of its splitter.
/// assumes: the plan's mutex is held
template <class Core>
[[nodiscard]] traffic_plan plan_now(const Core& core)
{
    const traffic_plan& given = core.assignment().in_force().plan;
    if (given.version != 0) {
        return given;
    }
    return core.assignment().read([&core](const auto& plan) {
        traffic_plan first{.salt = core.identity().name(), .version = 1};
        for (const double share : plan.shares) {
            first.shares.push_back(share);
        }
        if constexpr (requires { behind_rules(plan.split).slots(); }) {
            first.slots = behind_rules(plan.split).slots();
        }
        return first;
    });
}

/// Refuse a plan that cannot follow the plan in force, which the caller handed in with the digest `given`.
inline void check_successor(const traffic_plan& now, std::uint64_t given, const traffic_plan& next)
{
    if (next.salt != now.salt) {
        throw configuration_error("plan.salt", "'" + next.salt + "'",
                                  "'" + now.salt + "': another salt is another trial");
    }
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

template <class Core>
plan_difference replace_plan_of(Core& core, const traffic_plan& next, const replace_options& options)
{
    using plan_t = typename Core::plan_t;
    constexpr bool cuts =
        made_of_slots<std::remove_cvref_t<decltype(behind_rules(std::declval<const plan_t&>().split))>>;
    static_assert(
        cuts,
        "joust: replace_plan serves splitters that cut the hash space by shares: hash_split and slot_split, also behind rules");
    plan_in_force& outside = core.assignment().in_force();
    const std::scoped_lock lock{outside.mutex};
    const traffic_plan now = plan_now(core);
    check_successor(now, outside.given, next);
    const plan_t before = core.assignment().current();
    auto split = resolve_plan(core.assignment().splitter(), before.split, now, next);
    const plan_difference moves = diff(behind_rules(before.split), behind_rules(split));
    if (!options.allow_moves) {
        moves.require_faithful();
    }
    traffic_plan kept = next;
    if constexpr (requires { behind_rules(split).slots(); }) {
        kept.slots = next.stopped ? now.slots : behind_rules(split).slots();
    }
    std::list<plan_t> fresh;
    fresh.emplace_back(std::move(split), before.number + 1);
    if (next.parent == 0 && next.version > now.version + 1) {
        // There were plans in between, as after a restart, so that the arms that units had before are not known.
        core.assignment().miss_history();
    }
    outside.given = next.digest();
    outside.plan = std::move(kept);
    outside.complaint.clear();
    core.publish(std::move(fresh));
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
/// parent, or 0. A stopped plan gives all traffic to the champion at once; the plan after it continues from the shares
/// before.
/// errors: configuration_error for another salt, an old version, another parent, invalid shares, or, without
/// `.allow_moves`,
/// units that would leave a challenger whose share does not shrink. The old plan then stays in force.
/// cost: some microseconds; calls cost no more than before
template <class... Args>
plan_difference replace_plan(ab_test<Args...>& trial, const traffic_plan& next,
                             const replace_options& options = {})
{
    return detail::replace_plan_of(detail::trial_access::core(trial), next, options);
}

}  // namespace v0
}  // namespace joust
