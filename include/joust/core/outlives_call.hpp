// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/shape.hpp>

#include <string_view>  // std::ranges::enable_view
#include <type_traits>

namespace joust {
inline namespace v0 {

/// Say whether a copy of a T owns what it speaks of, so that it may be used after the call it came with.
///
/// False for pointers, views, spans and reference wrappers. Specialise it for your own types that hold such.
template <class T>
inline constexpr bool outlives_call =
    !(std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>) &&
    !std::ranges::enable_view<T> && !std::ranges::enable_borrowed_range<T> && !detail::wraps_reference<T>;

}  // namespace v0
}  // namespace joust
