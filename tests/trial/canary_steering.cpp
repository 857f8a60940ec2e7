// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/on_event.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
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

template <class... Policies>
auto steered(const ramp& steps, Policies... policies)
{
    return canary{model{"old", [](std::uint64_t) { return 1; }},
                  model{"new",
                        [](std::uint64_t unit) {
                            if (unit >= 1'000'000) {
                                throw std::runtime_error("bad unit");
                            }
                            return 2;
                        }},
                  by(unit_itself),
                  hash_split{.salt = "steered"},
                  steps,
                  policies...};
}

/// Serve so many healthy requests of new units.
template <class Trial>
void serve(Trial& trial, int requests, std::uint64_t seed = 1)
{
    keyed_random random{seed};
    for (int i = 0; i < requests; ++i) {
        trial(random.below(900'000));
    }
}

std::vector<std::string> kinds(const std::vector<trial_event>& events)
{
    std::vector<std::string> all;
    for (const trial_event& each : events) {
        all.emplace_back(to_string(each.kind));
    }
    return all;
}

}  // namespace

TEST_CASE("a paused canary keeps its share and stays in its stage until it is resumed")
{
    std::vector<trial_event> events;
    auto trial = steered({.shares = {0.2, 0.5, 1.0}}, on_event(seen_events{&events}));
    CHECK(trial.phase() == canary_phase::pending);
    CHECK(trial.pause("a release of another team"));
    CHECK_FALSE(trial.pause("again"));
    serve(trial, 20'000);
    CHECK(trial.phase() == canary_phase::paused);
    CHECK(trial.share() == 0.2);
    const report held = trial.report();
    CHECK(held.decision == verdict::keep_testing);
    CHECK(held.phase == "paused");
    CHECK_THAT(held.reason, ContainsSubstring("a release of another team"));
    CHECK(trial.resume("the release is over"));
    CHECK_FALSE(trial.resume("again"));
    serve(trial, 20'000, 2);
    CHECK(trial.finished());
    CHECK(kinds(events) ==
          std::vector<std::string>{"started", "paused", "resumed", "stage entered", "promoted"});
    CHECK(events[1].why == "a release of another team");
    CHECK(events[3].share_before == 0.2);
    CHECK(events[3].share_after == 0.5);
    CHECK(decide_by(events[3].evidence) == consequence::pass);
    CHECK(decide_by(events[4].evidence) == consequence::pass);
}

TEST_CASE("a canary that is aborted ends with the champion, and is not called harmful")
{
    std::vector<trial_event> events;
    auto trial = steered({.shares = {0.2, 1.0}}, on_event(seen_events{&events}));
    serve(trial, 100);
    trial.abort("the model is superseded");
    CHECK(trial.share() == 0.0);
    CHECK(trial.phase() == canary_phase::aborted);
    CHECK(trial.rolled_back());
    const report r = trial.report();
    CHECK(r.decision == verdict::keep_champion);
    CHECK(r.reason == "the model is superseded");
    CHECK_FALSE(trial.resume("no"));
    CHECK_FALSE(trial.promote("no"));
    CHECK_FALSE(trial.approve("nobody"));
    CHECK_FALSE(trial.pause("no"));
    CHECK(events.back().kind == transition::aborted);
    CHECK(events.back().changes_plan());
}

TEST_CASE("a person may promote the challenger, and the report says so")
{
    std::vector<trial_event> events;
    auto trial = steered({.shares = {0.01, 0.5}}, on_event(seen_events{&events}));
    serve(trial, 500);
    CHECK(trial.promote("the champion is broken"));
    CHECK(trial.share() == 0.5);
    CHECK(trial.finished());
    const report r = trial.report();
    CHECK(r.decision == verdict::ship_challenger);
    CHECK_THAT(r.reason, ContainsSubstring("promoted by hand: the champion is broken"));
    CHECK(events.back().kind == transition::promoted);
    CHECK(events.back().evidence.empty());
    // A holdback is left, so that a guardrail that breaks still rolls back.
    for (std::uint64_t unit = 0; unit < 400 && !trial.rolled_back(); ++unit) {
        trial(1'000'000 + unit);
    }
    CHECK(trial.rolled_back());
    CHECK(events.back().kind == transition::rolled_back);
    CHECK(decide_by(events.back().evidence) == consequence::breach);
    CHECK(events.back().guardrail == "failures");
}

TEST_CASE("a stage that needs an approval waits for it")
{
    std::vector<trial_event> events;
    ramp steps{.shares = {0.2, 1.0}};
    steps.approve_from = 1.0;
    auto trial = steered(steps, on_event(seen_events{&events}));
    serve(trial, 30'000);
    CHECK(trial.phase() == canary_phase::awaiting_approval);
    CHECK(trial.share() == 0.2);
    CHECK_THAT(trial.report().reason, ContainsSubstring("awaiting approval of the share 100 %"));
    CHECK(events.back().kind == transition::approval_asked);
    CHECK(trial.approve("M. Curie"));
    CHECK(trial.finished());
    CHECK(trial.share() == 1.0);
    REQUIRE(events.size() >= 2);
    CHECK(events[events.size() - 2].kind == transition::approved);
    CHECK(events[events.size() - 2].who == "M. Curie");
}

TEST_CASE("an approval may be given beforehand, and does not replace evidence")
{
    ramp steps{.shares = {0.2, 1.0}};
    steps.approve_from = 0.5;
    auto trial = steered(steps);
    CHECK(trial.approve("M. Curie"));
    CHECK_FALSE(trial.approve("M. Curie"));
    CHECK(trial.share() == 0.2);
    serve(trial, 30'000);
    CHECK(trial.finished());
}

TEST_CASE("a breach may pause the canary, and after it is resumed new evidence acts again")
{
    std::vector<trial_event> events;
    ramp steps{.shares = {0.2, 0.5}};
    steps.on_breach = breach::pause;
    auto trial = steered(steps, on_event(seen_events{&events}));
    serve(trial, 200);
    const auto fail_until_out = [&] {
        std::uint64_t unit = 1'000'000 + 1'000 * events.size();
        int failed = 0;
        for (int i = 0; i < 2'000 && trial.share() > 0.0; ++i) {
            trial(unit++);
            ++failed;
        }
        return failed;
    };
    CHECK(fail_until_out() < 100);
    CHECK(trial.phase() == canary_phase::paused);
    CHECK_FALSE(trial.rolled_back());
    CHECK(trial.share() == 0.0);
    const std::uint64_t before = trial.evidence().requests(1);
    serve(trial, 500, 3);
    CHECK(trial.evidence().requests(1) == before);
    CHECK_THAT(trial.report().reason, ContainsSubstring("breaks the guardrail on failures"));
    CHECK(trial.resume("the input was wrong, not the model"));
    CHECK(trial.share() == 0.2);
    serve(trial, 2'000, 4);
    CHECK(trial.share() == 0.2);  // The old breach alone does not act again.
    CHECK(fail_until_out() < 200);
    CHECK(trial.phase() == canary_phase::paused);
    CHECK(kinds(events) == std::vector<std::string>{"started", "paused", "resumed", "paused"});
    trial.roll_back("twice is enough");
    CHECK(trial.phase() == canary_phase::rolled_back);
    CHECK(trial.report().decision == verdict::roll_back);
    CHECK(trial.share() == 0.0);
}

TEST_CASE("a restored canary stays where it was: rolled back, paused, or in its stage")
{
    auto first = steered({.shares = {0.2, 0.5, 1.0}});
    for (std::uint64_t part = 0; part < 100 && first.share() < 0.5; ++part) {
        serve(first, 200, part);
    }
    REQUIRE(first.share() == 0.5);
    const canary_state in_stage = first.state();
    CHECK(in_stage.consistent());
    CHECK(in_stage.stage == 1);

    auto second = steered({.shares = {0.2, 0.5, 1.0}});
    second.restore(in_stage);
    CHECK(second.share() == 0.5);
    CHECK(second.report().shares.size() == first.report().shares.size());
    for (std::uint64_t unit = 0; unit < 200; ++unit) {
        CHECK(second.choose(unit).arm() == first.choose(unit).arm());
    }

    first.roll_back("a bad night");
    auto third = steered({.shares = {0.2, 0.5, 1.0}});
    third.restore(first.state());
    CHECK(third.rolled_back());
    CHECK(third.share() == 0.0);
    CHECK(third.report().decision == verdict::roll_back);
    CHECK(third.report().reason == "a bad night");
    serve(third, 500);
    CHECK(third.evidence().requests(1) == 0);

    CHECK_THROWS_AS(steered({.shares = {0.2}}).restore(in_stage), configuration_error);
    canary_state broken = in_stage;
    broken.share = 2.0;
    CHECK_THROWS_AS(second.restore(broken), configuration_error);
}

TEST_CASE("least times and units keep a stage, and the reason says which")
{
    manual_time time;
    ramp steps{.shares = {0.2, 1.0}};
    steps.total_seconds = 60.0;
    auto trial = steered(steps, time.view());
    serve(trial, 30'000);
    CHECK(trial.share() == 0.2);
    CHECK_THAT(trial.report().reason, ContainsSubstring("until all stages together have taken 60 s"));
    time.advance(61'000'000'000);
    trial.step();
    CHECK(trial.finished());
}

TEST_CASE("the presets have the numbers that the documentation states")
{
    CHECK(ramp::standard().seconds == 600.0);
    CHECK(ramp::standard().shares[0] == 0.01);
    CHECK(ramp::cautious().beta == 0.01);
    CHECK(ramp::cautious().approve_from == 1.0);
    CHECK(ramp::cautious().total_seconds == 86'400.0);
    CHECK(ramp::fast().shares[0] == 0.05);
    for (const ramp& preset : {ramp::standard(), ramp::cautious(), ramp::fast()}) {
        CHECK_NOTHROW(preset.check());
    }
    // A canary without a ramp follows the standard one, with its least times.
    canary trial{model{"old", [](std::uint64_t) { return 1; }}, model{"new", [](std::uint64_t) { return 2; }},
                 by(unit_itself), hash_split{.salt = "preset"}};
    serve(trial, 15'000);
    trial.step();
    CHECK(trial.share() == 0.01);
}

TEST_CASE("a report states what harm is excluded, what is needed and what limits it")
{
    auto trial = steered({.shares = {0.2, 1.0}});
    serve(trial, 600);
    report r = trial.report();
    REQUIRE(r.exclusions.size() == 1);
    CHECK(r.exclusions[0].guardrail == "failures");
    CHECK_FALSE(r.exclusions[0].excluded);
    CHECK(r.exclusions[0].needed_increase == 0.005);
    CHECK(r.exclusions[0].needed_ratio == 1.5);
    CHECK(r.exclusions[0].excluded_increase > 0.005);
    CHECK(r.exclusions[0].limited_by == "requests");
    CHECK(r.exclusions[0].more_requests > 0.0);
    CHECK_THAT(r.reason, ContainsSubstring("this stage needs +0.5 points or x 1.5, the larger"));

    // Few units that come back do not show more by coming again.
    auto few = steered({.shares = {0.2, 1.0}});
    keyed_random random{5};
    for (int i = 0; i < 20'000; ++i) {
        few(random.below(500));
    }
    r = few.report();
    CHECK_FALSE(few.finished());
    REQUIRE(r.exclusions.size() == 1);
    CHECK(r.exclusions[0].limited_by == "units");
    CHECK_THAT(r.exclusions[0].words, ContainsSubstring("Limited by units"));
}

namespace {

/// A ramp that is always ready, so that only the numbers beside it keep a stage.
struct eager_ramp {
    share_list shares = {0.2, 1.0};
    std::uint64_t check_every = 64;
    double units = 0.0;
    double total_seconds = 0.0;

    [[nodiscard]] bool ready(const stage_progress&) const noexcept { return true; }
};

}  // namespace

TEST_CASE("the least units and the least time of a ramp of one's own keep a stage")
{
    manual_time time;
    const auto rollout = [&](double units, double seconds) {
        return canary{model{"old", [](std::uint64_t) { return 1; }},
                      model{"new", [](std::uint64_t) { return 2; }},
                      by(unit_itself),
                      hash_split{.salt = "eager"},
                      time.view(),
                      eager_ramp{.units = units, .total_seconds = seconds}};
    };
    auto slow = rollout(0.0, 60.0);
    serve(slow, 20'000);
    CHECK(slow.share() == 0.2);
    CHECK_THAT(slow.report().reason, ContainsSubstring("until all stages together have taken 60 s"));
    time.advance(61'000'000'000);
    slow.step();
    CHECK(slow.finished());
    auto small = rollout(9'000.0, 0.0);  // The challenger gets about 4,000 units, and then about 14,000.
    serve(small, 20'000);
    CHECK(small.share() == 0.2);
    serve(small, 50'000, 2);
    CHECK(small.finished());
    auto free = rollout(0.0, 0.0);
    serve(free, 20'000);
    CHECK(free.finished());
}

TEST_CASE("a ramp of one's own sees every guardrail with its interval, state and feedback")
{
    struct watching {
        share_list shares = {0.2, 1.0};
        std::uint64_t check_every = 64;
        std::vector<guardrail_progress>* seen = nullptr;

        bool ready(const stage_progress& at) const noexcept
        {
            seen->assign(at.guardrails.begin(), at.guardrails.end());
            return false;
        }
    };
    std::vector<guardrail_progress> seen;
    canary trial{model{"old", [](std::uint64_t) { return 1; }},
                 model{"new", [](std::uint64_t) { return 2; }},
                 by(unit_itself),
                 hash_split{.salt = "watching"},
                 guardrail(conversion<"right">{}, {.max_decrease = 0.1}),
                 watching{.seen = &seen}};
    keyed_random random{3};
    for (int i = 0; i < 20'000; ++i) {
        trial.observe<"right">(trial.serve(random.below(100'000)).ticket, random.chance(0.8));
    }
    trial.step();
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].name == "right");
    CHECK(seen[0].state == status::ok);
    CHECK(seen[0].excluded);
    CHECK(seen[0].lower > -0.1);
    CHECK(seen[0].upper < 0.1);
    CHECK(seen[0].values > 3'000);
    CHECK(seen[1].name == "failures");
    CHECK(seen[1].excluded);
    CHECK(trial.share() == 0.2);
}
