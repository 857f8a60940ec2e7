// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

// Reading of little-endian words at any address, which hashing, random numbers and tickets share.
namespace joust {
inline namespace v0 {
namespace detail {

/// Reverse the order of the bytes of a word. All words of joust in memory and in text are little-endian.
[[nodiscard]] constexpr std::uint64_t byte_swap64(std::uint64_t x) noexcept
{
    x = ((x & 0x00ff00ff00ff00ffU) << 8) | ((x >> 8) & 0x00ff00ff00ff00ffU);
    x = ((x & 0x0000ffff0000ffffU) << 16) | ((x >> 16) & 0x0000ffff0000ffffU);
    return (x << 32) | (x >> 32);
}

/// Reverse the order of the bytes of a half word.
[[nodiscard]] constexpr std::uint32_t byte_swap32(std::uint32_t x) noexcept
{
    x = ((x & 0x00ff00ffU) << 8) | ((x >> 8) & 0x00ff00ffU);
    return (x << 16) | (x >> 16);
}

/// Read `count` (at most 8) bytes one by one as the low bytes of a little-endian word.
[[nodiscard]] constexpr std::uint64_t load_bytes(const char* from, std::size_t count) noexcept
{
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < count; ++i) {
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
    }
    return word;
}

/// Read 8 bytes at any address as a little-endian word.
[[nodiscard]] constexpr std::uint64_t load64(const char* from) noexcept
{
    if (std::is_constant_evaluated()) {
        return load_bytes(from, 8);
    }
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return std::endian::native == std::endian::little ? word : byte_swap64(word);
}

/// Read 4 bytes at any address as a little-endian word.
[[nodiscard]] constexpr std::uint32_t load32(const char* from) noexcept
{
    if (std::is_constant_evaluated()) {
        return static_cast<std::uint32_t>(load_bytes(from, 4));
    }
    std::uint32_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return std::endian::native == std::endian::little ? word : byte_swap32(word);
}

/// Read fewer than 8 bytes as the low bytes of a word, without a loop and without reading beyond them.
[[nodiscard]] constexpr std::uint64_t load_tail(const char* from, std::size_t count) noexcept
{
    if (count >= 4) {
        const std::uint64_t low = load32(from);
        const std::uint64_t high = load32(from + count - 4);
        return low | (high << (8 * (count - 4)));
    }
    if (count == 0) {
        return 0;
    }
    // First, middle and last byte cover 1 to 3 bytes; where they coincide, OR changes nothing.
    const auto byte = [from](std::size_t i) {
        return static_cast<std::uint64_t>(static_cast<unsigned char>(from[i]));
    };
    return byte(0) | (byte(count / 2) << (8 * (count / 2))) | (byte(count - 1) << (8 * (count - 1)));
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
