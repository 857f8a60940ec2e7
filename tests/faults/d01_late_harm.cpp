// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/first_events.hpp>
#include <joust/report/report.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "calibration/late_harm.hpp"
#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace joust;

struct request {
    std::uint64_t user = 0;
    bool champion_fails = false;
    bool challenger_fails = false;
};
int champion(const request& r)
{
    if (r.champion_fails) {
        throw std::runtime_error{"champion"};
    }
    return 0;
}
int challenger(const request& r)
{
    if (r.challenger_fails) {
        throw std::runtime_error{"challenger"};
    }
    return 1;
}

template <class Trial>
void serve(Trial& trial, const request& r)
{
    try {
        (void)trial(r);
    } catch (const std::runtime_error&) {
        return;
    }
}

// Units with failures of whichever model serves them: no failure is shared, since the other model would answer.
template <class Trial>
void fail_in_both(Trial& trial, std::uint64_t from, std::uint64_t units)
{
    for (std::uint64_t u = from; u < from + units; ++u) {
        const bool challenged = trial.choose(u).arm() == 1;
        serve(trial, {.user = u, .champion_fails = !challenged, .challenger_fails = challenged});
    }
}

TEST_CASE("A canary rolls back harm that begins after more units have failed than there were slots")
{
    canary trial{model{"a", champion}, model{"b", challenger}, by(&request::user), hash_split{.salt = "late"},
                 ramp{{0.25, 0.5}, 1'000'000}};
    // Twenty thousand units leave 31 of 4,096 slots, and a single failure in some of them is no evidence.
    fail_in_both(trial, 0, 20'000);
    REQUIRE_FALSE(trial.rolled_back());
    keyed_random random{131};
    std::uint64_t served = 0;
    while (!trial.rolled_back() && served < 6'000) {
        serve(trial, {.user = 1'000'000 + ++served, .challenger_fails = random.chance(0.3)});
    }
    CHECK(trial.rolled_back());
    CHECK(served < 1'000);
    std::string method;
    for (const metric_row& row : trial.report().metrics) {
        method += row.metric == "failures" ? row.method : "";
    }
    CHECK(method.find("strongest in epoch 5 of 5") != std::string::npos);
}

TEST_CASE("So does an A/B test, and its snapshot keeps what an epoch has shown whose events are gone")
{
    ab_test trial{model{"a", champion},
                  model{"b", challenger},
                  by(&request::user),
                  conversion<"good">{},
                  guardrail(failures{}, {.max_ratio = 1.0}),
                  hash_split{.salt = "late", .shares = {0.75, 0.25}}};
    const auto broken = [&](const report& out) {
        return std::any_of(out.metrics.begin(), out.metrics.end(), [](const metric_row& row) {
            return row.metric == "failures" && row.p_value <= 0.05;
        });
    };
    fail_in_both(trial, 0, 20'000);
    CHECK_FALSE(broken(trial.report()));
    for (std::uint64_t i = 0; i < 400; ++i) {
        serve(trial, {.user = 1'000'000 + i, .challenger_fails = true});
    }
    CHECK(broken(trial.report()));
    fail_in_both(trial, 2'000'000, 10'000);
    const report later = trial.report();
    CHECK(broken(later));
    const auto read = from_snapshot<evidence>(to_snapshot(trial.evidence()));
    CHECK(read == trial.evidence());
    CHECK(read.pairs[0].events[0].back().epoch == 8);
    CHECK(read.pairs[0].events[0].front().epoch == 7);
    REQUIRE(read.pairs[0].peaks.size() == 1);
    CHECK(read.pairs[0].peaks[0].decided == 5);
    CHECK(read.pairs[0].peaks[0].log_e > std::log(20.0));
}

// Medians of the table's recommended design, 41 runs there and fewer here.
TEST_CASE("Harm after a hundred million quiet requests is found as soon as the design promises")
{
    using namespace joust_test::late_harm;
    struct cell {
        double quiet;
        harm kind;
        double promised;
    };
    for (const cell& each : {cell{1e4, {.challenger = 1.0}, 102.0}, cell{1e6, {.challenger = 1.0}, 161.0},
                             cell{1e8, {.challenger = 1.0}, 256.0}, cell{1e6, {.challenger = 0.06}, 6'430.0},
                             cell{1e8, {.challenger = 0.05}, 12'400.0}}) {
        INFO(each.quiet << " " << each.kind.challenger);
        CHECK(median_delay(each.quiet, each.kind, 9, 13) <= 1.3 * each.promised);
    }
}

}  // namespace
