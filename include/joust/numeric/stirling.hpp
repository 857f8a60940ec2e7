// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/numeric/falling_integral.hpp>
#include <joust/numeric/normal.hpp>

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The error of Stirling's formula for log Gamma(z + 1): log(z!) - [(z + 1/2) log z - z + log(2 pi) / 2].
// Differences of log Gamma lose nine digits at 1e9; with this correction they never have to be computed.
[[nodiscard]] double stirling_error(double z) noexcept;

// x log(x / m) + m - x without cancellation near x = m, from the difference x - m, which the caller may know more
// accurately than m. source: Loader 2000, "Fast and accurate computation of binomial probabilities".
[[nodiscard]] double deviance_of_difference(double x, double difference) noexcept;

// As deviance_of_difference, with its limit for a count of 0.
[[nodiscard]] double cell_deviance(double seen, double difference) noexcept;

// log[x^a y^b / B(a, b)] for a, b > 0 and 0 < x < 1, with y = 1 - x given separately. The smaller of x and y is taken
// as the exact one: a - (a + b) x = (a + b) y - b, so the rounding of the larger has no effect.
[[nodiscard]] double log_beta_term(double a, double b, double x, double y) noexcept;

// The same with a - (a + b) x given, which the caller may know more accurately than x.
[[nodiscard]] double log_beta_term(double a, double b, double x, double y, double excess) noexcept;

// a - (a + b) x for x, y = 1 - x of which the smaller is exact: how far x is below the mean, times a + b. Also the
// rounding of a + b is made good, which counts where a and b are no whole numbers.
[[nodiscard]] double beta_excess(double a, double b, double x, double y) noexcept;

// The log of the regularised incomplete beta function I_x(a, b) in its lower tail, where beta_excess is not negative.
// It is accurate where I itself underflows, and of the same cost for parameters of every size.
//
// Small a: the power series DLMF 8.17.8, whose terms are positive. Otherwise the integral on the logit scale, from x
// down, relative to its value at x, which log_beta_term gives: all parts of the exponent are positive, so nothing
// cancels. source: Loader 2000 for the value at x; Temme 1996, section 11.3 for the representation.
[[nodiscard]] double log_incomplete_beta_tail(double a, double b, double x, double y) noexcept;

// The same with the excess given.
[[nodiscard]] double log_incomplete_beta_tail(double a, double b, double x, double y, double excess) noexcept;

// The log of the regularised lower incomplete gamma function P(a, x) for x <= a, and of the upper one, Q(a, x), for
// x >= a, by the same methods.
[[nodiscard]] double log_lower_gamma_tail(double a, double x) noexcept;
[[nodiscard]] double log_upper_gamma_tail(double a, double x) noexcept;

// log B(a, b) for a, b > 0.
[[nodiscard]] double log_beta_function(double a, double b) noexcept;

// log(z!) - (z log z - z), which is stirling_error plus log(2 pi z) / 2; 0 for z = 0.
[[nodiscard]] double log_factorial_rest(double z) noexcept;

// log(exp(a) + exp(b)) without overflow.
[[nodiscard]] double log_sum(double a, double b) noexcept;

}  // namespace stats::detail

#if JOUST_BODIES

namespace stats::detail {

JOUST_FUNCTION double stirling_error(double z) noexcept
{
    if (z < 10.0) {
        return std::log(std::tgamma(z + 1.0)) - (z + 0.5) * std::log(z) + z - half_log_two_pi;
    }
    const double r = 1.0 / (z * z);
    return (1.0 / 12.0 -
            r * (1.0 / 360.0 - r * (1.0 / 1260.0 -
                                    r * (1.0 / 1680.0 -
                                         r * (1.0 / 1188.0 - r * (691.0 / 360360.0 - r * (1.0 / 156.0))))))) /
           z;
}

JOUST_FUNCTION double deviance_of_difference(double x, double difference) noexcept
{
    const double m = x - difference;
    if (!(std::fabs(difference) < 0.1 * (x + m))) {
        return x * std::log(x / m) - difference;
    }
    const double v = difference / (x + m);
    double sum = difference * v;
    double power = 2.0 * x * v;
    for (int j = 3; j < 2000; j += 2) {
        power *= v * v;
        const double next = sum + power / j;
        if (next == sum) {
            break;
        }
        sum = next;
    }
    return sum;
}

JOUST_FUNCTION double cell_deviance(double seen, double difference) noexcept
{
    return seen > 0.0 ? deviance_of_difference(seen, difference) : -difference;
}

// As deviance_of_difference, from m itself.
[[nodiscard]] inline double deviance_term(double x, double m) noexcept
{
    return deviance_of_difference(x, x - m);
}

JOUST_FUNCTION double beta_excess(double a, double b, double x, double y) noexcept
{
    const double n = a + b;
    const double larger = a > b ? a : b;
    const double lost = (a > b ? b : a) - (n - larger);  // of a + b
    return x <= y ? std::fma(-n, x, a) - lost * x : -(std::fma(-n, y, b) - lost * y);
}

// a - excess, the mean of a count of which a is the value; the excess may be nearly a.
[[nodiscard]] inline double far_deviance(double a, double excess, double mean) noexcept
{
    return std::fabs(excess) > 0.9 * a ? a * std::log(a / mean) - excess : deviance_of_difference(a, excess);
}

JOUST_FUNCTION double log_beta_term(double a, double b, double x, double y) noexcept
{
    return log_beta_term(a, b, x, y, beta_excess(a, b, x, y));
}

JOUST_FUNCTION double log_beta_term(double a, double b, double x, double y, double excess) noexcept
{
    const double n = a + b;
    // Far below the expectation the quotient is computed from x itself: a - excess would be rounding error only.
    return stirling_error(n) - stirling_error(a) - stirling_error(b) - far_deviance(a, excess, n * x) -
           far_deviance(b, -excess, n * y) + 0.5 * (std::log(a) + std::log(b) - std::log(n)) -
           half_log_two_pi;
}

// log[x^a e^-x / Gamma(a)] for a, x > 0.
[[nodiscard]] inline double log_gamma_term(double a, double x) noexcept
{
    return 0.5 * std::log(a) - half_log_two_pi - stirling_error(a) - far_deviance(a, a - x, x);
}

JOUST_FUNCTION double log_beta_function(double a, double b) noexcept
{
    const double small = a < b ? a : b;
    const double large = a < b ? b : a;
    const double n = a + b;
    return half_log_two_pi + stirling_error(a) + stirling_error(b) - stirling_error(n) -
           (large - 0.5) * std::log1p(small / large) + (small - 0.5) * std::log(small) - small * std::log(n);
}

// log(1 + z) - z for z > -1, which is negative.
[[nodiscard]] inline double log1p_rest(double z) noexcept
{
    if (!(std::fabs(z) < 0.4)) {
        return std::log1p(z) - z;
    }
    // log(1 + z) = 2 atanh(w), and 2 w - z = -z w.
    const double w = z / (2.0 + z);
    const double r = w * w;
    const double sum =
        1.0 / 3.0 +
        r * (1.0 / 5.0 +
             r * (1.0 / 7.0 +
                  r * (1.0 / 9.0 + r * (1.0 / 11.0 +
                                        r * (1.0 / 13.0 + r * (1.0 / 15.0 + r * (1.0 / 17.0 + r / 19.0)))))));
    return 2.0 * w * r * sum - z * w;
}

// exp(s) - 1 - s.
[[nodiscard]] inline double expm1_rest(double s) noexcept
{
    if (!(std::fabs(s) < 0.5)) {
        return std::expm1(s) - s;
    }
    double sum = 1.0;
    for (double k = 14.0; k > 2.0; k -= 1.0) {
        sum = 1.0 + sum * s / k;
    }
    return 0.5 * s * s * sum;
}

// Where lambda s + curvature s^2 / 2 is 45.
[[nodiscard]] inline double parabola_at_45(double lambda, double curvature) noexcept
{
    return 90.0 / (lambda + std::sqrt(lambda * lambda + 90.0 * curvature));
}

// Below this parameter the power series are used, of about 9 times its root terms.
inline constexpr double series_below = 30.0;

// log[I_x(a, b) B(a, b) / (x^a y^b)] for b = n - a.
[[nodiscard]] inline double log_beta_series(double a, double n, double x) noexcept
{
    double term = 1.0;
    double sum = 1.0;
    for (double k = 0.0; k < 2000.0; k += 1.0) {
        term *= (n + k) / (a + 1.0 + k) * x;
        sum += term;
        if (term < 1e-18 * sum) {
            break;
        }
    }
    return std::log(sum) - std::log(a);
}

JOUST_FUNCTION double log_incomplete_beta_tail(double a, double b, double x, double y) noexcept
{
    return log_incomplete_beta_tail(a, b, x, y, beta_excess(a, b, x, y));
}

JOUST_FUNCTION double log_incomplete_beta_tail(double a, double b, double x, double y, double excess) noexcept
{
    const double n = a + b;
    const double at_x = log_beta_term(a, b, x, y, excess);
    if (a < series_below && x < 0.95) {
        return at_x + log_beta_series(a, n, x);
    }
    if (a < series_below) {
        // b is smaller than 2, and no tail is small.
        const double other = std::exp(at_x + log_beta_series(b, n, y));
        return std::log1p(-(other < 1.0 ? other : 1.0));
    }
    // With t = x e^-s / (y + x e^-s) the logarithm of t^a (1 - t)^b falls by excess s + n K(s), where K is the
    // cumulant function of a centred coin.
    const auto exponent = [=](double s) {
        double cumulants = 0.0;
        if (x <= y) {
            cumulants = x * expm1_rest(-s) + log1p_rest(x * std::expm1(-s));
        } else if (s < 0.5) {
            cumulants = y * expm1_rest(s) + log1p_rest(y * std::expm1(s));
        } else {
            cumulants = s < 600.0 ? std::log1p(y * std::expm1(s)) - y * s : std::log(y) + x * s;
        }
        return excess * s + n * cumulants;
    };
    return at_x + std::log(falling_integral(exponent, parabola_at_45(excess, n * x * y)));
}

JOUST_FUNCTION double log_lower_gamma_tail(double a, double x) noexcept
{
    const double at_x = log_gamma_term(a, x);
    if (a < series_below) {
        double term = 1.0;
        double sum = 1.0;
        for (double k = 1.0; k < 2000.0; k += 1.0) {
            term *= x / (a + k);
            sum += term;
            if (term < 1e-18 * sum) {
                break;
            }
        }
        return at_x - std::log(a) + std::log(sum);
    }
    const auto exponent = [=](double s) { return (a - x) * s + x * expm1_rest(-s); };
    return at_x + std::log(falling_integral(exponent, parabola_at_45(a - x, x)));
}

JOUST_FUNCTION double log_upper_gamma_tail(double a, double x) noexcept
{
    const auto exponent = [=](double s) { return (x - a) * s + x * expm1_rest(s); };
    return log_gamma_term(a, x) + std::log(falling_integral(exponent, parabola_at_45(x - a, x)));
}

JOUST_FUNCTION double log_factorial_rest(double z) noexcept
{
    return z > 0.0 ? stirling_error(z) + 0.5 * std::log(z) + half_log_two_pi : 0.0;
}

JOUST_FUNCTION double log_sum(double a, double b) noexcept
{
    const double larger = a > b ? a : b;
    const double smaller = a > b ? b : a;
    return std::isinf(smaller) ? larger : larger + std::log1p(std::exp(smaller - larger));
}

}  // namespace stats::detail

#endif

}  // namespace v0
}  // namespace joust
