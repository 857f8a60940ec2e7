// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>

#include "catch.hpp"

namespace {

TEST_CASE("The steady clock never runs backwards")
{
    const joust::steady_time clock;
    auto before = clock.now();
    for (int i = 0; i < 1000; ++i) {
        const auto after = clock.now();
        REQUIRE(after >= before);
        before = after;
    }
}

TEST_CASE("A manual clock stands still until it is moved, and its copied handles follow it")
{
    joust::manual_time clock;
    const auto handle = clock.view();
    const auto copy = handle;
    CHECK(copy.now() == 0);
    clock.advance(1'500);
    CHECK(handle.now() == 1'500);
    CHECK(copy.now() == 1'500);
}

TEST_CASE("The wall clock counts milliseconds and is in this century")
{
    const auto now = joust::wall_milliseconds();
    CHECK(now > 1'700'000'000'000U);
    CHECK(now < 4'102'444'800'000U);
}

TEST_CASE("A type that returns nanoseconds without throwing is a clock, and no other type is")
{
    struct throwing {
        std::int64_t now() const { return 0; }
    };
    struct seconds {
        int now() const noexcept { return 0; }
    };
    STATIC_REQUIRE(joust::clock_policy<joust::steady_time>);
    STATIC_REQUIRE(joust::clock_policy<joust::manual_time::handle>);
    STATIC_REQUIRE_FALSE(joust::clock_policy<throwing>);
    STATIC_REQUIRE_FALSE(joust::clock_policy<seconds>);
}

}  // namespace
