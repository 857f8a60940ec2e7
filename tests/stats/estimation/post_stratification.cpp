// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/post_stratification.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

TEST_CASE("one stratum is Welch's test")
{
    const stats::sample_summary x{20, 3.0, 4.0}, y{30, 2.0, 9.0};
    const stats::stratum one[] = {{x, y}};
    const auto r = stats::post_stratified(one);
    const auto welch = stats::welch_t(x, y);
    CHECK(relative_error(r.statistic, welch.statistic) < 1e-14);
    CHECK(relative_error(r.df, welch.df) < 1e-14);
    CHECK(relative_error(r.p_value, welch.p_value) < 1e-13);
    CHECK(std::fabs(r.variance_reduction) < 1e-14);
}

TEST_CASE("weights by hand, given and from the units seen")
{
    const stats::stratum strata[] = {{{10, 5.0, 1.0}, {30, 4.0, 2.0}}, {{50, 1.0, 1.0}, {10, 3.0, 1.0}}};
    const auto seen = stats::post_stratified(strata);
    CHECK(relative_error(seen.estimate, 0.4 * 1.0 - 0.6 * 2.0) < 1e-14);
    CHECK(relative_error(seen.standard_error,
                         std::sqrt(0.16 * (1.0 / 10 + 2.0 / 30) + 0.36 * (1.0 / 50 + 1.0 / 10))) < 1e-14);
    stats::stratum given[] = {strata[0], strata[1]};
    given[0].weight = 3.0;
    given[1].weight = 1.0;
    CHECK(relative_error(stats::post_stratified(given).estimate, 0.75 * 1.0 - 0.25 * 2.0) < 1e-14);
    // Simpson: the pooled difference has the wrong size
    CHECK(relative_error(seen.unadjusted, (10 * 5.0 + 50 * 1.0) / 60 - (30 * 4.0 + 10 * 3.0) / 40) < 1e-14);
}

TEST_CASE("strata that explain the outcome shrink the interval, which still covers")
{
    joust_test::engine random{79};
    int covered = 0;
    double reduction = 0.0;
    constexpr int runs = 2000;
    for (int run = 0; run < runs; ++run) {
        stats::moments arm[3][2];
        for (int i = 0; i < 120; ++i) {
            const std::size_t s = static_cast<std::size_t>(3.0 * random.uniform());
            const std::size_t a = random.coin(0.5) ? 1 : 0;
            arm[s][a].add(2.0 * static_cast<double>(s) + random.bell());
        }
        stats::stratum strata[3];
        for (std::size_t s = 0; s < 3; ++s) {
            strata[s] = {arm[s][0].summary(), arm[s][1].summary()};
        }
        const auto r = stats::post_stratified(strata);
        covered += r.lower <= 0.0 && r.upper >= 0.0 ? 1 : 0;
        reduction += r.variance_reduction / runs;
    }
    CHECK(covered >= 1868);
    CHECK(covered <= 1931);
    CHECK(reduction > 0.6);  // strata explain 8/3 of 11/3
}

TEST_CASE("post stratification: edge cases give a status")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    CHECK(stats::post_stratified({}).state == status::too_few);
    const stats::stratum thin[] = {{{1, 5.0, 0.0}, {30, 4.0, 2.0}}, {{50, 1.0, 1.0}, {19, 3.0, 1.0}}};
    const auto r = stats::post_stratified(thin);
    CHECK(r.state == status::ok);
    CHECK(r.strata == 1);
    CHECK(r.left_out == 0.31);
    const stats::stratum only_thin[] = {{{1, 5.0, 0.0}, {30, 4.0, 2.0}}};
    CHECK(stats::post_stratified(only_thin).state == status::too_few);
    const stats::stratum mixed[] = {{{5, 5.0, 1.0}, {30, 4.0, 2.0}, 1.0}, {{50, 1.0, 1.0}, {19, 3.0, 1.0}}};
    CHECK(stats::post_stratified(mixed).state == status::out_of_range);
    const stats::stratum negative[] = {{{5, 5.0, 1.0}, {30, 4.0, 2.0}, -1.0}};
    CHECK(stats::post_stratified(negative).state == status::out_of_range);
    const stats::stratum bad[] = {{{5, missing, 1.0}, {30, 4.0, 2.0}}};
    CHECK(stats::post_stratified(bad).state == status::out_of_range);
    const stats::stratum flat[] = {{{5, 1.0, 0.0}, {30, 4.0, 0.0}}};
    CHECK(stats::post_stratified(flat).state == status::zero_variance);
    CHECK(std::isnan(stats::post_stratified(flat).p_value));
}
