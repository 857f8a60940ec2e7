// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/drift.hpp>
#include <joust/monitor/fairness.hpp>
#include <joust/quality/auc.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/quality/rank_correlation.hpp>
#include <joust/stats/bayes/bayes.hpp>
#include <joust/stats/estimation/capping.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/planning/decision.hpp>
#include <joust/stats/planning/planner.hpp>
#include <joust/stats/planning/power.hpp>
#include <joust/stats/sequential/asymptotic_cs.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/beta_mixture.hpp>
#include <joust/stats/sequential/e_values.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/poisson_rates.hpp>
#include <joust/stats/sequential/quantile_cs.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/stats/sequential/sequential_srm.hpp>
#include <joust/stats/sequential/spending.hpp>
#include <joust/stats/sequential/t_e_process.hpp>
#include <joust/stats/sequential/two_sample_bernoulli.hpp>
#include <joust/stats/tests/boschloo.hpp>
#include <joust/stats/tests/brunner_munzel.hpp>
#include <joust/stats/tests/combine.hpp>
#include <joust/stats/tests/contingency.hpp>
#include <joust/stats/tests/cross_validated.hpp>
#include <joust/stats/tests/equivalence.hpp>
#include <joust/stats/tests/ks.hpp>
#include <joust/stats/tests/mann_whitney.hpp>
#include <joust/stats/tests/multiplicity.hpp>
#include <joust/stats/tests/paired.hpp>
#include <joust/stats/tests/sign_test.hpp>
#include <joust/stats/tests/srm.hpp>
#include <joust/stats/tests/welch.hpp>
#include <joust/stats/tests/wilcoxon.hpp>

#include "faults/in_child.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

// Each public function is called at the corners of its domain, and outside of it, in a child process with a limit of CPU
// time for every call.

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

namespace {

constexpr std::array<std::uint64_t, 6> few_counts{
    0, 1, 1'001, 1'000'000'000'000, std::uint64_t{1} << 53U, ~std::uint64_t{0}};
constexpr std::array<double, 9> few_numbers{
    0.0, 5e-324, 1e-9, 0.3, 1.0, 1e9, 1e300, joust_test::infinity, joust_test::nan};
constexpr std::array<double, 6> levels{1e-300, 0.05, 0.5, 1.0 - 1e-12, 1.0, joust_test::nan};

}  // namespace

TEST_CASE("comparisons of beliefs end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        walk.limit = 20.0;
        const stats::beta_belief beliefs[] = {{1e-3, 0.5}, {1e5, 9e14}};
        for (const stats::beta_belief& first : beliefs) {
            for (const stats::beta_belief& second : {stats::beta_belief{1e-3, 1e-3}, {1e10, 1e10}}) {
                walk.call(
                    "beta_binomial",
                    [](double a1, double b1, double a2, double b2) {
                        const auto r = stats::beta_binomial(stats::beta_belief{a1, b1}, {a2, b2});
                        // The probabilities are there, whatever the status.
                        if (!(r.probability_first + r.probability_second > 0.999)) {
                            _exit(4);
                        }
                    },
                    first.a, first.b, second.a, second.b);
            }
        }
        for (const double a : corner_numbers) {
            walk.call("beta_binomial", [](double x) { (void)stats::beta_binomial({x, x}, {1.0, x}); }, a);
            walk.call("normal_effect", [](double x) { (void)stats::normal_effect({x, x}); }, a);
            walk.call(
                "normal_normal",
                [](double x) {
                    const stats::normal_belief arms[] = {{x, 1.0}, {0.0, x}, {1.0, 2.0}};
                    (void)stats::normal_normal(arms);
                },
                a);
        }
    });
}

TEST_CASE("plans end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        for (const double effect : corner_numbers) {
            for (const double target : levels) {
                walk.call(
                    "sample_size",
                    [](double e, double t) {
                        (void)stats::sample_size(stats::mean_design{.effect = e}, t);
                        (void)stats::sample_size(stats::mean_design{.effect = e, .sd_second = 3.0}, t);
                        (void)stats::sample_size(
                            stats::mean_design{.effect = e, .alternative = side::greater}, t);
                        (void)stats::sample_size(stats::paired_design{.effect = e}, t);
                        (void)stats::sample_size(stats::proportion_design{.first = e, .second = 0.5 * e}, t);
                        (void)stats::minimum_detectable_effect(stats::mean_design{.sd = e}, 100.0, t);
                        (void)stats::minimum_detectable_effect(stats::mean_design{}, e, t);
                        (void)stats::minimum_detectable_effect(stats::paired_design{}, e, t);
                        (void)stats::minimum_detectable_effect(stats::proportion_design{.second = 0.1}, e, t);
                    },
                    effect, target);
            }
        }
        walk.all(
            "power", [](double e, double n) { (void)stats::power(stats::mean_design{.effect = e}, n); },
            corner_numbers, corner_numbers);
        walk.all(
            "power", [](double e, double n) { (void)stats::power(stats::paired_design{.effect = e}, n); },
            corner_numbers, corner_numbers);
        walk.limit = 20.0;  // a plan is documented at a few hundred designs
        for (const double effect :
             {0.0, 1e-300, 1e-3, 0.1, 1e4, 1e300, joust_test::infinity, joust_test::nan}) {
            walk.call(
                "plan_design",
                [](double e) { (void)stats::plan_design({.units_per_day = 1000.0, .effect = e}); }, effect);
        }
        walk.limit = 2.0;
        walk.all(
            "divide_errors",
            [](double alpha, double beta) { (void)stats::divide_errors({.alpha = alpha, .beta = beta}); },
            probabilities, probabilities);
    });
}

TEST_CASE("always-valid methods end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        for (const double alpha : levels) {
            walk.all(
                "mixture intervals",
                [=](std::uint64_t k, std::uint64_t n) {
                    (void)stats::bernoulli_mixture_interval(k, n, alpha);
                    (void)stats::beta_mixture_interval(k, n, alpha);
                    (void)stats::quantile_ranks(n, static_cast<double>(k) * 0.25, alpha);
                },
                counts, counts);
        }
        for (const double q : probabilities) {
            walk.all(
                "quantile_ranks", [=](std::uint64_t n, double a) { (void)stats::quantile_ranks(n, q, a); },
                counts, levels);
        }
        walk.all(
            "normal_mixture_bound",
            [](double v, double rho, double alpha) {
                (void)stats::normal_mixture_bound(v, rho, alpha, side::greater);
                (void)stats::normal_mixture_bound(v, rho, alpha);
                (void)stats::normal_mixture_log_e(v, rho, 1.0, side::less);
                (void)stats::t_bound(v, rho, 1.0, alpha);
                (void)stats::asymptotic_half_width(v, rho, 1.0, alpha);
            },
            corner_numbers, corner_numbers, levels);
        for (const std::uint64_t a : few_counts) {
            for (const std::uint64_t b : few_counts) {
                for (const double share : few_numbers) {
                    walk.call(
                        "poisson_rates",
                        [](std::uint64_t x, std::uint64_t y, double s) {
                            stats::poisson_rates rates;
                            rates.update(x, y, s);
                            rates.update(y, x, 0.5);
                            (void)rates.interval(1e-9);
                            (void)rates.interval();
                        },
                        a, b, share);
                }
            }
        }
        for (const double t : corner_numbers) {
            walk.call(
                "p_to_log_e",
                [](double x) {
                    (void)stats::p_to_log_e(x);
                    (void)stats::p_to_log_e_mixed(x);
                    (void)stats::p_to_log_e(-x, 0.1);
                },
                t);
        }
        const std::vector<std::vector<double>> plans{{},
                                                     {0.0},
                                                     {1.0},
                                                     {0.5, 1.0},
                                                     {1e-300, 1.0},
                                                     {1e-9, 1e9},
                                                     {1.0, 0.5},
                                                     {joust_test::nan},
                                                     {joust_test::infinity}};
        for (const auto& information : plans) {
            for (const double alpha : levels) {
                walk.call(
                    "group sequential",
                    [&](double level) {
                        (void)stats::wang_tsiatis_bounds(0.0, information, {.alpha = level});
                        (void)stats::wang_tsiatis_bounds(0.5, information, {.alpha = level});
                        const double end = information.empty() ? 1.0 : information.back();
                        (void)stats::group_sequential_bounds({}, information,
                                                             {.alpha = level, .planned_information = end});
                        (void)stats::group_sequential_drift({}, information, 0.8,
                                                            {.alpha = level, .planned_information = end});
                    },
                    alpha);
            }
        }
    });
}

TEST_CASE("tests of samples end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        const auto samples = corner_samples();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            for (std::size_t j = 0; j < samples.size(); ++j) {
                const std::span<const double> x{samples[i]}, y{samples[j]};
                walk.call(
                    "two samples",
                    [&](std::size_t, std::size_t) {
                        (void)stats::welch_t(x, y);
                        (void)stats::student_t(x, y);
                        (void)stats::mann_whitney_u(x, y);
                        (void)stats::brunner_munzel(x, y);
                        (void)stats::ks_two_sample(x, y);
                        (void)stats::wilcoxon_signed_rank(x, y);
                        (void)stats::tost(x, y, {.lower = -0.1, .upper = 0.1});
                        (void)stats::tost(
                            x, y, {.lower = -0.1, .upper = 0.1, .kind = stats::margin_kind::relative});
                        (void)quality::kendall_tau_b(x, y);
                        (void)quality::ap_correlation(x, y);
                        (void)stats::paired_score_test(x, y, {});
                    },
                    i, j);
            }
            const std::span<const double> x{samples[i]};
            walk.call(
                "one sample",
                [&](std::size_t) {
                    (void)stats::wilcoxon_signed_rank(x);
                    (void)stats::sign_test(x);
                    (void)stats::fisher_combine(x);
                    (void)stats::stouffer(x);
                    (void)stats::five_by_two_f(x);
                    (void)stats::e_product(x);
                    (void)stats::e_average(x);
                    (void)stats::holm(x);
                    (void)stats::quantile_interval(x, {.q = 0.5});
                    (void)stats::winsorise(x, 0.1, 0.9);
                },
                i);
        }
    });
}

TEST_CASE("tests of counts end at the corners of their domain")
{
    in_child([](corner_walk& walk) {
        for (const std::uint64_t a : few_counts) {
            for (const std::uint64_t b : few_counts) {
                for (const std::uint64_t c : few_counts) {
                    for (const std::uint64_t d : few_counts) {
                        walk.call(
                            "tables",
                            [](auto n1, auto n2, auto n3, auto n4) {
                                const std::uint64_t cells[] = {n1, n2, n3, n4};
                                (void)stats::chi_squared(cells, 2);
                                (void)stats::g_test(cells, 2);
                                (void)stats::tost(n1, n2, n3, n4, {.lower = -0.1, .upper = 0.1});
                                (void)stats::tost(
                                    n1, n2, n3, n4,
                                    {.lower = -0.5, .upper = 1.0, .kind = stats::margin_kind::relative});
                                const std::uint64_t first[] = {n1, n2}, second[] = {n3, n4};
                                const double shares[] = {0.5, 0.5};
                                (void)stats::sample_ratio_mismatch(first, shares);
                                (void)drift::psi(first, second);
                                (void)drift::js_distance_bits(first, second);
                                (void)drift::hellinger(first, second);
                                (void)drift::compare(first, second);
                                const auto one = quality::confusion::binary(n1, n2, n3, n4);
                                (void)one.result(quality::matthews_correlation{});
                                (void)one.result(quality::f_score{});
                                const auto other = quality::confusion::binary(n4, n3, n2, n1);
                                (void)fairness::disparate_impact(one, other);
                                (void)fairness::selection_difference(one, other);
                            },
                            a, b, c, d);
                    }
                }
            }
        }
        // The unconditional tests grow with both samples; their domain ends at 20,000.
        walk.limit = 60.0;
        for (const std::uint64_t n :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{100}, std::uint64_t{20'001}}) {
            walk.call("boschloo_exact", [](std::uint64_t m) { (void)stats::boschloo_exact(m, 3, 1, m); }, n);
            walk.call("barnard_exact", [](std::uint64_t m) { (void)stats::barnard_exact(m, 3, 1, m); }, n);
        }
    });
}
