// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/interleaver.hpp>

#include "catch.hpp"
#include "interleave/laws.hpp"

using namespace joust_test;
using joust::competitive_pairs;
using joust::draft;
using joust::no_pair;
using joust::no_team;
using joust::slot;

namespace {

draft draw(const list_set& all, std::size_t length, std::vector<choice> coins)
{
    const std::size_t drawn = coins.size();
    scripted script{std::move(coins)};
    draft out{length};
    competitive_pairs{}.interleave(views(all), script, out);
    CHECK(script.used() == drawn);
    return out;
}

}  // namespace

TEST_CASE("picks that differ form a pair in the order of the coin, picks that agree are neutral")
{
    const draft page = draw({{1, 2, 3}, {1, 4, 2}}, 5, {{1, 2}});
    REQUIRE(page.size() == 4);
    CHECK(page[0] == slot{0, no_pair, 0, no_team});
    CHECK(page[1] == slot{1, 0, 1, 1});  // heads: the challenger's 4 first
    CHECK(page[2] == slot{1, 0, 0, 0});
    CHECK(page[3] == slot{2, no_pair, 0, no_team});  // the challenger has run dry
}

TEST_CASE("a pair that does not fit shows the coin's choice and gives no credit")
{
    CHECK(draw({{1}, {2}}, 1, {{0, 2}})[0] == slot{0, no_pair, 0, no_team});
    CHECK(draw({{1}, {2}}, 1, {{1, 2}})[0] == slot{0, no_pair, 1, no_team});
}

TEST_CASE("empty lists, no slots and a single ranking make slates without credit")
{
    CHECK(draw({{}, {}}, 3, {}).size() == 0);
    CHECK(draw({{1, 2}, {2, 1}}, 0, {}).size() == 0);
    CHECK(draw({}, 3, {}).size() == 0);
    for (const list_set& all : {list_set{{1, 2}, {}}, list_set{{}, {1, 2}}, list_set{{1, 2}}}) {
        const draft page = draw(all, 3, {});
        REQUIRE(page.size() == 2);
        CHECK(page[0].team == no_team);
        CHECK(page[1].team == no_team);
        CHECK(page[0].index == 0);
        CHECK(page[1].index == 1);
    }
}

TEST_CASE("three rankings are refused with the policy that takes them")
{
    const list_set three{{1}, {2}, {3}};
    joust::keyed_random coins{1, 1};
    draft out{3};
    CHECK_THROWS_WITH(competitive_pairs{}.interleave(views(three), coins, out),
                      ContainsSubstring("team_draft"));
}

TEST_CASE("the same seed and request pair the same slate on every platform")
{
    const list_set all{{1, 2, 3, 4, 5, 6}, {6, 1, 7, 8, 2, 9}};
    joust::keyed_random coins{42, 7};
    draft out{8};
    competitive_pairs{}.interleave(views(all), coins, out);
    std::string shown;
    for (const slot& s : out) {
        shown += std::to_string(all[s.ranker][s.index]) + (s.team == no_team ? "- "
                                                           : s.team == 0     ? "A "
                                                                             : "B ");
    }
    CHECK(shown == "6B 1A 2A 7B 3A 8B 4A 9B ");
}

TEST_CASE("competitive pairs are an interleaver and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<competitive_pairs>);
    STATIC_REQUIRE(joust::interleaver_role::plays<competitive_pairs>);
    STATIC_REQUIRE(competitive_pairs{} == competitive_pairs{});
    STATIC_REQUIRE(std::is_empty_v<competitive_pairs>);
}
