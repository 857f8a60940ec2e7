// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/optimized.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/laws.hpp"
#include "interleave/optimal_costs.hpp"

#include <cmath>
#include <map>
#include <set>
#include <string>

using namespace joust_test;
using joust::credit_shares;
using joust::draft;
using joust::no_team;
using joust::optimized;
using joust::slot;
using joust::detail::law_finder;
using joust::detail::law_request;
using joust::detail::list_pattern;
using joust::detail::optimal_law;

namespace {

list_set letters(const std::string& text)
{
    list_set all(1);
    for (const char c : text) {
        if (c == '|') {
            all.emplace_back();
        } else {
            all.back().push_back(static_cast<joust::item_key>(c));
        }
    }
    return all;
}

list items_of(const list_set& all, const draft& shown)
{
    list items;
    for (const slot& s : shown) {
        items.push_back(all[s.ranker][s.index]);
    }
    return items;
}

/// What an enumeration of arrange() and its shares found.
struct law_tally {
    long double total = 0.0L;
    /// the largest difference of two rankers' expected share at a position
    double unfair = 0.0;
    std::size_t lists = 0;
    /// positions at which shares differ in some list
    std::size_t credited = 0;
    std::uint64_t improper = 0;
};

template <class Policy>
law_tally judge_law(const Policy& policy, const list_set& all, std::size_t length)
{
    const auto spans = views(all);
    std::set<joust::item_key> everything;
    for (const list& l : all) {
        everything.insert(l.begin(), l.end());
    }
    law_tally sum;
    std::map<list, long double> law;
    std::vector<std::vector<long double>> earned(length, std::vector<long double>(all.size()));
    std::set<std::size_t> positions;
    enumerator coins;
    draft out{length};
    credit_shares shares;
    while (coins.next()) {
        policy.arrange(spans, coins, out);
        const list items = items_of(all, out);
        law[items] += coins.chance();
        sum.total += coins.chance();
        policy.share_credit(spans, out, shares);
        sum.improper += shares.positions() == out.size() && shares.rankers() == all.size() ? 0u : 1u;
        sum.improper += out.size() == std::min(length, everything.size()) ? 0u : 1u;
        sum.improper +=
            std::set<joust::item_key>(items.begin(), items.end()).size() == items.size() ? 0u : 1u;
        for (std::size_t i = 0; i < out.size(); ++i) {
            sum.improper += out[i].team == no_team && out[i].pair == joust::no_pair ? 0u : 1u;
            double excess = 0.0;
            double least = 1e9;
            // Some ranker's best item that is not shown yet.
            bool next_of_some = false;
            for (std::size_t r = 0; r < all.size(); ++r) {
                const double share = shares.at(i, static_cast<unsigned>(r));
                earned[i][r] += coins.chance() * static_cast<long double>(share);
                excess += share;
                least = std::fmin(least, share);
                if (share > 0.0) {
                    positions.insert(i);
                }
                const auto next = std::find_if(all[r].begin(), all[r].end(), [&](joust::item_key key) {
                    return std::find(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(i), key) ==
                           items.begin() + static_cast<std::ptrdiff_t>(i);
                });
                next_of_some = next_of_some || (next != all[r].end() && *next == items[i]);
            }
            sum.improper += next_of_some && (all.empty() || least == 0.0) ? 0u : 1u;
            sum.improper += excess <= policy.bound(length, all.size()) + 1e-15 ? 0u : 1u;
        }
    }
    for (const auto& at : earned) {
        for (const long double x : at) {
            sum.unfair = std::fmax(sum.unfair, static_cast<double>(std::fabs(x - at[0])));
        }
    }
    sum.lists = law.size();
    sum.credited = positions.size();
    return sum;
}

list shuffled(joust::keyed_random& random, std::size_t size, std::uint64_t documents)
{
    list l = first_documents(documents);
    for (std::size_t i = l.size(); i > 1; --i) {
        std::swap(l[i - 1], l[random.below(i)]);
    }
    l.resize(size);
    return l;
}

}  // namespace

TEST_CASE("laws have the cost that another solver finds, and decide as many slots")
{
    std::size_t compared = 0;
    for (const optimal_cost& known : optimal_costs) {
        CAPTURE(known.lists, known.length, static_cast<int>(known.credit), known.bias_weight);
        const list_set all = letters(known.lists);
        const auto spans = views(all);
        const list_pattern pattern{spans, known.length};
        law_request asked;
        asked.credit = known.credit;
        asked.bias_weight = known.bias_weight;
        law_finder finder{pattern, asked};
        optimal_law law;
        (void)finder.find(law);
        CHECK(law.slots == known.slots);
        if (known.slots == 0) {
            continue;
        }
        CHECK(finder.columns() == known.columns);
        const double cost = finder.programme().cost();
        CHECK(std::fabs(cost - known.cost) <= 1e-10 * std::fmax(1.0, known.cost));
        CHECK(finder.programme().residual() <= 1e-12);
        CHECK(law.lists <= finder.programme().basis().size());
        double sum = 0.0;
        for (std::size_t l = 0; l < law.lists; ++l) {
            sum += law.chances[l];
        }
        CHECK(std::fabs(sum - 1.0) <= 1e-12);
        ++compared;
    }
    CHECK(compared > 200);
}

TEST_CASE("every position is fair: two permutations, partly different lists, all lengths")
{
    std::uint64_t cases = 0;
    double unfair = 0.0;
    const auto expect_fair = [&](const list_set& all, std::size_t length) {
        const law_tally found = judge_law(optimized{}, all, length);
        REQUIRE(found.improper == 0);
        REQUIRE(std::fabs(static_cast<double>(found.total) - 1.0) < 1e-12);
        unfair = std::fmax(unfair, found.unfair);
        ++cases;
    };
    for (std::size_t n = 1; n <= 5; ++n) {
        for (const list& b : arrangements(static_cast<unsigned>(n), n)) {
            for (std::size_t length = 0; length <= n + 2; ++length) {
                expect_fair({first_documents(n), b}, length);
            }
        }
    }
    for (std::size_t a = 0; a <= 4; ++a) {
        for (const list& b : arrangements(5, 0, 4)) {
            for (const std::size_t length : {1u, 3u, 6u}) {
                expect_fair({first_documents(a), b}, length);
            }
        }
    }
    CHECK(cases > 4'000);
    CHECK(unfair <= 1e-12);
}

TEST_CASE("every position is fair for three rankers and for ten slots")
{
    double unfair = 0.0;
    std::uint64_t improper = 0;
    for (const list& b : arrangements(4, 4)) {
        for (const list& c : arrangements(4, 4)) {
            const law_tally found = judge_law(optimized{}, {first_documents(4), b, c}, 4);
            unfair = std::fmax(unfair, found.unfair);
            improper += found.improper;
        }
    }
    joust::keyed_random random{10, 1};
    for (int repeat = 0; repeat < 40; ++repeat) {
        const list_set all{first_documents(10), shuffled(random, 10, 10 + random.below(10))};
        for (const auto credit : {joust::rank_credit::inverse_rank, joust::rank_credit::rank_difference}) {
            const law_tally found = judge_law(optimized{.credit = credit}, all, 10);
            unfair = std::fmax(unfair, found.unfair);
            improper += found.improper;
            CHECK(found.lists <= 11);
        }
    }
    CHECK(improper == 0);
    CHECK(unfair <= 1e-12);
}

TEST_CASE("two rankers with lists as long as the slate get a law for all its slots")
{
    joust::keyed_random random{10, 2};
    for (int repeat = 0; repeat < 60; ++repeat) {
        const std::size_t length = 1 + random.below(10);
        const list_set all{shuffled(random, length + random.below(4), 14), shuffled(random, length, 14)};
        const list_pattern pattern{views(all), length};
        optimal_law law;
        law_finder finder{pattern, {}};
        CHECK(finder.find(law));
        CHECK(law.slots == length);
    }
}

TEST_CASE("rankers that have nothing in common are compared by two lists")
{
    for (const std::size_t length : {2u, 4u, 10u}) {
        list_set all(2);
        for (joust::item_key d = 0; d < length; ++d) {
            all[0].push_back(d);
            all[1].push_back(100 + d);
        }
        CHECK(judge_law(optimized{}, all, length).lists == 2);
    }
}

TEST_CASE("rankers that agree are shown as they are and give no credit")
{
    const list_set same{{5, 3, 9, 1}, {5, 3, 9, 1}};
    const law_tally found = judge_law(optimized{}, same, 4);
    CHECK(found.lists == 1);
    CHECK(found.credited == 0);
}

TEST_CASE("empty, single and repeated lists make slates, without credit where nothing can be compared")
{
    for (const char* text :
         {"", "|", "abc", "abc|", "|abc", "||", "a|a", "aaaa|aaaa", "aab|bba", "abab|cc"}) {
        for (const std::size_t length : {0u, 1u, 3u, 12u}) {
            CAPTURE(text, length);
            const law_tally found = judge_law(optimized{}, letters(text), length);
            CHECK(found.improper == 0);
            CHECK(found.unfair <= 1e-12);
        }
    }
    CHECK(judge_law(optimized{}, letters("abc|"), 3).credited == 0);
    // Repeats take no place.
    CHECK(judge_law(optimized{}, letters("aab|bba"), 2).lists ==
          judge_law(optimized{}, letters("ab|ba"), 2).lists);
    joust::keyed_random coins{1, 1};
    draft out{3};
    optimized{}.interleave({}, coins, out);
    CHECK(out.size() == 0);
}

TEST_CASE("slots after the tenth continue the slate and give no credit")
{
    joust::keyed_random random{10, 3};
    const list_set all{shuffled(random, 20, 30), shuffled(random, 20, 30)};
    const auto spans = views(all);
    draft out{25};
    credit_shares shares;
    bool complete = true;
    for (std::uint64_t request = 0; request < 50; ++request) {
        joust::keyed_random coins{1, request};
        optimized{}.interleave(spans, coins, out);
        const list items = items_of(all, out);
        complete = complete && out.size() == 25 &&
                   std::set<joust::item_key>(items.begin(), items.end()).size() == 25;
        optimized{}.share_credit(spans, out, shares);
        for (std::size_t i = 10; i < 25; ++i) {
            complete = complete && out[i].team == no_team && shares.at(i, 0) == 0.0 && shares.at(i, 1) == 0.0;
        }
    }
    CHECK(complete);
}

TEST_CASE("drawn teams have the expectation of the shares divided by the bound")
{
    const list_set all = letters("abcd|badc");
    const auto spans = views(all);
    double expected[4][2] = {};
    double drawn[4][2] = {};
    draft out{4};
    credit_shares shares;
    enumerator coins;
    while (coins.next()) {
        optimized{}.interleave(spans, coins, out);
        optimized{}.share_credit(spans, out, shares);
        const auto chance = static_cast<double>(coins.chance());
        for (std::size_t i = 0; i < 4; ++i) {
            for (unsigned r = 0; r < 2; ++r) {
                expected[i][r] += chance * shares.at(i, r) / optimized{}.bound(4, 2);
                drawn[i][r] += out[i].team == r ? chance : 0.0;
            }
        }
    }
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(std::fabs(drawn[i][0] - drawn[i][1]) < 1e-12);
        for (unsigned r = 0; r < 2; ++r) {
            CHECK(std::fabs(drawn[i][r] - expected[i][r]) < 1e-12);
        }
    }
}

TEST_CASE("lists with the same pattern have the same law, whatever their items are")
{
    joust::keyed_random random{10, 4};
    const list_set all{shuffled(random, 10, 15), shuffled(random, 10, 15)};
    list_set renamed = all;
    for (list& l : renamed) {
        for (joust::item_key& d : l) {
            d = joust::mix64(d);
        }
    }
    draft a{10};
    draft b{10};
    for (std::uint64_t request = 0; request < 50; ++request) {
        joust::keyed_random coins{3, request};
        joust::keyed_random same{3, request};
        optimized{}.interleave(views(all), coins, a);
        optimized{}.interleave(views(renamed), same, b);
        REQUIRE(a == b);
        REQUIRE(coins == same);
    }
}

TEST_CASE("a law that is in the cache is not computed again and allocates nothing")
{
    joust::keyed_random random{10, 5};
    const list_set all{shuffled(random, 10, 12), shuffled(random, 10, 12)};
    const auto spans = views(all);
    joust::keyed_random coins{1, 1};
    draft out{10};
    optimized{}.interleave(spans, coins, out);
    const joust::optimization_counts before = optimized::counts();
    const long allocated = joust_tests::allocations();
    for (int i = 0; i < 100; ++i) {
        optimized{}.interleave(spans, coins, out);
    }
    const long allocated_since = joust_tests::allocations() - allocated;
    CHECK(allocated_since == 0);
    const joust::optimization_counts after = optimized::counts();
    CHECK(after.cached == before.cached + 100);
    CHECK(after.solved == before.solved);
    // Another credit is another law, and so is another length.
    optimized{.credit = joust::rank_credit::rank_difference}.interleave(spans, coins, out);
    draft shorter{9};
    optimized{}.interleave(spans, coins, shorter);
    CHECK(optimized::counts().solved == after.solved + 2);
}

TEST_CASE("patterns that replace each other in the cache keep their own laws")
{
    joust::keyed_random random{10, 6};
    std::vector<list_set> many;
    std::vector<std::vector<double>> first;
    for (int i = 0; i < 600; ++i) {
        many.push_back({shuffled(random, 5, 9), shuffled(random, 5, 9)});
    }
    const auto chances = [](const list_set& all) {
        const auto& law = joust::detail::law_cache::law(list_pattern{views(all), 5}, {});
        return std::vector<double>(law.chances.begin(), law.chances.begin() + law.lists);
    };
    for (const list_set& all : many) {
        first.push_back(chances(all));
    }
    std::uint64_t different = 0;
    for (std::size_t i = 0; i < many.size(); ++i) {
        different += chances(many[i]) == first[i] ? 0u : 1u;
    }
    CHECK(different == 0);
}

TEST_CASE(
    "slates that are not decided in full are counted: lists that end early, an empty list, and many rankers")
{
    joust::keyed_random coins{1, 1};
    const auto what = [&](const std::string& text, std::size_t length) {
        const auto before = optimized::counts();
        draft out{length};
        const list_set all = letters(text);
        optimized{}.interleave(views(all), coins, out);
        const auto after = optimized::counts();
        return after.solved > before.solved         ? "solved"
               : after.shortened > before.shortened ? "shortened"
               : after.none > before.none           ? "none"
                                                    : "cached";
    };
    CHECK(what("abcde|badce", 5) == std::string{"solved"});
    CHECK(what("abcde|badce", 5) == std::string{"cached"});
    CHECK(what("ab|cdefgh", 7) == std::string{"shortened"});
    CHECK(what("|abc", 3) == std::string{"none"});
    CHECK(what("abcdefgh|ijklmnop|qrstuvwx", 8) == std::string{"shortened"});
    // Fifteen rankers that have nothing in common: 225 lists of two slots are enough.
    list_set many(15);
    for (joust::item_key r = 0; r < 15; ++r) {
        for (joust::item_key d = 0; d < 10; ++d) {
            many[r].push_back(100 * r + d);
        }
    }
    draft out{10};
    optimized{}.interleave(views(many), coins, out);
    CHECK(out.size() == 10);
    many.push_back({1});
    CHECK_THROWS_AS(optimized{}.interleave(views(many), coins, out), joust::configuration_error);
}

TEST_CASE("optimized is an interleaver that shares credit, and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<optimized>);
    STATIC_REQUIRE(joust::shares_credit<optimized>);
    STATIC_REQUIRE(optimized{} == optimized{});
    CHECK(std::fabs(optimized{}.bound(10, 2) - 10.0 / 11.0) < 1e-15);
    CHECK(optimized{.credit = joust::rank_credit::rank_difference}.bound(10, 3) == 2.0);
}
