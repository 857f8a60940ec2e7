#include <joust/trial/ab_test.hpp>
#include <joust/trial/any_trial.hpp>
#include <joust/trial/canary.hpp>

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
