// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/co_moments.hpp>

#include "stats/oracle_rows.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust_test::relative_error;

namespace {

std::vector<std::array<double, 3>> rows(std::size_t n, double offset)
{
    joust_test::engine random{7};
    std::vector<std::array<double, 3>> list;
    for (std::size_t i = 0; i < n; ++i) {
        const double a = random.bell();
        const double b = random.bell();
        list.push_back({offset + a, offset + a + 1e-3 * b, 2.0 * b});
    }
    return list;
}

long double exact_covariance(const std::vector<std::array<double, 3>>& list, std::size_t i, std::size_t j)
{
    long double mi = 0.0L, mj = 0.0L, sum = 0.0L;
    for (const auto& r : list) {
        mi += static_cast<long double>(r[i]) - static_cast<long double>(list[0][i]);
        mj += static_cast<long double>(r[j]) - static_cast<long double>(list[0][j]);
    }
    mi /= static_cast<long double>(list.size());
    mj /= static_cast<long double>(list.size());
    for (const auto& r : list) {
        sum += (static_cast<long double>(r[i]) - static_cast<long double>(list[0][i]) - mi) *
               (static_cast<long double>(r[j]) - static_cast<long double>(list[0][j]) - mj);
    }
    return sum / static_cast<long double>(list.size() - 1);
}

}  // namespace

TEST_CASE("covariances agree with two passes in long double, also far from zero")
{
    for (const double offset : {0.0, 1e6, 1e9}) {
        const auto list = rows(500, offset);
        stats::co_moments<3> m;
        for (const auto& r : list) {
            CHECK(m.add(r));
        }
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 3; ++j) {
                CHECK(relative_error(m.covariance(i, j), static_cast<double>(exact_covariance(list, i, j))) <
                      1e-14);
            }
        }
    }
}

TEST_CASE("the variance of a difference of nearly equal columns keeps its digits")
{
    const auto list = rows(1000, 1e6);
    stats::co_moments<3> m;
    stats::moments difference;
    for (const auto& r : list) {
        m.add(r);
        difference.add(r[1] - r[0]);
    }
    // The columns have variance 1, their difference 1e-6: the plain formula would lose six digits here.
    CHECK(relative_error(m.combination({-1.0, 1.0, 0.0}), difference.variance()) < 1e-14);
}

TEST_CASE("parts merge to the whole")
{
    const auto list = rows(301, 1e5);
    stats::co_moments<3> whole, parts[7], merged;
    for (std::size_t i = 0; i < list.size(); ++i) {
        whole.add(list[i]);
        parts[i * i % 7].add(list[i]);
    }
    for (const auto& part : parts) {
        merged.merge(part);
    }
    CHECK(merged.count() == whole.count());
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(relative_error(merged.mean(i), whole.mean(i)) < 1e-15);
        for (std::size_t j = 0; j < 3; ++j) {
            CHECK(relative_error(merged.covariance(i, j), whole.covariance(i, j)) < 1e-14);
        }
    }
}

TEST_CASE("rows that are not finite are refused whole, and counted")
{
    stats::co_moments<2> m;
    CHECK_FALSE(m.add(std::numeric_limits<double>::quiet_NaN(), 1.0));
    CHECK_FALSE(m.add(1.0, std::numeric_limits<double>::infinity()));
    CHECK(m.count() == 0);
    CHECK(m.rejected() == 2);
    CHECK(m.variance(0) == 0.0);
    CHECK(m.mean(0) == 0.0);
    CHECK(m.add(3.0, 4.0));
    CHECK(m.covariance(0, 1) == 0.0);
    stats::co_moments<2> other;
    CHECK_FALSE(other.add(std::numeric_limits<double>::quiet_NaN(), 1.0));
    other.merge(m);
    CHECK(other.count() == 1);
    CHECK(other.rejected() == 3);
    CHECK(other.mean(1) == 4.0);
    stats::co_moments<1> huge;
    huge.add(1e300);
    huge.add(-1e300);
    CHECK(std::isinf(huge.variance(0)));
}
