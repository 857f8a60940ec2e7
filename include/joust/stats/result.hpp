// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/status.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/side.hpp>

#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

namespace stats {

/// Report a significance test. Read `state` first: the numbers are valid only when it is `ok`.
///
/// `estimate`, `lower` and `upper` describe first minus second.
struct test_result {
    /// The name of the method, for reports.
    std::string_view method{};
    /// The test statistic.
    double statistic = not_a_number;
    /// The degrees of freedom, where the method has them.
    double df = not_a_number;
    /// The p-value.
    double p_value = not_a_number;
    /// The natural logarithm of the p-value, accurate also where the p-value underflows.
    double log_p = not_a_number;
    /// The estimate of first minus second.
    double estimate = not_a_number;
    /// The lower end of the interval.
    double lower = not_a_number;
    /// The upper end of the interval.
    double upper = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

namespace detail {

// Sets the end of an interval that the alternative leaves open to infinity.
inline void open_end(test_result& result, side alternative) noexcept
{
    if (alternative == side::less) {
        result.lower = -std::numeric_limits<double>::infinity();
    }
    if (alternative == side::greater) {
        result.upper = std::numeric_limits<double>::infinity();
    }
}

}  // namespace detail
}  // namespace stats
}  // namespace v0
}  // namespace joust
