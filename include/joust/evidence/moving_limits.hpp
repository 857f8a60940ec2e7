// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fork.hpp>
#include <joust/evidence/share_counts.hpp>
#include <joust/evidence/thread_slabs.hpp>
#include <joust/numeric/sketch.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Follow the champion's quantiles of latency, and count by share which calls are later than the margins allow.
///
/// A limit is the champion's quantile over its last 2,000 timed calls (up to 3,000), so that it follows the load of the day. It is known after
/// the first 1,000 of them, and made anew after 500 more. It depends on earlier calls only. For a claim on a quantile it may not be too low,
/// so it is the upper end of a bin of the latency sketch.
///
/// Calls that are not timed neither move a limit nor are judged. Where one call in n is timed, all counts are those of timed calls, and a limit
/// follows n times as slowly.
/// cost: one load and one comparison for a timed call and quantile; no lock. In one call of 512, a pass over the latencies of
/// all threads, which takes about 0.2 us for each thread. 66 KiB for a trial with margins
class moving_limits {
public:
    /// Set the margins, before the first call. `first_column` is the first column that is free.
    void watch(const std::vector<latency_margin>& margins, std::size_t first_column);

    [[nodiscard]] bool any() const noexcept { return !margins_.empty(); }
    /// Return the margins, sorted.
    [[nodiscard]] const std::vector<latency_margin>& margins() const noexcept { return margins_; }
    /// Return the number of columns: one for each quantile, and one for each margin.
    [[nodiscard]] std::size_t columns() const noexcept { return quantiles_.size() + margins_.size(); }
    /// Return the column of calls that were judged against a margin. All margins of a quantile share it.
    [[nodiscard]] std::size_t judged_column(std::size_t margin) const noexcept
    {
        return first_column_ + quantile_of_[margin];
    }
    [[nodiscard]] std::size_t late_column(std::size_t margin) const noexcept
    {
        return first_column_ + quantiles_.size() + margin;
    }

    /// Judge a timed call.
    JOUST_ALWAYS_INLINE void judge(slab& thread_slab, std::size_t share_row, unsigned arm,
                                   std::int64_t nanoseconds) const noexcept
    {
        for (std::size_t i = 0; i < quantiles_.size(); ++i) {
            const std::int64_t least = limits_[i].lower.load(std::memory_order_relaxed);
            if (least == unknown) [[unlikely]] {
                continue;
            }
            thread_slab.count_at_share(first_column_ + i, share_row, arm);
            // No margin allows the challenger less than the champion's limit.
            if (nanoseconds >= least) [[unlikely]] {
                count_late(thread_slab, i, share_row, arm, nanoseconds);
            }
        }
    }

    /// Note that so many calls were served, and follow the champion where it is time.
    void follow(const thread_slabs& slabs, std::uint64_t calls) noexcept
    {
        const std::uint64_t now = calls_.fetch_add(calls, std::memory_order_relaxed) + calls;
        if (now >= due_.load(std::memory_order_relaxed) && mutex_.try_lock()) {
            const std::unique_lock lock{mutex_, std::adopt_lock};
            if (now >= due_.load(std::memory_order_relaxed)) {
                due_.store(now + follow_now(slabs, now), std::memory_order_relaxed);
            }
        }
    }

    /// Return the champion's limit of a margin, beyond which a call is late. units: nanoseconds, or `unknown`
    [[nodiscard]] std::int64_t limit_of(std::size_t margin) const noexcept
    {
        return limits_[quantile_of_[margin]].upper.load(std::memory_order_relaxed);
    }
    /// Return the lower end of the bin that holds the champion's quantile. The challenger's limit is made of it.
    [[nodiscard]] std::int64_t least_of(std::size_t margin) const noexcept
    {
        return limits_[quantile_of_[margin]].lower.load(std::memory_order_relaxed);
    }

    static constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::max();
    static constexpr std::uint64_t least_pause = 512;

    /// Count anew in a forked child, where the slabs are empty. The limits stay.
    void begin_anew() noexcept
    {
        for (std::uint64_t& count : before_) {
            count = 0;
        }
        calls_.store(0, std::memory_order_relaxed);
        due_.store(0, std::memory_order_relaxed);
        calls_at_block_ = 0;
    }

private:
    static constexpr std::uint64_t of_block = 500;
    static constexpr std::uint64_t first_calls = 1'000;
    static constexpr std::size_t blocks = 4;

    /// Where the champion's quantile lies: in a bin of latencies, of which a part counts as late.
    struct limit {
        std::atomic<std::int64_t> lower{unknown};
        std::atomic<std::int64_t> upper{unknown};
        /// Which part of the champion's calls in the bin is late, times 2^32. With it the champion is late in exactly 1 - q of
        /// its calls, also where they all take the same time.
        std::atomic<std::uint64_t> part{0};
    };

    JOUST_NOINLINE void count_late(slab& thread_slab, std::size_t quantile, std::size_t share_row,
                                   unsigned arm, std::int64_t nanoseconds) const noexcept
    {
        const limit& at = limits_[quantile];
        bool champion_is_late = nanoseconds > at.upper.load(std::memory_order_relaxed);
        if (arm == 0 && !champion_is_late) {
            // Multiples of the golden ratio spread the late calls evenly over the calls of the bin, whatever they took.
            const std::uint64_t judged =
                thread_slab.count_of_share(first_column_ + quantile, share_row, false);
            const std::uint64_t spread = (judged * 0x9E3779B97F4A7C15U) >> 32U;
            champion_is_late = spread < at.part.load(std::memory_order_relaxed);
        }
        const auto least = static_cast<double>(at.lower.load(std::memory_order_relaxed));
        for (std::size_t m = 0; m < margins_.size(); ++m) {
            if (quantile_of_[m] != quantile) {
                continue;
            }
            const double allowed = least * margins_[m].ratio + margins_[m].increase;
            if (arm == 0 ? champion_is_late : static_cast<double>(nanoseconds) > allowed) {
                thread_slab.count_at_share(late_column(m), share_row, arm);
            }
        }
    }

    /// Close a block of calls where it is full, and move the limits. Returns after how many calls to look again.
    std::uint64_t follow_now(const thread_slabs& slabs, std::uint64_t now) noexcept;
    void move_limits() noexcept;

    std::vector<latency_margin> margins_;
    std::vector<std::size_t> quantile_of_;
    std::vector<double> quantiles_;
    std::size_t first_column_ = 0;
    std::vector<limit> limits_;
    std::atomic<std::uint64_t> calls_{0};
    std::atomic<std::uint64_t> due_{0};
    fork_mutex mutex_{fork_order::thresholds};
    /// mutex_ guards all that follows. These are the champion's calls at the end of the last block, by bin.
    std::vector<std::uint64_t> before_;
    std::vector<std::uint64_t> counted_;
    /// The calls of each of the last blocks, by bin, and of all of them.
    std::vector<std::uint32_t> of_blocks_;
    std::vector<std::uint32_t> window_;
    std::array<std::uint64_t, blocks> sizes_{};
    std::size_t next_block_ = 0;
    std::uint64_t calls_at_block_ = 0;
};

#if JOUST_BODIES

JOUST_FUNCTION void moving_limits::watch(const std::vector<latency_margin>& margins, std::size_t first_column)
{
    for (const latency_margin& each : margins) {
        std::size_t place = 0;
        while (place < margins_.size() && margins_[place].precedes(each)) {
            ++place;
        }
        if (place == margins_.size() || !(margins_[place] == each)) {
            margins_.insert(margins_.begin() + static_cast<std::ptrdiff_t>(place), each);
        }
    }
    quantile_of_.clear();
    quantiles_.clear();
    for (const latency_margin& each : margins_) {
        if (quantiles_.empty() || quantiles_.back() != each.q) {
            quantiles_.push_back(each.q);
        }
        quantile_of_.push_back(quantiles_.size() - 1);
    }
    first_column_ = first_column;
    limits_ = std::vector<limit>(quantiles_.size());
    before_ = std::vector<std::uint64_t>(latency_sketch::bins);
    counted_ = before_;
    of_blocks_ = std::vector<std::uint32_t>(blocks * latency_sketch::bins);
    window_ = std::vector<std::uint32_t>(latency_sketch::bins);
}

JOUST_FUNCTION std::uint64_t moving_limits::follow_now(const thread_slabs& slabs, std::uint64_t now) noexcept
{
    constexpr std::uint64_t longest_pause = 65'536;
    for (std::uint64_t& count : counted_) {
        count = 0;
    }
    slabs.for_each_used([&](const slab& each) {
        each.for_each_latency(0, [&](std::size_t bin, std::uint64_t n) { counted_[bin] += n; });
    });
    std::uint64_t more = 0;
    for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
        more += counted_[bin] - before_[bin];
    }
    const std::uint64_t since = now - calls_at_block_;
    if (more < of_block) {
        const std::uint64_t pause = more > 0 ? (of_block - more) * since / more : since;
        return pause < least_pause ? least_pause : pause < longest_pause ? pause : longest_pause;
    }
    for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
        std::uint32_t& oldest = of_blocks_[next_block_ * latency_sketch::bins + bin];
        const auto fresh = static_cast<std::uint32_t>(counted_[bin] - before_[bin]);
        window_[bin] += fresh - oldest;
        oldest = fresh;
    }
    sizes_[next_block_] = more;
    next_block_ = (next_block_ + 1) % blocks;
    before_.swap(counted_);
    calls_at_block_ = now;
    move_limits();
    return least_pause;
}

JOUST_FUNCTION void moving_limits::move_limits() noexcept
{
    std::uint64_t all = 0;
    for (const std::uint64_t size : sizes_) {
        all += size;
    }
    if (all < first_calls) {
        return;
    }
    for (std::size_t i = 0; i < quantiles_.size(); ++i) {
        const double beyond = (1.0 - quantiles_[i]) * static_cast<double>(all);
        std::size_t bin = latency_sketch::bins;
        std::uint64_t above = 0;
        while (bin > 0 && static_cast<double>(above + window_[bin - 1]) <= beyond) {
            --bin;
            above += window_[bin];
        }
        // At most the share 1 - q lies above the bin before, and with a part of that bin it is exactly 1 - q.
        limit& at = limits_[i];
        if (bin == 0) {
            at.part.store(0, std::memory_order_relaxed);
            at.upper.store(0, std::memory_order_relaxed);
            at.lower.store(0, std::memory_order_relaxed);
            continue;
        }
        const auto range = latency_sketch::range_of(bin - 1);
        const double part = (beyond - static_cast<double>(above)) / static_cast<double>(window_[bin - 1]);
        at.part.store(static_cast<std::uint64_t>(part * 0x1p32), std::memory_order_relaxed);
        at.upper.store(range.upper - 1, std::memory_order_relaxed);
        at.lower.store(range.lower, std::memory_order_relaxed);
    }
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
