// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/quality.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace quality {

/// Report how far predicted probabilities are from frequencies.
///
/// `expected` is the usual ECE, which is never 0 even for a perfect model: compare it with `noise`. A `lower` of 0
/// means that the model may be calibrated as far as these bins can tell. With a state that is not ok there is no
/// interval.
struct calibration_result {
    /// The expected calibration error (ECE).
    double expected = stats::not_a_number;
    /// The `expected` that a calibrated model would show with as many rows.
    double noise = stats::not_a_number;
    /// The root of `squared`, and 0 where that is negative.
    double debiased = stats::not_a_number;
    /// The lower end of the interval of `debiased`.
    double lower = stats::not_a_number;
    /// The upper end of the interval of `debiased`.
    double upper = stats::not_a_number;
    /// An unbiased estimate of the mean squared distance between frequency and mean prediction over the bins; it may
    /// be negative.
    double squared = stats::not_a_number;
    /// The standard error of `squared`, for differences.
    double squared_error = stats::not_a_number;
    /// The largest distance in a bin with at least 2 rows.
    double largest = stats::not_a_number;
    /// How many rows were counted.
    std::uint64_t rows = 0;
    /// How many buckets of units there are, where the interval allows for them.
    std::size_t clusters = 0;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

namespace detail {

// Below this sum of p (1 - p), about thirty events of the rarer kind, squares are too skewed for the interval.
inline constexpr double fewest_calibrating = 30.0;
// Bins that cannot separate noise from error are left out, as long as they hold at most this share of the rows.
inline constexpr double most_thin = 0.01;

// An estimated squared error: its value, its variance if there were no error, its variance as estimated, and the sum
// of squares with its noise.
struct squared_calibration {
    double value = 0.0;
    double variance_at_zero = 0.0;
    double variance = 0.0;
    double with_noise = 0.0;
};

// All squared errors that are not rejected. The variance is taken at the tested error: variance_at_zero plus a part
// that grows with it. An interval with the variance as estimated misses up to four times as often as its level,
// because a small estimate comes with a small variance. Where the estimate is negative the upper end is that of an
// estimate of 0.
[[nodiscard]] inline std::array<double, 2> calibration_interval(const squared_calibration& of,
                                                                double alpha) noexcept
{
    const double z = stats::normal_upper_quantile(0.5 * alpha);
    const double growth = of.with_noise > 0.0 ? of.variance / of.with_noise : 0.0;
    const double value = of.value > 0.0 ? of.value : 0.0;
    const double centre = value + 0.5 * z * z * growth;
    const double half = z * std::sqrt(of.variance_at_zero + growth * value + 0.25 * z * z * growth * growth);
    return {of.value > 0.0 && centre > half ? centre - half : 0.0, centre + half};
}

inline void judge_calibration(calibration_result& out, const squared_calibration& of, double information,
                              double alpha) noexcept
{
    out.squared = of.value;
    out.debiased = of.value > 0.0 ? std::sqrt(of.value) : 0.0;
    out.squared_error = std::sqrt(of.variance);
    if (!stats::detail::is_alpha(alpha)) {
        out.state = status::out_of_range;
        return;
    }
    if (!(information >= fewest_calibrating)) {
        out.state = status::too_few;
        return;
    }
    const std::array<double, 2> ends = calibration_interval(of, alpha);
    out.lower = std::sqrt(ends[0]);
    out.upper = std::sqrt(ends[1]);
    out.state = status::ok;
}

[[nodiscard]] inline bool is_prediction(int label, double probability) noexcept
{
    return (label == 0 || label == 1) && probability >= 0.0 && probability <= 1.0;
}

[[nodiscard]] inline std::size_t calibration_bin(double probability, std::size_t bins) noexcept
{
    const std::size_t place = static_cast<std::size_t>(probability * static_cast<double>(bins));
    return place < bins ? place : bins - 1;
}

}  // namespace detail

/// Accumulate calibration by equal bins of the predicted probability of 1, mergeable.
///
/// The interval is that of the root mean squared distance by these bins: variation inside a bin is not measured.
/// assumes: independent rows; bins fixed before the data. For units with several rows see `clustered_calibration`.
/// cost: 10 ns per row; 40 bytes per bin.
/// source: Naeini, Cooper and Hauskrecht 2015 (ECE); Kumar, Liang and Ma 2019, "Verified uncertainty calibration"
///     (debiased; here the U-statistic of pairs of rows, which is unbiased whatever varies in a bin). The interval
///     inverts a score test of the degenerate and the linear part together, as Wilson's does for a proportion.
class calibration_bins {
public:
    /// Hold the counts and sums of one bin.
    struct bin {
        /// How many rows fell into the bin.
        std::uint64_t rows = 0;
        /// How many of them have label 1.
        std::uint64_t positives = 0;
        /// The sum of the probabilities.
        double predicted = 0.0;
        /// The sum of p (1 - p).
        double spread = 0.0;
        /// The sum of (label - p)^2.
        double squares = 0.0;
    };

    /// Start with this many empty bins.
    explicit calibration_bins(std::size_t bins = 15) : bins_(bins > 0 ? bins : 1) {}

    /// Count a row: the label 0 or 1, and the predicted probability of 1. A row that is neither is counted as
    /// rejected, and the return value is false.
    bool add(int label, double probability) noexcept
    {
        if (!detail::is_prediction(label, probability)) {
            ++rejected_;
            return false;
        }
        bin& b = bins_[detail::calibration_bin(probability, bins_.size())];
        const double distance = (label == 1 ? 1.0 : 0.0) - probability;
        ++b.rows;
        b.positives += label == 1 ? 1U : 0U;
        b.predicted += probability;
        b.spread += probability * (1.0 - probability);
        b.squares += distance * distance;
        return true;
    }

    /// Add another part; returns false, and adds nothing, where the numbers of bins differ.
    bool merge(const calibration_bins& other) noexcept
    {
        if (other.bins_.size() != bins_.size()) {
            return false;
        }
        rejected_ += other.rejected_;
        for (std::size_t i = 0; i < bins_.size(); ++i) {
            bins_[i].rows += other.bins_[i].rows;
            bins_[i].positives += other.bins_[i].positives;
            bins_[i].predicted += other.bins_[i].predicted;
            bins_[i].spread += other.bins_[i].spread;
            bins_[i].squares += other.bins_[i].squares;
        }
        return true;
    }

    /// Return the bins, by rising probability.
    [[nodiscard]] std::span<const bin> bins() const noexcept { return bins_; }
    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Return the calibration so far.
    ///
    /// errors: too_few (no row, or more than 1 % of rows in bins of one row: `expected` and `noise` are given; a sum
    ///     of p (1 - p) below 30: no interval), out_of_range (rejected rows, alpha).
    [[nodiscard]] calibration_result result(double alpha = 0.05) const noexcept
    {
        calibration_result out;
        if (!describe(out)) {
            return out;
        }
        const double n = static_cast<double>(out.rows);
        detail::squared_calibration of;
        double information = 0.0, fourths = 0.0;
        std::uint64_t thin = 0;
        for (const bin& b : bins_) {
            const double m = static_cast<double>(b.rows);
            information += b.spread;
            if (b.rows < 2) {
                thin += b.rows;
                continue;
            }
            const double distance = (static_cast<double>(b.positives) - b.predicted) / m;
            const double square = distance * distance;
            const double variance = b.squares > m * square ? (b.squares - m * square) / (m - 1.0) : 0.0;
            out.largest = std::fabs(distance) > out.largest ? std::fabs(distance) : out.largest;
            of.value += m / n * (square - variance / m);
            of.variance_at_zero += 2.0 * variance * variance * m / (m - 1.0) / n / n;
            of.variance += 4.0 * square * variance * m / n / n;
            of.with_noise += m / n * square;
            fourths += m / n * square * square;
        }
        of.variance += std::fmax(fourths - of.with_noise * of.with_noise, 0.0) / n;
        if (static_cast<double>(thin) <= detail::most_thin * n) {
            detail::judge_calibration(out, of, information, alpha);
        }
        return out;
    }

private:
    // Fills in what needs no interval; returns false where the rest cannot be computed.
    bool describe(calibration_result& out) const noexcept
    {
        for (const bin& b : bins_) {
            out.rows += b.rows;
        }
        if (rejected_ != 0) {
            out.state = status::out_of_range;
            return false;
        }
        if (out.rows == 0) {
            return false;
        }
        constexpr double mean_of_absolute =
            0.79788456080286536;  // that of a standard normal variable, sqrt(2 / pi)
        const double n = static_cast<double>(out.rows);
        out.expected = out.noise = out.largest = 0.0;
        for (const bin& b : bins_) {
            out.expected += std::fabs(static_cast<double>(b.positives) - b.predicted) / n;
            out.noise += mean_of_absolute * std::sqrt(b.spread) / n;
        }
        return true;
    }

    std::uint64_t rejected_ = 0;
    std::vector<bin> bins_;
};

/// Compare the calibration of two models measured on different rows: the difference of `squared`, first minus second.
///
/// The squares are compared because they are unbiased.
///
/// When not: the same rows (`paired_calibration`), or the same units (`clustered_calibration`).
/// errors: those of either model.
/// cost: O(1).
[[nodiscard]] inline stats::test_result compare(const calibration_result& first,
                                                const calibration_result& second,
                                                const stats::test_options& options = {}) noexcept
{
    constexpr std::string_view method = "difference of squared calibration errors, unpaired";
    for (const calibration_result* q : {&first, &second}) {
        if (q->state != status::ok) {
            return detail::refused(method, q->state);
        }
    }
    return detail::judged_difference(
        method, first.squared - second.squared,
        first.squared_error * first.squared_error + second.squared_error * second.squared_error, options);
}

/// Accumulate the calibration of two models over the same independent rows, mergeable.
///
/// The rows are counted by pairs of bins, one of each model. The variance of the difference counts the noise of the
/// bins' distances twice, which is conservative where both models are nearly calibrated.
/// cost: 48 bytes per pair of bins, 10.8 kB for 15 bins.
class paired_calibration {
public:
    /// Start with this many empty bins for each model.
    explicit paired_calibration(std::size_t bins = 15) : bins_(bins > 0 ? bins : 1), cells_(bins_ * bins_) {}

    /// Count a row: the label, and the probability of 1 that each model predicted.
    bool add(int label, double first, double second) noexcept
    {
        if (!detail::is_prediction(label, first) || !detail::is_prediction(label, second)) {
            ++rejected_;
            return false;
        }
        cell& c =
            cells_[detail::calibration_bin(first, bins_) * bins_ + detail::calibration_bin(second, bins_)];
        const double a = (label == 1 ? 1.0 : 0.0) - first;
        const double b = (label == 1 ? 1.0 : 0.0) - second;
        c.rows += 1.0;
        c.a += a;
        c.b += b;
        c.aa += a * a;
        c.bb += b * b;
        c.ab += a * b;
        return true;
    }

    /// Add another part; returns false, and adds nothing, where the numbers of bins differ.
    bool merge(const paired_calibration& other) noexcept
    {
        if (other.bins_ != bins_) {
            return false;
        }
        rejected_ += other.rejected_;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            cells_[i].rows += other.cells_[i].rows;
            cells_[i].a += other.cells_[i].a;
            cells_[i].b += other.cells_[i].b;
            cells_[i].aa += other.cells_[i].aa;
            cells_[i].bb += other.cells_[i].bb;
            cells_[i].ab += other.cells_[i].ab;
        }
        return true;
    }

    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Test the difference of `squared`, first minus second.
    ///
    /// errors: too_few (as calibration_bins, of either model), zero_variance (the same probabilities), out_of_range.
    [[nodiscard]] stats::test_result compare(const stats::test_options& options = {}) const
    {
        constexpr std::string_view method = "difference of squared calibration errors, paired by row";
        if (rejected_ != 0) {
            return detail::refused(method, status::out_of_range);
        }
        std::vector<double> rows_a(bins_), rows_b(bins_), mean_a(bins_), mean_b(bins_), squares_a(bins_),
            squares_b(bins_);
        double n = 0.0;
        for (std::size_t i = 0; i < bins_; ++i) {
            for (std::size_t j = 0; j < bins_; ++j) {
                const cell& c = cells_[i * bins_ + j];
                n += c.rows;
                rows_a[i] += c.rows;
                mean_a[i] += c.a;
                squares_a[i] += c.aa;
                rows_b[j] += c.rows;
                mean_b[j] += c.b;
                squares_b[j] += c.bb;
            }
        }
        const std::optional<double> first = finish(rows_a, mean_a, squares_a, n);
        const std::optional<double> second = finish(rows_b, mean_b, squares_b, n);
        if (!first || !second) {
            return detail::refused(method, status::too_few);
        }
        // A row contributes (2 x a - x^2) - (2 y b - y^2) to the difference, where x and y are the distances of its
        // bins.
        double sum = 0.0, squares = 0.0;
        for (std::size_t i = 0; i < bins_; ++i) {
            for (std::size_t j = 0; j < bins_; ++j) {
                const cell& c = cells_[i * bins_ + j];
                const double x = mean_a[i], y = mean_b[j];
                const double k = y * y - x * x;
                sum += 2.0 * x * c.a - 2.0 * y * c.b + k * c.rows;
                squares += 4.0 * (x * x * c.aa + y * y * c.bb - 2.0 * x * y * c.ab) +
                           4.0 * k * (x * c.a - y * c.b) + k * k * c.rows;
            }
        }
        const double variance = (squares - sum * sum / n) / (n - 1.0) / n;
        // Rounding error is all that is left where the models predict the same.
        const bool nothing = !(variance > 1e-14 * (*first * *first + *second * *second));
        return detail::judged_difference(method, *first - *second, nothing ? 0.0 : variance, options);
    }

private:
    struct cell {
        double rows = 0.0, a = 0.0, b = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
    };

    // Turns sums into distances and returns the squared error; nothing where there are too few rows or events.
    [[nodiscard]] static std::optional<double> finish(std::span<const double> rows, std::span<double> sums,
                                                      std::span<const double> squares, double n) noexcept
    {
        double value = 0.0, thin = 0.0, information = 0.0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const double m = rows[i];
            information += squares[i];
            if (m < 2.0) {
                thin += m;
                sums[i] = 0.0;
                continue;
            }
            value += (sums[i] * sums[i] - squares[i]) / (m - 1.0) / n;
            sums[i] /= m;
        }
        if (!(n > 0.0) || thin > detail::most_thin * n || !(information >= detail::fewest_calibrating)) {
            return std::nullopt;
        }
        return value;
    }

    std::size_t bins_;
    std::uint64_t rejected_ = 0;
    std::vector<cell> cells_;
};

/// Accumulate the calibration of one model over rows of units with many rows each, mergeable.
///
/// Units fall into buckets, and only products of rows of different buckets are counted, so the dependence of a
/// unit's rows neither biases the estimate nor shortens its interval. Two models on the same units are compared
/// bucket by bucket.
/// assumes: units are independent; enough of them to fill 30 buckets.
/// cost: 16 bytes per bucket and bin, 246 kB with the default numbers.
class clustered_calibration {
public:
    /// The default number of buckets.
    static constexpr std::size_t usual_buckets = 1024;

    /// Start with this many empty bins and buckets.
    explicit clustered_calibration(std::size_t bins = 15, std::size_t buckets = usual_buckets)
        : bins_(bins > 0 ? bins : 1), buckets_(buckets > 0 ? buckets : 1), all_(bins_),
          sums_(bins_ * buckets_)
    {
    }

    /// Count a row of a unit: the label 0 or 1, and the predicted probability of 1.
    bool add(std::uint64_t unit, int label, double probability) noexcept
    {
        if (!all_.add(label, probability)) {
            return false;
        }
        cell& c =
            sums_[detail::bucket_of(unit, buckets()) * bins_ + detail::calibration_bin(probability, bins_)];
        c.rows += 1.0;
        c.distance += (label == 1 ? 1.0 : 0.0) - probability;
        return true;
    }

    /// Add another part; returns false, and adds nothing, where bins or buckets differ.
    bool merge(const clustered_calibration& other) noexcept
    {
        if (other.sums_.size() != sums_.size() || !all_.merge(other.all_)) {
            return false;
        }
        for (std::size_t i = 0; i < sums_.size(); ++i) {
            sums_[i].rows += other.sums_[i].rows;
            sums_[i].distance += other.sums_[i].distance;
        }
        return true;
    }

    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return all_.rejected(); }
    /// Return the number of buckets.
    [[nodiscard]] std::size_t buckets() const noexcept { return buckets_; }

    /// Return the calibration so far. errors: as calibration_bins, and few_clusters (fewer than 30 buckets hold data).
    [[nodiscard]] calibration_result result(double alpha = 0.05) const
    {
        calibration_result out = all_.result(alpha);
        out.squared = out.debiased = out.squared_error = out.lower = out.upper = stats::not_a_number;
        if (out.rows == 0 || out.state == status::out_of_range) {
            return out;
        }
        const summary s = summarised(out.rows);
        out.clusters = s.clusters;
        if (s.thin > detail::most_thin * static_cast<double>(out.rows)) {
            out.state = status::too_few;
            return out;
        }
        double information = 0.0;
        for (const calibration_bins::bin& b : all_.bins()) {
            information += b.spread;
        }
        detail::judge_calibration(out, s.squared, information, alpha);
        if (out.state == status::ok && s.clusters < detail::fewest_clusters) {
            out.lower = out.upper = stats::not_a_number;
            out.state = status::few_clusters;
        }
        return out;
    }

    /// Test the difference of `squared` between this model and another one on the same units, this minus other.
    [[nodiscard]] stats::test_result compare(const clustered_calibration& other,
                                             const stats::test_options& options = {}) const
    {
        constexpr std::string_view method =
            "difference of squared calibration errors, paired by bucket of units";
        if (other.sums_.size() != sums_.size() || other.bins_ != bins_) {
            return detail::refused(method, status::out_of_range);
        }
        const calibration_result a = result();
        const calibration_result b = other.result();
        for (const calibration_result* q : {&a, &b}) {
            if (q->state != status::ok) {
                return detail::refused(method, q->state);
            }
        }
        const summary first = summarised(a.rows);
        const summary second = other.summarised(b.rows);
        detail::cluster_sums clusters;
        for (std::size_t j = 0; j < buckets(); ++j) {
            if (holds_data(j) || other.holds_data(j)) {
                clusters.add(first.parts[j] - second.parts[j]);
            }
        }
        return detail::judged_difference(method, a.squared - b.squared, clusters.variance(), options);
    }

private:
    struct cell {
        double rows = 0.0;
        double distance = 0.0;  // the sum of label - probability
    };
    struct summary {
        detail::squared_calibration squared;
        std::vector<double> parts;  // the contribution of each bucket to the deviation of the squared error
        std::size_t clusters = 0;
        double thin = 0.0;
    };

    [[nodiscard]] bool holds_data(std::size_t bucket) const noexcept
    {
        double rows = 0.0;
        for (std::size_t i = 0; i < bins_; ++i) {
            rows += sums_[bucket * bins_ + i].rows;
        }
        return rows > 0.0;
    }

    [[nodiscard]] summary summarised(std::uint64_t rows) const
    {
        const double n = static_cast<double>(rows);
        summary out;
        std::vector<double> mean(bins_), scale(bins_);
        for (std::size_t i = 0; i < bins_; ++i) {
            double m = 0.0, sum = 0.0, of_buckets = 0.0, pairs = 0.0;
            for (std::size_t j = 0; j < buckets(); ++j) {
                const cell& c = sums_[j * bins_ + i];
                m += c.rows;
                sum += c.distance;
                of_buckets += c.distance * c.distance;
                pairs += c.rows * c.rows;
            }
            pairs = m * m - pairs;  // pairs of rows of different buckets
            if (!(pairs > 0.0)) {
                out.thin += m;
                continue;
            }
            mean[i] = sum / m;
            scale[i] = std::sqrt(m / n / pairs);
            out.squared.value += m / n * (sum * sum - of_buckets) / pairs;
            out.squared.with_noise += m / n * mean[i] * mean[i];
        }
        // The products of two buckets' centred sums over all pairs of buckets follow from the matrix of sums of
        // products.
        std::vector<double> products(bins_ * bins_), centred(bins_);
        out.parts.resize(buckets());
        detail::cluster_sums clusters;
        double own = 0.0;
        for (std::size_t j = 0; j < buckets(); ++j) {
            if (!holds_data(j)) {
                continue;
            }
            double part = 0.0, square = 0.0;
            for (std::size_t i = 0; i < bins_; ++i) {
                const cell& c = sums_[j * bins_ + i];
                part += 2.0 * mean[i] * c.distance - (mean[i] * mean[i] + out.squared.with_noise) * c.rows;
                centred[i] = scale[i] * (c.distance - mean[i] * c.rows);
                square += centred[i] * centred[i];
            }
            out.parts[j] = part / n;
            clusters.add(out.parts[j]);
            own += square * square;
            for (std::size_t i = 0; i < bins_; ++i) {
                for (std::size_t k = 0; centred[i] != 0.0 && k < bins_; ++k) {
                    products[i * bins_ + k] += centred[i] * centred[k];
                }
            }
        }
        for (const double product : products) {
            out.squared.variance_at_zero += 2.0 * product * product;
        }
        out.squared.variance_at_zero = std::fmax(out.squared.variance_at_zero - 2.0 * own, 0.0);
        out.clusters = clusters.clusters();
        out.squared.variance = clusters.clusters() > 1 ? clusters.variance() : 0.0;
        return out;
    }

    std::size_t bins_;
    std::size_t buckets_;
    calibration_bins all_;
    std::vector<cell> sums_;
};

}  // namespace quality
}  // namespace v0
}  // namespace joust
