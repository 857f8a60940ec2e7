// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Adjust for nothing: the default.
struct no_covariate {
    template <class... Args>
    [[nodiscard]] constexpr double covariate(const Args&...) const noexcept
    {
        return 0.0;
    }
};

/// A number known of a call before it is served; made by `adjust_for`.
template <class Projection>
struct covariate_projection {
    [[no_unique_address]] Projection projection;

    template <class... Args>
        requires detail::gives<double, Projection, Args...>
    [[nodiscard]] constexpr double covariate(const Args&... args) const
    {
        return static_cast<double>(detail::invoke_all_or_first(projection, args...));
    }
};

/// Adjust every metric for a number known before the request is served (CUPED): `adjust_for(&Request::spend_last_month)`.
///
/// What the number predicts of a metric no longer counts as noise: a covariate that explains half of the variance makes a
/// test end in half the time. The best one is the metric itself, of the same unit, before the trial began.
/// When to use: whenever the request brings such a number. When not: a number that a model can influence, such as what the
/// unit did during the trial: the comparison would then be wrong.
/// assumes: nothing of how the number relates to the metric; a useless one costs next to nothing
/// errors: a number that is not finite counts as 0 and is counted
/// cost: the projection and about 5 ns a call, 48 KiB per thread and challenger
/// source: Deng, Xu, Kohavi, Walker 2013 (CUPED); Lin 2013. The regression is that of bucket scores: docs/explanation/statistics.md.
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
