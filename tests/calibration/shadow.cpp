// SPDX-License-Identifier: Apache-2.0

// How often a shadow finds a difference between two equally good models, and how often its interval misses the truth.

#include <joust/core/random.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

std::uint64_t runs()
{
    const char* wanted = std::getenv("JOUST_CALIBRATE");
    return wanted != nullptr && std::string_view{wanted} == "full" ? 10'000 : 500;
}

// The largest number of misses that chance explains: 3 standard errors above the promised rate.
double allowed(double rate, double n)
{
    return n * rate + 3.0 * std::sqrt(n * rate * (1.0 - rate));
}

struct outcome {
    bool rejected = false;
    bool missed = false;
};

// Users return, and each has a difficulty of its own. The evidence is read after every hundred pairs. The probability that the
// challenger is right is that of the champion plus `effect`.
outcome simulate(std::uint64_t run, double effect, int pairs, int users)
{
    joust::keyed_random coins{20'261, run};
    std::vector<double> chance(static_cast<std::size_t>(users));
    for (double& each : chance) {
        each = 0.3 + 0.5 * coins.uniform();
    }
    std::vector<double> gain(joust::bucket_count);
    std::vector<double> count(joust::bucket_count);
    joust::test_memory memory;
    double unequal = 0.0;
    outcome all;
    for (int i = 1; i <= pairs; ++i) {
        const auto user = static_cast<std::size_t>(coins.below(static_cast<std::uint64_t>(users)));
        const std::size_t bucket = joust::mix64(user) >> 54;
        const double champion = coins.uniform() < chance[user] ? 1.0 : 0.0;
        const double challenger = coins.uniform() < chance[user] + effect ? 1.0 : 0.0;
        gain[bucket] += challenger - champion;
        count[bucket] += 1.0;
        unequal += challenger != champion ? 1.0 : 0.0;
        if (i % 100 == 0) {
            const joust::inference seen =
                joust::detail::judge_paired(joust::always_valid{}, gain, count, unequal, 0.05, memory);
            all.rejected = all.rejected || seen.rejects(0.05);
            all.missed = all.missed ||
                         (seen.state == joust::status::ok && !(seen.lower <= effect && effect <= seen.upper));
        }
    }
    return all;
}

}  // namespace

TEST_CASE(
    "At most 5 % of shadows find a difference between two equally good models, however often they are read",
    "[calibration]")
{
    const int users = GENERATE(60, 2'000);
    std::uint64_t rejected = 0;
    for (std::uint64_t run = 0; run < runs(); ++run) {
        rejected += simulate(run, 0.0, 5'000, users).rejected ? 1U : 0U;
    }
    WARN(users << " users: " << rejected << " of " << runs() << " rejected");
    CHECK(static_cast<double>(rejected) <= allowed(0.05, static_cast<double>(runs())));
}

TEST_CASE(
    "At most 5 % of shadows find a difference between a champion that varies and an identical challenger, at any look",
    "[calibration]")
{
    constexpr double flip = 0.03;
    std::uint64_t left = 0;
    for (std::uint64_t run = 0; run < runs(); ++run) {
        joust::keyed_random coins{73'019, run};
        joust::shadow_evidence seen;
        seen.models = {"a", "b"};
        seen.pairs.resize(1);
        joust::shadow_checks checks;
        bool found = false;
        for (int i = 1; i <= 5'000; ++i) {
            const bool served = coins.uniform() < flip;
            const bool champion = (coins.uniform() < flip) != served;
            const bool challenger = (coins.uniform() < flip) != served;
            checks.twice.count[0] += 1.0;
            checks.challenger_differed += challenger && !champion ? 1U : 0U;
            checks.champion_differed += champion && !challenger ? 1U : 0U;
            checks.both_differed += champion && challenger ? 1U : 0U;
            if (champion != challenger) {  // Only then the evidence changes.
                const joust::metric_row row = joust::detail::row_of_excess(seen, 0, checks, 0.05);
                found = found || row.p_value <= 0.05 || row.lower > 0.0 || row.upper < 0.0;
            }
        }
        left += found ? 1U : 0U;
    }
    WARN(left << " of " << runs() << " left zero");
    CHECK(static_cast<double>(left) <= allowed(0.05, static_cast<double>(runs())));
}

TEST_CASE("The interval holds a true difference at every look in at least 95 % of shadows", "[calibration]")
{
    const int users = GENERATE(60, 2'000);
    std::uint64_t missed = 0;
    std::uint64_t found = 0;
    for (std::uint64_t run = 0; run < runs(); ++run) {
        const outcome one = simulate(1'000'000 + run, 0.1, 5'000, users);
        missed += one.missed ? 1U : 0U;
        found += one.rejected ? 1U : 0U;
    }
    WARN(users << " users: interval missed in " << missed << " of " << runs() << ", difference found in "
               << found);
    CHECK(static_cast<double>(missed) <= allowed(0.05, static_cast<double>(runs())));
    CHECK(static_cast<double>(found) > 0.9 * static_cast<double>(runs()));
}
