// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/fairness.hpp>

#include "catch.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace fair = joust::fairness;

TEST_CASE("a confusion table counts each outcome once and adds up")
{
    fair::confusion table;
    table.add(true, true);
    table.add(true, false);
    table.add(false, true);
    table.add(false, false);
    table.add(false, false);
    CHECK(table == fair::confusion{1, 1, 1, 2});
    table += table;
    CHECK(table.rows() == 10);
    CHECK(table.selected() == 4);
    CHECK(table.positives() == 4);
    CHECK(table.negatives() == 6);
    CHECK(table.correct() == 6);
}

TEST_CASE("a group without positives has no recall, and nobody calls that fair")
{
    const std::vector<fair::confusion> groups{{10, 5, 5, 20}, {0, 3, 0, 17}};
    CHECK(fair::equal_opportunity_difference(groups).state == joust::status::too_few);
    CHECK(fair::equalized_odds_difference_worst(groups).state == joust::status::too_few);
    CHECK(fair::equalized_odds_difference_mean(groups).state == joust::status::too_few);
    CHECK(fair::equalized_odds_ratio_worst(groups).state == joust::status::too_few);
    CHECK(std::isnan(fair::equal_opportunity_difference(groups).value));
    CHECK(fair::demographic_parity_difference(groups).state == joust::status::ok);
}

TEST_CASE("where nobody is selected there is no ratio, and the difference is zero")
{
    const std::vector<fair::confusion> groups{{0, 0, 5, 20}, {0, 0, 3, 17}};
    CHECK(fair::demographic_parity_ratio(groups).state == joust::status::zero_variance);
    CHECK(fair::demographic_parity_difference(groups).value == 0.0);
}

TEST_CASE("fewer than two groups, or an empty one, cannot be compared")
{
    const std::vector<fair::confusion> one{{10, 5, 5, 20}};
    const std::vector<fair::confusion> with_empty{{10, 5, 5, 20}, {}};
    CHECK(fair::demographic_parity_difference({}).state == joust::status::too_few);
    CHECK(fair::accuracy_difference(one).state == joust::status::too_few);
    CHECK(fair::accuracy_group_min(one).state == joust::status::too_few);
    CHECK(fair::accuracy_difference(with_empty).state == joust::status::too_few);
}

TEST_CASE("gaps do not depend on the order of the groups")
{
    const std::vector<fair::confusion> groups{{80, 20, 40, 160}, {30, 5, 20, 45}, {3, 2, 1, 4}};
    const std::vector<fair::confusion> turned{groups.rbegin(), groups.rend()};
    CHECK(fair::equalized_odds_difference_worst(groups).value ==
          fair::equalized_odds_difference_worst(turned).value);
    CHECK(fair::demographic_parity_ratio(groups, fair::gap::to_overall).value ==
          fair::demographic_parity_ratio(turned, fair::gap::to_overall).value);
}

TEST_CASE("the ratio of selection rates has an interval only where both groups have somebody selected")
{
    CHECK(fair::disparate_impact({10, 5, 5, 20}, {0, 0, 3, 17}).state == joust::status::too_few);
    CHECK(fair::disparate_impact({0, 0, 3, 17}, {10, 5, 5, 20}).state == joust::status::too_few);
    CHECK(fair::disparate_impact({}, {}).state == joust::status::too_few);
    CHECK(fair::disparate_impact({5, 5, 0, 0}, {4, 6, 0, 0}).state == joust::status::zero_variance);
    CHECK(fair::disparate_impact({10, 5, 5, 20}, {10, 5, 5, 20}, 0.0).state == joust::status::out_of_range);
    const auto same = fair::disparate_impact({10, 5, 5, 20}, {10, 5, 5, 20});
    CHECK(same.state == joust::status::ok);
    CHECK(same.estimate == 1.0);
    CHECK_THAT(same.lower * same.upper, WithinRel(1.0, 1e-14));
    CHECK(same.p_value == 1.0);
}

namespace {

fair::named_group group(std::string name, std::uint64_t rows)
{
    return {std::move(name), {rows / 4, rows / 4, rows / 4, rows - 3 * (rows / 4)}};
}

fair::confusion total(const std::vector<fair::named_group>& groups)
{
    fair::confusion sum;
    for (const auto& each : groups) {
        sum += each.counts;
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
    const std::vector<fair::named_group> groups{group("a", 400), {"rare", {2, 400, 3, 600}}, group("c", 90)};
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
