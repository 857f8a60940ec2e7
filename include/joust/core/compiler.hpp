// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

// Everything that joust says to GCC and Clang beyond the standard. Each name has a plain form in standard C++, which
// gives the same results and costs speed only. JOUST_PLAIN_COMPILER chooses the plain forms on every compiler: the tests
// use it, and whoever brings joust to another compiler starts with it. All files of a program have to choose the same.

#if defined(__GNUC__) && !defined(JOUST_PLAIN_COMPILER)

#define JOUST_GNU_COMPILER 1
#define JOUST_ALWAYS_INLINE [[gnu::always_inline]]
#define JOUST_NOINLINE [[gnu::noinline]]
// Only for functions that throw or end the program. GCC takes whatever inevitably leads to a cold function for cold as well, so
// that a constructor or a report marked with it would have the loop beside it optimised for size.
#define JOUST_COLD [[gnu::cold]]
// Stands behind the parameters of a lambda expression, where an attribute in brackets would be one of its type.
#define JOUST_ALWAYS_INLINE_LAMBDA __attribute__((always_inline))
// The size of a vector type in bytes.
#define JOUST_VECTOR(bytes) [[gnu::vector_size(bytes)]]
// The signature of the function that it stands in, with its template arguments; a text without them in the plain form.
#define JOUST_SIGNATURE __PRETTY_FUNCTION__

#if defined(__SSE2__)
#define JOUST_SSE2 1
#endif

#if defined(__x86_64__)
#define JOUST_IN_NUMBER_REGISTER(number) "+x"(number)
#elif defined(__aarch64__)
#define JOUST_IN_NUMBER_REGISTER(number) "+w"(number)
#else
#define JOUST_IN_NUMBER_REGISTER(number) "+m"(number)
#endif

// Functions for newer processors than the program is compiled for, which are asked for before they are called. GCC does
// not align what it keeps on the stack of Windows for their registers.
#if defined(__x86_64__) && (defined(__clang__) || !defined(_WIN32))
#define JOUST_NEWER_X86 1
#define JOUST_AVX [[gnu::target("avx")]]
#define JOUST_AVX512 [[gnu::target("avx512f,avx512dq,bmi,bmi2")]]
#endif

#else

#define JOUST_ALWAYS_INLINE
#define JOUST_NOINLINE
#define JOUST_COLD
#define JOUST_ALWAYS_INLINE_LAMBDA
#define JOUST_SIGNATURE ""

#endif

// Cold functions that are declared in one place and defined in another, between `#if JOUST_BODIES` and `#endif`. Header-only,
// they are inline. A program that links the compiled library defines JOUST_COMPILED in all of its files, which CMake does for
// users of joust::compiled: then their bodies are compiled by src/joust.cpp and nowhere else. The macro leaves out bodies, and
// changes none.
#ifndef JOUST_COMPILED
#define JOUST_FUNCTION inline
#define JOUST_BODIES 1
#else
#define JOUST_FUNCTION
#ifndef JOUST_BODIES
#define JOUST_BODIES 0
#endif
#endif

namespace joust {
inline namespace v0 {
namespace detail {

/// Fetch the cache line of an address that will be written soon.
inline void prefetch_to_write([[maybe_unused]] const void* address) noexcept
{
#ifdef JOUST_GNU_COMPILER
    __builtin_prefetch(address, 1);
#endif
}

/// The place of the lowest bit. assumes: there is one
[[nodiscard]] JOUST_ALWAYS_INLINE constexpr unsigned lowest_bit(std::uint32_t bits) noexcept
{
#ifdef JOUST_GNU_COMPILER
    return static_cast<unsigned>(__builtin_ctz(bits));
#else
    return static_cast<unsigned>(std::countr_zero(bits));
#endif
}

/// The high 64 bits of the 128-bit product.
[[nodiscard]] constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) noexcept
{
#if defined(JOUST_GNU_COMPILER) && defined(__SIZEOF_INT128__)
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<wide>(a) * b) >> 64);
#else
    const std::uint64_t a_low = a & 0xffffffffU, a_high = a >> 32;
    const std::uint64_t b_low = b & 0xffffffffU, b_high = b >> 32;
    const std::uint64_t middle = a_high * b_low + ((a_low * b_low) >> 32);
    const std::uint64_t carry = a_low * b_high + (middle & 0xffffffffU);
    return a_high * b_high + (middle >> 32) + (carry >> 32);
#endif
}

/// Multiply two numbers, or vectors of numbers, and round. No compiler makes one fused operation of this and of an addition,
/// whose result would be another than on machines without it: what machines have to agree on is calculated in this way.
template <class Number>
JOUST_ALWAYS_INLINE inline void multiply(Number& number, const Number& by) noexcept
{
#if defined(__clang__)
#pragma clang fp contract(off)
    number *= by;
#else
    number *= by;
#if defined(__FP_FAST_FMA) && defined(JOUST_GNU_COMPILER)
    // __builtin_assoc_barrier does not survive the vectorizer of GCC 12.
    __asm__("" : JOUST_IN_NUMBER_REGISTER(number));
#endif
#endif
}

[[nodiscard]] JOUST_ALWAYS_INLINE inline double product(double a, double b) noexcept
{
    multiply(a, b);
    return a;
}

template <class Number>
JOUST_ALWAYS_INLINE inline void add_product(Number& sum, const Number& a, const Number& b) noexcept
{
    Number rounded = a;
    multiply(rounded, b);
    sum += rounded;
}

template <class Number>
JOUST_ALWAYS_INLINE inline void subtract_product(Number& sum, const Number& a, const Number& b) noexcept
{
    Number rounded = a;
    multiply(rounded, b);
    sum -= rounded;
}

/// Can this machine compare sixteen keys at a time?
[[nodiscard]] inline bool has_avx512() noexcept
{
#ifdef JOUST_NEWER_X86
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

/// Can this machine calculate with four numbers at a time?
[[nodiscard]] inline bool has_avx() noexcept
{
#ifdef JOUST_NEWER_X86
    return __builtin_cpu_supports("avx");
#else
    return false;
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
