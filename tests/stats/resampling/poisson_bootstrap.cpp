// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/distributions.hpp>
#include <joust/stats/resampling/poisson_bootstrap.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace stats = joust::stats;
using joust::status;

namespace {

struct event {
    std::uint64_t unit;
    double value;
};

std::vector<event> events(std::size_t n, std::uint64_t seed, std::uint64_t units)
{
    joust_test::engine draw{seed};
    std::vector<event> made;
    for (std::size_t i = 0; i < n; ++i) {
        made.push_back({draw.next() % units, 5.0 + 100.0 * draw.bell()});
    }
    return made;
}

stats::poisson_bootstrap fed(const std::vector<event>& all, std::size_t replicates = 200,
                             std::uint64_t seed = 1)
{
    stats::poisson_bootstrap made{{.replicates = replicates, .seed = seed}};
    for (const event& e : all) {
        made.update(e.unit, e.value);
    }
    return made;
}

}  // namespace

TEST_CASE("weights follow the Poisson law with mean 1, independent over units and replicates")
{
    // one unit of value 1 shows its weights: the sum over weight is 1, so count zeros and use several units
    constexpr std::size_t replicates = 1'001;  // no multiple of a block
    std::vector<double> zero(1, 0.0);
    double none = 0.0, products = 0.0;
    constexpr int units = 400;
    for (std::uint64_t unit = 0; unit < units; ++unit) {
        stats::poisson_bootstrap one{{.replicates = replicates}};
        one.update(unit, 1.0);
        bool last = false;
        for (std::size_t r = 0; r < replicates; ++r) {
            const bool empty = std::isnan(one.replicate_mean(r));
            none += empty ? 1.0 : 0.0;
            products += empty && last ? 1.0 : 0.0;
            last = empty;
        }
    }
    const double n = units * static_cast<double>(replicates);
    const double p = std::exp(-1.0);
    CHECK(std::fabs(none / n - p) < 4.0 * std::sqrt(p * (1.0 - p) / n));
    CHECK(std::fabs(products / n - p * p) < 5.0 * std::sqrt(p * p / n));
    // two units of values 0 and 1: the mean is the second's share of the weights
    double counts[4] = {};
    for (std::uint64_t unit = 0; unit < units; ++unit) {
        stats::poisson_bootstrap two{{.replicates = replicates}};
        two.update(2 * unit, 0.0);
        two.update(2 * unit + 1, 1.0);
        for (std::size_t r = 0; r < replicates; ++r) {
            const double share = two.replicate_mean(r);
            counts[0] += share == 0.5 ? 1.0 : 0.0;
            counts[1] += share == 1.0 / 3.0 ? 1.0 : 0.0;
            counts[2] += share == 2.0 / 3.0 ? 1.0 : 0.0;
            counts[3] += share == 0.75 ? 1.0 : 0.0;
        }
    }
    const auto mass = [](double k) { return std::exp(-1.0) / std::tgamma(k + 1.0); };
    double want[4] = {};
    for (double k = 1.0; k < 9.0; k += 1.0) {
        want[0] += mass(k) * mass(k);
        want[1] += mass(2.0 * k) * mass(k);
        want[2] += mass(2.0 * k) * mass(k);
        want[3] += mass(k) * mass(3.0 * k);
    }
    for (int i = 0; i < 4; ++i) {
        CHECK(std::fabs(counts[i] / n - want[i]) < 4.5 * std::sqrt(want[i] / n));
    }
    // the limits are those of the Poisson distribution
    double below = 0.0;
    for (int k = 0; k < 12; ++k) {
        below += mass(k);
        CHECK(std::fabs(stats::detail::poisson_limits[k] - below * 0x1p32) <= 0.5);
    }
}

TEST_CASE("order and division into parts change nothing but the last digit")
{
    std::vector<event> all = events(20'000, 4, 3'000);
    const auto whole = fed(all);
    const auto of_whole = whole.interval();
    std::vector<event> shuffled = all;
    joust_test::engine draw{5};
    for (std::size_t i = shuffled.size(); i > 1; --i) {
        std::swap(shuffled[i - 1], shuffled[draw.next() % i]);
    }
    const auto other = fed(shuffled).interval();
    CHECK(other.lower == Approx(of_whole.lower).epsilon(1e-14));
    CHECK(other.standard_error == Approx(of_whole.standard_error).epsilon(1e-12));
    for (const std::size_t parts : {2U, 7U, 64U}) {
        std::vector<stats::poisson_bootstrap> shards(parts, stats::poisson_bootstrap{{.replicates = 200}});
        for (const event& e : shuffled) {
            shards[draw.next() % parts].update(e.unit, e.value);
        }
        stats::poisson_bootstrap merged = shards.back();
        for (std::size_t i = 0; i + 1 < parts; ++i) {
            CHECK(merged.merge(shards[i]));
        }
        CHECK(merged.count() == whole.count());
        CHECK(merged.mean() == Approx(whole.mean()).epsilon(1e-15));
        const auto r = merged.interval();
        CHECK(r.lower == Approx(of_whole.lower).epsilon(1e-14));
        CHECK(r.upper == Approx(of_whole.upper).epsilon(1e-14));
        for (std::size_t i = 0; i < 200; ++i) {
            CHECK(merged.replicate_mean(i) == Approx(whole.replicate_mean(i)).epsilon(1e-14));
        }
    }
}

TEST_CASE("offsets a thousand million times the spread keep their digits")
{
    std::vector<event> near = events(5'000, 6, 5'000), far = near;
    for (std::size_t i = 0; i < near.size(); ++i) {
        near[i].value = std::floor(near[i].value);
        far[i].value = near[i].value + 1e11;
    }
    const auto a = fed(near).interval(), b = fed(far).interval();
    CHECK(b.upper - 1e11 == Approx(a.upper).margin(2e-5));
    CHECK(b.standard_error == Approx(a.standard_error).epsilon(1e-4));
}

TEST_CASE("the interval is that of the mean, wider when units have many values alike")
{
    joust_test::engine draw{12};
    std::vector<event> alone, clustered;
    for (std::uint64_t unit = 0; unit < 2'000; ++unit) {
        const double level = draw.bell();
        alone.push_back({unit, level});
        for (int i = 0; i < 5; ++i) {
            clustered.push_back({unit, level});
        }
    }
    const auto a = fed(alone, 2'000).interval();
    const auto c = fed(clustered, 2'000).interval();
    CHECK(a.standard_error == Approx(1.0 / std::sqrt(2'000.0)).epsilon(0.08));
    CHECK(c.standard_error == Approx(a.standard_error).epsilon(1e-10));  // five times the same says no more
    CHECK(a.upper - a.lower == Approx(2.0 * 1.96 * a.standard_error).epsilon(0.08));
    std::vector<event> moved = alone;
    for (event& e : moved) {
        e.unit += 1'000'000;
        e.value += 0.5;
    }
    const auto d = fed(moved, 2'000).difference(fed(alone, 2'000));
    CHECK(d.state == status::ok);
    CHECK(d.estimate == Approx(0.5).epsilon(1e-12));
    CHECK(d.standard_error == Approx(std::sqrt(2.0 / 2'000.0)).epsilon(0.08));
    CHECK(d.lower > 0.4);
}

TEST_CASE("coverage of the interval")
{
    int covered = 0;
    for (std::uint64_t run = 0; run < 400; ++run) {
        joust_test::engine draw{9'000 + run};
        stats::poisson_bootstrap one{{.replicates = 400, .seed = run}};
        for (std::uint64_t unit = 0; unit < 150; ++unit) {
            one.update(unit, draw.coin(0.4) ? 1.0 : 0.0);
        }
        const auto r = one.interval({.alpha = 0.1});
        covered += r.lower <= 0.4 && 0.4 <= r.upper ? 1 : 0;
    }
    CHECK(covered >= 335);
    CHECK(covered <= 382);
}

TEST_CASE("bad values are counted, bad requests have a state")
{
    stats::poisson_bootstrap one{{.replicates = 50}};
    CHECK(one.interval().state == status::too_few);
    CHECK(one.mean() == 0.0);
    CHECK_FALSE(one.update(1, std::nan("")));
    CHECK_FALSE(one.update(1, std::numeric_limits<double>::infinity()));
    CHECK(one.rejected() == 2);
    CHECK(one.count() == 0);
    CHECK(one.update(1, 2.0));
    CHECK(one.interval().state == status::too_few);
    for (std::uint64_t unit = 0; unit < 100; ++unit) {
        one.update(unit, 2.0);
    }
    CHECK(one.interval().state == status::zero_variance);
    CHECK(one.interval({.alpha = 0.0}).state == status::out_of_range);
    CHECK_FALSE(one.merge(stats::poisson_bootstrap{{.replicates = 50, .seed = 2}}));
    CHECK_FALSE(one.merge(stats::poisson_bootstrap{{.replicates = 51}}));
    CHECK(one.difference(stats::poisson_bootstrap{{.replicates = 51}}).state == status::out_of_range);
    CHECK(one.difference(stats::poisson_bootstrap{{.replicates = 50}}).state == status::too_few);
    CHECK(stats::poisson_bootstrap{{.replicates = 0}}.interval().state == status::too_few);
}
