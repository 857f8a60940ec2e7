// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Hold one stratum of a comparison of two proportions: successes and failures of the first sample, then of the second.
struct two_by_two {
    /// Successes of the first sample.
    std::uint64_t a = 0;
    /// Failures of the first sample.
    std::uint64_t b = 0;
    /// Successes of the second sample.
    std::uint64_t c = 0;
    /// Failures of the second sample.
    std::uint64_t d = 0;
    /// Compare all members.
    bool operator==(const two_by_two&) const = default;
};

/// Set up cochran_mantel_haenszel.
struct mantel_haenszel_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for; greater means an odds ratio above 1.
    side alternative = side::two;
    /// Correct the normal limit by one half.
    bool continuity = false;
};

/// Compare two proportions within strata (countries, days, devices): the test of Cochran, Mantel and Haenszel.
///
/// The estimate is the common odds ratio of Mantel and Haenszel, first against second, with the interval of Robins, Breslow
/// and Greenland. `statistic` is chi-squared with one degree of freedom. Strata in which both samples succeed alike, or one
/// sample is empty, say nothing and are left out.
///
/// When to use: shares or rates that differ between strata, where a table of the totals would show a difference that no
/// stratum has (Simpson's paradox). When not: odds ratios that differ in direction between strata; test each.
/// assumes: independent units; one odds ratio in all strata for the estimate, not for the test.
/// errors: out_of_range (alpha, counts above 2^52), too_few (no stratum with both samples), zero_variance (no stratum says
///     anything: p is 1).
/// cost: one pass, no Boost.Math.
/// source: Mantel and Haenszel 1959; Robins, Breslow and Greenland 1986, "Estimators of the Mantel-Haenszel variance
///     consistent in both sparse data and large-strata limiting models".
[[nodiscard]] inline test_result cochran_mantel_haenszel(std::span<const two_by_two> strata,
                                                         const mantel_haenszel_options& options = {}) noexcept
{
    test_result result;
    result.method = options.continuity ? "Cochran-Mantel-Haenszel test, continuity corrected"
                                       : "Cochran-Mantel-Haenszel test";
    constexpr std::uint64_t most = std::uint64_t{1} << 52U;
    bool usable = detail::is_alpha(options.alpha);
    for (const two_by_two& s : strata) {
        usable = usable && s.a <= most && s.b <= most && s.c <= most && s.d <= most;
    }
    if (!usable) {
        result.state = status::out_of_range;
        return result;
    }
    double excess = 0.0, variance = 0.0;
    double r = 0.0, s = 0.0, pr = 0.0, mixed = 0.0, qs = 0.0;
    std::size_t compared = 0;
    for (const two_by_two& t : strata) {
        const double a = static_cast<double>(t.a), b = static_cast<double>(t.b);
        const double c = static_cast<double>(t.c), d = static_cast<double>(t.d);
        const double first = a + b, second = c + d, n = first + second;
        if (!(first > 0.0 && second > 0.0)) {
            continue;
        }
        ++compared;
        // a - first (a + c) / n is (a d - b c) / n.
        excess += (std::fma(a, d, -b * c) + std::fma(-b, c, b * c)) / n;
        variance += first / n * (second / n) * (a + c) * ((b + d) / (n - 1.0));
        const double up = a * d / n, down = b * c / n;
        const double p = (a + d) / n, q = (b + c) / n;
        r += up;
        s += down;
        pr += p * up;
        mixed += p * down + q * up;
        qs += q * down;
    }
    if (compared == 0) {
        return result;
    }
    if (!(variance > 0.0)) {
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.lower = 0.0;
        result.upper = std::numeric_limits<double>::infinity();
        result.state = status::zero_variance;
        return result;
    }
    double corrected = excess;
    if (options.continuity) {
        corrected = std::fabs(excess) > 0.5 ? excess - std::copysign(0.5, excess) : 0.0;
    }
    const double z = corrected / std::sqrt(variance);
    result.statistic = z * z;
    result.df = 1.0;
    const detail::tail_probability tail = detail::normal_tails(z, options.alternative);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    result.lower = 0.0;
    result.upper = std::numeric_limits<double>::infinity();
    result.estimate = s > 0.0 ? r / s : std::numeric_limits<double>::infinity();
    if (r > 0.0 && s > 0.0) {
        const double error = std::sqrt(pr / (2.0 * r * r) + mixed / (2.0 * r * s) + qs / (2.0 * s * s));
        const double half =
            normal_upper_quantile(detail::tail_alpha({options.alpha, options.alternative})) * error;
        result.lower = options.alternative == side::less ? 0.0 : result.estimate * std::exp(-half);
        result.upper = options.alternative == side::greater ? std::numeric_limits<double>::infinity()
                                                            : result.estimate * std::exp(half);
    }
    result.state = status::ok;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
