// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/interleave/eligible.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/pinned.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/report/report.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/trial/at_once.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/recorder.hpp>
#include <joust/trial/shadow.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "report/in_report.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

using namespace joust;
using joust_test::counted;

struct query {
    std::uint64_t user = 0;
    bool bad = false;
};
struct item {
    int id = 0;
    bool bad = false;
};

std::vector<item> list(std::initializer_list<int> ids, bool bad)
{
    std::vector<item> items;
    for (const int id : ids) {
        items.push_back({id, bad && id == 3});
    }
    return items;
}
std::vector<item> champion(const query& q)
{
    return list({1, 2, 3, 4, 5, 6}, q.bad);
}
std::vector<item> challenger(const query& q)
{
    return list({6, 5, 4, 3, 2, 1}, q.bad);
}

std::vector<int> ids_of(const auto& page)
{
    std::vector<int> ids;
    for (const auto& each : page) {
        ids.push_back(each.id);
    }
    return ids;
}

template <class... Policies>
void check_rank(std::string_view name, Policies... policies)
{
    INFO(name);
    interleaving search{model{"a", champion}, model{"b", challenger}, salt{"c2"}, policies...};
    for (std::uint64_t u = 0; u < 20; ++u) {
        const auto page = search.rank(query{.user = u}, 4);
        CHECK(page.size() == 4);
        CHECK(page.ticket().kind() == ticket_kind::slate);
    }
    for (std::uint64_t u = 0; u < 5; ++u) {
        const auto page = search.rank(query{.user = u, .bad = true}, 4);
        CHECK(ids_of(page) == std::vector<int>{1, 2, 3, 4});
        CHECK(page.ticket().kind() == ticket_kind::unrecorded);
        CHECK_FALSE(search.click(page.ticket(), 0));
        const auto first = search.rank(query{.user = u}, 2);
        CHECK(ids_of(search.rank_from(first.ticket(), 2, query{.user = u, .bad = true}, 2)) ==
              std::vector<int>{3, 4});
    }
    CHECK(search.evidence().requests(0) == 25);
    const report out = search.report();
    CHECK(counted(out, name) == 10);
    CHECK(counted(out, "threw") == 10);
    CHECK(counted(out, "not recorded") == 10);
}

const auto id_unless_bad = [](const item& each) {
    if (each.bad) {
        throw std::runtime_error{"identified_by"};
    }
    return each.id;
};

struct failing_draft {
    template <class Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        // A helper of one's own that cannot take what it gets.
        team_draft{}.interleave(lists, coins, out);
        if (broken) {
            throw std::runtime_error{"interleaver"};
        }
    }
    bool broken = true;
};

TEST_CASE(
    "An interleaving whose helper throws shows the champion's list, unrecorded, and counts it by the helper's name")
{
    const auto user = by(&query::user);
    check_rank("consent(...) threw", user, identified_by(&item::id), consent([](const query& q) {
                   if (q.bad) {
                       throw std::runtime_error{"consent"};
                   }
                   return true;
               }));
    check_rank("by(...) threw", identified_by(&item::id), by([](const query& q) {
                   if (q.bad) {
                       throw std::runtime_error{"by"};
                   }
                   return q.user;
               }));
    check_rank("identified_by(...) threw", user, identified_by(id_unless_bad));
    check_rank("eligible(...) threw", user, identified_by(&item::id), eligible([](const item& each) {
                   if (each.bad) {
                       throw std::runtime_error{"eligible"};
                   }
                   return true;
               }));
    check_rank("pinned(...) threw", user, identified_by(&item::id), pinned([](const query& q) {
                   if (q.bad) {
                       throw std::runtime_error{"pinned"};
                   }
                   return std::vector<pin<item>>{};
               }));
}

TEST_CASE(
    "An interleaver of one's own that throws shows the champion's list with its pins, without what may not be shown")
{
    interleaving search{model{"a", champion},
                        model{"b", challenger},
                        salt{"c2"},
                        by(&query::user),
                        identified_by(&item::id),
                        failing_draft{},
                        eligible([](const item& each) { return each.id != 2; }),
                        pinned([](const query&) { return std::vector<pin<item>>{{1, {9, false}}}; })};
    const auto page = search.rank(query{.user = 1}, 4);
    CHECK(ids_of(page) == std::vector<int>{1, 9, 3, 4});
    CHECK(page.ticket().kind() == ticket_kind::unrecorded);
    CHECK(counted(search.report(), "the interleaver threw") == 1);
    CHECK(search.evidence().requests(0) == 0);
}

TEST_CASE("What eligible(...) refuses stays out where it throws on another item")
{
    interleaving search{model{"a", champion},
                        model{"b", challenger},
                        salt{"c2"},
                        by(&query::user),
                        identified_by(&item::id),
                        eligible([](const item& each) {
                            if (each.bad) {
                                throw std::runtime_error{"eligible"};
                            }
                            return each.id != 2;
                        })};
    CHECK(ids_of(search.rank(query{.user = 1, .bad = true}, 4)) == std::vector<int>{1, 3, 4, 5});
}

TEST_CASE("Lists that are brought, rankers side by side, and lists of owned items fall back as well")
{
    interleaving search{model{"a", champion}, model{"b", challenger}, salt{"c2"}, by(&query::user),
                        identified_by(id_unless_bad)};
    const auto chosen = search.choose(std::uint64_t{7});
    const auto a = champion(query{.bad = true});
    const auto b = challenger(query{.bad = true});
    const auto brought = search.interleave(std::tie(a, b), chosen, 3);
    CHECK(ids_of(brought) == std::vector<int>{1, 2, 3});
    CHECK(counted(search.report(), "identified_by(...) threw") == 1);

    interleaving raced{model{"a", champion}, model{"b", challenger},       salt{"c2"},
                       by(&query::user),     identified_by(id_unless_bad), at_once(std::chrono::seconds{5})};
    CHECK(ids_of(raced.rank(query{.user = 1, .bad = true}, 3)) == std::vector<int>{1, 2, 3});

    const auto owned = [](const query&) {
        std::vector<std::unique_ptr<int>> items;
        for (int i = 0; i < 3; ++i) {
            items.push_back(std::make_unique<int>(i));
        }
        return items;
    };
    interleaving moved{model{"a", owned}, model{"b", owned}, salt{"c2"}, by(&query::user),
                       identified_by([](const std::unique_ptr<int>&) -> int { throw 1; })};
    const auto page = moved.rank(query{.user = 1}, 3);
    REQUIRE(page.size() == 3);
    CHECK(*page[2] == 2);
}

TEST_CASE("A recorder that throws loses its event, and no slate")
{
    interleaving search{model{"a", champion},
                        model{"b", challenger},
                        salt{"c2"},
                        by(&query::user),
                        identified_by(&item::id),
                        record_with([](const event&) { throw std::runtime_error{"recorder"}; })};
    const auto page = search.rank(query{.user = 1}, 4);
    CHECK(page.size() == 4);
    CHECK(search.evidence().requests(0) == 1);
    CHECK(counted(search.report(), "the recorder threw") == 1);
}

// The interleaver takes all memory that it can get, as one does whose tables grow with the lists.
struct greedy {
    template <class Coins>
    void interleave(rankings lists, Coins& coins, draft& out) const
    {
        const joust_tests::no_memory refused;
        const std::vector<int> table(100'000);
        team_draft{}.interleave(lists, coins, out);
    }
};

TEST_CASE("An interleaver that runs out of memory costs no page: memory for the champion's list is enough")
{
    if (!joust_tests::memory_can_run_out()) {
        return;
    }
    interleaving search{model{"a", champion}, model{"b", challenger},   salt{"c2"},
                        by(&query::user),     identified_by(&item::id), greedy{}};
    CHECK(ids_of(search.rank(query{.user = 1}, 3)) == std::vector<int>{1, 2, 3});
    CHECK(counted(search.report(), "the interleaver threw") == 1);
}

double score(const query&)
{
    return 1.0;
}

TEST_CASE("A shadow whose consent or unit key throws serves the champion, unrecorded, and counts it by name")
{
    const auto check = [](std::string_view name, auto... policies) {
        INFO(name);
        shadow beside{model{"a", score}, model{"b", score}, salt{"c2"}, inline_run{}, policies...};
        CHECK(beside(query{.user = 1}) == 1.0);
        CHECK(beside(query{.user = 1, .bad = true}) == 1.0);
        const auto [answer, receipt] = beside.serve(query{.user = 1, .bad = true});
        CHECK(answer == 1.0);
        CHECK(receipt.kind() == ticket_kind::unrecorded);
        CHECK(beside.evidence().requests == 1);
        CHECK(beside.evidence().unrecorded == 2);
        CHECK(counted(beside.report(), name) == 2);
        auto twice = beside.evidence();
        twice.merge(beside.evidence());
        CHECK(counted(beside.report(twice), name) == 4);
    };
    check("consent(...) threw", by(&query::user), consent([](const query& q) {
              if (q.bad) {
                  throw std::runtime_error{"consent"};
              }
              return true;
          }));
    check("by(...) threw", by([](const query& q) {
              if (q.bad) {
                  throw std::runtime_error{"by"};
              }
              return q.user;
          }));
}

TEST_CASE("A comparator that throws, and a judge that throws, are counted and cost no answer")
{
    shadow beside{model{"a", score},
                  model{"b", score},
                  salt{"c2"},
                  by(&query::user),
                  inline_run{},
                  compare_with([](double, double) -> bool { throw std::runtime_error{"comparator"}; })};
    CHECK(beside(query{.user = 1}) == 1.0);
    CHECK(beside.evidence().pairs[0].incomparable == 1);
    CHECK(counted(beside.report(), "compar") == 1);
}

}  // namespace
