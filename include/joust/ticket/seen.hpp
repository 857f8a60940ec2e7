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
/// Trials use it to take each feedback of a ticket once. A key has a place in one pair of lines of seven places each. If all of them
/// are taken, the oldest key is overwritten and its mask is forgotten, which overwritten() counts. `remembering(n)` gives the
/// capacity at which hardly one of the latest n keys is forgotten.
///
/// cost: 18 bytes a key; about 6 ns a mark, with a lock per pair that two threads hardly ever need at once
class seen_window {
public:
    /// Make room for at least `capacity` keys.
    explicit seen_window(std::size_t capacity = remembering(default_remembered))
        : lines_(lines_for(capacity)), pairs_(lines_.size() == 1 ? 1 : lines_.size() / 2)
    {
    }

    /// The number of keys that a window remembers unless it is told another.
    static constexpr std::size_t default_remembered = 32'768;

    /// Return the capacity of a window that remembers the latest `keys` keys but for one in 10,000. The number of keys
    /// that come to a pair of lines meanwhile is Poisson with mean 4.
    [[nodiscard]] static constexpr std::size_t remembering(std::size_t keys) noexcept
    {
        return 3 * keys + keys / 2;
    }

    seen_window(const seen_window&) = delete;
    seen_window& operator=(const seen_window&) = delete;

    /// Fetch the memory that `mark` will use for a key, while the caller still checks the ticket.
    void prefetch(std::uint64_t key) noexcept
    {
        const line* const first = first_line_of(key);
        for (const line* at = first; at != first + lines_of_a_pair(); ++at) {
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
        const std::size_t each = lines_of_a_pair();
        for (std::size_t first = 0; first < lines_.size(); first += each) {
            const guard hold{lines_[first].lock};
            for (std::size_t i = first; i < first + each; ++i) {
                sum += lines_[i].inserted > line::places ? lines_[i].inserted - line::places : 0;
            }
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
        line* const first = first_line_of(key);
        line* const last = first + (lines_of_a_pair() - 1);
        const guard hold{first->lock};
        for (line* at = first; at <= last; ++at) {
            for (std::size_t i = 0; i < line::places; ++i) {
                if (at->keys[i] == key && at->masks[i] != 0) {
                    const std::uint64_t before = at->masks[i];
                    at->masks[i] = change(before);
                    return before;
                }
            }
        }
        if (fresh != 0) {
            // Keys go to both lines in turn, so that the oldest key of the pair is overwritten.
            line& to = last->inserted < first->inserted ? *last : *first;
            const auto place = static_cast<std::size_t>(to.inserted++ % line::places);
            to.keys[place] = key;
            to.masks[place] = fresh;
        }
        return 0;
    }

    [[nodiscard]] static std::size_t lines_for(std::size_t capacity) noexcept
    {
        return capacity <= line::places ? 1 : 2 * ((capacity + 2 * line::places - 1) / (2 * line::places));
    }
    [[nodiscard]] std::size_t lines_of_a_pair() const noexcept { return lines_.size() == 1 ? 1 : 2; }

    [[nodiscard]] line* first_line_of(std::uint64_t key) noexcept
    {
        return lines_.data() +
               static_cast<std::size_t>(detail::multiply_high(mix64(key), pairs_)) * lines_of_a_pair();
    }

    std::vector<line> lines_;
    std::size_t pairs_;
};

}  // namespace v0
}  // namespace joust
