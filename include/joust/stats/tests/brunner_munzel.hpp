// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/ranks.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up brunner_munzel.
struct brunner_munzel_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Compare with the normal distribution instead of Student's t, which is closer for small samples.
    bool normal_reference = false;
};

/// Test whether values of the first sample tend to be larger than those of the second, where their distributions may
/// differ in spread and shape: Brunner and Munzel's test.
///
/// The estimate is P(first > second) - P(first < second), between -1 and 1, with its interval. `statistic` has the
/// sign of the literature: positive where the second sample tends to be larger. `side::greater` looks for a larger
/// first one.
///
/// When to use: the default rank test at one planned look, from about 10 values per sample. When not: tiny samples;
/// `mann_whitney_u` has an exact p-value.
/// assumes: independent observations; infinities rank at the ends.
/// errors: too_few (fewer than 2 in a sample), out_of_range (NaN, alpha), zero_variance (no placement varies).
///     Then p is the limit: 1 when all values are equal or neither sample tends to be larger, 0 when the samples do
///     not overlap.
/// cost: as mann_whitney_u without its shift, and Boost.Math for the t distribution.
/// source: Brunner and Munzel 2000, "The nonparametric Behrens-Fisher problem".
[[nodiscard]] inline test_result brunner_munzel(std::span<const double> x, std::span<const double> y,
                                                const brunner_munzel_options& options = {})
{
    test_result result;
    result.method = options.normal_reference ? "Brunner-Munzel test, normal reference"
                                             : "Brunner-Munzel test, t reference";
    if (!detail::is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    const detail::sorted_sample first{x};
    const detail::sorted_sample second{y};
    if (!(first.valid && second.valid)) {
        result.state = status::out_of_range;
        return result;
    }
    if (x.size() < 2 || y.size() < 2) {
        return result;
    }
    const double m = static_cast<double>(x.size());
    const double n = static_cast<double>(y.size());
    const std::uint64_t twice_u = detail::twice_pairs_won(first, second, [](std::uint64_t, std::uint64_t) {});
    // The placement of a value is the number of values of the other sample below it, where equal ones count one half.
    const double u = 0.5 * static_cast<double>(twice_u);
    const double mean_x = u / m;
    const double mean_y = m - u / n;
    double square_x = 0.0, square_y = 0.0;
    double seen_x = 0.0, seen_y = 0.0;
    bool varies_x = false, varies_y = false;
    double last_x = -1.0, last_y = -1.0;
    detail::walk_values(first, second, [&](std::uint64_t in_x, std::uint64_t in_y, std::uint64_t) {
        const double tx = static_cast<double>(in_x);
        const double ty = static_cast<double>(in_y);
        const double place_x = seen_y + 0.5 * ty;
        const double place_y = seen_x + 0.5 * tx;
        if (in_x > 0) {
            square_x += tx * (place_x - mean_x) * (place_x - mean_x);
            varies_x = varies_x || (last_x >= 0.0 && place_x != last_x);
            last_x = place_x;
        }
        if (in_y > 0) {
            square_y += ty * (place_y - mean_y) * (place_y - mean_y);
            varies_y = varies_y || (last_y >= 0.0 && place_y != last_y);
            last_y = place_y;
        }
        seen_x += tx;
        seen_y += ty;
    });
    result.estimate = (2.0 * u - m * n) / (m * n);
    if (!varies_x && !varies_y) {
        result.state = status::zero_variance;
        const bool apart = result.estimate != 0.0;
        result.statistic =
            apart ? -std::copysign(std::numeric_limits<double>::infinity(), result.estimate) : 0.0;
        const bool towards = options.alternative == side::two ||
                             (result.estimate > 0.0) == (options.alternative == side::greater);
        result.p_value = apart && towards ? 0.0 : 1.0;
        result.log_p = apart && towards ? -std::numeric_limits<double>::infinity() : 0.0;
        return result;
    }
    // The variances of P(first > second) + P(equal) / 2 that come from either sample.
    const double from_x = varies_x ? square_x / (m - 1.0) / (m * n * n) : 0.0;
    const double from_y = varies_y ? square_y / (n - 1.0) / (n * m * m) : 0.0;
    const double variance = from_x + from_y;
    const double share = from_x / variance;
    const double df = options.normal_reference
                          ? std::numeric_limits<double>::infinity()
                          : 1.0 / (share * share / (m - 1.0) + (1.0 - share) * (1.0 - share) / (n - 1.0));
    const test_result judged = detail::judge_t(result.method, result.estimate, 2.0 * std::sqrt(variance), df,
                                               {options.alpha, options.alternative});
    result = judged;
    result.statistic = -judged.statistic;
    result.lower = result.lower > -1.0 || std::isinf(result.lower) ? result.lower : -1.0;
    result.upper = result.upper < 1.0 || std::isinf(result.upper) ? result.upper : 1.0;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
