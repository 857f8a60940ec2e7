// SPDX-License-Identifier: Apache-2.0

#include <joust/store/results.hpp>
#include <joust/trial/gate_results.hpp>

#include "catch.hpp"

#include <string>

namespace {

/// Results of two models on the same cases, of which the challenger is right on those below `right`.
joust::recorded some_results(int cases, int right)
{
    joust::recorder_of_results all;
    for (int i = 0; i < cases; ++i) {
        const std::string id = std::to_string(i);
        all.add(id, "old", "correct", i % 10 < 9 ? 1.0 : 0.0);
        all.add(id, "new", "correct", i % 10 < 9 && i < right ? 1.0 : 0.0);
        all.add(id, "old", "ms", 10.0 + i % 7);
        all.add(id, "new", "ms", 1.02 * (10.0 + i % 7) + 0.001 * (i % 3));
    }
    return all.take();
}

}  // namespace

TEST_CASE("results are judged by margins that are known at run time", "[results][gate]")
{
    const auto judge = [](int right, double margin) {
        return joust::gate_results(some_results(1'000, right), "old", "new",
                                   {{.metric = "correct", .margin = margin}});
    };
    CHECK(judge(1'000, 0.01).decision == joust::verdict::pass);
    CHECK(judge(900, 0.01).decision == joust::verdict::regress);
    CHECK(judge(995, 0.004).decision == joust::verdict::inconclusive);
    const joust::report seen = judge(900, 0.01);
    CHECK(seen.metrics.front().champion == Catch::Approx(0.9));
    CHECK(seen.metrics.front().challenger == Catch::Approx(0.81));
    CHECK(seen.metrics.front().unit == "%");

    const auto slower = [](double margin) {
        return joust::gate_results(
            some_results(1'000, 1'000), "old", "new",
            {{.metric = "ms", .margin = margin, .relative = true, .lower_is_better = true}});
    };
    CHECK(slower(0.05).decision == joust::verdict::pass);
    CHECK(slower(0.01).decision == joust::verdict::regress);
    CHECK_THROWS_AS(slower(0.0), joust::configuration_error);
    CHECK_THROWS_WITH(
        joust::gate_results(some_results(9, 9), "old", "none", {{.metric = "ms", .margin = 0.1}}),
        "results.arms is without 'none'; allowed: results of both models");
}
