// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/core/text_list.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/trial/detail/ab_verdict.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/annotate_forgotten.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/course_keeper.hpp>
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

using ab_test_roles =
    role_list<unit_key_role, splitter_role, metric_role, guardrail_role, primary_role, consent_role,
              covariate_role, acceptance_role, failure_role, timing_role, clock_role, recorder_role,
              listener_role, watcher_role, ticket_role, inference_role>;

/// Judges guardrails on latency from time to time. The calls of a thread are counted in lots, so that threads do not share a counter for
/// each call.
struct threshold_watch {
    // A call without a number was not timed, so it cannot move a threshold.
    static constexpr bool counts_every_call = false;

    template <class Core>
    static void after_call(const Core& core, bool, std::uint32_t number) noexcept
    {
        constexpr std::uint32_t lot = 64;
        if (number % lot == lot - 1) [[unlikely]] {
            core.metrics().passed(lot);
        }
    }
    template <class Core>
    static void after_feedback(const Core&) noexcept
    {
    }
};

}  // namespace detail

/// Compare models on live traffic: one of them serves each unit, and a metric decides which model is better.
///
/// A trial can be neither copied nor moved; a factory returns it as a prvalue.
/// shape: `ab_test trial{model{"a", f}, model{"b", g}, by(&Request::user_id), conversion<"click">{}}`, with policies of any
/// other role; docs/reference/policies.md lists them
/// errors: configuration_error from the constructor, which names the field, its value and what is allowed
template <class... Args>
class ab_test {
    using parts = detail::arm_parts<detail::ab_test_roles, Args...>;
    using core_t = detail::arm_core<parts>;
    friend struct detail::trial_access;
    static_assert(
        parts::metrics_t::primary() != parts::metrics_t::none,
        "joust: an A/B test needs a metric that decides: add conversion<\"name\">{} or mean<\"name\">{}");

public:
    /// The type of the tickets that feedback comes back with: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = typename core_t::ticket_type;

    /// Make a trial of models, the champion first, and policies in any order.
    /// errors: configuration_error, which names the field, its value and what is allowed
    explicit ab_test(Args... arguments) : ab_test(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    ab_test(const ab_test&) = delete;
    ab_test& operator=(const ab_test&) = delete;

    /// Serve a request by the model that its unit is assigned to. It replaces the call of the model.
    ///
    /// errors: what the champion throws. Where a challenger throws, the champion answers, unless `rethrow{}` is given.
    /// cost: 11 to 12 ns over the bare model where no call is timed, 16 ns where one call in 16 is timed, and 16 ns
    /// plus two clock reads where every call is timed; no lock and no allocation after a thread's first call
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        return detail::serve_arm<false>(core_, watch_, nullptr, std::forward<A>(arguments)...);
    }

    /// Serve a request and return the prediction with a ticket for feedback that comes later.
    template <class... A>
    auto serve(A&&... arguments)
    {
        return detail::served_by<detail::arm_result<core_t, A...>, ticket_type>(
            [&](ticket_type* receipt) -> decltype(auto) {
                return detail::serve_arm<true>(core_, watch_, receipt, std::forward<A>(arguments)...);
            });
    }

    /// Assign a unit without calling a model, for asynchronous calls and batches. `arm_of(ticket)`, or the `arm()` of a
    /// ticket that is not signed, says which model to call.
    ///
    /// The trial records nothing before `complete`. The caller is responsible for consent: do not call this for units that
    /// opted out.
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

    /// Record how the call that `choose` assigned went. Returns whether the call was recorded.
    ///
    /// A ticket can be completed once; a ticket from `serve` cannot, because its call is recorded already. Where the
    /// latency is negative, NaN or above 292 years, the trial counts an invalid value and records the call as not timed.
    template <class Rep, class Period>
    bool complete(const ticket_type& given, std::chrono::duration<Rep, Period> latency, bool ok)
    {
        return detail::complete_call(core_, watch_, given, latency, ok);
    }

    /// Report a metric's value, and for a ratio its denominator too. Returns whether the value was used; if not, the report
    /// counts why.
    ///
    /// shape: `observe<"click">(what, true)`, `observe<"clicks per view">(what, 3, 10)`. `what` is one of these:
    /// a ticket of this trial: the value counts for that exposure;
    /// text, where the units are text: the text of a ticket is read as the ticket, the text of a damaged ticket is
    /// counted and not used, and any other text is a unit;
    /// a unit, of the type that by(...) gives: the value counts for the arm that served the unit. It is used only while the
    /// unit had the same arm in every plan since the start. Repeated values add up, because the trial cannot tell them
    /// apart.
    template <fixed_string Name, class What, class... Values>
    bool observe(const What& what, Values... values)
    {
        return detail::observe<Name>(core_, watch_, what, values...);
    }

    /// Report the value of a metric whose name is known only at run time: `observe(name, what, value)`.
    /// errors: configuration_error where no metric of the trial has this name, or the metric takes another number of values
    template <class What, class... Values>
    bool observe(std::string_view metric, const What& what, Values... values)
    {
        return detail::observe_named(core_, watch_, metric, what, values...);
    }

    /// Report what the evidence shows so far. It may be called at any time, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        joust::evidence seen = evidence();
        joust::report out = report_on(seen, &core_.live());
        core_.live().remember(seen);
        keep_look(out, detail::evidence_of::this_trial, seen.requests());
        return out;
    }

    /// Report what evidence from elsewhere shows, such as the merged evidence of all replicas.
    ///
    /// The looks that it takes are kept in the evidence of this trial, so that the next merged evidence carries them and a
    /// test that looks once or at planned times keeps its error rate. Where the judging process ends between two looks, save
    /// its `evidence()` and merge it too.
    /// errors: configuration_error where the evidence belongs to another trial
    [[nodiscard]] joust::report report(joust::evidence merged) const
    {
        core_.check_own(merged);
        core_.live().resume(merged);
        joust::report out = report_on(merged, nullptr);
        core_.live().remember_whole(merged);
        keep_look(out, detail::evidence_of::all_replicas, merged.requests());
        return out;
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
    static constexpr std::string_view kind = "ab_test";

    ab_test(std::tuple<Args...> arguments, unpacked) : core_(kind, std::false_type{}, arguments)
    {
        core_.announce(true, [this] {
            const double champion = core_.assignment().read([](const auto& now) { return now.shares[0]; });
            return trial_event{.kind = transition::started, .share_after = 1.0 - champion};
        });
    }

    joust::report report_on(joust::evidence& seen, const detail::live_evidence* live) const
    {
        const detail::setting how = core_.setting_now();
        detail::judgement found;
        detail::judge(core_.trial().inference(), seen, how, live, found);
        joust::report out;
        out.name = name();
        out.kind = kind;
        detail::describe(out, seen, found, how);
        detail::decide_ab(out, seen, found, how);
        const bool changed = core_.assignment().read([](const auto& now) { return now.number > 0; });
        detail::annotate(out, seen, found, changed, detail::holds_of<typename parts::inference_t>(), how);
        core_.trial().annotate_name(out.notes);
        detail::annotate_forgotten(out, core_.forgotten_tickets(), core_.trial().desk().remembered());
        if (detail::annotate_history(out, core_.assignment().knows_history(),
                                     core_.assignment().credits_units()) &&
            out.decision != verdict::keep_testing) {
            out.decision = verdict::keep_testing;
            out.reason = detail::joined(
                {"feedback by unit was taken before this process saw that the trial had plans which it does not know, so that it may stand in the wrong arm: ",
                 out.reason});
        }
        const detail::plan_in_force& outside = core_.assignment().in_force();
        const std::scoped_lock lock{outside.mutex};
        if (outside.plan.version != 0) {
            std::string note = "In force: ";
            outside.plan.write_line(note);  // and not `to_text`, which would compile the plan's JSON
            note += '.';
            detail::add_text(out.notes, note);
        }
        if (!outside.complaint.empty()) {
            detail::add_text(out.notes, detail::joined({"A later plan was refused: ", outside.complaint}));
        }
        return out;
    }

    void keep_look(joust::report& out, detail::evidence_of whose, std::uint64_t requests) const
    {
        course_look now{.time = detail::event_time(core_.trial().clock()), .requests = requests};
        core_.assignment().read([&now](const auto& plan) {
            now.stage = plan.number;
            if constexpr (parts::fixed_shares) {
                now.share = 1.0 - plan.shares[0];
            }
        });
        course_.keep(out, whose, now);
    }

    core_t core_;
    mutable detail::course_keeper course_;
    [[no_unique_address]] detail::threshold_watch watch_;
};

template <class... Args>
ab_test(Args...) -> ab_test<Args...>;

}  // namespace v0
}  // namespace joust
