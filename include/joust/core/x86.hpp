// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>

// Names for the vector instructions that joust uses on machines that have them. They call the compilers' builtins,
// since <immintrin.h> would add tens of thousands of lines to every program.

namespace joust {
inline namespace v0 {
namespace detail {

#ifdef JOUST_SSE2

using eight_shorts JOUST_VECTOR(16) = short;
using four_ints JOUST_VECTOR(16) = int;
using two_longs JOUST_VECTOR(16) = long long;

/// Return one bit for each of sixteen lanes. Each lane is 0 or -1.
[[nodiscard]] JOUST_ALWAYS_INLINE inline unsigned bits_of(eight_shorts low, eight_shorts high) noexcept
{
    // A lane of -1 stays -1 when lanes are narrowed to bytes.
    return static_cast<unsigned>(__builtin_ia32_pmovmskb128(__builtin_ia32_packsswb128(low, high)));
}

/// Multiply lane by lane and add each pair of neighbours.
[[nodiscard]] JOUST_ALWAYS_INLINE inline four_ints multiply_and_add(eight_shorts x, eight_shorts y) noexcept
{
    return __builtin_ia32_pmaddwd128(x, y);
}

/// Narrow eight numbers to 16 bits.
/// assumes: they fit
[[nodiscard]] JOUST_ALWAYS_INLINE inline eight_shorts narrowed(four_ints low, four_ints high) noexcept
{
    return __builtin_ia32_packssdw128(low, high);
}

/// Collect the lanes at these places. Places count through both vectors.
template <int... Places, class Vector>
[[nodiscard]] JOUST_ALWAYS_INLINE inline Vector lanes_at(Vector x, Vector y) noexcept
{
    return __builtin_shufflevector(x, y, Places...);
}
template <int... Places, class Vector>
[[nodiscard]] JOUST_ALWAYS_INLINE inline Vector lanes_at(Vector x) noexcept
{
    return __builtin_shufflevector(x, x, Places...);
}

#endif

#ifdef JOUST_NEWER_X86

// These functions are called only if has_avx512() is true, and only by functions that are compiled for AVX-512.
namespace avx512 {

using eight_longs JOUST_VECTOR(64) = long long;
using sixteen_ints JOUST_VECTOR(64) = int;
using sixteen_floats JOUST_VECTOR(64) = float;
inline constexpr int not_equal = 4;

/// Load the lanes whose bits are set, and take the other lanes from `others`.
JOUST_ALWAYS_INLINE JOUST_AVX512 inline eight_longs load(const void* from, eight_longs others,
                                                         unsigned char lanes) noexcept
{
    return __builtin_ia32_loaddqudi512_mask(static_cast<const long long*>(from), others, lanes);
}

/// Return a bit for each of the chosen lanes that differs.
JOUST_ALWAYS_INLINE
JOUST_AVX512 inline unsigned char differ(eight_longs x, eight_longs y, unsigned char lanes) noexcept
{
    return __builtin_ia32_cmpq512_mask(x, y, not_equal, lanes);
}
JOUST_ALWAYS_INLINE
JOUST_AVX512 inline unsigned short differ(sixteen_ints x, sixteen_ints y, unsigned short lanes) noexcept
{
    return __builtin_ia32_cmpd512_mask(x, y, not_equal, lanes);
}

/// Collect the lanes at places that are known at run time.
JOUST_ALWAYS_INLINE JOUST_AVX512 inline sixteen_ints pick(sixteen_ints from, sixteen_ints places) noexcept
{
#if defined(__clang__)
    return __builtin_ia32_permvarsi512(from, places);
#else
    return __builtin_shuffle(from, places);
#endif
}

template <int... Places, class Vector>
JOUST_ALWAYS_INLINE JOUST_AVX512 inline Vector lanes_at(Vector x, Vector y) noexcept
{
    return __builtin_shufflevector(x, y, Places...);
}
template <int... Places, class Vector>
JOUST_ALWAYS_INLINE JOUST_AVX512 inline Vector lanes_at(Vector x) noexcept
{
    return __builtin_shufflevector(x, x, Places...);
}

JOUST_ALWAYS_INLINE JOUST_AVX512 inline sixteen_floats as_floats(sixteen_ints x) noexcept
{
    return __builtin_convertvector(x, sixteen_floats);
}

/// Keep the compiler from assuming what memory and a register hold.
template <class Memory>
JOUST_ALWAYS_INLINE JOUST_AVX512 inline void forget(Memory& memory, sixteen_ints& held) noexcept
{
    __asm__("" : "+m"(memory), "+v"(held));
}

}  // namespace avx512

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
