// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/integration/tfdv.hpp>
#include <joust/monitor/bins.hpp>
#include <joust/monitor/schema.hpp>
#include <joust/store/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Read `constraints.json` of SageMaker Model Monitor.
///
/// Read are name, inferred_type, completeness, is_non_negative, the domains of texts, and `domain_content_threshold`. Everything else is kept in `origin`, and written
/// again.
/// errors: parse_error for any other bytes
/// cost: about 1 us for each field
[[nodiscard]] inline schema read_sagemaker_constraints(std::string_view text)
{
    using detail::member_of;
    const nlohmann::json document = detail::parse_json_file(text);
    double tolerated = 0.0;
    const auto config = document.is_object() ? document.find("monitoring_config") : document.end();
    if (config != document.end() && config->is_object()) {
        tolerated = detail::number_of(member_of(*config, {"domain_content_threshold"})).value_or(0.0);
    }
    schema found;
    for (const nlohmann::json& feature : detail::objects_of(document, "features")) {
        column_schema column;
        const nlohmann::json* name = member_of(feature, {"name"});
        if (name == nullptr) {
            throw parse_error("a feature of the constraints has no name");
        }
        column.name = detail::json_text(*name);
        if (const nlohmann::json* type = member_of(feature, {"inferred_type"})) {
            const std::string kind = detail::json_text(*type);
            column.kind = kind == "Integral"     ? column_kind::integer
                          : kind == "Fractional" ? column_kind::number
                          : kind == "String"     ? column_kind::text
                                                 : column_kind::unknown;
        }
        column.min_present = detail::number_of(member_of(feature, {"completeness"})).value_or(0.0);
        const nlohmann::json* numbers = member_of(feature, {"num_constraints"});
        if (numbers != nullptr && numbers->is_object() && numbers->value("is_non_negative", false)) {
            column.min = 0.0;
        }
        const nlohmann::json* texts = member_of(feature, {"string_constraints"});
        if (texts != nullptr && texts->is_object()) {
            column.domain = detail::texts_of(member_of(*texts, {"domains"}));
            // Thresholds above 1 or below 0 mean nothing, and an older default of 1 switches the check off.
            column.mostly = tolerated > 0.0 && tolerated < 1.0 ? 1.0 - tolerated : 1.0;
        }
        found.columns.push_back(std::move(column));
    }
    found.origin = std::string{text};
    return found;
}

/// Write `constraints.json` for SageMaker Model Monitor. Fields of the document that it was read from are kept unless joust knows them. Bounds other than 0 have no
/// place in it.
/// cost: about 1 us for each field
[[nodiscard]] inline std::string write_sagemaker_constraints(const schema& of)
{
    nlohmann::json document = detail::document_of(of, "features");
    if (!document.contains("version")) {
        document["version"] = 0.0;
    }
    nlohmann::json& features = document["features"];
    detail::keep_columns(features, of);
    for (const column_schema& column : of.columns) {
        nlohmann::json& feature = detail::object_named(features, column.name);
        feature["inferred_type"] = column.kind == column_kind::text      ? "String"
                                   : column.kind == column_kind::number  ? "Fractional"
                                   : column.kind == column_kind::unknown ? "Unknown"
                                                                         : "Integral";
        feature["completeness"] = column.min_present;
        if (column.kind == column_kind::integer || column.kind == column_kind::number) {
            feature["num_constraints"]["is_non_negative"] = column.min && *column.min >= 0.0;
        }
        if (!column.domain.empty()) {
            feature["string_constraints"]["domains"] = column.domain;
        }
    }
    return document.dump(2);
}

/// Hold the reference of one column as other tools keep it: how many rows have a value, and a histogram.
/// cost: a copy
struct column_statistics {
    /// The name.
    std::string name;
    /// How many rows have a value.
    double present = 0.0;
    /// How many rows have none.
    double missing = 0.0;
    /// The borders of the buckets of a number, one more than there are buckets.
    std::vector<double> borders{};
    /// The values of a text.
    std::vector<std::string> values{};
    /// The number of rows in each bucket, or with each value.
    std::vector<double> counts{};

    /// Return bins whose edges are the inner borders, for a monitor.
    /// errors: configuration_error with fewer than two buckets
    [[nodiscard]] numeric_bins bins() const
    {
        std::vector<double> edges;
        for (std::size_t i = 1; i + 1 < borders.size(); ++i) {
            edges.push_back(borders[i]);
        }
        return numeric_bins{std::span<const double>{edges}};
    }
    /// Return the counts by the cells of those bins, or of categories of the values, as the reference of an alarm. Missing values are counted where
    /// `missing` says.
    [[nodiscard]] std::vector<std::uint64_t> reference(std::size_t cells, std::size_t missing_cell) const
    {
        std::vector<std::uint64_t> result(cells, 0);
        for (std::size_t i = 0; i < counts.size() && i < cells; ++i) {
            result[i] = static_cast<std::uint64_t>(counts[i] + 0.5);
        }
        if (missing_cell < cells) {
            result[missing_cell] = static_cast<std::uint64_t>(missing + 0.5);
        }
        return result;
    }
};

/// Read `statistics.json` of SageMaker Model Monitor: rows with and without a value, the KLL buckets of numbers and the buckets of texts.
/// errors: parse_error for any other bytes, or for buckets that do not follow one another
/// cost: about 1 us for each field
[[nodiscard]] inline std::vector<column_statistics> read_sagemaker_statistics(std::string_view text)
{
    using detail::member_of;
    const nlohmann::json document = detail::parse_json_file(text);
    std::vector<column_statistics> found;
    for (const nlohmann::json& feature : detail::objects_of(document, "features")) {
        column_statistics column;
        const nlohmann::json* name = member_of(feature, {"name"});
        if (name == nullptr) {
            throw parse_error("a feature of the statistics has no name");
        }
        column.name = detail::json_text(*name);
        const nlohmann::json* of = member_of(feature, {"numerical_statistics", "string_statistics"});
        if (of == nullptr || !of->is_object()) {
            found.push_back(std::move(column));
            continue;
        }
        const nlohmann::json nothing = nlohmann::json::object();
        const auto inside = [&nothing](const nlohmann::json& object,
                                       const char* member) -> const nlohmann::json& {
            const nlohmann::json* at = member_of(object, {member});
            return at != nullptr && at->is_object() ? *at : nothing;
        };
        const nlohmann::json& common = inside(*of, "common");
        column.present = detail::number_of(member_of(common, {"num_present"})).value_or(0.0);
        column.missing = detail::number_of(member_of(common, {"num_missing"})).value_or(0.0);
        const nlohmann::json& distribution = inside(*of, "distribution");
        const nlohmann::json* buckets = member_of(inside(distribution, "kll"), {"buckets"});
        const bool numeric = buckets != nullptr;
        buckets = numeric ? buckets : member_of(inside(distribution, "categorical"), {"buckets"});
        if (buckets != nullptr && buckets->is_array()) {
            for (const nlohmann::json& bucket : *buckets) {
                const auto low =
                    numeric ? detail::number_of(member_of(bucket, {"lower_bound"})) : std::nullopt;
                const auto high =
                    numeric ? detail::number_of(member_of(bucket, {"upper_bound"})) : std::nullopt;
                if (numeric && (!low || !high || !(*low <= *high) ||
                                (!column.borders.empty() && column.borders.back() != *low))) {
                    throw parse_error("the buckets of \"" + column.name + "\" do not follow one another");
                }
                if (numeric) {
                    if (column.borders.empty()) {
                        column.borders.push_back(*low);
                    }
                    column.borders.push_back(*high);
                } else {
                    const nlohmann::json* value = member_of(bucket, {"value"});
                    column.values.push_back(value == nullptr ? std::string{} : detail::json_text(*value));
                }
                column.counts.push_back(detail::number_of(member_of(bucket, {"count"})).value_or(0.0));
            }
        }
        found.push_back(std::move(column));
    }
    return found;
}

}  // namespace v0
}  // namespace joust
