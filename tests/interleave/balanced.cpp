// SPDX-License-Identifier: Apache-2.0

#include <joust/core/error.hpp>
#include <joust/core/random.hpp>
#include <joust/interleave/balanced.hpp>
#include <joust/interleave/interleaver.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/laws.hpp"

#include <cmath>
#include <limits>

using namespace joust_test;
using joust::balanced;
using joust::credit_shares;
using joust::draft;
using joust::no_pair;
using joust::no_team;
using joust::power_curve;
using joust::slot;

namespace {

template <class Policy>
draft arranged(const Policy& policy, const list_set& all, std::size_t length, unsigned coin)
{
    scripted script{{{coin, 2}}};
    draft out{length};
    policy.arrange(views(all), script, out);
    return out;
}

list shown(const draft& out, const list_set& all)
{
    list items;
    for (const slot& s : out) {
        items.push_back(all[s.ranker][s.index]);
    }
    return items;
}

}  // namespace

TEST_CASE("the rankers alternate, and the coin says which one begins")
{
    const list_set all{{1, 2, 3, 7, 8}, {1, 4, 2, 9, 5}};
    CHECK(shown(arranged(balanced{}, all, 6, 0), all) == list{1, 2, 4, 3, 7, 9});
    CHECK(shown(arranged(balanced{}, all, 6, 1), all) == list{1, 4, 2, 3, 9, 7});
    const draft page = arranged(balanced{}, all, 2, 1);
    CHECK(page[0] == slot{0, no_pair, 0, no_team});
    CHECK(page[1] == slot{1, no_pair, 1, no_team});
}

TEST_CASE("when one list ends, the other one continues")
{
    const list_set all{{1}, {2, 3, 4}};
    CHECK(shown(arranged(balanced{}, all, 9, 0), all) == list{1, 2, 3, 4});
    CHECK(shown(arranged(balanced{}, all, 9, 1), all) == list{2, 1, 3, 4});
    const list_set one_empty{{}, {2, 3}};
    CHECK(shown(arranged(balanced{}, one_empty, 9, 0), one_empty) == list{2, 3});
}

TEST_CASE("a click credits a ranker with the attention of its own list divided by that of the mixed list")
{
    // Lists 1 2 3 4 and 2 1 3 4 are shown with a half each: the first two items get 3/4 of a look, then 1/3 and 1/4.
    const list_set all{{1, 2, 3, 4}, {2, 3, 4, 1}};
    const draft page = arranged(balanced{}, all, 4, 0);
    credit_shares shares;
    balanced{}.share_credit(views(all), page, shares);
    const double expected[4][2] = {{4.0 / 3, 1.0 / 3}, {2.0 / 3, 4.0 / 3}, {1.0, 1.5}, {1.0, 4.0 / 3}};
    for (std::size_t i = 0; i < 4; ++i) {
        for (unsigned r = 0; r < 2; ++r) {
            CHECK(std::fabs(shares.at(i, r) - expected[i][r]) < 1e-15);
        }
    }
}

TEST_CASE("ranks count only to the depth to which the slate can show both lists")
{
    // Two slots show 1 2 or 2 1: the challenger's second item is never shown, so only first ranks count.
    const list_set all{{1, 2, 3}, {2, 3, 1}};
    credit_shares shares;
    balanced{}.share_credit(views(all), arranged(balanced{}, all, 2, 0), shares);
    CHECK(shares.at(0, 0) > 1.0);
    CHECK(shares.at(0, 1) == 0.0);
    CHECK(shares.at(1, 0) == 0.0);
    CHECK(shares.at(1, 1) == shares.at(0, 0));
    // One slot shows each item to half of the users, so its click counts twice.
    balanced{}.share_credit(views(all), arranged(balanced{}, all, 1, 1), shares);
    CHECK(shares.at(0, 0) == 0.0);
    CHECK(shares.at(0, 1) == 2.0);
    CHECK(balanced{}.bound(1) == 2.0);
}

TEST_CASE("a curve is a power or any callable on a position")
{
    CHECK(power_curve{}(4) == 0.25);
    CHECK(power_curve{.eta = 0.0}(4) == 1.0);
    CHECK(std::fabs(power_curve{.eta = 0.5}(4) - 0.5) < 1e-15);
    const list_set all{{1, 2, 3, 4}, {2, 3, 4, 1}};
    const balanced flat{[](std::size_t) { return 1.0; }};
    credit_shares shares;
    flat.share_credit(views(all), arranged(flat, all, 4, 0), shares);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(shares.at(i, 0) == 1.0);
        CHECK(shares.at(i, 1) == 1.0);
    }
    CHECK(flat.bound(3) == 2.0);
    CHECK(flat.bound(4) == 2.0);
    CHECK(flat.bound(0) == 1.0);

    const list_set three{{1}, {2}};
    joust::keyed_random coins{1, 1};
    draft out{2};
    for (const double eta : {-1.0, 33.0, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS((balanced{power_curve{.eta = eta}}.validate()), joust::configuration_error);
        CHECK_THROWS_AS((balanced{power_curve{.eta = eta}}.interleave(views(three), coins, out)),
                        joust::configuration_error);
    }
}

TEST_CASE("the classical rule counts clicks within the depth of the deepest one")
{
    const list_set all{{1, 2, 3, 4}, {2, 3, 4, 1}};
    const auto spans = views(all);
    const draft page = arranged(balanced{}, all, 4, 0);  // 1 2 3 4
    CHECK(joust::balanced_winner(spans, page, 0b0000) == 0);
    CHECK(joust::balanced_winner(spans, page, 0b0001) == -1);  // 1 is the champion's first
    CHECK(joust::balanced_winner(spans, page, 0b0010) == 1);   // 2 is the challenger's first
    CHECK(joust::balanced_winner(spans, page, 0b0100) == 1);   // 3 is its second
    CHECK(joust::balanced_winner(spans, page, 0b0101) == 0);   // 1 and 3 against 3 and nothing: one each
    CHECK(joust::balanced_winner(spans, page, 0b1111) == 0);
    CHECK(joust::balanced_winner(spans, page, ~std::uint64_t{0}) == 0);
    CHECK(joust::balanced_winner({spans.data(), 1}, page, 1) == 0);
}

TEST_CASE("the same seed and request draft the same balanced slate on every platform")
{
    const list_set all{{1, 2, 3, 4, 5, 6}, {6, 1, 7, 8, 2, 9}};
    joust::keyed_random coins{42, 7};
    draft out{8};
    balanced{}.interleave(views(all), coins, out);
    std::string text;
    for (const slot& s : out) {
        text += std::to_string(all[s.ranker][s.index]) +
                (s.team == no_team ? '-' : static_cast<char>('A' + s.team)) + ' ';
    }
    CHECK(text == "6- 1- 2A 7- 3A 8- 4A 5A ");
}

TEST_CASE("a page of two short lists needs no memory")
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
    balanced{}.interleave(spans, coins, out);
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE("balanced is an interleaver with shares and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<balanced<>>);
    STATIC_REQUIRE(joust::shares_credit<balanced<>>);
    STATIC_REQUIRE(balanced{} == balanced{});
    STATIC_REQUIRE(std::is_same_v<decltype(balanced{}), balanced<power_curve>>);
    CHECK_FALSE(balanced{power_curve{.eta = 0.5}} == balanced{});
}
