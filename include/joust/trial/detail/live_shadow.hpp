// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fork.hpp>
#include <joust/evidence/feed_log.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/evidence/thread_slabs.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/trial/detail/collect_shadow.hpp>
#include <joust/trial/detail/identity.hpp>
#include <joust/trial/detail/shadow_evidence.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace joust {
inline namespace v0 {
namespace detail {

/// The outcomes of a truth. Reports and snapshots count them in this order.
enum class truth_fate : std::uint8_t {
    joined,
    waiting,
    repeated,
    challenger_failed,
    not_run,
    damaged,
    foreign,
    invalid,
    forged,
    retired,
    late
};
inline constexpr std::size_t truth_fates = 11;

/// The evidence of a shadow. It records the work of the champion and its challengers from any thread.
template <std::size_t Challengers>
class live_shadow {
    using row = shadow_row;

public:
    /// `checks` says whether the champion may run twice, or challengers where it failed, or whether challengers are limited.
    explicit live_shadow(bool checks = false)
        : slabs_(slab_layout{Challengers + 1, checks ? row::rows_with_checks : row::rows}), checks_(checks)
    {
    }

    [[nodiscard]] slab& of_this_thread() noexcept { return slabs_.of_this_thread(); }

    void serve_unrecorded() noexcept { unrecorded_.fetch_add(1, std::memory_order_relaxed); }

    /// Record a request that the champion served.
    void request(std::uint64_t pseudonym, bool sampled, bool failed) noexcept
    {
        slab& thread_slab = slabs_.of_this_thread();
        thread_slab.add(row::calls, 0, false, row::all_requests, 1.0, sampled ? 1.0 : 0.0);
        thread_slab.add_unit(0, pseudonym);
        if (failed) [[unlikely]] {
            thread_slab.add(row::calls, 0, false, row::failed_requests, 1.0, 0.0);
            if (sampled) {
                thread_slab.add(row::calls, 0, true, bucket_of(pseudonym), 0.0, 1.0);
            }
        }
    }

    // These record the outcome of a challenger's errand for a request, with the time that the champion took in nanoseconds.
    static void sent(slab& thread_slab, std::size_t p, std::uint64_t pseudonym, std::int64_t spent) noexcept
    {
        thread_slab.add(row::fates, p, false, bucket_of(pseudonym), bin_of(spent), 0.0);
    }
    static void dropped(slab& thread_slab, std::size_t p, std::uint64_t pseudonym,
                        std::int64_t spent) noexcept
    {
        thread_slab.add(row::fates, p, true, bucket_of(pseudonym), bin_of(spent), 0.0);
    }
    static void paused(slab& thread_slab, std::size_t p) noexcept { thread_slab.expect(row::paused, p, 1.0); }
    static void not_copied(slab& thread_slab, std::size_t p) noexcept
    {
        thread_slab.expect(row::not_copied, p, 1.0);
    }

    /// Record that a challenger answered.
    void answered(std::size_t p, std::uint64_t pseudonym, std::int64_t spent) noexcept
    {
        slab& thread_slab = slabs_.of_this_thread();
        thread_slab.add(row::calls, p, true, bucket_of(pseudonym), 0.0, 0.0);
        thread_slab.add_latency(static_cast<unsigned>(p + 1), spent);
        thread_slab.add_unit(static_cast<unsigned>(p + 1), pseudonym);
    }

    /// Record that a challenger failed.
    void failed(std::size_t p, std::uint64_t pseudonym) noexcept
    {
        slab& thread_slab = slabs_.of_this_thread();
        thread_slab.add(row::calls, p, true, bucket_of(pseudonym), 1.0, 0.0);
        thread_slab.add_unit(static_cast<unsigned>(p + 1), pseudonym);
    }

    void compared(std::size_t p, std::uint64_t pseudonym, const comparison& seen) noexcept
    {
        const bool finite = std::isfinite(seen.distance);
        slabs_.of_this_thread().add(row::compared, p, !finite, bucket_of(pseudonym), seen.agree ? 1.0 : 0.0,
                                    finite ? seen.distance : 0.0);
    }
    void incomparable(std::size_t p) noexcept { slabs_.of_this_thread().expect(row::incomparable, p, 1.0); }

    /// Record a call of a challenger on a request on which the champion had failed.
    void ran_on_failure(std::size_t p, std::uint64_t pseudonym, bool failed) noexcept
    {
        slabs_.of_this_thread().add(row::checks, p, false, bucket_of(pseudonym), failed ? 1.0 : 0.0, 0.0);
    }

    /// Record a request on which the champion ran twice: whether its second answer and the challenger's agree with the answer
    /// that was served.
    void ran_twice(std::size_t p, std::uint64_t pseudonym, bool champion_agrees,
                   bool challenger_agrees) noexcept
    {
        slab& thread_slab = slabs_.of_this_thread();
        thread_slab.add(row::checks, p, true, bucket_of(pseudonym),
                        champion_agrees && !challenger_agrees ? 1.0 : 0.0,
                        challenger_agrees && !champion_agrees ? 1.0 : 0.0);
        if (!champion_agrees && !challenger_agrees) {
            thread_slab.expect(row::both_differed, p, 1.0);
        }
    }

    /// Count an answer that came after its deadline.
    void timed_out(std::size_t p) noexcept { timed_out_[p].fetch_add(1, std::memory_order_relaxed); }
    /// Count a request that a challenger did not get because it had got as many as it may get.
    void limited(std::size_t p) noexcept { limited_[p].fetch_add(1, std::memory_order_relaxed); }

    /// Record the scores of both models against the truth.
    void judged(std::size_t p, std::uint64_t pseudonym, double champion, double challenger) noexcept
    {
        slab& thread_slab = slabs_.of_this_thread();
        const std::size_t bucket = bucket_of(pseudonym);
        thread_slab.add(row::judged, p, false, bucket, challenger - champion, champion);
        if (champion != challenger) {
            thread_slab.add(row::judged, p, true, bucket, champion > challenger ? 1.0 : 0.0,
                            challenger > champion ? 1.0 : 0.0);
        }
        if (truths_came_[p].count(1)) [[unlikely]] {
            const std::uint64_t run = runs(p);
            truths_came_[p].mark(run, run);
        }
    }
    void not_judged(std::size_t p) noexcept { slabs_.of_this_thread().expect(row::not_judged, p, 1.0); }

    /// Record that what hears of pairs threw.
    void listener_threw() noexcept { helpers_[shadow_listener].fetch_add(1, std::memory_order_relaxed); }

    /// Record that scores are numbers, and not only right or wrong.
    void grade() noexcept { graded_.store(true, std::memory_order_relaxed); }

    /// Count a truth. Returns whether it was used or waits to be used.
    bool note(truth_fate what) noexcept
    {
        truths_[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed);
        return what == truth_fate::joined || what == truth_fate::waiting;
    }

    /// Count a truth whose ticket cannot be used, or a helper that threw.
    void ignore(ignored reason) noexcept
    {
        switch (reason) {
            case ignored::foreign_ticket: note(truth_fate::foreign); break;
            case ignored::forged_ticket: note(truth_fate::forged); break;
            case ignored::retired_key: note(truth_fate::retired); break;
            case ignored::late_ticket: note(truth_fate::late); break;
            case ignored::consent_threw:
                helpers_[shadow_consent].fetch_add(1, std::memory_order_relaxed);
                break;
            case ignored::empty_unit: helpers_[shadow_empty].fetch_add(1, std::memory_order_relaxed); break;
            case ignored::key_threw: helpers_[shadow_key].fetch_add(1, std::memory_order_relaxed); break;
            default: note(truth_fate::damaged); break;
        }
    }

    /// Collect all evidence. `forgotten` is the number of predictions and truths that were discarded before they were
    /// joined.
    [[nodiscard]] shadow_evidence collect(const trial_identity& identity, std::uint64_t forgotten) const
    {
        shadow_evidence all;
        all.trial = identity.name();
        all.models = identity.models();
        all.pairs.resize(Challengers);
        all.checks.resize(checks_ ? Challengers : 0);
        slabs_.for_each([&](const slab& from) {
            const row_values requests = from.read(row::calls, 0, false, row::all_requests);
            all.requests += static_cast<std::uint64_t>(requests.first);
            all.sampled += static_cast<std::uint64_t>(requests.second);
            all.champion_failures +=
                static_cast<std::uint64_t>(from.read(row::calls, 0, false, row::failed_requests).first);
            collect_arm(from, 0, all.units, all.latency);
            for (std::size_t b = 0; b < bucket_count; ++b) {
                all.failed[b] += from.read(row::calls, 0, true, b).second;
            }
            for (std::size_t p = 0; p < Challengers; ++p) {
                collect_pair(from, p, all.pairs[p]);
            }
            for (std::size_t p = 0; p < all.checks.size(); ++p) {
                collect_checks(from, p, all.checks[p]);
            }
        });
        for (std::size_t p = 0; p < all.checks.size(); ++p) {
            all.checks[p].timed_out = timed_out_[p].load(std::memory_order_relaxed);
            all.checks[p].limited = limited_[p].load(std::memory_order_relaxed);
        }
        {
            const std::scoped_lock lock{memory_mutex_};
            for (std::size_t p = 0; p < Challengers; ++p) {
                memory_[p].give(all.pairs[p]);
            }
        }
        for (const auto& counted : truths_) {
            all.truths.push_back(counted.load(std::memory_order_relaxed));
        }
        all.truths.push_back(forgotten);
        all.unrecorded = unrecorded_.load(std::memory_order_relaxed);
        all.graded = graded_.load(std::memory_order_relaxed) ? 1 : 0;
        std::uint64_t threw = 0;
        for (const auto& counted : helpers_) {
            threw += counted.load(std::memory_order_relaxed);
        }
        std::uint64_t most_quiet = 0;
        std::array<std::uint64_t, Challengers> quiet{};
        for (std::size_t p = 0; p < Challengers; ++p) {
            const auto run = static_cast<std::uint64_t>(all.pairs[p].run.total());
            quiet[p] = truths_came_[p].quiet(run, run);
            most_quiet = quiet[p] > most_quiet ? quiet[p] : most_quiet;
        }
        for (std::size_t i = 0; (checks_ || threw + most_quiet > 0) && i < shadow_helpers; ++i) {
            all.helpers.push_back(helpers_[i].load(std::memory_order_relaxed));
        }
        if (checks_ || most_quiet > 0) {
            all.quiet.assign(quiet.begin(), quiet.end());
        }
        return all;
    }

    /// Forget what was counted and found in a forked child, where no other thread exists.
    void begin_anew() noexcept
    {
        for (auto& count : truths_) {
            count.store(0, std::memory_order_relaxed);
        }
        for (auto& count : helpers_) {
            count.store(0, std::memory_order_relaxed);
        }
        unrecorded_.store(0, std::memory_order_relaxed);
        for (std::size_t p = 0; p < Challengers; ++p) {
            timed_out_[p].store(0, std::memory_order_relaxed);
            limited_[p].store(0, std::memory_order_relaxed);
        }
        for (feed_log& each : truths_came_) {
            each.begin_anew();
        }
        memory_ = {};
    }

    /// Keep what a look at the evidence fixed and found.
    void remember(const shadow_evidence& seen) const
    {
        const std::scoped_lock lock{memory_mutex_};
        for (std::size_t p = 0; p < Challengers; ++p) {
            memory_[p].take(seen.pairs[p]);
        }
    }

    /// Prepare merged evidence for a look: its tests continue with what earlier looks at merged evidence have kept.
    void resume(shadow_evidence& merged) const
    {
        const std::scoped_lock lock{memory_mutex_};
        for (std::size_t p = 0; p < Challengers; ++p) {
            memory_[p].resume(merged.pairs[p]);
        }
    }

    /// Keep what a look at merged evidence fixed and found, so that the evidence of this part carries it.
    void remember_whole(const shadow_evidence& merged) const
    {
        const std::scoped_lock lock{memory_mutex_};
        for (std::size_t p = 0; p < Challengers; ++p) {
            memory_[p].take_whole(merged.pairs[p]);
        }
    }

private:
    [[nodiscard]] static double bin_of(std::int64_t spent) noexcept
    {
        return static_cast<double>(latency_sketch::bin_of(spent));
    }

    /// Return how many calls of a challenger have ended.
    [[nodiscard]] std::uint64_t runs(std::size_t p) const
    {
        std::uint64_t all = 0;
        slabs_.for_each([&](const slab& from) {
            for (std::size_t b = 0; b < bucket_count; ++b) {
                const row_values ended = from.read(row::calls, p, true, b);
                all += ended.count - static_cast<std::uint64_t>(ended.second);  // the champion's failures
            }
        });
        return all;
    }

    thread_slabs slabs_;
    bool checks_ = false;
    std::array<feed_log, Challengers> truths_came_;
    std::array<std::atomic<std::uint64_t>, truth_fates> truths_{};
    std::array<std::atomic<std::uint64_t>, shadow_helpers> helpers_{};
    std::array<std::atomic<std::uint64_t>, Challengers> timed_out_{};
    std::array<std::atomic<std::uint64_t>, Challengers> limited_{};
    std::atomic<std::uint64_t> unrecorded_{0};
    std::atomic<bool> graded_{false};
    mutable fork_mutex memory_mutex_{fork_order::memory};
    mutable std::array<shadow_memory, Challengers> memory_{};
    new_epoch_in_child<live_shadow> fork_{*this};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
