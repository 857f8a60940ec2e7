// SPDX-License-Identifier: Apache-2.0

// The kill switch failed open: a stopped plan was refused where it was the plan in force with another `stopped`, had a
// member too many, or came after the last version; and roll_back and replace_plan threw before they stopped anything
// when memory was out. An interleaving, a handle, and trials whose splitter does not cut the space of hashes had no kill switch.

#include <joust/shadow/comparator.hpp>
#include <joust/split/assigned_by.hpp>
#include <joust/split/bandit.hpp>
#include <joust/split/interop/growthbook.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/rendezvous.hpp>
#include <joust/split/switchback.hpp>
#include <joust/split/when.hpp>
#include <joust/trial/any_trial.hpp>
#include <joust/trial/at_once.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/explain.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/plan_watch.hpp>
#include <joust/trial/replace_plan.hpp>
#include <joust/trial/replan.hpp>
#include <joust/trial/shadow.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "store/temporary_file.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace joust;

namespace {

using joust_test::temporary_file;

struct request {
    std::uint64_t user = 0;
};

constexpr const char* long_name = "a-trial-whose-name-does-not-fit-into-a-short-string";
constexpr std::uint64_t last_version = 18'446'744'073'709'551'615U;

template <class Splitter>
auto trial_of(Splitter splitter)
{
    return ab_test{model{"old", [](const request&) { return 0; }},
                   model{"new", [](const request&) { return 1; }},
                   by(&request::user),
                   std::move(splitter),
                   conversion<"click">{},
                   untimed{}};
}

template <class... More>
auto canary_of(More... more)
{
    return canary{model{"old", [](const request&) { return 0; }},
                  model{"new", [](const request&) { return 1; }},
                  by(&request::user),
                  hash_split{.salt = long_name},
                  ramp{.shares = {0.5}},
                  untimed{},
                  std::move(more)...};
}

/// Count the requests that the challenger serves.
template <class Trial>
int served_by_challenger(Trial& trial)
{
    int challenger = 0;
    for (std::uint64_t user = 0; user < 200; ++user) {
        challenger += trial(request{user});
    }
    return challenger;
}

std::string json_of(const traffic_plan& plan)
{
    std::string text;
    plan.write(text, style::json);
    return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to)
{
    const std::size_t at = text.find(from);
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// Spell a text as editors and shells of some systems do.
std::string in_utf16(const std::string& text, bool big_endian)
{
    std::string wide{big_endian ? "\xfe\xff" : "\xff\xfe"};
    for (const char c : text) {
        wide += big_endian ? '\0' : c;
        wide += big_endian ? c : '\0';
    }
    return wide;
}

constexpr watch_options polled{.every = std::chrono::milliseconds{0}};

}  // namespace

TEST_CASE("a stopped plan stops whatever its version, its parent and its shares are")
{
    const auto stops = [](const std::function<void(traffic_plan&)>& change) {
        auto trial = trial_of(hash_split{.salt = long_name, .shares = {0.5, 0.5}});
        traffic_plan plan = plan_of(trial);
        plan.version = 7;
        replace_plan(trial, plan);
        REQUIRE(served_by_challenger(trial) > 50);
        plan = plan_of(trial);
        plan.stopped = true;
        change(plan);
        const plan_difference moves = replace_plan(trial, plan);
        CHECK(moves.moved == Approx(0.5).margin(1e-12));
        CHECK(served_by_challenger(trial) == 0);
        CHECK(plan_of(trial).stopped);
        CHECK(plan_of(trial).version >= 7);
        CHECK(plan_of(trial).shares == share_list{0.5, 0.5});
        CHECK(plan_of(trial).salt == long_name);
        CHECK_THAT(trial.report().notes.back(),
                   Catch::Matchers::Contains("stopped, everything to the champion"));
        // The next plan goes on.
        traffic_plan next = plan_of(trial);
        next.stopped = false;
        next.parent = 0;
        ++next.version;
        replace_plan(trial, next);
        CHECK(served_by_challenger(trial) > 50);
    };
    stops([](traffic_plan&) {});                                  // the plan in force, with another `stopped`
    stops([](traffic_plan& plan) { plan.version = 1; });          // an old file
    stops([](traffic_plan& plan) { plan.version = 0; });          // no version
    stops([](traffic_plan& plan) { plan.parent = 17; });          // the plan was changed in the meantime
    stops([](traffic_plan& plan) { plan.shares = {}; });          // no shares
    stops([](traffic_plan& plan) { plan.shares = {0.5, 0.6}; });  // shares that are none
    stops([](traffic_plan& plan) { plan.shares = {0.2, 0.3, 0.5}; });
    stops([](traffic_plan& plan) { plan.slots = {{0, 1}}; });

    auto other = trial_of(hash_split{.salt = long_name, .shares = {0.5, 0.5}});
    CHECK_THROWS_WITH(replace_plan(other, traffic_plan{.salt = "another", .version = 2, .stopped = true}),
                      Catch::Matchers::Contains("another salt is another trial"));
    CHECK(served_by_challenger(other) > 50);
}

TEST_CASE("a trial stops after the last version, and the shares and slots of the plan before are kept")
{
    const auto check = [](auto trial_maker) {
        auto trial = trial_maker();
        std::vector<int> before;
        for (std::uint64_t user = 0; user < 200; ++user) {
            before.push_back(trial(request{user}));
        }
        traffic_plan plan = plan_of(trial);
        plan.version = last_version - 1;
        replace_plan(trial, plan);
        const auto slots = plan_of(trial).slots;
        plan = plan_of(trial);
        plan.stopped = true;
        replace_plan(trial, plan);
        CHECK(served_by_challenger(trial) == 0);
        CHECK(plan_of(trial).slots == slots);
        replace_plan(trial, plan);  // Stopping twice is stopping once.
        CHECK(served_by_challenger(trial) == 0);
        plan.stopped = false;
        plan.version = last_version;
        replace_plan(trial, plan);
        for (std::uint64_t user = 0; user < 200; ++user) {
            CHECK(trial(request{user}) == before[user]);
        }
        plan.stopped = true;
        replace_plan(trial, plan);
        CHECK(served_by_challenger(trial) == 0);
        CHECK(plan_of(trial).version == last_version);
    };
    check([] { return trial_of(hash_split{.salt = "last", .shares = {0.5, 0.5}}); });
    check([] { return trial_of(slot_split{.salt = "last", .shares = {0.5, 0.5}}); });
    check([] { return trial_of(overrides({{"3", 1}}, hash_split{.salt = "last", .shares = {0.5, 0.5}})); });
}

TEST_CASE("a stopped trial gives forced units to the champion too, and so does a canary that was rolled back")
{
    auto trial = trial_of(
        overrides({{"3", 1}, {"4", 1}, {"5", 0}}, hash_split{.salt = "forced", .shares = {1.0, 0.0}}));
    CHECK(served_by_challenger(trial) == 2);
    traffic_plan plan = plan_of(trial);
    plan.stopped = true;
    replace_plan(trial, plan);
    CHECK(served_by_challenger(trial) == 0);
    plan.stopped = false;
    ++plan.version;
    replace_plan(trial, plan);
    CHECK(served_by_challenger(trial) == 2);

    canary rollout{model{"old", [](const request&) { return 0; }},
                   model{"new", [](const request&) { return 1; }},
                   by(&request::user),
                   overrides({{"3", 1}, {"4", 1}, {"5", 0}}, hash_split{.salt = "forced"}),
                   ramp{.shares = {0.5}},
                   untimed{}};
    CHECK(served_by_challenger(rollout) > 50);
    rollout.roll_back("enough");
    CHECK(served_by_challenger(rollout) == 0);
}

TEST_CASE("a watched file that says stopped stops, whatever else is wrong with it")
{
    const temporary_file file{"any.kill.json"};
    const auto stops = [&](const std::function<std::string(const std::string&)>& damage) {
        for (const bool early : {false, true}) {
            CAPTURE(early);
            auto trial = trial_of(hash_split{.salt = "watched", .shares = {0.5, 0.5}});
            auto rollout = canary{model{"old", [](const request&) { return 0; }},
                                  model{"new", [](const request&) { return 1; }},
                                  by(&request::user),
                                  hash_split{.salt = "watched"},
                                  ramp{.shares = {0.5}},
                                  untimed{}};
            traffic_plan plan = plan_of(trial);
            const std::string good = json_of(plan);
            plan.stopped = true;
            const std::string text = damage(json_of(plan));
            CAPTURE(text);
            write_file(file.path, early ? text : good);
            plan_watch watch{trial, file.path, polled};
            plan_watch second{rollout, file.path, polled};
            if (!early) {
                REQUIRE(served_by_challenger(trial) > 50);
                write_file(file.path, text);
                CHECK(watch.poll());
                CHECK(second.poll());
                CHECK_FALSE(watch.poll());
                CHECK_FALSE(second.poll());
            }
            CHECK(served_by_challenger(trial) == 0);
            CHECK(served_by_challenger(rollout) == 0);
            CHECK(plan_of(trial).stopped);
            CHECK(rollout.rolled_back());
        }
    };
    stops([](const std::string& text) { return text; });
    stops([](const std::string& text) { return replaced(text, "{", "{\"note\":\"stop at once\","); });
    stops([](const std::string& text) { return replaced(text, "\"version\":1", "\"version\":-4"); });
    stops([](const std::string& text) {
        return replaced(text, "\"version\":1", "\"version\":18446744073709551616");
    });
    stops([](const std::string& text) { return replaced(text, "\"version\":1,", ""); });
    stops([](const std::string& text) { return replaced(text, "[0.5,0.5]", "[0.5,0.6]"); });
    stops([](const std::string& text) { return replaced(text, "[0.5,0.5]", "\"half\""); });
    stops([](const std::string& text) { return replaced(text, "\"format\":1", "\"format\":2"); });
    stops([](const std::string& text) { return replaced(text, "\"salt\":\"watched\",", ""); });
    stops([](const std::string& text) { return replaced(text, "\"stopped\":true", "\"stopped\" : 1"); });
    stops([](const std::string& text) {
        return replaced(text, "\"stopped\":true", "\"stopped\":false,\"stopped\":\n true");
    });
    stops([](const std::string& text) { return text.substr(0, text.find("\"shares\"") + 10); });  // cut off
    stops([](const std::string& text) { return text + std::string{"\0", 1} + "x"; });
    stops([](const std::string& text) { return replaced(text, "\"watched\",", "\"watched,"); });
    stops([](const std::string& text) { return "# stop!\n" + text; });
    stops([](const std::string& text) { return text + text; });
    stops([](const std::string& text) { return text + std::string(300'000, ' '); });
    // Names as hands and other tools write them.
    const auto renamed = [&](const std::string& name) {
        stops([&](const std::string& text) { return replaced(text, "\"stopped\":", name); });
    };
    for (const char* name : {"\"Stopped\":", "\"STOPPED\" :", "\"stop\":", "\"stopped \":", "\" stopped\":",
                             "stopped:", "'stopped':", "\"stopped\"=", "stopped = "}) {
        renamed(name);
    }
    stops([](const std::string& text) {
        std::string quoted = text;
        for (char& c : quoted) {
            c = c == '"' ? '\'' : c;
        }
        return quoted;
    });
    stops([](const std::string&) { return std::string{"salt: watched\nstopped: true\n"}; });
    stops([](const std::string&) { return std::string{"{\"stopped\":true,\"salt\":\"\"}"}; });
    for (const bool big_endian : {false, true}) {
        stops([&](const std::string& text) { return in_utf16(text, big_endian); });
    }

    // What does not say stopped, or names another trial, stops nothing.
    auto trial = trial_of(hash_split{.salt = "watched", .shares = {0.5, 0.5}});
    plan_watch watch{trial, file.path + ".none", polled};
    CHECK(served_by_challenger(trial) > 50);
    traffic_plan plan = plan_of(trial);
    plan.stopped = true;
    const auto ignores = [&](const std::string& text) {
        CAPTURE(text);
        write_file(file.path, text);
        plan_watch other{trial, file.path, polled};
        CHECK(served_by_challenger(trial) > 50);
        CHECK_FALSE(other.state().last_refusal.empty());
    };
    ignores(replaced(json_of(plan), "watched", "another"));
    ignores(replaced(replaced(json_of(plan), "watched", "another"), "\"version\":1", "\"version\":x"));
    ignores(replaced(json_of(plan), "\"stopped\":true", "\"stopped\":false,\"stopped\":false"));
    ignores(replaced(json_of(plan), "\"stopped\":true", "\"note\":\"\\\"stopped\\\":true\""));
    ignores(replaced(json_of(plan), "\"stopped\":true", "\"stopper\":true"));
    ignores(replaced(json_of(plan), "\"stopped\":true", "\"not_stopped\":true"));
    ignores(replaced(json_of(plan), "\"stopped\":true", "'stopped':'no'"));
    ignores(replaced(json_of(plan), "\"stopped\":true", "\"note\":\"stopped: true\""));
    ignores(replaced(json_of(plan), "\"stopped\":true", "\"why\":\"stopped\""));
    ignores(in_utf16(replaced(json_of(plan), "watched", "another"), false));
    ignores("{'salt':'another','stopped':true}");
    ignores("");
}

TEST_CASE("a transport of one's own asks says_stopped before it parses")
{
    CHECK(says_stopped(R"({"stopped":true})"));
    CHECK(says_stopped("\xef\xbb\xbf{ \"stopped\"\t:\r\n true, oops"));
    CHECK(says_stopped(R"({"stopped":"yes"})"));
    CHECK_FALSE(says_stopped(R"({"stopped":false})"));
    CHECK_FALSE(says_stopped(R"({"stopped": null})"));
    CHECK_FALSE(says_stopped(R"({"stopped":)"));
    CHECK_FALSE(says_stopped(R"({"stopped")"));
    CHECK_FALSE(says_stopped(""));
    // A stopped plan may have a member too many; any other plan may not.
    const std::string stopped =
        R"({"joust":"plan","format":1,"salt":"s","version":1,"shares":[0.5,0.5],"why":"x")";
    CHECK(parse_plan(stopped + R"(,"stopped":true})").stopped);
    CHECK_THROWS_AS(parse_plan(stopped + R"(,"stopped":false})"), parse_error);
    CHECK_THROWS_AS(parse_plan(stopped + "}"), parse_error);
}

TEST_CASE("a bandit that is stopped does not start again when it learns")
{
    auto trial = trial_of(epsilon_greedy{.salt = "still"});
    REQUIRE(served_by_challenger(trial) > 50);
    replan(trial);
    traffic_plan plan = plan_of(trial);
    plan.stopped = true;
    replace_plan(trial, plan);
    CHECK(served_by_challenger(trial) == 0);
    replan(trial);
    replan(trial, trial.evidence());
    CHECK(served_by_challenger(trial) == 0);
    CHECK_THROWS_AS(replace_plan(trial,
                                 [&] {
                                     traffic_plan old = plan;
                                     old.stopped = false;
                                     return old;
                                 }()),
                    configuration_error);  // Only a later version starts a stopped trial again.
    CHECK(served_by_challenger(trial) == 0);
    plan.stopped = false;
    plan.version = 2;
    replace_plan(trial, plan);
    CHECK(served_by_challenger(trial) > 50);
    replan(trial);
    CHECK(plan_of(trial).version == 2);
    plan = plan_of(trial);
    plan.stopped = true;
    {
        const joust_tests::no_memory out;
        replace_plan(trial, plan);
    }
    CHECK(served_by_challenger(trial) == 0);
    CHECK(plan_of(trial).slots == plan.slots);
}

TEST_CASE("replace_plan stops first and explains afterwards, also when memory is out")
{
    const auto check = [](auto trial_maker) {
        auto trial = trial_maker();
        std::vector<int> before;
        for (std::uint64_t user = 0; user < 200; ++user) {
            before.push_back(trial(request{user}));
        }
        traffic_plan plan = plan_of(trial);
        plan.version = 2;
        plan.stopped = true;
        const auto slots = plan.slots;
        std::exception_ptr thrown;
        {
            const joust_tests::no_memory out;
            try {
                static_cast<void>(replace_plan(trial, plan));
            } catch (...) {
                thrown = std::current_exception();
            }
        }
        CHECK(thrown == nullptr);
        CHECK(served_by_challenger(trial) == 0);
        CHECK(plan_of(trial).stopped);
        CHECK(plan_of(trial).version == 2);
        CHECK(plan_of(trial).salt == trial.name());
        CHECK(plan_of(trial).slots == slots);
        traffic_plan next = plan_of(trial);
        next.version = 3;
        next.stopped = false;
        next.slots.clear();
        {
            const joust_tests::no_memory out;
            try {
                static_cast<void>(replace_plan(trial, next));
            } catch (...) {
                thrown = std::current_exception();
            }
        }
        if (joust_tests::memory_can_run_out()) {
            CHECK(thrown != nullptr);  // Starting again needs memory, so that the trial can be stopped again.
            CHECK(served_by_challenger(trial) == 0);
            replace_plan(trial, next);
        }
        for (std::uint64_t user = 0; user < 200; ++user) {
            CHECK(trial(request{user}) == before[user]);
        }
        // And a second time.
        next.stopped = true;
        next.version = 4;
        {
            const joust_tests::no_memory out;
            static_cast<void>(replace_plan(trial, next));
        }
        CHECK(served_by_challenger(trial) == 0);
    };
    check([] { return trial_of(hash_split{.salt = long_name, .shares = {0.5, 0.5}}); });
    check([] { return trial_of(slot_split{.salt = long_name, .shares = {0.5, 0.5}}); });
    check([] {
        return trial_of(when([](const request& r) { return r.user % 2 == 0; },
                             slot_split{.salt = long_name, .shares = {0.5, 0.5}}));
    });
    check(
        [] { return trial_of(overrides({{"3", 1}}, hash_split{.salt = long_name, .shares = {0.5, 0.5}})); });
}

TEST_CASE("a watched file stops a trial and a canary when memory is out")
{
    const temporary_file file{"memory.kill.json"};
    auto trial = trial_of(hash_split{.salt = long_name, .shares = {0.5, 0.5}});
    auto rollout = canary_of();
    traffic_plan plan = plan_of(trial);
    plan.version = 2;
    save_plan(file.path, plan);
    plan_watch watch{trial, file.path, polled};
    plan_watch second{rollout, file.path, polled};
    plan.version = 3;
    plan.stopped = true;
    save_plan(file.path, plan);
    {
        const joust_tests::no_memory out;
        static_cast<void>(watch.poll());
        static_cast<void>(second.poll());
    }
    CHECK(served_by_challenger(trial) == 0);
    CHECK(rollout.rolled_back());
    CHECK(served_by_challenger(rollout) == 0);
    // With memory again, the file is read as it is.
    static_cast<void>(watch.poll());
    CHECK(plan_of(trial).version == 3);
    CHECK(watch.state().last_refusal.empty());
}

TEST_CASE("roll_back takes the challenger out when memory is out")
{
    auto trial = canary_of();
    CHECK(served_by_challenger(trial) > 50);
    {
        const joust_tests::no_memory out;
        trial.roll_back("a reason that does not fit into a short string, so that it needs memory");
    }
    CHECK(trial.rolled_back());
    CHECK(served_by_challenger(trial) == 0);
    CHECK(trial.share() == 0.0);
    const report seen = trial.report();
    CHECK(seen.decision == verdict::roll_back);
    CHECK_FALSE(seen.reason.empty());
}

TEST_CASE("a handle takes the challenger of its canary out when memory is out")
{
    any_trial<int(const request&)> handle{[] { return canary_of(); }};
    CHECK(served_by_challenger(handle) > 50);
    {
        const joust_tests::no_memory out;
        handle.roll_back("a reason that does not fit into a short string, so that it needs memory");
    }
    CHECK(served_by_challenger(handle) == 0);
    any_trial<int(const request&)> other{
        [] { return trial_of(hash_split{.salt = long_name, .shares = {0.5, 0.5}}); }};
    CHECK_THROWS_AS(other.roll_back("not a canary"), configuration_error);
}

TEST_CASE("a guardrail that breaks takes the challenger out when memory is out")
{
    canary trial{model{"old", [](const request&) { return 0; }},
                 model{"new",
                       [](const request&) -> int {
                           static const std::exception_ptr trouble =
                               std::make_exception_ptr(std::runtime_error{"down"});
                           std::rethrow_exception(trouble);
                       }},
                 by(&request::user),
                 hash_split{.salt = long_name},
                 ramp{.shares = {0.5}},
                 untimed{}};
    (void)trial(request{1});  // The slab of this thread is claimed, and the exception made.
    (void)trial(request{2});
    (void)trial(request{3});
    {
        const joust_tests::no_memory out;
        for (std::uint64_t user = 4; user < 400 && !trial.rolled_back(); ++user) {
            (void)trial(request{user});
        }
    }
    CHECK(trial.rolled_back());
    CHECK(trial.report().decision == verdict::roll_back);
}

TEST_CASE("a canary that tells a listener is stopped before the listener is told, also when memory is out")
{
    int told = 0;
    auto trial = canary_of(
        guardrail(conversion<"good">{.per = per::observed}, {.max_decrease = 0.02}),
        on_event([&told](const trial_event& seen) { told += seen.kind == transition::rolled_back ? 1 : 0; }));
    {
        std::optional<joust_tests::no_memory> out;
        for (std::uint64_t user = 0; user < 20'000 && !trial.rolled_back(); ++user) {
            const auto [arm, ticket] = trial.serve(request{user});
            trial.template observe<"good">(ticket, arm == 0);
            if (user == 100) {  // before the first look
                REQUIRE_FALSE(trial.rolled_back());
                out.emplace();
            }
        }
    }
    CHECK(trial.rolled_back());
    CHECK(served_by_challenger(trial) == 0);
    // Where memory ran out the event is lost, and counted.
    CHECK(told == (joust_tests::memory_can_run_out() ? 0 : 1));
}

TEST_CASE("a look at evidence that is given takes the challenger out before it needs memory")
{
    // What breaks is a guardrail on a metric, so that only looks find it.
    auto make = [] {
        return canary_of(guardrail(conversion<"good">{.per = per::observed}, {.max_decrease = 0.02}));
    };
    auto trial = make();
    for (std::uint64_t user = 0; user < 6'000; ++user) {
        const auto [arm, ticket] = trial.serve(request{user});
        if (trial.rolled_back()) {
            break;
        }
        trial.template observe<"good">(ticket, arm == 0);
    }
    trial.step();
    REQUIRE(trial.rolled_back());

    auto again = make();
    {
        std::optional<joust_tests::no_memory> out;
        for (std::uint64_t user = 0; user < 20'000 && !again.rolled_back(); ++user) {
            const auto [arm, ticket] = again.serve(request{user});
            again.template observe<"good">(ticket, arm == 0);
            if (user == 100) {  // before the first look
                REQUIRE_FALSE(again.rolled_back());
                out.emplace();
            }
        }
    }
    CHECK(again.rolled_back());
    CHECK(again.report().decision == verdict::roll_back);
}

namespace {

/// A splitter of a caller's own, without shares.
struct odd_users {
    joust::salt salt{};
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        return {static_cast<unsigned>(call.unit & 1U), 0.5, true};
    }
};

/// Put texts of a plan into a file that a watch follows, stop the trial, and start it again by a later version.
template <class Trial, class Served>
void stops_and_starts_by_file(Trial& trial, const char* name, Served served)
{
    const temporary_file file{std::string{name} + ".kill.json"};
    plan_watch watch{trial, file.path, polled};
    const int before = served();
    REQUIRE(before > 20);
    traffic_plan plan = plan_of(trial);
    CHECK(plan.version == 1);
    CHECK_FALSE(plan.stopped);
    save_plan(file.path, plan);
    CHECK_FALSE(watch.poll());  // It is in force already.
    CHECK(watch.state().last_refusal.empty());
    plan.version = 2;
    plan.stopped = true;
    save_plan(file.path, plan);
    {
        const joust_tests::no_memory out;
        static_cast<void>(watch.poll());
    }
    CHECK(served() == 0);
    static_cast<void>(watch.poll());
    CHECK(plan_of(trial).version == 2);
    CHECK(plan_of(trial).stopped);
    CHECK(watch.state().last_refusal.empty());
    // An old version does not start it, and a later one does.
    plan.stopped = false;
    plan.version = 1;
    save_plan(file.path, plan);
    CHECK_FALSE(watch.poll());
    CHECK(served() == 0);
    CHECK_FALSE(watch.state().last_refusal.empty());
    plan.version = 3;
    save_plan(file.path, plan);
    CHECK(watch.poll());
    CHECK(served() == before);
    CHECK(watch.state().last_refusal.empty());
    // In a hurry.
    write_file(file.path, "{\"stopped\":true}");
    CHECK(watch.poll());
    CHECK(served() == 0);
    CHECK_FALSE(watch.poll());
    write_file(file.path, "{\"stopped\":false}");
    CHECK_FALSE(watch.poll());
    CHECK(served() == 0);
    plan.version = 4;
    replace_plan(trial, plan);
    CHECK(served() == before);
    // Another trial's file stops nothing.
    traffic_plan other = plan;
    other.salt = "another";
    other.stopped = true;
    save_plan(file.path, other);
    CHECK_FALSE(watch.poll());
    CHECK(served() == before);
}

template <class Splitter>
void stops_splitter(Splitter splitter, const char* name)
{
    CAPTURE(name);
    ab_test trial{model{"old", [](const request&) { return 0; }},
                  model{"new", [](const request&) { return 1; }},
                  by(&request::user),
                  std::move(splitter),
                  conversion<"click">{},
                  untimed{}};
    stops_and_starts_by_file(trial, name, [&] { return served_by_challenger(trial); });
    // Shares that the splitter cannot follow are refused with a sentence.
    traffic_plan plan = plan_of(trial);
    plan.version = 9;
    plan.shares = {0.4, 0.6};
    CHECK_THROWS_WITH(replace_plan(trial, plan), Catch::Matchers::Contains("plan.shares"));
    plan.shares = {};
    replace_plan(trial, plan);
    CHECK(plan_of(trial).version == 9);
    CHECK(served_by_challenger(trial) > 20);
}

}  // namespace

TEST_CASE("a plan stops and starts a trial whatever splitter it has")
{
    stops_splitter(rendezvous{.salt = "met"}, "rendezvous");
    stops_splitter(switchback{.salt = "block", .block = 1e9}, "switchback");
    stops_splitter(assigned_by([](const request& r) { return assignment{r.user % 2 == 0 ? 1U : 0U, 0.5}; }),
                   "assigned");
    stops_splitter(assigned_by([](const request& r) { return r.user % 2; }, {0.5, 0.5}), "assigned_shares");
    stops_splitter(odd_users{.salt = "odd"}, "own");
    stops_splitter(overrides({{"3", 1}}, odd_users{.salt = "odd"}), "forced");
    stops_splitter(when([](const request& r) { return r.user % 2 == 0; }, assigned_by([](const request& r) {
                            return assignment{r.user % 4 == 0 ? 1U : 0U, 0.5};
                        })),
                   "ruled");
    stops_splitter(interop::growthbook_split{by(&request::user), {.key = "grow", .hash_version = 2}},
                   "growthbook");
}

TEST_CASE("a stopped trial records its calls for the champion alone, and its estimates do not change")
{
    auto trial =
        trial_of(assigned_by([](const request& r) { return assignment{r.user % 2 == 0 ? 1U : 0U, 0.5}; }));
    for (std::uint64_t user = 0; user < 400; ++user) {
        const auto [arm, ticket] = trial.serve(request{user});
        trial.observe<"click">(ticket, user % 4 < 2);
    }
    const report before = trial.report();
    traffic_plan plan = plan_of(trial);
    plan.stopped = true;
    replace_plan(trial, plan);
    for (std::uint64_t user = 0; user < 400; ++user) {
        const auto [arm, ticket] = trial.serve(request{user});
        CHECK(arm == 0);
        trial.observe<"click">(ticket, true);
    }
    CHECK(explain(trial, request{2}).find("stopped: served by \"old\"") != std::string::npos);
    const report after = trial.report();
    CHECK(after.arms[0].requests == before.arms[0].requests + 400);
    CHECK(after.arms[1].requests == before.arms[1].requests);
    CHECK(after.metrics[0].champion == before.metrics[0].champion);
    CHECK(after.metrics[0].challenger == before.metrics[0].challenger);
}

namespace {

using rows = std::vector<int>;

auto search_of()
{
    return interleaving{model{"old", [](const request&) { return rows{1, 2, 3, 4}; }},
                        model{"new", [](const request&) { return rows{5, 6, 7, 8}; }}, by(&request::user),
                        salt{"stopped search"}, untimed{}};
}

template <class Search>
int shown_of_challenger(Search& search)
{
    int shown = 0;
    for (std::uint64_t user = 0; user < 50; ++user) {
        for (const int item : search.rank(request{user}, 4)) {
            shown += item > 4 ? 1 : 0;
        }
    }
    return shown;
}

}  // namespace

TEST_CASE("a plan stops and starts an interleaving")
{
    {
        // The coins differ between calls, so the counts after a start do too.
        auto search = search_of();
        const temporary_file file{"search.kill.json"};
        plan_watch watch{search, file.path, polled};
        REQUIRE(shown_of_challenger(search) > 20);
        const auto page = search.rank(request{1}, 4);
        const auto chosen = search.choose(std::uint64_t{2});
        const std::uint64_t shown = search.report().arms[0].requests;
        write_file(file.path, "{\"stopped\":true}");
        {
            const joust_tests::no_memory out;
            static_cast<void>(watch.poll());
        }
        CHECK(plan_of(search).stopped);
        CHECK(shown_of_challenger(search) == 0);
        const auto later = search.rank(request{1}, 4);
        CHECK(rows(later.begin(), later.end()) == rows{1, 2, 3, 4});
        CHECK_FALSE(search.click(later.ticket(), 0));
        // Lists that were chosen before are not mixed any more.
        const rows old_list{1, 2, 3, 4};
        const rows new_list{5, 6, 7, 8};
        const auto brought = search.interleave(std::tie(old_list, new_list), chosen, 4);
        CHECK(rows(brought.begin(), brought.end()) == old_list);
        const auto none = search.choose(std::uint64_t{3});
        const auto unmixed = search.interleave(std::tie(old_list, new_list), none, 4);
        CHECK(rows(unmixed.begin(), unmixed.end()) == old_list);
        const auto next_page = search.rank_from(page.ticket(), 2, request{1}, 2);
        CHECK(rows(next_page.begin(), next_page.end()) == rows{3, 4});
        // Clicks on what was shown before count.
        bool used = false;
        for (std::size_t i = 0; i < 4; ++i) {
            used = search.click(page.ticket(), i) || used;
        }
        CHECK(used);
        const report seen = search.report();
        CHECK(seen.arms[0].requests == shown);
        std::string notes;
        for (const std::string& note : seen.notes) {
            notes += note + "\n";
        }
        CHECK_THAT(notes, Catch::Matchers::Contains("stopped, so that users get the champion's list"));
        std::uint64_t counted = 0;
        for (const auto& each : seen.counts) {
            counted += each.what.find("since the trial was stopped") != std::string::npos ? each.count : 0;
        }
        CHECK(counted == 55);
        CHECK_THAT(notes, Catch::Matchers::Contains("A later plan was refused"));
        traffic_plan plan = plan_of(search);
        plan.stopped = false;
        CHECK_THROWS_AS(replace_plan(search, plan), configuration_error);
        CHECK(shown_of_challenger(search) == 0);
        plan.version = 2;
        plan.shares = {0.5, 0.5};
        CHECK_THROWS_WITH(replace_plan(search, plan), Catch::Matchers::Contains("plan.shares"));
        plan.shares = {};
        plan.parent = 77;
        CHECK_THROWS_WITH(replace_plan(search, plan), Catch::Matchers::Contains("plan.parent"));
        plan.parent = plan_of(search).digest();
        replace_plan(search, plan);
        CHECK(shown_of_challenger(search) > 20);
        plan.salt = "another";
        plan.stopped = true;
        CHECK_THROWS_AS(replace_plan(search, plan), configuration_error);
        CHECK(shown_of_challenger(search) > 20);
    }
    {
        interleaving search{model{"old", [](const request&) { return rows{1, 2, 3, 4}; }},
                            model{"new", [](const request&) -> rows { throw std::runtime_error{"down"}; }},
                            by(&request::user),
                            salt{"side by side"},
                            at_once(std::chrono::seconds{5}),
                            untimed{}};
        replace_plan(search, traffic_plan{.salt = "side by side", .stopped = true});
        for (std::uint64_t user = 0; user < 20; ++user) {
            CHECK(search.rank(request{user}, 4).size() == 4);
        }
        CHECK(search.report().arms[1].failures == 0);  // Its ranker was not asked.
    }
}

TEST_CASE("a handle stops and starts the trial inside by a plan")
{
    any_trial<int(const request&)> handle{
        [] { return trial_of(hash_split{.salt = "handle", .shares = {0.5, 0.5}}); }};
    stops_and_starts_by_file(handle, "handle", [&] { return served_by_challenger(handle); });
    traffic_plan plan = plan_of(handle);
    plan.version = 9;
    plan.shares = {0.4, 0.6};
    CHECK(replace_plan(handle, plan).moved == Approx(0.1).margin(1e-12));
    any_trial<int(const request&)> other{[] {
        return trial_of(assigned_by([](const request& r) { return assignment{1, r.user < 9 ? 1.0 : 0.5}; }));
    }};
    plan = plan_of(other);
    CHECK(plan.shares.empty());
    plan.stopped = true;
    {
        const joust_tests::no_memory out;
        replace_plan(other, plan);
    }
    CHECK(served_by_challenger(other) == 0);

    any_trial<int(const request&)> rollout{[] { return canary_of(); }};
    plan = plan_of(rollout);
    CHECK(plan.shares == share_list{0.5, 0.5});
    CHECK_THROWS_WITH(replace_plan(rollout, plan), Catch::Matchers::Contains("ramp"));
    CHECK(served_by_challenger(rollout) > 50);
    plan.stopped = true;
    CHECK(replace_plan(rollout, plan).moved == 0.5);
    CHECK(served_by_challenger(rollout) == 0);
    CHECK(plan_of(rollout).stopped);

    any_trial<int(const request&)> beside{[] {
        return shadow{model{"old", [](const request&) { return 0; }},
                      model{"new", [](const request&) { return 1; }}, by(&request::user), salt{"beside"},
                      inline_run{}};
    }};
    CHECK_THROWS_WITH(replace_plan(beside, plan), Catch::Matchers::Contains("serve their challengers"));
    CHECK_THROWS_AS(plan_of(beside), configuration_error);
    const any_trial<int(const request&)> moved{std::move(handle)};
    CHECK_THROWS_AS(replace_plan(handle, plan), configuration_error);

    const temporary_file file{"moved.kill.json"};
    write_file(file.path, "{\"stopped\":true}");
    plan_watch nothing{handle, file.path,
                       polled};  // A handle that is empty is not stopped, and nothing ends.
    CHECK_FALSE(nothing.state().last_refusal.empty());
}
