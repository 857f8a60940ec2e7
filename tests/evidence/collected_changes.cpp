// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/live_evidence.hpp>

#include "catch.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

using joust::evidence;
using joust::keyed_random;
using joust::mix64;
using joust::detail::collected_changes;
using joust::detail::live_evidence;
using joust::detail::pair_share;
using joust::detail::slab;

namespace {

evidence names()
{
    evidence all;
    all.trial = "trial";
    all.models = {"old", "new"};
    all.series = {"exposures", "failures", "late", "click", "click, feedback", "click, not scored"};
    return all;
}

/// Serve so many requests, and do what `what` says beside.
void serve(live_evidence& live, std::uint64_t seed, int requests, int what)
{
    const std::array<pair_share, 1> shares{pair_share::of(0.7, 0.3)};
    keyed_random random{seed};
    slab& thread_slab = live.of_this_thread();
    for (int i = 0; i < requests; ++i) {
        const std::uint64_t unit = mix64(random.below(5'000));
        const unsigned arm = random.chance(0.3) ? 1 : 0;
        live.expose(thread_slab, arm, shares, unit);
        if (what == 1) {
            live.observe(thread_slab, 3, arm, shares, unit, random.chance(0.5) ? 0.0 : random.uniform());
            live.feed(thread_slab, 0, arm, shares, unit, true);
        } else if (what == 2 && random.chance(0.1)) {
            live.fail(thread_slab, arm, shares, unit, 1'000);
        } else if (what == 3 && random.chance(0.2)) {
            live.lose(0, arm, shares, unit);
        } else if (what == 4) {
            static_cast<void>(
                live.time(thread_slab, arm, 1'000 + static_cast<std::int64_t>(random.below(900))));
        }
    }
}

}  // namespace

TEST_CASE("Evidence of which only the changes are read is that which is read as a whole, bit for bit")
{
    live_evidence live{
        names(), {{.on_latency = false}, {.on_latency = true, .series = 2, .q = 0.9, .warm_up = 100}}, {4}};
    evidence kept;
    collected_changes known;
    const auto check = [&] {
        live.collect(kept, known);
        CHECK(kept == live.collect());
        CHECK(known.valid);
        for (std::size_t arm = 0; arm < 2; ++arm) {
            CHECK(known.distinct[arm] == kept.arms[arm].units.estimate());
        }
    };
    check();
    for (int round = 0; round < 12; ++round) {
        serve(live, static_cast<std::uint64_t>(round), 300, round % 5);
        check();
        check();
    }
    // Another thread has a slab of its own, and leaves it behind.
    std::thread other{[&] { serve(live, 77, 500, 1); }};
    other.join();
    check();
    // A value that holds something else meanwhile is read as a whole again.
    kept = evidence{};
    check();
    kept.pairs.front().series[3].challenger[0] += 1.0;
    known.forget();
    check();
}

TEST_CASE("What another thread adds while evidence is read is found at the latest by the next look",
          "[concurrent]")
{
    live_evidence live{names(), {}, {4}};
    evidence kept;
    collected_changes known;
    std::atomic<bool> done{false};
    std::thread writer{[&] {
        for (std::uint64_t round = 0; round < 40; ++round) {
            serve(live, round, 500, static_cast<int>(round % 4));
        }
        done.store(true);
    }};
    while (!done.load()) {
        live.collect(kept, known);
    }
    writer.join();
    live.collect(kept, known);
    CHECK(kept == live.collect());
}
