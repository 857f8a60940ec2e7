// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Can a predicate be asked of an item with all of a call's arguments, with the first alone, or without any?
template <class Predicate, class Item, class... Args>
inline constexpr bool takes_item = std::is_invocable_v<const Predicate&, const Item&, const Args&...> ||
                                   std::is_invocable_v<const Predicate&, const Item&>;
template <class Predicate, class Item, class First, class... Rest>
inline constexpr bool takes_item<Predicate, Item, First, Rest...> =
    std::is_invocable_v<const Predicate&, const Item&, const First&, const Rest&...> ||
    std::is_invocable_v<const Predicate&, const Item&, const First&> ||
    std::is_invocable_v<const Predicate&, const Item&>;

}  // namespace detail

/// The items that may be shown. `eligible` makes it.
template <class Predicate>
struct eligible_items {
    /// The predicate on an item and the call's arguments.
    [[no_unique_address]] Predicate predicate;

    /// Say whether an item may be shown for these arguments.
    template <class Item, class... Args>
        requires detail::takes_item<Predicate, Item, Args...>
    [[nodiscard]] constexpr decltype(auto) shows(const Item& item, const Args&... args) const
    {
        if constexpr (std::is_invocable_v<const Predicate&, const Item&, const Args&...>) {
            return detail::invoke(predicate, item, args...);
        } else {
            return with_first(item, args...);
        }
    }

private:
    template <class Item, class First, class... Rest>
    [[nodiscard]] constexpr decltype(auto) with_first(const Item& item, const First& first,
                                                      const Rest&...) const
    {
        if constexpr (std::is_invocable_v<const Predicate&, const Item&, const First&>) {
            return detail::invoke(predicate, item, first);
        } else {
            return detail::invoke(predicate, item);
        }
    }
};

/// Show only items that a predicate allows, whichever ranker returned them: `eligible(&document::in_stock)`.
///
/// The predicate is asked about the items of all rankers before the slate is drafted, so it favours no ranker.
/// When to use: to leave out items that a user has seen already or that are sold out.
/// When not: rules about the page as a whole.
/// shape: a callable on (item), (item, first argument) or (item, all arguments)
template <class Predicate>
[[nodiscard]] constexpr eligible_items<std::decay_t<Predicate>> eligible(Predicate&& predicate)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Predicate>>,
        "joust: eligible(...) takes a predicate on items, such as a member &Document::in_stock, not its answer");
    return {std::forward<Predicate>(predicate)};
}

namespace detail {

struct verb_shows {
    int shows;
};
template <class T>
concept has_shows = derivable<T> && !requires { &both<T, verb_shows>::shows; };

/// Let every item be shown.
struct show_all {};

}  // namespace detail

/// The role of eligibility. Its verb is `shows(item, args...)`.
struct eligibility_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_shows<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: eligibility is given twice; join both predicates in one eligible(...)");
    }

    template <class T, class Item, class... Args>
    static constexpr bool fits = requires(const T& t, const Item& item, const Args&... args) {
        static_cast<bool>(t.shows(item, args...));
    };
    template <class T, class Item, class... Args>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Item, Args...>,
            "joust: eligible(...) takes a predicate on (item), (item, first argument) or (item, all arguments of the call), not mutable, that returns bool");
    }
};

}  // namespace v0
}  // namespace joust
