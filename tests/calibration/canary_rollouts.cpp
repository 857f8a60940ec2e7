// SPDX-License-Identifier: Apache-2.0

// How often does a whole canary promote a harmful challenger, how long does a healthy one take, and what does harm cost before it is
// stopped? Every rollout goes through the public API: three guardrails (failures, accuracy of 80 % with 2 points, the 95th
// percentile of the latency), a ramp preset without its least times, feedback for each request.
//
// The world: 20,000 users that come back, of whom every twentieth fails 10 times as often; failures that grow to twice as many within
// 100,000 requests, with a swing of 30 %; wrong answers that differ by user; lognormal latency, half of whose variance is of the
// user. A rollout that is still open after 300,000 requests (400,000 for the cautious preset) counts as not shipped.
//
// Beside the presets stand two other controllers: one that promotes while nothing is proved, and one that compares two rates by
// a pooled z test at every look. The program fails where a challenger at or beyond what has to be excluded ships more often than the preset's
// error rate allows, or where an identical one is rolled back more often. JOUST_CALIBRATE=full runs 10,000 rollouts a cell.
// Arguments: another number of rollouts, and then the name of one challenger.

#include <joust/core/clock.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/canary.hpp>

#include "calibration/limit.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace joust;

struct challenger {
    const char* name;
    double failures;
    double failures_ratio = 1.0;
    double failures_more = 0.0;
    double accuracy_loss = 0.0;
    double slower = 1.0;
    bool frailty = true;
    /// Whether the challenger is at or beyond the harm that the cautious, standard and fast preset exclude.
    std::array<bool, 3> harmful{};
};

const std::array challengers{
    challenger{.name = "identical, failures 0", .failures = 0.0},
    challenger{.name = "identical, 1e-4", .failures = 1e-4},
    challenger{.name = "identical, 1e-3", .failures = 1e-3},
    challenger{.name = "identical, 1 %", .failures = 0.01},
    challenger{.name = "identical, 5 %, equal users", .failures = 0.05, .frailty = false},
    challenger{
        .name = "x 1.5 at 1 %", .failures = 0.01, .failures_ratio = 1.5, .harmful = {true, true, false}},
    challenger{.name = "x 2 at 1 %", .failures = 0.01, .failures_ratio = 2.0, .harmful = {true, true, true}},
    challenger{.name = "x 5 at 1 %", .failures = 0.01, .failures_ratio = 5.0, .harmful = {true, true, true}},
    challenger{
        .name = "x 5 at 1e-3", .failures = 1e-3, .failures_ratio = 5.0, .harmful = {true, false, false}},
    challenger{
        .name = "x 1.5 at 5 %", .failures = 0.05, .failures_ratio = 1.5, .harmful = {true, true, false}},
    challenger{
        .name = "+ 1 point at 1e-4", .failures = 1e-4, .failures_more = 0.01, .harmful = {true, true, true}},
    challenger{.name = "accuracy - 1", .failures = 1e-3, .accuracy_loss = 0.01},
    challenger{
        .name = "accuracy - 2", .failures = 1e-3, .accuracy_loss = 0.02, .harmful = {true, true, true}},
    challenger{
        .name = "accuracy - 3", .failures = 1e-3, .accuracy_loss = 0.03, .harmful = {true, true, true}},
    challenger{
        .name = "accuracy - 5", .failures = 1e-3, .accuracy_loss = 0.05, .harmful = {true, true, true}},
    challenger{.name = "latency x 1.1", .failures = 1e-3, .slower = 1.1, .harmful = {true, false, false}},
    challenger{.name = "latency x 1.2", .failures = 1e-3, .slower = 1.2, .harmful = {true, true, false}},
    challenger{.name = "latency x 1.5", .failures = 1e-3, .slower = 1.5, .harmful = {true, true, true}},
    challenger{.name = "x 2, - 3 and x 1.2",
               .failures = 0.01,
               .failures_ratio = 2.0,
               .accuracy_loss = 0.03,
               .slower = 1.2,
               .harmful = {true, true, true}}};

struct preset {
    const char* name;
    ramp steps;
    double latency_margin;
    int most;
};

ramp without_least_times(ramp steps)
{
    steps.seconds = steps.total_seconds = 0.0;
    steps.approve_from = 2.0;
    return steps;
}

ramp while_nothing_is_proved()
{
    ramp steps{.requests = 200};
    steps.promote = on_no_harm;
    return steps;
}

struct outcome {
    bool shipped = false;
    bool rolled_back = false;
    int requests = 0;
    double extra_failures = 0.0;
    double extra_wrong = 0.0;
};

constexpr std::uint64_t users = 20'000;

/// Properties of a user that do not change within a rollout.
struct person {
    double fails;
    double wrong;
    double slow;
};

std::vector<person> people_of(std::uint64_t run, bool frailty)
{
    std::vector<person> all;
    all.reserve(users);
    keyed_random random{20'261'201, run};
    for (std::uint64_t u = 0; u < users; ++u) {
        const bool fragile = random.chance(0.05);
        all.push_back({.fails = !frailty  ? 1.0
                                : fragile ? 10.0 / 1.45
                                          : 1.0 / 1.45,
                       .wrong = 0.5 + random.uniform(),
                       .slow = random.normal()});
    }
    return all;
}

outcome roll_out(const challenger& what, const preset& how, std::uint64_t run)
{
    keyed_random random{7'001, run};
    const std::vector<person> people = people_of(run, what.frailty);
    manual_time time;
    canary trial{model{"old", [](std::uint64_t) { return 0; }},
                 model{"new", [](std::uint64_t) { return 1; }},
                 by([](std::uint64_t unit) { return unit; }),
                 hash_split{.salt = "rollout-" + std::to_string(run)},
                 guardrail(conversion<"right">{}, {.max_decrease = 0.02}),
                 guardrail(latency{.q = 0.95}, {.max_ratio = how.latency_margin}),
                 how.steps,
                 time.view()};
    outcome out;
    for (; out.requests < how.most && !trial.finished() && !trial.rolled_back(); ++out.requests) {
        time.advance(10'000'000);  // 100 requests a second
        const double n = out.requests;
        const double drift =
            (1.0 + std::fmin(1.0, n / 100'000.0)) * (1.0 + 0.3 * std::sin(n / 20'000.0 * 6.2832));
        const std::uint64_t unit = random.below(users);
        const person& who = people[unit];
        const ticket given = trial.choose(unit);
        const bool harmed = given.arm() == 1;
        const double base = what.failures * drift * who.fails;
        const double risk = harmed ? base * what.failures_ratio + what.failures_more : base;
        const double u = random.uniform();
        const double milliseconds = 10.0 * std::exp(0.5 * 0.70710678 * (who.slow + random.normal())) *
                                    (1.0 + 0.3 * std::sin(n / 20'000.0 * 6.2832)) *
                                    (harmed ? what.slower : 1.0);
        trial.complete(given, std::chrono::nanoseconds{static_cast<std::int64_t>(1e6 * milliseconds)},
                       u >= risk);
        const double wrong = 0.2 * who.wrong;
        const double v = random.uniform();
        trial.observe<"right">(given, v >= wrong + (harmed ? what.accuracy_loss : 0.0));
        out.extra_failures += harmed && u < risk && u >= base ? 1.0 : 0.0;
        out.extra_wrong += harmed && v >= wrong && v < wrong + what.accuracy_loss ? 1.0 : 0.0;
    }
    out.shipped = trial.finished();
    out.rolled_back = trial.rolled_back();
    return out;
}

}  // namespace

int main(int count, char** arguments)
{
    const int runs = count > 1 ? std::atoi(arguments[1]) : joust_test::full_calibration() ? 10'000 : 2;
    const std::string only = count > 2 ? arguments[2] : "";
    // A breach is a change beyond what has to be excluded, so that only promotion is measured there.
    const std::array presets{preset{"cautious", without_least_times(ramp::cautious()), 1.1, 400'000},
                             preset{"standard", without_least_times(ramp::standard()), 1.2, 300'000},
                             preset{"fast", without_least_times(ramp::fast()), 1.3, 300'000},
                             preset{"no harm proved", while_nothing_is_proved(), 1.2, 300'000}};
    int failures = 0;
    std::printf(
        "%d rollouts a cell: shipped %%; requests until promotion, median (p90); more failures [wrong answers] before the "
        "stop; rolled back %%\n",
        runs);
    for (const challenger& what : challengers) {
        if (!only.empty() && only != what.name) {
            continue;
        }
        std::printf("%-28s", what.name);
        for (std::size_t p = 0; p < presets.size(); ++p) {
            // The short form runs the standard preset on five challengers.
            const bool shortened = runs < 20 && (p != 1 || (&what - challengers.data()) % 4 != 0);
            if (shortened) {
                continue;
            }
            int shipped = 0;
            int rolled_back = 0;
            std::vector<int> requests;
            double failed = 0.0;
            double wrong = 0.0;
            for (int run = 0; run < runs; ++run) {
                const outcome one = roll_out(what, presets[p], static_cast<std::uint64_t>(run));
                shipped += one.shipped ? 1 : 0;
                rolled_back += one.rolled_back ? 1 : 0;
                if (one.shipped) {
                    requests.push_back(one.requests);
                }
                failed += one.extra_failures / runs;
                wrong += one.extra_wrong / runs;
            }
            std::sort(requests.begin(), requests.end());
            const auto at = [&requests](double q) {
                return requests.empty()
                           ? 0
                           : requests[static_cast<std::size_t>(q * static_cast<double>(requests.size() - 1))];
            };
            std::printf(" | %s %5.1f; %dk (%dk); %.0f [%.0f]; %.1f", presets[p].name, 100.0 * shipped / runs,
                        at(0.5) / 1'000, at(0.9) / 1'000, failed, wrong, 100.0 * rolled_back / runs);
            std::fflush(stdout);
            if (p < what.harmful.size()) {
                failures +=
                    what.harmful[p] && shipped > joust_test::limit_of(runs, presets[p].steps.beta) ? 1 : 0;
                const bool identical = what.failures_ratio == 1.0 && what.failures_more == 0.0 &&
                                       what.accuracy_loss == 0.0 && what.slower == 1.0;
                failures += identical && rolled_back > joust_test::limit_of(runs, 0.05) ? 1 : 0;
            }
        }
        std::printf("\n");
    }
    if (failures > 0) {
        std::printf("%d cells err more often than stated\n", failures);
        return 1;
    }
    return 0;
}
