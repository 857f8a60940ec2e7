// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/switchback.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace joust;

// An id that is missing is no unit: the champion serves it, unrecorded and counted. A unit that outweighs the others is noted.

namespace {

const auto first = [](const auto&) { return 0; };
const auto second = [](const auto&) { return 1; };

template <class Unit>
auto trial_of()
{
    return ab_test{model{"old", first}, model{"new", second}, by([](const Unit& unit) { return unit; }),
                   hash_split{.salt = "empty units", .shares = {0.0001, 0.9999}}, conversion<"click">{}};
}

std::uint64_t empty_of(const report& r)
{
    for (const count_row& row : r.counts) {
        if (row.what.find("empty unit id") != std::string::npos) {
            return row.count;
        }
    }
    return 0;
}

bool has_note(const report& r, std::string_view part)
{
    for (const std::string& note : r.notes) {
        if (note.find(part) != std::string::npos) {
            return true;
        }
    }
    return false;
}

/// Serve an empty unit and a whole one, in every way that there is.
template <class Unit>
void check_kind(const Unit& empty, const Unit& whole)
{
    auto trial = trial_of<Unit>();
    for (int i = 0; i < 5; ++i) {
        CHECK(trial(empty) == 0);  // Nearly every unit has the challenger.
        CHECK(trial.serve(empty).prediction == 0);
    }
    CHECK_FALSE(trial.template observe<"click">(trial.serve(empty).ticket, true));
    CHECK_FALSE(trial.template observe<"click">(trial.choose(empty), true));
    CHECK(trial.arm_of(trial.choose(empty)) == 0);
    CHECK(trial.evidence().requests() == 0);
    CHECK(empty_of(trial.report()) == 13);
    CHECK(has_note(trial.report(), "Some calls came with an empty unit id"));
    CHECK(trial(whole) == 1);
    CHECK(trial.evidence().requests() == 1);
}

}  // namespace

TEST_CASE("an empty id is served by the champion, not enrolled, counted and noted, whatever its type")
{
    check_kind<std::string>("", "alice");
    check_kind<std::string_view>("", "alice");
    check_kind<std::string_view>(std::string_view{}, "alice");
    check_kind<const char*>("", "alice");
    check_kind<const char*>(nullptr, "alice");
    check_kind<uuid>(uuid{}, uuid{1, 2});
}

TEST_CASE("feedback for an empty id is refused")
{
    auto trial = trial_of<std::string>();
    CHECK_FALSE(trial.observe<"click">(std::string{}, true));
    CHECK(empty_of(trial.report()) == 1);
}

TEST_CASE("0 is an id like any other, and a blank is text")
{
    auto numbers = trial_of<int>();
    CHECK(numbers(0) == 1);
    CHECK(numbers.evidence().requests() == 1);
    CHECK(numbers.observe<"click">(0, true));
    auto texts = trial_of<std::string>();
    texts(std::string{" "});
    texts(std::string{"0"});
    CHECK(texts.evidence().requests() == 2);
    CHECK(empty_of(texts.report()) == 0);
}

TEST_CASE("a canary does not give an empty id its challenger either")
{
    canary trial{model{"old", first}, model{"new", second}, by([](const std::string& user) { return user; }),
                 hash_split{.salt = "empty in a canary"}, ramp{.shares = {0.999, 1.0}}};
    CHECK(trial(std::string{}) == 0);
    CHECK(trial.evidence().requests() == 0);
    CHECK(empty_of(trial.report()) == 1);
}

TEST_CASE("where blocks of time are randomised, an empty id decides nothing and is served as any other")
{
    ab_test trial{model{"old", first}, model{"new", second}, by([](const std::string& user) { return user; }),
                  switchback{.salt = "blocks"}, conversion<"click">{}};
    trial(std::string{});
    CHECK(trial.evidence().requests() == 1);
}

TEST_CASE("requests of an empty id leave the arms as they were planned")
{
    ab_test trial{model{"old", first}, model{"new", second}, by([](const std::string& user) { return user; }),
                  hash_split{.salt = "guests"}, conversion<"click">{}};
    keyed_random random{1};
    for (int i = 0; i < 4'000; ++i) {
        trial(random.chance(0.3) ? std::string{} : "user-" + std::to_string(random.below(2'000)));
    }
    const report r = trial.report();
    CHECK(static_cast<double>(r.arms[1].requests) == Approx(1'400).margin(120));
    CHECK(empty_of(r) == Approx(1'200).margin(100));
    CHECK_FALSE(has_note(r, "probably one unit"));
}

TEST_CASE(
    "a unit that brings more than a tenth of the requests is noted, at any share and among any number of arms")
{
    const auto dominated = [](double share, const char* name, auto... more) {
        ab_test trial{model{"old", first},
                      model{"new", second},
                      more...,
                      by([](const std::string& user) { return user; }),
                      hash_split{.salt = "robots"},
                      conversion<"click">{}};
        keyed_random random{2};
        for (int i = 0; i < 4'000; ++i) {
            trial(random.chance(share) ? std::string{name} : "user-" + std::to_string(random.below(3'000)));
        }
        const report r = trial.report();
        bool raw = false;
        for (const std::string& note : r.notes) {
            raw = raw || (std::string_view{name}.size() > 1 && note.find(name) != std::string::npos);
        }
        CHECK_FALSE(raw);
        return has_note(r, "probably one unit");
    };
    for (const char* const name : {"undefined", "null", "0", "crawler"}) {
        CHECK(dominated(0.15, name));
        CHECK_FALSE(dominated(0.05, name));
    }
    CHECK(dominated(0.3, "null", model{"newer", second}, model{"newest", second}));
    CHECK_FALSE(dominated(0.0, "null", model{"newer", second}));
}

TEST_CASE(
    "a shadow does not run its challenger for an empty id, and an interleaving shows the champion's list")
{
    int ran = 0;
    shadow beside{model{"old", first}, model{"new", [&](const std::string&) { return ++ran; }},
                  by([](const std::string& user) { return user; }), joust::salt{"empty in a shadow"},
                  inline_run{}};
    CHECK(beside(std::string{}) == 0);
    CHECK(beside.serve(std::string{}).prediction == 0);
    CHECK(ran == 0);
    CHECK(empty_of(beside.report()) == 2);
    beside(std::string{"alice"});
    CHECK(ran == 1);

    interleaving mixed{model{"old", [](const std::string&) { return std::vector<int>{1, 2, 3}; }},
                       model{"new", [](const std::string&) { return std::vector<int>{4, 5, 6}; }},
                       by([](const std::string& user) { return user; }), joust::salt{"empty in a list"}};
    const auto page = mixed.rank(std::string{}, 3);
    REQUIRE(page.size() == 3);
    CHECK((page[0] == 1 && page[1] == 2 && page[2] == 3));
    CHECK_FALSE(mixed.click(page.ticket(), 0));
    CHECK_FALSE(mixed.click(mixed.choose(std::string{}), 0));
    CHECK(empty_of(mixed.report()) == 2);
    CHECK(mixed.evidence().requests(0) == 0);
}

TEST_CASE("a shadow and a gate note an empty id and a unit that outweighs the others")
{
    const auto share_of_robot = [](double share, bool empty) {
        shadow beside{model{"old", first}, model{"new", second},
                      by([](const std::string& user) { return user; }), joust::salt{"robots in a shadow"},
                      inline_run{}};
        std::vector<std::string> rows;
        keyed_random random{3};
        for (int i = 0; i < 3'000; ++i) {
            rows.push_back(random.chance(share) ? "crawler" : "user-" + std::to_string(random.below(3'000)));
            beside(rows.back());
        }
        if (empty) {
            beside(std::string{});
            rows.insert(rows.end(), 3, std::string{});
        }
        gate judged{model{"old", first}, model{"new", first},
                    by([](const std::string& user) { return user; }),
                    guardrail(conversion<"right">{}, {.max_decrease = 0.05})};
        const report shown = beside.report();
        const report of_rows = judged.run(rows, [](const std::string&, int) { return 1.0; });
        const bool noted = has_note(shown, "probably one unit");
        CHECK(noted == has_note(of_rows, "probably one unit"));
        CHECK(has_note(shown, "empty unit id") == empty);
        CHECK(has_note(of_rows, "3 rows have an empty unit id") == empty);
        return noted;
    };
    CHECK(share_of_robot(0.2, true));
    CHECK(share_of_robot(0.2, false));
    CHECK_FALSE(share_of_robot(0.05, true));
    CHECK_FALSE(share_of_robot(0.0, false));

    // A null pointer is an empty id too.
    const std::vector<const char*> pointers(40, nullptr);
    gate judged{model{"old", [](const char*) { return 0; }}, model{"new", [](const char*) { return 0; }},
                by([](const char* user) { return user; }),
                guardrail(conversion<"right">{}, {.max_decrease = 0.05})};
    CHECK(has_note(judged.run(pointers, [](const char*, int) { return 1.0; }),
                   "40 rows have an empty unit id"));
}
