// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/inference.hpp>
#include <joust/report/report.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <cstddef>
#include <string>
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

struct setting;

/// What only guardrails on latency, quantile metrics and covariates need. A trial that has none of them names no function, so
/// that it compiles none.
struct special_metrics {
    /// Turn an answer about late calls into one about the quantile of the latency.
    void (*show_latency)(inference& answer, const evidence& seen, std::size_t pair, const event_watch& watch,
                         const look& at, double alpha) = nullptr;
    /// Turn an answer about values beyond a threshold into one about their quantile.
    void (*show_values)(inference& answer, const quantile_evidence& seen, const pair_evidence& sums,
                        std::size_t pair, const metric_spec& spec) = nullptr;
    /// Say what the values of a quantile metric are held against.
    std::string (*threshold_in_words)(const evidence& seen, const metric_spec& spec) = nullptr;
    /// Say how much of a metric's variance its covariate takes out.
    void (*annotate_covariate)(report& out, const evidence& seen, const setting& how) = nullptr;
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
    special_metrics special{};
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
