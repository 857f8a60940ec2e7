// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

using namespace joust;

// A value that cannot be scored does not vanish. It is counted by arm, and where what is lost could change the verdict, there
// is none.

namespace {

constexpr int requests = 8'000;
constexpr double not_a_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

template <class... Policies>
auto trial_of(Policies... policies)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = "lost rows", .shares = {0.7, 0.3}}, policies...};
}

/// Serve requests, of which 60 % are hard. `feed(arm, hard, ticket, random)` gives feedback.
template <class Trial, class Feed>
report run(Trial& trial, Feed feed)
{
    keyed_random random{1};
    for (int i = 0; i < requests; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(4'000));
        feed(arm, random.chance(0.6), ticket, random);
    }
    return trial.report();
}

/// The loss of both models is the same on easy requests; on hard ones the challenger answers NaN.
template <class Trial>
report lose_the_hard_rows(Trial& trial, double what = not_a_value)
{
    return run(trial, [&](int arm, bool hard, const ticket& t, keyed_random& random) {
        const double loss = (hard ? 1.0 : 0.2) + 0.1 * random.uniform();
        trial.template observe<"loss">(t, arm == 1 && hard ? what : loss);
    });
}

constexpr mean<"loss"> loss{.better = better::down};

bool names_the_loss(const report& r)
{
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason,
               ContainsSubstring("lost values that cannot be scored for 0.0 % of the exposures of old and "));
    return r.decision == verdict::keep_testing;
}

bool has_note(const report& r, std::string_view part)
{
    for (const std::string& note : r.notes) {
        if (note.find(part) != std::string::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE(
    "a challenger that answers NaN on the hard requests is not shipped for its small loss, under any inference")
{
    const auto held = [](auto inference) {
        auto trial = trial_of(loss, inference);
        return names_the_loss(lose_the_hard_rows(trial));
    };
    CHECK(held(always_valid{}));
    CHECK(held(fixed_horizon{.units = requests}));
    CHECK(held(group_sequential{.units = requests}));
    CHECK(held(hybrid{.units = requests}));
    CHECK(held(bayesian{}));
}

TEST_CASE("infinite losses, losses of what was observed, ratios and quantiles are accounted for too")
{
    auto endless = trial_of(loss);
    CHECK(names_the_loss(lose_the_hard_rows(endless, infinite)));
    auto observed = trial_of(mean<"loss">{.better = better::down, .per = per::observed});
    CHECK(names_the_loss(lose_the_hard_rows(observed)));
    auto tail = trial_of(quantile<"loss">{.q = 0.5, .warm_up = 200, .better = better::down});
    CHECK(names_the_loss(lose_the_hard_rows(tail)));
    auto pairs = trial_of(ratio<"errors">{.better = better::down});
    CHECK(names_the_loss(run(pairs, [&](int arm, bool hard, const ticket& t, keyed_random& random) {
        const double errors = (hard ? 3.0 : 1.0) + random.uniform();
        pairs.observe<"errors">(t, errors, arm == 1 && hard ? -1.0 : 10.0);
    })));
}

TEST_CASE("a conversion other than 0 and 1 is lost, not 0")
{
    auto trial = trial_of(conversion<"error">{.better = better::down});
    CHECK(names_the_loss(run(trial, [&](int arm, bool hard, const ticket& t, keyed_random& random) {
        const bool error = random.chance(hard ? 0.5 : 0.1);
        trial.observe<"error">(t, arm == 1 && hard ? 0.5 : error ? 1.0 : 0.0);
    })));
}

TEST_CASE("a small share that is lost in the challenger alone is found")
{
    auto trial = trial_of(loss);
    const report r = run(trial, [&](int arm, bool, const ticket& t, keyed_random& random) {
        const bool lost = arm == 1 && random.chance(0.03);
        trial.observe<"loss">(t, lost ? not_a_value : (arm == 1 ? 0.5 : 0.7) + 0.1 * random.uniform());
    });
    CHECK(names_the_loss(r));
    CHECK_THAT(r.reason, ContainsSubstring("differ by more than chance"));
}

TEST_CASE("what is lost in both arms alike blocks the verdict where the worst values could change it")
{
    auto trial = trial_of(loss);
    const report r = run(trial, [&](int arm, bool hard, const ticket& t, keyed_random& random) {
        trial.observe<"loss">(t, hard ? not_a_value : (arm == 1 ? 0.5 : 0.6) + 0.1 * random.uniform());
    });
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("which could change the verdict"));
}

TEST_CASE("a few lost values that cannot change the verdict are noted, and the better model is shipped")
{
    auto trial = trial_of(loss, conversion<"click">{});
    int lost = 0;
    const report r = run(trial, [&](int arm, bool, const ticket& t, keyed_random& random) {
        const bool gone = lost < 3 && random.chance(0.001);
        lost += gone ? 1 : 0;
        trial.observe<"loss">(t, gone ? not_a_value : (arm == 1 ? 0.5 : 0.7) + 0.1 * random.uniform());
    });
    REQUIRE(lost == 3);
    INFO(r.reason);
    CHECK(r.decision == verdict::ship_challenger);
    CHECK(has_note(r, "loss: values that cannot be scored (NaN, infinite or refused) were left out"));
}

TEST_CASE("proportions are judged by their worst values exactly: losses that cannot turn a lead leave it")
{
    const auto decide = [](double share_lost) {
        auto trial = trial_of(conversion<"click">{});
        return run(trial, [&](int arm, bool, const ticket& t, keyed_random& random) {
            const bool click = random.chance(arm == 1 ? 0.5 : 0.2);
            trial.observe<"click">(t, random.chance(share_lost) ? not_a_value : click ? 1.0 : 0.0);
        });
    };
    CHECK(decide(0.05).decision == verdict::ship_challenger);
    const report much = decide(0.4);
    INFO(much.reason);
    CHECK(much.decision == verdict::keep_testing);
    CHECK_THAT(much.reason, ContainsSubstring("which could change the verdict"));
}

TEST_CASE("a guardrail whose lost values could break it is not judged")
{
    auto trial = trial_of(conversion<"click">{},
                          guardrail(conversion<"wrong">{.better = better::down}, {.max_increase = 0.02}));
    const report r = run(trial, [&](int arm, bool hard, const ticket& t, keyed_random& random) {
        trial.observe<"click">(t, random.chance(arm == 1 ? 0.4 : 0.2));
        trial.observe<"wrong">(t, hard ? not_a_value : random.chance(0.1) ? 1.0 : 0.0);
    });
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("the guardrail on wrong lost values that cannot be scored"));
}

TEST_CASE("a canary whose challenger answers NaN on the hard requests stays in its stage")
{
    canary trial{model{"old", [](std::uint64_t) { return 0; }},
                 model{"new", [](std::uint64_t) { return 1; }},
                 by([](std::uint64_t user) { return user; }),
                 hash_split{.salt = "lost in a canary"},
                 guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.1}),
                 ramp{.shares = {0.2, 0.5, 1.0}, .requests = 200}};
    const report r = lose_the_hard_rows(trial);
    CHECK(r.decision == verdict::keep_testing);
    CHECK(trial.share() == 0.2);
    CHECK_THAT(r.reason,
               ContainsSubstring("held, since the guardrail on loss lost values that cannot be scored"));
}

TEST_CASE("evidence keeps what was lost through a snapshot and a merge")
{
    auto one = trial_of(loss);
    auto two = trial_of(loss);
    lose_the_hard_rows(one);
    lose_the_hard_rows(two);
    evidence all = from_snapshot<evidence>(to_snapshot(one.evidence()));
    CHECK(all == one.evidence());
    const std::size_t lost = all.series.size() - 1;
    CHECK(all.series[lost] == "loss, not scored");
    const std::uint64_t before = all.pairs[0].series[lost].challenger_count;
    CHECK(before > 1'000);
    CHECK(all.pairs[0].series[lost].champion_count == 0);
    all.merge(two.evidence());
    CHECK(all.pairs[0].series[lost].challenger_count == 2 * before);
    auto reader = trial_of(loss);
    CHECK(names_the_loss(reader.report(all)));
}

TEST_CASE("values for a unit that cannot be scored are counted for the arm of the unit")
{
    auto trial = trial_of(loss);
    keyed_random random{2};
    for (std::uint64_t user = 0; user < requests; ++user) {
        const int arm = trial(user);
        trial.observe<"loss">(user, arm == 1 && user % 5 < 3 ? not_a_value : 0.5 + random.uniform());
    }
    CHECK(names_the_loss(trial.report()));
}

TEST_CASE("a ticket that brings NaN several times has lost one value")
{
    auto trial = trial_of(loss);
    const ticket t = trial.serve(std::uint64_t{7}).ticket;
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(trial.observe<"loss">(t, not_a_value));
    }
    const evidence seen = trial.evidence();
    CHECK(seen.pairs[0].series.back().champion_count + seen.pairs[0].series.back().challenger_count == 1);
}

TEST_CASE("a later value of a ticket that adds up several is lost too")
{
    auto trial =
        trial_of(conversion<"click">{},
                 guardrail(mean<"cost">{.better = better::down, .accumulate = true}, {.max_ratio = 1.2}));
    const report r = run(trial, [&](int arm, bool hard, const ticket& t, keyed_random& random) {
        trial.observe<"click">(t, random.chance(arm == 1 ? 0.3 : 0.15));
        trial.observe<"cost">(t, random.uniform());
        trial.observe<"cost">(t, arm == 1 && hard ? not_a_value : random.uniform());
    });
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason,
               ContainsSubstring("the guardrail on cost lost values that cannot be scored for 0.0 %"));
}

TEST_CASE("calls on which the challenger failed and the champion answered do not make it the better model")
{
    // On hard requests the challenger throws, so that the champion's answer is scored for it.
    ab_test trial{model{"old", [](bool) { return 0; }},
                  model{"new",
                        [](bool hard) {
                            if (hard) {
                                throw std::runtime_error{"hard"};
                            }
                            return 1;
                        }},
                  per_request{}, hash_split{.salt = "failing"}, conversion<"right">{}};
    keyed_random random{3};
    for (int i = 0; i < requests; ++i) {
        const bool hard = random.chance(0.4);
        const auto [answered_by, t] = trial.serve(hard);
        trial.observe<"right">(t, random.chance(answered_by == 1 ? 0.9 : 0.7));
    }
    const report r = trial.report();
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("right does not measure new where its calls failed"));
}

TEST_CASE("calls that failed without an answer, and so without feedback, do not count as the best value")
{
    auto trial = trial_of(loss);
    keyed_random random{4};
    for (int i = 0; i < requests; ++i) {
        const ticket t = trial.choose(random.below(4'000));
        const bool fails = t.arm() == 1 && random.chance(0.4);
        trial.complete(t, std::chrono::milliseconds{1}, !fails);
        if (!fails) {
            trial.observe<"loss">(t, 0.5 + random.uniform());
        }
    }
    const report r = trial.report();
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("loss has feedback for 100.0 % of the exposures of old and "));
}
