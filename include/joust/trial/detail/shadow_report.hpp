// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/inference/inference.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/posterior.hpp>
#include <joust/trial/detail/shadow_evidence.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// How a shadow is set up, as far as its report needs it.
template <paired_inference_policy Inference>
struct shadow_setting {
    Inference inference{};
    double rate = 1.0;
    bool in_background = true;
};

/// What earlier looks fixed and found, for one challenger.
struct shadow_memory {
    test_memory agreement, distance, failing, accuracy;

    void give(shadow_pair& to) const
    {
        to.agreement = agreement;
        to.distance = distance;
        to.failing = failing;
        to.accuracy = accuracy;
    }
    void take(const shadow_pair& from)
    {
        agreement.learn(from.agreement);
        distance.learn(from.distance);
        failing.learn(from.failing);
        accuracy.learn(from.accuracy);
    }
};

inline void collect_arm(const slab& from, unsigned arm, hyperloglog<>& units, latency_sketch& latency)
{
    for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
        if (const std::uint64_t n = from.latency_count(arm, bin); n > 0) {
            latency.add_bin(bin, n);
        }
    }
    for (std::size_t i = 0; i < slab::unit_registers; ++i) {
        units.raise(i, from.unit_register(arm, i));
    }
}

/// Is a difference of `d` per observation, `n` of them, away from 0? Paired: both models saw the same requests.
///
/// `events` is how many observations were not 0: with few of them a variance cannot be told from its estimate.
template <class Policy>
[[nodiscard]] inference judge_paired(const Policy& policy, const std::vector<double>& d,
                                     const std::vector<double>& n, double events, double alpha,
                                     test_memory& memory, double champion = 0.0)
{
    return judge_pairs(policy, {.difference = d, .count = n, .champion = champion}, events, alpha, memory);
}

/// By which factor did the champion take longer where the challenger's run was dropped? 1 where that is not clear.
///
/// Compared are means of the logarithm, cluster-robust; clear is three and a half standard errors.
[[nodiscard]] inline double slower_where_dropped(const shadow_pair& pair)
{
    const double n1 = pair.dropped.total();
    const double n0 = pair.queued.total();
    if (n1 < 30.0 || n0 < 30.0) {
        return 1.0;
    }
    const double mean1 = pair.dropped.total_sum() / n1;
    const double mean0 = pair.queued.total_sum() / n0;
    double variance = 0.0;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        const double influence = (pair.dropped.sum[b] - mean1 * pair.dropped.count[b]) / n1 -
                                 (pair.queued.sum[b] - mean0 * pair.queued.count[b]) / n0;
        variance += influence * influence;
    }
    constexpr double clear = 3.5;
    constexpr double bins_per_doubling = 64.0;
    const double difference = mean1 - mean0;
    return std::fabs(difference) > clear * std::sqrt(variance) ? std::exp2(difference / bins_per_doubling)
                                                               : 1.0;
}

inline void add_percent(std::string& out, double share)
{
    append_number(out, 100.0 * share, 3);
    out += " %";
}

[[nodiscard]] inline metric_row row_of(const char* metric, const std::string& arm, const char* role,
                                       const inference& answer, double champion, double challenger)
{
    metric_row row;
    row.metric = metric;
    row.arm = arm;
    row.role = role;
    row.method = "paired ";
    row.method += answer.method;
    row.champion = champion;
    row.challenger = challenger;
    row.estimate = answer.estimate;
    row.lower = answer.lower;
    row.upper = answer.upper;
    row.p_value = answer.p_value;
    row.e_value = std::isnan(answer.log_e) ? stats::not_a_number : std::exp(answer.log_e);
    row.state = answer.state;
    return row;
}

/// A row whose null (no disagreement at all, no failure at all) nobody believes: an interval, no test.
[[nodiscard]] inline metric_row described_only(metric_row row)
{
    row.p_value = stats::not_a_number;
    row.e_value = stats::not_a_number;
    return row;
}

[[nodiscard]] inline metric_row compare_latency(const shadow_evidence& seen, std::size_t p, double q,
                                                double alpha, double units)
{
    const latency_sketch& champion = seen.latency;
    const latency_sketch& challenger = seen.pairs[p].latency;
    const stats::quantile_result compared = stats::quantile_difference(
        challenger, champion,
        {.q = q, .alpha = alpha, .planned = static_cast<std::uint64_t>(std::fmin(units, 1e15))});
    constexpr double per_millisecond = 1e-6;
    metric_row row;
    row.metric = "latency p" + to_text(100.0 * q);
    row.unit = "ms";
    row.arm = seen.models[p + 1];
    row.role = "secondary";
    row.method = compared.method;
    row.champion = champion.empty() ? stats::not_a_number : champion.quantile(q) * per_millisecond;
    row.challenger = challenger.empty() ? stats::not_a_number : challenger.quantile(q) * per_millisecond;
    row.estimate = compared.estimate * per_millisecond;
    row.lower = compared.lower * per_millisecond;
    row.upper = compared.upper * per_millisecond;
    row.state = compared.state;
    return row;
}

inline void count_if_any(report& out, std::string what, std::uint64_t n)
{
    if (n > 0) {
        out.counts.push_back({std::move(what), n});
    }
}

/// What one challenger shows, for the verdict.
struct shadow_finding {
    bool wins = false;
    bool loses = false;
    std::string words;
};

template <class Inference>
[[nodiscard]] shadow_finding describe_challenger(report& out, shadow_evidence& seen, std::size_t p,
                                                 const shadow_setting<Inference>& how, double alpha)
{
    shadow_pair& pair = seen.pairs[p];
    const std::string& name = seen.models[p + 1];
    const std::size_t first_row = out.metrics.size();
    shadow_finding found;

    const double judged = pair.judged.total();
    const char* quality = seen.graded != 0 ? "score" : "accuracy";
    const double champion = judged > 0.0 ? pair.champion_score / judged : stats::not_a_number;
    const inference accuracy = judge_paired(how.inference, pair.judged.sum, pair.judged.count,
                                            static_cast<double>(pair.champion_only + pair.challenger_only),
                                            alpha, pair.accuracy, champion);
    metric_row scored =
        row_of(quality, name, "primary", accuracy, champion, champion + pair.judged.total_sum() / judged);
    scored.better = 1;
    scored.unit = seen.graded != 0 ? "" : "%";
    append_posterior(scored.method, accuracy, true, false, scored.unit);
    if (judged > 0.0) {
        out.metrics.push_back(scored);
    }

    // Agreement is kept as a difference like every other row: the champion agrees with itself.
    const double compared = pair.compared.total();
    std::vector<double> disagreed(bucket_count);
    for (std::size_t b = 0; b < bucket_count; ++b) {
        disagreed[b] = pair.compared.sum[b] - pair.compared.count[b];
    }
    const double disagreements = compared - pair.compared.total_sum();
    const inference agreement =
        judge_paired(how.inference, disagreed, pair.compared.count, disagreements, alpha, pair.agreement);
    out.metrics.push_back(
        described_only(row_of("agreement", name, judged > 0.0 ? "secondary" : "primary", agreement,
                              compared > 0.0 ? 1.0 : stats::not_a_number,
                              compared > 0.0 ? pair.compared.total_sum() / compared : stats::not_a_number)));
    out.metrics.back().unit = "%";

    // A distance says more than agreement only where it is not just 0 or 1.
    if (pair.distances.total() > 0.0 && pair.distances.total_sum() != disagreements) {
        const inference distance = judge_paired(how.inference, pair.distances.sum, pair.distances.count,
                                                pair.distances.total(), alpha, pair.distance);
        out.metrics.push_back(described_only(row_of("distance", name, "secondary", distance, 0.0,
                                                    pair.distances.total_sum() / pair.distances.total())));
    }

    const double run = pair.run.total();
    const double failures = pair.run.total_sum();
    const inference failing =
        judge_paired(how.inference, pair.run.sum, pair.run.count, failures, alpha, pair.failing);
    out.metrics.push_back(
        described_only(row_of("failures", name, "secondary", failing, run > 0.0 ? 0.0 : stats::not_a_number,
                              run > 0.0 ? failures / run : stats::not_a_number)));
    out.metrics.back().unit = "%";
    out.metrics.back().better = -1;

    for (const double q : {0.5, 0.99}) {
        out.metrics.push_back(compare_latency(seen, p, q, alpha, how.inference.units));
    }
    for (std::size_t r = first_row; r < out.metrics.size(); ++r) {
        out.metrics[r].level = 1.0 - alpha;
    }

    const double champion_failing =
        seen.requests > 0 ? static_cast<double>(seen.champion_failures) / static_cast<double>(seen.requests)
                          : 0.0;
    if (failing.state == status::ok && failing.lower > champion_failing) {
        found.loses = true;
        found.words = name + " fails on ";
        add_percent(found.words, failures / run);
        found.words += " of the requests that the champion answered";
    } else if (accuracy.rejects(alpha)) {
        found.wins = accuracy.estimate > 0.0;
        found.loses = !found.wins;
        found.words = name + (found.wins ? " has the better " : " has the worse ") + quality + ": ";
        const row_format format{scored};
        format.estimate(found.words, scored.estimate);
        found.words += ' ';
        format.interval(found.words);
        found.words += " on the same requests";
    } else if (judged > 0.0) {
        found.words = name + "'s " + quality +
                      (accuracy.state == status::ok
                           ? " cannot be told from the champion's yet"
                           : " cannot be judged yet: " + std::string{to_string(accuracy.state)});
    } else if (compared > 0.0) {
        found.words = name + " agrees with the champion on ";
        add_percent(found.words, pair.compared.total_sum() / compared);
        found.words += " of requests; which of them is right, only truths can say";
    } else {
        found.words = name + " has answered nothing yet";
    }

    count_if_any(out, "calls of " + name + " dropped, the queue was full",
                 static_cast<std::uint64_t>(pair.dropped.total()));
    count_if_any(out, "calls of " + name + " not made, paused by its breaker", pair.paused);
    count_if_any(out, "calls of " + name + " not made, arguments or result could not be copied",
                 pair.not_copied);
    count_if_any(out, "results of " + name + " that could not be compared (the comparator threw)",
                 pair.incomparable);
    count_if_any(out, "comparisons with " + name + " without a finite distance",
                 static_cast<std::uint64_t>(compared - pair.distances.total()));
    count_if_any(out, "pairs judged with " + name, static_cast<std::uint64_t>(judged));
    count_if_any(out, "pairs where only the champion was right, or scored higher than " + name,
                 pair.champion_only);
    count_if_any(out, "pairs where only " + name + " was right, or scored higher", pair.challenger_only);
    count_if_any(out, "predictions of " + name + " that could not be kept or judged", pair.not_judged);

    if (const double factor = slower_where_dropped(pair); factor != 1.0) {
        std::string note = "Drops are not random: where " + name + " was dropped the champion took ";
        append_number(note, factor, 3);
        note +=
            " times as long as where it ran, so what is compared leaves out part of the traffic. A longer queue, more threads or a lower sampling rate helps.";
        out.notes.push_back(std::move(note));
    }
    return found;
}

/// Describe what a shadow has seen. `seen` gets the looks' memory.
template <class Inference>
[[nodiscard]] report shadow_report(shadow_evidence& seen, const shadow_setting<Inference>& how)
{
    report out;
    out.name = seen.trial;
    out.kind = "shadow";
    out.arms.push_back({.model = seen.models[0],
                        .share = 1.0,
                        .requests = seen.requests,
                        .failures = seen.champion_failures,
                        .units = seen.units.estimate()});
    if (!seen.latency.empty()) {
        out.latencies.push_back(latencies_of(seen.models[0], seen.latency));
    }
    const double alpha = how.inference.alpha / static_cast<double>(seen.pairs.size());
    std::string wins, losses, open;
    std::size_t lost = 0;
    for (std::size_t p = 0; p < seen.pairs.size(); ++p) {
        const shadow_pair& pair = seen.pairs[p];
        out.arms.push_back({.model = seen.models[p + 1],
                            .share = how.rate,
                            .requests = static_cast<std::uint64_t>(pair.run.total()),
                            .failures = static_cast<std::uint64_t>(pair.run.total_sum()),
                            .units = pair.units.estimate()});
        if (!pair.latency.empty()) {
            out.latencies.push_back(latencies_of(seen.models[p + 1], pair.latency));
        }
        const shadow_finding found = describe_challenger(out, seen, p, how, alpha);
        std::string& words = found.wins ? wins : found.loses ? losses : open;
        words += (words.empty() ? "" : "; ") + found.words;
        lost += found.loses ? 1 : 0;
    }
    if (!wins.empty()) {
        out.decision = verdict::ship_challenger;
        out.reason =
            wins +
            "; a canary is the next step, since a shadow does not see what users do with another answer";
    } else if (lost == seen.pairs.size()) {
        out.decision = verdict::keep_champion;
        out.reason = losses;
    } else {
        out.reason = open + (losses.empty() ? "" : "; " + losses);
    }

    static constexpr const char* fates[] = {"",
                                            "",
                                            "repeated truths",
                                            "truths for requests on which the challenger failed",
                                            "truths for requests that no challenger ran on",
                                            "truths for damaged tickets",
                                            "truths for tickets of another trial",
                                            "truths that are not finite",
                                            "truths for forged tickets",
                                            "truths for tickets of a retired key",
                                            "truths too late for their tickets",
                                            "predictions or truths forgotten before their other half came"};
    count_if_any(out, "requests not sampled", seen.requests - seen.sampled);
    count_if_any(out, "calls served and not recorded", seen.unrecorded);
    for (std::size_t i = 2; i < seen.truths.size() && i < std::size(fates); ++i) {
        count_if_any(out, fates[i], seen.truths[i]);
    }

    out.notes.emplace_back(
        "Both models saw the same requests: estimates are challenger minus champion per request, clustered by " +
        count_text(bucket_count) + " hashed buckets of units; latency treats requests as independent; " +
        std::string{holds_of<Inference>()});
    out.notes.emplace_back(
        "Agreement is with the champion (which agrees with itself), failures are those on requests that the champion answered; accuracy leaves out requests on which the challenger failed.");
    out.notes.emplace_back(
        how.in_background
            ? "The challenger's latency was taken beside the service, on threads that compete with it: a canary measures the one that callers would see."
            : "The challenger ran in the caller, after the champion.");
    if (seen.pairs.size() > 1) {
        out.notes.emplace_back("The error rate is divided by the number of challengers (Bonferroni).");
    }
    return out;
}

inline void collect_pair(const slab& from, std::size_t p, shadow_pair& into)
{
    using row = shadow_row;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        const auto add = [b](bucket_tally& to, const row_values& values, double sum) {
            to.count[b] += static_cast<double>(values.count);
            to.sum[b] += sum;
        };
        const row_values run = from.read(row::calls, p, true, b);
        add(into.run, run, run.first);
        const row_values queued = from.read(row::fates, p, false, b);
        add(into.queued, queued, queued.first);
        const row_values dropped = from.read(row::fates, p, true, b);
        add(into.dropped, dropped, dropped.first);
        const row_values finite = from.read(row::compared, p, false, b);
        const row_values infinite = from.read(row::compared, p, true, b);
        add(into.compared, finite, finite.first);
        add(into.compared, infinite, infinite.first);
        add(into.distances, finite, finite.second);
        const row_values truths = from.read(row::judged, p, false, b);
        add(into.judged, truths, truths.first);
        into.champion_score += truths.second;
        const row_values unequal = from.read(row::judged, p, true, b);
        into.champion_only += static_cast<std::uint64_t>(unequal.first);
        into.challenger_only += static_cast<std::uint64_t>(unequal.second);
    }
    const auto counted = [&](std::size_t which) {
        return static_cast<std::uint64_t>(from.expected(which, p));
    };
    into.paused += counted(row::paused);
    into.not_copied += counted(row::not_copied);
    into.incomparable += counted(row::incomparable);
    into.not_judged += counted(row::not_judged);
    collect_arm(from, static_cast<unsigned>(p + 1), into.units, into.latency);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
