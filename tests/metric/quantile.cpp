// SPDX-License-Identifier: Apache-2.0

#include <joust/metric/mean.hpp>
#include <joust/metric/quantile.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>

using namespace joust;

TEST_CASE("a quantile takes every finite number and refuses the rest")
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double largest = std::numeric_limits<double>::max();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const quantile<"wait"> metric{.q = 0.9};
    CHECK(metric.name() == "wait");
    for (const double value : {0.0, -0.0, 1.5, -3.0, largest, -largest, 1e-300}) {
        cell c{.refused = true};
        metric.add(c, value);
        CHECK(c.value == value);
        CHECK_FALSE(c.refused);
    }
    for (const double value : {nan, -nan, infinity, -infinity}) {
        cell c;
        metric.add(c, value);
        CHECK(c.refused);
    }
}

TEST_CASE("a quantile is a metric of observations, not of exposures, and takes one value for a ticket")
{
    STATIC_REQUIRE(joust::metric<quantile<"wait">>);
    STATIC_REQUIRE_FALSE(detail::is_ratio<quantile<"wait">>);
    STATIC_REQUIRE(detail::is_quantile<quantile<"wait">>);
    STATIC_REQUIRE_FALSE(detail::is_quantile<mean<"wait">>);
    CHECK(detail::has_denominator(quantile<"wait">{}));
    CHECK(detail::direction_of(quantile<"wait">{}) == better::up);
    CHECK(detail::direction_of(quantile<"wait">{.better = better::down}) == better::down);
    CHECK_FALSE(detail::accumulates(quantile<"wait">{}));
    CHECK(detail::accumulates(quantile<"wait">{.accumulate = true}));
    CHECK(quantile<"wait">{}.q == 0.9);
    CHECK(quantile<"wait">{}.warm_up == 1'000);
    CHECK(std::isinf(quantile<"wait">{}.threshold));
    CHECK(quantile<"wait">{} == quantile<"wait">{.q = 0.9});
    CHECK_FALSE(quantile<"wait">{} == quantile<"wait">{.threshold = 3.0});
}
