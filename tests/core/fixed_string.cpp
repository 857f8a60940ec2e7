// SPDX-License-Identifier: Apache-2.0

#include <joust/core/fixed_string.hpp>

#include "catch.hpp"

namespace {

template <joust::fixed_string Name>
struct named {
    static constexpr auto name = Name;
};

TEST_CASE("A fixed_string keeps the text of its literal without the terminating zero")
{
    STATIC_REQUIRE(joust::fixed_string{"click"}.view() == "click");
    STATIC_REQUIRE(joust::fixed_string{""}.view().empty());
    constexpr joust::fixed_string inner_zero{"a\0b"};
    STATIC_REQUIRE(inner_zero.view().size() == 3);
}

TEST_CASE("Fixed strings compare by text, also where their lengths differ")
{
    STATIC_REQUIRE(joust::fixed_string{"click"} == joust::fixed_string{"click"});
    STATIC_REQUIRE(joust::fixed_string{"click"} != joust::fixed_string{"clicks"});
    STATIC_REQUIRE(joust::fixed_string{"click"} != joust::fixed_string{"clock"});
}

TEST_CASE("A name given as template argument makes a type of its own")
{
    STATIC_REQUIRE(std::is_same_v<named<"a">, named<"a">>);
    STATIC_REQUIRE_FALSE(std::is_same_v<named<"a">, named<"b">>);
    STATIC_REQUIRE(named<"revenue">::name.view() == "revenue");
}

}  // namespace
