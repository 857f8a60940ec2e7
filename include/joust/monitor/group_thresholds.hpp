// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/status.hpp>
#include <joust/numeric/not_a_number.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace fairness {

/// Choose what the thresholds of the groups have to make equal.
enum class equal_rate : std::uint8_t {
    /// The selection rate: demographic parity.
    selection,
    /// The true positive rate: equal opportunity.
    recall
};

/// Hold the threshold of one group.
/// cost: O(1)
struct group_threshold {
    /// The group.
    std::string group;
    /// Scores from here on are selected. It is infinite where none is.
    double threshold = stats::not_a_number;
    /// The rate of the group at this threshold.
    double rate = stats::not_a_number;
    /// The accuracy of the group at this threshold.
    double accuracy = stats::not_a_number;
};

/// Hold thresholds by group, and what they cost.
/// cost: O(1)
struct group_thresholds {
    /// One threshold for each group, ordered by name.
    std::vector<group_threshold> groups;
    /// The accuracy with these thresholds.
    double accuracy = stats::not_a_number;
    /// The best accuracy with one threshold for all groups.
    double accuracy_of_one = stats::not_a_number;
    /// The best accuracy with a threshold for each group and no condition.
    double accuracy_of_each = stats::not_a_number;
    /// The largest difference of the rates that is left.
    double gap = stats::not_a_number;
    /// Whether the numbers are valid: `too_few` where a group has no row that the rate divides by, `out_of_range` for lengths that differ or scores that
    /// are NaN.
    status state = status::too_few;
};

namespace detail {

struct operating_point {
    double threshold = std::numeric_limits<double>::infinity();
    double rate = 0.0;
    double right = 0.0;
};

/// The points of one group, by falling threshold and rising rate. `whole` is 0 where the rate does not exist.
struct operating_curve {
    std::vector<operating_point> points;
    double whole = 0.0;
    double rows = 0.0;
};

[[nodiscard]] inline operating_curve curve_of(std::vector<std::pair<double, bool>> rows, equal_rate of)
{
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    operating_curve curve;
    curve.rows = static_cast<double>(rows.size());
    double positives = 0.0;
    for (const auto& row : rows) {
        positives += row.second ? 1.0 : 0.0;
    }
    curve.whole = of == equal_rate::selection ? curve.rows : positives;
    operating_point now;
    now.right = curve.rows - positives;
    curve.points.push_back(now);
    double counted = 0.0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        counted += of == equal_rate::selection || rows[i].second ? 1.0 : 0.0;
        now.right += rows[i].second ? 1.0 : -1.0;
        if (i + 1 == rows.size() || rows[i + 1].first < rows[i].first) {
            now.threshold = rows[i].first;
            now.rate = curve.whole > 0.0 ? counted / curve.whole : 0.0;
            curve.points.push_back(now);
        }
    }
    return curve;
}

}  // namespace detail

/// Find the thresholds, one for each group, that have the largest accuracy among those whose rates differ by at most `tolerance`.
///
/// The search is exact on the rows given, over every threshold. On new rows the rates differ more: check them there.
/// When to use: to see what equal rates would cost, and as a mitigation where the law allows a rule that knows the group.
/// When not: where it does not; `reweighing_weights` changes the training instead.
/// shape: one score, label (0 or 1) and name of the group for each row
/// cost: one sort, and the number of thresholds times that of groups
[[nodiscard]] inline group_thresholds find_group_thresholds(std::span<const double> scores,
                                                            std::span<const std::uint8_t> labels,
                                                            std::span<const std::string_view> groups,
                                                            equal_rate of = equal_rate::selection,
                                                            double tolerance = 0.01)
{
    group_thresholds out;
    if (scores.size() != labels.size() || scores.size() != groups.size() || !(tolerance >= 0.0)) {
        out.state = status::out_of_range;
        return out;
    }
    std::map<std::string_view, std::vector<std::pair<double, bool>>> rows;
    std::vector<std::pair<double, bool>> all;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (std::isnan(scores[i]) || labels[i] > 1) {
            out.state = status::out_of_range;
            return out;
        }
        rows[groups[i]].emplace_back(scores[i], labels[i] == 1);
        all.emplace_back(scores[i], labels[i] == 1);
    }
    std::vector<detail::operating_curve> curves;
    std::vector<double> starts;
    const auto best_of = [](const detail::operating_curve& curve) {
        double best = 0.0;
        for (const detail::operating_point& point : curve.points) {
            best = std::max(best, point.right);
        }
        return best;
    };
    double right_of_each = 0.0;
    for (auto& [name, of_group] : rows) {
        curves.push_back(detail::curve_of(std::move(of_group), of));
        if (!(curves.back().whole > 0.0)) {
            return out;
        }
        right_of_each += best_of(curves.back());
        for (const detail::operating_point& point : curves.back().points) {
            starts.push_back(point.rate);
        }
        out.groups.push_back({.group = std::string{name}});
    }
    if (curves.empty()) {
        return out;
    }
    const auto count = static_cast<double>(scores.size());
    out.accuracy_of_each = right_of_each / count;
    out.accuracy_of_one = best_of(detail::curve_of(std::move(all), of)) / count;

    // All rates lie in a window that begins at one of them. In each window a group takes its best point, which a queue of falling values keeps.
    std::sort(starts.begin(), starts.end());
    std::vector<std::deque<std::size_t>> best(curves.size());
    std::vector<std::size_t> next(curves.size(), 0);
    double most = -1.0;
    std::vector<std::size_t> chosen(curves.size(), 0);
    for (const double start : starts) {
        double right = 0.0;
        bool possible = true;
        for (std::size_t g = 0; g < curves.size(); ++g) {
            const std::vector<detail::operating_point>& points = curves[g].points;
            for (; next[g] < points.size() && points[next[g]].rate <= start + tolerance + 1e-12; ++next[g]) {
                while (!best[g].empty() && points[best[g].back()].right <= points[next[g]].right) {
                    best[g].pop_back();
                }
                best[g].push_back(next[g]);
            }
            while (!best[g].empty() && points[best[g].front()].rate < start) {
                best[g].pop_front();
            }
            possible = possible && !best[g].empty();
            right += possible ? points[best[g].front()].right : 0.0;
        }
        if (possible && right > most) {
            most = right;
            for (std::size_t g = 0; g < curves.size(); ++g) {
                chosen[g] = best[g].front();
            }
        }
    }
    double least_rate = 1.0;
    double most_rate = 0.0;
    for (std::size_t g = 0; g < curves.size(); ++g) {
        const detail::operating_point& point = curves[g].points[chosen[g]];
        out.groups[g].threshold = point.threshold;
        out.groups[g].rate = point.rate;
        out.groups[g].accuracy = point.right / curves[g].rows;
        least_rate = std::min(least_rate, point.rate);
        most_rate = std::max(most_rate, point.rate);
    }
    out.accuracy = most / count;
    out.gap = most_rate - least_rate;
    out.state = status::ok;
    return out;
}

}  // namespace fairness
}  // namespace v0
}  // namespace joust
