// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/co_moments.hpp>
#include <joust/stats/estimation/ratio.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up cuped.
struct cuped_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// The coefficient of the covariate; with NaN it is estimated from both samples together.
    double theta = not_a_number;
};

/// Report an adjusted comparison, with the effect of the adjustment.
struct cuped_result : test_result {
    /// The coefficient of the covariate that was used.
    double theta = not_a_number;
    /// The plain difference.
    double unadjusted = not_a_number;
    /// 1 - adjusted / plain variance of the difference.
    double variance_reduction = not_a_number;
};

/// Compare two means after removing what a covariate from before the experiment explains.
///
/// Column 0 is the outcome, column 1 the covariate; the same metric of the same unit before the start is the best one.
/// theta = cov / var of both samples together, and a constant covariate changes nothing. Give new units the
/// covariate's mean, or use `lin_adjustment` with an indicator of the missing ones. Never adjust for anything that the
/// treatment could have changed.
///
/// When to use: units that existed before the experiment. When not: most units are new.
/// assumes: as welch_t; an estimated theta has a bias of O(1 / n), a theta fixed beforehand has no bias.
/// errors: as welch_t; zero_variance also where the covariate explains everything.
/// cost: a t-test of four moments; from raw data one pass more.
/// source: Deng, Xu, Kohavi and Walker 2013, "Improving the sensitivity of online controlled experiments by
///     utilizing pre-experiment data".
[[nodiscard]] inline cuped_result cuped(const co_moments<2>& first, const co_moments<2>& second,
                                        const cuped_options& options = {}) noexcept
{
    cuped_result result;
    result.method = "CUPED";
    if (first.rejected() + second.rejected() != 0) {
        result.state = status::out_of_range;
        return result;
    }
    if (first.count() < 2 || second.count() < 2) {
        return result;
    }
    double theta = options.theta;
    if (!std::isfinite(theta)) {
        co_moments<2> both = first;
        both.merge(second);
        const double variance = both.variance(1);
        theta = variance > 0.0 ? both.covariance(0, 1) / variance : 0.0;
    }
    const co_moments<2>::row weights{1.0, -theta};
    const sample_summary x{static_cast<double>(first.count()), 0.0, first.combination(weights)};
    const sample_summary y{static_cast<double>(second.count()), 0.0, second.combination(weights)};
    const detail::double_double moved =
        detail::multiply(detail::add(first.exact_mean(1), detail::negate(second.exact_mean(1))),
                         detail::double_double{-theta, 0.0});
    const double difference =
        detail::add(detail::add(first.exact_mean(0), detail::negate(second.exact_mean(0))), moved).high;
    static_cast<test_result&>(result) =
        detail::two_sample_t(false, difference, x, y, {options.alpha, options.alternative});
    result.method = "CUPED";
    result.theta = theta;
    result.unadjusted = first.mean_difference(second, 0);
    result.variance_reduction =
        1.0 - (x.variance / x.n + y.variance / y.n) / (first.variance(0) / x.n + second.variance(0) / y.n);
    return result;
}

/// Compare two adjusted means from raw columns: outcome and covariate of each unit at the same position.
///
/// errors: out_of_range for unequal lengths, otherwise as from moments.
/// cost: a t-test of four moments; from raw data one pass more.
[[nodiscard]] inline cuped_result
cuped(std::span<const double> first, std::span<const double> first_covariate, std::span<const double> second,
      std::span<const double> second_covariate, const cuped_options& options = {}) noexcept
{
    co_moments<2> x, y;
    if (first.size() != first_covariate.size() || second.size() != second_covariate.size()) {
        cuped_result result = cuped(x, y, options);
        result.state = status::out_of_range;
        return result;
    }
    for (std::size_t i = 0; i < first.size(); ++i) {
        x.add(first[i], first_covariate[i]);
    }
    for (std::size_t i = 0; i < second.size(); ++i) {
        y.add(second[i], second_covariate[i]);
    }
    return cuped(x, y, options);
}

/// Compare two ratios of means after removing what a ratio from before the experiment explains.
///
/// The columns are numerator and denominator, and the same two before the start; a denominator of 1 before the start
/// makes the covariate a mean. Each unit's ratio is linearised, and theta is that of the linearised values of both
/// samples together.
/// assumes: as ratio_of_means.
/// errors: as ratio_of_means; a denominator before the start with mean 0 is out_of_range.
/// cost: a t-test of four moments; from raw data one pass more.
/// source: Deng, Knoblich and Lu 2018; Deng, Xu, Kohavi and Walker 2013, appendix B.
[[nodiscard]] inline cuped_result cuped(const co_moments<4>& first, const co_moments<4>& second,
                                        const cuped_options& options = {}) noexcept
{
    cuped_result result;
    result.method = "CUPED for ratios";
    if (first.rejected() + second.rejected() != 0) {
        result.state = status::out_of_range;
        return result;
    }
    if (first.count() < 2 || second.count() < 2) {
        return result;
    }
    const auto quotient = [](const co_moments<4>& a, std::size_t i) { return a.mean(i) / a.mean(i + 1); };
    const auto difference = [&](std::size_t i) {
        const detail::double_double cross =
            detail::add(detail::multiply(first.exact_mean(i), second.exact_mean(i + 1)),
                        detail::negate(detail::multiply(second.exact_mean(i), first.exact_mean(i + 1))));
        return cross.high / first.mean(i + 1) / second.mean(i + 1);
    };
    double theta = options.theta;
    if (!std::isfinite(theta)) {
        co_moments<4> both = first;
        both.merge(second);
        const co_moments<4>::row outcome{1.0 / both.mean(1), -quotient(both, 0) / both.mean(1), 0.0, 0.0};
        const co_moments<4>::row covariate{0.0, 0.0, 1.0 / both.mean(3), -quotient(both, 2) / both.mean(3)};
        const double variance = both.combination(covariate);
        theta = variance > 0.0 ? both.combination(outcome, covariate) / variance : 0.0;
    }
    const auto adjusted = [&](const co_moments<4>& a, double weight) {
        const double x = a.mean(1);
        const double before = a.mean(3);
        return a.combination(
            {1.0 / x, -quotient(a, 0) / x, -weight / before, weight * quotient(a, 2) / before});
    };
    const sample_summary x{static_cast<double>(first.count()), 0.0, adjusted(first, theta)};
    const sample_summary y{static_cast<double>(second.count()), 0.0, adjusted(second, theta)};
    const double plain = difference(0);
    static_cast<test_result&>(result) = detail::two_sample_t(false, plain - theta * difference(2), x, y,
                                                             {options.alpha, options.alternative});
    result.method = "CUPED for ratios";
    result.theta = theta;
    result.unadjusted = plain;
    result.variance_reduction = 1.0 - (x.variance / x.n + y.variance / y.n) /
                                          (adjusted(first, 0.0) / x.n + adjusted(second, 0.0) / y.n);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
