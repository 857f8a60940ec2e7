// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/metric/metric.hpp>

#include <string_view>

namespace joust {
inline namespace v0 {

/// Count exposures that led to an event: a click, a purchase, a correct prediction.
///
/// An exposure without feedback counts as 0, so that labels that come for a part of the exposures need `per::observed`. With `.per = per::observed` the metric is the share of events among the
/// exposures that brought feedback. A second report for the same ticket is refused and counted.
/// When to use: for yes-or-no outcomes.
/// When not: for values other than 0 and 1; they are refused as invalid.
/// cost: 96 KiB per thread and challenger, and 72 KiB that threads share
template <fixed_string Name>
struct conversion {
    static_assert(!Name.view().empty(),
                  "joust: a metric's name is a part of its type: conversion<\"click\">{}");

    /// Which way the metric improves.
    enum better better = better::up;
    /// What the number of events is divided by: all exposures, or those that brought feedback.
    enum per per = per::exposure;

    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return Name.view(); }

    /// Take a value, and refuse anything but 0 and 1.
    constexpr void add(cell& c, double value) const noexcept
    {
        c.value = value;
        c.refused = value != 0.0 && value != 1.0;
    }

    /// Compare all members.
    bool operator==(const conversion&) const = default;
};

/// Accept a metric without a name in its type, so that the sentence above refuses it.
template <class... Given>
conversion(Given...) -> conversion<"">;

}  // namespace v0
}  // namespace joust
