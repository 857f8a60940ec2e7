// SPDX-License-Identifier: Apache-2.0

#include <joust/trial/ab_test.hpp>
#include <joust/trial/any_trial.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <utility>
#include <vector>

TEST_CASE("trials of different types stand in one list and serve as before")
{
    using handle = joust::any_trial<int(int)>;
    const auto twice = [](int x) { return 2 * x; };
    std::vector<handle> trials;
    trials.emplace_back([&] {
        return joust::ab_test{joust::model{"a", twice}, joust::model{"b", twice},
                              joust::by([](int x) { return x; }), joust::conversion<"click">{}};
    });
    trials.emplace_back([&] {
        return joust::canary{joust::model{"a", twice}, joust::model{"b", twice},
                             joust::by([](int x) { return x; })};
    });
    for (auto& trial : trials) {
        CHECK(trial(21) == 42);
        CHECK(trial.serve(4).prediction == 8);
        CHECK(trial.evidence().requests() == 2);
    }
    CHECK(trials[0].report().kind == "ab_test");
    const handle moved = std::move(trials[1]);
    CHECK(moved.evidence().requests() == 2);
}

TEST_CASE("a shadow stands among them too, with its evidence as bytes")
{
    using handle = joust::any_trial<int(int)>;
    const auto twice = [](int x) { return 2 * x; };
    handle shadow{[&] {
        return joust::shadow{joust::model{"a", twice}, joust::model{"b", twice}, joust::inline_run{}};
    }};
    handle test{[&] {
        return joust::ab_test{joust::model{"a", twice}, joust::model{"b", twice},
                              joust::by([](int x) { return x; }), joust::conversion<"click">{}};
    }};
    CHECK(shadow(21) == 42);
    CHECK(test(21) == 42);
    CHECK(shadow.report().kind == "shadow");
    CHECK_THROWS_AS(shadow.evidence(), joust::configuration_error);
    CHECK(joust::from_snapshot<joust::shadow_evidence>(shadow.snapshot()).trial == shadow.report().name);
    CHECK(joust::from_snapshot<joust::evidence>(test.snapshot()) == test.evidence());
}
