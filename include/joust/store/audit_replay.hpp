// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/store/audit_log.hpp>
#include <joust/store/json.hpp>
#include <joust/store/plan_file.hpp>
#include <joust/ticket/ticket.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// A transition of an audit log, with the line of the file that has it.
struct audited_event {
    /// The line of the file, counted from 1.
    std::uint64_t line = 0;
    /// The transition.
    trial_event event{};
    bool operator==(const audited_event&) const = default;
};

/// Read the transitions of an audit log. It checks neither digests nor order, which `verify` does.
/// errors: parse_error that names the line and the member, for any bytes
[[nodiscard]] std::vector<audited_event> read_audit(std::string_view log);

/// A request whose arm is computed again.
struct replay_request {
    /// The unit's pseudonym, from `pseudonym_of(salt, unit)`, an event log or a ticket.
    std::uint64_t pseudonym = 0;
    /// When the request came, by the clock of the log's events. A request of a ticket has none.
    /// units: nanoseconds
    std::int64_t time = 0;
    /// Whether the members below come from a ticket, which names the plan itself.
    bool from_ticket = false;
    /// What the ticket says of the plan, the arm and the probability of the arm.
    unsigned plan_in_tickets = 0;
    unsigned arm = 0;
    float propensity = 0.0F;
    /// The time of the ticket, in seconds since 1970-01-01 UTC.
    std::uint32_t seconds = 0;
};

/// Return a request of a unit at a time. `trial` is the salt of the trial, with its secret if it has one.
template <unit_like Unit>
[[nodiscard]] replay_request request_of(const salt& trial, const Unit& unit, std::int64_t time)
{
    return {.pseudonym = pseudonym_of(trial, unit), .time = time};
}

/// Return the request that a ticket was given out for. A signed ticket has to be opened first.
/// errors: configuration_error for a ticket without an arm
[[nodiscard]] replay_request request_of(const ticket& given);

/// The arm of a request, computed again.
struct replayed_assignment {
    /// Whether a plan of the log was found for the request.
    bool known = false;
    /// The line of the log that put the plan in force.
    std::uint64_t line = 0;
    /// The arm.
    unsigned arm = 0;
    /// The share of the arm, which is its probability.
    double propensity = 0.0;
    /// Whether the ticket says the same. It is true where the request has no ticket.
    bool agrees = true;
    bool operator==(const replayed_assignment&) const = default;
};

/// A transition, decided again by the evidence that the log has of it.
struct replayed_transition {
    /// The line of the log.
    std::uint64_t line = 0;
    /// What happened.
    transition kind = transition::noted;
    /// Whether a person decided, or the transition is not a decision by evidence. There is nothing to decide again then.
    bool by_hand = false;
    /// What follows from the evidence.
    consequence follows = consequence::hold;
    /// Whether what happened is what follows.
    bool agrees = true;
    bool operator==(const replayed_transition&) const = default;
};

/// What a replay of an audit log gave.
struct audit_replay {
    /// One assignment for each request, in the order of the requests.
    std::vector<replayed_assignment> assignments;
    /// The transitions of the log.
    std::vector<replayed_transition> transitions;

    /// Say whether every request has a plan and every assignment and every decision came out as it was.
    [[nodiscard]] bool agrees() const noexcept
    {
        for (const replayed_assignment& each : assignments) {
            if (!each.known || !each.agrees) {
                return false;
            }
        }
        for (const replayed_transition& each : transitions) {
            if (!each.agrees) {
                return false;
            }
        }
        return true;
    }
};

/// Options of replay.
struct replay_options {
    /// The name of the trial, where the log has transitions of several. It is not needed where there is one.
    std::string trial{};
    /// How the log is checked before it is used.
    audit_check check{};
};

/// Repeat every assignment and every decision of a trial from its audit log, bit for bit.
///
/// The log has each plan with its shares, and slots where the splitter has them, from the moment it was put in force. The arm of a
/// request follows from the plan and the unit's pseudonym alone. A ticket names its plan, so that its arm is found whatever the
/// time; a request that has only a time gets the plan that was in force then. While threads serve, requests of the same
/// microsecond as a change of plans can have had either, so that tickets are the better record.
/// A decision follows from the conditions that the log has of it (`decide_by`): a rollback from a breach, a stage or a promotion
/// from a pass, waiting from neither. That shows that the decision is right for these numbers. That the numbers are right for the
/// traffic is shown by the evidence, or by an event log.
/// errors: parse_error where the log has a fault or a line that cannot be read; configuration_error for a log of several trials
/// without a name, and for plans with rules in front of them (`when`, `overrides`), which no log can repeat
/// cost: about 80 us for each line, and 20 ns for each request
[[nodiscard]] audit_replay replay(std::string_view log, std::span<const replay_request> requests,
                                  const replay_options& options = {});

namespace detail {

/// Reads one transition.
class audit_event_reader {
public:
    audit_event_reader(const nlohmann::json& object, std::uint64_t line) : object_(object), line_(line) {}

    [[nodiscard]] trial_event read() const
    {
        trial_event seen;
        seen.kind = kind();
        seen.sequence = whole<std::uint64_t>("sequence");
        seen.time = whole<std::int64_t>("time");
        seen.trial = text("trial");
        seen.stage = whole<std::uint64_t>("stage");
        seen.share_before = number(object_, "share_before");
        seen.share_after = number(object_, "share_after");
        seen.requests = whole<std::uint64_t>("requests");
        seen.who = text("who");
        seen.why = text("why");
        if (object_.contains("guardrail")) {
            seen.guardrail = text("guardrail");
            seen.log_e = number(object_, "log_e");
            seen.threshold = number(object_, "threshold");
            seen.excluded = number(object_, "excluded");
        }
        if (!parse_hex(text("plan"), seen.plan)) {
            refuse("plan", "is not 16 hexadecimal digits");
        }
        seen.plan_in_tickets = static_cast<unsigned>(whole<std::uint64_t>("plan_in_tickets") & 127U);
        seen.rules = truth("rules");
        seen.keyed = truth("keyed");
        read_evidence(seen);
        if (const auto found = object_.find("new_plan"); found != object_.end()) {
            seen.new_plan = plan_of(*found);
        }
        return seen;
    }

private:
    [[noreturn]] void refuse(const char* name, const char* what) const
    {
        refuse_line(static_cast<std::size_t>(line_), "the member \"" + std::string{name} + "\" " + what);
    }

    [[nodiscard]] const nlohmann::json& at(const nlohmann::json& object, const char* name) const
    {
        const auto found = object.find(name);
        if (found == object.end()) {
            refuse(name, "is missing");
        }
        return *found;
    }

    [[nodiscard]] std::string text(const char* name) const { return text(object_, name); }
    [[nodiscard]] std::string text(const nlohmann::json& object, const char* name) const
    {
        const nlohmann::json& value = at(object, name);
        if (!value.is_string()) {
            refuse(name, "is not text");
        }
        return value.get<std::string>();
    }

    template <class Number>
    [[nodiscard]] Number whole(const char* name) const
    {
        const nlohmann::json& value = at(object_, name);
        const bool fits =
            std::is_signed_v<Number>
                ? value.is_number_integer() &&
                      !(value.is_number_unsigned() &&
                        value.get<std::uint64_t>() >
                            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                : value.is_number_unsigned();
        if (!fits) {
            refuse(name, "is not a whole number of its kind");
        }
        return value.get<Number>();
    }

    /// Read what `write_exact` wrote.
    [[nodiscard]] double number(const nlohmann::json& object, const char* name) const
    {
        const nlohmann::json& value = at(object, name);
        if (value.is_null()) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        if (value == "inf" || value == "-inf") {
            return value == "inf" ? std::numeric_limits<double>::infinity()
                                  : -std::numeric_limits<double>::infinity();
        }
        if (!value.is_number()) {
            refuse(name, "is not a number");
        }
        return value.get<double>();
    }

    [[nodiscard]] bool truth(const char* name) const
    {
        const auto found = object_.find(name);
        if (found != object_.end() && !found->is_boolean()) {
            refuse(name, "is neither true nor false");
        }
        return found != object_.end() && found->get<bool>();
    }

    [[nodiscard]] transition kind() const
    {
        const std::string name = text("event");
        for (std::size_t i = 0; i < transitions; ++i) {
            if (name == to_string(static_cast<transition>(i))) {
                return static_cast<transition>(i);
            }
        }
        refuse("event", "is not the name of a transition");
    }

    void read_evidence(trial_event& seen) const
    {
        const auto found = object_.find("evidence");
        if (found == object_.end()) {
            return;
        }
        if (!found->is_array()) {
            refuse("evidence", "is not a list");
        }
        for (const nlohmann::json& each : *found) {
            if (!each.is_object()) {
                refuse("evidence", "holds something that is not a condition");
            }
            condition next;
            const std::string what_for = text(each, "for");
            if (what_for != "breach" && what_for != "pass") {
                refuse("for", "is neither \"breach\" nor \"pass\"");
            }
            next.kind = what_for == "breach" ? condition::use::breach : condition::use::pass;
            next.what = text(each, "what");
            if (each.contains("guardrail")) {
                next.guardrail = text(each, "guardrail");
            }
            next.value = number(each, "value");
            next.bound = number(each, "bound");
            seen.evidence.push_back(std::move(next));
        }
    }

    [[nodiscard]] traffic_plan plan_of(const nlohmann::json& value) const
    {
        if (!value.is_object()) {
            refuse("new_plan", "is not a plan");
        }
        try {
            plan_reader reader;
            for (const auto& [key, member] : value.items()) {
                reader.read(key, member);
            }
            return reader.finish();
        } catch (const parse_error& wrong) {
            refuse_line(static_cast<std::size_t>(line_), wrong.what());
        }
    }

    const nlohmann::json& object_;
    std::uint64_t line_;
};

/// Find the hash of a unit by its pseudonym, which is a bijection of it.
[[nodiscard]] constexpr std::uint64_t hash_of_pseudonym(std::uint64_t pseudonym) noexcept
{
    constexpr std::uint64_t times = 0x9e3779b97f4a7c15U;
    std::uint64_t inverse =
        times;  // Newton's steps double the number of bits that are right, of which the first three are.
    for (int step = 0; step < 5; ++step) {
        inverse *= 2U - times * inverse;
    }
    return (pseudonym * inverse) ^ (pseudonym_of(0) * inverse);
}

/// A plan of a log, laid out as its trial did.
struct plan_in_log {
    std::uint64_t line;
    std::int64_t time;
    unsigned in_tickets;
    slot_plan split;
    /// The shares to the last bit, as tickets have them.
    share_list shares;
};

/// Lay a plan of a log out.
/// errors: parse_error for a plan that cannot be
[[nodiscard]] inline plan_in_log laid_out(const audited_event& seen)
{
    const traffic_plan& plan = seen.event.new_plan;
    try {
        plan_in_log out{seen.line,
                        seen.event.time,
                        seen.event.plan_in_tickets,
                        {},
                        checked_shares("plan.shares", plan.shares, plan.shares.size())};
        const std::size_t arms = out.shares.size();
        if (plan.stopped) {
            out.shares = all_to_champion(arms);
        }
        if (plan.stopped || plan.slots.empty()) {
            out.split = slot_plan{hash_plan{out.shares}};
        } else {
            out.split = slot_split{{}, out.shares, plan.slots}.resolve(arms);
            share_list exact;
            for (std::size_t arm = 0; arm < arms; ++arm) {
                exact.push_back(out.split.share(arm));
            }
            out.shares = exact;
        }
        return out;
    } catch (const configuration_error& wrong) {
        refuse_line(static_cast<std::size_t>(seen.line), wrong.what());
    }
}

/// Return the plan that served a request, or null.
[[nodiscard]] inline const plan_in_log* plan_for(const std::vector<plan_in_log>& plans,
                                                 const replay_request& request)
{
    const plan_in_log* found = nullptr;
    for (const plan_in_log& each : plans) {
        if (!request.from_ticket) {
            if (each.time <= request.time) {
                found = &each;
            }
        } else if (each.in_tickets == request.plan_in_tickets && request.arm < each.shares.size() &&
                   static_cast<float>(each.shares[request.arm]) == request.propensity) {
            // Numbers in tickets come round after 128 plans. The latest one that had begun by then is meant.
            if (found == nullptr || each.time / 1'000'000'000 <= std::int64_t{request.seconds}) {
                found = &each;
            }
        }
    }
    return found;
}

/// Decide a transition again.
[[nodiscard]] inline replayed_transition decided_again(const audited_event& seen)
{
    const trial_event& event = seen.event;
    replayed_transition out{.line = seen.line, .kind = event.kind};
    switch (event.kind) {
        case transition::stage_entered:
        case transition::promoted:
        case transition::approval_asked:
        case transition::rolled_back:
        case transition::paused:
        case transition::held: out.by_hand = !event.who.empty(); break;
        default: out.by_hand = true;
    }
    if (out.by_hand) {
        return out;
    }
    out.follows = decide_by(event.evidence);
    const consequence happened = event.kind == transition::rolled_back || event.kind == transition::paused
                                     ? consequence::breach
                                 : event.kind == transition::held ? consequence::hold
                                                                  : consequence::pass;
    out.agrees = out.follows == happened;
    return out;
}

}  // namespace detail

[[nodiscard]] inline std::vector<audited_event> read_audit(std::string_view log)
{
    std::vector<audited_event> all;
    for (std::size_t line = 1; !log.empty(); ++line) {
        const std::size_t end = log.find('\n');
        const std::string_view text = log.substr(0, end);
        log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
        if (text.size() > 2 * detail::most_line_bytes) {
            detail::refuse_line(line, "longer than 2 MiB");
        }
        const detail::parsed_json parsed = detail::parse_json(text);
        if (parsed.trouble != nullptr) {
            detail::refuse_line(line, parsed.words());
        }
        if (!parsed.value.is_object()) {
            detail::refuse_line(line, "not a JSON object");
        }
        if (parsed.value.contains("event")) {
            all.push_back({line, detail::audit_event_reader{parsed.value, line}.read()});
        }
    }
    return all;
}

[[nodiscard]] inline replay_request request_of(const ticket& given)
{
    if (!given.names_arm()) {
        throw configuration_error("ticket", "without an arm", "a ticket of an A/B test or a canary");
    }
    return {.pseudonym = given.unit(),
            .from_ticket = true,
            .plan_in_tickets = given.plan() & 127U,
            .arm = given.arm(),
            .propensity = given.propensity(),
            .seconds = given.seconds()};
}

[[nodiscard]] inline audit_replay replay(std::string_view log, std::span<const replay_request> requests,
                                         const replay_options& options)
{
    if (const audit_finding found = verify(log, options.check); !found.ok()) {
        std::string why;
        found.write(why);
        throw parse_error("the audit log cannot be replayed: " + why);
    }
    audit_replay out;
    std::vector<detail::plan_in_log> plans;
    std::string name = options.trial;
    for (const audited_event& each : read_audit(log)) {
        const trial_event& event = each.event;
        if (name.empty()) {
            name = event.trial;
        }
        if (event.trial != name) {
            if (options.trial.empty()) {
                throw configuration_error("replay.trial",
                                          "not given for a log of '" + name + "' and '" + event.trial + "'",
                                          "the name of one of them");
            }
            continue;
        }
        out.transitions.push_back(detail::decided_again(each));
        if (event.changes_plan()) {
            if (event.rules && !requests.empty()) {
                throw configuration_error(
                    "replay", "of a trial with rules or a splitter of its own",
                    "trials whose plans say everything: hash_split, slot_split, bandits");
            }
            plans.push_back(detail::laid_out(each));
        }
    }
    out.assignments.reserve(requests.size());
    for (const replay_request& request : requests) {
        replayed_assignment next;
        if (const detail::plan_in_log* plan = detail::plan_for(plans, request)) {
            next.known = true;
            next.line = plan->line;
            next.arm = plan->split.arm_of(detail::hash_of_pseudonym(request.pseudonym));
            next.propensity = plan->shares[next.arm];
            next.agrees = !request.from_ticket || next.arm == request.arm;
        }
        out.assignments.push_back(next);
    }
    return out;
}

}  // namespace v0
}  // namespace joust
