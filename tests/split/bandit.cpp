// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/bandit.hpp>
#include <joust/split/layer.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/rewards.hpp>
#include <joust/split/thompson.hpp>
#include <joust/stats/bayes/bayes.hpp>
#include <joust/stats/estimation/off_policy.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/replan.hpp>

#include "catch.hpp"

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace joust;

template <class Splitter>
std::string complaint(const Splitter& splitter, std::size_t arms = 2)
{
    try {
        (void)splitter.resolve(arms);
    } catch (const configuration_error& wrong) {
        return wrong.what();
    }
    return "accepted";
}

reward_totals proportions(const std::vector<std::array<double, 2>>& successes_of)
{
    reward_totals out;
    for (std::size_t arm = 0; arm < successes_of.size(); ++arm) {
        const auto [k, n] = successes_of[arm];
        out.arms[arm] = {.count = n, .sum = k, .squares = k};
    }
    return out;
}

double sum_of_shares(const bandit_plan& plan)
{
    double sum = 0.0;
    for (const double share : plan.shares()) {
        sum += share;
    }
    return sum;
}

// P(second > first) for beta(a, b) with whole a of the second: a finite sum.
double second_beats_first(int a1, int b1, int a2, int b2)
{
    const auto log_beta = [](double a, double b) {
        return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
    };
    double p = 0.0;
    for (int i = 0; i < a2; ++i) {
        p += std::exp(log_beta(a1 + i, b1 + b2) - std::log(b2 + i) - log_beta(1 + i, b2) - log_beta(a1, b1));
    }
    return p;
}

TEST_CASE("Epsilon-greedy gives epsilon to all and the rest to the best")
{
    const epsilon_greedy bandit{.salt = "s", .epsilon = 0.2};
    const bandit_plan first = bandit.resolve(4);
    CHECK(first.share(2) == 0.25);
    const bandit_plan second = bandit.replan(proportions({{1, 10}, {5, 10}, {2, 10}, {0, 10}}), first);
    CHECK_THAT(second.share(0), WithinAbs(0.05, 1e-15));
    CHECK_THAT(second.share(1), WithinAbs(0.85, 1e-15));
    const bandit_plan tied = bandit.replan(proportions({{1, 10}, {5, 10}, {5, 10}, {0, 10}}), second);
    CHECK_THAT(tied.share(1), WithinAbs(0.45, 1e-15));
    CHECK_THAT(tied.share(2), WithinAbs(0.45, 1e-15));
    CHECK(diff(second, tied).moved - diff(second, tied).necessary < 1e-15);
    CHECK(bandit.replan(proportions({{1, 10}, {5, 10}, {5, 10}, {0, 0}}), second).share(3) == 0.25);
    reward_totals down = proportions({{1, 10}, {5, 10}, {5, 10}, {2, 10}});
    down.lower_is_better = true;
    CHECK_THAT(bandit.replan(down, second).share(0), WithinAbs(0.85, 1e-15));
}

TEST_CASE("UCB1 serves each arm first, then the highest bound")
{
    const ucb1 bandit{.salt = "s", .floor = 0.0};
    const bandit_plan first = bandit.resolve(3);
    const bandit_plan untried = bandit.replan(proportions({{1, 1}, {0, 0}, {0, 0}}), first);
    CHECK(untried.share(0) == 0.0);
    CHECK(untried.share(1) == 0.5);
    // bounds: 0.5 + sqrt(2 ln 110 / 100) = 0.807, 0.4 + sqrt(2 ln 110 / 10) = 1.37
    const bandit_plan next = bandit.replan(proportions({{50, 100}, {4, 10}, {0, 0}}), first);
    CHECK(next.share(2) == 1.0);
    const bandit_plan bound = bandit.replan(proportions({{50, 100}, {4, 10}, {5, 100}}), first);
    CHECK(bound.share(1) == 1.0);
    CHECK(ucb1{.salt = "s", .floor = 0.05}
              .replan(proportions({{50, 100}, {4, 10}, {5, 100}}), first)
              .share(1) == Approx(0.9));
}

TEST_CASE("EXP3 weighs a batch by the plan that served it")
{
    const exp3 bandit{.salt = "s", .gamma = 0.3};
    const bandit_plan first = bandit.resolve(3);
    CHECK_THAT(first.share(0), WithinAbs(1.0 / 3.0, 1e-15));
    const bandit_plan second = bandit.replan(proportions({{0, 4}, {2, 4}, {1, 4}}), first);
    // weights exp(gamma / 3 * reward / (1 / 3))
    const double w1 = std::exp(0.1 * 2 * 3), w2 = std::exp(0.1 * 1 * 3);
    CHECK_THAT(second.share(1), WithinAbs(0.7 * w1 / (1.0 + w1 + w2) + 0.1, 1e-14));
    const bandit_plan third = bandit.replan(proportions({{0, 4}, {2, 4}, {2, 5}}), second);
    const double w3 = w2 * std::exp(0.1 / second.share(2));
    CHECK_THAT(third.share(2), WithinAbs(0.7 * w3 / (1.0 + w1 + w3) + 0.1, 1e-14));
    CHECK_THAT(exp3::gamma_for(10, 1e5),
               WithinAbs(std::sqrt(10 * std::log(10.0) / (1.718281828459045 * 1e5)), 1e-15));
    CHECK(exp3::gamma_for(10, 1.0) == 1.0);
}

TEST_CASE("The propensities of Thompson sampling are the exact probabilities that each arm is best")
{
    const thompson bandit{.salt = "s", .floor = 0.0};
    const bandit_plan first = bandit.resolve(2);
    for (const auto& [k1, n1, k2, n2] : {std::array{3, 10, 5, 10}, std::array{0, 5, 0, 7},
                                         std::array{90, 100, 30, 40}, std::array{1, 1000, 9, 1000}}) {
        const bandit_plan next =
            bandit.replan(proportions({{1.0 * k1, 1.0 * n1}, {1.0 * k2, 1.0 * n2}}), first);
        const double exact = second_beats_first(k1 + 1, n1 - k1 + 1, k2 + 1, n2 - k2 + 1);
        CHECK_THAT(next.share(1), WithinAbs(exact, 1e-10));
    }
    // Three equal arms are equally likely.
    const bandit_plan even = bandit.replan(proportions({{3, 9}, {3, 9}, {3, 9}}), bandit.resolve(3));
    CHECK_THAT(even.share(2), WithinAbs(1.0 / 3.0, 1e-12));
    // With a floor the rest is by the probabilities.
    const bandit_plan kept =
        thompson{.salt = "s", .floor = 0.05}.replan(proportions({{3, 10}, {5, 10}}), first);
    const double p = second_beats_first(4, 8, 6, 6);
    CHECK_THAT(kept.share(1), WithinAbs(0.05 + 0.9 * p, 1e-10));
}

TEST_CASE("Probabilities that an arm is best agree with the Bayesian comparison, small ones too")
{
    keyed_random random{15};
    for (int round = 0; round < 40; ++round) {
        const std::size_t arms = 2 + random.below(5);
        reward_totals seen;
        std::vector<stats::beta_belief> beliefs;
        std::vector<stats::normal_belief> normals;
        reward_totals means;
        seen.lower_is_better = means.lower_is_better = round % 3 == 0;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            const double n = std::floor(std::exp(random.uniform() * (round % 2 == 0 ? 5.0 : 16.0)));
            const double k = std::floor(n * (0.3 + 0.2 * random.uniform() / (1.0 + 0.01 * n)));
            seen.arms[arm] = {.count = n, .sum = k, .squares = k};
            beliefs.push_back({1.0 + k, 1.0 + n - k});
            const double m = random.normal(), sd = std::exp(random.normal());
            means.arms[arm] = {
                .count = 10.0, .sum = 10.0 * m, .squares = 10.0 * m * m + 9.0 * 10.0 * sd * sd};
            normals.push_back({m, sd});
        }
        const stats::bayes_options options{.lower_is_better = seen.lower_is_better};
        const auto check = [&](const detail::arm_numbers& found,
                               const std::vector<stats::arm_belief>& exact) {
            for (std::size_t arm = 0; arm < arms; ++arm) {
                INFO("round " << round << ", arm " << arm << " of " << arms);
                REQUIRE(exact[arm].state == status::ok);
                REQUIRE_THAT(found[arm], WithinAbs(exact[arm].probability_best, 1e-9) &&
                                             WithinRel(exact[arm].probability_best,
                                                       exact[arm].probability_best > 1e-30 ? 1e-5 : 1.0));
            }
        };
        check(detail::chances_to_be_best(seen, arms, reward_kind::proportion, 1.0, 1.0),
              stats::beta_binomial(std::span<const stats::beta_belief>{beliefs}, options));
        check(detail::chances_to_be_best(means, arms, reward_kind::mean, 1.0, 1.0),
              stats::normal_normal(std::span<const stats::normal_belief>{normals}, options));
    }
}

TEST_CASE("Thompson sampling of means: normal posteriors, arms without a variance first")
{
    const thompson bandit{.salt = "s", .rewards = reward_kind::mean, .floor = 0.0};
    reward_totals seen;
    for (const double x : {1.0, 2.0, 3.0, 6.0}) {
        seen.arms[0].add(x);
        seen.arms[1].add(x + 0.5);
    }
    const bandit_plan next = bandit.replan(seen, bandit.resolve(2));
    const double variance = 14.0 / 3.0;  // of 1, 2, 3, 6
    const double z = 0.5 / std::sqrt(2.0 * variance / 4.0);
    CHECK_THAT(next.share(1), WithinAbs(0.5 * std::erfc(-z / std::sqrt(2.0)), 1e-10));
    reward_totals down = seen;
    down.lower_is_better = true;
    CHECK_THAT(bandit.replan(down, bandit.resolve(2)).share(0), WithinAbs(next.share(1), 1e-12));
    const bandit_plan three = bandit.replan(seen, bandit.resolve(3));
    CHECK(three.share(2) == 1.0);
}

TEST_CASE("Top-two Thompson draws the leader and its rivals with their exact probabilities")
{
    const reward_totals seen = proportions({{30, 100}, {40, 100}, {35, 100}, {10, 100}});
    const bandit_plan plain = thompson{.salt = "s", .floor = 0.0}.replan(seen, thompson{}.resolve(4));
    const top_two_thompson bandit{.salt = "s", .beta = 0.6, .floor = 0.0};
    const bandit_plan next = bandit.replan(seen, bandit.resolve(4));
    for (std::size_t i = 0; i < 4; ++i) {
        double expected = 0.6;
        for (std::size_t j = 0; j < 4; ++j) {
            expected += j == i ? 0.0 : 0.4 * plain.share(j) / (1.0 - plain.share(j));
        }
        CHECK_THAT(next.share(i), WithinAbs(plain.share(i) * expected, 1e-9));
    }
    // One arm far ahead: the rivals still get their part.
    const reward_totals far = proportions({{0, 1'000'000}, {900'000, 1'000'000}, {0, 1'000'000}});
    const bandit_plan ahead = bandit.replan(far, bandit.resolve(3));
    CHECK_THAT(ahead.share(1), WithinAbs(0.6, 1e-9));
    CHECK_THAT(ahead.share(0), WithinAbs(0.2, 1e-6));
}

// Propensities add to one and match how often units get an arm, for every bandit on random totals.
template <class Bandit>
void check_frequencies(const Bandit& bandit, keyed_random& random)
{
    for (int round = 0; round < 5; ++round) {
        const std::size_t arms = 2 + random.below(4);
        reward_totals seen;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            for (int i = 0; i < 40; ++i) {
                seen.arms[arm].add(random.chance(0.2 + 0.1 * random.uniform()) ? 1.0 : 0.0);
            }
        }
        const bandit_plan plan = bandit.replan(seen, bandit.resolve(arms));
        REQUIRE_THAT(sum_of_shares(plan), WithinAbs(1.0, 1e-12));
        const joust::salt salt{"frequencies"};
        std::array<double, max_arms> counts{};
        constexpr int n = 40'000;
        const int args = 0;
        for (int unit = 0; unit < n; ++unit) {
            const assignment given =
                plan.assign(context<int>{salt.hasher()(unit + 100'000 * round), 0, args});
            REQUIRE(given.propensity == plan.share(given.arm));
            ++counts[given.arm];
        }
        for (std::size_t arm = 0; arm < arms; ++arm) {
            const double p = plan.share(arm);
            REQUIRE_THAT(counts[arm], WithinAbs(n * p, 4.5 * std::sqrt(n * p * (1.0 - p)) + 1e-6));
        }
    }
}

TEST_CASE("Propensities add to one and match frequencies")
{
    keyed_random random{11};
    check_frequencies(epsilon_greedy{.salt = "s"}, random);
    check_frequencies(ucb1{.salt = "s"}, random);
    check_frequencies(exp3{.salt = "s"}, random);
    check_frequencies(thompson{.salt = "s"}, random);
    check_frequencies(thompson{.salt = "s", .rewards = reward_kind::mean}, random);
    check_frequencies(top_two_thompson{.salt = "s"}, random);
}

TEST_CASE("Off-policy estimates from a bandit's log recover what each arm earns, for every bandit")
{
    constexpr std::array<double, 3> truth{0.10, 0.14, 0.20};
    const auto run = [&](const auto& bandit, std::uint64_t stream) {
        keyed_random random{12, stream};
        bandit_plan plan = bandit.resolve(3);
        reward_totals seen;
        std::vector<unsigned> arms;
        std::vector<double> propensities, rewards;
        for (int batch = 0; batch < 40; ++batch) {
            for (int i = 0; i < 500; ++i) {
                const unsigned arm = plan.arm_of(random.next());
                const double reward = random.chance(truth[arm]) ? 1.0 : 0.0;
                arms.push_back(arm);
                propensities.push_back(plan.share(arm));
                rewards.push_back(reward);
                seen.arms[arm].add(reward);
            }
            plan = bandit.replan(seen, plan);
        }
        for (unsigned arm = 0; arm < 3; ++arm) {
            std::vector<double> weights;
            for (std::size_t i = 0; i < arms.size(); ++i) {
                weights.push_back(arms[i] == arm ? 1.0 / propensities[i] : 0.0);
            }
            const auto ips = stats::ips(weights, rewards);
            const auto snips = stats::snips(weights, rewards);
            const double error = (ips.upper - ips.lower) / 3.92;
            INFO("arm " << arm << ": ips " << ips.estimate << ", snips " << snips.estimate << ", error "
                        << error);
            CHECK(std::fabs(ips.estimate - truth[arm]) < 3.5 * error);
            CHECK(std::fabs(snips.estimate - truth[arm]) < 3.5 * error);
            CHECK(error < 0.06);
        }
    };
    run(epsilon_greedy{.salt = "s", .floor = 0.02}, 1);
    run(ucb1{.salt = "s", .floor = 0.02}, 2);
    run(exp3{.salt = "s", .gamma = 0.1}, 3);
    run(thompson{.salt = "s", .floor = 0.02}, 4);
    run(thompson{.salt = "s", .rewards = reward_kind::mean, .floor = 0.02}, 5);
    run(top_two_thompson{.salt = "s", .floor = 0.02}, 6);
}

TEST_CASE("Invalid bandits are refused, and invalid totals do not change the plan")
{
    CHECK_THAT(complaint(epsilon_greedy{.epsilon = 1.5}), ContainsSubstring("epsilon_greedy.epsilon is 1.5"));
    CHECK_THAT(complaint(ucb1{.floor = 0.6}),
               ContainsSubstring("ucb1.floor is 0.6; allowed: a share for each of 2"));
    CHECK_THAT(complaint(ucb1{.low = 1.0}), ContainsSubstring("ucb1.low is 1 with a high of 1"));
    CHECK_THAT(complaint(exp3{.gamma = 0.0}), ContainsSubstring("exp3.gamma is 0"));
    CHECK_THAT(complaint(thompson{.prior_successes = 0.0}),
               ContainsSubstring("thompson.prior_successes is 0"));
    CHECK_THAT(complaint(top_two_thompson{.beta = std::nan("")}),
               ContainsSubstring("top_two_thompson.beta is nan"));
    CHECK(complaint(exp3{}, 16) == "accepted");
    const thompson bandit{.salt = "s", .floor = 0.0};
    const bandit_plan before = bandit.replan(proportions({{3, 10}, {5, 10}}), bandit.resolve(2));
    const bandit_plan after = bandit.replan(proportions({{30, 10}, {5, 10}}), before);  // 30 of 10
    CHECK(after.shares() == before.shares());
}

struct request {
    std::uint64_t user = 0;
};

TEST_CASE("A trial learns by a new plan: traffic and propensities change, and evidence stays unbiased")
{
    ab_test trial{model{"a", [](const request&) { return 0; }},
                  model{"b", [](const request&) { return 1; }},
                  model{"c", [](const request&) { return 2; }},
                  by(&request::user),
                  conversion<"click">{},
                  untimed{},
                  layer({.salt = "all", .from = 0.0, .to = 0.9}, thompson{.salt = "banner", .floor = 0.1})};
    keyed_random random{13};
    constexpr std::array<double, 3> truth{0.10, 0.10, 0.25};
    std::array<int, 3> last{};
    for (int batch = 0; batch < 12; ++batch) {
        last = {};
        for (int i = 0; i < 1'000; ++i) {
            const auto [arm, ticket] = trial.serve(request{random.next()});
            if (ticket.kind() == ticket_kind::exposure) {
                ++last[static_cast<std::size_t>(arm)];
                trial.observe<"click">(ticket, random.chance(truth[static_cast<std::size_t>(arm)]));
            }
        }
        replan(trial);
    }
    CHECK(last[2] > 600);
    CHECK(last[0] + last[1] > 120);
    const report out = trial.report();
    CHECK(out.decision == verdict::ship_challenger);
    CHECK(out.arms[2].share > 0.75);
    for (const metric_row& row : out.metrics) {
        if (row.metric == "click" && row.arm == "c") {
            CHECK(std::fabs(row.estimate - 0.15) < 0.05);
        }
    }
}

TEST_CASE(
    "A bandit learns while threads serve, and every ticket says the propensity of the plan that served it")
{
    ab_test trial{model{"a", [](const request&) { return 0; }},
                  model{"b", [](const request&) { return 1; }},
                  by(&request::user),
                  conversion<"click">{},
                  untimed{},
                  epsilon_greedy{.salt = "banner", .epsilon = 0.2}};
    std::atomic<bool> odd{false};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 3; ++t) {
        threads.emplace_back([&trial, &odd, t] {
            keyed_random random{16, t};
            for (int i = 0; i < 3'000; ++i) {
                const auto [arm, ticket] = trial.serve(request{random.next()});
                trial.observe<"click">(ticket, random.chance(arm == 0 ? 0.1 : 0.2));
                const float p = ticket.propensity();
                if (!(p == 0.5F || p == 0.9F || p == 0.1F) || static_cast<unsigned>(arm) != ticket.arm()) {
                    odd = true;
                }
            }
        });
    }
    for (int i = 0; i < 30; ++i) {
        replan(trial);
        std::this_thread::yield();
    }
    for (std::thread& each : threads) {
        each.join();
    }
    CHECK_FALSE(odd.load());
    CHECK(trial.evidence().requests() == 9'000);
    // Evidence of another trial is refused.
    evidence other = trial.evidence();
    other.trial = "other";
    CHECK_THROWS_AS(replan(trial, other), configuration_error);
    CHECK_NOTHROW(replan(trial, trial.evidence()));
}

TEST_CASE("What a bandit learns from evidence is what was observed")
{
    ab_test trial{model{"a", [](const request&) { return 0; }}, model{"b", [](const request&) { return 1; }},
                  by(&request::user), mean<"revenue">{.cap = 100.0},
                  hash_split{.salt = "s", .shares = {0.7, 0.3}}};
    keyed_random random{14};
    std::array<arm_rewards, 2> truth{};
    for (int i = 0; i < 20'000; ++i) {
        const auto [arm, ticket] = trial.serve(request{random.next()});
        const double x = 10.0 + 3.0 * random.normal() + arm;
        trial.observe<"revenue">(ticket, x);
        truth[static_cast<std::size_t>(arm)].add(x);
    }
    const reward_totals seen = rewards_of(trial.evidence(), 2, false);
    for (std::size_t arm = 0; arm < 2; ++arm) {
        CHECK(seen.arms[arm].count == truth[arm].count);
        CHECK_THAT(seen.arms[arm].mean(),
                   WithinRel(truth[arm].mean(), 1e-7));  // tickets hold propensities as floats
        const auto variance = [](const arm_rewards& a) {
            return (a.squares - a.sum * a.mean()) / (a.count - 1.0);
        };
        CHECK_THAT(variance(seen.arms[arm]), WithinRel(variance(truth[arm]), 0.15));
    }
}

}  // namespace
