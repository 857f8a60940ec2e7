// SPDX-License-Identifier: Apache-2.0

#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/metric/ratio.hpp>

#include "catch.hpp"

#include <limits>

using namespace joust;

TEST_CASE("a ratio takes a numerator of either sign and a denominator that is not negative")
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const ratio<"clicks per view"> metric;
    CHECK(metric.name() == "clicks per view");
    const auto refused = [&](double numerator, double denominator) {
        cell c;
        metric.add(c, numerator, denominator);
        return c.refused;
    };
    CHECK_FALSE(refused(3.0, 10.0));
    CHECK_FALSE(refused(-3.0, 10.0));
    CHECK_FALSE(refused(0.0, 0.0));
    CHECK(refused(1.0, -1.0));
    CHECK(refused(nan, 1.0));
    CHECK(refused(1.0, nan));
    CHECK(refused(infinity, 1.0));
    CHECK(refused(1.0, infinity));
    cell c;
    metric.add(c, 3.0, 10.0);
    CHECK(c.value == 3.0);
    CHECK(c.per == 10.0);
}

TEST_CASE("what a metric is divided by is part of its type or of its options")
{
    STATIC_REQUIRE(joust::metric<ratio<"r">>);
    STATIC_REQUIRE(detail::is_ratio<ratio<"r">>);
    STATIC_REQUIRE_FALSE(detail::is_ratio<mean<"m">>);
    CHECK(detail::has_denominator(ratio<"r">{}));
    CHECK_FALSE(detail::has_denominator(mean<"m">{}));
    CHECK(detail::has_denominator(mean<"m">{.per = per::observed}));
    CHECK(detail::has_denominator(conversion<"c">{.per = per::observed}));
    CHECK_FALSE(detail::has_denominator(conversion<"c">{}));
}
