// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/report/report.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {

/// The number of units below which the numbers of a group tell too much about its members.
inline constexpr std::uint64_t default_min_units = 5;

/// Remove the numbers of small groups from a report, and mark what is left out as `suppressed`.
///
/// An arm is small if it has served at least one unit, but fewer than `min_units` distinct units (requests, if units
/// are not counted). Its requests, units, failures and latencies are removed, and so is every metric row that compares
/// it; if the champion is small, every row is. Latencies with fewer than `min_units` measurements are removed too.
/// What the course of a trial knew of a row is removed with the row, and at each look at which an arm was small then.
/// Shares, steps and counts of refused input stay, since they describe the trial and not its users. Texts (reason,
/// notes) stay as the trial wrote them. Every writer calls this first; a minimum of 0 or 1 turns it off.
/// assumes: the names of arms differ, and the champion is the first
[[nodiscard]] report suppress_small_groups(report all, std::uint64_t min_units = default_min_units);

/// Say whether numbers were left out of a report.
[[nodiscard]] bool any_suppressed(const report& shown) noexcept;

#if JOUST_BODIES

JOUST_FUNCTION report suppress_small_groups(report all, std::uint64_t min_units)
{
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    const auto small = [min_units](double size) {
        return size > 0.0 && size + 0.5 < static_cast<double>(
                                              min_units);  // Half a unit is added, since sizes are estimates.
    };
    const auto hidden = [&all](const std::string& model) {
        for (const arm_row& arm : all.arms) {
            if (arm.model == model) {
                return arm.suppressed;
            }
        }
        return false;
    };
    for (arm_row& arm : all.arms) {
        if (arm.suppressed || small(arm.units > 0.0 ? arm.units : static_cast<double>(arm.requests))) {
            arm = {.model = arm.model, .share = arm.share, .suppressed = true};
        }
    }
    const bool no_champion = !all.arms.empty() && all.arms.front().suppressed;
    for (metric_row& row : all.metrics) {
        if (row.suppressed || no_champion || hidden(row.arm)) {
            row.champion = row.challenger = row.estimate = row.lower = row.upper = unknown;
            row.p_value = row.e_value = row.champion_feedback = row.challenger_feedback = unknown;
            row.suppressed = true;
        }
    }
    for (std::size_t r = 0; r < all.course.rows().size(); ++r) {
        const bool gone = no_champion || hidden(all.course.rows()[r].arm);
        for (std::size_t i = 0; i < all.course.size(); ++i) {
            if (gone || small(all.course.look(i).units)) {
                all.course.value(i, r) = {};
            }
        }
    }
    for (latency_row& row : all.latencies) {
        if (row.suppressed || hidden(row.model) || small(static_cast<double>(row.count))) {
            row = {.model = row.model, .suppressed = true};
        }
    }
    return all;
}

JOUST_FUNCTION bool any_suppressed(const report& shown) noexcept
{
    for (const arm_row& arm : shown.arms) {
        if (arm.suppressed) {
            return true;
        }
    }
    for (const metric_row& row : shown.metrics) {
        if (row.suppressed) {
            return true;
        }
    }
    for (const latency_row& row : shown.latencies) {
        if (row.suppressed) {
            return true;
        }
    }
    return false;
}

#endif

}  // namespace v0
}  // namespace joust
