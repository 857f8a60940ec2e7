// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up best_arm.
struct best_arm_options {
    /// The probability with which a wrong arm may be named.
    double alpha = 0.05;
    /// True where smaller values of the metric are better.
    bool lower_is_better = false;
};

/// Name the leading arm, and report how certain it is that no other arm is better.
///
/// `p_value` is adjusted for choosing the leader by the data; `estimate`, `lower` and `upper` describe the leader
/// minus `runner_up`.
struct best_arm_result : test_result {
    /// The leading arm, by position.
    std::size_t best = 0;
    /// The arm that the leader beats with the least certainty.
    std::size_t runner_up = 0;
    /// True where p_value <= alpha.
    bool decided = false;
};

/// Find the best of k arms: the leader, if it beats each other arm by a one-sided Welch test.
///
/// The data choose the leader, so the largest of the k - 1 p-values is multiplied by k - 1: a wrong arm is named with
/// probability alpha at most, whatever the means are.
/// assumes: as welch_t; independent arms.
/// errors: too_few (fewer than two arms, or an arm with fewer than two values), zero_variance, out_of_range.
/// cost: a Welch test for each arm but the best, about 4 us.
/// source: Bonferroni over the arms that could be named wrongly; Hsu 1984 for the problem.
[[nodiscard]] inline best_arm_result best_arm(std::span<const sample_summary> arms,
                                              const best_arm_options& options = {}) noexcept
{
    best_arm_result result;
    result.method = "best of k arms, Welch with Bonferroni";
    if (arms.size() < 2) {
        return result;
    }
    const double sign = options.lower_is_better ? -1.0 : 1.0;
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (!detail::usable(arms[i])) {
            result.state = status::out_of_range;
            return result;
        }
        if (sign * (arms[i].mean - arms[result.best].mean) > 0.0) {
            result.best = i;
        }
    }
    const double others = static_cast<double>(arms.size() - 1);
    const test_options test{options.alpha / others, options.lower_is_better ? side::less : side::greater};
    const std::size_t best = result.best;
    bool first = true;
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (i == best) {
            continue;
        }
        const test_result pair = welch_t(arms[best], arms[i], test);
        if (pair.state != status::ok) {
            result.state = pair.state;
            result.p_value = result.log_p = not_a_number;
            return result;
        }
        if (first || pair.log_p > result.log_p) {
            static_cast<test_result&>(result) = pair;
            result.runner_up = i;
            first = false;
        }
    }
    result.method = "best of k arms, Welch with Bonferroni";
    result.p_value = std::fmin(1.0, others * result.p_value);
    result.log_p = std::fmin(0.0, std::log(others) + result.log_p);
    result.decided = result.p_value <= options.alpha;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
