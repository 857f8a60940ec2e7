// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/hash.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/linear_programme.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/scratch.hpp>
#include <joust/interleave/two_lists.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace joust {
inline namespace v0 {

/// What a ranker earns by a click on an item, from 0 to 1, given where it ranks the item.
///
/// Only a ranker's first entries have a rank, as many as the law decides slots. All other items have the next rank after them.
enum class rank_credit : std::uint8_t {
    /// The credit is 1 / rank.
    inverse_rank,
    /// The credit falls by the same amount from rank to rank, from 1 at the top to 0 for an item without a rank.
    rank_difference
};

/// How often the calling thread needed a law for a pattern of lists, and with what result.
struct optimization_counts {
    /// How often the law was known already.
    std::uint64_t cached = 0;
    /// How often a law was found for all slots that can be optimised.
    std::uint64_t solved = 0;
    /// How often a law was found for fewer slots only. The other slots give no credit.
    std::uint64_t shortened = 0;
    /// How often no law was found even for the first slot. The slate then gives no credit.
    std::uint64_t none = 0;
    bool operator==(const optimization_counts&) const = default;
};

namespace detail {

/// The pattern of several lists: which of their entries are the same items. Lists with the same pattern have the same law.
/// cost: about 40 ns for two lists of ten entries; with more rankers every entry is compared with all items before it
class list_pattern {
public:
    static constexpr std::size_t most_entries = 10;
    static constexpr std::size_t most_items = max_rankers * most_entries;

    /// Read the lists for a slate of `length` slots. assumes: at most `max_rankers` lists
    list_pattern(rankings lists, std::size_t length) noexcept
        : rankers_(static_cast<unsigned>(lists.size())),
          entries_(static_cast<unsigned>(length < most_entries ? length : most_entries))
    {
        if (rankers_ != 2 || !number_two(lists[0], lists[1])) {
            number(lists);
        }
    }

    [[nodiscard]] unsigned rankers() const noexcept { return rankers_; }
    /// Return the most entries of a list that count.
    [[nodiscard]] unsigned entries() const noexcept { return entries_; }
    [[nodiscard]] unsigned items() const noexcept { return items_; }
    [[nodiscard]] unsigned size(unsigned ranker) const noexcept { return sizes_[ranker]; }
    /// Return the number of the item at a place. Items are numbered in the order in which they first occur, list after list.
    [[nodiscard]] unsigned item(unsigned ranker, unsigned place) const noexcept
    {
        return numbers_[ranker * most_entries + place];
    }
    /// Return the position of a place in its list.
    [[nodiscard]] std::uint32_t index(unsigned ranker, unsigned place) const noexcept
    {
        return repeats_ ? indices_[ranker * most_entries + place] : place;
    }

    /// Return the number of the item at a position of a list, or items() if the position does not count.
    [[nodiscard]] unsigned item_at(unsigned ranker, std::uint32_t index) const noexcept
    {
        if (!repeats_) {
            return index < size(ranker) ? item(ranker, index) : items_;
        }
        for (unsigned place = 0; place < size(ranker); ++place) {
            if (this->index(ranker, place) == index) {
                return item(ranker, place);
            }
        }
        return items_;
    }

    static constexpr std::size_t most_bytes = 2 + max_rankers * (1 + most_entries);

    /// Write the pattern as bytes. Two patterns are equal exactly if their bytes are. Returns the number of bytes.
    [[nodiscard]] std::size_t write(std::uint8_t* to) const noexcept
    {
        std::size_t at = 0;
        to[at++] = static_cast<std::uint8_t>(rankers_);
        to[at++] = static_cast<std::uint8_t>(entries_);
        for (unsigned r = 0; r < rankers_; ++r) {
            to[at++] = static_cast<std::uint8_t>(sizes_[r]);
            std::memcpy(to + at, &numbers_[r * most_entries], most_entries);
            at += most_entries;
        }
        return at;
    }

private:
    // Numbers the items of two lists by their crossings. Returns false if a list repeats an item.
    [[nodiscard]] bool number_two(ranking a, ranking b) noexcept
    {
        a = a.size() < entries_ ? a : a.first(entries_);
        b = b.size() < entries_ ? b : b.first(entries_);
        crossings met;
        if (!cross(a, b, met)) [[unlikely]] {
            return false;
        }
        sizes_[0] = static_cast<std::uint8_t>(a.size());
        sizes_[1] = static_cast<std::uint8_t>(b.size());
        std::memset(numbers_.data(), 0, 2 * most_entries);
        for (unsigned i = 0; i < a.size(); ++i) {
            numbers_[i] = static_cast<std::uint8_t>(i);
        }
        auto next = static_cast<unsigned>(a.size());
        for (unsigned j = 0; j < b.size(); ++j) {
            // Without a branch, since whether the item is new cannot be predicted.
            const std::uint32_t same = met.of[1][j] & met.unshown[0];
            numbers_[most_entries + j] =
                static_cast<std::uint8_t>(same != 0 ? lowest_bit(same | crossings::end) : next);
            next += unsigned{same == 0};
        }
        items_ = next;
        return true;
    }

    void number(rankings lists) noexcept
    {
        repeats_ = true;
        items_ = 0;
        std::array<item_key, most_items> keys;
        std::memset(numbers_.data(), 0, rankers_ * most_entries);
        for (unsigned r = 0; r < rankers_; ++r) {
            unsigned size = 0;
            for (std::size_t i = 0; i < lists[r].size() && size < entries_; ++i) {
                const item_key key = lists[r][i];
                unsigned known = 0;
                while (known < items_ && keys[known] != key) {
                    ++known;
                }
                bool again = false;
                for (unsigned place = 0; place < size; ++place) {
                    again = again || item(r, place) == known;
                }
                if (again) {
                    continue;
                }
                if (known == items_) {
                    keys[items_++] = key;
                }
                numbers_[r * most_entries + size] = static_cast<std::uint8_t>(known);
                indices_[r * most_entries + size] = static_cast<std::uint32_t>(i);
                ++size;
            }
            sizes_[r] = static_cast<std::uint8_t>(size);
        }
    }

    unsigned rankers_;
    unsigned entries_;
    unsigned items_ = 0;
    bool repeats_ = false;
    std::array<std::uint8_t, max_rankers> sizes_;
    std::array<std::uint8_t, most_items> numbers_;
    std::array<std::uint32_t, most_items> indices_;
};

/// The rank that every ranker gives to every item, from 1. An item that a ranker does not rank has the rank after its last one
/// that counts.
class item_ranks {
public:
    explicit item_ranks(const list_pattern& pattern) noexcept : stride_(pattern.items() + 1)
    {
        std::memset(ranks_.data(), static_cast<int>(pattern.entries() + 1), pattern.rankers() * stride_);
        for (unsigned r = 0; r < pattern.rankers(); ++r) {
            for (unsigned place = 0; place < pattern.size(r); ++place) {
                ranks_[r * stride_ + pattern.item(r, place)] = static_cast<std::uint8_t>(place + 1);
            }
        }
    }

    /// Return the rank of an item. The item after the last one is allowed, and no ranker ranks it.
    [[nodiscard]] unsigned operator()(unsigned ranker, unsigned item) const noexcept
    {
        return ranks_[ranker * stride_ + item];
    }

private:
    std::size_t stride_;
    std::array<std::uint8_t, max_rankers*(list_pattern::most_items + 1)> ranks_;
};

/// The requirements of a law.
struct law_request {
    rank_credit credit = rank_credit::inverse_rank;
    /// The cost of a unit of unfairness. A negative cost means that no unfairness is allowed.
    double bias_weight = -1.0;

    [[nodiscard]] bool fair() const noexcept { return bias_weight < 0.0; }
    /// Return what a ranker earns by a click on an item with this rank.
    [[nodiscard]] double earned(unsigned rank, unsigned entries) const noexcept
    {
        return credit == rank_credit::inverse_rank
                   ? 1.0 / static_cast<double>(rank)
                   : static_cast<double>(entries + 1 - rank) / static_cast<double>(entries);
    }
};

/// A probability law: the lists that may be shown, and the probability of each list.
struct optimal_law {
    static constexpr std::size_t most_lists = linear_programme::most_rows;
    static constexpr std::size_t most_columns = 1'024;

    /// How many slots of the slate it decides.
    std::uint8_t slots = 0;
    std::uint8_t lists = 0;
    std::array<double, most_lists> chances;
    /// For each slot of each list, the item that is shown: 16 times its ranker plus its place in the ranker's list.
    std::array<std::array<std::uint8_t, list_pattern::most_entries>, most_lists> picks;
};

/// Find the law that tells rankers apart best.
///
/// A law chooses among all lists in which every slot is some ranker's next item. Under a fair law the rankers' expected credit
/// is equal at every slot. Suppose that users click each slot with a chance in proportion to 1 / position, which gives each
/// ranker a score; of all fair laws the best one has the least mean variance of the scores between the rankers.
///
/// It decides the longest beginning of the slate for which there are at most `optimal_law::most_columns` lists, few enough rows
/// and a fair law.
/// cost: below 200 us for ten slots of two rankers; memory comes from the thread's scratch
class law_finder {
public:
    law_finder(const list_pattern& pattern, const law_request& asked)
        : pattern_(pattern), asked_(asked), memory_(bytes)
    {
        matrix_ = memory_.take<double>(linear_programme::most_rows * most_width);
        costs_ = memory_.take<double>(most_width);
        prices_ = memory_.take<double>(most_width);
        for (auto& level : levels_) {
            level = memory_.take<std::uint8_t>(optimal_law::most_columns * stride);
        }
        const item_ranks rank{pattern};
        for (unsigned r = 0; r < pattern.rankers(); ++r) {
            for (unsigned item = 0; item < pattern.items(); ++item) {
                earned_[r][item] = asked.earned(rank(r, item), pattern.entries());
            }
        }
    }

    /// Find the law. Returns whether it decides as many slots as can be optimised.
    bool find(optimal_law& out) noexcept
    {
        out.slots = 0;
        out.lists = 0;
        const unsigned wanted = pattern_.items() < pattern_.entries() ? pattern_.items() : pattern_.entries();
        for (unsigned slots = grow(wanted); slots > 0; --slots) {
            if (decide(slots, out)) {
                return slots == wanted;
            }
            columns_ = counts_[slots - 1];
        }
        return wanted == 0;
    }

    [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
    [[nodiscard]] const linear_programme& programme() const noexcept { return programme_; }

private:
    class item_set {
    public:
        void insert(unsigned item) noexcept { words_[item / 64] |= std::uint64_t{1} << (item % 64); }
        [[nodiscard]] bool contains(unsigned item) const noexcept
        {
            return ((words_[item / 64] >> (item % 64)) & 1U) != 0;
        }

    private:
        std::array<std::uint64_t, list_pattern::most_items / 64 + 1> words_{};
    };

    // A list is stored as its items, followed by its picks.
    static constexpr std::size_t stride = 2 * list_pattern::most_entries;
    static constexpr std::size_t most_width =
        optimal_law::most_columns + 2 * linear_programme::most_rows + 16;
    static constexpr std::size_t bytes =
        (linear_programme::most_rows + 2) * most_width * sizeof(double) +
        (list_pattern::most_entries + 1) * optimal_law::most_columns * stride;

    // Rows whose distance is a power of two would share a few lines of the cache.
    [[nodiscard]] static constexpr std::size_t stride_of(std::size_t width) noexcept
    {
        return (width + 7) / 8 * 8 + 8;
    }
    [[nodiscard]] std::size_t rows(unsigned slots) const noexcept
    {
        return 1 + std::size_t{slots} * (pattern_.rankers() - (asked_.fair() ? 1U : 0U));
    }

    // Extends all lists slot by slot while there are few enough of them, and keeps every level. Returns the number of slots.
    [[nodiscard]] unsigned grow(unsigned wanted) noexcept
    {
        counts_[0] = 1;
        columns_ = 1;
        for (unsigned slots = 0; slots < wanted; ++slots) {
            if (rows(slots + 1) > linear_programme::most_rows) {
                return slots;
            }
            std::size_t found = 0;
            for (std::size_t c = 0; c < counts_[slots]; ++c) {
                const std::uint8_t* const list = levels_[slots] + c * stride;
                item_set shown;
                item_set offered;
                for (unsigned i = 0; i < slots; ++i) {
                    shown.insert(list[i]);
                }
                for (unsigned r = 0; r < pattern_.rankers(); ++r) {
                    unsigned place = 0;
                    while (place < pattern_.size(r) && shown.contains(pattern_.item(r, place))) {
                        ++place;
                    }
                    if (place == pattern_.size(r) || offered.contains(pattern_.item(r, place))) {
                        continue;  // The ranker has no item left, or its next item is also another ranker's.
                    }
                    if (found == optimal_law::most_columns) {
                        return slots;
                    }
                    const unsigned item = pattern_.item(r, place);
                    std::uint8_t* const longer = levels_[slots + 1] + found++ * stride;
                    std::memcpy(longer, list, stride);
                    longer[slots] = static_cast<std::uint8_t>(item);
                    longer[list_pattern::most_entries + slots] = static_cast<std::uint8_t>(16 * r + place);
                    offered.insert(item);
                }
            }
            counts_[slots + 1] = found;
            columns_ = found;
        }
        return wanted;
    }

    [[nodiscard]] bool decide(unsigned slots, optimal_law& out) noexcept
    {
        const std::size_t width = write(slots);
        const auto state = programme_.solve({.rows = rows(slots),
                                             .columns = width,
                                             .stride = stride_of(width),
                                             .matrix = matrix_,
                                             .bounds = bounds_.data(),
                                             .costs = costs_,
                                             .prices = prices_});
        if (state != programme_state::solved) {
            return false;
        }
        out.slots = static_cast<std::uint8_t>(slots);
        out.lists = 0;
        const auto basis = programme_.basis();
        for (std::size_t r = 0; r < basis.size(); ++r) {
            if (basis[r] < columns_ && programme_.values()[r] > 0.0) {
                out.chances[out.lists] = programme_.values()[r];
                std::memcpy(out.picks[out.lists].data(),
                            levels_[slots] + basis[r] * stride + list_pattern::most_entries,
                            list_pattern::most_entries);
                ++out.lists;
            }
        }
        return true;
    }

    // Writes the programme. Returns the number of its columns.
    [[nodiscard]] std::size_t write(unsigned slots) noexcept
    {
        const unsigned rankers = pattern_.rankers();
        const std::size_t slacks = asked_.fair() ? 0 : 2 * (rows(slots) - 1);
        const std::size_t width = columns_ + slacks;
        const std::size_t next_row = stride_of(width);
        const double share = 1.0 / static_cast<double>(rankers);
        double clicks[list_pattern::most_entries];
        for (unsigned i = 0; i < slots; ++i) {
            clicks[i] = 1.0 / static_cast<double>(i + 1);
        }
        for (std::size_t c = 0; c < columns_; ++c) {
            const std::uint8_t* const list = levels_[slots] + c * stride;
            std::array<double, max_rankers> scores{};
            matrix_[c] = 1.0;
            double* at = matrix_ + next_row + c;
            if (asked_.fair()) {
                // Credit that is equal at every slot is also equal in the sum up to every slot.
                for (unsigned i = 0; i < slots; ++i) {
                    const double first = earned_[0][list[i]];
                    add_product(scores[0], clicks[i], first);
                    for (unsigned r = 1; r < rankers; ++r, at += next_row) {
                        const double credit = earned_[r][list[i]];
                        add_product(scores[r], clicks[i], credit);
                        *at = credit - first;
                    }
                }
            } else {
                std::array<double, max_rankers> sums{};
                for (unsigned i = 0; i < slots; ++i) {
                    double mean = 0.0;
                    for (unsigned r = 0; r < rankers; ++r) {
                        const double credit = earned_[r][list[i]];
                        add_product(scores[r], clicks[i], credit);
                        sums[r] += credit;
                        add_product(mean, sums[r], share);
                    }
                    for (unsigned r = 0; r < rankers; ++r, at += next_row) {
                        *at = sums[r] - mean;
                    }
                }
            }
            double mean = 0.0;
            for (unsigned r = 0; r < rankers; ++r) {
                add_product(mean, scores[r], share);
            }
            double cost = 0.0;
            for (unsigned r = 0; r < rankers; ++r) {
                add_product(cost, scores[r] - mean, scores[r] - mean);
            }
            costs_[c] = cost;
        }
        // Two slack columns for each row hold its deviation upwards and downwards.
        for (std::size_t r = 0; r < rows(slots); ++r) {
            for (std::size_t s = 0; s < slacks; ++s) {
                matrix_[r * next_row + columns_ + s] = r == s / 2 + 1 ? (s % 2 == 0 ? 1.0 : -1.0) : 0.0;
            }
        }
        for (std::size_t s = 0; s < slacks; ++s) {
            costs_[columns_ + s] = asked_.bias_weight;
        }
        return width;
    }

    const list_pattern& pattern_;
    law_request asked_;
    scratch memory_;
    std::array<double, linear_programme::most_rows> bounds_{
        1.0};  // The chances sum to 1, and all other rows are 0.
    double* matrix_;
    double* costs_;
    double* prices_;
    std::uint8_t* levels_[list_pattern::most_entries + 1];
    std::size_t counts_[list_pattern::most_entries + 1];
    std::size_t columns_ = 1;
    double earned_[max_rankers][list_pattern::most_items];
    linear_programme programme_;
};

/// Remember the laws of the patterns that the thread met last.
///
/// Each pattern belongs to one place of the cache and replaces the pattern that was there. Patterns are compared in full. There
/// is no lock, and no allocation if the law is known.
/// cost: about 100 kB for each thread that uses it
class law_cache {
public:
    static constexpr std::size_t places = 128;

    /// Return the law of a pattern, and find it if it is not known. The reference is valid until the thread's next call with
    /// another pattern or request.
    [[nodiscard]] static const optimal_law& law(const list_pattern& pattern, const law_request& asked)
    {
        law_cache& cache = of_this_thread();
        if (cache.entries_.empty()) [[unlikely]] {
            cache.entries_.resize(places);
        }
        std::uint8_t key[most_key];
        std::memcpy(key, &asked.bias_weight, sizeof asked.bias_weight);
        key[8] = static_cast<std::uint8_t>(asked.credit);
        const std::size_t size = 9 + pattern.write(key + 9);
        entry& here = cache.entries_[xxh64(static_cast<const void*>(key), size) % places];
        if (here.size == size && std::memcmp(here.key, key, size) == 0) [[likely]] {
            ++cache.counts_.cached;
            return here.law;
        }
        cache.find(pattern, asked, here);
        std::memcpy(here.key, key, size);
        here.size = size;
        return here.law;
    }

    [[nodiscard]] static optimization_counts counts() noexcept { return of_this_thread().counts_; }

private:
    static constexpr std::size_t most_key = 9 + list_pattern::most_bytes;

    struct entry {
        std::size_t size = 0;
        std::uint8_t key[most_key];
        optimal_law law;
    };

    JOUST_NOINLINE void find(const list_pattern& pattern, const law_request& asked, entry& here)
    {
        here.size = 0;
        const bool whole = law_finder{pattern, asked}.find(here.law);
        ++(whole ? counts_.solved : here.law.slots > 0 ? counts_.shortened : counts_.none);
    }

    [[nodiscard]] static law_cache& of_this_thread() noexcept
    {
        static thread_local law_cache cache;
        return cache;
    }

    std::vector<entry> entries_;
    optimization_counts counts_;
};

}  // namespace detail

}  // namespace v0
}  // namespace joust
