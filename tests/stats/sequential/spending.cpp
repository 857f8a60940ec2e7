// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/spending.hpp>

#include "stats/support.hpp"

#include <cmath>

namespace stats = joust::stats;

TEST_CASE("spending begins at 0, rises, and ends at alpha")
{
    for (const stats::spending_function& f :
         {stats::spending_function{stats::obrien_fleming{}}, stats::spending_function{stats::pocock{}},
          stats::spending_function{stats::hwang_shih_decani{-4.0}},
          stats::spending_function{stats::hwang_shih_decani{0.0}},
          stats::spending_function{stats::hwang_shih_decani{2.0}},
          stats::spending_function{stats::power_family{3.0}}}) {
        CHECK(stats::spend(f, 0.05, 0.0) == 0.0);
        CHECK(stats::spend(f, 0.05, 1.0) == 0.05);
        CHECK(stats::spend(f, 0.05, 7.0) == 0.05);
        double before = 0.0;
        for (int i = 1; i < 100; ++i) {
            const double now = stats::spend(f, 0.05, i / 100.0);
            CHECK(now >= before);
            CHECK(now < 0.05);
            before = now;
        }
        CHECK(stats::spend(f, 0.05, 1.0 - 1e-12) == Approx(0.05).epsilon(1e-10));
        CHECK(std::isnan(stats::spend(f, 1.0, 0.5)));
        CHECK(std::isnan(stats::spend(f, 0.05, -0.1)));
        CHECK(std::isnan(stats::spend(f, 0.05, stats::not_a_number)));
    }
    CHECK(std::isnan(stats::spend(stats::power_family{0.0}, 0.05, 0.5)));
    CHECK(std::isnan(stats::spend(stats::hwang_shih_decani{stats::not_a_number}, 0.05, 0.5)));
}

TEST_CASE("spending functions have their published values")
{
    CHECK(
        stats::spend(stats::obrien_fleming{}, 0.025, 0.5) ==
        Approx(2.0 * stats::normal_sf(stats::normal_upper_quantile(0.0125) * std::sqrt(2.0))).epsilon(1e-14));
    CHECK(stats::spend(stats::pocock{}, 0.05, 0.5) ==
          Approx(0.05 * std::log(1.0 + (std::exp(1.0) - 1.0) * 0.5)).epsilon(1e-14));
    CHECK(stats::spend(stats::hwang_shih_decani{-4.0}, 0.05, 0.5) ==
          Approx(0.05 * (1.0 - std::exp(2.0)) / (1.0 - std::exp(4.0))).epsilon(1e-14));
    CHECK(stats::spend(stats::hwang_shih_decani{1e-9}, 0.05, 0.3) == Approx(0.015).epsilon(1e-8));
    CHECK(stats::spend(stats::power_family{2.0}, 0.05, 0.5) == Approx(0.0125).epsilon(1e-14));
    // tiny early spending keeps its digits
    CHECK(stats::spend(stats::obrien_fleming{}, 0.025, 0.01) > 0.0);
    CHECK(stats::spend(stats::obrien_fleming{}, 0.025, 0.01) < 1e-100);
}
