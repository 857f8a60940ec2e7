// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/report/forecast.hpp>
#include <joust/stats/planning/canary_plan.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/detail/rollout.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say what is expected of one guardrail's metric before a canary is launched.
struct expected_level {
    /// The name of the metric: "failures", "latency", or that of a metric of the trial.
    std::string name{};
    /// The champion's level: a rate, a mean, or the guarded quantile of the latency in milliseconds.
    double level = 0.0;
    /// The standard deviation of the values, by default that of a proportion; for the latency that of its logarithm.
    double spread = std::numeric_limits<double>::quiet_NaN();
    /// How long feedback takes on average.
    /// units: seconds
    double feedback_after = 0.0;
};

/// Describe the traffic that a canary is going to see, for `canary.plan(traffic)`.
struct expected_traffic {
    /// The requests in a second, of both models together.
    double requests_per_second = 1.0;
    /// The number of different units; infinite where each request is a unit of its own.
    double units = std::numeric_limits<double>::infinity();
    /// The levels of the guardrails' metrics. Failures are taken to be 0.1 %, and a latency to be 10 ms, where they are not given.
    std::vector<expected_level> levels{};
    /// How many threads serve.
    std::size_t threads = 4;
    /// What the trial adds to a request. The default is what an untimed call measured; a call that is timed adds two clock
    /// reads.
    double nanoseconds_per_request = 15.0;
    /// How many bytes a recorder writes for a request, such as 200 for `event_log`; 0 without one.
    double log_bytes_per_request = 0.0;
    /// How many rollouts of each kind are simulated.
    std::size_t rollouts = 1'000;
    /// The seed of the simulation.
    std::uint64_t seed = 1;
};

namespace detail {

/// Return the expected level of a metric, or a default for failures and latency.
/// errors: configuration_error for a metric without a level
[[nodiscard]] expected_level level_for(const expected_traffic& traffic, const metric_spec& spec,
                                       bool latency);

/// Return what a guardrail and its harm mean to a plan.
[[nodiscard]] stats::planned_guardrail planned(const metric_spec& spec, const stats::excluded_harm& exclude,
                                               const expected_level& level, bool latency);

/// Return about how much memory a trial's evidence takes.
[[nodiscard]] double memory_of(std::size_t series, std::size_t arms, std::size_t threads);

#if JOUST_BODIES

JOUST_FUNCTION expected_level level_for(const expected_traffic& traffic, const metric_spec& spec,
                                        bool latency)
{
    for (const expected_level& each : traffic.levels) {
        if (each.name == spec.name) {
            return each;
        }
    }
    if (latency) {
        return {.name = spec.name, .level = 10.0};
    }
    if (spec.series == failure_series) {
        return {.name = spec.name, .level = 0.001};
    }
    throw configuration_error("expected_traffic.levels", "no level of " + spec.name,
                              "the champion's level of every guardrail's metric, such as {\"" + spec.name +
                                  "\", 0.8}");
}

JOUST_FUNCTION stats::planned_guardrail planned(const metric_spec& spec, const stats::excluded_harm& exclude,
                                                const expected_level& level, bool latency)
{
    // A plan states how much less as a positive number.
    const auto change = [](double increase) { return std::fabs(increase); };
    const auto factor = [](double ratio) { return 1.0 + std::fabs(ratio - 1.0); };
    stats::planned_guardrail out{
        .name = spec.name,
        .kind = latency                         ? stats::watched::latency
                : spec.series == failure_series ? stats::watched::events
                                                : stats::watched::mean,
        .level = level.level,
        .spread = level.spread,
        .exclude = {.increase = change(exclude.increase), .ratio = factor(exclude.ratio)},
        .weight = spec.weight,
        .lag_seconds = level.feedback_after};
    if (spec.limit.relative) {
        out.allowed.ratio = factor(spec.limit.value);
    } else {
        out.allowed.increase = change(spec.limit.value);
    }
    return out;
}

JOUST_FUNCTION double memory_of(std::size_t series, std::size_t arms, std::size_t threads)
{
    const slab_layout layout{arms, series};
    const double slab =
        static_cast<double>(layout.rows() * sizeof(slab_row) +
                            arms * (latency_sketch::bins * sizeof(std::uint64_t) + hyperloglog<>::size));
    return slab * static_cast<double>(threads);
}

#endif

/// Foretell a canary by its own ramp and guardrails.
template <class Core, class Rollout>
[[nodiscard]] canary_forecast plan_of(const Core& core, const Rollout& rollout,
                                      const expected_traffic& traffic)
{
    const std::vector<metric_spec>& specs = core.metrics().metrics().specs();
    const std::vector<event_watch>& watches = core.metrics().metrics().watches();
    const ramp& rules = rollout.rules();
    stats::planned_canary plan{.alpha = core.trial().inference().alpha,
                               .beta = rules.beta,
                               .requests_per_second = traffic.requests_per_second,
                               .units = traffic.units,
                               .planned_exposures = core.trial().inference().units,
                               .rollouts = traffic.rollouts,
                               .seed = traffic.seed,
                               .memory_bytes =
                                   memory_of(core.metrics().metrics().series_count(), 2, traffic.threads),
                               .nanoseconds_per_request = traffic.nanoseconds_per_request,
                               .log_bytes_per_request = traffic.log_bytes_per_request};
    for (const metric_spec& spec : specs) {
        if (spec.role != metric_spec::part::guardrail || spec.limit.alone || spec.quantile >= 0) {
            continue;
        }
        const bool latency = spec.watch >= 0 && watches[static_cast<std::size_t>(spec.watch)].on_latency;
        plan.guardrails.push_back(
            planned(spec, harm_to_exclude(spec, rules.exclude), level_for(traffic, spec, latency), latency));
        if (latency) {
            plan.guardrails.back().quantile = watches[static_cast<std::size_t>(spec.watch)].q;
        }
    }
    for (const double share : rules.shares) {
        plan.stages.push_back({.share = share,
                               .least_requests = static_cast<double>(rules.requests),
                               .least_seconds = rules.seconds});
    }
    return forecast(std::move(plan));
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
