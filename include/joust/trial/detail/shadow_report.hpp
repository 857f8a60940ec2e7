// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/inference/inference.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/dominating_unit.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/possible.hpp>
#include <joust/trial/detail/posterior.hpp>
#include <joust/trial/detail/shadow_evidence.hpp>

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

/// The settings of a shadow that its report needs.
template <paired_inference_policy Inference>
struct shadow_setting {
    Inference inference{};
    double rate = 1.0;
    bool in_background = true;
};

/// Infer a paired difference from the sums `d` and the counts `n` of each bucket. Both models saw the same requests.
///
/// `events` is the number of observations that were not 0. With few of them the variance is not known well enough.
template <class Policy>
[[nodiscard]] inference judge_paired(const Policy& policy, const std::vector<double>& d,
                                     const std::vector<double>& n, double events, double alpha,
                                     test_memory& memory, double champion = 0.0)
{
    return judge_pairs(policy, {.difference = d, .count = n, .champion = champion}, events, alpha, memory);
}

/// Return the factor by which the champion took longer where the challenger's call was dropped, or 1 where no clear factor
/// exists.
///
/// It compares means of the logarithm with cluster-robust errors. A difference is clear above three and a half standard
/// errors.
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

/// Remove the test from a row and keep its interval. Its null hypothesis, no disagreement at all, is never exactly true, so a
/// test of it says nothing.
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

/// The result of one challenger, for the verdict.
struct shadow_finding {
    bool wins = false;
    bool loses = false;
    std::string words;
};

/// The answers of an inference policy on the pairs of one challenger.
struct shadow_answers {
    inference accuracy;
    inference agreement;
    inference distance;
    inference failing;
};

/// Return the number of pairs of results that did not agree.
[[nodiscard]] inline double disagreements_in(const shadow_pair& pair) noexcept
{
    return pair.compared.total() - pair.compared.total_sum();
}

/// Return whether distances say more than agreement, which they do where they are not only 0 and 1.
[[nodiscard]] inline bool distance_matters(const shadow_pair& pair) noexcept
{
    return pair.distances.total() > 0.0 && pair.distances.total_sum() != disagreements_in(pair);
}

/// Return the champion's mean score against the truth.
[[nodiscard]] inline double champion_score_in(const shadow_pair& pair) noexcept
{
    const double judged = pair.judged.total();
    return judged > 0.0 ? pair.champion_score / judged : stats::not_a_number;
}

/// The failures of a challenger on requests that the champion answered beside the champion's failures on sampled requests,
/// by bucket of units.
///
/// The sum of the differences is the challenger's calls times the difference of both rates. Each bucket's failures are
/// taken around the common rate, so that the noise of both rates is in the variance, and the traffic of a bucket is not.
///
/// Where challengers run on requests on which the champion failed too, each request has both outcomes, and the difference of a
/// bucket is that of its requests.
struct failure_sums {
    std::vector<double> difference = std::vector<double>(bucket_count);
    std::vector<double> count = std::vector<double>(bucket_count);
    double champion = stats::not_a_number;
    double challenger = stats::not_a_number;
    /// The number of failures of both models.
    double events = 0.0;

    failure_sums(const shadow_evidence& seen, std::size_t p)
    {
        const shadow_pair& pair = seen.pairs[p];
        count = pair.run.count;
        if (p < seen.checks.size() && seen.checks[p].champion_failed.total() > 0.0) {
            pair_up(pair, seen.checks[p].champion_failed);
            return;
        }
        const double run = pair.run.total();
        double failed = 0.0;
        double answered = 0.0;
        for (std::size_t b = 0; b < bucket_count; ++b) {
            failed += seen.failed[b];
            answered += pair.queued.count[b] + pair.dropped.count[b];
        }
        const double challenger_failed = pair.run.total_sum();
        const double sampled = std::fmax(static_cast<double>(seen.sampled), failed);
        events = failed + challenger_failed;
        if (!(run > 0.0 && sampled > 0.0)) {
            return;
        }
        champion = failed / sampled;
        challenger = challenger_failed / run;
        const double common = events / (run + sampled);
        // Requests of a paused challenger are not counted by bucket, so the champion's requests are those that it answered in
        // the bucket, in proportion.
        const double scale = answered > 0.0 ? (sampled - failed) / answered : 0.0;
        for (std::size_t b = 0; b < bucket_count; ++b) {
            const double served = seen.failed[b] + scale * (pair.queued.count[b] + pair.dropped.count[b]);
            difference[b] = pair.run.sum[b] - common * pair.run.count[b] -
                            run / sampled * (seen.failed[b] - common * served);
        }
    }

private:
    void pair_up(const shadow_pair& pair, const bucket_tally& champion_failed)
    {
        const double requests = pair.run.total() + champion_failed.total();
        champion = champion_failed.total() / requests;
        challenger = (pair.run.total_sum() + champion_failed.total_sum()) / requests;
        // Requests on which both failed are no difference.
        events = pair.run.total_sum() + champion_failed.total() - champion_failed.total_sum();
        for (std::size_t b = 0; b < bucket_count; ++b) {
            difference[b] = pair.run.sum[b] + champion_failed.sum[b] - champion_failed.count[b];
            count[b] += champion_failed.count[b];
        }
    }
};

/// Return what was seen of one challenger where the champion ran twice, or null where it never did.
[[nodiscard]] inline const shadow_checks* noise_of(const shadow_evidence& seen, std::size_t p) noexcept
{
    return p < seen.checks.size() && seen.checks[p].twice.total() > 0.0 ? &seen.checks[p] : nullptr;
}

/// Return the row of the challenger's disagreement beyond that of the champion with itself.
///
/// If both are equal, a request on which only one of both second answers differs is as likely the one as the other, so that
/// the e-value is exact, and the interval leaves zero only where the coin is not fair. Its ends scale the coin's by the share of such
/// requests so far.
[[nodiscard]] inline metric_row row_of_excess(const shadow_evidence& seen, std::size_t p,
                                              const shadow_checks& checks, double alpha)
{
    constexpr std::uint64_t enough = 10;
    const double n = checks.twice.total();
    const std::uint64_t one_sided = checks.challenger_differed + checks.champion_differed;
    const stats::bounds coin =
        stats::bernoulli_mixture_interval(checks.challenger_differed, one_sided, alpha);
    const double log_e = stats::bernoulli_mixture_log_e(checks.challenger_differed, one_sided, 0.5);
    const double share = static_cast<double>(one_sided) / n;
    metric_row row;
    row.metric = "excess disagreement";
    row.arm = seen.models[p + 1];
    row.role = "secondary";
    row.method = "fair coin, where only one of both differs";
    row.unit = "%";
    row.better = -1;
    row.champion = static_cast<double>(checks.champion_differed + checks.both_differed) / n;
    row.challenger = static_cast<double>(checks.challenger_differed + checks.both_differed) / n;
    row.estimate = row.challenger - row.champion;
    row.e_value = std::exp(log_e);
    row.p_value = row.e_value > 1.0 ? 1.0 / row.e_value : 1.0;
    row.state = one_sided < enough ? status::too_few : status::ok;
    if (row.state == status::ok) {
        row.lower = (2.0 * coin.lower - 1.0) * share;
        row.upper = (2.0 * coin.upper - 1.0) * share;
    }
    return row;
}

/// Ask an inference policy about one challenger.
template <class Inference>
[[nodiscard]] shadow_answers judge_challenger(const Inference& policy, shadow_evidence& seen, std::size_t p,
                                              double alpha)
{
    shadow_pair& pair = seen.pairs[p];
    shadow_answers found;
    found.accuracy = judge_paired(policy, pair.judged.sum, pair.judged.count,
                                  static_cast<double>(pair.champion_only + pair.challenger_only), alpha,
                                  pair.accuracy, champion_score_in(pair));
    // The champion agrees with itself, so agreement is a difference like every other row.
    std::vector<double> disagreed(bucket_count);
    for (std::size_t b = 0; b < bucket_count; ++b) {
        disagreed[b] = pair.compared.sum[b] - pair.compared.count[b];
    }
    found.agreement =
        judge_paired(policy, disagreed, pair.compared.count, disagreements_in(pair), alpha, pair.agreement);
    if (distance_matters(pair)) {
        found.distance = judge_paired(policy, pair.distances.sum, pair.distances.count,
                                      pair.distances.total(), alpha, pair.distance);
    }
    const failure_sums failures{seen, p};
    found.failing =
        judge_paired(policy, failures.difference, failures.count, failures.events, alpha, pair.failing);
    found.failing.champion = failures.champion;
    found.failing.challenger = failures.challenger;
    return found;
}

/// Return the row of accuracy, or of scores.
[[nodiscard]] inline metric_row row_of_accuracy(const shadow_evidence& seen, std::size_t p,
                                                const inference& accuracy)
{
    const shadow_pair& pair = seen.pairs[p];
    const double champion = champion_score_in(pair);
    metric_row row = row_of(seen.graded != 0 ? "score" : "accuracy", seen.models[p + 1], "primary", accuracy,
                            champion, champion + pair.judged.total_sum() / pair.judged.total());
    row.better = 1;
    row.unit = seen.graded != 0 ? "" : "%";
    keep_possible(row);
    append_posterior(row.method, accuracy, true, false, row.unit);
    return row;
}

/// Add the rows of one challenger.
inline void add_rows(report& out, const shadow_evidence& seen, std::size_t p, const shadow_answers& found,
                     double alpha, double units)
{
    const shadow_pair& pair = seen.pairs[p];
    const std::string& name = seen.models[p + 1];
    const std::size_t first_row = out.metrics.size();
    const bool judged = pair.judged.total() > 0.0;
    if (judged) {
        out.metrics.push_back(row_of_accuracy(seen, p, found.accuracy));
    }
    const double compared = pair.compared.total();
    out.metrics.push_back(
        described_only(row_of("agreement", name, judged ? "secondary" : "primary", found.agreement,
                              compared > 0.0 ? 1.0 : stats::not_a_number,
                              compared > 0.0 ? pair.compared.total_sum() / compared : stats::not_a_number)));
    out.metrics.back().unit = "%";
    keep_within(out.metrics.back(), -1.0, 0.0);  // The champion agrees with itself always.
    if (const shadow_checks* checks = noise_of(seen, p); checks != nullptr) {
        out.metrics.push_back(row_of_excess(seen, p, *checks, alpha));
    }
    if (distance_matters(pair)) {
        out.metrics.push_back(described_only(row_of("distance", name, "secondary", found.distance, 0.0,
                                                    pair.distances.total_sum() / pair.distances.total())));
        keep_within(out.metrics.back(), 0.0, std::numeric_limits<double>::infinity());
    }
    out.metrics.push_back(row_of("failures", name, "secondary", found.failing, found.failing.champion,
                                 found.failing.challenger));
    out.metrics.back().unit = "%";
    out.metrics.back().better = -1;
    keep_possible(out.metrics.back());
    for (const double q : {0.5, 0.99}) {
        out.metrics.push_back(compare_latency(seen, p, q, alpha, units));
    }
    for (std::size_t r = first_row; r < out.metrics.size(); ++r) {
        out.metrics[r].level = 1.0 - alpha;
    }
}

/// The share of pairs that may go without a judgement before a better score is no longer believed.
inline constexpr double most_not_judged = 0.05;

/// Return whether the pairs that could not be judged might turn the lead of the challenger: they are too many, or the lower
/// limit falls to 0 if the champion were better on each of them, by 1 where answers are right or wrong, and else by six
/// standard deviations of a pair.
[[nodiscard]] inline bool lead_in_doubt(const shadow_evidence& seen, const shadow_pair& pair, double lower)
{
    const double judged = pair.judged.total();
    const double lost = static_cast<double>(pair.not_judged);
    if (lost > most_not_judged * (judged + lost)) {
        return true;
    }
    double squares = 0.0;
    const double mean = pair.judged.total_sum() / judged;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        const double rest = pair.judged.sum[b] - mean * pair.judged.count[b];
        squares += rest * rest;
    }
    const double worst = seen.graded != 0 ? 6.0 * std::sqrt(squares / judged) : 1.0;
    return lost > 0.0 && lower * judged <= worst * lost;
}

/// Say why a challenger with the better accuracy is not ready for a canary: the requests that it left without a score would
/// turn its lead if it had scored nothing on them. Returns an empty text where nothing is missing.
[[nodiscard]] inline std::string missing_in_words(const shadow_evidence& seen, std::size_t p,
                                                  const shadow_answers& answers)
{
    const shadow_pair& pair = seen.pairs[p];
    const double run = pair.run.total();
    const double judged = pair.judged.total();
    const auto lost = static_cast<double>(pair.not_judged);
    const double late = p < seen.checks.size() ? static_cast<double>(seen.checks[p].timed_out) : 0.0;
    const double failed = run > 0.0 ? (pair.run.total_sum() + late) / run : 0.0;
    const double unscored = lost > 0.0 ? lost / (lost + judged) : 0.0;
    const double without_score = std::fmin(failed + unscored, 1.0);
    const double lead =
        (1.0 - without_score) * answers.accuracy.lower - without_score * std::fabs(champion_score_in(pair));
    if (!(without_score > 0.0) || (lead > 0.0 && !lead_in_doubt(seen, pair, answers.accuracy.lower))) {
        return {};
    }
    std::string text = late > 0.0 ? ", but it failed, was too late or could not be judged on "
                                  : ", but it failed or could not be judged on ";
    add_percent(text, without_score);
    text += " of its requests";
    if (pair.not_judged != 0) {
        text += " (";
        append_count(text, pair.not_judged);
        text += pair.not_judged == 1 ? " pair could not be judged)" : " pairs could not be judged)";
    }
    text += ", which could change the verdict";
    return text;
}

/// Return how many answers of a challenger came since its truths stopped, or 0 where they have not stopped. A fiftieth of all
/// answers has to be concerned, so that one replica of many that hears nothing does not stop the others.
[[nodiscard]] inline std::uint64_t answers_since_truths(const shadow_evidence& seen, std::size_t p) noexcept
{
    const std::uint64_t quiet = p < seen.quiet.size() ? seen.quiet[p] : 0;
    return 50.0 * static_cast<double>(quiet) > seen.pairs[p].run.total() ? quiet : 0;
}

/// Say that truths stopped.
[[nodiscard]] inline std::string stopped_in_words(const shadow_evidence& seen, std::size_t p)
{
    std::string text = "truths hardly come any more: in the last ";
    append_count(text, answers_since_truths(seen, p));
    text += " of ";
    append_count(text, static_cast<std::uint64_t>(seen.pairs[p].run.total()));
    text += " requests of " + seen.models[p + 1] + " they came at less than a quarter of the rate before";
    return text;
}

/// Say how the challenger's disagreement compares with that of the champion with itself, where that was measured.
inline void append_noise(std::string& out, const shadow_evidence& seen, std::size_t p, double alpha)
{
    const shadow_checks* checks = noise_of(seen, p);
    if (checks == nullptr) {
        return;
    }
    const metric_row excess = row_of_excess(seen, p, *checks, alpha);
    out += ", and the champion with itself on ";
    add_percent(out, 1.0 - excess.champion);
    if (excess.state != status::ok || excess.p_value > alpha) {
        out += ", which is no difference that is shown";
    } else {
        out += excess.estimate > 0.0 ? ", so that more than noise is different"
                                     : ", so that its answers vary less than the champion's";
    }
}

/// Describe the result of one challenger in words.
[[nodiscard]] inline shadow_finding find_out(const shadow_evidence& seen, std::size_t p,
                                             const shadow_answers& answers, double alpha)
{
    const shadow_pair& pair = seen.pairs[p];
    const std::string& name = seen.models[p + 1];
    const std::string quality = seen.graded != 0 ? "score" : "accuracy";
    const inference& accuracy = answers.accuracy;
    shadow_finding found;
    if (answers.failing.rejects(alpha) && answers.failing.estimate > 0.0) {
        found.loses = true;
        found.words = name + " fails on ";
        add_percent(found.words, answers.failing.challenger);
        found.words += " of the requests that the champion answered, and the champion on ";
        add_percent(found.words, answers.failing.champion);
    } else if (accuracy.rejects(alpha) && accuracy.estimate > 0.0 &&
               lead_in_doubt(seen, pair, accuracy.lower)) {
        found.words = name + " has the better " + quality + " on ";
        append_count(found.words, static_cast<std::uint64_t>(pair.judged.total()));
        found.words += " judged pairs, but ";
        append_count(found.words, pair.not_judged);
        found.words += pair.not_judged == 1 ? " pair" : " pairs";
        found.words += " could not be judged, so that the rest does not speak for all requests";
    } else if (accuracy.rejects(alpha)) {
        found.wins = accuracy.estimate > 0.0;
        found.loses = !found.wins;
        std::string missing = found.wins ? missing_in_words(seen, p, answers) : std::string{};
        if (found.wins && missing.empty() && answers_since_truths(seen, p) > 0) {
            missing = ", but " + stopped_in_words(seen, p);
        }
        found.wins = found.wins && missing.empty();
        found.words = name + (found.loses ? " has the worse " : " has the better ") + quality + ": ";
        metric_row scored = row_of_accuracy(seen, p, accuracy);
        const row_format format{scored};
        format.estimate(found.words, scored.estimate);
        found.words += ' ';
        format.interval(found.words);
        found.words += " on the same requests" + missing;
    } else if (pair.judged.total() > 0.0) {
        found.words = name + "'s " + quality +
                      (accuracy.state == status::ok
                           ? " cannot be told from the champion's yet"
                           : " cannot be judged yet: " + std::string{to_string(accuracy.state)});
    } else if (const double compared = pair.compared.total(); compared > 0.0) {
        found.words = name + " agrees with the champion on ";
        add_percent(found.words, pair.compared.total_sum() / compared);
        found.words += " of requests";
        append_noise(found.words, seen, p, alpha);
        found.words += "; only truths can show which of the two is right";
    } else {
        found.words = name + " has not answered a request yet";
    }
    return found;
}

/// Count requests by which of both models failed, where challengers run on those on which the champion failed, and how often
/// the champion ran twice.
inline void count_checks(report& out, const shadow_evidence& seen, std::size_t p)
{
    if (p >= seen.checks.size()) {
        return;
    }
    const shadow_pair& pair = seen.pairs[p];
    const shadow_checks& checks = seen.checks[p];
    const std::string& name = seen.models[p + 1];
    const auto whole = [](double n) { return static_cast<std::uint64_t>(n); };
    if (checks.champion_failed.total() > 0.0) {
        const double both = checks.champion_failed.total_sum();
        out.counts.push_back({"requests that the champion and " + name + " answered",
                              whole(pair.run.total() - pair.run.total_sum())});
        out.counts.push_back({"requests on which only " + name + " failed", whole(pair.run.total_sum())});
        out.counts.push_back({"requests on which only the champion failed, and " + name + " answered",
                              whole(checks.champion_failed.total() - both)});
        out.counts.push_back({"requests on which the champion and " + name + " failed", whole(both)});
    }
    count_if_any(out, "answers of " + name + " that came after their deadline and were not compared",
                 checks.timed_out);
    count_if_any(out, "calls of " + name + " not made because of its rate limit", checks.limited);
    count_if_any(out, "requests on which the champion ran twice beside " + name, whole(checks.twice.total()));
}

/// Count what the comparisons with one challenger leave out, and note where drops are not random.
inline void add_counts(report& out, const shadow_pair& pair, const std::string& name)
{
    count_if_any(out, "calls of " + name + " dropped because the queue was full",
                 static_cast<std::uint64_t>(pair.dropped.total()));
    count_if_any(out, "calls of " + name + " not made because its breaker had paused it", pair.paused);
    count_if_any(out, "calls of " + name + " not made because arguments or result could not be copied",
                 pair.not_copied);
    count_if_any(out, "results of " + name + " that could not be compared (the comparator threw)",
                 pair.incomparable);
    count_if_any(out, "comparisons with " + name + " without a finite distance",
                 static_cast<std::uint64_t>(pair.compared.total() - pair.distances.total()));
    count_if_any(out, "pairs judged with " + name, static_cast<std::uint64_t>(pair.judged.total()));
    count_if_any(out, "pairs where only the champion was right, or scored higher than " + name,
                 pair.champion_only);
    count_if_any(out, "pairs where only " + name + " was right, or scored higher", pair.challenger_only);
    count_if_any(out, "predictions of " + name + " that could not be kept or judged", pair.not_judged);

    if (const double factor = slower_where_dropped(pair); factor != 1.0) {
        std::string note = "Drops are not random: where " + name + " was dropped the champion took ";
        append_number(note, factor, 3);
        note +=
            " times as long as where it ran, so the comparison leaves out a part of the traffic. A longer queue, more threads or a lower sampling rate helps.";
        add_text(out.notes, note);
    }
}

/// Note which part of the requests has a truth, where accuracy or scores are known for a part only.
inline void note_truths(report& out, const shadow_evidence& seen, std::size_t p)
{
    const shadow_pair& pair = seen.pairs[p];
    const std::string& name = seen.models[p + 1];
    if (answers_since_truths(seen, p) > 0) {
        out.notes.push_back("Of " + name + ", " + stopped_in_words(seen, p) + ".");
    }
    const double judged = pair.judged.total();
    const double answered = pair.run.total() - pair.run.total_sum();
    constexpr double nearly_all = 0.9;
    if (judged > 0.0 && judged < nearly_all * answered) {
        std::string note = "Truths came for ";
        append_count(note, static_cast<std::uint64_t>(judged));
        note += " of the ";
        append_count(note, static_cast<std::uint64_t>(answered));
        note += " requests that " + name + " answered (";
        append_percent(note, judged / answered, 1);
        note +=
            "). What is said of its quality is about these requests, and holds for the others only if it does not depend on the answers which of them get a truth.";
        add_text(out.notes, note);
    }
}

/// Describe each model: its share, requests, failures, units and latencies.
inline void describe_models(report& out, const shadow_evidence& seen, double rate)
{
    out.arms.push_back({.model = seen.models[0],
                        .share = 1.0,
                        .requests = seen.requests,
                        .failures = seen.champion_failures,
                        .units = seen.units.estimate()});
    if (!seen.latency.empty()) {
        out.latencies.push_back(latencies_of(seen.models[0], seen.latency));
    }
    for (std::size_t p = 0; p < seen.pairs.size(); ++p) {
        const shadow_pair& pair = seen.pairs[p];
        out.arms.push_back({.model = seen.models[p + 1],
                            .share = rate,
                            .requests = static_cast<std::uint64_t>(pair.run.total()),
                            .failures = static_cast<std::uint64_t>(pair.run.total_sum()),
                            .units = pair.units.estimate()});
        if (!pair.latency.empty()) {
            out.latencies.push_back(latencies_of(seen.models[p + 1], pair.latency));
        }
    }
}

/// Write the verdict of a shadow and its reason into the report.
inline void conclude(report& out, const std::vector<shadow_finding>& found)
{
    std::string wins;
    std::string losses;
    std::string open;
    std::size_t lost = 0;
    for (const shadow_finding& each : found) {
        std::string& words = each.wins ? wins : each.loses ? losses : open;
        words += (words.empty() ? "" : "; ") + each.words;
        lost += each.loses ? 1 : 0;
    }
    if (!wins.empty()) {
        out.decision = verdict::ship_challenger;
        out.reason =
            wins +
            "; a canary is the next step, since a shadow does not see what users do with another answer";
    } else if (lost == found.size()) {
        out.decision = verdict::keep_champion;
        out.reason = losses;
    } else {
        out.reason = open + (losses.empty() ? "" : "; " + losses);
    }
}

/// Count requests that were left out, and the outcomes of truths.
inline void add_counts(report& out, const shadow_evidence& seen)
{
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
                                            "predictions or truths discarded before the other one came"};
    count_if_any(out, "requests not sampled", seen.requests - seen.sampled);
    count_if_any(out, "calls served and not recorded", seen.unrecorded);
    static constexpr ignored helpers[] = {ignored::consent_threw, ignored::key_threw, ignored::empty_unit};
    for (std::size_t i = 0; i < seen.helpers.size() && i < shadow_listener; ++i) {
        count_if_any(out, ignored_words[static_cast<std::size_t>(helpers[i])], seen.helpers[i]);
    }
    if (shadow_listener < seen.helpers.size()) {
        count_if_any(out, "pairs of answers that a listener threw on", seen.helpers[shadow_listener]);
    }
    for (std::size_t i = 2; i < seen.truths.size() && i < std::size(fates); ++i) {
        count_if_any(out, fates[i], seen.truths[i]);
    }
}

/// Add the notes about methods that every report of a shadow has. `how_long` says when its intervals hold.
inline void add_notes(report& out, const shadow_evidence& seen, bool in_background, std::string_view how_long)
{
    add_text(
        out.notes,
        "Both models saw the same requests: estimates are challenger minus champion per request, clustered by " +
            count_text(bucket_count) + " hashed buckets of units; latency treats requests as independent; " +
            std::string{how_long});
    add_text(
        out.notes,
        "Agreement is with the answer that the champion gave; the challenger's failures are those on requests that the champion answered, and the champion's are those on all sampled requests; accuracy leaves out requests on which the challenger failed. A verdict on failures and one on quality have an error rate each, and these add up.");
    add_text(
        out.notes,
        in_background
            ? "The challenger's latency was measured on background threads that compete with the service; a canary measures the latency that callers would see."
            : "The challenger ran in the caller, after the champion.");
    bool differs = false;
    bool measured = false;
    bool failures_paired = false;
    for (std::size_t p = 0; p < seen.pairs.size(); ++p) {
        differs = differs || disagreements_in(seen.pairs[p]) > 0.0;
        measured = measured || noise_of(seen, p) != nullptr;
        failures_paired =
            failures_paired || (p < seen.checks.size() && seen.checks[p].champion_failed.total() > 0.0);
    }
    if (differs && !measured) {
        add_text(
            out.notes,
            "How often the champion disagrees with itself was not measured: a model whose answers vary disagrees with an identical one too. measure_noise{} runs the champion twice on some requests and shows the excess.");
    }
    if (failures_paired) {
        add_text(
            out.notes,
            "Challengers also ran on requests on which the champion failed: the row on failures compares both models on the same requests.");
    }
    if (seen.pairs.size() > 1) {
        add_text(out.notes, "The error rate is divided by the number of challengers (Bonferroni).");
    }
}

/// Note units that are missing, and a unit that outweighs the others.
inline void note_units(report& out, const shadow_evidence& seen)
{
    if (shadow_empty < seen.helpers.size() && seen.helpers[shadow_empty] > 0) {
        out.notes.emplace_back(
            "Some calls came with an empty unit id (empty text, a null pointer or the nil UUID). The champion served them, and they are not part of the comparison.");
    }
    std::vector<double> requests(bucket_count);
    for (std::size_t b = 0; b < bucket_count; ++b) {
        requests[b] = seen.failed[b];
        for (const shadow_pair& pair : seen.pairs) {
            requests[b] += pair.queued.count[b] + pair.dropped.count[b];
        }
    }
    note_dominating_unit(out, requests, "the requests that were sampled",
                         "The comparison depends on what the models answer to it.");
}

/// Write the report of a shadow. The look at the evidence keeps in `seen` what it fixes and finds.
template <class Inference>
[[nodiscard]] report shadow_report(shadow_evidence& seen, const shadow_setting<Inference>& how)
{
    report out;
    out.name = seen.trial;
    out.kind = "shadow";
    describe_models(out, seen, how.rate);
    const double alpha = how.inference.alpha / static_cast<double>(seen.pairs.size());
    std::vector<shadow_finding> found;
    for (std::size_t p = 0; p < seen.pairs.size(); ++p) {
        const shadow_answers answers = judge_challenger(how.inference, seen, p, alpha);
        add_rows(out, seen, p, answers, alpha, how.inference.units);
        found.push_back(find_out(seen, p, answers, alpha));
        count_checks(out, seen, p);
        add_counts(out, seen.pairs[p], seen.models[p + 1]);
        note_truths(out, seen, p);
    }
    conclude(out, found);
    add_counts(out, seen);
    note_units(out, seen);
    add_notes(out, seen, how.in_background, holds_of<Inference>());
    return out;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
