// SPDX-License-Identifier: Apache-2.0

#include "../../examples/csv.hpp"

#include "catch.hpp"

#include <cmath>
#include <string>

using examples::csv_error;
using examples::csv_table;

namespace {

std::string message_of(std::string_view text)
{
    try {
        const auto table = csv_table::parse(text, "t.csv");
        for (const std::string& column : table.columns()) {
            (void)table.numbers(column);
        }
    } catch (const csv_error& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a plain table is read with either line end and with or without a last one", "[csv]")
{
    for (const std::string_view text : {"a,b\n1,x\n2,y\n", "a,b\r\n1,x\r\n2,y\r\n", "a,b\n1,x\r\n2,y",
                                        "\xEF\xBB\xBF"
                                        "a,b\n1,x\n2,y\n"}) {
        const auto table = csv_table::parse(text);
        REQUIRE(table.rows() == 2);
        CHECK(table.columns() == std::vector<std::string>{"a", "b"});
        CHECK(table.cell(0, 0) == "1");
        CHECK(table.cell(0, 1) == "x");
        CHECK(table.cell(1, 0) == "2");
        CHECK(table.cell(1, 1) == "y");
    }
}

TEST_CASE("quotes keep commas, quotes and line ends", "[csv]")
{
    const auto table =
        csv_table::parse("name,\"a, b\"\n\"x,y\",\"he said \"\"no\"\"\"\n\"two\nlines\",\"\"\nlast,3\n");
    REQUIRE(table.rows() == 3);
    CHECK(table.column("a, b") == 1);
    CHECK(table.cell(0, 0) == "x,y");
    CHECK(table.cell(0, 1) == "he said \"no\"");
    CHECK(table.cell(1, 0) == "two\nlines");
    CHECK(table.missing(1, 1));
    CHECK(table.line(0) == 2);
    CHECK(table.line(1) == 3);
    CHECK(table.line(2) == 5);
}

TEST_CASE("missing cells are counted and become NaN, never a number", "[csv]")
{
    const auto table = csv_table::parse("a,b\n1,NA\n,2\n-3.5e2,4\n");
    CHECK(table.missing_cells() == 2);
    const auto a = table.numbers("a");
    CHECK(a.missing == 1);
    CHECK(a.values[0] == 1.0);
    CHECK(std::isnan(a.values[1]));
    CHECK(a.values[2] == -350.0);
    CHECK(table.numbers("b").missing == 1);
}

TEST_CASE("an empty line is skipped, but is a missing cell where there is one column", "[csv]")
{
    CHECK(csv_table::parse("a,b\n\n1,2\n\n").rows() == 1);
    const auto table = csv_table::parse("a\n1\n\n2\n");
    REQUIRE(table.rows() == 3);
    CHECK(table.numbers("a").missing == 1);
    CHECK(csv_table::parse("a,b\n").rows() == 0);
}

TEST_CASE("errors name the file, the line and the column", "[csv]")
{
    CHECK(message_of("a,b\n1,2\n1\n") == "t.csv line 3: 1 cell, but the header names 2 columns");
    CHECK(message_of("a,b\n1,2,3\n") == "t.csv line 2: 3 cells, but the header names 2 columns");
    CHECK(message_of("a,b\n1,two\n") == "t.csv line 2: column 2 (b): \"two\" is not a finite number");
    CHECK(message_of("a\n1\n1.5x\n") == "t.csv line 3: column 1 (a): \"1.5x\" is not a finite number");
    CHECK(message_of("a\ninf\n") == "t.csv line 2: column 1 (a): \"inf\" is not a finite number");
    CHECK(message_of("a\n1e999\n") == "t.csv line 2: column 1 (a): \"1e999\" is not a finite number");
    CHECK(message_of("a,b\n1,\"2\n3,4\n") == "t.csv line 2: column 2 (b): the quote is never closed");
    CHECK(message_of("a,b\n\"1\"x,2\n") == "t.csv line 2: column 1 (a): text after the closing quote");
    CHECK(message_of("a,b\n1,2\"\n") ==
          "t.csv line 2: column 2 (b): a quote inside a cell that does not begin with one");
    CHECK(message_of("a,b\n1,2\r3,4\n") == "t.csv line 2: a carriage return that no line feed follows");
    CHECK(message_of("a,a\n1,2\n") == "t.csv line 1: two columns are called \"a\"");
    CHECK(message_of("a,\n1,2\n") == "t.csv line 1: column 2 has no name");
    CHECK(message_of("") == "t.csv: is empty; a header line with the names of the columns is needed");
    CHECK(message_of("\n") ==
          "t.csv line 1: is empty; a header line with the names of the columns is needed");
}

TEST_CASE("an unknown column or file is named, with the columns that there are", "[csv]")
{
    const auto table = csv_table::parse("arm,call\nx,1\n", "t.csv");
    try {
        (void)table.column("cal");
        FAIL("no error");
    } catch (const csv_error& error) {
        CHECK(std::string(error.what()) == "t.csv: no column \"cal\"; its columns are arm, call");
    }
    CHECK_THROWS_AS(csv_table::read("no such file.csv"), csv_error);
}

TEST_CASE("every cut of a valid text is either read or refused, never worse", "[csv]")
{
    const std::string text = "\xEF\xBB\xBF"
                             "a,\"b\"\"c\"\r\n1,\"x\ny\"\r\n\r\nNA,2\n";
    std::size_t read = 0;
    for (std::size_t length = 0; length <= text.size(); ++length) {
        try {
            read += csv_table::parse(std::string_view(text).substr(0, length)).columns().empty() ? 0U : 1U;
        } catch (const csv_error&) {
        }
    }
    CHECK(read > 10);
}

TEST_CASE("the shipped data sets have the shape that their notice states", "[csv]")
{
    const std::string data = std::string(JOUST_SOURCE_DIR) + "/examples/data/";
    const auto letters = csv_table::read(data + "letter.csv");
    CHECK(letters.rows() == 20000);
    CHECK(letters.columns().size() == 17);
    CHECK(letters.missing_cells() == 0);
    const auto star = csv_table::read(data + "star_k.csv");
    CHECK(star.rows() == 6325);
    CHECK(star.missing_cells() == 1100);
    CHECK(star.numbers("mathk").missing == 454);
    CHECK(csv_table::read(data + "resume_ab_min.csv").rows() == 4870);
    CHECK(csv_table::read(data + "randhie_min.csv").rows() == 20190);
}
