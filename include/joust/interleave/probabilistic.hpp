// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/ranks.hpp>
#include <joust/interleave/shares.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {

/// Mix any number of rankings by chance. Each slot draws a ranker, and the ranker draws an item that is not shown yet with a
/// chance in proportion to 1 / rank^tau. So every item can be shown, and items with good ranks probably stand high.
///
/// For each ranker, an item that its list does not hold has the rank right after the end of the list. So no list runs dry, and
/// every position is fair for lists of any lengths. A click earns each ranker the probability that it drew the item, given the
/// whole slate. This probability is exact, since the slots are independent given the items above them.
/// When to use: rankers that differ much, three or more rankers, or logs from which other rankers are evaluated later, since
/// every order has a known, positive probability.
/// When not: pages that must stay close to those of the rankers. With tau = 3, one slot in six does not show the best item of
/// the drawn ranker.
/// errors: configuration_error for more than 15 rankings, or unless tau is from 0 to 32
/// cost: about 0.9 us for the top ten of two lists of ten; the shares of a slate cost O(rankers x items), and then a click costs
///     a look-up
/// source: Hofmann, Whiteson and de Rijke (CIKM 2011), sections 3 and 4; Schuth et al. (SIGIR 2015) for more than two rankers;
///     credit slot by slot instead of over all 2^L assignments is joust's own, proved by enumeration in tests/interleave
struct probabilistic {
    /// How fast the chance falls with the rank. Whole numbers give the same slates on every platform.
    double tau = 3.0;

    /// Every item can be shown, however deep it stands, so whole lists are needed.
    static constexpr bool whole_lists = true;

    /// Refuse a tau that is out of range.
    void validate() const
    {
        if (!(tau >= 0.0 && tau <= 32.0)) {
            throw configuration_error("probabilistic.tau", to_text(tau), "a number from 0 to 32");
        }
    }

    /// Draft the list alone. No slot gives credit.
    template <coin_source Coins>
    void arrange(rankings lists, Coins& coins, draft& out) const
    {
        expect_few(lists);
        out.restart(out.length());
        const detail::rank_table table{lists};
        draw(table, chances{table, *this}, false, coins, out);
    }

    /// Compute what each ranker earns by a click at each position: the probability that it drew the item. The shares of a slot
    /// sum to 1.
    void share_credit(rankings lists, const draft& shown, credit_shares& out) const
    {
        expect_few(lists);
        const detail::rank_table table{lists};
        share_credit(table, chances{table, *this}, detail::shown_items{table, lists, shown}, out);
    }

    /// Return the largest sum of what the rankers' shares of a click exceed the least share by.
    [[nodiscard]] static constexpr double bound(std::size_t, std::size_t) noexcept { return 1.0; }

    /// Draft the list and credit each slot to the ranker that drew it.
    ///
    /// The team of each slot is then an independent fair draw, whatever the lists are. So all rankers win a slate with the same
    /// probability under every pattern of clicks that depends on positions. Teams are noisier than the shares, which are their
    /// mean given the slate.
    template <coin_source Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        expect_few(lists);
        out.restart(out.length());
        const detail::rank_table table{lists};
        draw(table, chances{table, *this}, table.rankers() > 1, coins, out);
    }

    bool operator==(const probabilistic&) const = default;

private:
    /// The numbers 1 / rank^tau for all ranks of a table.
    class chances {
    public:
        chances(const detail::rank_table& table, const probabilistic& policy)
        {
            std::uint32_t longest = 0;
            for (unsigned r = 0; r < table.rankers(); ++r) {
                longest = table.size(r) > longest ? table.size(r) : longest;
            }
            by_rank_.restart(std::size_t{longest} + 2);
            for (std::size_t rank = 1; rank < by_rank_.size(); ++rank) {
                by_rank_[rank] = chance(static_cast<double>(rank), policy.tau);
            }
        }
        [[nodiscard]] double operator[](std::uint32_t rank) const noexcept { return by_rank_[rank]; }

    private:
        // Whole powers are computed by multiplication, which every platform rounds alike.
        [[nodiscard]] static double chance(double rank, double tau) noexcept
        {
            const auto whole = static_cast<int>(tau);
            if (static_cast<double>(whole) != tau) {
                return std::pow(rank, -tau);
            }
            double power = 1.0;
            for (int i = 0; i < whole; ++i) {
                power *= rank;
            }
            return 1.0 / power;
        }

        detail::late_array<double, 2 * draft::inline_slots> by_rank_;
    };

    void expect_few(rankings lists) const
    {
        detail::expect_few("probabilistic.rankings", lists);
        validate();
    }

    template <class Coins>
    static void draw(const detail::rank_table& table, const chances& chance, bool credited, Coins& coins,
                     draft& out)
    {
        const unsigned rankers = table.rankers();
        const std::uint32_t items = table.items();
        // The weight that each ranker gives to each item that is not shown yet, and the sum of these weights.
        detail::late_array<double, 512> weights{std::size_t{rankers} * items};
        detail::late_array<double, max_rankers> sums{rankers};
        detail::late_array<double, max_rankers> fresh{rankers};
        const auto add_up = [&](unsigned r) {
            double sum = 0.0;
            for (std::uint32_t item = 0; item < items; ++item) {
                sum += weights[std::size_t{r} * items + item];
            }
            sums[r] = fresh[r] = sum;
        };
        for (unsigned r = 0; r < rankers; ++r) {
            for (std::uint32_t item = 0; item < items; ++item) {
                weights[std::size_t{r} * items + item] = chance[table.rank(r, item)];
            }
            add_up(r);
        }
        while (!out.full() && out.size() < items) {
            const unsigned ranker = rankers == 1   ? 0
                                    : rankers == 2 ? unsigned{coins.coin()}
                                                   : static_cast<unsigned>(coins.below(rankers));
            const std::span<const double> own{weights.data() + std::size_t{ranker} * items, items};
            const auto item = static_cast<std::uint32_t>(detail::draw_weighted(coins, own, sums[ranker]));
            slot next = table.show(item);
            next.team = credited ? static_cast<std::uint8_t>(ranker) : no_team;
            out.push(next);
            for (unsigned r = 0; r < rankers; ++r) {
                double& weight = weights[std::size_t{r} * items + item];
                sums[r] -= weight;
                weight = 0.0;
                // Subtraction loses digits when little is left, so the sum is then computed anew.
                if (sums[r] < fresh[r] * 0x1p-10) {
                    add_up(r);
                }
            }
        }
    }

    static void share_credit(const detail::rank_table& table, const chances& chance,
                             const detail::shown_items& items, credit_shares& out)
    {
        const unsigned rankers = table.rankers();
        out.restart(items.size(), rankers);
        detail::late_array<std::uint8_t, 2 * draft::inline_slots> shown{table.items()};
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (items[i] != detail::rank_table::unknown) {
                shown[items[i]] = 1;
            }
        }
        for (unsigned r = 0; r < rankers; ++r) {
            // The weight that a ranker had left before each slot, summed from the end so that no digits cancel.
            double left = 0.0;
            for (std::uint32_t item = table.items(); item-- > 0;) {
                left += shown[item] != 0 ? 0.0 : chance[table.rank(r, item)];
            }
            for (std::size_t i = items.size(); i-- > 0;) {
                if (items[i] != detail::rank_table::unknown) {
                    const double weight = chance[table.rank(r, items[i])];
                    left += weight;
                    out.at(i, r) = weight / left;
                }
            }
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            double sum = 0.0;
            for (const double probability : out.at(i)) {
                sum += probability;
            }
            if (sum > 0.0) {
                for (double& probability : out.at(i)) {
                    probability /= sum;
                }
            }
        }
    }
};

/// The probabilities that more clicks on a slate belong to one of two rankers than to the other.
struct preference_chances {
    /// The probability that more clicks belong to the challenger.
    double challenger = 0.0;
    /// The probability that more clicks belong to the champion.
    double champion = 0.0;
    /// The probability that both have the same number of clicks.
    double neither = 1.0;
};

/// Compute the result of a comparison by clicks if every click drew its ranker by the shares.
///
/// When to use: to report which ranker wins a slate by clicks, as preference() does for drafted teams, but without their noise.
/// When not: to compare rankers over many slates; the shares themselves are simpler and tell more.
/// shape: shares that sum to at most 1 at each position; bit i of `clicked` is position i
/// cost: O(clicks^2); no allocation
/// source: the dynamic programme of the Poisson-binomial distribution, for the difference of two counts
[[nodiscard]] inline preference_chances chances_of_preference(const credit_shares& shares,
                                                              std::uint64_t clicked, unsigned challenger,
                                                              unsigned champion = 0) noexcept
{
    if (challenger == champion) {
        return {};
    }
    constexpr std::size_t most = 64;
    // The distribution of the challenger's clicks minus the champion's. The difference 0 is in the middle.
    std::array<double, 2 * most + 3> now{};
    now[most + 1] = 1.0;
    std::size_t clicks = 0;
    for (std::size_t i = 0; i < shares.positions() && i < most; ++i) {
        if (((clicked >> i) & 1U) == 0) {
            continue;
        }
        const double up = shares.at(i, challenger);
        const double down = shares.at(i, champion);
        const double rest = up + down < 1.0 ? 1.0 - (up + down) : 0.0;
        ++clicks;
        double before = 0.0;
        for (std::size_t d = most + 1 - clicks; d <= most + 1 + clicks; ++d) {
            const double here = now[d];
            now[d] = before * up + here * rest + now[d + 1] * down;
            before = here;
        }
    }
    preference_chances found{0.0, 0.0, now[most + 1]};
    for (std::size_t d = 1; d <= clicks; ++d) {
        found.challenger += now[most + 1 + d];
        found.champion += now[most + 1 - d];
    }
    return found;
}

}  // namespace v0
}  // namespace joust
