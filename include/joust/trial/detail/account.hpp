// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/inference.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

// Accounts for every exposure of a metric: how many brought feedback in each arm, how many values could not be scored,
// whether feedback stopped, and whether what is missing could change what a verdict is based on.

namespace joust {
inline namespace v0 {
namespace detail {

/// The error rate of the checks of a trial's data: of the planned shares, and of what is missing by arm.
inline constexpr double mismatch_alpha = 0.001;

/// Return the share of a part, or NaN where there is no whole.
[[nodiscard]] inline double share_of(std::uint64_t part, std::uint64_t whole) noexcept
{
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : stats::not_a_number;
}

/// Return the sums of one series, compared by exposures.
[[nodiscard]] stats::score_sums sums_of(const pair_evidence& pair, std::size_t series) noexcept;

/// Account for the feedback on one metric of one challenger. The tests keep in the evidence what they fix.
[[nodiscard]] feedback_account account_of(evidence& seen, const setting& how, std::size_t pair,
                                          const metric_spec& spec, double planned_information);

/// Find the reason why an answer does not count as a judgement. `asked` is the answer before it was turned into values.
void find_gap(finding& found, const evidence& seen, const setting& how, const inference& asked);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION stats::score_sums sums_of(const pair_evidence& pair, std::size_t series) noexcept
{
    const bucket_sums& x = pair.series[series];
    const bucket_sums& one = pair.series[exposure_series];
    return {x.challenger,   x.champion,   x.challenger_root,   x.champion_root,
            one.challenger, one.champion, one.challenger_root, one.champion_root};
}

/// Test at every look whether something happens to the same share of exposures in both arms. A difference below a 500th
/// of the larger share is the rounding of propensities in tickets.
[[nodiscard]] inline bool shares_differ(pair_evidence& pair, std::size_t series, double planned_information)
{
    const look at{.sums = sums_of(pair, series),
                  .expected_events = pair.series[series].expected,
                  .planned_information = planned_information,
                  .limits = false};
    const inference answer =
        always_valid{.alpha = mismatch_alpha}.infer(at, {.alpha = mismatch_alpha}, pair.memory[series]);
    constexpr double material = 0.002;
    return answer.rejects(mismatch_alpha) &&
           std::fabs(answer.estimate) > material * std::fmax(answer.champion, answer.challenger);
}

/// Return whether the shares of exposures with feedback differ because calls of the champion failed: then the caller got an
/// exception and no ticket, while the champion answered the failed calls of the challenger.
[[nodiscard]] inline bool failures_explain(const pair_evidence& pair, std::size_t series,
                                           double planned_information)
{
    const bucket_sums& fed = pair.series[series];
    const bucket_sums& failed = pair.series[failure_series];
    if (failed.champion_count == 0 || fed.champion.size() > bucket_count) {
        return false;
    }
    std::array<double, bucket_count> champion{};
    std::array<double, bucket_count> champion_root{};
    for (std::size_t b = 0; b < fed.champion.size(); ++b) {
        champion[b] = fed.champion[b] + failed.champion[b];
        champion_root[b] = fed.champion_root[b] + failed.champion_root[b];
    }
    look at{.sums = sums_of(pair, series),
            .expected_events = fed.expected,
            .planned_information = planned_information,
            .limits = false};
    at.sums.p0 = {champion.data(), fed.champion.size()};
    at.sums.g0 = {champion_root.data(), fed.champion_root.size()};
    test_memory now{.rho = pair.memory[series].rho};
    const inference answer = always_valid{.alpha = mismatch_alpha}.infer(at, {.alpha = mismatch_alpha}, now);
    constexpr double material = 0.002;
    return !answer.rejects(mismatch_alpha) ||
           std::fabs(answer.estimate) <= material * std::fmax(answer.champion, answer.challenger);
}

/// Return whether a difference between the arms' shares of exposures with feedback means that feedback is missing.
///
/// Where the metric is divided by what was observed, it does. Where it is divided by exposures, feedback may come for
/// events alone, so that a better model gets more of it. It is then compared if both outcomes are reported, or if nearly
/// every exposure brings a value; a lower share is enough where a missing value would count as the best one.
[[nodiscard]] inline bool feedback_is_due(const metric_spec& spec, const feedback_account& now) noexcept
{
    const double most = std::fmax(now.champion, now.challenger);
    const bool divided = spec.denominator != exposure_series;
    if (divided && (spec.quantile >= 0 || !spec.pairs_amounts)) {
        return true;
    }
    constexpr double some = 0.005;
    if (spec.unit == "%" && !divided) {
        return now.zeros > some || (now.zeros > 1e-9 && most >= 0.9);
    }
    return now.zeros > some || most >= (spec.direction == better::up || divided ? 0.9 : 0.5);
}

/// Return whether an arm whose exposures never brought feedback can be an arm in which nothing happened.
///
/// Where a metric is divided by exposures, feedback may come for events alone. If both arms had equal shares of them, each event of the
/// other arm would leave this arm without one by its propensity. The product of these probabilities falls below the error rate
/// with that probability, whenever one looks. A bucket of units counts as one event, since a unit's events come together.
[[nodiscard]] inline bool may_be_silent(const metric_spec& spec, const bucket_sums& fed)
{
    const bool champion = fed.champion_count == 0;
    const std::uint64_t events = champion ? fed.challenger_count : fed.champion_count;
    if (spec.denominator != exposure_series || spec.quantile >= 0 || events == 0) {
        return false;
    }
    double buckets = 0.0;
    for (const double each : champion ? fed.challenger : fed.champion) {
        buckets += each != 0.0 ? 1.0 : 0.0;
    }
    const double share = fed.expected / static_cast<double>(events);
    return -buckets * std::log(champion ? share : 1.0 - share) < -std::log(mismatch_alpha);
}

JOUST_FUNCTION feedback_account account_of(evidence& seen, const setting& how, std::size_t pair,
                                           const metric_spec& spec, double planned_information)
{
    feedback_account now;
    pair_evidence& sums = seen.pairs[pair];
    const bucket_sums& served = sums.series[exposure_series];
    if (!spec.takes_feedback()) {
        return now;
    }
    const bucket_sums& fed = sums.series[spec.fed];
    const bucket_sums& lost = sums.series[spec.lost];
    now.champion = share_of(fed.champion_count, served.champion_count);
    now.challenger = share_of(fed.challenger_count, served.challenger_count);
    now.champion_lost = lost.champion_count;
    now.challenger_lost = lost.challenger_count;
    now.champion_quiet = fed.quiet;
    now.challenger_quiet = lost.quiet;
    // A fiftieth, so that one replica of many that hears nothing does not stop the others.
    now.champion_stopped = 50 * now.champion_quiet > seen.requests(0);
    now.challenger_stopped = 50 * now.challenger_quiet > seen.requests(pair + 1);
    if (fed.champion_count == 0 || fed.challenger_count == 0 || !how.contemporary) {
        now.silence_is_zero =
            how.contemporary && fed.champion_count + fed.challenger_count > 0 && may_be_silent(spec, fed);
        if (lost.champion_count + lost.challenger_count > 0) {
            now.lost_differ = shares_differ(sums, spec.lost, planned_information);
        }
        return now;
    }
    now.zeros =
        fed.expected > 0.0 ? std::fmax(1.0 - sums.series[spec.series].expected / fed.expected, 0.0) : 0.0;
    const double fed_share =
        share_of(fed.champion_count + fed.challenger_count, served.champion_count + served.challenger_count);
    constexpr double few = 30.0;
    now.partly_labelled = spec.unit == "%" && spec.denominator == exposure_series && fed_share < 0.9 &&
                          now.zeros > 0.05 &&
                          now.zeros * static_cast<double>(fed.champion_count + fed.challenger_count) >= few;
    const bool due = feedback_is_due(spec, now);
    // The best value stands for what is missing, or the sums are without it.
    const bool favours = spec.denominator != exposure_series || spec.direction == better::down;
    if (due || favours) {
        const bool differ = shares_differ(sums, spec.fed, planned_information) &&
                            !failures_explain(sums, spec.fed, planned_information);
        // A ratio of amounts that half as many exposures of one arm bring is about other exposures in that arm.
        const bool halved = spec.pairs_amounts && 2.0 * std::fmin(now.champion, now.challenger) <
                                                      std::fmax(now.champion, now.challenger);
        now.differ = (due || halved) && differ;
        now.may_miss = !due && !halved && differ;
    }
    if (now.lost() > 0) {
        now.lost_differ = shares_differ(sums, spec.lost, planned_information);
    }
    return now;
}

/// Return how many buckets have data of the challenger, up to 30, which is the burn-in of every test.
[[nodiscard]] inline std::size_t challenger_buckets(const bucket_sums& sums) noexcept
{
    std::size_t some = 0;
    for (std::size_t b = 0; b < sums.challenger.size() && some < always_valid::burn_in_buckets; ++b) {
        some += sums.challenger[b] != 0.0 ? 1U : 0U;
    }
    return some;
}

/// The distance from 0, the value that a lost row counts with, to the value that it is feared to have.
///
/// Proportions end at 1. A metric without an end is taken at ten standard deviations beyond its level, where the standard
/// deviation includes how alike the values of a unit are.
[[nodiscard]] inline double feared_distance(const evidence& seen, const setting& how, const finding& found,
                                            const inference& asked)
{
    const metric_spec& spec = how.specs[found.metric];
    if (spec.unit == "%" || spec.quantile >= 0) {
        return 1.0;
    }
    const pair_evidence& pair = seen.pairs[found.pair];
    const stats::score_line line = stats::absolute_score(sums_of(pair, spec.series));
    const double observed = pair.series[spec.fed].expected_overlap();
    const double spread = observed > 0.0 ? std::sqrt(std::fmax(line.v0(line.root()), 0.0) / observed) : 0.0;
    constexpr double deviations = 10.0;
    return std::fmax(std::fabs(asked.champion), std::fabs(asked.challenger)) + deviations * spread;
}

/// Return how far the difference of the arms could move against the challenger if every lost row had the worst value.
[[nodiscard]] inline double feared_shift(const evidence& seen, const setting& how, const finding& found,
                                         const inference& asked)
{
    const metric_spec& spec = how.specs[found.metric];
    const pair_evidence& pair = seen.pairs[found.pair];
    const bucket_sums& served = pair.series[exposure_series];
    const bucket_sums& fed = pair.series[spec.fed];
    const bool divided = spec.denominator != exposure_series;
    const auto share = [divided](std::uint64_t lost, std::uint64_t fed_by, std::uint64_t exposures) {
        const double some = share_of(lost, divided ? fed_by + lost : exposures);
        return some > 0.0 ? some : 0.0;
    };
    double champion = share(found.account.champion_lost, fed.champion_count, served.champion_count);
    double challenger = share(found.account.challenger_lost, fed.challenger_count, served.challenger_count);
    if (spec.unit == "%" && !divided) {
        // A lost row counted 0. For the arm that 0 harms already, nothing worse can be found.
        (spec.direction == better::up ? challenger : champion) = 0.0;
    }
    return (champion + challenger) * feared_distance(seen, how, found, asked);
}

/// Return how far the difference could move against the challenger, which failed on more calls than the champion did. The
/// champion answered these calls in its place, or there was no answer and so no feedback.
[[nodiscard]] inline double shift_by_failures(evidence& seen, const setting& how, const finding& found,
                                              const inference& asked, double planned_information)
{
    pair_evidence& pair = seen.pairs[found.pair];
    const bucket_sums& failed = pair.series[failure_series];
    const bucket_sums& served = pair.series[exposure_series];
    const double more = share_of(failed.challenger_count, served.challenger_count) -
                        share_of(failed.champion_count, served.champion_count);
    if (!(more > 0.0) || !shares_differ(pair, failure_series, planned_information)) {
        return 0.0;
    }
    const metric_spec& spec = how.specs[found.metric];
    const bool caps = spec.unit == "%" && spec.denominator == exposure_series &&
                      spec.direction == better::up && asked.challenger < more;
    return caps ? asked.challenger : more * feared_distance(seen, how, found, asked);
}

/// Return whether a shift against the challenger would take back what its interval shows.
[[nodiscard]] inline bool shift_matters(const finding& found, const metric_spec& spec, const inference& asked,
                                        double shift)
{
    if (!(shift > 0.0)) {
        return false;
    }
    if (spec.role != metric_spec::part::guardrail) {
        const bool up = spec.direction == better::up;
        return found.wins && !(up ? asked.lower - shift > 0.0 : asked.upper + shift < 0.0);
    }
    // A quantile's thresholds contain the margin, so that a share of 0 more values beyond them is its limit.
    const bool relative = spec.limit.relative && spec.quantile < 0;
    const double limit = spec.quantile >= 0 ? 0.0 : spec.limit.value;
    const double by = relative ? shift / std::fabs(asked.champion) : shift;
    return !(spec.limit.harm_is_up ? asked.lower + by <= limit : asked.upper - by >= limit);
}

/// Return whether equal values in both arms show that a guardrail holds: values other than 0 do, and zeros only where so
/// many of them exclude a share as large as the margin (rule of three).
[[nodiscard]] inline bool settled_by_equality(const finding& found, const evidence& seen,
                                              const metric_spec& spec)
{
    const pair_evidence& pair = seen.pairs[found.pair];
    if (challenger_buckets(pair.series[spec.takes_feedback() ? spec.fed : exposure_series]) <
        always_valid::burn_in_buckets) {
        return false;
    }
    const double level = found.answer.challenger;
    if (std::isfinite(level) && level != 0.0) {
        return level == found.answer.champion ||
               std::fabs(level - found.answer.champion) <= 1e-6 * std::fabs(level);
    }
    const double values = static_cast<double>(pair.series[spec.denominator].challenger_count);
    return spec.unit == "%" && !spec.limit.relative && values * std::fabs(spec.limit.value) >= 3.0;
}

/// Return how many exposures of an arm brought a 1. Where shares changed, exposures that brought a 0 are counted too.
[[nodiscard]] inline double events_in(const pair_evidence& pair, std::size_t series, bool challenger)
{
    const auto total = [](const std::vector<double>& sums) {
        double all = 0.0;
        for (const double each : sums) {
            all += each;
        }
        return all;
    };
    const bucket_sums& one = pair.series[exposure_series];
    const bucket_sums& x = pair.series[series];
    const auto served = static_cast<double>(challenger ? one.challenger_count : one.champion_count);
    const auto values = static_cast<double>(challenger ? x.challenger_count : x.champion_count);
    const double weight = total(challenger ? one.challenger : one.champion) / served;
    const double root = total(challenger ? one.challenger_root : one.champion_root) / served;
    // The mean of the roots has this value only where all weights are equal.
    if (!(std::fabs(root - std::sqrt(weight * (1.0 - weight))) < 1e-9)) {
        return values;
    }
    return std::fmin(values, std::round(total(challenger ? x.challenger : x.champion) / weight));
}

/// Return whether so few of the events of a guardrail came that its margin is excluded, although they are too few to be compared.
///
/// The share of exposures with a harmful event cannot rise by more than the challenger's share, and the share with a good one cannot
/// fall by more than the champion's. That this share is as large as the margin m is tested at every look by the likelihood ratio of
/// m / 4 against m, for c events of n units: exp(3/4 m n) / 4^c. A unit counts once, however many exposures it has.
[[nodiscard]] inline bool too_rare_to_break(const finding& found, const evidence& seen,
                                            const metric_spec& spec)
{
    if (spec.unit != "%" || spec.limit.relative || spec.denominator != exposure_series ||
        spec.quantile >= 0 || !spec.takes_feedback() ||
        (found.answer.state != status::burn_in && found.answer.state != status::too_few)) {
        return false;
    }
    const pair_evidence& pair = seen.pairs[found.pair];
    const bool up = spec.limit.harm_is_up;
    const std::size_t arm = up ? found.pair + 1 : 0;
    const double happened = events_in(pair, spec.series, up);
    const double units = std::fmin(seen.arms[arm].units.estimate(), static_cast<double>(seen.requests(arm)));
    return challenger_buckets(pair.series[exposure_series]) >= always_valid::burn_in_buckets &&
           0.75 * std::fabs(spec.limit.value) * units - happened * std::log(4.0) >= -std::log(found.alpha);
}

/// Return why a guardrail that is judged by first events is not judged.
[[nodiscard]] inline gap gap_of_events(const finding& found, const evidence& seen, const event_watch& watch)
{
    if (found.answer.state != status::ok) {
        return gap::state;
    }
    if (challenger_buckets(seen.pairs[found.pair].series[exposure_series]) < always_valid::burn_in_buckets) {
        return gap::few_units;
    }
    // Below one expected call beyond the quantile, late answers are not missing; they could not be seen.
    const double timed = static_cast<double>(seen.arms[found.pair + 1].latency.count());
    return watch.on_latency && timed * (1.0 - watch.q) < 1.0 ? gap::not_timed : gap::none;
}

/// Return whether the challenger would break a limit of its own level if every value that could not be scored were bad.
[[nodiscard]] inline bool lost_values_may_break(const finding& found, const evidence& seen,
                                                const setting& how, const inference& asked)
{
    const metric_spec& spec = how.specs[found.metric];
    const bucket_sums& per = seen.pairs[found.pair].series[spec.denominator];
    const double lost = static_cast<double>(found.account.challenger_lost);
    const double allowed = spec.quantile < 0 ? spec.limit.value : 1.0 - spec.q - (spec.q < 0.5 ? 1.0 : 0.0);
    // Where the metric is divided by what was observed, the lost values are not among it.
    const double all =
        static_cast<double>(per.challenger_count) + (spec.denominator != exposure_series ? lost : 0.0);
    const double shift = lost / all * feared_distance(seen, how, found, asked);
    return !(spec.limit.harm_is_up ? asked.lower + shift <= allowed : asked.upper - shift >= allowed);
}

/// Return why a limit of the challenger's own level is not judged. What the champion's feedback does is no matter.
[[nodiscard]] inline gap gap_of_level(const finding& found, const evidence& seen, const setting& how,
                                      const inference& asked)
{
    const metric_spec& spec = how.specs[found.metric];
    const feedback_account& now = found.account;
    if (spec.takes_feedback() && !(now.challenger > 0.0)) {
        return gap::no_values;
    }
    if (now.challenger_stopped) {
        return gap::stopped;
    }
    if (challenger_buckets(seen.pairs[found.pair].series[exposure_series]) < always_valid::burn_in_buckets) {
        return gap::few_units;
    }
    if (spec.watch >= 0 &&
        static_cast<double>(seen.arms[found.pair + 1].latency.count()) * (1.0 - spec.q) < 1.0) {
        return gap::not_timed;
    }
    if (found.answer.state != status::ok) {
        return gap::state;
    }
    if (now.challenger_lost > 0 && !found.answer.rejects(found.alpha) &&
        lost_values_may_break(found, seen, how, asked)) {
        return gap::lost;
    }
    // A missing label counts as 0, which hides what there may be too much of.
    return now.partly_labelled && spec.limit.harm_is_up && now.challenger < 0.5 ? gap::partly_labelled
                                                                                : gap::none;
}

JOUST_FUNCTION void find_gap(finding& found, const evidence& seen, const setting& how, const inference& asked)
{
    const metric_spec& spec = how.specs[found.metric];
    const bool guards = spec.role == metric_spec::part::guardrail;
    const feedback_account& now = found.account;
    found.missing = gap::none;
    found.too_rare_to_break = guards && !spec.limit.alone && too_rare_to_break(found, seen, spec);
    if (spec.limit.alone) {
        found.missing = gap_of_level(found, seen, how, asked);
    } else if (spec.watch >= 0) {
        found.missing = gap_of_events(found, seen, how.watches[static_cast<std::size_t>(spec.watch)]);
    } else if (spec.takes_feedback() && !(now.champion > 0.0 && now.challenger > 0.0) &&
               !now.silence_is_zero) {
        found.missing = gap::no_values;
    } else if (found.bets && challenger_buckets(seen.pairs[found.pair].series[exposure_series]) <
                                 always_valid::burn_in_buckets) {
        found.missing = gap::few_units;
    } else if (now.stopped()) {
        found.missing = gap::stopped;
    } else if (now.lost_differ) {
        found.missing = gap::lost_by_arm;
    } else if (found.answer.state != status::ok && !found.too_rare_to_break &&
               !(guards && found.answer.state == status::zero_variance &&
                 settled_by_equality(found, seen, spec))) {
        found.missing = gap::state;
    } else if (now.lost() > 0 && found.answer.state == status::ok &&
               shift_matters(found, spec, asked, feared_shift(seen, how, found, asked))) {
        found.missing = gap::lost;
    } else if (now.differ) {
        found.missing = gap::uneven;
    } else if (guards && now.partly_labelled && !spec.limit.relative &&
               std::fmax(now.champion, now.challenger) < 0.5) {
        found.missing = gap::partly_labelled;
    } else if (spec.role == metric_spec::part::primary && found.wins && !how.guards_failures &&
               shift_matters(found, spec, asked, found.shift_by_failures)) {
        found.missing = gap::failed;
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
