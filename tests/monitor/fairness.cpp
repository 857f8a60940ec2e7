// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/fairness.hpp>

#include "catch.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace fair = joust::fairness;
using joust::quality::confusion;

namespace {

// A table from true and false positives, then false and true negatives.
confusion table_of(std::uint64_t tp, std::uint64_t fp, std::uint64_t fn, std::uint64_t tn)
{
    return confusion::binary(tp, fp, fn, tn);
}

}  // namespace

TEST_CASE("a table that is not of two classes, or that has refused rows, is refused")
{
    confusion three{3};
    three.add(0, 1);
    confusion refused = table_of(10, 5, 5, 20);
    refused.add(2, 0);
    const confusion good = table_of(10, 5, 5, 20);
    for (const confusion& bad : {three, refused}) {
        const std::vector<confusion> groups{good, bad};
        CHECK(fair::demographic_parity_difference(groups).state == joust::status::out_of_range);
        CHECK(fair::demographic_parity_ratio(groups).state == joust::status::out_of_range);
        CHECK(fair::accuracy_group_min(groups).state == joust::status::out_of_range);
        CHECK(fair::selection_difference(good, bad).state == joust::status::out_of_range);
        CHECK(fair::disparate_impact(bad, good).state == joust::status::out_of_range);
    }
}

TEST_CASE("rates are read from the cells that they are named after")
{
    // Of 30 true yes 20 are found, of 70 true no 10 are not; the other group is all right.
    const std::vector<confusion> groups{table_of(20, 10, 10, 60), table_of(50, 0, 0, 50)};
    CHECK_THAT(fair::equal_opportunity_difference(groups).value, WithinRel(1.0 / 3.0, 1e-14));
    CHECK_THAT(fair::equalized_odds_difference_mean(groups).value,
               WithinRel(0.5 * (1.0 / 3.0 + 1.0 / 7.0), 1e-14));
    CHECK_THAT(fair::predictive_parity_difference(groups).value, WithinRel(1.0 / 3.0, 1e-14));
    CHECK_THAT(fair::demographic_parity_difference(groups).value, WithinRel(0.2, 1e-14));
    CHECK_THAT(fair::accuracy_difference(groups).value, WithinRel(0.2, 1e-14));
}

TEST_CASE("a group without positives has no recall, and is not called fair")
{
    const std::vector<confusion> groups{table_of(10, 5, 5, 20), table_of(0, 3, 0, 17)};
    CHECK(fair::equal_opportunity_difference(groups).state == joust::status::too_few);
    CHECK(fair::equalized_odds_difference_worst(groups).state == joust::status::too_few);
    CHECK(fair::equalized_odds_difference_mean(groups).state == joust::status::too_few);
    CHECK(fair::equalized_odds_ratio_worst(groups).state == joust::status::too_few);
    CHECK(std::isnan(fair::equal_opportunity_difference(groups).value));
    CHECK(fair::demographic_parity_difference(groups).state == joust::status::ok);
}

TEST_CASE("where no row is selected there is no ratio, and the difference is zero")
{
    const std::vector<confusion> groups{table_of(0, 0, 5, 20), table_of(0, 0, 3, 17)};
    CHECK(fair::demographic_parity_ratio(groups).state == joust::status::zero_variance);
    CHECK(fair::demographic_parity_difference(groups).value == 0.0);
}

TEST_CASE("fewer than two groups, or an empty one, cannot be compared")
{
    const std::vector<confusion> one{table_of(10, 5, 5, 20)};
    const std::vector<confusion> with_empty{table_of(10, 5, 5, 20), confusion{}};
    CHECK(fair::demographic_parity_difference({}).state == joust::status::too_few);
    CHECK(fair::accuracy_difference(one).state == joust::status::too_few);
    CHECK(fair::accuracy_group_min(one).state == joust::status::too_few);
    CHECK(fair::accuracy_difference(with_empty).state == joust::status::too_few);
}

TEST_CASE("gaps do not depend on the order of the groups")
{
    const std::vector<confusion> groups{table_of(80, 20, 40, 160), table_of(30, 5, 20, 45),
                                        table_of(3, 2, 1, 4)};
    const std::vector<confusion> turned{groups.rbegin(), groups.rend()};
    CHECK(fair::equalized_odds_difference_worst(groups).value ==
          fair::equalized_odds_difference_worst(turned).value);
    CHECK(fair::demographic_parity_ratio(groups, fair::gap::to_overall).value ==
          fair::demographic_parity_ratio(turned, fair::gap::to_overall).value);
}

TEST_CASE("the ratio of selection rates has an interval wherever both groups have rows")
{
    CHECK(fair::disparate_impact(table_of(10, 5, 5, 20), table_of(0, 0, 3, 17)).state == joust::status::ok);
    CHECK(fair::disparate_impact(table_of(0, 0, 3, 17), table_of(10, 5, 5, 20)).state == joust::status::ok);
    CHECK(fair::disparate_impact(confusion{}, confusion{}).state == joust::status::too_few);
    CHECK(fair::disparate_impact(table_of(5, 5, 0, 0), table_of(4, 6, 0, 0)).state ==
          joust::status::zero_variance);
    CHECK(fair::disparate_impact(table_of(10, 5, 5, 20), table_of(10, 5, 5, 20), 0.0).state ==
          joust::status::out_of_range);
    const auto same = fair::disparate_impact(table_of(10, 5, 5, 20), table_of(10, 5, 5, 20));
    CHECK(same.state == joust::status::ok);
    CHECK(same.estimate == 1.0);
    CHECK_THAT(same.lower * same.upper, WithinRel(1.0, 1e-14));
    CHECK(same.p_value == 1.0);
}

namespace {

fair::named_group group(std::string name, std::uint64_t rows)
{
    return {std::move(name), table_of(rows / 4, rows / 4, rows / 4, rows - 3 * (rows / 4))};
}

confusion total(const std::vector<fair::named_group>& groups)
{
    confusion sum;
    for (const auto& each : groups) {
        REQUIRE(sum.merge(each.counts));
    }
    return sum;
}

}  // namespace

TEST_CASE("small groups are merged, and nothing is dropped")
{
    const std::vector<fair::named_group> groups{group("a", 400), group("b", 12), group("c", 90),
                                                group("d", 300), group("e", 60)};
    const auto shown = fair::suppress_small_groups(groups);
    REQUIRE(shown.size() == 4);
    CHECK(shown[0].name == "a");
    CHECK(shown[1].name == "c");
    CHECK(shown[2].name == "d");
    CHECK(shown[3].name == "other (2 groups)");
    CHECK(shown[3].counts.rows() == 72);
    CHECK(total(shown) == total(groups));
}

TEST_CASE("a single small group takes the next smallest along, else the total would give it away")
{
    const std::vector<fair::named_group> groups{group("a", 400), group("b", 12), group("c", 90)};
    const auto shown = fair::suppress_small_groups(groups);
    REQUIRE(shown.size() == 2);
    CHECK(shown[0].name == "a");
    CHECK(shown[1].counts.rows() == 102);
}

TEST_CASE("several small groups that together stay small take a larger one along")
{
    const std::vector<fair::named_group> groups{group("a", 4), group("b", 8), group("c", 200),
                                                group("d", 300)};
    const auto shown = fair::suppress_small_groups(groups);
    REQUIRE(shown.size() == 2);
    CHECK(shown[0].name == "d");
    CHECK(shown[1].name == "other (3 groups)");
    CHECK(total(shown) == total(groups));
}

TEST_CASE("groups with too few events are small however many rows they have")
{
    const std::vector<fair::named_group> groups{
        group("a", 400), {"rare", table_of(2, 400, 3, 600)}, group("c", 90)};
    const auto shown = fair::suppress_small_groups(groups);
    REQUIRE(shown.size() == 2);
    CHECK(shown[0].name == "a");
}

TEST_CASE("groups that are large enough stay as they were")
{
    const std::vector<fair::named_group> groups{group("b", 90), group("a", 400)};
    CHECK(fair::suppress_small_groups(groups) == groups);
    CHECK(fair::suppress_small_groups({}).empty());
}
