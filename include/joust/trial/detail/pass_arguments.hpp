// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/model.hpp>
#include <joust/core/policy.hpp>
#include <joust/trial/detail/model_misuse.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

// How models get the arguments of a call, and what is checked at the first call that knows their types.

namespace joust {
inline namespace v0 {
namespace detail {

/// Whether a result stands for work that is not done yet.
template <class Result>
concept pending_result = requires(std::remove_cvref_t<Result>& r) {
    r.get();
    r.wait();
} || requires(std::remove_cvref_t<Result>& r) {
    r.await_ready();
} || requires(std::remove_cvref_t<Result>& r) { r.operator co_await(); };

/// Whether a result can be returned in place of another. A reference must not be bound to a temporary from a conversion.
template <class From, class To>
inline constexpr bool returns_as =
    std::is_same_v<From, To> ||
    (std::is_convertible_v<From, To> && !std::is_reference_v<To> && !std::is_void_v<To>);

/// Whether a result would lose its fraction when it is converted to another type.
template <class From, class To>
inline constexpr bool loses_fraction =
    std::is_floating_point_v<std::remove_cvref_t<From>> && std::is_integral_v<std::remove_cvref_t<To>>;

template <class A>
using changeable = std::remove_const_t<std::remove_reference_t<A>>&;

/// Calls one of a trial's models with the arguments of a request.
///
/// Where the champion may have to answer after a challenger failed, no model may consume the arguments. The champion
/// may not consume them either: otherwise only the challenger would pay for copies, and latencies could not be compared.
template <class Models, bool FallsBack>
struct arm_call;
template <class... F, bool FallsBack>
struct arm_call<std::tuple<model<F>...>, FallsBack> {
    template <class A>
    using const_lvalue = const std::remove_reference_t<A>&;
    template <class A>
    using lvalue = std::remove_reference_t<A>&;

    template <class Callable, class... A>
    static constexpr bool takes_const = std::is_invocable_v<Callable&, const_lvalue<A>...>;
    template <class Callable, class... A>
    static constexpr bool takes_lvalues = std::is_invocable_v<Callable&, lvalue<A>...>;

    template <class... A>
    static constexpr bool all_take_const = (takes_const<F, A...> && ...);
    template <class... A>
    static constexpr bool all_take_lvalues = (takes_lvalues<F, A...> && ...);
    template <class... A>
    static constexpr bool all_take_forwarded = (std::is_invocable_v<F&, A...> && ...);

    /// The type that one argument is passed as. `Const` says whether every model takes all of them as const.
    template <class A, bool Const>
    using passed = std::conditional_t<!FallsBack, A&&, std::conditional_t<Const, const_lvalue<A>, lvalue<A>>>;

    /// Call the model of an arm with arguments that have been cast to `passed`.
    template <class Result, std::size_t I = 0, class... A>
    static Result invoke(std::tuple<model<F>...>& models, unsigned arm, A&&... arguments)
    {
        if constexpr (I + 1 < sizeof...(F)) {
            if (arm != I) {
                return invoke<Result, I + 1>(models, arm, std::forward<A>(arguments)...);
            }
        }
        using answer = std::invoke_result_t<decltype((std::get<I>(models).call)), A...>;
        if constexpr (std::is_arithmetic_v<std::remove_cvref_t<answer>> && std::is_arithmetic_v<Result>) {
            // The conversion is explicit, because callers may compile with warnings about conversions between numbers.
            return static_cast<Result>(
                detail::invoke(std::get<I>(models).call, std::forward<A>(arguments)...));
        } else {
            return detail::invoke(std::get<I>(models).call, std::forward<A>(arguments)...);
        }
    }

    template <class Callable, bool Const, class... A>
    using result_of = std::invoke_result_t<Callable&, passed<A, Const>...>;

    /// Check that every model can be called with these arguments as they are passed. Otherwise a compiler error says
    /// why not.
    template <class... A>
    static constexpr bool check_arguments()
    {
        constexpr bool callable =
            FallsBack ? all_take_const<A...> || all_take_lvalues<A...> : all_take_forwarded<A...>;
        if constexpr (!callable && FallsBack) {
            if constexpr (!(callable_or_explained<F, lvalue<A>...>() && ...)) {
                constexpr bool consumed = all_take_forwarded<A...>;
                constexpr bool changed = (std::is_invocable_v<F&, changeable<A>...> && ...);
                static_assert(
                    !consumed,
                    "joust: a model cannot be called with these arguments as lvalues; models that can be fallen back from must not consume their arguments: take them by const reference, or add joust::rethrow{}");
                static_assert(
                    consumed || !changed,
                    "joust: a model takes an argument by reference to change it, and this call passes one that may not be changed: let the model take it by const reference");
                static_assert(
                    consumed || changed,
                    "joust: a model cannot be called with these arguments: it takes others; call the trial as its models would be called, and let all of them take the same");
            }
        } else if constexpr (!callable) {
            static_assert(
                (callable_or_explained<F, A...>() && ...),
                "joust: a model cannot be called with these arguments: it takes others; call the trial as its models would be called, and let all of them take the same");
        }
        return callable;
    }

    /// Check that the results of the models fit together. Otherwise a compiler error says why not.
    template <class Champion, bool Const, class... A>
    static constexpr bool check_results()
    {
        constexpr bool pending = pending_result<Champion>;
        static_assert(
            !pending,
            "joust: this model returns before its work is done (a future or an awaitable), so its failure and latency would not be seen; use choose(unit), and complete(ticket, latency, ok) when it is done");
        constexpr bool returned = (returns_as<result_of<F, Const, A...>, Champion> && ...);
        static_assert(
            returned,
            "joust: every model must return what the champion returns, or something that converts to it");
        constexpr bool whole = !(loses_fraction<result_of<F, Const, A...>, Champion> || ...);
        static_assert(
            whole,
            "joust: a challenger returns a floating-point number where the champion returns an integer, so its fraction would be cut off: let every model return what the champion returns");
        return !pending && returned && whole;
    }

    template <class... A>
    static auto checked_result()
    {
        if constexpr (check_arguments<A...>()) {
            constexpr bool as_const = all_take_const<A...>;
            using champion = result_of<std::tuple_element_t<0, std::tuple<F...>>, as_const, A...>;
            if constexpr (check_results<champion, as_const, A...>()) {
                return std::type_identity<champion>{};
            } else {
                return std::type_identity<no_answer>{};
            }
        } else {
            return std::type_identity<no_answer>{};
        }
    }

    /// The type that a call with these arguments returns: the champion's result, or no_answer where the call was refused.
    template <class... A>
    using result = typename decltype(checked_result<A...>())::type;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
