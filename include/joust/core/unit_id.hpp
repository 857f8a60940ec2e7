// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/hex.hpp>

#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace joust {
inline namespace v0 {

/// Hold a UUID as a number. As a unit it is hashed as its text, in lower case with hyphens.
struct uuid {
    /// The first 16 digits.
    std::uint64_t hi = 0;
    /// The last 16 digits.
    std::uint64_t lo = 0;
    /// Compare as numbers, which is the order of the texts.
    constexpr auto operator<=>(const uuid&) const = default;

    /// Read the 36 characters of a UUID, in upper or lower case.
    /// errors: parse_error when the text is anything else
    [[nodiscard]] static constexpr uuid from_string(std::string_view text)
    {
        uuid id;
        std::size_t digits = 0;
        bool good = text.size() == 36;
        for (std::size_t i = 0; good && i < 36; ++i) {
            if (i == 8 || i == 13 || i == 18 || i == 23) {
                good = text[i] == '-';
                continue;
            }
            const char c =
                text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
            const int digit = detail::hex_value(c);
            good = digit >= 0;
            std::uint64_t& half = digits++ < 16 ? id.hi : id.lo;
            half = (half << 4) | static_cast<std::uint64_t>(digit & 15);
        }
        if (!good) {
            throw parse_error(
                "a UUID is 32 hexadecimal digits with hyphens after the 8th, 12th, 16th and 20th");
        }
        return id;
    }
};

namespace detail {

template <class T>
concept text_like = std::convertible_to<const T&, std::string_view>;

// bool and the character types are refused, because 'a' could mean the letter or the number 97.
template <class T>
concept number_like = (std::integral<T> && sizeof(T) <= 8 && !std::same_as<T, bool> &&
                       !std::same_as<T, char> && !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                       !std::same_as<T, char16_t> && !std::same_as<T, char32_t>) ||
                      std::is_enum_v<T>;

}  // namespace detail

/// Accept the types that can name a unit: text, an integer, an enumerator or a uuid.
template <class Key>
concept unit_like = detail::text_like<Key> || detail::number_like<Key> || std::same_as<Key, uuid>;

namespace detail {

/// Does a value name no unit? Empty text, a null pointer to text and the nil UUID stand for an id that is missing. No
/// integer does: 0 is an id like any other.
template <unit_like Key>
[[nodiscard]] JOUST_ALWAYS_INLINE constexpr bool is_no_unit(const Key& key) noexcept
{
    if constexpr (std::is_pointer_v<Key>) {
        return key == nullptr || *key == '\0';
    } else if constexpr (text_like<Key>) {
        return static_cast<std::string_view>(key).empty();
    } else if constexpr (std::same_as<Key, uuid>) {
        return (key.hi | key.lo) == 0;
    } else {
        return false;
    }
}

// The text of a number or a uuid, in words, so that it goes into the hash from registers.
struct word_text {
    std::uint64_t words[5]{};
    std::size_t size = 0;

    constexpr void append(std::uint64_t word, std::size_t bytes) noexcept
    {
        const std::size_t at = size / 8;
        const std::size_t shift = 8 * (size % 8);
        words[at] |= word << shift;
        if (shift + 8 * bytes > 64) {
            words[at + 1] = word >> (64 - shift);
        }
        size += bytes;
    }
};

// Tables that turn a number below 10^8 into digits without a chain of divisions. They take 416 bytes, and numbers of
// similar size use the same few cache lines.
struct digit_tables {
    // The number of digits of n is (n + counts[bit_width(n) - 1]) >> 32.
    std::uint64_t counts[27]{};
    // Two digits each, the first digit in the low byte.
    std::uint16_t pairs[100]{};

    constexpr digit_tables() noexcept
    {
        for (unsigned i = 0; i < 100; ++i) {
            pairs[i] = static_cast<std::uint16_t>(('0' + i / 10) | (('0' + i % 10) << 8));
        }
        std::uint64_t digits = 1;
        std::uint64_t next_power = 10;
        for (unsigned bit = 0; bit < 27; ++bit) {
            const std::uint64_t last = (std::uint64_t{2} << bit) - 1;
            // If a power of ten lies among the numbers of this width, numbers from there on carry into the upper half.
            counts[bit] = last >= next_power ? ((digits + 1) << 32) - next_power : digits << 32;
            if (last >= next_power) {
                ++digits;
                next_power *= 10;
            }
        }
    }
};

inline constexpr digit_tables digit_table{};

/// Write a number below 10^8 as eight decimal digits, the first in the lowest byte.
[[nodiscard]] constexpr std::uint64_t eight_digits(std::uint64_t n) noexcept
{
    const auto& pairs = digit_table.pairs;
    // The products with reciprocals are exact in this range, and none of them waits for another.
    const std::uint64_t millions = (n * 1125899907) >> 50;
    const std::uint64_t myriads = (n * 109951163) >> 40;
    const std::uint64_t hundreds = (n * 1374389535) >> 37;
    return std::uint64_t{pairs[millions]} | (std::uint64_t{pairs[myriads - millions * 100]} << 16) |
           (std::uint64_t{pairs[hundreds - myriads * 100]} << 32) |
           (std::uint64_t{pairs[n - hundreds * 100]} << 48);
}

// Write the decimal digits of a number below 10^8 into one word, without leading zeros.
// source: for the number of digits, Lemire 2021, Computing the number of digits of an integer even faster
struct short_digits {
    constexpr explicit short_digits(std::uint64_t n) noexcept
        : size(static_cast<std::size_t>((n + digit_table.counts[std::bit_width(n | 1U) - 1]) >> 32)),
          word(eight_digits(n) >> (64 - 8 * size))
    {
    }
    std::size_t size;
    std::uint64_t word;
};

[[nodiscard]] constexpr word_text decimal_text(std::uint64_t magnitude, bool negative) noexcept
{
    constexpr std::uint64_t chunk = 100'000'000;
    word_text text;
    if (negative) {
        text.append('-', 1);
    }
    const auto leading = [&text](std::uint64_t n) {
        const short_digits digits{n};
        text.append(digits.word, digits.size);
    };
    if (magnitude < chunk) {
        leading(magnitude);
        return text;
    }
    const std::uint64_t upper = magnitude / chunk;
    if (upper < chunk) {
        leading(upper);
    } else {
        leading(upper / chunk);
        text.append(eight_digits(upper % chunk), 8);
    }
    text.append(eight_digits(magnitude % chunk), 8);
    return text;
}

/// Write 32 bits as eight hexadecimal digits in lower case, the first in the lowest byte.
[[nodiscard]] constexpr std::uint64_t eight_hex_digits(std::uint32_t n) noexcept
{
    std::uint64_t x = byte_swap32(n);
    x = (x | (x << 16)) & 0x0000ffff0000ffffU;
    x = (x | (x << 8)) & 0x00ff00ff00ff00ffU;
    x = ((x >> 4) | (x << 8)) & 0x0f0f0f0f0f0f0f0fU;
    const std::uint64_t letters = ((x + 0x0606060606060606U) >> 4) & 0x0101010101010101U;
    return x + 0x3030303030303030U + letters * ('a' - '0' - 10);
}

[[nodiscard]] constexpr word_text uuid_text(uuid id) noexcept
{
    const std::uint64_t second = eight_hex_digits(static_cast<std::uint32_t>(id.hi));
    const std::uint64_t third = eight_hex_digits(static_cast<std::uint32_t>(id.lo >> 32));
    constexpr std::uint64_t half = 0xffffffffU;
    word_text text;
    text.append(eight_hex_digits(static_cast<std::uint32_t>(id.hi >> 32)), 8);
    text.append('-', 1);
    text.append(second & half, 4);
    text.append('-', 1);
    text.append(second >> 32, 4);
    text.append('-', 1);
    text.append(third & half, 4);
    text.append('-', 1);
    text.append(third >> 32, 4);
    text.append(eight_hex_digits(static_cast<std::uint32_t>(id.lo)), 8);
    return text;
}

/// Return the value of a number or an enumerator in 64 bits, signed if its type is signed.
template <class Number>
[[nodiscard]] constexpr auto wide_value(Number number) noexcept
{
    if constexpr (std::is_enum_v<Number>) {
        return wide_value(static_cast<std::underlying_type_t<Number>>(number));
    } else if constexpr (std::is_signed_v<Number>) {
        return static_cast<std::int64_t>(number);
    } else {
        return static_cast<std::uint64_t>(number);
    }
}

template <number_like Number>
[[nodiscard]] constexpr word_text unit_words(Number number) noexcept
{
    const auto value = wide_value(number);
    const auto bits = static_cast<std::uint64_t>(value);
    return value < 0 ? decimal_text(0 - bits, true) : decimal_text(bits, false);
}

[[nodiscard]] constexpr word_text unit_words(uuid id) noexcept
{
    return uuid_text(id);
}

}  // namespace detail

/// Append the text that a unit has in its hash. An analyst appends it to the salt and '/' to compute the same hash.
template <unit_like Key>
void append_unit_text(std::string& out, const Key& key)
{
    if constexpr (detail::text_like<Key>) {
        out += static_cast<std::string_view>(key);
    } else {
        const detail::word_text text = detail::unit_words(key);
        for (std::size_t i = 0; i < text.size; ++i) {
            out += static_cast<char>((text.words[i / 8] >> (8 * (i % 8))) & 0xffU);
        }
    }
}

/// Hash units after a salt: XXH64 with seed 0 over the bytes of the salt, '/' and the text of the unit.
///
/// Text is hashed unchanged, integers in decimal, enumerators as their number, UUIDs in lower case with hyphens. So
/// SELECT xxHash64(concat('salt', '/', toString(unit))) in ClickHouse gives the same number. A splitter places hash /
/// 2^64 in [0, 1). Take every other choice from mix64 of the hash, since it must not depend on the arm. Under a secret
/// the hash is SipHash-2-4 over the same bytes.
///
/// cost: 360 bytes whatever the length of the salt, no allocation; 6 to 10 ns for a short unit, 13 for 36 characters
class salted_hasher {
public:
    /// Absorb an empty salt.
    constexpr salted_hasher() noexcept : salted_hasher(std::string_view{}) {}

    /// Absorb the salt and the '/' after it once.
    constexpr explicit salted_hasher(std::string_view salt) noexcept : lanes_(detail::xx::start(0))
    {
        std::size_t at = 0;
        for (; salt.size() - at >= 32; at += 32) {
            detail::absorb_stripe(lanes_, salt.data() + at);
        }
        absorbed_ = at;
        for (const char c : salt.substr(at)) {
            push(c);
        }
        push('/');
        shift_ = 8 * (pending_ % 8);
        carry_ = words_[pending_ / 8];
        if (absorbed_ != 0) {
            return;
        }
        // The hash of an input below 32 bytes begins with its length, so that each length has a state of its own after
        // the salt.
        short_sizes_ = short_input - pending_;
        for (std::size_t size = 0; size < short_sizes_; ++size) {
            std::uint64_t h = detail::xx::p5 + pending_ + size;
            for (std::size_t i = 0; i < pending_ / 8; ++i) {
                h = detail::xx::word8(h, words_[i]);
            }
            starts_[size] = h;
        }
    }

    /// Absorb a salt for SipHash-2-4 under a secret. Without the secret an assignment cannot be computed and a unit
    /// cannot be guessed.
    constexpr salted_hasher(std::string_view salt, sip_key secret) noexcept
        : keyed_(true), lanes_(detail::xx::start(0))
    {
        detail::sip state{secret};
        std::size_t at = 0;
        for (; salt.size() - at >= 8; at += 8) {
            state.absorb(detail::load64(salt.data() + at));
        }
        carry_ = detail::load_tail(salt.data() + at, salt.size() - at) |
                 (std::uint64_t{'/'} << (8 * (salt.size() - at)));
        shift_ = 8 * (salt.size() - at + 1);
        if (shift_ == 64) {
            state.absorb(carry_);
            carry_ = shift_ = 0;
        }
        absorbed_ = salt.size() + 1;
        lanes_ = {state.v0, state.v1, state.v2, state.v3};
    }

    /// Say whether the hash uses a secret.
    [[nodiscard]] constexpr bool keyed() const noexcept { return keyed_; }

    /// Hash one unit.
    template <unit_like Key>
    [[nodiscard]] JOUST_ALWAYS_INLINE constexpr std::uint64_t operator()(const Key& key) const noexcept
    {
        if constexpr (detail::text_like<Key>) {
            return hash_text(static_cast<std::string_view>(key));
        } else if constexpr (std::same_as<Key, uuid>) {
            return hash_words(detail::unit_words(key));
        } else {
            return hash_number(key);
        }
    }

    /// Compare all members.
    bool operator==(const salted_hasher&) const = default;

private:
    // XXH64 uses no lanes for inputs below this size.
    static constexpr std::size_t short_input = 32;
    // Short units, and units that are not in memory, are joined to the salt in words on the stack.
    static constexpr std::size_t joined_size = 40;
    static constexpr std::size_t joined_words = 4 + joined_size / 8 + 2;

    constexpr void push(char c) noexcept
    {
        const std::uint64_t byte = static_cast<unsigned char>(c);
        words_[pending_ / 8] |= byte << (8 * (pending_ % 8));
        if (++pending_ == 32) {
            detail::xx::stripe(lanes_, words_[0], words_[1], words_[2], words_[3]);
            for (std::uint64_t& word : words_) {
                word = 0;
            }
            absorbed_ += 32;
            pending_ = 0;
        }
    }

    // Shift the words of a unit to follow the last bytes of the salt, which do not fill a word.
    struct joint {
        constexpr explicit joint(const salted_hasher& salt) noexcept : shift(salt.shift_), carry(salt.carry_)
        {
        }
        [[nodiscard]] constexpr std::uint64_t next(std::uint64_t word) noexcept
        {
            const std::uint64_t joined = carry | (word << shift);
            carry = (word >> 1) >> (63 - shift);  // two shifts, since a shift by 64 bits is undefined
            return joined;
        }
        std::size_t shift;
        std::uint64_t carry;
    };

    // Finish a short input with the last 0 to 8 bytes of the unit.
    [[nodiscard]] JOUST_ALWAYS_INLINE static constexpr std::uint64_t
    finish_short(std::uint64_t h, joint join, std::uint64_t word, std::size_t bytes) noexcept
    {
        std::size_t left = join.shift / 8 + bytes;
        std::uint64_t rest = join.next(word);
        if (left >= 8) {
            h = detail::xx::word8(h, rest);
            rest = join.carry;
            left -= 8;
        }
        return detail::xx::finish(h, rest, left);
    }

    // The last `left` bytes of a text, fewer than 8.
    [[nodiscard]] static constexpr std::uint64_t tail_of(std::string_view text, std::size_t left) noexcept
    {
        const char* const end = text.data() + text.size();
        // After a whole word the tail is read together with bytes before it, so that no branch is needed.
        return text.size() >= 8 ? (detail::load64(end - 8) >> 1) >> (63 - 8 * left)
                                : detail::load_tail(text.data(), left);
    }

    // Return the last word of the salt, filled up with the beginning of a text.
    // assumes: a text of at least 8 bytes
    [[nodiscard]] constexpr std::uint64_t border_word(std::string_view text) const noexcept
    {
        return carry_ | (detail::load64(text.data()) << shift_);
    }
    // Return how many bytes of the text the border word takes.
    [[nodiscard]] constexpr std::size_t border_bytes() const noexcept { return 8 - shift_ / 8; }

    // Finish over the last `left` bytes of a text. assumes: a text of at least 8 bytes
    [[nodiscard]] static constexpr std::uint64_t finish_text(std::uint64_t h, std::string_view text,
                                                             std::size_t left) noexcept
    {
        const char* const end = text.data() + text.size();
        for (; left >= 8; left -= 8) {
            h = detail::xx::word8(h, detail::load64(end - left));
        }
        // The tail is read together with bytes before it, so that no branch is needed.
        return detail::xx::finish(h, (detail::load64(end - 8) >> 1) >> (63 - 8 * left), left);
    }

    [[nodiscard]] JOUST_ALWAYS_INLINE constexpr std::uint64_t hash_text(std::string_view text) const noexcept
    {
        if (text.size() < short_sizes_) {
            const std::uint64_t h = starts_[text.size()];
            if (text.size() < 8) {
                return finish_short(h, joint{*this}, detail::load_tail(text.data(), text.size()),
                                    text.size());
            }
            return finish_text(detail::xx::word8(h, border_word(text)), text, text.size() - border_bytes());
        }
        return hash_long(text);
    }

    [[nodiscard]] JOUST_NOINLINE constexpr std::uint64_t hash_joined(std::string_view text) const noexcept
    {
        if (keyed_) {
            return hash_keyed(
                [at = text.data()]() mutable {
                    at += 8;
                    return detail::load64(at - 8);
                },
                text.size(), tail_of(text, text.size() % 8));
        }
        const char* at = text.data();
        std::size_t left = text.size();
        joint join{*this};
        std::uint64_t joined[joined_words];
        std::uint64_t* out = begin(joined);
        for (; left >= 8; at += 8, left -= 8) {
            *out++ = join.next(detail::load64(at));
        }
        *out++ = join.next(tail_of(text, left));
        *out = join.carry;
        return finish_joined(joined, pending_ + text.size());
    }

    // Kept out of line, so that the short paths stay short where they are inlined.
    [[nodiscard]] JOUST_NOINLINE constexpr std::uint64_t
    hash_words(const detail::word_text& text) const noexcept
    {
        if (keyed_) {
            return hash_keyed([word = text.words]() mutable { return *word++; }, text.size,
                              text.words[text.size / 8]);
        }
        joint join{*this};
        std::size_t i = 0;
        if (text.size < short_input && text.size < short_sizes_) {
            std::uint64_t h = starts_[text.size];
            for (; i < text.size / 8; ++i) {
                h = detail::xx::word8(h, join.next(text.words[i]));
            }
            return finish_short(h, join, text.words[i], text.size % 8);
        }
        std::uint64_t joined[joined_words];
        std::uint64_t* out = begin(joined);
        for (; i <= text.size / 8; ++i) {
            *out++ = join.next(text.words[i]);
        }
        *out = join.carry;
        return finish_joined(joined, pending_ + text.size);
    }

    template <class Number>
    [[nodiscard]] JOUST_ALWAYS_INLINE constexpr std::uint64_t hash_number(Number key) const noexcept
    {
        if constexpr (std::is_enum_v<Number>) {
            return hash_number(detail::wide_value(key));
        } else {
            // The digits are computed first and do not depend on the salt: if two salts hash one number, the compiler
            // computes them once.
            const bool fits = detail::wide_value(key) >= 0 && static_cast<std::uint64_t>(key) < 100'000'000U;
            const detail::short_digits digits{fits ? static_cast<std::uint64_t>(key) : 0U};
            if (short_sizes_ > 8 && fits) {
                return finish_short(starts_[digits.size], joint{*this}, digits.word, digits.size);
            }
            return hash_words(detail::unit_words(key));
        }
    }

    // Finish SipHash over a unit of `size` bytes: its whole words one by one, then the last bytes. A keyed hasher has
    // no short sizes, so that hashing without a key does not become slower.
    template <class Next>
    [[nodiscard]] constexpr std::uint64_t hash_keyed(Next next, std::size_t size,
                                                     std::uint64_t tail) const noexcept
    {
        detail::sip state{lanes_};
        joint join{*this};
        for (std::size_t left = size; left >= 8; left -= 8) {
            state.absorb(join.next(next()));
        }
        std::uint64_t rest = join.next(tail);
        if (shift_ / 8 + size % 8 >= 8) {
            state.absorb(rest);
            rest = join.carry;
        }
        return state.finish(rest, absorbed_ + size);
    }

    // Copy the pending words of the salt and return the place where the unit continues.
    [[nodiscard]] constexpr std::uint64_t* begin(std::uint64_t* joined) const noexcept
    {
        joined[0] = words_[0];
        joined[1] = words_[1];
        joined[2] = words_[2];
        return joined + pending_ / 8;
    }

    // Finish over `bytes` bytes in words. The `absorbed_` bytes before them are in the lanes already.
    [[nodiscard]] constexpr std::uint64_t finish_joined(const std::uint64_t* word,
                                                        std::size_t bytes) const noexcept
    {
        const std::size_t total = absorbed_ + bytes;
        std::uint64_t h = detail::xx::p5;
        if (total >= 32) {
            detail::xx::lanes lanes = lanes_;
            for (; bytes >= 32; bytes -= 32, word += 4) {
                detail::xx::stripe(lanes, word[0], word[1], word[2], word[3]);
            }
            h = detail::xx::converge(lanes);
        }
        h += total;
        for (; bytes >= 8; bytes -= 8) {
            h = detail::xx::word8(h, *word++);
        }
        return detail::xx::finish(h, bytes == 0 ? 0 : *word, bytes);
    }

    // The first stripe is the rest of the salt and the beginning of the text. After the border word no word is shifted.
    [[nodiscard]] JOUST_NOINLINE constexpr std::uint64_t hash_long(std::string_view text) const noexcept
    {
        if (keyed_ || text.size() < 8 || pending_ + text.size() < 32) [[unlikely]] {
            return hash_joined(text);
        }
        const std::uint64_t border = border_word(text);
        const char* const after = text.data() + border_bytes();
        const auto word = [after](std::size_t i) { return detail::load64(after + 8 * i); };
        detail::xx::lanes lanes = lanes_;
        switch (pending_ / 8) {
            case 0: detail::xx::stripe(lanes, border, word(0), word(1), word(2)); break;
            case 1: detail::xx::stripe(lanes, words_[0], border, word(0), word(1)); break;
            case 2: detail::xx::stripe(lanes, words_[0], words_[1], border, word(0)); break;
            default: detail::xx::stripe(lanes, words_[0], words_[1], words_[2], border); break;
        }
        std::size_t left = pending_ + text.size() - 32;
        for (; left >= 32; left -= 32) {
            detail::absorb_stripe(lanes, text.data() + text.size() - left);
        }
        return finish_text(detail::xx::converge(lanes) + (absorbed_ + pending_ + text.size()), text, left);
    }

    // Whether lanes_ is the state of SipHash after the whole words of the salt.
    bool keyed_ = false;
    // Units of fewer bytes make inputs below 32 bytes.
    std::size_t short_sizes_ = 0;
    // The number of bits of the salt in carry_.
    std::size_t shift_ = 0;
    // The last bytes of the salt, which do not fill a word.
    std::uint64_t carry_ = 0;
    // The state after the whole words of the salt, by the size of the unit.
    std::uint64_t starts_[short_input]{};
    // The number of bytes of the salt in words_, fewer than 32.
    std::size_t pending_ = 0;
    // The number of bytes of the salt in lanes_. If keyed: of the salt and the '/'.
    std::size_t absorbed_ = 0;
    std::uint64_t words_[4]{};
    detail::xx::lanes lanes_;
};

namespace detail {

/// Derive a unit's pseudonym from the hash that decides its arm. Evidence, tickets and logs know a unit by its
/// pseudonym; the hash itself never leaves the call.
///
/// The upper bits of the pseudonym choose buckets and slots. They come from the lower bits of the hash, and the upper
/// bits of the hash choose the arm, so that a pseudonym does not tell the arm.
[[nodiscard]] constexpr std::uint64_t pseudonym_of(std::uint64_t hash) noexcept
{
    return (hash ^ 0x9d39247e33776d41U) * 0x9e3779b97f4a7c15U;
}

}  // namespace detail

/// Name a trial for the hash of its units, so that its assignment is independent of other trials.
///
/// Give every trial a salt of its own, and keep it while a trial is stopped and started again, so that users keep their
/// model. Two trials with the same salt and shares serve a user from the same arm; use that only on purpose.
class salt {
public:
    /// Leave the salt empty. Trials refuse an empty salt.
    salt() = default;
    // NOLINTBEGIN(google-explicit-constructor): options read .salt = "name"
    /// Take a text.
    salt(const char* text) : salt(std::string_view{text}) {}
    /// Take a text.
    salt(std::string_view text) : text_(text), hasher_(text) {}
    /// Take a text.
    salt(const std::string& text) : salt(std::string_view{text}) {}
    // NOLINTEND(google-explicit-constructor)

    /// Hash units under a secret: `.salt = {"name", joust::sip_key{...}}`. Keep the secret as long as the trial.
    salt(std::string_view text, sip_key secret) : text_(text), hasher_(text, secret) {}

    /// Say whether the salt has no text.
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    /// Return the text.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    /// Return the text.
    [[nodiscard]] std::string_view view() const noexcept { return text_; }

    /// Return the hasher of units, which has absorbed the salt already.
    [[nodiscard]] const salted_hasher& hasher() const noexcept { return hasher_; }

    /// Compare the texts and the secrets.
    bool operator==(const salt& other) const noexcept
    {
        return text_ == other.text_ && hasher_ == other.hasher_;
    }

private:
    std::string text_;
    salted_hasher hasher_;
};

/// Return the pseudonym by which tickets, evidence and logs of a trial with this salt know a unit. Use it to find or
/// erase what was recorded.
template <unit_like Unit>
[[nodiscard]] std::uint64_t pseudonym_of(const salt& trial, const Unit& unit) noexcept
{
    return detail::pseudonym_of(trial.hasher()(unit));
}

}  // namespace v0
}  // namespace joust
