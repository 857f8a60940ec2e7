// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/binomial_limit.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>

#include "catch.hpp"

#include <cstdint>

using namespace joust;
using Catch::Matchers::WithinAbs;

TEST_CASE("Limits of a proportion without Boost.Math are those of Clopper and Pearson")
{
    for (const std::uint64_t n : {1U, 2U, 7U, 50U, 400U, 30'000U, 2'000'000U}) {
        for (const double share : {0.0, 0.001, 0.1, 0.5, 0.93, 1.0}) {
            const auto k = static_cast<std::uint64_t>(share * static_cast<double>(n));
            for (const double alpha : {0.05, 0.001}) {
                const stats::bounds exact = stats::clopper_pearson_interval(k, n, 2.0 * alpha);
                CHECK_THAT(stats::detail::upper_binomial_limit(k, n, alpha), WithinAbs(exact.upper, 1e-11));
                CHECK_THAT(stats::detail::lower_binomial_limit(k, n, alpha), WithinAbs(exact.lower, 1e-11));
            }
        }
    }
}
