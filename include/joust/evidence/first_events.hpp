// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fixed_array.hpp>
#include <joust/core/spin_lock.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/stats/sequential/first_failure.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold the first event (a failure, a late answer) in one hashed slot of units. Later events of a slot depend on which
/// arm its units have, and are no further evidence.
struct first_event {
    /// The number of the slot.
    std::uint16_t slot = 0;
    /// Whether the challenger served the call.
    bool challenger = false;
    /// The challenger's propensity in the plan that served the call.
    double propensity = 0.0;
    /// The time of the event; when logs are merged, the earlier event of a slot stays.
    /// units: milliseconds since 1970-01-01 UTC
    std::uint64_t time = 0;

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(slot, challenger, propensity, time);
    }
    /// Compare all members.
    bool operator==(const first_event&) const = default;
};

/// Merge two lists, and keep the earlier event of every slot.
/// shape: both lists are sorted by slot
inline std::vector<first_event> merge(const std::vector<first_event>& a, const std::vector<first_event>& b)
{
    std::vector<first_event> merged;
    merged.reserve(a.size() + b.size());
    auto x = a.begin();
    auto y = b.begin();
    while (x != a.end() || y != b.end()) {
        if (y == b.end() || (x != a.end() && x->slot < y->slot)) {
            merged.push_back(*x++);
        } else if (x == a.end() || y->slot < x->slot) {
            merged.push_back(*y++);
        } else {
            // Of two events at the same time the values decide, so that the order of merging never matters.
            const bool first = x->time != y->time               ? x->time < y->time
                               : x->challenger != y->challenger ? x->challenger
                                                                : x->propensity <= y->propensity;
            merged.push_back(first ? *x : *y);
            ++x;
            ++y;
        }
    }
    return merged;
}

/// Return the logarithm of the e-value against "the challenger is first no more often than `max_ratio` allows".
[[nodiscard]] inline double log_e_of(const std::vector<first_event>& events, double max_ratio)
{
    stats::first_failure test{{.null_ratio = max_ratio}};
    for (const auto& event : events) {
        test.add(event.challenger, event.propensity);
    }
    return test.log_e();
}

namespace detail {

inline constexpr std::size_t event_slots = 4096;

[[nodiscard]] constexpr std::uint16_t slot_of(std::uint64_t pseudonym) noexcept
{
    return static_cast<std::uint16_t>((pseudonym >> 32) & (event_slots - 1));
}

/// Log the first events of one guardrail and pair while the trial runs. Every first event changes the e-value at once.
///
/// A failure that both models share (the challenger failed, and the champion then failed on the same request) says nothing about
/// the challenger, and whoever knows the arm of an id can send such requests to it. Leaving it out would let the champion's
/// own failures, of which the shared part is not known, hide as many failures of the challenger. So a shared failure counts
/// for the challenger only as often as the champion's failures make it likely: a champion's failure under the propensity s gives a
/// credit of s / (1 - s), which is how often the challenger's units send such a request in the mean, and a shared failure
/// spends 1 or waits. The log then never has more failures of the challenger than without this rule, so that it is at least as
/// cautious under the null. And shared failures alone never give an e-value above 1: by the concavity of the logarithm,
/// s ln R <= ln(1 + s (R - 1)).
/// cost: one load after the first event of a slot; a first event takes a spin lock for about 50 ns
class first_event_log {
public:
    /// Set how often the challenger may be first, as a ratio, before anything is recorded.
    void allow(double max_ratio) noexcept
    {
        max_ratio_ = max_ratio;
        test_ = stats::first_failure{{.null_ratio = max_ratio}};
        credit_of_odds_ = max_ratio < 1.0 ? max_ratio : 1.0;
    }

    /// Record an event. Returns the logarithm of the e-value after it.
    double record(std::uint64_t pseudonym, bool challenger, double propensity, std::uint64_t time) noexcept
    {
        const std::uint16_t slot = slot_of(pseudonym);
        if (taken_[slot].load(std::memory_order_relaxed) || !(propensity > 0.0 && propensity < 1.0)) {
            return log_e();
        }
        const spin_guard hold{lock_};
        if (take({slot, challenger, propensity, time}) && !challenger) {
            credit_ += credit_of_odds_ * propensity / (1.0 - propensity);
            count_waiting();
        }
        return log_e();
    }

    /// Record an event of the challenger that the champion had on the same request.
    void record_shared(std::uint64_t pseudonym, double propensity, std::uint64_t time) noexcept
    {
        const std::uint16_t slot = slot_of(pseudonym);
        if (taken_[slot].load(std::memory_order_relaxed) || !(propensity > 0.0 && propensity < 1.0)) {
            return;
        }
        const spin_guard hold{lock_};
        for (std::size_t i = 0; i < waiting_count_; ++i) {
            if (waiting_[i].slot == slot) {
                return;
            }
        }
        // An event that finds no place is left out, which is cautious.
        if (waiting_count_ < waiting_.size()) {
            waiting_[waiting_count_++] = {slot, true, propensity, time};
            count_waiting();
        }
    }

    [[nodiscard]] double log_e() const noexcept { return log_e_.load(std::memory_order_relaxed); }
    [[nodiscard]] double highest_log_e() const noexcept { return highest_.load(std::memory_order_relaxed); }

    /// Forget all events in a forked child, where no other thread exists.
    void begin_anew() noexcept;

    /// Copy the events into a list, sorted by slot.
    void events(std::vector<first_event>& out) const;

private:
    /// Count the first event of a slot. Returns false where the slot has one already.
    /// assumes: lock_ is held
    bool take(const first_event& event) noexcept
    {
        if (taken_[event.slot].load(std::memory_order_relaxed)) {
            return false;
        }
        events_[event.slot] = event;
        taken_[event.slot].store(true, std::memory_order_relaxed);
        test_.add(event.challenger, event.propensity);
        const double now = test_.log_e();
        log_e_.store(now, std::memory_order_relaxed);
        if (now > highest_.load(std::memory_order_relaxed)) {
            highest_.store(now, std::memory_order_relaxed);
        }
        return true;
    }

    /// Count the shared events that wait, the oldest first, while there is credit.
    /// assumes: lock_ is held
    void count_waiting() noexcept
    {
        std::size_t done = 0;
        for (; done < waiting_count_ && credit_ >= 1.0; ++done) {
            if (take(waiting_[done])) {
                credit_ -= 1.0;
            }
        }
        for (std::size_t i = done; done > 0 && i < waiting_count_; ++i) {
            waiting_[i - done] = waiting_[i];
        }
        waiting_count_ -= done;
    }

    mutable spin_lock lock_;
    double max_ratio_ = 1.0;
    stats::first_failure test_;
    /// How many shared events may count as the challenger's.
    double credit_ = 0.0;
    double credit_of_odds_ = 1.0;
    std::array<first_event, 64> waiting_{};
    std::size_t waiting_count_ = 0;
    std::atomic<double> log_e_{0.0};
    std::atomic<double> highest_{0.0};
    fixed_array<std::atomic<bool>> taken_ = fixed_array<std::atomic<bool>>(event_slots);
    fixed_array<first_event> events_ = fixed_array<first_event>(event_slots);
};

#if JOUST_BODIES

JOUST_FUNCTION void first_event_log::begin_anew() noexcept
{
    lock_.unlock();
    allow(max_ratio_);
    credit_ = 0.0;
    waiting_count_ = 0;
    log_e_.store(0.0, std::memory_order_relaxed);
    highest_.store(0.0, std::memory_order_relaxed);
    for (auto& each : taken_) {
        if (each.load(std::memory_order_relaxed)) {
            each.store(false, std::memory_order_relaxed);
        }
    }
}

JOUST_FUNCTION void first_event_log::events(std::vector<first_event>& out) const
{
    out.clear();
    out.reserve(event_slots);
    const spin_guard hold{lock_};
    for (std::size_t slot = 0; slot < event_slots; ++slot) {
        if (taken_[slot].load(std::memory_order_relaxed)) {
            out.push_back(events_[slot]);
        }
    }
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
