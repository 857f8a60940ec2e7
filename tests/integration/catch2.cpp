// SPDX-License-Identifier: Apache-2.0

#include <joust/integration/catch2.hpp>

#include "catch.hpp"

#include <string>

namespace {

joust::report report_of(joust::verdict decision)
{
    joust::report finished;
    finished.name = "ranker-2026";
    finished.kind = "gate";
    finished.decision = decision;
    finished.reason = "the accuracy is at most 0.4 points worse";
    finished.arms.push_back({.model = "bm25", .requests = 1200});
    finished.arms.push_back({.model = "neural", .requests = 1200});
    return finished;
}

}  // namespace

TEST_CASE("a report that speaks for the challenger passes, every other does not")
{
    using enum joust::verdict;
    CHECK_THAT(report_of(pass), joust::passes());
    CHECK_THAT(report_of(ship_challenger), joust::passes());
    for (const joust::verdict other : {keep_testing, keep_champion, roll_back, regress, inconclusive}) {
        CHECK_THAT(report_of(other), !joust::passes());
    }
}

TEST_CASE("a verdict can be asked for by name, and combined")
{
    using enum joust::verdict;
    CHECK_THAT(report_of(roll_back), joust::decides(roll_back));
    CHECK_THAT(report_of(regress), !joust::decides(roll_back));
    CHECK_THAT(report_of(inconclusive), joust::passes() || joust::decides(inconclusive));
}

TEST_CASE("a failing check says what was asked for and shows the report as a table")
{
    CHECK(joust::passes().describe() == "decides: pass or ship challenger");
    CHECK(joust::decides(joust::verdict::regress).describe() == "decides: regress");
    const std::string shown = Catch::StringMaker<joust::report>::convert(report_of(joust::verdict::regress));
    CHECK_THAT(shown, ContainsSubstring("ranker-2026"));
    CHECK_THAT(shown, ContainsSubstring("neural"));
    CHECK_THAT(shown, ContainsSubstring("1,200"));
    CHECK_THAT(shown, ContainsSubstring("REGRESS"));
    CHECK_THAT(shown, ContainsSubstring("0.4 points worse"));
    CHECK(shown.front() == '\n');
}
