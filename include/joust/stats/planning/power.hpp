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

/// Describe two proportions that are compared at one look: by the pooled z-test, or against a margin by the score test.
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
    /// The difference, first minus second, that is tested against: minus the margin for non-inferiority of the first where
    /// more is better (with side::greater), plus the margin where less is better (with side::less).
    double null = 0.0;
};

/// Describe two proportions of the same units (two classifiers on one set of cases) that McNemar's test compares, or the score
/// test of a margin.
struct paired_proportion_design {
    /// The probability that only the first succeeds.
    double first_only = not_a_number;
    /// The probability that only the second succeeds.
    double second_only = not_a_number;
    /// The level of the test.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// The number of challengers; each is compared at alpha / comparisons.
    double comparisons = 1.0;
    /// The difference of the proportions, first minus second, that is tested against: minus the margin for non-inferiority
    /// of the first (with side::greater), as a gate tests it.
    double null = 0.0;
};

/// Describe two event rates that the score test compares at one look (`poisson_rate_test`).
struct rate_design {
    /// The true first rate: events per unit of exposure.
    double first = not_a_number;
    /// The true second rate.
    double second = not_a_number;
    /// The level of the test.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Exposure of the second sample per exposure of the first.
    double ratio = 1.0;
    /// The ratio of rates, first divided by second, that is tested against: above 1 for non-inferiority of errors (with
    /// side::less).
    double null_ratio = 1.0;
    /// By how much the variance of a count exceeds its mean, where events come in clusters.
    double dispersion = 1.0;
    /// The number of challengers; each is compared at alpha / comparisons.
    double comparisons = 1.0;
};

namespace detail {

// The variance, times n, of a difference of two proportions whose null is `null`, at the restricted maximum of the
// likelihood of the expected counts. source: Farrington and Manning 1990, method 3.
[[nodiscard]] inline double variance_at_margin(const proportion_design& design) noexcept
{
    if (design.null == 0.0) {
        const double pooled = (design.first + design.ratio * design.second) / (1.0 + design.ratio);
        return pooled * (1.0 - pooled) * (1.0 + 1.0 / design.ratio);
    }
    const auto falls = [&](double p2) {
        const double p1 = p2 + design.null;
        return design.first / p1 + design.ratio * design.second / p2 - (1.0 - design.first) / (1.0 - p1) -
                   design.ratio * (1.0 - design.second) / (1.0 - p2) <
               0.0;
    };
    const double low = design.null < 0.0 ? -design.null : 0.0;
    const double high = design.null > 0.0 ? 1.0 - design.null : 1.0;
    const bracket at = bisect({low, high}, falls);
    const double p2 = middle_of(at);
    const double p1 = p2 + design.null;
    return p1 * (1.0 - p1) + p2 * (1.0 - p2) / design.ratio;
}

// The quantile of a level that is divided over comparisons.
[[nodiscard]] inline double critical_z(double alpha, side alternative, double comparisons) noexcept
{
    const double level = alpha / comparisons;
    return normal_upper_quantile(alternative == side::two ? 0.5 * level : level);
}

// How far the truth is on the side that a test looks for, by its sign; NaN on the other side.
[[nodiscard]] inline double towards(double difference, side alternative) noexcept
{
    const double distance = alternative == side::two       ? std::fabs(difference)
                            : alternative == side::greater ? difference
                                                           : -difference;
    return distance > 0.0 ? distance : not_a_number;
}

// The size at which a normal test with these variances (times n) of one unit has the power.
[[nodiscard]] inline double normal_size(double distance, double z, double at_null, double variance,
                                        double target) noexcept
{
    const double root =
        (z * std::sqrt(at_null) - normal_upper_quantile(target) * std::sqrt(variance)) / distance;
    return root > 0.0 ? root * root : not_a_number;
}

[[nodiscard]] inline bool usable(const paired_proportion_design& design) noexcept
{
    return is_alpha(design.alpha) && design.first_only >= 0.0 && design.second_only >= 0.0 &&
           design.first_only + design.second_only > 0.0 && design.first_only + design.second_only <= 1.0 &&
           std::fabs(design.null) < 1.0 && design.comparisons >= 1.0 && std::isfinite(design.comparisons);
}

[[nodiscard]] inline bool usable(const rate_design& design) noexcept
{
    const auto positive_number = [](double x) { return x > 0.0 && std::isfinite(x); };
    return is_alpha(design.alpha) && positive_number(design.first) && positive_number(design.second) &&
           positive_number(design.ratio) && positive_number(design.null_ratio) && design.dispersion >= 1.0 &&
           std::isfinite(design.dispersion) && design.comparisons >= 1.0 && std::isfinite(design.comparisons);
}

// Both variances of the paired difference, times n: under the null and as it is.
struct size_parts {
    double distance;
    double at_null;
    double variance;
};

[[nodiscard]] inline size_parts parts_of(const paired_proportion_design& design) noexcept
{
    const double difference = design.first_only - design.second_only;
    const double apart = design.first_only + design.second_only;
    // The second discordant probability at the restricted maximum of the likelihood, as in Tango's interval; at a null of
    // 0 the variance is `apart`.
    const double d = design.null;
    const double linear = -apart + d * (2.0 - difference);
    const double constant = -design.second_only * d * (1.0 - d);
    const double discriminant = linear * linear - 8.0 * constant;
    const double root = std::sqrt(discriminant > 0.0 ? discriminant : 0.0);
    const double q = linear <= 0.0 ? 0.25 * (root - linear) : -2.0 * constant / (linear + root);
    return {towards(difference - d, design.alternative), 2.0 * (q > 0.0 ? q : 0.0) + d * (1.0 - d),
            apart - difference * difference};
}

[[nodiscard]] inline size_parts parts_of(const rate_design& design) noexcept
{
    const double r = design.null_ratio;
    // The second rate at the restricted maximum of the likelihood.
    const double base = (design.first + design.ratio * design.second) / (r + design.ratio);
    return {towards(design.first - r * design.second, design.alternative),
            design.dispersion * r * base * (1.0 + r / design.ratio),
            design.dispersion * (design.first + r * r * design.second / design.ratio)};
}

// The power of a score test whose design has these parts.
template <class Design>
[[nodiscard]] double score_test_power(const Design& design, double n) noexcept
{
    if (!usable(design) || !(n > 0.0 && std::isfinite(n))) {
        return not_a_number;
    }
    const size_parts parts = parts_of(design);
    const double z = critical_z(design.alpha, design.alternative, design.comparisons);
    return normal_cdf((parts.distance * std::sqrt(n) - z * std::sqrt(parts.at_null)) /
                      std::sqrt(parts.variance));
}

// The size at which it has the power.
template <class Design>
[[nodiscard]] double score_test_size(const Design& design, double target) noexcept
{
    if (!is_alpha(target) || !usable(design)) {
        return not_a_number;
    }
    const size_parts parts = parts_of(design);
    return normal_size(parts.distance, critical_z(design.alpha, design.alternative, design.comparisons),
                       parts.at_null, parts.variance, target);
}

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
/// Only the tail on the side of the true difference counts, as in the usual tables. With a margin (`null`) it is the power of
/// the score test of that difference, which `non_inferiority` of two proportions is.
/// assumes: several dozen successes and failures per sample.
/// errors: NaN for a design out of its domain, or a margin that is not between -1 and 1.
/// source: Fleiss, Levin and Paik 2003, chapter 4, without continuity correction; Farrington and Manning 1990, "Test
///     statistics and sample size formulae for comparative binomial trials" (margin).
[[nodiscard]] inline double power(const proportion_design& design, double n) noexcept
{
    if (!detail::usable_effects(design.cluster_size, design.icc, design.comparisons, design.ratio,
                                design.alpha) ||
        !(design.first > 0.0 && design.first < 1.0 && design.second > 0.0 && design.second < 1.0 && n > 0.0 &&
          std::isfinite(n) && std::fabs(design.null) < 1.0)) {
        return not_a_number;
    }
    const double z = detail::critical_z(design.alpha, design.alternative, design.comparisons);
    const double inflation = 1.0 + (design.cluster_size - 1.0) * design.icc;
    const double under_null = detail::variance_at_margin(design) * inflation / n;
    const double variance =
        (design.first * (1.0 - design.first) + design.second * (1.0 - design.second) / design.ratio) *
        inflation / n;
    const double difference = design.first - design.second - design.null;
    const double distance = design.alternative == side::two       ? std::fabs(difference)
                            : design.alternative == side::greater ? difference
                                                                  : -difference;
    return normal_cdf((distance - z * std::sqrt(under_null)) / std::sqrt(variance));
}

/// Return the power with `n` pairs, by the normal approximation of McNemar's test.
///
/// errors: NaN for a design out of its domain, or a true difference that is the null or on the other side of it.
/// source: Connor 1987, "Sample size for testing differences in proportions for the paired-sample design"; Nam 1997,
///     "Establishing equivalence of two treatments and sample size requirements in matched-pairs design" (margin).
[[nodiscard]] inline double power(const paired_proportion_design& design, double n) noexcept
{
    return detail::score_test_power(design, n);
}

/// Return the power with an exposure of `n` in the first sample (n times `ratio` in the second), by the normal approximation of
/// the score test of two rates.
///
/// assumes: some dozen events in each sample.
/// errors: as for pairs.
/// source: Ng and Tang 2005, "Testing the equality of two Poisson means using the rate ratio".
[[nodiscard]] inline double power(const rate_design& design, double n) noexcept
{
    return detail::score_test_power(design, n);
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

/// Return the number of units in the first sample for two proportions, in closed form. With a margin, `first` and `second`
/// may be equal: how many units show that a change costs no more than the margin?
[[nodiscard]] inline double sample_size(const proportion_design& design, double target) noexcept
{
    if (!detail::is_alpha(target) || std::isnan(power(design, 1.0))) {
        return not_a_number;
    }
    const double variance =
        design.first * (1.0 - design.first) + design.second * (1.0 - design.second) / design.ratio;
    return detail::normal_size(
               detail::towards(design.first - design.second - design.null, design.alternative),
               detail::critical_z(design.alpha, design.alternative, design.comparisons),
               detail::variance_at_margin(design), variance, target) *
           (1.0 + (design.cluster_size - 1.0) * design.icc);
}

/// Return the number of pairs for two proportions of the same units, in closed form.
[[nodiscard]] inline double sample_size(const paired_proportion_design& design, double target) noexcept
{
    return detail::score_test_size(design, target);
}

/// Return the exposure of the first sample for two event rates, in closed form.
[[nodiscard]] inline double sample_size(const rate_design& design, double target) noexcept
{
    return detail::score_test_size(design, target);
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
/// cost: a search over `power`: some dozen values of it.
[[nodiscard]] inline double minimum_detectable_effect(const mean_design& design, double n,
                                                      double target) noexcept
{
    return detail::effect_for_power(design, n, target);
}

/// Return the smallest effect that `n` pairs find with `target` power. The `effect` of the design is not used.
/// cost: a search over `power`: some dozen values of it.
[[nodiscard]] inline double minimum_detectable_effect(const paired_design& design, double n,
                                                      double target) noexcept
{
    return detail::effect_for_power(design, n, target);
}

/// Return the smallest difference from `second` that is found with `target` power: upwards, or downwards for
/// `side::less`. The `first` of the design is not used.
///
/// errors: NaN also where no proportion below 1 (above 0) is far enough.
/// cost: a search over `power`: some dozen values of it.
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
