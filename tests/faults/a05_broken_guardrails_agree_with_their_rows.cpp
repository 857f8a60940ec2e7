// SPDX-License-Identifier: Apache-2.0

// The row of a guardrail that a verdict calls broken does not say that its margin is not settled.

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>

using namespace joust;

namespace {

/// Count the tests that break their guardrail, and check that their rows say so.
template <class Policy>
int broken(const Policy& policy, const margin& limit)
{
    int count = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        ab_test live{model{"old", [](int) { return 1; }},
                     model{"new", [](int) { return 2; }},
                     by([](int i) { return i; }),
                     hash_split{.salt = "rows-" + std::to_string(seed), .shares = {0.5, 0.5}},
                     conversion<"click">{},
                     guardrail(conversion<"error">{.better = better::down}, limit),
                     policy};
        keyed_random random{seed};
        for (int i = 0; i < 2'000; ++i) {
            const auto got = live.serve(i);
            live.template observe<"click">(got.ticket, random.coin());
            live.template observe<"error">(got.ticket,
                                           random.uniform() < (got.prediction == 2 ? 0.16 : 0.10));
        }
        const report r = live.report();
        const bool says_so = r.reason.find("breaks the guardrail") != std::string::npos;
        count += says_so ? 1 : 0;
        for (const metric_row& row : r.metrics) {
            if (row.metric.find("error") == 0) {
                CAPTURE(r.reason, row.method, row.estimate, row.lower, row.upper, row.margin, row.level);
                CHECK((standing_of(row) == standing::beyond_margin) == says_so);
            }
        }
    }
    return count;
}

}  // namespace

TEST_CASE("a guardrail that a one-sided test breaks is shown beyond its margin")
{
    for (const margin& limit : {margin{.max_increase = 0.03}, margin{.max_ratio = 1.25}}) {
        CHECK(broken(fixed_horizon{.units = 2'000}, limit) > 0);
        CHECK(broken(group_sequential{.units = 2'000}, limit) > 0);
        CHECK(broken(bayesian{.units = 2'000}, limit) > 0);
    }
}
