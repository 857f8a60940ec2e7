// SPDX-License-Identifier: Apache-2.0

// How often does each interval that holds at one look miss the truth?
//
// One row for each interval and kind of data whose assumptions hold, at or above the size from which the method is
// promised to work (`smallest size`; empty if it is exact or holds at any size). `none` is the share of runs that gave a
// state instead of an interval, and `width` is the mean width. Intervals of odds ratios are infinite in some runs, and
// their mean width is infinite then. The program fails if a row misses more often than 5 % allows (99.9 % limit of that
// many runs: 569 of 10,000), or if more than 5 % of runs have no interval. JOUST_CALIBRATE=full runs 10,000. The
// arguments are another seed and another number of runs.
//
// coverage_sequences.cpp has the intervals that hold at every look, coverage_models.cpp those of models and policies,
// and coverage_regressions.cpp those of regressions.

#include "calibration/coverage.hpp"

#include <joust/numeric/sketch.hpp>
#include <joust/stats/bayes/bayes.hpp>
#include <joust/stats/estimation/capping.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/estimation/cuped.hpp>
#include <joust/stats/estimation/post_stratification.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/estimation/ratio.hpp>
#include <joust/stats/resampling/bootstrap.hpp>
#include <joust/stats/resampling/poisson_bootstrap.hpp>
#include <joust/stats/tests/boschloo.hpp>
#include <joust/stats/tests/brunner_munzel.hpp>
#include <joust/stats/tests/cluster.hpp>
#include <joust/stats/tests/cross_validated.hpp>
#include <joust/stats/tests/delong.hpp>
#include <joust/stats/tests/equivalence.hpp>
#include <joust/stats/tests/fisher.hpp>
#include <joust/stats/tests/mann_whitney.hpp>
#include <joust/stats/tests/mcnemar.hpp>
#include <joust/stats/tests/paired.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/stats/tests/sign_test.hpp>
#include <joust/stats/tests/welch.hpp>
#include <joust/stats/tests/wilcoxon.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace joust;
using namespace joust_test;

double cdf(double z)
{
    return stats::normal_cdf(z);
}

void means(coverage_table& table)
{
    table.row("welch_t", "normal, sd 1 and 3", 25, "2 each", 1'000, [](keyed_random& r) {
        return check(stats::welch_t(normals(r, 10, 1.0), normals(r, 15, 0.0, 3.0)), 1.0);
    });
    table.row("student_t", "normal, one sd", 12, "2 each", 1'000, [](keyed_random& r) {
        return check(stats::student_t(normals(r, 5, 1.0), normals(r, 7)), 1.0);
    });
    table.row("paired_t", "normal differences", 8, "2", 1'000, [](keyed_random& r) {
        return check(stats::paired_t(normals(r, 8, 1.0), std::vector<double>(8, 0.0)), 1.0);
    });
    table.row("tost, interval", "normal, alpha 2.5 %", 40, "2 each", 1'000, [](keyed_random& r) {
        return check(stats::tost(normals(r, 20, 0.3), normals(r, 20, 0.0, 2.0),
                                 {.lower = -1.0, .upper = 1.0, .alpha = 0.5 * alpha}),
                     0.3);
    });
    table.row("tost, relative", "normal, ratio 1.1, a. 2.5 %", 80, "second mean above 0", 200,
              [](keyed_random& r) {
                  return check(stats::tost(normals(r, 40, 11.0, 2.0), normals(r, 40, 10.0, 2.0),
                                           {.lower = -0.2,
                                            .upper = 0.2,
                                            .kind = stats::margin_kind::relative,
                                            .alpha = 0.5 * alpha}),
                               0.1);
              });
    table.row("non_inferiority, bound", "normal", 40, "2 each", 1'000, [](keyed_random& r) {
        const auto seen = stats::non_inferiority(normals(r, 20, 0.3), normals(r, 20), {.margin = 0.5});
        return covered{seen.state == status::ok, seen.lower > 0.3, 0.3 - seen.lower};
    });
    table.row("superiority, bound", "normal", 40, "2 each", 1'000, [](keyed_random& r) {
        const auto seen = stats::superiority(normals(r, 20, 0.3), normals(r, 20));
        return covered{seen.state == status::ok, seen.lower > 0.3, 0.3 - seen.lower};
    });
    table.row("bootstrap, percentile", "normal, mean", 100, "100", 200, [](keyed_random& r) {
        return check(stats::bootstrap(normals(r, 100), {.interval = stats::bootstrap_interval::percentile,
                                                        .replicates = 2'000,
                                                        .seed = r.next()}),
                     0.0);
    });
    table.row("bootstrap, BCa", "normal, mean", 100, "100", 200, [](keyed_random& r) {
        return check(stats::bootstrap(normals(r, 100), {.replicates = 2'000, .seed = r.next()}), 0.0);
    });
    table.row("bootstrap, BCa", "exponential, difference", 400, "200 each", 100, [](keyed_random& r) {
        const auto draw = [](keyed_random& from) { return -std::log1p(-from.uniform()); };
        return check(stats::bootstrap(sample(r, 200, draw), sample(r, 200, draw),
                                      {.replicates = 2'000, .seed = r.next()}),
                     0.0);
    });
    table.row("bootstrap, BCa", "normal, log of sd", 400, "400", 30, [](keyed_random& r) {
        const auto log_sd = [](std::span<const double> x) {
            double sum = 0.0, squares = 0.0;
            for (const double v : x) {
                sum += v;
                squares += v * v;
            }
            const double n = static_cast<double>(x.size());
            return 0.5 * std::log((squares - sum * sum / n) / n);
        };
        return check(stats::bootstrap(normals(r, 400), log_sd, {.replicates = 2'000, .seed = r.next()}), 0.0);
    });
    table.row("poisson_bootstrap", "units of 3 values, mean", 900, "100 units", 100, [](keyed_random& r) {
        stats::poisson_bootstrap sums{{.seed = r.next()}};
        for (std::uint64_t unit = 0; unit < 300; ++unit) {
            const double level = normal(r);
            for (int i = 0; i < 3; ++i) {
                sums.update(unit, level + normal(r));
            }
        }
        return check(sums.interval(), 0.0);
    });
    table.row("poisson_bootstrap, difference", "normal", 600, "100 units", 100, [](keyed_random& r) {
        const std::uint64_t seed = r.next();
        stats::poisson_bootstrap a{{.seed = seed}}, b{{.seed = seed}};
        for (std::uint64_t unit = 0; unit < 300; ++unit) {
            a.update(unit, 1.0 + normal(r));
            b.update(1'000 + unit, 2.0 * normal(r));
        }
        return check(a.difference(b), 1.0);
    });
    table.row("cluster_robust_t", "20 clusters of 5, by cluster", 100, "8 clusters, 4 df", 500,
              [](keyed_random& r) {
                  std::vector<double> y;
                  std::vector<std::uint8_t> first;
                  std::vector<std::uint64_t> cluster;
                  for (std::uint64_t g = 0; g < 20; ++g) {
                      const double level = normal(r);
                      for (int i = 0; i < 5; ++i) {
                          y.push_back((g < 10 ? 1.0 : 0.0) + level + normal(r));
                          first.push_back(g < 10 ? 1 : 0);
                          cluster.push_back(g);
                      }
                  }
                  return check(stats::cluster_robust_t(y, cluster, first), 1.0);
              });
    table.row("cluster_robust_t", "30 clusters of 4, both arms", 120, "8 clusters, 4 df", 500,
              [](keyed_random& r) {
                  std::vector<double> y;
                  std::vector<std::uint8_t> first;
                  std::vector<std::uint64_t> cluster;
                  for (std::uint64_t g = 0; g < 30; ++g) {
                      const double level = normal(r);
                      const double own = 1.0 + 0.5 * normal(r);
                      for (int i = 0; i < 4; ++i) {
                          first.push_back(i % 2 == 0 ? 1 : 0);
                          y.push_back((i % 2 == 0 ? own : 0.0) + level + normal(r));
                          cluster.push_back(g);
                      }
                  }
                  return check(stats::cluster_robust_t(y, cluster, first), 1.0);
              });
    table.row("corrected_resampled_t", "normal, correlation 1/10", 10, "2 splits", 1'000,
              [](keyed_random& r) {
                  const double shared = std::sqrt(0.1) * normal(r);
                  const auto d = sample(r, 10, [&](keyed_random& from) {
                      return 1.0 + shared + std::sqrt(0.9) * normal(from);
                  });
                  return check(stats::corrected_resampled_t(d, std::vector<double>(10, 0.0), 0.1), 1.0);
              });
    table.row("five_by_two_t", "normal, independent", 10, "10 differences", 1'000,
              [](keyed_random& r) { return check(stats::five_by_two_t(normals(r, 10)), 0.0); });
    table.row("diebold_mariano", "normal, MA(1), horizon 2", 200, "4 times the horizon", 500,
              [](keyed_random& r) {
                  double last = normal(r);
                  const auto d = sample(r, 200, [&](keyed_random& from) {
                      const double now = normal(from);
                      const double value = 0.5 + now + 0.5 * last;
                      last = now;
                      return value;
                  });
                  return check(stats::diebold_mariano(d, std::vector<double>(200, 0.0), {.horizon = 2}), 0.5);
              });
}

void ranks(coverage_table& table)
{
    table.row("mann_whitney_u, shift", "normal, exact", 25, "", 1'000, [](keyed_random& r) {
        return check(stats::mann_whitney_u(normals(r, 10, 1.0), normals(r, 15)), 1.0);
    });
    table.row("mann_whitney_u, shift", "exponential, normal limit", 120, "50 of a sample", 500,
              [](keyed_random& r) {
                  const auto draw = [](keyed_random& from) { return -std::log1p(-from.uniform()); };
                  auto x = sample(r, 60, draw);
                  for (double& v : x) {
                      v += 0.5;
                  }
                  return check(stats::mann_whitney_u(x, sample(r, 60, draw)), 0.5);
              });
    table.row("brunner_munzel", "normal, sd 1 and 3", 50, "10 each", 1'000, [](keyed_random& r) {
        return check(stats::brunner_munzel(normals(r, 20, 1.0), normals(r, 30, 0.0, 3.0)),
                     2.0 * cdf(1.0 / std::sqrt(10.0)) - 1.0);
    });
    table.row("wilcoxon_signed_rank", "logistic, exact", 15, "", 1'000, [](keyed_random& r) {
        return check(stats::wilcoxon_signed_rank(sample(r, 15,
                                                        [](keyed_random& from) {
                                                            const double u = 0x1p-54 + from.uniform();
                                                            return 1.0 + std::log(u / (1.0 - u));
                                                        })),
                     1.0);
    });
    table.row("wilcoxon_signed_rank", "uniform, normal limit", 80, "50", 500, [](keyed_random& r) {
        return check(
            stats::wilcoxon_signed_rank(sample(r, 80, [](keyed_random& from) { return from.uniform(); })),
            0.5);
    });
    table.row("area_under_curve", "binormal, area 0.76", 120, "40 of a class", 500, [](keyed_random& r) {
        std::vector<std::uint8_t> labels;
        const auto scores = sample(r, 120, [&](keyed_random& from) {
            labels.push_back(labels.size() % 3 == 0 ? 1 : 0);
            return (labels.back() == 1 ? 1.0 : 0.0) + normal(from);
        });
        return check(stats::area_under_curve(labels, scores), cdf(std::sqrt(0.5)));
    });
    table.row("delong, paired", "binormal, 0.76 and 0.69", 150, "40 of a class", 500, [](keyed_random& r) {
        std::vector<std::uint8_t> labels;
        std::vector<double> a, b;
        for (int i = 0; i < 150; ++i) {
            labels.push_back(i % 3 == 0 ? 1 : 0);
            const double shared = normal(r);
            const double up = labels.back() == 1 ? 1.0 : 0.0;
            a.push_back(up + std::sqrt(0.5) * (shared + normal(r)));
            b.push_back(0.7 * up + std::sqrt(0.5) * (shared + normal(r)));
        }
        return check(stats::delong(labels, a, b), cdf(std::sqrt(0.5)) - cdf(0.7 * std::sqrt(0.5)));
    });
    table.row("delong_unpaired", "binormal, 0.76 and 0.69", 300, "40 of a class", 500, [](keyed_random& r) {
        std::vector<std::uint8_t> labels;
        std::vector<double> a, b;
        for (int i = 0; i < 150; ++i) {
            labels.push_back(i % 3 == 0 ? 1 : 0);
            const double up = labels.back() == 1 ? 1.0 : 0.0;
            a.push_back(up + normal(r));
            b.push_back(0.7 * up + normal(r));
        }
        return check(stats::delong_unpaired(labels, a, labels, b),
                     cdf(std::sqrt(0.5)) - cdf(0.7 * std::sqrt(0.5)));
    });
}

void proportions(coverage_table& table)
{
    const auto ends = [](const stats::bounds& seen, double truth) {
        return covered{!std::isnan(seen.lower), !(seen.lower <= truth && truth <= seen.upper),
                       seen.upper - seen.lower};
    };
    // Wilson's, Agresti-Coull's and Jeffreys' intervals hold on average over p, not at each p.
    const auto drawn = [](keyed_random& r) { return 0.05 + 0.9 * r.uniform(); };
    table.row("clopper_pearson_interval", "p = 0.05", 50, "", 1'000, [=](keyed_random& r) {
        return ends(stats::clopper_pearson_interval(hits(r, 50, 0.05), 50), 0.05);
    });
    table.row("wilson_interval", "p uniform, 0.05 to 0.95", 50, "20", 1'000, [=](keyed_random& r) {
        const double p = drawn(r);
        return ends(stats::wilson_interval(hits(r, 50, p), 50), p);
    });
    table.row("agresti_coull_interval", "p uniform, 0.05 to 0.95", 50, "20", 1'000, [=](keyed_random& r) {
        const double p = drawn(r);
        return ends(stats::agresti_coull_interval(hits(r, 50, p), 50), p);
    });
    table.row("jeffreys_interval", "p uniform, 0.05 to 0.95", 50, "20", 1'000, [=](keyed_random& r) {
        const double p = drawn(r);
        return ends(stats::jeffreys_interval(hits(r, 50, p), 50), p);
    });
    struct kind {
        stats::difference_interval interval;
        const char* name;
        int n;
        const char* smallest;
    };
    for (const kind& k :
         {kind{stats::difference_interval::newcombe, "two_proportion_z, Newcombe", 60, "20 each"},
          kind{stats::difference_interval::miettinen_nurminen, "two_proportion_z, Mi.-Nurminen", 60,
               "20 each"},
          kind{stats::difference_interval::agresti_caffo, "two_proportion_z, Agresti-Caffo", 60, "20 each"},
          kind{stats::difference_interval::wald, "two_proportion_z, Wald", 600, "200 each"}}) {
        table.row(k.name, "p uniform, 0.05 to 0.95", 2 * k.n, k.smallest, 1'000, [=](keyed_random& r) {
            const double p = drawn(r), q = drawn(r);
            const auto n = static_cast<std::uint64_t>(k.n);
            return check(
                stats::two_proportion_z(hits(r, k.n, p), n, hits(r, k.n, q), n, {.interval = k.interval}),
                p - q);
        });
    }
    table.row("fisher_exact, odds ratio", "p = 0.1 and 0.3", 80, "", 500, [](keyed_random& r) {
        const auto a = hits(r, 40, 0.1), c = hits(r, 40, 0.3);
        auto seen = stats::fisher_exact(a, 40 - a, c, 40 - c);
        return check(seen, 0.1 * 0.7 / (0.9 * 0.3));
    });
    table.row("boschloo_exact, difference", "p = 0.2 and 0.4", 50, "", 100, [](keyed_random& r) {
        const auto a = hits(r, 25, 0.2), c = hits(r, 25, 0.4);
        return check(stats::boschloo_exact(a, 25 - a, c, 25 - c), -0.2);
    });
    table.row("barnard_exact, difference", "p = 0.2 and 0.4", 50, "", 100, [](keyed_random& r) {
        const auto a = hits(r, 25, 0.2), c = hits(r, 25, 0.4);
        return check(stats::barnard_exact(a, 25 - a, c, 25 - c), -0.2);
    });
    table.row("tost, proportions", "p = 0.5 and 0.55, a. 2.5 %", 200, "score test", 500, [](keyed_random& r) {
        return check(stats::tost(hits(r, 100, 0.5), 100, hits(r, 100, 0.55), 100,
                                 {.lower = -0.2, .upper = 0.2, .alpha = 0.5 * alpha}),
                     -0.05);
    });
    const auto pairs = [](keyed_random& r, int n) {
        std::array<std::uint64_t, 2> seen{};
        for (int i = 0; i < n; ++i) {
            const double u = r.uniform();
            seen[0] += u < 0.15 ? 1U : 0U;
            seen[1] += u >= 0.15 && u < 0.25 ? 1U : 0U;
        }
        return seen;
    };
    table.row("mcnemar, Tango", "15 % and 10 % discordant", 100, "25 pairs", 1'000, [=](keyed_random& r) {
        const auto seen = pairs(r, 100);
        return check(stats::mcnemar(seen[0], seen[1], 100), 0.05);
    });
    table.row("mcnemar, of discordant", "15 % and 10 % discordant", 100, "", 1'000, [=](keyed_random& r) {
        const auto seen = pairs(r, 100);
        return check(stats::mcnemar(seen[0], seen[1]), 0.2);
    });
    table.row("sign_test", "15 % wins, 10 % losses", 100, "25 pairs", 1'000, [=](keyed_random& r) {
        const auto seen = pairs(r, 100);
        return check(stats::sign_test(seen[0], seen[1], 100 - seen[0] - seen[1]), 0.025);
    });
}

// The 1 to 8 sessions of a user, of which about a tenth have a click; the rate varies by user.
std::array<double, 2> user(keyed_random& random, double rate)
{
    const int sessions = 1 + static_cast<int>(random.below(8));
    const double own = rate * (0.5 + random.uniform());
    return {static_cast<double>(hits(random, sessions, own)), static_cast<double>(sessions)};
}

stats::co_moments<2> users(keyed_random& random, int n, double rate)
{
    stats::co_moments<2> made;
    for (int i = 0; i < n; ++i) {
        made.add(user(random, rate));
    }
    return made;
}

void ratios(coverage_table& table)
{
    table.row("ratio_of_means, delta", "clicks per session, 0.3", 300, "denominator error 0.1", 500,
              [](keyed_random& r) { return check(stats::ratio_of_means(users(r, 300, 0.3)), 0.3); });
    table.row("ratio_of_means, Fieller", "clicks per session, 0.3", 300, "100", 500, [](keyed_random& r) {
        return check(stats::ratio_of_means(users(r, 300, 0.3), {.effect = stats::ratio_effect::fieller}),
                     0.3);
    });
    table.row("ratio_of_means, Fieller", "normal, denominator 1, sd 3", 50, "", 500, [](keyed_random& r) {
        // Unbounded sets are frequent here, and also have to contain the truth.
        stats::co_moments<2> sums;
        for (int i = 0; i < 50; ++i) {
            const double x = normal(r);
            sums.add({2.0 + x + normal(r), 1.0 + 3.0 * x});
        }
        const auto seen = stats::ratio_of_means(sums, {.effect = stats::ratio_effect::fieller});
        const bool inside =
            seen.shape == stats::set_shape::everything ||
            (seen.shape == stats::set_shape::outside ? !(2.0 > seen.gap_lower && 2.0 < seen.gap_upper)
                                                     : seen.lower <= 2.0 && 2.0 <= seen.upper);
        return covered{seen.state == status::ok, !inside, seen.upper - seen.lower};
    });
    table.row("ratio_of_means, difference", "0.33 and 0.3 per session", 600, "denominator error 0.1", 500,
              [](keyed_random& r) {
                  return check(stats::ratio_of_means(users(r, 300, 0.33), users(r, 300, 0.3)), 0.03);
              });
    table.row("ratio_of_means, relative", "0.33 and 0.3 per session", 600, "denominator error 0.1", 500,
              [](keyed_random& r) {
                  return check(stats::ratio_of_means(users(r, 300, 0.33), users(r, 300, 0.3),
                                                     {.effect = stats::ratio_effect::relative}),
                               0.1);
              });
    table.row("ratio_of_means, Fieller", "0.33 and 0.3 per session", 600, "100 each", 500,
              [](keyed_random& r) {
                  return check(stats::ratio_of_means(users(r, 300, 0.33), users(r, 300, 0.3),
                                                     {.effect = stats::ratio_effect::fieller}),
                               0.1);
              });
    table.row("cuped", "normal, correlation 0.7", 100, "20 each", 500, [](keyed_random& r) {
        stats::co_moments<2> arms[2];
        for (int i = 0; i < 100; ++i) {
            const double x = normal(r);
            arms[i % 2].add({0.7 * x + std::sqrt(0.51) * normal(r) + (i % 2 == 0 ? 1.0 : 0.0), x});
        }
        return check(stats::cuped(arms[0], arms[1]), 1.0);
    });
    table.row(
        "cuped, ratios", "clicks per session", 1'000, "denominator error 0.1", 200, [](keyed_random& r) {
            stats::co_moments<4> arms[2];
            for (int i = 0; i < 1'000; ++i) {
                const double own = 0.15 + 0.3 * r.uniform();
                const int before = 1 + static_cast<int>(r.below(8)), after = 1 + static_cast<int>(r.below(8));
                const double up = i % 2 == 0 ? 1.1 : 1.0;
                arms[i % 2].add({static_cast<double>(hits(r, after, up * own)), static_cast<double>(after),
                                 static_cast<double>(hits(r, before, own)), static_cast<double>(before)});
            }
            return check(stats::cuped(arms[0], arms[1]), 0.03);
        });
}

void quantiles_and_caps(coverage_table& table)
{
    const auto lognormal = [](keyed_random& from) { return std::exp(normal(from)); };
    for (const double q : {0.5, 0.95}) {
        table.row("quantile_interval", q == 0.5 ? "lognormal, median" : "lognormal, q = 0.95", 100,
                  "both ranks exist", 1'000, [=](keyed_random& r) {
                      auto x = sample(r, 100, lognormal);
                      std::sort(x.begin(), x.end());
                      return check(stats::quantile_interval(x, {.q = q}),
                                   std::exp(stats::normal_quantile(q)));
                  });
    }
    const auto sketch = [=](keyed_random& r, int n, double scale) {
        latency_sketch made;
        for (int i = 0; i < n; ++i) {
            made.add(static_cast<std::int64_t>(scale * 1e6 * lognormal(r)));
        }
        return made;
    };
    const double at = 1e6 * std::exp(stats::normal_quantile(0.95));
    table.row("quantile_interval, sketch", "lognormal, q = 0.95", 1'000, "10 beyond", 200,
              [=](keyed_random& r) {
                  return check(stats::quantile_interval(sketch(r, 1'000, 1.0), {.q = 0.95}), at);
              });
    table.row("quantile_difference, sketch", "lognormal, q = 0.95", 2'000, "10 beyond", 200,
              [=](keyed_random& r) {
                  return check(
                      stats::quantile_difference(sketch(r, 1'000, 1.2), sketch(r, 1'000, 1.0), {.q = 0.95}),
                      0.2 * at);
              });
    table.row("quantile_ratio, sketch", "lognormal, q = 0.95", 2'000, "10 beyond", 200, [=](keyed_random& r) {
        return check(stats::quantile_ratio(sketch(r, 1'000, 1.2), sketch(r, 1'000, 1.0), {.q = 0.95}), 1.2);
    });
    table.row("cap_values, welch_t", "exponential, capped at 2", 200, "50 each", 500, [](keyed_random& r) {
        const auto draw = [](keyed_random& from) { return -std::log1p(-from.uniform()); };
        auto x = sample(r, 100, draw);
        for (double& v : x) {
            v *= 1.5;
        }
        const auto capped = stats::cap_values(x, {.upper = 2.0});
        const auto other = stats::cap_values(sample(r, 100, draw), {.upper = 2.0});
        return check(stats::welch_t(capped.values, other.values),
                     1.5 * (1.0 - std::exp(-2.0 / 1.5)) - (1.0 - std::exp(-2.0)));
    });
    table.row("quantile_caps, welch_t", "lognormal, pooled 95 %", 400, "100 each", 200, [=](keyed_random& r) {
        auto x = sample(r, 400, lognormal);
        const stats::caps caps = stats::quantile_caps(x, 0.0, 0.05);
        const auto capped = stats::cap_values(x, caps);
        const std::span<const double> all = capped.values;
        return check(stats::welch_t(all.first(200), all.subspan(200)), 0.0);
    });
    table.row("post_stratified", "4 strata, normal", 200, "2 a stratum and arm", 500, [](keyed_random& r) {
        std::array<stats::moments, 8> cells;
        for (int i = 0; i < 200; ++i) {
            const std::size_t s = r.below(4);
            const std::size_t arm = r.below(2);
            cells[2 * s + arm].add(3.0 * static_cast<double>(s) + normal(r) + (arm == 0 ? 0.5 : 0.0));
        }
        std::vector<stats::stratum> strata;
        for (std::size_t s = 0; s < 4; ++s) {
            strata.push_back({cells[2 * s].summary(), cells[2 * s + 1].summary()});
        }
        return check(stats::post_stratified(strata), 0.5);
    });
}

// The truth is drawn from the prior, so that a credible interval contains it exactly as often as it says.
void credible(coverage_table& table)
{
    // the sum of whole numbers of exponentials over that of more of them
    const auto beta = [](keyed_random& r, int a, int b) {
        double x = 0.0, y = 0.0;
        for (int i = 0; i < a; ++i) {
            x -= std::log1p(-r.uniform());
        }
        for (int i = 0; i < b; ++i) {
            y -= std::log1p(-r.uniform());
        }
        return x / (x + y);
    };
    table.row("beta_binomial, difference", "truth from beta(2, 8)", 60, "", 100, [=](keyed_random& r) {
        const stats::beta_belief prior{2.0, 8.0};
        const double p = beta(r, 2, 8), q = beta(r, 2, 8);
        return check(stats::beta_binomial(stats::beta_posterior(hits(r, 20, p), 20, prior),
                                          stats::beta_posterior(hits(r, 40, q), 40, prior)),
                     p - q);
    });
    table.row("beta_binomial, each of 3 arms", "truth from beta(2, 8)", 60, "", 20, [=](keyed_random& r) {
        std::array<stats::beta_belief, 3> arms;
        std::array<double, 3> truth{};
        for (std::size_t i = 0; i < 3; ++i) {
            truth[i] = beta(r, 2, 8);
            arms[i] = stats::beta_posterior(hits(r, 20, truth[i]), 20, {2.0, 8.0});
        }
        const auto seen = stats::beta_binomial(std::span<const stats::beta_belief>{arms});
        const std::size_t i = r.below(3);
        return check(seen[i], truth[i]);
    });
    table.row("normal_effect", "truth from normal(1, 2)", 1, "", 1'000, [](keyed_random& r) {
        const double truth = 1.0 + 2.0 * normal(r);
        return check(stats::normal_effect(stats::normal_posterior(truth + normal(r), 1.0, {1.0, 2.0})),
                     truth);
    });
    table.row("normal_normal", "truths from normal(1, 2)", 2, "", 1'000, [](keyed_random& r) {
        const double a = 1.0 + 2.0 * normal(r), b = 1.0 + 2.0 * normal(r);
        return check(stats::normal_normal(stats::normal_posterior(a + normal(r), 1.0, {1.0, 2.0}),
                                          stats::normal_posterior(b + 3.0 * normal(r), 3.0, {1.0, 2.0})),
                     a - b);
    });
}

}  // namespace

int main(int count, char** arguments)
{
    coverage_table table{"Intervals at one look", count, arguments};
    means(table);
    ranks(table);
    proportions(table);
    ratios(table);
    quantiles_and_caps(table);
    credible(table);
    return table.finish();
}
