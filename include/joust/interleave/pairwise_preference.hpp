// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/ranks.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {

/// Mix any number of rankings slot by slot. Slot x shows one of the items among the rankers' first x that are not shown yet,
/// each with the same probability. Clicks show which items users prefer, and the rankers that agree earn credit.
///
/// A clicked item is preferred to the unclicked items above it and to the item right below it. A preference counts only if each
/// of the two items could have stood at the position of the other, and it is then divided by the probability of that. So each
/// ranker expects exactly no credit from every pattern of clicks that depends on positions alone.
///
/// The outcome is not a sum over clicks: no slot gives credit by itself, and the teams of a ticket have no meaning. Weights
/// reach 2^(L-2) for a slate of L slots, so outcomes have heavy tails where long lists are rotations of each other.
/// When to use: offline, or where lists are logged, to compare many rankers with fairness under all patterns of clicks.
/// When not: feedback that arrives later through tickets; or sequential tests, which need bounded credit.
/// errors: configuration_error for more than 15 rankings
/// cost: about 0.8 us to draft the top ten of two lists of ten, and as much to evaluate its clicks; an allocation for more than
///     128 entries of all lists together
/// source: Oosterhuis and de Rijke (CIKM 2017), section 4
struct pairwise_preference {
    /// Outcomes are fair in sums. How often they are above 0 is no fair measure.
    static constexpr bool even_slates = false;
    /// An item deep in one list may be shown because another ranker ranks it high, so whole lists are needed.
    static constexpr bool whole_lists = true;

    /// Draft a slate. No slot gives credit.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        detail::expect_few("pairwise_preference.rankings", lists);
        out.restart(out.length());
        const detail::rank_table table{lists};
        detail::late_array<std::uint32_t, 128> candidates{table.items()};
        std::size_t count = 0;
        for (std::size_t depth = 1; !out.full() && out.size() < table.items(); ++depth) {
            for (unsigned r = 0; r < table.rankers(); ++r) {
                if (depth <= table.size(r) && table.keenest(table.item(r, depth)) == r) {
                    candidates[count++] = table.item(r, depth);
                }
            }
            const std::size_t drawn =
                count == 1 ? 0 : static_cast<std::size_t>(coins.below(static_cast<unsigned>(count)));
            out.push(table.show(candidates[drawn]));
            candidates[drawn] = candidates[--count];
        }
    }

    /// Sum the preferences that the clicks express: positive for the rankers that agree, and negative for those that do not. At
    /// most 64 positions are evaluated.
    /// assumes: this method drafted the slate from these lists; the slate may be cut
    void outcome(rankings lists, const draft& shown, std::uint64_t clicked, std::span<double> out) const
    {
        for (double& earned : out) {
            earned = 0.0;
        }
        const detail::rank_table table{lists};
        const detail::shown_items items{table, lists, shown};
        const std::size_t positions = items.size() < draft::inline_slots ? items.size() : draft::inline_slots;
        // How many items are reached by depth x. Of these, x - 1 are shown already when slot x is drawn.
        detail::late_array<std::uint32_t, draft::inline_slots + 1> reached{positions + 1};
        for (std::uint32_t item = 0; item < table.items(); ++item) {
            const std::uint32_t depth = depth_of(table, item);
            if (depth <= positions) {
                ++reached[depth];
            }
        }
        for (std::size_t x = 1; x <= positions; ++x) {
            reached[x] += reached[x - 1];
        }
        const auto is_clicked = [&](std::size_t position) { return ((clicked >> position) & 1U) != 0; };
        for (std::size_t i = 0; i < positions; ++i) {
            if (!is_clicked(i) || items[i] == detail::rank_table::unknown) {
                continue;
            }
            for (std::size_t j = 0; j < positions && j <= i + 1; ++j) {
                if (is_clicked(j) || items[j] == detail::rank_table::unknown) {
                    continue;
                }
                const double weight = weight_of(depth_of(table, items[i]), depth_of(table, items[j]),
                                                (i < j ? i : j) + 1, reached);
                for (unsigned r = 0; r < table.rankers() && r < out.size(); ++r) {
                    const std::uint32_t preferred = table.rank(r, items[i]);
                    const std::uint32_t other = table.rank(r, items[j]);
                    out[r] += preferred < other ? weight : preferred > other ? -weight : 0.0;
                }
            }
        }
    }

    bool operator==(const pairwise_preference&) const = default;

private:
    /// Return the first slot that can show an item.
    [[nodiscard]] static std::uint32_t depth_of(const detail::rank_table& table, std::uint32_t item) noexcept
    {
        return table.rank(table.keenest(item), item);
    }

    /// Return the inverse of the probability that both items stand where either item could stand, or 0 if they do not.
    template <class Counts>
    [[nodiscard]] static double weight_of(std::size_t a, std::size_t b, std::size_t upper,
                                          const Counts& reached) noexcept
    {
        const std::size_t from = a < b ? a : b;
        const std::size_t both = a < b ? b : a;
        if (upper < both) {
            return 0.0;
        }
        double weight = 1.0;
        for (std::size_t x = from; x < both; ++x) {
            const double candidates = static_cast<double>(reached[x]) - static_cast<double>(x - 1);
            if (candidates < 2.0) {
                return 0.0;
            }
            weight *= candidates / (candidates - 1.0);
        }
        return weight;
    }
};

}  // namespace v0
}  // namespace joust
