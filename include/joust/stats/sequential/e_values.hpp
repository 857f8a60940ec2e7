// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/result.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <cmath>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Combine e-values of independent evidence, given as logarithms: their product.
///
/// When to use: parts that cannot influence each other: shards, separate trials, or consecutive periods whose tests
/// were each fixed before their period. When not: e-values from the same data (`e_average`).
/// assumes: independent e-values, or each valid given all before it.
/// errors: NaN when one is NaN.
/// cost: one pass, an exponential for each value.
/// source: Vovk and Wang 2021, "E-values: calibration, combination and applications", section 4.
[[nodiscard]] inline double e_product(std::span<const double> log_e) noexcept
{
    double sum = 0.0;
    for (const double each : log_e) {
        // An e-value of 0 makes the product 0, whatever evidence follows.
        sum = sum == -std::numeric_limits<double>::infinity() && !std::isnan(each) ? sum : sum + each;
    }
    return sum;
}

/// Combine e-values that may depend on each other in any way, given as logarithms: the logarithm of their average.
///
/// `weights` (not negative, at least one positive) must be fixed before the data; without them all e-values have the
/// same weight.
/// errors: NaN when there are no e-values, when one is NaN, or when the weights do not fit.
/// cost: one pass, an exponential for each value.
/// source: Vovk and Wang 2021, proposition 3.1.
[[nodiscard]] inline double e_average(std::span<const double> log_e,
                                      std::span<const double> weights = {}) noexcept
{
    if (log_e.empty() || (!weights.empty() && weights.size() != log_e.size())) {
        return not_a_number;
    }
    double largest = -std::numeric_limits<double>::infinity();
    double total = 0.0;
    for (std::size_t i = 0; i < log_e.size(); ++i) {
        const double weight = weights.empty() ? 1.0 : weights[i];
        if (std::isnan(log_e[i]) || !(weight >= 0.0 && std::isfinite(weight))) {
            return not_a_number;
        }
        total += weight;
        largest = weight > 0.0 && log_e[i] > largest ? log_e[i] : largest;
    }
    if (!(total > 0.0)) {
        return not_a_number;
    }
    if (std::isinf(largest)) {
        return largest;
    }
    double sum = 0.0;
    for (std::size_t i = 0; i < log_e.size(); ++i) {
        const double weight = weights.empty() ? 1.0 : weights[i];
        sum += weight > 0.0 ? weight * std::exp(log_e[i] - largest) : 0.0;
    }
    return largest + std::log(sum / total);
}

/// Turn a p-value into an e-value by kappa p^(kappa - 1); both are given as logarithms.
///
/// A small `kappa` is better for tiny p-values. Turning an e-value into a p-value by `always_valid_p` and back loses
/// evidence each time, so convert only p-values that come from elsewhere.
/// errors: NaN unless log_p <= 0 and 0 < kappa < 1.
/// cost: O(1), one logarithm.
/// source: Vovk and Wang 2021, equation 1.
[[nodiscard]] inline double p_to_log_e(double log_p, double kappa = 0.5) noexcept
{
    if (!(log_p <= 0.0 && kappa > 0.0 && kappa < 1.0)) {
        return not_a_number;
    }
    return std::log(kappa) + (kappa - 1.0) * log_p;
}

/// Turn a p-value into an e-value without a choice of kappa: the average of `p_to_log_e` over all kappa,
/// (1 - p + p log p) / (p log^2 p).
/// errors: NaN unless log_p <= 0.
/// cost: O(1), two logarithms.
/// source: Vovk and Wang 2021, equation 2.
[[nodiscard]] inline double p_to_log_e_mixed(double log_p) noexcept
{
    if (!(log_p <= 0.0)) {
        return not_a_number;
    }
    if (std::isinf(log_p)) {
        return -log_p;
    }
    if (log_p > -0.1) {
        // With p = e^-x the average is 1/2 + x/6 + x^2/24 + ...: the sum of x^j / (j + 2)!
        double sum = 0.0;
        double term = 0.5;
        for (int j = 0; j < 14; ++j) {
            sum += term;
            term *= -log_p / (j + 3);
        }
        return std::log(sum);
    }
    // (e^x - 1 - x) / x^2, with the first factor taken out so that nothing overflows.
    const double p = std::exp(log_p);
    return -log_p + std::log1p(p * (log_p - 1.0)) - 2.0 * std::log(-log_p);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
