// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/evidence.hpp>
#include <joust/split/bandit.hpp>

#include <cstddef>

namespace joust {
inline namespace v0 {

/// Read what each arm has earned from a trial's evidence.
///
/// Means are overlap-weighted, so that a trend does not favour an arm that was served late. The sums of squares are chosen so
/// that the standard error of a mean is the one between buckets of units, since a unit that returns is not new evidence. An
/// arm that was never served beside the champion counts as untried.
/// shape: `series` is 0 for exposures, 1 for failures, and then the metrics in their order
[[nodiscard]] inline reward_totals rewards_of(const evidence& seen, std::size_t series, bool lower_is_better)
{
    reward_totals out;
    out.lower_is_better = lower_is_better;
    const auto arm_of = [&](double count, auto value, auto exposure, std::size_t buckets) {
        double total = 0.0;
        double weight = 0.0;
        for (std::size_t b = 0; b < buckets; ++b) {
            total += value(b);
            weight += exposure(b);
        }
        if (!(weight > 0.0 && count > 0.0)) {
            return arm_rewards{};
        }
        const double mean = total / weight;
        double around = 0.0;
        for (std::size_t b = 0; b < buckets; ++b) {
            const double residual = value(b) - mean * exposure(b);
            around += residual * residual;
        }
        const double error_squared = around / (weight * weight);
        arm_rewards arm{.count = count, .sum = mean * count};
        arm.squares = arm.sum * mean + (count - 1.0) * count * error_squared;
        return arm;
    };
    for (std::size_t p = 0; p < seen.pairs.size(); ++p) {
        const bucket_sums& values = seen.pairs[p].series[series];
        const bucket_sums& exposures = seen.pairs[p].series.front();
        out.arms[p + 1] = arm_of(
            static_cast<double>(exposures.challenger_count),
            [&](std::size_t b) { return values.challenger[b]; },
            [&](std::size_t b) { return exposures.challenger[b]; }, exposures.challenger.size());
    }
    const bucket_sums& first = seen.pairs.front().series.front();
    const auto over_pairs = [&seen](std::size_t which, std::size_t b) {
        double sum = 0.0;
        for (const pair_evidence& pair : seen.pairs) {
            sum += pair.series[which].champion[b];
        }
        return sum;
    };
    out.arms[0] = arm_of(
        static_cast<double>(first.champion_count), [&](std::size_t b) { return over_pairs(series, b); },
        [&](std::size_t b) { return over_pairs(0, b); }, first.champion.size());
    return out;
}

}  // namespace v0
}  // namespace joust
