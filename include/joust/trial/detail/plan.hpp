// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/live_evidence.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// How traffic is split from one moment on. Immutable once published.
template <class Split, std::size_t Arms>
struct plan {
    Split split;
    /// counts a trial's plans from 0
    unsigned number = 0;
    /// planned share of each arm
    std::array<double, Arms> shares{};
    /// of each challenger against the champion
    std::array<pair_share, Arms - 1> pairs{};

    plan(Split how, unsigned which) : split(std::move(how)), number(which)
    {
        if constexpr (requires { split.share(std::size_t{}); }) {
            for (std::size_t arm = 0; arm < Arms; ++arm) {
                shares[arm] = split.share(arm);
            }
            for (std::size_t p = 0; p + 1 < Arms; ++p) {
                pairs[p] = pair_share::of(shares[0], shares[p + 1]);
            }
        }
    }
};

/// The plans of a trial, the current one in front of every call.
///
/// A reader needs neither lock nor count: the first 128 plans are kept until the trial ends, and a later one is read while
/// its reader has pinned it in its slab (a hazard pointer). Of later plans the latest 128 are kept, since tickets name them,
/// and older ones are destroyed as soon as nobody pins them. Plans come in lists of one, so that one made beforehand is
/// published without allocating.
/// source: Michael 2004, Hazard pointers
template <class Plan>
class plan_board {
public:
    /// How many plans a ticket can tell apart. The first as many are read without a pin.
    static constexpr unsigned kept = 128;

    explicit plan_board(std::list<Plan> first) : all_(std::move(first)), current_(address_of_latest()) {}

    /// The current plan where it needs no pin, else null.
    /// cost: one load and one bit
    [[nodiscard]] const Plan* without_pin() const noexcept
    {
        const std::uintptr_t now = current_.load(std::memory_order_acquire);
        return (now & must_be_pinned) == 0 ? reinterpret_cast<const Plan*>(now) : nullptr;
    }

    /// Read the current plan under the calling thread's pin, which stays until the thread's next call.
    template <class Slab, class Read>
    auto read_pinned(Slab& thread_slab, Read read) const noexcept
    {
        if (thread_slab.shared()) {
            // One slab for many threads cannot pin for each: they are counted instead.
            counted_.fetch_add(1, std::memory_order_seq_cst);
            auto found = read(*plan_at(current_.load(std::memory_order_seq_cst)));
            counted_.fetch_sub(1, std::memory_order_seq_cst);
            return found;
        }
        const Plan* now = plan_at(current_.load(std::memory_order_acquire));
        while (thread_slab.pinned() != now) {
            thread_slab.pin(now);
            now = plan_at(current_.load(std::memory_order_seq_cst));
        }
        return read(*now);
    }

    /// Read the current plan off the path of calls.
    template <class Read>
    auto read(Read read) const
    {
        const std::scoped_lock lock{mutex_};
        return read(all_.back());
    }

    /// Put a plan in force. `for_each_pin(visit)` shows every slab's pin.
    template <class ForEachPin>
    void publish(std::list<Plan> next, ForEachPin for_each_pin) noexcept
    {
        std::list<Plan> unused;
        const std::scoped_lock lock{mutex_};
        all_.splice(all_.end(), next);
        current_.store(address_of_latest(), std::memory_order_seq_cst);
        if (all_.size() <= 2 * std::size_t{kept} || counted_.load(std::memory_order_seq_cst) != 0) {
            return;
        }
        auto each = all_.begin();
        for (unsigned i = 0; i < kept; ++i) {
            ++each;
        }
        for (std::size_t old = all_.size() - 2 * std::size_t{kept}; old > 0; --old) {
            bool pinned = false;
            for_each_pin([&](const void* pin) { pinned = pinned || pin == &*each; });
            const auto here = each++;
            if (!pinned) {
                unused.splice(unused.end(), all_, here);
                forgotten_ = true;
            }
        }
    }

    /// Begin with another plan instead, before anybody is served.
    void restart(std::list<Plan> first) noexcept
    {
        const std::scoped_lock lock{mutex_};
        all_.swap(first);
        current_.store(address_of_latest(), std::memory_order_release);
    }

    /// Visit every plan since the start. Returns false, without a visit, where some are gone.
    template <class Visit>
    bool for_each(Visit&& visit) const
    {
        const std::scoped_lock lock{mutex_};
        if (forgotten_) {
            return false;
        }
        for (const auto& each : all_) {
            visit(each);
        }
        return true;
    }

    /// Read the latest plan whose number a ticket carries, modulo 128; the current one where there is none.
    template <class Read>
    auto read_of_ticket(unsigned number, Read read) const
    {
        if (const Plan* now = without_pin(); now != nullptr && now->number % kept == number) {
            return read(*now);
        }
        const std::scoped_lock lock{mutex_};
        for (auto each = all_.rbegin(); each != all_.rend(); ++each) {
            if (each->number % kept == number) {
                return read(*each);
            }
        }
        return read(all_.back());
    }

    /// How many plans are held now.
    [[nodiscard]] std::size_t size() const
    {
        const std::scoped_lock lock{mutex_};
        return all_.size();
    }

private:
    // In the last bit of a plan's address, so that a reader knows before it looks.
    static constexpr std::uintptr_t must_be_pinned = 1;

    [[nodiscard]] static const Plan* plan_at(std::uintptr_t address) noexcept
    {
        return reinterpret_cast<const Plan*>(address & ~must_be_pinned);
    }
    [[nodiscard]] std::uintptr_t address_of_latest() const noexcept
    {
        return reinterpret_cast<std::uintptr_t>(&all_.back()) |
               (all_.size() > kept || forgotten_ ? must_be_pinned : 0);
    }

    mutable std::mutex mutex_;
    std::list<Plan> all_;
    bool forgotten_ = false;
    std::atomic<std::uintptr_t> current_;
    mutable std::atomic<unsigned> counted_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
