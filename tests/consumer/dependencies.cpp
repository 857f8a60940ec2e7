// SPDX-License-Identifier: Apache-2.0

// Uses each dependency once: built by fetched.sh with the dependencies that FetchContent made available.

#include <joust/version.hpp>

#include "catch.hpp"

#include <Eigen/Core>
#include <boost/math/distributions/normal.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

TEST_CASE("Every fetched dependency can be included and used")
{
    CHECK(fmt::format("{}", JOUST_VERSION_MAJOR).size() == 1);
    CHECK(Eigen::Vector2d{3.0, 4.0}.norm() == Approx(5.0));
    CHECK(boost::math::cdf(boost::math::normal{}, 0.0) == Approx(0.5));
    CHECK(nlohmann::json::parse("[1]").size() == 1);
}
