// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Accept every result. This is the default.
struct any_result {
    /// Return true for every result.
    template <class Result>
    [[nodiscard]] constexpr bool accept(const Result&) const noexcept
    {
        return true;
    }
};

/// A predicate that says which results are accepted. `accept_if` makes it.
template <class Predicate>
struct acceptance_predicate {
    /// The predicate on a result.
    [[no_unique_address]] Predicate predicate;

    /// Return whether the predicate accepts a result.
    template <class Result>
        requires detail::gives<bool, Predicate, Result>
    [[nodiscard]] constexpr bool accept(const Result& result) const
    {
        return static_cast<bool>(detail::invoke(predicate, result));
    }
};

/// Refuse results that must not leave the service. The champion answers instead of a challenger whose result is refused,
/// and the refused result counts as a failure.
///
/// shape: `accept_if([](double score) { return score >= 0 && score <= 1; })`
/// When to use: where a result can be checked and a bad one would do harm, such as a score outside its range.
/// assumes: results can be moved. The champion's own result is returned in any case; a refused one is counted.
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
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: acceptance is given twice; join both predicates in one accept_if(...)");
    }

    template <class T, class Result>
    static constexpr bool fits = requires(const T& t) {
        {
            t.accept(std::declval<std::add_lvalue_reference_t<const std::remove_cvref_t<Result>>>())
        } -> std::convertible_to<bool>;
    };
    template <class T, class Result>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Result>,
            "joust: accept_if(...) cannot judge what the champion returns: it takes a predicate, not mutable, on that result, that returns bool; a policy of your own has `bool accept(const Result&) const`");
    }
};

}  // namespace v0
}  // namespace joust
