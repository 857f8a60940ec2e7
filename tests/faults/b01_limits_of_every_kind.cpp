// SPDX-License-Identifier: Apache-2.0

#include <joust/inference/group_sequential.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/group_sequential_inference.hpp>
#include <joust/stats/sequential/poisson_rates.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/stats/sequential/two_sample_bernoulli.hpp>
#include <joust/stats/tests/binomial.hpp>
#include <joust/stats/tests/combine.hpp>
#include <joust/stats/tests/equivalence.hpp>
#include <joust/stats/tests/poisson_test.hpp>
#include <joust/stats/tests/proportion_ratio.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/trial/detail/paired_rows.hpp>

#include "metric/support.hpp"
#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

// Limits of sequential tests, ratios, rates and paired answers are put back into the equation that defines them. The
// equations are evaluated in another way than the library solves them.

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

constexpr long double wide(double x)
{
    return static_cast<long double>(x);
}

constexpr double z2 = 3.841458820694124;

// A count up to `most`, on a logarithmic scale.
std::uint64_t random_count(joust_test::engine& random, double most)
{
    return static_cast<std::uint64_t>(std::exp(random.uniform() * std::log(most)) - 1.0);
}

// The point between two others at which a falling function passes 0, by plain halving.
template <class Function>
long double halved(long double low, long double high, Function falling)
{
    for (int step = 0; step < 120; ++step) {
        const long double middle = 0.5L * (low + high);
        (falling(middle) > 0.0L ? low : high) = middle;
    }
    return 0.5L * (low + high);
}

// P(X >= k) with `up`, P(X <= k) without, of a law whose neighbours have the ratio P(j + 1) / P(j), by its terms.
template <class Ratio>
double tail_by_terms(double k, bool up, double last, Ratio ratio)
{
    double inner = 1.0, outer = 0.0, term = 1.0;
    for (double j = k; j < last; j += 1.0) {
        const double r = ratio(j);
        term *= r;
        (up ? inner : outer) += term;
        if (r < 1.0 && term < 1e-20) {
            break;
        }
    }
    term = 1.0;
    for (double j = k; j > 0.0; j -= 1.0) {
        const double r = 1.0 / ratio(j - 1.0);
        term *= r;
        (up ? outer : inner) += term;
        if (r < 1.0 && term < 1e-20) {
            break;
        }
    }
    return inner / (inner + outer);
}

}  // namespace

TEST_CASE("limits of a score line have the evidence 1 / alpha, and nothing nearer has it")
{
    joust_test::engine random{21};
    for (int i = 0; i < 150; ++i) {
        const double scale = std::exp(40.0 * random.uniform() - 20.0);
        const auto process = [&] {
            const double turn = scale * random.bell();
            const double c2 = i % 4 == 0 ? 0.0 : std::exp(-8.0 * random.uniform());
            return stats::quadratic{
                .c0 = c2 * turn * turn + std::exp(6.0 * random.uniform()), .c1 = -c2 * turn, .c2 = c2};
        };
        stats::score_line line;
        line.s0 = 10.0 * random.bell();
        line.s1 = (random.coin(0.5) ? -1.0 : 1.0) * std::exp(4.0 * random.uniform() - 1.0);
        line.v = process();
        line.v0 = process();
        const double rho = std::exp(4.0 * random.uniform());
        for (const auto clock : {stats::variance_clock::residual, stats::variance_clock::arm_free,
                                 stats::variance_clock::larger}) {
            for (const side alternative : {side::two, side::greater, side::less}) {
                INFO(i << ' ' << static_cast<int>(clock) << ' ' << static_cast<int>(alternative));
                const double alpha = i % 3 == 0 ? 1e-6 : 0.05;
                const auto ends = stats::score_interval(line, rho, alpha, alternative, clock);
                for (const double end : {ends.lower, ends.upper}) {
                    if (!std::isfinite(end)) {
                        continue;
                    }
                    const double evidence = line.log_e(end, rho, alternative, clock);
                    CHECK_THAT(evidence, WithinAbs(-std::log(alpha), 1e-7 * (1.0 + std::fabs(line.s0))));
                    for (int step = 1; step < 8; ++step) {
                        const double nearer = line.root() + (end - line.root()) * step / 8.0;
                        CHECK(line.log_e(nearer, rho, alternative, clock) < -std::log(alpha));
                    }
                }
            }
        }
    }
}

TEST_CASE("the estimate and the limits of a stopped group-sequential trial have their stagewise probability")
{
    joust_test::engine random{22};
    for (int i = 0; i < 12; ++i) {
        std::vector<double> information;
        double reached = 0.0;
        const std::size_t planned = 1 + static_cast<std::size_t>(i) % 4;
        for (std::size_t k = 0; k < planned; ++k) {
            information.push_back(reached += 0.1 + random.uniform());
        }
        auto looks =
            stats::group_sequential_bounds({}, information, {.alpha = 0.05, .planned_information = reached});
        REQUIRE(looks.size() == planned);
        const double z = 6.0 * random.uniform() - 3.0;
        const auto r = stats::group_sequential_result(looks, z);
        INFO(i << ' ' << z);
        REQUIRE(r.state == status::ok);
        // An outcome that is at least as large: above an earlier bound, or above z at the last look.
        looks.back().lower = looks.back().upper = z;
        const auto tail = [&](double drift) {
            return stats::exit_probabilities_of(looks, drift).total_upper;
        };
        CHECK_THAT(tail(r.lower), WithinAbs(0.025, 1e-9));
        CHECK_THAT(tail(r.estimate), WithinAbs(0.5, 1e-9));
        CHECK_THAT(tail(r.upper), WithinAbs(0.975, 1e-9));
    }
}

TEST_CASE("the drift of a plan has its power")
{
    const std::vector<double> information{0.2, 0.6, 1.0};
    for (const double power : {0.06, 0.5, 0.9, 1.0 - 1e-9}) {
        for (const side alternative : {side::two, side::less}) {
            stats::group_sequential_options options{.alternative = alternative, .planned_information = 1.0};
            const double drift = stats::group_sequential_drift({}, information, power, options);
            INFO(power << ' ' << drift);
            const auto looks = stats::group_sequential_bounds({}, information, options);
            const bool down = alternative == side::less;
            const auto out = stats::exit_probabilities_of(looks, down ? -drift : drift);
            CHECK_THAT(down ? out.total_lower : out.total_upper, WithinAbs(power, 1e-11));
        }
    }
}

TEST_CASE("the p-value of planned looks is the error rate at which a look lies on its bound")
{
    for (const int seed : {3, 4, 5}) {
        const auto stream = joust_test::arrivals(static_cast<std::uint64_t>(seed), 6'000);
        const joust::group_sequential policy{.units = 6'000, .looks = 3};
        for (const side alternative : {side::two, side::greater}) {
            joust::test_memory memory;
            joust_test::sums seen;
            int n = 0;
            for (const auto& a : stream) {
                seen.add(a);
                if (++n % 2'000 != 0) {
                    continue;
                }
                const auto answer = policy.infer(seen.look(0.0), {.alternative = alternative}, memory);
                REQUIRE(answer.state == status::ok);
                if (answer.p_value == 1.0) {
                    continue;
                }
                stats::group_sequential_design design{
                    policy.spending,
                    {.alpha = answer.p_value, .alternative = alternative, .planned_information = 1.0}};
                double excess = -1e300;
                for (const joust::planned_look& each : memory.looks) {
                    const auto bounds =
                        design.look(each.variance, {.last = each.time >= 1.0, .spending_time = each.time});
                    excess = std::fmax(excess, each.z - bounds.upper);
                    excess = alternative == side::two ? std::fmax(excess, bounds.lower - each.z) : excess;
                }
                INFO(seed << ' ' << n << ' ' << answer.p_value);
                CHECK_THAT(excess, WithinAbs(0.0, 1e-6));
            }
        }
    }
}

TEST_CASE("limits of a ratio of event rates have an e-value of 1 / alpha")
{
    joust_test::engine random{23};
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t a = random_count(random, i % 2 == 0 ? 1e4 : 1e9);
        const std::uint64_t b = random_count(random, i % 2 == 0 ? 1e4 : 1e9);
        const double share = 0.01 + 0.98 * random.uniform();
        INFO(a << ' ' << b << ' ' << share);
        stats::poisson_rates rates;
        rates.update(a, b / 2, share);
        rates.update(0, b - b / 2, 0.5 * share);
        if (rates.state() != status::ok) {
            continue;
        }
        const auto ends = rates.interval();
        for (const double end : {ends.lower, ends.upper}) {
            if (!(end > 0.0 && std::isfinite(end))) {
                continue;
            }
            stats::poisson_rates at{{.null_ratio = end}};
            at.update(a, b / 2, share);
            at.update(0, b - b / 2, 0.5 * share);
            const double all = static_cast<double>(a + b);
            CHECK_THAT(at.log_e(), WithinAbs(-std::log(0.05), 1e-8 + 1e-14 * all));
        }
    }
}

TEST_CASE("limits of two success rates touch the joint region")
{
    joust_test::engine random{24};
    const double target = -std::log(0.05);
    for (int i = 0; i < 60; ++i) {
        const std::uint64_t n1 = 1 + random_count(random, i < 30 ? 1e3 : 1e9);
        const std::uint64_t n2 = 1 + random_count(random, i < 30 ? 1e3 : 1e9);
        const auto k1 = static_cast<std::uint64_t>(static_cast<double>(n1) * random.uniform());
        const auto k2 = static_cast<std::uint64_t>(static_cast<double>(n2) * (i % 2 == 0 ? 0.5 : 0.01));
        INFO(k1 << '/' << n1 << ' ' << k2 << '/' << n2);
        stats::two_sample_bernoulli rates;
        REQUIRE(rates.update(k1, n1, k2, n2));
        const auto ends = rates.interval();
        for (const double d : {ends.lower, ends.upper}) {
            if (!(std::fabs(d) < 1.0 - 1e-9)) {
                continue;
            }
            // The largest joint likelihood on the line p1 = p2 + d, where the slope of its logarithm is 0.
            const long double by = wide(d);
            const auto slope = [&](long double p2) {
                const long double p1 = p2 + by;
                const auto part = [](std::uint64_t k, long double p) {
                    return k > 0 ? static_cast<long double>(k) / p : 0.0L;
                };
                return part(k1, p1) + part(k2, p2) - part(n1 - k1, 1.0L - p1) - part(n2 - k2, 1.0L - p2);
            };
            const auto p2 = halved(by < 0.0L ? -by : 0.0L, by > 0.0L ? 1.0L - by : 1.0L, slope);
            const stats::beta_prior prior = stats::two_sample_bernoulli_options{}.prior;
            const double at = stats::bernoulli_mixture_log_e(k1, n1, static_cast<double>(p2 + by), prior) +
                              stats::bernoulli_mixture_log_e(k2, n2, static_cast<double>(p2), prior);
            CHECK_THAT(at, WithinAbs(target, 1e-6));
        }
    }
}

TEST_CASE("Koopman's limits and those of margins as ratios have their z")
{
    joust_test::engine random{25};
    for (int i = 0; i < 200; ++i) {
        const double most = i < 100 ? 1e3 : 1e9;
        const std::uint64_t n1 = 2 + random_count(random, most), n2 = 2 + random_count(random, most);
        const auto a = static_cast<std::uint64_t>(static_cast<double>(n1) *
                                                  std::pow(random.uniform(), i % 2 == 0 ? 1.0 : 8.0));
        const auto c = static_cast<std::uint64_t>(static_cast<double>(n2) * random.uniform());
        const double k1 = static_cast<double>(a), m1 = static_cast<double>(n1);
        const double k2 = static_cast<double>(c), m2 = static_cast<double>(n2);
        INFO(a << '/' << n1 << ' ' << c << '/' << n2);
        const auto r = stats::proportion_ratio(a, n1, c, n2);
        for (const double ratio : {r.lower, r.upper}) {
            if (!(ratio > 0.0 && std::isfinite(ratio))) {
                continue;
            }
            // The restricted maximum of the likelihood under p1 = ratio p2.
            const auto part = [](double k, long double p) { return k > 0.0 ? wide(k) / p : 0.0L; };
            const long double u = wide(ratio);
            const long double most_p2 = u > 1.0L ? 1.0L / u : 1.0L;
            const long double p2 = halved(0.0L, most_p2, [&](long double p) {
                return part(k1 + k2, p) - u * part(m1 - k1, 1.0L - u * p) - part(m2 - k2, 1.0L - p);
            });
            const long double p1 = u * p2;
            const long double variance = p1 * (1.0L - p1) / wide(m1) + u * u * p2 * (1.0L - p2) / wide(m2);
            const long double gap = wide(k1) / wide(m1) - u * (wide(k2) / wide(m2));
            CHECK_THAT(static_cast<double>(gap * gap / variance), WithinRel(z2, 1e-6));
        }
    }
}

TEST_CASE("exact limits of one share and of event rates have their tails")
{
    joust_test::engine random{26};
    for (int i = 0; i < 60; ++i) {
        const std::uint64_t n = 1 + random_count(random, i < 50 ? 1e4 : 1e6);
        const auto k = static_cast<std::uint64_t>(static_cast<double>(n) * random.uniform());
        const double count = static_cast<double>(k), all = static_cast<double>(n);
        INFO(k << '/' << n);
        const double alpha = i % 3 == 0 ? 1e-9 : 0.05;
        const auto share = stats::binomial_test(k, n, 0.4, {.alpha = alpha});
        for (const double p : {share.lower, share.upper}) {
            if (p > 0.0 && p < 1.0) {
                const auto ratio = [=](double j) { return (all - j) / (j + 1.0) * (p / (1.0 - p)); };
                CHECK_THAT(tail_by_terms(count, p == share.lower, all, ratio), WithinRel(0.5 * alpha, 1e-8));
            }
        }
        const auto rate = stats::poisson_test(k, 1.0, 3.0, {.alpha = alpha});
        for (const double mean : {rate.lower, rate.upper}) {
            if (mean > 0.0) {
                const auto ratio = [=](double j) { return mean / (j + 1.0); };
                CHECK_THAT(tail_by_terms(count, mean == rate.lower, 1e300, ratio),
                           WithinRel(0.5 * alpha, 1e-8));
            }
        }
        // Given all events, the first count is binomial with probability u / (1 + u) for a ratio u of means.
        const auto two = stats::poisson_rate_test(k, 2.0, n - k, 3.0, {.alpha = alpha});
        for (const double u : {two.lower * 2.0 / 3.0, two.upper * 2.0 / 3.0}) {
            if (u > 0.0 && std::isfinite(u)) {
                const auto ratio = [=](double j) { return (all - j) / (j + 1.0) * u; };
                CHECK_THAT(tail_by_terms(count, u < count / (all - count), all, ratio),
                           WithinRel(0.5 * alpha, 1e-8));
            }
        }
    }
}

TEST_CASE("limits of a paired ratio have the z of the paired score test")
{
    joust_test::engine random{27};
    constexpr double z = 1.6448536269514722;
    for (int i = 0; i < 100; ++i) {
        const double most = i < 50 ? 300.0 : 1e7;
        const joust::detail::pair_table seen{.both = static_cast<double>(random_count(random, most)),
                                             .only_challenger =
                                                 static_cast<double>(random_count(random, most)),
                                             .only_champion = static_cast<double>(random_count(random, most)),
                                             .all = 4.0 * most};
        INFO(seen.both << ' ' << seen.only_challenger << ' ' << seen.only_champion);
        joust::detail::paired_answer answer;
        joust::detail::compare_ratio(answer, seen, z);
        if (answer.state != status::ok) {
            continue;
        }
        for (const double ratio : {answer.lower, answer.upper}) {
            if (!(ratio > 1e-12 && ratio < 1e12)) {
                continue;
            }
            // The shares within the rows with an event, where champion-only is q and the restriction gives the others.
            const long double r = wide(ratio), a = wide(seen.both), b = wide(seen.only_challenger),
                              c = wide(seen.only_champion);
            const auto one_over = [](long double n, long double p) { return n > 0.0L ? n / p : 0.0L; };
            const long double q = halved(r < 1.0L ? 1.0L - r : 0.0L, 1.0L / (1.0L + r), [&](long double p) {
                return one_over(c, p) + one_over(b, 1.0L - (1.0L - p) / r) / r -
                       one_over(a, (1.0L - p) / r - p) * (1.0L / r + 1.0L);
            });
            const long double spread = (1.0L - (1.0L - q) / r + q) * (a + b + c);
            const long double gap = a + b - r * (a + c);
            const long double size = std::fabs(gap) - 0.25L * (1.0L + r);
            CHECK_THAT(static_cast<double>(size / std::sqrt(r * spread)), WithinAbs(z, 1e-5));
        }
    }
}

TEST_CASE("scores of tiny p-values have the logarithm that was given")
{
    for (const double log_p : {-600.5, -700.0, -1e3, -1e6, -1e12, -1e100, -1e300}) {
        const double values[] = {log_p};
        const auto r = stats::stouffer_log(values);
        INFO(log_p);
        CHECK(r.state == status::ok);
        // log P(Z > z) = -z^2 / 2 - log(z) - log(2 pi) / 2 - 1 / z^2 + 5 / (2 z^4), nearly
        const double z = r.statistic, zz = z * z;
        CHECK_THAT(-0.5 * zz - std::log(z) - 0.91893853320467274 - 1.0 / zz + 2.5 / (zz * zz),
                   WithinRel(log_p, 1e-8));
        CHECK_THAT(r.log_p, WithinRel(log_p, 1e-14));
    }
}
