// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/first_events.hpp>

#include "catch.hpp"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

namespace {

using joust::first_event;
using joust::detail::event_slots;
using joust::detail::first_event_log;
using joust::detail::slot_of;
using events_t = std::vector<first_event>;

// Few slots, times and propensities, so that slots, times and whole events coincide; and the last two epochs, which
// differ from list to list.
events_t random_events(std::uint64_t seed)
{
    joust::keyed_random random{seed};
    events_t events;
    const auto first = static_cast<std::uint32_t>(1 + random.below(3));
    for (const std::uint32_t epoch : {first, first + 1}) {
        for (std::uint16_t slot = 0; slot < 40; ++slot) {
            if (random.chance(0.6)) {
                events.push_back(
                    {slot, random.chance(0.5), random.chance(0.5) ? 0.25 : 0.5, random.below(3), epoch});
            }
        }
    }
    return events;
}

bool precedes(const first_event& a, const first_event& b)
{
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.slot < b.slot;
}

// A unit whose events fall into a slot.
std::uint64_t unit_in(std::uint64_t slot)
{
    return slot << 32;
}

}  // namespace

TEST_CASE("of two first events in one slot the earlier stays")
{
    const events_t a{{1, true, 0.1, 50}, {7, false, 0.2, 10}, {9, true, 0.3, 5}};
    const events_t b{{0, false, 0.5, 99}, {1, false, 0.4, 49}, {9, false, 0.6, 6}};
    const events_t expected{{0, false, 0.5, 99}, {1, false, 0.4, 49}, {7, false, 0.2, 10}, {9, true, 0.3, 5}};
    CHECK(joust::merge(a, b) == expected);
    CHECK(joust::merge(b, a) == expected);
    CHECK(joust::merge(a, {}) == a);
    CHECK(joust::merge({}, a) == a);
}

TEST_CASE("merging first events is commutative, associative and idempotent, ties of time included")
{
    int ties = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const events_t a = random_events(3 * seed);
        const events_t b = random_events(3 * seed + 1);
        const events_t c = random_events(3 * seed + 2);
        const events_t ab = joust::merge(a, b);
        CHECK(ab == joust::merge(b, a));
        CHECK(joust::merge(ab, c) == joust::merge(a, joust::merge(b, c)));
        CHECK(joust::merge(a, a) == a);
        CHECK(joust::merge(ab, a) == ab);
        for (std::size_t i = 1; i < ab.size(); ++i) {
            CHECK(precedes(ab[i - 1], ab[i]));
        }
        for (const first_event& x : a) {
            for (const first_event& y : b) {
                ties += x.epoch == y.epoch && x.slot == y.slot && x.time == y.time && !(x == y) ? 1 : 0;
            }
        }
    }
    CHECK(ties > 500);
}

TEST_CASE("at a share of one in a hundred one challenger failure weighs 8.0 and a second one makes it 129")
{
    CHECK(joust::log_e_of({}, 1.0) == 0.0);
    // Half of the mixture begins with the first event, and the first epoch may spend 0.49 of the error rate.
    const double weight = joust::detail::epoch_weight(1);
    CHECK(weight == Approx(0.4932).margin(1e-4));
    const double one = std::exp(joust::log_e_of({{3, true, 0.01, 0}}, 1.0)) / weight;
    CHECK(2.0 * one - 1.0 == Approx(8.0).margin(0.05));
    const double two = std::exp(joust::log_e_of({{3, true, 0.01, 0}, {4, true, 0.01, 0}}, 1.0)) / weight;
    CHECK(2.0 * two - 1.0 == Approx(129.0).margin(0.5));
    // With a margin of 2 the same events say less, and the champion's failures speak for the challenger.
    CHECK(std::exp(joust::log_e_of({{3, true, 0.01, 0}}, 2.0)) < one * weight);
    CHECK(joust::log_e_of({{3, false, 0.01, 0}}, 1.0) < 0.0);
}

TEST_CASE("under the null the e-value of a next event is 1 in the mean, at every share and margin")
{
    for (const double s : {0.01, 0.25, 0.5, 0.9}) {
        for (const double ratio : {1.0, 1.5, 4.0}) {
            const events_t before{{1, true, 0.3, 0}, {2, false, 0.2, 0}};
            events_t hit = before;
            hit.push_back({3, true, s, 0});
            events_t miss = before;
            miss.push_back({3, false, s, 0});
            const double null_share = s * ratio / (s * ratio + 1.0 - s);
            const double mean = null_share * std::exp(joust::log_e_of(hit, ratio)) +
                                (1.0 - null_share) * std::exp(joust::log_e_of(miss, ratio));
            CHECK(mean == Approx(std::exp(joust::log_e_of(before, ratio))).epsilon(1e-12));
        }
    }
}

TEST_CASE("a slot counts its first event only, and units share slots by 14 bits of their pseudonym")
{
    first_event_log log;
    log.allow(1.0);
    const auto record = [&log](std::uint64_t unit, bool challenger, double s, std::uint64_t time) {
        log.record(unit, challenger, s, time);
        return log.log_e();
    };
    const double first = record(unit_in(77), true, 0.01, 1'000);
    CHECK(first == Approx(joust::log_e_of({{77, true, 0.01, 1'000}}, 1.0)).epsilon(1e-14));
    CHECK(record(unit_in(77), true, 0.01, 2'000) == first);
    CHECK(record(unit_in(77), false, 0.5, 1) == first);
    CHECK(record(unit_in(77) | 0xffff'c000'0000'0000U | 0xffff'ffffU, true, 0.01, 3'000) == first);
    CHECK(record(unit_in(78), true, 0.01, 3'000) > first);
    events_t seen;
    log.events(seen);
    CHECK(seen == events_t{{77, true, 0.01, 1'000}, {78, true, 0.01, 3'000}});
    CHECK(slot_of(~std::uint64_t{0}) == event_slots - 1);
}

TEST_CASE("an event without randomisation is no evidence and leaves its slot free")
{
    first_event_log log;
    log.allow(1.0);
    for (const double s : {0.0, 1.0, -0.5, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
        log.record(unit_in(5), true, s, 1);
        CHECK(log.log_e() == 0.0);
    }
    events_t seen;
    log.events(seen);
    CHECK(seen.empty());
    log.record(unit_in(5), true, 0.5, 1);
    log.events(seen);
    CHECK(seen.size() == 1);
}

TEST_CASE("the highest evidence stays when later events speak for the challenger")
{
    first_event_log log;
    log.allow(1.0);
    CHECK(log.highest_log_e() == 0.0);
    log.record(unit_in(1), false, 0.5, 1);
    CHECK(log.log_e() < 0.0);
    CHECK(log.highest_log_e() == 0.0);
    double highest = 0.0;
    for (std::uint64_t slot = 2; slot < 12; ++slot) {
        log.record(unit_in(slot), true, 0.1, slot);
        highest = std::fmax(highest, log.log_e());
    }
    REQUIRE(highest > 5.0);
    for (std::uint64_t slot = 20; slot < 60; ++slot) {
        log.record(unit_in(slot), false, 0.5, slot);
    }
    CHECK(log.log_e() < highest);
    CHECK(log.highest_log_e() == highest);
}

TEST_CASE("an epoch ends after 4,096 events, repeated ones included, and every slot is free again")
{
    first_event_log log;
    log.allow(1.0);
    events_t seen;
    for (std::uint64_t i = 0; i + 1 < joust::detail::epoch_events; ++i) {
        log.record(unit_in(i % 10), i % 2 == 0, 0.5, i);
    }
    log.events(seen);
    CHECK(seen.size() == 10);
    CHECK(log.peak().epochs == 1);
    log.record(unit_in(3), true, 0.5, 5'000);
    CHECK(log.peak().epochs == 2);
    log.record(unit_in(3), true, 0.5, 5'001);
    log.events(seen);
    REQUIRE(seen.size() == 11);
    CHECK(seen.back() == first_event{3, true, 0.5, 5'001, 2});
    CHECK(seen.front() == first_event{0, true, 0.5, 0, 1});
    // Where every slot is another one, the last event still belongs to the epoch that it ends.
    for (std::uint64_t i = 1; i < joust::detail::epoch_events; ++i) {
        log.record(unit_in(100 + i), true, 0.5, 6'000 + i);
    }
    CHECK(log.peak().epochs == 3);
    log.events(seen);
    CHECK(seen.size() == joust::detail::epoch_events);
    CHECK(seen.front().epoch == 2);
    CHECK(seen.back().epoch == 2);
    // The evidence of this epoch is beyond every threshold, finite, and stays.
    CHECK(log.peak().decided == 2);
    CHECK(std::isfinite(log.highest_log_e()));
    CHECK(log.highest_log_e() > 500.0);
    for (std::uint64_t i = 0; i < 2 * joust::detail::epoch_events; ++i) {
        log.record(unit_in(i), i % 2 == 0, 0.5, 20'000 + i);
    }
    CHECK(log.peak().decided == 2);
    CHECK(log.peak().epochs == 5);
    CHECK(log.log_e() < 3.0);
    log.begin_anew();
    log.events(seen);
    CHECK(seen.empty());
    CHECK(log.peak() == joust::first_event_peak{});
}

TEST_CASE("an epoch of the list is computed in the order of time, and gives the evidence that the log had")
{
    joust::keyed_random random{9};
    first_event_log log;
    log.allow(1.5);
    for (std::uint64_t i = 0; i < 6'000; ++i) {
        log.record(joust::mix64(i), random.chance(0.3), 0.25, i);
    }
    events_t seen;
    log.events(seen);
    CHECK(seen.front().epoch == 1);
    CHECK(seen.back().epoch == 2);
    CHECK(joust::log_e_of(seen, 1.5) == Approx(log.log_e()).epsilon(1e-12));
}

TEST_CASE("beyond 64 propensities in an epoch a propensity is rounded up, by 1 in 512 at most")
{
    joust::keyed_random random{10};
    first_event_log log;
    log.allow(1.0);
    std::vector<double> given(2'000);
    for (std::uint64_t i = 0; i < given.size(); ++i) {
        given[i] = std::ldexp(random.uniform(), -static_cast<int>(i % 12));
        log.record(unit_in(i), i % 3 == 0, given[i], i);
    }
    events_t seen;
    log.events(seen);
    CHECK(seen.size() > 1'990);
    for (const first_event& each : seen) {
        const double s = given[each.slot];
        CHECK(each.time == each.slot);
        CHECK(each.challenger == (each.slot % 3 == 0));
        CHECK((each.slot < 64 ? each.propensity == s : each.propensity >= s * (1.0 - 1e-7)));
        CHECK(each.propensity <= s * (1.0 + 1.0 / 512.0));
    }
    CHECK(joust::log_e_of(seen, 1.0) == Approx(log.log_e()).epsilon(1e-12));
}

TEST_CASE("threads that meet at the same slots leave one event in each, and a reader never sees half of one",
          "[concurrent]")
{
    constexpr unsigned threads = 4;
    constexpr std::uint64_t slots = 750;  // so that one epoch holds the events of all threads
    first_event_log log;
    log.allow(1.0);
    std::atomic<unsigned> running{threads};
    std::vector<std::thread> writers;
    for (unsigned thread = 0; thread < threads; ++thread) {
        writers.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < slots; ++i) {
                // Everything in an event follows from its time, so that a torn one shows.
                const std::uint64_t slot = (i * (2 * thread + 1)) % slots;
                const std::uint64_t time = slot * threads + thread;
                log.record(unit_in(slot), time % 2 == 0, time % 3 == 0 ? 0.25 : 0.5, time);
            }
            --running;
        });
    }
    std::uint64_t wrong = 0;
    std::size_t before = 0;
    events_t seen;
    do {
        log.events(seen);
        wrong += seen.size() < before ? 1U : 0U;
        before = seen.size();
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const first_event& e = seen[i];
            wrong += e.slot != e.time / threads || e.challenger != (e.time % 2 == 0) ||
                             e.propensity != (e.time % 3 == 0 ? 0.25 : 0.5) ||
                             (i > 0 && seen[i - 1].slot >= e.slot)
                         ? 1U
                         : 0U;
        }
    } while (running > 0);
    for (std::thread& writer : writers) {
        writer.join();
    }
    CHECK(wrong == 0);
    // What found the ring full while a thread held the log counts at the next event of its slot.
    for (std::uint64_t slot = 0; slot < slots; ++slot) {
        log.record(unit_in(slot), true, 0.25, slot * threads);
    }
    log.events(seen);
    CHECK(seen.size() == slots);
    CHECK(log.highest_log_e() >= log.log_e());
}

TEST_CASE("threads that end epochs under each other never wait, and lists stay in order", "[concurrent]")
{
    constexpr unsigned threads = 4;
    first_event_log log;
    log.allow(1.0);
    std::atomic<unsigned> running{threads};
    std::vector<std::thread> writers;
    for (unsigned thread = 0; thread < threads; ++thread) {
        writers.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < 20'000; ++i) {
                const std::uint64_t slot = (i * (2 * thread + 1)) % event_slots;
                log.record(unit_in(slot), slot % 2 == 0, 0.25, slot);
            }
            --running;
        });
    }
    std::uint64_t wrong = 0;
    events_t seen;
    do {
        log.events(seen);
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const first_event& e = seen[i];
            wrong += e.challenger != (e.slot % 2 == 0) || e.propensity != 0.25 ||
                             (i > 0 && !precedes(seen[i - 1], e))
                         ? 1U
                         : 0U;
        }
    } while (running > 0);
    for (std::thread& writer : writers) {
        writer.join();
    }
    CHECK(wrong == 0);
    // No writer waits, so that events are lost where the ring is full and repeats where they meet the end of an epoch.
    CHECK(log.peak().epochs >= 2);
    CHECK(log.peak().epochs <= 20);
    // One thread alone loses nothing.
    const std::uint32_t before = log.peak().epochs;
    for (std::uint64_t i = 0; i < 3 * joust::detail::epoch_events; ++i) {
        log.record(unit_in(i % event_slots), false, 0.25, i);
    }
    CHECK(log.peak().epochs == before + 3);
}

TEST_CASE("threads that want the same slot at the same moment record one event, not two", "[concurrent]")
{
    constexpr unsigned threads = 2;
    constexpr unsigned logs = 60;
    constexpr std::uint64_t slots = 1'984;  // so that one epoch holds the events of both threads
    std::vector<first_event_log> all(logs);
    for (first_event_log& log : all) {
        log.allow(1.0);
    }
    std::atomic<std::uint64_t> arrived{0};
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            for (unsigned l = 0; l < logs; ++l) {
                for (std::uint64_t slot = 0; slot < slots; ++slot) {
                    if (slot % 64 == 0) {
                        const std::uint64_t meeting = threads * (l * (slots / 64) + slot / 64 + 1);
                        ++arrived;
                        for (unsigned tries = 0; arrived < meeting; ++tries) {
                            if (tries > 1'000) {
                                std::this_thread::yield();
                            }
                        }
                    }
                    all[l].record(unit_in(slot), thread == 0, 0.25, slot);
                }
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    events_t seen;
    for (first_event_log& log : all) {
        log.events(seen);
        REQUIRE(seen.size() == slots);
        CHECK(log.log_e() == Approx(joust::log_e_of(seen, 1.0)).epsilon(1e-9));
    }
}
