// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hex.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Read the members of a plan one by one.
/// errors: parse_error that names the member
class plan_reader {
public:
    [[noreturn]] static void refuse(const std::string& why) { throw parse_error("plan: " + why); }

    void read(const std::string& key, const nlohmann::json& value)
    {
        if (key == "joust") {
            named_ = value == "plan";
        } else if (key == "format") {
            formatted_ = value == 1;
        } else if (key == "salt") {
            if (!value.is_string()) {
                refuse("\"salt\" is not text");
            }
            plan_.salt = value.get<std::string>();
            salted_ = true;
        } else if (key == "version") {
            if (!value.is_number_unsigned()) {
                refuse("\"version\" is not a whole number");
            }
            plan_.version = value.get<std::uint64_t>();
            versioned_ = true;
        } else if (key == "parent") {
            plan_.parent = number_from_hex(value, "\"parent\"");
        } else if (key == "stopped") {
            if (!value.is_boolean()) {
                refuse("\"stopped\" is neither true nor false");
            }
            plan_.stopped = value.get<bool>();
        } else if (key == "shares") {
            read_shares(value);
        } else if (key == "slots") {
            read_slots(value);
        } else {
            refuse("\"" + key + "\" is not a member of a plan");
        }
    }

    /// Return the plan if all necessary members were read.
    [[nodiscard]] traffic_plan finish()
    {
        if (!named_ || !formatted_) {
            refuse("not marked \"joust\": \"plan\", \"format\": 1");
        }
        if (!salted_ || !versioned_ || plan_.shares.empty()) {
            refuse("\"salt\", \"version\" and \"shares\" are needed");
        }
        return std::move(plan_);
    }

private:
    void read_shares(const nlohmann::json& value)
    {
        if (!value.is_array() || value.size() > max_arms) {
            refuse("\"shares\" is not a list of at most 16 numbers");
        }
        for (const auto& share : value) {
            if (!share.is_number()) {
                refuse("\"shares\" holds something that is not a number");
            }
            plan_.shares.push_back(share.get<double>() + 0.0);  // -0 becomes 0
        }
    }

    void read_slots(const nlohmann::json& value)
    {
        if (!value.is_array()) {
            refuse("\"slots\" is not a list");
        }
        for (const auto& slot : value) {
            if (!slot.is_array() || slot.size() != 2 || !slot[1].is_number_unsigned() ||
                slot[1].get<std::uint64_t>() >= max_arms) {
                refuse("\"slots\" holds something that is not [\"16 hexadecimal digits\", arm]");
            }
            plan_.slots.push_back({number_from_hex(slot[0], "the beginning of a slot"),
                                   static_cast<unsigned>(slot[1].get<std::uint64_t>())});
        }
    }

    [[nodiscard]] static std::uint64_t number_from_hex(const nlohmann::json& value, const char* what)
    {
        std::uint64_t number = 0;
        if (!value.is_string() || !parse_hex(value.get_ref<const std::string&>(), number)) {
            refuse(std::string{what} + " is not 16 hexadecimal digits");
        }
        return number;
    }

    traffic_plan plan_;
    bool named_ = false;
    bool formatted_ = false;
    bool salted_ = false;
    bool versioned_ = false;
};

}  // namespace detail

/// Read a plan from JSON. Unknown members are refused, since a misspelt member would make a plan that is not meant.
/// errors: parse_error that names the member, for any bytes
[[nodiscard]] inline traffic_plan parse_plan(std::string_view text)
{
    const nlohmann::json json = detail::parse_json(text);
    if (!json.is_object()) {
        detail::plan_reader::refuse("not a JSON object");
    }
    detail::plan_reader reader;
    for (const auto& [key, value] : json.items()) {
        reader.read(key, value);
    }
    return reader.finish();
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
