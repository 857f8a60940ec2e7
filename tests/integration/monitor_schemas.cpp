// SPDX-License-Identifier: Apache-2.0

#include <joust/integration/sagemaker.hpp>
#include <joust/integration/tfdv.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

using joust::column_kind;

namespace {

constexpr const char* tfdv = R"({
  "feature": [
    {"name": "age", "type": "INT", "presence": {"minFraction": 0.98, "minCount": "1"},
     "intDomain": {"min": "0", "max": "130"}, "driftComparator": {"jensenShannonDivergence": {"threshold": 0.01}},
     "shape": {"dim": [{"size": "1"}]}},
    {"name": "fare", "type": "FLOAT", "float_domain": {"min": 0, "disallow_nan": true}, "not_in_environment": ["SERVING"]},
    {"name": "company", "type": "BYTES", "domain": "company",
     "distributionConstraints": {"minDomainMass": 0.9}},
    {"name": "paid", "type": "INT", "boolDomain": {}}
  ],
  "stringDomain": [{"name": "company", "value": ["a", "b"]}],
  "defaultEnvironment": ["TRAINING", "SERVING"]
})";

constexpr const char* constraints = R"({
  "version": 0.0,
  "features": [
    {"name": "age", "inferred_type": "Integral", "completeness": 1.0, "num_constraints": {"is_non_negative": true}},
    {"name": "plan", "inferred_type": "String", "completeness": 0.97, "string_constraints": {"domains": ["x", "y"]}}
  ],
  "monitoring_config": {"evaluate_constraints": "Enabled", "domain_content_threshold": 0.1,
    "distribution_constraints": {"comparison_threshold": 0.1, "comparison_method": "Robust"}}
})";

}  // namespace

TEST_CASE("a schema of TFDV is read in both spellings, and written again with what joust does not know")
{
    joust::schema found = joust::read_tfdv_schema(tfdv);
    REQUIRE(found.columns.size() == 4);
    CHECK(found.columns[0].kind == column_kind::integer);
    CHECK(found.columns[0].min_present == 0.98);
    CHECK(found.columns[0].min == 0.0);
    CHECK(found.columns[0].max == 130.0);
    CHECK(found.columns[1].min == 0.0);
    CHECK(found.columns[1].not_in == std::vector<std::string>{"SERVING"});
    CHECK(found.columns[2].domain == std::vector<std::string>{"a", "b"});
    CHECK(found.columns[2].mostly == 0.9);
    CHECK(found.columns[3].kind == column_kind::flag);
    const nlohmann::json before = nlohmann::json::parse(tfdv);
    CHECK(nlohmann::json::parse(joust::write_tfdv_schema(found)) == before);

    found.columns[0].max = 120.0;
    found.columns.erase(found.columns.begin() + 1);
    found.columns.push_back({.name = "new", .kind = column_kind::text, .domain = {"q"}});
    const nlohmann::json after = nlohmann::json::parse(joust::write_tfdv_schema(found));
    CHECK(after["feature"][0]["intDomain"]["max"] == "120");
    CHECK(after["feature"][0]["driftComparator"] == before["feature"][0]["driftComparator"]);
    CHECK(after["feature"].size() == 4);
    CHECK(after["feature"][3]["stringDomain"]["value"][0] == "q");
    CHECK(after["defaultEnvironment"] == before["defaultEnvironment"]);
    joust::schema again = joust::read_tfdv_schema(after.dump());
    CHECK(again.columns == found.columns);
}

TEST_CASE("constraints of SageMaker are read, and written again with what joust does not know")
{
    const joust::schema found = joust::read_sagemaker_constraints(constraints);
    REQUIRE(found.columns.size() == 2);
    CHECK(found.columns[0].kind == column_kind::integer);
    CHECK(found.columns[0].min == 0.0);
    CHECK(found.columns[1].domain == std::vector<std::string>{"x", "y"});
    CHECK(found.columns[1].mostly == 0.9);
    CHECK(nlohmann::json::parse(joust::write_sagemaker_constraints(found)) ==
          nlohmann::json::parse(constraints));
    joust::schema moved = joust::read_tfdv_schema(tfdv);
    const joust::schema back = joust::read_sagemaker_constraints(joust::write_sagemaker_constraints(moved));
    CHECK(back.columns[0].min == 0.0);
    CHECK(back.columns[2].domain == moved.columns[2].domain);
}

TEST_CASE("statistics of SageMaker become the bins and the reference of an alarm")
{
    const auto found =
        joust::read_sagemaker_statistics(R"({"version": 0.0, "dataset": {"item_count": 10}, "features": [
      {"name": "age", "inferred_type": "Integral", "numerical_statistics": {"common": {"num_present": 9, "num_missing": 1},
        "mean": 3, "distribution": {"kll": {"buckets": [{"lower_bound": 0, "upper_bound": 10, "count": 4},
          {"lower_bound": 10, "upper_bound": 20, "count": 3}, {"lower_bound": 20, "upper_bound": 30, "count": 2}]}}}},
      {"name": "plan", "inferred_type": "String", "string_statistics": {"common": {"num_present": 10, "num_missing": 0},
        "distribution": {"categorical": {"buckets": [{"value": "x", "count": 7}, {"value": "y", "count": 3}]}}}},
      {"name": "none", "inferred_type": "Unknown"}]})");
    REQUIRE(found.size() == 3);
    const auto bins = found[0].bins();
    CHECK(bins.values() == 3);
    CHECK(bins.edges()[0] == 10.0);
    CHECK(found[0].reference(bins.cells(), bins.missing()) == std::vector<std::uint64_t>{4, 3, 2, 1, 0});
    CHECK(found[1].values == std::vector<std::string>{"x", "y"});
    CHECK(found[1].counts == std::vector<double>{7, 3});
    CHECK(found[2].counts.empty());
    CHECK_THROWS_AS(found[2].bins(), joust::configuration_error);
}

TEST_CASE("documents of another kind are refused in a sentence")
{
    for (const char* text :
         {"", "[]", "{}", "{\"feature\": 1}", "{\"feature\": [1]}", "{\"feature\": [{}]}",
          "{\"feature\": [{\"name\": 1}]}", "{\"feature\": [{\"name\": \"a\", \"type\": 3}]}",
          "{\"feature\": [{\"name\": \"a\", \"presence\": {\"minFraction\": \"x\"}}]}",
          "{\"feature\": [{\"name\": \"a\", \"stringDomain\": {\"value\": [1]}}]}"}) {
        CHECK_THROWS_AS(joust::read_tfdv_schema(text), joust::parse_error);
    }
    for (const char* text : {"", "[]", "{\"features\": {}}", "{\"features\": [{}]}"}) {
        CHECK_THROWS_AS(joust::read_sagemaker_constraints(text), joust::parse_error);
        CHECK_THROWS_AS(joust::read_sagemaker_statistics(text), joust::parse_error);
    }
    CHECK_THROWS_AS(
        joust::read_sagemaker_statistics(
            R"({"features": [{"name": "a", "numerical_statistics": {"distribution": {"kll": {"buckets": [
                        {"lower_bound": 5, "upper_bound": 1, "count": 2}]}}}}]})"),
        joust::parse_error);
}
