// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Call anything callable, as std::invoke does, without including <functional>.
template <class Callable, class... Args>
    requires std::is_invocable_v<Callable, Args...>
constexpr decltype(auto) invoke(Callable&& callable,
                                Args&&... args) noexcept(std::is_nothrow_invocable_v<Callable, Args...>)
{
    if constexpr (std::is_member_pointer_v<std::remove_cvref_t<Callable>>) {
        return [&]<class Object, class... Rest>(Object&& object, Rest&&... rest) -> decltype(auto) {
            if constexpr (std::is_member_function_pointer_v<std::remove_cvref_t<Callable>>) {
                if constexpr (requires {
                                  (std::forward<Object>(object).*callable)(std::forward<Rest>(rest)...);
                              }) {
                    return (std::forward<Object>(object).*callable)(std::forward<Rest>(rest)...);
                } else if constexpr (requires { (object.get().*callable)(std::forward<Rest>(rest)...); }) {
                    return (object.get().*callable)(std::forward<Rest>(rest)...);
                } else {
                    return ((*std::forward<Object>(object)).*callable)(std::forward<Rest>(rest)...);
                }
            } else if constexpr (requires { std::forward<Object>(object).*callable; }) {
                return (std::forward<Object>(object).*callable);
            } else if constexpr (requires { object.get().*callable; }) {
                return (object.get().*callable);
            } else {
                return ((*std::forward<Object>(object)).*callable);
            }
        }(std::forward<Args>(args)...);
    } else {
        return std::forward<Callable>(callable)(std::forward<Args>(args)...);
    }
}

/// Can a callable be called with all arguments of a call, or with the first argument alone?
template <class Callable, class... Args>
inline constexpr bool takes_all_or_first = std::is_invocable_v<const Callable&, const Args&...>;
template <class Callable, class First, class... Rest>
inline constexpr bool takes_all_or_first<Callable, First, Rest...> =
    std::is_invocable_v<const Callable&, const First&, const Rest&...> ||
    std::is_invocable_v<const Callable&, const First&>;

/// Call a callable with all arguments if it takes them, and otherwise with the first argument alone.
template <class Callable, class... Args>
    requires takes_all_or_first<Callable, Args...>
constexpr decltype(auto) invoke_all_or_first(const Callable& callable, const Args&... args)
{
    if constexpr (std::is_invocable_v<const Callable&, const Args&...>) {
        return invoke(callable, args...);
    } else {
        return [&callable](const auto& first, const auto&...) -> decltype(auto) {
            return invoke(callable, first);
        }(args...);
    }
}

/// Does `invoke_all_or_first` give something that converts to Result?
template <class Result, class Callable, class... Args>
concept gives = requires(const Callable& callable, const Args&... args) {
    static_cast<Result>(invoke_all_or_first(callable, args...));
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
