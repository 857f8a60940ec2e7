// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/sign_test.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::side;

TEST_CASE("a sign test is exact and leaves ties out of the p-value but not out of the preference")
{
    const auto result = stats::sign_test(8, 2, 10);
    CHECK(result.state == status::ok);
    CHECK(result.p_value == Approx(2.0 * 56.0 / 1024.0).epsilon(1e-14));
    CHECK(result.estimate == Approx((8.0 + 5.0) / 20.0 - 0.5).epsilon(1e-14));
    CHECK(result.wins == 8);
    CHECK(result.losses == 2);
    CHECK(result.ties == 10);
    CHECK(stats::sign_test(8, 2, 0).p_value == result.p_value);
    CHECK(result.lower < result.estimate);
    CHECK(result.estimate < result.upper);
    CHECK(result.lower >= -0.5);
    CHECK(result.upper <= 0.5);
    CHECK(stats::sign_test(8, 2, 10, {.mid_p = true}).p_value ==
          Approx((2.0 * 56.0 - 45.0) / 1024.0).epsilon(1e-13));
    CHECK(stats::sign_test(8, 2, 0, {.alternative = side::greater}).p_value ==
          Approx(56.0 / 1024.0).epsilon(1e-14));
}

TEST_CASE("differences per unit are counted by their sign")
{
    const std::vector<double> d{0.5, -1.0, 0.0, 2.0, -0.0, 3.0, 1e-300};
    const auto result = stats::sign_test(d);
    CHECK(result.wins == 4);
    CHECK(result.losses == 1);
    CHECK(result.ties == 2);
    CHECK(result.p_value == stats::sign_test(4, 1, 2).p_value);
    const std::vector<double> bad{1.0, stats::not_a_number};
    CHECK(stats::sign_test(bad).state == status::out_of_range);
    CHECK(stats::sign_test(bad).wins == 0);
}

TEST_CASE("no unit, ties alone and a bad level have a defined answer")
{
    CHECK(stats::sign_test(0, 0).state == status::too_few);
    const auto ties = stats::sign_test(0, 0, 100);
    CHECK(ties.state == status::ok);
    CHECK(ties.p_value == 1.0);
    CHECK(ties.estimate == 0.0);
    CHECK(ties.upper < 0.03);
    CHECK(stats::sign_test(3, 4, 0, {.alpha = 2.0}).state == status::out_of_range);
}
