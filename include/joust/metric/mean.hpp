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
/// An exposure without feedback counts as 0. With `.per = per::observed` the metric is the mean of what was observed.
/// Heavy tails make every test slow; limit what one exposure may bring by `cap`.
/// When to use: for amounts.
/// When not: for a ratio whose denominator is not the exposure (`ratio`).
/// units: those of the values
/// cost: 96 KiB per thread and challenger, and 72 KiB that threads share
template <fixed_string Name>
struct mean {
    static_assert(!Name.view().empty(),
                  "joust: a metric's name is a part of its type: mean<\"revenue\">{.cap = 500.0}");

    /// The largest value that counts. Larger values count as this one.
    double cap = std::numeric_limits<double>::infinity();
    /// Which way the metric improves.
    enum better better = better::up;
    /// Add up several values for one ticket, instead of refusing the second one.
    bool accumulate = false;
    /// What the sum is divided by: all exposures, or the observations.
    enum per per = per::exposure;

    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return Name.view(); }

    /// Take a value up to the cap, and refuse NaN and infinity.
    constexpr void add(cell& c, double value) const noexcept
    {
        c.value = value < cap ? value : cap;
        // The value itself is tested, since the cap would turn NaN and infinity into an amount.
        c.refused = !detail::finite(value);
    }

    /// Compare all members.
    bool operator==(const mean&) const = default;
};

/// Accept a metric without a name in its type, so that the sentence above refuses it.
template <class... Given>
mean(Given...) -> mean<"">;

}  // namespace v0
}  // namespace joust
