// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detectors {

// A detector that is known from elsewhere, for comparison and for moving from other tools. It promises nothing about false alarms: see docs/how-to/monitoring.md
// for alarms that do.

/// Set up page_hinkley.
/// cost: O(1)
struct page_hinkley_options {
    /// How much of a rise is tolerated, in the unit of the values.
    double delta = 0.005;
    /// The sum at which an alarm is raised, in the unit of the values: rescaling a feature changes the verdict.
    double threshold = 50.0;
    /// What is kept of the sum at each step.
    double alpha = 0.9999;
    /// How many values come first.
    std::uint64_t min_instances = 30;
};

/// Detect a rise of the mean by the Page-Hinkley test. It makes no promise about false alarms.
/// When to use: to reproduce what another tool does.
/// When not: to page a person; use `bernoulli_alarm` or `block_alarm`.
/// cost: 6 ns a value
/// source: Page (1954), Continuous inspection schemes
class page_hinkley {
public:
    /// Begin.
    explicit page_hinkley(page_hinkley_options options = {}) noexcept : options_(options) {}

    /// Take a value. Returns whether it raises the alarm; the detector starts again after one.
    bool update(double x) noexcept
    {
        if (!(x - x == 0.0)) {
            ++refused_;
            return false;
        }
        ++rows_;
        mean_ += (x - mean_) / static_cast<double>(rows_);
        sum_ = std::max(0.0, options_.alpha * sum_ + x - mean_ - options_.delta);
        if (rows_ < options_.min_instances || !(sum_ >= options_.threshold)) {
            return false;
        }
        rows_ = 0;
        mean_ = 0.0;
        sum_ = 0.0;
        return true;
    }

    /// Return the sum.
    [[nodiscard]] double statistic() const noexcept { return sum_; }
    /// Return how many values were NaN or infinite.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

private:
    page_hinkley_options options_;
    std::uint64_t rows_ = 0;
    std::uint64_t refused_ = 0;
    double mean_ = 0.0;
    double sum_ = 0.0;
};

}  // namespace detectors
}  // namespace v0
}  // namespace joust
