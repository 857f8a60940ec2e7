// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fixed_array.hpp>
#include <joust/core/fork.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/feed_log.hpp>
#include <joust/evidence/late_calls.hpp>
#include <joust/evidence/moving_limits.hpp>
#include <joust/evidence/share_counts.hpp>
#include <joust/evidence/thread_slabs.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Hold the propensity s of a challenger among {champion, challenger}, and sqrt(s (1 - s)), as one plan fixes them.
struct pair_share {
    double challenger = 0.0;
    double root = 0.0;

    static pair_share of(double champion_share, double challenger_share) noexcept
    {
        const double both = champion_share + challenger_share;
        const double s = both > 0.0 ? challenger_share / both : 0.0;
        return with(s);
    }
    /// Make the shares of a pair as the ticket of an arm will give them back. A ticket has the propensity of its arm with 24
    /// bits. If exposures had more, a metric that is 1 for each of them would differ by arm, if only in the eighth digit.
    static pair_share as_in_ticket(unsigned arm, double challenger) noexcept
    {
        return with(arm == 0 ? 1.0 - static_cast<double>(static_cast<float>(1.0 - challenger))
                             : static_cast<double>(static_cast<float>(challenger)));
    }
    /// Make the shares of a pair from the challenger's propensity.
    static pair_share with(double challenger) noexcept
    {
        return {challenger, std::sqrt(challenger * (1.0 - challenger))};
    }
};

inline constexpr std::size_t exposure_series = 0;
inline constexpr std::size_t failure_series = 1;

/// Describe a guardrail that every event changes: on failures, or on answers later than a threshold.
struct event_watch {
    bool on_latency = false;
    std::size_t series = failure_series;
    /// The ratio of first events that is allowed.
    double max_ratio = 1.0;
    /// For latency: the quantile of the champion that is watched.
    double q = 0.99;
    /// For latency: the time that the challenger may take, as a multiple of the champion's quantile.
    double latency_ratio = 1.0;
    /// For latency: the time that the challenger may take in addition. units: nanoseconds
    double latency_increase = 0.0;
    std::uint64_t warm_up = 1'000;
    /// For latency: the challenger's timed calls that are served and not judged.
    std::uint64_t challenger_warm_up = 0;
    /// For latency: whether `latency_increase` is itself the longest time, whatever the champion takes.
    bool alone = false;

    /// Return whether calls are compared with a quantile of the champion.
    [[nodiscard]] bool follows_champion() const noexcept { return on_latency && !alone; }
};

/// Name the reasons for which feedback is counted but not used, and the helpers of a trial that threw. A snapshot holds the counts
/// in this order, so that new reasons come last.
enum class ignored : std::uint8_t {
    invalid_value,
    foreign_ticket,
    damaged_ticket,
    repeated,
    unit_moved,
    unrecorded_unit,
    forged_ticket,
    retired_key,
    late_ticket,
    no_unit,
    empty_unit,
    unknown_plan,
    unknown_history,
    // What these asked was served by the champion and not recorded.
    consent_threw,
    key_threw,
    covariate_threw,
    when_threw,
    assigned_by_threw,
    pins_threw,
    eligible_threw,
    identity_threw,
    interleaver_threw,
    draft_failed,
    // The call was served and recorded all the same.
    acceptance_threw,
    metric_threw,
    recorder_threw,
    redraw_threw,
    failed_in_both,
    too_many_values,
    // The champion served the call unrecorded.
    stopped,
    // The transition took effect all the same.
    listener_threw,
    unserved_unit
};
/// The number of reasons that evidence always has. Later ones follow where they were counted.
inline constexpr std::size_t ignored_reasons = 11;
inline constexpr std::size_t counted_reasons = 32;

/// The words of reports for these reasons.
inline constexpr const char* ignored_words[counted_reasons] = {
    "feedback with an invalid value",
    "feedback for a ticket of another trial",
    "feedback for a damaged ticket",
    "repeated feedback",
    "feedback for a unit that changed arms",
    "feedback for an unrecorded call",
    "feedback for a forged ticket",
    "feedback for a ticket of a retired key",
    "feedback too late for its ticket",
    "feedback or a choice for something that is not a unit of the trial",
    "calls or feedback for an empty unit id, which is not enrolled",
    "feedback for a ticket of a plan that this process does not know",
    "feedback for a unit whose earlier plans this process does not know",
    "calls that the champion served unrecorded, since consent(...) threw",
    "calls that the champion served unrecorded, since by(...) threw",
    "calls that the champion served unrecorded, since adjust_for(...) threw",
    "calls that the champion served unrecorded, since when(...) threw",
    "calls that the champion served unrecorded, since assigned_by(...) threw",
    "calls that the champion served unrecorded, since pinned(...) threw",
    "calls that the champion served unrecorded, since eligible(...) threw",
    "calls that the champion served unrecorded, since identified_by(...) threw",
    "calls that the champion served unrecorded, since the interleaver threw",
    "calls that the champion served unrecorded, since no slate could be drawn",
    "results refused, since accept_if(...) threw",
    "feedback not used, since the metric threw",
    "events not logged, since the recorder threw",
    "clicks not settled, since a helper threw when the slate was drawn again",
    "requests that failed in a challenger and then in the champion",
    "feedback beyond the number of values that one ticket may bring",
    "calls that the champion served unrecorded, since the trial was stopped",
    "transitions that a listener failed on, or that an audit log could not keep",
    "feedback for a unit that this process did not serve, so that the plan that served it is not known"};

/// What a value of evidence held when it was last collected, so that collecting it again reads only what has changed.
struct collected_changes {
    /// For each series a number that grows with every addition.
    std::vector<std::uint64_t> series;
    /// The same for the units of each arm.
    std::vector<std::uint64_t> units;
    /// For each arm the estimated number of distinct units.
    std::vector<double> distinct;
    /// Whether the value still holds what was collected.
    bool valid = false;

    /// Note that the value holds something else now.
    void forget() noexcept { valid = false; }
};

/// Collect the evidence of a running trial. What is frequent goes to a slab of the calling thread, and what is rare to
/// shared state.
class live_evidence {
public:
    /// shape: `names` states the trial, its models and its series; the rest of it is not used. `fed` lists the series that
    /// count exposures with feedback, one for each metric that takes feedback. For each of them one of the last series
    /// counts the values that cannot be scored. These are rare, so that all threads share their sums. `memories_apart` is
    /// the number of tests that need a memory beside those of the series.
    live_evidence(evidence names, std::vector<event_watch> watches, std::vector<std::size_t> fed = {},
                  std::size_t memories_apart = 0);

    /// Count everything by share too, from the first call on. The trial has one challenger.
    void count_by_share()
    {
        slabs_.count_by_share(series_.size());
        counts_by_share_ = &live_evidence::collect_by_share;
    }
    /// Count by share which calls are later than these margins too, from the first call on.
    void watch_margins(const std::vector<latency_margin>& margins)
    {
        limits_.watch(margins, series_.size());
        slabs_.count_by_share(series_.size() + limits_.columns());
    }
    /// Return the limits of latency that follow the champion.
    [[nodiscard]] moving_limits& limits() noexcept { return limits_; }
    [[nodiscard]] const moving_limits& limits() const noexcept { return limits_; }
    /// Return the rows of the shares that the plans of the trial have or had.
    [[nodiscard]] share_rows& rows() noexcept { return rows_; }

    [[nodiscard]] slab& of_this_thread() noexcept { return slabs_.of_this_thread(); }
    [[nodiscard]] const thread_slabs& slabs() const noexcept { return slabs_; }
    [[nodiscard]] const std::vector<event_watch>& watches() const noexcept { return watches_; }
    [[nodiscard]] std::size_t arms() const noexcept { return models_.size(); }

    /// Count a served request.
    template <std::size_t Pairs>
    JOUST_ALWAYS_INLINE void expose(slab& thread_slab, unsigned arm,
                                    const std::array<pair_share, Pairs>& shares,
                                    std::uint64_t pseudonym) noexcept
    {
        add(thread_slab, exposure_series, arm, shares, pseudonym, 1.0);
        thread_slab.add_unit(arm, pseudonym);
    }

    /// Return the highest rank that the register of a unit has in an arm. Where the unit's own rank is higher, this process did not
    /// serve it in that arm.
    [[nodiscard]] std::uint8_t highest_rank(unsigned arm, std::size_t unit_register) const noexcept;

    /// Add a value of a series to the bucket of the unit, in every pair that contains the arm.
    template <std::size_t Pairs>
    JOUST_ALWAYS_INLINE void add(slab& thread_slab, std::size_t series, unsigned arm,
                                 const std::array<pair_share, Pairs>& shares, std::uint64_t pseudonym,
                                 double x) noexcept
    {
        const std::size_t bucket = bucket_of(pseudonym);
        if constexpr (Pairs == 1) {
            // There is no branch on the arm, since the arm is random and the branch would be mispredicted.
            const double weight = arm == 0 ? shares[0].challenger : 1.0 - shares[0].challenger;
            thread_slab.add(series, 0, arm != 0, bucket, product(weight, x), product(shares[0].root, x));
        } else if (arm == 0) {
            for (std::size_t p = 0; p < Pairs; ++p) {
                thread_slab.add(series, p, false, bucket, product(shares[p].challenger, x),
                                product(shares[p].root, x));
            }
        } else {
            const pair_share& pair = shares[arm - 1];
            thread_slab.add(series, arm - 1, true, bucket, product(1.0 - pair.challenger, x),
                            product(pair.root, x));
        }
    }

    /// Add an observation that is not an exposure, and count it as an event if it is not 0.
    template <std::size_t Pairs>
    JOUST_ALWAYS_INLINE void observe(slab& thread_slab, std::size_t series, unsigned arm,
                                     const std::array<pair_share, Pairs>& shares, std::uint64_t pseudonym,
                                     double x) noexcept
    {
        add(thread_slab, series, arm, shares, pseudonym, x);
        if (x != 0.0) {
            // With a propensity of 0 or 1 nothing was randomised, so that nothing is compared and no event was
            // expected.
            for_pairs_of<Pairs>(arm, [&](std::size_t p) {
                thread_slab.expect(series, p, shares[p].root > 0.0 ? shares[p].challenger : 0.0);
            });
        }
        thread_slab.note_change(series);
    }

    /// Count that an exposure got feedback on a metric. `which` is the metric's place in the list of fed series.
    template <std::size_t Pairs>
    JOUST_ALWAYS_INLINE void feed(slab& thread_slab, std::size_t which, unsigned arm,
                                  const std::array<pair_share, Pairs>& shares, std::uint64_t pseudonym,
                                  bool counts) noexcept
    {
        if (counts) {
            observe(thread_slab, fed_[which], arm, shares, pseudonym, 1.0);
        }
        const std::size_t log = which * (Pairs + 1) + arm;
        if (const std::uint32_t more = thread_slab.next_feedback(log); more != 0) [[unlikely]] {
            if (feeds_[log].count(more)) {
                const exposure_counts now = exposures_now(arm);
                feeds_[log].mark(now.all, now.own);
            }
        }
    }

    /// Count a value of a metric that cannot be scored.
    template <std::size_t Pairs>
    void lose(std::size_t which, unsigned arm, const std::array<pair_share, Pairs>& shares,
              std::uint64_t pseudonym) noexcept
    {
        observe(rare_, which, arm, shares, pseudonym, 1.0);
    }

    /// Count a failed call, and record it in every guardrail on failures. `shared` says that the champion failed on the same request
    /// of a challenger.
    template <std::size_t Pairs>
    void fail(slab& thread_slab, unsigned arm, const std::array<pair_share, Pairs>& shares,
              std::uint64_t pseudonym, std::uint64_t milliseconds, bool shared = false) noexcept
    {
        observe(thread_slab, failure_series, arm, shares, pseudonym, 1.0);
        if (shared && arm != 0) {
            ignore(ignored::failed_in_both);
            const std::size_t pair = Pairs == 1 ? 0 : arm - 1;
            for (std::size_t w = 0; w < watches_.size(); ++w) {
                if (!watches_[w].on_latency) {
                    logs_[pair * watches_.size() + w].record_shared(pseudonym, shares[pair].challenger,
                                                                    milliseconds);
                }
            }
            return;
        }
        for (std::size_t w = 0; w < watches_.size(); ++w) {
            if (!watches_[w].on_latency) {
                event(w, arm, shares, pseudonym, milliseconds);
            }
        }
    }

    /// Add a timed call. Returns whether it took longer than the threshold of a guardrail; then call `late`.
    [[nodiscard]] bool time(slab& thread_slab, unsigned arm, std::int64_t nanoseconds) noexcept
    {
        thread_slab.add_latency(arm, nanoseconds);
        const double limit = arm == 0 ? lowest_champion_.load(std::memory_order_relaxed)
                                      : lowest_challenger_.load(std::memory_order_relaxed);
        return static_cast<double>(nanoseconds) > limit;
    }

    /// Record a call in the guardrails whose threshold it exceeded. `row` is the row of its share, where the trial counts by
    /// share.
    template <std::size_t Pairs>
    void late(slab& thread_slab, unsigned arm, const std::array<pair_share, Pairs>& shares,
              std::uint64_t pseudonym, std::int64_t nanoseconds, std::uint64_t milliseconds,
              std::size_t row = share_rows::most) noexcept
    {
        const auto spent = static_cast<double>(nanoseconds);
        for (std::size_t w = 0; w < watches_.size(); ++w) {
            if (!watches_[w].on_latency) {
                continue;
            }
            bool counted = false;
            for_pairs_of<Pairs>(arm, [&](std::size_t p) {
                const std::size_t i = p * watches_.size() + w;
                const threshold& limits = thresholds_[i];
                if (!(spent >
                      (arm == 0 ? limits.champion : limits.challenger).load(std::memory_order_relaxed))) {
                    return;
                }
                observe_pair(thread_slab, watches_[w].series, p, arm != 0, shares[p], pseudonym);
                if (counts_by_share_ != nullptr && !counted) {
                    thread_slab.count_at_share(watches_[w].series, row, arm);
                    counted = true;
                }
                if (watches_[w].alone) {
                    return;  // It is judged by how many calls are late, and not by whose call is late first.
                }
                logs_[i].record(pseudonym, arm != 0, shares[p].challenger, milliseconds);
                if (logs_[i].e_of_epoch() >= limits.suspicion.load(std::memory_order_relaxed)) [[unlikely]] {
                    suspect();
                }
            });
        }
    }

    /// Set the error rate of a guardrail, before the first call.
    void spend(std::size_t watch, double alpha) noexcept
    {
        for (std::size_t i = watch; i < late_.size(); i += watches_.size()) {
            late_[i].spend(alpha);
        }
    }

    /// Count calls of a thread, and judge the guardrails on latency when it is time. Returns whether they were judged.
    bool passed(std::uint32_t calls) noexcept
    {
        const std::uint32_t now = since_judged_.fetch_add(calls, std::memory_order_relaxed) + calls;
        return now >= judge_after_.load(std::memory_order_relaxed) && judge_latency(false);
    }

    /// Judge the guardrails on latency, whose thresholds may change by that. Returns whether they were judged: where the caller must not wait,
    /// another thread may be doing it.
    /// cost: a pass over the latencies in all slabs, and a few over those of each guardrail and challenger
    bool judge_latency(bool wait = true) noexcept;

    /// Begin a stage: from now on the challengers have these propensities. The latencies so far keep the weights of the
    /// stages in which they were measured.
    ///
    /// A call that was assigned before and ends afterwards counts with the new weights.
    /// shape: one share for each challenger, or none where propensities are not known beforehand
    /// cost: nothing on the path of calls and no allocation; a pass over the slabs if a guardrail is on latency
    void begin_stage(std::span<const pair_share> shares) noexcept;

    /// Return the latency threshold of the champion against a challenger. It is infinite until the warm-up is over.
    /// units: nanoseconds
    [[nodiscard]] double champion_threshold(std::size_t watch, std::size_t pair = 0) const noexcept
    {
        return thresholds_[pair * watches_.size() + watch].champion.load(std::memory_order_relaxed);
    }
    /// Return the latency threshold of a challenger. units: nanoseconds
    [[nodiscard]] double challenger_threshold(std::size_t watch, std::size_t pair = 0) const noexcept
    {
        return thresholds_[pair * watches_.size() + watch].challenger.load(std::memory_order_relaxed);
    }

    void ignore(ignored reason) noexcept
    {
        ignored_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
    }
    void serve_unrecorded() noexcept { unrecorded_.fetch_add(1, std::memory_order_relaxed); }

    /// Return the highest evidence of a guardrail that events change.
    [[nodiscard]] double highest_log_e(std::size_t pair, std::size_t watch) const noexcept
    {
        return watches_[watch].follows_champion()
                   ? thresholds_[pair * watches_.size() + watch].highest.load(std::memory_order_relaxed)
                   : log_of(pair, watch).highest_log_e();
    }
    [[nodiscard]] const first_event_log& log_of(std::size_t pair, std::size_t watch) const noexcept
    {
        return logs_[pair * watches_.size() + watch];
    }
    /// Return the logarithm of the present evidence of a guardrail that events change.
    [[nodiscard]] double log_e_now(std::size_t pair, std::size_t watch) const noexcept
    {
        if (!watches_[watch].follows_champion()) {
            return log_of(pair, watch).log_e();
        }
        const std::scoped_lock lock{threshold_mutex_};
        return late_[pair * watches_.size() + watch].log_e_now();
    }
    /// Return the highest evidence of a guardrail that events change, with its epoch.
    [[nodiscard]] first_event_peak peak(std::size_t pair, std::size_t watch) const noexcept
    {
        if (!watches_[watch].follows_champion()) {
            return logs_[pair * watches_.size() + watch].peak();
        }
        const std::scoped_lock lock{threshold_mutex_};
        return late_[pair * watches_.size() + watch].peak();
    }

    /// Collect the evidence of all threads into one value. Each bucket is consistent; the total is exact if no call is
    /// served at the same time.
    [[nodiscard]] evidence collect() const
    {
        evidence all;
        collect(all);
        return all;
    }

    /// Collect into a value that was used before. This allocates nothing if the lists of the value have their size.
    void collect(evidence& all) const { collect(all, nullptr); }
    /// The same for a value that is collected again and again: series without an addition since then are not read again.
    /// assumes: nothing but the memories of the value was changed since `known` was filled in by this function
    void collect(evidence& all, collected_changes& known) const { collect(all, &known); }

    /// Keep what a look at the evidence fixed (rho, the answer of a fixed horizon) and found (the highest e-values).
    void remember(const evidence& seen);

    /// Prepare merged evidence for a look: its tests continue with what earlier looks at merged evidence have kept.
    void resume(evidence& merged) const;
    /// Forget what was counted and found in a forked child, where no other thread exists. Thresholds that are fixed stay.
    void begin_anew() noexcept;

    /// Keep what a look at merged evidence fixed and found, so that the evidence of this part carries it.
    void remember_whole(const evidence& merged);

    /// Go on in the epochs that merged evidence has reached, with its latency thresholds. A part that stayed in earlier epochs, as after
    /// a restart, would not be seen in merged evidence, which keeps the last epoch and the one before it. When an epoch ends
    /// depends on how many events there were, and not on which arms had them.
    void catch_up(const evidence& merged) noexcept;

private:
    static constexpr double no_limit = std::numeric_limits<double>::infinity();
    /// Guardrails on latency are judged after at least this many calls.
    static constexpr std::uint32_t least_calls = 64;

    struct threshold {
        std::atomic<double> champion{no_limit};
        std::atomic<double> challenger{no_limit};
        /// The e-value of first late calls from which on the guardrail may be broken.
        std::atomic<double> suspicion{no_limit};
        std::atomic<double> highest{0.0};
    };

    /// Add a late call to the series of a guardrail in one pair.
    void observe_pair(slab& thread_slab, std::size_t series, std::size_t pair, bool challenger,
                      const pair_share& share, std::uint64_t pseudonym) noexcept
    {
        thread_slab.add(series, pair, challenger, bucket_of(pseudonym),
                        challenger ? 1.0 - share.challenger : share.challenger, share.root);
        thread_slab.expect(series, pair, share.root > 0.0 ? share.challenger : 0.0);
        thread_slab.note_change(series);
    }
    /// Find the lowest limits of all guardrails, with which each call is compared first.
    void find_lowest() noexcept
    {
        double champion = no_limit;
        double challenger = no_limit;
        for (const threshold& each : thresholds_) {
            champion = std::fmin(champion, each.champion.load(std::memory_order_relaxed));
            challenger = std::fmin(challenger, each.challenger.load(std::memory_order_relaxed));
        }
        lowest_champion_.store(champion, std::memory_order_relaxed);
        lowest_challenger_.store(challenger, std::memory_order_relaxed);
    }
    /// Judge the guardrails on latency soon.
    void suspect() noexcept
    {
        if (const std::uint32_t soon = judge_soon_.load(std::memory_order_relaxed);
            judge_after_.load(std::memory_order_relaxed) > soon) {
            judge_after_.store(soon, std::memory_order_relaxed);
        }
    }

    template <std::size_t Pairs, class Visit>
    static void for_pairs_of(unsigned arm, Visit&& visit) noexcept
    {
        if constexpr (Pairs == 1) {
            // There is no branch on the arm, as in `add`.
            visit(std::size_t{0});
        } else if (arm == 0) {
            for (std::size_t p = 0; p < Pairs; ++p) {
                visit(p);
            }
        } else {
            visit(std::size_t{arm - 1});
        }
    }

    template <std::size_t Pairs>
    void event(std::size_t watch, unsigned arm, const std::array<pair_share, Pairs>& shares,
               std::uint64_t pseudonym, std::uint64_t milliseconds) noexcept
    {
        for_pairs_of<Pairs>(arm, [&](std::size_t p) {
            logs_[p * watches_.size() + watch].record(pseudonym, arm != 0, shares[p].challenger,
                                                      milliseconds);
        });
    }

    static void collect_latency(const slab& from, unsigned arm, latency_sketch& into);
    [[nodiscard]] static bool note_changes(const collected_changes* known, std::uint64_t* kept,
                                           std::uint64_t now) noexcept;
    static void collect(const slab& from, bucket_sums& sums, std::size_t series, std::size_t pair);
    void collect(evidence& all, collected_changes* known) const;
    void collect_series(evidence& all, collected_changes* known) const;
    void collect_units(evidence& all, collected_changes* known) const;
    /// The exposures of all arms, and those of one arm.
    struct exposure_counts {
        std::uint64_t all = 0;
        std::uint64_t own = 0;
    };
    [[nodiscard]] exposure_counts exposures_now(unsigned arm) const noexcept;

    /// The latencies of one arm in one pair, by stages that have ended.
    struct ended_stages {
        std::vector<double> weights;
        double squares = 0.0;
    };
    [[nodiscard]] bool weighs_latency() const noexcept { return !ended_.empty(); }
    /// Return the number of calls in a bin since the stage began.
    [[nodiscard]] std::uint64_t of_stage(unsigned arm, std::size_t bin, std::uint64_t counted) const noexcept
    {
        const std::uint64_t before = counted_before_[arm * latency_sketch::bins + bin];
        return counted > before ? counted - before : 0;
    }
    /// Return the weight of a call of an arm in a pair.
    [[nodiscard]] double weight_in_stage(std::size_t pair, bool challenger) const noexcept
    {
        const double s = stage_[pair].challenger;
        return challenger ? 1.0 - s : s;
    }
    void collect_overlap(evidence& all) const;
    void collect_by_share(share_counts& into) const;

    std::string trial_;
    std::vector<std::string> models_;
    std::vector<std::string> series_;
    std::vector<event_watch> watches_;
    /// The series that count exposures with feedback.
    std::vector<std::size_t> fed_;
    fixed_array<feed_log> feeds_;
    thread_slabs slabs_;
    /// Counts of values that cannot be scored.
    slab rare_;
    /// of each pair, one for each guardrail that events change; reading them counts what waits in their rings
    mutable fixed_array<first_event_log> logs_;
    fixed_array<threshold> thresholds_;
    std::atomic<double> lowest_champion_{no_limit};
    std::atomic<double> lowest_challenger_{no_limit};
    /// Calls since the guardrails on latency were judged, and after how many they are judged again.
    std::atomic<std::uint32_t> since_judged_{0};
    std::atomic<std::uint32_t> judge_after_{least_calls};
    std::atomic<std::uint32_t> judge_soon_{least_calls};
    mutable fork_mutex threshold_mutex_{fork_order::thresholds};
    /// threshold_mutex_ guards what judges latency, in the order of logs_, and the counts of all bins of each arm.
    std::vector<late_call_watch> late_;
    std::vector<std::vector<std::uint64_t>> latency_now_;
    mutable fork_mutex stage_mutex_{fork_order::memory};
    /// stage_mutex_ guards the propensities of the present stage, and the latencies of those before it.
    fixed_array<pair_share> stage_;
    /// of each pair, those of the champion and those of the challenger
    fixed_array<ended_stages> ended_;
    /// of each arm, the counts of all bins when the stage began
    std::vector<std::uint64_t> counted_before_;
    std::vector<std::uint64_t> counted_now_;
    mutable fork_mutex memory_mutex_{fork_order::memory};
    /// How many memories a pair has: one for each series, and then those apart.
    std::size_t memories_;
    /// of each pair, the memory of each test
    fixed_array<test_memory> memory_;
    std::array<std::atomic<std::uint64_t>, counted_reasons> ignored_{};
    std::atomic<std::uint64_t> unrecorded_{0};
    /// Not null where everything is counted by share too. Trials that do not count so do not compile the function.
    void (live_evidence::*counts_by_share_)(share_counts& into) const = nullptr;
    share_rows rows_;
    moving_limits limits_;
    new_epoch_in_child<live_evidence> fork_{*this};
};

#if JOUST_BODIES

JOUST_FUNCTION live_evidence::live_evidence(evidence names, std::vector<event_watch> watches,
                                            std::vector<std::size_t> fed, std::size_t memories_apart)
    : trial_(std::move(names.trial)), models_(std::move(names.models)), series_(std::move(names.series)),
      watches_(std::move(watches)), fed_(std::move(fed)), feeds_(fed_.size() * models_.size()),
      slabs_(slab_layout{models_.size(), series_.size() - fed_.size()}),
      rare_(slab_layout{models_.size(), fed_.size()}, true), logs_((models_.size() - 1) * watches_.size()),
      thresholds_((models_.size() - 1) * watches_.size()), memories_(series_.size() + memories_apart),
      memory_((models_.size() - 1) * memories_)
{
    for (std::size_t i = 0; i < thresholds_.size(); ++i) {
        const event_watch& each = watches_[i % watches_.size()];
        if (each.on_latency && each.alone) {
            thresholds_[i].champion.store(each.latency_increase, std::memory_order_relaxed);
            thresholds_[i].challenger.store(each.latency_increase, std::memory_order_relaxed);
        }
    }
    find_lowest();
    for (std::size_t i = 0; i < logs_.size(); ++i) {
        const event_watch& each = watches_[i % watches_.size()];
        logs_[i].allow(each.max_ratio);
        if (each.follows_champion()) {
            logs_[i].end_by_hand();
            latency_now_.resize(models_.size(), std::vector<std::uint64_t>(latency_sketch::bins));
        }
    }
    if (!latency_now_.empty()) {
        late_.reserve(logs_.size());
        for (std::size_t i = 0; i < logs_.size(); ++i) {
            const event_watch& each = watches_[i % watches_.size()];
            late_.emplace_back(latency_rule{.q = each.q,
                                            .ratio = each.latency_ratio,
                                            .increase = each.latency_increase,
                                            .warm_up = each.warm_up,
                                            .challenger_warm_up = each.challenger_warm_up});
        }
    }
    for (const event_watch& each : watches_) {
        if (each.on_latency && ended_.empty()) {
            // Stages begin in calls that must not fail, so their memory is there from the start.
            const std::size_t pairs = models_.size() - 1;
            stage_ = fixed_array<pair_share>(pairs);
            ended_ = fixed_array<ended_stages>(2 * pairs);
            for (ended_stages& ended : ended_) {
                ended.weights = std::vector<double>(latency_sketch::bins);
            }
            counted_before_ = std::vector<std::uint64_t>(models_.size() * latency_sketch::bins);
            counted_now_ = std::vector<std::uint64_t>(models_.size() * latency_sketch::bins);
        }
    }
}

JOUST_FUNCTION void live_evidence::begin_stage(std::span<const pair_share> shares) noexcept
{
    if (!weighs_latency() || shares.size() != stage_.size()) {
        return;
    }
    const std::scoped_lock lock{stage_mutex_};
    bool same = true;
    for (std::size_t p = 0; p < stage_.size(); ++p) {
        same = same && stage_[p].challenger == shares[p].challenger;
    }
    if (same) {
        return;
    }
    for (std::uint64_t& count : counted_now_) {
        count = 0;
    }
    const auto arms = static_cast<unsigned>(models_.size());
    slabs_.for_each_used([&](const slab& each) {
        for (unsigned a = 0; a < arms; ++a) {
            for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
                counted_now_[a * latency_sketch::bins + bin] += each.latency_count(a, bin);
            }
        }
    });
    for (std::size_t p = 0; p < stage_.size(); ++p) {
        for (const bool challenger : {false, true}) {
            ended_stages& ended = ended_[2 * p + (challenger ? 1 : 0)];
            const unsigned arm = challenger ? static_cast<unsigned>(p) + 1 : 0;
            const double weight = weight_in_stage(p, challenger);
            for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
                const auto n =
                    static_cast<double>(of_stage(arm, bin, counted_now_[arm * latency_sketch::bins + bin]));
                ended.weights[bin] += weight * n;
                ended.squares += weight * weight * n;
            }
        }
        stage_[p] = shares[p];
    }
    counted_before_.swap(counted_now_);
}

JOUST_FUNCTION void live_evidence::collect_overlap(evidence& all) const
{
    const std::scoped_lock lock{stage_mutex_};
    for (std::size_t p = 0; p < all.pairs.size(); ++p) {
        for (const bool challenger : {false, true}) {
            const unsigned arm = challenger ? static_cast<unsigned>(p) + 1 : 0;
            const ended_stages& ended = ended_[2 * p + (challenger ? 1 : 0)];
            overlap_latencies& into =
                challenger ? all.pairs[p].challenger_latency : all.pairs[p].champion_latency;
            const auto counts = all.arms[arm].latency.counts();
            const double weight = weight_in_stage(p, challenger);
            copy_list(into.weights, ended.weights);
            double* const weights = into.weights.data();
            std::uint64_t calls = 0;
            for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
                const std::uint64_t n = of_stage(arm, bin, counts[bin]);
                weights[bin] += weight * static_cast<double>(n);
                calls += n;
            }
            into.squares = ended.squares + weight * weight * static_cast<double>(calls);
        }
    }
}

JOUST_FUNCTION void live_evidence::begin_anew() noexcept
{
    rare_.begin_anew();
    for (feed_log& each : feeds_) {
        each.begin_anew();
    }
    for (first_event_log& each : logs_) {
        each.begin_anew();
    }
    for (late_call_watch& each : late_) {
        each.begin_anew();
    }
    for (threshold& each : thresholds_) {
        each.highest.store(0.0, std::memory_order_relaxed);
    }
    since_judged_.store(0, std::memory_order_relaxed);
    judge_after_.store(least_calls, std::memory_order_relaxed);
    for (ended_stages& each : ended_) {
        for (double& weight : each.weights) {
            weight = 0.0;
        }
        each.squares = 0.0;
    }
    for (std::uint64_t& count : counted_before_) {
        count = 0;
    }
    for (test_memory& each : memory_) {
        each = {};
    }
    for (auto& count : ignored_) {
        count.store(0, std::memory_order_relaxed);
    }
    unrecorded_.store(0, std::memory_order_relaxed);
    rows_.begin_anew();
    limits_.begin_anew();
}

JOUST_FUNCTION bool live_evidence::judge_latency(bool wait) noexcept
{
    if (late_.empty()) {
        return false;
    }
    std::unique_lock lock{threshold_mutex_, std::defer_lock};
    if (wait) {
        lock.lock();
    } else if (!lock.try_lock()) {
        return false;
    }
    since_judged_.store(0, std::memory_order_relaxed);
    for (auto& counts : latency_now_) {
        for (std::uint64_t& count : counts) {
            count = 0;
        }
    }
    slabs_.for_each_used([this](const slab& each) {
        for (unsigned arm = 0; arm < latency_now_.size(); ++arm) {
            // What comes meanwhile is rather missed where it is slow than where it is fast, so that it does not look like harm.
            for (std::size_t bin = latency_sketch::bins; bin-- > 0;) {
                latency_now_[arm][bin] += each.latency_count(arm, bin);
            }
        }
    });
    double calls = 0.0;
    for (std::size_t i = 0; i < late_.size(); ++i) {
        if (!watches_[i % watches_.size()].follows_champion()) {
            continue;
        }
        late_call_watch& each = late_[i];
        threshold& limits = thresholds_[i];
        if (each.step(latency_now_[0], latency_now_[1 + i / watches_.size()], logs_[i])) {
            limits.champion.store(each.champion_limit(), std::memory_order_relaxed);
            limits.challenger.store(each.challenger_limit(), std::memory_order_relaxed);
            limits.suspicion.store(each.least_e(), std::memory_order_relaxed);
        }
        limits.highest.store(each.peak().log_e, std::memory_order_relaxed);
        calls = each.calls() > calls ? each.calls() : calls;
    }
    find_lowest();
    // Long epochs are judged less frequently, so that it costs a bounded share of the time.
    const auto between = [calls](double part, std::uint32_t most) {
        return calls < part * least_calls ? least_calls
               : calls < part * most      ? static_cast<std::uint32_t>(calls / part)
                                          : most;
    };
    judge_soon_.store(between(128.0, 1'024), std::memory_order_relaxed);
    judge_after_.store(between(16.0, 8'192), std::memory_order_relaxed);
    return true;
}

JOUST_FUNCTION void live_evidence::collect(evidence& all, collected_changes* known) const
{
    const std::size_t pairs = models_.size() - 1;
    if (all.trial != trial_ || all.models != models_ || all.series != series_ || all.pairs.size() != pairs ||
        all.pairs.front().events.size() != watches_.size() ||
        all.pairs.front().peaks.size() != watches_.size() || all.pairs.front().memory.size() != memories_ ||
        all.arms.size() != models_.size()) {
        if (known != nullptr) {
            known->forget();
        }
        // Lists are made anew: `resize` would compile how they grow and move as well.
        all.quantiles.clear();
        all.trial = trial_;
        all.models = models_;
        all.series = series_;
        all.arms = std::vector<arm_evidence>(models_.size());
        all.pairs = std::vector<pair_evidence>(pairs);
        all.ignored = std::vector<std::uint64_t>(counted_reasons);
        for (auto& pair : all.pairs) {
            pair.series = std::vector<bucket_sums>(series_.size());
            pair.events = std::vector<std::vector<first_event>>(watches_.size());
            pair.peaks = std::vector<first_event_peak>(watches_.size());
            pair.late = std::vector<late_calls>(late_.empty() ? 0 : watches_.size());
            pair.memory = std::vector<test_memory>(memories_);
            for (auto& sums : pair.series) {
                for (auto* list :
                     {&sums.challenger, &sums.champion, &sums.challenger_root, &sums.champion_root}) {
                    *list = std::vector<double>(bucket_count);
                }
            }
        }
    }
    if (known != nullptr &&
        (known->series.size() != series_.size() || known->units.size() != models_.size())) {
        known->series = std::vector<std::uint64_t>(series_.size());
        known->units = std::vector<std::uint64_t>(models_.size());
        known->distinct = std::vector<double>(models_.size());
        known->forget();
    }
    for (std::size_t p = 0; p < pairs; ++p) {
        for (std::size_t w = 0; w < watches_.size(); ++w) {
            logs_[p * watches_.size() + w].events(all.pairs[p].events[w]);
            all.pairs[p].peaks[w] = peak(p, w);
            if (watches_[w].follows_champion()) {
                const std::scoped_lock lock{threshold_mutex_};
                const late_call_watch& judged = late_[p * watches_.size() + w];
                judged.epochs(all.pairs[p].late[w].epochs);
                all.pairs[p].late[w].not_judged = judged.not_judged();
            }
        }
    }
    collect_series(all, known);
    collect_units(all, known);
    if (known != nullptr) {
        known->valid = true;
    }
    const std::uint64_t served = all.requests();
    const std::size_t first_lost = series_.size() - fed_.size();
    for (std::size_t i = 0; i < fed_.size(); ++i) {
        const auto quiet = [&](std::size_t arm) {
            return feeds_[i * (pairs + 1) + arm].quiet(served, all.requests(arm));
        };
        for (std::size_t p = 0; p < pairs; ++p) {
            all.pairs[p].series[fed_[i]].quiet = quiet(0);
            all.pairs[p].series[first_lost + i].quiet = quiet(p + 1);
        }
    }
    if (weighs_latency()) {
        collect_overlap(all);
    }
    if (counts_by_share_ != nullptr) {
        (this->*counts_by_share_)(all.pairs.front().by_share);
    }
    {
        const std::scoped_lock lock{memory_mutex_};
        for (std::size_t p = 0; p < pairs; ++p) {
            for (std::size_t m = 0; m < memories_; ++m) {
                copy_memory(all.pairs[p].memory[m], memory_[p * memories_ + m]);
            }
        }
    }
    while (all.ignored.size() < counted_reasons) {
        all.ignored.push_back(0);
    }
    for (std::size_t i = 0; i < counted_reasons; ++i) {
        all.ignored[i] = ignored_[i].load(std::memory_order_relaxed);
    }
    // Counts that came later are there where they are not 0, so that snapshots do not change.
    while (all.ignored.size() > ignored_reasons && all.ignored.back() == 0) {
        all.ignored.pop_back();
    }
    all.unrecorded = unrecorded_.load(std::memory_order_relaxed);
}

JOUST_FUNCTION void live_evidence::collect_by_share(share_counts& into) const
{
    const std::size_t margins = limits_.margins().size();
    const std::size_t wide = 2 * (series_.size() + 2 * margins);
    // A value that was used before has the memory already.
    into.shares.reserve(share_rows::most);
    into.counts.reserve(share_rows::most * wide);
    into.margins = limits_.margins();
    // The number of rows is read once, since a thread may add one meanwhile.
    const std::size_t rows = rows_.size();
    std::array<std::size_t, share_rows::most + 1> rank{};
    into.shares.assign(rows, 0.0);
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t other = 0; other < rows; ++other) {
            rank[row] += rows_.propensity(other) < rows_.propensity(row) ? 1U : 0U;
        }
        into.shares[rank[row]] = rows_.propensity(row);
    }
    into.counts.assign(rows * wide, 0);
    into.elsewhere.assign(wide, 0);
    slabs_.for_each_used([&](const slab& each) {
        const auto add = [&](std::size_t from, std::size_t to) {
            for (const std::size_t arm : {0U, 1U}) {
                for (std::size_t row = 0; row < rows; ++row) {
                    into.counts[rank[row] * wide + 2 * to + arm] += each.count_of_share(from, row, arm != 0);
                }
                into.elsewhere[2 * to + arm] += each.count_of_share(from, share_rows::most, arm != 0);
            }
        };
        // Backwards, so that what calls did is never more than the calls.
        for (std::size_t m = margins; m-- > 0;) {
            add(limits_.late_column(m), series_.size() + 2 * m + 1);
        }
        for (std::size_t m = margins; m-- > 0;) {
            add(limits_.judged_column(m), series_.size() + 2 * m);
        }
        for (std::size_t column = series_.size(); column-- > 0;) {
            add(column, column);
        }
    });
    // Rows without counts are left out, so that a stage to come makes no difference.
    std::size_t kept = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        bool any = false;
        for (std::size_t i = 0; i < wide; ++i) {
            const std::uint64_t n = into.counts[row * wide + i];
            into.counts[kept * wide + i] = n;
            any = any || n != 0;
        }
        into.shares[kept] = into.shares[row];
        kept += any ? 1 : 0;
    }
    into.shares.resize(kept);
    into.counts.resize(kept * wide);
}

JOUST_FUNCTION void live_evidence::remember(const evidence& seen)
{
    const std::scoped_lock lock{memory_mutex_};
    for (std::size_t i = 0; i < memory_.size(); ++i) {
        memory_[i].learn(seen.pairs[i / memories_].memory[i % memories_]);
    }
}

JOUST_FUNCTION std::uint8_t live_evidence::highest_rank(unsigned arm,
                                                        std::size_t unit_register) const noexcept
{
    std::uint8_t highest = 0;
    slabs_.for_each([&](const slab& each) {
        const std::uint8_t held = each.unit_register(arm, unit_register);
        highest = held > highest ? held : highest;
    });
    return highest;
}

JOUST_FUNCTION void live_evidence::resume(evidence& merged) const
{
    const std::scoped_lock lock{memory_mutex_};
    for (std::size_t i = 0; i < memory_.size(); ++i) {
        pair_evidence& pair = merged.pairs[i / memories_];
        pair.memory[i % memories_].resume(memory_[i],
                                          static_cast<double>(pair.series[exposure_series].challenger_count +
                                                              pair.series[exposure_series].champion_count));
    }
}

JOUST_FUNCTION void live_evidence::remember_whole(const evidence& merged)
{
    const std::scoped_lock lock{memory_mutex_};
    for (std::size_t i = 0; i < memory_.size(); ++i) {
        memory_[i].learn_whole(merged.pairs[i / memories_].memory[i % memories_]);
    }
}

JOUST_FUNCTION void live_evidence::catch_up(const evidence& merged) noexcept
{
    if (merged.pairs.size() + 1 != models_.size()) {
        return;
    }
    const auto behind = [&](std::size_t i) -> std::uint32_t {
        const pair_evidence& pair = merged.pairs[i / watches_.size()];
        const std::size_t w = i % watches_.size();
        if (watches_[w].follows_champion()) {
            return w < pair.late.size() && !pair.late[w].epochs.empty() ? pair.late[w].epochs.back().epoch
                                                                        : 0;
        }
        return w < pair.events.size() && !pair.events[w].empty() ? pair.events[w].back().epoch : 0;
    };
    bool follows = false;
    for (std::size_t i = 0; i < logs_.size(); ++i) {
        if (!watches_[i % watches_.size()].follows_champion()) {
            static_cast<void>(logs_[i].catch_up(behind(i)));
        } else {
            const std::scoped_lock lock{threshold_mutex_};
            follows = follows || late_[i].epoch() < behind(i);
        }
    }
    if (!follows || !judge_latency()) {
        return;
    }
    // judge_latency has just counted the latencies of all calls.
    const std::scoped_lock lock{threshold_mutex_};
    for (std::size_t i = 0; i < late_.size(); ++i) {
        const std::uint32_t epoch = behind(i);
        if (!watches_[i % watches_.size()].follows_champion() || late_[i].epoch() >= epoch) {
            continue;
        }
        if (!logs_[i].catch_up(epoch)) {
            continue;  // A thread counts an event just now. The next call does it.
        }
        const pair_evidence& pair = merged.pairs[i / watches_.size()];
        late_[i].catch_up(epoch, pair.late[i % watches_.size()].epochs.back().threshold, latency_now_[0],
                          latency_now_[1 + i / watches_.size()]);
        threshold& limits = thresholds_[i];
        limits.champion.store(late_[i].champion_limit(), std::memory_order_relaxed);
        limits.challenger.store(late_[i].challenger_limit(), std::memory_order_relaxed);
        limits.suspicion.store(late_[i].least_e(), std::memory_order_relaxed);
    }
    find_lowest();
}

JOUST_FUNCTION void live_evidence::collect_latency(const slab& from, unsigned arm, latency_sketch& into)
{
    from.for_each_latency(arm, [&into](std::size_t bin, std::uint64_t n) { into.add_bin(bin, n); });
}

JOUST_FUNCTION live_evidence::exposure_counts live_evidence::exposures_now(unsigned arm) const noexcept
{
    exposure_counts now;
    try {
        slabs_.for_each_used([&now, arm](const slab& each) {
            const auto add = [&](unsigned of, std::uint64_t n) {
                now.all += n;
                now.own += of == arm ? n : 0;
            };
            const std::size_t pairs = each.layout().pairs();
            for (std::size_t b = 0; b < bucket_count; ++b) {
                add(0, each.count(exposure_series, 0, false, b));
                for (std::size_t p = 0; p < pairs; ++p) {
                    add(static_cast<unsigned>(p + 1), each.count(exposure_series, p, true, b));
                }
            }
        });
    } catch (...) {
        return {};  // The lock failed. A mark at 0 is not kept.
    }
    return now;
}

/// Note the number of changes of something. Returns whether it has changed, as far as is known.
JOUST_FUNCTION bool live_evidence::note_changes(const collected_changes* known, std::uint64_t* kept,
                                                std::uint64_t now) noexcept
{
    const bool changed = known == nullptr || !known->valid || *kept != now;
    if (known != nullptr) {
        *kept = now;
    }
    return changed;
}

JOUST_FUNCTION void live_evidence::collect(const slab& from, bucket_sums& sums, std::size_t series,
                                           std::size_t pair)
{
    // A pointer of its own for each list, since a row that another thread may write makes compilers read everything again.
    const auto add = [&](bool challenger, double* const first, double* const second, std::uint64_t& count) {
        std::uint64_t all = 0;
        from.for_each_row(series, pair, challenger, [&](std::size_t bucket, const row_values& row) {
            first[bucket] += row.first;
            second[bucket] += row.second;
            all += row.count;
        });
        count += all;
    };
    add(true, sums.challenger.data(), sums.challenger_root.data(), sums.challenger_count);
    add(false, sums.champion.data(), sums.champion_root.data(), sums.champion_count);
    sums.expected += from.expected(series, pair);
}

JOUST_FUNCTION void live_evidence::collect_series(evidence& all, collected_changes* known) const
{
    const std::size_t rare = series_.size() - fed_.size();
    // Exposures come last, so that what became of a call that ends meanwhile is rather missed.
    for (std::size_t s = series_.size(); s-- > 0;) {
        std::uint64_t changes = 0;
        if (s >= rare) {
            changes = rare_.changes(s - rare);
        } else {
            slabs_.for_each_used([&](const slab& each) { changes += each.changes(s); });
        }
        if (!note_changes(known, known != nullptr ? &known->series[s] : nullptr, changes) &&
            s != exposure_series) {
            continue;
        }
        for (std::size_t p = 0; p < all.pairs.size(); ++p) {
            bucket_sums& sums = all.pairs[p].series[s];
            sums.clear();
            if (s >= rare) {
                collect(rare_, sums, s - rare, p);
            } else {
                slabs_.for_each_used([&](const slab& each) { collect(each, sums, s, p); });
            }
        }
    }
}

JOUST_FUNCTION void live_evidence::collect_units(evidence& all, collected_changes* known) const
{
    for (unsigned a = 0; a < all.arms.size(); ++a) {
        arm_evidence& arm = all.arms[a];
        arm.latency = latency_sketch{};
        std::uint64_t changes = 0;
        slabs_.for_each_used([&](const slab& each) { changes += each.changes_of_units(a); });
        const bool changed = note_changes(known, known != nullptr ? &known->units[a] : nullptr, changes);
        if (changed) {
            arm.units = hyperloglog<>{};
        }
        slabs_.for_each_used([&](const slab& each) {
            collect_latency(each, a, arm.latency);
            for (std::size_t i = 0; i < slab::unit_registers && changed; ++i) {
                arm.units.raise(i, each.unit_register(a, i));
            }
        });
        if (changed && known != nullptr) {
            known->distinct[a] = arm.units.estimate();
        }
    }
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
