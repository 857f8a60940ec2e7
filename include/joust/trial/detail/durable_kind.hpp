// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/error.hpp>
#include <joust/inference/fwd.hpp>
#include <joust/report/report.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/canary_state.hpp>
#include <joust/trial/detail/shared_rows.hpp>
#include <joust/trial/detail/steer_plan.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/fwd.hpp>
#include <joust/trial/plan_history.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return whether the plans of a splitter can be laid out again from their shares.
template <class Splitter, class Split>
[[nodiscard]] constexpr bool lays_out_again() noexcept
{
    if constexpr (requires(const Splitter& s, const Split& now) {
                      now.rule();
                      s.behind();
                  }) {
        return lays_out_again<std::remove_cvref_t<decltype(std::declval<const Splitter&>().behind())>,
                              std::remove_cvref_t<decltype(std::declval<const Split&>().behind())>>();
    } else if constexpr (std::is_base_of_v<slot_plan, Split>) {
        return true;
    } else {
        return requires(const Splitter& s) { s.with_shares(share_list{}).resolve(std::size_t{2}); };
    }
}

/// What came of a look at a plan that processes share.
enum class plan_news : unsigned char {
    /// The trial follows it now, or did so before.
    followed,
    /// The trial has a later plan, which is to be shared.
    own_is_later,
    /// The trial was stopped here, or steered by a person: that is to be shared whatever the version.
    own_decision
};

/// Whether a look at the evidence costs nothing: the numbers of the inference hold at every look, and looks are not planned.
template <class... Args>
inline constexpr bool looks_are_free =
    (!(std::is_same_v<Args, fixed_horizon> || std::is_same_v<Args, group_sequential> ||
       std::is_same_v<Args, hybrid>) &&
     ...);

/// How one kind of trial is made durable. A shadow has no plan.
template <class Trial>
struct durable_kind {
    static constexpr bool looks_freely = false;
    static constexpr bool has_plan = false;
    static constexpr bool has_rollout = false;
    static constexpr bool has_tickets = false;
    static constexpr std::string_view name = "shadow";

    static report judge(Trial& trial, const decltype(std::declval<Trial&>().evidence())& merged, bool)
    {
        return trial.report(merged);
    }
};

/// The part that an A/B test and an interleaving share: their plan is a traffic plan.
template <class Trial>
struct durable_by_plan {
    using steering = plan_steering<Trial>;
    static constexpr bool has_plan = true;
    static constexpr bool has_rollout = false;
    static constexpr bool has_tickets = true;

    static report judge(Trial& trial, const evidence& merged, bool) { return trial.report(merged); }

    [[nodiscard]] static bool stopped(const Trial& trial) { return steering::now(trial).stopped; }
    static void stop(Trial& trial) noexcept { static_cast<void>(steering::stop(trial)); }

    static void describe(const Trial& trial, plan_row& row)
    {
        traffic_in_row held{steering::now(trial)};
        row.stage = row.slots = held.plan.version;
        row.stopped = held.plan.stopped;
        row.share = 0.0;
        for (std::size_t arm = 1; arm < held.plan.shares.size() && !row.stopped; ++arm) {
            row.share += held.plan.shares[arm];
        }
        row.reason = row.stopped ? "stopped by a plan" : "";
        row.body = to_snapshot(held);
    }

    /// Follow the plan of a row, or say that the trial has a later one. `known` says that the trial has followed this row before.
    /// errors: configuration_error and parse_error for a plan that cannot be followed
    static plan_news follow(Trial& trial, const plan_row& row, bool first, bool known)
    {
        traffic_plan shared = from_snapshot<traffic_in_row>(row.body).plan;
        const traffic_plan own = steering::now(trial);
        if (own.version == shared.version && own.stopped == shared.stopped && own.shares == shared.shares) {
            return plan_news::followed;
        }
        if (!first && own.stopped && !shared.stopped && own.version >= shared.version) {
            return plan_news::own_decision;
        }
        // A plan that was made without knowing of a stop does not start the trial again.
        const bool knows = known || !shared.stopped || own.stopped || own.parent == shared.digest();
        if (!first && own.version > shared.version && knows) {
            return plan_news::own_is_later;
        }
        if (first && !shared.stopped && shared.version <= own.version) {
            shared.version = own.version + 1;  // The stored shares replace those of the source code.
        }
        static_cast<void>(steering::follow(trial, shared, {.allow_moves = true, .who = "the shared plan"},
                                           first || own.version + 1 < shared.version));
        return plan_news::followed;
    }
};

template <class... Args>
struct durable_kind<ab_test<Args...>> : durable_by_plan<ab_test<Args...>> {
    static constexpr bool looks_freely = looks_are_free<Args...>;
    static constexpr std::string_view name = "ab_test";
};
template <class... Args>
struct durable_kind<interleaving<Args...>> : durable_by_plan<interleaving<Args...>> {
    static constexpr bool looks_freely = looks_are_free<Args...>;
    static constexpr std::string_view name = "interleaving";
};

template <class... Args>
struct durable_kind<canary<Args...>> {
    using trial_t = canary<Args...>;
    static constexpr bool looks_freely = true;
    static constexpr bool has_plan = true;
    static constexpr bool has_rollout = true;
    static constexpr bool has_tickets = true;
    static constexpr std::string_view name = "canary";

    static report judge(trial_t& trial, const evidence& merged, bool leads)
    {
        auto& core = trial_access::core(trial);
        core.check_own(merged);
        return trial_access::rollout(trial).judge_together(merged, leads);
    }

    [[nodiscard]] static bool stopped(const trial_t& trial) noexcept { return trial.rolled_back(); }
    static void stop(trial_t& trial) noexcept { trial.roll_back("stopped by the shared plan"); }

    static void describe(const canary_state& state, plan_row& row)
    {
        const std::uint64_t now = wall_milliseconds();
        row.stage = state.stage;
        row.share = state.share;
        row.stopped = state.phase == canary_phase::rolled_back || state.phase == canary_phase::aborted;
        row.reason = state.steps.back().reason;
        const auto before = [now](double seconds) {
            const double back = seconds * 1'000.0;
            return back < static_cast<double>(now) ? now - static_cast<std::uint64_t>(back) : 0;
        };
        row.began = before(state.seconds);
        row.stage_began = before(state.stage_seconds);
        row.body = to_snapshot(canary_in_row{state});
    }
    static void describe(const trial_t& trial, plan_row& row) { describe(trial.state(), row); }

    /// errors: configuration_error and parse_error for a state that cannot be followed
    static plan_news follow(trial_t& trial, const plan_row& row, bool, bool)
    {
        canary_state shared = from_snapshot<canary_in_row>(row.body).state;
        if (trial.rolled_back()) {
            return row.stopped ? plan_news::followed : plan_news::own_decision;
        }
        // The stage has lasted since it began, whoever looked at it. Where the clock was set back, it has lasted as long as was
        // known.
        const std::uint64_t now = wall_milliseconds();
        const auto since = [now](std::uint64_t then, double least) {
            const double seconds = now > then ? static_cast<double>(now - then) * 1e-3 : 0.0;
            return seconds > least ? seconds : least;
        };
        shared.stage_seconds = since(row.stage_began, shared.stage_seconds);
        shared.seconds = since(row.began, shared.seconds);
        shared.seconds = shared.seconds > shared.stage_seconds ? shared.seconds : shared.stage_seconds;
        trial_access::rollout(trial).follow(shared);
        return plan_news::followed;
    }
};

/// Whether a trial can be told the plans that it had before this process.
template <class Trial>
[[nodiscard]] constexpr bool recalls_plans() noexcept
{
    if constexpr (requires(const Trial& trial) { history_of(trial); }) {
        using core_t = std::remove_cvref_t<decltype(trial_access::core(std::declval<Trial&>()))>;
        using splitter_t = std::remove_cvref_t<decltype(std::declval<core_t&>().assignment().splitter())>;
        using split_t = std::remove_cvref_t<decltype(std::declval<typename core_t::plan_t&>().split)>;
        return core_t::parts::fixed_shares && lays_out_again<splitter_t, split_t>();
    } else {
        return false;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
