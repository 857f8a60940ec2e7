// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/scratch.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace joust {
inline namespace v0 {
namespace detail {

/// The items that two lists can still show: a bit for each different item, and the place of each item in the other list.
class long_offers {
public:
    /// Return the place of a ranker's best item that is not shown yet, or `end`.
    [[nodiscard]] std::uint32_t best(unsigned ranker) noexcept
    {
        const std::uint64_t* words = unshown_[ranker];
        std::uint32_t& at = at_[ranker];
        while (words[at] == 0) {
            ++at;
        }
        return 64 * at + static_cast<std::uint32_t>(std::countr_zero(words[at]));
    }
    [[nodiscard]] std::uint32_t end(unsigned ranker) const noexcept { return sizes_[ranker]; }
    [[nodiscard]] std::uint32_t left(unsigned ranker) const noexcept { return left_[ranker]; }

    /// Say whether a place of the first list and a place of the second hold the same item.
    [[nodiscard]] bool agree(std::uint32_t first, std::uint32_t second) const noexcept
    {
        return partner_[0][first] == second;
    }

    /// Show an item, so that neither list offers it again. assumes: it is not shown yet
    void show(unsigned ranker, std::uint32_t place) noexcept
    {
        const std::uint32_t other = partner_[ranker][place];
        strike(ranker, place);
        strike(1 - ranker, other);
        --left_[ranker];
        left_[1 - ranker] -= unsigned{other < sizes_[1 - ranker]};
    }

    [[nodiscard]] std::uint32_t index(unsigned ranker, std::uint32_t place) const noexcept
    {
        return index_[ranker][place];
    }

private:
    friend class long_lists;

    void strike(unsigned ranker, std::uint32_t place) noexcept
    {
        unshown_[ranker][place / 64] &= ~(std::uint64_t{1} << (place % 64));
    }

    std::uint64_t* unshown_[2];
    std::uint32_t* partner_[2];
    std::uint32_t* index_[2];
    std::uint32_t sizes_[2] = {0, 0};
    std::uint32_t left_[2];
    std::uint32_t at_[2] = {0, 0};
};

/// Read two lists of any length: number their items, and find each item in the other list.
///
/// Repeated items are left out, so places count different items. `index` turns a place into the position in the list.
/// cost: about 4 ns for each entry that can reach the slate; memory comes from the thread's scratch
class long_lists {
public:
    /// assumes: a length of at most `draft::max_slots`
    long_lists(const ranking (&lists)[2], std::size_t length)
        : bounds_{bound(lists[0], length), bound(lists[1], length)},
          cells_(std::bit_ceil(2 * (bounds_[0] + bounds_[1]) + 2)), memory_(bytes_needed())
    {
        keys_ = memory_.take<item_key>(bounds_[0] + bounds_[1]);
        for (unsigned r = 0; r < 2; ++r) {
            offers_.unshown_[r] = memory_.take<std::uint64_t>(bitmap_words(bounds_[r]));
        }
        for (unsigned r = 0; r < 2; ++r) {
            offers_.partner_[r] = memory_.take<std::uint32_t>(bounds_[r] + 1);
            offers_.index_[r] = memory_.take<std::uint32_t>(bounds_[r]);
        }
        table_ = memory_.take<std::uint32_t>(cells_);
        std::memset(table_, 0, cells_ * sizeof *table_);
        read_first(lists[0]);
        read_second(lists[1]);
        for (unsigned r = 0; r < 2; ++r) {
            // There is one bit more than places, so that a search ends, and one bit after it for items that the other list
            // does not hold.
            const std::size_t bits = offers_.sizes_[r] + 1;
            std::memset(offers_.unshown_[r], 0, bitmap_words(bounds_[r]) * sizeof *offers_.unshown_[r]);
            std::memset(offers_.unshown_[r], 0xff, bits / 8);
            offers_.unshown_[r][bits / 64] |= (std::uint64_t{1} << (bits % 64)) - 1;
            offers_.partner_[r][offers_.sizes_[r]] = none(1 - r);
            offers_.left_[r] = offers_.sizes_[r];
        }
    }

    /// Return what the lists offer. It is valid as long as this object lives. It is a copy, since compilers keep the members of
    /// a local copy in registers.
    [[nodiscard]] long_offers offers() const noexcept { return offers_; }

private:
    [[nodiscard]] static std::size_t bound(ranking list, std::size_t length) noexcept
    {
        return list.size() < length ? list.size() : length;
    }
    [[nodiscard]] static std::size_t bitmap_words(std::size_t places) noexcept
    {
        return (places + 2) / 64 + 1;
    }
    [[nodiscard]] std::size_t bytes_needed() const noexcept
    {
        const std::size_t places = bounds_[0] + bounds_[1];
        return 8 * (places + bitmap_words(bounds_[0]) + bitmap_words(bounds_[1])) +
               4 * (2 * places + 2 + cells_);
    }
    [[nodiscard]] std::uint32_t none(unsigned ranker) const noexcept { return offers_.sizes_[ranker] + 1; }

    /// The cells of the hash table. Each cell holds the number of an item plus one, or 0 if it is free.
    struct table {
        std::uint32_t* cells;
        const item_key* keys;
        std::size_t mask;

        [[nodiscard]] JOUST_ALWAYS_INLINE std::uint32_t& cell_of(item_key key) const noexcept
        {
            std::size_t at = static_cast<std::size_t>((key ^ (key >> 32)) * 0x9e3779b97f4a7c15U >> 32) & mask;
            while (cells[at] != 0 && keys[cells[at] - 1] != key) {
                at = (at + 1) & mask;
            }
            return cells[at];
        }
    };

    void read_first(ranking list) noexcept
    {
        const table known{table_, keys_, cells_ - 1};
        item_key* const keys = keys_;
        std::uint32_t* const index = offers_.index_[0];
        std::uint32_t* const partner = offers_.partner_[0];
        const std::size_t bound = bounds_[0];
        std::uint32_t size = 0;
        for (std::size_t i = 0; i < list.size() && size < bound; ++i) {
            std::uint32_t& cell = known.cell_of(list[i]);
            if (cell == 0) [[likely]] {
                keys[size] = list[i];
                index[size] = static_cast<std::uint32_t>(i);
                partner[size] = unmet;
                cell = ++size;
            }
        }
        offers_.sizes_[0] = size;
    }

    void read_second(ranking list) noexcept
    {
        const table known{table_, keys_, cells_ - 1};
        item_key* const keys = keys_;
        std::uint32_t* const index = offers_.index_[1];
        std::uint32_t* const partner = offers_.partner_[1];
        std::uint32_t* const partner_of_first = offers_.partner_[0];
        const std::size_t bound = bounds_[1];
        const std::uint32_t size_of_first = offers_.sizes_[0];
        std::uint32_t numbers = size_of_first;
        std::uint32_t size = 0;
        for (std::size_t i = 0; i < list.size() && size < bound; ++i) {
            std::uint32_t& cell = known.cell_of(list[i]);
            if (cell == 0) {
                keys[numbers] = list[i];
                cell = ++numbers;
                partner[size] = size_of_first + 1;
            } else if (cell <= size_of_first && partner_of_first[cell - 1] == unmet) {
                partner_of_first[cell - 1] = size;
                partner[size] = cell - 1;
            } else {
                continue;
            }
            index[size++] = static_cast<std::uint32_t>(i);
        }
        offers_.sizes_[1] = size;
        for (std::uint32_t i = 0; i < size_of_first; ++i) {
            partner_of_first[i] = partner_of_first[i] == unmet ? size + 1 : partner_of_first[i];
        }
    }

    static constexpr std::uint32_t unmet = 0xffff'ffff;

    std::size_t bounds_[2];
    std::size_t cells_;
    scratch memory_;
    item_key* keys_;
    std::uint32_t* table_;
    long_offers offers_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
