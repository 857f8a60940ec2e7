// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/mcnemar.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

namespace stats = joust::stats;
using joust::status;
using stats::mcnemar_p;
using stats::side;

namespace {

/// P(Bin(n, 1/2) <= k) by adding whole numbers.
double coin(std::uint64_t k, std::uint64_t n)
{
    double term = 1.0;
    double sum = 0.0;
    for (std::uint64_t i = 0; i <= k; ++i) {
        sum += term;
        term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
    }
    return std::ldexp(sum, -static_cast<int>(n));
}

}  // namespace

TEST_CASE("the exact p-value is a sum of binomial terms for every small pair")
{
    for (std::uint64_t b = 0; b <= 12; ++b) {
        for (std::uint64_t c = 0; c <= 12; ++c) {
            if (b + c == 0) {
                continue;
            }
            const std::uint64_t low = b < c ? b : c;
            const double one = coin(low, b + c);
            const double at = one - (low > 0 ? coin(low - 1, b + c) : 0.0);
            const auto exact = stats::mcnemar(b, c);
            const auto mid = stats::mcnemar(b, c, {.p_value = mcnemar_p::mid_p});
            CHECK(exact.state == status::ok);
            CHECK(exact.p_value == Approx(std::fmin(1.0, 2.0 * one)).epsilon(1e-14));
            CHECK(mid.p_value == Approx(b == c ? 1.0 - 0.5 * at : 2.0 * one - at).epsilon(1e-13));
            CHECK(exact.log_p == Approx(std::log(exact.p_value)).margin(1e-14));
            CHECK(mid.log_p == Approx(std::log(mid.p_value)).margin(1e-13));
            const auto greater = stats::mcnemar(b, c, {.alternative = side::greater});
            CHECK(greater.p_value == Approx(coin(c, b + c)).epsilon(1e-14));
        }
    }
}

TEST_CASE("a p-value below the smallest double is known by its logarithm")
{
    const auto result = stats::mcnemar(5000, 100);
    CHECK(result.p_value == 0.0);
    CHECK(result.log_p < -2500.0);
    CHECK(std::isfinite(result.log_p));
    const auto mid = stats::mcnemar(5000, 100, {.p_value = mcnemar_p::mid_p});
    CHECK(mid.log_p < result.log_p);
    CHECK(mid.log_p > result.log_p - std::log(2.0));
}

TEST_CASE("Tango's limits invert a score test that is McNemar's at zero")
{
    struct example {
        std::uint64_t b, c, n;
    };
    for (const example& e :
         {example{121, 59, 2000}, example{5, 0, 30}, example{0, 0, 50}, example{12, 30, 42}}) {
        const auto result = stats::mcnemar(e.b, e.c, e.n, {.p_value = mcnemar_p::asymptotic});
        REQUIRE(result.state == status::ok);
        const double b = static_cast<double>(e.b), c = static_cast<double>(e.c), n = static_cast<double>(e.n);
        for (const double d : {result.lower, result.upper}) {
            // restricted likelihood of (q + d, q): maximise by golden steps over a scan
            double best = -std::numeric_limits<double>::infinity();
            double q = 0.0;
            double from = std::fmax(0.0, -d), to = std::fmin(1.0, 0.5 * (1.0 - d));
            const double low = from, high = to;
            for (int zoom = 0; zoom < 5; ++zoom) {
                const double step = (to - from) / 200.0;
                for (double x = from + 0.5 * step; x < to; x += step) {
                    const auto term = [](double k, double p) { return k > 0.0 ? k * std::log(p) : 0.0; };
                    const double value = term(b, x + d) + term(c, x) + term(n - b - c, 1.0 - 2.0 * x - d);
                    if (value > best) {
                        best = value;
                        q = x;
                    }
                }
                from = std::fmax(low, q - step);
                to = std::fmin(high, q + step);
            }
            const double z = (b - c - n * d) / std::sqrt(n * (2.0 * q + d - d * d));
            INFO(e.b << ", " << e.c << " of " << e.n << " at " << d);
            CHECK(std::fabs(z) == Approx(1.9599639845400542).epsilon(1e-4));
        }
        // the interval holds 0 exactly when the asymptotic test does not reject it
        CHECK((result.lower <= 0.0 && 0.0 <= result.upper) == (result.p_value >= 0.05));
    }
    const auto forward = stats::mcnemar(121, 59, 2000);
    const auto backward = stats::mcnemar(59, 121, 2000);
    CHECK(forward.lower == Approx(-backward.upper).epsilon(1e-12));
    CHECK(forward.estimate == Approx(62.0 / 2000.0).epsilon(1e-15));
}

TEST_CASE("Tango's interval covers nearly what it promises, by enumeration")
{
    // all tables of 25 pairs
    const double p10 = 0.15, p01 = 0.05;
    double covered = 0.0;
    for (std::uint64_t b = 0; b <= 25; ++b) {
        for (std::uint64_t c = 0; b + c <= 25; ++c) {
            double mass = std::lgamma(26.0) - std::lgamma(static_cast<double>(b) + 1.0) -
                          std::lgamma(static_cast<double>(c) + 1.0) -
                          std::lgamma(static_cast<double>(25 - b - c) + 1.0);
            mass += static_cast<double>(b) * std::log(p10) + static_cast<double>(c) * std::log(p01) +
                    static_cast<double>(25 - b - c) * std::log(1.0 - p10 - p01);
            const auto r = stats::mcnemar(b, c, std::uint64_t{25});
            if (r.lower <= p10 - p01 && p10 - p01 <= r.upper) {
                covered += std::exp(mass);
            }
        }
    }
    CHECK(covered > 0.94);
    CHECK(covered < 0.98);
}

TEST_CASE("without a discordant case p is one; impossible counts give a status")
{
    const auto none = stats::mcnemar(0, 0);
    CHECK(none.state == status::too_few);
    CHECK(none.p_value == 1.0);
    CHECK(stats::mcnemar(0, 0, {.p_value = mcnemar_p::asymptotic}).p_value == 1.0);
    const auto known = stats::mcnemar(0, 0, std::uint64_t{400});
    CHECK(known.state == status::ok);
    CHECK(known.estimate == 0.0);
    CHECK(known.upper < 0.011);
    CHECK(stats::mcnemar(5, 6, std::uint64_t{10}).state == status::out_of_range);
    CHECK(stats::mcnemar(0, 0, std::uint64_t{0}).state == status::too_few);
    CHECK(stats::mcnemar(5, 6, {.alpha = -1.0}).state == status::out_of_range);
}

TEST_CASE("among discordant cases the interval is exact")
{
    const auto result = stats::mcnemar(15, 5);
    CHECK(result.estimate == 0.5);
    CHECK(result.lower == Approx(2.0 * stats::clopper_pearson_interval(15, 20).lower - 1.0).epsilon(1e-15));
    const auto one = stats::mcnemar(15, 5, {.alternative = side::greater});
    CHECK(one.upper == std::numeric_limits<double>::infinity());
    CHECK(one.lower > result.lower);
}
