// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace detail {

/// The digits of every hexadecimal number that joust writes.
inline constexpr std::string_view hex_digits = "0123456789abcdef";

/// Write a number as 16 hexadecimal digits, the highest digit first.
[[nodiscard]] constexpr std::array<char, 16> hex_text(std::uint64_t value) noexcept
{
    std::array<char, 16> text{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = hex_digits[(value >> (60 - 4 * i)) & 15U];
    }
    return text;
}

/// Append a number as 16 hexadecimal digits. JSON needs them, since its numbers do not hold 64 bits.
inline void append_hex(std::string& out, std::uint64_t value)
{
    const std::array<char, 16> text = hex_text(value);
    out.append(text.data(), text.size());
}

/// Append a byte as two hexadecimal digits.
inline void append_hex_byte(std::string& out, std::uint8_t value)
{
    out += hex_digits[value >> 4U];
    out += hex_digits[value & 15U];
}

/// Return the value of a lower-case hexadecimal digit, or -1 for any other character.
[[nodiscard]] constexpr int hex_value(char digit) noexcept
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/// Read what `append_hex` writes: exactly 16 lower-case digits. Returns whether the text is such a number.
[[nodiscard]] constexpr bool parse_hex(std::string_view text, std::uint64_t& value) noexcept
{
    value = 0;
    bool good = text.size() == 16;
    for (std::size_t i = 0; good && i < text.size(); ++i) {
        const int digit = hex_value(text[i]);
        good = digit >= 0;
        value = (value << 4) | static_cast<std::uint64_t>(digit & 15);
    }
    return good;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
