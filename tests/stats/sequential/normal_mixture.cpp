// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/normal_mixture.hpp>

#include "stats/support.hpp"

#include <cmath>

namespace stats = joust::stats;
using joust_test::relative_error;
using stats::side;

TEST_CASE("the boundary is where the mixture's e-value reaches one over alpha")
{
    for (const side alternative : {side::two, side::greater, side::less}) {
        for (const double rho : {0.01, 1.0, 250.0}) {
            for (const double v : {0.0, 0.5, 30.0, 1e4, 1e12}) {
                for (const double alpha : {0.4, 0.05, 1e-3, 1e-12, 1e-300}) {
                    const double bound = stats::normal_mixture_bound(v, rho, alpha, alternative);
                    const double s = alternative == side::less ? -bound : bound;
                    INFO("rho " << rho << " v " << v << " alpha " << alpha);
                    CHECK(stats::normal_mixture_log_e(s, v, rho, alternative) ==
                          Approx(-std::log(alpha)).epsilon(1e-13));
                }
            }
        }
    }
}

TEST_CASE("the e-values integrate to one under the null, as e-values have to")
{
    // S is normal with variance v: integrate exp(log e) against its density by the trapezoid rule
    for (const side alternative : {side::two, side::greater, side::less}) {
        const double v = 7.0;
        const double rho = 3.0;
        const double step = 0.01;
        double sum = 0.0;
        for (double z = -60.0; z <= 60.0; z += step) {
            const double log_density = -0.5 * z * z - stats::detail::half_log_two_pi;
            sum += step *
                   std::exp(log_density + stats::normal_mixture_log_e(z * std::sqrt(v), v, rho, alternative));
        }
        CHECK(sum == Approx(1.0).epsilon(1e-11));
    }
}

TEST_CASE("a one-sided mixture equals its defining integral")
{
    // half normal with precision rho: 2 sqrt(rho / 2 pi) int_0^inf exp(l s - l^2 v / 2 - rho l^2 / 2) dl
    const double rho = 2.0;
    const double v = 5.0;
    for (const double s : {-9.0, -1.0, 0.0, 2.0, 11.0}) {
        double sum = 0.0;
        const double step = 1e-3;
        for (double l = 0.0; l < 12.0; l += step) {
            const auto f = [&](double x) { return std::exp(x * s - 0.5 * x * x * (v + rho)); };
            sum += step / 6.0 * (f(l) + 4.0 * f(l + 0.5 * step) + f(l + step));
        }
        const double expected = std::log(2.0 * std::sqrt(rho) * stats::detail::inverse_sqrt_two_pi * sum);
        CHECK(stats::normal_mixture_log_e(s, v, rho, side::greater) == Approx(expected).epsilon(1e-10));
        CHECK(stats::normal_mixture_log_e(-s, v, rho, side::less) == Approx(expected).epsilon(1e-10));
    }
}

TEST_CASE("a sum far on the wrong side costs only a logarithm, without cancellation")
{
    // 60-digit arithmetic: log(2) - log1p(1) / 2 + log(Mills(1e7 / sqrt 2)) - log(2 pi) / 2 at s = -1e7, v =
    // rho = 1
    CHECK(relative_error(stats::normal_mixture_log_e(-1e7, 1.0, 1.0, side::greater), -16.34388700360306722) <
          1e-14);
}

TEST_CASE("evidence far beyond what exp can hold stays a number")
{
    CHECK(stats::normal_mixture_log_e(1e6, 1e4, 100.0) == Approx(0.5 * 1e12 / 10100.0).epsilon(1e-6));
    CHECK(stats::always_valid_p(5000.0) == 0.0);
    CHECK(stats::always_valid_p(std::log(20.0)) == Approx(0.05).epsilon(1e-14));
    CHECK(stats::always_valid_p(-3.0) == 1.0);
}

TEST_CASE("arguments outside the domain give NaN, not a wrong bound")
{
    CHECK(std::isnan(stats::normal_mixture_log_e(1.0, -1.0, 1.0)));
    CHECK(std::isnan(stats::normal_mixture_log_e(1.0, 1.0, 0.0, side::greater)));
    CHECK(std::isnan(stats::normal_mixture_log_e(stats::not_a_number, 1.0, 1.0)));
    CHECK(std::isnan(stats::normal_mixture_bound(1.0, 1.0, 0.0)));
    CHECK(std::isnan(stats::normal_mixture_bound(1.0, -1.0, 0.05)));
    CHECK(std::isnan(stats::normal_mixture_rho(0.0, 0.05)));
    CHECK(std::isnan(stats::burn_in_rho(1.0, 0.0, 1.0)));
}

TEST_CASE("rho chosen for a variance makes the boundary tightest near it")
{
    const double rho = stats::burn_in_rho(4.0, 50.0, 2500.0);  // planned variance 200
    const auto relative = [](double r) { return stats::normal_mixture_bound(200.0, r, 0.05); };
    CHECK(relative(rho) < relative(0.8 * rho));
    CHECK(relative(rho) < relative(1.25 * rho));
    const double howard = stats::normal_mixture_rho(200.0, 0.05);
    CHECK(relative(howard) < relative(0.8 * howard));
    CHECK(relative(howard) < relative(1.25 * howard));
}

TEST_CASE("the running mixture remembers its largest evidence")
{
    stats::normal_mixture test{.rho = 2.0};
    test.update(12.0, 4.0);
    const double high = test.log_e();
    CHECK(high == stats::normal_mixture_log_e(12.0, 4.0, 2.0));
    test.update(-12.0, 4.0);
    CHECK(test.log_e() < 0.0);
    CHECK(test.max_log_e == high);
    CHECK(test.p_value() == Approx(std::exp(-high)));
    CHECK(test.bound(0.05) == stats::normal_mixture_bound(8.0, 2.0, 0.05));
}
