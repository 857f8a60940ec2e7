// SPDX-License-Identifier: Apache-2.0

#include <joust/core/unit_parts.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <string>
#include <string_view>

using namespace joust;

TEST_CASE("a unit of several parts is their text, joined by a character that texts do not contain")
{
    const std::string tenant = "acme";
    CHECK(static_cast<std::string_view>(unit_parts{tenant, 17}) == "acme\x1f"
                                                                   "17");
    CHECK(static_cast<std::string_view>(unit_parts{-5, "x", uuid{0x0123456789abcdef, 0xfedcba9876543210}}) ==
          "-5\x1fx\x1f"
          "01234567-89ab-cdef-fedc-ba9876543210");
    CHECK_FALSE(unit_parts{"a", "bc"} == unit_parts{"ab", "c"});
    CHECK(unit_parts{"a", ""} == unit_parts{"a", std::string{}});
    STATIC_REQUIRE(unit_like<unit_parts>);
}

TEST_CASE(
    "parts are hashed as the text that an analyst joins, whatever their length, short ones without allocating")
{
    const salted_hasher hasher{"score"};
    for (const std::size_t size : {0U, 1U, 100U, 117U, 118U, 119U, 120U, 300U}) {
        const std::string text(size, 'x');
        CHECK(hasher(unit_parts{text, 7U}) == xxh64("score/" + text +
                                                    "\x1f"
                                                    "7"));
        CHECK(hasher(unit_parts{7U, text}) == xxh64(std::string{"score/7\x1f"} + text));
    }
    const std::string user = "user-0123456789-0123456789";
    const long before = joust_tests::allocations();
    const std::uint64_t hash = hasher(unit_parts{user, 123'456'789});
    CHECK(joust_tests::allocations() == before);
    CHECK(hash != 0);
}
