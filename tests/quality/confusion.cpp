// SPDX-License-Identifier: Apache-2.0

#include <joust/quality/confusion.hpp>

#include "catch.hpp"

#include <cstddef>

namespace quality = joust::quality;

TEST_CASE("a table of two classes from its four counts is the one that counts rows")
{
    const quality::confusion made = quality::confusion::binary(4, 3, 2, 1);
    quality::confusion counted;
    counted.add(1, 1, 4);
    counted.add(0, 1, 3);
    counted.add(1, 0, 2);
    counted.add(0, 0);
    CHECK(made == counted);
    CHECK(made.rows() == 10);
    CHECK(made.count(1, 1) == 4);
    CHECK(made.count(0, 1) == 3);
    CHECK(made.count(1, 0) == 2);
    CHECK(made.count(0, 0) == 1);
    CHECK(made.count(2, 0) == 0);
    counted.add(2, 0);
    CHECK(counted.rejected() == 1);
    CHECK_FALSE(made == counted);
}

TEST_CASE(
    "precision, recall and balanced accuracy with a class that is never predicted and a class without rows")
{
    // Truth 0, 1, 2 by prediction: class 2 is never predicted, class 3 has no rows.
    quality::confusion table{4};
    table.add(0, 0, 6);
    table.add(0, 3, 2);
    table.add(1, 1, 4);
    table.add(2, 1, 4);
    const auto value = [&](const auto& metric) { return table.result(metric).value; };
    CHECK_THAT(value(quality::precision{.label = 0}), WithinRel(1.0, 1e-15));
    CHECK_THAT(value(quality::precision{.label = 1}), WithinRel(0.5, 1e-15));
    CHECK_THAT(value(quality::recall{.label = 0}), WithinRel(0.75, 1e-15));
    CHECK(value(quality::recall{.label = 2}) == 0.0);
    CHECK_THAT(value(quality::precision{}), WithinRel(1.5 / 4.0, 1e-15));
    CHECK_THAT(value(quality::recall{}), WithinRel(1.75 / 4.0, 1e-15));
    CHECK_THAT(value(quality::balanced_accuracy{}), WithinRel(1.75 / 3.0, 1e-15));
    CHECK(table.result(quality::precision{.label = 2}).state == joust::status::out_of_range);
    CHECK(table.result(quality::recall{.label = 3}).state == joust::status::out_of_range);
}
