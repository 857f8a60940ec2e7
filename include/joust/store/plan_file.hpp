// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hex.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Read a plan from JSON. Unknown members are refused, since a misspelt member would make a plan that is not meant.
/// errors: parse_error that names the member, for any bytes
[[nodiscard]] inline traffic_plan parse_plan(std::string_view text)
{
    const auto refuse = [](const std::string& why) { throw parse_error("plan: " + why); };
    const nlohmann::json json = detail::parse_json(text);
    if (!json.is_object()) {
        refuse("not a JSON object");
    }
    const auto number_from_hex = [&refuse](const nlohmann::json& value, const char* what) {
        const auto number =
            value.is_string() ? detail::parse_hex(value.get_ref<const std::string&>()) : std::nullopt;
        if (!number) {
            refuse(std::string{what} + " is not 16 hexadecimal digits");
        }
        return *number;
    };
    traffic_plan plan;
    bool named = false, formatted = false, salted = false, versioned = false, shared = false;
    for (const auto& [key, value] : json.items()) {
        if (key == "joust") {
            named = value == "plan";
        } else if (key == "format") {
            formatted = value == 1;
        } else if (key == "salt") {
            if (!value.is_string()) {
                refuse("\"salt\" is not text");
            }
            plan.salt = value.get<std::string>();
            salted = true;
        } else if (key == "version") {
            if (!value.is_number_unsigned()) {
                refuse("\"version\" is not a whole number");
            }
            plan.version = value.get<std::uint64_t>();
            versioned = true;
        } else if (key == "parent") {
            plan.parent = number_from_hex(value, "\"parent\"");
        } else if (key == "stopped") {
            if (!value.is_boolean()) {
                refuse("\"stopped\" is neither true nor false");
            }
            plan.stopped = value.get<bool>();
        } else if (key == "shares") {
            if (!value.is_array() || value.size() > max_arms) {
                refuse("\"shares\" is not a list of at most 16 numbers");
            }
            for (const auto& share : value) {
                if (!share.is_number()) {
                    refuse("\"shares\" holds something that is not a number");
                }
                plan.shares.push_back(share.get<double>() + 0.0);  // -0 becomes 0
            }
            shared = !plan.shares.empty();
        } else if (key == "slots") {
            if (!value.is_array()) {
                refuse("\"slots\" is not a list");
            }
            for (const auto& slot : value) {
                if (!slot.is_array() || slot.size() != 2 || !slot[1].is_number_unsigned() ||
                    slot[1].get<std::uint64_t>() >= max_arms) {
                    refuse("\"slots\" holds something that is not [\"16 hexadecimal digits\", arm]");
                }
                plan.slots.push_back({number_from_hex(slot[0], "the beginning of a slot"),
                                      static_cast<unsigned>(slot[1].get<std::uint64_t>())});
            }
        } else {
            refuse("\"" + key + "\" is not a member of a plan");
        }
    }
    if (!named || !formatted) {
        refuse("not marked \"joust\": \"plan\", \"format\": 1");
    }
    if (!salted || !versioned || !shared) {
        refuse("\"salt\", \"version\" and \"shares\" are needed");
    }
    return plan;
}

/// Write a plan to a file. A process that watches the file sees the old plan or the new one, and never a part.
/// errors: std::runtime_error with path and reason
inline void save_plan(const std::string& path, const traffic_plan& plan)
{
    std::string text;
    plan.write(text, style::json);
    write_file(path, text + "\n");
}

}  // namespace v0
}  // namespace joust
