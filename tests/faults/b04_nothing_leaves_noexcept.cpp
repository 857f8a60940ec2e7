// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/kolmogorov.hpp>
#include <joust/numeric/noncentral_t.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/tests/fisher.hpp>
#include <joust/stats/tests/paired_proportions.hpp>
#include <joust/stats/tests/proportions.hpp>

#include "faults/in_child.hpp"
#include "stats/support.hpp"

#include <cmath>
#include <cstdint>

namespace stats = joust::stats;
using joust_test::corner_numbers;
using joust_test::counts;
using joust_test::probabilities;

TEST_CASE("tiny probabilities have quantiles")
{
    // I_x(3, 3) is 10 x^3 near 0.
    CHECK_THAT(stats::beta_quantile(1e-150, 3.0, 3.0), WithinRel(std::cbrt(1e-151), 1e-12));
    CHECK_THAT(stats::beta_quantile(1e-300, 3.0, 3.0), WithinRel(std::cbrt(1e-301), 1e-12));
    CHECK_THAT(1.0 - stats::beta_upper_quantile(1e-30, 3.0, 3.0), WithinRel(std::cbrt(1e-31), 1e-5));
    // P(X >= 2) of 5 is 10 p^2 near 0, and P(X <= 2) is 10 (1 - p)^3 near 1.
    const auto ends = stats::clopper_pearson_interval(2, 5, 1e-200);
    CHECK_THAT(ends.lower, WithinRel(std::sqrt(0.5e-201), 1e-12));
    CHECK(ends.upper == 1.0);
    CHECK_THAT(stats::clopper_pearson_interval(2, 5, 1e-30).upper,
               WithinAbs(1.0 - std::cbrt(0.5e-31), 1e-15));
    CHECK_THAT(stats::student_t_upper_quantile(1e-300, 3.0), WithinRel(1.0330e100, 1e-3));
}

TEST_CASE("no corner of a distribution ends the process or takes long")
{
    joust_test::in_child([](joust_test::corner_walk& walk) {
        walk.all("beta_cdf", stats::beta_cdf, probabilities, corner_numbers, corner_numbers);
        walk.all("beta_sf", stats::beta_sf, probabilities, corner_numbers, corner_numbers);
        walk.all("beta_log_cdf", stats::beta_log_cdf, probabilities, corner_numbers, corner_numbers);
        walk.all("binomial_cdf", stats::binomial_cdf, corner_numbers, corner_numbers, probabilities);
        walk.all("binomial_sf", stats::binomial_sf, corner_numbers, corner_numbers, probabilities);
        walk.all("binomial_log_cdf", stats::binomial_log_cdf, corner_numbers, corner_numbers, probabilities);
        walk.all("binomial_log_pmf", stats::binomial_log_pmf, corner_numbers, corner_numbers, probabilities);
        walk.all("f_sf", stats::f_sf, corner_numbers, corner_numbers, corner_numbers);
        walk.all("f_log_sf", stats::f_log_sf, corner_numbers, corner_numbers, corner_numbers);
        walk.all("chi_squared_sf", stats::chi_squared_sf, corner_numbers, corner_numbers);
        walk.all("chi_squared_cdf", stats::chi_squared_cdf, corner_numbers, corner_numbers);
        walk.all("chi_squared_log_sf", stats::chi_squared_log_sf, corner_numbers, corner_numbers);
        walk.all("student_t_sf", stats::student_t_sf, corner_numbers, corner_numbers);
        walk.all("student_t_log_sf", stats::student_t_log_sf, corner_numbers, corner_numbers);
        walk.all("student_t_cdf", stats::student_t_cdf, corner_numbers, corner_numbers);
        walk.all("student_t_pdf", stats::student_t_pdf, corner_numbers, corner_numbers);
        for (const double x : corner_numbers) {
            walk.call("kolmogorov_sf", stats::kolmogorov_sf, x);
            walk.call("kolmogorov_log_sf", stats::kolmogorov_log_sf, x);
            walk.call("normal_quantile", stats::normal_quantile, x);
            walk.call("normal_upper_quantile", stats::normal_upper_quantile, x);
            walk.call("log_normal_sf", stats::log_normal_sf, x);
            walk.call("log_scaled_normal_cdf", stats::log_scaled_normal_cdf, x);
        }
    });
}

TEST_CASE("no corner of a quantile ends the process or takes long, and none in the domain is missing")
{
    joust_test::in_child([](joust_test::corner_walk& walk) {
        const auto checked = [](double (*quantile)(double, double, double)) {
            return [quantile](double p, double a, double b) {
                const double x = quantile(p, a, b);
                const bool valid = p >= 0.0 && p <= 1.0 && a > 1e-30 && a < 1e17 && b > 1e-30 && b < 1e17;
                if (valid != !std::isnan(x)) {
                    _exit(4);
                }
            };
        };
        walk.all("beta_quantile", checked(stats::beta_quantile), probabilities, corner_numbers,
                 corner_numbers);
        walk.all("beta_upper_quantile", checked(stats::beta_upper_quantile), probabilities, corner_numbers,
                 corner_numbers);
        walk.all("student_t_upper_quantile", stats::student_t_upper_quantile, probabilities, corner_numbers);
        walk.all("student_t_quantile", stats::student_t_quantile, probabilities, corner_numbers);
        walk.all("clopper_pearson_interval", stats::clopper_pearson_interval, counts, counts, probabilities);
        walk.all("jeffreys_interval", stats::jeffreys_interval, counts, counts, probabilities);
        walk.all("wilson_interval", stats::wilson_interval, counts, counts, probabilities);
        walk.all("agresti_coull_interval", stats::agresti_coull_interval, counts, counts, probabilities);
    });
}

TEST_CASE("no corner of the non-central t ends the process or takes long")
{
    joust_test::in_child([](joust_test::corner_walk& walk) {
        constexpr std::array<double, 12> some{0.0,
                                              1e-300,
                                              0.01,
                                              0.5,
                                              3.0,
                                              1e4,
                                              1e13,
                                              1e300,
                                              -3.0,
                                              -1e10,
                                              joust_test::infinity,
                                              joust_test::nan};
        walk.all("noncentral_t_log_sf", stats::noncentral_t_log_sf, some, some, some);
    });
}

TEST_CASE("no corner of an exact test of a table ends the process or takes long")
{
    joust_test::in_child([](joust_test::corner_walk& walk) {
        const std::uint64_t some[] = {
            0, 1, 3, 1'001, 1'000'000'000, std::uint64_t{1} << 51U, ~std::uint64_t{0}};
        for (const std::uint64_t a : some) {
            for (const std::uint64_t b : some) {
                for (const std::uint64_t c : some) {
                    for (const std::uint64_t d : some) {
                        walk.call(
                            "fisher_exact",
                            [](auto... n) {
                                const auto r = stats::fisher_exact(n...);
                                if (r.state == joust::status::not_converged ||
                                    (r.state == joust::status::ok && std::isnan(r.estimate + r.p_value))) {
                                    _exit(4);
                                }
                            },
                            a, b, c, d);
                        for (const double alpha : {1e-300, 0.999}) {
                            walk.call(
                                "fisher_exact",
                                [=](auto... n) {
                                    const auto r = stats::fisher_exact(n..., {.alpha = alpha});
                                    if (r.state == joust::status::not_converged) {
                                        _exit(4);
                                    }
                                },
                                a, b, c, d);
                        }
                        walk.call(
                            "two_proportion_z",
                            [](auto... n) {
                                (void)stats::two_proportion_z(
                                    n..., {.interval = stats::difference_interval::miettinen_nurminen});
                            },
                            a, b, c, d);
                    }
                    walk.call("mcnemar", [](auto... n) { (void)stats::mcnemar(n...); }, a, b, c);
                }
            }
        }
    });
}
