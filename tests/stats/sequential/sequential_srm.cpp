// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/sequential_srm.hpp>

#include "stats/exact.hpp"
#include "stats/support.hpp"

#include <boost/math/special_functions/gamma.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using joust_test::long_float;

namespace {

// The definition in a hundred digits, with the prior as exact fractions.
double long_log_e(const std::vector<std::uint64_t>& counts, const std::vector<std::uint64_t>& weights,
                  double concentration)
{
    long_float total = 0, n = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        total += weights[i];
        n += counts[i];
    }
    const auto log_gamma = [](const long_float& x) { return boost::math::lgamma(x); };
    long_float log_e = log_gamma(long_float(concentration)) - log_gamma(concentration + n);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (weights[i] > 0) {
            const long_float share = long_float(weights[i]) / total;
            const long_float prior = concentration * share;
            log_e += log_gamma(prior + counts[i]) - log_gamma(prior) - long_float(counts[i]) * log(share);
        }
    }
    return static_cast<double>(log_e);
}

// What plain differences of log-gamma in double give.
double plain_log_e(const std::vector<std::uint64_t>& counts, double prior)
{
    double n = 0.0, log_e = 0.0;
    const double arms = static_cast<double>(counts.size());
    for (const std::uint64_t c : counts) {
        const double x = static_cast<double>(c);
        n += x;
        log_e += boost::math::lgamma(prior + x) - boost::math::lgamma(prior) + x * std::log(arms);
    }
    return log_e + boost::math::lgamma(prior * arms) - boost::math::lgamma(prior * arms + n);
}

}  // namespace

TEST_CASE("log e is exact to 1e-12 up to 1e12 units, wherever its own size is at most a thousand")
{
    engine random{1};
    double worst = 0.0;
    int seen = 0;
    for (const std::vector<std::uint64_t>& weights : {std::vector<std::uint64_t>{1, 1},
                                                      {1, 99},
                                                      {9, 1},
                                                      {3, 4, 3},
                                                      {1, 2, 4, 7, 0, 13},
                                                      {333'333'333, 666'666'667}}) {
        std::uint64_t total = 0;
        for (const std::uint64_t w : weights) {
            total += w;
        }
        for (const double concentration : {1.0, 100.0, 1e4, 12345.678}) {
            for (double n = 10.0; n <= 1e12; n *= 10.0) {
                for (const double deviations : {0.0, 0.5, 5.0, 20.0, 44.0}) {
                    // counts at so many standard deviations from what is planned, in the first arm against
                    // the others
                    std::vector<std::uint64_t> counts(weights.size());
                    const double share = static_cast<double>(weights[0]) / static_cast<double>(total);
                    const double off =
                        deviations * std::sqrt(n * share * (1.0 - share)) * (random.coin(0.5) ? 1.0 : -1.0);
                    const double first = std::fmin(std::fmax(n * share + off, 0.0), n);
                    counts[0] = static_cast<std::uint64_t>(first);
                    for (std::size_t i = 1; i < weights.size(); ++i) {
                        counts[i] = static_cast<std::uint64_t>((n - first) * static_cast<double>(weights[i]) /
                                                               static_cast<double>(total - weights[0]));
                    }
                    stats::sequential_srm watch{weights, {.concentration = concentration}};
                    REQUIRE(watch.update(counts));
                    const double want = long_log_e(counts, weights, concentration);
                    if (std::fabs(want) > 1e3) {
                        continue;
                    }
                    ++seen;
                    const double error = std::fabs(watch.log_e() - want);
                    worst = std::fmax(worst, error);
                    INFO("n " << n << " concentration " << concentration << " log e " << want << " arms "
                              << weights.size());
                    CHECK(error <= 1e-12);
                }
            }
        }
    }
    CHECK(seen > 1'000);
    std::printf("sequential_srm: %d cases to n = 1e12, largest absolute error of log e %.1e\n", seen, worst);
}

TEST_CASE("differences of log-gamma lose digits that the e-value keeps")
{
    struct test {
        std::uint64_t a, b;
        double lost;
    };
    for (const test& t : {test{50'020'000, 49'980'000, 1e-9}, test{500'050'000, 499'950'000, 1e-7},
                          test{5'000'100'000, 4'999'900'000, 1e-7}}) {
        const double want = long_log_e({t.a, t.b}, {1, 1}, 2.0);
        stats::sequential_srm watch{std::array<std::uint64_t, 2>{1, 1}, {.concentration = 2.0}};
        watch.update(std::array<std::uint64_t, 2>{t.a, t.b});
        const double plain = std::fabs(plain_log_e({t.a, t.b}, 1.0) - want);
        std::printf("n = %.0e: plain log-gamma is off by %.1e, ours by %.1e\n",
                    static_cast<double>(t.a + t.b), plain, std::fabs(watch.log_e() - want));
        CHECK(plain > t.lost);
        CHECK(std::fabs(watch.log_e() - want) < 1e-12);
    }
}

TEST_CASE("over all sequences the expectation is exactly one")
{
    const std::array<std::uint64_t, 3> weights{1, 2, 5};
    for (const double concentration : {0.5, 8.0, 1e4}) {
        double sum = 0.0, crossed = 0.0;
        for (int path = 0; path < 531'441; ++path) {  // 3^12
            if (concentration != 8.0 && path >= 6'561) {
                break;  // eight units there
            }
            stats::sequential_srm watch{weights, {.concentration = concentration}};
            double probability = 1.0;
            int rest = path;
            for (int i = 0; i < (concentration == 8.0 ? 12 : 8); ++i) {
                const auto arm = static_cast<std::size_t>(rest % 3);
                rest /= 3;
                probability *= static_cast<double>(weights[arm]) / 8.0;
                watch.update(arm);
            }
            sum += probability * std::exp(watch.log_e());
            crossed += watch.p_value() <= 0.1 ? probability : 0.0;
        }
        CHECK(sum == Approx(1.0).epsilon(1e-12));
        CHECK(crossed <= 0.1);
    }
}

TEST_CASE("the probability of ever alarming within three thousand units, exactly")
{
    const std::array<std::uint64_t, 2> weights{1, 3};
    std::vector<double> reach(3'002, 0.0), next;
    reach[0] = 1.0;
    double alarmed = 0.0;
    for (std::uint64_t n = 1; n <= 3'000; ++n) {
        next.assign(3'002, 0.0);
        for (std::uint64_t k = 0; k <= n; ++k) {
            const double mass = reach[k] * 0.75 + (k > 0 ? reach[k - 1] * 0.25 : 0.0);
            if (mass < 1e-25) {
                continue;
            }
            stats::sequential_srm watch{weights, {.concentration = 100.0}};
            watch.update(std::array<std::uint64_t, 2>{k, n - k});
            if (watch.log_e() >= std::log(20.0)) {
                alarmed += mass;
            } else {
                next[k] = mass;
            }
        }
        reach.swap(next);
    }
    INFO(alarmed);
    CHECK(alarmed <= 0.05);
    CHECK(alarmed > 0.005);
}

TEST_CASE("counts one at a time, by batches and by parts give the same evidence")
{
    engine random{3};
    const std::array<std::uint64_t, 2> weights{1, 1};
    stats::sequential_srm single{weights}, left{weights}, right{weights};
    std::array<std::uint64_t, 2> counts{};
    for (int i = 0; i < 5'000; ++i) {
        const std::size_t arm = random.coin(0.56) ? 1 : 0;
        single.update(arm);
        (i % 2 == 0 ? left : right).update(arm);
        ++counts[arm];
    }
    stats::sequential_srm batch{weights};
    batch.update(counts);
    CHECK(batch.log_e() == single.log_e());
    CHECK(left.merge(right));
    CHECK(left.log_e() == single.log_e());
    CHECK(single.max_log_e() >= batch.max_log_e());
    CHECK(single.p_value() < 0.05);
    const stats::bounds ends = single.interval(1, 0.05);
    CHECK(ends.lower > 0.5);
    CHECK(ends.upper > single.estimate(1));
    CHECK_FALSE(left.merge(stats::sequential_srm{weights, {.concentration = 1.0}}));
}

TEST_CASE("the sequential sample ratio gives edge cases a status")
{
    const std::array<std::uint64_t, 3> weights{1, 0, 1};
    stats::sequential_srm watch{weights};
    CHECK(watch.state() == status::too_few);
    CHECK(std::isnan(watch.log_e()));
    CHECK(watch.update(0));
    CHECK(watch.state() == status::ok);
    CHECK(watch.log_e() == Approx(0.0).margin(1e-12));
    CHECK(std::isnan(watch.interval(1).lower));
    CHECK_FALSE(watch.update(7));
    CHECK_FALSE(watch.update(std::array<std::uint64_t, 2>{1, 1}));
    CHECK(watch.refused() == 2);
    CHECK(watch.state() == status::out_of_range);
    CHECK(std::isnan(watch.p_value()));
    CHECK(stats::sequential_srm{std::array<std::uint64_t, 2>{1, 0}}.state() == status::out_of_range);
    CHECK(stats::sequential_srm{std::vector<std::uint64_t>(17, 1)}.state() == status::out_of_range);
    CHECK(stats::sequential_srm{weights, {.concentration = 0.0}}.state() == status::out_of_range);
    CHECK(stats::sequential_srm{{}}.state() == status::out_of_range);
}
