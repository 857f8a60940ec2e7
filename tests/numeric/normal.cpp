// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/normal.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>

namespace stats = joust::stats;
using joust_test::relative_error;

// Expected values: 60-digit arithmetic (mpmath erfc, and Laplace's fraction beyond it).

TEST_CASE("the normal tail and its logarithm have 15 digits from end to end")
{
    struct row {
        double z, sf, log_sf, log_scaled;
    };
    const row rows[] = {
        {-38.0, 1.0, 0.0, 722.0},
        {-10.0, 1.0, -7.619853024160526066e-24, 50.0},
        {-3.0, 0.99865010196836990547, -0.0013508099647481937988, 4.4986491900352518062},
        {-1.0, 0.84134474606854294859, -0.17275377902344988953, 0.32724622097655011047},
        {-0.5, 0.69146246127401310364, -0.36894641528865639307, -0.24394641528865639307},
        {0.0, 0.5, -0.69314718055994530942, -0.69314718055994530942},
        {0.25, 0.40129367431707627576, -0.91306176481113505517, -0.88181176481113505517},
        {1.0, 0.15865525393145705141, -1.8410216450092635058, -1.3410216450092635058},
        {1.5, 0.066807201268858066004, -2.705944400823889807, -1.580944400823889807},
        {3.0, 0.0013498980316300945267, -6.6077262215103495433, -2.1077262215103495433},
        {5.0, 2.8665157187919391167e-7, -15.064998393988725736, -2.5649983939887257361},
        {9.75, 9.2234135249394181485e-23, -50.737711939342285036, -3.2064619393422850362},
        {10.0, 7.619853024160526066e-24, -53.231285150512470578, -3.2312851505124705783},
        {10.5, 4.3190063178092303465e-26, -58.404187061073243416, -3.2791870610732434157},
        {20.0, 2.7536241186062336951e-89, -203.91715537109726394, -3.9171553710972639368},
        {30.0, 4.9067139271481870595e-198, -454.32124395634319711, -4.3212439563431971074},
        {37.0, 5.7255712225245768227e-300, -689.0305855768905936, -4.5305855768905936009},
    };
    for (const row& r : rows) {
        INFO("z = " << r.z);
        CHECK(relative_error(stats::normal_sf(r.z), r.sf) < 1e-15);
        CHECK(relative_error(stats::normal_cdf(-r.z), r.sf) < 1e-15);
        CHECK(relative_error(stats::log_normal_sf(r.z), r.log_sf) < 2e-15);
        CHECK(relative_error(stats::log_normal_cdf(-r.z), r.log_sf) < 2e-15);
        CHECK(relative_error(stats::log_scaled_normal_cdf(-r.z), r.log_scaled) < 2e-15);
    }
}

TEST_CASE("the logarithm of the normal tail is known where the tail is too small for a double")
{
    struct row {
        double z, log_sf;
    };
    const row rows[] = {
        {38.0, -726.5572160188201301},
        {40.0, -804.60844201375378817},
        {100.0, -5005.5242086942050886},
        {100000.0, -5000000012.4318639983},
    };
    for (const row& r : rows) {
        CHECK(relative_error(stats::log_normal_sf(r.z), r.log_sf) < 2e-15);
    }
    CHECK(stats::normal_sf(40.0) == 0.0);
    CHECK(stats::log_normal_sf(1e300) == -std::numeric_limits<double>::infinity());
    CHECK(stats::log_normal_sf(-1e300) == 0.0);
}

TEST_CASE("the scaled cdf keeps its digits where its factors overflow")
{
    // log(Mills' ratio / sqrt(2 pi)) tends to -log(z sqrt(2 pi)) with a relative correction of 1 / z^2
    const double z = 1e8;
    CHECK(relative_error(stats::log_scaled_normal_cdf(-z), -std::log(z) - stats::detail::half_log_two_pi) <
          1e-15);
}

TEST_CASE("the normal quantile has 15 digits down to the smallest double")
{
    struct row {
        double q, z;
    };
    const row rows[] = {
        {5e-324, 38.467405617144346251}, {1e-300, 37.047096299361199237}, {1e-100, 21.273453560965324294},
        {1e-16, 8.2220822161304356152},  {1e-10, 6.3613409024040561991},  {1e-05, 4.2648907939228246102},
        {0.001, 3.0902323061678135354},  {0.025, 1.9599639845400542118},  {0.05, 1.644853626951472688},
        {0.07, 1.4757910281791706856},   {0.08, 1.4050715603096325447},   {0.2, 0.84162123357291416552},
        {0.3, 0.52440051270804081597},   {0.45, 0.12566134685507400616},  {0.49, 0.025068908258711058033},
    };
    for (const row& r : rows) {
        INFO("q = " << r.q);
        CHECK(relative_error(stats::normal_upper_quantile(r.q), r.z) < 1e-15);
        CHECK(relative_error(stats::normal_quantile(r.q), -r.z) < 1e-15);
        CHECK(stats::normal_quantile(r.q) == -stats::normal_upper_quantile(r.q));
    }
    CHECK(stats::normal_quantile(0.5) == 0.0);
}

TEST_CASE("the normal quantile inverts the cdf")
{
    for (double p = 0.0005; p < 1.0; p += 0.0005) {
        // near p = 0.0005 an ulp of z already moves the cdf by 12 ulps
        CHECK(relative_error(stats::normal_cdf(stats::normal_quantile(p)), p) < 2.5e-15);
    }
}

TEST_CASE("a probability outside 0 to 1 has no quantile, its ends have infinite ones")
{
    CHECK(std::isnan(stats::normal_quantile(-0.1)));
    CHECK(std::isnan(stats::normal_quantile(1.1)));
    CHECK(std::isnan(stats::normal_quantile(stats::not_a_number)));
    CHECK(stats::normal_quantile(0.0) == -std::numeric_limits<double>::infinity());
    CHECK(stats::normal_quantile(1.0) == std::numeric_limits<double>::infinity());
}
