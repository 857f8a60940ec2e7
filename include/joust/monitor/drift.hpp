// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

// How far two histograms over the same frozen cells lie apart. Each name carries its definition, since the
// same word means different numbers elsewhere: a "Jensen-Shannon" of 0.1 is a divergence in bits here, a
// distance in nats there. p is the reference's share of a cell, q the live one. A distance alone is no alarm:
// see monitor/alarm.hpp.

namespace joust {
inline namespace v0 {
namespace drift {

/// Counts per cell of one histogram.
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

// a d - b c with one rounding error instead of the cancellation of two products (Kahan).
[[nodiscard]] inline double cross(double a, double d, double b, double c) noexcept
{
    const double product = b * c;
    return std::fma(a, d, -product) - std::fma(b, c, -product);
}

// Sum term(p, q, q - p) over cells. The difference is exact to an ulp, so that divergences of nearly equal
// histograms, which are squares of it, keep their digits.
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

// p ln(p / q) - p + q, which is never negative: with t = (p - q) / q it is q ((1 + t) ln(1 + t) - t).
[[nodiscard]] inline double kl_term(double p, double q, double p_minus_q) noexcept
{
    if (p == 0.0) {
        return q;
    }
    if (q == 0.0) {
        return std::numeric_limits<double>::infinity();
    }
    const double t = p_minus_q / q;
    if (std::abs(t) > 0.05) {
        return q * ((1.0 + t) * std::log1p(t) - t);
    }
    double power = t * t;
    double series = 0.0;
    for (int k = 2; k < 14; ++k) {
        series += (k % 2 == 0 ? power : -power) / (k * (k - 1.0));
        power *= t;
    }
    return q * series;
}

// (p ln(p / m) + q ln(q / m)) / 2 for m = (p + q) / 2: with x = (p - q) / (p + q) it is m (x atanh x + ln(1 -
// x^2) / 2).
[[nodiscard]] inline double js_term(double p, double q, double p_minus_q) noexcept
{
    constexpr double ln2 = 0.69314718055994530942;
    const double m = 0.5 * (p + q);
    if (p == 0.0 || q == 0.0) {
        return m * ln2;
    }
    const double x = 0.5 * p_minus_q / m;
    if (!(std::abs(x) < 1.0)) {
        return m * ln2;  // one share is below half an ulp of the other
    }
    return m * (x * std::atanh(x) + 0.5 * std::log1p(-x * x));
}

}  // namespace detail

// Every function below: errors: NaN where the two differ in length or where either is empty; `compare` gives
// a status.

/// Population stability index, sum (q - p) ln(q / p), in nats: infinite as soon as one side lacks a cell.
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

/// Population stability index with 1/2 added to every count, finite for every histogram: the one to watch.
///
/// The customary cuts (0.1, 0.25) mean noise below some hundred rows and blindness above some ten thousand:
/// read it against `psi_null_mean`.
/// source: symmetrised Kullback-Leibler divergence (Jeffreys 1946) of Jeffreys-smoothed shares.
[[nodiscard]] inline double psi_jeffreys(counts reference, counts live) noexcept
{
    return detail::sum_over(reference, live, 0.5, [](double p, double, double q_minus_p) {
        return q_minus_p * std::log1p(q_minus_p / p);
    });
}

/// Population stability index with shares raised to at least `floor`, not renormalised, as some tools do it.
///
/// For comparison with those tools: the value of an empty cell is the choice of the floor.
[[nodiscard]] inline double psi_floor(counts reference, counts live, double floor) noexcept
{
    return detail::sum_over(reference, live, 0.0, [floor](double p, double q, double) {
        p = p < floor ? floor : p;
        q = q < floor ? floor : q;
        return (q - p) * std::log(q / p);
    });
}

/// The mean of the population stability index of two samples of one law: (cells - 1) (1/m + 1/n).
[[nodiscard]] inline double psi_null_mean(std::size_t cells, double reference_rows, double live_rows) noexcept
{
    return (static_cast<double>(cells) - 1.0) * (1.0 / reference_rows + 1.0 / live_rows);
}

/// Kullback-Leibler divergence of `from` as seen by `to`, sum p ln(p / q) with p of `from`, in nats.
[[nodiscard]] inline double kl_divergence_nats(counts from, counts to) noexcept
{
    return detail::sum_over(from, to, 0.0, [](double p, double q, double q_minus_p) {
        return detail::kl_term(p, q, -q_minus_p);
    });
}

/// Jensen-Shannon divergence in nats: symmetric, at most ln 2.
[[nodiscard]] inline double js_divergence_nats(counts reference, counts live) noexcept
{
    return detail::sum_over(reference, live, 0.0, [](double p, double q, double q_minus_p) {
        return p + q == 0.0 ? 0.0 : detail::js_term(p, q, -q_minus_p);
    });
}

/// Jensen-Shannon divergence in bits: symmetric, at most 1.
[[nodiscard]] inline double js_divergence_bits(counts reference, counts live) noexcept
{
    return js_divergence_nats(reference, live) * 1.4426950408889634074;
}

/// Jensen-Shannon distance, the square root of the divergence in nats.
[[nodiscard]] inline double js_distance_nats(counts reference, counts live) noexcept
{
    return std::sqrt(js_divergence_nats(reference, live));
}

/// Jensen-Shannon distance, the square root of the divergence in bits.
[[nodiscard]] inline double js_distance_bits(counts reference, counts live) noexcept
{
    return std::sqrt(js_divergence_bits(reference, live));
}

/// Hellinger distance, sqrt(sum (sqrt p - sqrt q)^2 / 2): 0 for equal, 1 for disjoint histograms.
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

/// Total variation, sum |p - q| / 2: the largest change of any event's probability.
[[nodiscard]] inline double total_variation(counts reference, counts live) noexcept
{
    return 0.5 * detail::sum_over(reference, live, 0.0,
                                  [](double, double, double q_minus_p) { return std::abs(q_minus_p); });
}

/// The largest change of one cell's share, max |p - q|.
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

/// How two histograms differ, by the measures worth showing side by side.
struct comparison {
    double reference_rows = 0.0;
    double live_rows = 0.0;
    double psi_jeffreys = stats::not_a_number;
    /// what `psi_jeffreys` is on average where nothing changed
    double psi_null_mean = stats::not_a_number;
    double js_divergence_bits = stats::not_a_number;
    double hellinger = stats::not_a_number;
    double total_variation = stats::not_a_number;
    double l_infinity = stats::not_a_number;
    status state = status::too_few;

    /// What is left of the stability index when its noise is taken off; may be negative.
    [[nodiscard]] double effect() const noexcept { return psi_jeffreys - psi_null_mean; }
};

/// Compare live counts with a reference by every measure at once, over the cells that either of them has.
///
/// errors: `too_few` where either side has fewer than `min_rows` rows (the stability index is noise below
/// some 200), with the measures filled in where they exist; `out_of_range` where the cells do not match.
[[nodiscard]] inline comparison compare(counts reference, counts live, double min_rows = 200.0)
{
    comparison result;
    if (reference.size() != live.size()) {
        result.state = status::out_of_range;
        return result;
    }
    // Smoothing would tell two empty cells apart where the histograms differ in size.
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
