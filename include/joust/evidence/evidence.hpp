// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/evidence/first_events.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/numeric/value_sketch.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

/// Sums of one series (exposures, failures, a metric) over the buckets of units, for one challenger and the champion.
///
/// With s the challenger's propensity when a request was served, w = s(1-s) and x the value: challenger sums are of (1-s) x,
/// champion sums of s x, each with its sqrt(w) x beside it. For exposures x is 1.
struct bucket_sums {
    /// sum of (1-s) x
    std::vector<double> challenger;
    /// sum of s x
    std::vector<double> champion;
    /// sum of sqrt(w) x
    std::vector<double> challenger_root;
    std::vector<double> champion_root;
    std::uint64_t challenger_count = 0;
    std::uint64_t champion_count = 0;
    /// sum of s over observations that are not 0: events the challenger should have
    double expected = 0.0;

    bucket_sums() = default;
    explicit bucket_sums(std::size_t buckets)
        : challenger(buckets), champion(buckets), challenger_root(buckets), champion_root(buckets)
    {
    }

    /// Of exposures: the sum of s (1 - s), which is 0 while nothing can be compared.
    [[nodiscard]] double expected_overlap() const noexcept
    {
        double sum = 0.0;
        for (std::size_t b = 0; b < challenger.size(); ++b) {
            sum += challenger[b] + champion[b];
        }
        return 0.5 * sum;
    }

    /// Empty all sums and keep the memory.
    void clear() noexcept
    {
        for (auto* sums : {&challenger, &champion, &challenger_root, &champion_root}) {
            sums->assign(sums->size(), 0.0);
        }
        challenger_count = champion_count = 0;
        expected = 0.0;
    }

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
    }

    /// Has the other one as many buckets?
    [[nodiscard]] bool fits(const bucket_sums& other) const noexcept
    {
        return challenger.size() == other.challenger.size() && champion.size() == other.champion.size() &&
               challenger_root.size() == other.challenger_root.size() &&
               champion_root.size() == other.champion_root.size();
    }

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(challenger, champion, challenger_root, champion_root, challenger_count, champion_count,
                expected);
    }
    bool operator==(const bucket_sums&) const = default;
};

/// The answer of a test that is taken once, so that later looks repeat it.
struct counted_look {
    bool taken = false;
    double champion = 0.0;
    double challenger = 0.0;
    double estimate = 0.0;
    /// ends may be infinite
    double lower = 0.0;
    double upper = 0.0;
    double p_value = 0.0;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(taken, champion, challenger, estimate, lower, upper, p_value);
    }
    bool operator==(const counted_look&) const = default;
};

/// One look of a group-sequential test.
struct planned_look {
    /// of the score
    double variance = 0.0;
    /// exposures so far over those planned, at most 1
    double time = 0.0;
    double z = 0.0;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(variance, time, z);
    }
    bool operator==(const planned_look&) const = default;
};

/// What a test keeps from look to look: a sequential one what it fixed at the end of its burn-in and the highest evidence
/// it has shown since, a fixed-horizon one its only look, a group-sequential one all of its looks.
struct test_memory {
    /// 0 until the burn-in is over
    double rho = 0.0;
    double highest_log_e = 0.0;
    counted_look counted{};
    std::vector<planned_look> looks{};

    void merge(const test_memory& other)
    {
        // Any rho fixed by some replica's burn-in estimates the same quantity; the largest stays, whatever the order. What
        // a part has shown alone is not what the whole shows.
        rho = rho > other.rho ? rho : other.rho;
        highest_log_e = 0.0;
        counted = {};
        looks.clear();
    }

    /// Take over what a look at a copy of the same evidence found. What was fixed before it stays.
    void learn(const test_memory& found)
    {
        rho = rho > 0.0 ? rho : found.rho;
        highest_log_e = highest_log_e > found.highest_log_e ? highest_log_e : found.highest_log_e;
        if (found.looks.size() > looks.size()) {
            looks = found.looks;
            counted = found.counted;
        }
        counted = counted.taken ? counted : found.counted;
    }

    /// Are these numbers that a test can have kept?
    [[nodiscard]] bool consistent() const
    {
        double time = 0.0;
        double variance = 0.0;
        for (const planned_look& each : looks) {
            if (!(each.time > time && each.time <= 1.0 && each.variance >= variance &&
                  std::isfinite(each.variance) && std::isfinite(each.z))) {
                return false;
            }
            time = each.time;
            variance = each.variance;
        }
        return rho >= 0.0 && std::isfinite(rho) && std::isfinite(highest_log_e) &&
               std::isfinite(counted.champion) && std::isfinite(counted.challenger) &&
               std::isfinite(counted.estimate) && counted.lower <= counted.upper && counted.p_value >= 0.0 &&
               counted.p_value <= 1.0;
    }
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(rho, highest_log_e, counted, looks);
    }
    bool operator==(const test_memory&) const = default;
};

/// Evidence of one challenger against the champion.
struct pair_evidence {
    /// exposures, failures, then the trial's metrics in order
    std::vector<bucket_sums> series;
    /// per guardrail on failures or latency
    std::vector<std::vector<first_event>> events;
    /// per series
    std::vector<test_memory> memory;

    /// Has the other one the same lists of the same lengths?
    [[nodiscard]] bool fits(const pair_evidence& other) const
    {
        bool fit = series.size() == other.series.size() && memory.size() == other.memory.size() &&
                   events.size() == other.events.size();
        for (std::size_t s = 0; fit && s < series.size(); ++s) {
            fit = series[s].fits(other.series[s]);
        }
        return fit;
    }

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(series, events, memory);
    }
    bool operator==(const pair_evidence&) const = default;
};

/// What an arm served.
struct arm_evidence {
    hyperloglog<> units;
    latency_sketch latency;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(units, latency);
    }
    bool operator==(const arm_evidence&) const = default;
};

/// Values of one quantile metric, and the threshold that its series count them against.
struct quantile_evidence {
    double q = 0.0;
    /// The champion's threshold; replicas fix their own, so that merged there are two. Infinite until one is fixed.
    double lowest = std::numeric_limits<double>::infinity();
    double highest = -std::numeric_limits<double>::infinity();
    /// For each challenger the champion's values, weighted by s as bucket_sums is, and its own, weighted by 1 - s.
    std::vector<value_sketch> values;

    void merge(const quantile_evidence& other)
    {
        lowest = other.lowest < lowest ? other.lowest : lowest;
        highest = other.highest > highest ? other.highest : highest;
        for (std::size_t v = 0; v < values.size(); ++v) {
            values[v].merge(other.values[v]);
        }
    }
    [[nodiscard]] bool fixed() const noexcept { return lowest <= highest; }
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(q, lowest, highest, values);
    }
    bool operator==(const quantile_evidence&) const = default;
};

/// Everything a trial has seen, as a value: comparable, serialisable, and mergeable across threads, replicas and days.
///
/// No unit ids and no per-unit state are inside, only sums over hashed buckets.
struct evidence {
    /// the salt
    std::string trial;
    /// champion first
    std::vector<std::string> models;
    /// "exposures", "failures", then metrics
    std::vector<std::string> series;
    std::vector<arm_evidence> arms;
    /// one per challenger
    std::vector<pair_evidence> pairs;
    /// feedback counted and not used, by reason
    std::vector<std::uint64_t> ignored;
    /// calls served without consent or enrolment
    std::uint64_t unrecorded = 0;
    /// one per quantile metric
    std::vector<quantile_evidence> quantiles;

    /// Add another replica's or day's evidence of the same trial.
    /// errors: configuration_error where the two are not of the same trial, models, metrics and guardrails.
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
            for (std::size_t g = 0; g < pairs[p].events.size(); ++g) {
                pairs[p].events[g] = joust::merge(pairs[p].events[g], other.pairs[p].events[g]);
            }
        }
        for (std::size_t i = 0; i < ignored.size(); ++i) {
            ignored[i] += other.ignored[i];
        }
        unrecorded += other.unrecorded;
        for (std::size_t i = 0; i < quantiles.size(); ++i) {
            quantiles[i].merge(other.quantiles[i]);
        }
    }

    /// Is the other one of the same trial, with lists of the same lengths, so that the two can be merged?
    [[nodiscard]] bool fits(const evidence& other) const
    {
        bool fit = trial == other.trial && models == other.models && series == other.series &&
                   arms.size() == other.arms.size() && pairs.size() == other.pairs.size() &&
                   ignored.size() == other.ignored.size() && quantiles.size() == other.quantiles.size();
        for (std::size_t p = 0; fit && p < pairs.size(); ++p) {
            fit = pairs[p].fits(other.pairs[p]);
        }
        for (std::size_t i = 0; fit && i < quantiles.size(); ++i) {
            fit = quantiles[i].q == other.quantiles[i].q &&
                  quantiles[i].values.size() == other.quantiles[i].values.size();
        }
        return fit;
    }

    [[nodiscard]] std::uint64_t requests(std::size_t arm) const
    {
        return arm == 0 ? pairs.front().series.front().champion_count
                        : pairs[arm - 1].series.front().challenger_count;
    }
    [[nodiscard]] std::uint64_t failed(std::size_t arm) const
    {
        return arm == 0 ? pairs.front().series[1].champion_count : pairs[arm - 1].series[1].challenger_count;
    }
    [[nodiscard]] std::uint64_t requests() const
    {
        std::uint64_t all = 0;
        for (std::size_t a = 0; a < arms.size(); ++a) {
            all += requests(a);
        }
        return all;
    }

    /// Do all parts have the sizes that the names promise? Checked after reading bytes from outside.
    [[nodiscard]] bool consistent() const
    {
        bool good = models.size() >= 2 && arms.size() == models.size() && pairs.size() == models.size() - 1 &&
                    series.size() >= 2;
        for (const auto& pair : pairs) {
            good = good && pair.series.size() == series.size() && pair.memory.size() == series.size() &&
                   pair.events.size() == pairs.front().events.size();
            for (const test_memory& kept : pair.memory) {
                good = good && kept.consistent();
            }
            for (const auto& sums : pair.series) {
                good = good && sums.challenger.size() == bucket_count &&
                       sums.champion.size() == bucket_count && sums.challenger_root.size() == bucket_count &&
                       sums.champion_root.size() == bucket_count && std::isfinite(sums.expected) &&
                       sums.expected >= 0.0;
                for (const auto* list :
                     {&sums.challenger, &sums.champion, &sums.challenger_root, &sums.champion_root}) {
                    for (const double x : *list) {
                        good = good && std::isfinite(x);
                    }
                }
            }
            for (const auto& events : pair.events) {
                for (std::size_t i = 0; i < events.size(); ++i) {
                    good = good && events[i].slot < detail::event_slots &&
                           (i == 0 || events[i - 1].slot < events[i].slot) && events[i].propensity > 0.0 &&
                           events[i].propensity < 1.0;
                }
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

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(trial, models, series, arms, pairs, ignored, unrecorded);
        archive.if_any(quantiles);
    }
    bool operator==(const evidence&) const = default;
};

}  // namespace v0
}  // namespace joust
