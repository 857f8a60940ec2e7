// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/sole_signature.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/shadow/fwd.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

struct verb_judge {
    int judge;
};
template <class T>
concept has_judge = derivable<T> && !requires { &both<T, verb_judge>::judge; };

}  // namespace detail

/// The role of the judge. Its verb is `judge(prediction, truth) -> bool or double`; a higher result is better.
struct judge_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_judge<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two judges are given; both models are judged in one way");
    }

    template <class T, class Prediction, class Truth>
    static constexpr bool fits = requires(const T& t, const Prediction& prediction, const Truth& truth) {
        { t.judge(prediction, truth) } -> std::convertible_to<double>;
    };
    template <class T, class Prediction, class Truth>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Prediction, Truth>,
            "joust: the judge cannot hold a prediction against a truth of this type: judged_by(...) takes a callable, not mutable, of (prediction, truth) that returns bool (right or wrong) or double (a score, higher is better); without it truths are compared by ==");
    }
};

/// Call a prediction right when it equals the truth. This is the default judge.
struct equals_truth {
    /// Compare a prediction with the truth, as `exact_match` does.
    template <class Prediction, class Truth>
        requires detail::equality_compares<Prediction, Truth>
    [[nodiscard]] constexpr bool judge(const Prediction& prediction, const Truth& truth) const
    {
        return exact_match{}.compare(prediction, truth).agree;
    }
    bool operator==(const equals_truth&) const = default;
};

/// A judge that asks a callable. `judged_by` makes it.
template <class Callable>
struct callable_judge {
    /// The callable, of a prediction and the truth.
    [[no_unique_address]] Callable callable;

    /// Return what the callable says: whether the prediction is right, or its score.
    template <class Prediction, class Truth>
        requires std::is_invocable_v<const Callable&, const Prediction&, const Truth&>
    [[nodiscard]] constexpr auto judge(const Prediction& prediction, const Truth& truth) const
    {
        using answer =
            std::remove_cvref_t<std::invoke_result_t<const Callable&, const Prediction&, const Truth&>>;
        static_assert(
            std::is_same_v<answer, bool> || std::is_floating_point_v<answer>,
            "joust: judged_by takes a callable of (prediction, truth) that returns bool (right or wrong) or double (a score, higher is better)");
        if constexpr (std::is_same_v<answer, bool> || std::is_floating_point_v<answer>) {
            return answer{detail::invoke(callable, prediction, truth)};
        } else {
            return false;
        }
    }
};

/// Judge predictions by a callable `f(prediction, truth)` once their truth is known.
///
/// The callable returns bool (right or wrong) or a score, of which a higher one is better. Return the negative of an
/// error. A score that is not finite is counted and not used. No challenger is shipped where more than 5 % of the scores
/// are not finite, or so many that they could turn its lead.
/// When to use: where a prediction can be right without being equal to the truth: a squared error, a label inside a
/// structure, a hit within a tolerance.
template <class Callable>
[[nodiscard]] constexpr callable_judge<std::decay_t<Callable>> judged_by(Callable&& callable)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Callable>>,
        "joust: judged_by takes a callable of (prediction, truth) that returns bool (right or wrong) or double (a score, higher is better)");
    return {std::forward<Callable>(callable)};
}

namespace detail {

struct deduced {};

}  // namespace detail

/// Keep pairs of predictions until their truth arrives.
///
/// Only requests that went through `serve` and ran a challenger are kept. The type of the predictions is deduced from the
/// models. State it where the models are generic (`auto` parameters, overloads): `remembered<float>{}`.
/// cost: by default room for 65,536 pairs for each challenger, allocated when the first pair is kept
template <class Prediction>
struct remembered {
    /// The most pairs that wait for each challenger. When more wait, the oldest are forgotten and counted.
    std::size_t results = 65'536;

    /// The type of the predictions, where it was stated.
    using prediction = Prediction;
    bool operator==(const remembered&) const = default;
};

namespace detail {

template <class T>
inline constexpr bool is_remembered = false;
template <class Prediction>
inline constexpr bool is_remembered<remembered<Prediction>> = true;

}  // namespace detail

/// The role of the memory for predictions. Only `remembered` plays it.
struct memory_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::is_remembered<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: remembered is given twice; say once how many results wait");
    }
};

}  // namespace v0
}  // namespace joust
