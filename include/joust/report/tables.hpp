// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/report/harm_in_words.hpp>
#include <joust/report/report.hpp>
#include <joust/report/suppress.hpp>
#include <joust/report/words.hpp>

#include <cmath>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace detail {

/// The word that takes the place of numbers that were left out.
inline constexpr std::string_view left_out = "suppressed";

/// Add cells to a table, each of which a function appends to a text.
class cell_writer {
public:
    explicit cell_writer(text_table& table) : table_(table) {}

    template <class Fill>
    void operator()(Fill fill)
    {
        text_.clear();
        fill(text_);
        table_.cell(text_);
    }

private:
    text_table& table_;
    std::string text_;
};

// The following tables serve text and Markdown.

[[nodiscard]] text_table table_of_arms(const report& shown);

[[nodiscard]] text_table table_of_metrics(const report& shown);

[[nodiscard]] text_table table_of_latencies(const report& shown);

[[nodiscard]] text_table table_of_shares(const report& shown);

[[nodiscard]] text_table table_of_exclusions(const report& shown);

/// Call `each(method, metrics)` for every method with the metrics that it was used for: "click, revenue".
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

/// Call `each(state)` once for every status that is not ok.
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

/// Call `each(what, meaning)` for everything in the metrics table that needs an explanation: each status that is not
/// ok, and the method of each metric.
template <class Each>
void for_each_explanation(const report& shown, Each each)
{
    for_each_bad_status(shown, [&](status state) { each(to_string(state), explain(state)); });
    for_each_method(shown, [&](std::string_view method, std::string_view metrics) { each(metrics, method); });
    std::string feedback;
    append_feedback(feedback, shown);
    if (!feedback.empty()) {
        each(std::string_view{"exposures with feedback, champion and challenger"},
             std::string_view{feedback});
    }
}

/// Call `each(lead, text)` for every note: the counts, which have a lead, then the notes of the trial, then the reason
/// why numbers are suppressed.
template <class Each>
void for_each_note(const report& shown, Each each)
{
    std::string counts;
    append_counts(counts, shown);
    if (!counts.empty()) {
        each(std::string_view{"also counted"}, std::string_view{counts});
    }
    for (const std::string& note : shown.notes) {
        each(std::string_view{}, std::string_view{note});
    }
    if (any_suppressed(shown)) {
        each(
            std::string_view{},
            std::string_view{
                "Numbers of groups with very few units are suppressed to protect the privacy of their members."});
    }
}

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
    cell_writer add{table};
    for (const arm_row& arm : shown.arms) {
        table.cell(arm.model);
        add([&](std::string& text) { append_percent(text, arm.share); });
        if (arm.suppressed) {
            table.row({left_out});
            continue;
        }
        add([&](std::string& text) { append_count(text, arm.requests); });
        if (units) {
            add([&](std::string& text) { append_units(text, arm.units); });
        }
        add([&](std::string& text) { append_failures(text, arm); });
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
    cell_writer add{table};
    for (const metric_row& row : shown.metrics) {
        const row_format format{row};
        table.cell(row.metric);
        table.cell(row.role);
        if (several) {
            table.cell(row.arm);
        }
        const auto add_if = [&](bool show, auto&& fill) {
            add([&](std::string& text) {
                if (show) {
                    fill(text);
                } else {
                    text = "-";
                }
            });
        };
        add_if(!row.suppressed, [&](std::string& text) { format.level(text, row.champion); });
        add_if(!row.suppressed, [&](std::string& text) { format.level(text, row.challenger); });
        add_if(!row.suppressed, [&](std::string& text) { format.estimate(text, row.estimate); });
        // Intervals and tests that are not valid are left out, so that they cannot be taken for results.
        add_if(valid(row), [&](std::string& text) { format.interval(text); });
        add_if(valid(row), [&](std::string& text) { append_p_value(text, row.p_value); });
        add_if(valid(row), [&](std::string& text) { append_e_value(text, row.e_value); });
        table.cell(state_in_words(row));
    }
    return table;
}

JOUST_FUNCTION text_table table_of_latencies(const report& shown)
{
    using enum text_table::align;
    text_table table{{"model"},      {"calls", right}, {"p50", right},   {"p90", right},
                     {"p95", right}, {"p99", right},   {"p99.9", right}, {"max", right}};
    cell_writer add{table};
    for (const latency_row& row : shown.latencies) {
        table.cell(row.model);
        if (row.suppressed) {
            table.row({left_out});
            continue;
        }
        add([&](std::string& text) { append_count(text, row.count); });
        for_quantiles(row, [&](double milliseconds, bool enough) {
            add([&](std::string& text) { append_latency(text, milliseconds, enough); });
        });
    }
    return table;
}

JOUST_FUNCTION text_table table_of_exclusions(const report& shown)
{
    text_table table{
        {"guardrail"}, {"excluded by now"}, {"this stage needs"}, {"promotion needs"}, {"limited by"}};
    cell_writer add{table};
    for (const exclusion_row& row : shown.exclusions) {
        table.cell(row.guardrail);
        add([&](std::string& text) {
            append_harm(text, {row.excluded_increase, row.excluded_ratio}, row.unit);
        });
        add([&](std::string& text) {
            append_harm(text, {row.stage_increase, row.stage_ratio}, row.unit);
            text += row.excluded ? " (excluded)" : "";
        });
        add([&](std::string& text) { append_harm(text, {row.needed_increase, row.needed_ratio}, row.unit); });
        table.cell(row.limited_by.empty() ? "-" : row.limited_by);
    }
    return table;
}

JOUST_FUNCTION text_table table_of_shares(const report& shown)
{
    using enum text_table::align;
    text_table table{{"from request", right}, {"share", right}, {"why"}};
    cell_writer add{table};
    for (const share_step& step : shown.shares) {
        add([&](std::string& text) { append_fixed(text, step.requests, 0); });
        add([&](std::string& text) { append_percent(text, step.share); });
        table.cell(step.reason);
    }
    return table;
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
