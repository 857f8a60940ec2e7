// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace joust {
inline namespace v0 {
namespace detail {

/// The single access to the parts of a trial for functions that are not members: `explain`, `replan`, `replace_plan` and
/// tests.
struct trial_access {
    template <class Trial>
    [[nodiscard]] static auto& core(Trial& trial) noexcept
    {
        return trial.core_;
    }
    template <class Trial>
    [[nodiscard]] static auto& switch_of(Trial& trial) noexcept
    {
        return trial.switch_;
    }
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
