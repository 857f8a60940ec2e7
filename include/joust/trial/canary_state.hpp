// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/report/report.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say where a canary is on its way from the first stage to promotion.
enum class canary_phase : std::uint8_t {
    /// No request has been served by the challenger yet.
    pending,
    /// The challenger serves the share of its stage, and evidence of its safety is collected.
    running,
    /// The stage cannot be passed now, because something is not judged or not as planned. The share stays.
    held,
    /// A person, or a guardrail with `breach::pause`, has stopped the ramp until `resume`.
    paused,
    /// The stage has shown what it must show, and the next one needs `approve`.
    awaiting_approval,
    /// The last stage was passed, or a person has promoted the challenger.
    promoted,
    /// The challenger was taken out of service for good, because of harm.
    rolled_back,
    /// A person has ended the canary for another reason than harm. The challenger serves no units.
    aborted
};

/// Return the name of a phase as reports show it.
[[nodiscard]] constexpr std::string_view to_string(canary_phase phase) noexcept
{
    switch (phase) {
        case canary_phase::pending: return "pending";
        case canary_phase::running: return "running";
        case canary_phase::held: return "held";
        case canary_phase::paused: return "paused";
        case canary_phase::awaiting_approval: return "awaiting approval";
        case canary_phase::promoted: return "promoted";
        case canary_phase::rolled_back: return "rolled back";
        case canary_phase::aborted: return "aborted";
    }
    return "unknown";
}

/// Hold the whole state of a canary's rollout as a value: save it beside the evidence, and give it to `restore` of a canary of the
/// same models and ramp in a new process.
struct canary_state {
    /// The phase at the last look.
    canary_phase phase = canary_phase::pending;
    /// The number of the stage, counted from 0.
    std::uint64_t stage = 0;
    /// The challenger's share of units.
    double share = 0.0;
    /// How many stages a person has approved: the stages below this number may begin.
    std::uint64_t approved = 0;
    /// The number of requests that the challenger had served when the stage began.
    std::uint64_t stage_first_request = 0;
    /// How long the stage has lasted.
    /// units: seconds
    double stage_seconds = 0.0;
    /// How long the canary has lasted.
    /// units: seconds
    double seconds = 0.0;
    /// The number of values that the challenger had brought to each metric when the stage began.
    std::vector<std::uint64_t> stage_values{};
    /// For each metric the logarithm of the e-value from which on its guardrail acts. It rises where a person has resumed the
    /// canary after a breach.
    std::vector<double> breach_log_e{};
    /// The steps so far, each with its reason.
    std::vector<share_step> steps{};

    /// Say whether a canary can have had this state.
    [[nodiscard]] bool consistent() const noexcept
    {
        bool good = phase <= canary_phase::aborted && share >= 0.0 && share <= 1.0 && stage_seconds >= 0.0 &&
                    std::isfinite(stage_seconds) && seconds >= stage_seconds && std::isfinite(seconds) &&
                    !steps.empty() && breach_log_e.size() == stage_values.size();
        for (const double each : breach_log_e) {
            good = good && each >= 0.0;
        }
        for (const share_step& each : steps) {
            good = good && each.share >= 0.0 && each.share <= 1.0 && each.requests >= 0.0 &&
                   std::isfinite(each.requests);
        }
        return good;
    }
    /// Compare all members.
    bool operator==(const canary_state&) const = default;
};

}  // namespace v0
}  // namespace joust
