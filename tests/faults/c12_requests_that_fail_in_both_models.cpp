// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/first_events.hpp>
#include <joust/report/report.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"
#include "report/in_report.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace {

using namespace joust;
using joust_test::counted;

struct request {
    std::uint64_t user = 0;
    bool poison = false;
    bool trap = false;  // only the challenger falls into it
};

int champion(const request& r)
{
    if (r.poison) {
        throw std::runtime_error{"cannot be answered"};
    }
    return 0;
}
int challenger(const request& r)
{
    if (r.poison || r.trap) {
        throw std::runtime_error{"cannot be answered"};
    }
    return 1;
}

auto at_one_percent()
{
    return canary{model{"a", champion}, model{"b", challenger}, by(&request::user), hash_split{.salt = "c12"},
                  ramp{{0.01, 0.5}, 1'000'000}};
}

// Ids that a client can know to be in the challenger, such as those that see its answers.
template <class Trial>
std::vector<std::uint64_t> ids_of_challenger(Trial& trial, std::size_t wanted)
{
    std::vector<std::uint64_t> ids;
    for (std::uint64_t u = 0; ids.size() < wanted; ++u) {
        if (trial.choose(u).arm() == 1) {
            ids.push_back(u);
        }
    }
    return ids;
}

template <class Trial>
bool fails(Trial& trial, const request& r)
{
    try {
        (void)trial(r);
        return false;
    } catch (const std::runtime_error&) {
        return true;
    }
}

TEST_CASE(
    "Requests that fail in both models do not roll a canary back, however many ids of the challenger send them")
{
    auto trial = at_one_percent();
    const auto ids = ids_of_challenger(trial, 200);
    for (std::uint64_t u = 0; u < 500; ++u) {
        (void)trial(request{.user = u});
    }
    CHECK(fails(trial, {.user = ids[0], .poison = true}));
    CHECK(fails(trial, {.user = ids[1], .poison = true}));
    CHECK_FALSE(trial.rolled_back());
    for (const std::uint64_t id : ids) {
        CHECK(fails(trial, {.user = id, .poison = true}));
    }
    const report out = trial.report();
    CHECK_FALSE(trial.rolled_back());
    CHECK(counted(out, "failed in a challenger and then in the champion") == 202);
    // The requests failed all the same, and the arm's row says so.
    CHECK(trial.evidence().failed(1) == 202);
}

TEST_CASE("Requests that only the challenger fails on roll it back as fast as ever")
{
    auto trial = at_one_percent();
    const auto ids = ids_of_challenger(trial, 2);
    CHECK_FALSE(fails(trial, {.user = ids[0], .trap = true}));
    CHECK_FALSE(trial.rolled_back());
    CHECK_FALSE(fails(trial, {.user = ids[1], .trap = true}));
    CHECK(trial.rolled_back());
    CHECK(counted(trial.report(), "and then in the champion") == 0);
}

TEST_CASE(
    "An A/B test counts them in the same way, and a result that accept_if refuses of both models is one of them")
{
    ab_test trial{model{"a", [](const request&) { return -1; }},
                  model{"b", [](const request&) { return -2; }},
                  by(&request::user),
                  conversion<"good">{},
                  guardrail(failures{}, {.max_ratio = 1.0}),
                  hash_split{.salt = "c12", .shares = {0.99, 0.01}},
                  accept_if([](int x) { return x >= 0; })};
    for (const std::uint64_t id : ids_of_challenger(trial, 20)) {
        CHECK(trial(request{.user = id}) == -1);
    }
    CHECK(counted(trial.report(), "and then in the champion") == 20);
    CHECK(trial.evidence().failed(1) == 20);
    for (const metric_row& row : trial.report().metrics) {
        if (row.metric == "failures") {
            CHECK(row.e_value <= 1.0);
        }
    }
    ab_test passed_on{model{"a", champion},
                      model{"b", challenger},
                      by(&request::user),
                      conversion<"good">{},
                      hash_split{.salt = "c12", .shares = {0.0, 1.0}},
                      rethrow{}};
    CHECK(fails(passed_on, {.user = 1, .poison = true}));
    CHECK(counted(passed_on.report(), "and then in the champion") == 0);
}

// One log of first events as it is, and one that takes shared failures for the challenger's, as before.
struct two_logs {
    detail::first_event_log now;
    detail::first_event_log before;
    explicit two_logs(double max_ratio)
    {
        now.allow(max_ratio);
        before.allow(max_ratio);
    }
    void add(std::uint64_t unit, bool challenged, bool shared, double s)
    {
        const std::uint64_t pseudonym = mix64(unit);
        before.record(pseudonym, challenged, s, unit);
        if (challenged && shared) {
            now.record_shared(pseudonym, s, unit);
        } else {
            now.record(pseudonym, challenged, s, unit);
        }
    }
};

TEST_CASE(
    "Shared failures alone never give evidence of harm, whatever the champion fails on and however the share grows")
{
    keyed_random random{121};
    for (int run = 0; run < 200; ++run) {
        two_logs logs{run % 2 == 0 ? 1.0 : 1.0 + 0.5 * random.uniform()};
        double s = 0.01;
        std::uint64_t unit = 0;
        for (int i = 0; i < 300; ++i) {
            s = i % 100 == 99 ? std::fmin(0.5, 5.0 * s) : s;
            logs.add(++unit + 100'000U * static_cast<unsigned>(run), random.chance(0.7), true, s);
            REQUIRE(logs.now.log_e() <= 1e-12);
        }
        CHECK(logs.before.highest_log_e() > 20.0);
    }
}

// Serve requests of equal or unequal models. `joint` fail in both, `own` in the model that serves.
struct world {
    double joint;
    double champion_own;
    double challenger_own;
};
void serve(two_logs& logs, const world& now, double s, int requests, keyed_random& random,
           std::uint64_t& unit)
{
    for (int i = 0; i < requests; ++i) {
        ++unit;
        const bool challenged = random.chance(s);
        const bool in_champion = random.chance(now.champion_own);
        const bool in_challenger = random.chance(now.challenger_own);
        const bool joint = random.chance(now.joint);
        const bool failed = joint || (challenged ? in_challenger : in_champion);
        if (failed) {
            logs.add(unit, challenged, joint || (in_champion && in_challenger), s);
        }
    }
}

TEST_CASE(
    "Equal models are rolled back no more often than before, whether they fail on the same requests or on others")
{
    keyed_random random{122};
    std::uint64_t unit = 0;
    for (const world& equal : {world{0.05, 0.0, 0.0}, world{0.0, 0.05, 0.05}, world{0.03, 0.02, 0.02}}) {
        int now = 0;
        int before = 0;
        for (int run = 0; run < 100; ++run) {
            two_logs logs{1.0};
            for (const double s : {0.05, 0.25, 0.5}) {
                serve(logs, equal, s, 1'000, random, unit);
            }
            now += logs.now.highest_log_e() >= std::log(20.0) ? 1 : 0;
            before += logs.before.highest_log_e() >= std::log(20.0) ? 1 : 0;
            // A failure that is left out begins no product, so that the evidence can differ by the weight of one.
            CHECK(logs.now.log_e() <= logs.before.log_e() + 0.01);
        }
        CHECK(now <= before);
        CHECK(now <= 10);
    }
}

TEST_CASE("Failures of the challenger are found behind many that both models share")
{
    keyed_random random{123};
    std::uint64_t unit = 0;
    int found = 0;
    for (int run = 0; run < 50; ++run) {
        two_logs logs{1.0};
        serve(logs, {.joint = 0.02, .champion_own = 0.0, .challenger_own = 0.02}, 0.25, 12'000, random, unit);
        found += logs.now.highest_log_e() >= std::log(20.0) ? 1 : 0;
    }
    CHECK(found >= 45);
}

}  // namespace
