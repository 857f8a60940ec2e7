// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/slot_split.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace joust;

// Shares with up to `arms` arms, some closed, in steps that are no round numbers.
share_list random_shares(std::size_t arms, keyed_random& random)
{
    std::vector<double> raw(arms);
    double sum = 0.0;
    for (double& each : raw) {
        each = random.below(4) == 0 ? 0.0 : random.exponential();
        sum += each;
    }
    if (sum == 0.0) {
        raw[0] = sum = 1.0;
    }
    share_list shares;
    double rest = 1.0;
    for (std::size_t arm = 0; arm + 1 < arms; ++arm) {
        const double share = raw[arm] / sum < 1e-9 ? 0.0 : raw[arm] / sum;
        shares.push_back(share);
        rest -= share;
    }
    shares.push_back(raw[arms - 1] == 0.0 || rest < 1e-9 ? 0.0 : rest);
    double total = 0.0;
    for (const double share : shares) {
        total += share;
    }
    return std::fabs(total - 1.0) < 1e-9 ? shares : random_shares(arms, random);
}

// Measured by brute force over both plans' slots, apart from the library's own comparison.
struct measured {
    double moved = 0.0;
    /// of units that left an arm which did not shrink
    double against = 0.0;
};

measured compare(const slot_plan& a, const slot_plan& b)
{
    std::vector<std::uint64_t> cuts;
    for (const hash_slot& each : a.slots()) {
        cuts.push_back(each.begin);
    }
    for (const hash_slot& each : b.slots()) {
        cuts.push_back(each.begin);
    }
    std::sort(cuts.begin(), cuts.end());
    measured out;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        const double size =
            (i + 1 < cuts.size() ? static_cast<double>(cuts[i + 1]) : 0x1p64) - static_cast<double>(cuts[i]);
        const unsigned from = a.arm_of(cuts[i]), to = b.arm_of(cuts[i]);
        if (from != to) {
            out.moved += size * 0x1p-64;
            out.against += b.share(from) >= a.share(from) ? size * 0x1p-64 : 0.0;
        }
    }
    return out;
}

std::string complaint(const slot_split& split, std::size_t arms)
{
    try {
        (void)split.resolve(arms);
    } catch (const configuration_error& wrong) {
        return wrong.what();
    }
    return "accepted";
}

TEST_CASE("Fresh slots are the layout of hash_split: a change to them moves no unit")
{
    keyed_random random{1};
    for (int round = 0; round < 2'000; ++round) {
        const std::size_t arms = 1 + random.below(16);
        const share_list shares = random_shares(arms, random);
        const hash_plan plain = hash_split{.salt = "s", .shares = shares}.resolve(arms);
        const slot_plan slots = slot_split{.salt = "s", .shares = shares}.resolve(arms);
        for (int i = 0; i < 50; ++i) {
            const std::uint64_t unit = random.next();
            REQUIRE(slots.arm_of(unit) == plain.arm_of(unit));
        }
        for (const hash_slot& each : slots.slots()) {
            REQUIRE(slots.arm_of(each.begin) == plain.arm_of(each.begin));
            REQUIRE(slots.arm_of(each.begin - 1) == plain.arm_of(each.begin - 1));
        }
    }
}

TEST_CASE("Over 10,000 sequences of plans, only units that have to move do")
{
    keyed_random random{2};
    std::size_t most_slots = 0;
    for (int sequence = 0; sequence < 10'000; ++sequence) {
        const std::size_t arms = 2 + random.below(sequence % 10 == 0 ? 15 : 4);
        slot_split split{.salt = "s", .shares = random_shares(arms, random)};
        slot_plan before = split.resolve(arms);
        for (int step = 0; step < 6; ++step) {
            const share_list shares = random_shares(arms, random);
            split = split.with_shares(shares);
            const slot_plan after = split.resolve(arms);
            double needed = 0.0;
            for (std::size_t arm = 0; arm < arms; ++arm) {
                needed += std::fmax(0.0, before.share(arm) - after.share(arm));
                REQUIRE(std::fabs(after.share(arm) - shares[arm]) < 1e-12);
            }
            const measured m = compare(before, after);
            REQUIRE(std::fabs(m.moved - needed) < 1e-12);
            REQUIRE(m.against < 1e-15);  // rounding of the brute force itself, in parts of 2^53
            most_slots = std::max(most_slots, after.slots().size());
            before = after;
        }
    }
    CHECK(most_slots < 100);
}

TEST_CASE("Slots stay few however often shares change")
{
    keyed_random random{3};
    for (const std::size_t arms : {2U, 3U, 5U, 16U}) {
        slot_plan plan{slot_split{.salt = "s", .shares = random_shares(arms, random)}.resolve(arms)};
        std::size_t most = 0;
        for (int step = 0; step < 10'000; ++step) {
            plan = plan.with_shares(random_shares(arms, random));
            most = std::max(most, plan.slots().size());
        }
        INFO(arms << " arms, at most " << most << " slots");
        CHECK(most <= 2 * arms + 2);
    }
}

TEST_CASE("Shares of many arms change in small steps, as those of a bandit")
{
    keyed_random random{4};
    std::vector<double> weights(8, 1.0);
    slot_plan plan = slot_split{.salt = "s"}.resolve(8);
    for (int step = 0; step < 5'000; ++step) {
        double sum = 0.0;
        for (double& each : weights) {
            each *= std::exp(0.1 * random.normal());
            each = std::fmin(std::fmax(each, 0.01), 100.0);
            sum += each;
        }
        share_list shares;
        for (const double each : weights) {
            shares.push_back(each / sum);
        }
        const slot_plan next = plan.with_shares(shares);
        double needed = 0.0;
        for (std::size_t arm = 0; arm < 8; ++arm) {
            needed += std::fmax(0.0, plan.share(arm) - next.share(arm));
        }
        REQUIRE(std::fabs(compare(plan, next).moved - needed) < 1e-12);
        plan = next;
    }
    CHECK(plan.slots().size() < 64);
}

TEST_CASE("An arm with the share 1 serves all units, and gives back no more than a later plan asks for")
{
    slot_plan plan = slot_split{.salt = "s", .shares = {0.5, 0.3, 0.2}}.resolve(3);
    const slot_plan all = plan.with_shares({0.0, 0.0, 1.0});
    CHECK(all.slots() == std::vector<hash_slot>{{0, 2}});
    const slot_plan back = all.with_shares({0.25, 0.25, 0.5});
    CHECK(compare(all, back).moved == 0.5);
    CHECK(slot_plan{}.slots() == std::vector<hash_slot>{{0, 0}});
    CHECK(slot_plan{}.arm_of(~0ULL) == 0);
}

TEST_CASE("Arms can be added at the end and closed, not dropped")
{
    const slot_split two{.salt = "s", .shares = {0.5, 0.5}};
    const slot_split three = two.with_shares({0.34, 0.33, 0.33});
    CHECK(std::fabs(compare(two.resolve(2), three.resolve(3)).moved - 0.33) < 1e-12);
    const slot_split closed = three.with_shares({0.5, 0.0, 0.5});
    CHECK(closed.resolve(3).share(1) == 0.0);
    CHECK_THROWS_AS(closed.with_shares({0.5, 0.5}), configuration_error);
}

TEST_CASE("A plan is restored from its slots alone, and its digest tells plans apart")
{
    const slot_split changed =
        slot_split{.salt = "s", .shares = {0.8, 0.1, 0.1}}.with_shares({0.2, 0.3, 0.5});
    const slot_plan plan = changed.resolve(3);
    const slot_plan restored = slot_split{.salt = "s", .slots = plan.slots()}.resolve(3);
    CHECK(restored.slots() == plan.slots());
    CHECK(restored.digest() == plan.digest());
    CHECK(plan.digest() != slot_split{.salt = "s", .shares = {0.2, 0.3, 0.5}}.resolve(3).digest());
    for (std::size_t arm = 0; arm < 3; ++arm) {
        CHECK_THAT(restored.share(arm), WithinAbs(plan.share(arm), 1e-15));
    }
}

TEST_CASE("Lists of slots that do not divide the hash space are refused with a reason")
{
    const auto with = [](std::vector<hash_slot> slots) {
        return complaint({.salt = "s", .slots = slots}, 2);
    };
    CHECK_THAT(with({{1, 0}}), ContainsSubstring("slot_split.slots is beginning above 0"));
    CHECK_THAT(with({{0, 0}, {5, 2}}), ContainsSubstring("for arm 2"));
    CHECK_THAT(with({{0, 0}, {5, 1}, {5, 0}}), ContainsSubstring("out of order at number 2"));
    CHECK(with({{0, 0}, {5, 0}, {9, 1}}) == "accepted");
    CHECK_THAT(complaint({.salt = "s", .shares = {0.5, 0.5}, .slots = {{0, 1}}}, 2),
               ContainsSubstring("slots of other shares"));
    CHECK_THAT(complaint({.salt = "s", .shares = {0.5, 0.6}}, 2),
               ContainsSubstring("slot_split.shares is 1.1 in sum"));
}

}  // namespace
