// SPDX-License-Identifier: Apache-2.0

#include <joust/store/file.hpp>
#include <joust/store/results_file.hpp>

#include "catch.hpp"
#include "store/temporary_file.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

using joust_test::temporary_file;

joust::results_file read(std::string_view text)
{
    const temporary_file file{"joust-results-file.txt"};
    joust::write_file(file.path, text);
    return joust::read_results_file(file.path, "mine");
}

std::string complaint(std::string_view text)
{
    try {
        (void)read(text);
    } catch (const joust::parse_error& wrong) {
        return wrong.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("a file of results is read in whichever form it has", "[results]")
{
    const joust::results_file rows = read("id,metric,value\n7,correct,1\n8,correct,\n");
    CHECK(rows.form == joust::results_format::rows);
    CHECK(rows.results.arms == std::vector<std::string>{"mine"});
    CHECK(rows.results.rows.size() == 1);
    CHECK(rows.results.missing == 1);
    const joust::results_file lines = read(
        "{\"id\":7,\"arm\":\"a\",\"metric\":\"times\",\"value\":0.5}\n{\"id\":\"x\",\"arm\":\"b\",\"metric\":\"m\",\"value\":true}\n");
    CHECK(lines.form == joust::results_format::rows);
    CHECK(lines.results.arms == std::vector<std::string>{"a", "b"});
    CHECK(lines.results.ids == std::vector<std::string>{"7", "x"});

    const joust::results_file google = read(R"({"context": {},
  "benchmarks": [{"name": "f", "run_type": "iteration", "real_time": 2.5, "cpu_time": 2, "time_unit": "us"}]})");
    CHECK(google.form == joust::results_format::google_benchmark);
    CHECK(google.results.rows.front().value == 2'500.0);

    const joust::results_file hyperfine = read(
        R"({"results": [{"command": "sort x", "mean": 0.2, "times": [0.1, 0.2, 0.3, -1], "exit_codes": [0, 0, 1, 0]}]})");
    CHECK(hyperfine.form == joust::results_format::hyperfine);
    CHECK(hyperfine.results.metrics == std::vector<std::string>{"sort x"});
    REQUIRE(hyperfine.results.rows.size() == 2);
    CHECK(hyperfine.results.rows[1].value == Catch::Approx(2e8));
    CHECK(hyperfine.results.failed == 1);
    CHECK(hyperfine.results.missing == 1);

    const joust::results_file nanobench = read(
        R"json({"results": [{"title": "hash", "name": "xx", "unit": "op", "batch": 1, "median(elapsed)": 3e-9,
      "measurements": [{"iterations": 10, "elapsed": 3e-9}, {"iterations": 11, "elapsed": 4e-9}]}]})json");
    CHECK(nanobench.form == joust::results_format::nanobench);
    CHECK(nanobench.results.metrics == std::vector<std::string>{"hash/xx"});
    CHECK(nanobench.results.rows[1].value == Catch::Approx(4.0));
}

TEST_CASE("a damaged file of results is told in one sentence with its name", "[results]")
{
    const std::string file = "joust-results-file.txt";
    CHECK(complaint("") == file + " line 1: the file is empty");
    CHECK(complaint("id,metric\n") ==
          file + " line 1: the header has no column \"value\"; its columns are id, metric");
    CHECK(complaint("id,metric,value\n1,a,x\n") ==
          file + " line 2: the column \"value\" is \"x\", which is not a number");
    CHECK(complaint("id,metric,value\n,a,1\n") == file + " line 2: the column \"id\" is missing");
    CHECK(complaint("{\"id\":1,\"metric\":\"m\"}\n") == file + " line 1: the member \"value\" is missing");
    CHECK(complaint("{\"results\":[{\"command\":\"x\",\"times\":[1,2") == file + " line 1: not a JSON value");
    CHECK(complaint("{\"results\":[{\"command\":\"x\",\"times\":[1,\n\"a\"]}]}") ==
          file + " result 1: has a time that is not a number");
    CHECK(complaint("{\"results\":[{\"times\":[1]}]}") == file + " result 1: has no command");
    CHECK(complaint("{\"results\":{\"times\":[1]}}") ==
          file + " the file has no list \"results\": it is not the JSON output of hyperfine");
    CHECK(complaint("{\"results\":[{\"name\":\"x\",\"measurements\":[{}]}]}") ==
          file + " result 1: has a measurement without the number \"elapsed\"");
    CHECK(complaint("{\"results\":[{\"times\":" + std::string(10'000, '[')).starts_with(file + " line 1: "));
}
