// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/metric/metric.hpp>

#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Compare a quantile of what is observed: the 90th percentile of waiting time, the median order, the tail of an error.
///
/// A threshold is fixed at the champion's quantile of its first `warm_up` values; from then on the question is how often
/// values exceed it, judged as any proportion of observations is: by unit, under ramps and drift, at every look. The report
/// shows quantiles of both arms in the metric's own units, and the interval of the difference where the threshold lies
/// (docs/explanation/statistics.md).
/// When to use: where the tail or the middle matters and a mean would be ruled by a few huge values. When not: for the time a
/// call takes (`latency`, kept anyway); for values with few levels, where a quantile stands still while shares move
/// (`conversion`); for two quantiles of one thing, give it two names.
/// shape: `observe<"name">(ticket, value)`; exposures without a value do not count
/// units: those of the values; quantiles are kept to within 1.6 %, magnitudes below 6e-8 as 0 and up to 1e12
/// cost: 96 KiB per thread and challenger; 128 KiB per challenger, shared by threads; some 5 ns a value beside a ratio's
template <fixed_string Name>
struct quantile {
    static_assert(!Name.view().empty(),
                  "joust: a metric's name is a part of its type: quantile<\"wait\">{.q = 0.9}");

    double q = 0.9;
    /// the champion's values that the threshold is read off
    unsigned warm_up = 1'000;
    /// Where a threshold is known beforehand, as from last week's champion: then there is no warm-up, and replicas agree.
    double threshold = std::numeric_limits<double>::infinity();
    enum better better = better::up;
    /// take several values for one ticket instead of refusing the second
    bool accumulate = false;

    static constexpr enum per per = joust::per::observed;
    static constexpr std::string_view name() noexcept { return Name.view(); }

    constexpr void add(cell& c, double value) const noexcept
    {
        constexpr double largest = std::numeric_limits<double>::max();
        c.value = value;
        c.refused = !(value >= -largest && value <= largest);
    }

    bool operator==(const quantile&) const = default;
};

/// Catches a metric without a name in its type, for the sentence that refuses it.
template <class... Given>
quantile(Given...) -> quantile<"">;

namespace detail {

template <class T>
inline constexpr bool is_quantile = false;
template <fixed_string Name>
inline constexpr bool is_quantile<quantile<Name>> = true;

}  // namespace detail
}  // namespace v0
}  // namespace joust
