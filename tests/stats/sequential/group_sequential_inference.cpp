// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/group_sequential_inference.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <span>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using stats::side;

namespace {

std::vector<stats::group_sequential_look> five_looks(side alternative = side::two)
{
    return stats::group_sequential_bounds(stats::obrien_fleming{},
                                          std::vector<double>{20.0, 45.0, 60.0, 85.0, 100.0},
                                          {.alternative = alternative, .planned_information = 100.0});
}

double normal(engine& random)
{
    return stats::normal_quantile(0x1p-54 + random.uniform());
}

}  // namespace

TEST_CASE("with one look the results are those of a fixed design")
{
    const auto looks = stats::group_sequential_bounds(stats::pocock{}, std::vector<double>{1.0});
    auto one = looks;
    one[0].information = 25.0;
    for (const double z : {-3.0, 0.4, 1.7, 6.0}) {
        const auto result = stats::group_sequential_result(one, z);
        REQUIRE(result.state == status::ok);
        CHECK(result.p_value == Approx(2.0 * stats::normal_sf(std::fabs(z))).epsilon(1e-11));
        CHECK(result.estimate == Approx(z / 5.0).epsilon(1e-12));
        CHECK(result.lower == Approx((z - 1.959963984540054) / 5.0).epsilon(1e-11));
        CHECK(result.upper == Approx((z + 1.959963984540054) / 5.0).epsilon(1e-11));
        const auto greater = stats::group_sequential_result(one, z, {.alternative = side::greater});
        CHECK(greater.p_value == Approx(stats::normal_sf(z)).epsilon(1e-11));
        CHECK(std::isinf(greater.upper));
        CHECK(greater.lower == Approx((z - 1.6448536269514722) / 5.0).epsilon(1e-11));
        const auto less = stats::group_sequential_result(one, z, {.alternative = side::less});
        CHECK(less.p_value == Approx(stats::normal_cdf(z)).epsilon(1e-11));
        CHECK(std::isinf(less.lower));
    }
}

TEST_CASE("at a bound the tail is the error spent so far, at every look and drift")
{
    const auto looks = five_looks();
    for (std::size_t k = 1; k <= 5; ++k) {
        const std::span<const stats::group_sequential_look> taken{looks.data(), k};
        for (const double drift : {-0.2, 0.0, 0.1, 0.3}) {
            const auto out = stats::exit_probabilities_of(taken, drift);
            const auto up = stats::detail::stagewise_tails(taken, taken.back().upper, drift);
            CHECK(up.up == Approx(out.total_upper).epsilon(1e-12).margin(1e-15));
            const auto down = stats::detail::stagewise_tails(taken, taken.back().lower, drift);
            CHECK(down.down == Approx(out.total_lower).epsilon(1e-12).margin(1e-15));
            if (k == 5) {
                const auto inside = stats::detail::stagewise_tails(taken, 0.3, drift);
                CHECK(inside.up + inside.down == Approx(1.0).epsilon(1e-12));
            }
        }
        // so the p-value there is the error spent
        CHECK(stats::group_sequential_result(taken, taken.back().upper).p_value ==
              Approx(taken.back().spent).epsilon(1e-11));
    }
}

TEST_CASE("p-value, estimate and interval are inversions of one tail")
{
    const auto looks = five_looks();
    const std::span<const stats::group_sequential_look> taken{looks.data(), 3};
    for (const double z : {3.5, -4.2}) {
        const auto result = stats::group_sequential_result(taken, z, {.alpha = 0.1});
        REQUIRE(result.state == status::ok);
        CHECK(stats::detail::stagewise_tails(taken, z, result.estimate).up == Approx(0.5).epsilon(1e-10));
        CHECK(stats::detail::stagewise_tails(taken, z, result.lower).up == Approx(0.05).epsilon(1e-10));
        CHECK(stats::detail::stagewise_tails(taken, z, result.upper).up == Approx(0.95).epsilon(1e-10));
        // stopping early exaggerates: the estimate is nearer to 0 than the plain one
        CHECK(std::fabs(result.estimate) < std::fabs(z) / std::sqrt(60.0));
        CHECK(result.log_p == Approx(std::log(result.p_value)).epsilon(1e-12));
    }
    const auto up = stats::group_sequential_result(taken, 3.5);
    const auto down = stats::group_sequential_result(taken, -3.5);
    CHECK(up.estimate == Approx(-down.estimate).epsilon(1e-10));
    CHECK(up.p_value == Approx(down.p_value).epsilon(1e-10));
}

TEST_CASE("the tail at the true drift is uniform: estimates are too high half of the time, intervals cover")
{
    const auto looks = five_looks();
    const int runs = 4'000;
    for (const double drift : {0.0, 0.15, 0.32}) {
        engine random{77};
        int above = 0, covered = 0, plain_above = 0;
        for (int r = 0; r < runs; ++r) {
            double s = 0.0, before = 0.0, z = 0.0;
            std::size_t k = 0;
            for (; k < 5; ++k) {
                const double step = looks[k].information - before;
                s += drift * step + std::sqrt(step) * normal(random);
                before = looks[k].information;
                z = s / std::sqrt(before);
                if (z >= looks[k].upper || z <= looks[k].lower) {
                    break;
                }
            }
            const std::size_t taken = k < 5 ? k + 1 : 5;
            const double up = stats::detail::stagewise_tails({looks.data(), taken}, z, drift).up;
            above += up < 0.5 ? 1 : 0;  // the drift with tail 1/2 is above the true one
            covered += up > 0.025 && up < 0.975 ? 1 : 0;
            plain_above += z / std::sqrt(before) > drift ? 1 : 0;
        }
        INFO("drift " << drift << ": " << above << ", " << covered << ", plain " << plain_above);
        CHECK(std::abs(above - runs / 2) < 3.3 * 31.6);
        CHECK(covered > 0.95 * runs - 3.3 * 13.8);
        CHECK(covered < 0.95 * runs + 3.3 * 13.8);
    }
}

TEST_CASE("conditional power with one look to come is the textbook's")
{
    stats::group_sequential_look last{.information = 100.0, .lower = -1.96, .upper = 1.96};
    for (const double z : {-1.0, 0.5, 2.5}) {
        for (const double drift : {0.0, 0.2, 0.3}) {
            const double s = z * std::sqrt(40.0);
            const double want = stats::normal_cdf((s + drift * 60.0 - 1.96 * 10.0) / std::sqrt(60.0));
            CHECK(stats::conditional_power(z, 40.0, {&last, 1}, drift) == Approx(want).epsilon(1e-13));
            const double below = stats::normal_cdf((-1.96 * 10.0 - s - drift * 60.0) / std::sqrt(60.0));
            CHECK(stats::conditional_power(z, 40.0, {&last, 1}, drift, side::less) ==
                  Approx(below).epsilon(1e-12));
            CHECK(stats::conditional_power(z, 40.0, {&last, 1}, drift, side::two) ==
                  Approx(want + below).epsilon(1e-13));
        }
        const double wide = std::sqrt(60.0 + 60.0 * 60.0 / 40.0);
        const double predictive = stats::normal_cdf((z * std::sqrt(40.0) * 2.5 - 19.6) / wide);
        CHECK(stats::predictive_power(z, 40.0, {&last, 1}) == Approx(predictive).epsilon(1e-11));
        // a prior of the effect: normal with mean 0.2 and standard deviation 0.1, worth information 100
        const double mean = (0.2 * 100.0 + z * std::sqrt(40.0)) / 140.0;
        const double with_prior =
            stats::normal_cdf((z * std::sqrt(40.0) + mean * 60.0 - 19.6) / std::sqrt(60.0 + 3600.0 / 140.0));
        CHECK(stats::predictive_power(z, 40.0, {&last, 1}, {.mean = 0.2, .deviation = 0.1}) ==
              Approx(with_prior).epsilon(1e-11));
    }
    // a prior with no data yet
    CHECK(stats::predictive_power(0.0, 0.0, {&last, 1}, {.mean = 0.2, .deviation = 0.1}) ==
          Approx(stats::normal_cdf((20.0 - 19.6) / std::sqrt(200.0))).epsilon(1e-11));
}

TEST_CASE("conditional power averaged over the first look is the power that is left")
{
    const auto looks = five_looks();
    const double drift = 0.28;
    const auto out = stats::exit_probabilities_of(looks, drift);
    double left = 0.0;
    for (std::size_t k = 1; k < 5; ++k) {
        left += out.upper[k];
    }
    const auto rule = stats::detail::gauss_legendre(80);
    const double half = 0.5 * (looks[0].upper - looks[0].lower);
    double sum = 0.0;
    for (std::size_t i = 0; i < 80; ++i) {
        const double z = half * rule.nodes[i];
        sum += half * rule.weights[i] * stats::normal_pdf(z - drift * std::sqrt(20.0)) *
               stats::conditional_power(z, 20.0, std::span{looks}.subspan(1), drift);
    }
    CHECK(sum == Approx(left).epsilon(1e-11));
}

TEST_CASE("repeated intervals exclude zero exactly where the trial stops")
{
    for (const auto& look : five_looks()) {
        const double root = std::sqrt(look.information);
        const stats::bounds at = stats::repeated_interval(look, look.upper);
        CHECK(at.lower == 0.0);
        CHECK(at.upper == Approx(2.0 * look.upper / root).epsilon(1e-14));
        const stats::bounds inside = stats::repeated_interval(look, 1.0);
        CHECK(0.5 * (inside.lower + inside.upper) == Approx(1.0 / root).epsilon(1e-13));
    }
    CHECK(std::isnan(stats::repeated_interval({}, 1.0).lower));
    CHECK(std::isnan(stats::repeated_interval(five_looks()[0], stats::not_a_number).lower));
}

TEST_CASE("unusable arguments give a status or NaN")
{
    const auto looks = five_looks();
    CHECK(stats::group_sequential_result({}, 1.0).state == status::out_of_range);
    CHECK(stats::group_sequential_result(looks, stats::not_a_number).state == status::out_of_range);
    CHECK(stats::group_sequential_result(looks, 1.0, {.alpha = 0.0}).state == status::out_of_range);
    auto falling = looks;
    falling[4].information = 1.0;
    CHECK(stats::group_sequential_result(falling, 1.0).state == status::out_of_range);
    CHECK(std::isnan(stats::group_sequential_result(falling, 1.0).p_value));
    const std::span<const stats::group_sequential_look> rest = std::span{looks}.subspan(1);
    CHECK(std::isnan(stats::conditional_power(1.0, 50.0, rest, 0.1)));
    CHECK(std::isnan(stats::conditional_power(1.0, 20.0, {}, 0.1)));
    CHECK(std::isnan(stats::conditional_power(stats::not_a_number, 20.0, rest, 0.1)));
    CHECK(std::isnan(stats::predictive_power(0.0, 0.0, rest)));
    CHECK(std::isnan(stats::predictive_power(0.0, 20.0, rest, {.deviation = 0.0})));
}

TEST_CASE("one-sided designs with bounds that cannot be reached below")
{
    const auto looks = five_looks(side::greater);
    const auto result =
        stats::group_sequential_result({looks.data(), 2}, 3.9, {.alternative = side::greater});
    REQUIRE(result.state == status::ok);
    CHECK(result.p_value < 0.05);
    CHECK(result.lower > 0.0);
    const auto last = stats::group_sequential_result(looks, -2.0, {.alternative = side::greater});
    CHECK(last.p_value > 0.9);
    CHECK(last.estimate < 0.0);
}
