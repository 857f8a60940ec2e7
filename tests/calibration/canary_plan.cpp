// SPDX-License-Identifier: Apache-2.0

// Whether rollouts stop within the counts that the plan promises. The rollouts here are another simulation: units that return, each
// failure given to the log of first events, means by their scores over buckets, harms excluded with the design effect of the units.

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/first_events.hpp>
#include <joust/stats/planning/canary_plan.hpp>

#include "calibration/exclusion.hpp"
#include "calibration/limit.hpp"
#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

namespace {

using joust::keyed_random;
using joust::mix64;
using joust_test::full_calibration;
using joust_test::recorded;
namespace stats = joust::stats;

constexpr std::size_t units = 50'000;
constexpr double infinity = std::numeric_limits<double>::infinity();

struct service {
    std::uint64_t salt;

    [[nodiscard]] double place(std::uint64_t unit) const noexcept
    {
        return static_cast<double>(mix64(unit ^ salt) >> 11U) * 0x1p-53;
    }
    [[nodiscard]] std::uint64_t pseudonym(std::uint64_t unit) const noexcept
    {
        return mix64(unit + (salt << 20U));
    }
};

/// The requests of the last stage until failures roll it back, where the harm begins with this stage. Requests without a failure are
/// skipped.
double requests_until_stopped(const std::vector<double>& shares, const std::vector<double>& quiet, double p0,
                              double p1, double alpha, double longest, std::uint64_t seed, std::uint64_t run)
{
    keyed_random random{seed, run};
    const service now{mix64(seed * 1'000'003U + run)};
    joust::detail::first_event_log log;
    log.allow(1.0);
    for (std::size_t stage = 0; stage < shares.size(); ++stage) {
        const bool harmed = stage + 1 == shares.size();
        const double most = harmed ? p1 : p0;
        const auto gap = [&] {
            return most < 1.0 ? 1.0 + std::floor(std::log(1.0 - random.uniform()) / std::log1p(-most)) : 1.0;
        };
        for (double at = gap(); at <= (harmed ? longest : quiet[stage]); at += gap()) {
            const std::uint64_t unit = random.below(units);
            const bool challenger = now.place(unit) < shares[stage];
            if (!challenger && !random.chance(p0 / most)) {
                continue;
            }
            log.record(now.pseudonym(unit), challenger, shares[stage], static_cast<std::uint64_t>(at));
            if (log.highest_log_e() >= -std::log(alpha)) {
                return harmed ? at : -1.0;
            }
        }
    }
    return infinity;
}

struct promise {
    double within_80 = 0.0;
    double within_95 = 0.0;

    void check(const char* name, double share, int runs) const
    {
        std::printf("%-26s %6.2f | %6.1f %6.1f\n", name, share, 100.0 * within_80 / runs,
                    100.0 * within_95 / runs);
        std::fflush(stdout);
        INFO(name << " at " << share);
        // Short runs allow for their own noise; long ones need no allowance.
        const double errors = full_calibration() && runs >= 10'000 ? 0.0 : 3.0;
        CHECK(within_80 >= runs * (0.79 - errors * std::sqrt(0.79 * 0.21 / runs)));
        CHECK(within_95 >= runs * (0.945 - errors * std::sqrt(0.945 * 0.055 / runs)));
    }
};

}  // namespace

TEST_CASE("Harms are caught within the requests that the plan promises for 80 and 95 of 100 rollouts")
{
    const bool full = full_calibration();
    const int runs = full ? 10'000 : 200;
    std::printf("%-26s %6s | %6s %6s\n", "stopped within, %", "share", "80 %", "95 %");
    struct harm {
        const char* name;
        double p0;
        double p1;
    };
    std::uint64_t seed = 9'700;
    for (const harm& now :
         {harm{"1 %, all fail", 0.01, 1.0}, harm{"1 %, x 5", 0.01, 0.05}, harm{"1 %, x 2", 0.01, 0.02},
          harm{"5 %, x 2", 0.05, 0.1}, harm{"0.1 %, + 2 points", 0.001, 0.021}}) {
        stats::planned_canary plan;
        plan.guardrails.push_back({.name = "failures",
                                   .level = now.p0,
                                   .exclude = {0.005, 1.5},
                                   .harm = {.increase = now.p1 - now.p0}});
        plan.stages = {{0.05}, {0.25}, {0.5}};
        plan.units = units;
        plan.longest_days = 20.0;  // 1.7 million requests
        plan.rollouts = full ? 1'000 : 200;
        const auto foretold = stats::plan_canary(plan);
        REQUIRE(foretold.state == joust::status::ok);
        std::vector<double> shares, quiet;
        for (const auto& stage : foretold.stages) {
            shares.push_back(stage.share);
            promise kept;
            ++seed;
            int judged = 0;
            for (int run = 0; run < runs; ++run) {
                const double stopped = requests_until_stopped(shares, quiet, now.p0, now.p1, 0.05, 1.7e6,
                                                              seed, static_cast<std::uint64_t>(run));
                if (stopped >= 0.0) {  // an alarm before the harm is not judged
                    ++judged;
                    kept.within_80 += stopped <= stage.caught[0].requests_80 ? 1.0 : 0.0;
                    kept.within_95 += stopped <= stage.caught[0].requests_95 ? 1.0 : 0.0;
                }
            }
            kept.within_80 *= static_cast<double>(runs) / judged;
            kept.within_95 *= static_cast<double>(runs) / judged;
            kept.check(now.name, stage.share, runs);
            quiet.push_back(stage.requests);
        }
    }
}

namespace {

struct whole_end {
    bool shipped = false;
    double requests = infinity;  // until the end that it should have
};

/// A whole rollout with failures and a mean as guardrails, request by request.
whole_end roll_out(const stats::planned_canary& plan, bool failures_harmed, bool mean_harmed, double longest,
                   std::uint64_t seed, std::uint64_t run)
{
    keyed_random random{seed, run};
    const service now{mix64(seed * 1'000'003U + run)};
    const std::size_t stages = plan.stages.size();
    recorded failures{stages}, right{stages};
    joust::detail::first_event_log log;
    log.allow(1.0);
    std::vector<char> seen(units, 0);
    const auto& watch = plan.guardrails[0];
    const auto& mean = plan.guardrails[1];
    const double alpha = 0.5 * plan.alpha, target = -std::log(plan.beta);
    const double p0 = watch.level;
    const double p1 = p0 + (failures_harmed ? watch.harm.increase : 0.0);
    const double level1 = mean.level - (mean_harmed ? mean.harm.increase : 0.0);
    double distinct = 0.0, expected = 0.0, rho = 0.0, next_look = 100.0, in_stage = 0.0, planned = 0.0;
    for (const auto& stage : plan.stages) {
        planned += 10'000.0 * stage.share * (1.0 - stage.share) / static_cast<double>(stages);
    }
    std::size_t stage = 0;
    for (double i = 0.0; i < longest; i += 1.0) {
        const double s = plan.stages[stage].share;
        const std::uint64_t unit = random.below(units);
        const bool challenger = now.place(unit) < s;
        if (challenger && seen[unit] == 0) {
            seen[unit] = 1;
            distinct += 1.0;
        }
        const bool fails = random.chance(challenger ? p1 : p0);
        const bool is_right = random.chance(challenger ? level1 : mean.level);
        const std::size_t bucket = unit % recorded::buckets;
        failures.add(bucket, stage, s, challenger, fails ? 1.0 : 0.0);
        right.add(bucket, stage, s, challenger, is_right ? 1.0 : 0.0);
        expected += is_right ? s : 0.0;
        in_stage += challenger ? 1.0 : 0.0;
        if (fails) {
            log.record(now.pseudonym(unit), challenger, s, static_cast<std::uint64_t>(i));
            if (log.highest_log_e() >= -std::log(alpha)) {
                return {false, failures_harmed || mean_harmed ? i : infinity};
            }
        }
        if (i < next_look) {
            continue;
        }
        next_look = i + std::fmax(100.0, i / 64.0);
        const auto first = stats::score_test(right.view(), {});
        if (!(rho > 0.0) && first.challenger_buckets >= 30) {
            rho = stats::burn_in_rho(std::fmax(first.v, first.v0), first.information, planned);
        }
        if (!(rho > 0.0)) {
            continue;
        }
        const stats::mean_exclusion_options options{
            .harm = mean.exclude.increase / (stage + 1 < stages ? plan.stages[stage + 1].share : 1.0),
            .rho = rho,
            .clock = stats::switching_clock(first.challenger_buckets, expected)};
        const auto breach = stats::score_test(right.view(), {.rho = rho,
                                                             .alternative = stats::side::less,
                                                             .clock = options.clock,
                                                             .null = -mean.allowed.increase});
        if (breach.state == joust::status::ok && breach.log_e >= -std::log(alpha)) {
            return {false, failures_harmed || mean_harmed ? i : infinity};
        }
        if (in_stage < plan.stages[stage].least_requests) {
            continue;
        }
        const auto clustering = stats::clustering_of(failures.view(), failures.counts(),
                                                     failures.challenger_requests() / distinct);
        const auto harm =
            stats::stage_harm(watch.exclude, stage + 1 < stages ? plan.stages[stage + 1].share : 1.0);
        if (stats::exclusion_log_e(failures.counts(), harm, {.beta = plan.beta, .clustering = clustering}) <
                target ||
            stats::exclude_mean(right.view(), options).log_e < target) {
            continue;
        }
        if (++stage == stages) {
            return {true, failures_harmed || mean_harmed ? infinity : i};
        }
        in_stage = 0.0;
    }
    return {};
}

}  // namespace

TEST_CASE("Whole rollouts end as the plan foretells: equal challengers are shipped, harmful ones are stopped")
{
    const bool full = full_calibration();
    const int runs = full ? 2'000 : 25;
    stats::planned_canary plan;
    plan.guardrails.push_back(
        {.name = "failures", .level = 0.01, .exclude = {0.005, 1.5}, .harm = {.increase = 0.01}});
    plan.guardrails.push_back({.name = "accuracy",
                               .kind = stats::watched::mean,
                               .level = 0.8,
                               .allowed = {.increase = 0.02},
                               .exclude = {.increase = 0.02},
                               .harm = {.increase = 0.06}});
    plan.stages = {{0.05}, {0.25}, {0.5}};
    plan.units = units;
    plan.longest_days = 3.5;  // 300,000 requests
    plan.rollouts = full ? 1'000 : 100;
    const auto foretold = stats::plan_canary(plan);
    REQUIRE(foretold.state == joust::status::ok);
    const double longest = 3.5 * 86'400.0;
    std::printf("%-26s | %8s %8s | %8s %8s | %8s\n", "whole rollouts", "80 %", "95 %", "shipped", "foretold",
                "median");
    for (std::size_t kind = 0; kind < 3; ++kind) {
        const auto& want = kind == 2 ? foretold.equal : foretold.harmful[kind];
        promise kept;
        int shipped = 0;
        for (int run = 0; run < runs; ++run) {
            const whole_end end =
                roll_out(plan, kind == 0, kind == 1, longest, 9'800 + kind, static_cast<std::uint64_t>(run));
            shipped += end.shipped ? 1 : 0;
            kept.within_80 += end.requests <= want.requests_80 ? 1.0 : 0.0;
            kept.within_95 += end.requests <= want.requests_95 ? 1.0 : 0.0;
        }
        const char* const name = kind == 0 ? "failures x 2" : kind == 1 ? "accuracy - 6" : "equal";
        std::printf("%-26s | %8.1f %8.1f | %8.1f %8.1f | %8.0f (%.0f, %.0f)\n", name,
                    100.0 * kept.within_80 / runs, 100.0 * kept.within_95 / runs, 100.0 * shipped / runs,
                    100.0 * want.shipped, want.requests, want.requests_80, want.requests_95);
        kept.check(name, 0.0, runs);
        if (kind < 2) {
            CHECK(shipped <= joust_test::limit_of(runs, 0.02));
        }
    }
}
