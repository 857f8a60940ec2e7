// SPDX-License-Identifier: Apache-2.0

// The quantiles of a latency guardrail compare both models over the same traffic, while shares and load change.

#include <joust/core/random.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/replace_plan.hpp>

#include "catch.hpp"
#include "faults/latency_row.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace joust;
using joust_test::latency_of;

namespace {

constexpr int calls = 12'000;
constexpr double shares[] = {0.01, 0.05, 0.25, 0.5};

auto make(double q, const std::string& salt)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }},
                   by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = salt, .shares = {0.99, 0.01}},
                   conversion<"click">{},
                   guardrail(latency{.q = q}, {.max_ratio = 1.5})};
}

/// Serve equal models, or a challenger that takes longer by a factor, while the load falls to a third.
template <class Trial>
void serve(Trial& trial, keyed_random& random, int from, int to, double factor, double slow_users = 0.0)
{
    for (int i = from; i < to; ++i) {
        const std::uint64_t user = random.below(slow_users > 0.0 ? 500 : 1'000'000);
        const auto ticket = trial.choose(user);
        const double load = std::pow(3.0, -static_cast<double>(i) / calls);
        const double user_factor = static_cast<double>(mix64(user) >> 11) * 0x1p-53 < slow_users ? 4.0 : 1.0;
        const double milliseconds = 10.0 * load * user_factor * std::exp(0.5 * random.normal()) *
                                    (trial.arm_of(ticket) == 1 ? factor : 1.0);
        trial.complete(ticket, std::chrono::duration<double, std::milli>{milliseconds}, true);
    }
}

template <class Trial>
void give_share(Trial& trial, double share)
{
    traffic_plan next = plan_of(trial);
    next.parent = next.digest();
    ++next.version;
    next.shares = {1.0 - share, share};
    replace_plan(trial, next, {.allow_moves = true});
}

template <class Trial>
void ramp_up(Trial& trial, keyed_random& random, double factor)
{
    for (int stage = 0; stage < 4; ++stage) {
        if (stage > 0) {
            give_share(trial, shares[stage]);
        }
        serve(trial, random, stage * calls / 4, (stage + 1) * calls / 4, factor);
    }
}

}  // namespace

TEST_CASE("Equal models are not told apart where shares grow while the load falls")
{
    for (const double q : {0.5, 0.9}) {
        int wrong = 0;
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            keyed_random random{seed};
            auto trial = make(q, "equal-" + std::to_string(seed));
            ramp_up(trial, random, 1.0);
            const metric_row row = latency_of(trial.report());
            REQUIRE(row.state == status::ok);
            wrong += row.upper < 0.0 || row.lower > 0.0 ? 1 : 0;
            CHECK(row.lower < row.estimate);
            CHECK(row.estimate < row.upper);
            CHECK(std::fabs(row.estimate) < 1.0);
            CHECK(row.upper < 3.0);
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("A challenger that is slower at every load is shown to be slower")
{
    keyed_random random{77};
    auto trial = make(0.5, "slower");
    ramp_up(trial, random, 1.4);
    const metric_row row = latency_of(trial.report());
    CHECK(row.lower > 0.0);
    CHECK(row.challenger / row.champion == Approx(1.4).epsilon(0.1));
}

TEST_CASE("Latencies keep their weights in merged evidence, in snapshots, and over many plans")
{
    keyed_random random{8};
    auto one = make(0.9, "merged");
    auto two = make(0.9, "merged");
    ramp_up(one, random, 1.0);
    serve(two, random, 0, 4'000, 1.0);  // a replica that stays in the first stage
    evidence all = one.evidence();
    all.merge(two.evidence());
    evidence reversed = two.evidence();
    reversed.merge(one.evidence());
    CHECK(from_snapshot<evidence>(to_snapshot(all)) == all);
    const metric_row row = latency_of(one.report(all));
    CHECK(row.lower < 0.0);
    CHECK(row.upper > 0.0);
    CHECK(latency_of(one.report(reversed)).estimate == row.estimate);

    const double before = one.evidence().pairs[0].challenger_latency.squares;
    for (int plan = 0; plan < 200; ++plan) {
        give_share(one, plan % 2 == 0 ? 0.3 : 0.5);
    }
    CHECK(one.evidence().pairs[0].challenger_latency.squares == Approx(before).epsilon(1e-12));
}

TEST_CASE("A canary weighs latencies by the stages of its ramp")
{
    canary trial{model{"old", [](std::uint64_t) { return 0; }},
                 model{"new", [](std::uint64_t) { return 1; }},
                 by([](std::uint64_t user) { return user; }),
                 hash_split{.salt = "ramped"},
                 ramp{.shares = {0.05, 0.5}, .requests = 300, .promote = on_no_harm},
                 conversion<"click">{},
                 guardrail(latency{.q = 0.5, .warm_up = 200}, {.max_ratio = 3.0})};
    keyed_random random{9};
    serve(trial, random, 0, calls, 1.0);
    const report seen = trial.report();
    const metric_row row = latency_of(seen);
    CHECK(seen.shares.size() >= 2);
    CHECK(row.lower < 0.0);
    CHECK(row.upper > 0.0);
    // Both models' quantiles pooled over the stages differ, as the load fell.
    CHECK(seen.latencies[1].p50 < 0.95 * seen.latencies[0].p50);
    CHECK(row.challenger == Approx(row.champion).epsilon(0.1));
}

TEST_CASE("Users whose requests are alike widen the interval by their design effect")
{
    keyed_random random{10};
    auto alike = make(0.9, "users");
    auto different = make(0.9, "users");
    give_share(alike, 0.5);
    give_share(different, 0.5);
    serve(alike, random, 0, calls, 1.0, 0.05);
    serve(different, random, 0, calls, 1.0, 0.0);
    const metric_row clustered = latency_of(alike.report());
    const metric_row independent = latency_of(different.report());
    CHECK((clustered.upper - clustered.lower) / clustered.champion >
          1.5 * (independent.upper - independent.lower) / independent.champion);
}

TEST_CASE("With one share and independent calls the weighted comparison is the plain one")
{
    keyed_random random{11};
    latency_sketch one;
    latency_sketch two;
    for (int i = 0; i < 3'000; ++i) {
        one.add(static_cast<std::int64_t>(1e6 * std::exp(0.5 * random.normal())));
        two.add(static_cast<std::int64_t>(1e6 * std::exp(0.5 * random.normal())));
    }
    const auto weighted = [](const latency_sketch& from, double weight, std::vector<double>& weights) {
        weights.assign(latency_sketch::bins, 0.0);
        for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
            weights[bin] = weight * static_cast<double>(from.counts()[bin]);
        }
        return stats::weighted_latencies{.weights = weights,
                                         .squares = weight * weight * static_cast<double>(from.count()),
                                         .planned = weight * weight * 2'000.0};
    };
    std::vector<double> first;
    std::vector<double> second;
    for (const double q : {0.1, 0.5, 0.9, 0.99}) {
        const auto plain = stats::quantile_difference(one, two, {.q = q, .alpha = 0.05, .planned = 2'000});
        const auto same = stats::overlap_quantile_difference(weighted(one, 0.3, first),
                                                             weighted(two, 0.7, second), q, 0.05);
        CHECK(same.state == plain.state);
        CHECK(same.estimate == plain.estimate);
        CHECK((same.lower == plain.lower || (std::isnan(same.lower) && std::isnan(plain.lower))));
        CHECK((same.upper == plain.upper || (std::isnan(same.upper) && std::isnan(plain.upper))));
    }
    CHECK(stats::overlap_quantile_difference({}, {}, 0.5, 0.05).state == status::too_few);
    CHECK(stats::overlap_quantile_difference({}, {}, 1.5, 0.05).state == status::out_of_range);
}
