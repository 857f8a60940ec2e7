// SPDX-License-Identifier: Apache-2.0

// How often a harm that is exactly as large as the one to exclude is excluded, at any of many looks, with units that return, with
// frailty and under ramps; and how many requests an equal challenger needs until the harm is excluded.

#include "calibration/exclusion.hpp"

#include <joust/core/random.hpp>
#include <joust/stats/planning/exclusion_plan.hpp>
#include <joust/stats/sequential/exclusion.hpp>

#include "calibration/limit.hpp"
#include "calibration/ramp.hpp"
#include "catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

using joust::keyed_random;
using joust_test::full_calibration;
using joust_test::recorded;
namespace stats = joust::stats;

constexpr double target = 2.995732273553991;  // ln 20
constexpr double total = 100'000;

enum class frailty : std::uint8_t { none, ten_times, root, always };

/// Units whose events cling together, under shares that grow or not.
struct world {
    const char* name;
    std::size_t units;  // 0: each request is a unit of its own
    frailty who;
    double rate;
    bool ramp;
};

double rate_at(double base, double progress)
{
    return base * (1.0 + progress) * (1.0 + 0.3 * std::sin(62.831853071795864 * progress));
}

/// A unit's rate, as a multiple of the mean.
double frailty_of(frailty who, double u)
{
    switch (who) {
        case frailty::none:
        case frailty::always: return 1.0;
        case frailty::ten_times: return (u < 0.05 ? 10.0 : 1.0) / 1.45;
        case frailty::root: return std::fmin(0.53 / std::sqrt(u), 10.0) / 1.0318;
    }
    return 1.0;
}

enum rule : std::size_t { planned_alone, realised_alone, realised_d1, realised_d, rules };

/// Which rules exclude the harm at any look, where the challenger does exactly this harm.
std::array<bool, rules> excluded_at_null(const world& now, const stats::excluded_harm& harm,
                                         std::uint64_t seed, std::uint64_t run)
{
    keyed_random random{seed, run};
    recorded record{joust_test::ramp_shares.size()};
    std::vector<double> place(now.units), factor(now.units);
    std::vector<char> seen(now.units, 0), dead(now.units, 0);
    for (std::size_t u = 0; u < now.units; ++u) {
        place[u] = random.uniform();
        factor[u] = frailty_of(now.who, random.uniform());
        dead[u] = now.who == frailty::always && random.chance(harm.increase) ? 1 : 0;
    }
    std::array<bool, rules> found{};
    double distinct = 0.0, next_look = 0.0;
    for (double i = 0.0; i < total; i += 1.0) {
        const double progress = i / total;
        const std::size_t stage = now.ramp ? static_cast<std::size_t>(4.0 * progress) : 0U;
        const double s = now.ramp ? joust_test::ramp_shares[stage] : 0.05;
        bool challenger = false, fails_always = false;
        double z = 1.0;
        std::size_t bucket = 0;
        if (now.units == 0) {
            bucket = static_cast<std::size_t>(random.below(recorded::buckets));
            challenger = random.chance(s);
            distinct += challenger ? 1.0 : 0.0;
            z = frailty_of(now.who, random.uniform());
            fails_always = now.who == frailty::always && challenger && random.chance(harm.increase);
        } else {
            const auto unit = static_cast<std::size_t>(random.below(now.units));
            bucket = unit % recorded::buckets;
            challenger = place[unit] < s;
            z = factor[unit];
            fails_always = dead[unit] != 0;
            if (challenger && seen[unit] == 0) {
                seen[unit] = 1;
                distinct += 1.0;
            }
        }
        const double p0 = rate_at(now.rate, progress);
        const double by_ratio = (harm.ratio - 1.0) * p0;
        double p = p0 * z;
        if (challenger) {
            p = now.who == frailty::always ? p : (p0 + std::fmax(harm.increase, by_ratio)) * z;
        }
        const bool event = (challenger && fails_always) || random.chance(p);
        record.add(bucket, stage, s, challenger, event ? 1.0 : 0.0);
        // At every event while there are few, and whenever the requests grew by 1 %.
        if (!(event && i < 3'000.0) && i < next_look) {
            continue;
        }
        next_look = i + 1.0 + 0.01 * i;
        const auto clustering = stats::clustering_of(
            record.view(), record.counts(), distinct > 0.0 ? record.challenger_requests() / distinct : 1.0);
        auto only_d1 = clustering;
        only_d1.requests_per_unit = 1.0;
        const auto judge = [&](rule which, const stats::exclusion_options& options) {
            found[which] = found[which] || stats::exclusion_log_e(record.counts(), harm, options) >= target;
        };
        judge(planned_alone, {.odds = stats::event_odds::planned});
        judge(realised_alone, {});
        judge(realised_d1, {.clustering = only_d1});
        judge(realised_d, {.clustering = clustering});
    }
    return found;
}

double median(std::vector<double> values, double part = 0.5)
{
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

/// A Poisson number by counting exponential gaps.
double poisson(keyed_random& random, double mean)
{
    double count = 0.0;
    for (double left = mean - random.exponential(); left > 0.0; left -= random.exponential()) {
        count += 1.0;
    }
    return count;
}

/// The challenger's requests until a harm is excluded, where both models fail at one rate and each request is a unit.
double requests_until_excluded(double p, double s, const stats::excluded_harm& harm, bool spread_only,
                               std::uint64_t seed, std::uint64_t run)
{
    keyed_random random{seed, run};
    std::array<stats::event_counts, 1> counts{};
    double requests = 0.0;
    while (requests < 3e7) {
        // 100 requests at first, then 1 in 64.
        const double step = std::fmax(100.0, std::floor(requests / 64.0));
        requests += step;
        counts[0].challenger_requests += s * step;
        counts[0].champion_requests += (1.0 - s) * step;
        counts[0].challenger_events = std::fmin(counts[0].challenger_events + poisson(random, p * s * step),
                                                counts[0].challenger_requests);
        counts[0].champion_events = std::fmin(
            counts[0].champion_events + poisson(random, p * (1.0 - s) * step), counts[0].champion_requests);
        if (stats::exclusion_log_e(counts, harm, {.spread_only = spread_only}) >= target) {
            break;
        }
    }
    return counts[0].challenger_requests;
}

}  // namespace

TEST_CASE("A harm that is exactly the one to exclude is excluded in at most 5 of 100 rollouts")
{
    constexpr stats::excluded_harm harm{.increase = 0.005, .ratio = 1.5};
    std::vector<world> worlds;
    for (const std::size_t units :
         {std::size_t{0}, std::size_t{20'000}, std::size_t{2'000}, std::size_t{300}}) {
        for (const bool ramp : {false, true}) {
            worlds.push_back({"x 1.5 at 2 %, none", units, frailty::none, 0.02, ramp});
            worlds.push_back({"x 1.5 at 2 %, 10 x", units, frailty::ten_times, 0.02, ramp});
            worlds.push_back({"x 1.5 at 2 %, root", units, frailty::root, 0.02, ramp});
            worlds.push_back({"+ 0.5 at 0.1 %, 10 x", units, frailty::ten_times, 0.001, ramp});
            worlds.push_back({"+ 0.5 at 0.1 %, root", units, frailty::root, 0.001, ramp});
            worlds.push_back({"0.5 % fail always", units, frailty::always, 1e-4, ramp});
        }
    }
    const bool full = full_calibration();
    const int runs = full ? 500 : 25;
    std::printf("%-22s %7s %5s | %8s %8s %8s %8s\n", "ever excluded, %", "units", "ramp", "planned",
                "realised", "D1", "D");
    std::uint64_t seed = 9'100;
    for (const world& now : worlds) {
        ++seed;
        if (!full && !((now.ramp && now.units == 2'000) || (now.units == 0 && now.who == frailty::root))) {
            continue;
        }
        std::array<int, rules> count{};
        for (int run = 0; run < runs; ++run) {
            const auto found = excluded_at_null(now, harm, seed, static_cast<std::uint64_t>(run));
            for (std::size_t r = 0; r < rules; ++r) {
                count[r] += found[r] ? 1 : 0;
            }
        }
        const auto percent = [&](rule r) { return 100.0 * count[r] / runs; };
        std::printf("%-22s %7zu %5s | %8.1f %8.1f %8.1f %8.1f\n", now.name, now.units,
                    now.ramp ? "yes" : "no", percent(planned_alone), percent(realised_alone),
                    percent(realised_d1), percent(realised_d));
        std::fflush(stdout);
        INFO(now.name << ' ' << now.units << ' ' << now.ramp);
        CHECK(count[realised_d] <= joust_test::limit_of(runs, 0.05));
        if (now.units == 0) {
            CHECK(count[planned_alone] <= joust_test::limit_of(runs, 0.05));
        }
    }
}

TEST_CASE("An equal challenger has excluded a harm after the requests that are foretold")
{
    struct cell {
        double p;
        double s;
        stats::excluded_harm harm;
        double before;  // the median that was found with all weight spread; 0 where none was
    };
    constexpr stats::excluded_harm larger{.increase = 0.005, .ratio = 1.5}, twice{.ratio = 2.0};
    constexpr std::array cells{
        cell{0.0, 0.05, larger, 1'080},  cell{1e-4, 0.05, larger, 1'070}, cell{1e-3, 0.05, larger, 1'710},
        cell{0.01, 0.05, larger, 3'560}, cell{0.05, 0.05, larger, 930},   cell{0.1, 0.05, larger, 460},
        cell{0.0, 0.5, larger, 1'100},   cell{1e-4, 0.5, larger, 1'100},  cell{1e-3, 0.5, larger, 1'400},
        cell{0.01, 0.5, larger, 7'490},  cell{0.05, 0.5, larger, 2'400},  cell{0.1, 0.5, larger, 1'280},
        cell{1e-3, 0.05, twice, 0},      cell{0.01, 0.05, twice, 1'230},  cell{0.05, 0.05, twice, 240},
        cell{0.01, 0.5, twice, 3'140},   cell{0.05, 0.5, twice, 700},     cell{0.1, 0.5, twice, 350}};
    const int runs = full_calibration() ? 2'000 : 40;
    std::printf("%8s %5s %7s | %10s %10s | %10s | %12s %12s\n", "p", "s", "harm", "median", "p90", "foretold",
                "spread", "spread p90");
    std::uint64_t seed = 9'300;
    for (const cell& now : cells) {
        ++seed;
        std::vector<double> mixed, spread;
        for (int run = 0; run < runs; ++run) {
            mixed.push_back(requests_until_excluded(now.p, now.s, now.harm, false, seed,
                                                    static_cast<std::uint64_t>(run)));
            spread.push_back(
                requests_until_excluded(now.p, now.s, now.harm, true, seed, static_cast<std::uint64_t>(run)));
        }
        const auto foretold =
            stats::plan_exclusion({.champion_rate = now.p, .share = now.s, .harm = now.harm});
        std::printf("%8g %5g %7s | %10.0f %10.0f | %10.0f | %12.0f %12.0f\n", now.p, now.s,
                    now.harm == twice || std::isnan(now.harm.increase) ? "x 2" : "larger", median(mixed),
                    median(mixed, 0.9), foretold.requests, median(spread), median(spread, 0.9));
        INFO(now.p << ' ' << now.s << ' ' << now.harm.increase);
        // A median that lies between none and two events of the challenger jumps by hundreds of requests.
        const double slack = !full_calibration() ? 1.5 : now.p == 1e-3 ? 1.25 : 1.15;
        if (now.before > 0.0) {
            CHECK(median(spread) < slack * now.before);
            CHECK(median(spread) > now.before / slack);
        }
        CHECK(median(mixed) < 1.05 * median(spread));
        CHECK(median(mixed) < 1.8 * foretold.requests);
        CHECK(median(mixed, 0.9) < 1.2 * foretold.requests_p90);
    }
}

namespace {

/// Whether 2 points are excluded at any look, where the challenger is right exactly that much less often; 20,000 units that
/// return and differ, the ramp, and a daily swing.
bool mean_excluded_at_null(std::size_t units, std::uint64_t seed, std::uint64_t run)
{
    keyed_random random{seed, run};
    recorded record{joust_test::ramp_shares.size()};
    std::vector<double> place(units), level(units);
    for (std::size_t u = 0; u < units; ++u) {
        place[u] = random.uniform();
        level[u] = 0.8 + 0.3 * (random.uniform() - 0.5);
    }
    double rho = 0.0, expected = 0.0, next_look = 1'000.0;
    for (double i = 0.0; i < total; i += 1.0) {
        const double progress = i / total;
        const auto stage = static_cast<std::size_t>(4.0 * progress);
        const double s = joust_test::ramp_shares[stage];
        const auto unit = static_cast<std::size_t>(random.below(units));
        const bool challenger = place[unit] < s;
        const double p =
            level[unit] + 0.03 * std::sin(62.831853071795864 * progress) - (challenger ? 0.02 : 0.0);
        const bool right = random.chance(p);
        record.add(unit % recorded::buckets, stage, s, challenger, right ? 1.0 : 0.0);
        expected += right ? s : 0.0;
        if (i < next_look) {
            continue;
        }
        next_look = i + 1.0 + i / 64.0;
        if (!(rho > 0.0)) {
            const auto first = stats::score_test(record.view(), {.null = -0.02});
            if (first.state != joust::status::ok) {
                continue;
            }
            const double planned =
                10'000.0 * joust_test::ramp_shares.back() * (1.0 - joust_test::ramp_shares.back());
            rho = stats::burn_in_rho(std::fmax(first.v, first.v0), first.information, planned);
        }
        const std::size_t seen = stats::score_test(record.view(), {}).challenger_buckets;
        const auto now = stats::exclude_mean(
            record.view(), {.harm = 0.02, .rho = rho, .clock = stats::switching_clock(seen, expected)});
        if (now.log_e >= target) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("A mean that is worse by exactly the harm to exclude has it excluded in at most 5 of 100 rollouts")
{
    const int runs = full_calibration() ? 1'000 : 30;
    std::printf("%-34s | %8s\n", "2 points of 80 %, ever excluded, %", "");
    for (const std::size_t units : {std::size_t{20'000}, std::size_t{2'000}}) {
        int count = 0;
        for (int run = 0; run < runs; ++run) {
            count += mean_excluded_at_null(units, 9'500 + units, static_cast<std::uint64_t>(run)) ? 1 : 0;
        }
        std::printf("%27zu units | %8.1f\n", units, 100.0 * count / runs);
        CHECK(count <= joust_test::limit_of(runs, 0.05));
    }
}
