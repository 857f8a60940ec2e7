// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/monitor.hpp>
#include <joust/quality/auc.hpp>
#include <joust/quality/calibration.hpp>
#include <joust/quality/classification.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/quality/kappa.hpp>
#include <joust/quality/rank_biased_overlap.hpp>
#include <joust/quality/ranking.hpp>
#include <joust/stats/estimation/off_policy.hpp>
#include <joust/stats/planning/power.hpp>
#include <joust/stats/resampling/bootstrap.hpp>
#include <joust/stats/resampling/permutation.hpp>
#include <joust/stats/resampling/poisson_bootstrap.hpp>
#include <joust/stats/sequential/betting.hpp>
#include <joust/stats/sequential/empirical_bernstein.hpp>
#include <joust/stats/sequential/group_sequential_inference.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/stats/sequential/sequential_srm.hpp>
#include <joust/stats/sequential/two_sample_bernoulli.hpp>
#include <joust/stats/tests/binomial.hpp>
#include <joust/stats/tests/delong.hpp>
#include <joust/stats/tests/fisher.hpp>
#include <joust/stats/tests/kruskal_wallis.hpp>
#include <joust/stats/tests/mantel_haenszel.hpp>
#include <joust/stats/tests/multiplicity.hpp>
#include <joust/stats/tests/paired_proportions.hpp>
#include <joust/stats/tests/poisson_test.hpp>
#include <joust/stats/tests/proportion_ratio.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/stats/tests/sign_flip.hpp>
#include <joust/stats/tests/spearman.hpp>
#include <joust/stats/tests/srm.hpp>

#include "faults/in_child.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

// The functions that b02_corners_end.cpp leaves out: resampling, randomised signs, areas under curves, bets, off-policy
// estimates, rankings, calibration, sample ratios, tables of several strata, rates, and a monitor.

namespace stats = joust::stats;
namespace quality = joust::quality;
using joust_test::corner_numbers;
using joust_test::corner_samples;
using joust_test::corner_walk;
using joust_test::in_child;
using stats::side;

namespace {

constexpr std::array<std::uint64_t, 5> few_counts{0, 1, 1'001, std::uint64_t{1} << 52U, ~std::uint64_t{0}};
constexpr std::array<double, 5> levels{5e-324, 1e-300, 0.05, 1.0 - 1e-12, joust_test::nan};

}  // namespace

TEST_CASE("resampling and off-policy estimates end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        const auto samples = corner_samples();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            for (std::size_t j = 0; j < samples.size(); ++j) {
                const std::span<const double> x{samples[i]}, y{samples[j]};
                walk.call(
                    "resampling",
                    [&](std::size_t, std::size_t) {
                        (void)stats::bootstrap(x, y, {.replicates = 30});
                        (void)stats::permutation(x, y, {.resamples = 30, .exact_up_to = 100});
                        stats::poisson_bootstrap stream{{.replicates = 10}};
                        for (const double value : x) {
                            stream.update(std::uint64_t{1} << 63U, value);
                        }
                        (void)stream.interval();
                    },
                    i, j);
                walk.call(
                    "off-policy",
                    [&](std::size_t, std::size_t) {
                        (void)stats::ips(x, y);
                        (void)stats::snips(x, y, {.min_effective = 0.0});
                        (void)stats::doubly_robust(x, y, y, x);
                        (void)stats::switch_estimator(x, y, x, y);
                        (void)stats::plain_switch(x, y, x);
                        (void)stats::direct_method(x, {.alpha = 5e-324});
                    },
                    i, j);
            }
            const std::span<const double> x{samples[i]};
            walk.call(
                "one sample",
                [&](std::size_t) {
                    (void)stats::bootstrap(x, {.alpha = 5e-324, .replicates = 2});
                    (void)stats::bootstrap(x, {.replicates = 1});
                    (void)stats::sign_flip(x, {.resamples = 30, .exact_work = 1'000});
                },
                i);
        }
        for (const std::int64_t size :
             {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1'000'000'000'000}, std::int64_t{1} << 53U,
              std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
            for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{300}}) {
                walk.call(
                    "sign_flip",
                    [](std::int64_t s, std::size_t n) {
                        std::vector<std::int64_t> values(n, s);
                        values.front() = 1;
                        const std::span<const std::int64_t> coins{values};
                        (void)stats::sign_flip(coins, {.resamples = 30, .exact_work = 100'000});
                        (void)stats::sign_flip(coins, {.p_value = stats::flip_p::exact});
                    },
                    size, count);
            }
        }
    });
}

TEST_CASE("bets, checks of shares and stopped trials end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        for (const double value : corner_numbers) {
            for (const double end : {0.0, 5e-324, 1.0, 1e300, joust_test::infinity}) {
                walk.call(
                    "bets",
                    [](double x, double upper) {
                        stats::betting bets{{.null = 0.5 * upper, .upper = upper}};
                        stats::empirical_bernstein bernstein{{.null = 0.5 * upper, .upper = upper}};
                        for (int i = 0; i < 12; ++i) {
                            bets.update(i % 3 == 0 ? x : 0.0);
                            bernstein.update(i % 3 == 0 ? x : 0.0);
                        }
                        (void)bets.interval();
                        (void)bets.interval(5e-324);
                        (void)bets.running_interval();
                        (void)bernstein.log_e();
                    },
                    value, end);
            }
        }
        for (const double level : levels) {
            walk.call(
                "bets of one value",
                [](double alpha) {
                    stats::betting bets{{.alpha = alpha, .largest_bet = 1.0 - 1e-12}};
                    for (int i = 0; i < 40; ++i) {
                        bets.update(1.0);
                    }
                    (void)bets.interval(alpha);
                    (void)bets.running_interval();
                },
                level);
        }
        for (const std::uint64_t a : few_counts) {
            for (const std::uint64_t b : few_counts) {
                for (const double level : levels) {
                    walk.call(
                        "sequential counts",
                        [](std::uint64_t x, std::uint64_t y, double alpha) {
                            const std::uint64_t weights[] = {1, 1'000'000}, counts[] = {x, y};
                            stats::sequential_srm ratio{weights};
                            ratio.update(counts);
                            (void)ratio.log_e();
                            (void)ratio.interval(0, alpha);
                            const std::uint64_t useless[] = {x, y};
                            stats::sequential_srm other{useless};
                            other.update(counts);
                            (void)other.interval(1, alpha);
                            stats::two_sample_bernoulli rates;
                            rates.update(x, y, y, x);
                            rates.update(0, x, 0, y);
                            (void)rates.interval(alpha);
                            const double q1[] = {static_cast<double>(x), 0.5};
                            const double q0[] = {0.5, static_cast<double>(y)};
                            (void)stats::clustered_srm(q1, q0, {.alpha = alpha, .min_buckets = 1});
                        },
                        a, b, level);
                }
            }
        }
        for (const double c2 : {0.0, 5e-324, 1.0, 1e300, joust_test::nan}) {
            for (const double s1 : {0.0, 5e-324, -1.0, 1e300, joust_test::infinity}) {
                for (const double level : levels) {
                    walk.call(
                        "score_interval",
                        [](double square, double slope, double alpha) {
                            stats::score_line line;
                            line.s0 = 3.0;
                            line.s1 = slope;
                            line.v = {.c0 = 1.0, .c1 = -1.0, .c2 = square};
                            line.v0 = {.c0 = square, .c1 = 1.0, .c2 = 1e-9};
                            for (const side alternative : {side::two, side::greater}) {
                                (void)stats::score_interval(line, 1.0, alpha, alternative,
                                                            stats::variance_clock::larger);
                            }
                        },
                        c2, s1, level);
                }
            }
        }
        for (const double z : {0.0, 8.0, -40.0, 1e300, joust_test::nan}) {
            walk.call(
                "group_sequential_result",
                [](double at) {
                    const double information[] = {0.5, 1.0};
                    const auto looks = stats::group_sequential_bounds({}, information, {});
                    (void)stats::group_sequential_result(looks, at, {.alpha = 1e-9});
                },
                z);
        }
    });
}

TEST_CASE("tests of strata, samples and rates end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        const auto samples = corner_samples();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            for (std::size_t j = 0; j < samples.size(); ++j) {
                walk.call(
                    "several samples",
                    [&](std::size_t first, std::size_t second) {
                        const std::span<const double> x{samples[first]}, y{samples[second]};
                        const std::vector<std::vector<double>> both{samples[first], samples[second],
                                                                    samples[first]};
                        (void)stats::kruskal_wallis(both);
                        (void)stats::friedman(both);
                        (void)stats::spearman(x, y);
                        (void)stats::spearman(x, y, {.alpha = 5e-324});
                    },
                    i, j);
            }
            walk.call(
                "corrections",
                [&](std::size_t at) {
                    const std::span<const double> x{samples[at]};
                    (void)stats::friedman(x, 3);
                    (void)stats::friedman(x, 0);
                    (void)stats::hommel(x);
                    (void)stats::sidak(x);
                    (void)stats::holm_sidak(x);
                },
                i);
        }
        for (const std::uint64_t a : few_counts) {
            for (const std::uint64_t b : few_counts) {
                for (const std::uint64_t c : few_counts) {
                    walk.call(
                        "tables",
                        [](std::uint64_t x, std::uint64_t y, std::uint64_t z) {
                            const stats::two_by_two strata[] = {{x, y, z, x}, {1, 2, y, z}};
                            (void)stats::cochran_mantel_haenszel(strata);
                            (void)stats::fisher_exact(x, y, z, x);
                            (void)stats::mcnemar(x, y, z);
                            const auto interval = stats::difference_interval::miettinen_nurminen;
                            (void)stats::two_proportion_z(x, y, z, y, {.interval = interval});
                            (void)stats::proportion_ratio(x, y, z, y);
                            (void)quality::kappa(quality::confusion::binary(x, y, z, x));
                        },
                        a, b, c);
                }
                for (const double level : levels) {
                    walk.call(
                        "counts at levels",
                        [](std::uint64_t x, std::uint64_t y, double alpha) {
                            (void)stats::binomial_test(x, y, 1e-300, {.alpha = alpha});
                            (void)stats::binomial_test(x, y, 0.5, {.alpha = alpha});
                            (void)stats::proportion_ratio(x, y, y, x, {.alpha = alpha});
                            (void)stats::poisson_rate_test(x, 1e-300, y, 1.0, {.alpha = alpha});
                            (void)stats::poisson_rate_test(x, 1.0, y, 1.0,
                                                           {.alpha = alpha, .method = stats::rate_p::score});
                            (void)stats::fisher_exact(x, y, y, x, {.alpha = alpha});
                        },
                        a, b, level);
                }
            }
            for (const double mean : {5e-324, 1e-9, 1.0, 1e9, 9e14, 1e300, joust_test::nan}) {
                for (const double level : levels) {
                    walk.call(
                        "poisson_test",
                        [](std::uint64_t x, double rate, double alpha) {
                            (void)stats::poisson_test(x, 1.0, rate, {.alpha = alpha});
                            (void)stats::poisson_test(x, 1.0, rate,
                                                      {.alpha = alpha, .alternative = side::greater});
                        },
                        a, mean, level);
                }
            }
        }
        for (const double effect : corner_numbers) {
            for (const double target : levels) {
                walk.call(
                    "sizes",
                    [](double e, double t) {
                        (void)stats::sample_size(
                            stats::paired_proportion_design{.first_only = e, .second_only = 1e-9}, t);
                        (void)stats::sample_size(stats::rate_design{.first = e, .second = 1.0}, t);
                        (void)stats::power(stats::rate_design{.first = e, .second = 1e-300}, e);
                    },
                    effect, target);
            }
        }
    });
}

TEST_CASE("qualities of models end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        const auto samples = corner_samples();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            for (std::size_t j = 0; j < samples.size(); ++j) {
                walk.call(
                    "scores",
                    [&](std::size_t first, std::size_t second) {
                        const std::span<const double> x{samples[first]}, y{samples[second]};
                        std::vector<std::uint8_t> labels;
                        for (std::size_t k = 0; k < x.size(); ++k) {
                            labels.push_back(static_cast<std::uint8_t>(k % 2));
                        }
                        (void)stats::delong(labels, x, y);
                        (void)stats::delong_unpaired(labels, x, labels, x, {.alpha = 5e-324});
                        (void)stats::area_under_curve(labels, x);
                        (void)quality::auc(labels, x);
                        (void)quality::compare_auc(labels, x, y);
                        (void)quality::average_precision(labels, x);
                        quality::calibration_bins bins{first};
                        for (std::size_t k = 0; k < x.size(); ++k) {
                            (void)bins.add(static_cast<int>(k % 2), x[k]);
                        }
                        (void)bins.result(5e-324);
                        (void)bins.result();
                        std::vector<quality::scored_item<int>> one, two;
                        std::vector<quality::judged_item<int>> judged;
                        for (std::size_t k = 0; k < x.size(); ++k) {
                            one.push_back({static_cast<int>(k), x[k]});
                            judged.push_back({static_cast<int>(k + k % 3), x[k]});
                        }
                        for (std::size_t k = 0; k < y.size(); ++k) {
                            two.push_back({static_cast<int>(k), y[k]});
                        }
                        (void)quality::rank_biased_overlap(one, two);
                        (void)quality::rank_biased_overlap(one, two, {.p = 1.0 - 0x1p-53});
                        for (const quality::judged_ranking& query :
                             {quality::judged_ranking{two, judged}, quality::judged_ranking{one, judged}}) {
                            (void)quality::ndcg(query);
                            (void)quality::exponential_ndcg(query, {.at = 0});
                            (void)quality::average_precision(query);
                            (void)quality::reciprocal_rank(query);
                            (void)quality::bpref(query);
                            (void)quality::expected_reciprocal_rank(query, {.best_grade = 1e300});
                            (void)quality::expected_reciprocal_rank(query);
                            (void)quality::rank_biased_precision(query, {.p = 1.0 - 0x1p-53});
                        }
                    },
                    i, j);
            }
        }
    });
}

TEST_CASE("a monitor ends at the corners of its domain")
{
    in_child([](corner_walk& walk) {
        for (const double value : corner_numbers) {
            for (const double rows : {0.0, 1.0, 1e300, joust_test::infinity}) {
                walk.call(
                    "monitor",
                    [](double x, double least) {
                        joust::monitor watch{
                            joust::feature<"x">([](double v) { return v; }, joust::numeric_bins{0.5, 1e300}),
                            joust::drift_alarm{.min_rows = least}};
                        for (int i = 0; i < 20; ++i) {
                            watch.learn(i % 2 == 0 ? x : 0.25);
                        }
                        for (int block = 0; block < 3; ++block) {
                            for (int i = 0; i < 20; ++i) {
                                watch.see(x);
                            }
                            watch.check();
                        }
                        (void)watch.report();
                    },
                    value, rows);
            }
        }
    });
}
