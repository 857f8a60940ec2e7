// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Return the logarithm of the two-sided normal mixture e-value of a sum `s` with variance process `v`.
///
/// assumes: exp(l s - l^2 v / 2) is a supermartingale (or close to one) for each l; `rho` was fixed before
///     the data that it judges.
/// errors: NaN unless v >= 0, rho > 0 and all are finite.
/// cost: a logarithm and two divisions, about 6 ns.
/// source: Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021, "Time-uniform, nonparametric,
///     nonasymptotic confidence sequences", proposition 5.
[[nodiscard]] inline double normal_mixture_log_e(double s, double v, double rho) noexcept
{
    const double all = v + rho;
    if (!(v >= 0.0 && rho > 0.0 && std::isfinite(all + std::fabs(s)))) {
        return not_a_number;
    }
    // log is faster, and as accurate as log1p once its argument is 2 or more.
    const double growth = v >= rho ? std::log(all / rho) : std::log1p(v / rho);
    return 0.5 * (s / all * s - growth);
}

/// Return the logarithm of the one-sided normal mixture e-value, whose mixture is half normal, so that only a positive
/// `s` is evidence.
///
/// `side::less` looks for a negative sum, and `side::two` is `normal_mixture_log_e(s, v, rho)`. All is computed on the
/// log scale.
/// source: Howard et al. 2021, proposition 6.
[[nodiscard]] inline double normal_mixture_log_e(double s, double v, double rho, side alternative) noexcept
{
    if (alternative == side::two) {
        return normal_mixture_log_e(s, v, rho);
    }
    if (!(v >= 0.0 && rho > 0.0 && std::isfinite(s) && std::isfinite(v))) {
        return not_a_number;
    }
    const double z = (alternative == side::greater ? s : -s) / std::sqrt(v + rho);
    return detail::log_two - 0.5 * std::log1p(v / rho) + log_scaled_normal_cdf(z);
}

/// Return the boundary that the sum crosses with probability `alpha` or less at any time: |s| for `side::two`, s (or
/// -s) for a one-sided alternative.
///
/// At the boundary the e-value is 1 / alpha.
/// errors: NaN unless v >= 0, rho > 0 and 0 < alpha < 1.
/// cost: one log1p; one-sided a few Newton steps more.
/// source: Howard et al. 2021, equation 14 (two-sided).
[[nodiscard]] inline double normal_mixture_bound(double v, double rho, double alpha,
                                                 side alternative = side::two) noexcept
{
    if (!(v >= 0.0 && rho > 0.0 && std::isfinite(v) && detail::is_alpha(alpha))) {
        return not_a_number;
    }
    const double growth = std::log1p(v / rho);
    if (alternative == side::two) {
        return std::sqrt((v + rho) * (growth - 2.0 * std::log(alpha)));
    }
    // Solve log(exp(z^2/2) cdf(z)) = target. The left side is convex and increasing, so after the first step
    // Newton's steps approach the root from above; the first step starts where cdf is taken as 1. The left side is at
    // least z^2/2 - log 2, so that the root is below `high`.
    const double target = -std::log(2.0 * alpha) + 0.5 * growth;
    const double high = std::sqrt(2.0 * std::fmax(target + detail::log_two, 0.0)) + 1e-9;
    const double start = target > 0.0 ? std::sqrt(2.0 * target) : 0.0;
    const detail::solution found =
        detail::rising_root(-1e-9, high, start, 1.0 + high, [=](double z, double& slope) {
            const double value = log_scaled_normal_cdf(z);
            slope = z + detail::inverse_sqrt_two_pi * std::exp(-value);
            return value - target;
        });
    return found.converged ? std::fmax(found.at, 0.0) * std::sqrt(v + rho) : not_a_number;
}

/// Choose the mixture's `rho` for which the boundary is nearly narrowest where the variance process reaches `v_best`.
///
/// cost: O(1), a search of a few steps, below 1 us
/// source: Howard et al. 2021, section 3.5: the expansion of their exact rule by Lambert's W, within a few
///     per cent of it.
[[nodiscard]] inline double normal_mixture_rho(double v_best, double alpha) noexcept
{
    if (!(v_best > 0.0 && detail::is_alpha(alpha))) {
        return not_a_number;
    }
    const double twice = -2.0 * std::log(alpha);
    return v_best / (twice + std::log1p(twice));
}

/// Choose `rho` at the end of the burn-in: the variance seen so far is extrapolated to the planned sample, where the
/// two-sided 5 % boundary is then narrowest. Keep the result unchanged afterwards.
///
/// `information` and `planned_information` are in the same unit: for trials the sum of s (1 - s) over the exposures so
/// far, and planned exposures times s (1 - s) of the planned shares.
/// errors: NaN unless all three are positive and finite.
/// cost: O(1).
[[nodiscard]] inline double burn_in_rho(double v_burn, double information,
                                        double planned_information) noexcept
{
    constexpr double tightest_at = 8.3;
    if (!(v_burn > 0.0 && information > 0.0 && planned_information > 0.0 && std::isfinite(v_burn) &&
          std::isfinite(information) && std::isfinite(planned_information))) {
        return not_a_number;
    }
    return v_burn * (planned_information / information) / tightest_at;
}

/// Turn the largest log e-value seen so far into a p-value that is valid at every look.
///
/// cost: one exponential.
/// source: Ville's inequality; p = min(1, 1 / max e).
[[nodiscard]] inline double always_valid_p(double max_log_e) noexcept
{
    return max_log_e > 0.0 ? std::exp(-max_log_e) : 1.0;
}

/// Follow a sum and its variance process with a normal mixture, and keep the largest evidence.
///
/// It is a plain value: copy, compare and store it freely.
/// cost: as normal_mixture_log_e and normal_mixture_bound
struct normal_mixture {
    /// The precision of the mixture; fix it before the data.
    double rho = 1.0;
    /// The departure from a zero sum that counts as evidence.
    side alternative = side::two;
    /// The sum.
    double s = 0.0;
    /// The variance process.
    double v = 0.0;
    /// The largest logarithm of the e-value at any look.
    double max_log_e = 0.0;

    /// Add the next increments of the sum and of its variance process.
    void update(double sum, double variance) noexcept
    {
        s += sum;
        v += variance;
        const double now = log_e();
        if (now > max_log_e) {
            max_log_e = now;
        }
    }

    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept { return normal_mixture_log_e(s, v, rho, alternative); }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept { return always_valid_p(max_log_e); }
    /// Return the boundary for the sum at this level.
    [[nodiscard]] double bound(double alpha) const noexcept
    {
        return normal_mixture_bound(v, rho, alpha, alternative);
    }
    /// Compare all members.
    bool operator==(const normal_mixture&) const = default;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
