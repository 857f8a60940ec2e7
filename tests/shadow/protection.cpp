// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/protection.hpp>
#include <joust/shadow/shadow_call.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"
#include "report/in_report.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>

using namespace joust;
using joust_test::counted;

namespace {

using answering = std::function<int(std::uint64_t)>;

auto beside(const manual_time& clock, answering champion, answering challenger, protect limits,
            breaker guard = {})
{
    return shadow{model{"a", std::move(champion)},
                  model{"b", std::move(challenger)},
                  by([](std::uint64_t unit) { return unit; }),
                  salt{"protection"},
                  inline_run{},
                  clock.view(),
                  guard,
                  limits};
}

void pass(manual_time& clock, std::chrono::nanoseconds time)
{
    clock.advance(time.count());
}

int zero(std::uint64_t)
{
    return 0;
}

}  // namespace

TEST_CASE(
    "An answer after its deadline is a timeout: it is timed and counted, but neither compared nor judged")
{
    manual_time clock;
    auto trial = beside(
        clock, zero,
        [&clock](std::uint64_t unit) {
            pass(clock, std::chrono::milliseconds{unit % 4 == 0 ? 30 : 10});
            if (unit % 10 == 5) {
                throw std::runtime_error{"five"};
            }
            return 0;
        },
        protect{.answer_within = std::chrono::milliseconds{20}});
    for (std::uint64_t unit = 1; unit <= 100; ++unit) {
        const auto [answer, receipt] = trial.serve(unit);
        CHECK(answer == 0);
        CHECK(trial.truth(receipt, 0) == (unit % 4 != 0 && unit % 10 != 5));
    }
    const shadow_evidence seen = trial.evidence();
    REQUIRE(seen.checks.size() == 1);
    CHECK(seen.checks[0].timed_out == 25);
    const shadow_pair& pair = seen.pairs[0];
    CHECK(pair.latency.count() == 90);
    CHECK(pair.judged.total() == 65.0);
    // Each sampled request has one outcome.
    CHECK(pair.run.total() == 100.0);
    CHECK(pair.compared.total() + pair.run.total_sum() + static_cast<double>(seen.checks[0].timed_out) ==
          100.0);
    const report shown = trial.report();
    CHECK(counted(shown, "came after their deadline") == 25);
    CHECK(from_snapshot<shadow_evidence>(to_snapshot(seen)) == seen);
    shadow_evidence both = seen;
    both.merge(seen);
    CHECK(both.checks[0].timed_out == 50);
}

TEST_CASE("A breaker takes a timeout for a failure")
{
    manual_time clock;
    int calls = 0;
    auto trial = beside(
        clock, zero,
        [&](std::uint64_t) {
            ++calls;
            pass(clock, std::chrono::seconds{1});
            return 0;
        },
        protect{.answer_within = std::chrono::milliseconds{1}},
        breaker{.failures = 3, .pause = std::chrono::hours{1}});
    for (std::uint64_t unit = 1; unit <= 10; ++unit) {
        static_cast<void>(trial(unit));
    }
    CHECK(calls == 3);
    CHECK(trial.evidence().pairs[0].paused == 7);
}

TEST_CASE("A challenger gets as many requests as its rate and its burst allow, and the others are counted")
{
    manual_time clock;
    auto trial = beside(clock, zero, zero, protect{.per_second = 10.0, .burst = 5});
    const auto ask = [&](int times) {
        for (int i = 0; i < times; ++i) {
            static_cast<void>(trial(static_cast<std::uint64_t>(i)));
        }
        return trial.evidence().pairs[0].run.total();
    };
    CHECK(ask(20) == 5.0);
    pass(clock, std::chrono::milliseconds{100});
    CHECK(ask(20) == 6.0);
    pass(clock, std::chrono::milliseconds{250});
    CHECK(ask(20) == 8.0);
    pass(clock, std::chrono::hours{1});
    CHECK(ask(20) == 13.0);
    const shadow_evidence seen = trial.evidence();
    CHECK(seen.checks[0].limited == 67);
    CHECK(seen.sampled == 80);
    CHECK(counted(trial.report(), "because of its rate limit") == 67);
}

TEST_CASE("A model can ask whether only a shadow hears it, and whether its time is over")
{
    const manual_time clock;
    int dry = 0;
    int wet = 0;
    bool late_before = true;
    bool late_after = false;
    const auto asks = [&](std::uint64_t) {
        ++(shadow_call::dry() ? dry : wet);
        if (shadow_call::dry()) {
            late_before = shadow_call::out_of_time();
            while (!shadow_call::out_of_time()) {}
            late_after = shadow_call::out_of_time();
            throw std::runtime_error{"stopped"};
        }
        return 0;
    };
    auto trial = beside(clock, asks, asks, protect{.answer_within = std::chrono::milliseconds{2}});
    CHECK(trial(std::uint64_t{1}) == 0);
    CHECK(wet == 1);
    CHECK(dry == 1);
    CHECK_FALSE(late_before);
    CHECK(late_after);
    CHECK_FALSE(shadow_call::dry());
    CHECK_FALSE(shadow_call::out_of_time());
}

TEST_CASE("Limits that are none are refused")
{
    const manual_time clock;
    for (const protect wrong :
         {protect{.answer_within = std::chrono::nanoseconds{-1}}, protect{.per_second = -1.0},
          protect{.per_second = std::numeric_limits<double>::quiet_NaN()},
          protect{.per_second = std::numeric_limits<double>::infinity()}, protect{.per_second = 1e-9},
          protect{.burst = 0}}) {
        CHECK_THROWS_AS(beside(clock, zero, zero, wrong), configuration_error);
    }
}
