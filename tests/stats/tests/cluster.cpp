// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/cluster.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;

namespace {

struct data {
    std::vector<double> y;
    std::vector<std::uint64_t> cluster;
    std::vector<std::uint8_t> first;

    void add(double value, std::uint64_t id, bool in_first)
    {
        y.push_back(value);
        cluster.push_back(id);
        first.push_back(in_first ? 1 : 0);
    }
    [[nodiscard]] stats::cluster_result test(const stats::cluster_options& options = {}) const
    {
        return stats::cluster_robust_t(y, cluster, first, options);
    }
};

}  // namespace

TEST_CASE("one value per cluster gives Welch's standard error")
{
    engine random{1};
    data d;
    for (std::uint64_t i = 0; i < 57; ++i) {
        d.add(random.bell() * (i % 3 == 0 ? 2.0 : 1.0), i * 7919, i % 3 == 0);
    }
    const auto result = d.test();
    CHECK(result.state == status::ok);
    CHECK(result.standard_error == Approx(result.naive_error).epsilon(1e-12));
    CHECK(result.clusters == 57);
    CHECK(result.first_clusters == 19);
    CHECK(result.second_clusters == 38);
}

TEST_CASE("whole clusters per sample and equal sizes give the test of the cluster means")
{
    engine random{2};
    data d;
    std::vector<double> first_means, second_means;
    for (std::uint64_t g = 0; g < 24; ++g) {
        const double level = random.bell();
        double sum = 0.0;
        for (int i = 0; i < 5; ++i) {
            const double value = level + random.bell();
            d.add(value, g, g % 2 == 0);
            sum += value;
        }
        (g % 2 == 0 ? first_means : second_means).push_back(sum / 5.0);
    }
    const auto result = d.test();
    const auto means = stats::student_t(first_means, second_means);
    CHECK(result.estimate == Approx(means.estimate).epsilon(1e-12));
    CHECK(result.standard_error == Approx(means.estimate / means.statistic).epsilon(1e-12));
    CHECK(result.df == Approx(22.0).epsilon(1e-12));
    CHECK(result.p_value == Approx(means.p_value).epsilon(1e-11));
    CHECK(result.naive_error < result.standard_error);
    CHECK(result.cr0 < result.standard_error);
}

TEST_CASE("CR2 is unbiased and has its stated degrees of freedom where errors are independent")
{
    // unequal clusters that hold both samples or one; many draws of normal errors
    engine random{3};
    data d;
    for (std::uint64_t g = 0; g < 12; ++g) {
        for (std::uint64_t i = 0; i < 2 + g; ++i) {
            d.add(0.0, g, g < 3 ? true : g < 5 ? false : (i + g) % 3 == 0);
        }
    }
    double mean = 0.0, square = 0.0, df = 0.0, n1 = 0.0, n0 = 0.0;
    for (const std::uint8_t f : d.first) {
        (f != 0 ? n1 : n0) += 1.0;
    }
    const int runs = 20000;
    for (int run = 0; run < runs; ++run) {
        for (double& y : d.y) {
            y = random.bell();
        }
        const auto result = d.test();
        REQUIRE(result.state == status::ok);
        const double variance = result.standard_error * result.standard_error;
        mean += variance / runs;
        square += variance * variance / runs;
        df = result.df;
    }
    const double truth = 1.0 / n1 + 1.0 / n0;  // the sum of twelve uniforms has variance 1
    CHECK(mean == Approx(truth).epsilon(0.015));
    // a scaled chi-squared with df degrees of freedom has variance 2 mean^2 / df
    CHECK(2.0 * mean * mean / (square - mean * mean) == Approx(df).epsilon(0.06));
}

TEST_CASE("clusters widen what Welch's test says, and the level holds where Welch's does not")
{
    engine random{4};
    int robust = 0, naive = 0;
    for (int run = 0; run < 1000; ++run) {
        data d;
        for (std::uint64_t g = 0; g < 30; ++g) {
            const double level = random.bell();
            for (int i = 0; i < 10; ++i) {
                d.add(level + random.bell(), g, g % 2 == 0);
            }
        }
        const auto result = d.test();
        robust += result.p_value < 0.05 ? 1 : 0;
        naive += result.naive_lower > 0.0 || result.naive_upper < 0.0 ? 1 : 0;
    }
    CHECK(robust < 80);  // 50 expected, 99.9 % limit about 73
    CHECK(naive > 250);
}

TEST_CASE("too few clusters give a status together with the numbers")
{
    engine random{5};
    data few;
    for (std::uint64_t g = 0; g < 4; ++g) {
        for (int i = 0; i < 20; ++i) {
            few.add(random.bell(), g, g % 2 == 0);
        }
    }
    const auto result = few.test();
    CHECK(result.state == status::few_clusters);
    CHECK(std::isfinite(result.p_value));
    CHECK(result.clusters == 4);
    CHECK(few.test({.min_clusters = 4, .min_df = 1.0}).state == status::ok);

    data lone;  // the whole first sample in one cluster: nothing can be said
    for (std::uint64_t g = 0; g < 20; ++g) {
        for (int i = 0; i < 5; ++i) {
            lone.add(random.bell(), g, g == 0);
        }
    }
    CHECK(lone.test().state == status::few_clusters);
    CHECK(std::isnan(lone.test().p_value));
    CHECK(lone.test().naive_error > 0.0);
}

TEST_CASE("bad input gives a status")
{
    data d;
    CHECK(d.test().state == status::too_few);
    d.add(1.0, 1, true);
    d.add(2.0, 2, false);
    CHECK(d.test().state == status::too_few);
    for (std::uint64_t g = 0; g < 20; ++g) {
        d.add(static_cast<double>(g % 5), g, g % 2 == 0);
    }
    CHECK(d.test().state == status::ok);
    CHECK(d.test({.alpha = 0.0}).state == status::out_of_range);
    data bad = d;
    bad.y[3] = stats::not_a_number;
    CHECK(bad.test().state == status::out_of_range);
    bad = d;
    bad.first.pop_back();
    CHECK(bad.test().state == status::out_of_range);
    data same = d;
    for (double& y : same.y) {
        y = 4.0;
    }
    CHECK(same.test().state == status::zero_variance);
}
