// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/pending.hpp>

#include "catch.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using memory = joust::pending_results<std::pair<int, int>, std::string>;

TEST_CASE("A result waits for its truth and is taken once")
{
    memory waiting{64};
    CHECK_FALSE(waiting.remember(7, {1, 2}).has_value());
    const memory::outcome first = waiting.take(7);
    CHECK(first.how == memory::settled::joined);
    REQUIRE(first.result.has_value());
    CHECK(*first.result == std::pair{1, 2});
    CHECK(waiting.take(7).how == memory::settled::repeated);
    CHECK(waiting.take(8).how == memory::settled::unknown);
    CHECK(waiting.forgotten() == 0);
}

TEST_CASE("A truth that comes first waits for its result")
{
    memory waiting{64};
    CHECK(waiting.settle(7, "early").how == memory::settled::waiting);
    CHECK(waiting.settle(7, "again").how == memory::settled::repeated);
    const auto truth = waiting.remember(7, {1, 2});
    REQUIRE(truth.has_value());
    CHECK(*truth == "early");
    CHECK(waiting.settle(7, "late").how == memory::settled::repeated);
    CHECK_FALSE(waiting.remember(7, {3, 4}).has_value());
    CHECK(waiting.take(7).how == memory::settled::repeated);
}

TEST_CASE("settle joins a truth with the result that waited")
{
    memory waiting{64};
    (void)waiting.remember(9, {5, 6});
    const memory::outcome joined = waiting.settle(9, "now");
    CHECK(joined.how == memory::settled::joined);
    CHECK(joined.result == std::pair{5, 6});
}

TEST_CASE("A full line forgets its oldest entry, settled ones first, and counts the forgotten entries")
{
    memory waiting{8};  // one line
    REQUIRE(waiting.capacity() == 8);
    for (std::uint64_t key = 0; key < 8; ++key) {
        (void)waiting.remember(key, {static_cast<int>(key), 0});
    }
    CHECK(waiting.take(5).how == memory::settled::joined);
    (void)waiting.remember(8, {8, 0});  // takes the settled slot
    CHECK(waiting.forgotten() == 0);
    (void)waiting.remember(9, {9, 0});  // overwrites key 0, the oldest
    CHECK(waiting.forgotten() == 1);
    CHECK(waiting.take(0).how == memory::settled::unknown);
    for (const std::uint64_t key : {1U, 2U, 3U, 4U, 6U, 7U, 8U, 9U}) {
        CHECK(waiting.take(key).how == memory::settled::joined);
    }
}

TEST_CASE("Memory holds about its capacity before it forgets, and never more")
{
    memory waiting{4'096};
    for (std::uint64_t key = 1; key <= 2'048; ++key) {
        (void)waiting.remember(key, {0, 0});
    }
    CHECK(waiting.forgotten() < 2'048 / 20);  // half full: few lines overflow
    for (std::uint64_t key = 2'049; key <= 100'000; ++key) {
        (void)waiting.remember(key, {0, 0});
    }
    CHECK(waiting.forgotten() == 100'000 - 4'096);
}

TEST_CASE("Move-only results and truths are held")
{
    joust::pending_results<std::unique_ptr<int>, std::unique_ptr<int>> waiting{8};
    (void)waiting.remember(1, std::make_unique<int>(4));
    const auto joined = waiting.settle(1, std::make_unique<int>(5));
    REQUIRE(joined.result.has_value());
    CHECK(**joined.result == 4);
}

TEST_CASE("A capacity of 0, or of more than the memory, is refused")
{
    CHECK_THROWS_AS(memory{0}, joust::configuration_error);
    CHECK_THROWS_AS(memory{(std::size_t{1} << 24) + 1}, joust::configuration_error);
}

TEST_CASE("Results and truths from two threads meet exactly once", "[concurrent]")
{
    joust::pending_results<std::uint64_t, std::uint64_t> waiting{1 << 15};
    constexpr std::uint64_t keys = 4'000;
    std::atomic<std::uint64_t> met{0};
    std::atomic<std::uint64_t> wrong{0};
    std::thread results([&] {
        for (std::uint64_t key = 1; key <= keys; ++key) {
            if (const auto truth = waiting.remember(key, key * 3)) {
                ++met;
                wrong += *truth != key * 5 ? 1U : 0U;
            }
        }
    });
    std::thread truths([&] {
        for (std::uint64_t key = 1; key <= keys; ++key) {
            const auto joined = waiting.settle(key, key * 5);
            if (joined.result) {
                ++met;
                wrong += *joined.result != key * 3 ? 1U : 0U;
            }
        }
    });
    results.join();
    truths.join();
    CHECK(met.load() == keys - waiting.forgotten());
    CHECK(waiting.forgotten() == 0);
    CHECK(wrong.load() == 0);
}
