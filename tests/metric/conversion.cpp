// SPDX-License-Identifier: Apache-2.0

#include <joust/metric/conversion.hpp>

#include "catch.hpp"

#include <limits>

namespace {

using joust::cell;
using joust::conversion;

constexpr cell added(double value)
{
    cell c;
    conversion<"click">{}.add(c, value);
    return c;
}

static_assert(added(1.0).value == 1.0 && !added(1.0).refused);
static_assert(added(0.5).refused);

}  // namespace

TEST_CASE("a conversion takes 0 and 1 and refuses every other value")
{
    for (const double value : {0.0, -0.0, 1.0, static_cast<double>(true), static_cast<double>(false)}) {
        CHECK_FALSE(added(value).refused);
        CHECK(added(value).value == value);
    }
    const double inf = std::numeric_limits<double>::infinity();
    for (const double value :
         {0.5, 2.0, -1.0, 1.0 + std::numeric_limits<double>::epsilon(),
          std::numeric_limits<double>::denorm_min(), inf, -inf, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK(added(value).refused);
    }
}

TEST_CASE("a cell used before keeps no refusal")
{
    cell c;
    conversion<"click">{}.add(c, 7.0);
    REQUIRE(c.refused);
    conversion<"click">{}.add(c, 1.0);
    CHECK_FALSE(c.refused);
    CHECK(c.value == 1.0);
}

TEST_CASE("a conversion is named by its type and improves upwards unless it says otherwise")
{
    CHECK(conversion<"click">::name() == "click");
    CHECK(conversion<"click">{} == conversion<"click">{.better = joust::better::up});
    CHECK_FALSE(conversion<"click">{} == conversion<"click">{.better = joust::better::down});
}
