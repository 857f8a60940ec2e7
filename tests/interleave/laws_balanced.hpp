// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/balanced.hpp>

#include "interleave/enumerator.hpp"
#include "interleave/laws.hpp"
#include "interleave/laws_shares.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

// The classical rule of balanced interleaving under clicks that know nothing but positions.

namespace joust_test {

/// By how much more often the challenger wins than the champion, for each of the 2^L patterns of clicks.
struct winners {
    std::array<integer, 128> advantage{};
    integer total = 0;
    std::uint64_t paths = 0;
};

inline winners classical_winners(const list_set& all, std::size_t length)
{
    winners found;
    const auto spans = views(all);
    found.paths =
        every_list(joust::balanced{}, all, length, [&](const joust::draft& out, const enumerator& coins) {
            const integer p = coins.probability();
            found.total += p;
            for (std::uint64_t clicked = 0; clicked < (std::uint64_t{1} << out.size()); ++clicked) {
                found.advantage[clicked] += p * joust::balanced_winner(spans, out, clicked);
            }
        });
    return found;
}

/// Can some pattern of clicks make a ranker win more often?
inline bool each_pattern(const winners& found)
{
    for (const integer advantage : found.advantage) {
        if (advantage != 0) {
            return false;
        }
    }
    return true;
}

/// Can one click at a random position?
inline bool one_click_at_random(const winners& found)
{
    integer sum = 0;
    for (std::uint64_t clicked = 1; clicked < found.advantage.size(); clicked *= 2) {
        sum += found.advantage[clicked];
    }
    return sum == 0;
}

/// Judge the classical rule: `is_fair(winners)`.
template <class Fair>
auto by_winner(Fair is_fair)
{
    return [is_fair](const list_set& all, std::size_t length, tally& sum) {
        const winners found = classical_winners(all, length);
        enter(sum, all, found.paths, is_fair(found), found.total == enumerator::whole);
    };
}

}  // namespace joust_test
