// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/stirling.hpp>
#include <joust/numeric/tails.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// P(K > x) of Kolmogorov's limit distribution.
[[nodiscard]] inline tail_probability kolmogorov_tail(double x) noexcept
{
    if (!(x > 0.0)) {
        return {1.0, 0.0};
    }
    if (x < 1.0) {
        // This transformed series converges within a few terms here, where the tail is large.
        double sum = 0.0;
        for (int k = 1; k < 20; k += 2) {
            sum += std::exp(-std::numbers::pi * std::numbers::pi * k * k / (8.0 * x * x));
        }
        const double below = 2.50662827463100050242 / x * sum;
        return {1.0 - below, std::log1p(-below)};
    }
    double rest = 0.0;  // the sum of the alternating terms, divided by the first
    for (int k = 5; k >= 2; --k) {
        rest = std::exp(-2.0 * x * x * (2.0 * k - 1.0)) * (1.0 - rest);
    }
    // A rounded square would cost 2 x^2 units in the last place, so its rounding error is added back.
    const double square = x * x;
    const double lost = std::fma(x, x, -square);
    const double scale = 2.0 * (1.0 - rest);
    return {scale * std::exp(-2.0 * square) * (1.0 - 2.0 * lost), log_two + std::log1p(-rest) - 2.0 * square};
}

// P(D+ >= d) for n values drawn from the distribution they are compared with, as a sum of positive terms.
// source: Smirnov 1944; Birnbaum and Tingey 1951, "One-sided confidence contours for probability distribution
// functions".
[[nodiscard]] inline tail_probability one_sided_smirnov(double n, double d) noexcept
{
    if (d >= 1.0) {
        return {0.0, -std::numeric_limits<double>::infinity()};
    }
    if (!(d > 0.0)) {
        return {1.0, 0.0};
    }
    const double whole = log_factorial_rest(n);
    double log_p = n * std::log1p(-d);  // the term of j = 0
    const double last = std::floor(n * (1.0 - d));
    for (double j = 1.0; j <= last && j < n; j += 1.0) {
        // C(n, j) (j / n + d)^(j - 1) (1 - j / n - d)^(n - j) d, written as a binomial probability at d + j / n.
        const double above = d + j / n;
        const double rest = 1.0 - above;
        if (!(rest > 0.0)) {
            break;
        }
        const double log_mass = whole - log_factorial_rest(j) - log_factorial_rest(n - j) -
                                cell_deviance(j, -n * d) - cell_deviance(n - j, n * d);
        log_p = log_sum(log_p, log_mass + std::log(d / above));
    }
    return log_p < 0.0 ? tail_probability{std::exp(log_p), log_p} : tail_probability{1.0, 0.0};
}

// P(D < d) for n values drawn from the distribution they are compared with, by powers of a matrix.
// source: Durbin 1973; Marsaglia, Tsang and Wang 2003, "Evaluating Kolmogorov's distribution".
[[nodiscard]] inline double two_sided_smirnov_cdf(std::size_t n, double d)
{
    const double nd = static_cast<double>(n) * d;
    const std::size_t k = static_cast<std::size_t>(nd) + 1;
    const std::size_t m = 2 * k - 1;
    const double h = static_cast<double>(k) - nd;
    buffer<double> step(m * m, 0.0);
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < m && j <= i + 1; ++j) {
            step[i * m + j] = 1.0;
        }
    }
    double power = 1.0;
    for (std::size_t i = 0; i < m; ++i) {
        power *= h;
        step[i * m] -= power;
        step[(m - 1) * m + (m - 1 - i)] -= power;
    }
    if (2.0 * h - 1.0 > 0.0) {
        step[(m - 1) * m] += std::pow(2.0 * h - 1.0, static_cast<double>(m));
    }
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < m && j <= i; ++j) {
            for (std::size_t g = 1; g <= i - j + 1; ++g) {
                step[i * m + j] /= static_cast<double>(g);
            }
        }
    }
    // The result is (step^n)[k - 1][k - 1] n! / n^n, for which it is enough to multiply the middle row n times.
    buffer<double> row(m, 0.0);
    buffer<double> next(m, 0.0);
    row[k - 1] = 1.0;
    double log_scale = 0.0;
    for (std::size_t i = 1; i <= n; ++i) {
        double largest = 0.0;
        for (std::size_t j = 0; j < m; ++j) {
            next[j] = 0.0;
        }
        for (std::size_t a = 0; a < m; ++a) {
            for (std::size_t j = 0; j < m && j <= a + 1; ++j) {
                next[j] += row[a] * step[a * m + j];
            }
        }
        const double factor = static_cast<double>(i) / static_cast<double>(n);
        for (std::size_t j = 0; j < m; ++j) {
            row[j] = next[j] * factor;
            largest = std::fmax(largest, row[j]);
        }
        if (largest < 1e-140) {
            for (std::size_t j = 0; j < m; ++j) {
                row[j] *= 1e140;
            }
            log_scale -= 140.0 * 2.30258509299404568402;
        }
    }
    return row[k - 1] * std::exp(log_scale);
}

// P(D >= d) for n values drawn from the distribution they are compared with.
[[nodiscard]] inline tail_probability two_sided_smirnov(std::size_t n, double d)
{
    const double size = static_cast<double>(n);
    if (d >= 1.0) {
        return {0.0, -std::numeric_limits<double>::infinity()};
    }
    if (2.0 * size * d <= 1.0) {
        return {1.0, 0.0};
    }
    // The sum of both one-sided tails counts twice what exceeds on both sides. That is impossible for d above one
    // half, and below 1e-13 of either tail where n d^2 is large.
    if (d >= 0.5 || size * d * d > 4.8) {
        const tail_probability one = one_sided_smirnov(size, d);
        return {2.0 * one.p < 1.0 ? 2.0 * one.p : 1.0, doubled(one.log_p).log_p};
    }
    const double below = two_sided_smirnov_cdf(n, d);
    return {1.0 - below, std::log1p(-below)};
}

}  // namespace detail

/// Return P(K > x) of Kolmogorov's limit distribution, which is that of sqrt(n) D.
///
/// cost: O(1), about 50 ns.
/// source: Kolmogorov 1933; Smirnov 1948.
[[nodiscard]] inline double kolmogorov_sf(double x) noexcept
{
    return x == x ? detail::kolmogorov_tail(x).p : not_a_number;
}

/// Return the natural logarithm of `kolmogorov_sf`, also where that underflows.
/// cost: O(1), about 50 ns
[[nodiscard]] inline double kolmogorov_log_sf(double x) noexcept
{
    return x == x ? detail::kolmogorov_tail(x).log_p : not_a_number;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
