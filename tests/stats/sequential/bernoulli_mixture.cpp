// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/bernoulli_mixture.hpp>

#include "stats/exact.hpp"
#include "stats/support.hpp"

#include <boost/math/special_functions/gamma.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

namespace stats = joust::stats;
using joust_test::long_float;

namespace {

double long_log_e(double k, double n, double p, double a, double b)
{
    const auto log_gamma = [](double x) { return boost::math::lgamma(long_float(x)); };
    const long_float mixture = log_gamma(a + k) + log_gamma(b + n - k) - log_gamma(a + b + n) - log_gamma(a) -
                               log_gamma(b) + log_gamma(a + b);
    return static_cast<double>(mixture - long_float(k) * log(long_float(p)) -
                               long_float(n - k) * log(1 - long_float(p)));
}

}  // namespace

TEST_CASE("log e agrees with a hundred digits, at counts where log-gamma has lost them")
{
    struct test {
        double k, n, p, a, b;
    };
    for (const test& t :
         {test{0, 1, 0.5, 0.5, 0.5}, test{3, 10, 0.25, 1.0, 1.0}, test{0, 500, 0.0009765625, 0.18, 0.18},
          test{500'400'000, 1e9, 0.5, 1.0, 1.0}, test{250'000'300'000.0, 1e12, 0.25, 20.0, 60.0},
          test{1e12 - 5.0, 1e12, 0.875, 0.5, 0.5}, test{40, 50, 0.5, 1e4, 1e4}}) {
        const double want = long_log_e(t.k, t.n, t.p, t.a, t.b);
        const double got = stats::bernoulli_mixture_log_e(static_cast<std::uint64_t>(t.k),
                                                          static_cast<std::uint64_t>(t.n), t.p, {t.a, t.b});
        INFO(t.k << " of " << t.n << ": " << want);
        CHECK(std::fabs(got - want) <= 1e-12 * std::fmax(1.0, 1e-3 * std::fabs(want)));
    }
}

TEST_CASE("summed over all counts the expectation is one")
{
    for (const double p : {0.001, 0.3, 0.5}) {
        for (const double prior : {0.18, 1.0, 30.0}) {
            const int n = 60;
            double sum = 0.0;
            double log_choose = 0.0;
            for (int k = 0; k <= n; ++k) {
                const double log_p = log_choose + k * std::log(p) + (n - k) * std::log1p(-p);
                sum += std::exp(log_p + stats::bernoulli_mixture_log_e(static_cast<std::uint64_t>(k), 60, p,
                                                                       {prior, prior}));
                log_choose += std::log((n - k) / (k + 1.0));
            }
            INFO("p " << p << " prior " << prior << " off " << sum - 1.0);
            CHECK(sum == Approx(1.0).epsilon(1e-12));
        }
    }
}

TEST_CASE("the probability of ever leaving the interval is below alpha, exactly, over two thousand tosses")
{
    for (const double p : {0.02, 0.5}) {
        std::vector<double> reach(2'002, 0.0), next;  // by successes, of paths still inside
        reach[0] = 1.0;
        double left = 0.0;
        for (std::uint64_t n = 1; n <= 2'000; ++n) {
            next.assign(2'002, 0.0);
            for (std::uint64_t k = 0; k <= n; ++k) {
                const double mass = reach[k] * (1.0 - p) + (k > 0 ? reach[k - 1] * p : 0.0);
                if (mass > 1e-30 && stats::bernoulli_mixture_log_e(k, n, p) >= std::log(20.0)) {
                    left += mass;
                } else {
                    next[k] = mass;
                }
            }
            reach.swap(next);
        }
        INFO("p " << p << ": " << left);
        CHECK(left <= 0.05);
        CHECK(left > 0.005);
    }
}

TEST_CASE("the interval ends where the e-value reaches one over alpha")
{
    for (const std::uint64_t k : {0U, 1U, 37U, 99U, 100U}) {
        const stats::bounds ends = stats::bernoulli_mixture_interval(k, 100, 0.05);
        CHECK((k == 0) == (ends.lower == 0.0));
        CHECK((k == 100) == (ends.upper == 1.0));
        if (k > 0) {
            CHECK(stats::bernoulli_mixture_log_e(k, 100, ends.lower) ==
                  Approx(std::log(20.0)).epsilon(1e-11));
        }
        if (k < 100) {
            CHECK(stats::bernoulli_mixture_log_e(k, 100, ends.upper) ==
                  Approx(std::log(20.0)).epsilon(1e-11));
        }
    }
    const stats::bounds rare = stats::bernoulli_mixture_interval(3, 100'000'000, 0.05);
    CHECK(stats::bernoulli_mixture_log_e(3, 100'000'000, rare.lower) == Approx(std::log(20.0)).epsilon(1e-9));
    const stats::bounds none = stats::bernoulli_mixture_interval(0, 0, 0.05);
    CHECK(none.lower == 0.0);
    CHECK(none.upper == 1.0);
}

TEST_CASE("impossible arguments give NaN, impossible nulls infinity")
{
    CHECK(std::isnan(stats::bernoulli_mixture_log_e(3, 2, 0.5)));
    CHECK(std::isnan(stats::bernoulli_mixture_log_e(1, 2, 1.5)));
    CHECK(std::isnan(stats::bernoulli_mixture_log_e(1, 2, stats::not_a_number)));
    CHECK(std::isnan(stats::bernoulli_mixture_log_e(1, 2, 0.5, {0.0, 1.0})));
    CHECK(std::isnan(stats::bernoulli_mixture_interval(3, 2).lower));
    CHECK(std::isinf(stats::bernoulli_mixture_log_e(1, 2, 0.0)));
    CHECK(std::isinf(stats::bernoulli_mixture_log_e(1, 2, 1.0)));
    CHECK(stats::bernoulli_mixture_log_e(0, 3, 0.0) ==
          Approx(std::log(0.5 * 1.5 * 2.5 / 6.0)).epsilon(1e-13));
    CHECK(stats::bernoulli_mixture_log_e(0, 0, 0.3) == Approx(0.0).margin(1e-15));
}
