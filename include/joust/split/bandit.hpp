// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/slot_split.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

// A bandit shifts traffic to the arms that earn more, while it learns which arms these are. An assignment remains a pure
// function of the unit: the shares are fixed between two batches, so each assignment has an exact propensity. The bandit
// learns by making a new plan:
//
//     plan = bandit.replan(rewards so far, plan)
//
// A trial does this by `joust::replan(trial)`, which a timer calls. The feedback that arrives between two calls is a batch.
//
// When to use: many arms, or a change that lives so briefly that only the traffic of its test counts.
// When not: a decision between two models; equal shares learn fastest, and ab_test says how sure the result is.
namespace joust {
inline namespace v0 {

/// The rewards that one arm has earned so far.
struct arm_rewards {
    /// How many rewards there were.
    double count = 0.0;
    /// The sum of the rewards.
    double sum = 0.0;
    /// The sum of the squared rewards. Only Thompson sampling of means reads it.
    double squares = 0.0;

    /// Add one reward.
    constexpr void add(double reward) noexcept
    {
        count += 1.0;
        sum += reward;
        squares += reward * reward;
    }
    /// Return the mean reward, or 0 for an arm without rewards.
    [[nodiscard]] constexpr double mean() const noexcept { return count > 0.0 ? sum / count : 0.0; }
    bool operator==(const arm_rewards&) const = default;
};

/// The rewards that all arms have earned since the trial began. A bandit learns from them.
struct reward_totals {
    /// The rewards of each arm, the champion's first.
    std::array<arm_rewards, max_arms> arms{};
    /// Whether a smaller reward is a better one.
    bool lower_is_better = false;
    bool operator==(const reward_totals&) const = default;
};

/// The plan of a bandit: its slots, and the rewards that it had seen when it made them.
class bandit_plan : public slot_plan {
public:
    /// Keep the slots, the rewards they were made from, and the weights of exp3 (0 for other bandits).
    bandit_plan(slot_plan slots, const reward_totals& seen, const std::array<double, max_arms>& log_weights)
        : slot_plan(std::move(slots)), seen_(seen), log_weights_(log_weights)
    {
    }

    /// Return the rewards that the plan was made from.
    [[nodiscard]] const reward_totals& seen() const noexcept { return seen_; }

    /// Return the logarithms of the arms' weights, which exp3 keeps. They are 0 for other bandits.
    [[nodiscard]] const std::array<double, max_arms>& log_weights() const noexcept { return log_weights_; }

    bool operator==(const bandit_plan&) const = default;

private:
    reward_totals seen_;
    std::array<double, max_arms> log_weights_;
};

namespace detail {

using arm_numbers = std::array<double, max_arms>;

/// Refuse an option that is not from `from` to `to`.
inline void check_part(const char* field, double value, double from, double to)
{
    if (!(value >= from && value <= to)) {
        throw configuration_error(field, to_text(value), to_text(from) + " to " + to_text(to));
    }
}

/// Begin with equal shares.
[[nodiscard]] inline bandit_plan first_bandit_plan(const char* floor_field, double floor, std::size_t arms)
{
    slot_plan equal{hash_plan{checked_shares("shares", {}, arms)}};
    if (!(floor >= 0.0 && floor * static_cast<double>(arms) <= 1.0)) {
        throw configuration_error(floor_field, to_text(floor),
                                  "a share for each of " + std::to_string(arms) + " arms: 0 to 1 / " +
                                      std::to_string(arms));
    }
    return {std::move(equal), {}, {}};
}

/// Make a plan that gives every arm the floor, and divides the rest in proportion to `wanted`. It moves as few units as
/// possible.
/// assumes: no number of `wanted` is negative, and they sum to 1 apart from rounding
[[nodiscard]] inline bandit_plan next_bandit_plan(const bandit_plan& before, const arm_numbers& wanted,
                                                  double floor, const reward_totals& seen,
                                                  const arm_numbers& log_weights = {})
{
    const std::size_t arms = before.arms();
    arm_numbers shares{};
    double sum = 0.0;
    std::size_t largest = 0;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        const double share = floor + (1.0 - floor * static_cast<double>(arms)) * wanted[arm];
        shares[arm] = share >= 1e-9 ? share : 0.0;  // A plan cannot hold smaller shares.
        sum += shares[arm];
        largest = shares[arm] > shares[largest] ? arm : largest;
    }
    if (!(sum > 0.5 && sum < 2.0)) {
        return {before, seen, log_weights};  // These numbers are no shares, so the old ones stay.
    }
    // The largest share takes the rounding error of the others, so that all shares sum to 1.
    double others = 0.0;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        others += arm == largest ? 0.0 : shares[arm] / sum;
    }
    share_list list;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        list.push_back(arm == largest ? 1.0 - others : shares[arm] / sum);
    }
    return {before.with_shares(list), seen, log_weights};
}

/// Divide 1 equally among the arms for which a predicate is true.
template <class Predicate>
[[nodiscard]] arm_numbers equally_where(std::size_t arms, Predicate chosen)
{
    arm_numbers out{};
    double count = 0.0;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        count += chosen(arm) ? 1.0 : 0.0;
    }
    for (std::size_t arm = 0; arm < arms; ++arm) {
        out[arm] = chosen(arm) ? 1.0 / count : 0.0;
    }
    return out;
}

/// Say whether some arm has no rewards yet.
[[nodiscard]] inline bool any_untried(const reward_totals& seen, std::size_t arms) noexcept
{
    bool untried = false;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        untried = untried || !(seen.arms[arm].count > 0.0);
    }
    return untried;
}

/// Divide 1 equally among the arms without rewards, if there are any, or else among those with the highest score.
template <class Score>
[[nodiscard]] arm_numbers best_by(const reward_totals& seen, std::size_t arms, Score score)
{
    if (any_untried(seen, arms)) {
        return equally_where(arms, [&](std::size_t arm) { return !(seen.arms[arm].count > 0.0); });
    }
    arm_numbers scores{};
    double highest = 0.0;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        scores[arm] = score(seen.arms[arm]);
        highest = arm == 0 || scores[arm] > highest ? scores[arm] : highest;
    }
    return equally_where(arms, [&](std::size_t arm) { return scores[arm] >= highest; });
}

/// Scale rewards from `low` to `high` to numbers from 0 to 1, of which 1 is the best.
struct unit_scale {
    double low;
    double high;
    bool lower_is_better;

    /// Return the sum of the scaled rewards.
    [[nodiscard]] double sum(double count, double total) const noexcept
    {
        const double scaled = (total - low * count) / (high - low);
        return lower_is_better ? count - scaled : scaled;
    }
    [[nodiscard]] double mean(const arm_rewards& arm) const noexcept
    {
        return sum(arm.count, arm.sum) / arm.count;
    }

    static void check(const char* field, double low, double high)
    {
        if (!(low < high && std::isfinite(high - low))) {
            throw configuration_error(field, to_text(low) + " with a high of " + to_text(high),
                                      "finite bounds of a reward, low < high");
        }
    }
};

}  // namespace detail

/// Serve the arm with the highest mean, and with probability epsilon serve any arm at random.
///
/// Arms with equal means share the traffic of the best arm. While some arm has no rewards, all arms share equally.
/// When to use: where the rule must fit into one sentence.
/// When not: trials that run for long. It never stops exploring, so it pays for epsilon for ever.
/// shape: `epsilon_greedy{.salt = "banner", .epsilon = 0.1}`
/// errors: configuration_error when a trial is made
/// source: Sutton and Barto 2018, Reinforcement learning, section 2.2
struct epsilon_greedy {
    /// Makes the assignment independent of other trials.
    joust::salt salt{};
    /// The share of traffic that explores.
    double epsilon = 0.1;
    /// The least share of every arm.
    double floor = 0.0;

    /// Check the options and begin with equal shares.
    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::check_part("epsilon_greedy.epsilon", epsilon, 0.0, 1.0);
        return detail::first_bandit_plan("epsilon_greedy.floor", floor, arms);
    }

    /// Make the next plan from all rewards so far.
    [[nodiscard]] bandit_plan replan(const reward_totals& seen, const bandit_plan& before) const
    {
        const std::size_t arms = before.arms();
        detail::arm_numbers wanted = detail::equally_where(arms, [](std::size_t) { return true; });
        if (!detail::any_untried(seen, arms)) {
            const detail::arm_numbers greedy = detail::best_by(seen, arms, [&](const arm_rewards& arm) {
                return seen.lower_is_better ? -arm.mean() : arm.mean();
            });
            for (std::size_t arm = 0; arm < arms; ++arm) {
                wanted[arm] = epsilon * wanted[arm] + (1.0 - epsilon) * greedy[arm];
            }
        }
        return detail::next_bandit_plan(before, wanted, floor, seen);
    }

    bool operator==(const epsilon_greedy&) const = default;
};

/// Serve the arm with the highest upper confidence bound: mean + sqrt(2 ln n / n of the arm).
///
/// Without a floor its choice is certain, and its log says nothing about the arms that were not chosen. Keep the floor where
/// the traffic is used to learn anything else. It learns batch by batch, so it is one batch later than the algorithm of the
/// theorem.
/// When to use: where the guarantee matters that regret grows no faster than ln n, whatever the arms earn.
/// When not: rewards without bounds.
/// shape: `ucb1{.salt = "banner", .floor = 0.01}`; rewards lie from `.low` to `.high`, and a mean outside is clipped
/// errors: configuration_error when a trial is made
/// source: Auer, Cesa-Bianchi and Fischer 2002, Finite-time analysis of the multiarmed bandit problem, figure 1
struct ucb1 {
    /// Makes the assignment independent of other trials.
    joust::salt salt{};
    /// The least share of every arm.
    double floor = 0.01;
    /// The least reward.
    double low = 0.0;
    /// The greatest reward.
    double high = 1.0;

    /// Check the options and begin with equal shares.
    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::unit_scale::check("ucb1.low", low, high);
        return detail::first_bandit_plan("ucb1.floor", floor, arms);
    }

    /// Make the next plan from all rewards so far.
    [[nodiscard]] bandit_plan replan(const reward_totals& seen, const bandit_plan& before) const
    {
        const std::size_t arms = before.arms();
        const detail::unit_scale scale{low, high, seen.lower_is_better};
        double all = 0.0;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            all += seen.arms[arm].count;
        }
        const detail::arm_numbers wanted = detail::best_by(seen, arms, [&](const arm_rewards& arm) {
            const double mean = std::fmin(std::fmax(scale.mean(arm), 0.0), 1.0);
            return mean + std::sqrt(2.0 * std::log(std::fmax(all, 1.0)) / arm.count);
        });
        return detail::next_bandit_plan(before, wanted, floor, seen);
    }

    bool operator==(const ucb1&) const = default;
};

/// Serve arms by exponential weights of their estimated earnings. Its guarantee holds even if an adversary sets the rewards.
///
/// The rewards that arrive between two plans are weighted by the propensities of the first plan. So call replan when the
/// feedback of a batch has arrived; feedback that comes later is weighted by the wrong propensity.
/// When to use: where rewards drift in ways that no average follows.
/// When not: steady rewards, where thompson and ucb1 earn more.
/// shape: `exp3{.salt = "banner", .gamma = exp3::gamma_for(3, 10'000)}`; rewards lie from `.low` to `.high`
/// errors: configuration_error when a trial is made
/// source: Auer, Cesa-Bianchi, Freund and Schapire 2002, The nonstochastic multiarmed bandit problem, section 3
struct exp3 {
    /// Makes the assignment independent of other trials.
    joust::salt salt{};
    /// The share of traffic that explores. Each of k arms has at least gamma / k.
    double gamma = 0.1;
    /// The least share of every arm, in addition to gamma.
    double floor = 0.0;
    /// The least reward.
    double low = 0.0;
    /// The greatest reward.
    double high = 1.0;

    /// Return the gamma with the best guarantee where the best arm earns `gain` in total. The number of rewards to come is
    /// an upper bound of that.
    /// source: corollary 3.2
    [[nodiscard]] static double gamma_for(std::size_t arms, double gain) noexcept
    {
        constexpr double e_less_1 = 1.718281828459045;
        const double k = static_cast<double>(arms);
        return std::fmin(1.0, std::sqrt(k * std::log(k) / (e_less_1 * gain)));
    }

    /// Check the options and begin with equal shares.
    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::check_part("exp3.gamma", gamma, 1e-9, 1.0);
        detail::unit_scale::check("exp3.low", low, high);
        return detail::first_bandit_plan("exp3.floor", floor, arms);
    }

    /// Make the next plan from all rewards so far.
    [[nodiscard]] bandit_plan replan(const reward_totals& seen, const bandit_plan& before) const
    {
        const std::size_t arms = before.arms();
        const double k = static_cast<double>(arms);
        const detail::unit_scale scale{low, high, seen.lower_is_better};
        detail::arm_numbers log_weights = before.log_weights();
        double highest = 0.0;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            const arm_rewards& now = seen.arms[arm];
            const arm_rewards& then = before.seen().arms[arm];
            if (before.share(arm) > 0.0) {
                log_weights[arm] +=
                    gamma / k * scale.sum(now.count - then.count, now.sum - then.sum) / before.share(arm);
            }
            highest = arm == 0 || log_weights[arm] > highest ? log_weights[arm] : highest;
        }
        detail::arm_numbers wanted{};
        double sum = 0.0;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            log_weights[arm] -= highest;
            wanted[arm] = std::exp(log_weights[arm]);
            sum += wanted[arm];
        }
        for (std::size_t arm = 0; arm < arms; ++arm) {
            wanted[arm] = (1.0 - gamma) * wanted[arm] / sum + gamma / k;
        }
        return detail::next_bandit_plan(before, wanted, floor, seen, log_weights);
    }

    bool operator==(const exp3&) const = default;
};

}  // namespace v0
}  // namespace joust
