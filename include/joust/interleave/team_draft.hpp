#pragma once

#include <joust/core/error.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/ranking.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace joust::inline v0 {

/// Mix any number of rankings as captains pick teams: in rounds, in a random order each round, every ranker
/// shows its best item that is not shown yet and is credited with it.
///
/// A slot carries credit only while every ranker could have filled it: the s-th pick of a round counts if at
/// the start of the round every list had at least s items left. Without that rule a list that runs dry biases
/// the comparison; with it every position is fair, for lists of any lengths and overlap.
///
/// When to use: three rankers or more at once, or where every shown item should count.
/// When not: two rankers that agree on most items: competitive_pairs adds no noise from those.
/// errors: configuration_error beyond 15 rankings
/// cost: one coin per round for two rankers; about 160 ns for the top ten of two lists
/// source: Radlinski, Kurup and Joachims (CIKM 2008), section 4; Schuth et al. (CIKM 2014) for more than two;
/// the rule for lists that run dry is ours, proved by enumeration in tests/interleave
struct team_draft {
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        if (lists.size() > max_rankers) {
            throw configuration_error("team_draft.rankings", std::to_string(lists.size()),
                                      "at most 15 rankings");
        }
        out.restart(out.length());
        if (lists.size() == 2) {
            detail::with_offers<2>(lists, out, [&](auto& offers) { play(offers, 2, coins, out); });
        } else {
            detail::with_offers<max_rankers>(lists, out, [&](auto& offers) {
                play(offers, static_cast<unsigned>(lists.size()), coins, out);
            });
        }
    }

    bool operator==(const team_draft&) const = default;

private:
    template <class Offers, class Coins>
    static void play(Offers& offers, unsigned rankers, Coins& coins, draft& out)
    {
        while (!out.full()) {
            std::array<std::uint8_t, max_rankers> waiting;
            unsigned waiters = 0;
            // Picks of this round that are sure to be possible in every order of the teams.
            unsigned fair = rankers;
            for (unsigned r = 0; r < rankers; ++r) {
                const unsigned left = offers.left(r, fair);
                fair = left < fair ? left : fair;
                if (!offers.dry(r)) {
                    waiting[waiters++] = static_cast<std::uint8_t>(r);
                }
            }
            if (waiters == 0) {
                return;
            }
            // The order is drawn pick by pick, so that a shorter slate uses the same coins for the same slots.
            for (unsigned turn = 1; waiters > 0 && !out.full(); ++turn, --waiters) {
                const unsigned drawn = draw(coins, waiters);
                const std::uint8_t ranker = waiting[drawn];
                waiting[drawn] = waiting[waiters - 1];
                if (offers.dry(ranker)) {
                    continue;
                }
                out.push({offers.best(ranker), no_pair, ranker, turn <= fair ? ranker : no_team});
                offers.show_best(ranker);
            }
        }
    }

    template <class Coins>
    static unsigned draw(Coins& coins, unsigned waiters)
    {
        if (waiters == 1) {
            return 0;
        }
        return waiters == 2 ? unsigned{coins.coin()} : static_cast<unsigned>(coins.below(waiters));
    }
};

}  // namespace joust::inline v0
