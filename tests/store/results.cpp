// SPDX-License-Identifier: Apache-2.0

#include <joust/store/results.hpp>

#include "catch.hpp"

#include <limits>
#include <string>
#include <vector>

TEST_CASE("two files are combined by name and not by index")
{
    joust::recorder_of_results first;
    first.add("a", "old", "accuracy", 1.0);
    first.add("b", "old", "accuracy", 0.0);
    joust::recorder_of_results second;
    second.add("b", "new", "accuracy", 1.0);
    second.add("c", "new", "loss", 0.5);
    second.add_missing();
    second.add_failed();
    const joust::recorded all = joust::merged(first.take(), second.take());
    CHECK(all.ids == std::vector<std::string>{"a", "b", "c"});
    CHECK(all.arms == std::vector<std::string>{"old", "new"});
    CHECK(all.metrics == std::vector<std::string>{"accuracy", "loss"});
    CHECK(all.rows ==
          std::vector<joust::recorded::row>{{0, 0, 0, 1.0}, {1, 0, 0, 0.0}, {1, 1, 0, 1.0}, {2, 1, 1, 0.5}});
    CHECK(all.missing == 1);
    CHECK(all.failed == 1);
}

TEST_CASE("values that are not finite are counted and not kept")
{
    joust::recorder_of_results results;
    results.add("a", "old", "loss", std::numeric_limits<double>::quiet_NaN());
    results.add("a", "old", "loss", -std::numeric_limits<double>::infinity());
    const joust::recorded read = results.take();
    CHECK(read.rows.empty());
    CHECK(read.ids.empty());
    CHECK(read.missing == 2);
}

TEST_CASE("two models are paired case by case")
{
    joust::recorder_of_results results;
    results.add("b", "new", "loss", 20.0);
    results.add("a", "old", "loss", 1.0);
    results.add("a", "old", "loss", 99.0);
    results.add("b", "old", "loss", 2.0);
    results.add("a", "new", "loss", 10.0);
    results.add("c", "new", "loss", 30.0);
    results.add("a", "new", "accuracy", 7.0);
    const joust::recorded read = results.take();
    const joust::paired_values pairs = joust::pairs_of(read, "loss", "old", "new");
    CHECK(pairs.first == std::vector<double>{2.0, 1.0});
    CHECK(pairs.second == std::vector<double>{20.0, 10.0});
    CHECK(pairs.unpaired == 1);
    CHECK(pairs.repeated == 1);
    CHECK(joust::pairs_of(read, "no such metric", "old", "new").first.empty());
    CHECK(joust::pairs_of(read, "loss", "old", "nobody").unpaired == 2);
}
