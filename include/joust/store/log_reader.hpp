// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/read_number.hpp>
#include <joust/store/line_source.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold one field of a row of a log.
struct log_field {
    /// What a field can be.
    enum class kind : std::uint8_t {
        /// The row has no such field.
        absent,
        /// The field is empty, NA or null.
        missing,
        /// A text, or a number as text.
        text,
        /// A number, or a truth value as 0 or 1. A whole number has its text too.
        number
    };
    /// What the field is.
    kind what = kind::absent;
    /// The text.
    std::string_view text{};
    /// The number.
    double number = 0.0;
};

/// Read the members of JSON objects, one in each line. `nlohmann_rows` (store/json_rows.hpp) and `simdjson_rows`
/// (integration/simdjson.hpp) are such readers.
class json_row_reader {
public:
    json_row_reader() = default;
    json_row_reader(const json_row_reader&) = delete;
    json_row_reader& operator=(const json_row_reader&) = delete;
    virtual ~json_row_reader() = default;

    /// Read the members with these names. Other members are ignored.
    ///
    /// Returns nullptr, or a sentence about what is wrong with the line. The texts are valid until the next call.
    /// assumes: `line_source::padding` bytes behind the line can be read; `fields` has one place for each name, all of them absent
    virtual const char* read(std::string_view line, const std::vector<std::string>& names,
                             std::vector<log_field>& fields) = 0;
};

/// Read the rows of a log, CSV or JSON lines, in constant memory.
///
/// A file whose first byte is '{' has JSON lines, and any other file is CSV with a header that names the columns. The fields are
/// those that `want` asked for.
/// errors: parse_error that names file and line, for any bytes; std::runtime_error where the file cannot be read
/// cost: CSV about 40 ns for each field that is asked for
class log_reader {
public:
    /// Open a file. `json` reads JSON lines; without it they are refused.
    explicit log_reader(const std::string& path, std::unique_ptr<json_row_reader> json = nullptr)
        : lines_(path), json_(std::move(json))
    {
        waiting_ = next_line();
        if (!waiting_) {
            refuse("the file is empty");
        }
        is_json_ = lines_.text().starts_with('{');
        if (is_json_) {
            if (json_ == nullptr) {
                refuse("JSON lines, which this program does not read");
            }
            return;
        }
        split();
        for (const std::string_view name : cells_) {
            columns_.emplace_back(name);
        }
        waiting_ = false;
    }

    /// Say whether the file has JSON lines.
    [[nodiscard]] bool json() const noexcept { return is_json_; }
    /// Return the names of the columns of a CSV file.
    [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return columns_; }
    /// Say whether a row may have a field of this name. JSON lines may.
    [[nodiscard]] bool may_have(std::string_view name) const noexcept
    {
        return is_json_ || place_of(name) < columns_.size();
    }

    /// Ask for a field. Returns its place for `field`. An empty name is a field that no row has.
    /// errors: parse_error where the header does not have the column, unless it may be absent, or has it twice
    std::size_t want(const std::string& name, bool may_be_absent = false)
    {
        std::size_t column = columns_.size();
        if (!is_json_ && !name.empty()) {
            column = place_of(name);
            if (column == columns_.size() && !may_be_absent) {
                std::string why = "the header has no column \"" + name + "\"; its columns are ";
                for (std::size_t i = 0; i < columns_.size() && i < 64; ++i) {
                    why += (i == 0 ? "" : ", ") + columns_[i];
                }
                refuse(why);
            }
            for (std::size_t i = column + 1; i < columns_.size(); ++i) {
                if (columns_[i] == name) {
                    refuse("the header names the column \"" + name + "\" twice");
                }
            }
        }
        names_.push_back(name);
        places_.push_back(column);
        fields_.emplace_back();
        return names_.size() - 1;
    }

    /// Go to the next row. Blank lines are skipped. Returns false at the end of the file.
    bool next()
    {
        for (;;) {
            if (!waiting_ && !next_line()) {
                return false;
            }
            waiting_ = false;
            if (lines_.text().find_first_not_of(" \t") != std::string_view::npos) {
                break;
            }
        }
        if (is_json_) {
            for (log_field& each : fields_) {
                each = {};
            }
            if (const char* const wrong = json_->read(lines_.text(), names_, fields_)) {
                refuse(wrong);
            }
            return true;
        }
        split();
        if (cells_.size() != columns_.size()) {
            refuse("the record has " + std::to_string(cells_.size()) +
                   (cells_.size() == 1 ? " field" : " fields") + ", but the header has " +
                   std::to_string(columns_.size()));
        }
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            if (places_[i] < cells_.size()) {
                const std::string_view text = cells_[places_[i]];
                const bool missing = text.empty() || text == "NA" || text == "null";
                fields_[i] = {missing ? log_field::kind::missing : log_field::kind::text, text, 0.0};
            }
        }
        return true;
    }

    /// Return a field of the row.
    [[nodiscard]] const log_field& field(std::size_t place) const noexcept { return fields_[place]; }
    /// Say whether the row has a value in a field.
    [[nodiscard]] bool has(std::size_t place) const noexcept
    {
        return fields_[place].what >= log_field::kind::text;
    }
    /// Return a field as text, which is empty where it is absent or missing.
    /// errors: parse_error for a number of JSON that is not a whole one
    [[nodiscard]] std::string_view text(std::size_t place) const
    {
        const log_field& one = fields_[place];
        if (one.what == log_field::kind::number && one.text.empty()) {
            refuse(place, "is neither text nor a whole number");
        }
        return one.what >= log_field::kind::text ? one.text : std::string_view{};
    }
    /// Return a field as a number, which is NaN where it is absent or missing, and may be infinite.
    /// errors: parse_error for text that is not a number
    [[nodiscard]] double number(std::size_t place) const
    {
        const log_field& one = fields_[place];
        if (one.what == log_field::kind::number) {
            return one.number;
        }
        if (one.what != log_field::kind::text) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        std::string_view text = one.text;
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
            text.remove_prefix(1);
        }
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
            text.remove_suffix(1);
        }
        double value = 0.0;
        if (!detail::read_number(text, value)) {
            if (text == "true" || text == "false") {
                return text == "true" ? 1.0 : 0.0;
            }
            refuse(place, "is \"" + std::string{one.text.substr(0, 40)} + "\", which is not a number");
        }
        return value;
    }

    /// Return the path of the file.
    [[nodiscard]] const std::string& path() const noexcept { return lines_.path(); }
    /// Return the line on which the row begins.
    [[nodiscard]] std::uint64_t line() const noexcept { return lines_.line(); }
    /// Return how many bytes of the file have been read.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return lines_.bytes(); }

    /// Throw parse_error that names the file and the line.
    [[noreturn]] void refuse(std::string_view why) const { lines_.refuse(why); }
    /// Throw parse_error that names the file, the line and the field.
    [[noreturn]] void refuse(std::size_t place, std::string_view why) const
    {
        refuse((is_json_ ? "the member \"" : "the column \"") + names_[place] + "\" " + std::string{why});
    }

private:
    bool next_line() { return lines_.next(); }

    [[nodiscard]] std::size_t place_of(std::string_view name) const noexcept
    {
        std::size_t i = 0;
        while (i < columns_.size() && columns_[i] != name) {
            ++i;
        }
        return i;
    }

    /// Split the line into fields.
    void split()
    {
        cells_.clear();
        if (lines_.text().find('"') != std::string_view::npos) {
            split_quoted();
            return;
        }
        const std::string_view line = lines_.text();
        std::size_t begin = 0;
        for (;;) {
            const std::size_t end = line.find(',', begin);
            if (end == std::string_view::npos) {
                cells_.push_back(line.substr(begin));
                return;
            }
            cells_.push_back(line.substr(begin, end - begin));
            begin = end + 1;
        }
    }

    /// Split a line with quotes (RFC 4180). A quoted field may go on over several lines.
    void split_quoted()
    {
        unquoted_.clear();
        ends_.clear();
        std::size_t at = 0;
        for (;;) {
            std::string_view line = lines_.text();
            if (at < line.size() && line[at] == '"') {
                for (++at;; ++at) {
                    while (at >= line.size()) {
                        // The line end belongs to the field.
                        if (!lines_.extend()) {
                            refuse("a quote is not closed");
                        }
                        line = lines_.text();
                    }
                    if (line[at] == '"') {
                        if (at + 1 < line.size() && line[at + 1] == '"') {
                            ++at;
                        } else {
                            ++at;
                            break;
                        }
                    }
                    unquoted_ += line[at];
                }
                if (at < line.size() && line[at] != ',') {
                    refuse("there is text after a closing quote");
                }
            } else {
                const std::size_t end = line.find(',', at);
                const std::string_view plain =
                    line.substr(at, end == std::string_view::npos ? end : end - at);
                if (plain.find('"') != std::string_view::npos) {
                    refuse("there is a quote in a field that does not begin with a quote");
                }
                unquoted_ += plain;
                at += plain.size();
            }
            ends_.push_back(unquoted_.size());
            if (at >= line.size()) {
                break;
            }
            ++at;
        }
        std::size_t begin = 0;
        for (const std::size_t end : ends_) {
            cells_.push_back(std::string_view{unquoted_}.substr(begin, end - begin));
            begin = end;
        }
    }

    line_source lines_;
    std::unique_ptr<json_row_reader> json_;
    bool is_json_ = false;
    /// Whether the line that was read is the next row.
    bool waiting_ = false;
    std::vector<std::string> columns_;
    std::vector<std::string> names_;
    /// The column of each field.
    std::vector<std::size_t> places_;
    std::vector<log_field> fields_;
    std::vector<std::string_view> cells_;
    std::string unquoted_;
    std::vector<std::size_t> ends_;
};

}  // namespace v0
}  // namespace joust
