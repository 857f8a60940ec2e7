// SPDX-License-Identifier: Apache-2.0
#pragma once

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
/// errors: out_of_range for unequal lengths, NaN or infinities; otherwise as from sufficient statistics.
[[nodiscard]] inline test_result paired_t(std::span<const double> x, std::span<const double> y,
                                          const test_options& options = {}) noexcept
{
    moments differences;
    if (x.size() == y.size()) {
        for (std::size_t i = 0; i < x.size(); ++i) {
            differences.add(x[i] - y[i]);
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
