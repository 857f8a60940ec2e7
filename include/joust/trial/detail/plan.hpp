// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fork.hpp>
#include <joust/core/hash.hpp>
#include <joust/evidence/live_evidence.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// The number of bits by which the tickets of a trial with three or more arms name their plan.
inline constexpr unsigned plan_tag_bits = 11;

/// Return a digest of the shares of all arms. It names a plan in every process: by the shares feedback is weighted, and not by how
/// many plans a process has had before.
template <class Shares>
[[nodiscard]] constexpr std::uint64_t digest_of_shares(const Shares& shares) noexcept
{
    std::uint64_t digest = 0x706c616eU;  // "plan"
    for (const double share : shares) {
        digest = mix64(digest ^ std::bit_cast<std::uint64_t>(share + 0.0)) + 1;  // -0 becomes 0
    }
    return digest;
}

/// A split of traffic from one moment on. It does not change after it is published.
template <class Split, std::size_t Arms>
struct plan {
    Split split;
    /// The number of the plan, counted from 0 in each trial.
    unsigned number = 0;
    /// The planned share of each arm.
    std::array<double, Arms> shares{};
    /// The planned share of each challenger against the champion.
    std::array<pair_share, Arms - 1> pairs{};
    /// The same for the exposures of each arm of two, as tickets give them back.
    std::array<pair_share, 2> of_arm{};
    /// Bits of the digest of the shares.
    unsigned tag = 0;
    /// The row of its share, where the trial counts by share.
    std::size_t row = share_rows::most;
    /// Whether the champion serves everything, whatever the split says.
    bool stopped = false;

    plan(Split how, unsigned which) : split(std::move(how)), number(which)
    {
        if constexpr (requires { split.share(std::size_t{}); }) {
            for (std::size_t arm = 0; arm < Arms; ++arm) {
                shares[arm] = split.share(arm);
            }
        }
        name_by_shares();
    }

    /// State the shares to the last bit, where the split was laid out again from them.
    void state_shares(const std::array<double, Arms>& exact) noexcept
    {
        shares = exact;
        name_by_shares();
    }

    /// Give everything to the champion, whatever the split says.
    void stop() noexcept
    {
        stopped = true;
        if constexpr (requires { split.share(std::size_t{}); }) {
            shares = {1.0};
            name_by_shares();
        }
    }

    /// Return what tickets name the plan by: with two arms its number, since a ticket then has all that is needed, and otherwise bits of
    /// the digest of its shares.
    [[nodiscard]] unsigned name_in_tickets() const noexcept { return Arms == 2 ? number : tag; }

    /// Return whether this plan can have given an arm with this propensity to a unit, by the bits of its digest.
    [[nodiscard]] bool gave(unsigned by_tag, unsigned arm, double propensity) const noexcept
    {
        return (Arms == 2 || tag == by_tag) &&
               static_cast<float>(shares[arm]) == static_cast<float>(propensity);
    }

private:
    void name_by_shares() noexcept
    {
        for (std::size_t p = 0; p + 1 < Arms; ++p) {
            pairs[p] = pair_share::of(shares[0], shares[p + 1]);
        }
        of_arm = {pair_share::as_in_ticket(0, pairs[0].challenger),
                  pair_share::as_in_ticket(1, pairs[0].challenger)};
        tag = static_cast<unsigned>(digest_of_shares(shares) >> (64 - plan_tag_bits));
    }
};

/// The plans of a trial, of which the current one splits the traffic.
///
/// A reader needs neither a lock nor a reference count. The first 128 plans are kept until the trial ends. The reader
/// of a later plan pins it in its slab (a hazard pointer). The latest 128 of these plans are kept, because tickets name
/// them, and older ones are destroyed when no reader pins them. A plan is passed in a list of one element, so that
/// publishing it allocates nothing.
/// source: Michael 2004, Hazard pointers
template <class Plan>
class plan_board {
public:
    /// The number of plans that a ticket can tell apart. The first plans, up to this number, are read without a pin.
    static constexpr unsigned kept = 128;

    explicit plan_board(std::list<Plan> first) : all_(std::move(first)), current_(address_of_latest()) {}

    /// Return the current plan where it needs no pin, and else null.
    /// cost: one load and the test of one bit
    [[nodiscard]] const Plan* without_pin() const noexcept
    {
        const std::uintptr_t now = current_.load(std::memory_order_acquire);
        return (now & must_be_pinned) == 0 ? reinterpret_cast<const Plan*>(now) : nullptr;
    }

    /// Read the current plan under a pin of the calling thread. The pin stays until the thread's next call.
    template <class Slab, class Read>
    auto read_pinned(Slab& thread_slab, Read read) const noexcept
    {
        if (thread_slab.shared()) {
            // Threads that share a slab cannot each have a pin in it, so readers are counted instead.
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

    /// Read the current plan under a lock, outside the path of calls.
    template <class Read>
    auto read(Read read) const
    {
        const std::scoped_lock lock{mutex_};
        return read(all_.back());
    }

    /// Put a plan in force. `for_each_pin(visit)` visits the pin of every slab.
    template <class ForEachPin>
    void publish(std::list<Plan> next, ForEachPin for_each_pin) noexcept
    {
        std::list<Plan> unused;
        const std::scoped_lock lock{mutex_};
        note_namesakes(next);
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

    /// Replace the first plan, before the trial serves a call.
    void restart(std::list<Plan> first) noexcept
    {
        const std::scoped_lock lock{mutex_};
        all_.swap(first);
        current_.store(address_of_latest(), std::memory_order_release);
    }

    /// Visit every plan since the start. Returns false without a visit where some plans were destroyed.
    template <class Visit>
    bool for_each(Visit&& visit) const
    {
        const std::scoped_lock lock{mutex_};
        if (forgotten_) {
            return false;
        }
        for (const auto* list : {&told_, &all_}) {
            for (const auto& each : *list) {
                visit(each);
            }
        }
        return true;
    }

    /// Add plans of before this process. They are kept until the trial ends.
    void recall(std::list<Plan> older) noexcept
    {
        const std::scoped_lock lock{mutex_};
        note_namesakes(older);
        told_.splice(told_.end(), older);
    }

    /// Read the only known plan for which `gave(plan)` is true. Returns false where there is none, or where plans with other shares
    /// could be meant as well.
    template <class Gave, class Read>
    bool read_only_one(Gave gave, Read read) const
    {
        if (const Plan* now = without_pin();
            now != nullptr && !namesakes_.load(std::memory_order_relaxed) && gave(*now)) {
            read(*now);
            return true;
        }
        const std::scoped_lock lock{mutex_};
        const Plan* found = nullptr;
        for (const auto* list : {&told_, &all_}) {
            for (const auto& each : *list) {
                if (gave(each)) {
                    if (found != nullptr && found->shares != each.shares) {
                        return false;
                    }
                    found = &each;
                }
            }
        }
        if (found != nullptr) {
            read(*found);
        }
        return found != nullptr;
    }

    /// Return whether `gave(plan)` is true for any known plan.
    template <class Gave>
    [[nodiscard]] bool any(Gave gave) const
    {
        if (const Plan* now = without_pin(); now != nullptr && gave(*now)) {
            return true;
        }
        const std::scoped_lock lock{mutex_};
        for (const auto* list : {&told_, &all_}) {
            for (const auto& each : *list) {
                if (gave(each)) {
                    return true;
                }
            }
        }
        return false;
    }

    /// Read the latest plan whose number modulo 128 is the number in a ticket, or the current plan where no plan has it.
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

    /// Forget the readers of the parent's threads in a forked child.
    void begin_anew() noexcept { counted_.store(0, std::memory_order_relaxed); }

    /// Return the number of plans that are held now.
    [[nodiscard]] std::size_t size() const
    {
        const std::scoped_lock lock{mutex_};
        return all_.size();
    }

private:
    /// Note whether new plans share their tag with a known plan of other shares, so that a tag alone does not name a plan.
    void note_namesakes(const std::list<Plan>& fresh) noexcept
    {
        if constexpr (requires(const Plan& each) { each.tag == each.tag&& each.shares != each.shares; }) {
            for (const Plan& next : fresh) {
                for (const auto* list : {&told_, &all_}) {
                    for (const auto& each : *list) {
                        if (each.tag == next.tag && each.shares != next.shares) {
                            namesakes_.store(true, std::memory_order_relaxed);
                        }
                    }
                }
            }
        }
    }

    // The last bit of a plan's address says whether it must be pinned, so that a reader knows before it reads the plan.
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

    mutable fork_mutex mutex_{fork_order::board};
    std::list<Plan> all_;
    /// Plans of before this process, oldest first.
    std::list<Plan> told_;
    bool forgotten_ = false;
    std::atomic<bool> namesakes_{false};
    std::atomic<std::uintptr_t> current_;
    mutable std::atomic<unsigned> counted_{0};
    new_epoch_in_child<plan_board> fork_{*this};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
