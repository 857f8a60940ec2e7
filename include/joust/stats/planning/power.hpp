// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/noncentral_t.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Describe two means that a t-test compares at one look, for `power`, `sample_size` and `minimum_detectable_effect`.
struct mean_design {
    /// The true difference of the means, first minus second.
    double effect = not_a_number;
    /// The standard deviation in the first sample.
    double sd = 1.0;
    /// The standard deviation in the second sample (Welch's test); with NaN it is `sd`.
    double sd_second = not_a_number;
    /// The level of the test.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Units of the second sample per unit of the first.
    double ratio = 1.0;
    /// The correlation of a covariate with the outcome (CUPED), which multiplies the variance by 1 - correlation^2.
    double correlation = 0.0;
    /// Units per cluster, which multiply the variance by 1 + (cluster_size - 1) icc; degrees of freedom count
    /// clusters.
    double cluster_size = 1.0;
    /// The intraclass correlation.
    double icc = 0.0;
    /// The number of challengers; each is compared at alpha / comparisons.
    double comparisons = 1.0;
    /// The difference that is tested against: minus the margin for non-inferiority.
    double null = 0.0;
    /// Count a rejection in the wrong direction as power; most tables do not.
    bool both_tails = true;
};

/// Describe pairs that a paired t-test compares at one look.
struct paired_design {
    /// The true mean difference.
    double effect = not_a_number;
    /// The standard deviation of the differences.
    double sd = 1.0;
    /// The level of the test.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// The number of challengers; each is compared at alpha / comparisons.
    double comparisons = 1.0;
    /// The difference that is tested against.
    double null = 0.0;
    /// Count a rejection in the wrong direction as power.
    bool both_tails = true;
};

/// Describe two proportions that the pooled z-test compares at one look.
struct proportion_design {
    /// The true first proportion.
    double first = not_a_number;
    /// The true second proportion.
    double second = not_a_number;
    /// The level of the test.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Units of the second sample per unit of the first.
    double ratio = 1.0;
    /// Units per cluster.
    double cluster_size = 1.0;
    /// The intraclass correlation.
    double icc = 0.0;
    /// The number of challengers; each is compared at alpha / comparisons.
    double comparisons = 1.0;
};

namespace detail {

[[nodiscard]] inline bool usable_effects(double cluster_size, double icc, double comparisons, double ratio,
                                         double alpha) noexcept
{
    return is_alpha(alpha) && cluster_size >= 1.0 && std::isfinite(cluster_size) && icc >= 0.0 &&
           icc <= 1.0 && comparisons >= 1.0 && std::isfinite(comparisons) && ratio > 0.0 &&
           std::isfinite(ratio);
}

// The power of a t-test. With both tails of a two-sided test it is alpha at effect 0.
[[nodiscard]] inline double t_power(double df, double ncp, double alpha, side alternative,
                                    bool both_tails) noexcept
{
    if (!(df > 0.0)) {
        return not_a_number;
    }
    const double critical = student_t_upper_quantile(alternative == side::two ? 0.5 * alpha : alpha, df);
    if (alternative != side::two) {
        return noncentral_t_sf(critical, df, alternative == side::greater ? ncp : -ncp);
    }
    const double right_side = noncentral_t_sf(critical, df, std::fabs(ncp));
    return both_tails ? right_side + noncentral_t_sf(critical, df, -std::fabs(ncp)) : right_side;
}

// The x in [low, high] with f(x) = target for an increasing f, by halving the exponent and then the Illinois method. NaN
// where the target is not between the values at the ends.
template <class Function>
[[nodiscard]] double solve_increasing(Function f, double target, double low, double high) noexcept
{
    illinois_bracket at{low, high, f(low) - target, f(high) - target};
    if (!(at.at_low <= 0.0 && at.at_high >= 0.0)) {
        return at.at_low > 0.0 ? low : not_a_number;
    }
    while (at.high > 4.0 * at.low) {
        const double x = std::sqrt(at.low) * std::sqrt(at.high);
        const double value = f(x) - target;
        if (std::isnan(value)) {
            return not_a_number;
        }
        at.narrow(x, value);
    }
    at = {at.low, at.high, f(at.low) - target, f(at.high) - target};  // without the halved values
    if (at.at_low == 0.0) {
        return at.low;
    }
    const solution found = illinois_root(
        at, [&](double x) { return f(x) - target; },
        [](const illinois_bracket& b, double value) {
            return std::fabs(value) < 1e-14 || !(b.high - b.low > 1e-15 * b.high);
        });
    return found.converged ? found.at : not_a_number;
}

}  // namespace detail

/// Return the power of a design with `n` units in the first sample (n times `ratio` in the second).
///
/// n need not be a whole number.
/// errors: NaN for a design out of its domain, or without degrees of freedom.
/// cost: about 20 us.
/// source: non-central t, both tails; Kish 1965 (design effect); Deng et al. 2013 (covariate); Welch 1947 (unequal
///     variances, with the degrees of freedom of the true ones).
[[nodiscard]] inline double power(const mean_design& design, double n) noexcept
{
    const double sd_second = std::isnan(design.sd_second) ? design.sd : design.sd_second;
    if (!detail::usable_effects(design.cluster_size, design.icc, design.comparisons, design.ratio,
                                design.alpha) ||
        !(std::isfinite(design.effect) && std::isfinite(design.null) && design.sd > 0.0 && sd_second > 0.0 &&
          std::isfinite(design.sd) && std::isfinite(sd_second) && std::fabs(design.correlation) < 1.0 &&
          n > 0.0 && std::isfinite(n))) {
        return not_a_number;
    }
    const double inflation = (1.0 + (design.cluster_size - 1.0) * design.icc) * (1.0 - design.correlation) *
                             (1.0 + design.correlation);
    const double a = design.sd * design.sd * inflation / n;
    const double b = sd_second * sd_second * inflation / (n * design.ratio);
    // Clusters, not units, are independent.
    const double m1 = n / design.cluster_size;
    const double m2 = n * design.ratio / design.cluster_size;
    const double share = a / (a + b);
    const double df = std::isnan(design.sd_second)
                          ? m1 + m2 - 2.0
                          : 1.0 / (share * share / (m1 - 1.0) + (1.0 - share) * (1.0 - share) / (m2 - 1.0));
    if (!(m1 > 1.0 && m2 > 1.0)) {
        return not_a_number;
    }
    return detail::t_power(df, (design.effect - design.null) / std::sqrt(a + b),
                           design.alpha / design.comparisons, design.alternative, design.both_tails);
}

/// Return the power with `n` pairs.
[[nodiscard]] inline double power(const paired_design& design, double n) noexcept
{
    if (!detail::usable_effects(1.0, 0.0, design.comparisons, 1.0, design.alpha) ||
        !(std::isfinite(design.effect) && std::isfinite(design.null) && design.sd > 0.0 &&
          std::isfinite(design.sd) && n > 1.0 && std::isfinite(n))) {
        return not_a_number;
    }
    return detail::t_power(n - 1.0, (design.effect - design.null) / design.sd * std::sqrt(n),
                           design.alpha / design.comparisons, design.alternative, design.both_tails);
}

/// Return the power with `n` units in the first sample, by the normal approximation.
///
/// Only the tail on the side of the true difference counts, as in the usual tables.
/// assumes: several dozen successes and failures per sample.
/// source: Fleiss, Levin and Paik 2003, chapter 4, without continuity correction.
[[nodiscard]] inline double power(const proportion_design& design, double n) noexcept
{
    if (!detail::usable_effects(design.cluster_size, design.icc, design.comparisons, design.ratio,
                                design.alpha) ||
        !(design.first > 0.0 && design.first < 1.0 && design.second > 0.0 && design.second < 1.0 && n > 0.0 &&
          std::isfinite(n))) {
        return not_a_number;
    }
    const double alpha = design.alpha / design.comparisons;
    const double z = normal_upper_quantile(design.alternative == side::two ? 0.5 * alpha : alpha);
    const double inflation = 1.0 + (design.cluster_size - 1.0) * design.icc;
    const double pooled = (design.first + design.ratio * design.second) / (1.0 + design.ratio);
    const double under_null = pooled * (1.0 - pooled) * (1.0 + 1.0 / design.ratio) * inflation / n;
    const double variance =
        (design.first * (1.0 - design.first) + design.second * (1.0 - design.second) / design.ratio) *
        inflation / n;
    const double difference = design.first - design.second;
    const double distance = design.alternative == side::two       ? std::fabs(difference)
                            : design.alternative == side::greater ? difference
                                                                  : -difference;
    return normal_cdf((distance - z * std::sqrt(under_null)) / std::sqrt(variance));
}

/// Return the number of units in the first sample at which the design has `target` power, not rounded up.
///
/// errors: NaN for a design out of its domain, a target that is not between its level and 1, or an effect on
///     the wrong side.
/// cost: about 1 ms: 15 evaluations of `power`.
[[nodiscard]] inline double sample_size(const mean_design& design, double target) noexcept
{
    const double least = design.cluster_size * std::fmax(1.0, 1.0 / design.ratio) * 1.05;
    if (!detail::is_alpha(target) || std::isnan(power(design, 2.0 * least)) || design.effect == design.null) {
        return not_a_number;
    }
    return detail::solve_increasing([&](double n) { return power(design, n); }, target, least, 1e15);
}

/// Return the number of pairs at which the design has `target` power, not rounded up.
[[nodiscard]] inline double sample_size(const paired_design& design, double target) noexcept
{
    if (!detail::is_alpha(target) || std::isnan(power(design, 4.0)) || design.effect == design.null) {
        return not_a_number;
    }
    return detail::solve_increasing([&](double n) { return power(design, n); }, target, 1.05, 1e15);
}

/// Return the number of units in the first sample for two proportions, in closed form.
[[nodiscard]] inline double sample_size(const proportion_design& design, double target) noexcept
{
    if (!detail::is_alpha(target) || std::isnan(power(design, 1.0)) || design.first == design.second) {
        return not_a_number;
    }
    const double difference = design.first - design.second;
    if ((design.alternative == side::greater && difference < 0.0) ||
        (design.alternative == side::less && difference > 0.0)) {
        return not_a_number;
    }
    const double alpha = design.alpha / design.comparisons;
    const double z = normal_upper_quantile(design.alternative == side::two ? 0.5 * alpha : alpha);
    const double pooled = (design.first + design.ratio * design.second) / (1.0 + design.ratio);
    const double under_null = pooled * (1.0 - pooled) * (1.0 + 1.0 / design.ratio);
    const double variance =
        design.first * (1.0 - design.first) + design.second * (1.0 - design.second) / design.ratio;
    const double root =
        (z * std::sqrt(under_null) - normal_upper_quantile(target) * std::sqrt(variance)) / difference;
    return root * root * (1.0 + (design.cluster_size - 1.0) * design.icc);
}

namespace detail {

template <class Design>
[[nodiscard]] double effect_for_power(Design design, double n, double target) noexcept
{
    const double sign = design.alternative == side::less ? -1.0 : 1.0;
    design.effect = design.null;
    if (!is_alpha(target) || !(target > power(design, n))) {
        return not_a_number;
    }
    const auto at = [&](double distance) {
        Design moved = design;
        moved.effect = design.null + sign * distance;
        return power(moved, n);
    };
    const double scale = design.sd / std::sqrt(n);
    return design.null + sign * solve_increasing(at, target, 1e-6 * scale, 1e6 * scale);
}

}  // namespace detail

/// Return the smallest effect above `null` (below it for `side::less`) that `n` units in the first sample find with
/// `target` power. The `effect` of the design is not used.
///
/// errors: NaN for a design out of its domain or a target that is not between its level and 1.
[[nodiscard]] inline double minimum_detectable_effect(const mean_design& design, double n,
                                                      double target) noexcept
{
    return detail::effect_for_power(design, n, target);
}

/// Return the smallest effect that `n` pairs find with `target` power. The `effect` of the design is not used.
[[nodiscard]] inline double minimum_detectable_effect(const paired_design& design, double n,
                                                      double target) noexcept
{
    return detail::effect_for_power(design, n, target);
}

/// Return the smallest difference from `second` that is found with `target` power: upwards, or downwards for
/// `side::less`. The `first` of the design is not used.
///
/// errors: NaN also where no proportion below 1 (above 0) is far enough.
[[nodiscard]] inline double minimum_detectable_effect(const proportion_design& design, double n,
                                                      double target) noexcept
{
    const bool down = design.alternative == side::less;
    const double room = down ? design.second : 1.0 - design.second;
    if (!detail::is_alpha(target) || !(design.second > 0.0 && design.second < 1.0)) {
        return not_a_number;
    }
    const auto at = [&](double distance) {
        proportion_design moved = design;
        moved.first = down ? design.second - distance : design.second + distance;
        return power(moved, n);
    };
    const double found = detail::solve_increasing(at, target, 1e-12 * room, room * (1.0 - 1e-12));
    return down ? -found : found;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
