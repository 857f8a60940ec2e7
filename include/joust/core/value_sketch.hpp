#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace joust::inline v0 {

/// Keep a weighted distribution of numbers of either sign in fixed bins, mergeable by addition.
///
/// Bins are at most 1/64 of their smaller magnitude wide, so that a quantile is within 1.6 % of the true one, and nearer
/// where values are spread over a bin. Magnitudes below 2^-24 (6e-8) count as 0; those from 2^40 (1e12) on share the last
/// bin of their sign, whose outer end is infinite.
/// When to use: any metric's values. When not: durations in whole nanoseconds, which latency_sketch counts exactly.
///
/// shape: 8,193 weights in ascending order of value, 64 KiB
/// assumes: no NaN; weights of at least 0
class value_sketch {
public:
    static constexpr std::size_t magnitudes = 64 * 64;  ///< bins on each side of the one around 0
    static constexpr std::size_t bins = 2 * magnitudes + 1;

    /// The values that a bin stands for: lower <= value <= upper.
    struct bin_range {
        double lower;
        double upper;
    };

    /// Find the bin of a value; for memory that keeps the weights in its own way.
    [[nodiscard]] static constexpr std::size_t bin_of(double value) noexcept
    {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        // The exponent and the first six bits behind the leading one, as one number.
        const std::uint64_t step = (bits & ~(std::uint64_t{1} << 63)) >> shift;
        const std::uint64_t size = step < first                ? 0
                                   : step - first < magnitudes ? step - first + 1
                                                               : magnitudes;
        return (bits >> 63) != 0 ? magnitudes - size : magnitudes + size;
    }

    /// The values that a bin holds; neighbouring bins leave no number between them.
    [[nodiscard]] static constexpr bin_range range_of(std::size_t bin) noexcept
    {
        const auto edge = [](std::uint64_t step) { return std::bit_cast<double>(step << shift); };
        const auto below = [](std::uint64_t step) { return std::bit_cast<double>((step << shift) - 1); };
        if (bin == magnitudes) {
            return {-below(first), below(first)};
        }
        const std::uint64_t size = bin < magnitudes ? magnitudes - bin : bin - magnitudes;
        const double low = edge(first + size - 1);
        const double high = size == magnitudes ? edge(std::uint64_t{0x7ff} << 6) : below(first + size);
        return bin < magnitudes ? bin_range{-high, -low} : bin_range{low, high};
    }

    /// Add one value.
    void add(double value, double weight = 1.0) noexcept { weights_[bin_of(value)] += weight; }

    /// Add weight to one bin.
    /// assumes: bin < bins
    void add_bin(std::size_t bin, double weight) noexcept { weights_[bin] += weight; }

    /// Become the sketch of all values of both.
    void merge(const value_sketch& other) noexcept
    {
        for (std::size_t bin = 0; bin < bins; ++bin) {
            weights_[bin] += other.weights_[bin];
        }
    }

    void clear() noexcept { weights_.assign(bins, 0.0); }

    /// The weight of each bin, to be stored; add_bin puts them back.
    [[nodiscard]] std::span<const double> weights() const noexcept { return weights_; }

    bool operator==(const value_sketch&) const = default;

private:
    static constexpr unsigned shift = 52 - 6;
    static constexpr std::uint64_t first = (1023 - 24) * 64;

    std::vector<double> weights_ = std::vector<double>(bins);
};

}  // namespace joust::inline v0
