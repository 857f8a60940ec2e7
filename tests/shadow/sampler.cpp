// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/sampler.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

TEST_CASE("sampled is a pure function of the unit, and its values never change")
{
    const joust::sampled half{.rate = 0.5};
    std::uint64_t pattern = 0;
    for (std::uint64_t unit = 0; unit < 64; ++unit) {
        pattern = pattern * 2 + (half.sample(unit) ? 1 : 0);
    }
    // Changing these bits changes which users are shadowed in every deployment.
    CHECK(pattern == 0x9ec9492623df26cdU);
}

TEST_CASE("sampled takes the stated share of units")
{
    const double rate = GENERATE(0.01, 0.1, 0.5, 0.9);
    const joust::sampled some{.rate = rate};
    constexpr int units = 200'000;
    int taken = 0;
    for (int unit = 0; unit < units; ++unit) {
        taken += some.sample(joust::mix64(static_cast<std::uint64_t>(unit) + 1'000'000)) ? 1 : 0;
    }
    const double deviation = (taken - rate * units) / std::sqrt(units * rate * (1.0 - rate));
    CHECK(std::fabs(deviation) < 3.5);
}

TEST_CASE("sampled takes no unit at rate 0 and every unit at rate 1")
{
    for (std::uint64_t unit = 0; unit < 10'000; ++unit) {
        REQUIRE_FALSE(joust::sampled{.rate = 0.0}.sample(unit));
        REQUIRE(joust::sampled{.rate = 1.0}.sample(unit));
        REQUIRE(joust::all_requests{}.sample(unit));
    }
}

TEST_CASE("Raising the rate keeps every unit that was sampled")
{
    for (std::uint64_t unit = 0; unit < 20'000; ++unit) {
        if (joust::sampled{.rate = 0.1}.sample(unit)) {
            REQUIRE(joust::sampled{.rate = 0.3}.sample(unit));
        }
    }
}

TEST_CASE("Whether a unit is sampled does not depend on its half of the hash space")
{
    const joust::sampled some{.rate = 0.2};
    int counts[2][2] = {};
    for (std::uint64_t i = 0; i < 200'000; ++i) {
        const std::uint64_t hash = joust::mix64(i * 0x9e3779b97f4a7c15U + 12345);
        ++counts[some.sample(hash) ? 1 : 0][(hash >> 63) != 0 ? 1 : 0];
    }
    const double in = counts[1][0] + counts[1][1];
    const double deviation = (counts[1][1] - in / 2.0) / std::sqrt(in / 4.0);
    CHECK(std::fabs(deviation) < 3.5);
}

TEST_CASE("sampled refuses a rate outside 0 to 1 with the field, the value and what is allowed")
{
    CHECK_NOTHROW(joust::sampled{.rate = 0.0}.validate());
    CHECK_NOTHROW(joust::sampled{.rate = 1.0}.validate());
    for (const double rate :
         {-0.1, 1.5, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS(joust::sampled{.rate = rate}.validate(), joust::configuration_error);
    }
    try {
        joust::sampled{.rate = 1.5}.validate();
        FAIL("accepted");
    } catch (const joust::configuration_error& error) {
        CHECK(error.field() == "sampled.rate");
        CHECK(error.value() == "1.5");
        CHECK(error.allowed() == "a share of units from 0 to 1");
    }
}
