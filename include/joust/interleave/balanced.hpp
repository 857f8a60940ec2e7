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

/// How likely users look at a position, next to the first: 1 / position^eta.
///
/// When to use: nothing was measured; eta = 1 is what simulations mostly take, 0 says that all positions are looked
/// at alike.
/// When not: where the curve was measured: give a callable that returns it instead.
struct power_curve {
    double eta = 1.0;

    void validate() const
    {
        if (!(eta >= 0.0 && eta <= 32.0)) {
            throw configuration_error("power_curve.eta", to_text(eta), "a number from 0 to 32");
        }
    }

    [[nodiscard]] double operator()(std::size_t position) const noexcept
    {
        const auto p = static_cast<double>(position);
        return eta == 1.0 ? 1.0 / p : std::pow(p, -eta);
    }
    bool operator==(const power_curve&) const = default;
};

/// Mix two rankings by one coin: the rankers alternate, the coin says who begins, and what is shown already is passed
/// over. A click earns each ranker the attention its own list would have given to the item, over the attention that
/// the mixed list gives it on average over the coin.
///
/// Users are modelled to look at position p with probability curve(p) and to click by what they see. Then each ranker
/// expects exactly the clicks that its own list would have got, down to the last rank that this slate can show for
/// both. If users look otherwise the comparison is biased, and single positions are not credited evenly even if they
/// do. The classical rule (balanced_winner) is biased even by one click at random.
///
/// When to use: two rankers, the position curve is known from data, and pages must stay close to both lists.
/// When not: the curve is a guess: competitive_pairs needs none.
/// shape: `balanced{}`, `balanced{power_curve{.eta = 0.7}}`, or `balanced{curve}` with any callable on a position from 1
/// assumes: the curve is positive and does not rise
/// errors: configuration_error unless there are two rankings (one alone is shown as it is, without credit)
/// cost: about 1.3 us for the top ten of two lists of ten, drawn teams included
/// source: Joachims (2002, 2003) for the list; the idea of the credit after Amazon's debiased balanced interleaving
/// (CIKM 2022); its formula and the rule for the last rank are ours, proved by enumeration in tests/interleave
template <class Curve>
struct balanced {
    static constexpr std::size_t rankers = 2;
    /// Positions are not credited evenly, nor slates won, also where the coins are fair: only sums over a slate are fair.
    static constexpr bool even_positions = false;
    static constexpr bool even_slates = false;

    [[no_unique_address]] Curve curve{};

    void validate() const
    {
        if constexpr (requires { curve.validate(); }) {
            curve.validate();
        }
    }

    /// Draft the list alone; no slot credits anybody.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        expect_two(lists);
        validate();
        out.restart(out.length());
        const detail::rank_table table{lists};
        arrange(table, coins, out);
    }

    /// Say what each ranker earns by a click. shape: from the lists and the slate as it was shown
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        expect_two(lists);
        const detail::rank_table table{lists};
        const detail::shown_items items{table, lists, shown};
        share_credit(table, items, out);
    }

    /// The largest share of a click on a slate of this length.
    [[nodiscard]] double bound(std::size_t length, std::size_t = rankers) const
    {
        double most = 1.0;
        // An item of rank r stands at 2r - 1 or 2r, or above: behind the slate's end only for half of the coins.
        std::size_t rank = 1;
        for (; 2 * rank <= length; ++rank) {
            const double share = 2.0 * curve(rank) / (curve(2 * rank - 1) + curve(2 * rank));
            most = share > most ? share : most;
        }
        const double last = length == 0 ? 1.0 : 2.0 * curve(rank) / curve(length);
        return last > most ? last : most;
    }

    /// Draft the list and draw a team for each slot, worth the shares on average.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        expect_two(lists);
        validate();
        out.restart(out.length());
        const detail::rank_table table{lists};
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

    template <class Coins>
    static void arrange(const detail::rank_table& table, Coins& coins, draft& out)
    {
        const bool challenger_first = table.rankers() == rankers && !out.full() && coins.coin();
        merge(table, challenger_first, out.length(),
              [&](std::uint32_t item, std::size_t) { out.push(table.show(item)); });
    }

    /// Walk the list that one side of the coin gives: `take(item, position from 1)`.
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
        // Twice the attention that each item gets on average over the coin.
        detail::late_array<double, 2 * draft::inline_slots> attention{table.items()};
        for (const bool challenger_first : {false, true}) {
            merge(table, challenger_first, items.size(),
                  [&](std::uint32_t item, std::size_t position) { attention[item] += curve(position); });
        }
        // Only ranks that could be shown for both rankers count: both then expect the same sum over the curve.
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

/// Say whom the clicks on a balanced slate prefer by the classical rule: 1 the challenger, -1 the champion, 0 neither.
///
/// The deepest click tells how far down its list, at least, one ranker had to be read; whoever has more clicks within that many
/// of its own items wins. Biased: with A = a b c d and B = b c d a, one click at random makes B win three times of
/// four, and for permutations of 3, 4 and 5 items the rule favours a ranker in 2 of 18, 18 of 96 and 154 of 600 cases.
///
/// When to use: to repeat old experiments, or to see what the literature warns of.
/// When not: a decision. `balanced{}` credits the same slates without that bias.
/// shape: bit i of `clicked` is position i
/// source: Joachims (2003); its bias: Chapelle, Joachims, Radlinski and Yue (2012), section 3
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
