// SPDX-License-Identifier: Apache-2.0

// How often an interleaving trial finds a preference that does not exist, if it is read many times while users return.

#include <joust/core/random.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/trial/detail/preference.hpp>

#include "calibration/limit.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

using joust_test::full_calibration;
using joust_test::limit_of;

namespace {

constexpr std::uint64_t seed = 20'261'125;

/// The false alarms of one reading of the evidence.
struct alarms {
    int credit = 0;
    int wins = 0;
    int positions = 0;
};

/// One trial without a preference: the lists of the rankers differ in every request, and users look at high positions more often
/// and click what they look at, whichever ranker put it there. Some users come a hundred times as often as others, and some click
/// on everything.
template <class Interleaver>
void run(std::uint64_t number, int slates, int users, std::size_t lists_of, bool reacting, alarms& found)
{
    constexpr std::size_t length = 10;
    joust::keyed_random random{seed, number};
    std::vector<double> eager(static_cast<std::size_t>(users));
    for (double& each : eager) {
        each = 0.02 + 0.9 * random.uniform() * random.uniform();
    }
    joust::pair_evidence pair;
    pair.series.resize(5);
    for (auto& series : pair.series) {
        series.champion.resize(joust::bucket_count);
        series.challenger.resize(joust::bucket_count);
        series.champion_root.resize(joust::bucket_count);
        series.challenger_root.resize(joust::bucket_count);
    }
    using namespace joust::detail;
    auto& credit = pair.series[credit_series];
    auto& preferred = pair.series[preference_series];
    auto& credited = pair.series[position_series];
    const joust::always_valid policy{.units = static_cast<double>(slates)};
    joust::test_memory memory;
    std::array<bool, 3> wrong{};
    std::array<std::vector<joust::item_key>, 2> lists;
    double lead = 0.0;
    for (int n = 1; n <= slates; ++n) {
        const double where = random.uniform();
        const auto user = static_cast<std::size_t>(where * where * where * users);
        const std::size_t bucket = bucket_of(joust::mix64(user + number * 1'000'003));
        for (std::size_t r = 0; r < 2; ++r) {
            lists[r].clear();
            const std::size_t size = r == 0 ? lists_of : 15;
            for (std::size_t i = 0; i < size; ++i) {
                lists[r].push_back(i + random.below(6));
            }
        }
        const joust::ranking views[] = {lists[0], lists[1]};
        joust::keyed_random coins{seed + 1, number * 1'000'000 + static_cast<std::uint64_t>(n)};
        joust::draft out{length};
        Interleaver{}.interleave(views, coins, out);
        const auto teams = joust::slate_teams::of(out, 2);
        pair.series[exposure_series].champion[bucket] += 1.0;
        pair.series[exposure_series].challenger[bucket] += 1.0;
        std::uint64_t clicked = 0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            const std::uint8_t team = teams.team(i);
            if (team < 2) {
                (team == 0 ? credited.champion : credited.challenger)[i] += 1.0;
            }
            // Users may react to the course of the trial so far, but not to the ranker that fills a slot.
            const double mood = reacting && lead > 0.0 ? 0.3 : 1.0;
            if (random.uniform() < mood * eager[user] / (1.0 + 0.5 * static_cast<double>(i))) {
                clicked |= std::uint64_t{1} << i;
                if (team == 0) {
                    credit.champion[bucket] += 1.0;
                    ++credit.champion_count;
                    lead -= 1.0;
                } else if (team == 1) {
                    credit.challenger[bucket] += 1.0;
                    ++credit.challenger_count;
                    lead += 1.0;
                }
            }
        }
        const int better = joust::preference(teams, clicked, 1);
        preferred.challenger[bucket] += better > 0 ? 1.0 : 0.0;
        preferred.champion[bucket] += better < 0 ? 1.0 : 0.0;
        if (n % 50 == 0) {
            wrong[0] = wrong[0] || judge_credit(policy, pair, 0.05, memory).rejects(0.05);
            wrong[1] = wrong[1] || judge_wins(policy, pair, 0.05).rejects(0.05);
            wrong[2] = wrong[2] || judge_positions(pair).rejects(0.001);
        }
    }
    found.credit += wrong[0] ? 1 : 0;
    found.wins += wrong[1] ? 1 : 0;
    found.positions += wrong[2] ? 1 : 0;
}

template <class Interleaver>
bool row(const char* name, int runs, int users, std::size_t lists_of, bool reacting)
{
    constexpr int slates = 2'000;
    alarms found;
    for (int i = 0; i < runs; ++i) {
        run<Interleaver>(static_cast<std::uint64_t>(i), slates, users, lists_of, reacting, found);
    }
    const int limit = limit_of(runs, 0.05);
    const int rare = limit_of(runs, 0.001);
    const bool holds = found.credit <= limit && found.wins <= limit && found.positions <= rare;
    const auto percent = [&](int count) { return 100.0 * count / runs; };
    std::printf("| %s | %d | %zu and 15 | %s | %.2f %% | %.2f %% | %.2f %% | %s |\n", name, users, lists_of,
                reacting ? "yes" : "no", percent(found.credit), percent(found.wins), percent(found.positions),
                holds ? "yes" : "NO");
    return holds;
}

}  // namespace

int main()
{
    const int runs = full_calibration() ? 10'000 : 60;
    std::printf(
        "%d trials a row of 2,000 slates of ten, a look every 50; seed %llu. No row may exceed %.2f %% (positions: %.2f %%), which chance exceeds once in a thousand.\n\n",
        runs, static_cast<unsigned long long>(seed), 100.0 * limit_of(runs, 0.05) / runs,
        100.0 * limit_of(runs, 0.001) / runs);
    std::printf(
        "| interleaver | users | lists of | users react to the lead | credit per slate | slates won | credited positions | holds |\n|---|---:|---|---|---:|---:|---:|---|\n");
    bool holds = true;
    for (const int users : {200, 5'000}) {
        for (const bool reacting : {false, true}) {
            holds &= row<joust::competitive_pairs>("competitive pairs", runs, users, 15, reacting);
            holds &= row<joust::team_draft>("team draft", runs, users, 15, reacting);
        }
        holds &= row<joust::competitive_pairs>("competitive pairs", runs, users, 4, true);
        holds &= row<joust::team_draft>("team draft", runs, users, 4, true);
        holds &= row<joust::probabilistic>("probabilistic", runs, users, 4, true);
    }
    return holds ? 0 : 1;
}
