// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detectors {

// A detector that is known from elsewhere, for comparison and for moving from other tools. It promises nothing about false alarms: see docs/how-to/monitoring.md
// for alarms that do.

/// Return how far the means of the two parts of a window may lie apart.
/// cost: two logarithms and a root
/// source: Bifet and Gavalda (2007), Learning from time-changing data with adaptive windowing, in the form that implementations use: a normal
///     approximation without an allowance for all looks
[[nodiscard]] inline double adwin_cut(double older, double newer, double variance, double delta,
                                      double min_window = 5.0) noexcept
{
    const double d = std::log(2.0 * std::log(older + newer) / delta);
    const double inverse = 1.0 / (older - min_window + 1.0) + 1.0 / (newer - min_window + 1.0);
    return std::sqrt(2.0 * variance * d * inverse) + 2.0 / 3.0 * d * inverse;
}

/// Detect a change of the mean of a number between 0 and 1 by a window that shrinks. Its stated error rate does not cover all its looks.
/// When to use: to reproduce what another tool does.
/// When not: to page a person; use `bernoulli_alarm` or `block_alarm`.
/// cost: 50 ns a value; memory grows with the logarithm of the window
/// source: Bifet and Gavalda (2007)
class adwin {
public:
    /// Begin, with the error rate of one comparison, and after how many values the window is examined.
    explicit adwin(double delta = 0.002, std::uint64_t every = 32) noexcept
        : delta_(delta), every_(every > 0 ? every : 1)
    {
    }

    /// Take a value. Returns whether the window was cut.
    bool update(double x)
    {
        if (!std::isfinite(x)) {
            ++refused_;
            return false;
        }
        append(x);
        if (++values_ % every_ != 0 || width_ <= 10.0) {
            return false;
        }
        bool cut = false;
        while (width_ > 10.0 && cut_once()) {
            cut = true;
        }
        return cut;
    }

    /// Return the number of values in the window.
    [[nodiscard]] double width() const noexcept { return width_; }
    /// Return the mean of the window.
    [[nodiscard]] double mean() const noexcept { return width_ > 0.0 ? total_ / width_ : 0.0; }
    /// Return how many values were NaN or infinite.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

private:
    static constexpr std::size_t most = 5;
    static constexpr double least = 5.0;

    struct bucket {
        double size = 0.0;
        double total = 0.0;
        // The sum of squared distances from the mean of the bucket.
        double squares = 0.0;
    };

    static bucket joined(const bucket& a, const bucket& b) noexcept
    {
        const double gap = a.total / a.size - b.total / b.size;
        return {a.size + b.size, a.total + b.total,
                a.squares + b.squares + gap * gap * a.size * b.size / (a.size + b.size)};
    }

    void append(double x)
    {
        if (rows_.empty()) {
            rows_.emplace_back();
        }
        if (width_ > 0.0) {
            const double gap = x - total_ / width_;
            squares_ += gap * gap * width_ / (width_ + 1.0);
        }
        width_ += 1.0;
        total_ += x;
        rows_[0].push_back({1.0, x, 0.0});
        // The oldest two of a full row become one of the next.
        for (std::size_t i = 0; rows_[i].size() > most; ++i) {
            if (i + 1 == rows_.size()) {
                rows_.emplace_back();
            }
            rows_[i + 1].push_back(joined(rows_[i][0], rows_[i][1]));
            rows_[i].erase(rows_[i].begin(), rows_[i].begin() + 2);
        }
    }

    bool cut_once()
    {
        bucket older;
        for (std::size_t i = rows_.size(); i-- > 0;) {
            for (const bucket& each : rows_[i]) {
                older = older.size > 0.0 ? joined(older, each) : each;
                const double newer = width_ - older.size;
                if (newer < least) {
                    return false;
                }
                if (older.size < least) {
                    continue;
                }
                const double gap = older.total / older.size - (total_ - older.total) / newer;
                if (std::abs(gap) > adwin_cut(older.size, newer, squares_ / width_, delta_, least)) {
                    drop_oldest();
                    return true;
                }
            }
        }
        return false;
    }

    void drop_oldest()
    {
        const bucket oldest = rows_.back().front();
        rows_.back().erase(rows_.back().begin());
        if (rows_.back().empty()) {
            rows_.pop_back();
        }
        width_ -= oldest.size;
        total_ -= oldest.total;
        const double gap = oldest.total / oldest.size - total_ / width_;
        squares_ -= oldest.squares + gap * gap * oldest.size * width_ / (oldest.size + width_);
        squares_ = squares_ > 0.0 ? squares_ : 0.0;
    }

    double delta_;
    std::uint64_t every_;
    std::uint64_t values_ = 0;
    std::uint64_t refused_ = 0;
    double width_ = 0.0;
    double total_ = 0.0;
    double squares_ = 0.0;
    // Buckets of 1, 2, 4, ... values, at most five each, the oldest of each first.
    std::vector<std::vector<bucket>> rows_;
};

}  // namespace detectors
}  // namespace v0
}  // namespace joust
