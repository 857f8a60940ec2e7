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

/// A UUID as a number; as a unit it is written in lower case with hyphens.
struct uuid {
    std::uint64_t hi = 0;
    std::uint64_t lo = 0;
    constexpr auto operator<=>(const uuid&) const = default;

    /// Read the 36 characters of a UUID, in either case.
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

// bool and the character types are refused: whether 'a' means a letter or 97 should be written down.
template <class T>
concept number_like = (std::integral<T> && sizeof(T) <= 8 && !std::same_as<T, bool> &&
                       !std::same_as<T, char> && !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                       !std::same_as<T, char16_t> && !std::same_as<T, char32_t>) ||
                      std::is_enum_v<T>;

}  // namespace detail

/// What can name a unit: text, an integer, an enumerator or a uuid.
template <class Key>
concept unit_like = detail::text_like<Key> || detail::number_like<Key> || std::same_as<Key, uuid>;

namespace detail {

// The text of a number or a uuid, held in words so that it goes from registers into the hash.
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

// What turns a number below 10^8 into digits without a chain of divisions: 416 bytes, of which neighbouring
// numbers share a few cache lines.
struct digit_tables {
    std::uint64_t counts[27]{};  // digits of n = (n + counts[bit_width(n) - 1]) >> 32
    std::uint16_t pairs[100]{};  // two digits, the first in the low byte

    constexpr digit_tables() noexcept
    {
        for (unsigned i = 0; i < 100; ++i) {
            pairs[i] = static_cast<std::uint16_t>(('0' + i / 10) | (('0' + i % 10) << 8));
        }
        std::uint64_t digits = 1;
        std::uint64_t next_power = 10;
        for (unsigned bit = 0; bit < 27; ++bit) {
            const std::uint64_t last = (std::uint64_t{2} << bit) - 1;
            // Where a power of ten lies among the numbers of this width, it carries into the upper half.
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
    // Products with reciprocals that are exact in this range, independent of each other.
    const std::uint64_t millions = (n * 1125899907) >> 50;
    const std::uint64_t myriads = (n * 109951163) >> 40;
    const std::uint64_t hundreds = (n * 1374389535) >> 37;
    return std::uint64_t{pairs[millions]} | (std::uint64_t{pairs[myriads - millions * 100]} << 16) |
           (std::uint64_t{pairs[hundreds - myriads * 100]} << 32) |
           (std::uint64_t{pairs[n - hundreds * 100]} << 48);
}

// The decimal digits of a number below 10^8 in one word, without leading zeros.
// source: for the count, Lemire 2021, Computing the number of digits of an integer even faster
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

/// The value of a number or enumerator in 64 bits of its own signedness.
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

/// Append the text that stands for a unit in its hash: what an analyst concatenates behind salt and '/'.
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

/// Hash units behind a salt: XXH64 with seed 0 over the bytes salt, '/', text of the unit.
///
/// Text is hashed as it is, integers in decimal, enumerators as their number, UUIDs in lower case with
/// hyphens; so SELECT xxHash64(concat('salt', '/', toString(unit))) in ClickHouse gives the same number. A
/// splitter places hash / 2^64 in [0, 1); take every other choice from mix64 of the hash, for it must not
/// depend on the arm. Under a secret it is SipHash-2-4 over the same bytes.
///
/// cost: 360 bytes whatever the length of the salt, no allocation; 6 to 10 ns for a short unit, 13 for 36 characters
class salted_hasher {
public:
    constexpr salted_hasher() noexcept : salted_hasher(std::string_view{}) {}

    /// Absorb the salt and the '/' behind it once.
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
        // Inputs below 32 bytes start from their length, so for each length there is a state behind the salt.
        short_sizes_ = short_input - pending_;
        for (std::size_t size = 0; size < short_sizes_; ++size) {
            std::uint64_t h = detail::xx::p5 + pending_ + size;
            for (std::size_t i = 0; i < pending_ / 8; ++i) {
                h = detail::xx::word8(h, words_[i]);
            }
            starts_[size] = h;
        }
    }

    /// Absorb a salt for SipHash-2-4 under a secret: nobody without it can compute an assignment or guess a unit.
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

    /// Is the hash taken under a secret?
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

    bool operator==(const salted_hasher&) const = default;

private:
    // XXH64 treats inputs below this size without lanes.
    static constexpr std::size_t short_input = 32;
    // Units that are not read from memory, and short ones, are joined to the salt in words on the stack.
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

    // The words of a unit, shifted to stand behind the bytes of the salt that do not fill a word.
    struct joint {
        constexpr explicit joint(const salted_hasher& salt) noexcept : shift(salt.shift_), carry(salt.carry_)
        {
        }
        [[nodiscard]] constexpr std::uint64_t next(std::uint64_t word) noexcept
        {
            const std::uint64_t joined = carry | (word << shift);
            carry = (word >> 1) >> (63 - shift);  // in two steps, since shift may be 0
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
        // Behind a whole word the tail is read together with bytes before it, so that no branch is needed.
        return text.size() >= 8 ? (detail::load64(end - 8) >> 1) >> (63 - 8 * left)
                                : detail::load_tail(text.data(), left);
    }

    // The last word of the salt, filled up with the beginning of a text.
    // assumes: a text of at least 8 bytes
    [[nodiscard]] constexpr std::uint64_t border_word(std::string_view text) const noexcept
    {
        return carry_ | (detail::load64(text.data()) << shift_);
    }
    // How many bytes of the text that takes.
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
            // Digits first, whatever the salt: where two salts hash one number, compilers see that they are the same.
            const bool fits = detail::wide_value(key) >= 0 && static_cast<std::uint64_t>(key) < 100'000'000U;
            const detail::short_digits digits{fits ? static_cast<std::uint64_t>(key) : 0U};
            if (short_sizes_ > 8 && fits) {
                return finish_short(starts_[digits.size], joint{*this}, digits.word, digits.size);
            }
            return hash_words(detail::unit_words(key));
        }
    }

    // Finish SipHash over a unit of `size` bytes: its whole words one by one, then the last bytes. A keyed hasher has no short
    // sizes, so that hashes without a key pay nothing for those with one.
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

    // Copy the pending words of the salt and return where the unit goes on.
    [[nodiscard]] constexpr std::uint64_t* begin(std::uint64_t* joined) const noexcept
    {
        joined[0] = words_[0];
        joined[1] = words_[1];
        joined[2] = words_[2];
        return joined + pending_ / 8;
    }

    // Finish over `bytes` bytes in words, in front of which `absorbed_` bytes are in the lanes already.
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

    // The first stripe is the rest of the salt and the beginning of the text, whose words need no shifting behind the border.
    [[nodiscard]] JOUST_NOINLINE constexpr std::uint64_t hash_long(std::string_view text) const noexcept
    {
        if (keyed_ || text.size() < 8 || pending_ + text.size() < 32) [[unlikely]] {
            return hash_joined(text);
        }
        const std::uint64_t border = border_word(text);
        const char* const behind = text.data() + border_bytes();
        const auto word = [behind](std::size_t i) { return detail::load64(behind + 8 * i); };
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

    bool keyed_ = false;           // lanes_ is the state of SipHash behind the whole words of the salt
    std::size_t short_sizes_ = 0;  // units of fewer bytes make inputs below 32 bytes
    std::size_t shift_ = 0;        // bits of the salt in carry_
    std::uint64_t carry_ = 0;      // the last bytes of the salt, those that do not fill a word
    std::uint64_t
        starts_[short_input]{};  // by size of the unit, the state behind the whole words of the salt
    std::size_t pending_ = 0;    // bytes of the salt in words_, fewer than 32
    std::size_t absorbed_ = 0;   // bytes of the salt in lanes_; keyed: of the salt and the '/'
    std::uint64_t words_[4]{};
    detail::xx::lanes lanes_;
};

namespace detail {

/// Derive what evidence, tickets and logs know a unit by from the hash that decides its arm, which never leaves the call.
///
/// Its upper end, which chooses buckets and slots, is filled from the lower end of the hash: so it says nothing of the arm,
/// which is read off the hash's upper end.
[[nodiscard]] constexpr std::uint64_t pseudonym_of(std::uint64_t hash) noexcept
{
    return (hash ^ 0x9d39247e33776d41U) * 0x9e3779b97f4a7c15U;
}

}  // namespace detail

/// The text that makes one trial's assignment independent of another's.
///
/// Give every trial its own; keep it while a trial is stopped and started again, so that users keep their
/// model. The same salt in two trials serves the same users the same arms on purpose.
class salt {
public:
    salt() = default;
    // NOLINTBEGIN(google-explicit-constructor): options read .salt = "name"
    salt(const char* text) : salt(std::string_view{text}) {}
    salt(std::string_view text) : text_(text), hasher_(text) {}
    salt(const std::string& text) : salt(std::string_view{text}) {}
    // NOLINTEND(google-explicit-constructor)

    /// Hash units under a secret: `.salt = {"name", joust::sip_key{...}}`. Keep the secret as long as the trial.
    salt(std::string_view text, sip_key secret) : text_(text), hasher_(text, secret) {}

    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] std::string_view view() const noexcept { return text_; }

    /// The hash of units behind this salt, with the salt absorbed already.
    [[nodiscard]] const salted_hasher& hasher() const noexcept { return hasher_; }

    bool operator==(const salt& other) const noexcept
    {
        return text_ == other.text_ && hasher_ == other.hasher_;
    }

private:
    std::string text_;
    salted_hasher hasher_;
};

/// The pseudonym that tickets, evidence and logs of a trial with this salt know a unit by: to find or erase what was recorded.
template <unit_like Unit>
[[nodiscard]] std::uint64_t pseudonym_of(const salt& trial, const Unit& unit) noexcept
{
    return detail::pseudonym_of(trial.hasher()(unit));
}

}  // namespace v0
}  // namespace joust
