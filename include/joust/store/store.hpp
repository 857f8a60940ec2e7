// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say that a store could not be reached, or refused to do what it was asked for. What was stored before is still there.
class store_error : public std::runtime_error {
public:
    /// Build the sentence "where: why". Control characters in it become U+FFFD.
    JOUST_COLD store_error(std::string_view where, std::string_view why);

    /// Return where the store is: a path, or the address of a server without its password.
    [[nodiscard]] const std::string& where() const noexcept { return where_; }

private:
    JOUST_COLD static std::string sentence(std::string_view where, std::string_view why);

    std::string where_;
};

/// Hold a row of a store: a key, a number that grows with each write of that key, and bytes.
struct stored_row {
    /// The key, such as `joust/<trial>/plan`.
    std::string key;
    /// The sequence of a row that `put_if_newer` wrote, or the version of a row that `compare_and_set` wrote.
    std::uint64_t sequence = 0;
    /// What was written.
    std::string bytes;

    friend bool operator==(const stored_row&, const stored_row&) = default;
};

/// Recognise a store: a place for rows that several processes share.
///
/// `put_if_newer(key, sequence, bytes)` writes the row where no row of this key or one of a lower sequence is there, and returns
/// whether it wrote. Writing the same row again, or an older row after a newer one, changes nothing.
/// `scan(prefix)` returns the rows whose key starts with the prefix, sorted by the bytes of the key.
/// `compare_and_set(key, version, bytes)` writes the row where its sequence is `version`, or where no row is there and `version` is
/// 0. The row then has the sequence `version + 1`. It returns whether it wrote.
/// A key is written by one of the two functions only. A row is written whole or not at all, and what `true` was returned for is
/// found by every later `scan` of every process.
///
/// A store may have `wait_for_change(prefix, duration) -> bool` too, which returns true as soon as a row of the prefix has changed, and
/// false after the duration. It may wake for no reason and may miss a change.
/// errors: each of them throws store_error where the store cannot be reached, or refuses
/// assumes: one thread uses the store at a time, unless the store says otherwise. It limits the time that a call takes.
template <class S>
concept store_policy = requires(S& s, std::string_view key, std::uint64_t n, std::string_view bytes) {
    { s.put_if_newer(key, n, bytes) } -> std::same_as<bool>;
    { s.scan(key) } -> std::same_as<std::vector<stored_row>>;
    { s.compare_and_set(key, n, bytes) } -> std::same_as<bool>;
};

namespace detail {

/// A store that can wake its user.
template <class S>
concept store_that_wakes = requires(S& s, std::string_view prefix, std::chrono::nanoseconds how_long) {
    { s.wait_for_change(prefix, how_long) } -> std::same_as<bool>;
};

}  // namespace detail

#if JOUST_BODIES

JOUST_FUNCTION store_error::store_error(std::string_view where, std::string_view why)
    : std::runtime_error(sentence(where, why)), where_(detail::printable(where))
{
}

JOUST_FUNCTION std::string store_error::sentence(std::string_view where, std::string_view why)
{
    std::string text{where};
    text += ": ";
    text += why;
    return detail::printable(text);
}

#endif

}  // namespace v0
}  // namespace joust
