// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>

// What an interleaver may say of itself, as `static constexpr` members.

namespace joust {
inline namespace v0 {
namespace detail {

/// `rankers`: how many rankers is it made for? 0 where it takes any number.
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

/// `continues`: will a longer slate begin as a shorter one does, with the same coins? Those that plan a whole slate say no.
template <class Interleaver>
inline constexpr bool continues = !requires { requires !Interleaver::continues; };

/// `even_positions`: are all sides credited equally often at every position? Those that weigh positions say no.
template <class Interleaver>
inline constexpr bool even_positions = !requires { requires !Interleaver::even_positions; };

/// `even_slates`: do rankers win slates equally often where users prefer none of them? Those whose credit is fair only in
/// sums say no.
template <class Interleaver>
inline constexpr bool even_slates = !requires { requires !Interleaver::even_slates; };

/// `whole_lists`: may items beyond the slate's length matter? Most interleavers need only as many as the slate is long.
template <class Interleaver>
inline constexpr bool whole_lists = requires { requires Interleaver::whole_lists; };

}  // namespace detail
}  // namespace v0
}  // namespace joust
