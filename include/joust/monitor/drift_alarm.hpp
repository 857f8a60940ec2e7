// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/drift_report.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Say when a monitor calls a difference a drift.
/// cost: O(1)
struct drift_alarm {
    /// The promise about false alarms. It is shared over the features, so that it holds for the monitor as a whole.
    /// units: rows
    false_alarms promise = false_alarms::every(1e7);
    /// How large the stability index, minus its mean by chance, may be without mattering. 0.01 is a change of about a
    /// tenth of every cell.
    double tolerance = 0.01;
    /// How many rows a block needs before the size of its difference is used.
    double min_rows = 200.0;
    /// The seed of the order of rows in a block. The same blocks and seed give the same evidence.
    std::uint64_t seed = 1;

    /// Check the numbers.
    /// errors: configuration_error if the tolerance or the minimum of rows is negative or NaN
    void check() const
    {
        if (!(tolerance >= 0.0)) {
            throw configuration_error("drift_alarm.tolerance", to_text(tolerance), "0 or more");
        }
        if (!(min_rows >= 0.0)) {
            throw configuration_error("drift_alarm.min_rows", to_text(min_rows), "0 or more");
        }
    }
};

/// Call a function when a feature becomes drifted; made by `on_drift`.
template <class Callable>
struct drift_listener {
    /// The function.
    Callable callable;
};

/// Call a function once for each feature that becomes drifted, with its row of the report: the evidence, the size of the change and the
/// three cells that changed most. `restart()` makes it ready again.
///
/// shape: `on_drift([](const joust::drift_row& row) { page(row.feature); })`
/// errors: what the function throws comes out of `check()`, after the block was taken
/// cost: one report for each check
template <class Callable>
[[nodiscard]] drift_listener<std::decay_t<Callable>> on_drift(Callable&& callable)
{
    static_assert(std::is_invocable_v<std::decay_t<Callable>&, const drift_row&>,
                  "joust: on_drift(...) takes a callable on a const joust::drift_row&");
    return {std::forward<Callable>(callable)};
}

}  // namespace v0
}  // namespace joust
