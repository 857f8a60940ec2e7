// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

namespace joust {
inline namespace v0 {

/// The role of what a shadow does where the champion fails. Its mark is `static constexpr bool runs_where_champion_failed`.
struct champion_failure_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = requires { static_cast<bool>(T::runs_where_champion_failed); };
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(
            detail::always_false<T>,
            "joust: also_on_failures is given twice; say once what happens where the champion fails");
    }
};

/// Run no challenger where the champion failed. This is the default: there is no answer to compare with.
struct only_where_champion_answers {
    /// No challenger runs there.
    static constexpr bool runs_where_champion_failed = false;
    bool operator==(const only_where_champion_answers&) const = default;
};

/// Run the challengers also where the champion fails, so that failures are compared request by request.
///
/// The caller gets the champion's exception as before. Nothing is compared on these requests; the report counts all four
/// cases, and its row on failures becomes a paired one.
/// When to use: champions that fail at times, to learn whether a challenger repairs these failures.
/// When not: an overloaded champion, to which the challenger's work would add.
/// cost: a request on which the champion fails has the cost of one on which it answers
struct also_on_failures {
    /// Challengers run there too.
    static constexpr bool runs_where_champion_failed = true;
    bool operator==(const also_on_failures&) const = default;
};

}  // namespace v0
}  // namespace joust
