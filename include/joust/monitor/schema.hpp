// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say what the values of a column are.
enum class column_kind : std::uint8_t {
    /// It is not known.
    unknown,
    /// Whole numbers.
    integer,
    /// Numbers.
    number,
    /// Texts.
    text,
    /// Yes or no.
    flag
};

/// Return the name of a kind as reports show it.
/// cost: O(1)
[[nodiscard]] constexpr std::string_view to_string(column_kind kind) noexcept
{
    switch (kind) {
        case column_kind::unknown: return "unknown";
        case column_kind::integer: return "integer";
        case column_kind::number: return "number";
        case column_kind::text: return "text";
        case column_kind::flag: return "flag";
    }
    return "unknown";
}

/// Describe a column of a table: its kind, how often it has a value, and which values it may have.
/// cost: a copy of its texts
struct column_schema {
    /// The name.
    std::string name;
    /// The kind.
    column_kind kind = column_kind::unknown;
    /// The smallest share of rows with a value, from 0 to 1.
    double min_present = 0.0;
    /// The smallest value, where there is a bound.
    std::optional<double> min{};
    /// The largest value, where there is a bound.
    std::optional<double> max{};
    /// The values of a text, where they are listed.
    std::vector<std::string> domain{};
    /// The share of rows whose value obeys the bounds or the list: `mostly` elsewhere.
    double mostly = 1.0;
    /// The environments that the column is absent from, such as a label in "serving".
    std::vector<std::string> not_in{};
    /// Compare all members.
    bool operator==(const column_schema&) const = default;
};

/// Describe a table.
/// cost: a copy of its texts
struct schema {
    /// The columns, in their order.
    std::vector<column_schema> columns{};
    /// The document that it was read from, which keeps the fields that joust does not know when the schema is written again.
    std::string origin{};

    /// Return a column, or null.
    [[nodiscard]] const column_schema* find(std::string_view name) const noexcept
    {
        for (const column_schema& column : columns) {
            if (column.name == name) {
                return &column;
            }
        }
        return nullptr;
    }
    /// Compare all members.
    bool operator==(const schema&) const = default;
};

/// Hold a column as a program or a file has it.
struct column_found {
    /// The name.
    std::string name;
    /// The kind.
    column_kind kind = column_kind::unknown;
};

/// Say in which way a table differs from its schema. The names in brackets are those of TensorFlow Data Validation.
enum class schema_trouble : std::uint8_t {
    /// A column of the schema is missing (SCHEMA_MISSING_COLUMN).
    missing_column,
    /// A column is not in the schema (SCHEMA_NEW_COLUMN).
    new_column,
    /// A column has values of another kind (UNKNOWN_TYPE and the like).
    changed_kind
};

/// Hold one difference from a schema, with a sentence.
/// cost: O(1)
struct schema_anomaly {
    /// The column.
    std::string column;
    /// What is wrong.
    schema_trouble trouble = schema_trouble::missing_column;
    /// The sentence.
    std::string text;
};

namespace detail {

/// May values of one kind be read as another? Whole numbers are numbers, and flags are whole numbers or texts such as "0" and "1".
[[nodiscard]] constexpr bool is_read_as(column_kind found, column_kind expected) noexcept
{
    return found == expected || found == column_kind::unknown || expected == column_kind::unknown ||
           (found == column_kind::integer && expected == column_kind::number) ||
           (found == column_kind::flag && expected == column_kind::integer) ||
           (found == column_kind::integer && expected == column_kind::flag);
}

}  // namespace detail

/// Compare the columns of a program or a file with a schema, before traffic: what is missing, what is new, what has changed its kind.
///
/// A column that the schema says to be absent from the environment is not missed in it.
/// cost: the number of columns, squared
[[nodiscard]] inline std::vector<schema_anomaly> check_schema(const schema& expected,
                                                              std::span<const column_found> columns,
                                                              std::string_view environment = "serving")
{
    std::vector<schema_anomaly> found;
    for (const column_schema& column : expected.columns) {
        const auto at = std::find_if(columns.begin(), columns.end(),
                                     [&](const column_found& each) { return each.name == column.name; });
        if (at == columns.end()) {
            const bool absent =
                std::find(column.not_in.begin(), column.not_in.end(), environment) != column.not_in.end();
            if (!absent) {
                found.push_back({column.name, schema_trouble::missing_column,
                                 "the column \"" + column.name + "\" of the schema is missing"});
            }
        } else if (!detail::is_read_as(at->kind, column.kind)) {
            found.push_back({column.name, schema_trouble::changed_kind,
                             "the column \"" + column.name + "\" is " + std::string{to_string(at->kind)} +
                                 ", but " + std::string{to_string(column.kind)} + " in the schema"});
        }
    }
    for (const column_found& column : columns) {
        if (expected.find(column.name) == nullptr) {
            found.push_back({column.name, schema_trouble::new_column,
                             "the column \"" + column.name + "\" is not in the schema"});
        }
    }
    return found;
}

}  // namespace v0
}  // namespace joust
