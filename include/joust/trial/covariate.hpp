// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Do not adjust metrics. This is the default.
struct no_covariate {
    /// Return 0 for every call.
    template <class... Args>
    [[nodiscard]] constexpr double covariate(const Args&...) const noexcept
    {
        return 0.0;
    }
};

/// A function that reads a number from a call before the call is served. `adjust_for` makes it.
template <class Projection>
struct covariate_projection {
    /// The function of the call's arguments.
    [[no_unique_address]] Projection projection;

    /// Return the number of a call with these arguments.
    template <class... Args>
        requires detail::gives<double, Projection, Args...>
    [[nodiscard]] constexpr double covariate(const Args&... args) const
    {
        return static_cast<double>(detail::invoke_all_or_first(projection, args...));
    }
};

/// Adjust every metric for a number that is known before the request is served (CUPED):
/// `adjust_for(&Request::spend_last_month)`.
///
/// The part of a metric that the number predicts no longer counts as noise. A covariate that explains half of the variance
/// halves the time that a test takes. The best covariate is the metric itself, for the same unit, before the trial began.
/// When to use: wherever the request carries such a number. When not: with a number that a model can influence, such as
/// what the unit did during the trial, which makes the comparison wrong.
/// assumes: nothing about how the number relates to the metric; a number without any relation does no harm
/// errors: a number that is not finite is replaced by 0, and the report counts it as an invalid value
/// cost: the projection and about 5 ns for each call, 48 KiB for each thread and challenger
/// source: Deng, Xu, Kohavi, Walker 2013 (CUPED); Lin 2013. docs/explanation/statistics.md describes the regression on the
/// scores of buckets.
template <class Projection>
[[nodiscard]] constexpr covariate_projection<std::decay_t<Projection>> adjust_for(Projection&& projection)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Projection>>,
        "joust: adjust_for(...) takes what reads a number out of a call, not the number itself: a member such as &Request::spend_last_month, or a callable on the call's arguments");
    return {std::forward<Projection>(projection)};
}

namespace detail {

struct verb_covariate {
    int covariate;
};
template <class T>
concept has_covariate = derivable<T> && !requires { &both<T, verb_covariate>::covariate; };

}  // namespace detail

/// The role of the covariate: verb `covariate(args...)`.
struct covariate_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_covariate<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(
            detail::always_false<T>,
            "joust: a covariate is given twice; let one adjust_for(...) return the number that predicts the metrics best");
    }

    template <class T, class... Args>
    static constexpr bool fits = requires(const T& t, const Args&... args) {
        { t.covariate(args...) } -> std::convertible_to<double>;
    };
    template <class T, class... Args>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Args...>,
            "joust: adjust_for(...) cannot read its number from the arguments of the call: it takes a member or a callable, not mutable, on all of them or the first alone, that gives a number; a policy of your own has `double covariate(const Args&...) const`");
    }
};

}  // namespace v0
}  // namespace joust
