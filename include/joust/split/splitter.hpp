// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/split/assignment.hpp>

#include <concepts>
#include <cstddef>
#include <tuple>

namespace joust {
inline namespace v0 {

/// A splitter: it assigns a unit to an arm by a pure function of the context.
///
/// shape: `assign(context) const noexcept -> assignment`
template <class T>
concept assigns = requires(const T& t, const context<std::tuple<>>& c) {
    { t.assign(c) } noexcept -> std::same_as<assignment>;
};

/// Options that become a splitter once the number of arms is known, such as hash_split.
///
/// shape: `resolve(arms) const` returns a splitter
template <class T>
concept resolves = requires(const T& t) {
    { t.resolve(std::size_t{2}) } -> assigns;
};

namespace detail {

/// Return the salt of a splitter, or of the splitter behind its rules, or null where it has no salt.
template <class Splitter>
[[nodiscard]] const salt* salt_of(const Splitter& splitter) noexcept
{
    if constexpr (requires { splitter.salt.hasher(); }) {
        return &splitter.salt;
    } else if constexpr (requires { splitter.behind(); }) {
        return salt_of(splitter.behind());
    } else {
        return nullptr;
    }
}

/// Say whether a splitter, or the splitter behind its rules, was given shares.
template <class Splitter>
[[nodiscard]] bool gives_shares(const Splitter& splitter) noexcept
{
    if constexpr (requires { splitter.shares.empty(); }) {
        return !splitter.shares.empty();
    } else if constexpr (requires { splitter.behind(); }) {
        return gives_shares(splitter.behind());
    } else {
        return false;
    }
}

/// Can a splitter be asked about a call with these arguments, as far as it says: `template <class Args> static constexpr bool
/// asks`? Splitters that read the arguments say it, all others take any.
template <class Splitter, class Args>
inline constexpr bool asks_of = true;
template <class Splitter, class Args>
    requires requires { Splitter::template asks<Args>; }
inline constexpr bool asks_of<Splitter, Args> = Splitter::template asks<Args>;

struct verb_assign {
    int assign;
};
template <class T>
concept has_assign = derivable<T> && !requires { &both<T, verb_assign>::assign; };

}  // namespace detail

/// The role of the splitter. Its verb is `assign(context)`.
struct splitter_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = assigns<T> || resolves<T>;
    template <class T>
    static constexpr bool resembles = detail::has_assign<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has assign(), but it is not const noexcept, or does not take any joust::context and return joust::assignment");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two splitters are given; a trial splits its traffic once");
    }

    template <class T, class Context>
    static constexpr bool fits = requires(const T& t, const Context& call) {
        { t.assign(call) } noexcept -> std::same_as<assignment>;
    };
    template <class T, class Context>
    static constexpr void misfit()
    {
        static_assert(
            fits<T, Context>,
            "joust: this splitter's assign() takes no context with the arguments of this call; make it a template: `template <class Context> joust::assignment assign(const Context&) const noexcept`");
    }
};

}  // namespace v0
}  // namespace joust
