// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/coins.hpp>

#include "catch.hpp"
#include "interleave/enumerator.hpp"

namespace {

struct no_coins {
    bool coin();
};
struct weighted {
    double coin();
    unsigned below(unsigned n);
};

}  // namespace

TEST_CASE("coins come from the keyed generator, an enumerator or a script")
{
    STATIC_REQUIRE(joust::coin_source<joust::keyed_random>);
    STATIC_REQUIRE(joust::coin_source<joust_test::enumerator>);
    STATIC_REQUIRE(joust::coin_source<joust_test::scripted>);
    STATIC_REQUIRE_FALSE(joust::coin_source<no_coins>);
    STATIC_REQUIRE_FALSE(joust::coin_source<weighted>);
}

TEST_CASE("the enumerator visits every path once and its probabilities sum to one")
{
    joust_test::enumerator coins;
    joust_test::integer sum = 0;
    std::vector<std::vector<joust_test::choice>> paths;
    while (coins.next()) {
        // A tree of uneven depth: tails stops, heads draws one of three, the last of which tosses again.
        if (coins.coin() && coins.below(3) == 2) {
            (void)coins.coin();
        }
        sum += coins.probability();
        for (const auto& earlier : paths) {
            REQUIRE(earlier != coins.path());
        }
        paths.push_back(coins.path());
    }
    CHECK(paths.size() == 1 + 2 + 2);
    CHECK(sum == joust_test::enumerator::whole);
}

TEST_CASE("without a coin there is one path, of probability one")
{
    joust_test::enumerator coins;
    REQUIRE(coins.next());
    CHECK(coins.probability() == joust_test::enumerator::whole);
    CHECK_FALSE(coins.next());
}
