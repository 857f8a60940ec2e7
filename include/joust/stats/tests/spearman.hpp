// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/distributions.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/ranks.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// Counts the orders of y (centred ranks) whose sum of products with x is at least, at most and as far from 0 as the observed
// one, by Heap's exchanges.
struct rank_orders {
    double all = 0.0, at_least = 0.0, at_most = 0.0, as_far = 0.0;

    rank_orders(std::span<const double> x, std::span<double> y, double observed) noexcept
    {
        const std::size_t n = x.size();
        std::size_t state[16] = {};
        const auto judge = [&] {
            double sum = 0.0;
            for (std::size_t i = 0; i < n; ++i) {
                sum += x[i] * y[i];
            }
            // Sums of products of ranks are multiples of one quarter, so they are exact.
            all += 1.0;
            at_least += sum >= observed ? 1.0 : 0.0;
            at_most += sum <= observed ? 1.0 : 0.0;
            as_far += std::fabs(sum) >= std::fabs(observed) ? 1.0 : 0.0;
        };
        judge();
        for (std::size_t i = 0; i < n;) {
            if (state[i] < i) {
                const std::size_t j = i % 2 == 0 ? 0 : state[i];
                const double kept = y[j];
                y[j] = y[i];
                y[i] = kept;
                judge();
                ++state[i];
                i = 0;
            } else {
                state[i++] = 0;
            }
        }
    }
};

}  // namespace detail

/// Test whether two measurements of the same units rise together: Spearman's correlation of ranks, with ties by mean ranks.
///
/// The estimate is rho, from -1 to 1, with the interval of Bonett and Wright on Fisher's scale. Up to nine pairs the p-value
/// counts all orders, given the ties; beyond, it is that of t = rho sqrt((n - 2) / (1 - rho^2)).
///
/// When to use: does a score order cases as an outcome does. When not: agreement of two rankings whose top matters more
/// (`ap_correlation`, `rank_biased_overlap`), or pairs as the unit of agreement (`kendall_tau_b`).
/// assumes: independent pairs; infinities rank at the ends.
/// errors: out_of_range (NaN, unequal lengths, alpha), too_few (fewer than 3 pairs), zero_variance (a constant sample). At
///     rho of 1 or -1, and below four pairs, no interval is given: it is all of [-1, 1].
/// cost: two sorts; some milliseconds for the p-value of nine pairs.
/// source: Spearman 1904; Bonett and Wright 2000, "Sample size requirements for estimating Pearson, Kendall and Spearman
///     correlations".
[[nodiscard]] inline test_result spearman(std::span<const double> x, std::span<const double> y,
                                          const test_options& options = {})
{
    test_result result;
    result.method = "Spearman's rank correlation";
    const std::size_t n = x.size();
    detail::buffer<double> a(n), b(n);
    if (y.size() != n || !detail::is_alpha(options.alpha) || !midranks(x, std::span<double>{a.data(), n}) ||
        !midranks(y, std::span<double>{b.data(), n})) {
        result.state = status::out_of_range;
        return result;
    }
    if (n < 3) {
        return result;
    }
    const double centre = 0.5 * (static_cast<double>(n) + 1.0);
    double squares_a = 0.0, squares_b = 0.0, products = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        a[i] -= centre;
        b[i] -= centre;
        squares_a += a[i] * a[i];
        squares_b += b[i] * b[i];
        products += a[i] * b[i];
    }
    if (!(squares_a > 0.0 && squares_b > 0.0)) {
        result.state = status::zero_variance;
        return result;
    }
    // One root of each factor, so that rho of equal ranks is exactly 1.
    const double rho = squares_a == squares_b ? products / squares_a
                                              : products / std::sqrt(squares_a) / std::sqrt(squares_b);
    result.estimate = rho > 1.0 ? 1.0 : rho < -1.0 ? -1.0 : rho;
    result.lower = -1.0;
    result.upper = 1.0;
    const double size = static_cast<double>(n);
    if (n > 3 && std::fabs(result.estimate) < 1.0) {
        const double half = normal_upper_quantile(detail::tail_alpha(options)) *
                            std::sqrt((1.0 + 0.5 * rho * rho) / (size - 3.0));
        const double centred = std::atanh(result.estimate);
        result.lower = options.alternative == side::less ? -1.0 : std::tanh(centred - half);
        result.upper = options.alternative == side::greater ? 1.0 : std::tanh(centred + half);
    }
    // 1 - rho^2 from its factors, the smaller of which is exact.
    const double rest = (1.0 - result.estimate) * (1.0 + result.estimate);
    result.df = size - 2.0;
    result.statistic = result.estimate * std::sqrt((size - 2.0) / rest);
    if (n <= 9) {
        result.method = "Spearman's rank correlation, exact";
        const detail::rank_orders orders{{a.data(), n}, {b.data(), n}, products};
        const double count = options.alternative == side::two       ? orders.as_far
                             : options.alternative == side::greater ? orders.at_least
                                                                    : orders.at_most;
        result.p_value = count / orders.all;
        result.log_p = std::log(result.p_value);
    } else {
        const double t = options.alternative == side::two    ? std::fabs(result.statistic)
                         : options.alternative == side::less ? -result.statistic
                                                             : result.statistic;
        const double log_tail = student_t_log_sf(t, result.df);
        if (options.alternative == side::two) {
            const double p = 2.0 * student_t_sf(t, result.df);
            result.p_value = p < 1.0 ? p : 1.0;
            result.log_p = detail::doubled(log_tail).log_p;
        } else {
            result.p_value = student_t_sf(t, result.df);
            result.log_p = log_tail;
        }
    }
    result.state = status::ok;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
