// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/roots.hpp>
#include <joust/numeric/stirling.hpp>

#include <cmath>
#include <cstdint>

// Exact limits of a proportion without Boost.Math, for headers of the serving path. stats/estimation/clopper_pearson.hpp has the
// interval for analyses.

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The probability of at most k successes in n, for k < n p: the largest term by Loader's saddle point, and the others by their
// ratios, which fall.
// source: Loader 2000, "Fast and accurate computation of binomial probabilities"
[[nodiscard]] inline double lower_binomial_tail(double k, double n, double p) noexcept
{
    const double q = 1.0 - p;
    double term = 0.0;
    if (k == 0.0) {
        return std::exp(n * std::log1p(-p));
    }
    const auto part = [](double x, double m) { return x * std::log(x / m) + m - x; };
    const double exponent =
        stirling_error(n) - stirling_error(k) - stirling_error(n - k) - part(k, n * p) - part(n - k, n * q);
    constexpr double two_pi = 6.283185307179586;
    term = std::exp(exponent) * std::sqrt(n / (two_pi * k * (n - k)));
    double sum = 0.0;
    for (double j = k; term > 1e-17 * sum; --j) {
        sum += term;
        if (j == 0.0) {
            break;
        }
        term *= j / (n - j + 1.0) * (q / p);
    }
    return sum;
}

// The largest proportion that is not excluded by k successes in n, with the one-sided error rate alpha.
[[nodiscard]] inline double upper_binomial_limit(std::uint64_t k, std::uint64_t n, double alpha)
{
    if (k >= n) {
        return 1.0;
    }
    const auto successes = static_cast<double>(k);
    const auto all = static_cast<double>(n);
    const auto excluded = [&](double p) {
        return p >= 1.0 || (p * all > successes && lower_binomial_tail(successes, all, p) < alpha);
    };
    const auto narrow = [](const bracket& at) { return std::fabs(at.with - at.without) <= 1e-14 * at.with; };
    return bisect({successes / all, 1.0}, excluded, narrow).without;
}

// The smallest proportion that is not excluded.
[[nodiscard]] inline double lower_binomial_limit(std::uint64_t k, std::uint64_t n, double alpha)
{
    return k == 0 ? 0.0 : 1.0 - upper_binomial_limit(n - k, n, alpha);
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
