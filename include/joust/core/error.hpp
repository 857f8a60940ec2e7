// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/utf8.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

#ifndef __cpp_exceptions
#error                                                                                                       \
    "joust needs exceptions, since its constructors report wrong configuration by throwing joust::configuration_error: compile without -fno-exceptions."
#endif

namespace joust {
inline namespace v0 {

namespace detail {

/// Return a text that may come from outside as valid UTF-8 without control characters, for a message. It can then write
/// nothing to a terminal or a log but its own line. A text of more than 4,096 bytes is cut.
[[nodiscard]] JOUST_COLD std::string printable(std::string_view text);

}  // namespace detail

/// Say which field of which policy was configured wrongly, which value it was given and which values it allows.
///
/// Only constructors and other functions that set something up throw it; serving a request never does.
class configuration_error : public std::invalid_argument {
public:
    /// Build the sentence "field is value; allowed: ...". Control characters in it become U+FFFD.
    JOUST_COLD configuration_error(std::string_view field, std::string_view value, std::string_view allowed);

    /// Return the name of the field, such as "hash_split.shares".
    [[nodiscard]] const std::string& field() const noexcept { return field_; }
    /// Return the value that was given, as text.
    [[nodiscard]] const std::string& value() const noexcept { return value_; }
    /// Return a description of the allowed values.
    [[nodiscard]] const std::string& allowed() const noexcept { return allowed_; }

private:
    JOUST_COLD static std::string sentence(std::string_view field, std::string_view value,
                                           std::string_view allowed);

    std::string field_;
    std::string value_;
    std::string allowed_;
};

/// Say why bytes from outside (a ticket, a snapshot, a log) could not be read.
class parse_error : public std::runtime_error {
public:
    /// Take the sentence. Control characters in it, which may come from the bytes, become U+FFFD.
    JOUST_COLD explicit parse_error(std::string_view why);
    /// Take the sentence.
    explicit parse_error(const char* why) : parse_error(std::string_view{why}) {}
    /// Take the sentence.
    explicit parse_error(const std::string& why) : parse_error(std::string_view{why}) {}
};

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION std::string printable(std::string_view text)
{
    constexpr std::size_t most = 4'096;
    std::string clean;
    append_clean(clean, text.substr(0, most));
    clean += text.size() > most ? "..." : "";
    return clean;
}

}  // namespace detail

JOUST_FUNCTION parse_error::parse_error(std::string_view why) : std::runtime_error(detail::printable(why)) {}

JOUST_FUNCTION configuration_error::configuration_error(std::string_view field, std::string_view value,
                                                        std::string_view allowed)
    : std::invalid_argument(sentence(field, value, allowed)), field_(detail::printable(field)),
      value_(detail::printable(value)), allowed_(detail::printable(allowed))
{
}

JOUST_FUNCTION std::string configuration_error::sentence(std::string_view field, std::string_view value,
                                                         std::string_view allowed)
{
    std::string text{field};
    text += " is ";
    text += value;
    text += "; allowed: ";
    text += allowed;
    return detail::printable(text);
}

#endif

}  // namespace v0
}  // namespace joust
