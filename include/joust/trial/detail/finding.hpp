// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/inference.hpp>
#include <joust/report/report.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// The reasons why an answer about a metric does not count as a judgement.
enum class gap : unsigned char {
    none,
    /// The status of the answer is not ok.
    state,
    /// An arm has never got a value.
    no_values,
    /// The challenger has served too few units.
    few_units,
    /// The challenger has too few timed calls.
    not_timed,
    /// Feedback stopped.
    stopped,
    /// Values that cannot be scored are lost in one arm more than in the other.
    lost_by_arm,
    /// Values that cannot be scored could change the verdict.
    lost,
    /// One arm gets feedback for a smaller share of its exposures.
    uneven,
    /// Exposures without a label count as if they had failed.
    partly_labelled,
    /// The challenger failed on calls that the champion answered in its place.
    failed
};

/// What became of the feedback on a metric in both arms.
struct feedback_account {
    /// The share of exposures with feedback, or NaN where the metric takes none.
    double champion = stats::not_a_number;
    double challenger = stats::not_a_number;
    /// How many values could not be scored.
    std::uint64_t champion_lost = 0;
    std::uint64_t challenger_lost = 0;
    /// The share of zeros among the values.
    double zeros = 0.0;
    /// The exposures of an arm since its feedback stopped.
    std::uint64_t champion_quiet = 0;
    std::uint64_t challenger_quiet = 0;
    bool champion_stopped = false;
    bool challenger_stopped = false;
    /// Whether the shares of exposures with feedback differ by arm.
    bool differ = false;
    /// Whether these shares differ by arm where feedback may come for events alone, and a missing value would favour the arm.
    bool may_miss = false;
    /// Whether the shares of values that cannot be scored differ by arm.
    bool lost_differ = false;
    /// Whether an arm without a value of what is reported where it happens counts as 0 of its exposures.
    bool silence_is_zero = false;
    /// Whether labels, of which many are missing, are divided by all exposures.
    bool partly_labelled = false;

    [[nodiscard]] std::uint64_t lost() const noexcept { return champion_lost + challenger_lost; }
    [[nodiscard]] bool stopped() const noexcept { return champion_stopped || challenger_stopped; }
};

/// The result of one look at one metric of one challenger.
struct finding {
    /// The index of the metric in the specs.
    std::size_t metric = 0;
    /// The challenger's arm minus 1.
    std::size_t pair = 0;
    inference answer{};
    /// The share of the error rate that this finding may use.
    double alpha = 0.05;
    /// Whether a guardrail is broken.
    bool breached = false;
    /// Whether the challenger is better.
    bool wins = false;
    /// Whether the challenger is worse.
    bool loses = false;
    feedback_account account{};
    /// How far the failures of the challenger could move the difference against it.
    double shift_by_failures = 0.0;
    /// Why the answer does not count as a judgement.
    gap missing = gap::none;
    /// Whether the error rate holds exactly, and not only in the limit of many units.
    bool exact = false;
    /// Whether each request was a bet of its own, which needs no burn-in.
    bool bets = false;
    /// Whether a guardrail without enough events for a comparison holds because they are so few.
    bool too_rare_to_break = false;
    /// For first events: the epoch that has shown the highest evidence, or 0.
    std::uint32_t epoch = 0;
    /// For first events: the number of epochs so far.
    std::uint32_t epochs = 0;
};

/// The results of one look at a trial.
struct judgement {
    std::vector<finding> findings;
    /// The test of the sample ratio for each challenger.
    std::vector<stats::score_result> split;
    bool mismatch = false;

    /// Make room for the findings of a look. Nothing is allocated where there is room already.
    void make_room(std::size_t challengers, std::size_t metrics)
    {
        split.resize(challengers);
        findings.resize(challengers * metrics);
    }

    /// Return the first guardrail of a challenger that is not judged, or null where all are judged.
    [[nodiscard]] const finding* unjudged(std::size_t pair, const std::vector<metric_spec>& specs) const
    {
        for (const finding& f : findings) {
            if (f.pair == pair && specs[f.metric].role == metric_spec::part::guardrail &&
                f.missing != gap::none) {
                return &f;
            }
        }
        return nullptr;
    }

    /// Return the guardrail that stops a challenger, or null.
    [[nodiscard]] const finding* stopped_by(std::size_t pair) const
    {
        for (const finding& f : findings) {
            if (f.pair == pair && f.breached) {
                return &f;
            }
        }
        return nullptr;
    }

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

/// Functions that only guardrails, quantile metrics and covariates need. A trial without these names none of the
/// functions, so it does not compile them.
struct special_metrics {
    /// Judge a guardrail by a test of its own. Returns false where the policy judges it as any metric.
    bool (*judge_guardrail)(finding& found, const any_inference& policy, evidence& seen, const setting& how,
                            const look& at, const question& asked, test_memory& memory,
                            const live_evidence* live) = nullptr;
    /// Return a sentence about the guardrail that is broken.
    std::string (*breach_of)(const evidence& seen, const judgement& found, const setting& how,
                             std::size_t pair) = nullptr;
    /// Note the evidence that guardrails have and need.
    void (*annotate_guardrails)(report& out) = nullptr;
    /// Turn an answer about late calls into one about the quantile of the latency.
    void (*show_latency)(inference& answer, const evidence& seen, std::size_t pair, const event_watch& watch,
                         const look& at, double alpha) = nullptr;
    /// Turn an answer about values beyond a threshold into one about their quantile.
    void (*show_values)(inference& answer, const quantile_evidence& seen, const pair_evidence& sums,
                        std::size_t pair, const metric_spec& spec) = nullptr;
    /// Turn an answer about late calls, or values beyond a limit, into one about the challenger's own quantile.
    void (*show_level_of_latency)(inference& answer, const evidence& seen, std::size_t pair,
                                  double q) = nullptr;
    void (*show_level_of_values)(inference& answer, const quantile_evidence& seen, std::size_t pair,
                                 double q) = nullptr;
    /// Describe the threshold that the values of a quantile metric are compared with.
    std::string (*threshold_in_words)(const evidence& seen, const metric_spec& spec) = nullptr;
    /// Note how much of a metric's variance the covariate removes.
    void (*annotate_covariate)(report& out, const evidence& seen, const setting& how) = nullptr;
};

/// The settings of a trial that judging needs.
struct setting {
    const std::vector<metric_spec>& specs;
    const std::vector<event_watch>& watches;
    /// The series of the covariate, or the series of exposures where the trial has no covariate.
    std::size_t covariate = exposure_series;
    /// The shares of the current plan.
    share_list shares{};
    double planned_information_per_exposure = 0.25;
    /// Whether the champion and the challenger serve at the same time, or have done so.
    bool contemporary = true;
    special_metrics special{};
    /// Whether a guardrail is on failures.
    bool guards_failures = false;
    /// Whether intervals are wanted. A look that only decides goes without those that it does not need.
    bool limits = true;
    /// Whether each request is randomised by itself and judged at every look, so that guardrails on events can bet on each.
    bool bets = false;
};

/// Return the number of guardrails, which divide an error rate among them.
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
