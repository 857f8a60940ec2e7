// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/paired_rows.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// How a gate rules on each of its guardrails and writes its report. Nothing here depends on the types of the models.

namespace joust {
inline namespace v0 {
namespace detail {

/// The results of both models on the rows of a gate.
struct gate_rows {
    /// A column for each value metric, in the order of the guardrails.
    std::vector<paired_column> values;
    paired_column failures;
    std::array<latency_sketch, 2> latency;
    /// The number of rows.
    std::size_t count = 0;
    /// Whether the results were recorded elsewhere, without failures and latencies.
    bool recorded = false;
    std::uint64_t unpaired = 0;
    std::uint64_t repeated = 0;
    std::uint64_t missing = 0;
    std::uint64_t failed_elsewhere = 0;
};

/// A comparison at the gate's error rate, and one at the error rate divided by the number of guardrails.
struct paired_answers {
    paired_answer at_alpha;
    paired_answer at_divided;
};

/// The settings of a gate that its verdict needs.
struct gate_setting {
    const std::vector<std::string>& models;
    const std::vector<metric_spec>& specs;
    const std::vector<event_watch>& watches;
    double alpha;
    /// Whether a guardrail on failures was given.
    bool asked_of_failures;
    bool has_units;
    /// The sentence on when an inference policy's intervals hold, empty without such a policy.
    std::string_view holds;
    /// The sentence that says whether rows are independent.
    std::string_view dependence;

    /// Return the error rate of the claim that a guardrail is broken.
    [[nodiscard]] double divided() const noexcept { return alpha / static_cast<double>(specs.size()); }
};

/// Return whether this is a guardrail on a value of each row, and not on failures or latency.
[[nodiscard]] inline bool is_value(const metric_spec& spec) noexcept
{
    return spec.watch < 0 && spec.series != failure_series;
}

/// Return the watch of a guardrail on latency, or null for another guardrail.
[[nodiscard]] inline const event_watch* latency_watch(const metric_spec& spec,
                                                      const std::vector<event_watch>& watches) noexcept
{
    if (spec.watch < 0) {
        return nullptr;
    }
    const event_watch& watch = watches[static_cast<std::size_t>(spec.watch)];
    return watch.on_latency ? &watch : nullptr;
}

struct ruling {
    bool holds = false;
    bool broken = false;
    double rows_needed = 0.0;
};

/// Compare the interval with the margin of a guardrail.
[[nodiscard]] inline ruling rule(const bound& limit, const paired_answers& found, double margin, double rows)
{
    ruling r;
    const paired_answer& at_alpha = found.at_alpha;
    if (at_alpha.state != status::ok) {
        return r;
    }
    r.holds = limit.harm_is_up ? at_alpha.upper <= margin : at_alpha.lower >= margin;
    r.broken = limit.harm_is_up ? found.at_divided.lower > margin : found.at_divided.upper < margin;
    const double reach =
        limit.harm_is_up ? at_alpha.upper - at_alpha.estimate : at_alpha.estimate - at_alpha.lower;
    const double room = std::fabs(margin - at_alpha.estimate);
    r.rows_needed = room > 0.0 ? rows * (reach / room) * (reach / room) : 0.0;
    return r;
}

/// Rule on a guardrail on failures. No number of rows can show "no more failures"; it holds while the challenger has no
/// more than the champion.
[[nodiscard]] inline ruling rule_on_failures(const bound& limit, const paired_answers& found, double divided,
                                             double rows)
{
    if (!limit.relative && limit.value > 0.0) {
        return rule(limit, found, limit.value, rows);
    }
    const paired_answer& answer = found.at_alpha;
    ruling r;
    if (answer.units == 0) {
        return r;  // Without rows there is no evidence, although neither model failed.
    }
    r.holds = answer.challenger <= (limit.relative ? limit.value : 1.0) * answer.champion;
    r.broken = !r.holds && answer.p_value <= 2.0 * divided;
    return r;
}

/// Compare a quantile of both models' latencies, as a ratio or in milliseconds.
[[nodiscard]] inline paired_answer compare_latencies(const std::array<latency_sketch, 2>& latency, double q,
                                                     bool relative, double alpha)
{
    const stats::quantile_options options{.q = q, .alpha = 2.0 * alpha};
    const auto r = relative ? stats::quantile_ratio(latency[1], latency[0], options)
                            : stats::quantile_difference(latency[1], latency[0], options);
    const double scale = relative ? 1.0 : 1e-6;
    return {.method = r.method,
            .champion = r.second * 1e-6,
            .challenger = r.first * 1e-6,
            .estimate = r.estimate * scale,
            .lower = r.lower * scale,
            .upper = r.upper * scale,
            .state = r.state};
}

inline void fill_row(metric_row& row, const paired_answer& answer)
{
    row.method = answer.method;
    row.champion = answer.champion;
    row.challenger = answer.challenger;
    row.estimate = answer.estimate;
    row.lower = answer.lower;
    row.upper = answer.upper;
    row.p_value = answer.p_value;
    row.state = answer.state;
}

/// Rule on a guardrail on values, and write its row.
[[nodiscard]] inline ruling rule_on_values(metric_row& row, const metric_spec& spec,
                                           const paired_answers& found, double rows)
{
    const double margin = spec.limit.relative ? 0.0 : spec.limit.value;
    fill_row(row, found.at_alpha);
    row.margin = margin;
    if (spec.limit.relative) {
        row.metric += " (challenger - " + to_text(spec.limit.value) + " x champion)";
        row.reference = stats::not_a_number;
    }
    return rule(spec.limit, found, margin, rows);
}

/// Rule on a guardrail on latency, and write its row.
[[nodiscard]] inline ruling rule_on_latency(metric_row& row, const metric_spec& spec, double q,
                                            const gate_rows& seen, const gate_setting& how)
{
    const bool relative = spec.limit.relative;
    const paired_answers found{compare_latencies(seen.latency, q, relative, how.alpha),
                               compare_latencies(seen.latency, q, relative, how.divided())};
    fill_row(row, found.at_alpha);
    row.metric += " p" + to_text(100.0 * q) + (relative ? " (ratio)" : "");
    row.margin = spec.limit.value;
    row.reference = relative ? 1.0 : 0.0;
    return rule(spec.limit, found, spec.limit.value, static_cast<double>(seen.count));
}

/// Rule on a guardrail on failures, and write its row.
[[nodiscard]] inline ruling rule_on_failures(metric_row& row, const metric_spec& spec, const gate_rows& seen,
                                             const gate_setting& how)
{
    const paired_answers found{compare_paired(seen.failures, 1.0, how.alpha),
                               compare_paired(seen.failures, 1.0, how.divided())};
    fill_row(row, found.at_alpha);
    if (!spec.limit.relative) {
        row.margin = spec.limit.value;
    }
    return rule_on_failures(spec.limit, found, how.divided(), static_cast<double>(seen.count));
}

/// Describe the results of both models on a guardrail that is broken.
[[nodiscard]] inline std::string broken_in_words(const metric_row& row)
{
    std::string text = " ";
    append_in_unit(text, row.champion, row.unit);
    text += " -> ";
    append_in_unit(text, row.challenger, row.unit);
    text += " (" + row.role.substr(std::string_view{"guardrail, "}.size()) + ")";
    return text;
}

/// The rulings on all guardrails of a gate together.
struct gate_sum {
    std::string broken;
    std::string open;
    /// The number of rows that would settle the guardrail that needs the most rows.
    double rows_needed = 0.0;

    void add(const ruling& found, const metric_spec& spec, const metric_row& row)
    {
        if (found.broken) {
            broken += (broken.empty() ? "" : "; ") + spec.name + broken_in_words(row);
        } else if (!found.holds) {
            open += (open.empty() ? "" : ", ") + spec.name;
            rows_needed = std::fmax(rows_needed, found.rows_needed);
        }
    }
};

/// Write the verdict of a gate and its reason into the report.
inline void conclude(report& out, const gate_sum& sum, const std::string& challenger, std::size_t rows)
{
    if (!sum.broken.empty()) {
        out.decision = verdict::regress;
        out.reason = "worse than its margin allows: " + sum.broken;
    } else if (sum.open.empty()) {
        out.decision = verdict::pass;
        out.reason = challenger + " is shown to keep every margin on ";
        append_count(out.reason, rows);
        out.reason += " rows";
    } else {
        out.decision = verdict::inconclusive;
        out.reason = "not settled on ";
        append_count(out.reason, rows);
        out.reason += " rows: " + sum.open;
        if (sum.rows_needed > static_cast<double>(rows)) {
            out.reason += "; about ";
            append_count(out.reason, static_cast<std::uint64_t>(std::fmin(std::ceil(sum.rows_needed), 1e15)));
            out.reason += " rows would settle it if the difference stays as it is";
        }
    }
}

/// Return the number of distinct units among the rows, or of rows where units are not known.
[[nodiscard]] inline double units_of(const gate_rows& seen, bool has_units)
{
    if (!has_units || seen.recorded) {
        return static_cast<double>(seen.count);
    }
    unit_sums units{seen.failures.unit.size()};
    for (const std::uint64_t unit : seen.failures.unit) {
        units.add(unit, 0.0);
    }
    return static_cast<double>(units.count());
}

inline void describe_models(report& out, const gate_rows& seen, const gate_setting& how)
{
    for (std::size_t a = 0; a < 2; ++a) {
        double failed = 0.0;
        for (const double one : a == 0 ? seen.failures.champion : seen.failures.challenger) {
            failed += one;
        }
        out.arms.push_back({.model = how.models[a],
                            .share = 1.0,
                            .requests = seen.count,
                            .failures = static_cast<std::uint64_t>(failed),
                            .units = units_of(seen, how.has_units)});
        if (!seen.latency[a].empty()) {
            out.latencies.push_back(latencies_of(how.models[a], seen.latency[a]));
        }
    }
}

inline void add_counts(report& out, const gate_rows& seen)
{
    const auto count = [&out](const char* what, std::uint64_t n) {
        if (n > 0) {
            out.counts.push_back({what, n});
        }
    };
    std::uint64_t dropped = 0;
    for (const paired_column& values : seen.values) {
        dropped += values.dropped;
    }
    count("values dropped, since a model failed or the metric does not take the value", dropped);
    count("recorded values without a partner", seen.unpaired);
    count("further recorded values for a case that has one", seen.repeated);
    count("recorded values that are missing or not finite, of any model and metric", seen.missing);
    count("recorded measurements that had failed", seen.failed_elsewhere);
}

inline void add_notes(report& out, const gate_rows& seen, const gate_setting& how)
{
    if (seen.recorded && how.asked_of_failures) {
        out.notes.emplace_back(
            "Recorded results do not say on which cases a model failed; let run() call the models to judge failures.");
    }
    std::string note = "Both models saw the same rows; ";
    if (!how.holds.empty()) {
        note += how.holds;
    } else {
        note += "intervals cover ";
        append_percent(note, 1.0 - 2.0 * how.alpha, 0);
        note += ", so that each bound alone errs with probability at most " + to_text(how.alpha) + ".";
    }
    note += how.dependence;
    out.notes.push_back(std::move(note));
}

/// Write the report of a gate with its verdict. `answers` compares the value metrics, in the order of their columns.
[[nodiscard]] inline report gate_report(const gate_rows& seen, const std::vector<paired_answers>& answers,
                                        const gate_setting& how)
{
    report out;
    out.name = how.models[1] + " against " + how.models[0];
    out.kind = "gate";
    describe_models(out, seen, how);
    gate_sum sum;
    std::size_t column = 0;
    for (const metric_spec& spec : how.specs) {
        metric_row row;
        row.metric = spec.name;
        row.arm = how.models[1];
        row.role = "guardrail, " + describe(spec.limit, spec.unit);
        row.better = spec.limit.harm_is_up ? -1 : 1;
        row.unit = spec.unit;
        row.level = 1.0 - 2.0 * how.alpha;
        ruling found;
        if (is_value(spec)) {
            found = rule_on_values(row, spec, answers[column++], static_cast<double>(seen.count));
        } else if (const event_watch* const watch = latency_watch(spec, how.watches)) {
            found = rule_on_latency(row, spec, watch->q, seen, how);
        } else if (seen.recorded && !how.asked_of_failures) {
            continue;
        } else {
            found = rule_on_failures(row, spec, seen, how);
        }
        sum.add(found, spec, row);
        out.metrics.push_back(std::move(row));
    }
    conclude(out, sum, how.models[1], seen.count);
    add_counts(out, seen);
    add_notes(out, seen, how);
    return out;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
