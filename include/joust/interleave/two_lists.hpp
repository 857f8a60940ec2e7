// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/random.hpp>
#include <joust/interleave/coin_tape.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/long_lists.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/short_lists.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

// How two rankings are drafted. A rule is written twice: over words of bits for slates of at most 16 slots, and over lists of
// any length. The functions in this header choose between them.

namespace joust {
inline namespace v0 {
namespace detail {

/// Return a slot as one number, so that slots can be made and chosen without branches.
[[nodiscard]] constexpr std::uint64_t packed_slot(std::uint32_t index, std::uint16_t pair, unsigned ranker,
                                                  unsigned team) noexcept
{
    return index | std::uint64_t{pair} << 32 | std::uint64_t{ranker} << 48 | std::uint64_t{team} << 56;
}

/// The bits that are set in a slot without credit and without a pair.
inline constexpr std::uint64_t no_credit = packed_slot(0, no_pair, 0, no_team);

JOUST_ALWAYS_INLINE inline void put_slot(slot& to, std::uint64_t packed) noexcept
{
    static_assert(sizeof(slot) == sizeof packed);
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(&to, &packed, sizeof packed);
    } else {
        to = {static_cast<std::uint32_t>(packed), static_cast<std::uint16_t>(packed >> 32),
              static_cast<std::uint8_t>(packed >> 48), static_cast<std::uint8_t>(packed >> 56)};
    }
}

/// Remove the credit of a slot if a number is 1, and keep it if the number is 0, without a branch.
JOUST_ALWAYS_INLINE inline void take_credit(slot& from, std::uint64_t where) noexcept
{
    static_assert(no_team == 0xff && no_pair == 0xffff);
    from.team = static_cast<std::uint8_t>(from.team | (0 - where));
    from.pair = static_cast<std::uint16_t>(from.pair | (0 - where));
}

/// The result of drafting from words of bits: the numbers of slots and coins, packed into one word so that they are returned in a
/// register.
class short_result {
public:
    short_result() = default;
    short_result(std::uint32_t size, std::uint32_t coins) noexcept
        : packed_(std::uint64_t{coins} << 32 | size)
    {
    }

    /// Say whether the slate was drafted. It was not if a list repeats an item, which words of bits cannot express.
    [[nodiscard]] bool drafted() const noexcept { return packed_ != none; }
    [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(packed_); }
    [[nodiscard]] std::uint32_t coins() const noexcept { return static_cast<std::uint32_t>(packed_ >> 32); }

private:
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    std::uint64_t packed_ = none;
};

// Drafts from lists that are cut to the length of the slate. All arguments are passed in registers, since numbers that are
// written to memory in small parts and read in larger ones at once would stall the processor.
template <class Rule>
JOUST_ALWAYS_INLINE inline short_result draft_crossed(const crossings& lists, std::uint32_t length,
                                                      std::uint64_t coins, slot* out) noexcept
{
    if (length != 0 && lists.unshown[0] == crossings::first(length) &&
        lists.unshown[1] == crossings::first(length)) [[likely]] {
        return {length, Rule::draft_full(lists, length, coins, out)};
    }
    word_tape tape{coins};
    const std::uint32_t size = Rule::draft_words(lists, length, tape, out);
    return {size, tape.used()};
}

template <class Rule>
[[nodiscard]] JOUST_NOINLINE short_result draft_short(ranking a, ranking b, std::uint32_t length,
                                                      std::uint64_t coins, slot* out) noexcept
{
    crossings lists;
#ifdef JOUST_SSE2
    const bool distinct = cross_by_prints::cross(a, b, lists);
#else
    const bool distinct = cross_one_by_one(a, b, lists);
#endif
    return distinct ? draft_crossed<Rule>(lists, length, coins, out) : short_result{};
}

#ifdef JOUST_NEWER_X86
template <class Rule>
[[nodiscard]] JOUST_NOINLINE JOUST_AVX512 short_result
draft_short_by_sixteens(ranking a, ranking b, std::uint32_t length, std::uint64_t coins, slot* out) noexcept
{
    crossings lists;
    const bool distinct = cross_by_sixteens::cross(a, b, lists);
    return distinct ? draft_crossed<Rule>(lists, length, coins, out) : short_result{};
}
#endif

#ifdef JOUST_NEWER_X86
[[nodiscard]] JOUST_NOINLINE JOUST_AVX512 inline bool cross_widely(ranking a, ranking b,
                                                                   crossings& out) noexcept
{
    return cross_by_sixteens::cross(a, b, out);
}
#endif

/// Compare two short lists in the fastest way that this machine supports.
[[nodiscard]] inline bool cross(ranking a, ranking b, crossings& out) noexcept
{
#ifdef JOUST_NEWER_X86
    if (has_avx512()) {
        return cross_widely(a, b, out);
    }
#endif
#ifdef JOUST_SSE2
    return cross_by_prints::cross(a, b, out);
#else
    return cross_one_by_one(a, b, out);
#endif
}

/// Draft from two rankings by a rule.
///
/// shape: `Rule` has `draft_words(crossings, length, tape, slots)` and `draft_lists(long_offers, length, tape, slots)`, which
///     return how many slots are filled, and `draft_full(crossings, length, coins, slots)`, which returns how many coins are
///     tossed
template <class Rule, coin_source Coins>
void draft_two(ranking first, ranking second, Coins& coins, draft& out)
{
    const std::size_t length = out.length();
    out.restart(length);
    if (length <= crossings::most) [[likely]] {
        const auto slots = static_cast<std::uint32_t>(length);
        const ranking a = first.size() < length ? first : first.first(length);
        const ranking b = second.size() < length ? second : second.first(length);
        if constexpr (std::same_as<Coins, keyed_random>) {
            const coins_ahead ahead{coins};
            short_result done;
#ifdef JOUST_NEWER_X86
            if (has_avx512()) {
                done = draft_short_by_sixteens<Rule>(a, b, slots, ahead.bits(), out.to_fill());
            } else
#endif
            {
                done = draft_short<Rule>(a, b, slots, ahead.bits(), out.to_fill());
            }
            if (done.drafted()) [[likely]] {
                ahead.take(coins, done.coins());
                out.filled(done.size());
                return;
            }
        } else {
            crossings lists;
            if (cross_one_by_one(a, b, lists)) {
                coin_tape<Coins> tape{coins};
                out.filled(Rule::draft_words(lists, slots, tape, out.to_fill()));
                return;
            }
        }
    }
    const long_lists lists{{first, second}, length};
    coin_tape<Coins> tape{coins};
    out.filled(Rule::draft_lists(lists.offers(), static_cast<std::uint32_t>(length), tape, out.to_fill()));
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
