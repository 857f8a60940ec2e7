// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/fairness.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace fairness {

/// Hold a rate of one group with its interval, which is simultaneous over the groups.
/// cost: O(1)
struct group_value {
    /// The name of the group.
    std::string group;
    /// How many rows the rate counts.
    std::uint64_t part = 0;
    /// How many rows the rate is divided by.
    std::uint64_t whole = 0;
    /// The rate.
    double value = stats::not_a_number;
    /// The lower end of the interval.
    double lower = stats::not_a_number;
    /// The upper end of the interval.
    double upper = stats::not_a_number;
    /// Whether the numbers are valid: `too_few` for a group without a row that the rate divides by.
    status state = status::too_few;
};

/// Hold how far groups lie apart, with an interval that allows for the number of groups.
/// cost: O(1)
struct group_gap {
    /// The gap: a difference of at least 0, or a ratio of at most 1.
    double value = stats::not_a_number;
    /// The lower end of the interval. A difference above 0 is proven where it is above 0.
    double lower = stats::not_a_number;
    /// The upper end of the interval.
    double upper = stats::not_a_number;
    /// The gap that equal groups of these sizes would show on average.
    double by_chance = stats::not_a_number;
    /// The group with the lowest rate.
    std::string lowest;
    /// The group with the highest rate.
    std::string highest;
    /// How many groups have no such rate and were left out.
    std::size_t left_out = 0;
    /// Whether the numbers are valid: `too_few` with fewer than two groups, `zero_variance` where every rate is 0 and a ratio was asked for.
    status state = status::too_few;
};

namespace detail {

/// What the largest and the smallest of independent proportions with one true rate are on average, by the normal distribution.
struct mean_extremes {
    double least = 0.0;
    double most = 0.0;
};
[[nodiscard]] inline mean_extremes mean_extremes_of(double common, std::span<const double> sizes)
{
    mean_extremes result{common, common};
    double widest = 0.0;
    for (const double n : sizes) {
        widest = std::max(widest, std::sqrt(common * (1.0 - common) / n));
    }
    if (!(widest > 0.0)) {
        return result;
    }
    constexpr int steps = 600;
    const double step = 12.0 * widest / steps;
    double above = 0.0;
    double below = 0.0;
    for (int i = 0; i < steps; ++i) {
        const double x = -6.0 * widest + (i + 0.5) * step;
        double all_below = 1.0;
        double all_above = 1.0;
        for (const double n : sizes) {
            const double p = stats::normal_cdf(x / std::sqrt(common * (1.0 - common) / n));
            all_below *= p;
            all_above *= 1.0 - p;
        }
        above += (x >= 0.0 ? 1.0 - all_below : -all_below) * step;
        below += (x >= 0.0 ? all_above : all_above - 1.0) * step;
    }
    result.most = std::min(1.0, common + above);
    result.least = std::max(0.0, common + below);
    return result;
}

}  // namespace detail

/// Compare any number of groups by the rates of a classifier: each rate by group, and how far the groups lie apart, with intervals that hold for
/// all groups at once.
///
/// Only counts are stored. An intersection is a group with a name of its own ("female, 50+"); `frames_by_control` compares groups within each level of another
/// feature. The names are those of Fairlearn's MetricFrame.
/// shape: `frame.add("north", truth, predicted)`, or `frame.add("north", predicted)` where the truth is not known: such rows count for the selection
/// rate only
/// When to use: after the fact, at one look. Where you look again and again, use `group_watch`.
/// assumes: rows are independent; count returning users once
/// cost: one look-up by name for a row
class group_frame {
public:
    /// Begin without groups, or with a probability of error other than 0.05.
    /// errors: configuration_error unless 0 < alpha < 1
    explicit group_frame(double alpha = 0.05) : alpha_(alpha)
    {
        if (!(alpha > 0.0 && alpha < 1.0)) {
            throw configuration_error("group_frame.alpha", to_text(alpha), "a probability between 0 and 1");
        }
    }

    /// Count a row whose truth is known.
    void add(std::string_view group, bool truth, bool predicted)
    {
        found(group).counts.add(truth ? 1U : 0U, predicted ? 1U : 0U);
    }
    /// Count a row whose truth is not known.
    void add(std::string_view group, bool predicted)
    {
        group_counts& counts = found(group);
        ++counts.unlabelled;
        counts.unlabelled_selected += predicted ? 1U : 0U;
    }
    /// Count a table of rows.
    /// errors: configuration_error unless it has two classes and no rejected row
    void add(std::string_view group, const confusion& table)
    {
        if (!detail::usable(table)) {
            throw configuration_error("group_frame.add", "a table of other classes, or with rejected rows",
                                      "a table of two classes");
        }
        found(group).counts.merge(table);
    }

    /// Add the groups of another thread or replica.
    void merge(const group_frame& that)
    {
        for (const auto& [name, counts] : that.groups_) {
            group_counts& own = found(name);
            own.counts.merge(counts.counts);
            own.unlabelled += counts.unlabelled;
            own.unlabelled_selected += counts.unlabelled_selected;
        }
    }

    /// Return the number of groups.
    [[nodiscard]] std::size_t groups() const noexcept { return groups_.size(); }

    /// Return a rate of all rows together.
    [[nodiscard]] group_value overall(group_rate of) const
    {
        group_value all{.group = "all"};
        for (const auto& [name, counts] : groups_) {
            const detail::fraction f = counts.fraction(of);
            all.part += f.part;
            all.whole += f.whole;
        }
        fill(all, alpha_ / static_cast<double>(groups_.size() + 1));
        return all;
    }

    /// Return a rate of each group, ordered by name, with intervals that hold for all groups at once.
    [[nodiscard]] std::vector<group_value> by_group(group_rate of) const
    {
        std::vector<group_value> rows;
        for (const auto& [name, counts] : groups_) {
            const detail::fraction f = counts.fraction(of);
            rows.push_back({.group = name, .part = f.part, .whole = f.whole});
            fill(rows.back(), alpha_ / static_cast<double>(groups_.size() + 1));
        }
        return rows;
    }

    /// Return the largest difference of a rate.
    [[nodiscard]] group_gap difference(group_rate of, gap kind = gap::between_groups) const
    {
        return judged(of, kind, false);
    }
    /// Return the smallest ratio of a rate.
    [[nodiscard]] group_gap ratio(group_rate of, gap kind = gap::between_groups) const
    {
        return judged(of, kind, true);
    }

    /// Return the larger of the differences in true and in false positive rates, with an interval for both at once.
    [[nodiscard]] group_gap equalized_odds_difference(gap kind = gap::between_groups) const
    {
        group_frame half = *this;
        half.alpha_ = 0.5 * alpha_;
        const group_gap hits = half.difference(group_rate::recall, kind);
        const group_gap false_alarms = half.difference(group_rate::fall_out, kind);
        if (hits.state != status::ok || false_alarms.state != status::ok) {
            return hits.state != status::ok ? hits : false_alarms;
        }
        group_gap worst = hits.value >= false_alarms.value ? hits : false_alarms;
        worst.lower = std::max(hits.lower, false_alarms.lower);
        worst.upper = std::max(hits.upper, false_alarms.upper);
        worst.by_chance = std::max(hits.by_chance, false_alarms.by_chance);
        worst.left_out = std::max(hits.left_out, false_alarms.left_out);
        return worst;
    }

    /// Append a table of a rate by group, and how far the groups lie apart.
    void write(std::string& out, group_rate of, style how = style::table) const
    {
        using enum text_table::align;
        text_table table{{"group", left}, {"rows", right}, {"rate", right}, {"from", right}, {"to", right}};
        std::vector<group_value> rows = by_group(of);
        rows.push_back(overall(of));
        for (const group_value& row : rows) {
            std::string cells[4];
            append_count(cells[0], row.whole);
            append_percent(cells[1], row.value);
            append_percent(cells[2], row.lower);
            append_percent(cells[3], row.upper);
            table.row({row.group, cells[0], cells[1], cells[2], cells[3]});
        }
        if (how == style::markdown) {
            table.write_markdown(out);
        } else {
            table.write_text(out);
        }
        const group_gap apart = difference(of);
        if (apart.state == status::ok) {
            joust::detail::append_all(out, {"\nFrom ", apart.lowest, " to ", apart.highest, ": "});
            append_percent(out, apart.value);
            out += " [";
            append_percent(out, apart.lower);
            out += ", ";
            append_percent(out, apart.upper);
            out += "]; equal groups of these sizes would lie ";
            append_percent(out, apart.by_chance);
            out += " apart on average.\n";
        }
    }

private:
    struct group_counts {
        confusion counts{};
        std::uint64_t unlabelled = 0;
        std::uint64_t unlabelled_selected = 0;

        [[nodiscard]] detail::fraction fraction(group_rate of) const noexcept
        {
            detail::fraction f = detail::rate_of(of)(counts);
            if (of == group_rate::selection) {
                f.part += unlabelled_selected;
                f.whole += unlabelled;
            }
            return f;
        }
    };

    group_counts& found(std::string_view group)
    {
        const auto at = groups_.find(group);
        return at != groups_.end() ? at->second : groups_[std::string{group}];
    }

    static void fill(group_value& row, double alpha)
    {
        if (row.whole == 0) {
            return;
        }
        row.value = static_cast<double>(row.part) / static_cast<double>(row.whole);
        const stats::bounds ends = stats::clopper_pearson_interval(row.part, row.whole, alpha);
        row.lower = ends.lower;
        row.upper = ends.upper;
        row.state = status::ok;
    }

    [[nodiscard]] group_gap judged(group_rate of, gap kind, bool as_ratio) const
    {
        group_gap out;
        std::vector<group_value> rows = by_group(of);
        const group_value all = overall(of);
        std::erase_if(rows, [](const group_value& row) { return row.state != status::ok; });
        out.left_out = groups_.size() - rows.size();
        if (rows.size() < 2) {
            return out;
        }
        const auto by_value = [](const group_value& a, const group_value& b) { return a.value < b.value; };
        const group_value least = *std::min_element(rows.begin(), rows.end(), by_value);
        const group_value most = *std::max_element(rows.begin(), rows.end(), by_value);
        out.lowest = least.group;
        out.highest = most.group;
        if (as_ratio && !(most.value > 0.0)) {
            out.state = status::zero_variance;
            return out;
        }
        double lowest_lower = 1.0;
        double lowest_upper = 1.0;
        double highest_lower = 0.0;
        double highest_upper = 0.0;
        std::vector<double> sizes;
        for (const group_value& row : rows) {
            lowest_lower = std::min(lowest_lower, row.lower);
            lowest_upper = std::min(lowest_upper, row.upper);
            highest_lower = std::max(highest_lower, row.lower);
            highest_upper = std::max(highest_upper, row.upper);
            sizes.push_back(static_cast<double>(row.whole));
        }
        const detail::mean_extremes chance = detail::mean_extremes_of(all.value, sizes);
        if (kind == gap::between_groups && !as_ratio) {
            out.value = most.value - least.value;
            out.lower = std::max(0.0, highest_lower - lowest_upper);
            out.upper = highest_upper - lowest_lower;
            out.by_chance = chance.most - chance.least;
        } else if (kind == gap::between_groups) {
            out.value = least.value / most.value;
            out.lower = lowest_lower / highest_upper;
            out.upper = highest_lower > 0.0 ? std::min(1.0, lowest_upper / highest_lower) : 1.0;
            out.by_chance = chance.most > 0.0 ? chance.least / chance.most : stats::not_a_number;
        } else if (!as_ratio) {
            out.value = std::max(most.value - all.value, all.value - least.value);
            out.lower = std::max({0.0, highest_lower - all.upper, all.lower - lowest_upper});
            out.upper = std::max(highest_upper - all.lower, all.upper - lowest_lower);
            out.by_chance = std::max(chance.most - all.value, all.value - chance.least);
        } else {
            out.value = std::min(least.value / all.value, all.value / most.value);
            out.lower = std::min(lowest_lower / all.upper, all.lower / highest_upper);
            const double low = all.lower > 0.0 ? lowest_upper / all.lower : 1.0;
            const double high = highest_lower > 0.0 ? all.upper / highest_lower : 1.0;
            out.upper = std::min({1.0, low, high});
            out.by_chance = std::min(chance.least / all.value, all.value / chance.most);
        }
        out.state = status::ok;
        return out;
    }

    double alpha_;
    std::map<std::string, group_counts, std::less<>> groups_;
};

/// Compare groups within each level of another feature that may explain a difference: the city, the product.
/// cost: one look-up by name more than group_frame
class frames_by_control {
public:
    /// Begin without levels. The probability of error is shared over the levels, so that all intervals hold at once.
    explicit frames_by_control(double alpha = 0.05) : alpha_(alpha) {}

    /// Count a row: the level, and then as group_frame::add.
    template <class... Row>
    void add(std::string_view level, std::string_view group, const Row&... row)
    {
        const auto at = levels_.find(level);
        (at != levels_.end() ? at->second : levels_[std::string{level}]).add(group, row...);
    }

    /// Return the comparison of groups in each level, ordered by name.
    /// errors: configuration_error unless 0 < alpha < 1
    [[nodiscard]] std::map<std::string, group_frame> by_level() const
    {
        std::map<std::string, group_frame> result;
        for (const auto& [level, frame] : levels_) {
            group_frame shared{alpha_ / static_cast<double>(levels_.size())};
            shared.merge(frame);
            result.emplace(level, shared);
        }
        return result;
    }

private:
    double alpha_;
    std::map<std::string, group_frame, std::less<>> levels_;
};

}  // namespace fairness
}  // namespace v0
}  // namespace joust
