// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/report/report.hpp>

#include <string>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the row of a report on the latencies of a model's timed calls.
[[nodiscard]] latency_row latencies_of(const std::string& model, const latency_sketch& times);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION latency_row latencies_of(const std::string& model, const latency_sketch& times)
{
    constexpr double per_millisecond = 1e-6;
    const auto at = [&](double q) { return times.quantile(q) * per_millisecond; };
    return {.model = model,
            .count = times.count(),
            .p50 = at(0.5),
            .p90 = at(0.9),
            .p95 = at(0.95),
            .p99 = at(0.99),
            .p999 = at(0.999),
            .max = at(1.0)};
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
