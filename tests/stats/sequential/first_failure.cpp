// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/first_failure.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>

namespace stats = joust::stats;

TEST_CASE("one challenger failure at one per cent weighs 8.0, two weigh 129")
{
    stats::first_failure test;
    REQUIRE(test.add(true, 0.01));
    CHECK(std::exp(test.log_e()) == Approx(8.0).epsilon(0.006));
    // the mean of R / (0.99 + 0.01 R) over R = 1.5, 2, 4, 10, 30
    CHECK(std::exp(test.log_e()) ==
          Approx((1.5 / 1.005 + 2.0 / 1.01 + 4.0 / 1.03 + 10.0 / 1.09 + 30.0 / 1.29) / 5.0).epsilon(1e-14));
    REQUIRE(test.add(true, 0.01));
    CHECK(std::exp(test.log_e()) == Approx(129.0).epsilon(0.003));
    CHECK(test.challenger_failures() == 2);
    CHECK(test.champion_failures() == 0);
    CHECK(test.expected_challenger_failures() == Approx(0.02));
}

TEST_CASE("over every path of failures the expected e-value is exactly one at the null")
{
    const double shares[] = {0.01, 0.01, 0.05, 0.05, 0.25, 0.25, 0.5, 0.5, 0.5, 0.9, 0.3, 0.02};
    for (const double ratio : {0.5, 1.0, 1.1, 2.0}) {
        double expectation = 0.0;
        double below = 0.0;  // a challenger that is better than the null allows
        for (unsigned path = 0; path < 4096; ++path) {
            stats::first_failure test{{.null_ratio = ratio}};
            double probability = 1.0;
            double better = 1.0;
            for (unsigned i = 0; i < 12; ++i) {
                const bool challenger = ((path >> i) & 1U) != 0;
                const double s = shares[i];
                const double p = s * ratio / (s * ratio + 1.0 - s);
                const double q = s * 0.7 * ratio / (s * 0.7 * ratio + 1.0 - s);
                probability *= challenger ? p : 1.0 - p;
                better *= challenger ? q : 1.0 - q;
                REQUIRE(test.add(challenger, s));
            }
            expectation += probability * std::exp(test.log_e());
            below += better * std::exp(test.log_e());
        }
        CHECK(expectation == Approx(1.0).epsilon(1e-12));
        CHECK(below < 1.0);
    }
}

TEST_CASE("evidence of two replicas is the evidence of all failures")
{
    stats::first_failure left, right, both;
    joust_test::engine random{7};
    for (int i = 0; i < 400; ++i) {
        const double s = 0.02 + 0.5 * random.uniform();
        const bool challenger = random.coin(s * 1.5 / (1.0 + 0.5 * s));
        (random.coin(0.5) ? left : right).add(challenger, s);
        both.add(challenger, s);
    }
    REQUIRE(left.merge(right));
    CHECK(left.log_e() == Approx(both.log_e()).epsilon(1e-12));
    CHECK(left.challenger_failures() == both.challenger_failures());
    CHECK(left.champion_failures() == both.champion_failures());
    stats::first_failure other{{.null_ratio = 2.0}};
    const stats::first_failure before = left;
    CHECK_FALSE(left.merge(other));
    CHECK(left == before);
}

TEST_CASE("a request without a choice, or with a nonsense propensity, is refused")
{
    stats::first_failure test;
    for (const double s : {0.0, 1.0, -0.1, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_FALSE(test.add(true, s));
    }
    CHECK(test == stats::first_failure{});
    CHECK(test.log_e() == 0.0);
}

TEST_CASE("champion failures count against the alternatives, and evidence stays finite after millions")
{
    stats::first_failure test;
    test.add(false, 0.5);
    CHECK(test.log_e() < 0.0);
    for (int i = 0; i < 100000; ++i) {
        test.add(true, 0.5);
    }
    CHECK(std::isfinite(test.log_e()));
    CHECK(test.log_e() > 50000.0);
}

TEST_CASE("alternatives can be chosen, useless ones are left out")
{
    stats::first_failure test{{.null_ratio = 1.0, .alternatives = {3.0, 0.5, 1.0}}};
    test.add(true, 0.25);
    CHECK(std::exp(test.log_e()) == Approx(3.0 / (0.75 + 0.75)).epsilon(1e-14));
    stats::first_failure none{{.null_ratio = -1.0}};
    none.add(true, 0.25);
    CHECK(none.log_e() == 0.0);
}
