// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/order.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose how a test without a p-value (NaN: its status was not ok) is treated.
enum class missing_p : std::uint8_t {
    /// It counts as a test with the largest p-value. It was planned, so the error rate holds whatever the reason.
    counted,
    /// It is left out; right only where the reason is independent of the data of the other tests.
    left_out
};

/// Set up the corrections.
struct multiplicity_options {
    /// The error that all tests together may have.
    double alpha = 0.05;
    /// How tests without a p-value are treated.
    missing_p missing = missing_p::counted;
    /// The number of tests planned, where it is larger than the number given.
    std::size_t tests = 0;
};

/// Report adjusted p-values in the order given, and which hypotheses are rejected.
///
/// `adjusted[i] <= alpha` is rejection at alpha. Equal p-values get equal adjusted ones. A missing p-value
/// stays NaN and is not rejected.
struct multiplicity_result {
    /// The name of the method, for reports.
    std::string_view method{};
    /// The adjusted p-values, in the order given.
    std::vector<double> adjusted{};
    /// 1 where the hypothesis is rejected.
    std::vector<std::uint8_t> rejected{};
    /// How many hypotheses are rejected.
    std::size_t rejections = 0;
    /// How many of the p-values given are NaN.
    std::size_t missing = 0;
    /// The number of tests corrected for.
    std::size_t tests = 0;
    /// For e-values: the smallest rejected e-value is at least this.
    double threshold = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

namespace detail {

enum class step : std::uint8_t { single, down, up };

// The positions of the p-values by rising value. Returns false, with the state set, where there is nothing to correct.
[[nodiscard]] inline bool begin_correction(multiplicity_result& result, std::span<const double> p,
                                           const multiplicity_options& options,
                                           std::vector<std::size_t>& order)
{
    result.adjusted.assign(p.size(), not_a_number);
    result.rejected.assign(p.size(), 0);
    std::vector<std::size_t> present;
    for (std::size_t i = 0; i < p.size(); ++i) {
        if (std::isnan(p[i])) {
            ++result.missing;
        } else if (!(p[i] >= 0.0 && p[i] <= 1.0)) {
            result.state = status::out_of_range;
            return false;
        } else {
            present.push_back(i);
        }
    }
    if (!is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return false;
    }
    const std::size_t given = options.missing == missing_p::counted ? p.size() : present.size();
    result.tests = given > options.tests ? given : options.tests;
    if (present.empty()) {
        return false;
    }
    const std::vector<std::size_t> ranks =
        order_by(present.size(), [&](std::size_t a, std::size_t b) { return p[present[a]] < p[present[b]]; });
    order.reserve(ranks.size());
    for (const std::size_t rank : ranks) {
        order.push_back(present[rank]);
    }
    return true;
}

inline void reject(multiplicity_result& result, const std::vector<std::size_t>& order, double alpha) noexcept
{
    for (const std::size_t i : order) {
        result.rejected[i] = result.adjusted[i] <= alpha ? 1 : 0;
        result.rejections += result.rejected[i];
    }
    result.state = status::ok;
}

// 1 - (1 - p)^m, accurate for a tiny p.
[[nodiscard]] inline double any_of(double p, double m) noexcept
{
    return p < 1.0 ? -std::expm1(m * std::log1p(-p)) : 1.0;
}

// Most corrections are a function of each p-value and its rank r = 1..m, made monotone from one end; Bonferroni's and
// Sidak's are that function alone.
template <class Adjust>
[[nodiscard]] multiplicity_result correct(std::string_view method, std::span<const double> p, step how,
                                          const multiplicity_options& options, Adjust adjust)
{
    multiplicity_result result;
    result.method = method;
    std::vector<std::size_t> order;
    if (!begin_correction(result, p, options, order)) {
        return result;
    }
    const double m = static_cast<double>(result.tests);
    // Tests that are missing or were not given take the last ranks, with a p-value of 1.
    double running = how == step::down ? 0.0 : 1.0;
    const auto visit = [&](std::size_t r) {
        const double value = adjust(p[order[r]], static_cast<double>(r + 1), m);
        if (how == step::down) {
            running = value > running ? value : running;
        } else if (how == step::up) {
            running = value < running ? value : running;
        } else {
            running = value;
        }
        result.adjusted[order[r]] = running < 1.0 ? running : 1.0;
    };
    if (how == step::up) {
        for (std::size_t r = order.size(); r > 0; --r) {
            visit(r - 1);
        }
    } else {
        for (std::size_t r = 0; r < order.size(); ++r) {
            visit(r);
        }
    }
    reject(result, order, options.alpha);
    return result;
}

}  // namespace detail

/// Multiply each p-value by the number of tests: the probability of any false rejection is alpha or less.
///
/// When to use: simultaneous intervals (each at alpha / m) are shown too. When not: only rejections matter; `holm`
/// rejects at least as much under the same conditions.
/// assumes: nothing about how the tests depend on each other.
/// errors: too_few (no p-value), out_of_range (a p-value outside [0, 1], alpha). NaN: see missing_p.
/// cost: O(m) for m p-values; allocates.
/// source: Bonferroni 1936; Dunn 1961.
[[nodiscard]] inline multiplicity_result bonferroni(std::span<const double> p,
                                                    const multiplicity_options& options = {})
{
    return detail::correct("Bonferroni", p, detail::step::single, options,
                           [](double value, double, double m) { return value * m; });
}

/// Correct by Holm's step-down procedure.
///
/// When to use: the default where any false rejection is costly.
/// assumes: as bonferroni
/// errors: as bonferroni.
/// cost: O(m log m) for m p-values; allocates.
/// source: Holm 1979.
[[nodiscard]] inline multiplicity_result holm(std::span<const double> p,
                                              const multiplicity_options& options = {})
{
    return detail::correct("Holm", p, detail::step::down, options,
                           [](double value, double r, double m) { return value * (m - r + 1.0); });
}

/// Correct by Hochberg's step-up procedure: a little more power than Holm's.
///
/// assumes: independent or positively dependent tests (Simes' inequality holds).
/// errors: as bonferroni.
/// cost: O(m log m) for m p-values; allocates.
/// source: Hochberg 1988.
[[nodiscard]] inline multiplicity_result hochberg(std::span<const double> p,
                                                  const multiplicity_options& options = {})
{
    return detail::correct("Hochberg", p, detail::step::up, options,
                           [](double value, double r, double m) { return value * (m - r + 1.0); });
}

/// Replace each p-value by the probability that the smallest of as many independent ones is at most this: 1 - (1 - p)^m.
///
/// When to use: independent tests, or simultaneous intervals each at 1 - (1 - alpha)^(1/m). When not: tests that may
/// depend on each other negatively (`bonferroni`, which costs little).
/// assumes: independent tests, or two-sided tests of normal means with any correlation.
/// errors: as bonferroni.
/// cost: O(m) for m p-values; allocates.
/// source: Sidak 1967, "Rectangular confidence regions for the means of multivariate normal distributions".
[[nodiscard]] inline multiplicity_result sidak(std::span<const double> p,
                                               const multiplicity_options& options = {})
{
    return detail::correct("Sidak", p, detail::step::single, options,
                           [](double value, double, double m) { return detail::any_of(value, m); });
}

/// Correct by Holm's step-down procedure with Sidak's bound at each step: a little more power than either.
///
/// assumes: as sidak.
/// errors: as bonferroni.
/// cost: O(m log m) for m p-values; allocates.
/// source: Holland and Copenhaver 1987.
[[nodiscard]] inline multiplicity_result holm_sidak(std::span<const double> p,
                                                    const multiplicity_options& options = {})
{
    return detail::correct(
        "Holm-Sidak", p, detail::step::down, options,
        [](double value, double r, double m) { return detail::any_of(value, m - r + 1.0); });
}

/// Correct by Hommel's procedure: reject what Simes' test rejects together with every set of the other hypotheses. It
/// rejects at least as much as `hochberg`.
///
/// The adjusted p-value is the largest of Simes' p-values over all sets that hold the hypothesis; for sets of k that is the
/// hypothesis with the k - 1 largest others.
/// assumes: as hochberg.
/// errors: as bonferroni.
/// cost: m^2 steps: 0.1 s for 10,000 tests.
/// source: Hommel 1988, "A stagewise rejective multiple test procedure based on a modified Bonferroni test".
[[nodiscard]] inline multiplicity_result hommel(std::span<const double> p,
                                                const multiplicity_options& options = {})
{
    multiplicity_result result;
    result.method = "Hommel";
    std::vector<std::size_t> order;
    if (!detail::begin_correction(result, p, options, order)) {
        return result;
    }
    const std::size_t m = result.tests;
    // The p-value of rank r + 1; tests that are missing or were not given have 1.
    const auto sorted = [&](std::size_t r) { return r < order.size() ? p[order[r]] : 1.0; };
    std::vector<double> adjusted(order.size(), 0.0);
    for (std::size_t k = 1; k <= m; ++k) {
        const double size = static_cast<double>(k);
        double others = 1.0;  // Simes' terms of the k - 1 largest
        for (std::size_t j = 2; j <= k; ++j) {
            const double term = size * sorted(m - k + j - 1) / static_cast<double>(j);
            others = term < others ? term : others;
        }
        for (std::size_t r = 0; r < order.size(); ++r) {
            const double first = size * sorted(r < m - k ? r : m - k);
            const double simes = first < others ? first : others;
            adjusted[r] = simes > adjusted[r] ? simes : adjusted[r];
        }
    }
    for (std::size_t r = 0; r < order.size(); ++r) {
        // Never below the p-value itself, whatever was rounded.
        result.adjusted[order[r]] = adjusted[r] > p[order[r]] ? adjusted[r] : p[order[r]];
    }
    detail::reject(result, order, options.alpha);
    return result;
}

/// Control the false discovery rate: on average a share alpha of the rejections is false.
///
/// When to use: many exploratory metrics. When not: guardrails, or the decision to ship.
/// assumes: independent or positively dependent tests.
/// errors: as bonferroni.
/// cost: O(m log m) for m p-values; allocates.
/// source: Benjamini and Hochberg 1995.
[[nodiscard]] inline multiplicity_result benjamini_hochberg(std::span<const double> p,
                                                            const multiplicity_options& options = {})
{
    return detail::correct("Benjamini-Hochberg", p, detail::step::up, options,
                           [](double value, double r, double m) { return value * (m / r); });
}

/// Control the false discovery rate under any dependence, at the price of a factor of about log m.
///
/// errors: as bonferroni.
/// cost: O(m log m) for m p-values; allocates.
/// source: Benjamini and Yekutieli 2001.
[[nodiscard]] inline multiplicity_result benjamini_yekutieli(std::span<const double> p,
                                                             const multiplicity_options& options = {})
{
    double harmonic_of = 0.0;
    double harmonic = 0.0;
    return detail::correct("Benjamini-Yekutieli", p, detail::step::up, options,
                           [=](double value, double r, double m) mutable {
                               if (harmonic_of != m) {
                                   harmonic_of = m;
                                   harmonic = 0.0;
                                   for (double i = m; i >= 1.0; i -= 1.0) {
                                       harmonic += 1.0 / i;
                                   }
                               }
                               return value * (m * harmonic / r);
                           });
}

/// Control the false discovery rate with e-values, under any dependence and at any stopping time.
///
/// It rejects the k largest, for the largest k with e_(k) >= m / (alpha k). Pass logarithms, as every sequential test
/// here returns them, because e-values overflow. `adjusted` is the smallest alpha at which each is rejected;
/// `threshold` is m / (alpha k).
/// errors: too_few (no e-values), out_of_range (alpha). NaN: see missing_p. Minus infinity is an e-value of 0.
/// cost: O(m log m) for m p-values; allocates.
/// source: Wang and Ramdas 2022, "False discovery rate control with e-values".
[[nodiscard]] inline multiplicity_result e_bh_log(std::span<const double> log_e,
                                                  const multiplicity_options& options = {})
{
    multiplicity_result result;
    result.method = "e-BH";
    result.adjusted.assign(log_e.size(), not_a_number);
    result.rejected.assign(log_e.size(), 0);
    if (!detail::is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    std::vector<std::size_t> present;
    for (std::size_t i = 0; i < log_e.size(); ++i) {
        if (std::isnan(log_e[i])) {
            ++result.missing;
        } else {
            present.push_back(i);
        }
    }
    const std::size_t given = options.missing == missing_p::counted ? log_e.size() : present.size();
    result.tests = given > options.tests ? given : options.tests;
    if (present.empty()) {
        return result;
    }
    const std::vector<std::size_t> ranks = detail::order_by(
        present.size(), [&](std::size_t a, std::size_t b) { return log_e[present[a]] > log_e[present[b]]; });
    std::vector<std::size_t> order;
    order.reserve(ranks.size());
    for (const std::size_t rank : ranks) {
        order.push_back(present[rank]);
    }
    const double log_m = std::log(static_cast<double>(result.tests));
    const double log_alpha = std::log(options.alpha);
    double log_running = 0.0;
    for (std::size_t k = order.size(); k > 0; --k) {
        const double log_level = log_m - std::log(static_cast<double>(k)) - log_e[order[k - 1]];
        log_running = log_level < log_running ? log_level : log_running;
        result.adjusted[order[k - 1]] = std::exp(log_running);
        // The comparison allows for rounding, so that e = m / (alpha k) itself is rejected.
        if (result.rejections == 0 && log_level <= log_alpha + 1e-14 * (1.0 + std::fabs(log_alpha))) {
            result.rejections = k;
            result.threshold = static_cast<double>(result.tests) / (options.alpha * static_cast<double>(k));
        }
    }
    for (std::size_t k = 0; k < result.rejections; ++k) {
        result.rejected[order[k]] = 1;
    }
    result.state = status::ok;
    return result;
}

/// Control the false discovery rate from the e-values themselves instead of their logarithms.
///
/// errors: out_of_range also for a negative e-value.
/// cost: O(m log m) for m p-values; allocates.
[[nodiscard]] inline multiplicity_result e_bh(std::span<const double> e,
                                              const multiplicity_options& options = {})
{
    std::vector<double> log_e(e.size());
    for (std::size_t i = 0; i < e.size(); ++i) {
        if (e[i] < 0.0) {
            multiplicity_result result = e_bh_log({}, options);
            result.adjusted.assign(e.size(), not_a_number);
            result.rejected.assign(e.size(), 0);
            result.state = status::out_of_range;
            return result;
        }
        log_e[i] = std::log(e[i]);
    }
    return e_bh_log(log_e, options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
