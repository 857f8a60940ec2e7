// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>

#include <cstddef>
#include <type_traits>

namespace joust {
inline namespace v0 {
namespace detail {

#ifdef JOUST_GNU_COMPILER

/// Two numbers in one vector register. Compilers do not combine two sums in one loop by themselves.
using two_doubles JOUST_VECTOR(16) = double;

#else

/// Two numbers with the same operators, for other compilers.
struct two_doubles {
    double values[2];

    constexpr double& operator[](std::size_t i) noexcept { return values[i]; }
    constexpr double operator[](std::size_t i) const noexcept { return values[i]; }

    constexpr two_doubles& operator+=(two_doubles other) noexcept { return *this = *this + other; }
    constexpr two_doubles& operator-=(two_doubles other) noexcept { return *this = *this - other; }
    constexpr two_doubles& operator*=(two_doubles other) noexcept { return *this = *this * other; }
    constexpr two_doubles& operator-=(double other) noexcept { return *this -= two_doubles{{other, other}}; }

    friend constexpr two_doubles operator+(two_doubles a, two_doubles b) noexcept
    {
        return {{a[0] + b[0], a[1] + b[1]}};
    }
    friend constexpr two_doubles operator-(two_doubles a, two_doubles b) noexcept
    {
        return {{a[0] - b[0], a[1] - b[1]}};
    }
    friend constexpr two_doubles operator*(two_doubles a, two_doubles b) noexcept
    {
        return {{a[0] * b[0], a[1] * b[1]}};
    }
    friend constexpr two_doubles operator+(two_doubles a, double b) noexcept
    {
        return {{a[0] + b, a[1] + b}};
    }
    friend constexpr two_doubles operator+(double a, two_doubles b) noexcept
    {
        return {{a + b[0], a + b[1]}};
    }
    friend constexpr two_doubles operator-(double a, two_doubles b) noexcept
    {
        return {{a - b[0], a - b[1]}};
    }
    friend constexpr two_doubles operator*(double a, two_doubles b) noexcept
    {
        return {{a * b[0], a * b[1]}};
    }
};

#endif

/// Keep the smaller of two numbers in each place. If one of them is NaN, the kept number stays.
template <class Vector>
JOUST_ALWAYS_INLINE constexpr void keep_lesser(Vector& kept, const Vector& other) noexcept
{
    if constexpr (std::is_class_v<Vector>) {
        for (std::size_t i = 0; i < sizeof(Vector) / sizeof(double); ++i) {
            kept[i] = other[i] < kept[i] ? other[i] : kept[i];
        }
    } else {
        kept = other < kept ? other : kept;
    }
}

/// Keep the larger of two numbers in each place. If one of them is NaN, the kept number stays.
template <class Vector>
JOUST_ALWAYS_INLINE constexpr void keep_greater(Vector& kept, const Vector& other) noexcept
{
    if constexpr (std::is_class_v<Vector>) {
        for (std::size_t i = 0; i < sizeof(Vector) / sizeof(double); ++i) {
            kept[i] = other[i] > kept[i] ? other[i] : kept[i];
        }
    } else {
        kept = other > kept ? other : kept;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
