// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detectors {

// A detector that is known from elsewhere, for comparison and for moving from other tools. It promises nothing about false alarms: see docs/how-to/monitoring.md
// for alarms that do.

/// Watch an exponentially weighted moving average of a standardised value. Its false alarms are as rare as planned only where the values are
/// independent normal numbers with the mean and the deviation that they were standardised by.
/// When to use: to reproduce what another tool does.
/// When not: to page a person; use `bernoulli_alarm` or `block_alarm`.
/// cost: 10 ns a value
/// source: Roberts (1959), Control chart tests based on geometric moving averages
class ewma {
public:
    /// Begin, with the weight of a new value, and the width of the limits in standard deviations of the average.
    explicit ewma(double weight = 0.2, double limit = 2.9) noexcept : weight_(weight), limit_(limit) {}

    /// Take a standardised value. Returns whether the average is outside its limits.
    bool update(double z) noexcept
    {
        if (!std::isfinite(z)) {
            ++refused_;
            return false;
        }
        value_ = weight_ * z + (1.0 - weight_) * value_;
        kept_ *= (1.0 - weight_) * (1.0 - weight_);
        return std::abs(value_) > limit_ * deviation();
    }

    /// Return the average.
    [[nodiscard]] double value() const noexcept { return value_; }
    /// Return the standard deviation of the average, for values of standard deviation 1.
    [[nodiscard]] double deviation() const noexcept
    {
        return std::sqrt(weight_ / (2.0 - weight_) * (1.0 - kept_));
    }
    /// Return how many values were NaN or infinite.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

private:
    double weight_;
    double limit_;
    double value_ = 0.0;
    // (1 - weight)^(2 t) after t values.
    double kept_ = 1.0;
    std::uint64_t refused_ = 0;
};

}  // namespace detectors
}  // namespace v0
}  // namespace joust
