// SPDX-License-Identifier: Apache-2.0

#include "interleave/laws_balanced.hpp"

#include <joust/interleave/balanced.hpp>

#include "catch.hpp"
#include "interleave/laws_universes.hpp"
#include "interleave/reference.hpp"

#include <map>
#include <numeric>
#include <set>

// Balanced interleaving: what its credit is worth if users look as the curve says, in exact fractions, and what its
// classical rule is not.

using namespace joust_test;
using joust::balanced;

namespace {

/// A fraction in lowest terms.
struct fraction {
    integer over = 0;
    integer under = 1;

    fraction(integer a, integer b) : over(a), under(b) { reduce(); }
    fraction() = default;

    friend fraction operator+(const fraction& a, const fraction& b)
    {
        return {a.over * b.under + b.over * a.under, a.under * b.under};
    }
    friend fraction operator*(const fraction& a, const fraction& b)
    {
        return {a.over * b.over, a.under * b.under};
    }
    friend fraction operator/(const fraction& a, const fraction& b)
    {
        return {a.over * b.under, a.under * b.over};
    }
    bool operator==(const fraction&) const = default;
    [[nodiscard]] double value() const { return static_cast<double>(over) / static_cast<double>(under); }

private:
    void reduce()
    {
        integer a = over;
        integer b = under;
        while (b != 0) {
            const integer rest = a % b;
            a = b;
            b = rest;
        }
        over /= a;
        under /= a;
    }
};

/// The merged list for one side of the coin, as one would write it on a blackboard.
list merged(const list_set& all, bool challenger_first, std::size_t length)
{
    list shown;
    std::size_t next[2] = {0, 0};
    while (shown.size() < length && (next[0] < all[0].size() || next[1] < all[1].size())) {
        std::size_t turn = next[0] < next[1] ? 0 : next[1] < next[0] ? 1 : challenger_first ? 1 : 0;
        if (next[turn] == all[turn].size()) {
            turn = 1 - turn;
        }
        const joust::item_key item = all[turn][next[turn]++];
        if (std::find(shown.begin(), shown.end(), item) == shown.end()) {
            shown.push_back(item);
        }
    }
    return shown;
}

/// One case of the identity: how many are checked, and whether all hold.
struct identities {
    std::uint64_t checked = 0;
    std::uint64_t wrong = 0;
};

/// By the model that position p is looked at with probability 1 / p, every item that is clicked when it is looked at is
/// worth exactly 1 / rank to each ranker, down to the last rank that can be shown for both; so any sum of them is.
void check_identities(const list_set& all, std::size_t length, identities& sum)
{
    const auto spans = views(all);
    const list lists[2] = {merged(all, false, length), merged(all, true, length)};
    std::map<joust::item_key, fraction> attention;  // on average over the coin
    for (const list& l : lists) {
        for (std::size_t i = 0; i < l.size(); ++i) {
            attention[l[i]] = attention[l[i]] + fraction{1, 2 * static_cast<integer>(i + 1)};
        }
    }
    std::size_t depth = 0;
    while (depth < all[0].size() && depth < all[1].size() && attention.contains(all[0][depth]) &&
           attention.contains(all[1][depth])) {
        ++depth;
    }
    for (std::size_t r = 0; r < 2; ++r) {
        bool holds = true;
        std::map<joust::item_key, fraction> expected;
        for (std::uint8_t coin = 0; coin < 2; ++coin) {
            scripted script{{{coin, 2}}};
            joust::draft out{length};
            balanced{}.arrange(spans, script, out);
            holds = holds && items_of(out, all) == lists[coin];
            joust::credit_shares shares;
            balanced{}.share_credit(spans, out, shares);
            for (std::size_t i = 0; i < out.size(); ++i) {
                const joust::item_key item = lists[coin][i];
                const auto at = std::find(all[r].begin(), all[r].end(), item);
                const auto rank = static_cast<integer>(at - all[r].begin()) + 1;
                const fraction share =
                    rank <= static_cast<integer>(depth) ? fraction{1, rank} / attention[item] : fraction{};
                // The computed share is the fraction, and the fraction enters the sum.
                holds = holds && std::fabs(shares.at(i, static_cast<unsigned>(r)) - share.value()) <=
                                     4e-16 * (1.0 + share.value());
                expected[item] = expected[item] + fraction{1, 2 * static_cast<integer>(i + 1)} * share;
            }
        }
        for (std::size_t rank = 1; rank <= all[r].size(); ++rank) {
            const fraction worth = rank <= depth ? fraction{1, static_cast<integer>(rank)} : fraction{};
            holds = holds && expected[all[r][rank - 1]] == worth;
        }
        ++sum.checked;
        sum.wrong += holds ? 0u : 1u;
    }
}

}  // namespace

TEST_CASE(
    "the expected credit of a click equals that of the ranker's own list, exactly, in 48 and in 15,620 further cases")
{
    identities four;
    for (const list& b : arrangements(4, 4)) {
        check_identities({first_documents(4), b}, 4, four);
    }
    CHECK(four.checked == 48);
    CHECK(four.wrong == 0);

    identities overlapping;
    for (std::size_t a = 0; a <= 4; ++a) {
        for (const list& b : arrangements(5, 0, 4)) {
            for (std::size_t length = 1; length <= 7; ++length) {
                check_identities({first_documents(a), b}, length, overlapping);
            }
        }
    }
    CHECK(overlapping.checked == 14'420);
    CHECK(overlapping.wrong == 0);

    identities permuted;
    for (const list& b : arrangements(5, 5)) {
        for (std::size_t length = 1; length <= 5; ++length) {
            check_identities({first_documents(5), b}, length, permuted);
        }
    }
    CHECK(permuted.checked == 1'200);
    CHECK(permuted.wrong == 0);
}

TEST_CASE("the identity holds for other curves, one of them measured")
{
    const auto fair_under = [](const auto& curve) {
        const auto judge_case = by_curve(balanced{curve}, curve);
        const tally short_ones = short_lists(judge_case);
        const tally permuted = permutations_of(4, 1, 5, judge_case);
        return short_ones.biased + permuted.biased;
    };
    CHECK(fair_under(joust::power_curve{.eta = 0.0}) == 0);
    CHECK(fair_under(joust::power_curve{.eta = 0.5}) == 0);
    CHECK(fair_under(joust::power_curve{.eta = 2.0}) == 0);
    CHECK(fair_under([](std::size_t position) { return position < 3 ? 0.9 : 0.2; }) == 0);
    // A wrong curve is no proof against clicks at random positions.
    CHECK(permutations_of(4, 4, 4, by_curve(balanced{}, joust::power_curve{.eta = 0.0})).biased > 0);
}

TEST_CASE("no share exceeds the stated bound")
{
    std::uint64_t above = 0;
    const auto largest = [&](const auto& policy, const list_set& all, std::size_t length) {
        double most = 0.0;
        const auto spans = views(all);
        joust::credit_shares shares;
        every_list(policy, all, length, [&](const joust::draft& out, const enumerator&) {
            policy.share_credit(spans, out, shares);
            for (std::size_t i = 0; i < out.size(); ++i) {
                most = std::max({most, shares.at(i, 0), shares.at(i, 1)});
            }
        });
        above += most <= policy.bound(length) * (1.0 + 1e-15) ? 0u : 1u;
        return most;
    };
    const auto all_cases = [&](const auto& policy) {
        std::array<double, 8> most{};
        for (std::size_t a = 0; a <= 4; ++a) {
            for (const list& b : arrangements(5, 0, 4)) {
                for (std::size_t length = 1; length <= 7; ++length) {
                    most[length] = std::max(most[length], largest(policy, {first_documents(a), b}, length));
                }
            }
        }
        return most;
    };
    const auto most = all_cases(balanced{});
    all_cases(balanced{joust::power_curve{.eta = 0.0}});
    all_cases(balanced{joust::power_curve{.eta = 3.0}});
    all_cases(balanced{[](std::size_t position) { return position < 3 ? 1.0 : 0.01; }});
    CHECK(above == 0);
    // The bound is reached where the slate's end cuts the lists after the first of two items.
    CHECK(most[1] == balanced{}.bound(1));
    CHECK(most[3] == balanced{}.bound(3));
}

TEST_CASE("the classical rule is biased by one random click in 2 of 18, 18 of 96 and 154 of 600 cases")
{
    const auto one_click = by_winner(one_click_at_random);
    const tally three = permutations_of(3, 1, 3, one_click);
    const tally four = permutations_of(4, 1, 4, one_click);
    const tally five = permutations_of(5, 1, 5, one_click);
    CHECK(three.cases == 18);
    CHECK(three.biased == 2);
    CHECK(four.cases == 96);
    CHECK(four.biased == 18);
    CHECK(five.cases == 600);
    CHECK(five.biased == 154);
    // Under some pattern of clicks a few more are.
    CHECK(permutations_of(3, 1, 3, by_winner(each_pattern)).biased == 2);
    CHECK(permutations_of(4, 1, 4, by_winner(each_pattern)).biased == 20);
    CHECK(permutations_of(5, 1, 5, by_winner(each_pattern)).biased == 174);
}

TEST_CASE(
    "with the rotated lists of the textbook, the challenger wins three of four times by one random click")
{
    const list_set all{{1, 2, 3, 4}, {2, 3, 4, 1}};
    const auto spans = views(all);
    integer wins[3] = {0, 0, 0};
    std::map<list, integer> law;
    every_list(balanced{}, all, 4, [&](const joust::draft& out, const enumerator& coins) {
        law[items_of(out, all)] += coins.probability();
        for (std::uint64_t position = 0; position < 4; ++position) {
            wins[joust::balanced_winner(spans, out, std::uint64_t{1} << position) + 1] +=
                coins.probability() / 4;
        }
    });
    const integer half = enumerator::whole / 2;
    CHECK(law == std::map<list, integer>{{{1, 2, 3, 4}, half}, {{2, 1, 3, 4}, half}});
    CHECK(wins[2] == enumerator::whole / 4 * 3);
    CHECK(wins[0] == enumerator::whole / 4);
    CHECK(wins[1] == 0);
}
