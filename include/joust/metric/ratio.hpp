// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/metric/metric.hpp>

#include <string_view>

namespace joust {
inline namespace v0 {

/// Divide one amount by another, each summed over an arm: clicks per view, revenue per order, errors per token.
///
/// This is the ratio of the sums and not the mean of the ratios of exposures: large denominators weigh more, as they do
/// in a dashboard. Its intervals use the delta method, clustered by unit, and they hold if the challenger changes the
/// denominator too.
/// When to use: when the denominator is random.
/// When not: for an amount per exposure (`mean`, `conversion`), or per observation (`.per = per::observed` of these).
/// shape: `observe<"name">(ticket, numerator, denominator)`
/// cost: 144 KiB per thread and challenger, and 72 KiB that threads share
template <fixed_string Name>
struct ratio {
    static_assert(!Name.view().empty(),
                  "joust: a metric's name is a part of its type: ratio<\"clicks per view\">{}");

    /// Which way the metric improves.
    enum better better = better::up;
    /// Add up several pairs for one ticket, instead of refusing the second one.
    bool accumulate = false;

    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return Name.view(); }

    /// Take both amounts, and refuse NaN, infinity and a negative denominator.
    constexpr void add(cell& c, double numerator, double denominator) const noexcept
    {
        c.value = numerator;
        c.per = denominator;
        c.refused = !(detail::finite(numerator) && detail::finite(denominator) && denominator >= 0.0);
    }

    /// Compare all members.
    bool operator==(const ratio&) const = default;
};

/// Accept a metric without a name in its type, so that the sentence above refuses it.
template <class... Given>
ratio(Given...) -> ratio<"">;

}  // namespace v0
}  // namespace joust
