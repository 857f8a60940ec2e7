#pragma once

#include <joust/quality/calibration.hpp>
#include <joust/quality/quality.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace quality {

// Metrics of models that predict classes, probabilities or scores.
//   classes:        confusion, paired_confusion, clustered_confusion with accuracy, precision, recall, f_score,
//                   balanced_accuracy, matthews_correlation
//   probabilities:  log_loss and brier_score in row_quality, paired_quality, clustered_quality; how well calibrated
//                   they are in calibration.hpp
//   scores:         auc, average_precision (exact, from stored scores), binned_auc (streaming)

/// Shares of all rows by class: hits (truth and prediction are this class), truth, predictions.
struct class_shares {
    std::span<const double> hit;
    std::span<const double> truth;
    std::span<const double> predicted;
};

/// The slope of a metric by those shares.
struct class_slopes {
    std::vector<double> hit, truth, predicted;

    explicit class_slopes(std::size_t classes) : hit(classes), truth(classes), predicted(classes) {}
};

namespace detail {

inline constexpr std::size_t every_class = std::numeric_limits<std::size_t>::max();

// The mean over classes of m_c = f(hit, truth, predicted), with its slopes; NaN where no class has one. `share`
// says whether a class takes part, `f` writes the three slopes of its m_c.
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

}  // namespace detail

/// The share of rows whose class is predicted.
struct accuracy {
    static constexpr std::string_view name() noexcept { return "accuracy"; }
    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        return detail::share_of_hits(s, slopes);
    }
};

/// The share of a class's predictions that are right. For one class set `label`, else the mean named is taken over
/// the classes that occur in truth or predictions; a class never predicted counts 0 there.
struct precision {
    static constexpr std::string_view name() noexcept { return "precision"; }
    averaging average = averaging::macro;
    std::size_t label = detail::every_class;

    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        if (average == averaging::micro && label == detail::every_class) {
            return detail::share_of_hits(s, slopes);
        }
        return detail::over_classes(
            s, slopes, average, label,
            [&](std::size_t c) {
                return s.predicted[c] > 0.0 || (label == detail::every_class && s.truth[c] > 0.0);
            },
            [&](std::size_t c, std::array<double, 3>& slope) {
                if (!(s.predicted[c] > 0.0)) {
                    return 0.0;
                }
                const double value = s.hit[c] / s.predicted[c];
                slope = {1.0 / s.predicted[c], 0.0, -value / s.predicted[c]};
                return value;
            });
    }
};

/// The share of a class's rows that are found (sensitivity). Classes and means as for precision; a class without rows
/// counts 0.
struct recall {
    static constexpr std::string_view name() noexcept { return "recall"; }
    averaging average = averaging::macro;
    std::size_t label = detail::every_class;

    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        if (average == averaging::micro && label == detail::every_class) {
            return detail::share_of_hits(s, slopes);
        }
        return detail::over_classes(
            s, slopes, average, label,
            [&](std::size_t c) {
                return s.truth[c] > 0.0 || (label == detail::every_class && s.predicted[c] > 0.0);
            },
            [&](std::size_t c, std::array<double, 3>& slope) {
                if (!(s.truth[c] > 0.0)) {
                    return 0.0;
                }
                const double value = s.hit[c] / s.truth[c];
                slope = {1.0 / s.truth[c], -value / s.truth[c], 0.0};
                return value;
            });
    }
};

/// The harmonic mean of precision and recall, in which recall counts `beta` times as much.
struct f_score {
    static constexpr std::string_view name() noexcept { return "F-score"; }
    double beta = 1.0;
    averaging average = averaging::macro;
    std::size_t label = detail::every_class;

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

/// The mean recall over the classes that have rows: what accuracy would be if classes were equally frequent.
struct balanced_accuracy {
    static constexpr std::string_view name() noexcept { return "balanced accuracy"; }

    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        return detail::over_classes(
            s, slopes, averaging::macro, detail::every_class, [&](std::size_t c) { return s.truth[c] > 0.0; },
            [&](std::size_t c, std::array<double, 3>& slope) {
                const double value = s.hit[c] / s.truth[c];
                slope = {1.0 / s.truth[c], -value / s.truth[c], 0.0};
                return value;
            });
    }
};

/// The correlation of truth and prediction; 0 for guessing whatever the frequencies are. Not defined (out_of_range)
/// where either is constant.
/// source: Matthews 1975; Gorodkin 2004 (more than two classes).
struct matthews_correlation {
    static constexpr std::string_view name() noexcept { return "Matthews correlation"; }

    [[nodiscard]] double value(const class_shares& s, class_slopes& slopes) const
    {
        const std::size_t k = s.hit.size();
        double covariance = 0.0, truth = 1.0, predicted = 1.0;
        for (std::size_t c = 0; c < k; ++c) {
            covariance += s.hit[c] - s.truth[c] * s.predicted[c];
            truth -= s.truth[c] * s.truth[c];
            predicted -= s.predicted[c] * s.predicted[c];
        }
        const double below = std::sqrt(truth * predicted);
        if (!(truth > 1e-15 && predicted > 1e-15)) {
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

/// A metric of class predictions: a smooth function of class shares.
template <class T>
concept class_metric = requires(const T& m, const class_shares& s, class_slopes& slopes) {
    { T::name() } -> std::convertible_to<std::string_view>;
    { m.value(s, slopes) } -> std::convertible_to<double>;
};

namespace detail {

// A metric's value and what each (truth, predicted) cell adds to its deviation, per row.
struct cell_influence {
    double value = stats::not_a_number;
    class_slopes slopes;
    double centre = 0.0;  // mean of the uncentred contributions

    [[nodiscard]] double of(std::size_t truth, std::size_t predicted) const noexcept
    {
        return slopes.truth[truth] + slopes.predicted[predicted] +
               (truth == predicted ? slopes.hit[truth] : 0.0) - centre;
    }
};

// `count(t, p)` gives the cells of a k x k table of `rows` rows.
template <class Metric, class Count>
[[nodiscard]] cell_influence influence_of(const Metric& metric, std::size_t k, double rows, Count count)
{
    std::vector<double> hit(k), truth(k), predicted(k);
    for (std::size_t t = 0; t < k; ++t) {
        for (std::size_t p = 0; p < k; ++p) {
            const double share = count(t, p) / rows;
            truth[t] += share;
            predicted[p] += share;
            hit[t] += t == p ? share : 0.0;
        }
    }
    cell_influence out{stats::not_a_number, class_slopes{k}, 0.0};
    out.value = metric.value({hit, truth, predicted}, out.slopes);
    for (std::size_t c = 0; c < k; ++c) {
        out.centre += out.slopes.hit[c] * hit[c] + out.slopes.truth[c] * truth[c] +
                      out.slopes.predicted[c] * predicted[c];
    }
    return out;
}

}  // namespace detail

/// Count predictions of k classes, numbered from 0, by what was true; parts merge.
///
/// A class of k or more is refused and counted. 0.5 is the threshold of nobody: turn scores into classes first.
class confusion {
public:
    explicit confusion(std::size_t classes = 2)
        : classes_(classes > 0 ? classes : 1), cells_(classes_ * classes_)
    {
    }

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

    [[nodiscard]] std::size_t classes() const noexcept { return classes_; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }
    [[nodiscard]] std::uint64_t count(std::size_t truth, std::size_t predicted) const noexcept
    {
        return truth < classes_ && predicted < classes_ ? cells_[truth * classes_ + predicted] : 0;
    }

    /// Evaluate a metric; rows are independent.
    ///
    /// errors: too_few (fewer than 2 rows), zero_variance (all rows alike, or perfect: for a share use an exact
    ///     interval then), out_of_range (rejected rows, alpha, a metric that is not defined for these counts).
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
        return detail::judged(influence.value, squares / (n - 1.0) / n, rows_, alpha);
    }

private:
    std::size_t classes_;
    std::uint64_t rows_ = 0;
    std::uint64_t rejected_ = 0;
    std::vector<std::uint64_t> cells_;
};

/// Count the predictions of two models for the same rows; parts merge.
///
/// Only combinations (truth, first, second) that occur are kept.
class paired_confusion {
public:
    explicit paired_confusion(std::size_t classes = 2) : first_(classes), second_(classes) {}

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

    [[nodiscard]] const confusion& first() const noexcept { return first_; }
    [[nodiscard]] const confusion& second() const noexcept { return second_; }
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Test the difference of a metric, first minus second. errors: as confusion.
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
        return detail::judged_difference(method, a.value - b.value, squares / (n - 1.0) / n, options);
    }

private:
    confusion first_;
    confusion second_;
    std::uint64_t rejected_ = 0;
    std::map<std::array<std::size_t, 3>, std::uint64_t> cells_;
};

/// Count predictions by buckets of units, which may come with many rows each; parts merge. Two models on the same units
/// are compared bucket by bucket.
///
/// assumes: as clustered_quality.
/// cost: 8 bytes per bucket and cell: 32 KiB for two classes, 800 KiB for ten.
class clustered_confusion {
public:
    explicit clustered_confusion(std::size_t classes = 2, std::size_t buckets = 1024)
        : classes_(classes > 0 ? classes : 1), buckets_(buckets > 0 ? buckets : 1),
          cells_(buckets_ * classes_ * classes_)
    {
    }

    bool add(std::uint64_t unit, std::size_t truth, std::size_t predicted) noexcept
    {
        if (truth >= classes_ || predicted >= classes_) {
            ++rejected_;
            return false;
        }
        ++cells_[(detail::bucket_of(unit, buckets_) * classes_ + truth) * classes_ + predicted];
        return true;
    }

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

    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// The table of all buckets together.
    [[nodiscard]] confusion total() const
    {
        confusion out(classes_);
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            const std::size_t cell = i % (classes_ * classes_);
            out.add(cell / classes_, cell % classes_, cells_[i]);
        }
        return out;
    }

    /// errors: as confusion; few_clusters (fewer than 30 buckets hold data).
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
        out = detail::judged(influence.value, clusters.variance(), all.rows(), alpha, clusters.clusters());
        if (out.state == status::ok && clusters.clusters() < detail::fewest_clusters) {
            out.lower = out.upper = stats::not_a_number;
            out.state = status::few_clusters;
        }
        return out;
    }

    /// Test the difference from another model's predictions for the same units, this minus other.
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

/// The mean of minus the log of the probability given to what was true. Probabilities of the true class below `floor`
/// count as `floor`: one wrong certainty would make the mean infinite.
struct log_loss {
    static constexpr std::size_t columns = 1;
    static constexpr std::string_view name() noexcept { return "log loss"; }
    double floor = 1e-15;

    /// Label 0 or 1, and the probability of 1.
    [[nodiscard]] std::optional<std::array<double, 1>> row(int label, double probability) const noexcept
    {
        if ((label != 0 && label != 1) || !(probability >= 0.0 && probability <= 1.0)) {
            return std::nullopt;
        }
        const double p = label == 1 ? probability : 1.0 - probability;
        // log1p keeps what 1 - p would round away
        const double loss = p < floor    ? -std::log(floor)
                            : label == 1 ? -std::log(p)
                                         : -std::log1p(-probability);
        return std::array<double, 1>{loss};
    }

    /// A class, and the probabilities of all classes.
    [[nodiscard]] std::optional<std::array<double, 1>>
    row(std::size_t label, std::span<const double> probabilities) const noexcept
    {
        if (label >= probabilities.size() || !(probabilities[label] >= 0.0 && probabilities[label] <= 1.0)) {
            return std::nullopt;
        }
        return std::array<double, 1>{-std::log(std::fmax(probabilities[label], floor))};
    }
    [[nodiscard]] double value(const std::array<double, 1>& means) const noexcept { return means[0]; }
    [[nodiscard]] std::array<double, 1> gradient(const std::array<double, 1>& /* means */) const noexcept
    {
        return {1.0};
    }
};

/// The mean squared distance of the probability of 1 from the label 0 or 1.
struct brier_score {
    static constexpr std::size_t columns = 1;
    static constexpr std::string_view name() noexcept { return "Brier score"; }

    [[nodiscard]] std::optional<std::array<double, 1>> row(int label, double probability) const noexcept
    {
        if ((label != 0 && label != 1) || !(probability >= 0.0 && probability <= 1.0)) {
            return std::nullopt;
        }
        const double e = probability - static_cast<double>(label);
        return std::array<double, 1>{e * e};
    }
    [[nodiscard]] double value(const std::array<double, 1>& means) const noexcept { return means[0]; }
    [[nodiscard]] std::array<double, 1> gradient(const std::array<double, 1>& /* means */) const noexcept
    {
        return {1.0};
    }
};

namespace detail {

// A ranking metric with what each row adds to its deviation.
struct row_influences {
    double value = stats::not_a_number;
    std::vector<double> of{};               // of each row; they add up to 0
    double variance = stats::not_a_number;  // of independent rows
    status state = status::too_few;
};

// Positions by falling score; the state of labels and scores.
[[nodiscard]] inline status order_rows(std::span<const std::uint8_t> labels, std::span<const double> scores,
                                       std::vector<std::size_t>& order, double& positives)
{
    positives = 0.0;
    if (labels.size() != scores.size()) {
        return status::out_of_range;
    }
    order.resize(scores.size());
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (std::isnan(scores[i]) || labels[i] > 1) {
            return status::out_of_range;
        }
        order[i] = i;
        positives += labels[i];
    }
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    const double negatives = static_cast<double>(labels.size()) - positives;
    return positives >= 2.0 && negatives >= 2.0 ? status::ok : status::too_few;
}

// Call `visit(from, to)` for each run of equal scores.
template <class Visit>
void for_ties(std::span<const double> scores, const std::vector<std::size_t>& order, Visit visit)
{
    for (std::size_t from = 0; from < order.size();) {
        std::size_t to = from + 1;
        while (to < order.size() && scores[order[to]] == scores[order[from]]) {
            ++to;
        }
        visit(from, to);
        from = to;
    }
}

// AUC by placements: the share of the other class that a row beats, ties as half. source: DeLong, DeLong and
// Clarke-Pearson 1988.
[[nodiscard]] inline row_influences auc_of(std::span<const std::uint8_t> labels,
                                           std::span<const double> scores)
{
    row_influences out;
    std::vector<std::size_t> order;
    double m = 0.0;
    out.state = order_rows(labels, scores, order, m);
    if (out.state != status::ok) {
        return out;
    }
    const double n = static_cast<double>(labels.size()) - m;
    out.of.resize(labels.size());
    double positives = 0.0, negatives = 0.0, total = 0.0;  // above the run
    for_ties(scores, order, [&](std::size_t from, std::size_t to) {
        double p = 0.0;
        for (std::size_t i = from; i < to; ++i) {
            p += labels[order[i]];
        }
        const double q = static_cast<double>(to - from) - p;
        const double won = n - negatives - 0.5 * q;  // by each positive of the run, of n
        const double lost_to = positives + 0.5 * p;  // by each negative, of m
        total += p * won;
        for (std::size_t i = from; i < to; ++i) {
            out.of[order[i]] = labels[order[i]] != 0 ? won / n : lost_to / m;
        }
        positives += p;
        negatives += q;
    });
    out.value = total / m / n;
    double of_positives = 0.0, of_negatives = 0.0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const double d = out.of[i] - out.value;
        (labels[i] != 0 ? of_positives : of_negatives) += d * d;
        out.of[i] = d / (labels[i] != 0 ? m : n);
    }
    out.variance = of_positives / (m - 1.0) / m + of_negatives / (n - 1.0) / n;
    return out;
}

// The mean over positives of the precision at their score, ties together. Influences by the chain rule on the two
// counts at each score: rows at least as high, and positives among them.
[[nodiscard]] inline row_influences precision_of(std::span<const std::uint8_t> labels,
                                                 std::span<const double> scores)
{
    row_influences out;
    std::vector<std::size_t> order;
    double m = 0.0;
    out.state = order_rows(labels, scores, order, m);
    if (out.state != status::ok) {
        return out;
    }
    const double n = static_cast<double>(labels.size());
    std::vector<double> precision(labels.size()), per_count(labels.size()), per_hit(labels.size());
    double seen = 0.0, hits = 0.0, total = 0.0;
    for_ties(scores, order, [&](std::size_t from, std::size_t to) {
        double p = 0.0;
        for (std::size_t i = from; i < to; ++i) {
            p += labels[order[i]];
        }
        seen += static_cast<double>(to - from);
        hits += p;
        const double here = hits / seen;
        total += p * here;
        for (std::size_t i = from; i < to; ++i) {
            precision[i] = here;
            per_count[i] = p > 0.0 && i == from ? p * here / seen : 0.0;
            per_hit[i] = p > 0.0 && i == from ? p / seen : 0.0;
        }
    });
    out.value = total / m;
    out.of.resize(labels.size());
    // A row changes the counts at its own score and all lower ones: running sums from the lowest run up.
    double counts = 0.0, hit_sums = 0.0;
    std::size_t end = order.size();
    std::vector<std::size_t> starts;
    for_ties(scores, order, [&](std::size_t from, std::size_t) { starts.push_back(from); });
    double squares = 0.0;
    for (std::size_t r = starts.size(); r > 0; --r) {
        const std::size_t from = starts[r - 1];
        counts += per_count[from];
        hit_sums += per_hit[from];
        for (std::size_t i = from; i < end; ++i) {
            const double y = labels[order[i]];
            const double d = (y * (precision[i] - out.value) + y * hit_sums - counts) / m;
            out.of[order[i]] = d;
            squares += d * d;
        }
        end = from;
    }
    out.variance = squares * n / (n - 1.0);
    return out;
}

// The variance by clusters of units, from row influences (of one metric, or of the difference of two).
[[nodiscard]] inline cluster_sums sum_by_unit(std::span<const double> influences,
                                              std::span<const std::uint64_t> units)
{
    std::vector<std::size_t> order(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
        order[i] = i;
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return units[a] != units[b] ? units[a] < units[b] : a < b;
    });
    cluster_sums out;
    for (std::size_t from = 0; from < order.size();) {
        double sum = 0.0;
        std::size_t to = from;
        for (; to < order.size() && units[order[to]] == units[order[from]]; ++to) {
            sum += influences[order[to]];
        }
        out.add(sum);
        from = to;
    }
    return out;
}

[[nodiscard]] inline quality checked_rows(const row_influences& rows, std::size_t count, double alpha)
{
    if (rows.state != status::ok) {
        quality out;
        out.rows = count;
        out.state = rows.state;
        return out;
    }
    return judged_area(rows.value, rows.variance, count, alpha);
}

[[nodiscard]] inline quality judged_units(const row_influences& rows, std::span<const std::uint64_t> units,
                                          double alpha)
{
    quality out = checked_rows(rows, rows.of.size(), alpha);
    if (rows.state != status::ok || units.size() != rows.of.size()) {
        out = {};
        out.state = rows.state != status::ok ? rows.state : status::out_of_range;
        return out;
    }
    const cluster_sums clusters = sum_by_unit(rows.of, units);
    if (clusters.clusters() < fewest_clusters) {
        out.lower = out.upper = out.standard_error = stats::not_a_number;
        out.clusters = clusters.clusters();
        out.state = status::few_clusters;
        return out;
    }
    return judged_area(rows.value, clusters.variance(), rows.of.size(), alpha, clusters.clusters());
}

[[nodiscard]] inline stats::test_result
compare_rows(row_influences a, const row_influences& b, std::span<const std::uint8_t> labels,
             const std::optional<std::span<const std::uint64_t>>& units, bool by_class,
             const stats::test_options& options)
{
    constexpr std::string_view method = "difference of qualities, paired by row";
    if (a.state != status::ok || b.state != status::ok) {
        return refused(method, a.state != status::ok ? a.state : b.state);
    }
    double of[2] = {0.0, 0.0}, count[2] = {0.0, 0.0};
    for (std::size_t i = 0; i < a.of.size(); ++i) {
        a.of[i] -= b.of[i];
        const std::size_t group = by_class ? labels[i] : 0;
        of[group] += a.of[i] * a.of[i];
        count[group] += 1.0;
    }
    double variance =
        of[0] * count[0] / (count[0] - 1.0) + (by_class ? of[1] * count[1] / (count[1] - 1.0) : 0.0);
    if (units) {
        if (units->size() != a.of.size()) {
            return refused(method, status::out_of_range);
        }
        const cluster_sums clusters = sum_by_unit(a.of, *units);
        if (clusters.clusters() < fewest_clusters) {
            return refused(method, status::few_clusters);
        }
        variance = clusters.variance();
    }
    return judged_difference(units ? "difference of qualities, paired by unit" : method, a.value - b.value,
                             variance, options);
}

}  // namespace detail

/// Return the area under the ROC curve from stored scores: the chance that a positive row scores above a negative one, ties
/// as half. Exact, with DeLong's variance and an interval that is normal on the logit scale (areas near 1, of 0.98, want 100
/// of each class).
///
/// shape: labels 0 or 1, one score per label; infinite scores are fine
/// errors: too_few (fewer than 2 rows of a class), zero_variance (perfect separation), out_of_range (lengths, NaN,
///     other labels, alpha).
/// cost: one sort.
/// source: DeLong, DeLong and Clarke-Pearson 1988; Sun and Xu 2014.
[[nodiscard]] inline quality auc(std::span<const std::uint8_t> labels, std::span<const double> scores,
                                 double alpha = 0.05)
{
    return detail::checked_rows(detail::auc_of(labels, scores), labels.size(), alpha);
}

/// For units with several rows each.
///
/// errors: few_clusters (fewer than 30 units).
/// source: Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data".
[[nodiscard]] inline quality auc(std::span<const std::uint8_t> labels, std::span<const double> scores,
                                 std::span<const std::uint64_t> units, double alpha = 0.05)
{
    return detail::judged_units(detail::auc_of(labels, scores), units, alpha);
}

/// Compare the AUC of two scores of the same rows, first minus second.
[[nodiscard]] inline stats::test_result compare_auc(std::span<const std::uint8_t> labels,
                                                    std::span<const double> first,
                                                    std::span<const double> second,
                                                    const stats::test_options& options = {})
{
    return detail::compare_rows(detail::auc_of(labels, first), detail::auc_of(labels, second), labels, {},
                                true, options);
}

/// For units with several rows each.
[[nodiscard]] inline stats::test_result compare_auc(std::span<const std::uint8_t> labels,
                                                    std::span<const double> first,
                                                    std::span<const double> second,
                                                    std::span<const std::uint64_t> units,
                                                    const stats::test_options& options = {})
{
    return detail::compare_rows(detail::auc_of(labels, first), detail::auc_of(labels, second), labels, units,
                                true, options);
}

/// Return the average precision from stored scores: the mean, over positive rows, of the precision at their score (the
/// step-wise area under the precision-recall curve; tied rows enter together).
///
/// Its interval is the delta method's, normal on the logit scale. It is too short where positives are few: with 30 of them
/// it misses 6 to 7 %, with 10 up to 10 %; some 500 make it right.
/// shape, errors, cost: as auc.
[[nodiscard]] inline quality average_precision(std::span<const std::uint8_t> labels,
                                               std::span<const double> scores, double alpha = 0.05)
{
    return detail::checked_rows(detail::precision_of(labels, scores), labels.size(), alpha);
}

/// For units with several rows each.
[[nodiscard]] inline quality average_precision(std::span<const std::uint8_t> labels,
                                               std::span<const double> scores,
                                               std::span<const std::uint64_t> units, double alpha = 0.05)
{
    return detail::judged_units(detail::precision_of(labels, scores), units, alpha);
}

/// Compare the average precision of two scores of the same rows, first minus second.
[[nodiscard]] inline stats::test_result compare_average_precision(std::span<const std::uint8_t> labels,
                                                                  std::span<const double> first,
                                                                  std::span<const double> second,
                                                                  const stats::test_options& options = {})
{
    return detail::compare_rows(detail::precision_of(labels, first), detail::precision_of(labels, second),
                                labels, {}, false, options);
}

/// For units with several rows each.
[[nodiscard]] inline stats::test_result compare_average_precision(std::span<const std::uint8_t> labels,
                                                                  std::span<const double> first,
                                                                  std::span<const double> second,
                                                                  std::span<const std::uint64_t> units,
                                                                  const stats::test_options& options = {})
{
    return detail::compare_rows(detail::precision_of(labels, first), detail::precision_of(labels, second),
                                labels, units, false, options);
}

/// Accumulate the AUC of scores in [low, high] without keeping them: counts by bin, rows of one bin tied; parts merge.
///
/// The exact AUC lies within `uncertainty()` of it. Scores outside the range go to the outer bins, NaN is refused.
/// cost: 16 bytes per bin.
class binned_auc {
public:
    explicit binned_auc(std::size_t bins = 1024, double low = 0.0, double high = 1.0)
        : low_(low), high_(high), positives_(bins > 0 ? bins : 1), negatives_(bins > 0 ? bins : 1)
    {
    }

    bool add(int label, double score) noexcept
    {
        if ((label != 0 && label != 1) || std::isnan(score) || !(high_ > low_)) {
            ++rejected_;
            return false;
        }
        const double count = static_cast<double>(positives_.size());
        const double place = (score - low_) / (high_ - low_) * count;
        const std::size_t bin = !(place > 0.0)   ? 0
                                : place >= count ? positives_.size() - 1
                                                 : static_cast<std::size_t>(place);
        ++(label == 1 ? positives_ : negatives_)[bin];
        return true;
    }

    bool merge(const binned_auc& other) noexcept
    {
        if (other.positives_.size() != positives_.size() || other.low_ != low_ || other.high_ != high_) {
            return false;
        }
        rejected_ += other.rejected_;
        for (std::size_t i = 0; i < positives_.size(); ++i) {
            positives_[i] += other.positives_[i];
            negatives_[i] += other.negatives_[i];
        }
        return true;
    }

    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Half the share of pairs that fell into one bin: how far the exact AUC may be away.
    [[nodiscard]] double uncertainty() const noexcept
    {
        double tied = 0.0, m = 0.0, n = 0.0;
        for (std::size_t i = 0; i < positives_.size(); ++i) {
            const double p = static_cast<double>(positives_[i]);
            const double q = static_cast<double>(negatives_[i]);
            tied += p * q;
            m += p;
            n += q;
        }
        return m > 0.0 && n > 0.0 ? 0.5 * tied / m / n : stats::not_a_number;
    }

    /// errors: as auc.
    [[nodiscard]] quality result(double alpha = 0.05) const noexcept
    {
        quality out;
        double m = 0.0, n = 0.0;
        for (std::size_t i = 0; i < positives_.size(); ++i) {
            m += static_cast<double>(positives_[i]);
            n += static_cast<double>(negatives_[i]);
            out.rows += positives_[i] + negatives_[i];
        }
        if (rejected_ != 0) {
            out.state = status::out_of_range;
            return out;
        }
        if (m < 2.0 || n < 2.0) {
            return out;
        }
        // DeLong's placements, which are the same for all rows of a bin and class.
        double value = 0.0, of_positives = 0.0, of_negatives = 0.0;
        for (const bool squares : {false, true}) {
            double p_below = 0.0, q_below = 0.0;
            for (std::size_t i = 0; i < positives_.size(); ++i) {
                const double p = static_cast<double>(positives_[i]);
                const double q = static_cast<double>(negatives_[i]);
                const double won = (q_below + 0.5 * q) / n;
                const double lost_to = (m - p_below - 0.5 * p) / m;
                if (squares) {
                    of_positives += p * (won - value) * (won - value);
                    of_negatives += q * (lost_to - value) * (lost_to - value);
                } else {
                    value += p * won / m;
                }
                p_below += p;
                q_below += q;
            }
        }
        return detail::judged_area(value, of_positives / (m - 1.0) / m + of_negatives / (n - 1.0) / n,
                                   out.rows, alpha);
    }

private:
    double low_;
    double high_;
    std::uint64_t rejected_ = 0;
    std::vector<std::uint64_t> positives_;
    std::vector<std::uint64_t> negatives_;
};

}  // namespace quality
}  // namespace v0
}  // namespace joust
