// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {

/// Keep a distribution of durations in fixed bins, mergeable by addition without loss.
///
/// Bins are exact below 128 ns, and above that at most 1/64 of their lower end wide, so that a quantile is within
/// 0.8 % of the true one. Durations of 2^42 ns (73 minutes) or more fall into the last bin, negative ones into
/// the first.
///
/// shape: 2,368 counts of 64 bits
/// units: nanoseconds
/// cost: about 1 ns for an addition
class latency_sketch {
public:
    /// The number of bins: 128 exact ones and 64 for each of the 35 octaves above.
    static constexpr std::size_t bins = 2368;
    /// The upper end of the last bin. units: nanoseconds
    static constexpr std::int64_t limit = std::int64_t{1} << 42;

    /// The values that a bin stands for: lower <= value < upper.
    struct bin_range {
        /// The smallest value of the bin.
        std::int64_t lower;
        /// The end of the bin, which belongs to the next one.
        std::int64_t upper;

        /// Return the value that is nearest to all values of the bin.
        [[nodiscard]] constexpr double middle() const noexcept
        {
            return 0.5 * static_cast<double>(lower + upper - 1);
        }
    };

    /// Find the bin of a duration; for callers that store the counts themselves.
    [[nodiscard]] static constexpr std::size_t bin_of(std::int64_t ns) noexcept
    {
        const std::int64_t bounded = ns < 0 ? 0 : (ns < limit ? ns : limit - 1);
        const auto value = static_cast<std::uint64_t>(bounded);
        // The six bits after the leading one choose the bin in its octave; values below 64 have a bin each.
        const int shift = static_cast<int>(std::bit_width(value | 64U)) - 7;
        return static_cast<std::size_t>(shift) * 64 + static_cast<std::size_t>(value >> shift);
    }

    /// Return the durations that a bin holds.
    [[nodiscard]] static constexpr bin_range range_of(std::size_t bin) noexcept
    {
        if (bin < 128) {
            return {static_cast<std::int64_t>(bin), static_cast<std::int64_t>(bin) + 1};
        }
        const std::size_t shift = bin / 64 - 1;
        const auto lower = static_cast<std::int64_t>((bin % 64 + 64) << shift);
        return {lower, lower + (std::int64_t{1} << shift)};
    }

    /// Add one duration.
    constexpr void add(std::int64_t ns) noexcept { add_bin(bin_of(ns), 1); }

    /// Add n durations to one bin.
    /// assumes: bin < bins
    constexpr void add_bin(std::size_t bin, std::uint64_t n) noexcept
    {
        counts_[bin] += n;
        count_ += n;
    }

    /// Become the sketch of the durations of both.
    constexpr void merge(const latency_sketch& other) noexcept
    {
        for (std::size_t bin = 0; bin < bins; ++bin) {
            counts_[bin] += other.counts_[bin];
        }
        count_ += other.count_;
    }

    /// Return how many durations were added.
    [[nodiscard]] constexpr std::uint64_t count() const noexcept { return count_; }
    /// Was nothing added yet?
    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }
    /// Give access to the count of each bin, for storing them; add_bin restores them.
    [[nodiscard]] constexpr std::span<const std::uint64_t, bins> counts() const noexcept { return counts_; }

    /// Find the bin that holds the duration of rank ceil(q n) among n; q outside [0, 1] means the nearer end.
    /// assumes: the sketch is not empty; an empty one gives bin 0
    [[nodiscard]] constexpr std::size_t quantile_bin(double q) const noexcept
    {
        const double target = q * static_cast<double>(count_);
        std::uint64_t rank = 1;
        if (target >= static_cast<double>(count_)) {
            rank = count_;
        } else if (target > 1.0) {
            rank = static_cast<std::uint64_t>(target);
            rank += static_cast<double>(rank) < target ? 1U : 0U;
        }
        std::uint64_t seen = 0;
        for (std::size_t bin = 0; bin < bins; ++bin) {
            seen += counts_[bin];
            if (seen >= rank && seen != 0) {
                return bin;
            }
        }
        return 0;
    }

    /// Estimate a quantile by the middle of its bin; 0 for an empty sketch.
    [[nodiscard]] constexpr double quantile(double q) const noexcept
    {
        return empty() ? 0.0 : range_of(quantile_bin(q)).middle();
    }

    /// Compare all counts.
    bool operator==(const latency_sketch&) const = default;

private:
    std::array<std::uint64_t, bins> counts_{};
    std::uint64_t count_ = 0;
};

}  // namespace v0
}  // namespace joust
