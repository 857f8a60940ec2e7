// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/calibration.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/quality/quality.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

// Measures on rows that have a weight each: inverse sampling rates of labels, importance of customers, shares of strata.
// Weights are taken as known, and only their proportions matter. With equal weights every number is that of the class
// without weights. Rows of weight 0 count as absent; a weight that is negative or not finite is rejected with its row.

namespace joust {
inline namespace v0 {
namespace quality {

namespace detail {

[[nodiscard]] inline bool is_weight(double weight) noexcept
{
    return weight >= 0.0 && std::isfinite(weight);
}

}  // namespace detail

/// Accumulate a row metric (`log_loss`, `brier_score`, errors of regressions) over weighted independent rows, mergeable.
///
/// assumes: rows are independent.
/// cost: rows are not stored.
template <row_metric Metric>
class weighted_quality {
public:
    /// Start without rows.
    explicit weighted_quality(Metric metric = {}) noexcept : metric_(metric) {}

    /// Count a row with its weight; one that cannot be used is counted as rejected, and the return value is false.
    template <class... Observed>
    bool add(double weight, const Observed&... observed) noexcept
    {
        const std::optional<std::array<double, Metric::columns>> row = metric_.row(observed...);
        bool usable = row.has_value() && detail::is_weight(weight);
        for (std::size_t i = 0; usable && i < Metric::columns; ++i) {
            usable = std::isfinite((*row)[i]);
        }
        if (!usable) {
            ++rejected_;
            return false;
        }
        if (weight == 0.0) {
            return true;
        }
        part one;
        one.rows = 1;
        one.weight = weight;
        one.squares = weight * weight;
        one.means = *row;
        one.square_means = *row;
        all_.merge(one);
        return true;
    }

    /// Add another part.
    void merge(const weighted_quality& other) noexcept
    {
        rejected_ += other.rejected_;
        all_.merge(other.all_);
    }

    /// Return how many rows have a weight above 0.
    [[nodiscard]] std::uint64_t rows() const noexcept { return all_.rows; }
    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }
    /// Return how many rows of equal weight would say as much: (sum w)^2 / sum w^2.
    [[nodiscard]] double effective_rows() const noexcept
    {
        return all_.rows > 0 ? all_.weight / all_.squares * all_.weight : 0.0;
    }

    /// Return the metric so far. errors: as row_quality.
    [[nodiscard]] quality result(double alpha = 0.05) const noexcept
    {
        quality out;
        out.rows = all_.rows;
        if (rejected_ != 0) {
            out.state = status::out_of_range;
            return out;
        }
        if (all_.rows < detail::fewest_rows) {
            return out;
        }
        // The sum of w^2 (row - mean)(row - mean)' about the weighted mean, from that about the mean by w^2.
        const std::array<double, Metric::columns> slope = metric_.gradient(all_.means);
        double about = 0.0, shift = 0.0;
        for (std::size_t i = 0; i < Metric::columns; ++i) {
            shift += slope[i] * (all_.square_means[i] - all_.means[i]);
            for (std::size_t j = 0; j < Metric::columns; ++j) {
                about += slope[i] * slope[j] * all_.products[i * Metric::columns + j];
            }
        }
        const double n = static_cast<double>(all_.rows);
        const double sum = about + all_.squares * shift * shift;
        return detail::judged(metric_.value(all_.means), sum / all_.weight / all_.weight * (n / (n - 1.0)),
                              all_.rows, alpha);
    }

private:
    struct part {
        std::uint64_t rows = 0;
        double weight = 0.0;                                               // the sum of w
        double squares = 0.0;                                              // the sum of w^2
        std::array<double, Metric::columns> means{};                       // by w
        std::array<double, Metric::columns> square_means{};                // by w^2
        std::array<double, Metric::columns * Metric::columns> products{};  // by w^2, about square_means

        void merge(const part& other) noexcept
        {
            if (other.rows == 0) {
                return;
            }
            const double by_weight = other.weight / (weight + other.weight);
            const double by_square = other.squares / (squares + other.squares);
            std::array<double, Metric::columns> apart{};
            for (std::size_t i = 0; i < Metric::columns; ++i) {
                means[i] += by_weight * (other.means[i] - means[i]);
                apart[i] = other.square_means[i] - square_means[i];
            }
            for (std::size_t i = 0; i < Metric::columns; ++i) {
                for (std::size_t j = 0; j < Metric::columns; ++j) {
                    products[i * Metric::columns + j] +=
                        other.products[i * Metric::columns + j] + squares * by_square * apart[i] * apart[j];
                }
                square_means[i] += by_square * apart[i];
            }
            rows += other.rows;
            weight += other.weight;
            squares += other.squares;
        }
    };

    Metric metric_;
    std::uint64_t rejected_ = 0;
    part all_;
};

/// Count weighted predictions of k classes by their true class, mergeable, for the metrics of quality/confusion.hpp.
///
/// assumes: rows are independent.
/// cost: about 2 ns for a row; O(k^2) for the measures of k classes.
class weighted_confusion {
public:
    /// Start an empty table of this many classes.
    explicit weighted_confusion(std::size_t classes = 2)
        : classes_(classes > 0 ? classes : 1), sums_(classes_ * classes_), squares_(classes_ * classes_)
    {
    }

    /// Count a row with its weight; one with an unknown class is counted as rejected, and the return value is false.
    bool add(std::size_t truth, std::size_t predicted, double weight) noexcept
    {
        if (truth >= classes_ || predicted >= classes_ || !detail::is_weight(weight)) {
            ++rejected_;
            return false;
        }
        if (weight > 0.0) {
            ++rows_;
            sums_[truth * classes_ + predicted] += weight;
            squares_[truth * classes_ + predicted] += weight * weight;
        }
        return true;
    }

    /// Add another part; returns false, and adds nothing, where the numbers of classes differ.
    bool merge(const weighted_confusion& other) noexcept
    {
        if (other.classes_ != classes_) {
            return false;
        }
        rows_ += other.rows_;
        rejected_ += other.rejected_;
        for (std::size_t i = 0; i < sums_.size(); ++i) {
            sums_[i] += other.sums_[i];
            squares_[i] += other.squares_[i];
        }
        return true;
    }

    /// Return how many rows have a weight above 0.
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }
    /// Return the weight of the rows with this true and this predicted class.
    [[nodiscard]] double weight(std::size_t truth, std::size_t predicted) const noexcept
    {
        return truth < classes_ && predicted < classes_ ? sums_[truth * classes_ + predicted] : 0.0;
    }

    /// Evaluate a metric. errors: as confusion; zero_variance also for an accuracy of 0 or 1.
    template <class_metric Metric>
    [[nodiscard]] quality result(const Metric& metric, double alpha = 0.05) const
    {
        quality out;
        out.rows = rows_;
        if (rejected_ != 0) {
            out.state = status::out_of_range;
            return out;
        }
        if (rows_ < detail::fewest_rows) {
            return out;
        }
        double all = 0.0;
        for (const double sum : sums_) {
            all += sum;
        }
        const detail::cell_influence influence = detail::influence_of(
            metric, classes_, all, [&](std::size_t t, std::size_t p) { return weight(t, p); });
        double squares = 0.0;
        for (std::size_t t = 0; t < classes_; ++t) {
            for (std::size_t p = 0; p < classes_; ++p) {
                const double value = influence.of(t, p) / all;
                squares += squares_[t * classes_ + p] * value * value;
            }
        }
        const double n = static_cast<double>(rows_);
        return detail::within_range<Metric>(
            detail::judged(influence.value, squares * (n / (n - 1.0)), rows_, alpha));
    }

private:
    std::size_t classes_;
    std::uint64_t rows_ = 0;
    std::uint64_t rejected_ = 0;
    std::vector<double> sums_;
    std::vector<double> squares_;
};

/// Accumulate the calibration of weighted rows by equal bins of the predicted probability of 1, mergeable.
///
/// assumes: as calibration_bins.
/// cost: O(1) for a row; O(bins) for the measures.
/// source: as calibration_bins, with the weighted means of each bin and their variances.
class weighted_calibration {
public:
    /// Start with this many empty bins.
    explicit weighted_calibration(std::size_t bins = 15) : bins_(bins > 0 ? bins : 1) {}

    /// Count a row with its weight: the label 0 or 1, and the predicted probability of 1. A row that is neither is counted
    /// as rejected, and the return value is false.
    bool add(int label, double probability, double weight) noexcept
    {
        if (!detail::is_prediction(label, probability) || !detail::is_weight(weight)) {
            ++rejected_;
            return false;
        }
        if (weight > 0.0) {
            bin& b = bins_[detail::calibration_bin(probability, bins_.size())];
            const double distance = (label == 1 ? 1.0 : 0.0) - probability;
            const double square = weight * weight;
            ++b.rows;
            b.weight += weight;
            b.distance += weight * distance;
            b.spread += weight * probability * (1.0 - probability);
            b.square_weight += square;
            b.square_distance += square * distance;
            b.squares += square * distance * distance;
            b.square_spread += square * probability * (1.0 - probability);
        }
        return true;
    }

    /// Add another part; returns false, and adds nothing, where the numbers of bins differ.
    bool merge(const weighted_calibration& other) noexcept
    {
        if (other.bins_.size() != bins_.size()) {
            return false;
        }
        rejected_ += other.rejected_;
        for (std::size_t i = 0; i < bins_.size(); ++i) {
            bin& b = bins_[i];
            const bin& more = other.bins_[i];
            b.rows += more.rows;
            b.weight += more.weight;
            b.distance += more.distance;
            b.spread += more.spread;
            b.square_weight += more.square_weight;
            b.square_distance += more.square_distance;
            b.squares += more.squares;
            b.square_spread += more.square_spread;
        }
        return true;
    }

    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Return the calibration so far. errors: as calibration_bins; what is asked of the sum of p (1 - p) is asked of its
    /// effective size, (sum w p (1 - p))^2 / sum w^2 p (1 - p).
    [[nodiscard]] calibration_result result(double alpha = 0.05) const noexcept
    {
        calibration_result out;
        double all = 0.0, squares = 0.0, spread = 0.0, square_spread = 0.0;
        for (const bin& b : bins_) {
            out.rows += b.rows;
            all += b.weight;
            squares += b.square_weight;
            spread += b.spread;
            square_spread += b.square_spread;
        }
        if (rejected_ != 0) {
            out.state = status::out_of_range;
            return out;
        }
        if (out.rows == 0) {
            return out;
        }
        constexpr double mean_of_absolute =
            0.79788456080286536;  // that of a standard normal variable, sqrt(2 / pi)
        out.expected = out.noise = out.largest = 0.0;
        detail::squared_calibration of;
        double fourths = 0.0, thin = 0.0;
        for (const bin& b : bins_) {
            if (b.rows == 0) {
                continue;
            }
            const double share = b.weight / all;
            const double distance = b.distance / b.weight;
            const double square = distance * distance;
            out.expected += std::fabs(b.distance) / all;
            out.noise += mean_of_absolute * std::sqrt(b.square_spread) / all;
            if (b.rows < 2) {
                thin += b.weight;
                continue;
            }
            const double m = static_cast<double>(b.rows);
            // The variance of the bin's mean distance.
            const double about = b.squares - 2.0 * distance * b.square_distance + square * b.square_weight;
            const double variance = about > 0.0 ? about / b.weight / b.weight * (m / (m - 1.0)) : 0.0;
            out.largest = std::fabs(distance) > out.largest ? std::fabs(distance) : out.largest;
            of.value += share * (square - variance);
            of.variance_at_zero += 2.0 * share * share * variance * variance * (m / (m - 1.0));
            of.variance += 4.0 * share * share * square * variance;
            of.with_noise += share * square;
            fourths += share * square * square;
        }
        of.variance += std::fmax(fourths - of.with_noise * of.with_noise, 0.0) * (squares / all / all);
        if (thin <= detail::most_thin * all) {
            const double information = square_spread > 0.0 ? spread / square_spread * spread : 0.0;
            detail::judge_calibration(out, of, information, alpha);
        }
        return out;
    }

private:
    struct bin {
        std::uint64_t rows = 0;
        double weight = 0.0;
        double distance = 0.0;         // the sum of w (label - p)
        double spread = 0.0;           // the sum of w p (1 - p)
        double square_weight = 0.0;    // the sum of w^2
        double square_distance = 0.0;  // the sum of w^2 (label - p)
        double squares = 0.0;          // the sum of w^2 (label - p)^2
        double square_spread = 0.0;    // the sum of w^2 p (1 - p)
    };

    std::uint64_t rejected_ = 0;
    std::vector<bin> bins_;
};

}  // namespace quality
}  // namespace v0
}  // namespace joust
