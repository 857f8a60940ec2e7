// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/result.hpp>

namespace joust {
inline namespace v0 {
namespace stats {

/// State a harm that has to be excluded: by how much the challenger's rate of events, or its mean, is worse than the champion's.
///
/// With both members set it means "by more than the larger of both". Where less is worse, the increase is negative and the ratio is
/// below 1.
struct excluded_harm {
    /// The challenger's level minus the champion's. NaN sets none.
    double increase = not_a_number;
    /// The challenger's level divided by the champion's. NaN sets none.
    double ratio = not_a_number;
    /// Compare all members; a NaN is not equal to a NaN.
    bool operator==(const excluded_harm&) const = default;
};

/// Return the harm that a stage has to exclude so that the whole service never risks more than it would by shipping a
/// challenger at `exclude`: the increase, and the distance of the ratio from 1, divided by the challenger's share in the next
/// stage (1 after the last).
///
/// An increase of 1 or more is no demand on a rate: at that share not even a challenger that always fails does so much harm.
/// errors: NaN members for a share outside (0, 1]
/// cost: O(1), two divisions
[[nodiscard]] constexpr excluded_harm stage_harm(const excluded_harm& exclude, double next_share) noexcept
{
    if (!(next_share > 0.0 && next_share <= 1.0)) {
        return {};
    }
    return {exclude.increase / next_share, 1.0 + (exclude.ratio - 1.0) / next_share};
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
