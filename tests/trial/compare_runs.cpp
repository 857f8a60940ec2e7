// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/report/html.hpp>
#include <joust/report/junit.hpp>
#include <joust/stats/planning/power.hpp>
#include <joust/store/results.hpp>
#include <joust/trial/compare_runs.hpp>

#include "catch.hpp"

#include <cmath>
#include <string>
#include <vector>

using namespace joust;

namespace {

/// Return runs of a benchmark that spread by 3 % between runs and by 1 % within one.
std::vector<recorded> runs_of(std::size_t n, std::size_t repetitions, double level, std::uint64_t seed,
                              const std::vector<std::string>& metrics = {"BM_score"})
{
    std::vector<recorded> out;
    std::uint64_t at = 0;
    const auto normal = [&] { return stats::normal_upper_quantile(keyed_random{seed, at++}.uniform()); };
    for (std::size_t i = 0; i < n; ++i) {
        recorder_of_results run;
        for (const std::string& metric : metrics) {
            const double luck = 0.03 * normal();
            for (std::size_t k = 0; k < repetitions; ++k) {
                run.add(std::to_string(k), "build", metric, level * (1.0 + luck + 0.01 * normal()));
            }
        }
        out.push_back(run.take());
    }
    return out;
}

/// Return runs with one value each.
std::vector<recorded> plain(const std::vector<double>& values)
{
    std::vector<recorded> out;
    for (const double value : values) {
        recorder_of_results run;
        run.add("0", "build", "ns", value);
        out.push_back(run.take());
    }
    return out;
}

}  // namespace

TEST_CASE("the run is the unit: an A/A comparison of many repetitions regresses at most as often as it says")
{
    constexpr int trials = 200;
    for (const std::size_t runs : {std::size_t{4}, std::size_t{10}}) {
        int regressed = 0;
        for (std::uint64_t seed = 0; seed < trials; ++seed) {
            const auto a = runs_of(runs, 5, 100.0, 2 * seed + 1);
            const auto b = runs_of(runs, 5, 100.0, 2 * seed + 2);
            regressed += compare_runs(a, b, {.otherwise = 0.02}).decision == verdict::regress ? 1 : 0;
        }
        CHECK(regressed <= trials / 20);
    }
    // One process of each build is one run, however many repetitions it has.
    const report one =
        compare_runs(runs_of(1, 100, 100.0, 1), runs_of(1, 100, 150.0, 2), {.otherwise = 0.02});
    CHECK(one.decision == verdict::inconclusive);
    CHECK_THAT(one.reason, ContainsSubstring("1 run of a build are too few: at least 4 of each are needed"));
    CHECK(compare_runs(runs_of(3, 100, 100.0, 1), runs_of(9, 9, 150.0, 2), {.otherwise = 0.02}).decision ==
          verdict::inconclusive);
    CHECK(compare_runs(runs_of(4, 9, 100.0, 1), runs_of(4, 9, 150.0, 2), {.otherwise = 0.02}).decision ==
          verdict::regress);
}

TEST_CASE(
    "runs give the interval and the p-value of Welch's t-test of logarithms, and blocks those of a paired one")
{
    const auto a = plain({100.0, 102.0, 99.0, 101.0, 100.5});
    const auto b = plain({104.0, 107.0, 103.0, 106.0, 104.0});
    const report apart = compare_runs(a, b, {.margins = {{"ns", 0.02}}});
    const metric_row& row = apart.metrics.at(0);
    // The density of Student's t, integrated by Simpson's rule with 200,000 steps in another language.
    CHECK(row.estimate == Approx(1.0427354747739426).epsilon(1e-9));
    CHECK(row.p_value == Approx(0.0016511076249813295).epsilon(1e-7));
    CHECK(row.lower > 1.02);
    CHECK(apart.decision == verdict::regress);
    const report together = compare_runs(a, b, {.margins = {{"ns", 0.02}}, .blocks = true});
    CHECK(together.metrics.at(0).estimate == Approx(row.estimate).epsilon(1e-12));
    CHECK(together.metrics.at(0).p_value == Approx(0.00010399680677064538).epsilon(1e-7));
    CHECK(together.decision == verdict::regress);
    CHECK_THROWS_AS(compare_runs(a, plain({1.0}), {.otherwise = 0.02, .blocks = true}), configuration_error);
}

TEST_CASE("where nothing varies, p-value, interval and verdict of runs agree")
{
    for (const bool blocks : {false, true}) {
        for (const std::size_t n : {std::size_t{4}, std::size_t{5}, std::size_t{8}}) {
            for (const double after : {1'000.0, 1'100.0, 900.0}) {
                const auto a = plain(std::vector<double>(n, 1'000.0));
                const auto b = plain(std::vector<double>(n, after));
                const report r = compare_runs(a, b, {.otherwise = 0.05, .blocks = blocks});
                const metric_row& row = r.metrics.at(0);
                CAPTURE(blocks, n, after, r.reason);
                if (row.state == status::ok) {
                    CHECK((row.p_value <= 0.1) == (row.lower > 1.0 || row.upper < 1.0));
                }
                if (n == 8) {
                    CHECK(r.decision == (after > 1'050.0 ? verdict::regress : verdict::pass));
                    CHECK(row.p_value == Approx(after == 1'000.0 ? 1.0
                                                : blocks         ? 2.0 / 256.0
                                                                 : 2.0 / 12'870.0)
                                             .epsilon(1e-9));
                }
                if (n == 4 && blocks) {
                    CHECK(r.decision == verdict::inconclusive);
                    CHECK_THAT(r.reason, ContainsSubstring("at least 5 are needed"));
                }
            }
        }
    }
}

TEST_CASE("a margin of zero asks for superiority, and the error rate is divided among the metrics")
{
    const std::vector<std::string> names{"BM_a", "BM_b", "BM_c"};
    const auto champion = runs_of(12, 3, 100.0, 11, names);
    const report same = compare_runs(champion, runs_of(12, 3, 100.0, 12, names), {.otherwise = 0.0});
    CHECK(same.decision != verdict::pass);
    const report faster = compare_runs(champion, runs_of(12, 3, 80.0, 13, names), {.otherwise = 0.0});
    CHECK(faster.decision == verdict::pass);
    CHECK(compare_runs(plain(std::vector<double>(8, 5.0)), plain(std::vector<double>(8, 5.0)),
                       {.otherwise = 0.0})
              .decision == verdict::inconclusive);
    // Of a throughput more is better.
    CHECK(compare_runs(champion, runs_of(12, 3, 80.0, 13, names), {.margins = {{"BM_a", 0.05, true}}})
              .decision == verdict::regress);
    CHECK(faster.metrics.size() == 3);
    CHECK_FALSE(html(faster).empty());
    CHECK_FALSE(junit(faster).empty());
    CHECK_THROWS_AS(compare_runs(champion, champion, {.margins = {{"BM_other", 0.05}}}), configuration_error);
    CHECK_THROWS_AS(compare_runs(champion, champion, {}), configuration_error);
    CHECK_THROWS_AS(compare_runs(champion, champion, {.otherwise = 1.5}), configuration_error);
}

TEST_CASE("runs announce what they can show, and show it that often")
{
    constexpr run_design design{.spread = 0.03, .runs = 10.0, .margin = 0.02};
    const double change = detectable_change(design);
    CHECK(run_power(design, change) == Approx(0.8).margin(1e-6));
    CHECK(run_power(design, 0.02) == Approx(0.05).margin(1e-6));
    for (const double runs : {4.0, 5.0, 30.0}) {
        for (const double beyond : {0.0, 0.03, 0.08}) {
            const double effect = std::log1p(beyond) - std::log1p(0.02);
            CHECK(run_power({.spread = 0.03, .runs = runs, .margin = 0.02}, beyond) ==
                  Approx(stats::power(stats::mean_design{.effect = effect,
                                                         .sd = 0.03,
                                                         .alternative = stats::side::greater},
                                      runs))
                      .epsilon(1e-6));
            CHECK(run_power({.spread = 0.03, .runs = runs, .margin = 0.02, .blocks = true}, beyond) ==
                  Approx(stats::power(stats::paired_design{.effect = effect,
                                                           .sd = 0.03,
                                                           .alternative = stats::side::greater},
                                      runs))
                      .epsilon(1e-6));
        }
    }
    CHECK(std::isnan(run_power({}, 0.05)));
    int found = 0;
    constexpr int trials = 400;
    for (std::uint64_t seed = 0; seed < trials; ++seed) {
        const auto a = runs_of(10, 1, 100.0, 2 * seed + 1);
        const auto b = runs_of(10, 1, 108.0, 2 * seed + 2);
        found += compare_runs(a, b, {.otherwise = 0.02}).decision == verdict::regress ? 1 : 0;
    }
    // A run spreads by 3 % between runs and 1 % within.
    const double announced =
        run_power({.spread = std::hypot(0.03, 0.01), .runs = 10.0, .margin = 0.02}, 0.08);
    CHECK(std::fabs(found / static_cast<double>(trials) - announced) < 0.05);
}

TEST_CASE("a run without a value, and a value that has no logarithm, settle nothing")
{
    const auto good = plain({10.0, 10.1, 9.9, 10.2, 9.8});
    const report none = compare_runs(good, plain({10.0, 0.0, 9.9, 10.0, 10.0}), {.otherwise = 0.05});
    CHECK(none.decision == verdict::inconclusive);
    CHECK_THAT(none.reason, ContainsSubstring("above 0"));
    CHECK(compare_runs(good, {}, {.otherwise = 0.05}).decision == verdict::inconclusive);
    auto lossy = good;
    recorder_of_results more{lossy[0]};
    more.add_failed("1", "build", "ns");
    lossy[0] = more.take();
    CHECK(compare_runs(good, lossy, {.otherwise = 0.05}).decision == verdict::inconclusive);
    CHECK(compare_runs(good, good, {.otherwise = 0.05}).decision == verdict::pass);
}
