// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <utility>

using namespace joust;

// What was not judged does not count as not broken: without feedback a stage is held, and the reason names the guardrail.

namespace {

constexpr double not_a_value = std::numeric_limits<double>::quiet_NaN();

/// How feedback comes: after so many requests, or never, and with which values.
struct feedback {
    int after = 0;
    bool comes = true;
    bool has_value = true;
    /// The number of requests after which it stops.
    int until = std::numeric_limits<int>::max();
};

auto canary_of(int seed)
{
    return canary{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }},
                  by([](std::uint64_t unit) { return unit; }),
                  hash_split{.salt = "late feedback " + std::to_string(seed)},
                  guardrail(conversion<"right">{.per = per::observed}, {.max_decrease = 0.02}),
                  plain_tickets{.remember = 65'536},
                  ramp{},
                  untimed{}};
}

template <class Trial>
int serve(Trial& trial, const feedback& how, double loss, int most, int seed)
{
    keyed_random random{static_cast<std::uint64_t>(seed)};
    std::deque<std::pair<ticket, bool>> waiting;
    int n = 0;
    for (; n < most && !trial.finished() && !trial.rolled_back(); ++n) {
        const ticket given = trial.choose(random.below(200'000));
        trial.complete(given, std::chrono::nanoseconds{0}, true);
        if (!how.comes || n >= how.until) {
            continue;
        }
        waiting.emplace_back(given, random.chance(0.8 - (given.arm() == 1 ? loss : 0.0)));
        if (static_cast<int>(waiting.size()) > how.after) {
            const auto [oldest, right] = waiting.front();
            waiting.pop_front();
            trial.template observe<"right">(oldest, how.has_value ? (right ? 1.0 : 0.0) : not_a_value);
        }
    }
    return n;
}

}  // namespace

TEST_CASE("harm whose feedback comes late is not promoted")
{
    for (const int after : {1'000, 5'000, 20'000}) {
        for (int seed = 0; seed < 2; ++seed) {
            auto trial = canary_of(seed);
            serve(trial, {.after = after}, 0.1, 50'000, seed);
            INFO(trial.report().reason);
            CHECK_FALSE(trial.finished());
        }
    }
}

TEST_CASE("a healthy challenger whose feedback comes late is promoted in the end")
{
    auto trial = canary_of(5);
    const int requests = serve(trial, {.after = 5'000}, 0.0, 150'000, 5);
    INFO(trial.report().reason);
    CHECK(trial.finished());
    CHECK(requests > 15'000);
}

TEST_CASE("feedback that never comes, or brings nothing but NaN, holds the first stage for ever")
{
    const feedback none{.comes = false};
    const feedback only_nan{.has_value = false};
    for (const feedback& how : {none, only_nan}) {
        auto trial = canary_of(7);
        serve(trial, how, 0.8, 30'000, 7);
        const report r = trial.report();
        INFO(r.reason);
        CHECK(trial.share() == 0.01);
        CHECK(r.decision == verdict::keep_testing);
        CHECK(trial.phase() == canary_phase::held);
        CHECK_THAT(r.reason, ContainsSubstring("held"));
        CHECK_THAT(r.reason, ContainsSubstring("right"));
    }
}

TEST_CASE("feedback that stops holds the stage, and the reason names the guardrail")
{
    auto trial = canary_of(9);
    serve(trial, {.until = 16'000}, 0.0, 90'000, 9);
    const report r = trial.report();
    INFO(r.reason);
    CHECK_FALSE(trial.finished());
    CHECK(trial.phase() == canary_phase::held);
    CHECK_THAT(r.reason, ContainsSubstring("right"));
}
