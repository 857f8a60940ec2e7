// SPDX-License-Identifier: Apache-2.0

#include <joust/core/executor.hpp>

#include "catch.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Holds a worker until the test lets it go.
struct gate {
    std::atomic<bool> entered{false};
    std::atomic<bool> open{false};

    void pass()
    {
        entered = true;
        while (!open) {
            std::this_thread::yield();
        }
    }
    void wait_entered() const
    {
        while (!entered) {
            std::this_thread::yield();
        }
    }
};

struct counted {  // counts its copies that are alive
    static inline std::atomic<int> alive{0};
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted(counted&&) noexcept { ++alive; }
    ~counted() { --alive; }
    void operator()() const {}
};

struct bool_less {
    template <class Task>
    void dispatch(Task) noexcept
    {
    }
};

struct own_pool {  // a user's executor
    std::vector<int>* log;
    template <class Task>
    bool dispatch(Task task) noexcept
    {
        log->push_back(1);
        task();
        return true;
    }
};

}  // namespace

TEST_CASE("inline_run runs a task before dispatch returns and swallows what it throws")
{
    const joust::inline_run run{};
    int ran = 0;
    CHECK(run.dispatch([&] { ++ran; }));
    CHECK(ran == 1);
    CHECK(run.dispatch([] { throw std::runtime_error("challenger"); }));
    auto owned = std::make_unique<int>(3);
    CHECK(run.dispatch([&ran, owned = std::move(owned)] { ran += *owned; }));
    CHECK(ran == 4);
}

TEST_CASE("The executors play their role and near misses resemble it")
{
    STATIC_REQUIRE(joust::executor_role::plays<joust::background>);
    STATIC_REQUIRE(joust::executor_role::plays<joust::inline_run>);
    STATIC_REQUIRE(joust::executor_role::plays<own_pool>);
    STATIC_REQUIRE_FALSE(joust::executor_role::plays<bool_less>);
    STATIC_REQUIRE(joust::executor_role::resembles<bool_less>);
    STATIC_REQUIRE_FALSE(joust::executor_role::resembles<std::string>);
}

TEST_CASE("background refuses sizes that make no sense, naming the field")
{
    CHECK_THROWS_WITH(joust::background{.queue = 0}.start(), ContainsSubstring("background.queue is 0"));
    CHECK_THROWS_WITH((joust::background{.queue = 8, .threads = 0}.start()),
                      ContainsSubstring("background.threads"));
    CHECK_THROWS_WITH((joust::background{.queue = 8, .threads = 1, .task_bytes = 8}.start()),
                      ContainsSubstring("16 to 65536"));
    CHECK_THROWS_WITH((joust::background{.queue = 8, .awake = -1ns}.start()),
                      ContainsSubstring("background.awake"));
    CHECK(joust::background{.queue = 100}.start().capacity() == 128);
}

TEST_CASE("background runs every accepted task once, in order on one thread", "[concurrent]")
{
    auto running = joust::background{.queue = 64}.start();
    std::vector<int> order;  // only the worker writes; drain() publishes
    int accepted = 0;
    for (int i = 0; i < 5'000; ++i) {
        while (!running.dispatch([&order, i] { order.push_back(i); })) {
            std::this_thread::yield();
        }
        ++accepted;
    }
    running.drain();
    REQUIRE(order.size() == 5'000);
    for (int i = 0; i < 5'000; ++i) {
        REQUIRE(order[static_cast<std::size_t>(i)] == i);
    }
    CHECK(running.accepted() == 5'000);
    CHECK(running.finished() == 5'000);
}

TEST_CASE("A full queue refuses at once and counts", "[concurrent]")
{
    gate hold;
    auto running = joust::background{.queue = 8}.start();
    REQUIRE(running.dispatch([&hold] { hold.pass(); }));
    hold.wait_entered();  // the running task has left its cell, so eight more fit
    std::atomic<int> ran{0};
    for (int i = 0; i < 8; ++i) {
        CHECK_FALSE(running.full());
        CHECK(running.dispatch([&ran] { ++ran; }));
    }
    CHECK(running.full());
    CHECK_FALSE(running.dispatch([&ran] { ++ran; }));
    CHECK_FALSE(running.dispatch([&ran, big = std::array<char, 4'096>{}] { ran += big[0] + 1; }));
    CHECK(running.refused() == 2);
    hold.open = true;
    running.drain();
    CHECK(ran == 8);
    CHECK(running.accepted() == 9);
}

TEST_CASE("A slow task holds one worker and not the queue", "[concurrent]")
{
    gate hold;
    auto running = joust::background{.queue = 4, .threads = 2}.start();
    REQUIRE(running.dispatch([&hold] { hold.pass(); }));
    hold.wait_entered();
    std::atomic<int> ran{0};
    int refused = 0;
    for (int i = 0; i < 200; ++i) {
        while (!running.dispatch([&ran] { ++ran; })) {
            ++refused;
            std::this_thread::sleep_for(100us);
            REQUIRE(refused < 100'000);
        }
    }
    while (ran < 200) {
        std::this_thread::yield();
    }
    CHECK(running.finished() <= 200);
    hold.open = true;
    running.drain();
    CHECK(running.finished() == 201);
}

TEST_CASE("An exception of a task is counted and does no harm", "[concurrent]")
{
    auto running = joust::background{.queue = 16}.start();
    std::atomic<int> ran{0};
    CHECK(running.dispatch([] { throw std::runtime_error("challenger"); }));
    CHECK(running.dispatch([&ran] { ++ran; }));
    running.drain();
    CHECK(ran == 1);
    CHECK(running.failed() == 1);
}

TEST_CASE("Tasks are destroyed exactly once, whether run, refused, too large or discarded", "[concurrent]")
{
    REQUIRE(counted::alive == 0);
    {
        gate hold;
        auto running = joust::background{.queue = 8, .threads = 1, .task_bytes = 64}.start();
        for (int i = 0; i < 4; ++i) {
            CHECK(running.dispatch(counted{}));
            CHECK(running.dispatch([c = counted{}, big = std::array<char, 256>{}] { (void)big; }));
        }
        running.drain();
        CHECK(counted::alive == 0);
        CHECK(running.dispatch([&hold] { hold.pass(); }));
        hold.wait_entered();
        for (int i = 0; i < 20; ++i) {
            (void)running.dispatch(counted{});
            (void)running.dispatch([c = counted{}, big = std::array<char, 256>{}] { (void)big; });
        }
        CHECK(counted::alive == 8);
        hold.open = true;
    }  // discards what still waits
    CHECK(counted::alive == 0);
}

TEST_CASE("The destructor finishes the running task and discards the waiting ones", "[concurrent]")
{
    std::atomic<int> ran{0};
    {
        auto running = joust::background{.queue = 64}.start();
        gate hold;
        REQUIRE(running.dispatch([&] {
            hold.entered = true;
            std::this_thread::sleep_for(20ms);
            ++ran;
        }));
        hold.wait_entered();
        for (int i = 0; i < 10; ++i) {
            REQUIRE(running.dispatch([&ran] {
                std::this_thread::sleep_for(20ms);
                ran += 100;
            }));
        }
    }
    CHECK(ran >= 1);
    CHECK(ran < 1 + 10 * 100);
}

TEST_CASE("A worker that has gone to sleep is woken by one dispatch", "[concurrent]")
{
    auto running = joust::background{.queue = 16, .threads = 2, .awake = 0ns}.start();
    for (int round = 0; round < 200; ++round) {
        if (round % 20 == 0) {
            std::this_thread::sleep_for(
                5ms);  // surely asleep; in the other rounds just falling asleep, or not yet
        }
        std::atomic<bool> ran{false};
        REQUIRE(running.dispatch([&ran] { ran = true; }));
        const auto limit = std::chrono::steady_clock::now() + 20s;
        while (!ran && std::chrono::steady_clock::now() < limit) {
            std::this_thread::yield();
        }
        REQUIRE(ran);
        running.drain();
    }
}

TEST_CASE("Many producers and workers lose nothing and run nothing twice", "[concurrent]")
{
    const auto awake = GENERATE(0ns, std::chrono::nanoseconds{2s});
    auto running = joust::background{.queue = 128, .threads = 3, .awake = awake}.start();
    constexpr int producers = 4;
    constexpr int each = 5'000;
    std::vector<std::atomic<int>> times(producers * each);
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused{0};
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p) {
        threads.emplace_back([&, p] {
            for (int i = 0; i < each; ++i) {
                const auto index = static_cast<std::size_t>(p * each + i);
                std::string payload(40, 'x');  // longer than the small-string buffer
                if (running.dispatch([&times, index, payload = std::move(payload)] {
                        times[index] += payload.size() == 40 ? 1 : 1'000;
                    })) {
                    ++accepted;
                } else {
                    ++refused;
                }
                if (i % 1'000 == 999) {
                    std::this_thread::sleep_for(2ms);  // lets workers fall asleep now and then
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    running.drain();
    std::uint64_t ran = 0;
    for (const std::atomic<int>& one : times) {
        REQUIRE(one <= 1);
        ran += static_cast<std::uint64_t>(one.load());
    }
    CHECK(ran == accepted);
    CHECK(accepted + refused == producers * each);
    CHECK(running.accepted() == accepted);
    CHECK(running.refused() == refused);
    CHECK(running.finished() == accepted);
}
