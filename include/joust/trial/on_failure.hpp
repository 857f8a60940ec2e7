// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <concepts>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// What the caller gets when a challenger throws or its result is refused.
///
/// The champion's own exceptions always reach the caller. Either way the failure counts for the arm assigned.
/// the champion's result: the default; models then get const lvalues
struct fall_back {};
/// the exception; arguments are forwarded as they came
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
