// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <concepts>
#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Say which way a metric improves.
enum class better : unsigned char {
    /// More is better.
    up,
    /// Less is better.
    down
};

/// Say what the sum of a metric is divided by.
enum class per : unsigned char {
    /// Every exposure.
    exposure,
    /// Every observation; exposures without feedback do not count.
    observed
};

/// Hold what one observation contributes to a metric. The `add` of a metric, which may be your own, fills it.
struct cell {
    /// The amount that is added to the unit's bucket.
    double value = 0.0;
    /// The amount that is added to the denominator, if the metric is not divided by exposures.
    double per = 1.0;
    /// Set it if the observation cannot be used. It is then counted as invalid.
    bool refused = false;
};

/// Have a name that is known at compile time, and turn an observed value into a cell.
///
/// shape: `static name()` returns text; `add(cell&, double) const` fills the cell. A metric that is a ratio of two
/// amounts has `add(cell&, double numerator, double denominator) const` instead, and is observed with both amounts.
template <class T>
concept metric =
    requires(const T& m, cell& c) {
        { T::name() } -> std::convertible_to<std::string_view>;
    } &&
    (requires(const T& m, cell& c) { m.add(c, 1.0); } || requires(const T& m, cell& c) { m.add(c, 1.0, 1.0); });

namespace detail {

struct verb_add {
    int add;
};
template <class T>
concept has_add = derivable<T> && !requires { &both<T, verb_add>::add; };

}  // namespace detail

/// The role of a metric: verbs `name()` and `add(cell&, value)`. It may repeat.
struct metric_role {
    static constexpr bool repeats = true;
    template <class T>
    static constexpr bool plays = metric<T>;
    template <class T>
    static constexpr bool resembles = detail::has_add<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has add(), but a metric is `static name()` returning text and `add(joust::cell&, double) const`, or with two doubles for a ratio");
    }
    template <class T>
    static constexpr void filled_twice()
    {
    }
};

namespace detail {

/// Return whether trials use the name for a row of their own.
[[nodiscard]] constexpr bool is_reserved(std::string_view name) noexcept
{
    return name.empty() || name == "exposures" || name == "failures" || name == "latency" ||
           name == "covariate" || name.ends_with(", denominator") || name.ends_with(", feedback") ||
           name.ends_with(", not scored");
}

/// Is a number neither NaN nor infinite?
[[nodiscard]] constexpr bool finite(double value) noexcept
{
    constexpr double largest = std::numeric_limits<double>::max();
    return value >= -largest && value <= largest;
}

/// Return the direction in which a metric improves. It is up unless the metric has a member `better`.
template <class Metric>
constexpr better direction_of(const Metric& m) noexcept
{
    if constexpr (requires {
                      { m.better } -> std::convertible_to<enum better>;
                  }) {
        return m.better;
    } else {
        return better::up;
    }
}

/// Is a metric observed with a numerator and a denominator?
template <class Metric>
inline constexpr bool is_ratio = !requires(const Metric& m, cell& c) { m.add(c, 1.0); } &&
                                 requires(const Metric& m, cell& c) { m.add(c, 1.0, 1.0); };

/// Is a metric divided by something other than the number of exposures?
template <class Metric>
constexpr bool has_denominator(const Metric& m) noexcept
{
    if constexpr (requires {
                      { m.per } -> std::convertible_to<enum per>;
                  }) {
        return m.per == per::observed;
    } else {
        return is_ratio<Metric>;
    }
}

/// May one ticket bring several values of a metric?
template <class Metric>
constexpr bool accumulates(const Metric& m) noexcept
{
    if constexpr (requires {
                      { m.accumulate } -> std::convertible_to<bool>;
                  }) {
        return m.accumulate;
    } else {
        return false;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
