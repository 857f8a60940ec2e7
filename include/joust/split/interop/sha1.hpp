// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/interop/digest.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace interop {

namespace detail {

// source: NIST FIPS 180-4, section 6.1
struct sha1_compression {
    using state = std::array<std::uint32_t, 5>;
    static constexpr byte_order order = byte_order::big;
    static constexpr state initial{0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};

    static constexpr void compress(state& s, std::array<std::uint32_t, 16>& w) noexcept
    {
        std::uint32_t a = s[0];
        std::uint32_t b = s[1];
        std::uint32_t c = s[2];
        std::uint32_t d = s[3];
        std::uint32_t e = s[4];
        const auto word = [&w](std::size_t i) {
            if (i >= 16) {
                w[i % 16] = std::rotl(w[(i + 13) % 16] ^ w[(i + 8) % 16] ^ w[(i + 2) % 16] ^ w[i % 16], 1);
            }
            return w[i % 16];
        };
        const auto step = [](std::uint32_t a_, std::uint32_t& b_, std::uint32_t& e_, std::uint32_t mixed,
                             std::uint32_t k) {
            e_ += std::rotl(a_, 5) + mixed + k;
            b_ = std::rotl(b_, 30);
        };
        const auto rounds = [&](std::size_t first, const auto& mix, std::uint32_t k) {
            for (std::size_t i = first; i < first + 20; i += 5) {
                step(a, b, e, mix(b, c, d), word(i) + k);
                step(e, a, d, mix(a, b, c), word(i + 1) + k);
                step(d, e, c, mix(e, a, b), word(i + 2) + k);
                step(c, d, b, mix(d, e, a), word(i + 3) + k);
                step(b, c, a, mix(c, d, e), word(i + 4) + k);
            }
        };
        rounds(0, choose_bits{}, 0x5a827999U);
        rounds(20, parity_of_bits{}, 0x6ed9eba1U);
        rounds(40, majority_of_bits{}, 0x8f1bbcdcU);
        rounds(60, parity_of_bits{}, 0xca62c1d6U);
        s = {s[0] + a, s[1] + b, s[2] + c, s[3] + d, s[4] + e};
    }
};

}  // namespace detail

/// SHA-1, to which a text is added piece by piece. It serves to agree with the assignments of other platforms: it is broken as
/// a protection, but good enough to spread ids.
///
/// shape: `sha1{}.add("salt").add(id).finish()` returns five words, of which the first holds the first four bytes of the digest
/// cost: about 200 ns for up to 55 bytes, and as much for each 64 bytes more
/// source: NIST FIPS 180-4
using sha1 = detail::digest<detail::sha1_compression>;

/// Hash bytes with SHA-1.
[[nodiscard]] constexpr sha1::state sha1_of(std::string_view bytes) noexcept
{
    return sha1{}.add(bytes).finish();
}

}  // namespace interop
}  // namespace v0
}  // namespace joust
