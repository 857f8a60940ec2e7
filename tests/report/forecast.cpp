// SPDX-License-Identifier: Apache-2.0

#include <joust/report/forecast_page.hpp>

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

using namespace joust;
namespace stats = joust::stats;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// What a simulation might have found; ten requests a second.
canary_forecast example()
{
    canary_forecast out;
    out.plan.guardrails = {
        {.name = "failures", .level = 0.01, .exclude = {0.005, 1.5}},
        {.name = "tail <p95>", .kind = stats::watched::latency, .level = 50.0, .exclude = {.ratio = 1.2}}};
    out.plan.stages = {{0.01}, {0.5}, {1.0}};
    out.plan.requests_per_second = 10.0;
    out.plan.longest_days = 2.0;
    out.outlook = {
        .stages = {{.share = 0.01,
                    .caught = {{0, 1'000.0, infinity, 12.5}, {1, 200.0, 300.0}},
                    .requests = 10'000.0,
                    .requests_p90 = 12'000.0,
                    .passed = 0.99,
                    .held_by = 2,
                    .units_needed = 55.9,
                    .units_there = 20.0},
                   {.share = 0.5,
                    .caught = {{0, 500.0, 900.0, 30.0}, {1, 20.0, 30.0}},
                    .requests = 4'000.0,
                    .requests_p90 = 9'000.0,
                    .passed = 1.0,
                    .held_by = 0,
                    .units_needed = 1'119.1}},
        .equal = {2, 0.99, 0.01, 14'000.0, 20'000.0, 40'000.0},
        .harmful = {{0, 0.0, 1.0, 3'000.0, 5'000.0, 9'000.0}, {1, 0.25, 0.5, infinity, infinity, infinity}},
        .first_share = 0.028,
        .rollouts = 1'000,
        .memory_bytes = 3.0 * 1024.0 * 1024.0,
        .cpu_seconds_per_day = 0.02,
        .log_bytes_per_day = 66.0 * 1024.0 * 1024.0,
        .state = status::ok};
    return out;
}

std::string written(const canary_forecast& shown, style how)
{
    std::string out;
    shown.write(out, how);
    return out;
}

bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("A canary's plan prints itself as one line and as tables")
{
    CHECK(
        written(example(), style::line) ==
        "canary plan: an equal challenger: 99.0 % shipped, 1.0 % rolled back; half are shipped within 14,000 (23 min)");
    CHECK(written(example(), style::table) ==
          R"(How rollouts end
  challenger             shipped  rolled back  half end within      80 % within      95 % within
  equal                   99.0 %        1.0 %  14,000 (23 min)  20,000 (33 min)  40,000 (67 min)
  failures +1 pp or x 2    0.0 %      100.0 %  3,000 (5.0 min)  5,000 (8.3 min)   9,000 (15 min)
  tail <p95> x 1.4        25.0 %       50.0 %  not in 2.0 days  not in 2.0 days  not in 2.0 days
Stages
  share  equal challenger: half within      90 % within  goes on  held by                  units needed  units
  1.0 %                10,000 (17 min)  12,000 (20 min)   99.0 %  least requests and time            56     20
   50 %                4,000 (6.7 min)   9,000 (15 min)  100.0 %  failures                        1,120      -
A harm that begins with a stage
  guardrail   harm          at share  80 % stopped within      95 % within  additional failures
  failures    +1 pp or x 2     1.0 %      1,000 (1.7 min)  not in 2.0 days                 12.5
  failures    +1 pp or x 2      50 %           500 (50 s)    900 (1.5 min)                 30.0
  tail <p95>  x 1.4            1.0 %           200 (20 s)       300 (30 s)                    -
  tail <p95>  x 1.4             50 %           20 (2.0 s)       30 (3.0 s)                    -
The stage of 1.0 % needs 56 of the challenger's units and can have 20; more time does not help. The first share with enough units is 2.8 %.
memory 3.00 MiB; processor time 0.0200 s a day; log 66.0 MiB a day
)");
    const std::string markdown = written(example(), style::markdown);
    CHECK(has(markdown, "**Stages**\n\n| share |"));
    CHECK(has(markdown, "more time does not help"));
    auto none = example();
    none.outlook.first_share = stats::not_a_number;
    CHECK(has(written(none, style::table), "No share has enough units"));
    none.outlook.state = status::out_of_range;
    CHECK(written(none, style::table) == "canary plan: out of range\n");
    CHECK(written(none, style::line) == "canary plan: out of range");
}

TEST_CASE("A canary's plan is a JSON object with raw numbers, where null says not within the longest time")
{
    const auto json = nlohmann::json::parse(written(example(), style::json));
    CHECK(json["joust_canary_plan"] == 1);
    CHECK(json["status"] == "ok");
    CHECK(json["units"].is_null());
    CHECK(json["guardrails"][0]["exclude"]["ratio"] == 1.5);
    CHECK(json["guardrails"][1]["kind"] == "latency");
    CHECK(json["guardrails"][1]["harm"]["increase"].is_null());
    CHECK(json["stages"][0]["caught"][0]["requests_80"] == 1'000.0);
    CHECK(json["stages"][0]["caught"][0]["requests_95"].is_null());
    CHECK(json["stages"][0]["held_by"] == "least requests and time");
    CHECK(json["stages"][0]["feasible"] == false);
    CHECK(json["stages"][1]["held_by"] == "failures");
    CHECK(json["equal"]["shipped"] == 0.99);
    CHECK_FALSE(json["equal"].contains("guardrail"));
    CHECK(json["harmful"][1]["guardrail"] == "tail <p95>");
    CHECK(json["first_share"] == 0.028);
}

TEST_CASE("A canary's plan is a page with one picture, whose text is escaped")
{
    const std::string page = html(example(), {.title = "Plan & all"});
    CHECK(has(page, "<title>Plan &amp; all</title>"));
    CHECK(has(page, "default-src 'none'"));
    CHECK(has(page, "<svg class=\"chart\""));
    CHECK(has(page, "tail &lt;p95&gt; x 1.4: 80 % stopped within 200 (20 s)"));
    CHECK_FALSE(has(page, "<p95>"));
    CHECK_FALSE(has(page, "nan"));
    CHECK(page.ends_with("</body>\n</html>\n"));
    // A guardrail that is not caught within the longest time has a line to the end, and one point.
    std::size_t points = 0;
    for (std::size_t at = page.find("<circle"); at != std::string::npos; at = page.find("<circle", at + 1)) {
        ++points;
    }
    CHECK(points == 7);
    canary_forecast refused;
    CHECK_FALSE(has(html(refused), "<svg"));
    CHECK(has(html(refused), "out of range"));
}

TEST_CASE("A forecast keeps the plan beside what it foretells")
{
    stats::planned_canary plan;
    plan.guardrails = {{.name = "failures", .level = 0.2, .exclude = {.ratio = 2.0}}};
    plan.stages = {{0.5}};
    plan.rollouts = 5;
    const canary_forecast found = forecast(plan);
    CHECK(found.outlook.state == status::ok);
    CHECK(found.plan.guardrails[0].name == "failures");
    CHECK(found.outlook.stages[0].caught[0].requests_80 < 2'000.0);
    CHECK(forecast({}).outlook.state == status::out_of_range);
}
