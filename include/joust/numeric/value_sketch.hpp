#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {

/// Keep a weighted distribution of numbers of either sign in fixed bins, mergeable by addition.
///
/// Which bin a number belongs to is in value_bins; value_distribution reads quantiles off. A quantile is within 1.6 % of the
/// true one.
/// When to use: any metric's values. When not: durations in whole nanoseconds, which latency_sketch counts exactly.
///
/// shape: 8,193 weights in ascending order of value, 64 KiB
/// assumes: weights of at least 0
class value_sketch {
public:
    static constexpr std::size_t bins = 2 * 64 * 64 + 1;

    /// Add weight to one bin: `sketch.add_bin(value_bins::of(value))`.
    /// assumes: bin < bins
    void add_bin(std::size_t bin, double weight = 1.0) noexcept { weights_[bin] += weight; }

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
    std::vector<double> weights_ = std::vector<double>(bins);
};

}  // namespace v0
}  // namespace joust
