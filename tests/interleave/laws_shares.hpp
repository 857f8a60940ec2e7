// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/credit.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/interleave/teams.hpp>

#include "interleave/enumerator.hpp"
#include "interleave/laws.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

// The laws of interleavers whose credit is no team per slot: shares of a click, or an outcome of all clicks.

namespace joust_test {

/// Draw the list alone; a policy whose slots never credit anybody has no other verb for it.
template <class Policy, class Coins>
void draw_list(const Policy& policy, joust::rankings lists, Coins& coins, joust::draft& out)
{
    if constexpr (joust::judges_clicks<Policy>) {
        policy.interleave(lists, coins, out);
    } else {
        policy.arrange(lists, coins, out);
    }
}

/// All that a policy would ever credit for a slate, by ranker: each position's shares, or each pattern's outcome.
template <class Policy>
std::vector<std::vector<double>> credit_of(const Policy& policy, joust::rankings lists,
                                           const joust::draft& shown)
{
    std::vector<std::vector<double>> found(lists.size());
    if constexpr (joust::judges_clicks<Policy>) {
        std::vector<double> outcome(lists.size());
        for (std::uint64_t clicked = 0; clicked < (std::uint64_t{1} << shown.size()); ++clicked) {
            policy.outcome(lists, shown, clicked, outcome);
            for (std::size_t r = 0; r < lists.size(); ++r) {
                found[r].push_back(outcome[r]);
            }
        }
    } else {
        joust::credit_shares shares;
        policy.share_credit(lists, shown, shares);
        for (unsigned r = 0; r < lists.size(); ++r) {
            for (std::size_t i = 0; i < shown.size(); ++i) {
                found[r].push_back(shares.at(i, r));
            }
        }
    }
    return found;
}

inline bool equal_credit(const std::vector<double>& a, const std::vector<double>& b)
{
    bool equal = a.size() == b.size();
    for (std::size_t i = 0; equal && i < a.size(); ++i) {
        equal = std::fabs(a[i] - b[i]) < 1e-12;
    }
    return equal;
}

/// The shown items of a draft.
inline list items_of(const joust::draft& shown, const list_set& all)
{
    list items;
    for (const joust::slot& s : shown) {
        items.push_back(all[s.ranker][s.index]);
    }
    return items;
}

/// Draw the list alone, on every path of coins: `visit(draft, coins)`. Returns the number of paths.
template <class Policy, class Visit>
std::uint64_t every_list(const Policy& policy, const list_set& all, std::size_t length, Visit&& visit)
{
    const auto spans = views(all);
    enumerator coins;
    joust::draft out{length};
    std::uint64_t paths = 0;
    while (coins.next()) {
        draw_list(policy, spans, coins, out);
        visit(out, coins);
        ++paths;
    }
    return paths;
}

/// The expected shares of each position and ranker, where every position is clicked.
struct expected_shares {
    std::array<std::array<long double, 8>, 16> at{};
    /// the probability that the position is shown at all
    std::array<long double, 16> filled{};
    long double total = 0.0L;
    std::uint64_t paths = 0;
};

template <class Policy>
expected_shares expect_shares(const Policy& policy, const list_set& all, std::size_t length)
{
    expected_shares found;
    const auto spans = views(all);
    joust::credit_shares shares;
    found.paths = every_list(policy, all, length, [&](const joust::draft& out, const enumerator& coins) {
        found.total += coins.chance();
        policy.share_credit(spans, out, shares);
        for (std::size_t i = 0; i < out.size(); ++i) {
            found.filled[i] += coins.chance();
            for (unsigned r = 0; r < all.size(); ++r) {
                found.at[i][r] += coins.chance() * static_cast<long double>(shares.at(i, r));
            }
        }
    });
    return found;
}

inline bool near(long double a, long double b)
{
    return std::fabs(a - b) < 1e-12L;
}

/// Is every ranker expected to earn the same at each position? To 1e-12, since shares may be irrational.
template <class Policy>
auto by_shares(const Policy& policy)
{
    return [policy](const list_set& all, std::size_t length, tally& sum) {
        const expected_shares found = expect_shares(policy, all, length);
        bool fair = true;
        for (std::size_t r = 1; r < all.size(); ++r) {
            for (const auto& position : found.at) {
                fair = fair && near(position[r], position[0]);
            }
        }
        enter(sum, all, found.paths, fair, near(found.total, 1.0L));
    };
}

/// Is every ranker expected to earn the same from clicks at position p with probability curve(p)?
template <class Policy, class Curve>
auto by_curve(const Policy& policy, Curve curve)
{
    return [policy, curve](const list_set& all, std::size_t length, tally& sum) {
        const expected_shares found = expect_shares(policy, all, length);
        std::array<long double, 8> earned{};
        for (std::size_t i = 0; i < found.at.size(); ++i) {
            for (std::size_t r = 0; r < all.size(); ++r) {
                earned[r] += static_cast<long double>(curve(i + 1)) * found.at[i][r];
            }
        }
        bool fair = true;
        for (std::size_t r = 1; r < all.size(); ++r) {
            fair = fair && near(earned[r], earned[0]);
        }
        enter(sum, all, found.paths, fair, near(found.total, 1.0L));
    };
}

/// Does every ranker win as many slates as the champion, by clicks on its slots, whichever positions are clicked? All 2^L
/// patterns: being credited evenly at each position is not enough for that.
template <class Policy>
auto by_slates_won(const Policy& policy)
{
    return [policy](const list_set& all, std::size_t length, tally& sum) {
        const auto spans = views(all);
        std::array<std::array<long double, 4>, 128> lead{};
        long double total = 0.0L;
        std::uint64_t paths = 0;
        enumerator coins;
        joust::draft out{length};
        while (coins.next()) {
            policy.interleave(spans, coins, out);
            ++paths;
            total += coins.chance();
            const auto teams = joust::slate_teams::of(out, static_cast<unsigned>(all.size()));
            for (std::uint64_t clicked = 0; clicked < (std::uint64_t{1} << out.size()); ++clicked) {
                for (std::size_t r = 1; r < all.size(); ++r) {
                    lead[clicked][r] +=
                        coins.chance() * joust::preference(teams, clicked, static_cast<std::uint8_t>(r));
                }
            }
        }
        bool fair = true;
        for (const auto& pattern : lead) {
            for (const long double l : pattern) {
                fair = fair && near(l, 0.0L);
            }
        }
        enter(sum, all, paths, fair, near(total, 1.0L));
    };
}

/// A number that is a multiple of 1 / scale, as an integer. Others are refused, so that sums stay exact.
inline integer scaled(double number, integer scale)
{
    const long double multiple = static_cast<long double>(number) * static_cast<long double>(scale);
    const long double whole = std::round(multiple);
    if (std::fabs(multiple - whole) > 1e-9L) {
        throw std::logic_error("the number is no multiple of the scale");
    }
    return static_cast<integer>(whole);
}

/// As by_shares, in integers: for shares that are multiples of 1 / 60 and equally likely coins.
template <class Policy>
auto by_shares_exactly(const Policy& policy)
{
    return [policy](const list_set& all, std::size_t length, tally& sum) {
        const auto spans = views(all);
        std::array<std::array<integer, 8>, 16> earned{};
        integer total = 0;
        joust::credit_shares shares;
        const std::uint64_t paths =
            every_list(policy, all, length, [&](const joust::draft& out, const enumerator& coins) {
                const integer p = coins.probability();
                total += p;
                policy.share_credit(spans, out, shares);
                for (std::size_t i = 0; i < out.size(); ++i) {
                    for (unsigned r = 0; r < all.size(); ++r) {
                        earned[i][r] += p * scaled(shares.at(i, r), 60);
                    }
                }
            });
        bool fair = true;
        for (std::size_t r = 1; r < all.size(); ++r) {
            for (const auto& position : earned) {
                fair = fair && position[r] == position[0];
            }
        }
        enter(sum, all, paths, fair, total == enumerator::whole);
    };
}

/// Does every ranker expect nothing, whichever positions are clicked? All 2^L patterns, in integers.
template <class Policy>
auto by_outcome(const Policy& policy)
{
    return [policy](const list_set& all, std::size_t length, tally& sum) {
        // Weights are products of c / (c - 1) for at most four slots with c = 2 .. 5 candidates.
        constexpr integer scale = 12 * 12 * 12 * 12;
        const auto spans = views(all);
        std::array<std::array<integer, 4>, 128> earned{};
        integer total = 0;
        const std::uint64_t paths =
            every_path(policy, all, length, [&](const joust::draft& out, const enumerator& coins) {
                const integer p = coins.probability();
                total += p;
                for (std::uint64_t clicked = 0; clicked < (std::uint64_t{1} << out.size()); ++clicked) {
                    std::array<double, 4> outcome{};
                    policy.outcome(spans, out, clicked, std::span<double>{outcome.data(), all.size()});
                    for (std::size_t r = 0; r < all.size(); ++r) {
                        earned[clicked][r] += p * scaled(outcome[r], scale);
                    }
                }
            });
        bool fair = true;
        for (const auto& pattern : earned) {
            for (const integer e : pattern) {
                fair = fair && e == 0;
            }
        }
        enter(sum, all, paths, fair, total == enumerator::whole);
    };
}

}  // namespace joust_test
