// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/ranks.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/resampling/permutation.hpp>
#include <joust/stats/resampling/resample.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose the p-value of sign_flip.
enum class flip_p : std::uint8_t {
    /// Exact where `exact_work` allows, otherwise random flips.
    automatic,
    /// Exact, however long it takes.
    exact,
    /// Random flips.
    monte_carlo,
    /// The limit of many coins, which `automatic` never chooses.
    normal
};

/// Set up sign_flip.
struct sign_flip_options {
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// How the p-value is computed.
    flip_p p_value = flip_p::automatic;
    /// The number of random flips.
    std::uint64_t resamples = 9'999;
    /// The same seed gives the same random flips on every platform.
    std::uint64_t seed = 1;
    /// How many steps an exact p-value may take; the default is about half a second.
    std::uint64_t exact_work = 1'000'000'000;
};

/// Report a randomisation test of signs.
struct sign_flip_result : test_result {
    /// The number of coins that could matter: those whose difference is not 0.
    std::uint64_t coins = 0;
    /// True where the p-value is exact.
    bool exact = false;
};

namespace detail {

// Coins of one size: the sum of n fair signs times size.
struct coin_group {
    double size = 0.0;
    double n = 0.0;
};

// Sorted sizes, in units of their greatest common divisor.
struct coin_sizes {
    buffer<coin_group> groups{};
    std::uint64_t unit = 1;
    double total = 0.0;
    double work = 0.0;  // about how many steps the distribution below takes
};

// Sums above this are not exact.
inline constexpr double exact_sum = 0x1p53;
// How many places of one distribution are stored at once.
inline constexpr double most_places = 0x1p25;

[[nodiscard]] inline coin_sizes sizes_of(buffer<std::uint64_t> values)
{
    coin_sizes out;
    std::uint64_t divisor = 0;
    for (const std::uint64_t v : values) {
        std::uint64_t a = v, b = divisor;
        while (b != 0) {
            const std::uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        divisor = a;
    }
    out.unit = divisor == 0 ? 1 : divisor;
    sort_by_key(values);
    out.groups = buffer<coin_group>(values.size());
    std::size_t groups = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint64_t units = values[i] / out.unit;
        const double size = static_cast<double>(units);
        if (i == 0 || values[i] != values[i - 1]) {
            out.groups[groups++] = {size, 0.0};
        }
        out.groups[groups - 1].n += 1.0;
        out.total += size;
    }
    out.groups.shorten(groups);
    // Probabilities of 1e-50, 15 standard deviations out, are cut off.
    double places = 1.0, widest = 0.0, squares = 0.0;
    for (const coin_group& g : out.groups) {
        const double spread = 16.0 * std::sqrt(g.n);
        const double terms = (g.n < spread ? g.n : spread) + 1.0;
        out.work += places * terms;
        places += g.size * (terms - 1.0);
        widest = widest < places ? places : widest;
        out.work += places;
        squares += g.n * g.size * g.size;
        places = std::fmin(places, 16.0 * std::sqrt(squares) + 1.0);
    }
    if (widest > most_places) {
        out.work = most_places * most_places;
    }
    return out;
}

// The distribution of the number of heads among n coins whose heads are exp(2 tilt) times as likely as tails: its
// terms from `first` on, without those below 1e-50 of the largest.
struct tilted_binomial {
    std::size_t first = 0;
    buffer<double> terms{};

    tilted_binomial(double n, double tilt)
    {
        const double odds = std::exp(2.0 * tilt);
        double mode = std::floor((n + 1.0) / (1.0 + std::exp(-2.0 * tilt)));
        mode = mode < n ? mode : n;
        // Terms relative to the largest, away from it on either side.
        const auto below = [&](auto take) {
            double term = 1.0;
            for (double k = mode; k > 0.0 && term > 1e-50; k -= 1.0) {
                term *= k / (n - k + 1.0) / odds;
                take(term);
            }
        };
        const auto above = [&](auto take) {
            double term = 1.0;
            for (double k = mode; k < n && term > 1e-50; k += 1.0) {
                term *= (n - k) / (k + 1.0) * odds;
                take(term);
            }
        };
        double sum = 1.0;
        std::size_t before = 0, behind = 0;
        below([&](double term) {
            sum += term;
            ++before;
        });
        above([&](double term) {
            sum += term;
            ++behind;
        });
        first = static_cast<std::size_t>(mode) - before;
        terms = buffer<double>(before + 1 + behind);
        terms[before] = 1.0 / sum;
        std::size_t at = before;
        below([&](double term) { terms[--at] = term / sum; });
        at = before;
        above([&](double term) { terms[++at] = term / sum; });
    }
};

// log P(D >= d) for d > 0 and D a sum of fair signs times sizes. The coins are tilted until d is the expected sum, so
// that nothing underflows and all terms are positive; then the tilt is removed again. d and the total differ by an
// even number. source: Esscher 1932 for the tilt, here without his approximation.
[[nodiscard]] inline double log_flip_tail(const coin_sizes& coins, double d)
{
    const double missing = coins.total - d;
    // Without a tilt the expected sum is 0; the larger the tilt, the closer it is to the total.
    // Any tilt gives the right tail; one near the root gives it without underflow.
    const auto reaches = [&](double tilt) {
        double misses = 0.0;
        for (const coin_group& g : coins.groups) {
            misses += g.n * g.size * 2.0 / (std::exp(2.0 * tilt * g.size) + 1.0);
        }
        return misses <= missing;
    };
    constexpr double largest_tilt = 40.0;
    const double tilt =
        missing > 0.0 ? bisect({0.0, largest_tilt}, reaches,
                               [](const bracket& at) { return !(at.with - at.without > 1e-12 * at.with); })
                            .with
                      : largest_tilt;
    buffer<double> law(1, 1.0);
    double first = 0.0;  // the heads, weighted by size, of the distribution's first place
    for (const coin_group& g : coins.groups) {
        const tilted_binomial heads{g.n, tilt * g.size};
        const std::size_t stride = static_cast<std::size_t>(g.size);
        buffer<double> next(law.size() + stride * (heads.terms.size() - 1), 0.0);
        for (std::size_t k = 0; k < heads.terms.size(); ++k) {
            double* const to = next.data() + stride * k;
            const double term = heads.terms[k];
            for (std::size_t v = 0; v < law.size(); ++v) {
                to[v] += term * law[v];
            }
        }
        first += g.size * static_cast<double>(heads.first);
        // Far ends do not matter, and numbers below the smallest normal one would be slow.
        std::size_t from = 0, to = next.size();
        while (to - from > 1 && next[from] < 1e-50) {
            ++from;
        }
        while (to - from > 1 && next[to - 1] < 1e-50) {
            --to;
        }
        first += static_cast<double>(from);
        law = buffer<double>(std::span<const double>{next.data() + from, to - from});
    }
    // D = 2 heads - total >= d.
    const double needed = 0.5 * (d + coins.total);
    double sum = 0.0;
    for (std::size_t v = law.size(); v > 0; --v) {
        const double over = first + static_cast<double>(v - 1) - needed;
        if (over < -0.25) {
            break;
        }
        sum += law[v - 1] * std::exp(-2.0 * tilt * over);
    }
    double log_p = tilt * missing + std::log(sum);
    for (const coin_group& g : coins.groups) {
        log_p += g.n * (std::log1p(std::exp(-2.0 * tilt * g.size)) - log_two);
    }
    return log_p < 0.0 ? log_p : 0.0;
}

// The p-value from log P(D >= |d|) and log P(D > |d|).
inline void finish_flips(sign_flip_result& result, double at_least, double above, double d,
                         side alternative) noexcept
{
    const auto keep = [&](double log_p) {
        result.log_p = log_p < 0.0 ? log_p : 0.0;
        result.p_value = std::exp(result.log_p);
    };
    result.state = status::ok;
    if (alternative == side::two) {
        keep(d == 0.0 ? 0.0 : doubled(at_least).log_p);
    } else if ((alternative == side::greater) == (d > 0.0) && d != 0.0) {
        keep(at_least);
    } else {
        keep(std::log1p(-std::exp(above)));
    }
}

inline void flip_by_normal(sign_flip_result& result, double d, double squares, side alternative) noexcept
{
    result.method = "randomisation test of signs, normal limit";
    const tail_probability tail = normal_tails(d / std::sqrt(squares), alternative);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    result.state = status::ok;
}

// Random flips of values that are not 0, one random bit per coin.
template <class Value>
void flip_at_random(sign_flip_result& result, std::span<const Value> sizes, double total, double d,
                    double tolerance, const sign_flip_options& options) noexcept
{
    result.method = "randomisation test of signs, Monte Carlo";
    if (options.resamples == 0) {
        result.state = status::too_few;
        return;
    }
    std::uint64_t extreme = 0;
    for (std::uint64_t r = 0; r < options.resamples; ++r) {
        resampler random{options.seed, r};
        Value heads{};
        for (std::size_t i = 0; i < sizes.size();) {
            std::uint64_t bits = random.next();
            for (const std::size_t end = sizes.size() - i < 64 ? sizes.size() : i + 64; i < end; ++i) {
                heads += sizes[i] * static_cast<Value>(bits & 1U);
                bits >>= 1;
            }
        }
        const double sum = 2.0 * static_cast<double>(heads) - total;
        extreme += as_extreme(sum, d, tolerance, options.alternative) ? 1U : 0U;
    }
    result.p_value = static_cast<double>(extreme + 1) / static_cast<double>(options.resamples + 1);
    result.log_p = std::log(result.p_value);
    result.state = status::ok;
}

// All sums of signs times sizes, sorted.
[[nodiscard]] inline buffer<double> all_flips(std::span<const double> sizes)
{
    buffer<double> sums(1, 0.0);
    for (const double size : sizes) {
        // Both halves are sorted already, so they are merged.
        buffer<double> next(2 * sums.size());
        std::size_t i = 0, j = 0;
        for (double& to : next) {
            const bool lower = j == sums.size() || (i < sums.size() && sums[i] - size <= sums[j] + size);
            to = lower ? sums[i++] - size : sums[j++] + size;
        }
        sums.swap(next);
    }
    return sums;
}

// How many pairs of sums reach `from`.
[[nodiscard]] inline double pairs_from(const buffer<double>& a, const buffer<double>& b, double from) noexcept
{
    double count = 0.0;
    std::size_t below = b.size();  // how many of b do not reach it with the present a
    for (const double x : a) {
        while (below > 0 && x + b[below - 1] >= from) {
            --below;
        }
        count += static_cast<double>(b.size() - below);
    }
    return count;
}

[[nodiscard]] inline double work_of_halves(std::size_t coins) noexcept
{
    // Sums take memory too, so each counts as many steps.
    return coins <= 48 ? 128.0 * std::exp2(std::ceil(0.5 * static_cast<double>(coins)))
                       : std::numeric_limits<double>::infinity();
}

// Few coins of any sizes: the sums of each half of them, combined in pairs.
inline void flip_all(sign_flip_result& result, std::span<const double> sizes, double d, double tolerance,
                     side alternative)
{
    const buffer<double> first = all_flips(sizes.first(sizes.size() / 2));
    const buffer<double> second = all_flips(sizes.subspan(sizes.size() / 2));
    const double all = static_cast<double>(sizes.size()) * log_two;
    const double far = std::fabs(d);
    const double at_least = std::log(pairs_from(first, second, far - tolerance)) - all;
    const double above = std::log(pairs_from(first, second, far + tolerance)) - all;
    result.method = "randomisation test of signs, exact";
    result.exact = true;
    finish_flips(result, at_least, above, far <= tolerance ? 0.0 : d, alternative);
}

}  // namespace detail

/// Test whether fair coins alone explain a sum of differences: of all 2^m ways in which the coins could have fallen,
/// how many give a sum as far from 0?
///
/// Each value is the first's outcome minus the second's; its size is taken as given, its sign as heads or tails. The
/// p-value then holds whatever users do, and however dependent or skewed the sizes are. `statistic` is the sum,
/// `estimate` the mean over all values including zeros. There is no interval, because the null says that no unit is
/// affected.
///
/// For whole numbers the distribution is convolved, coins of one size at once and tilted towards the observed sum, so
/// that p-values are accurate far below the smallest double.
///
/// When to use: a design that tossed the coins: which of a pair of items came first, which arm of a pair of units; one
/// planned look. When not: repeated looks (`betting_capital`).
/// assumes: fair coins, independent of each other, that change nothing but the sign (the sharp null).
/// errors: too_few (no value, no resample), zero_variance (all are 0: p is 1), out_of_range (sizes that add up to
///     2^53 or more; with `flip_p::exact` a distribution of more than 2^25 places).
/// cost: 40 us for 300 coins of sizes up to 5, 2.5 ms for 10,000, 0.2 s for a million.
/// source: Fisher 1935, section 21; Pitman 1937.
[[nodiscard]] inline sign_flip_result sign_flip(std::span<const std::int64_t> differences,
                                                const sign_flip_options& options = {})
{
    sign_flip_result result;
    result.method = "randomisation test of signs";
    if (differences.empty()) {
        return result;
    }
    detail::buffer<std::uint64_t> sizes(differences.size());
    std::size_t coins_seen = 0;
    double total = 0.0, d = 0.0, squares = 0.0;
    for (const std::int64_t x : differences) {
        if (x != 0) {
            sizes[coins_seen++] = x > 0 ? static_cast<std::uint64_t>(x) : 0 - static_cast<std::uint64_t>(x);
            const double value = static_cast<double>(x);
            total += std::fabs(value);
            d += value;
            squares += value * value;
        }
    }
    sizes.shorten(coins_seen);
    result.coins = sizes.size();
    if (!(total < detail::exact_sum)) {
        result.state = status::out_of_range;
        return result;
    }
    result.statistic = d;
    result.estimate = d / static_cast<double>(differences.size());
    if (sizes.empty()) {
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.state = status::zero_variance;
        return result;
    }
    if (options.p_value == flip_p::normal) {
        detail::flip_by_normal(result, d, squares, options.alternative);
        return result;
    }
    if (options.p_value != flip_p::monte_carlo) {
        const double most = options.p_value == flip_p::exact ? std::numeric_limits<double>::infinity()
                                                             : static_cast<double>(options.exact_work);
        const detail::coin_sizes coins = detail::sizes_of(sizes);
        const double by_halves = detail::work_of_halves(sizes.size());
        if (by_halves < coins.work && by_halves < most) {
            detail::buffer<double> values(sizes.size());
            for (std::size_t i = 0; i < sizes.size(); ++i) {
                values[i] = static_cast<double>(sizes[i]);
            }
            detail::flip_all(result, std::span<const double>{values}, d, 0.5, options.alternative);
            return result;
        }
        if (coins.work < most && coins.work < detail::most_places * detail::most_places) {
            const double far = std::fabs(d) / static_cast<double>(coins.unit);
            const double at_least = far > 0.0 ? detail::log_flip_tail(coins, far) : 0.0;
            const bool other = options.alternative != side::two &&
                               ((options.alternative == side::greater) != (d > 0.0) || d == 0.0);
            const double infinite = -std::numeric_limits<double>::infinity();
            const double above =
                other && far < coins.total ? detail::log_flip_tail(coins, far + 2.0) : infinite;
            result.method = "randomisation test of signs, exact";
            result.exact = true;
            detail::finish_flips(result, at_least, above, d, options.alternative);
            return result;
        }
        if (options.p_value == flip_p::exact) {
            result.state = status::out_of_range;
            return result;
        }
    }
    detail::buffer<std::int64_t> signed_sizes(sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        signed_sizes[i] = static_cast<std::int64_t>(sizes[i]);
    }
    detail::flip_at_random(result, std::span<const std::int64_t>{signed_sizes}, total, d, 0.0, options);
    return result;
}

/// Test signs of values that need not be whole numbers.
///
/// Whole numbers are convolved as above. For others up to 44 coins are exact: all 2^m flips are counted from the
/// sorted sums of each half. More coins are flipped at random: the p-value is then (b + 1) / (m + 1), so it is never
/// 0 and never errs more often than the level. Sums that differ by less than 1e-13 of the sum of all sizes are equal.
/// errors: out_of_range also for a value that is not finite; with `flip_p::exact` for more than 48 coins.
/// cost: 30 ms for 40 coins; random flips 0.7 ns for each coin and flip.
/// source: Horowitz and Sahni 1974 for the two halves; Phipson and Smyth 2010 for the random flips.
[[nodiscard]] inline sign_flip_result sign_flip(std::span<const double> differences,
                                                const sign_flip_options& options = {})
{
    sign_flip_result result;
    result.method = "randomisation test of signs";
    if (differences.empty()) {
        return result;
    }
    detail::buffer<double> sizes(differences.size());
    std::size_t coins_seen = 0;
    double total = 0.0, d = 0.0, squares = 0.0;
    bool whole = true;
    for (const double x : differences) {
        if (x != 0.0) {
            sizes[coins_seen++] = std::fabs(x);
            total += std::fabs(x);
            d += x;
            squares += x * x;
            whole = whole && x == std::floor(x);
        }
    }
    sizes.shorten(coins_seen);
    result.coins = sizes.size();
    if (!(total <= std::numeric_limits<double>::max())) {
        result.state = status::out_of_range;
        return result;
    }
    if (whole && total < detail::exact_sum) {
        detail::buffer<std::int64_t> values(differences.size());
        for (std::size_t i = 0; i < differences.size(); ++i) {
            values[i] = static_cast<std::int64_t>(differences[i]);
        }
        return sign_flip(std::span<const std::int64_t>{values}, options);
    }
    result.statistic = d;
    result.estimate = d / static_cast<double>(differences.size());
    if (options.p_value == flip_p::normal) {
        if (!(squares > 0.0 && std::isfinite(squares))) {
            result.state = status::out_of_range;
            return result;
        }
        detail::flip_by_normal(result, d, squares, options.alternative);
        return result;
    }
    const double tolerance = 1e-13 * total;
    if (detail::work_of_halves(sizes.size()) <
        (options.p_value == flip_p::exact       ? std::numeric_limits<double>::infinity()
         : options.p_value == flip_p::automatic ? static_cast<double>(options.exact_work)
                                                : 0.0)) {
        detail::flip_all(result, std::span<const double>{sizes}, d, tolerance, options.alternative);
        return result;
    }
    if (options.p_value == flip_p::exact) {
        result.state = status::out_of_range;
        return result;
    }
    detail::flip_at_random(result, std::span<const double>{sizes}, total, d, tolerance, options);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
