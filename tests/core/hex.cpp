// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hex.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>
#include <string_view>

using joust::detail::append_hex;
using joust::detail::append_hex_byte;
using joust::detail::hex_value;
using joust::detail::parse_hex;

TEST_CASE("A number is written as 16 lower-case hexadecimal digits, the highest first")
{
    const auto written = [](std::uint64_t value) {
        std::string out = "x";
        append_hex(out, value);
        return out;
    };
    CHECK(written(0) == "x0000000000000000");
    CHECK(written(0x0123456789abcdefU) == "x0123456789abcdef");
    CHECK(written(~std::uint64_t{0}) == "xffffffffffffffff");

    std::string byte;
    append_hex_byte(byte, 0x0a);
    append_hex_byte(byte, 0xf3);
    CHECK(byte == "0af3");
}

TEST_CASE("Exactly 16 lower-case digits are read back")
{
    const auto reads = [](std::string_view text) {
        std::uint64_t ignored = 0;
        return parse_hex(text, ignored);
    };
    std::uint64_t value = 1;
    CHECK(parse_hex("0000000000000000", value));
    CHECK(value == 0);
    CHECK(parse_hex("fedcba9876543210", value));
    CHECK(value == 0xfedcba9876543210U);
    CHECK_FALSE(reads(""));
    CHECK_FALSE(reads("123456789abcdef"));
    CHECK_FALSE(reads("0123456789abcdef0"));
    CHECK_FALSE(reads("0123456789ABCDEF"));
    CHECK_FALSE(reads("0123456789abcdeg"));
    CHECK_FALSE(reads("-123456789abcdef"));
    CHECK(hex_value('/') == -1);
    CHECK(hex_value(':') == -1);
    CHECK(hex_value('`') == -1);
    CHECK(hex_value('g') == -1);
    CHECK(hex_value('f') == 15);
}
