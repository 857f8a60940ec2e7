// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/dry_run.hpp>
#include <joust/trial/on_event.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace joust;

namespace {

const auto unit_itself = [](std::uint64_t unit) { return unit; };

struct seen_events {
    std::vector<trial_event>* into;
    void operator()(const trial_event& seen) const { into->push_back(seen); }
};

using answer = std::function<int(std::uint64_t)>;

auto rehearsal(answer champion, int& called, std::vector<trial_event>& events)
{
    return canary{model{"old", std::move(champion)},
                  model{"new", answer{[&called](std::uint64_t) {
                            ++called;
                            return 2;
                        }}},
                  by(unit_itself),
                  hash_split{.salt = "rehearsed"},
                  ramp{.shares = {0.2, 1.0}},
                  guardrail(conversion<"right">{}, {.max_decrease = 0.1}),
                  on_event(seen_events{&events}),
                  dry_run{}};
}

}  // namespace

TEST_CASE("in a dry run the champion answers every request, and the canary decides and tells of it")
{
    int called = 0;
    std::vector<trial_event> events;
    auto trial = rehearsal([](std::uint64_t) { return 1; }, called, events);
    keyed_random random{1};
    std::uint64_t challenger = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto given = trial.serve(random.below(1'000'000));
        CHECK(given.prediction == 1);
        challenger += given.ticket.arm();
        trial.observe<"right">(given.ticket, random.chance(0.8));
    }
    // The units of the challenger count for it, though the champion answers them.
    CHECK(challenger > 3'000);
    CHECK(trial.evidence().requests(1) == challenger);
    CHECK(called == 0);
    CHECK(trial.finished());
    CHECK(trial.share() == 1.0);
    CHECK(trial(std::uint64_t{5}) == 1);
    const report r = trial.report();
    CHECK_THAT(r.reason, ContainsSubstring("dry run: "));
    CHECK(r.decision == verdict::ship_challenger);
    bool noted = false;
    for (const std::string& note : r.notes) {
        noted = noted || note.find("the champion answered every request") != std::string::npos;
    }
    CHECK(noted);
    REQUIRE(events.size() == 2);
    CHECK(events[0].kind == transition::started);
    CHECK(events[1].kind == transition::dry_decision);
    CHECK_THAT(events[1].why, ContainsSubstring("promoted"));
    CHECK(decide_by(events[1].evidence) == consequence::pass);
    CHECK(events[1].changes_plan());
}

TEST_CASE("a dry run takes choices to the champion, and passes on what it throws")
{
    int called = 0;
    std::vector<trial_event> events;
    auto trial = rehearsal(
        [](std::uint64_t unit) {
            if (unit % 10 == 0) {
                throw std::runtime_error("bad unit");
            }
            return 1;
        },
        called, events);
    int thrown = 0;
    int served = 0;
    for (std::uint64_t unit = 0; unit < 2'000; ++unit) {
        try {
            served += trial(unit);
        } catch (const std::runtime_error&) {
            ++thrown;
        }
        const auto chosen = trial.choose(unit);
        CHECK(trial.arm_of(chosen) == 0);
        CHECK(trial.complete(chosen, std::chrono::milliseconds(1), true));
    }
    CHECK(thrown == 200);
    CHECK(served == 1'800);
    CHECK(called == 0);
    CHECK_FALSE(trial.rolled_back());  // Both arms fail alike.
    const evidence seen = trial.evidence();
    CHECK(seen.pairs[0].series[1].challenger_count > 10);
    CHECK(seen.pairs[0].series[1].champion_count > 100);
    trial.roll_back("enough");
    CHECK(events.back().kind == transition::dry_decision);
    CHECK(events.back().why == "rolled back: enough");
    CHECK(events.back().who == "a person");
}
