// SPDX-License-Identifier: Apache-2.0
#pragma once

// A small reader of comma-separated values for the examples: the quoting of RFC 4180, either line end, a
// header line, and missing values that are counted instead of guessed.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace examples {

/// Say what is wrong with a file, and on which line of it.
class csv_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The values of one column as numbers; a missing cell is NaN and is counted.
struct number_column {
    std::vector<double> values;
    std::size_t missing = 0;
};

/// A whole table in memory: every cell as text, found by row and by the column's name.
///
/// A cell is missing when it is empty or reads `NA`. Lines that are empty are skipped, except in a table of
/// one column, where an empty line is a missing cell.
/// cost: one copy of the file's text plus four bytes per cell
class csv_table {
public:
    /// Read a file. errors: csv_error naming the file, the line and the column
    [[nodiscard]] static csv_table read(const std::string& path)
    {
        std::ifstream file(path, std::ios::binary);
        if (!file) {
            throw csv_error(path + ": cannot be opened");
        }
        std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        if (file.bad()) {
            throw csv_error(path + ": cannot be read");
        }
        return parse(text, path);
    }

    /// Read text that is in memory already; `name` stands for it in messages.
    [[nodiscard]] static csv_table parse(std::string_view text, std::string name = "text")
    {
        csv_table table(std::move(name));
        table.scan(text);
        return table;
    }

    [[nodiscard]] std::size_t rows() const noexcept { return lines_.size(); }
    [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return columns_; }

    /// Find a column by name. errors: csv_error that lists the columns there are
    [[nodiscard]] std::size_t column(std::string_view wanted) const
    {
        const auto found = std::find(columns_.begin(), columns_.end(), wanted);
        if (found == columns_.end()) {
            std::string message = name_ + ": no column \"" + std::string(wanted) + "\"; its columns are ";
            for (std::size_t c = 0; c < columns_.size(); ++c) {
                message += (c == 0 ? "" : ", ") + columns_[c];
            }
            throw csv_error(message);
        }
        return static_cast<std::size_t>(found - columns_.begin());
    }

    [[nodiscard]] std::string_view cell(std::size_t row, std::size_t column) const
    {
        const std::size_t at = row * columns_.size() + column;
        const std::size_t begin = at == 0 ? 0 : ends_.at(at - 1);
        return std::string_view(text_).substr(begin, ends_.at(at) - begin);
    }

    [[nodiscard]] bool missing(std::size_t row, std::size_t column) const
    {
        const std::string_view text = cell(row, column);
        return text.empty() || text == "NA";
    }

    /// Count the missing cells of the whole table.
    [[nodiscard]] std::size_t missing_cells() const
    {
        std::size_t count = 0;
        for (std::size_t r = 0; r < rows(); ++r) {
            for (std::size_t c = 0; c < columns_.size(); ++c) {
                count += missing(r, c) ? 1U : 0U;
            }
        }
        return count;
    }

    /// Tell on which line of the file a row began: the header is line 1.
    [[nodiscard]] std::size_t line(std::size_t row) const { return lines_.at(row); }

    /// Read a column as finite numbers. errors: csv_error naming the line, the column and the text
    [[nodiscard]] number_column numbers(std::string_view wanted) const
    {
        const std::size_t c = column(wanted);
        number_column out;
        out.values.reserve(rows());
        for (std::size_t r = 0; r < rows(); ++r) {
            if (missing(r, c)) {
                ++out.missing;
                out.values.push_back(std::numeric_limits<double>::quiet_NaN());
            } else {
                out.values.push_back(number(r, c));
            }
        }
        return out;
    }

private:
    explicit csv_table(std::string name) : name_(std::move(name)) {}

    [[noreturn]] void fail(std::size_t line, const std::string& what) const
    {
        throw csv_error(name_ + " line " + std::to_string(line) + ": " + what);
    }

    [[nodiscard]] std::string column_label(std::size_t c) const
    {
        std::string label = "column " + std::to_string(c + 1);
        if (c < columns_.size()) {
            label += " (" + columns_[c] + ")";
        }
        return label;
    }

    [[nodiscard]] double number(std::size_t r, std::size_t c) const
    {
        std::string_view text = cell(r, c);
        const auto blank = [](char x) { return x == ' ' || x == '\t'; };
        while (!text.empty() && blank(text.front())) {
            text.remove_prefix(1);
        }
        while (!text.empty() && blank(text.back())) {
            text.remove_suffix(1);
        }
        double value = 0.0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || problem != std::errc() || end != text.data() + text.size() ||
            !std::isfinite(value)) {
            fail(line(r), column_label(c) + ": \"" + std::string(cell(r, c)) + "\" is not a finite number");
        }
        return value;
    }

    void scan(std::string_view text)
    {
        if (text.substr(0, 3) == "\xEF\xBB\xBF") {
            text.remove_prefix(3);  // spreadsheets write a byte order mark
        }
        if (text.size() > std::numeric_limits<std::uint32_t>::max()) {
            throw csv_error(name_ + ": larger than 4 GiB");
        }
        std::size_t at = 0;
        std::size_t line = 1;
        std::vector<std::string> record;
        while (at < text.size()) {
            const std::size_t first_line = line;
            record.clear();
            const bool blank = read_record(text, at, line, record);
            if (columns_.empty()) {
                set_header(record, blank);
            } else if (!blank || columns_.size() == 1) {
                add_row(record, first_line);
            }
        }
        if (columns_.empty()) {
            throw csv_error(name_ + ": is empty; a header line with the names of the columns is needed");
        }
    }

    // Reads up to and including a line end. Returns whether the line held nothing at all.
    bool read_record(std::string_view text, std::size_t& at, std::size_t& line,
                     std::vector<std::string>& record) const
    {
        const std::size_t start = at;
        while (true) {
            record.emplace_back();
            if (at < text.size() && text[at] == '"') {
                read_quoted(text, at, line, record);
            } else {
                while (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') {
                    if (text[at] == '"') {
                        fail(line, column_label(record.size() - 1) +
                                       ": a quote inside a cell that does not begin with one");
                    }
                    record.back() += text[at++];
                }
            }
            if (at < text.size() && text[at] == ',') {
                ++at;
                continue;
            }
            break;
        }
        const bool blank = at == start;
        if (at < text.size() && text[at] == '\r') {
            ++at;
            if (at < text.size() && text[at] != '\n') {
                fail(line, "a carriage return that no line feed follows");
            }
        }
        if (at < text.size()) {
            ++at;
        }
        ++line;
        return blank;
    }

    void read_quoted(std::string_view text, std::size_t& at, std::size_t& line,
                     std::vector<std::string>& record) const
    {
        const std::size_t opened = line;
        std::string& cell = record.back();
        ++at;
        while (true) {
            if (at == text.size()) {
                fail(opened, column_label(record.size() - 1) + ": the quote is never closed");
            }
            const char c = text[at++];
            if (c != '"') {
                line += c == '\n' ? 1U : 0U;
                cell += c;
            } else if (at < text.size() && text[at] == '"') {
                cell += '"';
                ++at;
            } else {
                break;
            }
        }
        if (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') {
            fail(line, column_label(record.size() - 1) + ": text after the closing quote");
        }
    }

    void set_header(const std::vector<std::string>& record, bool blank)
    {
        if (blank) {
            fail(1, "is empty; a header line with the names of the columns is needed");
        }
        for (const std::string& label : record) {
            if (label.empty()) {
                fail(1, "column " + std::to_string(columns_.size() + 1) + " has no name");
            }
            if (std::find(columns_.begin(), columns_.end(), label) != columns_.end()) {
                fail(1, "two columns are called \"" + label + "\"");
            }
            columns_.push_back(label);
        }
    }

    void add_row(const std::vector<std::string>& record, std::size_t line)
    {
        if (record.size() != columns_.size()) {
            fail(line, std::to_string(record.size()) + (record.size() == 1 ? " cell" : " cells") +
                           ", but the header names " + std::to_string(columns_.size()) + " columns");
        }
        for (const std::string& cell : record) {
            text_ += cell;
            ends_.push_back(static_cast<std::uint32_t>(text_.size()));
        }
        lines_.push_back(line);
    }

    std::string name_;
    std::vector<std::string> columns_;
    std::string text_;                 // all cells, one after another
    std::vector<std::uint32_t> ends_;  // where each of them ends
    std::vector<std::size_t> lines_;
};

}  // namespace examples
