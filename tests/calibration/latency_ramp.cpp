// SPDX-License-Identifier: Apache-2.0

// How often the interval for the quantiles of a latency guardrail misses equal models at any look, while shares grow and the
// load changes.

#include <joust/core/random.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/replace_plan.hpp>

#include "calibration/limit.hpp"
#include "catch.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

using namespace joust;

namespace {

constexpr int calls = 60'000;
constexpr double shares[] = {0.01, 0.05, 0.25, 0.5};

enum class load { even, rising, falling };

double at(load what, int call)
{
    const double passed = static_cast<double>(call) / calls;
    const double cycle = 1.0 + 0.3 * std::sin(40.0 * passed);
    return what == load::even ? 1.0 : cycle * std::pow(3.0, what == load::rising ? passed : -passed);
}

struct outcome {
    bool missed = false;
    double upper = 0.0;
};

/// Equal models; 2 % of 5,000 users take four times as long where `slow_users` says so.
outcome simulate(double q, load what, bool slow_users, std::uint64_t run)
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }},
                  by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "ramp-" + std::to_string(run), .shares = {0.99, 0.01}},
                  conversion<"click">{},
                  guardrail(latency{.q = q}, {.max_ratio = 1.5}),
                  always_valid{.units = calls}};
    keyed_random random{20'265, run};
    outcome seen;
    for (int i = 0; i < calls; ++i) {
        if (i > 0 && i % (calls / 4) == 0) {
            const double share = shares[i / (calls / 4)];
            traffic_plan next = plan_of(trial);
            next.parent = next.digest();
            ++next.version;
            next.shares = {1.0 - share, share};
            replace_plan(trial, next);
        }
        const std::uint64_t user = random.below(slow_users ? 5'000 : 1'000'000'000);
        const auto ticket = trial.choose(user);
        const bool slow = slow_users && static_cast<double>(mix64(user) >> 11) * 0x1p-53 < 0.02;
        const double milliseconds = (slow ? 40.0 : 10.0) * at(what, i) * std::exp(0.5 * random.normal());
        trial.complete(ticket, std::chrono::duration<double, std::milli>{milliseconds}, true);
        if ((i + 1) % 3'000 == 0) {
            for (const metric_row& row : trial.report().metrics) {
                if (row.metric.starts_with("latency") && row.state == status::ok) {
                    seen.missed = seen.missed || row.lower > 0.0 || row.upper < 0.0;
                    seen.upper = row.upper;
                }
            }
        }
    }
    return seen;
}

}  // namespace

TEST_CASE("The interval of latency quantiles holds at every look of a ramp, whatever the load does",
          "[calibration]")
{
    const int runs = joust_test::full_calibration() ? 200 : 3;
    const struct {
        const char* name;
        load what;
        bool slow_users;
    } worlds[] = {{"even load", load::even, false},
                  {"load rises to three times", load::rising, false},
                  {"load falls to a third", load::falling, false},
                  {"load rises, slow users", load::rising, true}};
    for (const auto& w : worlds) {
        for (const double q : {0.5, 0.9, 0.99}) {
            int missed = 0;
            double upper = 0.0;
            for (int run = 0; run < runs; ++run) {
                const outcome seen = simulate(q, w.what, w.slow_users, static_cast<std::uint64_t>(run));
                missed += seen.missed ? 1 : 0;
                upper += seen.upper / runs;
            }
            WARN(w.name << ", q = " << q << ": " << missed << " of " << runs << " missed, upper limit "
                        << upper << " ms");
            CHECK(missed <= joust_test::limit_of(runs, 0.05));
        }
    }
}
