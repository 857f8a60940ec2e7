// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/report/harm_in_words.hpp>
#include <joust/stats/planning/canary_plan.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {

/// Hold the plan of a canary with what it foretells. It prints itself as one line, as tables, as Markdown or as JSON; html() of
/// forecast_page.hpp draws it.
struct canary_forecast {
    /// What was planned.
    stats::planned_canary plan{};
    /// What the plan foretells.
    stats::canary_outlook outlook{};

    /// Append the forecast in one of the styles.
    ///
    /// shape: in JSON `"joust_canary_plan": 1` is the version of the format. Members may be added within a version; none is
    /// renamed or removed. A number that is unknown or infinite is null: "not within the longest time".
    void write(std::string& out, style how) const;
};

/// Foretell a canary (see `stats::plan_canary`), and keep the plan beside the answer.
/// cost: as plan_canary
[[nodiscard]] inline canary_forecast forecast(stats::planned_canary plan)
{
    stats::canary_outlook outlook = stats::plan_canary(plan);
    return {std::move(plan), std::move(outlook)};
}

namespace detail {

/// Append a harm in words: "+0.5 pp or x 1.5", of which the larger counts.
void append_harm(std::string& out, const stats::planned_guardrail& watch, const stats::excluded_harm& harm);

/// Append a number of requests and the time that they take, or "not in 30 days".
void append_requests(std::string& out, const canary_forecast& shown, double requests);

/// Append a share with the decimals that small shares need.
inline void append_share(std::string& out, double share)
{
    append_percent(out, share, share >= 0.1 ? 0 : share >= 0.01 ? 1 : 3);
}

/// The name of a guardrail, or what holds a stage where it is none.
[[nodiscard]] inline std::string_view guardrail_name(const canary_forecast& shown, std::size_t which)
{
    return which < shown.plan.guardrails.size() ? std::string_view{shown.plan.guardrails[which].name}
                                                : std::string_view{"least requests and time"};
}

/// Append one sentence about units, or nothing where there are enough.
void append_feasibility(std::string& out, const canary_forecast& shown);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

inline void append_time(std::string& out, double seconds)
{
    constexpr double minute = 60.0, hour = 3'600.0, day = 86'400.0;
    if (seconds < minute) {
        append_number(out, seconds, 2);
        out += " s";
    } else if (seconds < 2.0 * hour) {
        append_number(out, seconds / minute, 2);
        out += " min";
    } else if (seconds < 2.0 * day) {
        append_number(out, seconds / hour, 2);
        out += " h";
    } else {
        append_number(out, seconds / day, 2);
        out += " days";
    }
}

JOUST_FUNCTION void append_harm(std::string& out, const stats::planned_guardrail& watch,
                                const stats::excluded_harm& harm)
{
    append_harm(out, harm, watch.kind == stats::watched::events ? "%" : "worse");
}

JOUST_FUNCTION void append_requests(std::string& out, const canary_forecast& shown, double requests)
{
    if (!std::isfinite(requests)) {
        out += std::isnan(requests) ? "-" : "not in ";
        if (!std::isnan(requests)) {
            append_time(out, 86'400.0 * shown.plan.longest_days);
        }
        return;
    }
    append_count(out, static_cast<std::uint64_t>(requests));
    out += " (";
    append_time(out, requests / shown.plan.requests_per_second);
    out += ')';
}

JOUST_FUNCTION void append_feasibility(std::string& out, const canary_forecast& shown)
{
    for (const stats::stage_outlook& stage : shown.outlook.stages) {
        if (stage.feasible()) {
            continue;
        }
        out += "The stage of ";
        append_share(out, stage.share);
        out += " needs ";
        append_count(out, static_cast<std::uint64_t>(std::ceil(stage.units_needed)));
        out += " of the challenger's units and can have ";
        append_count(out, static_cast<std::uint64_t>(stage.units_there));
        out += "; more time does not help.";
        if (std::isnan(shown.outlook.first_share)) {
            out += " No share has enough units: exclude a larger harm, or let a person approve.";
        } else {
            out += " The first share with enough units is ";
            append_share(out, shown.outlook.first_share);
            out += '.';
        }
        return;
    }
}

inline void append_end(std::string& out, const canary_forecast& shown, const stats::rollout_outlook& of)
{
    const bool equal = of.guardrail >= shown.plan.guardrails.size();
    append_percent(out, of.shipped);
    out += " shipped, ";
    append_percent(out, of.rolled_back);
    out += " rolled back; half are ";
    out += equal ? "shipped within " : "stopped within ";
    append_requests(out, shown, of.requests);
}

inline void append_load(std::string& out, const stats::canary_outlook& outlook)
{
    const auto part = [&](std::string_view name, double value, double unit, std::string_view unit_name) {
        if (!std::isnan(value)) {
            out += out.empty() ? "" : "; ";
            out += name;
            append_number(out, value / unit, 3);
            out += unit_name;
        }
    };
    part("memory ", outlook.memory_bytes, 1024.0 * 1024.0, " MiB");
    part("processor time ", outlook.cpu_seconds_per_day, 1.0, " s a day");
    part("log ", outlook.log_bytes_per_day, 1024.0 * 1024.0, " MiB a day");
}

[[nodiscard]] inline text_table table_of_stages(const canary_forecast& shown)
{
    using enum text_table::align;
    text_table table{{"share", right},
                     {"equal challenger: half within", right},
                     {"90 % within", right},
                     {"goes on", right},
                     {"held by"},
                     {"units needed", right},
                     {"units", right}};
    std::string text;
    const auto cell = [&](auto fill) {
        text.clear();
        fill();
        table.cell(text);
    };
    for (const stats::stage_outlook& stage : shown.outlook.stages) {
        cell([&] { append_share(text, stage.share); });
        cell([&] { append_requests(text, shown, stage.requests); });
        cell([&] { append_requests(text, shown, stage.requests_p90); });
        cell([&] { append_percent(text, stage.passed); });
        table.cell(guardrail_name(shown, stage.held_by));
        cell([&] { append_count(text, static_cast<std::uint64_t>(std::ceil(stage.units_needed))); });
        cell([&] {
            if (std::isfinite(stage.units_there)) {
                append_count(text, static_cast<std::uint64_t>(stage.units_there));
            } else {
                text += '-';
            }
        });
    }
    return table;
}

[[nodiscard]] inline text_table table_of_catches(const canary_forecast& shown)
{
    using enum text_table::align;
    text_table table{{"guardrail"},          {"harm"},
                     {"at share", right},    {"80 % stopped within", right},
                     {"95 % within", right}, {"additional failures", right}};
    std::string text;
    const auto cell = [&](auto fill) {
        text.clear();
        fill();
        table.cell(text);
    };
    for (std::size_t g = 0; g < shown.plan.guardrails.size(); ++g) {
        const stats::planned_guardrail& watch = shown.plan.guardrails[g];
        for (const stats::stage_outlook& stage : shown.outlook.stages) {
            const stats::caught_harm& caught = stage.caught[g];
            table.cell(watch.name);
            cell([&] { append_harm(text, watch, stats::harm_of(watch)); });
            cell([&] { append_share(text, stage.share); });
            cell([&] { append_requests(text, shown, caught.requests_80); });
            cell([&] { append_requests(text, shown, caught.requests_95); });
            cell([&] { append_number(text, caught.extra_events, 3); });
        }
    }
    return table;
}

[[nodiscard]] inline text_table table_of_ends(const canary_forecast& shown)
{
    using enum text_table::align;
    text_table table{{"challenger"},         {"shipped", right},
                     {"rolled back", right}, {"half end within", right},
                     {"80 % within", right}, {"95 % within", right}};
    std::string text;
    const auto cell = [&](auto fill) {
        text.clear();
        fill();
        table.cell(text);
    };
    const auto row = [&](const stats::rollout_outlook& of) {
        cell([&] {
            if (of.guardrail >= shown.plan.guardrails.size()) {
                text += "equal";
                return;
            }
            const stats::planned_guardrail& watch = shown.plan.guardrails[of.guardrail];
            text += watch.name;
            text += ' ';
            append_harm(text, watch, stats::harm_of(watch));
        });
        cell([&] { append_percent(text, of.shipped); });
        cell([&] { append_percent(text, of.rolled_back); });
        cell([&] { append_requests(text, shown, of.requests); });
        cell([&] { append_requests(text, shown, of.requests_80); });
        cell([&] { append_requests(text, shown, of.requests_95); });
    };
    row(shown.outlook.equal);
    for (const stats::rollout_outlook& of : shown.outlook.harmful) {
        row(of);
    }
    return table;
}

inline void write_forecast_json(const canary_forecast& shown, std::string& out)
{
    const stats::planned_canary& plan = shown.plan;
    const stats::canary_outlook& outlook = shown.outlook;
    json_writer json{out};
    const auto harm = [&](std::string_view name, const stats::excluded_harm& value) {
        json.key(name).begin_object().member("increase", value.increase).member("ratio", value.ratio);
        json.end_object();
    };
    json.begin_object().member("joust_canary_plan", 1).member("status", to_string(outlook.state));
    json.member("alpha", plan.alpha).member("beta", plan.beta);
    json.member("requests_per_second", plan.requests_per_second).member("units", plan.units);
    json.member("longest_days", plan.longest_days).member("rollouts", outlook.rollouts);
    json.key("guardrails").begin_array();
    for (const stats::planned_guardrail& watch : plan.guardrails) {
        constexpr std::string_view kinds[] = {"events", "mean", "latency"};
        json.begin_object().member("name", watch.name);
        json.member("kind", kinds[static_cast<std::size_t>(watch.kind)]).member("level", watch.level);
        harm("allowed", watch.allowed);
        harm("exclude", watch.exclude);
        harm("harm", stats::harm_of(watch));
        json.member("lag_seconds", watch.lag_seconds).end_object();
    }
    json.end_array().key("stages").begin_array();
    for (const stats::stage_outlook& stage : outlook.stages) {
        json.begin_object().member("share", stage.share).member("requests", stage.requests);
        json.member("requests_p90", stage.requests_p90).member("passed", stage.passed);
        json.member("held_by", guardrail_name(shown, stage.held_by));
        json.member("units_needed", stage.units_needed).member("units_there", stage.units_there);
        json.member("feasible", stage.feasible()).key("caught").begin_array();
        for (const stats::caught_harm& caught : stage.caught) {
            json.begin_object().member("guardrail", guardrail_name(shown, caught.guardrail));
            json.member("requests_80", caught.requests_80).member("requests_95", caught.requests_95);
            json.member("extra_events", caught.extra_events).end_object();
        }
        json.end_array().end_object();
    }
    json.end_array();
    const auto end = [&](const stats::rollout_outlook& of) {
        json.begin_object();
        if (of.guardrail < plan.guardrails.size()) {
            json.member("guardrail", guardrail_name(shown, of.guardrail));
        }
        json.member("shipped", of.shipped).member("rolled_back", of.rolled_back);
        json.member("requests", of.requests).member("requests_80", of.requests_80);
        json.member("requests_95", of.requests_95).end_object();
    };
    json.key("equal");
    end(outlook.equal);
    json.key("harmful").begin_array();
    for (const stats::rollout_outlook& of : outlook.harmful) {
        end(of);
    }
    json.end_array().member("first_share", outlook.first_share);
    json.member("memory_bytes", outlook.memory_bytes);
    json.member("cpu_seconds_per_day", outlook.cpu_seconds_per_day);
    json.member("log_bytes_per_day", outlook.log_bytes_per_day).end_object();
}

}  // namespace detail

JOUST_FUNCTION void canary_forecast::write(std::string& out, style how) const
{
    if (how == style::json) {
        detail::write_forecast_json(*this, out);
        return;
    }
    if (outlook.state != status::ok) {
        out += "canary plan: ";
        out += to_string(outlook.state);
        out += how == style::line ? "" : "\n";
        return;
    }
    if (how == style::line) {
        out += "canary plan: an equal challenger: ";
        detail::append_end(out, *this, outlook.equal);
        return;
    }
    const bool markdown = how == style::markdown;
    const auto paragraph = [&](const std::string& text) {
        if (!text.empty()) {
            out += text;
            out += markdown ? "\n\n" : "\n";
        }
    };
    const auto part = [&](std::string_view title, const text_table& table) {
        out += markdown ? "**" : "";
        out += title;
        out += markdown ? "**\n\n" : "\n";
        if (markdown) {
            table.write_markdown(out);
        } else {
            table.write_text(out);
        }
        out += markdown ? "\n" : "";
    };
    part("How rollouts end", detail::table_of_ends(*this));
    part("Stages", detail::table_of_stages(*this));
    part("A harm that begins with a stage", detail::table_of_catches(*this));
    std::string text;
    detail::append_feasibility(text, *this);
    paragraph(text);
    text.clear();
    detail::append_load(text, outlook);
    paragraph(text);
}

#endif

}  // namespace v0
}  // namespace joust
