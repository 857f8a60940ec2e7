// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/numeric/value_distribution.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

using joust::value_bins;
using joust::value_distribution;
using joust::value_sketch;

namespace {

/// The smallest value up to which the weight reaches a share q.
double exact_quantile(std::vector<std::pair<double, double>> weighted, double q)
{
    std::sort(weighted.begin(), weighted.end());
    double total = 0.0;
    for (const auto& each : weighted) {
        total += each.second;
    }
    double below = 0.0;
    for (const auto& [value, weight] : weighted) {
        below += weight;
        if (below >= q * total) {
            return value;
        }
    }
    return weighted.back().first;
}

}  // namespace

TEST_CASE("quantiles of a sketch are within 1/64 of those of the weighted values")
{
    joust::keyed_random random{3};
    const std::pair<const char*, std::function<double()>> laws[] = {
        {"lognormal", [&] { return std::exp(2.0 * random.normal()); }},
        {"normal", [&] { return random.normal(); }},
        {"negative", [&] { return -std::exp(random.normal()) * 1e-3; }},
        {"levels", [&] { return static_cast<double>(random.below(12)); }},
        {"mostly 0", [&] { return random.chance(0.8) ? 0.0 : 1e9 * random.normal(); }},
    };
    for (const auto& [name, law] : laws) {
        INFO(name);
        value_sketch sketch;
        std::vector<std::pair<double, double>> weighted;
        for (int i = 0; i < 20'000; ++i) {
            const double value = law();
            const double weight = 0.01 + random.uniform();
            sketch.add_bin(value_bins::of(value), weight);
            weighted.emplace_back(value, weight);
        }
        const value_distribution seen{sketch};
        REQUIRE_FALSE(seen.empty());
        for (const double q : {0.001, 0.01, 0.1, 0.25, 0.5, 0.77, 0.9, 0.99, 0.999, 1.0}) {
            const double exact = exact_quantile(weighted, q);
            INFO(q);
            // The rank itself may round to its neighbour's bin where a bin ends.
            const double below = exact_quantile(weighted, q - 1e-9);
            const double above = exact_quantile(weighted, q + 1e-9);
            const auto near = [&](double to) {
                return std::fabs(seen.quantile(q) - to) <= std::fmax(std::fabs(to) / 64.0, 0x1p-24);
            };
            CHECK((near(exact) || near(below) || near(above)));
            const auto range = value_bins::range_of(seen.bin_at(q));
            CHECK(range.lower <= seen.quantile(q));
            CHECK(seen.quantile(q) <= range.upper);
        }
    }
}

TEST_CASE("the share at the end of a bin is exact, and inside it runs linearly to the quantile and back")
{
    joust::keyed_random random{4};
    value_sketch sketch;
    std::vector<double> values;
    for (int i = 0; i < 5'000; ++i) {
        values.push_back(random.normal());
        sketch.add_bin(value_bins::of(values.back()));
    }
    const value_distribution seen{sketch};
    for (int i = 0; i < 200; ++i) {
        const double at = value_bins::range_of(value_bins::of(random.normal())).upper;
        const auto count = std::count_if(values.begin(), values.end(), [&](double v) { return v <= at; });
        CHECK(seen.share_at_most(at) == Approx(static_cast<double>(count) / 5'000.0).epsilon(1e-12));
    }
    for (double q = 0.01; q < 1.0; q += 0.01) {
        CHECK(seen.share_at_most(seen.quantile(q)) == Approx(q).epsilon(1e-10));
        CHECK(seen.quantile(q) < seen.quantile(q + 0.01));
    }
    CHECK(seen.share_at_most(-1e9) == 0.0);
    CHECK(seen.share_at_most(1e9) == Approx(1.0).epsilon(1e-12));
}

TEST_CASE("shares outside of 0 to 1 mean the nearest value, and an empty sketch has none")
{
    value_sketch sketch;
    CHECK(value_distribution{sketch}.empty());
    CHECK(std::isnan(value_distribution{sketch}.quantile(0.5)));
    CHECK(std::isnan(value_distribution{sketch}.share_at_most(0.5)));
    sketch.add_bin(value_bins::of(2.0), 0.5);
    sketch.add_bin(value_bins::of(-4.0), 0.25);
    const value_distribution seen{sketch};
    CHECK(seen.bin_at(-1.0) == value_bins::of(-4.0));
    CHECK(seen.bin_at(2.0) == value_bins::of(2.0));
    CHECK(seen.quantile(-1.0) == value_bins::range_of(value_bins::of(-4.0)).lower);
    CHECK(seen.quantile(2.0) == value_bins::range_of(value_bins::of(2.0)).upper);
    CHECK(seen.share_at_most(0.0) == Approx(1.0 / 3.0));
}

TEST_CASE("values in the outermost bins are counted at the inner ends of these bins")
{
    value_sketch sketch;
    sketch.add_bin(value_bins::of(1e300));
    sketch.add_bin(value_bins::of(-1e300));
    const value_distribution seen{sketch};
    CHECK(seen.quantile(0.9) == value_bins::range_of(value_sketch::bins - 1).lower);
    CHECK(seen.quantile(0.1) == value_bins::range_of(0).upper);
    CHECK(seen.share_at_most(1e300) == 1.0);
    CHECK(seen.share_at_most(0.0) == 0.5);
    CHECK(seen.share_at_most(-1e300) == 0.0);
}
