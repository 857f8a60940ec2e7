// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/excluded_harm.hpp>
#include <joust/stats/sequential/exclusion.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Describe what is known before a harm is to be excluded by events.
struct exclusion_situation {
    /// The champion's rate of events.
    double champion_rate = 0.0;
    /// The challenger's share, strictly between 0 and 1.
    double share = 0.5;
    /// The harm to exclude.
    excluded_harm harm{};
    /// The error rate.
    double beta = 0.05;
    /// How far the events of one unit cling together.
    event_clustering clustering{};
};

/// Report how much a challenger that is as good as the champion has to serve until a harm is excluded.
struct exclusion_outlook {
    /// The challenger's requests until half of such challengers have excluded the harm; infinite where requests never do.
    double requests = not_a_number;
    /// Those until nine in ten have.
    double requests_p90 = not_a_number;
    /// The requests that no method can do without where the champion never fails: ln(1 / beta) / increase. 0 for a ratio alone.
    double least_requests = not_a_number;
    /// The challenger's units that are needed however often they return: a unit may fail wholly, and 30 buckets have to
    /// be occupied.
    double least_units = not_a_number;
    /// The evidence in nats that a request of the challenger gives on average.
    double nats = not_a_number;
    /// The design effect, by which the requests are multiplied.
    double design_effect = not_a_number;
    /// Whether the ratio excludes the harm sooner than the increase.
    bool by_ratio = false;
    /// Whether the numbers are valid.
    status state = status::out_of_range;
};

/// Return the evidence against a harm, in nats, that a request of an equal challenger gives on average: for an increase by
/// the best of the bets, for a ratio by the alternative "as good as the champion", and the larger of both where both are set.
///
/// errors: NaN for arguments out of range. It is 0 or negative where requests never exclude the harm.
/// cost: O(1), three logarithms.
[[nodiscard]] double exclusion_nats(double champion_rate, double share, const excluded_harm& harm) noexcept;

/// Return how many units of the challenger it takes to exclude an increase of the rate of events, since a unit may fail wholly
/// and come only once.
///
/// errors: infinite for an increase that is not positive
/// cost: O(1), one logarithm
[[nodiscard]] inline double units_to_exclude(double increase, double beta) noexcept
{
    constexpr double mixtures = 2.6;
    return increase > 0.0 ? (mixtures - std::log(beta)) / increase : std::numeric_limits<double>::infinity();
}

/// Foretell how many requests and units a challenger needs that is as good as the champion.
///
/// The number of requests is D (ln(1 / beta) + 1.4) / nats, where 1.4 is what the mixtures cost; where fewer than three events of
/// the challenger are expected, they cost 1 more. Simulated medians are from 0.8 to 1.6 times of it, and nine in ten
/// need at most 2.5 times as many.
/// errors: out_of_range.
/// cost: O(1), below 0.1 us.
[[nodiscard]] exclusion_outlook plan_exclusion(const exclusion_situation& known) noexcept;

}  // namespace stats

#if JOUST_BODIES

namespace stats {
namespace detail {

// The nats of a request, with the largest bet that the mixture for increases has of those up to the best one.
[[nodiscard]] inline double increase_nats(double p, double share, double d) noexcept
{
    const double odds = share / (1.0 - share);
    // The mean evidence of bet f is f d + p ln(1 - f) + (p / odds) ln(1 + f odds), which is concave; its slope is 0 where
    // odds d f^2 + ((1 + odds) p + (1 - odds) d) f - d = 0.
    const double middle = (1.0 + odds) * p + (1.0 - odds) * d;
    const double root = std::sqrt(middle * middle + 4.0 * odds * d * d);
    const double best = middle > 0.0 ? 2.0 * d / (middle + root) : (root - middle) / (2.0 * odds * d);
    const double least = exclusion_bets.front(), most = exclusion_bets.back();
    const double f = best < least ? least : best < most ? best : most;
    return f * d + p * (std::log1p(-f) + std::log1p(f * odds) / odds);
}

}  // namespace detail

JOUST_FUNCTION double exclusion_nats(double champion_rate, double share, const excluded_harm& harm) noexcept
{
    const double p = champion_rate;
    if (!(p >= 0.0 && p <= 1.0) || !(share > 0.0 && share < 1.0) || !detail::is_harm(harm)) {
        return not_a_number;
    }
    double nats = -std::numeric_limits<double>::infinity();
    if (!std::isnan(harm.increase)) {
        nats = detail::increase_nats(p, share, harm.increase);
    }
    if (!std::isnan(harm.ratio)) {
        const double by_ratio =
            harm.ratio > 1.0 ? p * (std::log1p(share * (harm.ratio - 1.0)) / share - std::log(harm.ratio))
                             : 0.0;
        nats = by_ratio > nats ? by_ratio : nats;
    }
    return nats;
}

JOUST_FUNCTION exclusion_outlook plan_exclusion(const exclusion_situation& known) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double mixtures = 1.4, few_events = 1.0, until_p90 = 2.5;
    constexpr double units_of_30_buckets = 31.0;
    exclusion_outlook out;
    const excluded_harm& harm = known.harm;
    out.nats = exclusion_nats(known.champion_rate, known.share, harm);
    out.design_effect = exclusion_design_effect(known.clustering, known.champion_rate, harm);
    if (std::isnan(out.nats) || std::isnan(out.design_effect) || !detail::is_alpha(known.beta)) {
        return out;
    }
    out.state = status::ok;
    const double p = known.champion_rate, needed = -std::log(known.beta);
    const double h = detail::harm_above(p, harm);
    out.by_ratio = !(exclusion_nats(p, known.share, {harm.increase, not_a_number}) >= out.nats);
    out.requests = infinity;
    if (out.nats > 0.0) {
        out.requests = out.design_effect * (needed + mixtures) / out.nats;
        if (p * out.requests < 3.0) {
            out.requests += out.design_effect * few_events / out.nats;
        }
    }
    // Without events there is no luck: the evidence is that of the requests alone.
    const double steady = p * out.requests < 0.1 * out.design_effect ? 1.1 : until_p90;
    out.requests_p90 = steady * out.requests;
    out.least_requests = harm.increase > 0.0 ? needed / harm.increase : 0.0;
    const double units = units_to_exclude(h, known.beta);
    out.least_units = units > units_of_30_buckets ? units : units_of_30_buckets;
    return out;
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
