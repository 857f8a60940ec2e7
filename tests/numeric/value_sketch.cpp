// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/numeric/value_bins.hpp>
#include <joust/numeric/value_sketch.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

namespace {

using joust::value_bins;
using joust::value_sketch;

constexpr double infinity = std::numeric_limits<double>::infinity();

static_assert(value_bins::of(0.0) == value_bins::zero);
static_assert(value_bins::of(-0.0) == value_bins::zero);

// A number of either sign whose magnitude's logarithm is uniform, well beyond the bins at both ends.
double any_value(joust::keyed_random& random)
{
    const double size = std::exp2(-30.0 + 76.0 * random.uniform());
    return random.chance(0.5) ? size : -size;
}

TEST_CASE("Bins of values follow each other without a gap, and hold what their range says")
{
    double end = -infinity;
    for (std::size_t bin = 0; bin < value_sketch::bins; ++bin) {
        const value_bins::range range = value_bins::range_of(bin);
        REQUIRE(range.lower == (bin == 0 ? -infinity : std::nextafter(end, infinity)));
        REQUIRE(range.upper > range.lower);
        REQUIRE(value_bins::of(range.lower) == bin);
        REQUIRE(value_bins::of(range.upper) == bin);
        end = range.upper;
    }
    CHECK(end == infinity);
}

TEST_CASE("A bin is at most 1/64 of its smaller magnitude wide, but for those at the ends and around 0")
{
    for (std::size_t bin = 1; bin + 1 < value_sketch::bins; ++bin) {
        const value_bins::range range = value_bins::range_of(bin);
        if (bin == value_bins::zero) {
            CHECK(range.upper == std::nextafter(0x1p-24, 0.0));
            CHECK(range.lower == -range.upper);
        } else {
            const double smaller = std::fmin(std::fabs(range.lower), std::fabs(range.upper));
            REQUIRE(range.upper - range.lower <= smaller / 64.0);
            REQUIRE(smaller >= 0x1p-24);
        }
    }
    CHECK(value_bins::range_of(value_sketch::bins - 2).upper ==
          std::nextafter(std::exp2(40.0) * 127.0 / 128.0, 0.0));
}

TEST_CASE("A larger value is never in a lower bin, and a value's mirror image is in the mirrored bin")
{
    joust::keyed_random random{1};
    for (int i = 0; i < 200'000; ++i) {
        const double a = any_value(random);
        const double b = random.chance(0.5) ? any_value(random) : a * (1.0 + 0.02 * random.uniform());
        REQUIRE((a <= b ? value_bins::of(a) <= value_bins::of(b) : value_bins::of(a) >= value_bins::of(b)));
        REQUIRE(value_bins::of(a) + value_bins::of(-a) == value_sketch::bins - 1);
        const value_bins::range range = value_bins::range_of(value_bins::of(a));
        REQUIRE((range.lower <= a && a <= range.upper));
    }
}

TEST_CASE("Values beyond the bins fall into the nearest one")
{
    constexpr double largest = std::numeric_limits<double>::max();
    CHECK(value_bins::of(largest) == value_sketch::bins - 1);
    CHECK(value_bins::of(infinity) == value_sketch::bins - 1);
    CHECK(value_bins::of(-largest) == 0);
    CHECK(value_bins::of(-infinity) == 0);
    CHECK(value_bins::of(std::numeric_limits<double>::denorm_min()) == value_bins::zero);
    CHECK(value_bins::of(1e-8) == value_bins::zero);
    CHECK(value_bins::of(1e-7) > value_bins::zero);
    CHECK(value_bins::of(-1e-7) < value_bins::zero);
}

TEST_CASE("Merging sketches of values is the sketch of all of them, in any order and grouping")
{
    joust::keyed_random random{2};
    value_sketch parts[3];
    value_sketch whole;
    double total = 0.0;
    for (int i = 0; i < 9'000; ++i) {
        const double value = any_value(random);
        const double weight = static_cast<double>(1 + random.below(4)) / 4.0;  // adds up without rounding
        parts[i % 3].add_bin(value_bins::of(value), weight);
        whole.add_bin(value_bins::of(value), weight);
        total += weight;
    }
    value_sketch left = parts[0];
    left.merge(parts[1]);
    left.merge(parts[2]);
    value_sketch right = parts[2];
    right.merge(parts[0]);
    right.merge(parts[1]);
    CHECK(left == whole);
    CHECK(right == whole);
    value_sketch copied;
    double sum = 0.0;
    for (std::size_t bin = 0; bin < value_sketch::bins; ++bin) {
        copied.add_bin(bin, whole.weights()[bin]);
        sum += whole.weights()[bin];
    }
    CHECK(copied == whole);
    CHECK(sum == total);
    copied.clear();
    CHECK(copied == value_sketch{});
    CHECK_FALSE(copied == whole);
}

}  // namespace
