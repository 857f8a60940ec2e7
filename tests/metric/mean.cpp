// SPDX-License-Identifier: Apache-2.0

#include <joust/metric/mean.hpp>

#include "catch.hpp"

#include <limits>

namespace {

using joust::cell;
using joust::mean;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double largest = std::numeric_limits<double>::max();

constexpr cell added(double value, double cap = inf)
{
    cell c;
    mean<"revenue">{.cap = cap}.add(c, value);
    return c;
}

static_assert(added(12.0, 10.0).value == 10.0);
static_assert(added(inf, 10.0).refused);

}  // namespace

TEST_CASE("a mean takes every finite value, and more than the cap counts as the cap")
{
    for (const double value : {0.0, 1.5, -3.0, 9.999, 1e300, largest, -largest}) {
        CHECK(added(value).value == value);
        CHECK_FALSE(added(value).refused);
        CHECK(added(value, 10.0).value == (value < 10.0 ? value : 10.0));
        CHECK_FALSE(added(value, 10.0).refused);
    }
    CHECK(added(10.0, 10.0).value == 10.0);
    CHECK(added(5.0, -2.0).value == -2.0);
}

TEST_CASE("NaN and infinities are refused, also where a cap would turn them into an amount")
{
    for (const double cap : {inf, 10.0}) {
        for (const double value : {not_a_number, -not_a_number, inf, -inf}) {
            CHECK(added(value, cap).refused);
        }
    }
}

TEST_CASE("a cell used by a mean before keeps no refusal")
{
    cell c;
    mean<"revenue">{}.add(c, not_a_number);
    REQUIRE(c.refused);
    mean<"revenue">{}.add(c, 2.0);
    CHECK_FALSE(c.refused);
    CHECK(c.value == 2.0);
}

TEST_CASE("a mean has no cap, improves upwards and takes one value for a ticket unless it says otherwise")
{
    CHECK(mean<"revenue">::name() == "revenue");
    CHECK(mean<"revenue">{}.cap == inf);
    CHECK_FALSE(mean<"revenue">{}.accumulate);
    CHECK(mean<"revenue">{} == mean<"revenue">{.better = joust::better::up});
    CHECK_FALSE(mean<"revenue">{} == mean<"revenue">{.cap = 1.0});
    CHECK_FALSE(mean<"revenue">{} == mean<"revenue">{.accumulate = true});
    CHECK_FALSE(mean<"revenue">{} == mean<"revenue">{.better = joust::better::down});
}
