// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/canary_state.hpp>
#include <joust/trial/detail/account.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/annotate_forgotten.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/course_keeper.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/look_keeper.hpp>
#include <joust/trial/detail/look_schedule.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/ramp_rules.hpp>
#include <joust/trial/detail/stage_safety.hpp>
#include <joust/trial/detail/stopped_plan.hpp>
#include <joust/trial/ramp.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the logarithm of the e-value from which on a guardrail counts as broken.
[[nodiscard]] inline double breach_log_e(const metric_spec& spec, const std::vector<metric_spec>& specs,
                                         double alpha)
{
    return spec.role == metric_spec::part::guardrail ? -std::log(alpha * error_share(spec, specs)) : 0.0;
}

/// What a stage still waits for.
enum class blocker : unsigned char {
    nothing,
    /// The challenger has served nothing.
    no_requests,
    /// Traffic does not arrive in the planned shares.
    mismatch,
    /// A guardrail is not judged.
    unjudged,
    /// A guardrail gets too little feedback in this stage.
    silent,
    /// A guardrail has not excluded the harm of this stage.
    not_excluded,
    /// The ramp's requests, units, time, or its own condition.
    not_ready,
    /// All stages together have not taken as long as they must.
    total_time,
    /// More could go wrong in the next stage than can be undone in time.
    irreversible,
    /// The next stage needs an approval.
    approval
};

/// Takes a challenger through the stages of a ramp, and out of service when a guardrail breaks.
template <class Parts>
class rollout {
    using core_t = arm_core<Parts>;
    using plan_t = typename Parts::plan_t;
    using ramp_t = typename Parts::template policy<ramp_role, default_ramp>;

public:
    static constexpr bool counts_every_call = true;

    /// Begin with the ramp's first share.
    /// errors: configuration_error where the ramp cannot work, or the splitter has shares of its own
    rollout(core_t& core, ramp_t steps) : ramp_(std::move(steps)), rules_(rules_of(ramp_))
    {
        rules_.check();
        if (gives_shares(core.assignment().splitter())) {
            throw configuration_error("hash_split.shares", "given to a canary",
                                      "a splitter without shares: the ramp sets the shares");
        }
        const std::vector<metric_spec>& specs = core.metrics().metrics().specs();
        core.assignment().restart(plan_for(core, rules_.shares[0], 0U), core.live());
        for (const double share : rules_.shares) {
            // Every replica knows the shares of the whole ramp, since tickets of a later stage may come to it.
            auto later = plan_for(core, share, 0U);
            core.assignment().give_rows(later, core.live());
        }
        withdrawal_ = plan_without_challenger(core, 1U);
        safety_.begin(specs, rules_.exclude);
        if (rules_.promote == promotion::when_excluded) {
            core.live().watch_margins(
                safety_.margins(specs, core.metrics().metrics().watches(), rules_.shares));
        }
        core.metrics().collect(seen_now_);
        // Looks need no memory then, so that a guardrail works when memory is out.
        found_.findings.reserve(specs.size());
        found_.split.reserve(seen_now_.pairs.size());
        guardrails_.reserve(specs.size());
        state_.stage_values.resize(specs.size());
        state_.breach_log_e.resize(specs.size());
        for (std::size_t m = 0; m < specs.size(); ++m) {
            state_.breach_log_e[m] = breach_log_e(specs[m], specs, core.trial().inference().alpha);
        }
        began_ = stage_began_ = core.trial().clock().now();
        state_.share = rules_.shares[0];
        state_.steps.reserve(steps_at_once);
        state_.steps.push_back({.requests = 0.0, .share = rules_.shares[0], .reason = "start"});
        note_breach_thresholds(core);
        schedule_.begin(rules_.check_every, began_);
        course_.name_rows(core.setting_now(), core.identity().models());
        announce(core, transition::started, 0.0, true);
    }

    [[nodiscard]] canary_phase phase() const noexcept { return phase_.load(std::memory_order_acquire); }
    /// Return the numbers of the ramp.
    [[nodiscard]] const ramp& rules() const noexcept { return rules_; }
    [[nodiscard]] bool rolled_back() const noexcept
    {
        const canary_phase now = phase();
        return now == canary_phase::rolled_back || now == canary_phase::aborted;
    }
    [[nodiscard]] bool finished() const noexcept { return phase() == canary_phase::promoted; }

    /// Look at the evidence, which is that of all replicas where it is given, and act on it.
    void step(core_t& core, const evidence* merged)
    {
        const std::scoped_lock lock{control_};
        look(core, merged);
    }

    /// Take the challenger out of service, whatever the evidence says.
    void roll_back(core_t& core, std::string_view reason) noexcept
    {
        const std::scoped_lock lock{control_};
        withdraw(core, canary_phase::rolled_back, [reason] { return std::string{reason}; }, by_person);
    }

    /// End the canary for another reason than harm.
    void abort(core_t& core, std::string_view reason) noexcept
    {
        const std::scoped_lock lock{control_};
        withdraw(core, canary_phase::aborted, [reason] { return std::string{reason}; }, by_person);
    }

    /// Stop the ramp until `resume`. The share stays.
    /// errors: std::bad_alloc, and then nothing has changed
    bool pause(core_t& core, std::string_view reason)
    {
        const std::scoped_lock lock{control_};
        if (rolled_back() || phase() == canary_phase::paused) {
            return false;
        }
        note_step(state_.share, "paused: ", reason);
        enter_phase(canary_phase::paused);
        announce(core, transition::paused, state_.share, false, by_person, reason);
        return true;
    }

    /// Go on with the ramp, at the share of its stage. Guardrails that had broken act again on evidence from now on.
    /// errors: std::bad_alloc, and then nothing has changed
    bool resume(core_t& core, std::string_view reason)
    {
        const std::scoped_lock lock{control_};
        if (phase() != canary_phase::paused) {
            return false;
        }
        const double share = rules_.shares[state_.stage];
        const bool published = withdrawal_.empty();
        next_plans made;
        if (published) {
            made = plans_for(core, share);
        }
        note_step(share, "resumed: ", reason);
        acknowledge_breaches(core);
        const double before = state_.share;
        if (published) {
            put_in_force(core, std::move(made), share);
        }
        begin_stage(core);
        enter_phase(canary_phase::running);
        announce(core, transition::resumed, before, published, by_person, reason);
        return true;
    }

    /// Let the next stage begin without waiting longer for an approval.
    /// errors: std::bad_alloc, and then nothing has changed
    bool approve(core_t& core, std::string_view who)
    {
        const std::scoped_lock lock{control_};
        const std::uint64_t next = state_.stage + 1;
        if (rolled_back() || next >= rules_.shares.size() || state_.approved > next) {
            return false;
        }
        note_step(state_.share, "approved by ", who);
        state_.approved = next + 1;
        announce(core, transition::approved, state_.share, false, who);
        look(core, nullptr);
        return true;
    }

    /// Promote the challenger to the last share of the ramp now, whatever the evidence says.
    /// errors: std::bad_alloc, and then nothing has changed
    bool promote(core_t& core, std::string_view reason)
    {
        const std::scoped_lock lock{control_};
        if (rolled_back() || finished()) {
            return false;
        }
        const double share = rules_.shares[rules_.shares.size() - 1];
        next_plans made = plans_for(core, share);
        note_step(share, "promoted by hand: ", reason);
        const double before = state_.share;
        put_in_force(core, std::move(made), share);
        state_.stage = rules_.shares.size() - 1;
        promoted_by_hand_ = true;
        begin_stage(core);
        enter_phase(canary_phase::promoted);
        announce(core, transition::promoted, before, true, by_person, reason);
        return true;
    }

    /// Return the whole state, to save it.
    [[nodiscard]] canary_state state(const core_t& core) const
    {
        const std::scoped_lock lock{control_};
        canary_state now = state_;
        now.phase = phase();
        now.stage_seconds = seconds_since(core, stage_began_);
        now.seconds = seconds_since(core, began_);
        return now;
    }

    /// Go on from a state that was saved.
    /// errors: configuration_error where the state cannot be that of this canary
    void restore(core_t& core, const canary_state& saved)
    {
        const std::scoped_lock lock{control_};
        if (!saved.consistent() || saved.stage >= rules_.shares.size() ||
            saved.breach_log_e.size() != state_.breach_log_e.size()) {
            throw configuration_error(
                "canary_state", "of another ramp or other metrics",
                "the state of a canary with the same metrics and a ramp of as many stages");
        }
        const double before = state_.share;
        canary_state next = saved;
        next.steps.reserve(next.steps.size() + steps_at_once);
        next_plans made = plans_for(core, next.share);
        state_ = std::move(next);
        put_in_force(core, std::move(made), state_.share);
        const std::int64_t now = core.trial().clock().now();
        began_ = now - nanoseconds(state_.seconds);
        stage_began_ = now - nanoseconds(state_.stage_seconds);
        note_breach_thresholds(core);
        enter_phase(state_.phase);
        announce(core, transition::restored, before, true, by_person);
    }

    /// Look at the evidence, act on it and report it.
    [[nodiscard]] report step_and_report(core_t& core, const evidence* merged)
    {
        const std::scoped_lock lock{control_};
        look(core, merged);
        const setting how = setting_of_ramp(core);
        report out;
        out.name = core.identity().name();
        out.kind = "canary";
        describe(out, seen_now_, found_, how);
        out.shares = state_.steps;
        if (!rolled_back() && !finished() && rules_.promote == promotion::when_excluded) {
            safety_.describe(out, seen_now_, found_, how, requests_per_second(core));
        }
        out.phase = to_string(phase());
        if (rolled_back()) {
            out.decision = phase() == canary_phase::aborted ? verdict::keep_champion : verdict::roll_back;
            out.reason = state_.steps.back().reason;
        } else if (finished()) {
            out.decision = verdict::ship_challenger;
            out.reason = promotion_in_words(core);
        } else {
            out.decision = verdict::keep_testing;
            out.reason = "stage " + std::to_string(state_.stage + 1) + " of " +
                         std::to_string(rules_.shares.size()) + ": " + waiting(how, out);
        }
        annotate(out, seen_now_, found_, state_.steps.size() > 1, holds_of<typename Parts::inference_t>(),
                 how);
        core.trial().annotate_name(out.notes);
        annotate_forgotten(out, core.forgotten_tickets(), core.trial().desk().remembered());
        annotate_history(out, core.assignment().knows_history(), core.assignment().credits_units());
        if (champion_is_out(core)) {
            add_text(out.notes,
                     "The champion serves no units now, so the comparisons are from earlier stages.");
        }
        course_.show(out, merged != nullptr ? evidence_of::all_replicas : evidence_of::this_trial);
        return out;
    }

    /// React to a call: look at once where it breaks a guardrail, and otherwise look from time to time.
    void after_call(core_t& core, bool eventful, std::uint32_t number) noexcept
    {
        if (eventful && broken_by_events(core)) [[unlikely]] {
            look_unless_busy(core);
        }
        if (const std::uint32_t lot = schedule_.lot_that_ends(number); lot != 0) [[unlikely]] {
            end_lot(core, number, lot);
        }
    }

    /// Continue the stage without evidence in a forked child, where no other thread exists.
    void begin_anew() noexcept
    {
        state_.stage_first_request = 0;
        for (std::uint64_t& values : state_.stage_values) {
            values = 0;
        }
        schedule_.begin_anew();
    }

    void after_feedback(core_t& core) noexcept
    {
        if (schedule_.count_feedback()) [[unlikely]] {
            look_unless_busy(core);
        }
    }

private:
    // Steps for which memory is kept, so that taking the challenger out of service needs none.
    static constexpr std::size_t steps_at_once = 32;

    [[nodiscard]] static std::int64_t nanoseconds(double seconds) noexcept
    {
        return static_cast<std::int64_t>(std::fmin(seconds * 1e9, 4e18));
    }
    [[nodiscard]] static double seconds_since(const core_t& core, std::int64_t then) noexcept
    {
        const std::int64_t now = core.trial().clock().now();
        return now > then ? static_cast<double>(now - then) * 1e-9 : 0.0;
    }
    [[nodiscard]] static unsigned next_number(const core_t& core)
    {
        return core.assignment().read([](const plan_t& now) { return now.number; }) + 1;
    }

    [[nodiscard]] static std::list<plan_t> plan_for(const core_t& core, double challenger_share,
                                                    unsigned number)
    {
        const auto splitter =
            core.assignment().splitter().with_shares({1.0 - challenger_share, challenger_share});
        return {plan_t{resolved(splitter, Parts::arm_count), number}};
    }

    /// Make the plan without the challenger. No rule forces a unit to it.
    [[nodiscard]] static std::list<plan_t> plan_without_challenger(const core_t& core, unsigned number)
    {
        std::list<plan_t> made = plan_for(core, 0.0, number);
        if constexpr (requires { made.front().split.rule(); }) {
            auto split = without_forced_units(made.front().split);
            made.clear();
            made.emplace_back(std::move(split), number);
        }
        return made;
    }

    /// The plan of a share, and the plan that takes its challenger out.
    struct next_plans {
        std::list<plan_t> serving;
        std::list<plan_t> withdrawal;
    };

    /// Make what needs memory before anything changes. At a share of 0 no rule forces a unit to the challenger either.
    [[nodiscard]] static next_plans plans_for(const core_t& core, double share)
    {
        const unsigned number = next_number(core);
        if (!(share > 0.0)) {
            return {plan_without_challenger(core, number), {}};
        }
        return {plan_for(core, share, number), plan_without_challenger(core, number + 1)};
    }

    void put_in_force(core_t& core, next_plans made, double share) noexcept
    {
        core.publish(std::move(made.serving));
        withdrawal_ = std::move(made.withdrawal);
        state_.share = share;
    }

    JOUST_NOINLINE void end_lot(core_t& core, std::uint32_t number, std::uint32_t lot) noexcept
    {
        if (number % moving_limits::least_pause == moving_limits::least_pause - 1) {
            core.metrics().follow_latency(moving_limits::least_pause);
        }
        if (core.metrics().passed(lot) && broken_by_events(core)) {
            look_unless_busy(core);
        }
        if (schedule_.count_lot(lot, core.trial().clock().now())) {
            look_unless_busy(core);
        }
    }

    void look_unless_busy(core_t& core) noexcept
    {
        if (over(core) || !control_.try_lock()) {
            return;
        }
        const std::unique_lock lock{control_, std::adopt_lock};
        try {
            look(core, nullptr);
        } catch (...) {
            // Memory ran out. What a withdrawal needs was done before, and the next look does the rest.
        }
    }

    [[nodiscard]] static bool champion_is_out(const core_t& core)
    {
        return core.assignment().read([](const plan_t& now) { return now.shares[0] == 0.0; });
    }

    /// Return whether nothing is left to decide. A finished ramp that left the champion a share can still be rolled back.
    [[nodiscard]] bool over(const core_t& core) const noexcept
    {
        return rolled_back() || (finished() && champion_is_out(core));
    }

    void enter_phase(canary_phase next) noexcept { phase_.store(next, std::memory_order_release); }

    void note_step(double share, std::string_view what, std::string_view why)
    {
        std::string reason{what};
        reason += why;
        state_.steps.reserve(state_.steps.size() + 2);
        state_.steps.push_back({.requests = static_cast<double>(seen_now_.requests()),
                                .share = share,
                                .reason = std::move(reason)});
    }

    [[nodiscard]] setting setting_of_ramp(const core_t& core) const
    {
        setting how = core.setting_now();
        add_guardrails(how.special);  // A canary always watches failures.
        double most = 0.0;
        for (const double share : rules_.shares) {
            most = std::fmax(most, share * (1.0 - share));
        }
        how.planned_information_per_exposure = most > 0.0 ? most : 0.25;
        how.contemporary =
            how.shares[0] > 0.0 || seen_now_.pairs.front().series.front().expected_overlap() > 0.0;
        return how;
    }

    /// Collect the evidence, judge it and act on it. Where that ends with an exception, the guardrails that events change
    /// are still heeded.
    /// assumes: control_ is held
    void look(core_t& core, const evidence* merged)
    {
        try {
            look_at(core, merged);
        } catch (...) {
            if (!over(core) && broken_by_events(core)) {
                act_on_breach(core,
                              [] { return std::string{"a guardrail on failures or latency is broken"}; });
            }
            throw;
        }
    }

    [[nodiscard]] bool broken_by_events(const core_t& core) const noexcept
    {
        bool broken = false;
        for (std::size_t w = 0; w < core.live().watches().size(); ++w) {
            broken = broken ||
                     core.live().highest_log_e(0, w) >= watch_breach_at_[w].load(std::memory_order_relaxed);
        }
        return broken;
    }

    /// Copy the thresholds of guardrails on events to where calls read them.
    void note_breach_thresholds(core_t& core)
    {
        const std::vector<metric_spec>& specs = core.metrics().metrics().specs();
        if (watch_breach_at_.size() != core.live().watches().size()) {
            watch_breach_at_ = std::vector<std::atomic<double>>(core.live().watches().size());
        }
        for (std::size_t m = 0; m < specs.size(); ++m) {
            if (specs[m].watch >= 0) {
                watch_breach_at_[static_cast<std::size_t>(specs[m].watch)].store(state_.breach_log_e[m],
                                                                                 std::memory_order_relaxed);
            }
        }
    }

    /// Let guardrails that are broken act again on new evidence alone. An e-process divided by its value at some time is again
    /// an e-process from then on, so that the error rate of each of these parts is that of one guardrail.
    void acknowledge_breaches(core_t& core)
    {
        const std::vector<metric_spec>& specs = core.metrics().metrics().specs();
        for (const finding& f : found_.findings) {
            if (f.breached && f.pair == 0) {
                const double alone = breach_log_e(specs[f.metric], specs, core.trial().inference().alpha);
                const double highest = f.answer.log_e + 1e-9;
                const double from_now = std::fmax(f.answer.log_e_now, 0.0) + alone;
                state_.breach_log_e[f.metric] = std::fmax(highest, from_now);
            }
        }
        note_breach_thresholds(core);
    }

    /// Return the first guardrail that is broken beyond what a person has acknowledged, or null.
    [[nodiscard]] const finding* broken_guardrail() const noexcept
    {
        for (const finding& f : found_.findings) {
            if (f.pair == 0 && f.breached &&
                (!resumed_after_breach_ || f.answer.log_e >= state_.breach_log_e[f.metric])) {
                return &f;
            }
        }
        return nullptr;
    }

    void look_at(core_t& core, const evidence* merged)
    {
        core.metrics().judge_latency();
        if (merged != nullptr) {
            seen_now_ = *merged;
            core.live().resume(seen_now_);
        } else {
            core.metrics().collect(seen_now_);
        }
        const setting how = setting_of_ramp(core);
        judge(core.trial().inference(), seen_now_, how, merged == nullptr ? &core.live() : nullptr, found_);
        course_.look(found_, seen_now_,
                     merged == nullptr ? evidence_of::this_trial : evidence_of::all_replicas,
                     {.time = event_time(core.trial().clock()),
                      .requests = seen_now_.requests(),
                      .stage = state_.stage,
                      .share = state_.share});
        const bool decides = !over(core);
        const bool broken = decides && state_.share > 0.0 && broken_guardrail() != nullptr;
        if (broken) {
            act_on_breach(core, [&] { return breach_of(seen_now_, found_, how, 0); });
        }
        if (merged == nullptr) {
            core.live().remember(seen_now_);
        } else {
            core.live().remember_whole(seen_now_);
        }
        if (decides && !broken && !finished() && phase() != canary_phase::paused) {
            advance(core, how);
        }
    }

    /// Return the share of the next stage, which is that of the whole service after the last one.
    [[nodiscard]] double next_share() const noexcept
    {
        return state_.stage + 1 < rules_.shares.size() ? rules_.shares[state_.stage + 1] : 1.0;
    }

    /// Note what the stage has shown, and let it pass where nothing is missing.
    void advance(core_t& core, const setting& how)
    {
        safety_.look(seen_now_, found_, how, rules_.beta, next_share());
        note_progress(core, how);
        blocked_ = what_blocks(core, how);
        if (blocked_ != blocker::nothing) {
            wait_in(core, how, phase_of(blocked_));
            return;
        }
        if (state_.stage + 1 == rules_.shares.size()) {
            enter_phase(canary_phase::promoted);
            announce_decision(core, transition::promoted, state_.share, false, {},
                              [&] { return conditions(core, how); });
            return;
        }
        enter_stage(core, how, state_.stage + 1);
    }

    [[nodiscard]] static canary_phase phase_of(blocker what) noexcept
    {
        switch (what) {
            case blocker::no_requests: return canary_phase::pending;
            case blocker::mismatch:
            case blocker::unjudged:
            case blocker::silent: return canary_phase::held;
            case blocker::approval: return canary_phase::awaiting_approval;
            default: return canary_phase::running;
        }
    }

    /// Stay in the stage, and tell of it where the reason to stay is of another kind than before.
    void wait_in(core_t& core, const setting& how, canary_phase next)
    {
        const canary_phase before = phase();
        if (before == next) {
            return;
        }
        enter_phase(next);
        const auto tell = [&](transition kind) {
            announce_decision(core, kind, state_.share, false, {}, [&] { return conditions(core, how); });
        };
        if (next == canary_phase::held) {
            tell(transition::held);
        } else if (next == canary_phase::awaiting_approval) {
            tell(transition::approval_asked);
        } else if (before == canary_phase::held && next == canary_phase::running) {
            tell(transition::resumed);
        }
    }

    /// Begin an event of the rollout.
    [[nodiscard]] trial_event event_of(transition kind, double before) const
    {
        trial_event seen;
        seen.kind = kind;
        seen.stage = state_.stage;
        seen.share_before = before;
        seen.share_after = state_.share;
        seen.requests = seen_now_.requests();
        return seen;
    }

    /// Tell the listener of a transition that a person decided.
    void announce(core_t& core, transition kind, double before, bool changed, std::string_view who = {},
                  std::string_view why = {}) const noexcept
    {
        core.announce(changed, [&] {
            trial_event seen = event_of(kind, before);
            seen.who = who;
            seen.why = why;
            return seen;
        });
    }

    /// Tell the listener of a transition that the evidence decided. `evidence` lists the conditions that it was decided by, and
    /// is asked only where the trial has a listener.
    template <class Evidence>
    void announce_decision(core_t& core, transition kind, double before, bool changed, std::string_view why,
                           Evidence evidence) const noexcept
    {
        core.announce(changed, [&] {
            trial_event seen = event_of(kind, before);
            seen.evidence = evidence();
            seen.why = why;
            const bool breaks = kind == transition::rolled_back || kind == transition::paused;
            const std::vector<metric_spec>& specs = core.metrics().metrics().specs();
            for (const finding& f : found_.findings) {
                const metric_spec& spec = specs[f.metric];
                if (f.pair == 0 &&
                    (breaks ? &f == broken_guardrail()
                            : kind == transition::held && (unjudged_ == &f || &spec == silent_))) {
                    seen.guardrail = spec.name;
                    seen.log_e = f.answer.log_e;
                    seen.threshold = state_.breach_log_e[f.metric];
                }
            }
            return seen;
        });
    }

    /// List the numbers that a look decides by, so that a log can decide again by them.
    [[nodiscard]] std::vector<condition> conditions(const core_t& core, const setting& how) const
    {
        using use = condition::use;
        const finding* const broken = broken_guardrail();
        std::vector<condition> listed;
        const auto add = [&](use kind, const char* what, std::string_view guardrail, double value,
                             double bound) {
            listed.push_back({kind, what, std::string{guardrail}, value, bound});
        };
        const auto add_bool = [&](const char* what, std::string_view guardrail, bool good) {
            add(use::pass, what, guardrail, good ? 1.0 : 0.0, 1.0);
        };
        for (const finding& f : found_.findings) {
            const metric_spec& spec = how.specs[f.metric];
            if (f.pair != 0 || spec.role != metric_spec::part::guardrail) {
                continue;
            }
            // An inference without e-values decides by p-values and posteriors.
            const bool by_e = !std::isnan(f.answer.log_e) &&
                              (&f == broken) == (f.answer.log_e >= state_.breach_log_e[f.metric]);
            if (by_e) {
                add(use::breach, "log e of harm", spec.name, f.answer.log_e, state_.breach_log_e[f.metric]);
            } else {
                add(use::breach, "broken", spec.name, &f == broken ? 1.0 : 0.0, 1.0);
            }
            add_bool("judged", spec.name, f.missing == gap::none);
            if (rules_.promote == promotion::when_excluded) {
                add(use::pass, "log e against the harm to exclude", spec.name, safety_.log_e(f.metric),
                    -std::log(rules_.beta));
            }
        }
        add(use::pass, "requests of the challenger", {}, static_cast<double>(seen_now_.requests(1)), 1.0);
        add_bool("traffic as planned", {}, !found_.mismatch);
        add_bool("feedback keeps coming", {}, silent_in_stage(how) == nullptr);
        add_bool("the ramp is ready", {}, ramp_.ready(progress_));
        add_bool("enough feedback", {}, enough_feedback(how));
        if (last_stage()) {
            add(use::pass, "seconds in all", {}, progress_.total_seconds, rules_.total_seconds);
        }
        if (rules_.promote == promotion::when_excluded) {
            add(use::pass, "failures that can be undone in time", {}, rules_.irreversible, risk(core, how));
        }
        if (next_share() >= rules_.approve_from) {
            add(use::pass, "approved stages", {}, static_cast<double>(state_.approved),
                static_cast<double>(state_.stage + 2));
        }
        return listed;
    }

    /// Collect what the ramp may ask about.
    void note_progress(core_t& core, const setting& how)
    {
        const std::uint64_t served = seen_now_.requests(1);
        // Merged evidence may be older than the evidence at the start of the stage.
        progress_ = {.stage = state_.stage,
                     .requests =
                         served > state_.stage_first_request ? served - state_.stage_first_request : 0,
                     .seconds = seconds_since(core, stage_began_),
                     .units = units_of(seen_now_, 1),
                     .total_seconds = seconds_since(core, began_)};
        worst_ = nullptr;
        guardrails_.clear();
        double highest = 0.0;
        for (const finding& f : found_.findings) {
            const metric_spec& spec = how.specs[f.metric];
            if (f.pair != 0 || spec.role != metric_spec::part::guardrail) {
                continue;
            }
            // The highest evidence so far would let one early and unlucky failure hold a canary for ever.
            if (f.answer.log_e_now > highest) {
                highest = f.answer.log_e_now;
                worst_ = &spec;
            }
            guardrails_.push_back({.name = spec.name,
                                   .state = f.answer.state,
                                   .estimate = f.answer.estimate,
                                   .lower = f.answer.lower,
                                   .upper = f.answer.upper,
                                   .e_value = std::exp(f.answer.log_e_now),
                                   .excluded = safety_.excludes(f.metric),
                                   .values = values_in_stage(f.metric, spec)});
        }
        progress_.highest_e = std::exp(highest);
        progress_.guardrails = guardrails_;
    }

    [[nodiscard]] blocker what_blocks(core_t& core, const setting& how)
    {
        unjudged_ = found_.unjudged(0, how.specs);
        silent_ = nullptr;
        if (seen_now_.requests(1) == 0) {
            return blocker::no_requests;
        }
        if (found_.mismatch) {
            return blocker::mismatch;
        }
        if (unjudged_ != nullptr) {
            return blocker::unjudged;
        }
        silent_ = silent_in_stage(how);
        if (silent_ != nullptr) {
            return blocker::silent;
        }
        if (rules_.promote == promotion::when_excluded && safety_.open() != nullptr) {
            return blocker::not_excluded;
        }
        if (!ramp_.ready(progress_) || !enough_feedback(how)) {
            return blocker::not_ready;
        }
        if (last_stage() && progress_.total_seconds < rules_.total_seconds) {
            return blocker::total_time;
        }
        if (rules_.promote == promotion::when_excluded && risk(core, how) > rules_.irreversible) {
            return blocker::irreversible;
        }
        if (next_share() >= rules_.approve_from && state_.approved <= state_.stage + 1) {
            return blocker::approval;
        }
        return blocker::nothing;
    }

    [[nodiscard]] bool last_stage() const noexcept
    {
        return state_.stage + 1 == rules_.shares.size() || next_share() >= 1.0;
    }

    /// Return about how many failures more the next stage may bring before they are seen.
    [[nodiscard]] double risk(const core_t& core, const setting& how) const noexcept
    {
        const double rate = requests_per_second(core);
        const double between_looks =
            std::fmin(rate * 1e-9 * static_cast<double>(look_schedule::longest_between),
                      static_cast<double>(look_schedule::most_between));
        return safety_.at_risk(next_share() * between_looks, next_share() * rate * rules_.feedback_after,
                               seen_now_, how);
    }

    /// Return whether every guardrail that takes feedback has got as many values in this stage as the stage needs requests.
    [[nodiscard]] bool enough_feedback(const setting& how) const
    {
        bool enough = true;
        for (std::size_t m = 0; m < how.specs.size(); ++m) {
            const metric_spec& spec = how.specs[m];
            if (spec.role == metric_spec::part::guardrail && spec.takes_feedback() &&
                rules_.promote == promotion::when_excluded) {
                enough = enough && values_in_stage(m, spec) >= least_values();
            }
        }
        return enough;
    }
    /// A tenth of the requests: feedback may come for a part of the requests only.
    [[nodiscard]] std::uint64_t least_values() const noexcept { return rules_.requests / 10; }

    [[nodiscard]] double requests_per_second(const core_t& core) const noexcept
    {
        const double seconds = seconds_since(core, stage_began_);
        const double before = stage_requests_before_;
        const double now = static_cast<double>(seen_now_.requests());
        return seconds > 0.0 && now > before ? (now - before) / seconds : 0.0;
    }

    void begin_stage(core_t& core)
    {
        state_.stage_first_request = seen_now_.requests(1);
        stage_requests_before_ = static_cast<double>(seen_now_.requests());
        note_values(core.metrics().metrics().specs());
        stage_began_ = core.trial().clock().now();
    }

    void enter_stage(core_t& core, const setting& how, std::size_t stage)
    {
        const double share = rules_.shares[stage];
        // What needs memory comes first, so that a stage is entered as a whole or not at all.
        share_step step{.requests = static_cast<double>(seen_now_.requests()),
                        .share = share,
                        .reason = passed_in_words()};
        state_.steps.reserve(state_.steps.size() + 2);
        std::vector<condition> evidence;
        if constexpr (Parts::listens) {
            evidence = conditions(core, how);
        }
        next_plans made = plans_for(core, share);
        const double before = state_.share;
        put_in_force(core, std::move(made), share);
        state_.stage = stage;
        begin_stage(core);
        state_.steps.push_back(std::move(step));
        // The champion serves no units any more at a share of 1, so this stage has nothing to compare.
        const bool whole = share >= 1.0;
        enter_phase(whole ? canary_phase::promoted : canary_phase::running);
        announce_decision(core, whole ? transition::promoted : transition::stage_entered, before, true,
                          state_.steps.back().reason, [&] { return std::move(evidence); });
    }

    [[nodiscard]] std::string passed_in_words() const
    {
        std::string text = "advance: " + count_text(progress_.requests);
        text += rules_.promote == promotion::when_excluded
                    ? " requests of the challenger, and the harm of the stage is excluded for every guardrail"
                    : " requests without a broken guardrail";
        return text;
    }

    [[nodiscard]] std::string promotion_in_words(const core_t& core) const
    {
        const std::string& challenger = core.identity().models()[1];
        if (promoted_by_hand_) {
            return challenger + " was " + state_.steps.back().reason;
        }
        return challenger +
               (rules_.promote == promotion::when_excluded
                    ? " has passed every stage of the ramp; every guardrail was judged, none is broken, and the harm stated for each is excluded"
                    : " has passed every stage of the ramp; every guardrail was judged and none is broken. Harm that is too small to be proved in that time is not excluded, as on_no_harm accepts");
    }

    /// Return how many values the challenger has brought to a guardrail.
    [[nodiscard]] std::uint64_t values_of(const metric_spec& spec) const
    {
        const pair_evidence& pair = seen_now_.pairs.front();
        return spec.takes_feedback()           ? pair.series[spec.fed].challenger_count
               : spec.series == failure_series ? pair.series[exposure_series].challenger_count
                                               : seen_now_.arms[1].latency.count();
    }
    [[nodiscard]] std::uint64_t values_in_stage(std::size_t metric, const metric_spec& spec) const
    {
        const std::uint64_t values = values_of(spec);
        const std::uint64_t before = state_.stage_values[metric];
        return values > before ? values - before : 0;
    }

    void note_values(const std::vector<metric_spec>& specs)
    {
        for (std::size_t m = 0; m < specs.size(); ++m) {
            state_.stage_values[m] = values_of(specs[m]);
        }
    }

    /// Return the first guardrail that hears less than a quarter as much of the challenger as in the stages before, or null.
    [[nodiscard]] const metric_spec* silent_in_stage(const setting& how) const
    {
        for (std::size_t m = 0; m < how.specs.size(); ++m) {
            const metric_spec& spec = how.specs[m];
            if (spec.role != metric_spec::part::guardrail || spec.series == failure_series) {
                continue;
            }
            const std::uint64_t came = values_in_stage(m, spec);
            const double usual = share_of(state_.stage_values[m], state_.stage_first_request);
            if (came == 0 ||
                4.0 * static_cast<double>(came) < usual * static_cast<double>(progress_.requests)) {
                return &spec;
            }
        }
        return nullptr;
    }

    [[nodiscard]] std::string waiting(const setting& how, const report& out) const
    {
        const std::string served =
            count_text(progress_.requests) + " requests served by the challenger in this stage";
        if (phase() == canary_phase::paused) {
            return state_.steps.back().reason;
        }
        switch (blocked_) {
            case blocker::no_requests:
                return "held, since " +
                       (unjudged_ != nullptr ? "the guardrail on " + gap_in_words(*unjudged_, seen_now_, how)
                                             : std::string{"nothing is judged"}) +
                       "; pending: the challenger has not served a request yet";
            case blocker::mismatch: return "held, since traffic did not arrive in the planned shares";
            case blocker::unjudged:
                return "held, since the guardrail on " + gap_in_words(*unjudged_, seen_now_, how) + "; " +
                       served;
            case blocker::silent:
                return "held, since the guardrail on " + silent_->name +
                       " has got too little feedback in this stage; " + count_text(progress_.requests) +
                       " requests served by the challenger in it";
            case blocker::not_excluded: {
                std::string text = served;
                for (const exclusion_row& row : out.exclusions) {
                    text += row.guardrail == how.specs[safety_.open()->metric].name ? "; " + row.words : "";
                }
                if (!text.empty() && text.back() == '.') {
                    text.pop_back();
                }
                return text;
            }
            case blocker::total_time:
                return "the harm is excluded, and the canary waits until all stages together have taken " +
                       to_text(rules_.total_seconds) + " s; " + served;
            case blocker::irreversible:
                return "the next stage could bring more failures before they are seen than irreversible allows; " +
                       served;
            case blocker::approval:
                return "awaiting approval of the share " + to_text(100.0 * next_share()) +
                       " %: call approve(who); " + served;
            case blocker::nothing:
            case blocker::not_ready: break;
        }
        std::string text = served;
        if (worst_ != nullptr) {
            text += ", evidence of harm ";
            append_e_value(text, progress_.highest_e);
            text += " (" + worst_->name + ")";
        }
        return text;
    }

    template <class Words>
    void act_on_breach(core_t& core, Words words) noexcept
    {
        withdraw(core, rules_.on_breach == breach::pause ? canary_phase::paused : canary_phase::rolled_back,
                 words, {});
        resumed_after_breach_ = resumed_after_breach_ || rules_.on_breach == breach::pause;
    }

    /// Take the challenger out of service. The plan is published first, which allocates nothing, and the reason is put
    /// into words afterwards.
    template <class Words>
    void withdraw(core_t& core, canary_phase into, Words words, std::string_view who) noexcept
    {
        if (rolled_back()) {
            return;
        }
        const double before = state_.share;
        const bool changes = !withdrawal_.empty();
        if (changes) {
            core.publish(std::move(withdrawal_));
            withdrawal_.clear();
        }
        state_.share = 0.0;
        enter_phase(into);
        std::string reason = std::move(lost_reason_);
        try {
            reason = words();
            lost_reason_ = no_words;
        } catch (...) {
            // The words that were kept for this stay.
        }
        share_step step{
            .requests = static_cast<double>(seen_now_.requests()), .share = 0.0, .reason = std::move(reason)};
        if (state_.steps.size() < state_.steps.capacity()) {
            state_.steps.push_back(std::move(step));
        } else {
            state_.steps.back() = std::move(step);
        }
        const transition kind = into == canary_phase::rolled_back ? transition::rolled_back
                                : into == canary_phase::aborted   ? transition::aborted
                                                                  : transition::paused;
        if (!who.empty()) {
            announce(core, kind, before, changes, who, state_.steps.back().reason);
            return;
        }
        announce_decision(core, kind, before, changes, state_.steps.back().reason, [&] {
            const setting how = setting_of_ramp(core);
            safety_.look(seen_now_, found_, how, rules_.beta, next_share());
            note_progress(core, how);
            return conditions(core, how);
        });
    }

    static constexpr std::string_view by_person = "a person";
    static constexpr const char* no_words =
        "the challenger was taken out of service, and there was no memory to say why";

    ramp_t ramp_;
    ramp rules_;
    mutable fork_mutex control_{fork_order::control};
    /// The plan without the challenger. It is made beforehand, so that taking the challenger out cannot fail.
    std::list<plan_t> withdrawal_;
    /// The reason of a withdrawal, where there is no memory for the true one.
    std::string lost_reason_{no_words};
    /// control_ guards this member and the members below it up to the atomics.
    canary_state state_;
    evidence seen_now_;
    judgement found_;
    stage_safety safety_;
    stage_progress progress_;
    std::vector<guardrail_progress> guardrails_;
    const metric_spec* worst_ = nullptr;
    blocker blocked_ = blocker::no_requests;
    /// The guardrail that is not judged, of the findings of the last look.
    const finding* unjudged_ = nullptr;
    /// The guardrail that hears too little in this stage.
    const metric_spec* silent_ = nullptr;
    look_keeper course_;
    double stage_requests_before_ = 0.0;
    std::int64_t stage_began_ = 0;
    std::int64_t began_ = 0;
    bool promoted_by_hand_ = false;
    bool resumed_after_breach_ = false;
    /// For each watch the logarithm of the e-value from which on its guardrail acts.
    std::vector<std::atomic<double>> watch_breach_at_;
    look_schedule schedule_;
    std::atomic<canary_phase> phase_{canary_phase::pending};
    new_epoch_in_child<rollout> fork_{*this};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
