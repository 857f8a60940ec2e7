// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/metric/metric.hpp>

#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Divide one amount by another, each summed over an arm: clicks per view, revenue per order, errors per token.
///
/// The ratio of sums, not the mean of each exposure's ratio: large denominators weigh more, as they do in a dashboard. Its
/// intervals are those of the delta method, clustered by unit, and hold where the challenger changes the denominator too.
/// When to use: where the denominator is random. When not: per exposure (`mean`, `conversion`), or per observation of it
/// (`.per = per::observed` there).
/// shape: `observe<"name">(ticket, numerator, denominator)`
/// cost: 96 KiB per thread and challenger
template <fixed_string Name>
struct ratio {
    static_assert(!Name.view().empty(),
                  "joust: a metric's name is a part of its type: ratio<\"clicks per view\">{}");

    enum better better = better::up;
    /// add up several pairs for one ticket instead of refusing the second
    bool accumulate = false;

    static constexpr std::string_view name() noexcept { return Name.view(); }

    constexpr void add(cell& c, double numerator, double denominator) const noexcept
    {
        constexpr double largest = std::numeric_limits<double>::max();
        c.value = numerator;
        c.per = denominator;
        c.refused =
            !(numerator >= -largest && numerator <= largest && denominator >= 0.0 && denominator <= largest);
    }

    bool operator==(const ratio&) const = default;
};

/// Catches a metric without a name in its type, for the sentence that refuses it.
template <class... Given>
ratio(Given...) -> ratio<"">;

}  // namespace v0
}  // namespace joust
