// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/read_number.hpp>
#include <joust/store/results.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// Read records of comma-separated values. Quoted fields may hold commas, quotes and line ends.
/// source: Shafranovich (2005), Common Format and MIME Type for CSV Files, RFC 4180, section 2
class csv_records {
public:
    explicit csv_records(std::string_view text) : text_(text)
    {
        if (text_.starts_with("\xEF\xBB\xBF")) {
            text_.remove_prefix(3);
        }
    }

    /// Fill `fields` with the next record that is not a blank line. Returns false at the end.
    bool next(std::vector<std::string>& fields)
    {
        while (!text_.empty()) {
            ++line_;
            record_line_ = line_;
            fields.clear();
            read(fields);
            if (fields.size() != 1 || !fields[0].empty()) {
                return true;
            }
        }
        return false;
    }

    /// Return the line on which the last record began.
    [[nodiscard]] std::size_t line() const noexcept { return record_line_; }

    [[noreturn]] void refuse(const std::string& why) const
    {
        throw parse_error("line " + std::to_string(record_line_) + ": " + why);
    }

private:
    void read(std::vector<std::string>& fields)
    {
        std::size_t at = 0;
        for (;;) {
            std::string field;
            if (at < text_.size() && text_[at] == '"') {
                at = quoted(field, at + 1);
            } else {
                while (at < text_.size() && text_[at] != ',' && text_[at] != '\n' && text_[at] != '\r') {
                    field += text_[at++];
                }
            }
            fields.push_back(std::move(field));
            if (at < text_.size() && text_[at] == ',') {
                ++at;
                continue;
            }
            if (at < text_.size() && text_[at] == '\r') {
                ++at;
            }
            if (at < text_.size() && text_[at] == '\n') {
                ++at;
            } else if (at < text_.size() && text_[at - 1] != '\r') {
                refuse("there is text after a closing quote");
            }
            text_.remove_prefix(at);
            return;
        }
    }

    std::size_t quoted(std::string& field, std::size_t at)
    {
        for (;; ++at) {
            if (at >= text_.size()) {
                refuse("a quote is not closed");
            }
            if (text_[at] == '"') {
                if (at + 1 >= text_.size() || text_[at + 1] != '"') {
                    return at + 1;
                }
                ++at;
            } else if (text_[at] == '\n') {
                ++line_;
            }
            field += text_[at];
        }
    }

    std::string_view text_;
    std::size_t line_ = 0;
    std::size_t record_line_ = 0;
};

}  // namespace detail

/// Read recorded results from CSV with a header that names the columns id, arm, metric and value, in any order.
///
/// Other columns are ignored. A value that is empty, NA, NaN, null or infinite is counted as missing.
/// errors: parse_error that names the line, for any bytes
[[nodiscard]] inline recorded read_results_csv(std::string_view text)
{
    constexpr std::string_view names[] = {"id", "arm", "metric", "value"};
    constexpr std::size_t none = static_cast<std::size_t>(-1);
    detail::csv_records records{text};
    std::vector<std::string> fields;
    if (!records.next(fields)) {
        throw parse_error("line 1: a header with id, arm, metric and value is missing");
    }
    const std::size_t width = fields.size();
    std::size_t places[] = {none, none, none, none};
    for (std::size_t i = 0; i < width; ++i) {
        for (std::size_t k = 0; k < 4; ++k) {
            if (fields[i] == names[k]) {
                if (places[k] != none) {
                    records.refuse("the column " + fields[i] + " is named twice in the header");
                }
                places[k] = i;
            }
        }
    }
    for (std::size_t k = 0; k < 4; ++k) {
        if (places[k] == none) {
            records.refuse("the header has no column " + std::string{names[k]});
        }
    }

    recorder_of_results results;
    while (records.next(fields)) {
        if (fields.size() != width) {
            records.refuse("the record has " + std::to_string(fields.size()) +
                           " fields, but the header has " + std::to_string(width));
        }
        const std::string& value = fields[places[3]];
        if (value.empty() || value == "NA" || value == "null") {
            results.add_missing();
            continue;
        }
        double number = 0.0;
        if (!detail::read_number(value, number)) {
            records.refuse("the value is not a number");
        }
        if (fields[places[0]].empty() || fields[places[1]].empty() || fields[places[2]].empty()) {
            records.refuse("id, arm and metric must not be empty");
        }
        results.add(fields[places[0]], fields[places[1]], fields[places[2]], number);
    }
    return results.take();
}

}  // namespace v0
}  // namespace joust
