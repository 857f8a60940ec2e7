// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/inference.hpp>
#include <joust/numeric/value_distribution.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/randomised_bets.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/stats/tests/srm.hpp>
#include <joust/trial/detail/account.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

[[nodiscard]] stats::score_sums sums_of(const pair_evidence& pair, const metric_spec& spec,
                                        std::size_t covariate);

/// Return whether traffic arrived in other shares than planned.
[[nodiscard]] bool is_mismatch(const stats::score_result& split) noexcept;

/// Give an answer about late calls the quantiles of the latency in both arms, and the interval of their difference.
void show_latency(inference& answer, const evidence& seen, std::size_t pair, const event_watch& watch,
                  const look& at, double alpha);

/// Turn an answer about how often values exceed a threshold into one about the quantile, in the metric's own units.
///
/// Let c be the champion's threshold, and u the champion's share of values up to c. The challenger's share of values up
/// to c is then u minus the difference that the policy has estimated. The challenger's quantile at u, compared with c,
/// carries that difference through the challenger's own distribution. The ends of the interval are carried in the same
/// way (Woodruff 1952) and then moved to the outer ends of their bins. Whether 0 is outside the interval is decided by
/// the test alone.
void answer_in_values(inference& answer, const quantile_evidence& seen, const pair_evidence& sums,
                      std::size_t pair, const metric_spec& spec);

/// Give an answer about how often calls or values are beyond a limit the quantiles of both arms and the interval of the
/// challenger's quantile.
void show_level_of_latency(inference& answer, const evidence& seen, std::size_t pair, double q);
void show_level_of_values(inference& answer, const quantile_evidence& seen, std::size_t pair, double q);

/// Judge a guardrail by bets on each request, by the level that the challenger may reach, or by first events. Returns false where
/// the policy judges it as any metric.
bool judge_guardrail(finding& found, const any_inference& policy, evidence& seen, const setting& how,
                     const look& at, const question& asked, test_memory& memory, const live_evidence* live);

/// Judge all metrics of all challengers. The challengers share the error rate equally, and the guardrails by their weights.
///
/// It writes into a judgement that was used before, so that a look while the trial serves allocates nothing.
/// shape: `live` has the highest evidence from first events in a live trial; it is null for copied evidence
void judge(const any_inference& policy, evidence& seen, const setting& how, const live_evidence* live,
           judgement& all);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION stats::score_sums sums_of(const pair_evidence& pair, const metric_spec& spec,
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

/// Judge whether traffic arrived in the planned shares. The variance is known from the plan, so it can tune the test.
[[nodiscard]] inline stats::score_result judge_split(const pair_evidence& pair, double planned_information,
                                                     bool limits)
{
    stats::score_options options;
    options.interval = limits;
    options.effective = false;
    options.alpha = mismatch_alpha;
    constexpr double tightest_at = 8.3;
    options.rho = std::fmax(planned_information, 1.0) / tightest_at;
    const bucket_sums& one = pair.series[exposure_series];
    return stats::clustered_srm(one.challenger, one.champion, options);
}

JOUST_FUNCTION bool is_mismatch(const stats::score_result& split) noexcept
{
    return split.state == status::ok && split.log_e >= -std::log(mismatch_alpha);
}

/// Return an arm's latencies with the design effect of the calls beyond the threshold: how much more their sums by bucket
/// of units vary than those of independent calls would.
[[nodiscard]] inline stats::weighted_latencies weighted_by_overlap(const overlap_latencies& seen,
                                                                   std::span<const double> late,
                                                                   std::span<const double> served,
                                                                   double planned)
{
    double weights = 0.0;
    for (const double weight : seen.weights) {
        weights += weight;
    }
    const double mean_weight = weights > 0.0 ? seen.squares / weights : 0.0;
    stats::weighted_latencies out{
        .weights = seen.weights, .squares = seen.squares, .planned = planned * mean_weight * mean_weight};
    double all_late = 0.0;
    double all_served = 0.0;
    for (std::size_t b = 0; b < late.size() && b < served.size(); ++b) {
        all_late += late[b];
        all_served += served[b];
    }
    const double share = all_served > 0.0 ? all_late / all_served : 0.0;
    double squares = 0.0;
    for (std::size_t b = 0; b < late.size() && b < served.size(); ++b) {
        squares += (late[b] - share * served[b]) * (late[b] - share * served[b]);
    }
    const double independent = mean_weight * all_late * (1.0 - share);
    out.design_effect = squares > independent && independent > 0.0 ? squares / independent : 1.0;
    return out;
}

JOUST_FUNCTION void show_latency(inference& answer, const evidence& seen, std::size_t pair,
                                 const event_watch& watch, const look& at, double alpha)
{
    // The test compares exceedance rates; a reader can judge milliseconds.
    const latency_sketch& champion = seen.arms[0].latency;
    const latency_sketch& challenger = seen.arms[pair + 1].latency;
    constexpr double per_millisecond = 1e-6;
    // The interval is tightest where the challenger, which has the smaller share, has served its planned units.
    const double planned = std::fmax(at.planned_information, 1.0);
    const pair_evidence& both = seen.pairs[pair];
    const bool weighted = both.challenger_latency.squares > 0.0 && both.champion_latency.squares > 0.0;
    const stats::quantile_result compared =
        weighted
            ? stats::overlap_quantile_difference(
                  weighted_by_overlap(both.challenger_latency, at.sums.p1, at.sums.q1, planned),
                  weighted_by_overlap(both.champion_latency, at.sums.p0, at.sums.q0, planned), watch.q, alpha)
            : stats::quantile_difference(
                  challenger, champion,
                  {.q = watch.q, .alpha = alpha, .planned = static_cast<std::uint64_t>(planned)});
    answer.champion = compared.second * per_millisecond;
    answer.challenger = compared.first * per_millisecond;
    answer.estimate = compared.estimate * per_millisecond;
    answer.lower = compared.lower * per_millisecond;
    answer.upper = compared.upper * per_millisecond;
}

/// Judge a guardrail on failures or latency by first events. The means in the answer are only for the reader of the report.
[[nodiscard]] inline inference judge_events(const any_inference& policy, const evidence& seen,
                                            const setting& how, std::size_t pair, const metric_spec& spec,
                                            const event_watch& watch, const look& at, const question& asked,
                                            test_memory& memory, const live_evidence* live, finding& found)
{
    // This evidence must not count for another guardrail on the same series, so the two share only rho.
    test_memory shown{.rho = memory.rho};
    inference answer = policy.infer(at, {.alpha = asked.alpha}, shown);
    memory.rho = shown.rho;
    const auto which = static_cast<std::size_t>(spec.watch);
    first_event_peak now;
    first_event_peak highest;
    if (live != nullptr) {
        now.log_e = live->log_e_now(pair, which);
        highest = live->peak(pair, which);
    } else {
        const pair_evidence& both = seen.pairs[pair];
        now = watch.on_latency ? latency_evidence_now(both.events[which], both.late[which].epochs, watch.q)
                               : evidence_now(both.events[which], watch.max_ratio);
        highest = both.peaks.empty() || both.peaks[which].log_e < now.log_e ? now : both.peaks[which];
    }
    found.epoch = highest.decided;
    found.epochs = highest.epochs;
    answer.method = watch.on_latency ? "late calls over the traffic of an epoch, pooled"
                                     : "first failure per slot of units";
    answer.log_e_now = now.log_e;
    answer.log_e = highest.log_e;
    answer.p_value = stats::always_valid_p(answer.log_e);
    // A posterior would be about means.
    answer.posterior_tail = answer.chance_more = answer.shortfall = stats::not_a_number;
    answer.state = status::ok;  // This test needs no burn-in.
    if (watch.on_latency) {
        if (how.limits) {
            how.special.show_latency(answer, seen, pair, watch, at, asked.alpha);
        }
        if (seen.pairs[pair].late[which].epochs.empty()) {
            answer.state = status::burn_in;
        }
    }
    return answer;
}

JOUST_FUNCTION void answer_in_values(inference& answer, const quantile_evidence& seen,
                                     const pair_evidence& sums, std::size_t pair, const metric_spec& spec)
{
    const value_distribution champion{seen.values[2 * pair]};
    const value_distribution challenger{seen.values[2 * pair + 1]};
    const inference asked = answer;
    answer.champion = champion.quantile(spec.q);
    answer.challenger = challenger.quantile(spec.q);
    answer.estimate = answer.lower = answer.upper = stats::not_a_number;
    answer.shortfall = stats::not_a_number;
    if (spec.role == metric_spec::part::guardrail) {
        // In other rows this is the chance to exceed the champion; here it would be the chance to exceed the margin.
        answer.chance_more = stats::not_a_number;
    }
    if (!seen.fixed()) {
        answer.state = status::burn_in;
        return;
    }
    if (spec.limit.relative && !(seen.lowest > 0.0)) {
        // A margin cannot be a multiple of a number that is not positive.
        answer.state = status::out_of_range;
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
        // The noise is that of the challenger's share at the quantile to be estimated, and not at the threshold.
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

/// What the level of a challenger is computed from: weighted sums by bucket of units, and the level that is allowed.
struct level_sums {
    std::span<const double> values;
    std::span<const double> counts;
    /// The challenger's number of observations.
    double n = 0.0;
    double allowed = 0.0;
    /// For latency: the share of calls that are timed, of which alone it is known whether they are late.
    double known = 1.0;
    /// Whether values are 0 or 1, or 0 and -1.
    bool of_proportion = false;
};

[[nodiscard]] inline level_sums level_sums_of(const evidence& seen, std::size_t pair,
                                              const metric_spec& spec) noexcept
{
    const pair_evidence& sums = seen.pairs[pair];
    const bucket_sums& per = sums.series[spec.denominator];
    level_sums found{.values = sums.series[spec.series].challenger,
                     .counts = per.challenger,
                     .n = static_cast<double>(per.challenger_count),
                     .allowed = spec.limit.value,
                     .of_proportion = spec.unit == "%" || spec.quantile >= 0 || spec.watch >= 0};
    if (spec.quantile >= 0) {
        // A lower quantile counts -1 for values up to the threshold (live_quantile).
        found.allowed = 1.0 - spec.q - (spec.q < 0.5 ? 1.0 : 0.0);
    } else if (spec.watch >= 0) {
        found.known =
            found.n > 0.0 ? static_cast<double>(seen.arms[pair + 1].latency.count()) / found.n : 0.0;
        found.allowed = (1.0 - spec.q) * found.known;
    }
    return found;
}

/// Judge whether the challenger's own level is beyond a limit, whatever the champion's level is.
///
/// The sums of buckets of units minus what the limit allows are a score that is 0 in the mean at the limit, also while shares
/// and the level change. Its variance is that of the buckets, so that units may return; for a proportion it is at least
/// that of independent values at the limit, since an arm without events has no variance of its own.
[[nodiscard]] inline inference judge_level(const any_inference& policy, const evidence& seen,
                                           std::size_t pair, const metric_spec& spec, double alpha,
                                           double planned, test_memory& memory)
{
    const level_sums level = level_sums_of(seen, pair, spec);
    const bucket_sums& served = seen.pairs[pair].series[exposure_series];
    // Two values more, which add up to 0, bring the variance up to its least value.
    std::array<double, bucket_count + 2> values{};
    std::array<double, bucket_count + 2> counts{};
    double sum = 0.0;
    double count = 0.0;
    double variance = 0.0;
    double exposed = 0.0;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        values[b] = level.values[b];
        counts[b] = level.counts[b];
        sum += values[b];
        count += counts[b];
        const double beyond = values[b] - level.allowed * counts[b];
        variance += beyond * beyond;
        exposed += served.challenger[b];
    }
    const double weight = level.n > 0.0 ? count / level.n : 0.0;
    double events = level.n > 0.0 && weight > 0.0 ? std::fabs(sum) / weight : 0.0;
    if (level.of_proportion) {
        const double rate = std::fabs(level.allowed);
        const double least = rate * (1.0 - rate) * count * weight;
        const double missing = least > variance ? std::sqrt(0.5 * (least - variance)) : 0.0;
        values[bucket_count] = missing;
        values[bucket_count + 1] = -missing;
        // Where events do harm, their number counts; where their lack does, it is the number that the limit expects. For a
        // lower quantile a value of -1 is what does no harm.
        const double expected = rate * level.n;
        const bool lack_harms = !spec.limit.harm_is_up != (level.allowed < 0.0);
        events = lack_harms ? expected : std::fmax(events, expected);
    } else {
        events = level.n;
    }
    const look at{.expected_events = events,
                  .exposures = static_cast<double>(served.challenger_count + served.champion_count),
                  .planned_information = exposed > 0.0 ? planned * count / exposed : planned,
                  .pairs = {.difference = values, .count = counts}};
    const question asked{.alternative = spec.limit.harm_is_up ? stats::side::greater : stats::side::less,
                         .null = level.allowed,
                         .alpha = alpha};
    inference answer = always_valid{.alpha = alpha, .units = policy.units}.infer(at, asked, memory);
    answer.method = "level of the challenger: normal mixture, clusters of units";
    answer.challenger = answer.estimate;
    const bucket_sums& champion = seen.pairs[pair].series[spec.series];
    const bucket_sums& champion_per = seen.pairs[pair].series[spec.denominator];
    double champion_sum = 0.0;
    double champion_count = 0.0;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        champion_sum += champion.champion[b];
        champion_count += champion_per.champion[b];
    }
    answer.champion = champion_count > 0.0 ? champion_sum / champion_count : stats::not_a_number;
    if (answer.state == status::burn_in && challenger_buckets(served) >= always_valid::burn_in_buckets) {
        // Too few events for a breach are no lack of data: they are what the limit asks for.
        answer.state =
            spec.limit.harm_is_up && level.of_proportion && level.n > 0.0 ? status::ok : answer.state;
        answer.p_value =
            answer.state == status::ok ? stats::always_valid_p(memory.highest_log_e) : answer.p_value;
        answer.log_e = answer.state == status::ok ? memory.highest_log_e : answer.log_e;
        answer.log_e_now = answer.state == status::ok ? 0.0 : answer.log_e_now;
    }
    return answer;
}

/// Return the ends of the quantile that the ends of the share beyond the limit stand for (Woodruff 1952).
struct quantile_levels {
    double lower = stats::not_a_number;
    double upper = stats::not_a_number;
};
[[nodiscard]] inline quantile_levels levels_of(const inference& answer, double known, double q) noexcept
{
    return {q - (answer.estimate - answer.lower) / known, q + (answer.upper - answer.estimate) / known};
}

JOUST_FUNCTION void show_level_of_latency(inference& answer, const evidence& seen, std::size_t pair, double q)
{
    constexpr double per_millisecond = 1e-6;
    const latency_sketch& own = seen.arms[pair + 1].latency;
    const double served = static_cast<double>(seen.requests(pair + 1));
    const double known = served > 0.0 ? static_cast<double>(own.count()) / served : 0.0;
    const quantile_levels ends = levels_of(answer, known, q);
    answer.champion = seen.arms[0].latency.empty() ? stats::not_a_number
                                                   : seen.arms[0].latency.quantile(q) * per_millisecond;
    answer.challenger = own.empty() ? stats::not_a_number : own.quantile(q) * per_millisecond;
    answer.estimate = answer.challenger;
    answer.lower = std::isnan(ends.lower) || own.empty() ? ends.lower
                   : ends.lower > 0.0                    ? own.quantile(ends.lower) * per_millisecond
                                                         : 0.0;
    answer.upper = std::isnan(ends.upper) || own.empty() ? ends.upper
                   : ends.upper < 1.0                    ? own.quantile(ends.upper) * per_millisecond
                                                         : std::numeric_limits<double>::infinity();
}

JOUST_FUNCTION void show_level_of_values(inference& answer, const quantile_evidence& seen, std::size_t pair,
                                         double q)
{
    const value_distribution champion{seen.values[2 * pair]};
    const value_distribution own{seen.values[2 * pair + 1]};
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const quantile_levels ends = levels_of(answer, 1.0, q);
    answer.champion = champion.empty() ? stats::not_a_number : champion.quantile(q);
    answer.challenger = own.empty() ? stats::not_a_number : own.quantile(q);
    answer.estimate = answer.challenger;
    const bool known = !std::isnan(ends.lower) && !own.empty();
    answer.lower = !known             ? stats::not_a_number
                   : ends.lower > 0.0 ? value_bins::range_of(own.bin_at(ends.lower)).lower
                                      : -infinity;
    answer.upper = !known             ? stats::not_a_number
                   : ends.upper < 1.0 ? value_bins::range_of(own.bin_at(ends.upper)).upper
                                      : infinity;
}

/// The counts of a metric of events by share, of requests that were randomised one by one.
struct randomised_rows {
    std::array<stats::randomised_counts, share_counts::most_rows> rows{};
    std::size_t size = 0;

    [[nodiscard]] std::span<const stats::randomised_counts> all() const noexcept
    {
        return {rows.data(), size};
    }
};

/// Count at each share what a trial has counted by share. Returns false where something is of an unknown share.
[[nodiscard]] inline bool count_by_share(randomised_rows& into, const pair_evidence& pair,
                                         const metric_spec& spec) noexcept
{
    const share_counts& by_share = pair.by_share;
    const std::size_t requests = spec.denominator;
    if (by_share.series() <= requests || by_share.series() <= spec.series ||
        by_share.shares.size() > into.rows.size()) {
        return false;
    }
    for (const std::size_t column : {requests, spec.series}) {
        if (by_share.count_elsewhere(column, false) > 0 || by_share.count_elsewhere(column, true) > 0) {
            return false;
        }
    }
    for (std::size_t row = 0; row < by_share.shares.size(); ++row) {
        const double s = by_share.shares[row];
        if (!(s > 0.0 && s < 1.0)) {
            continue;  // Nothing was randomised.
        }
        const auto count = [&](std::size_t column, bool challenger) {
            return static_cast<double>(by_share.count(row, column, challenger));
        };
        into.rows[into.size++] = {s, count(requests, false), count(spec.series, false), count(requests, true),
                                  count(spec.series, true)};
    }
    return true;
}

/// Count what was served at one and the same share. Returns false where the share has changed.
[[nodiscard]] inline bool count_at_one_share(randomised_rows& into, const pair_evidence& pair,
                                             const metric_spec& spec)
{
    const bucket_sums& served = pair.series[exposure_series];
    const bucket_sums& x = pair.series[spec.series];
    const auto sum = [](const std::vector<double>& values) {
        double all = 0.0;
        for (const double each : values) {
            all += each;
        }
        return all;
    };
    const auto n1 = static_cast<double>(served.challenger_count);
    const auto n0 = static_cast<double>(served.champion_count);
    const double s = n1 > 0.0   ? 1.0 - sum(served.challenger) / n1
                     : n0 > 0.0 ? sum(served.champion) / n0
                                : 0.0;
    if (!(s > 0.0 && s < 1.0)) {
        return false;
    }
    // Where the share has changed, the mean of the roots differs from the root of the mean, and the means differ by arm.
    const double root = std::sqrt(s * (1.0 - s));
    const auto near = [](double a, double b) { return std::fabs(a - b) <= 1e-6 * std::fabs(b) + 1e-12; };
    if (!((n0 == 0.0 || near(sum(served.champion), n0 * s)) && near(sum(served.challenger_root), n1 * root) &&
          near(sum(served.champion_root), n0 * root))) {
        return false;
    }
    const bucket_sums& per = pair.series[spec.denominator];
    const bool of_failures = spec.series == failure_series;
    into.rows[into.size++] = {
        s, static_cast<double>(per.champion_count),
        of_failures ? static_cast<double>(x.champion_count) : std::round(sum(x.champion) / s),
        static_cast<double>(per.challenger_count),
        of_failures ? static_cast<double>(x.challenger_count) : std::round(sum(x.challenger) / (1.0 - s))};
    return true;
}

/// Return the logarithm of the e-value of bets on each request against what a guardrail allows, or NaN where there are none.
[[nodiscard]] inline double bets_log_e(const pair_evidence& pair, const metric_spec& spec)
{
    // Events that may come after a look are no bets; those of observations are.
    const bool of_observations =
        spec.takes_feedback() && spec.fed == spec.denominator && spec.denominator != exposure_series;
    randomised_rows seen;
    if (spec.unit != "%" || !(spec.series == failure_series || of_observations) ||
        !(count_by_share(seen, pair, spec) || (seen.size == 0 && count_at_one_share(seen, pair, spec)))) {
        return stats::not_a_number;
    }
    const bound& limit = spec.limit;
    const stats::side side = limit.harm_is_up ? stats::side::greater : stats::side::less;
    if (!limit.alone) {
        return limit.relative ? stats::ratio_bets_log_e(seen.all(), limit.value, side)
                              : stats::difference_bets_log_e(seen.all(), std::fabs(limit.value), side);
    }
    double requests = 0.0;
    double events = 0.0;
    for (const stats::randomised_counts& row : seen.all()) {
        requests += row.challenger;
        events += row.challenger_events;
    }
    return stats::level_bets_log_e(requests, events, limit.value, side);
}

/// Judge a guardrail on events by bets on each request. The interval stays that of the policy.
template <class Policy>
[[nodiscard]] inline bool judge_by_bets(finding& found, const pair_evidence& pair, const metric_spec& spec,
                                        test_memory& memory, Policy infer)
{
    const double log_e = bets_log_e(pair, spec);
    if (std::isnan(log_e)) {
        return false;
    }
    test_memory shown{.rho = memory.rho};
    found.answer = infer(shown);
    memory.rho = shown.rho;
    memory.highest_log_e = std::fmax(memory.highest_log_e, log_e);
    found.answer.method = spec.limit.alone ? "level of the challenger: bets on each request"
                                           : "bets on each request, which is randomised by itself";
    found.answer.log_e_now = log_e;
    found.answer.log_e = memory.highest_log_e;
    found.answer.p_value = stats::always_valid_p(memory.highest_log_e);
    found.answer.state = status::ok;
    found.exact = true;
    found.bets = true;
    return true;
}

/// Return the question to an inference policy about one metric of one challenger.
[[nodiscard]] inline question question_on(const metric_spec& spec, double alpha) noexcept
{
    question asked{.alpha = alpha};
    if (spec.role != metric_spec::part::guardrail) {
        return asked;
    }
    asked.alternative = spec.limit.harm_is_up ? stats::side::greater : stats::side::less;
    if (spec.quantile < 0) {  // The thresholds of a quantile contain its margin.
        asked.relative = spec.limit.relative;
        asked.null = spec.limit.relative ? spec.limit.value - 1.0 : spec.limit.value;
    }
    return asked;
}

/// Record whether an answer breaks a guardrail, or whether the challenger wins or loses on another metric.
inline void rule_on(finding& found, const metric_spec& spec, bool more) noexcept
{
    const bool rejects = found.answer.rejects(found.alpha);
    if (spec.role == metric_spec::part::guardrail) {
        found.breached = rejects;
        return;
    }
    const bool better = more == (spec.direction == better::up);
    found.wins = rejects && better;
    found.loses = rejects && !better;
}

JOUST_FUNCTION bool judge_guardrail(finding& found, const any_inference& policy, evidence& seen,
                                    const setting& how, const look& at, const question& asked,
                                    test_memory& memory, const live_evidence* live)
{
    const metric_spec& spec = how.specs[found.metric];
    const auto infer = [&](test_memory& kept) {
        return spec.limit.alone
                   ? judge_level(policy, seen, found.pair, spec, found.alpha, at.planned_information, kept)
                   : policy.infer(at, asked, kept);
    };
    if (how.bets && spec.watch < 0 && spec.quantile < 0 &&
        judge_by_bets(found, seen.pairs[found.pair], spec, memory, infer)) {
        return true;
    }
    if (spec.limit.alone) {
        found.answer = infer(memory);
        return true;
    }
    if (spec.watch < 0) {
        return false;
    }
    const event_watch& watch = how.watches[static_cast<std::size_t>(spec.watch)];
    found.exact = !watch.on_latency;
    found.answer = judge_events(policy, seen, how, found.pair, spec, watch, at, asked, memory, live, found);
    return true;
}

/// Return how many events of a metric count for the end of its burn-in: those that are expected in the challenger, or, for a
/// guardrail against an increase of them, those that it has.
///
/// Events of the challenger are what speaks against it, and each adds to the variance too, so that a normal limit understates them.
/// Where the champion has none, hardly any would be expected in the challenger at a small share.
[[nodiscard]] inline double events_for_burn_in(const pair_evidence& pair, const metric_spec& spec) noexcept
{
    const bucket_sums& x = pair.series[spec.series];
    const bool adds_up = spec.limit.harm_is_up && !spec.limit.relative && spec.unit == "%";
    if (spec.role != metric_spec::part::guardrail || !adds_up) {
        return x.expected;
    }
    const bucket_sums& served = pair.series[exposure_series];
    double events = 0.0;
    double weights = 0.0;
    for (std::size_t b = 0; b < x.challenger.size(); ++b) {
        events += x.challenger[b];
        weights += served.challenger[b];
    }
    const double own = weights > 0.0 ? events * static_cast<double>(served.challenger_count) / weights : 0.0;
    return std::fmax(x.expected, own);
}

/// Return whether a look at a metric needs its interval: where it is shown, or where the interval itself decides.
[[nodiscard]] inline bool needs_limits(const pair_evidence& pair, const metric_spec& spec,
                                       const setting& how) noexcept
{
    const bucket_sums& lost = pair.series[spec.lost];
    return how.limits || spec.limit.alone || spec.quantile >= 0 ||
           spec.role != metric_spec::part::guardrail ||
           (spec.takes_feedback() && lost.challenger_count + lost.champion_count > 0);
}

/// Judge one metric of one challenger. `live` has the highest evidence from first events; it is null for copied evidence.
[[nodiscard]] inline finding judge_metric(const any_inference& policy, evidence& seen, const setting& how,
                                          std::size_t challenger, std::size_t metric, double alpha,
                                          const live_evidence* live)
{
    const metric_spec& spec = how.specs[metric];
    pair_evidence& pair = seen.pairs[challenger];
    const look at{.sums = sums_of(pair, spec, how.covariate),
                  .expected_events = events_for_burn_in(pair, spec),
                  .exposures = static_cast<double>(pair.series[exposure_series].challenger_count +
                                                   pair.series[exposure_series].champion_count),
                  .planned_information = policy.units * how.planned_information_per_exposure,
                  .limits = needs_limits(pair, spec, how)};
    finding found{.metric = metric, .pair = challenger, .alpha = alpha};
    const question asked = question_on(spec, alpha);
    test_memory& memory = pair.memory[spec.memory];
    if (spec.role != metric_spec::part::guardrail ||
        !how.special.judge_guardrail(found, policy, seen, how, at, asked, memory, live)) {
        found.answer = policy.infer(at, asked, memory);
    }
    const bool more = found.answer.estimate > 0.0;
    const inference as_asked = found.answer;
    if (spec.limit.alone) {
        if (spec.quantile >= 0) {
            how.special.show_level_of_values(
                found.answer, seen.quantiles[static_cast<std::size_t>(spec.quantile)], challenger, spec.q);
        } else if (spec.watch >= 0) {
            how.special.show_level_of_latency(found.answer, seen, challenger, spec.q);
        }
    } else if (spec.quantile >= 0) {
        how.special.show_values(found.answer, seen.quantiles[static_cast<std::size_t>(spec.quantile)], pair,
                                challenger, spec);
    }
    if (!how.contemporary && !spec.limit.alone) {
        found.answer.state = status::no_contemporary_champion;
    }
    rule_on(found, spec, more);
    found.account = account_of(seen, how, challenger, spec, at.planned_information);
    if (found.wins && spec.role == metric_spec::part::primary && !how.guards_failures) {
        found.shift_by_failures = shift_by_failures(seen, how, found, as_asked, at.planned_information);
    }
    find_gap(found, seen, how, as_asked);
    return found;
}

JOUST_FUNCTION void judge(const any_inference& policy, evidence& seen, const setting& how,
                          const live_evidence* live, judgement& all)
{
    all.mismatch = false;
    const std::size_t challengers = seen.pairs.size();
    all.make_room(challengers, how.specs.size());
    for (std::size_t p = 0; p < challengers; ++p) {
        all.split[p] =
            judge_split(seen.pairs[p], policy.units * how.planned_information_per_exposure, how.limits);
        all.mismatch = all.mismatch || is_mismatch(all.split[p]);
        for (std::size_t m = 0; m < how.specs.size(); ++m) {
            const bool guards = how.specs[m].role == metric_spec::part::guardrail;
            const double alpha = policy.alpha * (guards ? error_share(how.specs[m], how.specs) : 1.0) /
                                 static_cast<double>(challengers);
            all.findings[p * how.specs.size() + m] = judge_metric(policy, seen, how, p, m, alpha, live);
        }
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
