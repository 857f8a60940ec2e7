// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/numeric/not_a_number.hpp>

#include <cmath>
#include <cstddef>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

inline constexpr double log_two = 0.69314718055994530942;
inline constexpr double half_log_two_pi = 0.91893853320467274178;
inline constexpr double inverse_sqrt_two_pi = 0.39894228040143267794;

}  // namespace detail

/// Return the standard normal density at `z`.
/// cost: one exponential, about 3 ns
[[nodiscard]] double normal_pdf(double z) noexcept;

/// Return the probability that a standard normal variable is at most `z`.
///
/// cost: one erfc, and one exp below z = -1.4.
[[nodiscard]] double normal_cdf(double z) noexcept;

/// Return the probability that a standard normal variable is above `z`, accurate down to the smallest denormal.
/// cost: about 15 ns
[[nodiscard]] double normal_sf(double z) noexcept;

/// Return the natural logarithm of `normal_sf(z)`, also where `normal_sf` underflows.
///
/// cost: about 50 ns.
/// source: Laplace's continued fraction of Mills' ratio (Abramowitz and Stegun 1964, 26.2.14).
[[nodiscard]] double log_normal_sf(double z) noexcept;

/// Return the natural logarithm of `normal_cdf(z)`.
/// cost: as log_normal_sf
[[nodiscard]] double log_normal_cdf(double z) noexcept;

/// Return log(exp(z^2 / 2) * normal_cdf(z)) without the cancellation between its two factors far to the left.
///
/// One-sided normal mixtures need it; it tends to -log(-z sqrt(2 pi)) on the left.
/// cost: below 0.3 us
[[nodiscard]] double log_scaled_normal_cdf(double z) noexcept;

namespace detail {

// The value of c[0] + c[1] x + c[2] x^2 + ... by Horner's scheme.
template <std::size_t N>
[[nodiscard]] constexpr double polynomial(const double (&c)[N], double x) noexcept
{
    double value = c[N - 1];
    for (std::size_t i = N - 1; i > 0; --i) {
        value = value * x + c[i - 1];
    }
    return value;
}

}  // namespace detail

/// Return the z that a standard normal variable exceeds with probability `q`, accurate also for tiny `q`.
///
/// errors: NaN outside [0, 1]; infinite at its ends.
/// cost: as normal_quantile.
/// source: Wichura 1988, "Algorithm AS 241", with one Newton step on the logarithm of the tail.
[[nodiscard]] double normal_upper_quantile(double q) noexcept;

/// Return the standard normal quantile of `p`.
///
/// errors: NaN outside [0, 1]; infinite at its ends.
/// cost: about 15 ns.
[[nodiscard]] double normal_quantile(double p) noexcept;

}  // namespace stats

#if JOUST_BODIES

namespace stats {

namespace detail {

// erfc(z / sqrt 2). Rounding z / sqrt 2 alone would cost x^2 units in the last place in the tail (1e-13 at z = 37), so
// the rounding error is corrected by erfc's derivative.
[[nodiscard]] inline double erfc_of_normal(double z) noexcept
{
    constexpr double high = 0.70710678118654757;     // sqrt(1/2) rounded to double
    constexpr double low = -4.8336466567264567e-17;  // sqrt(1/2) - high
    constexpr double two_over_sqrt_pi = 1.1283791670955125739;
    const double x = z * high;
    const double value = std::erfc(x);
    if (!(x > 1.0 && x < 27.3)) {
        return value;
    }
    const double lost = std::fma(z, high, -x) + z * low;
    return value - two_over_sqrt_pi * std::exp(-x * x) * lost;
}

// Mills' ratio sf(z) / pdf(z) for z >= 10, by Laplace's continued fraction evaluated from its innermost term.
[[nodiscard]] inline double mills_ratio_tail(double z) noexcept
{
    double tail = z;
    for (int k = 40; k >= 1; --k) {
        tail = z + k / tail;
    }
    return 1.0 / tail;
}

}  // namespace detail

JOUST_FUNCTION double normal_pdf(double z) noexcept
{
    return detail::inverse_sqrt_two_pi * std::exp(-0.5 * z * z);
}

JOUST_FUNCTION double normal_cdf(double z) noexcept
{
    return 0.5 * detail::erfc_of_normal(-z);
}

JOUST_FUNCTION double normal_sf(double z) noexcept
{
    return 0.5 * detail::erfc_of_normal(z);
}

JOUST_FUNCTION double log_normal_sf(double z) noexcept
{
    if (z < -1.0) {
        return std::log1p(-normal_sf(-z));
    }
    if (z < 10.0) {
        return std::log(normal_sf(z));
    }
    if (z > 1e154) {
        return -std::numeric_limits<double>::infinity();
    }
    return -0.5 * z * z - detail::half_log_two_pi + std::log(detail::mills_ratio_tail(z));
}

JOUST_FUNCTION double log_normal_cdf(double z) noexcept
{
    return log_normal_sf(-z);
}

JOUST_FUNCTION double log_scaled_normal_cdf(double z) noexcept
{
    if (z > -10.0) {
        return 0.5 * z * z + log_normal_cdf(z);
    }
    return std::log(detail::mills_ratio_tail(-z)) - detail::half_log_two_pi;
}

namespace detail {

// Wichura's rational approximation (16 digits) of the standard normal quantile in its tails; `p` is the smaller tail.
[[nodiscard]] inline double wichura_tail(double p) noexcept
{
    constexpr double near_above[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                     5.76949722146069140550e0,  3.64784832476320460504e0,
                                     1.27045825245236838258e0,  2.41780725177450611770e-1,
                                     2.27238449892691845833e-2, 7.74545014278341407640e-4};
    constexpr double near_below[] = {1.0,
                                     2.05319162663775882187e0,
                                     1.67638483018380384940e0,
                                     6.89767334985100004550e-1,
                                     1.48103976427480074590e-1,
                                     1.51986665636164571966e-2,
                                     5.47593808499534494600e-4,
                                     1.05075007164441684324e-9};
    constexpr double far_above[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                    1.78482653991729133580e0,  2.96560571828504891230e-1,
                                    2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                    2.71155556874348757815e-5, 2.01033439929228813265e-7};
    constexpr double far_below[] = {1.0,
                                    5.99832206555887937690e-1,
                                    1.36929880922735805310e-1,
                                    1.48753612908506148525e-2,
                                    7.86869131145613259100e-4,
                                    1.84631831751005468180e-5,
                                    1.42151175831644588870e-7,
                                    2.04426310338993978564e-15};
    const double root = std::sqrt(-std::log(p));
    if (root <= 5.0) {
        return polynomial(near_above, root - 1.6) / polynomial(near_below, root - 1.6);
    }
    return polynomial(far_above, root - 5.0) / polynomial(far_below, root - 5.0);
}

// Wichura's approximation in the centre; `q` is p - 1/2.
[[nodiscard]] inline double wichura_centre(double q) noexcept
{
    constexpr double above[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3};
    constexpr double below[] = {1.0,
                                4.2313330701600911252e1,
                                6.8718700749205790830e2,
                                5.3941960214247511077e3,
                                2.1213794301586595867e4,
                                3.9307895800092710610e4,
                                2.8729085735721942674e4,
                                5.2264952788528545610e3};
    const double r = 0.180625 - q * q;
    return q * polynomial(above, r) / polynomial(below, r);
}

// The z above which a tail of `p` <= 0.5 lies. One Newton step on the logarithm of the tail corrects the
// approximation, because the logarithm stays well scaled down to the smallest denormal.
[[nodiscard]] inline double normal_tail_point(double p) noexcept
{
    const double z = wichura_tail(p);
    const double log_tail = log_normal_sf(z);
    const double hazard = std::exp(-0.5 * z * z - half_log_two_pi - log_tail);
    return z + (log_tail - std::log(p)) / hazard;
}

}  // namespace detail

JOUST_FUNCTION double normal_upper_quantile(double q) noexcept
{
    if (!(q >= 0.0 && q <= 1.0)) {
        return not_a_number;
    }
    if (q == 0.0) {
        return std::numeric_limits<double>::infinity();
    }
    if (q == 1.0) {
        return -std::numeric_limits<double>::infinity();
    }
    if (q < 0.075) {
        return detail::normal_tail_point(q);
    }
    if (q > 0.925) {
        return -detail::normal_tail_point(1.0 - q);
    }
    return -detail::wichura_centre(q - 0.5);
}

JOUST_FUNCTION double normal_quantile(double p) noexcept
{
    return -normal_upper_quantile(p);
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
