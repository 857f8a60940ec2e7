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

/// Append text to XML, escaped for content and for attributes in double quotes.
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

/// Describe the finding of a row: "accuracy +0.48 pp [-0.20, +1.16], p = 0.031, n = 4,511 + 499 units".
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

/// Collect the test cases of one report.
class junit_suite {
public:
    explicit junit_suite(const report& shown) : shown_(shown)
    {
        for (const metric_row& row : shown.metrics) {
            add(row);
        }
        add_verdict();
    }

    [[nodiscard]] std::uint64_t tests() const noexcept { return shown_.metrics.size() + 1; }
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }
    [[nodiscard]] std::uint64_t skipped() const noexcept { return skipped_; }

    void write(std::string& out) const
    {
        out += "  <testsuite name=\"";
        append_xml(out, shown_.name);
        out += "\" tests=\"" + std::to_string(tests());
        out += "\" failures=\"" + std::to_string(failures_);
        out += "\" errors=\"0\" skipped=\"" + std::to_string(skipped_) + "\">\n";
        out += cases_;
        out += "  </testsuite>\n";
    }

private:
    void add(const metric_row& row)
    {
        std::string name = row.metric;
        name += row.arm.empty() ? "" : ": " + row.arm;
        name += row.role.empty() ? "" : " (" + row.role + ')';
        open(name);
        const standing where = standing_of(row);
        if (where == standing::beyond_margin || where == standing::worse) {
            fail(where == standing::worse ? "worse" : "beyond margin", finding_in_words(shown_, row));
        } else if (where == standing::on_margin) {
            skip("margin not settled: " + finding_in_words(shown_, row));
        } else if (where == standing::unknown) {
            skip(row.suppressed || row.state == status::ok ? state_in_words(row) : explain(row.state));
        } else {
            pass();
        }
    }

    void add_verdict()
    {
        open("verdict");
        if (exit_code(shown_) == 0) {
            pass();
            return;
        }
        std::string message{to_string(shown_.decision)};
        message += shown_.reason.empty() ? "" : ": " + shown_.reason;
        fail(to_string(shown_.decision), message);
    }

    void open(std::string_view name)
    {
        cases_ += "    <testcase classname=\"";
        append_xml(cases_, shown_.kind);
        cases_ += '.';
        append_xml(cases_, shown_.name);
        cases_ += "\" name=\"";
        append_xml(cases_, name);
        cases_ += '"';
    }

    void pass() { cases_ += "/>\n"; }

    void fail(std::string_view type, std::string_view message)
    {
        ++failures_;
        cases_ += ">\n      <failure type=\"";
        cases_ += type;
        cases_ += '"';
        close(message);
    }

    void skip(std::string_view message)
    {
        ++skipped_;
        cases_ += ">\n      <skipped";
        close(message);
    }

    void close(std::string_view message)
    {
        cases_ += " message=\"";
        append_xml(cases_, message);
        cases_ += "\"/>\n    </testcase>\n";
    }

    const report& shown_;
    std::string cases_;
    std::uint64_t failures_ = 0;
    std::uint64_t skipped_ = 0;
};

}  // namespace detail

/// Write reports as JUnit XML, which CI systems show: one suite for each report, one test case for each metric row and
/// one for the verdict.
///
/// A row fails if its interval lies beyond the margin, or, without a margin, on the worse side. It is skipped if
/// nothing is shown yet; its message is the reason. The verdict fails if `exit_code` is not 0.
[[nodiscard]] inline std::string junit(std::span<const report> reports,
                                       std::uint64_t min_units = default_min_units)
{
    std::string suites;
    std::uint64_t tests = 0;
    std::uint64_t failures = 0;
    std::uint64_t skipped = 0;
    for (const report& full : reports) {
        const report shown = suppress_small_groups(full, min_units);
        const detail::junit_suite suite{shown};
        suite.write(suites);
        tests += suite.tests();
        failures += suite.failures();
        skipped += suite.skipped();
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
