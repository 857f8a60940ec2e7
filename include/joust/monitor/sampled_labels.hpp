// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/status.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace joust {
inline namespace v0 {

/// Hold a rate among all rows, from rows that were labelled by known chance.
/// cost: O(1)
struct sampled_rate {
    /// The rate by Hajek's estimate: sum(y / p) / sum(1 / p).
    double value = stats::not_a_number;
    /// The lower end of the interval, normal in the limit.
    double lower = stats::not_a_number;
    /// The upper end of the interval.
    double upper = stats::not_a_number;
    /// The rate by Horvitz and Thompson's estimate, sum(y / p) / N, where the number N of all rows is given.
    double horvitz_thompson = stats::not_a_number;
    /// How many rows of equal chance would say as much: (sum 1 / p)^2 / sum(1 / p^2).
    double effective_rows = stats::not_a_number;
    /// The largest weight 1 / p.
    double largest_weight = stats::not_a_number;
    /// Whether the numbers are valid: `out_of_range` for a chance that is not above 0 and at most 1, or a value that is not finite.
    status state = status::too_few;
};

/// Estimate a mean over all rows from rows that were labelled by known chance: easy rows rarely, doubtful ones often.
///
/// shape: one value and one chance of being labelled for each labelled row; `rows` is the number of all rows, or 0 where it is not known
/// assumes: each row is labelled by a chance that was known before, independently of the others
/// cost: two passes
/// source: Hajek (1971); Horvitz and Thompson (1952)
[[nodiscard]] inline sampled_rate rate_from_sampled_labels(std::span<const double> values,
                                                           std::span<const double> chances,
                                                           std::size_t rows = 0, double alpha = 0.05)
{
    sampled_rate out;
    double weights = 0.0;
    double squares = 0.0;
    double total = 0.0;
    if (values.size() != chances.size() || !(alpha > 0.0 && alpha < 1.0)) {
        out.state = status::out_of_range;
        return out;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!(chances[i] > 0.0 && chances[i] <= 1.0 && std::isfinite(values[i]))) {
            out.state = status::out_of_range;
            return out;
        }
        const double w = 1.0 / chances[i];
        weights += w;
        squares += w * w;
        total += w * values[i];
        out.largest_weight = out.largest_weight > w ? out.largest_weight : w;
    }
    if (values.empty()) {
        return out;
    }
    out.value = total / weights;
    out.effective_rows = weights * weights / squares;
    out.horvitz_thompson = rows > 0 ? total / static_cast<double>(rows) : stats::not_a_number;
    if (values.size() < 2) {
        return out;
    }
    double variance = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double gap = (values[i] - out.value) / chances[i];
        variance += gap * gap;
    }
    const double error = std::sqrt(variance * static_cast<double>(values.size()) /
                                   (static_cast<double>(values.size()) - 1.0)) /
                         weights;
    const double z = stats::normal_upper_quantile(0.5 * alpha);
    out.lower = out.value - z * error;
    out.upper = out.value + z * error;
    out.state = status::ok;
    return out;
}

}  // namespace v0
}  // namespace joust
