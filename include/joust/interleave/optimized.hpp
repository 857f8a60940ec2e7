// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/optimized_law.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/interleave/team_draft.hpp>

#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

namespace detail {

/// Draw a list from a law, and draft the rest of a longer slate in rounds. No slot gives credit.
template <coin_source Coins>
void arrange_by_law(const list_pattern& pattern, const optimal_law& law, rankings lists, Coins& coins,
                    draft& out)
{
    out.restart(out.length());
    const std::size_t drawn =
        law.lists > 1 ? draw_weighted(coins, {law.chances.data(), law.lists}, 1.0) : std::size_t{0};
    for (unsigned i = 0; i < law.slots; ++i) {
        const std::uint8_t pick = law.picks[drawn][i];
        const auto ranker = static_cast<std::uint8_t>(pick / 16);
        out.push({pattern.index(ranker, pick % 16), no_pair, ranker, no_team});
    }
    if (!out.full() && (law.slots < pattern.items() || pattern.entries() == list_pattern::most_entries))
        [[unlikely]] {
        with_offers<max_rankers>(lists, out, [&](auto& offers) {
            for (unsigned i = 0; i < law.slots; ++i) {
                offers.show_best(law.picks[drawn][i] / 16);
            }
            draft_rounds(offers, pattern.rankers(), coins, out, false);
        });
    }
}

/// Compute what each ranker earns by a click at each slot that the law decides.
inline void share_by_law(const list_pattern& pattern, const optimal_law& law, const law_request& asked,
                         const draft& shown, credit_shares& out)
{
    out.restart(shown.size(), pattern.rankers());
    const item_ranks rank{pattern};
    for (std::size_t i = 0; i < shown.size() && i < law.slots; ++i) {
        const slot& next = shown[i];
        if (next.ranker >= pattern.rankers()) {
            continue;
        }
        const unsigned item = pattern.item_at(next.ranker, next.index);
        double least = 1.0;
        for (unsigned r = 0; r < pattern.rankers(); ++r) {
            const double earned = asked.earned(rank(r, item), pattern.entries());
            out.at(i, r) = earned;
            least = earned < least ? earned : least;
        }
        for (unsigned r = 0; r < pattern.rankers(); ++r) {
            out.at(i, r) -= least;
        }
    }
}

/// Find the law of the lists and draft a list from it. No slot gives credit.
template <coin_source Coins>
void arrange_by_law(const law_request& asked, rankings lists, Coins& coins, draft& out)
{
    const list_pattern pattern{lists, out.length()};
    arrange_by_law(pattern, law_cache::law(pattern, asked), lists, coins, out);
}

/// Find the law of the lists and compute what each ranker earns by a click at each slot that the law decides.
inline void share_by_law(const law_request& asked, rankings lists, const draft& shown, credit_shares& out)
{
    const list_pattern pattern{lists, shown.length()};
    share_by_law(pattern, law_cache::law(pattern, asked), asked, shown, out);
}

/// Return the most by which the rankers' credit for one click exceeds the least ranker's, summed over all rankers.
[[nodiscard]] constexpr double bound_of_shares(rank_credit credit, std::size_t length,
                                               std::size_t rankers) noexcept
{
    const double entries =
        static_cast<double>(length < list_pattern::most_entries ? length : list_pattern::most_entries);
    const double others = rankers < 2 ? 1.0 : static_cast<double>(rankers - 1);
    return credit == rank_credit::inverse_rank ? others * entries / (entries + 1.0) : others;
}

/// Draw a list from a law, and draw a team for each slot, so that its credit equals the shares on average.
template <coin_source Coins>
void interleave_by_law(const law_request& asked, double bound, rankings lists, Coins& coins, draft& out)
{
    const list_pattern pattern{lists, out.length()};
    const optimal_law& law = law_cache::law(pattern, asked);
    arrange_by_law(pattern, law, lists, coins, out);
    credit_shares shares;
    share_by_law(pattern, law, asked, out, shares);
    draw_teams(shares, bound, coins, out);
}

}  // namespace detail

/// Mix rankings by a probability law over lists. Of all laws that are fair at every slot, it is the one under which the rankers'
/// scores vary least if clicks fall as 1 / position.
///
/// Each slot shows some ranker's best item that is not shown yet. One of all such lists is drawn, with chances from a linear
/// programme. Under these chances the expected credit of all rankers is equal at every slot, so clicks that depend on positions
/// only prefer no ranker. And the lists in which the rankers' scores, weighted by 1 / position, differ least are the likeliest,
/// which leaves less to the draw. A click earns every ranker a share that depends on its rank of the item. A ticket has room
/// for teams only, so a team is drawn by the shares, and that draw adds its own chance.
///
/// The law decides the first ten slots. Further slots are drafted in rounds and give no credit. For some lists there is no fair
/// law for ten slots: lists that are shorter than the slate, and often the lists of three or more rankers. For others, more
/// than 1,024 lists may be shown (three rankers that agree on little: from the seventh slot on). Then the law decides only the
/// longest beginning of the slate for which there is one; in the worst case the slate gives no credit. `counts()` says how
/// often.
///
/// Among laws that are equally good, compilers that round differently may choose different ones.
/// When to use: two rankers and pages of up to ten items, with `rank_difference` and clicks on replayed slates: about 0.8 times
/// the slates of competitive pairs for one decision.
/// When not: clicks by ticket, which need 1.9 to 3.1 times the slates of competitive pairs; three or more rankers (take
/// team_draft, or roughly_optimized, which decides all slots); or pages that must be the beginning of longer ones, since each
/// length has a law of its own.
/// errors: configuration_error for more than 15 rankings
/// cost: about 0.1 us to arrange a slate, and 0.4 us with teams, if the thread has met the pattern of the lists recently; for a
///     new pattern up to 0.2 ms for ten slots of two rankers, and up to some ms for more rankers; 0.1 MB for each thread and up
///     to 1 MB of scratch
/// source: Radlinski and Craswell (WSDM 2013), sections 3 and 4; Schuth et al. (CIKM 2014), section 4, for more than two
///     rankers
struct optimized {
    /// A longer slate has a law of its own, so it does not continue a shorter one.
    static constexpr bool continues = false;
    /// Credit is fair in sums. Slates won are no fair measure.
    static constexpr bool even_slates = false;

    /// What a ranker earns by a click on an item, given where it ranks the item.
    rank_credit credit = rank_credit::inverse_rank;

    /// Draft the list alone. No slot gives credit.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        detail::expect_few("optimized.rankings", lists);
        detail::arrange_by_law(asked(), lists, coins, out);
    }

    /// Compute what each ranker earns by a click at each position, beyond the share of the ranker that earns least.
    /// assumes: the slate was drafted from these lists
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        detail::expect_few("optimized.rankings", lists);
        detail::share_by_law(asked(), lists, shown, out);
    }

    /// Return the largest sum of the rankers' shares of one click.
    [[nodiscard]] constexpr double bound(std::size_t length, std::size_t rankers) const noexcept
    {
        return detail::bound_of_shares(credit, length, rankers);
    }

    /// Draft the list and draw a team for each slot, so that its credit equals the shares on average.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        detail::expect_few("optimized.rankings", lists);
        detail::interleave_by_law(asked(), bound(out.length(), lists.size()), lists, coins, out);
    }

    /// Return how often the calling thread found a law, with the laws of roughly_optimized.
    [[nodiscard]] static optimization_counts counts() noexcept { return detail::law_cache::counts(); }

    bool operator==(const optimized&) const = default;

private:
    [[nodiscard]] constexpr detail::law_request asked() const noexcept { return {.credit = credit}; }
};

}  // namespace v0
}  // namespace joust
