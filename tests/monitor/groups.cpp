// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/four_fifths.hpp>
#include <joust/monitor/group_frame.hpp>
#include <joust/monitor/group_thresholds.hpp>
#include <joust/monitor/group_watch.hpp>
#include <joust/monitor/parity_conflict.hpp>
#include <joust/monitor/reweighing.hpp>
#include <joust/store/csv.hpp>
#include <joust/store/snapshot.hpp>

#include "catch.hpp"

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace fair = joust::fairness;
using fair::group_rate;
using joust::status;
using joust::quality::confusion;

namespace {

std::string resume_data()
{
    std::ifstream file{JOUST_SOURCE_DIR "/examples/data/resume_ab_min.csv"};
    REQUIRE(file);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

const fair::group_value& value_of(const std::vector<fair::group_value>& rows, std::string_view group)
{
    for (const fair::group_value& row : rows) {
        if (row.group == group) {
            return row;
        }
    }
    throw std::out_of_range{std::string{group}};
}

}  // namespace

TEST_CASE("rates by group, their differences and ratios are those of the tables, for any number of groups")
{
    fair::group_frame frame;
    frame.add("a", confusion::binary(80, 20, 40, 160));
    frame.add("b", confusion::binary(30, 5, 20, 45));
    frame.add("c", confusion::binary(3, 2, 1, 4));
    const std::vector<confusion> tables{confusion::binary(80, 20, 40, 160), confusion::binary(30, 5, 20, 45),
                                        confusion::binary(3, 2, 1, 4)};
    for (const fair::gap kind : {fair::gap::between_groups, fair::gap::to_overall}) {
        CHECK_THAT(frame.difference(group_rate::selection, kind).value,
                   WithinRel(fair::demographic_parity_difference(tables, kind).value, 1e-14));
        CHECK_THAT(frame.ratio(group_rate::recall, kind).value,
                   WithinRel(fair::equal_opportunity_ratio(tables, kind).value, 1e-14));
        CHECK_THAT(frame.equalized_odds_difference(kind).value,
                   WithinRel(fair::equalized_odds_difference_worst(tables, kind).value, 1e-14));
    }
    const auto gap = frame.difference(group_rate::accuracy);
    CHECK(gap.lowest == "c");
    CHECK(gap.lower <= gap.value);
    CHECK(gap.value <= gap.upper);
    CHECK(frame.by_group(group_rate::selection).size() == 3);
    CHECK(frame.overall(group_rate::selection).part == 140);
    CHECK_THROWS_AS(frame.add("d", confusion{3}), joust::configuration_error);
    CHECK_THROWS_AS(fair::group_frame{0.0}, joust::configuration_error);
    CHECK(fair::group_frame{}.difference(group_rate::selection).state == status::too_few);
}

TEST_CASE(
    "a group without the rows of a rate is left out and named by its state, and no gap is made of one group")
{
    fair::group_frame frame;
    frame.add("a", confusion::binary(10, 5, 5, 20));
    frame.add("b", confusion::binary(8, 5, 7, 20));
    frame.add("tiny", false, true);
    CHECK(value_of(frame.by_group(group_rate::recall), "tiny").state == status::too_few);
    CHECK(frame.difference(group_rate::recall).state == status::ok);
    CHECK(frame.difference(group_rate::recall).left_out == 1);
    fair::group_frame none;
    none.add("a", false);
    none.add("b", false);
    CHECK(none.ratio(group_rate::selection).state == status::zero_variance);
    CHECK(none.difference(group_rate::selection).value == 0.0);
    CHECK(none.difference(group_rate::recall).state == status::too_few);
}

TEST_CASE("intervals hold for all groups at once, and equal groups lie as far apart as chance makes them")
{
    // The means of the gap of equal groups at a rate of 0.3, by simulation.
    struct known {
        int groups;
        int rows;
        double gap;
    };
    for (const known& each : {known{10, 50, 0.20}, known{10, 100, 0.14}, known{20, 500, 0.077}}) {
        fair::group_frame frame;
        for (int g = 0; g < each.groups; ++g) {
            for (int i = 0; i < each.rows; ++i) {
                frame.add(std::to_string(g), i < 3 * each.rows / 10);
            }
        }
        CHECK_THAT(frame.difference(group_rate::selection).by_chance, WithinRel(each.gap, 0.06));
    }
    int covered = 0;
    int proven = 0;
    constexpr int runs = 100;
    for (std::uint64_t run = 0; run < runs; ++run) {
        joust::keyed_random random{81, run};
        fair::group_frame frame;
        for (int g = 0; g < 6; ++g) {
            confusion table;
            for (int i = 0; i < 60; ++i) {
                table.add(random.coin() ? 1U : 0U, random.chance(0.3) ? 1U : 0U);
            }
            frame.add(std::to_string(g), table);
        }
        bool all = true;
        for (const fair::group_value& row : frame.by_group(group_rate::selection)) {
            all = all && row.lower <= 0.3 && 0.3 <= row.upper;
        }
        covered += all ? 1 : 0;
        proven += frame.difference(group_rate::selection).lower > 0.0 ? 1 : 0;
    }
    CHECK(covered >= 92);
    CHECK(proven <= 8);
}

TEST_CASE("the error rate of the four-fifths rule is the sum over all tables")
{
    // Sums over all pairs of counts in exact fractions, with a ratio of exactly 0.8 not below it.
    const auto rate = [](double p, std::uint64_t n) {
        return fair::chance_of_ratio_below(0.8, p, std::vector<std::uint64_t>{n, n});
    };
    CHECK_THAT(rate(0.3, 50), WithinRel(0.4566790948013752, 1e-10));
    CHECK_THAT(rate(0.3, 100), WithinRel(0.29871396993367033, 1e-10));
    CHECK_THAT(rate(0.3, 200), WithinRel(0.14414879636103572, 1e-10));
    CHECK_THAT(rate(0.1, 100), WithinRel(0.58809812983234333, 1e-10));
    // One row each: below only where one is selected and the other is not.
    CHECK_THAT(rate(0.25, 1), WithinRel(2.0 * 0.25 * 0.75, 1e-12));
    const auto three = fair::chance_of_ratio_below(0.8, 0.5, std::vector<std::uint64_t>{1, 1, 1});
    CHECK_THAT(three, WithinRel(0.75, 1e-12));
    CHECK(std::isnan(fair::chance_of_ratio_below(0.8, 0.5, std::vector<std::uint64_t>{1})));
    CHECK(std::isnan(fair::chance_of_ratio_below(0.8, 0.0, std::vector<std::uint64_t>{1, 1})));
}

TEST_CASE("call-backs in a field experiment about hiring discrimination have the published rates")
{
    const std::string data = resume_data();
    joust::csv_reader csv{data};
    fair::group_frame by_name;
    fair::group_frame crossed;
    fair::frames_by_control within;
    const std::size_t arm = csv.column("arm");
    const std::size_t call = csv.column("call");
    const std::size_t gender = csv.column("gender");
    const std::size_t city = csv.column("city");
    while (csv.next()) {
        const bool called = csv.field(call) == "1";
        by_name.add(csv.field(arm), called);
        crossed.add(csv.field(arm) + ", " + csv.field(gender), called);
        within.add(csv.field(city), csv.field(arm), called);
    }
    const auto rows = by_name.by_group(group_rate::selection);
    CHECK(value_of(rows, "cauc").part == 235);
    CHECK(value_of(rows, "afam").part == 157);
    CHECK(value_of(rows, "afam").whole == 2435);
    const auto ratio = fair::four_fifths(by_name);
    CHECK_THAT(ratio.ratio.value, WithinRel(157.0 / 235.0, 1e-14));
    CHECK(ratio.below);
    CHECK(ratio.by_chance < 0.03);
    CHECK(by_name.difference(group_rate::selection).lower > 0.0);
    CHECK(crossed.groups() == 4);
    CHECK(crossed.difference(group_rate::selection).lowest.find("afam") == 0);
    const auto levels = within.by_level();
    CHECK(levels.size() == 2);
    for (const auto& [level, frame] : levels) {
        CHECK(frame.difference(group_rate::selection).lowest == "afam");
    }
    std::string text;
    by_name.write(text, group_rate::selection);
    CHECK_THAT(text, ContainsSubstring("From afam to cauc: 3.2 %"));
}

TEST_CASE("a watch over groups is valid at every look, names the harmed group, and survives a restart")
{
    int named = 0;
    for (std::uint64_t run = 0; run < 40; ++run) {
        joust::keyed_random random{82, run};
        fair::group_watch watch{{"a", "b", "c"}};
        bool any = false;
        for (int i = 1; i <= 3000; ++i) {
            watch.add(i % 10 == 0 ? "c" : i % 2 == 0 ? "a" : "b", random.chance(0.2));
            any = any || (i % 300 == 0 && !watch.lower_by_more_than(0.0).empty());
        }
        named += any ? 1 : 0;
    }
    CHECK(named <= 4);
    joust::keyed_random random{83};
    fair::group_watch watch{{"b", "a"}};
    for (int i = 0; i < 1500; ++i) {
        watch.add("a", random.chance(0.4));
        watch.add("b", random.chance(0.25));
    }
    CHECK_FALSE(watch.add("x", true));
    CHECK(watch.unknown() == 1);
    CHECK(watch.lower_by_more_than(0.02) == std::vector<std::string>{"b"});
    CHECK(watch.below_ratio(0.8) == std::vector<std::string>{"b"});
    CHECK(watch.lower_by_more_than(0.3).empty());
    CHECK(watch.visible_gap() > 0.01);
    CHECK(watch.visible_gap() < 0.15);
    const auto saved = joust::to_snapshot(watch);
    auto restored = joust::from_snapshot<fair::group_watch>(saved);
    CHECK(restored == watch);
    restored.merge(watch);
    CHECK(restored.by_group()[0].whole == 3000);
    CHECK_THROWS_AS(restored.merge(fair::group_watch{{"a", "c"}}), joust::configuration_error);
    CHECK_THROWS_AS(fair::group_watch({"a"}), joust::configuration_error);
    CHECK_THROWS_AS(fair::group_watch({"a", "a"}), joust::configuration_error);
    CHECK_THROWS_AS(fair::group_watch({"a", "b"}, 1.0), joust::configuration_error);
}

TEST_CASE("thresholds by group are the best among all, counted out")
{
    for (std::uint64_t run = 0; run < 60; ++run) {
        joust::keyed_random random{84, run};
        std::vector<double> scores;
        std::vector<std::uint8_t> labels;
        std::vector<std::string_view> groups;
        for (int i = 0; i < 14; ++i) {
            scores.push_back(static_cast<double>(random.below(6)));
            labels.push_back(random.coin() ? 1 : 0);
            groups.push_back(i % 2 == 0 ? "a" : "b");
        }
        labels[0] = labels[1] = 1;
        const double tolerance = run % 3 == 0 ? 0.0 : 0.2;
        for (const fair::equal_rate of : {fair::equal_rate::selection, fair::equal_rate::recall}) {
            const auto found = fair::find_group_thresholds(scores, labels, groups, of, tolerance);
            REQUIRE(found.state == status::ok);
            double best = 0.0;
            double best_each = 0.0;
            double best_one = 0.0;
            for (int a = 0; a <= 6; ++a) {
                for (int b = 0; b <= 6; ++b) {
                    double right = 0.0;
                    double hits[2]{};
                    double whole[2]{};
                    for (std::size_t i = 0; i < scores.size(); ++i) {
                        const bool yes = scores[i] >= (i % 2 == 0 ? a : b);
                        right += yes == (labels[i] == 1) ? 1.0 : 0.0;
                        if (of == fair::equal_rate::selection || labels[i] == 1) {
                            whole[i % 2] += 1.0;
                            hits[i % 2] += yes ? 1.0 : 0.0;
                        }
                    }
                    best_each = std::max(best_each, right);
                    best_one = a == b ? std::max(best_one, right) : best_one;
                    if (std::abs(hits[0] / whole[0] - hits[1] / whole[1]) <= tolerance + 1e-12) {
                        best = std::max(best, right);
                    }
                }
            }
            CHECK_THAT(found.accuracy, WithinRel(best / 14.0, 1e-12));
            CHECK_THAT(found.accuracy_of_each, WithinRel(best_each / 14.0, 1e-12));
            CHECK_THAT(found.accuracy_of_one, WithinRel(best_one / 14.0, 1e-12));
            CHECK(found.gap <= tolerance + 1e-12);
        }
    }
    const std::vector<double> score{1.0};
    const std::vector<std::uint8_t> label{0};
    const std::vector<std::string_view> group{"a"};
    CHECK(fair::find_group_thresholds(score, label, group, fair::equal_rate::recall).state ==
          status::too_few);
    CHECK(fair::find_group_thresholds(score, label, {}).state == status::out_of_range);
    CHECK(fair::find_group_thresholds({}, {}, {}).state == status::too_few);
}

TEST_CASE("reweighed rows have independent groups and labels")
{
    const std::vector<std::string_view> groups{"a", "a", "a", "b", "b", "a", "b"};
    const std::vector<std::uint8_t> labels{1, 1, 0, 0, 0, 1, 1};
    const auto weights = fair::reweighing_weights(groups, labels);
    double sum = 0.0;
    double yes[2]{};
    double whole[2]{};
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::size_t g = groups[i] == "a" ? 0 : 1;
        sum += weights[i];
        whole[g] += weights[i];
        yes[g] += labels[i] == 1 ? weights[i] : 0.0;
    }
    CHECK_THAT(sum, WithinRel(7.0, 1e-12));
    CHECK_THAT(yes[0] / whole[0], WithinRel(4.0 / 7.0, 1e-12));
    CHECK_THAT(yes[1] / whole[1], WithinRel(4.0 / 7.0, 1e-12));
    CHECK(fair::reweighing_weights(groups, std::vector<std::uint8_t>{1}).empty());
}

TEST_CASE("the conflict of equal predictive values and equal error rates is stated in numbers")
{
    const std::vector<fair::named_group> groups{{"a", confusion::binary(40, 10, 10, 40)},
                                                {"b", confusion::binary(16, 4, 4, 76)}};
    const auto rows = fair::parity_conflict(groups);
    REQUIRE(rows.size() == 2);
    // Precision and recall are 0.8 in both, so that what they have is what is implied.
    for (const fair::conflict_row& row : rows) {
        CHECK_THAT(row.implied_false_positive_rate, WithinRel(row.false_positive_rate, 1e-12));
    }
    CHECK_THAT(rows[0].implied_false_positive_rate, WithinRel(0.2, 1e-12));
    CHECK_THAT(rows[1].implied_false_positive_rate, WithinRel(0.05, 1e-12));
    std::string text;
    fair::write_conflict(text, rows);
    CHECK_THAT(text, ContainsSubstring("20.0 % for a (base rate 50.0 %) and 5.0 % for b (base rate 20.0 %)"));
    CHECK(fair::parity_conflict(std::vector<fair::named_group>{{"a", confusion{}}}).empty());
}
