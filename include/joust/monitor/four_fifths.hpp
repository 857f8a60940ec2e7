// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/monitor/group_frame.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace fairness {

/// Return the probability that the smallest selection rate is below `limit` times the largest, although all groups have the same true rate.
///
/// shape: the number of rows of each group, and the common rate
/// errors: NaN unless there are at least two groups with rows, and the rate and the limit lie between 0 and 1
/// cost: the number of groups times that of all rows, or of 20,000 rows of each group where there are more
/// source: a sum over the possible largest rates of products of binomial probabilities
[[nodiscard]] inline double chance_of_ratio_below(double limit, double common,
                                                  std::span<const std::uint64_t> rows)
{
    if (rows.size() < 2 || !(common > 0.0 && common < 1.0) || !(limit > 0.0 && limit < 1.0) ||
        std::any_of(rows.begin(), rows.end(), [](std::uint64_t n) { return n == 0; })) {
        return stats::not_a_number;
    }
    // The distribution function of each group's count, and the possible rates.
    std::vector<std::vector<double>> below;
    std::vector<double> rates;
    for (const std::uint64_t given : rows) {
        const std::uint64_t n = std::min<std::uint64_t>(given, 20'000);
        std::vector<double> sums(n + 2, 0.0);
        const auto size = static_cast<double>(n);
        double log_p = size * std::log1p(-common);
        for (std::uint64_t k = 0; k <= n; ++k) {
            sums[k + 1] = sums[k] + std::exp(log_p);
            const auto now = static_cast<double>(k);
            log_p += std::log((size - now) / (now + 1.0) * common / (1.0 - common));
            rates.push_back(now / size);
        }
        below.push_back(std::move(sums));
    }
    std::sort(rates.begin(), rates.end());
    rates.erase(std::unique(rates.begin(), rates.end()), rates.end());
    const auto between = [&](std::size_t g, double low, double high, bool with_high) {
        const auto size = static_cast<double>(below[g].size() - 2);
        const double from = std::ceil(low * size - 1e-9);
        const double to = with_high ? std::floor(high * size + 1e-9) : std::ceil(high * size - 1e-9) - 1.0;
        return to < from
                   ? 0.0
                   : below[g][static_cast<std::size_t>(to) + 1] - below[g][static_cast<std::size_t>(from)];
    };
    double within = 0.0;
    for (const double most : rates) {
        double with = 1.0;
        double without = 1.0;
        for (std::size_t g = 0; g < below.size(); ++g) {
            with *= between(g, limit * most, most, true);
            without *= between(g, limit * most, most, false);
        }
        // Where no row of any group is selected there is no ratio.
        within += most > 0.0 ? with - without : with;
    }
    return std::max(0.0, 1.0 - within);
}

/// Hold what the four-fifths rule says, and how often it says so by chance.
/// cost: O(1)
struct four_fifths_result {
    /// The smallest selection rate divided by the largest, with its interval.
    group_gap ratio;
    /// Whether the ratio is below 0.8.
    bool below = false;
    /// Whether the ratio is shown to be below 0.8: the whole interval is.
    bool proven = false;
    /// The probability that equal groups of these sizes have a ratio below 0.8: the error rate of the rule.
    double by_chance = stats::not_a_number;
};

/// Apply the four-fifths rule, with its error rate on these groups.
/// errors: as group_frame::ratio
/// cost: as chance_of_ratio_below
[[nodiscard]] inline four_fifths_result four_fifths(const group_frame& frame)
{
    four_fifths_result out{.ratio = frame.ratio(group_rate::selection)};
    if (out.ratio.state != status::ok) {
        return out;
    }
    out.below = out.ratio.value < 0.8;
    out.proven = out.ratio.upper < 0.8;
    std::vector<std::uint64_t> rows;
    for (const group_value& row : frame.by_group(group_rate::selection)) {
        if (row.whole > 0) {
            rows.push_back(row.whole);
        }
    }
    out.by_chance = chance_of_ratio_below(0.8, frame.overall(group_rate::selection).value, rows);
    return out;
}

}  // namespace fairness
}  // namespace v0
}  // namespace joust
