// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/shadow/comparator.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Comparators of texts: summaries, translations, answers of language models. Texts are taken as UTF-8.

namespace joust {
inline namespace v0 {
namespace detail {

[[nodiscard]] constexpr bool is_space(char c) noexcept
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

[[nodiscard]] constexpr bool is_ascii_punctuation(char c) noexcept
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

[[nodiscard]] constexpr char lower_ascii(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The words of a text, with one space between two of them.
[[nodiscard]] inline std::string normalised(std::string_view text, bool ignore_case, bool ignore_punctuation)
{
    std::string out;
    out.reserve(text.size());
    bool gap = false;
    for (const char c : text) {
        if (is_space(c)) {
            gap = true;
        } else if (!(ignore_punctuation && is_ascii_punctuation(c))) {
            if (gap && !out.empty()) {
                out += ' ';
            }
            gap = false;
            out += ignore_case ? lower_ascii(c) : c;
        }
    }
    return out;
}

// The code points of UTF-8. A byte that belongs to none counts as one.
[[nodiscard]] inline std::vector<char32_t> code_points(std::string_view text)
{
    std::vector<char32_t> out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        std::size_t length = 1;
        char32_t point = first;
        if (first >= 0xC2U && first < 0xF5U) {
            length = first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
            point = first & (0xFFU >> (length + 1));
            for (std::size_t k = 1; k < length; ++k) {
                const unsigned char next = i + k < text.size() ? static_cast<unsigned char>(text[i + k])
                                                               : static_cast<unsigned char>(0);
                if ((next & 0xC0U) != 0x80U) {
                    length = 1;
                    point = first;
                    break;
                }
                point = (point << 6U) | (next & 0x3FU);
            }
        }
        // A byte that begins no code point must not be taken for the code point of this number.
        out.push_back(length == 1 && first >= 0x80U ? 0x110000U + first : point);
        i += length;
    }
    return out;
}

// The smallest number of insertions, deletions and replacements that makes one list of the other. source: Wagner and Fischer 1974.
[[nodiscard]] inline std::size_t edits(const std::vector<char32_t>& one, const std::vector<char32_t>& two)
{
    auto a = one.begin();
    auto b = two.begin();
    auto a_end = one.end();
    auto b_end = two.end();
    while (a != a_end && b != b_end && *a == *b) {
        ++a;
        ++b;
    }
    while (a != a_end && b != b_end && *(a_end - 1) == *(b_end - 1)) {
        --a_end;
        --b_end;
    }
    if (a_end - a < b_end - b) {
        std::swap(a, b);
        std::swap(a_end, b_end);
    }
    std::vector<std::size_t> row(static_cast<std::size_t>(b_end - b) + 1);
    for (std::size_t j = 0; j < row.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; a != a_end; ++a, ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j < row.size(); ++j) {
            const std::size_t replaced =
                diagonal + (*a == b[static_cast<std::ptrdiff_t>(j) - 1] ? std::size_t{0} : std::size_t{1});
            diagonal = row[j];
            row[j] = std::min(replaced, std::min(row[j], row[j - 1]) + 1);
        }
    }
    return row.back();
}

template <class Champion, class Challenger>
inline constexpr bool are_texts = std::is_convertible_v<const Champion&, std::string_view> &&
                                  std::is_convertible_v<const Challenger&, std::string_view>;

}  // namespace detail

/// Agree when two texts have the same words: white space counts as one space, and at the ends not at all.
///
/// When to use: answers whose layout does not matter. When not: texts in which a synonym is as good; take `token_f1`, or
/// `compare_with` a model that judges.
/// assumes: only letters a to z have cases; other letters are compared as they are.
/// shape: the distance is 0 or 1
/// cost: about 2 ns for each byte
struct normalised_text {
    /// Whether a and A count as the same.
    bool ignore_case = true;
    /// Whether punctuation of ASCII is left out.
    bool ignore_punctuation = false;

    /// Compare two texts.
    template <class Champion, class Challenger>
    [[nodiscard]] comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::are_texts<Champion, Challenger>,
            "joust: normalised_text compares texts; for a struct with a text write part(&Answer::text, normalised_text{})");
        if constexpr (detail::are_texts<Champion, Challenger>) {
            const bool agree = detail::normalised(champion, ignore_case, ignore_punctuation) ==
                               detail::normalised(challenger, ignore_case, ignore_punctuation);
            return {agree, agree ? 0.0 : 1.0};
        } else {
            return {};
        }
    }

    bool operator==(const normalised_text&) const = default;
};

/// Agree when at most `at_most` characters have to be inserted, deleted or replaced to make one text of the other, or at
/// most the share `relative` of the longer text.
///
/// When to use: short texts, such as names, addresses and codes. When not: long answers; their cost is quadratic.
/// units: the distance is a number of code points
/// cost: about 1 ns for each pair of characters between the first and the last difference
/// source: Levenshtein 1966
struct edit_distance {
    /// The largest distance that agrees.
    double at_most = 0.0;
    /// The largest distance that agrees, as a share of the longer text.
    double relative = 0.0;

    /// Compare two texts.
    template <class Champion, class Challenger>
    [[nodiscard]] comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::are_texts<Champion, Challenger>,
            "joust: edit_distance compares texts; for a struct with a text write part(&Answer::text, edit_distance{})");
        if constexpr (detail::are_texts<Champion, Challenger>) {
            const std::vector<char32_t> one = detail::code_points(champion);
            const std::vector<char32_t> two = detail::code_points(challenger);
            const auto distance = static_cast<double>(detail::edits(one, two));
            const auto longer = static_cast<double>(std::max(one.size(), two.size()));
            return {distance <= at_most || distance <= relative * longer, distance};
        } else {
            return {};
        }
    }

    bool operator==(const edit_distance&) const = default;
};

/// Agree when two texts share most of their words: the harmonic mean of precision and recall of words is at least `at_least`.
///
/// A word that stands twice in both counts twice. Two texts without a word agree.
/// When to use: answers to questions, where order and connecting words matter little.
/// When not: texts in which one word turns the meaning, such as "not".
/// units: the distance is 1 - F1
/// cost: two sorts of the words
struct token_f1 {
    /// The smallest F1 that agrees.
    double at_least = 0.9;
    /// Whether a and A count as the same.
    bool ignore_case = true;
    /// Whether punctuation of ASCII is left out.
    bool ignore_punctuation = true;

    /// Compare two texts.
    template <class Champion, class Challenger>
    [[nodiscard]] comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::are_texts<Champion, Challenger>,
            "joust: token_f1 compares texts; for a struct with a text write part(&Answer::text, token_f1{})");
        if constexpr (detail::are_texts<Champion, Challenger>) {
            return words(detail::normalised(champion, ignore_case, ignore_punctuation),
                         detail::normalised(challenger, ignore_case, ignore_punctuation));
        } else {
            return {};
        }
    }

    bool operator==(const token_f1&) const = default;

private:
    [[nodiscard]] static std::vector<std::string_view> sorted_words(std::string_view text)
    {
        std::vector<std::string_view> out;
        for (std::size_t from = 0; from < text.size();) {
            const std::size_t to = std::min(text.find(' ', from), text.size());
            out.push_back(text.substr(from, to - from));
            from = to + 1;
        }
        std::sort(out.begin(), out.end());
        return out;
    }

    [[nodiscard]] comparison words(const std::string& champion, const std::string& challenger) const
    {
        const std::vector<std::string_view> one = sorted_words(champion);
        const std::vector<std::string_view> two = sorted_words(challenger);
        if (one.empty() && two.empty()) {
            return {true, 0.0};
        }
        std::size_t shared = 0;
        for (std::size_t i = 0, j = 0; i < one.size() && j < two.size();) {
            if (one[i] == two[j]) {
                ++shared;
                ++i;
                ++j;
            } else if (one[i] < two[j]) {
                ++i;
            } else {
                ++j;
            }
        }
        const double f1 = 2.0 * static_cast<double>(shared) / static_cast<double>(one.size() + two.size());
        return {f1 >= at_least, 1.0 - f1};
    }
};

}  // namespace v0
}  // namespace joust
