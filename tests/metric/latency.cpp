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
    CHECK(joust::latency{}.challenger_warm_up == 0);
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
    live.judge_latency();
    CHECK(live.champion_threshold(0) == inf);
    CHECK_FALSE(serve(live, 0, 100));
    live.judge_latency();
    // The upper limit of the median of 1, 2, ..., 100: the rank 50 + 2.247 * 5 + 1, where 2.247 standard errors have the error
    // 0.05 / 2 * 0.4739 / (2 ln^2 2).
    CHECK(live.champion_threshold(0) == 62.0);
    CHECK(live.challenger_threshold(0) == 93.0);
    CHECK(live.champion_threshold(1) == inf);
}

TEST_CASE("a threshold is the champion's upper limit, and the challenger's has the margin")
{
    live_evidence live = watched();
    for (int i = 1; i <= 200; ++i) {
        serve(live, 0, i <= 100 ? i : 1);
    }
    live.judge_latency();
    REQUIRE(live.champion_threshold(0) == 16.0);  // the value of rank 116
    REQUIRE(live.champion_threshold(1) == 90.0);  // the value of rank 190
    CHECK(live.challenger_threshold(0) == 24.0);
    CHECK(live.challenger_threshold(1) == 191.0);  // 190 ends with its bin, which holds 190 and 191
    CHECK_FALSE(serve(live, 0, 16));
    CHECK(serve(live, 0, 17));
    CHECK(serve(live, 0, 91));
    CHECK_FALSE(serve(live, 1, 24));
    CHECK(serve(live, 1, 25));
    CHECK(serve(live, 1, 191));
    CHECK(serve(live, 1, 192));
    CHECK(late_calls(live, 2, 0) == 2);
    CHECK(late_calls(live, 3, 0) == 1);
    CHECK(late_calls(live, 2, 1) == 3);
    CHECK(late_calls(live, 3, 1) == 1);
    const auto seen = live.collect();
    CHECK(seen.pairs[0].series[2].expected == 5 * 0.25);
    CHECK(seen.pairs[0].series[3].expected == 2 * 0.25);
    // All fell into one slot of units: the first late call of each guardrail is its only event.
    REQUIRE(seen.pairs[0].events[0].size() == 1);
    REQUIRE(seen.pairs[0].events[1].size() == 1);
    CHECK_FALSE(seen.pairs[0].events[0][0].challenger);
}

TEST_CASE("a threshold follows the champion, and the challenger does not move it")
{
    live_evidence live = watched();
    for (int i = 1; i <= 100; ++i) {
        serve(live, 0, i);
    }
    live.judge_latency();
    REQUIRE(live.champion_threshold(0) == 62.0);
    for (int i = 0; i < 1'000; ++i) {
        serve(live, 1, 1'000);
    }
    live.judge_latency();
    CHECK(live.champion_threshold(0) == 62.0);
    for (int i = 0; i < 1'000; ++i) {
        serve(live, 0, 30);
    }
    live.judge_latency();
    CHECK(live.champion_threshold(0) == 30.0);
    CHECK(live.collect().pairs[0].late[0].epochs.back().epoch == 2);
    for (int i = 0; i < 1'000; ++i) {
        serve(live, 0, 90);
    }
    live.judge_latency();
    CHECK(live.champion_threshold(0) == 90.0);
    // The epochs of both guardrails are their own: that on the 90 % quantile has had one change.
    CHECK(live.collect().pairs[0].late[0].epochs.back().epoch == 3);
}

TEST_CASE(
    "late answers of the challenger break the guardrail where the epoch shows the breach, and failures leave it alone")
{
    live_evidence live = watched();
    live.spend(0, 0.05);
    for (int i = 0; i < 100; ++i) {
        serve(live, 0, 100);
    }
    live.judge_latency();
    live.fail(live.of_this_thread(), 1, shares, joust::mix64(1), 1);
    live.judge_latency();
    CHECK(live.highest_log_e(0, 0) == 0.0);
    for (std::uint64_t slot = 1; slot <= 40; ++slot) {
        CHECK(serve(live, 1, 200, slot << 32));
    }
    live.judge_latency();
    // The champion has not served in this epoch yet, so that nothing can be shown.
    CHECK(live.highest_log_e(0, 0) == 0.0);
    for (int i = 0; i < 100; ++i) {
        CHECK_FALSE(serve(live, 0, 100));
    }
    live.judge_latency();
    const double shown = live.highest_log_e(0, 0);
    CHECK(shown > std::log(20.0));
    CHECK(live.highest_log_e(0, 1) == 0.0);
    // Of 40 late calls each alternative R of the share 1/2 makes (2 R / (1 + R))^40, and half of it began with the epoch.
    double mean = 0.0;
    for (const double r : {1.5, 2.0, 4.0, 10.0, 30.0}) {
        mean += 0.5 * std::pow(2.0 * r / (1.0 + r), 40.0) / 5.0;
    }
    const joust::evidence seen = live.collect();
    const joust::late_epoch& epoch = seen.pairs[0].late[0].epochs.back();
    CHECK(epoch.log_e == Approx(std::log(mean)).epsilon(1e-9));
    CHECK(epoch.calls == 40);
    CHECK(epoch.beyond == 40);
    const double w = 0.4739 / (2.0 * std::log(2.0) * std::log(2.0));
    CHECK(shown ==
          Approx(std::log(0.5 * w) + epoch.log_e).epsilon(1e-9));  // the lower one of the two e-values
    CHECK(seen.pairs[0].peaks[0].log_e == shown);
    CHECK(joust::detail::latency_evidence_now(seen.pairs[0].events[0], seen.pairs[0].late[0].epochs, 0.5)
              .log_e == Approx(shown).epsilon(1e-9));
}

TEST_CASE("the challenger's declared warm-up is served and not judged")
{
    live_evidence live{
        names(),
        {event_watch{.on_latency = true, .series = 2, .q = 0.5, .warm_up = 100, .challenger_warm_up = 50}}};
    live.spend(0, 0.05);
    for (int i = 0; i < 200; ++i) {
        serve(live, 0, 100);
    }
    for (std::uint64_t slot = 0; slot < 49; ++slot) {
        serve(live, 1, 1'000, slot << 32);
    }
    live.judge_latency();
    CHECK(live.champion_threshold(0) == inf);
    CHECK(live.collect().pairs[0].late[0].not_judged == 0);
    serve(live, 1, 1'000);
    live.judge_latency();
    CHECK(live.champion_threshold(0) == 100.0);
    CHECK(live.collect().pairs[0].late[0].not_judged == 50);
    for (std::uint64_t slot = 0; slot < 200; ++slot) {
        CHECK_FALSE(serve(live, 0, 100));
        CHECK_FALSE(serve(live, 1, 100, slot << 32));
    }
    live.judge_latency();
    CHECK(live.highest_log_e(0, 0) == 0.0);
    CHECK(live.collect().pairs[0].late[0].epochs.back().calls == 200);
}

TEST_CASE("epochs of replicas are merged by their number, in any order")
{
    using list = std::vector<joust::late_epoch>;
    const list a{{1, 50.0, 1.0, 100, 10}, {2, 60.0, 2.0, 200, 20}};
    const list b{{2, 55.0, -0.5, 50, 1}};
    const list c{{3, 70.0, 0.25, 10, 2}};
    const list both{{1, 50.0, 1.0, 100, 10}, {2, 60.0, 1.5, 250, 21}};
    CHECK(joust::merge(a, b) == both);
    CHECK(joust::merge(b, a) == both);
    CHECK(joust::merge(joust::merge(a, b), c) == list{{2, 60.0, 1.5, 250, 21}, {3, 70.0, 0.25, 10, 2}});
    CHECK(joust::merge(joust::merge(c, b), a) == joust::merge(joust::merge(a, b), c));
    CHECK(joust::merge(a, {}) == a);
}
