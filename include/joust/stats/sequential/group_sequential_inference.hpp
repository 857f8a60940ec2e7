// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/gauss_legendre.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/stopped_walk.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// Probabilities of outcomes at least as extreme as one outcome, in the stagewise ordering.
struct tail_pair {
    double up = 0.0;    // upwards
    double down = 0.0;  // downwards
};

// The stagewise ordering: an outcome that stops at the upper bound is above all outcomes that stop later or never, and
// below those that stopped at the upper bound earlier. The lower bound is treated in the mirrored way.
[[nodiscard]] inline tail_pair stagewise_tails(std::span<const group_sequential_look> looks, double z,
                                               double drift)
{
    stopped_walk walk{drift};
    tail_pair before;
    for (std::size_t k = 0; k < looks.size(); ++k) {
        const double root = std::sqrt(looks[k].information);
        walk.go_to(looks[k].information);
        if (k + 1 == looks.size()) {
            const bool low = z <= looks[k].lower;
            const double up = before.up + walk.above(z * root);
            const double down = before.down + walk.below(z * root);
            // One of the two tails is a sum of what was integrated, the other is its complement.
            const bool all_is_here = !low && !(z >= looks[k].upper);
            return {low ? 1.0 - down : up, low || all_is_here ? down : 1.0 - up};
        }
        before.up += std::isfinite(looks[k].upper) ? walk.above(looks[k].upper * root) : 0.0;
        before.down += std::isfinite(looks[k].lower) ? walk.below(looks[k].lower * root) : 0.0;
        walk.keep(looks[k].lower * root, looks[k].upper * root);
    }
    return {};
}

[[nodiscard]] inline bool rising(std::span<const group_sequential_look> looks) noexcept
{
    double reached = 0.0;
    for (const group_sequential_look& look : looks) {
        if (!(look.information > reached && std::isfinite(look.information) && look.lower <= look.upper) ||
            hardly_new(reached, look.information)) {
            return false;
        }
        reached = look.information;
    }
    return !looks.empty();
}

}  // namespace detail

/// Analyse a group-sequential trial that stopped at its last look with this Z: p-value, median-unbiased estimate and
/// interval in the stagewise ordering.
///
/// The estimate is that of the drift, the mean of Z / sqrt(information): the effect itself when information is 1 /
/// variance. The plain estimate is biased away from zero after early stopping; this one is above the truth as often as
/// below it. `looks` are those that were taken; set futility bounds that were not binding to infinity.
/// assumes: as group_sequential_design.
/// errors: out_of_range (no look, information that does not rise by 1e-4 or more at each look, z not finite,
///     alpha), not_converged (the estimate or a limit was not found and is NaN).
/// cost: about forty passes over the looks: 20 ms for 30 looks.
/// source: Fairbanks and Madsen 1982; Tsiatis, Rosner and Mehta 1984; Jennison and Turnbull 2000, chapter 8.
[[nodiscard]] inline test_result group_sequential_result(std::span<const group_sequential_look> looks,
                                                         double z, const test_options& options = {})
{
    test_result result;
    result.method = "group-sequential test, stagewise ordering";
    if (!detail::rising(looks) || !std::isfinite(z) || !detail::is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    const double root = std::sqrt(looks.back().information);
    result.statistic = z;
    const detail::tail_pair null = detail::stagewise_tails(looks, z, 0.0);
    const double p = options.alternative == side::greater ? null.up
                     : options.alternative == side::less  ? null.down
                                                          : 2.0 * (null.up < null.down ? null.up : null.down);
    result.p_value = p < 1.0 ? p : 1.0;
    result.log_p = std::log(result.p_value);
    // The drift at which an outcome this large has the given probability; that probability rises with the drift.
    const auto drift_with = [&](double probability) {
        const double centre = z / root;
        double low = centre - 1.0 / root;
        double high = centre + 1.0 / root;
        const auto excess = [&](double drift) {
            const detail::tail_pair tails = detail::stagewise_tails(looks, z, drift);
            return tails.up - probability;
        };
        double at_low = excess(low);
        double at_high = excess(high);
        for (double reach = 2.0; reach < 1e4 && at_low > 0.0; reach *= 2.0) {
            high = low;
            at_high = at_low;
            low = centre - reach / root;
            at_low = excess(low);
        }
        for (double reach = 2.0; reach < 1e4 && at_high < 0.0; reach *= 2.0) {
            low = high;
            at_low = at_high;
            high = centre + reach / root;
            at_high = excess(high);
        }
        if (!(at_low <= 0.0 && at_high >= 0.0)) {
            return not_a_number;
        }
        const detail::solution found = detail::ridders_root(
            {low, high, at_low < 0.0 ? at_low : -std::numeric_limits<double>::min(), at_high}, excess,
            [=](const detail::illinois_bracket& at, double) {
                return !(at.high - at.low > 1e-14 * (std::fabs(at.high) + 1.0 / root));
            });
        return found.converged ? found.at : not_a_number;
    };
    const double tail = options.alternative == side::two ? 0.5 * options.alpha : options.alpha;
    result.estimate = drift_with(0.5);
    result.lower =
        options.alternative == side::less ? -std::numeric_limits<double>::infinity() : drift_with(tail);
    result.upper = options.alternative == side::greater ? std::numeric_limits<double>::infinity()
                                                        : drift_with(1.0 - tail);
    result.state =
        std::isnan(result.estimate + result.lower + result.upper) ? status::not_converged : status::ok;
    return result;
}

/// Return the repeated confidence interval of the drift at a look: valid at every look, whether the trial stops or
/// not.
///
/// `look` must come from a two-sided design without futility.
/// errors: NaN ends unless z is finite and the information positive.
/// cost: O(1), two divisions.
/// source: Jennison and Turnbull 1989.
[[nodiscard]] inline bounds repeated_interval(const group_sequential_look& look, double z) noexcept
{
    if (!std::isfinite(z) || !(look.information > 0.0)) {
        return {not_a_number, not_a_number};
    }
    const double root = std::sqrt(look.information);
    return {(z - look.upper) / root, (z - look.lower) / root};
}

/// Return the conditional power: the probability, given `z` at `information` so far, of crossing the bound of the
/// alternative at one of the `future` looks when the drift is `drift`.
///
/// Common choices of the drift are the planned one, the present estimate (z / sqrt(information)), and 0. `side::two`
/// counts both bounds.
/// errors: NaN unless the information of the looks rises from `information` >= 0 on and z is finite.
/// cost: one pass over the looks to come, about 20 us each.
/// source: Lan, Simon and Halperin 1982; Jennison and Turnbull 2000, chapter 10.
[[nodiscard]] inline double conditional_power(double z, double information,
                                              std::span<const group_sequential_look> future, double drift,
                                              side alternative = side::greater)
{
    if (!(information >= 0.0) || !std::isfinite(z) || !std::isfinite(drift) || !detail::rising(future) ||
        !(future.front().information > information)) {
        return not_a_number;
    }
    const double start = z * std::sqrt(information);
    detail::stopped_walk walk{drift};  // the increments from here on
    double power = 0.0;
    for (const group_sequential_look& look : future) {
        const double root = std::sqrt(look.information);
        const double upper = look.upper * root - start;
        const double lower = look.lower * root - start;
        walk.go_to(look.information - information);
        if (alternative != side::less && std::isfinite(upper)) {
            power += walk.above(upper);
        }
        if (alternative != side::greater && std::isfinite(lower)) {
            power += walk.below(lower);
        }
        walk.keep(lower, upper);
    }
    return power;
}

/// Describe the belief about the drift before the trial; the default is flat.
struct drift_prior {
    /// The mean of the normal prior.
    double mean = 0.0;
    /// The standard deviation of the normal prior; infinite for a flat prior.
    double deviation = std::numeric_limits<double>::infinity();
};

/// Return the predictive power: the conditional power averaged over the present belief about the drift.
///
/// errors: as conditional_power; NaN also for information 0 with a flat prior.
/// cost: about a hundred conditional powers.
/// source: Spiegelhalter, Freedman and Blackburn 1986.
[[nodiscard]] inline double predictive_power(double z, double information,
                                             std::span<const group_sequential_look> future,
                                             const drift_prior& prior = {}, side alternative = side::greater)
{
    const double prior_information =
        std::isinf(prior.deviation) ? 0.0 : 1.0 / (prior.deviation * prior.deviation);
    const double total = prior_information + information;
    if (!(total > 0.0) || !(prior.deviation > 0.0) || !std::isfinite(total)) {
        return not_a_number;
    }
    const double mean = (prior_information > 0.0 ? prior_information * prior.mean : 0.0) / total +
                        z * std::sqrt(information) / total;
    const double deviation = 1.0 / std::sqrt(total);
    // Averaging over the drift only spreads the walk: 96 nodes over +-8.5 deviations resolve a conditional power that
    // rises over less than a tenth of one.
    const detail::quadrature_rule rule = detail::gauss_legendre(96);
    double power = 0.0;
    for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
        const double u = 8.5 * rule.nodes[i];
        power += 8.5 * rule.weights[i] * normal_pdf(u) *
                 conditional_power(z, information, future, mean + deviation * u, alternative);
    }
    return power;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
