// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>

#include <atomic>
#include <cstdint>
#include <ctime>

namespace joust {
inline namespace v0 {
namespace detail {

/// Wait for another thread to finish a few instructions: check again at once, and sleep briefly after every 64 checks.
///
/// The thread that holds the lock may have lost the processor and may have a lower priority; sleeping lets it run.
/// Yielding would not be enough, since the scheduler may choose the waiting thread again.
class brief_wait {
public:
    void pause() noexcept
    {
        if (++checks_ % 64 == 0) {
            sleep();
        }
    }

    /// Return whether the pauses were those of about a second.
    [[nodiscard]] bool lasted_a_second() const noexcept { return checks_ > 64U * 12'000U; }

private:
    static void sleep() noexcept
    {
#ifdef CLOCK_REALTIME
        const timespec twenty_microseconds{0, 20'000};
        ::nanosleep(&twenty_microseconds, nullptr);
#endif
    }

    std::uint32_t checks_ = 0;
};

/// The number of this process among those that forked from each other: 1, and one more in each child. It is never 0.
inline constinit std::atomic<std::uint32_t> fork_generation{1};

/// Lock a section of a few instructions with one word. Unlocking is a plain store and wakes no thread.
///
/// The word holds the number of the process. So a lock that a thread of the parent held at a fork is free in the child, where
/// that thread does not exist.
///
/// When to use: for sections that neither allocate nor call unknown code, on paths where two threads hardly ever meet.
/// When not: for longer sections; use std::mutex there.
class spin_lock {
public:
    void lock() noexcept
    {
        if (!try_lock()) [[unlikely]] {
            wait();
        }
    }

    /// Take the lock if it is free. Returns whether it was free.
    [[nodiscard]] bool try_lock() noexcept
    {
        const std::uint32_t own = fork_generation.load(std::memory_order_relaxed);
        return held_.exchange(own, std::memory_order_acquire) != own;
    }

    void unlock() noexcept { held_.store(0, std::memory_order_release); }

private:
    JOUST_NOINLINE void wait() noexcept
    {
        for (brief_wait waiting;; waiting.pause()) {
            if (held_.load(std::memory_order_relaxed) != fork_generation.load(std::memory_order_relaxed) &&
                try_lock()) {
                return;
            }
        }
    }

    std::atomic<std::uint32_t> held_{0};
};

/// Hold a spin_lock until the end of a scope, as std::scoped_lock would. Headers of the serving path do without
/// <mutex>.
class spin_guard {
public:
    explicit spin_guard(spin_lock& lock) noexcept : lock_(lock) { lock_.lock(); }
    ~spin_guard() { lock_.unlock(); }
    spin_guard(const spin_guard&) = delete;
    spin_guard& operator=(const spin_guard&) = delete;

private:
    spin_lock& lock_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
