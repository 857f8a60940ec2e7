// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detectors {

// A detector that is known from elsewhere, for comparison and for moving from other tools. It promises nothing about false alarms: see docs/how-to/monitoring.md
// for alarms that do.

/// Detect a rise of a standardised value by a one-sided cumulative sum. Its false alarms are as rare as planned only where the values are
/// independent normal numbers with the mean and the deviation that they were standardised by.
/// When to use: to reproduce what another tool does.
/// When not: to page a person; use `bernoulli_alarm` or `block_alarm`.
/// cost: 2 ns a value
/// source: Page (1954), Continuous inspection schemes
class cusum {
public:
    /// Begin, with the slack and the limit in standard deviations.
    explicit cusum(double slack = 0.5, double limit = 5.0) noexcept : slack_(slack), limit_(limit) {}

    /// Take a standardised value. Returns whether the sum is above the limit.
    bool update(double z) noexcept
    {
        if (!std::isfinite(z)) {
            ++refused_;
            return false;
        }
        sum_ = std::max(0.0, sum_ + z - slack_);
        return sum_ > limit_;
    }

    /// Return the sum.
    [[nodiscard]] double statistic() const noexcept { return sum_; }
    /// Return how many values were NaN or infinite.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Start again.
    void restart() noexcept { sum_ = 0.0; }

    /// Return the mean number of values until a false alarm, as Siegmund approximates it.
    [[nodiscard]] static double mean_run(double slack, double limit) noexcept
    {
        const double b = limit + 1.166;
        return slack > 0.0 ? (std::exp(2.0 * slack * b) - 1.0 - 2.0 * slack * b) / (2.0 * slack * slack)
                           : b * b;
    }

private:
    double slack_;
    double limit_;
    double sum_ = 0.0;
    std::uint64_t refused_ = 0;
};

}  // namespace detectors
}  // namespace v0
}  // namespace joust
