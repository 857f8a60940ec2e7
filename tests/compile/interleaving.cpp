// SPDX-License-Identifier: Apache-2.0

// Every misuse of an interleaving trial is answered with one sentence.

#include <joust/trial/at_once.hpp>
#include <joust/trial/interleaving.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct query {
    std::string user;
};
struct document {
    int id = 0;
    std::string title;
};
std::vector<document> old_ranker(const query&)
{
    return {};
}
std::vector<document> new_ranker(const query&)
{
    return {};
}
std::vector<int> numbers(const query&)
{
    return {};
}

// An interleaver and a credit of one's own are a few lines.
struct champion_first {
    template <joust::coin_source Coins>
    void interleave(joust::rankings lists, Coins&, joust::draft& out) const
    {
        out.restart(out.length());
        for (std::uint32_t i = 0; i < lists[0].size() && !out.full(); ++i) {
            out.push({i, joust::no_pair, 0, joust::no_team});
        }
    }
};
struct first_half {
    joust::award credit(const joust::slate_teams& slate, const joust::feedback& what) const noexcept
    {
        return {slate.team(what.position), 2 * what.position < slate.length() ? 1.0 : 0.0};
    }
};

#ifdef ACCEPT
void accepted()
{
    joust::interleaving search{joust::model{"bm25", old_ranker},
                               joust::model{"neural", new_ranker},
                               joust::graded_credit{.best = 5.0},
                               joust::by(&query::user),
                               joust::salt{"search"},
                               joust::team_draft{},
                               joust::identified_by(&document::id),
                               joust::always_valid{.alpha = 0.01},
                               joust::untimed{}};
    auto page = search.rank(query{}, 10);
    search.click(page.ticket(), 0, 4.0);
    joust::interleaving own{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                            champion_first{}, first_half{}};
    (void)own.rank(query{}, 10U);

    using ads = std::vector<joust::pin<document>>;
    joust::interleaving all{joust::model{"bm25", old_ranker},
                            joust::model{"neural", new_ranker},
                            joust::by(&query::user),
                            joust::identified_by(&document::id),
                            joust::pinned([](const query&) { return ads{}; }),
                            joust::eligible([](const document& d) { return d.id > 0; }),
                            joust::dwell_credit{.at_least = 30.0},
                            joust::at_once(std::chrono::milliseconds{50})};
    auto first = all.rank(query{}, 10);
    (void)all.rank_from(first.ticket(), 10, query{}, 10);
    auto a = old_ranker(query{});
    auto b = new_ranker(query{});
    auto later = all.interleave(std::tie(a, b), all.choose(std::string{"me"}), 10, query{});
    auto again = all.replay(std::tie(a, b), later.ticket(), 10, query{});
    all.click(again, 3, 40.0);
}
#endif

// REJECT 1: joust: say whose feedback belongs together
#if REJECT == 1
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}};
#endif

// REJECT 2: joust: interleaving needs a champion and a challenger
#if REJECT == 2
joust::interleaving search{joust::model{"a", numbers}, joust::by(&query::user)};
#endif

// REJECT 3: joust: this interleaver mixes another number of rankers; team_draft{} mixes any number up to 15
#if REJECT == 3
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::model{"c", numbers},
                           joust::by(&query::user), joust::competitive_pairs{}};
#endif

// REJECT 4: joust: two interleavers are given
#if REJECT == 4
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                           joust::competitive_pairs{}, joust::team_draft{}};
#endif

// REJECT 5: joust: an interleaver needs void interleave(
#if REJECT == 5
struct forgets_const {
    template <class Coins>
    void interleave(joust::rankings, Coins&, joust::draft&)
    {
    }
};
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                           forgets_const{}};
#endif

// REJECT 6: joust: a credit policy needs joust::award credit(
#if REJECT == 6
struct may_throw {
    joust::award credit(const joust::slate_teams&, const joust::feedback&) const { return {}; }
};
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                           may_throw{}};
#endif

// REJECT 7: joust: this argument plays no role in this trial
#if REJECT == 7
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                           42};
#endif

// REJECT 8: joust: the ranked items are no integers and no text
#if REJECT == 8
void rank()
{
    joust::interleaving search{joust::model{"a", old_ranker}, joust::model{"b", new_ranker},
                               joust::by(&query::user)};
    (void)search.rank(query{}, 10);
}
#endif

// REJECT 9: joust: all rankers of one trial must return lists of the same item type
#if REJECT == 9
void rank()
{
    joust::interleaving search{joust::model{"a", old_ranker}, joust::model{"b", numbers},
                               joust::by(&query::user)};
    (void)search.rank(query{}, 10);
}
#endif

// REJECT 10: joust: the last argument of rank(args..., length) is the number of items to show
#if REJECT == 10
void rank()
{
    joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers},
                               joust::by(&query::user)};
    (void)search.rank(query{});
}
#endif

// REJECT 11: joust: a ranker must return a list
#if REJECT == 11
void rank()
{
    joust::interleaving search{joust::model{"a", [](const query&) { return 1; }}, joust::model{"b", numbers},
                               joust::by(&query::user)};
    (void)search.rank(query{}, 10);
}
#endif

// REJECT 12: joust: a ranker cannot be called with these arguments
#if REJECT == 12
void rank()
{
    joust::interleaving search{joust::model{"a", numbers},
                               joust::model{"b", [](query&) { return std::vector<int>{}; }},
                               joust::by(&query::user)};
    (void)search.rank(query{}, 10);
}
#endif

// REJECT 13: joust: pins are given twice
#if REJECT == 13
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                           joust::pinned(numbers), joust::pinned(numbers)};
#endif

// REJECT 14: joust: eligibility is given twice
#if REJECT == 14
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                           joust::eligible([](int) { return true; }),
                           joust::eligible([](int) { return true; })};
#endif

// REJECT 15: joust: it is said twice how rankers run
#if REJECT == 15
joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers}, joust::by(&query::user),
                           joust::at_once(std::chrono::milliseconds{50}),
                           joust::at_once(std::chrono::milliseconds{50})};
#endif

// REJECT 16: joust: eligible(...) takes a predicate on (item), (item, first argument) or (item, all arguments of the call)
#if REJECT == 16
void rank()
{
    joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers},
                               joust::by(&query::user),
                               joust::eligible([](const std::string&) { return true; })};
    (void)search.rank(query{}, 10);
}
#endif

// REJECT 17: joust: interleave(lists, ticket, length) takes a tuple with one list for each ranker
#if REJECT == 17
void rank()
{
    joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers},
                               joust::by(&query::user)};
    std::vector<int> alone;
    (void)search.interleave(std::tie(alone), search.choose(1), 10);
}
#endif

// REJECT 18: joust: at_once copies the arguments for rankers that miss their deadline
#if REJECT == 18
void rank()
{
    joust::interleaving search{joust::model{"a", [](const query*) { return std::vector<int>{}; }},
                               joust::model{"b", [](const query*) { return std::vector<int>{}; }},
                               joust::per_request{}, joust::at_once(std::chrono::milliseconds{50})};
    query q;
    (void)search.rank(&q, 10);
}
#endif

// REJECT 19: joust: this interleaver plans a slate as a whole, so it has no later pages
#if REJECT == 19
struct planned : champion_first {
    static constexpr bool continues = false;
};
void rank()
{
    joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers},
                               joust::by(&query::user), planned{}};
    (void)search.rank_from(joust::ticket{}, 10, query{}, 10);
}
#endif

// REJECT 20: joust: pinned(...) takes a callable on all arguments of the call, or on the first alone
#if REJECT == 20
void rank()
{
    joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers},
                               joust::by(&query::user),
                               joust::pinned([](int) { return std::vector<joust::pin<int>>{}; })};
    (void)search.rank(query{}, 10);
}
#endif

// REJECT 21: joust: at_once copies the arguments for rankers that miss their deadline, and a copy of this one shares what it refers to
#if REJECT == 21
void rank()
{
    const auto list = [](const std::shared_ptr<query>&) { return std::vector<int>{}; };
    joust::interleaving search{joust::model{"a", list}, joust::model{"b", list}, joust::per_request{},
                               joust::at_once(std::chrono::milliseconds{50})};
    (void)search.rank(std::make_shared<query>(), 10);
}
#endif
