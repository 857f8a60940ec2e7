// SPDX-License-Identifier: Apache-2.0

#include <joust/report/json.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>

namespace {

nlohmann::json read(const joust::report& shown)
{
    std::string out;
    joust::write_json(shown, out);
    return nlohmann::json::parse(out);
}

}  // namespace

TEST_CASE("a JSON report names its version and keeps raw numbers")
{
    const nlohmann::json shown = read(sample::ab_test());
    CHECK(shown["joust_report"] == 1);
    CHECK(shown["name"] == "score-2026-11");
    CHECK(shown["kind"] == "ab_test");
    CHECK(shown["decision"] == "ship challenger");
    CHECK(shown["exit_code"] == 0);
    CHECK(shown["arms"][1] ==
          nlohmann::json::parse(
              R"({"model":"dnn-v2","share":0.1,"requests":1988,"failures":3,"units":499.0})"));
    CHECK(shown["metrics"][0]["estimate"] == 0.0201);
    CHECK(shown["metrics"][0]["level"] == 0.95);
    CHECK(shown["metrics"][0]["standing"] == "challenger better");
    CHECK(shown["metrics"][2]["status"] == "burn-in");
    CHECK(shown["metrics"][2]["lower"].is_null());
    CHECK(shown["latencies"][0]["p999"] == 4.1);
    // 18,012 calls are enough for the 99.9th percentile, and 1,988 are not.
    CHECK_FALSE(shown["latencies"][0].contains("too_few"));
    CHECK(shown["latencies"][1]["too_few"] == nlohmann::json::array({"p999"}));
    CHECK(shown["counts"].size() == 2);
    CHECK(shown["notes"].size() == 1);
}

TEST_CASE("a bound that does not exist is told from one that is not known")
{
    const nlohmann::json shown = read(sample::ab_test());
    CHECK(shown["metrics"][1]["lower"].is_null());
    CHECK(shown["metrics"][1]["unbounded"] == "below");
    CHECK_FALSE(shown["metrics"][2].contains("unbounded"));
    CHECK(read(sample::canary())["metrics"][0]["unbounded"] == "above");
}

TEST_CASE("an e-value beyond all doubles is still a large number")
{
    joust::report shown = sample::ab_test();
    shown.metrics[0].e_value = sample::endless;
    CHECK(read(shown)["metrics"][0]["e_value"] == std::numeric_limits<double>::max());
}

TEST_CASE("a JSON report of text from outside is valid JSON")
{
    const nlohmann::json shown = read(sample::interleaving());
    CHECK(shown["name"] ==
          "search <script>alert(\"1\")</script> & 'quoted' \xE6\xA4\x9C\xE7\xB4\xA2 \xEF\xBF\xBD");
    CHECK(shown["shares"][0]["reason"] == "<script>start</script>");
}
