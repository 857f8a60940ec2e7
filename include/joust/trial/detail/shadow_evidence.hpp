// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

/// A count and the sum of one quantity for each bucket of units.
struct bucket_tally {
    std::vector<double> count;
    std::vector<double> sum;

    bucket_tally() = default;
    explicit bucket_tally(std::size_t buckets) : count(buckets), sum(buckets) {}

    [[nodiscard]] double total() const noexcept { return added(count); }
    [[nodiscard]] double total_sum() const noexcept { return added(sum); }

    void merge(const bucket_tally& other)
    {
        for (std::size_t b = 0; b < count.size(); ++b) {
            count[b] += other.count[b];
            sum[b] += other.sum[b];
        }
    }
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

/// What one challenger did beside the champion.
struct shadow_pair {
    /// calls made; sum: those that failed
    bucket_tally run{bucket_count};
    /// pairs of results; sum: those that agreed
    bucket_tally compared{bucket_count};
    /// pairs with a finite distance; sum: of the distances
    bucket_tally distances{bucket_count};
    /// pairs whose truth came; sum: challenger's score minus champion's
    bucket_tally judged{bucket_count};
    bucket_tally queued{/// requests handed to the executor; sum: bins of the champion's latency
                        bucket_count};
    bucket_tally dropped{/// requests that found the queue full; sum: bins of the champion's latency
                         bucket_count};
    /// sum over judged pairs
    double champion_score = 0.0;
    /// pairs where the champion scored higher (for right and wrong: only it was right)
    std::uint64_t champion_only = 0;
    std::uint64_t challenger_only = 0;
    /// requests kept from the challenger by its breaker
    std::uint64_t paused = 0;
    /// requests whose arguments or result could not be copied
    std::uint64_t not_copied = 0;
    /// comparisons that threw
    std::uint64_t incomparable = 0;
    /// judgements that threw or were not finite
    std::uint64_t not_judged = 0;
    hyperloglog<> units;
    latency_sketch latency;
    test_memory agreement, distance, failing, accuracy;

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
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(run, compared, distances, judged, queued, dropped, champion_score, champion_only,
                challenger_only, paused, not_copied, incomparable, not_judged, units, latency, agreement,
                distance, failing, accuracy);
    }
    bool operator==(const shadow_pair&) const = default;
};

/// Everything a shadow has seen, as a value: comparable, and mergeable across threads, replicas and days by addition.
///
/// No unit ids, arguments or results are inside, only sums over hashed buckets of units.
struct shadow_evidence {
    std::string trial;
    /// champion first
    std::vector<std::string> models;
    std::uint64_t requests = 0;
    /// of them, those meant for the challengers
    std::uint64_t sampled = 0;
    std::uint64_t champion_failures = 0;
    /// served without consent
    std::uint64_t unrecorded = 0;
    hyperloglog<> units;
    /// the champion's, where a challenger ran beside it
    latency_sketch latency;
    /// one per challenger
    std::vector<shadow_pair> pairs;
    /// what became of truths, by reason
    std::vector<std::uint64_t> truths;
    /// 1 where scores are not only right or wrong
    std::uint64_t graded = 0;

    /// Add another replica's or day's evidence of the same trial.
    /// errors: configuration_error where the two are not of the same trial and models.
    void merge(const shadow_evidence& other)
    {
        if (trial != other.trial || models != other.models || truths.size() != other.truths.size()) {
            throw configuration_error("shadow_evidence", "of trial '" + other.trial + "'",
                                      "evidence of trial '" + trial +
                                          "' with the same models in the same order");
        }
        requests += other.requests;
        sampled += other.sampled;
        champion_failures += other.champion_failures;
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
    }

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(trial, models, requests, sampled, champion_failures, unrecorded, units, latency, pairs,
                truths, graded);
    }
    bool operator==(const shadow_evidence&) const = default;
};

namespace detail {

// Where a shadow keeps its sums in a slab. Each row has a count and two sums; one side of a row is called true.
struct shadow_row {
    static constexpr std::size_t calls =
        0;  // true: run, failed; false: only pair 0, and totals instead of buckets, as below
    static constexpr std::size_t fates =
        1;  // false: queued; true: dropped; both with the bin of the champion's latency
    static constexpr std::size_t compared =
        2;  // false: agree, distance; true: agree, where the distance is not finite
    static constexpr std::size_t judged =
        3;  // false: gain, champion's score; true: only the champion, only the challenger
    static constexpr std::size_t rows = 4;
    // Two places that stay in the cache: sums of all requests and of those sampled; and of those that failed.
    static constexpr std::size_t all_requests = 0;
    static constexpr std::size_t failed_requests = 1;
    // And in the expectation of each row, one plain counter.
    static constexpr std::size_t paused = 0;
    static constexpr std::size_t not_copied = 1;
    static constexpr std::size_t incomparable = 2;
    static constexpr std::size_t not_judged = 3;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
