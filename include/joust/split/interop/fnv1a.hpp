// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/split/interop/utf16.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace interop {

/// FNV-1a with 32 bits, to which a text is added piece by piece: as bytes, or as wider units of text that are xored as a whole.
/// cost: 1.3 ns for each byte, since each step waits for the one before
/// source: Fowler, Noll, Vo; Eastlake et al. 2019, The FNV non-cryptographic hash algorithm
class fnv1a {
public:
    /// Add bytes.
    constexpr fnv1a& add(std::string_view bytes) noexcept
    {
        (void)add_seeing(bytes);
        return *this;
    }

    /// Add the UTF-16 code units of a UTF-8 text, as JavaScript's charCodeAt returns them.
    constexpr fnv1a& add_utf16(std::string_view text) noexcept
    {
        // Most text is ASCII, whose code units are its bytes. The check costs no time beside a hash that waits for every byte.
        const std::uint32_t before = hash_;
        if (add_seeing(text) >= 0x80) [[unlikely]] {
            hash_ = after_utf16(before, text);
        }
        return *this;
    }

    /// Add the code points of a UTF-8 text, as Python's ord returns them.
    constexpr fnv1a& add_code_points(std::string_view text) noexcept
    {
        hash_ = after_code_points(hash_, text);
        return *this;
    }

    /// Add one unit of text.
    constexpr fnv1a& add_unit(std::uint32_t unit) noexcept
    {
        hash_ = step(hash_, unit);
        return *this;
    }

    /// Return the hash of all pieces so far.
    [[nodiscard]] constexpr std::uint32_t value() const noexcept { return hash_; }

private:
    /// Add bytes, and return the bitwise or of all of them.
    constexpr unsigned add_seeing(std::string_view bytes) noexcept
    {
        unsigned seen = 0;
        std::uint32_t hash = hash_;
        const char* at = bytes.data();
        std::size_t left = bytes.size();
        // Eight at a time, since the mispredicted end of a loop costs as much as many bytes.
        for (; left >= 8; at += 8, left -= 8) {
            for (std::size_t i = 0; i < 8; ++i) {
                seen |= static_cast<unsigned char>(at[i]);
                hash = step(hash, static_cast<unsigned char>(at[i]));
            }
        }
        for (; left != 0; ++at, --left) {
            seen |= static_cast<unsigned char>(*at);
            hash = step(hash, static_cast<unsigned char>(*at));
        }
        hash_ = hash;
        return seen;
    }

    // These are functions of their own and take the hash by value, so that the hash of ASCII stays in registers.
    [[nodiscard]] JOUST_NOINLINE static constexpr std::uint32_t after_utf16(std::uint32_t hash,
                                                                            std::string_view text) noexcept
    {
        for_each_utf16_unit(text, [&hash](std::uint16_t unit) { hash = step(hash, unit); });
        return hash;
    }
    [[nodiscard]] JOUST_NOINLINE static constexpr std::uint32_t
    after_code_points(std::uint32_t hash, std::string_view text) noexcept
    {
        for_each_code_point(text, [&hash](char32_t point) { hash = step(hash, point); });
        return hash;
    }
    [[nodiscard]] static constexpr std::uint32_t step(std::uint32_t hash, std::uint32_t unit) noexcept
    {
        return (hash ^ unit) * 16777619U;
    }

    std::uint32_t hash_ = 2166136261U;
};

/// Hash bytes with FNV-1a, 32 bits.
[[nodiscard]] constexpr std::uint32_t fnv1a_32(std::string_view bytes) noexcept
{
    return fnv1a{}.add(bytes).value();
}

/// Hash UTF-8 with FNV-1a, 32 bits, over its UTF-16 code units.
[[nodiscard]] constexpr std::uint32_t fnv1a_32_utf16(std::string_view text) noexcept
{
    return fnv1a{}.add_utf16(text).value();
}

}  // namespace interop
}  // namespace v0
}  // namespace joust
