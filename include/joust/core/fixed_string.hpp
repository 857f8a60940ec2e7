// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Hold a string literal as a template argument, so that a metric's name is part of its type.
template <std::size_t N>
struct fixed_string {
    /// The characters, with the terminating zero.
    char text[N]{};

    /// Copy a string literal.
    // NOLINTNEXTLINE(google-explicit-constructor): conversion<"click"> needs the implicit conversion
    consteval fixed_string(const char (&literal)[N])
    {
        for (std::size_t i = 0; i < N; ++i) {
            text[i] = literal[i];
        }
    }

    /// Return the text without the terminating zero.
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text, N - 1}; }

    /// Compare the texts.
    template <std::size_t M>
    constexpr bool operator==(const fixed_string<M>& other) const noexcept
    {
        return view() == other.view();
    }
};

}  // namespace v0
}  // namespace joust
