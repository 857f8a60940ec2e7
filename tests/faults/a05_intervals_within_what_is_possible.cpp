// SPDX-License-Identifier: Apache-2.0

// No interval of a report reaches beyond what the quantity can be.

#include <joust/core/clock.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/report/report.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/gate.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <string>

using namespace joust;

namespace {

void check_possible(const report& r)
{
    for (const metric_row& row : r.metrics) {
        CAPTURE(r.kind, row.metric, row.method, row.estimate, row.lower, row.upper);
        const auto within = [&](double least, double most) {
            CHECK((!std::isfinite(row.lower) || row.lower >= least));
            CHECK((!std::isfinite(row.upper) || row.upper <= most));
        };
        if (row.metric == "sample ratio") {
            within(-1.0, 1e300);
        } else if (row.metric == "agreement") {
            within(-1.0, 0.0);
        } else if (row.reference == 1.0) {
            within(0.0, 1e300);
        } else if (row.unit == "%") {
            within(row.reference == 0.5 ? 0.0 : -1.0, 1.0);
        }
    }
}

}  // namespace

TEST_CASE("a shadow's agreement, accuracy and failures stay within 100 points")
{
    for (const int requests : {40, 60, 200}) {
        for (const int every : {2, 3, 20}) {
            shadow beside{model{"old", [](int) { return 1; }},
                          model{"new", [every](int i) { return i % every == 0 ? 0 : 1; }},
                          by([](int i) { return i; }), inline_run{}, always_valid{.units = 1e6}};
            for (int i = 0; i < requests; ++i) {
                const auto got = beside.serve(i);
                beside.truth(got.ticket, 1);
            }
            check_possible(beside.report());
        }
    }
}

TEST_CASE("a test's differences of conversions, ratios and sample ratio stay within what is possible")
{
    for (const int requests : {80, 150, 400}) {
        for (const double units : {100.0, 1e6}) {
            ab_test live{model{"old", [](int) { return 1; }},
                         model{"new", [](int) { return 2; }},
                         by([](int i) { return i; }),
                         hash_split{.salt = "possible", .shares = {0.5, 0.5}},
                         conversion<"click">{},
                         guardrail(conversion<"read">{}, {.min_ratio = 0.5}),
                         always_valid{.units = units}};
            for (int i = 0; i < requests; ++i) {
                const auto got = live.serve(i);
                live.observe<"click">(got.ticket, got.prediction == 2);
                live.observe<"read">(got.ticket, i % 2 == 0);
            }
            const report r = live.report();
            check_possible(r);
        }
    }
}

TEST_CASE("a gate by an inference policy stays within 100 points")
{
    std::vector<int> rows;
    for (int i = 0; i < 60; ++i) {
        rows.push_back(i);
    }
    const auto decide = [&](auto policy, margin limit) {
        gate check{model{"old", [](int) { return 1.0; }},
                   model{"new", [](int i) { return i % 3 == 0 ? 0.0 : 1.0; }},
                   guardrail(conversion<"right">{}, limit), policy};
        check_possible(check.run(rows, [](int, double value) { return value; }));
    };
    for (const margin& limit : {margin{.max_decrease = 0.1}, margin{.min_ratio = 0.5}}) {
        decide(always_valid{.units = 1e6}, limit);
        decide(fixed_horizon{.units = 60}, limit);
        decide(bayesian{.units = 60}, limit);
    }
}
