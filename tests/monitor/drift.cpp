// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/drift.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace drift = joust::drift;
using counts = std::vector<std::uint64_t>;

TEST_CASE("distances keep the inequalities that bind them")
{
    joust::keyed_random random{11};
    for (int repeat = 0; repeat < 500; ++repeat) {
        const std::size_t cells = 2 + random.below(12);
        counts p(cells);
        counts q(cells);
        for (std::size_t i = 0; i < cells; ++i) {
            p[i] = random.below(repeat % 2 == 0 ? 5 : 100'000);
            q[i] = random.below(repeat % 2 == 0 ? 5 : 100'000);
        }
        ++p[0];
        ++q[cells - 1];
        const double tv = drift::total_variation(p, q);
        const double h = drift::hellinger(p, q);
        const double js = drift::js_divergence_nats(p, q);
        CHECK(h * h <= tv + 1e-15);
        CHECK(tv <= h * std::sqrt(2.0) + 1e-15);
        CHECK(js >= 0.0);
        CHECK(js <= std::log(2.0) + 1e-15);
        CHECK_THAT(drift::js_divergence_nats(q, p), WithinRel(js, 1e-13));
        CHECK(drift::l_infinity(p, q) <= tv + 1e-15);
        CHECK(drift::psi_jeffreys(p, q) >= 0.0);
        const double both = drift::kl_divergence_nats(p, q) + drift::kl_divergence_nats(q, p);
        if (std::isfinite(both)) {
            CHECK_THAT(drift::psi(p, q), WithinRel(both, 1e-12));
        } else {
            CHECK(drift::psi(p, q) == both);
        }
    }
}

TEST_CASE("equal shares are at distance zero, exactly, whatever their sizes")
{
    const counts p{7, 5, 3};
    const counts q{14, 10, 6};
    CHECK(drift::psi(p, q) == 0.0);
    CHECK(drift::js_divergence_bits(p, q) == 0.0);
    CHECK(drift::hellinger(p, q) == 0.0);
    CHECK(drift::total_variation(p, q) == 0.0);
    CHECK(drift::l_infinity(p, q) == 0.0);
}

TEST_CASE("tiny differences keep their digits")
{
    // Shares of 1/2 +- d: the divergence is d^2 to leading order, d^2 (1 + 7 d^2 / 6 ...) being beyond double
    // here.
    const counts even{1'000'000'000, 1'000'000'000};
    const counts off{1'000'000'001, 999'999'999};
    const double d = 0.5e-9;
    CHECK_THAT(drift::js_divergence_nats(even, off), WithinRel(0.5 * d * d, 1e-12));
    CHECK_THAT(drift::kl_divergence_nats(off, even), WithinRel(2.0 * d * d, 1e-12));
    CHECK_THAT(drift::psi(even, off), WithinRel(4.0 * d * d, 1e-12));
}

TEST_CASE("a cell that one side lacks makes the plain index infinite and leaves the smoothed one finite")
{
    const counts p{60, 40, 0};
    const counts q{50, 30, 20};
    CHECK(drift::psi(p, q) == std::numeric_limits<double>::infinity());
    CHECK(drift::kl_divergence_nats(q, p) == std::numeric_limits<double>::infinity());
    CHECK(std::isfinite(drift::kl_divergence_nats(p, q)));
    CHECK(std::isfinite(drift::psi_jeffreys(p, q)));
}

TEST_CASE("histograms that cannot be compared give a status, not a number")
{
    const counts some{1, 2};
    const counts none{0, 0};
    const counts longer{1, 2, 3};
    CHECK(std::isnan(drift::js_divergence_bits(some, none)));
    CHECK(std::isnan(drift::l_infinity(some, longer)));
    CHECK(std::isnan(drift::psi(counts{}, counts{})));
    CHECK(drift::compare(some, longer).state == joust::status::out_of_range);
    CHECK(drift::compare(some, none).state == joust::status::too_few);
    CHECK(drift::compare(some, some).state == joust::status::too_few);
    CHECK(drift::compare(counts{500, 500}, counts{500, 500}).state == joust::status::ok);
}

TEST_CASE("cells that are empty on both sides do not count")
{
    const auto with = drift::compare(counts{500, 0, 500, 0}, counts{90'000, 0, 110'000, 0});
    const auto without = drift::compare(counts{500, 500}, counts{90'000, 110'000});
    CHECK(with.psi_jeffreys == without.psi_jeffreys);
    CHECK(with.psi_null_mean == without.psi_null_mean);
}

TEST_CASE("the stability index of two samples of one distribution has the stated mean")
{
    joust::keyed_random random{5};
    double sum = 0.0;
    constexpr int repeats = 400;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        counts p(10);
        counts q(10);
        for (int i = 0; i < 2000; ++i) {
            ++p[random.below(10)];
            ++q[random.below(10)];
        }
        sum += drift::psi_jeffreys(p, q);
    }
    // 9 degrees of freedom: the mean of 400 has a relative error of sqrt(2 / (9 x 400)), three of which are 7
    // %.
    CHECK_THAT(sum / repeats, WithinRel(drift::psi_null_mean(10, 2000, 2000), 0.07));
}
