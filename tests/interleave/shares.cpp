// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/shares.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/enumerator.hpp"

#include <array>
#include <cmath>

using joust::credit_shares;
using joust::draft;
using joust::no_pair;
using joust::no_team;

namespace {

draft arranged(std::size_t length)
{
    draft out{length};
    for (std::size_t i = 0; i < length; ++i) {
        out.push({static_cast<std::uint32_t>(i), no_pair, 0, no_team});
    }
    return out;
}

struct halves {
    void share_credit(joust::rankings lists, const draft& shown, credit_shares& out) const
    {
        out.restart(shown.size(), static_cast<unsigned>(lists.size()));
    }
    static double bound(std::size_t, std::size_t) { return 1.0; }
};
struct without_bound {
    void share_credit(joust::rankings lists, const draft& shown, credit_shares& out) const;
};
struct shares_by_value {
    credit_shares share_credit(joust::rankings lists, const draft& shown) const;
};

}  // namespace

TEST_CASE("shares begin as zeros and keep what is written, at any size")
{
    STATIC_REQUIRE(joust::shares_credit<halves>);
    STATIC_REQUIRE_FALSE(joust::shares_credit<shares_by_value>);
    STATIC_REQUIRE_FALSE(joust::shares_credit<without_bound>);
    credit_shares shares;
    CHECK(shares.positions() == 0);
    CHECK(shares.rankers() == 0);
    for (const std::size_t positions : {0u, 3u, 64u, 65u, 1000u, 2u}) {
        for (const unsigned rankers : {0u, 1u, 2u, 4u, 15u}) {
            shares.restart(positions, rankers);
            double sum = 0.0;
            for (std::size_t i = 0; i < positions; ++i) {
                for (unsigned r = 0; r < rankers; ++r) {
                    sum += shares.at(i, r);
                    shares.at(i, r) = static_cast<double>(i) + 0.01 * r;
                }
            }
            CHECK(sum == 0.0);
            if (positions > 0 && rankers > 0) {
                const credit_shares copy = shares;
                CHECK(copy.at(positions - 1, rankers - 1) ==
                      static_cast<double>(positions - 1) + 0.01 * (rankers - 1));
                CHECK(copy.at(positions - 1).size() == rankers);
                CHECK(copy.at(positions - 1)[rankers - 1] == copy.at(positions - 1, rankers - 1));
            }
        }
    }
}

TEST_CASE("teams are drawn so that the expected credit of a click has the differences of the shares")
{
    credit_shares shares;
    shares.restart(3, 3);
    const std::array<std::array<double, 3>, 3> table{{{0.5, 0.25, 0.0}, {0.3, 0.3, 0.3}, {0.1, 0.2, 0.9}}};
    for (std::size_t i = 0; i < 3; ++i) {
        for (unsigned r = 0; r < 3; ++r) {
            shares.at(i, r) = table[i][r];
        }
    }
    const double bound = 2.0;
    std::array<std::array<long double, 3>, 3> drawn{};
    long double total = 0.0L;
    joust_test::enumerator coins;
    while (coins.next()) {
        draft out = arranged(3);
        joust::detail::draw_teams(shares, bound, coins, out);
        total += coins.chance();
        REQUIRE(out.size() == 3);
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(out[i].index == i);
            if (out[i].team != no_team) {
                drawn[i][out[i].team] += coins.chance();
            }
        }
    }
    CHECK(std::fabs(total - 1.0L) < 1e-15L);
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t r = 1; r < 3; ++r) {
            const double expected = (table[i][r] - table[i][0]) / bound;
            CHECK(std::fabs(static_cast<double>(drawn[i][r] - drawn[i][0]) - expected) < 1e-15);
        }
    }
    // What all have in common draws no coin at all.
    CHECK(drawn[1][0] + drawn[1][1] + drawn[1][2] == 0.0L);
}

TEST_CASE("drawing teams keeps the length asked for and longer slates than fit inside")
{
    for (const std::size_t length : {0u, 1u, 64u, 65u, 300u}) {
        draft out = arranged(length);
        credit_shares shares;
        shares.restart(length, 2);
        for (std::size_t i = 0; i < length; ++i) {
            shares.at(i, 1) = 1.0;
        }
        joust::keyed_random coins{1, length};
        joust::detail::draw_teams(shares, 1.0, coins, out);
        CHECK(out.length() == length);
        CHECK(out.size() == length);
        for (const joust::slot& s : out) {
            CHECK(s.team == 1);
        }
    }
}

TEST_CASE("a source with pick() is asked for the index, and from any other source 53 bits are drawn")
{
    STATIC_REQUIRE(joust::weighted_coin_source<joust_test::enumerator>);
    STATIC_REQUIRE(joust::weighted_coin_source<joust_test::scripted>);
    STATIC_REQUIRE_FALSE(joust::weighted_coin_source<joust::keyed_random>);
    const std::array<double, 4> weights{0.0, 1.0, 0.0, 3.0};
    joust_test::scripted second{{{1, 2}}};
    CHECK(joust::detail::draw_weighted(second, weights) == 3);

    joust::keyed_random coins{5, 5};
    std::array<unsigned, 4> seen{};
    for (int i = 0; i < 40'000; ++i) {
        ++seen[joust::detail::draw_weighted(coins, weights)];
    }
    CHECK(seen[0] + seen[2] == 0);
    // 10,000 expected, with a standard deviation of 87.
    CHECK(seen[1] > 9'500);
    CHECK(seen[1] < 10'500);
}

TEST_CASE("rounding never draws an index with the weight 0")
{
    struct largest {
        bool coin() { return true; }
        unsigned below(unsigned n) { return n - 1; }
    };
    struct smallest {
        bool coin() { return false; }
        unsigned below(unsigned) { return 0; }
    };
    largest top;
    smallest bottom;
    CHECK(joust::detail::draw_uniform(top) == 1.0 - 0x1p-53);
    CHECK(joust::detail::draw_uniform(bottom) == 0.0);
    const std::array<double, 5> weights{0.0, 0.1, 0.7, 0.2, 0.0};
    CHECK(joust::detail::draw_weighted(top, weights) == 3);
    CHECK(joust::detail::draw_weighted(bottom, weights) == 1);
    // Half of the probability belongs to each of two equal weights, the middle to the second.
    struct middle {
        bool coin() { return true; }
        unsigned below(unsigned n) { return n == 1U << 26 ? n / 2 : 0; }
    };
    middle half;
    CHECK(joust::detail::draw_uniform(half) == 0.5);
    CHECK(joust::detail::draw_weighted(half, std::array<double, 2>{1.0, 1.0}) == 1);
    // A sum stated too large by rounding falls to the last one that has weight.
    CHECK(joust::detail::draw_weighted(top, weights, 1.5) == 3);
}

TEST_CASE("the shares of a page of two rankers need no memory")
{
    const draft page = arranged(64);
    const long before = joust_tests::allocations();
    credit_shares shares;
    shares.restart(page.size(), 4);
    shares.at(63, 3) = 1.0;
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE("centred shares keep the differences divided by the bound, and the smallest share becomes 0")
{
    credit_shares shares;
    shares.restart(2, 3);
    const double given[2][3] = {{0.5, 0.25, 1.0}, {0.75, 0.75, 0.75}};
    for (std::size_t i = 0; i < 2; ++i) {
        for (unsigned r = 0; r < 3; ++r) {
            shares.at(i, r) = given[i][r];
        }
    }
    shares.centre(2.0);
    CHECK(shares.at(0, 0) == 0.125);
    CHECK(shares.at(0, 1) == 0.0);
    CHECK(shares.at(0, 2) == 0.375);
    for (unsigned r = 0; r < 3; ++r) {
        CHECK(shares.at(1, r) == 0.0);
    }
    credit_shares none;
    none.centre(1.0);
    CHECK(none.positions() == 0);
}
