// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/numeric/value_distribution.hpp>
#include <joust/report/report.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/posterior.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// How the report of a trial that serves each unit by one of its models is written: rows, counts and notes.

namespace joust {
inline namespace v0 {
namespace detail {

inline const char* role_name(metric_spec::part role)
{
    return role == metric_spec::part::primary ? "primary" : "secondary";
}

/// Distinct units, estimated: no more than requests, since each brings one.
[[nodiscard]] inline double units_of(const evidence& seen, std::size_t arm)
{
    return std::fmin(seen.arms[arm].units.estimate(), static_cast<double>(seen.requests(arm)));
}

/// Describe arms, metrics, latencies and counts of evidence in a report.
inline void describe(report& out, const evidence& seen, const judgement& found, const setting& how)
{
    for (std::size_t a = 0; a < seen.models.size(); ++a) {
        out.arms.push_back({.model = seen.models[a],
                            .share = how.shares.empty() ? 0.0 : how.shares[a],
                            .requests = seen.requests(a),
                            .failures = seen.failed(a),
                            .units = units_of(seen, a)});
        if (!seen.arms[a].latency.empty()) {
            out.latencies.push_back(latencies_of(seen.models[a], seen.arms[a].latency));
        }
    }
    for (const finding& f : found.findings) {
        const metric_spec& spec = how.specs[f.metric];
        const bool guards = spec.role == metric_spec::part::guardrail;
        metric_row row;
        row.metric = spec.name;
        if (spec.watch >= 0 && how.watches[static_cast<std::size_t>(spec.watch)].on_latency) {
            row.metric += " p" + to_text(100.0 * how.watches[static_cast<std::size_t>(spec.watch)].q);
        }
        if (spec.quantile >= 0) {
            row.metric += " p" + to_text(100.0 * spec.q);
        }
        row.arm = seen.models[f.pair + 1];
        row.role = guards ? "guardrail, " + describe(spec.limit, spec.unit) : role_name(spec.role);
        row.method = f.answer.method;
        row.champion = f.answer.champion;
        row.challenger = f.answer.challenger;
        // Nothing is claimed in burn-in, where the score's estimate may even contradict the two means.
        row.estimate = f.answer.state == status::burn_in ? stats::not_a_number : f.answer.estimate;
        row.lower = f.answer.lower;
        row.upper = f.answer.upper;
        row.p_value = f.answer.p_value;
        row.e_value = std::isnan(f.answer.log_e) ? stats::not_a_number : std::exp(f.answer.log_e);
        row.state = f.answer.state;
        append_posterior(row.method, f.answer, spec.direction == better::up, spec.limit.relative, spec.unit);
        row.better = spec.direction == better::up ? 1 : -1;
        row.level = 1.0 - f.alpha;
        row.unit = spec.unit;
        if (guards && !spec.limit.relative) {
            row.margin = spec.limit.value;
        } else if (guards && spec.watch < 0) {
            // Judged by means, so the estimate is the ratio itself; first events have no such level.
            row.metric += " (ratio)";
            row.margin = spec.limit.value;
            row.reference = 1.0;
        }
        out.metrics.push_back(std::move(row));
    }
    for (std::size_t p = 0; p < found.split.size(); ++p) {
        const stats::score_result& split = found.split[p];
        metric_row row;
        row.metric = "sample ratio";
        row.arm = seen.models[p + 1];
        row.role = "check";
        row.method = "challenger's exposures above plan, as a fraction; normal mixture, clusters of units";
        row.estimate = split.estimate;
        row.lower = split.lower;
        row.upper = split.upper;
        row.e_value = std::exp(split.log_e);
        row.p_value = stats::always_valid_p(split.log_e);
        row.state = split.state == status::ok && split.log_e >= -std::log(mismatch_alpha) ? status::srm_failed
                                                                                          : split.state;
        out.metrics.push_back(std::move(row));
    }
    for (std::size_t i = 0; i < ignored_reasons && i < seen.ignored.size(); ++i) {
        if (seen.ignored[i] > 0) {
            out.counts.push_back({ignored_words[i], seen.ignored[i]});
        }
    }
    if (seen.unrecorded > 0) {
        out.counts.push_back({"calls served and not recorded", seen.unrecorded});
    }
}

/// Write a value as the report's tables do.
inline void append_in_unit(std::string& out, double value, std::string_view unit)
{
    if (unit == "%") {
        append_percent(out, value, 2);
    } else {
        append_number(out, value, 4);
        out += unit.empty() ? "" : " ";
        out += unit;
    }
}

/// Say in words which guardrail is broken, or nothing.
[[nodiscard]] inline std::string breach_of(const evidence& seen, const judgement& found, const setting& how,
                                           std::size_t pair)
{
    for (const finding& f : found.findings) {
        if (f.pair == pair && f.breached) {
            const metric_spec& spec = how.specs[f.metric];
            std::string text = seen.models[pair + 1] + " breaks the guardrail on " + spec.name + " (" +
                               describe(spec.limit, spec.unit) + "): ";
            append_in_unit(text, f.answer.champion, spec.unit);
            text += " -> ";
            append_in_unit(text, f.answer.challenger, spec.unit);
            if (!std::isnan(f.answer.log_e)) {
                text += ", e-value ";
                append_e_value(text, std::exp(f.answer.log_e));
            } else if (!std::isnan(f.answer.p_value)) {
                text += ", p ";
                append_p_value(text, f.answer.p_value);
            } else {
                text += ", posterior probability ";
                append_percent(text, 1.0 - f.answer.posterior_tail, 2);
            }
            return text;
        }
    }
    return {};
}

/// Say how much of a metric's variance its covariate takes out, over all challengers.
inline void annotate_covariate(report& out, const evidence& seen, const setting& how)
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
            note +=
                note.empty() ? "Adjusted for a covariate known before each request, which takes out " : ", ";
            append_percent(note, std::fmax(1.0 - adjusted / raw, 0.0), 0);
            note += " of the variance of " + spec.name;
        }
    }
    if (!note.empty()) {
        out.notes.push_back(std::move(note) + ".");
    }
}

/// Say what a quantile metric's values are held against.
[[nodiscard]] inline std::string threshold_in_words(const evidence& seen, const metric_spec& spec)
{
    const quantile_evidence& values = seen.quantiles[static_cast<std::size_t>(spec.quantile)];
    std::string text = spec.name;
    if (!values.fixed()) {
        return text + " has no threshold yet: the champion's first values are still awaited.";
    }
    text += ": what is tested is how often values exceed the champion's threshold of ";
    append_number(text, values.lowest, 4);
    if (values.highest != values.lowest) {
        text += " to ";
        append_number(text, values.highest, 4);
        text += " (replicas have their own)";
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
    return text + "; estimate and interval say how far the quantile moved there.";
}

/// The sentences about method that belong under every report. `how_long` says when the intervals of metrics hold.
inline void annotate(report& out, const evidence& seen, bool share_changed, std::string_view how_long,
                     const setting& how)
{
    std::string note = "Estimates are challenger minus champion, clustered by ";
    append_count(note, bucket_count);
    note += " hashed buckets of units; ";
    note += how_long;
    out.notes.push_back(std::move(note));
    if (how.covariate != exposure_series) {
        annotate_covariate(out, seen, how);
    }
    std::string divided;
    for (const metric_spec& spec : how.specs) {
        if (spec.denominator != exposure_series && spec.quantile < 0) {
            divided += (divided.empty() ? "" : ", ") + spec.name;
        }
    }
    if (!divided.empty()) {
        out.notes.push_back("Not per exposure but divided by a sum of its own: " + divided +
                            " (delta method by cluster).");
    }
    for (const metric_spec& spec : how.specs) {
        if (spec.quantile >= 0) {
            out.notes.push_back(threshold_in_words(seen, spec));
        }
    }
    for (const metric_spec& spec : how.specs) {
        if (spec.unit != "%" || spec.series == failure_series) {
            continue;
        }
        std::uint64_t most = 0;
        const auto compare = [&most](std::uint64_t fed, std::uint64_t served) {
            if (fed > served && fed - served > most) {
                most = fed - served;
            }
        };
        for (const pair_evidence& pair : seen.pairs) {
            const bucket_sums& fed = pair.series[spec.series];
            const bucket_sums& served = pair.series[exposure_series];
            compare(fed.challenger_count, served.challenger_count);
            compare(fed.champion_count, served.champion_count);
        }
        if (most > 0) {
            note = spec.name + " has ";
            append_count(note, most);
            note +=
                " more values than calls were served: were calls chosen and not completed, or was feedback by unit given twice?";
            out.notes.push_back(std::move(note));
        }
    }
    if (share_changed) {
        out.notes.emplace_back(
            "Means are overlap-weighted over the stages of the ramp, since shares changed; latency quantiles pool all stages.");
    }
    if (seen.pairs.size() > 1) {
        out.notes.emplace_back("The error rate is divided by the number of challengers (Bonferroni).");
    }
    std::size_t guardrails = 0;
    for (const metric_spec& spec : how.specs) {
        guardrails += spec.role == metric_spec::part::guardrail ? 1U : 0U;
    }
    if (guardrails > 1) {
        note = "The guardrails have an error rate of their own, divided by their number (";
        append_count(note, guardrails);
        note +=
            "), since any of them can stop a challenger; secondary metrics decide nothing and are not adjusted.";
        out.notes.push_back(std::move(note));
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
