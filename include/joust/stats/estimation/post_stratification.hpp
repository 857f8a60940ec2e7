// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Describe a stratum: both samples within it, and its weight in the population.
struct stratum {
    /// The first sample within the stratum.
    sample_summary first{};
    /// The second sample within the stratum.
    sample_summary second{};
    /// The weight in the population; with NaN, the share of the stratum in the units of both samples.
    double weight = not_a_number;
};

/// Report a stratified comparison, with the effect of stratifying.
struct stratified_result : test_result {
    /// The standard error of the estimate.
    double standard_error = not_a_number;
    /// The plain difference of the pooled means.
    double unadjusted = not_a_number;
    /// 1 - stratified / plain variance.
    double variance_reduction = not_a_number;
    /// How many strata were used.
    std::size_t strata = 0;
    /// The share of units in strata that could not be used.
    double left_out = 0.0;
};

/// Compare two means within strata (countries, devices) and average the differences by the strata's weights.
///
/// A stratum with fewer than two units of a sample is left out and its units are counted in `left_out`; merge strata
/// where that exceeds a few per cent. The weights are all given or all NaN, and need not sum to 1. With weights
/// from the units seen, the interval is conditional on the sizes of the strata.
///
/// When to use: a few strata, known before the start, that explain the outcome. When not: many small strata.
/// assumes: independent units; strata that the treatment cannot change.
/// errors: too_few (no usable stratum), zero_variance, out_of_range (negative weights, some missing, NaN, alpha).
/// cost: one pass over the strata.
/// source: Miratrix, Sekhon and Yu 2013, "Adjusting treatment effect estimates by post-stratification";
///     Satterthwaite 1946.
[[nodiscard]] inline stratified_result post_stratified(std::span<const stratum> strata,
                                                       const test_options& options = {}) noexcept
{
    stratified_result result;
    result.method = "post-stratified difference of means";
    double units = 0.0, used_units = 0.0, weights = 0.0;
    bool given = false, missing = false;
    for (const stratum& s : strata) {
        if (!detail::usable(s.first) || !detail::usable(s.second) || s.weight < 0.0 || std::isinf(s.weight)) {
            result.state = status::out_of_range;
            return result;
        }
        (std::isnan(s.weight) ? missing : given) = true;
        units += s.first.n + s.second.n;
    }
    if (given && missing) {
        result.state = status::out_of_range;
        return result;
    }
    const auto usable = [](const stratum& s) { return s.first.n >= 2.0 && s.second.n >= 2.0; };
    const auto weight = [&](const stratum& s) { return given ? s.weight : s.first.n + s.second.n; };
    for (const stratum& s : strata) {
        if (usable(s)) {
            weights += weight(s);
            used_units += s.first.n + s.second.n;
            ++result.strata;
        }
    }
    result.left_out = units > 0.0 ? (units - used_units) / units : 0.0;
    if (result.strata == 0 || !(weights > 0.0)) {
        return result;
    }
    double estimate = 0.0, variance = 0.0, satterthwaite = 0.0;
    for (const stratum& s : strata) {
        if (!usable(s)) {
            continue;
        }
        const double w = weight(s) / weights;
        estimate += w * (s.first.mean - s.second.mean);
        for (const sample_summary* side_of : {&s.first, &s.second}) {
            const double part = w * w * side_of->variance / side_of->n;
            variance += part;
            satterthwaite += part * part / (side_of->n - 1.0);
        }
    }
    result.standard_error = std::sqrt(variance);
    static_cast<test_result&>(result) = detail::judge_t(result.method, estimate, result.standard_error,
                                                        variance / satterthwaite * variance, options);

    // The plain comparison of the same units, which shows how much the strata explain.
    const auto pooled = [&](sample_summary stratum::* which) {
        sample_summary sum;
        double squares = 0.0;
        for (const stratum& s : strata) {
            const sample_summary& part = s.*which;
            if (!usable(s)) {
                continue;
            }
            const double n = sum.n + part.n;
            const double move = part.mean - sum.mean;
            squares += (part.n - 1.0) * part.variance + move * move * sum.n / n * part.n;
            sum.mean += move * part.n / n;
            sum.n = n;
        }
        sum.variance = squares / (sum.n - 1.0);
        return sum;
    };
    const sample_summary x = pooled(&stratum::first);
    const sample_summary y = pooled(&stratum::second);
    result.unadjusted = x.mean - y.mean;
    result.variance_reduction = 1.0 - variance / (x.variance / x.n + y.variance / y.n);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
