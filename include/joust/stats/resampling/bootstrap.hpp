// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/ranks.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/resampling/resample.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose how a bootstrap interval is computed.
enum class bootstrap_interval : std::uint8_t {
    /// Quantiles of the replicates.
    percentile,
    /// Corrected for bias and for an error that changes with the estimate: second-order exact; needs a jackknife too.
    bca
};

/// Set up bootstrap.
struct bootstrap_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// How the interval is computed.
    bootstrap_interval interval = bootstrap_interval::bca;
    /// The number of replicates.
    std::uint64_t replicates = 10'000;
    /// The same seed gives the same replicates on every platform.
    std::uint64_t seed = 1;
};

/// Report an estimate with its bootstrap interval; `statistic` and the p-value are not set.
struct bootstrap_result : test_result {
    /// The standard deviation of the replicates.
    double standard_error = not_a_number;
    /// The mean of the replicates minus the estimate.
    double bias = not_a_number;
};

namespace detail {

// The p-quantile of sorted replicates, at (B + 1) p.
[[nodiscard]] inline double replicate_quantile(const sorted_sample& replicates, double p) noexcept
{
    const double at = (static_cast<double>(replicates.size()) + 1.0) * p - 1.0;
    const double last = static_cast<double>(replicates.size() - 1);
    if (!(at > 0.0)) {
        return value_of_key(replicates.keys[0]);
    }
    if (at >= last) {
        return value_of_key(replicates.keys[replicates.size() - 1]);
    }
    const std::size_t i = static_cast<std::size_t>(at);
    const double low = value_of_key(replicates.keys[i]);
    const double high = value_of_key(replicates.keys[i + 1]);
    return low + (at - static_cast<double>(i)) * (high - low);
}

// Sums of squares and cubes of the changes of a statistic when one value is left out, for BCa's acceleration.
struct jackknife_sums {
    double square = 0.0;
    double cube = 0.0;

    void add(double influence) noexcept
    {
        square += influence * influence;
        cube += influence * influence * influence;
    }
};

[[nodiscard]] inline double acceleration(double square, double cube) noexcept
{
    return square > 0.0 ? cube / (6.0 * square * std::sqrt(square)) : 0.0;
}

inline void finish_bootstrap(bootstrap_result& result, std::span<const double> replicates, double estimate,
                             double accelerated, const bootstrap_options& options)
{
    result.estimate = estimate;
    const double count = static_cast<double>(replicates.size());
    double sum = 0.0, below = 0.0;
    for (const double value : replicates) {
        sum += value - estimate;
        below += value < estimate ? 1.0 : value == estimate ? 0.5 : 0.0;
    }
    const double offset = sum / count;
    double square = 0.0;
    for (const double value : replicates) {
        square += (value - estimate - offset) * (value - estimate - offset);
    }
    result.bias = offset;
    result.standard_error = std::sqrt(square / (count - 1.0));
    const sorted_sample sorted{replicates};
    if (!sorted.valid || !sorted.finite || !std::isfinite(estimate)) {
        result.state = status::out_of_range;
        return;
    }
    if (sorted.keys[0] == sorted.keys[sorted.size() - 1]) {
        result.state = status::zero_variance;
        return;
    }
    const double tail = tail_alpha({options.alpha, options.alternative});
    double low = tail, high = 1.0 - tail;
    if (options.interval == bootstrap_interval::bca) {
        const double share = below / count;
        const double least = 0.5 / count;
        const double z0 = normal_quantile(share < least ? least : share > 1.0 - least ? 1.0 - least : share);
        const double z = normal_upper_quantile(tail);
        const auto corrected = [&](double from) {
            const double moved = z0 + from;
            return normal_cdf(z0 + moved / (1.0 - accelerated * moved));
        };
        low = corrected(-z);
        high = corrected(z);
    }
    result.lower = replicate_quantile(sorted, low);
    result.upper = replicate_quantile(sorted, high);
    open_end(result, options.alternative);
    result.state = status::ok;
}

// A sample minus its mean.
struct centred_sample {
    buffer<double> values;
    double mean = 0.0;
    double rest = 0.0;  // the mean of the centred values, which is rounding error

    explicit centred_sample(std::span<const double> x) : values(x.size())
    {
        const double n = static_cast<double>(x.size());
        for (const double value : x) {
            mean += value / n;
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
            values[i] = x[i] - mean;
            rest += values[i];
        }
        rest /= n;
    }

    [[nodiscard]] double resampled_mean(resampler& random) const noexcept
    {
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
        const double* const from = values.data();
        draw_indices(random, values.size(), values.size(),
                     [&](std::size_t i, std::size_t lane) { sums[lane] += from[i]; });
        return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / static_cast<double>(values.size());
    }

    [[nodiscard]] jackknife_sums influences() const noexcept
    {
        jackknife_sums sums;
        for (const double value : values) {
            sums.add(value - rest);
        }
        return sums;
    }
};

[[nodiscard]] inline std::string_view bootstrap_name(bootstrap_interval interval) noexcept
{
    return interval == bootstrap_interval::bca ? "bootstrap, BCa interval" : "bootstrap, percentile interval";
}

// Sets the state; returns false where nothing can be computed.
[[nodiscard]] inline bool begin_bootstrap(bootstrap_result& result, std::span<const double> x,
                                          std::span<const double> y, std::size_t samples,
                                          const bootstrap_options& options) noexcept
{
    result.method = bootstrap_name(options.interval);
    bool valid = is_alpha(options.alpha);
    for (const std::span<const double> sample : {x, y}) {
        for (const double value : sample) {
            valid = valid && value - value == 0.0;
        }
    }
    if (!valid) {
        result.state = status::out_of_range;
        return false;
    }
    return x.size() >= 2 && (samples == 1 || y.size() >= 2) && options.replicates >= 2;
}

// The jackknife of any statistic, which is called on the sample without each of its values in turn.
template <class Statistic>
[[nodiscard]] jackknife_sums jackknife(std::span<const double> x, const Statistic& statistic)
{
    const std::size_t n = x.size();
    buffer<double> left(n - 1);
    buffer<double> values(n);
    double mean = 0.0;
    for (std::size_t i = 0; i + 1 < n; ++i) {
        left[i] = x[i + 1];
    }
    for (std::size_t i = 0; i < n; ++i) {
        values[i] = statistic(std::span<const double>{left.data(), n - 1});
        mean += values[i] / static_cast<double>(n);
        if (i + 1 < n) {
            left[i] = x[i];
        }
    }
    jackknife_sums sums;
    for (const double value : values) {
        sums.add(static_cast<double>(n - 1) * (mean - value));
    }
    return sums;
}

[[nodiscard]] inline double acceleration(const jackknife_sums& x, double m, const jackknife_sums& y,
                                         double n) noexcept
{
    return acceleration(x.square / (m * m) + y.square / (n * n), x.cube / (m * m * m) + y.cube / (n * n * n));
}

}  // namespace detail

/// Return a bootstrap interval of a mean.
///
/// When to use: skewed values, from about 50 on; heavy tails need many more, whatever the method. When not: means that
/// are nearly normal, for which `welch_t` is cheaper.
/// assumes: independent observations; for units with several values see `poisson_bootstrap`.
/// errors: too_few (fewer than 2 values, or replicates), zero_variance, out_of_range (not finite, alpha).
/// cost: about 1 ns for each value and replicate.
/// source: Efron 1979; BCa: Efron 1987, "Better bootstrap confidence intervals".
[[nodiscard]] inline bootstrap_result bootstrap(std::span<const double> x,
                                                const bootstrap_options& options = {})
{
    bootstrap_result result;
    if (!detail::begin_bootstrap(result, x, {}, 1, options)) {
        return result;
    }
    const detail::centred_sample sample{x};
    detail::buffer<double> replicates(static_cast<std::size_t>(options.replicates));
    for (std::size_t r = 0; r < replicates.size(); ++r) {
        detail::resampler random{options.seed, r};
        replicates[r] = sample.mean + sample.resampled_mean(random);
    }
    const detail::jackknife_sums sums = sample.influences();
    detail::finish_bootstrap(result, replicates, sample.mean + sample.rest,
                             detail::acceleration(sums.square, sums.cube), options);
    return result;
}

/// Return a bootstrap interval of the difference of two means; each sample is resampled on its own.
/// cost: a draw per value and replicate, and a sort of the replicates.
[[nodiscard]] inline bootstrap_result bootstrap(std::span<const double> x, std::span<const double> y,
                                                const bootstrap_options& options = {})
{
    bootstrap_result result;
    if (!detail::begin_bootstrap(result, x, y, 2, options)) {
        return result;
    }
    const detail::centred_sample first{x};
    const detail::centred_sample second{y};
    const double difference = first.mean - second.mean;
    detail::buffer<double> replicates(static_cast<std::size_t>(options.replicates));
    for (std::size_t r = 0; r < replicates.size(); ++r) {
        detail::resampler random{options.seed, r};
        const double of_first = first.resampled_mean(random);
        replicates[r] = difference + (of_first - second.resampled_mean(random));
    }
    detail::jackknife_sums of_second = second.influences();
    of_second.cube = -of_second.cube;
    detail::finish_bootstrap(result, replicates, difference + (first.rest - second.rest),
                             detail::acceleration(first.influences(), static_cast<double>(x.size()),
                                                  of_second, static_cast<double>(y.size())),
                             options);
    return result;
}

/// Return a bootstrap interval of any statistic of one sample.
///
/// errors: also out_of_range where the statistic of a resample is not finite.
/// cost: a call of the statistic per replicate, and for BCa one per value.
template <one_sample_statistic Statistic>
[[nodiscard]] bootstrap_result bootstrap(std::span<const double> x, const Statistic& statistic,
                                         const bootstrap_options& options = {})
{
    bootstrap_result result;
    if (!detail::begin_bootstrap(result, x, {}, 1, options)) {
        return result;
    }
    detail::buffer<double> drawn(x.size());
    detail::buffer<double> replicates(static_cast<std::size_t>(options.replicates));
    for (std::size_t r = 0; r < replicates.size(); ++r) {
        detail::resampler random{options.seed, r};
        std::size_t at = 0;
        detail::draw_indices(random, x.size(), x.size(),
                             [&](std::size_t i, std::size_t) { drawn[at++] = x[i]; });
        replicates[r] = statistic(std::span<const double>{drawn.data(), drawn.size()});
    }
    double accelerated = 0.0;
    if (options.interval == bootstrap_interval::bca) {
        const detail::jackknife_sums sums = detail::jackknife(x, statistic);
        accelerated = detail::acceleration(sums.square, sums.cube);
    }
    detail::finish_bootstrap(result, replicates, statistic(x), accelerated, options);
    return result;
}

/// Return a bootstrap interval of any statistic of two samples.
/// cost: a call of the statistic per replicate, and for BCa one per value.
template <two_sample_statistic Statistic>
[[nodiscard]] bootstrap_result bootstrap(std::span<const double> x, std::span<const double> y,
                                         const Statistic& statistic, const bootstrap_options& options = {})
{
    bootstrap_result result;
    if (!detail::begin_bootstrap(result, x, y, 2, options)) {
        return result;
    }
    detail::buffer<double> first(x.size());
    detail::buffer<double> second(y.size());
    detail::buffer<double> replicates(static_cast<std::size_t>(options.replicates));
    for (std::size_t r = 0; r < replicates.size(); ++r) {
        detail::resampler random{options.seed, r};
        std::size_t at = 0;
        detail::draw_indices(random, x.size(), x.size(),
                             [&](std::size_t i, std::size_t) { first[at++] = x[i]; });
        at = 0;
        detail::draw_indices(random, y.size(), y.size(),
                             [&](std::size_t i, std::size_t) { second[at++] = y[i]; });
        replicates[r] = statistic(std::span<const double>{first.data(), first.size()},
                                  std::span<const double>{second.data(), second.size()});
    }
    double accelerated = 0.0;
    if (options.interval == bootstrap_interval::bca) {
        const auto of_x =
            detail::jackknife(x, [&](std::span<const double> left) { return statistic(left, y); });
        const auto of_y =
            detail::jackknife(y, [&](std::span<const double> left) { return statistic(x, left); });
        accelerated =
            detail::acceleration(of_x, static_cast<double>(x.size()), of_y, static_cast<double>(y.size()));
    }
    detail::finish_bootstrap(result, replicates, statistic(x, y), accelerated, options);
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
