// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/sample_only_scored.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/laws_shares.hpp"
#include "interleave/laws_universes.hpp"

using namespace joust_test;
using joust::credit_shares;
using joust::draft;
using joust::no_team;
using joust::sample_only_scored;
using joust::slot;

namespace {

double everywhere(std::size_t)
{
    return 1.0;
}

}  // namespace

TEST_CASE("the list is team draft's, without teams")
{
    const list_set all{{1, 2, 3, 4}, {3, 1, 5, 2}, {6, 3, 1}};
    std::uint64_t different = 0;
    every_path(joust::team_draft{}, all, 5, [&](const draft& out, const enumerator& coins) {
        scripted same{coins.path()};
        draft scored{5};
        sample_only_scored{}.arrange(views(all), same, scored);
        different += scored.size() == out.size() ? 0u : 1u;
        for (std::size_t i = 0; i < out.size(); ++i) {
            different += scored[i].index == out[i].index && scored[i].ranker == out[i].ranker &&
                                 scored[i].team == no_team
                             ? 0u
                             : 1u;
        }
    });
    CHECK(different == 0);
}

TEST_CASE("a click credits each ranker with 1 / rank, where the rank is among the items shown")
{
    const list_set all{{1, 2, 3, 4}, {4, 9, 3, 2}, {}};
    draft page{3};
    page.push({3, joust::no_pair, 0, no_team});  // 4
    page.push({0, joust::no_pair, 0, no_team});  // 1
    page.push({1, joust::no_pair, 0, no_team});  // 2
    credit_shares shares;
    sample_only_scored{}.share_credit(views(all), page, shares);
    const double expected[3][3] = {{1.0 / 3, 1.0, 1.0}, {1.0, 1.0 / 3, 1.0}, {0.5, 0.5, 1.0}};
    for (std::size_t i = 0; i < 3; ++i) {
        for (unsigned r = 0; r < 3; ++r) {
            CHECK(shares.at(i, r) == expected[i][r]);
        }
    }
}

TEST_CASE("the method is biased in 26 of 72 cases, unless all positions are clicked equally often")
{
    const auto exact = by_shares_exactly(sample_only_scored{});
    const tally found = permutations_of(4, 2, 4, exact);
    CHECK(found.cases == 72);
    CHECK(found.biased == 26);
    CHECK(permutations_of(3, 1, 3, exact).biased == 2);
    CHECK(permutations_of(4, 2, 4, by_curve(sample_only_scored{}, everywhere)).biased == 0);
    CHECK(permutations_of(5, 1, 5, by_curve(sample_only_scored{}, everywhere)).biased == 0);
    // With lists that hold different items even that does not save it.
    CHECK(short_lists(by_curve(sample_only_scored{}, everywhere)).biased > 0);
}

TEST_CASE("the smallest biased case: rotated lists of three, where only the first position is clicked")
{
    const expected_shares found = expect_shares(sample_only_scored{}, {{1, 2, 3}, {2, 3, 1}}, 3);
    CHECK(static_cast<double>(found.at[0][0]) == 0.75);
    CHECK(static_cast<double>(found.at[0][1]) == (1.0 + 1.0 / 3.0) / 2.0);
}

TEST_CASE("no team is drawn beyond what the bound allows")
{
    CHECK(sample_only_scored::bound(4, 0) == 1.0);
    CHECK(sample_only_scored::bound(4, 2) == 1.0);
    CHECK(sample_only_scored::bound(4, 5) == 4.0);
    std::uint64_t above = 0;
    const auto inspect = [&](const list_set& all, std::size_t length, tally&) {
        const auto spans = views(all);
        credit_shares shares;
        every_list(sample_only_scored{}, all, length, [&](const draft& out, const enumerator&) {
            sample_only_scored{}.share_credit(spans, out, shares);
            for (std::size_t i = 0; i < out.size(); ++i) {
                double least = 1.0;
                double sum = 0.0;
                for (const double share : shares.at(i)) {
                    least = std::min(least, share);
                    sum += share;
                }
                above +=
                    sum - static_cast<double>(all.size()) * least <= sample_only_scored::bound(3, all.size())
                        ? 0u
                        : 1u;
            }
        });
    };
    partial_overlaps(inspect);
    three_short_rankers(inspect, 3);
    CHECK(above == 0);
}

TEST_CASE("a page of two short lists is scored without asking for memory")
{
    list_set all(2);
    for (joust::item_key d = 0; d < 64; ++d) {
        all[0].push_back(d);
        all[1].push_back(d + 30);
    }
    const auto spans = views(all);
    joust::keyed_random coins{1, 1};
    draft out{64};
    const long before = joust_tests::allocations();
    sample_only_scored{}.interleave(spans, coins, out);
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE("sample only scored is an interleaver with shares and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<sample_only_scored>);
    STATIC_REQUIRE(joust::shares_credit<sample_only_scored>);
    STATIC_REQUIRE(sample_only_scored{} == sample_only_scored{});
}
