// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/when.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <cstdint>
#include <functional>
#include <string>

using namespace joust;

namespace {

struct request {
    std::string user;
    std::string region = "eu";
    bool beta = false;
};

using group = std::function<bool(const request&)>;

template <class Splitter>
auto rolled_out(Splitter splitter)
{
    return canary{model{"old", [](const request&) { return 1; }},
                  model{"new", [](const request&) { return 2; }}, by(&request::user), splitter,
                  ramp{.shares = {0.05, 0.5, 1.0}}};
}

request from(keyed_random& random, const char* region, bool beta = false)
{
    return {.user = "user-" + std::to_string(random.below(1'000'000)), .region = region, .beta = beta};
}

}  // namespace

TEST_CASE("staff get the challenger from the first stage on, prove nothing, and lose it when it is taken out")
{
    auto trial = rolled_out(overrides({{"staff-1", 1}, {"staff-2", 1}}, hash_split{.salt = "staff first"}));
    const request staff{.user = "staff-1"};
    for (int i = 0; i < 5'000; ++i) {
        CHECK(trial(staff) == 2);
    }
    // What is not randomised is not counted, so that the stage still waits for its first request.
    CHECK(trial.evidence().requests() == 0);
    trial.step();
    CHECK(trial.phase() == canary_phase::pending);
    CHECK(trial.share() == 0.05);
    keyed_random random{1};
    for (int i = 0; i < 20'000 && trial.share() < 0.5; ++i) {
        trial(from(random, "eu"));
    }
    CHECK(trial.share() == 0.5);
    CHECK(trial(staff) == 2);
    trial.roll_back("enough");
    CHECK(trial(staff) == 1);
    CHECK(trial(request{.user = "staff-2"}) == 1);
}

TEST_CASE("a rollout in one region leaves the other regions to the champion over all stages")
{
    auto trial = rolled_out(
        when(group{[](const request& r) { return r.region == "eu"; }}, hash_split{.salt = "one region"}));
    keyed_random random{2};
    int elsewhere = 0;
    std::uint64_t here = 0;
    for (int i = 0; i < 120'000 && !trial.finished(); ++i) {
        elsewhere += trial(from(random, "us")) - 1;
        trial(from(random, "eu"));
        ++here;
    }
    CHECK(trial.finished());
    CHECK(trial.share() == 1.0);
    CHECK(elsewhere == 0);
    CHECK(trial.evidence().requests() == here);
    CHECK(trial(from(random, "eu")) == 2);
    CHECK(trial(from(random, "us")) == 1);
}

TEST_CASE("a beta group alone is rolled out to, where its members are told by the request")
{
    auto trial =
        rolled_out(when(group{[](const request& r) { return r.beta; }}, hash_split{.salt = "beta group"}));
    keyed_random random{3};
    for (int i = 0; i < 3'000; ++i) {
        CHECK(trial(from(random, "eu")) == 1);
    }
    trial.step();
    CHECK(trial.phase() == canary_phase::pending);
    for (int i = 0; i < 60'000 && !trial.finished(); ++i) {
        trial(from(random, "eu", true));
    }
    CHECK(trial.finished());
    CHECK(trial(from(random, "eu", true)) == 2);
    CHECK(trial(from(random, "eu")) == 1);
}
