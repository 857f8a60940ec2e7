// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/monitor/drift.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>

namespace joust {
inline namespace v0 {
namespace drift {

// Measures of how strongly the sample, reference or live, goes with the category. Both samples count as samples: a test that takes the reference for exact
// finds a category that it never had with certainty.

/// Return the two-sample chi-squared statistic of two histograms, which is the same whichever is called the reference. Cells that
/// are empty on both sides are left out. For its p-value see `stats::chi_squared`.
/// cost: one pass over the cells
[[nodiscard]] inline double chi_squared_two_sample(counts reference, counts live) noexcept
{
    const double m = detail::total(reference);
    const double n = detail::total(live);
    return detail::sum_over(reference, live, 0.0, [m, n](double p, double q, double q_minus_p) {
        return p + q == 0.0 ? 0.0 : m * n / (m * p + n * q) * q_minus_p * q_minus_p;
    });
}

/// Return Cramer's V between sample and category, corrected for its bias, which is 0 where the samples differ by no more than chance would make
/// them, and at most 1.
/// cost: one pass over the cells
/// source: Bergsma (2013), A bias-correction for Cramer's V
[[nodiscard]] inline double cramers_v_bias_corrected(counts reference, counts live) noexcept
{
    const double rows = detail::total(reference) + detail::total(live);
    const double statistic = chi_squared_two_sample(reference, live);
    double columns = 0.0;
    for (std::size_t i = 0; i < reference.size() && i < live.size(); ++i) {
        columns += reference[i] + live[i] > 0 ? 1.0 : 0.0;
    }
    if (!(rows > 1.0) || !(columns > 1.0)) {
        return std::isnan(statistic) || rows <= 1.0 ? stats::not_a_number : 0.0;
    }
    const double phi = statistic / rows - (columns - 1.0) / (rows - 1.0);
    const double kept_rows = 1.0 - 1.0 / (rows - 1.0);
    const double kept_columns = columns - 1.0 - (columns - 1.0) * (columns - 1.0) / (rows - 1.0);
    const double least = kept_rows < kept_columns ? kept_rows : kept_columns;
    return phi > 0.0 && least > 0.0 ? std::sqrt(phi / least) : std::isnan(phi) ? phi : 0.0;
}

/// Return the largest difference of the counts of one cell divided by the number of all rows, as TensorFlow Data Validation computes its
/// normalised absolute difference. It depends on how much traffic there is; use it only for comparison with that tool.
/// cost: one pass over the cells
[[nodiscard]] inline double normalized_absolute_difference(counts reference, counts live) noexcept
{
    const double rows = detail::total(reference) + detail::total(live);
    if (reference.size() != live.size() || !(rows > 0.0)) {
        return stats::not_a_number;
    }
    double largest = 0.0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        const double gap = std::abs(static_cast<double>(reference[i]) - static_cast<double>(live[i]));
        largest = gap > largest ? gap : largest;
    }
    return largest / rows;
}

/// Return the Kolmogorov-Smirnov statistic of two histograms over ordered cells. It is at most that of the values themselves, and lies
/// below it by at most the largest share of a cell.
/// cost: one pass over the cells
[[nodiscard]] inline double ks_binned(counts reference, counts live) noexcept
{
    const double m = detail::total(reference);
    const double n = detail::total(live);
    if (reference.size() != live.size() || !(m > 0.0) || !(n > 0.0)) {
        return stats::not_a_number;
    }
    double before = 0.0;
    double now = 0.0;
    double largest = 0.0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        before += static_cast<double>(reference[i]);
        now += static_cast<double>(live[i]);
        const double gap = std::abs(detail::cross(before, n, now, m));
        largest = gap > largest ? gap : largest;
    }
    return largest / (m * n);
}

}  // namespace drift
}  // namespace v0
}  // namespace joust
