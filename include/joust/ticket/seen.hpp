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
/// Trials use it to take each feedback of a ticket once. A key has a place in one line of seven. If all seven places
/// are taken, the oldest key is overwritten and its mask is forgotten, which overwritten() counts.
///
/// cost: 18 bytes a key; about 6 ns a mark, with a lock per line that two threads hardly ever need at once
class seen_window {
public:
    /// Make room for at least `capacity` keys.
    explicit seen_window(std::size_t capacity = 65'536)
        : lines_(capacity < line::places ? 1 : (capacity + line::places - 1) / line::places)
    {
    }

    seen_window(const seen_window&) = delete;
    seen_window& operator=(const seen_window&) = delete;

    /// Fetch the memory that `mark` will use for a key, while the caller still checks the ticket.
    void prefetch(std::uint64_t key) noexcept
    {
        const line& at = line_of(key);
        detail::prefetch_to_write(&at);
        detail::prefetch_to_write(&at.masks[line::places - 1]);
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
            sum += at.overwritten;
        }
        return sum;
    }

private:
    // A line takes two cache lines. A mask of 0 marks a free place, so that every key is possible.
    struct alignas(64) line {
        static constexpr std::size_t places = 7;
        detail::spin_lock lock;
        std::uint32_t next = 0;
        std::uint64_t overwritten = 0;
        std::uint64_t keys[places]{};
        std::uint64_t masks[places]{};
    };
    static_assert(sizeof(line) == 128);

    using guard = detail::spin_guard;

    // Change the mask of a key. A key without a mask gets the mask `fresh`, unless that is 0.
    template <class Change>
    std::uint64_t update(std::uint64_t key, std::uint64_t fresh, Change change) noexcept
    {
        line& at = line_of(key);
        const guard hold{at.lock};
        for (std::size_t i = 0; i < line::places; ++i) {
            if (at.keys[i] == key && at.masks[i] != 0) {
                const std::uint64_t before = at.masks[i];
                at.masks[i] = change(before);
                return before;
            }
        }
        if (fresh != 0) {
            const std::size_t place = at.next;
            at.next = static_cast<std::uint32_t>(place + 1 == line::places ? 0 : place + 1);
            at.overwritten += at.masks[place] != 0 ? 1U : 0U;
            at.keys[place] = key;
            at.masks[place] = fresh;
        }
        return 0;
    }

    [[nodiscard]] line& line_of(std::uint64_t key) noexcept
    {
        return lines_[static_cast<std::size_t>(detail::multiply_high(mix64(key), lines_.size()))];
    }

    std::vector<line> lines_;
};

}  // namespace v0
}  // namespace joust
