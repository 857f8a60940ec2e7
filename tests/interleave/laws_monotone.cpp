#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/sample_only_scored.hpp>
#include <joust/interleave/team_draft.hpp>

#include "catch.hpp"
#include "laws_balanced.hpp"
#include "laws_shares.hpp"

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

template <class Credit, class Draw>
earnings expected(const list_set& all, std::size_t length, unsigned relevant, const Draw& draw,
                  const Credit& credit)
{
    const auto spans = views(all);
    enumerator coins;
    joust::draft out{length};
    earnings sum{};
    while (coins.next()) {
        draw(spans, coins, out);
        const auto [a, b] = credit(spans, out, clicks_on(out, all, relevant));
        sum[0] += coins.chance() * static_cast<long double>(a);
        sum[1] += coins.chance() * static_cast<long double>(b);
    }
    return sum;
}

template <class Policy>
earnings expected_by(const Policy& policy, const list_set& all, std::size_t length, unsigned relevant)
{
    const auto draw = [&](joust::rankings lists, auto& coins, joust::draft& out) {
        if constexpr (joust::shares_credit<Policy>) {
            policy.arrange(lists, coins, out);
        } else {
            policy.interleave(lists, coins, out);
        }
    };
    return expected(all, length, relevant, draw,
                    [&](joust::rankings lists, const joust::draft& out, std::uint64_t clicked) {
                        std::array<double, 2> earned{};
                        if constexpr (joust::judges_clicks<Policy>) {
                            policy.outcome(lists, out, clicked, earned);
                        } else if constexpr (joust::shares_credit<Policy>) {
                            joust::credit_shares shares;
                            policy.share_credit(lists, out, shares);
                            for (std::size_t i = 0; i < out.size(); ++i) {
                                for (unsigned r = 0; ((clicked >> i) & 1U) != 0 && r < 2; ++r) {
                                    earned[r] += shares.at(i, r);
                                }
                            }
                        } else {
                            for (std::size_t i = 0; i < out.size(); ++i) {
                                if (((clicked >> i) & 1U) != 0 && out[i].team != joust::no_team) {
                                    earned[out[i].team] += 1.0;
                                }
                            }
                        }
                        return std::pair{earned[0], earned[1]};
                    });
}

/// Balanced, where clicked documents are clicked only if they are looked at, by the method's own curve.
struct attentive {};

earnings expected_by(const attentive&, const list_set& all, std::size_t length, unsigned relevant)
{
    return expected(
        all, length, relevant,
        [](joust::rankings lists, auto& coins, joust::draft& out) {
            joust::balanced{}.arrange(lists, coins, out);
        },
        [](joust::rankings lists, const joust::draft& out, std::uint64_t clicked) {
            joust::credit_shares shares;
            joust::balanced{}.share_credit(lists, out, shares);
            std::pair<double, double> earned;
            for (std::size_t i = 0; i < out.size(); ++i) {
                if (((clicked >> i) & 1U) != 0) {
                    earned.first += shares.at(i, 0) * joust::power_curve{}(i + 1);
                    earned.second += shares.at(i, 1) * joust::power_curve{}(i + 1);
                }
            }
            return earned;
        });
}

/// Balanced by its classical rule: who wins.
struct classical {};

earnings expected_by(const classical&, const list_set& all, std::size_t length, unsigned relevant)
{
    return expected(
        all, length, relevant,
        [](joust::rankings lists, auto& coins, joust::draft& out) {
            joust::balanced{}.arrange(lists, coins, out);
        },
        [](joust::rankings lists, const joust::draft& out, std::uint64_t clicked) {
            const int winner = joust::balanced_winner(lists, out, clicked);
            return std::pair{winner < 0 ? 1.0 : 0.0, winner > 0 ? 1.0 : 0.0};
        });
}

struct steps {
    unsigned cases = 0;
    unsigned own_falls = 0;   ///< the ranker's expected credit
    unsigned lead_falls = 0;  ///< its expected credit less its rival's
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
            for (unsigned relevant = 1; relevant < (1u << n); ++relevant) {
                std::map<list, earnings> earned;
                for (const list& b : all) {
                    earned[b] = expected_by(method, {first_documents(n), b}, length, relevant);
                }
                for (const list& before : all) {
                    for (std::size_t at = 1; at < n; ++at) {
                        if (((relevant >> (before[at] - 1)) & 1U) == 0) {
                            continue;
                        }
                        list after = before;
                        std::swap(after[at - 1], after[at]);
                        const earnings& a = earned[before];
                        const earnings& b = earned[after];
                        const bool past_unclicked = ((relevant >> (before[at - 1] - 1)) & 1U) == 0;
                        steps& kind = past_unclicked ? found.past_unclicked : found.past_clicked;
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
    CHECK(count_losses(joust::team_draft{}).past_unclicked == steps{1228, 0, 0});
    CHECK(count_losses(joust::probabilistic{}).past_unclicked == steps{1228, 0, 0});
    // A step that makes the rankers agree takes a pair away: both earn less, nobody loses the lead.
    CHECK(count_losses(joust::competitive_pairs{}).past_unclicked == steps{1228, 4, 0});
}

TEST_CASE("by other methods it can cost credit, even past an unclicked item")
{
    // By its own click model only where the slate is shorter than the lists: there the last rank that counts for both can
    // become a higher one.
    CHECK(count_losses(attentive{}).past_unclicked == steps{1228, 12, 8});
    CHECK(count_losses(joust::balanced{}).past_unclicked == steps{1228, 119, 24});
    CHECK(count_losses(classical{}).past_unclicked == steps{1228, 1, 1});
    // A preference that weighs more, or is shown more often, also weighs more against who has not turned it round yet.
    CHECK(count_losses(joust::pairwise_preference{}).past_unclicked == steps{1228, 84, 40});
    // A step changes which documents are shown, and so everybody's order among them.
    CHECK(count_losses(joust::sample_only_scored{}).past_unclicked == steps{1228, 0, 16});
}

TEST_CASE("past another clicked item every method can lose: one of the two falls")
{
    CHECK(count_losses(joust::competitive_pairs{}).past_clicked == steps{1228, 101, 23});
    CHECK(count_losses(joust::team_draft{}).past_clicked == steps{1228, 24, 42});
    CHECK(count_losses(joust::probabilistic{}).past_clicked == steps{1228, 322, 296});
    CHECK(count_losses(attentive{}).past_clicked == steps{1228, 107, 43});
    CHECK(count_losses(classical{}).past_clicked == steps{1228, 102, 43});
    CHECK(count_losses(joust::pairwise_preference{}).past_clicked == steps{1228, 81, 60});
    CHECK(count_losses(joust::sample_only_scored{}).past_clicked == steps{1228, 24, 17});
}

TEST_CASE("the smallest counterexamples")
{
    const auto lead = [](const auto& method, const list& challenger, std::size_t length, unsigned relevant) {
        const earnings e =
            expected_by(method, {first_documents(challenger.size()), challenger}, length, relevant);
        return static_cast<double>(e[1] - e[0]);
    };
    // Documents 1 and 3 are clicked, the champion shows 1 2 3. Against 1 3 2 it agrees on the first; the challenger that
    // turns to 3 1 2 puts the champion's 1 at stake as well.
    CHECK(lead(joust::competitive_pairs{}, {1, 3, 2}, 3, 0b101) == 1.0);
    CHECK(lead(joust::competitive_pairs{}, {3, 1, 2}, 3, 0b101) == 0.0);
    CHECK(lead(joust::team_draft{}, {1, 3, 2}, 2, 0b101) == 0.5);
    CHECK(lead(joust::team_draft{}, {3, 1, 2}, 2, 0b101) == 0.0);
    // Only document 1 is clicked. After the step two documents are left to be shown, and the preference always counts.
    CHECK(lead(joust::pairwise_preference{}, {2, 3, 1}, 2, 0b001) == -1.0);
    CHECK(lead(joust::pairwise_preference{}, {2, 1, 3}, 2, 0b001) == -2.0);
    // Documents 1 and 2 are clicked; after the step 4 is not shown, so that only the first two ranks count.
    CHECK(lead(attentive{}, {3, 4, 1, 2}, 3, 0b0011) > lead(attentive{}, {3, 1, 4, 2}, 3, 0b0011) + 0.08);
    // Only document 2 is clicked.
    CHECK(lead(joust::sample_only_scored{}, {1, 3, 4, 2}, 3, 0b0010) >
          lead(joust::sample_only_scored{}, {1, 3, 2, 4}, 3, 0b0010) + 0.04);
}
