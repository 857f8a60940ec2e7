// SPDX-License-Identifier: Apache-2.0

// Tests of pins, eligibility, later pages, replay, lists of the caller, rankers at once, and credit by touch.

#include <joust/trial/at_once.hpp>
#include <joust/trial/interleaving.hpp>

#include "catch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct document {
    int id = 0;
    bool in_stock = true;
    std::string title = {};
};

struct query {
    std::uint64_t user = 0;
    std::vector<joust::pin<document>> ads = {};
    std::set<int> seen = {};
};

std::vector<document> documents(std::vector<int> ids)
{
    std::vector<document> all;
    for (const int id : ids) {
        all.push_back({id, id % 7 != 0, "number " + std::to_string(id)});
    }
    return all;
}

std::vector<int> up_to(int n, int step)
{
    std::vector<int> ids;
    for (int i = 1; i <= n; ++i) {
        ids.push_back(1 + (i * step) % (n + 1));
    }
    return ids;
}

std::vector<document> old_ranker(const query&)
{
    return documents(up_to(40, 1));
}
std::vector<document> new_ranker(const query&)
{
    return documents(up_to(40, 3));
}

template <class... Policies>
auto make_search(Policies... policies)
{
    return joust::interleaving{joust::model{"bm25", old_ranker},
                               joust::model{"neural", new_ranker},
                               joust::by(&query::user),
                               joust::identified_by(&document::id),
                               joust::salt{"pages"},
                               std::move(policies)...};
}

template <class Page>
std::vector<int> ids(const Page& page)
{
    std::vector<int> all;
    for (const auto& each : page) {
        all.push_back(each.id);
    }
    return all;
}

std::uint64_t counted(const joust::report& r, const std::string& what)
{
    for (const auto& row : r.counts) {
        if (row.what == what) {
            return row.count;
        }
    }
    return 0;
}

/// An executor that never has room.
struct full {
    template <class Task>
    bool dispatch(Task&&) noexcept
    {
        return false;
    }
};

double credit_of(const joust::evidence& seen, bool challenger)
{
    double sum = 0.0;
    const auto& side = challenger ? seen.pairs[0].series[2].challenger : seen.pairs[0].series[2].champion;
    for (const double x : side) {
        sum += x;
    }
    return sum;
}

}  // namespace

TEST_CASE("pinned items stand at their positions, once, and credit no ranker")
{
    auto search = make_search(joust::pinned(&query::ads));
    auto plain = make_search();
    for (std::uint64_t user = 0; user < 100; ++user) {
        query with{user, {{0, {900}}, {4, {2}}, {4, {901}}, {6, {900}}, {30, {3}}}};
        const auto page = search.rank(with, 10);
        const std::vector<int> shown = ids(page);
        REQUIRE(shown.size() == 10);
        CHECK(shown[0] == 900);
        CHECK(shown[4] == 2);
        CHECK(std::set<int>(shown.begin(), shown.end()).size() == 10);
        // The item of a lower pin is not shown before that pin, and neither is the second pin of a position.
        CHECK(std::count(shown.begin(), shown.end(), 3) == 0);
        CHECK(std::count(shown.begin(), shown.end(), 901) == 0);
        for (const std::size_t at : {0u, 4u}) {
            CHECK(page.slots()[at].ranker == joust::pinned_ranker);
            CHECK(page.slots()[at].team == joust::no_team);
            CHECK_FALSE(search.click(page.ticket(), at));
        }
        const auto a = old_ranker({});
        const auto b = new_ranker({});
        for (std::size_t i = 0; i < page.size(); ++i) {
            const joust::slot& s = page.slots()[i];
            if (s.ranker != joust::pinned_ranker) {
                CHECK((s.ranker == 0 ? a : b)[s.index].id == shown[i]);
            }
        }
    }
    // Pins move up where the lists end.
    joust::interleaving brief{joust::model{"a", [](const query&) { return documents({1}); }},
                              joust::model{"b", [](const query&) { return documents({1, 2}); }},
                              joust::by(&query::user), joust::identified_by(&document::id),
                              joust::pinned(&query::ads)};
    const auto page = brief.rank(query{1, {{7, {50}}, {5, {51}}}}, 10);
    CHECK(ids(page) == std::vector<int>{1, 2, 51, 50});
    CHECK(brief.rank(query{1, {{7, {50}}}}, 0).empty());
}

TEST_CASE("the rankers' items keep their order around pins, and pairs stay pairs")
{
    // With pins and without, the coins are the same, so the drafted items are the first eight of ten.
    auto with_pins = make_search(joust::pinned(&query::ads));
    const query q{5, {{1, {900}}, {2, {901}}}};
    const auto lists = std::tuple{old_ranker(q), new_ranker(q)};
    for (int i = 0; i < 50; ++i) {
        const auto page = with_pins.rank(q, 10);
        std::vector<int> drafted = ids(page);
        CHECK(drafted[1] == 900);
        CHECK(drafted[2] == 901);
        drafted.erase(drafted.begin() + 1, drafted.begin() + 3);
        const auto bare = with_pins.replay(lists, page.ticket(), 8, query{5});
        for (std::size_t p = 0; p < 8; ++p) {
            const joust::slot& s = bare.slots[p];
            CHECK((s.ranker == 0 ? std::get<0>(lists) : std::get<1>(lists))[s.index].id == drafted[p]);
        }
        const joust::slate_teams teams{page.ticket().teams(), 10, 2};
        const auto pairs = joust::compare_pairs(teams, 0);
        std::set<std::uint16_t> expected;
        for (const joust::slot& s : page.slots()) {
            if (s.pair != joust::no_pair) {
                expected.insert(s.pair);
            }
        }
        CHECK(pairs.neither == expected.size());
    }
}

TEST_CASE("what may not be shown is left out for every ranker alike")
{
    auto by_item = make_search(joust::eligible(&document::in_stock));
    auto by_query = make_search(
        joust::eligible([](const document& d, const query& q) { return !q.seen.contains(d.id); }));
    for (std::uint64_t user = 0; user < 60; ++user) {
        const auto page = by_item.rank(query{user}, 12);
        CHECK(page.size() == 12);
        for (const document& d : page) {
            CHECK(d.in_stock);
        }
        query q{user};
        for (int id = 1; id <= 38; ++id) {
            q.seen.insert(id);
        }
        const auto rest = by_query.rank(q, 12);
        CHECK(rest.size() == 3);
        for (const document& d : rest) {
            CHECK(d.id > 38);
            CHECK(d.title == "number " + std::to_string(d.id));
        }
        for (std::size_t i = 0; i < rest.size(); ++i) {
            const joust::slot& s = rest.slots()[i];
            CHECK((s.ranker == 0 ? old_ranker(q) : new_ranker(q))[s.index].id == rest[i].id);
        }
    }
}

TEST_CASE("later pages continue the draft of the first, whatever the pages' lengths")
{
    const auto check = [](auto& search, const query& q) {
        for (int round = 0; round < 30; ++round) {
            const auto first = search.rank(q, 7);
            std::vector<int> joined = ids(first);
            for (const std::size_t length : {5u, 9u}) {
                const auto next = search.rank_from(first.ticket(), joined.size(), q, length);
                REQUIRE(next.size() == length);
                for (const int id : ids(next)) {
                    joined.push_back(id);
                }
            }
            const auto at_once = search.rank_from(first.ticket(), 0, q, 21);
            REQUIRE(ids(at_once) == joined);
            CHECK(std::set<int>(joined.begin(), joined.end()).size() == 21);
        }
    };
    auto pairs = make_search();
    check(pairs, query{3});
    auto teams = make_search(joust::team_draft{});
    check(teams, query{3});
    auto all = make_search(joust::pinned(&query::ads), joust::eligible(&document::in_stock));
    check(all, query{3, {{0, {900}}, {8, {2}}, {12, {901}}, {20, {5}}}});
    // After the end there are no items.
    const auto first = pairs.rank(query{3}, 7);
    CHECK(pairs.rank_from(first.ticket(), 40, query{3}, 10).size() ==
          ids(pairs.rank_from(first.ticket(), 0, query{3}, 1000)).size() - 40);
    CHECK(pairs.rank_from(first.ticket(), 4000, query{3}, 10).empty());
    CHECK(pairs.rank_from(first.ticket(), ~std::size_t{0}, query{3}, 10).empty());
}

TEST_CASE("a pair that the end of a page cuts in two credits no ranker on either page")
{
    auto search = make_search();
    int cut = 0;
    for (std::uint64_t user = 0; user < 200; ++user) {
        const query q{user};
        const auto whole = search.rank(q, 20);
        for (std::size_t at = 1; at < 20; ++at) {
            const auto first = search.rank_from(whole.ticket(), 0, q, at);
            const auto second = search.rank_from(whole.ticket(), at, q, 20 - at);
            const bool straddles = whole.slots()[at - 1].pair != joust::no_pair &&
                                   whole.slots()[at - 1].pair == whole.slots()[at].pair;
            cut += straddles ? 1 : 0;
            CHECK(first.slots()[at - 1].team == (straddles ? joust::no_team : whole.slots()[at - 1].team));
            CHECK(second.slots()[0].team == (straddles ? joust::no_team : whole.slots()[at].team));
            if (second.size() > 1) {
                CHECK(second.slots()[1].team == whole.slots()[at + 1].team);
            }
        }
    }
    CHECK(cut > 0);
}

TEST_CASE("each page has a ticket of its own, and both bring their clicks home")
{
    auto search = make_search(joust::team_draft{});
    const query q{9};
    const auto first = search.rank(q, 5);
    const auto second = search.rank_from(first.ticket(), 5, q, 5);
    CHECK(search.click(first.ticket(), 1));
    CHECK(search.click(second.ticket(), 1));
    CHECK_FALSE(search.click(second.ticket(), 1));
    CHECK(credit_of(search.evidence(), true) + credit_of(search.evidence(), false) == 2.0);
}

TEST_CASE("a page after a ticket from elsewhere is served, counted and not credited")
{
    auto search = make_search(joust::team_draft{});
    const query q{9};
    const auto stranger = joust::ticket::slate({.teams = 0, .trial = 1, .length = 5});
    for (const joust::ticket& wrong : {joust::ticket{}, stranger}) {
        const auto page = search.rank_from(wrong, 5, q, 5);
        CHECK(page.size() == 5);
        for (std::size_t i = 0; i < 5; ++i) {
            CHECK_FALSE(search.click(page.ticket(), i));
        }
    }
    CHECK(counted(search.report(), "feedback for a damaged ticket") == 1);
    CHECK(counted(search.report(), "feedback for a ticket of another trial") == 1);
}

TEST_CASE("a slate is drawn again from its ticket and its lists, and a log that was tampered with is found")
{
    auto search = make_search();
    auto teams = make_search(joust::team_draft{});
    const auto check = [](auto& trial) {
        for (std::uint64_t user = 0; user < 100; ++user) {
            const query q{user};
            const auto lists = std::tuple{old_ranker(q), new_ranker(q)};
            for (const std::size_t length : {0u, 1u, 6u, 10u, 33u, 80u}) {
                const auto page = trial.rank(q, length);
                const auto again = trial.replay(lists, page.ticket(), length);
                REQUIRE(again.agrees);
                REQUIRE(again.slots.size() == page.size());
                for (std::size_t i = 0; i < page.size(); ++i) {
                    REQUIRE(again.slots[i] == page.slots()[i]);
                }
            }
            const auto page = trial.rank(q, 10);
            const auto later = trial.rank_from(page.ticket(), 10, q, 10);
            CHECK(trial.replay_from(lists, later.ticket(), page.ticket(), 10, 10).agrees);
            CHECK_FALSE(trial.replay(lists, joust::ticket{}, 10).agrees);
        }
    };
    check(search);
    check(teams);
    // With swapped lists the teams are the same, and the items that were shown differ.
    auto pinning = make_search(joust::pinned(&query::ads));
    for (std::uint64_t user = 0; user < 100; ++user) {
        const query q{user, {{3, {900}}}};
        const auto lists = std::tuple{old_ranker(q), new_ranker(q)};
        const auto page = search.rank(q, 10);
        std::vector<document> shown(page.begin(), page.end());
        CHECK(search.audit(lists, page.ticket(), 10, shown));
        CHECK_FALSE(
            search.audit(std::tuple{std::get<1>(lists), std::get<0>(lists)}, page.ticket(), 10, shown));
        CHECK_FALSE(search.audit(lists, page.ticket(), 9, shown));
        std::swap(shown[2], shown[7]);
        CHECK_FALSE(search.audit(lists, page.ticket(), 10, shown));
        shown.pop_back();
        CHECK_FALSE(search.audit(lists, page.ticket(), 10, shown));
        auto with_pin = pinning.rank(q, 10);
        CHECK(pinning.audit(lists, with_pin.ticket(), 10, with_pin, q));
        with_pin[3].id = 901;
        CHECK_FALSE(pinning.audit(lists, with_pin.ticket(), 10, with_pin, q));
    }
}

TEST_CASE(
    "feedback on a redrawn slate reaches slots that a ticket has no room for, and counts once either way")
{
    auto search = make_search(joust::team_draft{});
    const query q{4};
    const auto lists = std::tuple{old_ranker(q), new_ranker(q)};
    const auto page = search.rank(q, 40);
    CHECK_FALSE(search.click(page.ticket(), 36));
    auto again = search.replay(lists, page.ticket(), 40);
    REQUIRE(again.agrees);
    CHECK(search.click(page.ticket(), 3));
    CHECK_FALSE(search.click(again, 3));
    CHECK(search.click(again, 4));
    CHECK_FALSE(search.click(page.ticket(), 4));
    CHECK_FALSE(search.click(again, 40));
    CHECK_FALSE(search.click(again, 5, std::numeric_limits<double>::quiet_NaN()));
    again.agrees = false;
    CHECK_FALSE(search.click(again, 6));
    CHECK(credit_of(search.evidence(), true) + credit_of(search.evidence(), false) == 2.0);
}

TEST_CASE("lists that are at hand are mixed by a ticket that was chosen before, and count once")
{
    auto search = make_search();
    auto other = make_search(joust::team_draft{});
    const auto a = old_ranker({});
    const auto b = new_ranker({});
    for (std::uint64_t user = 0; user < 50; ++user) {
        const auto choice = search.choose(user);
        CHECK_FALSE(search.click(choice, 0));
        const auto page = search.interleave(std::tie(a, b), choice, 8);
        STATIC_REQUIRE(std::is_same_v<decltype(page[0]), const document&>);
        CHECK(&page[0] == (page.slots()[0].ranker == 0 ? a.data() : b.data()) + page.slots()[0].index);
        const auto again = search.interleave(std::tie(a, b), choice, 8);
        CHECK(ids(again) == ids(page));
        CHECK(again.ticket() == page.ticket());
        CHECK(search.replay(std::tie(a, b), page.ticket(), 8).agrees);
        auto moved = search.interleave(std::tuple{old_ranker({}), new_ranker({})}, search.choose(user), 8);
        STATIC_REQUIRE(std::is_same_v<decltype(moved[0]), document&>);
        CHECK(moved.size() == 8);
        for (std::size_t i = 0; i < 8; ++i) {
            CHECK(search.click(page.ticket(), i) == (page.slots()[i].team != joust::no_team));
        }
    }
    const joust::report r = search.report();
    CHECK(r.arms[0].requests == 100);
    CHECK(r.arms[1].units == Approx(50).epsilon(0.05));
}

TEST_CASE(
    "a list that did not come leaves the champion's, and an empty page where that is the champion's own")
{
    using list = std::vector<document>;
    auto search = make_search();
    std::optional<list> a{documents({1, 2, 3})};
    std::optional<list> b;
    const auto page = search.interleave(std::tie(a, b), search.choose(std::uint64_t{1}), 3);
    CHECK(ids(page) == std::vector<int>{1, 2, 3});
    CHECK_FALSE(search.click(page.ticket(), 0));
    CHECK(search.report().arms[1].failures == 1);
    CHECK(counted(search.report(), "slates of the champion alone, since a challenger failed") == 1);
    const auto none =
        search.interleave(std::tuple{std::optional<list>{}, std::optional<list>{documents({4})}},
                          search.choose(std::uint64_t{1}), 3);
    CHECK(none.empty());
    CHECK(search.report().arms[0].failures == 1);
    CHECK(search.report().arms[0].requests == 1);

    // An empty ticket, and the ticket of a page instead of a choice.
    b = documents({7, 8});
    CHECK(ids(search.interleave(std::tie(a, b), joust::ticket{}, 3)) == std::vector<int>{1, 2, 3});
    CHECK(ids(search.interleave(std::tie(a, b), page.ticket(), 3)) == std::vector<int>{1, 2, 3});
    CHECK(search.report().arms[0].requests == 1);
    CHECK(counted(search.report(), "feedback for a damaged ticket") == 1);
    CHECK(counted(search.report(), "repeated feedback") == 1);
}

TEST_CASE("only the first click earns credit, or only the last")
{
    auto first = make_search(joust::team_draft{}, joust::first_click_credit{});
    auto last = make_search(joust::team_draft{}, joust::last_click_credit{});
    joust::keyed_random random{7, 7};
    double expected_first[2] = {};
    double expected_last[2] = {};
    double prefers_first[2] = {};
    double prefers_last[2] = {};
    for (std::uint64_t user = 0; user < 300; ++user) {
        const auto one = first.rank(query{user}, 6);
        const auto two = last.rank(query{user}, 6);
        std::vector<std::size_t> clicks;
        for (std::size_t n = random.below(4); n > 0; --n) {
            clicks.push_back(static_cast<std::size_t>(random.below(6)));
        }
        for (std::size_t n = 0; n < clicks.size(); ++n) {
            CHECK(first.click(one.ticket(), clicks[n]) == (n == 0));
            const bool moves = n == 0 || clicks[n] != clicks[n - 1];
            CHECK(last.click(two.ticket(), clicks[n]) == moves);
        }
        if (!clicks.empty()) {
            expected_first[one.slots()[clicks.front()].team] += 1;
            expected_last[two.slots()[clicks.back()].team] += 1;
            prefers_first[one.slots()[clicks.front()].team] += 1;
            prefers_last[two.slots()[clicks.back()].team] += 1;
        }
    }
    const auto total = [](const std::vector<double>& sums) {
        double sum = 0.0;
        for (const double x : sums) {
            sum += x;
        }
        return sum;
    };
    for (const bool challenger : {false, true}) {
        CHECK(credit_of(first.evidence(), challenger) == expected_first[challenger ? 1 : 0]);
        CHECK(credit_of(last.evidence(), challenger) == expected_last[challenger ? 1 : 0]);
        const auto side = [&](const joust::evidence& seen) {
            const auto& sums = seen.pairs[0].series[3];
            return total(challenger ? sums.challenger : sums.champion);
        };
        CHECK(side(first.evidence()) == prefers_first[challenger ? 1 : 0]);
        CHECK(side(last.evidence()) == prefers_last[challenger ? 1 : 0]);
    }
}

TEST_CASE("rankers run at once, and their lists are mixed as if they had run one after another")
{
    std::atomic<int> together{0};
    std::atomic<int> most{0};
    const auto slow = [&](std::vector<int> all) {
        return [&, all](int) {
            const int now = ++together;
            int seen = most.load();
            while (now > seen && !most.compare_exchange_weak(seen, now)) {}
            std::this_thread::sleep_for(20ms);
            --together;
            return all;
        };
    };
    joust::interleaving search{joust::model{"a", slow({1, 2, 3, 4})}, joust::model{"b", slow({3, 5, 1, 6})},
                               joust::model{"c", slow({9, 8, 1, 2})},
                               joust::by([](int user) { return user; }), joust::at_once(10s)};
    for (int user = 0; user < 5; ++user) {
        const auto page = search.rank(user, 4);
        CHECK(page.size() == 4);
        CHECK(search
                  .replay(std::tuple{std::vector<int>{1, 2, 3, 4}, std::vector<int>{3, 5, 1, 6},
                                     std::vector<int>{9, 8, 1, 2}},
                          page.ticket(), 4)
                  .agrees);
    }
    CHECK(most == 3);
    const joust::report r = search.report();
    CHECK(r.arms[2].failures == 0);
    CHECK(r.latencies[2].p50 > 15.0);
}

TEST_CASE(
    "a challenger that misses its deadline leaves the champion's list, and does no harm when it is done")
{
    std::atomic<bool> stuck{true};
    std::atomic<int> ended{0};
    {
        joust::interleaving search{
            joust::model{"a", [](std::string) { return documents({1, 2, 3}); }},
            joust::model{"b",
                         [&](std::string words) {
                             while (stuck) {
                                 std::this_thread::sleep_for(1ms);
                             }
                             ++ended;
                             return documents({static_cast<int>(words.size()), 4});
                         }},
            joust::by([](const std::string& words) { return std::string_view{words}; }),
            joust::identified_by(&document::id), joust::at_once(30ms)};
        const auto page = search.rank(std::string("long enough to be on the heap, and copied"), 3);
        CHECK(ids(page) == std::vector<int>{1, 2, 3});
        CHECK_FALSE(search.click(page.ticket(), 0));
        stuck = false;
        const joust::report r = search.report();
        CHECK(r.arms[1].failures == 1);
        CHECK(counted(r, "lists of rankers that missed their deadline") == 1);
        CHECK(counted(r, "slates of the champion alone, since a challenger failed") == 1);
        while (ended == 0) {
            std::this_thread::sleep_for(1ms);
        }
        CHECK(search.rank(std::string("in time"), 3).slots().size() == 3);
        stuck = true;
        (void)search.rank(std::string("stuck once more"), 3);
        stuck = false;
        // The trial waits for it.
    }
    CHECK(ended == 3);
}

TEST_CASE("rankers at once that throw, and an executor that takes nothing")
{
    joust::interleaving champion{
        joust::model{"a", [](int) -> std::vector<int> { throw std::out_of_range("a"); }},
        joust::model{"b", [](int) { return std::vector<int>{1}; }}, joust::by([](int user) { return user; }),
        joust::at_once(1s)};
    CHECK_THROWS_AS((void)champion.rank(1, 3), std::out_of_range);
    CHECK(champion.report().arms[0].failures == 1);

    joust::interleaving challenger{
        joust::model{"a", [](int) { return std::vector<int>{1, 2}; }},
        joust::model{"b", [](int) -> std::vector<int> { throw std::out_of_range("b"); }},
        joust::by([](int user) { return user; }), joust::at_once(1s, joust::inline_run{})};
    CHECK(challenger.rank(1, 3).size() == 2);
    CHECK(challenger.report().arms[1].failures == 1);
    CHECK(counted(challenger.report(), "lists of rankers that missed their deadline") == 0);

    joust::interleaving refused{joust::model{"a", [](int) { return std::vector<int>{1, 2}; }},
                                joust::model{"b", [](int) { return std::vector<int>{3}; }},
                                joust::by([](int user) { return user; }), joust::at_once(1s, full{})};
    const auto begun = std::chrono::steady_clock::now();
    CHECK(refused.rank(1, 3).size() == 2);
    CHECK(std::chrono::steady_clock::now() - begun < 900ms);
    CHECK(refused.report().arms[1].failures == 1);
    CHECK_THROWS_AS((joust::interleaving{joust::model{"a", [](int) { return std::vector<int>{1}; }},
                                         joust::model{"b", [](int) { return std::vector<int>{3}; }},
                                         joust::by([](int user) { return user; }), joust::at_once(0s)}),
                    joust::configuration_error);
}
