// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/alarm.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

/// Return, of all distributions in a box, the one against which a bet on `guess` is hardest: clamp(c guess, low, high), with c so that it sums
/// to 1.
///
/// guess / result is a bet whose mean is at most 1 under every distribution of the box: the result is the reverse information projection
/// of the guess on a convex set.
/// assumes: low <= high in each cell, the lows sum to at most 1 and the highs to at least 1; guesses are positive where high is
/// errors: an empty vector where no distribution lies in the box
/// cost: one sort of the cells
/// source: Gruenwald, de Heide, Koolen (2024), Safe testing, theorem 1
[[nodiscard]] inline std::vector<double>
box_projection(std::span<const double> guess, std::span<const double> low, std::span<const double> high)
{
    double least = 0.0;
    double most = 0.0;
    std::vector<double> bends;
    bool usable = guess.size() == low.size() && guess.size() == high.size() && !guess.empty();
    for (std::size_t j = 0; usable && j < guess.size(); ++j) {
        usable = low[j] >= 0.0 && low[j] <= high[j] && guess[j] >= 0.0;
        least += low[j];
        most += high[j];
        if (guess[j] > 0.0) {
            bends.push_back(low[j] / guess[j]);
            bends.push_back(high[j] / guess[j]);
        }
    }
    if (!usable || !(least <= 1.0 + 1e-12) || !(most >= 1.0 - 1e-12)) {
        return {};
    }
    const auto sum_at = [&](double c) {
        double sum = 0.0;
        for (std::size_t j = 0; j < guess.size(); ++j) {
            sum += std::clamp(c * guess[j], low[j], high[j]);
        }
        return sum;
    };
    // The sum rises with c, and is straight between the values of c at which a cell meets its bounds.
    std::sort(bends.begin(), bends.end());
    const auto next =
        std::partition_point(bends.begin(), bends.end(), [&](double c) { return sum_at(c) < 1.0; });
    double c = next == bends.end() ? (bends.empty() ? 0.0 : bends.back()) : *next;
    if (next != bends.end()) {
        const double before = next == bends.begin() ? 0.0 : *(next - 1);
        const double sum_before = sum_at(before);
        const double sum_after = sum_at(c);
        c = sum_after > sum_before ? before + (c - before) * (1.0 - sum_before) / (sum_after - sum_before)
                                   : c;
    }
    std::vector<double> result(guess.size());
    for (std::size_t j = 0; j < guess.size(); ++j) {
        result[j] = std::clamp(c * guess[j], low[j], high[j]);
    }
    return result;
}

/// Watch whether rows stay within a tolerance of a reference that does not move: the share of each cell may differ from that of the reference
/// by a tenth of itself, or as much as you say, and by the uncertainty of the reference.
///
/// It bets on higher or lower values (8 bets), wider or narrower (2), and on the shares that the last blocks had (3). A slow drift is found,
/// where `block_alarm` takes part of it into its reference.
/// When to use: for the distance between training and serving, where small differences are normal.
/// When not: with a reference below some 10,000 rows, whose uncertainty would hide a change; use `block_alarm`.
/// assumes: rows are independent; the share of each cell in the population of the reference lies within `margin` standard errors
/// cost: about 4 us for a block of any size with 12 cells
class box_alarm {
public:
    /// Begin with the counts of a reference by cell.
    ///
    /// `tolerance` is a part of each share, `margin` a number of standard errors.
    /// errors: configuration_error without rows, or for a negative number
    explicit box_alarm(std::span<const std::uint64_t> reference, double tolerance = 0.1,
                       false_alarms promise = false_alarms::every(1e7), double margin = 3.0)
        : promise_(promise), recent_(reference.size(), 0.0)
    {
        double rows = 0.0;
        for (const std::uint64_t n : reference) {
            rows += static_cast<double>(n);
        }
        if (!(rows > 0.0)) {
            throw configuration_error("box_alarm.reference", "without rows", "counts of at least one row");
        }
        if (!(tolerance >= 0.0 && std::isfinite(tolerance) && margin >= 0.0 && std::isfinite(margin))) {
            throw configuration_error("box_alarm.tolerance", to_text(tolerance), "0 or more");
        }
        for (const std::uint64_t n : reference) {
            const double p = static_cast<double>(n) / rows;
            // Wilson's limits: they are above 0 also for a cell that the reference never had.
            const double centre = (p + margin * margin / (2.0 * rows)) / (1.0 + margin * margin / rows);
            const double width = margin / (1.0 + margin * margin / rows) *
                                 std::sqrt(p * (1.0 - p) / rows + margin * margin / (4.0 * rows * rows));
            low_.push_back(std::max(0.0, (centre - width) * (1.0 - std::min(tolerance, 1.0))));
            high_.push_back(std::min(1.0, (centre + width) * (1.0 + tolerance)));
            share_.push_back((static_cast<double>(n) + 0.5) /
                             (rows + 0.5 * static_cast<double>(reference.size())));
        }
        double position = 0.0;
        for (const double p : share_) {
            place_.push_back(2.0 * (position + 0.5 * p) - 1.0);
            position += p;
        }
        add_fixed_bets();
        restart();
    }

    /// Take a block of rows, given as counts per cell. An empty block is no evidence.
    /// errors: a block with another number of cells is refused and counted
    void update(std::span<const std::uint64_t> block)
    {
        if (block.size() != share_.size()) {
            ++refused_;
            return;
        }
        double rows = 0.0;
        for (const std::uint64_t n : block) {
            rows += static_cast<double>(n);
        }
        if (rows == 0.0) {
            return;
        }
        double sum = 0.0;
        for (std::size_t b = 0; b < bets_.size(); ++b) {
            const std::vector<double> factors =
                b < fixed_.size() ? std::vector<double>{} : factors_of(learned(pulls[b - fixed_.size()]));
            const std::vector<double>& by = b < fixed_.size() ? fixed_[b] : factors;
            double log_e = 0.0;
            for (std::size_t j = 0; j < block.size(); ++j) {
                if (block[j] != 0) {
                    log_e += static_cast<double>(block[j]) * std::log(by[j]);
                }
            }
            bets_[b].update(std::exp(log_e), rows);
            sum += bets_[b].value();
        }
        evidence_ = sum / static_cast<double>(bets_.size());
        rows_ += static_cast<std::uint64_t>(rows);
        if (evidence_ >= promise_.threshold() && raised_at_ == 0) {
            raised_at_ = rows_;
        }
        const double kept = std::exp(-rows / memory_rows);
        for (std::size_t j = 0; j < block.size(); ++j) {
            recent_[j] = kept * recent_[j] + static_cast<double>(block[j]);
        }
    }

    /// Return the evidence of a change beyond the tolerance.
    [[nodiscard]] double evidence() const noexcept { return evidence_; }
    /// Return the evidence at which the alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return promise_.threshold(); }
    /// Say whether the alarm was raised since the start or the last `restart`.
    [[nodiscard]] bool raised() const noexcept { return raised_at_ != 0; }
    /// Return the number of rows up to the end of the block that raised the alarm, or 0 if no block did.
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return raised_at_; }
    /// Return the number of blocks that were refused.
    [[nodiscard]] std::uint64_t refused_blocks() const noexcept { return refused_; }
    /// Return the smallest share that is tolerated, by cell.
    [[nodiscard]] std::span<const double> low() const noexcept { return low_; }
    /// Return the largest share that is tolerated, by cell.
    [[nodiscard]] std::span<const double> high() const noexcept { return high_; }

    /// Forget evidence and alarm.
    void restart()
    {
        bets_.assign(fixed_.size() + pulls.size(), change_evidence{promise_.restarts()});
        evidence_ = bets_.front().value();
        rows_ = 0;
        raised_at_ = 0;
    }

private:
    static constexpr std::array<double, 8> tilts{-0.5, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.5};
    static constexpr std::array<double, 2> widths{-0.3, 0.3};
    // The pseudo-rows of the reference in a guess from the last blocks.
    static constexpr std::array<double, 3> pulls{100.0, 1'000.0, 10'000.0};
    static constexpr double memory_rows = 13'000.0;

    [[nodiscard]] std::vector<double> factors_of(std::vector<double> guess) const
    {
        const std::vector<double> hardest = box_projection(guess, low_, high_);
        for (std::size_t j = 0; j < guess.size(); ++j) {
            guess[j] = hardest.empty() ? 1.0 : guess[j] / hardest[j];
        }
        return guess;
    }

    template <class Weight>
    [[nodiscard]] std::vector<double> tilted(Weight weight) const
    {
        std::vector<double> guess(share_.size());
        double sum = 0.0;
        for (std::size_t j = 0; j < share_.size(); ++j) {
            guess[j] = share_[j] * std::exp(weight(place_[j]));
            sum += guess[j];
        }
        for (double& q : guess) {
            q /= sum;
        }
        return guess;
    }

    void add_fixed_bets()
    {
        // Tilts are those of a standard deviation of 1: a place is uniform between -1 and 1.
        const double unit = std::sqrt(3.0);
        for (const double t : tilts) {
            fixed_.push_back(factors_of(tilted([&](double x) { return t * unit * x; })));
        }
        for (const double t : widths) {
            fixed_.push_back(factors_of(tilted([&](double x) { return t * (3.0 * x * x - 1.0); })));
        }
    }

    [[nodiscard]] std::vector<double> learned(double pull) const
    {
        double rows = 0.0;
        for (const double n : recent_) {
            rows += n;
        }
        std::vector<double> guess(share_.size());
        for (std::size_t j = 0; j < share_.size(); ++j) {
            guess[j] = (recent_[j] + pull * share_[j]) / (rows + pull);
        }
        return guess;
    }

    false_alarms promise_;
    std::vector<double> low_;
    std::vector<double> high_;
    std::vector<double> share_;
    // Where the middle of a cell lies in the reference, from -1 to 1.
    std::vector<double> place_;
    // The factor of each cell, for each bet that does not learn.
    std::vector<std::vector<double>> fixed_;
    std::vector<change_evidence> bets_;
    std::vector<double> recent_;
    double evidence_ = 0.0;
    std::uint64_t rows_ = 0;
    std::uint64_t raised_at_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace v0
}  // namespace joust
