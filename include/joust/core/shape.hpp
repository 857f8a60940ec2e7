// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

// Questions that the members of a type answer, before anything is known about how the type will be used. Roles
// recognise near misses by them, and the sentences about mistakes name the kind of value that was passed.

namespace joust {
inline namespace v0 {
namespace detail {

template <class...>
inline constexpr bool always_false = false;

/// Can a class be derived from the type, so that a member can be looked up by its name alone?
template <class T>
inline constexpr bool derivable = std::is_class_v<T> && !std::is_final_v<T>;

/// Look a member up by its name alone. In a type that derives from both T and a struct with a member of that name, the
/// name is ambiguous exactly if T has the member, whatever its parameters. This finds templates and overload sets too.
/// Each role has a struct with its verb and asks `!requires { &both<T, verb>::name; }`.
template <class T, class Verb>
struct both : T, Verb {};

struct verb_call {
    void operator()();
};
/// Does a class have an operator() of any kind? For a final class this cannot be found out, and the answer is no.
template <class T>
concept has_call = derivable<T> && !requires { &both<T, verb_call>::operator(); };

/// Is a value text, or a pointer to text?
template <class T>
concept spells_text = std::is_convertible_v<const T&, std::string_view>;

/// A plain pointer to an object.
template <class T>
concept points_to_object = std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>;

/// A pointer to an object, plain or smart. The caller meant the object, but passed its pointer.
template <class T>
concept points_elsewhere = points_to_object<T> || (requires(const T& t) {
                               t.operator->();
                               *t;
                           } && !has_call<T>);

/// Does a type have the shape of std::reference_wrapper?
template <class T>
concept wraps_reference = std::is_class_v<T> && requires(const T& wrapper) {
    typename T::type;
    { wrapper.get() } -> std::same_as<typename T::type&>;
};

/// Is a value called by itself: a lambda, a function, a pointer to a member?
template <class T>
concept bare_callable = has_call<T> || std::is_member_pointer_v<T> ||
                        (std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>);

/// Could a value be called with some arguments? The answer is yes for every class, since a conversion to a function
/// pointer makes a class callable too.
template <class T>
inline constexpr bool may_be_callable =
    (std::is_class_v<T> && !spells_text<T>) || std::is_union_v<T> || std::is_member_pointer_v<T> ||
    (std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>);

}  // namespace detail
}  // namespace v0
}  // namespace joust
