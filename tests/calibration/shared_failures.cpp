// SPDX-License-Identifier: Apache-2.0

// How often equal models are rolled back, and how soon a challenger that fails more, when some requests fail in both models:
// by the rule of first_event_log (a shared failure counts as often as the champion's failures make it likely), by counting every
// shared failure as the challenger's, and by leaving all of them out.

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/first_events.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using namespace joust;

int runs_of(int quick, int full)
{
    const char* wanted = std::getenv("JOUST_CALIBRATE");  // NOLINT(concurrency-mt-unsafe): before any thread
    return wanted != nullptr && std::string_view{wanted} == "full" ? full : quick;
}

struct world {
    const char* name;
    double joint;
    double champion_own;
    double challenger_own;
};

enum rule : std::size_t { as_it_is, all_counted, none_counted, rules };

struct outcome {
    std::array<double, rules> rolled_back{};
    std::array<std::vector<double>, rules> requests{};
};

outcome simulate(const world& now, double s, int runs, std::uint64_t seed)
{
    outcome out;
    for (int run = 0; run < runs; ++run) {
        std::array<detail::first_event_log, rules> logs;
        for (auto& each : logs) {
            each.allow(1.0);
        }
        std::array<bool, rules> done{};
        keyed_random random{seed, static_cast<std::uint64_t>(run)};
        for (std::uint64_t i = 0; i < 30'000; ++i) {
            const bool joint = random.chance(now.joint);
            const bool in_champion = joint || random.chance(now.champion_own);
            const bool in_challenger = joint || random.chance(now.challenger_own);
            const bool challenged = random.chance(s);
            if (!(challenged ? in_challenger : in_champion)) {
                continue;
            }
            const std::uint64_t unit = mix64(i + (static_cast<std::uint64_t>(run) << 32));
            const bool shared = challenged && in_champion;
            if (shared) {
                logs[as_it_is].record_shared(unit, s, i);
            } else {
                logs[as_it_is].record(unit, challenged, s, i);
                logs[none_counted].record(unit, challenged, s, i);
            }
            logs[all_counted].record(unit, challenged, s, i);
            for (std::size_t r = 0; r < rules; ++r) {
                if (!done[r] && logs[r].highest_log_e() >= std::log(20.0)) {
                    done[r] = true;
                    out.rolled_back[r] += 1.0 / runs;
                    out.requests[r].push_back(static_cast<double>(i));
                }
            }
        }
    }
    return out;
}

double median(std::vector<double> values)
{
    if (values.empty()) {
        return -1.0;
    }
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

TEST_CASE(
    "Equal models that share failures are rolled back in at most 5 of 100 trials, and unequal ones soon")
{
    const int runs = runs_of(60, 1'000);
    constexpr std::array worlds{world{"equal, 2 % shared", 0.02, 0.0, 0.0},
                                world{"equal, 2 % each, independent", 0.0, 0.02, 0.02},
                                world{"equal, 1 % shared and 1 % own", 0.01, 0.01, 0.01},
                                world{"2 % shared, challenger 0.5 % more", 0.02, 0.0, 0.005},
                                world{"2 % shared, challenger 2 % more", 0.02, 0.0, 0.02},
                                world{"no shared, challenger 2 % more", 0.0, 0.0, 0.02},
                                world{"1 % own each, challenger 2 % more", 0.0, 0.01, 0.03}};
    std::printf("%-36s %5s | %27s | %27s\n", "", "s", "rolled back, %", "median requests");
    std::printf("%-36s %5s | %8s %9s %8s | %8s %9s %8s\n", "", "", "rule", "all", "none", "rule", "all",
                "none");
    for (std::size_t w = 0; w < worlds.size(); ++w) {
        for (const double s : {0.05, 0.5}) {
            const outcome seen = simulate(worlds[w], s, runs, 1'200 + w);
            std::printf("%-36s %5.2f | %8.1f %9.1f %8.1f | %8.0f %9.0f %8.0f\n", worlds[w].name, s,
                        100.0 * seen.rolled_back[as_it_is], 100.0 * seen.rolled_back[all_counted],
                        100.0 * seen.rolled_back[none_counted], median(seen.requests[as_it_is]),
                        median(seen.requests[all_counted]), median(seen.requests[none_counted]));
            CHECK(seen.rolled_back[as_it_is] <= seen.rolled_back[all_counted]);
            if (worlds[w].champion_own == worlds[w].challenger_own) {
                const double noise = 3.0 * std::sqrt(0.05 * 0.95 / runs);
                CHECK(seen.rolled_back[as_it_is] <= 0.05 + noise);
            }
        }
    }
}

}  // namespace
