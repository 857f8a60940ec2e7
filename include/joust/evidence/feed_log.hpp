// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/spin_lock.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detail {

/// Remember how the feedback on one metric in one arm grew with the exposures, so that a report can say whether it stopped.
///
/// Each of the first 64 values is marked, and then each growth by a 64th. Every second mark is dropped where there is no
/// room, so that the newest mark is never old. Feedback counts as stopped if there is a mark, of at least 30 values, since
/// which it came at less than a quarter of the rate before. At least 30 values have to be missing then, and the exposures
/// since the mark have to be more than twice as many as the longest pause before it. So labels that arrive once a day stop
/// nothing. The rate is that by the exposures of the arm or by those of all arms, whichever has fallen less: a share that
/// grows brings exposures whose labels are still to come, and a share that falls brings fewer labels.
/// cost: 12 KiB a metric and arm; an atomic addition for 16 values of a thread, and a count of all exposures for a mark
class feed_log {
public:
    /// Count values. Returns whether they have to be marked.
    [[nodiscard]] bool count(std::uint64_t more) noexcept
    {
        return values_.fetch_add(more, std::memory_order_relaxed) + more >=
               due_.load(std::memory_order_relaxed);
    }

    /// Forget everything in a forked child, where no other thread exists.
    void begin_anew() noexcept
    {
        lock_.unlock();
        values_.store(0, std::memory_order_relaxed);
        due_.store(1, std::memory_order_relaxed);
        size_ = 0;
    }

    /// Mark how many exposures there are now, in all arms and in the log's own.
    void mark(std::uint64_t exposures, std::uint64_t own) noexcept
    {
        const spin_guard hold{lock_};
        const std::uint64_t values = values_.load(std::memory_order_relaxed);
        if (values < due_.load(std::memory_order_relaxed)) {
            return;  // Another thread has marked this value.
        }
        due_.store(values + 1 + values / most_early, std::memory_order_relaxed);
        if (size_ == marks_.size()) {
            for (std::size_t i = 0; 2 * i < size_; ++i) {
                marks_[i] = marks_[2 * i];
            }
            size_ = (size_ + 1) / 2;
        }
        if (exposures > 0 && own > 0) {
            marks_[size_++] = {exposures, own, values};
        }
    }

    /// Return how many of the arm's exposures came since its feedback stopped, or 0 where it has not stopped.
    [[nodiscard]] std::uint64_t quiet(std::uint64_t exposures, std::uint64_t own) const noexcept
    {
        const spin_guard hold{lock_};
        const auto values = static_cast<double>(values_.load(std::memory_order_relaxed));
        std::uint64_t longest_pause = size_ > 0 ? marks_[0].exposures : 0;
        for (std::size_t i = 0; i < size_; ++i) {
            const point& then = marks_[i];
            if (i > 0 && then.exposures > marks_[i - 1].exposures + longest_pause) {
                longest_pause = then.exposures - marks_[i - 1].exposures;
            }
            if (then.values < least || exposures < then.exposures || own < then.own) {
                continue;
            }
            const std::uint64_t since = exposures - then.exposures;
            const auto usual_at = [&then](std::uint64_t more, std::uint64_t before) {
                return static_cast<double>(then.values) * static_cast<double>(more) /
                       static_cast<double>(before);
            };
            const double by_all = usual_at(since, then.exposures);
            const double by_own = usual_at(own - then.own, then.own);
            const double usual = by_all < by_own ? by_all : by_own;
            const double came = values - static_cast<double>(then.values);
            if (4.0 * came < usual && usual - came >= static_cast<double>(least) &&
                since > 2 * longest_pause) {
                return own - then.own;
            }
        }
        return 0;
    }

private:
    static constexpr std::uint64_t most_early = 64;
    static constexpr std::uint64_t least = 30;

    struct point {
        std::uint64_t exposures = 0;
        std::uint64_t own = 0;
        std::uint64_t values = 0;
    };

    std::atomic<std::uint64_t> values_{0};
    std::atomic<std::uint64_t> due_{1};
    mutable spin_lock lock_;
    std::size_t size_ = 0;
    std::array<point, 512> marks_{};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
