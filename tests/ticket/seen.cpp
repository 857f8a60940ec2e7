// SPDX-License-Identifier: Apache-2.0

#include <joust/ticket/seen.hpp>

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <thread>
#include <vector>

namespace {

using joust::seen_window;

TEST_CASE("A key's mask before is returned, and bits add up")
{
    seen_window window{100};
    CHECK(window.mark(7, 1) == 0);
    CHECK(window.mark(7, 1) == 1);
    CHECK(window.mark(7, 4) == 1);
    CHECK(window.mark(7, 8) == 5);
    CHECK(window.peek(7) == 13);
    CHECK(window.peek(8) == 0);
    CHECK(window.mark(8, 2) == 0);
    CHECK(window.overwritten() == 0);
}

TEST_CASE("Any key can be held, also 0 and the largest, and all 64 bits")
{
    seen_window window{1};
    CHECK(window.mark(0, ~0ULL) == 0);
    CHECK(window.mark(0, 1) == ~0ULL);
    CHECK(window.mark(~0ULL, 1ULL << 63) == 0);
    CHECK(window.mark(~0ULL, 1) == 1ULL << 63);
}

TEST_CASE("Looking at a key does not take a place")
{
    seen_window window{1};
    for (std::uint64_t key = 0; key < 100; ++key) {
        CHECK(window.peek(key) == 0);
    }
    CHECK(window.mark(1, 1) == 0);
    CHECK(window.mark(1, 1) == 1);
    CHECK(window.overwritten() == 0);
}

TEST_CASE("The oldest key of a full group is forgotten first, and counted")
{
    seen_window window{7};
    const std::uint64_t places = window.capacity();
    REQUIRE(places == 24);
    for (std::uint64_t key = 1; key <= places; ++key) {
        window.mark(key, 1);
    }
    CHECK(window.overwritten() == 0);
    CHECK(window.mark(1, 2) == 1);  // known: stays the oldest
    CHECK(window.mark(places + 1, 1) == 0);
    CHECK(window.overwritten() == 1);
    CHECK(window.peek(1) == 0);
    for (std::uint64_t key = 2; key <= places + 1; ++key) {
        CHECK(window.peek(key) == 1);
    }
}

TEST_CASE("Keys whose hashes agree in the bits that are compared first are told apart")
{
    // The keys of one group whose hashes end in the same 16 bits.
    seen_window window{1};
    std::vector<std::uint64_t> alike;
    for (std::uint64_t key = 1; alike.size() < 24; ++key) {
        if ((joust::mix64(key) & 0xffffU) == 0) {
            alike.push_back(key);
        }
    }
    for (std::size_t i = 0; i < alike.size(); ++i) {
        CHECK(window.peek(alike[i]) == 0);
        CHECK(window.mark(alike[i], i + 1) == 0);
    }
    for (std::size_t i = 0; i < alike.size(); ++i) {
        CHECK(window.peek(alike[i]) == i + 1);
    }
    CHECK(window.overwritten() == 0);
}

TEST_CASE("The latest keys are remembered but for one in 10,000, in 64 bytes or fewer each")
{
    constexpr std::uint64_t remembered = 4'096;
    seen_window window{seen_window::remembering(remembered)};
    // Groups take 448 bytes for 24 keys.
    CHECK(window.capacity() / 24 * 448 <= 64 * remembered);
    constexpr std::uint64_t steps = 30;
    std::uint64_t forgotten = 0;
    std::uint64_t oldest_forgotten = 0;
    for (std::uint64_t key = 0; key < (steps + 1) * remembered; ++key) {
        window.mark(joust::mix64(key), 1);
        oldest_forgotten += key >= remembered && window.peek(joust::mix64(key - remembered)) == 0 ? 1U : 0U;
        if (key % remembered == remembered - 1) {
            for (std::uint64_t back = 0; back < remembered; ++back) {
                forgotten += window.peek(joust::mix64(key - back)) == 0 ? 1U : 0U;
            }
        }
    }
    CHECK(window.overwritten() > 0);
    CHECK(forgotten < steps * remembered / 10'000);
    // Of the oldest one fails by the chance that 24 of Poisson with mean 9.6 come, which is 7 in 100,000.
    CHECK(oldest_forgotten < 2 * steps * remembered / 10'000);
}

TEST_CASE("Of threads that mark the same keys exactly one sees each bit clear", "[concurrent]")
{
    constexpr std::uint64_t keys = 20'000;
    constexpr unsigned threads = 4;
    seen_window window{seen_window::remembering(keys)};
    std::vector<std::atomic<unsigned>> first(keys);
    std::vector<std::atomic<unsigned>> second(keys);
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < keys; ++i) {
                // Half of the threads go backwards, so that they meet at the same keys in different order.
                const std::uint64_t key = thread % 2 == 0 ? i : keys - 1 - i;
                if ((window.mark(key, 1) & 1U) == 0) {
                    first[key].fetch_add(1);
                }
                if ((window.mark(key, 2) & 2U) == 0) {
                    second[key].fetch_add(1);
                }
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    REQUIRE(window.overwritten() == 0);
    std::uint64_t wrong = 0;
    for (std::uint64_t key = 0; key < keys; ++key) {
        wrong += first[key] != 1 || second[key] != 1 || window.peek(key) != 3 ? 1U : 0U;
    }
    CHECK(wrong == 0);
}

TEST_CASE("Threads that all want one group take turns", "[concurrent]")
{
    seen_window window{1};
    std::atomic<std::uint64_t> clear{0};
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < 4; ++thread) {
        running.emplace_back([&] {
            for (std::uint64_t i = 0; i < 50'000; ++i) {
                clear += (window.mark(i % 7, 1ULL << (i / 7 % 64)) >> (i / 7 % 64)) & 1U ? 0U : 1U;
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    CHECK(clear == 7 * 64);
}

TEST_CASE("Reading how much was overwritten waits its turn while keys are marked", "[concurrent]")
{
    constexpr unsigned threads = 3;
    constexpr std::uint64_t marks = 30'000;
    seen_window window{1};
    std::atomic<unsigned> running_now{threads};
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < marks; ++i) {
                window.mark(threads * i + thread, 1);
            }
            --running_now;
        });
    }
    std::uint64_t before = 0;
    std::uint64_t fell = 0;
    while (running_now > 0) {
        const std::uint64_t now = window.overwritten();
        fell += now < before ? 1U : 0U;
        before = now;
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    CHECK(fell == 0);
    // Every key is new: all but those that are still held were overwritten.
    CHECK(window.overwritten() == threads * marks - window.capacity());
}

}  // namespace
