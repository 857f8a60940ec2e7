// SPDX-License-Identifier: Apache-2.0

// How often each inference policy finds a difference between two identical models, and how soon it finds a real difference. All
// policies see the same traffic, and each looks after every fortieth part of the plan.

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>

#include "calibration/limit.hpp"
#include "metric/support.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

constexpr int planned = 4'000;
constexpr int looks = 40;
constexpr std::uint64_t seed = 20'261'125;

struct scene {
    std::string_view name;
    /// 0: everybody comes once
    std::uint64_t users;
    /// a rate of 2 % instead of normal values with a user's own level
    bool rare;
    double effect;
};

constexpr scene scenes[] = {
    {"normal, one visit a unit", 0, false, 0.0},        {"normal, five visits a unit", 800, false, 0.0},
    {"rate 2 %, one visit a unit", 0, true, 0.0},       {"power: normal, one visit, 0.09", 0, false, 0.09},
    {"power: normal, one visit, 0.18", 0, false, 0.18},
};

const auto policies =
    std::tuple{joust::fixed_horizon{.units = planned},
               joust::group_sequential{.units = planned},
               joust::group_sequential{.units = planned, .spending = joust::stats::pocock{}},
               joust::hybrid{.units = planned},
               joust::always_valid{.units = planned},
               joust::bayesian{.units = planned, .lift_sd = 1e9}};
constexpr std::array<std::string_view, 6> names = {"fixed_horizon",    "group_sequential",
                                                   "the same, pocock", "hybrid",
                                                   "always_valid",     "bayesian, flat prior"};

struct tally {
    int rejected = 0;
    /// until the verdict, or the plan's end
    double exposures = 0.0;
};

template <std::size_t... I>
void run(const scene& where, std::uint64_t number, std::array<tally, 6>& all, std::index_sequence<I...>)
{
    joust::keyed_random random{seed, number * 16 + static_cast<std::uint64_t>(&where - scenes)};
    joust_test::sums seen;
    std::array<joust::test_memory, 6> memory;
    std::array<int, 6> stopped{};
    for (int i = 1; i <= planned; ++i) {
        const std::uint64_t unit =
            where.users == 0 ? static_cast<std::uint64_t>(i) : random.below(where.users);
        const std::uint64_t hash = joust::mix64(unit ^ joust::mix64(number));
        const bool challenger = (hash & 1U) != 0;
        const double own = where.users == 0 ? 0.0 : joust::keyed_random{hash}.normal();
        const double x = where.rare ? (random.chance(0.02) ? 1.0 : 0.0)
                                    : 1.0 + own + random.normal() + (challenger ? where.effect : 0.0);
        seen.add({.pseudonym = joust::mix64(hash), .challenger = challenger, .s = 0.5, .x = x});
        if (i % (planned / looks) == 0) {
            const joust::look at = seen.look(0.25 * planned);
            const auto judge = [&](const auto& policy, std::size_t which) {
                if (stopped[which] == 0 && policy.infer(at, {}, memory[which]).rejects(0.05)) {
                    stopped[which] = i;
                }
            };
            (judge(std::get<I>(policies), I), ...);
        }
    }
    for (std::size_t which = 0; which < all.size(); ++which) {
        all[which].rejected += stopped[which] > 0 ? 1 : 0;
        all[which].exposures += stopped[which] > 0 ? stopped[which] : planned;
    }
}

}  // namespace

int main()
{
    const int runs = joust_test::full_calibration() ? 10'000 : 200;
    const int limit = joust_test::limit_of(runs, 0.05);
    fmt::print("{} runs, seed {}, {} exposures planned, {} looks, alpha 5 % (at most {} of {} by chance)\n\n",
               runs, seed, planned, looks, limit, runs);
    fmt::print("| traffic |");
    for (const std::string_view name : names) {
        fmt::print(" {} |", name);
    }
    fmt::print("\n|---|---|---|---|---|---|---|\n");
    int wrong = 0;
    for (const scene& where : scenes) {
        std::array<tally, 6> all{};
        for (int r = 0; r < runs; ++r) {
            run(where, static_cast<std::uint64_t>(r), all, std::make_index_sequence<6>{});
        }
        fmt::print("| {} |", where.name);
        for (std::size_t which = 0; which < all.size(); ++which) {
            fmt::print(" {:.1f} %", 100.0 * all[which].rejected / runs);
            if (where.effect != 0.0) {
                fmt::print(", {:.0f}", all[which].exposures / runs);
            }
            fmt::print(" |");
            // The last policy does not promise an error rate. It is here for comparison.
            if (where.effect == 0.0 && which + 1 < all.size()) {
                wrong += all[which].rejected > limit ? 1 : 0;
            }
        }
        fmt::print("\n");
        if (where.effect == 0.0 && all.back().rejected <= limit) {
            fmt::print("peeking at a flat posterior should have been wrong too often\n");
            ++wrong;
        }
    }
    fmt::print("\nBehind the power stands the mean number of exposures until a verdict.\n");
    return wrong == 0 ? 0 : 1;
}
