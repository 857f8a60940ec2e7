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

TEST_CASE("what a report shows of one metric can be asked for")
{
    joust::report finished = report_of(joust::verdict::pass);
    const auto add = [&](const char* metric, double lower, double upper, int better, double margin) {
        joust::metric_row row;
        row.metric = metric;
        row.role = "guardrail";
        row.state = joust::status::ok;
        row.lower = lower;
        row.upper = upper;
        row.better = better;
        row.margin = margin;
        finished.metrics.push_back(row);
    };
    add("accuracy", -0.005, 0.01, 1, -0.01);
    add("loss", -0.3, -0.1, -1, 0.05);
    add("recall", -0.02, 0.01, 1, -0.01);
    CHECK_THAT(finished, joust::catch2::non_inferior("accuracy"));
    CHECK_THAT(finished, !joust::catch2::superior("accuracy"));
    CHECK_THAT(finished, joust::catch2::superior("loss") && joust::catch2::non_inferior("loss"));
    CHECK_THAT(finished, !joust::catch2::non_inferior("recall"));
    CHECK_THAT(finished, !joust::catch2::non_inferior("precision"));
    // Of several challengers each has to keep the margin.
    add("accuracy", -0.03, 0.01, 1, -0.01);
    CHECK_THAT(finished, !joust::catch2::non_inferior("accuracy"));
    CHECK(joust::catch2::non_inferior("accuracy").describe() ==
          "shows that the challenger is not worse than its margin allows on accuracy");
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
