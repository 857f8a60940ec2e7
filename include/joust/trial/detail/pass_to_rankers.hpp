#pragma once

#include <joust/core/model.hpp>
#include <joust/interleave/projected.hpp>
#include <joust/trial/rankers.hpp>

#include <tuple>
#include <type_traits>

namespace joust {
inline namespace v0 {
namespace detail {

/// How the rankers of an interleaving get the arguments of a call: all of them, one after another or at once, as const
/// lvalues.
template <class Models>
struct ranker_calls;
template <class... F>
struct ranker_calls<std::tuple<model<F>...>> {
    template <class... A>
    static constexpr bool check()
    {
        constexpr bool callable = (std::is_invocable_v<F&, const A&...> && ...);
        static_assert(
            callable,
            "joust: a ranker cannot be called with these arguments; rankers share them, so they take them by value or by const reference");
        if constexpr (callable) {
            static_assert(
                (ranked_list<std::remove_reference_t<std::invoke_result_t<F&, const A&...>>> && ...),
                "joust: a ranker must return a list, best item first, with std::size(list) and std::begin(list)[i]");
        }
        return true;
    }

    /// What keeps the rankers' lists of one call.
    template <class... A>
    using lists = std::tuple<held_list<std::invoke_result_t<F&, const A&...>>...>;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
