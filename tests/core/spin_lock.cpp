// SPDX-License-Identifier: Apache-2.0

#include <joust/core/spin_lock.hpp>

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <thread>
#include <vector>

using joust::detail::spin_guard;
using joust::detail::spin_lock;

TEST_CASE("A lock is taken while a guard lives, and free afterwards")
{
    spin_lock lock;
    {
        const spin_guard hold{lock};
        CHECK_FALSE(lock.try_lock());
    }
    CHECK(lock.try_lock());
}

TEST_CASE("Threads that find the lock taken wait, however long, and all get through", "[concurrent]")
{
    constexpr unsigned threads = 5;
    spin_lock lock;
    std::atomic<unsigned> started{0};
    std::atomic<unsigned> through{0};
    std::uint64_t guarded = 0;  // not atomic: only the lock keeps it whole
    std::vector<std::thread> running;
    {
        const spin_guard hold{lock};
        for (unsigned thread = 0; thread < threads; ++thread) {
            running.emplace_back([&] {
                ++started;
                const spin_guard hold_too{lock};
                ++guarded;
                ++through;
            });
        }
        while (started != threads) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        // Long enough for all of them to have given up spinning and to sleep.
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        CHECK(through == 0);
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    CHECK(guarded == threads);
    CHECK(lock.try_lock());
}

TEST_CASE("Threads that wait for a lock leave the processor to its holder", "[concurrent]")
{
    spin_lock lock;
    std::clock_t spent = 0;
    std::thread waiting;
    {
        const spin_guard hold{lock};
        waiting = std::thread{[&lock] { const spin_guard hold_too{lock}; }};
        const std::clock_t start = std::clock();  // of all threads together; this one sleeps
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
        spent = std::clock() - start;
    }
    waiting.join();
    CHECK(static_cast<double>(spent) / CLOCKS_PER_SEC < 0.1);
}

TEST_CASE("Threads that sleep inside the lock make others wait", "[concurrent]")
{
    constexpr unsigned threads = 4;
    constexpr unsigned rounds = 40;
    spin_lock lock;
    std::uint64_t guarded = 0;
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            for (unsigned round = 0; round < rounds; ++round) {
                const spin_guard hold{lock};
                const std::uint64_t before = guarded;
                if ((round + thread) % 3 != 0) {
                    std::this_thread::sleep_for(std::chrono::microseconds{300});
                }
                guarded = before + 1;
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    CHECK(guarded == threads * rounds);
    CHECK(lock.try_lock());
}
