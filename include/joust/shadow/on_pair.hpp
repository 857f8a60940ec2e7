// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/shadow/comparator.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// What is told of a pair of answers beside the answers.
struct compared_pair {
    /// The unit's pseudonym, which is no id of a user.
    std::uint64_t pseudonym = 0;
    /// The challenger's place among the challengers, from 0.
    std::size_t challenger = 0;
    /// What the comparator said.
    comparison seen{};
    /// The champion's time in the call, and the challenger's beside it.
    /// units: nanoseconds
    std::int64_t challenger_took = 0;
};

/// The role of what is told of each pair of answers. Its verb is `pair(about, champion, challenger)`.
struct pair_listener_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = requires { requires T::hears_pairs; };
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: on_pair or keep_disagreements is given twice; let one callable do both");
    }
    template <class T, class Champion, class Challenger>
    static constexpr bool fits =
        requires(const T& listener, const compared_pair& about, const Champion& champion,
                 const Challenger& challenger) { listener.pair(about, champion, challenger); };
    template <class T, class Champion, class Challenger>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Champion, Challenger>,
            "joust: what hears of pairs cannot be called with these answers; it takes (const joust::compared_pair&, const Champion&, const Challenger&), and keep_disagreements a callable on both answers that returns the text to keep");
    }
};

/// Tell nobody of pairs. This is the default.
struct no_pair_listener {
    bool operator==(const no_pair_listener&) const = default;
};

/// Tells a callable of pairs. `on_pair` makes it.
template <class Callable>
class pair_callable {
public:
    static constexpr bool hears_pairs = true;

    /// Keep the callable.
    explicit pair_callable(Callable callable) : callable_(std::move(callable)) {}

    /// Tell it of a pair.
    template <class Champion, class Challenger>
        requires std::is_invocable_v<const Callable&, const compared_pair&, const Champion&,
                                     const Challenger&>
    void pair(const compared_pair& about, const Champion& champion, const Challenger& challenger) const
    {
        static_cast<void>(detail::invoke(callable_, about, champion, challenger));
    }

private:
    [[no_unique_address]] Callable callable_;
};

/// Call `f(about, champion_answer, challenger_answer)` for each pair of answers that was compared: to write both to a log, or to
/// count what a comparator does not.
///
/// It runs where the challenger ran, so that it delays no caller of a shadow in the background; what it takes is taken from the
/// challengers, whose queue then fills and counts what it drops. It has to bear being called by several threads at once. Its
/// exceptions are counted.
/// When to use: to record the predictions of both models. When not: to keep examples; `keep_disagreements` has a bound.
template <class Callable>
[[nodiscard]] pair_callable<Callable> on_pair(Callable callable)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Callable>>,
        "joust: on_pair(...) takes a callable of (const joust::compared_pair&, const Champion&, const Challenger&)");
    return pair_callable<Callable>{std::move(callable)};
}

}  // namespace v0
}  // namespace joust
