// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/stirling.hpp>

#include <boost/math/policies/policy.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>

#include <cmath>
#include <limits>

// The only header that includes Boost.Math: tails and quantiles of the distributions that exact tests and tests of
// fixed sample size need. Upper tails are computed directly, never as one minus a cdf, and each has a logarithm that
// stays finite where the tail underflows. Arguments outside a distribution's domain give NaN; nothing throws.

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

namespace policies = boost::math::policies;

// Promotion to long double would cost speed and differ between platforms. Errors are reported as NaN, not thrown.
using quiet_policy = policies::policy<
    policies::promote_double<false>, policies::promote_float<false>,
    policies::domain_error<policies::ignore_error>, policies::pole_error<policies::ignore_error>,
    policies::overflow_error<policies::ignore_error>, policies::underflow_error<policies::ignore_error>,
    policies::denorm_error<policies::ignore_error>, policies::evaluation_error<policies::ignore_error>,
    policies::rounding_error<policies::ignore_error>>;

// Tails smaller than this are computed through their logarithm.
inline constexpr double safe_tail = 1e-280;

// Is the parameter within the range in which the special functions' own intermediate results cannot overflow?
[[nodiscard]] inline bool positive(double a) noexcept
{
    return a > 1e-30 && a < 1e17;
}

// Boost.Math has all digits while the parameters add up to less than this. Above it the factor x^a y^b / B(a, b) costs
// it one digit for each digit of the sum, and the saddle-point form of stirling.hpp is used instead.
inline constexpr double boost_below = 1000.0;

// Does the saddle-point form hold for these parameters?
[[nodiscard]] inline bool are_large(double a, double b) noexcept
{
    return a + b > boost_below && a > 1e-3 && b > 1e-3;
}

// I_x(a, b) for x and y = 1 - x in [0, 1], with `excess` = a - (a + b) x, which the caller may know better than x.
[[nodiscard]] inline double incomplete_beta(double a, double b, double x, double y, double excess) noexcept
{
    if (!(positive(a) && positive(b) && x >= 0.0 && y >= 0.0 && x <= 1.0 && y <= 1.0)) {
        return not_a_number;
    }
    if (x == 0.0 || y == 0.0) {
        return x == 0.0 ? 0.0 : 1.0;
    }
    if (x < 1e-200) {
        return std::exp(log_incomplete_beta_tail(a, b, x, y));
    }
    if (y < 1e-200) {
        return -std::expm1(log_incomplete_beta_tail(b, a, y, x));
    }
    if (are_large(a, b)) {
        return excess >= 0.0 ? std::exp(log_incomplete_beta_tail(a, b, x, y, excess))
                             : -std::expm1(log_incomplete_beta_tail(b, a, y, x, -excess));
    }
    return x <= y ? boost::math::ibeta(a, b, x, quiet_policy())
                  : boost::math::ibetac(b, a, y, quiet_policy());
}

// The same, where the smaller of x and y is the exact one.
[[nodiscard]] inline double incomplete_beta(double a, double b, double x, double y) noexcept
{
    return incomplete_beta(a, b, x, y, beta_excess(a, b, x, y));
}

// The logarithm of I_x(a, b), with `excess` = a - (a + b) x.
[[nodiscard]] inline double log_incomplete_beta(double a, double b, double x, double y,
                                                double excess) noexcept
{
    if (are_large(a, b) && a < 1e17 && b < 1e17 && x > 0.0 && y > 0.0) {
        return excess >= 0.0 ? log_incomplete_beta_tail(a, b, x, y, excess)
                             : std::log1p(-std::exp(log_incomplete_beta_tail(b, a, y, x, -excess)));
    }
    const double value = incomplete_beta(a, b, x, y);
    if (value > 0.5) {
        return std::log1p(-incomplete_beta(b, a, y, x));
    }
    if (value > safe_tail || std::isnan(value)) {
        return std::log(value);
    }
    if (!(x > 0.0)) {
        return -std::numeric_limits<double>::infinity();
    }
    return log_incomplete_beta_tail(a, b, x, y);
}

[[nodiscard]] inline double log_incomplete_beta(double a, double b, double x, double y) noexcept
{
    return log_incomplete_beta(a, b, x, y, beta_excess(a, b, x, y));
}

// The lower incomplete gamma function P(a, x) and the upper one Q(a, x), for x > 0.
[[nodiscard]] inline double lower_gamma(double a, double x) noexcept
{
    if (a < boost_below) {
        return boost::math::gamma_p(a, x, quiet_policy());
    }
    return x <= a ? std::exp(log_lower_gamma_tail(a, x)) : -std::expm1(log_upper_gamma_tail(a, x));
}

[[nodiscard]] inline double upper_gamma(double a, double x) noexcept
{
    if (a < boost_below) {
        return boost::math::gamma_q(a, x, quiet_policy());
    }
    return x <= a ? -std::expm1(log_lower_gamma_tail(a, x)) : std::exp(log_upper_gamma_tail(a, x));
}

// The logit u of the quantile of a beta variable whose lower tail, at most about one half, is exp(log_p). The
// logarithm of a tail is concave on this scale, so Newton's steps converge from everywhere.
[[nodiscard]] inline double beta_logit_quantile(double log_p, double a, double b) noexcept
{
    // So far out the tail is x^a / (a B(a, b)), and x may be too small for a double.
    constexpr double far = -600.0;
    const double tail = (log_p + std::log(a) + log_beta_function(a, b)) / a;
    if (tail < far) {
        return tail;
    }
    const double width = std::sqrt(1.0 / a + 1.0 / b);
    const double p = std::exp(log_p);
    const double z = normal_upper_quantile(p > 1e-300 ? p : 1e-300);
    const double centre = std::log(a) - std::log(b);
    double start = centre - width * z;
    start = start > far && start < -far ? start : tail < -far ? tail : 0.0;
    const solution found = rising_root(far, -far, start, width, [=](double u, double& slope) {
        const double x = 1.0 / (1.0 + std::exp(-u));
        const double y = 1.0 / (1.0 + std::exp(u));
        const double log_value = log_incomplete_beta(a, b, x, y);
        slope = std::exp(log_beta_term(a, b, x, y) - log_value);
        return log_value - log_p;
    });
    if (found.converged) {
        return found.at;
    }
    // Both parameters tiny: nearly all of the upper part is beyond the scale as well.
    const double above = (std::log(-std::expm1(log_p)) + std::log(b) + log_beta_function(a, b)) / b;
    return above < far ? -above : not_a_number;
}

// One far tail of Student's t, for t^2 / df > 1e200: I_x(a, 1/2) = x^a / (a B(a, 1/2)) (1 + O(x)), x = df / t^2.
[[nodiscard]] inline double log_student_t_far(double log_x, double a) noexcept
{
    return a * log_x - std::log(a) - log_beta_function(a, 0.5) - log_two;
}

[[nodiscard]] inline bool degrees(double df) noexcept
{
    return df > 1e-15;
}

}  // namespace detail

/// Return P(T > t) of Student's t with `df` > 0 degrees of freedom.
///
/// `df` need not be a whole number; an infinite one gives the normal distribution.
/// cost: 0.5 to 2 us for every df
[[nodiscard]] inline double student_t_sf(double t, double df) noexcept
{
    if (!detail::degrees(df) || std::isnan(t)) {
        return not_a_number;
    }
    if (std::isinf(df) || df > 1e17) {
        return normal_sf(t);
    }
    if (std::isinf(t)) {
        return t > 0.0 ? 0.0 : 1.0;
    }
    const double ratio = std::fabs(t) / std::sqrt(df);
    if (ratio > 1e100) {
        const double far = std::exp(detail::log_student_t_far(-2.0 * std::log(ratio), 0.5 * df));
        return t > 0.0 ? far : 1.0 - far;
    }
    const double x = 1.0 / (1.0 + ratio * ratio);
    const double y = ratio * ratio * x;
    const double tail = 0.5 * detail::incomplete_beta(0.5 * df, 0.5, x, y, 0.5 * x * (t - 1.0) * (t + 1.0));
    return t >= 0.0 ? tail : 1.0 - tail;
}

/// Return P(T <= t) of Student's t.
/// cost: as student_t_sf
[[nodiscard]] inline double student_t_cdf(double t, double df) noexcept
{
    return student_t_sf(-t, df);
}

/// Return the natural logarithm of `student_t_sf`, also where that underflows.
/// cost: as student_t_sf
[[nodiscard]] inline double student_t_log_sf(double t, double df) noexcept
{
    if (!detail::degrees(df) || std::isnan(t)) {
        return not_a_number;
    }
    if (std::isinf(df) || df > 1e17) {
        return log_normal_sf(t);
    }
    if (t < 0.0) {
        return std::log1p(-student_t_sf(-t, df));
    }
    const double tail = student_t_sf(t, df);
    if (tail > detail::safe_tail) {
        return std::log(tail);
    }
    if (std::isinf(t)) {
        return -t;
    }
    const double ratio = t / std::sqrt(df);
    if (ratio > 1e100) {
        return detail::log_student_t_far(-2.0 * std::log(ratio), 0.5 * df);
    }
    const double x = 1.0 / (1.0 + ratio * ratio);
    return -detail::log_two + detail::log_incomplete_beta_tail(0.5 * df, 0.5, x, ratio * ratio * x,
                                                               0.5 * x * (t - 1.0) * (t + 1.0));
}

/// Return the density of Student's t.
/// cost: below 0.1 us
[[nodiscard]] inline double student_t_pdf(double t, double df) noexcept
{
    if (!detail::degrees(df)) {
        return not_a_number;
    }
    if (df > 1e17) {
        return normal_pdf(t);
    }
    return std::exp(-0.5 * (df + 1.0) * std::log1p(t / df * t) - 0.5 * std::log(df) -
                    detail::log_beta_function(0.5 * df, 0.5));
}

/// Return the t that Student's variable exceeds with probability `q`; exact also for tiny `q`.
/// cost: 1 to 15 us for every df
[[nodiscard]] inline double student_t_upper_quantile(double q, double df) noexcept
{
    if (!(detail::degrees(df) && q >= 0.0 && q <= 1.0)) {
        return not_a_number;
    }
    if (q == 0.0 || q == 1.0) {
        return q == 0.0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
    }
    if (q == 0.5) {
        return 0.0;
    }
    if (df > 1e17) {
        return normal_upper_quantile(q);
    }
    if (q > 0.5) {
        return -student_t_upper_quantile(1.0 - q, df);
    }
    // t^2 / df is the odds of a beta variable. A q near 1/2 is an upper tail near 0 of the other variable.
    const double u = q <= 0.25 ? -detail::beta_logit_quantile(std::log(2.0 * q), 0.5 * df, 0.5)
                               : detail::beta_logit_quantile(std::log1p(-2.0 * q), 0.5, 0.5 * df);
    return std::exp(0.5 * (std::log(df) + u));
}

/// Return the quantile of Student's t.
/// cost: as student_t_upper_quantile
[[nodiscard]] inline double student_t_quantile(double p, double df) noexcept
{
    return p <= 0.5 ? -student_t_upper_quantile(p, df) : student_t_upper_quantile(1.0 - p, df);
}

/// Return P(X > x) of chi-squared with `df` > 0 degrees of freedom.
/// cost: below 2 us for every df
[[nodiscard]] inline double chi_squared_sf(double x, double df) noexcept
{
    if (!detail::positive(df) || std::isnan(x)) {
        return not_a_number;
    }
    if (!(x > 0.0)) {
        return 1.0;
    }
    return std::isinf(x) ? 0.0 : detail::upper_gamma(0.5 * df, 0.5 * x);
}

/// Return P(X <= x) of chi-squared.
/// cost: as chi_squared_sf
[[nodiscard]] inline double chi_squared_cdf(double x, double df) noexcept
{
    if (!detail::positive(df) || std::isnan(x)) {
        return not_a_number;
    }
    if (!(x > 0.0)) {
        return 0.0;
    }
    return std::isinf(x) ? 1.0 : detail::lower_gamma(0.5 * df, 0.5 * x);
}

/// Return the natural logarithm of `chi_squared_sf`, also where that underflows.
/// cost: as chi_squared_sf
[[nodiscard]] inline double chi_squared_log_sf(double x, double df) noexcept
{
    const double tail = chi_squared_sf(x, df);
    if (tail > 0.5) {
        return std::log1p(-chi_squared_cdf(x, df));
    }
    if (tail > detail::safe_tail || std::isnan(tail) || std::isinf(x)) {
        return std::log(tail);
    }
    return detail::log_upper_gamma_tail(0.5 * df, 0.5 * x);
}

/// Return P(X <= x) of the beta distribution.
/// cost: below 3 us for every a and b
[[nodiscard]] inline double beta_cdf(double x, double a, double b) noexcept
{
    return detail::incomplete_beta(a, b, x, 1.0 - x);
}

/// Return P(X > x) of the beta distribution.
/// cost: as beta_cdf
[[nodiscard]] inline double beta_sf(double x, double a, double b) noexcept
{
    return detail::incomplete_beta(b, a, 1.0 - x, x);
}

/// Return the natural logarithm of `beta_cdf`, also where that underflows.
/// cost: as beta_cdf
[[nodiscard]] inline double beta_log_cdf(double x, double a, double b) noexcept
{
    return detail::log_incomplete_beta(a, b, x, 1.0 - x);
}

namespace detail {

// The logit of the quantile of a beta variable with probability p below it and q = 1 - p above it, of which the
// smaller is exact.
[[nodiscard]] inline double beta_logit(double p, double q, double a, double b) noexcept
{
    return p <= q ? beta_logit_quantile(std::log(p), a, b) : -beta_logit_quantile(std::log(q), b, a);
}

}  // namespace detail

/// Return the quantile of the beta distribution.
///
/// cost: about 10 us.
[[nodiscard]] inline double beta_quantile(double p, double a, double b) noexcept
{
    if (!(detail::positive(a) && detail::positive(b) && p >= 0.0 && p <= 1.0)) {
        return not_a_number;
    }
    return p == 0.0 || p == 1.0 ? p : 1.0 / (1.0 + std::exp(-detail::beta_logit(p, 1.0 - p, a, b)));
}

/// Return the x that a beta variable exceeds with probability `q`.
/// cost: 3 to 10 us for every a and b
[[nodiscard]] inline double beta_upper_quantile(double q, double a, double b) noexcept
{
    if (!(detail::positive(a) && detail::positive(b) && q >= 0.0 && q <= 1.0)) {
        return not_a_number;
    }
    return q == 0.0 || q == 1.0 ? 1.0 - q : 1.0 / (1.0 + std::exp(-detail::beta_logit(1.0 - q, q, a, b)));
}

/// Return P(X > x) of Fisher's F with `d1` and `d2` > 0 degrees of freedom.
/// cost: as beta_cdf
[[nodiscard]] inline double f_sf(double x, double d1, double d2) noexcept
{
    if (!(detail::positive(d1) && detail::positive(d2)) || std::isnan(x)) {
        return not_a_number;
    }
    if (!(x > 0.0)) {
        return 1.0;
    }
    const double ratio = d1 / d2 * x;
    return std::isinf(ratio)
               ? 0.0
               : detail::incomplete_beta(0.5 * d2, 0.5 * d1, 1.0 / (1.0 + ratio), ratio / (1.0 + ratio),
                                         0.5 * d1 * (x - 1.0) / (1.0 + ratio));
}

/// Return the natural logarithm of `f_sf`, also where that underflows.
/// cost: as beta_cdf
[[nodiscard]] inline double f_log_sf(double x, double d1, double d2) noexcept
{
    if (!(detail::positive(d1) && detail::positive(d2)) || std::isnan(x)) {
        return not_a_number;
    }
    if (!(x > 0.0)) {
        return 0.0;
    }
    const double ratio = d1 / d2 * x;
    return std::isinf(ratio)
               ? -ratio
               : detail::log_incomplete_beta(0.5 * d2, 0.5 * d1, 1.0 / (1.0 + ratio), ratio / (1.0 + ratio),
                                             0.5 * d1 * (x - 1.0) / (1.0 + ratio));
}

namespace detail {

[[nodiscard]] inline bool binomial_domain(double n, double p) noexcept
{
    return n >= 0.0 && std::isfinite(n) && p >= 0.0 && p <= 1.0;
}

}  // namespace detail

/// Return P(X <= k) of the binomial distribution.
/// cost: below 3 us for every n
[[nodiscard]] inline double binomial_cdf(double k, double n, double p) noexcept
{
    if (!detail::binomial_domain(n, p) || std::isnan(k)) {
        return not_a_number;
    }
    if (k < 0.0) {
        return 0.0;
    }
    return k >= n ? 1.0 : detail::incomplete_beta(n - k, k + 1.0, 1.0 - p, p);
}

/// Return P(X > k) of the binomial distribution.
/// cost: as binomial_cdf
[[nodiscard]] inline double binomial_sf(double k, double n, double p) noexcept
{
    if (!detail::binomial_domain(n, p) || std::isnan(k)) {
        return not_a_number;
    }
    if (k < 0.0) {
        return 1.0;
    }
    return k >= n ? 0.0 : detail::incomplete_beta(k + 1.0, n - k, p, 1.0 - p);
}

/// Return the natural logarithm of `binomial_cdf`, also where that underflows.
/// cost: as binomial_cdf
[[nodiscard]] inline double binomial_log_cdf(double k, double n, double p) noexcept
{
    if (!detail::binomial_domain(n, p) || std::isnan(k)) {
        return not_a_number;
    }
    if (k < 0.0) {
        return -std::numeric_limits<double>::infinity();
    }
    return k >= n ? 0.0 : detail::log_incomplete_beta(n - k, k + 1.0, 1.0 - p, p);
}

/// Return the natural logarithm of P(X = k) of the binomial distribution.
/// cost: below 0.4 us for every n.
/// source: Loader 2000, saddle-point expansion.
[[nodiscard]] inline double binomial_log_pmf(double k, double n, double p) noexcept
{
    if (!detail::binomial_domain(n, p) || !(k >= 0.0 && k <= n)) {
        return not_a_number;
    }
    if (k == 0.0) {
        return n == 0.0 ? 0.0 : n * std::log1p(-p);
    }
    if (k == n) {
        return n * std::log(p);
    }
    return detail::log_beta_term(k, n - k, p, 1.0 - p) + std::log(n) - std::log(k) - std::log(n - k);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
