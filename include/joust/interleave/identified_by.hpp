// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/interleave/ranking.hpp>

#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Turn the id of an item into a key. Integers are their own keys. Text and UUIDs are hashed to 64 bits; among a million ids
/// two have the same hash with probability 3e-8.
template <unit_like Id>
[[nodiscard]] constexpr item_key key_of(const Id& id)
{
    if constexpr (std::same_as<Id, uuid>) {
        return mix64(id.hi ^ mix64(id.lo));
    } else if constexpr (text_like<Id>) {
        return xxh64(static_cast<std::string_view>(id));
    } else {
        return static_cast<item_key>(id);
    }
}

}  // namespace detail

/// Identify items by a projection. `identified_by` makes it.
template <class Projection>
struct item_projection {
    /// Returns the id of an item.
    [[no_unique_address]] Projection projection;

    /// Return the key of an item.
    template <class Item>
        requires std::is_invocable_v<const Projection&, const Item&> &&
                 unit_like<std::remove_cvref_t<std::invoke_result_t<const Projection&, const Item&>>>
    [[nodiscard]] constexpr item_key identify(const Item& item) const
    {
        return detail::key_of(detail::invoke(projection, item));
    }
};

/// Say what makes two items the same: `identified_by(&document::id)`.
///
/// Items with the same key are shown once. Where variants of one product must not stand on the same page, identify items by
/// their product family.
/// When to use: whenever an item is more than its id.
/// When not: items that are integers or text themselves.
/// shape: a member, a member function or any callable on one item, which returns an integer, an enumerator, text or a UUID
template <class Projection>
[[nodiscard]] constexpr item_projection<std::decay_t<Projection>> identified_by(Projection&& projection)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Projection>>,
        "joust: identified_by(...) takes what reads the id out of an item: a member such as &Document::id, or a callable on one item");
    return {std::forward<Projection>(projection)};
}

/// Identify items by themselves. This is the default, for lists of integers or text.
struct identified_by_itself {
    /// Return the key of an item.
    template <unit_like Item>
    [[nodiscard]] constexpr item_key identify(const Item& item) const
    {
        return detail::key_of(item);
    }
    bool operator==(const identified_by_itself&) const = default;
};

namespace detail {

struct verb_identify {
    int identify;
};

template <class T>
concept has_identify = derivable<T> && !requires { &both<T, verb_identify>::identify; };

}  // namespace detail

/// The role of the identity. Its verb is `identify(item) -> item_key`.
struct identity_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_identify<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(
            detail::always_false<T>,
            "joust: items are identified twice; one identified_by(...) tells what makes two items the same");
    }

    template <class T, class Item>
    static constexpr bool fits = requires(const T& t, const Item& item) {
        { t.identify(item) } -> std::convertible_to<item_key>;
    };
    template <class T, class Item>
    static constexpr void misfit()
    {
        constexpr bool by_itself = std::is_same_v<T, identified_by_itself>;
        static_assert(
            !by_itself,
            "joust: the ranked items are no integers and no text, so nothing tells which are the same: add joust::identified_by(&document::id)");
        static_assert(
            by_itself,
            "joust: identified_by(...) cannot read what tells these items apart: it takes a member of the item such as &document::id, or a callable, not mutable, on one item, that gives an integer, an enumerator, text or a joust::uuid; a policy of your own has `joust::item_key identify(const Item&) const`");
    }
};

}  // namespace v0
}  // namespace joust
