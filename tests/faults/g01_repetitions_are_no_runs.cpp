// SPDX-License-Identifier: Apache-2.0

// Repetitions of a benchmark in one process share what is by chance fast or slow in it, so that a run is what counts.

#include <joust/core/random.hpp>
#include <joust/store/json.hpp>
#include <joust/store/results.hpp>
#include <joust/trial/gate.hpp>

#include "catch.hpp"

#include <cmath>
#include <string>
#include <vector>

using namespace joust;
using Catch::Matchers::ContainsSubstring;

namespace {

// One run of a benchmark: JSON as Google Benchmark writes it.
std::string run_of_benchmark(keyed_random& random, double level, int repetitions)
{
    const auto noise = [&](double sd) {
        return 1.0 + sd * (random.uniform() + random.uniform() + random.uniform() - 1.5) * 2.0;
    };
    const double own = level * noise(0.03);
    std::string text = R"({"benchmarks":[)";
    for (int i = 0; i < repetitions; ++i) {
        text += std::string{i == 0 ? "" : ","} +
                R"({"name":"BM","run_name":"BM","run_type":"iteration","repetition_index":)" +
                std::to_string(i) + R"(,"real_time":)" + std::to_string(own * noise(0.01)) +
                R"(,"cpu_time":1,"time_unit":"ns"})";
    }
    return text + "]}";
}

report judged(std::uint64_t seed, int runs, int repetitions, double challenger)
{
    keyed_random random{777, seed};
    recorded all;
    for (int run = 0; run < runs; ++run) {
        const std::string name = std::to_string(run);
        all = merged(std::move(all), read_benchmark(run_of_benchmark(random, 100.0, repetitions), "old",
                                                    benchmark_time::real, name));
        all = merged(std::move(all), read_benchmark(run_of_benchmark(random, challenger, repetitions), "new",
                                                    benchmark_time::real, name));
    }
    gate check{recorded_model("old"), recorded_model("new"),
               guardrail(mean<"BM">{.better = better::down}, {.max_ratio = 1.02})};
    return check.read(all);
}

}  // namespace

TEST_CASE("Forty repetitions of one process a side are one run, and decide nothing")
{
    for (const int repetitions : {9, 30, 100}) {
        const report one = judged(1, 1, repetitions, 100.0);
        CHECK(one.decision == verdict::inconclusive);
        CHECK_THAT(one.reason, ContainsSubstring("1 run of each model is too few: at least 4 are needed"));
        CHECK(judged(1, 1, repetitions, 150.0).decision == verdict::inconclusive);
        CHECK_THAT(judged(2, 3, repetitions, 150.0).reason,
                   ContainsSubstring("3 runs of each model are too few"));
    }
    // Files that do not name their run are taken for one.
    keyed_random random{1};
    gate check{recorded_model("old"), recorded_model("new"),
               guardrail(mean<"BM">{.better = better::down}, {.max_ratio = 1.02})};
    CHECK(check
              .read(merged(read_benchmark(run_of_benchmark(random, 100.0, 30), "old"),
                           read_benchmark(run_of_benchmark(random, 120.0, 30), "new")))
              .decision == verdict::inconclusive);
}

TEST_CASE(
    "Runs that differ by 3 % among themselves regress by chance in at most 5 % of comparisons, and 10 % is found")
{
    int regressed = 0;
    int found = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        regressed += judged(seed, 8, 10, 100.0).decision == verdict::regress ? 1 : 0;
    }
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const report slow = judged(1'000 + seed, 10, 10, 112.0);
        found += slow.decision == verdict::regress ? 1 : 0;
        CHECK(slow.metrics[0].method == "paired t of runs");
    }
    // The margin of 2 % is beyond what equal models differ by, so that it is far below 10 of 200.
    CHECK(regressed <= 6);
    CHECK(found >= 36);
}
