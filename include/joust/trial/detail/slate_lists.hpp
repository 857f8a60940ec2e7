// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/trial/rankers.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

// The lists that a slate is drawn from: lists that rankers returned, and lists that the caller passed.

namespace joust {
inline namespace v0 {
namespace detail {

/// An element of a tuple of lists: a list, or a std::optional that is empty where its ranker failed.
template <class List>
struct list_at_hand {
    using type = List;
    static auto* get(std::remove_reference_t<List>& list) noexcept { return &list; }
};
template <class List>
    requires requires(List& held) {
        held.has_value();
        *held;
    }
struct list_at_hand<List> {
    using type = std::conditional_t<std::is_lvalue_reference_v<List>, decltype(*std::declval<List>()),
                                    std::remove_cvref_t<decltype(*std::declval<List&>())>>;
    static auto* get(std::remove_reference_t<List>& held) noexcept
    {
        return held.has_value() ? &*held : nullptr;
    }
};

/// A list that the caller passed, with the interface of held_list.
template <class List>
class brought_list {
public:
    using result = typename list_at_hand<List>::type;

    explicit brought_list(std::remove_reference_t<List>& list) noexcept : list_(list_at_hand<List>::get(list))
    {
    }
    /// Return the list, or null where it is missing.
    [[nodiscard]] auto* get() noexcept { return list_; }

private:
    decltype(list_at_hand<List>::get(std::declval<std::remove_reference_t<List>&>())) list_;
};

/// One list of a tuple, as a ranker would have returned it to `rank`: by value or by reference.
template <class Lists, std::size_t R>
using list_in =
    brought_list<std::conditional_t<std::is_lvalue_reference_v<Lists>,
                                    decltype(std::get<R>(std::declval<std::remove_reference_t<Lists>&>())),
                                    std::tuple_element_t<R, std::remove_cvref_t<Lists>>>>;

/// The type that a ranker returned for a held list.
template <class Held>
struct result_held;
template <class Result>
struct result_held<held_list<Result>> {
    using type = Result;
};
template <class List>
struct result_held<brought_list<List>> {
    using type = typename brought_list<List>::result;
};

template <class... Held>
[[nodiscard]] auto pointers_to(std::tuple<Held...>& lists)
{
    return std::apply([](auto&... each) { return std::tuple{each.get()...}; }, lists);
}

/// Return a pointer to the list, or null where the list is missing.
template <class List>
[[nodiscard]] const auto* list_of(const List& list) noexcept
{
    return list_at_hand<const List&>::get(list);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
