// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/interop/digest.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace interop {

namespace detail {

// source: Rivest 1992, RFC 1321, section 3.4
struct md5_compression {
    using state = std::array<std::uint32_t, 4>;
    static constexpr byte_order order = byte_order::little;
    static constexpr state initial{0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U};
    // The absolute values of the sines of 1 to 64, times 2^32.
    static constexpr std::array<std::uint32_t, 64> constants{
        0xd76aa478U, 0xe8c7b756U, 0x242070dbU, 0xc1bdceeeU, 0xf57c0fafU, 0x4787c62aU, 0xa8304613U,
        0xfd469501U, 0x698098d8U, 0x8b44f7afU, 0xffff5bb1U, 0x895cd7beU, 0x6b901122U, 0xfd987193U,
        0xa679438eU, 0x49b40821U, 0xf61e2562U, 0xc040b340U, 0x265e5a51U, 0xe9b6c7aaU, 0xd62f105dU,
        0x02441453U, 0xd8a1e681U, 0xe7d3fbc8U, 0x21e1cde6U, 0xc33707d6U, 0xf4d50d87U, 0x455a14edU,
        0xa9e3e905U, 0xfcefa3f8U, 0x676f02d9U, 0x8d2a4c8aU, 0xfffa3942U, 0x8771f681U, 0x6d9d6122U,
        0xfde5380cU, 0xa4beea44U, 0x4bdecfa9U, 0xf6bb4b60U, 0xbebfbc70U, 0x289b7ec6U, 0xeaa127faU,
        0xd4ef3085U, 0x04881d05U, 0xd9d4d039U, 0xe6db99e5U, 0x1fa27cf8U, 0xc4ac5665U, 0xf4292244U,
        0x432aff97U, 0xab9423a7U, 0xfc93a039U, 0x655b59c3U, 0x8f0ccc92U, 0xffeff47dU, 0x85845dd1U,
        0x6fa87e4fU, 0xfe2ce6e0U, 0xa3014314U, 0x4e0811a1U, 0xf7537e82U, 0xbd3af235U, 0x2ad7d2bbU,
        0xeb86d391U};

    static constexpr void compress(state& s, const std::array<std::uint32_t, 16>& w) noexcept
    {
        std::uint32_t a = s[0];
        std::uint32_t b = s[1];
        std::uint32_t c = s[2];
        std::uint32_t d = s[3];
        const auto step = [](std::uint32_t& a_, std::uint32_t b_, std::uint32_t mixed, std::uint32_t word,
                             unsigned shift) {
            // Not by std::rotl, whose count is an int in one standard library and unsigned in another.
            const std::uint32_t sum = a_ + mixed + word;
            a_ = b_ + (sum << shift | sum >> (32 - shift));
        };
        const auto word = [&w](std::size_t i, std::size_t at) { return w[at % 16] + constants[i]; };
        constexpr choose_bits choose{};
        constexpr parity_of_bits parity{};
        const auto last = [](std::uint32_t x, std::uint32_t y, std::uint32_t z) { return y ^ (x | ~z); };
        for (std::size_t i = 0; i < 16; i += 4) {
            step(a, b, choose(b, c, d), word(i, i), 7);
            step(d, a, choose(a, b, c), word(i + 1, i + 1), 12);
            step(c, d, choose(d, a, b), word(i + 2, i + 2), 17);
            step(b, c, choose(c, d, a), word(i + 3, i + 3), 22);
        }
        for (std::size_t i = 16; i < 32; i += 4) {
            step(a, b, choose(d, b, c), word(i, 5 * i + 1), 5);
            step(d, a, choose(c, a, b), word(i + 1, 5 * i + 6), 9);
            step(c, d, choose(b, d, a), word(i + 2, 5 * i + 11), 14);
            step(b, c, choose(a, c, d), word(i + 3, 5 * i + 16), 20);
        }
        for (std::size_t i = 32; i < 48; i += 4) {
            step(a, b, parity(b, c, d), word(i, 3 * i + 5), 4);
            step(d, a, parity(a, b, c), word(i + 1, 3 * i + 8), 11);
            step(c, d, parity(d, a, b), word(i + 2, 3 * i + 11), 16);
            step(b, c, parity(c, d, a), word(i + 3, 3 * i + 14), 23);
        }
        for (std::size_t i = 48; i < 64; i += 4) {
            step(a, b, last(b, c, d), word(i, 7 * i), 6);
            step(d, a, last(a, b, c), word(i + 1, 7 * i + 7), 10);
            step(c, d, last(d, a, b), word(i + 2, 7 * i + 14), 15);
            step(b, c, last(c, d, a), word(i + 3, 7 * i + 21), 21);
        }
        s = {s[0] + a, s[1] + b, s[2] + c, s[3] + d};
    }
};

}  // namespace detail

/// MD5, to which a text is added piece by piece. It serves to agree with the assignments of other platforms: it is broken as a
/// protection, but good enough to spread ids.
///
/// shape: `md5{}.add("salt").add(id).finish()` returns the four little-endian words of the digest
/// cost: about 120 ns for up to 55 bytes, and as much for each 64 bytes more
/// source: Rivest 1992, RFC 1321
using md5 = detail::digest<detail::md5_compression>;

/// Hash bytes with MD5.
[[nodiscard]] constexpr md5::state md5_of(std::string_view bytes) noexcept
{
    return md5{}.add(bytes).finish();
}

}  // namespace interop
}  // namespace v0
}  // namespace joust
