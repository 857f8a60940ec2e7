// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

[[nodiscard]] inline tail_probability student_t_tails(double t, double df, side alternative) noexcept
{
    const double signed_t = alternative == side::two ? std::fabs(t) : alternative == side::greater ? t : -t;
    const double log_tail = student_t_log_sf(signed_t, df);
    if (alternative == side::two) {
        const double p = 2.0 * student_t_sf(signed_t, df);
        return {p < 1.0 ? p : 1.0, doubled(log_tail).log_p};
    }
    return {student_t_sf(signed_t, df), log_tail};
}

// The last part of every t test: from an estimate with its standard error and degrees of freedom to the result.
[[nodiscard]] inline test_result judge_t(std::string_view method, double estimate, double error, double df,
                                         const test_options& options) noexcept
{
    test_result result;
    result.method = method;
    result.estimate = estimate;
    if (!(std::isfinite(estimate) && std::isfinite(error)) || !is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    if (!(error > 0.0)) {
        result.state = status::zero_variance;
        return result;
    }
    result.statistic = estimate / error;
    result.df = df;
    const tail_probability tail = student_t_tails(result.statistic, df, options.alternative);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    const double half = student_t_upper_quantile(tail_alpha(options), df) * error;
    result.lower = estimate - half;
    result.upper = estimate + half;
    open_end(result, options.alternative);
    result.state = status::ok;
    return result;
}

[[nodiscard]] inline bool usable(const sample_summary& s) noexcept
{
    return s.n >= 0.0 && std::isfinite(s.n) && std::isfinite(s.mean) && s.variance >= 0.0 &&
           std::isfinite(s.variance);
}

[[nodiscard]] inline test_result two_sample_t(bool pooled, double difference, const sample_summary& x,
                                              const sample_summary& y, const test_options& options) noexcept
{
    const std::string_view method = pooled ? "Student's t-test, equal variances" : "Welch's t-test";
    test_result result;
    result.method = method;
    if (!(usable(x) && usable(y))) {
        result.state = status::out_of_range;
        return result;
    }
    if (!(x.n >= 2.0 && y.n >= 2.0)) {
        return result;
    }
    if (pooled) {
        const double df = x.n + y.n - 2.0;
        const double variance = ((x.n - 1.0) * x.variance + (y.n - 1.0) * y.variance) / df;
        return judge_t(method, difference, std::sqrt(variance * (1.0 / x.n + 1.0 / y.n)), df, options);
    }
    const double a = x.variance / x.n;
    const double b = y.variance / y.n;
    // (a + b)^2 / (a^2 / (nx - 1) + b^2 / (ny - 1)), computed from shares so that tiny variances do not underflow.
    const double share = a / (a + b);
    const double df = 1.0 / (share * share / (x.n - 1.0) + (1.0 - share) * (1.0 - share) / (y.n - 1.0));
    return judge_t(method, difference, std::sqrt(a + b), df, options);
}

[[nodiscard]] inline test_result two_sample_t(bool pooled, const moments& x, const moments& y,
                                              const test_options& options) noexcept
{
    test_result result = two_sample_t(pooled, x.mean_difference(y), x.summary(), y.summary(), options);
    if (x.rejected() + y.rejected() != 0) {
        const std::string_view method = result.method;
        result = {};
        result.method = method;
        result.state = status::out_of_range;
    }
    return result;
}

}  // namespace detail

/// Compare two means whose variances may differ: Welch's t-test with Satterthwaite's degrees of freedom.
///
/// When to use: metrics per independent unit at one planned look. When not: repeated looks, or units in clusters.
/// assumes: independent observations; nearly normal means (large samples, or nearly normal data).
/// errors: too_few (fewer than 2 in a sample), zero_variance (both constant), out_of_range (NaN, infinities,
///     alpha).
/// cost: 1 to 3 ns per value from raw data; about 2 us from sufficient statistics.
/// source: Welch 1947; Satterthwaite 1946.
[[nodiscard]] inline test_result welch_t(const moments& x, const moments& y,
                                         const test_options& options = {}) noexcept
{
    return detail::two_sample_t(false, x, y, options);
}

/// Compare two means from counts, means and variances (divisor n - 1).
[[nodiscard]] inline test_result welch_t(const sample_summary& x, const sample_summary& y,
                                         const test_options& options = {}) noexcept
{
    return detail::two_sample_t(false, x.mean - y.mean, x, y, options);
}

/// Compare two means from raw samples.
[[nodiscard]] inline test_result welch_t(std::span<const double> x, std::span<const double> y,
                                         const test_options& options = {}) noexcept
{
    return welch_t(moments{x}, moments{y}, options);
}

/// Compare two means that have one common variance.
///
/// When not: variances and counts both differ, which makes its error rate wrong; prefer `welch_t`.
/// cost: as welch_t.
/// source: Student 1908; Fisher 1925.
[[nodiscard]] inline test_result student_t(const moments& x, const moments& y,
                                           const test_options& options = {}) noexcept
{
    return detail::two_sample_t(true, x, y, options);
}

/// Compare two means from counts, means and variances (divisor n - 1).
/// cost: as welch_t
[[nodiscard]] inline test_result student_t(const sample_summary& x, const sample_summary& y,
                                           const test_options& options = {}) noexcept
{
    return detail::two_sample_t(true, x.mean - y.mean, x, y, options);
}

/// Compare two means from raw samples.
/// cost: as welch_t
[[nodiscard]] inline test_result student_t(std::span<const double> x, std::span<const double> y,
                                           const test_options& options = {}) noexcept
{
    return student_t(moments{x}, moments{y}, options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
