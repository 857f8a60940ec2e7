// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

// What can be told of a type by its members alone, before anything is known of how it will be used. Roles recognise near
// misses by it, and sentences about mistakes name the kind of value that was passed.

namespace joust {
inline namespace v0 {
namespace detail {

template <class...>
inline constexpr bool always_false = false;

/// Is a type open to inheritance, so that a member can be looked up by name alone?
template <class T>
inline constexpr bool derivable = std::is_class_v<T> && !std::is_final_v<T>;

/// Looks a member up by name alone. A type that derives from both T and a struct with a member of that name makes the name
/// ambiguous exactly if T has it, whatever its parameters: templates and overload sets are found too. Each role has a struct
/// with its verb and asks `!requires { &both<T, verb>::name; }`.
template <class T, class Verb>
struct both : T, Verb {};

struct verb_call {
    void operator()();
};
/// Has a class an operator() of any kind? Of a final class this is not known, and the answer is no.
template <class T>
concept has_call = derivable<T> && !requires { &both<T, verb_call>::operator(); };

/// Text, or a pointer to it.
template <class T>
concept spells_text = std::is_convertible_v<const T&, std::string_view>;

template <class T>
concept points_to_object = std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>;

/// A pointer to an object, plain or smart: the object is meant, and the pointer was passed.
template <class T>
concept points_elsewhere = points_to_object<T> || (requires(const T& t) {
                               t.operator->();
                               *t;
                           } && !has_call<T>);

/// std::reference_wrapper and its like, by shape.
template <class T>
concept wraps_reference = std::is_class_v<T> && requires(const T& wrapper) {
    typename T::type;
    { wrapper.get() } -> std::same_as<typename T::type&>;
};

/// A value that is called by itself: a lambda, a function, a pointer to a member.
template <class T>
concept bare_callable = has_call<T> || std::is_member_pointer_v<T> ||
                        (std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>);

/// Could a value be called with any arguments at all? Classes are given the benefit of the doubt: a conversion to a
/// function pointer makes them callable too.
template <class T>
inline constexpr bool may_be_callable =
    (std::is_class_v<T> && !spells_text<T>) || std::is_union_v<T> || std::is_member_pointer_v<T> ||
    (std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>);

}  // namespace detail
}  // namespace v0
}  // namespace joust
