// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/hand_over.hpp>
#include <joust/trial/on_event.hpp>

#include "catch.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

using namespace joust;

namespace {

const auto unit_itself = [](std::uint64_t unit) { return unit; };

struct seen_events {
    std::vector<trial_event>* into;
    void operator()(const trial_event& seen) const { into->push_back(seen); }
};

/// A model that can only be moved.
struct answer {
    std::unique_ptr<int> what;
    int operator()(std::uint64_t) const { return *what; }
};

auto rolled_out(std::vector<trial_event>& events)
{
    return canary{model{"old", answer{std::make_unique<int>(1)}},
                  model{"new", answer{std::make_unique<int>(2)}},
                  by(unit_itself),
                  hash_split{.salt = "handed over"},
                  ramp{.shares = {0.2, 0.5}},
                  on_event(seen_events{&events})};
}

}  // namespace

TEST_CASE("an A/B test goes on where a canary ends: with its models, its salt and its share")
{
    std::vector<trial_event> events;
    auto rollout = rolled_out(events);
    keyed_random random{1};
    for (int i = 0; i < 60'000 && !rollout.finished(); ++i) {
        rollout(random.below(1'000'000));
    }
    REQUIRE(rollout.share() == 0.5);
    std::vector<int> before;
    for (std::uint64_t unit = 0; unit < 2'000; ++unit) {
        before.push_back(rollout(unit));
    }
    const ticket old = rollout.serve(std::uint64_t{1}).ticket;
    auto test = hand_over<ab_test>(rollout, "how much better is it?", conversion<"click">{});
    CHECK(events.back().kind == transition::handed_over);
    CHECK(events.back().why == "how much better is it?");
    CHECK(test.name() == "handed over");
    for (std::uint64_t unit = 0; unit < 2'000; ++unit) {
        CHECK(test(unit) == before[unit]);
    }
    CHECK(test.evidence().requests() == 2'000);  // It begins anew.
    CHECK_FALSE(test.observe<"click">(old, 1.0));
    const ticket fresh = test.serve(std::uint64_t{1}).ticket;
    CHECK(test.observe<"click">(fresh, 1.0));

    // And back: a canary goes on with the models of the A/B test, from the first stage of its ramp.
    auto again = hand_over<canary>(test, "raise it further", ramp{.shares = {0.5, 1.0}});
    CHECK(again.share() == 0.5);
    for (std::uint64_t unit = 0; unit < 2'000; ++unit) {
        CHECK(again(unit) == before[unit]);
    }
    for (int i = 0; i < 60'000 && !again.finished(); ++i) {
        again(random.below(1'000'000));
    }
    CHECK(again.share() == 1.0);
}

TEST_CASE("an A/B test after a canary that was rolled back gives everything to the champion")
{
    std::vector<trial_event> events;
    auto rollout = rolled_out(events);
    rollout.roll_back("no");
    const auto test_makes = [&] { return hand_over<ab_test>(rollout, "after all", conversion<"click">{}); };
    auto test = test_makes();
    for (std::uint64_t unit = 0; unit < 500; ++unit) {
        CHECK(test(unit) == 1);
    }
}
