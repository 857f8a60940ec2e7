// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>

namespace joust_test {

/// The challenger's share, stage by stage.
inline constexpr std::array<double, 4> ramp_shares{0.01, 0.05, 0.25, 0.5};

/// Outcomes rise over the rollout and swing ten times, as days do.
inline double drift(double progress)
{
    return progress + 0.5 * std::sin(62.831853071795864 * progress);
}

}  // namespace joust_test
