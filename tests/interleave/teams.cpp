// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/teams.hpp>

#include "catch.hpp"

using joust::draft;
using joust::no_team;
using joust::slate_teams;

TEST_CASE("one word reaches 32, 21 or 16 slots")
{
    CHECK(slate_teams::reach(1) == 32);
    CHECK(slate_teams::reach(3) == 32);
    CHECK(slate_teams::reach(4) == 21);
    CHECK(slate_teams::reach(7) == 21);
    CHECK(slate_teams::reach(8) == 16);
    CHECK(slate_teams::reach(15) == 16);
}

TEST_CASE("teams survive packing, for every number of rankers")
{
    joust::keyed_random random{3, 14};
    for (unsigned rankers = 1; rankers <= 15; ++rankers) {
        const std::size_t reach = slate_teams::reach(rankers);
        for (const std::size_t length :
             {std::size_t{0}, std::size_t{1}, reach - 1, reach, reach + 1, std::size_t{63}}) {
            draft out{length};
            while (!out.full()) {
                const auto team = static_cast<std::uint8_t>(random.below(rankers + 1));
                out.push({0, joust::no_pair, 0, team == rankers ? no_team : team});
            }
            const slate_teams packed = slate_teams::of(out, rankers);
            const slate_teams read{packed.word(), packed.length(), rankers};
            REQUIRE(read == packed);
            REQUIRE(read.length() == length);
            bool same = true;
            std::uint64_t masks[16] = {};
            for (std::size_t i = 0; i < length; ++i) {
                same = same && read.team(i) == (i < reach ? out[i].team : no_team);
                if (read.team(i) != no_team) {
                    masks[read.team(i)] |= std::uint64_t{1} << i;
                }
            }
            for (std::uint8_t r = 0; r < rankers; ++r) {
                same = same && read.positions_of(r) == masks[r];
            }
            REQUIRE(same);
        }
    }
}

TEST_CASE("any word is readable: positions not shown, and codes that no ranker has, give no credit")
{
    const slate_teams codes{0b11'10'01'00, 4, 2};
    CHECK(codes.team(0) == 0);
    CHECK(codes.team(1) == 1);
    CHECK(codes.team(2) == no_team);  // a third ranker does not exist
    CHECK(codes.team(3) == no_team);
    CHECK(codes.team(4) == no_team);
    CHECK(codes.team(~std::size_t{0}) == no_team);
    joust::keyed_random random{1, 1};
    for (int i = 0; i < 1000; ++i) {
        const unsigned rankers = static_cast<unsigned>(random.below(40));
        const slate_teams any{random.next(), static_cast<std::size_t>(random.next()), rankers};
        for (std::size_t position = 0; position < 70; ++position) {
            const std::uint8_t team = any.team(position);
            REQUIRE((team == no_team || team < rankers));
        }
    }
}
