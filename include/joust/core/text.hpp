// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/utf8.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Choose whether a number that is not negative gets a plus sign.
enum class signs : std::uint8_t {
    /// Only negative numbers get a sign.
    minus_only,
    /// Every number gets a sign.
    always
};

namespace detail {

/// Tell finite numbers from NaN and infinity without <cmath>, which would double the size of this header.
[[nodiscard]] constexpr bool printable_number(double value) noexcept
{
    return value >= -1.7976931348623157e308 && value <= 1.7976931348623157e308;
}

/// Append several texts. A chain of `+` and `+=` would compile into several times the code.
void append_all(std::string& out, std::initializer_list<std::string_view> parts);

/// Join several texts.
[[nodiscard]] std::string joined(std::initializer_list<std::string_view> parts);

/// Return floor(log10(|value|)), read off the shortest decimal form.
/// assumes: the value is finite and not zero
[[nodiscard]] int decimal_exponent(double value);

}  // namespace detail

/// Write a number with the fewest digits that read back to the same value: "0.05", "1e-09".
[[nodiscard]] std::string to_text(double value);

/// Append a whole number with commas between groups of three digits: "20,000".
void append_count(std::string& out, std::uint64_t count);

/// Write a whole number with commas between groups of three digits.
[[nodiscard]] std::string count_text(std::uint64_t count);

/// Append a number with a fixed number of decimals, and commas between groups of three digits: "1,234.50".
///
/// A value that rounds to zero loses its minus sign. NaN is written "-".
void append_fixed(std::string& out, double value, int decimals, signs plus = signs::minus_only);

/// Append a number with a number of significant digits and an exponent: "3.98e-5".
void append_scientific(std::string& out, double value, int digits = 3, signs plus = signs::minus_only);

/// Append a number with a number of significant digits. Very large and very small numbers get an exponent; zero is "0".
void append_number(std::string& out, double value, int digits = 4, signs plus = signs::minus_only);

/// Append a proportion in percent: 0.125 is "12.5 %".
void append_percent(std::string& out, double proportion, int decimals = 1, signs plus = signs::minus_only);

/// Append a duration in the unit that fits its size, from nanoseconds to seconds: "1.50 ms".
/// units: nanoseconds
void append_duration(std::string& out, double nanoseconds, int digits = 3, signs plus = signs::minus_only);

/// Append a p-value with three decimals, or three significant digits below 0.001, or as "< 1e-300".
void append_p_value(std::string& out, double p);

/// Append an e-value, a factor of evidence, with more decimals for small values.
void append_e_value(std::string& out, double e);

/// Return how many decimals show an interval of this width in at least thirty steps.
[[nodiscard]] int decimals_for(double width);

/// Collect rows of text and write them as aligned columns or as a Markdown table.
///
/// shape: at most 16 columns; a row is filled cell by cell, and missing cells at its end stay empty
class text_table {
public:
    /// Choose the side on which a column is aligned.
    enum class align : std::uint8_t {
        /// For words.
        left,
        /// For numbers.
        right
    };

    /// Describe a column.
    struct column {
        /// The text of the first row.
        std::string_view title;
        /// The side on which its cells are aligned.
        align side = align::left;
    };

    /// Begin a table. Columns after the sixteenth are left out.
    text_table(std::initializer_list<column> columns)
    {
        for (const column& each : columns) {
            if (columns_ == most) {
                break;
            }
            sides_[columns_++] = each.side;
        }
        for (const column& each : columns) {
            cell(each.title);
        }
    }

    /// Add the next cell. After the last column a new row begins. Control characters become U+FFFD.
    void cell(std::string_view content)
    {
        const std::size_t begin = cells_.size();
        append_clean(cells_, content);
        const std::size_t width = display_width(std::string_view{cells_}.substr(begin));
        widths_[at_] = width > widths_[at_] ? width : widths_[at_];
        cells_ += separator;
        if (++at_ == columns_) {
            at_ = 0;
            ++rows_;
        }
    }

    /// Add the cells of a row, and leave the rest of the row empty.
    void row(std::initializer_list<std::string_view> contents)
    {
        for (const std::string_view content : contents) {
            cell(content);
        }
        while (at_ != 0) {
            cell({});
        }
    }

    /// Return the number of rows added so far, without the titles.
    [[nodiscard]] std::size_t rows() const noexcept { return rows_ == 0 ? 0 : rows_ - 1; }

    /// Append the table with two spaces between columns and no space at the ends of lines.
    void write_text(std::string& out, std::string_view indent = "  ") const
    {
        std::size_t next = 0;
        for (std::size_t row = 0; row < rows_; ++row) {
            out += indent;
            std::size_t owed = 0;
            for (std::size_t i = 0; i < columns_; ++i) {
                const std::string_view text = take(next);
                const std::size_t width = display_width(text);
                if (sides_[i] == align::right) {
                    owed += widths_[i] - width;
                }
                if (!text.empty()) {
                    out.append(owed, ' ');
                    out += text;
                    owed = 0;
                } else {
                    owed += width;
                }
                owed += 2 + (sides_[i] == align::left ? widths_[i] - width : 0);
            }
            out += '\n';
        }
    }

    /// Append the table as Markdown. Characters in cells that mean something in Markdown are escaped.
    void write_markdown(std::string& out) const
    {
        std::size_t next = 0;
        for (std::size_t row = 0; row < rows_; ++row) {
            out += '|';
            for (std::size_t i = 0; i < columns_; ++i) {
                out += ' ';
                append_markdown(out, take(next));
                out += " |";
            }
            out += '\n';
            if (row == 0) {
                out += '|';
                for (std::size_t i = 0; i < columns_; ++i) {
                    out += sides_[i] == align::right ? "---:|" : "---|";
                }
                out += '\n';
            }
        }
    }

    /// Append a text with escapes, so that Markdown and HTML show it unchanged.
    static void append_markdown(std::string& out, std::string_view text)
    {
        for (const char c : text) {
            switch (c) {
                case '&': out += "&amp;"; break;
                case '<': out += "&lt;"; break;
                case '>': out += "&gt;"; break;
                case '\\':
                case '|':
                case '`':
                case '*':
                case '_':
                case '[':
                case ']':
                case '#':
                case '~': out += '\\'; [[fallthrough]];
                default: out += c;
            }
        }
    }

private:
    static constexpr std::size_t most = 16;
    // append_clean never lets this character through.
    static constexpr char separator = '\0';

    [[nodiscard]] std::string_view take(std::size_t& next) const
    {
        const std::size_t end = cells_.find(separator, next);
        const std::string_view text = std::string_view{cells_}.substr(next, end - next);
        next = end + 1;
        return text;
    }

    std::string cells_;
    std::size_t widths_[most] = {};
    align sides_[most] = {};
    std::size_t columns_ = 0;
    std::size_t at_ = 0;
    std::size_t rows_ = 0;
};

#if JOUST_BODIES

namespace detail {

JOUST_NOINLINE JOUST_FUNCTION void append_all(std::string& out, std::initializer_list<std::string_view> parts)
{
    for (const std::string_view part : parts) {
        out += part;
    }
}

JOUST_NOINLINE JOUST_FUNCTION std::string joined(std::initializer_list<std::string_view> parts)
{
    std::string text;
    append_all(text, parts);
    return text;
}

/// Append "-" for NaN, or "inf" or "-inf". Returns false, and appends nothing, for a finite number.
inline bool append_not_finite(std::string& out, double value, signs plus)
{
    if (printable_number(value)) {
        return false;
    }
    if (value < 0.0) {
        out += "-inf";
    } else if (value > 0.0) {
        out += plus == signs::always ? "+inf" : "inf";
    } else {
        out += '-';
    }
    return true;
}

/// Append digits with commas between groups of three.
inline void append_grouped(std::string& out, std::string_view digits)
{
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i != 0 && (digits.size() - i) % 3 == 0) {
            out += ',';
        }
        out += digits[i];
    }
}

/// Return the exponent of a number in scientific form whose text ends at `end`.
[[nodiscard]] inline int exponent_before(const char* end) noexcept
{
    const char* digit = end;
    while (digit[-1] != 'e') {
        --digit;
    }
    const bool negative = *digit == '-';
    int exponent = 0;
    for (++digit; digit != end; ++digit) {
        exponent = 10 * exponent + (*digit - '0');
    }
    return negative ? -exponent : exponent;
}

JOUST_FUNCTION int decimal_exponent(double value)
{
    char buffer[40];
    return exponent_before(
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr);
}

}  // namespace detail

JOUST_FUNCTION std::string to_text(double value)
{
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

JOUST_FUNCTION void append_count(std::string& out, std::uint64_t count)
{
    char buffer[24];
    const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof buffer, count);
    detail::append_grouped(out, {buffer, static_cast<std::size_t>(end.ptr - buffer)});
}

JOUST_FUNCTION std::string count_text(std::uint64_t count)
{
    std::string out;
    append_count(out, count);
    return out;
}

JOUST_FUNCTION void append_fixed(std::string& out, double value, int decimals, signs plus)
{
    if (detail::append_not_finite(out, value, plus)) {
        return;
    }
    char buffer[400];  // up to 309 digits before the point, and 60 after it
    const int after = decimals < 0 ? 0 : decimals > 60 ? 60 : decimals;
    const std::to_chars_result end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, after);
    std::string_view text{buffer, static_cast<std::size_t>(end.ptr - buffer)};
    const bool negative = text.front() == '-';
    if (negative) {
        text.remove_prefix(1);
    }
    const bool zero = text.find_first_not_of("0.") == std::string_view::npos;
    if (negative && !zero) {
        out += '-';
    } else if (plus == signs::always) {
        out += '+';
    }
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    detail::append_grouped(out, whole);
    out += text.substr(whole.size());
}

JOUST_FUNCTION void append_scientific(std::string& out, double value, int digits, signs plus)
{
    if (detail::append_not_finite(out, value, plus)) {
        return;
    }
    char buffer[48];
    const int kept = digits < 1 ? 1 : digits > 17 ? 17 : digits;
    const std::to_chars_result end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, kept - 1);
    const std::string_view text{buffer, static_cast<std::size_t>(end.ptr - buffer)};
    const std::size_t mark = text.find('e');
    if (plus == signs::always && text.front() != '-') {
        out += '+';
    }
    out += text.substr(0, mark);
    out += 'e';
    std::string_view power = text.substr(mark + 1);
    if (power.front() == '-') {
        out += '-';
    }
    power.remove_prefix(1);
    while (power.size() > 1 && power.front() == '0') {
        power.remove_prefix(1);
    }
    out += power;
}

JOUST_FUNCTION void append_number(std::string& out, double value, int digits, signs plus)
{
    if (value == 0.0) {
        out += '0';
        return;
    }
    if (detail::append_not_finite(out, value, plus)) {
        return;
    }
    const int kept = digits < 1 ? 1 : digits > 17 ? 17 : digits;
    char buffer[48];
    // The value is rounded first, since 9.996 has one digit more before the point than its logarithm says.
    const int exponent = detail::exponent_before(
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, kept - 1).ptr);
    if (exponent >= -4 && exponent < 9) {
        append_fixed(out, value, kept - 1 - exponent, plus);
    } else {
        append_scientific(out, value, kept, plus);
    }
}

JOUST_FUNCTION void append_percent(std::string& out, double proportion, int decimals, signs plus)
{
    append_fixed(out, 100.0 * proportion, decimals, plus);
    if (detail::printable_number(proportion)) {
        out += " %";
    }
}

JOUST_FUNCTION void append_duration(std::string& out, double nanoseconds, int digits, signs plus)
{
    struct scale {
        double size;
        std::string_view unit;
    };
    constexpr scale scales[] = {{1e9, " s"}, {1e6, " ms"}, {1e3, " us"}, {1.0, " ns"}};
    if (detail::append_not_finite(out, nanoseconds, plus)) {
        return;
    }
    const double size = nanoseconds < 0.0 ? -nanoseconds : nanoseconds;
    for (const scale& candidate : scales) {
        // 0.9995 us would be printed as 1000 ns, so a unit begins where rounding reaches it.
        if (size >= 0.9995 * candidate.size || candidate.size == 1.0) {
            append_number(out, nanoseconds / candidate.size, digits, plus);
            out += candidate.unit;
            return;
        }
    }
}

JOUST_FUNCTION void append_p_value(std::string& out, double p)
{
    if (p >= 0.0 && p < 1e-300) {
        out += "< 1e-300";
    } else if (p >= 0.001) {
        append_fixed(out, p, 3);
    } else {
        append_scientific(out, p, 3);
    }
}

JOUST_FUNCTION void append_e_value(std::string& out, double e)
{
    if (e > 1e300) {
        out += "> 1e300";
    } else if (e >= 1e6 || (e > 0.0 && e < 0.001)) {
        append_scientific(out, e, 2);
    } else {
        append_fixed(out, e, e < 10.0 ? 2 : e < 100.0 ? 1 : 0);
    }
}

JOUST_FUNCTION int decimals_for(double width)
{
    if (!detail::printable_number(width) || width == 0.0) {
        return 4;
    }
    int decimals = 1 - detail::decimal_exponent(width);
    double steps = width;
    for (int i = 0; i < decimals; ++i) {
        steps *= 10.0;
    }
    for (int i = 0; i > decimals; --i) {
        steps /= 10.0;
    }
    decimals += steps < 30.0 ? 1 : 0;
    return decimals < 0 ? 0 : decimals > 12 ? 12 : decimals;
}

#endif

}  // namespace v0
}  // namespace joust
