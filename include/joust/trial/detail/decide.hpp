// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/inference/inference.hpp>
#include <joust/numeric/value_distribution.hpp>
#include <joust/report/report.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/tests/srm.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/posterior.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// What one look found out about one metric of one challenger.
struct finding {
    /// index into the specs
    std::size_t metric = 0;
    /// challenger - 1
    std::size_t pair = 0;
    inference answer{};
    /// the share of the error rate that this finding may use
    double alpha = 0.05;
    /// a guardrail is broken
    bool breached = false;
    /// the challenger is better
    bool wins = false;
    bool loses = false;
};

/// What one look found out about a trial.
struct judgement {
    std::vector<finding> findings;
    /// sample ratio, one per challenger
    std::vector<stats::score_result> split;
    bool mismatch = false;

    [[nodiscard]] bool breached(std::size_t pair) const
    {
        bool any = false;
        for (const finding& f : findings) {
            any = any || (f.pair == pair && f.breached);
        }
        return any;
    }
};

/// How the trial is set up, as far as judging needs it.
struct setting {
    const std::vector<metric_spec>& specs;
    const std::vector<event_watch>& watches;
    /// its series, that of exposures where there is none
    std::size_t covariate = exposure_series;
    /// planned now
    share_list shares{};
    double planned_information_per_exposure = 0.25;
    /// champion and challenger both serve now, or did
    bool contemporary = true;
};

inline constexpr double mismatch_alpha = 0.001;

[[nodiscard]] inline stats::score_sums sums_of(const pair_evidence& pair, const metric_spec& spec,
                                               std::size_t covariate)
{
    const bucket_sums& x = pair.series[spec.series];
    const bucket_sums& one = pair.series[exposure_series];
    stats::score_sums sums{x.challenger,   x.champion,   x.challenger_root,   x.champion_root,
                           one.challenger, one.champion, one.challenger_root, one.champion_root};
    if (spec.denominator != exposure_series) {
        const bucket_sums& per = pair.series[spec.denominator];
        sums.d1 = per.challenger;
        sums.d0 = per.champion;
        sums.e1 = per.challenger_root;
        sums.e0 = per.champion_root;
    }
    if (covariate != exposure_series) {
        const bucket_sums& known = pair.series[covariate];
        sums.z1 = known.challenger;
        sums.z0 = known.champion;
        sums.y1 = known.challenger_root;
        sums.y0 = known.champion_root;
    }
    return sums;
}

/// Judge how the traffic arrived: the coins are known, so the planned variance may tune the test.
[[nodiscard]] inline stats::score_result judge_split(const pair_evidence& pair, double planned_information)
{
    stats::score_options options;
    options.alpha = mismatch_alpha;
    constexpr double tightest_at = 8.3;
    options.rho = std::fmax(planned_information, 1.0) / tightest_at;
    const bucket_sums& one = pair.series[exposure_series];
    return stats::clustered_srm(one.challenger, one.champion, options);
}

/// Judge a guardrail on failures or latency by first events; the means beside it are for the reader.
template <class Inference>
[[nodiscard]] inference judge_events(const Inference& policy, const evidence& seen, std::size_t pair,
                                     const metric_spec& spec, const event_watch& watch, const look& at,
                                     const question& asked, test_memory& memory, double live_log_e)
{
    // What is shown here is no evidence for another guardrail on the same series: only rho is shared.
    test_memory shown{.rho = memory.rho};
    inference answer = policy.infer(at, {.alpha = asked.alpha}, shown);
    memory.rho = shown.rho;
    const auto& events = seen.pairs[pair].events[static_cast<std::size_t>(spec.watch)];
    answer.method =
        watch.on_latency ? "first late answer per slot of units" : "first failure per slot of units";
    answer.log_e_now = log_e_of(events, watch.max_ratio);
    answer.log_e = std::fmax(live_log_e, answer.log_e_now);
    answer.p_value = stats::always_valid_p(answer.log_e);
    answer.posterior_tail = answer.chance_more = answer.shortfall = stats::not_a_number;  // of the means
    answer.state = status::ok;  // this test needs no burn-in
    if (!watch.on_latency) {
        return answer;
    }
    // Exceedance rates are what is tested; milliseconds are what a reader can judge.
    const latency_sketch& champion = seen.arms[0].latency;
    const latency_sketch& challenger = seen.arms[pair + 1].latency;
    constexpr double per_millisecond = 1e-6;
    // Tightest where the challenger, whose share is the smaller one, has served what is planned for it.
    const auto planned = static_cast<std::uint64_t>(std::fmax(at.planned_information, 1.0));
    const auto compared = stats::quantile_difference(
        challenger, champion, {.q = watch.q, .alpha = asked.alpha, .planned = planned});
    answer.champion = champion.empty() ? stats::not_a_number : champion.quantile(watch.q) * per_millisecond;
    answer.challenger =
        challenger.empty() ? stats::not_a_number : challenger.quantile(watch.q) * per_millisecond;
    answer.estimate = compared.estimate * per_millisecond;
    answer.lower = compared.lower * per_millisecond;
    answer.upper = compared.upper * per_millisecond;
    if (champion.count() < watch.warm_up) {
        answer.state = status::burn_in;
    }
    return answer;
}

/// Turn an answer about how often values exceed a threshold into one about the quantile, in the metric's own units.
///
/// With c the champion's threshold and u its share of values at most c, the challenger's share at most c is u less the
/// difference that was answered for. So its quantile at u, compared with c, is that difference led through the challenger's
/// own distribution, and so are the ends of the interval (Woodruff 1952), which are then moved to the outer ends of their
/// bins. That 0 is outside is decided by the test alone.
inline void answer_in_values(inference& answer, const quantile_evidence& seen, const pair_evidence& sums,
                             std::size_t pair, const metric_spec& spec)
{
    const value_distribution champion{seen.values[2 * pair]};
    const value_distribution challenger{seen.values[2 * pair + 1]};
    const inference asked = answer;
    answer.champion = champion.quantile(spec.q);
    answer.challenger = challenger.quantile(spec.q);
    answer.estimate = answer.lower = answer.upper = stats::not_a_number;
    answer.shortfall = stats::not_a_number;
    if (spec.role == metric_spec::part::guardrail) {
        answer.chance_more =
            stats::not_a_number;  // than the margin allows, where others say it of the champion
    }
    if (!seen.fixed()) {
        answer.state = status::burn_in;
        return;
    }
    if (spec.limit.relative && !(seen.lowest > 0.0)) {
        answer.state = status::out_of_range;  // a multiple of what is not positive is no margin
        return;
    }
    if (challenger.empty() || std::isnan(asked.estimate)) {
        return;
    }
    const bucket_sums& counts = sums.series[spec.denominator];
    const double n1 = static_cast<double>(counts.challenger_count);
    const double n0 = static_cast<double>(counts.champion_count);
    const auto spread = [](double share) { return share > 0.0 && share < 1.0 ? share * (1.0 - share) : 0.0; };
    const auto towards = [&](double from, double to) { return spec.limit.relative ? to / from : to - from; };
    double estimate = 0.0;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    double lower = infinity;
    double upper = -infinity;
    for (const double threshold : {seen.lowest, seen.highest}) {
        const double own = within(spec.limit, threshold);
        const double share = challenger.share_at_most(own);
        const double level = share + asked.estimate;
        estimate += 0.5 * towards(threshold, challenger.quantile(level));
        // The noise that counts is that of the challenger's share at the quantile sought, not at the threshold.
        const double sought = spread(level) / n1 + spread(level) / n0;
        const double noise = spread(share) / n1 + spread(level) / n0;
        const double wider = sought > noise ? std::sqrt(sought / noise) : 1.0;
        const double low = level - wider * (asked.estimate - asked.lower);
        const double high = level + wider * (asked.upper - asked.estimate);
        double from = low > 0.0 ? value_bins::range_of(challenger.bin_at(low)).lower : -infinity;
        double to = high < 1.0 ? value_bins::range_of(challenger.bin_at(high)).upper : infinity;
        from = asked.lower > 0.0 && from < own ? own : from;
        to = asked.upper < 0.0 && to > own ? own : to;
        lower = std::fmin(lower, towards(threshold, from));
        upper = std::fmax(upper, towards(threshold, to));
    }
    answer.estimate = estimate;
    if (!std::isnan(asked.lower)) {
        answer.lower = lower;
        answer.upper = upper;
    }
}

/// Look at all metrics of all challengers. Guardrails share the error rate equally, challengers share it too.
///
/// Writes into a judgement used before, so that a look while serving allocates nothing.
/// shape: `live_log_e(pair, watch)` gives the highest evidence a live trial has seen from first events, 0 for copies
template <class Inference, class LiveLogE>
void judge(const Inference& policy, evidence& seen, const setting& how, LiveLogE live_log_e, judgement& all)
{
    all.findings.clear();
    all.split.clear();
    all.mismatch = false;
    const std::size_t challengers = seen.pairs.size();
    std::size_t guardrails = 0;
    for (const auto& spec : how.specs) {
        guardrails += spec.role == metric_spec::part::guardrail ? 1U : 0U;
    }
    const double planned = policy.units * how.planned_information_per_exposure;
    for (std::size_t p = 0; p < challengers; ++p) {
        all.split.push_back(judge_split(seen.pairs[p], planned));
        all.mismatch = all.mismatch || (all.split.back().state == status::ok &&
                                        all.split.back().log_e >= -std::log(mismatch_alpha));
        for (std::size_t m = 0; m < how.specs.size(); ++m) {
            const metric_spec& spec = how.specs[m];
            const bool guards = spec.role == metric_spec::part::guardrail;
            pair_evidence& pair = seen.pairs[p];
            const look at{.sums = sums_of(pair, spec, how.covariate),
                          .expected_events = pair.series[spec.series].expected,
                          .exposures = static_cast<double>(pair.series[exposure_series].challenger_count +
                                                           pair.series[exposure_series].champion_count),
                          .planned_information = planned};
            finding found{.metric = m, .pair = p};
            found.alpha = policy.alpha / static_cast<double>(challengers * (guards ? guardrails : 1));
            question asked{.alpha = found.alpha};
            if (guards) {
                asked.alternative = spec.limit.harm_is_up ? stats::side::greater : stats::side::less;
            }
            if (guards && spec.quantile < 0) {  // a quantile's margin is in its thresholds
                asked.relative = spec.limit.relative;
                asked.null = spec.limit.relative ? spec.limit.value - 1.0 : spec.limit.value;
            }
            test_memory& memory = pair.memory[spec.series];
            found.answer =
                spec.watch >= 0
                    ? judge_events(policy, seen, p, spec, how.watches[static_cast<std::size_t>(spec.watch)],
                                   at, asked, memory, live_log_e(p, static_cast<std::size_t>(spec.watch)))
                    : policy.infer(at, asked, memory);
            const bool more = found.answer.estimate > 0.0;
            if (spec.quantile >= 0) {
                answer_in_values(found.answer, seen.quantiles[static_cast<std::size_t>(spec.quantile)], pair,
                                 p, spec);
            }
            if (!how.contemporary) {
                found.answer.state = status::no_contemporary_champion;
            }
            const bool rejects = found.answer.rejects(found.alpha);
            if (guards) {
                found.breached = rejects;
            } else {
                const bool better = more == (spec.direction == better::up);
                found.wins = rejects && better;
                found.loses = rejects && !better;
            }
            all.findings.push_back(found);
        }
    }
}

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
