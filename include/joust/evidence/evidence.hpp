// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/evidence/first_events.hpp>
#include <joust/evidence/late_calls.hpp>
#include <joust/evidence/share_counts.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/numeric/value_sketch.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold the sums of one series (exposures, failures, a metric) over the buckets of units, for one challenger and the
/// champion.
///
/// Let s be the propensity of the challenger when a request was served, w = s(1-s), and x the value. The sums of the
/// challenger are of (1-s) x, those of the champion of s x, and beside each of them stands a sum of sqrt(w) x. For
/// exposures x is 1.
struct bucket_sums {
    /// The challenger's sums of (1-s) x, by bucket.
    std::vector<double> challenger;
    /// The champion's sums of s x, by bucket.
    std::vector<double> champion;
    /// The challenger's sums of sqrt(w) x, by bucket.
    std::vector<double> challenger_root;
    /// The champion's sums of sqrt(w) x, by bucket.
    std::vector<double> champion_root;
    /// How many values the challenger has.
    std::uint64_t challenger_count = 0;
    /// How many values the champion has.
    std::uint64_t champion_count = 0;
    /// The sum of s over values other than 0: how many of these events are expected in the challenger.
    double expected = 0.0;
    /// For the series of exposures with feedback: how many exposures the champion served since its feedback stopped or fell
    /// below a quarter of what was usual. It is 0 while feedback keeps coming. For the series of values that cannot be
    /// scored: the same for the challenger.
    std::uint64_t quiet = 0;

    /// Begin without buckets.
    bucket_sums() = default;
    /// Begin with empty buckets.
    explicit bucket_sums(std::size_t buckets)
        : challenger(buckets), champion(buckets), challenger_root(buckets), champion_root(buckets)
    {
    }

    /// Return, for exposures, the sum of s (1 - s). It is 0 as long as nothing can be compared.
    [[nodiscard]] double expected_overlap() const noexcept
    {
        double sum = 0.0;
        for (std::size_t b = 0; b < challenger.size(); ++b) {
            sum += challenger[b] + champion[b];
        }
        return 0.5 * sum;
    }

    /// Set all sums to 0 and keep the memory.
    void clear() noexcept
    {
        for (auto* sums : {&challenger, &champion, &challenger_root, &champion_root}) {
            for (double& sum : *sums) {
                sum = 0.0;
            }
        }
        challenger_count = champion_count = quiet = 0;
        expected = 0.0;
    }

    /// Add the sums of another replica or day.
    /// assumes: `fits(other)`
    void merge(const bucket_sums& other)
    {
        for (std::size_t b = 0; b < challenger.size(); ++b) {
            challenger[b] += other.challenger[b];
            champion[b] += other.champion[b];
            challenger_root[b] += other.challenger_root[b];
            champion_root[b] += other.champion_root[b];
        }
        challenger_count += other.challenger_count;
        champion_count += other.champion_count;
        expected += other.expected;
        quiet += other.quiet;
    }

    /// Say whether both have the same number of buckets.
    [[nodiscard]] bool fits(const bucket_sums& other) const noexcept
    {
        return challenger.size() == other.challenger.size() && champion.size() == other.champion.size() &&
               challenger_root.size() == other.challenger_root.size() &&
               champion_root.size() == other.champion_root.size();
    }

    /// Say whether all lists have one place for each bucket, and possible numbers. What an arm never counted adds up to
    /// nothing.
    [[nodiscard]] bool consistent() const noexcept
    {
        const auto fits_count = [](const std::vector<double>& list, std::uint64_t count) {
            bool good = list.size() == bucket_count;
            for (const double x : list) {
                good = good && std::isfinite(x) && (count > 0 || x == 0.0);
            }
            return good;
        };
        return expected >= 0.0 && std::isfinite(expected) && fits_count(challenger, challenger_count) &&
               fits_count(champion, champion_count) && fits_count(challenger_root, challenger_count) &&
               fits_count(champion_root, champion_count);
    }
    /// Say whether these can be sums of exposures: each adds at most 1, and nothing below 0.
    [[nodiscard]] bool counts_exposures() const noexcept
    {
        const auto counts = [](const std::vector<double>& list, std::uint64_t count) {
            double sum = 0.0;
            bool good = true;
            for (const double x : list) {
                good = good && x >= 0.0;
                sum += x;
            }
            return good && sum <= static_cast<double>(count) * (1.0 + 1e-9);
        };
        constexpr std::uint64_t most_events = std::uint64_t{1} << 53;  // Above it a double does not count.
        return challenger_count <= most_events && champion_count <= most_events &&
               counts(challenger, challenger_count) && counts(champion, champion_count) &&
               counts(challenger_root, challenger_count) && counts(champion_root, champion_count);
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(challenger, champion, challenger_root, champion_root, challenger_count, champion_count,
                expected, quiet);
    }
    /// Compare all members.
    bool operator==(const bucket_sums&) const = default;
};

/// Hold the answer of a test that counts once, so that later looks repeat it.
struct counted_look {
    /// Whether there is such an answer.
    bool taken = false;
    /// The level of the champion.
    double champion = 0.0;
    /// The level of the challenger.
    double challenger = 0.0;
    /// The difference, or the ratio.
    double estimate = 0.0;
    /// The lower end of the interval, which may be infinite.
    double lower = 0.0;
    /// The upper end of the interval, which may be infinite.
    double upper = 0.0;
    /// The p-value.
    double p_value = 0.0;
    /// How many exposures had been served at the look.
    double exposures = 0.0;

    /// Say whether a test can have kept these numbers. The estimate of a ratio may be infinite.
    [[nodiscard]] bool consistent() const noexcept
    {
        return std::isfinite(champion) && std::isfinite(challenger) && !std::isnan(estimate) &&
               lower <= upper && p_value >= 0.0 && p_value <= 1.0 && exposures >= 0.0 &&
               std::isfinite(exposures);
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(taken, champion, challenger, estimate, lower, upper, p_value, exposures);
    }
    /// Compare all members.
    bool operator==(const counted_look&) const = default;
};

/// Hold one look of a group-sequential test.
struct planned_look {
    /// The variance of the score.
    double variance = 0.0;
    /// The exposures so far divided by the planned ones, at most 1.
    double time = 0.0;
    /// The standardised score.
    double z = 0.0;

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(variance, time, z);
    }
    /// Compare all members.
    bool operator==(const planned_look&) const = default;
};

namespace detail {

/// Say whether the looks of a test can have kept these numbers.
template <class Kept>
[[nodiscard]] bool kept_numbers_are_possible(const Kept& kept) noexcept
{
    double time = 0.0;
    double variance = 0.0;
    for (const planned_look& each : kept.looks) {
        if (!(each.time > time && each.time <= 1.0 && each.variance >= variance &&
              std::isfinite(each.variance) && std::isfinite(each.z))) {
            return false;
        }
        time = each.time;
        variance = each.variance;
    }
    return kept.rho >= 0.0 && std::isfinite(kept.rho) && std::isfinite(kept.highest_log_e) &&
           kept.counted.consistent() && kept.decided.consistent();
}

}  // namespace detail

namespace detail {

/// Copy a list. Where both lists have the same length, nothing is allocated.
template <class T>
void copy_list(std::vector<T>& to, const std::vector<T>& from)
{
    if (to.size() != from.size()) {
        to = std::vector<T>(from.size());
    }
    for (std::size_t i = 0; i < from.size(); ++i) {
        to[i] = from[i];
    }
}

/// Copy what the looks of a test have fixed and found.
template <class Kept, class From>
void copy_kept(Kept& to, const From& from)
{
    to.rho = from.rho;
    to.highest_log_e = from.highest_log_e;
    to.counted = from.counted;
    copy_list(to.looks, from.looks);
    to.decided = from.decided;
}

}  // namespace detail

/// Hold what the looks of one test have fixed and found.
struct look_memory {
    /// The tuning of the normal mixture. It is 0 until the burn-in is over.
    double rho = 0.0;
    /// The highest logarithm of the e-value so far.
    double highest_log_e = 0.0;
    /// The answer that counts, of a test that is taken once.
    counted_look counted{};
    /// The looks of a group-sequential test.
    std::vector<planned_look> looks{};
    /// The answer at the look with the highest evidence, once a test at every look has rejected.
    counted_look decided{};

    /// Choose between the looks of two parts of one trial: those that were taken first stay.
    ///
    /// The choice must not see what the looks have found, or the error rate would grow with the number of parts. It goes by
    /// the exposures at the first look, and between looks at the same exposures by a hash of their numbers.
    [[nodiscard]] bool precedes(const look_memory& other) const noexcept
    {
        if (counted.taken != other.counted.taken) {
            return counted.taken;
        }
        if (looks.empty() != other.looks.empty()) {
            return !looks.empty();
        }
        if (!looks.empty()) {
            const planned_look& one = looks.front();
            const planned_look& two = other.looks.front();
            if (one.time != two.time) {
                return one.time < two.time;
            }
            if (!(one == two)) {
                return blind(one.variance, one.z) < blind(two.variance, two.z);
            }
            if (looks.size() != other.looks.size()) {  // One continues the other.
                return looks.size() > other.looks.size();
            }
        }
        if (counted.exposures != other.counted.exposures) {
            return counted.exposures < other.counted.exposures;
        }
        return blind(counted.champion, counted.estimate) <
               blind(other.counted.champion, other.counted.estimate);
    }

    /// Join what was kept at two series of looks at the same merged evidence.
    void join(const look_memory& other)
    {
        const bool other_first = other.precedes(*this);
        if (other_first) {
            counted = other.counted;
            looks = other.looks;
        }
        if (rho == other.rho || !(rho > 0.0) || !(other.rho > 0.0)) {
            decided = other.highest_log_e > highest_log_e ? other.decided : decided;
            highest_log_e = highest_log_e > other.highest_log_e ? highest_log_e : other.highest_log_e;
            rho = rho > other.rho ? rho : other.rho;
        } else if (other.rho > rho) {
            // Evidence against different mixtures has no common maximum.
            rho = other.rho;
            decided = other.decided;
            highest_log_e = other.highest_log_e;
        }
    }

    /// Say whether a test can have kept these numbers.
    [[nodiscard]] bool consistent() const noexcept { return detail::kept_numbers_are_possible(*this); }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(rho, highest_log_e, counted, looks, decided);
    }
    /// Compare all members.
    bool operator==(const look_memory&) const = default;

private:
    [[nodiscard]] static std::uint64_t blind(double one, double two) noexcept
    {
        return mix64(std::bit_cast<std::uint64_t>(one) ^ mix64(std::bit_cast<std::uint64_t>(two)));
    }
};

/// Hold what an inference policy keeps from look to look.
///
/// A sequential test keeps what it fixed at the end of its burn-in, and the highest evidence since then. A
/// fixed-horizon test keeps its only look, and a group-sequential test keeps all of its looks.
struct test_memory {
    /// The tuning of the normal mixture. It is 0 until the burn-in is over.
    double rho = 0.0;
    /// The highest logarithm of the e-value so far.
    double highest_log_e = 0.0;
    /// The answer that counts, of a test that is taken once.
    counted_look counted{};
    /// The looks of a group-sequential test.
    std::vector<planned_look> looks{};
    /// The answer at the look with the highest evidence, once a test at every look has rejected.
    counted_look decided{};
    /// What looks at merged evidence have kept: one entry, or none. The evidence of each part carries it, so that the next
    /// merged evidence knows which looks were taken.
    std::vector<look_memory> whole{};

    /// Join the memory of another replica or day.
    ///
    /// Looks at merged evidence stay. Without any, the look that counts stays that one of the parts that was taken first.
    void merge(const test_memory& other)
    {
        if (!other.whole.empty()) {
            if (whole.empty()) {
                whole = other.whole;
            } else {
                whole.front().join(other.whole.front());
            }
        }
        look_memory own = kept();
        own.join(other.kept());
        // Every replica's burn-in estimates the same rho. The largest one stays, so that the order of merging does not
        // matter. Evidence that one part has shown alone is not evidence of the whole, so it starts again.
        own.rho = rho > other.rho ? rho : other.rho;
        own.highest_log_e = 0.0;
        own.decided = {};
        take(own);
    }

    /// Continue with what looks at merged evidence have kept, before another look at merged evidence.
    ///
    /// `judge` is the memory of the trial that looks. It knows the looks that the trial has taken, also where the trial
    /// itself has no part in the evidence. They count where the evidence has grown since.
    void resume(const test_memory& judge, double exposures)
    {
        if (!judge.whole.empty() && judge.whole.front().counted.taken &&
            judge.whole.front().counted.exposures <= exposures) {
            look_memory known = judge.whole.front();
            known.highest_log_e = 0.0;
            known.decided = {};
            if (whole.empty()) {
                whole.push_back(std::move(known));
            } else {
                whole.front().join(known);
            }
        }
        if (!whole.empty()) {
            take(whole.front());
        }
    }

    /// Take over what a look at a copy of the same evidence found. Values that were fixed before stay.
    void learn(const test_memory& found)
    {
        rho = rho > 0.0 ? rho : found.rho;
        if (found.highest_log_e > highest_log_e) {
            highest_log_e = found.highest_log_e;
            decided = found.decided.taken ? found.decided : decided;
        }
        if (found.looks.size() > looks.size()) {
            detail::copy_list(looks, found.looks);
            counted = found.counted;
        }
        counted = counted.taken ? counted : found.counted;
    }

    /// Take over what a look at merged evidence found, of which this evidence is a part.
    void learn_whole(const test_memory& found)
    {
        if (look_memory kept_there = found.kept(); kept_there != look_memory{}) {
            if (whole.empty()) {
                whole.push_back(std::move(kept_there));
            } else {
                whole.front().join(kept_there);
            }
        }
    }

    /// Say whether a test can have kept these numbers.
    [[nodiscard]] bool consistent() const noexcept
    {
        return detail::kept_numbers_are_possible(*this) && whole.size() <= 1 &&
               (whole.empty() || whole.front().consistent());
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(rho, highest_log_e, counted, looks, decided, whole);
    }
    /// Compare all members.
    bool operator==(const test_memory&) const = default;

private:
    [[nodiscard]] look_memory kept() const { return {rho, highest_log_e, counted, looks, decided}; }
    void take(const look_memory& from) { detail::copy_kept(*this, from); }
};

namespace detail {

/// Copy the memory of a test. Where all lists have the same lengths, nothing is allocated.
inline void copy_memory(test_memory& to, const test_memory& from)
{
    copy_kept(to, from);
    if (to.whole.size() != from.whole.size()) {
        to.whole = std::vector<look_memory>(from.whole.size());
    }
    for (std::size_t i = 0; i < from.whole.size(); ++i) {
        copy_kept(to.whole[i], from.whole[i]);
    }
}

}  // namespace detail

/// Hold the latencies of one arm against another one, weighted as in bucket_sums: those of the challenger with 1 - s, those
/// of the champion with s. While shares change, only such weights compare both arms over the same traffic.
struct overlap_latencies {
    /// The sum of the weights in each bin of a latency_sketch. It is empty where no guardrail is on latency.
    std::vector<double> weights;
    /// The sum of the squared weights.
    double squares = 0.0;

    /// Add the latencies of another replica or day.
    void merge(const overlap_latencies& other)
    {
        if (weights.empty()) {
            weights = other.weights;
        } else {
            for (std::size_t bin = 0; bin < other.weights.size() && bin < weights.size(); ++bin) {
                weights[bin] += other.weights[bin];
            }
        }
        squares += other.squares;
    }
    /// Say whether these can be sums of weights.
    [[nodiscard]] bool consistent() const
    {
        bool good = (weights.empty() || weights.size() == latency_sketch::bins) && squares >= 0.0 &&
                    std::isfinite(squares);
        for (const double weight : weights) {
            good = good && weight >= 0.0 && std::isfinite(weight);
        }
        return good;
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(weights, squares);
    }
    /// Compare all members.
    bool operator==(const overlap_latencies&) const = default;
};

/// Hold the evidence of one challenger against the champion.
struct pair_evidence {
    /// The sums of exposures, failures, and then the metrics of the trial in order.
    std::vector<bucket_sums> series;
    /// The first events of each guardrail on failures or latency, of the last two epochs.
    std::vector<std::vector<first_event>> events;
    /// The highest evidence that each of these guardrails has shown. Nothing is there where nothing was shown alone.
    std::vector<first_event_peak> peaks;
    /// The epochs of each of these guardrails. The list is empty where none of them is on latency.
    std::vector<late_calls> late;
    /// The memory of the test of each series, and of the further limits of guardrails.
    std::vector<test_memory> memory;
    /// The challenger's latencies, where a guardrail is on latency.
    overlap_latencies challenger_latency;
    /// The champion's latencies, where a guardrail is on latency.
    overlap_latencies champion_latency;
    /// What happened at each share, in trials that promote.
    share_counts by_share;

    /// Say whether both have lists of the same lengths.
    [[nodiscard]] bool fits(const pair_evidence& other) const
    {
        bool fit = series.size() == other.series.size() && memory.size() == other.memory.size() &&
                   events.size() == other.events.size() && late.size() == other.late.size() &&
                   by_share.fits(other.by_share);
        for (std::size_t s = 0; fit && s < series.size(); ++s) {
            fit = series[s].fits(other.series[s]);
        }
        return fit;
    }

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(series, events, peaks, late, memory, challenger_latency, champion_latency, by_share);
    }
    /// Compare all members.
    bool operator==(const pair_evidence&) const = default;
};

/// Hold what one arm served.
struct arm_evidence {
    /// Estimates the number of distinct units.
    hyperloglog<> units;
    /// The latencies of timed calls.
    latency_sketch latency;

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(units, latency);
    }
    /// Compare all members.
    bool operator==(const arm_evidence&) const = default;
};

/// Hold the values of one quantile metric, and the threshold that its series counts them against.
struct quantile_evidence {
    /// The quantile, as a probability.
    double q = 0.0;
    /// The lowest threshold of any replica; infinite until one is fixed. Each replica fixes a threshold of its own, so
    /// that merged evidence can have two.
    double lowest = std::numeric_limits<double>::infinity();
    /// The highest threshold of any replica; minus infinity until one is fixed.
    double highest = -std::numeric_limits<double>::infinity();
    /// For each challenger two sketches: the champion's values with weights s, as in bucket_sums, and the challenger's
    /// values with weights 1 - s.
    std::vector<value_sketch> values;

    /// Add the values of another replica or day.
    void merge(const quantile_evidence& other)
    {
        lowest = other.lowest < lowest ? other.lowest : lowest;
        highest = other.highest > highest ? other.highest : highest;
        for (std::size_t v = 0; v < values.size(); ++v) {
            values[v].merge(other.values[v]);
        }
    }
    /// Say whether a threshold is fixed.
    [[nodiscard]] bool fixed() const noexcept { return lowest <= highest; }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(q, lowest, highest, values);
    }
    /// Compare all members.
    bool operator==(const quantile_evidence&) const = default;
};

/// Hold everything that a trial has seen, as a value: comparable, serialisable, and mergeable across threads, replicas
/// and days.
///
/// It holds sums over hashed buckets, and no identifiers or state of single units.
struct evidence {
    /// The name of the trial, which is its salt if it has one.
    std::string trial;
    /// The names of the models, the champion first.
    std::vector<std::string> models;
    /// The names of the series: "exposures", "failures", and then the metrics.
    std::vector<std::string> series;
    /// What each arm served, in the order of `models`.
    std::vector<arm_evidence> arms;
    /// One for each challenger.
    std::vector<pair_evidence> pairs;
    /// How often feedback was not used, by reason.
    std::vector<std::uint64_t> ignored;
    /// How many calls were served without consent or enrolment.
    std::uint64_t unrecorded = 0;
    /// One for each quantile metric.
    std::vector<quantile_evidence> quantiles;

    /// Add the evidence of another replica or day of the same trial.
    /// errors: configuration_error if trial, models, metrics or guardrails differ
    void merge(const evidence& other)
    {
        if (!fits(other)) {
            throw configuration_error("evidence", "of trial '" + other.trial + "'",
                                      "evidence of trial '" + trial +
                                          "' with the same models, metrics and guardrails in the same order");
        }
        for (std::size_t a = 0; a < arms.size(); ++a) {
            arms[a].units.merge(other.arms[a].units);
            arms[a].latency.merge(other.arms[a].latency);
        }
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            for (std::size_t s = 0; s < pairs[p].series.size(); ++s) {
                pairs[p].series[s].merge(other.pairs[p].series[s]);
            }
            for (std::size_t s = 0; s < pairs[p].memory.size(); ++s) {
                pairs[p].memory[s].merge(other.pairs[p].memory[s]);
            }
            pairs[p].challenger_latency.merge(other.pairs[p].challenger_latency);
            pairs[p].champion_latency.merge(other.pairs[p].champion_latency);
            pairs[p].by_share.merge(other.pairs[p].by_share);
            for (std::size_t g = 0; g < pairs[p].events.size(); ++g) {
                pairs[p].events[g] = joust::merge(pairs[p].events[g], other.pairs[p].events[g]);
            }
            for (std::size_t g = 0; g < pairs[p].late.size(); ++g) {
                late_calls& mine = pairs[p].late[g];
                mine.epochs = joust::merge(mine.epochs, other.pairs[p].late[g].epochs);
                mine.not_judged += other.pairs[p].late[g].not_judged;
            }
            // What one part has shown alone is not evidence of the whole: with many parts one of them would often have shown
            // something.
            if (pairs[p].peaks != other.pairs[p].peaks) {
                pairs[p].peaks.clear();
            }
        }
        // Reasons that no version counted at first are there only where they were counted.
        if (ignored.size() < other.ignored.size()) {
            ignored.resize(other.ignored.size());
        }
        for (std::size_t i = 0; i < other.ignored.size(); ++i) {
            ignored[i] += other.ignored[i];
        }
        unrecorded += other.unrecorded;
        for (std::size_t i = 0; i < quantiles.size(); ++i) {
            quantiles[i].merge(other.quantiles[i]);
        }
    }

    /// Say whether both are of the same trial with lists of the same lengths, so that they can be merged.
    [[nodiscard]] bool fits(const evidence& other) const
    {
        bool fit = trial == other.trial && models == other.models && series == other.series &&
                   arms.size() == other.arms.size() && pairs.size() == other.pairs.size() &&
                   quantiles.size() == other.quantiles.size();
        for (std::size_t p = 0; fit && p < pairs.size(); ++p) {
            fit = pairs[p].fits(other.pairs[p]);
        }
        for (std::size_t i = 0; fit && i < quantiles.size(); ++i) {
            fit = quantiles[i].q == other.quantiles[i].q &&
                  quantiles[i].values.size() == other.quantiles[i].values.size();
        }
        return fit;
    }

    /// Return how many requests an arm served.
    [[nodiscard]] std::uint64_t requests(std::size_t arm) const
    {
        return arm == 0 ? pairs.front().series.front().champion_count
                        : pairs[arm - 1].series.front().challenger_count;
    }
    /// Return how many calls of an arm failed.
    [[nodiscard]] std::uint64_t failed(std::size_t arm) const
    {
        return arm == 0 ? pairs.front().series[1].champion_count : pairs[arm - 1].series[1].challenger_count;
    }
    /// Return how many requests all arms served.
    [[nodiscard]] std::uint64_t requests() const
    {
        std::uint64_t all = 0;
        for (std::size_t a = 0; a < arms.size(); ++a) {
            all += requests(a);
        }
        return all;
    }

    /// Say whether all parts have the sizes that the names require, and possible numbers. `from_snapshot` checks it.
    [[nodiscard]] bool consistent() const
    {
        bool good = models.size() >= 2 && arms.size() == models.size() && pairs.size() == models.size() - 1 &&
                    series.size() >= 2;
        for (const auto& pair : pairs) {
            good = good && pair.series.size() == series.size() && pair.memory.size() >= series.size() &&
                   pair.memory.size() == pairs.front().memory.size() &&
                   pair.events.size() == pairs.front().events.size() &&
                   (pair.peaks.empty() || pair.peaks.size() == pair.events.size());
            for (const first_event_peak& peak : pair.peaks) {
                good = good && peak.consistent();
            }
            good = good && (pair.late.empty() || pair.late.size() == pair.events.size());
            for (const late_calls& each : pair.late) {
                good = good && each.epochs.size() <= 2;
                for (std::size_t i = 0; i < each.epochs.size(); ++i) {
                    good = good && each.epochs[i].consistent() &&
                           (i == 0 || each.epochs[i].epoch == each.epochs[0].epoch + 1);
                }
            }
            good = good && pair.challenger_latency.consistent() && pair.champion_latency.consistent() &&
                   pair.by_share.consistent(series.size());
            for (const test_memory& kept : pair.memory) {
                good = good && kept.consistent();
            }
            for (const auto& sums : pair.series) {
                good = good && sums.consistent();
            }
            good = good && pair.series.front().counts_exposures();
            for (const auto& events : pair.events) {
                for (std::size_t i = 0; i < events.size(); ++i) {
                    good =
                        good && events[i].slot < detail::event_slots &&
                        (i == 0 || events[i - 1].epoch < events[i].epoch ||
                         (events[i - 1].epoch == events[i].epoch && events[i - 1].slot < events[i].slot)) &&
                        events[i].propensity > 0.0 && events[i].propensity < 1.0;
                }
                good = good && (events.empty() || (events.front().epoch > 0 &&
                                                   events.back().epoch - events.front().epoch <= 1));
            }
        }
        for (const quantile_evidence& each : quantiles) {
            good = good && each.q > 0.0 && each.q < 1.0 && each.values.size() == 2 * pairs.size() &&
                   (each.fixed()
                        ? std::isfinite(each.lowest) && std::isfinite(each.highest)
                        : each.lowest == -each.highest && each.lowest > std::numeric_limits<double>::max());
        }
        return good;
    }

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(trial, models, series, arms, pairs, ignored, unrecorded);
        archive.if_any(quantiles);
    }
    /// Compare all members.
    bool operator==(const evidence&) const = default;
};

}  // namespace v0
}  // namespace joust
