// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Why an inference may, or may not, be believed.
enum class status : std::uint8_t {
    ok,
    /// not enough observations, or events, yet
    too_few,
    /// the sequential method has not reached its minimum
    burn_in,
    /// every observation is the same: no interval exists
    zero_variance,
    /// an argument is outside the domain of the method
    out_of_range,
    /// traffic was not split as planned
    srm_failed,
    /// too few clusters for a cluster-robust interval
    few_clusters,
    /// the arms hardly served comparable requests
    low_overlap,
    /// a fixed-horizon result asked for too early
    before_planned_sample,
    /// the champion serves nobody, so nothing can be compared
    no_contemporary_champion
};

/// Name a status as it stands in reports.
[[nodiscard]] constexpr std::string_view to_string(status state) noexcept
{
    switch (state) {
        case status::ok: return "ok";
        case status::too_few: return "too few";
        case status::burn_in: return "burn-in";
        case status::zero_variance: return "zero variance";
        case status::out_of_range: return "out of range";
        case status::srm_failed: return "sample ratio mismatch";
        case status::few_clusters: return "few clusters";
        case status::low_overlap: return "low overlap";
        case status::before_planned_sample: return "before the planned sample";
        case status::no_contemporary_champion: return "no contemporary champion";
    }
    return "unknown";
}

}  // namespace v0
}  // namespace joust
