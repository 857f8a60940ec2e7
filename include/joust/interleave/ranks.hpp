// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// An array of zeros whose size is chosen at run time. A small one is inside the object, without an allocation.
template <class T, std::size_t Inline>
class late_array {
public:
    explicit late_array(std::size_t size = 0) { restart(size); }
    late_array(const late_array&) = delete;
    late_array& operator=(const late_array&) = delete;

    void restart(std::size_t size)
    {
        size_ = size;
        if (size > Inline) {
            more_.assign(size, T{});
            data_ = more_.data();
            return;
        }
        data_ = inline_.data();
        for (std::size_t i = 0; i < size; ++i) {
            inline_[i] = T{};
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T* data() noexcept { return data_; }
    [[nodiscard]] const T* data() const noexcept { return data_; }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }

private:
    std::size_t size_ = 0;
    T* data_ = nullptr;
    std::array<T, Inline> inline_;
    std::vector<T> more_;
};

/// Number the different items of all lists, and say how each ranker ranks each of them.
///
/// Ranks begin with 1 and count different items, so a second copy of an item has no rank. An item that a list does not hold has
/// the rank right after the end of the list: the number of its items plus one.
/// cost: about 13 ns for each entry; an allocation for more than 128 entries or 512 ranks
class rank_table {
public:
    static constexpr std::uint32_t unknown = 0xffff'ffff;

    explicit rank_table(rankings lists)
        : rankers_(static_cast<unsigned>(lists.size())), starts_(lists.size() + 1), sizes_(lists.size())
    {
        std::size_t entries = 0;
        for (const ranking& list : lists) {
            entries += list.size();
        }
        cells_.restart(std::bit_ceil(2 * entries));
        places_.restart(entries);
        ranks_.restart(entries * rankers_);
        std::size_t start = 0;
        for (unsigned r = 0; r < rankers_; ++r) {
            starts_[r] = start;
            for (std::size_t i = 0; i < lists[r].size(); ++i) {
                const std::uint32_t item = number(lists[r][i]);
                std::uint32_t& rank = ranks_[std::size_t{item} * rankers_ + r];
                if (rank == 0) {
                    rank = ++sizes_[r];
                    places_[start++] = {item, static_cast<std::uint32_t>(i)};
                }
            }
        }
        for (std::size_t i = 0; i < std::size_t{items_} * rankers_; ++i) {
            if (ranks_[i] == 0) {
                ranks_[i] = sizes_[i % rankers_] + 1;
            }
        }
    }

    [[nodiscard]] unsigned rankers() const noexcept { return rankers_; }
    /// Count the different items of all lists.
    [[nodiscard]] std::uint32_t items() const noexcept { return items_; }
    /// Count the different items of one list.
    [[nodiscard]] std::uint32_t size(unsigned ranker) const noexcept { return sizes_[ranker]; }

    [[nodiscard]] std::uint32_t rank(unsigned ranker, std::uint32_t item) const noexcept
    {
        return ranks_[std::size_t{item} * rankers_ + ranker];
    }
    [[nodiscard]] bool holds(unsigned ranker, std::uint32_t item) const noexcept
    {
        return rank(ranker, item) <= size(ranker);
    }
    /// Return the ranker that ranks an item best. Of several it is the first.
    [[nodiscard]] unsigned keenest(std::uint32_t item) const noexcept
    {
        unsigned best = rankers_;
        for (unsigned r = 0; r < rankers_; ++r) {
            if (holds(r, item) && (best == rankers_ || rank(r, item) < rank(best, item))) {
                best = r;
            }
        }
        return best;
    }

    /// Return the item at a rank. assumes: 1 <= rank <= size(ranker)
    [[nodiscard]] std::uint32_t item(unsigned ranker, std::size_t rank) const noexcept
    {
        return places_[starts_[ranker] + rank - 1].item;
    }
    /// Return the position in the ranker's list of the item at a rank.
    [[nodiscard]] std::uint32_t index(unsigned ranker, std::size_t rank) const noexcept
    {
        return places_[starts_[ranker] + rank - 1].index;
    }

    /// Return the number of an item, or `unknown` where no list holds it.
    [[nodiscard]] std::uint32_t find(item_key key) const noexcept
    {
        const std::size_t mask = cells_.size() - 1;
        std::size_t at = static_cast<std::size_t>(mix64(key)) & mask;
        while (cells_[at].item_plus_one != 0 && cells_[at].key != key) {
            at = (at + 1) & mask;
        }
        return cells_[at].item_plus_one - 1;
    }

    /// Return a slot that shows an item, taken from the list of the ranker that ranks it best. It gives no credit.
    [[nodiscard]] slot show(std::uint32_t item) const noexcept
    {
        const unsigned ranker = keenest(item);
        return {index(ranker, rank(ranker, item)), no_pair, static_cast<std::uint8_t>(ranker), no_team};
    }

private:
    struct cell {
        item_key key = 0;
        std::uint32_t item_plus_one = 0;  // 0 where the cell is free
    };
    struct place {
        std::uint32_t item = 0;
        std::uint32_t index = 0;
    };

    [[nodiscard]] std::uint32_t number(item_key key) noexcept
    {
        const std::size_t mask = cells_.size() - 1;
        std::size_t at = static_cast<std::size_t>(mix64(key)) & mask;
        while (cells_[at].item_plus_one != 0 && cells_[at].key != key) {
            at = (at + 1) & mask;
        }
        if (cells_[at].item_plus_one == 0) {
            cells_[at] = {key, ++items_};
        }
        return cells_[at].item_plus_one - 1;
    }

    unsigned rankers_;
    std::uint32_t items_ = 0;
    late_array<cell, 256> cells_;
    late_array<place, 128> places_;  // the different items of each list, the best first, list after list
    late_array<std::uint32_t, 512> ranks_;  // by item, then by ranker
    late_array<std::size_t, max_rankers + 1> starts_;
    late_array<std::uint32_t, max_rankers> sizes_;
};

/// The number of the item in each shown slot; `rank_table::unknown` where a slot points outside its list.
class shown_items {
public:
    shown_items(const rank_table& table, rankings lists, const draft& shown) : items_(shown.size())
    {
        for (std::size_t i = 0; i < shown.size(); ++i) {
            const slot& next = shown[i];
            items_[i] = next.ranker < lists.size() && next.index < lists[next.ranker].size()
                            ? table.find(lists[next.ranker][next.index])
                            : rank_table::unknown;
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] std::uint32_t operator[](std::size_t position) const noexcept { return items_[position]; }

private:
    late_array<std::uint32_t, draft::inline_slots> items_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
