// SPDX-License-Identifier: Apache-2.0

#include <joust/store/directory.hpp>
#include <joust/trial/durable.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/replace_plan.hpp>
#include <joust/trial/shadow.hpp>

#include "../store/temporary_folder.hpp"
#include "catch.hpp"
#include "trial/memory_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace joust;
using namespace std::chrono_literals;
using joust_test::memory_store;

namespace {

using call = std::function<int(std::uint64_t)>;

/// Three models, so that feedback for a ticket needs the plan that served it.
auto make_test()
{
    return ab_test{model{"old", call{[](std::uint64_t) { return 0; }}},
                   model{"new", call{[](std::uint64_t) { return 1; }}},
                   model{"newest", call{[](std::uint64_t) { return 2; }}},
                   by([](std::uint64_t unit) { return unit; }),
                   hash_split{.salt = "durable-test", .shares = {0.5, 0.3, 0.2}},
                   conversion<"click">{},
                   quantile<"wait">{.q = 0.9, .warm_up = 100},
                   guardrail(latency{}, {.max_ratio = 2.0})};
}
using test_t = decltype(make_test());

auto make_search()
{
    const auto ranker = [](std::vector<int> order) {
        return std::function<std::vector<int>(int)>{[order](int) { return order; }};
    };
    return interleaving{model{"a", ranker({1, 2, 3})}, model{"b", ranker({3, 2, 1})},
                        by([](int query) { return query; }), salt{"durable-search"}};
}
using search_t = decltype(make_search());

auto make_shadow()
{
    return shadow{model{"a", call{[](std::uint64_t) { return 0; }}},
                  model{"b", call{[](std::uint64_t unit) { return unit % 4 == 0 ? 1 : 0; }}},
                  by([](std::uint64_t unit) { return unit; }), salt{"durable-shadow"}, inline_run{}};
}

durable_options by_hand(std::string replica)
{
    return {.every = 0ms, .replica = std::move(replica)};
}

}  // namespace

TEST_CASE("an A/B test goes on by its latest plan, and takes feedback for calls of earlier plans")
{
    const memory_store store;
    ticket of_first_plan;
    std::uint64_t challengers_unit = 0;
    {
        test_t trial = make_test();
        durable live{trial, store.connection(), by_hand("a")};
        while (of_first_plan = trial.serve(challengers_unit).ticket, of_first_plan.arm() != 2) {
            ++challengers_unit;
        }
        traffic_plan next = plan_of(trial);
        next.parent = next.digest();
        next.version = 2;
        next.shares = {0.4, 0.3, 0.3};
        next.slots.clear();
        replace_plan(trial, next, {.allow_moves = true});
        REQUIRE(live.poll());
        CHECK(live.status().stage == 2);
    }
    test_t trial = make_test();
    durable live{trial, store.connection(), by_hand("a")};
    CHECK(plan_of(trial).version == 2);
    CHECK(plan_of(trial).shares == share_list{0.4, 0.3, 0.3});
    CHECK(trial.observe<"click">(of_first_plan, true));
    CHECK(trial.observe<"click">(challengers_unit, true));  // Its arm was the same by both plans.
    REQUIRE(live.poll());
    CHECK(live.evidence().requests() == challengers_unit + 1);
    CHECK(live.report().kind == "ab_test");
}

TEST_CASE(
    "the kill switch of an A/B test reaches every replica, and wins against a plan that did not know of it")
{
    const memory_store store;
    test_t one = make_test();
    test_t two = make_test();
    durable first{one, store.connection(), by_hand("one")};
    durable second{two, store.connection(), by_hand("two")};
    const auto plan = [](const test_t& trial, std::uint64_t version, bool stopped) {
        traffic_plan next = plan_of(trial);
        next.parent = next.digest();
        next.version = version;
        next.stopped = stopped;
        next.slots.clear();
        return next;
    };
    replace_plan(one, plan(one, 2, true));
    traffic_plan unaware = plan(two, 3, false);
    unaware.shares = {0.4, 0.3, 0.3};
    replace_plan(two, unaware, {.allow_moves = true});
    REQUIRE(first.poll());
    REQUIRE(second.poll());
    REQUIRE(first.poll());
    CHECK(plan_of(one).stopped);
    CHECK(plan_of(two).stopped);
    CHECK(second.status().stopped);
    CHECK(two.serve(std::uint64_t{1}).ticket.arm() == 0);
    // A person starts it again, knowing of the stop.
    traffic_plan again = plan(two, plan_of(two).version + 1, false);
    again.shares = {0.5, 0.3, 0.2};
    replace_plan(two, again, {.allow_moves = true});
    REQUIRE(second.poll());
    REQUIRE(first.poll());
    CHECK_FALSE(plan_of(one).stopped);
    CHECK(plan_of(one).shares == share_list{0.5, 0.3, 0.2});
}

TEST_CASE("thresholds and epochs of guardrails go on where the evidence of all has come to")
{
    const memory_store store;
    {
        test_t trial = make_test();
        durable live{trial, store.connection(), by_hand("a")};
        for (std::uint64_t unit = 0; unit < 8'000; ++unit) {
            const ticket chosen = trial.choose(unit);
            REQUIRE(trial.complete(chosen, std::chrono::microseconds{100 + unit % 50}, true));
            static_cast<void>(trial.observe<"wait">(chosen, static_cast<double>(unit % 10)));
        }
        REQUIRE(live.poll());
        const evidence seen = live.evidence();
        REQUIRE(seen.quantiles[0].fixed());
        REQUIRE_FALSE(seen.pairs[0].late[0].epochs.empty());
    }
    test_t trial = make_test();
    durable live{trial, store.connection(), by_hand("a")};
    const evidence own = trial.evidence();
    const evidence all = live.evidence();
    CHECK(own.requests() == 0);
    CHECK(own.quantiles[0].highest == all.quantiles[0].highest);
    for (const std::size_t pair : {0U, 1U}) {
        REQUIRE_FALSE(own.pairs[pair].late[0].epochs.empty());
        CHECK(own.pairs[pair].late[0].epochs.back().epoch == all.pairs[pair].late[0].epochs.back().epoch);
        CHECK(own.pairs[pair].late[0].epochs.back().threshold ==
              all.pairs[pair].late[0].epochs.back().threshold);
    }
    // What is late from now on is late in the epoch that the merged evidence keeps.
    for (std::uint64_t unit = 10'000; unit < 10'500; ++unit) {
        const ticket chosen = trial.choose(unit);
        REQUIRE(trial.complete(chosen, std::chrono::microseconds{chosen.arm() == 0 ? 100 : 900}, true));
    }
    const std::size_t before = all.pairs[0].events[0].size();
    REQUIRE(live.poll());
    CHECK(live.evidence().pairs[0].events[0].size() > before + 50);
}

TEST_CASE("an interleaving and a shadow keep their evidence, their tickets and their kill switch")
{
    const joust_test::temporary_folder folder{"durable_kinds"};
    ticket page;
    {
        search_t search = make_search();
        durable live{search, directory{folder.path}, by_hand("a")};
        auto beside = make_shadow();
        durable shadowed{beside, directory{folder.path}, by_hand("a")};
        for (int query = 0; query < 50; ++query) {
            auto list = search.rank(query, 3);
            page = list.ticket();
            CHECK(search.click(page, 1));
            static_cast<void>(beside(static_cast<std::uint64_t>(query)));
        }
        REQUIRE(live.poll());
        REQUIRE(shadowed.poll());
        traffic_plan stop = plan_of(search);
        stop.version += 1;
        stop.stopped = true;
        replace_plan(search, stop);
    }
    search_t search = make_search();
    durable live{search, directory{folder.path}, by_hand("a")};
    CHECK(plan_of(search).stopped);
    CHECK_FALSE(search.click(page, 1));
    CHECK(live.evidence().requests() > 0);
    CHECK(live.status().restored);
    auto beside = make_shadow();
    durable shadowed{beside, directory{folder.path}, by_hand("a")};
    CHECK(shadowed.evidence().requests == 50);
    CHECK(shadowed.report().arms.front().requests == 50);
    static_cast<void>(beside(std::uint64_t{7}));
    REQUIRE(shadowed.poll());
    CHECK(shadowed.evidence().requests == 51);
}

TEST_CASE("a durable trial refuses options that cannot be")
{
    search_t search = make_search();
    durable_options options = by_hand("a");
    options.every = -1ms;
    CHECK_THROWS_AS((durable{search, memory_store{}, options}), configuration_error);
}
