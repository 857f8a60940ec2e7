// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hex.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Return what stands after the colon of each member with this name, until `use` returns true. The text may be broken in
/// any way. A name inside a string does not count, because its quotes are escaped there.
template <class Use>
[[nodiscard]] bool find_member(std::string_view text, std::string_view quoted_name, Use use) noexcept
{
    const auto skip_blanks = [&text] {
        const std::size_t first = text.find_first_not_of(" \t\r\n");
        text.remove_prefix(first == std::string_view::npos ? text.size() : first);
    };
    bool escaped = false;
    for (std::size_t at = text.find(quoted_name); at != std::string_view::npos; at = text.find(quoted_name)) {
        escaped = at > 0 && text[at - 1] == '\\';
        text.remove_prefix(at + quoted_name.size());
        skip_blanks();
        if (!escaped && text.starts_with(':')) {
            text.remove_prefix(1);
            skip_blanks();
            if (use(text)) {
                return true;
            }
        }
    }
    return false;
}

/// Say whether a text has a member "salt" that is readable and has another value than `name`.
[[nodiscard]] inline bool names_another_trial(std::string_view text, std::string_view name) noexcept
{
    bool another = false;
    const bool own = find_member(text, "\"salt\"", [&](std::string_view value) {
        if (!value.starts_with('"')) {
            return false;
        }
        value.remove_prefix(1);
        const std::string_view salt = value.substr(0, value.find('"'));
        const bool readable = salt.size() < value.size() && salt.find('\\') == std::string_view::npos &&
                              salt.find_first_of("\r\n,") == std::string_view::npos;
        another = another || (readable && salt != name);
        return salt == name;
    });
    return another && !own;
}

/// The longest text of a plan. It has room for some 30,000 slots.
inline constexpr std::size_t most_plan_bytes = std::size_t{1} << 20;

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
            if (plan_.salt.find('\0') != std::string::npos) {
                refuse("\"salt\" holds a NUL character");
            }
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
        } else if (unknown_.empty()) {
            unknown_ = key.empty() ? "(no name)" : key;
        }
    }

    /// Return the plan if all necessary members were read.
    [[nodiscard]] traffic_plan finish()
    {
        // A stopped plan splits nothing, so a misspelt member cannot make it another plan than was meant.
        if (!unknown_.empty() && !plan_.stopped) {
            refuse("\"" + unknown_ + "\" is not a member of a plan");
        }
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
    std::string unknown_;
    bool named_ = false;
    bool formatted_ = false;
    bool salted_ = false;
    bool versioned_ = false;
};

}  // namespace detail

/// Say whether the text of a plan says that the trial is stopped, whatever else is wrong with the text: a member "stopped"
/// has a value other than false, null, 0 and "". In doubt the champion serves.
///
/// `plan_watch` asks this of every text that parse_plan refuses. Ask it too where plans arrive in another way.
[[nodiscard]] inline bool says_stopped(std::string_view text) noexcept
{
    return detail::find_member(text, "\"stopped\"", [](std::string_view value) {
        if (value.starts_with('"')) {
            value.remove_prefix(1);
        }
        return !value.empty() && std::string_view{"fFnN0\",}"}.find(value.front()) == std::string_view::npos;
    });
}

/// Read a plan from JSON. Unknown members are refused, since a misspelt member would make a plan that is not meant; a
/// stopped plan may have them. A plan has at most 1 MiB and names no member twice.
/// errors: parse_error that names the member, for any bytes
[[nodiscard]] inline traffic_plan parse_plan(std::string_view text)
{
    if (text.size() > detail::most_plan_bytes) {
        detail::plan_reader::refuse("longer than 1 MiB");
    }
    const detail::parsed_json json = detail::parse_json(text);
    if (!json.member.empty()) {
        detail::plan_reader::refuse(json.words());
    }
    if (json.trouble != nullptr || !json.value.is_object()) {
        detail::plan_reader::refuse("not a JSON object");
    }
    detail::plan_reader reader;
    for (const auto& [key, value] : json.value.items()) {
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
