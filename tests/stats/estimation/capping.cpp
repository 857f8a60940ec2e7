// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/capping.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;

TEST_CASE("capping at a value says what share was capped, and what it took away")
{
    const std::vector<double> x{1.0, 2.0, 3.0, 94.0};
    const auto r = stats::cap_values(x, {.upper = 4.0});
    CHECK(r.state == status::ok);
    CHECK(r.values == std::vector<double>{1.0, 2.0, 3.0, 4.0});
    CHECK(r.upper_share == 0.25);
    CHECK(r.lower_share == 0.0);
    CHECK(r.removed == 0.9);
    const auto at_cap = stats::cap_values(x, {.lower = 1.0, .upper = 94.0});
    CHECK(at_cap.upper_share == 0.0);  // equal to the cap is not above it
    CHECK(at_cap.removed == 0.0);
}

TEST_CASE("quantile caps leave at most their share outside")
{
    std::vector<double> x;
    for (int i = 0; i < 100; ++i) {
        x.push_back(static_cast<double>((i * 37) % 100));  // 0 to 99 in another order
    }
    const auto at = stats::quantile_caps(x, 0.05, 0.01);
    CHECK(at.lower == 5.0);
    CHECK(at.upper == 98.0);
    const auto r = stats::winsorise(x, 0.05, 0.01);
    CHECK(r.lower_share == 0.05);
    CHECK(r.upper_share == 0.01);
    const auto none = stats::winsorise(x, 0.0, 0.0);
    CHECK(none.values == x);
    for (std::size_t n : {1U, 2U, 3U, 10U, 57U}) {
        const std::vector<double> part(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n));
        for (const double share : {0.01, 0.1, 0.3, 0.49}) {
            const auto w = stats::winsorise(part, share, share);
            CHECK(w.lower_share <= share + 1e-15);
            CHECK(w.upper_share <= share + 1e-15);
            CHECK(w.lower_share > share - 1.0 / static_cast<double>(n));
        }
    }
    const std::vector<double> ties{0.0, 0.0, 0.0, 0.0, 5.0};
    CHECK(stats::winsorise(ties, 0.0, 0.2).values.back() == 0.0);
    CHECK(stats::winsorise(ties, 0.2, 0.0).lower_share == 0.0);
}

TEST_CASE("capping: edge cases give a status")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> none, bad{1.0, missing}, infinite{1.0, std::numeric_limits<double>::infinity()},
        two{1.0, 2.0};
    CHECK(stats::cap_values(none, {}).state == status::too_few);
    CHECK(stats::cap_values(bad, {}).state == status::out_of_range);
    CHECK(stats::cap_values(infinite, {.upper = 5.0}).state == status::out_of_range);
    CHECK(stats::cap_values(two, {.lower = 2.0, .upper = 1.0}).state == status::out_of_range);
    CHECK(stats::winsorise(none, 0.1, 0.1).state == status::too_few);
    CHECK(stats::winsorise(two, 0.5, 0.1).state == status::out_of_range);
    CHECK(stats::winsorise(bad, 0.1, 0.1).state == status::out_of_range);
    CHECK(std::isnan(stats::quantile_caps(none, 0.1, 0.1).lower));
    CHECK(std::isnan(stats::cap_values(std::vector<double>{-1.0, 1.0}, {}).removed));
}
