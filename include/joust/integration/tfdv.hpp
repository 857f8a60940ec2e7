// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/monitor/schema.hpp>
#include <joust/store/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// Return a member by the first of several names that the object has, or null. Protocol buffers are read in both spellings.
[[nodiscard]] inline const nlohmann::json* member_of(const nlohmann::json& object,
                                                     std::initializer_list<const char*> names)
{
    for (const char* name : names) {
        if (const auto at = object.find(name); at != object.end()) {
            return &*at;
        }
    }
    return nullptr;
}

/// Return a number, which is a text where it has 64 bits or is not finite.
[[nodiscard]] inline std::optional<double> number_of(const nlohmann::json* value)
{
    if (value == nullptr) {
        return std::nullopt;
    }
    if (value->is_number()) {
        return value->get<double>();
    }
    if (value->is_string()) {
        const std::string& text = value->get_ref<const std::string&>();
        char* end = nullptr;
        const double number = std::strtod(text.c_str(), &end);
        if (!text.empty() && end == text.c_str() + text.size()) {
            return number;
        }
    }
    throw parse_error("the document holds something else where a number is expected");
}

[[nodiscard]] inline std::string json_text(const nlohmann::json& value)
{
    if (!value.is_string()) {
        throw parse_error("the document holds something else where a text is expected");
    }
    return value.get<std::string>();
}

[[nodiscard]] inline std::vector<std::string> texts_of(const nlohmann::json* list)
{
    std::vector<std::string> texts;
    if (list != nullptr) {
        if (!list->is_array()) {
            throw parse_error("the document holds something else where a list of texts is expected");
        }
        for (const nlohmann::json& each : *list) {
            texts.push_back(json_text(each));
        }
    }
    return texts;
}

/// Return the list of objects that a document begins with.
[[nodiscard]] inline const nlohmann::json& objects_of(const nlohmann::json& document, const char* name)
{
    const auto at = document.is_object() ? document.find(name) : document.end();
    if (at == document.end() || !at->is_array() ||
        !std::all_of(at->begin(), at->end(), [](const nlohmann::json& each) { return each.is_object(); })) {
        throw parse_error("the document has no list of objects \"" + std::string{name} + "\"");
    }
    return *at;
}

/// Return the object of a column in a list, which is added where it is not there.
[[nodiscard]] inline nlohmann::json& object_named(nlohmann::json& list, const std::string& name)
{
    for (nlohmann::json& each : list) {
        if (each.is_object() && each.value("name", "") == name) {
            return each;
        }
    }
    list.push_back(nlohmann::json::object({{"name", name}}));
    return list.back();
}

/// Return the document that a schema was read from, if it has a list of objects of this name, or an empty one.
[[nodiscard]] inline nlohmann::json document_of(const schema& of, const char* list)
{
    parsed_json parsed = parse_json(of.origin);
    if (of.origin.empty() || parsed.trouble != nullptr || !parsed.value.is_object() ||
        !parsed.value.contains(list) || !parsed.value[list].is_array()) {
        return nlohmann::json::object({{list, nlohmann::json::array()}});
    }
    return std::move(parsed.value);
}

/// Remove the columns that the schema does not have.
inline void keep_columns(nlohmann::json& list, const schema& of)
{
    for (std::size_t i = list.size(); i-- > 0;) {
        if (!list[i].is_object() || of.find(list[i].value("name", "")) == nullptr) {
            list.erase(i);
        }
    }
}

}  // namespace detail

/// Read a schema of TensorFlow Data Validation as JSON: what `json_format.MessageToJson(schema)` writes, in either spelling of its names.
///
/// Read are name, type, presence, intDomain, floatDomain, stringDomain or domain, distributionConstraints and notInEnvironment. Everything else is kept in
/// `origin`, and written again.
/// errors: parse_error for any other bytes
/// cost: about 1 us for each field
[[nodiscard]] inline schema read_tfdv_schema(std::string_view text)
{
    using detail::member_of;
    const nlohmann::json document = detail::parse_json_file(text);
    const nlohmann::json& features = detail::objects_of(document, "feature");
    std::map<std::string, std::vector<std::string>> domains;
    if (const nlohmann::json* shared = member_of(document, {"stringDomain", "string_domain"})) {
        if (!shared->is_array()) {
            throw parse_error("the list of domains is not a list");
        }
        for (const nlohmann::json& each : *shared) {
            domains[detail::json_text(each.is_object() && each.contains("name") ? each["name"]
                                                                                : nlohmann::json{})] =
                detail::texts_of(member_of(each, {"value"}));
        }
    }
    schema found;
    for (const nlohmann::json& feature : features) {
        column_schema column;
        const nlohmann::json* name = member_of(feature, {"name"});
        if (name == nullptr) {
            throw parse_error("a feature of the schema has no name");
        }
        column.name = detail::json_text(*name);
        if (const nlohmann::json* type = member_of(feature, {"type"})) {
            const std::string kind = detail::json_text(*type);
            column.kind = kind == "INT"     ? column_kind::integer
                          : kind == "FLOAT" ? column_kind::number
                          : kind == "BYTES" ? column_kind::text
                                            : column_kind::unknown;
        }
        const auto inside = [&](std::initializer_list<const char*> outer) -> nlohmann::json {
            const nlohmann::json* object = member_of(feature, outer);
            return object != nullptr && object->is_object() ? *object : nlohmann::json::object();
        };
        const nlohmann::json presence = inside({"presence"});
        column.min_present =
            detail::number_of(member_of(presence, {"minFraction", "min_fraction"})).value_or(0.0);
        for (const auto& outer :
             {inside({"intDomain", "int_domain"}), inside({"floatDomain", "float_domain"})}) {
            if (const auto low = detail::number_of(member_of(outer, {"min"}))) {
                column.min = *low;
            }
            if (const auto high = detail::number_of(member_of(outer, {"max"}))) {
                column.max = *high;
            }
        }
        if (feature.contains("boolDomain") || feature.contains("bool_domain")) {
            column.kind = column_kind::flag;
        }
        const nlohmann::json own = inside({"stringDomain", "string_domain"});
        column.domain = detail::texts_of(member_of(own, {"value"}));
        if (const nlohmann::json* shared = member_of(feature, {"domain"})) {
            column.domain = domains[detail::json_text(*shared)];
        }
        const nlohmann::json mass = inside({"distributionConstraints", "distribution_constraints"});
        column.mostly =
            detail::number_of(member_of(mass, {"minDomainMass", "min_domain_mass"})).value_or(1.0);
        column.not_in = detail::texts_of(member_of(feature, {"notInEnvironment", "not_in_environment"}));
        found.columns.push_back(std::move(column));
    }
    found.origin = std::string{text};
    return found;
}

/// Write a schema for TensorFlow Data Validation as JSON, for `json_format.Parse`. Fields of the document that it was read from are kept unless joust knows
/// them.
/// cost: about 1 us for each field
[[nodiscard]] inline std::string write_tfdv_schema(const schema& of)
{
    nlohmann::json document = detail::document_of(of, "feature");
    nlohmann::json& features = document["feature"];
    detail::keep_columns(features, of);
    // What was read in the other spelling is not written twice.
    const auto set = [](nlohmann::json& object, const char* name, const char* other,
                        const nlohmann::json& value) {
        const char* const used = object.contains(other) ? other : name;
        if (value.is_null()) {
            object.erase(used);
        } else if (value.is_object() && object.contains(used) && object[used].is_object()) {
            object[used].update(value);
        } else {
            object[used] = value;
        }
    };
    for (const column_schema& column : of.columns) {
        nlohmann::json& feature = detail::object_named(features, column.name);
        if (column.kind != column_kind::unknown) {
            feature["type"] = column.kind == column_kind::text     ? "BYTES"
                              : column.kind == column_kind::number ? "FLOAT"
                                                                   : "INT";
        }
        if (column.min_present > 0.0 || feature.contains("presence")) {
            nlohmann::json& presence = feature["presence"];
            if (!presence.is_object()) {
                presence = nlohmann::json::object();
            }
            set(presence, "minFraction", "min_fraction", column.min_present);
        }
        nlohmann::json range = nlohmann::json::object();
        const bool whole = column.kind == column_kind::integer;
        const auto bound = [&](const char* name, const std::optional<double>& value) {
            if (value && whole) {
                range[name] =
                    std::to_string(static_cast<std::int64_t>(*value));  // 64 bits are text in this format
            } else if (value) {
                range[name] = *value;
            }
        };
        bound("min", column.min);
        bound("max", column.max);
        if (!range.empty()) {
            set(feature, whole ? "intDomain" : "floatDomain", whole ? "int_domain" : "float_domain", range);
        }
        if (!column.domain.empty() && !feature.contains("domain")) {
            set(feature, "stringDomain", "string_domain", nlohmann::json::object({{"value", column.domain}}));
        }
        if (column.mostly < 1.0) {
            set(feature, "distributionConstraints", "distribution_constraints",
                nlohmann::json::object({{"minDomainMass", column.mostly}}));
        }
        if (!column.not_in.empty()) {
            set(feature, "notInEnvironment", "not_in_environment", column.not_in);
        }
    }
    return document.dump(2);
}

}  // namespace v0
}  // namespace joust
