// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/policy.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {

/// A type that says how long a challenger is paused after a number of failures in a row.
///
/// shape: `pause_after(failures_in_a_row) const noexcept -> nanoseconds`; zero means no pause
template <class T>
concept circuit_breaker = requires(const T& policy, std::uint32_t in_a_row) {
    { policy.pause_after(in_a_row) } noexcept -> std::convertible_to<std::chrono::nanoseconds>;
};

namespace detail {

struct verb_pause_after {
    int pause_after;
};
template <class T>
concept has_pause_after = derivable<T> && !requires { &both<T, verb_pause_after>::pause_after; };

}  // namespace detail

/// The role of the circuit breaker. Its verb is `pause_after(failures_in_a_row) const noexcept -> nanoseconds`.
struct breaker_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = circuit_breaker<T>;
    template <class T>
    static constexpr bool resembles = detail::has_pause_after<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has pause_after(), but a breaker is `std::chrono::nanoseconds pause_after(std::uint32_t failures_in_a_row) const noexcept`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two circuit breakers are given; one guards every challenger");
    }
};

/// Never pause a challenger. This is the default, since the failures of a paused challenger are not all counted.
struct no_breaker {
    /// Return zero: no pause.
    [[nodiscard]] static constexpr std::chrono::nanoseconds pause_after(std::uint32_t) noexcept { return {}; }
    bool operator==(const no_breaker&) const = default;
};

/// Pause a challenger that fails `failures` times in a row.
///
/// After a pause, one request is given to the challenger as a probe. If the probe succeeds, the challenger runs again; if
/// it fails, the next pause begins.
/// When to use: where a broken challenger costs more than lost comparisons, because each call takes seconds to fail or
/// loads a service that is already down.
/// When not: where every failure must be counted. The failure rate of a paused challenger describes only the requests
/// that it was given.
/// errors: configuration_error from `validate` (trials call it) unless both fields are positive
struct breaker {
    /// How many failures in a row begin a pause.
    std::uint32_t failures = 20;
    /// How long a pause lasts.
    std::chrono::nanoseconds pause = std::chrono::seconds{10};

    /// Return the pause that follows this number of failures in a row, or zero.
    [[nodiscard]] constexpr std::chrono::nanoseconds pause_after(std::uint32_t in_a_row) const noexcept
    {
        return in_a_row >= failures ? pause : std::chrono::nanoseconds{0};
    }

    /// Refuse a breaker that would let no request through, or that would never pause.
    void validate() const
    {
        if (failures == 0) {
            throw configuration_error("breaker.failures", "0", "at least 1 failure in a row");
        }
        if (pause.count() <= 0) {
            throw configuration_error("breaker.pause", std::to_string(pause.count()) + " ns",
                                      "a positive time");
        }
    }

    bool operator==(const breaker&) const = default;
};

/// Keep the state of one challenger's breaker. Any number of threads may use it at once.
///
/// units: times are nanoseconds of one monotonic clock, as `steady_time::now` returns them
/// cost: `allow` is one relaxed load while the challenger is healthy
template <circuit_breaker Policy>
class breaker_state {
public:
    /// Begin with a challenger that is not paused.
    explicit breaker_state(const Policy& policy) : policy_(policy) {}

    /// Say whether a request may be given to the challenger now. After each pause exactly one caller gets true and is the
    /// probe.
    [[nodiscard]] bool allow(std::int64_t now) noexcept
    {
        std::int64_t until = open_until_.load(std::memory_order_relaxed);
        if (until == closed) {
            return true;
        }
        if (now < until) {
            return false;
        }
        // The caller that wins moves the end of the pause, so that all other callers wait for the result of its probe. A
        // probe that is dropped by a full queue costs one more pause, and the challenger is probed again after it.
        const std::int64_t pause = pause_of(in_a_row_.load(std::memory_order_relaxed));
        return open_until_.compare_exchange_strong(until, later(now, pause), std::memory_order_relaxed);
    }

    /// Say whether the challenger is paused, without becoming the probe.
    [[nodiscard]] bool paused(std::int64_t now) const noexcept
    {
        const std::int64_t until = open_until_.load(std::memory_order_relaxed);
        return until != closed && now < until;
    }

    /// Record that the challenger returned.
    void success() noexcept
    {
        if (in_a_row_.load(std::memory_order_relaxed) != 0) {
            in_a_row_.store(0, std::memory_order_relaxed);
            open_until_.store(closed, std::memory_order_relaxed);
        }
    }

    /// Record that the challenger failed.
    void failure(std::int64_t now) noexcept
    {
        // When a probe fails, the count is at its limit already, so the next pause begins at once.
        const std::int64_t pause = pause_of(in_a_row_.fetch_add(1, std::memory_order_relaxed) + 1);
        if (pause > 0 && open_until_.exchange(later(now, pause), std::memory_order_relaxed) == closed) {
            opened_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    /// Return how often the challenger was paused since the start. A failed probe prolongs a pause and is not counted.
    [[nodiscard]] std::uint64_t opened() const noexcept { return opened_.load(std::memory_order_relaxed); }

private:
    static constexpr std::int64_t closed = INT64_MIN;

    [[nodiscard]] std::int64_t pause_of(std::uint32_t in_a_row) const noexcept
    {
        return std::chrono::nanoseconds{policy_.pause_after(in_a_row)}.count();
    }

    [[nodiscard]] static std::int64_t later(std::int64_t now, std::int64_t pause) noexcept
    {
        return now > INT64_MAX - pause ? INT64_MAX : now + pause;
    }

    [[no_unique_address]] Policy policy_;
    std::atomic<std::uint32_t> in_a_row_{0};
    std::atomic<std::int64_t> open_until_{closed};
    std::atomic<std::uint64_t> opened_{0};
};

}  // namespace v0
}  // namespace joust
