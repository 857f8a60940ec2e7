// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clone.hpp>
#include <joust/core/model.hpp>
#include <joust/core/outlives_call.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/trial/detail/model_misuse.hpp>
#include <joust/trial/detail/pass_arguments.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

// How a shadow's challengers get copies of the champion's arguments, and the checks at the first call that knows the
// types of its arguments.

namespace joust {
inline namespace v0 {
namespace detail {

struct nothing {};

/// How a challenger keeps and gets the arguments of a call. `Immediate` says that the challenger runs during the call,
/// so that constant arguments need no copies.
template <bool Immediate>
struct copied_arguments {
    template <class A>
    static constexpr bool by_reference = Immediate && std::is_lvalue_reference_v<A> &&
                                         (std::is_const_v<std::remove_reference_t<A>> ||
                                          !std::is_constructible_v<std::decay_t<A>, const std::decay_t<A>&> ||
                                          std::is_array_v<std::remove_reference_t<A>>);
    template <class A>
    using stored = std::conditional_t<by_reference<A>, const std::remove_reference_t<A>&, std::decay_t<A>>;
    template <class... A>
    using packed = std::tuple<stored<A>...>;

    template <class A>
    static constexpr bool copyable = by_reference<A> || clonable<std::decay_t<A>> ||
                                     std::is_constructible_v<stored<A>, const std::remove_reference_t<A>&>;
    /// Is a kept argument not of a kind that refers to data of others?
    template <class A>
    static constexpr bool is_not(copy_kind kind)
    {
        return Immediate || kind_of_element<std::decay_t<A>>() != kind;
    }
    /// Copy an argument for a challenger, or pass on its reference where that is what the challenger keeps.
    template <class A>
    static decltype(auto) copy_of(const std::remove_reference_t<A>& argument)
    {
        if constexpr (!by_reference<A> && needs_clone<std::decay_t<A>>) {
            return clone(argument);
        } else {
            return (argument);
        }
    }

    // A challenger gets its copy in the value category in which the champion got the original.
    template <class A>
    using passed =
        std::conditional_t<by_reference<A>, const std::remove_reference_t<A>&,
                           std::conditional_t<std::is_lvalue_reference_v<A>,
                                              std::conditional_t<std::is_const_v<std::remove_reference_t<A>>,
                                                                 const std::decay_t<A>&, std::decay_t<A>&>,
                                              std::decay_t<A>&&>>;

    /// The type in which the champion's result is kept for the comparison.
    template <class Result>
    struct champion_kept {
        using type =
            std::conditional_t<Immediate, const std::remove_reference_t<Result>&, std::decay_t<Result>>;
    };
    template <class Result>
        requires std::is_void_v<Result>
    struct champion_kept<Result> {
        using type = nothing;
    };
    template <class Result>
    using kept_result = typename champion_kept<Result>::type;
    /// Copy the champion's result for the comparison, or pass on its reference.
    template <class Kept, class Answer>
    static decltype(auto) kept(const Answer& answer)
    {
        if constexpr (!std::is_reference_v<Kept> && needs_clone<Answer>) {
            return clone(answer);
        } else {
            return (answer);
        }
    }
};

/// The result of a shadow's call, and the check that its challengers can be called with copies of the arguments.
template <class Models, bool Immediate, class Comparator>
struct shadowed_call;
template <class Champion, class... Challengers, bool Immediate, class Comparator>
struct shadowed_call<std::tuple<model<Champion>, model<Challengers>...>, Immediate, Comparator>
    : copied_arguments<Immediate> {
    using copies = copied_arguments<Immediate>;

    template <class Callable, class... A>
    static constexpr bool takes = std::is_invocable_v<Callable&, typename copies::template passed<A>...>;

    template <class Result, class Callable, class... A>
    static constexpr bool comparable()
    {
        using challenger = std::invoke_result_t<Callable&, typename copies::template passed<A>...>;
        constexpr bool pending = pending_result<challenger>;
        static_assert(
            !pending,
            "joust: a challenger returns before its work is done (a future or an awaitable); let it wait for its result: it runs beside the caller");
        if constexpr (pending || std::is_void_v<Result>) {
            return !pending;
        } else if constexpr (std::is_void_v<challenger>) {
            static_assert(always_false<challenger>,
                          "joust: a challenger returns nothing where the champion returns a result");
            return false;
        } else {
            return check_fit<comparator_role, Comparator, std::decay_t<Result>, std::decay_t<challenger>>();
        }
    }

    template <class Result>
    static constexpr copy_kind result_kind()
    {
        if constexpr (Immediate || std::is_void_v<Result> || pending_result<Result>) {
            return copy_kind::owns;
        } else {
            return kind_of_element<std::decay_t<Result>>();
        }
    }

    template <class Result, class... A>
    static constexpr bool check_result()
    {
        constexpr bool pending = pending_result<Result>;
        static_assert(
            !pending,
            "joust: the champion returns before its work is done (a future or an awaitable), so there is no result to compare; shadow the function that waits for it");
        constexpr copy_kind kind = result_kind<Result>();
        constexpr bool kept =
            pending || std::is_void_v<Result> || Immediate ||
            (kind != copy_kind::borrows &&
             (std::is_copy_constructible_v<std::decay_t<Result>> || clonable<std::decay_t<Result>>));
        static_assert(
            pending || kind != copy_kind::shares,
            "joust: a background shadow compares a copy of the champion's result after the call, and a copy of this result shares what it refers to (a shared_ptr to what is not const, a tensor or image handle, or a type that holds one): return an owning value, or say how it is copied by `T clone(const T&)` beside the type or by joust::cloner<T>");
        static_assert(
            pending || kind != copy_kind::computes,
            "joust: a background shadow compares a copy of the champion's result after the call, and this result is an expression that refers to its operands: let the model return a plain object, such as the result of .eval()");
        static_assert(
            kept,
            "joust: a background shadow compares a copy of the champion's result after the call, so a result that is a pointer or a view, or cannot be copied, is refused: return an owning value, or use inline_run{}");
        constexpr bool callable = (takes<Challengers, A...> && ...);
        if constexpr (callable) {
            return !pending && kept && kind == copy_kind::owns &&
                   (comparable<Result, Challengers, A...>() && ...);
        } else {
            static_assert(
                (callable_or_explained<Challengers, typename copies::template passed<A>...>() && ...),
                "joust: a challenger cannot be called with copies of the champion's arguments");
            return false;
        }
    }

    template <class... A>
    static constexpr bool check_arguments()
    {
        constexpr bool callable = std::is_invocable_v<Champion&, A...>;
        if constexpr (!callable) {
            static_assert(callable_or_explained<Champion, A...>(),
                          "joust: the champion cannot be called with these arguments");
        }
        constexpr bool plain = (copies::template is_not<A>(copy_kind::computes) && ...);
        static_assert(
            plain,
            "joust: a background shadow keeps its arguments beyond the call, and this one is an expression that refers to its operands: pass a plain object, such as the result of .eval(), or use inline_run{}");
        constexpr bool separate = (copies::template is_not<A>(copy_kind::shares) && ...);
        static_assert(
            separate,
            "joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's (a shared_ptr to what is not const, a tensor or image handle, or a type that holds one): pass an owning value, or say how it is copied by `T clone(const T&)` beside the type or by joust::cloner<T>");
        constexpr bool lasting = (copies::template is_not<A>(copy_kind::borrows) && ...) &&
                                 (Immediate || (copies::template copyable<A> && ...));
        static_assert(
            lasting,
            "joust: a background shadow keeps its arguments beyond the call, so it takes no pointer, string_view, span or reference_wrapper, and nothing that cannot be copied: pass std::string instead of std::string_view, or use inline_run{}");
        constexpr bool shared = (copies::template copyable<A> && ...);
        static_assert(
            !lasting || shared,
            "joust: a shadow calls more than one model with the same arguments, so a temporary that cannot be copied is refused: pass it as an lvalue");
        return callable && plain && separate && lasting && shared;
    }

    template <class... A>
    static auto checked_result()
    {
        if constexpr (check_arguments<A...>()) {
            using champion = std::invoke_result_t<Champion&, A...>;
            if constexpr (check_result<champion, A...>()) {
                return std::type_identity<champion>{};
            } else {
                return std::type_identity<no_answer>{};
            }
        } else {
            return std::type_identity<no_answer>{};
        }
    }

    /// The type that a call with these arguments returns: exactly the champion's result, or no_answer where the call was
    /// refused.
    template <class... A>
    using result = typename decltype(checked_result<A...>())::type;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
