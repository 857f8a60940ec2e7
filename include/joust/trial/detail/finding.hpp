// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/inference.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <cstddef>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// What one look found out about one metric of one challenger.
struct finding {
    /// index into the specs
    std::size_t metric = 0;
    /// challenger - 1
    std::size_t pair = 0;
    inference answer{};
    /// the share of the error rate that this finding may use
    double alpha = 0.05;
    /// a guardrail is broken
    bool breached = false;
    /// the challenger is better
    bool wins = false;
    bool loses = false;
};

/// What one look found out about a trial.
struct judgement {
    std::vector<finding> findings;
    /// sample ratio, one per challenger
    std::vector<stats::score_result> split;
    bool mismatch = false;

    [[nodiscard]] bool breached(std::size_t pair) const
    {
        bool any = false;
        for (const finding& f : findings) {
            any = any || (f.pair == pair && f.breached);
        }
        return any;
    }
};

/// How the trial is set up, as far as judging needs it.
struct setting {
    const std::vector<metric_spec>& specs;
    const std::vector<event_watch>& watches;
    /// its series, that of exposures where there is none
    std::size_t covariate = exposure_series;
    /// planned now
    share_list shares{};
    double planned_information_per_exposure = 0.25;
    /// champion and challenger both serve now, or did
    bool contemporary = true;
};

/// How many of the metrics are guardrails, which divide an error rate among them.
[[nodiscard]] inline std::size_t guardrails_among(const std::vector<metric_spec>& specs) noexcept
{
    std::size_t guardrails = 0;
    for (const metric_spec& spec : specs) {
        guardrails += spec.role == metric_spec::part::guardrail ? 1U : 0U;
    }
    return guardrails;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
