// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/team_draft.hpp>

#include "catch.hpp"
#include "interleave/laws.hpp"

using namespace joust_test;
using joust::draft;
using joust::no_pair;
using joust::no_team;
using joust::slot;
using joust::team_draft;

namespace {

draft draw(const list_set& all, std::size_t length, std::vector<choice> coins)
{
    const std::size_t drawn = coins.size();
    scripted script{std::move(coins)};
    draft out{length};
    team_draft{}.interleave(views(all), script, out);
    CHECK(script.used() == drawn);
    return out;
}

}  // namespace

TEST_CASE("in every round each ranker shows its best item that is left, in the order of the coin")
{
    const draft page = draw({{1, 2, 3, 7, 8}, {1, 4, 2, 9, 5}}, 4, {{1, 2}, {0, 2}});
    REQUIRE(page.size() == 4);
    CHECK(page[0] == slot{0, no_pair, 1, 1});
    CHECK(page[1] == slot{1, no_pair, 0, 0});
    CHECK(page[2] == slot{2, no_pair, 0, 0});
    CHECK(page[3] == slot{1, no_pair, 1, 1});
}

TEST_CASE("slots that some ranker could not have filled give no credit")
{
    // After the first round the first list is dry.
    const draft page = draw({{1}, {2, 3, 4}}, 4, {{0, 2}});
    REQUIRE(page.size() == 4);
    CHECK(page[0].team == 0);
    CHECK(page[1].team == no_team);  // one item left is enough for a first pick, not for a second
    CHECK(page[2].team == no_team);
    CHECK(page[3].team == no_team);
}

TEST_CASE("any number of rankers up to 15 is mixed, and 16 are refused")
{
    list_set all;
    for (joust::item_key r = 0; r < 15; ++r) {
        all.push_back({100 * r, 100 * r + 1});
    }
    joust::keyed_random coins{1, 1};
    draft out{30};
    team_draft{}.interleave(views(all), coins, out);
    CHECK(out.size() == 30);
    std::uint32_t first_round = 0;
    for (std::size_t i = 0; i < 15; ++i) {
        first_round |= 1u << out[i].ranker;
    }
    CHECK(first_round == (1u << 15) - 1);

    all.push_back({9999});
    CHECK_THROWS_AS(team_draft{}.interleave(views(all), coins, out), joust::configuration_error);
}

TEST_CASE("empty lists, no lists and no slots give empty or creditless slates")
{
    CHECK(draw({}, 3, {}).size() == 0);
    CHECK(draw({{}, {}}, 3, {}).size() == 0);
    CHECK(draw({{1}, {2}}, 0, {}).size() == 0);
    const draft page = draw({{1, 2}, {}}, 3, {});
    REQUIRE(page.size() == 2);
    CHECK(page[0] == slot{0, no_pair, 0, no_team});
    CHECK(page[1] == slot{1, no_pair, 0, no_team});
}

TEST_CASE("the same seed and request draft the same slate on every platform")
{
    const list_set all{{1, 2, 3, 4, 5, 6}, {6, 1, 7, 8, 2, 9}, {5, 9, 3, 10, 11, 12}};
    joust::keyed_random coins{42, 7};
    draft out{9};
    team_draft{}.interleave(views(all), coins, out);
    std::string shown;
    for (const slot& s : out) {
        shown += std::to_string(all[s.ranker][s.index]) +
                 (s.team == no_team ? '-' : static_cast<char>('A' + s.team)) + ' ';
    }
    CHECK(shown == "6B 5C 1A 7B 2A 9C 3- 8- 4- ");
}

TEST_CASE("team draft is an interleaver and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<team_draft>);
    STATIC_REQUIRE(team_draft{} == team_draft{});
}
