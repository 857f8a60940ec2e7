// SPDX-License-Identifier: Apache-2.0
#pragma once

// A week of traffic of a canary, in as many requests and threads as asked for: the challenger is as good as the champion until the
// last tenth of the week, and fails 5 % of its requests from then on.

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/canary.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace joust_soak {

/// What a week has come to.
struct outcome {
    std::uint64_t served = 0;
    std::uint64_t counted = 0;
    /// The request at which the canary was promoted, and the one at which it was rolled back, or 0.
    std::uint64_t promoted_at = 0;
    std::uint64_t rolled_back_at = 0;
    std::uint64_t harmful_from = 0;
    std::size_t looks_kept = 0;
    /// The memory of the process after a tenth of the week, and at its end. units: bytes; 0 where it is not known
    std::uint64_t early_bytes = 0;
    std::uint64_t last_bytes = 0;
};

/// Return the memory that the process holds.
inline std::uint64_t resident_bytes()
{
    std::ifstream numbers{"/proc/self/statm"};
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    numbers >> all >> resident;
    return 4'096 * resident;
}

inline outcome week(std::uint64_t requests, unsigned threads)
{
    using namespace joust;
    constexpr double seconds = 7.0 * 86'400.0;
    outcome seen;
    seen.harmful_from = requests - requests / 10;
    manual_time time;
    std::atomic<bool> harmful{false};
    canary trial{model{"old", [](std::uint64_t unit) { return static_cast<double>(unit % 7); }},
                 model{"new",
                       [&harmful](std::uint64_t unit) {
                           if (harmful.load(std::memory_order_relaxed) && unit % 20 == 0) {
                               throw std::runtime_error("late harm");
                           }
                           return static_cast<double>(unit % 7);
                       }},
                 by([](std::uint64_t unit) { return unit; }),
                 hash_split{.salt = "a week"},
                 ramp{.shares = {0.05, 0.25, 0.5}},
                 guardrail(conversion<"right">{}, {.max_decrease = 0.02}),
                 timed{.every = 16},
                 time.view()};
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> promoted_at{0};
    std::atomic<std::uint64_t> rolled_back_at{0};
    std::atomic<std::uint64_t> early{0};
    constexpr std::uint64_t lot = 512;
    const auto serve = [&](unsigned which) {
        keyed_random random{20'261'201, which};
        for (;;) {
            const std::uint64_t first = next.fetch_add(lot, std::memory_order_relaxed);
            if (first >= requests) {
                return;
            }
            if (first >= seen.harmful_from) {
                harmful.store(true, std::memory_order_relaxed);
            }
            const std::uint64_t end = first + lot < requests ? first + lot : requests;
            for (std::uint64_t i = first; i < end; ++i) {
                const auto answer = trial.serve(random.below(1'000'000));
                trial.observe<"right">(answer.ticket, random.chance(0.8));
            }
            time.advance(static_cast<std::int64_t>(1e9 * seconds * static_cast<double>(end - first) /
                                                   static_cast<double>(requests)));
            // How far the week is, whatever lot this thread was given.
            const std::uint64_t now = next.load(std::memory_order_relaxed);
            const auto note = [](std::atomic<std::uint64_t>& first_time, bool happened, auto&& what) {
                std::uint64_t none = 0;
                if (happened && first_time.load(std::memory_order_relaxed) == 0) {
                    first_time.compare_exchange_strong(none, what());
                }
            };
            note(promoted_at, trial.finished(), [now] { return now; });
            note(rolled_back_at, trial.rolled_back(), [now] { return now; });
            note(early, now >= requests / 10, resident_bytes);
        }
    };
    std::vector<std::thread> all;
    for (unsigned t = 0; t < threads; ++t) {
        all.emplace_back(serve, t);
    }
    for (std::thread& each : all) {
        each.join();
    }
    seen.early_bytes = early.load();
    seen.last_bytes = resident_bytes();
    seen.served = requests;
    seen.counted = trial.evidence().requests();
    seen.promoted_at = promoted_at.load();
    seen.rolled_back_at = rolled_back_at.load();
    seen.looks_kept = trial.report().course.size();
    return seen;
}

}  // namespace joust_soak
