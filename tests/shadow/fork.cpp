// SPDX-License-Identifier: Apache-2.0

#include <joust/core/executor.hpp>

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <thread>

// A file of its own, since a thread sanitizer refuses to start threads in a forked child.

#if __has_include(<sys/wait.h>)
#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("In a forked child dispatch refuses when full, and neither drain nor the destructor hangs")
{
    auto running = joust::background{.queue = 4}.start();
    // The worker has to be idle: a sanitizer's allocator, which it takes memory from as it starts, is not made for a fork meanwhile.
    (void)running.dispatch([] {});
    running.drain();
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    const pid_t child = fork();
    if (child == 0) {
        int accepted = 0;
        for (int i = 0; i < 10; ++i) {
            accepted += running.dispatch([] {}) ? 1 : 0;
        }
        running.drain();
        {
            auto fresh = joust::background{.queue = 4}.start();  // started after the fork: works
            std::atomic<bool> ran{false};
            (void)fresh.dispatch([&ran] { ran = true; });
            fresh.drain();
            accepted += ran ? 0 : 100;
        }
        running.~background_queue();
        _exit(accepted == 4 ? 0 : 1);
    }
    REQUIRE(child > 0);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
#endif
