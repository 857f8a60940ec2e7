// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/bins.hpp>
#include <joust/monitor/block_alarm.hpp>
#include <joust/store/snapshot.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iostream>
#include <limits>
#include <utility>
#include <vector>

using counts = std::vector<std::uint64_t>;
using joust::false_alarms;
namespace detail = joust::detail;

namespace {

double at_most(double promised, int runs)
{
    return promised + 4.0 * std::sqrt(promised * (1.0 - promised) / runs);
}

double choose(std::uint64_t n, std::uint64_t k)
{
    if (k > n) {
        return 0.0;
    }
    double product = 1.0;
    for (std::uint64_t i = 0; i < k; ++i) {
        product *= static_cast<double>(n - i) / static_cast<double>(i + 1);
    }
    return product;
}

// The mean of a function of class counts over all subsets of `rows` ranks.
template <std::size_t Count, class Of>
double mean_over_subsets(const detail::rank_classes<Count>& classes, std::uint64_t rows, Of of)
{
    std::array<std::uint64_t, Count> c{};
    double sum = 0.0;
    const std::function<void(std::size_t, std::uint64_t, double)> place =
        [&](std::size_t j, std::uint64_t left, double ways) {
            const std::uint64_t size = classes.first[j + 1] - classes.first[j];
            if (j + 1 == Count) {
                if (left <= size) {
                    c[j] = left;
                    sum += ways * choose(size, left) * of(c);
                }
                return;
            }
            for (std::uint64_t n = 0; n <= std::min(left, size); ++n) {
                c[j] = n;
                place(j + 1, left - n, ways * choose(size, n));
            }
        };
    place(0, rows, 1.0);
    return sum / choose(classes.first[Count], rows);
}

counts draw_block(joust::keyed_random& random, const std::vector<double>& shares, std::uint64_t rows)
{
    counts block(shares.size());
    for (std::uint64_t i = 0; i < rows; ++i) {
        double left = random.uniform();
        std::size_t cell = 0;
        while (cell + 1 < shares.size() && left >= shares[cell]) {
            left -= shares[cell++];
        }
        ++block[cell];
    }
    return block;
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// Judge blocks of 200 rows: 5,000 quiet ones, and then others until the alarm. Returns the rows until then.
double delay(joust::keyed_random& random, const std::vector<double>& before, const std::vector<double>& after,
             std::size_t missing)
{
    joust::block_alarm alarm{draw_block(random, before, 10'000), missing, false_alarms::every(1e7),
                             random.next()};
    for (int i = 0; i < 25; ++i) {
        alarm.update(draw_block(random, before, 200));
    }
    CHECK_FALSE(alarm.raised());
    while (!alarm.raised() && alarm.rows() < 60'000) {
        alarm.update(draw_block(random, after, 200));
    }
    return static_cast<double>(alarm.rows()) - 5000.0;
}

}  // namespace

TEST_CASE("bets on a block's ranks have mean at most one over all subsets of the ranks")
{
    for (const auto& [ranks, rows] : {std::pair{37U, 2U}, std::pair{64U, 2U}, std::pair{33U, 1U}}) {
        const auto classes = detail::rank_classes<detail::shape_bets::classes>::equal(ranks);
        detail::shape_bets fresh;
        fresh.restart(false);
        detail::shape_bets taught = fresh;
        std::array<std::uint64_t, detail::shape_bets::classes> lesson{};
        lesson[3] = 900;
        lesson[14] = 100;
        taught.update(lesson, detail::rank_classes<detail::shape_bets::classes>::equal(100'000));
        for (const detail::shape_bets& start : {fresh, taught}) {
            const double mean = mean_over_subsets(classes, rows, [&](const auto& c) {
                detail::shape_bets bets = start;
                return bets.update(c, classes);
            });
            INFO(ranks << " ranks, " << rows << " rows");
            CHECK(mean <= start.evidence() * (1.0 + 1e-12));
            CHECK(mean > 0.9 * start.evidence());
        }
    }
    for (const auto& [ranks, rows] : {std::pair{40U, 3U}, std::pair{40U, 20U}, std::pair{1000U, 3U},
                                      std::pair{7U, 7U}, std::pair{1U, 1U}}) {
        const auto classes = detail::rank_classes<detail::low_rank_bets::classes>::halves(ranks);
        detail::low_rank_bets start;
        start.restart(false);
        const double mean = mean_over_subsets(classes, rows, [&](const auto& c) {
            detail::low_rank_bets bets = start;
            return bets.update(c, classes);
        });
        INFO(ranks << " ranks, " << rows << " rows");
        CHECK(mean <= 1.0 + 1e-12);
        CHECK(mean > 0.5);
    }
}

TEST_CASE("the ranks of a block follow the law of a random subset, whatever the cells hold")
{
    // Two of four rows are drawn from cells of different kinds: the law of the class counts is the same for all of them.
    const auto classes = detail::rank_classes<4>::equal(12);
    const std::vector<counts> bags{{12}, {5, 7}, {1, 2, 3, 6}, {4, 4, 4}};
    const std::vector<std::uint16_t> order{0, 1, 2, 3};
    constexpr int runs = 20'000;
    for (const counts& bag : bags) {
        joust::keyed_random random{41, bag.size()};
        // How often a block of five has so many rows in the first class, and in the third.
        std::array<double, 4> first{};
        std::array<double, 4> third{};
        for (int run = 0; run < runs; ++run) {
            counts left = bag;
            counts block(bag.size());
            for (std::uint64_t rows = 12; rows > 7; --rows) {
                std::uint64_t drawn = random.below(rows);
                std::size_t cell = 0;
                while (drawn >= left[cell]) {
                    drawn -= left[cell++];
                }
                --left[cell];
                ++block[cell];
            }
            std::array<std::uint64_t, 4> into{};
            detail::draw_ranks<4, std::uint16_t>(bag, block, {order.data(), bag.size()}, classes, random,
                                                 into);
            REQUIRE(into[0] + into[1] + into[2] + into[3] == 5);
            first[into[0]] += 1.0;
            third[into[2]] += 1.0;
        }
        for (std::uint64_t n = 0; n < 4; ++n) {
            const double p = choose(3, n) * choose(9, 5 - n) / choose(12, 5);
            const double error = std::sqrt(p * (1.0 - p) / runs);
            CHECK(std::abs(first[n] / runs - p) < 4.5 * error);
            CHECK(std::abs(third[n] / runs - p) < 4.5 * error);
        }
    }
}

TEST_CASE("cells in one class of ranks need no random number, and whole bags are their classes")
{
    const std::vector<std::uint16_t> order{0, 1};
    joust::keyed_random random{1};
    const joust::keyed_random untouched = random;
    std::array<std::uint64_t, 2> into{};
    detail::draw_ranks<2, std::uint16_t>(counts{10, 10}, counts{3, 4}, order,
                                         detail::rank_classes<2>::equal(20), random, into);
    CHECK(into == std::array<std::uint64_t, 2>{3, 4});
    detail::draw_ranks<2, std::uint16_t>(counts{15, 5}, counts{15, 5}, order,
                                         detail::rank_classes<2>::equal(20), random, into);
    CHECK(into == std::array<std::uint64_t, 2>{10, 10});
    CHECK(random == untouched);
}

TEST_CASE("a block alarm refuses what it cannot count, and empty blocks prove nothing")
{
    joust::block_alarm alarm{counts{100, 100, 0}, 2};
    alarm.update(counts{0, 0, 0});
    alarm.update(counts{1, 2});
    alarm.update(counts{std::numeric_limits<std::uint64_t>::max(), 1, 1});
    CHECK(alarm.refused_blocks() == 2);
    CHECK(alarm.rows() == 0);
    CHECK(alarm.evidence() == 0.0);
    CHECK_THROWS_AS(joust::block_alarm(counts{1, 2}, 2), joust::configuration_error);
    CHECK_THROWS_AS(joust::block_alarm(counts{}, 0), joust::configuration_error);
}

TEST_CASE("a block alarm continues from a saved state bit for bit, and refuses one that does not fit")
{
    joust::keyed_random random{3};
    const std::vector<double> shares{0.3, 0.3, 0.2, 0.1, 0.1};
    joust::block_alarm one{draw_block(random, shares, 500), 4};
    for (int i = 0; i < 5; ++i) {
        one.update(draw_block(random, shares, 100));
    }
    const auto saved = joust::from_snapshot<joust::block_alarm::memory>(joust::to_snapshot(one.state()));
    CHECK(saved == one.state());
    joust::block_alarm other{counts(5), 4};
    REQUIRE(other.restore(saved));
    for (int i = 0; i < 5; ++i) {
        const counts block = draw_block(random, {0.5, 0.1, 0.1, 0.1, 0.2}, 100);
        one.update(block);
        other.update(block);
    }
    CHECK(other.evidence() == one.evidence());
    CHECK(other.state() == one.state());
    joust::block_alarm narrow{counts(4), 3};
    CHECK_FALSE(narrow.restore(saved));
    auto broken = saved;
    broken.rows = 1'000'000;
    CHECK_FALSE(other.restore(broken));
    CHECK(other.evidence() == one.evidence());
}

TEST_CASE("a block alarm keeps its promise for small references and blocks of any size", "[calibration]")
{
    // Cells of very different size, of which the last one is for missing values.
    const std::vector<double> shares{0.6, 0.3, 0.05, 0.02, 0.008, 0.002, 0.0, 0.02};
    const bool restarts = GENERATE(true, false);
    const std::uint64_t reference = GENERATE(0U, 100U, 2000U);
    const std::uint64_t block = GENERATE(10U, 500U);
    constexpr int runs = 300;
    int raised = 0;
    for (int run = 0; run < runs; ++run) {
        joust::keyed_random random{51, static_cast<std::uint64_t>(run) * 8192 + reference + block};
        joust::block_alarm alarm{draw_block(random, shares, reference), 7,
                                 restarts ? false_alarms::every(1e4) : false_alarms::ever(0.2),
                                 random.next()};
        while (alarm.rows() < 2000) {
            alarm.update(draw_block(random, shares, block));
        }
        raised += alarm.raised() ? 1 : 0;
    }
    std::cout << "block alarm, " << (restarts ? "one in 10,000 rows" : "ever 20 %") << ", reference of "
              << reference << ", blocks of " << block << ": " << raised << " of " << runs
              << " quiet streams of 2,000 rows raised one (allowed " << 0.2 * runs << ")\n";
    CHECK(raised <= at_most(0.2, runs) * runs);
}

TEST_CASE("a block alarm finds new categories, missing values, and shifts of numbers and categories",
          "[calibration]")
{
    struct change {
        const char* name;
        std::vector<double> before;
        std::vector<double> after;
        double most;
    };
    const auto with = [](double rate, std::size_t cells) {
        std::vector<double> shares(cells, (1.0 - rate) / static_cast<double>(cells - 1));
        shares.back() = rate;
        return shares;
    };
    std::vector<double> fewer{0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.04, 0.03, 0.02, 0.02};
    std::vector<double> moved = fewer;
    moved[1] -= 0.04;
    moved[3] += 0.04;
    std::vector<double> normal(12);
    std::vector<double> shifted(12);
    for (std::size_t i = 0; i < 10; ++i) {
        constexpr double edge[]{-9, -1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816, 9};
        const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
        normal[i] = below(edge[i + 1]) - below(edge[i]);
        shifted[i] = below(edge[i + 1] - 0.2) - below(edge[i] - 0.2);
    }
    const change each =
        GENERATE_REF(change{"a new category at 1 %", with(0.0, 11), with(0.01, 11), 1500},
                     change{"missing values 2 % -> 4 %", with(0.02, 11), with(0.04, 11), 4500},
                     change{"4 % of rows between categories", fewer, moved, 9000},
                     change{"a shift of 0.2 sd", normal, shifted, 1500});
    std::vector<double> delays;
    for (std::uint64_t run = 0; run < 15; ++run) {
        joust::keyed_random random{52, run};
        delays.push_back(delay(random, each.before, each.after, each.before.size() - 1));
    }
    std::cout << "block alarm, promised 1e7 rows, blocks of 200: " << each.name << " found after "
              << median(delays) << " rows (median)\n";
    CHECK(median(delays) < each.most);
    CHECK(*std::max_element(delays.begin(), delays.end()) < 55'000.0);
}

TEST_CASE("a block that is large beside the reference is judged in parts, and not mostly against itself")
{
    joust::block_alarm alarm{counts{1005, 945, 1000, 950, 1100, 0, 0}, 5, false_alarms::every(6e6)};
    alarm.update(counts{1025, 800, 720, 660, 738, 0, 0});
    CHECK(alarm.raised());
    CHECK(alarm.rows() == 3943);
    CHECK(alarm.raised_at() < 3943);
    CHECK(alarm.evidence() > 1e8);
    CHECK(alarm.state().blocks > 3);
}
