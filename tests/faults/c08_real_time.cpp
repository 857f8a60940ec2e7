// SPDX-License-Identifier: Apache-2.0

// A real-time thread that meets an ordinary thread in shared evidence on the same processor lets it finish. A thread that
// only yields would keep the processor until the kernel throttles it, for about a second.

#include <joust/evidence/first_events.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/evidence/thread_slabs.hpp>

#include "catch.hpp"
#include "sanitized.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#if __has_include(<pthread.h>) && __has_include(<sched.h>) && defined(__linux__)
#include <pthread.h>
#include <sched.h>

using namespace std::chrono_literals;

namespace {

bool pin_to_first_processor()
{
    cpu_set_t allowed;
    if (pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed) != 0) {
        return false;
    }
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            return pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
        }
    }
    return false;
}

/// Run one operation without pause on an ordinary thread, and now and then on a real-time thread of the same processor.
/// Returns the longest time that it took there in milliseconds, or -1 where the system permits no real-time thread.
template <class Operation>
double longest_on_real_time_thread(Operation&& operation)
{
    std::atomic<bool> stop{false};
    std::atomic<bool> started{false};
    std::thread ordinary([&] {
        (void)pin_to_first_processor();
        for (std::uint64_t i = 0; !stop; ++i) {
            operation(i);
            started = true;
        }
    });
    double longest = -1.0;
    std::thread real_time([&] {
        while (!started) {
            std::this_thread::sleep_for(1ms);
        }
        const sched_param highest{.sched_priority = sched_get_priority_max(SCHED_FIFO)};
        if (!pin_to_first_processor() || pthread_setschedparam(pthread_self(), SCHED_FIFO, &highest) != 0) {
            return;
        }
        for (std::uint64_t i = 0; i < 300; ++i) {
            std::this_thread::sleep_for(200us);
            const auto begun = std::chrono::steady_clock::now();
            for (std::uint64_t each = 0; each < 20; ++each) {
                operation(i * 20 + each);
            }
            const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begun;
            longest = spent.count() > longest ? spent.count() : longest;
        }
    });
    real_time.join();
    stop = true;
    ordinary.join();
    return longest;
}

// Throttling begins after 950 ms, so that a thread that only yields is far beyond this, and a busy machine is not.
constexpr double deadline = 300.0;

}  // namespace

TEST_CASE("a real-time thread does not starve the ordinary thread whose row, slot or bin it needs",
          "[concurrent]")
{
    if (joust_tests::sanitized) {
        WARN("not run: sanitizers change what a thread holds, and for how long");
        return;
    }
    const auto check = [](double longest, const char* where) {
        CAPTURE(where);
        if (longest < 0.0) {
            WARN("not run: the system permits no real-time thread");
        } else {
            CHECK(longest < deadline);
        }
    };

    joust::detail::thread_slabs slabs{joust::detail::slab_layout{2, 3},
                                      0};  // No thread gets a slab of its own.
    REQUIRE(slabs.of_this_thread().shared());
    check(longest_on_real_time_thread(
              [&](std::uint64_t) { slabs.of_this_thread().add(0, 0, true, 7, 1.0, 1.0); }),
          "adding to the shared slab");
    check(longest_on_real_time_thread([&](std::uint64_t i) {
              if (i % 2 == 0) {
                  slabs.of_this_thread().add(0, 0, true, 7, 1.0, 1.0);
              } else {
                  (void)slabs.of_this_thread().read(0, 0, true, 7);
              }
          }),
          "reading the shared slab");

    joust::detail::spin_lock lock;
    std::uint64_t guarded = 0;
    check(longest_on_real_time_thread([&](std::uint64_t) {
              const joust::detail::spin_guard hold{lock};
              for (int i = 0; i < 100; ++i) {
                  guarded = guarded + 1;
              }
          }),
          "the lock of first events and of the warm-up of quantiles");
    CHECK(guarded > 0);

    // The warm-up of a quantile never ends here, so that every value takes its lock.
    joust::detail::live_quantile slow;
    slow.watch({.warm_up = 1U << 24}, 1);
    const std::array<joust::detail::pair_share, 1> half{{{.challenger = 0.5}}};
    check(longest_on_real_time_thread(
              [&](std::uint64_t i) { (void)slow.take(0, half, static_cast<double>(i % 100)); }),
          "values in the warm-up of a quantile");
}

#endif
