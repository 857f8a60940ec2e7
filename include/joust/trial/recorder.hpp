// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/ticket/ticket.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// One thing a trial saw, for logs: an exposure, or one accepted piece of feedback.
struct event {
    enum class what : std::uint8_t { exposure, feedback };

    what kind = what::exposure;
    /// carries arm, propensity, pseudonym and time; never a raw unit id
    joust::ticket ticket;
    /// feedback: which; valid during the call only
    std::string_view metric{};
    /// feedback
    double value = 0.0;
    /// feedback: of a ratio
    double denominator = 1.0;
    /// exposure: how long the call took, -1 where it was not timed
    std::int64_t nanoseconds = -1;
    /// exposure
    bool failed = false;
    /// exposure: what metrics are adjusted for
    double covariate = 0.0;
    /// feedback on a slate: where
    std::uint32_t position = 0;
    /// feedback on a slate: the ranker that earns it, 255 where nobody does
    std::uint8_t team = 255;
};

/// Keep evidence in memory and no log: the default.
struct no_log {
    constexpr void record(const event&) const noexcept {}
};

/// A callable that gets every event; made by `record_with`.
template <class Callable>
struct callback_recorder {
    static_assert(
        std::is_invocable_v<const Callable&, const event&>,
        "joust: record_with(...) takes a callable, not mutable, on a const joust::event&: record_with([&](const joust::event& seen) { ... })");

    [[no_unique_address]] Callable callable;

    void record(const event& seen) const noexcept
    {
        if constexpr (std::is_invocable_v<const Callable&, const event&>) {
            detail::invoke(callable, seen);
        }
    }
};

/// Hand every exposure and every accepted feedback to a callable, on the thread where it happens.
///
/// assumes: the callable is thread-safe and does not throw (an exception ends the program, as in every noexcept function).
/// cost: that of the callable, and making a ticket for each call
template <class Callable>
[[nodiscard]] constexpr callback_recorder<std::decay_t<Callable>> record_with(Callable&& callable)
{
    return {std::forward<Callable>(callable)};
}

/// A recorder gets events. shape: `record(const event&) const noexcept`
template <class T>
concept recorder_policy = requires(const T& t, const event& e) {
    { t.record(e) } noexcept;
};

namespace detail {

struct verb_record {
    int record;
};
template <class T>
concept has_record = derivable<T> && !requires { &both<T, verb_record>::record; };

}  // namespace detail

/// The role of the recorder: verb `record(event)`.
struct recorder_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = recorder_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_record<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has record(), but a recorder is `record(const joust::event&) const noexcept`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: two recorders are given; let one call the other");
    }
};

}  // namespace v0
}  // namespace joust
