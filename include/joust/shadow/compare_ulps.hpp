// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/shadow/comparator.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>

namespace joust {
inline namespace v0 {
namespace detail {

// The place of a floating-point number among all numbers of its type: neighbours differ by 1, and both zeros are at 0.
template <std::floating_point T>
[[nodiscard]] constexpr std::int64_t place_of(T value) noexcept
{
    using bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    const auto raw = std::bit_cast<bits>(value);
    return raw >= 0 ? raw : static_cast<std::int64_t>(std::numeric_limits<bits>::min() - raw);
}

}  // namespace detail

/// Agree when at most `at_most` floating-point numbers lie between two, in the coarser of their types.
///
/// Zeros of both signs are one number, two NaN agree, and an infinity is next to the largest number. Lists agree when all of
/// their elements do.
/// When to use: the same computation on other hardware, by another compiler or library, where results may differ in the
/// last digits at any magnitude. When not: values near zero that come from cancellation, since 1e-17 and -1e-17 are far
/// apart; take `tolerance`.
/// units: the distance is the number of steps from one to the other, and for lists the largest
/// cost: 1 ns for each number
struct within_ulps {
    /// The largest number of steps that agrees.
    double at_most = 4.0;

    /// Compare two floating-point numbers or two lists of them.
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        if constexpr (steps<Champion> && steps<Challenger>) {
            using coarse = std::conditional_t<(sizeof(Champion) < sizeof(Challenger)), Champion, Challenger>;
            return numbers(static_cast<coarse>(champion), static_cast<coarse>(challenger));
        } else if constexpr (detail::listing<Champion> && detail::listing<Challenger>) {
            return detail::compare_lists(*this, champion, challenger);
        } else {
            static_assert(
                steps<Champion> && steps<Challenger>,
                "joust: within_ulps compares float, double and lists of them; take tolerance or exact_match for other results");
            return {};
        }
    }

    bool operator==(const within_ulps&) const = default;

private:
    template <class T>
    static constexpr bool steps = std::same_as<T, float> || std::same_as<T, double>;

    template <class T>
    [[nodiscard]] constexpr comparison numbers(T champion, T challenger) const noexcept
    {
        if (detail::is_nan(champion) || detail::is_nan(challenger)) {
            const bool both = detail::is_nan(champion) && detail::is_nan(challenger);
            return both ? comparison{true, 0.0} : detail::incomparable;
        }
        const std::int64_t a = detail::place_of(champion);
        const std::int64_t b = detail::place_of(challenger);
        // From the lowest double to the largest it is more than an int64 holds.
        const std::uint64_t distance = a > b ? static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)
                                             : static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
        return {static_cast<double>(distance) <= at_most, static_cast<double>(distance)};
    }
};

}  // namespace v0
}  // namespace joust
