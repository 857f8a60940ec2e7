// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/stats/result.hpp>

#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

[[nodiscard]] constexpr bool is_known(double value) noexcept
{
    return value == value;
}

/// Append an estimate or a bound, with the decimals that the width of the interval asks for.
inline void append_in_interval(std::string& out, const test_result& result, double value)
{
    const double width = result.upper - result.lower;
    if (joust::detail::printable_number(width) && width != 0.0) {
        append_fixed(out, value, decimals_for(width), signs::always);
    } else {
        append_number(out, value, 4, signs::always);
    }
}

/// Append the interval: "[-0.041, +0.147]". A side without a bound gets a round bracket; without an interval nothing is
/// appended.
inline void append_bounds(std::string& out, const test_result& result)
{
    if (!is_known(result.lower) || !is_known(result.upper)) {
        return;
    }
    out += joust::detail::printable_number(result.lower) ? '[' : '(';
    append_in_interval(out, result, result.lower);
    out += ", ";
    append_in_interval(out, result, result.upper);
    out += joust::detail::printable_number(result.upper) ? ']' : ')';
}

inline void write_json(const test_result& result, std::string& out)
{
    json_writer json{out};
    json.begin_object().member("method", result.method).member("status", to_string(result.state));
    json.member("statistic", result.statistic).member("df", result.df);
    json.member("p_value", result.p_value).member("log_p", result.log_p);
    json.member("estimate", result.estimate).member("lower", result.lower);
    json.member("upper", result.upper).end_object();
}

inline void write_line(const test_result& result, std::string& out)
{
    append_clean(out, result.method.empty() ? std::string_view{"test"} : result.method);
    out += ':';
    if (result.state != status::ok) {
        out += ' ';
        out += to_string(result.state);
        return;
    }
    std::string_view between = " ";
    const auto part = [&](std::string_view name) {
        out += between;
        out += name;
        between = ", ";
    };
    if (is_known(result.estimate)) {
        part("");
        append_in_interval(out, result, result.estimate);
    }
    if (std::string bounds; append_bounds(bounds, result), !bounds.empty()) {
        out += ' ' + bounds;
        between = ", ";
    }
    if (is_known(result.statistic)) {
        part("statistic ");
        append_number(out, result.statistic);
    }
    if (is_known(result.df)) {
        part("df ");
        append_number(out, result.df);
    }
    if (is_known(result.p_value)) {
        part(result.p_value < 1e-300 ? "p " : "p = ");
        append_p_value(out, result.p_value);
    }
}

[[nodiscard]] inline text_table table_of(const test_result& result)
{
    using enum text_table::align;
    text_table table{{"method"},    {"estimate", right}, {"interval"}, {"statistic", right},
                     {"df", right}, {"p", right},        {"status"}};
    std::string estimate;
    append_in_interval(estimate, result, result.estimate);
    std::string bounds;
    append_bounds(bounds, result);
    std::string statistic;
    append_number(statistic, result.statistic);
    std::string df;
    append_number(df, result.df);
    std::string p;
    append_p_value(p, result.p_value);
    table.row({result.method, estimate, bounds.empty() ? std::string_view{"-"} : std::string_view{bounds},
               statistic, df, p, to_string(result.state)});
    return table;
}

}  // namespace detail

/// Append the result of a test: one line such as `welch_t: +0.053 [-0.041, +0.147], p = 0.269`, a table, a Markdown
/// table, or a JSON object with the raw numbers.
inline void write(const test_result& result, std::string& out, style how)
{
    switch (how) {
        case style::line: detail::write_line(result, out); return;
        case style::table: detail::table_of(result).write_text(out, ""); return;
        case style::markdown: detail::table_of(result).write_markdown(out); return;
        case style::json: detail::write_json(result, out); return;
    }
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
