// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/core/utf8.hpp>
#include <joust/split/traffic_plan.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say what happened to a trial.
enum class transition : std::uint8_t {
    /// The trial began.
    started,
    /// A stage of the ramp began.
    stage_entered,
    /// A stage that would have been passed by now waits.
    held,
    /// What kept the stage waiting is over, or a person let a paused trial go on.
    resumed,
    /// The trial stands still until a person decides.
    paused,
    /// The next step needs the approval of a person.
    approval_asked,
    /// A person approved the next step.
    approved,
    /// The challenger passed the last stage, or a person promoted it.
    promoted,
    /// The challenger was taken out of service.
    rolled_back,
    /// A person ended the trial.
    aborted,
    /// Traffic is split by another plan.
    plan_replaced,
    /// Another model serves in the place of a model.
    model_replaced,
    /// The trial goes on from a state that was saved.
    restored,
    /// What the trial would have done if it were not a dry run.
    dry_decision,
    /// Another trial goes on with the models and the salt.
    handed_over,
    /// A remark of the caller.
    noted
};

/// Return the name of a transition as logs show it.
[[nodiscard]] constexpr std::string_view to_string(transition kind) noexcept
{
    switch (kind) {
        case transition::started: return "started";
        case transition::stage_entered: return "stage entered";
        case transition::held: return "held";
        case transition::resumed: return "resumed";
        case transition::paused: return "paused";
        case transition::approval_asked: return "approval asked";
        case transition::approved: return "approved";
        case transition::promoted: return "promoted";
        case transition::rolled_back: return "rolled back";
        case transition::aborted: return "aborted";
        case transition::plan_replaced: return "plan replaced";
        case transition::model_replaced: return "model replaced";
        case transition::restored: return "restored";
        case transition::dry_decision: return "dry decision";
        case transition::handed_over: return "handed over";
        case transition::noted: return "noted";
    }
    return "unknown";
}

/// The number of transitions.
inline constexpr std::size_t transitions = 16;

/// A number that a decision was made by, and the bound that it has to reach.
///
/// The decision follows from its conditions alone, so that it can be made again from a log: the challenger is taken out of
/// service where any condition of a breach holds, and otherwise a stage is passed where all conditions of passing hold.
struct condition {
    /// What the condition is for.
    enum class use : std::uint8_t { breach, pass };

    /// What the condition is for.
    use kind = use::pass;
    /// What the number is: "log e of harm", "log e against the excluded harm", "requests", "seconds", "judged".
    std::string what{};
    /// The guardrail, which is empty where the condition is of the whole trial.
    std::string guardrail{};
    /// The number.
    double value = std::numeric_limits<double>::quiet_NaN();
    /// The least value at which the condition holds.
    double bound = 0.0;

    /// Say whether the condition holds. It does not hold where the number is NaN.
    [[nodiscard]] constexpr bool holds() const noexcept { return value >= bound; }
    /// Compare all members. Two values that are NaN are equal.
    constexpr bool operator==(const condition& other) const noexcept
    {
        const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
        return kind == other.kind && what == other.what && guardrail == other.guardrail &&
               same(value, other.value) && same(bound, other.bound);
    }
};

/// What follows from the evidence of a look.
enum class consequence : std::uint8_t { hold, pass, breach };

/// Return the name of a consequence.
[[nodiscard]] constexpr std::string_view to_string(consequence what) noexcept
{
    return what == consequence::breach ? "breach" : what == consequence::pass ? "pass" : "hold";
}

/// Decide by conditions: a breach where any condition of a breach holds, and otherwise a pass where there are conditions of
/// passing and all of them hold.
[[nodiscard]] constexpr consequence decide_by(const std::vector<condition>& evidence) noexcept
{
    bool any = false;
    bool all = true;
    for (const condition& each : evidence) {
        if (each.kind == condition::use::breach) {
            if (each.holds()) {
                return consequence::breach;
            }
        } else {
            any = true;
            all = all && each.holds();
        }
    }
    return any && all ? consequence::pass : consequence::hold;
}

/// A transition of a trial: what happened, when, on which evidence, by whom and why.
///
/// `on_event(...)` brings events to a callable, and `audit_log` keeps them.
struct trial_event {
    /// The number of the event, counted from 0 in each process of the trial.
    std::uint64_t sequence = 0;
    /// The time.
    /// units: nanoseconds since 1970-01-01 UTC, or the trial's own clock where a trial is given one
    std::int64_t time = 0;
    /// What happened.
    transition kind = transition::noted;
    /// The name of the trial, which is its salt.
    std::string trial{};
    /// The stage of the ramp from now on, counted from 0.
    std::uint64_t stage = 0;
    /// The share of the challenger before.
    double share_before = 0.0;
    /// The share of the challenger from now on.
    double share_after = 0.0;
    /// The number of requests that the trial served so far.
    std::uint64_t requests = 0;
    /// The guardrail that decided, or an empty text.
    std::string guardrail{};
    /// The logarithm of the e-value that decided, or NaN.
    double log_e = std::numeric_limits<double>::quiet_NaN();
    /// The logarithm of the e-value that was needed, or NaN.
    double threshold = std::numeric_limits<double>::quiet_NaN();
    /// The harm of the deciding guardrail that is excluded by now, in the units of its margin, or NaN.
    double excluded = std::numeric_limits<double>::quiet_NaN();
    /// The numbers that the decision was made by. They are empty where a person decided.
    std::vector<condition> evidence{};
    /// The person or the program that decided, or an empty text where the trial did by its evidence.
    std::string who{};
    /// The reason in words.
    std::string why{};
    /// The digest of the plan in force from now on.
    std::uint64_t plan = 0;
    /// What tickets name that plan by.
    unsigned plan_in_tickets = 0;
    /// Whether rules stand before the plan, such as `when` or `overrides`, which no log can repeat.
    bool rules = false;
    /// Whether units are hashed under a secret, which no log has.
    bool keyed = false;
    /// The plan, where this event put it in force. Otherwise its version is 0.
    traffic_plan new_plan{};

    /// Say whether this event put a plan in force.
    [[nodiscard]] bool changes_plan() const noexcept { return new_plan.version != 0; }

    /// The style of `{}`.
    static constexpr style default_style = style::line;

    /// Append the event: as one JSON object, or in any other style as one line for people.
    void write(std::string& out, style how = default_style) const;

    /// Compare all members. Two numbers that are NaN are equal.
    bool operator==(const trial_event& other) const;
};

namespace detail {

/// Append the members of an event's JSON object, without its braces.
void append_event_members(std::string& out, const trial_event& seen);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

/// Write a number so that it reads back to the same value, also where it is infinite. NaN becomes null.
inline void write_exact(json_writer& json, std::string_view name, double number)
{
    if (number == std::numeric_limits<double>::infinity()) {
        json.member(name, "inf");
    } else if (number == -std::numeric_limits<double>::infinity()) {
        json.member(name, "-inf");
    } else {
        json.member(name, number);
    }
}

JOUST_FUNCTION void append_event_members(std::string& out, const trial_event& seen)
{
    json_writer json{out};
    json.member("event", to_string(seen.kind)).member("sequence", seen.sequence).member("time", seen.time);
    json.member("trial", seen.trial).member("stage", seen.stage);
    json.member("share_before", seen.share_before).member("share_after", seen.share_after);
    json.member("requests", seen.requests);
    json.member("who", seen.who).member("why", seen.why);
    if (!seen.guardrail.empty()) {
        json.member("guardrail", seen.guardrail);
        write_exact(json, "log_e", seen.log_e);
        write_exact(json, "threshold", seen.threshold);
        write_exact(json, "excluded", seen.excluded);
    }
    const auto hex = hex_text(seen.plan);
    json.member("plan", std::string_view{hex.data(), hex.size()});
    json.member("plan_in_tickets", seen.plan_in_tickets);
    if (seen.rules) {
        json.member("rules", true);
    }
    if (seen.keyed) {
        json.member("keyed", true);
    }
    if (!seen.evidence.empty()) {
        json.key("evidence").begin_array();
        for (const condition& each : seen.evidence) {
            json.begin_object();
            json.member("for", each.kind == condition::use::breach ? "breach" : "pass");
            json.member("what", each.what);
            if (!each.guardrail.empty()) {
                json.member("guardrail", each.guardrail);
            }
            write_exact(json, "value", each.value);
            write_exact(json, "bound", each.bound);
            json.end_object();
        }
        json.end_array();
    }
    if (seen.changes_plan()) {
        json.key("new_plan");
        seen.new_plan.write(out, style::json);
    }
}

}  // namespace detail

JOUST_FUNCTION void trial_event::write(std::string& out, style how) const
{
    if (how == style::json) {
        out += '{';
        detail::append_event_members(out, *this);
        out += '}';
        return;
    }
    append_clean(out, trial);
    out += ": ";
    out += to_string(kind);
    if (share_before != share_after) {
        out += ", share ";
        append_percent(out, share_before, 2);
        out += " -> ";
        append_percent(out, share_after, 2);
    }
    out += ", after " + std::to_string(requests) + " requests";
    if (!who.empty()) {
        out += ", by ";
        append_clean(out, who);
    }
    if (!why.empty()) {
        out += ": ";
        append_clean(out, why);
    }
}

JOUST_FUNCTION bool trial_event::operator==(const trial_event& other) const
{
    const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
    return sequence == other.sequence && time == other.time && kind == other.kind && trial == other.trial &&
           stage == other.stage && same(share_before, other.share_before) &&
           same(share_after, other.share_after) && requests == other.requests &&
           guardrail == other.guardrail && same(log_e, other.log_e) && same(threshold, other.threshold) &&
           same(excluded, other.excluded) && evidence == other.evidence && who == other.who &&
           why == other.why && plan == other.plan && plan_in_tickets == other.plan_in_tickets &&
           rules == other.rules && keyed == other.keyed && new_plan == other.new_plan;
}

#endif

}  // namespace v0
}  // namespace joust
