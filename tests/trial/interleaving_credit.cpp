// SPDX-License-Identifier: Apache-2.0

// Interleavers whose credit is a share. By ticket it is right on average, and from the lists exactly.

#include <joust/interleave/balanced.hpp>
#include <joust/interleave/optimized.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/roughly_optimized.hpp>
#include <joust/interleave/sample_only_scored.hpp>
#include <joust/trial/interleaving.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

namespace {

using list = std::vector<int>;

const list old_list{1, 2, 3, 4, 5, 6};
const list new_list{3, 1, 7, 2, 8, 9};

template <class Interleaver>
auto make_trial(Interleaver interleaver)
{
    return joust::interleaving{joust::model{"old", [](std::uint64_t) { return old_list; }},
                               joust::model{"new", [](std::uint64_t) { return new_list; }},
                               joust::by([](std::uint64_t user) { return user; }), joust::salt{"credit"},
                               interleaver};
}

double difference_of(const joust::evidence& seen)
{
    double sum = 0.0;
    const auto& credit = seen.pairs[0].series[2];
    for (std::size_t b = 0; b < credit.champion.size(); ++b) {
        sum += credit.challenger[b] - credit.champion[b];
    }
    return sum;
}

/// Users click the items that only the new ranker likes.
bool clicks(int item, std::uint64_t user)
{
    return item >= 7 || (item == 3 && user % 3 == 0) || (item == 1 && user % 4 == 0);
}

/// Credit the same clicks by ticket and from the lists. Both must agree up to the noise of the drawn teams.
template <class Interleaver>
void compare(Interleaver interleaver, bool even_positions, bool even_slates)
{
    auto by_ticket = make_trial(interleaver);
    auto exact = make_trial(interleaver);
    const auto lists = std::tuple{old_list, new_list};
    const int users = 4'000;
    for (std::uint64_t user = 0; user < users; ++user) {
        const auto choice = by_ticket.choose(user);
        const auto page = by_ticket.interleave(lists, choice, 5);
        const auto same = exact.interleave(lists, choice, 5);
        const auto again = exact.replay(lists, page.ticket(), 5);
        REQUIRE(again.agrees);
        for (std::size_t i = 0; i < page.size(); ++i) {
            CHECK(same[i] == page[i]);
            double sum = 0.0;
            double least = 1.0;
            for (unsigned r = 0; r < 2; ++r) {
                sum += again.shares.at(i, r);
                least = std::fmin(least, again.shares.at(i, r));
            }
            CHECK(least == 0.0);
            CHECK(sum <= 1.0 + 1e-12);
            if (!even_slates && page.slots()[i].team != joust::no_team) {
                CHECK(again.shares.at(i, page.slots()[i].team) > 0.0);
            }
            if (clicks(page[i], user)) {
                by_ticket.click(page.ticket(), i);
                CHECK(exact.click(again, i));
                CHECK_FALSE(exact.click(again, i));
            }
        }
    }
    const double drawn = difference_of(by_ticket.evidence());
    const double shared = difference_of(exact.evidence());
    INFO("drawn " << drawn << ", shared " << shared);
    CHECK(shared > 0.0);
    // A user draws at most two clicks, each with a variance of at most one.
    CHECK(std::fabs(drawn - shared) < 4.0 * std::sqrt(2.0 * users));
    const joust::report r = exact.report();
    CHECK(r.decision == joust::verdict::ship_challenger);
    const auto has_row = [&](const char* name) {
        return std::any_of(r.metrics.begin(), r.metrics.end(),
                           [&](const auto& row) { return row.metric == name; });
    };
    CHECK(has_row("credited positions") == even_positions);
    CHECK(has_row("slates won") == even_slates);
    CHECK(by_ticket.report().decision == joust::verdict::ship_challenger);
}

}  // namespace

TEST_CASE("balanced: credit from the lists is what tickets credit on average")
{
    compare(joust::balanced{}, false, false);
}

TEST_CASE("probabilistic: credit from the lists is what tickets credit on average")
{
    compare(joust::probabilistic{}, true, true);
}

TEST_CASE("optimized: credit from the lists is what tickets credit on average")
{
    compare(joust::optimized{}, true, false);
}

TEST_CASE("roughly optimized: credit from the lists is what tickets credit on average")
{
    compare(joust::roughly_optimized{}, false, false);
}

TEST_CASE("sample only scored: credit from the lists is what tickets credit on average")
{
    compare(joust::sample_only_scored{}, false, false);
}

TEST_CASE("probabilistic shows items of any depth, and its pages join as others do")
{
    std::vector<int> a;
    std::vector<int> b;
    for (int i = 0; i < 60; ++i) {
        a.push_back(i);
        b.push_back((i * 7) % 60);
    }
    joust::interleaving trial{joust::model{"a", [&](std::uint64_t) { return a; }},
                              joust::model{"b", [&](std::uint64_t) { return b; }},
                              joust::by([](std::uint64_t user) { return user; }),
                              joust::probabilistic{.tau = 1.0}};
    bool deep = false;
    for (std::uint64_t user = 0; user < 50; ++user) {
        const auto first = trial.rank(user, 4);
        const auto second = trial.rank_from(first.ticket(), 4, user, 7);
        const auto both = trial.rank_from(first.ticket(), 0, user, 11);
        std::vector<int> joined(first.begin(), first.end());
        joined.insert(joined.end(), second.begin(), second.end());
        CHECK(joined == std::vector<int>(both.begin(), both.end()));
        for (const joust::slot& s : first.slots()) {
            deep = deep || s.index >= 4;
        }
        const auto lists = std::tie(a, b);
        CHECK(trial.audit(lists, first.ticket(), 4, first));
        CHECK(trial.replay_from(lists, second.ticket(), first.ticket(), 4, 7).agrees);
    }
    CHECK(deep);
}

TEST_CASE("an interleaver's own options are checked when the trial is built")
{
    CHECK_THROWS_AS(make_trial(joust::probabilistic{.tau = -1.0}), joust::configuration_error);
    CHECK_THROWS_AS(make_trial(joust::balanced{joust::power_curve{.eta = 99.0}}), joust::configuration_error);
}

TEST_CASE("pairwise preferences are settled from the lists, all clicks of a slate at once")
{
    auto trial = make_trial(joust::pairwise_preference{});
    const auto lists = std::tuple{old_list, new_list};
    double expected = 0.0;
    for (std::uint64_t user = 0; user < 3'000; ++user) {
        const auto page = trial.rank(user, 5);
        CHECK_FALSE(trial.click(page.ticket(), 0));
        std::uint64_t clicked = 0;
        for (std::size_t i = 0; i < page.size(); ++i) {
            clicked |= std::uint64_t{clicks(page[i], user)} << i;
        }
        std::vector<joust::item_key> keys[2] = {{old_list.begin(), old_list.end()},
                                                {new_list.begin(), new_list.end()}};
        const joust::ranking both[] = {keys[0], keys[1]};
        joust::draft shown{5};
        for (const joust::slot& s : page.slots()) {
            shown.push(s);
        }
        double earned[2] = {};
        joust::pairwise_preference{}.outcome(both, shown, clicked, earned);
        expected += earned[1] - earned[0];
        CHECK(trial.settle(lists, page.ticket(), 5, clicked));
        CHECK_FALSE(trial.settle(lists, page.ticket(), 5, clicked));
    }
    CHECK(difference_of(trial.evidence()) == Approx(expected));
    CHECK(expected > 0.0);
    CHECK_FALSE(trial.settle(lists, joust::ticket{}, 5, 1));
    CHECK(trial.report().decision == joust::verdict::ship_challenger);
}

TEST_CASE("clicks on a page with pins are settled for what was drafted")
{
    struct query {
        std::uint64_t user;
        std::vector<joust::pin<int>> ads;
    };
    joust::interleaving trial{joust::model{"old", [](const query&) { return old_list; }},
                              joust::model{"new", [](const query&) { return new_list; }},
                              joust::by(&query::user), joust::pinned(&query::ads),
                              joust::pairwise_preference{}};
    for (std::uint64_t user = 0; user < 200; ++user) {
        const query q{user, {{0, 900}, {2, 901}}};
        const auto lists = std::tuple{old_list, new_list};
        const auto page = trial.rank(q, 6);
        CHECK(page[0] == 900);
        CHECK(page[2] == 901);
        const double before = difference_of(trial.evidence());
        // All positions count except the pins and the last one.
        CHECK(trial.settle(lists, page.ticket(), 6, 0b011111, q));
        joust::draft shown{4};
        for (const joust::slot& s : page.slots()) {
            if (s.ranker != joust::pinned_ranker) {
                shown.push(s);
            }
        }
        std::vector<joust::item_key> keys[2] = {{old_list.begin(), old_list.end()},
                                                {new_list.begin(), new_list.end()}};
        const joust::ranking both[] = {keys[0], keys[1]};
        double earned[2] = {};
        joust::pairwise_preference{}.outcome(both, shown, 0b0111, earned);
        CHECK(difference_of(trial.evidence()) - before == Approx(earned[1] - earned[0]).margin(1e-9));
    }
}
