// SPDX-License-Identifier: Apache-2.0

// A process whose challenger never returns still ends. The child process is forked, so this file starts no thread itself: a
// thread sanitizer refuses threads in a forked child.

#include <joust/trial/at_once.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#if __has_include(<sys/wait.h>)
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

[[noreturn]] void hang()
{
    for (;;) {
        ::pause();
    }
}

/// Run a function in a child process, which then exits as a process does after main. Returns whether it ended in time.
template <class Function>
bool child_exits(Function&& function)
{
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        function();
        std::exit(0);
    }
    const auto begun = std::chrono::steady_clock::now();
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() - begun > 30s) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return false;
        }
        usleep(2'000);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("a process whose shadowed challenger never returns exits")
{
    CHECK(child_exits([] {
        joust::shadow live{joust::model{"a", [](int x) { return x; }},
                           joust::model{"b",
                                        [](int x) {
                                            if (x >= 0) {
                                                hang();
                                            }
                                            return x;
                                        }},
                           joust::background{.threads = 2, .shutdown = 50ms}};
        (void)live(1);
        (void)live(2);
        (void)live(3);
        usleep(20'000);  // Both workers hang by now, and the third call waits.
    }));
}

TEST_CASE("a process whose ranker at once never returns exits, by the deadline that is the default")
{
    CHECK(child_exits([] {
        joust::interleaving search{joust::model{"a", [](int user) { return std::vector<int>{user, 2}; }},
                                   joust::model{"b",
                                                [](int user) {
                                                    if (user >= 0) {
                                                        hang();
                                                    }
                                                    return std::vector<int>{user, 3};
                                                }},
                                   joust::by([](int user) { return user; }), joust::at_once(5ms)};
        for (int user = 1; user < 5; ++user) {
            (void)search.rank(user, 2);
        }
    }));
}

#endif
