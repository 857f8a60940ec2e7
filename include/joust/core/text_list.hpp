// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>

#include <string>
#include <string_view>
#include <vector>

// Adding a text to a list of texts. Each kind of argument that `push_back` and `emplace_back` take (a text, a moved text,
// literals of every length) compiles its own way of making a list longer; this one is compiled once.

namespace joust {
inline namespace v0 {
namespace detail {

/// Append a text to a list of texts.
void add_text(std::vector<std::string>& list, std::string_view text);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_NOINLINE JOUST_FUNCTION void add_text(std::vector<std::string>& list, std::string_view text)
{
    list.emplace_back(text);
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
