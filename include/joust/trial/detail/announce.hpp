// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/on_event.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the splitter's plan that all rules pass units on to.
template <class Split>
[[nodiscard]] const auto& plan_after_rules(const Split& split) noexcept
{
    if constexpr (requires { split.behind(); }) {
        return plan_after_rules(split.behind());
    } else {
        return split;
    }
}

/// Return the plan in force of a trial as a value for a log, and fill in what an event says of it.
template <class Core>
[[nodiscard]] traffic_plan plan_for_log(const Core& core, trial_event& seen)
{
    traffic_plan out;
    out.salt = core.identity().name();
    core.assignment().read([&](const auto& now) {
        out.version = std::uint64_t{now.number} + 1;
        out.stopped = now.stopped;
        for (const double share : now.shares) {
            out.shares.push_back(share);
        }
        const auto& last = plan_after_rules(now.split);
        seen.rules = static_cast<const void*>(&last) != static_cast<const void*>(&now.split);
        if constexpr (requires { last.slots(); }) {
            for (const hash_slot& each : last.slots()) {
                out.slots.push_back({each.begin, each.arm});
            }
        } else if constexpr (!requires { last.arm_of(std::uint64_t{}); }) {
            seen.rules = true;  // No log can repeat a splitter that does not cut the space of hashes.
        }
        seen.plan_in_tickets = now.name_in_tickets() & 127U;
    });
    seen.keyed = core.identity().hasher().keyed();
    return out;
}

/// Numbers the events of a trial and tells its listener of them.
template <class Listener>
class announcer {
public:
    explicit announcer(Listener listener) : listener_(std::move(listener)) {}

    template <class Core, class Make>
    void announce(const Core& core, bool changed, Make&& make) const noexcept
    {
        try {
            trial_event seen = std::forward<Make>(make)();
            seen.sequence = next_.fetch_add(1, std::memory_order_relaxed);
            seen.time = event_time(core.trial().clock());
            seen.trial = core.identity().name();
            traffic_plan plan = plan_for_log(core, seen);
            if (seen.changes_plan()) {
                plan = seen.new_plan;
            }
            seen.plan = plan.digest();
            if (changed) {
                seen.new_plan = std::move(plan);
            }
            tell(listener_, core.live(), seen);
        } catch (...) {
            core.live().ignore(ignored::listener_threw);  // Memory ran out.
        }
    }

private:
    [[no_unique_address]] Listener listener_;
    mutable std::atomic<std::uint64_t> next_{0};
};

/// Without a listener there is nothing to keep.
template <>
class announcer<no_listener> {
public:
    explicit announcer(no_listener) noexcept {}
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
