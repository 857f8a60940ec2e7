// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/clopper_pearson.hpp>

#include "stats/support.hpp"

#include <cmath>

namespace stats = joust::stats;

TEST_CASE("Clopper-Pearson limits are where a binomial tail is alpha / 2")
{
    for (const std::uint64_t n : {1ULL, 7ULL, 50ULL, 100000ULL}) {
        for (const double alpha : {0.3, 0.05, 1e-9}) {
            for (std::uint64_t k = 0; k <= n; k = k * 3 + 1) {
                const auto ends = stats::clopper_pearson_interval(k, n, alpha);
                const double kd = static_cast<double>(k);
                const double nd = static_cast<double>(n);
                INFO(k << " of " << n << ", alpha " << alpha);
                if (k > 0) {
                    CHECK(stats::binomial_sf(kd - 1.0, nd, ends.lower) == Approx(0.5 * alpha).epsilon(1e-10));
                } else {
                    CHECK(ends.lower == 0.0);
                }
                if (k < n) {
                    // an upper end near 1 is stored with 1e-16, not with 16 digits of its distance from 1
                    CHECK(stats::binomial_cdf(kd, nd, ends.upper) ==
                          Approx(0.5 * alpha).epsilon(alpha < 1e-6 ? 1e-6 : 1e-10));
                }
            }
            CHECK(stats::clopper_pearson_interval(n, n, alpha).upper == 1.0);
        }
    }
}

TEST_CASE("exact intervals mirror and refuse impossible counts")
{
    const auto few = stats::clopper_pearson_interval(7, 50);
    const auto many = stats::clopper_pearson_interval(43, 50);
    CHECK(many.lower == Approx(1.0 - few.upper).epsilon(1e-14));
    const auto jeffreys = stats::jeffreys_interval(7, 50);
    CHECK(jeffreys.lower > few.lower);
    CHECK(jeffreys.upper < few.upper);
    CHECK(std::isnan(stats::clopper_pearson_interval(3, 2).lower));
    CHECK(std::isnan(stats::jeffreys_interval(0, 0).lower));
    CHECK(std::isnan(stats::clopper_pearson_interval(1, 2, 1.0).upper));
}
