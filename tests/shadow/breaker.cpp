// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/breaker.hpp>

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct doubling {  // a user's own breaker: twice the pause after each failed probe
    [[nodiscard]] std::chrono::nanoseconds pause_after(std::uint32_t in_a_row) const noexcept
    {
        return in_a_row < 3 ? 0ns : std::chrono::nanoseconds{100} * (1 << (in_a_row - 3));
    }
};

}  // namespace

TEST_CASE("A breaker pauses after so many failures in a row, not in sum")
{
    joust::breaker_state state{joust::breaker{.failures = 3, .pause = 100ns}};
    for (int i = 0; i < 10; ++i) {
        state.failure(0);
        state.failure(0);
        state.success();
        REQUIRE(state.allow(0));
    }
    CHECK(state.opened() == 0);
    state.failure(10);
    state.failure(10);
    CHECK(state.allow(10));
    state.failure(10);
    CHECK_FALSE(state.allow(10));
    CHECK(state.paused(10));
    CHECK_FALSE(state.allow(109));
    CHECK(state.opened() == 1);
}

TEST_CASE("After the pause one request probes: success closes the breaker, failure begins the next pause")
{
    joust::breaker_state state{joust::breaker{.failures = 2, .pause = 100ns}};
    state.failure(0);
    state.failure(0);
    REQUIRE(state.allow(100));
    CHECK_FALSE(state.allow(100));  // the probe is under way
    state.failure(150);
    CHECK_FALSE(state.allow(249));
    REQUIRE(state.allow(250));
    state.success();
    CHECK(state.allow(251));
    CHECK(state.allow(251));
    CHECK(state.opened() == 1);
}

TEST_CASE("A probe that gets lost costs one more pause, not the challenger")
{
    joust::breaker_state state{joust::breaker{.failures = 1, .pause = 100ns}};
    state.failure(0);
    REQUIRE(state.allow(100));
    CHECK_FALSE(state.allow(199));
    CHECK(state.allow(200));
}

TEST_CASE("A user's own policy may lengthen its pauses")
{
    joust::breaker_state state{doubling{}};
    for (int i = 0; i < 3; ++i) {
        state.failure(0);
    }
    REQUIRE(state.allow(100));
    state.failure(100);
    CHECK_FALSE(state.allow(299));
    CHECK(state.allow(300));
    STATIC_REQUIRE(joust::breaker_role::plays<doubling>);
    STATIC_REQUIRE(joust::breaker_role::plays<joust::breaker>);
}

TEST_CASE("Without a breaker nothing is ever paused")
{
    joust::breaker_state state{joust::no_breaker{}};
    for (int i = 0; i < 1'000; ++i) {
        state.failure(i);
        REQUIRE(state.allow(i));
    }
}

TEST_CASE("A pause at the end of the clock's range does not overflow")
{
    joust::breaker_state state{joust::breaker{.failures = 1, .pause = std::chrono::hours{24}}};
    state.failure(INT64_MAX - 5);
    CHECK_FALSE(state.allow(INT64_MAX - 1));
}

TEST_CASE("Breaker options out of range are refused")
{
    CHECK_NOTHROW(joust::breaker{}.validate());
    CHECK_THROWS_AS((joust::breaker{.failures = 0}.validate()), joust::configuration_error);
    CHECK_THROWS_AS((joust::breaker{.failures = 1, .pause = 0ns}.validate()), joust::configuration_error);
}

TEST_CASE("Of many threads exactly one becomes the probe of a pause", "[concurrent]")
{
    joust::breaker_state state{joust::breaker{.failures = 1, .pause = 100ns}};
    state.failure(0);
    for (std::int64_t round = 1; round <= 50; ++round) {
        std::atomic<int> probes{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] { probes += state.allow(round * 1'000) ? 1 : 0; });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        REQUIRE(probes.load() == 1);
    }
}
