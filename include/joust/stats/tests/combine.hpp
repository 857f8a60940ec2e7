// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/srm.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// Checks that all are p-values; too_few where there are no p-values.
[[nodiscard]] inline status p_values_state(std::span<const double> p) noexcept
{
    for (const double value : p) {
        if (!(value >= 0.0 && value <= 1.0)) {
            return status::out_of_range;
        }
    }
    return p.empty() ? status::too_few : status::ok;
}

[[nodiscard]] inline bool usable_weights(std::span<const double> p, std::span<const double> weights) noexcept
{
    if (!weights.empty() && weights.size() != p.size()) {
        return false;
    }
    double sum = 0.0;
    for (const double w : weights) {
        if (!(w >= 0.0)) {
            return false;
        }
        sum += w;
    }
    return weights.empty() || (sum > 0.0 && std::isfinite(sum));
}

// The result before its numbers: ok where the p-values and weights can be combined.
[[nodiscard]] inline test_result begin_combination(std::string_view method, std::span<const double> p,
                                                   std::span<const double> weights) noexcept
{
    test_result result;
    result.method = method;
    result.state = p_values_state(p);
    if (result.state == status::ok && !usable_weights(p, weights)) {
        result.state = status::out_of_range;
    }
    return result;
}

}  // namespace detail

/// Combine independent p-values by their product: strong where one of them is very small.
///
/// `statistic` is chi-squared with 2 degrees of freedom per test.
/// assumes: independent tests (other days, other users); for dependent ones use `cauchy_combine`.
/// errors: too_few (no p-values), out_of_range (outside [0, 1], NaN).
/// source: Fisher 1932.
[[nodiscard]] inline test_result fisher_combine(std::span<const double> p) noexcept
{
    test_result result = detail::begin_combination("Fisher's combination", p, {});
    if (result.state != status::ok) {
        return result;
    }
    double sum = 0.0;
    for (const double value : p) {
        sum += std::log(value);
    }
    result.statistic = -2.0 * sum;
    result.df = 2.0 * static_cast<double>(p.size());
    result.log_p = detail::log_chi_squared_sf(result.statistic, 2 * p.size());
    result.p_value = std::exp(result.log_p);
    return result;
}

/// Combine independent one-sided p-values by the sum of their normal scores, with weights where given.
///
/// When to use: one question that was tested several times (weights: square roots of sample sizes). When not: tests
/// that look in different directions.
/// errors: too_few (no p-values), out_of_range (outside [0, 1], NaN, weights negative or of another length; a p of 0
///     together with a p of 1).
/// source: Stouffer et al. 1949; Lipták 1958 (weights).
[[nodiscard]] inline test_result stouffer(std::span<const double> p,
                                          std::span<const double> weights = {}) noexcept
{
    test_result result = detail::begin_combination("Stouffer's combination", p, weights);
    if (result.state != status::ok) {
        return result;
    }
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const double w = weights.empty() ? 1.0 : weights[i];
        sum += w > 0.0 ? w * normal_upper_quantile(p[i]) : 0.0;
        squares += w * w;
    }
    result.statistic = sum / std::sqrt(squares);
    if (std::isnan(result.statistic)) {
        result.state = status::out_of_range;
        return result;
    }
    const detail::tail_probability tail = detail::normal_tails(result.statistic, side::greater);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    return result;
}

/// Combine p-values that may depend on each other, by the mean of their Cauchy scores.
///
/// The result is exact for independent tests, and nearly exact for small p under any dependence. A p of 1 makes the
/// combined one 1.
/// errors: as stouffer.
/// source: Liu and Xie 2020, "Cauchy combination test".
[[nodiscard]] inline test_result cauchy_combine(std::span<const double> p,
                                                std::span<const double> weights = {}) noexcept
{
    test_result result = detail::begin_combination("Cauchy combination", p, weights);
    if (result.state != status::ok) {
        return result;
    }
    double sum = 0.0;
    double total = 0.0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const double w = weights.empty() ? 1.0 : weights[i];
        total += w;
        if (w > 0.0) {
            // tan(pi (1/2 - p)) is computed as a cotangent of the smaller tail, which keeps every digit of a tiny p.
            sum += p[i] <= 0.5 ? w / std::tan(std::numbers::pi * p[i])
                               : -w / std::tan(std::numbers::pi * (1.0 - p[i]));
        }
    }
    result.statistic = sum / total;
    if (std::isnan(result.statistic)) {
        result.state = status::out_of_range;
        return result;
    }
    result.p_value = result.statistic > 0.0 ? std::atan(1.0 / result.statistic) / std::numbers::pi
                                            : 0.5 - std::atan(result.statistic) / std::numbers::pi;
    result.log_p = std::log(result.p_value);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
