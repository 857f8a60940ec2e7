// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/spin_lock.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {

/// Remember which of 64 things happened to each of the latest keys, in bounded memory and from many threads.
///
/// Trials use it to take each feedback of a ticket once. A key has a place in one of two lines of seven, the one that got fewer keys
/// so far. If all seven places are taken, the oldest key of the line is overwritten and its mask is forgotten, which
/// overwritten() counts. `remembering(n)` gives the capacity at which hardly one of the latest n keys is forgotten.
///
/// cost: 18 bytes a key; about 10 ns a mark, with a lock per line that two threads hardly ever need at once
/// source: Azar, Broder, Karlin, Upfal 1999, Balanced allocations
class seen_window {
public:
    /// Make room for at least `capacity` keys.
    explicit seen_window(std::size_t capacity = remembering(default_remembered))
        : lines_(capacity < line::places ? 1 : (capacity + line::places - 1) / line::places)
    {
    }

    /// The number of keys that a window remembers unless it is told another.
    static constexpr std::size_t default_remembered = 32'768;

    /// Return the capacity of a window that remembers the latest `keys` keys but for one in 5,000.
    [[nodiscard]] static constexpr std::size_t remembering(std::size_t keys) noexcept { return 3 * keys; }

    seen_window(const seen_window&) = delete;
    seen_window& operator=(const seen_window&) = delete;

    /// Fetch the memory that `mark` will use for a key, while the caller still checks the ticket.
    void prefetch(std::uint64_t key) noexcept
    {
        for (const line* at : {&line_of(key), &other_line_of(key)}) {
            detail::prefetch_to_write(at);
            detail::prefetch_to_write(&at->masks[line::places - 1]);
        }
    }

    /// Set bits in the mask of a key. Returns the mask before. Of several calls that set the same bit, only one gets a
    /// mask in which it is clear.
    JOUST_ALWAYS_INLINE std::uint64_t mark(std::uint64_t key, std::uint64_t bits) noexcept
    {
        return update(key, bits, [&](std::uint64_t before) { return before | bits; });
    }

    /// Replace the mask of a key. Returns the mask before.
    /// assumes: the mask is not 0
    std::uint64_t replace(std::uint64_t key, std::uint64_t mask) noexcept
    {
        return update(key, mask, [&](std::uint64_t) { return mask; });
    }

    /// Set the mask of a key unless it has one. Returns the mask before.
    /// assumes: the mask is not 0
    std::uint64_t keep_first(std::uint64_t key, std::uint64_t mask) noexcept
    {
        return update(key, mask, [&](std::uint64_t before) { return before; });
    }

    /// Count one more for a key. Returns the count before.
    /// assumes: the key is counted and never marked
    std::uint64_t count(std::uint64_t key) noexcept
    {
        return update(key, 1, [](std::uint64_t before) { return before + 1; });
    }

    /// Return the mask of a key. It is 0 if the key was never marked or is forgotten.
    [[nodiscard]] std::uint64_t peek(std::uint64_t key) noexcept { return mark(key, 0); }

    /// Return how many keys fit at most.
    [[nodiscard]] std::size_t capacity() const noexcept { return lines_.size() * line::places; }

    /// Return how many keys were forgotten to make room.
    [[nodiscard]] std::uint64_t overwritten() noexcept
    {
        std::uint64_t sum = 0;
        for (line& at : lines_) {
            const guard hold{at.lock};
            sum += at.inserted > line::places ? at.inserted - line::places : 0;
        }
        return sum;
    }

private:
    // A line takes two cache lines. A mask of 0 marks a free place, so that every key is possible.
    struct alignas(64) line {
        static constexpr std::size_t places = 7;
        detail::spin_lock lock;
        std::uint64_t inserted = 0;
        std::uint64_t keys[places]{};
        std::uint64_t masks[places]{};
    };
    static_assert(sizeof(line) == 128);

    using guard = detail::spin_guard;

    // Change the mask of a key. A key without a mask gets the mask `fresh`, unless that is 0.
    template <class Change>
    std::uint64_t update(std::uint64_t key, std::uint64_t fresh, Change change) noexcept
    {
        line* one = &line_of(key);
        line* two = &other_line_of(key);
        if (one == two) {
            const guard hold{one->lock};
            return update_in(*one, *one, key, fresh, change);
        }
        // All threads take the locks in the order of the lines.
        if (two < one) {
            line* const first = two;
            two = one;
            one = first;
        }
        const guard hold_one{one->lock};
        const guard hold_two{two->lock};
        return update_in(*one, *two, key, fresh, change);
    }

    template <class Change>
    static std::uint64_t update_in(line& one, line& two, std::uint64_t key, std::uint64_t fresh,
                                   Change change) noexcept
    {
        for (line* at : {&one, &two}) {
            for (std::size_t i = 0; i < line::places; ++i) {
                if (at->keys[i] == key && at->masks[i] != 0) {
                    const std::uint64_t before = at->masks[i];
                    at->masks[i] = change(before);
                    return before;
                }
            }
        }
        if (fresh != 0) {
            line& to = two.inserted < one.inserted ? two : one;
            const auto place = static_cast<std::size_t>(to.inserted++ % line::places);
            to.keys[place] = key;
            to.masks[place] = fresh;
        }
        return 0;
    }

    [[nodiscard]] line& line_of(std::uint64_t key) noexcept
    {
        return lines_[static_cast<std::size_t>(detail::multiply_high(mix64(key), lines_.size()))];
    }

    [[nodiscard]] line& other_line_of(std::uint64_t key) noexcept
    {
        constexpr std::uint64_t another = 0x9e3779b97f4a7c15U;
        return lines_[static_cast<std::size_t>(detail::multiply_high(mix64(key ^ another), lines_.size()))];
    }

    std::vector<line> lines_;
};

}  // namespace v0
}  // namespace joust
