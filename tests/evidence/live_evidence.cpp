// SPDX-License-Identifier: Apache-2.0

#include <joust/evidence/live_evidence.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

using namespace joust_test;

namespace {

using joust::evidence;
using joust::detail::event_watch;
using joust::detail::failure_series;
using joust::detail::live_evidence;
using joust::detail::pair_share;
using joust::detail::slab;

constexpr std::size_t click = 2;

evidence names(std::size_t models = 2)
{
    evidence all;
    all.trial = "trial";
    all.models = {"old", "new"};
    for (std::size_t m = 2; m < models; ++m) {
        all.models.push_back("new" + std::to_string(m));
    }
    all.series = {"exposures", "failures", "click"};
    return all;
}

std::array<pair_share, 1> shares_of(double s)
{
    return {pair_share::of(1.0 - s, s)};
}

void serve(live_evidence& live, const arrival& a)
{
    const auto shares = shares_of(a.s);
    const unsigned arm = a.challenger ? 1 : 0;
    slab& thread_slab = live.of_this_thread();
    live.expose(thread_slab, arm, shares, a.pseudonym);
    static_cast<void>(live.time(thread_slab, arm, a.nanoseconds));
    if (a.failed) {
        live.fail(thread_slab, arm, shares, a.pseudonym, a.time);
    }
    live.observe(thread_slab, click, arm, shares, a.pseudonym, a.x);
}

// The registers are filled from another part of the pseudonym than a sketch's own hash: compare what is left.
evidence without_units(evidence seen)
{
    for (auto& arm : seen.arms) {
        arm.units = {};
    }
    return seen;
}

std::vector<arrival> ramp(int count)
{
    auto stream = arrivals(1, count, {.failing = 0.03});
    for (std::size_t i = 0; i < stream.size(); ++i) {
        stream[i].s = i < stream.size() / 2 ? 0.05 : 0.3;
    }
    return stream;
}

}  // namespace

TEST_CASE("what one thread serves is collected as the definition of the sums says")
{
    const auto stream = ramp(20'000);
    live_evidence live{names(), {event_watch{}}};
    for (const arrival& a : stream) {
        serve(live, a);
    }
    const evidence seen = live.collect();
    evidence expected = evidence_of(stream);
    CHECK(seen.consistent());
    CHECK(same_counts(without_units(seen), without_units(expected)));
    CHECK(distance(seen, expected) < 1e-12);
    CHECK(seen.arms[0].units.estimate() + seen.arms[1].units.estimate() == Approx(2'000.0).epsilon(0.05));
    CHECK(seen.pairs[0].memory == std::vector<joust::test_memory>(3));
}

TEST_CASE("live sums of several threads agree with the replay on one to 1e-12, counts exactly",
          "[concurrent]")
{
    constexpr unsigned threads = 4;
    const auto stream = ramp(40'000);
    live_evidence live{names(), {event_watch{}}};
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            for (const arrival& a : stream) {
                // One slot's units stay on one thread: which of two threads comes first is not the same in every run.
                if (joust::detail::slot_of(a.pseudonym) % threads == thread) {
                    serve(live, a);
                }
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    live_evidence replay{names(), {event_watch{}}};
    for (const arrival& a : stream) {
        serve(replay, a);
    }
    const evidence seen = live.collect();
    const evidence expected = replay.collect();
    REQUIRE(seen.requests() == 40'000);
    CHECK(same_counts(seen, expected));
    CHECK(distance(seen, expected) < 1e-12);
    // Every replay adds in the same order: bit for bit.
    live_evidence again{names(), {event_watch{}}};
    for (const arrival& a : stream) {
        serve(again, a);
    }
    CHECK(again.collect() == expected);
    CHECK(again.highest_log_e(0, 0) == replay.highest_log_e(0, 0));
}

TEST_CASE("evidence collected while threads serve is consistent, grows, and is exact once they have ended",
          "[concurrent]")
{
    constexpr unsigned threads = 3;
    const auto stream = ramp(6'000);
    live_evidence live{names(), {event_watch{}}};
    std::atomic<unsigned> serving{threads};
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&] {
            for (const arrival& a : stream) {
                serve(live, a);
                live.ignore(joust::detail::ignored::repeated);
                live.serve_unrecorded();
            }
            --serving;
        });
    }
    evidence seen;
    std::uint64_t wrong = 0;
    std::uint64_t before = 0;
    do {
        live.collect(seen);
        wrong += !seen.consistent() || seen.requests() < before ? 1U : 0U;
        before = seen.requests();
    } while (serving > 0);
    for (std::thread& thread : running) {
        thread.join();
    }
    CHECK(wrong == 0);
    live.collect(seen);
    CHECK(seen == live.collect());
    CHECK(seen.requests() == threads * stream.size());
    CHECK(seen.unrecorded == threads * stream.size());
    std::vector<std::uint64_t> ignored(seen.ignored.size());
    ignored.at(static_cast<std::size_t>(joust::detail::ignored::repeated)) = threads * stream.size();
    CHECK(seen.ignored == ignored);
    CHECK(seen.arms[0].latency.count() + seen.arms[1].latency.count() == threads * stream.size());
    const evidence once = evidence_of(stream);
    CHECK(seen.failed(0) == threads * once.failed(0));
    CHECK(seen.failed(1) == threads * once.failed(1));
    CHECK(seen.pairs[0].series[click].expected ==
          Approx(threads * once.pairs[0].series[click].expected).epsilon(1e-12));
}

TEST_CASE("with several challengers the champion's requests count in every pair, a challenger's in its own")
{
    const std::array<double, 3> served{0.5, 0.2, 0.3};
    const std::array<pair_share, 2> shares{pair_share::of(served[0], served[1]),
                                           pair_share::of(served[0], served[2])};
    CHECK(shares[0].challenger == Approx(2.0 / 7.0).epsilon(1e-15));
    CHECK(shares[1].challenger == Approx(3.0 / 8.0).epsilon(1e-15));
    CHECK(shares[1].root == Approx(std::sqrt(15.0) / 8.0).epsilon(1e-15));
    live_evidence live{names(3), {event_watch{}}};
    std::array<joust::bucket_sums, 2> expected{joust::bucket_sums{joust::bucket_count},
                                               joust::bucket_sums{joust::bucket_count}};
    joust::keyed_random random{3};
    for (int i = 0; i < 3'000; ++i) {
        const unsigned arm = static_cast<unsigned>(random.below(3));
        const std::uint64_t pseudonym = random.next();
        const double x = static_cast<double>(random.below(5));
        live.expose(live.of_this_thread(), arm, shares, pseudonym);
        live.observe(live.of_this_thread(), click, arm, shares, pseudonym, x);
        for (unsigned p = 0; p < 2; ++p) {
            if (arm == 0 || arm == p + 1) {
                const double s = shares[p].challenger;
                add(expected[p], {.pseudonym = pseudonym, .challenger = arm != 0, .s = s}, x);
                expected[p].expected += x != 0.0 ? s : 0.0;
            }
        }
    }
    const evidence seen = live.collect();
    REQUIRE(seen.consistent());
    CHECK(seen.requests() == 3'000);
    for (std::size_t p = 0; p < 2; ++p) {
        CHECK(distance(seen.pairs[p].series[click], expected[p]) < 1e-12);
        CHECK(seen.pairs[p].series[click].champion_count == expected[p].champion_count);
        CHECK(seen.pairs[p].series[click].challenger_count == expected[p].challenger_count);
        CHECK(seen.pairs[p].series[0].champion_count == seen.requests(0));
    }
}

TEST_CASE("an arm without a share has propensity 0, and a pair without any has no propensity at all")
{
    CHECK(pair_share::of(1.0, 0.0).challenger == 0.0);
    CHECK(pair_share::of(0.0, 0.5).challenger == 1.0);
    CHECK(pair_share::of(0.0, 0.0).challenger == 0.0);
    CHECK(pair_share::of(0.0, 0.5).root == 0.0);
}

TEST_CASE("requests without randomisation are counted but contribute neither sums nor expected events")
{
    live_evidence live{names(), {event_watch{}}};
    for (std::uint64_t i = 0; i < 100; ++i) {
        const bool all = i % 2 == 0;
        serve(live, {.pseudonym = joust::mix64(i),
                     .challenger = all,
                     .s = all ? 1.0 : 0.0,
                     .x = 1.0,
                     .failed = true});
    }
    const evidence seen = live.collect();
    CHECK(seen.requests(0) == 50);
    CHECK(seen.requests(1) == 50);
    CHECK(seen.failed(1) == 50);
    const joust::bucket_sums nothing{joust::bucket_count};
    for (const auto& series : seen.pairs[0].series) {
        CHECK(distance(series, nothing) == 0.0);
        CHECK(series.expected == 0.0);
    }
    CHECK(seen.pairs[0].events[0].empty());
    CHECK(live.highest_log_e(0, 0) == 0.0);
}

TEST_CASE("values of 0 are observed without being events")
{
    live_evidence live{names(), {}};
    live.observe(live.of_this_thread(), click, 1, shares_of(0.25), 5, 0.0);
    live.observe(live.of_this_thread(), click, 0, shares_of(0.25), 5, -2.0);
    const evidence seen = live.collect();
    CHECK(seen.pairs[0].series[click].expected == 0.25);
    CHECK(seen.pairs[0].series[click].challenger_count == 1);
    CHECK(seen.pairs[0].series[click].champion_count == 1);
    CHECK(seen.pairs[0].series[click].champion[0] == -0.5);
}

TEST_CASE("what looks fix and find is kept for later ones")
{
    live_evidence live{names(), {}};
    evidence seen = live.collect();
    seen.pairs[0].memory[click] = {.rho = 5.0, .highest_log_e = 2.0};
    seen.pairs[0].memory[0].counted = {true, 0.3, 0.1, -0.2, -0.3, -0.1, 0.001};
    const auto first = seen.pairs[0].memory;
    live.remember(seen);
    CHECK(live.collect().pairs[0].memory == first);
    seen.pairs[0].memory[click] = {.rho = 9.0, .highest_log_e = 1.0};
    seen.pairs[0].memory[0].counted = {true, 0.1, 0.3, 0.2, 0.1, 0.3, 0.5};
    live.remember(seen);
    CHECK(live.collect().pairs[0].memory == first);
    seen.pairs[0].memory[click].highest_log_e = 3.0;
    live.remember(seen);
    CHECK(live.collect().pairs[0].memory[click] == joust::test_memory{.rho = 5.0, .highest_log_e = 3.0});
}

TEST_CASE("collecting into a value used before, also by another trial, gives what a new value would hold")
{
    const auto stream = ramp(1'000);
    live_evidence live{names(), {event_watch{}}};
    evidence used;
    for (const arrival& a : stream) {
        serve(live, a);
        if (a.time % 250 == 0) {
            live.collect(used);
            CHECK(used == live.collect());
        }
    }
    evidence other_trial = names();
    other_trial.trial = "other";
    evidence other_models = names();
    other_models.models = {"a", "b"};
    const live_evidence others[] = {{other_trial, {event_watch{}}},
                                    {other_models, {event_watch{}}},
                                    {names(3), {event_watch{}}},
                                    {names(), {event_watch{}, event_watch{.max_ratio = 2.0}}},
                                    {names(), {}}};
    for (const live_evidence& other : others) {
        other.collect(used);
        CHECK(used == other.collect());
        live.collect(used);
        CHECK(used == live.collect());
    }
}
