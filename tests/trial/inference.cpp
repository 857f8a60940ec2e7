// SPDX-License-Identifier: Apache-2.0

// Tests of every inference policy, from the call to the report.

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace joust;

namespace {

template <class Inference, class... Policies>
report watched(Inference policy, double champion, double challenger, Policies... policies)
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }},
                  by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "watched"},
                  conversion<"click">{},
                  policy,
                  policies...};
    keyed_random random{77};
    report last;
    for (int i = 1; i <= 12'000; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(5'000));
        trial.template observe<"click">(ticket, random.chance(arm == 0 ? champion : challenger));
        if (i % 1'000 == 0) {
            last = trial.report();
        }
    }
    return last;
}

const metric_row& row_of(const report& r, std::string_view role)
{
    for (const auto& row : r.metrics) {
        if (std::string_view{row.role}.starts_with(role)) {
            return row;
        }
    }
    throw std::out_of_range(std::string{role});
}

bool notes(const report& r, std::string_view words)
{
    for (const auto& note : r.notes) {
        if (note.find(words) != std::string::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEMPLATE_TEST_CASE("An A/B test is decided by whichever inference it is given", "", fixed_horizon,
                   group_sequential, hybrid, bayesian, always_valid)
{
    const report won = watched(TestType{}, 0.10, 0.15);
    CHECK(won.decision == verdict::ship_challenger);
    CHECK(row_of(won, "primary").lower > 0.0);
    const report lost = watched(TestType{}, 0.15, 0.10);
    CHECK(lost.decision == verdict::keep_champion);
    CHECK(notes(lost, TestType::holds));
}

TEST_CASE("A posterior says chance and expected loss in the row, for metrics where less is better too")
{
    const report up = watched(bayesian{}, 0.10, 0.11);
    const metric_row& row = row_of(up, "primary");
    CHECK(row.method.starts_with("normal posterior, clusters of units: chance to be better "));
    CHECK(row.method.find("expected loss 0.") != std::string::npos);
    CHECK(row.method.ends_with(" pp"));
    CHECK(std::isnan(row.p_value));

    const auto mean_trial = [](better which) {
        ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                      model{"new", [](std::uint64_t) { return 1; }},
                      by([](std::uint64_t user) { return user; }),
                      hash_split{.salt = "seconds"},
                      mean<"seconds">{.better = which},
                      bayesian{}};
        keyed_random random{5};
        for (int i = 0; i < 4'000; ++i) {
            const auto [arm, ticket] = trial.serve(random.below(2'000));
            trial.observe<"seconds">(ticket, 10.0 + random.normal() - (arm == 1 ? 1.0 : 0.0));
        }
        return trial.report();
    };
    const report down = mean_trial(better::down);
    CHECK(down.decision == verdict::ship_challenger);
    CHECK(row_of(down, "primary").method.find("chance to be better 100.0 %") != std::string::npos);
    const report wrong = mean_trial(better::up);
    CHECK(wrong.decision == verdict::keep_champion);
    // Where the challenger is certainly worse, the expected loss is the whole difference.
    std::string loss = "chance to be better 0.0 %, expected loss ";
    append_number(loss, -row_of(wrong, "primary").estimate, 3);
    CHECK(row_of(wrong, "primary").method.ends_with(loss));
}

TEST_CASE("A broken guardrail is told with the evidence that the inference has")
{
    const auto reason = [](auto policy) {
        canary trial{model{"old", [](std::uint64_t) { return 0; }},
                     model{"new", [](std::uint64_t) { return 1; }},
                     by([](std::uint64_t user) { return user; }),
                     ramp{.shares = {0.5}},
                     guardrail(conversion<"click">{}, {.max_decrease = 0.01}),
                     policy};
        keyed_random random{6};
        for (int i = 0; i < 30'000 && trial.report().decision != verdict::roll_back; i += 1'000) {
            for (int j = 0; j < 1'000; ++j) {
                const auto [arm, ticket] = trial.serve(random.below(5'000));
                trial.template observe<"click">(ticket, random.chance(arm == 0 ? 0.5 : 0.3));
            }
        }
        return trial.report().reason;
    };
    CHECK(reason(always_valid{}).find(", e-value ") != std::string::npos);
    CHECK(reason(group_sequential{}).find(", p ") != std::string::npos);
    CHECK(reason(fixed_horizon{}).find(", p ") != std::string::npos);
    CHECK(reason(bayesian{}).find(", posterior probability ") != std::string::npos);
}

TEST_CASE("A report says how the error rate of several guardrails was divided")
{
    const report two = watched(always_valid{}, 0.1, 0.1, guardrail(failures{}, {.max_increase = 0.01}),
                               guardrail(latency{}, {.max_ratio = 2.0}));
    CHECK(notes(two, "divided by their number (2)"));
    CHECK_FALSE(notes(watched(always_valid{}, 0.1, 0.1, guardrail(failures{}, {.max_increase = 0.01})),
                      "divided by"));
}

TEST_CASE("Guardrails on first events keep their own evidence whatever judges the means")
{
    // The challenger has twice the failures, and three times are allowed. The posterior of the difference is clear, and
    // the guardrail holds.
    ab_test trial{model{"old",
                        [](std::uint64_t i) {
                            if (i % 50 == 0) {
                                throw std::runtime_error{"old"};
                            }
                            return 0;
                        }},
                  model{"new",
                        [](std::uint64_t i) {
                            if (i % 25 == 0) {
                                throw std::runtime_error{"new"};
                            }
                            return 1;
                        }},
                  by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "first events"},
                  conversion<"click">{},
                  guardrail(failures{}, {.max_ratio = 3.0}),
                  bayesian{}};
    keyed_random random{9};
    for (int i = 0; i < 20'000; ++i) {
        try {
            static_cast<void>(trial(random.below(1'000'000)));
        } catch (const std::runtime_error&) {
        }
    }
    const report seen = trial.report();
    const metric_row& row = row_of(seen, "guardrail");
    CHECK(row.p_value > 0.3);
    CHECK(row.method == "first failure per slot of units");
    CHECK(seen.decision == verdict::keep_testing);
}

TEMPLATE_TEST_CASE("Interleaving and shadow trials take every inference too", "", fixed_horizon,
                   group_sequential, hybrid, bayesian, always_valid)
{
    const auto ranked = [](std::vector<int> items) { return [items](std::uint64_t) { return items; }; };
    interleaving search{model{"old", ranked({1, 2, 3, 4})}, model{"new", ranked({4, 3, 2, 1})},
                        by([](std::uint64_t user) { return user; }), salt{"all"}, TestType{.units = 3'000}};
    keyed_random random{10};
    report last;
    for (int i = 1; i <= 4'000; ++i) {
        const auto slate = search.rank(random.below(2'000), 4);
        // Every user looks for item 4, which the challenger shows first.
        for (std::size_t position = 0; position < slate.size(); ++position) {
            if (slate[position] == 4 && random.chance(0.5)) {
                search.click(slate.ticket(), position);
            }
        }
        if (i % 500 == 0) {
            last = search.report();
        }
    }
    CHECK(last.decision == verdict::ship_challenger);
    CHECK(std::string_view{row_of(last, "primary").method}.starts_with("paired "));
    CHECK(row_of(last, "primary").lower > 0.0);
    CHECK(notes(last, TestType::holds));

    shadow live{model{"old", [](std::uint64_t i) { return i % 4 == 0; }},
                model{"new", [](std::uint64_t i) { return i % 4 == 0 || i % 7 == 0; }},
                by([](std::uint64_t i) { return i / 3; }),
                salt{"all"},
                inline_run{},
                TestType{.units = 3'000}};
    report judged;
    for (std::uint64_t i = 1; i <= 4'000; ++i) {
        const auto [prediction, ticket] = live.serve(i);
        live.truth(ticket, i % 4 == 0 || i % 7 == 0);
        static_cast<void>(prediction);
        if (i % 500 == 0) {
            judged = live.report();
        }
    }
    CHECK(judged.decision == verdict::ship_challenger);
    CHECK(row_of(judged, "primary").lower > 0.0);
    CHECK(notes(judged, TestType::holds));
}
