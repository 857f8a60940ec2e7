// SPDX-License-Identifier: Apache-2.0

#include <joust/integration/gtest.hpp>

#include "catch.hpp"

#include <string>

TEST_CASE("Reports are asked in tests of GoogleTest")
{
    joust::report finished;
    finished.name = "ranker-2026";
    finished.kind = "gate";
    finished.decision = joust::verdict::pass;
    joust::metric_row row;
    row.metric = "accuracy";
    row.role = "guardrail";
    row.state = joust::status::ok;
    row.lower = -0.005;
    row.upper = 0.01;
    row.better = 1;
    row.margin = -0.01;
    finished.metrics.push_back(row);
    CHECK(static_cast<bool>(joust::gtest::passes(finished)));
    CHECK(static_cast<bool>(joust::gtest::non_inferior(finished, "accuracy")));
    CHECK_FALSE(static_cast<bool>(joust::gtest::superior(finished, "accuracy")));
    const testing::AssertionResult other = joust::gtest::decides(finished, joust::verdict::regress);
    CHECK_FALSE(static_cast<bool>(other));
    CHECK_THAT(std::string{other.message()}, ContainsSubstring("decides: regress"));
    CHECK_THAT(std::string{other.message()}, ContainsSubstring("ranker-2026"));
}
