// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/numeric/value_distribution.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <thread>
#include <vector>

using namespace joust;
using detail::live_quantile;
using detail::pair_share;
using detail::quantile_watch;

namespace {

const std::array<pair_share, 1> at_30{pair_share::of(0.7, 0.3)};

double threshold_for(const std::vector<double>& first, double q)
{
    return detail::threshold_of(first, q);
}

double share_beyond(const std::vector<double>& values, double threshold)
{
    double beyond = 0.0;
    for (const double each : values) {
        beyond += each > threshold ? 1.0 : 0.0;
    }
    return beyond / static_cast<double>(values.size());
}

quantile_evidence collected(const live_quantile& live)
{
    quantile_evidence seen;
    live.collect(seen);
    return seen;
}

}  // namespace

TEST_CASE(
    "a threshold lies at the end of the bin of the first values' quantile that leaves the right share beyond")
{
    keyed_random random{1};
    for (const double q : {0.05, 0.25, 0.5, 0.9, 0.99}) {
        std::vector<double> first;
        for (int i = 0; i < 2'000; ++i) {
            first.push_back(random.normal() * 10.0);
        }
        const double threshold = threshold_for(first, q);
        std::sort(first.begin(), first.end());
        const double exact = first[static_cast<std::size_t>(std::ceil(q * 2'000.0)) - 1];
        INFO(q);
        CHECK(std::fabs(threshold - exact) <= std::fabs(exact) / 64.0);
        CHECK(threshold == value_bins::range_of(value_bins::of(threshold)).upper);
        const auto range = value_bins::range_of(value_bins::of(exact));
        const double other =
            threshold == range.upper ? value_bins::range_of(value_bins::of(exact) - 1).upper : range.upper;
        CHECK(std::fabs(share_beyond(first, threshold) - (1.0 - q)) <=
              std::fabs(share_beyond(first, other) - (1.0 - q)));
    }
}

TEST_CASE("where many values are one, the threshold lies on its nearer side")
{
    const auto of = [](int low, int high) {
        std::vector<double> values(static_cast<std::size_t>(low), 1.0);
        values.insert(values.end(), static_cast<std::size_t>(high), 2.0);
        return values;
    };
    // 95 % are 1: more is rare, and 5 % are near to the 10 % asked for.
    const double above_one = threshold_for(of(950, 50), 0.9);
    CHECK(above_one >= 1.0);
    CHECK(above_one < 2.0);
    // 88 % are 1: the quantile is 2, and nothing is beyond it.
    const double below_two = threshold_for(of(880, 120), 0.9);
    CHECK(below_two >= 1.0);
    CHECK(below_two < 2.0);
    CHECK(threshold_for(std::vector<double>(100, 7.0), 0.5) >= 7.0);
    CHECK(threshold_for(std::vector<double>(100, 7.0), 0.4) < 7.0);
    CHECK(std::fabs(threshold_for(std::vector<double>(100, 0.0), 0.9)) < 1e-7);
    // Beyond the last bin's beginning there is no number to compare with.
    CHECK(std::isfinite(threshold_for(std::vector<double>(100, 1e300), 0.9)));
    CHECK(std::isfinite(threshold_for(std::vector<double>(100, -1e300), 0.1)));
}

TEST_CASE("the champion's first values fix the threshold, and count in the sketches alone")
{
    live_quantile live;
    live.watch({.q = 0.8, .warm_up = 100}, 1);
    CHECK_FALSE(collected(live).fixed());
    CHECK(collected(live) == quantile_evidence{.q = 0.8, .values = std::vector<value_sketch>(2)});
    keyed_random random{2};
    std::vector<double> first;
    for (int i = 0; i < 100; ++i) {
        CHECK(std::isnan(live.take(1, at_30, 1000.0)));  // a challenger's value fixes nothing
        CHECK_FALSE(collected(live).fixed());
        first.push_back(random.uniform());
        CHECK(std::isnan(live.take(0, at_30, first.back())));
    }
    const quantile_evidence seen = collected(live);
    REQUIRE(seen.fixed());
    CHECK(seen.lowest == threshold_for(first, 0.8));
    CHECK(seen.highest == seen.lowest);
    CHECK(seen.values.size() == 2);
    CHECK(value_distribution{seen.values[0]}.share_at_most(seen.lowest) == Approx(0.8).margin(0.02));
    CHECK(seen.values[0].weights()[value_bins::of(first[0])] > 0.0);
    CHECK(seen.values[1].weights()[value_bins::of(1000.0)] == Approx(100 * 0.7));
    CHECK(live.take(0, at_30, seen.lowest) == 0.0);
    CHECK(live.take(0, at_30, std::nextafter(seen.lowest, 1.0)) == 1.0);
    CHECK(live.take(1, at_30, seen.lowest) == 0.0);
    CHECK(live.take(1, at_30, 1.0) == 1.0);
    CHECK(live.take(1, at_30, -1.0) == 0.0);
    CHECK(collected(live).lowest == seen.lowest);
}

TEST_CASE("for a lower quantile the rarer side is counted, and more is still more")
{
    live_quantile live;
    live.watch({.q = 0.1, .threshold = 5.0}, 1);
    CHECK(live.take(0, at_30, 5.0) == -1.0);
    CHECK(live.take(0, at_30, 5.1) == 0.0);
}

TEST_CASE("a margin moves the challenger's threshold, not the champion's")
{
    struct row {
        detail::bound limit;
        double own;
    };
    const row rows[] = {{{true, true, 1.5}, 15.0},
                        {{true, false, 2.0}, 12.0},
                        {{false, true, 0.5}, 5.0},
                        {{false, false, -3.0}, 7.0},
                        {{true, false, 0.0}, 10.0}};
    for (const row& each : rows) {
        live_quantile live;
        live.watch({.q = 0.9, .threshold = 10.0, .limit = each.limit}, 1);
        CHECK(live.take(0, at_30, 10.0) == 0.0);
        CHECK(live.take(0, at_30, 10.1) == 1.0);
        CHECK(live.take(1, at_30, each.own) == 0.0);
        CHECK(live.take(1, at_30, each.own + 0.1) == 1.0);
        CHECK(collected(live).lowest == 10.0);
    }
}

TEST_CASE("with several challengers the champion's values count for each of them, a challenger's in its own")
{
    const std::array<pair_share, 2> shares{pair_share::of(0.5, 0.3), pair_share::of(0.5, 0.2)};
    live_quantile live;
    live.watch({.q = 0.9, .threshold = 1.0}, 2);
    CHECK(live.take(0, shares, 4.0) == 1.0);
    CHECK(live.take(1, shares, 8.0) == 1.0);
    CHECK(live.take(2, shares, 16.0) == 1.0);
    const quantile_evidence seen = collected(live);
    REQUIRE(seen.values.size() == 4);
    const auto weight = [&](std::size_t v, double value) {
        return seen.values[v].weights()[value_bins::of(value)];
    };
    CHECK(weight(0, 4.0) == Approx(0.3 / 0.8));
    CHECK(weight(1, 8.0) == Approx(0.5 / 0.8));
    CHECK(weight(2, 4.0) == Approx(0.2 / 0.7));
    CHECK(weight(3, 16.0) == Approx(0.5 / 0.7));
    CHECK(weight(1, 16.0) == 0.0);
    CHECK(weight(3, 8.0) == 0.0);
}

TEST_CASE("taking values in allocates nothing, warm-up included, nor does collecting again")
{
    live_quantile live;
    live.watch({.q = 0.9, .warm_up = 500}, 1);
    quantile_evidence seen;
    live.collect(seen);
    const long before = joust_tests::allocations();
    double sum = 0.0;
    for (int i = 0; i < 1'000; ++i) {
        const double counted = live.take(0, at_30, static_cast<double>(i % 97));
        sum += std::isnan(counted) ? 0.0 : counted;
    }
    live.collect(seen);
    CHECK(joust_tests::allocations() == before);
    CHECK(seen.fixed());
    CHECK(sum > 0.0);
}

TEST_CASE("threads that feed one quantile agree on a threshold and lose no value", "[concurrent]")
{
    constexpr int threads = 4;
    constexpr int each = 20'000;
    constexpr unsigned warm_up = 1'000;
    live_quantile live;
    live.watch({.q = 0.5, .warm_up = warm_up}, 1);
    std::array<int, threads> counted{};
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t) {
        running.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const double value = 1.0 + static_cast<double>((i * 7 + t) % 64) / 64.0;
                counted[static_cast<std::size_t>(t)] += std::isnan(live.take(0, at_30, value)) ? 0 : 1;
            }
        });
    }
    quantile_evidence seen;
    double fixed_at = 0.0;
    bool moved = false;
    for (int look = 0; look < 20; ++look) {
        live.collect(seen);
        moved = moved || (fixed_at > 0.0 && seen.lowest != fixed_at);
        fixed_at = seen.fixed() ? seen.lowest : fixed_at;
    }
    for (auto& thread : running) {
        thread.join();
    }
    CHECK_FALSE(moved);
    // Values that come while the threshold is computed belong to the warm-up too.
    const int judged = counted[0] + counted[1] + counted[2] + counted[3];
    CHECK(judged <= threads * each - static_cast<int>(warm_up));
    CHECK(judged > threads * each / 2);
    live.collect(seen);
    double total = 0.0;
    for (const double weight : seen.values[0].weights()) {
        total += weight;
    }
    CHECK(total == Approx(0.3 * threads * each).epsilon(1e-9));
    CHECK(seen.fixed());
}
