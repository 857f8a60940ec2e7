// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/coin.hpp>

#include <cmath>
#include <cstdint>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose the p-value of McNemar's test.
enum class mcnemar_p : std::uint8_t {
    /// Never errs more often than the level.
    exact,
    /// Halves the weight of the observed outcome, which comes closer to the level.
    mid_p,
    /// Chi-squared.
    asymptotic,
    /// Chi-squared with Edwards' continuity correction.
    corrected
};

/// Set up mcnemar.
struct mcnemar_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// How the p-value is computed.
    mcnemar_p p_value = mcnemar_p::exact;
};

namespace detail {

// Tango's score interval of (b - c) / n: z(d) = (b - c - n d) / sqrt(n (2 q + d (1 - d))), where q is the restricted
// maximum likelihood estimate of the second discordant probability, the larger root of a quadratic. At d = 0 it is
// McNemar's z.
[[nodiscard]] inline double tango_limit(double b, double c, double n, double z, double direction) noexcept
{
    const auto excluded = [&](double difference) {
        // 2 n q^2 + linear q + constant = 0 for d >= 0, where the constant is not positive and nothing cancels; for d < 0
        // both counts change places, and q is the first discordant probability.
        const bool negative = difference < 0.0;
        const double d = std::fabs(difference);
        const double other = negative ? b : c;
        const double linear = -(b + c) + d * (2.0 * n + (negative ? b - c : c - b));
        const double constant = -other * d * (1.0 - d);
        const double discriminant = linear * linear - 8.0 * n * constant;
        const double root = std::sqrt(discriminant > 0.0 ? discriminant : 0.0);
        // The larger root, without cancellation.
        const double q = linear <= 0.0 ? (root - linear) / (4.0 * n) : -2.0 * constant / (linear + root);
        const double spread = n * (2.0 * (q > 0.0 ? q : 0.0) + d * (1.0 - d));
        const double gap = b - c - n * difference;
        return gap * gap > z * z * (spread > 0.0 ? spread : 0.0);
    };
    return bisect({(b - c) / n, direction}, excluded).with;
}

[[nodiscard]] inline std::string_view mcnemar_name(mcnemar_p p) noexcept
{
    switch (p) {
        case mcnemar_p::exact: return "McNemar's test, exact";
        case mcnemar_p::mid_p: return "McNemar's test, mid-p";
        case mcnemar_p::asymptotic: return "McNemar's test, asymptotic";
        case mcnemar_p::corrected: return "McNemar's test, continuity corrected";
    }
    return "McNemar's test";
}

inline void mcnemar_tails(test_result& result, double b, double c, const mcnemar_options& options) noexcept
{
    result.method = mcnemar_name(options.p_value);
    const double difference = b - c;
    if (options.p_value == mcnemar_p::exact || options.p_value == mcnemar_p::mid_p) {
        result.statistic = b;
        const tail_probability tail =
            coin_test(b, c, options.p_value == mcnemar_p::mid_p, options.alternative);
        result.p_value = tail.p;
        result.log_p = tail.log_p;
        return;
    }
    double size = std::fabs(difference);
    if (options.p_value == mcnemar_p::corrected) {
        size = size > 1.0 ? size - 1.0 : 0.0;
    }
    const double z = b + c > 0.0 ? std::copysign(size, difference) / std::sqrt(b + c) : 0.0;
    result.statistic = z * z;
    result.df = 1.0;
    const tail_probability tail = normal_tails(z, options.alternative);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
}

// `n` cases, of which only the first classifier gets b right and only the second c; alpha and counts may be anything.
[[nodiscard]] inline test_result mcnemar_of(double b, double c, double n,
                                            const mcnemar_options& options) noexcept
{
    test_result result;
    result.method = mcnemar_name(options.p_value);
    if (!is_alpha(options.alpha) || b > n || c > n - b) {
        result.state = status::out_of_range;
        return result;
    }
    if (n == 0.0) {
        return result;
    }
    mcnemar_tails(result, b, c, options);
    result.estimate = (b - c) / n;
    const double z = normal_upper_quantile(tail_alpha({options.alpha, options.alternative}));
    result.lower = tango_limit(b, c, n, z, -1.0);
    result.upper = tango_limit(b, c, n, z, 1.0);
    open_end(result, options.alternative);
    result.state = status::ok;
    return result;
}

}  // namespace detail

/// Compare two classifiers on the same `n` cases: only the first classifies `b` of them correctly, only the second
/// `c`.
///
/// The estimate is the difference of accuracies (b - c) / n with Tango's score interval.
/// assumes: cases are independent.
/// errors: out_of_range (alpha, b + c > n), too_few for n = 0. Without a discordant case the state is ok: the interval
///     shows what that many equal answers exclude.
/// cost: no Boost.Math; under 10 us at counts of every size.
/// source: McNemar 1947; Tango 1998, "Equivalence test and confidence interval for the difference in
///     proportions for the paired-sample design".
[[nodiscard]] inline test_result mcnemar(std::uint64_t b, std::uint64_t c, std::uint64_t n,
                                         const mcnemar_options& options = {}) noexcept
{
    if (b > n || c > n - b) {
        test_result result;
        result.method = detail::mcnemar_name(options.p_value);
        result.state = status::out_of_range;
        return result;
    }
    return detail::mcnemar_of(static_cast<double>(b), static_cast<double>(c), static_cast<double>(n),
                              options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
