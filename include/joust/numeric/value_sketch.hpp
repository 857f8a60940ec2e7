// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {

/// Keep a weighted distribution of numbers of either sign in fixed bins, mergeable by addition.
///
/// value_bins finds the bin of a number; value_distribution reads quantiles, which are within 1.6 % of the true ones.
///
/// When to use: the values of any metric. When not: durations in whole nanoseconds, which latency_sketch counts
/// exactly.
///
/// shape: 8,193 weights in ascending order of value, 64 KiB
/// assumes: weights are not negative
/// cost: about 2 ns for an addition; O(bins) for a quantile and for merge
class value_sketch {
public:
    /// The number of bins.
    static constexpr std::size_t bins = 2 * 64 * 64 + 1;

    /// Add weight to one bin: `sketch.add_bin(value_bins::of(value))`.
    /// assumes: bin < bins
    void add_bin(std::size_t bin, double weight = 1.0) noexcept { weights_[bin] += weight; }

    /// Become the sketch of the values of both.
    void merge(const value_sketch& other) noexcept
    {
        for (std::size_t bin = 0; bin < bins; ++bin) {
            weights_[bin] += other.weights_[bin];
        }
    }

    /// Set every weight to 0.
    void clear() noexcept { weights_.assign(bins, 0.0); }

    /// Give access to the weight of each bin, for storing them; add_bin restores them.
    [[nodiscard]] std::span<const double> weights() const noexcept { return weights_; }

    /// Compare all weights.
    bool operator==(const value_sketch&) const = default;

private:
    std::vector<double> weights_ = std::vector<double>(bins);
};

}  // namespace v0
}  // namespace joust
