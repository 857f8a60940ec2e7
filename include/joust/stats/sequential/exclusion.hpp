// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/excluded_harm.hpp>
#include <joust/stats/sequential/score.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Count the requests and the events (failures, late answers) of both arms under one share of the challenger.
struct event_counts {
    /// The champion's requests.
    double champion_requests = 0.0;
    /// The challenger's requests.
    double challenger_requests = 0.0;
    /// The champion's requests with an event.
    double champion_events = 0.0;
    /// The challenger's requests with an event.
    double challenger_events = 0.0;
    /// The challenger's share in the plan; where it is NaN, its share of these requests takes its place.
    double share = not_a_number;
};

/// Say how far the events of one unit cling together. Evidence is divided by a design effect that is made of these.
struct event_clustering {
    /// The design effect that does not depend on which arm served, at least 1.
    double arm_free = 1.0;
    /// The design effect of the observed scores, at least `arm_free`.
    double observed = 1.0;
    /// How many requests a challenger's unit made on average, at least 1: requests divided by distinct units.
    double requests_per_unit = 1.0;
    /// Compare all members.
    bool operator==(const event_clustering&) const = default;
};

/// Choose the odds with which an event falls to the challenger where both models are equal.
enum class event_odds : std::uint8_t {
    /// The challenger's requests divided by the champion's: right also where units return.
    realised,
    /// Those of the planned share: with one request a unit the e-value is then an exact martingale.
    planned
};

/// Set up the exclusion of a harm by events.
struct exclusion_options {
    /// The error rate: a harm is excluded while its e-value is at least 1 / beta.
    double beta = 0.05;
    /// How far the events of one unit cling together.
    event_clustering clustering{};
    /// The odds of an event.
    event_odds odds = event_odds::realised;
    /// Whether no weight is laid on "the challenger is as good as the champion" when ratios are tested. A ratio of at most 1
    /// never has such a weight.
    bool spread_only = false;
};

/// Report the largest harm that is not excluded yet.
struct exclusion_limit {
    /// The harm, in the form that was asked for. An increase of 1 and an infinite ratio say that nothing is excluded; an
    /// increase of 0 and a ratio of 1 say that every harm is.
    excluded_harm upper{};
    /// Whether the limit is valid. `not_converged` leaves a limit that is too large.
    status state = status::too_few;
};

/// Compute how far the events of one unit cling together, from the sums of the events' series and the counts.
///
/// D0 = V0 / sum s (1 - s) x. From 10 expected events of the challenger and 30 buckets with challenger data on, D1 is the
/// larger of D0 and V / sum((1 - s)^2 F1 + s^2 F0); before that, D1 = D0.
/// assumes: `sums` holds x = 1 for a request with an event and 0 for any other, without a subtracted constant.
/// errors: NaN in `arm_free` and `observed` for sums that are not finite or of unequal lengths.
/// cost: as score_test, without its interval.
[[nodiscard]] event_clustering clustering_of(const score_sums& sums, std::span<const event_counts> counts,
                                             double requests_per_unit) noexcept;

/// Return the design effect D for a harm: what is known clings together as seen, and what has to be excluded is taken to
/// come as units that fail wholly.
///
/// D = max(D1, (D0 p + m h) / (p + h)), with p the champion's rate of events, h = max(increase, (ratio - 1) p) and m requests
/// per unit.
/// errors: NaN for arguments out of range.
/// cost: O(1), a few divisions.
[[nodiscard]] double exclusion_design_effect(const event_clustering& clustering, double champion_rate,
                                             const excluded_harm& harm) noexcept;

/// Return the logarithm of the e-value against "the harm is at least `harm`", from counts that add up over threads,
/// replicas and days.
///
/// An increase d is tested by bets on p1 >= p0 + d, a ratio R by the arms of the events, given that they happened; with
/// both, the e-value is the mean of the two. Shares under which one arm served nothing contribute nothing.
///
/// When to use: before a rollout's stage is passed; failures and other rare events, latencies above a threshold (a ratio of
/// 1). When not: for rolling back, where `first_failure` is sooner; for values that are no events (`exclude_mean`).
/// assumes: each request or unit was randomised with the share of its entry. With planned odds, one request a unit and a design
///     effect of 1 the e-value is an exact martingale under any drift of the champion's rate. With realised odds and a
///     design effect it is a quasi-likelihood, whose error rates are simulated (docs/evidence/statistics.md).
/// errors: NaN for a harm that is not set or out of range, negative counts, more events than requests, a share outside
///     [0, 1]; planned odds without a share.
/// cost: about 30 logarithms per share.
/// source: betting on a difference of two rates (Waudby-Smith and Ramdas 2024); conditional test of two Poisson rates
///     (Przyborowski and Wilenski 1940) as a mixture of likelihood ratios (Wald 1945; Robbins 1970).
[[nodiscard]] double exclusion_log_e(std::span<const event_counts> counts, const excluded_harm& harm,
                                     const exclusion_options& options = {}) noexcept;

/// Return the largest harm that is not excluded at `options.beta`, in the form of `shape`: an increase, a ratio, or both in the
/// proportion of increase and ratio - 1 that `shape` has.
///
/// Every larger harm is excluded, although the evidence need not grow with the harm, because the design effect does.
/// errors: the state is too_few before both arms served under one share, out_of_range as exclusion_log_e, and not_converged
///     where the search ended at its longest; the limit is then too large, and valid.
/// cost: 100 to 300 times that of exclusion_log_e.
[[nodiscard]] exclusion_limit largest_harm_not_excluded(std::span<const event_counts> counts,
                                                        const excluded_harm& shape,
                                                        const exclusion_options& options = {}) noexcept;

/// Set up the exclusion of a harm to a mean, a conversion rate or a ratio of means.
struct mean_exclusion_options {
    /// The harm that has to be excluded, at least 0: how much worse the mean is, or, if `relative`, which part of the
    /// champion's mean.
    double harm = 0.0;
    /// Whether the harm is a part of the champion's mean.
    bool relative = false;
    /// Whether more of the metric is worse.
    bool harm_is_up = false;
    /// The error rate: a harm is excluded while its e-value is at least 1 / beta.
    double beta = 0.05;
    /// The precision of the mixture; fix it before the data that it judges (see `burn_in_rho`).
    double rho = 1.0;
    /// The variance process that the mixture uses (see `switching_clock`).
    variance_clock clock = variance_clock::larger;
    /// The burn-in: with fewer buckets with challenger data nothing is excluded.
    std::size_t min_buckets = 30;
    /// Whether the largest harm that is not excluded is computed. Without it it is infinite.
    bool limit = true;
};

/// Report the exclusion of a harm to a mean.
struct mean_exclusion {
    /// The logarithm of the e-value against "the harm is at least that of the options".
    double log_e = 0.0;
    /// The largest harm that is not excluded, in the form of the options; infinite while nothing is. It is negative where
    /// the challenger is shown to be better.
    double upper = std::numeric_limits<double>::infinity();
    /// The estimated harm.
    double estimate = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Test "the challenger's mean is worse by at least this harm" by one-sided propensity-centred scores: every value x of
/// the challenger is replaced by x minus the harm.
///
/// assumes: as score_test; a relative harm needs a metric that is not negative.
/// errors: those of score_test and relative_score_test, out_of_range for a negative harm, and for a relative one of 1 or more
///     where less is worse.
/// cost: as score_test.
[[nodiscard]] mean_exclusion exclude_mean(const score_sums& sums,
                                          const mean_exclusion_options& options) noexcept;

}  // namespace stats

#if JOUST_BODIES

namespace stats {
namespace detail {

// The bets, as parts of the largest possible bet, and as parts by which an alternative's ratio is below the one tested.
inline constexpr std::array<double, 7> exclusion_bets{0.03, 0.07, 0.15, 0.3, 0.5, 0.75, 0.97};

// An increase as odds d / (1 - d), which are accurate where d is close to 1, and a ratio; NaN where not tested.
struct harm_point {
    double odds = not_a_number;
    double ratio = not_a_number;
    // Is half of the weight on a ratio of 1?
    bool equal = false;

    [[nodiscard]] double increase() const noexcept
    {
        return odds < std::numeric_limits<double>::infinity() ? odds / (1.0 + odds) : 1.0;
    }
};

[[nodiscard]] inline double log_mean_exp(std::span<const double> logs) noexcept
{
    double largest = -std::numeric_limits<double>::infinity();
    for (const double x : logs) {
        largest = x > largest ? x : largest;
    }
    if (!std::isfinite(largest)) {
        return largest;
    }
    double sum = 0.0;
    for (const double x : logs) {
        sum += std::exp(x - largest);
    }
    return largest + std::log(sum / static_cast<double>(logs.size()));
}

// The number of events times a logarithm, which may be infinite where there is no event.
[[nodiscard]] inline double times_log(double count, double log_value) noexcept
{
    return count > 0.0 ? count * log_value : 0.0;
}

// A harm as an increase of a level, the larger of both where both are given.
[[nodiscard]] inline double harm_above(double level, const excluded_harm& harm) noexcept
{
    const double by_ratio = harm.ratio > 1.0 ? (harm.ratio - 1.0) * level : 0.0;
    return harm.increase > by_ratio ? harm.increase : by_ratio;
}

class excluding {
public:
    excluding(std::span<const event_counts> counts, const exclusion_options& options) noexcept
        : counts_(counts), options_(options)
    {
        bool valid = is_alpha(options.beta) && options.clustering.arm_free >= 1.0 &&
                     options.clustering.observed >= 1.0 && options.clustering.requests_per_unit >= 0.0 &&
                     std::isfinite(options.clustering.arm_free + options.clustering.observed +
                                   options.clustering.requests_per_unit);
        double events = 0.0, requests = 0.0;
        for (const auto& k : counts) {
            const double s = share_of(k);
            valid = valid && k.champion_requests >= 0.0 && k.challenger_requests >= 0.0 &&
                    k.champion_events >= 0.0 && k.challenger_events >= 0.0 &&
                    k.champion_events <= k.champion_requests &&
                    k.challenger_events <= k.challenger_requests &&
                    std::isfinite(k.champion_requests + k.challenger_requests) &&
                    !(k.share < 0.0 || k.share > 1.0) &&
                    (options.odds == event_odds::realised || !std::isnan(k.share) ||
                     !(k.champion_requests + k.challenger_requests > 0.0));
            compared_ = compared_ || (k.champion_requests > 0.0 && k.challenger_requests > 0.0);
            if (!std::isnan(s)) {
                events += s * k.champion_events;
                requests += s * k.champion_requests;
            }
        }
        champion_rate_ = requests > 0.0 ? events / requests : 0.0;
        valid_ = valid;
    }

    // The challenger's share in the plan, or else of the requests; NaN without requests.
    [[nodiscard]] static double share_of(const event_counts& k) noexcept
    {
        return std::isnan(k.share) ? k.challenger_requests / (k.challenger_requests + k.champion_requests)
                                   : k.share;
    }

    [[nodiscard]] bool valid() const noexcept { return valid_; }
    [[nodiscard]] bool compared() const noexcept { return compared_; }
    [[nodiscard]] double champion_rate() const noexcept { return champion_rate_; }

    [[nodiscard]] harm_point point_of(const excluded_harm& harm) const noexcept
    {
        // An increase of 1 or more would have every request fail, and none of the champion's.
        constexpr double largest_odds = 0x1p1000;
        const double d = harm.increase;
        return {std::isnan(d) ? d
                : d < 1.0     ? d / (1.0 - d)
                              : largest_odds,
                harm.ratio, !options_.spread_only && harm.ratio > 1.0};
    }

    // The log e-value against a harm.
    [[nodiscard]] double log_e(const harm_point& at) const noexcept { return at_least(at, at); }

    // A number that no log e-value against a harm from `a` to `b` is below, and that is the log e-value where both are the
    // same. The logarithms of bets rise with the harm, except for the alternative "as good as the champion". The design effect
    // rises or falls throughout.
    [[nodiscard]] double at_least(const harm_point& a, const harm_point& b) const noexcept
    {
        const double one = design_effect(a), other = design_effect(b);
        const double least = one < other ? one : other;
        const double most = one < other ? other : one;
        const auto divided = [&](double log_value) { return log_value / (log_value >= 0.0 ? most : least); };
        if (std::isnan(a.ratio)) {
            return increase_at_least(a, divided);
        }
        if (std::isnan(a.odds)) {
            return ratio_at_least(a, b, divided);
        }
        const std::array<double, 2> both{increase_at_least(a, divided), ratio_at_least(a, b, divided)};
        return detail::log_mean_exp(both);
    }

    [[nodiscard]] double design_effect(const harm_point& at) const noexcept
    {
        return exclusion_design_effect(options_.clustering, champion_rate_,
                                       {std::isnan(at.odds) ? not_a_number : at.increase(), at.ratio});
    }

private:
    // The champion's requests for each of the challenger's, at equal rates; negative where the entry says nothing.
    [[nodiscard]] double champions_a_challenger(const event_counts& k) const noexcept
    {
        if (options_.odds == event_odds::planned) {
            return k.share > 0.0 && k.share < 1.0 ? (1.0 - k.share) / k.share : -1.0;
        }
        return k.champion_requests > 0.0 && k.challenger_requests > 0.0
                   ? k.champion_requests / k.challenger_requests
                   : -1.0;
    }

    template <class Divided>
    [[nodiscard]] double increase_at_least(const harm_point& a, Divided divided) const noexcept
    {
        std::array<double, exclusion_bets.size()> logs{};
        for (const auto& k : counts_) {
            const double champions = champions_a_challenger(k);
            if (champions < 0.0) {
                continue;
            }
            for (std::size_t i = 0; i < logs.size(); ++i) {
                const double f = exclusion_bets[i];
                logs[i] += times_log(k.challenger_requests - k.challenger_events, std::log1p(f * a.odds)) +
                           times_log(k.challenger_events, std::log1p(-f)) +
                           times_log(k.champion_events, std::log1p(f / champions * (1.0 + a.odds)));
            }
        }
        for (double& log_value : logs) {
            log_value = divided(log_value);
        }
        return detail::log_mean_exp(logs);
    }

    template <class Divided>
    [[nodiscard]] double ratio_at_least(const harm_point& a, const harm_point& b,
                                        Divided divided) const noexcept
    {
        std::array<double, exclusion_bets.size()> logs{};
        double equal = 0.0;
        for (const auto& k : counts_) {
            const double champions = champions_a_challenger(k);
            if (champions < 0.0) {
                continue;
            }
            const double events = k.challenger_events + k.champion_events;
            for (std::size_t i = 0; i < logs.size(); ++i) {
                const double f = exclusion_bets[i];
                // (R - r) / (r + champions) with r = R (1 - f)
                const double gap = f / ((1.0 - f) + champions / a.ratio);
                logs[i] +=
                    times_log(k.challenger_events, std::log1p(-f)) + times_log(events, std::log1p(gap));
            }
            if (b.equal) {
                // ln((1 + o R) / (1 + o)), less ln R for each event of the challenger. It falls with R up to the ratio that the
                // events have, and rises from there on.
                const double seen =
                    k.champion_events > 0.0 ? k.challenger_events * champions / k.champion_events : b.ratio;
                const double least = seen > b.ratio ? b.ratio : seen > a.ratio ? seen : a.ratio;
                const double one = 1.0 + champions;
                equal += times_log(k.champion_events, std::log1p((least - 1.0) / one)) +
                         times_log(k.challenger_events, std::log1p(champions * (1.0 / least - 1.0) / one));
            }
        }
        for (double& log_value : logs) {
            log_value = divided(log_value);
        }
        const double spread = detail::log_mean_exp(logs);
        if (!b.equal) {
            return spread;
        }
        const std::array<double, 2> both{spread, divided(equal)};
        return detail::log_mean_exp(both);
    }

    std::span<const event_counts> counts_;
    const exclusion_options& options_;
    double champion_rate_ = 0.0;
    bool compared_ = false;
    bool valid_ = false;
};

[[nodiscard]] inline bool is_harm(const excluded_harm& harm) noexcept
{
    const bool increase = harm.increase >= 0.0 || std::isnan(harm.increase);
    const bool ratio = (harm.ratio > 0.0 && std::isfinite(harm.ratio)) || std::isnan(harm.ratio);
    return increase && ratio && !(std::isnan(harm.increase) && std::isnan(harm.ratio));
}

// The largest x from `low` to `high` at which a condition is not known to be false: clear(a, b) says that it is false
// from a to b. It returns `low` where that is known throughout. Not converged leaves an x that is too large.
template <class Clear>
[[nodiscard]] solution last_not_clear(double low, double high, double narrow, Clear clear) noexcept
{
    // Steps double where the condition is clear and halve where it is not, so that a far end costs little.
    double step = high - low;
    for (int i = 0; i < 4'000; ++i) {
        const double from = high - step > low ? high - step : low;
        if (clear(from, high)) {
            if (!(from > low)) {
                return {low, true};
            }
            high = from;
            step *= 2.0;
        } else if (step <= narrow) {
            return {high, true};
        } else {
            step *= 0.5;
        }
    }
    return {high, false};
}

}  // namespace detail

JOUST_FUNCTION event_clustering clustering_of(const score_sums& sums, std::span<const event_counts> counts,
                                              double requests_per_unit) noexcept
{
    event_clustering out{not_a_number, not_a_number, requests_per_unit > 1.0 ? requests_per_unit : 1.0};
    if (!detail::equal_lengths(sums)) {
        return out;
    }
    double free = 0.0, residual = 0.0, expected = 0.0;
    for (const auto& k : counts) {
        const double s = detail::excluding::share_of(k);
        const double events = k.champion_events + k.challenger_events;
        if (events > 0.0) {
            free += s * (1.0 - s) * events;
            residual += (1.0 - s) * (1.0 - s) * k.challenger_events + s * s * k.champion_events;
            expected += s * events;
        }
    }
    const score_line line = detail::fit_difference(sums).line;
    const double seen_free = line.v0(0.0), seen = line.v(0.0);
    if (!(std::isfinite(line.v.c0) && std::isfinite(line.v0.c0) && std::isfinite(free + residual))) {
        return out;
    }
    out.arm_free = free > 0.0 && seen_free > free ? seen_free / free : 1.0;
    out.observed = out.arm_free;
    if (expected >= 10.0 && residual > 0.0 && detail::describe(sums).challenger_buckets >= 30) {
        out.observed = seen > out.arm_free * residual ? seen / residual : out.arm_free;
    }
    return out;
}

JOUST_FUNCTION double exclusion_design_effect(const event_clustering& clustering, double champion_rate,
                                              const excluded_harm& harm) noexcept
{
    const double p = champion_rate;
    if (!(p >= 0.0 && p <= 1.0) || !detail::is_harm(harm) || !(clustering.arm_free >= 1.0) ||
        !(clustering.observed >= 1.0)) {
        return not_a_number;
    }
    const double m = clustering.requests_per_unit > 1.0 ? clustering.requests_per_unit : 1.0;
    const double by_ratio = harm.ratio > 1.0 ? harm.ratio - 1.0 : 0.0;  // h / p
    // h / (p + h), where p may be 0.
    double part = by_ratio / (1.0 + by_ratio);
    if (harm.increase > by_ratio * p) {
        part = harm.increase / (p + harm.increase);
    }
    const double mixed = clustering.arm_free + (m - clustering.arm_free) * part;
    return mixed > clustering.observed ? mixed : clustering.observed;
}

JOUST_FUNCTION double exclusion_log_e(std::span<const event_counts> counts, const excluded_harm& harm,
                                      const exclusion_options& options) noexcept
{
    const detail::excluding test{counts, options};
    if (!test.valid() || !detail::is_harm(harm)) {
        return not_a_number;
    }
    return test.log_e(test.point_of(harm));
}

JOUST_FUNCTION exclusion_limit largest_harm_not_excluded(std::span<const event_counts> counts,
                                                         const excluded_harm& shape,
                                                         const exclusion_options& options) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double nothing = -60.0;  // the logarithm of an increase that is as good as 0
    constexpr double largest = 690.0;  // the logarithm of odds, or of a ratio, beyond which nothing is
    constexpr double narrow = 1e-11;
    const detail::excluding test{counts, options};
    exclusion_limit out;
    const bool by_increase = shape.increase > 0.0;
    const bool by_ratio = shape.ratio > 1.0 || (!by_increase && shape.ratio > 0.0);
    if (!test.valid() || !detail::is_harm(shape) || !(by_increase || by_ratio)) {
        out.state = status::out_of_range;
        return out;
    }
    const double increase = shape.increase < 1.0 ? shape.increase : 1.0;
    const bool equal = !options.spread_only && by_ratio;
    const auto point_at = [&](double log_odds) {
        detail::harm_point at;
        if (!by_increase) {
            at.ratio = std::exp(log_odds);
            at.odds = std::isnan(shape.increase) ? not_a_number : 0.0;
            at.equal = equal;
            return at;
        }
        at.odds = std::exp(log_odds);
        if (!std::isnan(shape.ratio)) {
            at.ratio = by_ratio ? 1.0 + at.increase() / increase * (shape.ratio - 1.0) : shape.ratio;
            at.equal = equal;
        }
        return at;
    };
    const auto harm_at = [&](const detail::harm_point& at) {
        return excluded_harm{std::isnan(at.odds) ? not_a_number : at.increase(), at.ratio};
    };
    const double target = -std::log(options.beta);
    const double lowest = by_increase ? nothing : 0.0;
    const detail::harm_point top = point_at(largest);
    out.upper = harm_at(top);
    out.state = test.compared() ? status::ok : status::too_few;
    if (!test.compared() || !(test.log_e(top) >= target)) {
        if (by_increase) {
            out.upper.increase = 1.0;
        } else {
            out.upper.ratio = infinity;
        }
        return out;
    }
    const detail::solution found =
        detail::last_not_clear(lowest, largest, narrow, [&](double from, double to) {
            return test.at_least(point_at(from), point_at(to)) >= target;
        });
    if (!found.converged) {
        out.state = status::not_converged;
    }
    out.upper = harm_at(point_at(found.at));
    if (!(found.at > lowest)) {
        if (by_increase) {
            out.upper.increase = 0.0;
        }
        if (by_ratio) {
            out.upper.ratio = 1.0;
        }
    }
    return out;
}

JOUST_FUNCTION mean_exclusion exclude_mean(const score_sums& sums,
                                           const mean_exclusion_options& options) noexcept
{
    mean_exclusion out;
    if (!(options.harm >= 0.0) || (options.relative && !options.harm_is_up && !(options.harm < 1.0))) {
        out.state = status::out_of_range;
        return out;
    }
    const score_options asked{.rho = options.rho,
                              .alpha = options.beta,
                              .alternative = options.harm_is_up ? side::less : side::greater,
                              .clock = options.clock,
                              .null = options.harm_is_up ? options.harm : -options.harm,
                              .min_buckets = options.min_buckets,
                              .interval = options.limit};
    const score_result seen = options.relative ? relative_score_test(sums, asked) : score_test(sums, asked);
    const auto harm_of = [&](double effect) {
        const double change = options.relative ? effect - 1.0 : effect;
        return options.harm_is_up ? change : -change;
    };
    out.state = seen.state;
    out.estimate = harm_of(seen.estimate);
    if (seen.state == status::ok) {
        out.log_e = seen.log_e;
        out.upper = harm_of(options.harm_is_up ? seen.upper : seen.lower);
    }
    return out;
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
