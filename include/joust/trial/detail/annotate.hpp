// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/numeric/value_distribution.hpp>
#include <joust/report/report.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// The notes under the report of a trial that serves each unit by one of its models. They explain how to read the numbers.

namespace joust {
inline namespace v0 {
namespace detail {

/// Note how much of a metric's variance the covariate removes, over all challengers.
void annotate_covariate(report& out, const evidence& seen, const setting& how);

/// Describe the threshold that the values of a quantile metric are compared with.
[[nodiscard]] std::string threshold_in_words(const evidence& seen, const metric_spec& spec);

/// Add the notes about methods that every report has. `how_long` says when the intervals of metrics hold.
void annotate(report& out, const evidence& seen, bool share_changed, std::string_view how_long,
              const setting& how);

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
            note += " of the variance of " + spec.name;
        }
    }
    if (!note.empty()) {
        out.notes.push_back(std::move(note) + ".");
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
        if (spec.denominator != exposure_series && spec.quantile < 0) {
            divided += (divided.empty() ? "" : ", ") + spec.name;
        }
    }
    if (!divided.empty()) {
        out.notes.push_back("Divided by a sum of its own instead of by exposures: " + divided +
                            " (delta method by cluster).");
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
        if (spec.unit != "%" || spec.series == failure_series) {
            continue;
        }
        if (const std::uint64_t more = surplus_values(seen, spec.series); more > 0) {
            std::string note = spec.name + " has ";
            append_count(note, more);
            note +=
                " more values than calls were served: were calls chosen and not completed, or was feedback for a unit given twice?";
            out.notes.push_back(std::move(note));
        }
    }
}

/// Note how the error rate is divided among challengers and guardrails.
inline void annotate_error_rate(report& out, const evidence& seen, const setting& how)
{
    if (seen.pairs.size() > 1) {
        out.notes.push_back("The error rate is divided by the number of challengers (Bonferroni).");
    }
    if (const std::size_t guardrails = guardrails_among(how.specs); guardrails > 1) {
        std::string note = "The guardrails have an error rate of their own, divided by their number (";
        append_count(note, guardrails);
        note +=
            "), since any of them can stop a challenger; secondary metrics decide nothing and are not adjusted.";
        out.notes.push_back(std::move(note));
    }
    bool decides = false;
    for (const metric_spec& spec : how.specs) {
        decides = decides || spec.role == metric_spec::part::primary;
    }
    if (decides && guardrails_among(how.specs) > 0 && out.kind == "ab_test") {
        out.notes.emplace_back(
            "The error rates of the primary metric and of the guardrails add up: that of a wrong verdict of any kind is their sum.");
    }
}

JOUST_FUNCTION void annotate(report& out, const evidence& seen, bool share_changed, std::string_view how_long,
                             const setting& how)
{
    std::string note = "Estimates are challenger minus champion, clustered by ";
    append_count(note, bucket_count);
    note += " hashed buckets of units; ";
    note += how_long;
    out.notes.push_back(std::move(note));
    if (how.covariate != exposure_series) {
        how.special.annotate_covariate(out, seen, how);
    }
    annotate_denominators(out, how);
    for (const metric_spec& spec : how.specs) {
        if (spec.quantile >= 0) {
            out.notes.push_back(how.special.threshold_in_words(seen, spec));
        }
    }
    annotate_surplus(out, seen, how);
    if (share_changed) {
        out.notes.push_back(
            "Means and the quantiles of a latency guardrail are overlap-weighted over the stages of the ramp, since shares changed; the latencies listed by model pool all its calls, so that load which changed beside the shares makes them differ.");
    }
    annotate_error_rate(out, seen, how);
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
