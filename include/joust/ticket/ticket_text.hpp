// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/bits.hpp>
#include <joust/core/error.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Say why a text is not a ticket, or why a trial does not accept it.
enum class ticket_error : std::uint8_t {
    /// Nothing is wrong.
    none,
    /// The text does not have 43 characters.
    length,
    /// The text has a character that base64url does not have.
    alphabet,
    /// The last character has bits beyond the 32nd byte.
    trailing_bits,
    /// The ticket was made by another version of joust, or it is damaged.
    version,
    /// The ticket is damaged.
    checksum,
    /// This version does not know the kind of the ticket.
    kind,
    /// The ticket is whole, but a field is outside its range.
    contents,
    /// The ticket is signed, but no key of this reader made its tag.
    forged,
    /// The ticket is signed under a key that this reader does not have any more, or not yet.
    retired
};

/// Say in a sentence why a text is not a ticket.
[[nodiscard]] constexpr std::string_view to_string(ticket_error error) noexcept
{
    switch (error) {
        case ticket_error::none: return "the ticket is whole";
        case ticket_error::length: return "a ticket has 43 characters";
        case ticket_error::alphabet: return "a ticket has only letters, digits, '-' and '_'";
        case ticket_error::trailing_bits:
            return "the last character of the ticket is not one that joust writes";
        case ticket_error::version: return "the ticket was made by another version of joust, or is damaged";
        case ticket_error::checksum: return "the ticket is damaged: its checksum does not match";
        case ticket_error::kind: return "the ticket is of a kind that this version of joust does not know";
        case ticket_error::contents: return "the ticket holds a number outside its range";
        case ticket_error::forged: return "the ticket was not signed under a key of this reader";
        case ticket_error::retired: return "the ticket was signed under a key that this reader does not have";
    }
    return "the ticket is unreadable";
}

namespace detail {

inline constexpr std::size_t ticket_text_size = 43;

inline constexpr std::array<char, 65> base64url_digits{
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

// The value of each character. It is 64 if the character is not a digit of base64url.
inline constexpr std::array<std::uint8_t, 256> base64url_values = [] {
    std::array<std::uint8_t, 256> values{};
    for (std::uint8_t& value : values) {
        value = 64;
    }
    for (std::size_t i = 0; i < 64; ++i) {
        values[static_cast<unsigned char>(base64url_digits[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}();

/// Write four words, in little-endian order, as 43 characters that survive a URL.
constexpr void encode_words(std::array<std::uint64_t, 4> words, char* out) noexcept
{
    constexpr const std::array<char, 65>& digits = base64url_digits;
    if constexpr (std::endian::native != std::endian::little) {
        for (std::uint64_t& word : words) {
            word = byte_swap64(word);
        }
    }
    const auto bytes = std::bit_cast<std::array<unsigned char, 32>>(words);
    const auto byte = [&bytes](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
    for (std::size_t i = 0; i < 30; i += 3) {
        const std::uint32_t three = (byte(i) << 16) | (byte(i + 1) << 8) | byte(i + 2);
        *out++ = digits[three >> 18];
        *out++ = digits[(three >> 12) & 63U];
        *out++ = digits[(three >> 6) & 63U];
        *out++ = digits[three & 63U];
    }
    const std::uint32_t two = (byte(30) << 10) | (byte(31) << 2);
    *out++ = digits[two >> 12];
    *out++ = digits[(two >> 6) & 63U];
    *out++ = digits[two & 63U];
}

/// Read the words that encode_words wrote from any text. Returns `none` and sets `out`, or returns what is wrong and
/// leaves `out` as it was.
[[nodiscard]] constexpr ticket_error decode_words(std::string_view text,
                                                  std::array<std::uint64_t, 4>& out) noexcept
{
    if (text.size() != ticket_text_size) {
        return ticket_error::length;
    }
    std::array<char, 33> bytes{};
    std::uint32_t wrong = 0;
    const auto digit = [&](std::size_t i) {
        const std::uint32_t value = base64url_values[static_cast<unsigned char>(text[i])];
        wrong |= value;
        return value;
    };
    for (std::size_t i = 0, at = 0; i < ticket_text_size; i += 4, at += 3) {
        // The 44th character does not exist and counts as zeros, so that trailing bits show in the 33rd byte.
        const std::uint32_t four = (digit(i) << 18) | (digit(i + 1) << 12) | (digit(i + 2) << 6) |
                                   (i + 3 < ticket_text_size ? digit(i + 3) : 0);
        bytes[at] = static_cast<char>((four >> 16) & 255U);
        bytes[at + 1] = static_cast<char>((four >> 8) & 255U);
        bytes[at + 2] = static_cast<char>(four & 255U);
    }
    if ((wrong & 64U) != 0) {
        return ticket_error::alphabet;
    }
    if (bytes[32] != 0) {
        return ticket_error::trailing_bits;
    }
    for (std::size_t i = 0; i < 4; ++i) {
        out[i] = load64(bytes.data() + 8 * i);
    }
    return ticket_error::none;
}

/// Return the text of four words, without allocating.
[[nodiscard]] constexpr std::array<char, ticket_text_size>
text_of_words(const std::array<std::uint64_t, 4>& words) noexcept
{
    std::array<char, ticket_text_size> out{};
    encode_words(words, out.data());
    return out;
}

/// Return the text of four words.
[[nodiscard]] inline std::string string_of_words(const std::array<std::uint64_t, 4>& words)
{
    std::string out(ticket_text_size, '\0');
    encode_words(words, out.data());
    return out;
}

/// Read a ticket from text.
/// errors: parse_error with a sentence that says what is wrong
template <class Ticket>
[[nodiscard]] Ticket ticket_from(std::string_view text)
{
    Ticket read;
    const ticket_error error = Ticket::parse(text, read);
    if (error != ticket_error::none) {
        throw parse_error(std::string{to_string(error)});
    }
    return read;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
