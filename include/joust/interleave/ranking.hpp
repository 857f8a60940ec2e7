// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {

/// Identify an item of a ranking: two items with equal keys are the same item, whichever ranker returned them.
using item_key = std::uint64_t;

/// One ranker's list, best first, as keys. Duplicates are allowed: only the first copy can be shown.
using ranking = std::span<const item_key>;

/// The lists of all rankers, the champion's first.
using rankings = std::span<const ranking>;

/// The most rankers one slate can mix: as many as a ticket has team codes for.
inline constexpr std::size_t max_rankers = 15;

/// The ranker of a slot that was pinned before anything was drafted.
inline constexpr std::uint8_t pinned_ranker = 254;

/// The team of a slot that gives credit to nobody.
inline constexpr std::uint8_t no_team = 255;

/// The pair of a slot that belongs to no pair.
inline constexpr std::uint16_t no_pair = 65'535;

}  // namespace v0
}  // namespace joust
