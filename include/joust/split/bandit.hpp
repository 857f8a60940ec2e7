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

// A bandit shifts traffic to the arms that earn more while it learns which these are. It stays a pure function of the unit:
// between two batches its shares are fixed, so each assignment has an exact propensity, and learning is a new plan:
//
//     plan = bandit.replan(rewards so far, plan)
//
// in a trial `joust::replan(trial)`, called from a timer. How much arrives between two calls is the batch. When to use one: many
// arms, or a change that lives so briefly that only the traffic of its test counts. When not: to decide between two models,
// where equal shares learn fastest and ab_test says how sure it is.
namespace joust {
inline namespace v0 {

/// What one arm has earned so far.
struct arm_rewards {
    double count = 0.0;
    double sum = 0.0;
    /// sum of squares; only Thompson sampling of means reads it
    double squares = 0.0;

    /// Add one reward.
    constexpr void add(double reward) noexcept
    {
        count += 1.0;
        sum += reward;
        squares += reward * reward;
    }
    [[nodiscard]] constexpr double mean() const noexcept { return count > 0.0 ? sum / count : 0.0; }
    bool operator==(const arm_rewards&) const = default;
};

/// What all arms have earned since the trial began: what a bandit learns from.
struct reward_totals {
    std::array<arm_rewards, max_arms> arms{};
    bool lower_is_better = false;
    bool operator==(const reward_totals&) const = default;
};

/// The plan of a bandit: slots, and what it had seen when it made them.
class bandit_plan : public slot_plan {
public:
    bandit_plan(slot_plan slots, const reward_totals& seen, const std::array<double, max_arms>& log_weights)
        : slot_plan(std::move(slots)), seen_(seen), log_weights_(log_weights)
    {
    }

    [[nodiscard]] const reward_totals& seen() const noexcept { return seen_; }

    /// What exp3 keeps; 0 for all arms of other bandits.
    [[nodiscard]] const std::array<double, max_arms>& log_weights() const noexcept { return log_weights_; }

    bool operator==(const bandit_plan&) const = default;

private:
    reward_totals seen_;
    std::array<double, max_arms> log_weights_;
};

namespace detail {

using arm_numbers = std::array<double, max_arms>;

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

/// Give every arm the floor and what is left by `wanted`, moving as few units as possible.
/// assumes: `wanted` not negative, summing to 1 but for rounding
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
        shares[arm] = share >= 1e-9 ? share : 0.0;  // below the grain of shares
        sum += shares[arm];
        largest = shares[arm] > shares[largest] ? arm : largest;
    }
    if (!(sum > 0.5 && sum < 2.0)) {
        return {before, seen, log_weights};  // no shares at all: nothing can be learnt from such numbers
    }
    // The largest one takes what rounding leaves, so that shares sum to 1.
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

/// Share 1 equally among the arms of which something is true.
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

/// Is there an arm of which nothing is known?
[[nodiscard]] inline bool any_untried(const reward_totals& seen, std::size_t arms) noexcept
{
    bool untried = false;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        untried = untried || !(seen.arms[arm].count > 0.0);
    }
    return untried;
}

/// Give all to arms of which nothing is known, if there are any, else to those with the highest score.
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

/// Rewards from `low` to `high` as numbers from 0 to 1, 1 being the best.
struct unit_scale {
    double low;
    double high;
    bool lower_is_better;

    /// The sum of scaled rewards.
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

/// Serve the arm with the highest mean, and any arm at random with probability epsilon.
///
/// Use it where the rule must fit into one sentence. It never stops exploring, so it pays epsilon for ever. Arms of equal
/// means share; while an arm has no rewards, all share equally.
/// shape: `epsilon_greedy{.salt = "banner", .epsilon = 0.1}`
/// errors: configuration_error when a trial is made
/// source: Sutton and Barto 2018, Reinforcement learning, section 2.2
struct epsilon_greedy {
    joust::salt salt{};
    double epsilon = 0.1;
    /// least share of every arm
    double floor = 0.0;

    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::check_part("epsilon_greedy.epsilon", epsilon, 0.0, 1.0);
        return detail::first_bandit_plan("epsilon_greedy.floor", floor, arms);
    }

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

/// Serve the arm whose mean could be the highest: mean + sqrt(2 ln n / n of the arm).
///
/// Use it where the guarantee matters that regret grows with ln n alone, whatever the arms earn (bounded rewards). Without a
/// floor its choice is certain, so its log says nothing about the arms not chosen: keep the floor where anything else is to
/// be learnt from the traffic. In batches it is later by a batch than the theorem's.
/// shape: `ucb1{.salt = "banner", .floor = 0.01}`; rewards from `.low` to `.high`, else clipped in the mean
/// errors: configuration_error when a trial is made
/// source: Auer, Cesa-Bianchi and Fischer 2002, Finite-time analysis of the multiarmed bandit problem, figure 1
struct ucb1 {
    joust::salt salt{};
    /// least share of every arm
    double floor = 0.01;
    /// least and greatest reward
    double low = 0.0;
    double high = 1.0;

    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::unit_scale::check("ucb1.low", low, high);
        return detail::first_bandit_plan("ucb1.floor", floor, arms);
    }

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

/// Serve arms by exponential weights of what they would have earned: right even if an adversary sets the rewards.
///
/// Use it where rewards drift in ways that no average follows. It pays for that on steady rewards, where thompson and ucb1
/// earn more. It counts what was earned between two plans by the propensity of the first, so replan when a batch's feedback
/// is in; feedback that comes later counts by the wrong propensity.
/// shape: `exp3{.salt = "banner", .gamma = exp3::gamma_for(3, 10'000)}`; rewards from `.low` to `.high`
/// errors: configuration_error when a trial is made
/// source: Auer, Cesa-Bianchi, Freund and Schapire 2002, The nonstochastic multiarmed bandit problem, section 3
struct exp3 {
    joust::salt salt{};
    /// share of traffic that explores: each of k arms has gamma / k at least
    double gamma = 0.1;
    /// least share of every arm beside gamma
    double floor = 0.0;
    /// least and greatest reward
    double low = 0.0;
    double high = 1.0;

    /// The gamma with the best guarantee where the best arm earns `gain` in all, such as the number of rewards to come.
    /// source: corollary 3.2
    [[nodiscard]] static double gamma_for(std::size_t arms, double gain) noexcept
    {
        constexpr double e_less_1 = 1.718281828459045;
        const double k = static_cast<double>(arms);
        return std::fmin(1.0, std::sqrt(k * std::log(k) / (e_less_1 * gain)));
    }

    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::check_part("exp3.gamma", gamma, 1e-9, 1.0);
        detail::unit_scale::check("exp3.low", low, high);
        return detail::first_bandit_plan("exp3.floor", floor, arms);
    }

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
