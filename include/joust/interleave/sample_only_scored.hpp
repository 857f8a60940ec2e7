// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/ranks.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/interleave/team_draft.hpp>

#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// Draft as team_draft does, but let every ranker earn from every click: 1 / rank, by the ranker's order of the shown items. An
/// item that its list does not hold has the rank after those that it holds.
///
/// The method is biased. If some positions are clicked more often than others, a ranker can win by its list alone: in 26 of the
/// 72 cases of two permutations of four items and slates of 2 to 4 items, although no list runs dry. No ranker gains only if
/// all positions are clicked alike and all lists hold the same items. Team draft and probabilistic are fair in all of these
/// cases.
///
/// Greedy optimized multileaving (Iizuka et al. 2019) is left out on purpose. It samples some lists and shows the most
/// sensitive one, without the constraint that makes optimized multileaving fair. Its bias depends on the sample, so there is no
/// count to state.
/// When to use: to repeat published results; or to choose candidates for a fair test among many rankers.
/// When not: for a decision. probabilistic also credits every ranker for every click, and is fair.
/// errors: configuration_error for more than 15 rankings
/// cost: about 1 us for the top ten of two lists of ten, with drawn teams
/// source: Brost, Cox, Seldin and Lioma (SIGIR 2016); the counts are joust's own, by enumeration in tests/interleave
struct sample_only_scored {
    /// Positions are not credited evenly even where the coins are fair.
    static constexpr bool even_positions = false;
    /// For the same reason, slates won are no fair measure.
    static constexpr bool even_slates = false;
    /// An item deep in one list may be shown because another ranker ranks it high, so whole lists are needed.
    static constexpr bool whole_lists = true;

    /// Draft the list alone. No slot gives credit.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        team_draft{}.interleave(lists, coins, out);
        out.forfeit_from(0);
    }

    /// Compute what each ranker earns by a click at each position: 1 / its rank of the item among the shown items.
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        const detail::rank_table table{lists};
        const detail::shown_items items{table, lists, shown};
        out.restart(shown.size(), table.rankers());
        detail::late_array<std::uint32_t, 2 * draft::inline_slots> position_plus_one{table.items()};
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (items[i] != detail::rank_table::unknown) {
                position_plus_one[items[i]] = static_cast<std::uint32_t>(i + 1);
            }
        }
        for (unsigned r = 0; r < table.rankers(); ++r) {
            double rank = 1.0;
            for (std::size_t place = 1; place <= table.size(r); ++place) {
                const std::uint32_t position = position_plus_one[table.item(r, place)];
                if (position != 0) {
                    out.at(position - 1, r) = 1.0 / rank;
                    rank += 1.0;
                }
            }
            for (std::size_t i = 0; i < items.size(); ++i) {
                if (items[i] != detail::rank_table::unknown && !table.holds(r, items[i])) {
                    out.at(i, r) = 1.0 / rank;
                }
            }
        }
    }

    /// Return the largest sum of what the rankers' shares of a click exceed the least share by.
    [[nodiscard]] static constexpr double bound(std::size_t, std::size_t rankers) noexcept
    {
        return rankers > 2 ? static_cast<double>(rankers - 1) : 1.0;
    }

    /// Draft the list and draw a team for each slot, so that its credit equals the shares on average.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        arrange(lists, coins, out);
        credit_shares shares;
        share_credit(lists, out, shares);
        detail::draw_teams(shares, bound(out.length(), lists.size()), coins, out);
    }

    bool operator==(const sample_only_scored&) const = default;
};

}  // namespace v0
}  // namespace joust
