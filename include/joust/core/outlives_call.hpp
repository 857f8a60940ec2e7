// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>  // std::ranges::enable_view
#include <type_traits>

namespace joust {
inline namespace v0 {

namespace detail {

// std::reference_wrapper and its like, by shape.
template <class T>
concept wraps_reference = std::is_class_v<T> && requires(const T& wrapper) {
    typename T::type;
    { wrapper.get() } -> std::same_as<typename T::type&>;
};

}  // namespace detail

/// Say whether a copy of a T owns what it speaks of, so that it may be used after the call it came with.
///
/// False for pointers, views, spans and reference wrappers. Specialise it for your own types that hold such.
template <class T>
inline constexpr bool outlives_call =
    !(std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>) &&
    !std::ranges::enable_view<T> && !std::ranges::enable_borrowed_range<T> && !detail::wraps_reference<T>;

}  // namespace v0
}  // namespace joust
