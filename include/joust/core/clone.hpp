// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Say how a type of another library is copied where its own copies are shallow.
///
/// shape: `template <> struct joust::cloner<cv::Mat> { static cv::Mat clone(const cv::Mat& m) { return m.clone(); } };`
/// For types of your own a function `T clone(const T&)` in the namespace of the type does the same.
template <class T>
struct cloner;

namespace detail {

/// Functions that are found by the namespaces of their arguments alone.
namespace clone_hook {

void clone() = delete;

template <class T>
concept found = std::is_class_v<T> && requires(const T& value) {
    { clone(value) } -> std::same_as<T>;
};

struct call {
    template <class T>
    T operator()(const T& value) const
    {
        return clone(value);
    }
};

}  // namespace clone_hook

template <class T>
concept has_cloner = requires(const T& value) {
    { cloner<T>::clone(value) } -> std::convertible_to<T>;
};

/// A type of which the user says how it is copied.
template <class T>
concept clonable = has_cloner<T> || clone_hook::found<T>;

template <class T, class... Seen>
consteval bool needs_clone_now();

template <class T, class Indices, class... Seen>
inline constexpr bool an_element_needs_clone = false;
template <class T, std::size_t... I, class... Seen>
inline constexpr bool an_element_needs_clone<T, std::index_sequence<I...>, Seen...> =
    (needs_clone_now<std::remove_cvref_t<std::tuple_element_t<I, T>>, Seen...>() || ...);

template <class T>
struct needs_clone_of_alternative {
    template <class...>
    static constexpr bool value = false;
};
template <template <class...> class Variant, class... Alternatives>
    requires requires(const Variant<Alternatives...>& v) { v.valueless_by_exception(); }
struct needs_clone_of_alternative<Variant<Alternatives...>> {
    template <class... Seen>
    static constexpr bool value = (needs_clone_now<std::remove_cv_t<Alternatives>, Seen...>() || ...);
};

template <class T, class... Seen>
consteval bool needs_clone_now()
{
    if constexpr ((std::is_same_v<T, Seen> || ...)) {
        return false;
    } else if constexpr (clonable<T>) {
        return true;
    } else if constexpr (!std::is_class_v<T>) {
        return false;
    } else if constexpr (requires { sizeof(std::tuple_size<T>); }) {
        return an_element_needs_clone<T, std::make_index_sequence<std::tuple_size_v<T>>, T, Seen...>;
    } else if constexpr (needs_clone_of_alternative<T>::template value<T, Seen...>) {
        return true;
    } else if constexpr (requires { typename T::value_type; }) {
        return needs_clone_now<std::remove_cv_t<typename T::value_type>, T, Seen...>();
    } else {
        return false;
    }
}

/// Does a value, or an element of a container, tuple, optional or variant, need `clone` to be copied?
template <class T>
inline constexpr bool needs_clone = needs_clone_now<std::remove_cv_t<T>>();

struct clone_function {
    /// Copy a value.
    template <class T>
    [[nodiscard]] constexpr T operator()(const T& value) const
    {
        if constexpr (has_cloner<T>) {
            return cloner<T>::clone(value);
        } else if constexpr (clone_hook::found<T>) {
            return clone_hook::call{}(value);
        } else if constexpr (!needs_clone<T>) {
            return value;
        } else if constexpr (requires { sizeof(std::tuple_size<T>); }) {
            return elements<T>(value, std::make_index_sequence<std::tuple_size_v<T>>{});
        } else if constexpr (requires {
                                 value.has_value();
                                 *value;
                             }) {
            return value.has_value() ? T{(*this)(*value)} : T{};
        } else {
            T copy{};
            for (const auto& each : value) {
                copy.insert(copy.end(), (*this)(each));
            }
            return copy;
        }
    }

private:
    template <class T, std::size_t... I>
    [[nodiscard]] constexpr T elements(const T& value, std::index_sequence<I...>) const
    {
        using std::get;
        return T{(*this)(get<I>(value))...};
    }
};

}  // namespace detail

/// Copy a value so that the copy shares nothing with the original: by `cloner<T>`, by a function `clone(const T&)` in the
/// namespace of the type, element by element for containers, optionals, pairs, tuples and arrays of such types, and by
/// the type's copy constructor otherwise.
///
/// Shadows and `at_once` copy arguments and results by it.
inline constexpr detail::clone_function clone{};

}  // namespace v0
}  // namespace joust
