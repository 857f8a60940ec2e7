// SPDX-License-Identifier: Apache-2.0

// Statistics that were missing, each against rows of R, statsmodels, scikit-learn or 50-digit arithmetic, and in its corners.

#include <joust/quality/auc.hpp>
#include <joust/quality/calibration.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/quality/kappa.hpp>
#include <joust/quality/probability.hpp>
#include <joust/quality/weighted.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/planning/power.hpp>
#include <joust/stats/tests/binomial.hpp>
#include <joust/stats/tests/combine.hpp>
#include <joust/stats/tests/delong.hpp>
#include <joust/stats/tests/equivalence.hpp>
#include <joust/stats/tests/kruskal_wallis.hpp>
#include <joust/stats/tests/mann_whitney.hpp>
#include <joust/stats/tests/mantel_haenszel.hpp>
#include <joust/stats/tests/mcnemar.hpp>
#include <joust/stats/tests/multiplicity.hpp>
#include <joust/stats/tests/poisson_test.hpp>
#include <joust/stats/tests/spearman.hpp>

#include "stats/oracle_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace stats = joust::stats;
namespace quality = joust::quality;
using joust::status;
using joust_test::hold_to_rows;
using joust_test::oracle_row;
using stats::side;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double missing = std::numeric_limits<double>::quiet_NaN();
using sample = std::vector<double>;

side side_of(const oracle_row& row)
{
    const std::string name = row.inputs.value("alternative", "two.sided");
    return name == "less" ? side::less : name == "greater" ? side::greater : side::two;
}

double field_of(const stats::test_result& r, const std::string& field)
{
    CHECK(r.state == status::ok);
    return field == "p"                              ? r.p_value
           : field == "log_p"                        ? r.log_p
           : field == "lo"                           ? r.lower
           : field == "hi"                           ? r.upper
           : field == "odds_ratio" || field == "rho" ? r.estimate
                                                     : r.statistic;
}

std::uint64_t count_of(const oracle_row& row, const char* key)
{
    return row.inputs.at(key).get<std::uint64_t>();
}

// Rows whose value is infinite are compared exactly; the rest by hold_to_rows' rule.
template <class Answer>
int hold(const std::string& method, Answer answer)
{
    int held = 0;
    for (const oracle_row& row : joust_test::oracle_rows(method)) {
        if (!row.tolerance.empty()) {
            const double got = answer(row);
            if (std::isinf(row.wanted())) {
                CHECK(got == row.wanted());
            } else {
                joust_test::check_oracle(row, got);
            }
            ++held;
        }
    }
    return held;
}

}  // namespace

TEST_CASE("the binomial test of any probability is that of R")
{
    CHECK(hold("binomial_test", [](const oracle_row& row) {
              return field_of(stats::binomial_test(count_of(row, "k"), count_of(row, "n"), row.number("p0"),
                                                   {.alternative = side_of(row)}),
                              row.field);
          }) == 45);
    // By the sum over all outcomes.
    for (const double p : {0.03, 0.101, 0.3, 0.5, 0.77}) {
        for (std::uint64_t n : {1U, 2U, 7U, 24U}) {
            std::vector<double> pmf;
            for (std::uint64_t x = 0; x <= n; ++x) {
                pmf.push_back(
                    std::exp(stats::binomial_log_pmf(static_cast<double>(x), static_cast<double>(n), p)));
            }
            for (std::uint64_t k = 0; k <= n; ++k) {
                double two = 0.0, half = 0.0, upper = 0.0;
                for (std::uint64_t x = 0; x <= n; ++x) {
                    two += pmf[x] <= pmf[k] * (1.0 + 1e-7) ? pmf[x] : 0.0;
                    half += std::fabs(pmf[x] / pmf[k] - 1.0) <= 1e-7 ? 0.5 * pmf[x] : 0.0;
                    upper += x >= k ? pmf[x] : 0.0;
                }
                CHECK(stats::binomial_test(k, n, p).p_value == Approx(two).epsilon(1e-12));
                CHECK(stats::binomial_test(k, n, p, {.mid_p = true}).p_value ==
                      Approx(two - half).epsilon(1e-11));
                CHECK(stats::binomial_test(k, n, p, {.alternative = side::greater}).p_value ==
                      Approx(upper).epsilon(1e-12));
            }
        }
    }
    CHECK(stats::binomial_test(0, 0, 0.5).state == status::too_few);
    CHECK(stats::binomial_test(3, 2, 0.5).state == status::out_of_range);
    CHECK(stats::binomial_test(1, 2, 1.5).state == status::out_of_range);
    CHECK(stats::binomial_test(1, 2, missing).state == status::out_of_range);
    CHECK(stats::binomial_test(1, 2, 0.5, {.alpha = 1.0}).state == status::out_of_range);
    CHECK(stats::binomial_test(0, 5, 0.0).p_value == 1.0);
    CHECK(stats::binomial_test(1, 5, 0.0).p_value == 0.0);
    CHECK(stats::binomial_test(1, 5, 0.0, {.alternative = side::less}).p_value == 1.0);
    CHECK(stats::binomial_test(4, 5, 1.0, {.alternative = side::greater}).p_value == 1.0);
    const stats::test_result far = stats::binomial_test(900'000'000, 1'000'000'000, 0.5);
    CHECK(far.p_value == 0.0);
    // n KL(0.9, 0.5), and the logarithm of a few standard deviations less
    CHECK(far.log_p == Approx(-368'064'218.3).epsilon(1e-6));
}

TEST_CASE("one-look event rates are those of R and statsmodels")
{
    CHECK(hold("poisson_test", [](const oracle_row& row) {
              return field_of(stats::poisson_test(count_of(row, "k"), row.number("t"), row.number("rate"),
                                                  {.alternative = side_of(row)}),
                              row.field);
          }) == 25);
    const auto compared = [](const oracle_row& row, stats::rate_p method) {
        return stats::poisson_rate_test(
            count_of(row, "k1"), row.number("t1"), count_of(row, "k2"), row.number("t2"),
            {.alternative = side_of(row), .method = method, .ratio = row.number("ratio")});
    };
    CHECK(hold("poisson_rate_test", [&](const oracle_row& row) {
              return field_of(compared(row, stats::rate_p::exact), row.field);
          }) == 30);
    CHECK(hold("poisson_score", [&](const oracle_row& row) {
              return field_of(compared(row, stats::rate_p::score), row.field);
          }) == 18);
    for (const oracle_row& row : joust_test::oracle_rows("poisson_mid_p")) {
        if (side_of(row) != side::two) {
            CHECK(compared(row, stats::rate_p::mid_p).p_value == Approx(row.wanted()).epsilon(1e-11));
        }
    }
    // The score interval inverts the score test.
    for (const std::array<std::uint64_t, 2>& k :
         {std::array<std::uint64_t, 2>{60, 30}, {7, 2}, {0, 5}, {5, 0}}) {
        const stats::test_result r =
            stats::poisson_rate_test(k[0], 3.0, k[1], 4.0, {.method = stats::rate_p::score});
        for (const double end : {r.lower, r.upper}) {
            if (end > 0.0 && std::isfinite(end)) {
                CHECK(stats::poisson_rate_test(k[0], 3.0, k[1], 4.0,
                                               {.method = stats::rate_p::score, .ratio = end})
                          .p_value == Approx(0.05).epsilon(1e-10));
            }
        }
    }
    CHECK(stats::poisson_rate_test(5, 1.0, 0, 1.0, {.method = stats::rate_p::score}).upper == infinity);
    const stats::test_result none = stats::poisson_rate_test(0, 1.0, 0, 2.0);
    CHECK(none.state == status::too_few);
    CHECK(none.p_value == 1.0);
    CHECK(none.upper == infinity);
    CHECK(stats::poisson_rate_test(1, 0.0, 1, 1.0).state == status::out_of_range);
    CHECK(stats::poisson_rate_test(1, 1.0, 1, missing).state == status::out_of_range);
    CHECK(stats::poisson_rate_test(1, 1.0, 1, 1.0, {.ratio = 0.0}).state == status::out_of_range);
    CHECK(stats::poisson_rate_test(1, 1e-300, 1, 1e300).state == status::out_of_range);
    CHECK(stats::poisson_test(3, 1.0, 0.0).state == status::out_of_range);
    // At a one-sided level above one half the limit lies on the other side of the count.
    const double high = stats::poisson_test(3, 1.0, 1.0, {.alpha = 0.9, .alternative = side::less}).upper;
    CHECK(high < 3.0);
    CHECK(stats::chi_squared_sf(2.0 * high, 8.0) == Approx(0.9).epsilon(1e-12));
    const double low = stats::poisson_test(3, 1.0, 1.0, {.alpha = 0.9, .alternative = side::greater}).lower;
    CHECK(low > 3.0);
    CHECK(stats::chi_squared_cdf(2.0 * low, 6.0) == Approx(0.9).epsilon(1e-12));
    const stats::test_result tail = stats::poisson_test(5000, 1.0, 1.0);
    CHECK(tail.p_value == 0.0);
    CHECK(tail.log_p == Approx(-1.0 - std::lgamma(5001.0) + std::log1p(1.0 / 5001.0)).epsilon(1e-9));
}

TEST_CASE("the test of Cochran, Mantel and Haenszel is that of R")
{
    CHECK(hold("cochran_mantel_haenszel", [](const oracle_row& row) {
              std::vector<stats::two_by_two> strata;
              for (const auto& t : row.inputs["strata"]) {
                  strata.push_back({t[0], t[1], t[2], t[3]});
              }
              return field_of(stats::cochran_mantel_haenszel(
                                  strata, {.continuity = row.inputs["continuity"].get<bool>()}),
                              row.field);
          }) == 20);
    using table = stats::two_by_two;
    CHECK(stats::cochran_mantel_haenszel({}).state == status::too_few);
    const std::vector<table> empty{{1, 2, 0, 0}}, alike{{5, 0, 7, 0}, {0, 3, 0, 4}}, apart{{5, 0, 0, 7}};
    CHECK(stats::cochran_mantel_haenszel(empty).state == status::too_few);
    CHECK(stats::cochran_mantel_haenszel(alike).state == status::zero_variance);
    CHECK(stats::cochran_mantel_haenszel(alike).p_value == 1.0);
    CHECK(stats::cochran_mantel_haenszel(apart).estimate == infinity);
    CHECK(stats::cochran_mantel_haenszel(apart, {.alpha = 0.0}).state == status::out_of_range);
    // A stratum that says nothing changes nothing.
    const std::vector<table> one{{8, 12, 5, 20}}, padded{{8, 12, 5, 20}, {0, 0, 5, 5}, {4, 0, 6, 0}};
    CHECK(stats::cochran_mantel_haenszel(one).p_value == stats::cochran_mantel_haenszel(padded).p_value);
}

TEST_CASE("tests of several samples are those of R")
{
    CHECK(hold("kruskal_wallis", [](const oracle_row& row) {
              std::vector<sample> samples;
              for (const auto& s : row.inputs["samples"]) {
                  samples.push_back(joust_test::numbers(s));
              }
              return field_of(stats::kruskal_wallis(samples), row.field);
          }) == 6);
    CHECK(hold("friedman", [](const oracle_row& row) {
              std::vector<sample> rows;
              for (const auto& r : row.inputs["rows"]) {
                  rows.push_back(joust_test::numbers(r));
              }
              return field_of(stats::friedman(rows), row.field);
          }) == 4);
    const sample x{1, 5, 2, 2}, y{3, 3, 9, 7, 2};
    const stats::test_result two = stats::kruskal_wallis({x, y});
    CHECK(
        two.p_value ==
        Approx(
            stats::mann_whitney_u(x, y, {.p_value = stats::rank_p::asymptotic, .continuity = false}).p_value)
            .epsilon(1e-13));
    CHECK(stats::kruskal_wallis({x}).state == status::too_few);
    CHECK(stats::kruskal_wallis({x, {}}).state == status::too_few);
    CHECK(stats::kruskal_wallis({x, {1.0, missing}}).state == status::out_of_range);
    CHECK(stats::kruskal_wallis({{1, 1}, {1}, {1, 1}}).state == status::zero_variance);
    CHECK(stats::kruskal_wallis({{1, 1}, {1}, {1, 1}}).p_value == 1.0);
    CHECK(stats::friedman(std::vector<sample>{}).state == status::too_few);
    CHECK(stats::friedman({{1}, {2}}).state == status::too_few);
    CHECK(stats::friedman({{1, 2}, {2}}).state == status::out_of_range);
    CHECK(stats::friedman({{1, 2}, {2, missing}}).state == status::out_of_range);
    CHECK(stats::friedman({{1, 1}, {2, 2}}).state == status::zero_variance);
}

TEST_CASE("Spearman's correlation is that of R, and exact with ties")
{
    CHECK(hold("spearman", [](const oracle_row& row) {
              return field_of(
                  stats::spearman(row.numbers("x"), row.numbers("y"), {.alternative = side_of(row)}),
                  row.field);
          }) == 18);
    // All 24 orders of y, of which two give the largest sum.
    const stats::test_result tied = stats::spearman(sample{1, 2, 3, 4}, sample{1, 2, 2, 3});
    CHECK(tied.p_value == Approx(4.0 / 24.0).epsilon(1e-15));
    CHECK(stats::spearman(sample{1, 2, 3, 4}, sample{2, 4, 6, 8}).estimate == 1.0);
    CHECK(stats::spearman(sample{1, 2, 3, 4}, sample{2, 4, 6, 8}).p_value == Approx(2.0 / 24.0));
    sample up(20), down(20);
    for (std::size_t i = 0; i < up.size(); ++i) {
        up[i] = static_cast<double>(i);
        down[i] = -up[i];
    }
    const stats::test_result opposite = stats::spearman(up, down);
    CHECK(opposite.estimate == -1.0);
    CHECK(opposite.p_value == 0.0);
    CHECK(opposite.lower == -1.0);
    CHECK(stats::spearman(sample{1, 2}, sample{1, 2}).state == status::too_few);
    CHECK(stats::spearman(sample{1, 2, 3}, sample{1, 1, 1}).state == status::zero_variance);
    CHECK(stats::spearman(sample{1, 2, 3}, sample{1, missing, 1}).state == status::out_of_range);
    CHECK(stats::spearman(sample{1, 2, 3}, sample{1, 2}).state == status::out_of_range);
}

TEST_CASE("corrections by Sidak, Holm and Sidak, and Hommel")
{
    const auto adjusted = [](const oracle_row& row, auto correct) {
        const stats::multiplicity_result r = correct(row.numbers("p"));
        CHECK(r.state == status::ok);
        return r.adjusted.at(std::stoul(row.field.substr(9)));
    };
    CHECK(hold("sidak", [&](const oracle_row& row) {
              return adjusted(row, [](const sample& p) { return stats::sidak(p); });
          }) == 13);
    CHECK(hold("holm_sidak", [&](const oracle_row& row) {
              return adjusted(row, [](const sample& p) { return stats::holm_sidak(p); });
          }) == 13);
    CHECK(hold("hommel", [&](const oracle_row& row) {
              return adjusted(row, [](const sample& p) { return stats::hommel(p); });
          }) == 22);
    CHECK(stats::sidak(sample{1e-20, 0.5}).adjusted[0] == Approx(2e-20).epsilon(1e-14));
    CHECK(stats::hommel(sample{0.01, missing, 0.02}).adjusted[0] ==
          stats::hommel(sample{0.01, 1.0, 0.02}).adjusted[0]);
    CHECK(stats::hommel(sample{0.01}, {.tests = 3}).adjusted[0] ==
          stats::hommel(sample{0.01, 1.0, 1.0}).adjusted[0]);
    CHECK(stats::hommel({}).state == status::too_few);
    CHECK(stats::sidak(sample{1.5}).state == status::out_of_range);
    CHECK(stats::holm_sidak(sample{1.0, 0.0}).adjusted[0] == 1.0);
    joust_test::engine random{11};
    for (int round = 0; round < 100; ++round) {
        sample p;
        for (std::uint64_t i = 0; i < 1 + random.next() % 6; ++i) {
            p.push_back(std::floor(random.uniform() * 40.0) / 40.0 * 0.2);
        }
        const stats::multiplicity_result hommel = stats::hommel(p), hochberg = stats::hochberg(p);
        // The definition: the largest Simes p-value over all sets with the hypothesis.
        for (std::size_t i = 0; i < p.size(); ++i) {
            double largest = 0.0;
            for (unsigned set = 0; set < (1U << p.size()); ++set) {
                if ((set >> i & 1U) == 0) {
                    continue;
                }
                sample within;
                for (std::size_t j = 0; j < p.size(); ++j) {
                    if ((set >> j & 1U) != 0) {
                        within.push_back(p[j]);
                    }
                }
                std::sort(within.begin(), within.end());
                double simes = 1.0;
                for (std::size_t j = 0; j < within.size(); ++j) {
                    simes = std::min(simes, static_cast<double>(within.size()) * within[j] /
                                                static_cast<double>(j + 1));
                }
                largest = std::max(largest, simes);
            }
            REQUIRE(hommel.adjusted[i] == Approx(largest).epsilon(1e-13).margin(1e-300));
            REQUIRE(hommel.adjusted[i] <= hochberg.adjusted[i] * (1.0 + 1e-13));
        }
    }
}

TEST_CASE("p-values combine from their logarithms")
{
    CHECK(hold("fisher_combine_log", [](const oracle_row& row) {
              return field_of(stats::fisher_combine_log(row.numbers("log_p")), row.field);
          }) == 4);
    CHECK(hold("stouffer_log", [](const oracle_row& row) {
              return field_of(stats::stouffer_log(row.numbers("log_p")), row.field);
          }) == 8);
    CHECK(hold("cauchy_combine_log", [](const oracle_row& row) {
              return field_of(stats::cauchy_combine_log(row.numbers("log_p")), row.field);
          }) == 4);
    const sample p{0.04, 0.7, 1e-9}, log_p{std::log(0.04), std::log(0.7), std::log(1e-9)}, weights{1, 2, 3};
    CHECK(stats::fisher_combine_log(log_p).log_p == Approx(stats::fisher_combine(p).log_p).epsilon(1e-14));
    CHECK(stats::stouffer_log(log_p, weights).log_p ==
          Approx(stats::stouffer(p, weights).log_p).epsilon(1e-13));
    CHECK(stats::cauchy_combine_log(log_p, weights).p_value ==
          Approx(stats::cauchy_combine(p, weights).p_value).epsilon(1e-13));
    for (const auto& combined :
         {stats::fisher_combine_log({}), stats::stouffer_log({}), stats::cauchy_combine_log({})}) {
        CHECK(combined.state == status::too_few);
    }
    CHECK(stats::fisher_combine_log(sample{0.1}).state == status::out_of_range);
    CHECK(stats::stouffer_log(sample{missing}).state == status::out_of_range);
    CHECK(stats::cauchy_combine_log(sample{-1.0, -2.0}, sample{1.0}).state == status::out_of_range);
    CHECK(stats::fisher_combine_log(sample{-infinity, -1.0}).p_value == 0.0);
    CHECK(stats::stouffer_log(sample{-infinity, 0.0}).state == status::out_of_range);
    CHECK(stats::cauchy_combine_log(sample{0.0, -3.0}).p_value == 1.0);
    CHECK(stats::cauchy_combine_log(sample{-1e6, -1e6}).log_p == Approx(-1e6).epsilon(1e-14));
}

TEST_CASE("sizes of proportions with a margin, of pairs and of rates")
{
    const auto alternative = [](const oracle_row& row) {
        return row.inputs["two"].get<bool>()                   ? side::two
               : row.inputs.value("side", "greater") == "less" ? side::less
                                                               : side::greater;
    };
    CHECK(hold("proportion_margin", [&](const oracle_row& row) {
              const stats::proportion_design design{.first = row.number("p1"),
                                                    .second = row.number("p2"),
                                                    .alpha = row.number("alpha"),
                                                    .alternative = alternative(row),
                                                    .ratio = row.number("ratio"),
                                                    .null = row.number("null")};
              const double n = stats::sample_size(design, row.number("power"));
              CHECK(stats::power(design, n) == Approx(row.number("power")).epsilon(1e-12));
              return n;
          }) == 5);
    CHECK(hold("mcnemar_size", [&](const oracle_row& row) {
              const stats::paired_proportion_design design{.first_only = row.number("b"),
                                                           .second_only = row.number("c"),
                                                           .alpha = row.number("alpha"),
                                                           .alternative = alternative(row)};
              const double n = stats::sample_size(design, row.number("power"));
              CHECK(stats::power(design, n) == Approx(row.number("power")).epsilon(1e-12));
              return n;
          }) == 3);
    CHECK(hold("rate_size", [&](const oracle_row& row) {
              const stats::rate_design design{.first = row.number("first"),
                                              .second = row.number("second"),
                                              .alpha = row.number("alpha"),
                                              .alternative = alternative(row),
                                              .ratio = row.number("ratio"),
                                              .null_ratio = row.number("null_ratio")};
              const double n = stats::sample_size(design, row.number("power"));
              CHECK(stats::power(design, n) == Approx(row.number("power")).epsilon(1e-12));
              return n;
          }) == 3);
    // Equal proportions and no margin, a difference on the wrong side, and parts out of range have no size.
    CHECK(std::isnan(stats::sample_size(stats::proportion_design{.first = 0.5, .second = 0.5}, 0.8)));
    CHECK(std::isnan(stats::sample_size(
        stats::proportion_design{.first = 0.4, .second = 0.5, .alternative = side::greater, .null = -0.05},
        0.8)));
    CHECK(std::isnan(
        stats::sample_size(stats::proportion_design{.first = 0.4, .second = 0.5, .null = 1.0}, 0.8)));
    CHECK(std::isnan(
        stats::sample_size(stats::paired_proportion_design{.first_only = 0.1, .second_only = 0.1}, 0.8)));
    CHECK(std::isnan(
        stats::sample_size(stats::paired_proportion_design{.first_only = 0.8, .second_only = 0.3}, 0.8)));
    CHECK(std::isnan(stats::sample_size(stats::rate_design{.first = 0.0, .second = 0.1}, 0.8)));
    CHECK(std::isnan(
        stats::power(stats::rate_design{.first = 1.0, .second = 2.0, .alternative = side::greater}, 9.0)));
    // Pairs against a margin, as a gate compares rows: 50-digit values of Nam's formula, and the gate's own interval.
    struct gate_size {
        double first_only, second_only, margin, n;
    };
    for (const gate_size& g :
         {gate_size{0.05, 0.05, 0.01, 6214.92925537444899}, gate_size{0.1, 0.08, 0.02, 703.091911287938389},
          gate_size{0.02, 0.03, 0.03, 860.119583127414954}}) {
        const stats::paired_proportion_design design{.first_only = g.first_only,
                                                     .second_only = g.second_only,
                                                     .alternative = side::greater,
                                                     .null = -g.margin};
        CHECK(stats::sample_size(design, 0.8) == Approx(g.n).epsilon(1e-12));
        CHECK(stats::power(design, g.n) == Approx(0.8).epsilon(1e-12));
    }
    const stats::paired_proportion_design rows{
        .first_only = 0.06, .second_only = 0.06, .alternative = side::greater, .null = -0.03};
    const auto pairs = static_cast<std::uint64_t>(std::ceil(stats::sample_size(rows, 0.8)));
    joust_test::engine draw{8};
    int shown = 0;
    for (int run = 0; run < 400; ++run) {
        std::uint64_t first = 0, second = 0;
        for (std::uint64_t i = 0; i < pairs; ++i) {
            const double u = draw.uniform();
            first += u < 0.06 ? 1U : 0U;
            second += u >= 0.06 && u < 0.12 ? 1U : 0U;
        }
        shown += stats::mcnemar(first, second, pairs, {.alternative = side::greater}).lower > -0.03 ? 1 : 0;
    }
    CHECK(shown >= 290);
    CHECK(shown <= 350);
    // Events in clusters need as many times the exposure.
    CHECK(stats::sample_size(stats::rate_design{.first = 2.0, .second = 1.0, .dispersion = 3.0}, 0.8) ==
          Approx(3.0 * stats::sample_size(stats::rate_design{.first = 2.0, .second = 1.0}, 0.8))
              .epsilon(1e-14));

    // The promised power of a non-inferiority gate at its size, against the test itself: 0.85 both, margin 0.1.
    const stats::proportion_design gate{
        .first = 0.85, .second = 0.85, .alpha = 0.05, .alternative = side::greater, .null = -0.1};
    const auto n = static_cast<std::uint64_t>(std::ceil(stats::sample_size(gate, 0.8)));
    double power = 0.0;
    const auto pmf = [&](std::uint64_t k) {
        return std::exp(stats::binomial_log_pmf(static_cast<double>(k), static_cast<double>(n), 0.85));
    };
    for (std::uint64_t a = 0; a <= n; ++a) {
        for (std::uint64_t b = 0; b <= n && pmf(a) > 1e-6; ++b) {
            if (pmf(b) > 1e-6) {
                power += stats::non_inferiority(a, n, b, n, {.margin = 0.1, .alpha = 0.05}).p_value <= 0.05
                             ? pmf(a) * pmf(b)
                             : 0.0;
            }
        }
    }
    CHECK(power == Approx(0.8).margin(0.03));
}

TEST_CASE("kappa of Cohen, weighted and not, is that of statsmodels")
{
    CHECK(hold("cohen_kappa", [](const oracle_row& row) {
              quality::confusion table(row.inputs["table"].size());
              for (std::size_t i = 0; i < table.classes(); ++i) {
                  for (std::size_t j = 0; j < table.classes(); ++j) {
                      table.add(i, j, row.inputs["table"][i][j].get<std::uint64_t>());
                  }
              }
              const std::string name = row.inputs["weights"];
              const auto weights = name == "none"     ? quality::kappa_weights::none
                                   : name == "linear" ? quality::kappa_weights::linear
                                                      : quality::kappa_weights::quadratic;
              const quality::quality r = quality::kappa(table, weights);
              CHECK(r.state == status::ok);
              if (name == "none") {
                  CHECK(table.result(quality::cohen_kappa{}).value == Approx(r.value).epsilon(1e-13));
              }
              if (row.field == "hi" && row.wanted() > 1.0) {
                  CHECK(r.upper == 1.0);
                  return row.wanted();
              }
              return row.field == "kappa" ? r.value
                     : row.field == "se"  ? r.standard_error
                     : row.field == "lo"  ? r.lower
                                          : r.upper;
          }) == 36);
    quality::confusion perfect(3), constant, small;
    perfect.add(0, 0, 5);
    perfect.add(2, 2, 5);
    constant.add(1, 1, 9);
    small.add(0, 0);
    CHECK(quality::kappa(perfect).value == 1.0);
    CHECK(quality::kappa(perfect).state == status::zero_variance);
    CHECK(quality::kappa(constant).state == status::out_of_range);
    CHECK(quality::kappa(small).state == status::too_few);
    CHECK(quality::kappa(quality::confusion{}).state == status::too_few);
    small.add(7, 7);
    CHECK(quality::kappa(small).state == status::out_of_range);
}

TEST_CASE("weighted classification, calibration and AUC")
{
    CHECK(hold("weighted_quality", [](const oracle_row& row) {
              const sample y = row.numbers("y"), s = row.numbers("s"), p = row.numbers("p"),
                           w = row.numbers("w");
              std::vector<std::uint8_t> labels;
              quality::weighted_confusion table;
              quality::weighted_quality<quality::log_loss> loss;
              quality::weighted_quality<quality::brier_score> brier;
              for (std::size_t i = 0; i < y.size(); ++i) {
                  const int label = y[i] > 0.5 ? 1 : 0;
                  labels.push_back(static_cast<std::uint8_t>(label));
                  table.add(static_cast<std::size_t>(label), p[i] > 0.5 ? 1 : 0, w[i]);
                  loss.add(w[i], label, p[i]);
                  brier.add(w[i], label, p[i]);
              }
              const quality::quality r =
                  row.field == "auc"         ? quality::auc(labels, s, w)
                  : row.field == "accuracy"  ? table.result(quality::accuracy{})
                  : row.field == "precision" ? table.result(quality::precision{.label = 1})
                  : row.field == "recall"    ? table.result(quality::recall{.label = 1})
                  : row.field == "f1"        ? table.result(quality::f_score{.label = 1})
                  : row.field == "mcc"       ? table.result(quality::matthews_correlation{})
                  : row.field == "kappa"     ? table.result(quality::cohen_kappa{})
                  : row.field == "balanced"  ? table.result(quality::balanced_accuracy{})
                  : row.field == "log_loss"  ? loss.result()
                                             : brier.result();
              CHECK(r.state == status::ok);
              CHECK(r.standard_error > 0.0);
              return r.value;
          }) == 10);

    // Equal weights change no number.
    joust_test::engine random{3};
    std::vector<std::uint8_t> labels;
    sample scores, weights;
    quality::confusion table;
    quality::weighted_confusion weighted;
    quality::row_quality<quality::log_loss> loss;
    quality::weighted_quality<quality::log_loss> weighted_loss, part;
    quality::calibration_bins bins(10);
    quality::weighted_calibration weighted_bins(10), bins_part(10);
    for (int i = 0; i < 400; ++i) {
        const double p = std::floor(random.uniform() * 50.0 + 1.0) / 52.0;
        const int label = random.coin(0.5 * p + 0.2) ? 1 : 0;
        labels.push_back(static_cast<std::uint8_t>(label));
        scores.push_back(p);
        weights.push_back(2.5);
        table.add(static_cast<std::size_t>(label), p > 0.5 ? 1 : 0);
        weighted.add(static_cast<std::size_t>(label), p > 0.5 ? 1 : 0, 2.5);
        loss.add(label, p);
        (i % 3 == 0 ? part : weighted_loss).add(2.5, label, p);
        bins.add(label, p);
        (i % 3 == 0 ? bins_part : weighted_bins).add(label, p, 2.5);
    }
    weighted_loss.merge(part);
    CHECK(weighted_bins.merge(bins_part));
    const auto same = [](const quality::quality& a, const quality::quality& b) {
        CHECK(a.state == b.state);
        CHECK(a.rows == b.rows);
        CHECK(a.value == Approx(b.value).epsilon(1e-13));
        CHECK(a.standard_error == Approx(b.standard_error).epsilon(1e-12));
        CHECK(a.lower == Approx(b.lower).epsilon(1e-12));
        CHECK(a.upper == Approx(b.upper).epsilon(1e-12));
    };
    same(quality::auc(labels, scores, weights), quality::auc(labels, scores));
    same(weighted.result(quality::f_score{}), table.result(quality::f_score{}));
    same(weighted_loss.result(), loss.result());
    CHECK(weighted_loss.effective_rows() == Approx(400.0).epsilon(1e-12));
    const quality::calibration_result a = weighted_bins.result(), b = bins.result();
    CHECK(a.state == b.state);
    for (const auto member :
         {&quality::calibration_result::expected, &quality::calibration_result::noise,
          &quality::calibration_result::debiased, &quality::calibration_result::lower,
          &quality::calibration_result::upper, &quality::calibration_result::squared,
          &quality::calibration_result::squared_error, &quality::calibration_result::largest}) {
        CHECK(a.*member == Approx(b.*member).epsilon(1e-11).margin(1e-14));
    }

    // Weights of 0 are absent rows; bad ones are refused.
    labels.push_back(1);
    scores.push_back(0.0);
    weights.push_back(0.0);
    CHECK(quality::auc(labels, scores, weights).value ==
          Approx(quality::auc(std::span<const std::uint8_t>{labels}.first(400),
                              std::span<const double>{scores}.first(400))
                     .value));
    weights.back() = -1.0;
    CHECK(quality::auc(labels, scores, weights).state == status::out_of_range);
    weights.back() = missing;
    CHECK(quality::auc(labels, scores, weights).state == status::out_of_range);
    weights.pop_back();
    CHECK(quality::auc(labels, scores, weights).state == status::out_of_range);
    CHECK_FALSE(weighted.add(0, 0, -1.0));
    CHECK(weighted.result(quality::accuracy{}).state == status::out_of_range);
    CHECK_FALSE(weighted_loss.add(infinity, 1, 0.5));
    CHECK(weighted_loss.result().state == status::out_of_range);
    CHECK_FALSE(weighted_bins.add(1, 0.5, missing));
    CHECK(weighted_bins.result().state == status::out_of_range);
    CHECK(quality::weighted_confusion{}.result(quality::accuracy{}).state == status::too_few);
    CHECK(quality::weighted_calibration{}.result().state == status::too_few);
    CHECK(quality::weighted_quality<quality::brier_score>{}.result().state == status::too_few);
}

TEST_CASE("a perfect accuracy, precision or recall has the exact interval of a share")
{
    quality::confusion right;
    right.add(0, 0, 60);
    right.add(1, 1, 40);
    const auto is_exact = [](const quality::quality& r, std::uint64_t k, std::uint64_t n, double alpha) {
        const stats::bounds ends = stats::clopper_pearson_interval(k, n, alpha);
        CHECK(r.state == status::ok);
        CHECK(r.lower == Approx(ends.lower).epsilon(1e-13));
        CHECK(r.upper == Approx(ends.upper).epsilon(1e-13));
    };
    is_exact(right.result(quality::accuracy{}), 100, 100, 0.05);
    is_exact(right.result(quality::accuracy{}, 0.2), 100, 100, 0.2);
    is_exact(right.result(quality::recall{.label = 1}), 40, 40, 0.05);
    is_exact(right.result(quality::precision{.label = 0}), 60, 60, 0.05);
    is_exact(right.result(quality::recall{.average = quality::averaging::micro}), 100, 100, 0.05);
    quality::confusion wrong;
    wrong.add(0, 1, 30);
    is_exact(wrong.result(quality::accuracy{}), 0, 30, 0.05);
    CHECK(right.result(quality::accuracy{}, 0.0).state == status::out_of_range);
    // Shares that do not add up to 1 in doubles leave no variance of 1e-34 and no interval of no width.
    for (std::uint64_t a = 1; a < 40; ++a) {
        for (std::uint64_t b = 1; b < 12; ++b) {
            quality::confusion three(3);
            three.add(0, 0, a);
            three.add(1, 1, b);
            three.add(2, 2, 3);
            const quality::quality all = three.result(quality::accuracy{});
            REQUIRE(all.value == 1.0);
            REQUIRE(all.lower ==
                    Approx(stats::clopper_pearson_interval(a + b + 3, a + b + 3).lower).epsilon(1e-13));
            REQUIRE(three.result(quality::matthews_correlation{}).state == status::zero_variance);
            REQUIRE(three.result(quality::cohen_kappa{}).state == status::zero_variance);
            REQUIRE(three.result(quality::f_score{}).state == status::zero_variance);
            REQUIRE(three.result(quality::matthews_correlation{}).value <= 1.0);
            REQUIRE(quality::kappa(three).state == status::zero_variance);
        }
    }
    quality::paired_confusion opposite(3);
    opposite.add(0, 0, 1, 10);
    opposite.add(1, 1, 2, 20);
    opposite.add(2, 2, 0, 7);
    const stats::test_result apart = opposite.compare(quality::accuracy{});
    CHECK(apart.state == status::ok);
    CHECK(apart.estimate == 1.0);
    CHECK(apart.p_value == Approx(std::pow(2.0, -36.0)).epsilon(1e-12));
    CHECK(apart.lower == Approx(2.0 * std::pow(0.025, 1.0 / 37.0) - 1.0).epsilon(1e-13));
    // No interval leaves what is possible.
    quality::confusion nearly;
    nearly.add(0, 0, 99);
    nearly.add(1, 0, 1);
    CHECK(nearly.result(quality::accuracy{}).upper == 1.0);
    CHECK(nearly.result(quality::accuracy{}).lower < 0.99);
}

TEST_CASE("areas of 1 and 0 differ, by as much as independent pairs show")
{
    std::vector<int> labels;
    sample up, down, flat;
    for (int i = 0; i < 30; ++i) {
        labels.push_back(i < 12 ? 1 : 0);
        up.push_back(-static_cast<double>(i));
        down.push_back(static_cast<double>(i));
        flat.push_back(0.5);
    }
    const stats::delong_result r = stats::delong(labels, up, down);
    CHECK(r.state == status::ok);
    CHECK(r.auc_a == 1.0);
    CHECK(r.auc_b == 0.0);
    CHECK(r.estimate == 1.0);
    CHECK(r.p_value == Approx(std::pow(2.0, -11.0)).epsilon(1e-13));  // twelve pairs, all for the first
    CHECK(r.lower == Approx(2.0 * std::pow(0.025, 1.0 / 12.0) - 1.0).epsilon(1e-13));
    CHECK(r.upper == 1.0);
    CHECK(stats::delong(labels, down, up).estimate == -1.0);
    CHECK(stats::delong(labels, down, up).p_value == r.p_value);
    CHECK(stats::delong(labels, down, up).lower == -1.0);
    CHECK(stats::delong(labels, up, down, {.alternative = side::less}).p_value == 1.0);
    CHECK(stats::delong(labels, up, down, {.alternative = side::greater}).p_value ==
          Approx(std::pow(2.0, -12.0)).epsilon(1e-13));
    CHECK(stats::delong(labels, up, up).state == status::zero_variance);
    CHECK(std::isnan(stats::delong(labels, up, up).p_value));
    CHECK(stats::delong(labels, up, flat).p_value == Approx(2.0 * std::pow(1.5, -12.0)).epsilon(1e-13));
    CHECK(stats::delong_unpaired(labels, up, labels, down).p_value == Approx(r.p_value).epsilon(1e-13));

    const stats::auc_result perfect = stats::area_under_curve(labels, up);
    CHECK(perfect.state == status::ok);
    CHECK(perfect.lower == Approx(std::pow(0.025, 1.0 / 12.0)).epsilon(1e-13));
    CHECK(perfect.upper == 1.0);
    CHECK(perfect.p_value == Approx(std::pow(2.0, -11.0)).epsilon(1e-13));
    CHECK(stats::area_under_curve(labels, flat).state == status::zero_variance);

    const std::vector<std::uint8_t> bytes(labels.begin(), labels.end());
    CHECK(quality::auc(bytes, up).lower == Approx(perfect.lower).epsilon(1e-13));
    CHECK(quality::auc(bytes, down).upper == Approx(1.0 - perfect.lower).epsilon(1e-13));
    CHECK(quality::compare_auc(bytes, up, down).p_value == Approx(r.p_value).epsilon(1e-13));
}
