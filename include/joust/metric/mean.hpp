// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/metric/metric.hpp>

#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Average a number over exposures: revenue, dwell time, squared error.
///
/// An exposure without feedback counts as 0, unless `.per = per::observed` asks for the mean of what was observed. Heavy tails
/// make every test slow: cap what one exposure may bring.
/// When to use: amounts. When not: a ratio whose denominator is not the exposure (`ratio`).
/// units: those of the values; `cap` is the largest value that counts, larger ones count as `cap`.
/// cost: 48 KiB per thread and challenger.
template <fixed_string Name>
struct mean {
    static_assert(!Name.view().empty(),
                  "joust: a metric's name is a part of its type: mean<\"revenue\">{.cap = 500.0}");

    double cap = std::numeric_limits<double>::infinity();
    enum better better = better::up;
    /// add up several values for one ticket instead of refusing the second
    bool accumulate = false;
    /// observed: divide by the number of observations
    enum per per = per::exposure;

    static constexpr std::string_view name() noexcept { return Name.view(); }

    constexpr void add(cell& c, double value) const noexcept
    {
        constexpr double largest = std::numeric_limits<double>::max();
        c.value = value < cap ? value : cap;
        c.refused =
            !(value >= -largest && value <= largest);  // NaN or infinite: a cap would make an amount of it
    }

    bool operator==(const mean&) const = default;
};

/// Catches a metric without a name in its type, for the sentence that refuses it.
template <class... Given>
mean(Given...) -> mean<"">;

}  // namespace v0
}  // namespace joust
