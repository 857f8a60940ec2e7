// SPDX-License-Identifier: Apache-2.0

#include "interleave/laws_shares.hpp"

#include <joust/core/error.hpp>
#include <joust/core/random.hpp>
#include <joust/interleave/balanced.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/sample_only_scored.hpp>

#include "catch.hpp"

#include <map>
#include <set>

// What all interleavers without a team per slot have in common, over every outcome of their coins.

using namespace joust_test;
using joust::balanced;
using joust::pairwise_preference;
using joust::probabilistic;
using joust::sample_only_scored;

namespace {

/// `visit(policy)` with each of the methods for two rankers.
template <class Visit>
void every_method(Visit&& visit)
{
    visit(balanced{});
    visit(probabilistic{});
    visit(pairwise_preference{});
    visit(sample_only_scored{});
}

/// Lists of at most three of four documents, the first counting up.
template <class Visit>
void small_pairs(Visit&& visit)
{
    for (std::size_t a = 0; a <= 3; ++a) {
        for (const list& b : arrangements(4, 0, 3)) {
            visit(first_documents(a), b);
        }
    }
}

std::size_t different_items(const list_set& all)
{
    std::set<joust::item_key> found;
    for (const list& l : all) {
        found.insert(l.begin(), l.end());
    }
    return found.size();
}

/// Each list that can be shown, with its probability and all that it can credit.
template <class Policy>
auto law_of(const Policy& policy, const list_set& all, std::size_t length)
{
    struct outcome {
        long double chance = 0.0L;
        std::vector<std::vector<double>> credit;
    };
    std::map<list, outcome> law;
    const auto spans = views(all);
    every_list(policy, all, length, [&](const joust::draft& out, const enumerator& coins) {
        outcome& found = law[items_of(out, all)];
        found.chance += coins.chance();
        if (found.credit.empty()) {
            found.credit = credit_of(policy, spans, out);
        }
    });
    return law;
}

}  // namespace

TEST_CASE("every slate without drawn teams is complete and without duplicates, and gives no credit by itself")
{
    std::uint64_t wrong = 0;
    const auto inspect = [&](const auto& policy, const list_set& all, std::size_t length) {
        long double total = 0.0L;
        every_list(policy, all, length, [&](const joust::draft& out, const enumerator& coins) {
            total += coins.chance();
            const list shown = items_of(out, all);
            wrong += shown.size() == std::min(length, different_items(all)) ? 0u : 1u;
            wrong += std::set<joust::item_key>(shown.begin(), shown.end()).size() == shown.size() ? 0u : 1u;
            for (const joust::slot& s : out) {
                wrong += s.team == joust::no_team && s.pair == joust::no_pair ? 0u : 1u;
            }
            const auto spans = views(all);
            for (const auto& ranker : credit_of(policy, spans, out)) {
                for (const double amount : ranker) {
                    wrong += std::isfinite(amount) ? 0u : 1u;
                    wrong += joust::judges_clicks<std::remove_cvref_t<decltype(policy)>> || amount >= 0.0
                                 ? 0u
                                 : 1u;
                }
            }
        });
        wrong += near(total, 1.0L) ? 0u : 1u;
    };
    every_method([&](const auto& policy) {
        small_pairs([&](const list& a, const list& b) {
            for (const std::size_t length : {0u, 1u, 3u, 6u}) {
                inspect(policy, {a, b}, length);
            }
        });
        // Duplicates inside a list, on either side or on both.
        const list_set pool{{}, {1}, {1, 1}, {2, 1, 1, 2}, {1, 1, 2, 3}, {3, 3, 3, 1, 2}, {0, 0, 1}};
        for (const list& a : pool) {
            for (const list& b : pool) {
                for (const std::size_t length : {0u, 1u, 3u, 6u}) {
                    inspect(policy, {a, b}, length);
                }
            }
        }
    });
    CHECK(wrong == 0);
}

TEST_CASE("a second copy of an item changes neither the slate nor the credit")
{
    std::uint64_t different = 0;
    every_method([&](const auto& policy) {
        const list_set repeated{{1, 1, 2, 1, 3}, {3, 2, 2, 3, 4, 3}};
        const list_set once{{1, 2, 3}, {3, 2, 4}};
        for (const std::size_t length : {1u, 2u, 4u}) {
            const auto a = law_of(policy, repeated, length);
            const auto b = law_of(policy, once, length);
            different += a.size() == b.size() ? 0u : 1u;
            for (const auto& [shown, outcome] : a) {
                const auto same = b.find(shown);
                const bool equal = same != b.end() && near(same->second.chance, outcome.chance) &&
                                   equal_credit(same->second.credit[0], outcome.credit[0]) &&
                                   equal_credit(same->second.credit[1], outcome.credit[1]);
                different += equal ? 0u : 1u;
            }
        }
    });
    CHECK(different == 0);
}

TEST_CASE("swapping the rankers mirrors the law and the credit")
{
    std::uint64_t asymmetric = 0;
    every_method([&](const auto& policy) {
        small_pairs([&](const list& a, const list& b) {
            for (const std::size_t length : {1u, 3u, 5u}) {
                const auto straight = law_of(policy, {a, b}, length);
                const auto swapped = law_of(policy, {b, a}, length);
                asymmetric += straight.size() == swapped.size() ? 0u : 1u;
                for (const auto& [shown, outcome] : straight) {
                    const auto mirrored = swapped.find(shown);
                    const bool equal = mirrored != swapped.end() &&
                                       near(mirrored->second.chance, outcome.chance) &&
                                       equal_credit(mirrored->second.credit[0], outcome.credit[1]) &&
                                       equal_credit(mirrored->second.credit[1], outcome.credit[0]);
                    asymmetric += equal ? 0u : 1u;
                }
            }
        });
    });
    CHECK(asymmetric == 0);
}

TEST_CASE("without drawn teams, renaming the documents changes nothing but their names")
{
    std::uint64_t different = 0;
    const auto rename = [](const list& l) {
        list renamed;
        for (const joust::item_key d : l) {
            renamed.push_back(d == 2 ? 0 : ~(d * 0x9e3779b97f4a7c15U));
        }
        return renamed;
    };
    every_method([&](const auto& policy) {
        small_pairs([&](const list& a, const list& b) {
            const list_set all{a, b};
            const list_set other{rename(a), rename(b)};
            const auto spans = views(all);
            const auto other_spans = views(other);
            joust::draft renamed{3};
            every_list(policy, all, 3, [&](const joust::draft& out, const enumerator& coins) {
                scripted same{coins.path()};
                draw_list(policy, other_spans, same, renamed);
                different +=
                    out == renamed && credit_of(policy, spans, out) == credit_of(policy, other_spans, renamed)
                        ? 0u
                        : 1u;
            });
        });
    });
    CHECK(different == 0);
}

TEST_CASE("without drawn teams, a shorter slate is the beginning of the longer one")
{
    std::uint64_t different = 0;
    const auto shorten = [&](const auto& policy, const list_set& all, std::size_t length,
                             std::size_t longer) {
        const auto spans = views(all);
        joust::draft brief{length};
        every_list(policy, all, longer, [&](const joust::draft& out, const enumerator& coins) {
            scripted same{coins.path()};
            draw_list(policy, spans, same, brief);
            bool equal = brief.size() == std::min(length, out.size());
            for (std::size_t i = 0; equal && i < brief.size(); ++i) {
                equal = brief[i] == out[i];
            }
            different += equal ? 0u : 1u;
        });
    };
    every_method([&](const auto& policy) {
        small_pairs([&](const list& a, const list& b) {
            for (std::size_t length = 0; length < 5; ++length) {
                shorten(policy, {a, b}, length, 5);
            }
        });
    });
    const list_set all{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {3, 1, 12, 2, 13, 14, 9, 15, 5, 16}};
    shorten(balanced{}, all, 5, 10);
    shorten(sample_only_scored{}, all, 5, 10);
    CHECK(different == 0);
}

TEST_CASE("rankers that agree get equal credit: identical lists, and a common beginning")
{
    std::uint64_t wrong = 0;
    every_method([&](const auto& policy) {
        using policy_t = std::remove_cvref_t<decltype(policy)>;
        for (const list& a : arrangements(4, 0, 4)) {
            const list_set all{a, a};
            const auto spans = views(all);
            every_list(policy, all, 3, [&](const joust::draft& out, const enumerator&) {
                const auto credit = credit_of(policy, spans, out);
                wrong += credit[0] == credit[1] ? 0u : 1u;
                if constexpr (std::is_same_v<policy_t, balanced<>> ||
                              std::is_same_v<policy_t, sample_only_scored>) {
                    wrong += items_of(out, all) ==
                                     list(a.begin(),
                                          a.begin() + static_cast<long>(std::min<std::size_t>(3, a.size())))
                                 ? 0u
                                 : 1u;
                }
            });
            // So no team is ever drawn from the shares.
            joust::draft drawn{3};
            enumerator coins;
            while (!std::is_same_v<policy_t, probabilistic> && coins.next()) {
                policy.interleave(spans, coins, drawn);
                for (const joust::slot& s : drawn) {
                    wrong += s.team == joust::no_team ? 0u : 1u;
                }
            }
        }
    });
    // A common beginning stays in place. Neither by attention nor by order among the shown items does a ranker gain from it.
    const list_set beginning{{1, 2, 3, 4, 5}, {1, 2, 3, 6, 7}};
    const auto stays = [&](const auto& policy) {
        const auto spans = views(beginning);
        every_list(policy, beginning, 7, [&](const joust::draft& out, const enumerator&) {
            const auto credit = credit_of(policy, spans, out);
            for (std::size_t i = 0; i < 3; ++i) {
                wrong += out[i].index == i && credit[0][i] == credit[1][i] ? 0u : 1u;
            }
            for (std::size_t i = 3; i < 7; ++i) {
                wrong += credit[0][i] == credit[1][i] ? 1u : 0u;
            }
        });
    };
    stays(balanced{});
    stays(sample_only_scored{});
    CHECK(wrong == 0);
}

TEST_CASE("drawn teams have the expectation of the shares, on every path of list and teams")
{
    std::uint64_t wrong = 0;
    const auto compare = [&](const auto& policy, const list_set& all, std::size_t length, double bound) {
        const expected_shares shares = expect_shares(policy, all, length);
        std::array<std::array<long double, 8>, 16> drawn{};
        const auto spans = views(all);
        enumerator coins;
        joust::draft out{length};
        while (coins.next()) {
            policy.interleave(spans, coins, out);
            for (std::size_t i = 0; i < out.size(); ++i) {
                if (out[i].team != joust::no_team) {
                    drawn[i][out[i].team] += coins.chance();
                }
            }
        }
        for (std::size_t i = 0; i < length; ++i) {
            for (std::size_t r = 1; r < all.size(); ++r) {
                const long double expected =
                    (shares.at[i][r] - shares.at[i][0]) / static_cast<long double>(bound);
                wrong += near(drawn[i][r] - drawn[i][0], expected) ? 0u : 1u;
            }
        }
    };
    for (const list& b : arrangements(4, 2, 3)) {
        const list_set all{{1, 2, 3}, b};
        compare(balanced{}, all, 3, balanced{}.bound(3, 2));
        compare(balanced{}, all, 2, balanced{}.bound(2, 2));
        compare(probabilistic{}, all, 2, probabilistic::bound(2, 2));
        compare(sample_only_scored{}, all, 3, sample_only_scored::bound(3, 2));
    }
    compare(probabilistic{}, {{1, 2}, {2, 3}, {3, 1}}, 2, probabilistic::bound(2, 3));
    compare(sample_only_scored{}, {{1, 2}, {2, 3}, {3, 1}}, 3, sample_only_scored::bound(3, 3));
    CHECK(wrong == 0);
}

TEST_CASE("no lists, one list, too many lists: a clear result from every method")
{
    joust::keyed_random coins{3, 1};
    every_method([&](const auto& policy) {
        joust::draft out{3};
        policy.interleave(joust::rankings{}, coins, out);
        CHECK(out.size() == 0);
        CHECK(credit_of(policy, joust::rankings{}, out).empty());

        const list_set alone{{7, 8, 8, 9}};
        const auto spans = views(alone);
        policy.interleave(spans, coins, out);
        CHECK(out.size() == 3);
        for (const joust::slot& s : out) {
            CHECK(s.team == joust::no_team);
        }
        CHECK(credit_of(policy, spans, out).size() == 1);

        list_set many;
        for (joust::item_key r = 0; r < 16; ++r) {
            many.push_back({r});
        }
        const auto too_many = views(many);
        CHECK_THROWS_AS(policy.interleave(too_many, coins, out), joust::configuration_error);
    });
    const list_set three{{1}, {2}, {3}};
    const auto spans = views(three);
    joust::draft out{3};
    CHECK_THROWS_AS(balanced{}.interleave(spans, coins, out), joust::configuration_error);
    joust::credit_shares shares;
    CHECK_THROWS_AS(balanced{}.share_credit(spans, out, shares), joust::configuration_error);
}

TEST_CASE("slots that point outside their lists give no credit")
{
    const list_set all{{1, 2}, {2, 3}};
    const auto spans = views(all);
    joust::draft foreign{3};
    foreign.push({9, joust::no_pair, 0, joust::no_team});
    foreign.push({0, joust::no_pair, 7, joust::no_team});
    foreign.push({0, joust::no_pair, 0, joust::no_team});
    const auto inspect = [&](const auto& policy) {
        joust::credit_shares shares;
        policy.share_credit(spans, foreign, shares);
        for (const std::size_t i : {0u, 1u}) {
            CHECK(shares.at(i, 0) == 0.0);
            CHECK(shares.at(i, 1) == 0.0);
        }
        CHECK(shares.at(2, 0) > 0.0);
    };
    inspect(balanced{});
    inspect(probabilistic{});
    inspect(sample_only_scored{});
    std::array<double, 2> outcome{};
    pairwise_preference{}.outcome(spans, foreign, 3, outcome);
    CHECK(outcome == std::array<double, 2>{});
    CHECK(joust::balanced_winner(spans, foreign, 3) == 0);
}

TEST_CASE("slates longer than 64, and more items than fit inside, are drafted as well")
{
    list_set all(2);
    for (joust::item_key d = 0; d < 300; ++d) {
        all[0].push_back(d);
        all[1].push_back(d + 100);
    }
    const auto spans = views(all);
    every_method([&](const auto& policy) {
        joust::keyed_random coins{3, 2};
        joust::draft out{500};
        policy.interleave(spans, coins, out);
        const list shown = items_of(out, all);
        CHECK(shown.size() == 400);
        CHECK(std::set<joust::item_key>(shown.begin(), shown.end()).size() == 400);
    });
}
