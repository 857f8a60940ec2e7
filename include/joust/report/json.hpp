// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/json.hpp>
#include <joust/report/report.hpp>
#include <joust/report/suppress.hpp>
#include <joust/report/words.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Append a report as one JSON object, on one line.
///
/// Numbers are raw: proportions are between 0 and 1, latencies in milliseconds.
/// shape: `"joust_report": 1` is the version of the format. Members may be added within a version; none is renamed or
/// removed. A number that is unknown or infinite is null. An interval without a bound says so in `"unbounded"`:
/// "below", "above" or "both". An e-value that is too large for a double is written as the largest double.
void write_json(const report& full, std::string& out, std::uint64_t min_units = default_min_units);

#if JOUST_BODIES

namespace detail {

inline void write_arms(json_writer& json, const report& shown)
{
    json.key("arms").begin_array();
    for (const arm_row& arm : shown.arms) {
        json.begin_object().member("model", arm.model).member("share", arm.share);
        if (arm.suppressed) {
            json.key("requests").null().key("failures").null();
            json.key("units").null().member("suppressed", true);
        } else {
            json.member("requests", arm.requests).member("failures", arm.failures).member("units", arm.units);
        }
        json.end_object();
    }
    json.end_array();
}

inline void write_metric(json_writer& json, const metric_row& row)
{
    const auto infinite = [](double bound) { return known(bound) && !printable_number(bound); };
    const bool below = infinite(row.lower);
    const bool above = infinite(row.upper);
    json.begin_object();
    json.member("metric", row.metric).member("arm", row.arm).member("role", row.role);
    json.member("method", row.method).member("status", to_string(row.state));
    json.member("standing", to_string(standing_of(row)));
    json.member("champion", row.champion).member("challenger", row.challenger);
    json.member("estimate", row.estimate).member("lower", row.lower).member("upper", row.upper);
    if (below || above) {
        json.member("unbounded", below && above ? "both" : below ? "below" : "above");
    }
    json.member("level", row.level).member("p_value", row.p_value);
    json.member("e_value", row.e_value > 0.0 && infinite(row.e_value) ? std::numeric_limits<double>::max()
                                                                      : row.e_value);
    json.member("margin", row.margin).member("reference", row.reference);
    json.member("better", row.better > 0 ? "up" : row.better < 0 ? "down" : "");
    json.member("unit", row.unit);
    if (known(row.champion_feedback) || known(row.challenger_feedback)) {
        json.member("champion_feedback", row.champion_feedback);
        json.member("challenger_feedback", row.challenger_feedback);
    }
    if (!row.validity.empty()) {
        json.member("validity", row.validity);
        json.member("e_value_now", row.e_value_now > 0.0 && infinite(row.e_value_now)
                                       ? std::numeric_limits<double>::max()
                                       : row.e_value_now);
        json.member("e_value_needed", row.e_value_needed);
        json.member("decides", row.decides);
    }
    if (row.suppressed) {
        json.member("suppressed", true);
    }
    json.end_object();
}

inline void write_latencies(json_writer& json, const report& shown)
{
    json.key("latencies").begin_array();
    for (const latency_row& row : shown.latencies) {
        json.begin_object().member("model", row.model);
        if (row.suppressed) {
            json.member("suppressed", true);
        } else {
            json.member("count", row.count).member("p50", row.p50).member("p90", row.p90);
            json.member("p95", row.p95).member("p99", row.p99).member("p999", row.p999);
            json.member("max", row.max);
            if (!row.enough_for(0.999)) {
                json.key("too_few").begin_array();
                for_quantiles(row, [&, place = std::size_t{0}](double, bool enough) mutable {
                    constexpr const char* names[] = {"p50", "p90", "p95", "p99", "p999", "max"};
                    if (const char* name = names[place++]; !enough) {
                        json.value(name);
                    }
                });
                json.end_array();
            }
        }
        json.end_object();
    }
    json.end_array();
}

/// Write the course as one list of each number, in the order of the looks.
inline void write_course(json_writer& json, const course& seen)
{
    const auto list = [&json, &seen](std::string_view name, auto value_of) {
        json.key(name).begin_array();
        for (std::size_t i = 0; i < seen.size(); ++i) {
            json.value(value_of(i));
        }
        json.end_array();
    };
    json.key("course").begin_object().member("looks", seen.taken()).member("every", seen.every());
    list("seconds", [&](std::size_t i) { return 1e-9 * static_cast<double>(seen.look(i).time); });
    list("requests", [&](std::size_t i) { return seen.look(i).requests; });
    list("stage", [&](std::size_t i) { return seen.look(i).stage; });
    list("share", [&](std::size_t i) { return seen.look(i).share; });
    json.key("rows").begin_array();
    for (std::size_t r = 0; r < seen.rows().size(); ++r) {
        json.begin_object().member("metric", seen.rows()[r].metric).member("arm", seen.rows()[r].arm);
        list("estimate", [&](std::size_t i) { return seen.value(i, r).estimate; });
        list("lower", [&](std::size_t i) { return seen.value(i, r).lower; });
        list("upper", [&](std::size_t i) { return seen.value(i, r).upper; });
        list("log_e", [&](std::size_t i) { return seen.value(i, r).log_e; });
        list("p_value", [&](std::size_t i) { return seen.value(i, r).p_value; });
        json.end_object();
    }
    json.end_array().end_object();
}

}  // namespace detail

JOUST_FUNCTION void write_json(const report& full, std::string& out, std::uint64_t min_units)
{
    const report shown = suppress_small_groups(full, min_units);
    json_writer json{out};
    json.begin_object();
    json.member("joust_report", 1).member("name", shown.name).member("kind", shown.kind);
    json.member("decision", to_string(shown.decision)).member("reason", shown.reason);
    json.member("exit_code", exit_code(shown));
    detail::write_arms(json, shown);
    json.key("metrics").begin_array();
    for (const metric_row& row : shown.metrics) {
        detail::write_metric(json, row);
    }
    json.end_array();
    detail::write_latencies(json, shown);
    json.key("shares").begin_array();
    for (const share_step& step : shown.shares) {
        json.begin_object().member("requests", step.requests).member("share", step.share);
        json.member("reason", step.reason).end_object();
    }
    json.end_array();
    if (!shown.phase.empty()) {
        json.member("phase", shown.phase);
    }
    if (!shown.exclusions.empty()) {
        json.key("exclusions").begin_array();
        for (const exclusion_row& row : shown.exclusions) {
            json.begin_object().member("guardrail", row.guardrail).member("unit", row.unit);
            json.member("excluded", row.excluded);
            json.member("excluded_increase", row.excluded_increase)
                .member("excluded_ratio", row.excluded_ratio);
            json.member("stage_increase", row.stage_increase).member("stage_ratio", row.stage_ratio);
            json.member("needed_increase", row.needed_increase).member("needed_ratio", row.needed_ratio);
            json.member("limited_by", row.limited_by).member("more_requests", row.more_requests);
            json.member("words", row.words).end_object();
        }
        json.end_array();
    }
    if (!shown.course.empty()) {
        detail::write_course(json, shown.course);
    }
    json.key("counts").begin_array();
    for (const count_row& row : shown.counts) {
        json.begin_object().member("what", row.what).member("count", row.count).end_object();
    }
    json.end_array();
    json.key("notes").begin_array();
    for (const std::string& note : shown.notes) {
        json.value(note);
    }
    json.end_array().end_object();
}

#endif

}  // namespace v0
}  // namespace joust
