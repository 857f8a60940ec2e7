#pragma once

#include <joust/core/error.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/ranking.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace joust::inline v0 {

/// Mix two rankings so that their differing picks stand side by side, in a fair random order.
///
/// Where both rankers would show the same item next, it is shown once and counts for nobody. Where they differ,
/// both picks are shown, a coin decides which stands first, and the two slots form a pair. Only whole pairs
/// carry credit: a pair cut by the end of the slate, and slots filled after one list has run dry, do not.
///
/// When to use: the default for two rankers; items both agree on add no noise, and no list lengths bias it.
/// When not: three or more rankers (team_draft), or click models where a neighbour's relevance matters much.
/// errors: configuration_error unless there are two rankings (one alone is shown as it is, without credit)
/// cost: one coin per pair; about 100 ns for the top ten of two lists
/// source: pairs after Airbnb (arXiv 2508.00751, 2025); the rule that only whole pairs count is ours: it makes
/// every position fair, proved by enumeration in tests/interleave
struct competitive_pairs {
    static constexpr std::size_t rankers = 2;

    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        if (lists.size() > rankers) {
            throw configuration_error("competitive_pairs.rankings", std::to_string(lists.size()),
                                      "two rankings; team_draft mixes more");
        }
        const ranking both[rankers] = {lists.empty() ? ranking{} : lists[0],
                                       lists.size() < rankers ? ranking{} : lists[1]};
        out.restart(out.length());
        detail::with_offers<rankers>(both, out, [&](auto& offers) { play(offers, coins, out); });
    }

    bool operator==(const competitive_pairs&) const = default;

private:
    template <class Offers, class Coins>
    static void play(Offers& offers, Coins& coins, draft& out)
    {
        std::uint16_t pair = 0;
        while (!out.full()) {
            const bool dry[rankers] = {offers.dry(0), offers.dry(1)};
            if (dry[0] || dry[1]) {
                if (dry[0] && dry[1]) {
                    return;
                }
                const std::uint8_t ranker = dry[0] ? 1 : 0;
                out.push({offers.best(ranker), no_pair, ranker, no_team});
                offers.show_best(ranker);
                continue;
            }
            const std::uint32_t picks[rankers] = {offers.best(0), offers.best(1)};
            if (offers.agree(0, 1)) {
                out.push({picks[0], no_pair, 0, no_team});
                offers.show_best(0);
                continue;
            }
            const std::uint8_t first = coins.coin() ? 1 : 0;
            const std::uint8_t second = first ^ 1;
            if (out.room() >= 2) {
                out.push({picks[first], pair, first, first});
                out.push({picks[second], pair, second, second});
                ++pair;
            } else {
                out.push({picks[first], no_pair, first, no_team});
            }
            offers.show_best(0);
            offers.show_best(1);
        }
    }
};

}  // namespace joust::inline v0
