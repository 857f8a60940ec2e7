// SPDX-License-Identifier: Apache-2.0

#include <joust/store/csv.hpp>

#include "catch.hpp"

#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

static_assert(std::is_constructible_v<joust::csv_reader, const std::string&>);
static_assert(!std::is_constructible_v<joust::csv_reader, std::string>);

namespace {

std::vector<std::vector<std::string>> records_of(std::string_view text)
{
    joust::csv_reader reader{text};
    std::vector<std::vector<std::string>> records{reader.columns()};
    while (reader.next()) {
        std::vector<std::string> fields;
        for (std::size_t i = 0; i < reader.columns().size(); ++i) {
            fields.push_back(reader.field(i));
        }
        records.push_back(fields);
    }
    return records;
}

template <class Read>
std::string message_of(Read read)
{
    try {
        read();
        return "read";
    } catch (const joust::parse_error& error) {
        return error.what();
    }
}

// Reads all fields as numbers.
std::string message_of_numbers(std::string_view text)
{
    return message_of([&] {
        joust::csv_reader reader{text, "t.csv"};
        while (reader.next()) {
            for (std::size_t i = 0; i < reader.columns().size(); ++i) {
                (void)reader.number(i);
            }
        }
    });
}

std::string message_of_results(std::string_view text)
{
    return message_of([&] { (void)joust::read_results_csv(text); });
}

}  // namespace

TEST_CASE("CSV is read with either line end, with or without a last one, and after a byte order mark")
{
    for (const std::string_view text : {"a,b\n1,x\n2,y\n", "a,b\r\n1,x\r\n2,y\r\n", "a,b\n1,x\r\n2,y",
                                        "\xEF\xBB\xBF"
                                        "a,b\n1,x\n2,y\r"}) {
        CHECK(records_of(text) == std::vector<std::vector<std::string>>{{"a", "b"}, {"1", "x"}, {"2", "y"}});
    }
    CHECK(records_of("a,b\n") == std::vector<std::vector<std::string>>{{"a", "b"}});
}

TEST_CASE("quoted fields of CSV keep commas, quotes and line ends, and lines are counted through them")
{
    joust::csv_reader reader{
        "name,\"a, b\"\n\"x,y\",\"he said \"\"no\"\"\"\n\"two\nlines\",\"\"\nlast,\"\"\"\"\n"};
    const std::size_t name = reader.column("name");
    const std::size_t second = reader.column("a, b");
    CHECK(second == 1);
    REQUIRE(reader.next());
    CHECK(reader.line() == 2);
    CHECK(reader.field(name) == "x,y");
    CHECK(reader.field(second) == "he said \"no\"");
    REQUIRE(reader.next());
    CHECK(reader.line() == 3);
    CHECK(reader.field(name) == "two\nlines");
    CHECK(reader.missing(second));
    REQUIRE(reader.next());
    CHECK(reader.line() == 5);
    CHECK(reader.field(second) == "\"");
    CHECK_FALSE(reader.next());
}

TEST_CASE("a blank line of CSV is skipped, but is an empty field where there is one column")
{
    CHECK(records_of("\n\na,b\n\n1,2\r\n\r\n") ==
          std::vector<std::vector<std::string>>{{"a", "b"}, {"1", "2"}});
    CHECK(records_of("a\n1\n\n2\n") == std::vector<std::vector<std::string>>{{"a"}, {"1"}, {""}, {"2"}});
}

TEST_CASE("a missing field of CSV is NaN as a number")
{
    joust::csv_reader reader{"number,missing\n1,NA\n -3.5e2\t,\n-inf,null\nNaN,NA\n"};
    std::vector<double> numbers;
    while (reader.next()) {
        numbers.push_back(reader.number(0));
        CHECK_FALSE(reader.missing(0));
        CHECK(reader.missing(1));
        CHECK(std::isnan(reader.number(1)));
    }
    REQUIRE(numbers.size() == 4);
    CHECK(numbers[0] == 1.0);
    CHECK(numbers[1] == -350.0);
    CHECK(numbers[2] == -HUGE_VAL);
    CHECK(std::isnan(numbers[3]));
}

TEST_CASE("errors of CSV name the file, the line and the column")
{
    CHECK(message_of_numbers("a,b\n1,2\n1\n") ==
          "t.csv line 3: the record has 1 field, but the header has 2");
    CHECK(message_of_numbers("a,b\n1,2,3\n") ==
          "t.csv line 2: the record has 3 fields, but the header has 2");
    CHECK(message_of_numbers("a,b\n1,two\n") == "t.csv line 2: column 2 (b): \"two\" is not a number");
    CHECK(message_of_numbers("a\n1\n1.5x\n") == "t.csv line 3: column 1 (a): \"1.5x\" is not a number");
    CHECK(message_of_numbers("a\n \n") == "t.csv line 2: column 1 (a): \" \" is not a number");
    CHECK(message_of_numbers("a\n1e999\n") == "t.csv line 2: column 1 (a): \"1e999\" is not a number");
    CHECK(message_of_numbers("a,b\n1,\"2\n3,4\n") == "t.csv line 2: column 2 (b): the quote is not closed");
    CHECK(message_of_numbers("a,b\n\"1\"x,2\n") ==
          "t.csv line 2: column 1 (a): there is text after the closing quote");
    CHECK(message_of_numbers("a,b\n1,2\"\n") ==
          "t.csv line 2: column 2 (b): there is a quote in a field that does not begin with a quote");
    CHECK(message_of_numbers("a,b\n1,2\r3,4\n") ==
          "t.csv line 2: a carriage return is not followed by a line feed");
    CHECK(message_of_numbers("a,\"b") == "t.csv line 1: column 2: the quote is not closed");
    CHECK(message_of_numbers("") == "t.csv line 1: the header, which names the columns, is missing");
    CHECK(message_of_numbers("\r\n\n") == "t.csv line 1: the header, which names the columns, is missing");
}

TEST_CASE("a long text in an error of CSV is cut between two characters")
{
    const std::string accents =
        "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9";
    CHECK(message_of_numbers("a\n" + accents + accents + "\n") ==
          "t.csv line 2: column 1 (a): \"" + accents + accents + "\" is not a number");
    CHECK(message_of_numbers("a\nx" + accents + accents + "\n") ==
          "t.csv line 2: column 1 (a): \"x" + accents + accents.substr(2) + "...\" is not a number");
}

TEST_CASE("a column of CSV that is absent or not unique is refused with the columns that there are")
{
    const joust::csv_reader reader{"\narm,call,,x,x\n", "t.csv"};
    CHECK(reader.column("call") == 1);
    CHECK(message_of([&] { (void)reader.column("cal"); }) ==
          "t.csv line 2: the header has no column \"cal\"; its columns are arm, call, , x, x");
    CHECK(message_of([&] { (void)reader.column("x"); }) ==
          "t.csv line 2: the header names the column \"x\" twice");
}

TEST_CASE("every cut of valid CSV is either read or refused by parse_error")
{
    const std::string text = "\xEF\xBB\xBF"
                             "a,\"b\"\"c\"\r\n1,\"x\ny\"\r\n\r\nNA,2\n";
    std::size_t read = 0;
    for (std::size_t length = 0; length <= text.size(); ++length) {
        read += message_of_numbers(std::string_view{text}.substr(0, length)) == "read" ? 1U : 0U;
        CHECK_NOTHROW(message_of_results(std::string_view{text}.substr(0, length)));
    }
    CHECK(read > 5);
}

TEST_CASE("recorded results are read from CSV with columns in any order")
{
    const joust::recorded read = joust::read_results_csv("metric,note,id,value,arm\r\n"
                                                         "accuracy,\"a, \"\"b\"\"\nc\",1,0.5,old\r\n"
                                                         "\r\n"
                                                         "accuracy,,1,NA,new\r\n"
                                                         "accuracy,,1,nan,new\r\n"
                                                         "accuracy,,1,inf,new\r\n"
                                                         "accuracy,,2,-1e-3,new");
    CHECK(read.ids == std::vector<std::string>{"1", "2"});
    CHECK(read.arms == std::vector<std::string>{"old", "new"});
    CHECK(read.rows == std::vector<joust::recorded::row>{{0, 0, 0, 0.5}, {1, 1, 0, -0.001}});
    CHECK(read.missing == 3);
}

TEST_CASE("columns of CSV that are no part of a result may have no name, or the same name")
{
    CHECK(joust::read_results_csv(",x,x,id,arm,metric,value\n0,,,1,a,m,2\n").rows.size() == 1);
}

TEST_CASE("CSV that is not a recorded result is refused with its line and the reason")
{
    const std::string header = "id,arm,metric,value\n";
    CHECK(message_of_results("") == "line 1: the header, which names the columns, is missing");
    CHECK(message_of_results("id,arm,value\n") ==
          "line 1: the header has no column \"metric\"; its columns are id, arm, value");
    CHECK(message_of_results("id,id,arm,metric,value\n") ==
          "line 1: the header names the column \"id\" twice");
    CHECK(message_of_results(header + "1,a,m\n") == "line 2: the record has 3 fields, but the header has 4");
    CHECK(message_of_results(header + "1,a,m,1x\n") == "line 2: column 4 (value): \"1x\" is not a number");
    CHECK(message_of_results(header + "1,a,m,1e999\n") ==
          "line 2: column 4 (value): \"1e999\" is not a number");
    CHECK(message_of_results(header + "1,,m,1\n") == "line 2: column 2 (arm): the field is empty");
    CHECK(message_of_results(header + "\"1\n2\",a,m,1\n3,a,m,\n4,a,m,x\n") ==
          "line 5: column 4 (value): \"x\" is not a number");
    CHECK(message_of_results(header + "\"1,a,m,1\n") == "line 2: column 1 (id): the quote is not closed");
}
