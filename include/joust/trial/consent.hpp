// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Record every call. This is the default.
struct everybody {
    /// Return true for every call.
    template <class... Args>
    [[nodiscard]] constexpr bool may_record(const Args&...) const noexcept
    {
        return true;
    }
};

/// A predicate that says which calls may be recorded. `consent` makes it.
template <class Predicate>
struct consent_predicate {
    /// The predicate on the arguments of a call.
    [[no_unique_address]] Predicate predicate;

    /// Return whether a call with these arguments may be recorded.
    template <class... Args>
        requires detail::gives<bool, Predicate, Args...>
    [[nodiscard]] constexpr bool may_record(const Args&... args) const
    {
        return static_cast<bool>(detail::invoke_all_or_first(predicate, args...));
    }
};

/// Serve a call without consent by the champion, and record nothing of it: `consent(&Request::may_test)`.
///
/// When to use: wherever units can opt out. The trial then assigns and records only the units that take part.
template <class Predicate>
[[nodiscard]] constexpr consent_predicate<std::decay_t<Predicate>> consent(Predicate&& predicate)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Predicate>>,
        "joust: consent(...) takes what reads consent out of a call, not the answer itself: a member such as &Request::may_test, or a predicate on the call's arguments");
    return {std::forward<Predicate>(predicate)};
}

namespace detail {

struct verb_may_record {
    int may_record;
};
template <class T>
concept has_may_record = derivable<T> && !requires { &both<T, verb_may_record>::may_record; };

}  // namespace detail

/// The role of consent: verb `may_record(args...)`.
struct consent_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_may_record<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: consent is given twice; join both predicates in one consent(...)");
    }

    template <class T, class... Args>
    static constexpr bool fits = requires(const T& t, const Args&... args) {
        { t.may_record(args...) } -> std::convertible_to<bool>;
    };
    template <class T, class... Args>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Args...>,
            "joust: consent(...) cannot be asked about this call: it takes a predicate, not mutable, on all arguments of the call or the first alone, that returns bool; a policy of your own has `bool may_record(const Args&...) const`");
    }
};

}  // namespace v0
}  // namespace joust
