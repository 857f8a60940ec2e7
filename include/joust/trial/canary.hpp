// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/rollout.hpp>
#include <joust/trial/detail/serve_arm.hpp>
#include <joust/trial/detail/take_feedback.hpp>
#include <joust/trial/detail/trial_access.hpp>
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

using canary_roles = role_list<unit_key_role, splitter_role, metric_role, guardrail_role, primary_role,
                               consent_role, covariate_role, acceptance_role, failure_role, timing_role,
                               clock_role, recorder_role, ticket_role, inference_role, ramp_role>;

}  // namespace detail

/// Serve a challenger to a growing share of units, and take it back at once when a guardrail breaks.
///
/// Failures are always watched: by default the challenger may not fail more often than the champion. Guardrails on failures
/// and latency move with every event and roll back within that very call; those on metrics with the looks that the canary
/// takes by itself while it serves (`ramp.check_every`), on feedback, and in `step()` and `report()`.
///
/// shape: `canary trial{model{"a", f}, model{"b", g}, by(&Request::user_id), ramp{...}, guardrail(...), ...}`
/// errors: configuration_error from the constructor. Neither copied nor moved.
/// cost: as ab_test; a look costs some 50 us on the call that takes it, and no other call waits for it
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
    /// What carries feedback back: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = typename core_t::ticket_type;

    explicit canary(Args... arguments) : canary(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    canary(const canary&) = delete;
    canary& operator=(const canary&) = delete;

    /// Serve a request by the model that its unit is assigned to, as ab_test does: the call that was there before.
    /// errors: what the champion throws. A challenger that throws falls back to the champion unless `rethrow{}` is given.
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        return detail::serve_arm<false>(core_, rollout_, nullptr, std::forward<A>(arguments)...);
    }

    /// Serve a request and give a ticket for feedback that comes later.
    template <class... A>
    auto serve(A&&... arguments)
    {
        return detail::served_by<detail::arm_result<core_t, A...>, ticket_type>(
            [&](ticket_type* receipt) -> decltype(auto) {
                return detail::serve_arm<true>(core_, rollout_, receipt, std::forward<A>(arguments)...);
            });
    }

    /// Assign a unit without calling a model, as ab_test does; `complete` records how the call went.
    template <class Unit>
    [[nodiscard]] ticket_type choose(const Unit& unit)
    {
        return detail::choose_arm(core_, unit);
    }

    /// Which model a ticket of this trial names: 0, the champion, where it names none or is not one that the trial would take.
    [[nodiscard]] unsigned arm_of(const ticket_type& given) const noexcept
    {
        return detail::arm_named_by(core_, given);
    }

    /// Record what `choose` led to, as ab_test does. Returns whether it was used.
    template <class Rep, class Period>
    bool complete(const ticket_type& given, std::chrono::duration<Rep, Period> latency, bool ok)
    {
        return detail::complete_call(core_, rollout_, given, latency, ok);
    }

    /// Report a metric's value, a ratio's with its denominator. Returns whether it was used; if not, the report counts why.
    ///
    /// shape: `observe<"click">(what, true)`, `observe<"clicks per view">(what, 3, 10)`. `what` is one of these:
    /// a ticket of this trial: the value counts for that exposure;
    /// text, where the units are text: a ticket's text is read as the ticket, and one that was damaged is counted and not
    /// used; other text is a unit;
    /// a unit, of the type that by(...) gives: the value counts for whatever the unit was served. It is taken only while the
    /// unit's arm was the same in every stage since the start. Repeated values add up, since nothing tells them apart.
    template <fixed_string Name, class What, class... Values>
    bool observe(const What& what, Values... values)
    {
        return detail::observe<Name>(core_, rollout_, what, values...);
    }

    /// The same for a metric whose name is known only when the program runs: `observe(name, what, value)`.
    /// errors: configuration_error where no metric of the trial has this name, or it takes another number of values
    template <class What, class... Values>
    bool observe(std::string_view metric, const What& what, Values... values)
    {
        return detail::observe_named(core_, rollout_, metric, what, values...);
    }

    /// Look at the evidence now, and advance, hold or roll back. Call it from a timer where traffic is thin.
    void step() { rollout_.step(core_, nullptr); }

    /// Let the evidence of all replicas decide instead of this one's alone.
    /// errors: configuration_error where it is not of this trial
    void step(joust::evidence merged)
    {
        core_.check_own(merged);
        rollout_.step(core_, &merged);
    }

    /// Take the challenger out of service now, whatever the evidence says. It stays out.
    void roll_back(std::string_view reason) { rollout_.roll_back(core_, std::string{reason}); }

    [[nodiscard]] bool rolled_back() const noexcept { return rollout_.rolled_back(); }

    /// Has the last stage been passed? Where the ramp ends below 1, a guardrail that breaks later still rolls back.
    [[nodiscard]] bool finished() const noexcept { return rollout_.finished(); }

    /// The challenger's share now.
    [[nodiscard]] double share() const noexcept
    {
        return core_.assignment().read([](const auto& now) { return now.shares[1]; });
    }

    /// Say what is known so far, after a look. It may be called at any time, also while other threads serve.
    [[nodiscard]] joust::report report() { return rollout_.step_and_report(core_, nullptr); }

    /// Let the evidence of all replicas decide, as `step(merged)` does, and say what it shows.
    /// errors: configuration_error where it is not of this trial
    [[nodiscard]] joust::report report(joust::evidence merged)
    {
        core_.check_own(merged);
        return rollout_.step_and_report(core_, &merged);
    }

    /// Copy all evidence out, to save it, send it, or merge it with that of other replicas.
    [[nodiscard]] joust::evidence evidence() const { return core_.collect(); }

    /// The pseudonym that tickets and logs know a unit by: to find, or erase, what was recorded of it.
    template <unit_like Unit>
    [[nodiscard]] std::uint64_t pseudonym_of(const Unit& unit) const noexcept
    {
        static_assert(!parts::reads_time || detail::always_false<Unit>,
                      "joust: this splitter randomises blocks of time, so no pseudonym stands for a unit");
        return core_.trial().pseudonym_of(unit);
    }

    /// The trial's name: its salt.
    [[nodiscard]] const std::string& name() const noexcept { return core_.identity().name(); }

    /// A model's name by arm; the champion is arm 0.
    [[nodiscard]] const std::string& model_name(std::size_t arm) const
    {
        return core_.identity().models().at(arm);
    }

private:
    struct unpacked {};

    canary(std::tuple<Args...> arguments, unpacked)
        : core_("canary", std::true_type{}, arguments),
          rollout_(core_, parts::template pick<ramp_role, ramp>(arguments))
    {
    }

    core_t core_;
    detail::rollout<parts> rollout_;
};

template <class... Args>
canary(Args...) -> canary<Args...>;

}  // namespace v0
}  // namespace joust
