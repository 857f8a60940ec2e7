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
/// An item that is not among a ranker's first entries, as many as are optimised, ranks right behind them all.
enum class rank_credit : std::uint8_t {
    /// 1 / rank
    inverse_rank,
    /// falls by the same amount from rank to rank, from 1 at the top to 0 for an item it does not rank
    rank_difference
};

/// How often the calling thread needed a law for a pattern of lists, and what it came to.
struct optimization_counts {
    /// the law was known
    std::uint64_t cached = 0;
    /// a programme was solved for as many slots as may be optimised
    std::uint64_t solved = 0;
    /// only fewer slots have a law that is fair, or few enough lists; the rest credits nobody
    std::uint64_t shortened = 0;
    /// not even the first slot has: the slate credits nobody
    std::uint64_t none = 0;
    bool operator==(const optimization_counts&) const = default;
};

namespace detail {

/// Say how the lists lie to each other and nothing else: which entries are the same items. Lists with the same pattern
/// have the same law.
///
/// cost: two lists about 40 ns for ten entries; more rankers compare every entry with all items before it
class list_pattern {
public:
    static constexpr std::size_t most_entries = 10;
    static constexpr std::size_t most_items = max_rankers * most_entries;

    /// assumes: at most `max_rankers` lists
    list_pattern(rankings lists, std::size_t length) noexcept
        : rankers_(static_cast<unsigned>(lists.size())),
          entries_(static_cast<unsigned>(length < most_entries ? length : most_entries))
    {
        if (rankers_ != 2 || !number_two(lists[0], lists[1])) {
            number(lists);
        }
    }

    [[nodiscard]] unsigned rankers() const noexcept { return rankers_; }
    /// The most entries of a list that count.
    [[nodiscard]] unsigned entries() const noexcept { return entries_; }
    [[nodiscard]] unsigned items() const noexcept { return items_; }
    [[nodiscard]] unsigned size(unsigned ranker) const noexcept { return sizes_[ranker]; }
    /// The number of the item at a place. Items are numbered as they are met, list after list.
    [[nodiscard]] unsigned item(unsigned ranker, unsigned place) const noexcept
    {
        return numbers_[ranker * most_entries + place];
    }
    /// Where in its list the entry stands.
    [[nodiscard]] std::uint32_t index(unsigned ranker, unsigned place) const noexcept
    {
        return repeats_ ? indices_[ranker * most_entries + place] : place;
    }

    /// The number of the item at a position of a list, or that behind the last item where it does not count.
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

    /// Write the pattern down, so that two are equal exactly if their bytes are. Returns how many.
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
    // Two lists without repeats, as crossings tell them.
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
            // Without a branch, since whether the item is new cannot be guessed.
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

/// Every ranker's rank of every item, beginning with 1; one behind the entries that count where it does not rank it.
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

    /// Also of the item behind the last, which nobody ranks.
    [[nodiscard]] unsigned operator()(unsigned ranker, unsigned item) const noexcept
    {
        return ranks_[ranker * stride_ + item];
    }

private:
    std::size_t stride_;
    std::array<std::uint8_t, max_rankers*(list_pattern::most_items + 1)> ranks_;
};

/// What is asked of a law.
struct law_request {
    rank_credit credit = rank_credit::inverse_rank;
    /// what a unit of unfairness costs; below zero it is not allowed at all
    double bias_weight = -1.0;

    [[nodiscard]] bool fair() const noexcept { return bias_weight < 0.0; }
    /// What a ranker earns by a click on an item that it ranks so.
    [[nodiscard]] double earned(unsigned rank, unsigned entries) const noexcept
    {
        return credit == rank_credit::inverse_rank
                   ? 1.0 / static_cast<double>(rank)
                   : static_cast<double>(entries + 1 - rank) / static_cast<double>(entries);
    }
};

/// The lists that may be shown, and how likely each of them is.
struct optimal_law {
    static constexpr std::size_t most_lists = linear_programme::most_rows;
    static constexpr std::size_t most_columns = 1'024;

    /// how many slots of the slate it decides
    std::uint8_t slots = 0;
    std::uint8_t lists = 0;
    std::array<double, most_lists> chances;
    /// Slot by slot, whose best item is shown next: 16 times the ranker, plus the place in its list.
    std::array<std::array<std::uint8_t, list_pattern::most_entries>, most_lists> picks;
};

/// Find the law that tells rankers apart best: of all lists in which every slot is some ranker's next item, a choice by
/// chance under which the rankers' expected credit is equal at every slot, and the rankers' scores, if users clicked each
/// slot with a chance in proportion to 1 / position, differ as little as can be in the mean of their variance.
///
/// The longest beginning of the slate is decided for which there are at most `optimal_law::most_columns` lists and few
/// enough rows, and which has a law that is fair.
/// cost: two rankers, ten slots: below 200 us; its numbers stand in the thread's scratch
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

    /// Returns whether as many slots are decided as were asked for.
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

    // A list is written as items and as picks, side by side.
    static constexpr std::size_t stride = 2 * list_pattern::most_entries;
    static constexpr std::size_t most_width =
        optimal_law::most_columns + 2 * linear_programme::most_rows + 16;
    static constexpr std::size_t bytes =
        (linear_programme::most_rows + 2) * most_width * sizeof(double) +
        (list_pattern::most_entries + 1) * optimal_law::most_columns * stride;

    // Rows that are a power of two apart would crowd into a few lines of the cache.
    [[nodiscard]] static constexpr std::size_t stride_of(std::size_t width) noexcept
    {
        return (width + 7) / 8 * 8 + 8;
    }
    [[nodiscard]] std::size_t rows(unsigned slots) const noexcept
    {
        return 1 + std::size_t{slots} * (pattern_.rankers() - (asked_.fair() ? 1U : 0U));
    }

    // Grow all lists slot by slot, as far as there are few enough. Every level is kept.
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
                        continue;  // nothing left, or another ranker's next item too
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

    // Write the programme down. Returns the number of its columns.
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
                // Equal at every slot is equal up to every slot.
                for (unsigned i = 0; i < slots; ++i) {
                    const double first = earned_[0][list[i]];
                    scores[0] += clicks[i] * first;
                    for (unsigned r = 1; r < rankers; ++r, at += next_row) {
                        const double credit = earned_[r][list[i]];
                        scores[r] += clicks[i] * credit;
                        *at = credit - first;
                    }
                }
            } else {
                std::array<double, max_rankers> sums{};
                for (unsigned i = 0; i < slots; ++i) {
                    double mean = 0.0;
                    for (unsigned r = 0; r < rankers; ++r) {
                        const double credit = earned_[r][list[i]];
                        scores[r] += clicks[i] * credit;
                        sums[r] += credit;
                        mean += sums[r] * share;
                    }
                    for (unsigned r = 0; r < rankers; ++r, at += next_row) {
                        *at = sums[r] - mean;
                    }
                }
            }
            double mean = 0.0;
            for (unsigned r = 0; r < rankers; ++r) {
                mean += scores[r] * share;
            }
            double cost = 0.0;
            for (unsigned r = 0; r < rankers; ++r) {
                cost += (scores[r] - mean) * (scores[r] - mean);
            }
            costs_[c] = cost;
        }
        // What each row is off, above and below.
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
        1.0};  // the chances sum to 1, and nothing else is off 0
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
/// A pattern has one place, where it takes the place of another one; patterns are compared in full. No lock, and no
/// allocation when the law is known.
/// cost: about 100 kB for each thread that asks
class law_cache {
public:
    static constexpr std::size_t places = 128;

    /// The law of a pattern, found or remembered. It stands until the thread asks again.
    [[nodiscard]] static const optimal_law& law(const list_pattern& pattern, const law_request& asked)
    {
        law_cache& cache = mine();
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

    [[nodiscard]] static optimization_counts counts() noexcept { return mine().counts_; }

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

    [[nodiscard]] static law_cache& mine() noexcept
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
