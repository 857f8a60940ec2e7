// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/slate.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// An item at a fixed position of the page.
template <class Item>
struct pin {
    /// The position, counted from 0.
    std::size_t position = 0;
    /// The item that stands there.
    Item item;
};

/// The items that stand at fixed positions of a page. `pinned` makes it.
template <class Choose>
struct pinned_items {
    /// Returns the pins of a call.
    [[no_unique_address]] Choose choose;

    /// Return the pins of a call.
    template <class... Args>
        requires detail::takes_all_or_first<Choose, Args...>
    [[nodiscard]] decltype(auto) pins(const Args&... args) const
    {
        return detail::invoke_all_or_first(choose, args...);
    }
};

/// Reserve positions for items that no ranker chose: `pinned(&Query::ads)`, or a callable that returns a list of pins.
///
/// No ranker shows a pinned item again, and clicks on it give no credit. The rankers' items keep their order around the pins.
/// Of two pins with the same position or the same item, the first counts. Where the page ends early, later pins move up.
/// When to use: sponsored results, and items that editors pick.
/// When not: rules about what may be shown at all; take eligible.
/// shape: a callable on all of the call's arguments, or on the first of them, which returns a list of `joust::pin<Item>` or of
///     any type with `.position` and `.item`
template <class Choose>
[[nodiscard]] constexpr pinned_items<std::decay_t<Choose>> pinned(Choose&& choose)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Choose>>,
        "joust: pinned(...) takes what chooses the pins of a call, not the pins themselves: a member such as &Query::ads, or a callable on the call's arguments that returns a list of joust::pin");
    return {std::forward<Choose>(choose)};
}

namespace detail {

struct verb_pins {
    int pins;
};
template <class T>
concept has_pins = derivable<T> && !requires { &both<T, verb_pins>::pins; };

/// A list of elements with a position and an item.
template <class List>
concept list_of_pins = requires(List& list) {
    std::size(list);
    static_cast<std::size_t>(std::begin(list)[std::ptrdiff_t{}].position);
    std::begin(list)[std::ptrdiff_t{}].item;
};

/// Pin nothing.
struct no_pins {};

/// A list of pins as a list of their items.
template <class List>
class items_of_pins {
public:
    explicit items_of_pins(List list) : list_(std::forward<List>(list)) {}

    struct first_item {
        std::remove_reference_t<List>* list;
        auto& operator[](std::ptrdiff_t i) const { return std::begin(*list)[i].item; }
    };
    [[nodiscard]] first_item begin() { return {&list_}; }
    [[nodiscard]] std::size_t size() const { return std::size(list_); }
    [[nodiscard]] std::size_t position(std::size_t i)
    {
        return static_cast<std::size_t>(std::begin(list_)[static_cast<std::ptrdiff_t>(i)].position);
    }

private:
    List list_;
};

}  // namespace detail

namespace detail {

/// The pins of one page: those that stand on it, and all pinned items, which no ranker may show.
class pin_board {
public:
    /// Make a board without pins.
    template <class Identity>
    pin_board(const no_pins&, const Identity&, std::size_t) noexcept
    {
    }
    /// Read the pins. shape: `end` is the position after the last one of the page
    template <class List, class Identity>
    pin_board(items_of_pins<List>& pins, const Identity& identity, std::size_t end)
    {
        auto items = pins.begin();
        for (std::size_t i = 0; i < pins.size(); ++i) {
            const place next{pins.position(i), identity.identify(items[static_cast<std::ptrdiff_t>(i)]),
                             static_cast<std::uint32_t>(i)};
            auto at = places_.begin();
            bool taken = holds(next.key);
            for (; at != places_.end() && at->position <= next.position; ++at) {
                taken = taken || at->position == next.position;
            }
            if (!taken) {
                places_.insert(at, next);
                shown_ += next.position < end ? 1U : 0U;
            }
        }
    }

    /// Return how many pins stand on the page or on a page before it.
    [[nodiscard]] std::size_t size() const noexcept { return shown_; }

    /// Say whether an item is pinned, on this page or on a later one.
    [[nodiscard]] bool holds(item_key key) const noexcept
    {
        for (const place& each : places_) {
            if (each.key == key) {
                return true;
            }
        }
        return false;
    }

    /// Turn positions of the page into positions of the draft. Both are bits, and the positions of pins are left out.
    [[nodiscard]] std::uint64_t without_pins(std::uint64_t positions) const noexcept
    {
        std::uint64_t drafted = 0;
        std::size_t at = 0;
        std::size_t pins = 0;
        for (std::size_t i = 0; i < 64; ++i) {
            if (pins < shown_ && places_[pins].position <= i) {
                ++pins;
            } else {
                drafted |= ((positions >> i) & 1U) << at++;
            }
        }
        return drafted;
    }

    /// Insert the pins into a draft.
    void place_among(draft& drafted) const
    {
        draft all{drafted.length() + shown_};
        std::size_t pins = 0;
        std::size_t others = 0;
        while (pins < shown_ || others < drafted.size()) {
            const bool due = pins < shown_ && places_[pins].position <= all.size();
            if (due || others == drafted.size()) {
                all.push({places_[pins++].index, no_pair, pinned_ranker, no_team});
            } else {
                all.push(drafted[others++]);
            }
        }
        drafted = std::move(all);
    }

private:
    struct place {
        std::size_t position;
        item_key key;
        std::uint32_t index;
    };
    std::vector<place> places_;  // by position, so that the pins of the page come first
    std::size_t shown_ = 0;
};

}  // namespace detail

/// The role of pins. Its verb is `pins(args...)`.
struct pins_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_pins<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: pins are given twice; one pinned(...) returns all that stands fixed");
    }

    template <class T, class... Args>
    static constexpr bool reads = requires(const T& t, const Args&... args) { t.pins(args...); };
    template <class T, class... Args>
    static constexpr bool fits = requires(const T& t, const Args&... args) {
        requires detail::list_of_pins<std::remove_reference_t<decltype(t.pins(args...))>>;
    };
    template <class T, class... Args>
    static constexpr void misfit()
    {
        static_assert(
            reads<T, Args...>,
            "joust: pinned(...) takes a callable on all arguments of the call, or on the first alone");
        static_assert(
            !reads<T, Args...> || fits<T, Args...>,
            "joust: pinned(...) gives a list of joust::pin<Item>, or of anything with .position and .item");
    }
};

}  // namespace v0
}  // namespace joust

// Pins that are returned by reference, or in a view, still exist after the call.
template <class List>
inline constexpr bool std::ranges::enable_borrowed_range<joust::detail::items_of_pins<List>> =
    std::is_lvalue_reference_v<List> || std::ranges::enable_borrowed_range<std::remove_cvref_t<List>>;
