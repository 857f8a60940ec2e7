// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// How much worse than the champion a challenger may be; name one bound. Without any, no harm is allowed.
///
/// shape: ratios are challenger / champion, increases and decreases challenger - champion in the metric's units
/// (milliseconds for latency).
struct margin {
    double max_ratio = std::numeric_limits<double>::quiet_NaN();
    double max_increase = std::numeric_limits<double>::quiet_NaN();
    double min_ratio = std::numeric_limits<double>::quiet_NaN();
    double max_decrease = std::numeric_limits<double>::quiet_NaN();
};

/// A metric with a margin that a challenger must keep; made by `guardrail`.
template <class Metric>
struct guarded {
    [[no_unique_address]] Metric metric;
    margin limit;
};

/// A metric that decides the trial; made by `primary`.
template <class Metric>
struct primary_metric {
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

/// What a guardrail asks, in one form for every metric.
struct bound {
    /// more is worse
    bool harm_is_up = true;
    bool relative = false;
    /// ratio, or signed difference challenger - champion, at the edge of what is allowed
    double value = 0.0;
};

template <class Metric>
bound bound_of(const guarded<Metric>& g)
{
    const auto& m = g.limit;
    const double given[] = {m.max_ratio, m.max_increase, m.min_ratio, m.max_decrease};
    int count = 0;
    for (const double v : given) {
        count += std::isnan(v) ? 0 : 1;
    }
    const std::string where = "guardrail(" + std::string{Metric::name()} + ")";
    if (count > 1) {
        throw configuration_error(where, std::to_string(count) + " bounds",
                                  "one of max_ratio, max_increase, min_ratio, max_decrease");
    }
    const auto reject = [&](const char* field, double value, const char* allowed) {
        throw configuration_error(where + "." + field, to_text(value), allowed);
    };
    if constexpr (std::same_as<Metric, failures>) {
        if (!std::isnan(m.min_ratio) || !std::isnan(m.max_decrease)) {
            throw configuration_error(where, "a lower bound",
                                      "max_ratio or max_increase");  // fewer failures do no harm
        }
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
    if constexpr (requires { direction_of(g.metric); } && metric<Metric>) {
        return {direction_of(g.metric) == better::down, false, 0.0};
    } else {
        return {true, false, 0.0};
    }
}

/// Say what a bound allows, in the unit that the metric is shown in: "at most 1 pp less".
inline std::string describe(const bound& b, std::string_view unit)
{
    if (b.relative) {
        return (b.harm_is_up ? "at most x " : "at least x ") + to_text(b.value);
    }
    if (b.value == 0.0) {
        return b.harm_is_up ? "no increase" : "no decrease";
    }
    std::string text = "at most ";
    // As it was written: 12 digits are more than anybody gives, and few enough to hide that 100 * 0.07 is not quite 7.
    char digits[32];
    const double shown = std::fabs(b.value) * (unit == "%" ? 100.0 : 1.0);
    text.append(digits,
                std::to_chars(digits, digits + sizeof digits, shown, std::chars_format::general, 12).ptr);
    text += unit == "%" ? " pp" : unit.empty() ? "" : " ";
    text += unit == "%" ? "" : unit;
    return text + (b.harm_is_up ? " more" : " less");
}

}  // namespace detail

/// Let a trial watch that a challenger does no more harm than a margin allows.
///
/// When to use: for everything that must not get worse while the primary metric decides. A breach ends an A/B test for the
/// challenger and rolls a canary back. Guardrails share the trial's error rate equally.
/// errors: configuration_error when the trial is built with two bounds or one out of range.
template <class Metric>
[[nodiscard]] constexpr guarded<Metric> guardrail(Metric metric, margin limit = {})
{
    static_assert(
        joust::metric<Metric> || std::same_as<Metric, latency> || std::same_as<Metric, failures>,
        "joust: guardrail() takes a metric (conversion, mean, ratio, quantile, latency, failures or your own) and a margin");
    return {std::move(metric), limit};
}

/// Catches a margin that is not named, for the sentence that refuses it.
template <class Metric, class Given>
    requires(!std::is_convertible_v<Given, margin>)
[[nodiscard]] constexpr guarded<Metric> guardrail(Metric metric, Given)
{
    static_assert(
        detail::always_false<Given>,
        "joust: the margin of a guardrail is named: guardrail(latency{}, {.max_ratio = 1.10}), or .max_increase, .min_ratio, .max_decrease");
    return {std::move(metric), {}};
}

/// Mark the metric that decides, where it is not the first one given.
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
    struct near_miss {
        static_assert(
            plays<T>,
            "joust: latency and failures are kept in every trial; name them in a guardrail: guardrail(latency{}, {.max_ratio = 1.10})");
    };
    template <class T>
    struct filled_twice {};
};

/// The role of the primary metric: made by `primary`.
struct primary_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::is_primary<T>;
    template <class T>
    struct filled_twice {
        static_assert(
            detail::always_false<T>,
            "joust: two metrics are marked primary; one decides, the others are secondary or guardrails");
    };
};

}  // namespace v0
}  // namespace joust
