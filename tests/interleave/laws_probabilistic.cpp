// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/probabilistic.hpp>

#include "catch.hpp"
#include "interleave/laws_shares.hpp"
#include "interleave/laws_universes.hpp"

#include <map>

// Probabilistic interleaving: its law and its credit against brute force over all assignments of slots to rankers.

using namespace joust_test;
using joust::probabilistic;

namespace {

/// The chance that a ranker draws an item when some are shown: by definition, each item weighed anew.
class softmaxes {
public:
    softmaxes(const list_set& all, double tau) : all_(all), tau_(static_cast<long double>(tau))
    {
        for (const list& l : all) {
            for (const joust::item_key item : l) {
                if (std::find(items_.begin(), items_.end(), item) == items_.end()) {
                    items_.push_back(item);
                }
            }
        }
    }

    [[nodiscard]] long double chance(std::size_t ranker, joust::item_key item, const list& shown) const
    {
        long double sum = 0.0L;
        for (const joust::item_key other : items_) {
            if (std::find(shown.begin(), shown.end(), other) == shown.end()) {
                sum += weight(ranker, other);
            }
        }
        return weight(ranker, item) / sum;
    }

private:
    [[nodiscard]] long double weight(std::size_t ranker, joust::item_key item) const
    {
        const list& l = all_[ranker];
        const auto rank = std::find(l.begin(), l.end(), item) - l.begin() + 1;
        return std::pow(static_cast<long double>(rank), -tau_);
    }

    const list_set& all_;
    long double tau_;
    list items_;
};

/// What a list's slots are worth and how likely the list is, by all k^L assignments of its slots to rankers.
struct brute_force {
    std::vector<std::vector<long double>> shares;  // by position, then ranker
    long double chance = 0.0L;
};

brute_force all_assignments(const list_set& all, const list& shown, double tau)
{
    const softmaxes each{all, tau};
    const std::size_t k = all.size();
    std::vector<std::vector<long double>> draws;
    list prefix;
    for (const joust::item_key item : shown) {
        draws.emplace_back();
        for (std::size_t r = 0; r < k; ++r) {
            draws.back().push_back(each.chance(r, item, prefix) / static_cast<long double>(k));
        }
        prefix.push_back(item);
    }
    std::size_t assignments = 1;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        assignments *= k;
    }
    brute_force found{std::vector<std::vector<long double>>(shown.size(), std::vector<long double>(k)), 0.0L};
    for (std::size_t a = 0; a < assignments; ++a) {
        long double p = 1.0L;
        std::size_t rest = a;
        for (std::size_t i = 0; i < shown.size(); ++i, rest /= k) {
            p *= draws[i][rest % k];
        }
        found.chance += p;
        rest = a;
        for (std::size_t i = 0; i < shown.size(); ++i, rest /= k) {
            found.shares[i][rest % k] += p;
        }
    }
    for (auto& position : found.shares) {
        for (long double& share : position) {
            share /= found.chance;
        }
    }
    return found;
}

joust::draft drawn(const list_set& all, std::size_t length, std::uint64_t seed, double tau = 3.0)
{
    joust::keyed_random coins{seed, length};
    joust::draft out{length};
    probabilistic{.tau = tau}.arrange(views(all), coins, out);
    return out;
}

/// The largest difference between the shares computed slot by slot and by all assignments.
long double worst_share(const list_set& all, const joust::draft& shown, double tau)
{
    const brute_force expected = all_assignments(all, items_of(shown, all), tau);
    joust::credit_shares shares;
    probabilistic{.tau = tau}.share_credit(views(all), shown, shares);
    long double worst = 0.0L;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        for (unsigned r = 0; r < all.size(); ++r) {
            worst =
                std::max(worst, std::fabs(static_cast<long double>(shares.at(i, r)) - expected.shares[i][r]));
        }
    }
    return worst;
}

}  // namespace

TEST_CASE("credit slot by slot equals the credit over all 2^L and k^L assignments to 1e-15")
{
    long double worst = 0.0L;
    for (std::size_t a = 0; a <= 4; ++a) {
        for (const list& b : arrangements(5, 0, 4)) {
            const list_set all{first_documents(a), b};
            worst = std::max(worst, worst_share(all, drawn(all, 7, a), 3.0));
        }
    }
    CHECK(worst < 1e-15L);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const list_set two{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {11, 3, 12, 1, 13, 2, 14, 9, 8, 15}};
        for (const double tau : {0.0, 1.0, 2.5, 3.0, 10.0}) {
            worst = std::max(worst, worst_share(two, drawn(two, 10, seed, tau), tau));
        }
        const list_set three{{1, 2, 3, 4, 5}, {6, 2, 1, 7}, {8, 1}};
        worst = std::max(worst, worst_share(three, drawn(three, 6, seed), 3.0));
        const list_set four{{1, 2, 3, 4}, {4, 3, 2, 1}, {5, 6, 1}, {}};
        worst = std::max(worst, worst_share(four, drawn(four, 6, seed), 3.0));
    }
    CHECK(worst < 1e-15L);
}

TEST_CASE("lists are drawn with the probability of all assignments together")
{
    long double worst = 0.0L;
    for (const list& b : arrangements(4, 0, 3)) {
        const list_set all{{1, 2, 3}, b};
        std::map<list, long double> law;
        every_list(probabilistic{}, all, 3, [&](const joust::draft& out, const enumerator& coins) {
            law[items_of(out, all)] += coins.chance();
        });
        for (const auto& [shown, chance] : law) {
            worst = std::max(worst, std::fabs(chance - all_assignments(all, shown, 3.0).chance));
        }
    }
    CHECK(worst < 1e-15L);
}

TEST_CASE("every ranker has the expected credit 1 / k of each slot, whatever the lists")
{
    std::uint64_t wrong = 0;
    const auto even = [&](const list_set& all, std::size_t length, tally& sum) {
        const expected_shares found = expect_shares(probabilistic{}, all, length);
        const auto k = static_cast<long double>(all.size());
        for (std::size_t i = 0; i < found.at.size(); ++i) {
            for (std::size_t r = 0; r < all.size(); ++r) {
                wrong += std::fabs(found.at[i][r] - found.filled[i] / k) < 1e-14L ? 0u : 1u;
            }
        }
        ++sum.cases;
    };
    CHECK(permutations_of(4, 2, 4, even).cases == 72);
    CHECK(small_overlaps(even).cases == 984);
    CHECK(three_rankers(even, 3).cases == 108);
    CHECK(wrong == 0);
}

TEST_CASE("no digits cancel when nearly all of a list is used up")
{
    // Long slates that show everything: the last slots are drawn from 1e-6 of the first sum.
    list_set all(2);
    for (joust::item_key d = 1; d <= 100; ++d) {
        all[0].push_back(d);
        all[1].push_back((d * 37) % 101);
    }
    long double worst = 0.0L;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const joust::draft shown = drawn(all, 100, seed);
        const list items = items_of(shown, all);
        joust::credit_shares shares;
        probabilistic{}.share_credit(views(all), shown, shares);
        const softmaxes each{all, 3.0};
        list prefix;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const long double a = each.chance(0, items[i], prefix);
            const long double b = each.chance(1, items[i], prefix);
            worst = std::max(worst, std::fabs(static_cast<long double>(shares.at(i, 0)) - a / (a + b)));
            prefix.push_back(items[i]);
        }
        CHECK(shares.at(99, 0) == 0.5);
    }
    CHECK(worst < 2e-15L);
}

TEST_CASE("the winner by clicks is distributed as over all assignments of the clicks, to 1e-15")
{
    long double worst = 0.0L;
    const auto compare = [&](const list_set& all, const joust::draft& shown, unsigned challenger) {
        joust::credit_shares shares;
        probabilistic{}.share_credit(views(all), shown, shares);
        const std::size_t k = all.size();
        for (std::uint64_t clicked = 0; clicked < (std::uint64_t{1} << shown.size()); ++clicked) {
            std::array<long double, 3> expected{};
            std::size_t assignments = 1;
            for (std::size_t i = 0; i < shown.size(); ++i) {
                assignments *= k;
            }
            for (std::size_t a = 0; a < assignments; ++a) {
                long double p = 1.0L;
                int difference = 0;
                std::size_t rest = a;
                for (std::size_t i = 0; i < shown.size(); ++i, rest /= k) {
                    p *= static_cast<long double>(shares.at(i, static_cast<unsigned>(rest % k)));
                    if (((clicked >> i) & 1U) != 0) {
                        difference += rest % k == challenger ? 1 : rest % k == 0 ? -1 : 0;
                    }
                }
                expected[difference > 0 ? 2 : difference < 0 ? 0 : 1] += p;
            }
            const auto found = joust::chances_of_preference(shares, clicked, challenger);
            worst = std::max({worst, std::fabs(static_cast<long double>(found.challenger) - expected[2]),
                              std::fabs(static_cast<long double>(found.champion) - expected[0]),
                              std::fabs(static_cast<long double>(found.neither) - expected[1])});
        }
    };
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        const list_set two{{1, 2, 3, 4, 5, 6}, {7, 3, 8, 1, 2, 9}};
        compare(two, drawn(two, 6, seed), 1);
        const list_set three{{1, 2, 3, 4, 5}, {6, 2, 1, 7}, {8, 1}};
        compare(three, drawn(three, 5, seed), 1);
        compare(three, drawn(three, 5, seed), 2);
    }
    CHECK(worst < 1e-15L);
}

TEST_CASE("the teams of a slate are independent fair coins, whatever the lists")
{
    std::uint64_t uneven = 0;
    const auto inspect = [&](const list_set& all, std::size_t length) {
        std::map<std::vector<int>, long double> law;
        const auto spans = views(all);
        enumerator coins;
        joust::draft out{length};
        while (coins.next()) {
            probabilistic{}.interleave(spans, coins, out);
            std::vector<int> teams;
            for (const joust::slot& s : out) {
                teams.push_back(s.team);
            }
            law[teams] += coins.chance();
        }
        for (const auto& [teams, chance] : law) {
            long double even = 1.0L;
            for (std::size_t i = 0; i < teams.size(); ++i) {
                even /= static_cast<long double>(all.size());
            }
            uneven += near(chance, even) ? 0u : 1u;
        }
    };
    for (const list& b : arrangements(4, 0, 3)) {
        inspect({{1, 2, 3}, b}, 3);
    }
    inspect({{1, 2}, {2, 3}, {3, 1}}, 3);
    inspect({{1, 2}, {}, {3, 1}}, 3);
    CHECK(uneven == 0);
}

TEST_CASE("the shares are the probability that each ranker drew the slot, given the slate")
{
    long double worst = 0.0L;
    for (const list& b : arrangements(4, 1, 3)) {
        const list_set all{{1, 2, 3}, b};
        const auto spans = views(all);
        struct outcome {
            long double chance = 0.0L;
            std::array<long double, 3> champions{};
            std::array<double, 3> share{};
        };
        std::map<list, outcome> law;
        enumerator coins;
        joust::draft out{3};
        joust::credit_shares shares;
        while (coins.next()) {
            probabilistic{}.interleave(spans, coins, out);
            probabilistic{}.share_credit(spans, out, shares);
            outcome& found = law[items_of(out, all)];
            found.chance += coins.chance();
            for (std::size_t i = 0; i < out.size(); ++i) {
                found.champions[i] += out[i].team == 0 ? coins.chance() : 0.0L;
                found.share[i] = shares.at(i, 0);
            }
        }
        for (const auto& [shown, found] : law) {
            for (std::size_t i = 0; i < shown.size(); ++i) {
                worst = std::max(worst, std::fabs(found.champions[i] / found.chance -
                                                  static_cast<long double>(found.share[i])));
            }
        }
    }
    CHECK(worst < 1e-15L);
}
