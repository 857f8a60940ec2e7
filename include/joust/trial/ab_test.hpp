// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/trial/detail/ab_verdict.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/serve_arm.hpp>
#include <joust/trial/detail/take_feedback.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/served.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

using ab_test_roles = role_list<unit_key_role, splitter_role, metric_role, guardrail_role, primary_role,
                                consent_role, covariate_role, acceptance_role, failure_role, timing_role,
                                clock_role, recorder_role, ticket_role, inference_role>;

/// Looks for latency thresholds at the numbers of a thread's calls where that is cheap against what went before.
struct threshold_watch {
    // Calls without a number were not timed, and move no threshold.
    static constexpr bool counts_every_call = false;

    template <class Core>
    static void after_call(const Core& core, bool, std::uint32_t number) noexcept
    {
        if ((number & 1023U) == 1023U) [[unlikely]] {
            core.metrics().fix_thresholds();
        }
    }
    template <class Core>
    static void after_feedback(const Core&) noexcept
    {
    }
};

}  // namespace detail

/// Compare models on live traffic: every unit is served by one of them, and a metric decides which is better.
///
/// shape: `ab_test trial{model{"a", f}, model{"b", g}, by(&Request::user_id), hash_split{...}, conversion<"click">{}, ...}`;
/// roles beyond these are in docs/reference/policies.md. Neither copied nor moved: a factory returns it as a prvalue.
/// errors: configuration_error from the constructor, naming field, value and what is allowed.
template <class... Args>
class ab_test {
    using parts = detail::arm_parts<detail::ab_test_roles, Args...>;
    using core_t = detail::arm_core<parts>;
    friend struct detail::trial_access;
    static_assert(
        parts::metrics_t::primary() != parts::metrics_t::none,
        "joust: an A/B test needs a metric that decides: add conversion<\"name\">{} or mean<\"name\">{}");

public:
    /// What carries feedback back: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = typename core_t::ticket_type;

    explicit ab_test(Args... arguments) : ab_test(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    ab_test(const ab_test&) = delete;
    ab_test& operator=(const ab_test&) = delete;

    /// Serve a request by the model that its unit is assigned to: the call that was there before.
    ///
    /// errors: what the champion throws. A challenger that throws falls back to the champion unless `rethrow{}` is given.
    /// cost: two clock reads and about 20 ns over the model, 10 ns when the call is not timed; no lock and no allocation
    /// after a thread's first call
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        return detail::serve_arm<false>(core_, watch_, nullptr, std::forward<A>(arguments)...);
    }

    /// Serve a request and give a ticket for feedback that comes later.
    template <class... A>
    auto serve(A&&... arguments)
    {
        return detail::served_by<detail::arm_result<core_t, A...>, ticket_type>(
            [&](ticket_type* receipt) -> decltype(auto) {
                return detail::serve_arm<true>(core_, watch_, receipt, std::forward<A>(arguments)...);
            });
    }

    /// Assign a unit without calling a model: for asynchronous calls and batches. `arm_of(ticket)`, or the `arm()` of a
    /// ticket that is not signed, says which model to call.
    ///
    /// Nothing is recorded before `complete`. The caller asks for consent: do not choose for units that opted out.
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

    /// Record what `choose` led to. Returns whether it was used.
    ///
    /// A ticket is completed once, and a call that the trial served is recorded already. A latency that is no duration
    /// (negative, NaN, beyond 292 years) is counted as an invalid value, and the call as one that was not timed.
    template <class Rep, class Period>
    bool complete(const ticket_type& given, std::chrono::duration<Rep, Period> latency, bool ok)
    {
        return detail::complete_call(core_, watch_, given, latency, ok);
    }

    /// Report a metric's value, a ratio's with its denominator. Returns whether it was used; if not, the report counts why.
    ///
    /// shape: `observe<"click">(what, true)`, `observe<"clicks per view">(what, 3, 10)`. `what` is one of these:
    /// a ticket of this trial: the value counts for that exposure;
    /// text, where the units are text: a ticket's text is read as the ticket, and one that was damaged is counted and not
    /// used; other text is a unit;
    /// a unit, of the type that by(...) gives: the value counts for whatever the unit was served. It is taken only while the
    /// unit's arm was the same in every plan since the start. Repeated values add up, since nothing tells them apart.
    template <fixed_string Name, class What, class... Values>
    bool observe(const What& what, Values... values)
    {
        return detail::observe<Name>(core_, watch_, what, values...);
    }

    /// The same for a metric whose name is known only when the program runs: `observe(name, what, value)`.
    /// errors: configuration_error where no metric of the trial has this name, or it takes another number of values
    template <class What, class... Values>
    bool observe(std::string_view metric, const What& what, Values... values)
    {
        return detail::observe_named(core_, watch_, metric, what, values...);
    }

    /// Say what is known so far. It may be called at any time, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        joust::evidence seen = evidence();
        joust::report out = report_on(seen, &core_.live());
        core_.live().remember(seen);
        return out;
    }

    /// Say what evidence from elsewhere shows, such as that of all replicas merged.
    /// errors: configuration_error where it is not of this trial
    [[nodiscard]] joust::report report(joust::evidence merged) const
    {
        core_.check_own(merged);
        return report_on(merged, nullptr);
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
    static constexpr std::string_view kind = "ab_test";

    ab_test(std::tuple<Args...> arguments, unpacked) : core_(kind, std::false_type{}, arguments) {}

    joust::report report_on(joust::evidence& seen, const detail::live_evidence* live) const
    {
        core_.metrics().fix_thresholds();
        const detail::setting how = core_.setting_now();
        detail::judgement found;
        detail::judge(core_.trial().inference(), seen, how, live, found);
        joust::report out;
        out.name = name();
        out.kind = kind;
        detail::describe(out, seen, found, how);
        detail::decide_ab(out, seen, found, how);
        const bool changed = core_.assignment().read([](const auto& now) { return now.number > 0; });
        detail::annotate(out, seen, changed, detail::holds_of<typename parts::inference_t>(), how);
        const detail::plan_in_force& outside = core_.assignment().in_force();
        const std::scoped_lock lock{outside.mutex};
        if (outside.plan.version != 0) {
            out.notes.push_back("In force: " + to_text(outside.plan) + ".");
        }
        if (!outside.complaint.empty()) {
            out.notes.push_back("A later plan was refused: " + outside.complaint);
        }
        return out;
    }

    core_t core_;
    [[no_unique_address]] detail::threshold_watch watch_;
};

template <class... Args>
ab_test(Args...) -> ab_test<Args...>;

}  // namespace v0
}  // namespace joust
