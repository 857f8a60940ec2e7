// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/planning/sensitivity.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::preference_agreement;

namespace {

std::vector<double> draw(joust_test::engine& random, std::size_t n, double mean, double deviation)
{
    std::vector<double> out(n);
    for (double& x : out) {
        x = mean + deviation * random.bell();
    }
    return out;
}

const std::vector<double> d{1.0, 0.0, 2.0, 1.0, -1.0, 1.0, 0.0, 2.0};
const std::vector<double> x{3.0, 5.0, 4.0, 8.0, 5.0};
const std::vector<double> y{2.0, 4.0, 1.0, 3.0};

}  // namespace

TEST_CASE("effects, their ratio and the impressions needed are those computed by hand")
{
    // d: mean 3/4, variance (12 - 8 * 9/16) / 7 = 15/14. x: mean 5, variance 14/4. y: mean 5/2, variance 5/3.
    const stats::sensitivity_result found = stats::interleaving_sensitivity(d, x, y);
    REQUIRE(found.state == status::ok);
    CHECK(found.interleaved.effect == Approx(0.75).epsilon(1e-15));
    CHECK(found.ab.effect == Approx(2.5).epsilon(1e-15));
    CHECK(found.interleaved.z == Approx(0.75 / std::sqrt(15.0 / 14.0 / 8.0)).epsilon(1e-14));
    CHECK(found.ab.z == Approx(2.5 / std::sqrt(3.5 / 5.0 + 5.0 / 3.0 / 4.0)).epsilon(1e-14));
    const double interleaved = 0.5625 / (15.0 / 14.0);
    const double ab = 6.25 / (2.0 * (3.5 + 5.0 / 3.0));
    CHECK(found.interleaved.per_impression == Approx(interleaved).epsilon(1e-14));
    CHECK(found.ab.per_impression == Approx(ab).epsilon(1e-14));
    CHECK(found.ratio == Approx(interleaved / ab).epsilon(1e-14));
    // (1.959963985 + 0.841621234)^2 = 7.848879734
    CHECK(found.interleaved.impressions == Approx(7.848879734349089 / interleaved).epsilon(1e-12));
    CHECK(found.ab.impressions == Approx(7.848879734349089 / ab).epsilon(1e-12));
    CHECK(found.agreement == preference_agreement::same);
    CHECK(found.lower < found.ratio);
    CHECK(found.upper > found.ratio);
    // Three impressions per interleaved unit, two per unit of the A/B test, a fifth of them on the first arm.
    const stats::sensitivity_result other = stats::interleaving_sensitivity(
        d, x, y, {.power = 0.9, .first_share = 0.2, .interleaved_per_unit = 3.0, .ab_per_unit = 2.0});
    CHECK(other.interleaved.per_impression == Approx(interleaved / 3.0).epsilon(1e-14));
    CHECK(other.ab.per_impression == Approx(6.25 / (2.0 * (3.5 / 0.2 + 5.0 / 3.0 / 0.8))).epsilon(1e-14));
    CHECK(other.ratio == Approx(other.interleaved.per_impression / other.ab.per_impression).epsilon(1e-14));
    CHECK(other.interleaved.impressions == Approx(10.507423 * 3.0 / interleaved).epsilon(1e-6));
}

TEST_CASE("units of measurement and a change of sign of both change nothing")
{
    const stats::sensitivity_result one = stats::interleaving_sensitivity(d, x, y);
    std::vector<double> small = d;
    for (double& v : small) {
        v /= -1024.0;
    }
    const stats::sensitivity_result other = stats::interleaving_sensitivity(small, y, x);
    CHECK(other.ratio == Approx(one.ratio).epsilon(1e-14));
    CHECK(other.agreement == preference_agreement::same);
    CHECK(stats::interleaving_sensitivity(d, x, y).lower == one.lower);
    CHECK(stats::interleaving_sensitivity(d, x, y, {.seed = 2}).lower != one.lower);
}

TEST_CASE(
    "an A/B effect that cannot be told from 0 leaves the ratio unbounded, an interleaved one leaves it at 0")
{
    joust_test::engine random{81};
    const std::vector<double> strong = draw(random, 400, 0.5, 1.0);
    const std::vector<double> weak = draw(random, 400, 0.001, 1.0);
    const std::vector<double> a = draw(random, 400, 5.0, 1.0), b = draw(random, 400, 5.0, 1.0);
    const std::vector<double> far = draw(random, 400, 6.0, 1.0);
    const double infinite = std::numeric_limits<double>::infinity();

    const stats::sensitivity_result unbounded = stats::interleaving_sensitivity(strong, a, b);
    CHECK(unbounded.state == status::ok);
    CHECK_FALSE(unbounded.ab.decided);
    CHECK(unbounded.interleaved.decided);
    CHECK(unbounded.upper == infinite);
    CHECK(unbounded.lower > 1.0);
    CHECK(unbounded.agreement == preference_agreement::undecided);

    const stats::sensitivity_result down_to_zero = stats::interleaving_sensitivity(weak, far, a);
    CHECK(down_to_zero.lower == 0.0);
    CHECK(down_to_zero.upper < 1.0);
    CHECK(down_to_zero.agreement == preference_agreement::undecided);

    const stats::sensitivity_result nothing = stats::interleaving_sensitivity(weak, a, b);
    CHECK(nothing.lower == 0.0);
    CHECK(nothing.upper == infinite);
    // An effect of exactly 0 needs impressions without end.
    const std::vector<double> even{1.0, -1.0};
    CHECK(stats::interleaving_sensitivity(even, far, a).interleaved.impressions == infinite);
    CHECK(stats::interleaving_sensitivity(strong, even, even).ratio == infinite);
}

TEST_CASE("designs that prefer different arms are reported as opposite")
{
    joust_test::engine random{82};
    const std::vector<double> favours_first = draw(random, 300, 0.5, 1.0);
    const std::vector<double> low = draw(random, 300, 5.0, 1.0), high = draw(random, 300, 6.0, 1.0);
    CHECK(stats::interleaving_sensitivity(favours_first, high, low).agreement == preference_agreement::same);
    CHECK(stats::interleaving_sensitivity(favours_first, low, high).agreement ==
          preference_agreement::opposite);
}

TEST_CASE("the interval covers the true ratio about as often as it says")
{
    joust_test::engine random{83};
    // Interleaved 0.2 of a deviation; A/B 0.3 of one, so 0.04 against 0.09 / 4.
    const double truth = 0.04 / (0.09 / 4.0);
    int covered = 0, above = 0;
    const int runs = 250;
    for (int run = 0; run < runs; ++run) {
        const std::vector<double> differences = draw(random, 800, 0.2, 1.0);
        const std::vector<double> first = draw(random, 500, 1.3, 1.0), second = draw(random, 500, 1.0, 1.0);
        const stats::sensitivity_result found =
            stats::interleaving_sensitivity(differences, first, second, {.replicates = 399});
        covered += found.lower <= truth && truth <= found.upper ? 1 : 0;
        above += found.lower > truth ? 1 : 0;
    }
    WARN("covered in " << covered << " of " << runs << ", above in " << above);
    CHECK(covered >= 225);  // 4 standard errors below 95 %
}

TEST_CASE("samples without a ratio have a status")
{
    const double nan = std::nan("");
    const std::vector<double> one{1.0}, same{2.0, 2.0, 2.0}, bad{1.0, nan};
    CHECK(stats::interleaving_sensitivity({}, x, y).state == status::too_few);
    CHECK(stats::interleaving_sensitivity(d, one, y).state == status::too_few);
    CHECK(stats::interleaving_sensitivity(d, x, one).state == status::too_few);
    CHECK(std::isnan(stats::interleaving_sensitivity(d, x, one).ratio));
    CHECK(stats::interleaving_sensitivity(same, x, y).state == status::zero_variance);
    CHECK(stats::interleaving_sensitivity(d, same, same).state == status::zero_variance);
    CHECK(stats::interleaving_sensitivity(d, x, same).state == status::ok);
    CHECK(stats::interleaving_sensitivity(bad, x, y).state == status::out_of_range);
    CHECK(stats::interleaving_sensitivity(d, x, std::vector<double>{1e308, -1e308}).state ==
          status::out_of_range);
    for (const stats::sensitivity_options& options : {stats::sensitivity_options{.alpha = 0.0},
                                                      {.power = 1.0},
                                                      {.power = nan},
                                                      {.first_share = 0.0},
                                                      {.interleaved_per_unit = 0.0},
                                                      {.ab_per_unit = nan}}) {
        CHECK(stats::interleaving_sensitivity(d, x, y, options).state == status::out_of_range);
    }
    CHECK(stats::interleaving_sensitivity(d, x, y, {.replicates = 1}).state == status::too_few);
}
