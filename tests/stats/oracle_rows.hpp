// SPDX-License-Identifier: Apache-2.0
#pragma once

// The rows of tests/oracles/statistics.csv, and loops that hold a method to each of its rows.

#include "stats/support.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace joust_test {

inline std::vector<double> numbers(const nlohmann::json& list)
{
    std::vector<double> values;
    for (const nlohmann::json& item : list) {
        values.push_back(item.is_string() ? std::stod(item.get<std::string>()) : item.get<double>());
    }
    return values;
}

/// One row of tests/oracles/statistics.csv.
struct oracle_row {
    std::string method, name, field, value, tolerance, source;
    nlohmann::json inputs;

    [[nodiscard]] double wanted() const
    {
        return value == "Inf" || value == "inf" ? std::numeric_limits<double>::infinity() : std::stod(value);
    }

    /// A list of numbers of the inputs.
    [[nodiscard]] std::vector<double> numbers(const char* key) const
    {
        return joust_test::numbers(inputs.at(key));
    }

    /// A number of the inputs.
    [[nodiscard]] double number(const char* key) const { return inputs.at(key).get<double>(); }
};

/// Every row of one method, or of all; fields in double quotes may hold commas and doubled quotes.
inline std::vector<oracle_row> oracle_rows(const std::string& method = "")
{
    std::ifstream file(JOUST_SOURCE_DIR "/tests/oracles/statistics.csv", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::vector<oracle_row> rows;
    std::vector<std::string> fields(1);
    bool quoted = false;
    const auto finish = [&] {
        if (fields.size() == 7 && fields[0] != "method" && (method.empty() || fields[0] == method)) {
            rows.push_back({fields[0], fields[1], fields[2], fields[3], fields[4], fields[5],
                            nlohmann::json::parse(fields[6])});
        }
        fields.assign(1, {});
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            fields.back() += '"';
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            fields.emplace_back();
        } else if (!quoted && c == '\n') {
            finish();
        } else if (c != '\r' || quoted) {
            fields.back() += c;
        }
    }
    finish();
    return rows;
}

/// Check a value against a row: within the row's tolerance, or within `fallback` where the row has none.
inline void check_oracle(const oracle_row& row, double got, double fallback = 1e-12)
{
    const double tolerance = row.tolerance.empty() ? fallback : std::stod(row.tolerance);
    const double want = row.wanted();
    INFO(row.method << ", " << row.name << ", " << row.field << ", " << row.source << ": " << got << " for "
                    << row.value);
    CHECK((want == 0.0 ? std::fabs(got) <= tolerance : relative_error(got, want) <= tolerance));
}

/// Checks answer(row) against every row of a method that has a tolerance; returns how many there were.
template <class Answer>
int hold_to_rows(const std::string& method, Answer answer)
{
    int held = 0;
    for (const oracle_row& row : oracle_rows(method)) {
        if (row.tolerance.empty()) {
            continue;
        }
        const double want = std::stod(row.value);
        const double got = answer(row);
        const double tolerance = std::stod(row.tolerance);
        INFO(row.method << ", " << row.name << ", " << row.field << ": " << got << " for " << want);
        CHECK((want == 0.0 ? std::fabs(got) <= tolerance : relative_error(got, want) <= tolerance));
        ++held;
    }
    return held;
}

}  // namespace joust_test
