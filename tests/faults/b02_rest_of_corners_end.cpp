// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/alarm.hpp>
#include <joust/monitor/drift.hpp>
#include <joust/monitor/fairness.hpp>
#include <joust/numeric/noncentral_t.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/ranks.hpp>
#include <joust/quality/auc.hpp>
#include <joust/quality/ranking.hpp>
#include <joust/stats/bayes/bayes.hpp>
#include <joust/stats/estimation/best_arm.hpp>
#include <joust/stats/estimation/capping.hpp>
#include <joust/stats/estimation/cuped.hpp>
#include <joust/stats/estimation/post_stratification.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/estimation/ratio.hpp>
#include <joust/stats/planning/canary_plan.hpp>
#include <joust/stats/planning/decision.hpp>
#include <joust/stats/planning/exclusion_plan.hpp>
#include <joust/stats/planning/sensitivity.hpp>
#include <joust/stats/sequential/arm_elimination.hpp>
#include <joust/stats/sequential/asymptotic_cs.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/beta_mixture.hpp>
#include <joust/stats/sequential/e_values.hpp>
#include <joust/stats/sequential/epoch_evidence.hpp>
#include <joust/stats/sequential/exclusion.hpp>
#include <joust/stats/sequential/group_sequential_inference.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/quantile_cs.hpp>
#include <joust/stats/sequential/randomised_bets.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/stats/sequential/spending.hpp>
#include <joust/stats/sequential/t_e_process.hpp>
#include <joust/stats/tests/combine.hpp>
#include <joust/stats/tests/cross_validated.hpp>
#include <joust/stats/tests/equivalence.hpp>
#include <joust/stats/tests/multiplicity.hpp>
#include <joust/stats/tests/paired.hpp>

#include "faults/in_child.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

// The functions that b02_corners_end.cpp and b02_more_corners_end.cpp leave out.

namespace stats = joust::stats;
namespace quality = joust::quality;
namespace drift = joust::drift;
namespace fairness = joust::fairness;
using joust_test::corner_numbers;
using joust_test::corner_samples;
using joust_test::corner_walk;
using joust_test::counts;
using joust_test::in_child;
using joust_test::probabilities;
using stats::side;

TEST_CASE("functions of numbers end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        for (const double x : corner_numbers) {
            walk.call(
                "normal, planning of elimination and epochs",
                [](double z) {
                    (void)stats::normal_pdf(z);
                    (void)stats::normal_cdf(z);
                    (void)stats::normal_sf(z);
                    (void)stats::log_normal_cdf(z);
                    (void)stats::always_valid_p(z);
                    (void)stats::normal_posterior(z, z);
                    (void)stats::elimination_alpha(2, z);
                    (void)stats::repeated_interval({}, z);
                    (void)stats::p_to_log_e(z, z);
                    (void)stats::p_to_log_e_mixed(z);
                },
                x);
        }
        walk.all(
            "mixtures",
            [](double a, double b, double c) {
                (void)stats::noncentral_t_cdf(a, b, c);
                (void)stats::normal_mixture_rho(a, b);
                (void)stats::burn_in_rho(a, b, c);
                (void)stats::asymptotic_rho(a, b);
                (void)stats::asymptotic_half_width(a, b, c, 0.05);
                (void)stats::asymptotic_log_e(a, b, c, 1.0);
                (void)stats::t_log_e(a, b, c, 1.0);
                (void)stats::t_bound(a, b, c, 0.05);
                (void)joust::bernoulli_e_factor(a > 0.0, b, c);
            },
            corner_numbers, std::array{0.0, 1e-300, 0.3, 1.0, 1e4, 1e17, 1e300, joust_test::nan, -1.0},
            std::array{0.0, 1e-300, 0.05, 1.0, 40.0, 1e13, joust_test::infinity, joust_test::nan, -1.0});
        for (const std::uint64_t k : counts) {
            for (const std::uint64_t n : counts) {
                walk.call(
                    "counts",
                    [](std::uint64_t hits, std::uint64_t all) {
                        (void)stats::beta_posterior(hits, all);
                        (void)stats::bernoulli_mixture_log_e(hits, all, {});
                        (void)stats::sequential_quantile_ranks(all, 0.05);
                        (void)stats::non_inferiority(hits, all, all, hits, {.margin = 0.1});
                        (void)stats::superiority(hits, all, hits, all, {.margin = 0.1});
                    },
                    k, n);
            }
        }
    });
}

TEST_CASE("exclusion, bets and plans of rollouts end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        const std::array rates{0.0, 5e-324, 1e-9, 0.01, 0.5, 1.0 - 0x1p-53, 1.0, 1.5, joust_test::nan};
        const std::array shares{0.0, 5e-324, 0.01, 0.5, 1.0 - 0x1p-53, 1.0, joust_test::nan};
        const std::array harms{0.0, 5e-324, 1e-9, 0.01, 0.999, 1.0, 1e300, joust_test::nan};
        walk.all(
            "exclusion",
            [](double p, double s, double h) {
                const stats::excluded_harm harm{.increase = h, .ratio = 1.0 + h};
                (void)stats::exclusion_nats(p, s, harm);
                (void)stats::stage_harm(harm, s);
                (void)stats::exclusion_design_effect({.arm_free = p, .observed = h}, p, harm);
                (void)stats::plan_exclusion({.champion_rate = p, .share = s, .harm = harm, .beta = s});
                for (const double n : {0.0, 1.0, 1e9, 1e15}) {
                    const std::array<stats::event_counts, 1> seen{{{.champion_requests = n,
                                                                    .challenger_requests = n,
                                                                    .champion_events = n * p,
                                                                    .challenger_events = n * h,
                                                                    .share = s}}};
                    (void)stats::exclusion_log_e(seen, harm);
                    (void)stats::largest_harm_not_excluded(seen, harm);
                    const std::array<stats::randomised_counts, 1> bets{{{.share = s,
                                                                         .champion = n,
                                                                         .champion_events = n * p,
                                                                         .challenger = n,
                                                                         .challenger_events = n * h}}};
                    (void)stats::difference_bets_log_e(bets, h);
                    (void)stats::ratio_bets_log_e(bets, 1.0 + h, side::less);
                    (void)stats::level_bets_log_e(n, n * p, h);
                }
            },
            rates, shares, harms);
        walk.limit = 4.0;
        for (const double p : rates) {
            walk.call(
                "plan_canary",
                [](double rate) {
                    stats::planned_canary plan;
                    plan.rollouts = 20;
                    plan.guardrails.push_back({.level = rate, .weight = rate});
                    (void)stats::harm_of(plan.guardrails.front());
                    try {
                        (void)stats::plan_canary(plan);
                    } catch (const std::exception&) {
                        // A plan that cannot be is refused.
                    }
                },
                p);
        }
    });
}

TEST_CASE("functions of samples end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        const auto samples = corner_samples();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const std::span<const double> x{samples[i]};
            walk.call(
                "one sample",
                [&](std::size_t) {
                    std::vector<double> ranks(x.size());
                    (void)stats::midranks(x, ranks);
                    (void)stats::cap_values(x, {.lower = -1.0, .upper = 1.0});
                    (void)stats::quantile_caps(x, 0.1, 0.9);
                    (void)stats::winsorise(x, 0.0, 1.0);
                    (void)stats::five_by_two_t(x);
                    (void)stats::five_by_two_f(x);
                    (void)stats::fisher_combine_log(x);
                    (void)stats::stouffer_log(x);
                    (void)stats::cauchy_combine(x);
                    (void)stats::cauchy_combine_log(x);
                    (void)stats::e_product(x);
                    (void)stats::e_average(x);
                    (void)stats::bonferroni(x);
                    (void)stats::hochberg(x);
                    (void)stats::benjamini_hochberg(x);
                    (void)stats::benjamini_yekutieli(x);
                    (void)stats::e_bh(x);
                    (void)stats::e_bh_log(x);
                    (void)stats::interleaving_sensitivity(x, x, x, {.replicates = 20});
                    (void)stats::decide({.successes = x, .guardrails = x});
                },
                i);
            for (std::size_t j = 0; j < samples.size(); ++j) {
                const std::span<const double> y{samples[j]};
                walk.call(
                    "two samples",
                    [&](std::size_t, std::size_t) {
                        (void)stats::cuped(x, y, y, x);
                        (void)stats::ratio_of_means(x, y);
                        (void)stats::relative_difference(x, y);
                        (void)stats::corrected_resampled_t(x, y, 0.1);
                        (void)stats::diebold_mariano(x, y, {.horizon = 2});
                        (void)stats::non_inferiority(x, y, {.margin = 1e300});
                        (void)stats::superiority(x, y, {.margin = 5e-324});
                        (void)stats::paired_t(x, y);
                        const stats::score_sums sums{x, y, x, y, x, y, x, y};
                        (void)stats::score_test(sums, {});
                        (void)stats::relative_score_test(sums, {});
                        (void)stats::paired_score(x, y);
                        (void)stats::exclude_mean(sums, {.harm = 0.1});
                        (void)stats::clustering_of(sums, {}, 1.0);
                    },
                    i, j);
            }
        }
        for (const double mean : corner_numbers) {
            walk.call(
                "arms and strata",
                [](double m) {
                    const std::array<stats::sample_summary, 3> arms{{{10, m, 1.0}, {10, 0.5, m}, {2, m, m}}};
                    (void)stats::best_arm(arms);
                    const std::array<stats::stratum, 2> strata{
                        {{arms[0], arms[1], m}, {arms[1], arms[2], joust_test::nan}}};
                    (void)stats::post_stratified(strata);
                    (void)stats::normal_normal(arms[0], arms[1]);
                },
                mean);
        }
    });
}

TEST_CASE("sketches, looks, drift and gaps between groups end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        for (const std::int64_t t : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 40U,
                                     std::numeric_limits<std::int64_t>::max()}) {
            for (const double q : probabilities) {
                walk.call(
                    "quantiles of sketches",
                    [](std::int64_t nanoseconds, double at) {
                        joust::latency_sketch first, second;
                        first.add(nanoseconds);
                        second.add_bin(7, std::uint64_t{1} << 60U);
                        for (const auto* one : {&first, &second}) {
                            (void)stats::quantile_difference(*one, second, {.q = at, .alpha = at});
                            (void)stats::quantile_ratio(*one, first, {.q = at});
                        }
                        const std::vector<double> weights{1.0, 0.0, 1e300};
                        (void)stats::overlap_quantile_difference({.weights = weights, .squares = 1.0},
                                                                 {.weights = weights, .squares = at}, at,
                                                                 0.05);
                    },
                    t, q);
            }
        }
        const std::array information{1.0, 2.0, 4.0};
        const auto looks = stats::group_sequential_bounds(stats::obrien_fleming{}, information);
        walk.limit = 6.0;
        for (const double z : {0.0, 2.0, 40.0, 1e300, joust_test::infinity, joust_test::nan}) {
            walk.call(
                "looks to come",
                [&](double at) {
                    const std::span<const stats::group_sequential_look> all{looks};
                    (void)stats::exit_probabilities_of(all, at);
                    (void)stats::conditional_power(at, 1.0, all.subspan(1), at);
                    (void)stats::predictive_power(at, 1.0, all.subspan(1));
                    (void)stats::repeated_interval(all.front(), at);
                    (void)stats::spend(stats::obrien_fleming{}, 0.05, at);
                },
                z);
        }
        for (const std::uint64_t a : counts) {
            for (const std::uint64_t b : counts) {
                walk.call(
                    "drift and gaps",
                    [](std::uint64_t first, std::uint64_t second) {
                        const std::array<std::uint64_t, 3> x{first, second, 0}, y{second, 1, first};
                        (void)drift::psi_jeffreys(x, y);
                        (void)drift::psi_floor(x, y, 1e-300);
                        (void)drift::psi_null_mean(first, static_cast<double>(first),
                                                   static_cast<double>(second));
                        (void)drift::kl_divergence_nats(x, y);
                        (void)drift::js_divergence_bits(x, y);
                        (void)drift::js_distance_nats(x, y);
                        (void)drift::total_variation(x, y);
                        (void)drift::l_infinity(x, y);
                        const std::array guess{0.5, 0.25, 0.25};
                        (void)joust::log_e_two_sample_multinomial(x, y, guess, guess);
                        quality::confusion one, other;
                        one.add(1, 1, first);
                        other.add(0, 1, second);
                        const std::array groups{one, other, quality::confusion{}};
                        (void)fairness::demographic_parity_difference(groups);
                        (void)fairness::demographic_parity_ratio(groups);
                        (void)fairness::equal_opportunity_difference(groups);
                        (void)fairness::equal_opportunity_ratio(groups);
                        (void)fairness::equalized_odds_difference_worst(groups);
                        (void)fairness::equalized_odds_difference_mean(groups);
                        (void)fairness::equalized_odds_ratio_worst(groups);
                        (void)fairness::predictive_parity_difference(groups);
                        (void)fairness::accuracy_difference(groups);
                        (void)fairness::accuracy_group_min(groups);
                        const std::array<fairness::named_group, 2> named{{{"a", one}, {"b", other}}};
                        (void)fairness::suppress_small_groups(named);
                    },
                    a, b);
            }
        }
        for (const std::size_t rank : {std::size_t{0}, std::size_t{1}, ~std::size_t{0}}) {
            walk.call(
                "rankings",
                [](std::size_t k) {
                    const std::vector<double> grades{3.0, 0.0, 1e300};
                    (void)quality::compare_average_precision(std::vector<std::uint8_t>{1, 0, 1}, grades,
                                                             grades);
                    (void)k;
                },
                rank);
        }
    });
}
