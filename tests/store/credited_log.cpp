// SPDX-License-Identifier: Apache-2.0

// From an interleaving trial's own log to one outcome per unit.

#include <joust/store/credited_log.hpp>
#include <joust/trial/event_log.hpp>
#include <joust/trial/interleaving.hpp>

#include "catch.hpp"

#include <map>
#include <string>
#include <vector>

TEST_CASE("the log of an interleaving trial becomes one outcome per unit")
{
    std::string text;
    const auto keep = [&text](const joust::event& seen) {
        joust::append_event(text, seen);
        text += '\n';
    };
    joust::interleaving trial{joust::model{"old", [](std::uint64_t) { return std::vector<int>{1, 2, 3, 4}; }},
                              joust::model{"new", [](std::uint64_t) { return std::vector<int>{3, 5, 1, 6}; }},
                              joust::by([](std::uint64_t user) { return user; }), joust::record_with(keep)};
    std::map<std::uint64_t, double> expected;
    joust::keyed_random random{3, 4};
    for (int n = 0; n < 300; ++n) {
        const std::uint64_t user = random.below(40);
        const std::uint64_t unit = trial.pseudonym_of(user) >> 32;
        const auto page = trial.rank(user, 4);
        expected.emplace(unit, 0.0);
        for (std::size_t i = 0; i < page.size(); ++i) {
            if (random.below(3) == 0 && trial.click(page.ticket(), i)) {
                expected[unit] += page.slots()[i].team == 1 ? 1.0 : -1.0;
                trial.click(page.ticket(), i);  // twice: refused, and in no log
            }
        }
    }
    const auto events = joust::read_events(text);
    const auto rows = joust::credited_log(events);
    REQUIRE(rows.size() == events.size());
    const auto found = joust::attribute(rows);
    REQUIRE(found.state == joust::status::ok);
    CHECK(found.repeated == 0);
    REQUIRE(found.units.size() == expected.size());
    std::uint64_t slates = 0;
    for (std::size_t i = 0; i < found.units.size(); ++i) {
        CHECK(found.differences[i] == expected.at(found.units[i]));
        slates += found.slates[i];
    }
    CHECK(slates == 300);
}

TEST_CASE("a log line whose ticket cannot be read is named, and lines of other trials are left out")
{
    std::vector<joust::logged_event> events(2);
    events[0].unit = "0123456789abcdef";
    events[1].unit = "01234567";
    events[1].ticket = "nonsense";
    CHECK_THROWS_AS(joust::credited_log(events), joust::parse_error);
    CHECK_THROWS_WITH(joust::credited_log(events), ContainsSubstring("event 2"));
    events.pop_back();
    CHECK(joust::credited_log(events).empty());
}
