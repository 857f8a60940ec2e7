// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Every result is good enough: the default.
struct any_result {
    template <class Result>
    [[nodiscard]] constexpr bool accept(const Result&) const noexcept
    {
        return true;
    }
};

/// A predicate on results; made by `accept_if`.
template <class Predicate>
struct acceptance_predicate {
    [[no_unique_address]] Predicate predicate;

    template <class Result>
        requires detail::gives<bool, Predicate, Result>
    [[nodiscard]] constexpr bool accept(const Result& result) const
    {
        return static_cast<bool>(detail::invoke(predicate, result));
    }
};

/// Refuse results that must not leave the service: a refused one falls back to the champion and counts as a failure.
///
/// shape: `accept_if([](double score) { return score >= 0 && score <= 1; })`
/// assumes: results that can be moved; the champion's own result is returned in any case, and counted where refused.
template <class Predicate>
[[nodiscard]] constexpr acceptance_predicate<std::decay_t<Predicate>> accept_if(Predicate&& predicate)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Predicate>>,
        "joust: accept_if(...) takes a predicate on what the models return, such as [](double score) { return score >= 0; }");
    return {std::forward<Predicate>(predicate)};
}

namespace detail {

struct verb_accept {
    int accept;
};
template <class T>
concept has_accept = derivable<T> && !requires { &both<T, verb_accept>::accept; };

}  // namespace detail

/// The role of acceptance: verb `accept(result)`.
struct acceptance_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_accept<T>;
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>,
                      "joust: acceptance is given twice; join both predicates in one accept_if(...)");
    };

    template <class T, class Result>
    static constexpr bool fits = requires(const T& t) {
        {
            t.accept(std::declval<std::add_lvalue_reference_t<const std::remove_cvref_t<Result>>>())
        } -> std::convertible_to<bool>;
    };
    template <class T, class Result>
    struct misfit {
        static_assert(
            fits<T, Result>,
            "joust: accept_if(...) cannot judge what the champion returns: it takes a predicate, not mutable, on that result, that returns bool; a policy of your own has `bool accept(const Result&) const`");
    };
};

}  // namespace v0
}  // namespace joust
