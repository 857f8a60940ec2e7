// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>

#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace detail {

/// What stands in place of numbers that were left out.
inline constexpr std::string_view left_out = "suppressed";

/// The tables that text and Markdown reports share.
JOUST_COLD [[nodiscard]] text_table table_of_arms(const report& shown);

JOUST_COLD [[nodiscard]] text_table table_of_metrics(const report& shown);

JOUST_COLD [[nodiscard]] text_table table_of_latencies(const report& shown);

JOUST_COLD [[nodiscard]] text_table table_of_shares(const report& shown);

/// Call `each(methods, metrics)` for every method with the metrics that it served: "click, revenue".
template <class Each>
void for_each_method(const report& shown, Each each)
{
    for (std::size_t i = 0; i < shown.metrics.size(); ++i) {
        const std::string& method = shown.metrics[i].method;
        bool seen = method.empty();
        for (std::size_t j = 0; j < i && !seen; ++j) {
            seen = shown.metrics[j].method == method;
        }
        if (seen) {
            continue;
        }
        std::string names;
        for (std::size_t j = i; j < shown.metrics.size(); ++j) {
            if (shown.metrics[j].method != method) {
                continue;
            }
            bool named = false;
            for (std::size_t k = i; k < j && !named; ++k) {
                named =
                    shown.metrics[k].method == method && shown.metrics[k].metric == shown.metrics[j].metric;
            }
            if (!named) {
                names += names.empty() ? "" : ", ";
                names += shown.metrics[j].metric;
            }
        }
        each(std::string_view{method}, std::string_view{names});
    }
}

/// Call `each(state)` for every status that is not ok, once.
template <class Each>
void for_each_bad_status(const report& shown, Each each)
{
    for (std::size_t i = 0; i < shown.metrics.size(); ++i) {
        const metric_row& row = shown.metrics[i];
        bool seen = row.state == status::ok || row.suppressed;
        for (std::size_t j = 0; j < i && !seen; ++j) {
            seen = shown.metrics[j].state == row.state && !shown.metrics[j].suppressed;
        }
        if (!seen) {
            each(row.state);
        }
    }
}

inline constexpr std::string_view suppressed_note =
    "Numbers of groups with very few units are suppressed, to protect those in them.";

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION text_table table_of_arms(const report& shown)
{
    using enum text_table::align;
    const bool units = counts_units(shown);
    text_table table =
        units ? text_table{{"model"},
                           {"share", right},
                           {"requests", right},
                           {"units", right},
                           {"failures", right}}
              : text_table{{"model"}, {"share", right}, {"requests", right}, {"failures", right}};
    std::string cell;
    for (const arm_row& arm : shown.arms) {
        table.cell(arm.model);
        cell.clear();
        append_percent(cell, arm.share);
        table.cell(cell);
        if (arm.suppressed) {
            table.row({left_out});
            continue;
        }
        cell.clear();
        append_count(cell, arm.requests);
        table.cell(cell);
        if (units) {
            cell.clear();
            append_units(cell, arm.units);
            table.cell(cell);
        }
        cell.clear();
        append_failures(cell, arm);
        table.cell(cell);
    }
    return table;
}

JOUST_FUNCTION text_table table_of_metrics(const report& shown)
{
    using enum text_table::align;
    const bool several = several_challengers(shown);
    std::string interval;
    append_interval_title(interval, shown);
    text_table table = several ? text_table{{"metric"},
                                            {"role"},
                                            {"arm"},
                                            {"champion", right},
                                            {"challenger", right},
                                            {"difference", right},
                                            {interval},
                                            {"p", right},
                                            {"e", right},
                                            {"status"}}
                               : text_table{{"metric"},
                                            {"role"},
                                            {"champion", right},
                                            {"challenger", right},
                                            {"difference", right},
                                            {interval},
                                            {"p", right},
                                            {"e", right},
                                            {"status"}};
    std::string cell;
    for (const metric_row& row : shown.metrics) {
        const row_format format{row};
        table.cell(row.metric);
        table.cell(row.role);
        if (several) {
            table.cell(row.arm);
        }
        const auto add = [&](bool show, auto&& fill) {
            cell.clear();
            if (show) {
                fill();
            } else {
                cell = "-";
            }
            table.cell(cell);
        };
        // Numbers that may not be believed are not shown: somebody would.
        const bool believed = row.state == status::ok && !row.suppressed;
        add(!row.suppressed, [&] { format.level(cell, row.champion); });
        add(!row.suppressed, [&] { format.level(cell, row.challenger); });
        add(!row.suppressed, [&] { format.estimate(cell, row.estimate); });
        add(believed, [&] { format.interval(cell); });
        add(believed, [&] { append_p_value(cell, row.p_value); });
        add(believed, [&] { append_e_value(cell, row.e_value); });
        table.cell(state_in_words(row));
    }
    return table;
}

JOUST_FUNCTION text_table table_of_latencies(const report& shown)
{
    using enum text_table::align;
    text_table table{{"model"},      {"calls", right}, {"p50", right},   {"p90", right},
                     {"p95", right}, {"p99", right},   {"p99.9", right}, {"max", right}};
    std::string cell;
    for (const latency_row& row : shown.latencies) {
        table.cell(row.model);
        if (row.suppressed) {
            table.row({left_out});
            continue;
        }
        cell.clear();
        append_count(cell, row.count);
        table.cell(cell);
        for (const double milliseconds : {row.p50, row.p90, row.p95, row.p99, row.p999, row.max}) {
            cell.clear();
            append_duration(cell, 1e6 * milliseconds);
            table.cell(cell);
        }
    }
    return table;
}

JOUST_FUNCTION text_table table_of_shares(const report& shown)
{
    using enum text_table::align;
    text_table table{{"from request", right}, {"share", right}, {"why"}};
    std::string cell;
    for (const share_step& step : shown.shares) {
        cell.clear();
        append_fixed(cell, step.requests, 0);
        table.cell(cell);
        cell.clear();
        append_percent(cell, step.share);
        table.cell(cell);
        table.cell(step.reason);
    }
    return table;
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
