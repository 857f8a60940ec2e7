// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/report/html.hpp>
#include <joust/report/json.hpp>
#include <joust/report/markdown.hpp>
#include <joust/report/text.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

using namespace joust;

// A report states for every metric the share of exposures that brought feedback. Missing labels are not wrong answers.

namespace {

template <class... Policies>
auto trial_of(double share, Policies... policies)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = "labels", .shares = {1.0 - share, share}}, policies...};
}

template <class Trial, class Feed>
report run(Trial& trial, int requests, Feed feed)
{
    keyed_random random{1};
    for (int i = 0; i < requests; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(10'000));
        feed(arm, ticket, random);
    }
    return trial.report();
}

const metric_row& row_of(const report& r, std::string_view name)
{
    for (const metric_row& row : r.metrics) {
        if (row.metric.find(name) == 0) {
            return row;
        }
    }
    throw std::out_of_range{std::string{name}};
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

/// One in ten exposures gets a label: 90 % of the champion's answers are right, and 80 % of the challenger's.
template <class Trial>
report label_a_tenth(Trial& trial)
{
    return run(trial, 12'000, [&](int arm, const ticket& t, keyed_random& random) {
        trial.template observe<"click">(t, random.chance(arm == 1 ? 0.3 : 0.2));
        if (random.chance(0.1)) {
            trial.template observe<"correct">(t, random.chance(arm == 1 ? 0.8 : 0.9));
        }
    });
}

}  // namespace

TEST_CASE(
    "labels for a tenth of the exposures are not taken for wrong answers, and the report says what to do")
{
    auto trial =
        trial_of(0.5, conversion<"click">{}, guardrail(conversion<"correct">{}, {.max_decrease = 0.02}));
    const report r = label_a_tenth(trial);
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("the guardrail on correct has feedback for "));
    CHECK_THAT(r.reason, ContainsSubstring(".per = per::observed"));
    CHECK(has_note(r, "correct looks like a label that only a part of the exposures gets"));
    CHECK(row_of(r, "correct").champion_feedback == Approx(0.1).margin(0.01));
    CHECK(row_of(r, "correct").challenger_feedback == Approx(0.1).margin(0.01));
    CHECK(row_of(r, "click").champion_feedback == 1.0);
}

TEST_CASE("divided by the labels, the same data break the guardrail")
{
    auto trial = trial_of(0.5, conversion<"click">{},
                          guardrail(conversion<"correct">{.per = per::observed}, {.max_decrease = 0.02}));
    const report r = label_a_tenth(trial);
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_champion);
    CHECK(row_of(r, "correct").champion == Approx(0.9).margin(0.03));
    CHECK(row_of(r, "correct").champion_feedback == Approx(0.1).margin(0.01));
    CHECK_FALSE(has_note(r, "looks like a label"));
}

TEST_CASE("a ratio's margin is the same with a part of the labels")
{
    auto trial = trial_of(0.5, conversion<"click">{}, guardrail(conversion<"correct">{}, {.min_ratio = 0.7}));
    const report r = label_a_tenth(trial);
    INFO(r.reason);
    CHECK(r.decision == verdict::ship_challenger);
    CHECK(has_note(r, "looks like a label"));
}

TEST_CASE("clicks that are reported only where they happen are no labels: a better model gets more of them")
{
    auto trial = trial_of(0.2, conversion<"click">{}, mean<"revenue">{});
    const report r = run(trial, 12'000, [&](int arm, const ticket& t, keyed_random& random) {
        if (random.chance(arm == 1 ? 0.3 : 0.2)) {
            trial.observe<"click">(t, true);
            trial.observe<"revenue">(t, 1.0 + random.uniform());
        }
    });
    INFO(r.reason);
    CHECK(r.decision == verdict::ship_challenger);
    CHECK(row_of(r, "click").challenger_feedback == Approx(0.3).margin(0.03));
    CHECK(row_of(r, "revenue").champion_feedback == Approx(0.2).margin(0.02));
    CHECK_FALSE(has_note(r, "differ by more than chance"));
    CHECK_FALSE(has_note(r, "looks like a label"));
}

TEST_CASE("labels that come less often for one arm block the verdict, at uneven shares too")
{
    const auto held = [](auto metric, double share) {
        auto trial = trial_of(share, metric);
        const report r = run(trial, 12'000, [&](int arm, const ticket& t, keyed_random& random) {
            if (random.chance(arm == 1 ? 0.5 : 0.7)) {
                trial.template observe<"good">(t, random.chance(arm == 1 ? 0.9 : 0.5));
            }
        });
        INFO(r.reason);
        CHECK(r.decision == verdict::keep_testing);
        CHECK_THAT(r.reason, ContainsSubstring("good has feedback for "));
        CHECK(has_note(r, "differ by more than chance"));
        return r.decision == verdict::keep_testing;
    };
    for (const double share : {0.5, 0.2}) {
        CHECK(held(conversion<"good">{}, share));
        CHECK(held(conversion<"good">{.per = per::observed}, share));
        CHECK(held(mean<"good">{.per = per::observed}, share));
    }
}

TEST_CASE("a loss that is missing for a part of the challenger's exposures does not make it better")
{
    auto trial = trial_of(0.5, mean<"loss">{.better = better::down});
    const report r = run(trial, 6'000, [&](int arm, const ticket& t, keyed_random& random) {
        if (arm == 0 || random.chance(0.9)) {
            trial.observe<"loss">(t, 1.0 + 0.1 * random.uniform());
        }
    });
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("loss has feedback for 100.0 % of the exposures of old and "));
}

TEST_CASE("a guardrail whose labels come less often for the challenger is not judged")
{
    auto trial = trial_of(
        0.5, conversion<"click">{},
        guardrail(conversion<"wrong">{.better = better::down, .per = per::observed}, {.max_increase = 0.05}));
    const report r = run(trial, 12'000, [&](int arm, const ticket& t, keyed_random& random) {
        trial.observe<"click">(t, random.chance(arm == 1 ? 0.3 : 0.2));
        if (random.chance(arm == 1 ? 0.3 : 0.6)) {
            trial.observe<"wrong">(t, random.chance(0.1));
        }
    });
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("the guardrail on wrong has feedback for "));
}

TEST_CASE("equal shares of labels are seldom said to differ, however often one looks")
{
    int differ = 0;
    for (int i = 0; i < 40; ++i) {
        auto trial = trial_of(0.3, conversion<"good">{.per = per::observed});
        keyed_random random{static_cast<std::uint64_t>(i)};
        bool ever = false;
        for (int look = 0; look < 10; ++look) {
            for (int n = 0; n < 200; ++n) {
                const auto [arm, t] = trial.serve(random.below(500) + static_cast<std::uint64_t>(1'000 * i));
                if (random.chance(0.5)) {
                    trial.observe<"good">(t, random.chance(0.5));
                }
                static_cast<void>(arm);
            }
            ever = ever || has_note(trial.report(), "differ by more than chance");
        }
        differ += ever ? 1 : 0;
    }
    // The error rate is 0.1 %.
    CHECK(differ <= 1);
}

TEST_CASE(
    "a metric that is the same for every exposure shows no difference at any share, by ticket and by unit")
{
    for (const double share : {0.05, 0.1, 0.3, 1.0 / 3.0}) {
        auto trial = trial_of(share, conversion<"ok">{}, mean<"one">{});
        for (std::uint64_t user = 0; user < 3'000; ++user) {
            trial.observe<"ok">(trial.serve(user).ticket, true);
            trial.observe<"one">(user, 1.0);
        }
        const report r = trial.report();
        CHECK(r.decision == verdict::keep_testing);
        for (const char* const name : {"ok", "one"}) {
            CHECK(row_of(r, name).state == status::zero_variance);
            CHECK_FALSE(row_of(r, name).p_value < 0.05);
            CHECK(row_of(r, name).champion_feedback == 1.0);
        }
        CHECK_FALSE(has_note(r, "differ by more than chance"));
    }
}

TEST_CASE(
    "shares that differ where feedback may come for events alone are noted where a missing value would be good")
{
    const auto noted = [](auto metric, double old_share, double new_share) {
        auto trial = trial_of(0.5, metric);
        const report r = run(trial, 8'000, [&](int arm, const ticket& t, keyed_random& random) {
            if (random.chance(arm == 1 ? new_share : old_share)) {
                if constexpr (std::is_same_v<decltype(metric), ratio<"cost">>) {
                    trial.template observe<"cost">(t, 1.0 + random.uniform(), 1.0);
                } else {
                    trial.template observe<"cost">(t, 1.0 + random.uniform());
                }
            }
        });
        return has_note(r, "which differ by more than chance. ");
    };
    CHECK(noted(mean<"cost">{.better = better::down}, 0.45, 0.30));
    CHECK_FALSE(noted(mean<"cost">{.better = better::down}, 0.45, 0.45));
    CHECK_FALSE(noted(mean<"cost">{}, 0.30, 0.45));
    CHECK(noted(ratio<"cost">{}, 0.7, 0.4));
    CHECK_FALSE(noted(ratio<"cost">{}, 0.7, 0.7));
}

TEST_CASE("text, Markdown, HTML and JSON show the shares of feedback")
{
    auto trial = trial_of(0.5, conversion<"click">{}, conversion<"correct">{.per = per::observed});
    const report r = label_a_tenth(trial);
    std::string text;
    write_text(r, text);
    CHECK_THAT(text,
               ContainsSubstring(
                   "exposures with feedback, champion and challenger: click 100.0 % and 100.0 %, correct "));
    std::string markdown;
    write_markdown(r, markdown);
    CHECK_THAT(markdown, ContainsSubstring("click 100.0 % and 100.0 %"));
    CHECK_THAT(html(r), ContainsSubstring("click 100.0 % and 100.0 %"));
    std::string json;
    write_json(r, json);
    CHECK_THAT(json, ContainsSubstring("\"champion_feedback\":1,\"challenger_feedback\":1"));

    metric_row other = r.metrics.front();
    CHECK(other == r.metrics.front());
    other.challenger_feedback = 0.5;
    CHECK_FALSE(other == r.metrics.front());
}

TEST_CASE("small groups keep their shares of feedback to themselves")
{
    auto trial = trial_of(0.5, conversion<"click">{});
    for (std::uint64_t user = 0; user < 4; ++user) {
        trial.observe<"click">(trial.serve(user).ticket, true);
    }
    std::string text;
    write_text(trial.report(), text, 20);
    CHECK_THAT(text, !ContainsSubstring("exposures with feedback"));
}

TEST_CASE("a ratio of which one arm's exposures bring 0 of 0 is not judged by the rest")
{
    // Clicks per view. Of the exposures of the challenger nine in ten have no view at all, and the others are the easy ones.
    const auto after = [](double champion, double challenger) {
        auto trial = trial_of(0.5, ratio<"clicks per view">{}, always_valid{.units = 12'000});
        return run(trial, 12'000, [&](int arm, const ticket& t, keyed_random& random) {
            const bool views = random.chance(arm == 1 ? challenger : champion);
            const double clicks = random.chance(arm == 1 ? 0.4 : 0.2) ? 1.0 : 0.0;
            trial.template observe<"clicks per view">(t, views ? clicks : 0.0, views ? 1.0 : 0.0);
        });
    };
    const report r = after(1.0, 0.05);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason,
               ContainsSubstring("clicks per view has feedback for 100.0 % of the exposures of old"));
    CHECK(row_of(r, "clicks per view").challenger_feedback == Approx(0.05).margin(0.01));
    CHECK(after(0.3, 0.1).decision == verdict::keep_testing);
    CHECK(after(0.1, 0.3).decision == verdict::keep_testing);
    CHECK(after(0.3, 0.3).decision == verdict::ship_challenger);
    CHECK(after(1.0, 1.0).decision == verdict::ship_challenger);

    // Revenue per order: nearly all exposures bring 0 of 0, and a better model may bring more orders, which is noted. Half as many are
    // about other exposures.
    const auto orders = [](double champion, double challenger) {
        auto trial = trial_of(0.5, ratio<"revenue per order">{}, always_valid{.units = 12'000});
        return run(trial, 12'000, [&](int arm, const ticket& t, keyed_random& random) {
            const bool bought = random.chance(arm == 1 ? challenger : champion);
            const double spent = random.uniform() + (arm == 1 ? 2.0 : 1.0);
            trial.template observe<"revenue per order">(t, bought ? spent : 0.0, bought ? 1.0 : 0.0);
        });
    };
    const report more = orders(0.1, 0.16);
    CHECK(more.decision == verdict::ship_challenger);
    CHECK(has_note(more, "which differ by more than chance"));
    CHECK(orders(0.1, 0.1).decision == verdict::ship_challenger);
    CHECK(orders(0.1, 0.03).decision == verdict::keep_testing);
}

TEST_CASE("calls of the champion that fail bring no feedback, which is no loss of feedback by arm")
{
    keyed_random random{12};
    // Where the challenger fails, the champion answers, and is told whether the answer was right.
    const auto fails_at_times = [&random](std::uint64_t) {
        if (random.chance(0.05)) {
            throw std::runtime_error("no answer");
        }
        return 1;
    };
    canary trial{model{"old", fails_at_times},
                 model{"new", fails_at_times},
                 by([](std::uint64_t user) { return user; }),
                 hash_split{.salt = "failing champion"},
                 guardrail(conversion<"right">{.per = per::observed}, {.max_decrease = 0.05}),
                 ramp{.shares = {0.2, 0.5}, .requests = 10'000'000},
                 untimed{}};
    for (int i = 0; i < 30'000; ++i) {
        try {
            const ticket given = trial.serve(random.below(1'000'000)).ticket;
            trial.observe<"right">(given, random.chance(0.8));
        } catch (const std::runtime_error&) {
            continue;  // The caller has no answer to tell about.
        }
    }
    const report r = trial.report();
    INFO(r.reason);
    CHECK(trial.phase() == canary_phase::running);
    CHECK_THAT(r.reason, !ContainsSubstring("has feedback for"));
    CHECK(trial.evidence().failed(0) > 1'000);
}
