// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/store/json.hpp>
#include <joust/store/log_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Read JSON lines for `log_reader` with nlohmann-json.
///
/// A line is nested at most 64 deep and names no member twice.
/// cost: about 3 us for a line of 100 bytes
class nlohmann_rows final : public json_row_reader {
public:
    /// Read the members with these names.
    const char* read(std::string_view line, const std::vector<std::string>& names,
                     std::vector<log_field>& fields) override
    {
        detail::parsed_json parsed = detail::parse_json(line);
        if (parsed.trouble != nullptr) {
            trouble_ = parsed.words();
            return trouble_.c_str();
        }
        if (!parsed.value.is_object()) {
            return "not a JSON object";
        }
        object_ = std::move(parsed.value);
        texts_.resize(names.size());
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto found = object_.find(names[i]);
            if (found != object_.end()) {
                fields[i] = field_of(*found, texts_[i]);
            }
        }
        return nullptr;
    }

private:
    [[nodiscard]] static log_field field_of(const nlohmann::json& value, std::string& text)
    {
        using kind = log_field::kind;
        if (value.is_string()) {
            const auto& given = value.get_ref<const std::string&>();
            return {given.empty() ? kind::missing : kind::text, given, 0.0};
        }
        if (value.is_boolean()) {
            text = value.get<bool>() ? "true" : "false";
            return {kind::number, text, value.get<bool>() ? 1.0 : 0.0};
        }
        if (value.is_number_unsigned()) {
            text = std::to_string(value.get<std::uint64_t>());
            return {kind::number, text, value.get<double>()};
        }
        if (value.is_number_integer()) {
            text = std::to_string(value.get<std::int64_t>());
            return {kind::number, text, value.get<double>()};
        }
        if (value.is_number()) {
            return {kind::number, {}, value.get<double>()};
        }
        return {kind::missing, {}, 0.0};
    }

    nlohmann::json object_;
    std::vector<std::string> texts_;
    std::string trouble_;
};

}  // namespace v0
}  // namespace joust
