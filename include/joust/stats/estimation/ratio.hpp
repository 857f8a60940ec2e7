// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/co_moments.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Name the form of Fieller's set of ratios.
///
/// The set is unbounded where the denominator is not significantly different from zero.
enum class set_shape : std::uint8_t {
    /// All numbers from `lower` to `upper`.
    interval,
    /// All numbers except those in a gap.
    outside,
    /// Every number.
    everything
};

/// Choose how two samples' ratios are compared, and how the interval is computed.
enum class ratio_effect : std::uint8_t {
    /// First minus second.
    difference,
    /// First / second - 1 on the log scale, for positive ratios; the better choice for reports in per cent.
    relative,
    /// First / second - 1 by Fieller's set, which is right even where the second ratio is near zero.
    fieller
};

/// Set up ratio_of_means.
struct ratio_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// How ratios are compared; for one sample only `fieller`, which asks for Fieller's set, differs from the rest.
    ratio_effect effect = ratio_effect::difference;
};

/// Report a ratio, or a comparison of ratios.
struct ratio_result : test_result {
    /// The standard error of the estimate; for `relative`, of the logarithm of the quotient.
    double standard_error = not_a_number;
    /// The form of the set that `lower` and `upper` describe.
    set_shape shape = set_shape::interval;
    /// For `outside`: the lower end of the gap that the set leaves out.
    double gap_lower = not_a_number;
    /// For `outside`: the upper end of the gap that the set leaves out.
    double gap_upper = not_a_number;
    /// The relative standard error of the denominator; of two, the larger.
    double denominator_error = not_a_number;
};

namespace detail {

struct fieller_set {
    set_shape shape = set_shape::interval;
    double lower = not_a_number;
    double upper = not_a_number;
};

// The set of all q with (y - q x)^2 <= k var(y - q x), given r = y / x, the variance of y - r x, var(x), and
// cov(y - r x, x). With d = q - r it is a d^2 + 2 h d - k var <= 0, whose discriminant is a sum of positive terms
// as long as the set is bounded.
[[nodiscard]] inline fieller_set fieller(double r, double x, double residual, double var_x, double cov,
                                         double k) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double a = x * x - k * var_x;
    const double h = k * cov;
    const double discriminant = h * h + a * k * residual;
    if (!(discriminant > 0.0) && !(a > 0.0)) {
        return {set_shape::everything, -infinity, infinity};
    }
    const double root = std::sqrt(discriminant);
    // The roots are d = (-h -+ root) / a; the one whose numerator cancels is computed from their product.
    const double sum = h > 0.0 ? -(h + root) : root - h;
    const double far = sum / a;
    const double near = sum != 0.0 ? -k * residual / sum : 0.0;
    const double low = far < near ? far : near;
    const double high = far < near ? near : far;
    return {a > 0.0 ? set_shape::interval : set_shape::outside, r + low, r + high};
}

inline void take_set(ratio_result& result, const fieller_set& set, double offset) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    result.shape = set.shape;
    if (set.shape == set_shape::interval) {
        result.lower = set.lower - offset;
        result.upper = set.upper - offset;
        return;
    }
    result.lower = -infinity;
    result.upper = infinity;
    if (set.shape == set_shape::outside) {
        result.gap_lower = set.lower - offset;
        result.gap_upper = set.upper - offset;
    }
}

// A sample's ratio with the variance of its estimate by the delta method, from residuals y - r x.
struct ratio_summary {
    double n = 0.0;
    double ratio = not_a_number;
    double variance = not_a_number;           // the variance of the ratio
    double denominator_error = not_a_number;  // the relative standard error of the denominator
    status state = status::too_few;
};

[[nodiscard]] inline ratio_summary summarise_ratio(const co_moments<2>& sample) noexcept
{
    ratio_summary out;
    out.n = static_cast<double>(sample.count());
    if (sample.rejected() != 0) {
        out.state = status::out_of_range;
        return out;
    }
    if (sample.count() < 2) {
        return out;
    }
    const double x = sample.mean(1);
    out.ratio = sample.mean(0) / x;
    if (x == 0.0 || !std::isfinite(out.ratio)) {
        out.state = status::out_of_range;
        return out;
    }
    out.variance = sample.combination({1.0, -out.ratio}) / (out.n * x * x);
    out.denominator_error = std::sqrt(sample.variance(1) / out.n) / std::fabs(x);
    out.state = std::isfinite(out.variance) ? status::ok : status::out_of_range;
    return out;
}

// Satterthwaite's degrees of freedom of a + b, where each is the variance of an estimate with n - 1 degrees of
// freedom.
[[nodiscard]] inline double satterthwaite(double a, double n_a, double b, double n_b) noexcept
{
    const double share = a / (a + b);
    return 1.0 / (share * share / (n_a - 1.0) + (1.0 - share) * (1.0 - share) / (n_b - 1.0));
}

}  // namespace detail

/// Estimate the ratio of the means of two columns (clicks per session, cost per order) with an interval.
///
/// Column 0 is the numerator, column 1 the denominator, and a row is one independent unit (a user, not a session).
/// Totals of clusters as rows make it cluster-robust. The statistic tests a ratio of zero. The delta method is good
/// where the denominator's relative error is small (below 0.1); Fieller's set is valid everywhere.
/// assumes: independent rows, nearly normal means.
/// errors: too_few (fewer than 2 rows), zero_variance (no residual), out_of_range (NaN, infinities, alpha, a
///     denominator whose mean is 0).
/// cost: O(1) from moments, about 2 us; from raw data one pass more.
/// source: Fieller 1954; Deng, Knoblich and Lu 2018, "Applying the delta method in metric analytics".
[[nodiscard]] inline ratio_result ratio_of_means(const co_moments<2>& sample,
                                                 const ratio_options& options = {}) noexcept
{
    const bool by_fieller = options.effect == ratio_effect::fieller;
    ratio_result result;
    result.method = by_fieller ? "ratio of means, Fieller set" : "ratio of means, delta method";
    const detail::ratio_summary s = detail::summarise_ratio(sample);
    result.denominator_error = s.denominator_error;
    if (s.state != status::ok) {
        result.state = s.state;
        return result;
    }
    static_cast<test_result&>(result) = detail::judge_t(result.method, s.ratio, std::sqrt(s.variance),
                                                        s.n - 1.0, {options.alpha, options.alternative});
    result.standard_error = std::sqrt(s.variance);
    if (!by_fieller || result.state != status::ok) {
        return result;
    }
    const double t =
        student_t_upper_quantile(detail::tail_alpha({options.alpha, options.alternative}), s.n - 1.0);
    const double x = sample.mean(1);
    detail::take_set(result,
                     detail::fieller(s.ratio, x, s.variance * x * x, sample.variance(1) / s.n,
                                     sample.combination({1.0, -s.ratio}, {0.0, 1.0}) / s.n, t * t),
                     0.0);
    // (y - q x)^2 <= k var at q = 0 is Student's test of the numerator, which is exact.
    const test_result numerator =
        detail::judge_t(result.method, sample.mean(0), std::sqrt(sample.variance(0) / s.n), s.n - 1.0,
                        {options.alpha, options.alternative});
    if (numerator.state == status::ok) {
        result.statistic = numerator.statistic;
        result.p_value = numerator.p_value;
        result.log_p = numerator.log_p;
    }
    if (result.shape == set_shape::interval) {
        detail::open_end(result, options.alternative);
    }
    return result;
}

/// Compare two samples' ratios of means; where all denominators are 1 it is Welch's t-test.
///
/// assumes: as for one sample
/// errors: as for one sample; out_of_range also for a relative effect with a second ratio of 0, and on the log scale
///     for two ratios of different signs.
/// cost: O(1) from moments, about 2 us; from raw data one pass more.
/// source: as for one sample; Satterthwaite's degrees of freedom.
[[nodiscard]] inline ratio_result ratio_of_means(const co_moments<2>& first, const co_moments<2>& second,
                                                 const ratio_options& options = {}) noexcept
{
    ratio_result result;
    switch (options.effect) {
        case ratio_effect::difference: result.method = "difference of ratios, delta method"; break;
        case ratio_effect::relative: result.method = "relative difference of ratios, log scale"; break;
        case ratio_effect::fieller: result.method = "relative difference of ratios, Fieller set"; break;
    }
    const detail::ratio_summary a = detail::summarise_ratio(first);
    const detail::ratio_summary b = detail::summarise_ratio(second);
    if (a.state != status::ok || b.state != status::ok) {
        result.state = a.state == status::out_of_range || b.state == status::out_of_range
                           ? status::out_of_range
                           : status::too_few;
        return result;
    }
    result.denominator_error = std::fmax(a.denominator_error, b.denominator_error);
    // y1 / x1 - y2 / x2 by its cross product in double-double, because the quotients may be nearly equal.
    const detail::double_double cross =
        detail::add(detail::multiply(first.exact_mean(0), second.exact_mean(1)),
                    detail::negate(detail::multiply(second.exact_mean(0), first.exact_mean(1))));
    const double difference = cross.high / first.mean(1) / second.mean(1);
    const double df = detail::satterthwaite(a.variance, a.n, b.variance, b.n);
    const test_options tail{options.alpha, options.alternative};
    if (options.effect == ratio_effect::difference) {
        result.standard_error = std::sqrt(a.variance + b.variance);
        static_cast<test_result&>(result) =
            detail::judge_t(result.method, difference, result.standard_error, df, tail);
        return result;
    }
    result.estimate = difference / b.ratio;
    // With a negative second ratio, a larger ratio is a smaller one in per cent, so a one-sided alternative would
    // have two meanings.
    if (b.ratio == 0.0 || !std::isfinite(result.estimate) ||
        (b.ratio < 0.0 && options.alternative != side::two)) {
        result.state = status::out_of_range;
        result.estimate = not_a_number;
        return result;
    }
    if (options.effect == ratio_effect::relative) {
        if (!(a.ratio / b.ratio > 0.0)) {
            result.state = status::out_of_range;
            return result;
        }
        const double va = a.variance / (a.ratio * a.ratio);
        const double vb = b.variance / (b.ratio * b.ratio);
        result.standard_error = std::sqrt(va + vb);
        const double estimate = result.estimate;
        static_cast<test_result&>(result) =
            detail::judge_t(result.method, std::log1p(estimate), result.standard_error,
                            detail::satterthwaite(va, a.n, vb, b.n), tail);
        result.estimate = estimate;
        result.lower = std::expm1(result.lower);
        result.upper = std::expm1(result.upper);
        return result;
    }
    // The test of no difference agrees with the set: the set excludes 0 exactly where the test rejects at the same
    // degrees of freedom.
    const double estimate = result.estimate;
    static_cast<test_result&>(result) =
        detail::judge_t(result.method, difference, std::sqrt(a.variance + b.variance), df, tail);
    result.estimate = estimate;
    if (result.state != status::ok) {
        return result;
    }
    const double q = a.ratio / b.ratio;
    result.standard_error = std::sqrt(a.variance + q * q * b.variance) / std::fabs(b.ratio);
    const double t = student_t_upper_quantile(detail::tail_alpha(tail), df);
    // The residual of first - q second has variance va + q^2 vb, and covariance -q vb with the second.
    detail::take_set(
        result,
        detail::fieller(q, b.ratio, a.variance + q * q * b.variance, b.variance, -q * b.variance, t * t),
        1.0);
    if (result.shape == set_shape::interval) {
        detail::open_end(result, options.alternative);
    }
    return result;
}

/// Estimate a ratio of means from raw columns: one unit per position.
///
/// errors: out_of_range for unequal lengths, otherwise as from moments.
/// cost: O(1) from moments, about 2 us; from raw data one pass more.
[[nodiscard]] inline ratio_result ratio_of_means(std::span<const double> numerator,
                                                 std::span<const double> denominator,
                                                 const ratio_options& options = {}) noexcept
{
    co_moments<2> sample;
    if (numerator.size() == denominator.size()) {
        for (std::size_t i = 0; i < numerator.size(); ++i) {
            sample.add(numerator[i], denominator[i]);
        }
        return ratio_of_means(sample, options);
    }
    ratio_result result = ratio_of_means(sample, options);
    result.state = status::out_of_range;
    return result;
}

/// Compare two means relative to the second: first / second - 1, on the log scale or by Fieller's set.
///
/// With `effect` = `difference` it is Welch's t-test.
/// errors: as ratio_of_means.
/// cost: O(1) from moments, about 2 us; from raw data one pass more.
[[nodiscard]] inline ratio_result relative_difference(std::span<const double> x, std::span<const double> y,
                                                      const ratio_options& options = {
                                                          .effect = ratio_effect::relative}) noexcept
{
    co_moments<2> first, second;
    for (const double value : x) {
        first.add(value, 1.0);
    }
    for (const double value : y) {
        second.add(value, 1.0);
    }
    return ratio_of_means(first, second, options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
