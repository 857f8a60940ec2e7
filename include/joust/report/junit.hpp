// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/core/utf8.hpp>
#include <joust/report/report.hpp>
#include <joust/report/suppress.hpp>
#include <joust/report/words.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

namespace detail {

inline void append_xml(std::string& out, std::string_view text)
{
    for (std::size_t i = 0; i < text.size();) {
        const code_point point = decode_utf8(text, i);
        const std::string_view bytes = text.substr(i, point.bytes);
        i += point.bytes;
        switch (point.valid ? point.value : U'\uFFFD') {
            case U'&': out += "&amp;"; break;
            case U'<': out += "&lt;"; break;
            case U'>': out += "&gt;"; break;
            case U'"': out += "&quot;"; break;
            case U'\n': out += "&#10;"; break;
            default:
                if (point.valid && !unprintable(point.value)) {
                    out += bytes;
                } else {
                    out += "\xEF\xBF\xBD";
                }
        }
    }
}

/// "accuracy +0.48 pp [-0.20, +1.16], p = 0.031, n = 4,511 + 499 units"
[[nodiscard]] inline std::string finding_in_words(const report& shown, const metric_row& row)
{
    const row_format format{row};
    std::string text = row.metric + ' ';
    format.estimate(text, row.estimate);
    text += ' ';
    format.interval(text);
    if (known(row.margin)) {
        text += ", limit ";
        format.estimate(text, row.margin);
    }
    if (known(row.p_value)) {
        text += row.p_value < 1e-300 ? ", p " : ", p = ";
        append_p_value(text, row.p_value);
    }
    if (known(row.e_value)) {
        text += ", e = ";
        append_e_value(text, row.e_value);
    }
    const bool units = counts_units(shown);
    std::string_view between = ", n = ";
    for (const arm_row& arm : shown.arms) {
        if (&arm == &shown.arms.front() || arm.model == row.arm) {
            text += between;
            if (units) {
                append_units(text, arm.units);
            } else {
                append_count(text, arm.requests);
            }
            between = " + ";
        }
    }
    text += shown.arms.empty() ? "" : units ? " units" : " requests";
    return text;
}

}  // namespace detail

/// Write reports as JUnit XML, which CI systems show: one suite per report, one test case per metric row and one
/// for the verdict.
///
/// A row fails where its interval lies beyond the margin, or on the worse side where it has none; it is skipped
/// where nothing is settled (the reason is its message). The verdict fails where `exit_code` is not 0.
[[nodiscard]] inline std::string junit(std::span<const report> reports,
                                       std::uint64_t min_units = default_min_units)
{
    std::string suites;
    std::uint64_t tests = 0;
    std::uint64_t failures = 0;
    std::uint64_t skipped = 0;
    for (const report& full : reports) {
        const report shown = suppress_small_groups(full, min_units);
        std::string cases;
        std::uint64_t suite_failures = 0;
        std::uint64_t suite_skipped = 0;
        const auto open = [&](std::string_view name) {
            cases += "    <testcase classname=\"";
            detail::append_xml(cases, shown.kind);
            cases += '.';
            detail::append_xml(cases, shown.name);
            cases += "\" name=\"";
            detail::append_xml(cases, name);
            cases += '"';
        };
        const auto result = [&](std::string_view tag, std::string_view type, std::string_view message) {
            cases += ">\n      <";
            cases += tag;
            if (!type.empty()) {
                cases += " type=\"";
                cases += type;
                cases += '"';
            }
            cases += " message=\"";
            detail::append_xml(cases, message);
            cases += "\"/>\n    </testcase>\n";
        };
        for (const metric_row& row : shown.metrics) {
            std::string name = row.metric;
            name += row.arm.empty() ? "" : ": " + row.arm;
            name += row.role.empty() ? "" : " (" + row.role + ')';
            open(name);
            const standing where = standing_of(row);
            if (where == standing::beyond_margin || where == standing::worse) {
                ++suite_failures;
                result("failure", where == standing::worse ? "worse" : "beyond margin",
                       detail::finding_in_words(shown, row));
            } else if (where == standing::on_margin) {
                ++suite_skipped;
                result("skipped", {}, "margin not settled: " + detail::finding_in_words(shown, row));
            } else if (where == standing::unknown) {
                ++suite_skipped;
                const std::string_view why = row.suppressed || row.state == status::ok
                                                 ? detail::state_in_words(row)
                                                 : explain(row.state);
                result("skipped", {}, why);
            } else {
                cases += "/>\n";
            }
        }
        open("verdict");
        if (exit_code(shown) != 0) {
            ++suite_failures;
            std::string message{to_string(shown.decision)};
            message += shown.reason.empty() ? "" : ": " + shown.reason;
            result("failure", to_string(shown.decision), message);
        } else {
            cases += "/>\n";
        }

        const std::uint64_t suite_tests = shown.metrics.size() + 1;
        suites += "  <testsuite name=\"";
        detail::append_xml(suites, shown.name);
        suites += "\" tests=\"" + std::to_string(suite_tests);
        suites += "\" failures=\"" + std::to_string(suite_failures);
        suites += "\" errors=\"0\" skipped=\"" + std::to_string(suite_skipped) + "\">\n";
        suites += cases;
        suites += "  </testsuite>\n";
        tests += suite_tests;
        failures += suite_failures;
        skipped += suite_skipped;
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"joust\" tests=\"" +
           std::to_string(tests) + "\" failures=\"" + std::to_string(failures) +
           "\" errors=\"0\" skipped=\"" + std::to_string(skipped) + "\">\n" + suites + "</testsuites>\n";
}

/// Write a single report as JUnit XML.
[[nodiscard]] inline std::string junit(const report& shown, std::uint64_t min_units = default_min_units)
{
    return junit(std::span<const report>{&shown, 1}, min_units);
}

}  // namespace v0
}  // namespace joust
