// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/stirling.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up binomial_test.
struct binomial_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Count half of the probability of the observed outcome (and, two-sided, of outcomes as probable), which comes closer
    /// to the level.
    bool mid_p = false;
};

namespace detail {

// log(exp(a) - exp(b) / 2) for a >= b.
[[nodiscard]] inline double log_without_half(double a, double b) noexcept
{
    return a + std::log1p(-0.5 * std::exp(b < a ? b - a : 0.0));
}

// The p-value of an observed whole number under a law on whole numbers from 0 to `last` (which may be infinite) with one
// mode. log_pmf(x), log_at_most(x) and log_at_least(x) describe it.
//
// Two-sided it is the probability of all outcomes that are no more probable than the observed one, where 1 + 1e-7 times
// as probable counts as equal. On the other side of the mode these are a tail, whose end is found by bisection.
template <class Pmf, class AtMost, class AtLeast>
[[nodiscard]] tail_probability point_p(double observed, double mode, double last, side alternative,
                                       bool mid_p, Pmf log_pmf, AtMost log_at_most,
                                       AtLeast log_at_least) noexcept
{
    const double at = log_pmf(observed);
    double log_p = 0.0;
    if (alternative != side::two) {
        log_p = alternative == side::less ? log_at_most(observed) : log_at_least(observed);
        log_p = mid_p ? log_without_half(log_p, at) : log_p;
    } else {
        const bool low = observed < mode;
        const auto as_rare = [&](double x) { return log_pmf(x) <= at + 1e-7; };
        const bool everything = as_rare(mode);
        // `inside` is not as rare and `outside` is, or is beyond the law.
        double inside = mode;
        double outside = low ? last + 1.0 : -1.0;
        if (!everything && std::isinf(outside)) {
            outside = mode + 1.0;
            for (double step = 1.0; !as_rare(outside); step *= 2.0) {
                inside = outside;
                outside += step;
            }
        }
        while (!everything && std::fabs(outside - inside) > 1.0) {
            const double middle = std::floor(0.5 * (inside + outside));
            if (middle == inside || middle == outside) {
                break;
            }
            (as_rare(middle) ? outside : inside) = middle;
        }
        const double near = low ? log_at_most(observed) : log_at_least(observed);
        const double far =
            low ? (outside <= last ? log_at_least(outside) : -std::numeric_limits<double>::infinity())
                : (outside >= 0.0 ? log_at_most(outside) : -std::numeric_limits<double>::infinity());
        log_p = everything ? 0.0 : log_sum(near, far);
        if (mid_p) {
            // At most one other outcome is as probable: across the mode, or beside it where two outcomes share the mode.
            const auto ties = [&](double x) {
                return x >= 0.0 && x <= last && x != observed && std::fabs(log_pmf(x) - at) <= 1e-7;
            };
            const bool twice = everything ? ties(observed - 1.0) || ties(observed + 1.0) : ties(outside);
            log_p = log_without_half(log_p, twice ? at + log_two : at);
        }
    }
    log_p = log_p < 0.0 ? log_p : 0.0;
    return {std::exp(log_p), log_p};
}

// The p-value of k successes of n, each with probability p = 1 - q, for 0 < p < 1.
[[nodiscard]] inline tail_probability binomial_p(double k, double n, double p, double q, side alternative,
                                                 bool mid_p) noexcept
{
    const auto log_pmf = [&](double x) {
        return x == 0.0 ? n * (p <= q ? std::log1p(-p) : std::log(q))
               : x == n ? n * (p <= q ? std::log(p) : std::log1p(-q))
                        : log_beta_term(x, n - x, p, q) + std::log(n) - std::log(x) - std::log(n - x);
    };
    const auto log_at_most = [&](double x) {
        return x >= n ? 0.0 : x == 0.0 ? log_pmf(0.0) : log_incomplete_beta(n - x, x + 1.0, q, p);
    };
    const auto log_at_least = [&](double x) {
        return x <= 0.0 ? 0.0 : x == n ? log_pmf(n) : log_incomplete_beta(x, n - x + 1.0, p, q);
    };
    const double mode = std::floor((n + 1.0) * p);
    return point_p(k, mode < n ? mode : n, n, alternative, mid_p, log_pmf, log_at_most, log_at_least);
}

}  // namespace detail

/// Test whether k successes of n fit a given probability: the exact binomial test.
///
/// The two-sided p-value is the probability of all outcomes that are no more probable than the observed one; outcomes whose
/// probabilities agree to 1e-7 count as equally probable. The estimate is k / n with the interval of Clopper and Pearson,
/// which does not invert that p-value, so near the level they may disagree.
///
/// When to use: one proportion against a promise (a service level, a vendor's figure). When not: two samples
/// (`two_proportion_z`, `fisher_exact`); a fair coin (`sign_test`, which needs no Boost.Math).
/// assumes: independent trials with one probability.
/// errors: out_of_range (k > n, a probability outside [0, 1], alpha, n above 2^53), too_few (n = 0).
/// cost: two incomplete beta functions and about 50 probabilities, some microseconds.
/// source: Clopper and Pearson 1934; Loader 2000 for the probabilities.
[[nodiscard]] inline test_result binomial_test(std::uint64_t k, std::uint64_t n, double probability,
                                               const binomial_options& options = {}) noexcept
{
    test_result result;
    result.method = options.mid_p ? "exact binomial test, mid-p" : "exact binomial test";
    if (k > n || n > (std::uint64_t{1} << 53U) || !(probability >= 0.0 && probability <= 1.0) ||
        !detail::is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    if (n == 0) {
        return result;
    }
    const double successes = static_cast<double>(k);
    const double all = static_cast<double>(n);
    result.statistic = successes;
    result.estimate = successes / all;
    const double level = options.alternative == side::two ? options.alpha : 2.0 * options.alpha;
    const bounds ends = level < 1.0 ? clopper_pearson_interval(k, n, level) : bounds{0.0, 1.0};
    result.lower = options.alternative == side::less ? 0.0 : ends.lower;
    result.upper = options.alternative == side::greater ? 1.0 : ends.upper;
    if (probability == 0.0 || probability == 1.0) {
        // Only one outcome is possible.
        const double only = probability * all;
        const bool within = options.alternative == side::less      ? successes >= only
                            : options.alternative == side::greater ? successes <= only
                                                                   : successes == only;
        result.p_value = !within ? 0.0 : options.mid_p && successes == only ? 0.5 : 1.0;
        result.log_p = std::log(result.p_value);
        result.state = status::ok;
        return result;
    }
    const detail::tail_probability tail = detail::binomial_p(successes, all, probability, 1.0 - probability,
                                                             options.alternative, options.mid_p);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    result.state = status::ok;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
