// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/optimized.hpp>
#include <joust/interleave/optimized_law.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/shares.hpp>

#include <cstddef>

namespace joust {
inline namespace v0 {

/// Mix rankings as `optimized` does, but give unfairness a price instead of forbidding it. So there is always a law.
///
/// For every slot and ranker the programme pays `bias_weight` for each unit by which the expected credit up to that slot
/// differs from the rankers' mean. With a large weight the law is fair wherever a fair law exists, and elsewhere as nearly fair
/// as possible.
/// When to use: three or more rankers, or lists of unequal lengths, where few slots of `optimized` would give credit.
/// When not: where a verdict must hold for users that click on anything, since a small preference may come from the law and not
/// from them. In `optimized`, slots are fair or give no credit.
/// errors: configuration_error for more than 15 rankings, or unless the weight is from 0 to 1e6
/// cost: as for optimized, with about twice the rows: it decides ten slots of two rankers, or seven slots of four
/// source: Manabe et al. (SIGIR 2017), where all pairs of rankers share one slack for each slot, which is the same for two
///     rankers
struct roughly_optimized {
    /// A longer slate has a law of its own, so it does not continue a shorter one.
    static constexpr bool continues = false;
    /// The law accepts unfairness at single positions if it is cheap.
    static constexpr bool even_positions = false;
    /// For the same reason, slates won are no fair measure.
    static constexpr bool even_slates = false;

    /// The price of unfairness, from 0 to 1e6.
    double bias_weight = 1.0;
    /// What a ranker earns by a click on an item, given where it ranks the item.
    rank_credit credit = rank_credit::inverse_rank;

    /// Refuse a weight that is out of range.
    void validate() const
    {
        if (!(bias_weight >= 0.0 && bias_weight <= 1e6)) {
            throw configuration_error("roughly_optimized.bias_weight", to_text(bias_weight),
                                      "a number from 0 to 1e6");
        }
    }

    /// Draft the list alone. No slot gives credit.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        expect(lists);
        detail::arrange_by_law(asked(), lists, coins, out);
    }

    /// Compute what each ranker earns by a click at each position, beyond the share of the ranker that earns least.
    /// assumes: the slate was drafted from these lists
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        expect(lists);
        detail::share_by_law(asked(), lists, shown, out);
    }

    /// Return the largest sum of the rankers' shares of one click.
    [[nodiscard]] constexpr double bound(std::size_t length, std::size_t rankers) const noexcept
    {
        return detail::bound_of_shares(credit, length, rankers);
    }

    /// Draft the list and draw a team for each slot, so that its credit equals the shares on average.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        expect(lists);
        detail::interleave_by_law(asked(), bound(out.length(), lists.size()), lists, coins, out);
    }

    bool operator==(const roughly_optimized&) const = default;

private:
    void expect(rankings lists) const
    {
        detail::expect_few("roughly_optimized.rankings", lists);
        validate();
    }
    [[nodiscard]] constexpr detail::law_request asked() const noexcept
    {
        return {.credit = credit, .bias_weight = bias_weight};
    }
};

}  // namespace v0
}  // namespace joust
