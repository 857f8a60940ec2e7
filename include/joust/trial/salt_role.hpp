// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/core/unit_id.hpp>

#include <type_traits>

namespace joust {
inline namespace v0 {

/// The role of a trial's name: a `joust::salt`, the same one that a later canary or ab_test takes.
struct salt_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = std::is_same_v<T, salt>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: two salts are given; a trial has one name");
    }
};

}  // namespace v0
}  // namespace joust
