// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/report/write.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/tests/coin.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/dominating_unit.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/paired_rows.hpp>

#include <array>
#include <cmath>
#include <concepts>
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
    /// Whether a model failed on a row: it threw, or its answer could not be scored.
    paired_column failures;
    /// The rows on which a model threw, so that its latency is not known. The values are 1 where it did.
    paired_column untimed;
    std::array<latency_sketch, 2> latency;
    /// The rows, by model, on which a model answered and could not be scored.
    std::uint64_t unscored[2] = {0, 0};
    /// The number of rows.
    std::size_t count = 0;
    /// Whether the results were recorded elsewhere, without latencies.
    bool recorded = false;
    /// Whether recorded results say on which rows a model failed.
    bool tells_failures = true;
    std::uint64_t unpaired = 0;
    std::uint64_t repeated = 0;
    std::uint64_t missing = 0;
    std::uint64_t failed_elsewhere = 0;
    /// The number of rows whose unit has an empty id.
    std::uint64_t empty_units = 0;
};

/// A comparison at the gate's error rate, and one at the error rate divided by the number of guardrails.
struct paired_answers {
    paired_answer at_alpha;
    paired_answer at_divided;

    /// Say that neither comparison is valid, and why.
    void refuse(status state, std::string why)
    {
        at_alpha.state = state;
        at_divided.state = state;
        at_alpha.why = why;
        at_divided.why = std::move(why);
    }
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
    [[nodiscard]] double divided(const metric_spec& spec) const noexcept
    {
        return alpha * error_share(spec, specs);
    }
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
    /// What is missing for a ruling, as a part of a sentence. It may be empty.
    std::string why;
};

/// Compare the interval with the margin of a guardrail.
[[nodiscard]] inline ruling rule(const bound& limit, const paired_answers& found, double margin, double rows)
{
    ruling r;
    const paired_answer& at_alpha = found.at_alpha;
    if (at_alpha.state != status::ok) {
        r.why = !at_alpha.why.empty() ? at_alpha.why : std::string{explain(at_alpha.state)};
        return r;
    }
    r.holds = limit.harm_is_up ? at_alpha.upper <= margin : at_alpha.lower >= margin;
    r.broken = found.at_divided.state == status::ok &&
               (limit.harm_is_up ? found.at_divided.lower > margin : found.at_divided.upper < margin);
    const double reach =
        limit.harm_is_up ? at_alpha.upper - at_alpha.estimate : at_alpha.estimate - at_alpha.lower;
    const double room = std::fabs(margin - at_alpha.estimate);
    const double needed = room > 0.0 ? rows * (reach / room) * (reach / room) : 0.0;
    r.rows_needed = std::isfinite(needed) ? needed : 0.0;
    return r;
}

/// Does a guardrail on failures allow no increase at all? No number of rows can show that.
[[nodiscard]] constexpr bool allows_no_failure_more(const bound& limit) noexcept
{
    return limit.value == (limit.relative ? 1.0 : 0.0);
}

/// Rule on a guardrail on failures. One that allows no increase holds while the challenger has no more than the champion.
[[nodiscard]] inline ruling rule_on_failures(const bound& limit, const paired_answers& found, double divided,
                                             double rows)
{
    if (!allows_no_failure_more(limit)) {
        return rule(limit, found, limit.value, rows);
    }
    const paired_answer& answer = found.at_alpha;
    ruling r;
    if (answer.units == 0) {
        return r;  // Without rows there is no evidence, although neither model failed.
    }
    r.holds = answer.challenger <= answer.champion;
    r.broken = answer.state == status::ok && !r.holds && answer.p_value <= 2.0 * divided;
    if (!r.holds && !r.broken) {
        r.why = answer.state == status::ok
                    ? "the challenger failed more often, but not often enough to show harm"
                    : answer.why;
    }
    return r;
}

/// The share of rows that may be lost before a comparison of the others is refused.
inline constexpr double most_lost = 0.05;

/// The error rate of the test whether the models lose rows alike.
inline constexpr double alpha_of_loss = 0.05;

/// Return whether so many rows of one or the other model are affected that the rest does not speak for all rows: more
/// than 5 %, or more of one model than chance explains by McNemar's exact test.
[[nodiscard]] inline bool too_many(double only_champion, double only_challenger, double either,
                                   double offered) noexcept
{
    return either > most_lost * offered ||
           (only_champion + only_challenger > 0.0 &&
            stats::detail::coin_test(only_challenger, only_champion, false, stats::side::two).p <=
                alpha_of_loss);
}

/// Return whether the rows that are lost could change what the others show.
[[nodiscard]] inline bool loses_too_many(const row_account& rows) noexcept
{
    const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
    return too_many(number(rows.only_champion), number(rows.only_challenger),
                    number(rows.lost() + rows.unknown), number(rows.offered + rows.unknown)) ||
           too_many(number(rows.contradicted[0]), number(rows.contradicted[1]),
                    number(rows.contradicted[0] + rows.contradicted[1]), number(rows.offered));
}

inline void append_rows(std::string& out, std::uint64_t n, std::string_view what)
{
    if (n > 0) {
        append_count(out, n);
        out += n == 1 ? " row has " : " rows have ";
        out += what;
        out += ", ";
    }
}

/// Describe the rows that are not used, without a full stop: "60 of 1,000 rows are not used: 60 rows have no answer of v2
/// that can be scored". It is empty where nothing is lost.
[[nodiscard]] inline std::string loss_in_words(const row_account& rows,
                                               const std::vector<std::string>& models)
{
    std::string text;
    if (rows.lost() > 0) {
        append_count(text, rows.lost());
        text += " of ";
        append_count(text, rows.offered);
        text += rows.offered == 1 ? " row cannot be compared: " : " rows cannot be compared: ";
        append_rows(text, rows.only_champion, "no answer of " + models[0] + " that can be scored");
        append_rows(text, rows.only_challenger, "no answer of " + models[1] + " that can be scored");
        append_rows(text, rows.both, "no answer of either model that can be scored");
        text.resize(text.size() - 2);
    }
    if (rows.unknown > 0) {
        text += text.empty() ? "" : "; ";
        append_count(text, rows.unknown);
        text += " recorded values are missing of unknown cases";
    }
    const std::uint64_t contradicted = rows.contradicted[0] + rows.contradicted[1];
    if (contradicted > 0) {
        text += text.empty() ? "" : "; ";
        append_count(text, contradicted);
        text += contradicted == 1 ? " case has" : " cases have";
        text += " several recorded values that differ, of which the first is used";
    }
    return text;
}

/// Describe the answers that count as the worst value, or nothing.
[[nodiscard]] inline std::string worst_in_words(const row_account& rows,
                                                const std::vector<std::string>& models)
{
    std::string text;
    for (const std::size_t model : {std::size_t{1}, std::size_t{0}}) {
        if (rows.at_worst[model] > 0) {
            text += text.empty() ? "" : " and ";
            append_count(text, rows.at_worst[model]);
            text += rows.at_worst[model] == 1 ? " row without a usable answer of "
                                              : " rows without a usable answer of ";
            text += models[model];
        }
    }
    return text.empty() ? text : text + " count at the worst value";
}

/// Describe the answers among the failures that could not be scored, or return nothing.
[[nodiscard]] inline std::string unscored_in_words(const gate_rows& seen,
                                                   const std::vector<std::string>& models)
{
    std::string text;
    for (const std::size_t model : {std::size_t{1}, std::size_t{0}}) {
        if (seen.unscored[model] > 0) {
            text += text.empty() ? "" : " and ";
            append_count(text, seen.unscored[model]);
            text += seen.unscored[model] == 1 ? " answer of " : " answers of ";
            text += models[model];
        }
    }
    return text.empty() ? text : "including " + text + " that could not be scored";
}

/// Return the worst value that an answer can have under a metric, or NaN if there is none.
template <class Metric>
[[nodiscard]] double worst_of(const Metric& given, bool harm_is_up)
{
    if constexpr (is_conversion<Metric>) {
        return harm_is_up ? 1.0 : 0.0;
    } else if constexpr (requires {
                             { given.cap } -> std::convertible_to<double>;
                         }) {
        return harm_is_up && std::isfinite(given.cap) ? static_cast<double>(given.cap) : stats::not_a_number;
    } else {
        return stats::not_a_number;
    }
}

/// Refuse a ratio to a champion whose mean is not shown to be above 0, where values may be negative.
inline void check_domain(paired_answers& found, const paired_column& column, const metric_spec& spec,
                         double alpha)
{
    if (!spec.limit.relative || column.binary || found.at_alpha.state != status::ok) {
        return;
    }
    bool negative = false;
    for (const double value : column.champion) {
        negative = negative || value < 0.0;
    }
    if (!negative) {
        return;
    }
    paired_column level;
    level.binary = false;
    level.champion.resize(column.champion.size());
    level.challenger = column.champion;
    level.unit = column.unit;
    const paired_answer above = compare_means(level, 1.0, alpha);
    if (!(above.state == status::ok && above.lower > 0.0)) {
        found.refuse(status::out_of_range, "a ratio needs a champion whose mean is above 0, and " +
                                               to_text(found.at_alpha.champion) +
                                               " is not shown to be; a margin as a difference can be judged");
    }
}

/// Refuse a comparison from which too many rows are lost. Returns whether the loss is small, but on the side of the
/// challenger, so that it could hide harm.
inline bool refuse_if_lost(paired_answers& found, const paired_column& column, const metric_spec& spec,
                           const gate_setting& how, bool order_matters)
{
    const row_account& rows = column.account;
    if (loses_too_many(rows) || (order_matters && rows.lost() > 0)) {
        found.refuse(status::incomplete, loss_in_words(rows, how.models));
        return false;
    }
    const paired_answer& seen = found.at_alpha;
    const double margin = spec.limit.relative && !seen.as_ratio ? 0.0 : spec.limit.value;
    return rows.only_challenger > 0 && rule(spec.limit, found, margin, 0.0).holds;
}

/// Return a column in which the challenger has the worst value of the metric, or else the worst value seen, on the rows that
/// its answer is missing on.
[[nodiscard]] inline paired_column with_lost_at_worst(const paired_column& column, const bound& limit)
{
    paired_column all = column;
    double worst = column.champion_alone.front();
    const bool has_worst = column.worst == column.worst;
    for (const std::vector<double>* values : {&column.champion, &column.challenger, &column.champion_alone}) {
        for (const double value : *values) {
            worst = limit.harm_is_up == (value > worst) ? value : worst;
        }
    }
    for (std::size_t i = 0; i < column.champion_alone.size(); ++i) {
        all.add(column.champion_alone[i], has_worst ? column.worst : worst,
                column.unit_alone.empty() ? nullptr : &column.unit_alone[i]);
    }
    return all;
}

/// Refuse a comparison if the margin is not kept with the worst value seen in place of lost answers.
inline void refuse_unless_kept(paired_answers& found, const paired_answer& at_worst,
                               const paired_column& column, const metric_spec& spec, const gate_setting& how)
{
    const double margin = spec.limit.relative && !at_worst.as_ratio ? 0.0 : spec.limit.value;
    if (!rule(spec.limit, {at_worst, at_worst}, margin, 0.0).holds) {
        found.refuse(status::incomplete, loss_in_words(column.account, how.models) +
                                             "; with the worst value in their place the margin is not kept");
    }
}

/// Let the row show the comparison at the error rate that decides. A limit that is crossed at the gate's error rate, but not
/// at the divided one, is not shown as crossed.
[[nodiscard]] inline const paired_answer& shown(const bound& limit, const paired_answers& found,
                                                double margin, bool broken) noexcept
{
    const paired_answer& at_alpha = found.at_alpha;
    const bool looks_broken = at_alpha.state == status::ok &&
                              (limit.harm_is_up ? at_alpha.lower > margin : at_alpha.upper < margin);
    return looks_broken && !broken ? found.at_divided : at_alpha;
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
            .state = r.state,
            .why = {}};
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

/// Write what a row shows, and the level of its interval.
inline void fill_decided_row(metric_row& row, const metric_spec& spec, const paired_answers& found,
                             double margin, bool broken, const gate_setting& how)
{
    const paired_answer& answer = shown(spec.limit, found, margin, broken);
    fill_row(row, answer);
    if (&answer == &found.at_divided) {
        row.level = 1.0 - 2.0 * how.divided(spec);
    }
}

/// Rule on a guardrail on values, and write its row.
[[nodiscard]] inline ruling rule_on_values(metric_row& row, const metric_spec& spec,
                                           const paired_answers& found, const paired_column& column,
                                           const gate_setting& how)
{
    const bool as_ratio = found.at_alpha.as_ratio;
    const double margin = spec.limit.relative && !as_ratio ? 0.0 : spec.limit.value;
    ruling r = rule(spec.limit, found, margin, static_cast<double>(column.account.used));
    fill_decided_row(row, spec, found, margin, r.broken, how);
    row.margin = margin;
    if (as_ratio) {
        row.metric += " (ratio)";
        row.reference = 1.0;
    } else if (spec.limit.relative) {
        row.metric += " (challenger - " + to_text(spec.limit.value) + " x champion)";
        row.reference = stats::not_a_number;
    }
    return r;
}

/// Rule on a guardrail on latency, and write its row.
[[nodiscard]] inline ruling rule_on_latency(metric_row& row, const metric_spec& spec, double q,
                                            const gate_rows& seen, const gate_setting& how)
{
    const bool relative = spec.limit.relative;
    paired_answers found{compare_latencies(seen.latency, q, relative, how.alpha),
                         compare_latencies(seen.latency, q, relative, how.divided(spec))};
    row_account timed{.offered = seen.count};
    for (std::size_t i = 0; i < seen.untimed.champion.size(); ++i) {
        const bool first = seen.untimed.champion[i] > 0.5;
        const bool second = seen.untimed.challenger[i] > 0.5;
        timed.only_champion += first && !second ? 1U : 0U;
        timed.only_challenger += second && !first ? 1U : 0U;
        timed.both += first && second ? 1U : 0U;
    }
    timed.used = timed.offered - timed.lost();
    if (loses_too_many(timed)) {
        found.refuse(status::incomplete, loss_in_words(timed, how.models));
    }
    ruling r = rule(spec.limit, found, spec.limit.value, static_cast<double>(timed.used));
    fill_decided_row(row, spec, found, spec.limit.value, r.broken, how);
    row.metric += " p" + to_text(100.0 * q) + (relative ? " (ratio)" : "");
    row.margin = spec.limit.value;
    row.reference = relative ? 1.0 : 0.0;
    return r;
}

/// Rule on a guardrail on failures, and write its row.
[[nodiscard]] inline ruling rule_on_failures(metric_row& row, const metric_spec& spec, const gate_rows& seen,
                                             const gate_setting& how)
{
    const double ratio = spec.limit.relative ? spec.limit.value : 1.0;
    const paired_answers found{compare_paired(seen.failures, ratio, how.alpha),
                               compare_paired(seen.failures, ratio, how.divided(spec))};
    ruling r = rule_on_failures(spec.limit, found, how.divided(spec), static_cast<double>(seen.count));
    const bool as_ratio = found.at_alpha.as_ratio;
    const double margin = allows_no_failure_more(spec.limit) ? 0.0 : spec.limit.value;
    fill_decided_row(row, spec, found, margin, r.broken, how);
    row.margin = margin;
    if (as_ratio) {
        row.metric += " (ratio)";
        row.reference = 1.0;
    }
    return r;
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

    void add(const ruling& found, const metric_spec& spec, const metric_row& row, const std::string& at_worst)
    {
        if (found.broken) {
            broken += (broken.empty() ? "" : "; ") + spec.name + broken_in_words(row);
            broken += at_worst.empty() ? "" : ", " + at_worst;
        } else if (!found.holds) {
            open += (open.empty() ? "" : ", ") + spec.name;
            std::string why = found.why;
            why += why.empty() || at_worst.empty() ? "" : "; ";
            why += at_worst;
            open += why.empty() ? "" : " (" + why + ")";
            rows_needed = std::fmax(rows_needed, found.rows_needed);
        }
    }
};

/// Append the number of rows that the verdict is based on: "on 20,000 rows", or "on 19,990 of 20,000 rows".
inline void append_used(std::string& out, std::uint64_t used, std::uint64_t offered)
{
    out += "on ";
    append_count(out, used);
    if (used != offered) {
        out += " of ";
        append_count(out, offered);
    }
    out += offered == 1 ? " row" : " rows";
}

/// The number of rows that a verdict is based on, out of how many.
struct rows_in_words {
    std::uint64_t used = 0;
    std::uint64_t offered = 0;
};

/// Return the rows of the guardrail that lost the largest share of them.
[[nodiscard]] inline rows_in_words rows_used(const gate_rows& seen)
{
    rows_in_words most{seen.count, seen.count};
    double share = 0.0;
    for (const paired_column& column : seen.values) {
        const row_account& rows = column.account;
        const double lost = static_cast<double>(rows.lost()) / static_cast<double>(rows.offered);
        if (lost > share) {
            share = lost;
            most = {rows.used, rows.offered};
        }
    }
    return most;
}

/// Return whether both models failed on every row, so that nothing tells them apart.
[[nodiscard]] inline bool both_fail_always(const gate_rows& seen)
{
    bool always = !seen.failures.champion.empty();
    for (std::size_t i = 0; i < seen.failures.champion.size(); ++i) {
        always = always && seen.failures.champion[i] > 0.5 && seen.failures.challenger[i] > 0.5;
    }
    return always;
}

/// Write the verdict of a gate and its reason into the report.
inline void conclude(report& out, const gate_sum& sum, const std::string& challenger, const gate_rows& seen)
{
    const auto [used, offered] = rows_used(seen);
    if (seen.count == 0) {
        out.decision = verdict::inconclusive;
        out.reason = "there are no rows, so that nothing is shown";
    } else if (both_fail_always(seen)) {
        out.decision = verdict::inconclusive;
        out.reason = "both models failed ";
        append_used(out.reason, seen.count, seen.count);
        out.reason += ", which are all, so that nothing tells them apart";
    } else if (!sum.broken.empty()) {
        out.decision = verdict::regress;
        out.reason = "worse than its margin allows: " + sum.broken;
    } else if (sum.open.empty()) {
        out.decision = verdict::pass;
        out.reason = challenger + " is shown to keep every margin ";
        append_used(out.reason, used, offered);
    } else {
        out.decision = verdict::inconclusive;
        out.reason = "not settled ";
        append_used(out.reason, used, offered);
        out.reason += ": " + sum.open;
        if (sum.rows_needed > static_cast<double>(used)) {
            out.reason += "; about ";
            append_count(out.reason, static_cast<std::uint64_t>(std::fmin(std::ceil(sum.rows_needed), 1e15)));
            out.reason += " rows would settle it if the difference stays as it is";
        }
    }
}

/// Return the number of distinct units among the rows that are used, or of rows where units are not known.
[[nodiscard]] inline double units_of(const gate_rows& seen, bool has_units)
{
    if (!has_units || seen.recorded) {
        return static_cast<double>(rows_used(seen).used);
    }
    const std::vector<std::uint64_t>* fewest = &seen.failures.unit;
    for (const paired_column& column : seen.values) {
        fewest = column.unit.size() < fewest->size() ? &column.unit : fewest;
    }
    unit_sums units{fewest->size()};
    for (const std::uint64_t unit : *fewest) {
        units.add(unit, 0.0, 0.0);
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
    std::uint64_t at_worst = 0;
    for (const paired_column& values : seen.values) {
        dropped += seen.recorded ? 0 : values.account.lost();
        at_worst += values.account.at_worst[0] + values.account.at_worst[1];
    }
    count("values dropped, since a model failed or the metric does not take the value", dropped);
    count("answers that could not be scored and count as the worst value", at_worst);
    count("recorded values without a partner", seen.unpaired);
    count("further recorded values for a case that has one", seen.repeated);
    count("recorded values that are missing or not finite, of any model and metric", seen.missing);
    count("recorded measurements that had failed", seen.failed_elsewhere);
}

/// Note the metrics whose difference is the same on every row.
inline void note_equal_rows(report& out, const gate_rows& seen, const gate_setting& how)
{
    std::size_t column = 0;
    for (const metric_spec& spec : how.specs) {
        if (!is_value(spec)) {
            continue;
        }
        if (spec.place > 0) {
            continue;
        }
        const paired_column& values = seen.values[column++];
        bool same = !values.champion.empty();
        for (std::size_t i = 0; i < values.champion.size(); ++i) {
            same = same &&
                   values.challenger[i] - values.champion[i] == values.challenger[0] - values.champion[0];
        }
        if (same) {
            add_text(out.notes,
                     spec.name + (values.challenger[0] == values.champion[0]
                                      ? ": both models have the same value on every row."
                                      : ": the difference of the models is the same on every row."));
        }
    }
}

inline void add_notes(report& out, const gate_rows& seen, const gate_setting& how)
{
    if (seen.recorded && how.asked_of_failures && !seen.tells_failures) {
        add_text(
            out.notes,
            "Recorded results do not say on which cases a model failed; let run() call the models to judge failures.");
    }
    std::size_t column = 0;
    for (const metric_spec& spec : how.specs) {
        if (!is_value(spec)) {
            continue;
        }
        if (spec.place > 0) {
            continue;
        }
        const paired_column& values = seen.values[column++];
        const std::string lost = loss_in_words(values.account, how.models);
        const std::string worst = worst_in_words(values.account, how.models);
        if (!lost.empty() || !worst.empty()) {
            add_text(out.notes,
                     spec.name + ": " + lost + (lost.empty() || worst.empty() ? "" : "; ") + worst + ".");
        }
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
    add_text(out.notes, note);
}

/// Note rows without a unit, and a unit that outweighs the others.
inline void note_units(report& out, const gate_rows& seen)
{
    if (seen.empty_units > 0) {
        std::string note;
        append_count(note, seen.empty_units);
        note += seen.empty_units == 1 ? " row has" : " rows have";
        note +=
            " an empty unit id (empty text, a null pointer or the nil UUID). They count as one unit, so that they weigh little.";
        out.notes.push_back(std::move(note));
    }
    std::vector<double> rows(bucket_count);
    for (const std::uint64_t unit : seen.failures.unit) {
        rows[bucket_of(pseudonym_of(unit))] += 1.0;
    }
    note_dominating_unit(out, rows, "the rows",
                         "Its rows count as one cluster, so that the verdict depends on it.");
}

/// Write the report of a gate with its verdict. `answers` compares the value metrics, in the order of their limits.
[[nodiscard]] inline report gate_report(const gate_rows& seen, const std::vector<paired_answers>& answers,
                                        const gate_setting& how)
{
    report out;
    out.name = how.models[1] + " against " + how.models[0];
    out.kind = "gate";
    describe_models(out, seen, how);
    gate_sum sum;
    std::size_t column = 0;
    std::size_t answered = 0;
    for (const metric_spec& spec : how.specs) {
        metric_row row;
        row.metric = spec.name;
        row.arm = how.models[1];
        row.role = "guardrail, " + describe(spec.limit, spec.unit);
        row.role += spec.others.empty() ? "" : " (and " + spec.others + ")";
        row.better = spec.limit.harm_is_up ? -1 : 1;
        row.unit = spec.unit;
        row.level = 1.0 - 2.0 * how.alpha;
        ruling found;
        std::string at_worst;
        if (is_value(spec)) {
            column += spec.place == 0 ? 1U : 0U;
            const paired_column& values = seen.values[column - 1];
            found = rule_on_values(row, spec, answers[answered++], values, how);
            at_worst = worst_in_words(values.account, how.models);
            at_worst = at_worst.empty() ? at_worst : "where " + at_worst;
        } else if (const event_watch* const watch = latency_watch(spec, how.watches)) {
            found = rule_on_latency(row, spec, watch->q, seen, how);
        } else if (seen.recorded && !seen.tells_failures && !how.asked_of_failures) {
            continue;
        } else {
            found = rule_on_failures(row, spec, seen, how);
            at_worst = unscored_in_words(seen, how.models);
        }
        sum.add(found, spec, row, at_worst);
        out.metrics.push_back(std::move(row));
    }
    conclude(out, sum, how.models[1], seen);
    note_equal_rows(out, seen, how);
    add_counts(out, seen);
    add_notes(out, seen, how);
    if (how.has_units) {
        note_units(out, seen);
    }
    return out;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
