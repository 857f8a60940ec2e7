// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/split/explain.hpp>
#include <joust/split/thompson.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/explain.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>

namespace {

using namespace joust;

struct request {
    std::string user{};
    bool eligible = true;
    int variant = 0;
};

TEST_CASE("The way of a unit through rules and a split is explained in words")
{
    const auto split = overrides(
        {{"qa", 1}},
        holdout({.salt = "2026", .share = 0.05},
                layer({.salt = "page", .from = 0.0, .to = 0.5},
                      when(&request::eligible, hash_split{.salt = "score", .shares = {0.75, 0.25}}))));
    const std::string user = "user-7";
    const std::string told = explain(split, 2, user, request{.user = user});
    INFO(told);
    std::string position;
    append_number(position, static_cast<double>(xxh64("page/user-7")) * 0x1p-64, 10);
    CHECK_THAT(
        told,
        ContainsSubstring(
            "unit \"user-7\"\noverrides: not on the list\nholdout \"2026\": XXH64 of \"2026/user-7\" = 0x"));
    CHECK_THAT(told, ContainsSubstring("layer \"page\": XXH64 of \"page/user-7\" = 0x"));
    CHECK_THAT(told, ContainsSubstring("position " + position));
    CHECK_THAT(explain(split, 2, std::string{"qa"}, request{}),
               ContainsSubstring("overrides: forced to arm 1\narm 1, propensity 1, not enrolled"));
    // Find users for every way the story can end.
    bool outside = false, challenger = false, champion = false, untargeted = false;
    for (int i = 0; i < 60; ++i) {
        const std::string each = "u" + std::to_string(i);
        const bool in = static_cast<double>(xxh64("page/" + each)) < 0x1p63 &&
                        static_cast<double>(xxh64("2026/" + each)) >= 0.05 * 0x1p64;
        const std::string words = explain(split, 2, each, request{.user = each});
        if (!in) {
            CHECK_THAT(words,
                       ContainsSubstring("arm 0, propensity 1, not enrolled: served and not recorded"));
            outside = true;
            continue;
        }
        const bool one = static_cast<double>(xxh64("score/" + each)) < 0x1p62;
        CHECK_THAT(words, ContainsSubstring(
                              "inside [0, 0.5)\nwhen: the predicate is true\nsplit: XXH64 of \"score/"));
        CHECK_THAT(words,
                   ContainsSubstring(one ? "inside [0, 0.25) of arm 1\narm 1, propensity 0.25, enrolled"
                                         : "inside [0.25, 1) of arm 0\narm 0, propensity 0.75, enrolled"));
        (one ? challenger : champion) = true;
        CHECK_THAT(explain(split, 2, each, request{.eligible = false}),
                   ContainsSubstring("when: the predicate is false\narm 0, propensity 1, not enrolled"));
        untargeted = true;
    }
    CHECK((outside && challenger && champion && untargeted));
}

TEST_CASE("Every splitter explains its assignment")
{
    CHECK_THAT(explain(slot_split{.salt = "s", .shares = {0.5, 0.5}}, 2, 7),
               ContainsSubstring("split: XXH64 of \"s/7\""));
    CHECK_THAT(explain(rendezvous{.salt = "s"}, 3, 7), ContainsSubstring("the best for its share wins"));
    CHECK_THAT(explain(switchback{.salt = "s", .block = 60, .gap = 30}, 2, 7), ContainsSubstring("; block "));
    CHECK_THAT(explain(switchback{.salt = "s", .block = 1e9, .gap = 9.99e8}, 2, 7),
               ContainsSubstring(", enrolled") || ContainsSubstring("the gap at the start of a block"));
    CHECK_THAT(explain(thompson{.salt = "s"}, 2, 7),
               ContainsSubstring("a bandit's plan, shares 50.00 % / 50.00 %, inside"));
    CHECK_THAT(explain(assigned_by(&request::variant, {0.5, 0.5}), 2, 7, request{.variant = 1}),
               ContainsSubstring("split: another platform chose\narm 1, propensity 0.5, enrolled"));
    CHECK_THAT(explain(hash_split{.salt = {"s", sip_key{1, 2}}}, 2, 7),
               ContainsSubstring("SipHash-2-4 under a secret of \"s/7\""));
    CHECK_THAT(explain(hash_split{.salt = "s"}, 2, uuid{1, 2}),
               ContainsSubstring("\"s/00000000-0000-0001-0000-000000000002\""));
}

TEST_CASE("A trial explains a call or a unit by its present plan")
{
    ab_test trial{model{"old", [](const request&) { return 0; }},
                  model{"new", [](const request&) { return 1; }},
                  by(&request::user),
                  conversion<"click">{},
                  consent(&request::eligible),
                  layer({.salt = "page", .from = 0.0, .to = 0.5}, hash_split{.salt = "score"})};
    int enrolled = 0;
    for (int i = 0; i < 50; ++i) {
        const request r{.user = "u" + std::to_string(i)};
        const std::string told = explain(trial, r);
        const auto [answer, ticket] = trial.serve(r);
        INFO(told);
        CHECK_THAT(told, ContainsSubstring(std::string{"plan 0 of trial \"score\": served by \""} +
                                           (answer == 1 ? "new" : "old")));
        const bool in = ticket.kind() == ticket_kind::exposure;
        CHECK_THAT(told, ContainsSubstring(in ? ", enrolled\n" : ", not enrolled"));
        CHECK(told == explain(trial, r.user));
        enrolled += in ? 1 : 0;
    }
    CHECK((enrolled > 10 && enrolled < 40));
    CHECK(explain(trial, request{.user = "u", .eligible = false}) ==
          "no consent: served by \"old\", and not recorded");
}

}  // namespace
