// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fixed_array.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/spin_lock.hpp>
#include <joust/core/x86.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// Remember which of 64 things happened to each of the latest keys, in bounded memory and from many threads.
///
/// Trials use it to take each feedback of a ticket once. A key belongs to one group of 24 places. If all of them are taken, the oldest
/// key of the group is overwritten and its mask is forgotten, which overwritten() counts. `remembering(n)` gives the capacity
/// at which hardly one of the latest n keys is forgotten.
///
/// A group begins with a cache line that holds 16 bits of the hash of each key, which are compared at once. A new key
/// changes this line and one of the lines with keys and masks.
///
/// cost: 19 bytes a place; about 6 ns a mark, with a lock per group that two threads hardly ever need at once
class seen_window {
public:
    /// Make room for at least `capacity` keys.
    explicit seen_window(std::size_t capacity = remembering(default_remembered))
        : groups_(capacity <= group::places ? 1 : (capacity + group::places - 1) / group::places)
    {
    }

    /// The number of keys that a window remembers unless it is told another.
    static constexpr std::size_t default_remembered = 32'768;

    /// Return the capacity of a window that remembers the latest `keys` keys but for one in 10,000. The number of keys
    /// that come to a group meanwhile is Poisson with mean 9.6.
    [[nodiscard]] static constexpr std::size_t remembering(std::size_t keys) noexcept
    {
        return 2 * keys + keys / 2;
    }

    seen_window(const seen_window&) = delete;
    seen_window& operator=(const seen_window&) = delete;

    /// Fetch the memory that `mark` will use for a key, while the caller still checks the ticket.
    void prefetch(std::uint64_t key) noexcept
    {
        const group& of_key = group_of(mix64(key));
        detail::prefetch_to_write(&of_key);
        detail::prefetch_to_write(&of_key.entries[of_key.next.load(std::memory_order_relaxed)]);
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

    /// Visit every key that is remembered with its place and its mask, as `visit(place, key, mask)`. A key keeps its place. Keys that
    /// are marked meanwhile may be missing.
    /// shape: places are below `capacity()`
    template <class Visit>
    void for_each(Visit&& visit)
    {
        std::size_t place = 0;
        for (group& each : groups_) {
            entry held[group::places];
            {
                const guard hold{each.lock};
                for (std::size_t i = 0; i < group::places; ++i) {
                    held[i] = each.entries[i];
                }
            }
            for (const entry& one : held) {
                if (one.mask != 0) {
                    visit(place, one.key, one.mask);
                }
                ++place;
            }
        }
    }

    /// Return how many keys fit at most.
    [[nodiscard]] std::size_t capacity() const noexcept { return groups_.size() * group::places; }

    /// Return how many keys were forgotten to make room.
    [[nodiscard]] std::uint64_t overwritten() noexcept
    {
        std::uint64_t sum = 0;
        for (group& each : groups_) {
            const guard hold{each.lock};
            sum += each.inserted > group::places ? each.inserted - group::places : 0;
        }
        return sum;
    }

private:
    // A mask of 0 marks a free place, so that every key is possible.
    struct entry {
        std::uint64_t key = 0;
        std::uint64_t mask = 0;
    };

    struct alignas(64) group {
        static constexpr std::size_t places = 24;
        detail::spin_lock lock;
        /// The place of the next new key. Only a prefetch reads it without the lock.
        std::atomic<std::uint32_t> next{0};
        std::uint64_t inserted = 0;
        std::uint16_t prints[places]{};
        entry entries[places]{};

        /// Return one bit for each place whose key has these bits in its hash.
        [[nodiscard]] JOUST_ALWAYS_INLINE std::uint32_t places_with(std::uint16_t print) const noexcept
        {
#ifdef JOUST_SSE2
            using detail::eight_shorts;
            const auto* const all = reinterpret_cast<const eight_shorts*>(prints);
            const eight_shorts sought = eight_shorts{} + static_cast<short>(print);
            return detail::bits_of(all[0] == sought, all[1] == sought) |
                   (detail::bits_of(all[2] == sought, eight_shorts{}) << 16);
#else
            std::uint32_t found = 0;
            for (std::size_t i = 0; i < places; ++i) {
                found |= static_cast<std::uint32_t>(prints[i] == print) << i;
            }
            return found;
#endif
        }
    };
    static_assert(sizeof(group) == 448);

    using guard = detail::spin_guard;

    // Change the mask of a key. A key without a mask gets the mask `fresh`, unless that is 0.
    template <class Change>
    JOUST_ALWAYS_INLINE std::uint64_t update(std::uint64_t key, std::uint64_t fresh, Change change) noexcept
    {
        const std::uint64_t hash = mix64(key);
        const auto print = static_cast<std::uint16_t>(hash);
        group& of_key = group_of(hash);
        const guard hold{of_key.lock};
        for (std::uint32_t left = of_key.places_with(print); left != 0; left &= left - 1) {
            entry& found = of_key.entries[detail::lowest_bit(left)];
            if (found.key == key && found.mask != 0) {
                const std::uint64_t before = found.mask;
                found.mask = change(before);
                return before;
            }
        }
        if (fresh != 0) {
            const std::uint32_t place = of_key.next.load(std::memory_order_relaxed);
            of_key.next.store(place + 1 == group::places ? 0 : place + 1, std::memory_order_relaxed);
            ++of_key.inserted;
            of_key.prints[place] = print;
            of_key.entries[place] = {key, fresh};
        }
        return 0;
    }

    // The group follows from the upper bits of the hash, which are not those of the prints.
    [[nodiscard]] group& group_of(std::uint64_t hash) noexcept
    {
        return groups_[static_cast<std::size_t>(detail::multiply_high(hash, groups_.size()))];
    }

    detail::fixed_array<group> groups_;
};

}  // namespace v0
}  // namespace joust
