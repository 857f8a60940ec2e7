// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/report/report.hpp>

#include <cstddef>
#include <string>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the row of a report on the latencies of a model's timed calls.
[[nodiscard]] latency_row latencies_of(const std::string& model, const latency_sketch& times);

/// Write that row.
void describe_latency(latency_row& row, const std::string& model, const latency_sketch& times);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION void describe_latency(latency_row& row, const std::string& model, const latency_sketch& times)
{
    row.model = model;
    row.count = times.count();
    constexpr double levels[] = {0.5, 0.9, 0.95, 0.99, 0.999, 1.0};
    double* const places[] = {&row.p50, &row.p90, &row.p95, &row.p99, &row.p999, &row.max};
    constexpr double per_millisecond = 1e-6;
    for (std::size_t i = 0; i < sizeof levels / sizeof *levels; ++i) {
        *places[i] = times.quantile(levels[i]) * per_millisecond;
    }
}

JOUST_FUNCTION latency_row latencies_of(const std::string& model, const latency_sketch& times)
{
    latency_row row;
    describe_latency(row, model, times);
    return row;
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
