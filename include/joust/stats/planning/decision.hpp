// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Describe a decision: how many tests of each kind it rests on, and the error rates that it may have.
///
/// Success metrics are tested for superiority, guardrails for non-inferiority. Deterioration tests check whether any
/// metric is significantly worse, quality tests whether the experiment itself is sound (sample ratio, delays). The
/// rates of the last two kinds are those of all their tests together.
struct decision_plan {
    /// The probability of shipping a change that is no success, or breaks a guardrail.
    double alpha = 0.05;
    /// The probability of not shipping a change that has the planned effects.
    double beta = 0.2;
    /// The number of success metrics.
    std::size_t successes = 1;
    /// The number of guardrails.
    std::size_t guardrails = 0;
    /// The number of deterioration tests.
    std::size_t deteriorations = 0;
    /// The number of quality tests.
    std::size_t qualities = 0;
    /// The false alarm rate of all deterioration tests together.
    double deterioration_alpha = 0.01;
    /// The false alarm rate of all quality tests together.
    double quality_alpha = 0.01;
};

/// Hold the levels at which each single test has to be run and powered.
struct decision_levels {
    /// The one-sided level of each success metric.
    double success_alpha = not_a_number;
    /// The one-sided level of each guardrail, which is not divided.
    double guardrail_alpha = not_a_number;
    /// The one-sided level of each deterioration test.
    double deterioration_alpha = not_a_number;
    /// The level of each quality test.
    double quality_alpha = not_a_number;
    /// The type II error of each success metric and each guardrail.
    double beta = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::out_of_range;
};

/// Divide the error rates of a decision among its tests.
///
/// Alpha is divided among the success metrics only, because shipping needs one of them. It is not divided among the
/// guardrails: shipping needs all of them, so each one is a veto (an intersection-union test). Beta is divided,
/// because every guardrail is one more way to miss; the false alarms of the deterioration and quality tests are
/// subtracted first. All divisions follow Bonferroni's inequality, so they hold under any dependence of the metrics.
/// errors: out_of_range (rates outside (0, 1), no success metric, or beta used up by the false alarms of the
///     deterioration and quality tests).
/// cost: O(1), a few divisions
/// source: Schultzberg, Ankargren and Frånberg 2024, "Risk-aware product decisions in A/B tests with multiple
///     metrics"; Berger 1982 (intersection-union tests).
[[nodiscard]] inline decision_levels divide_errors(const decision_plan& plan) noexcept
{
    decision_levels levels;
    const bool deterioration = plan.deteriorations > 0;
    const bool quality = plan.qualities > 0;
    if (!detail::is_alpha(plan.alpha) || !detail::is_alpha(plan.beta) || plan.successes == 0 ||
        (deterioration && !detail::is_alpha(plan.deterioration_alpha)) ||
        (quality && !detail::is_alpha(plan.quality_alpha))) {
        return levels;
    }
    const double left =
        plan.beta - (deterioration ? plan.deterioration_alpha : 0.0) - (quality ? plan.quality_alpha : 0.0);
    if (!(left > 0.0)) {
        return levels;
    }
    levels.success_alpha = plan.alpha / static_cast<double>(plan.successes);
    levels.guardrail_alpha = plan.alpha;
    if (deterioration) {
        levels.deterioration_alpha = plan.deterioration_alpha / static_cast<double>(plan.deteriorations);
    }
    if (quality) {
        levels.quality_alpha = plan.quality_alpha / static_cast<double>(plan.qualities);
    }
    levels.beta = left / static_cast<double>(plan.guardrails + 1);
    levels.state = status::ok;
    return levels;
}

/// Hold the one-sided p-values of the tests of a decision; NaN stands for a test without a p-value.
struct decision_evidence {
    /// Success metrics: a small p-value means superior.
    std::span<const double> successes{};
    /// Guardrails: a small p-value means not inferior.
    std::span<const double> guardrails{};
    /// Deterioration tests: a small p-value means significantly worse.
    std::span<const double> deteriorations{};
    /// Quality tests: a small p-value means that the experiment is not sound.
    std::span<const double> qualities{};
};

/// Report the decision, and the reason for it.
struct decision_result {
    /// True where the change should be shipped.
    bool ship = false;
    /// The reason, as a sentence without its full stop.
    std::string_view reason{};
    /// How many success metrics are shown to be superior.
    std::size_t successes = 0;
    /// How many guardrails are shown to be not inferior.
    std::size_t guardrails = 0;
    /// How many deterioration tests are significant.
    std::size_t deteriorations = 0;
    /// How many quality tests are significant.
    std::size_t quality_failures = 0;
    /// How many tests have no p-value.
    std::size_t missing = 0;
    /// The levels that the tests were judged at.
    decision_levels levels{};
    /// Whether the numbers are valid, and why not.
    status state = status::out_of_range;
};

/// Decide whether to ship: at least one success, every guardrail shown to be not inferior, nothing significantly
/// worse, and a sound experiment. A change that should not be shipped is shipped with probability alpha or less.
///
/// The counts of tests in `plan` need not be set: they are taken from the evidence, unless more were planned (a metric
/// without a result still counts). A guardrail without a p-value counts as not shown; a deterioration or quality test
/// without a p-value blocks shipping.
/// errors: out_of_range (as divide_errors; a p-value outside [0, 1]).
/// cost: O(m) for m metrics.
/// source: as divide_errors.
[[nodiscard]] inline decision_result decide(const decision_evidence& evidence,
                                            decision_plan plan = {}) noexcept
{
    decision_result result;
    const auto at_least = [](std::size_t& planned, std::size_t given) {
        planned = given > planned ? given : planned;
    };
    at_least(plan.successes, evidence.successes.size());
    at_least(plan.guardrails, evidence.guardrails.size());
    at_least(plan.deteriorations, evidence.deteriorations.size());
    at_least(plan.qualities, evidence.qualities.size());
    result.levels = divide_errors(plan);
    if (result.levels.state != status::ok) {
        result.reason = "the error rates leave nothing to decide with";
        return result;
    }
    bool valid = true;
    const auto count = [&](std::span<const double> p_values, double alpha) {
        std::size_t rejected = 0;
        for (const double p : p_values) {
            if (std::isnan(p)) {
                ++result.missing;
            } else if (!(p >= 0.0 && p <= 1.0)) {
                valid = false;
            } else if (p <= alpha) {
                ++rejected;
            }
        }
        return rejected;
    };
    result.successes = count(evidence.successes, result.levels.success_alpha);
    result.guardrails = count(evidence.guardrails, result.levels.guardrail_alpha);
    const std::size_t missing_before = result.missing;
    result.deteriorations = count(evidence.deteriorations, result.levels.deterioration_alpha);
    result.quality_failures = count(evidence.qualities, result.levels.quality_alpha);
    const bool unwatched = result.missing != missing_before ||
                           evidence.deteriorations.size() < plan.deteriorations ||
                           evidence.qualities.size() < plan.qualities;
    if (!valid) {
        result.reason = "a p-value is outside 0 to 1";
        return result;
    }
    result.state = status::ok;
    if (result.quality_failures > 0) {
        result.reason = "the experiment is not sound: a quality test failed";
    } else if (result.deteriorations > 0) {
        result.reason = "a metric is significantly worse";
    } else if (unwatched) {
        result.reason = "a deterioration or quality test has no result";
    } else if (result.guardrails < plan.guardrails) {
        result.reason = "a guardrail is not shown to hold";
    } else if (result.successes == 0) {
        result.reason = "no success metric is shown to be better";
    } else {
        result.ship = true;
        result.reason = "a success metric is better and every guardrail holds";
    }
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
