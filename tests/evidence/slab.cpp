// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/slab.hpp>

#include "catch.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

using joust::bucket_count;
using joust::detail::bucket_of;
using joust::detail::row_values;
using joust::detail::slab;
using joust::detail::slab_layout;

bool same(const row_values& a, std::uint64_t count, double first, double second)
{
    return a.count == count && a.first == first && a.second == second;
}

}  // namespace

TEST_CASE("every series, pair, arm and bucket has a row of its own, and no row is left over")
{
    for (const std::size_t arms : {2U, 3U, 5U}) {
        for (const std::size_t series : {1U, 2U, 4U}) {
            const slab_layout layout{arms, series};
            REQUIRE(layout.rows() == series * (arms - 1) * 2 * bucket_count);
            std::vector<bool> used(layout.rows());
            bool unique = true;
            for (std::size_t s = 0; s < series; ++s) {
                for (std::size_t p = 0; p < layout.pairs(); ++p) {
                    for (const bool challenger : {false, true}) {
                        for (std::size_t b = 0; b < bucket_count; ++b) {
                            const std::size_t row = layout.row(s, p, challenger, b);
                            REQUIRE(row < used.size());
                            unique = unique && !used[row];
                            used[row] = true;
                        }
                    }
                }
            }
            CHECK(unique);
        }
    }
}

TEST_CASE("a bucket is the upper ten bits of the pseudonym")
{
    CHECK(bucket_of(0) == 0);
    CHECK(bucket_of((std::uint64_t{1} << 54) - 1) == 0);
    CHECK(bucket_of(std::uint64_t{1} << 54) == 1);
    CHECK(bucket_of(~std::uint64_t{0}) == bucket_count - 1);
}

TEST_CASE("an observation is added to its row and to no other")
{
    const slab_layout layout{3, 2};
    slab own{layout, false};
    own.add(1, 1, true, 17, 0.25, 0.5);
    own.add(1, 1, true, 17, -1.0, 2.0);
    own.add(0, 0, false, 1023, 3.0, 4.0);
    std::uint64_t wrong = 0;
    for (std::size_t s = 0; s < 2; ++s) {
        for (std::size_t p = 0; p < 2; ++p) {
            for (const bool challenger : {false, true}) {
                for (std::size_t b = 0; b < bucket_count; ++b) {
                    const row_values row = own.read(s, p, challenger, b);
                    if (s == 1 && p == 1 && challenger && b == 17) {
                        CHECK(same(row, 2, -0.75, 2.5));
                    } else if (s == 0 && p == 0 && !challenger && b == 1023) {
                        CHECK(same(row, 1, 3.0, 4.0));
                    } else {
                        wrong += same(row, 0, 0.0, 0.0) ? 0U : 1U;
                    }
                }
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("expected events and latencies are kept by series and pair, and by arm")
{
    slab own{{3, 2}, false};
    own.expect(1, 0, 0.25);
    own.expect(1, 0, 0.5);
    own.expect(0, 1, 0.125);
    CHECK(own.expected(0, 0) == 0.0);
    CHECK(own.expected(0, 1) == 0.125);
    CHECK(own.expected(1, 0) == 0.75);
    CHECK(own.expected(1, 1) == 0.0);
    own.add_latency(2, 1'000'000);
    own.add_latency(2, 1'000'001);
    own.add_latency(0, -5);
    const std::size_t bin = joust::latency_sketch::bin_of(1'000'000);
    REQUIRE(joust::latency_sketch::bin_of(1'000'001) == bin);
    CHECK(own.latency_count(2, bin) == 2);
    CHECK(own.latency_count(1, bin) == 0);
    CHECK(own.latency_count(0, 0) == 1);
    std::uint64_t all = 0;
    for (unsigned arm = 0; arm < 3; ++arm) {
        for (std::size_t b = 0; b < joust::latency_sketch::bins; ++b) {
            all += own.latency_count(arm, b);
        }
    }
    CHECK(all == 3);
}

TEST_CASE("the registers of units count each arm's distinct units, however often they return")
{
    slab own{{2, 1}, false};
    for (int round = 0; round < 3; ++round) {
        for (std::uint64_t unit = 0; unit < 20'000; ++unit) {
            own.add_unit(unit < 5'000 ? 1 : 0, joust::mix64(unit + 1));
        }
    }
    for (const unsigned arm : {0U, 1U}) {
        joust::hyperloglog<> units;
        for (std::size_t i = 0; i < slab::unit_registers; ++i) {
            units.raise(i, own.unit_register(arm, i));
        }
        CHECK(units.estimate() ==
              Approx(arm == 0 ? 15'000.0 : 5'000.0).epsilon(0.05));  // three standard errors
    }
}

TEST_CASE("units of one bucket and slot are still told apart")
{
    // Buckets and slots are read off the upper half of a pseudonym: the registers use the lower one.
    slab own{{2, 1}, false};
    for (std::uint64_t unit = 0; unit < 10'000; ++unit) {
        own.add_unit(0, joust::mix64(unit + 1) & 0xffff'ffffU);
    }
    joust::hyperloglog<> units;
    for (std::size_t i = 0; i < slab::unit_registers; ++i) {
        units.raise(i, own.unit_register(0, i));
    }
    CHECK(units.estimate() == Approx(10'000.0).epsilon(0.05));
}

TEST_CASE("calls are counted from where the slab was told to begin, and around")
{
    slab own{{2, 1}, false, 0xfffffffeU};
    CHECK(own.next_call() == 0xfffffffeU);
    CHECK(own.next_call() == 0xffffffffU);
    CHECK(own.next_call() == 0);
    slab first{{2, 1}, true};
    CHECK(first.next_call() == 0);
    CHECK(first.next_call() == 1);
    CHECK(first.shared());
    CHECK_FALSE(own.shared());
}

TEST_CASE("a reader sees a row whole while its one writer adds", "[concurrent]")
{
    slab own{{2, 1}, false};
    constexpr std::uint32_t adds = 200'000;
    std::thread writer{[&] {
        for (std::uint32_t i = 0; i < adds; ++i) {
            own.add(0, 0, true, 3, 0.5, -2.0);
        }
    }};
    std::uint64_t torn = 0;
    std::uint64_t before = 0;
    row_values row;
    do {
        row = own.read(0, 0, true, 3);
        torn += row.first != 0.5 * static_cast<double>(row.count) ||
                        row.second != -2.0 * static_cast<double>(row.count) || row.count < before
                    ? 1U
                    : 0U;
        before = row.count;
    } while (row.count < adds);
    writer.join();
    CHECK(torn == 0);
    CHECK(same(own.read(0, 0, true, 3), adds, 0.5 * adds, -2.0 * adds));
}

TEST_CASE("threads that share a slab lose nothing, and readers see rows whole", "[concurrent]")
{
    constexpr unsigned threads = 4;
    constexpr std::uint32_t adds = 100'000;
    slab shared{{2, 2}, true};
    std::atomic<unsigned> running{threads};
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> writers;
    for (unsigned thread = 0; thread < threads; ++thread) {
        writers.emplace_back([&, thread] {
            ++ready;
            while (ready < threads) {  // so that they meet
                std::this_thread::yield();
            }
            for (std::uint32_t i = 0; i < adds; ++i) {
                shared.add(1, 0, false, i % 2, 0.25, 1.0);
                shared.expect(1, 0, 0.5);
                shared.add_latency(1, 5);
                shared.add_unit(0, joust::mix64(i));
                shared.add_unit(1, joust::mix64(thread * adds + i));
            }
            --running;
        });
    }
    std::uint64_t torn = 0;
    do {
        const row_values row = shared.read(1, 0, false, 1);
        torn +=
            row.first != 0.25 * static_cast<double>(row.count) || row.second != static_cast<double>(row.count)
                ? 1U
                : 0U;
    } while (running > 0);
    for (std::thread& writer : writers) {
        writer.join();
    }
    constexpr std::uint32_t each = threads * adds / 2;
    CHECK(torn == 0);
    CHECK(same(shared.read(1, 0, false, 0), each, 0.25 * each, 1.0 * each));
    CHECK(same(shared.read(1, 0, false, 1), each, 0.25 * each, 1.0 * each));
    CHECK(shared.expected(1, 0) == 0.5 * threads * adds);
    CHECK(shared.latency_count(1, 5) == threads * adds);
    // The registers are what one thread would have left.
    slab alone{{2, 2}, false};
    for (std::uint32_t i = 0; i < threads * adds; ++i) {
        alone.add_unit(0, joust::mix64(i % adds));
        alone.add_unit(1, joust::mix64(i));
    }
    std::uint64_t differ = 0;
    for (std::size_t i = 0; i < slab::unit_registers; ++i) {
        differ += shared.unit_register(0, i) != alone.unit_register(0, i) ? 1U : 0U;
        differ += shared.unit_register(1, i) != alone.unit_register(1, i) ? 1U : 0U;
    }
    CHECK(differ == 0);
}
