// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/t_e_process.hpp>

#include "stats/exact.hpp"
#include "stats/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using joust_test::long_float;
using joust_test::relative_error;

namespace {

// The definition, in a hundred digits.
double long_log_e(double ratio, double information, double df, double phi)
{
    const long_float r = ratio, n = information, p = phi;
    const long_float log_e =
        log(p / (p + n)) / 2 - (long_float(df) + 1) / 2 * (log(1 + p / (p + n) * r) - log(1 + r));
    return static_cast<double>(log_e);
}

}  // namespace

TEST_CASE("log e has its digits for tiny and huge t, few and many observations")
{
    for (const double n : {2.0, 3.0, 50.0, 1e6, 1e12}) {
        for (const double phi : {1e-6, 0.3, 1.0, 126.0, 1e6}) {
            for (const double ratio : {0.0, 1e-30, 1e-12, 1e-6, 0.01, 0.5, 1.0, 3.0, 1e3, 1e9, 1e200}) {
                const double want = long_log_e(ratio, n, n - 1.0, phi);
                const double got = stats::t_log_e(ratio, n, n - 1.0, phi);
                INFO("n " << n << " phi " << phi << " ratio " << ratio << " want " << want);
                // near 0 the two parts cancel: what is left is as exact as the larger of them
                const double scale = std::fmax(std::fabs(want), 0.5 * std::log1p(n / phi));
                CHECK(std::fabs(got - want) <= 1e-13 * scale);
            }
        }
    }
}

TEST_CASE("the bound is where the e-value reaches one over alpha")
{
    for (const double n : {5.0, 40.0, 1e5}) {
        for (const double phi : {0.5, 20.0, 1e3}) {
            for (const double alpha : {0.3, 0.05, 1e-3}) {
                const double ratio = stats::t_bound(n, n - 1.0, phi, alpha);
                if (std::isfinite(ratio)) {
                    CHECK(stats::t_log_e(ratio, n, n - 1.0, phi) == Approx(-std::log(alpha)).epsilon(1e-12));
                } else {
                    CHECK(stats::t_log_e(1e300, n, n - 1.0, phi) < -std::log(alpha));
                }
            }
        }
    }
    CHECK(std::isinf(stats::t_bound(2.0, 1.0, 1e3, 0.05)));
}

TEST_CASE("under the null the e-value's expectation is one: t has Student's distribution")
{
    for (const double df : {1.0, 4.0, 30.0}) {
        const double n = df + 1.0;
        for (const double phi : {0.5, 3.0}) {
            // t = sqrt(df) tan(a) turns the density into cos^(df - 1)
            double sum = 0.0, norm = 0.0;
            const int steps = 200'000;
            for (int i = 0; i < steps; ++i) {
                const double a = 1.57079632679489662 * (i + 0.5) / steps;
                const double density = std::pow(std::cos(a), df - 1.0);
                const double tangent = std::tan(a);
                norm += density;
                sum += density * std::exp(stats::t_log_e(tangent * tangent, n, df, phi));
            }
            INFO("df " << df << " phi " << phi);
            CHECK(sum / norm == Approx(1.0).epsilon(df < 2.0 ? 1e-5 : 1e-8));
        }
    }
}

TEST_CASE("the class is the function of its sufficient statistics, however far from zero")
{
    engine random{11};
    stats::t_e_process near{{.null = 0.0, .planned = 50.0}};
    stats::t_e_process far{{.null = 1048576.0, .planned = 50.0}};
    std::vector<double> x;
    for (int i = 0; i < 60; ++i) {
        const double value = std::round((random.bell() + 0.4) * 0x1p20) * 0x1p-20;
        x.push_back(value);
        near.update(value);
        far.update(value + 1048576.0);  // exact
    }
    CHECK(relative_error(near.log_e(), far.log_e()) < 1e-12);
    const double mean = joust_test::exact_mean(x);
    const double deviation = joust_test::exact_deviation(x);
    const double t2_over_df = 60.0 * mean * mean / (deviation * deviation) / 59.0;
    CHECK(relative_error(near.log_e(), long_log_e(t2_over_df, 60.0, 59.0, 50.0 / 7.94)) < 1e-12);
    CHECK(near.max_log_e() >= near.log_e());
    CHECK(near.p_value() == stats::always_valid_p(near.max_log_e()));
    const stats::bounds ends = near.interval(0.05);
    CHECK(0.5 * (ends.lower + ends.upper) == Approx(mean).epsilon(1e-13));
    stats::t_e_process at_end{{.null = ends.upper, .planned = 50.0}};
    for (const double value : x) {
        at_end.update(value);
    }
    CHECK(at_end.log_e() == Approx(std::log(20.0)).epsilon(1e-12));
}

TEST_CASE("two samples: the same through the regression of the pooled t")
{
    engine random{12};
    stats::two_sample_t_e_process test{{.null = 0.25, .planned = 40.0}};
    std::vector<double> a, b;
    for (int i = 0; i < 50; ++i) {
        const bool first = random.coin(0.3);
        const double x = random.bell() + (first ? 0.7 : 0.0);
        (first ? a : b).push_back(x);
        test.update(first, x);
    }
    const double na = static_cast<double>(a.size());
    const double nb = static_cast<double>(b.size());
    const double da = joust_test::exact_deviation(a);
    const double db = joust_test::exact_deviation(b);
    const double squares = da * da * (na - 1.0) + db * db * (nb - 1.0);
    const double d = joust_test::exact_mean(a) - joust_test::exact_mean(b);
    const double information = na * nb / (na + nb);
    CHECK(relative_error(test.log_e(), long_log_e(information * (d - 0.25) * (d - 0.25) / squares,
                                                  information, na + nb - 2.0, 20.0 / 7.94)) < 1e-12);
    CHECK(relative_error(test.estimate(), d) < 1e-13);
    const stats::bounds ends = test.interval(0.1);
    CHECK(0.5 * (ends.lower + ends.upper) == Approx(d).epsilon(1e-12));
}

TEST_CASE("parts merge to what the whole gives")
{
    engine random{13};
    stats::t_e_process whole, left, right;
    stats::two_sample_t_e_process whole2, left2, right2;
    for (int i = 0; i < 200; ++i) {
        const double x = random.bell();
        whole.update(x);
        (i < 70 ? left : right).update(x);
        whole2.update(i % 2 == 0, x);
        (i < 70 ? left2 : right2).update(i % 2 == 0, x);
    }
    left.merge(right);
    left2.merge(right2);
    CHECK(relative_error(left.log_e(), whole.log_e()) < 1e-12);
    CHECK(relative_error(left2.log_e(), whole2.log_e()) < 1e-12);
    CHECK(left.max_log_e() <= whole.max_log_e());
    CHECK_FALSE(left.merge(stats::t_e_process{{.null = 1.0}}));
    CHECK_FALSE(left2.merge(stats::two_sample_t_e_process{{.planned = 7.0}}));
}

TEST_CASE("a fair coin of plus and minus one cannot be rejected at two observations")
{
    // A test with a plug-in variance rejects: after +1 and +1 its estimate of the variance is 0.
    stats::t_e_process test;
    test.update(1.0);
    CHECK(test.state() == status::too_few);
    CHECK(std::isnan(test.log_e()));
    test.update(1.0);
    CHECK(test.state() == status::zero_variance);
    CHECK(std::isnan(test.p_value()));
    CHECK(std::isnan(test.interval().lower));
    test.update(-1.0);
    CHECK(test.state() == status::ok);
    CHECK(test.p_value() > 0.05);
}

TEST_CASE("values that are not finite, and options, give a status")
{
    stats::t_e_process test;
    test.update(1.0);
    test.update(2.0);
    CHECK(test.state() == status::ok);
    CHECK_FALSE(test.update(stats::not_a_number));
    CHECK(test.refused() == 1);
    CHECK(test.state() == status::out_of_range);
    CHECK(std::isnan(test.log_e()));
    CHECK(stats::t_e_process{{.planned = 0.0}}.state() == status::out_of_range);
    CHECK(stats::t_e_process{{.null = stats::not_a_number}}.state() == status::out_of_range);
    CHECK(stats::two_sample_t_e_process{}.state() == status::too_few);
    stats::t_e_process huge;
    for (const double x : {1e200, -1e200, 3e200}) {
        huge.update(x);
    }
    CHECK((huge.state() != status::ok || !std::isnan(huge.log_e())));
}
