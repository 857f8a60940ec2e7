// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/box_alarm.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

using counts = std::vector<std::uint64_t>;
using shares = std::vector<double>;

namespace {

// Visit the vertices of a box cut with the simplex: all cells but one at a bound, and the last one what is left.
void each_vertex(const shares& low, const shares& high, const std::function<void(const shares&)>& visit)
{
    const std::size_t cells = low.size();
    for (std::size_t free = 0; free < cells; ++free) {
        for (std::size_t mask = 0; mask < (std::size_t{1} << (cells - 1)); ++mask) {
            shares p(cells);
            double left = 1.0;
            std::size_t bit = 0;
            for (std::size_t j = 0; j < cells; ++j) {
                if (j != free) {
                    p[j] = (mask >> bit++ & 1U) != 0 ? high[j] : low[j];
                    left -= p[j];
                }
            }
            if (left >= low[free] - 1e-12 && left <= high[free] + 1e-12) {
                p[free] = left;
                visit(p);
            }
        }
    }
}

counts draw_block(joust::keyed_random& random, const shares& of, int rows)
{
    counts block(of.size());
    for (int i = 0; i < rows; ++i) {
        double left = random.uniform();
        std::size_t cell = 0;
        while (cell + 1 < of.size() && left >= of[cell]) {
            left -= of[cell++];
        }
        ++block[cell];
    }
    return block;
}

}  // namespace

TEST_CASE("a bet against the hardest distribution of a box has mean at most one at every vertex of the box")
{
    joust::keyed_random random{71};
    int vertices = 0;
    for (int run = 0; run < 300; ++run) {
        const std::size_t cells = 2 + random.below(4);
        shares low(cells);
        shares high(cells);
        shares guess(cells);
        double sum = 0.0;
        for (std::size_t j = 0; j < cells; ++j) {
            low[j] = random.uniform() / static_cast<double>(cells);
            high[j] = std::min(1.0, low[j] + 2.0 * random.uniform() / static_cast<double>(cells));
            guess[j] = 0.01 + random.uniform();
            sum += guess[j];
        }
        for (double& q : guess) {
            q /= sum;
        }
        const shares hardest = joust::box_projection(guess, low, high);
        double most = 0.0;
        for (const double h : high) {
            most += h;
        }
        if (most < 1.0) {
            CHECK(hardest.empty());
            continue;
        }
        double total = 0.0;
        for (const double p : hardest) {
            total += p;
        }
        CHECK_THAT(total, WithinAbs(1.0, 1e-12));
        each_vertex(low, high, [&](const shares& p) {
            double mean = 0.0;
            for (std::size_t j = 0; j < cells; ++j) {
                mean += p[j] * guess[j] / hardest[j];
            }
            ++vertices;
            CHECK(mean <= 1.0 + 1e-12);
        });
    }
    CHECK(vertices > 1000);
    CHECK(joust::box_projection(shares{0.5, 0.5}, shares{0.6, 0.6}, shares{0.7, 0.7}).empty());
    CHECK(joust::box_projection(shares{}, shares{}, shares{}).empty());
    CHECK(joust::box_projection(shares{1.0}, shares{0.5, 0.1}, shares{1.0}).empty());
}

TEST_CASE("an alarm with a tolerance is quiet within it for ever, and finds what lies beyond")
{
    const shares reference{0.1, 0.2, 0.3, 0.2, 0.2};
    counts learned;
    for (const double p : reference) {
        learned.push_back(static_cast<std::uint64_t>(1e6 * p + 0.5));
    }
    // The corner of the tolerated box that a bet on lower values likes best.
    const shares corner{0.11, 0.219, 0.3, 0.19, 0.181};
    const shares beyond{0.13, 0.24, 0.3, 0.17, 0.16};
    int raised = 0;
    constexpr int runs = 60;
    for (std::uint64_t run = 0; run < runs; ++run) {
        joust::keyed_random random{72, run};
        joust::box_alarm alarm{learned, 0.1, joust::false_alarms::every(20'000)};
        for (int i = 0; i < 8; ++i) {
            alarm.update(draw_block(random, corner, 500));
        }
        raised += alarm.raised() ? 1 : 0;
    }
    CHECK(raised <= 24);  // 4,000 of 20,000 rows: 12 at most on average
    joust::keyed_random random{73};
    joust::box_alarm alarm{learned, 0.1, joust::false_alarms::every(1e7)};
    for (int i = 0; i < 10; ++i) {
        alarm.update(draw_block(random, corner, 1000));
    }
    CHECK_FALSE(alarm.raised());
    for (int i = 0; i < 20 && !alarm.raised(); ++i) {
        alarm.update(draw_block(random, beyond, 1000));
    }
    CHECK(alarm.raised());
    CHECK(alarm.raised_at() > 10'000);
    alarm.restart();
    CHECK_FALSE(alarm.raised());
    CHECK(alarm.evidence() == 0.0);
}

TEST_CASE("an alarm with a tolerance refuses what it cannot use")
{
    CHECK_THROWS_AS(joust::box_alarm(counts{0, 0}), joust::configuration_error);
    CHECK_THROWS_AS(joust::box_alarm(counts{}), joust::configuration_error);
    CHECK_THROWS_AS(joust::box_alarm(counts{1, 2}, -0.1), joust::configuration_error);
    CHECK_THROWS_AS(joust::box_alarm(counts{1, 2}, std::nan("")), joust::configuration_error);
    joust::box_alarm alarm{counts{100, 100, 0}};
    alarm.update(counts{0, 0, 0});
    alarm.update(counts{1, 1});
    CHECK(alarm.refused_blocks() == 1);
    CHECK(alarm.evidence() == 0.0);
    for (std::size_t j = 0; j < 3; ++j) {
        CHECK(alarm.low()[j] <= alarm.high()[j]);
    }
    CHECK(alarm.high()[2] > 0.0);
    alarm.update(counts{0, 0, 5});  // a cell that the reference never had is judged, not an error
    CHECK(std::isfinite(alarm.evidence()));
}
