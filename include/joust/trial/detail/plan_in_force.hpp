// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fork.hpp>
#include <joust/split/traffic_plan.hpp>

#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {
namespace detail {

/// The traffic plan that a caller put in force, if there is one. `mutex` is held while one plan is made from another.
struct plan_in_force {
    mutable fork_mutex mutex{fork_order::plan};
    traffic_plan plan;
    /// The digest of the plan as the caller gave it, before it got slots.
    std::uint64_t given = 0;
    /// The number of the plan that was in force when the trial was stopped. The next plan goes on from it.
    unsigned stopped_from = 0;
    /// The reason why a later plan was refused.
    std::string complaint;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
