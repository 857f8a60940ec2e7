// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/ranks.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/srm.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

inline void judge_chi_squared(test_result& result, double statistic, std::size_t df) noexcept
{
    result.statistic = statistic;
    result.df = static_cast<double>(df);
    result.log_p = log_chi_squared_sf(statistic, df);
    result.p_value = std::exp(result.log_p);
    result.state = status::ok;
}

}  // namespace detail

/// Test whether any of several samples tends to larger values than the others: Kruskal and Wallis' test, corrected for
/// ties. With two samples it is Mann and Whitney's normal limit without correction for continuity.
///
/// When to use: three or more arms with a skewed or ordinal metric at one planned look, before pairs are compared. When not:
/// which arm differs (`all_pairs`); spreads that differ (compare pairs by `brunner_munzel`); rows that were measured under every
/// arm (`friedman`).
/// assumes: independent observations, five or more in each sample for the limit.
/// errors: out_of_range (NaN), too_few (fewer than two samples, or an empty one), zero_variance (all values equal: p is 1).
/// cost: one sort of all values.
/// source: Kruskal and Wallis 1952, "Use of ranks in one-criterion variance analysis".
[[nodiscard]] inline test_result kruskal_wallis(std::span<const std::span<const double>> samples)
{
    test_result result;
    result.method = "Kruskal-Wallis test, corrected for ties";
    std::size_t all = 0;
    bool empty = samples.size() < 2;
    for (const std::span<const double> sample : samples) {
        all += sample.size();
        empty = empty || sample.empty();
    }
    detail::buffer<double> values(all), ranks(all);
    std::size_t at = 0;
    for (const std::span<const double> sample : samples) {
        for (const double x : sample) {
            values[at++] = x;
        }
    }
    const std::span<const double> pooled{values.data(), all};
    if (!midranks(pooled, std::span<double>{ranks.data(), all})) {
        result.state = status::out_of_range;
        return result;
    }
    if (empty) {
        return result;
    }
    // The sum of squares of the ranks about their mean is what remains of (N^3 - N) / 12 after the correction for ties.
    const double n = static_cast<double>(all);
    const double centre = 0.5 * (n + 1.0);
    double between = 0.0, total = 0.0;
    at = 0;
    for (const std::span<const double> sample : samples) {
        double sum = 0.0;
        for (std::size_t i = 0; i < sample.size(); ++i, ++at) {
            const double distance = ranks[at] - centre;
            sum += distance;
            total += distance * distance;
        }
        between += sum / static_cast<double>(sample.size()) * sum;
    }
    if (!(total > 0.0)) {
        result.statistic = 0.0;
        result.df = static_cast<double>(samples.size() - 1);
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.state = status::zero_variance;
        return result;
    }
    detail::judge_chi_squared(result, (n - 1.0) * between / total, samples.size() - 1);
    return result;
}

/// Test several samples that are kept in vectors.
[[nodiscard]] inline test_result kruskal_wallis(const std::vector<std::vector<double>>& samples)
{
    const std::vector<std::span<const double>> spans(samples.begin(), samples.end());
    return kruskal_wallis(std::span<const std::span<const double>>{spans});
}

/// Test whether any of several treatments tends to larger values within rows: Friedman's test, corrected for ties. Each row
/// holds one value of each treatment (the score of every model on one query), row after row.
///
/// Values of a row tie where they are equal as doubles.
///
/// When to use: three or more models on the same queries or data sets. When not: two models (`wilcoxon_signed_rank`).
/// assumes: independent rows, about ten or more for the limit.
/// errors: out_of_range (NaN, values that do not fill the rows), too_few (fewer than two treatments, or no row),
///     zero_variance (every row is tied throughout: p is 1).
/// cost: a sort of each row.
/// source: Friedman 1937, "The use of ranks to avoid the assumption of normality"; ties: Conover 1999.
[[nodiscard]] inline test_result friedman(std::span<const double> values, std::size_t treatments)
{
    test_result result;
    result.method = "Friedman's test, corrected for ties";
    if (treatments == 0 || values.size() % treatments != 0) {
        result.state = status::out_of_range;
        return result;
    }
    detail::buffer<double> ranks(treatments), sums(treatments, 0.0);
    const double centre = 0.5 * (static_cast<double>(treatments) + 1.0);
    double total = 0.0;
    for (std::size_t row = 0; row < values.size(); row += treatments) {
        if (!midranks(values.subspan(row, treatments), std::span<double>{ranks.data(), treatments})) {
            result.state = status::out_of_range;
            return result;
        }
        for (std::size_t j = 0; j < treatments; ++j) {
            const double distance = ranks[j] - centre;
            sums[j] += distance;
            total += distance * distance;
        }
    }
    if (treatments < 2 || values.empty()) {
        return result;
    }
    if (!(total > 0.0)) {
        result.statistic = 0.0;
        result.df = static_cast<double>(treatments - 1);
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.state = status::zero_variance;
        return result;
    }
    double between = 0.0;
    for (const double sum : sums) {
        between += sum * sum;
    }
    detail::judge_chi_squared(result, static_cast<double>(treatments - 1) * between / total, treatments - 1);
    return result;
}

/// Test rows that are kept in vectors.
///
/// errors: out_of_range also for rows of unequal length.
[[nodiscard]] inline test_result friedman(const std::vector<std::vector<double>>& rows)
{
    std::vector<double> flat;
    for (const std::vector<double>& row : rows) {
        if (row.size() != rows.front().size()) {
            return friedman(std::span<const double>{}, 0);
        }
        flat.insert(flat.end(), row.begin(), row.end());
    }
    return friedman(std::span<const double>{flat},
                    rows.empty() || rows.front().empty() ? 1 : rows.front().size());
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
