// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/inference/inference.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>

#include <cmath>
#include <cstddef>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Test with evidence that holds at every look: look whenever you like, and stop when the result says so. The default.
///
/// The first rejection stays. Where a later look alone would no longer reject, the answer is that of the look with the
/// highest evidence, so that estimate, interval and p-value are always those of one look.
///
/// Until the burn-in is over (30 buckets of units with challenger data, and 10 expected challenger events) the status
/// is `burn_in` and nothing is claimed.
/// When to use: whenever a decision may be taken before the end.
/// When not: when there is certainly one look at a fixed time and the last bit of power counts; use fixed_horizon.
/// units: `units` is the planned number of exposures, at which the interval is tightest relative to its growth. A plan
/// that is wrong by a few times makes intervals wider. If fifty times as many exposures come as planned, the error rate
/// grows too (docs/explanation/statistics.md).
/// source: propensity-centred scores per bucket with Robbins' normal mixture; docs/explanation/statistics.md has the
/// definition and simulated error rates
struct always_valid {
    /// The error rate.
    double alpha = 0.05;
    /// The planned number of exposures.
    double units = 10'000;

    /// How many buckets need challenger data before the burn-in is over.
    static constexpr std::size_t burn_in_buckets = 30;
    /// How many challenger events have to be expected before the burn-in is over.
    static constexpr double burn_in_events = normal_limit_events;

    /// The policy also answers for pairs, as in shadow trials and interleaving.
    static constexpr bool pairs = true;
    /// The words of a report for when the numbers hold.
    static constexpr std::string_view holds = "intervals and e-values hold at every look.";

    /// Answer a question at one look.
    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory& memory) const noexcept;

    /// Compare all members.
    bool operator==(const always_valid&) const = default;

private:
    [[nodiscard]] static double variance_at(const stats::score_result& seen,
                                            stats::variance_clock clock) noexcept
    {
        switch (clock) {
            case stats::variance_clock::residual: return seen.v;
            case stats::variance_clock::arm_free: return seen.v0;
            case stats::variance_clock::larger: break;
        }
        return std::fmax(seen.v, seen.v0);
    }
};

#if JOUST_BODIES

JOUST_FUNCTION inference always_valid::infer(const look& at, const question& asked,
                                             test_memory& memory) const noexcept
{
    const auto test = [&](const stats::score_options& options) {
        return detail::score_of(at, asked, options);
    };
    stats::score_options options;
    options.alpha = asked.alpha;
    options.null = asked.null;
    options.min_buckets = burn_in_buckets;
    options.effective = false;
    options.rho = memory.rho > 0.0 ? memory.rho : 1.0;
    // After the burn-in one test is enough: its tuning is fixed, and its clock follows from the sums.
    const bool tuned = memory.rho > 0.0 && !at.paired();
    options.interval = tuned && at.limits && at.expected_events >= burn_in_events;
    if (tuned) {
        options.clock = stats::switching_clock(at.sums, at.expected_events);
    }
    stats::score_result seen = test(options);
    const bool burnt_in = seen.state == status::ok && at.expected_events >= burn_in_events;
    if (!tuned) {
        options.clock = stats::switching_clock(seen.challenger_buckets, at.expected_events);
    }
    if (burnt_in && !tuned) {
        if (!(memory.rho > 0.0)) {
            const double variance = std::fmax(seen.v, seen.v0);
            // If there is no finite plan to extrapolate to, nothing is fixed, and the test gives no answer.
            options.rho = stats::burn_in_rho(variance, seen.information, at.planned_information);
            memory.rho = std::isfinite(options.rho) ? options.rho : 0.0;
        }
        options.interval = at.limits;
        seen = test(options);
    }
    inference answer{.method = "normal mixture, clusters of units",
                     .champion = seen.champion,
                     .challenger = seen.challenger,
                     .estimate = seen.estimate,
                     .state = seen.state};
    if (!burnt_in || !(memory.rho > 0.0)) {
        answer.state = seen.state == status::ok ? status::burn_in : seen.state;
        return answer;
    }
    // The interval stays two-sided, so that the row of a guardrail shows both how bad and how good the challenger
    // may be.
    answer.lower = seen.lower;
    answer.upper = seen.upper;
    double log_e = seen.log_e;
    if (asked.alternative != stats::side::two) {
        log_e = stats::normal_mixture_log_e(seen.s, variance_at(seen, options.clock), options.rho,
                                            asked.alternative);
    }
    const bool highest = log_e > memory.highest_log_e;
    memory.highest_log_e = std::fmax(memory.highest_log_e, log_e);
    answer.p_value = stats::always_valid_p(memory.highest_log_e);
    const bool rejects_now = stats::always_valid_p(log_e) <= asked.alpha;
    if (rejects_now && (highest || !memory.decided.taken)) {
        if (!at.limits) {
            options.interval = true;
            const stats::score_result whole = test(options);
            answer.lower = whole.lower;
            answer.upper = whole.upper;
        }
        memory.decided = detail::counted(answer, at.exposures);
    } else if (memory.decided.taken && memory.decided.p_value <= asked.alpha && !rejects_now) {
        answer = detail::repeated(memory.decided, answer.method);
    }
    answer.log_e = memory.highest_log_e;
    answer.log_e_now = log_e;
    return answer;
}

#endif

}  // namespace v0
}  // namespace joust
