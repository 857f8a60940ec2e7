// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/planning/power.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/beta_mixture.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/poisson_rates.hpp>
#include <joust/stats/sequential/two_sample_bernoulli.hpp>
#include <joust/stats/tests/equivalence.hpp>
#include <joust/stats/tests/fisher.hpp>
#include <joust/stats/tests/paired_proportions.hpp>
#include <joust/stats/tests/proportions.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

// Each limit and each estimate is put back into the equation that defines it. The equations are evaluated here from
// their definitions, in another way than the library finds the roots, over random tables of all sizes.

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

constexpr long double wide(double x)
{
    return static_cast<long double>(x);
}

struct table {
    std::uint64_t a, b, c, d;
};

// Random sizes up to `most` on a logarithmic scale, with shares that are sometimes rare and sometimes alike.
table random_table(joust_test::engine& random, double most)
{
    const auto count = [&](double n, double p) {
        const double sd = std::sqrt(n * p * (1.0 - p));
        const double k = std::floor(n * p + 2.0 * sd * random.bell() + random.uniform());
        return k < 0.0 ? 0.0 : k > n ? n : k;
    };
    const double n1 = std::floor(std::exp(std::log(4.0) + random.uniform() * std::log(most / 4.0)));
    const double n2 =
        random.coin(0.5) ? n1 : std::floor(std::exp(std::log(4.0) + random.uniform() * std::log(most / 4.0)));
    const double p = random.coin(0.5) ? random.uniform() : std::exp(random.uniform() * std::log(4.0 / n1));
    const double a = count(n1, p), c = count(n2, p);
    return {static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(n1 - a), static_cast<std::uint64_t>(c),
            static_cast<std::uint64_t>(n2 - c)};
}

// The law of the first cell under an odds ratio, by its weights relative to that of the observed table.
struct law_with_odds {
    double at_least = 0.0, at_most = 0.0, mean_less_observed = 0.0, deviation = 0.0;

    law_with_odds(const table& t, double odds)
    {
        const double a = static_cast<double>(t.a), b = static_cast<double>(t.b);
        const double c = static_cast<double>(t.c), d = static_cast<double>(t.d);
        double all = 1.0, above = 0.0, below = 0.0, first = 0.0, second = 0.0;
        double weight = 1.0;
        for (double i = 0.0; b - i > 0.0 && c - i > 0.0; i += 1.0) {
            const double ratio = (b - i) * (c - i) / ((a + i + 1.0) * (d + i + 1.0)) * odds;
            weight *= ratio;
            above += weight;
            first += weight * (i + 1.0);
            second += weight * (i + 1.0) * (i + 1.0);
            if (ratio < 1.0 && weight < 1e-20) {
                break;
            }
        }
        weight = 1.0;
        for (double i = 0.0; a - i > 0.0 && d - i > 0.0; i += 1.0) {
            const double ratio = (a - i) * (d - i) / ((b + i + 1.0) * (c + i + 1.0)) / odds;
            weight *= ratio;
            below += weight;
            first -= weight * (i + 1.0);
            second += weight * (i + 1.0) * (i + 1.0);
            if (ratio < 1.0 && weight < 1e-20) {
                break;
            }
        }
        all += above + below;
        at_least = (1.0 + above) / all;
        at_most = (1.0 + below) / all;
        mean_less_observed = first / all;
        deviation = std::sqrt(second / all - mean_less_observed * mean_less_observed);
    }
};

}  // namespace

TEST_CASE("Fisher's odds ratios have the exact values")
{
    // sums of binomial coefficients in 50 digits
    const auto near_one = stats::fisher_exact(64, 61, 60, 65);
    CHECK_THAT(near_one.estimate, WithinRel(1.1360295919214902087, 1e-12));
    CHECK_THAT(near_one.lower, WithinRel(0.6715619056241932889, 1e-12));
    CHECK_THAT(near_one.upper, WithinRel(1.9240689748928170269, 1e-12));
    const auto far = stats::fisher_exact(100, 900, 500, 500);
    CHECK_THAT(far.estimate, WithinRel(0.11124188565393452905, 1e-12));
    const auto small = stats::fisher_exact(3, 1, 1, 3);
    CHECK_THAT(small.estimate, WithinRel(6.4083196581996743223, 1e-12));
    CHECK_THAT(small.lower, WithinRel(0.21173559544657856704, 1e-12));
    CHECK_THAT(small.upper, WithinRel(626.24353058881404194, 1e-12));
}

TEST_CASE("Fisher's odds ratio and both limits solve their equations on tables of all sizes")
{
    joust_test::engine random{11};
    for (int i = 0; i < 300; ++i) {
        const table t = random_table(random, i < 250 ? 1e5 : 1e9);
        INFO(t.a << ' ' << t.b << ' ' << t.c << ' ' << t.d);
        const double alpha = i % 3 == 0 ? 0.05 : i % 3 == 1 ? 0.001 : 0.4;
        const auto r = stats::fisher_exact(t.a, t.b, t.c, t.d, {.alpha = alpha});
        if (t.a + t.c == 0 || t.b + t.d == 0) {
            CHECK(r.state == status::zero_variance);
            continue;
        }
        REQUIRE(r.state == status::ok);
        const bool lowest = t.a == 0 || t.d == 0, highest = t.b == 0 || t.c == 0;
        if (lowest) {
            CHECK(r.estimate == 0.0);
            CHECK(r.lower == 0.0);
        } else {
            CHECK_THAT((law_with_odds{t, r.lower}.at_least), WithinRel(0.5 * alpha, 1e-9));
        }
        if (highest) {
            CHECK(std::isinf(r.upper));
        } else {
            CHECK_THAT((law_with_odds{t, r.upper}.at_most), WithinRel(0.5 * alpha, 1e-9));
        }
        if (!lowest && !highest) {
            const law_with_odds at{t, r.estimate};
            CHECK(std::fabs(at.mean_less_observed) < 1e-9 * (at.deviation + 1.0));
        }
    }
}

TEST_CASE("Fisher's limits hold at counts near 2^51, in a time that does not grow with the counts")
{
    // Near these counts the law is normal: log odds have variance 1/a + 1/b + 1/c + 1/d.
    const std::uint64_t n = std::uint64_t{1} << 50U;
    const auto r = stats::fisher_exact(n + 40'000'000, n, n, n);
    REQUIRE(r.state == status::ok);
    const double sd = std::sqrt(4.0 / static_cast<double>(n));
    const double centre = std::log1p(40'000'000.0 / static_cast<double>(n));
    CHECK_THAT(std::log(r.estimate), WithinAbs(centre, 1e-5 * sd));
    CHECK_THAT((std::log(r.lower) - centre) / sd, WithinAbs(-1.959963984540054, 1e-6));
    CHECK_THAT((std::log(r.upper) - centre) / sd, WithinAbs(1.959963984540054, 1e-6));
}

TEST_CASE("score limits of a difference of proportions have their z")
{
    joust_test::engine random{12};
    for (int i = 0; i < 200; ++i) {
        const table t = random_table(random, 1e9);
        const double n1 = static_cast<double>(t.a + t.b), n2 = static_cast<double>(t.c + t.d);
        const double k1 = static_cast<double>(t.a), k2 = static_cast<double>(t.c);
        INFO(t.a << '/' << n1 << ' ' << t.c << '/' << n2);
        const auto r = stats::two_proportion_z(t.a, t.a + t.b, t.c, t.c + t.d,
                                               {.interval = stats::difference_interval::miettinen_nurminen});
        for (const double d : {r.lower, r.upper}) {
            if (std::fabs(d) == 1.0) {
                continue;
            }
            // The restricted maximum of the likelihood by plain halving, in long doubles.
            const long double by = wide(d), m1 = wide(n1), m2 = wide(n2);
            long double low = by < 0.0L ? -by : 0.0L, high = by > 0.0L ? 1.0L - by : 1.0L;
            for (int step = 0; step < 90; ++step) {
                const long double p2 = 0.5L * (low + high), p1 = p2 + by;
                const auto part = [](double k, long double p) { return k > 0.0 ? wide(k) / p : 0.0L; };
                const long double score =
                    part(k1, p1) + part(k2, p2) - part(n1 - k1, 1.0L - p1) - part(n2 - k2, 1.0L - p2);
                (score > 0.0L ? low : high) = p2;
            }
            const long double p2 = 0.5L * (low + high), p1 = p2 + by;
            const long double variance =
                (p1 * (1.0L - p1) / m1 + p2 * (1.0L - p2) / m2) * (m1 + m2) / (m1 + m2 - 1.0L);
            const long double gap = wide(k1) / m1 - wide(k2) / m2 - by;
            CHECK_THAT(static_cast<double>(gap * gap / variance), WithinRel(3.841458820694124, 1e-6));
        }
    }
}

TEST_CASE("limits of ratios and of margins are where their test has the level")
{
    joust_test::engine random{13};
    for (int i = 0; i < 150; ++i) {
        const table t = random_table(random, 1e9);
        if (t.a == 0 || t.c == 0 || t.b == 0 || t.d == 0) {
            continue;
        }
        INFO(t.a << ' ' << t.b << ' ' << t.c << ' ' << t.d);
        const auto r = stats::tost(t.a, t.a + t.b, t.c, t.c + t.d,
                                   {.lower = -0.5, .upper = 0.5, .kind = stats::margin_kind::relative});
        REQUIRE(r.state == status::ok);
        for (const bool up : {false, true}) {
            const double limit = up ? r.upper : r.lower;
            if (!std::isfinite(limit) || !(limit > -1.0)) {
                continue;
            }
            // The limit as a margin: its one-sided test has p = alpha there.
            const double margin = std::fabs(limit);
            const bool below = limit < 0.0;
            const auto at =
                below == up
                    ? stats::superiority(
                          t.a, t.a + t.b, t.c, t.c + t.d,
                          {.margin = margin, .kind = stats::margin_kind::relative, .lower_is_better = up})
                    : stats::non_inferiority(
                          t.a, t.a + t.b, t.c, t.c + t.d,
                          {.margin = margin, .kind = stats::margin_kind::relative, .lower_is_better = up});
            CHECK_THAT(at.p_value, WithinRel(0.05, 1e-6));
        }
    }
}

TEST_CASE("Tango's, Wilson's and the exact limits of one proportion solve their equations")
{
    joust_test::engine random{14};
    constexpr double z2 = 3.841458820694124;
    for (int i = 0; i < 200; ++i) {
        const table t = random_table(random, 1e9);
        const double k = static_cast<double>(t.a), n = static_cast<double>(t.a + t.b);
        INFO(t.a << '/' << n);
        const auto w = stats::wilson_interval(t.a, t.a + t.b);
        for (const double p : {w.lower, w.upper}) {
            if (p > 0.0 && p < 1.0) {
                const double gap = k / n - p;
                CHECK_THAT(gap * gap / (p * (1.0 - p) / n), WithinRel(z2, 1e-6));
            }
        }
        const auto exact = stats::clopper_pearson_interval(t.a, t.a + t.b);
        // P(X >= k) and P(X <= k) by their terms, from k outwards, and the rest of the sum.
        const auto tail = [&](double p, bool up) {
            double inner = 1.0, outer = 0.0, term = 1.0;
            for (double j = k; j < n; j += 1.0) {
                const double ratio = (n - j) / (j + 1.0) * (p / (1.0 - p));
                term *= ratio;
                (up ? inner : outer) += term;
                if (ratio < 1.0 && term < 1e-20) {
                    break;
                }
            }
            term = 1.0;
            for (double j = k; j > 0.0; j -= 1.0) {
                const double ratio = j / (n - j + 1.0) * ((1.0 - p) / p);
                term *= ratio;
                (up ? outer : inner) += term;
                if (ratio < 1.0 && term < 1e-20) {
                    break;
                }
            }
            return inner / (inner + outer);
        };
        if (t.a != 0 && n < 1e7) {
            CHECK_THAT(tail(exact.lower, true), WithinRel(0.025, 1e-8));
        }
        if (t.b != 0 && n < 1e7) {
            CHECK_THAT(tail(exact.upper, false), WithinRel(0.025, 1e-8));
        }
        const std::uint64_t cases = t.a + t.c + t.b;
        INFO(t.a << " and " << t.c << " of " << cases);
        const auto paired = stats::mcnemar(t.a, t.c, cases);
        for (const double d : {paired.lower, paired.upper}) {
            if (std::fabs(d) == 1.0) {
                continue;
            }
            // The second discordant probability q, or for d < 0 the first, at which the slope of the likelihood of
            // b, c and the other cases is 0, by halving.
            const long double m = static_cast<long double>(cases), b = wide(k),
                              c = static_cast<long double>(t.c);
            const long double size = wide(std::fabs(d));
            const long double near = d < 0.0 ? b : c, far = d < 0.0 ? c : b;
            long double low = 0.0L, high = 0.5L * (1.0L - size);
            for (int step = 0; step < 120; ++step) {
                const long double q = 0.5L * (low + high);
                const long double slope =
                    near / q + far / (q + size) - 2.0L * (m - b - c) / (1.0L - size - 2.0L * q);
                (slope > 0.0L ? low : high) = q;
            }
            const long double variance = m * (2.0L * low + size * (1.0L - size));
            const long double gap = b - c - m * wide(d);
            CHECK_THAT(static_cast<double>(gap * gap / variance), WithinRel(z2, 1e-5));
        }
    }
}

TEST_CASE("always-valid limits have an e-value of 1 / alpha")
{
    joust_test::engine random{15};
    const double target = -std::log(0.05);
    for (int i = 0; i < 200; ++i) {
        const table t = random_table(random, i < 150 ? 1e9 : 1e12);
        INFO(t.a << ' ' << t.b << ' ' << t.c << ' ' << t.d);
        const std::uint64_t n = t.a + t.b;
        const auto one = stats::bernoulli_mixture_interval(t.a, n);
        const auto coin = stats::beta_mixture_interval(t.a, t.b, 0.05);
        for (const double p : {one.lower, one.upper}) {
            if (p > 0.0 && p < 1.0) {
                // An upper limit that rounds is near by the slope of the log likelihood times its rounding.
                const double slope =
                    std::fabs(static_cast<double>(t.a) / p - static_cast<double>(t.b) / (1.0 - p));
                CHECK_THAT(stats::bernoulli_mixture_log_e(t.a, n, p),
                           WithinAbs(target, 1e-9 + 4e-16 * p * slope));
            }
        }
        for (const double p : {coin.lower, coin.upper}) {
            if (p > 0.0 && p < 1.0) {
                const double slope =
                    std::fabs(static_cast<double>(t.a) / p - static_cast<double>(t.b) / (1.0 - p));
                CHECK_THAT(stats::beta_mixture_log_e(t.a, t.b, {.null = p}),
                           WithinAbs(target, 1e-9 + 4e-16 * p * slope));
            }
        }
    }
    for (double growth = 1e-12; growth < 1e15; growth *= 7.0) {
        for (const double alpha : {0.9, 0.05, 1e-30, 1e-300}) {
            INFO(growth << ' ' << alpha);
            const double at = stats::normal_mixture_bound(growth, 1.0, alpha, side::greater);
            CHECK_THAT(stats::normal_mixture_log_e(at, growth, 1.0, side::greater),
                       WithinAbs(-std::log(alpha), 1e-11));
        }
    }
    // A root far below 1e-150, which a search of 200 halvings of the exponent from 1 did not reach.
    const auto rare = stats::bernoulli_mixture_interval(1, 2, 1e-200);
    CHECK(rare.lower > 0.0);
    CHECK(rare.lower < 1e-190);
    CHECK_THAT(stats::bernoulli_mixture_log_e(1, 2, rare.lower), WithinRel(-std::log(1e-200), 1e-13));
}

TEST_CASE("planned sizes and effects have the power that was asked for")
{
    joust_test::engine random{16};
    for (int i = 0; i < 40; ++i) {
        const double target = 0.1 + 0.89 * random.uniform();
        const stats::mean_design means{.effect = std::exp(-12.0 * random.uniform()),
                                       .ratio = std::exp(2.0 * random.uniform() - 1.0)};
        INFO(means.effect << ' ' << means.ratio << ' ' << target);
        const double n = stats::sample_size(means, target);
        CHECK_THAT(stats::power(means, n), WithinAbs(target, 1e-10));
        stats::mean_design found = means;
        found.effect = stats::minimum_detectable_effect(means, n, target);
        CHECK_THAT(found.effect, WithinRel(means.effect, 1e-9));
        const double p = std::exp(-14.0 * random.uniform() - 0.1);
        const stats::proportion_design shares{.first = p * (1.0 + 0.05 * random.uniform()), .second = p};
        const double m = stats::sample_size(shares, target);
        CHECK_THAT(stats::power(shares, m), WithinAbs(target, 1e-10));
    }
}

TEST_CASE("group-sequential constants and drifts have their error and power")
{
    for (const double alpha : {1e-6, 0.025, 0.3}) {
        for (const double shape : {0.0, 0.3, 0.5}) {
            const std::vector<double> information{0.1, 0.3, 0.7, 1.0};
            const auto looks = stats::wang_tsiatis_bounds(shape, information, {.alpha = alpha});
            REQUIRE(looks.size() == 4);
            const auto out = stats::exit_probabilities_of(looks, 0.0);
            CHECK_THAT(out.total_upper + out.total_lower, WithinRel(alpha, 1e-12));
        }
    }
}
