// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"
#include "sanitized.hpp"

#include <cstdint>
#include <string>

using namespace joust;

namespace {

struct request {
    std::uint64_t household = 0;
    std::uint64_t member = 0;
};

/// Compare two identical models where the five members of a household behave alike. Returns whether the test finds a
/// difference.
template <class Key>
bool told_apart(Key key, std::uint64_t run)
{
    constexpr int households = 300;
    constexpr int members = 5;
    ab_test trial{model{"old", [](const request&) { return 0; }},
                  model{"new", [](const request&) { return 1; }},
                  by(key),
                  hash_split{.salt = "households-" + std::to_string(run)},
                  mean<"use">{},
                  untimed{},
                  fixed_horizon{.units = households * members}};
    keyed_random random{8, run};
    for (std::uint64_t h = 0; h < households; ++h) {
        const double level = 2.0 * random.normal();
        for (std::uint64_t m = 0; m < members; ++m) {
            const auto served = trial.serve(request{h, h * members + m});
            trial.template observe<"use">(served.ticket, level + random.normal());
        }
    }
    return trial.report().decision != verdict::keep_testing;
}

}  // namespace

TEST_CASE("all members of a household get one model, and units are households")
{
    ab_test trial{model{"old", [](const request&) { return 0; }},
                  model{"new", [](const request&) { return 1; }}, by(&request::household),
                  conversion<"click">{}, untimed{}};
    for (std::uint64_t h = 0; h < 500; ++h) {
        const int first = trial(request{h, 0});
        for (std::uint64_t m = 1; m < 4; ++m) {
            REQUIRE(trial(request{h, m}) == first);
        }
    }
    const report r = trial.report();
    CHECK(r.arms[0].units + r.arms[1].units == Approx(500.0).margin(30.0));
    CHECK(r.arms[0].requests + r.arms[1].requests == 2'000);
}

TEST_CASE(
    "households that are randomised whole are judged as households: equal models are told apart as rarely as promised")
{
    constexpr std::uint64_t runs = joust_tests::sanitized ? 20 : 200;
    int by_household = 0;
    for (std::uint64_t run = 0; run < runs; ++run) {
        by_household += told_apart([](const request& r) { return r.household; }, run) ? 1 : 0;
    }
    CHECK(by_household <=
          (joust_tests::sanitized ? 5 : 20));  // 5 % of 200 is 10; more than 20 once in a thousand times
}
