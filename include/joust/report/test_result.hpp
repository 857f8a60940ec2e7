// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/stats/result.hpp>

#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Append the result of a test: one line such as `welch_t: +0.053 [-0.041, +0.147], p = 0.269`,
/// a table, a Markdown table, or a JSON object with the raw numbers.
JOUST_COLD void write(const test_result& result, std::string& out, style how);

}  // namespace stats

#if JOUST_BODIES

namespace stats {

JOUST_FUNCTION void write(const test_result& result, std::string& out, style how)
{
    if (how == style::json) {
        json_writer json{out};
        json.begin_object().member("method", result.method).member("status", to_string(result.state));
        json.member("statistic", result.statistic).member("df", result.df);
        json.member("p_value", result.p_value).member("log_p", result.log_p);
        json.member("estimate", result.estimate).member("lower", result.lower);
        json.member("upper", result.upper).end_object();
        return;
    }

    const auto known = [](double value) { return value == value; };
    const double width = result.upper - result.lower;
    const bool interval = known(result.lower) && known(result.upper);
    const auto number = [&](std::string& text, double value, signs plus) {
        if (interval && joust::detail::printable_number(width) && width != 0.0) {
            append_fixed(text, value, decimals_for(width), plus);
        } else {
            append_number(text, value, 4, plus);
        }
    };
    std::string bounds;
    if (interval) {
        bounds += joust::detail::printable_number(result.lower) ? '[' : '(';
        number(bounds, result.lower, signs::always);
        bounds += ", ";
        number(bounds, result.upper, signs::always);
        bounds += joust::detail::printable_number(result.upper) ? ']' : ')';
    }

    if (how == style::line) {
        append_clean(out, result.method.empty() ? std::string_view{"test"} : result.method);
        out += ':';
        if (result.state != status::ok) {
            out += ' ';
            out += to_string(result.state);
            return;
        }
        std::string_view between = " ";
        if (known(result.estimate)) {
            out += between;
            number(out, result.estimate, signs::always);
            between = ", ";
        }
        if (interval) {
            out += ' ';
            out += bounds;
            between = ", ";
        }
        if (known(result.statistic)) {
            out += between;
            out += "statistic ";
            append_number(out, result.statistic);
            between = ", ";
        }
        if (known(result.df)) {
            out += between;
            out += "df ";
            append_number(out, result.df);
            between = ", ";
        }
        if (known(result.p_value)) {
            out += between;
            out += result.p_value < 1e-300 ? "p " : "p = ";
            append_p_value(out, result.p_value);
        }
        return;
    }

    using enum text_table::align;
    text_table table{{"method"},    {"estimate", right}, {"interval"}, {"statistic", right},
                     {"df", right}, {"p", right},        {"status"}};
    const auto cell = [&](double value) {
        std::string text;
        append_number(text, value);
        table.cell(text);
    };
    table.cell(result.method);
    std::string estimate;
    number(estimate, result.estimate, signs::always);
    table.cell(estimate);
    table.cell(bounds.empty() ? std::string_view{"-"} : std::string_view{bounds});
    cell(result.statistic);
    cell(result.df);
    std::string p;
    append_p_value(p, result.p_value);
    table.cell(p);
    table.cell(to_string(result.state));
    if (how == style::markdown) {
        table.write_markdown(out);
    } else {
        table.write_text(out, "");
    }
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
