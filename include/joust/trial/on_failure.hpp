// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <concepts>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// Return the champion's result where a challenger throws or its result is refused. This is the default.
///
/// The failure counts for the arm that was assigned. An exception of the champion itself always reaches the caller.
/// When to use: in services that must answer. Models get the arguments as lvalues, const where they accept it, so that the
/// champion can still use them after the challenger.
struct fall_back {};
/// Pass an exception of a challenger on to the caller.
///
/// The failure counts for the arm that was assigned.
/// When to use: where models consume their arguments, which are then forwarded as the caller passed them, or where the
/// caller has a fallback of its own. When not: with `accept_if`, which needs the champion as the fallback.
struct rethrow {};

/// The role of failure handling: `fall_back{}` or `rethrow{}`.
struct failure_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = std::same_as<T, fall_back> || std::same_as<T, rethrow>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: say fall_back{} or rethrow{} once");
    }
};

}  // namespace v0
}  // namespace joust
