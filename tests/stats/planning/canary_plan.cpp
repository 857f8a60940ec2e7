// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/planning/canary_plan.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::excluded_harm;
using stats::planned_canary;
using stats::watched;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Failures of 1 % under the default ramp, ten requests a second, few rollouts.
planned_canary failures_alone(std::size_t rollouts)
{
    planned_canary plan;
    plan.guardrails.push_back(
        {.name = "failures", .level = 0.01, .exclude = {0.005, 1.5}, .harm = {.ratio = 5.0}});
    plan.stages = {{0.01}, {0.05}, {0.25}, {0.5}, {1.0}};
    plan.requests_per_second = 10.0;
    plan.longest_days = 0.4;
    plan.rollouts = rollouts;
    return plan;
}

}  // namespace

TEST_CASE("A stage excludes the harm that the next share would make as large as shipping at the exclusion")
{
    constexpr excluded_harm exclude{0.005, 1.5};
    constexpr std::array stages{std::pair{0.05, excluded_harm{0.1, 11.0}},
                                std::pair{0.25, excluded_harm{0.02, 3.0}},
                                std::pair{0.5, excluded_harm{0.01, 2.0}}, std::pair{1.0, exclude}};
    for (const auto& [next, want] : stages) {
        CHECK(stats::stage_harm(exclude, next).increase == Catch::Approx(want.increase).epsilon(1e-14));
        CHECK(stats::stage_harm(exclude, next).ratio == Catch::Approx(want.ratio).epsilon(1e-14));
    }
    CHECK(stats::stage_harm({.ratio = 1.2}, 0.05).ratio == Catch::Approx(5.0));
    CHECK(std::isnan(stats::stage_harm({.ratio = 1.2}, 0.05).increase));
    CHECK(std::isnan(stats::stage_harm(exclude, 0.0).increase));
    CHECK(std::isnan(stats::stage_harm(exclude, 1.5).ratio));
}

TEST_CASE("The requests until a harm is excluded follow the evidence of a request")
{
    const auto requests = [](double p, double s, excluded_harm harm) {
        return stats::plan_exclusion({.champion_rate = p, .share = s, .harm = harm}).requests;
    };
    // Computed by another program from the formulas.
    CHECK(requests(0.01, 0.05, {.increase = 0.005}) == Catch::Approx(4'790).epsilon(0.005));
    CHECK(requests(0.1, 0.05, {.increase = 0.005}) == Catch::Approx(38'100).epsilon(0.005));
    CHECK(requests(0.01, 0.05, {.ratio = 1.5}) == Catch::Approx(4'970).epsilon(0.005));
    CHECK(requests(1e-4, 0.05, {.ratio = 1.5}) == Catch::Approx(497'000).epsilon(0.005));
    CHECK(requests(0.05, 0.05, {.ratio = 2.0}) == Catch::Approx(310).epsilon(0.01));
    // Without events a request gives the largest bet times the increase: (ln 20 + 2.4) / (0.97 x 0.005).
    CHECK(requests(0.0, 0.05, {.increase = 0.005}) == Catch::Approx(1'112.5).epsilon(0.001));
    CHECK(requests(0.0, 0.05, {.ratio = 2.0}) == infinity);
    // Of both the one that needs fewer requests counts.
    CHECK(requests(0.05, 0.05, {0.005, 1.5}) == requests(0.05, 0.05, {.ratio = 1.5}));
    CHECK(requests(1e-3, 0.05, {0.005, 1.5}) == requests(1e-3, 0.05, {.increase = 0.005}));
    const auto rare = stats::plan_exclusion({.champion_rate = 1e-4, .share = 0.05, .harm = {0.005, 1.5}});
    CHECK_FALSE(rare.by_ratio);
    CHECK(rare.least_requests == Catch::Approx(std::log(20.0) / 0.005));
    CHECK(rare.least_units == Catch::Approx((std::log(20.0) + 2.6) / 0.005));
    CHECK(rare.requests_p90 >= rare.requests);
    const auto often = stats::plan_exclusion({.champion_rate = 0.3, .share = 0.05, .harm = {0.005, 1.5}});
    CHECK(often.by_ratio);
    CHECK(often.least_units == Catch::Approx((std::log(20.0) + 2.6) / 0.15));
    CHECK(stats::plan_exclusion({.champion_rate = 0.9, .share = 0.05, .harm = {.ratio = 2.0}}).least_units ==
          31.0);
    // Units of four requests each: what has to be excluded comes as units.
    const auto units = stats::plan_exclusion(
        {.champion_rate = 0.0, .share = 0.05, .harm = {.increase = 0.005}, .clustering = {1.0, 1.0, 4.0}});
    CHECK(units.requests == Catch::Approx(4.0 * requests(0.0, 0.05, {.increase = 0.005})));
    CHECK(stats::plan_exclusion({.share = 1.0, .harm = {.increase = 0.1}}).state == status::out_of_range);
    CHECK(stats::plan_exclusion({.champion_rate = 2.0, .harm = {.increase = 0.1}}).state ==
          status::out_of_range);
    CHECK(stats::plan_exclusion({.champion_rate = 0.1}).state == status::out_of_range);
    CHECK(stats::plan_exclusion({.harm = {.increase = 0.1}, .beta = 1.0}).state == status::out_of_range);
}

TEST_CASE("The best bet against an increase is the one whose evidence is largest")
{
    for (const double p : {1e-4, 0.01, 0.2}) {
        for (const double s : {0.01, 0.3, 0.6, 0.95}) {
            for (const double d : {0.005, 0.1}) {
                double most = -infinity;
                for (double f = 0.03; f <= 0.97; f += 1e-4) {
                    const double odds = s / (1.0 - s);
                    const double nats = f * d + p * std::log1p(-f) + p / odds * std::log1p(f * odds);
                    most = nats > most ? nats : most;
                }
                INFO(p << ' ' << s << ' ' << d);
                CHECK(stats::exclusion_nats(p, s, {.increase = d}) ==
                      Catch::Approx(most).epsilon(1e-4).margin(1e-9));
            }
        }
    }
}

TEST_CASE("A plan foretells that an equal challenger arrives, and where a harmful one is stopped")
{
    const auto found = stats::plan_canary(failures_alone(100));
    REQUIRE(found.state == status::ok);
    REQUIRE(found.stages.size() == 4);
    CHECK(found.rollouts == 100);
    CHECK(found.equal.shipped >= 0.9);
    CHECK(found.equal.rolled_back <= 0.1);
    CHECK(found.equal.requests > 10'000.0);
    CHECK(found.equal.requests < 80'000.0);
    CHECK(found.equal.requests_80 <= found.equal.requests_95);
    REQUIRE(found.harmful.size() == 1);
    CHECK(found.harmful[0].shipped == 0.0);
    CHECK(found.harmful[0].rolled_back >= 0.97);
    for (const auto& stage : found.stages) {
        REQUIRE(stage.caught.size() == 1);
        CHECK(stage.caught[0].requests_80 > 0.0);
        CHECK(stage.caught[0].requests_80 < stage.caught[0].requests_95);
        CHECK(stage.caught[0].extra_events > 1.0);
        CHECK(stage.feasible());
        CHECK(stage.passed > 0.9);
        CHECK(stage.requests <= stage.requests_p90);
    }
    // The larger the share, the fewer requests it takes.
    CHECK(found.stages[3].caught[0].requests_80 < found.stages[1].caught[0].requests_80);
    CHECK(found.first_share == 0.01);
    // The same seed gives the same plan.
    const auto again = stats::plan_canary(failures_alone(100));
    CHECK(again.equal.requests == found.equal.requests);
    CHECK(again.stages[2].caught[0].requests_95 == found.stages[2].caught[0].requests_95);
}

TEST_CASE("A plan says where there are too few units, and from which share on they suffice")
{
    auto plan = failures_alone(20);
    plan.guardrails[0].level = 1e-4;
    plan.stages = {{0.01}, {0.05}, {1.0}};
    plan.units = 2'000.0;
    const auto found = stats::plan_canary(plan);
    REQUIRE(found.state == status::ok);
    CHECK(found.stages[0].units_needed == Catch::Approx((std::log(20.0) + 2.6) / 0.1));
    CHECK(found.stages[0].units_there == Catch::Approx(20.0));
    CHECK_FALSE(found.stages[0].feasible());
    CHECK(found.equal.shipped == 0.0);
    // 56 units before the stage of 5 % are 2.8 % of them.
    CHECK(found.first_share == Catch::Approx((std::log(20.0) + 2.6) / 0.1 / 2'000.0));
    plan.units = 50.0;
    CHECK(std::isnan(stats::plan_canary(plan).first_share));
}

TEST_CASE("Guardrails of every kind and feedback that comes late hold a planned rollout")
{
    auto plan = failures_alone(12);
    plan.guardrails = {{.name = "accuracy",
                        .kind = watched::mean,
                        .level = 0.8,
                        .allowed = {.increase = 0.02},
                        .exclude = {.increase = 0.04},
                        .harm = {.increase = 0.2},
                        .lag_seconds = 0.0},
                       {.name = "p95",
                        .kind = watched::latency,
                        .level = 50.0,
                        .allowed = {.increase = 5.0},
                        .exclude = {.ratio = 1.3},
                        .harm = {.ratio = 3.0}}};
    plan.stages = {{0.1}, {0.5}};
    const auto soon = stats::plan_canary(plan);
    REQUIRE(soon.state == status::ok);
    CHECK(soon.equal.shipped >= 0.8);
    for (const auto& stage : soon.stages) {
        for (const auto& harm : stage.caught) {
            CHECK(std::isfinite(harm.requests_95));
        }
        CHECK(std::isnan(stage.caught[0].extra_events));
    }
    CHECK(soon.harmful[0].shipped == 0.0);
    CHECK(soon.harmful[1].shipped == 0.0);
    plan.guardrails[0].lag_seconds = 1'000.0;  // 10,000 requests, in each of two stages
    const auto late = stats::plan_canary(plan);
    CHECK(late.equal.requests > soon.equal.requests + 10'000.0);
}

TEST_CASE("What a trial takes is stated for a day of the planned traffic")
{
    auto plan = failures_alone(1);
    plan.stages = {{0.5}};
    plan.memory_bytes = 1e6;
    plan.nanoseconds_per_request = 20.0;
    plan.log_bytes_per_request = 64.0;
    const auto found = stats::plan_canary(plan);
    CHECK(found.memory_bytes == 1e6);
    CHECK(found.cpu_seconds_per_day == Catch::Approx(864'000.0 * 20e-9));
    CHECK(found.log_bytes_per_day == Catch::Approx(864'000.0 * 64.0));
}

TEST_CASE("A plan out of range says so")
{
    const auto refused = [](auto change) {
        auto plan = failures_alone(1);
        change(plan);
        return stats::plan_canary(plan).state == status::out_of_range;
    };
    CHECK(refused([](planned_canary& p) { p.guardrails.clear(); }));
    CHECK(refused([](planned_canary& p) { p.stages.clear(); }));
    CHECK(refused([](planned_canary& p) { p.stages = {{1.0}}; }));
    CHECK(refused([](planned_canary& p) { p.stages = {{0.5}, {0.1}}; }));
    CHECK(refused([](planned_canary& p) { p.stages = {{0.5}, {1.5}}; }));
    CHECK(refused([](planned_canary& p) { p.stages[0].least_seconds = infinity; }));
    CHECK(refused([](planned_canary& p) { p.guardrails[0].level = -0.1; }));
    CHECK(refused([](planned_canary& p) { p.guardrails[0].exclude = {}; }));
    CHECK(refused([](planned_canary& p) { p.guardrails[0].exclude = {.ratio = 1.0}; }));
    CHECK(refused([](planned_canary& p) { p.guardrails[0].harm = {.increase = -1.0}; }));
    CHECK(refused([](planned_canary& p) { p.guardrails[0].weight = 0.0; }));
    CHECK(refused([](planned_canary& p) { p.guardrails[0].lag_seconds = infinity; }));
    CHECK(refused(
        [](planned_canary& p) { p.guardrails[0].kind = watched::latency, p.guardrails[0].level = 0.0; }));
    CHECK(refused([](planned_canary& p) { p.alpha = 0.0; }));
    CHECK(refused([](planned_canary& p) { p.beta = 1.0; }));
    CHECK(refused([](planned_canary& p) { p.units = 0.0; }));
    CHECK(refused([](planned_canary& p) { p.requests_per_second = infinity; }));
    CHECK(refused([](planned_canary& p) { p.rollouts = 0; }));
    CHECK(refused([](planned_canary& p) { p.longest_days = stats::not_a_number; }));
}
