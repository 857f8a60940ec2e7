// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace joust;

namespace {

struct request {
    std::uint64_t user = 0;
    bool unlucky = false;
};

const auto good = [](const request&) { return 1; };

int fails_when_unlucky(const request& r)
{
    if (r.unlucky) {
        throw std::runtime_error("unlucky");
    }
    return 2;
}

}  // namespace

TEST_CASE("a challenger that does no harm passes every stage")
{
    canary trial{model{"old", good}, model{"new", good}, by(&request::user), hash_split{.salt = "harmless"},
                 ramp{.shares = {0.05, 0.5, 1.0}, .requests = 100}};
    CHECK(trial.share() == 0.05);
    keyed_random random{1};
    for (int i = 0; i < 40'000 && !trial.finished(); ++i) {
        trial(request{random.below(200'000)});
    }
    const report r = trial.report();
    CHECK(r.decision == verdict::ship_challenger);
    CHECK(trial.share() == 1.0);
    REQUIRE(r.shares.size() == 3);
    CHECK(r.shares[0].share == 0.05);
    CHECK(r.shares[2].share == 1.0);
    // A unit of the challenger stays with it while the share grows, so feedback by unit is used.
    CHECK(r.shares[1].requests > 0.0);
}

TEST_CASE("a challenger that fails is taken back within the call that proves it, and stays out")
{
    canary trial{model{"old", good}, model{"new", fails_when_unlucky}, by(&request::user),
                 hash_split{.salt = "failing"}, ramp{.requests = 100'000}};
    keyed_random random{2};
    int served = 0;
    while (!trial.rolled_back() && served < 100'000) {
        CHECK(trial(request{random.below(100'000), true}) == 1);  // The answer is always the champion's.
        ++served;
    }
    REQUIRE(trial.rolled_back());
    // At a share of 1 % two failures give e = 129 against a threshold of 20.
    CHECK(trial.evidence().failed(1) <= 3);
    CHECK(trial.share() == 0.0);
    const report r = trial.report();
    CHECK(r.decision == verdict::roll_back);
    CHECK_THAT(r.reason, ContainsSubstring("failures"));
    const auto before = trial.evidence().requests(1);
    for (int i = 0; i < 2'000; ++i) {
        trial(request{random.below(100'000), true});
    }
    CHECK(trial.evidence().requests(1) == before);
}

TEST_CASE("failures that hit both models alike roll nothing back")
{
    int rolled_back = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        canary trial{model{"old", fails_when_unlucky}, model{"new", fails_when_unlucky}, by(&request::user),
                     hash_split{.salt = "alike-" + std::to_string(seed)},
                     ramp{.shares = {0.1}, .requests = 1'000'000}};
        keyed_random random{seed};
        for (int i = 0; i < 5'000; ++i) {
            const request r{random.below(50'000), random.chance(0.02)};
            try {
                trial(r);
            } catch (const std::runtime_error&) {
                CHECK(r.unlucky);
            }
        }
        rolled_back += trial.rolled_back() ? 1 : 0;
    }
    // The error rate is at most 5 %; 60 runs exceed 9 with probability 0.001.
    CHECK(rolled_back <= 9);
}

TEST_CASE("one unlucky failure holds a strict canary only until later failures of the champion outweigh it")
{
    int phase = 1;
    const auto old_model = [&](const request& r) {
        if (phase == 3 && r.unlucky) {
            throw std::runtime_error("unlucky");
        }
        return 1;
    };
    const auto new_model = [&](const request& r) {
        if (phase == 1 && r.unlucky) {
            throw std::runtime_error("unlucky");
        }
        return 2;
    };
    canary trial{model{"old", old_model}, model{"new", new_model}, by(&request::user),
                 hash_split{.salt = "held"},
                 ramp{.shares = {0.05, 1.0},
                      .requests = 50,
                      .promote = on_no_harm,
                      .hold_above = 1.0,
                      .check_every = 64}};
    keyed_random random{5};
    while (trial.evidence().failed(1) == 0) {
        trial(request{random.below(100'000), true});
    }
    phase = 2;
    for (int i = 0; i < 5'000; ++i) {
        trial(request{random.below(100'000)});
    }
    CHECK(trial.share() == 0.05);
    CHECK_THAT(trial.report().reason, ContainsSubstring("evidence of harm"));
    phase = 3;
    for (int i = 0; i < 5'000 && !trial.finished(); ++i) {
        try {
            trial(request{random.below(100'000), true});
        } catch (const std::runtime_error&) {
        }
    }
    CHECK(trial.finished());
    CHECK(!trial.rolled_back());
}

TEST_CASE("a drop in quality beyond the margin rolls back, one within it does not")
{
    const auto run = [](double challenger_quality) {
        canary trial{model{"old", good},
                     model{"new", [](const request&) { return 2; }},
                     by(&request::user),
                     hash_split{.salt = "quality"},
                     guardrail(conversion<"correct">{}, {.max_decrease = 0.05}),
                     ramp{.shares = {0.25, 0.5}, .requests = 4'000}};
        keyed_random random{3};
        for (int i = 0; i < 60'000 && !trial.rolled_back() && !trial.finished(); ++i) {
            const auto [prediction, ticket] = trial.serve(request{random.below(20'000)});
            trial.observe<"correct">(ticket,
                                     random.chance(prediction == 2 ? challenger_quality : 0.8) ? 1.0 : 0.0);
        }
        return trial.report();
    };
    const report bad = run(0.5);
    CHECK(bad.decision == verdict::roll_back);
    CHECK_THAT(bad.reason, ContainsSubstring("correct"));
    CHECK(run(0.79).decision == verdict::ship_challenger);
}

TEST_CASE("an answer that comes too late too often rolls back, measured by the trial's clock")
{
    manual_time time;
    const auto slow = [&](const request& r) {
        time.advance(r.unlucky ? 60'000'000 : 1'000'000);
        return 2;
    };
    const auto fast = [&](const request&) {
        time.advance(1'000'000);
        return 1;
    };
    canary trial{model{"old", fast},
                 model{"new", slow},
                 by(&request::user),
                 hash_split{.salt = "late"},
                 guardrail(latency{.warm_up = 500}, {.max_increase = 20.0}),
                 ramp{.shares = {0.2}, .requests = 1'000'000},
                 time.view()};
    keyed_random random{4};
    for (int i = 0; i < 20'000 && !trial.rolled_back(); ++i) {
        trial(request{random.below(50'000), random.chance(0.2)});
    }
    REQUIRE(trial.rolled_back());
    const report r = trial.report();
    CHECK_THAT(r.reason, ContainsSubstring("latency"));
    bool shown = false;
    for (const auto& row : r.metrics) {
        if (row.metric.find("latency") == 0) {
            CHECK(row.champion == Approx(1.0).epsilon(0.02));
            CHECK(row.challenger == Approx(60.0).epsilon(0.02));
            shown = true;
        }
    }
    CHECK(shown);
}

TEST_CASE("a stage lasts as long as it must")
{
    manual_time time;
    canary trial{model{"old", good},
                 model{"new", good},
                 by(&request::user),
                 hash_split{.salt = "slow"},
                 ramp{.shares = {0.5, 1.0}, .requests = 10, .seconds = 60.0},
                 time.view()};
    for (std::uint64_t i = 0; i < 5'000; ++i) {
        trial(request{i});
    }
    trial.step();
    CHECK(trial.share() == 0.5);
    CHECK_THAT(trial.report().reason, ContainsSubstring("stage 1 of 2"));
    time.advance(61'000'000'000);
    trial.step();
    CHECK(trial.share() == 1.0);
}

TEST_CASE("a caller may take the challenger out of service")
{
    canary trial{model{"old", good}, model{"new", good}, by(&request::user), hash_split{.salt = "by-hand"}};
    trial.roll_back("the on-call engineer said so");
    CHECK(trial.rolled_back());
    CHECK(trial.report().reason == "the on-call engineer said so");
    CHECK(trial.report().decision == verdict::roll_back);
}

TEST_CASE("replicas that see too little alone decide together")
{
    const auto replica = [] {
        return canary{model{"old", good}, model{"new", fails_when_unlucky}, by(&request::user),
                      hash_split{.salt = "fleet"},
                      ramp{.shares = {0.3}, .requests = 1'000'000, .check_every = 1'000'000}};
    };
    auto one = replica();
    auto two = replica();
    std::uint64_t user = 0;
    const auto fail_once = [&](auto& trial) {
        do {
            ++user;
        } while (trial.choose(user).arm() == 0);
        trial(request{user, true});
    };
    for (int i = 0; i < 3; ++i) {
        fail_once(one);
        fail_once(two);
    }
    CHECK_FALSE(one.rolled_back());
    CHECK_FALSE(two.rolled_back());
    evidence together = one.evidence();
    together.merge(two.evidence());
    one.step(together);
    CHECK(one.rolled_back());
    CHECK_FALSE(two.rolled_back());
}

TEST_CASE("a finished ramp that left the champion a share is still taken back when a guardrail breaks")
{
    canary trial{model{"old", good}, model{"new", fails_when_unlucky}, by(&request::user),
                 hash_split{.salt = "holdback"}, ramp{.shares = {0.1, 0.5}, .requests = 100}};
    keyed_random random{21};
    for (int i = 0; i < 40'000 && !trial.finished(); ++i) {
        trial(request{random.below(200'000)});
    }
    REQUIRE(trial.finished());
    CHECK(trial.report().decision == verdict::ship_challenger);
    for (int i = 0; i < 5'000 && !trial.rolled_back(); ++i) {
        trial(request{random.below(200'000), true});
    }
    REQUIRE(trial.rolled_back());
    CHECK(trial.share() == 0.0);
    CHECK(trial.report().decision == verdict::roll_back);
}

TEST_CASE("a report on merged evidence decides by it and shows it")
{
    const auto replica = [] {
        return canary{model{"old", good}, model{"new", fails_when_unlucky}, by(&request::user),
                      hash_split{.salt = "merged"},
                      ramp{.shares = {0.3}, .requests = 1'000'000, .check_every = 1'000'000}};
    };
    auto one = replica();
    auto two = replica();
    for (std::uint64_t user = 0; user < 400; ++user) {
        two(request{user, true});
    }
    CHECK(one.report().arms[1].requests == 0);
    const report r = one.report(two.evidence());
    CHECK(one.rolled_back());
    CHECK(r.decision == verdict::roll_back);
    CHECK(r.arms[0].requests + r.arms[1].requests == 400);
    CHECK(r.arms[1].failures == two.evidence().failed(1));
}

TEST_CASE("a trial of another kind that goes on under the same salt takes none of the old tickets")
{
    canary before{model{"old", good},
                  model{"new", good},
                  by(&request::user),
                  hash_split{.salt = "promoted"},
                  guardrail(conversion<"ok">{}, {.max_decrease = 0.5}),
                  ramp{.shares = {0.5}}};
    ab_test after{model{"old", good}, model{"new", good}, by(&request::user), hash_split{.salt = "promoted"},
                  conversion<"ok">{}};
    for (std::uint64_t user = 0; user < 100; ++user) {
        const ticket old = before.serve(request{user}).ticket;
        CHECK(old.arm() == after.choose(user).arm());
        CHECK_FALSE(after.observe<"ok">(old, 1.0));
        CHECK_FALSE(before.observe<"ok">(after.serve(request{user}).ticket, 1.0));
        CHECK(before.observe<"ok">(old, 1.0));
    }
    REQUIRE(after.report().counts.size() == 1);
    CHECK(after.report().counts[0] == count_row{"feedback for a ticket of another trial", 100});
}

TEST_CASE("evidence that is not this trial's is refused by what differs")
{
    const auto canary_of = [](std::string_view salt, std::string_view challenger, auto... policies) {
        return canary{model{"old", good}, model{challenger, good}, by(&request::user),
                      hash_split{.salt = salt}, policies...};
    };
    auto trial = canary_of("own", "new");
    const auto value_of = [&](const evidence& other) -> std::string {
        try {
            trial.step(other);
        } catch (const configuration_error& e) {
            CHECK(e.field() == "evidence");
            return e.value();
        }
        return "";
    };
    CHECK(value_of(canary_of("own", "new").evidence()) == "");
    CHECK(value_of(canary_of("another", "new").evidence()) == "of trial 'another'");
    CHECK(value_of(canary_of("own", "newer").evidence()) == "of models old, newer");
    CHECK(
        value_of(canary_of("own", "new", guardrail(conversion<"ok">{}, {.max_decrease = 0.1})).evidence()) ==
        "of exposures, failures, ok");
    CHECK(value_of(canary_of("own", "new", guardrail(failures{}, {.max_increase = 0.1})).evidence()) ==
          "of 0 guardrails on failures and latency");
    evidence torn = trial.evidence();
    torn.pairs[0].series.pop_back();
    CHECK(value_of(torn) == "with lists that do not fit together");
}

TEST_CASE("a guardrail on a ratio of means is reported as a ratio, with its margin")
{
    canary trial{model{"old", good},
                 model{"new", good},
                 by(&request::user),
                 hash_split{.salt = "ratio"},
                 guardrail(mean<"paid">{}, {.min_ratio = 0.9}),
                 guardrail(conversion<"ok">{}, {.min_ratio = 0.9}),
                 ramp{.shares = {0.5}, .requests = 1'000'000}};
    keyed_random random{22};
    for (int i = 0; i < 20'000; ++i) {
        const ticket receipt = trial.serve(request{random.below(5'000)}).ticket;
        trial.observe<"paid">(receipt, 10.0 + random.uniform());
        trial.observe<"ok">(receipt, random.chance(0.5));
    }
    const report r = trial.report();
    REQUIRE(r.metrics.size() == 4);
    for (const std::size_t i : {0U, 1U}) {
        const metric_row& row = r.metrics[i];
        CHECK_THAT(row.metric, ContainsSubstring("(ratio)"));
        CHECK(row.reference == 1.0);
        CHECK(row.margin == 0.9);
        CHECK(row.estimate == Approx(row.challenger / row.champion).epsilon(0.01));
        CHECK(standing_of(row) == standing::within_margin);
    }
    std::string text;
    write_text(r, text);
    CHECK_THAT(text, ContainsSubstring("50."));     // Levels of a proportion stay in percent.
    CHECK_THAT(text, !ContainsSubstring(" +1.0"));  // The ratio is not a difference, so it has no sign.
}

TEST_CASE("feedback by unit is refused once the unit has changed arms")
{
    canary trial{model{"old", good},
                 model{"new", good},
                 by(&request::user),
                 hash_split{.salt = "moves"},
                 guardrail(conversion<"ok">{}, {.max_decrease = 0.5}),
                 ramp{.shares = {0.1, 0.6, 1.0}, .requests = 50}};
    std::vector<unsigned> first(500);
    for (std::uint64_t u = 0; u < first.size(); ++u) {
        first[u] = trial.choose(u).arm();
    }
    for (std::uint64_t u = first.size(); u < 50'000 && !trial.finished(); ++u) {
        trial.observe<"ok">(trial.serve(request{u}).ticket, 1.0);
    }
    REQUIRE(trial.finished());
    for (std::uint64_t u = 0; u < first.size(); ++u) {
        CHECK(trial.observe<"ok">(u, 1.0) == (first[u] == 1));
    }
}

TEST_CASE("a ramp that cannot be is refused", "[configuration]")
{
    const auto field_of = [](ramp r) -> std::string {
        try {
            canary trial{model{"old", good}, model{"new", good}, by(&request::user), r};
        } catch (const configuration_error& e) {
            return e.field();
        }
        return "";
    };
    CHECK(field_of({.shares = {}}) == "ramp.shares");
    CHECK(field_of({.shares = {0.5, 0.2}}) == "ramp.shares");
    CHECK(field_of({.shares = {0.0}}) == "ramp.shares");
    CHECK(field_of({.shares = {1.5}}) == "ramp.shares");
    // A share that a splitter cannot lay out is refused at once, and not when its stage begins.
    CHECK(field_of({.shares = {1e-12, 0.5}}) == "ramp.shares");
    CHECK(field_of({.shares = {0.5, 1.0 - 1e-12}}) == "ramp.shares");
    CHECK(field_of({.shares = {1e-9, 1.0 - 2e-9, 1.0}}) == "");
    CHECK(field_of({.seconds = std::numeric_limits<double>::infinity()}) == "ramp.seconds");
    CHECK(field_of({.seconds = -1.0}) == "ramp.seconds");
    CHECK(field_of({.hold_above = 0.5}) == "ramp.hold_above");
    CHECK(field_of({.check_every = 0}) == "ramp.check_every");
    CHECK(field_of({}) == "");
    CHECK_THROWS_AS((canary{model{"old", good}, model{"new", good}, by(&request::user),
                            hash_split{.salt = "s", .shares = {0.5, 0.5}}}),
                    configuration_error);
}

TEST_CASE("reports and rollbacks while several threads serve", "[concurrent]")
{
    canary trial{model{"old", good},
                 model{"new", fails_when_unlucky},
                 by(&request::user),
                 hash_split{.salt = "threads"},
                 guardrail(conversion<"ok">{}, {.max_decrease = 0.1}),
                 ramp{.shares = {0.1, 0.5, 1.0}, .requests = 300, .check_every = 64}};
    constexpr int calls = 6'000;
    const auto serve = [&](std::uint64_t seed, bool later_unlucky) {
        keyed_random random{seed};
        for (int i = 0; i < calls; ++i) {
            const auto [prediction, ticket] =
                trial.serve(request{random.below(5'000), later_unlucky && i > calls / 2});
            trial.observe<"ok">(ticket, 1.0);
            static_cast<void>(prediction);
        }
    };
    std::thread a{serve, 1, true};
    std::thread b{serve, 2, true};
    for (int i = 0; i < 20; ++i) {
        const report r = trial.report();
        CHECK(r.kind == "canary");
    }
    a.join();
    b.join();
    CHECK(trial.evidence().requests() == 2 * calls);
}
