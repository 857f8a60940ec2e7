// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/side.hpp>

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// A p-value and its natural logarithm, which stays finite where the p-value underflows.
struct tail_probability {
    double p = not_a_number;
    double log_p = not_a_number;
};

// The two-sided p-value of a symmetric statistic, from the logarithm of one tail of its absolute value.
[[nodiscard]] inline tail_probability doubled(double log_tail) noexcept
{
    const double log_p = log_tail + log_two < 0.0 ? log_tail + log_two : 0.0;
    return {std::exp(log_p), log_p};
}

// The tail of a normal statistic. exp(log sf) would lose |log| units in the last place, so the p-value is computed
// from the tail itself while that is a normal double.
[[nodiscard]] inline tail_probability normal_tails(double z, side alternative) noexcept
{
    const double signed_z = alternative == side::two ? std::fabs(z) : alternative == side::greater ? z : -z;
    const double log_tail = log_normal_sf(signed_z);
    if (alternative == side::two) {
        const double p = 2.0 * normal_sf(signed_z);
        return {p < 1.0 ? p : 1.0, doubled(log_tail).log_p};
    }
    return {normal_sf(signed_z), log_tail};
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
