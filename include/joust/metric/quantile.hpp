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
/// The quantile of the champion's first `warm_up` values is kept as a threshold. From then on the question is how often
/// values of each arm exceed it, and this share is tested as any proportion of observations is: by unit, under ramps
/// and drift, at every look. The report shows the quantiles of both arms in the units of the metric, and the interval
/// of the difference if the threshold allows one (docs/explanation/statistics.md).
/// When to use: when the tail or the middle matters, and a few huge values would dominate a mean.
/// When not: for the time that a call takes (`latency`, which every trial measures); for values with few levels, where
/// a quantile stands still while shares move (`conversion`). For two quantiles of one quantity use two names.
/// shape: `observe<"name">(ticket, value)`; exposures without a value do not count
/// units: those of the values; quantiles are kept to within 1.6 %, magnitudes below 6e-8 count as 0 and those above
/// 1e12 share a bin
/// cost: 144 KiB per thread and challenger; 192 KiB per challenger, shared by threads; about 5 ns more for each value
/// than `ratio`
template <fixed_string Name>
struct quantile {
    static_assert(!Name.view().empty(),
                  "joust: a metric's name is a part of its type: quantile<\"wait\">{.q = 0.9}");

    /// The quantile, as a probability.
    double q = 0.9;
    /// How many values of the champion fix the threshold.
    unsigned warm_up = 1'000;
    /// A threshold that is known beforehand, such as last week's quantile of the champion. With it there is no warm-up,
    /// and replicas have the same threshold.
    double threshold = std::numeric_limits<double>::infinity();
    /// Which way the metric improves.
    enum better better = better::up;
    /// Take several values for one ticket, instead of refusing the second one.
    bool accumulate = false;

    /// Exposures without a value do not count.
    static constexpr enum per per = joust::per::observed;
    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return Name.view(); }

    /// Take a value, and refuse NaN and infinity.
    constexpr void add(cell& c, double value) const noexcept
    {
        c.value = value;
        c.refused = !detail::finite(value);
    }

    /// Compare all members.
    bool operator==(const quantile&) const = default;
};

/// Accept a metric without a name in its type, so that the sentence above refuses it.
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
