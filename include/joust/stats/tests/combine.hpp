// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/srm.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
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

[[nodiscard]] inline test_result begin_log_combination(std::string_view method, std::span<const double> log_p,
                                                       std::span<const double> weights) noexcept
{
    test_result result;
    result.method = method;
    result.state = log_p.empty() ? status::too_few : status::ok;
    for (const double value : log_p) {
        if (!(value <= 0.0)) {
            result.state = status::out_of_range;
        }
    }
    if (result.state == status::ok && !usable_weights(log_p, weights)) {
        result.state = status::out_of_range;
    }
    return result;
}

// The normal score of a p-value that is given by its logarithm.
[[nodiscard]] inline double score_of_log(double log_p) noexcept
{
    if (log_p > -log_two) {
        return -normal_upper_quantile(-std::expm1(log_p));
    }
    if (log_p > -600.0) {
        return normal_upper_quantile(std::exp(log_p));
    }
    if (std::isinf(log_p)) {
        return -log_p;
    }
    // The root is a few per cent below the start, where the slope of the log tail is -(z + 1 / z), nearly.
    const double start = std::sqrt(-2.0 * log_p);
    const solution found = rising_root(0.0, 1.01 * start, start, start, [=](double z, double& slope) {
        slope = z + 1.0 / z;
        return log_p - log_normal_sf(z);
    });
    return found.converged ? found.at : not_a_number;
}

// By the sum of chi-squared scores.
inline void finish_fisher(test_result& result, double sum, std::size_t tests) noexcept
{
    result.statistic = -2.0 * sum;
    result.df = 2.0 * static_cast<double>(tests);
    result.log_p = log_chi_squared_sf(result.statistic, 2 * tests);
    result.p_value = std::exp(result.log_p);
}

inline void finish_stouffer(test_result& result, double sum, double squares) noexcept
{
    result.statistic = sum / std::sqrt(squares);
    if (std::isnan(result.statistic)) {
        result.state = status::out_of_range;
        return;
    }
    const tail_probability tail = normal_tails(result.statistic, side::greater);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
}

// The Cauchy score of p, a cotangent; of the smaller tail, which keeps every digit of a tiny p.
[[nodiscard]] inline double cauchy_score(double p) noexcept
{
    return p <= 0.5 ? 1.0 / std::tan(std::numbers::pi * p) : -1.0 / std::tan(std::numbers::pi * (1.0 - p));
}

inline void finish_cauchy(test_result& result, double statistic) noexcept
{
    result.statistic = statistic;
    if (std::isnan(statistic)) {
        result.state = status::out_of_range;
        return;
    }
    result.p_value = statistic > 0.0 ? std::atan(1.0 / statistic) / std::numbers::pi
                                     : 0.5 - std::atan(statistic) / std::numbers::pi;
    result.log_p = std::log(result.p_value);
}

}  // namespace detail

/// Combine independent p-values by their product: strong where one of them is very small.
///
/// `statistic` is chi-squared with 2 degrees of freedom per test.
/// assumes: independent tests (other days, other users); for dependent ones use `cauchy_combine`.
/// errors: too_few (no p-values), out_of_range (outside [0, 1], NaN).
/// cost: one pass, a quantile or a logarithm for each p-value.
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
    detail::finish_fisher(result, sum, p.size());
    return result;
}

/// Combine the same from logarithms of p-values, which may be far below what a double holds as a p-value.
///
/// errors: too_few (no p-values), out_of_range (a logarithm above 0, NaN).
/// cost: one pass, a quantile or a logarithm for each p-value.
[[nodiscard]] inline test_result fisher_combine_log(std::span<const double> log_p) noexcept
{
    test_result result = detail::begin_log_combination("Fisher's combination", log_p, {});
    if (result.state != status::ok) {
        return result;
    }
    double sum = 0.0;
    for (const double value : log_p) {
        sum += value;
    }
    detail::finish_fisher(result, sum, log_p.size());
    return result;
}

/// Combine independent one-sided p-values by the sum of their normal scores, with weights where given.
///
/// When to use: one question that was tested several times (weights: square roots of sample sizes). When not: tests
/// that look in different directions.
/// errors: too_few (no p-values), out_of_range (outside [0, 1], NaN, weights negative or of another length; a p of 0
///     together with a p of 1).
/// cost: one pass, a quantile or a logarithm for each p-value.
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
    detail::finish_stouffer(result, sum, squares);
    return result;
}

/// Combine the same from logarithms of p-values.
///
/// errors: as fisher_combine_log; weights as stouffer.
/// cost: one pass, a quantile or a logarithm for each p-value.
[[nodiscard]] inline test_result stouffer_log(std::span<const double> log_p,
                                              std::span<const double> weights = {}) noexcept
{
    test_result result = detail::begin_log_combination("Stouffer's combination", log_p, weights);
    if (result.state != status::ok) {
        return result;
    }
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t i = 0; i < log_p.size(); ++i) {
        const double w = weights.empty() ? 1.0 : weights[i];
        sum += w > 0.0 ? w * detail::score_of_log(log_p[i]) : 0.0;
        squares += w * w;
    }
    detail::finish_stouffer(result, sum, squares);
    return result;
}

/// Combine p-values that may depend on each other, by the mean of their Cauchy scores.
///
/// The result is exact for independent tests, and nearly exact for small p under any dependence. A p of 1 makes the
/// combined one 1.
/// errors: as stouffer.
/// cost: one pass, a quantile or a logarithm for each p-value.
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
            sum += w * detail::cauchy_score(p[i]);
        }
    }
    detail::finish_cauchy(result, sum / total);
    return result;
}

/// Combine the same from logarithms of p-values.
///
/// errors: as fisher_combine_log; weights as stouffer; a p of 0 together with a p of 1.
/// cost: one pass, a quantile or a logarithm for each p-value.
[[nodiscard]] inline test_result cauchy_combine_log(std::span<const double> log_p,
                                                    std::span<const double> weights = {}) noexcept
{
    test_result result = detail::begin_log_combination("Cauchy combination", log_p, weights);
    if (result.state != status::ok) {
        return result;
    }
    double sum = 0.0, total = 0.0, largest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < log_p.size(); ++i) {
        const double w = weights.empty() ? 1.0 : weights[i];
        total += w;
        if (w > 0.0) {
            sum += w * (log_p[i] < -detail::log_two
                            ? detail::cauchy_score(std::exp(log_p[i]))
                            : -1.0 / std::tan(std::numbers::pi * std::fabs(std::expm1(log_p[i]))));
            largest = std::log(w) - log_p[i] > largest ? std::log(w) - log_p[i] : largest;
        }
    }
    detail::finish_cauchy(result, sum / total);
    if (result.state != status::ok || !(sum > 0.0) || largest < 600.0 || std::isinf(largest)) {
        return result;
    }
    // A score is 1 / (pi p) for such p-values, and the others are nothing beside them.
    double scaled = 0.0;
    for (std::size_t i = 0; i < log_p.size(); ++i) {
        const double w = weights.empty() ? 1.0 : weights[i];
        scaled += w > 0.0 ? std::exp(std::log(w) - log_p[i] - largest) : 0.0;
    }
    result.log_p = std::log(total) - largest - std::log(scaled);
    result.p_value = std::exp(result.log_p);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
