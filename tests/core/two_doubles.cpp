// SPDX-License-Identifier: Apache-2.0

#include <joust/core/two_doubles.hpp>

#include "catch.hpp"

#include <limits>

using joust::detail::keep_greater;
using joust::detail::keep_lesser;
using joust::detail::two_doubles;

TEST_CASE("two numbers are calculated with lane by lane, alone or with one number")
{
    const two_doubles a{1.0, -2.0};
    const two_doubles b{4.0, 8.0};
    two_doubles sum = a;
    sum += b;
    CHECK(sum[0] == 5.0);
    CHECK(sum[1] == 6.0);
    sum -= 1.0;
    sum *= a;
    CHECK(sum[0] == 4.0);
    CHECK(sum[1] == -10.0);
    sum -= b;
    CHECK(sum[0] == 0.0);
    CHECK(sum[1] == -18.0);
    const two_doubles mixed = 1.0 + 2.0 * (10.0 - a) * b;
    CHECK(mixed[0] == 73.0);
    CHECK(mixed[1] == 193.0);
}

TEST_CASE("the smaller and the larger number are kept lane by lane, and a kept number stays beside NaN")
{
    constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
    two_doubles low{1.0, 5.0};
    keep_lesser(low, two_doubles{2.0, 3.0});
    CHECK(low[0] == 1.0);
    CHECK(low[1] == 3.0);
    keep_lesser(low, two_doubles{no_number, 2.0});
    CHECK(low[0] == 1.0);
    CHECK(low[1] == 2.0);
    two_doubles high{1.0, 5.0};
    keep_greater(high, two_doubles{2.0, 3.0});
    CHECK(high[0] == 2.0);
    CHECK(high[1] == 5.0);
    keep_greater(high, two_doubles{3.0, no_number});
    CHECK(high[0] == 3.0);
    CHECK(high[1] == 5.0);
}
