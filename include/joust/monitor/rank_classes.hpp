// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

// A block of rows, ranked among all rows so far. Put all rows, those of the block included, in an order of their cells, and break ties
// within a cell at random. While rows are exchangeable, the block is a random subset of them, so that the ranks of its rows are
// a uniform random subset of all ranks, whatever the cells hold. Therefore the numbers of its rows in fixed classes of ranks have a known
// law, and the numbers of one block are independent of those of all earlier blocks.

namespace joust {
inline namespace v0 {
namespace detail {

/// Classes of consecutive ranks, lowest first.
template <std::size_t Count>
struct rank_classes {
    static constexpr std::size_t count = Count;

    /// The first rank of each class, and then the number of ranks.
    std::array<std::uint64_t, Count + 1> first{};

    /// Cut ranks into classes of equal size, as far as they can be.
    static rank_classes equal(std::uint64_t ranks) noexcept
    {
        rank_classes result;
        const std::uint64_t whole = ranks / Count;
        const std::uint64_t rest = ranks % Count;
        for (std::size_t j = 0; j <= Count; ++j) {
            result.first[j] = whole * j + rest * j / Count;
        }
        return result;
    }

    /// Cut ranks into classes that end at each half of the next: the last class has half of all ranks.
    static rank_classes halves(std::uint64_t ranks) noexcept
    {
        rank_classes result;
        for (std::size_t j = 1; j <= Count; ++j) {
            result.first[j] = ranks >> (Count - j);
        }
        return result;
    }

    /// Return the class of a rank, given one that is not below it.
    [[nodiscard]] std::size_t of(std::uint64_t rank, std::size_t at_most = Count - 1) const noexcept
    {
        while (rank < first[at_most]) {
            --at_most;
        }
        return at_most;
    }
};

/// Count `rows` of the ranks [begin, begin + all), drawn at random without replacement, by their class. They are spread over
/// the classes `from` to `to`.
template <std::size_t Count>
void draw_ranks_of_cell(std::uint64_t begin, std::uint64_t all, std::uint64_t rows, std::size_t from,
                        std::size_t to, const rank_classes<Count>& classes, keyed_random& coins,
                        std::array<std::uint64_t, Count>& into) noexcept
{
    // Drawing the ranks that are left over is faster where most are taken.
    const bool most = rows > all - rows;
    const std::uint64_t draws = most ? all - rows : rows;
    std::array<std::uint64_t, Count> drawn{};
    const auto begin_of = [&](std::size_t j) { return j == from ? begin : classes.first[j]; };
    const double classes_per_rank =
        static_cast<double>(to - from + 1) / static_cast<double>(classes.first[to + 1] - classes.first[from]);
    for (std::uint64_t n = 0; n < draws;) {
        const std::uint64_t rank = begin + coins.below(all);
        // Where classes are of equal size, the guess is off by at most one.
        std::size_t j = from + static_cast<std::size_t>(static_cast<double>(rank - classes.first[from]) *
                                                        classes_per_rank);
        j = j < to ? j + 1 : to;
        if (classes.first[j] <= rank) {
            j = classes.first[to] <= rank ? to : j;
            while (j < to && classes.first[j + 1] <= rank) {
                ++j;
            }
        } else {
            j = classes.of(rank, j);
        }
        // The first ranks of the class stand for those that are still to be had.
        const std::uint64_t end = j == to ? begin + all : classes.first[j + 1];
        if (rank - begin_of(j) < end - begin_of(j) - drawn[j]) {
            ++drawn[j];
            ++n;
        }
    }
    for (std::size_t j = from; j <= to; ++j) {
        const std::uint64_t end = j == to ? begin + all : classes.first[j + 1];
        into[j] += most ? end - begin_of(j) - drawn[j] : drawn[j];
    }
}

/// Count the ranks of a block's rows among all rows of the bag, which include them, by class.
///
/// `order` lists the cells, lowest ranks first.
template <std::size_t Count, class Index>
void draw_ranks(std::span<const std::uint64_t> bag, std::span<const std::uint64_t> block,
                std::span<const Index> order, const rank_classes<Count>& classes, keyed_random& coins,
                std::array<std::uint64_t, Count>& into) noexcept
{
    into.fill(0);
    std::uint64_t begin = 0;
    std::size_t from = 0;
    for (const Index cell : order) {
        const std::uint64_t all = bag[cell];
        const std::uint64_t rows = block[cell];
        if (all == 0) {
            continue;
        }
        while (classes.first[from + 1] <= begin) {
            ++from;
        }
        if (rows != 0) {
            const std::uint64_t last = begin + all - 1;
            std::size_t to = from;
            while (classes.first[to + 1] <= last) {
                ++to;
            }
            if (from == to) {
                into[from] += rows;
            } else {
                draw_ranks_of_cell(begin, all, rows, from, to, classes, coins, into);
            }
        }
        begin += all;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
