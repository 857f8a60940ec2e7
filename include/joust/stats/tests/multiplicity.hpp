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

// Four corrections are a factor per rank r = 1..m of the sorted p-values, made monotone from one end; Bonferroni is
// that factor alone.
template <class Factor>
[[nodiscard]] multiplicity_result correct(std::string_view method, std::span<const double> p, step how,
                                          const multiplicity_options& options, Factor factor)
{
    multiplicity_result result;
    result.method = method;
    result.adjusted.assign(p.size(), not_a_number);
    result.rejected.assign(p.size(), 0);
    std::vector<std::size_t> present;
    for (std::size_t i = 0; i < p.size(); ++i) {
        if (std::isnan(p[i])) {
            ++result.missing;
        } else if (!(p[i] >= 0.0 && p[i] <= 1.0)) {
            result.state = status::out_of_range;
            return result;
        } else {
            present.push_back(i);
        }
    }
    if (!is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    const std::size_t given = options.missing == missing_p::counted ? p.size() : present.size();
    result.tests = given > options.tests ? given : options.tests;
    if (present.empty()) {
        return result;
    }
    const std::vector<std::size_t> ranks =
        order_by(present.size(), [&](std::size_t a, std::size_t b) { return p[present[a]] < p[present[b]]; });
    std::vector<std::size_t> order;
    order.reserve(ranks.size());
    for (const std::size_t rank : ranks) {
        order.push_back(present[rank]);
    }
    const double m = static_cast<double>(result.tests);
    // Tests that are missing or were not given take the last ranks, with a p-value of 1.
    double running = how == step::down ? 0.0 : 1.0;
    const auto visit = [&](std::size_t r) {
        const double value = p[order[r]] * factor(static_cast<double>(r + 1), m);
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
    for (const std::size_t i : order) {
        result.rejected[i] = result.adjusted[i] <= options.alpha ? 1 : 0;
        result.rejections += result.rejected[i];
    }
    result.state = status::ok;
    return result;
}

}  // namespace detail

/// Multiply each p-value by the number of tests: the probability of any false rejection is alpha or less.
///
/// When to use: simultaneous intervals (each at alpha / m) are shown too. When not: only rejections matter; `holm`
/// rejects at least as much under the same conditions.
/// assumes: nothing about how the tests depend on each other.
/// errors: too_few (no p-value), out_of_range (a p-value outside [0, 1], alpha). NaN: see missing_p.
/// source: Bonferroni 1936; Dunn 1961.
[[nodiscard]] inline multiplicity_result bonferroni(std::span<const double> p,
                                                    const multiplicity_options& options = {})
{
    return detail::correct("Bonferroni", p, detail::step::single, options,
                           [](double, double m) { return m; });
}

/// Correct by Holm's step-down procedure.
///
/// When to use: the default where any false rejection is costly.
/// assumes: as bonferroni
/// errors: as bonferroni.
/// source: Holm 1979.
[[nodiscard]] inline multiplicity_result holm(std::span<const double> p,
                                              const multiplicity_options& options = {})
{
    return detail::correct("Holm", p, detail::step::down, options,
                           [](double r, double m) { return m - r + 1.0; });
}

/// Correct by Hochberg's step-up procedure: a little more power than Holm's.
///
/// assumes: independent or positively dependent tests (Simes' inequality holds).
/// errors: as bonferroni.
/// source: Hochberg 1988.
[[nodiscard]] inline multiplicity_result hochberg(std::span<const double> p,
                                                  const multiplicity_options& options = {})
{
    return detail::correct("Hochberg", p, detail::step::up, options,
                           [](double r, double m) { return m - r + 1.0; });
}

/// Control the false discovery rate: on average a share alpha of the rejections is false.
///
/// When to use: many exploratory metrics. When not: guardrails, or the decision to ship.
/// assumes: independent or positively dependent tests.
/// errors: as bonferroni.
/// source: Benjamini and Hochberg 1995.
[[nodiscard]] inline multiplicity_result benjamini_hochberg(std::span<const double> p,
                                                            const multiplicity_options& options = {})
{
    return detail::correct("Benjamini-Hochberg", p, detail::step::up, options,
                           [](double r, double m) { return m / r; });
}

/// Control the false discovery rate under any dependence, at the price of a factor of about log m.
///
/// errors: as bonferroni.
/// source: Benjamini and Yekutieli 2001.
[[nodiscard]] inline multiplicity_result benjamini_yekutieli(std::span<const double> p,
                                                             const multiplicity_options& options = {})
{
    double harmonic_of = 0.0;
    double harmonic = 0.0;
    return detail::correct("Benjamini-Yekutieli", p, detail::step::up, options,
                           [=](double r, double m) mutable {
                               if (harmonic_of != m) {
                                   harmonic_of = m;
                                   harmonic = 0.0;
                                   for (double i = m; i >= 1.0; i -= 1.0) {
                                       harmonic += 1.0 / i;
                                   }
                               }
                               return m * harmonic / r;
                           });
}

/// Control the false discovery rate with e-values, under any dependence and at any stopping time.
///
/// It rejects the k largest, for the largest k with e_(k) >= m / (alpha k). Pass logarithms, as every sequential test
/// here returns them, because e-values overflow. `adjusted` is the smallest alpha at which each is rejected;
/// `threshold` is m / (alpha k).
/// errors: too_few (no e-values), out_of_range (alpha). NaN: see missing_p. Minus infinity is an e-value of 0.
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
