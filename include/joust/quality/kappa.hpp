// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/confusion.hpp>
#include <joust/quality/quality.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {
namespace quality {

/// Choose how much a disagreement of two classes counts.
enum class kappa_weights : std::uint8_t {
    /// All disagreements alike: Cohen's kappa.
    none,
    /// By the distance of the classes' numbers.
    linear,
    /// By the square of that distance; near the intraclass correlation of the numbers.
    quadratic
};

/// Measure the agreement of two raters (or of truth and prediction) beyond that of chance: Cohen's kappa, weighted for
/// classes in an order (grades, severities).
///
/// It is 1 for perfect agreement and 0 for ratings that are independent. The interval is that of the large-sample variance, cut at -1
/// and 1.
///
/// When to use: two human or model judges on the same cases. When not: a class that nearly all cases have, for which kappa
/// is low whatever the agreement is; show `accuracy` too.
/// assumes: independent cases, several dozen of them.
/// errors: too_few (fewer than 2 rows), zero_variance (perfect agreement: kappa is given, without an interval), out_of_range
///     (rejected rows, alpha, raters who both use one class only).
/// cost: k^2 for k classes.
/// source: Cohen 1960, 1968; Fleiss, Cohen and Everitt 1969, "Large sample standard errors of kappa and weighted kappa".
[[nodiscard]] inline quality kappa(const confusion& table, kappa_weights weights = kappa_weights::none,
                                   double alpha = 0.05)
{
    quality out;
    out.rows = table.rows();
    if (table.rejected() != 0) {
        out.state = status::out_of_range;
        return out;
    }
    if (table.rows() < detail::fewest_rows) {
        return out;
    }
    const std::size_t k = table.classes();
    const double n = static_cast<double>(table.rows());
    // Disagreement instead of agreement, so that nothing cancels near perfect agreement.
    const auto cost = [&](std::size_t i, std::size_t j) {
        const double distance = i < j ? static_cast<double>(j - i) : static_cast<double>(i - j);
        return weights == kappa_weights::none     ? (i == j ? 0.0 : 1.0)
               : weights == kappa_weights::linear ? distance
                                                  : distance * distance;
    };
    std::vector<double> first(k), second(k);
    for (std::size_t i = 0; i < k; ++i) {
        for (std::size_t j = 0; j < k; ++j) {
            first[i] += static_cast<double>(table.count(i, j)) / n;
            second[j] += static_cast<double>(table.count(i, j)) / n;
        }
    }
    std::vector<double> of_first(k), of_second(k);  // the mean cost of a class against the other rater
    double seen = 0.0, chance = 0.0;
    for (std::size_t i = 0; i < k; ++i) {
        for (std::size_t j = 0; j < k; ++j) {
            of_first[i] += second[j] * cost(i, j);
            of_second[j] += first[i] * cost(i, j);
            seen += static_cast<double>(table.count(i, j)) / n * cost(i, j);
        }
        chance += first[i] * of_first[i];
    }
    if (!(chance > 0.0)) {
        out.state = status::out_of_range;
        return out;
    }
    const double ratio = seen / chance;
    double squares = 0.0;
    for (std::size_t i = 0; i < k; ++i) {
        for (std::size_t j = 0; j < k; ++j) {
            const double influence = cost(i, j) - ratio * (of_first[i] + of_second[j] - chance);
            squares += static_cast<double>(table.count(i, j)) / n * influence * influence;
        }
    }
    out = detail::judged(1.0 - ratio, squares / (n * chance * chance), table.rows(), alpha);
    return detail::within_range<cohen_kappa>(out);
}

}  // namespace quality
}  // namespace v0
}  // namespace joust
