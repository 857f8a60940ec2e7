#pragma once

#include <joust/split/interop/utf16.hpp>

#include <cstdint>
#include <string_view>

namespace joust::inline v0::interop {

/// FNV-1a, 32 bits, fed in pieces: over bytes, or over wider units of text, each xored in whole.
///
/// cost: 1.3 ns a byte, since each waits for the one before
/// source: Fowler, Noll, Vo; Eastlake et al. 2019, The FNV non-cryptographic hash algorithm
class fnv1a {
public:
    constexpr fnv1a& add(std::string_view bytes) noexcept
    {
        for (const char byte : bytes) {
            add_unit(static_cast<unsigned char>(byte));
        }
        return *this;
    }

    /// Add UTF-8 as the UTF-16 code units it stands for, as JavaScript's charCodeAt gives them.
    constexpr fnv1a& add_utf16(std::string_view text) noexcept
    {
        if (is_ascii(text)) [[likely]] {
            return add(text);
        }
        for_each_utf16_unit(text, [this](std::uint16_t unit) { add_unit(unit); });
        return *this;
    }

    /// Add UTF-8 as the code points it stands for, as Python's ord gives them.
    constexpr fnv1a& add_code_points(std::string_view text) noexcept
    {
        for_each_code_point(text, [this](char32_t point) { add_unit(point); });
        return *this;
    }

    /// Add one unit of text.
    constexpr fnv1a& add_unit(std::uint32_t unit) noexcept
    {
        hash_ = (hash_ ^ unit) * 16777619U;
        return *this;
    }

    /// The hash of what was added so far.
    [[nodiscard]] constexpr std::uint32_t value() const noexcept { return hash_; }

private:
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

}  // namespace joust::inline v0::interop
