// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/differences.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Test whether differences have mean zero, from their sufficient statistics: Student's paired t-test.
///
/// errors: too_few (fewer than 2), zero_variance (all the same), out_of_range.
/// cost: about 2 us; from raw data one pass more.
/// source: Student 1908.
[[nodiscard]] inline test_result paired_t(const sample_summary& differences,
                                          const test_options& options = {}) noexcept
{
    constexpr std::string_view method = "paired t-test";
    test_result result;
    result.method = method;
    if (!detail::usable(differences)) {
        result.state = status::out_of_range;
        return result;
    }
    if (!(differences.n >= 2.0)) {
        return result;
    }
    return detail::judge_t(method, differences.mean, std::sqrt(differences.variance / differences.n),
                           differences.n - 1.0, options);
}

/// Compare two measurements of the same units (one request under both models, one row under two classifiers).
///
/// When to use: differences that are roughly symmetric. When not: wins and losses (`sign_test`), or right and wrong
/// answers (`mcnemar`).
/// assumes: pairs are independent of each other.
/// errors: out_of_range for unequal lengths, NaN or infinities; zero_variance also where the differences are equal but for
///     the rounding of the operands (2^-51 (|x| + |y|)); otherwise as from sufficient statistics.
/// cost: about 2 us; from raw data one pass more.
[[nodiscard]] inline test_result paired_t(std::span<const double> x, std::span<const double> y,
                                          const test_options& options = {}) noexcept
{
    moments differences;
    if (x.size() == y.size()) {
        // Differences of decimals that are equal (0.5 - 0.4 and 0.6 - 0.5) would otherwise vary by their rounding alone,
        // and t would be 1e15.
        const auto slack = [&](std::size_t i) { return detail::difference_rounding(x[i], y[i]); };
        bool constant = true;
        for (std::size_t i = 1; i < x.size() && constant; ++i) {
            constant = std::fabs((x[i] - y[i]) - (x[0] - y[0])) <= slack(i) + slack(0);
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
            const bool finite = x[i] - x[i] == 0.0 && y[i] - y[i] == 0.0;
            const double first = std::fabs(x[0] - y[0]) <= slack(0) ? 0.0 : x[0] - y[0];
            differences.add(constant && finite ? first : x[i] - y[i]);
        }
    }
    if (x.size() != y.size() || differences.rejected() != 0) {
        test_result result;
        result.method = "paired t-test";
        result.state = status::out_of_range;
        return result;
    }
    return paired_t(differences.summary(), options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
