// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/rendezvous.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace joust;

TEST_CASE("The whole-number logarithm is right to 1e-14, and the same on every platform")
{
    keyed_random random{1};
    double worst = 0.0;
    for (int i = 0; i < 200'000; ++i) {
        const std::uint64_t u = (random.next() >> random.below(60)) | 1U;
        const double exact = static_cast<double>(64.0L - std::log2(static_cast<long double>(u)));
        worst = std::fmax(worst, std::fabs(static_cast<double>(detail::minus_log2(u)) * 0x1p-57 - exact));
    }
    CHECK(worst < 1.5e-14);  // half a unit in the last place of a double near 64
    STATIC_REQUIRE(detail::minus_log2(1) == 1ULL << 63);
    STATIC_REQUIRE(detail::minus_log2(1ULL << 63) == 1ULL << 57);
    STATIC_REQUIRE(detail::minus_log2(3ULL << 62) == 0x00d47fcb8c0852f1);
}

// The law as it is written: of the clocks that ring at -log2(u / 2^64) / share the first, the lowest arm where two ring at once.
unsigned arm_by_law(const share_list& shares, std::uint64_t unit)
{
    unsigned winner = 0;
    double soonest = std::numeric_limits<double>::infinity();
    for (unsigned arm = 0; arm < shares.size(); ++arm) {
        const std::uint64_t u = mix64(unit ^ mix64(0x9e3779b97f4a7c15U * (arm + 1))) | 1U;
        const double rings =
            static_cast<double>(static_cast<std::int64_t>(detail::minus_log2(u) >> 1)) * (1.0 / shares[arm]);
        if (shares[arm] > 0.0 && rings < soonest) {
            winner = arm;
            soonest = rings;
        }
    }
    return winner;
}

// The number that mix64 makes into this one.
std::uint64_t before_mix64(std::uint64_t x)
{
    const auto divided = [](std::uint64_t y, std::uint64_t odd) {
        std::uint64_t inverse = odd;
        for (int step = 0; step < 5; ++step) {
            inverse *= 2 - odd * inverse;
        }
        return y * inverse;
    };
    x ^= (x >> 31) ^ (x >> 62);
    x = divided(x, 0x94d049bb133111ebU);
    x ^= (x >> 27) ^ (x >> 54);
    x = divided(x, 0xbf58476d1ce4e5b9U);
    return x ^ (x >> 30) ^ (x >> 60);
}

TEST_CASE("The arm is the one that exact arithmetic finds, whatever the draws")
{
    keyed_random random{5};
    std::vector<std::uint64_t> draws{0, 1, 2, 3, 4, 5, 6, 7, ~std::uint64_t{0}};
    for (unsigned bit = 3; bit < 64; ++bit) {
        for (const std::uint64_t near : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}}) {
            draws.push_back((std::uint64_t{1} << bit) + near);
            draws.push_back((std::uint64_t{1} << bit) - 1 - near);
        }
    }
    for (int round = 0; round < 150; ++round) {
        const std::size_t arms = 1 + random.below(round % 2 == 0 ? 3 : 16);
        std::vector<double> raw(arms);
        double sum = 0.0;
        for (double& each : raw) {
            each =
                random.below(4) == 0 ? 0.0 : (random.below(3) == 0 ? 1e-7 : 1.0) * (0.05 + random.uniform());
            sum += each;
        }
        raw[0] += sum == 0.0 ? 1.0 : 0.0;
        sum += sum == 0.0 ? 1.0 : 0.0;
        share_list shares;
        for (const double each : raw) {
            shares.push_back(each / sum);
        }
        const rendezvous_plan plan = rendezvous{.salt = "s", .shares = shares}.resolve(arms);
        std::uint64_t wrong = 0;
        for (int i = 0; i < 3'000; ++i) {
            const std::uint64_t unit = random.next();
            wrong += plan.arm_of(unit) != arm_by_law(shares, unit) ? 1U : 0U;
        }
        for (unsigned arm = 0; arm < arms; ++arm) {
            for (const std::uint64_t draw : draws) {
                const std::uint64_t unit = before_mix64(draw) ^ mix64(0x9e3779b97f4a7c15U * (arm + 1));
                wrong += plan.arm_of(unit) != arm_by_law(shares, unit) ? 1U : 0U;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("The rough logarithm bounds the right one, up to the reach that is checked")
{
    keyed_random random{6};
    std::uint64_t wrong = 0;
    const auto check = [&wrong](std::uint64_t u) {
        const std::uint64_t exact = detail::minus_log2(u | 1U);
        const std::uint64_t least = detail::least_minus_log2(u | 1U);
        if (least < detail::rough_log2::reach) {
            wrong += exact < least || exact > least + detail::least_minus_log2.width() ? 1U : 0U;
        } else {
            wrong += exact < detail::rough_log2::reach && u < ~std::uint64_t{0} - 4096 ? 1U : 0U;
        }
    };
    for (int i = 0; i < 300'000; ++i) {
        check(random.next() >> random.below(64));
    }
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (std::uint64_t part = 0; part < 256; ++part) {
            const std::uint64_t edge = ((256 + part) << 55) >> bit;
            for (std::uint64_t near = 0; near < 3; ++near) {
                check(edge + near);
                check(edge - 1 - near);
            }
        }
    }
    CHECK(wrong == 0);
    CHECK(static_cast<double>(detail::least_minus_log2.width()) * 0x1p-57 < 0.0057);
}

TEST_CASE("Units arrive in the planned shares")
{
    keyed_random random{2};
    for (const share_list& shares :
         {share_list{0.9, 0.1}, share_list{0.5, 0.3, 0.2}, share_list{0.01, 0.0, 0.09, 0.4, 0.5}}) {
        const rendezvous_plan plan = rendezvous{.salt = "s", .shares = shares}.resolve(shares.size());
        std::vector<double> counts(shares.size());
        constexpr int n = 400'000;
        for (int i = 0; i < n; ++i) {
            ++counts[plan.arm_of(random.next())];
        }
        double chi = 0.0;
        for (std::size_t arm = 0; arm < shares.size(); ++arm) {
            CHECK(plan.share(arm) == shares[arm]);
            if (shares[arm] == 0.0) {
                CHECK(counts[arm] == 0.0);
            } else {
                const double e = n * shares[arm];
                chi += (counts[arm] - e) * (counts[arm] - e) / e;
            }
        }
        CHECK(chi < 18.5);  // 99.9 % with 4 degrees of freedom
    }
}

TEST_CASE("A unit leaves an arm only for one whose share grew against it")
{
    keyed_random random{3};
    for (int round = 0; round < 300; ++round) {
        const std::size_t arms = 2 + random.below(5);
        const auto draw = [&] {
            std::vector<double> raw(arms);
            double sum = 0.0;
            for (double& each : raw) {
                each = random.below(5) == 0 ? 0.0 : 0.01 + random.uniform();
                sum += each;
            }
            raw[0] += sum == 0.0 ? 1.0 : 0.0;
            sum += sum == 0.0 ? 1.0 : 0.0;
            share_list shares;
            for (const double each : raw) {
                shares.push_back(each / sum);
            }
            return shares;
        };
        const share_list a = draw(), b = draw();
        const rendezvous_plan before = rendezvous{.salt = "s", .shares = a}.resolve(arms);
        const rendezvous_plan after = rendezvous{.salt = "s", .shares = b}.resolve(arms);
        for (int i = 0; i < 300; ++i) {
            const std::uint64_t unit = random.next();
            const unsigned from = before.arm_of(unit), to = after.arm_of(unit);
            REQUIRE((from == to || b[to] * a[from] >= b[from] * a[to] * (1.0 - 1e-12)));
        }
    }
}

// The units of one salt under each way to split, ramped through lists of shares: how many move, and how many of them leave a
// treatment arm that does not shrink. Sums over the steps, in percent.
struct tally {
    double bad = 0.0;
    double moved = 0.0;
};

template <class ArmOf>
tally ramp(const std::vector<share_list>& steps, ArmOf arm_of)
{
    constexpr std::uint64_t units = 400'000;
    const joust::salt salt{"ramp"};
    std::vector<unsigned> before(units);
    tally out;
    for (std::size_t step = 0; step < steps.size(); ++step) {
        for (std::uint64_t unit = 0; unit < units; ++unit) {
            const unsigned arm = arm_of(step, salt.hasher()(unit));
            const unsigned from = before[unit];
            if (step > 0 && arm != from) {
                const double was = steps[step - 1].size() > from ? steps[step - 1][from] : 0.0;
                out.moved += 100.0 / static_cast<double>(units);
                out.bad += from != 0 && steps[step][from] >= was ? 100.0 / static_cast<double>(units) : 0.0;
            }
            before[unit] = arm;
        }
    }
    return out;
}

unsigned first_below(const share_list& shares, double position)
{
    double sum = 0.0;
    for (unsigned arm = 0; arm < shares.size(); ++arm) {
        sum += shares[arm];
        if (position < sum) {
            return arm;
        }
    }
    return static_cast<unsigned>(shares.size()) - 1;
}

TEST_CASE(
    "Ramps: how many units move by cumulative weights, a changing total, rendezvous, hash_split and slot_split")
{
    struct scenario {
        const char* name;
        std::vector<share_list> steps;
        std::array<tally, 4>
            expected;  // cumulative, changing total, rendezvous, slots; published percentages
    };
    const std::vector<scenario> scenarios{{"2 arms 1->5->25->50->100",
                                           {{0.99, 0.01}, {0.95, 0.05}, {0.75, 0.25}, {0.5, 0.5}, {0.0, 1.0}},
                                           {{{0.0, 99.0}, {17.1, -1.0}, {0.0, 99.0}, {0.0, 99.0}}}},
                                          {"3 arms 5/5->10/10->25/25",
                                           {{0.9, 0.05, 0.05}, {0.8, 0.1, 0.1}, {0.5, 0.25, 0.25}},
                                           {{{15.2, 55.3}, {24.0, 81.9}, {0.0, 39.9}, {0.0, 39.9}}}},
                                          {"kill arm 1: 10/10->0/10",
                                           {{0.8, 0.1, 0.1}, {0.9, 0.0, 0.1}},
                                           {{{0.0, 10.2}, {9.1, 27.1}, {0.9, 11.0}, {0.0, 9.95}}}},
                                          {"add an arm 50/50->34/33/33",
                                           {{0.5, 0.5}, {0.34, 0.33, 0.33}},
                                           {{{0.0, 49.1}, {0.0, 66.5}, {0.0, 33.3}, {0.0, 33.0}}}}};
    std::string table = "bad (moved) %: cumulative, changing total, rendezvous, hash_split, slot_split\n";
    for (const scenario& s : scenarios) {
        std::vector<rendezvous_plan> drawn;
        std::vector<hash_plan> fixed;
        std::vector<slot_plan> slots;
        slot_split split{.salt = "ramp", .shares = s.steps.front()};
        for (std::size_t i = 0; i < s.steps.size(); ++i) {
            const share_list& shares = s.steps[i];
            drawn.push_back(rendezvous{.salt = "ramp", .shares = shares}.resolve(shares.size()));
            fixed.push_back(hash_split{.salt = "ramp", .shares = shares}.resolve(shares.size()));
            split = i == 0 ? split : split.with_shares(shares);
            slots.push_back(split.resolve(shares.size()));
        }
        const std::array<tally, 5> found{
            ramp(s.steps,
                 [&](std::size_t i, std::uint64_t u) {
                     return first_below(s.steps[i], static_cast<double>(u) * 0x1p-64);
                 }),
            ramp(s.steps,
                 [&](std::size_t i, std::uint64_t u) {
                     const std::uint64_t total = 10'000 + i;  // the sum of weights changes with every edit
                     return first_below(s.steps[i],
                                        static_cast<double>(u % total) / static_cast<double>(total));
                 }),
            ramp(s.steps, [&](std::size_t i, std::uint64_t u) { return drawn[i].arm_of(u); }),
            ramp(s.steps, [&](std::size_t i, std::uint64_t u) { return fixed[i].arm_of(u); }),
            ramp(s.steps, [&](std::size_t i, std::uint64_t u) { return slots[i].arm_of(u); })};
        char line[200];
        std::snprintf(line, sizeof line, "%-28s", s.name);
        table += line;
        for (const tally& t : found) {
            std::snprintf(line, sizeof line, " %5.1f (%5.1f)", t.bad, t.moved);
            table += line;
        }
        table += '\n';
        for (std::size_t which = 0; which < 4; ++which) {
            const tally& t = found[which == 3 ? 4 : which];
            INFO(s.name << ", column " << which << "\n" << table);
            CHECK_THAT(t.bad, WithinAbs(s.expected[which].bad, s.expected[which].bad == 0.0 ? 0.0 : 0.3));
            CHECK((s.expected[which].moved < 0.0 || std::fabs(t.moved - s.expected[which].moved) < 0.5));
        }
        CHECK(found[3].bad == 0.0);
        // Exactly what must move, measured in hash space.
        for (std::size_t i = 1; i < slots.size(); ++i) {
            const plan_difference d = diff(slots[i - 1], slots[i]);
            CHECK_THAT(d.moved, WithinAbs(d.necessary, 1e-15));
            CHECK(d.faithful());
        }
    }
    std::printf("%s", table.c_str());
}

}  // namespace
