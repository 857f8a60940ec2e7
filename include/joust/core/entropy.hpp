// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>

#include <atomic>
#include <cstdint>
#include <ctime>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif
#if __has_include(<sys/random.h>)
#include <sys/random.h>
#endif
#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

// A number that differs from process to process, also between a parent and its forked children. What a trial draws without a
// seed, and what tells its tickets from those of other processes, follow from it. It is no secret.

namespace joust {
inline namespace v0 {
namespace detail {

/// The number of this process, or 0 until it is drawn. A forked child draws another one.
inline constinit std::atomic<std::uint64_t> drawn_for_process{0};

/// Return 64 bits that no other process is likely to draw, which are not 0.
[[nodiscard]] inline std::uint64_t draw_entropy() noexcept
{
    std::uint64_t drawn = 0;
#if __has_include(<sys/random.h>) && defined(GRND_NONBLOCK)
    if (::getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof drawn)) {
        drawn = 0;
    }
#elif __has_include(<sys/random.h>)
    if (::getentropy(&drawn, sizeof drawn) != 0) {
        drawn = 0;
    }
#endif
    // The times, the process and an address on the stack stand in where the system gives no random bits.
    std::timespec now{};
    static_cast<void>(std::timespec_get(&now, TIME_UTC));
    drawn ^= mix64(static_cast<std::uint64_t>(now.tv_sec));
    drawn = mix64(drawn + static_cast<std::uint64_t>(now.tv_nsec));
    drawn = mix64(drawn + static_cast<std::uint64_t>(std::clock()));
    drawn ^= mix64(static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&drawn)));
#if __has_include(<unistd.h>)
    drawn = mix64(drawn + static_cast<std::uint64_t>(::getpid()));
#endif
    return drawn | 1U;
}

/// Draw the number of this process. Threads that do so at once agree on one number.
[[nodiscard]] inline std::uint64_t draw_for_process() noexcept
{
#if __has_include(<pthread.h>)
    static const int watched =
        ::pthread_atfork(nullptr, nullptr, [] { drawn_for_process.store(0, std::memory_order_relaxed); });
    static_cast<void>(watched);
#endif
    const std::uint64_t fresh = draw_entropy();
    std::uint64_t held = 0;
    return drawn_for_process.compare_exchange_strong(held, fresh, std::memory_order_relaxed) ? fresh : held;
}

/// Return a number that is the same in all threads of a process and differs from process to process. It is not 0.
/// cost: one load after the first call
[[nodiscard]] inline std::uint64_t process_number() noexcept
{
    const std::uint64_t held = drawn_for_process.load(std::memory_order_relaxed);
    return held != 0 ? held : draw_for_process();
}

/// Return the number that a ticket carries for a thread's call, so that the tickets of two processes differ.
/// cost: one load and a few operations on its result
[[nodiscard]] inline std::uint32_t ticket_nonce(std::uint32_t call) noexcept
{
    return call ^ static_cast<std::uint32_t>(process_number() >> 40);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
