// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/numeric/value_distribution.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/dominating_unit.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The notes under the report of a trial that serves each unit by one of its models. They explain how to read the numbers.

namespace joust {
inline namespace v0 {
namespace detail {

/// Note how much of a metric's variance the covariate removes, over all challengers.
void annotate_covariate(report& out, const evidence& seen, const setting& how);

/// Describe the threshold that the values of a quantile metric are compared with.
[[nodiscard]] std::string threshold_in_words(const evidence& seen, const metric_spec& spec);

/// Add the notes about methods that every report has. `how_long` says when the intervals of metrics hold.
void annotate(report& out, const evidence& seen, const judgement& found, bool share_changed,
              std::string_view how_long, const setting& how);

/// Note of each guardrail how its error rate holds, what evidence it has and needs, and which one decided.
void annotate_guardrails(report& out);

/// Let a setting name the functions that guardrails need.
inline void add_guardrails(special_metrics& special) noexcept
{
    special.judge_guardrail = judge_guardrail;
    special.breach_of = breach_of;
    special.annotate_guardrails = annotate_guardrails;
}

/// Note that this process does not know all plans of the trial. `credits_units` says whether it has credited feedback by unit.
/// Returns whether that feedback may stand in the wrong arm.
bool annotate_history(report& out, bool knows_history, bool credits_units);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION void annotate_covariate(report& out, const evidence& seen, const setting& how)
{
    std::string note;
    for (const metric_spec& spec : how.specs) {
        if (spec.watch >= 0) {
            continue;
        }
        double adjusted = 0.0;
        double raw = 0.0;
        for (const pair_evidence& pair : seen.pairs) {
            const stats::score_line with = stats::absolute_score(sums_of(pair, spec, how.covariate));
            const stats::score_line without = stats::absolute_score(sums_of(pair, spec, exposure_series));
            adjusted += with.v(with.root());
            raw += without.v(without.root());
        }
        if (raw > 0.0 && adjusted >= 0.0) {
            note += note.empty() ? "Adjusted for a covariate that is known before each request. It removes "
                                 : ", ";
            append_percent(note, std::fmax(1.0 - adjusted / raw, 0.0), 0);
            append_all(note, {" of the variance of ", spec.name});
        }
    }
    if (!note.empty()) {
        note += '.';
        add_text(out.notes, note);
    }
}

JOUST_FUNCTION std::string threshold_in_words(const evidence& seen, const metric_spec& spec)
{
    const quantile_evidence& values = seen.quantiles[static_cast<std::size_t>(spec.quantile)];
    std::string text = spec.name;
    if (!values.fixed()) {
        return text + " has no threshold yet, because the champion's warm-up is not over.";
    }
    text += ": the test compares how often values exceed the champion's threshold of ";
    append_number(text, values.lowest, 4);
    if (values.highest != values.lowest) {
        text += " to ";
        append_number(text, values.highest, 4);
        text += " (each replica has its own)";
    }
    if (const double own = within(spec.limit, values.lowest); own != values.lowest) {
        text += ", or the challenger's of ";
        append_number(text, own, 4);
    }
    if (const value_distribution champion{values.values[0]}; !champion.empty()) {
        text += ", as ";
        append_percent(text, 1.0 - champion.share_at_most(values.highest), 1);
        text += " of the champion's do";
    }
    return text + "; the estimate and its interval show how far the quantile moved there.";
}

/// Note which metrics are divided by a sum of their own.
inline void annotate_denominators(report& out, const setting& how)
{
    std::string divided;
    for (const metric_spec& spec : how.specs) {
        if (spec.denominator != exposure_series && spec.quantile < 0 && spec.place == 0) {
            append_all(divided, {divided.empty() ? "" : ", ", spec.name});
        }
    }
    if (!divided.empty()) {
        add_text(out.notes, joined({"Divided by a sum of its own instead of by exposures: ", divided,
                                    " (delta method by cluster)."}));
    }
}

/// Return the largest number, over all arms, by which the values of a series exceed the calls that were served.
[[nodiscard]] inline std::uint64_t surplus_values(const evidence& seen, std::size_t series) noexcept
{
    std::uint64_t most = 0;
    const auto compare = [&most](std::uint64_t fed, std::uint64_t served) {
        if (fed > served && fed - served > most) {
            most = fed - served;
        }
    };
    for (const pair_evidence& pair : seen.pairs) {
        const bucket_sums& fed = pair.series[series];
        const bucket_sums& served = pair.series[exposure_series];
        compare(fed.challenger_count, served.challenger_count);
        compare(fed.champion_count, served.champion_count);
    }
    return most;
}

/// Note conversions that have more values than calls were served.
inline void annotate_surplus(report& out, const evidence& seen, const setting& how)
{
    for (const metric_spec& spec : how.specs) {
        if (spec.unit != "%" || spec.series == failure_series || spec.place > 0) {
            continue;
        }
        if (const std::uint64_t more = surplus_values(seen, spec.series); more > 0) {
            std::string note = joined({spec.name, " has "});
            append_count(note, more);
            note +=
                " more values than calls were served: were calls chosen and not completed, or was feedback for a unit given twice?";
            add_text(out.notes, note);
        }
    }
}

/// Note how the error rate is divided among challengers and guardrails.
inline void annotate_error_rate(report& out, const evidence& seen, const setting& how)
{
    if (seen.pairs.size() > 1) {
        add_text(out.notes, "The error rate is divided by the number of challengers (Bonferroni).");
    }
    if (const std::size_t guardrails = guardrails_among(how.specs); guardrails > 1) {
        bool equal = true;
        std::string shares;
        for (const metric_spec& spec : how.specs) {
            if (spec.role != metric_spec::part::guardrail) {
                continue;
            }
            const double share = error_share(spec, how.specs);
            equal = equal && std::fabs(share * static_cast<double>(guardrails) - 1.0) < 1e-9;
            shares += (shares.empty() ? "" : ", ") + spec.name + " ";
            append_percent(shares, share, 1);
        }
        std::string note = "The guardrails have an error rate of their own, divided by their ";
        if (equal) {
            note += "number (";
            append_count(note, guardrails);
        } else {
            note += "weights (" + shares;
        }
        note +=
            "), since any of them can stop a challenger; secondary metrics decide nothing and are not adjusted.";
        add_text(out.notes, note);
    }
    bool decides = false;
    for (const metric_spec& spec : how.specs) {
        decides = decides || spec.role == metric_spec::part::primary;
    }
    if (decides && guardrails_among(how.specs) > 0 && out.kind == "ab_test") {
        add_text(
            out.notes,
            "The error rates of the primary metric and of the guardrails add up: that of a wrong verdict of any kind is their sum.");
    }
}

JOUST_FUNCTION void annotate_guardrails(report& out)
{
    std::string note;
    std::string decided;
    const bool several = out.arms.size() > 2;
    for (const metric_row& row : out.metrics) {
        if (row.validity.empty()) {
            continue;
        }
        note += note.empty() ? "Guardrails: " : "; ";
        note += row.metric + (several ? " of " + row.arm : "") + " is " + row.validity;
        if (!std::isnan(row.e_value_needed)) {
            note += ", evidence now ";
            append_e_value(note, row.e_value_now);
            if (row.e_value > row.e_value_now) {
                note += ", highest ";
                append_e_value(note, row.e_value);
            }
            note += ", needed ";
            append_e_value(note, row.e_value_needed);
        }
        if (row.decides) {
            decided += (decided.empty() ? "" : ", ") + row.metric + (several ? " of " + row.arm : "");
        }
    }
    if (!note.empty()) {
        note += decided.empty() ? "; none is broken." : "; broken: " + decided + ".";
        add_text(out.notes, note);
    }
}

JOUST_FUNCTION bool annotate_history(report& out, bool knows_history, bool credits_units)
{
    if (knows_history) {
        return false;
    }
    add_text(
        out.notes,
        "The trial had plans, or calls in other processes, that this process does not know, so it refuses feedback by unit: tell it by recall_plans(trial, history), or by recall_plans(trial) where there was no other plan, or give the ticket.");
    if (credits_units) {
        add_text(
            out.notes,
            "Feedback by unit that came before this was known may stand in an arm that did not serve the unit.");
    }
    return credits_units;
}

/// Note what is missing from the feedback on each metric, also where it decides nothing.
inline void annotate_feedback(report& out, const evidence& seen, const judgement& found, const setting& how)
{
    for (const finding& f : found.findings) {
        const metric_spec& spec = how.specs[f.metric];
        if (spec.place > 0) {
            continue;  // The first limit of the guardrail has said it.
        }
        const feedback_account& now = f.account;
        const auto note = [&](gap which) {
            finding told = f;
            told.missing = which;
            add_text(out.notes, joined({gap_in_words(told, seen, how), "."}));
        };
        if (now.stopped()) {
            note(gap::stopped);
        }
        if (now.differ) {
            note(gap::uneven);
        }
        if (f.too_rare_to_break && f.missing == gap::none) {
            out.notes.push_back(
                spec.name +
                " is too rare to be compared: its events are so few that they exclude a share as large as the margin, so the guardrail holds. Exposures without feedback count as 0.");
        }
        if (now.may_miss) {
            std::string text = joined({spec.name, " has feedback for "});
            append_percent(text, now.champion, 1);
            append_all(text, {" of the exposures of ", seen.models[0], " and "});
            append_percent(text, now.challenger, 1);
            append_all(text,
                       {" of those of ", seen.models[f.pair + 1], ", which differ by more than chance. "});
            text +=
                spec.denominator != exposure_series
                    ? "Its sums are those of the exposures with feedback alone, which need not be alike in both arms."
                    : "An exposure without feedback counts as 0, the best value: that is right for events which are reported where they happen, and wrong for measurements that are missing (.per = per::observed).";
            add_text(out.notes, text);
        }
        if (now.lost() > 0) {
            std::string text = joined(
                {spec.name, ": values that cannot be scored (NaN, infinite or refused) were left out, "});
            append_count(text, now.champion_lost);
            append_all(text, {" of ", seen.models[0], " and "});
            append_count(text, now.challenger_lost);
            append_all(text, {" of ", seen.models[f.pair + 1]});
            text += now.lost_differ ? "; their shares differ by more than chance." : ".";
            add_text(out.notes, text);
        }
        if (now.partly_labelled) {
            std::string text =
                joined({spec.name, " looks like a label that only a part of the exposures gets ("});
            append_percent(text, now.champion, 1);
            text += " and ";
            append_percent(text, now.challenger, 1);
            text +=
                ", with both outcomes among them). It is divided by all exposures, so that a missing label counts as 0; with .per = per::observed it is divided by the labels.";
            add_text(out.notes, text);
        }
    }
}

/// Return the number of requests in each bucket of units.
[[nodiscard]] inline std::vector<double> requests_by_bucket(const evidence& seen)
{
    // Sums of roots are counts times a constant while the shares are constant, so that each arm is scaled to its count.
    std::vector<double> requests(bucket_count);
    const auto add = [&](const std::vector<double>& roots, std::uint64_t count) {
        double sum = 0.0;
        for (const double each : roots) {
            sum += each;
        }
        for (std::size_t b = 0; sum > 0.0 && b < roots.size(); ++b) {
            requests[b] += roots[b] / sum * static_cast<double>(count);
        }
    };
    add(seen.pairs.front().series[exposure_series].champion_root, seen.requests(0));
    for (std::size_t p = 0; p < seen.pairs.size(); ++p) {
        add(seen.pairs[p].series[exposure_series].challenger_root, seen.requests(p + 1));
    }
    return requests;
}

/// Note units that are missing, and a unit that outweighs the others.
inline void annotate_units(report& out, const evidence& seen)
{
    const auto empty = static_cast<std::size_t>(ignored::empty_unit);
    if (empty < seen.ignored.size() && seen.ignored[empty] > 0) {
        add_text(
            out.notes,
            "Some calls came with an empty unit id (empty text, a null pointer or the nil UUID). The champion served them, and they are not part of the comparison.");
    }
    note_dominating_unit(out, requests_by_bucket(seen), "the requests",
                         "It has one arm, so that the arms' requests and the metrics depend on it.");
}

JOUST_FUNCTION void annotate(report& out, const evidence& seen, const judgement& found, bool share_changed,
                             std::string_view how_long, const setting& how)
{
    std::string note = "Estimates are challenger minus champion, clustered by ";
    append_count(note, bucket_count);
    note += " hashed buckets of units; ";
    note += how_long;
    add_text(out.notes, note);
    if (how.covariate != exposure_series) {
        how.special.annotate_covariate(out, seen, how);
    }
    annotate_denominators(out, how);
    for (const metric_spec& spec : how.specs) {
        if (spec.quantile >= 0) {
            add_text(out.notes, how.special.threshold_in_words(seen, spec));
        }
    }
    annotate_surplus(out, seen, how);
    annotate_feedback(out, seen, found, how);
    annotate_units(out, seen);
    if (share_changed) {
        add_text(
            out.notes,
            "Means and the quantiles of a latency guardrail are overlap-weighted over the stages of the ramp, since shares changed; the latencies listed by model pool all its calls, so that load which changed beside the shares makes them differ.");
    }
    annotate_error_rate(out, seen, how);
    if (how.special.annotate_guardrails != nullptr) {
        how.special.annotate_guardrails(out);
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
