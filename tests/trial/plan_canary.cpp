// SPDX-License-Identifier: Apache-2.0

#include <joust/report/write.hpp>
#include <joust/trial/plan_canary.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>

using namespace joust;

namespace {

auto planned_trial()
{
    return canary{model{"old", [](std::uint64_t) { return 1; }},
                  model{"new", [](std::uint64_t) { return 2; }},
                  by([](std::uint64_t unit) { return unit; }),
                  hash_split{.salt = "planned"},
                  guardrail(conversion<"right">{}, {.max_decrease = 0.02}),
                  ramp{.shares = {0.05, 0.5, 1.0}}};
}

}  // namespace

TEST_CASE("a canary foretells its rollout from its own ramp and guardrails")
{
    const auto trial = planned_trial();
    const canary_forecast foretold = trial.plan(expected_traffic{
        .requests_per_second = 100.0, .levels = {{"right", 0.8}, {"failures", 0.01}}, .rollouts = 100});
    REQUIRE(foretold.outlook.state == status::ok);
    REQUIRE(foretold.plan.guardrails.size() == 2);
    CHECK(foretold.plan.guardrails[0].name == "right");
    CHECK(foretold.plan.guardrails[0].exclude.increase == 0.02);
    CHECK(foretold.plan.guardrails[1].name == "failures");
    CHECK(foretold.plan.guardrails[1].level == 0.01);
    CHECK(foretold.plan.guardrails[1].exclude.increase == 0.005);
    CHECK(foretold.plan.guardrails[1].exclude.ratio == 1.5);
    REQUIRE(foretold.outlook.stages.size() == 2);
    CHECK(foretold.outlook.stages[0].share == 0.05);
    CHECK(foretold.outlook.equal.shipped > 0.9);
    for (const auto& harmful : foretold.outlook.harmful) {
        CHECK(harmful.shipped <= 0.05);
    }
    std::string text;
    foretold.write(text, style::table);
    CHECK_THAT(text, ContainsSubstring("How rollouts end"));
}

TEST_CASE("a plan says which stage has too few units")
{
    const auto trial = planned_trial();
    const canary_forecast foretold = trial.plan(expected_traffic{
        .requests_per_second = 100.0, .units = 2'000, .levels = {{"right", 0.8}}, .rollouts = 100});
    CHECK_FALSE(foretold.outlook.stages[0].feasible());
    CHECK(foretold.outlook.equal.shipped < 0.5);
}

TEST_CASE("a plan needs the level of every metric that has no default")
{
    const auto trial = planned_trial();
    CHECK_THROWS_AS(trial.plan(expected_traffic{.rollouts = 100}), configuration_error);
}
