// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/detail/challenger_switch.hpp>
#include <joust/trial/detail/plan_in_force.hpp>
#include <joust/trial/detail/stopped_plan.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
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

/// Whether a plan cuts the space of hashes, so that shares can be changed by a plan.
template <class Plan>
inline constexpr bool cuts_hashes =
    made_of_slots<std::remove_cvref_t<decltype(behind_rules(std::declval<const Plan&>().split))>>;

/// Return the shares of a plan. There are none where its splitter states none.
template <class Plan>
[[nodiscard]] share_list shares_of(const Plan& plan) noexcept
{
    share_list shares;
    if constexpr (requires { plan.split.share(std::size_t{}); }) {
        for (const double share : plan.shares) {
            shares.push_back(share);
        }
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

/// Refuse a plan of another trial.
inline void check_salt(const traffic_plan& next, const std::string& name)
{
    if (next.salt != name) {
        throw configuration_error("plan.salt", "'" + next.salt + "'",
                                  "'" + name + "': another salt is another trial");
    }
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
                                  now.shares.empty()
                                      ? "none, since the trial states no shares"
                                      : std::to_string(now.shares.size()) + ", one for each model");
    }
}

/// Return which units move between arms, as far as shares tell it, where everything is given to the champion (`stops`) or comes back
/// from there.
[[nodiscard]] inline plan_difference moves_by_shares(const share_list& shares, bool stops) noexcept
{
    plan_difference moves;
    moves.arms = shares.size();
    for (std::size_t arm = 0; arm < moves.arms; ++arm) {
        (stops ? moves.before : moves.after)[arm] = shares[arm];
        moves.from_to[stops ? arm : 0][stops ? 0 : arm] = shares[arm];
        moves.moved += arm == 0 ? 0.0 : shares[arm];
    }
    (stops ? moves.after : moves.before)[0] = 1.0;
    moves.necessary = moves.moved;
    return moves;
}

/// Return which units move when a trial is stopped, also when there is no memory to compute it by the borders.
template <class Plan>
[[nodiscard]] plan_difference moves_to_champion(const Plan& before, const Plan& now) noexcept
{
    if constexpr (cuts_hashes<Plan>) {
        try {
            return diff(behind_rules(before.split), behind_rules(now.split));
        } catch (...) {
            // The shares tell as much.
        }
    }
    return before.number == now.number ? moves_by_shares({1.0}, true)
                                       : moves_by_shares(shares_of(before), true);
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
        if (cuts_hashes<typename Core::plan_t> && !asked.shares.empty()) {
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

/// Make the plan that cuts the space of hashes by other shares. `moves` gets the units that move.
template <class Core>
[[nodiscard]] auto recut(Core& core, const typename Core::plan_t& before, const typename Core::plan_t& source,
                         const traffic_plan& now, const traffic_plan& next, const replace_options& options,
                         plan_difference& moves)
{
    auto split = resolve_plan(core.assignment().splitter(), source.split, now, next);
    moves = diff(behind_rules(before.split), behind_rules(split));
    if (!options.allow_moves) {
        moves.require_faithful();
    }
    return split;
}

/// Refuse other shares for a trial whose splitter cannot follow them.
inline void check_same_shares(const traffic_plan& now, const traffic_plan& next)
{
    if (next.shares != now.shares || !next.slots.empty()) {
        throw configuration_error(
            next.slots.empty() ? "plan.shares" : "plan.slots", "other than those of the trial",
            "no shares, or those of the trial: a plan changes the shares of hash_split, slot_split and bandits, and it stops and starts every trial");
    }
}

template <class Core>
plan_difference put_in_force(Core& core, const traffic_plan& next, const replace_options& options)
{
    using plan_t = typename Core::plan_t;
    auto& assignment = core.assignment();
    plan_in_force& outside = assignment.in_force();
    const std::scoped_lock lock{outside.mutex};
    check_salt(next, core.identity().name());
    if (next.stopped) {
        return stop(core, &next);
    }
    const traffic_plan now = plan_now(core);
    traffic_plan kept = next;
    if (!cuts_hashes<plan_t> && next.shares.empty()) {
        kept.shares = now.shares;
    }
    check_successor(now, outside.given, kept);
    const plan_t before = assignment.current();
    // While the trial is stopped, its rules force no unit to a challenger, so the rules come from the plan before.
    const plan_t source =
        now.stopped ? assignment.read_numbered(outside.stopped_from, [](const plan_t& then) { return then; })
                    : before;
    plan_difference moves;
    std::list<plan_t> fresh;
    if constexpr (cuts_hashes<plan_t>) {
        auto split = recut(core, before, source, now, next, options, moves);
        if constexpr (requires { behind_rules(split).slots(); }) {
            kept.slots = behind_rules(split).slots();
        }
        fresh.emplace_back(std::move(split), before.number + 1);
    } else {
        check_same_shares(now, kept);
        moves = moves_by_shares(now.stopped ? now.shares : share_list{1.0}, false);
        fresh.push_back(source);
        fresh.back().number = before.number + 1;
    }
    const std::uint64_t given = next.digest();
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

/// Return the plan in force of a trial without shares.
/// assumes: the switch's mutex is held
[[nodiscard]] inline traffic_plan plan_now(const challenger_switch& now, const std::string& name)
{
    traffic_plan plan;
    plan.salt = name;
    plan.version = now.version;
    plan.parent = now.parent;
    plan.stopped = now.stopped();
    return plan;
}

/// Stop or start the challengers of a trial without shares.
inline void turn(challenger_switch& now, const traffic_plan& next, const std::string& name)
{
    const std::scoped_lock lock{now.mutex};
    check_salt(next, name);
    if (next.stopped) {
        now.stop();
        now.version = next.version > now.version ? next.version : now.version;
        now.parent = next.parent;
        now.given = next.digest();
    } else {
        check_successor(plan_now(now, name), now.given, next);
        check_same_shares({}, next);
        now.given = next.digest();
        now.version = next.version;
        now.parent = next.parent;
        now.start();
    }
    now.complaint.clear();
}

/// How plans from outside the process steer a trial. A canary obeys only `stopped`, since its ramp sets its shares.
template <class Trial>
struct plan_steering {
    static constexpr bool steers = requires(Trial& trial) { trial.roll_back("why"); };
    [[nodiscard]] static std::string_view name(const Trial& trial) noexcept { return trial.name(); }

    /// Follow a plan that was read from a file. Returns whether it changed anything.
    static bool follow(Trial& trial, const traffic_plan& next, const replace_options&, bool)
    {
        check_salt(next, trial.name());
        return next.stopped && stop(trial);
    }

    /// Take the challengers out of service. Returns false where they are out already.
    static bool stop(Trial& trial) noexcept
    {
        const bool before = trial.rolled_back();
        trial.roll_back("stopped by the plan file");
        return !before;
    }

    /// Keep the reason why a plan was refused, for the trial's report.
    static void complain(Trial&, const std::string&) {}

    [[nodiscard]] static traffic_plan now(const Trial& trial)
    {
        traffic_plan plan;
        plan.salt = trial.name();
        plan.version = 1;
        plan.stopped = trial.rolled_back();
        plan.shares = {1.0 - trial.share(), trial.share()};
        return plan;
    }

    static plan_difference replace(Trial& trial, const traffic_plan& next, const replace_options&)
    {
        check_salt(next, trial.name());
        if (!next.stopped) {
            throw configuration_error(
                "plan.stopped", "false",
                "true: a canary follows the kill switch alone, since its ramp sets its shares");
        }
        const double share = trial.share();
        trial.roll_back("stopped by a plan");
        return moves_by_shares({1.0 - share, share}, true);
    }
};

/// Put a plan of a file in force, unless it is in force already, as after a restart. `first` says that the trial has not served a call.
template <class Trial>
bool follow_plan(Trial& trial, const traffic_plan& next, const replace_options& options, bool first)
{
    const traffic_plan now = plan_steering<Trial>::now(trial);
    if (next.version == now.version && next.shares == now.shares && next.stopped == now.stopped &&
        next.salt == now.salt) {
        return false;
    }
    traffic_plan wanted = next;
    if (first) {
        wanted.parent = 0;
    }
    plan_steering<Trial>::replace(trial, wanted,
                                  {.allow_moves = options.allow_moves || first, .who = "plan file"});
    return true;
}

template <class... Args>
struct plan_steering<ab_test<Args...>> {
    using trial_t = ab_test<Args...>;
    static constexpr bool steers = true;
    [[nodiscard]] static std::string_view name(const trial_t& trial) noexcept { return trial.name(); }

    static bool follow(trial_t& trial, const traffic_plan& next, const replace_options& options, bool first)
    {
        return follow_plan(trial, next, options, first);
    }
    static bool stop(trial_t& trial) noexcept
    {
        auto& core = trial_access::core(trial);
        bool before = false;
        plan_difference moves;
        {
            const std::scoped_lock lock{core.assignment().in_force().mutex};
            before = core.assignment().in_force().plan.stopped;
            moves = detail::stop(core, nullptr);
        }
        if (!before) {
            announce_plan(core, moves, "plan file", "stopped by a plan that cannot be read");
        }
        return !before;
    }
    static void complain(trial_t& trial, const std::string& why)
    {
        detail::complain(trial_access::core(trial), why);
    }
    [[nodiscard]] static traffic_plan now(const trial_t& trial)
    {
        const auto& core = trial_access::core(trial);
        const std::scoped_lock lock{core.assignment().in_force().mutex};
        return plan_now(core);
    }
    static plan_difference replace(trial_t& trial, const traffic_plan& next, const replace_options& options)
    {
        return replace_plan_of(trial_access::core(trial), next, options);
    }
};

template <class... Args>
struct plan_steering<interleaving<Args...>> {
    using trial_t = interleaving<Args...>;
    static constexpr bool steers = true;
    [[nodiscard]] static std::string_view name(const trial_t& trial) noexcept { return trial.name(); }

    static bool follow(trial_t& trial, const traffic_plan& next, const replace_options& options, bool first)
    {
        return follow_plan(trial, next, options, first);
    }
    static bool stop(trial_t& trial) noexcept
    {
        challenger_switch& own = trial_access::switch_of(trial);
        const std::scoped_lock lock{own.mutex};
        const bool before = own.stopped();
        own.stop();
        own.complaint.clear();
        return !before;
    }
    static void complain(trial_t& trial, const std::string& why)
    {
        challenger_switch& own = trial_access::switch_of(trial);
        const std::scoped_lock lock{own.mutex};
        own.complaint = why;
    }
    [[nodiscard]] static traffic_plan now(const trial_t& trial)
    {
        const challenger_switch& own = trial_access::switch_of(trial);
        const std::scoped_lock lock{own.mutex};
        return plan_now(own, trial.name());
    }
    static plan_difference replace(trial_t& trial, const traffic_plan& next, const replace_options&)
    {
        turn(trial_access::switch_of(trial), next, trial.name());
        return {};
    }
};

}  // namespace detail

}  // namespace v0
}  // namespace joust
