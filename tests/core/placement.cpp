// SPDX-License-Identifier: Apache-2.0

#include <joust/core/executor.hpp>

#include "catch.hpp"

#include <cstdint>

#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#endif

using namespace joust;

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
