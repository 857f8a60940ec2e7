// SPDX-License-Identifier: Apache-2.0

#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/latency.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using joust::detail::event_watch;
using joust::detail::live_evidence;
using joust::detail::pair_share;

const std::array<pair_share, 1> shares{pair_share::of(0.75, 0.25)};
const double inf = std::numeric_limits<double>::infinity();

joust::evidence names()
{
    joust::evidence all;
    all.models = {"old", "new"};
    all.series = {"exposures", "failures", "p50", "p90"};
    return all;
}

// Two guardrails: the median may take 1.5 times as long, the 90 % quantile 100 ns more.
live_evidence watched()
{
    return {
        names(),
        {event_watch{.on_latency = true,
                     .series = 2,
                     .max_ratio = 1.0,
                     .q = 0.5,
                     .latency_ratio = 1.5,
                     .warm_up = 100},
         event_watch{.on_latency = true, .series = 3, .q = 0.9, .latency_increase = 100.0, .warm_up = 200}}};
}

bool serve(live_evidence& live, unsigned arm, std::int64_t nanoseconds, std::uint64_t pseudonym = 0)
{
    const bool over = live.time(live.of_this_thread(), arm, nanoseconds);
    if (over) {
        live.late(live.of_this_thread(), arm, shares, pseudonym, nanoseconds, 1);
    }
    return over;
}

std::uint64_t late_calls(const live_evidence& live, std::size_t series, unsigned arm)
{
    const auto seen = live.collect();
    return arm == 0 ? seen.pairs[0].series[series].champion_count
                    : seen.pairs[0].series[series].challenger_count;
}

}  // namespace

TEST_CASE("latency names a quantile, its warm-up and itself")
{
    CHECK(joust::latency::name() == "latency");
    CHECK(joust::latency{}.q == 0.99);
    CHECK(joust::latency{}.warm_up == 1'000);
    CHECK(joust::latency{.q = 0.5} == joust::latency{.q = 0.5});
    CHECK_FALSE(joust::latency{.q = 0.5} == joust::latency{});
    CHECK_FALSE(joust::latency{.warm_up = 500} == joust::latency{});
}

TEST_CASE("no call is late before the champion's warm-up, which the challenger's calls do not shorten")
{
    live_evidence live = watched();
    for (int i = 0; i < 500; ++i) {
        CHECK_FALSE(serve(live, 1, 1'000'000'000));
    }
    for (int i = 1; i <= 99; ++i) {
        CHECK_FALSE(serve(live, 0, i));
    }
    live.fix_thresholds();
    CHECK(live.champion_threshold(0) == inf);
    CHECK_FALSE(serve(live, 0, 100));
    live.fix_thresholds();
    CHECK(live.champion_threshold(0) == 50.0);  // the median of 1, 2, ..., 100
    CHECK(live.champion_threshold(1) == inf);
}

TEST_CASE("a threshold is fixed once, and the challenger's is the champion's plus the margin")
{
    live_evidence live = watched();
    for (int i = 1; i <= 100; ++i) {
        serve(live, 0, i);
    }
    live.fix_thresholds();
    for (int i = 0; i < 100; ++i) {
        serve(live, 0, 1);
    }
    live.fix_thresholds();
    CHECK(live.champion_threshold(0) == 50.0);
    CHECK(live.champion_threshold(1) == 80.0);  // of 200 calls 180 took 80 ns at most
    for (int i = 0; i < 1'000; ++i) {
        serve(live, 1, 1'000);
    }
    for (int i = 0; i < 1'000; ++i) {
        serve(live, 0, 60);
    }
    live.fix_thresholds();
    CHECK(live.champion_threshold(0) == 50.0);
    CHECK(live.champion_threshold(1) == 80.0);

    live_evidence fresh = watched();
    for (int i = 1; i <= 200; ++i) {
        serve(fresh, 0, i <= 100 ? i : 1);
    }
    fresh.fix_thresholds();
    const double median = fresh.champion_threshold(0);
    REQUIRE(median == 1.0);
    REQUIRE(fresh.champion_threshold(1) == 80.0);
    CHECK_FALSE(serve(fresh, 0, 1));
    CHECK(serve(fresh, 0, 2));
    CHECK(serve(fresh, 0, 81));
    CHECK_FALSE(serve(fresh, 1, 1));
    CHECK(serve(fresh, 1, 2));    // more than 1.5 times the median
    CHECK(serve(fresh, 1, 180));  // and just what the second guardrail allows
    CHECK(serve(fresh, 1, 181));
    CHECK(late_calls(fresh, 2, 0) == 2);
    CHECK(late_calls(fresh, 3, 0) == 1);
    CHECK(late_calls(fresh, 2, 1) == 3);
    CHECK(late_calls(fresh, 3, 1) == 1);
    const auto seen = fresh.collect();
    CHECK(seen.pairs[0].series[2].expected == 5 * 0.25);
    CHECK(seen.pairs[0].series[3].expected == 2 * 0.25);
    // All fell into one slot of units: the first late call of each guardrail is its only event.
    REQUIRE(seen.pairs[0].events[0].size() == 1);
    REQUIRE(seen.pairs[0].events[1].size() == 1);
    CHECK_FALSE(seen.pairs[0].events[0][0].challenger);
}

TEST_CASE("late answers of the challenger move the guardrail at once, and failures leave it alone")
{
    live_evidence live = watched();
    for (int i = 0; i < 100; ++i) {
        serve(live, 0, 100);
    }
    live.fix_thresholds();
    live.fail(live.of_this_thread(), 1, shares, joust::mix64(1), 1);
    CHECK(live.highest_log_e(0, 0) == 0.0);
    double before = -1.0;
    for (std::uint64_t slot = 1; slot < 6; ++slot) {
        CHECK(serve(live, 1, 151, slot << 32));
        CHECK(live.log_of(0, 0).log_e() > before);
        before = live.log_of(0, 0).log_e();
    }
    CHECK(live.highest_log_e(0, 0) == before);
    CHECK(live.highest_log_e(0, 1) == 0.0);
    CHECK(before == Approx(joust::log_e_of(live.collect().pairs[0].events[0], 1.0)).epsilon(1e-12));
}
