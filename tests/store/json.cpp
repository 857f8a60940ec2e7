// SPDX-License-Identifier: Apache-2.0

#include <joust/store/json.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

TEST_CASE("recorded results are read from JSON lines, names once each")
{
    const joust::recorded read =
        joust::read_results(R"({"id": 17, "arm": "old", "metric": "accuracy", "value": true}
{"id": "q 2", "arm": "old", "metric": "accuracy", "value": 0.25, "note": [1, {"x": 2}]}

{"id": 17, "arm": "new", "metric": "accuracy", "value": false}
{"id": -3, "arm": "new", "metric": "loss", "value": null}
)");
    CHECK(read.ids == std::vector<std::string>{"17", "q 2"});
    CHECK(read.arms == std::vector<std::string>{"old", "new"});
    CHECK(read.metrics == std::vector<std::string>{"accuracy"});
    CHECK(read.rows == std::vector<joust::recorded::row>{{0, 0, 0, 1.0}, {1, 0, 0, 0.25}, {0, 1, 0, 0.0}});
    CHECK(read.missing == 1);
    CHECK(joust::read_results("") == joust::recorded{});
    CHECK(joust::read_results("\xEF\xBB\xBF{\"id\":1,\"arm\":\"a\",\"metric\":\"m\",\"value\":1}\r\n")
              .rows.size() == 1);
}

TEST_CASE("JSON lines without results are refused with the line and the reason")
{
    const auto message = [](std::string_view line) {
        try {
            const auto read = joust::read_results(
                "{\"id\":1,\"arm\":\"a\",\"metric\":\"m\",\"value\":1}\n\n" + std::string{line});
            return "read " + std::to_string(read.rows.size()) + " rows";
        } catch (const joust::parse_error& error) {
            return std::string{error.what()};
        }
    };
    CHECK(message("{") == "line 3: not a JSON value");
    CHECK(message("[1]") == "line 3: not a JSON object");
    CHECK(message("\xFF") == "line 3: not a JSON value");
    CHECK(message(R"({"id":1,"arm":"a","metric":"m","value":1e999})") == "line 3: not a JSON value");
    CHECK(message(R"({"arm":"a","metric":"m","value":1})") == R"(line 3: the member "id" is missing)");
    CHECK(message(R"({"id":1.5,"arm":"a","metric":"m","value":1})") ==
          R"(line 3: the member "id" is neither text nor a whole number)");
    CHECK(message(R"({"id":1,"arm":"","metric":"m","value":1})") == R"(line 3: the member "arm" is empty)");
    CHECK(message(R"({"id":1,"arm":"a","metric":"m"})") == R"(line 3: the member "value" is missing)");
    CHECK(message(R"({"id":1,"arm":"a","metric":"m","value":"1"})") ==
          R"(line 3: the member "value" is not a number)");
    CHECK(message(std::string(100'000, '[')) == "line 3: not a JSON value");
}

TEST_CASE("Google Benchmark's output is read as one model, without its aggregates")
{
    const joust::recorded read = joust::read_benchmark(R"({
  "context": {"num_cpus": 2},
  "benchmarks": [
    {"name": "serve/16", "run_name": "serve/16", "run_type": "iteration", "repetition_index": 0,
     "real_time": 1.5, "cpu_time": 1.25, "time_unit": "us"},
    {"name": "serve/16", "run_name": "serve/16", "run_type": "iteration", "repetition_index": 1,
     "real_time": 1600, "cpu_time": 1300, "time_unit": "ns"},
    {"name": "serve/16_mean", "run_name": "serve/16", "run_type": "aggregate", "real_time": 1550, "time_unit": "ns"},
    {"name": "load", "real_time": 2, "cpu_time": 2, "time_unit": "ms"},
    {"name": "broken", "run_name": "broken", "run_type": "iteration", "error_occurred": true}
  ]})",
                                                       "new");
    CHECK(read.arms == std::vector<std::string>{"new"});
    CHECK(read.metrics == std::vector<std::string>{"serve/16", "load"});
    CHECK(read.rows ==
          std::vector<joust::recorded::row>{{0, 0, 0, 1500.0}, {1, 0, 0, 1600.0}, {0, 0, 1, 2e6}});
    CHECK(read.failed == 1);
}

TEST_CASE("a file that is not benchmark output is refused with the place")
{
    const auto message = [](std::string_view text) {
        try {
            (void)joust::read_benchmark(text, "new", joust::benchmark_time::cpu);
            return std::string{"read"};
        } catch (const joust::parse_error& error) {
            return std::string{error.what()};
        }
    };
    CHECK(message("{\n\n\"benchmarks\": oops}") == "line 3: not a JSON value");
    CHECK(message("") == "line 1: not a JSON value");
    CHECK(message("[]") ==
          "the file has no list \"benchmarks\": it is not the JSON output of Google Benchmark");
    CHECK(message(R"({"benchmarks": [1]})") == "benchmark 1: not a JSON object");
    CHECK(message(R"({"benchmarks": [{}]})") == "benchmark 1: has no name");
    CHECK(message(R"({"benchmarks": [{"name": "x"}]})") == "benchmark 1: has no time");
    CHECK(message(R"({"benchmarks": [{"name": "x", "cpu_time": 1, "time_unit": "h"}]})") ==
          "benchmark 1: has a time unit other than ns, us, ms and s");
    CHECK(message(R"({"benchmarks": [{"name": "x", "cpu_time": 1e999}]})") ==
          "line 1: holds a number that no double can hold");
}
