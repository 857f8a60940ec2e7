// SPDX-License-Identifier: Apache-2.0

#include <joust/store/csv.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

TEST_CASE("recorded results are read from CSV with columns in any order")
{
    const joust::recorded read = joust::read_results_csv("metric,note,id,value,arm\r\n"
                                                         "accuracy,\"a, \"\"b\"\"\nc\",1,0.5,old\r\n"
                                                         "\r\n"
                                                         "accuracy,,1,NA,new\r\n"
                                                         "accuracy,,1,nan,new\r\n"
                                                         "accuracy,,2,-1e-3,new");
    CHECK(read.ids == std::vector<std::string>{"1", "2"});
    CHECK(read.arms == std::vector<std::string>{"old", "new"});
    CHECK(read.rows == std::vector<joust::recorded::row>{{0, 0, 0, 0.5}, {1, 1, 0, -0.001}});
    CHECK(read.missing == 2);
}

TEST_CASE("CSV without results is refused with its line and the reason")
{
    const auto message = [](std::string_view text) {
        try {
            (void)joust::read_results_csv(text);
            return std::string{"read"};
        } catch (const joust::parse_error& error) {
            return std::string{error.what()};
        }
    };
    const std::string header = "id,arm,metric,value\n";
    CHECK(message("") == "line 1: a header with id, arm, metric and value is missing");
    CHECK(message("id,arm,value\n") == "line 1: the header has no column metric");
    CHECK(message("id,id,arm,metric,value\n") == "line 1: the column id is named twice in the header");
    CHECK(message(header + "1,a,m\n") == "line 2: the record has 3 fields, but the header has 4");
    CHECK(message(header + "1,a,m,1x\n") == "line 2: the value is not a number");
    CHECK(message(header + "1,a,m,1e999\n") == "line 2: the value is not a number");
    CHECK(message(header + "1,,m,1\n") == "line 2: id, arm and metric must not be empty");
    CHECK(message(header + "\"1\n2\",a,m,1\n3,a,m,\n4,a,m,x\n") == "line 5: the value is not a number");
    CHECK(message(header + "\"1,a,m,1\n") == "line 2: a quote is not closed");
    CHECK(message(header + "\"1\"x,a,m,1\n") == "line 2: there is text after a closing quote");
}
