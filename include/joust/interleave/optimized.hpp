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

/// Draw a list from a law, and let the rest of a longer slate be drafted in rounds; no slot credits anybody.
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

/// What a click at each slot earns, as far as the law decides the slots.
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

/// The most that all rankers together can earn by one click, over what the least of them earns.
[[nodiscard]] constexpr double bound_of_shares(rank_credit credit, std::size_t length,
                                               std::size_t rankers) noexcept
{
    const double entries =
        static_cast<double>(length < list_pattern::most_entries ? length : list_pattern::most_entries);
    const double others = rankers < 2 ? 1.0 : static_cast<double>(rankers - 1);
    return credit == rank_credit::inverse_rank ? others * entries / (entries + 1.0) : others;
}

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

/// Mix rankings by the law that tells them apart best, of all that are fair at every slot.
///
/// Each slot shows some ranker's best item that is not shown yet. Of all such lists one is drawn, by chances from a linear
/// programme: the expected credit of all rankers is equal at every slot, so clicks that depend on positions only prefer
/// nobody; and lists in which the rankers' scores differ least, weighed by 1 / position, are likeliest, so that clicks
/// decide and not the draw. A click earns every ranker a share, by where it ranks the item; a ticket, which has room for
/// teams only, gets one drawn by the shares.
///
/// The first ten slots are decided so. Further slots are drafted in rounds and credit nobody. Where no law is fair for so
/// many slots, which happens with lists that are shorter than the slate and often with three rankers or more, or where
/// more than 1,024 lists may be shown (three rankers that agree on little: six slots), only the longest beginning that has
/// one is decided; in the worst case the slate credits nobody. `counts()` says how often.
///
/// When to use: two rankers and pages of up to ten, where clicks are few: as much is learnt from each as can be.
/// When not: three rankers or more (team_draft, or roughly_optimized, which decides all slots); a page of which a longer
/// one must be the continuation, since laws of different lengths are not.
/// errors: configuration_error beyond 15 rankings
/// cost: a pattern of lists that the thread met lately: about 0.1 us to arrange the slate and 0.4 us with teams; a new
/// pattern: up to 0.2 ms for ten slots of two rankers, up to some ms for more; 0.1 MB per thread and up to 1 MB of scratch.
/// Among laws that are equally good, compilers that round differently may choose different ones.
/// source: Radlinski and Craswell (WSDM 2013), sections 3 and 4; Schuth et al. (CIKM 2014), section 4, for more than two
struct optimized {
    /// A longer slate has a law of its own.
    static constexpr bool continues = false;
    /// Credit is fair in sums; who wins a slate is another matter.
    static constexpr bool even_slates = false;

    rank_credit credit = rank_credit::inverse_rank;

    /// Draft the list alone; no slot credits anybody.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        detail::expect_few("optimized.rankings", lists);
        const detail::list_pattern pattern{lists, out.length()};
        detail::arrange_by_law(pattern, detail::law_cache::law(pattern, asked()), lists, coins, out);
    }

    /// Say what a click earns each ranker, beyond what it earns the least one. assumes: drafted from these lists
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        detail::expect_few("optimized.rankings", lists);
        const detail::list_pattern pattern{lists, shown.length()};
        detail::share_by_law(pattern, detail::law_cache::law(pattern, asked()), asked(), shown, out);
    }

    /// The most that the rankers' shares of a click can add up to.
    [[nodiscard]] constexpr double bound(std::size_t length, std::size_t rankers) const noexcept
    {
        return detail::bound_of_shares(credit, length, rankers);
    }

    /// Draft the list and draw a team for each slot, worth the shares on average.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        detail::expect_few("optimized.rankings", lists);
        detail::interleave_by_law(asked(), bound(out.length(), lists.size()), lists, coins, out);
    }

    /// What the calling thread's patterns came to, those of roughly_optimized included.
    [[nodiscard]] static optimization_counts counts() noexcept { return detail::law_cache::counts(); }

    bool operator==(const optimized&) const = default;

private:
    [[nodiscard]] constexpr detail::law_request asked() const noexcept { return {.credit = credit}; }
};

}  // namespace v0
}  // namespace joust
