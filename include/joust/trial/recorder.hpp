// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/ticket/ticket.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// An event for logs: an exposure, or one accepted piece of feedback.
struct event {
    /// The kinds of events.
    enum class what : std::uint8_t { exposure, feedback };

    /// The kind of the event, which says which of the other members are set.
    what kind = what::exposure;
    /// The ticket, which carries arm, propensity, pseudonym and time, and never a raw unit id.
    joust::ticket ticket;
    /// Feedback: the name of the metric, valid only during the call of `record`.
    std::string_view metric{};
    /// Feedback: the value, or the numerator of a ratio.
    double value = 0.0;
    /// Feedback: the denominator of a ratio.
    double denominator = 1.0;
    /// Exposure: the time that the call took in nanoseconds, or -1 where it was not timed.
    std::int64_t nanoseconds = -1;
    /// Exposure: whether the call failed.
    bool failed = false;
    /// Exposure: the number that metrics are adjusted for.
    double covariate = 0.0;
    /// Feedback on a slate: the position.
    std::uint32_t position = 0;
    /// Feedback on a slate: the ranker that gets the credit, or 255 where no ranker does.
    std::uint8_t team = 255;
};

/// Keep no log of events. This is the default.
struct no_log {
    /// Ignore an event.
    constexpr void record(const event&) const noexcept {}
};

/// A recorder that passes every event to a callable. `record_with` makes it.
template <class Callable>
struct callback_recorder {
    static_assert(
        std::is_invocable_v<const Callable&, const event&>,
        "joust: record_with(...) takes a callable, not mutable, on a const joust::event&: record_with([&](const joust::event& seen) { ... })");

    /// The callable.
    [[no_unique_address]] Callable callable;

    /// Call the callable with an event. An event on which the callable throws is lost.
    void record(const event& seen) const noexcept { static_cast<void>(try_record(seen)); }

    /// Call the callable with an event. Returns false where the callable threw, which the trial counts.
    [[nodiscard]] bool try_record(const event& seen) const noexcept
    {
        if constexpr (std::is_invocable_v<const Callable&, const event&>) {
            try {
                detail::invoke(callable, seen);
            } catch (...) {
                return false;
            }
        }
        return true;
    }
};

/// Pass every exposure and every accepted piece of feedback to a callable, on the thread where it happens.
///
/// When to use: to feed a log or a stream of your own. When not: where the callable can block, because it runs inside the
/// call; `event_log` writes in a thread of its own.
/// assumes: the callable is thread-safe
/// errors: an event on which the callable throws is lost, and the report counts it
/// cost: the callable's own cost, and one ticket for each call
template <class Callable>
[[nodiscard]] constexpr callback_recorder<std::decay_t<Callable>> record_with(Callable&& callable)
{
    return {std::forward<Callable>(callable)};
}

/// A policy that records events.
/// shape: `record(const event&) const noexcept`
template <class T>
concept recorder_policy = requires(const T& t, const event& e) {
    { t.record(e) } noexcept;
};

namespace detail {

struct verb_record {
    int record;
};
/// Pass an event to a recorder, and count it where the recorder says that it could not be recorded.
template <class Recorder, class Live>
void record_by(const Recorder& recorder, Live& live, const event& seen) noexcept
{
    if constexpr (requires {
                      { recorder.try_record(seen) } noexcept -> std::same_as<bool>;
                  }) {
        if (!recorder.try_record(seen)) {
            live.ignore(ignored::recorder_threw);
        }
    } else {
        recorder.record(seen);
    }
}

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
