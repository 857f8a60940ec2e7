// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/gauss_legendre.hpp>
#include <joust/split/bandit.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// The kind of rewards that a Thompson bandit learns from.
enum class reward_kind : std::uint8_t {
    /// Rewards from 0 to 1. The belief about their rate is a beta distribution.
    proportion,
    /// Any rewards. The belief about their mean is a normal distribution with the observed variance.
    mean
};

namespace detail {

/// The belief about an arm: a density with one peak, up to a factor.
struct arm_belief_shape {
    double peak = 0.0;
    /// Roughly a standard deviation.
    double width = 1.0;
    /// The parameters of a beta distribution on the logit scale. Both are 0 for a normal distribution.
    double a = 0.0;
    double b = 0.0;

    /// Return the logarithm of the density divided by that at the peak, without cancellation for large counts.
    [[nodiscard]] double log_ratio(double at) const noexcept
    {
        const double d = at - peak;
        if (a == 0.0) {
            return -0.5 * (d / width) * (d / width);
        }
        const double p = a / (a + b);
        return -a * std::log1p((1.0 - p) * std::expm1(-d)) - b * std::log1p(p * std::expm1(d));
    }
};

/// Return the probability of each arm to be the largest: the integral of its density times the others' distribution functions.
///
/// All integrals use one set of panels, which are half a standard deviation wide around every peak. So each distribution
/// function is a running sum of integrals of the density. stats::beta_binomial computes the same and more, with Boost.
/// source: Legendre's expansion for the integrals up to a node (Greengard 1991, Spectral integration)
[[nodiscard]] inline arm_numbers chances_to_be_largest(const std::array<arm_belief_shape, max_arms>& arms,
                                                       std::size_t count)
{
    constexpr std::size_t m = 16;
    const auto rule = stats::detail::gauss_legendre(m);
    // up_to[k][l] is the weight of node l in the integral from -1 to node k.
    std::array<std::array<double, m>, m> up_to{};
    const auto legendre = [](double x) {
        std::array<double, m + 1> p{1.0, x};
        for (std::size_t n = 1; n < m; ++n) {
            const double k = static_cast<double>(n);
            p[n + 1] = ((2.0 * k + 1.0) * x * p[n] - k * p[n - 1]) / (k + 1.0);
        }
        return p;
    };
    for (std::size_t k = 0; k < m; ++k) {
        const auto at = legendre(rule.nodes[k]);
        for (std::size_t l = 0; l < m; ++l) {
            const auto from = legendre(rule.nodes[l]);
            double sum = rule.nodes[k] + 1.0;
            for (std::size_t n = 1; n < m; ++n) {
                sum += from[n] * (at[n + 1] - at[n - 1]);
            }
            up_to[k][l] = 0.5 * rule.weights[l] * sum;
        }
    }
    std::vector<double> ends;
    const auto add = [&ends](double x) {
        std::size_t place = ends.size();
        while (place > 0 && ends[place - 1] > x) {
            --place;
        }
        if (place == 0 || ends[place - 1] != x) {
            ends.insert(ends.begin() + static_cast<std::ptrdiff_t>(place), x);
        }
    };
    for (std::size_t j = 0; j < count; ++j) {
        double step = 0.5;
        for (double far = 0.0; far <= 100.0; far += step) {
            add(arms[j].peak - far * arms[j].width);
            add(arms[j].peak + far * arms[j].width);
            step = far < 8.0 ? 0.5 : 0.15 * far;
        }
    }
    arm_numbers below{};   // each arm's mass before the panel
    arm_numbers totals{};  // each arm's whole mass
    std::vector<std::array<std::array<double, m>, max_arms>> densities(ends.size());
    for (std::size_t panel = 0; panel + 1 < ends.size(); ++panel) {
        const double half = 0.5 * (ends[panel + 1] - ends[panel]);
        const double middle = ends[panel] + half;
        for (std::size_t j = 0; j < count; ++j) {
            for (std::size_t k = 0; k < m; ++k) {
                const double density = std::exp(arms[j].log_ratio(middle + half * rule.nodes[k]));
                densities[panel][j][k] = density;
                totals[j] += half * rule.weights[k] * density;
            }
        }
    }
    arm_numbers chances{};
    for (std::size_t panel = 0; panel + 1 < ends.size(); ++panel) {
        const double half = 0.5 * (ends[panel + 1] - ends[panel]);
        std::array<std::array<double, m>, max_arms> distribution{};
        for (std::size_t j = 0; j < count; ++j) {
            const auto& density = densities[panel][j];
            double all = 0.0;
            for (std::size_t k = 0; k < m; ++k) {
                double inside = 0.0;
                for (std::size_t l = 0; l < m; ++l) {
                    inside += up_to[k][l] * density[l];
                }
                all += rule.weights[k] * density[k];
                // The mass inside a panel is negative by rounding only.
                distribution[j][k] = (below[j] + half * std::fmax(inside, 0.0)) / totals[j];
            }
            below[j] += half * all;
        }
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t k = 0; k < m; ++k) {
                double product = half * rule.weights[k] * densities[panel][i][k] / totals[i];
                for (std::size_t j = 0; j < count; ++j) {
                    product *= j == i ? 1.0 : distribution[j][k];
                }
                chances[i] += product;
            }
        }
    }
    return chances;
}

/// Return the probability of each arm to be the best.
///
/// Arms with too few rewards for a variance come first: they share 1 equally. All numbers are 0 where the totals cannot be
/// totals of rewards.
[[nodiscard]] inline arm_numbers chances_to_be_best(const reward_totals& seen, std::size_t arms,
                                                    reward_kind kind, double successes, double failures)
{
    std::array<arm_belief_shape, max_arms> beliefs{};
    for (std::size_t arm = 0; arm < arms; ++arm) {
        const arm_rewards& each = seen.arms[arm];
        if (!(each.count >= 0.0 && each.count < 1e15 && std::isfinite(each.sum) &&
              std::isfinite(each.squares))) {
            return {};
        }
        arm_belief_shape& belief = beliefs[arm];
        if (kind == reward_kind::proportion) {
            if (!(each.sum >= 0.0 && each.sum <= each.count)) {
                return {};
            }
            belief.a = successes + each.sum;
            belief.b = failures + (each.count - each.sum);
            if (seen.lower_is_better) {
                std::swap(belief.a, belief.b);
            }
            belief.peak = std::log(belief.a / belief.b);
            belief.width = std::sqrt(1.0 / belief.a + 1.0 / belief.b);
        } else {
            const double around = each.squares - each.sum * each.mean();
            const double variance = each.count >= 2.0 ? around / (each.count - 1.0) : 0.0;
            // A smaller variance is a rounding error.
            const bool known = variance > 1e-14 * each.squares / std::fmax(each.count, 1.0);
            belief.peak = seen.lower_is_better ? -each.mean() : each.mean();
            belief.width = known ? std::sqrt(variance / each.count) : 0.0;
        }
    }
    const auto unknown = [&](std::size_t arm) { return !(beliefs[arm].width > 0.0); };
    for (std::size_t arm = 0; arm < arms; ++arm) {
        if (unknown(arm)) {
            return equally_where(arms, unknown);
        }
    }
    arm_numbers chances = chances_to_be_largest(beliefs, arms);
    double sum = 0.0;
    for (const double chance : chances) {
        sum += chance;
    }
    for (double& chance : chances) {
        chance = sum > 0.0 ? chance / sum : 0.0;
    }
    return chances;
}

/// Check the options that both Thompson bandits have, and begin with equal shares.
[[nodiscard]] inline bandit_plan first_thompson_plan(const std::string& policy, double prior_successes,
                                                     double prior_failures, double floor, std::size_t arms)
{
    check_part((policy + ".prior_successes").c_str(), prior_successes, 0.1, 1e9);
    check_part((policy + ".prior_failures").c_str(), prior_failures, 0.1, 1e9);
    return first_bandit_plan((policy + ".floor").c_str(), floor, arms);
}

}  // namespace detail

/// Serve each arm with the probability that it is the best one, given the rewards so far.
///
/// It explores arms that may still be the best, and few others. The probabilities are integrals of the posteriors and not
/// draws, so each assignment has its exact propensity.
/// When to use: as the bandit of first choice. It handles batches and delayed feedback better than ucb1.
/// When not: without the floor, where arms are compared afterwards or where the rewards may change over time.
/// shape: `thompson{.salt = "banner", .rewards = reward_kind::proportion}`
/// errors: configuration_error when a trial is made; where rewards cannot be used (outside 0 to 1 under `proportion`), the
///     new plan is the plan before
/// cost: about 0.3 ms for a new plan of two arms, 3 ms for eight
/// source: Thompson 1933, On the likelihood that one unknown probability exceeds another; Chapelle and Li 2011, An empirical
///     evaluation of Thompson sampling
struct thompson {
    /// Makes the assignment independent of other trials.
    joust::salt salt{};
    /// The kind of rewards.
    reward_kind rewards = reward_kind::proportion;
    /// The least share of every arm.
    double floor = 0.01;
    /// The successes that are assumed of each arm before the first reward. Only `proportion` uses them.
    double prior_successes = 1.0;
    /// The failures that are assumed of each arm before the first reward. Only `proportion` uses them.
    double prior_failures = 1.0;

    /// Check the options and begin with equal shares.
    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        return detail::first_thompson_plan("thompson", prior_successes, prior_failures, floor, arms);
    }

    /// Make the next plan from all rewards so far.
    [[nodiscard]] bandit_plan replan(const reward_totals& seen, const bandit_plan& before) const
    {
        return detail::next_bandit_plan(
            before, detail::chances_to_be_best(seen, before.arms(), rewards, prior_successes, prior_failures),
            floor, seen);
    }

    bool operator==(const thompson&) const = default;
};

/// Draw the best arm as thompson does; with probability 1 - beta, draw again until another arm comes and serve that one.
///
/// The share beta of the traffic goes to the leader, and the rest goes to its rivals by their chances. The propensities are
/// exact: where p are the chances to be best, arm i has p_i (beta + (1 - beta) sum over j != i of p_j / (1 - p_j)).
/// When to use: to find the best arm with few requests.
/// When not: to earn as much as possible on the way; thompson does that.
/// shape: `top_two_thompson{.salt = "banner", .beta = 0.5}`
/// errors: as for thompson
/// cost: as for thompson
/// source: Russo 2020, Simple Bayesian algorithms for best-arm identification, section 3.3
struct top_two_thompson {
    /// Makes the assignment independent of other trials.
    joust::salt salt{};
    /// The share of traffic for the arm that is drawn first.
    double beta = 0.5;
    /// The kind of rewards.
    reward_kind rewards = reward_kind::proportion;
    /// The least share of every arm.
    double floor = 0.01;
    /// The successes that are assumed of each arm before the first reward, as for thompson.
    double prior_successes = 1.0;
    /// The failures that are assumed of each arm before the first reward, as for thompson.
    double prior_failures = 1.0;

    /// Check the options and begin with equal shares.
    [[nodiscard]] bandit_plan resolve(std::size_t arms) const
    {
        detail::check_part("top_two_thompson.beta", beta, 0.0, 1.0);
        return detail::first_thompson_plan("top_two_thompson", prior_successes, prior_failures, floor, arms);
    }

    /// Make the next plan from all rewards so far.
    [[nodiscard]] bandit_plan replan(const reward_totals& seen, const bandit_plan& before) const
    {
        const std::size_t arms = before.arms();
        const detail::arm_numbers best =
            detail::chances_to_be_best(seen, arms, rewards, prior_successes, prior_failures);
        detail::arm_numbers wanted{};
        for (std::size_t first = 0; first < arms; ++first) {
            double others = 0.0;  // 1 - best[first], without cancellation
            for (std::size_t arm = 0; arm < arms; ++arm) {
                others += arm == first ? 0.0 : best[arm];
            }
            wanted[first] += best[first] * (arms == 1 ? 1.0 : beta);
            for (std::size_t arm = 0; arm < arms; ++arm) {
                if (arm != first) {
                    // The chance of a rival, given that the first arm is not drawn again. Rivals without a chance share alike.
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

}  // namespace v0
}  // namespace joust
