// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/report.hpp>

#include "catch.hpp"

namespace joust_test {

/// Return the row of a report on the latency.
inline const joust::metric_row& latency_of(const joust::report& shown)
{
    for (const joust::metric_row& row : shown.metrics) {
        if (row.metric.starts_with("latency")) {
            return row;
        }
    }
    FAIL("the report has no row on latency");
    return shown.metrics.front();
}

}  // namespace joust_test
