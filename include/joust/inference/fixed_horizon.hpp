// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/inference/inference.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/sequential/score.hpp>

#include <cmath>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Test once, when the planned number of exposures has been served. Before that no p-value is given.
///
/// The first look after the planned sample is the one that counts. It is kept, and later looks repeat it.
/// When to use: when the sample size was planned and nothing is decided earlier.
/// When not: if a look before the end may lead to a decision; use always_valid.
/// units: `units` is the planned number of exposures of champion and challenger together
/// assumes: many buckets of units, for the normal limit of a cluster-robust score test; at least 30 with challenger
/// data and 10 expected challenger events are required. While few buckets carry the variance, as at small shares with heavy
/// users or skewed values, the variance is the larger one of two estimates.
struct fixed_horizon {
    /// The error rate.
    double alpha = 0.05;
    /// The planned number of exposures.
    double units = 10'000;

    /// The policy also answers for pairs, as in shadow trials and interleaving.
    static constexpr bool pairs = true;
    /// The words of a report for when the numbers hold.
    static constexpr std::string_view holds =
        "intervals and p-values hold at the one look at the planned sample; e-values hold at every look.";

    /// Answer a question at one look.
    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory& memory) const noexcept
    {
        constexpr std::string_view method = "cluster-robust z at the planned sample";
        if (memory.counted.taken) {
            return detail::repeated(memory.counted, method);
        }
        auto [seen, answer, variance, clock] =
            detail::score_for_normal_limit(at, asked, method, status::too_few);
        if (answer.state != status::ok) {
            return answer;
        }
        if (at.exposures < units) {
            answer.state = status::before_planned_sample;
            return answer;
        }
        const double z = seen.s / std::sqrt(variance);
        answer.p_value = detail::normal_p(z, asked.alternative);
        detail::give_interval(answer, at, asked, stats::normal_upper_quantile(0.5 * asked.alpha), clock);
        memory.counted = detail::counted(answer, at.exposures);
        return answer;
    }

    /// Compare all members.
    bool operator==(const fixed_horizon&) const = default;
};

}  // namespace v0
}  // namespace joust
