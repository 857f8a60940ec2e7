// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/fwd.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/ranks.hpp>
#include <joust/interleave/shares.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {

/// How likely users look at a position, relative to the first position: 1 / position^eta.
///
/// When to use: where the curve was not measured. Most simulations take eta = 1. With eta = 0 users look at all positions
/// alike.
/// When not: where the curve was measured; pass a callable that returns it.
struct power_curve {
    /// How fast attention falls with the position, from 0 to 32.
    double eta = 1.0;

    /// Refuse an exponent that is out of range.
    void validate() const
    {
        if (!(eta >= 0.0 && eta <= 32.0)) {
            throw configuration_error("power_curve.eta", to_text(eta), "a number from 0 to 32");
        }
    }

    /// Return the probability that users look at a position, counted from 1.
    [[nodiscard]] double operator()(std::size_t position) const noexcept
    {
        const auto p = static_cast<double>(position);
        return eta == 1.0 ? 1.0 / p : std::pow(p, -eta);
    }
    bool operator==(const power_curve&) const = default;
};

/// Mix two rankings by one coin. The rankers alternate, the coin decides which one begins, and a ranker passes over items that
/// are shown already.
///
/// A click earns each ranker a share: the attention that its own list would have given to the item, divided by the mean
/// attention that the mixed list gives to it over both sides of the coin.
///
/// The model is that users look at position p with probability curve(p), and click by what they see. Under this model each
/// ranker expects exactly the clicks that its own list would have got, down to the last rank that this slate can show for
/// both. If users behave otherwise the comparison is biased. Single positions are not credited evenly even under the model.
/// The classical rule (balanced_winner) is biased even by a single random click.
/// When to use: two rankers, a position curve that is known from data, and pages that must stay close to both lists.
/// When not: where the curve is a guess; competitive_pairs needs no curve.
/// shape: `balanced{}`, `balanced{power_curve{.eta = 0.7}}`, or `balanced{curve}` with any callable on a position from 1
/// assumes: the curve is positive and does not rise
/// errors: configuration_error for more than two rankings; a single ranking is shown as it is, without credit
/// cost: about 1.3 us for the top ten of two lists of ten, with drawn teams
/// source: Joachims 2002 and 2003 for the list; Amazon's debiased balanced interleaving (CIKM 2022) for the idea of the credit;
///     the formula and the rule for the last rank are joust's own, proved by enumeration in tests/interleave
template <class Curve>
struct balanced {
    /// The number of rankers that it mixes.
    static constexpr std::size_t rankers = 2;
    /// Positions are not credited evenly even where the coins are fair. Only sums over a slate are fair.
    static constexpr bool even_positions = false;
    /// For the same reason, slates won are no fair measure.
    static constexpr bool even_slates = false;

    /// The probability that users look at a position, counted from 1.
    [[no_unique_address]] Curve curve{};

    /// Check the curve, if it has a check.
    void validate() const
    {
        if constexpr (requires { curve.validate(); }) {
            curve.validate();
        }
    }

    /// Draft the list alone. No slot gives credit.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        arrange(prepare(lists, out), coins, out);
    }

    /// Compute what each ranker earns by a click at each position. shape: `shown` is the slate as it was shown
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        expect_two(lists);
        const detail::rank_table table{lists};
        const detail::shown_items items{table, lists, shown};
        share_credit(table, items, out);
    }

    /// Return the largest share of a click on a slate of a given length.
    [[nodiscard]] double bound(std::size_t length, std::size_t = rankers) const
    {
        double most = 1.0;
        // An item of rank r stands at 2r - 1 or 2r, or above. It can lie beyond the slate's end for one side of the coin only.
        std::size_t rank = 1;
        for (; 2 * rank <= length; ++rank) {
            const double share = 2.0 * curve(rank) / (curve(2 * rank - 1) + curve(2 * rank));
            most = share > most ? share : most;
        }
        const double last = length == 0 ? 1.0 : 2.0 * curve(rank) / curve(length);
        return last > most ? last : most;
    }

    /// Draft the list and draw a team for each slot, so that its credit equals the shares on average.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        const detail::rank_table table = prepare(lists, out);
        arrange(table, coins, out);
        credit_shares shares;
        share_credit(table, detail::shown_items{table, lists, out}, shares);
        detail::draw_teams(shares, bound(out.length()), coins, out);
    }

    bool operator==(const balanced&) const = default;

private:
    static void expect_two(rankings lists)
    {
        if (lists.size() > rankers) {
            throw configuration_error("balanced.rankings", std::to_string(lists.size()),
                                      "two rankings; probabilistic and team_draft mix more");
        }
    }

    /// Check the configuration, empty the draft and number the items.
    [[nodiscard]] detail::rank_table prepare(rankings lists, draft& out) const
    {
        expect_two(lists);
        validate();
        out.restart(out.length());
        return detail::rank_table{lists};
    }

    template <class Coins>
    static void arrange(const detail::rank_table& table, Coins& coins, draft& out)
    {
        const bool challenger_first = table.rankers() == rankers && !out.full() && coins.coin();
        merge(table, challenger_first, out.length(),
              [&](std::uint32_t item, std::size_t) { out.push(table.show(item)); });
    }

    /// Walk the list that one side of the coin gives, and call `take(item, position)` with positions from 1.
    template <class Take>
    static void merge(const detail::rank_table& table, bool challenger_first, std::size_t length, Take&& take)
    {
        detail::late_array<std::uint8_t, 2 * draft::inline_slots> shown{table.items()};
        std::size_t cursors[rankers] = {0, 0};
        const auto dry = [&](unsigned r) { return r >= table.rankers() || cursors[r] == table.size(r); };
        for (std::size_t position = 1; position <= length && !(dry(0) && dry(1));) {
            const bool level = cursors[0] == cursors[1];
            const bool challengers_turn = level ? challenger_first : cursors[1] < cursors[0];
            const unsigned turn = challengers_turn ? 1 : 0;
            const unsigned ranker = dry(turn) ? 1 - turn : turn;
            const std::uint32_t item = table.item(ranker, ++cursors[ranker]);
            if (shown[item] == 0) {
                shown[item] = 1;
                take(item, position++);
            }
        }
    }

    void share_credit(const detail::rank_table& table, const detail::shown_items& items,
                      credit_shares& out) const
    {
        out.restart(items.size(), table.rankers());
        if (table.rankers() != rankers) {
            return;
        }
        // Twice the mean attention that each item gets over both sides of the coin.
        detail::late_array<double, 2 * draft::inline_slots> attention{table.items()};
        for (const bool challenger_first : {false, true}) {
            merge(table, challenger_first, items.size(),
                  [&](std::uint32_t item, std::size_t position) { attention[item] += curve(position); });
        }
        // Only ranks that could be shown for both rankers count, so that both expect the same sum over the curve.
        std::size_t depth = 1;
        while (depth <= table.size(0) && depth <= table.size(1) && attention[table.item(0, depth)] > 0.0 &&
               attention[table.item(1, depth)] > 0.0) {
            ++depth;
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (items[i] == detail::rank_table::unknown || !(attention[items[i]] > 0.0)) {
                continue;
            }
            for (unsigned r = 0; r < rankers; ++r) {
                const std::size_t rank = table.rank(r, items[i]);
                out.at(i, r) = rank < depth ? 2.0 * curve(rank) / attention[items[i]] : 0.0;
            }
        }
    }
};

template <class Curve>
balanced(Curve) -> balanced<Curve>;
balanced() -> balanced<>;

/// Say which ranker the clicks on a balanced slate prefer by the classical rule: 1 for the challenger, -1 for the champion, 0
/// for neither.
///
/// The deepest click shows how far down one of the lists was read at least. The ranker with more clicks among that many of its
/// own first items wins. The rule is biased: with A = a b c d and B = b c d a, one random click makes B win three times out of
/// four. For permutations of 3, 4 and 5 items it favours a ranker in 2 of 18, 18 of 96 and 154 of 600 cases.
/// When to use: to repeat old experiments, or to see the bias that the literature warns of.
/// When not: for a decision. `balanced{}` credits the same slates without that bias.
/// shape: bit i of `clicked` is position i
/// source: Joachims 2003; Chapelle, Joachims, Radlinski and Yue 2012, section 3, for its bias
[[nodiscard]] inline int balanced_winner(rankings lists, const draft& shown, std::uint64_t clicked)
{
    if (lists.size() != 2) {
        return 0;
    }
    const detail::rank_table table{lists};
    const detail::shown_items items{table, lists, shown};
    const std::size_t positions = items.size() < 64 ? items.size() : 64;
    std::size_t deepest = positions;
    for (std::size_t i = 0; i < positions; ++i) {
        if (((clicked >> i) & 1U) != 0 && items[i] != detail::rank_table::unknown) {
            deepest = i;
        }
    }
    if (deepest == positions) {
        return 0;
    }
    const std::uint32_t champion = table.rank(0, items[deepest]);
    const std::uint32_t challenger = table.rank(1, items[deepest]);
    const std::uint32_t read = champion < challenger ? champion : challenger;
    int difference = 0;
    for (std::size_t i = 0; i < positions; ++i) {
        if (((clicked >> i) & 1U) != 0 && items[i] != detail::rank_table::unknown) {
            const auto within = [&](unsigned r) {
                return table.holds(r, items[i]) && table.rank(r, items[i]) <= read ? 1 : 0;
            };
            difference += within(1) - within(0);
        }
    }
    return (difference > 0) - (difference < 0);
}

}  // namespace v0
}  // namespace joust
