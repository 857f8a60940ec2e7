// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/coin_tape.hpp>

#include "catch.hpp"
#include "interleave/enumerator.hpp"

using namespace joust::detail;
using joust::keyed_random;

TEST_CASE(
    "coins seen ahead are the coins that are tossed, and taking some leaves the stream as tossing them does")
{
    keyed_random random{7, 7};
    std::uint64_t different = 0;
    for (int repeat = 0; repeat < 5'000; ++repeat) {
        keyed_random seen{1, random.next()};
        // Streams in every state: fresh, within a word, with a second word in store.
        for (std::uint64_t i = random.below(3); i > 0; --i) {
            (void)seen.next();
        }
        for (std::uint64_t i = random.below(130); i > 0; --i) {
            (void)seen.coin();
        }
        for (std::uint64_t i = random.below(3); i > 0; --i) {
            (void)seen.next();
        }
        keyed_random tossed = seen;
        const coins_ahead ahead{seen};
        const auto count = static_cast<unsigned>(random.below(65));
        for (unsigned i = 0; i < count; ++i) {
            different += tossed.coin() == ((ahead.bits() >> i & 1U) != 0) ? 0u : 1u;
        }
        ahead.take(seen, count);
        different += seen == tossed && seen.next() == tossed.next() && seen.coin() == tossed.coin() ? 0u : 1u;
    }
    CHECK(different == 0);
}

TEST_CASE("a tape tosses only as many coins as are wanted")
{
    keyed_random random{8, 8};
    std::uint64_t different = 0;
    for (int repeat = 0; repeat < 200; ++repeat) {
        keyed_random taped{2, random.next()};
        keyed_random tossed = taped;
        {
            coin_tape<keyed_random> tape{taped};
            for (std::uint64_t i = random.below(300); i > 0; --i) {
                const bool wanted = random.coin();
                different += tape.next_if(wanted) == (wanted && tossed.coin()) ? 0u : 1u;
            }
        }
        different += taped == tossed ? 0u : 1u;
    }
    CHECK(different == 0);
}

TEST_CASE("a tape of any other source asks it for the wanted coins alone")
{
    joust_test::scripted source{{{1, 2}, {0, 2}, {1, 2}}};
    coin_tape<joust_test::scripted> tape{source};
    CHECK_FALSE(tape.next_if(false));
    CHECK(tape.next_if(true));
    CHECK_FALSE(tape.next_if(true));
    CHECK_FALSE(tape.next_if(false));
    CHECK(tape.next_if(true));
    CHECK(source.used() == 3);
}

TEST_CASE("a word of coins counts the coins that were wanted")
{
    word_tape tape{0b1011};
    CHECK(tape.next_if(true));
    CHECK_FALSE(tape.next_if(false));
    CHECK(tape.next_if(true));
    CHECK_FALSE(tape.next_if(true));
    CHECK(tape.next_if(true));
    CHECK(tape.used() == 4);
}
