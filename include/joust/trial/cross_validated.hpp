#pragma once

#include <joust/stats/cross_validated.hpp>
#include <joust/trial/gate.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace joust::inline v0 {

/// Let a gate's rows be scores on the splits of a cross-validation: the corrected resampled t-test.
///
/// When to use: k folds (once or repeated) or random subsampling, where splits share training rows, so that a plain paired
/// test would be far too sure. When not: time series (`back_test`).
/// shape: one row per split, a `mean` metric of its score; `test_share` is test rows / all rows of a split, 1 / k for k folds
/// errors: too_few below two splits
/// source: Nadeau and Bengio 2003; Bouckaert and Frank 2004
struct cross_validated {
    double test_share = 0.1;

    [[nodiscard]] stats::test_result test_rows(std::span<const double> challenger,
                                               std::span<const double> champion,
                                               const stats::test_options& options) const noexcept
    {
        return stats::corrected_resampled_t(challenger, champion, test_share, options);
    }
    bool operator==(const cross_validated&) const = default;
};

/// Let a gate's rows be scores of five repetitions of two-fold cross-validation: Dietterich's 5x2cv t-test.
///
/// shape: ten rows, both folds of a repetition next to each other
/// errors: out_of_range for any other number of rows
/// source: Dietterich 1998
struct five_by_two {
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
    bool operator==(const five_by_two&) const = default;
};

/// Let a gate's rows be losses in the order of time, each predicted from the past only: the Diebold-Mariano test.
///
/// shape: one row per period, in order; `horizon` is how many periods ahead the predictions look
/// errors: too_few below 4 times the horizon
/// source: Diebold and Mariano 1995; Harvey, Leybourne and Newbold 1997
struct back_test {
    std::size_t horizon = 1;

    [[nodiscard]] stats::test_result test_rows(std::span<const double> challenger,
                                               std::span<const double> champion,
                                               const stats::test_options& options) const noexcept
    {
        return stats::diebold_mariano(
            challenger, champion,
            {.alpha = options.alpha, .alternative = options.alternative, .horizon = horizon});
    }
    bool operator==(const back_test&) const = default;
};

}  // namespace joust::inline v0
