// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fork.hpp>
#include <joust/core/spin_lock.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/numeric/value_bins.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the threshold of the challenger: that of the champion, moved by the margin of a guardrail.
[[nodiscard]] inline double within(const bound& limit, double threshold) noexcept
{
    return limit.relative ? threshold * limit.value : threshold + limit.value;
}

/// Choose the threshold of a quantile from the first values. It is an end of the bin that holds their quantile, so that
/// the sketch knows the share beyond it exactly. With ties there may be no values beyond the upper end; then the share
/// beyond the lower end is nearer to the wanted share.
[[nodiscard]] inline double threshold_of(const std::vector<double>& first, double q) noexcept
{
    const auto end_of = [](std::size_t bin) { return value_bins::range_of(bin).upper; };
    const double wanted = q * static_cast<double>(first.size());
    const auto at_most = [&](double value) {
        double count = 0.0;
        for (const double each : first) {
            count += each <= value ? 1.0 : 0.0;
        }
        return count;
    };
    std::size_t low = 0;
    std::size_t bin = value_bins::count - 1;
    while (low < bin) {
        const std::size_t middle = (low + bin) / 2;
        if (at_most(end_of(middle)) >= wanted) {
            bin = middle;
        } else {
            low = middle + 1;
        }
    }
    if (bin == 0) {
        return end_of(bin);
    }
    const double lower = end_of(bin - 1);
    const double upper = end_of(bin);
    const bool below = std::fabs(at_most(lower) - wanted) < std::fabs(at_most(upper) - wanted);
    return below || bin + 1 == value_bins::count ? lower : upper;
}

/// Describe a quantile metric to the trial.
struct quantile_watch {
    double q = 0.9;
    std::uint64_t warm_up = 1'000;
    /// A threshold that is known beforehand; infinite if it has to be learned.
    double threshold = std::numeric_limits<double>::infinity();
    /// The limit of a guardrail. By default both arms have the same threshold.
    bound limit{};
};

/// Collect the values of one quantile metric while the trial runs. All threads share them, since feedback is rarer than
/// calls.
///
/// cost: a load and an atomic addition when the threshold is fixed; before that a spin lock for about 20 ns. It
/// allocates in `watch` only.
class live_quantile {
public:
    /// Set the quantile and its threshold, before the first value.
    void watch(const quantile_watch& asked, std::size_t pairs)
    {
        asked_ = asked;
        weights_ = std::vector<std::atomic<double>>(2 * pairs * value_sketch::bins);
        threshold_.store(asked.threshold, std::memory_order_relaxed);
        if (asked.threshold == no_limit) {
            first_.reserve(static_cast<std::size_t>(asked.warm_up));
        }
    }

    /// Take a value. Returns the amount that it adds to the series of the metric, or NaN until the threshold is fixed: during the warm-up, and while its end is computed.
    ///
    /// The amount counts the rarer side of the threshold: 1 beyond it and else 0 for an upper quantile, and 0 beyond it
    /// and else -1 for a lower quantile, so that larger values always give larger sums.
    template <std::size_t Pairs>
    [[nodiscard]] double take(unsigned arm, const std::array<pair_share, Pairs>& shares,
                              double value) noexcept
    {
        const std::size_t bin = value_bins::of(value);
        if (arm == 0) {
            for (std::size_t p = 0; p < Pairs; ++p) {
                raise(weights_[2 * p * value_sketch::bins + bin], shares[p].challenger);
            }
        } else {
            raise(weights_[(2 * arm - 1) * value_sketch::bins + bin], 1.0 - shares[arm - 1].challenger);
        }
        double threshold = threshold_.load(std::memory_order_relaxed);
        if (threshold == no_limit) [[unlikely]] {
            threshold = arm == 0 ? learn(value) : no_limit;
            if (threshold == no_limit) {
                return std::numeric_limits<double>::quiet_NaN();
            }
        }
        const bool beyond = value > (arm == 0 ? threshold : within(asked_.limit, threshold));
        return (beyond ? 1.0 : 0.0) - (asked_.q < 0.5 ? 1.0 : 0.0);
    }

    /// Take a threshold that another process of the trial has fixed, unless one is fixed here.
    void adopt(double threshold) noexcept
    {
        const spin_guard hold{lock_};
        // Once the warm-up is complete, its own threshold is being computed.
        if (threshold_.load(std::memory_order_relaxed) == no_limit && std::isfinite(threshold) &&
            first_.size() < asked_.warm_up) {
            threshold_.store(threshold, std::memory_order_relaxed);
        }
    }

    /// Forget all values in a forked child, where no other thread exists. A threshold that is fixed stays.
    void begin_anew() noexcept
    {
        lock_.unlock();
        if (threshold_.load(std::memory_order_relaxed) == no_limit) {
            first_.clear();
        }
        for (auto& weight : weights_) {
            if (weight.load(std::memory_order_relaxed) != 0.0) {
                weight.store(0.0, std::memory_order_relaxed);
            }
        }
    }

    /// Copy the weights and the threshold into a value. This allocates nothing if the value was used before.
    void collect(quantile_evidence& into) const
    {
        into.q = asked_.q;
        const double threshold = threshold_.load(std::memory_order_relaxed);
        into.lowest = threshold;
        into.highest = threshold == no_limit ? -no_limit : threshold;
        into.values.resize(weights_.size() / value_sketch::bins);
        for (std::size_t v = 0; v < into.values.size(); ++v) {
            into.values[v].clear();
            for (std::size_t bin = 0; bin < value_sketch::bins; ++bin) {
                into.values[v].add_bin(
                    bin, weights_[v * value_sketch::bins + bin].load(std::memory_order_relaxed));
            }
        }
    }

private:
    static constexpr double no_limit = std::numeric_limits<double>::infinity();

    static void raise(std::atomic<double>& sum, double by) noexcept
    {
        double held = sum.load(std::memory_order_relaxed);
        while (!sum.compare_exchange_weak(held, held + by, std::memory_order_relaxed)) {}
    }

    /// Take one of the first values. Returns the threshold if another thread has fixed it meanwhile. The value that
    /// completes the warm-up still belongs to the warm-up.
    double learn(double value) noexcept
    {
        double fixed = no_limit;
        bool complete = false;
        {
            const spin_guard hold{lock_};
            fixed = threshold_.load(std::memory_order_relaxed);
            if (fixed == no_limit && first_.size() < asked_.warm_up) {
                first_.push_back(value);
                complete = first_.size() == asked_.warm_up;
            }
        }
        if (complete) {
            // No thread adds a value any more, so that the search needs no lock, which others would wait for.
            threshold_.store(threshold_of(first_, asked_.q), std::memory_order_relaxed);
        }
        return fixed;
    }

    quantile_watch asked_;
    std::atomic<double> threshold_{no_limit};
    spin_lock lock_;
    std::vector<double> first_;
    std::vector<std::atomic<double>> weights_;
    new_epoch_in_child<live_quantile> fork_{*this};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
