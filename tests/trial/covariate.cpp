// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/metric/ratio.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace joust;

namespace {

struct request {
    std::uint64_t user = 0;
    double spent_before = 0.0;
};

template <class... Policies>
auto trial_of(Policies... policies)
{
    return ab_test{model{"old", [](const request&) { return 0; }},
                   model{"new", [](const request&) { return 1; }},
                   by(&request::user),
                   hash_split{.salt = "covariate"},
                   untimed{},
                   always_valid{.units = 20'000},
                   std::move(policies)...};
}

/// Users spend as much as before; users of the challenger spend a tenth more.
double taste_of(std::uint64_t user)
{
    return static_cast<double>(mix64(user) % 1'000) / 100.0;
}

template <class Trial>
void serve(Trial& trial, int n, double effect)
{
    keyed_random random{3, 1};
    for (int i = 0; i < n; ++i) {
        const request r{random.below(4'000), taste_of(0)};
        request known = r;
        known.spent_before = taste_of(r.user);
        const auto [arm, ticket] = trial.serve(known);
        trial.template observe<"spend">(ticket,
                                        taste_of(r.user) + random.normal() + (arm == 1 ? effect : 0.0));
    }
}

const metric_row& row_of(const report& r, std::string_view name)
{
    for (const metric_row& row : r.metrics) {
        if (row.metric == name) {
            return row;
        }
    }
    throw std::out_of_range(std::string{name});
}

std::string notes_of(const report& r)
{
    std::string all;
    for (const auto& note : r.notes) {
        all += note + "\n";
    }
    return all;
}

}  // namespace

TEST_CASE("a covariate takes out of a metric what was known before, and the report says how much")
{
    auto plain = trial_of(mean<"spend">{});
    auto adjusted = trial_of(mean<"spend">{}, adjust_for(&request::spent_before));
    serve(plain, 20'000, 0.1);
    serve(adjusted, 20'000, 0.1);
    const metric_row before = row_of(plain.report(), "spend");
    const report r = adjusted.report();
    const metric_row after = row_of(r, "spend");
    CHECK(before.state == status::ok);
    CHECK(after.state == status::ok);
    // The tastes of users have a variance of 8.3, and each of five visits adds a noise of 1.
    CHECK(after.upper - after.lower < 0.35 * (before.upper - before.lower));
    CHECK(after.lower < 0.1);
    CHECK(after.upper > 0.1);
    CHECK(after.champion == before.champion);
    CHECK_THAT(notes_of(r), Catch::Matchers::Contains(
                                "Adjusted for a covariate that is known before each request. It removes 9"));
    CHECK_THAT(notes_of(plain.report()), !Catch::Matchers::Contains("Adjusted for a covariate"));
    // The series of values that cannot be scored comes last.
    const std::vector<std::string> series = adjusted.evidence().series;
    CHECK(series.at(series.size() - 2) == "covariate");
}

TEST_CASE("a covariate that is not finite counts as nothing and is counted")
{
    auto trial = trial_of(conversion<"click">{}, adjust_for([](const request& r) {
                              return r.user % 2 == 0 ? std::numeric_limits<double>::quiet_NaN() : 1.0;
                          }));
    for (std::uint64_t user = 0; user < 100; ++user) {
        CHECK_NOTHROW(trial(request{user, 0.0}));
    }
    const report r = trial.report();
    REQUIRE(r.counts.size() == 1);
    CHECK(r.counts[0].what == "feedback with an invalid value");
    CHECK(r.counts[0].count == 50);
    const evidence kept = trial.evidence();
    for (const double x : kept.pairs[0].series.back().challenger) {
        CHECK(std::isfinite(x));
    }
}

TEST_CASE("ratios are fed with two amounts, judged by the delta method, guarded and merged")
{
    const auto make = [] {
        return canary{model{"old", [](const request&) { return 0; }},
                      model{"new", [](const request&) { return 1; }},
                      by(&request::user),
                      hash_split{.salt = "ratio"},
                      untimed{},
                      always_valid{.units = 20'000},
                      ramp{.shares = {0.5}},
                      guardrail(ratio<"clicks per view">{}, {.min_ratio = 0.9}),
                      mean<"rating">{.per = per::observed}};
    };
    const auto feed = [](auto& trial, int from, int to, double factor) {
        for (int i = from; i < to; ++i) {
            keyed_random random{4, static_cast<std::uint64_t>(i)};
            const auto [arm, ticket] = trial.serve(request{random.below(3'000), 0.0});
            // The challenger shows more items, so that its clicks rise while their share may fall.
            const double views = static_cast<double>(1 + random.below(10)) + (arm == 1 ? 3.0 : 0.0);
            double clicks = 0.0;
            for (int v = 0; v < static_cast<int>(views); ++v) {
                clicks += random.chance(0.3 * (arm == 1 ? factor : 1.0)) ? 1.0 : 0.0;
            }
            CHECK(trial.template observe<"clicks per view">(ticket, clicks, views));
            CHECK_FALSE(trial.template observe<"clicks per view">(ticket, clicks, views));
            if (random.chance(0.3)) {
                trial.template observe<"rating">(ticket, 3.0 + random.normal());
            }
        }
    };
    auto same = make();
    feed(same, 0, 20'000, 1.0);
    const report fine = same.report();
    CHECK(fine.decision != verdict::roll_back);
    const metric_row& clicks = row_of(fine, "clicks per view (ratio)");
    CHECK(clicks.champion == Approx(0.3).margin(0.01));
    CHECK(clicks.challenger == Approx(0.3).margin(0.01));
    CHECK(clicks.estimate == Approx(1.0).margin(0.05));
    CHECK(row_of(fine, "rating").champion == Approx(3.0).margin(0.1));
    CHECK_THAT(
        notes_of(fine),
        Catch::Matchers::Contains(
            "Divided by a sum of its own instead of by exposures: clicks per view, rating (delta method by cluster)"));

    auto worse = make();
    feed(worse, 0, 20'000, 0.7);
    CHECK(worse.report().decision == verdict::roll_back);

    // Two replicas with half of the traffic each have the evidence of one with all of it, also after a snapshot.
    auto first = make();
    auto second = make();
    feed(first, 0, 10'000, 1.0);
    feed(second, 10'000, 20'000, 1.0);
    evidence both = from_snapshot<evidence>(to_snapshot(first.evidence()));
    both.merge(second.evidence());
    const evidence whole = same.evidence();
    REQUIRE(both.series == whole.series);
    CHECK(both.series == std::vector<std::string>{"exposures", "failures", "clicks per view", "rating",
                                                  "clicks per view, denominator", "rating, denominator",
                                                  "clicks per view, feedback", "clicks per view, not scored",
                                                  "rating, not scored"});
    for (std::size_t s = 0; s < both.series.size(); ++s) {
        CHECK(both.pairs[0].series[s].challenger_count == whole.pairs[0].series[s].challenger_count);
        for (std::size_t b = 0; b < bucket_count; ++b) {
            CHECK(both.pairs[0].series[s].champion[b] ==
                  Approx(whole.pairs[0].series[s].champion[b]).epsilon(1e-12));
        }
    }
}

TEST_CASE("amounts of a ratio that are no amounts are counted and not used")
{
    auto trial = trial_of(ratio<"cost per order">{.better = better::down});
    const auto served = trial.serve(request{1, 0.0});
    CHECK_FALSE(trial.observe<"cost per order">(served.ticket, 1.0, -1.0));
    CHECK_FALSE(
        trial.observe<"cost per order">(served.ticket, std::numeric_limits<double>::quiet_NaN(), 1.0));
    CHECK_FALSE(trial.observe<"cost per order">(served.ticket, 1.0, std::numeric_limits<double>::infinity()));
    CHECK(trial.observe<"cost per order">(served.ticket, 5.0, 2.0));
    CHECK(trial.observe<"cost per order">(std::uint64_t{1}, 5.0, 2.0));  // The feedback comes by unit.
    CHECK(trial.report().counts.at(0).count == 3);
}

TEST_CASE("recorded events say what metrics are adjusted for and divided by")
{
    std::vector<event> log;
    auto trial = trial_of(ratio<"clicks per view">{}, adjust_for(&request::spent_before),
                          record_with([&](const event& seen) { log.push_back(seen); }));
    const auto served = trial.serve(request{1, 2.5});
    trial.observe<"clicks per view">(served.ticket, 1.0, 4.0);
    REQUIRE(log.size() == 2);
    CHECK(log[0].covariate == 2.5);
    CHECK(log[1].value == 1.0);
    CHECK(log[1].denominator == 4.0);
}
