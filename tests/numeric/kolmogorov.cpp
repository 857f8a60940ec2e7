// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/kolmogorov.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace stats = joust::stats;

TEST_CASE("the reference rows of Kolmogorov's limit law")
{
    CHECK(joust_test::hold_to_rows("ks_limit", [](const joust_test::oracle_row& row) {
              return stats::kolmogorov_sf(std::stod(row.field.substr(3)));
          }) == 5);
}

TEST_CASE("both series of the limit law agree where they meet, and its tail goes on as a logarithm")
{
    double last = 1.0;
    for (double x = 0.05; x < 3.0; x += 0.01) {
        const double p = stats::kolmogorov_sf(x);
        CHECK(p <= last);
        CHECK(std::exp(stats::kolmogorov_log_sf(x)) == Approx(p).epsilon(1e-13));
        double series = 0.0;  // the alternating one, where it is precise
        for (int k = 100; k >= 1; --k) {
            series += (k % 2 == 1 ? 2.0 : -2.0) * std::exp(-2.0 * x * x * k * k);
        }
        if (x > 0.3) {
            CHECK(p == Approx(series).epsilon(1e-13));
        }
        last = p;
    }
    CHECK(stats::kolmogorov_sf(40.0) == 0.0);
    CHECK(stats::kolmogorov_log_sf(40.0) == Approx(std::log(2.0) - 3200.0).epsilon(1e-15));
    CHECK(stats::kolmogorov_sf(18.0) == Approx(2.0 * std::exp(-648.0)).epsilon(1e-12));
    CHECK(stats::kolmogorov_sf(0.0) == 1.0);
    CHECK(stats::kolmogorov_sf(-1.0) == 1.0);
    CHECK(std::isnan(stats::kolmogorov_sf(std::nan(""))));
}

TEST_CASE("the law of one sample: closed forms at the ends, and the matrix agrees with the sum")
{
    for (const std::size_t n : {1U, 2U, 5U, 10U}) {
        const double size = static_cast<double>(n);
        // d = 1/n (1/2 + t/2): P(D < d) = n! (t / n)^n for 0 < t <= 1
        for (const double t : {0.3, 0.9, 1.0}) {
            const double want = std::tgamma(size + 1.0) * std::pow(t / size, size);
            const double got = stats::detail::two_sided_smirnov_cdf(n, (0.5 + 0.5 * t) / size);
            CHECK(got == Approx(want).epsilon(1e-13));
        }
        // d above 1 - 1/n: 2 (1 - d)^n
        const double d = 1.0 - 0.5 / size;
        if (n > 1) {
            CHECK(stats::detail::two_sided_smirnov(n, d).p ==
                  Approx(2.0 * std::pow(1.0 - d, size)).epsilon(1e-13));
        }
    }
    for (const std::size_t n : {20U, 100U, 400U}) {
        const double d = std::sqrt(4.79 / static_cast<double>(n));
        if (d < 0.5) {
            // nowhere else do the two ways meet so closely
            const double matrix = 1.0 - stats::detail::two_sided_smirnov_cdf(n, d);
            const double sum = 2.0 * stats::detail::one_sided_smirnov(static_cast<double>(n), d).p;
            CHECK(matrix == Approx(sum).epsilon(1e-9));
        }
    }
    // published values: Marsaglia, Tsang and Wang 2003
    CHECK(stats::detail::two_sided_smirnov_cdf(10, 0.274) == Approx(0.6284796154565).epsilon(1e-12));
    // close to the limit at large n
    CHECK(stats::detail::two_sided_smirnov(2000, 1.2 / std::sqrt(2000.0)).p ==
          Approx(stats::kolmogorov_sf(1.2)).epsilon(0.04));
}
