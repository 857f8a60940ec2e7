// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/report/report.hpp>
#include <joust/stats/tests/cross_validated.hpp>
#include <joust/store/results.hpp>
#include <joust/trial/gate.hpp>

#include "catch.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

using namespace joust;

namespace {

struct row {
    int number = 0;
    int user = 0;
};

/// Return whether a model with this accuracy is right on a row, by a hash of the row.
auto right_on(double accuracy, std::uint64_t seed)
{
    return [=](const row& r) {
        return keyed_random{seed, static_cast<std::uint64_t>(r.number)}.uniform() < accuracy;
    };
}

std::vector<row> rows_of(int n, int per_user = 1)
{
    std::vector<row> rows;
    for (int i = 0; i < n; ++i) {
        rows.push_back({i, i / per_user});
    }
    return rows;
}

const auto as_predicted = [](const row&, bool right) { return right; };

const metric_row& metric_of(const report& r, std::string_view name)
{
    for (const auto& m : r.metrics) {
        if (m.metric.find(name) == 0) {
            return m;
        }
    }
    throw std::out_of_range(std::string{name});
}

}  // namespace

TEST_CASE("a challenger shown to be no worse than the margin passes, one shown to be worse regresses")
{
    const auto decide = [](double accuracy, int n) {
        gate check{model{"old", right_on(0.8, 1)}, model{"new", right_on(accuracy, 2)},
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.03})};
        return check.run(rows_of(n), as_predicted);
    };
    const report better = decide(0.85, 4'000);
    CHECK(better.decision == verdict::pass);
    CHECK(exit_code(better) == 0);
    const report worse = decide(0.70, 4'000);
    CHECK(worse.decision == verdict::regress);
    CHECK(exit_code(worse) == 1);
    CHECK_THAT(worse.reason, ContainsSubstring("correct"));
    const report few = decide(0.80, 200);
    CHECK(few.decision == verdict::inconclusive);
    CHECK(exit_code(few) == 3);
    CHECK_THAT(few.reason, ContainsSubstring("rows would settle it"));
}

TEST_CASE("the same model on enough rows passes, and on few rows does not")
{
    const auto decide = [](int n) {
        gate check{model{"old", right_on(0.8, 1)}, model{"copy", right_on(0.8, 1)},
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.01})};
        return check.run(rows_of(n), as_predicted);
    };
    CHECK(decide(2'000).decision == verdict::pass);
    CHECK(decide(100).decision == verdict::inconclusive);
    const report r = decide(2'000);
    CHECK(metric_of(r, "correct").estimate == 0.0);
    CHECK(metric_of(r, "correct").p_value == 1.0);
}

TEST_CASE("the gate errs as rarely as it says")
{
    int passed = 0;
    int regressed = 0;
    constexpr int runs = 400;
    for (std::uint64_t seed = 0; seed < runs; ++seed) {
        // The challenger is worse by exactly the margin. Both verdicts, pass and regress, are then errors.
        gate check{model{"old", right_on(0.80, 2 * seed)}, model{"new", right_on(0.75, 2 * seed + 1)},
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.05})};
        const verdict v = check.run(rows_of(1'000), as_predicted).decision;
        passed += v == verdict::pass ? 1 : 0;
        regressed += v == verdict::regress ? 1 : 0;
    }
    // Each error rate is 5 %; 400 runs exceed 34 errors with probability 0.001.
    CHECK(passed <= 34);
    CHECK(regressed <= 34);
}

TEST_CASE("means, relative margins and units of several rows are compared by clusters")
{
    const auto cost = [](double level) {
        return [=](const row& r) {
            keyed_random user{7, static_cast<std::uint64_t>(r.user)};
            keyed_random own{8, static_cast<std::uint64_t>(r.number)};
            return level * (10.0 + 3.0 * user.normal() + own.normal());
        };
    };
    const auto as_it_is = [](const row&, double value) { return value; };
    gate cheap{model{"old", cost(1.0)}, model{"new", cost(1.02)}, by(&row::user),
               guardrail(mean<"cost">{.better = better::down}, {.max_ratio = 1.10})};
    const report kept = cheap.run(rows_of(6'000, 4), as_it_is);
    CHECK(kept.decision == verdict::pass);
    CHECK_THAT(metric_of(kept, "cost").method, ContainsSubstring("clusters"));
    gate dear{model{"old", cost(1.0)}, model{"new", cost(1.25)}, by(&row::user),
              guardrail(mean<"cost">{.better = better::down}, {.max_ratio = 1.10})};
    CHECK(dear.run(rows_of(6'000, 4), as_it_is).decision == verdict::regress);

    // Without units, the same rows give an interval that is too narrow.
    gate naive{model{"old", cost(1.0)}, model{"new", cost(1.25)},
               guardrail(mean<"cost">{}, {.max_ratio = 1.10})};
    const report wide = dear.run(rows_of(2'000, 50), as_it_is);
    const report narrow = naive.run(rows_of(2'000, 50), as_it_is);
    const auto width = [](const metric_row& m) { return m.upper - m.lower; };
    CHECK(width(metric_of(wide, "cost")) > 1.5 * width(metric_of(narrow, "cost")));
}

TEST_CASE("a model that fails gets the worst value, and failing more often regresses")
{
    const auto failing = [](const row& r) -> bool {
        if (r.number % 20 == 0) {
            throw std::runtime_error("broken");
        }
        return true;
    };
    gate check{model{"old", [](const row&) { return true; }}, model{"new", failing},
               guardrail(conversion<"correct">{}, {.max_decrease = 0.2})};
    const report r = check.run(rows_of(2'000), as_predicted);
    CHECK(r.arms[1].failures == 100);
    CHECK(metric_of(r, "correct").challenger == Approx(0.95));
    CHECK(r.decision == verdict::regress);
    CHECK_THAT(r.reason, ContainsSubstring("failures"));
}

TEST_CASE("latency is compared by its quantile")
{
    manual_time time;
    const auto taking = [&](std::int64_t milliseconds) {
        return [&time, milliseconds](const row& r) {
            time.advance((milliseconds + r.number % 3) * 1'000'000);
            return true;
        };
    };
    gate slower{model{"old", taking(10)}, model{"new", taking(30)}, time.view(),
                guardrail(latency{.q = 0.9}, {.max_increase = 5.0})};
    CHECK(slower.run(rows_of(2'000)).decision == verdict::regress);
    gate similar{model{"old", taking(10)}, model{"new", taking(11)}, time.view(),
                 guardrail(latency{.q = 0.9}, {.max_increase = 5.0})};
    CHECK(similar.run(rows_of(2'000)).decision == verdict::pass);
}

TEST_CASE("results recorded elsewhere are paired by case")
{
    recorder_of_results results;
    for (int i = 0; i < 3'000; ++i) {
        const std::string id = std::to_string(i);
        results.add(id, "v1", "correct", i % 5 != 0 ? 1.0 : 0.0);
        results.add(id, "v2", "correct", i % 6 != 0 ? 1.0 : 0.0);
    }
    results.add("alone", "v1", "correct", 1.0);
    const recorded all = results.take();
    gate check{recorded_model("v1"), recorded_model("v2"),
               guardrail(conversion<"correct">{}, {.max_decrease = 0.02})};
    const report r = check.read(all);
    CHECK(r.decision == verdict::pass);
    CHECK(metric_of(r, "correct").champion == Approx(0.8));
    CHECK(r.counts.at(0).count == 1);
    gate other{recorded_model("v1"), recorded_model("v3"),
               guardrail(conversion<"correct">{}, {.max_decrease = 0.02})};
    CHECK_THROWS_AS(other.read(all), configuration_error);
}

TEST_CASE("nothing seen settles nothing: no rows, or results that do not tell of what is asked")
{
    const auto f = [](const row&) { return true; };
    gate on_failures{model{"v1", f}, model{"v2", f}, guardrail(failures{})};
    CHECK(on_failures.run(rows_of(0)).decision == verdict::inconclusive);
    CHECK(on_failures.run(rows_of(100)).decision == verdict::pass);
    gate on_values{model{"v1", f}, model{"v2", f}, guardrail(conversion<"correct">{}, {.max_decrease = 0.1})};
    CHECK(on_values.run(rows_of(0), as_predicted).decision == verdict::inconclusive);

    recorder_of_results results;
    for (int i = 0; i < 500; ++i) {
        results.add(std::to_string(i), "v1", "correct", 1.0);
        results.add(std::to_string(i), "v2", "correct", 1.0);
    }
    const recorded all = results.take();
    gate asks_more{recorded_model("v1"), recorded_model("v2"),
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.1}), guardrail(failures{})};
    const report open = asks_more.read(all);
    CHECK(open.decision == verdict::inconclusive);
    CHECK(exit_code(open) == 3);
    gate asks_that{recorded_model("v1"), recorded_model("v2"),
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.1})};
    CHECK(asks_that.read(all).decision == verdict::pass);
}

TEST_CASE("what recorded results lack or repeat is counted in the report")
{
    recorder_of_results results;
    for (int i = 0; i < 500; ++i) {
        results.add(std::to_string(i), "v1", "correct", 1.0);
        results.add(std::to_string(i), "v2", "correct", 1.0);
    }
    results.add("0", "v1", "correct", 0.0);
    results.add("1", "v2", "correct", std::nan(""));
    results.add_missing();
    results.add_failed();
    gate check{recorded_model("v1"), recorded_model("v2"),
               guardrail(conversion<"correct">{}, {.max_decrease = 0.1})};
    const report r = check.read(results.take());
    REQUIRE(r.counts.size() == 3);
    CHECK_THAT(r.counts[0].what, ContainsSubstring("case that has one"));
    CHECK(r.counts[0].count == 1);
    CHECK_THAT(r.counts[1].what, ContainsSubstring("missing or not finite"));
    CHECK(r.counts[1].count == 2);
    CHECK_THAT(r.counts[2].what, ContainsSubstring("had failed"));
    CHECK(r.counts[2].count == 1);
}

TEST_CASE("a gate counts units where rows have some, and states levels of latency as times")
{
    const auto f = [](const row&) { return true; };
    gate check{model{"v1", f}, model{"v2", f}, by(&row::user),
               guardrail(conversion<"correct">{}, {.max_decrease = 0.1}),
               guardrail(latency{}, {.max_ratio = 1e6})};
    const report r = check.run(rows_of(4'000, 4), as_predicted);
    CHECK(r.arms[0].requests == 4'000);
    CHECK(r.arms[0].units == 1'000.0);
    const metric_row& times = metric_of(r, "latency");
    CHECK(times.unit == "ms");
    CHECK(times.reference == 1.0);
    std::string text;
    write_text(r, text);
    CHECK_THAT(text, ContainsSubstring("ns "));
}

TEST_CASE("a gate without a margin is refused")
{
    const auto f = [](const row&) { return true; };
    CHECK_THROWS_AS((gate{model{"a", f}, model{"b", f}, guardrail(conversion<"correct">{})}),
                    configuration_error);
    CHECK_THROWS_AS((gate{model{"a", f}, model{"b", f}, guardrail(latency{})}), configuration_error);
    CHECK_THROWS_AS((gate{model{"a", f}, model{"a", f}, guardrail(conversion<"c">{}, {.max_decrease = 0.1})}),
                    configuration_error);
    CHECK_THROWS_AS((gate{model{"a", f}, model{"b", f}, guardrail(conversion<"c">{}, {.max_decrease = 0.1}),
                          significance{.alpha = 0.5}}),
                    configuration_error);
}

TEST_CASE("an inference policy compares the rows in place of the gate's own test")
{
    const auto decide = [](double accuracy, int n, auto policy) {
        gate check{model{"old", right_on(0.8, 1)}, model{"new", right_on(accuracy, 2)},
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.03}), policy};
        return check.run(rows_of(n), as_predicted);
    };
    const report fixed = decide(0.85, 4'000, fixed_horizon{.units = 4'000});
    CHECK(fixed.decision == verdict::pass);
    CHECK(metric_of(fixed, "correct").method.find("planned sample") != std::string::npos);
    CHECK(decide(0.70, 4'000, fixed_horizon{.units = 4'000}).decision == verdict::regress);
    // Before the planned number of rows, a fixed horizon gives no answer.
    const report early = decide(0.85, 3'000, fixed_horizon{.units = 4'000});
    CHECK(early.decision == verdict::inconclusive);
    CHECK(metric_of(early, "correct").state != status::ok);

    const report sequential = decide(0.85, 4'000, always_valid{.units = 4'000});
    CHECK(sequential.decision == verdict::pass);
    CHECK(metric_of(sequential, "correct").upper - metric_of(sequential, "correct").lower >
          metric_of(fixed, "correct").upper - metric_of(fixed, "correct").lower);
    CHECK(sequential.notes.back().find("at every look") != std::string::npos);
    CHECK(decide(0.85, 4'000, bayesian{.units = 4'000}).decision == verdict::pass);
    CHECK(decide(0.70, 4'000, bayesian{.units = 4'000}).decision == verdict::regress);

    // The estimate is that of the gate's own test, and the interval of a fixed horizon nearly is.
    gate plain{model{"old", right_on(0.8, 1)}, model{"new", right_on(0.85, 2)},
               guardrail(conversion<"correct">{}, {.max_decrease = 0.03})};
    const report own = plain.run(rows_of(4'000), as_predicted);
    CHECK(metric_of(fixed, "correct").estimate == Approx(metric_of(own, "correct").estimate).margin(1e-12));
    CHECK(metric_of(fixed, "correct").lower == Approx(metric_of(own, "correct").lower).margin(0.002));
    CHECK(metric_of(fixed, "correct").upper == Approx(metric_of(own, "correct").upper).margin(0.002));
}

TEST_CASE(
    "a gate whose intervals hold at every look stops when its verdict is clear, and says what that saved")
{
    int calls = 0;
    const auto decide = [&](double accuracy, std::vector<row> rows, auto... policies) {
        calls = 0;
        const auto counted = [&calls, accuracy](std::uint64_t seed, double of) {
            return [&calls, of, seed, accuracy](const row& r) {
                ++calls;
                if (accuracy < 0.0 && r.number == 7) {
                    throw std::runtime_error{"7"};
                }
                return right_on(of, seed)(r);
            };
        };
        gate check{model{"old", counted(1, 0.8)}, model{"new", counted(2, std::fabs(accuracy))},
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.03}), policies...};
        return check.run(rows, as_predicted);
    };
    const report better = decide(0.9, rows_of(20'000), always_valid{.units = 20'000});
    CHECK(better.decision == verdict::pass);
    CHECK(calls < 6'000);
    CHECK(better.notes.back().find("stopped after") != std::string::npos);
    CHECK(better.notes.back().find(" calls of models were saved") != std::string::npos);
    CHECK(better.arms[0].requests * 2 == static_cast<std::uint64_t>(calls));
    CHECK(decide(0.6, rows_of(20'000), always_valid{.units = 20'000}).decision == verdict::regress);
    CHECK(calls < 6'000);

    // At the margin nothing is clear, so that all rows are needed.
    CHECK(decide(0.77, rows_of(3'000), always_valid{.units = 3'000}).decision == verdict::inconclusive);
    CHECK(calls == 6'000);
    // Tests for one look take all rows, and so does a gate in which a model has failed.
    CHECK(decide(0.9, rows_of(2'000)).decision == verdict::pass);
    CHECK(calls == 4'000);
    static_cast<void>(decide(-0.9, rows_of(2'000), always_valid{.units = 2'000}));
    CHECK(calls > 512);

    // Rows that are sorted by how hard they are do not mislead it: the challenger is better on the first third only.
    std::vector<row> sorted = rows_of(9'000);
    calls = 0;
    gate check{model{"old",
                     [&](const row& r) {
                         ++calls;
                         return r.number % 10 < 8;
                     }},
               model{"new",
                     [&](const row& r) {
                         ++calls;
                         return r.number < 3'000 || r.number % 10 < 6;
                     }},
               guardrail(conversion<"correct">{}, {.max_decrease = 0.03}), always_valid{.units = 9'000}};
    CHECK(check.run(sorted, as_predicted).decision == verdict::regress);
    CHECK(calls < 18'000);
}

TEST_CASE("scores of a cross-validation are compared by tests that know how the rows hang together")
{
    const std::vector<double> before{0.81, 0.79, 0.80, 0.82, 0.78, 0.80, 0.81, 0.79, 0.83, 0.80};
    const std::vector<double> after{0.815, 0.80, 0.802, 0.83, 0.782, 0.81, 0.812, 0.801, 0.832, 0.809};
    recorder_of_results results;
    for (std::size_t i = 0; i < before.size(); ++i) {
        results.add(std::to_string(i), "old", "auc", before[i]);
        results.add(std::to_string(i), "new", "auc", after[i]);
    }
    const recorded all = results.take();
    const auto decide = [&](auto... policies) {
        gate check{recorded_model("old"), recorded_model("new"),
                   guardrail(mean<"auc">{}, {.max_decrease = 0.005}), policies...};
        return check.read(all);
    };
    // The gate's own test takes the ten scores for independent.
    CHECK(decide().decision == verdict::pass);
    CHECK(metric_of(decide(), "auc").method == "paired t");

    const report folds = decide(cross_validated{.test_share = 0.1});
    const metric_row& row = metric_of(folds, "auc");
    const auto expected = stats::corrected_resampled_t(after, before, 0.1, {.alpha = 0.1});
    REQUIRE(expected.state == status::ok);
    CHECK(folds.decision == verdict::pass);
    CHECK(row.lower == expected.lower);
    CHECK(row.upper == expected.upper);
    CHECK(row.p_value == expected.p_value);
    CHECK(row.champion == Approx(0.803));
    CHECK(folds.notes.back().find("depend on each other") != std::string::npos);

    const report halves = decide(five_by_two{});
    CHECK(metric_of(halves, "auc").method == "5x2cv paired t-test");
    CHECK(std::isfinite(metric_of(halves, "auc").lower));

    const report back = decide(back_test{.horizon = 1});
    const auto in_time = stats::diebold_mariano(after, before, {.alpha = 0.1, .horizon = 1});
    CHECK(metric_of(back, "auc").lower == in_time.lower);
    CHECK(metric_of(back, "auc").state == in_time.state);

    // Another number of rows does not fit 5x2cv, so nothing is decided.
    recorder_of_results few{all};
    few.add("10", "old", "auc", 0.8);
    few.add("10", "new", "auc", 0.8);
    gate check{recorded_model("old"), recorded_model("new"),
               guardrail(mean<"auc">{}, {.max_decrease = 0.005}), five_by_two{}};
    const report odd = check.read(few.take());
    CHECK(odd.decision == verdict::inconclusive);
    CHECK(metric_of(odd, "auc").state == status::out_of_range);
}
