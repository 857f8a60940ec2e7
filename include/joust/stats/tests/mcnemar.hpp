// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/paired_proportions.hpp>
#include <joust/stats/tests/proportions.hpp>

#include <cstdint>

namespace joust {
inline namespace v0 {
namespace stats {

/// Compare two classifiers on the same cases by the cases that only one classifies correctly: `b` by the first, `c` by
/// the second.
///
/// The estimate is (b - c) / (b + c), the difference among those discordant cases, with an exact interval. Pass the
/// number of all cases as well (paired_proportions.hpp) for the difference of the two accuracies.
/// assumes: cases are independent.
/// errors: out_of_range (alpha), too_few without a discordant case (the p-value is then 1, by definition).
/// cost: a binomial tail and its interval, 2 to 12 us for every count.
/// source: McNemar 1947; mid-p: Fagerland, Lydersen and Laake 2013.
[[nodiscard]] inline test_result mcnemar(std::uint64_t b, std::uint64_t c,
                                         const mcnemar_options& options = {}) noexcept
{
    test_result result;
    result.method = detail::mcnemar_name(options.p_value);
    if (!detail::is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    const double first = static_cast<double>(b);
    const double second = static_cast<double>(c);
    detail::mcnemar_tails(result, first, second, options);
    if (b == 0 && c == 0) {
        return result;
    }
    result.estimate = (first - second) / (first + second);
    const double level = options.alternative == side::two ? options.alpha : 2.0 * options.alpha;
    if (level < 1.0) {
        // From 1e16 cases on the quantiles of the beta distribution are out of reach, and Wilson's interval agrees with
        // the exact one to the last digits of the difference.
        const double all = first + second;
        const bounds share = all < 1e16 ? detail::clopper_pearson_of(first, second, level)
                                        : detail::wilson(first, all, normal_upper_quantile(0.5 * level));
        result.lower = 2.0 * share.lower - 1.0;
        result.upper = 2.0 * share.upper - 1.0;
    } else {  // at a one-sided level of one half or more nothing is excluded
        result.lower = -1.0;
        result.upper = 1.0;
    }
    detail::open_end(result, options.alternative);
    result.state = status::ok;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
