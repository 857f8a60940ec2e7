// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

/// A count and the sum of one quantity for each bucket of units.
struct bucket_tally {
    /// The count of each bucket.
    std::vector<double> count;
    /// The sum of each bucket.
    std::vector<double> sum;

    bucket_tally() = default;
    /// Make a tally of this many empty buckets.
    explicit bucket_tally(std::size_t buckets) : count(buckets), sum(buckets) {}

    /// Return the count over all buckets.
    [[nodiscard]] double total() const noexcept { return added(count); }
    /// Return the sum over all buckets.
    [[nodiscard]] double total_sum() const noexcept { return added(sum); }

    /// Add another tally with the same number of buckets.
    void merge(const bucket_tally& other)
    {
        for (std::size_t b = 0; b < count.size(); ++b) {
            count[b] += other.count[b];
            sum[b] += other.sum[b];
        }
    }
    /// Say whether every bucket has a whole count, and a sum that is finite and at least `least` and at most `most` times
    /// the count.
    [[nodiscard]] bool consistent(double least, double most) const noexcept
    {
        constexpr double most_events = 9007199254740992.0;  // Above 2^53 a double does not count.
        bool good = count.size() == bucket_count && sum.size() == bucket_count;
        for (std::size_t b = 0; good && b < bucket_count; ++b) {
            const double n = count[b];
            good = n >= 0.0 && n <= most_events && n == std::floor(n) && std::isfinite(sum[b]) &&
                   (n > 0.0 ? sum[b] >= least * n && sum[b] <= most * n : sum[b] == 0.0);
        }
        return good;
    }
    /// Pass every field to an archive, which reads or writes it.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(count, sum);
    }
    bool operator==(const bucket_tally&) const = default;

private:
    static double added(const std::vector<double>& values) noexcept
    {
        double all = 0.0;
        for (const double value : values) {
            all += value;
        }
        return all;
    }
};

/// The evidence on one challenger against the champion.
struct shadow_pair {
    /// Calls of the challenger. The sum counts the calls that failed.
    bucket_tally run{bucket_count};
    /// Pairs of results. The sum counts the pairs that agreed.
    bucket_tally compared{bucket_count};
    /// Pairs with a finite distance. The sum adds up the distances.
    bucket_tally distances{bucket_count};
    /// Pairs whose truth is known. The sum adds up the challenger's score minus the champion's.
    bucket_tally judged{bucket_count};
    /// Requests that the executor took. The sum adds up the bins of the champion's latency.
    bucket_tally queued{bucket_count};
    /// Requests that found the queue full. The sum adds up the bins of the champion's latency.
    bucket_tally dropped{bucket_count};
    /// The sum of the champion's scores over judged pairs.
    double champion_score = 0.0;
    /// Judged pairs where the champion scored higher; where scores are right or wrong, only the champion was right.
    std::uint64_t champion_only = 0;
    /// Judged pairs where the challenger scored higher.
    std::uint64_t challenger_only = 0;
    /// Requests that the challenger did not get because its breaker had paused it.
    std::uint64_t paused = 0;
    /// Requests whose arguments or result could not be copied.
    std::uint64_t not_copied = 0;
    /// Pairs whose comparison threw.
    std::uint64_t incomparable = 0;
    /// Pairs whose judgement threw or was not finite, and predictions that could not be kept.
    std::uint64_t not_judged = 0;
    /// The distinct units that the challenger ran for.
    hyperloglog<> units;
    /// The latencies of the challenger.
    latency_sketch latency;
    /// What earlier looks fixed and found about agreement.
    test_memory agreement;
    /// What earlier looks fixed and found about distances.
    test_memory distance;
    /// What earlier looks fixed and found about failures of the challenger beside those of the champion.
    test_memory failing;
    /// What earlier looks fixed and found about accuracy.
    test_memory accuracy;

    /// Add the evidence of another replica or day on the same challenger.
    void merge(const shadow_pair& other)
    {
        run.merge(other.run);
        compared.merge(other.compared);
        distances.merge(other.distances);
        judged.merge(other.judged);
        queued.merge(other.queued);
        dropped.merge(other.dropped);
        champion_score += other.champion_score;
        champion_only += other.champion_only;
        challenger_only += other.challenger_only;
        paused += other.paused;
        not_copied += other.not_copied;
        incomparable += other.incomparable;
        not_judged += other.not_judged;
        units.merge(other.units);
        latency.merge(other.latency);
        agreement.merge(other.agreement);
        distance.merge(other.distance);
        failing.merge(other.failing);
        accuracy.merge(other.accuracy);
    }
    /// Say whether all parts have their sizes and possible numbers. `graded` says whether scores are numbers, and not only
    /// right or wrong. Numbers that were counted at different moments need not fit each other exactly.
    [[nodiscard]] bool consistent(bool graded) const noexcept
    {
        constexpr double any = std::numeric_limits<double>::infinity();
        constexpr std::uint64_t most_events = std::uint64_t{1} << 53;
        constexpr double last_bin = latency_sketch::bins - 1;
        bool good = run.consistent(0.0, 1.0) && compared.consistent(0.0, 1.0) &&
                    distances.consistent(-any, any) && queued.consistent(0.0, last_bin) &&
                    dropped.consistent(0.0, last_bin) &&
                    judged.consistent(graded ? -any : -1.0, graded ? any : 1.0);
        for (std::size_t b = 0; good && b < bucket_count; ++b) {
            good = distances.count[b] <= compared.count[b];
        }
        good = good && std::isfinite(judged.total_sum()) && std::isfinite(distances.total_sum()) &&
               std::isfinite(champion_score) &&
               (graded || (champion_score >= 0.0 && champion_score <= judged.total()));
        for (const std::uint64_t each :
             {champion_only, challenger_only, paused, not_copied, incomparable, not_judged}) {
            good = good && each <= most_events;
        }
        return good && agreement.consistent() && distance.consistent() && failing.consistent() &&
               accuracy.consistent();
    }
    /// Pass every field to an archive, which reads or writes it.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(run, compared, distances, judged, queued, dropped, champion_score, champion_only,
                challenger_only, paused, not_copied, incomparable, not_judged, units, latency, agreement,
                distance, failing, accuracy);
    }
    bool operator==(const shadow_pair&) const = default;
};

/// What a shadow saw of one challenger where the champion ran twice, where it failed, and where limits were reached.
struct shadow_checks {
    /// Requests on which both runs of the champion and the challenger answered. The sum counts those on which only the challenger
    /// differed from the answer that was served, minus those on which only the champion's second answer did.
    bucket_tally twice{bucket_count};
    /// Such requests on which only the challenger differed.
    std::uint64_t challenger_differed = 0;
    /// Such requests on which only the champion's second answer differed.
    std::uint64_t champion_differed = 0;
    /// Such requests on which both differed.
    std::uint64_t both_differed = 0;
    /// Calls of the challenger on requests on which the champion had failed. The sum counts those that failed too.
    bucket_tally champion_failed{bucket_count};
    /// Answers that came after their deadline, which are not compared.
    std::uint64_t timed_out = 0;
    /// Requests that the challenger did not get because it had got as many as it may get.
    std::uint64_t limited = 0;

    /// Add the evidence of another replica or day on the same challenger.
    void merge(const shadow_checks& other)
    {
        twice.merge(other.twice);
        challenger_differed += other.challenger_differed;
        champion_differed += other.champion_differed;
        both_differed += other.both_differed;
        champion_failed.merge(other.champion_failed);
        timed_out += other.timed_out;
        limited += other.limited;
    }
    /// Say whether all parts have their sizes and possible numbers.
    [[nodiscard]] bool consistent() const noexcept
    {
        constexpr std::uint64_t most_events = std::uint64_t{1} << 53;
        return twice.consistent(-1.0, 1.0) && champion_failed.consistent(0.0, 1.0) &&
               challenger_differed <= most_events && champion_differed <= most_events &&
               both_differed <= most_events && timed_out <= most_events && limited <= most_events;
    }
    /// Pass every field to an archive, which reads or writes it.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(twice, challenger_differed, champion_differed, both_differed, champion_failed, timed_out,
                limited);
    }
    bool operator==(const shadow_checks&) const = default;
};

/// All evidence of a shadow as a value, which can be compared, and merged with the evidence of other threads, replicas
/// and days.
///
/// It holds no unit ids, arguments or results, only sums over hashed buckets of units.
struct shadow_evidence {
    /// The name of the trial.
    std::string trial;
    /// The names of the models, the champion's first.
    std::vector<std::string> models;
    /// The number of requests that were served and recorded.
    std::uint64_t requests = 0;
    /// The number of these requests that were sampled for the challengers.
    std::uint64_t sampled = 0;
    /// The number of requests on which the champion failed.
    std::uint64_t champion_failures = 0;
    /// How often the champion failed on sampled requests, by bucket of units.
    std::vector<double> failed = std::vector<double>(bucket_count);
    /// The number of requests that were served without consent and not recorded.
    std::uint64_t unrecorded = 0;
    /// The distinct units of all requests.
    hyperloglog<> units;
    /// The latencies of the champion on requests that a challenger got too.
    latency_sketch latency;
    /// The evidence on each challenger.
    std::vector<shadow_pair> pairs;
    /// The number of truths for each outcome, such as joined, repeated or late.
    std::vector<std::uint64_t> truths;
    /// 1 where scores are numbers, 0 where they are only right or wrong.
    std::uint64_t graded = 0;
    /// How often each helper threw, so that the champion served unrecorded: consent, and the unit key. It is empty where none did.
    std::vector<std::uint64_t> helpers;
    /// For each challenger, how many of its answers came since truths stopped to come. It is empty where they have not stopped, and
    /// where it is not, `helpers` is not empty either.
    std::vector<std::uint64_t> quiet;
    /// For each challenger, what was seen where the champion ran twice or failed. It is empty without `measure_noise`,
    /// `also_on_failures` and `protect`, and where it is not, `quiet` is not empty either.
    std::vector<shadow_checks> checks;

    /// Add the evidence of another replica or day of the same trial.
    /// errors: configuration_error where the evidence is from another trial or other models, or is not consistent
    void merge(const shadow_evidence& other)
    {
        if (trial != other.trial || models != other.models || truths.size() != other.truths.size() ||
            !consistent() || !other.consistent()) {
            throw configuration_error("shadow_evidence", "of trial '" + other.trial + "'",
                                      "evidence of trial '" + trial +
                                          "' with the same models in the same order");
        }
        requests += other.requests;
        sampled += other.sampled;
        champion_failures += other.champion_failures;
        for (std::size_t b = 0; b < failed.size() && b < other.failed.size(); ++b) {
            failed[b] += other.failed[b];
        }
        unrecorded += other.unrecorded;
        units.merge(other.units);
        latency.merge(other.latency);
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            pairs[p].merge(other.pairs[p]);
        }
        graded |= other.graded;
        for (std::size_t i = 0; i < truths.size(); ++i) {
            truths[i] += other.truths[i];
        }
        if (helpers.size() < other.helpers.size()) {
            helpers.resize(other.helpers.size());
        }
        for (std::size_t i = 0; i < other.helpers.size(); ++i) {
            helpers[i] += other.helpers[i];
        }
        if (quiet.size() < other.quiet.size()) {
            quiet.resize(other.quiet.size());
        }
        for (std::size_t i = 0; i < other.quiet.size(); ++i) {
            quiet[i] += other.quiet[i];
        }
        if (checks.size() < other.checks.size()) {
            checks.resize(other.checks.size());
        }
        for (std::size_t p = 0; p < other.checks.size(); ++p) {
            checks[p].merge(other.checks[p]);
        }
    }

    /// Say whether all parts have the sizes that the models require, and possible numbers. `from_snapshot`, `merge` and the
    /// report on evidence from elsewhere check it.
    [[nodiscard]] bool consistent() const noexcept
    {
        constexpr std::uint64_t most_events = std::uint64_t{1} << 53;
        bool good = models.size() >= 2 && pairs.size() == models.size() - 1 && requests <= most_events &&
                    sampled <= requests && champion_failures <= most_events && unrecorded <= most_events &&
                    graded <= 1;
        for (const std::uint64_t each : truths) {
            good = good && each <= most_events;
        }
        good = good && (quiet.empty() || (quiet.size() == pairs.size() && !helpers.empty()));
        for (const std::uint64_t each : quiet) {
            good = good && each <= most_events;
        }
        good = good && (checks.empty() || (checks.size() == pairs.size() && !quiet.empty()));
        for (const shadow_checks& each : checks) {
            good = good && each.consistent();
        }
        good = good && failed.size() == bucket_count;
        for (const double each : failed) {
            good = good && each >= 0.0 && each <= static_cast<double>(most_events);
        }
        for (const shadow_pair& each : pairs) {
            good = good && each.consistent(graded == 1);
        }
        return good;
    }

    /// Pass every field to an archive, which reads or writes it.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(trial, models, requests, sampled, champion_failures, failed, unrecorded, units, latency,
                pairs, truths, graded);
        archive.if_any(helpers);
        archive.if_any(quiet);
        archive.if_any(checks);
    }
    bool operator==(const shadow_evidence&) const = default;
};

namespace detail {

/// The helpers of a shadow that can throw before the champion runs, in the order of shadow_evidence::helpers.
inline constexpr std::size_t shadow_consent = 0;
inline constexpr std::size_t shadow_key = 1;
/// Calls whose unit had an empty id are counted after them.
inline constexpr std::size_t shadow_empty = 2;
/// Pairs of answers that a listener threw on.
inline constexpr std::size_t shadow_listener = 3;
inline constexpr std::size_t shadow_helpers = 4;

// Where a shadow keeps its sums in a slab. Each row has two sides, false and true, with a count and two sums for each
// bucket.
struct shadow_row {
    // true: calls of the challenger, and failed calls; in pair 0 the second sum counts the champion's failures on sampled
    // requests, which are no calls of the challenger. false: only in pair 0, with totals in the two places below.
    static constexpr std::size_t calls = 0;
    // false: requests that were queued; true: requests that were dropped. Both have the bins of the champion's latency.
    static constexpr std::size_t fates = 1;
    // false: agreements and distances; true: agreements of pairs whose distance is not finite.
    static constexpr std::size_t compared = 2;
    // false: gains and the champion's scores; true: pairs that only the champion, and only the challenger, got right.
    static constexpr std::size_t judged = 3;
    static constexpr std::size_t rows = 4;
    // Only with measure_noise, also_on_failures or protect. false: calls where the champion failed, and those that failed too. true: requests
    // on which the champion ran twice; only the challenger differed, and only the champion did.
    static constexpr std::size_t checks = 4;
    static constexpr std::size_t rows_with_checks = 5;
    // Two places that stay in the cache: all requests with the sampled ones, and the failed requests.
    static constexpr std::size_t all_requests = 0;
    static constexpr std::size_t failed_requests = 1;
    // The expectation of each row holds one plain counter.
    static constexpr std::size_t paused = 0;
    static constexpr std::size_t not_copied = 1;
    static constexpr std::size_t incomparable = 2;
    static constexpr std::size_t not_judged = 3;
    static constexpr std::size_t both_differed = 4;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
