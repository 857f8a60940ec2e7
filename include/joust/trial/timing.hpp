// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <concepts>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// Time every call, or one call in `every`. The default times every call.
///
/// The golden ratio spreads the timed calls unevenly, so that they cannot stay in step with periodic traffic.
/// When to use: `timed{}` in most services; `timed{.every = 16}` where a clock read is slow beside the model. When not: for
/// models of a few nanoseconds, which `untimed{}` leaves alone.
/// cost: two clock reads for each timed call, 50 to 100 ns on virtual machines; with `.every = 16` that is 3 to 6 ns for
/// each call on average
struct timed {
    /// One call in this many is timed.
    std::uint32_t every = 1;

    /// Return whether a thread's call of this number is timed.
    [[nodiscard]] constexpr bool times(std::uint32_t call) const noexcept
    {
        const std::uint32_t spread = call * 2654435769U;
        return every <= 1 || (std::uint64_t{spread} * every) >> 32 == 0;
    }
    bool operator==(const timed&) const = default;
};

/// Time no call.
///
/// When to use: for models of a few nanoseconds. When not: with a guardrail on latency, which then sees no latencies.
struct untimed {
    /// Return false for every call.
    [[nodiscard]] static constexpr bool times(std::uint32_t) noexcept { return false; }
    bool operator==(const untimed&) const = default;
};

/// A policy that decides which calls are timed.
/// shape: `times(number of the thread's call) const noexcept -> bool`
template <class T>
concept timing_policy = requires(const T& t) {
    { t.times(std::uint32_t{}) } noexcept -> std::same_as<bool>;
};

namespace detail {

struct verb_times {
    int times;
};
template <class T>
concept has_times = derivable<T> && !requires { &both<T, verb_times>::times; };

}  // namespace detail

/// The role of timing: verb `times(call)`.
struct timing_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = timing_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_times<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has times(), but a timing policy is `times(std::uint32_t) const noexcept -> bool`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two timing policies are given; say timed{...} or untimed{} once");
    }
};

}  // namespace v0
}  // namespace joust
