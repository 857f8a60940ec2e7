// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/inference.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/canary_state.hpp>
#include <joust/trial/detail/account.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/course_keeper.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/identity.hpp>
#include <joust/trial/detail/look_keeper.hpp>
#include <joust/trial/detail/look_schedule.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/stage_safety.hpp>
#include <joust/trial/ramp.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The rollout of a canary, apart from the types of the canary: it is compiled once, and not for every canary.

namespace joust {
inline namespace v0 {
namespace detail {

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

/// What a rollout asks of its trial.
class rollout_host {
public:
    /// Return the time of the trial's clock.
    /// units: nanoseconds
    [[nodiscard]] virtual std::int64_t now() const noexcept = 0;
    /// Return the time for a log.
    [[nodiscard]] virtual std::int64_t time_for_log() const noexcept = 0;
    /// Return the present settings of the trial that judging needs.
    [[nodiscard]] virtual setting setting_now() const = 0;
    /// Collect all evidence into a value, whose memory is used again. What `known` says has not changed is not read again.
    virtual void collect(evidence& into, collected_changes& known) const = 0;
    /// Judge the guardrails on latency.
    virtual void judge_latency() const noexcept = 0;
    /// Ask the ramp whether the stage has lasted as long as it must.
    [[nodiscard]] virtual bool ready(const stage_progress& at) const noexcept = 0;

    /// Make the plan of a share, and the plan that takes its challenger out, without putting them in force.
    /// errors: std::bad_alloc, and then nothing has changed
    virtual void prepare(double share) = 0;
    /// Put the plan in force that `prepare` made last.
    virtual void put_in_force() noexcept = 0;
    /// Whether the challenger serves by the plan in force, so that it can be taken out.
    [[nodiscard]] virtual bool serves_challenger() const noexcept = 0;
    /// Put the plan in force that takes the challenger out. It was made beforehand, so that this cannot fail.
    virtual void withdraw() noexcept = 0;
    /// Whether the champion serves nothing by the plan in force.
    [[nodiscard]] virtual bool champion_is_out() const = 0;

    /// Tell the listener of the trial of a transition.
    virtual void announce(bool changed, trial_event& seen) const noexcept = 0;
    /// Add the notes of the trial to a report.
    virtual void annotate(report& out) const = 0;

protected:
    ~rollout_host() = default;
};

/// The parts of a trial that do not depend on its types.
struct rollout_parts {
    live_evidence& live;
    const trial_identity& identity;
    const std::vector<metric_spec>& specs;
    const std::vector<event_watch>& watches;
    any_inference policy;
    /// When the numbers of the policy hold, in words.
    std::string_view holds{};
    /// Whether the trial has a listener.
    bool listens = false;
    /// Whether the champion answers every request.
    bool dry = false;
    /// Whether the ramp is one of the user's own, which may read the intervals of guardrails at every look.
    bool own_ramp = false;
};

/// Takes a challenger through the stages of a ramp, and out of service when a guardrail breaks.
class rollout_core {
public:
    /// Take over the numbers of a ramp. `begin` starts the rollout.
    /// errors: configuration_error where the ramp cannot work
    rollout_core(rollout_host& host, const rollout_parts& parts, ramp rules);

    /// Start the first stage, whose plan is in force.
    /// errors: configuration_error where a guardrail states a harm that cannot be tested
    void begin();

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
    void step(const evidence* merged);
    /// Look at the evidence, act on it and report it.
    [[nodiscard]] report step_and_report(const evidence* merged);

    /// From now on decide together with other processes. Looks at this process's evidence alone take the challenger out only where
    /// `act_alone` says so, and never advance; looks at merged evidence propose the next stage and do not enter it.
    void decide_together() noexcept;
    /// Set by how much the logarithm of this process's evidence of harm has to exceed the threshold, so that it takes the challenger
    /// out by itself. Where it is infinite, the process asks for a look at the merged evidence instead.
    void act_alone(double beyond) noexcept { alone_beyond_.store(beyond, std::memory_order_relaxed); }
    /// Return whether a look at the merged evidence was asked for since the last call.
    [[nodiscard]] bool take_request() noexcept { return asked_.exchange(false, std::memory_order_relaxed); }
    /// Look at merged evidence and report it. Where `leads` is set, the phase follows the evidence and the next stage may be proposed.
    [[nodiscard]] report judge_together(const evidence& merged, bool leads);
    /// Fill in the state that the last look at merged evidence proposes. Returns false where it proposes none.
    /// errors: std::bad_alloc, and then nothing has changed
    [[nodiscard]] bool proposed(canary_state& next) const;
    /// Enter the stage that was proposed, unless the challenger was taken out or the stage has changed meanwhile.
    void enter_proposed();
    /// Follow the state that the processes share. A challenger that was taken out here stays out.
    /// errors: configuration_error where the state cannot be that of this canary
    void follow(const canary_state& shared);
    /// Take the challenger out without a decision, until `follow` gives a share again.
    void hold_back();

    /// Take the challenger out of service, whatever the evidence says.
    void roll_back(std::string_view reason) noexcept;
    /// End the canary for another reason than harm.
    void abort(std::string_view reason) noexcept;
    /// Stop the ramp until `resume`. The share stays.
    /// errors: std::bad_alloc, and then nothing has changed
    bool pause(std::string_view reason);
    /// Go on with the ramp, at the share of its stage. Guardrails that had broken act again on evidence from now on.
    /// errors: std::bad_alloc, and then nothing has changed
    bool resume(std::string_view reason);
    /// Let the next stage begin without waiting longer for an approval.
    /// errors: std::bad_alloc, and then nothing has changed
    bool approve(std::string_view who);
    /// Promote the challenger to the last share of the ramp now, whatever the evidence says.
    /// errors: std::bad_alloc, and then nothing has changed
    bool promote(std::string_view reason);

    /// Return the whole state, to save it.
    [[nodiscard]] canary_state state() const;
    /// Go on from a state that was saved.
    /// errors: configuration_error where the state cannot be that of this canary
    void restore(const canary_state& saved);

    /// Return what keeps the course of looks.
    [[nodiscard]] look_keeper& looks() noexcept { return course_; }

    /// Return whether a guardrail on events is broken.
    [[nodiscard]] bool broken_by_events() const noexcept;
    /// Look at the evidence, unless a thread does so already.
    void look_unless_busy() noexcept;
    [[nodiscard]] look_schedule& schedule() noexcept { return schedule_; }

    /// Continue the stage without evidence in a forked child, where no other thread exists.
    void begin_anew() noexcept;

private:
    // Steps for which memory is kept, so that taking the challenger out of service needs none.
    static constexpr std::size_t steps_at_once = 32;

    [[nodiscard]] double seconds_since(std::int64_t then) const noexcept;
    [[nodiscard]] bool over() const noexcept;
    [[nodiscard]] bool excludes() const noexcept { return rules_.promote == promotion::when_excluded; }
    [[nodiscard]] double next_share() const noexcept;
    [[nodiscard]] bool last_stage() const noexcept;
    [[nodiscard]] double risk(const setting& how) const noexcept;
    [[nodiscard]] bool enough_feedback() const;
    [[nodiscard]] double requests_per_second() const noexcept;
    [[nodiscard]] std::uint64_t values_of(const metric_spec& spec) const;
    [[nodiscard]] std::uint64_t values_in_stage(std::size_t metric) const;
    [[nodiscard]] const metric_spec* silent_in_stage() const;
    [[nodiscard]] const finding* broken_guardrail() const noexcept;
    [[nodiscard]] setting setting_of_ramp() const;
    [[nodiscard]] double units(std::size_t arm) const;

    /// What a look is for.
    enum class purpose : unsigned char {
        /// To decide, in the call of a request. It goes without intervals that it does not need.
        decide,
        /// To show what there is.
        show
    };
    void look(const evidence* merged, purpose why);
    void look_at(const evidence* merged, purpose why);
    void judge_evidence(const setting& how, const evidence* merged);
    [[nodiscard]] report report_of_look(bool merged);
    [[nodiscard]] bool may_act_alone() const noexcept;
    void ask_for_look() noexcept;
    void check_fits(const canary_state& saved) const;
    void take_over(const canary_state& saved, std::string_view who);
    void advance(const setting& how);
    void propose(const setting& how);
    void note_progress();
    [[nodiscard]] blocker what_blocks(const setting& how);
    void wait_in(const setting& how, canary_phase next);
    void begin_stage();
    void enter_stage(const setting& how, std::size_t stage);
    void enter_phase(canary_phase next) noexcept { phase_.store(next, std::memory_order_release); }
    void put_in_force(double share) noexcept;
    void note_step(double share, std::string_view what, std::string_view why);
    void note_breach_thresholds();
    void acknowledge_breaches();

    template <class Words>
    void act_on_breach(Words words) noexcept;
    template <class Words>
    void withdraw(canary_phase into, Words words, std::string_view who) noexcept;

    template <class Visit>
    void visit_conditions(const setting& how, Visit visit) const;
    [[nodiscard]] std::vector<condition> conditions(const setting& how) const;

    void announce(transition kind, double before, bool changed, std::string_view who = {},
                  std::string_view why = {}) const noexcept;
    template <class Evidence>
    void announce_decision(transition kind, double before, bool changed, std::string_view why,
                           Evidence evidence) const noexcept;
    [[nodiscard]] trial_event event_of(transition kind, double before) const;
    void tell(bool changed, trial_event& seen) const;

    [[nodiscard]] std::string passed_in_words() const;
    [[nodiscard]] std::string promotion_in_words() const;
    [[nodiscard]] std::string waiting(const setting& how, const report& out) const;

    rollout_host& host_;
    rollout_parts trial_;
    ramp rules_;
    mutable fork_mutex control_{fork_order::control};
    /// The reason of a withdrawal, where there is no memory for the true one.
    std::string lost_reason_;
    /// control_ guards this member and the members below it up to the atomics.
    canary_state state_;
    evidence seen_now_;
    collected_changes known_;
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
    /// Whether other processes decide too, whether this one leads, and whether its last look has passed the stage.
    bool together_ = false;
    bool leads_ = false;
    bool proposes_ = false;
    canary_state proposal_;
    std::vector<condition> proposal_conditions_;
    std::atomic<double> alone_beyond_{0.0};
    std::atomic<bool> asked_{false};
    /// For each watch the logarithm of the e-value from which on its guardrail acts.
    std::vector<std::atomic<double>> watch_breach_at_;
    look_schedule schedule_;
    std::atomic<canary_phase> phase_{canary_phase::pending};
    new_epoch_in_child<rollout_core> fork_{*this};
};

}  // namespace detail

#if JOUST_BODIES

namespace detail {

inline constexpr std::string_view by_person = "a person";
inline constexpr std::string_view by_shared_plan = "the shared plan";
inline constexpr const char* no_words =
    "the challenger was taken out of service, and there was no memory to say why";

/// Return the logarithm of the e-value from which on a guardrail counts as broken.
[[nodiscard]] inline double breach_log_e(const metric_spec& spec, const std::vector<metric_spec>& specs,
                                         double alpha)
{
    return spec.role == metric_spec::part::guardrail ? -std::log(alpha * error_share(spec, specs)) : 0.0;
}

/// Return the smaller of two numbers of units that is above 0.
[[nodiscard]] inline double smaller_of(double one, double two) noexcept
{
    return one > 0.0 && two > 0.0 ? std::fmin(one, two) : std::fmax(one, two);
}

[[nodiscard]] inline bool guards(const metric_spec& spec) noexcept
{
    return spec.role == metric_spec::part::guardrail;
}

[[nodiscard]] inline std::int64_t nanoseconds_of(double seconds) noexcept
{
    return static_cast<std::int64_t>(std::fmin(seconds * 1e9, 4e18));
}

[[nodiscard]] inline canary_phase phase_of(blocker what) noexcept
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

JOUST_FUNCTION rollout_core::rollout_core(rollout_host& host, const rollout_parts& parts, ramp rules)
    : host_(host), trial_(parts), rules_(std::move(rules)), lost_reason_(no_words)
{
    rules_.check();
}

JOUST_FUNCTION void rollout_core::begin()
{
    const std::vector<metric_spec>& specs = trial_.specs;
    safety_.begin(specs, rules_.exclude);
    if (excludes()) {
        trial_.live.watch_margins(safety_.margins(specs, trial_.watches, rules_.shares));
    }
    host_.collect(seen_now_, known_);
    // Looks need no memory then, so that a guardrail works when memory is out.
    found_.findings.reserve(specs.size());
    found_.split.reserve(seen_now_.pairs.size());
    guardrails_.reserve(specs.size());
    state_.stage_values.resize(specs.size());
    state_.breach_log_e.resize(specs.size());
    for (std::size_t m = 0; m < specs.size(); ++m) {
        state_.breach_log_e[m] = breach_log_e(specs[m], specs, trial_.policy.alpha);
    }
    began_ = stage_began_ = host_.now();
    state_.share = rules_.shares[0];
    state_.steps.reserve(steps_at_once);
    state_.steps.push_back({.requests = 0.0, .share = rules_.shares[0], .reason = "start"});
    note_breach_thresholds();
    schedule_.begin(rules_.check_every, began_);
    course_.name_rows(host_.setting_now(), trial_.identity.models());
    announce(transition::started, 0.0, true);
}

JOUST_FUNCTION void rollout_core::step(const evidence* merged)
{
    const std::scoped_lock lock{control_};
    look(merged, purpose::show);
}

JOUST_FUNCTION void rollout_core::roll_back(std::string_view reason) noexcept
{
    const std::scoped_lock lock{control_};
    withdraw(canary_phase::rolled_back, [reason] { return std::string{reason}; }, by_person);
}

JOUST_FUNCTION void rollout_core::abort(std::string_view reason) noexcept
{
    const std::scoped_lock lock{control_};
    withdraw(canary_phase::aborted, [reason] { return std::string{reason}; }, by_person);
}

JOUST_FUNCTION bool rollout_core::pause(std::string_view reason)
{
    const std::scoped_lock lock{control_};
    if (rolled_back() || phase() == canary_phase::paused) {
        return false;
    }
    note_step(state_.share, "paused: ", reason);
    enter_phase(canary_phase::paused);
    announce(transition::paused, state_.share, false, by_person, reason);
    return true;
}

JOUST_FUNCTION bool rollout_core::resume(std::string_view reason)
{
    const std::scoped_lock lock{control_};
    if (phase() != canary_phase::paused) {
        return false;
    }
    const double share = rules_.shares[state_.stage];
    const bool published = !host_.serves_challenger();
    if (published) {
        host_.prepare(share);
    }
    note_step(share, "resumed: ", reason);
    acknowledge_breaches();
    const double before = state_.share;
    if (published) {
        put_in_force(share);
    }
    begin_stage();
    enter_phase(canary_phase::running);
    announce(transition::resumed, before, published, by_person, reason);
    return true;
}

JOUST_FUNCTION bool rollout_core::approve(std::string_view who)
{
    const std::scoped_lock lock{control_};
    const std::uint64_t next = state_.stage + 1;
    if (rolled_back() || next >= rules_.shares.size() || state_.approved > next) {
        return false;
    }
    note_step(state_.share, "approved by ", who);
    state_.approved = next + 1;
    announce(transition::approved, state_.share, false, who);
    look(nullptr, purpose::show);
    return true;
}

JOUST_FUNCTION bool rollout_core::promote(std::string_view reason)
{
    const std::scoped_lock lock{control_};
    if (rolled_back() || finished()) {
        return false;
    }
    const double share = rules_.shares[rules_.shares.size() - 1];
    host_.prepare(share);
    note_step(share, "promoted by hand: ", reason);
    const double before = state_.share;
    put_in_force(share);
    state_.stage = rules_.shares.size() - 1;
    promoted_by_hand_ = true;
    begin_stage();
    enter_phase(canary_phase::promoted);
    announce(transition::promoted, before, true, by_person, reason);
    return true;
}

JOUST_FUNCTION canary_state rollout_core::state() const
{
    const std::scoped_lock lock{control_};
    canary_state now = state_;
    now.phase = phase();
    now.stage_seconds = seconds_since(stage_began_);
    now.seconds = seconds_since(began_);
    return now;
}

JOUST_FUNCTION void rollout_core::restore(const canary_state& saved)
{
    const std::scoped_lock lock{control_};
    check_fits(saved);
    take_over(saved, by_person);
}

JOUST_FUNCTION void rollout_core::check_fits(const canary_state& saved) const
{
    if (!saved.consistent() || saved.stage >= rules_.shares.size() ||
        saved.breach_log_e.size() != state_.breach_log_e.size()) {
        throw configuration_error("canary_state", "of another ramp or other metrics",
                                  "the state of a canary with the same metrics and a ramp of as many stages");
    }
}

/// Go on from a state.
/// assumes: control_ is held, and the state fits
JOUST_FUNCTION void rollout_core::take_over(const canary_state& saved, std::string_view who)
{
    const double before = state_.share;
    const bool changes = !(saved.share == before) || saved.share == 0.0;
    canary_state next = saved;
    next.steps.reserve(next.steps.size() + steps_at_once);
    if (changes) {
        host_.prepare(next.share);
    }
    state_ = std::move(next);
    if (changes) {
        put_in_force(state_.share);
    }
    const std::int64_t now = host_.now();
    began_ = now - nanoseconds_of(state_.seconds);
    stage_began_ = now - nanoseconds_of(state_.stage_seconds);
    // What a state does not say in a member of its own follows from its steps and its thresholds.
    stage_requests_before_ = state_.steps.back().requests;
    promoted_by_hand_ = state_.steps.back().reason.starts_with("promoted by hand: ");
    for (std::size_t m = 0; m < trial_.specs.size(); ++m) {
        const double alone = breach_log_e(trial_.specs[m], trial_.specs, trial_.policy.alpha);
        resumed_after_breach_ = resumed_after_breach_ || state_.breach_log_e[m] > alone + 1e-12;
    }
    note_breach_thresholds();
    proposes_ = false;
    enter_phase(state_.phase);
    announce(transition::restored, before, changes, who);
}

JOUST_FUNCTION void rollout_core::decide_together() noexcept
{
    const std::scoped_lock lock{control_};
    together_ = true;
}

JOUST_FUNCTION report rollout_core::judge_together(const evidence& merged, bool leads)
{
    const std::scoped_lock lock{control_};
    leads_ = leads;
    look(&merged, purpose::show);
    return report_of_look(true);
}

/// Keep what entering the next stage would change, or being promoted after the last one. The plan that the processes share decides
/// whether it is entered.
JOUST_FUNCTION void rollout_core::propose(const setting& how)
{
    canary_state next = state_;
    next.seconds = seconds_since(began_);
    if (state_.stage + 1 == rules_.shares.size()) {
        next.phase = canary_phase::promoted;
        next.stage_seconds = seconds_since(stage_began_);
    } else {
        next.stage = state_.stage + 1;
        next.share = rules_.shares[next.stage];
        next.phase = next.share >= 1.0 ? canary_phase::promoted : canary_phase::running;
        next.stage_seconds = 0.0;
        next.stage_first_request = seen_now_.requests(1);
        for (std::size_t m = 0; m < trial_.specs.size(); ++m) {
            next.stage_values[m] = values_of(trial_.specs[m]);
        }
        next.steps.push_back({.requests = static_cast<double>(seen_now_.requests()),
                              .share = next.share,
                              .reason = passed_in_words()});
    }
    proposal_conditions_ = trial_.listens ? conditions(how) : std::vector<condition>{};
    proposal_ = std::move(next);
    proposes_ = true;
}

JOUST_FUNCTION bool rollout_core::proposed(canary_state& next) const
{
    const std::scoped_lock lock{control_};
    if (proposes_) {
        next = proposal_;
    }
    return proposes_;
}

JOUST_FUNCTION void rollout_core::enter_proposed()
{
    const std::scoped_lock lock{control_};
    if (!proposes_ || rolled_back() || phase() == canary_phase::paused) {
        return;
    }
    const double before = state_.share;
    const bool next_stage = proposal_.stage != state_.stage;
    if (next_stage) {
        state_.steps.reserve(state_.steps.size() + 2);
        host_.prepare(proposal_.share);
        put_in_force(proposal_.share);
        state_.stage = proposal_.stage;
        state_.stage_first_request = proposal_.stage_first_request;
        state_.stage_values.swap(proposal_.stage_values);
        state_.steps.push_back(std::move(proposal_.steps.back()));
        stage_requests_before_ = state_.steps.back().requests;
        stage_began_ = host_.now();
    }
    proposes_ = false;
    enter_phase(proposal_.phase);
    announce_decision(
        proposal_.phase == canary_phase::promoted ? transition::promoted : transition::stage_entered, before,
        next_stage, next_stage ? std::string_view{state_.steps.back().reason} : std::string_view{},
        [&] { return std::move(proposal_conditions_); });
}

JOUST_FUNCTION void rollout_core::follow(const canary_state& shared)
{
    const std::scoped_lock lock{control_};
    check_fits(shared);
    if (rolled_back()) {
        return;
    }
    if (shared.phase == canary_phase::rolled_back || shared.phase == canary_phase::aborted) {
        withdraw(shared.phase, [&shared] { return shared.steps.back().reason; }, by_shared_plan);
        return;
    }
    if (shared.share == state_.share && shared.stage == state_.stage && shared.phase == phase() &&
        shared.approved == state_.approved && shared.breach_log_e == state_.breach_log_e &&
        shared.steps == state_.steps) {
        return;
    }
    take_over(shared, by_shared_plan);
}

JOUST_FUNCTION void rollout_core::hold_back()
{
    const std::scoped_lock lock{control_};
    if (host_.serves_challenger()) {
        host_.prepare(0.0);
        put_in_force(0.0);
    }
}

/// Return whether the evidence of this process alone suffices to take the challenger out.
JOUST_FUNCTION bool rollout_core::may_act_alone() const noexcept
{
    if (!together_) {
        return true;
    }
    const double beyond = alone_beyond_.load(std::memory_order_relaxed);
    const finding* const broken = broken_guardrail();
    return broken != nullptr &&
           (beyond <= 0.0 || broken->answer.log_e >= state_.breach_log_e[broken->metric] + beyond);
}

/// Ask for a look at the merged evidence. Events ask again when the evidence of this process has doubled.
JOUST_FUNCTION void rollout_core::ask_for_look() noexcept
{
    constexpr double doubled = 0.7;
    for (std::size_t w = 0; w < watch_breach_at_.size(); ++w) {
        const double highest = trial_.live.highest_log_e(0, w);
        if (highest >= watch_breach_at_[w].load(std::memory_order_relaxed)) {
            watch_breach_at_[w].store(highest + doubled, std::memory_order_relaxed);
        }
    }
    asked_.store(true, std::memory_order_relaxed);
}

JOUST_FUNCTION report rollout_core::step_and_report(const evidence* merged)
{
    const std::scoped_lock lock{control_};
    look(merged, purpose::show);
    return report_of_look(merged != nullptr);
}

/// Report the last look.
/// assumes: control_ is held
JOUST_FUNCTION report rollout_core::report_of_look(bool merged)
{
    const setting how = setting_of_ramp();
    report out;
    out.name = trial_.identity.name();
    out.kind = "canary";
    detail::describe(out, seen_now_, found_, how);
    out.shares = state_.steps;
    if (!rolled_back() && !finished() && excludes()) {
        safety_.describe(out, seen_now_, found_, how, requests_per_second());
    }
    out.phase = to_string(phase());
    if (rolled_back()) {
        out.decision = phase() == canary_phase::aborted ? verdict::keep_champion : verdict::roll_back;
        out.reason = state_.steps.back().reason;
    } else if (finished()) {
        out.decision = verdict::ship_challenger;
        out.reason = promotion_in_words();
    } else {
        out.decision = verdict::keep_testing;
        out.reason = "stage " + std::to_string(state_.stage + 1) + " of " +
                     std::to_string(rules_.shares.size()) + ": " + waiting(how, out);
    }
    if (trial_.dry) {
        out.reason.insert(0, "dry run: ");
        add_text(
            out.notes,
            "This is a dry run: the champion answered every request, so that both arms are alike, and nothing is known of the challenger.");
    }
    detail::annotate(out, seen_now_, found_, state_.steps.size() > 1, trial_.holds, how);
    host_.annotate(out);
    if (host_.champion_is_out()) {
        add_text(out.notes, "The champion serves no units now, so the comparisons are from earlier stages.");
    }
    course_.show(out, merged ? evidence_of::all_replicas : evidence_of::this_trial);
    return out;
}

JOUST_FUNCTION void rollout_core::begin_anew() noexcept
{
    // Those that decide together with the parent do not know of the child.
    alone_beyond_.store(0.0, std::memory_order_relaxed);
    asked_.store(false, std::memory_order_relaxed);
    known_.forget();
    state_.stage_first_request = 0;
    for (std::uint64_t& values : state_.stage_values) {
        values = 0;
    }
    schedule_.begin_anew();
}

JOUST_FUNCTION bool rollout_core::broken_by_events() const noexcept
{
    bool broken = false;
    for (std::size_t w = 0; w < trial_.live.watches().size(); ++w) {
        broken =
            broken || trial_.live.highest_log_e(0, w) >= watch_breach_at_[w].load(std::memory_order_relaxed);
    }
    return broken;
}

JOUST_FUNCTION void rollout_core::look_unless_busy() noexcept
{
    if (over() || !control_.try_lock()) {
        return;
    }
    const std::unique_lock lock{control_, std::adopt_lock};
    try {
        look(nullptr, purpose::decide);
    } catch (...) {
        // Memory ran out. What a withdrawal needs was done before, and the next look does the rest.
    }
}

JOUST_FUNCTION double rollout_core::seconds_since(std::int64_t then) const noexcept
{
    const std::int64_t now = host_.now();
    return now > then ? static_cast<double>(now - then) * 1e-9 : 0.0;
}

/// Return whether nothing is left to decide. A finished ramp that left the champion a share can still be rolled back.
JOUST_FUNCTION bool rollout_core::over() const noexcept
{
    return rolled_back() || (finished() && host_.champion_is_out());
}

JOUST_FUNCTION void rollout_core::put_in_force(double share) noexcept
{
    host_.put_in_force();
    state_.share = share;
}

JOUST_FUNCTION void rollout_core::note_step(double share, std::string_view what, std::string_view why)
{
    std::string reason{what};
    reason += why;
    state_.steps.reserve(state_.steps.size() + 2);
    state_.steps.push_back(
        {.requests = static_cast<double>(seen_now_.requests()), .share = share, .reason = std::move(reason)});
}

JOUST_FUNCTION setting rollout_core::setting_of_ramp() const
{
    setting how = host_.setting_now();
    add_guardrails(how.special);  // A canary always watches failures.
    double most = 0.0;
    for (const double share : rules_.shares) {
        most = std::fmax(most, share * (1.0 - share));
    }
    how.planned_information_per_exposure = most > 0.0 ? most : 0.25;
    how.contemporary = how.shares[0] > 0.0 || seen_now_.pairs.front().series.front().expected_overlap() > 0.0;
    return how;
}

/// Return the estimated number of distinct units of an arm, which is at most the number of its requests.
JOUST_FUNCTION double rollout_core::units(std::size_t arm) const
{
    return known_.valid ? std::fmin(known_.distinct[arm], static_cast<double>(seen_now_.requests(arm)))
                        : units_of(seen_now_, arm);
}

/// Collect the evidence, judge it and act on it. Where that ends with an exception, the guardrails that events change
/// are still heeded.
/// assumes: control_ is held
JOUST_FUNCTION void rollout_core::look(const evidence* merged, purpose why)
{
    try {
        look_at(merged, why);
    } catch (...) {
        if (!over() && broken_by_events() &&
            (!together_ || alone_beyond_.load(std::memory_order_relaxed) <= 0.0)) {
            act_on_breach([] { return std::string{"a guardrail on failures or latency is broken"}; });
        }
        throw;
    }
}

/// Copy the thresholds of guardrails on events to where calls read them.
JOUST_FUNCTION void rollout_core::note_breach_thresholds()
{
    if (watch_breach_at_.size() != trial_.live.watches().size()) {
        watch_breach_at_ = std::vector<std::atomic<double>>(trial_.live.watches().size());
    }
    for (std::size_t m = 0; m < trial_.specs.size(); ++m) {
        if (trial_.specs[m].watch >= 0) {
            watch_breach_at_[static_cast<std::size_t>(trial_.specs[m].watch)].store(
                state_.breach_log_e[m], std::memory_order_relaxed);
        }
    }
}

/// Let guardrails that are broken act again on new evidence alone. An e-process divided by its value at some time is again
/// an e-process from then on, so that the error rate of each of these parts is that of one guardrail.
JOUST_FUNCTION void rollout_core::acknowledge_breaches()
{
    for (const finding& f : found_.findings) {
        if (f.breached && f.pair == 0) {
            const double alone = breach_log_e(trial_.specs[f.metric], trial_.specs, trial_.policy.alpha);
            const double highest = f.answer.log_e + 1e-9;
            const double from_now = std::fmax(f.answer.log_e_now, 0.0) + alone;
            state_.breach_log_e[f.metric] = std::fmax(highest, from_now);
        }
    }
    note_breach_thresholds();
}

/// Return the first guardrail that is broken beyond what a person has acknowledged, or null.
JOUST_FUNCTION const finding* rollout_core::broken_guardrail() const noexcept
{
    for (const finding& f : found_.findings) {
        if (f.pair == 0 && f.breached &&
            (!resumed_after_breach_ || f.answer.log_e >= state_.breach_log_e[f.metric])) {
            return &f;
        }
    }
    return nullptr;
}

JOUST_FUNCTION void rollout_core::judge_evidence(const setting& how, const evidence* merged)
{
    judge(trial_.policy, seen_now_, how, merged == nullptr ? &trial_.live : nullptr, found_);
}

JOUST_FUNCTION void rollout_core::look_at(const evidence* merged, purpose why)
{
    if (merged != nullptr) {
        host_.judge_latency();
        known_.forget();
        seen_now_ = *merged;
        trial_.live.resume(seen_now_);
    } else {
        host_.collect(seen_now_, known_);
    }
    setting how = setting_of_ramp();
    how.limits = why == purpose::show || trial_.own_ramp || course_.keeps_next();
    judge_evidence(how, merged);
    course_.look(found_, merged == nullptr ? evidence_of::this_trial : evidence_of::all_replicas,
                 {.time = host_.time_for_log(),
                  .requests = seen_now_.requests(),
                  .stage = state_.stage,
                  .share = state_.share,
                  .units = smaller_of(units(0), units(1))});
    const bool decides = !over();
    const bool broken = decides && state_.share > 0.0 && broken_guardrail() != nullptr;
    if (broken && (merged != nullptr || may_act_alone())) {
        act_on_breach([&] {
            if (!how.limits) {  // The reason states intervals.
                how.limits = true;
                judge_evidence(how, merged);
            }
            return breach_of(seen_now_, found_, how, 0);
        });
    } else if (broken) {
        ask_for_look();
    }
    if (merged == nullptr) {
        trial_.live.remember(seen_now_);
    } else {
        trial_.live.remember_whole(seen_now_);
    }
    if (together_ && merged == nullptr) {
        return;
    }
    proposes_ = false;
    if (decides && !broken && !finished() && phase() != canary_phase::paused) {
        advance(how);
    }
}

/// Return the share of the next stage, which is that of the whole service after the last one.
JOUST_FUNCTION double rollout_core::next_share() const noexcept
{
    return state_.stage + 1 < rules_.shares.size() ? rules_.shares[state_.stage + 1] : 1.0;
}

JOUST_FUNCTION bool rollout_core::last_stage() const noexcept
{
    return state_.stage + 1 == rules_.shares.size() || next_share() >= 1.0;
}

/// Note what the stage has shown, and let it pass where nothing is missing.
JOUST_FUNCTION void rollout_core::advance(const setting& how)
{
    safety_.look(seen_now_, found_, how, rules_.beta, next_share(), units(1));
    note_progress();
    blocked_ = what_blocks(how);
    if (together_ && !leads_) {
        return;
    }
    if (blocked_ != blocker::nothing) {
        wait_in(how, phase_of(blocked_));
        return;
    }
    if (together_) {
        propose(how);
        return;
    }
    if (state_.stage + 1 == rules_.shares.size()) {
        enter_phase(canary_phase::promoted);
        announce_decision(transition::promoted, state_.share, false, {}, [&] { return conditions(how); });
        return;
    }
    enter_stage(how, state_.stage + 1);
}

/// Stay in the stage, and tell of it where the reason to stay is of another kind than before.
JOUST_FUNCTION void rollout_core::wait_in(const setting& how, canary_phase next)
{
    const canary_phase before = phase();
    if (before == next) {
        return;
    }
    enter_phase(next);
    const auto tell = [&](transition kind) {
        announce_decision(kind, state_.share, false, {}, [&] { return conditions(how); });
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
JOUST_FUNCTION trial_event rollout_core::event_of(transition kind, double before) const
{
    trial_event seen;
    seen.kind = kind;
    seen.stage = state_.stage;
    seen.share_before = before;
    seen.share_after = state_.share;
    seen.requests = seen_now_.requests();
    return seen;
}

/// Tell the listener of a transition. In a dry run it is told what would have been done.
JOUST_FUNCTION void rollout_core::tell(bool changed, trial_event& seen) const
{
    if (trial_.dry && seen.kind != transition::started) {
        std::string what{to_string(seen.kind)};
        what += seen.why.empty() ? "" : ": ";
        seen.why.insert(0, what);
        seen.kind = transition::dry_decision;
    }
    host_.announce(changed, seen);
}

/// Tell the listener of a transition that a person decided.
JOUST_FUNCTION void rollout_core::announce(transition kind, double before, bool changed, std::string_view who,
                                           std::string_view why) const noexcept
{
    if (!trial_.listens) {
        return;
    }
    try {
        trial_event seen = event_of(kind, before);
        seen.who = who;
        seen.why = why;
        tell(changed, seen);
    } catch (...) {
        trial_.live.ignore(ignored::listener_threw);  // Memory ran out.
    }
}

/// Tell the listener of a transition that the evidence decided. `evidence` lists the conditions that it was decided by, and
/// is asked only where the trial has a listener.
template <class Evidence>
void rollout_core::announce_decision(transition kind, double before, bool changed, std::string_view why,
                                     Evidence evidence) const noexcept
{
    if (!trial_.listens) {
        return;
    }
    try {
        trial_event seen = event_of(kind, before);
        seen.evidence = evidence();
        seen.why = why;
        const bool breaks = kind == transition::rolled_back || kind == transition::paused;
        for (const finding& f : found_.findings) {
            const metric_spec& spec = trial_.specs[f.metric];
            if (f.pair == 0 && (breaks ? &f == broken_guardrail()
                                       : kind == transition::held && (unjudged_ == &f || &spec == silent_))) {
                seen.guardrail = spec.name;
                seen.log_e = f.answer.log_e;
                seen.threshold = state_.breach_log_e[f.metric];
            }
        }
        tell(changed, seen);
    } catch (...) {
        trial_.live.ignore(ignored::listener_threw);  // Memory ran out.
    }
}

/// Visit the numbers that a look decides by, in the order in which they keep a stage waiting, for as long as `visit` returns true:
/// first those of a breach, then those of passing, each with what the stage waits for where the number is below its bound.
template <class Visit>
void rollout_core::visit_conditions(const setting& how, Visit visit) const
{
    using use = condition::use;
    const finding* const broken = broken_guardrail();
    const auto each_guardrail = [&](auto&& tell) {
        for (const finding& f : found_.findings) {
            if (f.pair == 0 && guards(trial_.specs[f.metric]) && !tell(f, trial_.specs[f.metric].name)) {
                return false;
            }
        }
        return true;
    };
    const auto pass = [&](blocker what, const char* name, std::string_view guardrail, double value,
                          double bound) { return visit(use::pass, what, name, guardrail, value, bound); };
    const auto holds = [&](blocker what, const char* name, std::string_view guardrail, bool good) {
        return pass(what, name, guardrail, good ? 1.0 : 0.0, 1.0);
    };
    const auto breaks = [&](const finding& f, std::string_view guardrail) {
        // An inference without e-values decides by p-values and posteriors.
        const double bound = state_.breach_log_e[f.metric];
        const bool by_e = !std::isnan(f.answer.log_e) && (&f == broken) == (f.answer.log_e >= bound);
        return by_e
                   ? visit(use::breach, blocker::nothing, "log e of harm", guardrail, f.answer.log_e, bound)
                   : visit(use::breach, blocker::nothing, "broken", guardrail, &f == broken ? 1.0 : 0.0, 1.0);
    };
    const auto is_judged = [&](const finding& f, std::string_view guardrail) {
        return holds(blocker::unjudged, "judged", guardrail, f.missing == gap::none);
    };
    const auto is_excluded = [&](const finding& f, std::string_view guardrail) {
        return pass(blocker::not_excluded, "log e against the harm to exclude", guardrail,
                    safety_.log_e(f.metric), -std::log(rules_.beta));
    };
    const bool all =
        each_guardrail(breaks) &&
        pass(blocker::no_requests, "requests of the challenger", {},
             static_cast<double>(seen_now_.requests(1)), 1.0) &&
        holds(blocker::mismatch, "traffic as planned", {}, !found_.mismatch) && each_guardrail(is_judged) &&
        holds(blocker::silent, "feedback keeps coming", {}, silent_in_stage() == nullptr) &&
        (!excludes() || each_guardrail(is_excluded)) &&
        holds(blocker::not_ready, "the ramp is ready", {}, host_.ready(progress_)) &&
        holds(blocker::not_ready, "enough feedback", {}, enough_feedback()) &&
        (!(rules_.units > 0.0) ||
         pass(blocker::not_ready, "units of the challenger", {}, progress_.units, rules_.units)) &&
        (!last_stage() ||
         pass(blocker::total_time, "seconds in all", {}, progress_.total_seconds, rules_.total_seconds)) &&
        (!excludes() || pass(blocker::irreversible, "failures that can be undone in time", {},
                             rules_.irreversible, risk(how)));
    if (all && next_share() >= rules_.approve_from) {
        static_cast<void>(pass(blocker::approval, "approved stages", {}, static_cast<double>(state_.approved),
                               static_cast<double>(state_.stage + 2)));
    }
}

/// List the numbers that a look decides by, so that a log can decide again by them.
JOUST_FUNCTION std::vector<condition> rollout_core::conditions(const setting& how) const
{
    std::vector<condition> listed;
    visit_conditions(how, [&listed](condition::use kind, blocker, const char* what,
                                    std::string_view guardrail, double value, double bound) {
        listed.push_back({kind, what, std::string{guardrail}, value, bound});
        return true;
    });
    return listed;
}

JOUST_FUNCTION blocker rollout_core::what_blocks(const setting& how)
{
    unjudged_ = found_.unjudged(0, trial_.specs);
    blocker first = blocker::nothing;
    visit_conditions(how, [&first](condition::use kind, blocker what, const char*, std::string_view,
                                   double value, double bound) {
        first = kind == condition::use::pass && !(value >= bound) ? what : blocker::nothing;
        return first == blocker::nothing;
    });
    silent_ = first == blocker::silent ? silent_in_stage() : nullptr;
    return first;
}

/// Collect what the ramp may ask about.
JOUST_FUNCTION void rollout_core::note_progress()
{
    const std::uint64_t served = seen_now_.requests(1);
    // Merged evidence may be older than the evidence at the start of the stage.
    progress_ = {.stage = state_.stage,
                 .requests = served > state_.stage_first_request ? served - state_.stage_first_request : 0,
                 .seconds = seconds_since(stage_began_),
                 .units = units(1),
                 .total_seconds = seconds_since(began_)};
    worst_ = nullptr;
    guardrails_.clear();
    double highest = 0.0;
    for (const finding& f : found_.findings) {
        const metric_spec& spec = trial_.specs[f.metric];
        if (f.pair != 0 || !guards(spec)) {
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
                               .values = values_in_stage(f.metric)});
    }
    progress_.highest_e = std::exp(highest);
    progress_.guardrails = guardrails_;
}

/// Return about how many failures more the next stage may bring before they are seen.
JOUST_FUNCTION double rollout_core::risk(const setting& how) const noexcept
{
    const double rate = requests_per_second();
    const double between_looks = std::fmin(rate * 1e-9 * static_cast<double>(look_schedule::longest_between),
                                           static_cast<double>(look_schedule::most_between));
    return safety_.at_risk(next_share() * between_looks, next_share() * rate * rules_.feedback_after,
                           seen_now_, how);
}

/// Return whether every guardrail that takes feedback has got a tenth as many values in this stage as the stage needs requests:
/// feedback may come for a part of the requests only.
JOUST_FUNCTION bool rollout_core::enough_feedback() const
{
    const std::uint64_t least_values = rules_.requests / 10;
    for (std::size_t m = 0; m < trial_.specs.size(); ++m) {
        if (guards(trial_.specs[m]) && trial_.specs[m].takes_feedback() && excludes() &&
            values_in_stage(m) < least_values) {
            return false;
        }
    }
    return true;
}

JOUST_FUNCTION double rollout_core::requests_per_second() const noexcept
{
    const double seconds = seconds_since(stage_began_);
    const double before = stage_requests_before_;
    const double now = static_cast<double>(seen_now_.requests());
    return seconds > 0.0 && now > before ? (now - before) / seconds : 0.0;
}

JOUST_FUNCTION void rollout_core::begin_stage()
{
    state_.stage_first_request = seen_now_.requests(1);
    stage_requests_before_ = static_cast<double>(seen_now_.requests());
    for (std::size_t m = 0; m < trial_.specs.size(); ++m) {
        state_.stage_values[m] = values_of(trial_.specs[m]);
    }
    stage_began_ = host_.now();
}

JOUST_FUNCTION void rollout_core::enter_stage(const setting& how, std::size_t stage)
{
    const double share = rules_.shares[stage];
    // What needs memory comes first, so that a stage is entered as a whole or not at all.
    share_step step{
        .requests = static_cast<double>(seen_now_.requests()), .share = share, .reason = passed_in_words()};
    state_.steps.reserve(state_.steps.size() + 2);
    std::vector<condition> evidence;
    if (trial_.listens) {
        evidence = conditions(how);
    }
    host_.prepare(share);
    const double before = state_.share;
    put_in_force(share);
    state_.stage = stage;
    begin_stage();
    state_.steps.push_back(std::move(step));
    // The champion serves no units any more at a share of 1, so this stage has nothing to compare.
    const bool whole = share >= 1.0;
    enter_phase(whole ? canary_phase::promoted : canary_phase::running);
    announce_decision(whole ? transition::promoted : transition::stage_entered, before, true,
                      state_.steps.back().reason, [&] { return std::move(evidence); });
}

JOUST_FUNCTION std::string rollout_core::passed_in_words() const
{
    std::string text = "advance: " + count_text(progress_.requests);
    text += excludes()
                ? " requests of the challenger, and the harm of the stage is excluded for every guardrail"
                : " requests without a broken guardrail";
    return text;
}

JOUST_FUNCTION std::string rollout_core::promotion_in_words() const
{
    const std::string& challenger = trial_.identity.models()[1];
    if (promoted_by_hand_) {
        return challenger + " was " + state_.steps.back().reason;
    }
    return challenger +
           (excludes()
                ? " has passed every stage of the ramp; every guardrail was judged, none is broken, and the harm stated for each is excluded"
                : " has passed every stage of the ramp; every guardrail was judged and none is broken. Harm that is too small to be proved in that time is not excluded, as on_no_harm accepts");
}

/// Return how many values the challenger has brought to a guardrail.
JOUST_FUNCTION std::uint64_t rollout_core::values_of(const metric_spec& spec) const
{
    const pair_evidence& pair = seen_now_.pairs.front();
    return spec.takes_feedback()           ? pair.series[spec.fed].challenger_count
           : spec.series == failure_series ? pair.series[exposure_series].challenger_count
                                           : seen_now_.arms[1].latency.count();
}

JOUST_FUNCTION std::uint64_t rollout_core::values_in_stage(std::size_t metric) const
{
    const std::uint64_t values = values_of(trial_.specs[metric]);
    const std::uint64_t before = state_.stage_values[metric];
    return values > before ? values - before : 0;
}

/// Return the first guardrail that hears less than a quarter as much of the challenger as in the stages before, or null.
JOUST_FUNCTION const metric_spec* rollout_core::silent_in_stage() const
{
    for (std::size_t m = 0; m < trial_.specs.size(); ++m) {
        const metric_spec& spec = trial_.specs[m];
        if (!guards(spec) || spec.series == failure_series) {
            continue;
        }
        const std::uint64_t came = values_in_stage(m);
        const double usual = share_of(state_.stage_values[m], state_.stage_first_request);
        if (came == 0 || 4.0 * static_cast<double>(came) < usual * static_cast<double>(progress_.requests)) {
            return &spec;
        }
    }
    return nullptr;
}

JOUST_FUNCTION std::string rollout_core::waiting(const setting& how, const report& out) const
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
            return "held, since the guardrail on " + gap_in_words(*unjudged_, seen_now_, how) + "; " + served;
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
void rollout_core::act_on_breach(Words words) noexcept
{
    withdraw(rules_.on_breach == breach::pause ? canary_phase::paused : canary_phase::rolled_back, words, {});
    resumed_after_breach_ = resumed_after_breach_ || rules_.on_breach == breach::pause;
}

/// Take the challenger out of service. The plan is published first, which allocates nothing, and the reason is put
/// into words afterwards.
template <class Words>
void rollout_core::withdraw(canary_phase into, Words words, std::string_view who) noexcept
{
    if (rolled_back()) {
        return;
    }
    const double before = state_.share;
    const bool changes = host_.serves_challenger();
    if (changes) {
        host_.withdraw();
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
        announce(kind, before, changes, who, state_.steps.back().reason);
        return;
    }
    announce_decision(kind, before, changes, state_.steps.back().reason, [&] {
        const setting how = setting_of_ramp();
        safety_.look(seen_now_, found_, how, rules_.beta, next_share(), units(1));
        note_progress();
        return conditions(how);
    });
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
