// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Hold one code point of a text.
struct code_point {
    /// The code point, or U+FFFD if the bytes were not UTF-8.
    char32_t value = 0;
    /// How many bytes of the text it takes.
    std::uint32_t bytes = 0;
    /// Whether the bytes were UTF-8.
    bool valid = false;
};

/// Decode the code point at `at`. Overlong forms, surrogates and stray bytes are invalid and take one byte each.
/// assumes: at < text.size()
[[nodiscard]] constexpr code_point decode_utf8(std::string_view text, std::size_t at) noexcept
{
    constexpr code_point broken{U'\uFFFD', 1, false};
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at);
    if (lead < 0x80) {
        return {static_cast<char32_t>(lead), 1, true};
    }
    const std::uint32_t length = lead >= 0xF0 ? 4U : lead >= 0xE0 ? 3U : 2U;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) {
        return broken;
    }
    char32_t value = lead & (0x7FU >> length);
    for (std::uint32_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0U) != 0x80U) {
            return broken;
        }
        value = (value << 6U) | (byte(at + i) & 0x3FU);
    }
    const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (overlong || surrogate || value > 0x10FFFF) {
        return broken;
    }
    return {value, length, true};
}

/// Say whether a code point must not reach a terminal or a page. Control characters could begin an escape sequence, and
/// bidirectional overrides make a text look like another text.
[[nodiscard]] constexpr bool unprintable(char32_t value) noexcept
{
    return value < 0x20 || (value >= 0x7F && value < 0xA0) || (value >= 0x200E && value <= 0x200F) ||
           (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069) || value == 0xFEFF ||
           value == 0xFFFE || value == 0xFFFF;
}

/// Append text from outside as valid UTF-8 without control characters. Every other character or byte becomes U+FFFD.
inline void append_clean(std::string& out, std::string_view text)
{
    for (std::size_t i = 0; i < text.size();) {
        const code_point point = decode_utf8(text, i);
        if (point.valid && !unprintable(point.value)) {
            out.append(text.substr(i, point.bytes));
        } else {
            out += "\xEF\xBF\xBD";
        }
        i += point.bytes;
    }
}

/// Count the columns that a text takes in a terminal. Combining marks take no column, East Asian wide characters take
/// two.
///
/// The ranges cover the characters that names of models and metrics are made of, not all of Unicode.
[[nodiscard]] constexpr std::size_t display_width(std::string_view text) noexcept
{
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size();) {
        const code_point point = decode_utf8(text, i);
        const char32_t c = point.value;
        const bool combining = (c >= 0x300 && c <= 0x36F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
                               (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F) ||
                               (c >= 0x200B && c <= 0x200D);
        const bool wide =
            (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
            (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
            (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
        width += combining ? 0U : wide ? 2U : 1U;
        i += point.bytes;
    }
    return width;
}

}  // namespace v0
}  // namespace joust
