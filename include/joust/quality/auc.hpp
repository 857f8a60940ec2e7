// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/quality.hpp>
#include <joust/stats/tests/constant_pairs.hpp>

#include <algorithm>
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

namespace detail {

// A ranking metric, and what each row contributes to its deviation.
struct row_influences {
    double value = stats::not_a_number;
    std::vector<double> of{};               // the contribution of each row; they add up to 0
    double variance = stats::not_a_number;  // the variance for independent rows
    status state = status::too_few;
};

// Fills in the positions by falling score, and returns the state of labels and scores.
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

// Calls `visit(from, to)` for each run of equal scores.
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

// The AUC by placements: the share of the other class that a row exceeds, where ties count one half. source: DeLong,
// DeLong and Clarke-Pearson 1988.
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
    double positives = 0.0, negatives = 0.0, total = 0.0;  // rows above the run
    for_ties(scores, order, [&](std::size_t from, std::size_t to) {
        double p = 0.0;
        for (std::size_t i = from; i < to; ++i) {
            p += labels[order[i]];
        }
        const double q = static_cast<double>(to - from) - p;
        const double won = n - negatives - 0.5 * q;  // the negatives that each positive of the run exceeds
        const double lost_to = positives + 0.5 * p;  // the positives that exceed each negative of the run
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

// The mean over positives of the precision at their score, where ties enter together. The influences follow by the
// chain rule from two counts at each score: rows at least as high, and positives among them.
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
    // A row changes the counts at its own score and at all lower ones: running sums from the lowest run up.
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

// The variance by clusters of units, from the influences of rows on one metric, or on the difference of two.
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

// The rows of the rarer class: so many independent pairs of a positive and a negative there are.
[[nodiscard]] inline double independent_pairs(std::span<const std::uint8_t> labels) noexcept
{
    double of[2] = {0.0, 0.0};
    for (const std::uint8_t label : labels) {
        of[label != 0 ? 1 : 0] += 1.0;
    }
    return of[0] < of[1] ? of[0] : of[1];
}

[[nodiscard]] inline quality judged_rows(const row_influences& rows, std::size_t count, double alpha)
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
    quality out = judged_rows(rows, rows.of.size(), alpha);
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
    if (by_class && !units && of[0] == 0.0 && of[1] == 0.0 && a.value != b.value &&
        stats::detail::is_alpha(options.alpha)) {
        stats::test_result out;
        out.method = method;
        stats::detail::judge_constant(out, a.value - b.value, -1.0, 1.0, 0.0, independent_pairs(labels),
                                      options);
        return out;
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

/// Return the area under the ROC curve from stored scores: the probability that a positive row scores above a negative
/// one, where ties count one half.
///
/// The area is exact, with DeLong's variance and an interval that is normal on the logit scale; areas near 1 (0.98)
/// need about 100 rows of each class. At perfect separation the interval is that of k independent pairs of a positive and a
/// negative, k of the rarer class: from (alpha / 2)^(1 / k) to 1.
/// shape: labels 0 or 1, one score per label; scores may be infinite
/// errors: too_few (fewer than 2 rows of a class), zero_variance (all scores equal), out_of_range (lengths, NaN,
///     other labels, alpha).
/// cost: one sort.
/// source: DeLong, DeLong and Clarke-Pearson 1988; Sun and Xu 2014.
[[nodiscard]] inline quality auc(std::span<const std::uint8_t> labels, std::span<const double> scores,
                                 double alpha = 0.05)
{
    quality out = detail::judged_rows(detail::auc_of(labels, scores), labels.size(), alpha);
    if (out.state == status::zero_variance && (out.value == 0.0 || out.value == 1.0)) {
        stats::test_result ends;
        stats::detail::judge_constant(ends, out.value, 0.0, 1.0, 0.5, detail::independent_pairs(labels),
                                      {.alpha = alpha});
        out.lower = ends.lower;
        out.upper = ends.upper;
        out.state = status::ok;
    }
    return out;
}

/// Return the area under the ROC curve from weighted rows: the probability that a positive row scores above a negative one,
/// where rows are chosen in proportion to their weights (inverse sampling rates, importance).
///
/// Weights are taken as known. With equal weights it is `auc`.
/// shape: as auc, with one weight per row
/// errors: as auc; out_of_range also for a weight that is negative or not finite; rows of weight 0 count as absent.
/// cost: one sort.
[[nodiscard]] inline quality auc(std::span<const std::uint8_t> labels, std::span<const double> scores,
                                 std::span<const double> weights, double alpha = 0.05)
{
    std::size_t kept = 0;
    quality out;
    out.state = status::out_of_range;
    if (weights.size() != scores.size() || labels.size() != scores.size()) {
        return out;
    }
    std::vector<std::size_t> order;
    double w[2] = {0.0, 0.0}, rows[2] = {0.0, 0.0};
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (std::isnan(scores[i]) || labels[i] > 1 || !(weights[i] >= 0.0) || !std::isfinite(weights[i])) {
            return out;
        }
        if (weights[i] > 0.0) {
            order.push_back(i);
            w[labels[i]] += weights[i];
            rows[labels[i]] += 1.0;
            ++kept;
        }
    }
    out.rows = kept;
    if (rows[0] < 2.0 || rows[1] < 2.0) {
        out.state = status::too_few;
        return out;
    }
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    // The weight of the other class that each row wins against, as a share of it.
    std::vector<double> won(order.size());
    double above[2] = {0.0, 0.0}, total = 0.0;
    detail::for_ties(scores, order, [&](std::size_t from, std::size_t to) {
        double here[2] = {0.0, 0.0};
        for (std::size_t i = from; i < to; ++i) {
            here[labels[order[i]]] += weights[order[i]];
        }
        for (std::size_t i = from; i < to; ++i) {
            won[i] = labels[order[i]] != 0 ? (w[0] - above[0] - 0.5 * here[0]) / w[0]
                                           : (above[1] + 0.5 * here[1]) / w[1];
            total += labels[order[i]] != 0 ? weights[order[i]] * won[i] : 0.0;
        }
        above[0] += here[0];
        above[1] += here[1];
    });
    const double value = total / w[1];
    double squares[2] = {0.0, 0.0};
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::uint8_t label = labels[order[i]];
        const double part = weights[order[i]] * (won[i] - value) / w[label];
        squares[label] += part * part;
    }
    return detail::judged_area(
        value, squares[0] * rows[0] / (rows[0] - 1.0) + squares[1] * rows[1] / (rows[1] - 1.0), kept, alpha);
}

/// Return the area under the ROC curve for units with several rows each.
///
/// errors: as for independent rows; few_clusters (fewer than 30 units).
/// source: Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data".
[[nodiscard]] inline quality auc(std::span<const std::uint8_t> labels, std::span<const double> scores,
                                 std::span<const std::uint64_t> units, double alpha = 0.05)
{
    return detail::judged_units(detail::auc_of(labels, scores), units, alpha);
}

/// Compare the AUC of two scores of the same rows, first minus second.
/// cost: a sort of each score.
[[nodiscard]] inline stats::test_result compare_auc(std::span<const std::uint8_t> labels,
                                                    std::span<const double> first,
                                                    std::span<const double> second,
                                                    const stats::test_options& options = {})
{
    return detail::compare_rows(detail::auc_of(labels, first), detail::auc_of(labels, second), labels, {},
                                true, options);
}

/// Compare the AUC of two scores for units with several rows each.
/// cost: a sort of each score and one of the units.
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
/// step-wise area under the precision-recall curve, where tied rows enter together).
///
/// Its interval is that of the delta method, normal on the logit scale. It is too short where positives are few:
/// with 30 of them it misses 6 to 7 %, with 10 up to 10 %; about 500 are enough.
/// shape: as auc
/// errors: as auc
/// cost: as auc.
[[nodiscard]] inline quality average_precision(std::span<const std::uint8_t> labels,
                                               std::span<const double> scores, double alpha = 0.05)
{
    return detail::judged_rows(detail::precision_of(labels, scores), labels.size(), alpha);
}

/// Return the average precision for units with several rows each.
/// cost: a sort of the scores and one of the units.
[[nodiscard]] inline quality average_precision(std::span<const std::uint8_t> labels,
                                               std::span<const double> scores,
                                               std::span<const std::uint64_t> units, double alpha = 0.05)
{
    return detail::judged_units(detail::precision_of(labels, scores), units, alpha);
}

/// Compare the average precision of two scores of the same rows, first minus second.
/// cost: a sort of each score.
[[nodiscard]] inline stats::test_result compare_average_precision(std::span<const std::uint8_t> labels,
                                                                  std::span<const double> first,
                                                                  std::span<const double> second,
                                                                  const stats::test_options& options = {})
{
    return detail::compare_rows(detail::precision_of(labels, first), detail::precision_of(labels, second),
                                labels, {}, false, options);
}

/// Compare the average precision of two scores for units with several rows each.
/// cost: a sort of each score and one of the units.
[[nodiscard]] inline stats::test_result compare_average_precision(std::span<const std::uint8_t> labels,
                                                                  std::span<const double> first,
                                                                  std::span<const double> second,
                                                                  std::span<const std::uint64_t> units,
                                                                  const stats::test_options& options = {})
{
    return detail::compare_rows(detail::precision_of(labels, first), detail::precision_of(labels, second),
                                labels, units, false, options);
}

/// Accumulate the AUC of scores in [low, high] without storing them, mergeable: rows are counted by bins, and the
/// rows of one bin are tied.
///
/// The exact AUC is within `uncertainty()` of the result. Scores outside the range fall into the outer bins; NaN is
/// refused.
/// cost: 16 bytes per bin.
class binned_auc {
public:
    /// Start without rows; scores between low and high are divided evenly among the bins.
    explicit binned_auc(std::size_t bins = 1024, double low = 0.0, double high = 1.0)
        : low_(low), high_(high), positives_(bins > 0 ? bins : 1), negatives_(bins > 0 ? bins : 1)
    {
    }

    /// Count a row: the label 0 or 1, and its score. Another label or NaN is counted as rejected, and the return
    /// value is false.
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

    /// Add another part; returns false, and adds nothing, where the bins differ.
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

    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Return half the share of pairs that fell into one bin: the largest distance from the exact AUC.
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

    /// Return the AUC so far. errors: as auc.
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
        // DeLong's placements, which are equal for all rows of a bin and class.
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
