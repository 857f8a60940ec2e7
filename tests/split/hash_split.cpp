// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/hash_split.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using joust::hash_plan;
using joust::hash_split;
using joust::share_list;

constexpr double two_64 = 18446744073709551616.0;

std::string complaint(const share_list& shares, std::size_t arms)
{
    try {
        (void)hash_split{.salt = "s", .shares = shares}.resolve(arms);
    } catch (const joust::configuration_error& wrong) {
        return wrong.field() + "|" + wrong.value() + "|" + wrong.allowed();
    }
    return "accepted";
}

// The arms of hashes that matter: around every border that a layout can have, and random ones.
std::vector<std::uint64_t> probes(const hash_plan& a, const hash_plan& b, joust::keyed_random& random,
                                  int count)
{
    std::vector<std::uint64_t> hashes{0, ~0ULL};
    const auto around = [&hashes](double position) {
        const auto at = static_cast<std::uint64_t>(std::fmod(position, 1.0) * two_64);
        for (std::uint64_t offset = 0; offset < 9; ++offset) {
            hashes.push_back(at - 4096 * (offset == 0 ? 1 : 0) + offset - 4);
        }
    };
    const auto parts = static_cast<double>(a.arms()) - 1.0;
    for (std::size_t arm = 1; arm < a.arms(); ++arm) {
        const double start = static_cast<double>(arm - 1) / parts;
        around(start);
        around(start + a.share(arm));
        around(start + b.share(arm));
    }
    for (int i = 0; i < count; ++i) {
        hashes.push_back(random.next());
    }
    return hashes;
}

// Random shares in which every challenger stays within its place.
share_list fitting_shares(std::size_t arms, joust::keyed_random& random)
{
    share_list shares{0.0};
    double rest = 1.0;
    for (std::size_t arm = 1; arm < arms; ++arm) {
        const double place = 1.0 / static_cast<double>(arms - 1);
        const std::uint64_t kind = random.below(8);
        const double share = kind == 0 ? 0.0 : kind == 1 ? place : place * random.uniform();
        shares.push_back(share < 1e-9 ? 0.0 : share);
        rest -= share;
    }
    share_list all{rest < 1e-9 ? 0.0 : rest};
    for (std::size_t arm = 1; arm < arms; ++arm) {
        all.push_back(shares[arm]);
    }
    return all;
}

TEST_CASE("A split is written with designated initialisers, compares and resolves")
{
    const hash_split split{.salt = "score-2026-11", .shares = {0.9, 0.1}};
    CHECK(split == hash_split{.salt = std::string{"score-2026-11"}, .shares = {0.9, 0.1}});
    CHECK_FALSE(split == hash_split{.salt = "score-2026-11", .shares = {0.8, 0.2}});
    CHECK_FALSE(split == hash_split{.salt = "other", .shares = {0.9, 0.1}});
    const hash_plan plan = split.resolve(2);
    CHECK(plan == split.resolve(2));
    CHECK(plan.arms() == 2);
    CHECK(plan.share(0) == 0.9);
    CHECK(plan.propensity(1) == 0.1);
    CHECK(plan.stable());
    const int args = 0;
    const joust::context<int> call{split.salt.hasher()("user-7"), 0, args};
    const joust::assignment given = plan.assign(call);
    CHECK(given.arm == plan.arm_of(joust::xxh64("score-2026-11/user-7")));
    CHECK(given.propensity == plan.share(given.arm));
    CHECK(given.enrolled);
    STATIC_REQUIRE(noexcept(plan.assign(call)));
}

TEST_CASE("Without shares all models get the same")
{
    for (std::size_t arms = 1; arms <= joust::max_arms; ++arms) {
        const hash_plan plan = hash_split{.salt = "s"}.resolve(arms);
        REQUIRE(plan.arms() == arms);
        for (std::size_t arm = 0; arm < arms; ++arm) {
            CHECK(plan.share(arm) == 1.0 / static_cast<double>(arms));
        }
    }
}

TEST_CASE("Other shares keep the salt")
{
    const hash_split split{.salt = "s", .shares = {0.9, 0.1}};
    CHECK(split.with_shares({0.5, 0.5}) == hash_split{.salt = "s", .shares = {0.5, 0.5}});
}

TEST_CASE("Invalid shares are refused with the field, the value and what is allowed")
{
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THAT(complaint({0.75, 0.125}, 2),
               ContainsSubstring("hash_split.shares|0.875 in sum|positive shares that sum to 1"));
    CHECK_THAT(complaint({1.0, 0.5}, 2), ContainsSubstring("|1.5 in sum|"));
    CHECK_THAT(complaint({1.0, nan}, 2),
               ContainsSubstring("nan for one model|each share 0 or from 1e-9 to 1"));
    CHECK_THAT(complaint({1.5, -0.5}, 2), ContainsSubstring("1.5 for one model"));
    CHECK_THAT(complaint({0.5, -0.5, 1.0}, 3), ContainsSubstring("-0.5 for one model"));
    CHECK_THAT(complaint({1.0, 1e-10}, 2), ContainsSubstring("1e-10 for one model"));
    CHECK_THAT(complaint({0.0, 0.0}, 2), ContainsSubstring("0 in sum"));
    CHECK_THAT(complaint({std::numeric_limits<double>::infinity(), 0.0}, 2),
               ContainsSubstring("inf for one model"));
    CHECK_THAT(complaint({0.5, 0.5}, 3), ContainsSubstring("2 shares for 3 models|one share for each model"));
    CHECK_THAT(complaint({}, 0), ContainsSubstring("models|0|1 to 16 models"));
    CHECK_THAT(complaint({}, 17), ContainsSubstring("models|17|"));
    CHECK_THROWS_AS((share_list{.1, .1, .1, .1, .1, .1, .1, .1, .1, .1, .1, .1, .1, .1, .1, .1, .1}),
                    joust::configuration_error);
    CHECK(complaint({0.5, 0.5}, 2) == "accepted");
    CHECK(complaint({1.0, 0.0}, 2) == "accepted");
}

TEST_CASE("Shares that sum to 1 within 1e-9 are taken as fractions of their sum")
{
    const hash_plan thirds =
        hash_split{.salt = "s", .shares = {0.3333333333, 0.3333333333, 0.3333333333}}.resolve(3);
    for (std::size_t arm = 0; arm < 3; ++arm) {
        CHECK_THAT(thirds.share(arm), WithinAbs(1.0 / 3.0, 1e-16));
    }
    CHECK(complaint({0.33333333, 0.33333333, 0.33333333}, 3) != "accepted");
    // Rounding in the last digits changes nothing: the numbers stay as they were written.
    const hash_plan tenths =
        hash_split{.salt = "s", .shares = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}}.resolve(10);
    CHECK(tenths.share(9) == 0.1);
}

TEST_CASE("An arm with the share 0 is never served, and an arm with the share 1 always is")
{
    joust::keyed_random random{1};
    for (std::size_t arms = 1; arms <= joust::max_arms; ++arms) {
        for (std::size_t all = 0; all < arms; ++all) {
            share_list shares;
            for (std::size_t arm = 0; arm < arms; ++arm) {
                shares.push_back(arm == all ? 1.0 : 0.0);
            }
            const hash_plan plan = hash_split{.salt = "s", .shares = shares}.resolve(arms);
            for (const std::uint64_t hash : probes(plan, plan, random, 20)) {
                REQUIRE(plan.arm_of(hash) == all);
            }
        }
    }
}

TEST_CASE("A champion with the share 0 does not get what rounding leaves over")
{
    joust::keyed_random random{2};
    for (std::size_t arms = 2; arms <= joust::max_arms; ++arms) {
        share_list equal{0.0};
        share_list uneven{0.0};
        for (std::size_t arm = 1; arm < arms; ++arm) {
            const auto n = static_cast<double>(arms - 1);
            equal.push_back(1.0 / n);
            uneven.push_back(2.0 * static_cast<double>(arm) / (n * (n + 1.0)));
        }
        for (const share_list& shares : {equal, uneven}) {
            const hash_plan plan = hash_split{.salt = "s", .shares = shares}.resolve(arms);
            CHECK(plan.stable() == (arms == 2 || shares == equal));
            auto hashes = probes(plan, plan, random, 200);
            double end = 0.0;
            for (std::size_t arm = 1; arm < arms; ++arm) {
                end += plan.share(arm);
                for (std::uint64_t i = 0; i < 8'192; i += 64) {
                    hashes.push_back(static_cast<std::uint64_t>(std::fmod(end, 1.0) * two_64) + i - 4'096);
                }
            }
            for (const std::uint64_t hash : hashes) {
                REQUIRE(plan.arm_of(hash) != 0);
            }
        }
    }
}

TEST_CASE("The layout is the documented one, which can be computed from hash / 2^64")
{
    const auto arm = [](const hash_plan& plan, double position) {
        return plan.arm_of(static_cast<std::uint64_t>(position * two_64));
    };
    const hash_plan two = hash_split{.salt = "s", .shares = {0.9, 0.1}}.resolve(2);
    CHECK(arm(two, 0.0) == 1);
    CHECK(arm(two, 0.0999999) == 1);
    CHECK(arm(two, 0.1000001) == 0);
    CHECK(arm(two, 0.9999999) == 0);

    const hash_plan three = hash_split{.salt = "s", .shares = {0.6, 0.1, 0.3}}.resolve(3);
    CHECK(three.stable());
    CHECK(arm(three, 0.0999999) == 1);
    CHECK(arm(three, 0.1000001) == 0);
    CHECK(arm(three, 0.4999999) == 0);
    CHECK(arm(three, 0.5000001) == 2);
    CHECK(arm(three, 0.7999999) == 2);
    CHECK(arm(three, 0.8000001) == 0);

    const hash_plan large = hash_split{.salt = "s", .shares = {0.1, 0.6, 0.3}}.resolve(3);
    CHECK_FALSE(large.stable());
    CHECK(arm(large, 0.5999999) == 1);
    CHECK(arm(large, 0.6000001) == 2);
    CHECK(arm(large, 0.8999999) == 2);
    CHECK(arm(large, 0.9000001) == 0);
}

TEST_CASE("The ranges of neighbouring arms meet at exact hashes")
{
    const hash_plan large = hash_split{.salt = "s", .shares = {0.25, 0.625, 0.125}}.resolve(3);
    CHECK(large.arm_of(0) == 1);
    CHECK(large.arm_of((5ULL << 61) - 1) == 1);
    CHECK(large.arm_of(5ULL << 61) == 2);
    CHECK(large.arm_of((3ULL << 62) - 1) == 2);
    CHECK(large.arm_of(3ULL << 62) == 0);
    CHECK(large.arm_of(~0ULL) == 0);

    // 2^64 / 3 = 6148914691236517205.3..., and twice that is 12297829382473034410.6...
    const hash_plan thirds = hash_split{.salt = "s", .shares = {0.0, 1.0 / 3, 1.0 / 3, 1.0 / 3}}.resolve(4);
    CHECK(thirds.arm_of(0) == 1);
    CHECK(thirds.arm_of(6148914691236517205U) == 1);
    CHECK(thirds.arm_of(6148914691236517206U) == 2);
    CHECK(thirds.arm_of(12297829382473034410U) == 2);
    CHECK(thirds.arm_of(12297829382473034411U) == 3);
    CHECK(thirds.arm_of(~0ULL) == 3);
}

TEST_CASE("A unit leaves a challenger only when it shrinks and joins one only when it grows")
{
    joust::keyed_random random{3};
    for (int sequence = 0; sequence < 1'000; ++sequence) {
        const std::size_t arms = 2 + static_cast<std::size_t>(sequence) % 4;
        hash_plan before = hash_split{.salt = "s", .shares = fitting_shares(arms, random)}.resolve(arms);
        for (int step = 0; step < 5; ++step) {
            const hash_plan after =
                hash_split{.salt = "s", .shares = fitting_shares(arms, random)}.resolve(arms);
            REQUIRE(before.stable());
            REQUIRE(after.stable());
            for (const std::uint64_t hash : probes(before, after, random, 50)) {
                const unsigned from = before.arm_of(hash);
                const unsigned to = after.arm_of(hash);
                if (from == to) {
                    continue;
                }
                if (from != 0) {
                    REQUIRE(after.share(from) < before.share(from));
                }
                if (to != 0) {
                    REQUIRE(after.share(to) > before.share(to));
                }
            }
            before = after;
        }
    }
}

TEST_CASE("Growing challengers from the champion's share moves units from the champion only")
{
    joust::keyed_random random{4};
    for (int sequence = 0; sequence < 1'000; ++sequence) {
        const std::size_t arms = 2 + static_cast<std::size_t>(sequence) % 4;
        share_list now{1.0};
        for (std::size_t arm = 1; arm < arms; ++arm) {
            now.push_back(0.0);
        }
        hash_plan before = hash_split{.salt = "s", .shares = now}.resolve(arms);
        for (int step = 0; step < 6; ++step) {
            std::array<double, 5> grown{};
            double rest = 1.0;
            for (std::size_t arm = 1; arm < arms; ++arm) {
                const double place = 1.0 / static_cast<double>(arms - 1);
                grown[arm] = step == 5 ? place : now[arm] + (place - now[arm]) * random.uniform();
                rest -= grown[arm];
            }
            now = {rest < 1e-9 ? 0.0 : rest};
            for (std::size_t arm = 1; arm < arms; ++arm) {
                now.push_back(grown[arm]);
            }
            const hash_plan after = hash_split{.salt = "s", .shares = now}.resolve(arms);
            for (const std::uint64_t hash : probes(before, after, random, 50)) {
                REQUIRE((before.arm_of(hash) == 0 || before.arm_of(hash) == after.arm_of(hash)));
            }
            before = after;
        }
    }
}

TEST_CASE("A million units are split as planned, whatever the salt and the kind of unit")
{
    const auto check = [](const std::string& salt, const share_list& shares, auto unit_of) {
        const hash_split split{.salt = salt, .shares = shares};
        const hash_plan plan = split.resolve(shares.size());
        constexpr double n = 1'000'000;
        std::array<int, joust::max_arms> counts{};
        std::array<int, 1'000> cells{};  // of the hash space
        for (std::uint64_t i = 0; i < 1'000'000; ++i) {
            const std::uint64_t hash = split.salt.hasher()(unit_of(i));
            ++counts[plan.arm_of(hash)];
            ++cells[joust::detail::multiply_high(hash, 1'000)];
        }
        CAPTURE(salt);
        for (std::size_t arm = 0; arm < shares.size(); ++arm) {
            const double expected = n * shares[arm];
            CHECK_THAT(counts[arm], WithinAbs(expected, 4.5 * std::sqrt(expected * (1.0 - shares[arm]))));
        }
        double chi_squared = 0.0;
        for (const int count : cells) {
            chi_squared += (count - 1'000.0) * (count - 1'000.0) / 1'000.0;
        }
        CHECK_THAT(chi_squared, WithinAbs(999.0, 4.5 * std::sqrt(2.0 * 999.0)));
    };
    const auto number = [](std::uint64_t i) { return i; };
    const auto text = [](std::uint64_t i) { return "user-" + std::to_string(i); };
    check("score-2026-11", {0.9, 0.1}, number);
    check("score-2026-12", {0.99, 0.01}, text);
    check("", {0.25, 0.25, 0.25, 0.25}, number);
    check("a", {0.1, 0.6, 0.3}, number);
    check("a salt of more than one stripe of bytes", {0.5, 0.125, 0.125, 0.125, 0.125}, text);
}

TEST_CASE("Salts make assignments independent of each other")
{
    // Of the units in one trial's challenger half are in another's: 2 x 2 counts of independent halves.
    const joust::salt first{"trial-1"};
    const joust::salt second{"trial-2"};
    const hash_plan half = hash_split{.salt = "any"}.resolve(2);
    int both = 0;
    for (int unit = 0; unit < 100'000; ++unit) {
        both += half.arm_of(first.hasher()(unit)) == 1 && half.arm_of(second.hasher()(unit)) == 1 ? 1 : 0;
    }
    CHECK_THAT(both, WithinAbs(25'000.0, 4.5 * std::sqrt(100'000.0 * 0.25 * 0.75)));
}

}  // namespace
