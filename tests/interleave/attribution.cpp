// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/attribution.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/sequential/betting.hpp>
#include <joust/stats/tests/paired.hpp>
#include <joust/stats/tests/sign_flip.hpp>
#include <joust/stats/tests/sign_test.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace stats = joust::stats;
using joust::attribute;
using joust::attribution;
using joust::credited_feedback;
using joust::no_team;
using joust::status;

namespace {

using log_rows = std::vector<credited_feedback>;

constexpr std::array<attribution, 5> all{attribution::impression, attribution::net_share,
                                         attribution::majority, attribution::first_touch,
                                         attribution::last_touch};

// Slates of a few units, each click at a position of its own; the challenger is clicked a little more.
log_rows draw(joust_test::engine& random, double favour = 0.5)
{
    log_rows log;
    std::uint64_t slate = 1000;
    const std::uint64_t units = 1 + random.next() % 8;
    for (std::uint64_t unit = 0; unit < units; ++unit) {
        const std::uint64_t slates = 1 + random.next() % 4;
        for (std::uint64_t i = 0; i < slates; ++i, ++slate) {
            const std::int64_t time = static_cast<std::int64_t>(random.next() % 5);
            log.push_back({unit * 7, slate, time, 0, no_team, 1.0});
            for (std::uint32_t position = 0; position < 6; ++position) {
                if (random.coin(0.3)) {
                    const std::uint8_t team = random.coin(0.1) ? 2 : random.coin(favour) ? 1 : 0;
                    log.push_back({unit * 7, slate, time + position, position, team,
                                   0.25 * static_cast<double>(1 + random.next() % 4)});
                }
            }
        }
    }
    return log;
}

void shuffle(joust_test::engine& random, log_rows& log)
{
    for (std::size_t i = log.size(); i > 1; --i) {
        std::swap(log[i - 1], log[random.next() % i]);
    }
}

// The definitions again, unit by unit, as plainly as they can be written.
double plain(const log_rows& log, std::uint64_t unit, attribution by)
{
    log_rows mine;
    for (const credited_feedback& row : log) {
        if (row.unit == unit && row.team <= 1 && row.amount > 0.0) {
            mine.push_back(row);
        }
    }
    double sum = 0.0, size = 0.0;
    const auto signed_amount = [](const credited_feedback& row) {
        return row.team == 1 ? row.amount : -row.amount;
    };
    const auto earlier = [](const credited_feedback& a, const credited_feedback& b) {
        return std::tie(a.time, a.slate, a.position) < std::tie(b.time, b.slate, b.position);
    };
    for (const credited_feedback& row : mine) {
        sum += signed_amount(row);
        size += row.amount;
    }
    if (mine.empty()) {
        return 0.0;
    }
    switch (by) {
        case attribution::impression: return sum;
        case attribution::net_share: return sum / size;
        case attribution::majority: return (sum > 0.0 ? 1.0 : 0.0) - (sum < 0.0 ? 1.0 : 0.0);
        case attribution::first_touch:
            return signed_amount(*std::min_element(mine.begin(), mine.end(), earlier));
        case attribution::last_touch:
            return signed_amount(*std::max_element(mine.begin(), mine.end(), earlier));
    }
    return 0.0;
}

}  // namespace

TEST_CASE("outcomes are those computed by hand")
{
    // Unit 5 saw slates 10 (time 1: champion, challenger) and 11 (time 9: challenger 0.5), unit 3 slate 12 with nothing.
    const log_rows log{{5, 11, 9, 2, 1, 0.5},       {5, 10, 1, 0, 0, 1.0},       {5, 10, 2, 3, 1, 1.0},
                       {3, 12, 4, 0, no_team, 1.0}, {5, 10, 2, 4, no_team, 1.0}, {8, 13, 4, 1, 0, 0.25}};
    const auto outcome = [&](attribution by) {
        const joust::unit_outcomes found = attribute(log, {.by = by});
        REQUIRE(found.state == status::ok);
        REQUIRE(found.units == std::vector<std::uint64_t>{3, 5, 8});
        REQUIRE(found.slates == std::vector<std::uint32_t>{1, 2, 1});
        REQUIRE(found.differences[0] == 0.0);
        REQUIRE(found.ties == 1);
        return std::pair{found.differences[1], found.differences[2]};
    };
    CHECK(outcome(attribution::impression) == std::pair{0.5, -0.25});
    CHECK(outcome(attribution::net_share) == std::pair{0.2, -1.0});
    CHECK(outcome(attribution::majority) == std::pair{1.0, -1.0});
    CHECK(outcome(attribution::first_touch) == std::pair{-1.0, -0.25});
    CHECK(outcome(attribution::last_touch) == std::pair{0.5, -0.25});
    const joust::unit_outcomes mirrored = attribute(log, {.challenger = 0, .champion = 1});
    CHECK(mirrored.differences == std::vector<double>{0.0, -0.5, 0.25});
    CHECK(mirrored.wins == 1);
    CHECK(mirrored.losses == 1);
}

TEST_CASE(
    "outcomes follow their definitions, whatever the order of the log and however often it was delivered")
{
    joust_test::engine random{71};
    for (int round = 0; round < 300; ++round) {
        const log_rows log = draw(random);
        log_rows shuffled = log;
        std::uint64_t repeats = 0;
        for (std::size_t i = 0; i < log.size(); i += 3) {
            shuffled.push_back(log[i]);  // delivered again, and later
            shuffled.back().time += 2;
            repeats += log[i].team != no_team ? 1U : 0U;
        }
        shuffle(random, shuffled);
        for (const attribution by : all) {
            const joust::unit_outcomes found = attribute(log, {.by = by});
            const joust::unit_outcomes again = attribute(shuffled, {.by = by});
            REQUIRE(found.state == status::ok);
            REQUIRE(found.repeated == 0);
            REQUIRE(again.units == found.units);
            REQUIRE(again.differences == found.differences);
            REQUIRE(again.slates == found.slates);
            REQUIRE(again.repeated == repeats);
            for (std::size_t u = 0; u < found.units.size(); ++u) {
                REQUIRE(found.differences[u] == Approx(plain(log, found.units[u], by)).margin(1e-15));
                if (by != attribution::impression) {
                    REQUIRE(std::fabs(found.differences[u]) <= 1.0);
                }
            }
            REQUIRE(found.wins + found.losses + found.ties == found.units.size());
        }
    }
}

TEST_CASE("inverting all coins negates every outcome")
{
    joust_test::engine random{72};
    for (int round = 0; round < 100; ++round) {
        const log_rows log = draw(random, 0.7);
        log_rows turned = log;
        for (credited_feedback& row : turned) {
            row.team = row.team <= 1 ? static_cast<std::uint8_t>(1 - row.team) : row.team;
        }
        for (const attribution by : all) {
            const joust::unit_outcomes one = attribute(log, {.by = by});
            const joust::unit_outcomes two = attribute(turned, {.by = by});
            for (std::size_t u = 0; u < one.units.size(); ++u) {
                REQUIRE(two.differences[u] == -one.differences[u]);
            }
            REQUIRE(one.wins == two.losses);
        }
    }
}

TEST_CASE("under the null, by all ways the coins of pairs can fall, the mean outcome of each unit is 0")
{
    // Unit 0 clicks pairs 0 and 1 of one slate and pair 2 of another, and unit 1 clicks pair 3. Coins say which ranker drafted what.
    for (const attribution by : all) {
        std::map<std::uint64_t, double> mean;
        for (unsigned coins = 0; coins < 16; ++coins) {
            const auto team = [&](unsigned pair) { return static_cast<std::uint8_t>((coins >> pair) & 1U); };
            const log_rows log{{0, 1, 3, 0, team(0), 1.0},
                               {0, 1, 4, 3, team(1), 0.5},
                               {0, 2, 1, 1, team(2), 0.75},
                               {1, 3, 1, 0, team(3), 1.0}};
            const joust::unit_outcomes found = attribute(log, {.by = by});
            for (std::size_t u = 0; u < found.units.size(); ++u) {
                mean[found.units[u]] += found.differences[u] / 16.0;
            }
        }
        for (const auto& [unit, value] : mean) {
            CHECK(std::fabs(value) < 1e-15);
        }
    }
}

TEST_CASE("a unit with many impressions dominates sums, and has one vote in the other outcomes")
{
    log_rows log;
    for (std::uint64_t i = 0; i < 50; ++i) {
        log.push_back({0, i, 0, 0, 1, 1.0});  // one unit clicks the challenger 50 times
    }
    for (std::uint64_t unit = 1; unit <= 10; ++unit) {
        log.push_back({unit, 100 + unit, 0, 0, 0, 1.0});
    }
    const joust::unit_outcomes sums = attribute(log);
    const joust::unit_outcomes votes = attribute(log, {.by = attribution::majority});
    CHECK(stats::moments{sums.differences}.summary().mean > 0.0);
    CHECK(stats::moments{votes.differences}.summary().mean < 0.0);
    CHECK(votes.losses == 10);
    CHECK(sums.slates[0] == 50);
}

TEST_CASE("outcomes are ready for the tests of one sample")
{
    joust_test::engine random{73};
    log_rows log;
    for (std::uint64_t unit = 0; unit < 500; ++unit) {
        for (std::uint32_t position = 0; position < 3; ++position) {
            log.push_back(
                {unit, unit, position, position, static_cast<std::uint8_t>(random.coin(0.62) ? 1 : 0), 1.0});
        }
    }
    const joust::unit_outcomes found = attribute(log, {.by = attribution::net_share});
    CHECK(stats::sign_test(found.differences).p_value < 1e-3);
    CHECK(stats::sign_test(found.differences).wins == found.wins);
    CHECK(stats::paired_t(stats::moments{found.differences}.summary()).p_value < 1e-3);
    CHECK(stats::sign_flip(attribute(log).differences).p_value < 1e-3);
    CHECK(stats::sign_flip(attribute(log).differences).exact);
    stats::betting_capital capital{{.null = 0.0, .lower = -1.0, .upper = 1.0}};
    for (const double d : found.differences) {
        REQUIRE(capital.update(d));
    }
    CHECK(capital.p_value() < 1e-3);
}

TEST_CASE("equal sums are a tie, whatever their rounding errors")
{
    const log_rows log{{1, 1, 0, 0, 1, 0.1}, {1, 1, 0, 1, 1, 0.2}, {1, 1, 0, 2, 0, 0.3}};
    for (const attribution by : {attribution::impression, attribution::net_share, attribution::majority}) {
        CHECK(attribute(log, {.by = by}).ties == 1);
    }
}

TEST_CASE("logs that contradict themselves have a status and no outcomes")
{
    const log_rows good{{1, 10, 0, 0, 1, 1.0}, {2, 11, 0, 0, 0, 1.0}};
    CHECK(attribute(good).state == status::ok);
    CHECK(attribute({}).state == status::too_few);
    const auto with = [&](const credited_feedback& row) {
        log_rows log = good;
        log.push_back(row);
        return attribute(log);
    };
    const joust::unit_outcomes other_team = with({1, 10, 5, 0, 0, 1.0});
    CHECK(other_team.state == status::out_of_range);
    CHECK(other_team.contradicted == 1);
    CHECK(other_team.differences.empty());
    CHECK(with({3, 10, 5, 1, 0, 1.0}).contradicted == 1);  // one slate, two units
    for (const double amount : {-0.5, 1.5, std::nan("")}) {
        CHECK(with({4, 12, 0, 0, 1, amount}).unusable == 1);
        CHECK(with({4, 12, 0, 0, 1, amount}).state == status::out_of_range);
    }
    CHECK(with({4, 12, 0, 0, 1, 0.0}).ties == 1);  // seen, without credit
    CHECK(attribute(good, {.challenger = 1, .champion = 1}).state == status::out_of_range);
    CHECK(attribute(good, {.challenger = no_team}).state == status::out_of_range);
    CHECK(attribute(good, {.challenger = 2}).losses == 1);
}
