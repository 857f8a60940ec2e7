// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <atomic>
#include <cstdint>

using namespace joust;

// However much traffic a canary has had, it looks at its evidence at least every 10,000 requests and every second of
// traffic.

namespace {

/// A ramp that never goes on, and counts the looks that ask it.
struct counting_ramp {
    share_list shares = {0.5};
    std::uint64_t check_every = 512;
    promotion promote = on_no_harm;
    std::atomic<int>* looks = nullptr;

    bool ready(const stage_progress&) const noexcept
    {
        ++*looks;
        return false;
    }
};

auto counted(std::atomic<int>& looks, const manual_time& time, std::uint64_t check_every)
{
    return canary{model{"old", [](std::uint64_t) { return 1; }},
                  model{"new", [](std::uint64_t) { return 2; }},
                  by([](std::uint64_t unit) { return unit; }),
                  hash_split{.salt = "looks"},
                  counting_ramp{.check_every = check_every, .looks = &looks},
                  untimed{},
                  time.view()};
}

}  // namespace

TEST_CASE("after many quiet requests a look comes at least every 10,000")
{
    manual_time time;
    std::atomic<int> looks{0};
    auto trial = counted(looks, time, 512);
    std::uint64_t unit = 0;
    for (; unit < 400'000; ++unit) {
        trial(unit);
    }
    const int before = looks;
    for (; unit < 500'000; ++unit) {
        trial(unit);
    }
    // A look in n / 32 requests would come every 12,500 to 15,600 by now.
    CHECK(looks - before >= 9);
    CHECK(looks - before <= 12);
}

TEST_CASE("slow traffic is looked at every second, whatever number of requests the ramp asks for")
{
    for (const std::int64_t milliseconds : {5, 40, 300}) {
        manual_time time;
        std::atomic<int> looks{0};
        auto trial = counted(looks, time, 1'000'000);
        std::uint64_t unit = 0;
        const auto serve_seconds = [&](int seconds) {
            for (std::int64_t spent = 0; spent < seconds * 1'000; spent += milliseconds) {
                time.advance(milliseconds * 1'000'000);
                trial(unit++);
            }
        };
        serve_seconds(30);
        const int before = looks;
        serve_seconds(60);
        INFO(milliseconds);
        CHECK(looks - before >= 45);
        CHECK(looks - before <= 62);
    }
}

TEST_CASE("a guardrail that feedback breaks acts within 10,000 requests, also after a long quiet time")
{
    canary trial{model{"old", [](std::uint64_t) { return 1; }},
                 model{"new", [](std::uint64_t) { return 2; }},
                 by([](std::uint64_t unit) { return unit; }),
                 hash_split{.salt = "late feedback"},
                 guardrail(conversion<"right">{.per = per::observed}, {.max_decrease = 0.05}),
                 plain_tickets{.remember = 1'024},
                 ramp{.shares = {0.5}, .requests = 1'000'000'000},
                 untimed{}};
    keyed_random random{4};
    int n = 0;
    const auto serve = [&](int requests, double quality) {
        for (int i = 0; i < requests && !trial.rolled_back(); ++i, ++n) {
            const auto [which, given] = trial.serve(random.below(100'000));
            trial.observe<"right">(given, random.chance(which == 2 ? quality : 0.8));
        }
    };
    serve(200'000, 0.8);
    REQUIRE_FALSE(trial.rolled_back());
    const int before = n;
    serve(200'000, 0.0);
    CHECK(trial.rolled_back());
    CHECK(n - before < 40'000);
}
