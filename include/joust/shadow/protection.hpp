// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/text.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {

/// The role of what limits the challengers' work. Its mark is `static constexpr bool limits_challengers`.
struct protection_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = requires { static_cast<bool>(T::limits_challengers); };
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: protect is given twice; say once how much challengers may do");
    }
};

/// Let challengers run as long and as often as they are called. This is the default.
struct no_protection {
    /// Nothing is limited.
    static constexpr bool limits_challengers = false;
    bool operator==(const no_protection&) const = default;
};

/// Limit how many requests a challenger gets in a second, and how long it may take for one.
///
/// A request beyond the rate is not given to the challenger, and counted. An answer that comes after `answer_within` is a timeout: it is
/// counted, it is not compared and not kept for the truth, and a breaker takes it for a failure. Its time is part of the latency, so
/// that slow calls are not left out. A challenger learns by `shadow_call::out_of_time()` that it may stop; one that never
/// returns keeps its thread.
/// When to use: challengers that load a shared service, or that may hang.
/// When not: to choose which units are shadowed; `sampled` does that, always for the same units, while a rate leaves out requests when many
/// come.
/// errors: configuration_error from `validate` (trials call it) for a negative time or a rate that is negative or not finite
/// cost: with a rate one clock read and one compare-and-swap for a sampled request and challenger
struct protect {
    /// Something is limited.
    static constexpr bool limits_challengers = true;
    /// How long a challenger may take for one request, from its start. 0 for any time.
    std::chrono::nanoseconds answer_within{0};
    /// How many requests a challenger gets in a second on the average. 0 for any number.
    double per_second = 0.0;
    /// How many requests a challenger may get at once after a pause.
    std::uint32_t burst = 16;

    /// Refuse limits that are none.
    void validate() const
    {
        if (answer_within.count() < 0) {
            throw configuration_error("protect.answer_within", std::to_string(answer_within.count()) + " ns",
                                      "a time of at least 0");
        }
        if (!(per_second >= 0.0 && per_second <= 1e9 && (per_second == 0.0 || per_second >= 1e-6))) {
            throw configuration_error("protect.per_second", to_text(per_second),
                                      "0 for no limit, or 0.000001 to 1000000000");
        }
        if (burst == 0) {
            throw configuration_error("protect.burst", "0", "at least 1 request");
        }
    }

    bool operator==(const protect&) const = default;
};

/// Keep the state of one challenger's rate limit. Any number of threads may use it at once.
///
/// units: times are nanoseconds of one monotonic clock
/// source: the virtual scheduling form of the generic cell rate algorithm, ITU-T I.371
class rate_limit {
public:
    /// Begin with a challenger that has got no request.
    explicit rate_limit(const protect& limits) noexcept
        : step_(limits.per_second > 0.0 ? static_cast<std::int64_t>(std::llround(1e9 / limits.per_second))
                                        : 0),
          slack_(step_ * (static_cast<std::int64_t>(limits.burst) - 1))
    {
    }

    /// Say whether a request may be given to the challenger now, and count it if so.
    [[nodiscard]] bool allow(std::int64_t now) noexcept
    {
        if (step_ == 0) {
            return true;
        }
        std::int64_t due = due_.load(std::memory_order_relaxed);
        for (;;) {
            if (due != unset && due - slack_ > now) {
                return false;
            }
            const std::int64_t from = due == unset || due < now ? now : due;
            if (due_.compare_exchange_weak(due, from + step_, std::memory_order_relaxed)) {
                return true;
            }
        }
    }

    /// Say whether there is a limit at all.
    [[nodiscard]] bool limits() const noexcept { return step_ > 0; }

private:
    static constexpr std::int64_t unset = INT64_MIN;

    std::int64_t step_;
    std::int64_t slack_;
    std::atomic<std::int64_t> due_{unset};
};

}  // namespace v0
}  // namespace joust
