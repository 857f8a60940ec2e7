// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/slab.hpp>
#include <joust/inference/inference.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/trial/detail/shadow_evidence.hpp>

#include <cstddef>
#include <cstdint>

// Collects the evidence of a shadow from the slabs of its threads, and keeps what its looks have fixed and found.

namespace joust {
inline namespace v0 {
namespace detail {

/// What earlier looks fixed and found for one challenger.
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
    void take_whole(const shadow_pair& from)
    {
        agreement.learn_whole(from.agreement);
        distance.learn_whole(from.distance);
        failing.learn_whole(from.failing);
        accuracy.learn_whole(from.accuracy);
    }
    /// Let the tests of merged evidence continue with what earlier looks at merged evidence have kept.
    void resume(shadow_pair& merged) const
    {
        merged.agreement.resume(agreement, merged.compared.total());
        merged.distance.resume(distance, merged.distances.total());
        merged.failing.resume(failing, merged.run.total());
        merged.accuracy.resume(accuracy, merged.judged.total());
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

inline void collect_pair(const slab& from, std::size_t p, shadow_pair& into)
{
    using row = shadow_row;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        const auto add = [b](bucket_tally& to, const row_values& values, double sum) {
            to.count[b] += static_cast<double>(values.count);
            to.sum[b] += sum;
        };
        row_values run = from.read(row::calls, p, true, b);
        run.count -= static_cast<std::uint64_t>(run.second);  // the champion's failures
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

// Collect what a slab saw where the champion ran twice, and where it failed.
inline void collect_checks(const slab& from, std::size_t p, shadow_checks& into)
{
    using row = shadow_row;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        const row_values failed = from.read(row::checks, p, false, b);
        into.champion_failed.count[b] += static_cast<double>(failed.count);
        into.champion_failed.sum[b] += failed.first;
        const row_values twice = from.read(row::checks, p, true, b);
        into.twice.count[b] += static_cast<double>(twice.count);
        into.twice.sum[b] += twice.first - twice.second;
        into.challenger_differed += static_cast<std::uint64_t>(twice.first);
        into.champion_differed += static_cast<std::uint64_t>(twice.second);
    }
    into.both_differed += static_cast<std::uint64_t>(from.expected(row::both_differed, p));
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
