// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/metric/failures.hpp>
#include <joust/metric/latency.hpp>
#include <joust/metric/metric.hpp>
#include <joust/stats/sequential/excluded_harm.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Say which harm a canary has to exclude before it passes its last stage and promotes the challenger.
///
/// That no harm at all is done can never be shown, so what is shown is that a stated harm is not done. An increase and a
/// ratio together mean the larger of the two, and so do a decrease and a smallest ratio. Where `exclude` gives one kind
/// and the margin the other, the larger of the two has to be excluded.
///
/// shape: ratios are challenger / champion; increases and decreases are challenger - champion in the units of the
/// metric (milliseconds for latency)
struct stated_harm {
    /// The ratio that is excluded, above 1. NaN sets none.
    double max_ratio = std::numeric_limits<double>::quiet_NaN();
    /// The increase that is excluded, above 0. NaN sets none.
    double max_increase = std::numeric_limits<double>::quiet_NaN();
    /// The ratio that is excluded, above 0 and below 1. NaN sets none.
    double min_ratio = std::numeric_limits<double>::quiet_NaN();
    /// The decrease that is excluded, above 0. NaN sets none.
    double max_decrease = std::numeric_limits<double>::quiet_NaN();
};

/// Say how much worse than the champion a challenger may be, or which level of its own it has to keep. Without any bound
/// no harm is allowed.
///
/// One bound above and one below make the guardrail two-sided. Each bound is judged at its part of the guardrail's error
/// rate: half of it where there are two. Two bounds of one kind on one side are refused, since the stricter one would decide.
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
    /// The highest level that the challenger itself may have, whatever the champion's is: a service-level objective such as
    /// 0.02 for failures, or 250 milliseconds for a quantile of the latency. NaN sets no limit.
    double at_most = std::numeric_limits<double>::quiet_NaN();
    /// The lowest level that the challenger itself may have, whatever the champion's is. NaN sets no limit.
    double at_least = std::numeric_limits<double>::quiet_NaN();
    /// The harm that a canary has to exclude before it promotes; without it the canary's own default counts. It lies at
    /// the bound above or beyond it: between the two, rolling back and promoting are both right.
    stated_harm exclude = {};
    /// The weight of the guardrail, above 0: its part of the guardrails' error rate is its weight divided by the sum of all
    /// weights. A guardrail of a larger weight acts a little earlier.
    double weight = 1.0;
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
    /// The edge of what is allowed: a ratio, a signed difference challenger - champion, or a level of the challenger.
    double value = 0.0;
    /// Whether the challenger is held against the value itself, and not against the champion.
    bool alone = false;
};

/// All limits of one guardrail: on each side at most one against the champion, and one of the challenger's own level.
struct bound_list {
    std::array<bound, 4> of{};
    std::size_t count = 0;

    [[nodiscard]] const bound* begin() const noexcept { return of.data(); }
    [[nodiscard]] const bound* end() const noexcept { return of.data() + count; }
};

/// The harm that a guardrail wants a canary to exclude before it promotes. The larger of two harms counts.
struct stated_exclusion : stats::excluded_harm {
    /// Whether the guardrail states a harm. Otherwise the canary has a default.
    bool given = false;
    /// Whether more of the metric is worse, as in the limit of the guardrail.
    bool harm_is_up = true;
};

/// Check the harm that a guardrail wants excluded, and turn it into one form. A kind of harm that is not given is that of
/// the limit, if the limit allows any. Where a guardrail has two sides, each takes the harm of its own direction.
/// errors: configuration_error for a harm of the other direction, out of range, or smaller than what the limit allows
[[nodiscard]] stated_exclusion exclusion_of(std::string_view metric, const stated_harm& given,
                                            const bound& limit, const bound_list& all);

/// Check a margin, and turn it into limits. A metric on which less can do no harm has no lower bound; `otherwise` is the
/// limit where no bound is set.
/// errors: configuration_error for two bounds of one kind, or a bound or a weight out of range
[[nodiscard]] bound_list limits_of(std::string_view metric, const margin& m, bool less_does_no_harm,
                                   const bound& otherwise);

/// Check the margin of a guardrail, and turn it into limits.
/// errors: configuration_error for two bounds of one kind, or a bound or a weight out of range
template <class Metric>
bound_list bounds_of(const guarded<Metric>& g)
{
    bound otherwise{true, false, 0.0};
    if constexpr (requires { direction_of(g.metric); } && metric<Metric>) {
        otherwise.harm_is_up = direction_of(g.metric) == better::down;
    }
    return limits_of(Metric::name(), g.limit, std::same_as<Metric, failures> || std::same_as<Metric, latency>,
                     otherwise);
}

/// Say what a limit allows, in the unit that reports show: "at most 1 pp less".
std::string describe(const bound& b, std::string_view unit);

}  // namespace detail

/// Let a trial watch that a challenger does no more harm than a margin allows.
///
/// When to use: for everything that must not get worse while the primary metric decides. A breach ends an A/B test for
/// the challenger and rolls a canary back. The guardrails share the error rate of the trial by their weights.
/// When not: for the metric that the challenger should improve; that is the primary metric.
/// shape: `guardrail(failures{}, {.max_ratio = 1.1})`, `guardrail(mean<"score">{}, {.max_increase = 0.02, .max_decrease =
/// 0.02})`, `guardrail(failures{}, {.at_most = 0.02})`
/// errors: configuration_error, when the trial is built, for two bounds of one kind or a number out of range
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
        "joust: the margin of a guardrail is named: guardrail(latency{}, {.max_ratio = 1.10}), or .max_increase, .min_ratio, .max_decrease, .at_most, .at_least");
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

JOUST_FUNCTION bound_list limits_of(std::string_view metric, const margin& m, bool less_does_no_harm,
                                    const bound& otherwise)
{
    struct field {
        const char* name;
        double value;
        bool fits;
        const char* allowed;
        bound limit;
    };
    const field fields[] = {
        {"max_ratio",
         m.max_ratio,
         m.max_ratio >= 1.0,
         "a finite ratio of at least 1",
         {true, true, m.max_ratio}},
        {"max_increase",
         m.max_increase,
         m.max_increase >= 0.0,
         "a finite number of at least 0",
         {true, false, m.max_increase}},
        {"min_ratio",
         m.min_ratio,
         m.min_ratio > 0.0 && m.min_ratio <= 1.0,
         "a ratio above 0 and at most 1",
         {false, true, m.min_ratio}},
        {"max_decrease",
         m.max_decrease,
         m.max_decrease >= 0.0,
         "a finite number of at least 0",
         {false, false, -m.max_decrease}},
        {"at_most", m.at_most, true, "a finite number", {true, false, m.at_most, true}},
        {"at_least", m.at_least, true, "a finite number", {false, false, m.at_least, true}}};
    const std::string where = "guardrail(" + std::string{metric} + ")";
    if (!(m.weight > 0.0) || std::isinf(m.weight)) {
        throw configuration_error(where + ".weight", to_text(m.weight), "a finite number above 0");
    }
    bound_list found;
    const char* before = nullptr;
    for (const field& each : fields) {
        if (std::isnan(each.value)) {
            continue;
        }
        if (less_does_no_harm && !each.limit.harm_is_up) {
            throw configuration_error(where, "a lower bound", "max_ratio, max_increase or at_most");
        }
        if (!each.fits || std::isinf(each.value)) {
            throw configuration_error(where + "." + each.name, to_text(each.value), each.allowed);
        }
        for (const bound& other : found) {
            if (other.harm_is_up == each.limit.harm_is_up && other.alone == each.limit.alone) {
                throw configuration_error(
                    where, std::string{before} + " and " + each.name,
                    "one of them: two bounds on one side are one, since the stricter one would decide");
            }
        }
        before = each.name;
        found.of[found.count++] = each.limit;
    }
    if (found.count == 0) {
        found.of[found.count++] = otherwise;
    }
    return found;
}

JOUST_FUNCTION stated_exclusion exclusion_of(std::string_view metric, const stated_harm& given,
                                             const bound& limit, const bound_list& all)
{
    stated_exclusion found;
    found.harm_is_up = limit.harm_is_up;
    bool up = !std::isnan(given.max_ratio) || !std::isnan(given.max_increase);
    bool down = !std::isnan(given.min_ratio) || !std::isnan(given.max_decrease);
    std::size_t comparing = 0;
    for (const bound& each : all) {
        comparing += each.alone ? 0U : 1U;
    }
    const std::string where = "guardrail(" + std::string{metric} + ").exclude";
    if ((up || down) && comparing == 0) {
        throw configuration_error(where, "given beside a limit of the challenger's own level",
                                  "nothing: such a limit is itself what has to be kept");
    }
    if (comparing == 2) {
        (limit.harm_is_up ? down : up) = false;
    }
    if (limit.alone || (!up && !down)) {
        return found;
    }
    if (up != limit.harm_is_up || down == limit.harm_is_up) {
        throw configuration_error(
            where,
            up && down ? "a harm in two directions"
            : up       ? "more"
                       : "less",
            limit.harm_is_up ? "max_ratio, max_increase or both, as the guardrail stops what is more"
                             : "min_ratio, max_decrease or both, as the guardrail stops what is less");
    }
    const auto check = [&](bool fits, const char* field, double value, const char* allowed) {
        if (!std::isnan(value) && (!fits || std::isinf(value))) {
            throw configuration_error(where + "." + field, to_text(value), allowed);
        }
    };
    check(given.max_ratio > 1.0, "max_ratio", given.max_ratio,
          "a finite ratio above 1, since no data can show that there is no increase at all");
    check(given.max_increase > 0.0, "max_increase", given.max_increase,
          "a finite number above 0, since no data can show that there is no increase at all");
    check(given.min_ratio > 0.0 && given.min_ratio < 1.0, "min_ratio", given.min_ratio,
          "a ratio above 0 and below 1, since no data can show that there is no decrease at all");
    check(given.max_decrease > 0.0, "max_decrease", given.max_decrease,
          "a finite number above 0, since no data can show that there is no decrease at all");
    found.given = true;
    found.ratio = up ? given.max_ratio : given.min_ratio;
    found.increase = up ? given.max_increase : -given.max_decrease;
    double& same_kind = limit.relative ? found.ratio : found.increase;
    const bool allows_none = limit.value == (limit.relative ? 1.0 : 0.0);
    if (std::isnan(same_kind)) {
        same_kind = allows_none ? same_kind : limit.value;
    } else if (limit.harm_is_up ? same_kind < limit.value : same_kind > limit.value) {
        const char* const field =
            limit.relative ? (up ? ".max_ratio" : ".min_ratio") : (up ? ".max_increase" : ".max_decrease");
        throw configuration_error(
            where + field, to_text(limit.relative ? same_kind : std::fabs(same_kind)),
            "at least as much harm as the guardrail allows (" +
                to_text(limit.relative ? limit.value : std::fabs(limit.value)) +
                "), since a challenger that the guardrail allows could otherwise never be promoted");
    }
    return found;
}

/// Write a number of a margin with its unit.
[[nodiscard]] inline std::string in_unit(double value, std::string_view unit, std::string_view of_proportions)
{
    // The number is shown as the user wrote it: 12 digits are more than a margin has, and few enough to hide that 100 *
    // 0.07 is not quite 7.
    char digits[32];
    const double shown = value * (unit == "%" ? 100.0 : 1.0);
    std::string text(
        digits, std::to_chars(digits, digits + sizeof digits, shown, std::chars_format::general, 12).ptr);
    text += unit.empty() ? "" : " ";
    text += unit == "%" ? of_proportions : unit;
    return text;
}

JOUST_FUNCTION std::string describe(const bound& b, std::string_view unit)
{
    if (b.alone) {
        return (b.harm_is_up ? "at most " : "at least ") + in_unit(b.value, unit, "%") + " by itself";
    }
    if (b.relative) {
        return joined({b.harm_is_up ? "at most x " : "at least x ", to_text(b.value)});
    }
    if (b.value == 0.0) {
        return b.harm_is_up ? "no increase" : "no decrease";
    }
    return "at most " + in_unit(std::fabs(b.value), unit, "pp") + (b.harm_is_up ? " more" : " less");
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
