// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/shares.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/laws.hpp"

#include <map>
#include <string>

using namespace joust_test;
using joust::draft;
using joust::no_pair;
using joust::no_team;
using joust::pairwise_preference;
using joust::slot;

namespace {

/// The draft that shows these items, each taken from the first list that holds it.
draft slate_of(const list_set& all, const list& items)
{
    draft out{items.size()};
    for (const joust::item_key item : items) {
        for (std::uint8_t r = 0; r < all.size(); ++r) {
            const auto at = std::find(all[r].begin(), all[r].end(), item);
            if (at != all[r].end()) {
                out.push({static_cast<std::uint32_t>(at - all[r].begin()), no_pair, r, no_team});
                break;
            }
        }
    }
    return out;
}

std::vector<double> outcome_of(const list_set& all, const list& items, std::uint64_t clicked)
{
    std::vector<double> out(all.size(), 99.0);
    pairwise_preference{}.outcome(views(all), slate_of(all, items), clicked, out);
    return out;
}

}  // namespace

TEST_CASE("slot x shows each item among the first x of the rankers with the same probability")
{
    const list_set all{{1, 2, 3}, {2, 3, 1}};
    std::map<list, integer> law;
    every_path(pairwise_preference{}, all, 3, [&](const draft& out, const enumerator& coins) {
        list items;
        for (const slot& s : out) {
            items.push_back(all[s.ranker][s.index]);
        }
        law[items] += coins.probability();
    });
    const integer quarter = enumerator::whole / 4;
    CHECK(law == std::map<list, integer>{
                     {{1, 2, 3}, quarter}, {{1, 3, 2}, quarter}, {{2, 1, 3}, quarter}, {{2, 3, 1}, quarter}});
}

TEST_CASE("a clicked item is preferred to the unclicked above it and to the one right below")
{
    const list_set all{{1, 2, 3}, {2, 3, 1}};
    // Shown 2 3 1. A click on 1: 1 before 2 counts once, 1 before 3 twice, since 1 had to be passed over at slot 1.
    CHECK(outcome_of(all, {2, 3, 1}, 0b100) == std::vector<double>{3.0, -3.0});
    // A click on 2: 2 before 3, but 3 cannot stand where 2 stands. A click on 3: before 2, likewise; before 1, which the
    // challenger agrees to and the champion does not.
    CHECK(outcome_of(all, {2, 3, 1}, 0b001) == std::vector<double>{0.0, 0.0});
    CHECK(outcome_of(all, {2, 3, 1}, 0b010) == std::vector<double>{-2.0, 2.0});
    // Shown 1 2 3: a click on 1 beats 2, the next, and not 3.
    CHECK(outcome_of(all, {1, 2, 3}, 0b001) == std::vector<double>{1.0, -1.0});
    // No click, and nothing but clicks, prefer nothing.
    CHECK(outcome_of(all, {1, 2, 3}, 0b000) == std::vector<double>{0.0, 0.0});
    CHECK(outcome_of(all, {1, 2, 3}, 0b111) == std::vector<double>{0.0, 0.0});
    CHECK(outcome_of(all, {1, 2, 3}, ~std::uint64_t{0}) == std::vector<double>{0.0, 0.0});
}

TEST_CASE("a ranker has no preference between two items that it does not hold")
{
    const list_set all{{1, 2}, {3, 4}};
    // A click on 3 prefers it to 1, to 2 (which counts twice) and to 4 (likewise). The champion has neither 3 nor 4, so it
    // ranks both after its own items and has no preference between the two; the challenger agrees to all three.
    CHECK(outcome_of(all, {1, 2, 3, 4}, 0b0100) == std::vector<double>{-3.0, 5.0});
}

TEST_CASE("in the rotation of long lists a preference weighs a power of two")
{
    list_set all(2);
    for (joust::item_key d = 1; d <= 10; ++d) {
        all[0].push_back(d);
        all[1].push_back(d % 10 + 1);
    }
    // 1 is passed over eight times, of two candidates each; then it beats 10.
    CHECK(outcome_of(all, {2, 3, 4, 5, 6, 7, 8, 9, 1, 10}, 0b0111111111) ==
          std::vector<double>{256.0, -256.0});
}

TEST_CASE("only 64 positions are judged")
{
    list_set all(2);
    for (joust::item_key d = 0; d < 80; ++d) {
        all[0].push_back(d);
        all[1].push_back(d ^ 1);
    }
    joust::keyed_random coins{1, 1};
    draft out{80};
    pairwise_preference{}.interleave(views(all), coins, out);
    CHECK(out.size() == 80);
    std::vector<double> earned(2);
    pairwise_preference{}.outcome(views(all), out, 0xaaaa'aaaa'aaaa'aaaaU, earned);
    CHECK(earned[0] == -earned[1]);
}

TEST_CASE("the same seed and request draft the same slate of preferences on every platform")
{
    const list_set all{{1, 2, 3, 4, 5, 6}, {6, 1, 7, 8, 2, 9}, {5, 9, 3, 10, 11, 12}};
    joust::keyed_random coins{42, 7};
    draft out{9};
    pairwise_preference{}.interleave(views(all), coins, out);
    std::string text;
    for (const slot& s : out) {
        text += std::to_string(all[s.ranker][s.index]) + ' ';
        CHECK(s.team == no_team);
    }
    CHECK(text == "6 2 5 4 10 1 12 11 8 ");
}

TEST_CASE("short lists need no memory, neither to be drafted nor to be judged")
{
    list_set all(2);
    for (joust::item_key d = 0; d < 64; ++d) {
        all[0].push_back(d);
        all[1].push_back(d + 30);
    }
    const auto spans = views(all);
    joust::keyed_random coins{1, 1};
    draft out{64};
    std::array<double, 2> earned{};
    const long before = joust_tests::allocations();
    pairwise_preference{}.interleave(spans, coins, out);
    pairwise_preference{}.outcome(spans, out, 0xff00, earned);
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE("pairwise preference is an interleaver that judges clicks together, and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<pairwise_preference>);
    STATIC_REQUIRE(joust::judges_clicks<pairwise_preference>);
    STATIC_REQUIRE_FALSE(joust::shares_credit<pairwise_preference>);
    STATIC_REQUIRE(pairwise_preference{} == pairwise_preference{});
}
