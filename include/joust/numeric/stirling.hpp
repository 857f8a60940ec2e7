// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
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

// The log of the regularised incomplete beta function I_x(a, b) in its lower tail, x <= (a + 1) / (a + b + 2), by
// the continued fraction DLMF 8.17.22 in Lentz's evaluation. It is exact where I itself underflows.
[[nodiscard]] double log_incomplete_beta_tail(double a, double b, double x, double y) noexcept;

// The log of the regularised upper incomplete gamma function Q(a, x) in its tail, x > a + 1, by Legendre's continued
// fraction (DLMF 8.9.2).
[[nodiscard]] double log_upper_gamma_tail(double a, double x) noexcept;

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

JOUST_FUNCTION double log_beta_term(double a, double b, double x, double y) noexcept
{
    const double n = a + b;
    const double excess = x <= y ? std::fma(-n, x, a) : -std::fma(-n, y, b);
    // Far below the expectation the quotient is computed from x itself: a - excess would be rounding error only.
    const double first =
        x <= y && excess > 0.9 * a ? a * std::log(a / n / x) - excess : deviance_of_difference(a, excess);
    const double second =
        y < x && -excess > 0.9 * b ? b * std::log(b / n / y) + excess : deviance_of_difference(b, -excess);
    return stirling_error(n) - stirling_error(a) - stirling_error(b) - first - second +
           0.5 * (std::log(a) + std::log(b) - std::log(n)) - half_log_two_pi;
}

// log[x^a e^-x / Gamma(a)] for a, x > 0.
[[nodiscard]] inline double log_gamma_term(double a, double x) noexcept
{
    return 0.5 * std::log(a) - half_log_two_pi - stirling_error(a) - deviance_term(a, x);
}

JOUST_FUNCTION double log_incomplete_beta_tail(double a, double b, double x, double y) noexcept
{
    constexpr double tiny = 1e-300;
    double c = 1.0;
    double d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
    double fraction = d;
    for (int m = 1; m < 100000; ++m) {
        const double k = m;
        const double even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
        d = 1.0 + even * d;
        d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
        c = 1.0 + even / c;
        c = std::fabs(c) < tiny ? tiny : c;
        fraction *= d * c;
        const double odd = -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0));
        d = 1.0 + odd * d;
        d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
        c = 1.0 + odd / c;
        c = std::fabs(c) < tiny ? tiny : c;
        const double step = d * c;
        fraction *= step;
        if (std::fabs(step - 1.0) < 1e-16) {
            break;
        }
    }
    return log_beta_term(a, b, x, y) - std::log(a) + std::log(fraction);
}

JOUST_FUNCTION double log_upper_gamma_tail(double a, double x) noexcept
{
    constexpr double tiny = 1e-300;
    double b = x + 1.0 - a;
    double c = 1.0 / tiny;
    double d = 1.0 / b;
    double fraction = d;
    for (int i = 1; i < 100000; ++i) {
        const double k = i;
        const double an = -k * (k - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
        c = b + an / c;
        c = std::fabs(c) < tiny ? tiny : c;
        const double step = d * c;
        fraction *= step;
        if (std::fabs(step - 1.0) < 1e-16) {
            break;
        }
    }
    return log_gamma_term(a, x) + std::log(fraction);
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
