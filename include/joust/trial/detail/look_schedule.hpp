// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detail {

/// Says when a canary looks at its evidence again: after so many requests and pieces of feedback, later and less frequently, but at
/// least once in 10,000 of them and once in a second of traffic.
///
/// The calls of a thread are counted in lots, so that threads share neither a counter nor a clock for each call. Lots are so small
/// that one lasts much less than a second, down to one call where traffic is slow.
class look_schedule {
public:
    static constexpr std::uint64_t most_between = 10'000;
    /// units: nanoseconds
    static constexpr std::int64_t longest_between = 1'000'000'000;

    /// Begin, with at least so many requests between two looks.
    void begin(std::uint64_t check_every, std::int64_t now) noexcept
    {
        check_every_ = check_every;
        largest_lot_ = 64;
        while (largest_lot_ < 256 && largest_lot_ < check_every / 2) {
            largest_lot_ *= 2;
        }
        last_look_.store(now, std::memory_order_relaxed);
        last_lot_.store(now, std::memory_order_relaxed);
        begin_anew();
    }

    /// Count from the beginning in a forked child, where no other thread exists.
    void begin_anew() noexcept
    {
        counted_.store(0, std::memory_order_relaxed);
        due_.store(check_every_, std::memory_order_relaxed);
    }

    /// Return the size of a thread's lot if a call of this number ends one, and else 0.
    [[nodiscard]] std::uint32_t lot_that_ends(std::uint32_t call) const noexcept
    {
        const std::uint32_t mask = lot_mask_.load(std::memory_order_relaxed);
        return (call & mask) == mask ? mask + 1 : 0;
    }

    /// Count a lot of calls. Returns whether a look is due.
    [[nodiscard]] bool count_lot(std::uint32_t lot, std::int64_t now) noexcept
    {
        adapt_lot(lot, now);
        const std::uint64_t counted = counted_.fetch_add(lot, std::memory_order_relaxed) + lot;
        const bool late = now - last_look_.load(std::memory_order_relaxed) >= longest_between;
        return claims(counted, late) && (last_look_.store(now, std::memory_order_relaxed), true);
    }

    /// Count a piece of feedback. Returns whether a look is due.
    [[nodiscard]] bool count_feedback() noexcept
    {
        return claims(counted_.fetch_add(1, std::memory_order_relaxed) + 1, false);
    }

private:
    /// Return whether the caller is the one that looks.
    [[nodiscard]] bool claims(std::uint64_t counted, bool late) noexcept
    {
        std::uint64_t due = due_.load(std::memory_order_relaxed);
        if (counted < due && !late) {
            return false;
        }
        std::uint64_t pause = check_every_ > counted / 32 ? check_every_ : counted / 32;
        pause = pause < most_between ? pause : most_between;
        return due_.compare_exchange_strong(due, counted + pause, std::memory_order_relaxed);
    }

    void adapt_lot(std::uint32_t lot, std::int64_t now) noexcept
    {
        const std::int64_t spent = now - last_lot_.exchange(now, std::memory_order_relaxed);
        const std::uint32_t mask = lot_mask_.load(std::memory_order_relaxed);
        if (lot != mask + 1) {
            return;  // The size has changed since this lot began.
        }
        if (spent > longest_between / 4 && mask > 0) {
            lot_mask_.store(mask >> 1, std::memory_order_relaxed);
        } else if (spent < longest_between / 32 && lot < largest_lot_) {
            lot_mask_.store(2 * mask + 1, std::memory_order_relaxed);
        }
    }

    std::uint64_t check_every_ = 1;
    /// A power of 2, at most half of the requests between two looks where they are many.
    std::uint32_t largest_lot_ = 64;
    std::atomic<std::int64_t> last_look_{0};
    std::atomic<std::int64_t> last_lot_{0};
    std::atomic<std::uint32_t> lot_mask_{0};
    std::atomic<std::uint64_t> counted_{0};
    std::atomic<std::uint64_t> due_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
