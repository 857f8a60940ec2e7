// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/two_doubles.hpp>

#include <cstddef>
#include <cstring>
#include <span>

// The sums over buckets that a score test needs, several buckets at a time. Compilers do not find vectors in loops that add up
// floating-point numbers, since the order of additions would change.

namespace joust {
inline namespace v0 {
namespace stats {
namespace detail {

/// Add up a list in eight lanes.
[[nodiscard]] inline double total_of(std::span<const double> list) noexcept
{
    using two = joust::detail::two_doubles;
    two lanes[4] = {};
    const std::size_t whole = list.size() - list.size() % 8;
    for (std::size_t i = 0; i < whole; i += 8) {
        for (std::size_t j = 0; j < 4; ++j) {
            two next;
            std::memcpy(&next, list.data() + i + 2 * j, sizeof next);
            lanes[j] += next;
        }
    }
    const two both = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    double sum = both[0] + both[1];
    for (std::size_t i = whole; i < list.size(); ++i) {
        sum += list[i];
    }
    return sum;
}

/// Count the values of a list that are not 0.
[[nodiscard]] inline std::size_t nonzero_of(std::span<const double> list) noexcept
{
    std::size_t count = 0;
    std::size_t at = 0;
#ifdef JOUST_GNU_COMPILER
    using two = joust::detail::two_doubles;
    using counts JOUST_VECTOR(16) = long long;
    counts lanes[4] = {};
    for (; at + 8 <= list.size(); at += 8) {
        for (std::size_t j = 0; j < 4; ++j) {
            two next;
            std::memcpy(&next, list.data() + at + 2 * j, sizeof next);
            lanes[j] -= next != two{};  // A comparison that holds is -1.
        }
    }
    const counts all = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    count = static_cast<std::size_t>(all[0] + all[1]);
#endif
    for (; at < list.size(); ++at) {
        count += list[at] != 0.0 ? 1U : 0U;
    }
    return count;
}

/// The scores of a metric by bucket. With level L and scale c the score is p1 - L one - c (p0 - L zero), and the sum of both arms is
/// g1 - L free_one + c (g0 - L free_zero); their slopes are `sign` times `slope` and `free_slope`.
struct bucket_scores {
    const double* p1;
    const double* p0;
    const double* g1;
    const double* g0;
    const double* q1;
    const double* q0;
    const double* k1;
    const double* k0;
    const double* one;
    const double* zero;
    const double* free_one;
    const double* free_zero;
    const double* slope;
    const double* free_slope;
    double level = 0.0;
    double scale = 1.0;
    double sign = 1.0;
    std::size_t size = 0;
};

/// The sums of the first pass: squares and products with q = q1 - q0, and those of both arms' sums.
struct first_sums {
    double qq, aa, aq, bq, k, c, d;
};

/// What is subtracted in the second pass.
struct explained_part {
    double at_zero, slope, c_mean, d_mean;
};

/// The sums of the second pass, over what the exposures do not explain.
struct second_sums {
    double s0, s1, v00, v01, v11, f00, f01, f11;
    double fourth[5];
};

/// Four doubles as two vectors, for machines without vectors of four: sums have the order that they have with such vectors, so that
/// every machine gets the same digits.
struct two_pairs {
    joust::detail::two_doubles low;
    joust::detail::two_doubles high;

    constexpr two_pairs& operator+=(const two_pairs& other) noexcept
    {
        low += other.low;
        high += other.high;
        return *this;
    }
    constexpr two_pairs& operator-=(const two_pairs& other) noexcept
    {
        low -= other.low;
        high -= other.high;
        return *this;
    }
    constexpr two_pairs& operator*=(const two_pairs& other) noexcept
    {
        low *= other.low;
        high *= other.high;
        return *this;
    }
    friend constexpr two_pairs operator+(const two_pairs& a, double b) noexcept
    {
        return {a.low + b, a.high + b};
    }
    /// Multiply and round, as core/compiler.hpp does for one vector.
    friend void multiply(two_pairs& number, const two_pairs& by) noexcept
    {
        joust::detail::multiply(number.low, by.low);
        joust::detail::multiply(number.high, by.high);
    }
};

// Vectors are passed by reference, since compilers warn of those that are passed in registers that not every machine has.
template <class Vector>
JOUST_ALWAYS_INLINE inline void load_lanes(Vector& lanes, const double* from) noexcept
{
    std::memcpy(&lanes, from, sizeof lanes);
}

using joust::detail::add_product;
using joust::detail::multiply;
using joust::detail::subtract_product;

/// Add up the lanes of a vector.
template <class Vector>
JOUST_ALWAYS_INLINE inline void add_lanes(double& sum, const Vector& lanes) noexcept
{
    double each[sizeof(Vector) / sizeof(double)];
    std::memcpy(each, &lanes, sizeof lanes);
    for (const double one : each) {
        sum += one;
    }
}

/// The scores of the buckets from one index on, as many as a vector has lanes.
template <class Vector, bool Ratio>
struct scores_at {
    Vector q, a, b, k, c, d;

    JOUST_ALWAYS_INLINE scores_at(const bucket_scores& in, std::size_t i) noexcept
    {
        Vector other;
        load_lanes(q, in.q1 + i);
        load_lanes(other, in.q0 + i);
        q -= other;
        load_lanes(k, in.k1 + i);
        load_lanes(other, in.k0 + i);
        k += other;
        load_lanes(b, in.slope + i);
        b *= Vector{} + in.sign;
        load_lanes(d, in.free_slope + i);
        d *= Vector{} + in.sign;
        load_lanes(a, in.p1 + i);
        load_lanes(c, in.g1 + i);
        Vector zero;
        Vector free_zero;
        load_lanes(zero, in.p0 + i);
        load_lanes(free_zero, in.g0 + i);
        if constexpr (Ratio) {
            const Vector level = Vector{} + in.level;
            const Vector scale = Vector{} + in.scale;
            load_lanes(other, in.one + i);
            subtract_product(a, level, other);
            load_lanes(other, in.free_one + i);
            subtract_product(c, level, other);
            load_lanes(other, in.zero + i);
            subtract_product(zero, level, other);
            multiply(zero, scale);
            load_lanes(other, in.free_zero + i);
            subtract_product(free_zero, level, other);
            multiply(free_zero, scale);
        }
        a -= zero;
        c += free_zero;
    }
};

template <class Vector, bool Ratio>
JOUST_ALWAYS_INLINE inline void first_pass(const bucket_scores& in, std::size_t from, std::size_t to,
                                           first_sums& sums) noexcept
{
    Vector qq{}, aa{}, aq{}, bq{}, k{}, c{}, d{};
    for (std::size_t i = from; i < to; i += sizeof(Vector) / sizeof(double)) {
        const scores_at<Vector, Ratio> at{in, i};
        add_product(qq, at.q, at.q);
        add_product(aa, at.a, at.a);
        add_product(aq, at.a, at.q);
        add_product(bq, at.b, at.q);
        k += at.k;
        c += at.c;
        d += at.d;
    }
    add_lanes(sums.qq, qq);
    add_lanes(sums.aa, aa);
    add_lanes(sums.aq, aq);
    add_lanes(sums.bq, bq);
    add_lanes(sums.k, k);
    add_lanes(sums.c, c);
    add_lanes(sums.d, d);
}

template <class Vector, bool Ratio>
JOUST_ALWAYS_INLINE inline void second_pass(const bucket_scores& in, const explained_part& part,
                                            std::size_t from, std::size_t to, second_sums& sums) noexcept
{
    Vector s0{}, s1{}, v00{}, v01{}, v11{}, f00{}, f01{}, f11{};
    const Vector at_zero = Vector{} + part.at_zero;
    const Vector slope = Vector{} + part.slope;
    const Vector c_mean = Vector{} + part.c_mean;
    const Vector d_mean = Vector{} + part.d_mean;
    for (std::size_t i = from; i < to; i += sizeof(Vector) / sizeof(double)) {
        const scores_at<Vector, Ratio> at{in, i};
        Vector r0 = at.a;
        Vector r1 = at.b;
        Vector e0 = at.c;
        Vector e1 = at.d;
        subtract_product(r0, at_zero, at.q);
        subtract_product(r1, slope, at.q);
        subtract_product(e0, at_zero, at.k);
        subtract_product(e1, slope, at.k);
        e0 -= c_mean;
        e1 -= d_mean;
        s0 += r0;
        s1 += r1;
        add_product(v00, r0, r0);
        add_product(v01, r0, r1);
        add_product(v11, r1, r1);
        add_product(f00, e0, e0);
        add_product(f01, e0, e1);
        add_product(f11, e1, e1);
    }
    add_lanes(sums.s0, s0);
    add_lanes(sums.s1, s1);
    add_lanes(sums.v00, v00);
    add_lanes(sums.v01, v01);
    add_lanes(sums.v11, v11);
    add_lanes(sums.f00, f00);
    add_lanes(sums.f01, f01);
    add_lanes(sums.f11, f11);
}

/// Add up the fourth powers of the residual scores, by powers of t.
template <class Vector, bool Ratio>
JOUST_ALWAYS_INLINE inline void fourth_pass(const bucket_scores& in, const explained_part& part,
                                            std::size_t from, std::size_t to, second_sums& sums) noexcept
{
    Vector fourth[5] = {};
    const Vector at_zero = Vector{} + part.at_zero;
    const Vector slope = Vector{} + part.slope;
    for (std::size_t i = from; i < to; i += sizeof(Vector) / sizeof(double)) {
        const scores_at<Vector, Ratio> at{in, i};
        Vector r0 = at.a;
        Vector r1 = at.b;
        subtract_product(r0, at_zero, at.q);
        subtract_product(r1, slope, at.q);
        Vector r00 = r0;
        Vector r01 = r0;
        Vector r11 = r1;
        multiply(r00, r0);
        multiply(r01, r1);
        multiply(r11, r1);
        add_product(fourth[0], r00, r00);
        add_product(fourth[1], r00, r01);
        add_product(fourth[2], r01, r01);
        add_product(fourth[3], r01, r11);
        add_product(fourth[4], r11, r11);
    }
    constexpr double binomial[5] = {1.0, 4.0, 6.0, 4.0, 1.0};
    for (std::size_t power = 0; power < 5; ++power) {
        double sum = 0.0;
        add_lanes(sum, fourth[power]);
        sums.fourth[power] += joust::detail::product(binomial[power], sum);
    }
}

/// The passes over all buckets: first as many at a time as a vector has lanes, and then those that are left.
template <class Vector, bool Ratio>
struct passes_by {
    static constexpr std::size_t lanes = sizeof(Vector) / sizeof(double);

    JOUST_ALWAYS_INLINE static void first(const bucket_scores& in, first_sums& sums) noexcept
    {
        const std::size_t whole = in.size - in.size % lanes;
        first_pass<Vector, Ratio>(in, 0, whole, sums);
        first_pass<double, Ratio>(in, whole, in.size, sums);
    }
    JOUST_ALWAYS_INLINE static void second(const bucket_scores& in, const explained_part& part, bool fourth,
                                           second_sums& sums) noexcept
    {
        const std::size_t whole = in.size - in.size % lanes;
        second_pass<Vector, Ratio>(in, part, 0, whole, sums);
        second_pass<double, Ratio>(in, part, whole, in.size, sums);
        if (fourth) {
            fourth_pass<Vector, Ratio>(in, part, 0, whole, sums);
            fourth_pass<double, Ratio>(in, part, whole, in.size, sums);
        }
    }
};

[[nodiscard]] inline bool is_ratio_of_means(const bucket_scores& in) noexcept
{
    return in.level != 0.0 || in.scale != 1.0;
}

#ifdef JOUST_NEWER_X86
JOUST_NOINLINE JOUST_AVX inline void first_pass_by_fours(const bucket_scores& in, first_sums& sums) noexcept
{
    using four JOUST_VECTOR(32) = double;
    is_ratio_of_means(in) ? passes_by<four, true>::first(in, sums) : passes_by<four, false>::first(in, sums);
}
JOUST_NOINLINE JOUST_AVX inline void second_pass_by_fours(const bucket_scores& in, const explained_part& part,
                                                          bool fourth, second_sums& sums) noexcept
{
    using four JOUST_VECTOR(32) = double;
    is_ratio_of_means(in) ? passes_by<four, true>::second(in, part, fourth, sums)
                          : passes_by<four, false>::second(in, part, fourth, sums);
}
#endif

/// Add up what the regression on the exposures needs.
[[nodiscard]] first_sums first_pass(const bucket_scores& in) noexcept;
/// Add up the residuals. `fourth` says whether their fourth powers are wanted.
[[nodiscard]] second_sums second_pass(const bucket_scores& in, const explained_part& part,
                                      bool fourth) noexcept;

#if JOUST_BODIES

JOUST_FUNCTION first_sums first_pass(const bucket_scores& in) noexcept
{
    first_sums sums{};
#ifdef JOUST_NEWER_X86
    if (joust::detail::has_avx()) {
        first_pass_by_fours(in, sums);
        return sums;
    }
#endif
    is_ratio_of_means(in) ? passes_by<two_pairs, true>::first(in, sums)
                          : passes_by<two_pairs, false>::first(in, sums);
    return sums;
}

JOUST_FUNCTION second_sums second_pass(const bucket_scores& in, const explained_part& part,
                                       bool fourth) noexcept
{
    second_sums sums{};
#ifdef JOUST_NEWER_X86
    if (joust::detail::has_avx()) {
        second_pass_by_fours(in, part, fourth, sums);
        return sums;
    }
#endif
    is_ratio_of_means(in) ? passes_by<two_pairs, true>::second(in, part, fourth, sums)
                          : passes_by<two_pairs, false>::second(in, part, fourth, sums);
    return sums;
}

#endif

}  // namespace detail
}  // namespace stats
}  // namespace v0
}  // namespace joust
