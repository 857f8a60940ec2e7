// SPDX-License-Identifier: Apache-2.0

#include "../../examples/analyze_options.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

using namespace examples;

namespace {

using words = std::vector<std::string>;

std::string complaint(const words& line)
{
    try {
        (void)parse_analyze_options(line);
    } catch (const usage_error& error) {
        return error.what();
    }
    return "no complaint";
}

}  // namespace

TEST_CASE("every option of analyze_csv is read, in any order", "[analyze]")
{
    const auto given = parse_analyze_options(
        {"--metric", "a",          "--alpha", "0.1",        "log.csv", "--metric", "b",     "--arm",
         "arm",      "--champion", "x",       "--cluster",  "c",       "--unit",   "u",     "--better",
         "down",     "--json",     "r.json",  "--markdown", "r.md",    "--html",   "r.html"});
    CHECK(given.file == "log.csv");
    CHECK(given.arm == "arm");
    CHECK(given.metrics == words{"a", "b"});
    CHECK(given.champion == "x");
    CHECK(given.cluster == "c");
    CHECK(given.unit == "u");
    CHECK(given.alpha == 0.1);
    CHECK(given.better == -1);
    CHECK(given.json == "r.json");
    CHECK(given.markdown == "r.md");
    CHECK(given.html == "r.html");
    CHECK(parse_analyze_options({"f", "--arm", "a", "--metric", "m"}).better == 0);
    CHECK(parse_analyze_options({"--help"}).help);
}

TEST_CASE("wrong usage of analyze_csv is named in one line", "[analyze]")
{
    CHECK(complaint({}) == "no file is given");
    CHECK(complaint({"f"}) == "--arm is missing: the column that says which arm an observation belongs to");
    CHECK(complaint({"f", "--arm", "a"}) == "--metric is missing: a column of numbers to compare");
    CHECK(complaint({"f", "--arm"}) == "--arm needs a value");
    CHECK(complaint({"f", "--arm", ""}) == "--arm is given an empty value");
    CHECK(complaint({"f", "--arm", "a", "--arm", "b"}) == "--arm is given twice");
    CHECK(complaint({"f", "--metric", "m", "--metric", "m"}) == "--metric m is given twice");
    CHECK(complaint({"f", "g"}) == "two files are given, f and g");
    CHECK(complaint({"f", "--colour"}) == "unknown option --colour");
    CHECK(complaint({"f", "--alpha", "5"}) == "--alpha is 5; allowed: a number above 0 and below 0.5");
    CHECK(complaint({"f", "--alpha", "x"}) == "--alpha is x; allowed: a number above 0 and below 0.5");
    CHECK(complaint({"f", "--alpha", "nan"}) == "--alpha is nan; allowed: a number above 0 and below 0.5");
    CHECK(complaint({"f", "--better", "left"}) == "--better is left; allowed: up, down");
}
