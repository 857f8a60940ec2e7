// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/metric/failures.hpp>
#include <joust/metric/latency.hpp>
#include <joust/metric/metric.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Say how much worse than the champion a challenger may be. Set one bound; without any bound no harm is allowed.
///
/// shape: ratios are challenger / champion; increases and decreases are challenger - champion in the units of the
/// metric (milliseconds for latency)
struct margin {
    /// The largest ratio that is allowed, at least 1. NaN sets no bound.
    double max_ratio = std::numeric_limits<double>::quiet_NaN();
    /// The largest increase that is allowed, at least 0. NaN sets no bound.
    double max_increase = std::numeric_limits<double>::quiet_NaN();
    /// The smallest ratio that is allowed, above 0 and at most 1. NaN sets no bound.
    double min_ratio = std::numeric_limits<double>::quiet_NaN();
    /// The largest decrease that is allowed, at least 0. NaN sets no bound.
    double max_decrease = std::numeric_limits<double>::quiet_NaN();
};

/// Hold a metric with a margin that a challenger must keep; made by `guardrail`.
template <class Metric>
struct guarded {
    /// The metric.
    [[no_unique_address]] Metric metric;
    /// The margin.
    margin limit;
};

/// Hold the metric that decides the trial; made by `primary`.
template <class Metric>
struct primary_metric {
    /// The metric.
    [[no_unique_address]] Metric metric;
};

namespace detail {

template <class T>
inline constexpr bool is_guarded = false;
template <class Metric>
inline constexpr bool is_guarded<guarded<Metric>> = true;
template <class T>
inline constexpr bool is_primary = false;
template <class Metric>
inline constexpr bool is_primary<primary_metric<Metric>> = true;

/// The limit of a guardrail, in one form for every metric.
struct bound {
    /// Whether more of the metric is worse.
    bool harm_is_up = true;
    /// Whether the limit is a ratio, and not a difference.
    bool relative = false;
    /// The edge of what is allowed: a ratio, or a signed difference challenger - champion.
    double value = 0.0;
};

/// Check a margin, and turn it into a limit. A metric on which less can do no harm has no lower bound; `otherwise` is the
/// limit where no bound is set.
/// errors: configuration_error for two bounds or a bound out of range
[[nodiscard]] bound limit_of(std::string_view metric, const margin& m, bool less_does_no_harm,
                             const bound& otherwise);

/// Check the margin of a guardrail, and turn it into a limit.
/// errors: configuration_error for two bounds or a bound out of range
template <class Metric>
bound bound_of(const guarded<Metric>& g)
{
    bound otherwise{true, false, 0.0};
    if constexpr (requires { direction_of(g.metric); } && metric<Metric>) {
        otherwise.harm_is_up = direction_of(g.metric) == better::down;
    }
    return limit_of(Metric::name(), g.limit, std::same_as<Metric, failures>, otherwise);
}

/// Say what a limit allows, in the unit that reports show: "at most 1 pp less".
std::string describe(const bound& b, std::string_view unit);

}  // namespace detail

/// Let a trial watch that a challenger does no more harm than a margin allows.
///
/// When to use: for everything that must not get worse while the primary metric decides. A breach ends an A/B test for
/// the challenger and rolls a canary back. The guardrails share the error rate of the trial equally.
/// When not: for the metric that the challenger should improve; that is the primary metric.
/// errors: configuration_error, when the trial is built, for two bounds or a bound out of range
template <class Metric>
[[nodiscard]] constexpr guarded<Metric> guardrail(Metric metric, margin limit = {})
{
    static_assert(
        joust::metric<Metric> || std::same_as<Metric, latency> || std::same_as<Metric, failures>,
        "joust: guardrail() takes a metric (conversion, mean, ratio, quantile, latency, failures or your own) and a margin");
    return {std::move(metric), limit};
}

/// Take a margin that is not named, so that a sentence refuses it.
template <class Metric, class Given>
    requires(!std::is_convertible_v<Given, margin>)
[[nodiscard]] constexpr guarded<Metric> guardrail(Metric metric, Given)
{
    static_assert(
        detail::always_false<Given>,
        "joust: the margin of a guardrail is named: guardrail(latency{}, {.max_ratio = 1.10}), or .max_increase, .min_ratio, .max_decrease");
    return {std::move(metric), {}};
}

/// Mark the metric that decides the trial. Without a mark the first metric decides.
template <class Metric>
[[nodiscard]] constexpr primary_metric<Metric> primary(Metric metric)
{
    static_assert(
        joust::metric<Metric>,
        "joust: primary() takes a metric that users feed: conversion, mean, ratio, quantile or your own; a guardrail, latency and failures do not decide");
    return {std::move(metric)};
}

/// The role of a guardrail: made by `guardrail`. It may repeat.
struct guardrail_role {
    static constexpr bool repeats = true;
    template <class T>
    static constexpr bool plays = detail::is_guarded<T>;
    template <class T>
    static constexpr bool resembles = std::same_as<T, latency> || std::same_as<T, failures>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: latency and failures are kept in every trial; name them in a guardrail: guardrail(latency{}, {.max_ratio = 1.10})");
    }
    template <class T>
    static constexpr void filled_twice()
    {
    }
};

/// The role of the primary metric: made by `primary`.
struct primary_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::is_primary<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(
            detail::always_false<T>,
            "joust: two metrics are marked primary; one decides, the others are secondary or guardrails");
    }
};

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION bound limit_of(std::string_view metric, const margin& m, bool less_does_no_harm,
                              const bound& otherwise)
{
    const double given[] = {m.max_ratio, m.max_increase, m.min_ratio, m.max_decrease};
    int count = 0;
    for (const double v : given) {
        count += std::isnan(v) ? 0 : 1;
    }
    const std::string where = "guardrail(" + std::string{metric} + ")";
    if (count > 1) {
        throw configuration_error(where, std::to_string(count) + " bounds",
                                  "one of max_ratio, max_increase, min_ratio, max_decrease");
    }
    const auto reject = [&](const char* field, double value, const char* allowed) {
        throw configuration_error(where + "." + field, to_text(value), allowed);
    };
    if (less_does_no_harm && (!std::isnan(m.min_ratio) || !std::isnan(m.max_decrease))) {
        throw configuration_error(where, "a lower bound", "max_ratio or max_increase");
    }
    if (!std::isnan(m.max_ratio)) {
        if (!(m.max_ratio >= 1.0) || std::isinf(m.max_ratio)) {
            reject("max_ratio", m.max_ratio, "a finite ratio of at least 1");
        }
        return {true, true, m.max_ratio};
    }
    if (!std::isnan(m.max_increase)) {
        if (!(m.max_increase >= 0.0) || std::isinf(m.max_increase)) {
            reject("max_increase", m.max_increase, "a finite number of at least 0");
        }
        return {true, false, m.max_increase};
    }
    if (!std::isnan(m.min_ratio)) {
        if (!(m.min_ratio > 0.0 && m.min_ratio <= 1.0)) {
            reject("min_ratio", m.min_ratio, "a ratio above 0 and at most 1");
        }
        return {false, true, m.min_ratio};
    }
    if (!std::isnan(m.max_decrease)) {
        if (!(m.max_decrease >= 0.0) || std::isinf(m.max_decrease)) {
            reject("max_decrease", m.max_decrease, "a finite number of at least 0");
        }
        return {false, false, -m.max_decrease};
    }
    return otherwise;
}

JOUST_FUNCTION std::string describe(const bound& b, std::string_view unit)
{
    if (b.relative) {
        return joined({b.harm_is_up ? "at most x " : "at least x ", to_text(b.value)});
    }
    if (b.value == 0.0) {
        return b.harm_is_up ? "no increase" : "no decrease";
    }
    std::string text = "at most ";
    // The number is shown as the user wrote it: 12 digits are more than a margin has, and few enough to hide that 100 *
    // 0.07 is not quite 7.
    char digits[32];
    const double shown = std::fabs(b.value) * (unit == "%" ? 100.0 : 1.0);
    text.append(digits,
                std::to_chars(digits, digits + sizeof digits, shown, std::chars_format::general, 12).ptr);
    append_all(text, {unit == "%"    ? " pp"
                      : unit.empty() ? ""
                                     : " ",
                      unit == "%" ? "" : unit, b.harm_is_up ? " more" : " less"});
    return text;
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
