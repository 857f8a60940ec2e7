// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/bits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace joust {
inline namespace v0 {
namespace interop::detail {

/// Which end of a word comes first in the blocks of a digest.
enum class byte_order : std::uint8_t { little, big };

/// Take each bit of y where x has a 1, and the bit of z where x has a 0.
struct choose_bits {
    [[nodiscard]] constexpr std::uint32_t operator()(std::uint32_t x, std::uint32_t y,
                                                     std::uint32_t z) const noexcept
    {
        return z ^ (x & (y ^ z));
    }
};

/// Set each bit that an odd number of the three words has.
struct parity_of_bits {
    [[nodiscard]] constexpr std::uint32_t operator()(std::uint32_t x, std::uint32_t y,
                                                     std::uint32_t z) const noexcept
    {
        return x ^ y ^ z;
    }
};

/// Set each bit that at least two of the three words have.
struct majority_of_bits {
    [[nodiscard]] constexpr std::uint32_t operator()(std::uint32_t x, std::uint32_t y,
                                                     std::uint32_t z) const noexcept
    {
        return (x & y) | (z & (x | y));
    }
};

/// The part that SHA-1, SHA-256 and MD5 share. It cuts a message into blocks of 64 bytes, and pads the last block, which ends
/// with the length of the message.
///
/// shape: `Compression` has `state`, `initial`, `order` and `compress(state&, words)`.
/// source: Merkle 1989; Damgard 1989; NIST FIPS 180-4, section 5; Rivest 1992, RFC 1321, section 3
template <class Compression>
class digest {
public:
    using state = typename Compression::state;

    /// Add bytes to the message.
    constexpr digest& add(std::string_view bytes) noexcept
    {
        size_ += bytes.size();
        while (bytes.size() >= block_size - held_) {
            const std::size_t room = block_size - held_;
            copy(bytes.data(), room);
            bytes.remove_prefix(room);
            compress();
            held_ = 0;
        }
        copy(bytes.data(), bytes.size());
        held_ += bytes.size();
        return *this;
    }

    /// Add one byte to the message.
    constexpr digest& add_byte(char byte) noexcept { return add(std::string_view{&byte, 1}); }

    /// Pad the message and return the words of the digest. No bytes can be added afterwards.
    [[nodiscard]] constexpr state finish() noexcept { return finish(0); }

    /// Pad the message as a certain flawed implementation does: where the padding takes a block of its own, that block begins
    /// with the first `stale` bytes of the block before it.
    [[nodiscard]] constexpr state finish(std::size_t stale) noexcept
    {
        block_[held_++] = '\x80';
        if (held_ > block_size - 8) {
            fill(block_size);
            compress();
            held_ = stale;
        }
        fill(block_size - 8);
        const std::uint64_t bits = size_ * 8;
        for (std::size_t i = 0; i < 8; ++i) {
            const std::size_t shift = Compression::order == byte_order::big ? 56 - 8 * i : 8 * i;
            block_[block_size - 8 + i] = static_cast<char>((bits >> shift) & 0xffU);
        }
        compress();
        return state_;
    }

    /// Return the bytes that do not fill a block yet.
    [[nodiscard]] constexpr std::string_view pending() const noexcept { return {block_, held_}; }

private:
    static constexpr std::size_t block_size = 64;

    constexpr void copy(const char* from, std::size_t count) noexcept
    {
        if (std::is_constant_evaluated()) {
            for (std::size_t i = 0; i < count; ++i) {
                block_[held_ + i] = from[i];
            }
        } else if (count != 0) {
            std::memcpy(block_ + held_, from, count);
        }
    }

    constexpr void fill(std::size_t end) noexcept
    {
        for (std::size_t i = held_; i < end; ++i) {
            block_[i] = 0;
        }
    }

    constexpr void compress() noexcept
    {
        std::array<std::uint32_t, 16> words{};
        for (std::size_t i = 0; i < 16; ++i) {
            const std::uint32_t word = joust::detail::load32(block_ + 4 * i);
            words[i] = Compression::order == byte_order::big ? joust::detail::byte_swap32(word) : word;
        }
        Compression::compress(state_, words);
    }

    state state_ = Compression::initial;
    std::uint64_t size_ = 0;
    std::size_t held_ = 0;
    char block_[block_size]{};
};

}  // namespace interop::detail
}  // namespace v0
}  // namespace joust
