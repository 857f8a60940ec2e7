// SPDX-License-Identifier: Apache-2.0

// A gate accounts for every row: an answer that cannot be scored never helps the model that gave it.

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/report/junit.hpp>
#include <joust/report/report.hpp>
#include <joust/stats/tests/cross_validated.hpp>
#include <joust/store/csv.hpp>
#include <joust/store/json.hpp>
#include <joust/store/results.hpp>
#include <joust/trial/gate.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace joust;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

/// The loss of a row, which is larger on hard rows: those from 40 of each 100 on.
bool hard(int row)
{
    return row % 100 >= 40;
}
double loss_of(int row)
{
    return (hard(row) ? 2.0 : 0.5) + 0.1 * keyed_random{5, static_cast<std::uint64_t>(row)}.normal();
}

std::vector<int> rows_of(int n)
{
    std::vector<int> rows;
    for (int i = 0; i < n; ++i) {
        rows.push_back(i);
    }
    return rows;
}

/// A metric of one's own, which takes values up to 100.
struct half_loss {
    enum better better = better::down;
    static constexpr const char* name() noexcept { return "half"; }
    void add(cell& c, double value) const noexcept
    {
        c.value = 0.5 * value;
        c.refused = !(value <= 100.0);
    }
};

const auto as_it_is = [](int, double value) { return value; };

bool mentions(const report& r, const std::string& text)
{
    bool found = r.reason.find(text) != std::string::npos;
    for (const std::string& note : r.notes) {
        found = found || note.find(text) != std::string::npos;
    }
    return found;
}

const metric_row& row_of(const report& r, const std::string& name)
{
    for (const metric_row& row : r.metrics) {
        if (row.metric.find(name) == 0) {
            return row;
        }
    }
    throw std::out_of_range(name);
}

std::string csv_of(int n, const char* arm, const char* metric, double value, int from = 0)
{
    std::string text;
    for (int i = from; i < n; ++i) {
        text += std::to_string(i) + ',' + arm + ',' + metric + ',' + std::to_string(value + 0.001 * (i % 7)) +
                '\n';
    }
    return text;
}

/// Google Benchmark output of some repetitions, of which the first ones failed.
std::string benchmark_of(int repetitions, int failed, double time)
{
    std::string text = "{\"benchmarks\": [";
    for (int i = 0; i < repetitions; ++i) {
        text += i == 0 ? "" : ",";
        text += "{\"name\": \"BM_score\", \"run_name\": \"BM_score\", \"run_type\": \"iteration\", "
                "\"repetition_index\": " +
                std::to_string(i);
        text += i < failed ? ", \"error_occurred\": true, \"error_message\": \"no\"}"
                           : ", \"real_time\": " + std::to_string(time + i % 3) + ", \"time_unit\": \"ns\"}";
    }
    return text + "]}";
}

}  // namespace

TEST_CASE("a model that answers NaN on the hard rows does not pass a gate on a mean")
{
    const auto champion = [](int row) { return loss_of(row); };
    const auto challenger = [](int row) { return hard(row) ? nan_value : loss_of(row); };
    gate check{model{"old", champion}, model{"new", challenger},
               guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.05})};
    const report r = check.run(rows_of(20'000), as_it_is);
    CHECK(r.decision == verdict::regress);
    CHECK_THAT(r.reason, ContainsSubstring("failures"));
    CHECK_THAT(r.reason, ContainsSubstring("12,000 answers of new that could not be scored"));
    CHECK(mentions(r, "12,000 of 20,000 rows cannot be compared"));
    CHECK(row_of(r, "loss").state == status::incomplete);
    CHECK(r.arms[1].failures == 12'000);

    // The same where failures are allowed: the mean of the rows that are left is refused.
    gate lenient{model{"old", champion}, model{"new", challenger},
                 guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.05}),
                 guardrail(failures{}, {.max_increase = 0.9})};
    const report open = lenient.run(rows_of(20'000), as_it_is);
    CHECK(open.decision == verdict::inconclusive);
    CHECK_THAT(open.reason, ContainsSubstring("8,000 of 20,000 rows"));
    CHECK_THAT(open.reason, ContainsSubstring("12,000 rows have no answer of new"));
    CHECK(junit(open).find("loss: new (guardrail, at most 0.05 more)\"/>") == std::string::npos);
}

TEST_CASE("an answer that cannot be scored has the worst value of the metric, where it has one")
{
    const auto right = [](int) { return 1.0; };
    const auto odd = [](int row) { return row % 10 == 0 ? 0.5 : 1.0; };
    gate share{model{"old", right}, model{"new", odd},
               guardrail(conversion<"correct">{}, {.max_decrease = 0.02}),
               guardrail(failures{}, {.max_increase = 0.5})};
    const report half = share.run(rows_of(2'000), as_it_is);
    CHECK(half.decision == verdict::regress);
    CHECK(row_of(half, "correct").challenger == Approx(0.9));
    CHECK_THAT(half.reason,
               ContainsSubstring("where 200 rows without a usable answer of new count at the worst value"));

    const auto errors = [](int row) { return row % 10 == 0 ? nan_value : 0.0; };
    gate up{model{"old", [](int) { return 0.0; }}, model{"new", errors},
            guardrail(conversion<"wrong">{.better = better::down}, {.max_increase = 0.02}),
            guardrail(failures{}, {.max_increase = 0.5})};
    const report wrong = up.run(rows_of(2'000), as_it_is);
    CHECK(wrong.decision == verdict::regress);
    CHECK(row_of(wrong, "wrong").challenger == Approx(0.1));

    gate capped{model{"old", [](int) { return 1.0; }},
                model{"new", [](int row) { return row % 10 == 0 ? nan_value : 1.0; }},
                guardrail(mean<"loss">{.cap = 11.0, .better = better::down}, {.max_increase = 0.5}),
                guardrail(failures{}, {.max_increase = 0.5})};
    const report most = capped.run(rows_of(2'000), as_it_is);
    CHECK(most.decision == verdict::regress);
    CHECK(row_of(most, "loss").challenger == Approx(2.0));
}

TEST_CASE("an answer of the champion that cannot be scored is no merit of the challenger")
{
    const auto challenger = [](int row) { return row % 5 != 0 ? 1.0 : 0.0; };
    const auto champion = [](int row) { return row % 2 == 0 ? 0.5 : 1.0; };
    gate check{model{"old", champion}, model{"new", challenger},
               guardrail(conversion<"correct">{}, {.max_decrease = 0.02})};
    const report r = check.run(rows_of(4'000), as_it_is);
    CHECK(r.decision != verdict::pass);
    CHECK(row_of(r, "correct").champion == 1.0);
}

TEST_CASE("rows that tell nothing of either model do not dilute the difference")
{
    // One row in ten has a label. On those, the challenger is 20 points worse, and the margin is 5 points.
    const auto label = [](int row, double answer) { return row % 10 == 0 ? answer : nan_value; };
    gate check{model{"old", [](int) { return 1.0; }},
               model{"new", [](int row) { return row % 50 != 0 ? 1.0 : 0.0; }},
               guardrail(conversion<"correct">{}, {.max_decrease = 0.05})};
    const report r = check.run(rows_of(20'000), label);
    CHECK(r.decision == verdict::inconclusive);
    CHECK_THAT(r.reason, ContainsSubstring("2,000 of 20,000 rows"));
    CHECK_THAT(r.reason, ContainsSubstring("18,000 rows have no answer of either model"));
    CHECK(row_of(r, "correct").challenger == Approx(0.8));
}

TEST_CASE("the rows of a gate add up")
{
    // Without a worst value: 3 rows lack the champion, 2 the challenger, 1 both.
    const auto champion = [](int row) { return row < 3 || row == 9 ? nan_value : 1.0; };
    const auto challenger = [](int row) { return row == 7 || row == 8 || row == 9 ? nan_value : 1.0; };
    gate check{model{"old", champion}, model{"new", challenger},
               guardrail(mean<"score">{}, {.max_decrease = 0.5})};
    const report r = check.run(rows_of(1'000), as_it_is);
    CHECK(r.decision == verdict::pass);
    CHECK_THAT(r.reason, ContainsSubstring("994 of 1,000 rows"));
    CHECK(mentions(
        r, "6 of 1,000 rows cannot be compared: 3 rows have no answer of old that can be scored, 2 rows "
           "have no answer of new that can be scored, 1 row has no answer of either model"));
    CHECK(r.arms[0].requests == 1'000);
    CHECK(r.arms[0].units == 994.0);
}

TEST_CASE("few lost rows are enough where the worst value in their place breaks the margin")
{
    // Five rows have a loss of 1,000 under both models. The challenger has no answer on four other rows.
    recorder_of_results results;
    for (int i = 0; i < 1'000; ++i) {
        const std::string id = std::to_string(i);
        const double loss = i % 200 == 0 ? 1'000.0 : 1.0 + 0.01 * (i % 5);
        results.add(id, "old", "loss", loss);
        if (i % 200 != 1 || i == 1) {
            results.add(id, "new", "loss", loss);
        }
    }
    recorded all = results.take();
    gate check{recorded_model("old"), recorded_model("new"),
               guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.1})};
    const report r = check.read(all);
    CHECK(r.decision == verdict::inconclusive);
    CHECK_THAT(r.reason, ContainsSubstring("with the worst value in their place"));
    // Where the worst value would not matter, four lost rows of a thousand do not matter either.
    gate wide{recorded_model("old"), recorded_model("new"),
              guardrail(mean<"loss">{.better = better::down}, {.max_increase = 20.0})};
    CHECK(wide.read(all).decision == verdict::pass);
}

TEST_CASE("a build that fails in 60 of 100 runs does not pass")
{
    const auto decide = [](int champion_failed, int challenger_failed) {
        gate check{recorded_model("old"), recorded_model("new"),
                   guardrail(mean<"BM_score">{.better = better::down}, {.max_ratio = 1.1})};
        recorded runs = merged(read_benchmark(benchmark_of(100, champion_failed, 100.0), "old"),
                               read_benchmark(benchmark_of(100, challenger_failed, 100.0), "new"));
        runs.repetitions = false;  // Each was a run of its own.
        return check.read(runs);
    };
    CHECK(decide(0, 0).decision == verdict::pass);
    const report r = decide(0, 60);
    CHECK(r.decision == verdict::regress);
    CHECK_THAT(r.reason, ContainsSubstring("failures"));
    CHECK(r.arms[1].failures == 60);
    CHECK(row_of(r, "BM_score").state == status::incomplete);
    const report all = decide(100, 100);
    CHECK(all.decision == verdict::inconclusive);
    CHECK_THAT(all.reason, ContainsSubstring("both models failed"));
    CHECK(decide(60, 0).decision == verdict::inconclusive);
    CHECK(decide(0, 3).decision == verdict::inconclusive);
    CHECK(decide(0, 100).decision == verdict::regress);
}

TEST_CASE("a challenger's file that ends early, or is full of empty values, does not pass")
{
    const std::string header = "id,arm,metric,value\n";
    const auto decide = [&](const std::string& text) {
        const recorded all = read_results_csv(header + text);
        gate check{recorded_model("v1"), recorded_model("v2"),
                   guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.1})};
        return check.read(all);
    };
    const std::string champion = csv_of(1'000, "v1", "loss", 1.0);
    CHECK(decide(champion + csv_of(1'000, "v2", "loss", 1.0)).decision == verdict::pass);
    const report cut = decide(champion + csv_of(40, "v2", "loss", 1.0));
    CHECK(cut.decision == verdict::inconclusive);
    CHECK_THAT(cut.reason, ContainsSubstring("on 40 of 1,000 rows"));
    CHECK_THAT(cut.reason, ContainsSubstring("960 rows have no answer of v2"));
    for (const char* empty : {"", "NA", "null", "nan", "inf", "-inf"}) {
        std::string text = champion + csv_of(40, "v2", "loss", 1.0);
        for (int i = 40; i < 1'000; ++i) {
            text += std::to_string(i) + ",v2,loss," + empty + "\n";
        }
        const report r = decide(text);
        CHECK(r.decision == verdict::inconclusive);
        CHECK_THAT(r.reason, ContainsSubstring("960 rows have no answer of v2"));
    }
    // Rows without a name cannot be attributed, and still count.
    std::string nameless = champion + csv_of(1'000, "v2", "loss", 1.0);
    for (int i = 0; i < 500; ++i) {
        nameless += ",v2,loss,\n";
    }
    CHECK(decide(nameless).decision == verdict::inconclusive);
    // The champion's file may end early too.
    const report other = decide(csv_of(40, "v1", "loss", 1.0) + csv_of(1'000, "v2", "loss", 1.0));
    CHECK(other.decision == verdict::inconclusive);
    CHECK_THAT(other.reason, ContainsSubstring("960 rows have no answer of v1"));
    // A conversion has a worst value, but a file that ends early says nothing of the cases after its end.
    std::string share = csv_of(1'000, "v1", "correct", 1.0) + csv_of(40, "v2", "correct", 1.0);
    for (std::size_t at = share.find(".00"); at != std::string::npos; at = share.find(".00", at)) {
        share.erase(at, share.find('\n', at) - at);
    }
    gate binary{recorded_model("v1"), recorded_model("v2"),
                guardrail(conversion<"correct">{}, {.max_decrease = 0.1})};
    const report open = binary.read(read_results_csv(header + share));
    CHECK(open.decision == verdict::inconclusive);
    CHECK_THAT(open.reason, ContainsSubstring("on 40 of 1,000 rows"));
    // Different cases on both sides leave nothing to compare.
    const report none = decide(csv_of(100, "v1", "loss", 1.0) + csv_of(200, "v2", "loss", 1.0, 100));
    CHECK(none.decision == verdict::inconclusive);
    CHECK_THAT(none.reason, ContainsSubstring("on 0 of 200 rows"));
}

TEST_CASE("null in JSON lines is accounted for as an empty value in CSV is")
{
    std::string text;
    for (int i = 0; i < 500; ++i) {
        const std::string id = "{\"id\": " + std::to_string(i);
        text += id + R"(, "arm": "v1", "metric": "loss", "value": 1.5})" + '\n';
        text += id + R"(, "arm": "v2", "metric": "loss", "value": )" + (i < 100 ? "null" : "1.5") + "}\n";
    }
    const recorded all = read_results(text);
    CHECK(all.missing == 100);
    REQUIRE(all.lost.size() == 100);
    CHECK(all.lost[7] == recorded::loss{"7", "v2", "loss", false});
    gate check{recorded_model("v1"), recorded_model("v2"),
               guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.1})};
    const report r = check.read(all);
    CHECK(r.decision == verdict::inconclusive);
    CHECK_THAT(r.reason, ContainsSubstring("100 rows have no answer of v2"));
}

TEST_CASE("recorded conversions without an answer count as wrong, and a champion's do not")
{
    recorder_of_results results;
    for (int i = 0; i < 1'000; ++i) {
        const std::string id = std::to_string(i);
        results.add(id, "v1", "correct", 1.0);
        if (i < 40) {
            results.add(id, "v2", "correct", 1.0);
        } else {
            results.add(id, "v2", "correct", i % 2 == 0 ? 0.5 : nan_value);
        }
    }
    const recorded all = results.take();
    CHECK(all.missing == 480);
    gate forwards{recorded_model("v1"), recorded_model("v2"),
                  guardrail(conversion<"correct">{}, {.max_decrease = 0.05})};
    const report worse = forwards.read(all);
    CHECK(worse.decision == verdict::regress);
    CHECK(row_of(worse, "correct").challenger == Approx(0.04));
    CHECK_THAT(worse.reason, ContainsSubstring("960 rows without a usable answer of v2"));
    gate backwards{recorded_model("v2"), recorded_model("v1"),
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.05})};
    CHECK(backwards.read(all).decision == verdict::inconclusive);
}

TEST_CASE("a case whose repeated values differ is not settled by the first of them")
{
    const auto decide = [](double second) {
        recorder_of_results results;
        for (int i = 0; i < 1'000; ++i) {
            const std::string id = std::to_string(i);
            results.add(id, "v1", "correct", 1.0);
            results.add(id, "v2", "correct", 1.0);
            if (i % 10 == 0) {
                results.add(id, "v2", "correct", second);
            }
        }
        gate check{recorded_model("v1"), recorded_model("v2"),
                   guardrail(conversion<"correct">{}, {.max_decrease = 0.05})};
        return check.read(results.take());
    };
    CHECK(decide(1.0).decision == verdict::pass);
    const report r = decide(0.0);
    CHECK(r.decision == verdict::inconclusive);
    CHECK_THAT(r.reason, ContainsSubstring("100 cases have several recorded values that differ"));
    CHECK(decide(nan_value).decision == verdict::inconclusive);
}

TEST_CASE("a model that is known from failed runs alone is not unknown")
{
    recorder_of_results results;
    for (int i = 0; i < 100; ++i) {
        results.add(std::to_string(i), "v1", "loss", 1.0);
        results.add_missing(std::to_string(i), "v2", "loss");
    }
    gate check{recorded_model("v1"), recorded_model("v2"),
               guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.1})};
    const report r = check.read(results.take());
    CHECK(r.decision == verdict::inconclusive);
    CHECK_THAT(r.reason, ContainsSubstring("on 0 of 100 rows"));
}

TEST_CASE(
    "lost rows are accounted for under units, inference policies, tests of rows and metrics of one's own")
{
    const auto champion = [](int row) { return loss_of(row); };
    const auto challenger = [](int row) { return hard(row) ? nan_value : loss_of(row); };
    const auto few = [](int row) { return row % 500 == 7 ? nan_value : loss_of(row); };
    const auto decide = [&](const auto& second, const auto& limit, auto... policies) {
        gate check{model{"old", champion}, model{"new", second}, limit,
                   guardrail(failures{}, {.max_increase = 0.9}), policies...};
        return check.run(rows_of(4'000), as_it_is);
    };
    const auto most = guardrail(mean<"loss">{.better = better::down}, {.max_increase = 0.05});
    const auto own = guardrail(half_loss{}, {.max_increase = 0.05});
    const auto by_ten = by([](int row) { return row / 10; });
    for (const report& r :
         {decide(challenger, most, by_ten), decide(challenger, most, fixed_horizon{.units = 1'600}),
          decide(challenger, most, bayesian{.units = 1'600}),
          decide(challenger, most, back_test{.horizon = 1}), decide(few, most, back_test{.horizon = 1}),
          decide(challenger, own)}) {
        CHECK(r.decision == verdict::inconclusive);
        CHECK(r.metrics[0].state == status::incomplete);
    }
    // Eight rows of 4,000 are lost by the challenger alone, which chance does not explain.
    CHECK(decide(few, most, by_ten).decision == verdict::inconclusive);
    CHECK(decide(champion, own).decision == verdict::pass);
    CHECK(decide(champion, most, by_ten).decision == verdict::pass);
}

TEST_CASE("latency is not compared without the calls that failed")
{
    const auto f = [](int) { return 1.0; };
    const auto failing = [](int row) -> double {
        if (row % 50 == 0) {
            throw std::runtime_error("timed out");
        }
        return 1.0;
    };
    gate check{model{"old", f}, model{"new", failing}, guardrail(latency{.q = 0.5}, {.max_ratio = 1'000.0}),
               guardrail(failures{}, {.max_increase = 0.2})};
    const report r = check.run(rows_of(2'000));
    CHECK(r.decision == verdict::inconclusive);
    CHECK(row_of(r, "latency").state == status::incomplete);
}

TEST_CASE("no rows, one row, equal rows and rows on which both models fail have a sentence each")
{
    const auto f = [](int row) { return 1.0 + row % 3; };
    const auto broken = [](int) -> double { throw std::runtime_error("broken"); };
    const auto on = [](int n, auto first, auto second) {
        gate check{model{"old", first}, model{"new", second},
                   guardrail(mean<"cost">{.better = better::down}, {.max_increase = 0.5})};
        return check.run(rows_of(n), as_it_is);
    };
    CHECK(on(0, f, f).decision == verdict::inconclusive);
    CHECK_THAT(on(0, f, f).reason, ContainsSubstring("there are no rows"));
    CHECK(on(1, f, f).decision == verdict::inconclusive);
    CHECK_THAT(on(1, f, f).reason, ContainsSubstring("1 row is too few: at least 5 are needed"));
    CHECK(on(1'000, f, f).decision == verdict::pass);
    CHECK(mentions(on(1'000, f, f), "the same value on every row"));
    const report none = on(1'000, broken, broken);
    CHECK(none.decision == verdict::inconclusive);
    CHECK_THAT(none.reason, ContainsSubstring("both models failed on 1,000 rows"));
    CHECK(on(1'000, f, broken).decision == verdict::regress);

    const auto wrong = [](int) -> double { throw std::runtime_error("broken"); };
    gate binary{model{"old", wrong}, model{"new", wrong},
                guardrail(conversion<"correct">{}, {.max_decrease = 0.1})};
    CHECK(binary.run(rows_of(1'000), as_it_is).decision == verdict::inconclusive);
    gate only_failures{model{"old", wrong}, model{"new", wrong}, guardrail(failures{})};
    CHECK(only_failures.run(rows_of(1'000)).decision == verdict::inconclusive);
}

TEST_CASE("a benchmark's negative time is an error of the measurement, and not the fastest")
{
    recorded times = merged(read_benchmark(benchmark_of(20, 0, 100.0), "old"),
                            read_benchmark(benchmark_of(20, 0, -100.0), "new"));
    times.repetitions = false;  // Each was a run of its own.
    CHECK(times.missing == 20);
    gate check{recorded_model("old"), recorded_model("new"),
               guardrail(mean<"BM_score">{.better = better::down}, {.max_ratio = 1.05})};
    const report r = check.read(times);
    CHECK(r.decision == verdict::inconclusive);
    CHECK_THAT(r.reason, ContainsSubstring("20 rows have no answer of new"));
}
