// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hex.hpp>
#include <joust/split/interop/sha256.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// The 32 bytes of a SHA-256 or of an HMAC.
struct sha256_digest {
    /// The words of the digest. The first holds the first four bytes.
    std::array<std::uint32_t, 8> words{};

    /// Write the digest as 64 hexadecimal digits.
    [[nodiscard]] std::string to_string() const
    {
        std::string out;
        append(out);
        return out;
    }

    /// Append the digest as 64 hexadecimal digits.
    void append(std::string& out) const
    {
        for (const std::uint32_t word : words) {
            for (unsigned shift = 32; shift > 0; shift -= 8) {
                detail::append_hex_byte(out, static_cast<std::uint8_t>((word >> (shift - 8)) & 0xffU));
            }
        }
    }

    /// Read 64 hexadecimal digits in lower case. Returns whether the text is such a digest.
    [[nodiscard]] static constexpr bool parse(std::string_view text, sha256_digest& out) noexcept
    {
        if (text.size() != 64) {
            return false;
        }
        sha256_digest read;
        for (std::size_t i = 0; i < 64; ++i) {
            const int digit = detail::hex_value(text[i]);
            if (digit < 0) {
                return false;
            }
            read.words[i / 8] = (read.words[i / 8] << 4) | static_cast<std::uint32_t>(digit);
        }
        out = read;
        return true;
    }

    bool operator==(const sha256_digest&) const = default;
};

namespace detail {

/// Return the bytes of a digest.
[[nodiscard]] constexpr std::array<char, 32> bytes_of(const std::array<std::uint32_t, 8>& words) noexcept
{
    std::array<char, 32> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>((words[i / 4] >> (24 - 8 * (i % 4))) & 0xffU);
    }
    return bytes;
}

/// Hashes texts under one key, which is absorbed once.
/// source: Krawczyk, Bellare, Canetti 1997, HMAC: Keyed-hashing for message authentication, RFC 2104
class keyed_sha256 {
public:
    constexpr explicit keyed_sha256(std::string_view key) noexcept
    {
        std::array<char, 64> block{};
        const std::array<char, 32> hashed = bytes_of(interop::sha256_of(key));
        const std::string_view used =
            key.size() > block.size() ? std::string_view{hashed.data(), hashed.size()} : key;
        for (std::size_t i = 0; i < used.size(); ++i) {
            block[i] = used[i];
        }
        inner_ = padded(block, 0x36);
        outer_ = padded(block, 0x5c);
    }

    [[nodiscard]] constexpr sha256_digest operator()(std::string_view text) const noexcept
    {
        interop::sha256 inner = inner_;
        const std::array<char, 32> first = bytes_of(inner.add(text).finish());
        interop::sha256 outer = outer_;
        return {outer.add(std::string_view{first.data(), first.size()}).finish()};
    }

private:
    [[nodiscard]] static constexpr interop::sha256 padded(std::array<char, 64> block, unsigned pad) noexcept
    {
        for (char& each : block) {
            each = static_cast<char>(static_cast<unsigned char>(each) ^ pad);
        }
        return interop::sha256{}.add(std::string_view{block.data(), block.size()});
    }

    interop::sha256 inner_;
    interop::sha256 outer_;
};

}  // namespace detail

/// Hash bytes under a key with HMAC-SHA-256. Without the key no one can compute the same.
/// source: Krawczyk, Bellare, Canetti 1997, RFC 2104; NIST FIPS 180-4
[[nodiscard]] constexpr sha256_digest hmac_sha256(std::string_view key, std::string_view bytes) noexcept
{
    return detail::keyed_sha256{key}(bytes);
}

}  // namespace v0
}  // namespace joust
