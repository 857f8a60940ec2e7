// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/shape.hpp>
#include <joust/core/sole_signature.hpp>

#include <cstddef>
#include <type_traits>

// The usual reasons why a model cannot be called with the arguments of a request. Each has a compiler error of its own.

namespace joust {
inline namespace v0 {
namespace detail {

/// Whether a model is a member of a class, and the call passes no object of that class.
template <class Callable, class... Passed>
inline constexpr bool lacks_object = false;
template <class Member, class Class, class... Passed>
inline constexpr bool lacks_object<Member Class::*, Passed...> = true;
template <class Member, class Class, class First, class... Rest>
inline constexpr bool lacks_object<Member Class::*, First, Rest...> =
    !std::is_base_of_v<Class, std::remove_cvref_t<First>> && !points_elsewhere<std::remove_cvref_t<First>> &&
    !wraps_reference<std::remove_cvref_t<First>>;

/// Return whether a callable with a single signature takes another number of arguments.
template <class Callable, std::size_t Passed>
constexpr bool counts_differ() noexcept
{
    using signature = sole_result<Callable>;
    if constexpr (signature::known) {
        return signature::parameters + (std::is_member_pointer_v<Callable> ? 1U : 0U) != Passed;
    } else {
        return false;
    }
}

/// Explain in a compiler error why a model cannot be called with arguments of these types. Returns whether one of the usual
/// reasons was found; if not, the trial says what its models must take.
template <class Callable, class... Passed>
constexpr bool explain_model()
{
    if constexpr (wraps_reference<Callable>) {
        using inner = typename Callable::type;
        return explain_model<
            std::conditional_t<std::is_function_v<inner>, inner*, std::remove_const_t<inner>>, Passed...>();
    } else if constexpr (points_elsewhere<Callable>) {
        static_assert(
            always_false<Callable>,
            "joust: this model is a pointer to a model and cannot be called: pass std::ref(*pointer) while the model outlives the trial, or a lambda that holds the pointer and calls what it points to");
        return true;
    } else if constexpr (lacks_object<Callable, Passed...>) {
        static_assert(
            always_false<Callable>,
            "joust: this model is a method without its object: wrap both in a lambda, [&scorer](const Request& request) { return scorer.score(request); }");
        return true;
    } else if constexpr (derivable<Callable> && !has_call<Callable>) {
        static_assert(
            always_false<Callable>,
            "joust: this model has no operator(), so it cannot be called: wrap the method that predicts in a lambda, [scorer](const Request& request) { return scorer.score(request); }");
        return true;
    } else if constexpr (counts_differ<Callable, sizeof...(Passed)>()) {
        static_assert(
            always_false<Callable>,
            "joust: a model takes another number of arguments than this call has; call the trial as its models would be called, and let all of them take the same");
        return true;
    } else {
        return false;
    }
}

/// Return whether a model can be called, or its usual mistake was explained.
template <class Callable, class... Passed>
constexpr bool callable_or_explained()
{
    if constexpr (std::is_invocable_v<Callable&, Passed...>) {
        return true;
    } else {
        return explain_model<Callable, Passed...>();
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
