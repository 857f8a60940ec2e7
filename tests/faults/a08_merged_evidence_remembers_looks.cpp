// SPDX-License-Identifier: Apache-2.0

// A report of merged evidence keeps the memory of its looks, so that a test that looks once, or at planned times, keeps
// its error rate over any number of merged reports.

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

using namespace joust;

namespace {

template <class Policy>
auto make(const Policy& policy)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }},
                   by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = "fleet"},
                   conversion<"click">{},
                   policy};
}

/// Several processes of one trial, whose evidence is merged for each report.
template <class Policy>
class fleet {
public:
    fleet(const Policy& policy, std::size_t replicas, std::uint64_t seed) : random_(seed)
    {
        for (std::size_t i = 0; i < replicas; ++i) {
            replicas_.emplace_back(policy);
        }
    }

    void serve(int requests, double champion = 0.2, double challenger = 0.2)
    {
        for (int i = 0; i < requests; ++i) {
            auto& trial = at(random_.below(replicas_.size()));
            auto [arm, ticket] = trial.serve(random_.next());
            trial.template observe<"click">(ticket, random_.chance(arm == 0 ? champion : challenger));
        }
    }

    [[nodiscard]] evidence merged() const
    {
        evidence all = replicas_.front().trial.evidence();
        for (auto each = std::next(replicas_.begin()); each != replicas_.end(); ++each) {
            all.merge(each->trial.evidence());
        }
        return all;
    }

    auto& at(std::size_t which)
    {
        auto each = replicas_.begin();
        std::advance(each, static_cast<std::ptrdiff_t>(which));
        return each->trial;
    }

private:
    struct replica {
        explicit replica(const Policy& policy) : trial(make(policy)) {}
        decltype(make(std::declval<Policy>())) trial;
    };
    std::list<replica> replicas_;
    keyed_random random_;
};

void check_same(const report& first, const report& later)
{
    const metric_row& one = first.metrics.front();
    const metric_row& two = later.metrics.front();
    CHECK(two.state == status::ok);
    CHECK(two.estimate == one.estimate);
    CHECK(two.lower == one.lower);
    CHECK(two.upper == one.upper);
    CHECK(two.p_value == one.p_value);
    CHECK(later.decision == first.decision);
}

}  // namespace

TEST_CASE(
    "A merged report that looked at the planned sample is repeated, whichever replica reports and looks itself")
{
    fleet<fixed_horizon> all{fixed_horizon{.units = 2'000}, 8, 1};
    all.serve(1'000);
    CHECK(all.at(0).report(all.merged()).metrics.front().state == status::before_planned_sample);
    all.serve(1'500);
    const report first = all.at(0).report(all.merged());
    CHECK(first.metrics.front().state == status::ok);
    for (std::size_t i = 0; i < 8; ++i) {
        all.serve(500, 0.2, 0.3);
        (void)all.at(i).report();  // a look of its own, at its own evidence
        check_same(first, all.at(i).report(all.merged()));
    }
    // The replicas' own looks are still at their own evidence.
    all.serve(20'000, 0.2, 0.3);
    CHECK(all.at(3).report().metrics.front().estimate != first.metrics.front().estimate);
    check_same(first, all.at(3).report(all.merged()));
}

TEST_CASE(
    "A look at merged evidence survives snapshots, a restart of the judge, and a judge that serves nothing")
{
    fleet<fixed_horizon> all{fixed_horizon{.units = 2'000}, 3, 2};
    all.serve(2'500);
    evidence kept;
    report first;
    {
        auto judge = make(fixed_horizon{.units = 2'000});
        first = judge.report(all.merged());
        all.serve(500, 0.2, 0.4);
        check_same(first, judge.report(all.merged()));
        kept = from_snapshot<evidence>(to_snapshot(judge.evidence()));
    }
    auto judge = make(fixed_horizon{.units = 2'000});
    all.serve(500, 0.2, 0.4);
    evidence now = all.merged();
    now.merge(kept);
    check_same(first, judge.report(from_snapshot<evidence>(to_snapshot(now))));
}

TEST_CASE("A look that a process took before a restart stays")
{
    auto before = make(fixed_horizon{.units = 2'000});
    keyed_random random{3};
    const auto serve = [&](auto& trial, int requests, double rate) {
        for (int i = 0; i < requests; ++i) {
            auto [arm, ticket] = trial.serve(random.next());
            trial.template observe<"click">(ticket, random.chance(arm == 0 ? 0.2 : rate));
        }
    };
    serve(before, 2'200, 0.2);
    const report first = before.report();
    auto after = make(fixed_horizon{.units = 2'000});
    serve(after, 1'000, 0.4);
    evidence all = before.evidence();
    all.merge(after.evidence());
    check_same(first, after.report(all));
    evidence reversed = after.evidence();
    reversed.merge(before.evidence());
    check_same(first, after.report(reversed));
}

TEST_CASE("Group-sequential and hybrid reports of merged evidence continue their looks")
{
    fleet<group_sequential> grouped{group_sequential{.units = 4'000, .looks = 4}, 4, 4};
    fleet<hybrid> mixed{hybrid{.units = 2'000}, 4, 5};
    for (int look = 1; look <= 4; ++look) {
        grouped.serve(1'010);
        (void)grouped.at(0).report(grouped.merged());
        CHECK(grouped.merged().pairs[0].memory[2].whole.size() == 1);
        CHECK(grouped.merged().pairs[0].memory[2].whole.front().looks.size() ==
              static_cast<std::size_t>(look));
    }
    mixed.serve(1'000);
    (void)mixed.at(0).report(mixed.merged());
    mixed.serve(1'100);
    const report last = grouped.at(0).report(grouped.merged());
    const report planned = mixed.at(0).report(mixed.merged());
    grouped.serve(600, 0.2, 0.25);
    mixed.serve(600, 0.2, 0.25);
    check_same(last, grouped.at(1).report(grouped.merged()));
    check_same(planned, mixed.at(1).report(mixed.merged()));
}

TEST_CASE("Many merged reports of equal models reject no more often than one")
{
    // 40 trials, each with ten reports past its plan. Looks that are forgotten reject in 9 of them.
    int wrong = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        fleet<fixed_horizon> all{fixed_horizon{.units = 600}, 4, 100 + seed};
        bool rejected = false;
        for (int look = 0; look < 10; ++look) {
            all.serve(look == 0 ? 600 : 300);
            rejected = rejected || all.at(0).report(all.merged()).decision != verdict::keep_testing;
        }
        wrong += rejected ? 1 : 0;
    }
    CHECK(wrong <= 5);
}

TEST_CASE("A canary, an interleaving and a shadow keep the looks of merged reports")
{
    keyed_random random{6};
    const auto canary_of = [] {
        return canary{model{"old", [](std::uint64_t) { return 0; }},
                      model{"new", [](std::uint64_t) { return 1; }},
                      by([](std::uint64_t user) { return user; }),
                      hash_split{.salt = "canaries"},
                      ramp{.shares = {0.5, 1.0}, .requests = 1'000'000},
                      guardrail(conversion<"sale">{}, {.max_decrease = 0.01}),
                      fixed_horizon{.units = 1'000}};
    };
    auto one = canary_of();
    auto two = canary_of();
    const auto serve = [&](auto& trial, int requests, double rate) {
        for (int i = 0; i < requests; ++i) {
            auto [arm, ticket] = trial.serve(random.next());
            trial.template observe<"sale">(ticket, random.chance(arm == 0 ? 0.2 : rate));
        }
    };
    const auto both = [](const auto& a, const auto& b) {
        auto all = a.evidence();
        all.merge(b.evidence());
        return all;
    };
    serve(one, 600, 0.2);
    serve(two, 600, 0.2);
    const report first = one.report(both(one, two));
    serve(two, 600, 0.25);
    check_same(first, two.report(both(one, two)));

    using list_t = std::vector<int>;
    const auto rankers_of = [] {
        return interleaving{model{"old", [](std::uint64_t) { return list_t{1, 2, 3, 4}; }},
                            model{"new", [](std::uint64_t) { return list_t{4, 3, 2, 1}; }},
                            by([](std::uint64_t query) { return query; }), fixed_horizon{.units = 400}};
    };
    auto first_search = rankers_of();
    auto second_search = rankers_of();
    const auto click = [&](auto& search, int pages) {
        for (int i = 0; i < pages; ++i) {
            auto page = search.rank(random.next(), 4);
            search.click(page.ticket(), random.below(4));
        }
    };
    click(first_search, 400);
    click(second_search, 400);
    const report preferred = first_search.report(both(first_search, second_search));
    REQUIRE(preferred.metrics.front().state == status::ok);
    click(second_search, 300);
    check_same(preferred, second_search.report(both(first_search, second_search)));

    const auto shadow_of = [] {
        return shadow{model{"old", [](std::uint64_t user) { return user % 3 == 0; }},
                      model{"new", [](std::uint64_t user) { return user % 5 == 0; }},
                      by([](std::uint64_t user) { return user; }), inline_run{}, fixed_horizon{.units = 400}};
    };
    auto first_shadow = shadow_of();
    auto second_shadow = shadow_of();
    for (std::uint64_t i = 0; i < 400; ++i) {
        (void)first_shadow(random.next());
        (void)second_shadow(random.next());
    }
    const report agreed = first_shadow.report(both(first_shadow, second_shadow));
    for (std::uint64_t i = 0; i < 400; ++i) {
        (void)second_shadow(random.next());
    }
    const report again = second_shadow.report(both(first_shadow, second_shadow));
    REQUIRE(agreed.metrics.front().state == status::ok);
    CHECK(again.metrics.front().lower == agreed.metrics.front().lower);
}
