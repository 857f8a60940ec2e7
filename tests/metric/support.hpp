// SPDX-License-Identifier: Apache-2.0
#pragma once

// A small world for the tests of evidence: arrivals with known arms, propensities and outcomes, and their sums written down
// as the definition says, without slabs.

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/inference.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace joust_test {

/// One served request of a trial with one challenger.
struct arrival {
    std::uint64_t pseudonym = 0;
    bool challenger = false;
    /// the challenger's propensity
    double s = 0.5;
    double x = 0.0;
    bool failed = false;
    std::int64_t nanoseconds = 0;
    std::uint64_t time = 0;
};

/// What a stream of arrivals looks like.
struct world {
    std::uint64_t units = 2'000;
    double share = 0.3;
    /// probability that x is 1
    double champion = 0.2;
    double challenger = 0.2;
    double failing = 0.02;
};

/// Units return and keep their arm, so that a unit's requests are one cluster.
inline std::vector<arrival> arrivals(std::uint64_t seed, int count, const world& w = {})
{
    joust::keyed_random random{seed};
    std::vector<arrival> all;
    for (int i = 0; i < count; ++i) {
        const std::uint64_t unit = random.below(w.units);
        const bool challenger = static_cast<double>(joust::mix64(unit + 99) >> 11) * 0x1p-53 < w.share;
        all.push_back({.pseudonym = joust::mix64(unit + 1),
                       .challenger = challenger,
                       .s = w.share,
                       .x = random.chance(challenger ? w.challenger : w.champion) ? 1.0 : 0.0,
                       .failed = random.chance(w.failing),
                       .nanoseconds = static_cast<std::int64_t>(1'000 + random.below(50'000)),
                       .time = static_cast<std::uint64_t>(i)});
    }
    return all;
}

/// Add an observation to the sums of a series by their definition.
inline void add(joust::bucket_sums& sums, const arrival& a, double x)
{
    const std::size_t bucket = a.pseudonym / (std::uint64_t{1} << 54);
    const double root = std::sqrt(a.s * (1.0 - a.s));
    if (a.challenger) {
        sums.challenger[bucket] += (1.0 - a.s) * x;
        sums.challenger_root[bucket] += root * x;
        ++sums.challenger_count;
    } else {
        sums.champion[bucket] += a.s * x;
        sums.champion_root[bucket] += root * x;
        ++sums.champion_count;
    }
}

/// Exposures and one metric.
struct sums {
    joust::bucket_sums exposures{joust::bucket_count};
    joust::bucket_sums metric{joust::bucket_count};

    void add(const arrival& a)
    {
        joust_test::add(exposures, a, 1.0);
        joust_test::add(metric, a, a.x);
        metric.expected += a.x != 0.0 ? a.s : 0.0;
    }

    [[nodiscard]] joust::look look(double planned_information) const
    {
        return {.sums = {metric.challenger, metric.champion, metric.challenger_root, metric.champion_root,
                         exposures.challenger, exposures.champion, exposures.challenger_root,
                         exposures.champion_root},
                .expected_events = metric.expected,
                .exposures = static_cast<double>(exposures.challenger_count + exposures.champion_count),
                .planned_information = planned_information};
    }
};

inline sums sums_of(const std::vector<arrival>& stream)
{
    sums all;
    for (const arrival& a : stream) {
        all.add(a);
    }
    return all;
}

/// The score and its variances against a difference theta, straight from the definition.
struct score {
    double s = 0.0;
    double v = 0.0;
    double v0 = 0.0;
    double information = 0.0;

    explicit score(const sums& seen, double theta = 0.0)
    {
        const auto& m = seen.metric;
        const auto& one = seen.exposures;
        const auto p = [&](std::size_t b) {
            return m.challenger[b] - theta * one.challenger[b] - m.champion[b];
        };
        const auto q = [&](std::size_t b) { return one.challenger[b] - one.champion[b]; };
        const auto g = [&](std::size_t b) {
            return m.challenger_root[b] - theta * one.challenger_root[b] + m.champion_root[b];
        };
        const auto k = [&](std::size_t b) { return one.challenger_root[b] + one.champion_root[b]; };
        double pq = 0.0;
        double qq = 0.0;
        for (std::size_t b = 0; b < joust::bucket_count; ++b) {
            pq += p(b) * q(b);
            qq += q(b) * q(b);
            information += 0.5 * (one.challenger[b] + one.champion[b]);
        }
        const double kappa = pq / qq;
        double mean = 0.0;
        for (std::size_t b = 0; b < joust::bucket_count; ++b) {
            s += p(b) - kappa * q(b);
            v += (p(b) - kappa * q(b)) * (p(b) - kappa * q(b));
            mean += (g(b) - kappa * k(b)) / static_cast<double>(joust::bucket_count);
        }
        for (std::size_t b = 0; b < joust::bucket_count; ++b) {
            v0 += (g(b) - kappa * k(b) - mean) * (g(b) - kappa * k(b) - mean);
        }
    }
};

/// The same arrivals with the two models' names exchanged.
inline std::vector<arrival> exchanged(std::vector<arrival> stream)
{
    for (arrival& a : stream) {
        a.challenger = !a.challenger;
        a.s = 1.0 - a.s;
    }
    return stream;
}

/// Evidence with names and empty lists: two models, series "exposures", "failures", "click", one list of first events.
inline joust::evidence empty_evidence(const std::string& trial = "trial")
{
    joust::evidence seen;
    seen.trial = trial;
    seen.models = {"old", "new"};
    seen.series = {"exposures", "failures", "click"};
    seen.arms.resize(2);
    seen.ignored.assign(joust::detail::ignored_reasons, 0);
    seen.pairs.resize(1);
    seen.pairs[0].series.assign(3, joust::bucket_sums{joust::bucket_count});
    seen.pairs[0].events.resize(1);
    seen.pairs[0].memory.resize(3);
    return seen;
}

/// Evidence of arrivals in their order.
inline joust::evidence evidence_of(const std::vector<arrival>& stream, const std::string& trial = "trial")
{
    joust::evidence seen = empty_evidence(trial);
    auto& pair = seen.pairs[0];
    std::vector<joust::first_event> slots(joust::detail::event_slots);
    std::vector<bool> taken(joust::detail::event_slots);
    for (const arrival& a : stream) {
        add(pair.series[0], a, 1.0);
        add(pair.series[2], a, a.x);
        pair.series[2].expected += a.x != 0.0 ? a.s : 0.0;
        auto& arm = seen.arms[a.challenger ? 1 : 0];
        arm.units.add(a.pseudonym);
        arm.latency.add(a.nanoseconds);
        if (a.failed) {
            add(pair.series[1], a, 1.0);
            pair.series[1].expected += a.s;
            const std::size_t slot = (a.pseudonym >> 32) % joust::detail::event_slots;
            if (!taken[slot] || a.time < slots[slot].time) {
                slots[slot] = {static_cast<std::uint16_t>(slot), a.challenger, a.s, a.time};
                taken[slot] = true;
            }
        }
    }
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        if (taken[slot]) {
            pair.events[0].push_back(slots[slot]);
        }
    }
    return seen;
}

/// How far two lists of sums are from each other, relative to the larger of the two (or to 1).
inline double distance(const std::vector<double>& a, const std::vector<double>& b)
{
    double most = a.size() == b.size() ? 0.0 : HUGE_VAL;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        const double scale = std::fmax(1.0, std::fmax(std::fabs(a[i]), std::fabs(b[i])));
        most = std::fmax(most, std::fabs(a[i] - b[i]) / scale);
    }
    return most;
}
inline double distance(const joust::bucket_sums& a, const joust::bucket_sums& b)
{
    double most = std::fmax(distance(a.challenger, b.challenger), distance(a.champion, b.champion));
    most = std::fmax(most, distance(a.challenger_root, b.challenger_root));
    most = std::fmax(most, distance(a.champion_root, b.champion_root));
    return std::fmax(most, distance(std::vector<double>{a.expected}, std::vector<double>{b.expected}));
}

/// Are all counts, names, sketches and first events the same, whatever the sums are?
inline bool same_counts(const joust::evidence& a, const joust::evidence& b)
{
    bool same = a.trial == b.trial && a.models == b.models && a.series == b.series && a.arms == b.arms &&
                a.ignored == b.ignored && a.unrecorded == b.unrecorded && a.pairs.size() == b.pairs.size();
    for (std::size_t p = 0; same && p < a.pairs.size(); ++p) {
        same = a.pairs[p].events == b.pairs[p].events && a.pairs[p].series.size() == b.pairs[p].series.size();
        for (std::size_t s = 0; same && s < a.pairs[p].series.size(); ++s) {
            same = a.pairs[p].series[s].challenger_count == b.pairs[p].series[s].challenger_count &&
                   a.pairs[p].series[s].champion_count == b.pairs[p].series[s].champion_count;
        }
    }
    return same;
}
inline double distance(const joust::evidence& a, const joust::evidence& b)
{
    double most = a.pairs.size() == b.pairs.size() ? 0.0 : HUGE_VAL;
    for (std::size_t p = 0; p < a.pairs.size() && p < b.pairs.size(); ++p) {
        for (std::size_t s = 0; s < a.pairs[p].series.size() && s < b.pairs[p].series.size(); ++s) {
            most = std::fmax(most, distance(a.pairs[p].series[s], b.pairs[p].series[s]));
        }
    }
    return most;
}

}  // namespace joust_test
