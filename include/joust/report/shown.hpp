// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/report.hpp>
#include <joust/report/words.hpp>

#include <string_view>

// What a report shows of one metric, for tests. A report that does not settle it shows nothing.

namespace joust {
inline namespace v0 {

namespace detail {

// Whether a report has rows of a metric, and a condition holds for each of them: a report has one row for each challenger.
template <class Holds>
[[nodiscard]] bool every_row(const report& finished, std::string_view metric, const Holds& holds)
{
    bool any = false;
    for (const metric_row& row : finished.metrics) {
        if (row.metric == metric) {
            any = true;
            if (!holds(row)) {
                return false;
            }
        }
    }
    return any;
}

}  // namespace detail

/// Say whether a report shows that a challenger is better on a metric: the whole interval lies on the better side.
[[nodiscard]] inline bool shows_superior(const report& finished, std::string_view metric)
{
    return detail::every_row(finished, metric, [](const metric_row& row) {
        return !row.suppressed && row.state == status::ok && row.better != 0 &&
               (row.better > 0 ? row.lower > row.reference : row.upper < row.reference);
    });
}

/// Say whether a report shows that a challenger keeps the margin of a metric, or is better.
[[nodiscard]] inline bool shows_non_inferior(const report& finished, std::string_view metric)
{
    return shows_superior(finished, metric) || detail::every_row(finished, metric, [](const metric_row& row) {
               const standing where = standing_of(row);
               return where == standing::within_margin || where == standing::better;
           });
}

}  // namespace v0
}  // namespace joust
