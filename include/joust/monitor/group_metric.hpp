// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/metric/metric.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// The name of a metric within a group, put together at compile time: "approved, women".
template <class Metric, fixed_string Group>
struct name_in_group {
    static constexpr std::size_t length = std::string_view{Metric::name()}.size() + 2 + Group.view().size();
    static constexpr std::array<char, length> text = [] {
        std::array<char, length> made{};
        std::size_t next = 0;
        for (const char c : std::string_view{Metric::name()}) {
            made[next++] = c;
        }
        made[next++] = ',';
        made[next++] = ' ';
        for (const char c : Group.view()) {
            made[next++] = c;
        }
        return made;
    }();
};

}  // namespace detail

/// A metric that only the exposures of one group bring values of; made by `in_group`.
template <fixed_string Group, class Metric>
struct metric_in_group {
    static_assert(!Group.view().empty(),
                  "joust: a group has a name: in_group<\"women\">(conversion<\"approved\">{})");
    static_assert(joust::metric<Metric> && !detail::is_ratio<Metric>,
                  "joust: in_group<\"women\">(...) takes a metric of one value: conversion or mean");

    /// The metric.
    [[no_unique_address]] Metric metric;
    /// Exposures of other groups bring no value, and do not count.
    enum per per = joust::per::observed;
    /// Which way the metric improves.
    enum better better = joust::better::up;

    /// Return the name: that of the metric, and the group.
    static constexpr std::string_view name() noexcept
    {
        using names = detail::name_in_group<Metric, Group>;
        return {names::text.data(), names::text.size()};
    }

    /// Take a value as the metric does.
    constexpr void add(cell& c, double value) const noexcept { metric.add(c, value); }
};

/// Hold a metric for the exposures of one group, so that a guardrail watches that group alone. A guardrail for each group is a worst-group
/// guardrail: the trial shares the error rate of its guardrails over them, and a breach in one group is a breach.
/// In a gate, where every row has a value, run the rows of each group and let the worst verdict count.
///
/// shape: `guardrail(in_group<"women">(conversion<"approved">{}), {.max_decrease = 0.02})` and one for each other group, in an A/B test or a canary;
/// values come by `observe_in_group(trial, "approved", group, what, value)`
/// When to use: where a challenger must not gain on average by losing in a group.
/// When not: to compare the groups of one model with each other; use `fairness::group_watch`.
/// assumes: groups that were fixed before the trial
/// cost: that of one more metric for each group
template <fixed_string Group, class Metric>
[[nodiscard]] constexpr metric_in_group<Group, Metric> in_group(Metric of)
{
    metric_in_group<Group, Metric> made{std::move(of)};
    made.better = detail::direction_of(made.metric);
    return made;
}

/// Report a value of the metric of one group: `observe_in_group(trial, "approved", "women", ticket, true)`. Returns whether the value was used.
/// errors: configuration_error where the trial has no guardrail for that group
/// cost: that of `observe`, and one text
template <class Trial, class What, class Value>
bool observe_in_group(Trial& trial, std::string_view metric, std::string_view group, const What& what,
                      Value value)
{
    std::string name{metric};
    name += ", ";
    name += group;
    return trial.observe(std::string_view{name}, what, value);
}

}  // namespace v0
}  // namespace joust
