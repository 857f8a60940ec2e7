// SPDX-License-Identifier: Apache-2.0

#include <joust/core/error.hpp>

#include "catch.hpp"

#include <stdexcept>
#include <string>

namespace {

TEST_CASE(
    "A configuration_error names the field, the value and what is allowed, in one sentence and one by one")
{
    const joust::configuration_error wrong{"hash_split.shares", "0.9 in sum",
                                           "positive shares that sum to 1"};
    CHECK(std::string{wrong.what()} ==
          "hash_split.shares is 0.9 in sum; allowed: positive shares that sum to 1");
    CHECK(wrong.field() == "hash_split.shares");
    CHECK(wrong.value() == "0.9 in sum");
    CHECK(wrong.allowed() == "positive shares that sum to 1");
}

TEST_CASE("A configuration_error is caught as the standard error for a bad argument, a parse_error is not")
{
    CHECK_THROWS_AS(throw joust::configuration_error("a", "b", "c"), std::invalid_argument);
    CHECK_THROWS_AS(throw joust::parse_error("ticket: 3 characters, not 43"), std::runtime_error);
    STATIC_REQUIRE_FALSE(std::is_base_of_v<std::invalid_argument, joust::parse_error>);
}

}  // namespace
