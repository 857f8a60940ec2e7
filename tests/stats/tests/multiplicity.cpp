// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/best_arm.hpp>
#include <joust/stats/tests/multiplicity.hpp>

#include "stats/oracle_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

using correction = stats::multiplicity_result (*)(std::span<const double>,
                                                  const stats::multiplicity_options&);

const std::vector<double> p_values{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                                   0.0459, 0.324,  0.4262, 0.5719, 0.6528, 0.759,  1.0};

}  // namespace

TEST_CASE("reference values of the adjusted p-values")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("p_adjust")) {
        const correction how = row.name == "bonferroni"                                 ? &stats::bonferroni
                               : row.name == "holm"                                     ? &stats::holm
                               : row.name == "simes-hochberg" || row.name == "hochberg" ? &stats::hochberg
                               : row.name == "BH"                         ? &stats::benjamini_hochberg
                               : row.name == "BY" || row.name == "fdr_by" ? &stats::benjamini_yekutieli
                                                                          : nullptr;
        if (how == nullptr) {
            CHECK(row.name == "hommel");  // not offered: the row has no tolerance
            continue;
        }
        const auto p = row.numbers("p");
        const std::size_t place = static_cast<std::size_t>(std::stoul(row.field.substr(1))) - 1;
        joust_test::check_oracle(row, how(p, {}).adjusted.at(place));
        ++driven;
    }
    CHECK(driven == 105);
}

TEST_CASE("reference values of e-BH, also from logarithms")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("e_bh")) {
        const auto r = stats::e_bh(row.numbers("e"), {.alpha = row.number("alpha")});
        joust_test::check_oracle(row,
                                 row.field == "threshold" ? r.threshold : static_cast<double>(r.rejections));
        std::vector<double> logs;
        for (const double e : row.numbers("e")) {
            logs.push_back(std::log(e));
        }
        const auto from_logs = stats::e_bh_log(logs, {.alpha = row.number("alpha")});
        CHECK(from_logs.rejected == r.rejected);
        CHECK(from_logs.adjusted == r.adjusted);
        ++driven;
    }
    CHECK(driven == 2);
}

TEST_CASE("every correction rejects as its definition does, on all small cases with ties")
{
    // p-values from a coarse grid, so that ties and equalities happen; brute force by the definitions
    const double grid[] = {0.01, 0.02, 0.025, 0.05, 0.3};
    constexpr double alpha = 0.05;
    for (int code = 0; code < 5 * 5 * 5; ++code) {
        const std::vector<double> p{grid[code % 5], grid[code / 5 % 5], grid[code / 25]};
        std::vector<double> sorted = p;
        std::sort(sorted.begin(), sorted.end());
        std::size_t holm = 0, hochberg = 0, bh = 0, by = 0, single = 0;
        while (holm < 3 && sorted[holm] * (3.0 - static_cast<double>(holm)) <= alpha) {
            ++holm;
        }
        for (std::size_t k = 1; k <= 3; ++k) {
            const double rank = static_cast<double>(k);
            hochberg = sorted[k - 1] * (4.0 - rank) <= alpha ? k : hochberg;
            bh = sorted[k - 1] * (3.0 / rank) <= alpha ? k : bh;
            by = sorted[k - 1] * (3.0 * (1.0 / 3.0 + 0.5 + 1.0) / rank) <= alpha ? k : by;
            single += sorted[k - 1] * 3.0 <= alpha ? 1U : 0U;
        }
        INFO(p[0] << " " << p[1] << " " << p[2]);
        CHECK(stats::bonferroni(p).rejections == single);
        CHECK(stats::holm(p).rejections == holm);
        CHECK(stats::hochberg(p).rejections == hochberg);
        CHECK(stats::benjamini_hochberg(p).rejections == bh);
        CHECK(stats::benjamini_yekutieli(p).rejections == by);
        for (const correction how : {&stats::holm, &stats::hochberg, &stats::benjamini_hochberg}) {
            const auto r = how(p, {});
            for (std::size_t i = 0; i < 3; ++i) {
                for (std::size_t j = 0; j < 3; ++j) {
                    CHECK((p[i] > p[j] || r.adjusted[i] <= r.adjusted[j]));  // monotone; ties are equal
                }
            }
        }
    }
}

TEST_CASE("e-BH rejects the largest k by brute force")
{
    const double grid[] = {0.0, 1.0, 20.0, 30.0, 60.0};
    for (int code = 0; code < 125; ++code) {
        const std::vector<double> e{grid[code % 5], grid[code / 5 % 5], grid[code / 25]};
        std::vector<double> sorted = e;
        std::sort(sorted.rbegin(), sorted.rend());
        std::size_t k = 0;
        for (std::size_t i = 1; i <= 3; ++i) {
            k = sorted[i - 1] * 0.05 * static_cast<double>(i) >= 3.0 * (1.0 - 1e-12) ? i : k;
        }
        const auto r = stats::e_bh(e);
        CHECK(r.rejections == k);
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK((r.rejected[i] == 1) == (r.adjusted[i] <= 0.05 * (1.0 + 1e-12)));
        }
    }
    const std::vector<double> huge{1e6, -std::numeric_limits<double>::infinity()};  // logarithms
    CHECK(stats::e_bh_log(huge).rejections == 1);
}

TEST_CASE("a missing p-value counts, unless it is left out")
{
    const std::vector<double> p{0.02, missing, 0.5, missing};
    const auto counted = stats::holm(p);
    CHECK(counted.tests == 4);
    CHECK(counted.missing == 2);
    CHECK(counted.adjusted[0] == 0.08);
    CHECK(std::isnan(counted.adjusted[1]));
    CHECK(counted.rejected[1] == 0);
    CHECK(counted.rejections == 0);
    const auto left_out = stats::holm(p, {.missing = stats::missing_p::left_out});
    CHECK(left_out.tests == 2);
    CHECK(left_out.adjusted[0] == 0.04);
    CHECK(left_out.rejections == 1);
    CHECK(stats::holm(p, {.tests = 10}).adjusted[0] == 0.2);
    // counting one as missing is the same as a p-value of 1 in its place
    for (const correction how : {&stats::bonferroni, &stats::holm, &stats::hochberg,
                                 &stats::benjamini_hochberg, &stats::benjamini_yekutieli}) {
        std::vector<double> with_missing = p_values;
        with_missing.back() = missing;
        const auto with = how(p_values, {});
        const auto without = how(with_missing, {});
        for (std::size_t i = 0; i + 1 < p_values.size(); ++i) {
            CHECK(with.adjusted[i] == without.adjusted[i]);
        }
    }
}

TEST_CASE("multiplicity: edge cases give a status")
{
    const std::vector<double> none, all_missing{missing, missing}, outside{0.5, 1.5}, negative{-0.1},
        infinite{std::numeric_limits<double>::infinity()};
    CHECK(stats::holm(none).state == status::too_few);
    CHECK(stats::holm(all_missing).state == status::too_few);
    CHECK(stats::holm(outside).state == status::out_of_range);
    CHECK(stats::holm(negative).state == status::out_of_range);
    CHECK(stats::benjamini_hochberg(infinite).state == status::out_of_range);
    CHECK(stats::holm(p_values, {.alpha = 1.0}).state == status::out_of_range);
    CHECK(stats::e_bh(negative).state == status::out_of_range);
    CHECK(stats::e_bh(none).state == status::too_few);
    const std::vector<double> tiny{1e-300, 0.0};
    CHECK(stats::holm(tiny).adjusted[0] == 1e-300);
    CHECK(stats::holm(tiny).rejections == 2);
}

TEST_CASE("the best arm is named, and wrongly at most as often as promised")
{
    joust_test::engine random{23};
    int wrong = 0, decided = 0;
    constexpr int runs = 3000;
    for (int run = 0; run < runs; ++run) {
        // Arm 0 is far worse, and arms 1 to 3 are nearly tied for best, which is the worst case for the rule. Arm 3 is best.
        stats::sample_summary arms[4];
        for (std::size_t a = 0; a < 4; ++a) {
            stats::moments m;
            for (int i = 0; i < 30; ++i) {
                m.add(random.bell() + (a == 0 ? -3.0 : a == 3 ? 1e-9 : 0.0));
            }
            arms[a] = m.summary();
        }
        const auto r = stats::best_arm(arms);
        wrong += r.decided && r.best != 3 ? 1 : 0;
        decided += r.decided ? 1 : 0;
    }
    CHECK(wrong <= 189);  // 5 % of 3,000 and its 99.9 % limit
    CHECK(decided > 10);
    const stats::sample_summary clear[] = {{100, 1.0, 1.0}, {100, 2.0, 1.0}, {100, 1.2, 1.0}};
    const auto up = stats::best_arm(clear);
    CHECK(up.best == 1);
    CHECK(up.runner_up == 2);
    CHECK(up.decided);
    CHECK(up.lower > 0.0);
    CHECK(stats::best_arm(clear, {.lower_is_better = true}).best == 0);
    CHECK(stats::best_arm(std::span<const stats::sample_summary>{clear, 1}).state == status::too_few);
    const stats::sample_summary thin[] = {{100, 1.0, 1.0}, {1, 2.0, 0.0}};
    CHECK(stats::best_arm(thin).state == status::too_few);
    CHECK(std::isnan(stats::best_arm(thin).p_value));
}
