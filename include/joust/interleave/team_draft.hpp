// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/two_lists.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

namespace detail {

/// How two rankers pick items like captains of teams. In every round a coin says which ranker picks first. The other ranker
/// takes its own best item, or its second best if both wanted the same item.
struct teams_rule {
    /// Draft from lists that are as long as the slate, and so cannot run dry, with coins in a word. Returns how many coins
    /// were tossed. It may write one slot after the end of the slate.
    JOUST_ALWAYS_INLINE static unsigned draft_full(const crossings& lists, std::uint32_t length,
                                                   std::uint64_t coins, slot* out) noexcept
    {
        std::uint32_t a = lists.unshown[0];
        std::uint32_t b = lists.unshown[1];
        // Each round is computed for both sides of its coin, and masks choose one of them without a branch.
        for (const slot* const end = out + length; out < end; out += 2) {
            const std::uint32_t more_a = a & (a - 1);
            const std::uint32_t more_b = b & (b - 1);
            const unsigned x = lowest_bit(a);
            const unsigned y = lowest_bit(b);
            const unsigned next_x = lowest_bit(more_a | crossings::end);
            const unsigned next_y = lowest_bit(more_b | crossings::end);
            const std::uint32_t struck_b = lists.of[0][x];
            const auto heads = static_cast<std::uint32_t>(coins & 1U);
            coins >>= 1;
            // The best item of the ranker that picks second may be gone.
            const std::uint32_t agree = (struck_b >> y) & 1U;
            const std::uint32_t late_a = 0 - (agree & heads);
            const std::uint32_t late_b = late_a ^ (0 - agree);
            const std::uint64_t of_a = (x ^ ((x ^ next_x) & late_a)) | packed_slot(0, no_pair, 0, 0);
            const std::uint64_t of_b = (y ^ ((y ^ next_y) & late_b)) | packed_slot(0, no_pair, 1, 1);
            const std::uint64_t swapped = (of_a ^ of_b) & (0 - std::uint64_t{heads});
            put_slot(out[0], of_a ^ swapped);
            put_slot(out[1], of_b ^ swapped);
            a = more_a & ((more_a - 1) | ~late_a) & ~(lists.of[1][y] | (lists.of[1][next_y] & late_b));
            b = more_b & ((more_b - 1) | ~late_b) & ~(struck_b | (lists.of[0][next_x] & late_a));
        }
        return (length + 1) / 2;
    }

    /// Draft from lists of any length. Returns how many slots are filled. It is a function of its own, so that `draft_full` has
    /// all registers.
    template <class Tape>
    JOUST_NOINLINE static std::uint32_t draft_words(const crossings& lists, std::uint32_t length, Tape& tape,
                                                    slot* out)
    {
        std::uint32_t unshown[2] = {lists.unshown[0], lists.unshown[1]};
        std::uint32_t size = 0;
        const auto in_a = static_cast<std::uint32_t>(std::popcount(unshown[0]));
        const auto in_b = static_cast<std::uint32_t>(std::popcount(unshown[1]));
        const std::uint32_t shortest = in_a < in_b ? in_a : in_b;
        const auto pick = [&](unsigned ranker) {
            const unsigned x = lowest_bit(unshown[ranker]);
            put_slot(out[size], packed_slot(x, no_pair, ranker, size < shortest ? ranker : no_team));
            unshown[ranker] &= unshown[ranker] - 1;
            unshown[1 - ranker] &= ~lists.of[ranker][x];
        };
        for (; size < length && unshown[0] != 0 && unshown[1] != 0; ++size) {
            const unsigned first = tape.next_if(true) ? 1 : 0;
            const unsigned second = 1 - first;
            pick(first);
            if (size + 1 < length && unshown[second] != 0) {
                ++size;
                pick(second);
            }
        }
        const unsigned ranker = unshown[0] != 0 ? 0 : 1;
        for (; size < length && unshown[ranker] != 0; ++size) {
            pick(ranker);
        }
        return size;
    }

    /// Draft from lists with more entries than a word has bits. Returns how many slots are filled.
    template <class Tape>
    static std::uint32_t draft_lists(long_offers lists, std::uint32_t length, Tape& tape, slot* out)
    {
        std::uint32_t size = 0;
        const std::size_t shortest = lists.left(0) < lists.left(1) ? lists.left(0) : lists.left(1);
        const auto pick = [&](unsigned ranker) {
            const std::uint32_t x = lists.best(ranker);
            put_slot(out[size], packed_slot(lists.index(ranker, x), no_pair, ranker,
                                            size < shortest ? ranker : no_team));
            ++size;
            lists.show(ranker, x);
        };
        while (size < length && lists.left(0) != 0 && lists.left(1) != 0) {
            const unsigned first = tape.next_if(true) ? 1 : 0;
            const unsigned second = 1 - first;
            pick(first);
            if (size < length && lists.left(second) != 0) {
                pick(second);
            }
        }
        for (unsigned r = 0; r < 2; ++r) {
            while (size < length && lists.left(r) != 0) {
                pick(r);
            }
        }
        return size;
    }
};

/// Draw which of the waiting rankers picks next.
template <class Coins>
[[nodiscard]] unsigned draw_turn(Coins& coins, unsigned waiters)
{
    if (waiters == 1) {
        return 0;
    }
    return waiters == 2 ? unsigned{coins.coin()} : static_cast<unsigned>(coins.below(waiters));
}

/// Let any number of rankers pick in rounds until the slate is full or no item is left.
template <class Offers, class Coins>
void draft_rounds(Offers& offers, unsigned rankers, Coins& coins, draft& out, bool credited = true)
{
    auto shortest = credited ? static_cast<unsigned>(out.length()) : 0;
    for (unsigned r = 0; r < rankers; ++r) {
        shortest = offers.left(r, shortest);
    }
    while (!out.full()) {
        std::array<std::uint8_t, max_rankers> waiting;
        unsigned waiters = 0;
        for (unsigned r = 0; r < rankers; ++r) {
            if (!offers.dry(r)) {
                waiting[waiters++] = static_cast<std::uint8_t>(r);
            }
        }
        if (waiters == 0) {
            return;
        }
        // The order is drawn pick by pick, so that a shorter slate uses the same coins for the same slots.
        for (; waiters > 0 && !out.full(); --waiters) {
            const unsigned drawn = draw_turn(coins, waiters);
            const std::uint8_t ranker = waiting[drawn];
            waiting[drawn] = waiting[waiters - 1];
            if (offers.dry(ranker)) {
                continue;
            }
            const std::uint8_t team = out.size() < shortest ? ranker : no_team;
            out.push({offers.best(ranker), no_pair, ranker, team});
            offers.show_best(ranker);
        }
    }
}

}  // namespace detail

/// Mix any number of rankings as captains pick teams. In each round, in a random order, every ranker shows its best item that
/// is not shown yet, and earns the clicks on it.
///
/// Credit ends with the shortest list: the slots from its length on give no credit, so that no list runs dry among slots that
/// give credit. Without this rule, a list that runs dry biases the comparison. With it, every position is fair, and all
/// rankers win slates equally often under every pattern of clicks, for lists of any lengths and overlap.
/// When to use: three or more rankers at once, or where every shown item should count.
/// When not: two rankers that agree on most items; competitive_pairs adds no noise from those items.
/// errors: configuration_error for more than 15 rankings
/// cost: one coin for each round of two rankers; about 55 ns for the top ten of two lists, 70 ns without wide vectors; no
///     allocation for up to 64 slots, and none beyond if the same draft and thread had as many slots before
/// source: Radlinski, Kurup and Joachims (CIKM 2008), section 4; Schuth et al. (CIKM 2014) for more than two rankers; the rule
///     for lists that run dry is joust's own, proved by enumeration in tests/interleave
struct team_draft {
    /// Draft a slate.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        detail::expect_few("team_draft.rankings", lists);
        if (lists.size() == 2) {
            detail::draft_two<detail::teams_rule>({lists[0].data(), lists[0].size()},
                                                  {lists[1].data(), lists[1].size()}, coins, out);
        } else {
            out.restart(out.length());
            detail::with_offers<max_rankers>(lists, out, [&](auto& offers) {
                detail::draft_rounds(offers, static_cast<unsigned>(lists.size()), coins, out);
            });
        }
    }

    bool operator==(const team_draft&) const = default;
};

}  // namespace v0
}  // namespace joust
