// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <cmath>
#include <string>
#include <thread>
#include <vector>

using namespace joust;

namespace {

const metric_row& metric_of(const report& r, std::string_view name, std::string_view arm = "")
{
    for (const auto& m : r.metrics) {
        if (m.metric.find(name) == 0 && (arm.empty() || m.arm == arm)) {
            return m;
        }
    }
    throw std::out_of_range(std::string{name});
}

/// Serve `n` requests of 5,000 users. The probability of a click depends on the arm.
template <class Trial>
void run(Trial& trial, int n, std::vector<double> click, std::uint64_t seed)
{
    keyed_random random{seed};
    for (int i = 0; i < n; ++i) {
        const std::uint64_t user = random.below(5'000);
        const auto [arm, ticket] = trial.serve(user);
        trial.template observe<"click">(ticket,
                                        random.chance(click[static_cast<std::size_t>(arm)]) ? 1.0 : 0.0);
    }
}

template <class... Policies>
auto trial_of(std::string_view salt, Policies... policies)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }},
                   by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = salt, .shares = {0.5, 0.5}},
                   conversion<"click">{},
                   policies...};
}

}  // namespace

TEST_CASE("a better challenger is shipped, a worse one is not, and an equal one is tested on")
{
    auto better = trial_of("better");
    run(better, 20'000, {0.10, 0.15}, 1);
    const report won = better.report();
    CHECK(won.decision == verdict::ship_challenger);
    const auto& row = metric_of(won, "click");
    CHECK(row.state == status::ok);
    CHECK(row.lower > 0.0);
    CHECK(row.lower < 0.05);
    CHECK(row.upper > 0.05);
    CHECK(row.champion == Approx(0.10).margin(0.01));
    CHECK(row.challenger == Approx(0.15).margin(0.01));

    auto worse = trial_of("worse");
    run(worse, 20'000, {0.15, 0.10}, 2);
    CHECK(worse.report().decision == verdict::keep_champion);

    auto equal = trial_of("equal");
    run(equal, 20'000, {0.12, 0.12}, 3);
    CHECK(equal.report().decision == verdict::keep_testing);
}

TEST_CASE("means are plain means while shares are constant")
{
    auto trial = trial_of("means");
    double sum[2] = {0, 0};
    double n[2] = {0, 0};
    keyed_random random{4};
    for (int i = 0; i < 3'000; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(800));
        const bool click = random.chance(0.3);
        trial.observe<"click">(ticket, click);
        sum[arm] += click ? 1.0 : 0.0;
        n[arm] += 1.0;
    }
    const report r = trial.report();
    CHECK(metric_of(r, "click").champion == Approx(sum[0] / n[0]).epsilon(1e-12));
    CHECK(metric_of(r, "click").challenger == Approx(sum[1] / n[1]).epsilon(1e-12));
    CHECK(r.arms[0].requests == static_cast<std::uint64_t>(n[0]));
    CHECK(r.arms[0].units + r.arms[1].units == Approx(800).epsilon(0.06));
}

TEST_CASE("an early look claims nothing, and says why")
{
    auto trial = trial_of("early");
    const report none = trial.report();
    CHECK(none.decision == verdict::keep_testing);
    run(trial, 20, {0.0, 1.0}, 5);
    const report few = trial.report();
    CHECK(few.decision == verdict::keep_testing);
    CHECK(metric_of(few, "click").state == status::burn_in);
    CHECK_THAT(few.reason, ContainsSubstring("burn-in"));
}

TEST_CASE("what once was decided stays decided at later looks")
{
    auto trial = trial_of("latched");
    run(trial, 20'000, {0.10, 0.16}, 6);
    const double seen = metric_of(trial.report(), "click").p_value;
    CHECK(seen < 0.05);
    run(trial, 20'000, {0.16, 0.10}, 7);
    CHECK(metric_of(trial.report(), "click").p_value <= seen);
}

TEST_CASE("a broken guardrail keeps the champion, however good the primary metric is")
{
    auto trial = trial_of("guarded", guardrail(conversion<"safe">{}, {.max_decrease = 0.02}));
    keyed_random random{8};
    for (int i = 0; i < 30'000; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(5'000));
        trial.observe<"click">(ticket, random.chance(arm == 1 ? 0.3 : 0.1));
        trial.observe<"safe">(ticket, random.chance(arm == 1 ? 0.8 : 0.95));
    }
    const report r = trial.report();
    CHECK(r.decision == verdict::keep_champion);
    CHECK_THAT(r.reason, ContainsSubstring("safe"));
    CHECK(metric_of(r, "safe").margin == -0.02);
}

TEST_CASE("traffic that does not arrive as planned blocks every verdict")
{
    auto trial = trial_of("mismatch");
    keyed_random random{9};
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t user = random.below(1'000'000);
        // One in ten of the challenger's requests gets lost before it is recorded.
        if (trial.choose(user).arm() == 1 && random.chance(0.1)) {
            continue;
        }
        const auto [arm, ticket] = trial.serve(user);
        trial.observe<"click">(ticket, random.chance(arm == 1 ? 0.3 : 0.1));
    }
    const report r = trial.report();
    CHECK(r.decision == verdict::keep_testing);
    CHECK(metric_of(r, "sample ratio").state == status::srm_failed);
    CHECK_THAT(r.reason, ContainsSubstring("planned shares"));
}

TEST_CASE("of several challengers the best one that keeps its guardrails is shipped, at a divided error rate")
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"good", [](std::uint64_t) { return 1; }},
                  model{"best", [](std::uint64_t) { return 2; }},
                  model{"same", [](std::uint64_t) { return 3; }},
                  by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "several"},
                  conversion<"click">{}};
    run(trial, 60'000, {0.10, 0.15, 0.20, 0.10}, 10);
    const report r = trial.report();
    CHECK(r.decision == verdict::ship_challenger);
    CHECK_THAT(r.reason, ContainsSubstring("best"));
    CHECK(metric_of(r, "click", "good").state == status::ok);
    CHECK(metric_of(r, "click", "same").lower < 0.0);
    CHECK(r.arms.size() == 4);
}

TEST_CASE("fixed-horizon inference answers at the planned sample, once")
{
    auto trial = trial_of("fixed", fixed_horizon{.units = 10'000});
    run(trial, 5'000, {0.10, 0.16}, 11);
    CHECK(metric_of(trial.report(), "click").state == status::before_planned_sample);
    CHECK(std::isnan(metric_of(trial.report(), "click").p_value));
    run(trial, 6'000, {0.10, 0.16}, 12);
    const report r = trial.report();
    CHECK(r.decision == verdict::ship_challenger);
    const double p = metric_of(r, "click").p_value;
    run(trial, 10'000, {0.16, 0.10}, 13);
    CHECK(metric_of(trial.report(), "click").p_value == p);
}

TEST_CASE("a report says that its answers hold at every look only where they do")
{
    const auto note_of = [](const report& r) { return r.notes.at(0); };
    CHECK_THAT(note_of(trial_of("always").report()),
               ContainsSubstring("intervals and e-values hold at every look"));
    CHECK_THAT(note_of(trial_of("once", fixed_horizon{}).report()),
               !ContainsSubstring("intervals and e-values hold at every look"));
}

TEST_CASE("no arm is said to have met more units than it served requests")
{
    auto trial = trial_of("distinct");
    for (std::uint64_t user = 0; user < 3'000; ++user) {
        trial(user);
        if (user % 100 == 99) {
            for (const arm_row& arm : trial.report().arms) {
                CHECK(arm.units <= static_cast<double>(arm.requests));
            }
        }
    }
}

TEST_CASE("evidence of replicas merges to what one process would have seen")
{
    auto whole = trial_of("fleet");
    auto one = trial_of("fleet");
    auto two = trial_of("fleet");
    keyed_random random{14};
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t user = random.below(2'000);
        auto& replica = i % 3 == 0 ? one : two;
        const bool click = random.chance(0.2);
        whole.observe<"click">(whole.serve(user).ticket, click);
        replica.observe<"click">(replica.serve(user).ticket, click);
    }
    evidence merged = one.evidence();
    merged.merge(two.evidence());
    const evidence all = whole.evidence();
    CHECK(merged.requests() == all.requests());
    for (std::size_t s : {0U, 2U}) {
        for (std::size_t b = 0; b < bucket_count; ++b) {
            CHECK(merged.pairs[0].series[s].challenger[b] ==
                  Approx(all.pairs[0].series[s].challenger[b]).epsilon(1e-12));
            CHECK(merged.pairs[0].series[s].champion[b] ==
                  Approx(all.pairs[0].series[s].champion[b]).epsilon(1e-12));
        }
    }
    CHECK(merged.arms[0].units == all.arms[0].units);
    CHECK(metric_of(one.report(merged), "click").estimate ==
          Approx(metric_of(whole.report(), "click").estimate).epsilon(1e-9));
    auto other = trial_of("another");
    CHECK_THROWS_AS(merged.merge(other.evidence()), configuration_error);
    CHECK_THROWS_AS(one.report(other.evidence()), configuration_error);
}

TEST_CASE("threads that come and go leave all their evidence, and reports may be asked for meanwhile",
          "[concurrent]")
{
    auto trial = trial_of("threads");
    constexpr int threads = 6;
    constexpr int calls = 3'000;
    for (int wave = 0; wave < 3; ++wave) {
        std::vector<std::thread> all;
        for (int t = 0; t < threads; ++t) {
            all.emplace_back([&, wave, t] {
                keyed_random random{static_cast<std::uint64_t>(100 * wave + t)};
                for (int i = 0; i < calls; ++i) {
                    // Each thread has its own users: tickets of one user in one second differ by a nonce of 14 bits only.
                    const auto user =
                        1'000 * static_cast<std::uint64_t>(threads * wave + t) + random.below(1'000);
                    const auto [arm, ticket] = trial.serve(user);
                    trial.observe<"click">(ticket, arm == 1);
                }
            });
        }
        for (int i = 0; i < 5; ++i) {
            CHECK(trial.report().kind == "ab_test");
        }
        for (auto& each : all) {
            each.join();
        }
    }
    const evidence seen = trial.evidence();
    CHECK(seen.requests() == 3U * threads * calls);
    CHECK(seen.pairs[0].series[2].challenger_count == seen.requests(1));
}

TEST_CASE("a thread serves many trials, and numbers of dead ones are used again")
{
    for (int round = 0; round < 5; ++round) {
        std::vector<std::string> names;
        auto a = trial_of("a" + std::to_string(round));
        auto b = trial_of("b" + std::to_string(round));
        auto c = trial_of("c" + std::to_string(round));
        for (std::uint64_t user = 0; user < 50; ++user) {
            a(user);
            b(user);
            c(user);
            c(user);
        }
        CHECK(a.evidence().requests() == 50);
        CHECK(b.evidence().requests() == 50);
        CHECK(c.evidence().requests() == 100);
    }
}
