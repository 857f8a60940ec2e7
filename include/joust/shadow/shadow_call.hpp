// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {

/// What a model can ask about the call that it answers: whether the answer is only compared, and whether it still counts.
///
/// A model that serves and that also runs as a challenger leaves out its side effects where `dry()` is true, and may stop its work where
/// `out_of_time()` is true: the answer would come too late to be compared.
/// shape: `if (!joust::shadow_call::dry()) { send(mail); }`
/// assumes: the model asks on the thread that calls it; on threads of its own both are false
/// cost: `dry` reads one thread-local value; `out_of_time` reads a clock where a deadline is set
class shadow_call {
public:
    /// Return whether no user sees this call's answer.
    [[nodiscard]] static bool dry() noexcept { return now().dry; }

    /// Return whether the deadline of this call has passed. It is false for a call without a deadline.
    [[nodiscard]] static bool out_of_time() noexcept
    {
        return now().dry && now().deadline != never &&
               std::chrono::steady_clock::now().time_since_epoch().count() >= now().deadline;
    }

    /// Mark the calls that this thread makes as a shadow's, until this object is gone. Shadows do so around each call that they
    /// make beside the caller. `longest` is the time that it may take, or 0 where it may take any.
    explicit shadow_call(std::chrono::nanoseconds longest) noexcept : before_(now())
    {
        now().dry = true;
        now().deadline = longest.count() > 0
                             ? std::chrono::steady_clock::now().time_since_epoch().count() + longest.count()
                             : never;
    }
    shadow_call(const shadow_call&) = delete;
    shadow_call& operator=(const shadow_call&) = delete;
    ~shadow_call() { now() = before_; }

private:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    struct state {
        bool dry = false;
        std::int64_t deadline = never;
    };
    [[nodiscard]] static state& now() noexcept
    {
        static thread_local state of_this_thread;
        return of_this_thread;
    }

    state before_;
};

}  // namespace v0
}  // namespace joust
