// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/paired.hpp>

#include "stats/support.hpp"

#include <vector>

namespace stats = joust::stats;
using joust::status;

TEST_CASE("a paired test is the test of its differences, from raw pairs or from their summary")
{
    const std::vector<double> x{2.1, 3.4, 1.9, 5.6, 4.4};
    const std::vector<double> y{3.0, 4.2, 5.1, 6.3, 4.8};
    stats::moments d;
    for (std::size_t i = 0; i < x.size(); ++i) {
        d.add(x[i] - y[i]);
    }
    const auto raw = stats::paired_t(x, y);
    const auto summary = stats::paired_t(d.summary());
    CHECK(raw.state == status::ok);
    CHECK(raw.p_value == summary.p_value);
    CHECK(raw.df == 4.0);
    CHECK(stats::paired_t(y, x).statistic == -raw.statistic);
    CHECK(raw.lower < raw.estimate);
    CHECK(raw.estimate < raw.upper);
}

TEST_CASE("pairs that cannot be tested give a status")
{
    const std::vector<double> x{1.0, 2.0, 3.0};
    const std::vector<double> shifted{2.0, 3.0, 4.0};
    const std::vector<double> shorter{1.0, 2.0};
    const std::vector<double> bad{1.0, stats::not_a_number, 2.0};
    const std::vector<double> one{1.0};
    CHECK(stats::paired_t(x, shifted).state == status::zero_variance);
    CHECK(stats::paired_t(x, shifted).estimate == -1.0);
    CHECK(stats::paired_t(x, shorter).state == status::out_of_range);
    CHECK(stats::paired_t(x, bad).state == status::out_of_range);
    CHECK(stats::paired_t(one, one).state == status::too_few);
    CHECK(stats::paired_t(x, bad).method == "paired t-test");
}
