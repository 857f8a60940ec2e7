// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/paired_proportions.hpp>

#include "stats/support.hpp"

#include <cstdint>

namespace stats = joust::stats;
using joust::status;
using stats::mcnemar_p;

// Tango's interval and the p-values are tested in mcnemar.cpp, the coin in coin.cpp; here is that this header alone,
// without exact distributions, gives the difference of two accuracies.

TEST_CASE("two classifiers on the same cases are compared by their accuracies")
{
    const auto result = stats::mcnemar(30, 12, 500);
    CHECK(result.state == status::ok);
    CHECK(result.estimate == Approx(18.0 / 500.0).epsilon(1e-15));
    CHECK(result.method == "McNemar's test, exact");
    CHECK(result.lower > 0.0);
    CHECK(result.p_value < 0.05);
    CHECK(stats::mcnemar(30, 12, 500, {.p_value = mcnemar_p::mid_p}).p_value < result.p_value);
    CHECK(stats::mcnemar(12, 30, 500).upper == Approx(-result.lower).epsilon(1e-12));
}

TEST_CASE("more cases that both get right narrow the difference but not the p-value")
{
    const auto few = stats::mcnemar(30, 12, 60);
    const auto many = stats::mcnemar(30, 12, 6000);
    CHECK(few.p_value == many.p_value);
    CHECK(many.upper - many.lower < 0.02 * (few.upper - few.lower));
}

TEST_CASE("every case discordant, none discordant and none at all are answered")
{
    const auto all = stats::mcnemar(40, 0, 40);
    CHECK(all.estimate == 1.0);
    CHECK(all.upper == 1.0);
    CHECK(all.lower > 0.8);
    CHECK(stats::mcnemar(0, 0, 40).state == status::ok);
    CHECK(stats::mcnemar(0, 0, 0).state == status::too_few);
    CHECK(stats::mcnemar(~std::uint64_t{0}, 1, 5).state == status::out_of_range);
}
