// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/balanced.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/sample_only_scored.hpp>
#include <joust/interleave/team_draft.hpp>

#include "catch.hpp"
#include "interleave/laws_shares.hpp"
#include "interleave/laws_universes.hpp"
#include "interleave/reference.hpp"
#include "sanitized.hpp"

#include <algorithm>
#include <set>
#include <vector>

// The winner of a slate is not a sum over clicks. These tests try all 2^L patterns of clicks, and look for a pattern by which
// one ranker wins more slates than the other only because of its list.

using namespace joust_test;

TEST_CASE("competitive pairs: both win equally often under every pattern of clicks, in every case")
{
    const auto pairs = by_slates_won(joust::competitive_pairs{});
    CHECK(short_lists(pairs).biased == 0);
    CHECK(permutations(pairs).biased == 0);
    CHECK(partial_overlaps(pairs).biased == 0);
}

TEST_CASE("probabilistic: two and three rankers win equally often, with lists of any length")
{
    const auto chances = by_slates_won(joust::probabilistic{});
    CHECK(permutations_of(4, 2, 4, chances).cases == 72);
    CHECK(permutations_of(4, 2, 4, chances).biased == 0);
    CHECK(small_overlaps(chances).biased == 0);
    CHECK(three_rankers(chances, 3).biased == 0);
}

TEST_CASE("team draft: two and three rankers win equally often if credit ends with the shortest list")
{
    const auto teams = by_slates_won(joust::team_draft{});
    CHECK(short_lists(teams).biased == 0);
    CHECK(partial_overlaps(teams).biased == 0);
    CHECK(long_enough_lists(teams).biased == 0);
    CHECK(permutations(teams).biased == 0);
    CHECK(three_rankers(teams).biased == 0);
    CHECK(three_short_rankers(teams).biased == 0);
}

TEST_CASE("team draft that credits every slot lets a ranker win more slates in 284 of 1020 cases")
{
    CHECK(short_lists(by_slates_won(team_draft_reference{.credit_all = true})).biased == 284);
}

TEST_CASE("teams drawn from shares are worth their sums, not the slates they win")
{
    CHECK(permutations(by_slates_won(joust::balanced{}), 4).biased == 58);
    CHECK(permutations(by_slates_won(joust::sample_only_scored{}), 4).biased == 60);
}

namespace {

/// Team draft that credits the s-th pick of a round while every list has s items left: fair at every position, and
/// yet a coin decides what counts.
struct team_draft_by_rounds {
    template <class Coins>
    void interleave(joust::rankings lists, Coins& coins, joust::draft& out) const
    {
        team_draft_reference{.credit_all = true}.interleave(lists, coins, out);
        const joust::draft all = out;
        std::vector<std::set<joust::item_key>> left;
        for (const joust::ranking& list : lists) {
            left.emplace_back(list.begin(), list.end());
        }
        std::size_t at = 0;
        while (at < all.size()) {
            std::size_t fewest = lists.size();
            std::size_t waiting = 0;
            for (const auto& each : left) {
                fewest = std::min(fewest, each.size());
                waiting += each.empty() ? 0U : 1U;
            }
            std::set<std::uint8_t> picked;
            for (std::size_t turn = 1; picked.size() < waiting && at < all.size(); ++turn) {
                const joust::slot& next = all[at];
                if (!picked.insert(next.ranker).second) {
                    break;  // the others of this round had nothing left
                }
                if (turn > fewest) {
                    out.credit(at, joust::no_team);
                }
                for (auto& each : left) {
                    each.erase(lists[next.ranker][next.index]);
                }
                ++at;
            }
        }
    }
};

}  // namespace

TEST_CASE(
    "a rule by rounds is fair at every position, and a coin decides what counts after the end of a list")
{
    // A = 1 2, B = 1 3 2, three slots. If A begins, B's 3 leaves A its 2 and the third slot counts; if B begins, A has
    // shown all it has and it does not. With clicks on the first and the third, A wins a quarter of the slates, B half.
    const list_set all{{1, 2}, {1, 3, 2}};
    integer won[3] = {0, 0, 0};
    every_path(team_draft_by_rounds{}, all, 3, [&](const joust::draft& out, const enumerator& coins) {
        won[joust::preference(joust::slate_teams::of(out, 2), 0b101, 1) + 1] += coins.probability();
    });
    CHECK(won[0] == enumerator::whole / 4);
    CHECK(won[2] == enumerator::whole / 2);
    CHECK(short_lists(by_teams(team_draft_by_rounds{})).biased == 0);
    CHECK(short_lists(by_slates_won(team_draft_by_rounds{})).biased == 24);
}
