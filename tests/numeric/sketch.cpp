// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/numeric/sketch.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using joust::latency_sketch;

// A duration whose logarithm is uniform from 1 ns to 1 h.
std::int64_t any_duration(joust::keyed_random& random)
{
    return static_cast<std::int64_t>(std::exp(random.uniform() * std::log(3.6e12)));
}

TEST_CASE("Every bin holds exactly the durations of its range, and the ranges meet")
{
    std::int64_t end = 0;
    for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
        const latency_sketch::bin_range range = latency_sketch::range_of(bin);
        REQUIRE(range.lower == end);
        REQUIRE(range.upper > range.lower);
        REQUIRE(latency_sketch::bin_of(range.lower) == bin);
        REQUIRE(latency_sketch::bin_of(range.upper - 1) == bin);
        end = range.upper;
    }
    CHECK(end == latency_sketch::limit);
    CHECK(latency_sketch::limit > 3'600'000'000'000);
}

TEST_CASE("The middle of a bin is within 0.8 percent of every duration in it")
{
    for (std::size_t bin = 1; bin < latency_sketch::bins; ++bin) {
        const latency_sketch::bin_range range = latency_sketch::range_of(bin);
        REQUIRE(range.middle() - static_cast<double>(range.lower) <=
                0.008 * static_cast<double>(range.lower));
        REQUIRE(static_cast<double>(range.upper - 1) - range.middle() <= 0.008 * range.middle());
    }
}

TEST_CASE("Durations outside the range fall into the nearest bin")
{
    CHECK(latency_sketch::bin_of(-1) == 0);
    CHECK(latency_sketch::bin_of(std::numeric_limits<std::int64_t>::min()) == 0);
    CHECK(latency_sketch::bin_of(latency_sketch::limit) == latency_sketch::bins - 1);
    CHECK(latency_sketch::bin_of(std::numeric_limits<std::int64_t>::max()) == latency_sketch::bins - 1);
}

TEST_CASE("Quantiles are within 0.8 percent of those of the sorted durations")
{
    joust::keyed_random random{1};
    latency_sketch sketch;
    std::vector<std::int64_t> sorted;
    for (int i = 0; i < 20'000; ++i) {
        sorted.push_back(any_duration(random));
        sketch.add(sorted.back());
    }
    std::sort(sorted.begin(), sorted.end());
    CHECK(sketch.count() == 20'000);
    for (const double q : {0.0, 1e-5, 0.001, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(q * 20'000.0)));
        const auto exact = static_cast<double>(sorted[rank - 1]);
        CAPTURE(q);
        CHECK_THAT(sketch.quantile(q), WithinRel(exact, 0.008));
        CHECK(sketch.quantile_bin(q) == latency_sketch::bin_of(sorted[rank - 1]));
    }
}

TEST_CASE("Short durations are kept exactly")
{
    latency_sketch sketch;
    for (std::int64_t ns = 0; ns < 128; ++ns) {
        sketch.add(ns);
    }
    CHECK(sketch.quantile(0.0) == 0.0);
    CHECK(sketch.quantile(0.5) == 63.0);
    CHECK(sketch.quantile(1.0) == 127.0);
    CHECK(sketch.quantile(-3.0) == 0.0);
    CHECK(sketch.quantile(7.0) == 127.0);
}

TEST_CASE("An empty sketch says so and has quantile 0")
{
    const latency_sketch sketch;
    CHECK(sketch.empty());
    CHECK(sketch.quantile(0.5) == 0.0);
    CHECK(sketch.quantile_bin(1.0) == 0);
}

TEST_CASE("Merging adds exactly, in any order and grouping, and equals one sketch of everything")
{
    joust::keyed_random random{2};
    latency_sketch parts[3];
    latency_sketch whole;
    for (int i = 0; i < 30'000; ++i) {
        const std::int64_t ns = any_duration(random);
        parts[random.below(3)].add(ns);
        whole.add(ns);
    }
    latency_sketch left = parts[0];
    left.merge(parts[1]);
    left.merge(parts[2]);
    latency_sketch right = parts[2];
    right.merge(parts[1]);
    latency_sketch grouped = parts[0];
    grouped.merge(right);
    CHECK(left == whole);
    CHECK(grouped == whole);
    right.merge(parts[0]);
    CHECK(right == whole);
}

TEST_CASE("A sketch is rebuilt from its counts")
{
    latency_sketch sketch;
    for (std::int64_t ns = 1; ns < latency_sketch::limit; ns *= 3) {
        sketch.add(ns);
    }
    latency_sketch copy;
    for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
        copy.add_bin(bin, sketch.counts()[bin]);
    }
    CHECK(copy == sketch);
}

}  // namespace
