// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/monitor/group_frame.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {
namespace fairness {

/// Hold what equal predictive values and equal true positive rates would mean for one group.
/// cost: O(1)
struct conflict_row {
    /// The group.
    std::string group;
    /// The share of true positives among its rows.
    double base_rate = stats::not_a_number;
    /// The false positive rate that it has.
    double false_positive_rate = stats::not_a_number;
    /// The false positive rate that it must have if precision and recall were those of all rows together.
    double implied_false_positive_rate = stats::not_a_number;
};

/// Say with the numbers at hand that calibration and equal error rates exclude each other where base rates differ: with precision v and recall r in each
/// group, a group with base rate b has the false positive rate b / (1 - b) r (1 - v) / v.
///
/// errors: no row for a group without a row of each label; no row at all where nothing is predicted yes
/// cost: one pass over the groups
/// source: Chouldechova (2017), Fair prediction with disparate impact, equation 2.6
[[nodiscard]] inline std::vector<conflict_row> parity_conflict(std::span<const named_group> groups)
{
    confusion all;
    for (const named_group& group : groups) {
        all.merge(group.counts);
    }
    std::vector<conflict_row> rows;
    const auto share = [](detail::fraction f) {
        return static_cast<double>(f.part) / static_cast<double>(f.whole);
    };
    const detail::fraction of_precision = detail::precision(all);
    const detail::fraction of_recall = detail::recall(all);
    if (of_precision.part == 0 || of_recall.whole == 0) {
        return rows;
    }
    const double v = share(of_precision);
    const double r = share(of_recall);
    for (const named_group& group : groups) {
        const auto yes = static_cast<double>(detail::positives(group.counts));
        const auto no = static_cast<double>(detail::negatives(group.counts));
        if (yes > 0.0 && no > 0.0) {
            rows.push_back({.group = group.name,
                            .base_rate = yes / (yes + no),
                            .false_positive_rate = share(detail::fall_out(group.counts)),
                            .implied_false_positive_rate = yes / no * r * (1.0 - v) / v});
        }
    }
    return rows;
}

/// Append the conflict in words: what each group's false positive rate would have to be.
/// cost: one pass over the rows
inline void write_conflict(std::string& out, std::span<const conflict_row> rows)
{
    if (rows.size() < 2) {
        return;
    }
    out +=
        "Where base rates differ, equal predictive values and equal error rates exclude each other. With precision and recall equal in all groups, the false positive rate would be ";
    for (std::size_t i = 0; i < rows.size(); ++i) {
        out += i == 0 ? "" : i + 1 == rows.size() ? " and " : ", ";
        append_percent(out, rows[i].implied_false_positive_rate);
        joust::detail::append_all(out, {" for ", rows[i].group, " (base rate "});
        append_percent(out, rows[i].base_rate);
        out += ')';
    }
    out += ". Decide which of them the use needs.";
}

}  // namespace fairness
}  // namespace v0
}  // namespace joust
