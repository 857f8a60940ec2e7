// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>

// The properties that an interleaver may state as `static constexpr` members.

namespace joust {
inline namespace v0 {
namespace detail {

/// `rankers`: the number of rankers that the interleaver mixes, or 0 where it mixes any number.
template <class Interleaver>
constexpr std::size_t rankers_of() noexcept
{
    if constexpr (requires {
                      { Interleaver::rankers } -> std::convertible_to<std::size_t>;
                  }) {
        return Interleaver::rankers;
    } else {
        return 0;
    }
}

/// `continues`: whether, with the same coins, a longer slate begins like a shorter one. It is false for interleavers
/// that plan a slate as a whole.
template <class Interleaver>
inline constexpr bool continues = !requires { requires !Interleaver::continues; };

/// `even_positions`: whether all sides are credited equally often at every position. It is false for interleavers that
/// weigh positions.
template <class Interleaver>
inline constexpr bool even_positions = !requires { requires !Interleaver::even_positions; };

/// `even_slates`: whether rankers win slates equally often where users have no preference. It is false for interleavers
/// whose credit is fair only in sums.
template <class Interleaver>
inline constexpr bool even_slates = !requires { requires !Interleaver::even_slates; };

/// `whole_lists`: whether items beyond the slate's length matter. Most interleavers need only as many items as the
/// slate has.
template <class Interleaver>
inline constexpr bool whole_lists = requires { requires Interleaver::whole_lists; };

}  // namespace detail
}  // namespace v0
}  // namespace joust
