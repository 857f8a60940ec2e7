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

/// One shown position: whose item it is, and who earns what happens to it.
struct slot {
    /// position of the item in that ranker's list
    std::uint32_t index;
    /// which pair of competitors the slot belongs to, or `no_pair`
    std::uint16_t pair;
    /// whose list the item is taken from
    std::uint8_t ranker;
    /// the ranker that is credited, or `no_team`
    std::uint8_t team;
    bool operator==(const slot&) const = default;
};

/// Hold the positions an interleaver fills: the order, the teams and the pairs, not the items.
///
/// shape: `draft out{10}; joust::team_draft{}.interleave(lists, coins, out);`
/// cost: up to 64 slots live inside the value and nothing is allocated; a longer draft keeps its slots in a
/// vector. Lengths above 65,535 are cut to that.
class draft {
public:
    static constexpr std::size_t inline_slots = 64;
    static constexpr std::size_t max_slots = 65'535;

    explicit draft(std::size_t length) noexcept : length_(length < max_slots ? length : max_slots) {}

    /// Empty the draft and ask for another length; memory of an earlier long draft is kept.
    void restart(std::size_t length) noexcept
    {
        length_ = length < max_slots ? length : max_slots;
        size_ = 0;
        more_.clear();
    }

    /// slots asked for
    [[nodiscard]] std::size_t length() const noexcept { return length_; }
    /// slots filled
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t room() const noexcept { return length_ - size_; }
    [[nodiscard]] bool full() const noexcept { return size_ >= length_; }

    /// Fill the next position. assumes: not full
    void push(slot next)
    {
        if (length_ <= inline_slots) [[likely]] {
            inline_[size_++] = next;
        } else {
            push_more(next);
        }
    }

    /// Write all slots at once in place of push(): room for as many as were asked for, whatever stood there before.
    /// Say with `filled` how many were written.
    [[nodiscard]] slot* to_fill()
    {
        if (length_ <= inline_slots) {
            return inline_.data();
        }
        more_.resize(length_);
        return more_.data();
    }
    void filled(std::size_t size) noexcept
    {
        size_ = size;
        if (length_ > inline_slots) {
            more_.resize(size);
        }
    }

    /// Take the credit away from every slot at or after a position, and from a pair that straddles it.
    void forfeit_from(std::size_t position) noexcept
    {
        slot* slots = data();
        for (std::size_t i = position; i < size_; ++i) {
            slots[i].team = no_team;
            slots[i].pair = no_pair;
        }
        break_half_pairs();
    }

    /// Keep only the slots from a position on: a later page. A pair whose first half was on the page before counts for
    /// nobody.
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

    [[nodiscard]] std::span<const slot> slots() const noexcept
    {
        return {length_ <= inline_slots ? inline_.data() : more_.data(), size_};
    }
    /// Write to a position that is filled: an interleaver that credits slots after all are drawn.
    void credit(std::size_t position, std::uint8_t team) noexcept { data()[position].team = team; }
    /// Give every slot another place in its ranker's list.
    template <class Place>
    void relocate(Place place)
    {
        slot* const slots = data();
        for (std::size_t i = 0; i < size_; ++i) {
            slots[i].index = place(slots[i]);
        }
    }
    [[nodiscard]] const slot& operator[](std::size_t position) const noexcept { return slots()[position]; }
    [[nodiscard]] const slot* begin() const noexcept { return slots().data(); }
    [[nodiscard]] const slot* end() const noexcept { return slots().data() + size_; }

    /// Compare what is shown and credited; the lengths asked for may differ.
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

    // Pairs are filled one after another, so only the first and the last can have lost a half.
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

    // Apart, so that the common path is short enough to be inlined everywhere.
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
