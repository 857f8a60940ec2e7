// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/split/trial_event.hpp>

#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Let transitions pass without a listener. This is the default.
struct no_listener {
    /// Ignore an event.
    constexpr void notify(const trial_event&) const noexcept {}
};

/// A policy that hears of each transition of a trial.
/// shape: `notify(const trial_event&) const noexcept`
template <class T>
concept listener_policy = requires(const T& t, const trial_event& e) {
    { t.notify(e) } noexcept;
};

namespace detail {

struct verb_notify {
    int notify;
};
template <class T>
concept has_notify = derivable<T> && !requires { &both<T, verb_notify>::notify; };

/// Tell a listener or a callable of an event. Returns false where it threw, or says that it could not keep the event.
template <class Listener>
[[nodiscard]] bool told(const Listener& listener, const trial_event& seen) noexcept
{
    if constexpr (requires {
                      { listener.try_notify(seen) } noexcept -> std::same_as<bool>;
                  }) {
        return listener.try_notify(seen);
    } else if constexpr (listener_policy<Listener>) {
        listener.notify(seen);
        return true;
    } else {
        try {
            detail::invoke(listener, seen);
            return true;
        } catch (...) {
            return false;
        }
    }
}

template <class T>
concept hears_events = listener_policy<T> || std::is_invocable_v<const T&, const trial_event&>;

/// Tell the listener of a trial of an event, and count it where the listener failed.
template <class Listener, class Live>
void tell(const Listener& listener, Live& live, const trial_event& seen) noexcept
{
    if (!told(listener, seen)) {
        live.ignore(ignored::listener_threw);
    }
}

}  // namespace detail

/// A listener that passes every transition to callables. `on_event` makes it.
template <class... Callables>
struct callback_listener {
    static_assert(
        (detail::hears_events<Callables> && ...),
        "joust: on_event(...) takes callables, not mutable, on a const joust::trial_event&: on_event([&](const joust::trial_event& seen) { ... })");

    /// The callables.
    std::tuple<Callables...> callables;

    /// Call every callable with an event. An exception of one keeps the event from no other.
    void notify(const trial_event& seen) const noexcept { static_cast<void>(try_notify(seen)); }

    /// Call every callable with an event. Returns false where any of them failed, which the trial counts.
    [[nodiscard]] bool try_notify(const trial_event& seen) const noexcept
    {
        bool all = true;
        if constexpr ((detail::hears_events<Callables> && ...)) {
            std::apply([&](const auto&... each) { ((all = detail::told(each, seen) && all), ...); },
                       callables);
        }
        return all;
    }
};

/// Pass every transition of a trial to callables, in their order, on the thread that caused it.
///
/// When to use: to page a person, to write to a log of your own, to export transitions as metrics. `audit_to(log)` may stand
/// among the callables.
/// When not: for what takes long. The transition has taken effect before the callables hear of it, but the call that caused it
/// waits for them; queue the work.
/// assumes: the callables are thread-safe, and do not call `step()`, `report()` or another function that changes the trial
/// errors: what a callable throws is counted in the report and goes no further
/// cost: nothing where there is no transition
template <class... Callables>
[[nodiscard]] constexpr callback_listener<std::decay_t<Callables>...> on_event(Callables&&... callables)
{
    return {std::tuple<std::decay_t<Callables>...>{std::forward<Callables>(callables)...}};
}

/// The role of the listener: verb `notify(trial_event)`.
struct listener_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = listener_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_notify<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has notify(), but a listener is `notify(const joust::trial_event&) const noexcept`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(
            detail::always_false<T>,
            "joust: two listeners are given; on_event(...) takes several callables, and audit_to(log) may be one of them");
    }
};

}  // namespace v0
}  // namespace joust
