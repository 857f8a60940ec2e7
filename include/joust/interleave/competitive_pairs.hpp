// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/two_lists.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {

namespace detail {

/// How pairs are drafted. A coin orders the slots of a pair and has no other effect, so the picks need not wait for it.
struct pairs_rule {
    /// Draft from lists that are as long as the slate, and so cannot run dry, with coins in a word. Returns how many coins
    /// were tossed. It may write two slots after the end of the slate.
    JOUST_ALWAYS_INLINE static unsigned draft_full(const crossings& lists, std::uint32_t length,
                                                   std::uint64_t coins, slot* out) noexcept
    {
        std::uint32_t a = lists.unshown[0];
        std::uint32_t b = lists.unshown[1];
        std::uint64_t pair = 0;  // in its place in a packed slot
        std::uint64_t size = 0;
        // A round with `real` 0 has no effect: it tosses no coin, and the next round overwrites its slots.
        const auto play = [&](std::uint64_t real) JOUST_ALWAYS_INLINE_LAMBDA {
            const unsigned x = lowest_bit(a | crossings::end);
            const unsigned y = lowest_bit(b | crossings::end);
            const std::uint32_t struck_b = lists.of[0][x];
            const std::uint32_t struck_a = lists.of[1][y];
            a &= (a - 1) & ~struck_a;
            b &= (b - 1) & ~struck_b;
            // Where both picks are the same item, the next round overwrites the second slot.
            const std::uint64_t differ = ~std::uint64_t{struck_b >> y} & real;
            const std::uint64_t first = pair | x | (no_credit & (differ - 1));
            const std::uint64_t second = pair | y | packed_slot(0, 0, 1, 1);
            const std::uint64_t swapped = (first ^ second) & (0 - (coins & differ));
            put_slot(out[size], first ^ swapped);
            put_slot(out[size + 1], second ^ swapped);
            coins >>= differ;
            pair += differ << 32;
            size += real + differ;
        };
        // The number of rounds cannot be predicted. Half as many rounds as slots are always needed, and one more often is.
        for (std::uint32_t i = 0; i < length; i += 2) {
            play(1);
        }
        play(std::uint64_t{size < length});
        while (size < length) {
            play(1);
        }
        // Of a pair that does not fit, only the first slot is shown, without credit. Whether this happens cannot be predicted,
        // so it is computed without a branch.
        take_credit(out[length - 1], size - length);
        return static_cast<unsigned>(pair >> 32);
    }

    /// Draft from lists of any length. Returns how many slots are filled. It may write one slot after them.
    template <class Tape>
    static std::uint32_t draft_words(const crossings& lists, std::uint32_t length, Tape& tape, slot* out)
    {
        auto a = lists.unshown[0];
        auto b = lists.unshown[1];
        std::uint32_t size = 0;
        std::uint16_t pair = 0;
        while (size < length && a != 0 && b != 0) {
            const unsigned x = lowest_bit(a);
            const unsigned y = lowest_bit(b);
            const bool agree = ((lists.of[0][x] >> y) & 1U) != 0;
            const bool counts = !agree && size + 1 < length;
            put_pair(x, y, pair, counts, tape.next_if(!agree), out + size);
            a &= (a - 1) & ~lists.of[1][y];
            b &= (b - 1) & ~lists.of[0][x];
            pair = static_cast<std::uint16_t>(pair + unsigned{counts});
            size += agree ? 1U : 2U;
        }
        size = size < length ? size : length;
        const unsigned ranker = a != 0 ? 0 : 1;
        for (auto rest = a | b; rest != 0 && size < length; rest &= rest - 1) {
            put_slot(out[size++], packed_slot(lowest_bit(rest), no_pair, ranker, no_team));
        }
        return size;
    }

    /// Draft from lists with more entries than a word has bits. Returns how many slots are filled.
    template <class Tape>
    static std::uint32_t draft_lists(long_offers lists, std::uint32_t length, Tape& tape, slot* out)
    {
        std::uint32_t size = 0;
        std::uint16_t pair = 0;
        while (size < length) {
            const std::uint32_t x = lists.best(0);
            const std::uint32_t y = lists.best(1);
            if (x == lists.end(0) || y == lists.end(1)) {
                break;
            }
            const bool agree = lists.agree(x, y);
            const bool counts = !agree && size + 1 < length;
            slot two[2];
            put_pair(lists.index(0, x), lists.index(1, y), pair, counts, tape.next_if(!agree), two);
            out[size] = two[0];
            if (size + 1 < length) {
                out[size + 1] = two[1];
            }
            lists.show(0, x);
            lists.show(1, y);
            pair = static_cast<std::uint16_t>(pair + unsigned{counts});
            size += agree ? 1U : 2U;
        }
        size = size < length ? size : length;
        for (unsigned r = 0; r < 2; ++r) {
            for (std::uint32_t x = lists.best(r); x != lists.end(r) && size < length; x = lists.best(r)) {
                put_slot(out[size++], packed_slot(lists.index(r, x), no_pair, r, no_team));
                lists.show(r, x);
            }
        }
        return size;
    }

private:
    // Writes both picks side by side, the second ranker's pick first for heads. It does not branch on whether they are a pair.
    JOUST_ALWAYS_INLINE static void put_pair(std::uint32_t x, std::uint32_t y, std::uint16_t pair,
                                             bool counts, bool heads, slot* out) noexcept
    {
        const std::uint64_t uncredited = counts ? 0 : no_credit;
        const std::uint64_t first = packed_slot(x, pair, 0, 0) | uncredited;
        const std::uint64_t second = packed_slot(y, pair, 1, 1) | uncredited;
        const std::uint64_t swapped = (first ^ second) & (0 - std::uint64_t{heads});
        put_slot(out[0], first ^ swapped);
        put_slot(out[1], second ^ swapped);
    }
};

}  // namespace detail

/// Mix two rankings so that their differing picks stand side by side, in a fair random order.
///
/// Where both rankers would show the same item next, it is shown once and gives no credit. Where they differ, both picks are
/// shown, a coin decides which one stands first, and the two slots form a pair. Only whole pairs give credit. A pair that the
/// end of the slate cuts gives no credit, and neither do slots that are filled after one list has run dry.
/// When to use: as the default for two rankers. Items on which both agree add no noise, and the lengths of the lists add no
/// bias.
/// When not: three or more rankers (take team_draft), or where users judge an item mostly by its neighbour.
/// errors: configuration_error for more than two rankings; a single ranking is shown as it is, without credit
/// cost: one coin for each pair; about 45 ns for the top ten of two lists, 70 ns without wide vectors; no allocation for up to
///     64 slots, and none beyond if the same draft and thread had as many slots before
/// source: Airbnb (arXiv 2508.00751, 2025) for pairs; the rule that only whole pairs count is joust's own, and makes every
///     position fair, proved by enumeration in tests/interleave
struct competitive_pairs {
    /// The number of rankers that it mixes.
    static constexpr std::size_t rankers = 2;

    /// Draft a slate from two rankings.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        if (lists.size() > rankers) {
            throw configuration_error("competitive_pairs.rankings", std::to_string(lists.size()),
                                      "two rankings; team_draft mixes more");
        }
        const auto list = [&](std::size_t r) {
            return r < lists.size() ? ranking{lists[r].data(), lists[r].size()} : ranking{};
        };
        detail::draft_two<detail::pairs_rule>(list(0), list(1), coins, out);
    }

    bool operator==(const competitive_pairs&) const = default;
};

}  // namespace v0
}  // namespace joust
