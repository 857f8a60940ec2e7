// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <ctime>
#include <type_traits>

namespace joust {
inline namespace v0 {

/// Read the machine's monotonic clock: the default clock of every trial.
///
/// cost: one call of std::chrono::steady_clock::now, 25 to 50 ns on virtual machines
struct steady_time {
    /// Return the time.
    /// units: nanoseconds since an arbitrary start
    [[nodiscard]] std::int64_t now() const noexcept
    {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }
};

/// Stand still until a test or a replay moves the time.
///
/// A manual_time cannot be copied. Give a trial the handle that `view()` returns; it reads the same clock.
class manual_time {
public:
    /// Read a manual_time through a copyable handle, which is what a trial takes.
    /// assumes: the clock outlives the handle
    struct handle {
        /// The clock that is read.
        const manual_time* clock;
        /// Return the time of the clock.
        /// units: nanoseconds
        [[nodiscard]] std::int64_t now() const noexcept { return clock->now(); }
    };

    /// Make a handle that reads this clock.
    [[nodiscard]] handle view() const noexcept { return {this}; }
    /// Return the time.
    /// units: nanoseconds
    [[nodiscard]] std::int64_t now() const noexcept { return now_.load(std::memory_order_relaxed); }
    /// Move the time forward.
    void advance(std::int64_t nanoseconds) noexcept
    {
        now_.fetch_add(nanoseconds, std::memory_order_relaxed);
    }

private:
    std::atomic<std::int64_t> now_{0};
};

/// Read the wall clock, for the seconds that a ticket carries.
/// units: milliseconds since 1970-01-01 UTC
/// cost: about 5 ns where the system has a coarse clock, which is late by a few milliseconds; elsewhere one full clock
/// read
[[nodiscard]] inline std::uint64_t wall_milliseconds() noexcept
{
#ifdef CLOCK_REALTIME_COARSE
    timespec now{};
    if (::clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0) {
        return static_cast<std::uint64_t>(now.tv_sec) * 1'000U +
               static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000U;
    }
#endif
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

/// Return nanoseconds since any fixed start.
/// shape: `now() const noexcept -> std::int64_t`
template <class T>
concept clock_policy = requires(const T& t) {
    { t.now() } noexcept -> std::same_as<std::int64_t>;
};

namespace detail {

struct verb_now {
    int now;
};
template <class T>
concept has_now = derivable<T> && !requires { &both<T, verb_now>::now; };

/// Return the time of an event: by the wall clock, or by the trial's own clock where it has one.
/// units: nanoseconds
template <class Clock>
[[nodiscard]] std::int64_t event_time(const Clock& clock) noexcept
{
    if constexpr (std::is_same_v<Clock, steady_time>) {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    } else {
        return clock.now();
    }
}

}  // namespace detail

/// The role of the clock: verb `now()`.
struct clock_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = clock_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_now<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has now(), but a clock is `now() const noexcept -> std::int64_t`, in nanoseconds");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: two clocks are given; a trial reads one");
    }
};

}  // namespace v0
}  // namespace joust
