// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/when.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/plan_watch.hpp>
#include <joust/trial/replace_plan.hpp>

#include "catch.hpp"
#include "sanitized.hpp"
#include "store/temporary_file.hpp"

#include <atomic>
#include <cstdio>
#include <list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace joust;

namespace {

using joust_test::temporary_file;

struct request {
    std::uint64_t user = 0;
};

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

traffic_plan next_of(const traffic_plan& now, share_list shares)
{
    traffic_plan next = now;
    next.version = now.version + 1;
    next.parent = now.digest();
    next.shares = shares;
    next.slots.clear();
    return next;
}

/// A plan that reports its destruction.
struct watched {
    unsigned number;
    std::atomic<int>* alive;
    int value = 1;
    watched(unsigned which, std::atomic<int>* count) : number(which), alive(count) { ++*alive; }
    watched(const watched&) = delete;
    watched& operator=(const watched&) = delete;
    ~watched()
    {
        value = 0;
        --*alive;
    }
};

std::list<watched> one(unsigned number, std::atomic<int>& alive)
{
    std::list<watched> list;
    list.emplace_back(number, &alive);
    return list;
}

}  // namespace

TEST_CASE("plans beyond the first 128 and the latest 128 are destroyed when no reader pins them")
{
    std::atomic<int> alive{0};
    {
        detail::plan_board<watched> board{one(0, alive)};
        detail::slab_layout layout;
        detail::slab thread_slab{layout, false};
        const auto pins = [&](auto&& visit) { visit(thread_slab.pinned()); };
        for (unsigned n = 1; n < 200; ++n) {
            board.publish(one(n, alive), pins);
        }
        CHECK(alive == 200);
        CHECK(board.without_pin() == nullptr);
        const int seen =
            board.read_pinned(thread_slab, [](const watched& plan) { return static_cast<int>(plan.number); });
        CHECK(seen == 199);
        for (unsigned n = 200; n < 1'000; ++n) {
            board.publish(one(n, alive), pins);
        }
        // These are the first 128, the latest 128, and the pinned plan.
        CHECK(alive == 257);
        CHECK(static_cast<const watched*>(thread_slab.pinned())->value == 1);
        CHECK_FALSE(board.for_each([](const watched&) {}));
        CHECK(board.read_of_ticket(999 % 128, [](const watched& plan) { return plan.number; }) == 999);
        CHECK(board.read_of_ticket(900 % 128, [](const watched& plan) { return plan.number; }) == 900);
        CHECK(board.read_pinned(thread_slab, [](const watched& plan) { return plan.number; }) == 999);
        board.publish(one(1'000, alive), pins);
        CHECK(alive == 256);
        // Threads that share a slab are counted while they read a plan.
        detail::slab shared{layout, true};
        CHECK(board.read_pinned(shared, [](const watched& plan) { return plan.number; }) == 1'000);
    }
    CHECK(alive == 0);
}

TEST_CASE("up to 128 plans no reader pins a plan")
{
    std::atomic<int> alive{0};
    detail::plan_board<watched> board{one(0, alive)};
    for (unsigned n = 1; n < 128; ++n) {
        board.publish(one(n, alive), [](auto&&) {});
        REQUIRE(board.without_pin() != nullptr);
        CHECK(board.without_pin()->number == n);
    }
    int visited = 0;
    CHECK(board.for_each([&](const watched&) { ++visited; }));
    CHECK(visited == 128);
}

TEST_CASE("threads serve while plans are replaced a thousand times, and each sees a whole plan",
          "[concurrent]")
{
    auto trial = trial_of(hash_split{.salt = "swap", .shares = {0.5, 0.5}});
    constexpr int swaps = joust_tests::sanitized ? 400 : 1'500;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> served{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&, t] {
            std::uint64_t user = static_cast<std::uint64_t>(t) << 32;
            while (!stop.load(std::memory_order_relaxed)) {
                const auto [arm, ticket] = trial.serve(request{++user});
                if (static_cast<unsigned>(arm) != ticket.arm() || !(ticket.propensity() > 0.0F)) {
                    std::abort();
                }
                if (user % 7 == 0) {
                    trial.template observe<"click">(ticket, 1.0);
                    trial.template observe<"click">(user, 1.0);
                }
                served.fetch_add(1, std::memory_order_relaxed);
            }
        });
    }
    for (int n = 0; n < swaps; ++n) {
        const double share = 0.05 + 0.4 * ((n % 10) / 10.0);
        replace_plan(trial, next_of(plan_of(trial), {1.0 - share, share}));
        if (n % 100 == 0) {
            static_cast<void>(trial.report());
        }
    }
    stop = true;
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(served > 0);
    CHECK(trial.evidence().requests() == served);
    CHECK(plan_of(trial).version == static_cast<std::uint64_t>(swaps) + 1);
}

TEST_CASE("a plan is replaced by the next one of its chain, and the report says which is in force")
{
    auto trial = trial_of(hash_split{.salt = "chain", .shares = {0.9, 0.1}});
    const traffic_plan first = plan_of(trial);
    CHECK(first.version == 1);
    CHECK(first.salt == "chain");
    CHECK(first.shares == share_list{0.9, 0.1});
    const plan_difference moves = replace_plan(trial, next_of(first, {0.5, 0.5}));
    CHECK(moves.moved == Approx(0.4).margin(1e-12));
    CHECK(moves.from_to[0][1] == Approx(0.4).margin(1e-12));
    CHECK(first.diff(next_of(first, {0.5, 0.5})) == moves);  // The difference is known beforehand.
    CHECK(first.diff(first).moved == 0.0);
    CHECK_THROWS_AS(first.diff(next_of(first, {0.5, 0.6})), configuration_error);
    int challengers = 0;
    for (std::uint64_t user = 0; user < 4'000; ++user) {
        challengers += trial(request{user});
    }
    CHECK(challengers > 1'800);
    CHECK(trial.report().notes.back() == "In force: plan 2 of 'chain': 50.00 % / 50.00 %.");

    const auto refused = [&](const traffic_plan& next, const char* why) {
        CHECK_THROWS_WITH(replace_plan(trial, next), Catch::Matchers::Contains(why));
        CHECK(plan_of(trial).version == 2);
    };
    refused(next_of(first, {0.4, 0.6}), "a version above the version in force, 2");
    traffic_plan odd = next_of(plan_of(trial), {0.4, 0.6});
    odd.parent = 17;
    refused(odd, "the plan was changed in the meantime");
    odd = next_of(plan_of(trial), {0.4, 0.6});
    odd.salt = "other";
    refused(odd, "another salt is another trial");
    refused(next_of(plan_of(trial), {0.4, 0.4}), "positive shares that sum to 1");
    refused(next_of(plan_of(trial), {0.4, 0.3, 0.3}), "one for each model");
    odd = next_of(plan_of(trial), {0.4, 0.6});
    odd.slots = {{0, 1}};
    refused(odd, "shares alone, or a slot_split");
    odd.slots.clear();
    odd.parent = 0;  // The plan may follow any plan.
    replace_plan(trial, odd);
    CHECK(plan_of(trial).version == 3);
}

TEST_CASE("the kill switch gives everything to the champion, and the next plan goes on where units were")
{
    for (const bool slots : {false, true}) {
        CAPTURE(slots);
        const auto check = [](auto trial_maker) {
            auto trial = trial_maker();
            std::vector<int> before;
            for (std::uint64_t user = 0; user < 500; ++user) {
                before.push_back(trial(request{user}));
            }
            traffic_plan next = next_of(plan_of(trial), {0.7, 0.3});
            next.stopped = true;
            CHECK(replace_plan(trial, next).moved == Approx(0.3).margin(1e-12));
            for (std::uint64_t user = 0; user < 500; ++user) {
                CHECK(trial(request{user}) == 0);
            }
            next = next_of(plan_of(trial), {0.7, 0.3});
            next.stopped = false;
            const plan_difference expected = plan_of(trial).diff(next);
            CHECK(replace_plan(trial, next) == expected);
            for (std::uint64_t user = 0; user < 500; ++user) {
                CHECK(trial(request{user}) == before[user]);
            }
        };
        if (slots) {
            check([] { return trial_of(slot_split{.salt = "kill", .shares = {0.7, 0.3}}); });
        } else {
            check([] { return trial_of(hash_split{.salt = "kill", .shares = {0.7, 0.3}}); });
        }
    }
}

TEST_CASE("a plan in which treated units would leave an arm that does not shrink is refused unless asked for")
{
    const auto make = [](auto splitter) {
        return ab_test{model{"a", [](const request&) { return 0; }},
                       model{"b", [](const request&) { return 1; }},
                       model{"c", [](const request&) { return 2; }},
                       by(&request::user),
                       std::move(splitter),
                       conversion<"click">{},
                       untimed{}};
    };
    auto hashed = make(hash_split{.salt = "three", .shares = {0.4, 0.3, 0.3}});
    // Where one of two challengers has more than a half, hash_split lays challengers end to end.
    const traffic_plan large = next_of(plan_of(hashed), {0.1, 0.6, 0.3});
    CHECK_THROWS_WITH(replace_plan(hashed, large),
                      Catch::Matchers::Contains("leave a challenger that does not shrink"));
    CHECK(plan_of(hashed).version == 1);
    CHECK(replace_plan(hashed, large, {.allow_moves = true}).left_grown > 0.0);

    auto slotted = make(slot_split{.salt = "three", .shares = {0.4, 0.3, 0.3}});
    const plan_difference expected = plan_of(slotted).diff(next_of(plan_of(slotted), {0.1, 0.6, 0.3}));
    const plan_difference moves = replace_plan(slotted, next_of(plan_of(slotted), {0.1, 0.6, 0.3}));
    CHECK(moves == expected);
    CHECK(moves.left_grown == 0.0);
    CHECK(moves.moved == Approx(0.3).margin(1e-9));
    // The plan that is kept and sent has the slots, so that a replica that reads it assigns units in the same way.
    const traffic_plan now = plan_of(slotted);
    REQUIRE_FALSE(now.slots.empty());
    auto replica = make(slot_split{.salt = "three", .shares = {0.4, 0.3, 0.3}});
    std::string text;
    now.write(text, style::json);
    replace_plan(replica, [&] {
        traffic_plan read = parse_plan(text);
        CHECK(read == now);
        read.parent = 0;
        return read;
    }());
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        CHECK(replica(request{user}) == slotted(request{user}));
    }
}

TEST_CASE("behind a rule the splitter's plan is replaced and the rule stays")
{
    auto trial = trial_of(when([](const request& r) { return r.user % 2 == 0; },
                               hash_split{.salt = "rule", .shares = {0.5, 0.5}}));
    CHECK(plan_of(trial).salt == "rule");
    replace_plan(trial, next_of(plan_of(trial), {0.0, 1.0}));
    for (std::uint64_t user = 0; user < 100; ++user) {
        CHECK(trial(request{user}) == (user % 2 == 0 ? 1 : 0));
    }
}

TEST_CASE("a watched file changes shares and stops the trial; a broken one changes nothing and is reported")
{
    const temporary_file file{"watch.plan.json"};
    auto trial = trial_of(hash_split{.salt = "watched", .shares = {0.9, 0.1}});
    traffic_plan plan = plan_of(trial);
    plan_watch watch{trial, file.path, {.every = std::chrono::milliseconds{0}}};
    CHECK(watch.state().refused == 1);  // The file does not exist yet.
    CHECK_THAT(watch.state().last_refusal, Catch::Matchers::Contains(file.path));

    plan = next_of(plan, {0.5, 0.5});
    save_plan(file.path, plan);
    CHECK(watch.poll());
    CHECK_FALSE(watch.poll());
    CHECK(watch.state().version == 2);
    CHECK(watch.state().last_refusal.empty());
    CHECK(plan_of(trial).shares == share_list{0.5, 0.5});

    for (const std::string& broken : {std::string{"{"}, std::string{""}, std::string{"[1]"},
                                      std::string{"{\"joust\":\"plan\"}"}, std::string{"\xff\xfe"}}) {
        write_file(file.path, broken);
        const std::uint64_t before = watch.state().refused;
        CHECK_FALSE(watch.poll());
        CHECK_FALSE(watch.poll());
        CHECK(watch.state().refused <= before + 1);
        CHECK_FALSE(watch.state().last_refusal.empty());
        CHECK(plan_of(trial).version == 2);
    }
    CHECK_THAT(trial.report().notes.back(), Catch::Matchers::Contains("A later plan was refused: plan: "));

    traffic_plan old = plan;
    old.version = 1;
    save_plan(file.path, old);
    CHECK_FALSE(watch.poll());
    CHECK_THAT(watch.state().last_refusal,
               Catch::Matchers::Contains("a version above the version in force, 2"));

    traffic_plan stopped = next_of(plan, {0.5, 0.5});
    stopped.stopped = true;
    save_plan(file.path, stopped);
    CHECK(watch.poll());
    CHECK(trial(request{1}) + trial(request{2}) + trial(request{3}) == 0);
    CHECK_THAT(trial.report().notes.back(), Catch::Matchers::Contains("stopped, everything to the champion"));

    // A process that starts again takes the plan of the file as it is.
    auto again = trial_of(hash_split{.salt = "watched", .shares = {0.9, 0.1}});
    const plan_watch second{again, file.path, {.every = std::chrono::milliseconds{0}}};
    CHECK(second.state().version == 3);
    CHECK(plan_of(again).stopped);
}

TEST_CASE("a file is followed by a thread of the watch's own", "[concurrent]")
{
    const temporary_file file{"follow.plan.json"};
    auto trial = trial_of(hash_split{.salt = "followed", .shares = {0.9, 0.1}});
    save_plan(file.path, plan_of(trial));
    {
        const plan_watch watch{trial, file.path, {.every = std::chrono::milliseconds{2}}};
        CHECK(watch.state().refused == 0);
        save_plan(file.path, next_of(plan_of(trial), {0.2, 0.8}));
        for (int tries = 0; tries < 2'000 && plan_of(trial).version == 1; ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
    }
    CHECK(plan_of(trial).version == 2);
    CHECK_THROWS_WITH((plan_watch{trial, file.path, {.every = std::chrono::milliseconds{-1}}}),
                      Catch::Matchers::Contains("watch.every"));
}

TEST_CASE("a canary heeds the kill switch of a plan file")
{
    const temporary_file file{"canary.plan.json"};
    canary trial{model{"old", [](const request&) { return 0; }},
                 model{"new", [](const request&) { return 1; }},
                 by(&request::user),
                 hash_split{.salt = "careful"},
                 ramp{.shares = {0.5}},
                 untimed{}};
    traffic_plan plan{.salt = "careful", .version = 1, .shares = {0.5, 0.5}};
    save_plan(file.path, plan);
    plan_watch watch{trial, file.path, {.every = std::chrono::milliseconds{0}}};
    CHECK_FALSE(trial.rolled_back());
    plan.salt = "another";
    plan.stopped = true;
    plan.version = 2;
    save_plan(file.path, plan);
    CHECK_FALSE(watch.poll());
    CHECK_FALSE(trial.rolled_back());
    plan.salt = "careful";
    save_plan(file.path, plan);
    CHECK(watch.poll());
    CHECK(trial.rolled_back());
    CHECK_THAT(trial.report().reason, Catch::Matchers::Contains("stopped by the plan file"));
}

TEST_CASE("a plan's JSON form is read back, and what is no plan is refused by its member")
{
    const traffic_plan plan{.salt = "a \"salt\" with \xc3\xa4",
                            .version = 18'446'744'073'709'551'615U,
                            .parent = 0xfedcba9876543210U,
                            .stopped = true,
                            .shares = {1.0 / 3, 1.0 / 3, 1.0 / 3},
                            .slots = {{0, 2}, {0xffffffffffffffffU, 0}}};
    std::string text;
    plan.write(text, style::json);
    CHECK(parse_plan(text) == plan);
    CHECK(parse_plan(text).digest() == plan.digest());
    traffic_plan other = plan;
    other.shares = {0.3, 0.3, 0.4};
    CHECK(other.digest() != plan.digest());

    const auto refused = [](const std::string& bytes, const char* why) {
        CHECK_THROWS_WITH(parse_plan(bytes), Catch::Matchers::Contains(why));
    };
    const std::string head = R"({"joust":"plan","format":1,)";
    refused("", "not a JSON object");
    refused("{}", "not marked");
    refused(R"({"joust":"plan","format":2,"salt":"s","version":1,"shares":[1]})", "not marked");
    refused(head + R"("salt":"s","version":1})", "are needed");
    refused(head + R"("salt":"s","version":-1,"shares":[1]})", "\"version\" is not a whole number");
    refused(head + R"("salt":7,"version":1,"shares":[1]})", "\"salt\" is not text");
    refused(head + R"("salt":"s","version":1,"shares":["1"]})", "not a number");
    refused(head + R"("salt":"s","version":1,"shares":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]})", "at most 16");
    refused(head + R"("salt":"s","version":1,"shares":[1],"stopped":1})", "neither true nor false");
    refused(head + R"("salt":"s","version":1,"shares":[1],"parent":"12"})", "16 hexadecimal digits");
    refused(head + R"("salt":"s","version":1,"shares":[1],"slots":[["0000000000000000",99]]})", "\"slots\"");
    refused(head + R"("salt":"s","version":1,"share":[1]})", "\"share\" is not a member of a plan");
}
