// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/read_number.hpp>
#include <joust/store/results.hpp>

#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Read comma-separated values record by record. The first record is the header, which names the columns.
///
/// A quoted field may hold commas, quotes and line ends; either line end is read. A blank line is skipped, except in a
/// file with one column, where it is an empty field. A record has at most 1 MiB and no NUL character.
/// assumes: the text exists as long as the reader
/// errors: parse_error that names the file and the line, for any bytes
/// cost: memory for one record
/// source: Shafranovich (2005), Common Format and MIME Type for CSV Files, RFC 4180, section 2
class csv_reader {
public:
    /// Read the header. Errors begin with the name of the file, if one is given.
    explicit csv_reader(std::string_view text, std::string file = {}) : rest_(text), file_(std::move(file))
    {
        constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
        if (rest_.starts_with(byte_order_mark)) {
            rest_.remove_prefix(byte_order_mark.size());
        }
        do {
            if (rest_.empty()) {
                line_ = 1;
                refuse("the header, which names the columns, is missing");
            }
        } while (read_record());
        columns_.swap(fields_);
        header_line_ = line_;
    }

    /// Refuse text that does not exist any longer when the first record is read.
    template <std::same_as<std::string> Text>
    explicit csv_reader(Text&&, std::string = {}) = delete;

    /// Return the names of the columns, in the order of the file.
    [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return columns_; }

    /// Return the place of a column, which field() and number() take.
    /// errors: parse_error if the header does not name the column, or names it twice
    [[nodiscard]] std::size_t column(std::string_view name) const
    {
        const std::size_t found = find_column(name, 0);
        if (found == columns_.size()) {
            std::string why = "the header has no column " + quoted(name) + "; its columns are ";
            for (std::size_t i = 0; i < columns_.size(); ++i) {
                why += (i == 0 ? "" : ", ") + columns_[i];
            }
            refuse_at(header_line_, why);
        }
        if (find_column(name, found + 1) != columns_.size()) {
            refuse_at(header_line_, "the header names the column " + quoted(name) + " twice");
        }
        return found;
    }

    /// Go to the next record. Returns false at the end of the text.
    /// errors: parse_error if quotes are wrong, or if the record has more or fewer fields than the header
    bool next()
    {
        while (!rest_.empty()) {
            const bool blank = read_record();
            if (blank && columns_.size() != 1) {
                continue;
            }
            if (fields_.size() != columns_.size()) {
                refuse("the record has " + std::to_string(fields_.size()) +
                       (fields_.size() == 1 ? " field" : " fields") + ", but the header has " +
                       std::to_string(columns_.size()));
            }
            return true;
        }
        return false;
    }

    /// Return a field of the record that next() went to.
    [[nodiscard]] const std::string& field(std::size_t column) const { return fields_[column]; }

    /// Return whether a field is empty, NA or null.
    [[nodiscard]] bool missing(std::size_t column) const
    {
        const std::string& text = fields_[column];
        return text.empty() || text == "NA" || text == "null";
    }

    /// Return a field as a number, which is NaN if the field is missing, and may be infinite.
    /// errors: parse_error if the field is neither missing nor a number that a double can hold
    [[nodiscard]] double number(std::size_t column) const
    {
        if (missing(column)) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        std::string_view text = fields_[column];
        const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
        while (!text.empty() && is_blank(text.front())) {
            text.remove_prefix(1);
        }
        while (!text.empty() && is_blank(text.back())) {
            text.remove_suffix(1);
        }
        double value = 0.0;
        if (!detail::read_number(text, value)) {
            refuse(column, quoted(fields_[column]) + " is not a number");
        }
        return value;
    }

    /// Return the line on which the record begins. The first line is line 1.
    [[nodiscard]] std::size_t line() const noexcept { return line_; }

    /// Throw parse_error that names the file and the line of the record.
    [[noreturn]] void refuse(const std::string& why) const { refuse_at(line_, why); }

    /// Throw parse_error that names the file, the line of the record and a column.
    [[noreturn]] void refuse(std::size_t column, const std::string& why) const
    {
        std::string place = "column " + std::to_string(column + 1);
        if (column < columns_.size()) {
            place += " (" + columns_[column] + ")";
        }
        refuse(place + ": " + why);
    }

private:
    // Returns the number of columns if no column from `first` on has the name.
    [[nodiscard]] std::size_t find_column(std::string_view name, std::size_t first) const noexcept
    {
        while (first < columns_.size() && columns_[first] != name) {
            ++first;
        }
        return first;
    }

    [[noreturn]] void refuse_at(std::size_t line, const std::string& why) const
    {
        throw parse_error((file_.empty() ? "" : file_ + " ") + "line " + std::to_string(line) + ": " + why);
    }

    // The beginning of a long text is enough to find it.
    static std::string quoted(std::string_view text)
    {
        constexpr std::size_t most = 40;
        if (text.size() <= most) {
            return '"' + std::string{text} + '"';
        }
        std::size_t end = most;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
            --end;  // A character of UTF-8 is not cut.
        }
        return '"' + std::string{text.substr(0, end)} + "...\"";
    }

    bool take(char wanted) noexcept
    {
        const bool is_next = rest_.starts_with(wanted);
        rest_.remove_prefix(is_next ? 1 : 0);
        return is_next;
    }

    // Takes a record and its line end off the text. Returns whether the line is blank.
    bool read_record()
    {
        line_ = next_line_;
        const bool blank = rest_.starts_with('\n') || rest_.starts_with('\r');
        fields_.clear();
        const std::string_view all = rest_;
        do {
            fields_.emplace_back();
            if (rest_.starts_with('"')) {
                read_quoted_field();
            } else {
                read_plain_field();
            }
            if (fields_.back().find('\0') != std::string::npos) {
                refuse(fields_.size() - 1, "the field holds a NUL character");
            }
            check_length(all.size() - rest_.size());
        } while (take(','));
        if (take('\r') && !rest_.empty() && rest_.front() != '\n') {
            refuse("a carriage return is not followed by a line feed");
        }
        take('\n');
        ++next_line_;
        return blank;
    }

    void check_length(std::size_t bytes) const
    {
        if (bytes > most_record_bytes) {
            refuse("the record is longer than 1 MiB");
        }
    }

    void read_plain_field()
    {
        const std::size_t end = rest_.find_first_of(",\"\r\n");
        check_length(end == std::string_view::npos ? rest_.size() : end);
        fields_.back() = rest_.substr(0, end);
        rest_.remove_prefix(fields_.back().size());
        if (rest_.starts_with('"')) {
            refuse(fields_.size() - 1, "there is a quote in a field that does not begin with a quote");
        }
    }

    void read_quoted_field()
    {
        // Two quotes in a row are one quote of the field.
        for (std::string& field = fields_.back(); take('"'); field += '"') {
            const std::size_t end = rest_.find('"');
            if (end == std::string_view::npos) {
                refuse(fields_.size() - 1, "the quote is not closed");
            }
            const std::string_view part = rest_.substr(0, end);
            check_length(field.size() + part.size());
            for (const char c : part) {
                next_line_ += c == '\n' ? 1 : 0;
            }
            field += part;
            rest_.remove_prefix(end + 1);
            if (!rest_.starts_with('"')) {
                break;
            }
        }
        constexpr std::string_view ends = ",\r\n";
        if (!rest_.empty() && ends.find(rest_.front()) == std::string_view::npos) {
            refuse(fields_.size() - 1, "there is text after the closing quote");
        }
    }

    static constexpr std::size_t most_record_bytes = std::size_t{1} << 20;

    std::string_view rest_;
    std::string file_;
    std::vector<std::string> columns_;
    std::vector<std::string> fields_;
    std::size_t header_line_ = 1;
    std::size_t line_ = 1;
    std::size_t next_line_ = 1;
};

/// Read recorded results from CSV with a header that names the columns id, arm, metric and value, in any order.
///
/// Other columns are ignored. A value that is empty, NA, NaN, null or infinite is missing: a gate does not leave out its
/// case without a word.
/// errors: parse_error that names the line, for any bytes
[[nodiscard]] inline recorded read_results_csv(std::string_view text)
{
    detail::check_results_size(text);
    csv_reader records{text};
    const std::size_t id = records.column("id");
    const std::size_t arm = records.column("arm");
    const std::size_t metric = records.column("metric");
    const std::size_t value = records.column("value");

    recorder_of_results results;
    while (records.next()) {
        const double number = records.number(value);
        bool named = true;
        for (const std::size_t name : {id, arm, metric}) {
            named = named && !records.field(name).empty();
            if (records.field(name).empty() && !records.missing(value)) {
                records.refuse(name, "the field is empty");
            }
        }
        if (!named) {
            results.add_missing();
            continue;
        }
        results.add(records.field(id), records.field(arm), records.field(metric), number);
    }
    return results.take();
}

}  // namespace v0
}  // namespace joust
