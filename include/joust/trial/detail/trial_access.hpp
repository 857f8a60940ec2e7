// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace joust {
inline namespace v0 {
namespace detail {

class course_keeper;

/// The single access to the parts of a trial for functions that are not members: `explain`, `replan`, `replace_plan`,
/// `durable` and tests.
struct trial_access {
    template <class Trial>
    [[nodiscard]] static auto& core(Trial& trial) noexcept
    {
        return trial.core_;
    }
    /// Return the rollout of a canary, apart from its types.
    template <class Trial>
    [[nodiscard]] static auto& rollout(Trial& trial) noexcept
    {
        return trial.rollout_.control();
    }
    /// Return what keeps the course of looks.
    template <class Trial>
    [[nodiscard]] static course_keeper& course_of(Trial& trial) noexcept
    {
        if constexpr (requires { trial.rollout_; }) {
            return trial.rollout_.control().looks();
        } else {
            return trial.course_;
        }
    }
    /// Return the window of tickets that feedback came for.
    template <class Trial>
    [[nodiscard]] static auto& seen_of(Trial& trial) noexcept
    {
        if constexpr (requires { trial.feedback_.seen(); }) {
            return trial.feedback_.seen();
        } else {
            return trial.core_.seen();
        }
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
