// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/wilcoxon.hpp>

#include "stats/oracle_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::rank_p;
using stats::side;
using stats::zero_differences;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Ranks of |d| by counting, zeros ranked too when they are kept.
std::vector<double> ranks_of(const std::vector<double>& d)
{
    std::vector<double> ranks;
    for (const double one : d) {
        double below = 0.0, equal = 0.0;
        for (const double other : d) {
            below += std::fabs(other) < std::fabs(one) ? 1.0 : 0.0;
            equal += std::fabs(other) == std::fabs(one) ? 1.0 : 0.0;
        }
        ranks.push_back(below + 0.5 * (equal + 1.0));
    }
    return ranks;
}

}  // namespace

TEST_CASE("exact p-values count all signs, with ties and zeros")
{
    joust_test::engine draw{29};
    for (int round = 0; round < 80; ++round) {
        std::vector<double> d;
        for (std::size_t i = 0; i < 1 + draw.next() % 9; ++i) {
            d.push_back(round % 2 == 0 ? draw.bell() + 0.3 : std::floor(5.0 * draw.uniform()) - 1.0);
        }
        for (const auto zeros : {zero_differences::drop, zero_differences::pratt}) {
            std::vector<double> kept = d;
            std::vector<double> ranks;
            if (zeros == zero_differences::drop) {
                kept.erase(std::remove(kept.begin(), kept.end(), 0.0), kept.end());
                ranks = ranks_of(kept);
            } else {
                const std::vector<double> all = ranks_of(d);
                kept.clear();
                for (std::size_t i = 0; i < d.size(); ++i) {
                    if (d[i] != 0.0) {
                        kept.push_back(d[i]);
                        ranks.push_back(all[i]);
                    }
                }
            }
            const stats::signed_rank_options options{.p_value = rank_p::exact, .zeros = zeros};
            const auto two = stats::wilcoxon_signed_rank(d, options);
            if (kept.empty()) {
                CHECK(two.state == status::zero_variance);
                continue;
            }
            double v = 0.0, all = 0.0;
            for (std::size_t i = 0; i < kept.size(); ++i) {
                v += kept[i] > 0.0 ? ranks[i] : 0.0;
                all += ranks[i];
            }
            double count = 0.0, far = 0.0, above = 0.0, below = 0.0;
            for (std::uint64_t signs = 0; signs < std::uint64_t{1} << kept.size(); ++signs) {
                double w = 0.0;
                for (std::size_t i = 0; i < kept.size(); ++i) {
                    w += (signs >> i & 1U) != 0 ? ranks[i] : 0.0;
                }
                far += std::fabs(w - 0.5 * all) >= std::fabs(v - 0.5 * all) ? 1.0 : 0.0;
                above += w >= v ? 1.0 : 0.0;
                below += w <= v ? 1.0 : 0.0;
                count += 1.0;
            }
            INFO(round);
            CHECK(two.statistic == v);
            CHECK(two.zeros == d.size() - kept.size());
            CHECK(two.p_value == Approx(far / count).epsilon(1e-13));
            auto one = options;
            one.alternative = side::greater;
            CHECK(stats::wilcoxon_signed_rank(d, one).p_value == Approx(above / count).epsilon(1e-13));
            one.alternative = side::less;
            CHECK(stats::wilcoxon_signed_rank(d, one).p_value == Approx(below / count).epsilon(1e-13));
        }
    }
}

TEST_CASE("the reference rows of the signed-rank test")
{
    CHECK(joust_test::hold_to_rows("wilcoxon_signed_rank", [](const joust_test::oracle_row& row) {
              const auto r = stats::wilcoxon_signed_rank(joust_test::numbers(row.inputs["a"]),
                                                         joust_test::numbers(row.inputs["b"]),
                                                         {.p_value = rank_p::asymptotic});
              return row.field == "p" ? r.p_value : r.statistic;
          }) == 2);
}

TEST_CASE("the pseudo-median is the median of all averages, its interval inverts the exact test")
{
    joust_test::engine draw{31};
    std::vector<double> d;
    for (int i = 0; i < 13; ++i) {
        d.push_back(draw.bell() + 0.4);
    }
    std::vector<double> averages;
    for (std::size_t i = 0; i < d.size(); ++i) {
        for (std::size_t j = i; j < d.size(); ++j) {
            averages.push_back(0.5 * (d[i] + d[j]));
        }
    }
    std::sort(averages.begin(), averages.end());
    const auto r = stats::wilcoxon_signed_rank(d, {.alpha = 0.1});
    CHECK(r.method == "Wilcoxon signed-rank test, exact");
    CHECK(r.estimate == Approx(averages[45]).epsilon(1e-15));
    for (const double way : {-1.0, 1.0}) {
        for (const double step : {-1e-9, 1e-9}) {
            std::vector<double> moved = d;
            for (double& value : moved) {
                value -= (way < 0.0 ? r.lower : r.upper) + way * step;
            }
            const double p = stats::wilcoxon_signed_rank(moved).p_value;
            CHECK((step < 0.0 ? p > 0.1 : p <= 0.1));
        }
    }
}

TEST_CASE("the normal limit: variance with ties and with zeros by enumeration")
{
    const std::vector<double> d{0.0, 0.0, 1.0, 1.0, -1.0, 2.0, 3.0, 3.0, -4.0, 5.0};
    const auto drop = stats::wilcoxon_signed_rank(d, {.p_value = rank_p::asymptotic, .continuity = false});
    const auto pratt = stats::wilcoxon_signed_rank(
        d, {.p_value = rank_p::asymptotic, .zeros = zero_differences::pratt, .continuity = false});
    const auto expect = [](const std::vector<double>& ranks, double v) {
        double all = 0.0, square = 0.0;
        for (const double rank : ranks) {
            all += rank;
            square += rank * rank;
        }
        return 2.0 * stats::normal_sf(std::fabs(v - 0.5 * all) / std::sqrt(0.25 * square));
    };
    CHECK(drop.statistic == 2.0 + 2.0 + 4.0 + 5.5 + 5.5 + 8.0);
    CHECK(drop.p_value == Approx(expect({2, 2, 2, 4, 5.5, 5.5, 7, 8}, drop.statistic)).epsilon(1e-13));
    CHECK(pratt.p_value == Approx(expect({4, 4, 4, 6, 7.5, 7.5, 9, 10}, pratt.statistic)).epsilon(1e-13));
    CHECK(drop.zeros == 2);
    CHECK(drop.method == "Wilcoxon signed-rank test, normal limit, corrected for ties");
}

TEST_CASE("a thousand differences of one sign, exactly")
{
    std::vector<double> d;
    for (int i = 1; i <= 1000; ++i) {
        d.push_back(i);
    }
    const auto r = stats::wilcoxon_signed_rank(d, {.p_value = rank_p::exact, .shift = false});
    CHECK(r.method == "Wilcoxon signed-rank test, exact");
    CHECK(r.log_p == Approx(-999.0 * std::log(2.0)).epsilon(1e-14));
    CHECK(r.p_value == std::ldexp(1.0, -999));
}

TEST_CASE("pairs that cannot be tested have a state")
{
    const std::vector<double> a{1.0, 2.0, 3.0}, b{1.0, 2.0};
    CHECK(stats::wilcoxon_signed_rank(a, b).state == status::out_of_range);
    CHECK(stats::wilcoxon_signed_rank(std::vector<double>{}).state == status::too_few);
    CHECK(stats::wilcoxon_signed_rank(std::vector<double>{1.0, std::nan("")}).state == status::out_of_range);
    const auto equal = stats::wilcoxon_signed_rank(a, a);
    CHECK(equal.state == status::zero_variance);
    CHECK(equal.p_value == 1.0);
    CHECK(equal.zeros == 3);
    const auto apart = stats::wilcoxon_signed_rank(std::vector<double>{infinity, -1.0, 2.0});
    CHECK(apart.state == status::ok);
    CHECK(apart.statistic == 5.0);
    CHECK(std::isnan(apart.estimate));
    CHECK(stats::wilcoxon_signed_rank(std::vector<double>{infinity, infinity},
                                      std::vector<double>{infinity, 1.0})
              .state == status::out_of_range);
    CHECK(stats::wilcoxon_signed_rank(std::vector<double>{5.0}).p_value == 1.0);
}
