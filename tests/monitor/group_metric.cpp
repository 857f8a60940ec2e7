// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/monitor/group_metric.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace {

struct request {
    std::uint64_t user = 0;
};

using answer = std::function<int(const request&)>;

}  // namespace

TEST_CASE("a metric in a group has the name of both, and takes what the metric takes")
{
    constexpr auto in_women = joust::in_group<"women">(joust::conversion<"approved">{});
    STATIC_REQUIRE(in_women.name() == "approved, women");
    STATIC_REQUIRE(joust::metric<decltype(joust::in_group<"women">(joust::conversion<"approved">{}))>);
    joust::cell c;
    in_women.add(c, 0.5);
    CHECK(c.refused);
    CHECK(joust::in_group<"x">(joust::conversion<"error">{.better = joust::better::down}).better ==
          joust::better::down);
}

TEST_CASE("a canary rolls back a challenger that gains on average by losing in one group")
{
    joust::canary trial{
        joust::model{"old", answer{[](const request&) { return 0; }}},
        joust::model{"new", answer{[](const request&) { return 1; }}},
        joust::by(&request::user),
        joust::ramp{.shares = {0.5, 1.0}, .requests = 100'000},
        joust::guardrail(joust::conversion<"approved">{}, {.max_decrease = 0.02}),
        joust::guardrail(joust::in_group<"men">(joust::conversion<"approved">{}), {.max_decrease = 0.02}),
        joust::guardrail(joust::in_group<"women">(joust::conversion<"approved">{}), {.max_decrease = 0.02})};
    joust::keyed_random random{91};
    for (std::uint64_t user = 0; user < 40'000 && !trial.finished(); ++user) {
        const auto served = trial.serve(request{user});
        const bool woman = random.chance(0.2);
        // Three of ten are approved; the new model approves more men and fewer women.
        const double rate = served.prediction == 0 ? 0.3 : woman ? 0.2 : 0.35;
        const bool approved = random.chance(rate);
        trial.observe<"approved">(served.ticket, approved);
        CHECK(joust::observe_in_group(trial, "approved", woman ? "women" : "men", served.ticket, approved));
    }
    const joust::report report = trial.report();
    CHECK(report.decision == joust::verdict::roll_back);
    CHECK_THAT(report.reason, ContainsSubstring("approved, women"));
    CHECK_THROWS_AS(
        joust::observe_in_group(trial, "approved", "others", trial.serve(request{1}).ticket, true),
        joust::configuration_error);
}
