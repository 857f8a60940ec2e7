#pragma once

#include <joust/split/bandit.hpp>
#include <joust/stats/bayes.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace joust::inline v0 {

/// What a Thompson bandit believes of an arm.
enum class reward_kind : std::uint8_t {
    proportion,  ///< rewards from 0 to 1: a beta distribution of the rate
    mean         ///< any rewards: a normal distribution of the mean, with the variance as observed
};

namespace detail {

/// The probability of each arm to be the best, by quadrature of the posteriors.
///
/// Arms of which too little is known for a variance are served first, in equal parts.
[[nodiscard]] inline arm_numbers chances_to_be_best(const reward_totals& seen, std::size_t arms,
                                                    reward_kind kind, const stats::beta_belief& prior)
{
    std::vector<stats::arm_belief> judged;
    const stats::bayes_options options{.lower_is_better = seen.lower_is_better};
    if (kind == reward_kind::proportion) {
        std::vector<stats::beta_belief> beliefs;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            const arm_rewards& each = seen.arms[arm];
            beliefs.push_back({prior.a + each.sum, prior.b + (each.count - each.sum)});
        }
        judged = stats::beta_binomial(std::span<const stats::beta_belief>{beliefs}, options);
    } else {
        std::vector<stats::normal_belief> beliefs;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            const arm_rewards& each = seen.arms[arm];
            const double around = each.squares - each.sum * each.mean();
            const double variance = each.count >= 2.0 ? around / (each.count - 1.0) : 0.0;
            // Below this it is rounding.
            const bool known = variance > 1e-14 * each.squares / std::fmax(each.count, 1.0);
            beliefs.push_back({each.mean(), known ? std::sqrt(variance / each.count) : 0.0});
        }
        const auto unknown = [&](std::size_t arm) { return !(beliefs[arm].sd > 0.0); };
        for (std::size_t arm = 0; arm < arms; ++arm) {
            if (unknown(arm)) {
                return equally_where(arms, unknown);
            }
        }
        judged = stats::normal_normal(std::span<const stats::normal_belief>{beliefs}, options);
    }
    arm_numbers chances{};
    double sum = 0.0;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        chances[arm] = judged[arm].state == status::ok ? judged[arm].probability_best : 0.0;
        sum += chances[arm];
    }
    for (double& chance : chances) {
        chance = sum > 0.0 ? chance / sum : 0.0;
    }
    return chances;
}

}  // namespace detail

/// Serve each arm with the probability that it is the best one, as far as is known.
///
/// Use it as the bandit of first choice: it explores what may still be best and little else, and bears batches and delayed
/// feedback better than ucb1. The probabilities are integrals of the posteriors, not draws, so each assignment has its exact
/// propensity. Keep the floor where arms are to be compared afterwards, or where the world may change.
/// shape: `thompson{.salt = "banner", .rewards = reward_kind::proportion}`
/// errors: configuration_error when a trial is made; a plan that cannot be learnt (rewards outside 0 to 1 under
///     `proportion`) is the plan before
/// cost: a new plan 0.6 ms for two arms, 35 ms for eight
/// source: Thompson 1933, On the likelihood that one unknown probability exceeds another; Chapelle and Li 2011, An empirical
///     evaluation of Thompson sampling
struct thompson {
    joust::salt salt{};
    reward_kind rewards = reward_kind::proportion;
    double floor = 0.01;         ///< least share of every arm
    stats::beta_belief prior{};  ///< of each arm's rate; uniform

    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        if (!(prior.a > 0.0 && prior.b > 0.0)) {
            throw configuration_error("thompson.prior", to_text(prior.a) + ", " + to_text(prior.b),
                                      "two numbers above 0");
        }
        return detail::first_bandit_plan("thompson.floor", floor, arms);
    }

    [[nodiscard]] bandit_plan replan(const reward_totals& seen, const bandit_plan& before) const
    {
        return detail::next_bandit_plan(
            before, detail::chances_to_be_best(seen, before.arms(), rewards, prior), floor, seen);
    }

    bool operator==(const thompson&) const = default;
};

/// Draw the best arm as thompson does; with probability 1 - beta draw again until another one comes, and serve that.
///
/// Use it to find the best arm with few requests rather than to earn on the way: beta of the traffic goes to the leader,
/// the rest to its rivals by their chances. The propensities are exact: with p the chances to be best,
/// arm i has p_i (beta + (1 - beta) sum over j != i of p_j / (1 - p_j)).
/// shape, errors, cost: as thompson
/// source: Russo 2020, Simple Bayesian algorithms for best-arm identification, section 3.3
struct top_two_thompson {
    joust::salt salt{};
    double beta = 0.5;  ///< share of traffic for the one that was drawn first
    reward_kind rewards = reward_kind::proportion;
    double floor = 0.01;         ///< least share of every arm
    stats::beta_belief prior{};  ///< of each arm's rate; uniform

    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::check_part("top_two_thompson.beta", beta, 0.0, 1.0);
        if (!(prior.a > 0.0 && prior.b > 0.0)) {
            throw configuration_error("top_two_thompson.prior", to_text(prior.a) + ", " + to_text(prior.b),
                                      "two numbers above 0");
        }
        return detail::first_bandit_plan("top_two_thompson.floor", floor, arms);
    }

    [[nodiscard]] bandit_plan replan(const reward_totals& seen, const bandit_plan& before) const
    {
        const std::size_t arms = before.arms();
        const detail::arm_numbers best = detail::chances_to_be_best(seen, arms, rewards, prior);
        detail::arm_numbers wanted{};
        for (std::size_t first = 0; first < arms; ++first) {
            double others = 0.0;  // 1 - best[first], without cancellation
            for (std::size_t arm = 0; arm < arms; ++arm) {
                others += arm == first ? 0.0 : best[arm];
            }
            wanted[first] += best[first] * (arms == 1 ? 1.0 : beta);
            for (std::size_t arm = 0; arm < arms; ++arm) {
                if (arm != first) {
                    // A rival's chance given that the first one is not drawn again; where none has any, alike.
                    const double rival =
                        others > 0.0 ? best[arm] / others : 1.0 / static_cast<double>(arms - 1);
                    wanted[arm] += best[first] * (1.0 - beta) * rival;
                }
            }
        }
        return detail::next_bandit_plan(before, wanted, floor, seen);
    }

    bool operator==(const top_two_thompson&) const = default;
};

}  // namespace joust::inline v0
