// SPDX-License-Identifier: Apache-2.0

// Ties that the last bit of a double broke, and corners in which an answer was missing, wrong or misnamed.

#include <joust/monitor/fairness.hpp>
#include <joust/quality/probability.hpp>
#include <joust/quality/quality.hpp>
#include <joust/quality/rank_biased_overlap.hpp>
#include <joust/stats/planning/planner.hpp>
#include <joust/stats/planning/power.hpp>
#include <joust/stats/resampling/permutation.hpp>
#include <joust/stats/sequential/sequential_srm.hpp>
#include <joust/stats/tests/contingency.hpp>
#include <joust/stats/tests/mcnemar.hpp>
#include <joust/stats/tests/paired.hpp>
#include <joust/stats/tests/proportion_ratio.hpp>
#include <joust/stats/tests/sign_test.hpp>
#include <joust/stats/tests/srm.hpp>
#include <joust/stats/tests/wilcoxon.hpp>

#include "stats/support.hpp"

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
namespace fairness = joust::fairness;
using joust::status;
using stats::side;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
using sample = std::vector<double>;

double signed_rank_p(const sample& x, const sample& y, side alternative)
{
    return stats::wilcoxon_signed_rank(x, y, {.alternative = alternative, .p_value = stats::rank_p::exact})
        .p_value;
}

fairness::confusion group(std::uint64_t selected, std::uint64_t rows)
{
    return fairness::confusion::binary(selected, 0, rows - selected, 0);
}

}  // namespace

TEST_CASE("differences of decimals that are equal share a rank in the signed-rank test")
{
    // Sizes .025, .05, .05, .05: the ranks are 1, 3, 3, 3.
    const sample x{.5, .825, .375, .5}, y{.525, .775, .325, .55};
    CHECK(signed_rank_p(y, x, side::greater) == 0.6875);
    CHECK(signed_rank_p(x, y, side::less) == 0.6875);
    CHECK(signed_rank_p(x, y, side::greater) == 0.5);
    CHECK(stats::wilcoxon_signed_rank(x, y).statistic == 6.0);
    CHECK(stats::wilcoxon_signed_rank(y, x).statistic == 4.0);

    // The same in other units, and for other steps: only whole numbers are free of rounding.
    joust_test::engine random{5};
    for (int round = 0; round < 200; ++round) {
        sample a, b, whole_a, whole_b;
        const double unit = std::pow(10.0, -static_cast<double>(random.next() % 7));
        const double per_unit = std::round(1.0 / unit);
        for (int i = 0; i < 7; ++i) {
            const double first = static_cast<double>(random.next() % 2000);
            const double second = first + static_cast<double>(random.next() % 9) - 4.0;
            whole_a.push_back(first);
            whole_b.push_back(second);
            a.push_back(first / per_unit);
            b.push_back(second / per_unit);
        }
        for (const auto zeros : {stats::zero_differences::drop, stats::zero_differences::pratt}) {
            const stats::signed_rank_options exact{.p_value = stats::rank_p::exact, .zeros = zeros};
            const stats::signed_rank_result got = stats::wilcoxon_signed_rank(a, b, exact);
            const stats::signed_rank_result want = stats::wilcoxon_signed_rank(whole_a, whole_b, exact);
            REQUIRE(got.state == want.state);
            REQUIRE(got.zeros == want.zeros);
            REQUIRE(got.statistic == want.statistic);
            REQUIRE(got.p_value == want.p_value);
        }
    }
}

TEST_CASE("differences that are distinct stay distinct, however small they are")
{
    const sample x{1.0, 1.0 + 1e-12, 1e-20, 3e-20}, y{1.0 - 1e-12, 1.0 - 2e-12, 0.0, 1e-20};
    const stats::signed_rank_result r = stats::wilcoxon_signed_rank(x, y, {.p_value = stats::rank_p::exact});
    CHECK(r.zeros == 0);
    CHECK(r.method == "Wilcoxon signed-rank test, exact");
    CHECK(r.p_value == 0.125);
    CHECK(stats::wilcoxon_signed_rank(sample{1.0, infinity}, sample{infinity, 1.0}).statistic == 1.5);
    CHECK(stats::wilcoxon_signed_rank(sample{infinity}, sample{infinity}).state == status::out_of_range);
}

TEST_CASE(
    "a difference that is rounding alone is a tie of the sign test and no variance of the paired t-test")
{
    const sample x{0.1 + 0.2, 0.7 + 0.1, 0.5, 0.9}, y{0.3, 0.8, 0.4, 0.7};
    const stats::sign_test_result r = stats::sign_test(x, y);
    CHECK(r.ties == 2);
    CHECK(r.wins == 2);
    CHECK(r.p_value == 0.5);
    CHECK(stats::sign_test(sample{1.0}, sample{}).state == status::out_of_range);

    // 0.1 each time, but for the last bit: t was 1e15 and p below 1e-30.
    const sample after{0.5, 0.6, 0.7, 0.4}, before{0.4, 0.5, 0.6, 0.3};
    CHECK(stats::paired_t(after, before).state == status::zero_variance);
    CHECK(stats::paired_t(sample{0.1 + 0.2, 0.3}, sample{0.3, 0.3}).state == status::zero_variance);
    CHECK(stats::paired_t(after, sample{0.4, 0.5, 0.6, 0.3 + 1e-12}).state == status::ok);
}

TEST_CASE("divisions of equal decimals tie in a permutation test of any statistic")
{
    // The observed difference of means is 0 but for rounding, so every division is as extreme.
    const sample x{.1, .4}, y{.2, .3};
    const auto means = [](std::span<const double> a, std::span<const double> b) {
        double first = 0.0, second = 0.0;
        for (const double v : a) {
            first += v / static_cast<double>(a.size());
        }
        for (const double v : b) {
            second += v / static_cast<double>(b.size());
        }
        return first - second;
    };
    CHECK(stats::permutation(x, y).p_value == 1.0);
    // The same far from 0, where the decimals themselves are rounded.
    const auto moved = [](sample values, double by) {
        for (double& v : values) {
            v += by;
        }
        return values;
    };
    for (const double by : {0.0, 1e3, 1e6, 1e9}) {
        CHECK(stats::permutation(moved(sample{.7, .1, .3, .9}, by), moved(sample{.2, .4, .5, .6}, by))
                  .p_value == stats::permutation(sample{7, 1, 3, 9}, sample{2, 4, 5, 6}).p_value);
    }
    CHECK(stats::permutation(x, y, means).p_value == 1.0);
    CHECK(stats::permutation(sample{.7, .1, .3}, sample{.2, .4, .5}, means).p_value ==
          stats::permutation(sample{7, 1, 3}, sample{2, 4, 5}, means).p_value);
}

TEST_CASE("log loss refuses rows that are no probabilities")
{
    const auto loss = [](sample row) {
        return quality::log_loss{}.row(std::size_t{0}, std::span<const double>{row});
    };
    CHECK_FALSE(loss({1.0, 1.0, 1.0}));
    CHECK_FALSE(loss({0.5, 0.3, 0.1}));
    CHECK_FALSE(loss({0.5, 0.6, -0.1}));
    CHECK_FALSE(loss({0.5, std::nan(""), 0.5}));
    CHECK_FALSE(loss({0.5, 0.5, infinity}));
    CHECK_FALSE(loss({0.0, 0.0, 0.0}));
    CHECK_FALSE(loss({}));
    REQUIRE(loss({0.5, 0.25, 0.25}));
    CHECK((*loss({0.5, 0.25, 0.25}))[0] == std::log(2.0));
    CHECK(loss({0.1F, 0.2F, 0.7F}));  // single precision does not sum to 1 in doubles

    quality::row_quality<quality::log_loss> mean;
    const sample none{1.0, 1.0, 1.0};
    CHECK_FALSE(mean.add(std::size_t{0}, std::span<const double>{none}));
    CHECK(mean.result().state == status::out_of_range);
}

TEST_CASE("a ratio of rates has Koopman's interval where a count is 0 or all")
{
    // 50-digit inversions of the score test.
    const stats::test_result none = fairness::disparate_impact(group(0, 50), group(30, 60));
    CHECK(none.state == status::ok);
    CHECK(none.method == "ratio of proportions, Koopman interval");
    CHECK(none.estimate == 0.0);
    CHECK(none.lower == 0.0);
    CHECK(none.upper == Approx(0.14334734387008202).epsilon(1e-13));
    CHECK(none.p_value == Approx(stats::two_proportion_z(0, 50, 30, 60).p_value).epsilon(1e-14));

    const stats::test_result all_in_one = fairness::disparate_impact(group(30, 60), group(0, 50));
    CHECK(all_in_one.state == status::ok);
    CHECK(all_in_one.estimate == infinity);
    CHECK(all_in_one.lower == Approx(1.0 / 0.14334734387008202).epsilon(1e-13));
    CHECK(all_in_one.upper == infinity);

    const stats::test_result nobody = fairness::disparate_impact(group(0, 50), group(0, 60));
    CHECK(nobody.state == status::zero_variance);
    CHECK(nobody.p_value == 1.0);
    CHECK(nobody.lower == 0.0);
    CHECK(nobody.upper == infinity);
    CHECK(std::isnan(nobody.estimate));

    const stats::test_result everyone = fairness::disparate_impact(group(5, 5), group(7, 7));
    CHECK(everyone.state == status::zero_variance);
    CHECK(everyone.estimate == 1.0);
    CHECK(everyone.lower == Approx(0.56551753521682518).epsilon(1e-13));
    CHECK(everyone.upper == Approx(1.5487798315277323).epsilon(1e-13));

    CHECK(fairness::disparate_impact(group(0, 0), group(3, 5)).state == status::too_few);
    CHECK(fairness::disparate_impact(group(3, 10), group(3, 5)).method == "log-Wald ratio of proportions");

    struct row {
        std::uint64_t k1, n1, k2, n2;
        double lower, upper;
    };
    for (const row& r :
         {row{10, 100, 20, 100, 0.24852397240509064, 0.99322914021419508},
          row{0, 10, 1, 10, 0.0, 3.5546356878714642},
          row{3, 1000, 2, 500, 0.15046997925611457, 3.7447748260850879},
          row{100'000, 1'000'000, 100'500, 1'000'000, 0.98679649411060448, 1.0033218586346641}}) {
        const stats::test_result got = stats::proportion_ratio(r.k1, r.n1, r.k2, r.n2);
        CHECK(got.lower == Approx(r.lower).epsilon(1e-12));
        CHECK(got.upper == Approx(r.upper).epsilon(1e-12));
    }
    CHECK(stats::proportion_ratio(3, 2, 1, 5).state == status::out_of_range);
    CHECK(stats::proportion_ratio(0, 0, 1, 5).state == status::too_few);
    CHECK(stats::proportion_ratio(1, 2, 1, 5, {.alpha = 0.0}).state == status::out_of_range);
}

TEST_CASE("a group without a rate is named and does not blank the gap of the others")
{
    const std::vector<fairness::named_group> named{{"large", fairness::confusion::binary(80, 10, 20, 90)},
                                                   {"other", fairness::confusion::binary(60, 20, 40, 80)},
                                                   {"tiny", fairness::confusion::binary(0, 0, 0, 3)}};
    std::vector<fairness::confusion> groups;
    for (const fairness::named_group& g : named) {
        groups.push_back(g.counts);
    }
    const fairness::measure recall = fairness::equal_opportunity_difference(groups);
    CHECK(recall.state == status::ok);
    CHECK(recall.value == Approx(0.2).epsilon(1e-14));
    CHECK(recall.left_out == 1);
    CHECK(fairness::groups_left_out(named, fairness::group_rate::recall) == std::vector<std::string>{"tiny"});
    CHECK(fairness::groups_left_out(named, fairness::group_rate::accuracy).empty());

    const fairness::measure ratio = fairness::equal_opportunity_ratio(groups);
    CHECK(ratio.state == status::ok);
    CHECK(ratio.value == Approx(0.75).epsilon(1e-14));
    CHECK(fairness::equal_opportunity_difference(groups, fairness::gap::to_overall).value ==
          Approx(0.1).epsilon(1e-14));
    const fairness::measure odds = fairness::equalized_odds_difference_worst(groups);
    CHECK(odds.state == status::ok);
    CHECK(odds.value == Approx(0.2).epsilon(1e-14));
    CHECK(odds.left_out == 1);
    CHECK(fairness::equalized_odds_difference_mean(groups).state == status::ok);
    CHECK(fairness::equalized_odds_ratio_worst(groups).state == status::ok);
    CHECK(fairness::predictive_parity_difference(groups).state == status::ok);
    CHECK(fairness::accuracy_difference(groups).left_out == 0);

    groups.emplace_back();  // a group without any row
    CHECK(fairness::accuracy_difference(groups).left_out == 1);
    CHECK(fairness::accuracy_group_min(groups).state == status::ok);
    CHECK(fairness::demographic_parity_ratio(groups).state == status::ok);

    const std::vector<fairness::confusion> one{groups[0], groups[2]};
    CHECK(fairness::equal_opportunity_difference(one).state == status::too_few);
    CHECK(fairness::equal_opportunity_difference(one).left_out == 1);
}

TEST_CASE("a unit in an arm whose share is 0 is certain proof of a sample ratio mismatch")
{
    const std::array<std::uint64_t, 3> counts{500, 500, 1};
    const std::array<double, 3> shares{0.5, 0.5, 0.0};
    const stats::test_result r = stats::sample_ratio_mismatch(counts, shares);
    CHECK(r.state == status::ok);
    CHECK(r.p_value == 0.0);
    CHECK(r.log_p == -infinity);
    CHECK(r.statistic == infinity);
    const std::array<std::uint64_t, 2> stopped{1000, 3};
    const std::array<double, 2> all_to_one{1.0, 0.0};
    CHECK(stats::sample_ratio_mismatch(stopped, all_to_one).p_value == 0.0);
    const std::array<std::uint64_t, 2> held{1000, 0};
    CHECK(stats::sample_ratio_mismatch(held, all_to_one).state == status::too_few);

    const std::array<std::uint64_t, 3> weights{1, 1, 0};
    stats::sequential_srm watch{weights};
    CHECK(watch.update(0));
    CHECK(watch.p_value() == Approx(1.0).epsilon(1e-12));
    CHECK(watch.update(2));
    CHECK(watch.state() == status::ok);
    CHECK(watch.log_e() == infinity);
    CHECK(watch.p_value() == 0.0);
    CHECK(watch.update(1));
    CHECK(watch.p_value() == 0.0);
    CHECK_FALSE(watch.update(3));
    stats::sequential_srm batch{weights};
    CHECK(batch.update(counts));
    CHECK(batch.p_value() == 0.0);
}

TEST_CASE("only a table that was corrected says Yates")
{
    const std::vector<std::vector<int>> wide{{10, 20, 30}, {20, 20, 10}}, narrow{{10, 20}, {20, 20}},
        padded{{10, 0, 20}, {20, 0, 20}};
    for (const auto* test : {&wide, &narrow, &padded}) {
        const stats::contingency_result plain = stats::chi_squared(*test);
        const stats::contingency_result corrected = stats::chi_squared(*test, {.yates = true});
        const bool says = corrected.method.find("Yates") != std::string_view::npos;
        CHECK(says == (corrected.statistic != plain.statistic));
        CHECK(says == (test != &wide));
        const stats::contingency_result g = stats::g_test(*test, {.yates = true});
        CHECK((g.method.find("Yates") != std::string_view::npos) == (test != &wide));
    }
}

TEST_CASE("a design for an effect on the side that is not looked for is refused")
{
    const auto planned = [](double effect, side alternative) {
        return stats::plan_design({.units_per_day = 1000.0,
                                   .effect = effect,
                                   .alternative = alternative,
                                   .deadline_days = 4.0})
            .state;
    };
    CHECK(planned(-0.1, side::greater) == status::out_of_range);
    CHECK(planned(0.1, side::less) == status::out_of_range);
    CHECK(planned(-0.1, side::less) == status::ok);
    CHECK(planned(-0.1, side::two) == status::ok);
    CHECK(std::isnan(
        stats::sample_size(stats::mean_design{.effect = -0.1, .alternative = side::greater}, 0.8)));
    CHECK(
        std::isnan(stats::sample_size(stats::paired_design{.effect = 0.1, .alternative = side::less}, 0.8)));
    CHECK(std::isnan(stats::sample_size(
        stats::proportion_design{.first = 0.1, .second = 0.2, .alternative = side::greater}, 0.8)));
}

TEST_CASE("counts whose sum is 2^64 are counts")
{
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    const stats::test_result even = stats::mcnemar(half, half, {.p_value = stats::mcnemar_p::asymptotic});
    CHECK(even.state == status::ok);
    CHECK(even.p_value == 1.0);
    CHECK(even.estimate == 0.0);
    const stats::test_result odd =
        stats::mcnemar(half + (half >> 1), half >> 1, {.p_value = stats::mcnemar_p::asymptotic});
    CHECK(odd.state == status::ok);
    CHECK(odd.estimate == 0.5);
    for (const std::uint64_t b : {half, ~std::uint64_t{0}, std::uint64_t{5}}) {
        const stats::test_result huge = stats::mcnemar(b, ~std::uint64_t{0});
        CHECK(huge.state == status::ok);
        CHECK(huge.lower <= huge.estimate);
        CHECK(huge.upper >= huge.estimate);
        CHECK(huge.upper - huge.lower < 1e-8);
        CHECK(huge.p_value <= 1.0);
    }
    // Where both apply they agree.
    const stats::test_result below = stats::mcnemar(4'999'999'999'999'999U, 5'000'000'000'000'000U);
    const stats::test_result above = stats::mcnemar(5'000'000'000'000'001U, 5'000'000'000'000'000U);
    CHECK(below.lower == Approx(-above.upper).margin(1e-15));
    CHECK(below.upper == Approx(-above.lower).margin(1e-15));
    const stats::sign_test_result signs = stats::sign_test(half, half, half);
    CHECK(signs.state == status::ok);
    CHECK(signs.estimate == 0.0);
}

TEST_CASE("overlap with ties past the shorter list is the mean over orders, or the published variant a")
{
    // a | {a, b, c}: with a first the lists agree at every depth; with a second, at half of the second depth and a third of
    // each later one; with a third, at a third from there on. At p = 1/2: 1, 5/24, 1/12.
    using item = quality::scored_item<int>;
    const std::vector<item> shorter{{1, 1.0}}, tied{{1, 1.0}, {2, 1.0}, {3, 1.0}};
    CHECK(quality::rank_biased_overlap(shorter, tied, {.p = 0.5}).extrapolated ==
          Approx((1.0 + 5.0 / 24.0 + 1.0 / 12.0) / 3.0).epsilon(1e-14));
    CHECK(quality::rank_biased_overlap(tied, shorter, {.p = 0.5}).extrapolated ==
          Approx((1.0 + 5.0 / 24.0 + 1.0 / 12.0) / 3.0).epsilon(1e-14));

    // Rows of the values that Corsi and Urbano publish with their paper (variant a: ext, min).
    struct row {
        const char *first, *second;
        double p, extrapolated, lower;
    };
    const auto parsed = [](const char* text) {
        std::vector<item> list;
        double score = 0.0;
        bool grouped = false;
        for (const char* at = text; *at != '\0'; ++at) {
            if (*at >= '0' && *at <= '9') {
                int id = 0;
                for (; *at >= '0' && *at <= '9'; ++at) {
                    id = 10 * id + (*at - '0');
                }
                list.push_back({id, score});
                --at;
            } else if (*at == ' ' && !grouped) {
                score -= 1.0;
            }
            grouped = *at == '(' || (grouped && *at != ')');
        }
        return list;
    };
    for (const row& r :
         {row{"(i5 i9 i13 i15 i16 i19 i20) (i3 i8)", "i6 (i4 i18) i2 i7 i8 i17 i14 (i11 i12) i1",
              0.958074765324023, 0.0808189832771587, 0.0354671825076603},
          row{"i13 (i1 i4 i5 i6)", "i3 i14 i11 (i10 i15) i12 (i6 i9) i4 i2", 0.92238320668128,
              0.114619469221414, 0.0733545052121218},
          row{"i13 i4 (i1 i2 i5 i6)", "i11 i14 i1 (i5 i6) (i3 i12) i8", 0.936646766367491, 0.400042334962327,
              0.19648716951006},
          row{"(i4 i7 i15) (i2 i11) i8 i18", "i4 i8 i17 i11 (i2 i3 i5 i7 i9 i13 i14)", 0.955836875418683,
              0.584235464666522, 0.295503371358027},
          row{"(i3 i5 i6 i8 i9)", "(i1 i6) (i8 i10) i11 i2 (i3 i4)", 0.946588158477176, 0.456505385192971,
              0.207870074991659},
          row{"(i1 i3 i6 i11 i15) i17 (i5 i8)", "(i1 i2 i3 i4 i5 i6 i7 i8 i9 i10 i11 i12)", 0.966485585840186,
              0.56593642947334, 0.250532359019861},
          row{"i18 i15 i16 i1 (i2 i4 i5 i6)", "i19 i11 (i8 i17) i3 i5 i14 i10 i13 (i4 i7)", 0.970640709936448,
              0.174778468784289, 0.0665492473059665},
          row{"(i2 i4 i5) (i9 i11)", "i7 (i1 i2 i3 i4 i5)", 0.945785260564493, 0.510040933443038,
              0.223885712864094}}) {
        const quality::overlap got = quality::rank_biased_overlap(
            parsed(r.first), parsed(r.second), {.p = r.p, .unseen = quality::unseen_overlap::corsi_urbano});
        CHECK(got.extrapolated == Approx(r.extrapolated).epsilon(1e-12));
        CHECK(got.lower == Approx(r.lower).epsilon(1e-12));
        const quality::overlap turned = quality::rank_biased_overlap(
            parsed(r.second), parsed(r.first), {.p = r.p, .unseen = quality::unseen_overlap::corsi_urbano});
        CHECK(turned.extrapolated == Approx(r.extrapolated).epsilon(1e-12));
        CHECK(quality::rank_biased_overlap(parsed(r.first), parsed(r.second), {.p = r.p}).extrapolated >=
              got.extrapolated * (1.0 - 1e-12));
    }
}
