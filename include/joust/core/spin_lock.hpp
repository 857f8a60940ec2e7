// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>

#include <atomic>
#include <cstdint>
#include <ctime>

namespace joust {
inline namespace v0 {
namespace detail {

/// Wait for another thread to finish a few instructions: look again, and sleep briefly after every 64 looks.
///
/// Sleeping lets a thread of lower priority run that lost the processor while it held the lock. Yielding would not, since
/// the scheduler may choose the waiting thread again.
class brief_wait {
public:
    void pause() noexcept
    {
        if (++looks_ % 64 == 0) {
            sleep();
        }
    }

private:
    static void sleep() noexcept
    {
#ifdef CLOCK_REALTIME
        const timespec twenty_microseconds{0, 20'000};
        ::nanosleep(&twenty_microseconds, nullptr);
#endif
    }

    std::uint32_t looks_ = 0;
};

/// A lock of one word, for sections of a few instructions. Unlocking is a plain store and wakes no thread.
///
/// When to use: sections that neither allocate nor call unknown code, on paths that hardly ever meet another thread.
class spin_lock {
public:
    void lock() noexcept
    {
        if (!try_lock()) [[unlikely]] {
            wait();
        }
    }

    /// Take the lock if it is free. Returns whether it was.
    [[nodiscard]] bool try_lock() noexcept { return held_.exchange(1, std::memory_order_acquire) == 0; }

    void unlock() noexcept { held_.store(0, std::memory_order_release); }

private:
    JOUST_NOINLINE void wait() noexcept
    {
        for (brief_wait waiting;; waiting.pause()) {
            if (held_.load(std::memory_order_relaxed) == 0 && try_lock()) {
                return;
            }
        }
    }

    std::atomic<std::uint32_t> held_{0};
};

/// Hold a spin_lock for the time of a scope: std::scoped_lock without <mutex>, which headers of the serving path avoid.
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
