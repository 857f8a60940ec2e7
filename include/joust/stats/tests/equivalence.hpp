// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose what margins are measured in.
enum class margin_kind : std::uint8_t {
    /// Units of the metric: first - second.
    absolute,
    /// Shares of the second: first / second - 1.
    relative
};

/// Set up tost: the largest differences that still count as equal. Both margins are signed.
struct equivalence_options {
    /// The lower margin.
    double lower = not_a_number;
    /// The upper margin.
    double upper = not_a_number;
    /// What the margins are measured in.
    margin_kind kind = margin_kind::absolute;
    /// The level of each one-sided test.
    double alpha = 0.05;
};

/// Set up non_inferiority and superiority.
struct margin_options {
    /// How much worse the first may be, or how much better it has to be; not negative.
    double margin = 0.0;
    /// What the margin is measured in.
    margin_kind kind = margin_kind::absolute;
    /// True where smaller values of the metric are better.
    bool lower_is_better = false;
    /// The level of the one-sided test.
    double alpha = 0.05;
};

/// Report two one-sided tests; `p_value` is the larger one, and the interval has level 1 - 2 alpha.
struct equivalence_result : test_result {
    /// The statistic of the test against "not above the lower margin".
    double statistic_lower = not_a_number;
    /// The p-value of the test against "not above the lower margin".
    double p_lower = not_a_number;
    /// The statistic of the test against "not below the upper margin".
    double statistic_upper = not_a_number;
    /// The p-value of the test against "not below the upper margin".
    double p_upper = not_a_number;
    /// True where both tests reject; the interval is then within the margins.
    bool equivalent = false;
};

namespace detail {

// A comparison of means that can test any difference: shifted(d, side) tests first - second (or first / second - 1)
// against d. compared_proportions has the same interface.
struct compared_means {
    double difference;
    sample_summary x, y;
    margin_kind kind;

    [[nodiscard]] double estimate() const noexcept
    {
        return kind == margin_kind::absolute ? difference : difference / y.mean;
    }

    // The relative null mx = (1 + d) my is linear, so its test needs no delta method.
    [[nodiscard]] test_result shifted(double d, side alternative, double alpha) const noexcept
    {
        const test_options options{alpha, alternative};
        if (kind == margin_kind::absolute) {
            return two_sample_t(false, difference - d, x, y, options);
        }
        const double factor = 1.0 + d;
        test_result result = two_sample_t(false, difference - d * y.mean, x,
                                          {y.n, y.mean, y.variance * factor * factor}, options);
        if (result.state == status::ok && !(y.mean > 0.0)) {
            result = {.method = result.method, .state = status::out_of_range};
        }
        return result;
    }

    // The end of the interval for an absolute margin, which needs no search.
    [[nodiscard]] double absolute_limit(double outward, double alpha) const noexcept
    {
        const test_result test =
            two_sample_t(false, difference, x, y, {alpha, outward < 0.0 ? side::greater : side::less});
        return outward < 0.0 ? test.lower : test.upper;
    }

    [[nodiscard]] bool margin_allowed(double d) const noexcept
    {
        return std::isfinite(d) && (kind == margin_kind::absolute || d > -1.0);
    }

    // The t-test itself refuses samples that it cannot use.
    [[nodiscard]] static status usable_state() noexcept { return status::ok; }

    [[nodiscard]] double scale() const noexcept
    {
        const double error = std::sqrt(x.variance / x.n + y.variance / y.n);
        return kind == margin_kind::absolute ? error : error / std::fabs(y.mean);
    }
};

struct compared_proportions {
    double k1, n1, k2, n2;
    margin_kind kind;

    [[nodiscard]] double estimate() const noexcept
    {
        return kind == margin_kind::absolute ? k1 / n1 - k2 / n2 : (k1 / n1) / (k2 / n2) - 1.0;
    }

    // The variance at the restricted maximum of the likelihood under p1 = q p2, which is a root of a quadratic
    // written so that nothing cancels.
    [[nodiscard]] double ratio_variance(double q) const noexcept
    {
        const double a = (n1 + n2) * q;
        const double b = n1 * q + k1 + n2 + k2 * q;
        const double c = k1 + k2;
        const double p2 = 2.0 * c / (b + std::sqrt(std::fmax(b * b - 4.0 * a * c, 0.0)));
        const double p1 = q * p2;
        const double variance = p1 * (1.0 - p1) / n1 + q * q * p2 * (1.0 - p2) / n2;
        return (variance > 0.0 ? variance : 0.0) * (n1 + n2) / (n1 + n2 - 1.0);
    }

    [[nodiscard]] test_result shifted(double d, side alternative, double /* alpha */) const noexcept
    {
        test_result result;
        const bool absolute = kind == margin_kind::absolute;
        const double variance = absolute ? restricted_variance(k1, n1, k2, n2, d) : ratio_variance(1.0 + d);
        const double distance = absolute ? k1 / n1 - k2 / n2 - d : k1 / n1 - k2 / n2 - d * (k2 / n2);
        const bool all_alike = k1 + k2 == 0.0 || k1 + k2 == n1 + n2;
        if (std::isnan(variance)) {
            result.state = status::not_converged;
            return result;
        }
        if (!(variance > 0.0) || (all_alike && d == 0.0)) {
            result.state = status::zero_variance;
            return result;
        }
        result.statistic = distance / std::sqrt(variance);
        const tail_probability tail = normal_tails(result.statistic, alternative);
        result.p_value = tail.p;
        result.log_p = tail.log_p;
        result.state = status::ok;
        return result;
    }

    [[nodiscard]] double absolute_limit(double outward, double alpha) const noexcept
    {
        return score_limit(k1, n1, k2, n2, normal_upper_quantile(alpha), outward);
    }

    [[nodiscard]] bool margin_allowed(double d) const noexcept
    {
        return d > -1.0 && (kind == margin_kind::absolute ? d < 1.0 : std::isfinite(d));
    }

    [[nodiscard]] double scale() const noexcept
    {
        const double p = (k1 + k2 + 1.0) / (n1 + n2 + 2.0);
        const double error = std::sqrt(p * (1.0 - p) * (1.0 / n1 + 1.0 / n2));
        return kind == margin_kind::absolute ? error : error / p;
    }

    [[nodiscard]] status usable_state() const noexcept
    {
        if (!(k1 <= n1 && k2 <= n2)) {
            return status::out_of_range;
        }
        if (!(n1 > 0.0 && n2 > 0.0) || (kind == margin_kind::relative && k2 == 0.0)) {
            return status::too_few;
        }
        return status::ok;
    }
};

// The end of the interval that belongs to the test: the difference at which the one-sided p-value is alpha; infinite
// where no difference is rejected. `outward` is -1 for the lower end and 1 for the upper.
template <class Comparison>
[[nodiscard]] double margin_limit(const Comparison& data, double outward, double alpha) noexcept
{
    if (data.kind == margin_kind::absolute) {
        return data.absolute_limit(outward, alpha);
    }
    const side alternative = outward < 0.0 ? side::greater : side::less;
    const auto rejected = [&](double d) {
        if (!data.margin_allowed(d)) {
            return true;
        }
        const test_result test = data.shifted(d, alternative, alpha);
        return test.state == status::ok && test.p_value < alpha;
    };
    double inside = data.estimate();
    double step = data.scale();
    double outside = inside;
    int doublings = 0;
    do {
        outside = inside + outward * step;
        if (rejected(outside)) {
            break;
        }
        inside = outside;
        step *= 2.0;
    } while (++doublings < 60 && std::isfinite(outside));
    if (doublings == 60 || !std::isfinite(outside)) {
        return outward * std::numeric_limits<double>::infinity();
    }
    return bisect({inside, outside}, rejected).without;
}

template <class Comparison>
[[nodiscard]] equivalence_result equivalence_of(const Comparison& data, std::string_view method,
                                                const equivalence_options& options) noexcept
{
    equivalence_result result;
    result.method = method;
    result.state = data.usable_state();
    if (result.state != status::ok) {
        return result;
    }
    if (!is_alpha(options.alpha) || !(options.alpha < 0.5) || !(options.lower < options.upper) ||
        !data.margin_allowed(options.lower) || !data.margin_allowed(options.upper)) {
        result.state = status::out_of_range;
        return result;
    }
    const test_result low = data.shifted(options.lower, side::greater, options.alpha);
    const test_result high = data.shifted(options.upper, side::less, options.alpha);
    if (low.state != status::ok || high.state != status::ok) {
        result.state = low.state != status::ok ? low.state : high.state;
        return result;
    }
    result.statistic_lower = low.statistic;
    result.p_lower = low.p_value;
    result.statistic_upper = high.statistic;
    result.p_upper = high.p_value;
    const test_result& binding = low.log_p > high.log_p ? low : high;
    result.statistic = binding.statistic;
    result.df = binding.df;
    result.p_value = binding.p_value;
    result.log_p = binding.log_p;
    result.estimate = data.estimate();
    result.lower = margin_limit(data, -1.0, options.alpha);
    result.upper = margin_limit(data, 1.0, options.alpha);
    result.equivalent = result.p_value < options.alpha;
    result.state = std::isnan(result.lower + result.upper) ? status::not_converged : status::ok;
    return result;
}

// A one-sided test against `null`, with the bound that belongs to it; `up` says which direction is better.
template <class Comparison>
[[nodiscard]] test_result one_sided_margin(const Comparison& data, std::string_view method, double null,
                                           bool up, const margin_options& options) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    test_result result;
    result.method = method;
    result.state = data.usable_state();
    if (result.state != status::ok) {
        return result;
    }
    if (!is_alpha(options.alpha) || !(options.margin >= 0.0) || !data.margin_allowed(null)) {
        result.state = status::out_of_range;
        return result;
    }
    result = data.shifted(null, up ? side::greater : side::less, options.alpha);
    result.method = method;
    result.estimate = not_a_number;
    result.lower = result.upper = not_a_number;
    if (result.state != status::ok) {
        return result;
    }
    result.estimate = data.estimate();
    result.lower = up ? margin_limit(data, -1.0, options.alpha) : -infinity;
    result.upper = up ? infinity : margin_limit(data, 1.0, options.alpha);
    if (std::isnan(result.lower + result.upper)) {
        result.state = status::not_converged;
    }
    return result;
}

[[nodiscard]] inline compared_means compare(const moments& x, const moments& y, margin_kind kind) noexcept
{
    compared_means data{x.mean_difference(y), x.summary(), y.summary(), kind};
    if (x.rejected() + y.rejected() != 0) {
        data.x.mean = not_a_number;  // so that the comparison is refused as out_of_range
    }
    return data;
}

[[nodiscard]] inline compared_means compare(const sample_summary& x, const sample_summary& y,
                                            margin_kind kind) noexcept
{
    return {x.mean - y.mean, x, y, kind};
}

[[nodiscard]] inline compared_proportions compare(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2,
                                                  std::uint64_t n2, margin_kind kind) noexcept
{
    return {static_cast<double>(k1), static_cast<double>(n1), static_cast<double>(k2),
            static_cast<double>(n2), kind};
}

template <class Comparison>
[[nodiscard]] test_result non_inferior(const Comparison& data, std::string_view method,
                                       const margin_options& options) noexcept
{
    return one_sided_margin(data, method, options.lower_is_better ? options.margin : -options.margin,
                            !options.lower_is_better, options);
}

template <class Comparison>
[[nodiscard]] test_result superior(const Comparison& data, std::string_view method,
                                   const margin_options& options) noexcept
{
    return one_sided_margin(data, method, options.lower_is_better ? -options.margin : options.margin,
                            !options.lower_is_better, options);
}

inline constexpr std::string_view tost_means = "two one-sided Welch tests";
inline constexpr std::string_view tost_shares = "two one-sided score tests of proportions";
inline constexpr std::string_view inferior_means = "non-inferiority, Welch's t-test";
inline constexpr std::string_view inferior_shares = "non-inferiority, score test of proportions";
inline constexpr std::string_view superior_means = "superiority by a margin, Welch's t-test";
inline constexpr std::string_view superior_shares = "superiority by a margin, score test of proportions";

}  // namespace detail

/// Show that two means differ by less than a margin on either side: two one-sided Welch tests.
///
/// A result that is not significant does not prove equality; this test does. Equivalence is shown at `alpha` where
/// both tests reject, which is where the interval (of level 1 - 2 alpha) lies within the margins. Fix the margins
/// before the data. Relative margins test first = (1 + margin) second, which is linear: no delta method is involved.
/// assumes: as welch_t; relative margins a second mean above 0.
/// errors: as welch_t; out_of_range also for margins in the wrong order, a relative one of -1 or below, or a second
///     mean that is not above 0.
/// cost: about 20 us; relative margins 0.4 ms, for the search of their interval.
/// source: Schuirmann 1987; Sasabuchi 1988 (relative margins).
[[nodiscard]] inline equivalence_result tost(const moments& x, const moments& y,
                                             const equivalence_options& options) noexcept
{
    return detail::equivalence_of(detail::compare(x, y, options.kind), detail::tost_means, options);
}

/// Show equivalence from counts, means and variances (divisor n - 1).
[[nodiscard]] inline equivalence_result tost(const sample_summary& x, const sample_summary& y,
                                             const equivalence_options& options) noexcept
{
    return detail::equivalence_of(detail::compare(x, y, options.kind), detail::tost_means, options);
}

/// Show equivalence from raw samples.
[[nodiscard]] inline equivalence_result tost(std::span<const double> x, std::span<const double> y,
                                             const equivalence_options& options) noexcept
{
    return tost(moments{x}, moments{y}, options);
}

/// Show equivalence of two proportions k1 / n1 and k2 / n2, by score tests at the margins.
///
/// errors: out_of_range (k > n, margins), too_few (an empty sample; relative margins without a success in the
///     second), zero_variance.
/// source: Miettinen and Nurminen 1985; Farrington and Manning 1990.
[[nodiscard]] inline equivalence_result tost(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2,
                                             std::uint64_t n2, const equivalence_options& options) noexcept
{
    return detail::equivalence_of(detail::compare(k1, n1, k2, n2, options.kind), detail::tost_shares,
                                  options);
}

/// Show that the first mean is not worse than the second by `margin` or more, one-sided at `alpha`.
///
/// `p_value` is that of "worse by the margin"; `lower` (or `upper`, where lower is better) is the bound on the
/// difference that belongs to it, relative where the margin is.
///
/// When to use: guardrails.
/// assumes: as tost
/// errors: as tost.
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more.
[[nodiscard]] inline test_result non_inferiority(const moments& x, const moments& y,
                                                 const margin_options& options) noexcept
{
    return detail::non_inferior(detail::compare(x, y, options.kind), detail::inferior_means, options);
}

/// Show non-inferiority from counts, means and variances (divisor n - 1).
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more
[[nodiscard]] inline test_result non_inferiority(const sample_summary& x, const sample_summary& y,
                                                 const margin_options& options) noexcept
{
    return detail::non_inferior(detail::compare(x, y, options.kind), detail::inferior_means, options);
}

/// Show non-inferiority from raw samples.
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more
[[nodiscard]] inline test_result non_inferiority(std::span<const double> x, std::span<const double> y,
                                                 const margin_options& options) noexcept
{
    return non_inferiority(moments{x}, moments{y}, options);
}

/// Show non-inferiority of a proportion, by the score test at the margin.
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more
[[nodiscard]] inline test_result non_inferiority(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2,
                                                 std::uint64_t n2, const margin_options& options) noexcept
{
    return detail::non_inferior(detail::compare(k1, n1, k2, n2, options.kind), detail::inferior_shares,
                                options);
}

/// Show that the first mean is better than the second by more than `margin`, one-sided at `alpha`.
///
/// With margin 0 it is the one-sided Welch test.
/// assumes: as tost
/// errors: as tost.
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more.
[[nodiscard]] inline test_result superiority(const moments& x, const moments& y,
                                             const margin_options& options = {}) noexcept
{
    return detail::superior(detail::compare(x, y, options.kind), detail::superior_means, options);
}

/// Show superiority from counts, means and variances (divisor n - 1).
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more
[[nodiscard]] inline test_result superiority(const sample_summary& x, const sample_summary& y,
                                             const margin_options& options = {}) noexcept
{
    return detail::superior(detail::compare(x, y, options.kind), detail::superior_means, options);
}

/// Show superiority from raw samples.
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more
[[nodiscard]] inline test_result superiority(std::span<const double> x, std::span<const double> y,
                                             const margin_options& options = {}) noexcept
{
    return superiority(moments{x}, moments{y}, options);
}

/// Show superiority of a proportion, by the score test at the margin.
/// cost: two t tails, about 2 us, or the proportions' test as tost; from raw data one pass more
[[nodiscard]] inline test_result superiority(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2,
                                             std::uint64_t n2, const margin_options& options = {}) noexcept
{
    return detail::superior(detail::compare(k1, n1, k2, n2, options.kind), detail::superior_shares, options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
