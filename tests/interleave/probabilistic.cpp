// SPDX-License-Identifier: Apache-2.0

#include <joust/core/error.hpp>
#include <joust/core/random.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/probabilistic.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/laws.hpp"

#include <cmath>
#include <limits>
#include <string>

using namespace joust_test;
using joust::credit_shares;
using joust::draft;
using joust::no_team;
using joust::probabilistic;
using joust::slot;

namespace {

draft slate_of(const list_set& all, const list& items)
{
    draft out{items.size()};
    for (const joust::item_key item : items) {
        for (std::uint8_t r = 0; r < all.size(); ++r) {
            const auto at = std::find(all[r].begin(), all[r].end(), item);
            if (at != all[r].end()) {
                out.push({static_cast<std::uint32_t>(at - all[r].begin()), joust::no_pair, r, no_team});
                break;
            }
        }
    }
    return out;
}

}  // namespace

TEST_CASE("a click credits each ranker with the probability that it drew the item")
{
    // Of 1, 1/8 and 1/27: the first slot is 8 to 1; then what is left is weighed anew.
    const list_set all{{1, 2, 3}, {2, 1, 3}};
    credit_shares shares;
    probabilistic{}.share_credit(views(all), slate_of(all, {1, 2, 3}), shares);
    CHECK(std::fabs(shares.at(0, 0) - 8.0 / 9) < 1e-15);
    const double a = (1.0 / 8) / (1.0 / 8 + 1.0 / 27);
    const double b = 1.0 / (1.0 + 1.0 / 27);
    CHECK(std::fabs(shares.at(1, 0) - a / (a + b)) < 1e-15);
    CHECK(shares.at(2, 0) == 0.5);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(std::fabs(shares.at(i, 0) + shares.at(i, 1) - 1.0) < 1e-15);
    }
}

TEST_CASE("an item that a list does not hold ranks right after its end")
{
    // For the champion: 1, and 1/8 for each of 2 and 3. For the challenger: 1, 1/8, and 1/27 for 1.
    const list_set all{{1}, {2, 3}};
    credit_shares shares;
    probabilistic{}.share_credit(views(all), slate_of(all, {2, 1}), shares);
    const double a = (1.0 / 8) / (1.0 + 2.0 / 8);
    const double b = 1.0 / (1.0 + 1.0 / 8 + 1.0 / 27);
    CHECK(std::fabs(shares.at(0, 0) - a / (a + b)) < 1e-15);
    // A ranker without a list draws any item.
    const list_set empty{{1, 2}, {}};
    probabilistic{}.share_credit(views(empty), slate_of(empty, {1}), shares);
    CHECK(std::fabs(shares.at(0, 1) - 0.5 / (0.5 + 8.0 / 9)) < 1e-15);
}

TEST_CASE("tau 0 makes all rankers alike, and a large tau makes them draft their best items")
{
    const list_set all{{1, 2, 3}, {3, 2, 1}};
    credit_shares shares;
    probabilistic{.tau = 0.0}.share_credit(views(all), slate_of(all, {1, 2, 3}), shares);
    CHECK(shares.at(0, 0) == 0.5);
    probabilistic{.tau = 32.0}.share_credit(views(all), slate_of(all, {1, 2, 3}), shares);
    CHECK(shares.at(0, 0) > 1.0 - 1e-15);
    CHECK(shares.at(1, 0) > 1.0 - 1e-9);
    probabilistic{.tau = 2.5}.share_credit(views(all), slate_of(all, {1, 2, 3}), shares);
    CHECK(std::fabs(shares.at(0, 0) - 1.0 / (1.0 + std::pow(3.0, -2.5))) < 1e-15);

    joust::keyed_random coins{1, 1};
    draft out{2};
    for (const double tau :
         {-1.0, 32.5, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS((probabilistic{.tau = tau}.validate()), joust::configuration_error);
        CHECK_THROWS_AS((probabilistic{.tau = tau}.interleave(views(all), coins, out)),
                        joust::configuration_error);
    }
}

TEST_CASE("the rest of a list is drawn with the same tau when its first items are shown")
{
    // With tau = 30 the third item is 5e-15 of the first and still 5,000 times as likely as the fourth.
    const list_set all{{1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4, 5, 6, 7, 8}};
    unsigned out_of_order = 0;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        joust::keyed_random coins{seed, 1};
        draft out{3};
        probabilistic{.tau = 30.0}.arrange(views(all), coins, out);
        for (std::uint32_t i = 0; i < 3; ++i) {
            out_of_order += out[i].index == i ? 0u : 1u;
        }
    }
    CHECK(out_of_order <= 1);
}

TEST_CASE("very long lists with a steep tau are drawn to the end")
{
    list_set all(2);
    for (joust::item_key d = 0; d < 3000; ++d) {
        all[0].push_back(d);
        all[1].push_back(2999 - d);
    }
    joust::keyed_random coins{1, 1};
    draft out{3000};
    probabilistic{.tau = 32.0}.arrange(views(all), coins, out);
    CHECK(out.size() == 3000);
    credit_shares shares;
    probabilistic{.tau = 32.0}.share_credit(views(all), out, shares);
    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < 3000; ++i) {
        wrong += std::fabs(shares.at(i, 0) + shares.at(i, 1) - 1.0) < 1e-12 ? 0u : 1u;
    }
    CHECK(wrong == 0);
}

TEST_CASE("the probabilities of a preference, computed by hand")
{
    credit_shares shares;
    shares.restart(3, 2);
    const double rows[3][2] = {{0.25, 0.75}, {0.5, 0.5}, {1.0, 0.0}};
    for (std::size_t i = 0; i < 3; ++i) {
        shares.at(i, 0) = rows[i][0];
        shares.at(i, 1) = rows[i][1];
    }
    const auto nothing = joust::chances_of_preference(shares, 0, 1);
    CHECK(nothing.neither == 1.0);
    CHECK(nothing.challenger == 0.0);
    const auto first = joust::chances_of_preference(shares, 0b001, 1);
    CHECK(first.challenger == 0.75);
    CHECK(first.champion == 0.25);
    CHECK(first.neither == 0.0);
    const auto two = joust::chances_of_preference(shares, 0b011, 1);
    CHECK(two.challenger == 0.375);
    CHECK(two.champion == 0.125);
    CHECK(two.neither == 0.5);
    const auto all = joust::chances_of_preference(shares, 0b111, 1);
    CHECK(all.challenger == 0.375);  // two of the first two, against the third
    CHECK(all.champion == 0.625);
    CHECK(joust::chances_of_preference(shares, ~std::uint64_t{0}, 1).champion == 0.625);
    CHECK(joust::chances_of_preference(shares, 0b111, 1, 1).neither == 1.0);
}

TEST_CASE("all 64 clicks of a long slate are counted")
{
    credit_shares shares;
    shares.restart(70, 2);
    for (std::size_t i = 0; i < 70; ++i) {
        shares.at(i, 0) = 0.5;
        shares.at(i, 1) = 0.5;
    }
    const auto found = joust::chances_of_preference(shares, ~std::uint64_t{0}, 1);
    CHECK(std::fabs(found.neither - 0.0993467537) < 1e-9);  // C(64, 32) / 2^64
    CHECK(std::fabs(found.challenger - found.champion) < 1e-15);
    CHECK(std::fabs(found.challenger + found.champion + found.neither - 1.0) < 1e-14);
    for (std::size_t i = 0; i < 70; ++i) {
        shares.at(i, 0) = 0.0;
        shares.at(i, 1) = 1.0;
    }
    CHECK(joust::chances_of_preference(shares, ~std::uint64_t{0}, 1).challenger == 1.0);
    CHECK(joust::chances_of_preference(shares, ~std::uint64_t{0}, 0, 1).champion == 1.0);
}

TEST_CASE("the same seed and request draft the same probabilistic slate on every platform")
{
    const list_set all{{1, 2, 3, 4, 5, 6}, {6, 1, 7, 8, 2, 9}, {5, 9, 3, 10, 11, 12}};
    joust::keyed_random coins{42, 7};
    draft out{9};
    probabilistic{}.interleave(views(all), coins, out);
    std::string text;
    for (const slot& s : out) {
        text += std::to_string(all[s.ranker][s.index]) +
                (s.team == no_team ? '-' : static_cast<char>('A' + s.team)) + ' ';
    }
    CHECK(text == "6B 5C 2A 1A 3A 9A 4A 7B 8B ");
}

TEST_CASE("a page of two short lists is drawn without asking for memory")
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
    probabilistic{}.interleave(spans, coins, out);
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE("probabilistic is an interleaver with shares and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<probabilistic>);
    STATIC_REQUIRE(joust::shares_credit<probabilistic>);
    STATIC_REQUIRE(probabilistic{} == probabilistic{.tau = 3.0});
    STATIC_REQUIRE_FALSE(probabilistic{} == probabilistic{.tau = 2.0});
}
