// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/noncentral_t.hpp>
#include <joust/stats/bayes/bayes.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/planning/power.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

namespace stats = joust::stats;
using joust::status;

TEST_CASE("beliefs from ten thousand million pseudo-counts are compared with all digits, and add up to 1")
{
    struct example {
        stats::beta_belief first, second;
        double probability_first;
    };
    // 30-digit arithmetic
    const example examples[] = {{{1e8, 1e8}, {100010000.0, 1e8}, 0.30854413925297321446},
                                {{1e10, 1e10}, {1e10, 10000100000.0}, 0.69146180115850478914},
                                {{101.0, 901.0}, {111.0, 891.0}, 0.23338586368253537023},
                                {{1e12, 1e12}, {1e12, 1000003000000.0}, 0.93319258017029044625}};
    for (const example& e : examples) {
        INFO(e.first.a << ' ' << e.second.b);
        const auto r = stats::beta_binomial(e.first, e.second);
        REQUIRE(r.state == status::ok);
        CHECK_THAT(r.probability_first, WithinRel(e.probability_first, 1e-12));
        CHECK_THAT(r.probability_first + r.probability_second, WithinRel(1.0, 1e-15));
        // Both losses differ by the difference of the means.
        CHECK_THAT(r.loss_second - r.loss_first, WithinRel(r.estimate, 1e-9));
        CHECK(r.lower < r.estimate);
        CHECK(r.estimate < r.upper);
    }
}

TEST_CASE("beliefs from small priors are compared, alone and beside a narrow one")
{
    const auto alike = stats::beta_binomial({0.001, 0.001}, {0.001, 0.001});
    REQUIRE(alike.state == status::ok);
    CHECK_THAT(alike.probability_first, WithinRel(0.5, 1e-12));
    // Both are 0 or 1, nearly: the mean of |first - second| is 1/2, and the loss half of that.
    CHECK_THAT(alike.loss_first, WithinAbs(0.25, 1e-3));
    CHECK_THAT(alike.loss_first, WithinRel(alike.loss_second, 1e-10));
    const auto apart = stats::beta_binomial({0.001, 1.0}, {1.0, 0.001});
    REQUIRE(apart.state == status::ok);
    // P(U^1000 > 1 - V^1000) = Gamma(1.001)^2 / Gamma(1.002), by the beta function.
    const double log_p = 2.0 * std::lgamma(1.001) - std::lgamma(1.002);
    CHECK_THAT(apart.probability_first, WithinRel(-std::expm1(log_p), 1e-9));
    // A wide belief beside a step: arcsine law against 1/2, symmetric.
    const auto step = stats::beta_binomial({0.5, 0.5}, {1e12, 1e12});
    REQUIRE(step.state == status::ok);
    CHECK_THAT(step.probability_first, WithinRel(0.5, 1e-12));
    CHECK_THAT(step.loss_first, WithinRel(0.15915494309189535, 1e-5));  // 1 / (2 pi)
    CHECK_THAT(step.upper, WithinRel(0.49845866686, 1e-5));             // sin^2(pi / 2 * 0.975) - 1/2
    CHECK_THAT(step.lower, WithinRel(-step.upper, 1e-9));
    const auto off = stats::beta_binomial({0.5, 0.5}, {1e12, 9e12});
    REQUIRE(off.state == status::ok);
    CHECK_THAT(off.probability_second, WithinRel(0.20483276469913345, 1e-6));  // 2 / pi asin(sqrt(0.1))
    const auto rare = stats::beta_binomial({0.01, 1e6}, {0.02, 1e6});
    REQUIRE(rare.state == status::ok);
    CHECK_THAT(rare.probability_first + rare.probability_second, WithinRel(1.0, 1e-15));
    const auto certain = stats::beta_binomial({0.001, 9e14}, {9e14, 0.001});
    CHECK(certain.state == status::ok);
    CHECK(certain.probability_second == 1.0);
}

TEST_CASE(
    "the ranks of a quantile among a million million values, and among all that can be counted, are found")
{
    const auto ranks = stats::quantile_ranks(1'000'000'000'000, 0.99);
    const double sd = std::sqrt(1e12 * 0.99 * 0.01);
    CHECK_THAT((static_cast<double>(ranks.lower) - 0.99e12) / sd, WithinAbs(-1.959963984540054, 1e-4));
    CHECK_THAT((static_cast<double>(ranks.upper) - 0.99e12) / sd, WithinAbs(1.959963984540054, 1e-4));
    const auto most = stats::quantile_ranks(std::numeric_limits<std::uint64_t>::max(), 0.5);
    CHECK(most.lower < most.upper);
}

TEST_CASE("effects of ten thousand standard deviations have a sample size")
{
    // A mean that far away is found with the fewest units for which there is a variance at all.
    const double n = stats::sample_size(stats::mean_design{.effect = 1e4}, 0.8);
    CHECK(n > 1.05);
    CHECK(n < 1.3);
    CHECK_THAT(stats::power(stats::mean_design{.effect = 1e4}, n), WithinAbs(0.8, 1e-9));
    const double pairs = stats::sample_size(stats::paired_design{.effect = 1e4}, 0.8);
    CHECK_THAT(stats::power(stats::paired_design{.effect = 1e4}, pairs), WithinAbs(0.8, 1e-9));
    CHECK(stats::sample_size(stats::mean_design{.effect = 1e300}, 0.8) < 1.3);
    // Tails of the non-central t at few degrees of freedom: P(Z + 100 > t chi / sqrt(df)) is nearly that of chi alone.
    const double t = stats::student_t_upper_quantile(0.025, 0.01);
    CHECK_THAT(stats::noncentral_t_sf(t, 0.01, 100.0), WithinRel(0.0526868, 1e-5));
}

TEST_CASE("an interval of beliefs with parameters of a thousandth is in order, and where the beliefs are")
{
    // P(first - second <= d) is that of the belief with the wider scale, up to the share of the narrower one.
    const auto wide = stats::beta_binomial({0.001, 3.0}, {0.001, 1e5});
    REQUIRE(wide.state == status::ok);
    CHECK(wide.lower < wide.upper);
    CHECK_THAT(stats::beta_sf(wide.upper, 0.001, 3.0), WithinRel(0.025, 0.02));
    const auto alike = stats::beta_binomial({1e5, 0.001}, {1e5, 0.001});
    REQUIRE(alike.state == status::ok);
    CHECK(alike.lower < 0.0);
    CHECK_THAT(alike.upper, WithinRel(-alike.lower, 1e-3));
    CHECK_THAT(stats::beta_sf(alike.upper, 0.001, 1e5), WithinRel(0.025, 0.02));
    const double parameters[] = {0.001, 9e14};
    for (const double a : parameters) {
        for (const double b : parameters) {
            for (const double c : parameters) {
                const auto r = stats::beta_binomial(stats::beta_belief{a, b}, {c, 0.001});
                INFO(a << ' ' << b << ' ' << c);
                CHECK((r.state == status::not_converged || r.lower <= r.upper));
                CHECK_THAT(r.probability_first + r.probability_second, WithinRel(1.0, 1e-15));
            }
        }
    }
}
