// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// The result of a comparison: whether the challenger's answer counts as the champion's, and how far apart they are.
///
/// A distance that is not finite means that it cannot be measured, because one side is NaN or two lists have different
/// lengths. Trials count such distances and leave them out of means.
struct comparison {
    /// Whether both answers count as the same.
    bool agree = false;
    /// How far apart the answers are, in the comparator's unit; 0 if they are identical.
    double distance = 0.0;
    bool operator==(const comparison&) const = default;
};

/// A type that can compare a result of type Champion with one of type Challenger.
template <class T, class Champion, class Challenger>
concept comparator_of = requires(const T& policy, const Champion& champion, const Challenger& challenger) {
    { policy.compare(champion, challenger) } -> std::same_as<comparison>;
};

namespace detail {

template <class T>
inline constexpr bool is_character =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
    std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

// The types that std::cmp_equal takes: all integers except bool and the character types.
template <class T>
concept plain_integer = std::integral<T> && !std::is_same_v<T, bool> && !is_character<T>;

template <class T>
concept number = std::is_arithmetic_v<T> && !is_character<T>;

template <class T>
concept listing = requires(const T& list) {
    { std::begin(list) } -> std::input_iterator;
    std::end(list);
};

template <class T>
[[nodiscard]] constexpr bool is_nan(const T& value) noexcept
{
    if constexpr (std::floating_point<T>) {
        return value != value;
    } else {
        return false;
    }
}

/// Can exact_match hold one value against another?
template <class A, class B>
concept equality_compares = (std::is_arithmetic_v<A> && std::is_arithmetic_v<B>) ||
                            requires(const A& a, const B& b) { static_cast<bool>(a == b); };

inline constexpr comparison incomparable{false, std::numeric_limits<double>::infinity()};

// Compare two lists element by element: they agree when all elements do, and lists of different lengths disagree.
template <class Comparator, class Champion, class Challenger>
[[nodiscard]] constexpr comparison compare_lists(const Comparator& one, const Champion& champion,
                                                 const Challenger& challenger)
{
    auto left = std::begin(champion);
    auto right = std::begin(challenger);
    const auto left_end = std::end(champion);
    const auto right_end = std::end(challenger);
    comparison whole{true, 0.0};
    for (; left != left_end && right != right_end; ++left, ++right) {
        const comparison here = one.compare(*left, *right);
        whole.agree = whole.agree && here.agree;
        whole.distance = here.distance > whole.distance ? here.distance : whole.distance;
    }
    return left == left_end && right == right_end ? whole : incomparable;
}

}  // namespace detail

namespace detail {

struct verb_compare {
    int compare;
};
template <class T>
concept has_compare = derivable<T> && !requires { &both<T, verb_compare>::compare; };

// A disjunction of constraints: what has the verb is not tried with numbers, which its body may not take.
template <class T>
concept compares = has_compare<T> || comparator_of<T, int, int>;

}  // namespace detail

/// The role of the comparator. Its verb is `compare(champion_result, challenger_result)`, which may be a template.
struct comparator_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = detail::compares<T> && !detail::spells_text<T>;
    template <class T>
    static constexpr bool resembles = false;
    template <class T>
    static constexpr void near_miss()
    {
        detail::sole_role::near_miss<T>();
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two comparators are given; a shadow compares results in one way, say it once");
    }

    template <class T, class Champion, class Challenger>
    static constexpr bool fits = comparator_of<T, Champion, Challenger>;
    template <class T, class Champion, class Challenger>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Champion, Challenger>,
            "joust: the comparator cannot compare the champion's result with a challenger's; give compare_with(callable) that takes both, not mutable, or a policy of your own with `joust::comparison compare(const Champion&, const Challenger&) const`");
    }
};

/// Agree when both results are equal. This is the default comparator.
///
/// Numbers of two types are compared by value, so -1 never equals 4294967295. Two NaN scalars agree, since both models
/// gave the same answer; a NaN and a number disagree. Inside containers and structs the type's own `operator==` decides,
/// and there a NaN equals no value.
/// When to use: labels, decisions, identifiers and anything of which every bit matters.
/// When not: scores computed in floating point; take `tolerance` for those.
/// shape: the distance is 0 or 1
struct exact_match {
    /// Compare two results by value.
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        if (detail::is_nan(champion) || detail::is_nan(challenger)) {
            const bool both = detail::is_nan(champion) && detail::is_nan(challenger);
            return {both, both ? 0.0 : 1.0};
        }
        bool equal = false;
        if constexpr (detail::plain_integer<Champion> && detail::plain_integer<Challenger>) {
            equal = std::cmp_equal(champion, challenger);
        } else if constexpr (std::is_arithmetic_v<Champion> && std::is_arithmetic_v<Challenger>) {
            using common = std::common_type_t<Champion, Challenger>;
            equal = static_cast<common>(champion) == static_cast<common>(challenger);
        } else {
            static_assert(
                detail::equality_compares<Champion, Challenger>,
                "joust: these results have no operator== between them, so they cannot be compared as equal; give compare_with(callable)");
            if constexpr (detail::equality_compares<Champion, Challenger>) {
                equal = static_cast<bool>(champion == challenger);
            }
        }
        return {equal, equal ? 0.0 : 1.0};
    }

    bool operator==(const exact_match&) const = default;
};

/// Agree when numbers differ by at most `absolute`, or by at most `relative` times the larger magnitude.
///
/// It compares numbers, lists of numbers and lists of lists. Two lists agree when all their elements agree; lists of
/// different lengths disagree. Two NaN agree, and so do equal infinities; a NaN and a number disagree with an infinite
/// distance. With both fields 0 it compares by value.
/// When to use: scores, probabilities, prices and embeddings.
/// When not: labels and decisions; `exact_match` compares those.
/// units: the distance is |champion - challenger|, and for lists the largest distance of two elements
/// cost: 1 to 2 ns for each number
struct tolerance {
    /// The largest difference that agrees.
    double absolute = 0.0;
    /// The largest difference that agrees, as a share of the larger magnitude.
    double relative = 0.0;

    /// Compare two numbers or two lists.
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        if constexpr (detail::number<Champion> && detail::number<Challenger>) {
            return numbers(champion, challenger);
        } else if constexpr (detail::listing<Champion> && detail::listing<Challenger>) {
            return detail::compare_lists(*this, champion, challenger);
        } else {
            static_assert(
                detail::number<Champion> && detail::number<Challenger>,
                "joust: tolerance compares numbers and lists of numbers; for another result type use compare_with(callable) or exact_match");
            return {};
        }
    }

    bool operator==(const tolerance&) const = default;

private:
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison numbers(Champion champion, Challenger challenger) const
    {
        if (detail::is_nan(champion) || detail::is_nan(challenger)) {
            return detail::is_nan(champion) && detail::is_nan(challenger) ? comparison{true, 0.0}
                                                                          : detail::incomparable;
        }
        if (exact_match{}.compare(champion, challenger).agree) {
            return {true, 0.0};  // Equal infinities are caught here, since their difference is NaN.
        }
        const double distance = difference(champion, challenger);
        const double larger =
            std::fmax(std::fabs(static_cast<double>(champion)), std::fabs(static_cast<double>(challenger)));
        if (!(distance <= std::numeric_limits<double>::max())) {
            return detail::incomparable;  // An infinity and a number are within no finite tolerance.
        }
        return {distance <= absolute || distance <= relative * larger, distance};
    }

    // Integers are subtracted exactly, since as doubles 2^60 and 2^60 + 1 would be equal.
    template <class Champion, class Challenger>
    [[nodiscard]] static constexpr double difference(Champion champion, Challenger challenger) noexcept
    {
        if constexpr (detail::plain_integer<Champion> && detail::plain_integer<Challenger>) {
            const auto a = static_cast<std::uint64_t>(champion);
            const auto b = static_cast<std::uint64_t>(challenger);
            return static_cast<double>(std::cmp_greater(champion, challenger) ? a - b : b - a);
        } else {
            return std::fabs(static_cast<double>(champion) - static_cast<double>(challenger));
        }
    }
};

/// A comparator that asks a callable. `compare_with` and `label_match` make it.
template <class Callable>
class callable_comparator {
public:
    /// Keep the callable, and the largest distance that agrees.
    constexpr explicit callable_comparator(Callable callable, double at_most = 0.0)
        : callable_(std::move(callable)), at_most_(at_most)
    {
    }

    /// Ask the callable about two results.
    template <class Champion, class Challenger>
        requires std::is_invocable_v<const Callable&, const Champion&, const Challenger&>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        using answer =
            std::remove_cvref_t<std::invoke_result_t<const Callable&, const Champion&, const Challenger&>>;
        static_assert(
            std::is_same_v<answer, bool> || std::is_same_v<answer, comparison> ||
                std::is_floating_point_v<answer>,
            "joust: compare_with takes a callable of both results that returns bool (they agree), double (their distance) or joust::comparison");
        if constexpr (std::is_same_v<answer, bool>) {
            const bool agree = detail::invoke(callable_, champion, challenger);
            return {agree, agree ? 0.0 : 1.0};
        } else if constexpr (std::is_same_v<answer, comparison>) {
            return detail::invoke(callable_, champion, challenger);
        } else if constexpr (std::is_floating_point_v<answer>) {
            const auto distance = static_cast<double>(detail::invoke(callable_, champion, challenger));
            if (detail::is_nan(distance)) {
                return detail::incomparable;
            }
            return {distance <= at_most_, distance};
        } else {
            return {};
        }
    }

private:
    [[no_unique_address]] Callable callable_;
    double at_most_;
};

/// Compare results by your own callable `f(champion, challenger)`.
///
/// The callable returns bool (whether they agree), a floating-point distance (they agree if it is at most `at_most`, and
/// NaN disagrees) or a `comparison`. It runs where the challenger runs, so it must be callable from any thread. Its
/// exceptions are counted.
/// When to use: where neither equality nor a tolerance describes what "the same answer" means.
template <class Callable>
[[nodiscard]] constexpr callable_comparator<Callable> compare_with(Callable callable, double at_most = 0.0)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Callable>>,
        "joust: compare_with(...) takes a callable of both results that returns bool (they agree), double (their distance) or joust::comparison");
    return callable_comparator<Callable>(std::move(callable), at_most);
}

namespace detail {

template <class Projection>
struct by_projection {
    [[no_unique_address]] Projection projection;

    template <class Champion, class Challenger>
        requires(std::is_invocable_v<const Projection&, const Champion&> &&
                 std::is_invocable_v<const Projection&, const Challenger&>)
    [[nodiscard]] constexpr comparison operator()(const Champion& champion,
                                                  const Challenger& challenger) const
    {
        return exact_match{}.compare(detail::invoke(projection, champion),
                                     detail::invoke(projection, challenger));
    }
};

}  // namespace detail

/// Agree when one part of both results is equal: `label_match(&Classification::label)`.
///
/// When to use: classifiers that return a label with scores. The labels must match, and the scores may differ.
/// shape: the distance is 0 or 1
template <class Projection>
[[nodiscard]] constexpr auto label_match(Projection projection)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Projection>>,
        "joust: label_match(...) takes what reads the label out of a result: a member such as &Classification::label, or a callable on one result");
    return compare_with(detail::by_projection<Projection>{std::move(projection)});
}

}  // namespace v0
}  // namespace joust
