// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/divergence.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

// Measures of how far two histograms over the same fixed cells lie apart. Each name carries its definition, since other
// tools use the same word for different numbers: "Jensen-Shannon" may be a divergence in bits or a distance in nats. p
// is the reference's share of a cell and q the live share. A distance alone is not an alarm; see monitor/alarm.hpp.

namespace joust {
inline namespace v0 {
namespace drift {

/// The counts of one histogram, by cell.
using counts = std::span<const std::uint64_t>;

namespace detail {

[[nodiscard]] inline double total(counts of) noexcept
{
    std::uint64_t sum = 0;
    for (const std::uint64_t n : of) {
        sum += n;
    }
    return static_cast<double>(sum);
}

// Return a d - b c with one rounding error, where the difference of two rounded products would cancel digits (Kahan).
[[nodiscard]] inline double cross(double a, double d, double b, double c) noexcept
{
    const double product = b * c;
    return std::fma(a, d, -product) - std::fma(b, c, -product);
}

// Sum term(p, q, q - p) over cells. The difference is exact to an ulp. Divergences of nearly equal histograms are
// squares of it, and so they keep their digits.
template <class Term>
[[nodiscard]] double sum_over(counts reference, counts live, double add, Term term) noexcept
{
    const auto cells = static_cast<double>(reference.size());
    const double m = total(reference) + add * cells;
    const double n = total(live) + add * cells;
    if (reference.size() != live.size() || !(m > 0.0) || !(n > 0.0)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    double sum = 0.0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        const double a = static_cast<double>(reference[i]) + add;
        const double b = static_cast<double>(live[i]) + add;
        sum += term(a / m, b / n, cross(b, m, a, n) / (m * n));
    }
    return sum;
}

using stats::detail::js_term;
using stats::detail::kl_term;

}  // namespace detail

// All functions below return NaN if the histograms differ in length or one of them is empty. `compare` returns a
// status.

/// Return the population stability index, sum (q - p) ln(q / p), in nats. It is infinite as soon as a cell is empty in
/// one histogram only.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double psi(counts reference, counts live) noexcept
{
    return detail::sum_over(reference, live, 0.0, [](double p, double q, double q_minus_p) {
        if (p == 0.0 && q == 0.0) {
            return 0.0;
        }
        if (p == 0.0 || q == 0.0) {
            return std::numeric_limits<double>::infinity();
        }
        return q_minus_p * std::log1p(q_minus_p / p);
    });
}

/// Return the population stability index with 1/2 added to every count, which is finite for every histogram. This is
/// the one to watch.
///
/// The customary limits (0.1, 0.25) are passed by chance alone with less than some hundred rows, and are too coarse
/// with more than some ten thousand. Compare the index with `psi_null_mean`.
/// cost: one pass over the cells, a logarithm or a root each
/// source: symmetrised Kullback-Leibler divergence (Jeffreys 1946) of shares with Jeffreys smoothing
[[nodiscard]] inline double psi_jeffreys(counts reference, counts live) noexcept
{
    return detail::sum_over(reference, live, 0.5, [](double p, double, double q_minus_p) {
        return q_minus_p * std::log1p(q_minus_p / p);
    });
}

/// Return the population stability index with shares raised to at least `floor` and not renormalised, as some tools
/// compute it.
///
/// Use it only for comparison with those tools, since the floor alone decides what an empty cell contributes.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double psi_floor(counts reference, counts live, double floor) noexcept
{
    return detail::sum_over(reference, live, 0.0, [floor](double p, double q, double) {
        p = p < floor ? floor : p;
        q = q < floor ? floor : q;
        return (q - p) * std::log(q / p);
    });
}

/// Return the mean of the population stability index of two samples from one distribution: (cells - 1) (1/m + 1/n).
/// cost: O(1)
[[nodiscard]] inline double psi_null_mean(std::size_t cells, double reference_rows, double live_rows) noexcept
{
    return (static_cast<double>(cells) - 1.0) * (1.0 / reference_rows + 1.0 / live_rows);
}

/// Return the Kullback-Leibler divergence sum p ln(p / q), with p of `from` and q of `to`, in nats.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double kl_divergence_nats(counts from, counts to) noexcept
{
    return detail::sum_over(from, to, 0.0, [](double p, double q, double q_minus_p) {
        return detail::kl_term(p, q, -q_minus_p);
    });
}

/// Return the Jensen-Shannon divergence in nats, which is symmetric and at most ln 2.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double js_divergence_nats(counts reference, counts live) noexcept
{
    return detail::sum_over(reference, live, 0.0, [](double p, double q, double q_minus_p) {
        return p + q == 0.0 ? 0.0 : detail::js_term(p, q, -q_minus_p);
    });
}

/// Return the Jensen-Shannon divergence in bits, which is symmetric and at most 1.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double js_divergence_bits(counts reference, counts live) noexcept
{
    return js_divergence_nats(reference, live) * 1.4426950408889634074;
}

/// Return the Jensen-Shannon distance: the square root of the divergence in nats.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double js_distance_nats(counts reference, counts live) noexcept
{
    return std::sqrt(js_divergence_nats(reference, live));
}

/// Return the Jensen-Shannon distance: the square root of the divergence in bits.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double js_distance_bits(counts reference, counts live) noexcept
{
    return std::sqrt(js_divergence_bits(reference, live));
}

/// Return the Hellinger distance, sqrt(sum (sqrt p - sqrt q)^2 / 2). It is 0 for equal and 1 for disjoint histograms.
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline double hellinger(counts reference, counts live) noexcept
{
    return std::sqrt(0.5 * detail::sum_over(reference, live, 0.0, [](double p, double q, double q_minus_p) {
                         if (p + q == 0.0) {
                             return 0.0;
                         }
                         const double root = q_minus_p / (std::sqrt(p) + std::sqrt(q));
                         return root * root;
                     }));
}

/// Return the total variation, sum |p - q| / 2: the largest change of the probability of any event.
/// cost: one pass over the cells
[[nodiscard]] inline double total_variation(counts reference, counts live) noexcept
{
    return 0.5 * detail::sum_over(reference, live, 0.0,
                                  [](double, double, double q_minus_p) { return std::abs(q_minus_p); });
}

/// Return the largest change of the share of one cell, max |p - q|.
/// cost: one pass over the cells
[[nodiscard]] inline double l_infinity(counts reference, counts live) noexcept
{
    double largest = 0.0;
    const double checked =
        detail::sum_over(reference, live, 0.0, [&largest](double, double, double q_minus_p) {
            largest = std::abs(q_minus_p) > largest ? std::abs(q_minus_p) : largest;
            return 0.0;
        });
    return checked + largest;
}

/// Hold the measures of how two histograms differ, side by side.
struct comparison {
    /// The number of rows of the reference.
    double reference_rows = 0.0;
    /// The number of live rows.
    double live_rows = 0.0;
    /// The value of drift::psi_jeffreys.
    double psi_jeffreys = stats::not_a_number;
    /// The mean of `psi_jeffreys` if nothing changed.
    double psi_null_mean = stats::not_a_number;
    /// The value of drift::js_divergence_bits.
    double js_divergence_bits = stats::not_a_number;
    /// The value of drift::hellinger.
    double hellinger = stats::not_a_number;
    /// The value of drift::total_variation.
    double total_variation = stats::not_a_number;
    /// The value of drift::l_infinity.
    double l_infinity = stats::not_a_number;
    /// Whether the numbers are valid, and if not, why.
    status state = status::too_few;

    /// Return the stability index minus its mean by chance. It may be negative.
    [[nodiscard]] double effect() const noexcept { return psi_jeffreys - psi_null_mean; }
};

/// Compare live counts with a reference by all measures, over the cells that are not empty in both.
///
/// errors: `too_few` if one side has fewer than `min_rows` rows (below about 200 the stability index is noise); the
/// measures are still set if they exist. `out_of_range` if the numbers of cells differ
/// cost: one pass over the cells, a logarithm or a root each
[[nodiscard]] inline comparison compare(counts reference, counts live, double min_rows = 200.0)
{
    comparison result;
    if (reference.size() != live.size()) {
        result.state = status::out_of_range;
        return result;
    }
    // Cells that are empty on both sides are left out, since smoothing would find a difference between them if the
    // histograms differ in size.
    std::vector<std::uint64_t> before;
    std::vector<std::uint64_t> now;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        if (reference[i] + live[i] > 0) {
            before.push_back(reference[i]);
            now.push_back(live[i]);
        }
    }
    result.reference_rows = detail::total(before);
    result.live_rows = detail::total(now);
    if (!(result.reference_rows > 0.0) || !(result.live_rows > 0.0)) {
        return result;
    }
    result.psi_jeffreys = drift::psi_jeffreys(before, now);
    result.psi_null_mean = drift::psi_null_mean(before.size(), result.reference_rows, result.live_rows);
    result.js_divergence_bits = drift::js_divergence_bits(before, now);
    result.hellinger = drift::hellinger(before, now);
    result.total_variation = drift::total_variation(before, now);
    result.l_infinity = drift::l_infinity(before, now);
    if (result.reference_rows >= min_rows && result.live_rows >= min_rows) {
        result.state = status::ok;
    }
    return result;
}

}  // namespace drift
}  // namespace v0
}  // namespace joust
