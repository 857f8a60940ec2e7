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

/// Mix rankings as `optimized` does, but let unfairness have a price instead of forbidding it: so there is always a law.
///
/// For every slot and ranker the programme pays `bias_weight` for each unit by which the expected credit up to that slot
/// is off the rankers' mean. With a large weight the law is fair wherever one can be, and as nearly fair as can be
/// elsewhere.
///
/// When to use: three rankers or more, or lists of unequal lengths, where `optimized` would credit few slots.
/// When not: a verdict must hold for users that click on anything: a small preference may then be the law's, not theirs.
/// Compare with `optimized`, whose slots are fair or credit nobody.
/// errors: configuration_error beyond 15 rankings, or unless the weight is from 0 to 1e6
/// cost: as optimized, with about twice the rows: ten slots of two rankers, seven of four
/// source: Manabe et al. (SIGIR 2017). There one slack per slot is shared by all pairs of rankers; with two rankers that is
/// the same
struct roughly_optimized {
    /// A longer slate has a law of its own.
    static constexpr bool continues = false;
    /// What unfairness costs little is done, at single positions and in slates won.
    static constexpr bool even_positions = false;
    static constexpr bool even_slates = false;

    double bias_weight = 1.0;
    rank_credit credit = rank_credit::inverse_rank;

    void validate() const
    {
        if (!(bias_weight >= 0.0 && bias_weight <= 1e6)) {
            throw configuration_error("roughly_optimized.bias_weight", to_text(bias_weight),
                                      "a number from 0 to 1e6");
        }
    }

    /// Draft the list alone; no slot credits anybody.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        expect(lists);
        const detail::list_pattern pattern{lists, out.length()};
        detail::arrange_by_law(pattern, detail::law_cache::law(pattern, asked()), lists, coins, out);
    }

    /// Say what a click earns each ranker, beyond what it earns the least one. assumes: drafted from these lists
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        expect(lists);
        const detail::list_pattern pattern{lists, shown.length()};
        detail::share_by_law(pattern, detail::law_cache::law(pattern, asked()), asked(), shown, out);
    }

    /// The most that the rankers' shares of a click can add up to.
    [[nodiscard]] constexpr double bound(std::size_t length, std::size_t rankers) const noexcept
    {
        return detail::bound_of_shares(credit, length, rankers);
    }

    /// Draft the list and draw a team for each slot, worth the shares on average.
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
