// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/resampling/resample.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up permutation.
struct permutation_options {
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// The number of random divisions, where not all are tried.
    std::uint64_t resamples = 9'999;
    /// The same seed gives the same divisions on every platform.
    std::uint64_t seed = 1;
    /// Try all divisions when there are at most this many.
    std::uint64_t exact_up_to = 100'000;
};

/// Report a permutation test.
struct permutation_result : test_result {
    /// The number of divisions tried, the observed one included.
    std::uint64_t divisions = 0;
    /// True where all divisions were tried.
    bool exact = false;
};

namespace detail {

// C(n, k), or a number larger than `most`.
[[nodiscard]] inline double choices_up_to(std::size_t n, std::size_t k, double most) noexcept
{
    const std::size_t small = k < n - k ? k : n - k;
    double value = 1.0;
    for (std::size_t i = 1; i <= small && value <= most; ++i) {
        value = std::round(value * static_cast<double>(n - small + i) / static_cast<double>(i));
    }
    return value;
}

[[nodiscard]] inline bool as_extreme(double value, double observed, double tolerance,
                                     side alternative) noexcept
{
    switch (alternative) {
        case side::two: return std::fabs(value) >= std::fabs(observed) - tolerance;
        case side::greater: return value >= observed - tolerance;
        case side::less: return value <= observed + tolerance;
    }
    return false;
}

// Calls judge(chosen) for every choice of m of the values, with their positions in ascending order.
template <class Try>
void enumerate_divisions(std::span<const double> values, std::size_t m, Try judge)
{
    const std::size_t n = values.size();
    buffer<std::size_t> chosen(m);
    for (std::size_t i = 0; i < m; ++i) {
        chosen[i] = i;
    }
    for (;;) {
        judge(std::span<const std::size_t>{chosen.data(), m});
        std::size_t i = m;
        while (i > 0 && chosen[i - 1] == n - m + i - 1) {
            --i;
        }
        if (i == 0) {
            return;
        }
        ++chosen[i - 1];
        for (; i < m; ++i) {
            chosen[i] = chosen[i - 1] + 1;
        }
    }
}

inline void finish_permutation(permutation_result& result, std::uint64_t extreme, std::uint64_t tried,
                               bool exact) noexcept
{
    result.exact = exact;
    result.divisions = exact ? tried : tried + 1;
    result.p_value = exact ? static_cast<double>(extreme) / static_cast<double>(tried)
                           : static_cast<double>(extreme + 1) / static_cast<double>(tried + 1);
    result.log_p = std::log(result.p_value);
    result.method = exact ? "permutation test, exact" : "permutation test, Monte Carlo";
    result.state = status::ok;
}

[[nodiscard]] inline bool all_finite(std::span<const double> values) noexcept
{
    bool finite = true;
    for (const double x : values) {
        finite = finite && x - x == 0.0;
    }
    return finite;
}

// Sets the state; returns false where the samples cannot be tested.
[[nodiscard]] inline bool begin_permutation(permutation_result& result, std::span<const double> x,
                                            std::span<const double> y) noexcept
{
    result.method = "permutation test";
    if (!all_finite(x) || !all_finite(y)) {
        result.state = status::out_of_range;
        return false;
    }
    return !x.empty() && !y.empty();
}

// Draws the first `count` values at random from all of them, without replacement.
inline void shuffle(buffer<double>& values, std::size_t count, resampler& random) noexcept
{
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t j = i + static_cast<std::size_t>(random.below(n - i));
        const double drawn = values[j];
        values[j] = values[i];
        values[i] = drawn;
    }
}

}  // namespace detail

/// Test whether two samples come from one distribution by their difference of means: how many of all divisions of the
/// values into two such samples differ as much?
///
/// `p_value` of random divisions is (b + 1) / (m + 1), so it is never 0 and never errs more often than the level.
/// There is no interval; `bootstrap` has one.
///
/// When to use: small samples of any shape. When not: a shift with an interval is wanted (`mann_whitney_u`).
/// assumes: under the null the values are exchangeable, which equal means with unequal variances are not.
/// errors: too_few (an empty sample, or no resample), zero_variance (all values equal: p is 1), out_of_range (a value
///     that is not finite).
/// cost: about 5 ns for each value of the smaller sample and resample.
/// source: Fisher 1935; Phipson and Smyth 2010, "Permutation p-values should never be zero".
[[nodiscard]] inline permutation_result permutation(std::span<const double> x, std::span<const double> y,
                                                    const permutation_options& options = {})
{
    permutation_result result;
    if (!detail::begin_permutation(result, x, y)) {
        return result;
    }
    // The sum of the smaller sample decides. Values are centred at their mean, because sums of large values would
    // round.
    const bool swapped = y.size() < x.size();
    const std::span<const double> small = swapped ? y : x;
    const std::span<const double> large = swapped ? x : y;
    const std::size_t m = small.size();
    const std::size_t n = m + large.size();
    detail::buffer<double> values(n);
    double sum = 0.0;
    bool varies = false;
    for (std::size_t i = 0; i < n; ++i) {
        values[i] = i < m ? small[i] : large[i - m];
        sum += values[i] / static_cast<double>(n);
        varies = varies || values[i] != values[0];
    }
    const double centre = sum;
    double total = 0.0, observed = 0.0, size = 0.0, largest = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        largest = std::fabs(values[i]) > largest ? std::fabs(values[i]) : largest;
        values[i] -= centre;
        total += values[i];
        size += std::fabs(values[i]);
        observed += i < m ? values[i] : 0.0;
    }
    const double difference =
        observed / static_cast<double>(m) - (total - observed) / static_cast<double>(large.size());
    result.estimate = swapped ? -difference : difference;
    result.statistic = result.estimate;
    if (!varies) {
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.state = status::zero_variance;
        return result;
    }
    if (!(size - size == 0.0)) {
        result.state = status::out_of_range;
        return result;
    }
    const double expected = total / static_cast<double>(n) * static_cast<double>(m);
    const double far = observed - expected;
    // Divisions of equal sums stay equal in spite of rounding: that of the sums, and that of the values, which are decimals.
    const double tolerance = 1e-13 * size + 0x1p-52 * static_cast<double>(m) * largest;
    const side alternative = !swapped || options.alternative == side::two ? options.alternative
                             : options.alternative == side::greater       ? side::less
                                                                          : side::greater;
    std::uint64_t extreme = 0;
    const double all = detail::choices_up_to(n, m, static_cast<double>(options.exact_up_to));
    if (all <= static_cast<double>(options.exact_up_to)) {
        std::uint64_t tried = 0;
        detail::enumerate_divisions(values, m, [&](std::span<const std::size_t> chosen) {
            double part = 0.0;
            for (const std::size_t i : chosen) {
                part += values[i];
            }
            extreme += detail::as_extreme(part - expected, far, tolerance, alternative) ? 1U : 0U;
            ++tried;
        });
        detail::finish_permutation(result, extreme, tried, true);
        return result;
    }
    if (options.resamples == 0) {
        return result;
    }
    for (std::uint64_t r = 0; r < options.resamples; ++r) {
        detail::resampler random{options.seed, r};
        detail::shuffle(values, m, random);
        double part = 0.0;
        for (std::size_t i = 0; i < m; ++i) {
            part += values[i];
        }
        extreme += detail::as_extreme(part - expected, far, tolerance, alternative) ? 1U : 0U;
    }
    detail::finish_permutation(result, extreme, options.resamples, false);
    return result;
}

/// Test the same by any statistic of two samples that is 0 where they are alike; a two-sided test uses its absolute
/// value.
///
/// A division counts as extreme as the observed one where it falls short by no more than 1e-12 of the largest value that
/// the statistic takes.
/// errors: as above, and out_of_range where the statistic is NaN.
/// cost: a call of the statistic per division.
template <two_sample_statistic Statistic>
[[nodiscard]] permutation_result permutation(std::span<const double> x, std::span<const double> y,
                                             const Statistic& statistic,
                                             const permutation_options& options = {})
{
    permutation_result result;
    if (!detail::begin_permutation(result, x, y)) {
        return result;
    }
    const std::size_t m = x.size();
    const std::size_t n = m + y.size();
    detail::buffer<double> values(n);
    for (std::size_t i = 0; i < n; ++i) {
        values[i] = i < m ? x[i] : y[i - m];
    }
    result.estimate = statistic(x, y);
    result.statistic = result.estimate;
    result.state = status::out_of_range;
    if (std::isnan(result.estimate)) {
        return result;
    }
    bool valid = true;
    std::vector<double> values_tried;
    const auto judge = [&](std::span<const double> divided) {
        values_tried.push_back(statistic(divided.first(m), divided.subspan(m)));
        valid = valid && !std::isnan(values_tried.back());
    };
    const double all = detail::choices_up_to(n, m, static_cast<double>(options.exact_up_to));
    const bool exact = all <= static_cast<double>(options.exact_up_to);
    std::uint64_t tried = 0;
    if (exact) {
        detail::buffer<double> divided(n);
        detail::enumerate_divisions(values, m, [&](std::span<const std::size_t> chosen) {
            std::size_t first = 0, second = m;
            for (std::size_t i = 0; i < n; ++i) {
                const bool taken = first < m && chosen[first] == i;
                divided[taken ? first++ : second++] = values[i];
            }
            judge({divided.data(), n});
            ++tried;
        });
    } else {
        for (; tried < options.resamples; ++tried) {
            detail::resampler random{options.seed, tried};
            detail::shuffle(values, n - 1, random);
            judge({values.data(), n});
        }
    }
    if (!valid) {
        return result;
    }
    if (tried == 0) {
        result.state = status::too_few;
        return result;
    }
    // Divisions that tie with the observed one do so but for rounding, whose size is that of the statistic's largest values
    // and not that of the observed one, which may be nearly 0.
    double largest = std::fabs(result.estimate);
    for (const double value : values_tried) {
        largest = std::isfinite(value) && std::fabs(value) > largest ? std::fabs(value) : largest;
    }
    const double tolerance = std::isfinite(largest) ? 1e-12 * largest : 0.0;
    std::uint64_t extreme = 0;
    for (const double value : values_tried) {
        extreme += detail::as_extreme(value, result.estimate, tolerance, options.alternative) ? 1U : 0U;
    }
    detail::finish_permutation(result, extreme, tried, exact);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
