// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/ranks.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
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

/// Set up interleaving_sensitivity.
struct sensitivity_options {
    /// The level of the interval and of both comparisons.
    double alpha = 0.05;
    /// The power for which impressions are computed.
    double power = 0.8;
    /// The share of the units of the A/B test that see the first arm.
    double first_share = 0.5;
    /// Impressions per unit of the interleaving.
    double interleaved_per_unit = 1.0;
    /// Impressions per unit of the A/B test.
    double ab_per_unit = 1.0;
    /// The number of bootstrap replicates.
    std::uint64_t replicates = 2'000;
    /// The same seed gives the same replicates on every platform.
    std::uint64_t seed = 1;
};

/// Say whether the interleaving and the A/B test prefer the same arm.
enum class preference_agreement : std::uint8_t {
    /// One of the effects cannot be distinguished from 0.
    undecided,
    /// Both prefer the same arm.
    same,
    /// They prefer different arms.
    opposite
};

/// Report what one of the two designs measured.
struct measured_design {
    /// The effect, first minus second.
    double effect = not_a_number;
    /// The effect divided by its standard error.
    double z = not_a_number;
    /// The squared effect divided by the variance: the information of one impression.
    double per_impression = not_a_number;
    /// The impressions needed for `power`, all arms together; infinite for an effect of exactly 0.
    double impressions = not_a_number;
    /// True where the effect differs from 0 at `alpha`.
    bool decided = false;
};

/// Report how many impressions of an A/B test one interleaved impression is worth, with an interval.
///
/// Read `agreement` first: where it is `opposite` the two designs answer different questions and `ratio` has no
/// meaning. Where the A/B effect cannot be distinguished from 0 `upper` is infinite, and where the interleaved
/// effect cannot `lower` is 0, whatever `ratio` is.
struct sensitivity_result {
    /// The impressions of the A/B test that one interleaved impression is worth.
    double ratio = not_a_number;
    /// The lower end of the interval.
    double lower = not_a_number;
    /// The upper end of the interval.
    double upper = not_a_number;
    /// What the interleaving measured.
    measured_design interleaved{};
    /// What the A/B test measured.
    measured_design ab{};
    /// Whether both prefer the same arm.
    preference_agreement agreement = preference_agreement::undecided;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

namespace detail {

// A sample about its mean, for resampling.
struct drawn_again {
    buffer<double> centred{};
    double mean = 0.0;
    double variance = 0.0;

    explicit drawn_again(std::span<const double> values) : centred(values)
    {
        const sample_summary s = moments{values}.summary();
        mean = s.mean;
        variance = s.variance;
        for (double& x : centred) {
            x -= mean;
        }
    }
    // The mean and variance of one replicate.
    struct replicate {
        double mean = 0.0;
        double variance = 0.0;
    };
    [[nodiscard]] replicate draw(resampler& random) const noexcept
    {
        double sums[4] = {}, squares[4] = {};
        draw_indices(random, centred.size(), centred.size(), [&](std::size_t i, std::size_t lane) {
            const double x = centred[i];
            sums[lane] += x;
            squares[lane] += x * x;
        });
        const double n = static_cast<double>(centred.size());
        const double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        const double square = (squares[0] + squares[1]) + (squares[2] + squares[3]);
        return {mean + sum / n, (square - sum * sum / n) / (n - 1.0)};
    }
};

[[nodiscard]] inline measured_design measured(double effect, double error, double variance_per_impression,
                                              const sensitivity_options& options) noexcept
{
    measured_design out;
    const double z = normal_upper_quantile(0.5 * options.alpha);
    const double needed = z + normal_upper_quantile(1.0 - options.power);
    out.effect = effect;
    out.z = effect / error;
    out.per_impression = effect * effect / variance_per_impression;
    out.impressions = needed * needed / out.per_impression;
    out.decided = std::fabs(out.z) > z;
    return out;
}

// Effect over standard deviation in the direction that was observed; 0 in the other direction.
[[nodiscard]] inline double towards(double effect, double variance, double seen) noexcept
{
    const double along = seen < 0.0 ? -effect : effect;
    return along > 0.0 ? along / std::sqrt(variance) : 0.0;
}

}  // namespace detail

/// Measure how much more sensitive interleaving was than an A/B test of the same two arms: the ratio, per
/// impression, of squared effect over variance.
///
/// Each element of `differences` is one interleaved unit's outcome, first minus second (see attribution.hpp of
/// interleave); `first` and `second` are the A/B outcomes per unit of either arm. The ratio depends on what the A/B
/// test counts, on the change and on the users, so it describes these data; it is no constant of the method, and says
/// nothing certain about the next test. The interval is a bootstrap interval: each sample is resampled on its own,
/// and a replicate whose A/B effect has the other sign counts as infinite.
/// assumes: independent units; no unit is in both the interleaving and the A/B test.
/// errors: too_few (fewer than 2 units in a sample, or replicates), zero_variance (all differences, or all outcomes
///     of both arms, are equal), out_of_range (a value that is not finite, alpha, power, share, impressions).
/// cost: about 2 ns for each value and replicate.
/// source: Chapelle et al. 2012, "Large-scale validation and analysis of interleaved search evaluation"; Efron 1979.
[[nodiscard]] inline sensitivity_result interleaving_sensitivity(std::span<const double> differences,
                                                                 std::span<const double> first,
                                                                 std::span<const double> second,
                                                                 const sensitivity_options& options = {})
{
    sensitivity_result out;
    bool valid = detail::is_alpha(options.alpha) && options.power > 0.5 * options.alpha &&
                 options.power < 1.0 && options.first_share > 0.0 && options.first_share < 1.0 &&
                 options.interleaved_per_unit > 0.0 && options.ab_per_unit > 0.0 &&
                 std::isfinite(options.interleaved_per_unit) && std::isfinite(options.ab_per_unit);
    for (const std::span<const double> sample : {differences, first, second}) {
        for (const double x : sample) {
            valid = valid && std::isfinite(x);
        }
    }
    if (!valid) {
        out.state = status::out_of_range;
        return out;
    }
    if (differences.size() < 2 || first.size() < 2 || second.size() < 2 || options.replicates < 2) {
        return out;
    }
    const detail::drawn_again d{differences}, x{first}, y{second};
    // The variance per unit of a difference of arms, if all units were divided at the planned share.
    const auto of_arms = [&](double of_first, double of_second) {
        return of_first / options.first_share + of_second / (1.0 - options.first_share);
    };
    const double n = static_cast<double>(differences.size());
    const double ab_variance = of_arms(x.variance, y.variance);
    const double ab_effect = x.mean - y.mean;
    if (!std::isfinite(d.variance) || !std::isfinite(ab_variance) || !std::isfinite(ab_effect)) {
        out.state = status::out_of_range;
        return out;
    }
    if (!(d.variance > 0.0 && ab_variance > 0.0)) {
        out.state = status::zero_variance;
        return out;
    }
    out.interleaved = detail::measured(d.mean, std::sqrt(d.variance / n),
                                       d.variance * options.interleaved_per_unit, options);
    out.ab = detail::measured(ab_effect,
                              std::sqrt(x.variance / static_cast<double>(first.size()) +
                                        y.variance / static_cast<double>(second.size())),
                              ab_variance * options.ab_per_unit, options);
    if (out.interleaved.decided && out.ab.decided) {
        out.agreement =
            (d.mean > 0.0) == (ab_effect > 0.0) ? preference_agreement::same : preference_agreement::opposite;
    }
    const double infinite = std::numeric_limits<double>::infinity();
    const double scale = options.ab_per_unit / options.interleaved_per_unit;
    const auto ratio_of = [&](double of_interleaving, double of_ab) {
        const double root = of_interleaving / of_ab;
        return of_ab > 0.0 ? scale * root * root : infinite;
    };
    out.ratio = ratio_of(detail::towards(d.mean, d.variance, d.mean),
                         detail::towards(ab_effect, ab_variance, ab_effect));
    detail::buffer<double> ratios(static_cast<std::size_t>(options.replicates));
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        detail::resampler random{options.seed, r};
        const auto of_d = d.draw(random);
        const auto of_x = x.draw(random);
        const auto of_y = y.draw(random);
        const double variance = of_arms(of_x.variance, of_y.variance);
        // A replicate of one value repeated says nothing about a variance, so the sample's own variance is used.
        ratios[r] = ratio_of(
            detail::towards(of_d.mean, of_d.variance > 0.0 ? of_d.variance : d.variance, d.mean),
            detail::towards(of_x.mean - of_y.mean, variance > 0.0 ? variance : ab_variance, ab_effect));
    }
    // Order statistics, on the conservative side of each end, because nothing can be interpolated next to an
    // infinite one.
    const detail::sorted_sample sorted{std::span<const double>{ratios}};
    const double count = static_cast<double>(ratios.size());
    const double tail = std::floor(0.5 * options.alpha * (count + 1.0));
    const std::size_t place = tail >= 1.0 ? static_cast<std::size_t>(tail) - 1 : 0;
    out.lower = out.interleaved.decided ? detail::value_of_key(sorted.keys[place]) : 0.0;
    out.upper = out.ab.decided ? detail::value_of_key(sorted.keys[sorted.keys.size() - 1 - place]) : infinite;
    out.state = status::ok;
    return out;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
