// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/shape.hpp>

#include <string_view>  // std::ranges::enable_view
#include <type_traits>

namespace joust {
inline namespace v0 {

/// Say whether a copy of a T owns everything that it refers to, so that it may be used after the call that it came
/// with.
///
/// It is false for pointers, views, spans and reference wrappers. Specialise it for types of your own that hold one of
/// these.
template <class T>
inline constexpr bool outlives_call =
    !(std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>) &&
    !std::ranges::enable_view<T> && !std::ranges::enable_borrowed_range<T> && !detail::wraps_reference<T>;

}  // namespace v0
}  // namespace joust
