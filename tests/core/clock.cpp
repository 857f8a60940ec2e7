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

TEST_CASE("The wall clock is in this century")
{
    CHECK(joust::wall_seconds() > 1'700'000'000U);
    CHECK(joust::wall_seconds() < 4'102'444'800U);
}

}  // namespace
