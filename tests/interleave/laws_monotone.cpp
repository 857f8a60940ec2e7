// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/sample_only_scored.hpp>
#include <joust/interleave/team_draft.hpp>

#include "catch.hpp"
#include "interleave/laws_balanced.hpp"
#include "interleave/laws_shares.hpp"

#include <map>
#include <utility>

// Does a ranker that moves a clicked item up in its list gain by it? For every method: how often it loses instead.

using namespace joust_test;

namespace {

/// Every shown item of `relevant` (bit d - 1 for document d) is clicked.
std::uint64_t clicks_on(const joust::draft& out, const list_set& all, unsigned relevant)
{
    std::uint64_t clicked = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const joust::item_key item = all[out[i].ranker][out[i].index];
        clicked |= std::uint64_t{(relevant >> (item - 1)) & 1U} << i;
    }
    return clicked;
}

/// What the champion and the challenger are expected to earn.
using earnings = std::array<long double, 2>;

/// Credit by drafted teams.
template <class Policy>
struct teams_of {
    Policy policy;

    void draw(joust::rankings lists, enumerator& coins, joust::draft& out)
    {
        policy.interleave(lists, coins, out);
    }
    static std::array<double, 2> credit(joust::rankings, const joust::draft& out, std::uint64_t clicked)
    {
        std::array<double, 2> earned{};
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (((clicked >> i) & 1U) != 0 && out[i].team != joust::no_team) {
                earned[out[i].team] += 1.0;
            }
        }
        return earned;
    }
};

/// Credit by shares; a click at position p counts attention(p).
template <class Policy>
struct shares_of {
    Policy policy;
    /// clicked documents are clicked only if they are looked at, by 1 / position^eta
    double eta = 0.0;
    joust::credit_shares shares{};

    void draw(joust::rankings lists, enumerator& coins, joust::draft& out)
    {
        policy.arrange(lists, coins, out);
        policy.share_credit(lists, out, shares);
    }
    [[nodiscard]] std::array<double, 2> credit(joust::rankings, const joust::draft& out,
                                               std::uint64_t clicked) const
    {
        std::array<double, 2> earned{};
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (((clicked >> i) & 1U) != 0) {
                const double looks = eta == 0.0 ? 1.0 : joust::power_curve{.eta = eta}(i + 1);
                earned[0] += looks * shares.at(i, 0);
                earned[1] += looks * shares.at(i, 1);
            }
        }
        return earned;
    }
};

/// Credit by all clicks together.
struct preferences {
    static void draw(joust::rankings lists, enumerator& coins, joust::draft& out)
    {
        joust::pairwise_preference{}.interleave(lists, coins, out);
    }
    static std::array<double, 2> credit(joust::rankings lists, const joust::draft& out, std::uint64_t clicked)
    {
        std::array<double, 2> earned{};
        joust::pairwise_preference{}.outcome(lists, out, clicked, earned);
        return earned;
    }
};

/// The winner of a balanced slate by the classical rule.
struct classical {
    static void draw(joust::rankings lists, enumerator& coins, joust::draft& out)
    {
        joust::balanced{}.arrange(lists, coins, out);
    }
    static std::array<double, 2> credit(joust::rankings lists, const joust::draft& out, std::uint64_t clicked)
    {
        const int winner = joust::balanced_winner(lists, out, clicked);
        return {winner < 0 ? 1.0 : 0.0, winner > 0 ? 1.0 : 0.0};
    }
};

const teams_of<joust::competitive_pairs> pairs{};
const teams_of<joust::team_draft> teams{};
const shares_of<joust::balanced<>> balanced_with_all_looks{};
const shares_of<joust::balanced<>> balanced_with_its_looks{.policy = {}, .eta = 1.0};
const shares_of<joust::probabilistic> chances{};
const shares_of<joust::sample_only_scored> scored{};

/// What both earn, for each set of clicked documents.
template <class Method>
std::vector<earnings> expected(Method method, const list_set& all, std::size_t length, std::size_t documents)
{
    const auto spans = views(all);
    enumerator coins;
    joust::draft out{length};
    std::vector<earnings> sums(std::size_t{1} << documents);
    while (coins.next()) {
        method.draw(spans, coins, out);
        for (unsigned relevant = 1; relevant < sums.size(); ++relevant) {
            const auto earned = method.credit(spans, out, clicks_on(out, all, relevant));
            sums[relevant][0] += coins.chance() * static_cast<long double>(earned[0]);
            sums[relevant][1] += coins.chance() * static_cast<long double>(earned[1]);
        }
    }
    return sums;
}

struct steps {
    unsigned cases = 0;
    /// the ranker's expected credit
    unsigned own_falls = 0;
    /// its expected credit less its rival's
    unsigned lead_falls = 0;
    bool operator==(const steps&) const = default;
};

struct losses {
    steps past_unclicked;
    steps past_clicked;
};

/// Permutations of two to four documents, all slates, all sets of clicked documents, every single step up of one of them.
template <class Method>
losses count_losses(const Method& method)
{
    losses found;
    for (std::size_t n = 2; n <= 4; ++n) {
        const std::vector<list> all = arrangements(static_cast<unsigned>(n), n);
        for (std::size_t length = 1; length <= n; ++length) {
            std::map<list, std::vector<earnings>> earned;
            for (const list& b : all) {
                earned[b] = expected(method, {first_documents(n), b}, length, n);
            }
            for (const list& before : all) {
                for (std::size_t at = 1; at < n; ++at) {
                    list after = before;
                    std::swap(after[at - 1], after[at]);
                    const auto is_clicked = [&](unsigned relevant, std::size_t place) {
                        return ((relevant >> (before[place] - 1)) & 1U) != 0;
                    };
                    for (unsigned relevant = 1; relevant < (1u << n); ++relevant) {
                        if (!is_clicked(relevant, at)) {
                            continue;
                        }
                        const earnings& a = earned[before][relevant];
                        const earnings& b = earned[after][relevant];
                        steps& kind =
                            is_clicked(relevant, at - 1) ? found.past_clicked : found.past_unclicked;
                        ++kind.cases;
                        kind.own_falls += b[1] < a[1] - 1e-12L ? 1u : 0u;
                        kind.lead_falls += b[1] - b[0] < a[1] - a[0] - 1e-12L ? 1u : 0u;
                    }
                }
            }
        }
    }
    return found;
}

}  // namespace

TEST_CASE(
    "a clicked item that steps up past an unclicked one never costs its ranker the lead, by three methods")
{
    // 1,228 steps. Both what the ranker earns and its lead never fall.
    CHECK(count_losses(teams).past_unclicked == steps{1228, 0, 0});
    CHECK(count_losses(chances).past_unclicked == steps{1228, 0, 0});
    // A step that makes the rankers agree removes a pair: both earn less, and neither loses the lead.
    CHECK(count_losses(pairs).past_unclicked == steps{1228, 4, 0});
}

TEST_CASE("by other methods a step up can cost credit, even past an unclicked item")
{
    // By its own click model only where the slate is shorter than the lists: there the last rank that counts for both can
    // become a higher one.
    CHECK(count_losses(balanced_with_its_looks).past_unclicked == steps{1228, 12, 8});
    CHECK(count_losses(balanced_with_all_looks).past_unclicked == steps{1228, 119, 24});
    CHECK(count_losses(classical{}).past_unclicked == steps{1228, 1, 1});
    // A preference that weighs more, or is shown more often, also weighs more against a ranker that does not share it yet.
    CHECK(count_losses(preferences{}).past_unclicked == steps{1228, 84, 40});
    // A step changes which documents are shown, and so everybody's order among them.
    CHECK(count_losses(scored).past_unclicked == steps{1228, 0, 16});
}

TEST_CASE("a step past another clicked item can cost credit by every method, because the other item falls")
{
    CHECK(count_losses(pairs).past_clicked == steps{1228, 101, 23});
    CHECK(count_losses(teams).past_clicked == steps{1228, 24, 42});
    CHECK(count_losses(chances).past_clicked == steps{1228, 322, 296});
    CHECK(count_losses(balanced_with_its_looks).past_clicked == steps{1228, 107, 43});
    CHECK(count_losses(balanced_with_all_looks).past_clicked == steps{1228, 232, 241});
    CHECK(count_losses(classical{}).past_clicked == steps{1228, 102, 43});
    CHECK(count_losses(preferences{}).past_clicked == steps{1228, 81, 60});
    CHECK(count_losses(scored).past_clicked == steps{1228, 24, 17});
}

TEST_CASE("the smallest counterexamples")
{
    const auto lead = [](const auto& method, const list& challenger, std::size_t length, unsigned relevant) {
        const std::size_t n = challenger.size();
        const earnings e = expected(method, {first_documents(n), challenger}, length, n)[relevant];
        return static_cast<double>(e[1] - e[0]);
    };
    // Documents 1 and 3 are clicked, the champion shows 1 2 3. Against 1 3 2 it agrees on the first; the challenger that
    // turns to 3 1 2 puts the champion's 1 at stake as well.
    CHECK(lead(pairs, {1, 3, 2}, 3, 0b101) == 1.0);
    CHECK(lead(pairs, {3, 1, 2}, 3, 0b101) == 0.0);
    CHECK(lead(teams, {1, 3, 2}, 2, 0b101) == 0.5);
    CHECK(lead(teams, {3, 1, 2}, 2, 0b101) == 0.0);
    // Only document 1 is clicked. After the step two documents are left to be shown, and the preference always counts.
    CHECK(lead(preferences{}, {2, 3, 1}, 2, 0b001) == -1.0);
    CHECK(lead(preferences{}, {2, 1, 3}, 2, 0b001) == -2.0);
    // Documents 1 and 2 are clicked; after the step 4 is not shown, so that only the first two ranks count.
    CHECK(lead(balanced_with_its_looks, {3, 4, 1, 2}, 3, 0b0011) >
          lead(balanced_with_its_looks, {3, 1, 4, 2}, 3, 0b0011) + 0.08);
    // Only document 2 is clicked.
    CHECK(lead(scored, {1, 3, 4, 2}, 3, 0b0010) > lead(scored, {1, 3, 2, 4}, 3, 0b0010) + 0.04);
}
