// SPDX-License-Identifier: Apache-2.0

#include <joust/core/user_executor.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#endif

using namespace joust;

TEST_CASE("A pool of the service runs challengers, and what waits beyond the limit is dropped and counted")
{
    std::deque<std::function<void()>> pool;
    const auto run_all = [&pool] {
        for (; !pool.empty(); pool.pop_front()) {
            pool.front()();
        }
    };
    {
        shadow live{
            model{"a", [](int x) { return x; }}, model{"b", [](int x) { return x; }},
            user_executor{[&pool](std::function<void()> task) { pool.push_back(std::move(task)); }, 8}};
        for (int i = 0; i < 20; ++i) {
            CHECK(live(i) == i);
        }
        shadow_evidence seen = live.evidence();
        CHECK(pool.size() == 8);
        CHECK(seen.pairs[0].queued.total() == 8.0);
        CHECK(seen.pairs[0].dropped.total() == 12.0);
        CHECK_FALSE(live.drain(std::chrono::milliseconds{1}));
        run_all();
        CHECK(live.drain(std::chrono::milliseconds{1}));
        seen = live.evidence();
        CHECK(seen.pairs[0].compared.total() == 8.0);
        // What has run gives its place back, also where the pool keeps the task.
        CHECK(live(1) == 1);
        pool.front()();
        CHECK(live.drain(std::chrono::milliseconds{1}));
        CHECK(live(1) == 1);
    }
    run_all();  // A task that outlives the trial is safe.
}

TEST_CASE("A pool that refuses, throws or discards a task gives its place back")
{
    int how = 0;
    user_executor<std::function<bool(std::function<void()>)>> running{
        [&how](const std::function<void()>& task) {
            if (how == 0) {
                throw std::runtime_error{"stopped"};
            }
            if (how == 3) {
                task();
            }
            return how >= 2;
        },
        1};
    CHECK_FALSE(running.dispatch([] {}));
    how = 1;
    CHECK_FALSE(running.dispatch([] {}));
    how = 2;
    CHECK(running.dispatch([] {}));
    CHECK_FALSE(running.full());
    how = 3;
    CHECK(running.dispatch([] { throw 1; }));
    CHECK(running.drain(std::chrono::nanoseconds{0}));
    CHECK_THROWS_AS((user_executor{[](const std::function<void()>&) {}, 0}), configuration_error);
}

#if defined(__linux__)
TEST_CASE("Threads in the background run on the cores they may use, and give way as much as they are told")
{
    cpu_set_t own;
    CPU_ZERO(&own);
    REQUIRE(::sched_getaffinity(0, sizeof own, &own) == 0);
    unsigned last = 0;
    for (unsigned core = 0; core < 64; ++core) {
        last = CPU_ISSET(core, &own) ? core : last;
    }
    auto running = background{.cores = std::uint64_t{1} << last, .nice = 7}.start();
    cpu_set_t its;
    CPU_ZERO(&its);
    int nice = -1;
    CHECK(running.dispatch([&] {
        static_cast<void>(::sched_getaffinity(0, sizeof its, &its));
        nice = ::getpriority(PRIO_PROCESS, 0);
    }));
    running.drain();
    CHECK(CPU_COUNT(&its) == 1);
    CHECK(CPU_ISSET(last, &its));
    CHECK(nice == 7);
    CHECK(::getpriority(PRIO_PROCESS, 0) == 0);
    CHECK_THROWS_AS(background{.nice = 20}.validate(), configuration_error);
    CHECK_THROWS_AS(background{.nice = -1}.validate(), configuration_error);
    if (!CPU_ISSET(63, &own)) {
        CHECK_THROWS_AS(background{.cores = std::uint64_t{1} << 63}.start(), configuration_error);
    }
}
#endif
