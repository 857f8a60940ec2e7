#pragma once

#include <joust/core/status.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/side.hpp>

#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

namespace stats {

/// What a significance test returns: read `state` first, the numbers mean something only when it is `ok`.
///
/// `estimate`, `lower` and `upper` speak of first minus second; `log_p` is the natural logarithm of the
/// p-value, exact where the p-value itself underflows.
struct test_result {
    std::string_view method{};
    double statistic = not_a_number;
    double df = not_a_number;
    double p_value = not_a_number;
    double log_p = not_a_number;
    double estimate = not_a_number;
    double lower = not_a_number;
    double upper = not_a_number;
    status state = status::too_few;
};

namespace detail {

// Keep the end of an interval that the alternative leaves open infinite.
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
