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

/// Reads a text that may be broken in any way. NUL characters are skipped, so that a text in UTF-16 reads as one in ASCII.
class plan_scanner {
public:
    explicit constexpr plan_scanner(std::string_view text) noexcept : text_(text) { skip_nul(); }

    [[nodiscard]] constexpr bool at_end() const noexcept { return at_ >= text_.size(); }
    /// Return the present character, or NUL at the end.
    [[nodiscard]] constexpr char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
    constexpr void next() noexcept
    {
        ++at_;
        skip_nul();
    }
    constexpr void skip_blanks() noexcept
    {
        while (!at_end() && is_blank(peek())) {
            next();
        }
    }
    /// Skip a word in letters of any case. Returns false, and stays, where another word is there.
    constexpr bool skip_word(std::string_view lower) noexcept
    {
        plan_scanner ahead = *this;
        for (const char wanted : lower) {
            if (ahead.at_end() || lower_case(ahead.peek()) != wanted) {
                return false;
            }
            ahead.next();
        }
        if (is_letter(ahead.peek())) {
            return false;
        }
        *this = ahead;
        return true;
    }

    [[nodiscard]] static constexpr bool is_blank(char c) noexcept
    {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
    }
    [[nodiscard]] static constexpr bool is_quote(char c) noexcept { return c == '"' || c == '\''; }
    [[nodiscard]] static constexpr bool is_letter(char c) noexcept
    {
        return (lower_case(c) >= 'a' && lower_case(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    [[nodiscard]] static constexpr char lower_case(char c) noexcept
    {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }

private:
    constexpr void skip_nul() noexcept
    {
        while (at_ < text_.size() && text_[at_] == '\0') {
            ++at_;
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

/// Give what stands behind each member with this name to `use`, until `use` returns true. The text may be broken in any
/// way: the name may be in letters of any case, in single quotes or in none, and stand before a colon or an equals sign.
/// A name inside a string does not count, because its quotes are escaped there.
template <class Use>
[[nodiscard]] constexpr bool find_member(std::string_view text, std::string_view name, Use use) noexcept
{
    char before = '\0';  // the character before, NUL at the beginning
    char visible = '{';  // the one before that is not blank; a new line counts
    for (plan_scanner at{text}; !at.at_end(); at.next()) {
        const char quote = plan_scanner::is_quote(at.peek()) ? at.peek() : '\0';
        const bool begins =
            quote != '\0' ? before != '\\' : visible == '{' || visible == ',' || visible == '\n';
        if (begins) {
            plan_scanner ahead = at;
            if (quote != '\0') {
                ahead.next();
                ahead.skip_blanks();
            }
            if (ahead.skip_word(name)) {
                ahead.skip_blanks();
                const bool closed = quote == '\0' || ahead.peek() == quote;
                if (quote != '\0' && closed) {
                    ahead.next();
                    ahead.skip_blanks();
                }
                if (closed && (ahead.peek() == ':' || ahead.peek() == '=')) {
                    ahead.next();
                    ahead.skip_blanks();
                    if (use(ahead)) {
                        return true;
                    }
                }
            }
        }
        before = at.peek();
        // What is no ASCII before the first member is a mark of the byte order.
        if (before == '\n' ||
            (!plan_scanner::is_blank(before) && static_cast<unsigned char>(before) < 0x80)) {
            visible = before;
        }
    }
    return false;
}

/// Say whether a text has a member "salt" that is readable and has another value than `name`.
[[nodiscard]] constexpr bool names_another_trial(std::string_view text, std::string_view name) noexcept
{
    bool another = false;
    // Beyond ASCII a text in UTF-16 spells a name by other bytes.
    const bool wide = text.find('\0') != std::string_view::npos;
    const bool own = find_member(text, "salt", [&](plan_scanner value) {
        const char quote = value.peek();
        if (!plan_scanner::is_quote(quote)) {
            return false;
        }
        value.next();
        bool readable = value.peek() != quote;  // No trial has an empty name.
        bool same = true;
        std::size_t length = 0;
        for (; readable && !value.at_end() && value.peek() != quote; value.next(), ++length) {
            const char c = value.peek();
            readable = c != '\\' && c != '\r' && c != '\n' && c != ',' &&
                       !(wide && static_cast<unsigned char>(c) >= 0x80);
            same = same && length < name.size() && name[length] == c;
        }
        readable = readable && !value.at_end();
        same = same && length == name.size();
        another = another || (readable && !same);
        return readable && same;
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
        if (!salted_ || !versioned_ || !shared_) {
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
        shared_ = true;
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
    bool shared_ = false;
};

}  // namespace detail

/// Say whether the text of a plan says that the trial is stopped, whatever else is wrong with the text: a member "stopped",
/// or "stop", has a value other than false, no, null, 0 and "". Its name may be in letters of any case, in single quotes or
/// in none. In doubt the champion serves.
///
/// `plan_watch` asks this of every text that parse_plan refuses. Ask it too where plans arrive in another way.
[[nodiscard]] constexpr bool says_stopped(std::string_view text) noexcept
{
    const auto says = [](detail::plan_scanner value) {
        if (detail::plan_scanner::is_quote(value.peek())) {
            const char quote = value.peek();
            value.next();
            if (value.peek() == quote) {
                return false;
            }
        }
        return !value.at_end() && std::string_view{"fFnN0,}"}.find(value.peek()) == std::string_view::npos;
    };
    return detail::find_member(text, "stopped", says) || detail::find_member(text, "stop", says);
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
