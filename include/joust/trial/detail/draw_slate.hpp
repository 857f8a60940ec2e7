// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/core/thread_unwind.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/eligible.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/pinned.hpp>
#include <joust/interleave/projected.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/interleave/slate.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/check_ranking.hpp>
#include <joust/trial/detail/interleaver_traits.hpp>
#include <joust/trial/detail/ranking_parts.hpp>
#include <joust/trial/detail/slate_lists.hpp>
#include <joust/trial/detail/slate_ticket.hpp>
#include <joust/trial/redrawn_slate.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// The positions of a slate that were clicked, and the credit of every ranker for those clicks.
template <std::size_t Rankers>
struct verdict_on_clicks {
    std::uint64_t clicked;
    std::array<double, Rankers>& earned;
};

/// How a slate is drawn.
template <std::size_t Rankers>
struct slate_order {
    /// Whether only the champion's list is shown.
    bool alone = false;
    /// Whether positions credit rankers.
    bool credits = true;
    /// The position where the page begins.
    std::size_t first = 0;
    std::size_t length = 0;
    std::uint64_t coins = 0;
    /// The shares of credit that each position gives the rankers, null where they are not wanted.
    credit_shares* shares = nullptr;
    /// The credit of all clicks together, null where it is not wanted.
    verdict_on_clicks<Rankers>* judged = nullptr;
    /// Gets the name of a helper that throws, before its exception is passed on. It is null where nobody asks.
    ignored* thrown = nullptr;
};

/// Ask a helper. Where it throws, its name is left in `thrown`, and the exception is passed on.
template <class Ask>
JOUST_ALWAYS_INLINE inline decltype(auto) ask_named(ignored* thrown, ignored name, const Ask& ask)
{
    try {
        return ask();
    } catch (...) {
        if (thrown != nullptr) {
            *thrown = name;
        }
        throw;
    }
}

/// An identity that leaves its name where it throws.
template <class Identity>
struct named_identity {
    const Identity& identity;
    ignored* thrown;

    template <class Item>
    [[nodiscard]] item_key identify(const Item& item) const
    {
        return ask_named(thrown, ignored::identity_threw,
                         [&]() -> item_key { return identity.identify(item); });
    }
};

/// Select the shares of a page that begins at a position from the shares of the whole draft, and leave a row for each pin.
[[nodiscard]] inline credit_shares shares_on_page(const credit_shares& drafted, const draft& all,
                                                  std::size_t first, unsigned rankers)
{
    credit_shares page;
    page.restart(all.size() > first ? all.size() - first : 0, rankers);
    std::size_t row = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].ranker == pinned_ranker) {
            continue;
        }
        for (unsigned r = 0; i >= first && r < rankers; ++r) {
            page.at(i - first, r) = drafted.at(row, r);
        }
        ++row;
    }
    return page;
}

/// Draws slates from lists: for a request, and again from a ticket to check a log.
template <class Parts>
class slate_drawer {
    using interleaver_t = typename Parts::interleaver_t;
    using identity_t = typename Parts::identity_t;
    static constexpr std::size_t rankers = Parts::rankers;
    static constexpr bool pins_items = Parts::pins_items;
    static constexpr bool leaves_out = Parts::leaves_out;

public:
    using order = slate_order<rankers>;
    using ticket_type = typename trial_core<Parts>::desk_t::sealed;

    /// shape: the trial's name is the seed of the coins
    slate_drawer(std::string_view name, typename Parts::arguments_t& arguments)
        : interleaver_(
              Parts::template pick<interleaver_role, typename Parts::default_interleaver>(arguments)),
          identity_(Parts::template pick<identity_role, identified_by_itself>(arguments)),
          pins_(Parts::template pick<pins_role, no_pins>(arguments)),
          eligible_(Parts::template pick<eligibility_role, show_all>(arguments)),
          seed_(xxh64(name, coin_seed))
    {
    }

    /// Return the pinned items of a call.
    template <class... A>
    [[nodiscard]] auto pins_for(ignored* thrown, const A&... arguments) const
    {
        if constexpr (pins_items) {
            if constexpr (check_pins<Parts, A...>()) {
                return ask_named(thrown, ignored::pins_threw, [&] {
                    return items_of_pins<decltype(pins_.pins(arguments...))>{pins_.pins(arguments...)};
                });
            } else {
                return no_pins{};
            }
        } else {
            return no_pins{};
        }
    }

    /// Draft a page: place the pins, and fill the positions around them with the rankers' items that may be shown.
    template <class Pointers, class Pins, class... A>
    void draw(const order& how, Pointers lists, Pins& pins, draft& out, const A&... arguments) const
    {
        const std::size_t end = end_of(how.first, how.length);
        pin_board board{pins, named_identity<identity_t>{identity_, how.thrown}, how.length == 0 ? 0 : end};
        out.restart((how.length == 0 ? 0 : end) - board.size());
        std::array<projected_keys, rankers> keys;
        if (how.alone) {
            project(keys[0], *std::get<0>(lists), out.length(), board, how.thrown, arguments...);
            const ranking only[] = {keys[0].view()};
            keyed_random no_coins{0, 0};
            competitive_pairs{}.interleave(only, no_coins, out);
        } else {
            [&]<std::size_t... R>(std::index_sequence<R...>) {
                (project(keys[R], *std::get<R>(lists), out.length(), board, how.thrown, arguments...), ...);
            }(std::make_index_sequence<rankers>{});
            mix(how, keys, board, out);
        }
        if constexpr (pins_items || leaves_out) {
            out.relocate([&](const slot& each) { return keys[each.ranker].place(each.index); });
        }
        if constexpr (pins_items) {
            board.place_among(out);
        }
        if constexpr (shares_credit<interleaver_t>) {
            if (how.shares != nullptr && !how.alone) {
                *how.shares = shares_on_page(*how.shares, out, how.first, rankers);
            }
        }
        if (how.first > 0) {
            out.drop_before(how.first);
        }
        out.forfeit_from(how.credits ? slate_teams::reach(rankers) : 0);
    }

    /// Return a page of the champion's list alone, with its pins and without the items that may not be shown.
    ///
    /// Where a helper throws, `complain(name)` is called, and the page is the champion's list as it is: without pins, and without the
    /// items that eligible(...) refused. An item that it threw on is shown.
    template <class Lists, class Complain, class... A>
    [[nodiscard]] auto champion_page(std::size_t first, std::size_t length, Lists& lists,
                                     const ticket_type& receipt, const Complain& complain,
                                     const A&... arguments) const
    {
        draft out{0};
        ignored thrown = ignored::draft_failed;
        auto* const list = std::get<0>(lists).get();
        try {
            auto pins = pins_for(&thrown, arguments...);
            if (list != nullptr) {
                draw({.alone = true, .first = first, .length = length, .thrown = &thrown}, pointers_to(lists),
                     pins, out, arguments...);
            }
            return page_of(std::move(out), lists, &pins, receipt);
        } catch (thread_unwind&) {
            throw;
        } catch (...) {
            complain(thrown);
        }
        const std::size_t end = end_of(first, length);
        out.restart(length == 0 ? 0 : end);
        for (std::size_t i = 0; list != nullptr && i < std::size(*list) && !out.full(); ++i) {
            if (may_be_shown(std::begin(*list)[static_cast<std::ptrdiff_t>(i)], arguments...)) {
                out.push({static_cast<std::uint32_t>(i), no_pair, 0, no_team});
            }
        }
        if (first > 0) {
            out.drop_before(first);
        }
        return page_of(std::move(out), lists,
                       static_cast<decltype(pins_for(nullptr, arguments...))*>(nullptr), receipt);
    }

    /// Return the page, which has the drafted items from these lists and the ticket. `pins` may be null for a page without pins.
    template <class... Held, class Pins>
    [[nodiscard]] auto page_of(draft&& out, std::tuple<Held...>& held, Pins* pins,
                               const ticket_type& receipt) const
    {
        return std::apply(
            [&](auto&... each) {
                if constexpr (pins_items) {
                    return page_from<typename result_held<Held>::type..., Pins>(std::move(out), receipt,
                                                                                each.get()..., pins);
                } else {
                    return page_from<typename result_held<Held>::type...>(std::move(out), receipt,
                                                                          each.get()...);
                }
            },
            held);
    }

    /// Draw a slate again from the ticket of its page and the ticket of the first page, whose coins it was drawn with.
    template <class Desk, class Lists, class... A>
    [[nodiscard]] redrawn_slate redraw(const Desk& desk, const Lists& lists, const ticket_type& page,
                                       const ticket_type& first, std::size_t position, std::size_t length,
                                       verdict_on_clicks<rankers>* judged, const A&... arguments) const
    {
        redrawn_slate again{.slots = draft{0}, .page = {}, .shares = {}};
        ticket begun;
        const auto own = [&desk](const ticket_type& given, ticket& out) {
            return desk.open(given, out) == ticket_error::none && out.kind() == ticket_kind::slate &&
                   out.trial() == desk.trial();
        };
        if (!own(page, again.page) || !own(first, begun)) {
            return again;
        }
        auto pins = pins_for(nullptr, arguments...);
        draw({.first = position,
              .length = length,
              .coins = coins_of(begun),
              .shares = &again.shares,
              .judged = judged},
             std::apply([](const auto&... each) { return std::tuple{list_of(each)...}; }, lists), pins,
             again.slots, arguments...);
        again.agrees = slate_teams::of(again.slots, rankers).word() == again.page.teams() &&
                       ticket_length(again.slots) == again.page.length();
        return again;
    }

    /// Return whether these are the items of a draft.
    template <class Lists, class Shown, class... A>
    [[nodiscard]] bool shows(const draft& drafted, const Lists& lists, const Shown& shown,
                             const A&... arguments) const
    {
        if (std::size(shown) != drafted.size()) {
            return false;
        }
        auto pins = pins_for(nullptr, arguments...);
        for (std::size_t i = 0; i < drafted.size(); ++i) {
            const item_key key = identity_.identify(std::begin(shown)[static_cast<std::ptrdiff_t>(i)]);
            if (!is_drafted(drafted[i], key, lists, pins)) {
                return false;
            }
        }
        return true;
    }

private:
    /// Return the position after the last one of a page.
    [[nodiscard]] static constexpr std::size_t end_of(std::size_t first, std::size_t length) noexcept
    {
        return first < draft::max_slots && length < draft::max_slots - first ? first + length
                                                                             : draft::max_slots;
    }

    /// Return whether an item of the champion's list may be shown. One that eligible(...) throws on may.
    template <class Item, class... A>
    [[nodiscard]] bool may_be_shown([[maybe_unused]] const Item& item,
                                    [[maybe_unused]] const A&... arguments) const
    {
        if constexpr (leaves_out) {
            if constexpr (check_items<Parts, Item, A...>()) {
                try {
                    return static_cast<bool>(eligible_.shows(item, arguments...));
                } catch (thread_unwind&) {
                    throw;
                } catch (...) {
                    return true;
                }
            }
        }
        return true;
    }

    // The seed differs from the seed of the hash that numbers the trial.
    static constexpr std::uint64_t coin_seed = 0x636f696e73U;  // "coins"

    /// Take the keys of the items in a list that may be shown and are not pinned.
    template <class List, class Board, class... A>
    void project(projected_keys& into, List& list, std::size_t length, const Board& board, ignored* thrown,
                 const A&... arguments) const
    {
        const named_identity<identity_t> identity{identity_, thrown};
        const std::size_t needed =
            whole_lists<interleaver_t> ? static_cast<std::size_t>(std::size(list)) : length;
        if constexpr (pins_items || leaves_out) {
            into.project(list, identity, needed, [&](const auto& item, item_key key) {
                if constexpr (leaves_out) {
                    if constexpr (check_items<Parts, std::remove_cvref_t<decltype(item)>, A...>()) {
                        if (!ask_named(thrown, ignored::eligible_threw, [&]() -> bool {
                                return static_cast<bool>(eligible_.shows(item, arguments...));
                            })) {
                            return false;
                        }
                    }
                }
                return !board.holds(key);
            });
        } else {
            into.project(list, identity, needed);
        }
    }

    /// Let the interleaver mix the lists, and ask it for the credit that the caller wants.
    template <class Board>
    void mix(const order& how, const std::array<projected_keys, rankers>& keys, const Board& board,
             draft& out) const
    {
        const std::array<ranking, rankers> views = std::apply(
            [](const auto&... each) { return std::array<ranking, rankers>{each.view()...}; }, keys);
        keyed_random coins{seed_, how.coins};
        ask_named(how.thrown, ignored::interleaver_threw,
                  [&] { interleaver_.interleave(rankings{views}, coins, out); });
        if constexpr (judges_clicks<interleaver_t>) {
            if (how.judged != nullptr) {
                interleaver_.outcome(rankings{views}, out, board.without_pins(how.judged->clicked),
                                     how.judged->earned);
            }
        }
        if constexpr (shares_credit<interleaver_t>) {
            if (how.shares != nullptr) {
                interleaver_.share_credit(rankings{views}, out, *how.shares);
                how.shares->centre(interleaver_.bound(out.length(), rankers));
            }
        }
    }

    template <class Lists, class Pins>
    [[nodiscard]] bool is_drafted(const slot& drafted, item_key key, const Lists& lists, Pins& pins) const
    {
        const auto at = static_cast<std::ptrdiff_t>(drafted.index);
        bool same = false;
        [&]<std::size_t... R>(std::index_sequence<R...>) {
            ((same = same || (drafted.ranker == R &&
                              identity_.identify(std::begin(*list_of(std::get<R>(lists)))[at]) == key)),
             ...);
        }(std::make_index_sequence<rankers>{});
        if constexpr (pins_items) {
            same = same || (drafted.ranker == pinned_ranker && identity_.identify(pins.begin()[at]) == key);
        }
        return same;
    }

    template <class... Results>
    [[nodiscard]] auto page_from(draft&& out, const ticket_type& receipt,
                                 std::remove_reference_t<Results>*... lists) const
    {
        using element = slate_element<Results...>;
        auto items = collect<Results...>(out, lists...);
        return slate<typename element::type, ticket_type>{std::move(items), std::move(out), receipt};
    }

    [[no_unique_address]] interleaver_t interleaver_;
    [[no_unique_address]] identity_t identity_;
    [[no_unique_address]] typename Parts::pins_t pins_;
    [[no_unique_address]] typename Parts::eligible_t eligible_;
    std::uint64_t seed_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
