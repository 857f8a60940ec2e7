// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/proportion_ratio.hpp>
#include <joust/stats/tests/proportions.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Does a model treat groups alike? Only counts per group are stored, never its members. Where base rates differ, no
// model can have equal error rates and equal predictive values at once (Kleinberg and others 2016, Chouldechova 2017):
// decide which of them the use needs before looking at the data.

namespace joust {
inline namespace v0 {
namespace fairness {

// The table of one group's predictions: two classes, of which class 1 is "yes".
using quality::confusion;

/// Hold a value that exists only where `state` is `ok`: a group without positives has no recall.
struct measure {
    /// The value.
    double value = stats::not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
    /// How many groups have no such rate and were left out; `groups_left_out` names them.
    std::size_t left_out = 0;
};

/// Choose a rate of a group, for `groups_left_out`.
enum class group_rate : std::uint8_t {
    /// P(predicted yes).
    selection,
    /// P(predicted yes | truly yes).
    recall,
    /// P(predicted yes | truly no).
    fall_out,
    /// P(truly yes | predicted yes).
    precision,
    /// P(predicted as it truly is).
    accuracy
};

/// Choose the two sides of a gap.
enum class gap : std::uint8_t {
    /// The most different groups.
    between_groups,
    /// The most different group, and all rows together. They include the group, which makes the gaps of large groups
    /// smaller.
    to_overall
};

namespace detail {

struct fraction {
    std::uint64_t part;
    std::uint64_t whole;
};

// A rate is a function of the counts of one group; class 1 is "yes".
using rate = fraction (*)(const confusion&) noexcept;

[[nodiscard]] inline std::uint64_t selected(const confusion& c) noexcept
{
    return c.count(1, 1) + c.count(0, 1);
}
[[nodiscard]] inline std::uint64_t positives(const confusion& c) noexcept
{
    return c.count(1, 1) + c.count(1, 0);
}
[[nodiscard]] inline std::uint64_t negatives(const confusion& c) noexcept
{
    return c.count(0, 1) + c.count(0, 0);
}

[[nodiscard]] inline fraction selection(const confusion& c) noexcept
{
    return {selected(c), c.rows()};
}
[[nodiscard]] inline fraction recall(const confusion& c) noexcept
{
    return {c.count(1, 1), positives(c)};
}
[[nodiscard]] inline fraction fall_out(const confusion& c) noexcept
{
    return {c.count(0, 1), negatives(c)};
}
[[nodiscard]] inline fraction precision(const confusion& c) noexcept
{
    return {c.count(1, 1), selected(c)};
}
[[nodiscard]] inline fraction accuracy(const confusion& c) noexcept
{
    return {c.count(1, 1) + c.count(0, 0), c.rows()};
}

// Rates of two classes need a table of two classes, and a rejected row may belong to any cell.
[[nodiscard]] inline bool usable(const confusion& c) noexcept
{
    return c.classes() == 2 && c.rejected() == 0;
}

struct extremes {
    double least = 1.0;
    double most = 0.0;
    double overall = 0.0;
    std::size_t left_out = 0;
    status state = status::too_few;
};

[[nodiscard]] inline extremes spread(std::span<const confusion> groups, rate of) noexcept
{
    extremes result;
    fraction all{0, 0};
    for (const confusion& group : groups) {
        if (!usable(group)) {
            result.state = status::out_of_range;
            return result;
        }
        const fraction f = of(group);
        if (f.whole == 0) {
            ++result.left_out;
            continue;
        }
        const double value = static_cast<double>(f.part) / static_cast<double>(f.whole);
        result.least = value < result.least ? value : result.least;
        result.most = value > result.most ? value : result.most;
        all = {all.part + f.part, all.whole + f.whole};
    }
    if (groups.size() < result.left_out + 2) {
        return result;
    }
    result.overall = static_cast<double>(all.part) / static_cast<double>(all.whole);
    result.state = status::ok;
    return result;
}

[[nodiscard]] inline measure difference(std::span<const confusion> groups, rate of, gap kind) noexcept
{
    const extremes e = spread(groups, of);
    if (e.state != status::ok) {
        return {stats::not_a_number, e.state, e.left_out};
    }
    const double up = kind == gap::between_groups ? e.most - e.least : e.most - e.overall;
    const double down = kind == gap::between_groups ? up : e.overall - e.least;
    return {up > down ? up : down, status::ok, e.left_out};
}

// The smallest ratio, at most 1; where no row is selected there is no ratio.
[[nodiscard]] inline measure ratio(std::span<const confusion> groups, rate of, gap kind) noexcept
{
    const extremes e = spread(groups, of);
    if (e.state != status::ok) {
        return {stats::not_a_number, e.state, e.left_out};
    }
    if (!(e.most > 0.0)) {
        return {stats::not_a_number, status::zero_variance, e.left_out};
    }
    if (kind == gap::between_groups) {
        return {e.least / e.most, status::ok, e.left_out};
    }
    const double low = e.least / e.overall;
    const double high = e.overall / e.most;
    return {low < high ? low : high, status::ok, e.left_out};
}

// How many groups lack the rows of either rate.
[[nodiscard]] inline std::size_t without_either(std::span<const confusion> groups, rate a, rate b) noexcept
{
    std::size_t count = 0;
    for (const confusion& group : groups) {
        count += a(group).whole == 0 || b(group).whole == 0 ? 1U : 0U;
    }
    return count;
}

// Both parts of equalized odds, each over the groups that have it.
struct odds {
    measure recall;
    measure fall_out;
    std::size_t left_out = 0;

    [[nodiscard]] status state() const noexcept
    {
        return recall.state != status::ok ? recall.state : fall_out.state;
    }
    [[nodiscard]] measure worst(bool larger) const noexcept
    {
        if (state() != status::ok) {
            return {stats::not_a_number, state(), left_out};
        }
        return {(recall.value > fall_out.value) == larger ? recall.value : fall_out.value, status::ok,
                left_out};
    }
};

using measuring = measure (*)(std::span<const confusion>, rate, gap) noexcept;

[[nodiscard]] inline odds odds_of(std::span<const confusion> groups, measuring by, gap kind) noexcept
{
    return {by(groups, recall, kind), by(groups, fall_out, kind), without_either(groups, recall, fall_out)};
}

[[nodiscard]] inline rate rate_of(group_rate of) noexcept
{
    switch (of) {
        case group_rate::selection: return selection;
        case group_rate::recall: return recall;
        case group_rate::fall_out: return fall_out;
        case group_rate::precision: return precision;
        case group_rate::accuracy: return accuracy;
    }
    return selection;
}

}  // namespace detail

// Gaps are never negative and ratios never above 1, whichever group has the higher rate.
// A group that lacks the rows its rate divides by (no positives, for the recall) is left out and counted in `left_out`; the
// gap is that of the others.
// errors: `too_few` where fewer than two groups have the rate; `out_of_range` where a table has another number of classes than two, or rejected rows.

/// Return the gap in selection rates, P(predicted yes).
/// cost: one pass over the groups
[[nodiscard]] inline measure demographic_parity_difference(std::span<const confusion> groups,
                                                           gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::selection, kind);
}

/// Return the smallest selection rate divided by the largest: the "four-fifths rule" asks for 0.8.
///
/// With equal true rates of 0.3 and 100 rows per group it falls below 0.8 in three of ten tables by chance alone: read
/// the interval of `disparate_impact` before drawing a conclusion.
/// cost: one pass over the groups
[[nodiscard]] inline measure demographic_parity_ratio(std::span<const confusion> groups,
                                                      gap kind = gap::between_groups) noexcept
{
    return detail::ratio(groups, detail::selection, kind);
}

/// Return the gap in true positive rates, P(predicted yes | truly yes).
/// cost: one pass over the groups
[[nodiscard]] inline measure equal_opportunity_difference(std::span<const confusion> groups,
                                                          gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::recall, kind);
}

/// Return the smallest true positive rate divided by the largest.
/// cost: one pass over the groups
[[nodiscard]] inline measure equal_opportunity_ratio(std::span<const confusion> groups,
                                                     gap kind = gap::between_groups) noexcept
{
    return detail::ratio(groups, detail::recall, kind);
}

/// Return the larger of the gaps in true and in false positive rates.
/// cost: one pass over the groups
[[nodiscard]] inline measure equalized_odds_difference_worst(std::span<const confusion> groups,
                                                             gap kind = gap::between_groups) noexcept
{
    return detail::odds_of(groups, detail::difference, kind).worst(true);
}

/// Return the mean of the gaps in true and in false positive rates.
/// cost: one pass over the groups
[[nodiscard]] inline measure equalized_odds_difference_mean(std::span<const confusion> groups,
                                                            gap kind = gap::between_groups) noexcept
{
    const detail::odds both = detail::odds_of(groups, detail::difference, kind);
    if (both.state() != status::ok) {
        return both.worst(true);
    }
    return {0.5 * (both.recall.value + both.fall_out.value), status::ok, both.left_out};
}

/// Return the smaller of the ratios of true and of false positive rates.
/// cost: one pass over the groups
[[nodiscard]] inline measure equalized_odds_ratio_worst(std::span<const confusion> groups,
                                                        gap kind = gap::between_groups) noexcept
{
    return detail::odds_of(groups, detail::ratio, kind).worst(false);
}

/// Return the gap in positive predictive values, P(truly yes | predicted yes).
/// cost: one pass over the groups
[[nodiscard]] inline measure predictive_parity_difference(std::span<const confusion> groups,
                                                          gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::precision, kind);
}

/// Return the gap in accuracies.
/// cost: one pass over the groups
[[nodiscard]] inline measure accuracy_difference(std::span<const confusion> groups,
                                                 gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::accuracy, kind);
}

/// Return the accuracy of the group with the lowest accuracy.
/// cost: one pass over the groups
[[nodiscard]] inline measure accuracy_group_min(std::span<const confusion> groups) noexcept
{
    const detail::extremes e = detail::spread(groups, detail::accuracy);
    return {e.state == status::ok ? e.least : stats::not_a_number, e.state, e.left_out};
}

/// Compare the selection rates of two groups, with Newcombe's interval of the difference (first minus second).
/// assumes: rows are independent; count returning users once.
/// cost: O(1).
[[nodiscard]] inline stats::test_result selection_difference(const confusion& first, const confusion& second,
                                                             double alpha = 0.05)
{
    if (!(detail::usable(first) && detail::usable(second))) {
        stats::test_result result{.method = "two-proportion z-test, Newcombe interval"};
        result.state = status::out_of_range;
        return result;
    }
    return stats::two_proportion_z(detail::selected(first), first.rows(), detail::selected(second),
                                   second.rows(), {.alpha = alpha});
}

/// Compare a group's selection rate with another's as a ratio, with the log-Wald interval.
///
/// Where a group has no selected row, or every row of both is selected, that interval does not exist. Then the interval is
/// Koopman's, and `method` says so: with 0 of 50 against 30 of 60 the ratio is 0 and at most 0.143.
/// assumes: rows are independent; several hundred of them, because the interval is asymptotic.
/// errors: `too_few` where a group is empty; `zero_variance` where no row of both is selected, or every row of both: p is
///     1, and the interval is valid.
/// cost: O(1), a search for Koopman's limits.
/// source: Katz, Baptista, Azen, Pike (1978), Biometrics 34, method C; Koopman (1984), Biometrics 40.
[[nodiscard]] inline stats::test_result
disparate_impact(const confusion& group, const confusion& compared_with, double alpha = 0.05) noexcept
{
    stats::test_result result{.method = "log-Wald ratio of proportions"};
    if (!(alpha > 0.0 && alpha < 1.0 && detail::usable(group) && detail::usable(compared_with))) {
        result.state = status::out_of_range;
        return result;
    }
    if (group.rows() == 0 || compared_with.rows() == 0) {
        return result;
    }
    const auto k1 = static_cast<double>(detail::selected(group));
    const auto n1 = static_cast<double>(group.rows());
    const auto k2 = static_cast<double>(detail::selected(compared_with));
    const auto n2 = static_cast<double>(compared_with.rows());
    const double square = (n1 - k1) / (k1 * n1) + (n2 - k2) / (k2 * n2);
    if (!(k1 > 0.0 && k2 > 0.0 && square > 0.0)) {
        return stats::proportion_ratio(detail::selected(group), group.rows(), detail::selected(compared_with),
                                       compared_with.rows(), {.alpha = alpha});
    }
    result.estimate = (k1 / n1) / (k2 / n2);
    const double error = std::sqrt(square);
    const double z = stats::normal_upper_quantile(0.5 * alpha);
    result.lower = result.estimate * std::exp(-z * error);
    result.upper = result.estimate * std::exp(z * error);
    result.statistic = std::log(result.estimate) / error;
    const stats::detail::tail_probability tail =
        stats::detail::normal_tails(result.statistic, stats::side::two);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    result.state = status::ok;
    return result;
}

/// Hold the counts of a group with its name.
struct named_group {
    /// The name, for reports.
    std::string name;
    /// The table of the group's predictions: two classes, of which class 1 is "yes".
    confusion counts;
    /// Compare all members.
    bool operator==(const named_group&) const = default;
};

/// Name the groups that a gap of this rate leaves out, because they have no row that the rate divides by.
/// cost: one pass over the groups; allocates
[[nodiscard]] inline std::vector<std::string> groups_left_out(std::span<const named_group> groups,
                                                              group_rate rate)
{
    std::vector<std::string> names;
    for (const named_group& group : groups) {
        if (detail::rate_of(rate)(group.counts).whole == 0) {
            names.push_back(group.name);
        }
    }
    return names;
}

/// Set how large a group must be to be shown.
struct group_minimum {
    /// The smallest number of rows.
    std::uint64_t rows = 50;
    /// The smallest number of positives, and of negatives.
    std::uint64_t events = 10;
};

/// Merge groups that are too small to be shown, or to be compared, into one named "other".
///
/// If only one group is too small, the next smallest is merged with it, because the total would otherwise reveal it by
/// subtraction. Nothing is dropped: the counts of the result add up to those given.
/// assumes: tables of two classes
/// cost: one pass over the groups; allocates
[[nodiscard]] inline std::vector<named_group> suppress_small_groups(std::span<const named_group> groups,
                                                                    group_minimum minimum = {})
{
    const auto small = [&](const confusion& c) {
        return c.rows() < minimum.rows || detail::positives(c) < minimum.events ||
               detail::negatives(c) < minimum.events;
    };
    std::vector<named_group> shown(groups.begin(), groups.end());
    // The small ones first, then by size, so that the groups to merge come first whatever the order given.
    std::stable_sort(shown.begin(), shown.end(), [&](const named_group& a, const named_group& b) {
        const bool a_small = small(a.counts);
        const bool b_small = small(b.counts);
        return a_small != b_small ? a_small : a.counts.rows() < b.counts.rows();
    });
    confusion other;
    std::size_t merged = 0;
    while (merged < shown.size() &&
           (small(shown[merged].counts) || (merged > 0 && (merged == 1 || small(other))))) {
        other.merge(shown[merged++].counts);
    }
    if (merged == 0) {
        return {groups.begin(), groups.end()};
    }
    shown.erase(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(merged));
    // Return to the order given: an order by size would reveal which of the hidden groups is larger.
    std::vector<named_group> result;
    for (const named_group& group : groups) {
        if (std::find(shown.begin(), shown.end(), group) != shown.end()) {
            result.push_back(group);
        }
    }
    result.push_back({"other (" + std::to_string(merged) + " groups)", other});
    return result;
}

}  // namespace fairness
}  // namespace v0
}  // namespace joust
