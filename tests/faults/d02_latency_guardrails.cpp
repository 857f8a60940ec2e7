// SPDX-License-Identifier: Apache-2.0

// A guardrail on latency finds a challenger beyond its margin, whatever the load did before, and leaves a challenger alone that is
// faster or of another shape.

#include <joust/core/random.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"
#include "faults/latency_row.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

using namespace joust;
using joust_test::latency_of;

namespace {

using milliseconds = std::chrono::duration<double, std::milli>;

template <class... Policies>
auto make(const std::string& salt, Policies... policies)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }},
                   by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = salt, .shares = {0.8, 0.2}},
                   conversion<"click">{},
                   policies...};
}

/// Serve calls whose latencies two functions of the call's number and a lognormal factor of mean spread give.
template <class Trial, class Old, class New>
void serve(Trial& trial, keyed_random& random, int count, Old old, New fresh)
{
    for (int i = 0; i < count; ++i) {
        const auto ticket = trial.choose(random.next());
        const double drawn = std::exp(0.5 * random.normal());
        trial.complete(ticket, milliseconds{trial.arm_of(ticket) == 0 ? old(i, drawn) : fresh(i, drawn)},
                       true);
    }
}

bool found(const report& r)
{
    return r.decision == verdict::keep_champion;
}

// 90 % of the champion's calls take at most 19 ms.
double champion(int, double drawn)
{
    return 10.0 * drawn;
}

}  // namespace

TEST_CASE(
    "A challenger 10 ms slower is found where 5 ms are allowed, after a night in which both were twice as fast")
{
    for (std::uint64_t run = 0; run < 3; ++run) {
        auto trial =
            make("night-" + std::to_string(run), guardrail(latency{.q = 0.9}, {.max_increase = 5.0}));
        keyed_random random{20'262, run};
        const auto night = [](int, double drawn) { return 5.0 * drawn; };
        serve(trial, random, 6'000, night, night);
        CHECK_FALSE(found(trial.report()));
        serve(trial, random, 8'000, champion, [](int i, double drawn) { return champion(i, drawn) + 10.0; });
        const report seen = trial.report();
        CHECK(found(seen));
        CHECK(latency_of(seen).e_value >= 20.0);
        CHECK(latency_of(seen).method.starts_with("late calls over the traffic of an epoch, pooled"));
    }
}

TEST_CASE("A faster challenger is never accused, and nor is one whose shape differs within the margin")
{
    for (std::uint64_t run = 0; run < 3; ++run) {
        auto trial =
            make("faster-" + std::to_string(run), guardrail(latency{.q = 0.9}, {.max_increase = 5.0}));
        auto shaped =
            make("shaped-" + std::to_string(run), guardrail(latency{.q = 0.9}, {.max_increase = 5.0}));
        keyed_random random{20'263, run};
        // The champion's first calls are slow, then it speeds up: the threshold of the warm-up tests another claim.
        serve(
            trial, random, 15'000,
            [](int i, double drawn) {
                return champion(i, drawn) * (i < 1'500 ? 1.5 : i / 5'000 % 2 == 0 ? 1.0 : 2.0);
            },
            [](int i, double drawn) { return 0.9 * champion(i, drawn); });
        CHECK_FALSE(found(trial.report()));
        CHECK(latency_of(trial.report()).e_value < 20.0);
        // At most 10 % of these calls take longer than 19 + 5 ms, but those take much longer.
        serve(shaped, random, 15'000, champion, [](int i, double drawn) {
            const double spent = champion(i, drawn);
            return spent <= 18.98 ? spent + 5.0 : 23.98 + 4.0 * (spent - 18.98);
        });
        CHECK_FALSE(found(shaped.report()));
    }
}

TEST_CASE("A canary is rolled back at a latency beyond its margin, within 8,000 calls")
{
    canary trial{
        model{"old", [](std::uint64_t) { return 0; }},     model{"new", [](std::uint64_t) { return 1; }},
        by([](std::uint64_t user) { return user; }),       hash_split{.salt = "slow"},
        ramp{.shares = {0.2, 1.0}, .requests = 1'000'000}, guardrail(latency{.q = 0.9}, {.max_ratio = 1.25})};
    keyed_random random{20'264};
    serve(trial, random, 20'000, champion, champion);
    CHECK_FALSE(trial.rolled_back());
    int calls = 0;
    while (!trial.rolled_back() && calls < 20'000) {
        serve(trial, random, 100, champion, [](int i, double drawn) { return 2.0 * champion(i, drawn); });
        calls += 100;
    }
    // The claim is pooled: 20,000 quiet calls of the same epoch have to be outweighed.
    CHECK(calls <= 8'000);
}

TEST_CASE("A cold start is harm unless it is declared, and then the report names the calls")
{
    const auto cold = [](int i, double drawn) { return champion(i, drawn) * (i < 2'500 ? 5.0 : 1.0); };
    auto plain = make("cold", guardrail(latency{.q = 0.9}, {.max_increase = 5.0}));
    auto declared =
        make("cold", guardrail(latency{.q = 0.9, .challenger_warm_up = 600}, {.max_increase = 5.0}));
    keyed_random random{20'265};
    serve(plain, random, 10'000, champion, cold);
    serve(declared, random, 10'000, champion, cold);
    CHECK(found(plain.report()));
    const report seen = declared.report();
    CHECK_FALSE(found(seen));
    CHECK(latency_of(seen).method.find("timed calls of the challenger, which were served and not judged") !=
          std::string::npos);
}

TEST_CASE(
    "Replicas that see too little alone show a slow challenger together, and a snapshot keeps what they saw")
{
    std::vector<evidence> parts;
    keyed_random random{20'266};
    for (int replica = 0; replica < 4; ++replica) {
        auto trial = make("fleet", guardrail(latency{.q = 0.9}, {.max_increase = 5.0}));
        serve(trial, random, 2'600, champion, [](int i, double drawn) { return champion(i, drawn) + 8.0; });
        CHECK_FALSE(found(trial.report()));
        parts.push_back(from_snapshot<evidence>(to_snapshot(trial.evidence())));
        CHECK(parts.back() == trial.evidence());
    }
    auto judge = make("fleet", guardrail(latency{.q = 0.9}, {.max_increase = 5.0}));
    evidence forward = parts[0];
    evidence backward = parts[3];
    for (std::size_t i = 1; i < parts.size(); ++i) {
        forward.merge(parts[i]);
        backward.merge(parts[parts.size() - 1 - i]);
    }
    CHECK(found(judge.report(forward)));
    CHECK(latency_of(judge.report(forward)).e_value ==
          Approx(latency_of(judge.report(backward)).e_value).epsilon(1e-9));
}
