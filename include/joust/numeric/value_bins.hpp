#pragma once

#include <joust/numeric/value_sketch.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// Which bin of a value_sketch a number falls into, and which numbers a bin stands for.
///
/// Bins are at most 1/64 of their smaller magnitude wide, so that a quantile is within 1.6 % of the true one, and nearer
/// where values are spread over a bin. Magnitudes below 2^-24 (6e-8) count as 0; those from 2^40 (1e12) on share the last
/// bin of their sign, whose outer end is infinite.
///
/// assumes: no NaN
struct value_bins {
    static constexpr std::size_t count = value_sketch::bins;
    /// the bin around 0; as many lie on each side
    static constexpr std::size_t zero = count / 2;

    /// lower <= value <= upper
    struct range {
        double lower;
        double upper;
    };

    /// Find the bin of a value.
    [[nodiscard]] static constexpr std::size_t of(double value) noexcept
    {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        // The exponent and the first six bits behind the leading one, as one number.
        const std::uint64_t step = (bits & ~(std::uint64_t{1} << 63)) >> shift;
        const std::uint64_t size = step < first ? 0 : step - first < zero ? step - first + 1 : zero;
        return (bits >> 63) != 0 ? zero - size : zero + size;
    }

    /// The values that a bin holds; neighbouring bins leave no number between them.
    [[nodiscard]] static constexpr range range_of(std::size_t bin) noexcept
    {
        const auto edge = [](std::uint64_t step) { return std::bit_cast<double>(step << shift); };
        const auto below = [](std::uint64_t step) { return std::bit_cast<double>((step << shift) - 1); };
        if (bin == zero) {
            return {-below(first), below(first)};
        }
        const std::uint64_t size = bin < zero ? zero - bin : bin - zero;
        const double low = edge(first + size - 1);
        const double high = size == zero ? edge(std::uint64_t{0x7ff} << 6) : below(first + size);
        return bin < zero ? range{-high, -low} : range{low, high};
    }

private:
    static constexpr unsigned shift = 52 - 6;
    static constexpr std::uint64_t first = std::uint64_t{1023 - 24} * 64;
};

}  // namespace v0
}  // namespace joust
