// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/metric/prediction.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/acceptance.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using joust::canary;
using joust::guardrail;
using joust::model;
using joust::prediction;

struct result {
    double score = 0.0;
};

struct request {
    std::uint64_t user = 0;
    double base = 0.0;
};

const auto as_is = [](const request& r) { return result{r.base}; };

template <class Challenger, class... Policies>
auto canary_of(Challenger challenger, Policies... policies)
{
    return canary{model{"old", as_is},
                  model{"new", challenger},
                  joust::by(&request::user),
                  joust::hash_split{.salt = "drift"},
                  joust::ramp{.shares = {0.3}, .requests = 1'000'000},
                  policies...};
}

template <class Trial>
void serve(Trial& trial, int requests)
{
    joust::keyed_random random{3};
    for (int i = 0; i < requests; ++i) {
        static_cast<void>(trial(request{random.below(3'000), 0.5 + 0.1 * random.normal()}));
    }
}

const joust::margin within{.max_increase = 0.02, .max_decrease = 0.02};

const joust::metric_row& row_of(const joust::report& r)
{
    for (const joust::metric_row& row : r.metrics) {
        if (row.metric == "score") {
            return row;
        }
    }
    throw std::logic_error("no row");
}

}  // namespace

TEST_CASE("a guardrail on predictions finds a drift in both directions, without any feedback")
{
    for (const double shift : {0.05, -0.05}) {
        auto trial = canary_of([shift](const request& r) { return result{r.base + shift}; },
                               guardrail(prediction<"score">(&result::score), within));
        serve(trial, 8'000);
        CHECK(trial.rolled_back());
        CHECK_THAT(trial.report().reason,
                   ContainsSubstring(shift > 0.0 ? "breaks the guardrail on score (at most 0.02 more)"
                                                 : "breaks the guardrail on score (at most 0.02 less)"));
    }
    auto same = canary_of(as_is, guardrail(prediction<"score">(&result::score), within));
    serve(same, 8'000);
    CHECK_FALSE(same.rolled_back());
    const joust::report r = same.report();
    CHECK(row_of(r).state == joust::status::ok);
    CHECK(row_of(r).champion == Approx(0.5).epsilon(0.05));
    CHECK(row_of(r).champion_feedback == 1.0);
    CHECK(row_of(r).challenger_feedback == 1.0);
}

TEST_CASE("calls that fail, and results that are refused, bring no prediction")
{
    const auto sometimes = [](const request& r) {
        if (r.user % 2 == 0) {
            throw std::runtime_error("half of the users");
        }
        return result{r.user % 4 == 1 ? 100.0 : r.base};
    };
    auto trial = canary_of(sometimes, guardrail(joust::failures{}, {.max_ratio = 1e6}),
                           guardrail(prediction<"score">(&result::score), {.max_increase = 0.1}),
                           joust::accept_if([](const result& r) { return r.score < 10.0; }));
    serve(trial, 4'000);
    const joust::report r = trial.report();
    CHECK(row_of(r).challenger_feedback == Approx(0.25).epsilon(0.15));
    CHECK(row_of(r).champion_feedback == 1.0);
    CHECK(row_of(r).challenger < 1.0);
}

TEST_CASE("predictions that cannot be read are counted, and serving goes on")
{
    const auto reads = [](const result& r) {
        if (r.score > 0.6) {
            throw std::runtime_error("too large");
        }
        return r.score < 0.4 ? std::numeric_limits<double>::quiet_NaN() : r.score;
    };
    auto trial = canary_of(as_is, guardrail(prediction<"score">(reads), {.max_increase = 0.1}));
    serve(trial, 4'000);
    CHECK(trial.evidence().requests() == 4'000);
    const joust::report r = trial.report();
    std::uint64_t invalid = 0;
    std::uint64_t threw = 0;
    for (const joust::count_row& each : r.counts) {
        invalid += each.what == "feedback with an invalid value" ? each.count : 0;
        threw += each.what == "feedback not used, since the metric threw" ? each.count : 0;
    }
    // A normal value is beyond one standard deviation on each side in 15.9 % of the calls.
    CHECK(invalid == Approx(635.0).epsilon(0.2));
    CHECK(threw == Approx(635.0).epsilon(0.2));
    CHECK(row_of(r).champion_feedback < 0.75);
}

TEST_CASE("a prediction may be read from a number or a reference, in any trial that serves")
{
    static std::vector<double> stored{1.0, 2.0};
    joust::ab_test trial{model{"old", [](std::uint64_t) -> const double& { return stored[0]; }},
                         model{"new", [](std::uint64_t) -> const double& { return stored[1]; }},
                         joust::by([](std::uint64_t user) { return user; }),
                         joust::hash_split{.salt = "numbers"},
                         prediction<"score">([](double x) { return x; })};
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        const double& answer = trial(user);
        CHECK((&answer == &stored[0] || &answer == &stored[1]));
    }
    CHECK(row_of(trial.report()).champion == Approx(1.0));
    CHECK(row_of(trial.report()).challenger == Approx(2.0));
    // Where the trial sees no result, the caller gives the number.
    const auto ticket = trial.choose(std::uint64_t{5'000});
    CHECK(trial.observe<"score">(ticket, 1.5));
}
