// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hex.hpp>

#include "catch.hpp"

#include <cstdint>
#include <optional>
#include <string>

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
    CHECK(parse_hex("0000000000000000") == 0U);
    CHECK(parse_hex("fedcba9876543210") == 0xfedcba9876543210U);
    CHECK(parse_hex("") == std::nullopt);
    CHECK(parse_hex("123456789abcdef") == std::nullopt);
    CHECK(parse_hex("0123456789abcdef0") == std::nullopt);
    CHECK(parse_hex("0123456789ABCDEF") == std::nullopt);
    CHECK(parse_hex("0123456789abcdeg") == std::nullopt);
    CHECK(parse_hex("-123456789abcdef") == std::nullopt);
    CHECK(hex_value('/') == -1);
    CHECK(hex_value(':') == -1);
    CHECK(hex_value('`') == -1);
    CHECK(hex_value('g') == -1);
    CHECK(hex_value('f') == 15);
}
