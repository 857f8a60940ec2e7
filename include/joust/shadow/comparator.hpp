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

/// Say whether a challenger's result counts as the champion's, and how far apart the two are.
///
/// A distance that is not finite means "cannot be measured" (NaN on one side, lists of two lengths): trials
/// count it and leave it out of means.
struct comparison {
    bool agree = false;
    /// 0 is identical; the unit is the comparator's
    double distance = 0.0;
    bool operator==(const comparison&) const = default;
};

/// A type that can compare a Champion's result with a Challenger's: the comparator's role.
template <class T, class Champion, class Challenger>
concept comparator_of = requires(const T& policy, const Champion& champion, const Challenger& challenger) {
    { policy.compare(champion, challenger) } -> std::same_as<comparison>;
};

namespace detail {

template <class T>
inline constexpr bool is_character =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
    std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

// What std::cmp_equal takes: every integer but bool and the character types.
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

}  // namespace detail

namespace detail {

struct verb_compare {
    int compare;
};
template <class T>
concept has_compare = derivable<T> && !requires { &both<T, verb_compare>::compare; };

}  // namespace detail

/// The role of the comparator: verb `compare(champion_result, challenger_result)`, a template or not.
struct comparator_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays =
        (detail::has_compare<T> || comparator_of<T, int, int>) && !detail::spells_text<T>;
    template <class T>
    static constexpr bool resembles = false;
    template <class T>
    struct near_miss : detail::sole_role::near_miss<T> {};
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>,
                      "joust: two comparators are given; a shadow compares results in one way, say it once");
    };

    template <class T, class Champion, class Challenger>
    static constexpr bool fits = comparator_of<T, Champion, Challenger>;
    template <class T, class Champion, class Challenger>
    struct misfit {
        static_assert(
            fits<T, Champion, Challenger>,
            "joust: the comparator cannot compare the champion's result with a challenger's; give compare_with(callable) that takes both, not mutable, or a policy of your own with `joust::comparison compare(const Champion&, const Challenger&) const`");
    };
};

/// Agree when both results are equal: the default comparator.
///
/// Use it for labels, decisions, identifiers and anything whose every bit matters; for scores computed in
/// floating point take `tolerance`. Numbers of two types are compared by value (-1 never equals 4294967295).
/// Two NaN scalars agree, since both models then gave the same answer "no number"; one NaN disagrees. Inside
/// containers and structs the type's own `operator==` decides, and there NaN agrees with nothing.
/// shape: distance is 0 or 1
struct exact_match {
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
/// Use it for scores, probabilities, prices and embeddings. It takes numbers and lists of numbers (lists of lists
/// too); a list agrees when every element does, and lists of two lengths disagree. Two NaN agree, one NaN
/// disagrees with an infinite distance; equal infinities agree. With both fields 0 it is equality by value.
/// units: distance is |champion - challenger|, for lists the largest of the elements
/// cost: 1 to 2 ns per number
struct tolerance {
    double absolute = 0.0;
    double relative = 0.0;

    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        if constexpr (detail::number<Champion> && detail::number<Challenger>) {
            return numbers(champion, challenger);
        } else if constexpr (detail::listing<Champion> && detail::listing<Challenger>) {
            return lists(champion, challenger);
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
            return {true, 0.0};  // equal infinities end here: their difference is NaN
        }
        const double distance = difference(champion, challenger);
        const double larger =
            std::fmax(std::fabs(static_cast<double>(champion)), std::fabs(static_cast<double>(challenger)));
        if (!(distance <= std::numeric_limits<double>::max())) {
            return detail::incomparable;  // one infinity: within no finite tolerance
        }
        return {distance <= absolute || distance <= relative * larger, distance};
    }

    // Integers beyond 2^53 differ exactly: subtracting their doubles would call 2^60 and 2^60 + 1 equal.
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

    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison lists(const Champion& champion, const Challenger& challenger) const
    {
        auto left = std::begin(champion);
        auto right = std::begin(challenger);
        const auto left_end = std::end(champion);
        const auto right_end = std::end(challenger);
        comparison whole{true, 0.0};
        for (; left != left_end && right != right_end; ++left, ++right) {
            const comparison one = compare(*left, *right);
            whole.agree = whole.agree && one.agree;
            whole.distance = one.distance > whole.distance ? one.distance : whole.distance;
        }
        return left == left_end && right == right_end ? whole : detail::incomparable;
    }
};

/// Compare by a callable: what `compare_with` and `label_match` return.
template <class Callable>
class callable_comparator {
public:
    constexpr explicit callable_comparator(Callable callable, double at_most = 0.0)
        : callable_(std::move(callable)), at_most_(at_most)
    {
    }

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
/// Use it where neither equality nor a tolerance says what "the same answer" means. The callable returns bool
/// (they agree), a floating distance (agree when it is at most `at_most`; NaN disagrees) or a `comparison`. It
/// runs where the challenger runs, so it must be callable from any thread; what it throws is counted.
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
/// Use it for classifiers that return a label with scores: the labels must match, the scores may differ.
/// shape: distance is 0 or 1
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
