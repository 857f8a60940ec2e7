// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/report.hpp>

#include <cmath>
#include <limits>

namespace joust {
inline namespace v0 {
namespace detail {

/// Move the ends of a row's interval to the least and the greatest value that the quantity can have. A normal limit knows
/// nothing of them. An end that is infinite says that nothing is excluded, and stays.
inline void keep_within(metric_row& row, double least, double most) noexcept
{
    if (std::isfinite(row.lower) && row.lower < least) {
        row.lower = row.estimate < least ? row.estimate : least;
    }
    if (std::isfinite(row.upper) && row.upper > most) {
        row.upper = row.estimate > most ? row.estimate : most;
    }
}

/// Keep the interval of a row within what is possible: a ratio is not negative, and a proportion lies between 0 and 1.
inline void keep_possible(metric_row& row) noexcept
{
    if (row.reference == 1.0) {
        keep_within(row, 0.0, std::numeric_limits<double>::infinity());
    } else if (row.unit == "%") {
        keep_within(row, row.reference == 0.0 ? -1.0 : 0.0, 1.0);
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
