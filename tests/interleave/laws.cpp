// SPDX-License-Identifier: Apache-2.0

#include "interleave/laws.hpp"

#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/team_draft.hpp>

#include "catch.hpp"
#include "interleave/laws_universes.hpp"
#include "interleave/reference.hpp"

#include <map>
#include <set>
#include <string>

// Nothing here is sampled: every case is enumerated over all outcomes of its coins, in integers.

using namespace joust_test;

namespace {

using joust::competitive_pairs;
using joust::team_draft;

}  // namespace

TEST_CASE(
    "team draft that credits slots after the end of a list is biased in 284 of 1020 cases, in 24 of them with lists of one length")
{
    const tally published = short_lists(by_teams(team_draft_reference{.credit_all = true}));
    CHECK(published.cases == 1020);
    CHECK(published.biased == 284);
    CHECK(published.biased_equal_lengths == 24);
    CHECK(long_enough_lists(by_teams(team_draft_reference{.credit_all = true})).biased == 0);
}

TEST_CASE("the two lists of the textbook example carry the law of the literature")
{
    // A = 1 2 3, B = 2 3 1, three slots: four outcomes, a quarter each.
    std::map<std::string, integer> law;
    const list_set all{{1, 2, 3}, {2, 3, 1}};
    every_path(team_draft{}, all, 3, [&](const joust::draft& out, const enumerator& coins) {
        std::string outcome;
        for (const joust::slot& s : out) {
            outcome += std::to_string(all[s.ranker][s.index]);
        }
        outcome += ' ';
        for (const joust::slot& s : out) {
            outcome += s.team == 0 ? 'A' : s.team == 1 ? 'B' : '-';
        }
        law[outcome] += coins.probability();
    });
    const integer quarter = enumerator::whole / 4;
    CHECK(law == std::map<std::string, integer>{
                     {"123 ABA", quarter}, {"123 ABB", quarter}, {"213 BAA", quarter}, {"213 BAB", quarter}});
}

TEST_CASE("a list that ends early does not favour a ranker any more")
{
    // A = 1 2, B = 3 4 5 6 7, six slots, every slot clicked once: published team draft gives A 2 and B 4.
    const list_set all{{1, 2}, {3, 4, 5, 6, 7}};
    const auto expected = [&](const auto& policy) {
        std::array<integer, 2> earned{};
        every_path(policy, all, 6, [&](const joust::draft& out, const enumerator& coins) {
            for (const joust::slot& s : out) {
                if (s.team != joust::no_team) {
                    earned[s.team] += coins.probability();
                }
            }
        });
        return earned;
    };
    const integer one = enumerator::whole;
    CHECK(expected(team_draft_reference{.credit_all = true}) == std::array<integer, 2>{2 * one, 4 * one});
    CHECK(expected(team_draft{}) == std::array<integer, 2>{one, one});
    CHECK(expected(competitive_pairs{}) == std::array<integer, 2>{2 * one, 2 * one});
}

TEST_CASE("the fast interleavers equal the plain reference, on every path of the coins")
{
    std::uint64_t different = 0;
    std::uint64_t compared = 0;
    const auto compare = [&](const auto& policy, const auto& reference, const list_set& all,
                             std::size_t length) {
        const auto spans = views(all);
        enumerator coins;
        joust::draft fast{length};
        joust::draft plain{length};
        while (coins.next()) {
            policy.interleave(spans, coins, fast);
            scripted same{coins.path()};
            reference.interleave(spans, same, plain);
            different += fast == plain && same.used() == coins.path().size() ? 0u : 1u;
            ++compared;
        }
    };
    SECTION("two lists of at most four of five documents")
    {
        for (std::size_t a = 0; a <= 4; ++a) {
            for (const list& b : arrangements(5, 0, 4)) {
                for (std::size_t length = 0; length <= 7; ++length) {
                    compare(competitive_pairs{}, competitive_pairs_reference{}, {first_documents(a), b},
                            length);
                    compare(team_draft{}, team_draft_reference{}, {first_documents(a), b}, length);
                }
            }
        }
        CHECK(compared > 30'000);
    }
    SECTION("lists with duplicates, which one list shows once")
    {
        const list_set pool{
            {}, {1}, {1, 1}, {2, 1, 1, 2}, {1, 1, 2, 3}, {3, 3, 3, 1, 2}, {2, 2, 1, 4, 4, 5}, {0, 0, 1}};
        for (const list& a : pool) {
            for (const list& b : pool) {
                for (std::size_t length = 0; length <= 7; ++length) {
                    compare(competitive_pairs{}, competitive_pairs_reference{}, {a, b}, length);
                    compare(team_draft{}, team_draft_reference{}, {a, b}, length);
                    compare(team_draft{}, team_draft_reference{}, {a, b, {1, 2, 2, 3}}, length);
                }
            }
        }
        CHECK(compared > 4'000);
    }
    CHECK(different == 0);
}

TEST_CASE("every slate is complete, without duplicates, and shows only some ranker's next item")
{
    std::uint64_t wrong = 0;
    const auto inspect = [&](const auto& policy, const list_set& all, std::size_t length) {
        std::set<joust::item_key> everything;
        for (const list& l : all) {
            everything.insert(l.begin(), l.end());
        }
        every_path(policy, all, length, [&](const joust::draft& out, const enumerator&) {
            wrong += out.size() == std::min(length, everything.size()) ? 0u : 1u;
            std::set<joust::item_key> shown;
            for (const joust::slot& s : out) {
                const joust::item_key item = all[s.ranker][s.index];
                bool next_of_some = false;
                for (const list& l : all) {
                    const auto next =
                        std::find_if(l.begin(), l.end(), [&](auto key) { return !shown.contains(key); });
                    next_of_some = next_of_some || (next != l.end() && *next == item);
                }
                // A pair is decided at once, so its second item may be next only beside the first.
                const bool second_of_pair =
                    s.pair != joust::no_pair && &s != out.begin() && (&s)[-1].pair == s.pair;
                wrong += next_of_some || second_of_pair ? 0u : 1u;
                wrong += s.team == joust::no_team || s.team == s.ranker ? 0u : 1u;
                wrong += shown.insert(item).second ? 0u : 1u;
            }
        });
    };
    for (std::size_t a = 0; a <= 4; ++a) {
        for (const list& b : arrangements(5, 0, 4)) {
            for (const std::size_t length : {0u, 1u, 4u, 7u}) {
                inspect(competitive_pairs{}, {first_documents(a), b}, length);
                inspect(team_draft{}, {first_documents(a), b}, length);
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("swapping the rankers and complementing the coins mirrors the slate")
{
    std::uint64_t asymmetric = 0;
    const auto mirror = [&](const auto& policy, const list& a, const list& b, std::size_t length) {
        const list_set straight{a, b};
        const list_set swapped{b, a};
        const auto swapped_spans = views(swapped);
        joust::draft mirrored{length};
        every_path(policy, straight, length, [&](const joust::draft& out, const enumerator& coins) {
            scripted complement{coins.path(), true};
            policy.interleave(swapped_spans, complement, mirrored);
            bool same = out.size() == mirrored.size();
            for (std::size_t i = 0; same && i < out.size(); ++i) {
                const joust::slot& s = out[i];
                const joust::slot& m = mirrored[i];
                const std::uint8_t team =
                    s.team == joust::no_team ? s.team : static_cast<std::uint8_t>(1 - s.team);
                same = straight[s.ranker][s.index] == swapped[m.ranker][m.index] && m.team == team &&
                       m.pair == s.pair;
            }
            asymmetric += same ? 0u : 1u;
        });
    };
    for (std::size_t a = 0; a <= 4; ++a) {
        for (const list& b : arrangements(5, 0, 4)) {
            for (const std::size_t length : {1u, 3u, 6u}) {
                mirror(competitive_pairs{}, first_documents(a), b, length);
                mirror(team_draft{}, first_documents(a), b, length);
            }
        }
    }
    CHECK(asymmetric == 0);
}

TEST_CASE("renaming the documents changes nothing but their names")
{
    std::uint64_t different = 0;
    const auto rename = [](const list& l) {
        list renamed;
        for (const joust::item_key d : l) {
            renamed.push_back(d == 2 ? 0 : ~(d * 0x9e3779b97f4a7c15U));
        }
        return renamed;
    };
    const auto compare = [&](const auto& policy, const list& a, const list& b) {
        const list_set other{rename(a), rename(b)};
        const auto spans = views(other);
        joust::draft renamed{4};
        every_path(policy, {a, b}, 4, [&](const joust::draft& out, const enumerator& coins) {
            scripted same{coins.path()};
            policy.interleave(spans, same, renamed);
            different += out == renamed ? 0u : 1u;
        });
    };
    for (std::size_t a = 0; a <= 4; ++a) {
        for (const list& b : arrangements(5, 0, 4)) {
            compare(competitive_pairs{}, first_documents(a), b);
            compare(team_draft{}, first_documents(a), b);
        }
    }
    CHECK(different == 0);
}

TEST_CASE("a shorter slate is the beginning of the longer one, except for the credit of a pair that it cuts")
{
    std::uint64_t different = 0;
    std::uint64_t half_pairs = 0;
    const auto shorten = [&](const auto& policy, const list_set& all, std::size_t length,
                             std::size_t longer) {
        const auto spans = views(all);
        joust::draft brief{length};
        every_path(policy, all, longer, [&](const joust::draft& out, const enumerator& coins) {
            scripted same{coins.path()};
            policy.interleave(spans, same, brief);
            bool equal = brief.size() == std::min(length, out.size());
            for (std::size_t i = 0; equal && i < brief.size(); ++i) {
                if (i + 1 == length && i + 1 < out.size() && out[i].pair != joust::no_pair &&
                    out[i + 1].pair == out[i].pair) {
                    ++half_pairs;
                    equal = brief[i].index == out[i].index && brief[i].ranker == out[i].ranker &&
                            brief[i].team == joust::no_team && brief[i].pair == joust::no_pair;
                } else {
                    equal = brief[i] == out[i];
                }
            }
            different += equal ? 0u : 1u;
        });
    };
    SECTION("the first five of ten")
    {
        const list_set all{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {3, 1, 12, 2, 13, 14, 9, 15, 5, 16}};
        shorten(competitive_pairs{}, all, 5, 10);
        shorten(team_draft{}, all, 5, 10);
        CHECK(half_pairs > 0);
        shorten(team_draft{}, {all[0], all[1], {20, 2, 1, 21, 22}}, 5, 6);
    }
    SECTION("any length of short lists")
    {
        for (std::size_t a = 0; a <= 4; ++a) {
            for (const list& b : arrangements(5, 0, 4)) {
                for (std::size_t length = 0; length < 6; ++length) {
                    shorten(competitive_pairs{}, {first_documents(a), b}, length, 6);
                    shorten(team_draft{}, {first_documents(a), b}, length, 6);
                }
            }
        }
    }
    CHECK(different == 0);
}

TEST_CASE("rankers that agree are shown as they are: identical lists, and a common beginning")
{
    std::uint64_t wrong = 0;
    for (const list& a : arrangements(5, 0, 5)) {
        every_path(competitive_pairs{}, {a, a}, 4, [&](const joust::draft& out, const enumerator& coins) {
            wrong += coins.path().empty() ? 0u : 1u;
            for (std::size_t i = 0; i < out.size(); ++i) {
                wrong += out[i].index == i && out[i].team == joust::no_team ? 0u : 1u;
            }
        });
        every_path(team_draft{}, {a, a}, 4, [&](const joust::draft& out, const enumerator&) {
            for (std::size_t i = 0; i < out.size(); ++i) {
                wrong += a[out[i].index] == a[i] ? 0u : 1u;
            }
        });
    }
    const list_set beginning{{1, 2, 3, 4, 5}, {1, 2, 3, 6, 7}};
    every_path(competitive_pairs{}, beginning, 7, [&](const joust::draft& out, const enumerator&) {
        for (std::size_t i = 0; i < 3; ++i) {
            wrong += out[i].index == i && out[i].team == joust::no_team ? 0u : 1u;
        }
        for (std::size_t i = 3; i < 7; ++i) {
            wrong += out[i].team == joust::no_team ? 1u : 0u;
        }
    });
    CHECK(wrong == 0);
}
