// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/ranking.hpp>

#include "catch.hpp"

#include <vector>

TEST_CASE("any contiguous list of keys is a ranking")
{
    const std::vector<joust::item_key> keys{3, 1, 2};
    const joust::ranking list{keys};
    const joust::ranking both[] = {list, list};
    const joust::rankings all{both};
    CHECK(all.size() == 2);
    CHECK(all[1].size() == 3);
    CHECK(all[0][0] == 3);
    STATIC_REQUIRE(joust::no_team >= joust::max_rankers);
}
