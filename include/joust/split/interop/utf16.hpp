// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/bits.hpp>
#include <joust/core/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace interop {

/// Say whether all bytes are ASCII. The bytes, code points and UTF-16 code units of such a text are the same numbers.
[[nodiscard]] constexpr bool is_ascii(std::string_view text) noexcept
{
    constexpr std::uint64_t high_bits = 0x8080808080808080U;
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t seen = 0;
    for (; left >= 8; at += 8, left -= 8) {
        seen |= joust::detail::load64(at);
    }
    seen |= joust::detail::load_tail(at, left);
    return (seen & high_bits) == 0;
}

namespace detail {

/// Return how many of the bytes at `at`, which are no code point, are replaced by one U+FFFD: the longest beginning of a code
/// point, but at least one byte.
[[nodiscard]] constexpr std::size_t broken_bytes(std::string_view text, std::size_t at) noexcept
{
    const auto byte = [text](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at);
    if (lead < 0xE0 || lead > 0xF4) {
        return 1;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : 3;
    // Some leads narrow what may follow them, to exclude overlong forms, surrogates and what lies beyond Unicode.
    const unsigned lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    std::size_t good = 1;
    while (good < length && at + good < text.size()) {
        const unsigned next = byte(at + good);
        if (next < (good == 1 ? lowest : 0x80) || next > (good == 1 ? highest : 0xBF)) {
            break;
        }
        ++good;
    }
    return good;
}

}  // namespace detail

/// Visit the code points of a UTF-8 text as web browsers decode it. Each longest piece that is no code point becomes U+FFFD.
///
/// It is defined for any bytes. A JavaScript SDK sees an id that came to it as bytes in the same way (Buffer.toString,
/// TextDecoder).
/// source: WHATWG, Encoding Standard, UTF-8 decoder
template <class Visit>
constexpr void for_each_code_point(std::string_view text, Visit&& visit)
{
    for (std::size_t at = 0; at < text.size();) {
        const code_point point = decode_utf8(text, at);
        visit(point.value);
        at += point.valid ? point.bytes : detail::broken_bytes(text, at);
    }
}

/// Visit the UTF-16 code units of a UTF-8 text, as charCodeAt returns them in JavaScript. It is defined for any bytes, too.
template <class Visit>
constexpr void for_each_utf16_unit(std::string_view text, Visit&& visit)
{
    for_each_code_point(text, [&visit](char32_t point) {
        if (point < 0x10000) {
            visit(static_cast<std::uint16_t>(point));
        } else {
            visit(static_cast<std::uint16_t>(0xD7C0U + (point >> 10U)));
            visit(static_cast<std::uint16_t>(0xDC00U + (point & 0x3FFU)));
        }
    });
}

}  // namespace interop
}  // namespace v0
}  // namespace joust
