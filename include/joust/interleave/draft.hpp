// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/interleave/ranking.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {

/// One shown position: the ranker whose item it shows, and the ranker that earns the feedback on it.
struct slot {
    /// The position of the item in its ranker's list.
    std::uint32_t index;
    /// The pair of competing slots that the slot belongs to, or `no_pair`.
    std::uint16_t pair;
    /// The ranker from whose list the item is taken.
    std::uint8_t ranker;
    /// The ranker that earns the credit, or `no_team`.
    std::uint8_t team;
    bool operator==(const slot&) const = default;
};

/// The slots that an interleaver fills: their order, teams and pairs, but not the items.
///
/// shape: `draft out{10}; joust::team_draft{}.interleave(lists, coins, out);`
/// cost: up to 64 slots are inside the object, without an allocation; a longer draft keeps its slots in a vector
class draft {
public:
    /// The most slots that need no allocation.
    static constexpr std::size_t inline_slots = 64;
    /// The most slots of a draft. A larger length is cut to this.
    static constexpr std::size_t max_slots = 65'535;

    /// Ask for a number of slots.
    explicit draft(std::size_t length) noexcept : length_(length < max_slots ? length : max_slots) {}

    /// Empty the draft and ask for another number of slots. Memory of an earlier long draft is kept.
    void restart(std::size_t length) noexcept
    {
        length_ = length < max_slots ? length : max_slots;
        size_ = 0;
        more_.clear();
    }

    /// Return how many slots were asked for.
    [[nodiscard]] std::size_t length() const noexcept { return length_; }
    /// Return how many slots are filled.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Return how many slots are still to be filled.
    [[nodiscard]] std::size_t room() const noexcept { return length_ - size_; }
    /// Say whether all slots are filled.
    [[nodiscard]] bool full() const noexcept { return size_ >= length_; }

    /// Fill the next slot. assumes: the draft is not full
    void push(slot next)
    {
        if (length_ <= inline_slots) [[likely]] {
            inline_[size_++] = next;
        } else {
            push_more(next);
        }
    }

    /// Return memory for as many slots as were asked for, to write all slots at once instead of by push(). Its content is
    /// arbitrary. Call `filled` afterwards.
    [[nodiscard]] slot* to_fill()
    {
        if (length_ <= inline_slots) {
            return inline_.data();
        }
        more_.resize(length_);
        return more_.data();
    }
    /// State how many slots were written to the memory that `to_fill` returned.
    void filled(std::size_t size) noexcept
    {
        size_ = size;
        if (length_ > inline_slots) {
            more_.resize(size);
        }
    }

    /// Remove the credit of every slot at or after a position, and of a pair that lies on both sides of it.
    void forfeit_from(std::size_t position) noexcept
    {
        slot* slots = data();
        for (std::size_t i = position; i < size_; ++i) {
            slots[i].team = no_team;
            slots[i].pair = no_pair;
        }
        break_half_pairs();
    }

    /// Keep only the slots from a position on, which are a later page. A pair whose first half was on the page before loses its
    /// credit.
    void drop_before(std::size_t position) noexcept
    {
        slot* slots = data();
        const std::size_t dropped = position < size_ ? position : size_;
        for (std::size_t i = dropped; i < size_; ++i) {
            slots[i - dropped] = slots[i];
        }
        size_ -= dropped;
        if (length_ > inline_slots) {
            more_.resize(size_);
        }
        break_half_pairs();
    }

    /// Return the filled slots.
    [[nodiscard]] std::span<const slot> slots() const noexcept
    {
        return {length_ <= inline_slots ? inline_.data() : more_.data(), size_};
    }
    /// Change the team of a filled slot, for an interleaver that draws teams after all slots.
    void credit(std::size_t position, std::uint8_t team) noexcept { data()[position].team = team; }
    /// Replace the index of every slot by `place(slot)`.
    template <class Place>
    void relocate(Place place)
    {
        slot* const slots = data();
        for (std::size_t i = 0; i < size_; ++i) {
            slots[i].index = place(slots[i]);
        }
    }
    /// Return the slot at a position. assumes: position < size()
    [[nodiscard]] const slot& operator[](std::size_t position) const noexcept { return slots()[position]; }
    /// Return the beginning of the filled slots.
    [[nodiscard]] const slot* begin() const noexcept { return slots().data(); }
    /// Return the end of the filled slots.
    [[nodiscard]] const slot* end() const noexcept { return slots().data() + size_; }

    /// Compare the filled slots. The numbers of slots that were asked for may differ.
    [[nodiscard]] friend bool operator==(const draft& a, const draft& b) noexcept
    {
        if (a.size_ != b.size_) {
            return false;
        }
        for (std::size_t i = 0; i < a.size_; ++i) {
            if (!(a[i] == b[i])) {
                return false;
            }
        }
        return true;
    }

private:
    [[nodiscard]] slot* data() noexcept { return length_ <= inline_slots ? inline_.data() : more_.data(); }

    // Pairs are filled one after another, so only the first and the last pair can have lost a half.
    void break_half_pairs() noexcept
    {
        slot* slots = data();
        const auto break_if_alone = [&](std::size_t at) {
            for (std::size_t i = 0; i < size_; ++i) {
                if (i != at && slots[i].pair == slots[at].pair) {
                    return;
                }
            }
            slots[at].team = no_team;
            slots[at].pair = no_pair;
        };
        for (std::size_t i = 0; i < size_; ++i) {
            if (slots[i].pair != no_pair) {
                break_if_alone(i);
                break;
            }
        }
        for (std::size_t i = size_; i-- > 0;) {
            if (slots[i].pair != no_pair) {
                break_if_alone(i);
                break;
            }
        }
    }

    // This is a function of its own, so that the common path is short enough to be inlined everywhere.
    JOUST_NOINLINE void push_more(slot next)
    {
        more_.push_back(next);
        ++size_;
    }

    std::size_t length_;
    std::size_t size_ = 0;
    std::array<slot, inline_slots> inline_{};
    std::vector<slot> more_;
};

}  // namespace v0
}  // namespace joust
