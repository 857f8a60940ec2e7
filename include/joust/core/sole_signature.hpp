// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/shape.hpp>

#include <cstddef>
#include <type_traits>

// The result type of a callable and the number of its parameters, while its arguments are not known yet. Both are known
// if the callable has exactly one signature.

namespace joust {
inline namespace v0 {
namespace detail {

template <class F>
struct sole_result {
    using type = void;
    static constexpr bool known = false;
};
template <class R, std::size_t Parameters>
struct known_result {
    using type = std::remove_cvref_t<R>;
    static constexpr bool known = true;
    /// The number of parameters, without the object that a pointer to a member is applied to.
    static constexpr std::size_t parameters = Parameters;
};
template <class R, class... A>
struct sole_result<R (*)(A...)> : known_result<R, sizeof...(A)> {};
template <class R, class... A>
struct sole_result<R (*)(A...) noexcept> : known_result<R, sizeof...(A)> {};
template <class R, class C, class... A>
struct sole_result<R (C::*)(A...)> : known_result<R, sizeof...(A)> {};
template <class R, class C, class... A>
struct sole_result<R (C::*)(A...) const> : known_result<R, sizeof...(A)> {};
template <class R, class C, class... A>
struct sole_result<R (C::*)(A...) noexcept> : known_result<R, sizeof...(A)> {};
template <class R, class C, class... A>
struct sole_result<R (C::*)(A...) const noexcept> : known_result<R, sizeof...(A)> {};
template <class R, class C>
    requires(!std::is_function_v<R>)
struct sole_result<R C::*> : known_result<R, 0> {};
template <class F>
    requires(std::is_class_v<F> && requires { &F::operator(); })
struct sole_result<F> : sole_result<decltype(&F::operator())> {};
template <class F>
    requires(std::is_class_v<F> && !requires { &F::operator(); } && wraps_reference<F>)
struct sole_result<F>
    : sole_result<
          std::conditional_t<std::is_function_v<typename F::type>, typename F::type*, typename F::type>> {};

}  // namespace detail
}  // namespace v0
}  // namespace joust
