// SPDX-License-Identifier: Apache-2.0

#include <joust/joust.hpp>
#include <joust/store/audit_log.hpp>
#include <joust/store/audit_replay.hpp>
#include <joust/trial/on_event.hpp>
#include <joust/trial/replace_plan.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace joust;

struct scratch {
    std::string path = "replay-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".jsonl";
    scratch() { std::remove(path.c_str()); }
    ~scratch() { std::remove(path.c_str()); }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    static inline int count = 0;
};

struct request {
    std::string user;
};

/// A model that throws as soon as `broken` is true.
auto breaking(const bool& broken)
{
    return model{"b", [&broken](const request&) {
                     if (broken) {
                         throw std::runtime_error("broken");
                     }
                     return 2;
                 }};
}

model<int (*)(const request&)> serving(const char* name)
{
    return {name, [](const request&) { return 1; }};
}

/// Requests of a live trial: by their tickets, and by unit and time; with the arm that served each.
struct record {
    std::vector<replay_request> by_ticket;
    std::vector<replay_request> by_time;
    std::vector<unsigned> arms;

    void add(const salt& trial, const std::string& unit, const ticket& given, std::int64_t time)
    {
        by_ticket.push_back(request_of(given));
        by_time.push_back(request_of(trial, unit, time));
        arms.push_back(given.arm());
    }

    void check(const std::string& log, const replay_options& options = {}) const
    {
        for (const auto* requests : {&by_ticket, &by_time}) {
            const audit_replay again = replay(log, *requests, options);
            CHECK(again.agrees());
            REQUIRE(again.assignments.size() == arms.size());
            bool same = true;
            for (std::size_t i = 0; i < arms.size(); ++i) {
                same = same && again.assignments[i].arm == arms[i] &&
                       static_cast<float>(again.assignments[i].propensity) == by_ticket[i].propensity;
            }
            CHECK(same);
        }
    }
};

/// Serve an A/B test under several plans, and check that the log alone gives every arm again.
template <class Splitter>
void check_live(const Splitter& splitter, const std::vector<share_list>& plans, bool three)
{
    const scratch file;
    audit_log log{file.path};
    manual_time clock;
    record seen;
    const auto run = [&](auto& trial) {
        int served = 0;
        for (std::size_t p = 0; p <= plans.size(); ++p) {
            for (int i = 0; i < 400; ++i) {
                clock.advance(10);
                const std::string unit = "user-" + std::to_string(served++ % 700);
                seen.add(splitter.salt, unit, trial.serve(request{unit}).ticket, clock.now());
            }
            if (p < plans.size()) {
                clock.advance(1);
                const traffic_plan now = plan_of(trial);
                // In the middle the kill switch is pressed, and released by the next plan.
                replace_plan(
                    trial,
                    {.salt = now.salt, .version = now.version + 1, .stopped = p == 1, .shares = plans[p]},
                    {.allow_moves = true, .who = "anna"});
            }
        }
    };
    if (three) {
        ab_test trial{serving("a"), serving("b"),          serving("c"), by(&request::user),
                      splitter,     conversion<"click">{}, clock.view(), audit_to(log)};
        run(trial);
    } else {
        ab_test trial{serving("a"),          serving("b"), by(&request::user), splitter,
                      conversion<"click">{}, clock.view(), audit_to(log)};
        run(trial);
    }
    CHECK(log.flush());
    const std::string text = read_file(file.path);
    CHECK(verify(text, {.head = log.head()}).ok());
    seen.check(text);

    // The arms depend on the plans: with one of them changed, the replay says so.
    std::vector<replay_request> wrong = seen.by_ticket;
    wrong[5].pseudonym += 0x123456789abcdefU;
    wrong[6].propensity *= 0.5F;
    CHECK_FALSE(replay(text, wrong).agrees());
    CHECK_FALSE(replay(text, wrong).assignments[6].known);
}

}  // namespace

TEST_CASE("Every assignment of a live trial comes out of its audit log bit for bit, over several plans")
{
    check_live(hash_split{.salt = "two", .shares = {0.9, 0.1}},
               {{0.7, 0.3}, {0.6, 0.4}, {0.5, 0.5}, {1.0 / 3, 2.0 / 3}}, false);
    check_live(hash_split{.salt = "three", .shares = {0.8, 0.1, 0.1}},
               {{0.6, 0.2, 0.2}, {0.5, 0.3, 0.2}, {0.34, 0.33, 0.33}, {0.1, 0.8, 0.1}}, true);
    check_live(slot_split{.salt = "slots", .shares = {0.8, 0.15, 0.05}},
               {{0.6, 0.2, 0.2}, {0.5, 0.3, 0.2}, {0.1, 0.2, 0.7}, {0.5, 0.25, 0.25}}, true);
    check_live(hash_split{.salt = {"secret", sip_key{3, 4}}, .shares = {0.9, 0.1}}, {{0.7, 0.3}, {0.6, 0.4}},
               false);
}

TEST_CASE("A canary's assignments come out of the log over all its stages and its end")
{
    const scratch file;
    audit_log log{file.path};
    manual_time clock;
    const salt name{"canary"};
    bool broken = false;
    canary trial{serving("a"),
                 breaking(broken),
                 by(&request::user),
                 hash_split{.salt = "canary"},
                 ramp{.shares = {0.1, 0.3, 0.5, 0.9}, .requests = 60, .check_every = 64},
                 clock.view()};
    const auto& core = detail::trial_access::core(trial);
    record seen;
    double share = 0.0;
    std::uint64_t stages = 0;
    for (int i = 0; i < 60'000 && stages < 5; ++i) {
        if (trial.share() != share) {
            clock.advance(1);
            trial_event event{.time = clock.now(),
                              .kind = trial.rolled_back() ? transition::rolled_back
                                      : share == 0.0      ? transition::started
                                                          : transition::stage_entered,
                              .trial = "canary",
                              .stage = stages,
                              .share_before = share,
                              .share_after = trial.share(),
                              .who = "test"};
            event.new_plan = detail::plan_for_log(core, event);
            event.plan = event.new_plan.digest();
            CHECK(log.append(event));
            CHECK_FALSE(event.rules);
            share = trial.share();
            ++stages;
        }
        broken = stages == 3 && i % 2 == 0;
        clock.advance(10);
        const std::string unit = "user-" + std::to_string(i % 5'000);
        seen.add(name, unit, trial.serve(request{unit}).ticket, clock.now());
        // What the call itself changed is in force from the next call on.
    }
    CHECK(stages >= 3);
    CHECK(log.flush());
    seen.check(read_file(file.path));
}

TEST_CASE("Decisions come out of the evidence in the log, and one that does not follow is found")
{
    const double endless = std::numeric_limits<double>::infinity();
    const condition harm{.kind = condition::use::breach,
                         .what = "log e of harm",
                         .guardrail = "failures",
                         .value = 0.1 + 0.2,
                         .bound = 0.30000000000000004};
    const condition no_harm{
        .kind = condition::use::breach, .what = "log e of harm", .value = 0.3, .bound = 0.30000000000000004};
    const condition excluded{.what = "log e against the excluded harm", .value = endless, .bound = 3.0};
    const condition unjudged{.what = "judged", .value = std::nan(""), .bound = 1.0};
    std::vector<trial_event> events{{.kind = transition::started},
                                    {.kind = transition::stage_entered, .evidence = {no_harm, excluded}},
                                    {.kind = transition::held, .evidence = {no_harm, excluded, unjudged}},
                                    {.kind = transition::promoted, .who = "anna", .why = "by hand"},
                                    {.kind = transition::rolled_back, .evidence = {harm, excluded}},
                                    {.kind = transition::stage_entered, .evidence = {harm, excluded}},
                                    {.kind = transition::rolled_back, .evidence = {no_harm, excluded}},
                                    {.kind = transition::promoted}};
    const scratch file;
    {
        audit_log log{file.path};
        for (trial_event& each : events) {
            each.trial = "decided";
            CHECK(log.append(each));
        }
    }
    const std::string text = read_file(file.path);
    const std::vector<audited_event> read = read_audit(text);
    REQUIRE(read.size() == events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        CHECK(read[i].event == events[i]);
        CHECK(read[i].line == i + 2);
    }
    const audit_replay again = replay(text, {});
    CHECK_FALSE(again.agrees());
    REQUIRE(again.transitions.size() == 8);
    const std::vector<bool> expected{true, true, true, true, true, false, false, false};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO(i);
        CHECK(again.transitions[i].agrees == expected[i]);
    }
    CHECK(again.transitions[0].by_hand);
    CHECK(again.transitions[3].by_hand);
    CHECK(again.transitions[4].follows == consequence::breach);
}

TEST_CASE("A log that is damaged, of several trials or of rules is refused for a replay")
{
    const scratch file;
    {
        audit_log log{file.path};
        log.append({.trial = "one"});
        log.append({.trial = "two"});
        log.append({.kind = transition::started,
                    .trial = "ruled",
                    .rules = true,
                    .new_plan = {.salt = "ruled", .version = 1, .shares = {0.5, 0.5}}});
    }
    std::string text = read_file(file.path);
    const std::vector<replay_request> one(1);
    CHECK_THROWS_AS(replay(text, one), configuration_error);
    CHECK(replay(text, one, {.trial = "one"}).transitions.size() == 1);
    CHECK_FALSE(replay(text, one, {.trial = "one"}).assignments[0].known);
    CHECK_THROWS_AS(replay(text, one, {.trial = "ruled"}), configuration_error);
    text[text.size() / 2] ^= 1;
    CHECK_THROWS_AS(replay(text, one, {.trial = "one"}), parse_error);
    CHECK_THROWS_WITH(read_audit("{\"event\":\"started\"}\n"),
                      Catch::Contains("line 1: the member \"sequence\" is missing"));
    CHECK_THROWS_AS(request_of(ticket{}), configuration_error);
}

TEST_CASE(
    "A canary's own log gives every assignment and every decision again, up to a promotion and up to a rollback")
{
    for (const bool breaks : {false, true}) {
        const scratch file;
        audit_log log{file.path};
        manual_time clock;
        bool broken = false;
        canary trial{serving("a"),
                     breaking(broken),
                     by(&request::user),
                     hash_split{.salt = "own log"},
                     guardrail(failures{}, {.max_increase = 0.0}),
                     clock.view(),
                     audit_to(log)};
        record seen;
        const salt name{"own log"};
        for (int i = 0; i < 60'000 && !trial.finished() && !trial.rolled_back(); ++i) {
            broken = breaks && trial.share() > 0.2 && i % 3 == 0;
            clock.advance(50'000'000);
            const std::string unit = "user-" + std::to_string(i % 20'000);
            // The clock of this test stands still during a call, so that what the call changes has the call's own time.
            seen.add(name, unit, trial.serve(request{unit}).ticket, clock.now() - 1);
        }
        CHECK(trial.rolled_back() == breaks);
        CHECK(trial.finished() == !breaks);
        CHECK(log.flush());
        const std::string text = read_file(file.path);
        CHECK(verify(text, {.head = log.head()}).ok());
        seen.check(text);

        const std::vector<audited_event> events = read_audit(text);
        std::size_t stages = 0;
        for (const audited_event& each : events) {
            stages += each.event.kind == transition::stage_entered ? 1U : 0U;
        }
        CHECK(stages >= 2);
        CHECK(events.front().event.kind == transition::started);
        CHECK(events.back().event.kind == (breaks ? transition::rolled_back : transition::promoted));
        CHECK(events.back().event.guardrail == (breaks ? "failures" : events.back().event.guardrail));

        // A decision whose evidence says something else is found, also where the chain was made to fit.
        std::vector<trial_event> others;
        for (const audited_event& each : events) {
            others.push_back(each.event);
        }
        for (condition& each : others.back().evidence) {
            each.value = each.kind == condition::use::breach ? each.bound - 1.0 : each.bound;
        }
        if (!breaks) {
            others.back().evidence.front().value =
                others.back().evidence.front().kind == condition::use::breach
                    ? others.back().evidence.front().bound
                    : others.back().evidence.front().bound - 1.0;
        }
        const scratch other;
        {
            audit_log rewritten{other.path};
            for (const trial_event& each : others) {
                rewritten.append(each);
            }
        }
        CHECK_FALSE(replay(read_file(other.path), {}).agrees());
    }
}
