// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/bits.hpp>
#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/hash_split.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// A part of the hash space that one arm serves. It ends where the next slot begins, and the last slot ends at 2^64.
struct hash_slot {
    /// The first hash of the slot.
    std::uint64_t begin = 0;
    /// The arm that serves it.
    unsigned arm = 0;
    bool operator==(const hash_slot&) const = default;
};

namespace detail {

/// Return the length of a slot. A slot that is the whole space has the length 2^64, which is 0 in 64 bits.
[[nodiscard]] inline std::uint64_t slot_size(const std::vector<hash_slot>& slots, std::size_t i) noexcept
{
    return (i + 1 < slots.size() ? slots[i + 1].begin : 0) - slots[i].begin;
}

/// Join neighbouring slots of one arm into one slot.
inline void join_slots(std::vector<hash_slot>& slots)
{
    std::size_t kept = 0;
    for (const hash_slot& each : slots) {
        if (kept == 0 || slots[kept - 1].arm != each.arm) {
            slots[kept++] = each;
        }
    }
    slots.resize(kept);
}

/// Cut the hash space into slots where a hash_plan changes arms.
[[nodiscard]] inline std::vector<hash_slot> slots_of(const hash_plan& plan)
{
    std::vector<std::uint64_t> begins{0};
    plan.borders([&begins](std::uint64_t at) {
        std::size_t place = begins.size();
        while (begins[place - 1] > at) {
            --place;
        }
        if (begins[place - 1] != at) {
            begins.insert(begins.begin() + static_cast<std::ptrdiff_t>(place), at);
        }
    });
    std::vector<hash_slot> slots;
    for (const std::uint64_t begin : begins) {
        slots.push_back({begin, plan.arm_of(begin)});
    }
    join_slots(slots);
    return slots;
}

/// Return how much of the hash space each arm has, modulo 2^64. An arm that has the whole space gets 0.
[[nodiscard]] inline std::array<std::uint64_t, max_arms>
widths_of(const std::vector<hash_slot>& slots) noexcept
{
    std::array<std::uint64_t, max_arms> widths{};
    for (std::size_t i = 0; i < slots.size(); ++i) {
        widths[slots[i].arm] += slot_size(slots, i);
    }
    return widths;
}

/// Move hash space from arms that have too much to arms that have too little, and no more than that.
///
/// It computes with whole numbers only, so that every replica and platform finds the same slots. Where a giving and a taking
/// arm are neighbours, it shifts the border between them. It begins with the shortest giving slot, so that slots vanish as
/// often as they appear.
class slot_mover {
public:
    slot_mover(std::vector<hash_slot> from, const std::array<std::uint64_t, max_arms>& target)
        : slots_(std::move(from))
    {
        const auto now = widths_of(slots_);
        const unsigned all = slots_.size() == 1 ? slots_.front().arm : unsigned{max_arms};
        for (unsigned arm = 0; arm < max_arms; ++arm) {
            // An only arm has 2^64, which is 0 in 64 bits. What it gives up is right modulo 2^64.
            if (arm == all || now[arm] > target[arm]) {
                surplus_[arm] = now[arm] - target[arm];
            } else {
                lack_[arm] = target[arm] - now[arm];
            }
        }
    }

    /// Return the slots after all moves.
    [[nodiscard]] std::vector<hash_slot> moved()
    {
        while (shift_border() || cut()) {}
        return std::move(slots_);
    }

private:
    [[nodiscard]] static std::uint64_t least(std::uint64_t a, std::uint64_t b) noexcept
    {
        return a < b ? a : b;
    }

    /// Return how much hash space can move from one arm to another.
    [[nodiscard]] std::uint64_t owed(unsigned from, unsigned to) const noexcept
    {
        return least(surplus_[from], lack_[to]);
    }

    void settle(unsigned from, unsigned to, std::uint64_t amount) noexcept
    {
        surplus_[from] -= amount;
        lack_[to] -= amount;
    }

    /// Shift one border between a giving slot and a taking neighbour. Returns false where there is no such pair.
    bool shift_border()
    {
        std::size_t giver = slots_.size();
        bool to_right = false;  // whether the taking slot is on the right
        for (std::size_t i = 0; i + 1 < slots_.size(); ++i) {
            const unsigned left = slots_[i].arm;
            const unsigned right = slots_[i + 1].arm;
            const auto consider = [&](std::size_t which, bool direction) {
                if (giver == slots_.size() || slot_size(slots_, which) < slot_size(slots_, giver)) {
                    giver = which;
                    to_right = direction;
                }
            };
            if (owed(left, right) != 0) {
                consider(i, true);
            } else if (owed(right, left) != 0) {
                consider(i + 1, false);
            }
        }
        if (giver == slots_.size()) {
            return false;
        }
        const unsigned from = slots_[giver].arm;
        const unsigned to = slots_[to_right ? giver + 1 : giver - 1].arm;
        const std::uint64_t size = slot_size(slots_, giver);
        const std::uint64_t amount = least(owed(from, to), size);
        settle(from, to, amount);
        if (amount == size) {
            slots_[giver].arm = to;
            join_slots(slots_);
        } else if (to_right) {
            slots_[giver + 1].begin -= amount;
        } else {
            slots_[giver].begin += amount;
        }
        return true;
    }

    /// Hand a slot of a giving arm to a taking arm that is not its neighbour, or else the end of its longest slot. Returns
    /// false when all moves are done.
    bool cut()
    {
        const auto most = [](const std::array<std::uint64_t, max_arms>& of) {
            unsigned best = 0;
            for (unsigned arm = 1; arm < max_arms; ++arm) {
                best = of[arm] > of[best] ? arm : best;
            }
            return best;
        };
        const unsigned from = most(surplus_);
        const unsigned to = most(lack_);
        const std::uint64_t amount = owed(from, to);
        if (amount == 0) {
            return false;
        }
        std::size_t longest = slots_.size();
        std::size_t whole = slots_.size();  // the longest slot that may be handed over as a whole
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].arm != from) {
                continue;
            }
            const std::uint64_t size = slot_size(slots_, i);
            if (longest == slots_.size() || size > slot_size(slots_, longest)) {
                longest = i;
            }
            if (size <= amount && size != 0 && (whole == slots_.size() || size > slot_size(slots_, whole))) {
                whole = i;
            }
        }
        if (whole != slots_.size()) {
            settle(from, to, slot_size(slots_, whole));
            slots_[whole].arm = to;
            join_slots(slots_);
            return true;
        }
        settle(from, to, amount);
        const std::uint64_t end = slots_[longest].begin + slot_size(slots_, longest);
        slots_.insert(slots_.begin() + static_cast<std::ptrdiff_t>(longest) + 1, {end - amount, to});
        return true;
    }

    std::vector<hash_slot> slots_;
    std::array<std::uint64_t, max_arms> surplus_{};
    std::array<std::uint64_t, max_arms> lack_{};
};

}  // namespace detail

/// Slots of any length that cut the hash space, each served by one arm.
///
/// shape: the slots stand in the order of their beginnings, the first begins at 0, and neighbours have different arms
/// cost: 1 to 2 ns; 1.5 KiB and 16 bytes for each slot
class slot_plan {
public:
    /// Make a plan with one arm, which serves all units.
    slot_plan() : slot_plan(hash_plan{}) {}

    /// Take the slots of a hash_plan, so that no unit moves.
    explicit slot_plan(const hash_plan& plan)
        : slot_plan(detail::slots_of(plan), share_list{plan.shares()}, trusted{})
    {
    }

    /// Take slots as they are. The shares follow from them.
    /// errors: configuration_error for slots that do not cut the hash space, or that name an arm beyond `arms`
    slot_plan(std::span<const hash_slot> slots, std::size_t arms)
        : slot_plan(checked(slots, arms), share_list{}, trusted{})
    {
        const auto widths = detail::widths_of(slots_);
        for (std::size_t arm = 0; arm < arms; ++arm) {
            shares_.push_back(slots_.size() == 1 ? (slots_.front().arm == arm ? 1.0 : 0.0)
                                                 : static_cast<double>(widths[arm]) * 0x1p-64);
        }
    }

    /// Return the plan with other shares in which as few units as possible change arms.
    ///
    /// An arm that does not shrink keeps all of its units, and an arm that shrinks gives up no more than it must. Further arms
    /// may be added at the end.
    /// errors: configuration_error for shares that hash_split refuses, and for fewer shares than there are arms
    [[nodiscard]] slot_plan with_shares(const share_list& others) const
    {
        if (others.size() < arms()) {
            throw configuration_error("slot_split.shares", std::to_string(others.size()) + " numbers",
                                      "at least one for each of " + std::to_string(arms()) +
                                          " arms, 0 to close one");
        }
        const share_list wanted = detail::checked_shares("slot_split.shares", others, others.size());
        std::vector<hash_slot> fresh = detail::slots_of(hash_plan{wanted});
        const auto widths = detail::widths_of(fresh);
        // Where one arm gets or gives up the whole space, all moves are needed, and 2^64 would not fit into a width.
        if (fresh.size() == 1 || (slots_.size() == 1 && widths[slots_.front().arm] == 0)) {
            return slot_plan(std::move(fresh), wanted, trusted{});
        }
        return slot_plan(detail::slot_mover{slots_, widths}.moved(), wanted, trusted{});
    }

    /// Return the number of arms.
    [[nodiscard]] std::size_t arms() const noexcept { return shares_.size(); }
    /// Return the share of an arm.
    [[nodiscard]] double share(std::size_t arm) const noexcept { return shares_[arm]; }
    /// Return the shares of all arms.
    [[nodiscard]] const share_list& shares() const noexcept { return shares_; }
    /// Return the slots.
    [[nodiscard]] const std::vector<hash_slot>& slots() const noexcept { return slots_; }

    /// Return a number that is the same for plans that assign alike. Two other plans have the same number with probability
    /// 2^-64.
    [[nodiscard]] std::uint64_t digest() const noexcept
    {
        std::uint64_t hash = slots_.size();
        for (const hash_slot& each : slots_) {
            hash = mix64(hash ^ each.begin) + each.arm;
        }
        return mix64(hash);
    }

    /// Find the arm of a salted hash.
    [[nodiscard]] unsigned arm_of(std::uint64_t unit) const noexcept
    {
        std::size_t at = first_[static_cast<std::size_t>(unit >> (64 - index_bits))];
        const hash_slot* const slots = slots_.data();
        const std::size_t last = slots_.size() - 1;
        while (at < last && slots[at + 1].begin <= unit) {
            ++at;
        }
        return slots[at].arm;
    }

    /// Assign the unit of a context.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        const unsigned arm = arm_of(call.unit);
        return {arm, shares_[arm], true};
    }

    /// Compare slots and shares.
    bool operator==(const slot_plan& other) const noexcept
    {
        return slots_ == other.slots_ && shares_ == other.shares_;
    }

private:
    struct trusted {};
    static constexpr unsigned index_bits = 8;

    slot_plan(std::vector<hash_slot> slots, const share_list& shares, trusted)
        : slots_(std::move(slots)), shares_(shares)
    {
        std::size_t at = 0;
        for (std::size_t part = 0; part < first_.size(); ++part) {
            const std::uint64_t begin = static_cast<std::uint64_t>(part) << (64 - index_bits);
            while (at + 1 < slots_.size() && slots_[at + 1].begin <= begin) {
                ++at;
            }
            first_[part] = static_cast<std::uint32_t>(at);
        }
    }

    [[nodiscard]] static std::vector<hash_slot> checked(std::span<const hash_slot> slots, std::size_t arms)
    {
        const auto refuse = [](const std::string& what) {
            throw configuration_error(
                "slot_split.slots", what,
                "slots in the order of their beginnings, the first at 0, of arms below the number of models");
        };
        if (arms == 0 || arms > max_arms) {
            throw configuration_error("models", std::to_string(arms), "1 to 16 models");
        }
        if (slots.empty() || slots.front().begin != 0) {
            refuse(slots.empty() ? "empty" : "beginning above 0");
        }
        for (std::size_t i = 0; i < slots.size(); ++i) {
            if (slots[i].arm >= arms) {
                refuse("for arm " + std::to_string(slots[i].arm));
            }
            if (i != 0 && slots[i].begin <= slots[i - 1].begin) {
                refuse("out of order at number " + std::to_string(i));
            }
        }
        std::vector<hash_slot> kept(slots.begin(), slots.end());
        detail::join_slots(kept);
        return kept;
    }

    std::vector<hash_slot> slots_;
    share_list shares_;
    std::array<std::uint32_t, std::size_t{1} << index_bits>
        first_{};  // the first slot for each value of the hash's first bits
};

/// Split units by their hash so that shares can change at will. For any number of arms and any change, the fewest possible
/// units move.
///
/// An assignment follows from the slots, which depend on earlier shares. So the slots are a part of the plan, and two
/// replicas that reached the same shares by different changes assign differently. Without `.slots` it begins with the layout
/// of hash_split, so a change from hash_split to slot_split moves no unit.
///
/// As for hash_split, each share is 0 or at least 1e-9; it is kept to 2^-63 of the hash space.
/// When to use: where the shares of many arms change often: bandits, or arms that are added and closed.
/// When not: where shares only ramp. hash_split then moves no more units and needs the shares alone.
/// shape: `slot_split{.salt = "ranking", .shares = {0.8, 0.1, 0.1}}`, then `split = split.with_shares({0.5, 0.25, 0.25})`
/// errors: configuration_error from resolve and with_shares
/// cost: 1 ns more than hash_split
struct slot_split {
    /// Makes the assignment independent of other trials. It may be empty only if the trial has a name.
    joust::salt salt{};
    /// One share for each model, as for hash_split. It may stay empty beside slots.
    share_list shares{};
    /// The slots of an earlier plan, from plan.slots().
    std::vector<hash_slot> slots{};

    /// Check shares and slots for a number of models.
    [[nodiscard]] slot_plan resolve(std::size_t arms) const
    {
        if (slots.empty()) {
            return slot_plan{hash_plan{detail::checked_shares("slot_split.shares", shares, arms)}};
        }
        slot_plan plan{slots, arms};
        if (!shares.empty()) {
            const share_list wanted = detail::checked_shares("slot_split.shares", shares, arms);
            for (std::size_t arm = 0; arm < arms; ++arm) {
                const double gap = wanted[arm] - plan.share(arm);
                if (gap > 1e-9 || gap < -1e-9) {
                    throw configuration_error("slot_split.slots", "slots of other shares than `.shares`",
                                              "slots of these shares, or no `.shares` beside them");
                }
            }
        }
        return plan;
    }

    /// Return the same split with other shares, which moves as few units as possible.
    [[nodiscard]] slot_split with_shares(const share_list& others) const
    {
        if (slots.empty() && shares.empty()) {
            return {salt, others, {}};
        }
        const slot_plan now = resolve(slots.empty() ? shares.size() : arms_of_slots());
        return {salt, others, now.with_shares(others).slots()};
    }

    bool operator==(const slot_split&) const = default;

private:
    [[nodiscard]] std::size_t arms_of_slots() const noexcept
    {
        std::size_t arms = shares.size();
        for (const hash_slot& each : slots) {
            arms = each.arm < arms ? arms : std::size_t{each.arm} + 1;
        }
        return arms;
    }
};

}  // namespace v0
}  // namespace joust
