// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/proportions.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Does a model treat groups alike? Only counts per group are kept, never who is in it. Where base rates
// differ, no model can have equal error rates and equal predictive values at once (Kleinberg and others 2016,
// Chouldechova 2017): decide which of them the use needs before looking.

namespace joust {
inline namespace v0 {
namespace fairness {

/// The outcomes of one group's predictions.
struct confusion {
    std::uint64_t true_positives = 0;
    std::uint64_t false_positives = 0;
    std::uint64_t false_negatives = 0;
    std::uint64_t true_negatives = 0;

    constexpr void add(bool predicted, bool actual) noexcept
    {
        ++(predicted ? (actual ? true_positives : false_positives)
                     : (actual ? false_negatives : true_negatives));
    }
    constexpr confusion& operator+=(const confusion& that) noexcept
    {
        true_positives += that.true_positives;
        false_positives += that.false_positives;
        false_negatives += that.false_negatives;
        true_negatives += that.true_negatives;
        return *this;
    }
    bool operator==(const confusion&) const = default;

    [[nodiscard]] constexpr std::uint64_t rows() const noexcept { return selected() + rejected(); }
    [[nodiscard]] constexpr std::uint64_t selected() const noexcept
    {
        return true_positives + false_positives;
    }
    [[nodiscard]] constexpr std::uint64_t rejected() const noexcept
    {
        return false_negatives + true_negatives;
    }
    [[nodiscard]] constexpr std::uint64_t positives() const noexcept
    {
        return true_positives + false_negatives;
    }
    [[nodiscard]] constexpr std::uint64_t negatives() const noexcept
    {
        return false_positives + true_negatives;
    }
    [[nodiscard]] constexpr std::uint64_t correct() const noexcept { return true_positives + true_negatives; }
};

/// A value that exists only where `state` is `ok`: a group without positives has no recall, perfect or
/// otherwise.
struct measure {
    double value = stats::not_a_number;
    status state = status::too_few;
};

/// Whether a gap is taken between the most different groups, or between a group and everybody together.
///
/// Everybody includes the group, so `to_overall` shrinks the gaps of large groups.
enum class gap : std::uint8_t { between_groups, to_overall };

namespace detail {

struct fraction {
    std::uint64_t part;
    std::uint64_t whole;
};

[[nodiscard]] constexpr fraction selection(const confusion& c) noexcept
{
    return {c.selected(), c.rows()};
}
[[nodiscard]] constexpr fraction recall(const confusion& c) noexcept
{
    return {c.true_positives, c.positives()};
}
[[nodiscard]] constexpr fraction fall_out(const confusion& c) noexcept
{
    return {c.false_positives, c.negatives()};
}
[[nodiscard]] constexpr fraction precision(const confusion& c) noexcept
{
    return {c.true_positives, c.selected()};
}
[[nodiscard]] constexpr fraction accuracy(const confusion& c) noexcept
{
    return {c.correct(), c.rows()};
}

using rate = fraction (*)(const confusion&) noexcept;

struct extremes {
    double least = 1.0;
    double most = 0.0;
    double overall = 0.0;
    bool ok = false;
};

[[nodiscard]] constexpr extremes spread(std::span<const confusion> groups, rate of) noexcept
{
    extremes result;
    confusion all;
    for (const confusion& group : groups) {
        const fraction f = of(group);
        if (f.whole == 0) {
            return {};
        }
        const double value = static_cast<double>(f.part) / static_cast<double>(f.whole);
        result.least = value < result.least ? value : result.least;
        result.most = value > result.most ? value : result.most;
        all += group;
    }
    if (groups.size() < 2) {
        return {};
    }
    const fraction f = of(all);
    result.overall = static_cast<double>(f.part) / static_cast<double>(f.whole);
    result.ok = true;
    return result;
}

[[nodiscard]] constexpr measure difference(std::span<const confusion> groups, rate of, gap kind) noexcept
{
    const extremes e = spread(groups, of);
    if (!e.ok) {
        return {};
    }
    const double up = kind == gap::between_groups ? e.most - e.least : e.most - e.overall;
    const double down = kind == gap::between_groups ? up : e.overall - e.least;
    return {up > down ? up : down, status::ok};
}

// The smallest ratio, at most 1; where nobody at all is selected, there is no ratio.
[[nodiscard]] constexpr measure ratio(std::span<const confusion> groups, rate of, gap kind) noexcept
{
    const extremes e = spread(groups, of);
    if (!e.ok) {
        return {};
    }
    if (!(e.most > 0.0)) {
        return {stats::not_a_number, status::zero_variance};
    }
    if (kind == gap::between_groups) {
        return {e.least / e.most, status::ok};
    }
    const double low = e.least / e.overall;
    const double high = e.overall / e.most;
    return {low < high ? low : high, status::ok};
}

[[nodiscard]] constexpr measure worst(const measure& a, const measure& b, bool larger) noexcept
{
    if (a.state != status::ok || b.state != status::ok) {
        return {stats::not_a_number, a.state != status::ok ? a.state : b.state};
    }
    return (a.value > b.value) == larger ? a : b;
}

}  // namespace detail

// All gaps are never negative, all ratios at most 1, whichever group is ahead.
// errors: `too_few` where a group lacks the rows that its rate divides by, or where there are fewer than two
// groups.

/// The gap in selection rates, P(predicted yes).
[[nodiscard]] constexpr measure demographic_parity_difference(std::span<const confusion> groups,
                                                              gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::selection, kind);
}

/// The smallest selection rate over the largest: the "four-fifths rule" asks for 0.8.
///
/// With equal true rates of 0.3 and 100 rows a group it falls below 0.8 in three of ten tables by chance
/// alone: look at `disparate_impact`'s interval before anybody is accused.
[[nodiscard]] constexpr measure demographic_parity_ratio(std::span<const confusion> groups,
                                                         gap kind = gap::between_groups) noexcept
{
    return detail::ratio(groups, detail::selection, kind);
}

/// The gap in true positive rates, P(predicted yes | truly yes).
[[nodiscard]] constexpr measure equal_opportunity_difference(std::span<const confusion> groups,
                                                             gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::recall, kind);
}

/// The smallest true positive rate over the largest.
[[nodiscard]] constexpr measure equal_opportunity_ratio(std::span<const confusion> groups,
                                                        gap kind = gap::between_groups) noexcept
{
    return detail::ratio(groups, detail::recall, kind);
}

/// The larger of the gaps in true and in false positive rates.
[[nodiscard]] constexpr measure equalized_odds_difference_worst(std::span<const confusion> groups,
                                                                gap kind = gap::between_groups) noexcept
{
    return detail::worst(detail::difference(groups, detail::recall, kind),
                         detail::difference(groups, detail::fall_out, kind), true);
}

/// The mean of the gaps in true and in false positive rates.
[[nodiscard]] constexpr measure equalized_odds_difference_mean(std::span<const confusion> groups,
                                                               gap kind = gap::between_groups) noexcept
{
    const measure recall = detail::difference(groups, detail::recall, kind);
    const measure fall_out = detail::difference(groups, detail::fall_out, kind);
    if (recall.state != status::ok || fall_out.state != status::ok) {
        return detail::worst(recall, fall_out, true);
    }
    return {0.5 * (recall.value + fall_out.value), status::ok};
}

/// The smaller of the ratios of true and of false positive rates.
[[nodiscard]] constexpr measure equalized_odds_ratio_worst(std::span<const confusion> groups,
                                                           gap kind = gap::between_groups) noexcept
{
    return detail::worst(detail::ratio(groups, detail::recall, kind),
                         detail::ratio(groups, detail::fall_out, kind), false);
}

/// The gap in positive predictive values, P(truly yes | predicted yes).
[[nodiscard]] constexpr measure predictive_parity_difference(std::span<const confusion> groups,
                                                             gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::precision, kind);
}

/// The gap in accuracies.
[[nodiscard]] constexpr measure accuracy_difference(std::span<const confusion> groups,
                                                    gap kind = gap::between_groups) noexcept
{
    return detail::difference(groups, detail::accuracy, kind);
}

/// The accuracy of the group that is served worst.
[[nodiscard]] constexpr measure accuracy_group_min(std::span<const confusion> groups) noexcept
{
    const detail::extremes e = detail::spread(groups, detail::accuracy);
    return e.ok ? measure{e.least, status::ok} : measure{};
}

/// Compare the selection rates of two groups, with Newcombe's interval of the difference (first minus
/// second).
/// assumes: rows are independent; for users who return, count each once.
[[nodiscard]] inline stats::test_result selection_difference(const confusion& first, const confusion& second,
                                                             double alpha = 0.05)
{
    return stats::two_proportion_z(first.selected(), first.rows(), second.selected(), second.rows(),
                                   {.alpha = alpha});
}

/// Compare a group's selection rate with another's as a ratio, with the log-Wald interval.
/// assumes: rows are independent; some hundred of them, for the interval is asymptotic.
/// errors: `too_few` where a group is empty or nobody in it was selected: then the ratio has no such
/// interval.
/// source: Katz, Baptista, Azen, Pike (1978), Biometrics 34, method C.
[[nodiscard]] inline stats::test_result
disparate_impact(const confusion& group, const confusion& compared_with, double alpha = 0.05) noexcept
{
    stats::test_result result{.method = "log-Wald ratio of proportions"};
    if (!(alpha > 0.0 && alpha < 1.0)) {
        result.state = status::out_of_range;
        return result;
    }
    if (group.selected() == 0 || compared_with.selected() == 0) {
        return result;
    }
    const auto k1 = static_cast<double>(group.selected());
    const auto n1 = static_cast<double>(group.rows());
    const auto k2 = static_cast<double>(compared_with.selected());
    const auto n2 = static_cast<double>(compared_with.rows());
    result.estimate = (k1 / n1) / (k2 / n2);
    const double error = std::sqrt((n1 - k1) / (k1 * n1) + (n2 - k2) / (k2 * n2));
    if (!(error > 0.0)) {
        result.state = status::zero_variance;
        return result;
    }
    const double z = stats::normal_quantile(1.0 - 0.5 * alpha);
    result.lower = result.estimate * std::exp(-z * error);
    result.upper = result.estimate * std::exp(z * error);
    result.statistic = std::log(result.estimate) / error;
    result.p_value = 2.0 * stats::normal_sf(std::abs(result.statistic));
    result.state = status::ok;
    return result;
}

/// A group under its name.
struct named_group {
    std::string name;
    confusion counts;
    bool operator==(const named_group&) const = default;
};

/// How small a group may be and still be shown.
struct group_minimum {
    std::uint64_t rows = 50;
    /// positives and negatives each
    std::uint64_t events = 10;
};

/// Merge groups that are too small to be shown, or to be judged, into one named "other".
///
/// If only one group is too small, the next smallest goes with it: else the total would give it away by
/// subtraction. Nothing is dropped: the counts of the result add up to those given.
[[nodiscard]] inline std::vector<named_group> suppress_small_groups(std::span<const named_group> groups,
                                                                    group_minimum minimum = {})
{
    const auto small = [&](const confusion& c) {
        return c.rows() < minimum.rows || c.positives() < minimum.events || c.negatives() < minimum.events;
    };
    std::vector<named_group> shown(groups.begin(), groups.end());
    // The small ones first, then by size, so that what must be merged is a prefix whatever the order given.
    std::stable_sort(shown.begin(), shown.end(), [&](const named_group& a, const named_group& b) {
        const bool a_small = small(a.counts);
        const bool b_small = small(b.counts);
        return a_small != b_small ? a_small : a.counts.rows() < b.counts.rows();
    });
    confusion other;
    std::size_t merged = 0;
    while (merged < shown.size() &&
           (small(shown[merged].counts) || (merged > 0 && (merged == 1 || small(other))))) {
        other += shown[merged++].counts;
    }
    if (merged == 0) {
        return {groups.begin(), groups.end()};
    }
    shown.erase(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(merged));
    // Back into the order given: sorted by size they would tell which of the hidden ones is larger.
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
