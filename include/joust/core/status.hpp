// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Say whether the numbers of an inference are valid, and if not, why.
enum class status : std::uint8_t {
    /// The numbers are valid.
    ok,
    /// There are not enough observations or events yet.
    too_few,
    /// The sequential method has not reached its minimum of data yet.
    burn_in,
    /// Every observation is the same, so that there is no interval.
    zero_variance,
    /// An argument is outside the domain of the method.
    out_of_range,
    /// Traffic was not split as planned.
    srm_failed,
    /// There are too few clusters for a cluster-robust interval.
    few_clusters,
    /// The arms hardly served comparable requests.
    low_overlap,
    /// A fixed-horizon result was asked for before the planned sample was reached.
    before_planned_sample,
    /// The champion serves no requests now, so that nothing can be compared.
    no_contemporary_champion,
    /// A search or a sum did not come to its end, so that a number is missing.
    not_converged,
    /// So many answers are missing that the others do not speak for all rows.
    incomplete
};

/// Return the name of a status as reports show it.
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
        case status::not_converged: return "not converged";
        case status::incomplete: return "incomplete";
    }
    return "unknown";
}

}  // namespace v0
}  // namespace joust
