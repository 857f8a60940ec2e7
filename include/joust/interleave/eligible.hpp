#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// What may be shown; made by `eligible`.
template <class Predicate>
struct eligible_items {
    [[no_unique_address]] Predicate predicate;

    template <class Item, class... Args>
    [[nodiscard]] constexpr bool shows(const Item& item, const Args&... args) const
    {
        if constexpr (std::is_invocable_v<const Predicate&, const Item&, const Args&...>) {
            return static_cast<bool>(detail::invoke(predicate, item, args...));
        } else {
            return with_first(item, args...);
        }
    }

private:
    template <class Item>
    [[nodiscard]] constexpr bool with_first(const Item& item) const
    {
        return static_cast<bool>(detail::invoke(predicate, item));
    }
    template <class Item, class First, class... Rest>
    [[nodiscard]] constexpr bool with_first(const Item& item, const First& first, const Rest&...) const
    {
        if constexpr (std::is_invocable_v<const Predicate&, const Item&, const First&>) {
            return static_cast<bool>(detail::invoke(predicate, item, first));
        } else {
            static_assert(
                std::is_invocable_v<const Predicate&, const Item&>,
                "joust: eligible(...) takes a predicate on (item), (item, first argument) or (item, all arguments of the call)");
            return static_cast<bool>(detail::invoke(predicate, item));
        }
    }
};

/// Show only items that a predicate allows, whichever ranker returned them: `eligible(&document::in_stock)`.
///
/// When to use: what was seen already, is sold out, or is too much of one kind, by item and request. It is asked of every
/// ranker's items alike before anything is drafted, so it favours none. When not: rules that look at the page as a whole.
/// shape: a callable on (item), (item, first argument) or (item, all arguments)
template <class Predicate>
[[nodiscard]] constexpr eligible_items<std::decay_t<Predicate>> eligible(Predicate&& predicate)
{
    return {std::forward<Predicate>(predicate)};
}

namespace detail {

struct verb_shows {
    int shows;
};
template <class T>
concept has_shows = derivable<T> && !requires { &both<T, verb_shows>::shows; };

/// Everything may be shown.
struct show_all {};

}  // namespace detail

/// The role of eligibility: verb `shows(item, args...)`.
struct eligibility_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_shows<T>;
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>,
                      "joust: eligibility is given twice; join both predicates in one eligible(...)");
    };
};

}  // namespace v0
}  // namespace joust
