// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace detectors {

// A detector that is known from elsewhere, for comparison and for moving from other tools. It promises nothing about false alarms: see docs/how-to/monitoring.md
// for alarms that do.

/// Detect a rise of an error rate by the drift detection method. It makes no promise about false alarms.
/// When to use: to reproduce what another tool does.
/// When not: to page a person; use `bernoulli_alarm` with the level that was promised. On 10,000 rows of an error rate of 10 % that never
/// changes, it alarms in 45 of 100 streams.
/// cost: 24 ns a row
/// source: Gama and others (2004), Learning with drift detection
class ddm {
public:
    /// Begin, with the number of rows that come first, and of standard deviations at which it warns and alarms.
    explicit ddm(std::uint64_t warm = 30, double warning = 2.0, double drift = 3.0) noexcept
        : warm_(warm), warning_(warning), drift_(drift)
    {
    }

    /// Take a row. Returns whether it raises the alarm; the detector starts again after one.
    bool update(bool error) noexcept
    {
        ++rows_;
        rate_ += ((error ? 1.0 : 0.0) - rate_) / static_cast<double>(rows_);
        const double deviation = std::sqrt(rate_ * (1.0 - rate_) / static_cast<double>(rows_));
        warned_ = false;
        if (rows_ < warm_) {
            return false;
        }
        if (rate_ + deviation <= least_rate_ + least_deviation_) {
            least_rate_ = rate_;
            least_deviation_ = deviation;
        }
        warned_ = rate_ + deviation > least_rate_ + warning_ * least_deviation_;
        if (!(rate_ + deviation > least_rate_ + drift_ * least_deviation_)) {
            return false;
        }
        rows_ = 0;
        rate_ = 0.0;
        least_rate_ = std::numeric_limits<double>::infinity();
        least_deviation_ = 0.0;
        return true;
    }

    /// Say whether the last row lies between warning and alarm.
    [[nodiscard]] bool warned() const noexcept { return warned_; }

private:
    std::uint64_t warm_;
    double warning_;
    double drift_;
    std::uint64_t rows_ = 0;
    double rate_ = 0.0;
    double least_rate_ = std::numeric_limits<double>::infinity();
    double least_deviation_ = 0.0;
    bool warned_ = false;
};

}  // namespace detectors
}  // namespace v0
}  // namespace joust
