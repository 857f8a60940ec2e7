// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/numeric/stirling.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up quantile intervals and comparisons.
struct quantile_options {
    /// The share of values below the quantile.
    double q = 0.99;
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// 0 for an interval at one look. Otherwise the interval is valid at every look, and it is narrowest near this
    /// many values in the smaller sample.
    std::uint64_t planned = 0;
};

/// Report a quantile, or a difference or ratio of two, with its interval.
/// units: those of the values; a latency sketch gives nanoseconds
struct quantile_result {
    /// The name of the method, for reports.
    std::string_view method{};
    /// The quantile, or the comparison of two.
    double estimate = not_a_number;
    /// The lower end of the interval.
    double lower = not_a_number;
    /// The upper end of the interval.
    double upper = not_a_number;
    /// The first sample's quantile.
    double first = not_a_number;
    /// The second sample's quantile.
    double second = not_a_number;
    /// How many values the first sample has.
    std::uint64_t n1 = 0;
    /// How many values the second sample has; 0 where there is only one sample.
    std::uint64_t n2 = 0;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Hold the ranks, counted from 1, of the order statistics that enclose a quantile.
struct rank_interval {
    /// The lower rank; 0 means that no value bounds the quantile from below.
    std::uint64_t lower = 0;
    /// The upper rank; n + 1 means that no value bounds the quantile from above.
    std::uint64_t upper = 0;
    /// Compare all members.
    bool operator==(const rank_interval&) const = default;
};

namespace detail {

[[nodiscard]] bool usable(const quantile_options& options) noexcept;

// How many values must be expected on each side of a quantile before a confidence sequence gives an interval.
inline constexpr double minimum_beyond = 10.0;

struct quantile_ends {
    double estimate = not_a_number;
    double lower = not_a_number;
    double upper = not_a_number;
    status state = status::too_few;
};

}  // namespace detail

/// Return the ranks of the order statistics that enclose the q-quantile of `n` independent values with probability
/// 1 - alpha or more.
///
/// The probability is exact for every distribution. Rank 0 or n + 1 means that no value bounds the quantile.
/// cost: about 0.1 ms for a `n` of every size.
/// source: David and Nagaraja 2003, "Order Statistics", section 7.1.
[[nodiscard]] rank_interval quantile_ranks(std::uint64_t n, double q, double alpha = 0.05) noexcept;

/// Return a quantile of sorted values with its interval of order statistics.
///
/// assumes: independent values, in ascending order.
/// errors: too_few where no value bounds the quantile on a side, burn_in (with `planned`: fewer than 10 values
///     expected beyond it), out_of_range (options, not sorted, NaN).
/// cost: two binomial quantiles, which do not grow with the sample: below 0.1 ms.
[[nodiscard]] quantile_result quantile_interval(std::span<const double> sorted,
                                                const quantile_options& options = {}) noexcept;

/// Return a quantile of a latency sketch with its interval of order statistics, widened by the sketch's error (0.8 %).
///
/// Requests are treated as independent, so the interval is too short where users send many similar requests.
/// errors: as for sorted values.
/// cost: a pass over the sketch, a few microseconds.
[[nodiscard]] quantile_result quantile_interval(const latency_sketch& sketch,
                                                const quantile_options& options = {}) noexcept;

namespace detail {

// Combines the intervals of two quantiles into one of f(first) - f(second); f is the identity or the logarithm.
template <class Function>
[[nodiscard]] bounds combine_quantiles(const quantile_ends& first, const quantile_ends& second, bool sequence,
                                       Function f) noexcept
{
    if (sequence) {
        return {f(first.lower) - f(second.upper), f(first.upper) - f(second.lower)};
    }
    // MOVER takes the variances at the limits from each sample's own interval.
    const double difference = f(first.estimate) - f(second.estimate);
    return {difference - std::hypot(f(first.estimate) - f(first.lower), f(second.upper) - f(second.estimate)),
            difference +
                std::hypot(f(first.upper) - f(first.estimate), f(second.estimate) - f(second.lower))};
}

}  // namespace detail

/// Compare a quantile of two latency sketches: first minus second.
///
/// For one look the two order-statistic intervals are combined by MOVER. With `planned` they are confidence sequences
/// at alpha / 2 each, so the difference holds at every look. Requests are treated as independent; the sketches' error
/// is added at both ends.
/// errors: too_few, burn_in, out_of_range as for one sketch.
/// cost: two passes over the sketches, some microseconds.
/// source: Zou and Donner 2008 (MOVER); Howard and Ramdas 2022, "Sequential estimation of quantiles with applications
///     to A/B testing and best-arm identification" (counts below a quantile; here with the normal mixture at variance
///     n q (1 - q), which is asymptotic and therefore waits for 10 values expected beyond the quantile).
[[nodiscard]] quantile_result quantile_difference(const latency_sketch& x, const latency_sketch& y,
                                                  const quantile_options& options = {}) noexcept;

/// Compare a quantile of two latency sketches: first divided by second, combined on the logarithms.
///
/// errors: as quantile_difference; out_of_range also where a quantile is 0 ns.
/// cost: two passes over the sketches, some microseconds.
[[nodiscard]] quantile_result quantile_ratio(const latency_sketch& x, const latency_sketch& y,
                                             const quantile_options& options = {}) noexcept;

/// Hold the latencies of one arm as sums of weights by the bins of a latency_sketch.
struct weighted_latencies {
    /// The sum of the weights in each bin.
    std::span<const double> weights;
    /// The sum of the squared weights.
    double squares = 0.0;
    /// How many times the variance is that of independent requests; at least 1.
    double design_effect = 1.0;
    /// The sum of squared weights at which the interval is narrowest.
    double planned = 1.0;
};

/// Compare a quantile of two weighted samples of latencies: first minus second, at every look.
///
/// With the weights of evidence (1 - s for the challenger, s for the champion) it compares both arms over the same traffic
/// while shares and load change, and users who send many requests widen it by their design effect.
/// errors: too_few, burn_in, out_of_range as for sketches.
/// cost: two passes over the bins.
/// source: as quantile_difference; a weighted sum of indicators has the variance q (1 - q) times the sum of squared weights.
[[nodiscard]] quantile_result overlap_quantile_difference(const weighted_latencies& x,
                                                          const weighted_latencies& y, double q,
                                                          double alpha) noexcept;

}  // namespace stats

#if JOUST_BODIES

namespace stats {

namespace detail {

// P(X <= k) for X ~ Bin(n, q) and k below the mode: the sum of its terms from k down, each computed from the last, or
// for a large n the incomplete beta function.
[[nodiscard]] inline double binomial_lower_tail(double k, double n, double q) noexcept
{
    if (k < 0.0) {
        return 0.0;
    }
    if (n > 2000.0) {
        return beta_excess(n - k, k + 1.0, 1.0 - q, q) >= 0.0
                   ? std::exp(log_incomplete_beta_tail(n - k, k + 1.0, 1.0 - q, q))
                   : -std::expm1(log_incomplete_beta_tail(k + 1.0, n - k, q, 1.0 - q));
    }
    double term = 0.0;
    if (k == 0.0) {
        term = std::exp(n * std::log1p(-q));
    } else {
        term = std::exp(log_beta_term(k, n - k, q, 1.0 - q) + std::log(n) - std::log(k) - std::log(n - k));
    }
    double sum = 0.0;
    for (double j = k; j >= 0.0 && term > 1e-17 * sum; j -= 1.0) {
        sum += term;
        term *= j * (1.0 - q) / ((n - j + 1.0) * q);
    }
    return sum;
}

// The largest k with P(Bin(n, q) <= k - 1) <= alpha, or 0: X_(k) is a lower bound of the quantile.
[[nodiscard]] inline double lower_rank(double n, double q, double alpha) noexcept
{
    double low = 0.0;                       // P(X <= -1) = 0
    double high = std::floor(n * q) + 1.0;  // above the mode the tail is about one half
    while (low < high) {
        double middle = std::floor(0.5 * (low + high + 1.0));
        middle = middle > low ? middle : high;
        if (binomial_lower_tail(middle - 1.0, n, q) <= alpha) {
            low = middle;
        } else {
            // Beyond 2^53 neighbouring doubles are further apart than 1.
            high = middle - 1.0 < middle ? middle - 1.0 : std::nextafter(middle, 0.0);
        }
    }
    return low;
}

JOUST_FUNCTION bool usable(const quantile_options& options) noexcept
{
    return options.q > 0.0 && options.q < 1.0 && is_alpha(options.alpha);
}

// The ranks for one look (exact), or for every look (a normal mixture of the count below the quantile).
[[nodiscard]] inline rank_interval enclosing_ranks(std::uint64_t count,
                                                   const quantile_options& options) noexcept
{
    const double n = static_cast<double>(count);
    double lower = 0.0;
    double upper = 0.0;
    if (options.planned == 0) {
        lower = lower_rank(n, options.q, 0.5 * options.alpha);
        // P(X >= u) <= alpha / 2 is P(n - X <= n - u): the mirrored problem.
        upper = n + 1.0 - lower_rank(n, 1.0 - options.q, 0.5 * options.alpha);
    } else {
        const double unit = options.q * (1.0 - options.q);
        const double rho = normal_mixture_rho(unit * static_cast<double>(options.planned), options.alpha);
        const double half = normal_mixture_bound(unit * n, rho, options.alpha);
        lower = std::ceil(n * options.q - half);
        upper = std::floor(n * options.q + half) + 1.0;
    }
    rank_interval ranks;
    // Near 2^64 a count is no double, and its neighbour may be beyond all counts.
    constexpr double beyond = 18'446'744'073'709'551'616.0;
    ranks.lower = lower >= beyond ? count : lower >= 1.0 ? static_cast<std::uint64_t>(lower) : 0;
    ranks.upper = upper < beyond && upper <= n ? static_cast<std::uint64_t>(upper) : count + 1;
    return ranks;
}

// The bin that holds the value of a rank, counted from 1.
[[nodiscard]] inline std::size_t bin_of_rank(const latency_sketch& sketch, std::uint64_t rank) noexcept
{
    std::uint64_t seen = 0;
    const auto counts = sketch.counts();
    for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
        seen += counts[bin];
        if (seen >= rank) {
            return bin;
        }
    }
    return latency_sketch::bins - 1;
}

// One sketch's quantile: the bins of both ranks, taken at their outer edges so that the interval includes the sketch's
// own error.
[[nodiscard]] inline quantile_ends sketch_quantile(const latency_sketch& sketch,
                                                   const quantile_options& options) noexcept
{
    quantile_ends ends;
    const std::uint64_t count = sketch.count();
    if (count == 0) {
        return ends;
    }
    ends.estimate = sketch.quantile(options.q);
    const double n = static_cast<double>(count);
    const double rarer = options.q < 0.5 ? options.q : 1.0 - options.q;
    if (options.planned != 0 && n * rarer < minimum_beyond) {
        ends.state = status::burn_in;
        return ends;
    }
    const rank_interval ranks = enclosing_ranks(count, options);
    if (ranks.lower == 0 || ranks.upper > count) {
        return ends;  // too few values on one side
    }
    ends.lower = static_cast<double>(latency_sketch::range_of(bin_of_rank(sketch, ranks.lower)).lower);
    const std::size_t last = bin_of_rank(sketch, ranks.upper);
    ends.upper =
        last + 1 == latency_sketch::bins
            ? std::numeric_limits<double>::infinity()  // the last bin also holds all longer durations
            : static_cast<double>(latency_sketch::range_of(last).upper - 1);
    ends.state = status::ok;
    return ends;
}

}  // namespace detail

JOUST_FUNCTION rank_interval quantile_ranks(std::uint64_t n, double q, double alpha) noexcept
{
    if (!(q > 0.0 && q < 1.0 && detail::is_alpha(alpha)) || n == 0) {
        return {0, n + 1};
    }
    return detail::enclosing_ranks(n, {q, alpha, 0});
}

JOUST_FUNCTION quantile_result quantile_interval(std::span<const double> sorted,
                                                 const quantile_options& options) noexcept
{
    quantile_result result;
    result.method = options.planned == 0 ? "order-statistic interval" : "order-statistic confidence sequence";
    result.n1 = sorted.size();
    bool ascending = detail::usable(options);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        ascending = ascending && !std::isnan(sorted[i]) && (i == 0 || sorted[i - 1] <= sorted[i]);
    }
    if (!ascending) {
        result.state = status::out_of_range;
        return result;
    }
    if (sorted.empty()) {
        return result;
    }
    const double n = static_cast<double>(sorted.size());
    const double position = std::ceil(n * options.q);
    result.first = sorted[position < 1.0 ? 0 : static_cast<std::size_t>(position) - 1];
    result.estimate = result.first;
    if (options.planned != 0 && n * std::fmin(options.q, 1.0 - options.q) < detail::minimum_beyond) {
        result.state = status::burn_in;
        return result;
    }
    const rank_interval ranks = detail::enclosing_ranks(sorted.size(), options);
    if (ranks.lower == 0 || ranks.upper > sorted.size()) {
        return result;
    }
    result.lower = sorted[static_cast<std::size_t>(ranks.lower) - 1];
    result.upper = sorted[static_cast<std::size_t>(ranks.upper) - 1];
    result.state = status::ok;
    return result;
}

JOUST_FUNCTION quantile_result quantile_interval(const latency_sketch& sketch,
                                                 const quantile_options& options) noexcept
{
    quantile_result result;
    result.method = options.planned == 0
                        ? "order-statistic interval, requests treated as independent"
                        : "order-statistic confidence sequence, requests treated as independent";
    result.n1 = sketch.count();
    if (!detail::usable(options)) {
        result.state = status::out_of_range;
        return result;
    }
    const detail::quantile_ends ends = detail::sketch_quantile(sketch, options);
    result.estimate = ends.estimate;
    result.first = ends.estimate;
    result.lower = ends.lower;
    result.upper = ends.upper;
    result.state = ends.state;
    return result;
}

namespace detail {

[[nodiscard]] inline quantile_result compare_sketches(const latency_sketch& x, const latency_sketch& y,
                                                      const quantile_options& options, bool ratio) noexcept
{
    quantile_result result;
    const bool sequence = options.planned != 0;
    result.method = sequence ? "order-statistic confidence sequences of both, requests treated as independent"
                             : "order-statistic intervals combined by MOVER, requests treated as independent";
    result.n1 = x.count();
    result.n2 = y.count();
    if (!usable(options)) {
        result.state = status::out_of_range;
        return result;
    }
    quantile_options each = options;
    if (sequence) {
        each.alpha = 0.5 * options.alpha;  // both sequences must hold at every look
    }
    const quantile_ends first = sketch_quantile(x, each);
    const quantile_ends second = sketch_quantile(y, each);
    result.first = first.estimate;
    result.second = second.estimate;
    const bool positive = !ratio || (first.estimate > 0.0 && second.estimate > 0.0);
    if (x.count() != 0 && y.count() != 0 && positive) {
        result.estimate = ratio ? first.estimate / second.estimate : first.estimate - second.estimate;
    }
    if (first.state != status::ok || second.state != status::ok) {
        result.state = first.state != status::ok ? first.state : second.state;
        return result;
    }
    if (ratio) {
        if (!(first.lower > 0.0 && second.lower > 0.0)) {
            result.state = status::out_of_range;
            return result;
        }
        const bounds ends =
            combine_quantiles(first, second, sequence, [](double value) { return std::log(value); });
        result.lower = std::exp(ends.lower);
        result.upper = std::exp(ends.upper);
    } else {
        const bounds ends = combine_quantiles(first, second, sequence, [](double value) { return value; });
        result.lower = ends.lower;
        result.upper = ends.upper;
    }
    result.state = status::ok;
    return result;
}

}  // namespace detail

JOUST_FUNCTION quantile_result quantile_difference(const latency_sketch& x, const latency_sketch& y,
                                                   const quantile_options& options) noexcept
{
    return detail::compare_sketches(x, y, options, false);
}

namespace detail {

// The first bin at which the weights so far reach, or exceed, an amount.
[[nodiscard]] inline std::size_t bin_of_weight(std::span<const double> weights, double amount,
                                               bool exceed) noexcept
{
    double sum = 0.0;
    std::size_t last = 0;
    for (std::size_t bin = 0; bin < weights.size(); ++bin) {
        sum += weights[bin];
        last = weights[bin] > 0.0 ? bin : last;
        if (weights[bin] > 0.0 && (exceed ? sum > amount : sum >= amount)) {
            return bin;
        }
    }
    return last;
}

[[nodiscard]] inline quantile_ends weighted_quantile(const weighted_latencies& seen, double q,
                                                     double alpha) noexcept
{
    quantile_ends ends;
    double total = 0.0;
    for (const double weight : seen.weights) {
        total += weight;
    }
    if (!(total > 0.0 && seen.squares > 0.0 && seen.weights.size() == latency_sketch::bins)) {
        return ends;
    }
    // Sums of weights round, so a rank is reached within a few units of the last place.
    constexpr double rounding = 1e-12;
    ends.estimate =
        latency_sketch::range_of(bin_of_weight(seen.weights, q * total * (1.0 - rounding), false)).middle();
    const double unit = q * (1.0 - q);
    const double rarer = q < 0.5 ? q : 1.0 - q;
    if (total * total / seen.squares * rarer < minimum_beyond) {
        ends.state = status::burn_in;
        return ends;
    }
    const double rho = normal_mixture_rho(unit * seen.planned, alpha);
    const double half = normal_mixture_bound(unit * seen.squares * seen.design_effect, rho, alpha);
    const double low = q * total - half;
    const double high = q * total + half;
    if (!(low > 0.0 && high < total * (1.0 - rounding))) {
        return ends;  // too few values on one side
    }
    ends.lower = static_cast<double>(
        latency_sketch::range_of(bin_of_weight(seen.weights, low * (1.0 - rounding), false)).lower);
    const std::size_t last = bin_of_weight(seen.weights, high * (1.0 + rounding), true);
    ends.upper = last + 1 == latency_sketch::bins
                     ? std::numeric_limits<double>::infinity()
                     : static_cast<double>(latency_sketch::range_of(last).upper - 1);
    ends.state = status::ok;
    return ends;
}

}  // namespace detail

JOUST_FUNCTION quantile_result overlap_quantile_difference(const weighted_latencies& x,
                                                           const weighted_latencies& y, double q,
                                                           double alpha) noexcept
{
    quantile_result result;
    result.method = "overlap-weighted quantiles, clusters of units";
    if (!(q > 0.0 && q < 1.0 && detail::is_alpha(alpha))) {
        result.state = status::out_of_range;
        return result;
    }
    // Both sequences must hold at every look.
    const detail::quantile_ends first = detail::weighted_quantile(x, q, 0.5 * alpha);
    const detail::quantile_ends second = detail::weighted_quantile(y, q, 0.5 * alpha);
    result.first = first.estimate;
    result.second = second.estimate;
    result.estimate = first.estimate - second.estimate;
    result.state = first.state != status::ok ? first.state : second.state;
    if (result.state == status::ok) {
        result.lower = first.lower - second.upper;
        result.upper = first.upper - second.lower;
    }
    return result;
}

JOUST_FUNCTION quantile_result quantile_ratio(const latency_sketch& x, const latency_sketch& y,
                                              const quantile_options& options) noexcept
{
    return detail::compare_sketches(x, y, options, true);
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
