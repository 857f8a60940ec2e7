// SPDX-License-Identifier: Apache-2.0

#include <joust/report/report.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

TEST_CASE("exit codes stop a pipeline only if the challenger is worse or nothing is known")
{
    CHECK(exit_code(joust::verdict::pass) == 0);
    CHECK(exit_code(joust::verdict::ship_challenger) == 0);
    CHECK(exit_code(joust::verdict::keep_champion) == 0);
    CHECK(exit_code(joust::verdict::keep_testing) == 0);
    CHECK(exit_code(joust::verdict::regress) == 1);
    CHECK(exit_code(joust::verdict::roll_back) == 1);
    CHECK(exit_code(joust::verdict::inconclusive) == 3);
    CHECK(exit_code(sample::gate()) == 3);
}

TEST_CASE("reports are values that compare, unknown numbers included")
{
    CHECK(sample::ab_test() == sample::ab_test());
    joust::report other = sample::ab_test();
    other.metrics[2].lower = 0.0;
    CHECK_FALSE(other == sample::ab_test());
    other = sample::ab_test();
    other.metrics[1].unit = "s";
    CHECK_FALSE(other == sample::ab_test());
}
