// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/moments.hpp>

#include "stats/exact.hpp"
#include "stats/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust_test::exact_deviation;
using joust_test::exact_mean;
using joust_test::exact_sum;
using joust_test::rational;
using joust_test::relative_error;

TEST_CASE("the difference of two means keeps its digits at a large offset")
{
    const std::vector<double> a{1000000.0021, 1000000.0034, 1000000.0019, 1000000.0056, 1000000.0044};
    const std::vector<double> b{1000000.003, 1000000.0042, 1000000.0051, 1000000.0063};
    const rational difference = exact_sum(a) / 5 - exact_sum(b) / 4;
    CHECK(relative_error(stats::moments{a}.mean_difference(stats::moments{b}),
                         static_cast<double>(difference)) < 1e-14);
}

TEST_CASE("an outlier in front does not spoil the shift")
{
    joust_test::engine random{3};
    std::vector<double> x{1e12};
    for (int i = 0; i < 5000; ++i) {
        x.push_back(random.bell());
    }
    std::vector<double> tail(x.begin() + 1, x.end());
    CHECK(relative_error(stats::moments{x}.standard_deviation(), exact_deviation(x)) < 1e-14);
    // values before the outlier count too: compare with the whole stream
    stats::moments stream;
    for (const double value : x) {
        stream.add(value);
    }
    CHECK(relative_error(stream.standard_deviation(), exact_deviation(x)) < 1e-14);
    CHECK(relative_error(stream.mean(), exact_mean(x)) < 1e-15);
}

TEST_CASE("any way to cut and merge a sample gives the same moments")
{
    joust_test::engine random{4};
    std::vector<double> x;
    for (int i = 0; i < 3000; ++i) {
        x.push_back(1e7 + 1e-3 * random.bell());
    }
    stats::moments parts[5];
    for (const double value : x) {
        parts[random.next() % 5U].add(value);
    }
    stats::moments merged;
    for (const stats::moments& part : parts) {
        merged.merge(part);
    }
    CHECK(merged.count() == 3000);
    CHECK(relative_error(merged.mean(), exact_mean(x)) < 1e-15);
    CHECK(relative_error(merged.variance(), exact_deviation(x) * exact_deviation(x)) < 1e-13);
    CHECK(relative_error(stats::moments{x}.variance(), exact_deviation(x) * exact_deviation(x)) < 1e-13);
}

TEST_CASE("values that are not finite are refused and counted, in a stream and in a span")
{
    const double bad = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    stats::moments stream;
    CHECK(stream.add(1.0));
    CHECK_FALSE(stream.add(bad));
    CHECK_FALSE(stream.add(inf));
    CHECK(stream.add(3.0));
    const stats::moments whole{std::vector<double>{bad, 1.0, inf, 3.0}};
    for (const stats::moments& m : {stream, whole}) {
        CHECK(m.count() == 2);
        CHECK(m.rejected() == 2);
        CHECK(m.mean() == 2.0);
        CHECK(m.variance() == 2.0);
    }
    stats::moments merged;
    merged.add(bad);
    merged.merge(whole);
    CHECK(merged.rejected() == 3);
    CHECK(merged.count() == 2);
}

TEST_CASE("empty and single samples, constants and overflow have defined answers")
{
    const stats::moments empty;
    CHECK(empty.mean() == 0.0);
    CHECK(empty.variance() == 0.0);
    CHECK(stats::moments{std::vector<double>{}} == empty);
    const stats::moments one{std::vector<double>{5.0}};
    CHECK(one.mean() == 5.0);
    CHECK(one.variance() == 0.0);
    const std::vector<double> same(1000, 0.1);
    CHECK(stats::moments{same}.variance() == 0.0);
    stats::moments stream;
    for (const double x : same) {
        stream.add(x);
    }
    CHECK(stream.variance() == 0.0);
    CHECK(std::isinf(stats::moments{std::vector<double>{-1e200, 1e200, 3.0}}.variance()));
}

TEST_CASE("pairs give the covariance, also merged and at a large offset")
{
    joust_test::engine random{6};
    std::vector<double> x, y;
    stats::pair_moments whole, parts[3];
    for (int i = 0; i < 2000; ++i) {
        const double common = random.bell();
        x.push_back(1e6 + common + random.bell());
        y.push_back(-1e7 + 0.5 * common + random.bell());
        whole.add(x.back(), y.back());
        parts[random.next() % 3U].add(x.back(), y.back());
    }
    const rational mx = exact_sum(x) / 2000;
    const rational my = exact_sum(y) / 2000;
    rational cross = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        cross += (rational(x[i]) - mx) * (rational(y[i]) - my);
    }
    const auto covariance = static_cast<double>(rational(cross / 1999));
    parts[0].merge(parts[1]);
    parts[0].merge(parts[2]);
    stats::pair_moments from_empty;
    from_empty.merge(parts[0]);
    for (const auto& m : {whole, parts[0], from_empty}) {
        CHECK(m.count() == 2000);
        CHECK(relative_error(m.covariance(), covariance) < 1e-13);
        CHECK(relative_error(m.x().standard_deviation(), exact_deviation(x)) < 1e-14);
        CHECK(relative_error(m.y().mean(), exact_mean(y)) < 1e-15);
    }
    CHECK_FALSE(whole.add(1.0, std::numeric_limits<double>::infinity()));
    CHECK(whole.rejected() == 1);
    CHECK(whole.count() == 2000);
}
