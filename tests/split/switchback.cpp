// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/split/layer.hpp>
#include <joust/split/switchback.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace {

using namespace joust;

constexpr std::int64_t second = 1'000'000'000;

template <class Splitter>
std::string complaint(const Splitter& splitter, std::size_t arms = 2)
{
    try {
        (void)splitter.resolve(arms);
    } catch (const configuration_error& wrong) {
        return wrong.what();
    }
    return "accepted";
}

const int no_args = 0;

context<int> at(std::uint64_t unit, std::int64_t now)
{
    return {unit, now, no_args};
}

TEST_CASE("A cluster keeps its arm within a block and is randomised anew in the next")
{
    const switchback_plan plan = switchback{.salt = "s", .block = 60, .gap = 10}.resolve(2);
    int challenger = 0, same = 0;
    constexpr int blocks = 20'000;
    unsigned before = 0;
    for (std::int64_t b = -blocks / 2; b < blocks / 2; ++b) {
        const assignment first = plan.assign(at(7, b * 60 * second));
        REQUIRE(plan.block_of(b * 60 * second) == b);
        REQUIRE_FALSE(first.enrolled);
        REQUIRE_FALSE(plan.assign(at(7, b * 60 * second + 10 * second - 1)).enrolled);
        const assignment inside = plan.assign(at(7, b * 60 * second + 10 * second));
        REQUIRE(inside == assignment{first.arm, 0.5, true});
        REQUIRE(plan.assign(at(7, (b + 1) * 60 * second - 1)) == inside);
        challenger += first.arm == 1 ? 1 : 0;
        same += first.arm == before ? 1 : 0;
        before = first.arm;
    }
    CHECK_THAT(challenger, WithinAbs(blocks / 2, 3.3 * std::sqrt(blocks / 4.0)));
    CHECK_THAT(same, WithinAbs(blocks / 2, 3.3 * std::sqrt(blocks / 4.0)));
}

TEST_CASE("Clusters draw independently of each other, and unequal shares hold")
{
    const switchback_plan plan = switchback{.salt = "s", .block = 60, .shares = {0.7, 0.3}}.resolve(2);
    std::array<std::array<int, 2>, 2> seen{};
    constexpr int blocks = 40'000;
    for (int b = 0; b < blocks; ++b) {
        const assignment one = plan.assign(at(1, b * 60 * second));
        REQUIRE(one.propensity == (one.arm == 1 ? 0.3 : 0.7));
        ++seen[one.arm][plan.assign(at(2, b * 60 * second)).arm];
    }
    CHECK_THAT(seen[1][1], WithinAbs(0.09 * blocks, 3.3 * std::sqrt(blocks * 0.09 * 0.91)));
    CHECK_THAT(seen[0][0], WithinAbs(0.49 * blocks, 3.3 * std::sqrt(blocks * 0.49 * 0.51)));
}

TEST_CASE("A balanced order gives each arm once a round, every order equally often")
{
    const switchback_plan plan =
        switchback{.salt = "s", .block = 1, .order = block_order::balanced}.resolve(3);
    std::array<int, 27> orders{};
    constexpr int rounds = 12'000;
    for (int r = -rounds / 2; r < rounds / 2; ++r) {
        std::array<unsigned, 3> order{};
        std::set<std::uint64_t> randomised;
        for (int p = 0; p < 3; ++p) {
            const auto call = at(5, (r * 3 + p) * second);
            order[static_cast<std::size_t>(p)] = plan.assign(call).arm;
            randomised.insert(plan.randomised(call));
            REQUIRE(plan.assign(call).propensity == 1.0 / 3.0);
        }
        REQUIRE(randomised.size() == 1);  // the round is what was randomised
        REQUIRE((order[0] != order[1] && order[1] != order[2] && order[0] != order[2]));
        ++orders[order[0] * 9 + order[1] * 3 + order[2]];
    }
    double chi = 0.0;
    int kinds = 0;
    for (const int count : orders) {
        kinds += count > 0 ? 1 : 0;
        chi += count > 0 ? (count - rounds / 6.0) * (count - rounds / 6.0) / (rounds / 6.0) : 0.0;
    }
    CHECK(kinds == 6);
    CHECK(chi < 20.5);  // 99.9 % with 5 degrees of freedom
}

TEST_CASE("Invalid switchbacks are refused")
{
    CHECK_THAT(complaint(switchback{.block = 0.0}), ContainsSubstring("switchback.block is 0"));
    CHECK_THAT(complaint(switchback{.block = 60, .gap = 60}), ContainsSubstring("switchback.gap is 60"));
    CHECK_THAT(complaint(switchback{.block = 60, .gap = std::nan("")}),
               ContainsSubstring("switchback.gap is nan"));
    CHECK_THAT(complaint(switchback{.order = block_order::balanced, .shares = {0.7, 0.3}}),
               ContainsSubstring("switchback.shares is 0.7 in a balanced order"));
    CHECK_THAT(complaint(switchback{.shares = {0.7, 0.4}}),
               ContainsSubstring("switchback.shares is 1.1 in sum"));
    CHECK(complaint(switchback{.order = block_order::balanced}, 5) == "accepted");
}

struct ride {
    std::uint64_t city = 0;
};

TEST_CASE("In a trial the clustering is by city and block: one city becomes many independent units")
{
    manual_time clock;
    ab_test trial{model{"v1", [](const ride&) { return 1; }},
                  model{"v2", [](const ride&) { return 2; }},
                  by(&ride::city),
                  conversion<"done">{},
                  clock.view(),
                  layer({.salt = "cities"}, switchback{.salt = "dispatch", .block = 1'800, .gap = 300})};
    CHECK(trial.name() == "dispatch");
    std::set<std::uint64_t> units;
    int recorded = 0;
    for (int minute = 0; minute < 60 * 24 * 7; ++minute) {
        const auto [answer, ticket] = trial.serve(ride{1});
        if (ticket.kind() == ticket_kind::exposure) {
            REQUIRE(answer == static_cast<int>(ticket.arm()) + 1);
            units.insert(ticket.unit());
            REQUIRE(trial.observe<"done">(ticket, true));
            ++recorded;
        }
        clock.advance(60 * second);
    }
    CHECK(units.size() == 2 * 24 * 7);
    CHECK(recorded == 60 * 24 * 7 * 25 / 30);
    const evidence seen = trial.evidence();
    CHECK(seen.unrecorded == 60 * 24 * 7 * 5 / 30);
    CHECK(std::fabs(seen.arms[0].units.estimate() + seen.arms[1].units.estimate() - 336.0) < 12.0);
}

TEST_CASE("Without a clock of its own a trial tells a switchback the time of the wall, so replicas agree")
{
    const auto make = [] {
        return ab_test{model{"v1", [](const ride&) { return 1; }}, model{"v2", [](const ride&) { return 2; }},
                       by(&ride::city), conversion<"done">{}, switchback{.salt = "dispatch", .block = 1e9}};
    };
    const switchback_plan plan = switchback{.salt = "dispatch", .block = 1e9}.resolve(2);
    auto trial = make();
    for (std::uint64_t city = 0; city < 50; ++city) {
        const auto now = static_cast<std::int64_t>(wall_milliseconds()) * 1'000'000;
        REQUIRE(trial.choose(city).arm() == plan.assign(at(joust::salt{"dispatch"}.hasher()(city), now)).arm);
    }
}

}  // namespace
