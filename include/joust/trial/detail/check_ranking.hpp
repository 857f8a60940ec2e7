// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/interleave/eligible.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/pinned.hpp>
#include <joust/trial/detail/check_call.hpp>
#include <joust/trial/detail/pass_to_rankers.hpp>

// Checks that the rankers and policies of an interleaving take the arguments of a call, at the first call that knows their
// types.

namespace joust {
inline namespace v0 {
namespace detail {

/// Check that the policy of pinned items takes these arguments.
template <class Parts, class... A>
constexpr bool check_pins()
{
    if constexpr (Parts::pins_items) {
        return check_fit<pins_role, typename Parts::pins_t, A...>();
    }
    return true;
}

/// Check that items can be identified, and that the policy of eligible items takes them.
template <class Parts, class Item, class... A>
constexpr bool check_items()
{
    constexpr bool identified = check_fit<identity_role, typename Parts::identity_t, Item>();
    if constexpr (Parts::leaves_out) {
        return check_fit<eligibility_role, typename Parts::eligible_t, Item, A...>() && identified;
    }
    return identified;
}

/// Check that rankers and policies take these arguments. Otherwise one compiler error says what is wrong.
template <class Parts, class... A>
constexpr bool check_ranked_call()
{
    using calls = ranker_calls<typename Parts::models_t>;
    if constexpr (calls::template check<A...>()) {
        constexpr bool asked = check_unit_of_call<typename Parts::key_t, typename Parts::consent_t, A...>();
        constexpr bool pinned = check_pins<Parts, A...>();
        constexpr bool items = check_items<Parts, typename calls::template item<A...>, A...>();
        return asked && pinned && items;
    } else {
        return false;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
