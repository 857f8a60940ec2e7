// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>

#include <compare>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// A list that a ranker may return, the best item first.
///
/// shape: `std::size(list)` and `std::begin(list)[i]`
template <class T>
concept ranked_list = requires(T& list, std::ptrdiff_t i) {
    std::size(list);
    std::begin(list)[i];
};

namespace detail {

/// The type of a list's elements.
template <ranked_list List>
using item_t = std::remove_cvref_t<decltype(std::begin(std::declval<List&>())[std::ptrdiff_t{}])>;

/// Whether the elements still exist after the ranker's result is destroyed, because it is a reference or a view such as
/// std::span.
template <class Result>
inline constexpr bool outlives_result =
    (std::is_lvalue_reference_v<Result> || std::ranges::enable_borrowed_range<std::remove_cvref_t<Result>>) &&
    std::is_lvalue_reference_v<decltype(std::begin(
        std::declval<std::remove_reference_t<Result>&>())[std::ptrdiff_t{}])>;

/// Whether the elements may be moved from, because the result is a container that was returned by value.
template <class Result>
inline constexpr bool may_be_moved_from = !std::is_reference_v<Result> && !std::is_const_v<Result> &&
                                          !std::ranges::enable_borrowed_range<std::remove_cvref_t<Result>>;

/// An iterator over pointers that dereferences to the objects they point to.
template <class Item>
class pointed_iterator {
public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using pointer = const Item*;
    using reference = const Item&;

    pointed_iterator() = default;
    explicit pointed_iterator(const Item* const* at) noexcept : at_(at) {}

    reference operator*() const noexcept { return **at_; }
    pointer operator->() const noexcept { return *at_; }
    reference operator[](difference_type n) const noexcept { return *at_[n]; }
    pointed_iterator& operator++() noexcept { return *this += 1; }
    pointed_iterator& operator--() noexcept { return *this -= 1; }
    pointed_iterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
    pointed_iterator operator--(int) noexcept { return std::exchange(*this, *this - 1); }
    pointed_iterator& operator+=(difference_type n) noexcept
    {
        at_ += n;
        return *this;
    }
    pointed_iterator& operator-=(difference_type n) noexcept { return *this += -n; }
    friend pointed_iterator operator+(pointed_iterator i, difference_type n) noexcept { return i += n; }
    friend pointed_iterator operator+(difference_type n, pointed_iterator i) noexcept { return i += n; }
    friend pointed_iterator operator-(pointed_iterator i, difference_type n) noexcept { return i -= n; }
    friend difference_type operator-(pointed_iterator a, pointed_iterator b) noexcept
    {
        return a.at_ - b.at_;
    }
    auto operator<=>(const pointed_iterator&) const = default;

private:
    const Item* const* at_ = nullptr;
};

}  // namespace detail

/// The list that is shown: the rankers' own items in the drafted order, with the ticket for feedback.
///
/// shape: `slate<Item, Ticket>` owns its items, which are moved or copied out of the rankers' results; `slate<const Item&,
///     Ticket>` refers to the items, if every ranker returns its list by reference or as a view
/// cost: one allocation; items are copied only if they can be neither moved nor referred to
template <class Item, class Ticket>
class slate {
public:
    /// The type of the items.
    using value_type = Item;
    /// The type of the iterators.
    using iterator = typename std::vector<Item>::iterator;
    /// The type of the iterators of a constant slate.
    using const_iterator = typename std::vector<Item>::const_iterator;

    /// Keep the items, the draft that they follow, and the ticket.
    slate(std::vector<Item> items, draft drafted, Ticket ticket)
        : items_(std::move(items)), draft_(std::move(drafted)), ticket_(std::move(ticket))
    {
    }

    /// Return the number of items.
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    /// Say whether the slate has no items.
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    /// Return the item at a position. assumes: position < size()
    [[nodiscard]] Item& operator[](std::size_t position) noexcept { return items_[position]; }
    /// Return the item at a position. assumes: position < size()
    [[nodiscard]] const Item& operator[](std::size_t position) const noexcept { return items_[position]; }
    /// Return the beginning of the items.
    [[nodiscard]] iterator begin() noexcept { return items_.begin(); }
    /// Return the end of the items.
    [[nodiscard]] iterator end() noexcept { return items_.end(); }
    /// Return the beginning of the items.
    [[nodiscard]] const_iterator begin() const noexcept { return items_.begin(); }
    /// Return the end of the items.
    [[nodiscard]] const_iterator end() const noexcept { return items_.end(); }

    /// Return the ticket, by which later feedback finds this slate.
    [[nodiscard]] const Ticket& ticket() const noexcept { return ticket_; }
    /// Return the ranker and the team of each position. Do not show them to users, since the test is blind.
    [[nodiscard]] std::span<const slot> slots() const noexcept { return draft_.slots(); }

private:
    std::vector<Item> items_;
    draft draft_;
    Ticket ticket_;
};

/// A slate that refers to the rankers' items. assumes: the lists live longer than the slate
template <class Item, class Ticket>
class slate<const Item&, Ticket> {
public:
    /// The type of the items.
    using value_type = Item;
    /// The type of the iterators.
    using const_iterator = detail::pointed_iterator<Item>;
    /// The type of the iterators.
    using iterator = const_iterator;

    /// Keep pointers to the items, the draft that they follow, and the ticket.
    slate(std::vector<const Item*> items, draft drafted, Ticket ticket)
        : items_(std::move(items)), draft_(std::move(drafted)), ticket_(std::move(ticket))
    {
    }

    /// Return the number of items.
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    /// Say whether the slate has no items.
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    /// Return the item at a position. assumes: position < size()
    [[nodiscard]] const Item& operator[](std::size_t position) const noexcept { return *items_[position]; }
    /// Return the beginning of the items.
    [[nodiscard]] const_iterator begin() const noexcept { return const_iterator{items_.data()}; }
    /// Return the end of the items.
    [[nodiscard]] const_iterator end() const noexcept
    {
        return const_iterator{items_.data() + items_.size()};
    }

    /// Return the ticket, by which later feedback finds this slate.
    [[nodiscard]] const Ticket& ticket() const noexcept { return ticket_; }
    /// Return the ranker and the team of each position. Do not show them to users, since the test is blind.
    [[nodiscard]] std::span<const slot> slots() const noexcept { return draft_.slots(); }

private:
    std::vector<const Item*> items_;
    draft draft_;
    Ticket ticket_;
};

namespace detail {

/// The element type of a slate that is mixed from these results: `const Item&` if all lists still exist after the call, and
/// otherwise `Item`.
template <class... Results>
struct slate_element {
    using item = item_t<std::remove_reference_t<std::tuple_element_t<0, std::tuple<Results...>>>>;
    static_assert((std::is_same_v<item, item_t<std::remove_reference_t<Results>>> && ...),
                  "joust: all rankers of one trial must return lists of the same item type");
    static constexpr bool referred = (outlives_result<Results> && ...);
    using type = std::conditional_t<referred, const item&, item>;
};

/// Collect the drafted items from the rankers' lists, in order.
///
/// shape: `Results` are the types that the rankers return; `lists` point to the results, in the order of the rankers. The
///     pointer may be null if no slot is taken from that ranker. Pinned slots are taken from the last list.
template <class... Results>
[[nodiscard]] auto collect(const draft& drafted, std::remove_reference_t<Results>*... lists)
{
    using element = slate_element<Results...>;
    using item = typename element::item;
    std::vector<std::conditional_t<element::referred, const item*, item>> items;
    items.reserve(drafted.size());
    for (const slot& next : drafted.slots()) {
        const auto at = static_cast<std::ptrdiff_t>(next.index);
        const std::size_t from = next.ranker == pinned_ranker ? sizeof...(Results) - 1 : next.ranker;
        std::size_t ranker = 0;
        const auto take_from = [&]<class Result>(std::type_identity<Result>, auto* list) {
            if (ranker++ != from) {
                return;
            }
            if constexpr (element::referred) {
                items.push_back(&std::begin(*list)[at]);
            } else if constexpr (may_be_moved_from<Result>) {
                items.push_back(std::move(std::begin(*list)[at]));
            } else {
                items.push_back(std::begin(*list)[at]);
            }
        };
        (take_from(std::type_identity<Results>{}, lists), ...);
    }
    return items;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
