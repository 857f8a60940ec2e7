// SPDX-License-Identifier: Apache-2.0

// How often do intervals that hold at many looks miss the truth at any of them?
//
// A run misses if one of its intervals does. `n` is the horizon, with a look after each observation unless the row says
// otherwise; `width` is that of the last look. Rows of inference policies are trials: a ramp of 5, 25 and 50 %, a trend of
// the outcomes, a real effect, units with about four visits. Columns and arguments otherwise as in coverage.cpp.

#include <joust/core/hash.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/sequential/asymptotic_cs.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/betting.hpp>
#include <joust/stats/sequential/empirical_bernstein.hpp>
#include <joust/stats/sequential/group_sequential_inference.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/poisson_rates.hpp>
#include <joust/stats/sequential/quantile_cs.hpp>
#include <joust/stats/sequential/t_e_process.hpp>
#include <joust/stats/sequential/two_sample_bernoulli.hpp>

#include "calibration/coverage.hpp"
#include "metric/support.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using namespace joust;
using namespace joust_test;

bool misses(const stats::bounds& ends, double truth)
{
    return ends.lower > truth || ends.upper < truth;  // an interval not yet given misses nothing
}

// The intervals of one stream, asked after every `every` observations.
template <class Test, class Draw>
auto stream(const Test& fresh, int n, Draw draw, double truth, int every = 1)
{
    return [=](keyed_random& random) {
        Test test = fresh;
        covered seen;
        for (int i = 1; i <= n; ++i) {
            test.update(draw(random));
            if (i % every == 0) {
                const stats::bounds ends = test.interval();
                seen.missed = seen.missed || misses(ends, truth);
                seen.width = ends.upper - ends.lower;
                seen.given = !std::isnan(seen.width);  // burnt in, at the end
            }
        }
        return seen;
    };
}

template <class Test, class Draw>
auto running(const Test& fresh, int n, Draw draw, double truth)
{
    return [=](keyed_random& random) {
        Test test = fresh;
        covered seen;
        for (int i = 0; i < n; ++i) {
            test.update(draw(random));
            const stats::bounds ends = test.running_interval();
            seen.missed = seen.missed || misses(ends, truth);
            seen.width = ends.upper - ends.lower;
        }
        return seen;
    };
}

auto bernoulli(double p)
{
    return [p](keyed_random& random) { return random.chance(p) ? 1.0 : 0.0; };
}
double uniform(keyed_random& random)
{
    return random.uniform();
}
double lognormal(keyed_random& random)
{
    return std::exp(normal(random));
}

void single_means(coverage_table& table)
{
    table.row("normal_mixture_bound", "normal, variance known", 1'000, "", 300, [](keyed_random& random) {
        const double rho = stats::normal_mixture_rho(500.0, alpha);
        covered seen;
        double sum = 0.0;
        for (int n = 1; n <= 1'000; ++n) {
            sum += 1.0 + normal(random);
            const double half = stats::normal_mixture_bound(n, rho, alpha) / n;
            seen.missed = seen.missed || std::fabs(sum / n - 1.0) > half;
            seen.width = 2.0 * half;
        }
        return seen;
    });
    table.row("t_e_process", "normal", 1'000, "from the second", 200,
              stream(
                  stats::t_e_process{{.planned = 200.0}}, 1'000,
                  [](keyed_random& random) { return 1.0 + 2.0 * normal(random); }, 1.0));
    table.row("two_sample_t_e_process", "normal, share 0.2", 1'000, "from the fourth", 200,
              [](keyed_random& random) {
                  stats::two_sample_t_e_process test{{.planned = 200.0}};
                  covered seen;
                  for (int i = 0; i < 1'000; ++i) {
                      const bool first = random.chance(0.2);
                      test.update(first, (first ? 1.0 : 0.0) + normal(random));
                      const stats::bounds ends = test.interval();
                      seen.missed = seen.missed || misses(ends, 1.0);
                      seen.width = ends.upper - ends.lower;
                  }
                  return seen;
              });
    using cs = stats::asymptotic_confidence_sequence;
    table.row(
        "asymptotic_confidence_sequence", "normal", 2'000, "burn-in 100, 30 events", 100,
        stream(
            cs{{.planned = 1'000.0}}, 2'000, [](keyed_random& random) { return 1.0 + normal(random); }, 1.0));
    table.row("asymptotic_confidence_sequence", "lognormal", 5'000, "burn-in 100, 30 events", 50,
              stream(cs{{.planned = 5'000.0}}, 5'000, lognormal, std::exp(0.5)));
    table.row("asymptotic_confidence_sequence", "p = 0.05", 5'000, "burn-in 100, 30 events", 50,
              stream(cs{{.planned = 5'000.0}}, 5'000, bernoulli(0.05), 0.05));
    table.row("empirical_bernstein", "p = 0.05", 2'000, "", 200,
              stream(stats::empirical_bernstein{}, 2'000, bernoulli(0.05), 0.05));
    table.row("empirical_bernstein, running", "uniform", 2'000, "", 200,
              running(stats::empirical_bernstein{}, 2'000, uniform, 0.5));
    table.row("betting", "p = 0.05, every 10th", 300, "", 50,
              stream(stats::betting{}, 300, bernoulli(0.05), 0.05, 10));
    table.row("betting, running", "uniform", 1'000, "", 100, running(stats::betting{}, 1'000, uniform, 0.5));
    table.row("bernoulli_mixture_interval", "p = 0.05, every 5th", 500, "", 50, [](keyed_random& random) {
        covered seen;
        std::uint64_t count = 0;
        for (std::uint64_t n = 1; n <= 500; ++n) {
            count += random.chance(0.05) ? 1U : 0U;
            if (n % 5 == 0) {
                const stats::bounds ends = stats::bernoulli_mixture_interval(count, n);
                seen.missed = seen.missed || misses(ends, 0.05);
                seen.width = ends.upper - ends.lower;
            }
        }
        return seen;
    });
}

void pairs_of_rates(coverage_table& table)
{
    table.row("two_sample_bernoulli", "0.2 and 0.1, every 8th", 400, "", 50, [](keyed_random& random) {
        stats::two_sample_bernoulli test;
        covered seen;
        for (int i = 1; i <= 400; ++i) {
            const bool first = random.coin();
            test.update(first, random.chance(first ? 0.2 : 0.1), 0.5);
            if (i % 8 == 0) {
                const stats::bounds ends = test.interval();
                seen.missed = seen.missed || misses(ends, 0.1);
                seen.width = ends.upper - ends.lower;
            }
        }
        return seen;
    });
    table.row("poisson_rates", "ratio 1.5, ramp, every 4th", 400, "", 50, [](keyed_random& random) {
        constexpr std::array<double, 4> shares{0.05, 0.1, 0.25, 0.5};
        stats::poisson_rates test;
        covered seen;
        for (int i = 0; i < 400; ++i) {
            const double s = shares[static_cast<std::size_t>(i / 100)];
            test.update(random.chance(1.5 * s / (1.0 + 0.5 * s)), s);
            if (i % 4 == 3) {
                const stats::bounds ends = test.interval();
                seen.missed = seen.missed || misses(ends, 1.5);
                seen.width = ends.upper - ends.lower;
            }
        }
        return seen;
    });
}

void quantiles(coverage_table& table)
{
    table.row(
        "quantile_confidence_sequence", "lognormal, median, every 5th", 500, "", 50,
        stream(stats::quantile_confidence_sequence{{.q = 0.5, .planned = 300.0}}, 500, lognormal, 1.0, 5));
    table.row("quantile_interval, sequence", "sketch, q = 0.95, every 20th", 2'000, "10 beyond", 50,
              [](keyed_random& random) {
                  const double truth = 1e6 * std::exp(stats::normal_upper_quantile(0.05));
                  latency_sketch sketch;
                  covered seen;
                  for (int i = 1; i <= 2'000; ++i) {
                      sketch.add(static_cast<std::int64_t>(1e6 * lognormal(random)));
                      if (i % 20 == 0) {
                          const auto at = stats::quantile_interval(sketch, {.q = 0.95, .planned = 1'000});
                          seen.missed = seen.missed || misses({at.lower, at.upper}, truth);
                          seen.width = at.upper - at.lower;
                      }
                  }
                  return seen;
              });
}

void group_sequential_designs(coverage_table& table)
{
    // Looks at thirds of 900 observations of a mean of 0.1: about 85 % power.
    const std::vector<double> information{300.0, 600.0, 900.0};
    const auto looks =
        stats::group_sequential_bounds(stats::obrien_fleming{}, information, {.planned_information = 900.0});
    const auto z_of = [](keyed_random& random, double& sum, double from, double to) {
        sum += 0.1 * (to - from) + std::sqrt(to - from) * normal(random);
        return sum / std::sqrt(to);
    };
    table.row("group_sequential_result", "normal, effect 0.1, 3 looks", 900, "", 50,
              [=](keyed_random& random) {
                  double sum = 0.0, before = 0.0;
                  for (std::size_t k = 0;; ++k) {
                      const double z = z_of(random, sum, before, information[k]);
                      before = information[k];
                      if (std::fabs(z) >= looks[k].upper || k == 2) {
                          return check(stats::group_sequential_result(std::span{looks}.first(k + 1), z), 0.1);
                      }
                  }
              });
    table.row("repeated_interval", "normal, effect 0.1, 3 looks", 900, "", 1'000, [=](keyed_random& random) {
        double sum = 0.0, before = 0.0;
        covered seen;
        for (std::size_t k = 0; k < 3; ++k) {
            const stats::bounds ends =
                stats::repeated_interval(looks[k], z_of(random, sum, before, information[k]));
            before = information[k];
            seen.missed = seen.missed || misses(ends, 0.1);
            seen.width = ends.upper - ends.lower;
        }
        return seen;
    });
}

// A trial: looks after every `every` requests of 4,000, whose intervals are of the difference 0.2 or the ratio 1.2.
template <class Policy>
auto trial(const Policy& policy, int every, bool relative)
{
    return [=](keyed_random& random) {
        constexpr int planned = 4'000;
        constexpr std::array<double, 3> shares{0.05, 0.25, 0.5};
        const std::uint64_t key = random.next();
        sums evidence;
        test_memory memory;
        covered seen;
        double information = 0.0;
        for (const double s : shares) {
            information += s * (1.0 - s) * planned / 3.0;
        }
        for (int i = 0; i < planned; ++i) {
            const double s = shares[static_cast<std::size_t>(3 * i / planned)];
            const std::uint64_t unit = mix64(random.below(1'000) ^ key);
            // a unit keeps its arm while the share grows
            const bool challenger = static_cast<double>(mix64(unit) >> 11) * 0x1p-53 < s;
            const double trend = 1.0 + static_cast<double>(i) / planned;
            double x = 0.0;
            if (relative) {
                x = -std::log1p(-random.uniform()) * trend * (challenger ? 1.2 : 1.0);
            } else {
                x = trend + 0.5 * keyed_random{unit}.normal() + normal(random) + (challenger ? 0.2 : 0.0);
            }
            evidence.add({.pseudonym = unit, .challenger = challenger, .s = s, .x = x});
            if ((i + 1) % every == 0) {
                const inference answer =
                    policy.infer(evidence.look(information), {.relative = relative}, memory);
                if (answer.state == status::ok) {
                    seen.missed = seen.missed || misses({answer.lower, answer.upper}, relative ? 1.2 : 0.2);
                    seen.width = answer.upper - answer.lower;
                }
            }
        }
        return seen;
    };
}

void trials(coverage_table& table)
{
    constexpr const char* least = "30 buckets, 10 events";
    table.row("always_valid", "normal, every 100th", 4'000, least, 100,
              trial(always_valid{.units = 4'000}, 100, false));
    table.row("always_valid, ratio", "exponential, every 100th", 4'000, least, 100,
              trial(always_valid{.units = 4'000}, 100, true));
    table.row("fixed_horizon", "normal, one look", 4'000, least, 200,
              trial(fixed_horizon{.units = 4'000}, 4'000, false));
    table.row("fixed_horizon, ratio", "exponential, one look", 4'000, least, 200,
              trial(fixed_horizon{.units = 4'000}, 4'000, true));
    table.row("group_sequential", "normal, 5 looks", 4'000, least, 20,
              trial(group_sequential{.units = 4'000}, 800, false));
    table.row("hybrid", "normal, every 100th", 4'000, least, 100, trial(hybrid{.units = 4'000}, 100, false));
}

}  // namespace

int main(int count, char** arguments)
{
    coverage_table table{"Intervals at many looks", count, arguments};
    single_means(table);
    pairs_of_rates(table);
    quantiles(table);
    group_sequential_designs(table);
    trials(table);
    return table.finish();
}
