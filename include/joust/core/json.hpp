// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/utf8.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Append a text as a JSON string, with its quotes.
///
/// Bytes that are not UTF-8 become U+FFFD, so that the result is always valid. The characters `<`, `>` and `&` are
/// escaped too, so that the value may stand inside an HTML page.
/// source: Bray (2017), The JavaScript Object Notation (JSON) Data Interchange Format, RFC 8259, section 7
void append_json_string(std::string& out, std::string_view text);

/// Write one JSON value into a string: objects, arrays, strings, numbers, true, false and null.
///
/// The writer sets the commas. The caller closes every object and array that it begins, and gives every member a key.
/// Doubles are written with the fewest digits that read back to the same value. JSON has no NaN and no infinity, so
/// these become null.
class json_writer {
public:
    /// Append to a string.
    /// assumes: the string outlives the writer
    explicit json_writer(std::string& out) noexcept : out_(out) {}

    /// Begin an object.
    json_writer& begin_object() { return open('{'); }
    /// End the object that was begun last.
    json_writer& end_object() { return close('}'); }
    /// Begin an array.
    json_writer& begin_array() { return open('['); }
    /// End the array that was begun last.
    json_writer& end_array() { return close(']'); }

    /// Write the name of a member. Its value follows.
    json_writer& key(std::string_view name)
    {
        separate();
        append_json_string(out_, name);
        out_ += ':';
        comma_ = false;
        return *this;
    }

    /// Write a text as a string.
    json_writer& value(std::string_view text)
    {
        separate();
        append_json_string(out_, text);
        comma_ = true;
        return *this;
    }
    /// Write a text as a string.
    json_writer& value(const char* text) { return value(std::string_view{text}); }

    /// Write a number, or null if it is not finite.
    template <class Number>
        requires std::integral<Number> || std::floating_point<Number>
    json_writer& value(Number number)
    {
        char buffer[64];  // long enough for the shortest form of any IEEE binary128 value
        const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof buffer, number);
        // "inf", "nan" and "nan(ind)" are the only forms that do not end with a digit.
        const char last = end.ptr[-1];
        if (last < '0' || last > '9') {
            return null();
        }
        separate();
        out_.append(buffer, end.ptr);
        comma_ = true;
        return *this;
    }

    /// Write true or false.
    json_writer& value(bool truth)
    {
        separate();
        out_ += truth ? "true" : "false";
        comma_ = true;
        return *this;
    }

    /// Write null.
    json_writer& null()
    {
        separate();
        out_ += "null";
        comma_ = true;
        return *this;
    }

    /// Write a member: its name and its value.
    template <class Value>
    json_writer& member(std::string_view name, const Value& content)
    {
        key(name);
        return value(content);
    }

private:
    json_writer& open(char bracket)
    {
        separate();
        out_ += bracket;
        comma_ = false;
        return *this;
    }

    json_writer& close(char bracket)
    {
        out_ += bracket;
        comma_ = true;
        return *this;
    }

    void separate()
    {
        if (comma_) {
            out_ += ',';
        }
    }

    std::string& out_;
    bool comma_ = false;
};

#if JOUST_BODIES

JOUST_FUNCTION void append_json_string(std::string& out, std::string_view text)
{
    const auto escape = [&out](char32_t value) {
        out += "\\u00";
        detail::append_hex_byte(out, static_cast<std::uint8_t>(value));
    };
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        const code_point point = decode_utf8(text, i);
        const std::string_view bytes = text.substr(i, point.bytes);
        i += point.bytes;
        if (!point.valid) {
            out += "\\ufffd";
            continue;
        }
        switch (point.value) {
            case U'"': out += "\\\""; break;
            case U'\\': out += "\\\\"; break;
            case U'\b': out += "\\b"; break;
            case U'\f': out += "\\f"; break;
            case U'\n': out += "\\n"; break;
            case U'\r': out += "\\r"; break;
            case U'\t': out += "\\t"; break;
            case U'<':
            case U'>':
            case U'&':
            case 0x7F: escape(point.value); break;
            // JavaScript before 2019 read these two characters as line ends.
            case 0x2028: out += "\\u2028"; break;
            case 0x2029: out += "\\u2029"; break;
            default:
                if (point.value < 0x20) {
                    escape(point.value);
                } else {
                    out += bytes;
                }
        }
    }
    out += '"';
}

#endif

}  // namespace v0
}  // namespace joust
