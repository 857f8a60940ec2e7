// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/core/write.hpp>
#include <joust/split/plan_diff.hpp>

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace joust;

hash_plan plain(const share_list& shares)
{
    return hash_split{.salt = "s", .shares = shares}.resolve(shares.size());
}

slot_plan slots(const share_list& shares)
{
    return slot_split{.salt = "s", .shares = shares}.resolve(shares.size());
}

TEST_CASE("A ramp of two arms moves what it adds, from the champion to the challenger")
{
    const plan_difference d = diff(plain({0.99, 0.01}), plain({0.75, 0.25}));
    CHECK(d.arms == 2);
    CHECK_THAT(d.moved, WithinAbs(0.24, 1e-15));
    CHECK_THAT(d.from_to[0][1], WithinAbs(0.24, 1e-15));
    CHECK(d.from_to[1][0] == 0.0);
    CHECK_THAT(d.from_to[1][1], WithinAbs(0.01, 1e-15));
    CHECK_THAT(d.necessary, WithinAbs(d.moved, 1e-15));
    CHECK(d.faithful());
    CHECK(to_text(d) == "24.00 % of units move (24.00 % must); 24.00 % from arm 0 to arm 1");
    CHECK_NOTHROW(d.require_faithful());
}

TEST_CASE("The same plan moves no unit")
{
    for (const share_list& shares : {share_list{1.0}, share_list{0.2, 0.5, 0.3}, share_list{0.0, 1.0}}) {
        const plan_difference d = diff(plain(shares), slots(shares));
        CHECK(d.moved == 0.0);
        CHECK(d.necessary == 0.0);
        for (std::size_t arm = 0; arm < shares.size(); ++arm) {
            CHECK_THAT(d.before[arm], WithinAbs(shares[arm], 1e-15));
            CHECK(d.before[arm] == d.after[arm]);
        }
        CHECK(to_text(d) == "0.00 % of units move");
    }
}

TEST_CASE("A plan that swaps the arms moves every unit")
{
    const plan_difference d = diff(plain({1.0, 0.0}), plain({0.0, 1.0}));
    CHECK(d.moved == 1.0);
    CHECK(d.necessary == 1.0);
    CHECK(d.from_to[0][1] == 1.0);
    CHECK(d.before[0] == 1.0);
    CHECK(d.after[1] == 1.0);
    CHECK(d.after[0] == 0.0);
    const plan_difference part = diff(plain({1.0, 0.0, 0.0}), plain({0.5, 0.25, 0.25}));
    CHECK_THAT(part.moved, WithinAbs(0.5, 1e-15));
    CHECK_THAT(part.necessary, WithinAbs(0.5, 1e-15));
    CHECK_THAT(diff(plain({0.5, 0.25, 0.25}), plain({1.0, 0.0, 0.0})).necessary, WithinAbs(0.5, 1e-15));
}

TEST_CASE("A layout end to end moves treated units, and the difference refuses it by name")
{
    // Three arms, one of them above one half: challengers stand end to end.
    const plan_difference d = diff(plain({0.2, 0.6, 0.2}), plain({0.1, 0.7, 0.2}));
    CHECK_FALSE(d.faithful());
    CHECK_THAT(d.left_grown, WithinAbs(0.1, 1e-12));  // of arm 2, which keeps its share
    CHECK_THROWS_AS(d.require_faithful(), configuration_error);
    CHECK_THAT(to_text(d), ContainsSubstring("leave a challenger that does not shrink"));
    const slot_split kept = slot_split{.salt = "s", .shares = {0.2, 0.6, 0.2}}.with_shares({0.1, 0.7, 0.2});
    const plan_difference good = diff(plain({0.2, 0.6, 0.2}), kept.resolve(3));
    CHECK(good.faithful());
    CHECK_THAT(good.moved, WithinAbs(0.1, 1e-12));
    CHECK(to_text(good, style::json) == R"({"moved":)" + to_text(good.moved) + R"(,"necessary":)" +
                                            to_text(good.necessary) +
                                            R"(,"left_grown":0,"moves":[{"from":0,"to":1,"fraction":)" +
                                            to_text(good.from_to[0][1]) + "}]}");
}

TEST_CASE("Fractions are those of units, by trying a million of them")
{
    const hash_plan a = plain({0.3, 0.25, 0.3, 0.15});
    const hash_plan b = plain({0.1, 0.6, 0.05, 0.25});
    const plan_difference d = diff(a, b);
    std::array<std::array<int, 4>, 4> seen{};
    keyed_random random{5};
    constexpr int n = 1'000'000;
    for (int i = 0; i < n; ++i) {
        const std::uint64_t unit = random.next();
        ++seen[a.arm_of(unit)][b.arm_of(unit)];
    }
    double sum = 0.0;
    for (std::size_t from = 0; from < 4; ++from) {
        for (std::size_t to = 0; to < 4; ++to) {
            CHECK_THAT(d.from_to[from][to], WithinAbs(static_cast<double>(seen[from][to]) / n, 0.0025));
            sum += d.from_to[from][to];
        }
    }
    CHECK_THAT(sum, WithinAbs(1.0, 1e-14));
}

TEST_CASE("Over 10,000 changes of shares hash_split is faithful while it is stable")
{
    keyed_random random{6};
    int stable = 0;
    for (int i = 0; i < 10'000; ++i) {
        const std::size_t arms = 2 + random.below(5);
        const auto draw = [&] {
            share_list shares{0.0};
            double rest = 1.0;
            for (std::size_t arm = 1; arm < arms; ++arm) {
                const double share =
                    random.below(5) == 0 ? 0.0 : 1e-6 + random.uniform() / static_cast<double>(arms);
                shares.push_back(share);
                rest -= share;
            }
            share_list all{rest};
            for (std::size_t arm = 1; arm < arms; ++arm) {
                all.push_back(shares[arm]);
            }
            return all;
        };
        const hash_plan a = plain(draw()), b = plain(draw());
        stable += a.stable() && b.stable() ? 1 : 0;
        REQUIRE((!a.stable() || !b.stable() || diff(a, b).faithful()));
    }
    CHECK(stable == 10'000);
}

}  // namespace
