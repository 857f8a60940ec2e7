// SPDX-License-Identifier: Apache-2.0

#include <joust/joust.hpp>
#include <joust/trial/on_event.hpp>
#include <joust/trial/replace_plan.hpp>

#include "catch.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace joust;

struct request {
    std::string user;
};

const auto old_model = model{"old", [](const request&) { return 1; }};
const auto new_model = model{"new", [](const request&) { return 2; }};

traffic_plan next_plan(const traffic_plan& now, share_list shares, bool stopped = false)
{
    return {.salt = now.salt, .version = now.version + 1, .stopped = stopped, .shares = shares};
}

}  // namespace

TEST_CASE("A listener hears of the start of a trial and of each plan, with who and why")
{
    std::vector<trial_event> heard;
    manual_time clock;
    clock.advance(5);
    ab_test trial{old_model,
                  new_model,
                  by(&request::user),
                  hash_split{.salt = "heard", .shares = {0.9, 0.1}},
                  conversion<"click">{},
                  clock.view(),
                  on_event([&heard](const trial_event& seen) { heard.push_back(seen); })};
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].kind == transition::started);
    CHECK(heard[0].trial == "heard");
    CHECK(heard[0].time == 5);
    CHECK(heard[0].share_before == 0.0);
    CHECK(heard[0].share_after == Approx(0.1));
    REQUIRE(heard[0].changes_plan());
    CHECK(heard[0].new_plan.shares == share_list{0.9, 0.1});
    CHECK(heard[0].plan == heard[0].new_plan.digest());
    CHECK_FALSE(heard[0].rules);
    CHECK_FALSE(heard[0].keyed);

    for (int i = 0; i < 40; ++i) {
        trial(request{std::to_string(i)});
    }
    clock.advance(7);
    replace_plan(trial, next_plan(plan_of(trial), {0.5, 0.5}), {.who = "anna", .why = "looks good"});
    REQUIRE(heard.size() == 2);
    CHECK(heard[1].kind == transition::plan_replaced);
    CHECK(heard[1].sequence == 1);
    CHECK(heard[1].time == 12);
    CHECK(heard[1].requests == 40);
    CHECK(heard[1].share_before == Approx(0.1));
    CHECK(heard[1].share_after == Approx(0.5));
    CHECK(heard[1].who == "anna");
    CHECK(heard[1].why == "looks good");
    CHECK(heard[1].new_plan == plan_of(trial));
    CHECK(heard[1].plan_in_tickets == heard[0].plan_in_tickets + 1);

    replace_plan(trial, next_plan(plan_of(trial), {0.5, 0.5}, true));
    REQUIRE(heard.size() == 3);
    CHECK(heard[2].new_plan.stopped);
    CHECK(heard[2].share_after == 0.0);

    // A plan that is refused is no transition.
    CHECK_THROWS_AS(replace_plan(trial, next_plan(plan_of(trial), {0.5, 0.4})), configuration_error);
    CHECK(heard.size() == 3);
}

TEST_CASE("A listener that throws is counted, keeps no other from the event, and hurts no call")
{
    int heard = 0;
    ab_test trial{old_model,
                  new_model,
                  by(&request::user),
                  hash_split{.salt = "thrown"},
                  conversion<"click">{},
                  on_event([](const trial_event&) { throw std::runtime_error("no"); },
                           [&heard](const trial_event&) { ++heard; })};
    CHECK(heard == 1);
    replace_plan(trial, next_plan(plan_of(trial), {0.6, 0.4}), {.allow_moves = true});
    CHECK(heard == 2);
    CHECK(trial(request{"a"}) > 0);
    const report seen = trial.report();
    bool counted = false;
    for (const count_row& row : seen.counts) {
        counted = counted || (row.what.find("a listener failed on") != std::string::npos && row.count == 2);
    }
    CHECK(counted);
}

TEST_CASE("A listener may ask for the plan in force")
{
    std::function<share_list()> ask;
    share_list answered;
    ab_test trial{old_model,
                  new_model,
                  by(&request::user),
                  hash_split{.salt = "asked"},
                  conversion<"click">{},
                  on_event([&](const trial_event&) { answered = ask ? ask() : share_list{}; })};
    ask = [&trial] { return plan_of(trial).shares; };
    replace_plan(trial, next_plan(plan_of(trial), {0.6, 0.4}), {.allow_moves = true});
    CHECK(answered == share_list{0.6, 0.4});
}

TEST_CASE("A policy of one's own may listen, and an event says that units are hashed under a secret")
{
    struct own_listener {
        std::vector<bool>* keyed;
        void notify(const trial_event& seen) const noexcept { keyed->push_back(seen.keyed); }
    };
    std::vector<bool> keyed;
    ab_test trial{old_model,
                  new_model,
                  by(&request::user),
                  hash_split{.salt = {"own", sip_key{1, 2}}},
                  conversion<"click">{},
                  own_listener{&keyed}};
    CHECK(keyed == std::vector<bool>{true});
}

TEST_CASE("An event is written as JSON that keeps every number, and as a line for people")
{
    trial_event seen{.sequence = 3,
                     .time = 17,
                     .kind = transition::rolled_back,
                     .trial = "a \"trial\"",
                     .stage = 2,
                     .share_before = 0.25,
                     .requests = 1'000,
                     .guardrail = "failures",
                     .log_e = std::numeric_limits<double>::infinity(),
                     .threshold = 3.0,
                     .evidence = {{.kind = condition::use::breach,
                                   .what = "log e of harm",
                                   .guardrail = "failures",
                                   .value = std::numeric_limits<double>::infinity(),
                                   .bound = 3.0},
                                  {.what = "judged", .value = std::nan(""), .bound = 1.0}},
                     .why = "worse"};
    std::string line;
    seen.write(line);
    CHECK(line == "a \"trial\": rolled back, share 25.00 % -> 0.00 %, after 1000 requests: worse");
    std::string json;
    seen.write(json, style::json);
    CHECK(
        json ==
        R"({"event":"rolled back","sequence":3,"time":17,"trial":"a \"trial\"","stage":2,"share_before":0.25,"share_after":0,"requests":1000,"who":"","why":"worse","guardrail":"failures","log_e":"inf","threshold":3,"excluded":null,"plan":"0000000000000000","plan_in_tickets":0,"evidence":[{"for":"breach","what":"log e of harm","guardrail":"failures","value":"inf","bound":3},{"for":"pass","what":"judged","value":null,"bound":1}]})");
}

TEST_CASE("What follows from conditions: one breach is enough, and a pass needs them all")
{
    const condition breach{.kind = condition::use::breach, .what = "log e", .value = 4.0, .bound = 3.0};
    const condition no_breach{.kind = condition::use::breach, .what = "log e", .value = 2.0, .bound = 3.0};
    const condition met{.what = "requests", .value = 200.0, .bound = 200.0};
    const condition unmet{.what = "requests", .value = std::nan(""), .bound = 200.0};
    CHECK(decide_by({}) == consequence::hold);
    CHECK(decide_by({no_breach}) == consequence::hold);
    CHECK(decide_by({met, no_breach}) == consequence::pass);
    CHECK(decide_by({met, unmet}) == consequence::hold);
    CHECK(decide_by({met, unmet, breach}) == consequence::breach);
    CHECK(decide_by({met, breach}) == consequence::breach);
}
