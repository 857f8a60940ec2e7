// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/model.hpp>
#include <joust/interleave/projected.hpp>
#include <joust/trial/detail/model_misuse.hpp>
#include <joust/trial/rankers.hpp>

#include <tuple>
#include <type_traits>

namespace joust {
inline namespace v0 {
namespace detail {

/// Passes the arguments of a call to the rankers of an interleaving. All rankers get them as const lvalues.
template <class Models>
struct ranker_calls;
template <class... F>
struct ranker_calls<std::tuple<model<F>...>> {
    template <class Result>
    using item_of = item_t<std::remove_reference_t<Result>>;

    /// The type of the items in the champion's list.
    template <class... A>
    using item = item_of<std::invoke_result_t<std::tuple_element_t<0, std::tuple<F...>>&, const A&...>>;

    /// Check that the rankers take these arguments and return lists of one type of items. Otherwise a compiler error
    /// says why not.
    template <class... A>
    static constexpr bool check()
    {
        constexpr bool callable = (std::is_invocable_v<F&, const A&...> && ...);
        static_assert(
            callable || (callable_or_explained<F, const A&...>() && ...),
            "joust: a ranker cannot be called with these arguments; rankers share them, so they take them by value or by const reference");
        if constexpr (callable) {
            constexpr bool listed =
                (ranked_list<std::remove_reference_t<std::invoke_result_t<F&, const A&...>>> && ...);
            static_assert(
                listed,
                "joust: a ranker must return a list, best item first, with std::size(list) and std::begin(list)[i]");
            if constexpr (listed) {
                constexpr bool alike =
                    (std::is_same_v<item<A...>, item_of<std::invoke_result_t<F&, const A&...>>> && ...);
                static_assert(alike,
                              "joust: all rankers of one trial must return lists of the same item type");
                return alike;
            } else {
                return false;
            }
        } else {
            return false;
        }
    }

    /// The rankers' lists of one call.
    template <class... A>
    using lists = std::tuple<held_list<std::invoke_result_t<F&, const A&...>>...>;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
