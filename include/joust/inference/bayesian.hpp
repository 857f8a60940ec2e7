// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/inference/inference.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/sequential/score.hpp>

#include <cmath>
#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Decide by the posterior of the effect under a normal prior: how likely the challenger is better, and what it would
/// cost if it is not.
///
/// When to use: to decide by expected loss, with a prior that past trials support.
/// When not: when an error rate is promised. If effects are smaller than the prior says, looking often and stopping at
/// 97.5 % is wrong more often than 2.5 % of the time; always_valid holds whatever the truth is.
/// units: `alpha` is the posterior probability of being wrong, at both ends together, that is small enough for a
/// verdict. `lift_sd` is the standard deviation of the prior as a fraction of the champion's mean, around no effect;
/// infinity means no opinion. `units` are planned exposures, used for the sample ratio check alone.
/// assumes: a normal limit of the estimate, as fixed_horizon does; at least 30 buckets with challenger data and 10
/// expected challenger events are required
/// source: conjugate normal posterior of a cluster-robust estimate; Stucchio 2015, expected loss
struct bayesian {
    /// The posterior probability of being wrong that is small enough for a verdict.
    double alpha = 0.05;
    /// The planned number of exposures.
    double units = 10'000;
    /// The standard deviation of the prior, as a fraction of the champion's mean.
    double lift_sd = 0.3;

    /// The policy also answers for pairs, as in shadow trials and interleaving.
    static constexpr bool pairs = true;
    /// The words of a report for when the numbers hold.
    static constexpr std::string_view holds =
        "intervals are credible under the prior, and no error rate is promised; e-values hold at every look.";

    /// Answer a question at one look.
    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory&) const noexcept
    {
        auto [seen, answer, variance, clock] =
            detail::score_for_normal_limit(at, asked, "normal posterior, clusters of units", status::burn_in);
        if (answer.state != status::ok) {
            return answer;
        }
        if (asked.relative && !at.paired()) {
            if (const stats::detail::lone_arm lone = stats::detail::lone_arm_of(at.sums); lone.any()) {
                return about_zeros(answer, lone, asked);
            }
        }
        const stats::score_line line = detail::line_of(at, asked);
        const double centre = asked.relative ? 1.0 : 0.0;
        // For r = 1 / (1 + t) the derivative dr / dt is -r^2.
        const double slope = asked.relative ? seen.estimate * seen.estimate : 1.0;
        const double error = slope * std::sqrt(line.variance(line.root(), clock)) / std::fabs(line.s1);
        const double prior = prior_sd(at, asked, seen);
        if (!(error > 0.0) || !(prior > 0.0)) {
            answer.state = status::out_of_range;
            return answer;
        }
        // The weight is a share of the total precision, so that an infinite prior needs no case of its own.
        const double weight = 1.0 / (1.0 + (error / prior) * (error / prior));
        const double mean = centre + weight * (seen.estimate - centre);
        const double sd = error * std::sqrt(weight);
        const double z = stats::normal_upper_quantile(0.5 * asked.alpha);
        answer.estimate = mean;
        // Both means are not negative where their ratio is asked for.
        answer.lower = asked.relative ? std::fmax(mean - z * sd, 0.0) : mean - z * sd;
        answer.upper = mean + z * sd;
        const double d = (mean - centre) / sd;
        answer.chance_more = stats::normal_cdf(d);
        answer.shortfall = sd * (stats::normal_pdf(d) - d * stats::normal_sf(d));
        const double from = (mean - (centre + asked.null)) / sd;
        answer.posterior_tail = detail::normal_p(from, asked.alternative);
        return answer;
    }

    /// Compare all members.
    bool operator==(const bayesian&) const = default;

private:
    /// Answer about a ratio where one arm has only zeros. The posterior is that of the arm of zeros divided by the other
    /// one: its estimate is 0, and its error is the quotient that one standard error excludes.
    [[nodiscard]] inference about_zeros(inference answer, const stats::detail::lone_arm& lone,
                                        const question& asked) const noexcept
    {
        const double error = lone.v0 / (lone.s * lone.s);
        if (!(error > 0.0) || !(lift_sd > 0.0)) {
            answer.state = status::out_of_range;
            return answer;
        }
        const double weight = 1.0 / (1.0 + (error / lift_sd) * (error / lift_sd));
        const double mean = 1.0 - weight;
        const double sd = error * std::sqrt(weight);
        const double z = stats::normal_upper_quantile(0.5 * asked.alpha);
        const double low = std::fmax(mean - z * sd, 0.0);
        const double high = mean + z * sd;
        const auto ratio_of = [&](double quotient) {
            return lone.challenger_absent ? quotient
                   : quotient > 0.0       ? 1.0 / quotient
                                          : std::numeric_limits<double>::infinity();
        };
        answer.estimate = ratio_of(mean);
        answer.lower = ratio_of(lone.challenger_absent ? low : high);
        answer.upper = ratio_of(lone.challenger_absent ? high : low);
        const double sign = lone.challenger_absent ? 1.0 : -1.0;
        const double d = (mean - 1.0) / sd;
        answer.chance_more = stats::normal_cdf(sign * d);
        answer.shortfall =
            lone.challenger_absent ? sd * (stats::normal_pdf(d) - d * stats::normal_sf(d)) : 0.0;
        const double margin = 1.0 + asked.null;
        answer.posterior_tail = detail::normal_p(
            sign * (mean - (lone.challenger_absent ? margin : 1.0 / margin)) / sd, asked.alternative);
        return answer;
    }

    [[nodiscard]] double prior_sd(const look& at, const question& asked,
                                  const stats::score_result& seen) const noexcept
    {
        if (asked.relative) {
            return lift_sd;
        }
        if (!at.paired()) {
            return lift_sd * std::fabs(seen.champion);
        }
        // If the champion is at 0 (pairs that disagree, failures), a fraction of it says nothing, and there is no
        // prior.
        return at.pairs.champion != 0.0 ? lift_sd * std::fabs(at.pairs.champion)
                                        : std::numeric_limits<double>::infinity();
    }
};

}  // namespace v0
}  // namespace joust
