// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/infer_schema.hpp>
#include <joust/monitor/monitor.hpp>
#include <joust/monitor/row_checks.hpp>
#include <joust/monitor/schema.hpp>
#include <joust/store/csv.hpp>

#include "catch.hpp"

#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using joust::column_kind;
using joust::schema_trouble;

namespace {

struct visit {
    double age = 0.0;
    std::optional<int> clicks{};
    std::string country{};
    double time = 0.0;
};

}  // namespace

TEST_CASE("a monitor says before traffic which columns are missing, new or of another kind")
{
    joust::monitor watch{
        joust::feature<"age">(&visit::age, joust::numeric_bins{20}),
        joust::feature<"country">(&visit::country, joust::categories{"de"}),
        joust::feature<"time">(&visit::time, joust::numeric_bins{0}),
    };
    joust::schema expected;
    expected.columns = {{.name = "age", .kind = column_kind::integer},
                        {.name = "country", .kind = column_kind::number},
                        {.name = "clicks", .kind = column_kind::integer},
                        {.name = "label", .kind = column_kind::flag, .not_in = {"serving"}}};
    const auto found = watch.check(expected);
    REQUIRE(found.size() == 4);
    CHECK(found[0].trouble == schema_trouble::changed_kind);
    CHECK(found[1].text == "the column \"country\" is text, but number in the schema");
    CHECK(found[2].trouble == schema_trouble::missing_column);
    CHECK(found[2].column == "clicks");
    CHECK(found[3].trouble == schema_trouble::new_column);
    CHECK(found[3].column == "time");
    CHECK(watch.check(expected, "training").size() == 5);
    CHECK(joust::check_schema({}, {}).empty());
}

TEST_CASE(
    "a schema is inferred from rows: kinds by all values, presence with its uncertainty, no bounds at the extremes")
{
    std::string text = "age,country,income,clicked,id\n";
    joust::keyed_random random{1};
    for (int i = 0; i < 2000; ++i) {
        text += std::to_string(18 + random.below(60)) + ',' + (random.coin() ? "de" : "fr") + ',';
        text += random.chance(0.1) ? "NA" : std::to_string(1000.0 * random.uniform());
        text += random.coin() ? ",1," : ",0,";
        text += "x" + std::to_string(i) + '\n';
    }
    joust::csv_reader csv{text};
    const joust::schema proposal = joust::infer_schema(csv);
    REQUIRE(proposal.columns.size() == 5);
    CHECK(proposal.find("age")->kind == column_kind::integer);
    CHECK(proposal.find("age")->min == 0.0);
    CHECK(proposal.find("age")->mostly == 0.99);
    CHECK(proposal.find("country")->domain == std::vector<std::string>{"de", "fr"});
    CHECK(proposal.find("income")->kind == column_kind::number);
    CHECK(proposal.find("income")->min_present < 0.9);
    CHECK(proposal.find("income")->min_present > 0.86);
    CHECK(proposal.find("clicked")->kind == column_kind::flag);
    CHECK(proposal.find("id")->domain.empty());
    CHECK(proposal.find("other") == nullptr);

    joust::column_profile profile;
    CHECK(profile.kind() == column_kind::unknown);
    for (const char* value : {"1", "2.5", "", "inf", "3"}) {
        profile.add(value);
    }
    CHECK(profile.kind() == column_kind::number);
    CHECK(profile.invalid() == 1);
    CHECK(profile.bins(2).values() == 2);
    CHECK(profile.names(1).names().size() == 1);
    profile.add("text");
    CHECK(profile.kind() == column_kind::text);
}

TEST_CASE("constraints count what they apply to, and raise an alarm beyond the rate that is tolerated")
{
    joust::row_checks<visit> checks{joust::false_alarms::every(1e6)};
    checks.add("age", joust::between(&visit::age, 0.0, 130.0), 0.99)
        .add("clicks", joust::not_missing(&visit::clicks), 0.9)
        .add("country", joust::in_set(&visit::country, std::vector<std::string>{"de", "fr"}))
        .add("time", joust::increasing(&visit::time))
        .add("clicks in de", joust::when_row([](const visit& v) { return v.country == "de"; },
                                             joust::between(&visit::clicks, 0.0, 10.0)))
        .add("same", joust::equal_to(&visit::age, [](const visit& v) { return v.age; }))
        .add("throws", [](const visit&) -> std::optional<bool> { throw std::runtime_error{"no"}; });
    CHECK_THROWS_AS(checks.add("age", joust::not_missing(&visit::age)), joust::configuration_error);
    CHECK_THROWS_AS(checks.add("mostly", joust::not_missing(&visit::age), 0.0), joust::configuration_error);
    joust::keyed_random random{2};
    double now = 0.0;
    const auto row = [&](double old, double missing) {
        visit v{.age = random.chance(old) ? 200.0 : 30.0, .country = random.coin() ? "de" : "fr"};
        v.clicks = random.chance(missing) ? std::optional<int>{} : std::optional<int>{3};
        v.time = ++now;
        return v;
    };
    for (int i = 0; i < 5000; ++i) {
        checks.see(row(0.01, 0.1));
    }
    CHECK_FALSE(checks.raised());
    for (int i = 0; i < 2000; ++i) {
        checks.see(row(0.05, 0.1));
    }
    auto report = checks.report();
    CHECK(report[0].raised_at > 5000);
    CHECK(report[0].evidence >= report[0].threshold);
    CHECK(report[1].raised_at == 0);
    CHECK(report[1].broken > 500);
    CHECK(report[4].without > 3000);
    CHECK(report[5].rows == 7000);
    CHECK(report[5].broken == 0);
    CHECK(report[6].threw == 7000);
    CHECK(report[6].raised_at == 0);
    visit bad{.age = 30.0, .country = "xx", .time = -1.0};
    checks.see(bad);
    bad.age = std::numeric_limits<double>::quiet_NaN();
    checks.see(bad);
    report = checks.report();
    CHECK(report[2].raised_at == 7001);
    CHECK(report[3].broken == 2);
    CHECK(report[0].without == 1);
    CHECK_THROWS_AS(checks.add("late", joust::not_missing(&visit::age)), joust::configuration_error);
}
