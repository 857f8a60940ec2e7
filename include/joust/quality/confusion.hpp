// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/quality.hpp>
#include <joust/stats/tests/constant_pairs.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace quality {

/// Hold the shares of all rows by class.
struct class_shares {
    /// By class: the share of rows whose truth and prediction are this class.
    std::span<const double> hit;
    /// By class: the share of rows whose truth is this class.
    std::span<const double> truth;
    /// By class: the share of rows whose prediction is this class.
    std::span<const double> predicted;
    /// By class: truth less hit, summed from the cells, so that a rare miss beside many hits has all its digits.
    std::span<const double> missed{};
    /// By class: predicted less hit, summed from the cells.
    std::span<const double> wrong{};
};

/// Hold the derivatives of a metric with respect to the shares of class_shares.
/// cost: O(k) for k classes
struct class_slopes {
    /// By class: the derivative with respect to the share of hits.
    std::vector<double> hit;
    /// By class: the derivative with respect to the share of truth.
    std::vector<double> truth;
    /// By class: the derivative with respect to the share of predictions.
    std::vector<double> predicted;

    /// Start with slopes of 0.
    explicit class_slopes(std::size_t classes) : hit(classes), truth(classes), predicted(classes) {}
};

namespace detail {

inline constexpr std::size_t every_class = std::numeric_limits<std::size_t>::max();

// The mean over classes of m_c = f(hit, truth, predicted), with its slopes; NaN where no class takes part.
// `takes_part` says whether a class does, and `f` writes the three slopes of its m_c.
template <class TakesPart, class PerClass>
[[nodiscard]] double over_classes(const class_shares& s, class_slopes& slopes, averaging average,
                                  std::size_t label, TakesPart takes_part, PerClass f)
{
    double total = 0.0, weights = 0.0;
    const std::size_t k = s.hit.size();
    std::vector<std::size_t> classes;
    for (std::size_t c = 0; c < k; ++c) {
        if ((label == every_class || label == c) && takes_part(c)) {
            classes.push_back(c);
            weights += average == averaging::weighted && label == every_class ? s.truth[c] : 1.0;
        }
    }
    if (classes.empty() || !(weights > 0.0)) {
        return stats::not_a_number;
    }
    std::vector<double> values;
    for (const std::size_t c : classes) {
        const bool by_rows = average == averaging::weighted && label == every_class;
        const double w = (by_rows ? s.truth[c] : 1.0) / weights;
        std::array<double, 3> slope{};
        const double value = f(c, slope);
        values.push_back(value);
        total += w * value;
        slopes.hit[c] += w * slope[0];
        slopes.truth[c] += w * slope[1];
        slopes.predicted[c] += w * slope[2];
    }
    if (average == averaging::weighted && label == every_class) {
        for (std::size_t i = 0; i < classes.size(); ++i) {
            slopes.truth[classes[i]] += (values[i] - total) / weights;
        }
    }
    return total;
}

[[nodiscard]] inline double share_of_hits(const class_shares& s, class_slopes& slopes)
{
    double total = 0.0;
    for (std::size_t c = 0; c < s.hit.size(); ++c) {
        total += s.hit[c];
        slopes.hit[c] = 1.0;
    }
    return total;
}

// The hits of a class divided by `whole`, its share of truth or of predictions; 0 where that is 0.
[[nodiscard]] inline double hit_rate(const class_shares& s, std::size_t c, std::span<const double> whole,
                                     double& slope_of_hit, double& slope_of_whole)
{
    if (!(whole[c] > 0.0)) {
        return 0.0;
    }
    const double value = s.hit[c] / whole[c];
    slope_of_hit = 1.0 / whole[c];
    slope_of_whole = -value / whole[c];
    return value;
}

// Precision where `whole` is the predictions, recall where it is the truth; `slot` is its place among the slopes.
[[nodiscard]] inline double mean_hit_rate(const class_shares& s, class_slopes& slopes, averaging average,
                                          std::size_t label, std::span<const double> whole, std::size_t slot)
{
    if (average == averaging::micro && label == every_class) {
        return share_of_hits(s, slopes);
    }
    return over_classes(
        s, slopes, average, label,
        [&](std::size_t c) {
            return whole[c] > 0.0 || (label == every_class && s.truth[c] + s.predicted[c] > 0.0);
        },
        [&](std::size_t c, std::array<double, 3>& slope) {
            return hit_rate(s, c, whole, slope[0], slope[slot]);
        });
}

}  // namespace detail

/// Measure the share of rows whose class is predicted.
struct accuracy {
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "accuracy"; }
    /// The smallest value it can have; intervals end there.
    static constexpr double least = 0.0;
    /// The largest value it can have; intervals end there.
    static constexpr double most = 1.0;
    /// Return the metric from class shares, and write its slopes.
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        return detail::share_of_hits(s, slopes);
    }
};

/// Measure the share of a class's predictions that are right.
///
/// The mean is taken over the classes that occur in truth or predictions; a class that is never predicted counts as 0.
struct precision {
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "precision"; }
    /// The smallest value it can have; intervals end there.
    static constexpr double least = 0.0;
    /// The largest value it can have; intervals end there.
    static constexpr double most = 1.0;
    /// The mean over classes, where no label is chosen.
    averaging average = averaging::macro;
    /// The class to measure; by default all classes.
    std::size_t label = detail::every_class;

    /// Return the metric from class shares, and write its slopes.
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        return detail::mean_hit_rate(s, slopes, average, label, s.predicted, 2);
    }
};

/// Measure the share of a class's rows that are found (sensitivity).
///
/// Classes and means are those of precision; a class without rows counts as 0.
struct recall {
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "recall"; }
    /// The smallest value it can have; intervals end there.
    static constexpr double least = 0.0;
    /// The largest value it can have; intervals end there.
    static constexpr double most = 1.0;
    /// The mean over classes, where no label is chosen.
    averaging average = averaging::macro;
    /// The class to measure; by default all classes.
    std::size_t label = detail::every_class;

    /// Return the metric from class shares, and write its slopes.
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        return detail::mean_hit_rate(s, slopes, average, label, s.truth, 1);
    }
};

/// Measure the harmonic mean of precision and recall.
struct f_score {
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "F-score"; }
    /// The smallest value it can have; intervals end there.
    static constexpr double least = 0.0;
    /// The largest value it can have; intervals end there.
    static constexpr double most = 1.0;
    /// How many times as much as precision recall counts.
    double beta = 1.0;
    /// The mean over classes, where no label is chosen.
    averaging average = averaging::macro;
    /// The class to measure; by default all classes.
    std::size_t label = detail::every_class;

    /// Return the metric from class shares, and write its slopes.
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        if (average == averaging::micro && label == detail::every_class) {
            return detail::share_of_hits(s, slopes);
        }
        const double b2 = beta * beta;
        return detail::over_classes(
            s, slopes, average, label, [&](std::size_t c) { return s.truth[c] + s.predicted[c] > 0.0; },
            [&](std::size_t c, std::array<double, 3>& slope) {
                const double below = b2 * s.truth[c] + s.predicted[c];
                const double value = (1.0 + b2) * s.hit[c] / below;
                slope = {(1.0 + b2) / below, -b2 * value / below, -value / below};
                return value;
            });
    }
};

/// Measure the mean recall over the classes that have rows: the accuracy if all classes were equally frequent.
struct balanced_accuracy {
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "balanced accuracy"; }
    /// The smallest value it can have; intervals end there.
    static constexpr double least = 0.0;
    /// The largest value it can have; intervals end there.
    static constexpr double most = 1.0;

    /// Return the metric from class shares, and write its slopes.
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        return detail::over_classes(
            s, slopes, averaging::macro, detail::every_class, [&](std::size_t c) { return s.truth[c] > 0.0; },
            [&](std::size_t c, std::array<double, 3>& slope) {
                return detail::hit_rate(s, c, s.truth, slope[0], slope[1]);
            });
    }
};

/// Measure the correlation of truth and prediction, which is 0 for guessing whatever the frequencies are.
///
/// errors: out_of_range where truth or prediction is constant.
/// source: Matthews 1975; Gorodkin 2004 (more than two classes).
struct matthews_correlation {
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "Matthews correlation"; }
    /// The smallest value it can have; intervals end there.
    static constexpr double least = -1.0;
    /// The largest value it can have; intervals end there.
    static constexpr double most = 1.0;

    /// Return the metric from class shares, and write its slopes.
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        const std::size_t k = s.hit.size();
        double covariance = 0.0, truth = 0.0, predicted = 0.0;
        for (std::size_t c = 0; c < k; ++c) {
            // Shares of all other classes are summed, because 1 less the share of a frequent class would cancel.
            double others = 0.0, other_predictions = 0.0;
            for (std::size_t d = 0; d < k; ++d) {
                others += d == c ? 0.0 : s.truth[d];
                other_predictions += d == c ? 0.0 : s.predicted[d];
            }
            truth += s.truth[c] * others;
            predicted += s.predicted[c] * other_predictions;
            if (s.missed.size() == k && s.wrong.size() == k) {
                // hit - truth predicted is the determinant of the class against all others.
                covariance += s.hit[c] * (others - s.wrong[c]) - s.missed[c] * s.wrong[c];
            } else {
                covariance += s.hit[c] - s.truth[c] * s.predicted[c];
            }
        }
        const double below = std::sqrt(truth) * std::sqrt(predicted);
        if (!(truth > 0.0 && predicted > 0.0)) {
            return stats::not_a_number;
        }
        for (std::size_t c = 0; c < k; ++c) {
            slopes.hit[c] = 1.0 / below;
            slopes.truth[c] = (covariance * s.truth[c] / truth - s.predicted[c]) / below;
            slopes.predicted[c] = (covariance * s.predicted[c] / predicted - s.truth[c]) / below;
        }
        return covariance / below;
    }
};

/// Measure the agreement of truth and prediction beyond that of chance: Cohen's kappa, 0 for guessing by the frequencies.
/// Weighted forms are `kappa` in quality/kappa.hpp.
///
/// errors: out_of_range where truth and prediction are both constant.
/// source: Cohen 1960, "A coefficient of agreement for nominal scales".
struct cohen_kappa {
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "Cohen's kappa"; }
    /// The smallest value it can have; intervals end there.
    static constexpr double least = -1.0;
    /// The largest value it can have; intervals end there.
    static constexpr double most = 1.0;

    /// Return the metric from class shares, and write its slopes.
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        double seen = 0.0, chance = 0.0;
        for (std::size_t c = 0; c < s.hit.size(); ++c) {
            seen += s.hit[c];
            chance += s.truth[c] * s.predicted[c];
        }
        const double room = 1.0 - chance;
        if (!(room > 1e-15)) {
            return stats::not_a_number;
        }
        const double of_chance = (seen - 1.0) / (room * room);
        for (std::size_t c = 0; c < s.hit.size(); ++c) {
            slopes.hit[c] = 1.0 / room;
            slopes.truth[c] = of_chance * s.predicted[c];
            slopes.predicted[c] = of_chance * s.truth[c];
        }
        return (seen - chance) / room;
    }
};

/// A metric of class predictions: a smooth function of class shares.
template <class T>
concept class_metric = requires(const T& m, const class_shares& s, class_slopes& slopes) {
    { T::name() } -> std::convertible_to<std::string_view>;
    { m.value(s, slopes) } -> std::convertible_to<double>;
};

namespace detail {

// A metric's value, and what each (truth, predicted) cell contributes per row to its deviation.
struct cell_influence {
    double value = stats::not_a_number;
    class_slopes slopes;
    double centre = 0.0;  // the mean of the uncentred contributions

    [[nodiscard]] double of(std::size_t truth, std::size_t predicted) const noexcept
    {
        const double hit = truth == predicted ? slopes.hit[truth] : 0.0;
        const double sum = slopes.truth[truth] + slopes.predicted[predicted] + hit - centre;
        // What the parts' rounding can explain is none: a perfect table would otherwise have a variance of 1e-34 and an
        // interval of no width.
        const double parts = std::fabs(slopes.truth[truth]) + std::fabs(slopes.predicted[predicted]) +
                             std::fabs(hit) + std::fabs(centre);
        return std::fabs(sum) <= 1e-14 * parts ? 0.0 : sum;
    }
};

// Cuts an interval at the ends of the metric's range, where it states them.
template <class Metric>
[[nodiscard]] quality within_range(quality out) noexcept
{
    if constexpr (requires { Metric::least + Metric::most; }) {
        out.value = out.value < Metric::least  ? Metric::least
                    : out.value > Metric::most ? Metric::most
                                               : out.value;
        out.lower = out.lower < Metric::least ? Metric::least : out.lower;
        out.upper = out.upper > Metric::most ? Metric::most : out.upper;
    }
    return out;
}

// A metric that is a share of rows, as counts; `of` is 0 where it is not one.
struct counted_share {
    std::uint64_t part = 0;
    std::uint64_t of = 0;
};

// The interval of a share that is 0 or 1, for which the normal limit has none: Clopper and Pearson's in closed form.
[[nodiscard]] inline quality exact_at_the_end(quality out, const counted_share& share, double alpha) noexcept
{
    if (out.state == status::zero_variance && share.of > 0 && (share.part == 0 || share.part == share.of)) {
        const double end = std::exp(std::log(0.5 * alpha) / static_cast<double>(share.of));
        out.lower = share.part == 0 ? 0.0 : end;
        out.upper = share.part == 0 ? 1.0 - end : 1.0;
        out.value = share.part == 0 ? 0.0 : 1.0;
        out.state = status::ok;
    }
    return out;
}

// `count(t, p)` returns the cells of a k x k table of `rows` rows.
template <class Metric, class Count>
[[nodiscard]] cell_influence influence_of(const Metric& metric, std::size_t k, double rows, Count count)
{
    std::vector<double> hit(k), truth(k), predicted(k), missed(k), wrong(k);
    for (std::size_t t = 0; t < k; ++t) {
        for (std::size_t p = 0; p < k; ++p) {
            const double share = count(t, p) / rows;
            truth[t] += share;
            predicted[p] += share;
            hit[t] += t == p ? share : 0.0;
            missed[t] += t == p ? 0.0 : share;
            wrong[p] += t == p ? 0.0 : share;
        }
    }
    cell_influence out{stats::not_a_number, class_slopes{k}, 0.0};
    out.value = metric.value({hit, truth, predicted, missed, wrong}, out.slopes);
    for (std::size_t c = 0; c < k; ++c) {
        out.centre += out.slopes.hit[c] * hit[c] + out.slopes.truth[c] * truth[c] +
                      out.slopes.predicted[c] * predicted[c];
    }
    return out;
}

}  // namespace detail

/// Count predictions of k classes, numbered from 0, by their true class, mergeable.
///
/// A class of k or more is refused and counted. Scores have to be turned into classes first, by the threshold that the
/// application uses.
/// cost: about 2 ns for a row; O(k^2) for the measures of k classes
class confusion {
public:
    /// Start an empty table of this many classes.
    explicit confusion(std::size_t classes = 2)
        : classes_(classes > 0 ? classes : 1), cells_(classes_ * classes_)
    {
    }

    /// Build a table of two classes, of which class 1 is the positive one, from its four counts.
    [[nodiscard]] static confusion binary(std::uint64_t true_positives, std::uint64_t false_positives,
                                          std::uint64_t false_negatives, std::uint64_t true_negatives)
    {
        confusion table;
        table.add(1, 1, true_positives);
        table.add(0, 1, false_positives);
        table.add(1, 0, false_negatives);
        table.add(0, 0, true_negatives);
        return table;
    }

    /// Count a row, or several equal ones; one with an unknown class is counted as rejected, and the return value is
    /// false.
    bool add(std::size_t truth, std::size_t predicted, std::uint64_t times = 1) noexcept
    {
        if (truth >= classes_ || predicted >= classes_) {
            rejected_ += times;
            return false;
        }
        cells_[truth * classes_ + predicted] += times;
        rows_ += times;
        return true;
    }

    /// Add another part; returns false, and adds nothing, where the numbers of classes differ.
    bool merge(const confusion& other) noexcept
    {
        if (other.classes_ != classes_) {
            return false;
        }
        rejected_ += other.rejected_;
        rows_ += other.rows_;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            cells_[i] += other.cells_[i];
        }
        return true;
    }

    /// Return the number of classes.
    [[nodiscard]] std::size_t classes() const noexcept { return classes_; }
    /// Return how many rows were counted.
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }
    /// Return how many rows have this true and this predicted class.
    [[nodiscard]] std::uint64_t count(std::size_t truth, std::size_t predicted) const noexcept
    {
        return truth < classes_ && predicted < classes_ ? cells_[truth * classes_ + predicted] : 0;
    }

    /// Compare all counts.
    bool operator==(const confusion&) const = default;

    /// Evaluate a metric on independent rows.
    ///
    /// Intervals end where the metric's range ends. Where the accuracy, or the precision or recall of one class, is 0 or 1,
    /// the interval is the exact one of Clopper and Pearson: 100 of 100 right is [0.964, 1] at alpha 5 %.
    /// errors: too_few (fewer than 2 rows), zero_variance (all rows alike, or all right, for other metrics), out_of_range (rejected rows, alpha, a metric that is not defined for these counts).
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
        const double n = static_cast<double>(rows_);
        const detail::cell_influence influence =
            detail::influence_of(metric, classes_, n, [&](std::size_t t, std::size_t p) {
                return static_cast<double>(cells_[t * classes_ + p]);
            });
        double squares = 0.0;
        for (std::size_t t = 0; t < classes_; ++t) {
            for (std::size_t p = 0; p < classes_; ++p) {
                const double value = influence.of(t, p);
                squares += static_cast<double>(cells_[t * classes_ + p]) * value * value;
            }
        }
        return detail::exact_at_the_end(detail::within_range<Metric>(detail::judged(
                                            influence.value, squares / (n - 1.0) / n, rows_, alpha)),
                                        share_of(metric), alpha);
    }

private:
    // The metric as a share of counted rows, where it is one.
    template <class Metric>
    [[nodiscard]] detail::counted_share share_of(const Metric& metric) const noexcept
    {
        detail::counted_share out;
        if constexpr (std::same_as<Metric, accuracy>) {
            for (std::size_t c = 0; c < classes_; ++c) {
                out.part += count(c, c);
            }
            out.of = rows_;
        } else if constexpr (std::same_as<Metric, precision> || std::same_as<Metric, recall>) {
            if (metric.label < classes_) {
                out.part = count(metric.label, metric.label);
                for (std::size_t c = 0; c < classes_; ++c) {
                    out.of += std::same_as<Metric, recall> ? count(metric.label, c) : count(c, metric.label);
                }
            } else if (metric.average == averaging::micro) {
                return share_of(accuracy{});
            }
        }
        return out;
    }

    std::size_t classes_;
    std::uint64_t rows_ = 0;
    std::uint64_t rejected_ = 0;
    std::vector<std::uint64_t> cells_;
};

/// Count the predictions of two models for the same rows, mergeable.
///
/// Only combinations (truth, first, second) that occur are stored.
/// cost: about 4 ns for a row; O(k^2) for the measures of k classes
class paired_confusion {
public:
    /// Start without rows.
    explicit paired_confusion(std::size_t classes = 2) : first_(classes), second_(classes) {}

    /// Count a row, or several equal ones: the true class and the class that each model predicts.
    bool add(std::size_t truth, std::size_t first, std::size_t second, std::uint64_t times = 1)
    {
        const std::size_t k = first_.classes();
        if (truth >= k || first >= k || second >= k) {
            rejected_ += times;
            return false;
        }
        first_.add(truth, first, times);
        second_.add(truth, second, times);
        cells_[{truth, first, second}] += times;
        return true;
    }

    /// Add another part; returns false, and adds nothing, where the numbers of classes differ.
    bool merge(const paired_confusion& other)
    {
        if (!first_.merge(other.first_) || !second_.merge(other.second_)) {
            return false;
        }
        rejected_ += other.rejected_;
        for (const auto& [cell, times] : other.cells_) {
            cells_[cell] += times;
        }
        return true;
    }

    /// Return the table of the first model.
    [[nodiscard]] const confusion& first() const noexcept { return first_; }
    /// Return the table of the second model.
    [[nodiscard]] const confusion& second() const noexcept { return second_; }
    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Test the difference of a metric between both models, first minus second. errors: as confusion.
    template <class_metric Metric>
    [[nodiscard]] stats::test_result compare(const Metric& metric,
                                             const stats::test_options& options = {}) const
    {
        constexpr std::string_view method = "difference of qualities, paired by row";
        if (rejected_ != 0) {
            return detail::refused(method, status::out_of_range);
        }
        if (first_.rows() < detail::fewest_rows) {
            return detail::refused(method, status::too_few);
        }
        const double n = static_cast<double>(first_.rows());
        const auto of = [&](const confusion& table) {
            return detail::influence_of(metric, table.classes(), n, [&](std::size_t t, std::size_t p) {
                return static_cast<double>(table.count(t, p));
            });
        };
        const detail::cell_influence a = of(first_);
        const detail::cell_influence b = of(second_);
        double squares = 0.0;
        for (const auto& [cell, times] : cells_) {
            const double value = a.of(cell[0], cell[1]) - b.of(cell[0], cell[2]);
            squares += static_cast<double>(times) * value * value;
        }
        if constexpr (std::same_as<Metric, accuracy>) {
            // One model right on every row and the other on none: there is no variance, and every row is a pair.
            if (squares == 0.0 && std::fabs(a.value - b.value) > 0.5 &&
                stats::detail::is_alpha(options.alpha)) {
                stats::test_result out;
                out.method = method;
                stats::detail::judge_constant(out, a.value > b.value ? 1.0 : -1.0, -1.0, 1.0, 0.0, n,
                                              options);
                return out;
            }
        }
        return detail::judged_difference(method, a.value - b.value, squares / (n - 1.0) / n, options);
    }

private:
    confusion first_;
    confusion second_;
    std::uint64_t rejected_ = 0;
    std::map<std::array<std::size_t, 3>, std::uint64_t> cells_;
};

/// Count predictions by buckets of units with many rows each, mergeable. Two models on the same units are compared
/// bucket by bucket.
///
/// assumes: as clustered_quality.
/// cost: 8 bytes per bucket and cell: 32 KiB for two classes, 800 KiB for ten.
class clustered_confusion {
public:
    /// Start without rows.
    explicit clustered_confusion(std::size_t classes = 2, std::size_t buckets = 1024)
        : classes_(classes > 0 ? classes : 1), buckets_(buckets > 0 ? buckets : 1),
          cells_(buckets_ * classes_ * classes_)
    {
    }

    /// Count a row of a unit; one with an unknown class is counted as rejected, and the return value is false.
    bool add(std::uint64_t unit, std::size_t truth, std::size_t predicted) noexcept
    {
        if (truth >= classes_ || predicted >= classes_) {
            ++rejected_;
            return false;
        }
        ++cells_[(detail::bucket_of(unit, buckets_) * classes_ + truth) * classes_ + predicted];
        return true;
    }

    /// Add another part; returns false, and adds nothing, where the numbers of classes or buckets differ.
    bool merge(const clustered_confusion& other) noexcept
    {
        if (other.classes_ != classes_ || other.buckets_ != buckets_) {
            return false;
        }
        rejected_ += other.rejected_;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            cells_[i] += other.cells_[i];
        }
        return true;
    }

    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Return the table of all buckets together.
    [[nodiscard]] confusion total() const
    {
        confusion out(classes_);
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            const std::size_t cell = i % (classes_ * classes_);
            out.add(cell / classes_, cell % classes_, cells_[i]);
        }
        return out;
    }

    /// Evaluate a metric. errors: as confusion; few_clusters (fewer than 30 buckets hold data).
    template <class_metric Metric>
    [[nodiscard]] quality result(const Metric& metric, double alpha = 0.05) const
    {
        const confusion all = total();
        quality out;
        out.rows = all.rows();
        if (rejected_ != 0) {
            out.state = status::out_of_range;
            return out;
        }
        if (all.rows() < detail::fewest_rows) {
            return out;
        }
        const detail::cell_influence influence = influence_on(metric, all);
        detail::cluster_sums clusters;
        for (std::size_t j = 0; j < buckets_; ++j) {
            if (occupied(j)) {
                clusters.add(contribution(j, influence, static_cast<double>(all.rows())));
            }
        }
        out = detail::within_range<Metric>(
            detail::judged(influence.value, clusters.variance(), all.rows(), alpha, clusters.clusters()));
        if (out.state == status::ok && clusters.clusters() < detail::fewest_clusters) {
            out.lower = out.upper = stats::not_a_number;
            out.state = status::few_clusters;
        }
        return out;
    }

    /// Test the difference of a metric from another model's on the same units, this minus other.
    template <class_metric Metric>
    [[nodiscard]] stats::test_result compare(const Metric& metric, const clustered_confusion& other,
                                             const stats::test_options& options = {}) const
    {
        constexpr std::string_view method = "difference of qualities, paired by bucket of units";
        if (rejected_ + other.rejected_ != 0 || other.buckets_ != buckets_) {
            return detail::refused(method, status::out_of_range);
        }
        const confusion a = total();
        const confusion b = other.total();
        if (a.rows() < detail::fewest_rows || b.rows() < detail::fewest_rows) {
            return detail::refused(method, status::too_few);
        }
        const detail::cell_influence of_a = influence_on(metric, a);
        const detail::cell_influence of_b = influence_on(metric, b);
        detail::cluster_sums clusters;
        for (std::size_t j = 0; j < buckets_; ++j) {
            if (occupied(j) || other.occupied(j)) {
                clusters.add(contribution(j, of_a, static_cast<double>(a.rows())) -
                             other.contribution(j, of_b, static_cast<double>(b.rows())));
            }
        }
        if (clusters.clusters() < detail::fewest_clusters) {
            return detail::refused(method, status::few_clusters);
        }
        return detail::judged_difference(method, of_a.value - of_b.value, clusters.variance(), options);
    }

private:
    template <class Metric>
    [[nodiscard]] static detail::cell_influence influence_on(const Metric& metric, const confusion& table)
    {
        return detail::influence_of(
            metric, table.classes(), static_cast<double>(table.rows()),
            [&](std::size_t t, std::size_t p) { return static_cast<double>(table.count(t, p)); });
    }

    [[nodiscard]] bool occupied(std::size_t bucket) const noexcept
    {
        const auto begin = cells_.begin() + static_cast<std::ptrdiff_t>(bucket * classes_ * classes_);
        return std::any_of(begin, begin + static_cast<std::ptrdiff_t>(classes_ * classes_),
                           [](std::uint64_t n) { return n != 0; });
    }

    [[nodiscard]] double contribution(std::size_t bucket, const detail::cell_influence& influence,
                                      double rows) const noexcept
    {
        double sum = 0.0;
        for (std::size_t t = 0; t < classes_; ++t) {
            for (std::size_t p = 0; p < classes_; ++p) {
                const std::uint64_t n = cells_[(bucket * classes_ + t) * classes_ + p];
                sum += n != 0 ? static_cast<double>(n) * influence.of(t, p) : 0.0;
            }
        }
        return sum / rows;
    }

    std::size_t classes_;
    std::size_t buckets_;
    std::uint64_t rejected_ = 0;
    std::vector<std::uint64_t> cells_;
};

}  // namespace quality
}  // namespace v0
}  // namespace joust
