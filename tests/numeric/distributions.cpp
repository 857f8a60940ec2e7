// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/distributions.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>

namespace stats = joust::stats;
using joust_test::engine;
using joust_test::relative_error;

// Expected logarithms and quantiles: 40-digit arithmetic (mpmath), continued fractions evaluated to 1e-30.

TEST_CASE("Student's tail and its logarithm hold from the centre to far beyond the smallest double")
{
    struct row {
        double t, df, log_sf;
    };
    const row rows[] = {
        {0.001, 5.0, -0.69390668213606476892},
        {2.0, 3.0, -2.6640861743156114582},
        {50.0, 2.5, -10.110450827765660984},
        {8.0, 10000.0, -34.908304391644012876},
        {9.0, 1000000.0, -43.626468681027563019},
        {40.0, 1000000.0, -803.96832475034200031},
        {36.0, 10000000.0, -652.46117605046165636},
        {122.47, 149.957, -349.47152967041019835},
        {5.0, 1.5, -3.4207507954109206082},
        {100000.0, 3.7, -41.817318759058757212},
        {10000000000.0, 30.0, -642.38543618949129792},
        {1.96, 1000000.0, -3.6889581055014797819},
        {3.0, 10000000.0, -6.607723759187777042},
        {38.0, 2000.0, -547.77200313332369923},
        {10000.0, 200.0, -1315.8058839614053836},
        {1e+160, 2.0, -737.52037693865456421},
        {60.0, 500000.0, -1798.5609110776741567},
        {100.0, 10000.0, -3470.913562883671597},
    };
    double worst = 0.0;
    for (const row& r : rows) {
        INFO("t = " << r.t << ", df = " << r.df);
        worst = std::max(worst, relative_error(stats::student_t_log_sf(r.t, r.df), r.log_sf));
        CHECK(relative_error(stats::student_t_log_sf(r.t, r.df), r.log_sf) < 1e-14);
        if (r.log_sf > -690.0) {
            // exp loses |log| ulps, so the tail is compared on the log scale with that allowance
            CHECK(std::log(stats::student_t_sf(r.t, r.df)) == Approx(r.log_sf).epsilon(0.0).margin(1e-13));
            CHECK(stats::student_t_cdf(-r.t, r.df) == stats::student_t_sf(r.t, r.df));
        }
        CHECK(stats::student_t_log_sf(-r.t, r.df) == Approx(std::log1p(-std::exp(r.log_sf))).margin(1e-15));
    }
    std::cout << "student_t_log_sf: largest relative error " << worst << "\n";
    CHECK(stats::student_t_sf(2.0, std::numeric_limits<double>::infinity()) == stats::normal_sf(2.0));
    CHECK(stats::student_t_sf(0.0, 3.0) == 0.5);
    CHECK(stats::student_t_sf(std::numeric_limits<double>::infinity(), 3.0) == 0.0);
    CHECK(std::isfinite(stats::student_t_log_sf(1e300, 1.5)));
}

TEST_CASE("Student's quantiles have 14 digits")
{
    struct row {
        double q, df, t;
    };
    const row rows[] = {
        {0.025, 1.0, 12.706204736174703938},      {0.005, 1000.0, 2.5807546980659510721},
        {0.025, 16.999, 2.109825032414830736},    {0.4, 3.3, 0.27450197422105695173},
        {0.3, 100000.0, 0.52440218423354574046},  {1e-10, 5.0, 156.82559270889431634},
        {1e-300, 30.0, 50178575360.505080714},    {1e-100, 1.2, 8.6620109175065259624e+82},
        {0.001, 100000.0, 3.0903138094272376076}, {0.25, 0.5, 1.5537739740300373073},
        {0.49, 7.0, 0.025977941569516889794},     {1e-16, 149.957, 9.2604003671536265671},
        {0.2500001, 8.0, 0.70638627311884088929},
    };
    for (const row& r : rows) {
        INFO("q = " << r.q << ", df = " << r.df);
        CHECK(relative_error(stats::student_t_upper_quantile(r.q, r.df), r.t) < 1e-14);
        CHECK(stats::student_t_quantile(r.q, r.df) == -stats::student_t_upper_quantile(r.q, r.df));
    }
    CHECK(stats::student_t_upper_quantile(0.5, 3.0) == 0.0);
    CHECK(std::isinf(stats::student_t_upper_quantile(0.0, 3.0)));
    CHECK(relative_error(stats::student_t_upper_quantile(0.025, 1e12), stats::normal_upper_quantile(0.025)) <
          1e-11);
}

TEST_CASE("the chi-squared tail and its logarithm have 14 digits")
{
    struct row {
        double x, df, log_sf;
    };
    const row rows[] = {
        {3.84, 1.0, -2.9948622271800272845},           {1000.0, 3.0, -496.77091520883994846},
        {0.5, 2.7, -0.11772541639627080522},           {1500.0, 10.0, -726.69242056615357781},
        {3000.0, 100.5, -1285.3324064548413379},       {100000.0, 7.0, -49974.151477891071385},
        {2000000.0, 1000000.0, -153433.8898444158868}, {1100000.0, 1000000.0, -2350.0878530166719505},
        {10.0, 20.0, -0.032345580729534871031},        {400.0, 400.0, -0.71213311417597681987},
        {0.001, 0.5, -0.1802753526204335828},
    };
    for (const row& r : rows) {
        INFO("x = " << r.x << ", df = " << r.df);
        CHECK(stats::chi_squared_log_sf(r.x, r.df) == Approx(r.log_sf).epsilon(2e-14).margin(1e-15));
        if (r.log_sf > -690.0) {
            CHECK(std::log(stats::chi_squared_sf(r.x, r.df)) == Approx(r.log_sf).epsilon(0.0).margin(2e-13));
            CHECK(stats::chi_squared_cdf(r.x, r.df) == Approx(-std::expm1(r.log_sf)).epsilon(1e-13));
        }
    }
    CHECK(stats::chi_squared_sf(-1.0, 3.0) == 1.0);
    CHECK(stats::chi_squared_cdf(-1.0, 3.0) == 0.0);
}

TEST_CASE("the beta distribution's tails have 13 digits and its quantiles 14")
{
    struct row {
        double x, a, b, log_cdf;
    };
    const row rows[] = {
        {0.3, 2.0, 3.0, -1.0546911016101816032},     {0.999, 100000.0, 50.0, -18.29517834162234186},
        {0.5, 700.0, 2.0, -479.34224016849585078},   {0.5, 1500.0, 300.0, -441.21141993089593328},
        {0.01, 400.0, 3.0, -1830.7908583524783266},  {0.5, 100000.0, 90000.0, -267.33469300237493825},
        {0.25, 3000.0, 5.0, -4131.1826191956833072}, {1e-05, 60.0, 10000.0, -326.70497901474926495},
        {0.9, 3.5, 0.2, -1.7597547167556862708},
    };
    for (const row& r : rows) {
        INFO("x = " << r.x << ", a = " << r.a << ", b = " << r.b);
        CHECK(relative_error(stats::beta_log_cdf(r.x, r.a, r.b), r.log_cdf) < 2e-13);
        if (r.log_cdf > -690.0) {
            CHECK(std::log(stats::beta_cdf(r.x, r.a, r.b)) == Approx(r.log_cdf).epsilon(0.0).margin(3e-13));
        }
        CHECK(stats::beta_sf(r.x, r.a, r.b) == Approx(-std::expm1(r.log_cdf)).epsilon(1e-13));
    }
    struct quantile_row {
        double p, a, b, x;
    };
    const quantile_row quantiles[] = {
        {0.025, 7.0, 44.0, 0.058191700340372085537},   {0.975, 8.0, 43.0, 0.2673960024970084121},
        {0.025, 1.0, 50.0, 0.00050622798304082909079}, {0.5, 2.5, 3.5, 0.40684494089319389373},
        {1e-10, 20.0, 30.0, 0.074788384796637672251},  {0.975, 1204.0, 98798.0, 0.012724911829049642656},
        {0.025, 0.5, 50.5, 9.7716633018040486021e-6},
    };
    for (const quantile_row& r : quantiles) {
        INFO("p = " << r.p << ", a = " << r.a << ", b = " << r.b);
        CHECK(relative_error(stats::beta_quantile(r.p, r.a, r.b), r.x) < 1e-14);
        CHECK(relative_error(stats::beta_upper_quantile(1.0 - r.p, r.a, r.b), r.x) <
              (r.p > 1e-9 ? 1e-14 : 1e-6));
    }
    CHECK(1.0 - stats::beta_upper_quantile(1e-12, 30.0, 20.0) ==
          Approx(stats::beta_quantile(1e-12, 20.0, 30.0)).epsilon(1e-13));
}

TEST_CASE("binomial tails and probabilities are exact to 2e-13 relative")
{
    struct row {
        double k, n, p, log_cdf, log_pmf;
    };
    const row rows[] = {
        {59.0, 180.0, 0.5, -13.019254310010194149, -13.660386807740254915},
        {5.0, 10.0, 0.5, -0.47313352225466321351, -1.4020427180880297874},
        {100.0, 2000.0, 0.5, -992.40658132571321478, -992.46058693068848243},
        {1000.0, 10000.0, 0.5, -3684.8445400592874781, -3684.9622918590940077},
        {0.0, 3000.0, 0.5, -2079.4415416798359283, -2079.4415416798359283},
        {0.0, 50.0, 0.3, -17.833747196936618153, -17.833747196936618153},
        {400000.0, 1000000.0, 0.5, -20141.528094297161096, -20142.626686587129046},
        {499000.0, 1000000.0, 0.5, -3.7808127449926756108, -9.1335462149596644836},
        {3.0, 1000.0, 0.01, -4.5979309752174321732, -4.9071915391911115668},
        {20.0, 100000.0, 0.001, -50.044217302148676355, -50.26413621618537342},
    };
    for (const row& r : rows) {
        INFO("k = " << r.k << ", n = " << r.n << ", p = " << r.p);
        CHECK(stats::binomial_log_cdf(r.k, r.n, r.p) == Approx(r.log_cdf).epsilon(1e-14).margin(2e-13));
        CHECK(relative_error(stats::binomial_log_pmf(r.k, r.n, r.p), r.log_pmf) < 1e-14);
        if (r.log_cdf > -690.0) {
            CHECK(std::log(stats::binomial_cdf(r.k, r.n, r.p)) ==
                  Approx(r.log_cdf).epsilon(0.0).margin(2e-13));
            CHECK(stats::binomial_cdf(r.k, r.n, r.p) + stats::binomial_sf(r.k, r.n, r.p) ==
                  Approx(1.0).epsilon(1e-15));
        }
    }
    CHECK(stats::binomial_cdf(-1.0, 5.0, 0.5) == 0.0);
    CHECK(stats::binomial_cdf(5.0, 5.0, 0.5) == 1.0);
    CHECK(stats::binomial_sf(4.0, 5.0, 0.5) == Approx(1.0 / 32.0).epsilon(1e-15));
}

TEST_CASE("Fisher's F has 14 digits on the log scale")
{
    struct row {
        double x, d1, d2, log_sf;
    };
    const row rows[] = {
        {3.5, 2.0, 10.0, -2.6531412553108519812},      {100.0, 5.0, 200.0, -119.1333720614310128},
        {2000.0, 3.0, 1000.0, -969.80314778777607082}, {1.01, 100000.0, 1000000.0, -4.0882059636011173444},
        {50.0, 7.5, 33.3, -35.413836498229611773},     {5000.0, 12.0, 500.0, -1176.109586817657429},
    };
    for (const row& r : rows) {
        INFO("x = " << r.x << ", d1 = " << r.d1 << ", d2 = " << r.d2);
        CHECK(relative_error(stats::f_log_sf(r.x, r.d1, r.d2), r.log_sf) < 2e-13);
        if (r.log_sf > -690.0) {
            CHECK(std::log(stats::f_sf(r.x, r.d1, r.d2)) == Approx(r.log_sf).epsilon(2e-13));
        }
    }
    // F with one numerator degree is a squared t
    CHECK(stats::f_sf(2.5 * 2.5, 1.0, 17.3) == Approx(2.0 * stats::student_t_sf(2.5, 17.3)).epsilon(1e-14));
}

TEST_CASE("the two methods for a tail agree where one replaces the other")
{
    engine random{17};
    for (int i = 0; i < 300; ++i) {
        const double df = std::exp(14.0 * random.uniform());
        const double q = std::exp(-640.0 * random.uniform() - 1.0);
        const double t = stats::student_t_upper_quantile(q, df);
        INFO("q = " << q << ", df = " << df);
        CHECK(std::log(stats::student_t_sf(t, df)) == Approx(std::log(q)).epsilon(1e-13));
        const double ratio = t / std::sqrt(df);
        const double x = 1.0 / (1.0 + ratio * ratio);
        if (x > 1e-200 && x < (0.5 * df + 1.0) / (0.5 * df + 2.5)) {
            CHECK(stats::detail::log_incomplete_beta_tail(0.5 * df, 0.5, x, ratio * ratio * x) ==
                  Approx(std::log(2.0 * q)).epsilon(1e-12));
        }
    }
}

TEST_CASE("arguments outside a domain give NaN and nothing throws")
{
    const double bad = stats::not_a_number;
    const double inf = std::numeric_limits<double>::infinity();
    const double values[] = {bad, -inf, -3.0, -1e-300, 0.0, 1e-310, 1e-9, 0.3, 1.0, 7.5, 1e5, 1e300, inf};
    for (const double a : values) {
        for (const double b : values) {
            CHECK_NOTHROW(stats::student_t_log_sf(a, b));
            CHECK_NOTHROW(stats::student_t_upper_quantile(a, b));
            CHECK_NOTHROW(stats::chi_squared_log_sf(a, b));
            CHECK_NOTHROW(stats::student_t_pdf(a, b));
            for (const double c : values) {
                CHECK_NOTHROW(stats::beta_cdf(a, b, c));
                CHECK_NOTHROW(stats::beta_log_cdf(a, b, c));
                CHECK_NOTHROW(stats::f_log_sf(a, b, c));
                CHECK_NOTHROW(stats::binomial_log_cdf(a, b, c));
                CHECK_NOTHROW(stats::binomial_log_pmf(a, b, c));
            }
        }
    }
    for (const double p : {bad, -0.1, 1.1}) {
        CHECK(std::isnan(stats::beta_quantile(p, 2.0, 3.0)));
        CHECK(std::isnan(stats::student_t_upper_quantile(p, 2.0)));
    }
    CHECK(std::isnan(stats::beta_quantile(0.5, -2.0, 3.0)));
    CHECK(std::isnan(stats::student_t_sf(1.0, 0.0)));
    CHECK(std::isnan(stats::student_t_sf(bad, 3.0)));
    CHECK(std::isnan(stats::chi_squared_sf(1.0, -1.0)));
    CHECK(std::isnan(stats::f_sf(1.0, 0.0, 1.0)));
    CHECK(std::isnan(stats::binomial_cdf(1.0, 5.0, 1.5)));
    CHECK(std::isnan(stats::binomial_log_pmf(6.0, 5.0, 0.5)));
}
