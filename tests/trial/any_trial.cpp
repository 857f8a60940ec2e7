// SPDX-License-Identifier: Apache-2.0
#include <joust/split/when.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/any_trial.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using handle = joust::any_trial<int(int)>;

int twice(int x)
{
    return 2 * x;
}

std::uint64_t counted(joust::report report, std::string_view what)
{
    for (const auto& each : report.counts) {
        if (each.what == what) {
            return each.count;
        }
    }
    return 0;
}

template <class... Policies>
handle ab_test(Policies... policies)
{
    return handle{[&] {
        return joust::ab_test{joust::model{"a", twice}, joust::model{"b", twice},
                              joust::by([](int x) { return x; }), policies...};
    }};
}

}  // namespace

TEST_CASE("trials of different types stand in one list and serve as before")
{
    std::vector<handle> trials;
    trials.push_back(ab_test(joust::conversion<"click">{}));
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
    handle shadow{[&] {
        return joust::shadow{joust::model{"a", twice}, joust::model{"b", twice}, joust::inline_run{}};
    }};
    handle test = ab_test(joust::conversion<"click">{});
    CHECK(shadow(21) == 42);
    CHECK(test(21) == 42);
    CHECK(shadow.report().kind == "shadow");
    CHECK_THROWS_AS(shadow.evidence(), joust::configuration_error);
    CHECK(joust::from_snapshot<joust::shadow_evidence>(shadow.snapshot()).trial == shadow.report().name);
    CHECK(joust::from_snapshot<joust::evidence>(test.snapshot()) == test.evidence());
}

TEST_CASE("feedback by a name that is known at run time adds up as feedback by a name in the source")
{
    const auto untimed = joust::untimed{};
    handle any = ab_test(joust::conversion<"click">{}, joust::ratio<"errors per token">{}, untimed);
    joust::ab_test typed{joust::model{"a", twice},           joust::model{"b", twice},
                         joust::by([](int x) { return x; }), joust::conversion<"click">{},
                         joust::ratio<"errors per token">{}, untimed};
    const std::string click = "click";
    for (int user = 0; user < 200; ++user) {
        const auto given = any.serve(user).ticket;
        const auto known = typed.serve(user).ticket;
        CHECK(any.observe(click, given, user % 3 == 0) == typed.observe<"click">(known, user % 3 == 0));
        CHECK(any.observe("errors per token", given.to_string(), user, 2.0 * user + 1.0));
        CHECK(typed.observe("errors per token", known, user, 2.0 * user + 1.0));
    }
    CHECK(any.evidence() == typed.evidence());
}

TEST_CASE("a metric that is not there, and a ratio with half of its numbers, are refused by name")
{
    handle any = ab_test(joust::conversion<"click">{}, joust::ratio<"errors per token">{});
    const auto ticket = any.serve(1).ticket;
    CHECK_THROWS_WITH(any.observe("clock", ticket, 1.0),
                      Catch::Contains("'clock'") && Catch::Contains("click, errors per token"));
    CHECK_THROWS_WITH(any.observe("errors per token", ticket, 1.0),
                      Catch::Contains("a numerator and a denominator"));
    CHECK_THROWS_WITH(any.observe("click", ticket, 1.0, 2.0), Catch::Contains("one value"));
    CHECK(any.observe("click", ticket, 1.0));
}

TEST_CASE("a handle takes signed tickets back, and counts those that are not its own")
{
    handle any = ab_test(joust::conversion<"click">{}, joust::signed_tickets{.keys = joust::sip_key{1, 2}});
    const joust::any_ticket first = any.serve(1).ticket;
    const joust::any_ticket second = any.serve(2).ticket;
    CHECK(first.is_signed());
    CHECK(first.plain() == nullptr);
    CHECK(any.observe("click", first, 1.0));
    CHECK(any.observe("click", second.to_string(), 1.0));
    CHECK_FALSE(any.observe("click", second.to_string(), 1.0));
    CHECK_FALSE(any.observe("click", joust::any_ticket{joust::ticket{}}, 1.0));
    CHECK_FALSE(any.observe("click", "no ticket", 1.0));
    CHECK(counted(any.report(), "repeated feedback") == 1);
    CHECK(counted(any.report(), "feedback for a damaged ticket") == 2);
}

TEST_CASE("a handle assigns units for calls that it does not make, and takes in how they went")
{
    handle any = ab_test(joust::conversion<"click">{});
    joust::ab_test typed{joust::model{"a", twice}, joust::model{"b", twice},
                         joust::by([](int x) { return x; }), joust::conversion<"click">{}};
    unsigned challenger = 0;
    for (int user = -50; user < 50; ++user) {
        const joust::any_ticket chosen = any.choose(user);
        CHECK(any.arm_of(chosen) == typed.arm_of(typed.choose(user)));
        CHECK(any.arm_of(chosen.to_string()) == any.arm_of(chosen));
        challenger += any.arm_of(chosen);
        CHECK(any.complete(chosen, std::chrono::microseconds{50}, true));
        CHECK_FALSE(any.complete(chosen.to_string(), std::chrono::microseconds{50}, true));
        CHECK(any.observe("click", chosen, 1.0));
    }
    CHECK(challenger > 20);
    CHECK(challenger < 80);
    CHECK(any.evidence().requests() == 100);
    CHECK_THROWS_AS(any.choose("a name"), joust::configuration_error);
    CHECK_THROWS_AS(any.choose(joust::uuid{}), joust::configuration_error);
}

TEST_CASE(
    "units that are text can be observed and chosen through a handle, and so can those of no known type")
{
    joust::any_trial<int(std::string_view)> any{[] {
        const auto length = [](std::string_view text) { return static_cast<int>(text.size()); };
        return joust::ab_test{joust::model{"a", length}, joust::model{"b", length},
                              joust::by([](const auto& text) { return std::string{text}; }),
                              joust::conversion<"click">{}};
    }};
    CHECK(any("ann") == 3);
    CHECK(any.observe("click", "ann", 1.0));
    CHECK(any.arm_of(any.choose("ann")) == any.arm_of(any.serve("ann").ticket));
    CHECK(any.arm_of(any.choose(7)) == 0);  // The units were text.
    CHECK(counted(any.report(), "feedback or a choice for something that is not a unit of the trial") == 1);
}

TEST_CASE("a handle tells a shadow the truth")
{
    handle shadow{[&] {
        return joust::shadow{joust::model{"a", twice}, joust::model{"b", [](int x) { return x + x; }},
                             joust::inline_run{}};
    }};
    const auto first = shadow.serve(4).ticket;
    const auto second = shadow.serve(5).ticket;
    CHECK(shadow.truth(first, 8));
    CHECK(shadow.truth(second.to_string(), 10));
    CHECK_FALSE(shadow.truth(second, 10));
    const auto seen = joust::from_snapshot<joust::shadow_evidence>(shadow.snapshot());
    CHECK(seen.pairs.size() == 1);
    CHECK(seen.truths.at(0) == 2);

    handle unknown{[&] {
        const auto same = [](auto x) { return x; };
        return joust::shadow{joust::model{"a", same}, joust::model{"b", same}, joust::inline_run{}};
    }};
    CHECK_THROWS_AS(unknown.truth(unknown.serve(1).ticket, 1), joust::configuration_error);
}

TEST_CASE("a handle says what its trial has no part for")
{
    handle shadow{[&] {
        return joust::shadow{joust::model{"a", twice}, joust::model{"b", twice}, joust::inline_run{}};
    }};
    const auto ticket = shadow.serve(1).ticket;
    CHECK_THROWS_AS(shadow.observe("click", ticket, 1.0), joust::configuration_error);
    CHECK_THROWS_AS(shadow.choose(1), joust::configuration_error);
    CHECK_THROWS_AS(shadow.arm_of(ticket), joust::configuration_error);
    CHECK_THROWS_AS(shadow.complete(ticket, std::chrono::seconds{1}, true), joust::configuration_error);
    handle test = ab_test(joust::conversion<"click">{});
    CHECK_THROWS_AS(test.truth(test.serve(1).ticket, 2), joust::configuration_error);
    // Where a number is read from requests, or a rule reads them, the unit alone is not enough to choose an arm.
    handle adjusted = ab_test(joust::conversion<"click">{}, joust::adjust_for([](int x) { return x; }));
    CHECK_THROWS_AS(adjusted.choose(1), joust::configuration_error);
    handle ruled{[] {
        const auto two = [](int x, int y) { return x + y; };
        const auto both = [two](int x) { return two(x, x); };
        return joust::ab_test{joust::model{"a", both}, joust::model{"b", both},
                              joust::by([](int x) { return std::to_string(x); }),
                              joust::conversion<"click">{},
                              joust::when([](int x) { return x > 0; }, joust::hash_split{.salt = "s"})};
    }};
    CHECK_THROWS_AS(ruled.choose("one"), joust::configuration_error);
    CHECK(ruled.observe("click", ruled.serve(1).ticket.to_string(), 1.0));
    CHECK_FALSE(ruled.observe("click", "one", 1.0));
}

TEST_CASE("a handle that was moved from is empty and says so")
{
    handle first = ab_test(joust::conversion<"click">{});
    CHECK(first);
    handle second = std::move(first);
    CHECK(second);
    CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): the test is about this
    const auto ticket = second.serve(1).ticket;
    CHECK_THROWS_AS(first(1), joust::configuration_error);
    CHECK_THROWS_AS(first.serve(1), joust::configuration_error);
    CHECK_THROWS_AS(first.observe("click", ticket, 1.0), joust::configuration_error);
    CHECK_THROWS_AS(first.choose(1), joust::configuration_error);
    CHECK_THROWS_AS(first.arm_of(ticket), joust::configuration_error);
    CHECK_THROWS_AS(first.complete(ticket, std::chrono::seconds{1}, true), joust::configuration_error);
    CHECK_THROWS_AS(first.truth(ticket, 1), joust::configuration_error);
    CHECK_THROWS_AS(first.report(), joust::configuration_error);
    CHECK_THROWS_AS(first.evidence(), joust::configuration_error);
    CHECK_THROWS_WITH(first.snapshot(), Catch::Contains("moved from"));
    first = ab_test(joust::conversion<"click">{});
    CHECK(first(21) == 42);
    first = std::move(second);
    CHECK(first.observe("click", ticket, 1.0));
}

TEST_CASE("models that return nothing are held too")
{
    int calls = 0;
    joust::any_trial<void(int)> any{[&] {
        const auto count = [&calls](int) { ++calls; };
        return joust::ab_test{joust::model{"a", count}, joust::model{"b", count},
                              joust::by([](int x) { return x; }), joust::conversion<"click">{}};
    }};
    any(1);
    CHECK(any.observe("click", any.serve(2).ticket, 1.0));
    CHECK(calls == 2);
}
