// SPDX-License-Identifier: Apache-2.0

// How soon does a guardrail on failures find harm that begins after a long quiet time, and how often does it accuse an equal
// challenger over many epochs?
//
// The first table has the median delay in requests after 0, 1e4, 1e6 and 1e8 quiet ones, beside what the design promises. The program
// fails if a median is more than 1.3 times as long. The second table has the share of runs over 20 to 300 epochs in which an
// equal challenger is ever accused; it may be at most 5 %. JOUST_CALIBRATE=full runs more and longer ones.

#include "calibration/late_harm.hpp"

#include "calibration/limit.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace {

using namespace joust;
using namespace joust_test::late_harm;

struct row {
    const char* name;
    harm kind;
    std::array<double, 4> promised;
};

constexpr std::array quiet_times{0.0, 1e4, 1e6, 1e8};
constexpr std::array rows{row{"all fail", {.challenger = 1.0}, {55, 102, 161, 256}},
                          row{"5 points more", {.challenger = 0.06}, {1'700, 4'320, 6'430, 8'810}},
                          row{"5 times as many", {.challenger = 0.05}, {2'960, 5'440, 8'720, 12'400}},
                          row{"twice as many", {.challenger = 0.02}, {36'000, 31'200, 58'400, 125'000}}};

enum class shares : std::uint8_t { constant, retreating, lucky, ramp };

struct null_world {
    const char* name;
    std::uint64_t units;
    double share;
    shares policy;
};

constexpr std::array worlds{null_world{"20,000 units, half", 20'000, 0.5, shares::constant},
                            null_world{"20,000 units, share retreats", 20'000, 0.5, shares::retreating},
                            null_world{"20,000 units, keeps a lucky share", 20'000, 0.2, shares::lucky},
                            null_world{"1,500 units, ramp advances", 1'500, 0.01, shares::ramp},
                            null_world{"1,500 units, share 0.05", 1'500, 0.05, shares::constant},
                            null_world{"100 units, half", 100, 0.5, shares::constant}};

bool accuses(const null_world& world, unsigned epochs, std::uint64_t stream)
{
    keyed_random random{20'261'130, stream};
    const units all{world.units, random.next()};
    detail::first_event_log log;
    log.allow(1.0);
    constexpr std::array stages{0.01, 0.05, 0.25, 0.5};
    std::size_t stage = 0;
    double s = world.share;
    for (std::uint64_t i = 0; i < std::uint64_t{epochs} * detail::epoch_events; ++i) {
        if (world.policy != shares::constant && i % 64 == 0) {
            const double e = std::exp(log.log_e()) / detail::epoch_weight(log.peak().epochs);
            if (world.policy == shares::retreating) {
                s = e > 2.0 ? 0.25 * world.share : world.share;
            } else if (world.policy == shares::lucky) {
                s = e > 1.5 ? s : 0.01 + 0.49 * random.uniform();
            } else if (e < 1.0 && i % 4'096 == 0) {
                stage = stage + 1 < stages.size() ? stage + 1 : stage;
                s = stages[stage];
            }
        }
        const std::uint64_t unit = all.draw(random);
        log.record(unit, units::position(unit) < s, s, i);
        if (log.highest_log_e() >= std::log(20.0)) {
            return true;
        }
    }
    return false;
}

}  // namespace

int main()
{
    const bool full = joust_test::full_calibration();
    int failures = 0;
    std::printf("Median requests until harm is found, base 1 %%, share 0.05 (promised)\n");
    for (const row& each : rows) {
        std::printf("%-18s", each.name);
        for (std::size_t q = 0; q < quiet_times.size(); ++q) {
            const double seen = median_delay(quiet_times[q], each.kind, full ? 401 : 41, 7);
            std::printf(" %8.0f (%7.0f)", seen, each.promised[q]);
            failures += seen <= 1.3 * each.promised[q] ? 0 : 1;
        }
        std::printf("\n");
        std::fflush(stdout);
    }
    const int runs = full ? 2'000 : 200;
    std::printf("Accusations of an equal challenger in %%\n%-36s %6s %6s %8s %8s\n", "failing units",
                "epochs", "runs", "accused", "allowed");
    std::uint64_t stream = 0;
    for (const null_world& world : worlds) {
        for (const unsigned epochs : {20U, full ? 300U : 60U}) {
            int accused = 0;
            for (int run = 0; run < runs; ++run) {
                accused += accuses(world, epochs, ++stream) ? 1 : 0;
            }
            const int allowed = joust_test::limit_of(runs, 0.05);
            std::printf("%-36s %6u %6d %8.2f %8.2f\n", world.name, epochs, runs, 100.0 * accused / runs,
                        100.0 * allowed / runs);
            std::fflush(stdout);
            failures += accused > allowed ? 1 : 0;
        }
    }
    if (failures > 0) {
        std::printf("%d cells are worse than promised\n", failures);
        return 1;
    }
    return 0;
}
