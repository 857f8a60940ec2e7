// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/policy.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

namespace detail {

/// Refuse more rankings than a ticket can tell apart.
/// shape: `field` is the name of the interleaver, followed by `.rankings`
inline void expect_few(std::string_view field, rankings lists)
{
    if (lists.size() > max_rankers) {
        throw configuration_error(field, std::to_string(lists.size()), "at most 15 rankings");
    }
}

/// Stand for any coin source in a concept.
struct any_coins {
    bool coin();
    unsigned below(unsigned n);
};

}  // namespace detail

/// A type that mixes rankings into one slate by a pure function of the rankings and the coins.
///
/// An interleaver that can mix only one number of rankers states it: `static constexpr std::size_t rankers`.
/// shape: `interleave(rankings, coins, draft&) const`, for any coin source
template <class T>
concept interleaver = requires(const T& policy, rankings lists, detail::any_coins& coins, draft& out) {
    { policy.interleave(lists, coins, out) } -> std::same_as<void>;
};

/// An interleaver that evaluates all clicks on a slate together, and not one by one.
///
/// shape: `outcome(lists, shown, clicked, out) const`; bit i of `clicked` is position i; `out` gets one number for each ranker,
///     of which only the differences have a meaning
template <class T>
concept judges_clicks = requires(const T& policy, rankings lists, const draft& shown, std::uint64_t clicked,
                                 std::span<double> out) {
    { policy.outcome(lists, shown, clicked, out) } -> std::same_as<void>;
};

namespace detail {

struct verb_interleave {
    int interleave;
};
template <class T>
concept has_interleave = derivable<T> && !requires { &both<T, verb_interleave>::interleave; };

}  // namespace detail

/// The role of the interleaver. Its verb is `interleave(rankings, coins, out)`.
struct interleaver_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = interleaver<T>;
    template <class T>
    static constexpr bool resembles = detail::has_interleave<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: an interleaver needs void interleave(joust::rankings, Coins& coins, joust::draft& out) const, as a template over the coins");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two interleavers are given; a slate is drafted by one");
    }
};

}  // namespace v0
}  // namespace joust
