// SPDX-License-Identifier: Apache-2.0

// How much reward do bandits lose before they have learned, compared with the published bounds?
//
// UCB1 against theorem 1 of Auer, Cesa-Bianchi and Fischer 2002, on three instances of Bernoulli rewards; EXP3 with the gamma of
// corollary 3.1 against theorem 3.1 of Auer, Cesa-Bianchi, Freund and Schapire 2002, on the same instances and on two sequences
// that are hard for it. Both learn after every reward, as the theorems assume. Batches of 100 and Thompson sampling are printed
// for comparison, without a bound. The program fails if mean regret exceeds a bound, or is near that of serving all arms equally.
// JOUST_CALIBRATE=full runs ten times as many.

#include <joust/core/random.hpp>
#include <joust/split/bandit.hpp>
#include <joust/split/thompson.hpp>

#include "calibration/limit.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

using namespace joust;

constexpr int horizon = 10'000;

struct instance {
    const char* name;
    std::vector<double> means;
};

const std::vector<instance> instances{
    {"0.9, 0.6", {0.9, 0.6}},
    {"0.55, 0.45", {0.55, 0.45}},
    {"0.9, nine times 0.6", {0.9, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6}},
};

// The regret of one run against always serving the arm that is best in hindsight (adversary) or in truth (means).
template <class Bandit, class Reward>
double regret(const Bandit& bandit, std::size_t arms, int batch, Reward reward, double best,
              std::uint64_t stream)
{
    keyed_random random{20'021'126, stream};
    bandit_plan plan = bandit.resolve(arms);
    reward_totals seen;
    double expected = 0.0;
    for (int t = 0; t < horizon; ++t) {
        const unsigned arm = plan.arm_of(random.next());
        const double mean = reward(t, arm);
        seen.arms[arm].add(random.chance(mean) ? 1.0 : 0.0);
        expected += mean;
        if ((t + 1) % batch == 0) {
            plan = bandit.replan(seen, plan);
        }
    }
    return best - expected;
}

struct summary {
    double mean = 0.0;
    double error = 0.0;
};

template <class Bandit, class Reward>
summary runs(const Bandit& bandit, std::size_t arms, int batch, Reward reward, double best, int count)
{
    double sum = 0.0, squares = 0.0;
    for (int r = 0; r < count; ++r) {
        const double x = regret(bandit, arms, batch, reward, best, static_cast<std::uint64_t>(r));
        sum += x;
        squares += x * x;
    }
    const double mean = sum / count;
    return {mean, std::sqrt(std::fmax(squares / count - mean * mean, 0.0) / (count - 1))};
}

int failures = 0;

void line(const char* bandit, const char* where, const summary& s, double bound, double uniform)
{
    std::printf("%-28s %-22s %9.1f +- %5.1f %9.1f %9.1f\n", bandit, where, s.mean, s.error, bound, uniform);
    std::fflush(stdout);
    failures += s.mean > bound || s.mean > 0.8 * uniform ? 1 : 0;
}

void show(const char* bandit, const char* where, const summary& s)
{
    std::printf("%-28s %-22s %9.1f +- %5.1f\n", bandit, where, s.mean, s.error);
    std::fflush(stdout);
}

}  // namespace

int main()
{
    const int count = joust_test::full_calibration() ? 300 : 30;
    std::printf("Regret after %d rewards, %d runs\n%-28s %-22s %18s %9s %9s\n", horizon, count, "bandit",
                "mean rewards", "regret", "bound", "uniform");
    constexpr double pi_squared_third = 3.2898681336964528;
    for (const instance& each : instances) {
        const std::size_t arms = each.means.size();
        const double best = *std::max_element(each.means.begin(), each.means.end());
        double bound = 0.0, uniform = 0.0;
        for (const double mean : each.means) {
            const double gap = best - mean;
            bound += gap > 0.0 ? 8.0 * std::log(horizon) / gap + (1.0 + pi_squared_third) * gap : 0.0;
            uniform += gap * horizon / static_cast<double>(arms);
        }
        const auto reward = [&each](int, unsigned arm) { return each.means[arm]; };
        const double all = best * horizon;
        line("UCB1", each.name, runs(ucb1{.floor = 0.0}, arms, 1, reward, all, count), bound, uniform);
        show("UCB1, batches of 100", each.name, runs(ucb1{.floor = 0.0}, arms, 100, reward, all, count));
        const double k = static_cast<double>(arms);
        const double gamma = exp3::gamma_for(arms, horizon);
        const double exp3_bound = 1.718281828459045 * gamma * all + k * std::log(k) / gamma;
        line("EXP3", each.name, runs(exp3{.gamma = gamma}, arms, 1, reward, all, count), exp3_bound, uniform);
        show("epsilon-greedy, 0.1", each.name, runs(epsilon_greedy{}, arms, 100, reward, all, count));
        if (arms == 2) {
            show("Thompson, batches of 100", each.name,
                 runs(thompson{.floor = 0.0}, arms, 100, reward, all, count / 5));
        }
    }
    // This is hard for bandits that trust averages: arm 0 pays first, and arm 1 pays more later. When EXP3 notices varies much, so more runs are needed.
    const auto late = [](int t, unsigned arm) {
        return t < horizon / 3 ? (arm == 0 ? 1.0 : 0.0) : (arm == 1 ? 1.0 : 0.0);
    };
    const double late_best = horizon - static_cast<double>(horizon / 3);
    // Arms take turns, one of four somewhat more often.
    const auto turns = [](int t, unsigned arm) {
        return static_cast<unsigned>(t) % 5 == arm || (arm == 2 && t % 5 == 4) ? 1.0 : 0.0;
    };
    const double turns_best = 0.4 * horizon;
    for (const bool first : {true, false}) {
        const std::size_t arms = first ? 2 : 4;
        const double best = first ? late_best : turns_best;
        const double k = static_cast<double>(arms);
        const double gamma = exp3::gamma_for(arms, best);
        const double bound = 1.718281828459045 * gamma * best + k * std::log(k) / gamma;
        const exp3 bandit{.gamma = gamma};
        const summary s =
            first ? runs(bandit, arms, 1, late, best, 10 * count) : runs(bandit, arms, 1, turns, best, count);
        const double uniform = best - (first ? 0.5 : 0.25) * horizon;
        line("EXP3", first ? "arm 1 pays late" : "arms take turns", s, bound, uniform);
    }
    if (failures > 0) {
        std::printf("%d bounds are broken\n", failures);
        return 1;
    }
    return 0;
}
