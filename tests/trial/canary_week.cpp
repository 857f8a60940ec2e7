// SPDX-License-Identifier: Apache-2.0

#include "catch.hpp"
#include "soak/week.hpp"

// The short form of `./dev soak`.
TEST_CASE("a week of traffic in four threads: each request is counted, and harm in its last tenth is stopped",
          "[concurrent]")
{
    const joust_soak::outcome seen = joust_soak::week(200'000, 4);
    CHECK(seen.counted == seen.served);
    CHECK(seen.promoted_at > 0);
    CHECK(seen.promoted_at < seen.harmful_from);
    CHECK(seen.rolled_back_at >= seen.harmful_from);
    CHECK(seen.looks_kept <= 200);
}
