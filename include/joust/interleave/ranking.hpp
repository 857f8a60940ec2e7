// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {

/// The key of an item. Two items with equal keys are the same item, whichever ranker returned them.
using item_key = std::uint64_t;

/// The list of one ranker as keys, the best item first. Duplicates are allowed, and only the first copy can be shown.
using ranking = std::span<const item_key>;

/// The lists of all rankers, the champion's first.
using rankings = std::span<const ranking>;

/// The most rankers that one slate can mix. A ticket has codes for this many teams.
inline constexpr std::size_t max_rankers = 15;

/// The ranker of a slot with a pinned item, which no ranker chose.
inline constexpr std::uint8_t pinned_ranker = 254;

/// The team of a slot that gives no credit.
inline constexpr std::uint8_t no_team = 255;

/// The pair of a slot that is not part of a pair.
inline constexpr std::uint16_t no_pair = 65'535;

}  // namespace v0
}  // namespace joust
