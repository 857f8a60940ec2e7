// SPDX-License-Identifier: Apache-2.0

// A champion that disagrees with itself on 3 % of requests, and an identical challenger: how often zero leaves the confidence
// sequence of the excess at any of the looks. And how soon a challenger is found that differs on another 3 %.
// Usage: shadow_noise [RUNS]

#include <joust/core/random.hpp>
#include <joust/trial/shadow.hpp>

#include "calibration/limit.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace joust;

namespace {

struct outcome {
    bool left = false;
    int requests = 0;
};

/// Serve requests with looks at growing distances, until zero is outside of the interval of the excess.
outcome run(std::uint64_t seed, double champion_noise, double challenger_noise)
{
    keyed_random random{31'337, seed};
    // An answer of the noisy model is the right one, or another.
    const auto noisy = [&random](double rate) {
        return [&random, rate](std::uint64_t) { return random.chance(rate) ? 1 : 0; };
    };
    shadow trial{model{"champion", noisy(champion_noise)}, model{"challenger", noisy(challenger_noise)},
                 salt{"noise"}, inline_run{}, measure_noise{.rate = 1.0}};
    int served = 0;
    for (double look = 100.0; look <= 6'400.0; look *= 1.35) {
        while (served < static_cast<int>(look)) {
            static_cast<void>(trial(static_cast<std::uint64_t>(++served)));
        }
        for (const metric_row& row : trial.report().metrics) {
            if (row.metric == "excess disagreement" && row.state == status::ok &&
                (row.lower > 0.0 || row.upper < 0.0)) {
                return {true, served};
            }
        }
    }
    return {false, served};
}

}  // namespace

int main(int argc, char** argv)
{
    const bool full = joust_test::full_calibration();
    const int runs = argc > 1 ? std::atoi(argv[1]) : full ? 10'000 : 120;
    int false_alarms = 0;
    for (int i = 0; i < runs; ++i) {
        false_alarms += run(static_cast<std::uint64_t>(i), 0.03, 0.03).left ? 1 : 0;
    }
    const int allowed = joust_test::limit_of(runs, 0.05);
    std::printf(
        "identical models that disagree with themselves on 3 %%: %d of %d runs left zero, at most %d allowed\n",
        false_alarms, runs, allowed);
    const int harmful = full ? 1'000 : 20;
    int found = 0;
    double requests = 0.0;
    for (int i = 0; i < harmful; ++i) {
        const outcome one = run(1'000'000 + static_cast<std::uint64_t>(i), 0.03, 0.06);
        found += one.left ? 1 : 0;
        requests += one.requests;
    }
    std::printf("a challenger that differs on 6 %%: found in %d of %d runs, after %.0f requests on average\n",
                found, harmful, requests / harmful);
    return false_alarms <= allowed && found >= harmful * 9 / 10 ? EXIT_SUCCESS : EXIT_FAILURE;
}
