// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/trial/canary_state.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/rollout.hpp>
#include <joust/trial/detail/serve_arm.hpp>
#include <joust/trial/detail/take_feedback.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/dry_run.hpp>
#include <joust/trial/ramp.hpp>
#include <joust/trial/served.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

using canary_roles =
    role_list<unit_key_role, splitter_role, metric_role, guardrail_role, primary_role, consent_role,
              covariate_role, acceptance_role, failure_role, timing_role, clock_role, recorder_role,
              listener_role, watcher_role, ticket_role, inference_role, ramp_role, dry_run_role>;

}  // namespace detail

/// Serve a growing share of units by a challenger, and take the challenger out of service as soon as a guardrail breaks.
///
/// A canary always watches failures: by default the challenger may not fail more often than the champion. A guardrail on
/// failures or latency is updated by every event and can roll back within that call. A guardrail on a metric is checked
/// whenever the canary looks at its evidence: once in so many requests and pieces of feedback (`ramp.check_every`), at least once
/// in 10,000 requests and once in a second of traffic, in `step()` and in `report()`.
///
/// A guardrail says two things: which harm is a breach, and which harm has to be excluded before the challenger is promoted
/// (`exclude`). A stage is passed when every guardrail is judged, gets feedback, and has excluded the harm of the stage. That no
/// harm was proved promotes nothing, unless the owner of the ramp asks for it (`ramp{.promote = on_no_harm}`).
///
/// shape: `canary trial{model{"a", f}, model{"b", g}, by(&Request::user_id), ramp{...}, guardrail(...), ...}`
/// A canary can be neither copied nor moved; a factory returns it as a prvalue.
/// errors: configuration_error from the constructor, which names the field, its value and what is allowed
/// cost: that of ab_test and 2 to 4 ns for each call; a look at the evidence costs 8 us with failures alone, 40 us with three
/// guardrails and 170 us with ten in the call that takes it, and no other call waits for it
template <class... Args>
class canary {
    using parts = detail::arm_parts<detail::canary_roles, Args...>;
    using core_t = detail::arm_core<parts>;
    friend struct detail::trial_access;
    static_assert(parts::arm_count == 2,
                  "joust: a canary has one champion and one challenger; run one canary after the other");
    static_assert(
        requires(const typename parts::splitter_t& s) { s.with_shares(share_list{}); },
        "joust: a canary changes shares, so its splitter needs with_shares(share_list); hash_split has it");

public:
    /// The type of the tickets that feedback comes back with: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = typename core_t::ticket_type;

    /// Make a trial of the champion, the challenger, and policies in any order.
    /// errors: configuration_error, which names the field, its value and what is allowed
    explicit canary(Args... arguments) : canary(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    canary(const canary&) = delete;
    canary& operator=(const canary&) = delete;

    /// Serve a request by the model that its unit is assigned to, as ab_test does. It replaces the call of the model.
    ///
    /// errors: what the champion throws. Where a challenger throws, the champion answers, unless `rethrow{}` is given.
    /// cost: 11 to 12 ns over the bare model where no call is timed, 16 ns where one call in 16 is timed, and 16 ns
    /// plus two clock reads where every call is timed; no lock and no allocation after a thread's first call
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        return detail::serve_arm<false>(core_, rollout_, nullptr, std::forward<A>(arguments)...);
    }

    /// Serve a request and return the prediction with a ticket for feedback that comes later.
    template <class... A>
    auto serve(A&&... arguments)
    {
        return detail::served_by<detail::arm_result<core_t, A...>, ticket_type>(
            [&](ticket_type* receipt) -> decltype(auto) {
                return detail::serve_arm<true>(core_, rollout_, receipt, std::forward<A>(arguments)...);
            });
    }

    /// Assign a unit without calling a model, as ab_test does. `complete` then records how the call went.
    template <class Unit>
    [[nodiscard]] ticket_type choose(const Unit& unit)
    {
        return detail::choose_arm(core_, unit);
    }

    /// Return the arm of the model that a ticket names. It is 0, the champion, where the ticket names no model or the trial
    /// would not take the ticket.
    [[nodiscard]] unsigned arm_of(const ticket_type& given) const noexcept
    {
        return detail::arm_named_by(core_, given);
    }

    /// Record how the call that `choose` assigned went, as ab_test does. Returns whether the call was recorded.
    template <class Rep, class Period>
    bool complete(const ticket_type& given, std::chrono::duration<Rep, Period> latency, bool ok)
    {
        return detail::complete_call(core_, rollout_, given, latency, ok);
    }

    /// Report a metric's value, and for a ratio its denominator too. Returns whether the value was used; if not, the report
    /// counts why.
    ///
    /// shape: `observe<"click">(what, true)`, `observe<"clicks per view">(what, 3, 10)`. `what` is one of these:
    /// a ticket of this trial: the value counts for that exposure;
    /// text, where the units are text: the text of a ticket is read as the ticket, the text of a damaged ticket is
    /// counted and not used, and any other text is a unit;
    /// a unit, of the type that by(...) gives: the value counts for the arm that served the unit. It is used only while the
    /// unit had the same arm in every stage since the start. Repeated values add up, because the trial cannot tell them
    /// apart.
    template <fixed_string Name, class What, class... Values>
    bool observe(const What& what, Values... values)
    {
        return detail::observe<Name>(core_, rollout_, what, values...);
    }

    /// Report the value of a metric whose name is known only at run time: `observe(name, what, value)`.
    /// errors: configuration_error where no metric of the trial has this name, or the metric takes another number of values
    template <class What, class... Values>
    bool observe(std::string_view metric, const What& what, Values... values)
    {
        return detail::observe_named(core_, rollout_, metric, what, values...);
    }

    /// Look at the evidence now, and advance, hold or roll back. Call it from a timer where there is little traffic.
    void step() { control().step(nullptr); }

    /// Advance, hold or roll back by the merged evidence of all replicas, instead of this replica's evidence alone.
    /// errors: configuration_error where the evidence belongs to another trial
    void step(joust::evidence merged)
    {
        core_.check_own(merged);
        control().step(&merged);
    }

    /// Take the challenger out of service now and for good, whatever the evidence says. This works when memory is out; then
    /// only the reason is lost.
    void roll_back(std::string_view reason) noexcept { control().roll_back(reason); }

    /// End the canary for another reason than harm: the challenger is taken out of service for good. This works when memory is
    /// out; then only the reason is lost.
    void abort(std::string_view reason) noexcept { control().abort(reason); }

    /// Stop the ramp until `resume`. The challenger keeps its share, and a guardrail that breaks still acts. Returns false where
    /// the canary is paused already, or has ended.
    bool pause(std::string_view reason) { return control().pause(reason); }

    /// Go on with the ramp after a pause, at the share of the stage. Where a guardrail had paused the canary, that breach is taken as
    /// known: the guardrail acts again when the evidence since then suffices by itself. Returns false where the canary is
    /// not paused.
    bool resume(std::string_view reason) { return control().resume(reason); }

    /// Approve the next stage, for a ramp that asks for approval (`ramp.approve_from`). It may be given beforehand. Returns false
    /// where no stage is left to approve.
    /// shape: `who` is the name of the person, as reports shall show it
    bool approve(std::string_view who) { return control().approve(who); }

    /// Promote the challenger now to the last share of the ramp, whatever the evidence says. Returns false where the canary has
    /// ended.
    bool promote(std::string_view reason) { return control().promote(reason); }

    /// Return where the canary is on its way.
    [[nodiscard]] canary_phase phase() const noexcept { return control().phase(); }

    /// Return whether the challenger was taken out of service for good, by a guardrail or by a person.
    [[nodiscard]] bool rolled_back() const noexcept { return control().rolled_back(); }

    /// Return whether the challenger was promoted: by the ramp, after its last stage, or by a person. Where the ramp ends below 1, a
    /// guardrail that breaks later still rolls back.
    [[nodiscard]] bool finished() const noexcept { return control().finished(); }

    /// Foretell the rollout before its launch: how many requests each stage takes until harm is caught, how long a healthy
    /// challenger takes, how often it arrives, and how often a harmful one ships.
    /// shape: `plan(expected_traffic{...})`; it returns a `canary_forecast`, which prints itself
    /// assumes: <joust/trial/plan_canary.hpp> is included
    /// errors: configuration_error for a guardrail without an expected level
    /// cost: some seconds of one processor for 1,000 simulated rollouts
    template <class Traffic>
    [[nodiscard]] auto plan(const Traffic& traffic) const
    {
        if constexpr (requires { plan_of(core_, control(), traffic); }) {
            return plan_of(core_, control(), traffic);
        } else {
            static_assert(
                detail::always_false<Traffic>,
                "joust: plan(...) takes a joust::expected_traffic, of the header joust/trial/plan_canary.hpp");
            return detail::no_answer{};
        }
    }

    /// Return the whole state of the rollout as a value, to save it beside the evidence.
    [[nodiscard]] canary_state state() const { return control().state(); }

    /// Go on from a saved state, in a new process: at its stage and share, or out of service where the challenger was taken out.
    /// assumes: no request was served yet
    /// errors: configuration_error where the state cannot be that of a canary with these metrics and this ramp
    void restore(const canary_state& saved) { control().restore(saved); }

    /// Return the challenger's present share of units.
    [[nodiscard]] double share() const noexcept
    {
        return core_.assignment().read([](const auto& now) { return now.shares[1]; });
    }

    /// Look at the evidence, act on it as `step()` does, and report it. It may be called while other threads serve.
    [[nodiscard]] joust::report report() { return control().step_and_report(nullptr); }

    /// Act on the merged evidence of all replicas, as `step(merged)` does, and report it.
    /// errors: configuration_error where the evidence belongs to another trial
    [[nodiscard]] joust::report report(joust::evidence merged)
    {
        core_.check_own(merged);
        return control().step_and_report(&merged);
    }

    /// Return a copy of all evidence, to save it, to send it, or to merge it with the evidence of other replicas.
    [[nodiscard]] joust::evidence evidence() const { return core_.collect(); }

    /// Return the pseudonym that stands for a unit in tickets and logs, to find or erase what was recorded of the unit.
    template <unit_like Unit>
    [[nodiscard]] std::uint64_t pseudonym_of(const Unit& unit) const noexcept
    {
        static_assert(!parts::reads_time || detail::always_false<Unit>,
                      "joust: this splitter randomises blocks of time, so no pseudonym stands for a unit");
        return core_.trial().pseudonym_of(unit);
    }

    /// Return the trial's name, which is its salt.
    [[nodiscard]] const std::string& name() const noexcept { return core_.identity().name(); }

    /// Return the name of an arm's model. The champion is arm 0.
    [[nodiscard]] const std::string& model_name(std::size_t arm) const
    {
        return core_.identity().models().at(arm);
    }

private:
    struct unpacked {};

    canary(std::tuple<Args...> arguments, unpacked)
        : core_("canary", std::true_type{}, arguments),
          rollout_(core_, parts::template pick<ramp_role, detail::default_ramp>(arguments))
    {
    }

    [[nodiscard]] detail::rollout_core& control() noexcept { return rollout_.control(); }
    [[nodiscard]] const detail::rollout_core& control() const noexcept { return rollout_.control(); }

    core_t core_;
    detail::rollout<parts> rollout_;
};

template <class... Args>
canary(Args...) -> canary<Args...>;

}  // namespace v0
}  // namespace joust
