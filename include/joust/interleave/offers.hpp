// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/x86.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/scratch.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

// The items that any number of rankers can still offer while a slate is drafted. There are two classes with the same
// interface: mask_offers uses words of bits for slates of at most 64 slots, and numbered_offers numbers the items of all other
// lists. Interleavers are written once, over either class. For two rankers two_lists.hpp is faster.

namespace joust {
inline namespace v0 {
namespace detail {

/// Return sixteen bits of a key as its print. Different prints mean different keys. Keys with equal prints must be compared.
[[nodiscard]] inline std::uint16_t print_of(item_key key) noexcept
{
    return static_cast<std::uint16_t>((key * 0x9e3779b97f4a7c15U) >> 48);
}

/// Return the places of a print among the first `size` (at most 64) prints, as bits.
[[nodiscard]] inline std::uint64_t matches_one_by_one(const std::uint16_t* prints, unsigned size,
                                                      std::uint16_t print) noexcept
{
    std::uint64_t mask = 0;
    for (unsigned i = 0; i < size; ++i) {
        mask |= std::uint64_t{prints[i] == print} << i;
    }
    return mask;
}

/// Return the same, sixteen prints at a time where the machine can. The bits from `size` on are arbitrary.
/// assumes: prints are readable up to the next multiple of 16
[[nodiscard]] inline std::uint64_t matches(const std::uint16_t* prints, unsigned size,
                                           std::uint16_t print) noexcept
{
#ifdef JOUST_SSE2
    const auto p = static_cast<short>(print);
    const eight_shorts wanted{p, p, p, p, p, p, p, p};
    std::uint64_t mask = 0;
    for (unsigned i = 0; i < size; i += 16) {
        eight_shorts low;
        eight_shorts high;
        std::memcpy(&low, prints + i, sizeof low);
        std::memcpy(&high, prints + i + 8, sizeof high);
        mask |= std::uint64_t{bits_of(low == wanted, high == wanted)} << i;
    }
    return mask;
#else
    return matches_one_by_one(prints, size, print);
#endif
}

/// Keep one bit for each entry that is not shown yet. Only the first L entries of a list can reach a slate of L slots if they
/// are distinct, so one word for each ranker is enough.
///
/// shape: `Rankers` lists, or any number of lists up to `max_rankers` if it is `max_rankers`
/// cost: no allocation; about 3 ns for each shown item and other ranker
template <std::size_t Rankers>
class mask_offers {
public:
    static constexpr std::size_t most = 64;

    /// Read the lists for a slate of `length` slots. assumes: length <= most
    mask_offers(rankings lists, std::size_t length) noexcept : count_(static_cast<unsigned>(lists.size()))
    {
        bool repeats = false;
        for (unsigned r = 0; r < count(); ++r) {
            keys_[r] = lists[r].data();
            const auto size = static_cast<unsigned>(lists[r].size() < length ? lists[r].size() : length);
            sizes_[r] = size;
            unshown_[r] = size == 0 ? 0 : ~std::uint64_t{0} >> (64 - size);
            std::uint16_t* prints = prints_[r].data();
            // A filter of 1,024 bits finds most lists distinct without comparing their entries with each other.
            std::array<std::uint64_t, 16> filter{};
            std::uint64_t met = 0;
            for (unsigned i = 0; i < size; ++i) {
                const std::uint16_t print = print_of(keys_[r][i]);
                prints[i] = print;
                std::uint64_t& word = filter[(print >> 6) & 15U];
                met |= word >> (print & 63U);
                word |= std::uint64_t{1} << (print & 63U);
            }
            for (unsigned i = size; i % 16 != 0; ++i) {
                prints[i] = 0;
            }
            repeats = repeats || ((met & 1U) != 0 && repeats_in(r));
        }
        distinct_ = !repeats;
    }

    /// Say whether the entries that can reach the slate are distinct within each list. If not, this class cannot be used.
    [[nodiscard]] bool distinct() const noexcept { return distinct_; }

    /// Count the items that a ranker has left, up to a bound.
    [[nodiscard]] unsigned left(unsigned ranker, unsigned bound) const noexcept
    {
        std::uint64_t mask = unshown_[ranker];
        unsigned found = 0;
        while (found < bound && mask != 0) {
            mask &= mask - 1;
            ++found;
        }
        return found;
    }

    /// Say whether a ranker has no item left.
    [[nodiscard]] bool dry(unsigned ranker) const noexcept { return unshown_[ranker] == 0; }

    /// Return the place of the ranker's best item that is not shown yet. assumes: the ranker has an item left
    [[nodiscard]] std::uint32_t best(unsigned ranker) const noexcept
    {
        return static_cast<std::uint32_t>(std::countr_zero(unshown_[ranker]));
    }

    /// Say whether two rankers would show the same item next. assumes: both have an item left
    [[nodiscard]] bool agree(unsigned a, unsigned b) const noexcept
    {
        return keys_[a][best(a)] == keys_[b][best(b)];
    }

    /// Show a ranker's best item, so that no list offers it again. assumes: the ranker has an item left
    void show_best(unsigned ranker) noexcept
    {
        const std::uint32_t index = best(ranker);
        const item_key shown = keys_[ranker][index];
        const std::uint16_t print = prints_[ranker][index];
        unshown_[ranker] &= unshown_[ranker] - 1;
        for (unsigned r = 0; r < count(); ++r) {
            if (r != ranker) {
                strike(r, shown, print);
            }
        }
    }

private:
    [[nodiscard]] unsigned count() const noexcept
    {
        return Rankers == max_rankers ? count_ : static_cast<unsigned>(Rankers);
    }

    void strike(unsigned ranker, item_key key, std::uint16_t print) noexcept
    {
        const std::uint64_t same = matches(prints_[ranker].data(), sizes_[ranker], print) & unshown_[ranker];
        if ((same & (same - 1)) != 0) [[unlikely]] {
            strike_one_by_one(ranker, key);
        } else if (sizes_[ranker] != 0) {
            // There is at most one candidate. It is compared without a branch, since whether there is one cannot be
            // predicted.
            const int index = same == 0 ? 0 : std::countr_zero(same);
            unshown_[ranker] &= ~(keys_[ranker][index] == key ? same : 0);
        }
    }

    JOUST_NOINLINE void strike_one_by_one(unsigned ranker, item_key key) noexcept
    {
        for (unsigned i = 0; i < sizes_[ranker]; ++i) {
            if (keys_[ranker][i] == key) {
                unshown_[ranker] &= ~(std::uint64_t{1} << i);
            }
        }
    }

    [[nodiscard]] JOUST_NOINLINE bool repeats_in(unsigned ranker) const noexcept
    {
        for (unsigned i = 0; i < sizes_[ranker]; ++i) {
            // The entries before this one that have the same print.
            std::uint64_t same = matches(prints_[ranker].data(), sizes_[ranker], prints_[ranker][i]) &
                                 ((std::uint64_t{1} << i) - 1);
            for (; same != 0; same &= same - 1) {
                if (keys_[ranker][std::countr_zero(same)] == keys_[ranker][i]) {
                    return true;
                }
            }
        }
        return false;
    }

    unsigned count_;
    bool distinct_;
    std::array<const item_key*, Rankers> keys_;
    std::array<unsigned, Rankers> sizes_;
    std::array<std::uint64_t, Rankers> unshown_;
    alignas(16) std::array<std::array<std::uint16_t, most>, Rankers> prints_;
};

/// Number all different items once, and then remember by number which items are shown. The lists may have any length and any
/// duplicates.
/// cost: about 10 ns for each entry that can reach the slate; memory comes from the thread's scratch
class numbered_offers {
public:
    /// Read the lists for a slate of `length` slots.
    numbered_offers(rankings lists, std::size_t length)
        : entries_(entries_of(lists, length)), cell_count_(std::bit_ceil(2 * entries_ + 2)),
          memory_(cell_count_ * sizeof(cell) + entries_ * (2 * sizeof(std::uint32_t) + sizeof(std::uint16_t)))
    {
        cells_ = memory_.take<cell>(cell_count_);
        numbers_ = memory_.take<std::uint32_t>(entries_);
        indices_ = memory_.take<std::uint32_t>(entries_);
        holders_ = memory_.take<std::uint16_t>(entries_);
        for (std::size_t i = 0; i < cell_count_; ++i) {
            cells_[i] = {};
        }
        std::size_t start = 0;
        for (unsigned r = 0; r < lists.size(); ++r) {
            starts_[r] = start;
            number(lists[r], r, length);
            start += left_[r];
        }
    }

    [[nodiscard]] unsigned left(unsigned ranker, unsigned bound) const noexcept
    {
        return left_[ranker] < bound ? static_cast<unsigned>(left_[ranker]) : bound;
    }
    [[nodiscard]] bool dry(unsigned ranker) const noexcept { return left_[ranker] == 0; }

    [[nodiscard]] std::uint32_t best(unsigned ranker) noexcept { return indices_[best_entry(ranker)]; }

    [[nodiscard]] bool agree(unsigned a, unsigned b) noexcept
    {
        return numbers_[best_entry(a)] == numbers_[best_entry(b)];
    }

    void show_best(unsigned ranker) noexcept
    {
        std::uint16_t& holders = holders_[numbers_[best_entry(ranker)]];
        for (unsigned r = 0, rest = holders; rest != 0; ++r, rest >>= 1) {
            left_[r] -= rest & 1U;
        }
        holders |= shown;
    }

private:
    static constexpr std::uint16_t shown = 0x8000;  // the bit above those of 15 rankers

    struct cell {
        item_key key = 0;
        std::uint32_t number_plus_one = 0;  // 0 where the cell is free
    };

    [[nodiscard]] static std::size_t entries_of(rankings lists, std::size_t length) noexcept
    {
        std::size_t entries = 0;
        for (const ranking& list : lists) {
            entries += list.size() < length ? list.size() : length;
        }
        return entries;
    }

    // assumes: the ranker has an item left
    [[nodiscard]] std::size_t best_entry(unsigned ranker) noexcept
    {
        std::size_t& cursor = cursors_[ranker];
        while ((holders_[numbers_[starts_[ranker] + cursor]] & shown) != 0) {
            ++cursor;
        }
        return starts_[ranker] + cursor;
    }

    // Entries after the first `length` different ones of a list cannot reach the slate.
    void number(ranking list, unsigned ranker, std::size_t length) noexcept
    {
        cursors_[ranker] = 0;
        std::size_t& found = left_[ranker];
        found = 0;
        const auto bit = static_cast<std::uint16_t>(1U << ranker);
        for (std::size_t i = 0; i < list.size() && found < length; ++i) {
            const std::uint32_t number = number_of(list[i]);
            if ((holders_[number] & bit) == 0) {
                holders_[number] |= bit;
                numbers_[starts_[ranker] + found] = number;
                indices_[starts_[ranker] + found] = static_cast<std::uint32_t>(i);
                ++found;
            }
        }
    }

    [[nodiscard]] std::uint32_t number_of(item_key key) noexcept
    {
        const std::size_t mask = cell_count_ - 1;
        std::size_t at = static_cast<std::size_t>(mix64(key)) & mask;
        while (cells_[at].number_plus_one != 0 && cells_[at].key != key) {
            at = (at + 1) & mask;
        }
        if (cells_[at].number_plus_one == 0) {
            holders_[count_] = 0;
            cells_[at] = {key, ++count_};
        }
        return cells_[at].number_plus_one - 1;
    }

    std::size_t entries_;
    std::size_t cell_count_;
    scratch memory_;
    cell* cells_;
    std::uint32_t* numbers_;  // the item numbers of all lists, list after list, each item once for each list
    std::uint32_t* indices_;  // the position of that item in its list
    std::uint16_t*
        holders_;  // for each item number, the rankers whose lists hold it, and whether it is shown
    std::uint32_t count_ = 0;
    std::array<std::size_t, max_rankers> starts_;
    std::array<std::size_t, max_rankers> left_;
    std::array<std::size_t, max_rankers> cursors_;
};

/// Read the lists by the class that suits them, and let an interleaver draft from it.
template <std::size_t Rankers, class Play>
void with_offers(rankings lists, const draft& out, Play&& play)
{
    if (out.length() <= mask_offers<Rankers>::most) {
        mask_offers<Rankers> offers{lists, out.length()};
        if (offers.distinct()) [[likely]] {
            play(offers);
            return;
        }
    }
    numbered_offers offers{lists, out.length()};
    play(offers);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
