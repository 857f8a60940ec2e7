// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// Moments of the differences of scores; rejected() counts differences that are not finite.
[[nodiscard]] inline moments differences_of(std::span<const double> a, std::span<const double> b) noexcept
{
    moments out;
    if (a.size() != b.size()) {
        out.add(not_a_number);
        return out;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        out.add(a[i] - b[i]);
    }
    return out;
}

}  // namespace detail

/// Compare two learners by their scores on the same random splits: the corrected resampled t-test.
///
/// Splits share training rows, which makes the plain paired t-test far too optimistic; here the variance is increased
/// for what they share. `test_share` is test rows / all rows of a split (1 / k for k folds).
///
/// When to use: k folds (once or repeated), or random subsampling. When not: time series; see `diebold_mariano`.
/// shape: one score per split for each learner, in the same order
/// assumes: a correlation of test_share between splits, a heuristic that is good in practice.
/// errors: too_few (fewer than 2 splits), zero_variance, out_of_range (lengths, NaN, a share not in (0, 1)).
/// cost: one pass and a t tail.
/// source: Nadeau and Bengio 2003, "Inference for the generalization error"; Bouckaert and Frank 2004 (repeated
///     folds).
[[nodiscard]] inline test_result corrected_resampled_t(std::span<const double> first,
                                                       std::span<const double> second, double test_share,
                                                       const test_options& options = {}) noexcept
{
    test_result result;
    result.method = "corrected resampled t-test";
    const moments d = detail::differences_of(first, second);
    if (d.rejected() != 0 || !(test_share > 0.0 && test_share < 1.0)) {
        result.state = status::out_of_range;
        return result;
    }
    if (d.count() < 2) {
        return result;
    }
    const double splits = static_cast<double>(d.count());
    const double factor = 1.0 / splits + test_share / (1.0 - test_share);
    return detail::judge_t(result.method, d.mean(), std::sqrt(factor * d.variance()), splits - 1.0, options);
}

/// Compare two learners by five repetitions of two-fold cross-validation: the 5x2cv paired t-test.
///
/// Its numerator is the first difference alone; `five_by_two_f` uses all ten and is steadier.
/// shape: ten differences (first minus second), both folds of a repetition next to each other
/// assumes: nothing about overlap within a repetition, whose folds share no row.
/// errors: out_of_range (not ten, NaN, infinities), zero_variance.
/// cost: O(1), ten differences and a t tail.
/// source: Dietterich 1998, "Approximate statistical tests for comparing supervised classification learning
///     algorithms".
[[nodiscard]] inline test_result five_by_two_t(std::span<const double> differences,
                                               const test_options& options = {}) noexcept
{
    test_result result;
    result.method = "5x2cv paired t-test";
    result.state = status::out_of_range;
    if (differences.size() != 10) {
        return result;
    }
    double squares = 0.0;
    for (std::size_t i = 0; i < 10; i += 2) {
        const double half = 0.5 * (differences[i] - differences[i + 1]);
        squares += 2.0 * half * half;
    }
    return detail::judge_t(result.method, differences[0], std::sqrt(squares / 5.0), 5.0, options);
}

/// Compare two learners by all ten differences: the combined 5x2cv F-test.
///
/// It is two-sided and has no interval; `estimate` is the mean difference.
/// shape: as five_by_two_t
/// errors: as five_by_two_t.
/// cost: O(1), ten differences and an F tail.
/// source: Alpaydin 1999, "Combined 5x2cv F test for comparing supervised classification learning algorithms".
[[nodiscard]] inline test_result five_by_two_f(std::span<const double> differences) noexcept
{
    test_result result;
    result.method = "combined 5x2cv F-test";
    result.state = status::out_of_range;
    if (differences.size() != 10) {
        return result;
    }
    double squares = 0.0, total = 0.0, mean = 0.0;
    for (std::size_t i = 0; i < 10; i += 2) {
        const double half = 0.5 * (differences[i] - differences[i + 1]);
        squares += 2.0 * half * half;
        total += differences[i] * differences[i] + differences[i + 1] * differences[i + 1];
        mean += 0.1 * (differences[i] + differences[i + 1]);
    }
    if (!std::isfinite(total)) {
        return result;
    }
    result.estimate = mean;
    if (!(squares > 0.0)) {
        result.state = status::zero_variance;
        return result;
    }
    result.statistic = total / (2.0 * squares);
    result.df = 10.0;  // the numerator's; the denominator has 5
    result.p_value = f_sf(result.statistic, 10.0, 5.0);
    result.log_p = f_log_sf(result.statistic, 10.0, 5.0);
    result.state = status::ok;
    return result;
}

/// Set up diebold_mariano.
struct back_test_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// How many steps ahead the forecasts look; losses that are fewer steps apart may depend on each other.
    std::size_t horizon = 1;
};

/// Compare two models by their losses in the order of time (a back-test): the Diebold-Mariano test with the
/// correction of Harvey, Leybourne and Newbold.
///
/// When to use: both models predicted the same periods, each from the past only. When not: cross-validation that
/// shuffles time, which lets models see the future.
/// shape: one loss per period for each model, in order
/// assumes: a mean difference that does not drift; autocorrelation of the differences below `horizon` lags.
/// errors: too_few (fewer than 2 periods, or than 4 times the horizon), zero_variance (also where the estimated
///     long-run variance is not positive), out_of_range (lengths, NaN, horizon 0).
/// cost: O(n h) for n periods and a horizon of h.
/// source: Diebold and Mariano 1995; Harvey, Leybourne and Newbold 1997, equation 9.
[[nodiscard]] inline test_result diebold_mariano(std::span<const double> first,
                                                 std::span<const double> second,
                                                 const back_test_options& options = {}) noexcept
{
    test_result result;
    result.method = "Diebold-Mariano test, small-sample correction";
    const moments d = detail::differences_of(first, second);
    if (d.rejected() != 0 || options.horizon == 0) {
        result.state = status::out_of_range;
        return result;
    }
    if (d.count() < 2 || d.count() < 4 * options.horizon) {
        return result;
    }
    const double n = static_cast<double>(d.count());
    const double mean = d.mean();
    // Autocovariances with divisor n and a rectangular window.
    double long_run = 0.0;
    for (std::size_t lag = 0; lag < options.horizon; ++lag) {
        double sum = 0.0;
        for (std::size_t i = lag; i < first.size(); ++i) {
            sum += (first[i] - second[i] - mean) * (first[i - lag] - second[i - lag] - mean);
        }
        long_run += (lag == 0 ? 1.0 : 2.0) * sum / n;
    }
    if (d.variance() == 0.0) {
        long_run = 0.0;
    }
    const double h = static_cast<double>(options.horizon);
    const double correction = (n + 1.0 - 2.0 * h + h * (h - 1.0) / n) / n;
    const double error = long_run > 0.0 ? std::sqrt(long_run / n / correction) : 0.0;
    return detail::judge_t(result.method, mean, error, n - 1.0, {options.alpha, options.alternative});
}

}  // namespace stats
}  // namespace v0
}  // namespace joust

namespace joust {
inline namespace v0 {

/// Treat a gate's rows as scores on the splits of a cross-validation: the corrected resampled t-test.
///
/// When to use: k folds (once or repeated) or random subsampling, where splits share training rows, so that a plain
/// paired test would be far too optimistic. When not: time series (`back_test`).
/// shape: one row per split, a `mean` metric of its score
/// errors: too_few below two splits
/// cost: as corrected_resampled_t
/// source: Nadeau and Bengio 2003; Bouckaert and Frank 2004
struct cross_validated {
    /// Test rows / all rows of a split: 1 / k for k folds.
    double test_share = 0.1;

    /// Test the rows of both models, challenger minus champion.
    [[nodiscard]] stats::test_result test_rows(std::span<const double> challenger,
                                               std::span<const double> champion,
                                               const stats::test_options& options) const noexcept
    {
        return stats::corrected_resampled_t(challenger, champion, test_share, options);
    }
    /// Compare all members.
    bool operator==(const cross_validated&) const = default;
};

/// Treat a gate's rows as scores of five repetitions of two-fold cross-validation: Dietterich's 5x2cv t-test.
///
/// When to use: learners cheap enough to train ten times. When not: any other number of rows.
/// shape: ten rows, both folds of a repetition next to each other
/// errors: out_of_range for any other number of rows
/// cost: as five_by_two_t
/// source: Dietterich 1998
struct five_by_two {
    /// Test the rows of both models, challenger minus champion.
    [[nodiscard]] stats::test_result test_rows(std::span<const double> challenger,
                                               std::span<const double> champion,
                                               const stats::test_options& options) const
    {
        std::vector<double> differences;
        for (std::size_t i = 0; i < challenger.size() && i < champion.size(); ++i) {
            differences.push_back(challenger[i] - champion[i]);
        }
        return stats::five_by_two_t(differences, options);
    }
    /// Compare all members.
    bool operator==(const five_by_two&) const = default;
};

/// Treat a gate's rows as losses in the order of time, each predicted from the past only: the Diebold-Mariano test.
///
/// When to use: both models predicted the same periods. When not: rows without an order in time.
/// shape: one row per period, in order
/// errors: too_few below 4 times the horizon
/// cost: as diebold_mariano
/// source: Diebold and Mariano 1995; Harvey, Leybourne and Newbold 1997
struct back_test {
    /// How many periods ahead the predictions look.
    std::size_t horizon = 1;

    /// Test the rows of both models, challenger minus champion.
    [[nodiscard]] stats::test_result test_rows(std::span<const double> challenger,
                                               std::span<const double> champion,
                                               const stats::test_options& options) const noexcept
    {
        return stats::diebold_mariano(
            challenger, champion,
            {.alpha = options.alpha, .alternative = options.alternative, .horizon = horizon});
    }
    /// Compare all members.
    bool operator==(const back_test&) const = default;
};

}  // namespace v0
}  // namespace joust
