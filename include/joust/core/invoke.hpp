#pragma once

#include <type_traits>
#include <utility>

namespace joust::inline v0::detail {

/// Call anything callable, as std::invoke does, without the weight of <functional>.
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

}  // namespace joust::inline v0::detail
