// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/noncentral_t.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <limits>

namespace stats = joust::stats;
using joust_test::relative_error;

TEST_CASE("reference value of the cdf")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("nct_cdf")) {
        joust_test::check_oracle(
            row, stats::noncentral_t_cdf(row.number("t"), row.number("df"), row.number("ncp")));
        ++driven;
    }
    CHECK(driven == 1);
}

TEST_CASE("both tails against 30-digit arithmetic, in the domain where series fail")
{
    struct value {
        double t, df, ncp, cdf, sf;
    };
    for (const auto& v : {
             value{2, 38, 1.5, 0.68241789850866872276, 0.31758210149133127724},
             value{-3, 10, 2, 0.000012230169286078766703, 0.99998776983071392123},
             value{50, 20, 45, 0.70274990002208773495, 0.29725009997791226505},
             value{5, 3.5, -2, 0.99996851864727399782, 0.000031481352726002176933},
             value{0, 7, 8, 6.2209605742717841235e-16, 0.9999999999999993779},
             value{1.5, 1, 0.5, 1.0 - 0.31417297100621628187, 0.31417297100621628187},
         }) {
        INFO(v.t << " " << v.df << " " << v.ncp);
        CHECK(relative_error(stats::noncentral_t_cdf(v.t, v.df, v.ncp), v.cdf) < 2e-14);
        CHECK(relative_error(stats::noncentral_t_sf(v.t, v.df, v.ncp), v.sf) < 2e-14);
    }
    // 1.5646447325414361646e-725
    const double log_cdf = std::log(1.5646447325414361646) - 725.0 * std::log(10.0);
    CHECK(relative_error(stats::noncentral_t_log_sf(-2.0, 200.0, -60.0), log_cdf) < 1e-14);
}

TEST_CASE("without non-centrality it is Student's t")
{
    for (const double df : {0.5, 1.0, 2.5, 10.0, 300.0, 1e6}) {
        for (const double t : {-30.0, -2.0, 0.0, 0.1, 1.0, 5.0, 100.0}) {
            INFO(df << " " << t);
            CHECK(relative_error(stats::noncentral_t_sf(t, df, 0.0), stats::student_t_sf(t, df)) < 2e-13);
        }
    }
}

TEST_CASE("arguments outside the domain give NaN, infinite ones their limit")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(std::isnan(stats::noncentral_t_sf(missing, 5.0, 1.0)));
    CHECK(std::isnan(stats::noncentral_t_sf(1.0, 0.0, 1.0)));
    CHECK(std::isnan(stats::noncentral_t_sf(1.0, 5.0, infinity)));
    CHECK(stats::noncentral_t_sf(infinity, 5.0, 1.0) == 0.0);
    CHECK(stats::noncentral_t_sf(-infinity, 5.0, 1.0) == 1.0);
    CHECK(relative_error(stats::noncentral_t_sf(3.0, 1e16, 1.0), stats::normal_sf(2.0)) < 1e-14);
}
